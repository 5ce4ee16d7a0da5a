//! Comparisons of scores become comparisons of margins.

use super::extended::Extended;
use crate::score::{Comparison, Expr, Function, Id, Rebuild, Score, Term};

pub(super) fn run(score: &Score) -> Score {
    Rebuild::new(score).run(|pass, _, expr| match expr {
        Expr::Compare(comparison, a, b) => {
            let (a, b) = (pass.get(*a), pass.get(*b));
            threshold(&mut pass.new, *comparison, a, b).or_else(|| difference(&mut pass.new, *comparison, a, b))
        }
        _ => None,
    })
}

/// `sigmoid(z) >= p = z >= ln(p / (1 - p))` for 0 < p < 1, and the like; ulp: near the boundary the sigmoid rounds.
/// `sigmoid(z) >= p` for p <= 0 is true, for p > 1 false, of a z that is not NaN.
fn threshold(score: &mut Score, comparison: Comparison, a: Id, b: Id) -> Option<Id> {
    let (comparison, z, p) = match (score.expr(a), score.expr(b)) {
        (Expr::Call(Function::Sigmoid, list), _) => (comparison, list[0], score.double_value(b)?),
        (_, Expr::Call(Function::Sigmoid, list)) => (comparison.flipped(), list[0], score.double_value(a)?),
        _ => return None,
    };
    if comparison == Comparison::Equal || !(p > 0.0 && p < 1.0) {
        return None;
    }
    let bound = score.double(Extended::logit(p).round());
    Some(score.compare(comparison, z, bound))
}

/// `a > b = a - b > 0` where both are sums; ulp: weights are subtracted once at compile time, not per row.
fn difference(score: &mut Score, comparison: Comparison, a: Id, b: Id) -> Option<Id> {
    let is_sum = |id| matches!(score.expr(id), Expr::Sum(_));
    if !is_sum(a) || !is_sum(b) || comparison == Comparison::Equal {
        return None;
    }
    let difference = score.sum([Term::new(1.0, a), Term::new(-1.0, b)]);
    let zero = score.double(0.0);
    Some(score.compare(comparison, difference, zero))
}
