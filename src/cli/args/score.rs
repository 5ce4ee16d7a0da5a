//! The options of `score`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::DiagnosticOptions;
use super::subject::{FromOptions, SubjectOptions};
use crate::cli::rows::Layout;

/// Evaluate the SQL of a model on rows of a file
///
/// The SQL that `compile` prints is read back and evaluated with the semantics of ksqlDB: what comes out is what a server
/// would return.
///
/// Columns are found by the name of the feature or of its column, in any letter case where that is unambiguous. An empty
/// field of CSV is NULL, for text columns the empty text. A value that cannot be read is reported and counts as NULL; all
/// results of a row that cannot be read are NULL. Any number of rows takes the same memory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Score {
    /// Model file; `-` reads standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) model: PathBuf,

    /// Rows: CSV with a header line, or a JSON object a line; `-` reads standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) input: PathBuf,

    /// How the results are written
    #[arg(long, value_enum, default_value_t = Layout::Table)]
    pub(in crate::cli) format: Layout,

    #[command(flatten)]
    pub(in crate::cli) diagnostics: DiagnosticOptions,

    /// Whose names the results have
    #[arg(long, value_enum, default_value_t = Names::Sql)]
    pub(in crate::cli) names: Names,

    #[command(flatten)]
    pub(in crate::cli) subject: SubjectOptions,

    #[command(flatten)]
    pub(in crate::cli) source: FromOptions,
}

const EXAMPLES: &str = "\
Examples:
  m2ksql score model.json --input rows.csv
  m2ksql score model.onnx --input rows.csv --names source --format json
  m2ksql score model.json --input - --schema source.sql --format csv < events.jsonl";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Names {
    /// The names of the columns in SQL
    Sql,
    /// The names in the model's library: predict, `predict_proba_<class>`, an ONNX graph's outputs; without --select all
    Source,
}
