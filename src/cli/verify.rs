//! `verify`: the paths from the model to values, compared, and what came of it.

use std::path::Path;

use super::again;
use super::args::Format;
use super::args::verify::Verify;
use super::rows::{self, Input, Rows};
use super::score;
use super::session::Session;
#[cfg(feature = "deploy")]
use super::{server, trial::Trial};
use crate::bind::{self, Text};
use crate::compile::{self, Compiled, Options};
#[cfg(feature = "deploy")]
use crate::deploy::Client;
#[cfg(feature = "deploy")]
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::codes::eval::{EXPECTED, NOT_EXPECTED, NOT_THE_MODEL, NOT_THE_SERVER};
use crate::diag::{Code, Diagnostic, Failed};
use crate::lower::{self, Nulls};
use crate::model::Graph;
use crate::schema::Column;
use crate::sql::eval::Value;
use crate::verify::{Expected, Mismatch, Row, ServerReport, Subject, VerifyReport};

/// Verifies, prints the counts, and fails on a mismatch.
pub(super) fn run(args: &Verify, session: &mut Session) -> Result<(), Failed> {
    session.one_stdin("model and rows", &args.model, args.input.as_deref())?;
    let (name, bytes) = session.read(&args.model)?;
    let graph = session.load(&name, bytes, &args.subject.model)?;
    #[cfg(feature = "deploy")]
    let client = client(args, session)?;
    let bind = args.subject.bind_options(args.source.from.as_deref(), session)?;
    #[allow(unused_mut)]
    let mut options = options(args, bind, &graph, session);
    #[cfg(feature = "deploy")]
    if let Some(client) = &client {
        options.dialect = server::dialect(&args.subject, client, session)?;
    }
    let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
    let subject = Subject::new(&graph, &compiled, &options, &mut session.sources, &mut session.report)?;
    let own = own_rows(args, &graph, &compiled, &subject, session)?;
    let expected = expected(args, &compiled, &subject, own.len(), session)?;
    let readable: Vec<Row> = own.iter().flatten().cloned().collect();
    let mut rows = readable.clone();
    let probes = subject.rows(args.rows);
    rows.extend(probes.rows);
    let mut outcome = subject.run(&rows);
    (outcome.special, outcome.not_alone) = (probes.special, probes.not_alone);
    #[cfg(feature = "deploy")]
    if let Some(client) = &client {
        outcome.server = Some(Box::new(on_server(args, client, &subject, &rows, session)?));
    }
    if let Some(mut expected) = expected {
        let mut there = own.iter().map(Option::is_some);
        expected.rows.retain(|_| there.next() == Some(true));
        outcome.expected = Some(subject.expect(&readable, &expected));
    }
    let text = match args.format {
        Format::Text | Format::Github => describe(&outcome),
        Format::Json => serde_json::to_string(&outcome).unwrap_or_default() + "\n",
    };
    session.write(None, text.as_bytes())?;
    if outcome.passes() {
        return Ok(());
    }
    let since = session.report.len();
    for finding in findings(&outcome) {
        session.report.push(finding.diagnose(args));
    }
    session.report.check(since)
}

/// What is wrong.
struct Finding<'o> {
    code: &'static Code,
    message: &'static str,
    /// Against what it is wrong.
    whose: &'static str,
    first: Option<&'o Mismatch>,
    /// The command that shows it again, and what it is given for that.
    verb: &'static str,
    again: String,
    /// Results of other types.
    types: &'o [String],
}

fn findings(outcome: &VerifyReport) -> Vec<Finding<'_>> {
    let mut found = Vec::new();
    if !outcome.is_the_model() {
        found.push(Finding::new(&NOT_THE_MODEL, NOT_THE_MODEL.title, "the model gives", &outcome.first));
    }
    if let Some(expected) = outcome.expected.as_ref().filter(|expected| !expected.passes()) {
        let finding = Finding::new(&NOT_EXPECTED, NOT_EXPECTED.title, "expected is", &expected.first);
        found.push(Finding { verb: "score", again: " --names source".to_owned(), ..finding });
    }
    if let Some(server) = outcome.server.as_deref() {
        let again = format!(" --rows 0 --server {}", server.server);
        if !server.evaluator.passes() {
            let message = "the server gives other values than the evaluator";
            found.push(Finding {
                again: again.clone(),
                types: &server.evaluator.types,
                ..Finding::new(&NOT_THE_SERVER, message, "the evaluator gives", &server.evaluator.first)
            });
        }
        if !server.model.is_the_model() {
            let message = "the server gives other values than the model";
            found.push(Finding {
                again,
                ..Finding::new(&NOT_THE_SERVER, message, "the model gives", &server.model.first)
            });
        }
    }
    found
}

