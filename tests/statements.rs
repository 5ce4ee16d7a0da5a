//! Statements: what a real server was sent and what it echoed, comments, classification, refusals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use m2ksql::diag::{Report, Sources};
use m2ksql::schema::{Key, Kind, Relation, Type};
use m2ksql::sql::ast::{Emit, Expr, Item, Name, Script, Statement};
use m2ksql::sql::print::{self, Style};
use m2ksql::syntax;
use proptest::prelude::*;

mod trees;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");

fn read(text: &str) -> Result<Script, String> {
    let mut sources = Sources::new();
    let source = sources.add("<test>", text);
    let mut report = Report::new();
    syntax::script(source, text, &mut report).map_err(|_| {
        let lines = report.diagnostics().iter().map(|diagnostic| {
            let span = diagnostic.place.as_ref().and_then(|place| place.span.clone()).expect("a place");
            let (line, column) = sources.line_column(source, span.start);
            let help = diagnostic.help.as_ref().map(|help| format!("; help: {help}")).unwrap_or_default();
            format!("{} {line}:{column}: {}{help}", diagnostic.code.id, diagnostic.message)
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// The formatted text and the codes of warnings.
fn format(text: &str, style: Style) -> (String, Vec<&'static str>) {
    let mut sources = Sources::new();
    let source = sources.add("<test>", text);
    let mut report = Report::new();
    let script =
        syntax::faithful_script(source, text, &mut report).unwrap_or_else(|_| panic!("{:?}", report.diagnostics()));
    (print::script(&script, style), report.diagnostics().iter().map(|diagnostic| diagnostic.code.id).collect())
}

fn one(text: &str) -> Statement {
    let script = read(text).unwrap_or_else(|message| panic!("{text}\n{message}"));
    assert_eq!(script.statements.len(), 1, "{text}");
    script.statements.into_iter().next().map(|commented| commented.statement).expect("one statement")
}

fn assert_round_trip(script: &Script) {
    for style in
        [Style::default(), Style { width: 30, ..Style::default() }, Style { compact: true, ..Style::default() }]
    {
        let text = print::script(script, style);
        let mut again = read(&text).unwrap_or_else(|message| panic!("{text}\n{message}"));
        let mut script = script.clone();
        if style.compact {
            without_comments(&mut script);
            without_comments(&mut again);
        }
        assert_eq!(again, script, "{text}");
    }
}

fn without_comments(script: &mut Script) {
    script.comments.clear();
    for commented in &mut script.statements {
        commented.comments.clear();
        let query = match &mut commented.statement {
            Statement::CreateAs { query, .. } | Statement::InsertInto { query, .. } | Statement::Select(query) => query,
            _ => continue,
        };
        for item in &mut query.items {
            if let Item::Expr { comments, .. } = item {
                comments.clear();
            }
        }
    }
}

/// The JSON of a recorded HTTP message, whose body may be in chunks.
fn body(message: &[u8]) -> Vec<u8> {
    let Some(head) = message.windows(4).position(|window| window == b"\r\n\r\n") else { return Vec::new() };
    let mut rest = &message[head + 4..];
    if !String::from_utf8_lossy(&message[..head]).to_lowercase().contains("transfer-encoding: chunked") {
        return rest.to_vec();
    }
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(String::from_utf8_lossy(&rest[..end]).trim(), 16).unwrap_or(0);
        if size == 0 || rest.len() < end + 2 + size {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[(end + 4 + size).min(rest.len())..];
    }
    body
}

/// All strings under keys that hold statements.
fn statements(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| statements(item, found)),
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text)
                        if ["ksql", "sql", "statementText", "queryString", "statement"].contains(&key.as_str()) =>
                    {
                        found.push(text.to_owned());
                    }
                    _ => statements(value, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn statements_of_recorded_sessions_are_read() {
    if !std::path::Path::new(SHARED).exists() {
        return println!("skipped: no ../shared");
    }
    let refused = [
        "CREATE STREAM X AS SELECT ORDERID,, 1 AS P FROM ORDERS_RAW;",
        "CREATE STREAM X AS SELECT SIZE FROM ORDERS_RAW;",
    ];
    let mut texts = Vec::new();
    for session in ["session", "update", "busy"] {
        for entry in std::fs::read_dir(format!("{SHARED}/ksqldb/rest/{session}")).expect("a session") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "request" || extension == "response") {
                let body = body(&std::fs::read(&path).expect("a recording"));
                if let Ok(value) = serde_json::from_slice::<serde_json::Value>(&body) {
                    statements(&value, &mut texts);
                }
            }
        }
    }
    texts.sort();
    texts.dedup();
    let (mut trees, mut other, mut errors) = (0, 0, 0);
    for text in &texts {
        match read(text) {
            Ok(script) => {
                assert!(!refused.contains(&text.as_str()), "{text}");
                assert_round_trip(&script);
                for commented in &script.statements {
                    match &commented.statement {
                        Statement::Other(text) => {
                            let first = text.split_whitespace().next().unwrap_or("").to_uppercase();
                            let known = [
                                "SHOW",
                                "LIST",
                                "DESCRIBE",
                                "DROP",
                                "TERMINATE",
                                "EXPLAIN",
                                "PAUSE",
                                "RESUME",
                                "DEFINE",
                                "SELEC",
                            ];
                            let values = first == "INSERT" && text.contains(" VALUES ");
                            assert!(known.contains(&first.as_str()) || values, "{text}");
                            other += 1;
                        }
                        _ => trees += 1,
                    }
                }
            }
            Err(message) => {
                assert!(
                    refused.iter().any(|refused| text.contains(refused.trim_end_matches(';'))),
                    "{text}\n{message}"
                );
                errors += 1;
            }
        }
    }
    println!("recorded statements: {} texts, {trees} trees, {other} kept as text, {errors} refused", texts.len());
    assert!(trees > 40 && other > 20 && errors >= 2);
}

#[test]
fn the_echo_of_a_statement_has_its_expressions() {
    let sent = one("CREATE STREAM ORDERS_SCORED WITH (PARTITIONS=1) AS SELECT ORDERID, ORDERUNITS, \
                    1E0 / (1E0 + EXP(-1E1 * ORDERUNITS - 2E0)) AS P FROM ORDERS_RAW EMIT CHANGES;");
    let echoed = one(
        "CREATE STREAM ORDERS_SCORED WITH (CLEANUP_POLICY='delete', KAFKA_TOPIC='ORDERS_SCORED', PARTITIONS=1, \
                      REPLICAS=1, RETENTION_MS=604800000) AS SELECT\n  ORDERS_RAW.ORDERID ORDERID,\n  ORDERS_RAW.ORDERUNITS ORDERUNITS,\n  \
                      (1E0 / (1E0 + EXP(((-1E1 * ORDERS_RAW.ORDERUNITS) - 2E0)))) P\nFROM ORDERS_RAW ORDERS_RAW\nEMIT CHANGES;",
    );
    let (Statement::CreateAs { query: sent, .. }, Statement::CreateAs { query: echoed, with, .. }) = (sent, echoed)
    else {
        panic!("not CREATE … AS");
    };
    assert_eq!(with.len(), 5);
    assert_eq!(with[3], (Name::new("REPLICAS"), Expr::Integer(1)));
    assert_eq!(echoed.from_alias, Some(Name::new("ORDERS_RAW")));
    assert_eq!((sent.emit, echoed.emit), (Some(Emit::Changes), Some(Emit::Changes)));
    let Item::Expr { expr, alias, .. } = &echoed.items[2] else { panic!("a star") };
    assert_eq!(alias, &Some(Name::new("P")));
    let text = print::expression(expr, Style::default()).replace("ORDERS_RAW.", "");
    let Item::Expr { expr, .. } = &sent.items[2] else { panic!("a star") };
    assert_eq!(text, print::expression(expr, Style::default()));
}

#[test]
fn a_create_has_its_columns() {
    let statement = one(
        "create or replace source table if not exists t (id int primary key, `lower` double, \"Two\"\"\" varchar(10), \
         a struct<city string, `Zip` bigint array>, m map<string, decimal(10, 2)>, h array<struct<key string, value bytes>> headers, \
         h2 bytes header('k'), ts timestamp) with (kafka_topic = 't', 'partitions' = 1, wrap_single_value = true);",
    );
    let Statement::Create {
        or_replace: true,
        source: true,
        kind: Kind::Table,
        if_not_exists: true,
        name,
        columns,
        with,
    } = statement
    else {
        panic!("{statement:?}")
    };
    assert_eq!(name, Name::new("T"));
    let columns: Vec<String> =
        columns.iter().map(|column| format!("{} {} {:?}", column.name, column.ty, column.key)).collect();
    assert_eq!(
        columns,
        [
            "ID INTEGER Some(Primary)",
            "lower DOUBLE None",
            "Two\" STRING None",
            "A STRUCT<`CITY` STRING, `Zip` ARRAY<BIGINT>> None",
            "M MAP<STRING, DECIMAL(10, 2)> None",
            "H ARRAY<STRUCT<`KEY` STRING, `VALUE` BYTES>> Some(Headers)",
            "H2 BYTES Some(Header(\"k\"))",
            "TS TIMESTAMP None",
        ]
    );
    let with: Vec<String> = with.iter().map(|(name, value)| format!("{}={value:?}", name.0)).collect();
    assert_eq!(with, ["KAFKA_TOPIC=String(\"t\")", "PARTITIONS=Integer(1)", "WRAP_SINGLE_VALUE=Boolean(true)"]);
}

#[test]
fn a_number_is_no_name() {
    let Statement::Select(query) = one("SELECT 12. * -1, 1D.* FROM S") else { panic!("not a query") };
    assert!(matches!(&query.items[0], Item::Expr { expr: Expr::Chain(..), .. }));
    assert_eq!(query.items[1], Item::All(Some(Name::new("1D"))));
    for text in ["SELECT A AS 12 FROM S", "SELECT A FROM 1E5", "SELECT A->12 FROM S", "CREATE STREAM S (12 INT)"] {
        assert!(read(text).unwrap_err().contains("a name"), "{text}");
    }
}

#[test]
fn types_made_before_are_known() {
    let script =
        read("CREATE TYPE address AS STRUCT<city STRING>; CREATE STREAM s (id INT KEY, a ADDRESS, b ARRAY<address>);")
            .unwrap();
    let Statement::Create { columns, .. } = &script.statements[1].statement else { panic!("not CREATE") };
    assert_eq!(columns[0].key, Some(Key::Key));
    assert!(matches!(&columns[1].ty, Type::Struct(fields) if fields[0].name == "CITY"));
    assert_eq!(columns[2].ty, Type::Array(Box::new(columns[1].ty.clone())));
}

#[test]
fn statements_without_a_form_are_kept_as_text() {
    for text in [
        "SELECT A, COUNT(*) FROM S WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY A EMIT CHANGES",
        "CREATE STREAM J AS SELECT * FROM A INNER JOIN B WITHIN 1 HOUR ON A.ID = B.ID",
        "SELECT ADDR->* FROM S",
        "INSERT INTO S (A, B) VALUES (1, 'a;b')",
        "INSERT INTO S VALUES (1)",
        "CREATE SOURCE CONNECTOR C WITH ('a' = 'b')",
        "CREATE TYPE T AS STRUCT<A INT>",
        "SET 'auto.offset.reset' = 'earliest'",
        "DROP STREAM IF EXISTS S DELETE TOPIC",
        "ASSERT VALUES b (rowtime, id, y) VALUES (1, 1, 1E0)",
        "some nonsense with `; quoted` and 'it''s;'",
    ] {
        assert_eq!(one(&format!(" {text} ;")), Statement::Other(text.to_owned()));
    }
    assert_eq!(read("").unwrap(), Script::default());
    assert_eq!(read(";; ;\n").unwrap(), Script::default());
}

#[test]
fn queries_have_their_clauses() {
    let Statement::Select(query) =
        one("SELECT s.*, a emit, b AS `c` FROM s emit WHERE a > 1 PARTITION BY a, b + 1 EMIT FINAL LIMIT 5")
    else {
        panic!("not a query")
    };
    assert_eq!(query.items[0], Item::All(Some(Name::new("S"))));
    assert_eq!(query.from_alias, Some(Name::new("EMIT")));
    assert!(query.filter.is_some());
    assert_eq!((query.partition_by.len(), query.emit, query.limit), (2, Some(Emit::Final), Some(5)));
    let Statement::Select(query) = one("SELECT * FROM s PARTITION BY (a, b) EMIT CHANGES") else {
        panic!("not a query")
    };
    assert_eq!((query.from_alias, query.partition_by.len()), (None, 2));
    let Statement::InsertInto { name, with, query } =
        one("INSERT INTO t WITH (QUERY_ID='q') SELECT 1 AS x FROM s AS u;")
    else {
        panic!("not INSERT")
    };
    assert_eq!((name, with.len(), query.from_alias), (Name::new("T"), 1, Some(Name::new("U"))));
}

#[test]
fn comments_stay_with_what_they_are_about() {
    let text = "-- about the file\n/* and\n * more */\nSELECT -- one\n  A, -- about a\n  -- two\n  B /* about b */,\n  C -- about c\nFROM S; -- about the query\n\
                -- next\nDROP STREAM S;\n-- the end";
    let script = read(text).unwrap();
    let lines = |comments: &[String]| comments.join("|");
    assert_eq!(lines(&script.statements[0].comments), "about the file|and|more|about the query");
    assert_eq!(lines(&script.statements[1].comments), "next");
    assert_eq!(lines(&script.comments), "the end");
    let Statement::Select(query) = &script.statements[0].statement else { panic!("not a query") };
    let items: Vec<String> = query
        .items
        .iter()
        .map(|item| match item {
            Item::Expr { comments, .. } => lines(comments),
            Item::All(_) => String::new(),
        })
        .collect();
    assert_eq!(items, ["one|about a", "two|about b", "about c"]);
    assert_round_trip(&script);
}

#[test]
fn all_problems_of_a_file_are_reported() {
    let text = "SELECT 1 + FROM S;\nCREATE STREAM S (A FLOAT);\nSELECT A FROM S;\nCREATE STREAM S (A INT, a INT);\nSELECT (A FROM S;\nSELECT A";
    assert_eq!(
        read(text).unwrap_err(),
        "E0402 1:12: expected an expression, found the reserved word `FROM`; help: if `FROM` is a name here, write it in backticks: `` `FROM` ``\n\
         E0407 2:20: there is no type `FLOAT`; help: write DOUBLE\n\
         E0410 4:25: the column `A` stands twice in the list\n\
         E0403 5:8: `(` is never closed; help: add the `)` that belongs to it\n\
         E0401 6:9: expected a name, an operator, `,`, `AS` or `FROM`, found the end of the text"
    );
    for (text, expected) in [
        (
            "CREATE STREAM S (A INT) AS SELECT * FROM T;",
            "E0401 1:1: a list of columns cannot stand in a `CREATE … AS SELECT`",
        ),
        ("CREATE STREAM S A INT;", "E0401 1:17: expected `(`, `AS`, `WITH` or the end, found `A`"),
        (
            "CREATE STREAM S (A INT) WITH (KAFKA_TOPIC=t);",
            "E0401 1:43: expected a number, a string or another literal, found `t`",
        ),
        ("SELECT A FROM S LIMIT 1.5;", "E0401 1:17: expected a whole number after `LIMIT`"),
        (
            "--\nSELECT A FROM S;",
            "E0404 1:1: ksqlDB joins an empty `--` with the next line; help: write something after `--`, or remove the line",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), expected, "{text}");
    }
    for harmless in [
        "--\n\nSELECT A FROM S;",
        "--\n--\nSELECT A FROM S;",
        "--\n-- x\n--\n\nSELECT A FROM S;",
        "--\r\nSELECT A FROM S;",
    ] {
        assert!(matches!(one(harmless), Statement::Select(_)), "{harmless:?}");
    }
}

#[test]
fn statements_are_laid_out_as_a_careful_writer_would() {
    let text = "create or replace stream orders_scored with (partitions=4) as select orderid, -- the key\n address->zipcode zip, \
        1E0 / (1E0 + EXP(-1E1 * ORDERUNITS - 2E0)) AS PROBABILITY from orders_raw where orderunits > 0E0 and orderid is not null \
        partition by orderid emit changes; CREATE STREAM S (A INT KEY, `b` STRUCT<X INT, `y` STRING>) \
        WITH (KAFKA_TOPIC='a_rather_long_name_of_a_topic', VALUE_FORMAT='JSON', PARTITIONS=1, TIMESTAMP='A'); select * from s; drop stream  x";
    assert_eq!(
        print::script(&read(text).unwrap(), Style { width: 80, ..Style::default() }),
        "CREATE OR REPLACE STREAM ORDERS_SCORED WITH (PARTITIONS = 4) AS
SELECT
  -- the key
  ORDERID,
  ADDRESS->ZIPCODE AS ZIP,
  1E0 / (1E0 + EXP(-1E1 * ORDERUNITS - 2E0)) AS PROBABILITY
FROM ORDERS_RAW
WHERE ORDERUNITS > 0E0 AND ORDERID IS NOT NULL
PARTITION BY ORDERID
EMIT CHANGES;

CREATE STREAM S (
  A INTEGER KEY,
  `b` STRUCT<X INTEGER, `y` STRING>
) WITH (
  KAFKA_TOPIC = 'a_rather_long_name_of_a_topic',
  VALUE_FORMAT = 'JSON',
  PARTITIONS = 1,
  TIMESTAMP = 'A'
);

SELECT *
FROM S;

drop stream  x;
"
    );
}

#[test]
fn formatting_keeps_every_comment_and_is_idempotent() {
    let text = "--@test: a name
-- @ not a directive
-- about s
create stream s ( -- inside
  a int, -- about a
  b double) with (kafka_topic='s') -- before the end
;
select a, /* about b */ b, a -- inside an expression
  + b as c from s;
select
  a, -- about a
  b from s emit changes; -- behind
show   streams -- at the end
  ;
-- last";
    let (formatted, warnings) = format(text, Style::default());
    assert_eq!(
        formatted,
        "--@test: a name
-- @ not a directive
-- about s
-- before the end
create stream s ( -- inside
  a int, -- about a
  b double) with (kafka_topic='s');

select a, /* about b */ b, a -- inside an expression
  + b as c from s;

-- behind
SELECT
  -- about a
  A,
  B
FROM S
EMIT CHANGES;

-- at the end
show   streams;

-- last
"
    );
    assert_eq!(warnings, ["W0411", "W0411"]);
    for width in [20, 100] {
        let (formatted, _) = format(text, Style { width, ..Style::default() });
        assert_eq!(format(&formatted, Style { width, ..Style::default() }).0, formatted);
    }
}

fn relations(text: &str) -> Result<Vec<Relation>, String> {
    let mut sources = Sources::new();
    let source = sources.add("<test>", text);
    let mut report = Report::new();
    syntax::relations(source, text, &mut report).map_err(|_| {
        let lines = report.diagnostics().iter().map(|diagnostic| {
            let path = diagnostic.place.as_ref().and_then(|place| place.path.clone()).unwrap_or_default();
            format!("{} {path}: {}", diagnostic.code.id, diagnostic.message)
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// A server knows the type from another file, which the formatter does not see.
#[test]
fn a_statement_with_a_type_made_elsewhere_stays_as_it_is() {
    let text = "create stream s (a address_t, b int) with (kafka_topic='s');\nselect b from s;\n";
    let (formatted, warnings) = format(text, Style::default());
    assert_eq!(formatted, "create stream s (a address_t, b int) with (kafka_topic='s');\n\nSELECT\n  B\nFROM S;\n");
    assert_eq!(warnings, ["W0411"]);
    let (formatted, warnings) = format(&format!("create type address_t as struct<c string>; {text}"), Style::default());
    assert!(formatted.contains("\n  A STRUCT<C STRING>,\n") && warnings.is_empty(), "{formatted}");
}

#[test]
fn a_description_gives_what_its_statement_declares() {
    if !std::path::Path::new(SHARED).exists() {
        return println!("skipped: no ../shared");
    }
    let mut compared = 0;
    for name in ["16-describe", "17-describe-extended", "18-describe-keyed", "31-describe-sink"] {
        let recording = std::fs::read(format!("{SHARED}/ksqldb/rest/session/{name}.response")).expect("a recording");
        let text = String::from_utf8(body(&recording)).unwrap();
        let described = relations(&text).unwrap();
        assert_eq!(described.len(), 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let ddl = value[0]["sourceDescription"]["statement"].as_str().expect("a statement");
        if ddl.contains(" AS SELECT") {
            let columns: Vec<&str> = described[0].columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(columns, ["ORDERID", "ORDERUNITS", "P"]);
            assert!(relations(ddl).unwrap_err().starts_with("E0412"));
        } else {
            assert_eq!(relations(ddl).unwrap(), described);
            compared += 1;
        }
    }
    assert_eq!(compared, 3);
    let error =
        std::fs::read(format!("{SHARED}/ksqldb/rest/session/19-describe-unknown.response")).expect("a recording");
    assert_eq!(
        relations(&String::from_utf8(body(&error)).unwrap()).unwrap_err(),
        "E0414 : ksqlDB answered with an error: Could not find STREAM/TABLE 'NOPE' in the Metastore"
    );
}

#[test]
fn recorded_descriptions_of_every_kind_of_column_give_what_their_statements_declare() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ksqldb/descriptions.jsonl");
    let text = std::fs::read_to_string(path).expect("recordings");
    for line in text.lines() {
        let recorded: serde_json::Value = serde_json::from_str(line).unwrap();
        let described = relations(&recorded["answer"].to_string()).unwrap();
        for statement in [&recorded["statement"], &recorded["answer"][0]["sourceDescription"]["statement"]] {
            assert_eq!(relations(statement.as_str().unwrap()).unwrap(), described, "{statement}");
        }
    }
    assert_eq!(text.lines().count(), 9);
}

#[test]
fn descriptions_have_keys_headers_and_nested_types() {
    let text = r#"[{"@type":"source_descriptions","sourceDescriptions":[{"name":"T","type":"TABLE","fields":[
        {"name":"ROWTIME","schema":{"type":"BIGINT"},"type":"SYSTEM"},
        {"name":"ID","schema":{"type":"INTEGER"},"type":"KEY"},
        {"name":"H","schema":{"type":"BYTES"},"type":"HEADER","headerKey":"k"},
        {"name":"n","schema":{"type":"MAP","memberSchema":{"type":"ARRAY","memberSchema":{"type":"STRUCT","fields":[
            {"name":"d","schema":{"type":"DECIMAL","parameters":{"precision":4,"scale":2}}}]}}}}]}]}]"#;
    let relations = relations(text).unwrap();
    let columns: Vec<String> =
        relations[0].columns.iter().map(|column| format!("{} {} {:?}", column.name, column.ty, column.key)).collect();
    assert_eq!(relations[0].kind, Kind::Table);
    assert_eq!(
        columns,
        [
            "ID INTEGER Some(Primary)",
            "H BYTES Some(Header(\"k\"))",
            "n MAP<STRING, ARRAY<STRUCT<`d` DECIMAL(4, 2)>>> None"
        ]
    );
}

#[test]
fn schema_files_that_declare_nothing_are_refused() {
    for (text, expected) in [
        ("", "E0412 : no stream or table with columns is declared here"),
        ("DROP STREAM S;", "E0412 : no stream or table with columns is declared here"),
        (
            "CREATE STREAM S WITH (KAFKA_TOPIC='s');",
            "W0413 : `S` is declared without columns; ksqlDB takes them from the schema registry\nE0412 : no stream or table with columns is declared here",
        ),
        ("[{\"a\": 1,]", "E0102 : key must be a string"),
        ("[]", "E0412 : no stream or table with columns is declared here"),
        (
            "[{\"@type\":\"streams\"}]",
            "E0414 /0: expected a `sourceDescription`, found an answer of the type `streams`",
        ),
        (
            "{\"name\":\"S\",\"type\":\"STREAM\",\"fields\":[{\"name\":\"A\",\"schema\":{\"type\":\"FLOAT\"}}]}",
            "E0414 /fields/0/schema/type: there is no type `FLOAT`",
        ),
        ("{\"name\":\"S\",\"type\":\"STREAM\",\"fields\":[{\"name\":\"A\"}]}", "E0414 /fields/0: expected a `schema`"),
    ] {
        assert_eq!(relations(text).unwrap_err(), expected, "{text}");
    }
    let both = relations(
        "CREATE STREAM s (a INT); CREATE TABLE t (k INT PRIMARY KEY); CREATE OR REPLACE STREAM s (a INT, b DOUBLE); \
         CREATE STREAM IF NOT EXISTS s (c INT);",
    )
    .unwrap();
    assert_eq!(both.iter().map(|relation| relation.columns.len()).collect::<Vec<_>>(), [2, 1]);
    assert!(relations(&"[".repeat(100_000)).unwrap_err().starts_with("E0102"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_and_reading_give_the_same_script(script in trees::script()) {
        assert_round_trip(&script);
    }

    #[test]
    fn formatting_is_idempotent(script in trees::script(), width in 1usize..120) {
        let style = Style { width, ..Style::default() };
        let text = print::script(&script, style);
        prop_assert_eq!(format(&text, style).0, text);
    }

    #[test]
    fn arbitrary_statements_are_read_or_refused(
        words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..30),
        noise in "\\PC{0,40}"
    ) {
        for text in [words.join(" "), words.concat(), noise] {
            if let Ok(script) = read(&text) {
                let formatted = print::script(&script, Style::default());
                let again = read(&formatted).unwrap_or_else(|message| panic!("{text}\n{formatted}\n{message}"));
                prop_assert_eq!(print::script(&again, Style::default()), formatted);
            }
            let _ = relations(&text);
        }
    }
}

const WORDS: &[&str] = &[
    "CREATE",
    "OR",
    "REPLACE",
    "SOURCE",
    "STREAM",
    "TABLE",
    "TYPE",
    "IF NOT EXISTS",
    "S",
    "`s`",
    "(",
    ")",
    "A INT",
    "KEY",
    "PRIMARY KEY",
    "HEADERS",
    "HEADER('k')",
    "WITH",
    "WITH (A='b')",
    "AS",
    "SELECT",
    "*",
    "S.*",
    "A",
    ",",
    "FROM",
    "FROM S",
    "WHERE",
    "A > 1",
    "PARTITION BY",
    "EMIT",
    "CHANGES",
    "LIMIT 1",
    "INSERT INTO",
    "VALUES",
    "JOIN",
    "GROUP BY",
    ";",
    ";",
    "-- c\n",
    "/* c */",
    "--",
    "{",
    "[",
    "\n",
    "'",
    "CREATE STREAM S (A INT);",
    "SELECT A FROM S;",
    "CREATE STREAM S AS SELECT",
    "ADDR->*",
];
