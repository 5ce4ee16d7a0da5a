//! `exporter`: scripts that write a fitted model to a file, for libraries that have no such format of their own.
//!
//! A script stands beside the loader of what it writes, and is tested there.

use super::args::{Exporter, Library};
use super::session::Session;
use crate::diag::Failed;
use crate::load::json::sklearn::EXPORTER;

/// Prints a script.
pub(super) fn run(args: &Exporter, session: &mut Session) -> Result<(), Failed> {
    let script = match args.library {
        Library::Sklearn => EXPORTER,
    };
    session.write(None, script.as_bytes())
}
