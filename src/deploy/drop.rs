//! Taking back what was applied.

use std::collections::BTreeSet;

use super::api::Description;
use super::change::Change;
use super::history::{self, DROP, Entry};
use super::plan::{Plan, retire, version};
use super::rollback::unknown;
use super::talk::Talk;
use crate::diag::codes::deploy::IN_USE;
use crate::diag::{Diagnostic, Failed};
use crate::schema::Kind;

/// What has to be done to drop a sink and the streams that its deployments have made, readers before what they read. The
/// sink's topic goes only if so; what is between has no topic of its own worth. Nothing is planned if nothing is there.
pub fn drop(name: &str, topic: bool, talk: &mut Talk<'_>) -> Result<Change, Failed> {
    let entries = history::entries(Some(name), talk)?;
    let Some(last) = entries.last() else { return Err(unknown(name, talk)) };
    let mut there: Vec<(String, Kind, Description)> = Vec::new();
    for name in history::made(&entries) {
        there.extend(talk.describe(&name)?.map(|known| (name, known.relation.kind, known.description)));
    }
    let own: BTreeSet<String> = there.iter().map(|(name, ..)| name.clone()).collect();
    for (name, _, description) in &there {
        let foreign =
            |query: &&super::api::Running| query.is_persistent() && !query.sinks.iter().any(|sink| own.contains(sink));
        let queries: Vec<&str> = description.readers.iter().filter(foreign).map(|query| query.id.as_str()).collect();
        let others: Vec<&str> = description.readers().into_iter().filter(|name| !own.contains(*name)).collect();
        if others.is_empty() && queries.is_empty() {
            continue;
        }
        let message = format!("`{name}` is read by {}", if queries.is_empty() { &others } else { &queries }.join(", "));
        let help = match queries.first() {
            Some(query) => format!("drop what they write before, or `TERMINATE {query};`"),
            None => "drop them before".to_owned(),
        };
        return Err(talk.report.fail(Diagnostic::new(&IN_USE, message).help(help)));
    }
    let mut gone = BTreeSet::new();
    let mut steps = Vec::new();
    while !there.is_empty() {
        let free = |(_, _, description): &(String, Kind, Description)| {
            description.readers().iter().all(|reader| gone.contains(*reader))
        };
        // what reads itself in a circle is left to the server to refuse
        let place = there.iter().position(free).unwrap_or(0);
        let (stream, kind, description) = there.remove(place);
        steps.push(retire::step(&stream, kind, &description, topic || stream != name));
        gone.insert(stream);
    }
    let entry = Entry { action: DROP.to_owned(), restores: None, ..last.clone() };
    Ok(Change { plan: Plan { version: version(talk)?, steps }, entry })
}
