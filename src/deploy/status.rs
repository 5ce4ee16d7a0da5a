//! What runs, by the history of deployments and the server's own lists.

use std::collections::BTreeSet;

use super::compare::{columns, deployed};
use super::deployment::is_mark_of;
use super::history::{self, Entry};
use super::rollback::unknown;
use super::talk::{Known, Talk};
use crate::diag::Failed;

/// A deployment: what the history says of it and what the server does.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// All entries of the sink, oldest first.
    pub entries: Vec<Entry>,
    /// The streams and tables that the last entry names, in order, the sink last; `None` for what is not there.
    pub stages: Vec<(String, Option<Known>)>,
}

/// The deployment of this sink, or all.
pub fn status(name: Option<&str>, talk: &mut Talk<'_>) -> Result<Vec<Deployed>, Failed> {
    let entries = history::entries(name, talk)?;
    let sinks: BTreeSet<String> = entries.iter().map(|entry| entry.sink.clone()).collect();
    if let (Some(name), true) = (name, sinks.is_empty()) {
        return Err(unknown(name, talk));
    }
    sinks.iter().map(|sink| Deployed::look(sink, &entries, talk)).collect()
}

impl Deployed {
    fn look(sink: &str, entries: &[Entry], talk: &mut Talk<'_>) -> Result<Deployed, Failed> {
        let entries: Vec<Entry> = entries.iter().filter(|entry| entry.sink == sink).cloned().collect();
        let mut names = entries.last().map(Entry::made).unwrap_or_default();
        names.retain(|name| name != sink);
        names.push(sink.to_owned());
        let stages = names.into_iter().map(|name| Ok((name.clone(), talk.describe(&name)?)));
        Ok(Deployed { stages: stages.collect::<Result<_, Failed>>()?, entries })
    }

    /// The entry of what runs; after a drop the last one.
    pub fn current(&self) -> Option<&Entry> {
        history::running(&self.entries).or(self.entries.last())
    }

    /// The query that writes the sink.
    pub fn query(&self) -> Option<&str> {
        let (_, known) = self.stages.last()?;
        known.as_ref()?.description.writers.first().map(|query| query.id.as_str())
    }

    /// How the sink is, or of a chain the first stream that does not run.
    pub fn state(&self) -> String {
        let sink = self.stages.last().map_or("DROPPED", |(_, known)| state(known.as_ref()));
        let between = &self.stages[..self.stages.len().saturating_sub(1)];
        let ill =
            between.iter().map(|(name, known)| (name, state(known.as_ref()))).find(|(_, state)| *state != "RUNNING");
        match ill {
            Some((name, state)) if sink != "DROPPED" => format!("{state} ({name})"),
            _ => sink.to_owned(),
        }
    }
}

/// The state of the query that writes a stream; DROPPED without the stream, STOPPED without the query.
pub fn state(known: Option<&Known>) -> &str {
    match known {
        None => "DROPPED",
        Some(known) => known.description.writers.first().map_or("STOPPED", |query| query.state()),
    }
}

/// From a running query to the file of its model.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What runs.
    pub known: Known,
    /// The column that says which model, and what it says.
    pub mark: Option<(String, String)>,
    /// The last entry of the history with that model; without such a column the last one.
    pub entry: Option<Entry>,
}

impl Trace {
    /// The query that writes the stream.
    pub fn query(&self) -> Option<&str> {
        self.known.description.writers.first().map(|query| query.id.as_str())
    }

    /// Whether the stream itself names the model of the entry.
    pub fn agrees(&self) -> bool {
        self.entry.is_some() && self.mark.is_some()
    }
}

/// Which model computes a stream.
pub fn trace(name: &str, talk: &mut Talk<'_>) -> Result<Trace, Failed> {
    let known = deployed(name, talk)?;
    let entries = history::entries(Some(name), talk)?;
    let mark = columns(&known, history::running(&entries)).model;
    let entry = entries.iter().rfind(|entry| match &mark {
        Some((_, text)) => is_mark_of(text, &entry.model),
        None => true,
    });
    Ok(Trace { entry: entry.cloned(), known, mark })
}
