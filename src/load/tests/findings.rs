//! What is found wrong with files, as text: `fixtures/diagnostics/<code>-<words>/`, and what no file of the repository can show.

use super::{run, run_with};
use crate::diag::{Place, Report, Sources};
use crate::load::{Link, Options, load};
use proptest::prelude::*;
use std::fmt::Write;
use std::path::Path;

/// Every finding of a file, one a line, with its places, notes and help below.
fn render(sources: &Sources, report: &Report) -> String {
    let place = |place: &Place| {
        let mut text = String::new();
        if let Some(span) = &place.span {
            let (line, column) = sources.line_column(place.source, span.start);
            let _ = write!(text, "{line}:{column}");
            let marked = sources.text(place.source).get(span.clone()).unwrap_or("");
            let _ = write!(text, " `{}`", marked.escape_debug().to_string().chars().take(30).collect::<String>());
        }
        if let Some(path) = &place.path {
            let _ = write!(text, " {path}");
        }
        text
    };
    let mut text = String::new();
    for found in report.diagnostics() {
        let _ = writeln!(text, "{} {}", found.code.id, found.message);
        let _ = writeln!(text, "  at {} {}", found.place.as_ref().map_or(String::new(), place), found.label);
        for (related, words) in &found.related {
            let _ = writeln!(text, "  {words}: {}", place(related));
        }
        for note in &found.notes {
            let _ = writeln!(text, "  note: {note}");
        }
        if let Some(help) = &found.help {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    text
}

#[test]
fn findings_are_told_with_their_places() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/diagnostics");
    let mut folders: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut codes = std::collections::BTreeSet::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let code = name.split('-').next().unwrap().to_uppercase();
        if !(code[1..].starts_with("01") || code[1..].starts_with("02")) {
            continue;
        }
        let file = if folder.join("model.bin").exists() { "model.bin" } else { "model.json" };
        let link = std::fs::read_to_string(folder.join("link.txt")).ok().and_then(|name| Link::find(&name));
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let result = load(&mut sources, file, bytes, &Options { link, ..Options::default() }, &mut report);
        assert_eq!(result.is_err(), report.has_errors(), "{name}");
        assert!(
            report.diagnostics().iter().any(|found| found.code.id == code),
            "{name}: {}",
            render(&sources, &report)
        );
        codes.insert(code);
        insta::with_settings!({ snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("findings", render(&sources, &report));
        });
    }
    // These have tests of their own.
    let elsewhere = ["E0106", "E0224"];
    for code in crate::diag::codes::load::CODES {
        assert!(codes.contains(code.id) || elsewhere.contains(&code.id), "{} has no fixture", code.id);
    }
}

#[test]
fn a_file_beyond_the_limit_is_refused_by_its_size() {
    // Zeroed memory is not touched before it is used.
    let mut bytes = vec![0; crate::load::json::MAX_BYTES + 1];
    bytes[0] = b'[';
    let (graph, report) = run_with(bytes, &Options::default());
    let [found] = report.diagnostics() else { panic!("{report:?}") };
    assert!(graph.is_err() && found.code.id == "E0106" && found.message.contains("at most 1024 MiB"), "{found:?}");
}

#[test]
fn every_number_of_a_wrong_matrix_is_reported_up_to_a_limit() {
    let rows = vec!["[NaN, 1]"; 100].join(",");
    let text =
        format!(r#"{{"class": "LogisticRegression", "coef_": [{rows}], "intercept_": [0], "classes_": [0, 1]}}"#);
    let (_, report) = run(&text);
    let count = report.diagnostics().iter().filter(|found| found.code.id == "E0205").count();
    assert!((2..=50).contains(&count), "{count}");
}

/// Texts of models, to be damaged.
fn models() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut models = Vec::new();
    for family in ["coefficients", "own", "sklearn"] {
        for case in super::cases::folders(&root.join(family)) {
            let text = std::fs::read_to_string(case.join("model.json")).unwrap();
            if text.len() < 6_000 {
                models.push(text);
            }
        }
    }
    assert!(models.len() > 20);
    models
}

/// The ends of a JSON value or key at or after this place, found by the quotes and digits around it.
fn token(text: &str, at: usize) -> std::ops::Range<usize> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-+".contains(&byte);
    let start = text.bytes().skip(at).position(is_part).map_or(text.len(), |found| at + found);
    let end = text.bytes().skip(start).position(|byte| !is_part(byte)).map_or(text.len(), |found| start + found);
    start..end
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// A damaged model loads, or is refused with a message; never a panic, never an unsound graph.
    #[test]
    fn damaged_models_are_loaded_or_refused(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in 0usize..18) {
        const OTHERS: [&str; 18] = [
            "0", "-1", "1e308", "1e999", "NaN", "null", "true", "[]", "{}", "[[]]", "\"\"", "\"x\"", "4000000000", "[1,[2]]", "[null]",
            "{\"class\":\"Ridge\"}", "\"drop\"", "2.5",
        ];
        thread_local!(static MODELS: Vec<String> = models());
        let text = MODELS.with(|models| which.get(models).clone());
        let place = at.index(text.len());
        let place = (0..=place).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let token = token(&text, place);
        prop_assume!(text.is_char_boundary(token.start) && text.is_char_boundary(token.end));
        let damaged = format!("{}{}{}", &text[..token.start], OTHERS[with], &text[token.end..]);
        for text in [damaged, text[..place].to_owned()] {
            let (graph, report) = run(&text);
            prop_assert_eq!(graph.is_err(), report.has_errors());
            let unsound = report.diagnostics().iter().any(|found| found.code.id == "E0224");
            prop_assert!(!unsound, "{}\n{:?}", text, report.diagnostics());
        }
    }

    #[test]
    fn bytes_are_no_model(bytes in prop::collection::vec(any::<u8>(), 0..64), start in "[{\\[]?") {
        let mut content = start.into_bytes();
        content.extend(bytes);
        let (graph, report) = run_with(content, &Options::default());
        prop_assert!(graph.is_err() && report.has_errors());
    }
}
