//! `eval` and `fmt` as a user runs them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod program;

use program::{path, run, run_with};
use std::collections::BTreeSet;
use std::path::PathBuf;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");

/// A fresh file.
fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("m2ksql-commands-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

fn value(arguments: &[&str]) -> String {
    let result = run(&[&["eval", "--format", "csv"], arguments].concat());
    assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{arguments:?}");
    result.stdout.strip_prefix("value,type\n").unwrap().trim_end().to_owned()
}

#[test]
fn constants_are_computed_as_a_server_does() {
    // each recorded on a server (`../shared/ksqldb`), but for the last
    for (expression, expected) in [
        ("7 / 2", "3,INTEGER"),
        ("-7 / 2", "-3,INTEGER"),
        ("7E0 / 2", "3.5,DOUBLE"),
        ("2147483647 + 1", "-2147483648,INTEGER"),
        ("1 / 0", ",INTEGER"),
        ("1.5 * 2", "3.0,\"DECIMAL(13, 1)\""),
        ("CONCAT('a', 'b')", "ab,STRING"),
    ] {
        assert_eq!(value(&[expression]), expected, "{expression}");
    }
}

#[test]
fn rows_give_a_value_each_and_faults_are_reported_by_line() {
    let rows = file("rows.csv", "A,CITY\n1,Lyon\nx,Bonn\n3\n4,\n");
    let columns = ["--column", "A INTEGER", "--column", "CITY STRING"];
    let arguments = |expression: &'static str| {
        [&["eval", expression, "--format", "json", "--input", rows.to_str().unwrap()][..], &columns].concat()
    };
    let result = run(&arguments("A / 2"));
    assert_eq!(result.code, 1);
    let values: serde_json::Value = serde_json::from_str(&result.stdout).unwrap();
    let values: Vec<&serde_json::Value> = values.as_array().unwrap().iter().map(|row| &row["value"]).collect();
    assert_eq!(serde_json::json!(values), serde_json::json!([0, null, null, 2]));
    assert!(result.stderr.contains("E0721") && result.stderr.contains("line 3, column `A`"), "{}", result.stderr);
    // only the columns that are read matter
    assert!(!run(&arguments("LCASE(CITY)")).stderr.contains("E0721"));
}

