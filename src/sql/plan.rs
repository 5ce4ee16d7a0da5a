//! From scalar roots to a plan: which statement, which items in which order, what is bound to a name, how sums are laid out.
//!
//! | file | decides |
//! |---|---|
//! | `lets` | which values of an item are computed once and bound |
//! | `layout` | how a long sum is divided into groups and methods |
//! | `guards` | which tests for NULL the engine makes unnecessary |
//! | `record` | whether the server's record of the statement holds it |
//!
//! What is planned is inside the dialect's limits by construction where it can be; [`check`] measures what was emitted.

pub mod guards;
pub mod layout;
pub mod lets;
pub mod record;

use super::ast;
use super::cost::{Depth, Measure, arguments, evaluations, infix, measure};
use super::dialect::{Dialect, Spelling};
use crate::bind::Shape;
use crate::diag::{Diagnostic, Failed, Report, codes};
use crate::score::{Const, Expr, Form, Id, Output, Score, Term};
use guards::Implied;
use layout::{Layout, Sizes};
use lets::Lets;
use std::collections::BTreeMap;

/// An output and how it is written.
#[derive(Clone, Debug)]
pub struct Item {
    /// The position of the output.
    pub output: usize,
    /// What is bound around it.
    pub lets: Lets,
    /// The sums that are not written flat.
    pub layouts: BTreeMap<Id, Layout>,
    /// Tests for NULL that the engine makes unnecessary.
    pub implied: Implied,
    /// Whether the first arm of the root, a test for missing features, stands outside of the bindings.
    pub guarded: bool,
    /// Its size as text and its time, everything in it together.
    pub measure: Measure,
    /// The time of the same output with its classes compared in the other way, if that was planned too.
    pub alternative: Option<f64>,
}

/// A plan: what will be emitted.
pub struct Plan {
    /// The statement.
    pub shape: Shape,
    /// One per output of the score, in order.
    pub items: Vec<Item>,
}

impl Plan {
    /// Nanoseconds a row, as the dialect's costs have it.
    pub fn time(&self) -> f64 {
        self.items.iter().map(|item| item.measure.time).sum()
    }
}

/// What the user wants of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Wishes {
    /// Features are tested for NULL once, up front.
    pub guard: bool,
    /// Keep the order of summation.
    pub strict: bool,
}

/// A text nested deeper than this is refused even with limits lifted: no SQL parser takes it, ours neither.
const DEEPEST_NESTING: u32 = 400;
/// A text with more operators, literals and columns than this is refused even with limits lifted.
const MOST_NODES: u64 = 8_000_000;

/// Plans the outputs of a legal score.
///
/// Errors: a sum too long to keep its order, a text too large to write, a constant that is not finite.
pub fn plan(
    score: &Score,
    shape: Shape,
    dialect: &dyn Dialect,
    wishes: Wishes,
    report: &mut Report,
) -> Result<Plan, Failed> {
    let since = report.len();
    let mut items = Vec::with_capacity(score.outputs.len());
    for (index, output) in score.outputs.iter().enumerate() {
        let roots: Vec<Id> = output.needs().collect();
        let reachable = score.reachable(&roots);
        let lets = Lets::choose(score, dialect, &roots, &reachable);
        let measure = total(score, dialect, output, &reachable, &lets);
        check_size(&output.name, &measure, report);
        let layouts = layouts(score, dialect, &reachable, &lets, wishes, &output.name, report);
        let implied = match wishes.guard {
            true => Implied::default(),
            false => Implied::find(score, dialect, output, &reachable, &lets),
        };
        let guarded = wishes.guard && !lets.is_empty() && guards(score, output, &lets);
        items.push(Item { output: index, lets, layouts, implied, guarded, measure, alternative: None });
    }
    check_total(&items, report);
    let uses = score.uses();
    check_spelled(score, &uses, dialect, report);
    check_constants(score, &uses, report);
    report.check(since)?;
    Ok(Plan { shape, items })
}

