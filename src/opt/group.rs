//! Terms of one coefficient: added first and multiplied once.
//!
//! Last of all, since the affine pass would multiply it out again. Rounded coefficients of published models repeat, and so
//! do the weights of a mean.

use super::{Class, Ledger, Pass, Rule};
use crate::score::{Expr, Id, Rebuild, Score, Term};
use std::collections::HashMap;

pub(super) const PASS: Pass = Pass {
    name: "group",
    rules: &[&GROUP],
    concerns: |_, expr| matches!(expr, Expr::Sum(list) if list.len() >= FEWEST),
    run,
};

const GROUP: Rule = Rule {
    name: "group",
    class: Class::Ulp,
    equation: "c x + c y - c z + … = c (x + y - z + …) for sixteen terms and more: a column of unknown type has to be cast \
               inside of the brackets, which costs more than a few products",
};

/// How many terms make a group.
const FEWEST: usize = 16;

fn run(score: &Score, ledger: &mut Ledger) -> Score {
    Rebuild::new(score).run(|pass, _, expr| {
        let Expr::Sum(terms) = expr else { return None };
        let groups = groups(terms);
        if groups.is_empty() {
            return None;
        }
        let mut inner: Vec<Vec<Term>> = vec![Vec::new(); groups.len()];
        // a group stands where its first term stands
        let mut outer: Vec<(Term, Option<usize>)> = Vec::with_capacity(terms.len());
        for term in terms {
            let term = Term { factor: term.factor.map(|factor| pass.get(factor)), ..*term };
            match groups.get(&key(&term)) {
                Some(&group) if term.factor.is_some() => {
                    if inner[group].is_empty() {
                        outer.push((Term { coefficient: term.coefficient.abs(), origin: None, ..term }, Some(group)));
                    }
                    inner[group].push(Term { coefficient: 1.0_f64.copysign(term.coefficient), ..term });
                }
                _ => outer.push((term, None)),
            }
        }
        ledger.count(&GROUP, groups.len());
        let sums: Vec<Id> = inner.into_iter().map(|terms| pass.new.sum(terms)).collect();
        let terms = outer.into_iter().map(|(term, group)| match group {
            Some(group) => Term { factor: Some(sums[group]), ..term },
            None => term,
        });
        Some(pass.new.sum(terms.collect::<Vec<_>>()))
    })
}

fn key(term: &Term) -> u64 {
    term.coefficient.abs().to_bits()
}

/// The coefficients that occur often enough, but for 1, numbered in order of first occurrence.
fn groups(terms: &[Term]) -> HashMap<u64, usize> {
    let mut counts: HashMap<u64, usize> = HashMap::new();
    let factors = || terms.iter().filter(|term| term.factor.is_some() && term.coefficient.abs() != 1.0);
    for term in factors() {
        *counts.entry(key(term)).or_default() += 1;
    }
    let mut groups = HashMap::new();
    for term in factors() {
        if counts[&key(term)] >= FEWEST {
            let next = groups.len();
            groups.entry(key(term)).or_insert(next);
        }
    }
    groups
}
