//! Diagnostics for programs: one JSON object a line.

use serde::Serialize;

use super::Texts;
use crate::diag::{Diagnostic, Place, Report, Sources};

/// The diagnostics of a report, one JSON object a line.
///
/// Members: `severity` (`error`, `warning`), `code`, `title` (of the code), `message`, `place` or null, `label`,
/// `related` (places with their `label`), `notes`, `help` or null. A place has `file`, `path` (a JSON pointer, an ONNX
/// node) or null, and for a text `line`, `column` (from 1, in characters), `offset` and `length` (in bytes), else null.
pub(in crate::cli) fn json(report: &Report, sources: &Sources) -> String {
    let mut texts = Texts::new(sources);
    let mut result = String::new();
    for diagnostic in report.diagnostics() {
        // only a map with keys that are no strings can fail
        if let Ok(line) = serde_json::to_string(&entry(diagnostic, &mut texts)) {
            result.push_str(&line);
            result.push('\n');
        }
    }
    result
}

#[derive(Serialize)]
struct Entry<'a> {
    severity: &'static str,
    code: &'static str,
    title: &'static str,
    message: &'a str,
    place: Option<Location<'a>>,
    label: &'a str,
    related: Vec<Related<'a>>,
    notes: &'a [String],
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct Related<'a> {
    #[serde(flatten)]
    place: Location<'a>,
    label: &'a str,
}

#[derive(Serialize)]
struct Location<'a> {
    file: &'a str,
    path: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    offset: Option<usize>,
    length: Option<usize>,
}

fn entry<'a>(diagnostic: &'a Diagnostic, texts: &mut Texts<'a>) -> Entry<'a> {
    Entry {
        severity: diagnostic.severity().name(),
        code: diagnostic.code.id,
        title: diagnostic.code.title,
        message: &diagnostic.message,
        place: diagnostic.place.as_ref().map(|place| location(place, texts)),
        label: &diagnostic.label,
        related: diagnostic
            .related
            .iter()
            .map(|(place, label)| Related { place: location(place, texts), label })
            .collect(),
        notes: &diagnostic.notes,
        help: diagnostic.help.as_deref(),
    }
}

fn location<'a>(place: &'a Place, texts: &mut Texts<'a>) -> Location<'a> {
    let position = texts.position(place);
    let span = place.span.as_ref().filter(|_| position.is_some());
    Location {
        file: texts.sources.name(place.source),
        path: place.path.as_deref(),
        line: position.map(|position| position.line),
        column: position.map(|position| position.column),
        offset: span.map(|span| span.start),
        length: span.map(|span| span.end.saturating_sub(span.start)),
    }
}
