//! A change of what runs under a name: planned, to be shown, carried out, recorded.

use std::collections::BTreeSet;

use super::Properties;
use super::apply::{Patience, Progress, apply};
use super::deployment::Deployment;
use super::history::{self, Entry, FAILED};
use super::plan::{Plan, plan};
use super::talk::Talk;
use crate::diag::codes::deploy::UNRECORDED;
use crate::diag::{Diagnostic, Failed, Report};
use crate::sql::print::Style;

/// What is to be done, and what the history will say of it.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is to be done.
    pub plan: Plan,
    /// What will be recorded.
    pub entry: Entry,
}

impl Change {
    /// What has to be done so that a deployment runs.
    pub fn new(deployment: &Deployment, talk: &mut Talk<'_>) -> Result<Change, Failed> {
        // one statement leaves no streams between
        let earlier = match deployment.statements.len() {
            0 | 1 => BTreeSet::new(),
            _ => earlier(&deployment.entry.sink, talk),
        };
        let plan = plan(&deployment.statements, &earlier, Style::default(), talk)?;
        Ok(Change { entry: described(&deployment.entry, &plan), plan })
    }

    /// Like [`Change::new`], where the history has been read.
    pub(super) fn after(entries: &[Entry], deployment: &Deployment, talk: &mut Talk<'_>) -> Result<Change, Failed> {
        let plan = plan(&deployment.statements, &history::made(entries), Style::default(), talk)?;
        Ok(Change { entry: described(&deployment.entry, &plan), plan })
    }

    /// Records what runs already, if the history does not say so: what was applied before may have lost its connection
    /// between the two. Whether it did.
    pub fn catch_up(&self, patience: Patience, talk: &mut Talk<'_>) -> bool {
        let mut unheard = Report::new();
        let mut quiet = Talk { client: talk.client, sources: talk.sources, report: &mut unheard };
        let Ok(entries) = history::entries(Some(&self.entry.sink), &mut quiet) else { return false };
        let known = history::running(&entries)
            .is_some_and(|entry| entry.model == self.entry.model && entry.version == self.entry.version);
        !known && record(self.entry.clone(), patience, talk)
    }

    /// Does it and records it, also if only a part of it could be done. That it cannot be recorded is a warning.
    pub fn carry_out(
        &self,
        properties: &Properties,
        patience: Patience,
        talk: &mut Talk<'_>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Failed> {
        match apply(&self.plan, properties, patience, talk, progress) {
            Ok(()) => _ = record(self.entry.clone(), patience, talk),
            Err(stopped) => {
                if stopped.done > 0 {
                    record(Entry { action: FAILED.to_owned(), ..self.entry.clone() }, patience, talk);
                }
                return Err(stopped.failed);
            }
        }
        Ok(())
    }
}

/// What earlier versions of a deployment have made. Where the history cannot be read nothing is known to go; that it
/// cannot be written is said then.
fn earlier(sink: &str, talk: &mut Talk<'_>) -> BTreeSet<String> {
    let mut unheard = Report::new();
    let mut quiet = Talk { client: talk.client, sources: talk.sources, report: &mut unheard };
    history::made(&history::entries(Some(sink), &mut quiet).unwrap_or_default())
}

fn described(entry: &Entry, plan: &Plan) -> Entry {
    Entry {
        statements: plan.statements().map(|step| step.sql.clone()).collect(),
        makes: plan.statements().map(|step| step.name.clone()).collect(),
        ..entry.clone()
    }
}

/// Writes an entry, if it can. What was done is done even if that fails.
fn record(entry: Entry, patience: Patience, talk: &mut Talk<'_>) -> bool {
    let mut report = Report::new();
    let mut quiet = Talk { client: talk.client, sources: talk.sources, report: &mut report };
    if history::append(entry, patience, &mut quiet).is_ok() {
        return true;
    }
    let mut diagnostic = Diagnostic::new(&UNRECORDED, "the deployment is not in the history of deployments");
    for found in report.diagnostics() {
        diagnostic = diagnostic.note(found.message.as_str());
    }
    talk.report.push(diagnostic.help("`rollback` and `status` will not know it; apply again to record it"));
    false
}
