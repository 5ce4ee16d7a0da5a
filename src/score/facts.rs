//! Facts about expressions: which may be NULL and why, how often each is used.
//!
//! A *null source* is an expression whose being NULL is not explained by an operand: a nullable input, a NULL constant, a
//! CASE or COALESCE that may be NULL. A CASE that says `WHEN x IS NULL OR y IS NULL THEN NULL` first, and is not NULL
//! otherwise, is explained by x and y and no source itself. Any NULL-strict expression is NULL exactly when one of its sources is.

use super::{Arm, Const, Expr, Function, Id, Score};
use std::collections::BTreeSet;

/// Facts that hold where an expression is evaluated: sources known not to be NULL there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Expressions that are not NULL.
    pub present: BTreeSet<Id>,
}

impl Score {
    /// The null sources of an expression, in order of first occurrence. Booleans have none.
    pub fn null_sources(&self, id: Id) -> Vec<Id> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            if !self.nullable(id) || !seen.insert(id) {
                continue;
            }
            match self.expr(id) {
                Expr::Case(..) if self.explained.contains_key(&id) => stack.extend(self.explained[&id].iter().rev()),
                Expr::Const(_) | Expr::Input(_) | Expr::Case(..) | Expr::Call(Function::Coalesce, _) => found.push(id),
                expr => {
                    let start = stack.len();
                    expr.operands(|operand| stack.push(operand));
                    stack[start..].reverse();
                }
            }
        }
        found
    }

    /// For every expression the inputs whose being NULL makes it NULL, as sorted sets.
    ///
    /// `CASE` asks its conditions: an arm whose condition tests an input for NULL is what that input's NULL chooses.
    pub fn voided_by(&self) -> Vec<BTreeSet<u32>> {
        let mut sets: Vec<BTreeSet<u32>> = Vec::with_capacity(self.len());
        for id in self.ids() {
            let mut set = BTreeSet::new();
            match self.expr(id) {
                Expr::Input(number) => {
                    set.insert(*number);
                }
                Expr::Case(arms, otherwise) => {
                    let voids = |value: Id, input: u32| {
                        matches!(self.expr(value), Expr::Const(Const::Null(_))) || sets[value.index()].contains(&input)
                    };
                    let mut decided = BTreeSet::new();
                    for (at, arm) in arms.iter().enumerate() {
                        for input in self.inputs_tested_for_null(arm.condition) {
                            // an arm before it may be taken whatever the input is
                            let before = arms[..at].iter().all(|before| voids(before.value, input));
                            if decided.insert(input) && before && voids(arm.value, input) {
                                set.insert(input);
                            }
                        }
                    }
                    let everywhere =
                        sets[otherwise.index()].iter().filter(|&&input| arms.iter().all(|arm| voids(arm.value, input)));
                    set.extend(everywhere.filter(|input| !decided.contains(input)));
                }
                Expr::Call(Function::Coalesce, list) => {
                    let (first, rest) = (&sets[list[0].index()], &list[1..]);
                    set.extend(first.iter().filter(|input| rest.iter().all(|id| sets[id.index()].contains(input))));
                }
                Expr::Const(_) | Expr::IsNull(_) | Expr::Compare(..) | Expr::And(_) | Expr::Or(_) | Expr::Not(_) => {}
                Expr::Sum(_) | Expr::Product(_) | Expr::Call(..) => {
                    self.expr(id).operands(|operand| set.extend(sets[operand.index()].iter().copied()));
                }
            }
            sets.push(set);
        }
        sets
    }

    /// The inputs `x` for which the condition is `x IS NULL`, or a disjunction with it.
    fn inputs_tested_for_null(&self, condition: Id) -> Vec<u32> {
        let inputs = self.null_tests(condition).flatten().filter_map(|id| match self.expr(id) {
            Expr::Input(number) => Some(*number),
            _ => None,
        });
        inputs.collect()
    }

    /// The parts of a disjunction (or the condition alone): what each tests for NULL, `None` for a part that does not.
    pub fn null_tests(&self, condition: Id) -> impl Iterator<Item = Option<Id>> {
        let parts = match self.expr(condition) {
            Expr::Or(list) => list.clone(),
            _ => vec![condition],
        };
        parts.into_iter().map(|id| match self.expr(id) {
            Expr::IsNull(inner) => Some(*inner),
            _ => None,
        })
    }

    /// Everything that some expressions need and themselves, operands before users.
    pub fn reachable(&self, roots: &[Id]) -> Vec<Id> {
        let mut seen = vec![false; roots.iter().map(|root| root.index() + 1).max().unwrap_or(0)];
        let mut found = Vec::new();
        for &root in roots {
            if !std::mem::replace(&mut seen[root.index()], true) {
                found.push(root);
            }
        }
        let mut next = 0;
        while next < found.len() {
            let id = found[next];
            next += 1;
            self.expr(id).operands(|operand| {
                if !std::mem::replace(&mut seen[operand.index()], true) {
                    found.push(operand);
                }
            });
        }
        found.sort_unstable();
        found
    }

    /// How often each expression is used by expressions that the roots need; roots count as one use each.
    pub fn uses(&self) -> Vec<u32> {
        let mut uses = vec![0u32; self.len()];
        for root in self.roots() {
            uses[root.index()] = uses[root.index()].saturating_add(1);
        }
        for id in self.ids().rev() {
            if uses[id.index()] > 0 {
                self.expr(id).operands(|operand| uses[operand.index()] = uses[operand.index()].saturating_add(1));
            }
        }
        uses
    }

    /// How many expressions the roots need.
    pub fn needed(&self) -> usize {
        self.uses().into_iter().filter(|&uses| uses > 0).count()
    }

    pub(super) fn nullable_of(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Const(constant) => matches!(constant, Const::Null(_)),
            Expr::Input(number) => self.inputs[*number as usize].nullable,
            Expr::Sum(terms) => terms.iter().any(|term| term.factor.is_some_and(|factor| self.nullable(factor))),
            Expr::Product(list) => list.iter().any(|&factor| self.nullable(factor)),
            Expr::Call(Function::IsNan, _) => false,
            Expr::Call(Function::Coalesce, list) => list.iter().all(|&argument| self.nullable(argument)),
            Expr::Call(_, list) => list.iter().any(|&argument| self.nullable(argument)),
            Expr::Compare(..) | Expr::And(_) | Expr::Or(_) | Expr::Not(_) | Expr::IsNull(_) => false,
            Expr::Case(arms, otherwise) => self.case_nullable(arms, *otherwise),
        }
    }

    /// What the first arm of a CASE tests, if that alone decides whether the CASE is NULL.
    pub(super) fn explanation(&self, expr: &Expr) -> Option<Vec<Id>> {
        let Expr::Case(arms, otherwise) = expr else { return None };
        if !matches!(self.constant(arms[0].value), Some(Const::Null(_))) {
            return None;
        }
        let tested: Vec<Id> = self.null_tests(arms[0].condition).collect::<Option<_>>()?;
        let mut facts = Facts::default();
        facts.assume(self, arms[0].condition, false);
        let missing = self.may_be_null_after(facts, &arms[1..], *otherwise);
        (!missing).then_some(tested)
    }

    fn case_nullable(&self, arms: &[Arm], otherwise: Id) -> bool {
        self.may_be_null_after(Facts::default(), arms, otherwise)
    }

    /// Whether some value of a CASE may be NULL, where these facts hold before its first arm.
    fn may_be_null_after(&self, mut facts: Facts, arms: &[Arm], otherwise: Id) -> bool {
        for arm in arms {
            let mut inside = facts.clone();
            inside.assume(self, arm.condition, true);
            if inside.may_be_null(self, arm.value) {
                return true;
            }
            facts.assume(self, arm.condition, false);
        }
        facts.may_be_null(self, otherwise)
    }
}

impl Facts {
    /// Adds what follows from a condition being true (or false).
    pub fn assume(&mut self, score: &Score, condition: Id, truth: bool) {
        let mut stack = vec![(condition, truth)];
        while let Some((id, truth)) = stack.pop() {
            match score.expr(id) {
                Expr::Not(inner) => stack.push((*inner, !truth)),
                Expr::And(list) if truth => stack.extend(list.iter().map(|&item| (item, true))),
                Expr::Or(list) if !truth => stack.extend(list.iter().map(|&item| (item, false))),
                Expr::IsNull(inner) if !truth => {
                    self.present.insert(*inner);
                    self.present.extend(score.null_sources(*inner));
                }
                _ => {}
            }
        }
    }

    /// Whether the expression may be NULL given these facts.
    pub fn may_be_null(&self, score: &Score, id: Id) -> bool {
        score.nullable(id)
            && !self.present.contains(&id)
            && score.null_sources(id).iter().any(|source| !self.present.contains(source))
    }
}
