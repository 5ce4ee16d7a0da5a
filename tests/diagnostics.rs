//! Diagnostics as a user sees them: each case of `fixtures/cli` run through the program, and every code accounted for.
//!
//! A case is a model, options (one a line) and what the program writes to standard error. `fixtures/diagnostics` holds
//! the findings of loaders; its test stands beside them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod program;

use m2ksql::diag::codes;
use program::{path, run, run_with};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Codes that no fixture shows, with the file whose test triggers them and the words by which it can be found there.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("E0105", "tests/diagnostics.rs", "nesting_100_000_deep"),
    ("E0106", "tests/diagnostics.rs", "a_file_too_large"),
    ("E0301", "src/load/onnx/tests/messages.rs", "onnx::DAMAGED"),
    ("E0302", "src/load/onnx/tests/messages.rs", "onnx::VERSION"),
    ("E0303", "src/load/onnx/tests/messages.rs", "onnx::OPERATOR"),
    ("E0304", "src/load/onnx/tests/messages.rs", "onnx::STRUCTURE"),
    ("E0305", "src/load/onnx/tests/messages.rs", "onnx::ATTRIBUTE"),
    ("E0306", "src/load/onnx/tests/messages.rs", "onnx::SHAPE"),
    ("E0307", "src/load/onnx/tests/messages.rs", "onnx::ROWS"),
    ("E0308", "src/load/onnx/tests/messages.rs", "onnx::TENSOR"),
    ("E0309", "src/load/onnx/tests/messages.rs", "onnx::EXTERNAL"),
    ("E0310", "src/load/onnx/tests/messages.rs", "onnx::INPUT"),
    ("E0311", "src/load/onnx/tests/messages.rs", "onnx::FEATURES"),
    ("E0312", "src/load/onnx/tests/messages.rs", "onnx::MEANING"),
    ("E0313", "src/load/onnx/tests/messages.rs", "onnx::SIZE"),
    ("E0314", "src/load/onnx/tests/messages.rs", "onnx::OUTPUT"),
    ("W0320", "src/load/onnx/tests/messages.rs", "onnx::LDA_BINARY"),
    ("W0321", "src/load/onnx/tests/messages.rs", "onnx::LABELS_ROUNDED"),
    ("W0322", "src/load/onnx/tests/messages.rs", "onnx::NORM_MAX"),
    ("W0323", "src/load/onnx/tests/messages.rs", "onnx::ISOTONIC"),
    ("W0324", "src/load/onnx/tests/messages.rs", "onnx::IGNORED_TRANSFORM"),
    ("W0325", "src/load/onnx/tests/messages.rs", "onnx::ONEHOT_TRUNCATES"),
    ("W0326", "src/load/onnx/tests/messages.rs", "onnx::NORM_DOUBLE"),
    ("W0327", "src/load/onnx/tests/messages.rs", "onnx::CONSTANT_OUTPUT"),
    ("E0603", "tests/diagnostics.rs", "a_statement_too_large"),
    ("E0802", "tests/cli.rs", "error[E0802]"),
    ("E0519", "tests/build.rs", "E0519"),
    ("E0520", "tests/build.rs", "E0520"),
    ("E0725", "tests/build.rs", "E0725"),
    ("E0726", "tests/build.rs", "E0726"),
    ("E0727", "tests/runner.rs", "error[E0727]"),
    ("E0415", "tests/commands.rs", "E0415"),
    ("E0810", "tests/query.rs", "[E0810]"),
    ("E0811", "tests/query.rs", "[E0811]"),
    ("E0812", "tests/query.rs", "[E0812]"),
    ("E0813", "tests/query.rs", "\"E0813\""),
    ("E0814", "tests/query.rs", "\"E0814\""),
    ("E0815", "tests/query.rs", "\"E0815\""),
    ("E0816", "tests/query.rs", "\"E0816\""),
    ("E0817", "tests/query.rs", "\"E0817\""),
    ("E0818", "tests/query.rs", "error[E0818]"),
    ("E0820", "tests/verify_server.rs", "error[E0820]"),
    ("E0821", "tests/verify_server.rs", "error[E0821]"),
    ("E0819", "tests/query.rs", "error[E0819]"),
    ("E0901", "tests/query.rs", "\"E0901\""),
    ("E0902", "tests/orders.rs", "error[E0902]"),
    ("E0903", "tests/deploy.rs", "error[E0903]"),
    ("E0904", "tests/orders.rs", "error[E0904]"),
    ("E0905", "tests/deploy.rs", "error[E0905]"),
    ("E0907", "tests/deploy.rs", "error[E0907]"),
    ("E0908", "tests/deploy.rs", "error[E0908]"),
    ("W0906", "tests/deploy.rs", "warning[W0906]"),
    ("E0909", "tests/deployments.rs", "error[E0909]"),
    ("E0912", "tests/deployments.rs", "error[E0912]"),
    ("W0910", "tests/deployments.rs", "warning[W0910]"),
    ("W0911", "tests/deployments.rs", "warning[W0911]"),
    ("W0411", "tests/statements.rs", "W0411"),
    ("E0701", "tests/eval.rs", "E0701"),
    ("E0702", "tests/eval.rs", "E0702"),
    ("E0703", "tests/eval.rs", "E0703"),
    ("E0704", "tests/eval.rs", "E0704"),
    ("E0705", "tests/eval.rs", "E0705"),
    ("E0706", "tests/eval.rs", "E0706"),
    ("E0707", "tests/eval.rs", "E0707"),
    ("E0708", "tests/eval.rs", "E0708"),
    ("E0709", "tests/eval.rs", "E0709"),
    ("E0713", "tests/verify.rs", "error[E0713]"),
    ("E0714", "tests/verify_server.rs", "error[E0714]"),
    ("E0712", "tests/verify.rs", "error[E0712]"),
    ("E0720", "tests/score.rs", "E0720"),
    ("E0721", "tests/score.rs", "E0721"),
    ("E0722", "tests/score.rs", "E0722"),
    ("W0724", "tests/definitions.rs", "W0724"),
    ("W0723", "tests/score.rs", "W0723"),
    ("W0607", "tests/limits.rs", "warning[W0607]"),
];

