//! Expressions brought into Score: every recorded expression of type DOUBLE must keep its value, as nodes and as the SQL
//! that is printed from them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod recording;

use m2ksql::bind::{Binding, Bindings, Importer, Shape};
use m2ksql::diag::{Report, Sources};
use m2ksql::schema::{Relation, Type};
use m2ksql::score::{Output, Score, Value};
use m2ksql::sql::ast::{Expr, Item};
use m2ksql::sql::dialect;
use m2ksql::sql::eval::{Event, Program, Value as Sql};
use m2ksql::sql::print::{self, Style};
use m2ksql::sql::{emit, legalize, plan};
use m2ksql::{opt, syntax};
use recording::{Json, Recording};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ksqldb");
const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/ksqldb");

fn read(text: &str) -> Option<Expr> {
    let source = Sources::new().add("<test>", text);
    syntax::expression(source, text, &mut Report::new()).ok()
}

struct Imported {
    score: Score,
    bindings: Vec<Binding>,
}

fn import(expr: &Expr, relation: Option<&Relation>) -> Option<Imported> {
    let (mut score, mut bindings) = (Score::new(Vec::new()), Vec::new());
    let root =
        Importer { relation, complete: relation.is_some(), score: &mut score, bindings: &mut bindings }.double(expr)?;
    score.outputs.push(Output::scalar("P", root, ""));
    assert_eq!(score.verify(), Ok(()), "{expr:?}\n{score}");
    Some(Imported { score, bindings })
}

/// The SQL that is printed from a score; `None` for a constant that is not finite, such as `1E0 / 0E0`.
fn printed(score: &Score, bindings: &[Binding]) -> Option<String> {
    let legal = legalize::legalize(score, dialect::default(), &mut Report::new()).unwrap();
    let mut report = Report::new();
    let wishes = plan::Wishes { guard: false, strict: false };
    let Ok(plan) = plan::plan(&legal, Shape::default(), dialect::default(), wishes, &mut report) else {
        assert_eq!(report.diagnostics()[0].code.id, "E0604");
        return None;
    };
    let bindings = Bindings { inputs: bindings.to_vec(), ..Bindings::default() };
    match emit::items(&plan, &legal, &bindings, dialect::default()).swap_remove(0) {
        Item::Expr { expr, .. } => Some(print::expression(&expr, Style::default())),
        other => panic!("{other:?}"),
    }
}

fn of_sql(value: &Sql, ty: &Type) -> Value {
    match (value, ty) {
        (Sql::Double(x), _) => Value::Double(*x),
        (Sql::Integer(x), Type::Double) => Value::Double(f64::from(*x)),
        (Sql::Bigint(x), Type::Double) => Value::Double(*x as f64),
        (Sql::Decimal(x), _) => Value::Double(x.to_plain_string().parse().unwrap()),
        (Sql::Integer(x), _) => Value::Bigint(i64::from(*x)),
        (Sql::Bigint(x), _) => Value::Bigint(*x),
        (Sql::String(text), _) => Value::Text(text.to_string()),
        (Sql::Boolean(truth), _) => Value::Boolean(*truth),
        _ => Value::Null,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
        (a, b) => a == b,
    }
}

/// Whether the printed expression may differ in the sign of a zero, or by rounding: what `legalize` says of its rewrites.
fn near(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => same(&Value::Double(*a), &Value::Double(*b)) || a == b,
        _ => same(a, b),
    }
}

#[test]
fn recorded_expressions_keep_their_values() {
    let mut folders = vec![(FIXTURES, &["expressions.jsonl"][..])];
    if std::path::Path::new(SHARED).exists() {
        folders.push((SHARED, &["expressions-hand.jsonl", "expressions-shapes.jsonl", "expressions-random.jsonl"]));
    } else {
        println!("skipped: no ../shared");
    }
    let event = Event { rowtime: 1_700_000_000_000, now: 1_700_000_000_001, ..Event::default() };
    let (mut doubles, mut imported, mut values) = (0, 0, 0);
    for (folder, files) in folders {
        let rows = Recording::open(folder);
        for file in files {
            for line in std::fs::read_to_string(format!("{folder}/{file}")).expect("a recording").lines() {
                let record = Json::read(line);
                let text = record.get("expr").text();
                let Some(expr) = read(text) else { continue };
                let Ok(program) = Program::compile(&expr, &rows.relation, &mut Report::new()) else { continue };
                if *program.ty() != Type::Double || program.reads_event() {
                    continue;
                }
                doubles += 1;
                let Some(Imported { score, bindings }) = import(&expr, Some(&rows.relation)) else { continue };
                imported += 1;
                let leaves: Vec<Program> = bindings
                    .iter()
                    .map(|it| Program::compile(&it.expr, &rows.relation, &mut Report::new()).expect(text))
                    .collect();
                let Some(sql) = printed(&score, &bindings) else { continue };
                let again = read(&sql).unwrap_or_else(|| panic!("{text}\n{sql}"));
                let again = Program::compile(&again, &rows.relation, &mut Report::new())
                    .unwrap_or_else(|_| panic!("{text}\n{sql}"));
                let exact = opt::optimize(&score, true).0.into_owned();
                for row in &rows.rows {
                    let expected = of_sql(&program.eval(row, &event), &Type::Double);
                    let inputs: Vec<Value> = leaves
                        .iter()
                        .zip(score.inputs())
                        .map(|(leaf, input)| of_sql(&leaf.eval(row, &event), &input.ty))
                        .collect();
                    let nodes = score.eval(&inputs)[score.outputs[0].roots[0].index()].clone();
                    assert!(same(&nodes, &expected), "{text}\n{score}\n{row:?}\n{nodes:?}, not {expected:?}");
                    let strict = exact.eval(&inputs)[exact.outputs[0].roots[0].index()].clone();
                    assert!(same(&strict, &expected), "{text}\n{exact}\n{row:?}\n{strict:?}, not {expected:?}");
                    let sql_value = of_sql(&again.eval(row, &event), &Type::Double);
                    assert!(near(&sql_value, &expected), "{text}\n{sql}\n{row:?}\n{sql_value:?}, not {expected:?}");
                    values += 1;
                }
            }
        }
    }
    println!("{imported} of {doubles} expressions of type DOUBLE are imported, {values} values");
    assert!(imported > 20 && imported * 2 > doubles, "{imported} of {doubles}");
}

