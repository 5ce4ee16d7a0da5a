//! `eval`: the evaluator as a calculator with the semantics of ksqlDB.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::args::eval::Eval;
use super::compile;
use super::rows::{Input, Rows, Writer};
use super::session::Session;
use crate::bind::{self, Text};
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::codes::environment::{CANNOT_READ, CANNOT_WRITE};
use crate::diag::codes::eval::{NOT_EVALUATED, UNKNOWN_COLUMN};
use crate::diag::{Diagnostic, Failed, Place};
use crate::schema::{Kind, Relation, Type};
use crate::sql::ast::{Expr, Name};
use crate::sql::eval::{Event, Program, Value};
use crate::syntax;

/// Computes the expression, once or for every row.
pub(super) fn run(args: &Eval, session: &mut Session) -> Result<(), Failed> {
    let text = expression(args, session)?;
    let expr = syntax::expression(text.source, &text.text, &mut session.report)?;
    let known = relation(args, session)?;
    let read: HashSet<&str> = expr.columns().into_iter().map(Name::as_str).collect();
    if known.columns.is_empty() && !read.is_empty() {
        return Err(undeclared(&text, session));
    }
    // types and findings by the whole source, values by the columns that are read
    let program = bind::program(&text, &expr, &known, &mut session.report)?;
    if program.reads_event() {
        let message = "the value depends on the moment or on an event's metadata, which rows do not have";
        let diagnostic = Diagnostic::new(&NOT_EVALUATED, message).at(Place::span(text.source, 0..text.text.len()));
        let help = "declare ROWTIME as a column of the rows: `--column 'ROWTIME BIGINT'`";
        return Err(session.report.fail(diagnostic.help(help)));
    }
    let mut writer =
        Writer::new(args.format, vec![("value".to_owned(), program.ty().clone()), ("type".to_owned(), Type::String)]);
    let ty = Value::string(program.ty().to_string());
    let Some(path) = &args.input else {
        if !read.is_empty() {
            let message = "the expression reads columns, and there are no rows";
            let diagnostic = Diagnostic::new(&BAD_OPTIONS, message).help("name a file of rows with `--input`");
            return Err(session.report.fail(diagnostic));
        }
        let value = program.eval(&vec![Value::Null; known.columns.len()], &Event::default());
        return written(writer.row([value, ty].into_iter()).and_then(|()| writer.finish()), session);
    };
    let mut relation = known;
    relation.columns.retain(|column| read.contains(column.name.as_str()));
    let program = Program::compile(&expr, &relation, &mut session.report)?;
    let inputs = relation.columns.iter().map(|it| Input { column: it.name.clone(), ..Input::default() }).collect();
    let mut rows = Rows::open(path, relation.columns, inputs, session)?;
    while let Some(chunk) = rows.next(session)? {
        let values = program.eval_batch(&chunk.columns(), chunk.len(), &Event::default());
        for row in 0..chunk.len() {
            let value = if chunk.is_broken(row) { Value::Null } else { values.value(row) };
            match writer.row([value, ty.clone()].into_iter()) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                result => written(result, session)?,
            }
        }
    }
    written(writer.finish(), session)
}

fn written(result: io::Result<()>, session: &mut Session) -> Result<(), Failed> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| session.fail_io(&CANNOT_WRITE, "written", "<stdout>", &error)),
    }
}

/// The text of the expression, entered among the sources.
fn expression(args: &Eval, session: &mut Session) -> Result<Text, Failed> {
    if args.expression != "-" {
        return Ok(Text::new(&mut session.sources, "<expression>", &args.expression));
    }
    session.one_stdin("expression and rows", Path::new("-"), args.input.as_deref())?;
    let mut text = String::new();
    match io::stdin().lock().read_to_string(&mut text) {
        Ok(_) => Ok(Text::new(&mut session.sources, "<stdin>", &text)),
        Err(error) => Err(session.fail_io(&CANNOT_READ, "read", "<stdin>", &error)),
    }
}

/// The columns that there are.
fn relation(args: &Eval, session: &mut Session) -> Result<Relation, Failed> {
    let relation = compile::relation(args.columns.schema.as_deref(), args.source.from.as_deref(), session)?;
    let columns = session.texts("--column", &args.columns.column);
    let options = bind::Options { columns, relation, ..bind::Options::default() };
    let since = session.report.len();
    let relation = bind::relation(&options, &mut session.report);
    session.report.check(since)?;
    let none = || Relation { name: String::new(), kind: Kind::Stream, columns: Vec::new() };
    let mut relation = relation.unwrap_or_else(none);
    if relation.name.is_empty() {
        relation.name = "ROWS".to_owned();
    }
    Ok(relation)
}

/// Every column that is read, where none is declared.
fn undeclared(text: &Text, session: &mut Session) -> Failed {
    let message = "the expression reads a column, and no column is declared";
    let located = syntax::located(text.source, &text.text, &mut session.report);
    let mut diagnostic = Diagnostic::new(&UNKNOWN_COLUMN, message)
        .help("declare it with `--column 'NAME TYPE'`, or give its source's CREATE STREAM with `--schema`");
    let mut rest: Vec<&Expr> = located.iter().collect();
    while let Some(expr) = rest.pop() {
        match expr {
            Expr::Located(place, inner) if matches!(**inner, Expr::Column(_)) => diagnostic.place = Some(place.clone()),
            _ => expr.for_each_child(|child| rest.push(child)),
        }
    }
    session.report.fail(diagnostic)
}
