//! Text to `sql::ast`: scalar expressions and statements of ksqlDB.
//!
//! Three passes: a linear scan (statements, comments, brackets, depth), pest on each statement, and a builder that makes
//! the tree from the flat rows of the grammar by the table of levels in `sql::ast`. Nothing recurses over the length of
//! a text; the recursion over its depth is bounded by the scan, and deep texts get a thread with a stack of their own.
//! What is read is what a ksqlDB server reads, oddities included; where it would lose text silently, this is an error.

mod clause;
mod error;
mod expr;
mod grammar;
mod reader;
mod scan;
mod schema;
mod script;
mod statement;
mod types;

pub use clause::{Definition, column, definitions, expressions, items, properties};
pub use schema::{declared, relations};
pub use script::{faithful_script, script, statement};

use std::ops::Range;

use pest::Parser;

use crate::diag::codes::sql as codes;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId};
use crate::sql::ast::{Expr, Level};
use grammar::{Grammar, Rule};
use reader::Reader;

/// The deepest tree that is given out; readers of trees recurse, with up to 2 KiB a level on a stack of 2 MiB.
pub const MAX_DEPTH: usize = 500;

/// Brackets up to this depth are read on the caller's stack.
const SHALLOW: usize = 24;

/// Bytes of stack for a deep text: about 20 KiB a bracket in a build without optimization.
const DEEP_STACK: usize = 64 << 20;

/// Reads one scalar expression; a final `;` is not part of it.
///
/// Comments are dropped. Findings point into `text`, which must be the text of `source`.
pub fn expression(source: SourceId, text: &str, report: &mut Report) -> Result<Expr, Failed> {
    read_expression(source, text, false, report)
}

/// Like [`expression`], with the place of every part in the tree: what a finding about types points to.
///
/// Parentheses keep chains apart in such a tree that are one chain in the plain tree, so it serves for findings only.
pub fn located(source: SourceId, text: &str, report: &mut Report) -> Result<Expr, Failed> {
    read_expression(source, text, true, report)
}

fn read_expression(source: SourceId, text: &str, located: bool, report: &mut Report) -> Result<Expr, Failed> {
    let before = report.len();
    let scan = scan::scan(source, text, report);
    report.check(before)?;
    let nesting = scan.parts.iter().map(|part| part.nesting).max().unwrap_or(0);
    with_stack(nesting, source, report, |report| {
        let mut pairs = Grammar::parse(Rule::expression_text, text)
            .map_err(|error| report.fail(error::diagnose(source, text, 0, text.len(), &error)))?;
        let mut reader = Reader { source, base: 0, report, types: &[], located, end: 0 };
        let expr = match pairs.next() {
            Some(pair) => reader.expression(pair, Level::Or)?,
            None => return Err(reader.incomplete()),
        };
        if !located {
            check_depth(source, 0..text.len(), &expr, report)?;
        }
        Ok(expr)
    })
}

/// Refuses a tree that is too deep to walk.
fn check_depth(source: SourceId, range: Range<usize>, expr: &Expr, report: &mut Report) -> Result<(), Failed> {
    if expr.depth() <= MAX_DEPTH {
        return Ok(());
    }
    let message = format!("the expression is nested {} deep; the limit is {MAX_DEPTH}", expr.depth());
    let place = Place::span(source, range);
    Err(report.fail(Diagnostic::new(&codes::TOO_DEEP, message).at(place).help("split it over several statements")))
}

/// Runs `read`, on a stack that is large enough for texts of this depth.
fn with_stack<T: Send>(
    nesting: usize,
    source: SourceId,
    report: &mut Report,
    read: impl FnOnce(&mut Report) -> Result<T, Failed> + Send,
) -> Result<T, Failed> {
    if nesting <= SHALLOW {
        return read(report);
    }
    let mut inner = Report::new();
    let result = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(DEEP_STACK);
        builder.spawn_scoped(scope, || read(&mut inner)).ok().and_then(|thread| thread.join().ok())
    });
    for diagnostic in inner.diagnostics() {
        report.push(diagnostic.clone());
    }
    result.unwrap_or_else(|| {
        let message = "no stack could be had to read a text that is nested this deep";
        Err(report.fail(Diagnostic::new(&codes::TOO_DEEP, message).at(Place::file(source))))
    })
}
