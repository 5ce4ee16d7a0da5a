//! `compile --as test`: files for ksqlDB's own test runner, whose expected rows are what the model gives, not the SQL.
//!
//! With `M2KSQL_KSQL_TEST_RUNNER` (the program `ksql-test-runner` of a ksqlDB) the files are run too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use program::{Run, run, run_with};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runner").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn read(folder: &Path, name: &str, list: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()[list].as_array().unwrap().clone()
}

/// Writes a test; runs it where there is a runner.
#[track_caller]
fn test(name: &str, arguments: &str, model: &str) -> (Vec<Value>, Vec<Value>, String) {
    let folder = folder(name);
    let words = arguments.split(' ').filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(|word| word.replace('\u{a0}', " ")).collect();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.extend(["--as", "test", "-o", folder.to_str().unwrap()]);
    let result = run_with(&words, model);
    assert_eq!((result.code, result.stdout.as_str(), result.stderr.as_str()), (0, "", ""), "{arguments}");
    if let Ok(runner) = std::env::var("M2KSQL_KSQL_TEST_RUNNER") {
        let file = |name: &str| folder.join(name).display().to_string();
        let files = ["-s", &file("statements.sql"), "-i", &file("input.json"), "-o", &file("output.json")];
        let output = std::process::Command::new(runner).args(files).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Test passed!"), "{arguments}\n{said}");
    }
    let statements = std::fs::read_to_string(folder.join("statements.sql")).unwrap();
    (read(&folder, "input.json", "inputs"), read(&folder, "output.json", "outputs"), statements)
}

const ORDERS: &str = "compile examples/orders/model.json --schema examples/orders/source.sql --from ORDERS_RAW --into SCORED \
                      --keep ORDERID,ADDRESS->CITY --rename zipcode=ADDRESS->ZIPCODE --select probability,label";

/// The example's model by its definition.
fn probability(units: f64, zip: f64) -> f64 {
    let text = std::fs::read_to_string(program::path("examples/orders/model.json")).unwrap();
    let model: Value = serde_json::from_str(&text).unwrap();
    let (scaler, classifier) = (&model["steps"][0][1], &model["steps"][1][1]);
    let mut margin = classifier["intercept_"][0].as_f64().unwrap();
    for (at, value) in [units, zip].into_iter().enumerate() {
        let of = |list: &Value| list[at].as_f64().unwrap();
        margin += of(&classifier["coef_"][0]) * (value - of(&scaler["mean_"])) / of(&scaler["scale_"]);
    }
    1.0 / (1.0 + (-margin).exp())
}

#[test]
fn expected_rows_are_those_of_the_model() {
    let (inputs, outputs, statements) = test("orders", ORDERS, "");
    assert!(statements.starts_with("-- ksql-test-runner -s statements.sql -i input.json -o output.json\n"));
    assert!(statements.contains("  ORDERID INTEGER KEY,\n") && statements.contains("CREATE STREAM SCORED AS\n"));
    assert_eq!((inputs.len(), outputs.len()), (24, 24));
    let (mut labels, mut nulls) = ([0, 0], 0);
    for (input, output) in inputs.iter().zip(&outputs) {
        assert_eq!((&output["key"], &output["timestamp"]), (&input["key"], &input["timestamp"]));
        assert_eq!((&input["topic"], &output["topic"]), (&"ORDERS_RAW".into(), &"SCORED".into()));
        let (row, result) = (&input["value"], &output["value"]);
        assert_eq!(result["CITY"], row["ADDRESS"]["CITY"]);
        let (Some(units), Some(zip)) = (row["ORDERUNITS"].as_f64(), row["ADDRESS"]["ZIPCODE"].as_f64()) else {
            assert!(result["PROBABILITY"].is_null() && result["LABEL"].is_null(), "{input} {output}");
            nulls += 1;
            continue;
        };
        let (found, expected) = (result["PROBABILITY"].as_f64().unwrap(), probability(units, zip));
        assert!((found - expected).abs() < 1e-9, "{input} {output} {expected}");
        let label = result["LABEL"].as_u64().unwrap();
        assert_eq!(label, u64::from(expected > 0.5), "{input} {output}");
        labels[label as usize] += 1;
    }
    assert!(nulls > 0 && labels.iter().all(|count| *count > 4), "{nulls} {labels:?}");
}

