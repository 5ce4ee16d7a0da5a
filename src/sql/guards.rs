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

use super::dialect::Dialect;
use crate::score::{Const, Expr, Function, Id, Score};
use std::collections::BTreeSet;

/// For every expression: whether it is a CASE whose first arm may leave out tests, and which expressions' tests.
pub struct Implied {
    /// By arena position; empty for most.
    dropped: Vec<Vec<Id>>,
}

impl Implied {
    /// No test is dropped.
    pub fn none(score: &Score) -> Self {
        Implied { dropped: vec![Vec::new(); score.len()] }
    }

    /// Finds the tests that the dialect makes unnecessary.
    pub fn find(score: &Score, dialect: &dyn Dialect) -> Self {
        let mut implied = Implied::none(score);
        for id in score.ids() {
            if let Expr::Case(arms, otherwise) = score.expr(id)
                && arms[0].value == *otherwise
            {
                let never_true = |test: &Id| arms[1..].iter().all(|arm| false_on_null(score, arm.condition, *test));
                implied.dropped[id.index()] =
                    score.null_tests(arms[0].condition).flatten().filter(|test| never_true(test)).collect();
            }
        }
        if !dialect.capabilities().null_arithmetic_voids_item {
            return implied;
        }
        let observed = observed(score);
        for id in score.ids() {
            if observed[id.index()] || !implied.dropped[id.index()].is_empty() {
                continue;
            }
            let Expr::Case(arms, otherwise) = score.expr(id) else { continue };
            if !matches!(score.constant(arms[0].value), Some(Const::Null(_))) {
                continue;
            }
            let next = arms.get(1).map_or(*otherwise, |arm| arm.condition);
            let voided = voided(score, next);
            implied.dropped[id.index()] =
                score.null_tests(arms[0].condition).flatten().filter(|source| voided.contains(source)).collect();
        }
        implied
    }

    /// The expressions whose test the first arm of this CASE leaves out.
    pub fn of(&self, case: Id) -> &[Id] {
        &self.dropped[case.index()]
    }
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
fn observed(score: &Score) -> Vec<bool> {
    let mut observed = vec![false; score.len()];
    for id in score.ids().rev() {
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
fn voided(score: &Score, id: Id) -> BTreeSet<Id> {
    let mut at = id;
    let mut found = BTreeSet::new();
    loop {
        match score.expr(at) {
            // the first condition of a junction is always evaluated
            Expr::And(list) | Expr::Or(list) => at = list[0],
            Expr::Not(inner) => at = *inner,
            Expr::Compare(_, a, b) => {
                by_arithmetic(score, *a, &mut found);
                let mut right = BTreeSet::new();
                by_arithmetic(score, *b, &mut right);
                // a left side that is NULL decides the comparison: the right one is not evaluated then
                let left = score.null_sources(*a);
                found.extend(right.into_iter().filter(|source| !left.contains(source)));
                return found;
            }
            _ => {
                by_arithmetic(score, at, &mut found);
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
fn by_arithmetic(score: &Score, id: Id, found: &mut BTreeSet<Id>) {
    let mut stack = vec![(id, false, true)];
    let mut seen = BTreeSet::new();
    while let Some((id, null_voids, exception_voids)) = stack.pop() {
        if !score.nullable(id) || !seen.insert((id, null_voids, exception_voids)) {
            continue;
        }
        match score.expr(id) {
            Expr::Input(_) | Expr::Case(..) if null_voids => found.extend(score.null_sources(id)),
            Expr::Sum(_) | Expr::Product(_) | Expr::Call(Function::Divide, _) => {
                score.expr(id).operands(|operand| stack.push((operand, exception_voids, exception_voids)));
            }
            Expr::Call(function, list) if !matches!(function, Function::Coalesce | Function::Max) => {
                for &argument in list {
                    let caught = matches!(score.expr(argument), Expr::Call(inner, _) if *inner != Function::Divide);
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
    use crate::score::{Comparison, Input, Output, Term};
    use crate::sql::dialect::KsqlDb;

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
        s.outputs.push(Output { name: "LABEL".into(), root, about: String::new() });
        s.verify().unwrap();
        !Implied::find(&s, &KsqlDb).of(root).is_empty()
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
        // an inner call catches the exception of its argument's arithmetic
        assert!(!dropped(|s, a| {
            let z = s.scale(2.0, a);
            let inner = s.call(Function::Abs, vec![z]);
            s.call(Function::Exp, vec![inner])
        }));
    }
}