#[test]
fn only_what_is_double_becomes_nodes() {
    let schema = "CREATE STREAM S (I INT, L BIGINT, X DOUBLE, Y DOUBLE, D DECIMAL(6, 2), C STRING, B BOOLEAN,
        A STRUCT<Z BIGINT>, M MAP<STRING, DOUBLE>) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON');";
    let source = Sources::new().add("<test>", schema);
    let relation = syntax::relations(source, schema, &mut Report::new()).unwrap().swap_remove(0);
    for (text, expected) in [
        // integers are divided as integers, and converted where a DOUBLE stands
        ("I / 2 + X", "CAST(I / 2 AS INTEGER) + X"),
        ("I / 2E0", "I / 2E0"),
        ("X + I / 2", "X + CAST(I / 2 AS INTEGER)"),
        ("2 * I * X", "CAST(2 * I AS INTEGER) * X"),
        ("LN(I + 1E0)", "LN(I + 1E0)"),
        ("EXP(L)", "EXP(CAST(L AS DOUBLE))"),
        ("X % 2E0 * Y", "CAST(X % 2E0 AS DOUBLE) * Y"),
        ("X * 3", "X * 3E0"),
        ("X * 0.1", "X * 1E-1"),
        ("X * D", "X * D"),
        // NULL compares false; what may be NULL by arithmetic stays as it is
        ("CASE WHEN X > 1E0 THEN Y ELSE 0E0 END", "CASE WHEN X > 1E0 THEN Y ELSE 0E0 END"),
        (
            "CASE WHEN L >= 9007199254740993 THEN 1E0 ELSE 0E0 END",
            "CASE WHEN L >= 9007199254740993 THEN 1E0 ELSE 0E0 END",
        ),
        ("1E0 + CASE WHEN X * 2E0 > 1E0 THEN Y END", "1E0 + CAST(CASE WHEN X * 2E0 > 1E0 THEN Y END AS DOUBLE)"),
        ("1E0 + CASE WHEN D > 1E0 THEN Y END", "1E0 + CAST(CASE WHEN D > 1E0 THEN Y END AS DOUBLE)"),
        ("CASE WHEN C IN ('a', 'b') THEN X ELSE Y END", "CASE WHEN C IN ('a', 'b') THEN X ELSE Y END"),
        ("CASE WHEN NOT X > 1E0 THEN 1E0 ELSE 0E0 END", "CASE WHEN NOT (X > 1E0) THEN 1E0 ELSE 0E0 END"),
        ("CASE WHEN B = TRUE THEN 1E0 ELSE 0E0 END", "CASE WHEN B = TRUE THEN 1E0 ELSE 0E0 END"),
        ("A->Z * X", "A->Z * X"),
        ("M['k'] + 1E0", "M['k'] + 1E0"),
        ("LEN(C) * X", "CAST(LEN(C) AS INTEGER) * X"),
        ("COALESCE(X, Y) - 1E0", "COALESCE(X, Y) - 1E0"),
        ("COALESCE(X * Y, 0E0) - 1E0", "CAST(COALESCE(X * Y, 0E0) AS DOUBLE) - 1E0"),
    ] {
        let expr = read(text).unwrap();
        Program::compile(&expr, &relation, &mut Report::new()).unwrap();
        let Imported { score, bindings } = import(&expr, Some(&relation)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(printed(&score, &bindings).as_deref(), Some(expected), "{text}\n{score}");
    }
    for text in ["I / 2", "ROUND(X)", "D * 2", "CASE WHEN X * 2E0 > 1E0 THEN Y END", "GREATEST(X, Y)", "X % Y", "C"] {
        assert!(import(&read(text).unwrap(), Some(&relation)).is_none(), "{text}");
    }
    // nothing is known of the columns but that they feed numbers
    for (text, expected) in
        [("LN(A + 1E0)", Some("LN(A + 1E0)")), ("A / B * 2E0", Some("CAST(A / B AS DOUBLE) * 2E0")), ("A / B", None)]
    {
        let found = import(&read(text).unwrap(), None).and_then(|it| printed(&it.score, &it.bindings));
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}
