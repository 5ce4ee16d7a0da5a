//! The corpus of trained models: load, compile, print, read the text back, evaluate it with ksqlDB's semantics, and compare
//! with the training library's own predictions.
//!
//! Runs over `../shared/corpus` where it is there, and over the cases of `fixtures/` in any clone.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod corpus_case;

use corpus_case::{Case, Outcome};
use std::path::{Path, PathBuf};

/// Every folder below that holds a case.
fn cases(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        if !cfg!(feature = "onnx") && folder.join("model.onnx").is_file() {
            continue;
        }
        if folder.join("expected.json").is_file() && folder.join("inputs.csv").is_file() {
            found.push(folder);
            continue;
        }
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        folders.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    found.sort();
    found
}

/// Runs every case; what is refused must be on the list, with the beginning of its message.
fn run(root: &Path, refused: &[(&str, &str)]) {
    let (mut compared, mut agreed, mut declined) = (0usize, 0usize, 0usize);
    let mut failures = Vec::new();
    for folder in cases(root) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        match Case::read(&folder).run() {
            Outcome::Agrees { values } => {
                compared += values;
                agreed += 1;
                if let Some((name, _)) = refused.iter().find(|(refused, _)| name.starts_with(refused)) {
                    failures.push(format!("{name} is on the list of refused models, and compiles"));
                }
            }
            Outcome::Differs(first) => failures.push(format!("{name}: {first}")),
            Outcome::Refused(message) => {
                declined += 1;
                if !refused.iter().any(|(prefix, words)| name.starts_with(prefix) && message.contains(words)) {
                    failures.push(format!("{name} is refused: {message}"));
                }
            }
        }
    }
    println!("{}: {agreed} models agree in {compared} values, {declined} refused as listed", root.display());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(agreed > 0 && compared > 100, "nothing was compared");
}

#[test]
fn the_json_corpus_agrees() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/json"));
    if !root.is_dir() {
        println!("skipped: no ../shared");
        return;
    }
    let tree = "not supported yet";
    let refused = [("lgb_", tree), ("xgb_bin", tree), ("xgb_multi", tree), ("xgb_poisson", tree), ("xgb_reg", tree)];
    run(root, &refused);
}

#[test]
fn the_fixtures_agree() {
    run(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")), &[("glm_probit", "has no exact form")]);
}
