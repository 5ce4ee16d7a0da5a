//! The optimizer: a table of passes over the arena.
//!
//! Each pass is a loop that rebuilds the arena in order through the smart constructors. Each of its rules states its
//! equation and its class, and is counted where it is used. The table is what runs, what `--emit stats` shows and what
//! `fixtures/opt` tests, rule by rule. What the smart constructors do (`score::build`: constants folded, equal expressions
//! stored once, exact identities) is no rule: it holds everywhere.
//!
//! Passes run in turns until none has anything to do. A pass whose kind of expression does not occur is not run, and
//! neither is one since whose last run nothing was rewritten, so a plain linear model is rebuilt once.

mod affine;
mod calls;
mod cases;
mod classes;
mod compare;
mod extended;
mod group;
mod inverse;
mod nulls;
mod rule;
mod steps;
mod switch;
#[cfg(test)]
mod tests;

pub use classes::compared;
pub use extended::Extended;
pub use rule::{Class, Ledger, Rule, Run, Stats};

use crate::score::{Expr, Score};
use std::borrow::Cow;

/// An entry of the table.
pub struct Pass {
    /// For statistics and docs.
    pub name: &'static str,
    /// What it does.
    pub rules: &'static [&'static Rule],
    /// Whether it can have something to do with an expression: where there is none, it is not run.
    concerns: fn(&Score, &Expr) -> bool,
    run: fn(&Score, &mut Ledger) -> Score,
}

/// Every pass, in the order in which they run.
pub static PASSES: &[Pass] = &[classes::PAIRS, calls::PASS, compare::PASS, affine::PASS, cases::PASS, nulls::PASS];

/// What is done once at the end, since other passes would undo it.
pub static FINISH: &[Pass] = &[group::PASS];

/// What is not done for good: the plan keeps what costs less, the result or what there was.
pub static CHOICES: &[Pass] = &[classes::PASS];

/// No score takes more runs of passes: a bound, should two rules ever undo each other.
const FUEL: usize = 24;

/// The weakest class that is allowed.
fn weakest(strict: bool) -> Class {
    if strict { Class::Exact } else { Class::Ulp }
}

/// Another form of an optimized score, optimized too; `None` if there is none whose rules are allowed.
pub fn alternative(score: &Score, strict: bool) -> Option<(Score, Stats)> {
    let mut stats = Stats::default();
    let mut other: Option<Score> = None;
    for pass in CHOICES {
        other = run(pass, other.as_ref().unwrap_or(score), weakest(strict), &mut stats).or(other);
    }
    let other = other?;
    let (optimized, more) = optimize(&other, strict);
    stats.runs.extend(more.runs);
    Some((optimized.into_owned(), stats))
}

/// Runs the passes with the rules whose class is allowed: all of them, or only the exact ones under `strict`.
pub fn optimize(score: &Score, strict: bool) -> (Cow<'_, Score>, Stats) {
    let weakest = weakest(strict);
    let mut score = Cow::Borrowed(score);
    let mut stats = Stats::default();
    // how many runs have rewritten something, and that number when each pass last ran
    let mut changes = 0_usize;
    let mut seen: Vec<Option<usize>> = vec![None; PASSES.len()];
    while let Some(next) = (0..PASSES.len()).find(|&next| seen[next] != Some(changes)) {
        let pass = &PASSES[next];
        seen[next] = Some(changes);
        if stats.runs.len() >= FUEL {
            continue;
        }
        if let Some(new) = run(pass, &score, weakest, &mut stats) {
            changes += 1;
            // what it leaves is as it wants it
            seen[next] = Some(changes);
            score = Cow::Owned(new);
        }
    }
    for pass in FINISH {
        if let Some(new) = run(pass, &score, weakest, &mut stats) {
            score = Cow::Owned(new);
        }
    }
    (score, stats)
}

/// Runs a pass with the rules that are allowed; `None` if there was nothing to do.
fn run(pass: &Pass, score: &Score, weakest: Class, stats: &mut Stats) -> Option<Score> {
    let allowed = pass.rules.iter().any(|rule| rule.class <= weakest);
    if !allowed || !score.ids().any(|id| (pass.concerns)(score, score.expr(id))) {
        return None;
    }
    let mut ledger = Ledger::new(weakest);
    let new = (pass.run)(score, &mut ledger);
    debug_assert_eq!(new.verify(), Ok(()), "after the pass `{}`:\n{new}", pass.name);
    if ledger.is_empty() {
        return None;
    }
    let (before, after) = (score.needed(), new.needed());
    stats.runs.push(Run { pass: pass.name, before, after, rewrites: ledger.counts().clone() });
    Some(new)
}
