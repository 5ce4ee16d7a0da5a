//! ONNX models, those of `fixtures/onnx` and of the shared corpus: loaded, computed with the interpreter of the graph, and
//! compared with what onnxruntime gave.
//!
//! The snapshot lists every model with its largest error, so that a change for the worse is seen in review; what is
//! refused is listed with its reason. Errors are relative to `max(1, |expected|)`.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use m2ksql::diag::{Report, Sources};
use m2ksql::load;
use m2ksql::model::eval::Evaluator;
use m2ksql::model::{Elem, Graph, Value};
use serde_json::Value as Json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The largest error of numbers that the runtime computes in float32, and in double.
const FLOAT: f64 = 1e-6;
const DOUBLE: f64 = 1e-12;

/// One check of a model: its largest error, or why it is wrong.
struct Outcome {
    rows: usize,
    columns: usize,
    labels: usize,
    error: f64,
    /// Labels that another rounding decides, as the corpus allows.
    accepted: usize,
}

fn cell(text: &str, elem: Elem) -> Value {
    match elem {
        Elem::Text => Value::Text(text.to_owned()),
        _ if text.is_empty() => Value::Missing,
        Elem::Number => Value::Number(text.parse().unwrap()),
        Elem::Integer => Value::Integer(text.parse().unwrap()),
        Elem::Boolean => Value::Boolean(matches!(text, "1" | "true" | "True")),
    }
}

fn rows(graph: &Graph, path: &Path) -> Vec<Vec<Value>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let places: Vec<usize> = graph
        .features
        .iter()
        .map(|feature| {
            let named = |name: &str| header.iter().position(|column| column == name);
            named(&feature.name)
                .or_else(|| named(&feature.alias))
                .unwrap_or_else(|| panic!("no column for {feature:?}"))
        })
        .collect();
    let read = |record: csv::StringRecord| {
        places.iter().zip(&graph.features).map(|(&at, feature)| cell(&record[at], feature.elem)).collect()
    };
    reader.records().map(|record| read(record.unwrap())).collect()
}

fn number(json: &Json) -> f64 {
    match json {
        Json::String(text) => match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            other => panic!("{other} is no number"),
        },
        other => other.as_f64().unwrap(),
    }
}

fn same_label(got: &Value, want: &Json) -> bool {
    match got {
        Value::Integer(got) => want.as_i64() == Some(*got),
        Value::Text(got) => want.as_str() == Some(got),
        Value::Boolean(got) => want.as_bool() == Some(*got),
        Value::Number(got) => want.as_f64() == Some(*got),
        Value::Missing => false,
    }
}

fn compare(graph: &Graph, rows: &[Vec<Value>], check: &Json) -> Result<Outcome, String> {
    let evaluator = Evaluator::new(graph).map_err(|faults| faults.join("; "))?;
    let results: Vec<_> = rows.iter().map(|row| evaluator.row(row)).collect();
    let mut outcome = Outcome { rows: rows.len(), columns: 0, labels: 0, error: 0.0, accepted: 0 };
    for column in check["columns"].as_array().unwrap() {
        let name = column["output"].as_str().unwrap();
        let at = graph.outputs.iter().position(|output| output.name == name).ok_or(format!("no output `{name}`"))?;
        let index = column["index"].as_u64().unwrap_or(0) as usize;
        if let (Some(key), false) = (column.get("key"), graph.outputs[at].elements.is_empty()) {
            let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            if graph.outputs[at].elements[index] != key {
                return Err(format!("element {index} of `{name}` is {}, not {key}", graph.outputs[at].elements[index]));
            }
        }
        let values = column["values"].as_array().unwrap();
        assert_eq!(values.len(), rows.len());
        outcome.columns += 1;
        for (row, want) in values.iter().enumerate() {
            let got = results[row][at].get(index).ok_or(format!("`{name}` has no element {index}"))?;
            if column["kind"] == "label" {
                outcome.labels += 1;
                if !same_label(got, want) {
                    let accepted = column["accept"][row.to_string()].as_array();
                    if !accepted.is_some_and(|labels| labels.iter().any(|label| same_label(got, label))) {
                        return Err(format!("`{name}` of row {row} is {got:?}, expected {want}"));
                    }
                    outcome.accepted += 1;
                }
                continue;
            }
            let want = number(want);
            let got = match got {
                Value::Number(got) => *got,
                Value::Integer(got) => *got as f64,
                Value::Boolean(got) => f64::from(u8::from(*got)),
                Value::Missing => f64::NAN,
                Value::Text(text) => return Err(format!("`{name}` of row {row} is the text `{text}`")),
            };
            if want.is_nan() && got.is_nan() || want == got {
                continue;
            }
            let difference = (got - want).abs();
            let allowed =
                column["atol"].as_f64().unwrap_or(1e-6) + column["rtol"].as_f64().unwrap_or(1e-5) * want.abs();
            if difference.is_nan() || difference > allowed {
                return Err(format!("`{name}[{index}]` of row {row} is {got}, expected {want}"));
            }
            outcome.error = outcome.error.max(difference / want.abs().max(1.0));
        }
    }
    Ok(outcome)
}

