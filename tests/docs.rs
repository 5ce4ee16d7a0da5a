//! The documentation against the program: examples are run, generated pages are compared, links lead somewhere.
//!
//! `UPDATE_DOCS=1 cargo test --test docs` writes the generated pages anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use m2ksql::diag::{Group, codes};
use program::{path, run};
use std::fmt::Write;

#[test]
fn the_page_of_errors_is_up_to_date() {
    let mut page = String::from(
        "# Diagnostics\n\nGenerated from `src/diag/codes/`; `m2ksql explain CODE` prints the same. `E` is an error: nothing is \
         written. `W` is a\nwarning: the product is right, but there is something to know about it.\n",
    );
    for (digits, group, title) in Group::ALL {
        write!(page, "\n## {digits}xx: {title}\n").unwrap();
        for code in codes::all().filter(|code| code.group() == *group) {
            write!(page, "\n### {}: {}\n\n{}\n", code.id, code.title, escaped(code.explanation)).unwrap();
        }
    }
    let file = path("docs/errors.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == page, "docs/errors.md is out of date: run the tests with UPDATE_DOCS=1");
}

/// `<` outside of code, which Markdown would take for a tag.
fn escaped(text: &str) -> String {
    let mut code = false;
    text.chars().fold(String::new(), |mut result, char| {
        code ^= char == '`';
        if char == '<' && !code {
            result.push('\\');
        }
        result.push(char);
        result
    })
}

/// Every `$ m2ksql …` and `$ cat …` of a console block prints what the block says.
#[test]
fn examples_of_the_readme_run() {
    let readme = std::fs::read_to_string(path("README.md")).unwrap();
    let mut examples = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for example in block.split("$ ").skip(1) {
            let (command, expected) = example.split_once('\n').unwrap();
            let words = words(command);
            let found = match words[0].as_str() {
                "cat" => std::fs::read_to_string(path(&words[1])).unwrap(),
                "m2ksql" => {
                    let result = run(&words[1..].iter().map(String::as_str).collect::<Vec<_>>());
                    assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{command}");
                    result.stdout
                }
                other => panic!("`{other}` is not run here"),
            };
            assert_eq!(found, expected, "{command}");
            examples += 1;
        }
    }
    assert!(examples >= 3, "{examples} examples");
}

/// The commands of the shell block: one runs the main job on a fixture, the other is `cargo test`.
#[test]
fn commands_of_the_readme_work() {
    let readme = std::fs::read_to_string(path("README.md")).unwrap();
    let block = readme.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let commands: Vec<&str> = block.lines().collect();
    assert_eq!((commands.len(), commands[1]), (2, "cargo test"));
    let words = words(commands[0].strip_prefix("cargo run --quiet -- ").unwrap());
    let result = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((result.code, result.stderr.as_str()), (0, ""));
    assert!(result.stdout.contains("SELECT"));
    // what the claims are repeated with exists
    for name in ["the_fixtures_agree", "--test ksqldb"] {
        assert!(readme.contains(name));
    }
    assert!(std::fs::read_to_string(path("src/load/tests.rs")).unwrap().contains("fn the_fixtures_agree()"));
    assert!(path("tests/ksqldb.rs").exists());
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut links = 0;
    let documents = std::fs::read_dir(path("docs")).unwrap().map(|entry| entry.unwrap().path());
    for document in documents.chain([path("README.md"), path("CHANGELOG.md")]) {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap().split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(document.parent().unwrap().join(target).exists(), "{}: {target}", document.display());
            links += 1;
        }
    }
    assert!(links >= 3, "{links} links");
}

/// The words of a command line with single quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for char in line.chars() {
        match char {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            char => {
                word.push(char);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}
