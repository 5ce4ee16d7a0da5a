//! Comparisons: of scores as comparisons of margins, with constants moved to one side.
//!
//! A comparison with a constant is *solved*: what is done to the left side is undone on both, as long as that is
//! monotone. So a label needs no exponential, and a threshold on a probability is one on a margin. Constants are computed
//! in extended precision and rounded once; near the boundary the original rounds too, which is what class ulp says.

use super::extended::Extended;
use super::inverse;
use super::{Class, Ledger, Pass, Rule};
use crate::score::{Comparison, Expr, Function, Id, Rebuild, Score, Term};

pub(super) const PASS: Pass = Pass {
    name: "compare",
    rules: &[&RANGE, &LINK, &LINKS, &SOFTMAX, &LARGEST, &DIFFERENCE, &SIGN, &SHIFT, &FACTOR],
    concerns: |_, expr| matches!(expr, Expr::Compare(..) | Expr::Call(Function::OfLargest, _)),
    run,
};

const RANGE: Rule = Rule {
    name: "range",
    class: Class::Exact,
    equation: "a > b = FALSE where a's largest value is not above b's smallest; TRUE likewise if neither may be NaN",
};
const LINK: Rule = Rule {
    name: "link",
    class: Class::Ulp,
    equation: "f(z) >= p = z >= f⁻¹(p) for an increasing f: sigmoid, exp, tanh, ln, sqrt, the normal distribution, …",
};
const LINKS: Rule = Rule { name: "links", class: Class::Ulp, equation: "sigmoid(a) > sigmoid(b) = a > b" };
const SOFTMAX: Rule = Rule { name: "softmax", class: Class::Ulp, equation: "softmax(x)_i > softmax(x)_j = x_i > x_j" };
const LARGEST: Rule = Rule {
    name: "largest",
    class: Class::Ulp,
    equation: "the largest of f(x), f(y), … is that of x, y, …, for f increasing everywhere, a softmax, or what adds one term",
};
const DIFFERENCE: Rule = Rule {
    name: "difference",
    class: Class::Ulp,
    equation: "a > b = a - b > 0 for sums a and b: their weights are subtracted once, not per row",
};
const SIGN: Rule = Rule {
    name: "sign",
    class: Class::Exact,
    equation: "S + k > 0 = S > -k for a sum that nothing else uses: a rounded sum has the sign of the exact one",
};
const SHIFT: Rule =
    Rule { name: "shift", class: Class::Ulp, equation: "S + k > t = S > t - k for a sum that nothing else uses" };
const FACTOR: Rule = Rule {
    name: "factor",
    class: Class::Ulp,
    equation: "c x > t = x > t / c for c > 0, x < t / c for c < 0; for t = 0 only if |c| >= 1, so that nothing underflows",
};

fn run(score: &Score, ledger: &mut Ledger) -> Score {
    let ranges = score.ranges();
    let uses = score.uses();
    Rebuild::new(score).run(|pass, _, expr| {
        if let Expr::Call(Function::OfLargest, list) = expr {
            let list = list.iter().map(|&argument| pass.get(argument)).collect();
            return Some(of_largest(&mut pass.new, list, ledger));
        }
        let Expr::Compare(comparison, old_a, old_b) = expr else { return None };
        let (range, other) = (ranges[old_a.index()], ranges[old_b.index()]);
        if let Some(truth) = range.decide(*comparison, other) {
            ledger.count(&RANGE, 1);
            return Some(pass.new.boolean(truth));
        }
        let (mut a, mut b) = (pass.get(*old_a), pass.get(*old_b));
        if *comparison == Comparison::Equal || a == b {
            return None;
        }
        let mut comparison = *comparison;
        let mut old = *old_a;
        if pass.new.constant(a).is_some() {
            (a, b) = (b, a);
            comparison = comparison.flipped();
            old = *old_b;
        }
        let score = &mut pass.new;
        if let Some(bound) = score.double_value(b) {
            let solver = Solver { old: pass.old, uses: &uses, own: Some(old), ledger };
            return Some(solver.solve(score, comparison, a, bound));
        }
        if ledger.allows(&LINKS)
            && let (Expr::Call(Function::Sigmoid, x), Expr::Call(Function::Sigmoid, y)) = (score.expr(a), score.expr(b))
        {
            (a, b) = (x[0], y[0]);
            ledger.count(&LINKS, 1);
            // sigmoid(z) > sigmoid(-z)
            if score.negate(a) == b || score.negate(b) == a {
                let zero = score.double(0.0);
                return Some(score.compare(comparison, a, zero));
            }
        }
        if ledger.allows(&SOFTMAX)
            && let Some(margins) = unwrapped(score, &[a, b], true)
        {
            (a, b) = (margins[0], margins[1]);
            ledger.count(&SOFTMAX, 1);
        }
        let is_sum = |id| matches!(score.expr(id), Expr::Sum(_));
        if ledger.allows(&DIFFERENCE) && is_sum(a) && is_sum(b) {
            ledger.count(&DIFFERENCE, 1);
            let difference = score.sum([Term::new(1.0, a), Term::new(-1.0, b)]);
            b = score.double(0.0);
            return Some(score.compare(comparison, difference, b));
        }
        Some(score.compare(comparison, a, b))
    })
}

/// The value of the largest, with what all scores have around them taken away.
fn of_largest(score: &mut Score, mut list: Vec<Id>, ledger: &mut Ledger) -> Id {
    let values = list.split_off(list.len() / 2);
    while ledger.allows(&LARGEST)
        && let Some(inner) = unwrapped(score, &list, false)
    {
        list = inner;
        ledger.count(&LARGEST, 1);
    }
    list.extend(values);
    score.call(Function::OfLargest, list)
}

