//! `score`: the SQL of a model, read back and evaluated on rows.
//!
//! What is evaluated is the printed text, not a representation on the way to it: a fault of emitter or printer shows.

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::args::score::{Names, Score};
use super::rows::{Chunk, Input, Rows, Writer};
use super::session::Session;
#[cfg(feature = "deploy")]
use super::trial::Trial;
use crate::bind::{self, Bindings, Text};
use crate::compile::{self, Compiled, Options};
use crate::diag::codes::compile::INTERNAL;
use crate::diag::codes::environment::CANNOT_WRITE;
use crate::diag::codes::eval::UNDECLARED_COLUMNS;
use crate::diag::{Diagnostic, Failed};
use crate::lower;
use crate::model::Graph;
use crate::schema::{Relation, Type};
use crate::sql::ast::{Expr, Item, Name, Query, Statement};
use crate::sql::eval::{Event, Program, Value};
use crate::syntax;

/// Evaluates a model.
pub(super) fn run(args: &Score, session: &mut Session) -> Result<(), Failed> {
    session.one_stdin("model and rows", &args.model, Some(&args.input))?;
    let (writer, written) = scored(args, session, |columns| Writer::new(args.format, columns))?;
    match written.and_then(|()| writer.finish()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| session.fail_io(&CANNOT_WRITE, "written", "<stdout>", &error)),
    }
}

/// Where rows of results go.
trait Sink {
    /// A row that is scored.
    fn row(&mut self, values: impl Iterator<Item = Value>) -> io::Result<()>;
    /// A row that WHERE leaves out.
    fn left_out(&mut self) {}
}

impl Sink for Writer {
    fn row(&mut self, values: impl Iterator<Item = Value>) -> io::Result<()> {
        Writer::row(self, values)
    }
}

/// All results, in memory.
pub(super) struct Table {
    /// Names and types.
    pub(super) columns: Vec<(String, Type)>,
    /// One row of results for each row that was read; what WHERE leaves out is NULL.
    pub(super) rows: Vec<Vec<Value>>,
}

impl Sink for Table {
    fn row(&mut self, values: impl Iterator<Item = Value>) -> io::Result<()> {
        self.rows.push(values.collect());
        Ok(())
    }

    fn left_out(&mut self) {
        self.rows.push(vec![Value::Null; self.columns.len()]);
    }
}

/// The results of a model on rows.
pub(super) fn table(args: &Score, session: &mut Session) -> Result<Table, Failed> {
    // a table has no errors of its own
    scored(args, session, |columns| Table { columns, rows: Vec::new() }).map(|(table, _)| table)
}

/// Scores the rows into what `make` makes of the columns, until that fails.
fn scored<S: Sink>(
    args: &Score,
    session: &mut Session,
    make: impl FnOnce(Vec<(String, Type)>) -> S,
) -> Result<(S, io::Result<()>), Failed> {
    let (name, bytes) = session.read(&args.model)?;
    let graph = session.load(&name, bytes, &args.subject.model)?;
    let options = options(args, &graph, session)?;
    let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
    let mut scoring = Scoring::new(&graph, &compiled, |_| true, session)?;
    if args.names == Names::Source {
        for ((name, _), column) in scoring.programs.results.iter_mut().zip(&compiled.columns) {
            *name = column.source.clone().unwrap_or_else(|| name.clone());
        }
    }
    let mut sink = make(scoring.columns());
    let written = scoring.run(&args.input, &mut sink, session)?;
    Ok((sink, written))
}

/// The query of a model, read back and ready for rows of a file.
pub(super) struct Scoring {
    /// The columns that it reads.
    pub(super) relation: Relation,
    /// The query as it is printed, with the results that are wanted.
    #[cfg(feature = "deploy")]
    pub(super) query: Query,
    /// The names of all columns that it had.
    pub(super) names: Vec<String>,
    inputs: Vec<Input>,
    programs: Programs,
}

impl Scoring {
    /// Reads a compiled query; of its columns those whose names are wanted.
    pub(super) fn new(
        graph: &Graph,
        compiled: &Compiled,
        wanted: impl Fn(&str) -> bool,
        session: &mut Session,
    ) -> Result<Self, Failed> {
        let mut query = read_back(&compiled.text, session)?;
        let names = query.items.iter().filter_map(column_name).map(str::to_owned).collect();
        query.items.retain(|item| column_name(item).is_some_and(&wanted));
        let relation = relation(graph, &compiled.bindings, &query);
        let since = session.report.len();
        let programs = match Programs::new(&query, &relation, session) {
            Ok(programs) => programs,
            Err(failed) => {
                say_what_is_assumed(&compiled.bindings, &relation, since, session);
                return Err(failed);
            }
        };
        let inputs = inputs(graph, &compiled.bindings, &relation);
        Ok(Scoring {
            relation,
            #[cfg(feature = "deploy")]
            query,
            names,
            inputs,
            programs,
        })
    }

