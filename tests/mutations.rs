//! The mutation score of verification: every constant of the printed SQL is changed in its seventh digit, one at a time,
//! and each change must be found on a few hundred rows.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use m2ksql::compile::{self, Options};
use m2ksql::diag::{Report, Sources};
use m2ksql::load;
use m2ksql::lower::{self, Kind};
use m2ksql::verify::{Subject, VerifyReport};
use std::path::Path;

/// The places of the DOUBLE literals of a text.
fn literals(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    let (mut quoted, part) = (false, |byte: u8| byte.is_ascii_alphanumeric() || b"_.`".contains(&byte));
    while at < bytes.len() {
        quoted ^= bytes[at] == b'\'';
        if quoted || !part(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && (part(bytes[at]) || bytes[at] == b'-' && bytes[at - 1] == b'E' && at > start + 1) {
            at += 1;
        }
        if bytes[start].is_ascii_digit() && text[start..at].contains('E') {
            found.push((start, at));
        }
    }
    found
}

/// Changes each constant of a model's SQL; gives how many there are, and the lines of those whose change was not found.
fn survivors(model: &str, rows: usize) -> (usize, Vec<String>) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")).join(model);
    let path = if path.join("model.json").is_file() { path.join("model.json") } else { path.join("model.onnx") };
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let bytes = std::fs::read(&path).unwrap();
    let loaded = load::load(&mut sources, &path.to_string_lossy(), bytes, &load::Options::default(), &mut report);
    let graph = loaded.unwrap_or_else(|_| panic!("{:?}", report.diagnostics()));
    let mut options = Options { limits: false, ..Options::default() };
    // the probability of the label repeats the others
    options.lower.select = lower::everything(&graph);
    options.lower.select.retain(|selection| selection.kind != Kind::Probability);
    let mut compiled = compile::compile(&graph, &options, &mut sources, &mut report).ok().unwrap();
    let verify = |compiled: &compile::Compiled| -> VerifyReport {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let subject = Subject::new(&graph, compiled, &options, &mut sources, &mut report);
        let subject = subject.unwrap_or_else(|_| panic!("{:?}\n{}", report.diagnostics(), compiled.text));
        subject.run(&subject.rows(rows).rows)
    };
    let outcome = verify(&compiled);
    assert!(outcome.passes(), "{model}: {outcome:?}");
    let text = compiled.text.clone();
    let mut survivors = Vec::new();
    let places = literals(&text);
    for &(start, end) in &places {
        let value: f64 = text[start..end].parse().unwrap();
        let wrong = if value == 0.0 { 1e-6 } else { value * (1.0 + if value > 1e300 { -1e-6 } else { 1e-6 }) };
        compiled.text = format!("{}{wrong:E}{}", &text[..start], &text[end..]);
        if verify(&compiled).passes() {
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let rest = text[end..].find('\n').map_or(text.len(), |at| at + end);
            survivors.push(format!("{} in {}", &text[start..end], &text[line..rest]));
        }
    }
    (places.len(), survivors)
}

/// Models, and the beginnings of the lines that hold constants whose change is rightly not found.
const MODELS: &[(&str, &[&str])] = &[
    ("orders", &[]),
    ("own/softmax_strings", &[]),
    ("own/threshold_booleans", &[]),
    ("own/glm_log", &[]),
    // imputers, one-hot groups and three classes
    ("sklearn/pipe_coltransf_mixed_logreg_iris", &[]),
    ("onnx/onehot_int", &[]),
    ("onnx/poisson", &[]),
    ("onnx/f32_label_encoder", &[]),
    ("onnx/linreg", &[]),
    // 0.02 more or less by a millionth is less than binary32 resolves beside the other terms
    ("onnx/pipe_imp_ss_logreg", &["WHEN X0 IS NULL"]),
    // an imputed value that is only compared; where ln(1 + x) is x by either formula; what a fold starts with
    ("own/preprocessing", &["CASE WHEN AGE IS NULL OR NOT (AGE = AGE) THEN 4E1", "WHEN 1E0 + AMOUNT = 1E0", "0E0,"]),
];

#[test]
fn every_constant_that_matters_is_verified() {
    let (mut constants, mut unfound, mut surviving) = (0, Vec::new(), 0);
    for (model, excused) in MODELS {
        let (count, survivors) = survivors(model, 300);
        constants += count;
        surviving += survivors.len();
        let line = |survivor: &String| survivor.split_once(" in ").map_or("", |(_, line)| line.trim_start()).to_owned();
        let excused = |survivor: &String| excused.iter().any(|start| line(survivor).starts_with(start));
        unfound.extend(survivors.into_iter().filter(|it| !excused(it)).map(|it| format!("{model}: {it}")));
    }
    println!("{constants} constants changed, {surviving} changes not found and excused");
    assert!(unfound.is_empty(), "{}", unfound.join("\n"));
    assert!(constants > 200);
}