/// The measure of an item: its bound values and what reads them.
fn total(score: &Score, dialect: &dyn Dialect, output: &Output, reachable: &[Id], lets: &Lets) -> Measure {
    let costs = dialect.costs();
    let measures = measure(score, dialect, reachable, |id| lets.binds(id));
    let mut all = Measure::default();
    let mut add = |more: Measure, nested: u32, time: f64| {
        all = Measure {
            nodes: all.nodes.saturating_add(more.nodes),
            operations: all.operations.saturating_add(more.operations),
            nesting: all.nesting.max(more.nesting.saturating_add(nested)),
            terms: all.terms.max(more.terms),
            time: all.time + more.time + time,
        };
    };
    for root in output.needs() {
        // an element of an array, or an entry of a map
        let time = if output.form == Form::Scalar { 0.0 } else { costs.bound };
        let read = Measure { nodes: 1, time: costs.reference, ..Measure::default() };
        let more = if lets.binds(root) { read } else { measures[root.index()] };
        add(more, u32::from(output.form != Form::Scalar), time);
    }
    if let Form::Top { names, count } = &output.form {
        let steps = (names.len() * count) as f64;
        let text = Measure { nodes: 40 + names.len() as u64, ..Measure::default() };
        add(text, 8, costs.binding + steps * costs.step);
    }
    for level in &lets.levels {
        add(Measure::default(), 0, costs.binding);
        for value in level {
            add(measures[value.index()], 3, costs.bound);
        }
    }
    // a level stands around everything that reads it
    all.nesting = all.nesting.saturating_add(3 * lets.levels.len() as u32);
    all
}

/// Whether an output begins with a test that makes it NULL, and that reads nothing that is bound.
fn guards(score: &Score, output: &Output, lets: &Lets) -> bool {
    let condition = match (output.missing, score.expr(output.roots[0])) {
        (Some(missing), _) => missing,
        (None, Expr::Case(arms, _)) if matches!(score.constant(arms[0].value), Some(Const::Null(_))) => {
            arms[0].condition
        }
        _ => return false,
    };
    score.null_tests(condition).all(|test| test.is_some())
        && guards::names(score, lets, [condition].into_iter()).is_empty()
}

/// The layouts of the sums that are too long, or too large for one method, to be written flat.
fn layouts(
    score: &Score,
    dialect: &dyn Dialect,
    reachable: &[Id],
    lets: &Lets,
    wishes: Wishes,
    name: &str,
    report: &mut Report,
) -> BTreeMap<Id, Layout> {
    let method = dialect.costs().method;
    let sizes = Sizes::of(&dialect.limits());
    let mut layouts = BTreeMap::new();
    // the code of each expression in the method that it is evaluated in
    let mut weights = vec![0u64; score.len()];
    for &id in reachable {
        let of = |id: Id| if lets.binds(id) { 4 } else { weights[id.index()] };
        let all = |list: &[Id]| list.iter().fold(0u64, |sum, &id| sum.saturating_add(of(id)));
        let called = |id: Id| match score.expr(id) {
            // evaluated in a class of its own
            Expr::Call(function, _) if !infix(dialect, *function) => 8,
            _ => of(id),
        };
        weights[id.index()] = match score.expr(id) {
            Expr::Const(_) => 1,
            Expr::Input(_) => 2,
            Expr::Sum(terms) => {
                let each = |term: &Term| 3 + term.factor.map_or(0, of);
                let terms: Vec<u64> = terms.iter().map(each).collect();
                let found = match wishes.strict {
                    true => layout::in_order(terms.len(), sizes).unwrap_or_else(|most| {
                        report.push(too_long(name, terms.len(), most));
                        None
                    }),
                    false => layout::regrouped(&terms, method, sizes),
                };
                let weight = terms.iter().fold(0u64, |sum, weight| sum.saturating_add(*weight));
                match found {
                    Some(layout) => {
                        let methods = layout.methods() as u64;
                        layouts.insert(id, layout);
                        if methods > 0 { 10 * methods } else { weight }
                    }
                    None => weight,
                }
            }
            Expr::Product(list) | Expr::And(list) | Expr::Or(list) => all(list).saturating_add(1),
            expr @ Expr::Compare(_, a, b) => {
                u64::from(evaluations(expr, dialect)).saturating_mul(of(*a).saturating_add(of(*b)))
            }
            Expr::Call(function, list) if infix(dialect, *function) => all(list).saturating_add(1),
            Expr::Call(_, list) => list.iter().fold(5u64, |sum, &id| sum.saturating_add(called(id))),
            Expr::Not(inner) | Expr::IsNull(inner) => of(*inner).saturating_add(1),
            // conditions and values are classes of their own
            Expr::Case(arms, _) => 10 + 8 * arms.len() as u64,
        };
    }
    layouts
}

