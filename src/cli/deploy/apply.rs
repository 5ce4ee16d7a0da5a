//! `apply`: carries out a plan, once or whenever the model's file changes.

use std::time::Duration;

use super::super::args::deploy::{Apply, Target};
use super::super::manifest::deployments;
use super::super::session::Session;
use super::super::{interrupt, server};
use super::{plan, settle};
use crate::deploy::{Client, Properties};
use crate::diag::Failed;

/// How often a watched file is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Applies models.
pub(in crate::cli) fn run(args: &Apply, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let targets = deployments(&args.target, &args.server.manifest.manifest, session)?;
    if !args.watch {
        return once(&targets, args, &client, session);
    }
    interrupt::watch();
    let mut seen: Vec<Option<Vec<u8>>> = vec![None; targets.len()];
    loop {
        let mut changed = Vec::new();
        for (target, seen) in targets.iter().zip(&mut seen) {
            let found = std::fs::read(&target.model).ok();
            if found.is_some() && found != *seen {
                changed.push(target.clone());
                *seen = found;
            }
        }
        if !changed.is_empty() {
            // a model that cannot be applied is said, and waited for the next
            let _ = once(&changed, args, &client, session);
            session.tell();
            session.say("watching the files of the models; Ctrl-C ends");
        }
        if interrupt::asked() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}

fn once(targets: &[Target], args: &Apply, client: &Client, session: &mut Session) -> Result<(), Failed> {
    let changes = plan::make_all(targets, args.shadow, client, session)?;
    let mut properties = Properties::new();
    if args.from_beginning {
        properties.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    }
    settle(&changes, "Apply this?", &properties, &args.carry, client, session).map(|_| ())
}
