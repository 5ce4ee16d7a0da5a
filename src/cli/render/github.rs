//! Diagnostics as workflow commands of GitHub Actions, which show them beside the lines of a pull request.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>: `%`, line ends and, in properties, `:` and `,`
//! are escaped.

use super::Texts;
use crate::diag::{Diagnostic, Report, Sources};

/// The diagnostics of a report, one command a line.
pub(in crate::cli) fn github(report: &Report, sources: &Sources) -> String {
    let mut texts = Texts::new(sources);
    report.diagnostics().iter().map(|diagnostic| one(diagnostic, &mut texts)).collect()
}

fn one(diagnostic: &Diagnostic, texts: &mut Texts<'_>) -> String {
    let mut properties = Vec::new();
    if let Some(place) = &diagnostic.place {
        properties.push(format!("file={}", property(texts.sources.name(place.source))));
        if let Some(position) = texts.position(place) {
            properties.push(format!("line={},col={}", position.line, position.column));
        }
    }
    properties.push(format!("title={}", property(&format!("{}: {}", diagnostic.code.id, diagnostic.code.title))));
    let mut message = diagnostic.message.clone();
    if let Some(path) = diagnostic.place.as_ref().and_then(|place| place.path.as_ref()) {
        message += &format!("\nat {path}");
    }
    diagnostic.notes.iter().for_each(|note| message += &format!("\nnote: {note}"));
    diagnostic.help.iter().for_each(|help| message += &format!("\nhelp: {help}"));
    format!("::{} {}::{}\n", diagnostic.severity().name(), properties.join(","), escaped(&message))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}
