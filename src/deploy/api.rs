//! The answers of the REST API, as far as they are read.
//!
//! Fields that a release does not send are optional or have a default, and unknown ones are ignored, so that old and new
//! servers are read alike.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::diag::{Failed, Report, SourceId};
use crate::schema::Relation;
use crate::syntax;

/// `GET /info`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Info {
    /// The release: `0.29.0`, `7.4.0`.
    pub version: String,
    /// The service that this server belongs to.
    #[serde(rename = "ksqlServiceId", default)]
    pub service: String,
    /// `RUNNING` and the like; empty before 6.2.
    #[serde(rename = "serverStatus", default)]
    pub status: String,
}

/// `GET /healthcheck`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether nothing is wrong.
    pub is_healthy: bool,
    /// Its parts: `metastore`, `kafka`, `commandRunner`.
    #[serde(default)]
    pub details: BTreeMap<String, Part>,
    /// READY and the like; empty before 7.2.
    #[serde(default)]
    pub server_state: String,
}

/// A part of a server, in [`Health`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Whether nothing is wrong with it.
    pub is_healthy: bool,
}

impl Health {
    /// What is wrong, in words; `None` if nothing is.
    pub fn trouble(&self) -> Option<String> {
        if self.is_healthy {
            return None;
        }
        let ill: Vec<&str> =
            self.details.iter().filter(|(_, part)| !part.is_healthy).map(|(name, _)| name.as_str()).collect();
        Some(if ill.is_empty() { "not healthy".to_owned() } else { format!("not healthy: {}", ill.join(", ")) })
    }
}

/// How far a statement has come on the server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct CommandStatus {
    /// QUEUED, PARSING, EXECUTING, RUNNING, TERMINATED, SUCCESS or ERROR.
    pub status: String,
    /// What the server says about it.
    #[serde(default)]
    pub message: String,
    /// The query that the statement started.
    #[serde(rename = "queryId", default)]
    pub query: Option<String>,
}

/// The answer to a statement that is written to the command topic.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Command {
    /// Under which `/status` knows it: ``stream/`OUT`/create``.
    #[serde(rename = "commandId")]
    pub id: String,
    /// How far it has come.
    #[serde(rename = "commandStatus")]
    pub status: CommandStatus,
}

/// A running query, as DESCRIBE and SHOW QUERIES list it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Running {
    /// Its name on the server: `CSAS_OUT_5`.
    pub id: String,
    /// The statement in the server's own words.
    #[serde(rename = "queryString", default)]
    pub statement: String,
    /// The streams that it writes.
    #[serde(default)]
    pub sinks: Vec<String>,
    /// PERSISTENT, PUSH or PULL.
    #[serde(rename = "queryType", default)]
    pub kind: String,
    /// RUNNING, ERROR and the like.
    #[serde(default)]
    pub state: Option<String>,
    /// How many servers run it in which state. A paused query is seen here only.
    #[serde(rename = "statusCount", default)]
    pub counts: BTreeMap<String, i64>,
}

impl Running {
    /// RUNNING, PAUSED, ERROR and the like.
    pub fn state(&self) -> &str {
        // the state of a paused query is that of its threads
        if self.counts.get("PAUSED").is_some_and(|count| *count > 0) {
            return "PAUSED";
        }
        self.state.as_deref().or_else(|| self.counts.keys().next().map(String::as_str)).unwrap_or("UNKNOWN")
    }

    /// Whether it runs until it is ended: a query of a client goes with the client.
    pub fn is_persistent(&self) -> bool {
        self.kind != "PUSH"
    }
}

/// A stream or table, as DESCRIBE shows it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Description {
    /// The stored name.
    pub name: String,
    /// STREAM or TABLE.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Queries that read from it.
    #[serde(rename = "readQueries", default)]
    pub readers: Vec<Running>,
    /// Queries that write into it.
    #[serde(rename = "writeQueries", default)]
    pub writers: Vec<Running>,
    /// The Kafka topic.
    #[serde(default)]
    pub topic: String,
    /// The statement that made it, in the server's own words; empty before 5.5.
    #[serde(default)]
    pub statement: String,
    /// Partitions of the topic; 0 unless asked for with EXTENDED on old servers.
    #[serde(default)]
    pub partitions: i64,
    /// What keeps it from being dropped: streams and tables that were made from it.
    #[serde(rename = "sourceConstraints", default)]
    pub dependents: Vec<String>,
    /// How far the queries that write it have read, if DESCRIBE was EXTENDED.
    #[serde(rename = "queryOffsetSummaries", default)]
    pub progress: Vec<Progress>,
}

impl Description {
    /// The queries of INSERT INTO: what made the stream does not know of them.
    pub fn inserters(&self) -> impl Iterator<Item = &Running> {
        let inserts = |query: &&Running| {
            let first = query.statement.split_whitespace().next();
            first.is_some_and(|word| word.eq_ignore_ascii_case("INSERT"))
        };
        self.writers.iter().filter(inserts)
    }
}

/// How far a query has read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Progress {
    /// By topic.
    #[serde(rename = "topicSummaries", default)]
    pub topics: Vec<TopicProgress>,
}

/// How far a query has read in a topic.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct TopicProgress {
    /// The topic.
    #[serde(rename = "kafkaTopic", default)]
    pub topic: String,
    /// By partition.
    #[serde(default)]
    pub offsets: Vec<Offsets>,
}

/// How far a query has read in a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offsets {
    /// Its number.
    pub partition: i64,
    /// Where the next record will be.
    pub log_end_offset: i64,
    /// The first record that the query has not read.
    pub consumer_offset: i64,
}

/// The answer of `/ksql`: one entity a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// As it came.
    pub text: String,
    /// Read.
    pub entities: Vec<Value>,
}

impl Answer {
    /// The first entity that has this member, read from it.
    fn member<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        let found = self.entities.iter().find_map(|entity| entity.get(name))?;
        T::deserialize(found).ok()
    }

    /// What became of a statement that changes something.
    pub fn command(&self) -> Option<Command> {
        self.entities.iter().rev().find_map(|entity| Command::deserialize(entity).ok())
    }

    /// The answer to DESCRIBE.
    pub fn description(&self) -> Option<Description> {
        self.member("sourceDescription")
    }

    /// The answer to SHOW QUERIES.
    pub fn queries(&self) -> Vec<Running> {
        self.member("queries").unwrap_or_default()
    }

    /// The columns that DESCRIBE lists; `source` is this answer's text.
    pub fn relation(&self, source: SourceId, report: &mut Report) -> Result<Relation, Failed> {
        let relations = syntax::relations(source, &self.text, report)?;
        // without a relation `relations` fails
        relations.into_iter().next().ok_or_else(|| {
            report.fail(crate::diag::Diagnostic::new(&crate::diag::codes::server::STRANGE, "no stream is described"))
        })
    }
}