#[test]
fn statements_of_every_shape_have_a_test() {
    // a chain, rows that a missing value leaves out, a condition of the user's own, keys, tables, texts, maps
    let (inputs, outputs, statements) = test("chain", &format!("{ORDERS} --stages 2 --nulls skip"), "");
    assert_eq!(statements.matches("CREATE STREAM ").count(), 3, "{statements}");
    assert!(outputs.len() < inputs.len(), "{} {}", inputs.len(), outputs.len());
    let (inputs, outputs, _) = test("where", &format!("{ORDERS} --where ORDERID\u{a0}%\u{a0}2\u{a0}=\u{a0}0"), "");
    let even = |record: &&Value| record["key"].as_u64().unwrap().is_multiple_of(2);
    assert_eq!(outputs.len(), inputs.iter().filter(even).count());
    let classes = "{ \"type\": \"logistic\", \"features\": { \"a\": [1.5, -0.5, 0.25], \"b\": [0.5, 1.5, -2.0] }, \
                   \"intercept\": [0.1, -0.2, 0.3], \"classes\": [\"small\", \"it's\", \"big\"] }";
    for more in ["", "--probabilities map --select probabilities,label", "--select reasons,label --reasons 1"] {
        let (_, outputs, _) = test("classes", &format!("compile - --from S --into T {more}"), classes);
        let labels: std::collections::BTreeSet<_> =
            outputs.iter().filter_map(|record| record["value"]["LABEL"].as_str()).collect();
        assert_eq!(labels.into_iter().collect::<Vec<_>>(), ["big", "it's", "small"], "{more}");
    }
    let table = folder("table.sql");
    std::fs::create_dir_all(table.parent().unwrap()).unwrap();
    std::fs::write(
        &table,
        "CREATE TABLE P (`id` STRING PRIMARY KEY, X DOUBLE, D DECIMAL(6,2), L ARRAY<DOUBLE>) WITH (KAFKA_TOPIC='p', VALUE_FORMAT='JSON');",
    )
    .unwrap();
    let model = "{ \"type\": \"linear\", \"features\": { \"x\": 2.0, \"d\": 0.5 }, \"intercept\": 1.0 }";
    let table = format!("compile - --schema {} --from P --into T --keep `id`,L", table.display());
    let (_, outputs, statements) = test("table", &table, model);
    assert!(statements.contains("`id` STRING PRIMARY KEY") && statements.contains("CREATE TABLE T AS"), "{statements}");
    assert!(outputs.iter().all(|record| record["key"].as_str().is_some_and(|key| key.starts_with("row "))));
    let linear = "{ \"type\": \"linear\", \"features\": { \"x\": 2.0 }, \"intercept\": 1.0 }";
    let result = run_with(&["compile", "-", "--from", "S", "--into", "T", "--as", "test"], linear);
    assert!(result.code == 2 && result.stderr.contains("--output"), "{}", result.stderr);
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let target = folder("refused");
    let target = target.to_str().unwrap();
    let compile = |more: &[&str], model: &str| -> Run {
        let base = ["compile", "-", "--from", "S", "--into", "T", "--as", "test", "-o", target];
        run_with(&[&base[..], more].concat(), model)
    };
    // no row has a result whose sixth digit behind the point is certain
    let huge = "{ \"type\": \"linear\", \"features\": { \"x\": 1.1 }, \"intercept\": 1e18 }";
    let refused = compile(&["--nulls", "0"], huge);
    assert!(refused.code == 1 && refused.stderr.contains("error[E0727]"), "{}", refused.stderr);
    let linear = "{ \"type\": \"linear\", \"features\": { \"x\": 2.0 }, \"intercept\": 1.0 }";
    let refused = compile(&["--partition-by", "X"], linear);
    assert!(refused.code == 2 && refused.stderr.contains("PARTITION BY"), "{}", refused.stderr);
    let refused = run(&["compile", "examples/orders/model.json", "--as", "test", "-o", target]);
    assert!(refused.code == 2 && refused.stderr.contains("--into"), "{}", refused.stderr);
    let headers = ["--column", "H ARRAY<STRUCT<KEY STRING, VALUE BYTES>> HEADERS", "--column", "X DOUBLE"];
    let refused = compile(&headers, linear);
    assert!(refused.code != 0, "{}", refused.stderr);
    assert!(!Path::new(target).exists());
}

/// As the server numbers them: by how many have no name, not by where they stand (`X, X + 1` gives KSQL_COL_0).
#[test]
fn columns_without_a_name_are_named_as_the_server_does() {
    let model = r#"{ "type": "linear", "features": { "x": 2.0 } }"#;
    let options =
        "compile - --column ID\u{a0}STRING\u{a0}KEY --column X\u{a0}DOUBLE --from S --into T --keep ID,X,X+1E0,X*2E0";
    let (_, outputs, _) = test("unnamed", options, model);
    let names: Vec<&String> = outputs[0]["value"].as_object().unwrap().keys().collect();
    assert!(["KSQL_COL_0", "KSQL_COL_1"].iter().all(|name| names.iter().any(|it| it == name)), "{names:?}");
}
