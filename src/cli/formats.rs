//! `formats` and `ops`: the tables of model formats and of ONNX operators, and the schema of m2ksql's own format.

use super::args::Formats;
use super::session::Session;
use crate::diag::Failed;
use crate::load;

/// Prints the table, or the schema.
pub(super) fn run(args: &Formats, session: &mut Session) -> Result<(), Failed> {
    let text = if args.schema { format!("{:#}\n", load::json::own::schema()) } else { table() };
    session.write(None, text.as_bytes())
}

/// Prints the table of ONNX operators.
#[cfg(feature = "onnx")]
pub(super) fn operators(session: &mut Session) -> Result<(), Failed> {
    session.write(None, load::onnx::ops::page().as_bytes())
}

fn table() -> String {
    let entry = |format: &load::Format| {
        format!("{}\n    {}\n    recognized by: {}\n", format.name, format.description, format.sign)
    };
    load::FORMATS.iter().map(entry).collect::<Vec<_>>().join("\n")
}