impl<'o> Finding<'o> {
    fn new(code: &'static Code, message: &'static str, whose: &'static str, first: &'o Option<Mismatch>) -> Self {
        let again = " --rows 0".to_owned();
        Finding { code, message, whose, first: first.as_ref(), verb: "verify", again, types: &[] }
    }

    fn diagnose(self, args: &Verify) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(self.code, self.message);
        if self.first.is_none() && self.types.is_empty() {
            diagnostic.message = "no value was compared".to_owned();
            return diagnostic;
        }
        for words in self.types {
            diagnostic = diagnostic.note(words);
        }
        if let Some(first) = self.first {
            diagnostic = diagnostic
                .note(format!("`{}` is {}, {} {}", first.output, first.sql, self.whose, first.model))
                .note(format!("rounding admits {}", first.admitted))
                .note(format!("row: {}", first.row))
                .note(format!("again: {}", again::command(self.verb, args, &first.row, &self.again)));
        }
        if self.code.id != NOT_EXPECTED.id {
            diagnostic = diagnostic.help("report it with the row and the model");
        }
        diagnostic
    }
}

/// The client of `--server`, if it is asked.
#[cfg(feature = "deploy")]
fn client(args: &Verify, session: &mut Session) -> Result<Option<Client>, Failed> {
    if args.server.is_given() {
        return server::statement_client(&args.server, session).map(Some);
    }
    match args.server_rows {
        Some(_) => {
            let diagnostic = Diagnostic::new(&BAD_OPTIONS, "`--server-rows` says how many rows a server computes");
            Err(session.report.fail(diagnostic.help("name the server by `--server`")))
        }
        None => Ok(None),
    }
}

/// Runs the query on a server, on some of the rows.
#[cfg(feature = "deploy")]
fn on_server(
    args: &Verify,
    client: &Client,
    subject: &Subject<'_>,
    rows: &[Row],
    session: &mut Session,
) -> Result<ServerReport, Failed> {
    let wanted = args.server_rows.unwrap_or(200) as usize;
    // of every kind, which stand one behind the other
    let count = rows.len().min(wanted);
    let some: Vec<Row> = (0..count).map(|place| rows[place * rows.len() / count].clone()).collect();
    // a query reads what the server gives for the one before it; a row that is left out stays out
    let mut given: Vec<Option<Row>> = some.iter().cloned().map(Some).collect();
    let mut types = Vec::new();
    for (number, (query, relation, gives)) in (1..).zip(subject.links()) {
        let wanted = gives.columns.iter().map(|column| column.ty.clone()).collect();
        let trial = Trial { query, relation, types: wanted, prefix: "M2KSQL_VERIFY", number };
        let answers = trial.run(given.iter().flatten(), client, session)?;
        let mut next = answers.rows.into_iter();
        for row in given.iter_mut().filter(|row| row.is_some()) {
            *row = next.next().flatten();
        }
        types.push(answers.types);
    }
    Ok(subject.answered(client.server(), &some, given, &types))
}

fn options(args: &Verify, bind: bind::Options, graph: &Graph, session: &mut Session) -> Options {
    let mut lower = args.subject.lower_options();
    if lower.select.is_empty() {
        lower.select = lower::everything(graph);
    }
    #[cfg(feature = "deploy")]
    let on_server = args.server.is_given();
    #[cfg(not(feature = "deploy"))]
    let on_server = false;
    let mut options = Options {
        bind,
        lower,
        strict: args.subject.results.strict,
        // what a server is asked has to be inside its limits
        limits: on_server,
        dialect: args.subject.dialect(),
        stages: args.stages,
        ..Options::default()
    };
    // a WHERE clause needs a statement, and several need a sink
    if args.stages.is_some() {
        options.shape.into = Some(Text::new(&mut session.sources, "--into", "T"));
    }
    if options.lower.nulls == Nulls::Skip || args.stages.is_some() || on_server {
        options.shape.from = Some(Text::new(&mut session.sources, "--from", "S"));
    }
    options
}

/// The rows of `--input`; `None` for one that cannot be read, which is reported.
fn own_rows(
    args: &Verify,
    graph: &Graph,
    compiled: &Compiled,
    subject: &Subject<'_>,
    session: &mut Session,
) -> Result<Vec<Option<Row>>, Failed> {
    let Some(path) = &args.input else { return Ok(Vec::new()) };
    let inputs = score::inputs(graph, &compiled.bindings, subject.relation());
    read(path, subject.relation().columns.clone(), inputs, session)
}

