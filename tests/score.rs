//! `score`: names, formats, faults of rows, streams.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod program;

use program::{Run, run, run_with};
use std::path::{Path, PathBuf};

const ORDERS: &str = "fixtures/orders/model.json";
/// `sigmoid(10 x + 2)` of -0.2, 0 and 1, by hand: 1/2, and `1 / (1 + e^-2)`, `1 / (1 + e^-12)` to 17 digits.
const ROWS: &str = "orderunits\n-0.2\n0\n1\n";
const RESULTS: [f64; 3] = [0.5, 0.880_797_077_977_882_4, 0.999_993_855_825_398];

fn rows(name: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("score");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

fn score(arguments: &[&str], input: &str) -> Run {
    run_with(&[&["score", ORDERS, "--input", "-"], arguments].concat(), input)
}

fn json(run: &Run) -> Vec<serde_json::Value> {
    serde_json::from_str(&run.stdout).unwrap()
}

fn close(got: &serde_json::Value, want: f64) -> bool {
    got.as_f64().is_some_and(|got| (got - want).abs() <= 1e-15)
}

#[test]
fn results_are_right_from_csv_and_from_json() {
    let lines = "{\"ORDERUNITS\": -0.2}\n\n{\"other\": 1, \"orderUnits\": 0}\n{\"orderunits\": 1.0}\n";
    for input in [ROWS, lines] {
        let result = score(&["--format", "json"], input);
        assert_eq!((result.code, result.stderr.as_str()), (0, ""));
        let found = json(&result);
        assert_eq!(found.len(), 3);
        for (row, want) in found.iter().zip(RESULTS) {
            assert!(close(&row["PROBABILITY"], want), "{row}");
        }
    }
    let file = rows("orders.csv", ROWS);
    assert_eq!(run(&["score", ORDERS, "--input", file.to_str().unwrap()]).stdout, score(&[], ROWS).stdout);
}

#[test]
fn every_format() {
    let (csv, table) =
        (score(&["--format", "csv"], "orderunits\n-0.2\n\"\"\n"), score(&[], "orderunits\n-0.2\n\"\"\n"));
    assert_eq!(csv.stdout, "PROBABILITY\n0.5\n\n");
    assert_eq!(table.stdout, "PROBABILITY\n        0.5\n       NULL\n");
    let lines = score(&["--format", "jsonl", "--select", "probability=p"], "orderunits\n-0.2\n\"\"\n");
    assert_eq!(lines.stdout, "{\"P\": 0.5}\n{\"P\": null}\n");
    let text = score(&["--format", "csv", "--nulls", "skip"], "orderunits\n\"\"\n-0.2\n");
    assert_eq!(text.stdout, "PROBABILITY\n0.5\n");
}

#[test]
fn no_rows_are_no_fault() {
    for (format, expected) in [("json", "[]\n"), ("jsonl", ""), ("csv", "PROBABILITY\n"), ("table", "PROBABILITY\n")] {
        let result = score(&["--format", format], "orderunits\n");
        assert_eq!((result.code, result.stdout.as_str(), result.stderr.as_str()), (0, expected, ""), "{format}");
    }
}

#[test]
fn names_of_the_library() {
    let result = score(&["--format", "csv", "--names", "source"], ROWS);
    assert_eq!(result.stdout.lines().next(), Some("label,probability_0,probability_1,margin"));
    let folder = "fixtures/sklearn/logreg_bin_str_iris";
    let (model, input) = (format!("{folder}/model.json"), format!("{folder}/inputs.csv"));
    let result = run(&["score", &model, "--input", &input, "--names", "source", "--format", "csv"]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert_eq!(
        result.stdout.lines().next(),
        Some("predict,predict_proba_setosa,predict_proba_versicolor,decision_function")
    );
    // what the user names keeps that name
    let named = run(&[
        "score",
        &model,
        "--input",
        &input,
        "--names",
        "source",
        "--select",
        "label=L,margin",
        "--format",
        "csv",
    ]);
    assert_eq!(named.stdout.lines().next(), Some("L,decision_function"));
}

#[test]
fn faults_of_rows_are_reported_by_line_and_the_rest_goes_on() {
    let result = score(&["--format", "csv"], "id,orderunits\n1,x\n2,-0.2\n3\n4,nan\n5,-0.2\n");
    assert_eq!((result.code, result.stdout.as_str()), (1, "PROBABILITY\n\n0.5\n\n\n0.5\n"));
    for part in [
        "error[E0721]: expected DOUBLE, found `x`",
        "line 2, column `ORDERUNITS`",
        "error[E0722]: the row has 1 fields",
        "line 4",
        "line 5",
    ] {
        assert!(result.stderr.contains(part), "{part}: {}", result.stderr);
    }
    let lines = "{\"orderunits\": -0.2}\n{\"orderunits\": \n{\"orderunits\": \"x\"}\n{}\n{\"orderunits\": null}\n";
    let result = score(&["--format", "csv"], lines);
    assert_eq!((result.code, result.stdout.as_str()), (1, "PROBABILITY\n0.5\n\n\n\n\n"));
    for part in ["E0722", "line 2", "E0721", "line 3", "warning[W0723]: `ORDERUNITS` is missing in 1 row", "line 4"] {
        assert!(result.stderr.contains(part), "{part}: {}", result.stderr);
    }
}

#[test]
fn a_column_that_is_not_there_is_refused_before_any_row() {
    let result = score(&[], "orderunit\n1\n");
    assert_eq!((result.code, result.stdout.as_str()), (1, ""));
    assert!(
        result.stderr.contains("E0720") && result.stderr.contains("did you mean `orderunit`?"),
        "{}",
        result.stderr
    );
}

#[test]
fn usage_and_files() {
    let both = run_with(&["score", "-", "--input", "-"], "");
    assert_eq!((both.code, both.stdout.as_str()), (2, ""));
    let nowhere = run(&["score", ORDERS, "--input", "no/such/rows.csv"]);
    assert_eq!((nowhere.code, nowhere.stdout.as_str()), (3, ""));
    assert!(nowhere.stderr.starts_with("error[E0801]"), "{}", nowhere.stderr);
    assert_eq!(run(&["score", ORDERS]).code, 2);
}

#[test]
fn a_schema_gives_types_and_nested_fields() {
    let schema = rows(
        "source.sql",
        "CREATE STREAM S (ID INT KEY, QTY DECIMAL(9, 2), A STRUCT<N BIGINT>) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');",
    );
    let schema = schema.to_str().unwrap();
    let decimal = score(&["--format", "csv", "--schema", schema, "--rename", "orderunits=QTY"], "QTY\n-0.20\n");
    assert_eq!((decimal.code, decimal.stdout.as_str(), decimal.stderr.as_str()), (0, "PROBABILITY\n0.5\n", ""));
    let nested = score(
        &["--format", "json", "--schema", schema, "--rename", "orderunits=A->N"],
        "{\"a\": {\"n\": 0}}\n{\"a\": null}\n{\"A\": {\"N\": 0.5}}\n",
    );
    assert_eq!(nested.code, 1);
    let found = json(&nested);
    assert!(close(&found[0]["PROBABILITY"], RESULTS[1]) && found[1]["PROBABILITY"].is_null(), "{found:?}");
    assert!(found[2]["PROBABILITY"].is_null() && nested.stderr.contains("line 3"), "{}", nested.stderr);
}

/// More rows than a chunk has, and more faults than are shown.
#[test]
fn long_files_keep_their_order() {
    let mut text = String::from("orderunits\n");
    for row in 0..10_000 {
        text.push_str(if row % 2 == 0 { "-0.2\n" } else { "bad\n" });
    }
    for format in ["csv", "table", "json"] {
        let result = score(&["--format", format], &text);
        assert_eq!(result.code, 1);
        assert_eq!(result.stderr.matches("error[E0721]").count(), 21);
        assert!(result.stderr.contains("4980 more values or rows could not be read"), "{}", result.stderr);
        match format {
            "json" => {
                let found = json(&result);
                assert_eq!(found.len(), 10_000);
                assert!(found.iter().enumerate().all(|(row, it)| it["PROBABILITY"].is_null() == (row % 2 == 1)));
            }
            _ => {
                let null = if format == "csv" { "" } else { "NULL" };
                let lines: Vec<&str> = result.stdout.lines().map(str::trim).collect();
                assert_eq!((lines.len(), lines[0]), (10_001, "PROBABILITY"));
                assert!(lines[1..].chunks(2).all(|pair| pair == ["0.5", null]));
            }
        }
    }
}

/// scikit-learn's SimpleImputer with a value to replace that is not NaN: what is missing stays so.
#[test]
fn an_imputer_replaces_the_value_that_it_is_told_to() {
    let imputer = |value: &str, fill: &str| {
        format!(
            r#"{{"class": "Pipeline", "feature_names_in_": ["x"], "steps": [["i", {{"class": "SimpleImputer",
            "missing_values": {value}, "strategy": "constant", "fill_value": {fill}, "statistics_": [{fill}]}}], "#
        )
    };
    // 2 for the first category and 5 for the second; what is missing is none of them
    let one_hot = |categories: &str| {
        format!(
            r#"["o", {{"class": "OneHotEncoder", "categories_": [[{categories}]], "handle_unknown": "ignore"}}],
            ["lr", {{"class": "LinearRegression", "coef_": [2.0, 5.0], "intercept_": 0.0}}]]}}"#
        )
    };
    let linear = r#"["lr", {"class": "LinearRegression", "coef_": [2.0], "intercept_": 0.0}]]}"#;
    let cases = [
        (imputer("false", "true") + linear, "true false null", "2.0 2.0 NULL"),
        (imputer("true", "false") + &one_hot("false, true"), "true false null", "2.0 2.0 0.0"),
        (imputer("false", "true") + &one_hot("false, true"), "true false null", "5.0 5.0 0.0"),
        (imputer("true", "true") + &one_hot("false, true"), "true false null", "5.0 2.0 0.0"),
        (imputer("\"?\"", "\"b\"") + &one_hot("\"a\", \"b\""), "\"a\" \"?\" null", "2.0 5.0 0.0"),
        (imputer("-1", "3") + &one_hot("0, 3"), "0 -1 null", "2.0 5.0 0.0"),
    ];
    for (index, (model, values, expected)) in cases.iter().enumerate() {
        let file = rows(&format!("imputer-{index}.json"), model);
        let input: Vec<String> = values.split(' ').map(|value| format!("{{\"X\": {value}}}")).collect();
        let run = run_with(&["score", file.to_str().unwrap(), "--input", "-"], &input.join("\n"));
        let found: Vec<&str> = run.stdout.lines().skip(1).map(str::trim).collect();
        assert_eq!(found.join(" "), *expected, "{model}\n{}", run.stderr);
    }
}
