//! `apply`: carries out a plan, once or whenever the model's file changes.

use super::super::args::deploy::{Apply, Target};
use super::super::manifest::deployments;
use super::super::server;
use super::super::session::Session;
use super::{plan, settle, watch};
use crate::deploy::{Client, Properties};
use crate::diag::Failed;

/// Applies models.
pub(in crate::cli) fn run(args: &Apply, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let targets = deployments(&args.target, &args.server.manifest.manifest, session)?;
    if args.watch {
        return watch::run(&targets, args, &client, session);
    }
    once(&targets, args, &client, session)
}

/// Applies models by one plan.
pub(super) fn once(targets: &[Target], args: &Apply, client: &Client, session: &mut Session) -> Result<(), Failed> {
    let changes = plan::make_all(targets, args.shadow, client, session)?;
    let mut properties = Properties::new();
    if args.from_beginning {
        properties.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    }
    settle(&changes, "Apply this?", &properties, &args.carry, client, session).map(|_| ())
}
