//! `completions` and `man`: made from the definitions of the command line.

use clap::CommandFactory;

use super::args::{Cli, Completions, Man};
use super::session::Session;
use crate::diag::Failed;

/// Prints the completions for a shell.
pub(super) fn completions(args: &Completions, session: &mut Session) -> Result<(), Failed> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "m2ksql", &mut script);
    session.write(None, &script)
}

/// Prints a man page.
pub(super) fn man(args: &Man, session: &mut Session) -> Result<(), Failed> {
    let mut program = Cli::command();
    program.build();
    let page = match &args.command {
        None => program,
        Some(name) => match program.find_subcommand(name) {
            Some(command) => command.clone().display_name(format!("m2ksql-{name}")),
            None => Cli::command().error(clap::error::ErrorKind::InvalidValue, format!("no command `{name}`")).exit(),
        },
    };
    let mut text = Vec::new();
    // writing to a Vec cannot fail
    let _ = clap_mangen::Man::new(page).render(&mut text);
    session.write(None, &text)
}
