//! Classes by differences of their scores: `softmax` and `of_largest` written with comparisons of two each.
//!
//! Weights are then subtracted once, at compile time, but there are as many differences as pairs of classes. What is
//! left of these functions is written by the scores themselves (`sql::legalize`). Both are the same function of finite
//! scores; which costs less, the plan decides.

use super::{Class, Ledger, Pass, Rule};
use crate::score::{Comparison, Expr, Function, Id, Rebuild, Score, Term};

/// Of two classes the difference is always cheaper.
pub(super) const PAIRS: Pass = Pass {
    name: "pairs",
    rules: &[&PAIR],
    concerns: |_, expr| is_pair(expr),
    run: |score, ledger| {
        Rebuild::new(score).run(|pass, _, expr| match expr {
            Expr::Call(_, list) if is_pair(expr) && ledger.allows(&PAIR) => {
                ledger.count(&PAIR, 1);
                let list: Vec<Id> = list.iter().map(|&argument| pass.get(argument)).collect();
                Some(softmax(&mut pass.new, list[0], &list[1..]))
            }
            _ => None,
        })
    },
};

/// Another form of more than two.
pub(super) const PASS: Pass = Pass {
    name: "classes",
    rules: &[&SHARES, &LARGEST],
    concerns: |_, expr| matches!(expr, Expr::Call(Function::Softmax | Function::OfLargest, _)),
    run,
};

const PAIR: Rule = Rule { name: "pair", class: Class::Ulp, equation: "e^x / (e^x + e^y) = 1 / (1 + e^(y - x))" };
const SHARES: Rule = Rule { name: "differences", class: Class::Ulp, equation: "e^x / Σ e^y = 1 / (1 + Σ e^(y - x))" };
const LARGEST: Rule = Rule {
    name: "beats",
    class: Class::Finite,
    equation: "the value of the last score that is larger than all before it, else of the one before it likewise, …",
};

fn is_pair(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(Function::Softmax, list) if list.len() == 3)
}

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

fn run(score: &Score, ledger: &mut Ledger) -> Score {
    let uses = score.uses();
    Rebuild::new(score).run(|pass, id, expr| {
        let Expr::Call(function, list) = expr else { return None };
        let rule = match function {
            Function::Softmax => &SHARES,
            Function::OfLargest => &LARGEST,
            _ => return None,
        };
        if uses[id.index()] == 0 || !ledger.allows(rule) {
            return None;
        }
        ledger.count(rule, 1);
        let list: Vec<Id> = list.iter().map(|&argument| pass.get(argument)).collect();
        if *function == Function::Softmax {
            return Some(softmax(&mut pass.new, list[0], &list[1..]));
        }
        let (scores, values) = list.split_at(list.len() / 2);
        let absent = pass.new.null_arm(&list, values[0]);
        Some(pass.new.of_extreme(absent, scores, values, Comparison::Greater))
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