#[test]
fn models_of_the_corpus_agree_with_onnxruntime() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/models");
    if !corpus.is_dir() {
        println!("skipped: no ../shared");
        return;
    }
    insta::assert_snapshot!("onnx_corpus", agree(&corpus));
}

#[test]
fn models_of_the_fixtures_agree_with_onnxruntime() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/onnx");
    insta::assert_snapshot!("onnx_fixtures", agree(&fixtures));
}

/// Compares every model below a folder; gives the table of errors.
fn agree(root: &Path) -> String {
    let mut names: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let (mut table, mut wrong) = (String::new(), String::new());
    let (mut agreeing, mut refused, mut compared) = (0, 0, 0);
    for folder in names.iter().filter(|folder| folder.join("model.onnx").is_file()) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let expected: Json =
            serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
        let checks = expected["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["model"] == "model.onnx").unwrap();
        let bytes = std::fs::read(folder.join("model.onnx")).unwrap();
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let options = load::Options { folder: Some(folder.clone()), ..Default::default() };
        let Ok(graph) = load::load(&mut sources, "model.onnx", bytes, &options, &mut report) else {
            refused += 1;
            let first = &report.diagnostics()[0];
            assert!(report.has_errors());
            writeln!(table, "{name:32} refused: {} {}", first.code.id, first.message).unwrap();
            continue;
        };
        let warnings: Vec<&str> = report.diagnostics().iter().map(|finding| finding.code.id).collect();
        let rows = rows(&graph, &folder.join("inputs.csv"));
        match compare(&graph, &rows, check) {
            Ok(outcome) => {
                assert!(outcome.rows > 0, "{name} has no rows");
                agreeing += 1;
                compared += outcome.rows * outcome.columns;
                // powers of ten, rounded up: digits differ between machines no more than that
                let error =
                    if outcome.error == 0.0 { "0".into() } else { format!("< 1e{}", outcome.error.log10().ceil()) };
                let double = graph.features.iter().all(|f| f.precision == m2ksql::model::Precision::Double);
                let bound = if double && check["reference"] == "onnxruntime" { DOUBLE } else { FLOAT };
                let beyond =
                    if outcome.error > bound { " (beyond the bound, within the tolerance of the corpus)" } else { "" };
                let accepted = match outcome.accepted {
                    0 => String::new(),
                    count => format!(", {count} labels by another rounding"),
                };
                let roles: Vec<String> = graph.outputs.iter().map(|output| format!("{:?}", output.role)).collect();
                writeln!(
                    table,
                    "{name:32} {error:8} {} x {}{accepted}{beyond} {} {} {}",
                    outcome.rows,
                    outcome.columns,
                    graph.nodes.len(),
                    roles.join(" "),
                    warnings.join(" "),
                )
                .unwrap();
            }
            Err(why) => writeln!(wrong, "{name}: {why}").unwrap(),
        }
    }
    println!("{agreeing} models agree in {compared} values, {refused} are refused");
    assert!(wrong.is_empty(), "wrong:\n{wrong}");
    assert!(compared > 1000);
    table
}
