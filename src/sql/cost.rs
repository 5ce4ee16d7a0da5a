//! What an item costs: sizes and times on the arena, where a value that is used twice is written and computed twice unless
//! it is bound; and the depth of the text, on the syntax tree.

use super::dialect::{Costs, Dialect, Spelling};
use super::{ast, print};
use crate::score::{Comparison, Const, Expr, Function, Id, Score, Term};

/// The size of an expression as text, values bound elsewhere counted as a name each. Counts saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measure {
    /// Operators, calls, literals and columns.
    pub nodes: u64,
    /// Multiplications, additions, comparisons and calls evaluated at most.
    pub operations: u64,
    /// Levels of brackets, roughly: operators of one chain are one level.
    pub nesting: u32,
    /// Terms of the longest sum.
    pub terms: u64,
    /// Nanoseconds of one evaluation, as the dialect's costs have it.
    pub time: f64,
}

/// How often an engine evaluates an operand of the expression: ksqlDB writes each side of `a < b` twice into the code that
/// it compiles, of `a = b` three times.
pub fn evaluations(expr: &Expr, dialect: &dyn Dialect) -> u32 {
    let costs = dialect.costs();
    match expr {
        Expr::Compare(Comparison::Equal, ..) => costs.equal_sides,
        Expr::Compare(..) => costs.comparison_sides,
        _ => 1,
    }
}

/// The measures of these expressions, operands first; `bound` says which are names where they are used.
pub fn measure(score: &Score, dialect: &dyn Dialect, ids: &[Id], bound: impl Fn(Id) -> bool) -> Vec<Measure> {
    let costs = dialect.costs();
    let name = Measure { nodes: 1, time: costs.reference, ..Measure::default() };
    let mut measures = vec![Measure::default(); score.len()];
    for &id in ids {
        let expr = score.expr(id);
        let times = evaluations(expr, dialect);
        let mut all = own(score, expr, dialect, &costs);
        expr.operands(|operand| {
            let inner = if bound(operand) { name } else { measures[operand.index()] };
            all.nodes = all.nodes.saturating_add(inner.nodes);
            all.operations = all.operations.saturating_add(inner.operations);
            all.nesting = all.nesting.max(inner.nesting + 1);
            all.terms = all.terms.max(inner.terms);
            all.time += f64::from(times) * inner.time;
        });
        measures[id.index()] = all;
    }
    measures
}

/// What the expression adds to its operands.
fn own(score: &Score, expr: &Expr, dialect: &dyn Dialect, costs: &Costs) -> Measure {
    let size = |operations: usize, nodes: usize, time: f64| Measure {
        nodes: nodes as u64,
        operations: operations as u64,
        time,
        ..Measure::default()
    };
    match expr {
        Expr::Const(_) => size(0, 1, 0.0),
        Expr::Input(_) => size(0, 1, costs.column),
        Expr::Sum(terms) => {
            let multiplied = terms.iter().filter(|t| t.factor.is_some() && t.coefficient.abs() != 1.0).count();
            let constants = terms.iter().filter(|term| term.factor.is_none()).count();
            let operations = terms.len() - 1 + multiplied;
            let nodes = operations + multiplied + constants;
            Measure { terms: terms.len() as u64, ..size(operations, nodes, operations as f64 * costs.operation) }
        }
        Expr::Product(list) | Expr::And(list) | Expr::Or(list) => {
            let operations = list.len() - 1;
            size(operations, operations, operations as f64 * costs.operation)
        }
        Expr::Compare(..) | Expr::Not(_) | Expr::IsNull(_) => size(1, 1, costs.operation),
        Expr::Call(function, _) => size(1, 1, if infix(dialect, *function) { costs.operation } else { costs.call }),
        Expr::Case(arms, otherwise) => {
            let end = usize::from(score.constant(*otherwise).is_none());
            size(0, 1 + arms.len() + end, arms.len() as f64 * costs.arm)
        }
    }
}

/// Whether the function is written between its arguments.
pub fn infix(dialect: &dyn Dialect, function: Function) -> bool {
    matches!(dialect.spell(function), Spelling::Infix(_))
}

/// How large an expression is as a server stores it, where what is used twice is written twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes, with columns qualified by the source and every operator in parentheses.
    pub bytes: u64,
    /// Columns and calls.
    pub arguments: u64,
    /// Operators and everything else that nests, long sums as groups.
    pub nesting: u64,
    /// Terms of the longest sum; a sum that begins with a piece of it is one.
    pub terms: u64,
}

