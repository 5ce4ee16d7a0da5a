//! What stands around the results, held against the columns that are known: a name or a type that a server would refuse is
//! found here, where a schema says which columns there are.
//!
//! Functions that the evaluator does not know may be the server's own, and so may what it does not compute: of those nothing is
//! said.

use super::shape::place;
use super::{Bindings, Text};
use crate::diag::codes::{compile::SORTS_IN_PLACE, eval as codes};
use crate::diag::{Diagnostic, Report};
use crate::sql::ast::Expr;
use crate::sql::eval::{self, Program};
use crate::syntax;

/// Columns that a windowed source has besides its own.
const OF_WINDOWS: &[&str] = &["WINDOWSTART", "WINDOWEND"];

/// Reports what is wrong with an expression of a clause; a condition must be BOOLEAN.
pub(super) fn check(expr: &Expr, text: &Text, condition: bool, bindings: &Bindings, report: &mut Report) {
    if eval::sorts_in_place(expr) {
        report.push(sorting("the expression").at(place(text)));
    }
    let Some(relation) = bindings.relation.as_ref().filter(|_| bindings.complete) else { return };
    if !is_known(expr) {
        return;
    }
    // with places where the text is one expression
    let located = syntax::located(text.source, &text.text, &mut Report::new());
    let expr = located.as_ref().unwrap_or(expr);
    let mut found = Report::new();
    let _ = match condition {
        true => Program::compile_filter(expr, relation, &mut found),
        false => Program::compile(expr, relation, &mut found),
    };
    for finding in found.diagnostics() {
        if ![codes::UNKNOWN_FUNCTION.id, codes::NOT_EVALUATED.id, codes::TOO_DEEP.id].contains(&finding.code.id) {
            report.push(at(finding.clone(), text));
        }
    }
}

/// The finding about an expression that sorts a column.
pub(super) fn sorting(what: &str) -> Diagnostic {
    let message = format!("{what} sorts an array where it stands, and all else in the statement sees it sorted");
    Diagnostic::new(&SORTS_IN_PLACE, message).help("sort a copy: `ARRAY_SORT(TRANSFORM(…, _X => _X))`")
}

/// Whether every name is one that the evaluator can look up.
fn is_known(expr: &Expr) -> bool {
    let mut known = match expr {
        Expr::Qualified(..) => false,
        Expr::Column(name) => !OF_WINDOWS.contains(&name.as_str()),
        _ => true,
    };
    expr.for_each_child(|child| known = known && is_known(child));
    known
}

/// At its own place if it has one.
fn at(mut finding: Diagnostic, text: &Text) -> Diagnostic {
    let place = finding.place.clone().unwrap_or_else(|| place(text));
    let written = place.span.clone().and_then(|span| text.text.get(span)).unwrap_or_default();
    if written.starts_with('"') && finding.help.is_none() {
        finding.help = Some(format!("if it is a text, write it in single quotes: `'{}'`", written.trim_matches('"')));
    }
    finding.at(place)
}
