//! Taking back what was applied.

use std::collections::BTreeSet;

use super::change::Change;
use super::history::{self, DROP, Entry};
use super::plan::{Plan, retire, version};
use super::rollback::unknown;
use super::talk::{Known, Talk};
use crate::diag::codes::deploy::IN_USE;
use crate::diag::{Diagnostic, Failed};

/// What has to be done to drop a sink and the streams that its deployments have made, readers before what they read. The
/// sink's topic goes only if so; what is between has no topic of its own worth. Nothing is planned if nothing is there.
pub fn drop(name: &str, topic: bool, talk: &mut Talk<'_>) -> Result<Change, Failed> {
    let entries = history::entries(Some(name), talk)?;
    let Some(last) = entries.last() else { return Err(unknown(name, talk)) };
    let mut there: Vec<(String, Known, BTreeSet<String>)> = Vec::new();
    for name in history::made(&entries) {
        if let Some(known) = talk.describe(&name)? {
            let readers = talk.readers(&known.description)?;
            there.push((name, known, readers));
        }
    }
    for (name, known, _) in &there {
        let Some(query) = known.description.inserters().next() else { continue };
        // dropping it would end a query that somebody else has made
        let message = format!("`{name}` is written by {} too", query.id);
        let help = format!("end that query before: `TERMINATE {};`", query.id);
        return Err(talk.report.fail(Diagnostic::new(&IN_USE, message).help(help)));
    }
    let own: BTreeSet<String> = there.iter().map(|(name, ..)| name.clone()).collect();
    for (name, known, readers) in &there {
        let others: Vec<&str> = readers.difference(&own).map(String::as_str).collect();
        if others.is_empty() {
            continue;
        }
        let mut readers = known.description.readers.iter();
        let query = readers.find(|query| query.sinks.iter().any(|sink| others.contains(&sink.as_str())));
        let help = match query {
            Some(query) => format!("drop what reads it before, or `TERMINATE {};`", query.id),
            None => "drop what reads it before".to_owned(),
        };
        let message = format!("`{name}` is read by {}", others.join(", "));
        return Err(talk.report.fail(Diagnostic::new(&IN_USE, message).help(help)));
    }
    let mut gone = BTreeSet::new();
    let mut steps = Vec::new();
    while !there.is_empty() {
        // what reads itself in a circle is left to the server to refuse
        let place = there.iter().position(|(.., readers)| readers.is_subset(&gone)).unwrap_or(0);
        let (stream, known, _) = there.remove(place);
        steps.push(retire::step(&stream, &known, topic || stream != name));
        gone.insert(stream);
    }
    let entry = Entry { action: DROP.to_owned(), restores: None, ..last.clone() };
    Ok(Change { plan: Plan { version: version(talk)?, steps }, entry })
}