/// The sizes of these expressions, operands first; `input` says how many bytes what feeds an input takes.
pub fn sizes(score: &Score, dialect: &dyn Dialect, ids: &[Id], input: impl Fn(u32) -> usize) -> Vec<Size> {
    let mut sizes = vec![Size::default(); score.len()];
    // numbers that have no literal are refused later
    let number = |value: f64| format!("{value:E}").len() as u64;
    for &id in ids {
        let expr = score.expr(id);
        let own = match expr {
            Expr::Const(Const::Double(value)) => Size { bytes: number(value.0), ..Size::default() },
            Expr::Const(Const::Text(text)) => Size { bytes: text.len() as u64 + 2, ..Size::default() },
            Expr::Const(_) => Size { bytes: 20, ..Size::default() },
            Expr::Input(at) => Size { bytes: input(*at) as u64, arguments: 1, ..Size::default() },
            Expr::Sum(terms) => {
                let constants: u64 = terms.iter().map(|term| number(term.coefficient)).sum();
                let count = terms.len() as u64;
                let nesting = count.min(u64::from(dialect.limits().depth) * 2 / 3);
                let piece = |term: &Term| match term.factor.map(|factor| score.expr(factor)) {
                    Some(Expr::Call(Function::Whole, list)) => sizes[list[0].index()].terms,
                    _ => 1,
                };
                let length = terms.iter().map(piece).fold(0u64, u64::saturating_add);
                Size { bytes: constants + 10 * count, arguments: 0, nesting, terms: length }
            }
            Expr::Product(list) | Expr::And(list) | Expr::Or(list) => {
                Size { bytes: 7 * list.len() as u64, nesting: list.len() as u64, ..Size::default() }
            }
            Expr::Call(function, list) if infix(dialect, *function) => {
                Size { bytes: 5 * list.len() as u64, nesting: 1, ..Size::default() }
            }
            Expr::Call(_, list) => Size { bytes: 12 + 2 * list.len() as u64, arguments: 1, nesting: 1, terms: 0 },
            Expr::Case(arms, _) => Size { bytes: 20 + 12 * arms.len() as u64, nesting: 1, ..Size::default() },
            Expr::Compare(..) | Expr::Not(_) | Expr::IsNull(_) => Size { bytes: 12, nesting: 1, ..Size::default() },
        };
        let (mut all, mut inner) = (own, 0);
        expr.operands(|operand| {
            let operand = sizes[operand.index()];
            all.bytes = all.bytes.saturating_add(operand.bytes);
            all.arguments = all.arguments.saturating_add(operand.arguments);
            all.terms = all.terms.max(operand.terms);
            inner = inner.max(operand.nesting);
        });
        all.nesting = match expr {
            // a sum that begins with a piece of it is one sum, in groups
            Expr::Call(Function::Whole, list) => {
                let mut inner = 0;
                score.expr(list[0]).operands(|operand| inner = inner.max(sizes[operand.index()].nesting));
                inner
            }
            _ => all.nesting.saturating_add(inner),
        };
        sizes[id.index()] = all;
    }
    sizes
}

/// How deep a text is for an engine that nests the operators of a chain to the left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Operators and everything else that nests.
    pub operators: u32,
    /// Function calls, CAST and array constructors among them.
    pub calls: u32,
    /// CASE.
    pub cases: u32,
}

impl Depth {
    /// The depth of an expression.
    pub fn of(expr: &ast::Expr) -> Depth {
        match expr {
            ast::Expr::Chain(first, rest) => chained(std::iter::once(&**first).chain(rest.iter().map(|(_, e)| e))),
            ast::Expr::And(list) | ast::Expr::Or(list) => chained(list.iter()),
            ast::Expr::Commented(_, inner) => Depth::of(inner),
            _ => {
                let mut inner: Option<Depth> = None;
                expr.for_each_child(|child| inner = Some(inner.unwrap_or_default().max(Depth::of(child))));
                let Some(inner) = inner else { return Depth::default() };
                let call = matches!(
                    expr,
                    ast::Expr::Call(..)
                        | ast::Expr::Cast(..)
                        | ast::Expr::Array(_)
                        | ast::Expr::Map(_)
                        | ast::Expr::Struct(_)
                );
                let case = matches!(expr, ast::Expr::Case(..));
                Depth {
                    operators: inner.operators + 1,
                    calls: inner.calls + u32::from(call),
                    cases: inner.cases + u32::from(case),
                }
            }
        }
    }

