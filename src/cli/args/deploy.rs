//! The options of `plan`, `apply`, `status`, `rollback` and `drop`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::Format;
use super::server::{ServerOptions, seconds};
use super::statement::Clauses;
use super::subject::SubjectOptions;

/// Show what applying a model to a server would do
///
/// Asks the server for its release, the columns of the source, and what runs under the name of the sink; compiles the
/// model for these columns and lets the server explain the statements. Says for each whether it would be created, replace
/// the running one in place, or changes nothing; shows what would be computed otherwise; and finds out before anything is
/// sent what ksqlDB would refuse. Changes nothing.
#[derive(Args)]
#[command(after_help = PLAN_EXAMPLES)]
pub(in crate::cli) struct Plan {
    #[command(flatten)]
    pub(in crate::cli) target: TargetOptions,

    /// Print the statements in full, as they would be sent
    #[arg(long)]
    pub(in crate::cli) sql: bool,

    /// How the plan is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}

const PLAN_EXAMPLES: &str = "\
Examples:
  m2ksql plan model.json --from ORDERS_RAW --into ORDERS_SCORED --keep ORDERID
  m2ksql plan model.json --from ORDERS_RAW --into ORDERS_SCORED --sql --server https://HOST --credentials FILE";

/// Apply a model to a server: create what is missing, replace in place what differs
///
/// Shows the plan, asks, sends the statements one after the other, and waits until the server has carried out each, which
/// takes up to half a minute for one that replaces. Stops at the first failure and says what was applied and how to finish
/// or undo it. Applying the same model again changes nothing.
///
/// What was applied is written to the stream M2KSQL_DEPLOYMENTS on the server, so that `status` and `rollback` work from
/// every machine.
#[derive(Args)]
#[command(after_help = APPLY_EXAMPLES)]
pub(in crate::cli) struct Apply {
    #[command(flatten)]
    pub(in crate::cli) target: TargetOptions,

    #[command(flatten)]
    pub(in crate::cli) carry: CarryOptions,

    /// Run the model as a candidate beside the current one, into the stream NAME_SHADOW
    ///
    /// `m2ksql compare NAME` reads both, `promote NAME` makes it the current model, `abort NAME` drops it.
    #[arg(long)]
    pub(in crate::cli) shadow: bool,

    /// Let new queries begin with the oldest rows instead of waiting for new ones
    #[arg(long)]
    pub(in crate::cli) from_beginning: bool,

    /// Go on: apply the model again whenever its file changes
    #[arg(long, requires = "yes")]
    pub(in crate::cli) watch: bool,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}

const APPLY_EXAMPLES: &str = "\
Examples:
  m2ksql apply model.json --from ORDERS_RAW --into ORDERS_SCORED --keep ORDERID
  m2ksql apply model.json --from ORDERS_RAW --into ORDERS_SCORED --keep ORDERID --yes --watch
  m2ksql apply new.json --from ORDERS_RAW --into ORDERS_SCORED --keep ORDERID --shadow";

/// What is deployed where.
#[derive(Args)]
pub(in crate::cli) struct TargetOptions {
    /// Model file; `-` reads standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) model: PathBuf,

    /// Stream or table that has the features as columns
    #[arg(long, value_name = "NAME", help_heading = "Statement")]
    pub(in crate::cli) from: String,

    /// Stream or table that receives the results
    #[arg(long, value_name = "NAME", help_heading = "Statement")]
    pub(in crate::cli) into: String,

    #[command(flatten)]
    pub(in crate::cli) clauses: Clauses,

    /// Name of the column that says which model scored a row
    ///
    /// It holds the hash of the model file, after the version if --model-version gives one. Columns of a running
    /// stream keep their places, so it may be added later.
    #[arg(long, value_name = "NAME", default_value = "MODEL", help_heading = "Statement")]
    pub(in crate::cli) provenance: String,

    /// Leave out the column that says which model scored a row
    #[arg(long, help_heading = "Statement")]
    pub(in crate::cli) no_provenance: bool,

    /// What you call this version of the model
    #[arg(long, value_name = "TEXT", help_heading = "Statement", value_parser = version)]
    pub(in crate::cli) model_version: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) subject: SubjectOptions,
}

fn version(text: &str) -> Result<String, String> {
    match text {
        _ if text.trim().is_empty() => Err("expected a name".to_owned()),
        _ if text.contains("${") => Err("ksqlDB would take `${` for a variable".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// How a plan is carried out.
#[derive(Args)]
pub(in crate::cli) struct CarryOptions {
    /// Do not ask
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,

    /// Show what would be done and stop
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,

    /// How long the server may take to carry out a statement
    #[arg(long, value_name = "SECONDS", default_value = "180", value_parser = seconds)]
    pub(in crate::cli) wait: Duration,
}

/// Show what runs: queries, their states, models, since when
#[derive(Args)]
pub(in crate::cli) struct Status {
    /// The stream that receives the results; without it all that were applied
    pub(in crate::cli) name: Option<String>,

    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}

/// Go back to the version that was applied before
///
/// Columns that a later version has appended stay, as ksqlDB demands, and are NULL from then on.
#[derive(Args)]
pub(in crate::cli) struct Rollback {
    /// The stream that receives the results
    pub(in crate::cli) name: String,

    /// Go back to this entry of `m2ksql status NAME` instead of the one before
    #[arg(long, value_name = "N")]
    pub(in crate::cli) to: Option<u64>,

    #[command(flatten)]
    pub(in crate::cli) carry: CarryOptions,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}

/// Drop what `apply` has made
#[derive(Args)]
pub(in crate::cli) struct Drop {
    /// The stream that receives the results
    pub(in crate::cli) name: String,

    /// Delete the topics too, with all scored rows
    #[arg(long)]
    pub(in crate::cli) delete_topic: bool,

    #[command(flatten)]
    pub(in crate::cli) carry: CarryOptions,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}

/// Compare the rows of a candidate with those of the current model
///
/// A candidate is what `apply --shadow` runs. Rows belong together when the columns that both pass through and the time of
/// the record are equal. Only rows that the two models which run now have scored count, by the column MODEL.
#[derive(Args)]
pub(in crate::cli) struct Compare {
    /// The stream of the current model
    pub(in crate::cli) name: String,

    /// Read so many rows of each at most
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(in crate::cli) rows: u64,

    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}

/// Make a candidate the current model, in place
///
/// Its own stream and topic are dropped.
#[derive(Args)]
pub(in crate::cli) struct Promote {
    /// The stream of the current model
    pub(in crate::cli) name: String,

    #[command(flatten)]
    pub(in crate::cli) carry: CarryOptions,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}

/// Drop a candidate with its stream and topic
#[derive(Args)]
pub(in crate::cli) struct Abort {
    /// The stream of the current model
    pub(in crate::cli) name: String,

    #[command(flatten)]
    pub(in crate::cli) carry: CarryOptions,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}
