//! `rollback` and `drop`.

use super::super::args::deploy::{CarryOptions, Drop, Rollback};
use super::super::server;
use super::super::session::Session;
use super::{settle, stored, talk};
use crate::deploy::drop::drop as plan_drop;
use crate::deploy::rollback::rollback as plan_rollback;
use crate::deploy::{Client, Properties};
use crate::diag::Failed;

/// Goes back to an earlier version.
pub(in crate::cli) fn rollback(args: &Rollback, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = stored(&args.name, session)?;
    let (target, change) = plan_rollback(&name, args.to, &mut talk(&client, session))?;
    let text = format!("back to entry {}, model {}\n", target.number, target.model);
    session.write(None, text.as_bytes())?;
    settle(&[change], "Go back?", &Properties::new(), &args.carry, &client, session).map(|_| ())
}

/// Drops what was applied.
pub(in crate::cli) fn drop(args: &Drop, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = stored(&args.name, session)?;
    drop_all(&name, args.delete_topic, &args.carry, &client, session)
}

/// Drops a sink with all that its deployments have made, after asking.
pub(super) fn drop_all(
    name: &str,
    topic: bool,
    carry: &CarryOptions,
    client: &Client,
    session: &mut Session,
) -> Result<(), Failed> {
    let change = plan_drop(name, topic, &mut talk(client, session))?;
    if change.plan.steps.is_empty() {
        return session.write(None, format!("`{name}` is not there any more\n").as_bytes());
    }
    settle(&[change], "Drop it?", &Properties::new(), carry, client, session).map(|_| ())
}
