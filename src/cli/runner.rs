//! A test for `ksql-test-runner`, which runs statements on rows without a server: `statements.sql`, `input.json`, and
//! `output.json` with what the model itself gives for the rows.
//!
//! The rows are those of [`Subject::examples`]; the expected results come from the model's own interpreter and not from
//! the SQL. Only what passes through, and a condition of the user's own, are taken from the statement.
//!
//! The source has the format JSON_SR, which what is made of it takes over: the runner compares numbers of JSON digit by digit, and
//! those of JSON_SR, which hold the same text, within a millionth. It brings a registry of schemas of its own.

use serde_json::{Map, Value as Json, json};

use super::args::compile::Compile;
use super::args::statement::{Form, StatementOptions};
use super::compile as cli_compile;
use super::session::Session;
use crate::compile::{self, Compiled, Options};
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::codes::environment::CANNOT_WRITE;
use crate::diag::codes::eval::{NO_EXAMPLES, NOT_THE_MODEL};
use crate::diag::{Diagnostic, Failed};
use crate::model::Graph;
use crate::schema::{Column, Key, Kind, Relation, Type};
use crate::sql::ast::{Expr, Name, Query, Statement};
use crate::sql::eval::{Chain, Event, Value};
use crate::sql::print;
use crate::verify::{self, Example, Row, Subject};

/// Rows of a test.
const ROWS: usize = 24;

/// Writes the files of a test.
pub(super) fn write(args: &Compile, session: &mut Session) -> Result<(), Failed> {
    let Some(folder) = args.output.file.as_deref().filter(|path| path.as_os_str() != "-") else {
        return Err(refuse("a test consists of three files", "name a folder for them with `--output`", session));
    };
    let files = files(args, session)?;
    if let Err(error) = std::fs::create_dir_all(folder) {
        return Err(session.fail_io(&CANNOT_WRITE, "written", &folder.display().to_string(), &error));
    }
    for (name, text) in files {
        session.write(Some(&folder.join(name)), text.as_bytes())?;
    }
    Ok(())
}

fn refuse(message: &str, help: &str, session: &mut Session) -> Failed {
    session.report.fail(Diagnostic::new(&BAD_OPTIONS, message).help(help))
}

