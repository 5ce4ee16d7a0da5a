//! The program as a user meets it: what goes to which stream, exit codes, help.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use program::{run, run_in, run_with};
use std::path::Path;

const FIXTURE: &str = "fixtures/sklearn/logreg_bin_str_iris/model.json";

#[test]
fn help_of_every_command() {
    let commands = [
        "",
        "compile",
        "score",
        "inspect",
        "verify",
        "eval",
        "build",
        "test",
        "diff",
        "fmt",
        "query",
        "plan",
        "apply",
        "status",
        "rollback",
        "drop",
        "compare",
        "promote",
        "abort",
        "explain",
        "formats",
        "ops",
        "exporter",
        "completions",
        "man",
    ];
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
        &["compile", FIXTURE, "--into", "SCORED"],
        &["compile", FIXTURE, "--as", "stream"],
        &["compile", FIXTURE, "--nulls", "drop"],
        &["compile", FIXTURE, "--threshold", "80"],
        &["compile", FIXTURE, "--select", "score"],
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
fn diagnostics_have_colours_only_where_they_are_wanted() {
    let coloured = |environment: &[(&str, &str)]| {
        let result = run_in(&["inspect", "-"], "{", environment);
        assert_eq!((result.code, result.stdout.as_str()), (1, ""));
        assert!(result.stderr.contains("E0103"), "{}", result.stderr);
        result.stderr.contains("\u{1b}[")
    };
    // standard error is a pipe here; the variable stands for a terminal
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
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

/// A fault of each command that diagnoses anything, for programs and for GitHub. Those with rows of their own have another
/// option for it, as `--format` is how rows are written.
#[test]
fn every_command_that_diagnoses_does_so_for_programs_too() {
    let faults: &[&[&str]] = &[
        &["compile", "nothing.json"],
        &["score", "nothing.json", "--input", "nothing.csv"],
        &["inspect", "nothing.json"],
        &["verify", "nothing.json"],
        &["eval", "A +"],
        &["build", "--manifest", "nothing.toml"],
        &["test", "--manifest", "nothing.toml"],
        &["diff", "nothing.json", "nothing.json"],
        &["fmt", "nothing.sql"],
        // no server listens there
        &["query", "SELECT 1;", "--server", "http://127.0.0.1:1"],
        &["plan", FIXTURE, "--from", "S", "--into", "T", "--server", "http://127.0.0.1:1"],
        &["apply", FIXTURE, "--from", "S", "--into", "T", "--server", "http://127.0.0.1:1"],
        &["status", "T", "--server", "http://127.0.0.1:1"],
        &["rollback", "T", "--server", "http://127.0.0.1:1"],
        &["drop", "T", "--server", "http://127.0.0.1:1"],
        &["compare", "T", "--server", "http://127.0.0.1:1"],
        &["promote", "T", "--server", "http://127.0.0.1:1"],
        &["abort", "T", "--server", "http://127.0.0.1:1"],
    ];
    let silent = ["explain", "formats", "ops", "exporter", "completions", "man", "help"];
    let one = |fault: &[&str]| {
        let option = if ["score", "eval", "query"].contains(&fault[0]) { "--diagnostics" } else { "--format" };
        let github = run(&[fault, &[option, "github"][..]].concat());
        assert!(github.code != 0 && github.stderr.starts_with("::error "), "{fault:?}: {}", github.stderr);
        let json = run(&[fault, &[option, "json"][..]].concat());
        for line in json.stderr.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{fault:?}: {line}"));
            assert_eq!(entry["severity"], "error", "{fault:?}");
        }
        assert_eq!((json.code, json.stdout.as_str()), (github.code, ""), "{fault:?}");
    };
    // at once, as those that find no server try again for a while
    std::thread::scope(|scope| faults.iter().for_each(|fault| drop(scope.spawn(|| one(fault)))));
    let listed = run(&["--help"]).stdout;
    let listed = listed.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        assert!(faults.iter().any(|fault| fault[0] == name) || silent.contains(&name), "{name}");
    }
}

