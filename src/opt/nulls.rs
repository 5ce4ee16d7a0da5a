//! Tests for NULL that an enclosing test has decided.

use super::{Class, Ledger, Pass, Rule};
use crate::score::{Arm, Expr, Facts, Id, Rebuild, Score};

pub(super) const PASS: Pass =
    Pass { name: "nulls", rules: &[&PRESENT], concerns: |_, expr| matches!(expr, Expr::IsNull(_)), run };

const PRESENT: Rule = Rule {
    name: "present",
    class: Class::Exact,
    equation: "x IS NULL = FALSE in an arm behind a test of x: CASE WHEN x IS NULL THEN a WHEN … x IS NULL … END",
};

fn run(score: &Score, ledger: &mut Ledger) -> Score {
    Rebuild::new(score).run(|pass, _, expr| match expr {
        Expr::Case(arms, otherwise) => {
            let arms: Vec<Arm> =
                arms.iter().map(|arm| Arm { condition: pass.get(arm.condition), value: pass.get(arm.value) }).collect();
            let otherwise = pass.get(*otherwise);
            Some(simplify(&mut pass.new, &arms, otherwise, ledger))
        }
        _ => None,
    })
}

/// Goes down the arms with what is known; a condition that only repeats what is known is FALSE, and a CASE directly
/// below a value is simplified by what is known there.
fn simplify(score: &mut Score, arms: &[Arm], otherwise: Id, ledger: &mut Ledger) -> Id {
    let mut facts = Facts::default();
    let mut list = Vec::with_capacity(arms.len());
    for arm in arms {
        let condition = decided(score, &facts, arm.condition);
        ledger.count(&PRESENT, usize::from(condition != arm.condition));
        let mut inside = facts.clone();
        inside.assume(score, condition, true);
        let value = below(score, &inside, arm.value, ledger);
        list.push(Arm { condition, value });
        facts.assume(score, condition, false);
    }
    let otherwise = below(score, &facts, otherwise, ledger);
    score.case(list, otherwise)
}

fn below(score: &mut Score, facts: &Facts, value: Id, ledger: &mut Ledger) -> Id {
    if facts.present.is_empty() {
        return value;
    }
    let Expr::Case(arms, otherwise) = score.expr(value) else { return value };
    let (arms, otherwise) = (arms.clone(), *otherwise);
    let arms: Vec<Arm> =
        arms.iter().map(|arm| Arm { condition: decided(score, facts, arm.condition), ..*arm }).collect();
    let simpler = score.case(arms, otherwise);
    // what is known may be about the CASE as it was
    if facts.may_be_null(score, simpler) && !facts.may_be_null(score, value) {
        return value;
    }
    ledger.count(&PRESENT, usize::from(simpler != value));
    simpler
}

/// The condition without the tests for NULL that are known to fail.
fn decided(score: &mut Score, facts: &Facts, condition: Id) -> Id {
    match score.expr(condition) {
        Expr::IsNull(inner) if facts.present.contains(inner) => score.boolean(false),
        Expr::Or(list) => {
            let known = |id: &Id| matches!(score.expr(*id), Expr::IsNull(inner) if facts.present.contains(inner));
            let rest: Vec<Id> = list.iter().filter(|id| !known(id)).copied().collect();
            score.or(rest)
        }
        _ => condition,
    }
}