fn files(args: &Compile, session: &mut Session) -> Result<[(&'static str, String); 3], Failed> {
    if args.statement.from.is_none() || args.statement.into.is_none() {
        return Err(refuse("a test needs a source and a sink", "give `--from` and `--into`", session));
    }
    if !args.statement.clauses.partition_by.is_empty() {
        let message = "the key of PARTITION BY is nothing that a test of a model can expect";
        return Err(refuse(message, "leave it out for the test", session));
    }
    let (name, bytes) = session.read(&args.model)?;
    let graph = session.load(&name, bytes, &args.subject.model)?;
    let bind = args.subject.bind_options(args.statement.from.as_deref(), session)?;
    let kind = bind.relation.as_ref().map_or(Kind::Stream, |relation| relation.kind);
    let form = if kind == Kind::Table { Form::Table } else { Form::Stream };
    let statement = StatementOptions { form: Some(form), ..args.statement.clone() };
    let options = cli_compile::options(bind, &args.subject, &statement, &args.text, session);
    let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
    let (relation, examples) = examples(&graph, &options, session)?;
    let source = source(&compiled, relation, session)?;
    let rows: Vec<Row> = examples.iter().enumerate().map(|(at, example)| source.row(at, example)).collect();
    let sink = Sink::new(&compiled, &source, session)?;
    let (input, output) = (source.records(&rows), sink.records(&source, &rows, &examples));
    let statements = format!(
        "-- ksql-test-runner -s statements.sql -i input.json -o output.json\n{}\n\n{}",
        print::statement(&source.statement(), compiled.style),
        compiled.text
    );
    let pretty = |name: &str, records: Vec<Json>| format!("{:#}\n", json!({ name: records }));
    Ok([
        ("statements.sql", statements),
        ("input.json", pretty("inputs", input)),
        ("output.json", pretty("outputs", output)),
    ])
}

/// Rows of what the features read, and what the model gives for them. The SQL must give the same.
fn examples(graph: &Graph, options: &Options, session: &mut Session) -> Result<(Relation, Vec<Example>), Failed> {
    // the results alone: what passes through and the user's own condition are no part of the model
    let mut alone = options.clone();
    (alone.shape.form, alone.stages) = (Some(crate::bind::Form::Select), None);
    (alone.shape.into, alone.shape.filter) = (None, None);
    (alone.shape.keep, alone.shape.with) = (Vec::new(), Vec::new());
    let compiled = compile::compile(graph, &alone, &mut session.sources, &mut session.report)?;
    let subject = Subject::new(graph, &compiled, &alone, &mut session.sources, &mut session.report)?;
    let examples = subject.examples(ROWS);
    if !examples.iter().any(|example| example.results.is_some()) {
        let message = "no row was found whose result does not hang on rounding";
        return Err(session.report.fail(Diagnostic::new(&NO_EXAMPLES, message)));
    }
    let rows: Vec<Row> = examples.iter().map(|example| example.row.clone()).collect();
    let outcome = subject.run(&rows);
    if !outcome.is_the_model() {
        let mut diagnostic = Diagnostic::new(&NOT_THE_MODEL, NOT_THE_MODEL.title);
        diagnostic.notes.extend(outcome.first.map(|first| format!("row: {}", first.row)));
        return Err(session.report.fail(diagnostic));
    }
    Ok((subject.relation().clone(), examples))
}

/// What the statements read.
struct Source {
    /// All its columns.
    relation: Relation,
    /// What the features read of it: the columns of the examples.
    read: Relation,
    name: Name,
}

fn source(compiled: &Compiled, read: Relation, session: &mut Session) -> Result<Source, Failed> {
    let relation = compiled.bindings.relation.clone().unwrap_or_else(|| read.clone());
    let header = |column: &&Column| matches!(column.key, Some(Key::Headers | Key::Header(_)));
    if let Some(column) = relation.columns.iter().find(header) {
        let message = format!("the column `{}` comes from the headers of a record, which a test has not", column.name);
        return Err(refuse(&message, "leave it out of the schema for the test", session));
    }
    let missing = read.columns.iter().filter(|column| relation.column(&column.name).is_none()).cloned();
    let columns = relation.columns.iter().cloned().chain(missing.collect::<Vec<_>>()).collect();
    let name = queries(compiled).next().map_or(Name::new(&relation.name), |query| query.from.clone());
    Ok(Source { relation: Relation { columns, ..relation }, read, name })
}

fn queries(compiled: &Compiled) -> impl Iterator<Item = &Query> {
    compiled.statements().filter_map(|found| found.statement.query())
}

impl Source {
    fn keys(&self) -> impl Iterator<Item = &Column> {
        self.relation.columns.iter().filter(|column| column.key.is_some())
    }

    /// CREATE STREAM, or TABLE, over a topic of its own name.
    fn statement(&self) -> Statement {
        // KAFKA has no format for several columns, nor for other types
        let plain = self.keys().all(|key| matches!(key.ty, Type::Integer | Type::Bigint | Type::Double | Type::String));
        let format = if plain && self.keys().count() <= 1 { "KAFKA" } else { "JSON" };
        let with = [("KAFKA_TOPIC", self.name.as_str()), ("KEY_FORMAT", format), ("VALUE_FORMAT", "JSON_SR")];
        Statement::Create {
            or_replace: false,
            source: false,
            kind: self.relation.kind,
            if_not_exists: false,
            name: self.name.clone(),
            columns: self.relation.columns.clone(),
            with: with.map(|(name, value)| (Name::new(name), Expr::String(value.to_owned()))).into(),
        }
    }

    /// The row of an example, with values for the columns that no feature reads.
    fn row(&self, number: usize, example: &Example) -> Row {
        let value = |column: &Column| {
            let place = self.read.columns.iter().position(|read| read.name == column.name);
            place.and_then(|place| example.row.get(place).cloned()).unwrap_or_else(|| any(&column.ty, number))
        };
        self.relation.columns.iter().map(value).collect()
    }

    fn records(&self, rows: &[Row]) -> Vec<Json> {
        let topic = self.name.as_str();
        rows.iter().enumerate().map(|(at, row)| record(topic, at, self.keyed(row), self.unkeyed(row))).collect()
    }

    /// The key of a row: a value, or an object of several.
    fn keyed(&self, row: &Row) -> Option<Json> {
        key(self
            .relation
            .columns
            .iter()
            .zip(row)
            .filter(|(column, _)| column.key.is_some())
            .map(|(column, value)| (column.name.as_str(), verify::json(&column.ty, value))))
    }

    fn unkeyed(&self, row: &Row) -> Map<String, Json> {
        let values = self.relation.columns.iter().zip(row).filter(|(column, _)| column.key.is_none());
        values.map(|(column, value)| (column.name.clone(), verify::json(&column.ty, value))).collect()
    }
}

/// What the last statement writes.
struct Sink {
    topic: String,
    chain: Chain,
    /// Of its columns: whether it is part of the key.
    columns: Vec<(String, Type, bool)>,
    /// How many stand before the results.
    kept: usize,
}

impl Sink {
    fn new(compiled: &Compiled, source: &Source, session: &mut Session) -> Result<Sink, Failed> {
        let queries: Vec<&Query> = queries(compiled).collect();
        let chain = Chain::compile(&queries, &source.relation, &mut session.report)?;
        let mut keys: Vec<String> = source.keys().map(|key| key.name.clone()).collect();
        // a statement may give a key column another name
        for query in &queries {
            for item in &query.items {
                if let (crate::sql::ast::Item::Expr { expr: Expr::Column(column), .. }, Some(alias)) =
                    (item, item.name())
                    && let Some(key) = keys.iter_mut().find(|key| *key == column.as_str())
                {
                    *key = alias.0.clone();
                }
            }
        }
        let columns: Vec<(String, Type, bool)> = chain
            .columns()
            .map(|(name, ty)| (name.to_owned(), ty.clone(), keys.iter().any(|key| key == name)))
            .collect();
        let mut topic = String::new();
        if let Some(Statement::CreateAs { name, with, .. }) = compiled.statements().last().map(|found| &found.statement)
        {
            let named = with.iter().find(|(property, _)| property.as_str() == "KAFKA_TOPIC");
            topic = match named {
                Some((_, Expr::String(topic))) => topic.clone(),
                _ => name.0.clone(),
            };
        }
        let kept = columns.len().saturating_sub(compiled.columns.len());
        Ok(Sink { topic, chain, columns, kept })
    }

    fn records(&self, source: &Source, rows: &[Row], examples: &[Example]) -> Vec<Json> {
        let mut records = Vec::new();
        for (at, (row, example)) in rows.iter().zip(examples).enumerate() {
            let Some(results) = &example.results else { continue };
            let Some(all) = self.chain.eval(row, &Event::default()) else { continue };
            let values = all.iter().take(self.kept).chain(results);
            let values: Vec<(&(String, Type, bool), Json)> = self
                .columns
                .iter()
                .zip(values)
                .map(|(column, value)| (column, verify::json(&column.1, value)))
                .collect();
            let keys = values.iter().filter(|((.., key), _)| *key);
            let key = key(keys.map(|((name, ..), value)| (name.as_str(), value.clone())));
            let rest = values.iter().filter(|((.., key), _)| !key);
            let rest = rest.map(|((name, ..), value)| (name.clone(), value.clone())).collect();
            records.push(record(&self.topic, at, key.or_else(|| source.keyed(row)), rest));
        }
        records
    }
}

/// One key column is a value, several are an object.
fn key<'a>(columns: impl Iterator<Item = (&'a str, Json)>) -> Option<Json> {
    let mut columns: Vec<(&str, Json)> = columns.collect();
    match columns.len() {
        0 => None,
        1 => columns.pop().map(|(_, value)| value),
        _ => Some(columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()),
    }
}

fn record(topic: &str, number: usize, key: Option<Json>, value: Map<String, Json>) -> Json {
    let mut record = json!({"topic": topic, "timestamp": number});
    if let Some(key) = key {
        record["key"] = key;
    }
    record["value"] = value.into();
    record
}

/// A value for a column that no feature reads.
fn any(ty: &Type, number: usize) -> Value {
    let small = i32::try_from(number).unwrap_or(0);
    match ty {
        Type::Integer => Value::Integer(small),
        Type::Bigint => Value::Bigint(i64::from(small)),
        Type::Double => Value::Double(f64::from(small) + 0.5),
        Type::String => Value::string(format!("row {number}")),
        Type::Boolean => Value::Boolean(number.is_multiple_of(2)),
        Type::Struct(fields) => Value::Struct(fields.iter().map(|field| any(&field.ty, number)).collect()),
        Type::Array(item) => Value::array(vec![any(item, number)]),
        _ => Value::Null,
    }
}

/// Says that a test is no text.
pub(super) fn no_text(session: &mut Session) -> Failed {
    refuse("a test consists of three files", "use `m2ksql compile --as test --output FOLDER`", session)
}
