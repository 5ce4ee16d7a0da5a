//! The history of deployments: a stream on the server itself, so that every machine can see it and go back.
//!
//! `M2KSQL_DEPLOYMENTS` has a row for everything that was applied: the statements, the model's hash and version, when. Its
//! topic keeps rows for ever where the server allows to say so, and is called after the server's service, so that two
//! clusters of ksqlDB on one Kafka have a history each. It is written by INSERT VALUES and read by a pull query, on servers
//! before 7.1 by a push query from the beginning.

mod text;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use text::Texts;

use super::apply::{Patience, execute};
use super::plan::read;
use super::release::{Meaning, says};
use super::talk::{Talk, quoted};
use super::{Properties, Repeat};
use crate::diag::codes::deploy::INCOMPLETE;
use crate::diag::{Diagnostic, Failed, Report};
use crate::sql::ast::Statement;
use crate::sql::print;

/// The stream.
pub const STREAM: &str = "M2KSQL_DEPLOYMENTS";

/// Statements that run from then on.
pub const APPLY: &str = "apply";
/// Earlier ones that run again.
pub const ROLLBACK: &str = "rollback";
/// Nothing runs from then on.
pub const DROP: &str = "drop";
/// Statements of which some were carried out.
pub const FAILED: &str = "failed";

/// Something that was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The stream that gets the results: what a deployment is called by.
    pub sink: String,
    /// Counts the entries of a sink from 1.
    pub number: u64,
    /// `apply`, `rollback`, `drop`; `failed` if some of the statements were carried out and not all.
    pub action: String,
    /// The number of the entry that a rollback restored.
    pub restores: Option<u64>,
    /// What the statements read from.
    pub source: String,
    /// The hash of the model file, in hexadecimal digits.
    pub model: String,
    /// The name of the model file.
    pub file: String,
    /// What the user calls the version.
    pub version: String,
    /// The program that wrote it.
    pub program: String,
    /// When, in milliseconds since 1970.
    pub applied: u64,
    /// The statements, in order.
    pub statements: Vec<String>,
    /// What they make, by stored names. Entries of earlier versions of this program have none.
    pub makes: Vec<String>,
    /// The columns of the sink and what each is. Entries of earlier versions of this program have none.
    pub columns: Vec<Column>,
}

/// A column of the sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its stored name.
    pub name: String,
    /// What it is.
    pub role: Role,
}

/// What a column of the sink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Passed through from the source.
    Kept,
    /// Computed by the model.
    Result,
    /// Says which model scored the row.
    Model,
    /// What a later version of this program calls otherwise.
    #[serde(other)]
    Other,
}

/// The entry of what runs now, unless nothing does.
pub fn running(entries: &[Entry]) -> Option<&Entry> {
    entries.iter().rfind(|entry| entry.action != FAILED).filter(|entry| entry.action != DROP)
}

/// The streams and tables that the deployments of a sink have made so far.
pub fn made(entries: &[Entry]) -> BTreeSet<String> {
    entries.iter().flat_map(Entry::made).collect()
}

impl Entry {
    /// The number of the entry whose statements run after this one.
    pub fn effective(&self) -> u64 {
        self.restores.unwrap_or(self.number)
    }

    /// The streams and tables that its statements make, in order.
    pub fn made(&self) -> Vec<String> {
        if !self.makes.is_empty() {
            return self.makes.clone();
        }
        let names = self.statements.iter().filter_map(|text| match read(text) {
            Some(Statement::CreateAs { name, .. }) => Some(name.0),
            _ => None,
        });
        names.collect()
    }
}

/// Writes an entry under the next number of its sink. Nothing is written when the entries before cannot be read: a number
/// that is given twice would lead `rollback` to the wrong one.
pub fn append(entry: Entry, patience: Patience, talk: &mut Talk<'_>) -> Result<(), Failed> {
    let earlier = texts(Some(&entry.sink), talk)?;
    let numbers =
        earlier.entries.iter().map(|entry| entry.number).chain(earlier.incomplete().map(|(_, number)| number));
    let number = numbers.max().unwrap_or(0) + 1;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let applied = since.map_or(0, |since| since.as_millis() as u64);
    record(&Entry { number, applied, ..entry }, patience, talk)
}

