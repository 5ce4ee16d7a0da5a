//! The sample project as its users build, check and test it, and what changed between two models.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod program;

use program::{Run, copy, path, run};
use std::fs;
use std::path::PathBuf;

/// A copy of the sample project.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("m2ksql-build-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        copy(&path("examples/project"), &folder);
        Project(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    /// Replaces a part of a file that must be there.
    fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.text(name);
        assert!(text.contains(old), "{name} has no {old}");
        self.write(name, &text.replace(old, new));
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Run {
        let manifest = self.path("m2ksql.toml");
        run(&[&[command, "--manifest", &manifest], arguments].concat())
    }
}

#[test]
fn the_sample_project_is_up_to_date_and_its_cases_pass() {
    // a change of the compiler changes its SQL: `UPDATE_DOCS=1 cargo test --test build` writes it anew
    if std::env::var_os("UPDATE_DOCS").is_some() {
        assert_eq!(run(&["build", "--all", "--manifest", "examples/project/m2ksql.toml"]).code, 0);
    }
    let check = run(&["build", "--check", "--manifest", "examples/project/m2ksql.toml"]);
    assert_eq!((check.code, check.stdout.as_str(), check.stderr.as_str()), (0, "", ""), "see UPDATE_DOCS above");
    let test = run(&["test", "--manifest", "examples/project/m2ksql.toml"]);
    assert_eq!((test.code, test.stderr.as_str()), (0, ""));
    assert!(test.stdout.ends_with("2 passed, 0 failed\n"), "{}", test.stdout);
}

#[test]
fn an_edited_coefficient_fails_the_check_with_a_difference() {
    let project = Project::new("edited");
    project.edit("models/price.json", "0.75", "0.875");
    let check = project.run("build", &["--check"]);
    assert_eq!(check.code, 1);
    assert!(check.stderr.contains("E0520") && check.stderr.contains("sql/price.sql"), "{}", check.stderr);
    let changed: Vec<&str> = check.stdout.lines().filter(|line| line.starts_with(['-', '+'])).skip(2).collect();
    let expected =
        ["-  7.5E-1 * COALESCE(CAST(AGE AS DOUBLE), 0E0)", "+  8.75E-1 * COALESCE(CAST(AGE AS DOUBLE), 0E0)"];
    assert_eq!(changed, expected, "{}", check.stdout);
    let before = project.text("sql/price.sql");
    let github = project.run("build", &["--check", "--format", "github"]);
    assert!(github.stderr.starts_with("::error file="), "{}", github.stderr);
    assert!(github.stderr.contains("title=E0520%3A SQL that is out of date::"), "{}", github.stderr);
    assert_eq!(project.text("sql/price.sql"), before, "a check writes nothing");
    // a model of other features is another contract: its case fails too, and says what it got
    let test = project.run("test", &[]);
    assert_eq!(test.code, 1);
    assert!(test.stdout.contains("1 passed, 1 failed"), "{}", test.stdout);
    assert!(
        test.stderr.contains("E0725") && test.stderr.contains("expected `60`, the SQL gives `65.0`"),
        "{}",
        test.stderr
    );
    let build = project.run("build", &[]);
    assert_eq!((build.code, build.stdout.as_str()), (0, format!("{}\n", project.path("sql/price.sql")).as_str()));
    assert_eq!(project.run("build", &["--check"]).code, 0);
}