/// What is inside of scores that are all the same increasing function of something.
fn unwrapped(score: &Score, scores: &[Id], softmax_only: bool) -> Option<Vec<Id>> {
    // a function of one argument, the others of a softmax, or the term that is added
    #[derive(PartialEq)]
    enum Around<'a> {
        Function(Function),
        Softmax(&'a [Id]),
        Added(Term),
    }
    let read = |id: Id| match score.expr(id) {
        Expr::Call(Function::Softmax, list) => Some((Around::Softmax(&list[1..]), list[0])),
        _ if softmax_only => None,
        Expr::Call(function, list) if inverse::is_increasing_everywhere(*function) => {
            Some((Around::Function(*function), list[0]))
        }
        Expr::Sum(terms) => match terms.as_slice() {
            [Term { coefficient: 1.0, factor: Some(factor), .. }, added] => Some((Around::Added(*added), *factor)),
            _ => None,
        },
        _ => None,
    };
    let (first, _) = read(*scores.first()?)?;
    let inner = |&id: &Id| read(id).and_then(|(around, inner)| (around == first).then_some(inner));
    scores.iter().map(inner).collect()
}

/// Undoes on both sides what is done to the left one.
struct Solver<'a> {
    old: &'a Score,
    uses: &'a [u32],
    /// The left side in the old arena, as long as it is known that nothing else uses it.
    own: Option<Id>,
    ledger: &'a mut Ledger,
}

impl Solver<'_> {
    fn solve(mut self, score: &mut Score, mut comparison: Comparison, mut a: Id, mut bound: f64) -> Id {
        loop {
            self.own = self.own.filter(|own| self.uses[own.index()] <= 1);
            match score.expr(a) {
                Expr::Call(function, list) if self.ledger.allows(&LINK) => {
                    let Some(inverse) = inverse::inverse(*function, comparison, bound) else { break };
                    (a, bound) = (list[0], inverse);
                    self.ledger.count(&LINK, 1);
                    self.own = self.own.and_then(|own| match self.old.expr(own) {
                        Expr::Call(_, list) => Some(list[0]),
                        _ => None,
                    });
                }
                Expr::Sum(terms) => {
                    let terms = terms.clone();
                    let Some(moved) = self.shift(score, &terms, bound).or_else(|| self.factor(score, &terms, bound))
                    else {
                        break;
                    };
                    (a, bound) = (moved.a, moved.bound);
                    if moved.flipped {
                        comparison = comparison.flipped();
                    }
                }
                _ => break,
            }
        }
        let bound = score.double(bound);
        score.compare(comparison, a, bound)
    }

    /// Whether a sum may be changed: if nothing else uses it, or if that leads to the argument of an increasing function.
    fn may_change(&self, score: &Score, terms: &[Term]) -> bool {
        let mut factors = terms.iter().filter_map(|term| term.factor);
        let increasing =
            |id: Id| matches!(score.expr(id), Expr::Call(function, _) if inverse::is_increasing(*function));
        // what can be folded is folded before
        let plain = |id: Id| {
            !matches!(
                score.expr(id),
                Expr::Sum(_) | Expr::Product(_) | Expr::Call(Function::Divide, _) | Expr::Const(_)
            )
        };
        let single = factors.clone().count() == 1 && factors.clone().all(increasing);
        (self.own.is_some() || single) && factors.all(plain)
    }

    /// The one constant goes to the other side.
    fn shift(&mut self, score: &mut Score, terms: &[Term], bound: f64) -> Option<Moved> {
        let rest: Vec<Term> = terms.iter().filter(|term| term.factor.is_some()).copied().collect();
        let constant = terms.iter().find(|term| term.factor.is_none())?.coefficient;
        let last = terms.last().is_some_and(|term| term.factor.is_none());
        let rule = if bound == 0.0 && last { &SIGN } else { &SHIFT };
        let moved = Extended::new(bound).add(Extended::new(-constant)).round();
        let fits = rest.len() + 1 == terms.len() && !rest.is_empty() && moved.is_finite();
        if !fits || !self.ledger.allows(rule) || !self.may_change(score, terms) {
            return None;
        }
        self.ledger.count(rule, 1);
        // a term of coefficient 1 is its factor
        if let [Term { coefficient: 1.0, .. }] = rest.as_slice() {
            self.down();
        }
        Some(Moved { a: score.sum(rest), bound: moved + 0.0, flipped: false })
    }

    /// The coefficient of the one term divides the other side.
    fn factor(&mut self, score: &Score, terms: &[Term], bound: f64) -> Option<Moved> {
        let &[Term { coefficient, factor: Some(factor), .. }] = terms else { return None };
        let moved = Extended::new(bound).over(Extended::new(coefficient)).round();
        let keeps_sign = if bound == 0.0 { coefficient.abs() >= 1.0 } else { moved.is_normal() };
        let fits = coefficient != 0.0 && coefficient.is_finite() && keeps_sign;
        if !fits || !self.ledger.allows(&FACTOR) || !self.may_change(score, terms) {
            return None;
        }
        self.ledger.count(&FACTOR, 1);
        self.down();
        Some(Moved { a: factor, bound: moved + 0.0, flipped: coefficient < 0.0 })
    }

    /// The left side is now what was the only factor of a sum.
    fn down(&mut self) {
        self.own = self.own.and_then(|own| match self.old.expr(own) {
            Expr::Sum(terms) => match terms.iter().filter_map(|term| term.factor).collect::<Vec<_>>().as_slice() {
                [only] => Some(*only),
                _ => None,
            },
            _ => None,
        });
    }
}

/// A comparison after one step; its bound is not −0.
struct Moved {
    a: Id,
    bound: f64,
    flipped: bool,
}
