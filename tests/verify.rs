//! Every model of the fixtures and of the corpus is verified: the interpreter of the graph against the printed SQL, read
//! back and evaluated, on rows made on purpose. (That a changed constant is caught: `mutations.rs`.)

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use m2ksql::bind::Text;
use m2ksql::compile::{self, Compiled, Options};
use m2ksql::diag::{Report, Severity, Sources};
use m2ksql::load;
use m2ksql::lower::{Kind, Nulls, Selection, Vectors};
use m2ksql::model::{Graph, Role};
use m2ksql::sql::eval::Value;
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
    Ok(subject.run(&subject.rows(rows).rows))
}

/// Probabilities in one column, contributions and reasons, where the model has them; gives how many were verified.
fn explain(graph: &Graph, name: &str, failures: &mut Vec<String>) -> usize {
    let mut passed = 0;
    for (vectors, nulls) in
        [(Vectors::Array, Nulls::Propagate), (Vectors::Map, Nulls::Guard), (Vectors::Columns, Nulls::Skip)]
    {
        for kind in [Kind::Probabilities, Kind::Contributions, Kind::Reasons] {
            let (mut sources, mut report) = (Sources::new(), Report::new());
            let mut options = Options { limits: false, ..Options::default() };
            options.lower.select = vec![Selection { kind, name: None }];
            options.lower.nulls = nulls.clone();
            if nulls == Nulls::Skip {
                options.shape.from = Some(Text::new(&mut sources, "--from", "S"));
            }
            match kind {
                Kind::Probabilities => options.lower.probabilities = Some(vectors),
                Kind::Contributions => options.lower.contributions = Some(vectors),
                _ => options.lower.reasons = Some(2),
            }
            let Ok(compiled) = compile::compile(graph, &options, &mut sources, &mut report) else { continue };
            match verify(graph, &compiled, &options, 60) {
                Ok(outcome) if outcome.passes() => passed += 1,
                other => failures.push(format!("{name} {kind:?} {vectors:?} {nulls:?}: {other:?}")),
            }
        }
    }
    passed
}

/// Chains of statements and older releases, where there are such for the model; gives how many were verified.
fn divide(graph: &Graph, name: &str, failures: &mut Vec<String>) -> usize {
    let mut passed = 0;
    for (stages, release, nulls) in [
        (Some(2), "ksqldb-0.29", Nulls::Propagate),
        (Some(3), "ksqldb-0.29", Nulls::Guard),
        (Some(2), "ksqldb-0.26", Nulls::Skip),
        (None, "7.1", Nulls::Guard),
    ] {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let dialect = m2ksql::sql::dialect::find(release).unwrap();
        let mut options = Options { stages, dialect, ..Options::default() };
        options.lower.select = everything(graph);
        options.lower.nulls = nulls.clone();
        options.shape.from = Some(Text::new(&mut sources, "--from", "S"));
        options.shape.into = Some(Text::new(&mut sources, "--into", "T"));
        let Ok(compiled) = compile::compile(graph, &options, &mut sources, &mut report) else { continue };
        match verify(graph, &compiled, &options, 60) {
            Ok(outcome) if outcome.passes() => passed += 1,
            other => failures.push(format!("{name} {stages:?} {release} {nulls:?}: {other:?}")),
        }
    }
    passed
}