fn read(
    path: &Path,
    columns: Vec<Column>,
    inputs: Vec<Input>,
    session: &mut Session,
) -> Result<Vec<Option<Row>>, Failed> {
    let mut file = Rows::open(path, columns, inputs, session)?;
    let mut rows = Vec::new();
    while let Some(chunk) = file.next(session)? {
        rows.extend((0..chunk.len()).map(|row| (!chunk.is_broken(row)).then(|| chunk.row(row))));
    }
    Ok(rows)
}

/// The predictions of `--expected`: of its columns those that are results.
fn expected(
    args: &Verify,
    compiled: &Compiled,
    subject: &Subject<'_>,
    rows: usize,
    session: &mut Session,
) -> Result<Option<Expected>, Failed> {
    let Some(path) = &args.expected else { return Ok(None) };
    let outputs = subject.outputs();
    let inputs: Vec<Input> = outputs
        .iter()
        .enumerate()
        .map(|(at, (name, _))| {
            let features = compiled.columns[at].source.clone().into_iter().collect();
            Input { column: name.clone(), features, ..Input::default() }
        })
        .collect();
    let present = rows::present(path, &inputs, session)?;
    let chosen: Vec<usize> = (0..outputs.len()).filter(|&at| present[at]).collect();
    if chosen.is_empty() {
        let names: Vec<String> = inputs.iter().map(|it| it.features.first().unwrap_or(&it.column).clone()).collect();
        let shown = names.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("`{}` has no column of a result", path.display());
        return Err(session.report.fail(Diagnostic::new(&EXPECTED, message).note(format!("the results are {shown}"))));
    }
    let column = |&at: &usize| Column { name: outputs[at].0.clone(), ty: outputs[at].1.clone(), key: None };
    let columns = chosen.iter().map(column).collect();
    let found = read(path, columns, chosen.iter().map(|&at| inputs[at].clone()).collect(), session)?;
    if found.len() != rows {
        let message = format!("`{}` has {} rows, `--input` has {rows}", path.display(), found.len());
        return Err(session.report.fail(Diagnostic::new(&EXPECTED, message)));
    }
    let nothing = vec![Value::Null; chosen.len()];
    let rows = found.into_iter().map(|row| row.unwrap_or_else(|| nothing.clone())).collect();
    Ok(Some(Expected { outputs: chosen, rows, tolerance: args.tolerance }))
}

fn describe(outcome: &VerifyReport) -> String {
    let verdict = if outcome.is_the_model() { "the SQL is the model" } else { "the SQL is NOT the model" };
    let expected = outcome.expected.as_ref().map_or_else(String::new, |expected| {
        format!(
            "\nexpected values       {} of {} rows\n\
             largest difference    {:e}\n\
             beyond the tolerance  {}\n\
             other labels          {}\n",
            expected.values, expected.rows, expected.largest_difference, expected.numbers, expected.labels,
        )
    });
    let server = outcome.server.as_deref().map_or_else(String::new, |report| {
        let ServerReport { server, evaluator, model } = report;
        let verdict = if report.passes() { "gives the same" } else { "does NOT give the same" };
        format!(
            "\n{server} {verdict}\n\
             rows                  {}\n\
             results               {}, {} of them the same as the evaluator's bit for bit\n\
             largest difference    {} ulp\n\
             unlike the evaluator  {}\n{}",
            evaluator.rows,
            evaluator.values,
            evaluator.identical,
            evaluator.largest_ulps,
            evaluator.different + evaluator.types.len(),
            against_model(model),
        )
    });
    let special = match outcome.not_alone {
        0 => String::new(),
        left => {
            format!("special values        {}, {left} of them in no row alone; --rows takes more\n", outcome.special)
        }
    };
    format!(
        "{verdict}\n\
         rows                  {}\n{special}\
         results               {}, {} of them the same bit for bit\n\
         largest difference    {:e}, {} ulp\n\
         of its bound          {:.1} % at most\n{}{expected}{server}",
        outcome.rows,
        outcome.values,
        outcome.identical,
        outcome.largest_difference,
        outcome.largest_ulps,
        100.0 * outcome.largest_share,
        against_model(outcome),
    )
}

fn against_model(outcome: &VerifyReport) -> String {
    format!(
        "beyond rounding       {}\n\
         label flips           {}, and {} that the margin's rounding explains\n\
         NULL mismatches       {}\n",
        outcome.numbers, outcome.labels, outcome.undecided, outcome.nulls,
    )
}
