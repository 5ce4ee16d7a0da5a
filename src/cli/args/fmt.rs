//! The options of `fmt`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::Format;

/// Format files of SQL statements
///
/// Files are rewritten in place; standard input is formatted to standard output. Statements that m2ksql does not lay out
/// (joins, aggregates, SHOW, DROP …) keep their text, and so does a statement with a comment that has no place in the
/// layout, with a warning. What a file means never changes: the result is read again and compared before it is written.
#[derive(Debug, Args)]
pub(in crate::cli) struct Fmt {
    /// Files to format; `-` reads standard input
    #[arg(value_name = "FILES", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) files: Vec<PathBuf>,

    /// Write nothing: list the files that are not formatted, and exit with 1 if there are any
    #[arg(long)]
    pub(in crate::cli) check: bool,

    /// Columns of text after which lines are broken
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(in crate::cli) width: usize,

    /// How diagnostics are written to standard error
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,
}