#[test]
fn rows_of_json_by_the_schema_reach_into_structs_maps_and_arrays() {
    let schema = file(
        "schema.sql",
        "CREATE STREAM S (A STRUCT<ZIP BIGINT>, M MAP<STRING, DOUBLE>, L ARRAY<INT>, P DECIMAL(6, 2), T TIMESTAMP)
           WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON');",
    );
    let rows = r#"{"A": {"ZIP": 10115}, "M": {"k": 0.5}, "L": [7, 8], "P": 12.50, "T": 86400000}"#;
    let one = |expression: &str| {
        let arguments = ["eval", expression, "--schema", schema.to_str().unwrap(), "--input", "-", "--format", "jsonl"];
        let result = run_with(&arguments, rows);
        assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{expression}");
        result.stdout.trim_end().to_owned()
    };
    assert_eq!(one("A->ZIP + 1"), r#"{"value": 10116, "type": "BIGINT"}"#);
    assert_eq!(one("M['k']"), r#"{"value": 0.5, "type": "DOUBLE"}"#);
    assert_eq!(one("L[-1]"), r#"{"value": 8, "type": "INTEGER"}"#);
    // a persistent query of a server wrote this row; a push query breaks off
    assert_eq!(one("MAP(CAST(NULL AS STRING) := 1)"), r#"{"value": {"null": 1}, "type": "MAP<STRING, INTEGER>"}"#);
    assert_eq!(one("P * 2"), r#"{"value": 25.00, "type": "DECIMAL(17, 2)"}"#);
    assert_eq!(one("FORMAT_TIMESTAMP(T, 'yyyy-MM-dd')"), r#"{"value": "1970-01-02", "type": "STRING"}"#);
}

#[test]
fn findings_about_types_point_to_the_part() {
    let caret = |arguments: &[&str]| {
        let result = run(&[&["eval"], arguments].concat());
        assert_eq!((result.code, result.stdout.as_str()), (1, ""), "{arguments:?}");
        let lines: Vec<&str> = result.stderr.lines().collect();
        let marks = lines.iter().position(|line| line.contains('^')).expect(&result.stderr);
        let start = lines[marks].find('^').unwrap();
        let text = &lines[marks - 1][start..start + lines[marks].matches('^').count()];
        (lines[0][6..11].to_owned(), text.to_owned())
    };
    let column = ["--column", "S STRING", "--column", "A DOUBLE"];
    let at = |expression: &str| caret(&[&[expression][..], &column].concat());
    let found = |code: &str, text: &str| (code.to_owned(), text.to_owned());
    assert_eq!(at("A + (S * 2) > 1"), found("E0702", "S * 2"));
    assert_eq!(at("A > 1E0 AND LN(S) > 2E0"), found("E0704", "LN(S)"));
    assert_eq!(at("CASE WHEN A > 1 THEN 1 ELSE AA->X END"), found("E0701", "AA"));
    assert_eq!(at("A IN (1, S)"), found("E0702", "A IN (1, S)"));
    assert_eq!(at("TRANSFORM(ARRAY[A], X => -S)"), found("E0702", "-S"));
    assert_eq!(at("A + A IS NULL"), found("E0706", "A + A IS NULL"));
    assert_eq!(at("(NULL)"), found("E0709", "NULL"));
    assert_eq!(caret(&["A + 1"]), found("E0701", "A"));
}

#[test]
fn what_depends_on_the_moment_or_lacks_rows_is_refused() {
    for (arguments, code, words) in [
        (&["eval", "UNIX_TIMESTAMP()"][..], 1, "E0707"),
        (&["eval", "ROWTIME + A", "--column", "A BIGINT", "--input", "-"], 1, "--column 'ROWTIME BIGINT'"),
        (&["eval", "A + 1", "--column", "A INTEGER"], 2, "--input"),
        (&["eval", "-", "--column", "A INTEGER", "--input", "-"], 2, "standard input"),
    ] {
        let result = run(arguments);
        assert_eq!((result.code, result.stdout.as_str()), (code, ""), "{arguments:?}");
        assert!(result.stderr.contains(words), "{}", result.stderr);
    }
    let rows = file("rowtime.csv", "ROWTIME\n5\n");
    let declared = ["ROWTIME + 1", "--column", "ROWTIME BIGINT", "--input", rows.to_str().unwrap()];
    assert_eq!(value(&declared), "6,BIGINT");
    assert_eq!(run_with(&["eval", "-"], "1 +\n2\n").stdout, "value  type\n    3  INTEGER\n");
}

#[test]
fn files_are_formatted_in_place_and_checked() {
    let ugly =
        "-- what\ncreate stream a (x double) with (kafka_topic='a'); select x,y -- both\n from a;show   streams;";
    let neat = "-- what\nCREATE STREAM A (\n  X DOUBLE\n) WITH (KAFKA_TOPIC = 'a');\n\n\
                SELECT\n  X,\n  -- both\n  Y\nFROM A;\n\nshow   streams;\n";
    assert_eq!(run_with(&["fmt"], ugly).stdout, neat);
    let (one, two) = (file("one.sql", ugly), file("two.sql", neat));
    let paths = [one.to_str().unwrap(), two.to_str().unwrap()];
    let check = run(&["fmt", "--check", paths[0], paths[1]]);
    assert_eq!((check.code, check.stdout), (1, format!("{}\n", paths[0])));
    assert!(check.stderr.contains("E0415") && check.stderr.contains("1 of 2 files"), "{}", check.stderr);
    assert_eq!(std::fs::read_to_string(&one).unwrap(), ugly);
    // a file that cannot be read does not keep the others from being formatted
    let wrong = file("wrong.sql", "SELECT (;");
    let all = run(&["fmt", wrong.to_str().unwrap(), paths[0], paths[1]]);
    assert_eq!((all.code, all.stdout.as_str()), (1, ""));
    assert_eq!(std::fs::read_to_string(&wrong).unwrap(), "SELECT (;");
    assert_eq!(std::fs::read_to_string(&one).unwrap(), neat);
    let check = run(&["fmt", "--check", paths[0], paths[1]]);
    assert_eq!((check.code, check.stdout.as_str(), check.stderr.as_str()), (0, "", ""));
    let narrow = run(&["fmt", "--check", "--width", "10", paths[0]]);
    assert_eq!(narrow.code, 1);
}

/// Every text of SQL that the repository and the recordings have.
fn texts() -> Vec<String> {
    let mut texts = BTreeSet::new();
    let mut folders = vec![path("fixtures"), PathBuf::from(SHARED).join("ksqldb")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("sql") => {
                    texts.insert(text);
                }
                Some("jsonl") => texts.extend(text.lines().map(|line| {
                    let line: serde_json::Value = serde_json::from_str(line).unwrap();
                    match line["statement"].as_str() {
                        Some(statement) => statement.to_owned(),
                        None => format!("SELECT {} FROM S EMIT CHANGES;", line["expr"].as_str().unwrap()),
                    }
                })),
                Some("request") => {
                    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
                    texts.extend(body["ksql"].as_str().or(body["sql"].as_str()).map(str::to_owned));
                }
                _ => {}
            }
        }
    }
    texts.into_iter().collect()
}

#[test]
fn formatting_twice_changes_nothing() {
    if !std::path::Path::new(SHARED).exists() {
        println!("skipped: no ../shared; fixtures only");
    }
    let mut readable = 0;
    let mut all = String::new();
    let texts = texts();
    for text in &texts {
        let (mut sources, mut report) = (m2ksql::diag::Sources::new(), m2ksql::diag::Report::new());
        let source = sources.add("<test>", text.as_str());
        // some were recorded because a server refuses them
        if m2ksql::syntax::script(source, text, &mut report).is_ok() {
            readable += 1;
            all = all + text.trim_end().trim_end_matches(';') + ";\n";
        }
    }
    let once = run_with(&["fmt"], &all);
    // two recordings have comments inside of expressions, which stay where they are
    assert_eq!((once.code, once.stderr.matches("W0411").count()), (0, once.stderr.matches("[").count()));
    let again = run_with(&["fmt"], &once.stdout);
    assert_eq!(again.stdout, once.stdout);
    assert!(once.stdout != all);
    println!("{readable} of {} texts formatted", texts.len());
    assert!(readable * 10 > texts.len() * 9, "{readable} of {}", texts.len());
}