    /// The names and types of the results.
    pub(super) fn columns(&self) -> Vec<(String, Type)> {
        self.programs.results.iter().map(|(name, program)| (name.clone(), program.ty().clone())).collect()
    }

    /// The rows of a file.
    pub(super) fn rows(&self, path: &Path, session: &mut Session) -> Result<Rows, Failed> {
        Rows::open(path, self.relation.columns.clone(), self.inputs.clone(), session)
    }

    /// The results on the rows of a file.
    pub(super) fn table(&self, path: &Path, session: &mut Session) -> Result<Table, Failed> {
        let mut table = Table { columns: self.columns(), rows: Vec::new() };
        // a table has no errors of its own
        self.run(path, &mut table, session).map(|_| table)
    }

    /// The results on the rows of a file as a server computes them. A row that cannot be read has been reported by `table`.
    #[cfg(feature = "deploy")]
    pub(super) fn table_on(
        &self,
        path: &Path,
        client: &crate::deploy::Client,
        number: usize,
        session: &mut Session,
    ) -> Result<Table, Failed> {
        // what is wrong with the rows is said once
        let report = std::mem::take(&mut session.report);
        let read = self.every_row(path, session);
        let again = std::mem::replace(&mut session.report, report);
        let rows = read.inspect_err(|_| session.report.append(again))?;
        let columns = self.columns();
        let types = columns.iter().map(|(_, ty)| ty.clone()).collect();
        let trial = Trial { query: &self.query, relation: &self.relation, types, prefix: "M2KSQL_TEST", number };
        let answers = trial.run(&rows, client, session)?;
        let nothing = || vec![Value::Null; columns.len()];
        let rows = answers.rows.into_iter().map(|row| row.unwrap_or_else(nothing)).collect();
        Ok(Table { columns, rows })
    }

    #[cfg(feature = "deploy")]
    fn every_row(&self, path: &Path, session: &mut Session) -> Result<Vec<Vec<Value>>, Failed> {
        let mut file = self.rows(path, session)?;
        let mut rows = Vec::new();
        while let Some(chunk) = file.next(session)? {
            rows.extend((0..chunk.len()).map(|row| chunk.row(row)));
        }
        Ok(rows)
    }

    fn run(&self, path: &Path, sink: &mut impl Sink, session: &mut Session) -> Result<io::Result<()>, Failed> {
        let mut rows = self.rows(path, session)?;
        while let Some(chunk) = rows.next(session)? {
            let written = self.programs.evaluate(chunk, sink);
            if written.is_err() {
                return Ok(written);
            }
        }
        Ok(Ok(()))
    }
}

/// The name of the column that an item makes.
fn column_name(item: &Item) -> Option<&str> {
    match item {
        Item::Expr { alias: Some(alias), .. } => Some(alias.as_str()),
        Item::Expr { expr: Expr::Column(name) | Expr::Field(_, name), .. } => Some(name.as_str()),
        Item::All(_) | Item::Expr { .. } => None,
    }
}

fn options(args: &Score, graph: &Graph, session: &mut Session) -> Result<Options, Failed> {
    let bind = args.subject.bind_options(args.source.from.as_deref(), session)?;
    let mut lower = args.subject.lower_options();
    if lower.select.is_empty() && args.names == Names::Source {
        lower.select = lower::everything(graph);
    }
    Ok(Options {
        bind,
        // rows are skipped by a WHERE clause, so there has to be a statement
        shape: bind::ShapeOptions {
            from: Some(Text::new(&mut session.sources, "--from", "M2KSQL_ROWS")),
            ..bind::ShapeOptions::default()
        },
        lower,
        strict: args.subject.results.strict,
        dialect: args.subject.dialect(),
        // no server has to take it, and the whole text is read back anyway
        limits: false,
        verify: false,
        ..Options::default()
    })
}

