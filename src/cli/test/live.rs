//! Cases on a server: the rows go into a stream of their own, a query scores them there, and the stream is dropped again.
//!
//! The stream is read from a topic that another stream fills with whole records as texts: so a row is the JSON object that a
//! producer would send, whatever the types of its columns.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::value::RawValue;

use super::super::rows::{Converters, value_of_stream};
use super::super::score::{Scoring, Table};
use super::super::server;
use super::super::session::Session;
use crate::deploy::query::{End, Limits, Query, Sink, run};
use crate::deploy::talk::quoted;
use crate::deploy::{Client, Endpoint, Fault, Properties, Repeat, frames};
use crate::diag::codes::eval::CASE_FAILED;
use crate::diag::{Diagnostic, Failed};
use crate::schema::Type;
use crate::sql::ast::{Expr, Item, Name, Statement};
use crate::sql::eval::Value;
use crate::sql::print::{self, Style};

/// The column that says which row of the file a result belongs to.
const ROW: &str = "M2KSQL_ROW";

/// Rows that are sent with one request.
const SENT_AT_ONCE: usize = 50;

/// How long a server that answers rows only as they come is waited for.
const IDLE: Duration = Duration::from_secs(5);

/// The results of a query on the rows of a file, computed by a server. `number` tells the streams of one run apart.
pub(super) fn table(
    scoring: &Scoring,
    path: &Path,
    client: &Client,
    number: usize,
    session: &mut Session,
) -> Result<Table, Failed> {
    let name = format!("M2KSQL_TEST_{}_{number}", std::process::id());
    let records = records(scoring, path, session)?;
    let found = create(scoring, &name, client, session)
        .and_then(|()| insert(&name, &records, client, session))
        .and_then(|()| ask(scoring, &name, records.len(), client, session));
    // whatever came of it, nothing is left behind
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

/// The stream of whole records.
fn raw(name: &str) -> String {
    format!("{name}_RAW")
}

fn send(statements: &str, client: &Client) -> Result<(), Fault> {
    client.ksql(statements, &Properties::new(), Repeat::OnlyUnsent).map(|_| ())
}

/// Each row as a JSON object.
fn records(scoring: &Scoring, path: &Path, session: &mut Session) -> Result<Vec<String>, Failed> {
    // the evaluator has read them before, and reported what is wrong with them
    let report = std::mem::take(&mut session.report);
    let records = read(scoring, path, session);
    let again = std::mem::replace(&mut session.report, report);
    if records.is_err() {
        session.report.append(again);
    }
    records
}

fn read(scoring: &Scoring, path: &Path, session: &mut Session) -> Result<Vec<String>, Failed> {
    let mut rows = scoring.rows(path, session)?;
    let mut records = Vec::new();
    while let Some(chunk) = rows.next(session)? {
        for row in 0..chunk.len() {
            let mut record = format!("{{\"{ROW}\": {}", records.len());
            for (column, value) in scoring.relation.columns.iter().zip(chunk.row(row)) {
                let name = serde_json::Value::from(column.name.as_str());
                // writing to a String cannot fail
                let _ = write!(record, ", {name}: {}", value_of_stream(&value, &column.ty));
            }
            records.push(record + "}");
        }
    }
    Ok(records)
}

/// Makes both streams over one topic.
fn create(scoring: &Scoring, name: &str, client: &Client, session: &mut Session) -> Result<(), Failed> {
    let columns = scoring.relation.columns.iter().map(|column| format!(", {} {}", quoted(&column.name), column.ty));
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

fn insert(name: &str, records: &[String], client: &Client, session: &mut Session) -> Result<(), Failed> {
    for some in records.chunks(SENT_AT_ONCE) {
        // ksqlDB would take `${` for a variable, in texts too
        let one = |record: &String| {
            let text = print::string(&record.replace('$', "\\u0024"));
            format!("INSERT INTO {} (V) VALUES ({text});\n", quoted(&raw(name)))
        };
        let statements: String = some.iter().map(one).collect();
        send(&statements, client).map_err(|fault| server::fail(client, &fault, Some(&statements), session))?;
    }
    Ok(())
}

/// Runs the query over the stream, from its beginning to its end.
fn ask(scoring: &Scoring, name: &str, rows: usize, client: &Client, session: &mut Session) -> Result<Table, Failed> {
    let mut query = scoring.query.clone();
    query.from = Name::new(name);
    query.emit = None;
    query.items.insert(0, Item::Expr { comments: Vec::new(), expr: Expr::column(ROW), alias: None });
    let text = print::statement(&Statement::Select(query), Style::default());
    let columns = scoring.columns();
    let nothing = || vec![vec![Value::Null; columns.len()]; rows];
    let mut found =
        Found { types: columns.iter().map(|(_, ty)| ty.clone()).collect(), rows: nothing(), ..Found::default() };
    let mut query = Query {
        sql: text.clone(),
        properties: Properties::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]),
        through: Endpoint::Query,
    };
    let limits = Limits { idle: Some(IDLE), ..Limits::default() };
    let mut end = run(client, &query, limits, &mut found).end;
    // servers before 7.1 answer such a question about tables only
    if matches!(&end, End::NoAnswer(Fault::Refused(refusal)) if refusal.status == 400 && refusal.message.contains("EMIT CHANGES"))
    {
        query.sql = format!("{} EMIT CHANGES;", text.trim_end().trim_end_matches(';'));
        end = run(client, &query, limits, &mut found).end;
    }
    if let Some(value) = found.unread {
        let message = format!("the server answers `{value}`, which is no value of the column's type");
        return Err(session.report.fail(Diagnostic::new(&CASE_FAILED, message)));
    }
    match end {
        End::Complete(_) | End::Enough | End::Idle(_) => Ok(Table { columns, rows: found.rows }),
        End::NoAnswer(fault) => Err(server::fail(client, &fault, Some(&query.sql), session)),
        other => {
            let message = format!("the rows of the server break off: {other:?}");
            Err(session.report.fail(Diagnostic::new(&crate::diag::codes::server::CUT, message)))
        }
    }
}

/// Puts rows into their places.
#[derive(Default)]
struct Found {
    types: Vec<Type>,
    rows: Vec<Vec<Value>>,
    converters: Converters,
    unread: Option<String>,
}

impl Sink for Found {
    fn columns(&mut self, _: &[frames::Column]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[&RawValue]) -> io::Result<()> {
        let Some((row, values)) = values.split_first() else { return Ok(()) };
        let row = row.get().parse::<usize>().ok().and_then(|row| self.rows.get_mut(row));
        for ((value, ty), place) in values.iter().zip(&self.types).zip(row.into_iter().flatten()) {
            let json = serde_json::from_str(value.get()).unwrap_or_default();
            match self.converters.json(&json, ty) {
                Some(value) => *place = value,
                None => self.unread = Some(value.get().to_owned()),
            }
        }
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        false
    }
}
