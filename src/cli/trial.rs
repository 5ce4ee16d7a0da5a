//! Rows through a query on a server: they go into a stream of their own, which is dropped again.
//!
//! The stream is read from a topic that another stream fills with whole records as texts: so a row is the JSON object that a
//! producer would send, whatever the types of its columns.

use std::fmt::Write;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::value::RawValue;

use super::rows::{Converters, value_of_stream};
use super::session::Session;
use super::{interrupt, server};
use crate::deploy::query::{self, End, Limits, Sink, run};
use crate::deploy::talk::{quoted, without_variables};
use crate::deploy::{Client, Endpoint, Fault, Properties, Repeat, frames};
use crate::diag::codes::server::{CUT, INTERRUPTED, NOT_A_VALUE};
use crate::diag::{Diagnostic, Failed};
use crate::schema::{Relation, Type};
use crate::sql::ast::{Expr, Item, Name, Query, Statement};
use crate::sql::eval::Value;
use crate::sql::print::{self, Style};

/// Before statements are sent again.
const PAUSE: Duration = Duration::from_millis(200);

/// The column that says which row a result belongs to.
const ROW: &str = "M2KSQL_ROW";

/// Rows that are sent with one request.
const SENT_AT_ONCE: usize = 50;

/// How long a server that answers rows only as they come is waited for.
const IDLE: Duration = Duration::from_secs(5);

/// A query, and the rows that it is tried on.
pub(super) struct Trial<'a> {
    /// Its FROM is not looked at.
    pub(super) query: &'a Query,
    /// The columns of the rows.
    pub(super) relation: &'a Relation,
    /// The types that its items should have.
    pub(super) types: Vec<Type>,
    /// The first part of the names of the streams.
    pub(super) prefix: &'static str,
    /// Tells the streams of one run apart.
    pub(super) number: usize,
}

/// What a server gave.
pub(super) struct Answers {
    /// For each row its results; `None` if the query leaves it out.
    pub(super) rows: Vec<Option<Vec<Value>>>,
    /// The types that the server says the items have; of one that is not known here `None`.
    pub(super) types: Vec<Option<Type>>,
}

impl Trial<'_> {
    /// What a server gives for the rows. Whatever comes of it, no stream and no topic is left behind.
    pub(super) fn run<'r>(
        &self,
        rows: impl IntoIterator<Item = &'r Vec<Value>>,
        client: &Client,
        session: &mut Session,
    ) -> Result<Answers, Failed> {
        // a run that is interrupted drops its streams too
        interrupt::watch();
        let name = format!("{}_{}_{}", self.prefix, of_this_run(), self.number);
        let records: Vec<String> = rows.into_iter().enumerate().map(|(number, row)| self.record(number, row)).collect();
        let found = self
            .create(&name, client, session)
            .and_then(|()| insert(&name, &records, client, session))
            .and_then(|()| self.ask(&name, records.len(), client, session));
        for statement in [
            format!("DROP STREAM IF EXISTS {};", quoted(&name)),
            format!("DROP STREAM IF EXISTS {} DELETE TOPIC;", quoted(&raw(&name))),
        ] {
            if let Err(fault) = send(&statement, client)
                && found.is_ok()
            {
                server::fail(client, &fault, Some(&statement), session);
            }
        }
        found
    }

    /// A row as a JSON object.
    fn record(&self, number: usize, row: &[Value]) -> String {
        let mut record = format!("{{\"{ROW}\": {number}");
        for (column, value) in self.relation.columns.iter().zip(row) {
            let name = serde_json::Value::from(column.name.as_str());
            // writing to a String cannot fail
            let _ = write!(record, ", {name}: {}", value_of_stream(value, &column.ty));
        }
        record + "}"
    }

    /// Makes both streams over one topic.
    fn create(&self, name: &str, client: &Client, session: &mut Session) -> Result<(), Failed> {
        let columns = self.relation.columns.iter().map(|column| format!(", {} {}", quoted(&column.name), column.ty));
        let columns: String = columns.collect();
        let topic = print::string(name);
        for statement in [
            format!(
                "CREATE STREAM {} (V STRING) WITH (KAFKA_TOPIC = {topic}, VALUE_FORMAT = 'KAFKA', PARTITIONS = 1);",
                quoted(&raw(name))
            ),
            format!(
                "CREATE STREAM {} ({ROW} BIGINT{columns}) WITH (KAFKA_TOPIC = {topic}, VALUE_FORMAT = 'JSON');",
                quoted(name)
            ),
        ] {
            send(&statement, client).map_err(|fault| server::fail(client, &fault, Some(&statement), session))?;
        }
        Ok(())
    }

    /// Runs the query over the stream, from its beginning to its end.
    fn ask(&self, name: &str, rows: usize, client: &Client, session: &mut Session) -> Result<Answers, Failed> {
        let mut query = self.query.clone();
        query.from = Name::new(name);
        query.emit = None;
        query.items.insert(0, Item::Expr { comments: Vec::new(), expr: Expr::column(ROW), alias: None });
        let text = print::statement(&Statement::Select(query), Style::default());
        let mut found = Found { wanted: self.types.clone(), rows: vec![None; rows], ..Found::default() };
        let mut query = query::Query {
            sql: text.clone(),
            properties: Properties::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]),
            through: Endpoint::Query,
        };
        let mut end =
            run(client, &query, Limits { idle: Some(client.patience()), ..Limits::default() }, &mut found).end;
        let mut complete = matches!(end, End::Complete(_));
        // servers before 7.1 answer such a question about tables only
        if matches!(&end, End::NoAnswer(Fault::Refused(refusal)) if refusal.pulls_no_streams()) {
            query.sql = format!("{} EMIT CHANGES;", text.trim_end().trim_end_matches(';'));
            end = run(client, &query, Limits { idle: Some(IDLE), ..Limits::default() }, &mut found).end;
            complete = matches!(end, End::Complete(_) | End::Idle(_));
        }
        if let Some(value) = found.unread {
            let message = format!("the server answers `{value}`, which is no value of the column's type");
            return Err(session.report.fail(Diagnostic::new(&NOT_A_VALUE, message)));
        }
        if complete {
            return Ok(Answers { rows: found.rows, types: found.types });
        }
        let why = match end {
            End::NoAnswer(fault) => return Err(server::fail(client, &fault, Some(&query.sql), session)),
            End::Interrupted => return Err(interrupted(session)),
            End::Cut(why, _) | End::Malformed(why) => why,
            End::Failed(trouble) => trouble.message,
            End::Idle(time) => format!("none came for {} s", time.as_secs()),
            _ => "they ended too early".to_owned(),
        };
        Err(session.report.fail(Diagnostic::new(&CUT, format!("the rows of the server break off: {why}"))))
    }
}

