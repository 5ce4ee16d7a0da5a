//! The options of the statement around the results.

use clap::{Args, ValueEnum};

use crate::compile::MOST_STAGES;

/// The statement around the results.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Statement")]
pub(in crate::cli) struct StatementOptions {
    /// Stream or table that has the features as columns
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) from: Option<String>,

    /// Stream or table that receives the results
    #[arg(long, value_name = "NAME", requires = "from")]
    pub(in crate::cli) into: Option<String>,

    /// Form of the SQL [default: stream with --into, select with --from, else expression]
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub(in crate::cli) form: Option<Form>,

    /// CREATE OR REPLACE
    #[arg(long, requires = "into")]
    pub(in crate::cli) or_replace: bool,

    #[command(flatten)]
    pub(in crate::cli) clauses: Clauses,

    /// Begin with a comment: version, model file, hash
    #[arg(long, requires = "from")]
    pub(in crate::cli) header: bool,
}

/// What a statement that creates has besides its ends.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Statement")]
pub(in crate::cli) struct Clauses {
    /// Properties of the WITH clause: 'PARTITIONS=4'; repeatable
    #[arg(long, value_name = "NAME=VALUE,…", requires = "into")]
    pub(in crate::cli) with: Vec<String>,

    /// PARTITION BY these expressions
    #[arg(long, value_name = "EXPRESSION,…", requires = "from")]
    pub(in crate::cli) partition_by: Vec<String>,

    /// Write N statements, each reading what the one before it writes
    ///
    /// Streams between are named after the sink and what they compute. The model is divided where the fewest columns
    /// cross, such as behind the scores of the classes. Without this option there is one statement, and more only where one
    /// cannot hold the model; 1 asks for one.
    #[arg(long, value_name = "N", requires = "into", value_parser = stages)]
    pub(in crate::cli) stages: Option<usize>,

    #[command(flatten)]
    pub(in crate::cli) through: Through,
}

/// How many statements.
pub(in crate::cli) fn stages(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST_STAGES).contains(&count) => Ok(count),
        _ => Err(format!("expected a number from 1 to {MOST_STAGES}")),
    }
}

/// What passes through of the source.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Statement")]
pub(in crate::cli) struct Through {
    /// Columns and nested fields that pass through: 'ORDERID,ADDRESS->CITY', or '*'; repeatable
    #[arg(long, value_name = "COLUMN,…", requires = "from")]
    pub(in crate::cli) keep: Vec<String>,

    /// WHERE this condition holds
    #[arg(long = "where", value_name = "CONDITION", requires = "from")]
    pub(in crate::cli) filter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Form {
    /// SELECT items alone
    Expression,
    /// A push query
    Select,
    /// CREATE STREAM AS SELECT
    Stream,
    /// CREATE TABLE AS SELECT
    Table,
    /// INSERT INTO an existing stream
    Insert,
    /// A file for ksql-migrations; with --output DIRECTORY under the next free number
    Migration,
}
