//! Every model of the fixtures and of the corpus is verified: the interpreter of the graph against the printed SQL, read
//! back and evaluated, on rows made on purpose. (That a changed constant is caught: `mutations.rs`.)

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use m2ksql::compile::{self, Compiled, Options};
use m2ksql::diag::{Report, Severity, Sources};
use m2ksql::load;
use m2ksql::lower::{Kind, Selection};
use m2ksql::model::{Graph, Role};
use m2ksql::verify::{Subject, VerifyReport};
use std::path::{Path, PathBuf};

/// Every model below a folder.
fn models(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name == "model.json" || name.ends_with(".onnx") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path, sources: &mut Sources, report: &mut Report) -> Option<Graph> {
    let bytes = std::fs::read(path).unwrap();
    let options = load::Options { folder: path.parent().map(Path::to_owned), ..load::Options::default() };
    load::load(sources, &path.to_string_lossy(), bytes, &options, report).ok()
}

/// Everything that can be selected of a model.
fn everything(graph: &Graph) -> Vec<Selection> {
    let has = |role| graph.output(role).is_some();
    let kinds = [
        (Kind::Label, has(Role::Label)),
        (Kind::Probabilities, has(Role::Probabilities)),
        (Kind::Probability, has(Role::Probabilities)),
        (Kind::Margin, has(Role::Margin)),
        (Kind::Prediction, has(Role::Prediction) || has(Role::Value)),
    ];
    let selection = |kind| Selection { kind, name: (kind == Kind::Probability).then(|| "BEST".into()) };
    kinds.iter().filter(|(_, has)| *has).map(|(kind, _)| selection(*kind)).collect()
}

fn errors(report: &Report) -> String {
    let errors = report.diagnostics().iter().filter(|found| found.severity() == Severity::Error);
    errors.map(|found| format!("{} {}", found.code.id, found.message)).collect::<Vec<_>>().join("; ")
}

fn verify(graph: &Graph, compiled: &Compiled, options: &Options, rows: usize) -> Result<VerifyReport, String> {
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let subject = Subject::new(graph, compiled, options, &mut sources, &mut report).map_err(|_| errors(&report))?;
    Ok(subject.run(&subject.rows(rows)))
}

/// Verifies models below a folder; gives how many passed.
fn run(root: &Path, models: Vec<PathBuf>) -> usize {
    let (mut passed, mut refused, mut failures) = (0, 0, Vec::new());
    let mut total = VerifyReport::default();
    for path in models {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let Some(graph) = read(&path, &mut sources, &mut report) else {
            refused += 1;
            continue;
        };
        let small = graph.features.len() * graph.classes.len() <= 100;
        for strict in [false, true].into_iter().take(1 + usize::from(small)) {
            let mut options = Options { limits: false, strict, ..Options::default() };
            options.lower.select = everything(&graph);
            let mut report = Report::new();
            let Ok(compiled) = compile::compile(&graph, &options, &mut sources, &mut report) else {
                refused += 1;
                continue;
            };
            let name = path.display();
            match verify(&graph, &compiled, &options, if small { 400 } else { 100 }) {
                Ok(outcome) if outcome.passes() => {
                    passed += 1;
                    total.rows += outcome.rows;
                    total.values += outcome.values;
                    total.identical += outcome.identical;
                    total.undecided += outcome.undecided;
                }
                Ok(outcome) => failures.push(format!("{name} (strict {strict}): {outcome:?}")),
                Err(message) => failures.push(format!("{name} (strict {strict}): {message}")),
            }
        }
    }
    println!(
        "{}: {passed} pass, {refused} refused; {} rows, {} values, {} identical, {} labels undecided",
        root.display(),
        total.rows,
        total.values,
        total.identical,
        total.undecided
    );
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    passed
}

fn shared(folder: &str) -> Option<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus")).join(folder);
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: no ../shared");
    None
}

#[test]
fn the_fixtures_verify() {
    // most of the ONNX ones are copies from the corpus
    let corpus = shared("models").is_some();
    let copied = |path: &Path| {
        let name = path.to_string_lossy().into_owned();
        corpus && name.contains("/onnx/") && !name.contains("/f32_")
    };
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"));
    let models = models(root).into_iter().filter(|path| !copied(path)).collect();
    assert!(run(root, models) > 20);
}

#[test]
fn the_json_corpus_verifies() {
    if let Some(root) = shared("json") {
        assert!(run(&root, models(&root)) > 20);
    }
}

#[test]
#[cfg(feature = "onnx")]
fn the_onnx_corpus_verifies() {
    if let Some(root) = shared("models") {
        assert!(run(&root, models(&root)) > 20);
    }
}

/// Faults that are no constants: an operator, a missing guard, a label.
#[test]
fn other_faults_are_caught() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/own/softmax_strings/model.json"));
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let graph = read(path, &mut sources, &mut report).unwrap();
    let mut options = Options::default();
    options.lower.select = everything(&graph);
    let mut compiled = compile::compile(&graph, &options, &mut sources, &mut report).ok().unwrap();
    let text = compiled.text.clone();
    for (right, wrong) in [(" > ", " < "), (" + ", " - "), ("AND", "OR"), ("'setosa'", "'virginica'")] {
        compiled.text = text.replacen(right, wrong, 1);
        assert_ne!(compiled.text, text, "no `{right}` in {text}");
        assert!(!verify(&graph, &compiled, &options, 300).unwrap().passes(), "`{wrong}` for `{right}`");
    }
}

#[cfg(feature = "cli")]
mod program;

#[test]
#[cfg(feature = "cli")]
fn the_command_counts_and_reads_rows() {
    let model = "fixtures/own/softmax_strings/model.json";
    let result = program::run(&["verify", model, "--rows", "200", "--format", "json"]);
    assert_eq!((result.code, result.stderr.as_str()), (0, ""));
    let outcome: serde_json::Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(outcome["rows"], 200);
    assert_eq!(outcome["numbers"], 0);
    assert!(outcome["first"].is_null() && outcome["values"].as_u64().unwrap() > 200);

    let rows = std::env::temp_dir().join(format!("m2ksql-verify-{}.jsonl", std::process::id()));
    std::fs::write(&rows, "{\"A\": 1, \"B\": \"NaN\"}\n\n{\"A\": null}\n{\"A\": \"x\"}\n{\"Z\": 1}\n").unwrap();
    let rows = rows.to_string_lossy().into_owned();
    let result = program::run(&["verify", model, "--input", &rows]);
    assert_eq!(result.code, 1);
    assert!(result.stderr.contains("error[E0710]: the column `A` is DOUBLE, found \"x\""), "{}", result.stderr);
    assert!(
        result.stderr.contains("no feature reads a column `Z`") && result.stderr.contains(":5:"),
        "{}",
        result.stderr
    );
    std::fs::write(&rows, "{\"A\": 1, \"B\": \"NaN\"}\n\n{\"A\": null}\n").unwrap();
    let result = program::run(&["verify", model, "--input", &rows, "--rows", "50"]);
    std::fs::remove_file(&rows).unwrap();
    assert_eq!((result.code, result.stderr.as_str()), (0, ""));
    assert!(result.stdout.starts_with("the SQL is the model\nrows                  52\n"), "{}", result.stdout);
}