/// Faults of the program itself, which no input is known to trigger.
const INTERNAL: &[&str] = &["E0224", "E0699", "E0711"];

#[test]
fn cases_of_the_command_line() {
    let cases = folders("fixtures/cli");
    assert!(cases.len() > 30, "{} cases", cases.len());
    for case in cases {
        let options = std::fs::read_to_string(case.join("options")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_m2ksql"))
            .args(["compile", "model.json"])
            .args(options.lines())
            .current_dir(&case)
            .output()
            .unwrap();
        let name = case.file_name().unwrap().to_str().unwrap();
        let (code, stderr) = (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(code == 0, !output.stdout.is_empty(), "{name}: exit code {code} and {} bytes", output.stdout.len());
        if let Some(wanted) =
            name.get(..5).filter(|word| word.starts_with(['e', 'w']) && word[1..].parse::<u16>().is_ok())
        {
            assert!(stderr.contains(&format!("[{}]", wanted.to_ascii_uppercase())), "{name}: {stderr}");
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&case);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("stderr", format!("exit code {code}\n{stderr}")));
    }
}

#[test]
fn every_code_is_triggered_by_a_fixture_or_a_named_test() {
    let mut shown = BTreeSet::new();
    for folder in folders("fixtures/cli").into_iter().chain(folders("fixtures/diagnostics")) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "snap") {
                let text = std::fs::read_to_string(file).unwrap();
                shown.extend(codes::all().map(|code| code.id).filter(|id| text.contains(id)));
            }
        }
    }
    for (code, file, words) in ELSEWHERE {
        assert!(codes::find(code).is_some(), "{code} is no code");
        let text = std::fs::read_to_string(path(file)).unwrap();
        assert!(text.contains(words), "{file} does not mention {words}");
    }
    let elsewhere = |id: &str| ELSEWHERE.iter().any(|(code, ..)| *code == id) || INTERNAL.contains(&id);
    let missing: Vec<&str> =
        codes::all().map(|code| code.id).filter(|id| !shown.contains(id) && !elsewhere(id)).collect();
    assert!(missing.is_empty(), "no fixture and no test for {missing:?}");
}

#[test]
fn nesting_100_000_deep() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let result = run_with(&["compile", "-"], &text);
        assert_eq!((result.code, result.stdout.as_str()), (1, ""));
        assert!(result.stderr.starts_with("error[E0105]"), "{}", result.stderr);
        assert!(result.stderr.len() < 4000, "{} bytes", result.stderr.len());
    }
}

#[test]
fn a_large_file_in_one_line_shows_a_window() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("large.json");
    let mut text = String::from("{\"class\": \"LinearRegression\", \"intercept_\": 0.5, \"coef_\": [");
    text.push_str(&"1.5,".repeat(2 << 20));
    text.push_str("oops]}");
    std::fs::write(&file, &text).unwrap();
    let result = run(&["compile", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!((result.code, result.stdout.as_str()), (1, ""));
    assert!(result.stderr.contains("large.json:1:"), "{}", result.stderr);
    assert!(result.stderr.len() < 4000, "{} bytes", result.stderr.len());
}

#[test]
fn a_file_too_large() {
    // 3 GiB of which the file system holds nothing but the first bytes
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("huge.json");
    std::fs::write(&file, "{ \"class\": ").unwrap();
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(3 << 30).unwrap();
    let result = run(&["compile", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!((result.code, result.stdout.as_str()), (1, ""));
    assert!(result.stderr.starts_with("error[E0106]"), "{}", result.stderr);
}

#[test]
fn a_statement_too_large() {
    let features: Vec<String> = (0..90).map(|index| format!("\"f{index}_{}\": 1.5", "x".repeat(10_000))).collect();
    let model = format!("{{ \"type\": \"linear\", \"features\": {{ {} }} }}", features.join(", "));
    let result = run_with(&["compile", "-", "--from", "S"], &model);
    assert_eq!((result.code, result.stdout.as_str()), (1, ""));
    assert!(result.stderr.starts_with("error[E0603]"), "{}", &result.stderr[..1000]);
    let lifted = run_with(&["compile", "-", "--from", "S", "--no-limits"], &model);
    assert!(lifted.code == 0 && lifted.stdout.len() > 900_000);
}

/// The folders in a folder of fixtures, sorted; none if there is no such folder.
fn folders(fixtures: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path(fixtures)) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
