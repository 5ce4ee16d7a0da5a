//! The optimizer: a table of passes over the arena.
//!
//! Each pass is a loop that rebuilds the arena in order through the smart constructors; each rule states its equation and
//! its class. The table is what runs, what `--emit stats` shows and what the docs list.

mod affine;
mod compare;
mod extended;
mod nulls;
#[cfg(test)]
mod tests;

pub use extended::Extended;

use crate::score::{Expr, Function, Score};
use std::borrow::Cow;

/// What a rewrite may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing: the same bits for every input.
    Exact,
    /// The same bits unless NaN, an infinity or −0.0 occurs.
    Finite,
    /// The result may round differently, within the bound of promise 2.
    Ulp,
}

/// An entry of the table.
pub struct Pass {
    /// For statistics and docs.
    pub name: &'static str,
    /// The weakest class of its rules.
    pub class: Class,
    /// What it does, with its equations.
    pub about: &'static str,
    /// Whether it can have something to do with an expression: where there is none, it is not run.
    concerns: fn(&Expr) -> bool,
    run: fn(&Score) -> Score,
}

/// Every pass, in the order in which they run.
pub static PASSES: &[Pass] = &[
    Pass {
        name: "compare",
        class: Class::Ulp,
        about: "sigmoid(z) >= p  =>  z >= logit p; a > b  =>  a - b > 0 for affine a, b",
        concerns: |expr| matches!(expr, Expr::Compare(..)),
        run: compare::run,
    },
    Pass {
        name: "affine",
        class: Class::Ulp,
        about: "sums of sums, scalers and one-hot groups become one sum with coefficients folded in extended precision",
        concerns: |expr| matches!(expr, Expr::Sum(_) | Expr::Call(Function::Divide, _)),
        run: affine::run,
    },
    Pass {
        name: "nulls",
        class: Class::Exact,
        about: "tests for NULL that are decided by an enclosing test are dropped",
        concerns: |expr| matches!(expr, Expr::IsNull(_)),
        run: nulls::run,
    },
];

/// Runs the passes whose class is allowed: all of them, or only the exact ones under `strict`.
pub fn optimize<'a>(score: &'a Score, strict: bool) -> Cow<'a, Score> {
    let mut score = Cow::Borrowed(score);
    for pass in PASSES.iter().filter(|pass| !strict || pass.class == Class::Exact) {
        if score.ids().any(|id| (pass.concerns)(score.expr(id))) {
            let new = (pass.run)(&score);
            debug_assert_eq!(new.verify(), Ok(()), "after the pass `{}`:\n{new}", pass.name);
            score = Cow::Owned(new);
        }
    }
    score
}
