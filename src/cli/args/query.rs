//! The options of `query`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum, ValueHint};

use super::DiagnosticOptions;
use super::server::{ServerOptions, seconds};
use super::statement::Through;
use super::subject::SubjectOptions;
use crate::cli::rows::Layout;

/// Run a query on a server and write its rows as they come
///
/// Takes a SELECT, or a model and a stream: then the model is compiled for the columns that the server knows, and its
/// results are computed by a push query. All columns pass through unless --keep names some. Nothing is created on the server.
///
/// Whatever ends the query, all complete rows have been written. Ctrl-C ends it on the server too. The exit code is 0 when
/// the query is complete or a limit is met, 130 after Ctrl-C, 3 when the rows break off. Numbers keep the digits that the
/// server writes.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::duplicated_attributes, reason = "the same is done to several groups")]
#[command(mut_group("ModelOptions", of_a_model), mut_group("Through", of_a_model))]
#[command(mut_group("FeatureOptions", of_a_model), mut_group("ColumnOptions", of_a_model))]
#[command(mut_group("ResultOptions", of_a_model))]
pub(in crate::cli) struct Query {
    /// The SELECT; `-` reads it from standard input
    #[arg(required_unless_present = "model")]
    pub(in crate::cli) sql: Option<String>,

    /// Score the rows of a stream by this model file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "sql", requires = "from")]
    pub(in crate::cli) model: Option<PathBuf>,

    /// Stream or table that has the features as columns
    #[arg(long, value_name = "NAME", requires = "model", conflicts_with = "sql")]
    pub(in crate::cli) from: Option<String>,

    /// Print the query instead of running it
    #[arg(long, requires = "model", conflicts_with = "sql")]
    pub(in crate::cli) show: bool,

    /// End after so many rows
    #[arg(long, value_name = "N")]
    pub(in crate::cli) limit: Option<u64>,

    /// End when no row has come for so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(in crate::cli) idle_timeout: Option<Duration>,

    /// End after so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(in crate::cli) duration: Option<Duration>,

    /// Begin with the oldest rows instead of waiting for new ones
    #[arg(long)]
    pub(in crate::cli) from_beginning: bool,

    /// Property of the query: 'auto.offset.reset=earliest'; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = property)]
    pub(in crate::cli) property: Vec<(String, String)>,

    /// How rows are written [default: by the ending of --output, else table]
    #[arg(long, value_enum)]
    pub(in crate::cli) format: Option<Layout>,

    #[command(flatten)]
    pub(in crate::cli) diagnostics: DiagnosticOptions,

    /// Write the rows to this file as they come
    #[arg(short = 'o', long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) output: Option<PathBuf>,

    /// Do not say how the query ended
    #[arg(short, long)]
    pub(in crate::cli) quiet: bool,

    /// Where the query is sent
    #[arg(long, value_enum, default_value_t = Endpoint::Query)]
    pub(in crate::cli) endpoint: Endpoint,

    #[command(flatten)]
    pub(in crate::cli) through: Through,

    #[command(flatten)]
    pub(in crate::cli) subject: SubjectOptions,

    #[command(flatten)]
    pub(in crate::cli) server: ServerOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Endpoint {
    /// /query, which every release has
    Query,
    /// /query-stream, from 7.1 and 0.23 on
    QueryStream,
}

const EXAMPLES: &str = "\
Examples:
  m2ksql query 'SELECT * FROM ORDERS_RAW EMIT CHANGES;' --limit 10
  m2ksql query 'SELECT * FROM ORDERS_RAW EMIT CHANGES;' --from-beginning --idle-timeout 5 -o train.csv
  m2ksql query --model model.json --from ORDERS_RAW --limit 10";

/// Options that mean nothing without a model must not be passed over in silence.
fn of_a_model(group: ArgGroup) -> ArgGroup {
    group.conflicts_with("sql")
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{ArgAction, Command};

    use super::*;

    #[test]
    fn options_of_a_model_do_not_go_with_a_select() {
        let options = Through::augment_args(SubjectOptions::augment_args(Command::new("options")));
        let mut count = 0;
        for argument in options.get_arguments() {
            let long = argument.get_long().unwrap();
            let value = if matches!(argument.get_action(), ArgAction::SetTrue) { "" } else { "=0.5" };
            let words = ["query", "SELECT 1", &format!("--{long}{value}")].map(str::to_owned);
            let error = Query::augment_args(Command::new("query")).try_get_matches_from(words).unwrap_err();
            assert!(error.to_string().contains(&format!("--{long}")), "{long}: {error}");
            count += 1;
        }
        assert!(count > 8, "{count} options");
    }
}
