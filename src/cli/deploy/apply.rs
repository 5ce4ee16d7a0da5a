//! `apply`: carries out a plan, once or whenever the model's file changes.

use std::time::Duration;

use super::super::args::deploy::Apply;
use super::super::session::Session;
use super::super::{interrupt, server};
use super::{plan, settle};
use crate::deploy::{Client, Properties};
use crate::diag::Failed;

/// How often a watched file is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Applies a model.
pub(in crate::cli) fn run(args: &Apply, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    if !args.watch {
        return once(args, &client, session);
    }
    interrupt::watch();
    let mut seen = None;
    loop {
        let found = std::fs::read(&args.target.model).ok();
        if found.is_some() && found != seen {
            // a model that cannot be applied is said, and waited for the next
            let _ = once(args, &client, session);
            session.tell();
            session.say("watching the model's file; Ctrl-C ends");
            seen = found;
        }
        if interrupt::asked() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}

fn once(args: &Apply, client: &Client, session: &mut Session) -> Result<(), Failed> {
    let change = plan::make(&args.target, args.shadow, client, session)?;
    let mut properties = Properties::new();
    if args.from_beginning {
        properties.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    }
    settle(&change, "Apply this?", &properties, &args.carry, client, session).map(|_| ())
}
