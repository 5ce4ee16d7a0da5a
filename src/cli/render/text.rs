//! Diagnostics for people: title, place, the line with its carets, notes, help.
//!
//! Written here and not with a library because none shows a window of a long line under its real column, or a place in
//! a file that has no text. What comes from files is printed without its control characters, so that it can neither
//! break the layout nor command the terminal.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::Texts;
use super::excerpt::Excerpt;
use crate::diag::{Diagnostic, Place, Report, Severity, Sources};

const BOLD: Style = Style::new().bold();
const FRAME: Style = AnsiColor::BrightBlue.on_default().bold();

/// The diagnostics of a report, each followed by an empty line, with escape sequences for colours.
pub(in crate::cli) fn text(report: &Report, sources: &Sources) -> String {
    let mut texts = Texts::new(sources);
    let mut result = String::new();
    for diagnostic in report.diagnostics() {
        // writing to a String cannot fail
        let _ = one(diagnostic, &mut texts, &mut result);
    }
    result
}

fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::BrightRed.on_default().bold(),
        Severity::Warning => AnsiColor::BrightYellow.on_default().bold(),
    }
}

fn one(diagnostic: &Diagnostic, texts: &mut Texts<'_>, out: &mut String) -> std::fmt::Result {
    let severity = diagnostic.severity();
    let style = colour(severity);
    let message = printable(&diagnostic.message);
    writeln!(out, "{style}{}[{}]{style:#}{BOLD}: {message}{BOLD:#}", severity.name(), diagnostic.code.id)?;

    let places: Vec<(&Place, &str)> = diagnostic
        .place
        .iter()
        .map(|place| (place, diagnostic.label.as_str()))
        .chain(diagnostic.related.iter().map(|(place, words)| (place, words.as_str())))
        .collect();
    let excerpts: Vec<Option<Excerpt>> = places.iter().map(|(place, _)| texts.excerpt(place)).collect();
    let digits = |excerpt: &Excerpt| excerpt.position.line.to_string().len();
    let gutter = excerpts.iter().flatten().map(digits).max().unwrap_or(1);

    for (index, ((place, words), excerpt)) in places.iter().zip(&excerpts).enumerate() {
        let primary = index == 0 && diagnostic.place.is_some();
        let name = printable(texts.sources.name(place.source));
        let arrow = if primary { "-->" } else { ":::" };
        write!(out, "{:gutter$}{FRAME}{arrow}{FRAME:#} {name}", "")?;
        match excerpt {
            Some(excerpt) => {
                writeln!(out, ":{}:{}", excerpt.position.line, excerpt.position.column)?;
                let (mark, style) = if primary { ('^', style) } else { ('-', FRAME) };
                show(excerpt, words, gutter, mark, style, out)?;
            }
            None => {
                if let Some(path) = place.path.as_ref().filter(|path| !path.is_empty()) {
                    write!(out, ": {}", printable(path))?;
                }
                writeln!(out)?;
                if !words.is_empty() {
                    item("note", words, gutter, out)?;
                }
            }
        }
    }
    let at = diagnostic.place.as_ref().and_then(|place| place.path.as_ref());
    // the empty path is the whole document
    let at = at.filter(|path| !path.is_empty() && excerpts[0].is_some());
    let has_items = at.is_some() || !diagnostic.notes.is_empty() || diagnostic.help.is_some();
    if has_items && excerpts.last().is_some_and(Option::is_some) {
        writeln!(out, "{:gutter$} {FRAME}|{FRAME:#}", "")?;
    }
    if let Some(path) = at {
        item("at", &printable(path), gutter, out)?;
    }
    for note in &diagnostic.notes {
        item("note", note, gutter, out)?;
    }
    if let Some(help) = &diagnostic.help {
        item("help", help, gutter, out)?;
    }
    out.push('\n');
    Ok(())
}

/// The line and the marks below it.
fn show(excerpt: &Excerpt, words: &str, gutter: usize, mark: char, style: Style, out: &mut String) -> std::fmt::Result {
    let (before, rest) = excerpt.text.split_at(excerpt.marked.start);
    let (marked, after) = rest.split_at(excerpt.marked.len());
    let [before, marked, after] = [before, marked, after].map(printable);
    let marks = mark.to_string().repeat(marked.width().max(1));
    let line = format!("{before}{marked}{after}");
    let bar = format!("{:gutter$} {FRAME}|{FRAME:#}", "");
    writeln!(out, "{bar}")?;
    let number = excerpt.position.line;
    writeln!(out, "{}", format!("{FRAME}{number:>gutter$} |{FRAME:#} {line}").trim_end())?;
    let words = if words.is_empty() { String::new() } else { format!(" {}", printable(words)) };
    writeln!(out, "{bar} {:width$}{style}{marks}{words}{style:#}", "", width = before.width())
}

/// `= name: text`, further lines of the text aligned.
fn item(name: &str, text: &str, gutter: usize, out: &mut String) -> std::fmt::Result {
    let indent = gutter + name.len() + 5;
    let mut lines = text.lines().map(printable);
    let first = lines.next().unwrap_or_default();
    writeln!(out, "{:gutter$} {FRAME}={FRAME:#} {BOLD}{name}{BOLD:#}: {first}", "")?;
    for line in lines {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    Ok(())
}

/// The text on one line and without characters that a terminal obeys: control characters by their pictures, tabs as
/// spaces, characters that turn the direction of writing as `\u{FFFD}`.
pub(in crate::cli) fn printable(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\t' => result.push_str("    "),
            '\n' => result.push_str("\\n"),
            '\r' => result.push_str("\\r"),
            '\0'..='\x1f' => result.push(char::from_u32(0x2400 + char as u32).unwrap_or('\u{fffd}')),
            '\x7f' => result.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                result.push('\u{fffd}');
            }
            char => result.push(char),
        }
    }
    result
}
