//! The loaders on whole files: the corpus and the fixtures, evaluated and compared with what the training library (or
//! plain arithmetic) says.

mod cases;
mod exporter;

use super::*;
use crate::model::{Op, Role, Value};
use std::path::Path;

pub(crate) fn run(text: &str) -> (Result<Graph, Failed>, Report) {
    run_with(text.as_bytes().to_vec(), &Options::default())
}

pub(crate) fn run_with(bytes: Vec<u8>, options: &Options) -> (Result<Graph, Failed>, Report) {
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let graph = load(&mut sources, "model.json", bytes, options, &mut report);
    (graph, report)
}

#[test]
fn the_smallest_model_is_one_linear_node() {
    let (graph, report) = run(r#"{ "type": "logistic", "features": { "orderunits": 10.0 }, "intercept": 2.0 }"#);
    let graph = graph.expect("loads");
    assert!(report.is_empty(), "{report:?}");
    assert_eq!(graph.features.iter().map(|feature| feature.name.as_str()).collect::<Vec<_>>(), ["orderunits"]);
    let margin = graph.node(graph.output(Role::Margin).expect("a margin").node);
    let Op::Linear(linear) = &margin.op else { panic!("{margin:?}") };
    assert_eq!((&linear.weights[..], &linear.bias[..]), (&[10.0][..], &[2.0][..]));
    assert_eq!(graph.classes, [Value::Integer(0), Value::Integer(1)]);
}

/// Every linear model of the corpus gives the values of the training library.
#[test]
fn the_corpus_agrees() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/json"));
    if !folder.is_dir() {
        println!("skipped: no ../shared");
        return;
    }
    let mut compared = 0;
    for case in cases::folders(folder) {
        let name = cases::name(&case);
        if name.starts_with("lgb_") || (name.starts_with("xgb_") && !name.contains("gblinear")) {
            let (graph, report) = run_with(std::fs::read(case.join("model.json")).unwrap(), &Options::default());
            let codes: Vec<&str> = report.diagnostics().iter().map(|found| found.code.id).collect();
            assert!(graph.is_err() && codes == ["E0216"], "{name}: {codes:?}");
            continue;
        }
        compared += cases::compare(&case);
    }
    assert!(compared > 4_000, "{compared} values were compared");
}

/// The cases of this repository; `expected.json` says how its values were computed.
#[test]
fn the_fixtures_agree() {
    let mut compared = 0;
    for family in ["sklearn"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(family);
        for case in cases::folders(&folder) {
            compared += cases::compare(&case);
        }
    }
    assert!(compared > 100, "{compared} values were compared");
}

/// Further cases, in folders like those of the corpus: `M2KSQL_CASES=folder cargo test --lib load`.
#[test]
fn cases_from_elsewhere_agree() {
    let Some(folder) = std::env::var_os("M2KSQL_CASES") else { return };
    let mut failures = Vec::new();
    for case in cases::folders(Path::new(&folder)) {
        match std::panic::catch_unwind(|| cases::compare(&case)) {
            Ok(values) => println!("{} ok, {values} values", cases::name(&case)),
            Err(_) => failures.push(cases::name(&case)),
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