/// Without a schema the columns of an expression are taken for numbers: what does not fit may be that.
fn say_what_is_assumed(bindings: &Bindings, relation: &Relation, since: usize, session: &mut Session) {
    let declared = |name: &str| bindings.relation.as_ref().is_some_and(|known| known.column(name).is_some());
    let assumed: Vec<String> =
        relation.columns.iter().filter(|it| !declared(&it.name)).map(|it| format!("`{}`", it.name)).collect();
    if assumed.is_empty() || session.report.len() == since {
        return;
    }
    let message =
        format!("no type is declared for {}, so that the features' own types are assumed", assumed.join(", "));
    let help = "declare them: `--schema source.sql`, or `--column 'NAME TYPE'`";
    session.report.push(Diagnostic::new(&UNDECLARED_COLUMNS, message).help(help));
}

/// The query that was printed.
fn read_back(text: &str, session: &mut Session) -> Result<Query, Failed> {
    let source = session.sources.add("<compiled SQL>", text);
    let script = syntax::script(source, text, &mut session.report)?;
    match script.statements.into_iter().next().map(|found| found.statement) {
        Some(Statement::Select(query)) => Ok(query),
        _ => Err(internal("the SQL does not read back as a query", session)),
    }
}

fn internal(words: &str, session: &mut Session) -> Failed {
    let message = format!("internal error: {words}");
    session.report.fail(Diagnostic::new(&INTERNAL, message).help("report it with the model"))
}

/// The columns that the query reads: of those that feed the features, and others that pass through.
fn relation(graph: &Graph, bindings: &Bindings, query: &Query) -> Relation {
    let items = query.items.iter().filter_map(|item| match item {
        Item::Expr { expr, .. } => Some(expr),
        Item::All(_) => None,
    });
    let mut seen: HashSet<&str> =
        items.chain(&query.filter).flat_map(|expr| expr.columns().into_iter().map(Name::as_str)).collect();
    let mut relation = bind::source(graph, bindings);
    relation.columns.retain(|column| seen.remove(column.name.as_str()));
    let others = bindings.relation.iter().flat_map(|relation| &relation.columns);
    relation.columns.extend(others.filter(|column| seen.contains(column.name.as_str())).cloned());
    Relation { name: query.from.as_str().to_owned(), ..relation }
}

/// The names by which the rows may have each column: its own, and those of the features that it is bound to.
pub(super) fn inputs(graph: &Graph, bindings: &Bindings, relation: &Relation) -> Vec<Input> {
    let mut places = HashMap::new();
    let mut inputs: Vec<Input> = Vec::new();
    for (number, column) in relation.columns.iter().enumerate() {
        places.insert(column.name.as_str(), number);
        inputs.push(Input { column: column.name.clone(), ..Input::default() });
    }
    for (feature, binding) in graph.features.iter().zip(&bindings.inputs) {
        let Expr::Column(name) = &binding.expr else { continue };
        if let Some(&number) = places.get(name.as_str()) {
            inputs[number].features.push(feature.name.clone());
            inputs[number].aliases.push(feature.alias.clone());
        }
    }
    inputs
}

/// The query, compiled.
struct Programs {
    filter: Option<Program>,
    results: Vec<(String, Program)>,
}

impl Programs {
    fn new(query: &Query, relation: &Relation, session: &mut Session) -> Result<Self, Failed> {
        let filter = match &query.filter {
            Some(filter) => Some(Program::compile_filter(filter, relation, &mut session.report)?),
            None => None,
        };
        let mut results = Vec::new();
        for item in &query.items {
            let (Item::Expr { expr, .. }, Some(name)) = (item, column_name(item)) else {
                return Err(internal("an item of the SQL has no name", session));
            };
            let program = Program::compile(expr, relation, &mut session.report)?;
            results.push((name.to_owned(), program));
        }
        Ok(Programs { filter, results })
    }

    /// Evaluates some rows and writes those that pass.
    fn evaluate(&self, chunk: &Chunk, sink: &mut impl Sink) -> io::Result<()> {
        let columns = chunk.columns();
        let event = Event::default();
        let values = |program: &Program| program.eval_batch(&columns, chunk.len(), &event);
        let kept = self.filter.as_ref().map(values);
        let results: Vec<_> = self.results.iter().map(|(_, program)| values(program)).collect();
        for row in 0..chunk.len() {
            if kept.as_ref().is_some_and(|kept| kept.value(row) != Value::Boolean(true)) {
                sink.left_out();
                continue;
            }
            let broken = chunk.is_broken(row);
            sink.row(results.iter().map(|result| if broken { Value::Null } else { result.value(row) }))?;
        }
        Ok(())
    }
}
