//! Functions that step: on a number that the runtime rounds to binary32, and of a CASE of constants.

use super::elementwise::broadcast;
use super::{Item, Lowering, single};
use crate::model::{NodeId, Unary};
use crate::schema::Type;
use crate::score::{Arm, Comparison, Const, Expr, Function, Id};

impl Lowering<'_> {
    /// A function with a jump, of a number that the runtime rounds to binary32: on the feature behind it, as `single`
    /// does it.
    pub(super) fn stepped(&mut self, unary: &Unary, element: (NodeId, usize)) -> Option<Item> {
        let compare = |lowering: &mut Self, comparison, c| single::with_constant(lowering, comparison, element, c);
        Some(match unary {
            Unary::ToBoolean => {
                let Item::Flag { condition, missing } = compare(self, Comparison::Equal, 0.0)? else { return None };
                Item::Flag { condition: self.score.not(condition), missing }
            }
            Unary::IsInfinite { positive, negative } => {
                let (mut conditions, mut missing) = (Vec::new(), Vec::new());
                for (wanted, sign) in [(positive, f64::INFINITY), (negative, f64::NEG_INFINITY)] {
                    let Item::Flag { condition, missing: sources } = compare(self, Comparison::Equal, sign)? else {
                        return None;
                    };
                    conditions.extend(wanted.then_some(condition));
                    missing = sources;
                }
                Item::Flag { condition: self.score.or(conditions), missing }
            }
            Unary::Sign => {
                let x = broadcast(self.items(element.0), element.1).clone();
                let x = self.number(&x);
                let sources = self.score.null_sources(x);
                let null = self.score.null(Type::Double);
                let mut arms = vec![Arm { condition: self.score.any_null(sources), value: null }];
                for (comparison, sign) in
                    [(Comparison::Greater, 1.0), (Comparison::Less, -1.0), (Comparison::Equal, 0.0)]
                {
                    let Item::Flag { condition, .. } = compare(self, comparison, 0.0)? else { return None };
                    arms.push(Arm { condition, value: self.score.double(sign) });
                }
                // NaN stays
                Item::Value(self.score.case(arms, x))
            }
            _ => return None,
        })
    }

    /// A function of a CASE of constants: the CASE of its values. `None` if they are not all constants, and numbers that
    /// fit an integer.
    pub(super) fn of_each_constant(&mut self, id: Id, function: Function) -> Option<Id> {
        self.of_each(id, function, 2)
    }

    /// Down to this depth of CASE in CASE.
    fn of_each(&mut self, id: Id, function: Function, depth: usize) -> Option<Id> {
        match (self.score.expr(id).clone(), self.score.constant(id)) {
            (_, Some(Const::Double(value))) if value.0.abs() < 9e18 => {}
            (_, Some(Const::Bigint(_) | Const::Null(_))) => {}
            (Expr::Case(mut arms, otherwise), _) if depth > 0 => {
                for arm in &mut arms {
                    arm.value = self.of_each(arm.value, function, depth - 1)?;
                }
                let otherwise = self.of_each(otherwise, function, depth - 1)?;
                return Some(self.score.case(arms, otherwise));
            }
            _ => return None,
        }
        Some(self.score.call(function, vec![id]))
    }
}
