//! The command line as clap reads it: options, their help texts, their defaults.
//!
//! Completions and man pages are made from these definitions too. What an option means for the SQL is the compiler's
//! business; here stands only what a person types.

pub(super) mod build;
pub(super) mod compile;
#[cfg(feature = "deploy")]
pub(super) mod deploy;
pub(super) mod diff;
pub(super) mod eval;
pub(super) mod fmt;
#[cfg(feature = "deploy")]
pub(super) mod query;
pub(super) mod score;
#[cfg(feature = "deploy")]
pub(super) mod server;
pub(super) mod statement;
pub(super) mod subject;
pub(super) mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::diag::{Code, codes};

/// Compiles trained models (JSON, ONNX) into the SQL of a streaming database
#[derive(Parser)]
#[command(name = "m2ksql", version, propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the input is at fault, 2 wrong usage, 3 a file or server is at fault. \
                          Standard output carries only the product, standard error everything else.";

#[derive(Subcommand)]
pub(super) enum Command {
    Compile(Box<compile::Compile>),
    Score(Box<score::Score>),
    Inspect(Inspect),
    Verify(Box<verify::Verify>),
    Eval(eval::Eval),
    Build(build::Build),
    Test(build::Test),
    Diff(Box<diff::Diff>),
    Fmt(fmt::Fmt),
    #[cfg(feature = "deploy")]
    Query(Box<query::Query>),
    #[cfg(feature = "deploy")]
    Plan(Box<deploy::Plan>),
    #[cfg(feature = "deploy")]
    Apply(Box<deploy::Apply>),
    #[cfg(feature = "deploy")]
    Status(Box<deploy::Status>),
    #[cfg(feature = "deploy")]
    Rollback(Box<deploy::Rollback>),
    #[cfg(feature = "deploy")]
    Drop(Box<deploy::Drop>),
    #[cfg(feature = "deploy")]
    Compare(Box<deploy::Compare>),
    #[cfg(feature = "deploy")]
    Promote(Box<deploy::Promote>),
    #[cfg(feature = "deploy")]
    Abort(Box<deploy::Abort>),
    Explain(Explain),
    Formats(Formats),
    #[cfg(feature = "onnx")]
    Ops(Ops),
    Exporter(Exporter),
    Completions(Completions),
    Man(Man),
}

impl Command {
    /// How its diagnostics are written.
    pub(super) fn format(&self) -> Format {
        match self {
            Command::Compile(args) => args.output.format,
            Command::Score(args) => args.diagnostics.format,
            Command::Eval(args) => args.diagnostics.format,
            Command::Fmt(args) => args.format,
            Command::Inspect(args) => args.format,
            Command::Verify(args) => args.format,
            Command::Build(args) => args.format,
            Command::Test(args) => args.format,
            Command::Diff(args) => args.format,
            #[cfg(feature = "deploy")]
            Command::Plan(args) => args.format,
            #[cfg(feature = "deploy")]
            Command::Status(args) => args.format,
            #[cfg(feature = "deploy")]
            Command::Compare(args) => args.format,
            #[cfg(feature = "deploy")]
            Command::Query(args) => args.diagnostics.format,
            #[cfg(feature = "deploy")]
            Command::Apply(args) => args.carry.format,
            #[cfg(feature = "deploy")]
            Command::Rollback(args) => args.carry.format,
            #[cfg(feature = "deploy")]
            Command::Drop(args) => args.carry.format,
            #[cfg(feature = "deploy")]
            Command::Promote(args) => args.carry.format,
            #[cfg(feature = "deploy")]
            Command::Abort(args) => args.carry.format,
            // what they print is all that they do
            Command::Explain(_)
            | Command::Formats(_)
            | Command::Exporter(_)
            | Command::Completions(_)
            | Command::Man(_) => Format::Text,
            #[cfg(feature = "onnx")]
            Command::Ops(_) => Format::Text,
        }
    }
}

/// How diagnostics, and the description of `inspect`, are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs; diagnostics as one object a line
    Json,
    /// Diagnostics as annotations of GitHub Actions
    Github,
}

/// How diagnostics are written, where `--format` is how rows are.
#[derive(Clone, Debug, Args)]
pub(super) struct DiagnosticOptions {
    /// How diagnostics are written to standard error
    #[arg(id = "diagnostics", long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

/// Print what was understood of a model
///
/// Format, task, classes, features, steps, outputs, sizes, and the hash of the file. With --server: which model computes a
/// stream on a server, by its column of provenance and the history of deployments.
#[derive(Args)]
pub(super) struct Inspect {
    /// Model file; `-` reads standard input. With --server the name of a stream
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) model: PathBuf,

    /// How the description and the diagnostics are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,

    #[command(flatten)]
    pub(super) model_options: subject::ModelOptions,

    #[cfg(feature = "deploy")]
    #[command(flatten)]
    pub(super) server: server::ServerOptions,
}

/// Explain a diagnostic by its code; without a code list all
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Code as a diagnostic shows it, such as E0101
    #[arg(value_parser = parse_code)]
    pub(super) code: Option<&'static Code>,
}

/// List the model formats that are read, and by what each is recognized
#[derive(Debug, Args)]
pub(super) struct Formats {
    /// Print the JSON Schema of m2ksql's own format instead
    #[arg(long)]
    pub(super) schema: bool,
}

/// List the ONNX operators that are supported
#[cfg(feature = "onnx")]
#[derive(Debug, Args)]
pub(super) struct Ops {}

/// Print a script that writes a fitted model to a file that m2ksql reads
#[derive(Debug, Args)]
pub(super) struct Exporter {
    /// Library the model was trained with
    #[arg(value_enum)]
    pub(super) library: Library,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Library {
    /// Python: estimators and pipelines of scikit-learn, as JSON
    Sklearn,
}

/// Print shell completions
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Shell to complete for
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

/// Print the man page of the program, or of one of its commands
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Command to describe
    pub(super) command: Option<String>,
}

fn parse_code(text: &str) -> Result<&'static Code, String> {
    codes::find(text).ok_or_else(|| "no such code; `m2ksql explain` lists all".to_owned())
}
