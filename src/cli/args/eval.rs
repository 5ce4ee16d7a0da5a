//! The options of `eval`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::DiagnosticOptions;
use super::subject::{ColumnOptions, FromOptions};
use crate::cli::rows::Layout;

/// Compute a SQL expression as ksqlDB does
///
/// Types, NULL, overflow, DECIMAL and the rest follow ksqlDB, without a server; what its compiler would refuse is refused.
/// An expression without columns gives one value, an expression over columns one for each row. A value that cannot be read
/// is reported with its line and counts as NULL; the value of a row that cannot be read is NULL.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Eval {
    /// Scalar expression of ksqlDB; `-` reads it from standard input
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(in crate::cli) expression: String,

    /// Rows: CSV with a header line, or a JSON object a line; `-` reads standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) input: Option<PathBuf>,

    /// How the values are written
    #[arg(long, value_enum, default_value_t = Layout::Table)]
    pub(in crate::cli) format: Layout,

    #[command(flatten)]
    pub(in crate::cli) diagnostics: DiagnosticOptions,

    #[command(flatten)]
    pub(in crate::cli) columns: ColumnOptions,

    #[command(flatten)]
    pub(in crate::cli) source: FromOptions,
}

const EXAMPLES: &str = "\
Examples:
  m2ksql eval '7 / 2'
  m2ksql eval 'LN(AMOUNT + 1E0)' --column 'AMOUNT DOUBLE' --input rows.csv
  m2ksql eval \"CASE WHEN CITY IS NULL THEN 'none' ELSE UCASE(CITY) END\" --schema source.sql --input rows.jsonl";