#[test]
fn only_what_changed_is_written_and_what_was_edited_by_hand_is_restored() {
    let project = Project::new("changed");
    let first = project.run("build", &["--emit-deps", &project.path("build.d")]);
    assert_eq!((first.code, first.stdout.as_str()), (0, ""), "the files are as they should be: {}", first.stderr);
    let rules = project.text("build.d");
    let rule = rules.lines().next().unwrap();
    for part in ["sql/churn.sql: ", "models/churn.json", "schema.sql", "features.sql", "m2ksql.toml"] {
        assert!(rule.contains(part), "{rule}");
    }
    let sql = project.text("sql/calls.sql");
    project.write("sql/calls.sql", "-- by hand\n");
    fs::remove_file(project.path("sql/churn.sql")).unwrap();
    let check = project.run("build", &["--check"]);
    assert!(check.stderr.contains("the SQL of `models/churn.json` is missing"), "{}", check.stderr);
    let build = project.run("build", &[]);
    assert_eq!((build.code, build.stdout.lines().count()), (0, 2), "{}", build.stdout);
    assert_eq!(project.text("sql/calls.sql"), sql);
    // a schema goes into every model
    project.edit("schema.sql", "AGE INTEGER", "AGE DOUBLE");
    let build = project.run("build", &[]);
    assert_eq!(build.stdout.lines().count(), 1, "only where AGE is cast: {}", build.stdout);
}

#[test]
fn errors_of_all_models_come_in_one_run_and_the_others_are_built() {
    let project = Project::new("errors");
    project.edit("models/churn.json", "\"age\"", "\"agee\"");
    project.edit("models/calls.json", "\"linear\"", "\"liner\"");
    project.edit("models/price.json", "12.0", "13.0");
    let build = project.run("build", &[]);
    assert_eq!((build.code, build.stdout.as_str()), (1, format!("{}\n", project.path("sql/price.sql")).as_str()));
    for words in ["did you mean `AGE`?", "models/churn.json", "models/calls.json"] {
        assert!(build.stderr.contains(words), "{words}: {}", build.stderr);
    }
    // what did not compile is not taken for done
    assert_eq!(project.run("build", &[]).code, 1);
}

#[test]
fn a_manifest_that_is_wrong_is_shown_where_it_is() {
    let project = Project::new("manifest");
    project.edit("m2ksql.toml", "threshold = 0.3", "treshold = 0.3");
    let wrong = project.run("build", &[]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (1, ""));
    assert!(
        wrong.stderr.contains("E0519") && wrong.stderr.contains("`treshold` is no key of a model"),
        "{}",
        wrong.stderr
    );
    assert!(wrong.stderr.contains("did you mean `threshold`?"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("m2ksql.toml:14:1"), "{}", wrong.stderr);
    project.edit("m2ksql.toml", "treshold = 0.3", "threshold = 30");
    let wrong = project.run("build", &[]);
    assert!(wrong.stderr.contains("expected a probability between 0 and 1"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("m2ksql.toml:14:13"), "{}", wrong.stderr);
    project.write("m2ksql.toml", "[[model]]\nfile = \"models/calls.json\"\n");
    let none = project.run("test", &[]);
    assert_eq!((none.code, none.stdout.as_str()), (1, "0 passed, 0 failed\n"));
    assert!(none.stderr.contains("E0726"), "{}", none.stderr);
}

#[test]
fn the_schema_of_a_manifest_has_every_key() {
    insta::assert_snapshot!("manifest-schema", run(&["build", "--schema"]).stdout);
}

#[test]
fn a_manifest_is_watched() {
    let project = Project::new("watched");
    project.edit("m2ksql.toml", "file = \"models/calls.json\"", "file = \"models/c*l*.json\"");
    project.edit("m2ksql.toml", "CUSTOMER_CALLS", "CUSTOMER_{name}");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_m2ksql"))
        .args(["build", "--watch", "--manifest", &project.path("m2ksql.toml")])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let state = project.0.join(".m2ksql-build.json");
    let until = |done: &dyn Fn() -> bool| {
        (0..200).any(|_| {
            done() || {
                std::thread::sleep(std::time::Duration::from_millis(50));
                false
            }
        })
    };
    let started = until(&|| state.exists());
    project.edit("models/price.json", "12.0", "14.0");
    let rebuilt = started && until(&|| project.text("sql/price.sql").contains("1.4E1"));
    // a file that a pattern did not find before
    project.write("models/colour.json", &project.text("models/calls.json"));
    let found = rebuilt && until(&|| project.0.join("sql/colour.sql").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(rebuilt && found, "{rebuilt} {found}");
}
