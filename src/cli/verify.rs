//! `verify`: both paths from the model to values, compared, and what came of it.

use super::args::Format;
use super::args::verify::Verify;
use super::compile;
use super::session::Session;
use crate::bind::{self, Text};
use crate::compile::{self as compiler, Options};
use crate::diag::codes::eval::{NOT_THE_MODEL, VERIFIED_ROW};
use crate::diag::{Diagnostic, Failed, Place};
use crate::lower::{self, Nulls, Selection};
use crate::model::Graph;
use crate::verify::{Row, Subject, VerifyReport, read_row};

/// Verifies, prints the counts, and fails on a mismatch.
pub(super) fn run(args: &Verify, session: &mut Session) -> Result<(), Failed> {
    let (name, bytes) = session.read(&args.model)?;
    let graph = session.load(&name, bytes, &args.model_options)?;
    let bind = compile::bind_options(&args.model_options, &args.features, None, session)?;
    let options = options(args, bind, &graph, session);
    let compiled = compiler::compile(&graph, &options, &mut session.sources, &mut session.report)?;
    let subject = Subject::new(&graph, &compiled, &options, &mut session.sources, &mut session.report)?;
    let mut rows = own_rows(args, &subject, session)?;
    rows.extend(subject.rows(args.rows));
    let outcome = subject.run(&rows);
    let text = match args.format {
        Format::Text => describe(&outcome),
        Format::Json => serde_json::to_string(&outcome).unwrap_or_default() + "\n",
    };
    session.write(None, text.as_bytes())?;
    if outcome.passes() {
        return Ok(());
    }
    let mut diagnostic = Diagnostic::new(&NOT_THE_MODEL, "the SQL gives other values than the model");
    match &outcome.first {
        Some(first) => {
            diagnostic = diagnostic
                .note(format!("`{}` is {}, the model gives {}", first.output, first.sql, first.model))
                .note(format!("rounding admits {}", first.admitted))
                .note(format!("row: {}", first.row))
                .help("report it with the row and the model");
        }
        None => diagnostic.message = "no value was compared".to_owned(),
    }
    Err(session.report.fail(diagnostic))
}

fn options(args: &Verify, bind: bind::Options, graph: &Graph, session: &mut Session) -> Options {
    let chosen: Vec<Selection> = args.results.select.iter().flat_map(|selected| selected.0.iter().cloned()).collect();
    let lower = lower::Options {
        select: if chosen.is_empty() { lower::everything(graph) } else { chosen },
        threshold: args.results.threshold,
        nulls: args.features.nulls.clone(),
    };
    let mut options = Options { bind, lower, strict: args.strict, limits: false, ..Options::default() };
    // a WHERE clause needs a statement
    if options.lower.nulls == Nulls::Skip {
        let text = "S".to_owned();
        options.shape.from = Some(Text { source: session.sources.add("--from", text.as_str()), text });
    }
    options
}

/// The rows of `--input`; every line that cannot be read is reported.
fn own_rows(args: &Verify, subject: &Subject<'_>, session: &mut Session) -> Result<Vec<Row>, Failed> {
    let Some(path) = &args.input else { return Ok(Vec::new()) };
    let since = session.report.len();
    let source = session.read_text(path)?;
    let mut rows = Vec::new();
    let mut start = 0;
    for line in session.sources.text(source).split_inclusive('\n') {
        if !line.trim().is_empty() {
            match read_row(subject.relation(), line) {
                Ok(row) => rows.push(row),
                Err(message) => {
                    let span = start..start + line.trim_end().len();
                    session.report.push(Diagnostic::new(&VERIFIED_ROW, message).at(Place::span(source, span)));
                }
            }
        }
        start += line.len();
    }
    session.report.check(since)?;
    Ok(rows)
}

fn describe(outcome: &VerifyReport) -> String {
    let verdict = if outcome.passes() { "the SQL is the model" } else { "the SQL is NOT the model" };
    format!(
        "{verdict}\n\
         rows                  {}\n\
         results               {}, {} of them the same bit for bit\n\
         largest difference    {:e}, {} ulp\n\
         beyond rounding       {}\n\
         label flips           {}, and {} that the margin's rounding explains\n\
         NULL mismatches       {}\n",
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