fn too_long(name: &str, terms: usize, most: usize) -> Diagnostic {
    Diagnostic::new(
        &codes::compile::TOO_LARGE,
        format!("`{name}` adds up {terms} terms in order; at most {most} fit into one item"),
    )
    .help("leave out `--strict`, so that the sum can be divided into groups, or use a smaller model")
}

fn check_size(name: &str, measure: &Measure, report: &mut Report) {
    if measure.nodes <= MOST_NODES && measure.nesting <= DEEPEST_NESTING {
        return;
    }
    report.push(
        Diagnostic::new(
            &codes::compile::TOO_LARGE,
            format!(
                "`{name}` would take {} operators, constants and columns, nested {} deep",
                measure.nodes, measure.nesting
            ),
        )
        .help("select fewer outputs, or use a smaller model"),
    );
}

/// All items together: each alone may be in order.
fn check_total(items: &[Item], report: &mut Report) {
    let total = items.iter().fold(0u64, |sum, item| sum.saturating_add(item.measure.nodes));
    if total > MOST_NODES && items.iter().all(|item| item.measure.nodes <= MOST_NODES) {
        let message = format!("the outputs would take {total} operators, constants and columns together");
        report.push(
            Diagnostic::new(&codes::compile::TOO_LARGE, message).help("select fewer outputs, or use a smaller model"),
        );
    }
}

/// Checks emitted items against the dialect's limits of depth and of arguments.
///
/// Errors: an item that nests deeper than a server can replay, or has more columns and calls than fit, with the numbers.
pub fn check(items: &[ast::Item], dialect: &dyn Dialect, report: &mut Report) -> Result<(), Failed> {
    let since = report.len();
    let most = dialect.limits();
    for item in items {
        let ast::Item::Expr { expr, .. } = item else { continue };
        let name = item.name().map_or("an item", |name| name.as_str());
        let depth = Depth::of(expr);
        let bounds = [
            (depth.operators, most.depth, "operators"),
            (depth.calls, most.calls, "function calls"),
            (depth.cases, most.cases, "CASE"),
        ];
        for (found, allowed, what) in bounds.into_iter().filter(|(found, allowed, _)| found > allowed) {
            report.push(
                Diagnostic::new(
                    &codes::compile::TOO_DEEP,
                    format!("`{name}` nests {found} {what}; {} restarts safely with at most {allowed}", dialect.name()),
                )
                .help("use a model with fewer steps in a row, or lift the bound with `--no-limits`"),
            );
        }
        let found = arguments(expr);
        if let Some(allowed) = most.arguments.filter(|allowed| found > *allowed as usize) {
            report.push(
                Diagnostic::new(
                    &codes::compile::TOO_LARGE,
                    format!("`{name}` has {found} columns and calls; {} takes {allowed} in one item", dialect.name()),
                )
                .help("divide it with `--stages`, which needs `--into`, or use `--target ksqldb-0.29`"),
            );
        }
    }
    report.check(since)
}

/// What is emitted is legal.
fn check_spelled(score: &Score, uses: &[u32], dialect: &dyn Dialect, report: &mut Report) {
    let illegal = score.ids().filter(|id| uses[id.index()] > 0).find_map(|id| match score.expr(id) {
        Expr::Call(function, _) => {
            matches!(dialect.spell(*function), Spelling::Rewrite | Spelling::Refuse(_)).then_some(*function)
        }
        _ => None,
    });
    if let Some(function) = illegal {
        let message = format!("internal error: `{}` is left where {} cannot spell it", function.name(), dialect.name());
        report.push(Diagnostic::new(&codes::compile::INTERNAL, message).help("report it with the model"));
    }
}

fn check_constants(score: &Score, uses: &[u32], report: &mut Report) {
    let mut found = 0usize;
    let mut first = None;
    let mut see = |value: f64| {
        if !value.is_finite() {
            found += 1;
            first.get_or_insert(value);
        }
    };
    for id in score.ids().filter(|id| uses[id.index()] > 0) {
        match score.expr(id) {
            Expr::Const(Const::Double(value)) => see(value.0),
            Expr::Sum(terms) => terms.iter().for_each(|term| see(term.coefficient)),
            _ => {}
        }
    }
    if let Some(value) = first {
        report.push(
            Diagnostic::new(
                &codes::compile::NOT_FINITE,
                format!("a folded constant is {value}, which SQL cannot write"),
            )
            .note(format!("{found} constants of the expression are not finite"))
            .help("look for weights or scales of extreme size in the model"),
        );
    }
}
