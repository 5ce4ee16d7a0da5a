//! Tests for NULL that an engine makes unnecessary.
//!
//! In ksqlDB an arithmetic operation on NULL makes the whole SELECT item NULL, even inside a condition (recorded:
//! `CASE WHEN 1.5E0 * A > 0E0 THEN 'yes' ELSE 'no' END` is NULL for A NULL; `CASE WHEN A > 0E0 …` is not). So in
//! `CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN 2 * a + b > 0 THEN … END` the first arm says what happens anyway, and
//! the text is half as long without it. A test is dropped only if the operation on its operand is certainly evaluated
//! next: it stands in the following condition, not behind an AND or OR, or in ELSE; and only if nothing above would see
//! the NULL as a value (`IS NULL`, COALESCE).
//!
//! On any engine, `CASE WHEN s IS NULL THEN v WHEN s = 'a' THEN … ELSE v END` needs no test either: a comparison with NULL
//! is never true, so that NULL falls to ELSE.
//!
//! A value that is bound to a name is a bare value: a NULL in its arithmetic makes it NULL and voids nothing, so that its
//! readers keep their tests. But it is NULL exactly where one of its null sources is, so that one test of it does for all
//! of theirs; unless it is a function that skips NULL, which has a value there.

use super::lets::Lets;
use crate::score::{Const, Expr, Function, Id, Output, Score};
use crate::sql::dialect::Dialect;
use std::collections::{BTreeMap, BTreeSet};

/// What the first arm of a CASE tests instead of what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    /// Expressions that need no test.
    pub dropped: Vec<Id>,
    /// Bound values that are tested in place of dropped ones.
    pub added: Vec<Id>,
}

/// The tests of the CASEs of an item that may leave some out.
#[derive(Clone, Debug, Default)]
pub struct Implied {
    tests: BTreeMap<Id, Tests>,
}

impl Implied {
    /// Finds the tests of an output that the dialect and the bindings make unnecessary; `ids` is everything that it needs,
    /// operands first.
    pub fn find(score: &Score, dialect: &dyn Dialect, output: &Output, ids: &[Id], lets: &Lets) -> Self {
        let mut implied = Implied::default();
        for &id in ids {
            if let Expr::Case(arms, otherwise) = score.expr(id)
                && arms[0].value == *otherwise
            {
                let never_true = |test: &Id| arms[1..].iter().all(|arm| false_on_null(score, arm.condition, *test));
                let tested = score.null_tests(arms[0].condition).flatten();
                implied.drop(id, tested.filter(|test| never_true(test)).collect());
            }
        }
        if dialect.capabilities().null_arithmetic_voids_item {
            implied.by_voiding(score, ids, lets);
        }
        if !lets.is_empty() {
            let needs = score.needs(|function| dialect.skips_null(function));
            let strict = needs.iter().map(BTreeSet::is_empty).collect::<Vec<_>>();
            implied.by_bindings(score, output, ids, lets, &strict);
        }
        implied
    }

    fn drop(&mut self, case: Id, dropped: Vec<Id>) {
        if !dropped.is_empty() {
            self.tests.entry(case).or_default().dropped.extend(dropped);
        }
    }

    fn by_voiding(&mut self, score: &Score, ids: &[Id], lets: &Lets) {
        let observed = observed(score, ids);
        for &id in ids {
            if observed[id.index()] || self.tests.contains_key(&id) {
                continue;
            }
            let Expr::Case(arms, otherwise) = score.expr(id) else { continue };
            if !matches!(score.constant(arms[0].value), Some(Const::Null(_))) {
                continue;
            }
            let next = arms.get(1).map_or(*otherwise, |arm| arm.condition);
            let voided = voided(score, next, lets);
            let tested = score.null_tests(arms[0].condition).flatten();
            self.drop(id, tested.filter(|source| voided.contains(source)).collect());
        }
    }

    /// `WHEN a IS NULL OR b IS NULL OR c IS NULL` before a value bound to `2 * a + b` is `WHEN c IS NULL OR _Z IS NULL`.
    fn by_bindings(&mut self, score: &Score, output: &Output, ids: &[Id], lets: &Lets, strict: &[bool]) {
        let values = |below: &[Id]| -> Vec<Id> {
            names(score, lets, below.iter().copied()).into_iter().filter(|name| strict[name.index()]).collect()
        };
        if let Some(missing) = output.missing {
            self.by_binding(score, missing, missing, &values(&output.roots));
        }
        for &id in ids {
            let Expr::Case(arms, otherwise) = score.expr(id) else { continue };
            let rest = arms[1..].iter().flat_map(|arm| [arm.condition, arm.value]).chain([*otherwise]);
            self.by_binding(score, id, arms[0].condition, &values(&rest.collect::<Vec<_>>()));
        }
    }

