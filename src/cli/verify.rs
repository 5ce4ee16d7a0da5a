//! `verify`: both paths from the model to values, compared, and what came of it.

use std::path::Path;

use super::args::Format;
use super::args::verify::Verify;
use super::rows::{self, Input, Rows};
use super::score;
use super::session::Session;
use crate::bind::{self, Text};
use crate::compile::{self, Compiled, Options};
use crate::diag::codes::eval::{EXPECTED, NOT_EXPECTED, NOT_THE_MODEL};
use crate::diag::{Diagnostic, Failed};
use crate::lower::{self, Nulls};
use crate::model::Graph;
use crate::schema::Column;
use crate::sql::eval::Value;
use crate::verify::{Expected, Row, Subject, VerifyReport};

/// Verifies, prints the counts, and fails on a mismatch.
pub(super) fn run(args: &Verify, session: &mut Session) -> Result<(), Failed> {
    session.one_stdin("model and rows", &args.model, args.input.as_deref())?;
    let (name, bytes) = session.read(&args.model)?;
    let graph = session.load(&name, bytes, &args.subject.model)?;
    let bind = args.subject.bind_options(args.source.from.as_deref(), session)?;
    let options = options(args, bind, &graph, session);
    let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
    let subject = Subject::new(&graph, &compiled, &options, &mut session.sources, &mut session.report)?;
    let own = own_rows(args, &graph, &compiled, &subject, session)?;
    let expected = expected(args, &compiled, &subject, own.len(), session)?;
    let readable: Vec<Row> = own.iter().flatten().cloned().collect();
    let mut rows = readable.clone();
    rows.extend(subject.rows(args.rows));
    let mut outcome = subject.run(&rows);
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
    let (code, whose, first) = match &outcome.expected {
        Some(expected) if outcome.is_the_model() => (&NOT_EXPECTED, "expected is", &expected.first),
        _ => (&NOT_THE_MODEL, "the model gives", &outcome.first),
    };
    let mut diagnostic = Diagnostic::new(code, code.title);
    match first {
        Some(first) => {
            diagnostic = diagnostic
                .note(format!("`{}` is {}, {whose} {}", first.output, first.sql, first.model))
                .note(format!("rounding admits {}", first.admitted))
                .note(format!("row: {}", first.row))
                .note(format!("again: {}", again(args, &first.row, outcome.is_the_model())));
            if code.id == NOT_THE_MODEL.id {
                diagnostic = diagnostic.help("report it with the row and the model");
            }
        }
        None => diagnostic.message = "no value was compared".to_owned(),
    }
    Err(session.report.fail(diagnostic))
}

/// A command that shows the row again.
fn again(args: &Verify, row: &str, is_the_model: bool) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let model = args.model.display().to_string();
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let model = if plain(&model) { model } else { quoted(&model) };
    let strict = if args.subject.results.strict { " --strict" } else { "" };
    let show = match is_the_model {
        true => format!("score {model}{strict} --input - --names source"),
        false => format!("verify {model}{strict} --input - --rows 0"),
    };
    format!("printf '%s\\n' {} | m2ksql {show}", quoted(row))
}

fn options(args: &Verify, bind: bind::Options, graph: &Graph, session: &mut Session) -> Options {
    let mut lower = args.subject.lower_options();
    if lower.select.is_empty() {
        lower.select = lower::everything(graph);
    }
    let mut options = Options {
        bind,
        lower,
        strict: args.subject.results.strict,
        limits: false,
        dialect: args.subject.dialect(),
        stages: args.stages,
        ..Options::default()
    };
    // a WHERE clause needs a statement, and several need a sink
    if args.stages.is_some() {
        options.shape.into = Some(Text::new(&mut session.sources, "--into", "T"));
    }
    if options.lower.nulls == Nulls::Skip || args.stages.is_some() {
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
    format!(
        "{verdict}\n\
         rows                  {}\n\
         results               {}, {} of them the same bit for bit\n\
         largest difference    {:e}, {} ulp\n\
         beyond rounding       {}\n\
         label flips           {}, and {} that the margin's rounding explains\n\
         NULL mismatches       {}\n{expected}",
        outcome.rows,
        outcome.values,
        outcome.identical,
        outcome.largest_difference,
        outcome.largest_ulps,
        outcome.numbers,
        outcome.labels,
        outcome.undecided,
        outcome.nulls,
    )
}
