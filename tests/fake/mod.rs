//! A ksqlDB in memory, as far as deployments need one: streams, what makes them, the history, and a wire that can be bad.
//!
//! It believes every statement. What a real server says is in the recordings; here it matters how often it is asked, and
//! what is left when answers are lost.

#![allow(dead_code)]

use super::replay::{Request, Server, Step, json};
use m2ksql::deploy::plan::read;
use m2ksql::sql::ast::{Expr, Item, Name, Statement};
use m2ksql::sql::print::{self, Style};
use serde_json::{Value, json as value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A stream: its columns with their types, the statement that made it, and how many queries write it.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub columns: Vec<(String, String)>,
    pub statement: String,
    pub writers: usize,
    /// Names of queries of INSERT INTO.
    pub inserters: Vec<String>,
    pub key: Option<String>,
}

/// What the server holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub version: String,
    pub streams: BTreeMap<String, Stream>,
    /// Statements that changed something, in order.
    pub done: Vec<String>,
    /// Rows of the history: sink and entry.
    pub history: Vec<(String, String)>,
}

/// The server and what it holds.
pub struct Fake {
    pub server: Server,
    pub state: Arc<Mutex<State>>,
}

impl Fake {
    /// With a stream S (ID INT KEY, X DOUBLE, C STRING).
    pub fn start(version: &str) -> Fake {
        Fake::start_with(version, |_, _, answer| vec![Step::Send(answer())])
    }