/// Verifies models below a folder; gives how many passed.
fn run(root: &Path, models: Vec<PathBuf>) -> usize {
    let (mut passed, mut refused, mut explained, mut divided, mut failures) = (0, 0, 0, 0, Vec::new());
    let mut total = VerifyReport::default();
    for path in models {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let Some(graph) = read(&path, &mut sources, &mut report) else {
            refused += 1;
            continue;
        };
        let small = graph.features.len() * graph.classes.len() <= 100;
        if small {
            explained += explain(&graph, &path.display().to_string(), &mut failures);
            divided += divide(&graph, &path.display().to_string(), &mut failures);
        }
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
        "{}: {passed} pass, {refused} refused; {explained} with vectors and explanations, {divided} divided or for older releases; {} rows, {} values, {} identical, {} labels undecided",
        root.display(),
        total.rows,
        total.values,
        total.identical,
        total.undecided
    );
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    assert!(explained > 20, "{explained} explained");
    assert!(divided > 20, "{divided} divided");
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

/// Of more columns than rows every one still has its special values in some row, and a wrong weight of any shows.
#[test]
fn wide_models_are_verified_with_as_many_rows() {
    let features: Vec<String> = (0..600).map(|at| format!("\"f{at}\": {}.25", at + 1)).collect();
    let text = format!("{{\"type\": \"logistic\", \"features\": {{{}}}, \"intercept\": 0.5}}", features.join(", "));
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let graph = load::load(&mut sources, "wide", text.into_bytes(), &load::Options::default(), &mut report).unwrap();
    let mut options = Options { limits: false, ..Options::default() };
    options.lower.select = everything(&graph);
    let compiled = compile::compile(&graph, &options, &mut sources, &mut report).ok().unwrap();
    let subject = Subject::new(&graph, &compiled, &options, &mut sources, &mut report).ok().unwrap();
    let probes = subject.rows(500);
    assert_eq!(probes.rows.len(), 500);
    assert!(probes.special > 600 * 20 && probes.not_alone > probes.special - 500);
    // every column is 0, 1, -1, one half and NULL where others are something else
    for column in 0..600 {
        for value in [0.0, 1.0, -1.0, 0.5] {
            let found =
                |row: &&Vec<Value>| row[column] == Value::Double(value) && row[(column + 1) % 600] != row[column];
            assert!(probes.rows.iter().any(|row| found(&row)), "column {column} is never {value}");
        }
    }
    assert!(subject.run(&probes.rows).passes());
    // the last weight, in its ninth digit
    let mut wrong = compile::compile(&graph, &options, &mut sources, &mut report).ok().unwrap();
    wrong.text = compiled.text.replace("6.0025E2 * F599", "6.00250001E2 * F599");
    assert!(wrong.text != compiled.text, "the weight is not written so");
    assert!(!verify(&graph, &wrong, &options, 500).unwrap().passes());
    // of few columns every special value stands alone
    let small = br#"{"type": "logistic", "features": {"a": 1.5}, "intercept": 0.5}"#.to_vec();
    let graph = load::load(&mut sources, "small", small, &load::Options::default(), &mut report).unwrap();
    let compiled = compile::compile(&graph, &Options::default(), &mut sources, &mut report).ok().unwrap();
    let options = Options::default();
    let subject = Subject::new(&graph, &compiled, &options, &mut sources, &mut report).ok().unwrap();
    assert_eq!(subject.rows(500).not_alone, 0);
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

    let rows = File::new("rows.jsonl", "{\"A\": 1, \"B\": \"NaN\"}\n\n{\"A\": null}\n{\"A\": \"x\"}\n[1]\n");
    let result = program::run(&["verify", model, "--input", rows.path(), "--rows", "0"]);
    assert_eq!(result.code, 1);
    assert!(result.stderr.contains("error[E0721]: expected DOUBLE, found `\\\"x\\\"`"), "{}", result.stderr);
    assert!(result.stderr.contains("error[E0722]: the line is not a JSON object"), "{}", result.stderr);
    // the value counts as NULL, the row that is none is left out
    assert!(result.stdout.contains("rows                  3\n"), "{}", result.stdout);
    let model = "fixtures/sklearn/logreg_bin_str_iris/model.json";
    let csv = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n5.1,3.5,1.4,0.2\n,3.5,1.4,0.2\n";
    let result = program::run(&["verify", model, "--input", File::new("iris.csv", csv).path(), "--rows", "50"]);
    assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{}", result.stdout);
    assert!(result.stdout.starts_with("the SQL is the model\nrows                  52\n"), "{}", result.stdout);
}

/// A file that is there as long as this is.
#[cfg(feature = "cli")]
struct File(String);

#[cfg(feature = "cli")]
impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("m2ksql-verify-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        File(path.to_string_lossy().into_owned())
    }

    fn path(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "cli")]
impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// scikit-learn's own predictions, as the corpus has them.
#[test]
#[cfg(feature = "cli")]
fn predictions_of_the_library_are_compared() {
    let folder = "fixtures/sklearn/logreg_bin_str_iris";
    let model = format!("{folder}/model.json");
    let input = format!("{folder}/inputs.csv");
    let text = std::fs::read_to_string(program::path(&format!("{folder}/expected.json"))).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let columns = json["checks"][0]["columns"].as_array().unwrap();
    let named: Vec<(String, &Vec<serde_json::Value>)> = columns
        .iter()
        .filter(|column| ["predict", "predict_proba"].contains(&column["output"].as_str().unwrap()))
        .map(|column| {
            let key = column["key"].as_str().map_or_else(String::new, |key| format!("_{key}"));
            (format!("{}{key}", column["output"].as_str().unwrap()), column["values"].as_array().unwrap())
        })
        .collect();
    assert!(named.len() > 2);
    let lines = |change: &dyn Fn(usize, &str, &serde_json::Value) -> serde_json::Value| -> String {
        let line = |row: usize| {
            let object: serde_json::Map<_, _> =
                named.iter().map(|(name, values)| (name.clone(), change(row, name, &values[row]))).collect();
            serde_json::Value::Object(object).to_string() + "\n"
        };
        (0..named[0].1.len()).map(line).collect()
    };
    let rows = named[0].1.len();
    let right = File::new("right.jsonl", &lines(&|_, _, value| value.clone()));
    let verify = |expected: &str, more: &[&str]| {
        let mut args = vec!["verify", &model, "--input", &input, "--expected", expected, "--rows", "0"];
        args.extend(more);
        program::run(&args)
    };
    let result = verify(right.path(), &["--format", "json", "--tolerance", "1e-12"]);
    assert_eq!((result.code, result.stderr.as_str()), (0, ""));
    let outcome: serde_json::Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(outcome["expected"]["rows"], rows);
    assert_eq!(outcome["expected"]["values"], rows * named.len());
    assert_eq!((&outcome["expected"]["numbers"], &outcome["expected"]["labels"]), (&0.into(), &0.into()));

    // one number is off by a thousandth, one label is another
    let wrong = File::new(
        "wrong.jsonl",
        &lines(&|row, name, value| match (row, value.as_f64()) {
            (1, Some(value)) if name.starts_with("predict_proba") => (value + 1e-3).into(),
            (2, None) => "Nobody".into(),
            _ => value.clone(),
        }),
    );
    let result = verify(wrong.path(), &[]);
    assert_eq!(result.code, 1);
    assert!(result.stderr.contains("error[E0712]"), "{}", result.stderr);
    assert!(
        result.stderr.contains("| m2ksql score fixtures/sklearn/logreg_bin_str_iris/model.json"),
        "{}",
        result.stderr
    );
    assert!(result.stdout.starts_with("the SQL is the model\n"), "{}", result.stdout);
    assert!(result.stdout.contains("other labels          1\n"), "{}", result.stdout);
    let result = verify(wrong.path(), &["--tolerance", "0.01"]);
    assert!(result.stdout.contains("beyond the tolerance  0\n"), "{}", result.stdout);

    let short = File::new("short.jsonl", "{\"predict\": \"a\"}\n");
    assert!(verify(short.path(), &[]).stderr.contains("error[E0713]"), "a row for each row");
    let other = File::new("other.csv", "a,b\n1,2\n");
    assert!(verify(other.path(), &[]).stderr.contains("has no column of a result"));
}

