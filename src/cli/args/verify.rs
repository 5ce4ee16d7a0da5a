//! The options of `verify`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::Format;
use super::subject::{FromOptions, SubjectOptions};

/// Check that the SQL computes the model
///
/// The model is interpreted by itself, the SQL is printed, read back and evaluated as ksqlDB does, both on rows made on
/// purpose: constants that features are compared with and their neighbours, zeros, huge and tiny numbers, NULLs, known and
/// unknown categories, rows near the decision boundary, random rows. Results may differ by what rounding explains, which
/// is computed for every row. Needs no server.
///
/// With --server the query also runs there, on some of the rows: in streams made for it, which are dropped again. What the
/// server gives is compared with both.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Verify {
    /// Model file; `-` reads standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) model: PathBuf,

    /// Rows of your own to check too: CSV with a header line, or a JSON object a line; `-` reads standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) input: Option<PathBuf>,

    /// What the training library predicts for the rows of `--input`, row by row, to be checked too: CSV or JSON lines,
    /// columns named as in the SQL or as the library names them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "input")]
    pub(in crate::cli) expected: Option<PathBuf>,

    /// How far off an expected number may be, relative to the larger of 1 and itself
    #[arg(long, value_name = "NUMBER", default_value_t = 1e-6, requires = "expected")]
    pub(in crate::cli) tolerance: f64,

    /// How many rows are made
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub(in crate::cli) rows: usize,

    /// How many of the rows the server computes, taken evenly [default: 200]
    #[cfg(feature = "deploy")]
    #[arg(long, value_name = "N", help_heading = "Server", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) server_rows: Option<u32>,

    /// Check N statements, each reading what the one before it writes
    #[arg(long, value_name = "N", value_parser = super::statement::stages)]
    pub(in crate::cli) stages: Option<usize>,

    /// How the outcome and the diagnostics are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,

    #[command(flatten)]
    pub(in crate::cli) subject: SubjectOptions,

    #[command(flatten)]
    pub(in crate::cli) source: FromOptions,

    #[cfg(feature = "deploy")]
    #[command(flatten)]
    pub(in crate::cli) server: super::server::ServerOptions,
}

const EXAMPLES: &str = "\
Examples:
  m2ksql verify model.onnx
  m2ksql verify model.json --input rows.csv --expected predictions.csv --tolerance 1e-9
  m2ksql verify model.json --schema source.sql --nulls skip --format json
  m2ksql verify model.json --schema source.sql --server http://localhost:8088";