/// The table of docs/build.md. 130 needs a signal: `tests/query.rs` and `tests/deploy.rs` send one.
#[test]
fn exit_codes_are_those_of_the_table() {
    let page = std::fs::read_to_string(program::path("docs/build.md")).unwrap();
    let rows =
        page.lines().skip_while(|line| *line != "| code | when |").skip(2).take_while(|line| line.starts_with('|'));
    let codes: Vec<&str> = rows.map(|row| row.split('|').nth(1).unwrap().trim()).collect();
    assert_eq!(codes, ["0", "1", "2", "3", "130"]);
    let cases: &[(i32, &[&str])] = &[
        (0, &["compile", FIXTURE]),
        (0, &["diff", FIXTURE, "fixtures/orders/model.json"]),
        (0, &["build", "--check", "--manifest", "examples/project/m2ksql.toml"]),
        (1, &["compile", "Cargo.toml"]),
        (1, &["compile", FIXTURE, "--schema", "fixtures/orders/source.sql"]),
        (1, &["eval", "NOPE(1)"]),
        (1, &["fmt", "--check", "examples/orders/source.sql", "--width", "20"]),
        (2, &["compile", FIXTURE, "--nope"]),
        (2, &["compile", FIXTURE, "--as", "select"]),
        (2, &["compile", FIXTURE, "--nulls", "skip"]),
        (3, &["compile", "no/such/model.json"]),
        (3, &["compile", FIXTURE, "-o", "no/such/folder.sql"]),
        (3, &["status", "--server", "http://127.0.0.1:1"]),
    ];
    for (code, arguments) in cases {
        let result = run(arguments);
        assert_eq!(result.code, *code, "{arguments:?}: {}", result.stderr);
    }
}

/// The model of the documentation: two classes, one feature.
const ORDERS: &str = r#"{ "type": "logistic", "features": { "orderunits": 10.0 }, "intercept": 2.0 }"#;

#[test]
fn compile_prints_expressions_a_query_or_a_statement() {
    let expression = "1E0 / (1E0 + EXP(-1E1 * ORDERUNITS - 2E0)) AS PROBABILITY";
    let sql = |arguments: &[&str]| {
        let result = run_with(&[&["compile", "-"], arguments].concat(), ORDERS);
        assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{arguments:?}");
        // line breaks and indentation are the printer's business
        result.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(sql(&[]), expression);
    assert_eq!(sql(&["--from", "orders_raw"]), format!("SELECT {expression} FROM ORDERS_RAW EMIT CHANGES;"));
    assert_eq!(
        sql(&["--from", "ORDERS_RAW", "--into", "SCORED", "--keep", "ORDERID,ITEMID", "--where", "ORDERUNITS > 0E0"]),
        format!(
            "CREATE STREAM SCORED AS SELECT ORDERID, ITEMID, {expression} \
             FROM ORDERS_RAW WHERE ORDERUNITS > 0E0 EMIT CHANGES;"
        )
    );
    let full = ["--from", "S", "--into", "T", "--or-replace", "--with", "PARTITIONS=4,REPLICAS=1", "--quote", "always"];
    let full =
        sql(&[&full[..], &["--partition-by", "ITEMID", "--select", "label=`p`,margin", "--threshold", "0.5"]].concat());
    for part in ["CREATE OR REPLACE STREAM `T`", "PARTITIONS = 4, REPLICAS = 1", "PARTITION BY `ITEMID`", "AS `p`"] {
        assert!(full.contains(part), "{part} is not in {full}");
    }
}

#[test]
fn compile_keeps_to_the_width() {
    let wide = run(&["compile", FIXTURE, "--width", "60", "--select", "probability"]).stdout;
    assert!(wide.lines().count() > 3 && wide.lines().all(|line| line.chars().count() <= 60), "{wide}");
}

#[test]
fn compile_prints_every_representation() {
    for (emit, word) in
        [("graph", "Linear"), ("score", "exp"), ("stats", "no rule"), ("plan", "us a row"), ("sql", "EXP(")]
    {
        let result = run_with(&["compile", "-", "--emit", emit], ORDERS);
        assert!(result.code == 0 && result.stdout.contains(word), "{emit}: {result:?}");
    }
}

#[test]
fn a_header_names_program_model_and_hash() {
    let text = run(&["compile", FIXTURE, "--from", "S", "--header"]).stdout;
    let expected = format!(
        "-- m2ksql {}\n-- model {FIXTURE}\n\
         -- sha256 041313738151816b5e16c200c11e5fca570b5ad828dc0d14b345b5abf64b48ff\nSELECT",
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn an_output_file_is_replaced_at_once_or_not_at_all() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("output");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("score.sql");
    std::fs::write(&file, "before").unwrap();
    let name = file.to_str().unwrap();

    let failed = run_with(&["compile", "-", "-o", name], "{");
    assert_eq!((failed.code, std::fs::read_to_string(&file).unwrap().as_str()), (1, "before"));
    let done = run_with(&["compile", "-", "-o", name], ORDERS);
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (0, "", ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), run_with(&["compile", "-"], ORDERS).stdout);
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["score.sql"]);

    let nowhere = run_with(&["compile", "-", "-o", folder.join("no/score.sql").to_str().unwrap()], ORDERS);
    assert_eq!((nowhere.code, nowhere.stdout.as_str()), (3, ""));
    assert!(nowhere.stderr.starts_with("error[E0802]: the file cannot be written: "), "{}", nowhere.stderr);
}