    fn max(self, other: Depth) -> Depth {
        Depth {
            operators: self.operators.max(other.operators),
            calls: self.calls.max(other.calls),
            cases: self.cases.max(other.cases),
        }
    }
}

/// `((a + b) + c) + d`
fn chained<'a>(operands: impl Iterator<Item = &'a ast::Expr>) -> Depth {
    let mut all: Option<Depth> = None;
    for operand in operands {
        let operand = Depth::of(operand);
        all = Some(match all {
            None => operand,
            Some(before) => {
                let both = before.max(operand);
                Depth { operators: both.operators + 1, ..both }
            }
        });
    }
    all.unwrap_or_default()
}

/// Columns, calls and structures of an expression, each as often as it stands there: what a release before 0.29 hands to
/// one method.
pub fn arguments(expr: &ast::Expr) -> usize {
    let mut count = 0;
    expr.for_each_column(|_| count += 1);
    let mut rest = vec![expr];
    while let Some(expr) = rest.pop() {
        count += usize::from(matches!(expr, ast::Expr::Call(..) | ast::Expr::Struct(_)));
        expr.for_each_child(|child| rest.push(child));
    }
    count
}

/// About how many bytes a server stores for an expression: columns qualified with a source whose name has `source` bytes,
/// every operator between parentheses, nothing broken into lines.
pub fn stored_bytes(expr: &ast::Expr, source: usize) -> usize {
    let mut bytes = 0;
    let mut rest = vec![expr];
    while let Some(expr) = rest.pop() {
        let mut children = 0;
        expr.for_each_child(|child| {
            children += 1;
            rest.push(child);
        });
        bytes += match expr {
            ast::Expr::Double(value) => print::double(value.0).len(),
            ast::Expr::Integer(value) => value.to_string().len(),
            ast::Expr::Decimal(digits) => digits.len(),
            ast::Expr::String(text) => text.len() + 2 + text.matches('\'').count(),
            ast::Expr::Column(name) => source + 1 + quoted(name),
            ast::Expr::Qualified(source, name) => quoted(source) + 1 + quoted(name),
            ast::Expr::Field(_, name) => 2 + quoted(name),
            ast::Expr::Call(name, _) => quoted(name) + 2 * children,
            ast::Expr::Lambda(names, _) => names.iter().map(|name| quoted(name) + 2).sum::<usize>() + 6,
            ast::Expr::Case(arms, _) => 20 + 12 * arms.len(),
            ast::Expr::Cast(..) => "CAST( AS DOUBLE)".len(),
            ast::Expr::Array(_) => 7 + 2 * children,
            ast::Expr::Map(_) | ast::Expr::Struct(_) => 8 + 20 * children,
            ast::Expr::And(_) | ast::Expr::Or(_) => 7 * (children - 1),
            ast::Expr::Chain(..) => 5 * (children - 1),
            ast::Expr::Commented(..) | ast::Expr::Located(..) => 0,
            // comparisons, tests, keywords
            _ => 16,
        };
    }
    bytes
}

/// A name, between backticks where it needs them.
fn quoted(name: &ast::Name) -> usize {
    print::name(name, print::Quote::Needed).len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::ast::{Expr, Operator};

    /// A server stored 4 645 bytes for `CREATE STREAM P_OUT_L150 WITH (…) AS SELECT P_IN_L150.ID ID, <sum> PREDICTION FROM
    /// P_IN_L150 P_IN_L150 EMIT CHANGES;` of the sum 0.5 F0 + 1.5 F1 + … + 149.5 F149 + 1, 213 of them around the sum.
    #[test]
    fn the_estimate_is_near_to_what_a_server_stored() {
        let term = |index: u32| {
            let coefficient = Expr::double(f64::from(index) + 0.5);
            Expr::Chain(Box::new(coefficient), vec![(Operator::Multiply, Expr::column(format!("F{index}")))])
        };
        let mut rest: Vec<(Operator, Expr)> = (1..150).map(|index| (Operator::Add, term(index))).collect();
        rest.push((Operator::Add, Expr::double(1.0)));
        let sum = Expr::Chain(Box::new(term(0)), rest);
        let found = stored_bytes(&sum, "P_IN_L150".len()) as f64;
        assert!((found / (4_645.0 - 213.0) - 1.0).abs() < 0.05, "{found}");
        assert_eq!(Depth::of(&sum), Depth { operators: 151, calls: 0, cases: 0 });
    }
}