    /// The same behind a wire that may do anything with an answer; it knows the request and its number. A request for which
    /// it does not ask for the answer does not reach the server.
    pub fn start_with(
        version: &str,
        wire: impl Fn(&Request, usize, &dyn Fn() -> Vec<u8>) -> Vec<Step> + Send + Sync + 'static,
    ) -> Fake {
        let columns = [("ID", "INTEGER"), ("X", "DOUBLE"), ("C", "STRING")];
        let source = Stream {
            columns: columns.map(|(name, ty)| (name.to_owned(), ty.to_owned())).to_vec(),
            statement:
                "CREATE STREAM S (ID INTEGER KEY, X DOUBLE, C STRING) WITH (KAFKA_TOPIC='S', VALUE_FORMAT='JSON');"
                    .to_owned(),
            writers: 0,
            inserters: Vec::new(),
            key: Some("ID".to_owned()),
        };
        let state = State {
            version: version.to_owned(),
            streams: BTreeMap::from([("S".to_owned(), source)]),
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let held = Arc::clone(&state);
        let server =
            Server::start(move |request, number| wire(request, number, &|| held.lock().unwrap().answer(request)));
        Fake { server, state }
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Statements so far that changed something.
    pub fn done(&self) -> Vec<String> {
        self.state.lock().unwrap().done.clone()
    }

    /// The streams that there are.
    pub fn streams(&self) -> Vec<String> {
        self.state.lock().unwrap().streams.keys().cloned().collect()
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Vec<u8> {
        let sql = request.sql();
        let sql = sql.trim();
        match request.line.as_str() {
            "GET /info" => {
                json("200 OK", &value!({"KsqlServerInfo": {"version": self.version, "ksqlServiceId": "fake_"}}))
            }
            "GET /healthcheck" => json("200 OK", &value!({"isHealthy": true, "details": {}})),
            line if line.starts_with("GET /status/") => {
                json("200 OK", &value!({"status": "SUCCESS", "message": "done", "queryId": null}))
            }
            "POST /query" => self.select(sql),
            "POST /ksql" => self.statement(sql),
            other => panic!("{other}"),
        }
    }

    /// The history, filtered by its sink.
    fn select(&self, sql: &str) -> Vec<u8> {
        assert!(sql.starts_with("SELECT ENTRY FROM `M2KSQL_DEPLOYMENTS`"), "{sql}");
        let sink = sql.split_once("WHERE SINK = '").map(|(_, rest)| rest.trim_end_matches("';"));
        let mut rows = vec![value!({"header": {"queryId": "q", "schema": "`ENTRY` STRING"}})];
        for (_, entry) in self.history.iter().filter(|(of, _)| sink.is_none_or(|sink| sink == of)) {
            rows.push(value!({"row": {"columns": [entry]}}));
        }
        json("200 OK", &Value::from(rows))
    }

    fn statement(&mut self, sql: &str) -> Vec<u8> {
        if let Some(name) = sql.strip_prefix("DESCRIBE `") {
            let name = name.split('`').next().unwrap();
            return match self.streams.get(name) {
                Some(stream) => json("200 OK", &describe(name, stream, &self.readers(name))),
                None => refused(400, &format!("Could not find STREAM/TABLE '{name}' in the Metastore")),
            };
        }
        if sql == "SHOW STREAMS; SHOW TABLES;" {
            let streams: Vec<Value> = self.streams.keys().map(|name| value!({"name": name})).collect();
            return json("200 OK", &value!([{"@type": "streams", "streams": streams}, {"tables": []}]));
        }
        if let Some(sql) = sql.strip_prefix("EXPLAIN ") {
            let Some((_, stream)) = self.made(sql) else { return refused(400, "cannot explain") };
            let fields = fields(&stream);
            return json("200 OK", &value!([{"@type": "queryDescription", "queryDescription": {"fields": fields}}]));
        }
        self.done.push(sql.to_owned());
        if let Some(rest) = sql.strip_prefix("INSERT INTO M2KSQL_DEPLOYMENTS (SINK, ENTRY) VALUES ('") {
            let (sink, entry) = rest.split_once("', '").unwrap();
            let entry = entry.strip_suffix("');").unwrap().replace("''", "'");
            self.history.push((sink.to_owned(), entry));
            return json("200 OK", &value!([]));
        }
        if sql.starts_with("CREATE STREAM IF NOT EXISTS M2KSQL_DEPLOYMENTS ") {
            let columns = [("SINK", "STRING"), ("ENTRY", "STRING")];
            let columns = columns.map(|(name, ty)| (name.to_owned(), ty.to_owned())).to_vec();
            let history = Stream { columns, statement: sql.to_owned(), ..Stream::default() };
            self.streams.insert("M2KSQL_DEPLOYMENTS".to_owned(), history);
            return command("M2KSQL_DEPLOYMENTS");
        }
        if let Some(rest) = sql.strip_prefix("DROP STREAM IF EXISTS `") {
            let name = rest.split('`').next().unwrap();
            self.streams.remove(name);
            return command(name);
        }
        match self.made(sql) {
            Some((name, stream)) => {
                self.streams.insert(name.clone(), stream);
                command(&name)
            }
            None => refused(400, &format!("line 1:1: Syntax Error\n{sql}")),
        }
    }

    /// What CREATE STREAM AS makes.
    fn made(&self, sql: &str) -> Option<(String, Stream)> {
        let mut statement = read(sql)?;
        let Statement::CreateAs { name, query, with, .. } = &mut statement else { return None };
        let source = self.streams.get(query.from.as_str())?;
        let mut columns = Vec::new();
        for item in &query.items {
            let (Item::Expr { expr, .. }, Some(name)) = (item, item.name()) else { panic!("{item:?}") };
            let ty = match expr {
                Expr::Column(column) => {
                    let found = source.columns.iter().find(|(known, _)| known == column.as_str());
                    found.unwrap_or_else(|| panic!("{column:?} in {sql}")).1.clone()
                }
                Expr::String(_) => "STRING".to_owned(),
                Expr::Cast(_, ty) => ty.to_string(),
                Expr::Case { .. } => "BIGINT".to_owned(),
                _ => "DOUBLE".to_owned(),
            };
            columns.push((name.as_str().to_owned(), ty));
        }
        let key = source.key.clone().filter(|key| columns.iter().any(|(name, _)| name == key));
        // the server says what it has filled in
        for (property, value) in [("KAFKA_TOPIC", Expr::String(name.0.clone())), ("PARTITIONS", Expr::Integer(1))] {
            if with.iter().all(|(known, _)| known.as_str() != property) {
                with.push((Name::new(property), value));
            }
        }
        let name = name.0.clone();
        Some((
            name,
            Stream {
                columns,
                statement: print::statement(&statement, Style::default()),
                writers: 1,
                inserters: Vec::new(),
                key,
            },
        ))
    }

    fn readers(&self, name: &str) -> Vec<String> {
        let reads = |stream: &Stream| match read(&stream.statement) {
            Some(Statement::CreateAs { query, .. }) => query.from.as_str() == name,
            _ => false,
        };
        self.streams.iter().filter(|(_, stream)| reads(stream)).map(|(name, _)| name.clone()).collect()
    }
}

fn fields(stream: &Stream) -> Vec<Value> {
    let field = |(name, ty): &(String, String)| {
        let kind = (stream.key.as_ref() == Some(name)).then_some("KEY");
        value!({"name": name, "schema": {"type": ty, "fields": null, "memberSchema": null}, "type": kind})
    };
    stream.columns.iter().map(field).collect()
}

fn describe(name: &str, stream: &Stream, readers: &[String]) -> Value {
    let query = |id: String, sink: &str, text: &str| value!({"id": id, "queryString": text, "sinks": [sink], "queryType": "PERSISTENT", "state": "RUNNING"});
    let mut writers: Vec<Value> =
        (0..stream.writers).map(|at| query(format!("CSAS_{name}_{at}"), name, &stream.statement)).collect();
    let insert = format!("INSERT INTO {name} SELECT * FROM OTHER EMIT CHANGES;");
    writers.extend(stream.inserters.iter().map(|id| query(id.clone(), name, &insert)));
    let readers: Vec<Value> = readers.iter().map(|sink| query(format!("CSAS_{sink}_0"), sink, "")).collect();
    value!([{"@type": "sourceDescription", "statementText": "", "sourceDescription": {
        "name": name, "type": "STREAM", "fields": fields(stream), "topic": name, "statement": stream.statement,
        "writeQueries": writers, "readQueries": readers }, "warnings": []}])
}

fn command(name: &str) -> Vec<u8> {
    let status = value!({"status": "SUCCESS", "message": "done", "queryId": null});
    let id = format!("stream/`{name}`/create");
    json("200 OK", &value!([{"@type": "currentStatus", "statementText": "", "commandId": id, "commandStatus": status}]))
}

pub fn refused(status: u32, message: &str) -> Vec<u8> {
    let reason = if status == 400 { "400 Bad Request" } else { "500 Internal Server Error" };
    let body = value!({"@type": "statement_error", "error_code": status * 100 + 1, "message": message, "entities": []});
    json(reason, &body)
}
