//! What goes: streams and tables of a deployment that nothing reads any more, readers before what they read.

use std::collections::BTreeSet;

use super::{Action, Step, read};
use crate::deploy::talk::{Known, Talk, quoted};
use crate::diag::Failed;
use crate::schema::Kind;
use crate::sql::ast::Statement;

/// What becomes of some streams.
pub(in crate::deploy) struct Retired {
    /// What is to be done, in order.
    pub(in crate::deploy) steps: Vec<Step>,
    /// Why others stay, in sentences.
    pub(in crate::deploy) stay: Vec<String>,
}

/// DROP, which ends the query that made it.
pub(in crate::deploy) fn drop(name: &str, kind: Kind, topic: bool) -> String {
    let kind = if kind == Kind::Stream { "STREAM" } else { "TABLE" };
    format!("DROP {kind} IF EXISTS {}{};", quoted(name), if topic { " DELETE TOPIC" } else { "" })
}

/// Plans to drop those of these streams that are there and that nothing reads but others of them, or what is made anew by
/// then. They are made by a program for a program, so that their topics go too.
pub(in crate::deploy) fn retire(
    names: &BTreeSet<String>,
    anew: &BTreeSet<String>,
    talk: &mut Talk<'_>,
) -> Result<Retired, Failed> {
    let mut there = Vec::new();
    for name in names {
        if let Some(known) = talk.describe(name)? {
            let readers = talk.readers(&known.description)?;
            there.push((name, known, readers));
        }
    }
    let mut retired = Retired { steps: Vec::new(), stay: Vec::new() };
    let mut gone = anew.clone();
    let goes = |(_, known, readers): &(&String, Known, BTreeSet<String>), gone: &BTreeSet<String>| {
        readers.is_subset(gone) && known.description.inserters().next().is_none()
    };
    while let Some(place) = there.iter().position(|stream| goes(stream, &gone)) {
        let (name, known, _) = there.remove(place);
        gone.insert(name.clone());
        retired.steps.push(step(name, &known, true));
    }
    for (name, known, readers) in there {
        let inserters: Vec<&str> = known.description.inserters().map(|query| query.id.as_str()).collect();
        let why = match inserters.is_empty() {
            true => format!("read by {}", readers.into_iter().collect::<Vec<_>>().join(", ")),
            false => format!("written by {} too", inserters.join(", ")),
        };
        retired.stay.push(format!("`{name}` is not needed any more, but stays: it is {why}"));
    }
    Ok(retired)
}

/// The step that drops one.
pub(in crate::deploy) fn step(name: &str, known: &Known, topic: bool) -> Step {
    let (kind, description) = (known.relation.kind, &known.description);
    let from = match read(&description.statement) {
        Some(Statement::CreateAs { query, .. }) => query.from.0,
        _ => String::new(),
    };
    let action = Action::Drop { topic: description.topic.clone(), deleted: topic };
    let mut step = Step::new(name, kind, &from, action);
    step.sql = drop(name, kind, topic);
    step.query = description.writers.first().cloned();
    step
}