#[test]
fn a_place_in_an_option_is_shown_in_the_option() {
    let result = run_with(&["compile", "-", "--from", "S", "--where", "A +"], ORDERS);
    assert_eq!((result.code, result.stdout.as_str()), (1, ""));
    assert!(
        result.stderr.contains("--> --where:1:4") || result.stderr.contains("--> --where:1:3"),
        "{}",
        result.stderr
    );
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
fn ops_are_those_of_the_docs() {
    assert_eq!(run(&["ops"]).stdout, std::fs::read_to_string(program::path("docs/operators.md")).unwrap());
}

#[test]
fn the_exporter_is_a_script() {
    let script = run(&["exporter", "sklearn"]);
    assert_eq!((script.code, script.stderr.as_str()), (0, ""));
    assert!(script.stdout.starts_with("#!/usr/bin/env python3\n") && script.stdout.contains("def export("));
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

/// Names that SQL would spell otherwise are suggested as they have to be written.
#[test]
fn quoted_names_are_suggested_with_their_quotes() {
    let folder = std::env::temp_dir().join(format!("m2ksql-cli-quoted-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (schema, model) = (folder.join("source.sql"), folder.join("model.json"));
    std::fs::write(&schema, "CREATE STREAM `events` (`Amounts` DOUBLE) WITH (KAFKA_TOPIC='e', VALUE_FORMAT='JSON');")
        .unwrap();
    std::fs::write(&model, r#"{"type": "linear", "features": {"amount": 2.0}, "intercept": 0.5}"#).unwrap();
    let compile = |from: &str, more: &[&str]| {
        let base = ["compile", model.to_str().unwrap(), "--schema", schema.to_str().unwrap(), "--from", from];
        run(&[&base[..], more].concat())
    };
    let unknown = compile("events", &[]);
    assert!(unknown.stderr.contains("help: write it in backquotes: `events`\n"), "{}", unknown.stderr);
    let unbound = compile("`events`", &[]);
    assert!(unbound.stderr.contains("Then add `--rename 'amount=`Amounts`'`\n"), "{}", unbound.stderr);
    // what is suggested is what works
    let fine = compile("`events`", &["--rename", "amount=`Amounts`"]);
    assert_eq!((fine.code, fine.stderr.as_str()), (0, ""));
    assert!(fine.stdout.contains("2E0 * `Amounts` + 5E-1"), "{}", fine.stdout);
    std::fs::remove_dir_all(folder).unwrap();
}
