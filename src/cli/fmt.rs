//! `fmt`: SQL files in the layout of the printer.

use super::args::fmt::Fmt;
use super::session::Session;
use crate::diag::codes::compile::INTERNAL;
use crate::diag::codes::sql::NOT_FORMATTED;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId};
use crate::sql::print::{self, Style};
use crate::syntax;

/// Formats every file; one that cannot be read is reported and left alone, and the others are formatted.
pub(super) fn run(args: &Fmt, session: &mut Session) -> Result<(), Failed> {
    let since = session.report.len();
    let style = Style { width: args.width, ..Style::default() };
    let mut different = String::new();
    for path in &args.files {
        let Ok(source) = session.read_text(path) else { continue };
        let Ok(formatted) = formatted(source, style, session) else { continue };
        let same = session.sources.text(source) == formatted;
        if args.check {
            if !same {
                different.push_str(session.sources.name(source));
                different.push('\n');
            }
        } else if !same || path.as_os_str() == "-" {
            // a file that cannot be written is reported; the others are formatted all the same
            let _ = session.write(Some(path), formatted.as_bytes());
        }
    }
    if args.check {
        session.write(None, different.as_bytes())?;
        let count = different.lines().count();
        if count > 0 {
            let message = match (count, args.files.len()) {
                (1, 1) => "the file is not formatted".to_owned(),
                (count, all) => format!("{count} of {all} files are not formatted"),
            };
            session.report.push(Diagnostic::new(&NOT_FORMATTED, message).help("format with `m2ksql fmt`"));
        }
    }
    session.report.check(since)
}

/// The formatted text of a file, which reads back to what the file says.
fn formatted(source: SourceId, style: Style, session: &mut Session) -> Result<String, Failed> {
    let text = session.sources.text(source);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let script = syntax::faithful_script(source, text, &mut session.report)?;
    let formatted = print::script(&script, style);
    // the same findings would come again
    if syntax::faithful_script(source, &formatted, &mut Report::new()).as_ref() == Ok(&script) {
        return Ok(formatted);
    }
    let message = "internal error: the formatted text does not read back to what the file says";
    let diagnostic = Diagnostic::new(&INTERNAL, message).at(Place::file(source));
    Err(session.report.fail(diagnostic.help("report it with the file, which was left as it is")))
}
