//! Cases: folders with `model.json`, `inputs.csv` and `expected.json`, in the form of the shared corpus.

use super::run_with;
use crate::load::{Link, Options};
use crate::model::eval::Evaluator;
use crate::model::{Elem, Graph, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folders in a folder that hold a case, by name.
pub(super) fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.join("expected.json").is_file());
    cases.sort();
    cases
}

/// The name of a case.
pub(super) fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

/// Loads, evaluates and compares a case; the number of values that were compared.
pub(super) fn compare(case: &Path) -> usize {
    let name = name(case);
    let expected: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(case.join("expected.json")).unwrap()).unwrap();
    let mut compared = 0;
    for check in expected["checks"].as_array().unwrap() {
        if check["model"] != "model.json" {
            continue;
        }
        let columns = check["columns"].as_array().unwrap();
        let mut by_option: BTreeMap<&str, Vec<&serde_json::Value>> = BTreeMap::new();
        for column in columns {
            by_option.entry(column["needs_option"].as_str().unwrap_or("")).or_default().push(column);
        }
        for (option, columns) in by_option {
            let link = option.strip_prefix("link=").map(|link| Link::find(link).unwrap());
            let options = Options { link, ..Options::default() };
            let bytes = std::fs::read(case.join("model.json")).unwrap();
            let (graph, report) = run_with(bytes, &options);
            let graph = graph.unwrap_or_else(|_| panic!("{name}: {:#?}", report.diagnostics()));
            let allowed: Vec<&str> =
                expected["warnings"].as_array().into_iter().flatten().filter_map(|code| code.as_str()).collect();
            for found in report.diagnostics() {
                let code = found.code.id;
                assert!(code == "W0215" && option.is_empty() || allowed.contains(&code), "{name}: {found:#?}");
            }
            compared += values(&name, &graph, case, &columns);
        }
    }
    compared
}

fn values(name: &str, graph: &Graph, case: &Path, columns: &[&serde_json::Value]) -> usize {
    let evaluator = Evaluator::new(graph).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
    let mut compared = 0;
    for (index, row) in rows(graph, case).iter().enumerate() {
        let results = evaluator.row(row);
        for column in columns {
            let output = column["output"].as_str().unwrap();
            // What other methods of the library call the same output.
            let at = graph.outputs.iter().position(|found| found.name == output);
            let Some(at) = at else {
                assert!(matches!(output, "link" | "margin" | "decision_function"), "{name}: no output `{output}`");
                continue;
            };
            let element = column["index"].as_u64().unwrap_or(0) as usize;
            let got = &results[at][element];
            let want = &column["values"][index];
            let right = match column["kind"].as_str().unwrap() {
                "label" => label(got, want),
                _ => number(got, want, column["rtol"].as_f64().unwrap_or(0.0), column["atol"].as_f64().unwrap_or(0.0)),
            };
            assert!(right, "{name}: row {index}, {output} {element}: {got:?}, expected {want}\n{row:?}");
            compared += 1;
        }
    }
    assert!(compared > 0, "{name}: nothing was compared");
    compared
}

fn rows(graph: &Graph, case: &Path) -> Vec<Vec<Value>> {
    let mut reader = csv::Reader::from_path(case.join("inputs.csv")).unwrap();
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let place = |feature: &str| {
        let at = header.iter().position(|column| column == feature);
        at.unwrap_or_else(|| panic!("no column `{feature}` in {header:?}"))
    };
    let places: Vec<usize> = graph.features.iter().map(|feature| place(&feature.name)).collect();
    let read = |(feature, text): (&crate::model::Feature, &str)| match feature.elem {
        Elem::Text if text == "<missing>" => Value::Missing,
        Elem::Text => Value::Text(text.to_owned()),
        _ if text.is_empty() => Value::Missing,
        Elem::Number if text == "True" || text == "False" => Value::Number(f64::from(u8::from(text == "True"))),
        Elem::Number => Value::Number(text.parse().unwrap_or_else(|_| panic!("`{}`: {text}", feature.name))),
        Elem::Integer => Value::Integer(text.parse::<f64>().unwrap() as i64),
        Elem::Boolean => Value::Boolean(matches!(text, "true" | "True" | "1")),
    };
    let row =
        |record: csv::StringRecord| graph.features.iter().zip(places.iter().map(|&at| &record[at])).map(read).collect();
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn label(got: &Value, want: &serde_json::Value) -> bool {
    match got {
        Value::Text(text) => want.as_str() == Some(text),
        Value::Integer(integer) => want.as_i64() == Some(*integer),
        Value::Boolean(flag) => want.as_bool() == Some(*flag),
        Value::Number(number) => want.as_f64() == Some(*number),
        Value::Missing => want.is_null() || want.as_str() == Some("NaN"),
    }
}

fn number(got: &Value, want: &serde_json::Value, rtol: f64, atol: f64) -> bool {
    let want = match want.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => want.as_f64().unwrap(),
    };
    match got {
        Value::Missing => want.is_nan(),
        Value::Number(got) if want.is_nan() => got.is_nan(),
        Value::Number(got) => *got == want || (got - want).abs() <= atol + rtol * want.abs(),
        _ => false,
    }
}