    /// Of the tests of `condition`, kept under `at`, those that these bound values, which are read behind it, do for.
    fn by_binding(&mut self, score: &Score, at: Id, condition: Id, values: &[Id]) {
        let before = self.tests.get(&at).cloned().unwrap_or_default();
        let mut tested: BTreeSet<Id> = score.null_tests(condition).flatten().collect();
        if tested.len() < 2 {
            return;
        }
        before.dropped.iter().for_each(|dropped| {
            tested.remove(dropped);
        });
        let mut tests = Tests::default();
        for &value in values {
            let sources = score.null_sources(value);
            let replaced: Vec<Id> = sources.iter().copied().filter(|source| tested.contains(source)).collect();
            let all = sources.iter().all(|s| tested.contains(s) || tests.dropped.contains(s));
            if all && replaced.len() > 1 {
                replaced.iter().for_each(|source| {
                    tested.remove(source);
                });
                tests.dropped.extend(replaced);
                tests.added.push(value);
            }
        }
        if !tests.added.is_empty() {
            tests.dropped.extend(before.dropped);
            self.tests.insert(at, tests);
        }
    }

    /// What changes in the tests of the first arm of this CASE, or of an output's test for what is missing.
    pub fn of(&self, case: Id) -> Option<&Tests> {
        self.tests.get(&case)
    }
}

/// The bound values that are read below these expressions.
pub(super) fn names(score: &Score, lets: &Lets, below: impl Iterator<Item = Id>) -> BTreeSet<Id> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut stack: Vec<Id> = below.collect();
    while let Some(id) = stack.pop() {
        if lets.binds(id) {
            found.insert(id);
        } else if seen.insert(id) {
            score.expr(id).operands(|operand| stack.push(operand));
        }
    }
    found
}

/// Whether the condition cannot be true where the input is NULL: it compares it with something.
fn false_on_null(score: &Score, condition: Id, input: Id) -> bool {
    let compares = |id: Id| match score.expr(id) {
        Expr::Compare(_, a, b) => (*a == input || *b == input) && matches!(score.expr(input), Expr::Input(_)),
        _ => false,
    };
    match score.expr(condition) {
        Expr::And(list) => list.iter().any(|&item| compares(item)),
        Expr::Or(list) => list.iter().all(|&item| compares(item)),
        _ => compares(condition),
    }
}

/// Expressions whose NULL would be seen as a value by something above them, at any distance.
fn observed(score: &Score, ids: &[Id]) -> Vec<bool> {
    let mut observed = vec![false; score.len()];
    for &id in ids.iter().rev() {
        let here = observed[id.index()];
        let observes = match score.expr(id) {
            Expr::IsNull(_) | Expr::Call(Function::Coalesce, _) => true,
            _ => here,
        };
        if observes {
            score.expr(id).operands(|operand| observed[operand.index()] = true);
        }
    }
    observed
}

/// The null sources that void the item when this condition, or number, is evaluated.
fn voided(score: &Score, id: Id, lets: &Lets) -> BTreeSet<Id> {
    let mut at = id;
    let mut found = BTreeSet::new();
    loop {
        match score.expr(at) {
            // the first condition of a junction is always evaluated
            Expr::And(list) | Expr::Or(list) => at = list[0],
            Expr::Not(inner) => at = *inner,
            Expr::Compare(_, a, b) => {
                by_arithmetic(score, *a, lets, &mut found);
                let mut right = BTreeSet::new();
                by_arithmetic(score, *b, lets, &mut right);
                // a left side that is NULL decides the comparison: the right one is not evaluated then
                let left = score.null_sources(*a);
                found.extend(right.into_iter().filter(|source| !left.contains(source)));
                return found;
            }
            _ => {
                by_arithmetic(score, at, lets, &mut found);
                return found;
            }
        }
    }
}

