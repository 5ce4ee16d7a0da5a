//! What must be true of every [`Score`], checked after every pass in tests and debug builds.

use super::{Expr, Facts, Function, Id, Score, Signature};
use crate::schema::Type;
use std::collections::BTreeSet;

impl Score {
    /// Checks order, types and the NULL rule; the first violation in words.
    ///
    /// The NULL rule: a comparison, or `is_nan`, is evaluated only where none of its operands can be NULL. For every
    /// expression the set of sources that it *needs* to be present is computed from below; guards in CASE, AND and OR
    /// take sources out of it; at a root it must be empty.
    pub fn verify(&self) -> Result<(), String> {
        self.well_formed()?;
        let needs = self.needs(|_| false);
        for root in self.roots() {
            if let Some(source) = needs[root.index()].first() {
                return Err(format!("{root} compares something that is NULL when {source} is, without a guard"));
            }
        }
        Ok(())
    }

    /// Checks order and types alone.
    pub fn well_formed(&self) -> Result<(), String> {
        for id in self.ids() {
            let mut order = Ok(());
            self.expr(id).operands(|operand| {
                if operand >= id {
                    order = Err(format!("{id} uses {operand}, which does not stand before it"));
                }
            });
            order?;
            self.verify_types(id)?;
        }
        Ok(())
    }

    /// For every expression the null sources that have to be present where it is evaluated: it has a value all the same if
    /// one is not. Comparisons and `is_nan` need theirs, and functions that `skip` NULL; guards above take sources out.
    pub fn needs(&self, skips: impl Fn(Function) -> bool) -> Vec<BTreeSet<Id>> {
        let mut needs: Vec<BTreeSet<Id>> = Vec::with_capacity(self.len());
        for id in self.ids() {
            let needed = self.needs_of(self.expr(id), &skips, &needs);
            needs.push(needed);
        }
        needs
    }

    fn needs_of(&self, expr: &Expr, skips: impl Fn(Function) -> bool, needs: &[BTreeSet<Id>]) -> BTreeSet<Id> {
        let mut result = BTreeSet::new();
        let mut require = |facts: &Facts, set: &BTreeSet<Id>| {
            result.extend(set.iter().filter(|source| !facts.present.contains(source)).copied());
        };
        let mut facts = Facts::default();
        match expr {
            Expr::Compare(_, a, b) => {
                for operand in [a, b] {
                    require(&facts, &needs[operand.index()]);
                    require(&facts, &self.null_sources(*operand).into_iter().collect());
                }
            }
            Expr::Call(function, list) if *function == Function::IsNan || skips(*function) => {
                for operand in list {
                    require(&facts, &needs[operand.index()]);
                    require(&facts, &self.null_sources(*operand).into_iter().collect());
                }
            }
            Expr::And(list) | Expr::Or(list) => {
                for &item in list {
                    require(&facts, &needs[item.index()]);
                    facts.assume(self, item, matches!(expr, Expr::And(_)));
                }
            }
            Expr::Case(arms, otherwise) => {
                for arm in arms {
                    require(&facts, &needs[arm.condition.index()]);
                    if !needs[arm.value.index()].is_empty() {
                        let mut inside = facts.clone();
                        inside.assume(self, arm.condition, true);
                        require(&inside, &needs[arm.value.index()]);
                    }
                    facts.assume(self, arm.condition, false);
                }
                require(&facts, &needs[otherwise.index()]);
            }
            _ => expr.operands(|operand| require(&facts, &needs[operand.index()])),
        }
        result
    }

    fn verify_types(&self, id: Id) -> Result<(), String> {
        let want = |operand: Id, ty: &Type| {
            let found = self.ty(operand);
            if found == ty { Ok(()) } else { Err(format!("{id} takes {ty}, but {operand} is {found}")) }
        };
        match self.expr(id) {
            Expr::Const(_) | Expr::IsNull(_) => Ok(()),
            Expr::Input(_) => match self.ty(id) {
                Type::Double | Type::Bigint | Type::String | Type::Boolean => Ok(()),
                other => Err(format!("{id} is an input of type {other}")),
            },
            Expr::Sum(terms) if terms.is_empty() => Err(format!("{id} is a sum without terms")),
            Expr::Sum(terms) => terms.iter().filter_map(|term| term.factor).try_for_each(|f| want(f, &Type::Double)),
            Expr::Product(list) => list.iter().try_for_each(|&factor| want(factor, &Type::Double)),
            Expr::Call(function, list) => {
                let all = |ty: &Type, counts: &[usize]| {
                    if !counts.is_empty() && !counts.contains(&list.len()) {
                        return Err(format!("{id} calls {} with {} arguments", function.name(), list.len()));
                    }
                    list.iter().try_for_each(|&argument| want(argument, ty))
                };
                match function.signature() {
                    Signature::Number | Signature::Test | Signature::ToBigint => all(&Type::Double, &[1]),
                    Signature::Two => all(&Type::Double, &[2]),
                    Signature::Many => all(&Type::Double, &[]),
                    Signature::Bigints => all(&Type::Bigint, &[2]),
                    Signature::ToDouble => all(&Type::Bigint, &[1]),
                    Signature::First => all(self.ty(list[0]), &[]),
                    Signature::Choice => {
                        let (scores, values) = list.split_at(list.len() / 2);
                        scores.iter().try_for_each(|&score| want(score, &Type::Double))?;
                        values.iter().try_for_each(|&value| want(value, self.ty(values[0])))
                    }
                }
            }
            Expr::Compare(_, a, b) => want(*b, self.ty(*a)),
            Expr::And(list) | Expr::Or(list) => list.iter().try_for_each(|&item| want(item, &Type::Boolean)),
            Expr::Not(a) => want(*a, &Type::Boolean),
            Expr::Case(arms, otherwise) => arms.iter().try_for_each(|arm| {
                want(arm.condition, &Type::Boolean)?;
                want(arm.value, self.ty(*otherwise))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::schema::Type;
    use crate::score::{Comparison, Input, Score};

    fn score() -> Score {
        Score::new(vec![Input { name: "a".into(), ty: Type::Double, nullable: true, nan: true }])
    }

    fn label(s: &mut Score, guarded: bool) {
        let a = s.input(0);
        let zero = s.double(0.0);
        let positive = s.compare(Comparison::Greater, a, zero);
        let (yes, no, null) = (s.text("yes"), s.text("no"), s.null(Type::String));
        let mut label = s.choose(positive, yes, no);
        if guarded {
            let missing = s.is_null(a);
            label = s.choose(missing, null, label);
        }
        s.outputs.push(crate::score::Output::scalar("LABEL", label, ""));
    }

    #[test]
    fn a_comparison_on_a_nullable_input_needs_a_guard() {
        let mut bare = score();
        label(&mut bare, false);
        assert!(bare.verify().unwrap_err().contains("without a guard"));
        let mut guarded = score();
        label(&mut guarded, true);
        assert_eq!(guarded.verify(), Ok(()));
    }
}
