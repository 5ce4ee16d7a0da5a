//! The command line: reads options and files, calls the compiler, prints. The only place that prints.
//!
//! Standard output carries only the product of a command; diagnostics go to standard error. The exit code is 0 when
//! the product is complete, 1 when the input is at fault, 2 for wrong usage (clap's), 3 when a file or server is, 130
//! when Ctrl-C ended a query.

mod again;
mod args;
mod build;
mod compile;
#[cfg(feature = "deploy")]
mod deploy;
mod diff;
mod eval;
mod explain;
mod exporter;
mod fmt;
mod formats;
mod inspect;
#[cfg(feature = "deploy")]
mod interrupt;
mod manifest;
mod migration;
mod output;
mod plan;
#[cfg(feature = "deploy")]
mod query;
mod reference;
mod render;
mod rows;
mod runner;
mod score;
#[cfg(feature = "deploy")]
mod server;
mod session;
mod test;
#[cfg(feature = "deploy")]
mod trial;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use session::Session;

/// Runs the program on the arguments of the process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut session = Session::new(cli.command.format());
    // a command that fails has reported why, and the report decides the exit code
    let _ = match &cli.command {
        Command::Compile(args) => compile::run(args, &mut session),
        Command::Score(args) => score::run(args, &mut session),
        Command::Inspect(args) => inspect::run(args, &mut session),
        Command::Verify(args) => verify::run(args, &mut session),
        Command::Eval(args) => eval::run(args, &mut session),
        Command::Build(args) => build::run(args, &mut session),
        Command::Test(args) => test::run(args, &mut session),
        Command::Diff(args) => diff::run(args, &mut session),
        Command::Fmt(args) => fmt::run(args, &mut session),
        #[cfg(feature = "deploy")]
        Command::Query(args) => query::run(args, &mut session),
        #[cfg(feature = "deploy")]
        Command::Plan(args) => deploy::plan(args, &mut session),
        #[cfg(feature = "deploy")]
        Command::Apply(args) => deploy::apply(args, &mut session),
        #[cfg(feature = "deploy")]
        Command::Status(args) => deploy::status(args, &mut session),
        #[cfg(feature = "deploy")]
        Command::Rollback(args) => deploy::rollback(args, &mut session),
        #[cfg(feature = "deploy")]
        Command::Drop(args) => deploy::drop(args, &mut session),
        #[cfg(feature = "deploy")]
        Command::Compare(args) => deploy::compare(args, &mut session),
        #[cfg(feature = "deploy")]
        Command::Promote(args) => deploy::promote(args, &mut session),
        #[cfg(feature = "deploy")]
        Command::Abort(args) => deploy::abort(args, &mut session),
        Command::Formats(args) => formats::run(args, &mut session),
        #[cfg(feature = "onnx")]
        Command::Ops(_) => formats::operators(&mut session),
        Command::Exporter(args) => exporter::run(args, &mut session),
        Command::Explain(args) => explain::run(args, &mut session),
        Command::Completions(args) => reference::completions(args, &mut session),
        Command::Man(args) => reference::man(args, &mut session),
    };
    session.finish()
}
