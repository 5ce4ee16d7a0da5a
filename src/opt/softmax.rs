//! The shapes that lowering gives a softmax: the function, or `1 / (1 + Σ_j e^(x_j - x_i))`.
//!
//! Any v with exponents `u_j - v` shows the same: the quotient is the softmax of {v, u_1, …} at v. So two such quotients
//! over the same set are ordered as their v are, and the largest of several belongs to the largest v.

use crate::score::{Expr, Function, Id, Score, Term};
use std::collections::HashMap;
use std::rc::Rc;

/// A quotient read as a softmax.
#[derive(Debug)]
struct Softmax {
    /// v
    own: Id,
    /// v and all u, sorted.
    all: Vec<Id>,
}

/// What quotients were read as, so that each is read once.
#[derive(Default)]
pub(super) struct Softmaxes {
    read: HashMap<Id, Option<Rc<Softmax>>>,
}

impl Softmaxes {
    /// The margins of two probabilities of one softmax, or of the largest of several.
    pub(super) fn margins(&mut self, score: &mut Score, a: Id, b: Id) -> Option<(Id, Id)> {
        let (p, q) = (self.largest(score, a)?, self.largest(score, b)?);
        (p.all == q.all).then_some((p.own, q.own))
    }

    /// The same of `max(max(p, q), …)`, which lowering nests to the left.
    fn largest(&mut self, score: &mut Score, id: Id) -> Option<Rc<Softmax>> {
        let mut rest = Vec::new();
        let mut at = id;
        while let Expr::Call(Function::Max, list) = score.expr(at) {
            let [first, second] = list.as_slice() else { return None };
            rest.push(*second);
            at = *first;
        }
        let first = self.read(score, at)?;
        let mut own = first.own;
        for id in rest.into_iter().rev() {
            let next = self.read(score, id)?;
            if next.all != first.all {
                return None;
            }
            own = score.call(Function::Max, vec![own, next.own]);
        }
        Some(if own == first.own { first } else { Rc::new(Softmax { own, all: first.all.clone() }) })
    }

    fn read(&mut self, score: &mut Score, id: Id) -> Option<Rc<Softmax>> {
        if let Some(found) = self.read.get(&id) {
            return found.clone();
        }
        let found = match score.expr(id) {
            Expr::Call(Function::Softmax, list) => {
                let mut all = list[1..].to_vec();
                all.sort_unstable();
                Some(Softmax { own: list[0], all })
            }
            _ => read(score, id),
        };
        let found = found.map(Rc::new);
        self.read.insert(id, found.clone());
        found
    }
}

/// The exponents of `1 / (1 + Σ e^…)`.
pub(super) fn exponents(score: &Score, id: Id) -> Option<Vec<Id>> {
    let Expr::Call(Function::Divide, list) = score.expr(id) else { return None };
    let (Some(1.0), Expr::Sum(terms)) = (score.double_value(list[0]), score.expr(list[1])) else { return None };
    let [Term { coefficient: 1.0, factor: None, .. }, rest @ ..] = terms.as_slice() else { return None };
    let exponent = |term: &Term| match score.expr(term.factor?) {
        Expr::Call(Function::Exp, list) if term.coefficient == 1.0 => Some(list[0]),
        _ => None,
    };
    rest.iter().map(exponent).collect()
}

fn read(score: &mut Score, id: Id) -> Option<Softmax> {
    let exponents = exponents(score, id)?;
    let last = |score: &Score, id: Id| match score.expr(id) {
        Expr::Sum(terms) if terms.len() > 1 => terms.last().copied(),
        _ => None,
    };
    let subtracted = last(score, *exponents.first()?)?;
    let own = score.scale(-subtracted.coefficient, subtracted.factor?);
    let mut all = vec![own];
    for exponent in exponents {
        if last(score, exponent)? != subtracted {
            return None;
        }
        let Expr::Sum(terms) = score.expr(exponent) else { return None };
        let rest = terms[..terms.len() - 1].to_vec();
        all.push(score.sum(rest));
    }
    all.sort_unstable();
    Some(Softmax { own, all })
}