/// What is in no other run's names: two machines have processes of the same number.
fn of_this_run() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}_{}", since.as_millis(), std::process::id())
}

/// The stream of whole records.
fn raw(name: &str) -> String {
    format!("{name}_RAW")
}

/// Runs statements. While the server is busy with those of others it has not written these: they are sent again.
fn send(statements: &str, client: &Client) -> Result<(), Fault> {
    let started = Instant::now();
    loop {
        match client.ksql(statements, &Properties::new(), Repeat::OnlyUnsent) {
            Err(fault) if fault.is_busy() && started.elapsed() < client.patience() => std::thread::sleep(PAUSE),
            answer => return answer.map(|_| ()),
        }
    }
}

fn insert(name: &str, records: &[String], client: &Client, session: &mut Session) -> Result<(), Failed> {
    for some in records.chunks(SENT_AT_ONCE) {
        if interrupt::asked() {
            return Err(interrupted(session));
        }
        let one = |record: &String| {
            let text = print::string(&without_variables(record));
            format!("INSERT INTO {} (V) VALUES ({text});\n", quoted(&raw(name)))
        };
        let statements: String = some.iter().map(one).collect();
        send(&statements, client).map_err(|fault| server::fail(client, &fault, Some(&statements), session))?;
    }
    Ok(())
}

fn interrupted(session: &mut Session) -> Failed {
    session.end_with(interrupt::EXIT_CODE);
    session.report.fail(Diagnostic::new(&INTERRUPTED, "interrupted: the streams made for it are dropped"))
}

/// Puts rows into their places.
#[derive(Default)]
struct Found {
    wanted: Vec<Type>,
    types: Vec<Option<Type>>,
    rows: Vec<Option<Vec<Value>>>,
    converters: Converters,
    unread: Option<String>,
}

impl Sink for Found {
    fn columns(&mut self, columns: &[frames::Column]) -> io::Result<()> {
        self.types = columns.iter().skip(1).map(|column| column.ty.clone()).collect();
        Ok(())
    }

    fn row(&mut self, values: &[&RawValue]) -> io::Result<()> {
        let Some((row, values)) = values.split_first() else { return Ok(()) };
        let Some(place) = row.get().parse::<usize>().ok().and_then(|row| self.rows.get_mut(row)) else { return Ok(()) };
        let mut results = vec![Value::Null; self.wanted.len()];
        for ((value, ty), result) in values.iter().zip(&self.wanted).zip(&mut results) {
            let json = serde_json::from_str(value.get()).unwrap_or_default();
            match self.converters.json(&json, ty) {
                Some(value) => *result = value,
                None => self.unread = Some(value.get().to_owned()),
            }
        }
        *place = Some(results);
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        interrupt::asked()
    }
}
