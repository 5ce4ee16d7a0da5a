//! The program as a user meets it: what goes to which stream, exit codes, help.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod program;

use program::{run, run_with};

const FIXTURE: &str = "fixtures/sklearn/logreg_bin_str_iris/model.json";

#[test]
fn help_of_every_command() {
    let commands = ["", "inspect", "explain", "formats", "exporter", "completions", "man"];
    for command in commands {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|argument| !argument.is_empty()).collect();
        let help = run(&arguments);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{command}");
        insta::assert_snapshot!(format!("help-{command}"), help.stdout);
    }
    // a command that is not in the list above has no snapshot
    let listed = run(&["--help"]).stdout;
    let listed = listed.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    names.retain(|name| *name != "help");
    assert_eq!(names, commands[1..]);
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &[][..],
        &["inspect"],
        &["inspect", FIXTURE, "--link", "cubic"],
        &["inspect", FIXTURE, "--format", "xml"],
        &["explain", "E9999"],
        &["man", "nothing"],
        &["bogus"],
    ] {
        let result = run(arguments);
        assert_eq!((result.code, result.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(!result.stderr.is_empty());
    }
}

#[test]
fn a_fault_of_the_input_exits_with_1_and_prints_nothing_on_stdout() {
    let result = run_with(&["inspect", "-"], "{\"class\": \"LinearRegression\", \"coef_\": [1.0, 2.0}");
    assert_eq!((result.code, result.stdout.as_str()), (1, ""));
    assert!(result.stderr.contains("error[E01") && result.stderr.contains("<stdin>:1:"), "{}", result.stderr);
}

#[test]
fn a_fault_of_a_file_exits_with_3() {
    for path in ["no/such/model.json", "."] {
        let result = run(&["inspect", path]);
        assert_eq!((result.code, result.stdout.as_str()), (3, ""), "{path}");
        assert!(result.stderr.starts_with("error[E0801]: the file cannot be read: "), "{}", result.stderr);
    }
}

#[test]
fn diagnostics_have_no_colours_away_from_a_terminal() {
    assert!(!run_with(&["inspect", "-"], "{").stderr.contains('\u{1b}'));
}

#[test]
fn diagnostics_for_programs_are_one_object_a_line() {
    let result = run_with(&["inspect", "-", "--format", "json"], "{\"class\": \"LinearSVC\", \"coef_\": [[1, NaN]]}");
    assert_eq!((result.code, result.stdout.as_str()), (1, ""));
    let lines: Vec<serde_json::Value> =
        result.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.len() > 1);
    for line in lines {
        assert_eq!(line["severity"], "error");
        assert_eq!(line["place"]["file"], "<stdin>");
        assert_eq!(line["place"]["line"], 1);
    }
}

#[test]
fn inspect_says_what_was_understood() {
    let result = run(&["inspect", FIXTURE]);
    assert_eq!((result.code, result.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("inspect", result.stdout);
}

#[test]
fn inspect_for_programs() {
    let result = run(&["inspect", FIXTURE, "--format", "json"]);
    let it: serde_json::Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(it["format"], "scikit-learn");
    assert_eq!(it["task"], "binary classification");
    assert_eq!(it["classes"], serde_json::json!(["setosa", "versicolor"]));
    assert_eq!(it["features"].as_array().unwrap().len(), 4);
    assert_eq!(it["features"][0], serde_json::json!({"name": "sepal length (cm)", "type": "number", "float32": false}));
    assert_eq!(it["bytes"].as_u64().unwrap(), std::fs::metadata(program::path(FIXTURE)).unwrap().len());
    // sha256sum of the file
    assert_eq!(it["sha256"], "041313738151816b5e16c200c11e5fca570b5ad828dc0d14b345b5abf64b48ff");
}

#[test]
fn standard_input_is_a_file_too() {
    let model = std::fs::read_to_string(program::path(FIXTURE)).unwrap();
    let from_file = run(&["inspect", FIXTURE]).stdout.replace(FIXTURE, "<stdin>");
    assert_eq!(run_with(&["inspect", "-"], &model).stdout, from_file);
}

#[test]
fn explain_one_and_all() {
    let one = run(&["explain", "e0102"]).stdout;
    assert!(one.starts_with("E0102: not JSON\n\n"), "{one}");
    assert!(one.lines().all(|line| line.chars().count() <= 80), "{one}");
    let all = run(&["explain"]).stdout;
    assert_eq!(all.lines().count(), m2ksql::diag::codes::all().count());
    assert!(all.contains("E0102  not JSON\n"));
}

#[test]
fn formats_and_their_schema() {
    let table = run(&["formats"]).stdout;
    for format in m2ksql::load::FORMATS {
        assert!(table.contains(&format!("{}\n    {}\n", format.name, format.description)), "{table}");
    }
    let schema: serde_json::Value = serde_json::from_str(&run(&["formats", "--schema"]).stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn completions_and_man_pages_come_from_the_definitions() {
    for (shell, word) in [("bash", "_m2ksql"), ("zsh", "#compdef m2ksql"), ("fish", "complete -c m2ksql")] {
        let script = run(&["completions", shell]).stdout;
        assert!(script.contains(word) && script.contains("inspect"), "{shell}");
    }
    let page = run(&["man"]).stdout;
    assert!(page.contains(".TH m2ksql 1") && page.contains("m2ksql\\-inspect(1)"), "{page}");
    assert!(run(&["man", "inspect"]).stdout.contains(".TH m2ksql-inspect 1"));
}
