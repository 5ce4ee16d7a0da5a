//! Sizes of what will be printed, measured on the arena: an expression that is used twice is printed twice, so the text
//! can be exponentially larger than the arena. Counts saturate.

use super::dialect::{Dialect, Spelling};
use crate::score::{Expr, Function, Id, Score};

/// The size of an expression as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Operators, calls, literals and columns.
    pub nodes: u64,
    /// Multiplications, additions, comparisons and calls evaluated at most.
    pub operations: u64,
    /// Levels of everything that nests, operators of one chain included: the stack that an engine needs.
    pub depth: u32,
    /// Nested function calls.
    pub calls: u32,
    /// Nested CASE.
    pub cases: u32,
    /// Terms of the longest sum.
    pub terms: u64,
}

/// The measure of every expression.
pub fn measure(score: &Score, dialect: &dyn Dialect) -> Vec<Measure> {
    let mut measures: Vec<Measure> = Vec::with_capacity(score.len());
    for id in score.ids() {
        let of = |id: Id| measures[id.index()];
        let measure = match score.expr(id) {
            Expr::Const(_) | Expr::Input(_) => Measure { nodes: 1, ..Measure::default() },
            Expr::Sum(terms) => {
                let mut chain = Chain::default();
                for term in terms {
                    let factor = term.factor.map_or(Measure { nodes: 1, ..Measure::default() }, of);
                    let multiplied = term.factor.is_some() && term.coefficient.abs() != 1.0;
                    chain.push(if multiplied { factor.under(1, 1) } else { factor });
                }
                Measure { terms: chain.measure.terms.max(terms.len() as u64), ..chain.measure }
            }
            Expr::Product(list) | Expr::And(list) | Expr::Or(list) => {
                let mut chain = Chain::default();
                list.iter().for_each(|&item| chain.push(of(item)));
                chain.measure
            }
            Expr::Compare(_, a, b) => {
                let mut chain = Chain::default();
                chain.push(of(*a));
                chain.push(of(*b));
                chain.measure
            }
            Expr::Call(function, list) => {
                let all = list.iter().map(|&argument| of(argument)).fold(Measure::default(), Measure::beside);
                let infix = matches!(dialect.spell(*function), Spelling::Infix(_)) || *function == Function::Divide;
                let call = all.under(1, 1);
                Measure { calls: call.calls + u32::from(!infix), ..call }
            }
            Expr::Not(a) | Expr::IsNull(a) => of(*a).under(1, 1),
            Expr::Case(arms, otherwise) => {
                let all = arms
                    .iter()
                    .flat_map(|arm| [arm.condition, arm.value])
                    .chain([*otherwise])
                    .map(of)
                    .fold(Measure::default(), Measure::beside);
                let case = all.under(1, 0);
                Measure { cases: case.cases + 1, ..case }
            }
        };
        measures.push(measure);
    }
    measures
}

impl Measure {
    fn beside(self, other: Measure) -> Measure {
        Measure {
            nodes: self.nodes.saturating_add(other.nodes),
            operations: self.operations.saturating_add(other.operations),
            depth: self.depth.max(other.depth),
            calls: self.calls.max(other.calls),
            cases: self.cases.max(other.cases),
            terms: self.terms.max(other.terms),
        }
    }

    /// One level further down, below something with this many operations.
    fn under(self, levels: u32, operations: u64) -> Measure {
        Measure {
            nodes: self.nodes.saturating_add(1),
            operations: self.operations.saturating_add(operations),
            depth: self.depth.saturating_add(levels),
            ..self
        }
    }
}

/// Operands of a chain `a + b + c`, which an engine nests to the left.
#[derive(Default)]
struct Chain {
    measure: Measure,
    started: bool,
}

impl Chain {
    fn push(&mut self, operand: Measure) {
        if !self.started {
            self.measure = operand;
            self.started = true;
            return;
        }
        self.measure = self.measure.beside(operand).under(1, 1);
    }
}
