//! Long sums in pieces that can be columns, and as one again.

use super::Part;
use crate::score::{Expr, Function, Id, Rebuild, Term};
use crate::sql::dialect::Dialect;

/// Terms of a piece of a long sum.
const PIECE: usize = 64;

impl Part {
    /// Prepares sums for division. Where the order of summation need not be kept and a target takes few columns in an
    /// item, the pieces of a sum are beside each other, else each holds the ones before it.
    pub fn with_pieces(mut self, dialect: &dyn Dialect, strict: bool) -> Self {
        let beside = dialect.limits().arguments.is_some() && !strict;
        self.score = Rebuild::new(&self.score).run(|pass, _, expr| {
            let Expr::Sum(terms) = expr else { return None };
            if terms.len() <= PIECE + PIECE / 2 {
                return None;
            }
            let terms: Vec<Term> =
                terms.iter().map(|term| Term { factor: term.factor.map(|factor| pass.get(factor)), ..*term }).collect();
            let score = &mut pass.new;
            let mut pieces: Vec<Term> = Vec::new();
            for piece in terms.chunks(PIECE) {
                let before = if beside { None } else { pieces.pop() };
                let sum = score.sum(before.into_iter().chain(piece.iter().copied()));
                pieces.push(Term::new(1.0, score.call(Function::Whole, vec![sum])));
            }
            Some(score.sum(pieces))
        });
        self
    }

    /// Sums as one again, where they were not divided.
    pub fn without_pieces(mut self) -> Self {
        let old = &self.score;
        let piece = |id: Id| match old.expr(id) {
            Expr::Call(Function::Whole, list) => Some(list[0]),
            _ => None,
        };
        // a sum that is only part of others is not made for itself: it would be copied as often as they have pieces
        let mut inside = vec![false; old.len()];
        let mut alone = vec![false; old.len()];
        let mut value = |id: Id| {
            alone[id.index()] = true;
            piece(id).into_iter().for_each(|sum| alone[sum.index()] = true);
        };
        old.roots().into_iter().for_each(&mut value);
        for id in old.ids() {
            match old.expr(id) {
                Expr::Call(Function::Whole, list) => inside[list[0].index()] = true,
                Expr::Sum(terms) => {
                    let whole =
                        |term: &&Term| term.coefficient == 1.0 && term.factor.is_some_and(|it| piece(it).is_some());
                    terms.iter().filter(|term| !whole(term)).filter_map(|term| term.factor).for_each(&mut value);
                }
                expr => expr.operands(&mut value),
            }
        }
        let inside: Vec<bool> = inside.iter().zip(&alone).map(|(inside, alone)| *inside && !*alone).collect();
        self.score = Rebuild::new(old).run(|pass, id, expr| match expr {
            Expr::Sum(_) if inside[id.index()] => Some(pass.new.double(0.0)),
            Expr::Sum(_) => {
                let mut terms = Vec::new();
                let mut rest = vec![Term::new(1.0, id)];
                while let Some(term) = rest.pop() {
                    let sum = term
                        .factor
                        .filter(|_| term.coefficient == 1.0)
                        .and_then(|factor| if factor == id { Some(id) } else { piece(factor) });
                    match sum.map(|sum| old.expr(sum)) {
                        Some(Expr::Sum(inner)) => rest.extend(inner.iter().rev()),
                        _ => terms.push(Term { factor: term.factor.map(|factor| pass.get(factor)), ..term }),
                    }
                }
                Some(pass.new.sum(terms))
            }
            Expr::Call(Function::Whole, list) => Some(pass.get(list[0])),
            _ => None,
        });
        self
    }
}