/// Adds the sources below `id` whose NULL voids the item.
///
/// Going down, two things are known of an operand: whether its being NULL voids the item, and whether an exception in it
/// does. An arithmetic operation turns a NULL operand into an exception. A call passes NULL on; an exception in an
/// argument passes through it, but for an argument that is itself a call or a CAST: there the engine catches it and goes
/// on with NULL.
fn by_arithmetic(score: &Score, id: Id, lets: &Lets, found: &mut BTreeSet<Id>) {
    let mut stack = vec![(id, false, true)];
    let mut seen = BTreeSet::new();
    while let Some((id, null_voids, exception_voids)) = stack.pop() {
        if !score.nullable(id) || !seen.insert((id, null_voids, exception_voids)) {
            continue;
        }
        if lets.binds(id) {
            if null_voids {
                found.extend(score.null_sources(id));
            }
            continue;
        }
        match score.expr(id) {
            Expr::Input(_) | Expr::Case(..) if null_voids => found.extend(score.null_sources(id)),
            Expr::Sum(_) | Expr::Product(_) => {
                score.expr(id).operands(|operand| stack.push((operand, exception_voids, exception_voids)));
            }
            Expr::Call(function, list) if function.is_arithmetic() => {
                stack.extend(list.iter().map(|&operand| (operand, exception_voids, exception_voids)));
            }
            // a CAST catches what fails inside of it
            Expr::Call(Function::ToDouble | Function::ToBigint, list) => stack.push((list[0], null_voids, null_voids)),
            Expr::Call(function, list) if !matches!(function, Function::Coalesce | Function::Max) => {
                for &argument in list {
                    let caught = matches!(score.expr(argument), Expr::Call(inner, _) if !inner.is_arithmetic());
                    stack.push((argument, null_voids, if caught { null_voids } else { exception_voids }));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Type;
    use crate::score::{Comparison, Input, Term};
    use crate::sql::dialect;

    /// `CASE WHEN a IS NULL THEN NULL WHEN z > 0 THEN 'yes' ELSE 'no' END`; whether the test is dropped.
    fn dropped(margin: impl Fn(&mut Score, Id) -> Id) -> bool {
        compared(margin, |s, _| s.double(0.0))
    }

    /// The same for `left > right`.
    fn compared(left: impl Fn(&mut Score, Id) -> Id, right: impl Fn(&mut Score, Id) -> Id) -> bool {
        let mut s = Score::new(vec![Input { name: "a".into(), ty: Type::Double, nullable: true, nan: true }]);
        let a = s.input(0);
        let (z, other) = (left(&mut s, a), right(&mut s, a));
        let positive = s.compare(Comparison::Greater, z, other);
        let (yes, no, null) = (s.text("yes"), s.text("no"), s.null(Type::String));
        let inner = s.choose(positive, yes, no);
        let missing = s.is_null(a);
        let root = s.choose(missing, null, inner);
        s.outputs.push(Output::scalar("LABEL", root, ""));
        s.verify().unwrap();
        let ids: Vec<Id> = s.ids().collect();
        Implied::find(&s, dialect::default(), &s.outputs[0], &ids, &Lets::default()).of(root).is_some()
    }

    #[test]
    fn arithmetic_on_null_voids_the_item_but_a_bare_column_or_a_call_does_not() {
        // recorded on a server: `CASE WHEN 1.5E0 * A > 0E0 …` is NULL for A NULL, `CASE WHEN A > 0E0 …` is not
        assert!(dropped(|s, a| s.sum([Term::new(1.5, a)])));
        assert!(dropped(|s, a| s.negate(a)));
        assert!(!dropped(|_, a| a));
        assert!(!dropped(|s, a| s.call(Function::Exp, vec![a])));
        assert!(dropped(|s, a| {
            let e = s.call(Function::Exp, vec![a]);
            s.scale(2.0, e)
        }));
        // `a > 0 - 2 a`: the left side is NULL, and the right one never evaluated
        assert!(!compared(|_, a| a, |s, a| s.scale(-2.0, a)));
        // so does a CAST
        assert!(!dropped(|s, a| {
            let z = s.scale(2.0, a);
            let integer = s.call(Function::ToBigint, vec![z]);
            s.call(Function::ToDouble, vec![integer])
        }));
        // an inner call catches the exception of its argument's arithmetic
        assert!(!dropped(|s, a| {
            let z = s.scale(2.0, a);
            let inner = s.call(Function::Abs, vec![z]);
            s.call(Function::Exp, vec![inner])
        }));
    }
}
