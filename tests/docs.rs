//! The documentation against the program: examples are run, generated pages are compared, links lead somewhere.
//!
//! `UPDATE_DOCS=1 cargo test --test docs` writes the generated pages anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod program;

use m2ksql::diag::{Group, codes};
use program::{path, run};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The page of formats has the table of formats, and of scikit-learn names every estimator that is supported and no other.
#[test]
fn the_page_of_formats_is_up_to_date() {
    let page = std::fs::read_to_string(path("docs/formats.md")).unwrap();
    let (before, rest) = page.split_once("<!-- from the table of formats -->\n").unwrap();
    let (found, after) = rest.split_once("<!-- to here -->\n").unwrap();
    let mut generated = "| format | what it is | recognized by |\n|---|---|---|\n".to_owned();
    for format in m2ksql::load::FORMATS {
        writeln!(generated, "| {} | {} | {} |", format.name, format.description, format.sign).unwrap();
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let marks = ["<!-- from the table of formats -->\n", "<!-- to here -->\n"];
        std::fs::write(path("docs/formats.md"), [before, marks[0], &generated, marks[1], after].concat()).unwrap();
    } else {
        assert!(found == generated, "docs/formats.md is out of date: run the tests with UPDATE_DOCS=1");
    }
    let table = page.lines().skip_while(|line| *line != "| kind | supported |").skip(2);
    let table: String = table.take_while(|line| line.starts_with('|')).collect();
    // `Lasso(CV)` is Lasso and LassoCV
    let mut documented = BTreeSet::new();
    for cell in table.split(['|', '.']) {
        for (at, _) in cell.match_indices(|char: char| char.is_ascii_uppercase()) {
            let before = &cell[..at];
            let inside = before.matches('(').count() > before.matches(')').count();
            if inside || before.ends_with(|char: char| char.is_alphanumeric()) {
                continue;
            }
            let word: String = cell[at..].chars().take_while(char::is_ascii_alphanumeric).collect();
            let rest = &cell[at + word.len()..];
            let endings = rest.strip_prefix('(').and_then(|rest| rest.split(')').next()).unwrap_or_default();
            let endings = endings.split(", ").filter(|ending| ["CV", "IC"].contains(ending));
            documented.extend(endings.map(|ending| format!("{word}{ending}")));
            documented.insert(word);
        }
    }
    let supported: BTreeSet<String> = m2ksql::load::json::sklearn::supported().map(str::to_owned).collect();
    let missing: Vec<&String> = supported.difference(&documented).collect();
    let wrong: Vec<&String> = documented.difference(&supported).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "not on the page: {missing:?}; not supported: {wrong:?}");
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

/// The pages of the book, and what lies beside it.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = ["README.md", "CHANGELOG.md"].map(path).to_vec();
    let folders = ["docs", "examples/project", "examples/orders", "examples/build-script"];
    for entry in folders.into_iter().flat_map(|folder| std::fs::read_dir(path(folder)).unwrap()) {
        pages.extend(Some(entry.unwrap().path()).filter(|page| page.extension().is_some_and(|ending| ending == "md")));
    }
    pages.sort();
    pages
}

/// Every `$ m2ksql …` and `$ cat …` of a console block prints what the block says.
#[test]
fn examples_of_the_pages_run() {
    let mut examples = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for block in text.split("```console\n").skip(1) {
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
                assert_eq!(found, expected, "{}: {command}", page.display());
                examples += 1;
            }
        }
    }
    assert!(examples >= 10, "{examples} examples");
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

/// The lines of a page that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let plain = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = plain.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
        kept.map(|char| if char == ' ' { '-' } else { char }).collect::<String>()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_lead_somewhere_and_to_headings_that_are_there() {
    let (mut links, mut places) = (0, 0);
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let lines: Vec<&str> = prose(&text).collect();
        for link in lines.join("\n").split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", page.display());
            links += 1;
            if !anchor.is_empty() {
                let there = anchors(&std::fs::read_to_string(&target).unwrap());
                assert!(there.contains(anchor), "{}: {link} is none of {there:?}", page.display());
                places += 1;
            }
        }
    }
    assert!(links >= 30 && places >= 1, "{links} links, {places} to a heading");
}

