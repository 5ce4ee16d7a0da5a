//! Models in JSON: one reader that keeps places, one loader a producer.

mod expect;
mod read;
mod value;

mod build;
pub mod coefficients;
pub mod own;
pub mod sklearn;
pub mod trees;
pub mod xgboost;

pub use read::{MAX_BYTES, MAX_DEPTH};
pub use value::{Document, Items, Json, Kind, Members};

use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId, Sources};
use read::FaultKind;

/// Reads a text of at most [`MAX_BYTES`]. Duplicate keys are reported all at once.
pub fn parse<'a>(sources: &'a Sources, source: SourceId, report: &mut Report) -> Result<Document<'a>, Failed> {
    let text = sources.text(source);
    let table = match read::read(text) {
        Ok(table) => table,
        Err(fault) => return Err(report.fail(describe(text, source, &fault))),
    };
    let document = Document::new(text, source, table);
    let since = report.len();
    for &(first, second) in document.duplicates() {
        let (place, key) = document.key_place(second);
        report.push(
            Diagnostic::new(&codes::DUPLICATE_KEY, format!("the key `{key}` stands twice in one object"))
                .at(place)
                .label("again here")
                .related(document.key_place(first).0, "first here")
                .help("keep one of them"),
        );
    }
    report.check(since)?;
    Ok(document)
}

fn describe(text: &str, source: SourceId, fault: &read::Fault) -> Diagnostic {
    let end = text[fault.at..].chars().next().map_or(fault.at, |character| fault.at + character.len_utf8());
    let place = Place::span(source, fault.at..end);
    match fault.kind {
        FaultKind::Ended { opened } => {
            let what = match opened.map(|at| text.as_bytes()[at]) {
                Some(b'"') => "string",
                Some(b'[') => "array",
                Some(_) => "object",
                None => "value",
            };
            let mut diagnostic =
                Diagnostic::new(&codes::TRUNCATED, format!("the file ends inside {} {what}", article(what)))
                    .at(place)
                    .help("the file was probably cut off: write or copy it again");
            if let Some(at) = opened {
                diagnostic = diagnostic.related(Place::span(source, at..at + 1), format!("the {what} begins here"));
            }
            diagnostic
        }
        FaultKind::Expected(what, help) => {
            let found = match text[fault.at..].chars().next() {
                Some(character) => format!("found `{}`", shown(character)),
                None => "the file ends".into(),
            };
            let diagnostic = Diagnostic::new(&codes::NOT_JSON, format!("expected {what}, {found}")).at(place);
            let nothing_before = text[..fault.at].trim_start_matches('\u{feff}').trim().is_empty();
            match help {
                Some(help) => diagnostic.help(help),
                None if nothing_before => diagnostic.help("a model is JSON or ONNX: see `m2ksql formats`"),
                None => diagnostic,
            }
        }
        FaultKind::TooDeep => {
            Diagnostic::new(&codes::TOO_DEEP, format!("more than {MAX_DEPTH} nested arrays and objects"))
                .at(place)
                .help("no known producer nests so deep: check how the file was made")
        }
    }
}

/// A character, control characters as escapes.
fn shown(character: char) -> String {
    if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}
