//! The exporter's scripts, run by the Python that is there: what they write is read, and means what the library computes.
//!
//! `M2KSQL_PYTHON` names an interpreter with scikit-learn; without it `python3` is tried. Where none has it, the test says
//! so and passes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use m2ksql::diag::{Report, Sources};
use m2ksql::load;
use m2ksql::model::eval::Evaluator;
use m2ksql::model::{Role, Value};
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Fits models, exports them with the script, and writes rows and the library's own answers beside them.
const FIT: &str = include_str!("exporter.py");

#[test]
fn exported_estimators_compute_what_scikit_learn_computes() {
    let python = std::env::var("M2KSQL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import sklearn"]).output().is_ok_and(|probe| probe.status.success());
    if !found {
        // not through the macros, whose output a passing test keeps for itself
        let words = format!("skipped: no scikit-learn for `{python}`; M2KSQL_PYTHON names another interpreter\n");
        std::io::stderr().write_all(words.as_bytes()).unwrap();
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exporter");
    std::fs::create_dir_all(&folder).unwrap();
    let script = program::run(&["exporter", "sklearn"]);
    assert_eq!((script.code, script.stderr.as_str()), (0, ""));
    std::fs::write(folder.join("export_sklearn.py"), script.stdout).unwrap();
    std::fs::write(folder.join("fit.py"), FIT).unwrap();
    let fitted = Command::new(&python).arg("fit.py").current_dir(&folder).output().unwrap();
    assert!(fitted.status.success(), "{}", String::from_utf8_lossy(&fitted.stderr));

    let cases: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("cases.json")).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    let mut compared = 0;
    for case in cases {
        compared += compare(&folder, case);
    }
    println!("{} models, {compared} values compared", cases.len());
    assert!(cases.len() >= 10 && compared > 500, "{} models, {compared} values", cases.len());
}

/// The number of values that agree; one that does not is a failure.
fn compare(folder: &Path, case: &serde_json::Value) -> usize {
    let file = case["file"].as_str().unwrap();
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let bytes = std::fs::read(folder.join(file)).unwrap();
    let graph = load::load(&mut sources, file, bytes, &load::Options::default(), &mut report)
        .unwrap_or_else(|_| panic!("{file}: {:#?}", report.diagnostics()));
    let evaluator = Evaluator::new(&graph).unwrap();
    let names = case["columns"].as_array().unwrap();
    assert!(graph.features.iter().map(|feature| feature.name.as_str()).eq(names.iter().map(|n| n.as_str().unwrap())));
    let expected = [
        (Role::Label, &case["predict"]),
        (Role::Prediction, &case["predict"]),
        (Role::Probabilities, &case["predict_proba"]),
        (Role::Value, &case["transform"]),
    ];
    let mut compared = 0;
    for (number, row) in case["rows"].as_array().unwrap().iter().enumerate() {
        let row: Vec<Value> = row.as_array().unwrap().iter().map(value).collect();
        let results = evaluator.row(&row);
        for (output, result) in graph.outputs.iter().zip(&results) {
            let Some((_, expected)) = expected.iter().find(|(role, values)| *role == output.role && !values.is_null())
            else {
                continue;
            };
            let expected = match &expected[number] {
                serde_json::Value::Array(values) => values.iter().map(value).collect(),
                one => vec![value(one)],
            };
            assert_eq!(result.len(), expected.len(), "{file}: {}", output.name);
            for (found, expected) in result.iter().zip(&expected) {
                assert!(agree(found, expected), "{file}, row {number}, {}: {found:?}, not {expected:?}", output.name);
                compared += 1;
            }
        }
    }
    assert!(compared > 0, "{file}: nothing to compare");
    compared
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Missing,
        serde_json::Value::Bool(boolean) => Value::Boolean(*boolean),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Number(number.as_f64().unwrap()),
        },
        other => Value::Text(other.as_str().unwrap().to_owned()),
    }
}

/// Labels are equal; numbers differ by the rounding of a few operations.
fn agree(found: &Value, expected: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Number(number) => Some(*number),
        Value::Integer(integer) => Some(*integer as f64),
        _ => None,
    };
    match (number(found), number(expected)) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-11 * expected.abs().max(1e-3),
        _ => found == expected,
    }
}