/// What a page names in code as a path of the source is there.
#[test]
fn paths_in_the_pages_exist() {
    let mut paths = BTreeSet::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let code = text.split('`').skip(1).step_by(2).map(str::to_owned);
        paths.extend(code.filter(|it| ["src/", "tests/", "fixtures/", "docs/"].iter().any(|top| it.starts_with(top))));
    }
    let plain = |name: &&String| name.chars().all(|char| char.is_ascii_alphanumeric() || "/._-".contains(char));
    let missing: Vec<_> = paths.iter().filter(plain).filter(|name| !path(name).exists()).collect();
    assert!(missing.is_empty() && paths.len() > 30, "{} paths, missing: {missing:?}", paths.len());
}

#[test]
fn the_book_lists_every_page() {
    let summary = std::fs::read_to_string(path("docs/SUMMARY.md")).unwrap();
    // mdBook renders what lies in its folder
    for page in summary.split("](").skip(1).map(|link| link.split(')').next().unwrap()) {
        assert!(!page.contains('/') && page.ends_with(".md"), "{page} is no page of the book");
    }
    let names = std::fs::read_dir(path("docs")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names.filter(|name| name.ends_with(".md")) {
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name} is not in docs/SUMMARY.md");
    }
}

#[test]
fn the_workflow_the_hooks_and_the_makefile_of_the_sample_project_work() {
    let folder = std::env::temp_dir().join(format!("m2ksql-docs-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    program::copy(&path("examples/project"), &folder);
    let program = Path::new(env!("CARGO_BIN_EXE_m2ksql"));
    let workflow = std::fs::read_to_string(path("examples/project/ci.yml")).unwrap();
    let commands: Vec<&str> = workflow.lines().filter_map(|line| line.trim().strip_prefix("- run: m2ksql ")).collect();
    assert_eq!(commands.len(), 3);
    for command in commands {
        let result = Command::new(program).args(command.split(' ')).current_dir(&folder).output().unwrap();
        assert!(result.status.success(), "{command}: {}", String::from_utf8_lossy(&result.stderr));
    }
    let hooks = std::fs::read_to_string(path(".pre-commit-hooks.yaml")).unwrap();
    let hooks: Vec<&str> = hooks.lines().filter_map(|line| line.trim().strip_prefix("entry: m2ksql ")).collect();
    assert_eq!(hooks.len(), 3);
    for hook in hooks {
        // the files that are committed
        let files: &[&str] = if hook == "fmt" { &["schema.sql", "features.sql"] } else { &[] };
        let words = hook.split(' ').chain(files.iter().copied());
        let result = Command::new(program).args(words).current_dir(&folder).output().unwrap();
        assert!(result.status.success(), "{hook}: {}", String::from_utf8_lossy(&result.stderr));
    }
    let make = |target: &str| {
        let variable = format!("M2KSQL={}", program.display());
        Command::new("make").args([target, &variable]).current_dir(&folder).output()
    };
    let Ok(first) = make("all") else {
        println!("make is not there: its example is skipped");
        return;
    };
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let again = make("all").unwrap();
    assert!(String::from_utf8_lossy(&again.stdout).contains("Nothing to be done"), "{again:?}");
    let model = folder.join("models/price.json");
    let text = std::fs::read_to_string(&model).unwrap();
    // make tells by the time of a file, to the second on some file systems
    std::thread::sleep(std::time::Duration::from_millis(1100));
    std::fs::write(&model, text.replace("0.75", "0.875")).unwrap();
    let third = make("all").unwrap();
    assert!(third.status.success() && String::from_utf8_lossy(&third.stdout).contains("sql/price.sql"), "{third:?}");
    assert!(std::fs::read_to_string(folder.join("sql/price.sql")).unwrap().contains("8.75E-1"));
    assert!(
        make("all").unwrap().status.success() && !make("check").unwrap().status.success(),
        "its case expects the old price"
    );
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
