//! The options of `compile`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::Format;
use super::statement::StatementOptions;
use super::subject::SubjectOptions;

/// Print the SQL that computes a model
///
/// Without --from the SQL is a list of SELECT items, with --from a push query, with --into a CREATE STREAM AS SELECT.
///
/// Columns of the result, where --select does not name others: of a regression PREDICTION, of two classes PROBABILITY
/// (of the second class), of more classes LABEL and PROBABILITY (of the label), of classes without probabilities LABEL.
/// They keep their names, types and places when the model is fitted again, as CREATE OR REPLACE demands.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Compile {
    /// Model file; `-` reads standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) model: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) subject: SubjectOptions,

    #[command(flatten)]
    pub(in crate::cli) statement: StatementOptions,

    #[command(flatten)]
    pub(in crate::cli) text: TextOptions,

    #[command(flatten)]
    pub(in crate::cli) output: OutputOptions,
}

const EXAMPLES: &str = "\
Examples:
  m2ksql compile model.json
  m2ksql compile model.json --from ORDERS_RAW
  m2ksql compile model.json --from ORDERS_RAW --into ORDERS_SCORED --keep ORDERID,ITEMID
  m2ksql compile model.json --select label=CHURN,probability=CHURN_P --threshold 0.8";

/// What the SQL may be and how it is laid out.
#[derive(Debug, Args)]
#[command(next_help_heading = "SQL")]
pub(in crate::cli) struct TextOptions {
    /// Put names in back-quotes
    #[arg(long, value_enum, default_value_t = Quote::Needed)]
    pub(in crate::cli) quote: Quote,

    /// Columns of text after which lines are broken
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(in crate::cli) width: usize,

    /// Write also what a server that has just started could not take
    ///
    /// Without it an expression of more than 100 nested operators is refused: a ksqlDB server that took it while it was
    /// warm would not start again.
    #[arg(long)]
    pub(in crate::cli) no_limits: bool,

    /// Leave out line breaks and blanks that only people need
    #[arg(long)]
    pub(in crate::cli) compact: bool,

    /// Do not read the SQL back to compare it with what was meant
    #[arg(long)]
    pub(in crate::cli) no_verify: bool,
}

/// Where the product goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct OutputOptions {
    /// Write to this file instead of standard output, at once or not at all
    #[arg(short = 'o', long = "output", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: Option<PathBuf>,

    /// Print this representation of the model
    #[arg(long, value_enum, default_value_t = Emit::Sql)]
    pub(in crate::cli) emit: Emit,

    /// Print what the plan costs, how near it is to the limits, and why: the same as --emit plan
    #[arg(long, conflicts_with = "emit")]
    pub(in crate::cli) explain_plan: bool,

    /// How diagnostics are written to standard error
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,
}

impl OutputOptions {
    /// What to print.
    pub(in crate::cli) fn emit(&self) -> Emit {
        if self.explain_plan { Emit::Plan } else { self.emit }
    }
}

impl Default for TextOptions {
    fn default() -> Self {
        TextOptions { quote: Quote::Needed, width: 100, no_limits: false, compact: false, no_verify: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Quote {
    /// All
    Always,
    /// Where they would be read as something else
    Needed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Emit {
    /// The model as it was read
    Graph,
    /// Scalar expressions, as they are printed
    Score,
    /// What the optimizer did, pass by pass
    Stats,
    /// The statement's items and their sizes
    Plan,
    /// The text
    Sql,
}
