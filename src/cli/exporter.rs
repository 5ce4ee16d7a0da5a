//! `exporter`: scripts that write a fitted model to a file, for libraries that have no such format of their own.

use super::args::{Exporter, Library};
use super::session::Session;
use crate::diag::Failed;

/// Prints a script.
pub(super) fn run(args: &Exporter, session: &mut Session) -> Result<(), Failed> {
    let script = match args.library {
        Library::Sklearn => include_str!("exporter/sklearn.py"),
    };
    session.write(None, script.as_bytes())
}
