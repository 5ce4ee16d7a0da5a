//! The options of `plan`, `apply`, `status`, `rollback` and `drop`.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueHint};

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
///
/// Without --from the models are those of the manifest, all or the ones that are named, and their settings are there; the
/// columns are the server's all the same. One plan shows what would become of all of them.
#[derive(Args)]
#[command(after_help = PLAN_EXAMPLES)]
#[allow(clippy::duplicated_attributes, reason = "the same is done to several groups")]
#[command(mut_group("ModelOptions", of_one), mut_group("ColumnOptions", of_one), mut_group("FeatureOptions", of_one))]
#[command(mut_group("ResultOptions", of_one), mut_group("Through", of_one))]
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
  m2ksql plan model.json --from ORDERS_RAW --into ORDERS_SCORED --sql --server https://HOST --credentials FILE
  m2ksql plan --environment staging";

/// Apply a model to a server: create what is missing, replace in place what differs
///
/// Shows the plan, asks, sends the statements one after the other, and waits until the server has carried out each, which
/// takes up to half a minute for one that replaces. Stops at the first failure and says what was applied and how to finish
/// or undo it. Applying the same model again changes nothing.
///
/// What was applied is written to the stream M2KSQL_DEPLOYMENTS on the server, so that `status` and `rollback` work from
/// every machine.
///
/// Without --from the models are those of the manifest, all or the ones that are named: they are shown and asked about at
/// once, and nothing is sent if the server would refuse one of them.
#[derive(Args)]
#[command(after_help = APPLY_EXAMPLES)]
#[allow(clippy::duplicated_attributes, reason = "the same is done to several groups")]
#[command(mut_group("ModelOptions", of_one), mut_group("ColumnOptions", of_one), mut_group("FeatureOptions", of_one))]
#[command(mut_group("ResultOptions", of_one), mut_group("Through", of_one))]
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
    ///
    /// A file counts once it has stayed the same for a second: one that is being written is waited for. A model that
    /// cannot be applied is reported, and the next is waited for; a server that is away is asked again until it is back.
    #[arg(long, requires = "yes")]
    pub(in crate::cli) watch: bool,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}

const APPLY_EXAMPLES: &str = "\
Examples:
  m2ksql apply model.json --from ORDERS_RAW --into ORDERS_SCORED --keep ORDERID
  m2ksql apply model.json --from ORDERS_RAW --into ORDERS_SCORED --keep ORDERID --yes --watch
  m2ksql apply new.json --from ORDERS_RAW --into ORDERS_SCORED --keep ORDERID --shadow
  m2ksql apply churn --environment production --model-version 2.1";

/// What is deployed where: a model with its ends, or models of the manifest.
#[derive(Args)]
pub(in crate::cli) struct TargetOptions {
    /// With --from the model file, `-` reads standard input; else names of models of the manifest [default: all]
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) models: Vec<PathBuf>,

    /// Stream or table that has the features as columns
    #[arg(long, value_name = "NAME", help_heading = "Statement", requires_all = ["into", "models"])]
    pub(in crate::cli) from: Option<String>,

    /// Stream or table that receives the results
    #[arg(long, value_name = "NAME", help_heading = "Statement", requires = "from")]
    pub(in crate::cli) into: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) clauses: Clauses,

    /// Name of the column that says which model scored a row
    ///
    /// It holds the hash of the model file, after the version if --model-version gives one. Columns of a running
    /// stream keep their places, so it may be added later.
    #[arg(long, value_name = "NAME", default_value = "MODEL", help_heading = "Statement", requires = "from")]
    pub(in crate::cli) provenance: String,

    /// Leave out the column that says which model scored a row
    #[arg(long, help_heading = "Statement", requires = "from")]
    pub(in crate::cli) no_provenance: bool,

    /// What you call this version of the model
    #[arg(long, value_name = "TEXT", help_heading = "Statement", value_parser = version)]
    pub(in crate::cli) model_version: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) subject: SubjectOptions,
}

/// Options that mean nothing where the manifest has the settings must not be passed over in silence.
fn of_one(group: ArgGroup) -> ArgGroup {
    group.requires("from")
}

/// A model, where its rows come from and where its results go.
#[derive(Clone)]
pub(in crate::cli) struct Target {
    /// The file.
    pub(in crate::cli) model: PathBuf,
    /// Its content, where it has been read.
    pub(in crate::cli) bytes: Option<Rc<[u8]>>,
    /// The source.
    pub(in crate::cli) from: String,
    /// The sink.
    pub(in crate::cli) into: String,
    /// The rest of the statement.
    pub(in crate::cli) clauses: Clauses,
    /// The column that says which model scored a row.
    pub(in crate::cli) provenance: Option<String>,
    /// What the user calls this version of the model.
    pub(in crate::cli) version: Option<String>,
    /// The model.
    pub(in crate::cli) subject: SubjectOptions,
}

impl TargetOptions {
    /// Each of the models with its ends; none without ends.
    pub(in crate::cli) fn targets(&self) -> Vec<Target> {
        let (Some(from), Some(into)) = (&self.from, &self.into) else { return Vec::new() };
        let target = |model: &PathBuf| Target {
            model: model.clone(),
            bytes: None,
            from: from.clone(),
            into: into.clone(),
            clauses: self.clauses.clone(),
            provenance: Some(self.provenance.clone()).filter(|_| !self.no_provenance),
            version: self.model_version.clone(),
            subject: self.subject.clone(),
        };
        self.models.iter().map(target).collect()
    }
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

    /// How diagnostics, and what is done, are written to standard error
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,
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