/// The line that is printed for a row that fails gives the same number, whatever was compiled.
#[test]
#[cfg(all(feature = "cli", unix))]
fn a_failing_row_is_shown_with_a_command_that_runs() {
    let model =
        File::new("it's a model.json", r#"{"type": "linear", "features": {"a": 2.0, "b": 1.0}, "intercept": 0.5}"#);
    let features = File::new("features.sql", "b = LN(`it's` + 1E0);\n");
    let rows = File::new("rows-again.jsonl", "{\"x\": 3, \"it's\": 0}\n{\"x\": null, \"it's\": 0}\n");
    let expected = File::new("expected-again.jsonl", "{\"prediction\": 6.5}\n{\"prediction\": 7.5}\n");
    let args =
        ["verify", model.path(), "--features", features.path(), "--rename", "a=X", "--nulls", "-1", "--rows", "0"];
    let result = program::run(&[&args[..], &["--input", rows.path(), "--expected", expected.path()]].concat());
    assert_eq!(result.code, 1, "{}", result.stderr);
    // 2 · -1 + LN(1) + 0.5
    assert!(result.stderr.contains("`PREDICTION` is -1.5, expected is 7.5\n"), "{}", result.stderr);
    let line = result.stderr.lines().find_map(|line| line.trim_start().strip_prefix("= note: again: ")).unwrap();
    let program = env!("CARGO_BIN_EXE_m2ksql");
    let shell = std::process::Command::new("sh")
        .args(["-c", &line.replace("m2ksql score", &format!("'{program}' score"))])
        .output()
        .unwrap();
    let (output, errors) = (String::from_utf8_lossy(&shell.stdout), String::from_utf8_lossy(&shell.stderr));
    assert_eq!(output, "prediction\n      -1.5\n", "{line}\n{errors}");
}

/// Options that change what is compared, and columns of every type that feeds a number.
#[test]
#[cfg(feature = "cli")]
fn options_and_types_of_columns_are_verified() {
    let run = |args: &[&str]| {
        let result = program::run(args);
        assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{args:?}\n{}", result.stdout);
        assert!(result.stdout.starts_with("the SQL is the model\n"), "{args:?}");
    };
    let two = "fixtures/own/logistic_minimal/model.json";
    for nulls in ["propagate", "guard", "skip", "0", "1.5"] {
        run(&["verify", two, "--rows", "300", "--nulls", nulls]);
        run(&["verify", "fixtures/own/categories_missing/model.json", "--rows", "300", "--nulls", nulls]);
    }
    for threshold in ["0.1", "0.5", "0.9"] {
        run(&["verify", two, "--rows", "300", "--threshold", threshold]);
        run(&["verify", two, "--rows", "300", "--threshold", threshold, "--strict"]);
    }
    run(&["verify", "fixtures/orders/model.json", "--schema", "fixtures/orders/source.sql"]);
    for model in ["f32_label_encoder", "f32_onehot_truncates", "f32_imputer_zero_binarizer", "f32_to_bool", "f32_sign"]
    {
        let model = format!("fixtures/onnx/{model}/model.onnx");
        for ty in ["INT", "BIGINT", "DECIMAL(12, 3)", "DOUBLE"] {
            let column = format!("X {ty}");
            let result = program::run(&["verify", &model, "--column", &column, "--rows", "500"]);
            assert_eq!(result.code, 0, "{model} {ty}\n{}", result.stderr);
        }
    }
}
