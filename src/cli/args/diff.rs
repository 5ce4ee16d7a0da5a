//! The options of `diff`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::Format;
use super::subject::{FromOptions, SubjectOptions};

/// Show what changed between two models
///
/// Features and classes that came, went or have another name; preprocessing; coefficients with all preprocessing folded into
/// them, the largest effect first; the SQL; and on rows of your own how many labels and scores move, and by how much. The exit
/// code is 0 whether or not anything changed.
///
/// The effect of a coefficient is its change, times the spread of its feature where the models scale it: how far the score
/// of a usual row moves.
#[derive(Debug, Args)]
pub(in crate::cli) struct Diff {
    /// Model file as it was
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) old: PathBuf,

    /// Model file as it is
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) new: PathBuf,

    /// Rows to score by both: CSV with a header line, or a JSON object a line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) input: Option<PathBuf>,

    /// How many coefficients are shown
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(in crate::cli) most: usize,

    /// How the difference and the diagnostics are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,

    #[command(flatten)]
    pub(in crate::cli) subject: SubjectOptions,

    #[command(flatten)]
    pub(in crate::cli) source: FromOptions,
}
