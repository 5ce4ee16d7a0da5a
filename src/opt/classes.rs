//! More than two classes by differences of their scores: `softmax` and `of_largest` written with comparisons of two each.
//!
//! Weights are then subtracted once, at compile time, but there are as many differences as pairs of classes. What is
//! left of these functions is written by the scores themselves (`sql::legalize`). Both are the same function of finite
//! scores; which costs less, the plan decides.

use crate::score::{Comparison, Expr, Function, Id, Rebuild, Score, Term};

/// How many classes the scores compare at most; fewer than three if none.
pub fn compared(score: &Score) -> usize {
    let uses = score.uses();
    let compared = score.ids().filter(|id| uses[id.index()] > 0).filter_map(|id| match score.expr(id) {
        Expr::Call(Function::Softmax, list) => Some(list.len() - 1),
        Expr::Call(Function::OfLargest, list) => Some(list.len() / 2),
        _ => None,
    });
    compared.max().unwrap_or(0)
}

/// The score with every comparison of classes by differences.
pub fn by_differences(score: &Score) -> Score {
    Rebuild::new(score).run(|pass, _, expr| {
        let Expr::Call(function, list) = expr else { return None };
        let list: Vec<Id> = list.iter().map(|&argument| pass.get(argument)).collect();
        match function {
            Function::Softmax => Some(softmax(&mut pass.new, list[0], &list[1..])),
            Function::OfLargest => {
                let (scores, values) = list.split_at(list.len() / 2);
                let absent = pass.new.null_arm(&list, values[0]);
                Some(pass.new.of_extreme(absent, scores, values, Comparison::Greater))
            }
            _ => None,
        }
    })
}

/// `1 / (1 + Σ e^(y - x))` over the others: an exponential that overflows makes the probability 0, as it should be.
fn softmax(score: &mut Score, x: Id, all: &[Id]) -> Id {
    let own = all.iter().position(|&y| y == x);
    let mut terms = vec![Term::constant(1.0)];
    for (_, &y) in all.iter().enumerate().filter(|(at, _)| Some(*at) != own) {
        let difference = score.subtract(y, x);
        terms.push(Term::new(1.0, score.call(Function::Exp, vec![difference])));
    }
    let (one, total) = (score.double(1.0), score.sum(terms));
    score.divide(one, total)
}
