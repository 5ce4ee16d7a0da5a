//! The loaders on whole files: the corpus and the fixtures, evaluated and compared with what the training library (or
//! plain arithmetic) says.

mod cases;
mod exporter;
mod findings;

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

/// No two formats claim the same file, and the one that does is the one meant.
#[test]
fn one_format_recognizes_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (family, name) in [("coefficients", "coefficients"), ("own", "m2ksql"), ("sklearn", "scikit-learn")] {
        for case in cases::folders(&root.join(family)) {
            assert_eq!(recognized(&std::fs::read_to_string(case.join("model.json")).unwrap()), [name], "{case:?}");
        }
    }
    assert_eq!(recognized(r#"{"coef_": [0.5], "intercept_": [0.1]}"#), ["scikit-learn"]);
    assert_eq!(recognized(r#"{"type": "Ridge", "coef_": [0.5]}"#), ["scikit-learn"]);
    assert_eq!(recognized(r#"{"type": "linaer", "features": {"a": 1}}"#), ["m2ksql"]);
    assert_eq!(recognized(r#"{"steps": 0.5, "coef": 1, "const": 2}"#), ["coefficients"]);
    assert_eq!(recognized(r#"{"learner": {}}"#), ["xgboost"]);
    assert!(recognized("[1, 2]").is_empty() && recognized("{}").is_empty());
    assert!(FORMATS.windows(2).all(|pair| pair[0].name < pair[1].name));
}

fn recognized(text: &str) -> Vec<&'static str> {
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let source = sources.add("model.json", text);
    let document = json::parse(&sources, source, &mut report).unwrap();
    let content = Content::Json(document.root());
    FORMATS.iter().filter(|format| (format.sniff)(&content)).map(|format| format.name).collect()
}

/// A hundred thousand features load in a time proportional to their number.
#[test]
fn large_models_load() {
    const COUNT: usize = 100_000;
    let list = |item: &dyn Fn(usize) -> String| (0..COUNT).map(item).collect::<Vec<_>>().join(",");
    let names = list(&|at| format!("\"x{at}\""));
    let numbers = list(&|at| format!("{at}.25"));
    let texts = [
        format!(r#"{{"type": "linear", "features": {{{}}}}}"#, list(&|at| format!("\"x{at}\": {at}.25"))),
        format!(
            r#"{{"type": "linear", "features": [{}]}}"#,
            list(&|at| format!("{{\"name\": \"x{at}\", \"coefficient\": 1}}"))
        ),
        format!(r#"{{{}}}"#, list(&|at| format!("\"x{at}\": {at}.25"))),
        format!(r#"{{{}}}"#, list(&|at| format!("\"C(g)[T.b{at}]\": {at}.25"))),
        format!(r#"{{"class": "Ridge", "feature_names_in_": [{names}], "coef_": [{numbers}], "intercept_": 1}}"#),
    ];
    for text in texts {
        let (graph, report) = run(&text);
        let graph = graph.unwrap_or_else(|_| panic!("{:?}", report.diagnostics()));
        let linear =
            graph.nodes.iter().find_map(|node| if let Op::Linear(linear) = &node.op { Some(linear) } else { None });
        assert_eq!(linear.map(|linear| linear.weights.len()), Some(COUNT));
    }
}

/// The cases of this repository; `expected.json` says how its values were computed.
#[test]
fn the_fixtures_agree() {
    let mut compared = 0;
    for family in ["coefficients", "own", "sklearn"] {
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