/// Writes an entry. The stream is made when it is not there.
fn record(entry: &Entry, patience: Patience, talk: &mut Talk<'_>) -> Result<(), Failed> {
    if talk.describe(STREAM)?.is_none() {
        make(patience, talk)?;
    }
    for text in text::write(entry) {
        let statement = format!(
            "INSERT INTO {STREAM} (SINK, ENTRY) VALUES ({}, {});",
            print::string(&entry.sink),
            print::string(&text)
        );
        if let Err(fault) = talk.client.ksql(&statement, &Properties::new(), Repeat::OnlyUnsent) {
            return Err(talk.fail(&fault, None));
        }
    }
    Ok(())
}

/// Makes the stream. An earlier one of the same service may have left its topic with all entries.
fn make(patience: Patience, talk: &mut Talk<'_>) -> Result<(), Failed> {
    let service = talk.client.info().map_err(|fault| talk.fail(&fault, None))?.service;
    let topic = print::string(&topic(&service));
    let create = |retention: &str| {
        format!(
            "CREATE STREAM IF NOT EXISTS {STREAM} (SINK STRING KEY, ENTRY STRING) WITH \
             (KAFKA_TOPIC={topic}, VALUE_FORMAT='JSON', PARTITIONS=1{retention});"
        )
    };
    let mut unheard = Report::new();
    let mut quiet = Talk { client: talk.client, sources: talk.sources, report: &mut unheard };
    let done = execute(&create(", RETENTION_MS=-1"), patience, &mut quiet);
    // releases before 7.4 do not know the property, and a topic that is there keeps its own
    let refused = |found: &Diagnostic| {
        [Meaning::NoRetention, Meaning::OtherRetention].iter().any(|meaning| says(&found.message, *meaning))
    };
    match done {
        Ok(()) => Ok(()),
        Err(_) if unheard.diagnostics().iter().any(refused) => execute(&create(""), patience, talk),
        Err(failed) => {
            unheard.diagnostics().iter().for_each(|found| talk.report.push(found.clone()));
            Err(failed)
        }
    }
}

/// The topic of a service's history.
fn topic(service: &str) -> String {
    match service {
        "" => "m2ksql_deployments".to_owned(),
        service => format!("m2ksql_deployments_{service}"),
    }
}

/// The entries of a sink, or of all, oldest first. What cannot be read is left out with a warning.
pub fn entries(sink: Option<&str>, talk: &mut Talk<'_>) -> Result<Vec<Entry>, Failed> {
    let texts = texts(sink, talk)?;
    let whose = sink.map(|sink| format!(" of `{sink}`")).unwrap_or_default();
    let strange = (texts.strange > 0).then(|| format!("{} rows of the history{whose} are no entries", texts.strange));
    let incomplete = texts.incomplete().map(|(sink, number)| format!("entry {number} of `{sink}` is not complete"));
    for message in incomplete.chain(strange) {
        talk.report.push(Diagnostic::new(&INCOMPLETE, message));
    }
    Ok(texts.entries)
}

fn texts(sink: Option<&str>, talk: &mut Talk<'_>) -> Result<Texts, Failed> {
    if talk.describe(STREAM)?.is_none() {
        return Ok(Texts::default());
    }
    let filter = sink.map(|sink| format!(" WHERE SINK = {}", print::string(sink))).unwrap_or_default();
    let select = format!("SELECT ENTRY FROM {}{filter}", quoted(STREAM));
    let (mut texts, mut report) = (Texts::default(), Report::new());
    let mut quiet = Talk { client: talk.client, sources: talk.sources, report: &mut report };
    let read = quiet.rows(&select, None, &mut |values| match values
        .first()
        .and_then(|value| serde_json::from_str::<String>(value.get()).ok())
    {
        Some(text) => texts.push(&text),
        None => texts.strange += 1,
    });
    for mut found in report.diagnostics().iter().cloned() {
        found.notes.push(format!("it was asked for the history of deployments, the stream `{STREAM}`"));
        talk.report.push(found);
    }
    read.map(|()| texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_those_of_services() {
        assert_eq!(
            ["default_", "pksqlc-1a2b3", ""].map(topic),
            ["m2ksql_deployments_default_", "m2ksql_deployments_pksqlc-1a2b3", "m2ksql_deployments"]
        );
    }

    #[test]
    fn old_and_later_entries_are_read_too() {
        let old: Entry = serde_json::from_str("{\"sink\": \"S\", \"later\": 1}").unwrap();
        assert_eq!((old.sink.as_str(), old.number), ("S", 0));
        let later = r#"{"columns": [{"name": "P", "role": "result"}, {"name": "Q", "role": "reason"}]}"#;
        let roles: Vec<Role> =
            serde_json::from_str::<Entry>(later).unwrap().columns.iter().map(|column| column.role).collect();
        assert_eq!(roles, [Role::Result, Role::Other]);
    }
}
