//! Arithmetic on integers, in BIGINT as the source's runtimes do it in 64 bits: nothing is rounded, overflow wraps.

use super::{Item, Lowering};
use crate::model::{Binary, Reduction, Unary};
use crate::schema::Type;
use crate::score::{Arm, Comparison, Function, Id};

impl Lowering<'_> {
    /// The integer of an element: booleans become 0 and 1. `None` for a number or a text.
    pub(super) fn bigint(&mut self, item: &Item) -> Option<Id> {
        let id = self.integer(item);
        (self.score.ty(id) == &Type::Bigint).then_some(id)
    }

    /// Elementwise on one integer; `None` for what gives no integer, or is one already.
    pub(super) fn unary_of_integer(&mut self, unary: &Unary, item: &Item) -> Option<Item> {
        if !matches!(unary, Unary::Negate | Unary::Abs | Unary::Sign) {
            return None;
        }
        let x = self.bigint(item)?;
        let zero = self.score.bigint(0);
        if *unary == Unary::Negate {
            return Some(Item::Value(self.score.call(Function::SubtractBigint, vec![zero, x])));
        }
        let absent = self.score.null_arm(&[x], x);
        let negative = self.score.compare(Comparison::Less, x, zero);
        let (below, arms, otherwise) = if *unary == Unary::Abs {
            (self.score.call(Function::SubtractBigint, vec![zero, x]), None, x)
        } else {
            let positive = self.score.compare(Comparison::Greater, x, zero);
            let (minus, one) = (self.score.bigint(-1), self.score.bigint(1));
            (minus, Some(Arm { condition: positive, value: one }), zero)
        };
        let arms = [absent, Arm { condition: negative, value: below }].into_iter().chain(arms);
        Some(Item::Value(self.score.case(arms, otherwise)))
    }

    /// Elementwise on two integers; `None` for what gives no integer.
    pub(super) fn binary_of_integers(&mut self, binary: Binary, x: &Item, y: &Item) -> Option<Item> {
        let (x, y) = (self.bigint(x)?, self.bigint(y)?);
        let function = match binary {
            Binary::Add => Function::AddBigint,
            Binary::Subtract => Function::SubtractBigint,
            Binary::Multiply => Function::MultiplyBigint,
            Binary::Divide => return Some(Item::Value(self.quotient_of_integers(x, y))),
            Binary::Min => return Some(Item::Value(self.extreme(&[x, y], &[x, y], false, false))),
            Binary::Max => return Some(Item::Value(self.extreme(&[x, y], &[x, y], true, false))),
            _ => return None,
        };
        Some(Item::Value(self.score.call(function, vec![x, y])))
    }

    /// Toward zero, missing for a zero divisor, which an engine takes for an error.
    fn quotient_of_integers(&mut self, x: Id, y: Id) -> Id {
        let quotient = self.score.call(Function::DivideBigint, vec![x, y]);
        let (absent, zero) = (self.score.null_arm(&[x, y], x), self.score.bigint(0));
        let undefined = self.score.compare(Comparison::Equal, y, zero);
        self.score.case([absent, Arm { condition: undefined, ..absent }], quotient)
    }

    /// A reduction of integers to one.
    pub(super) fn reduced_integers(&mut self, reduction: Reduction, items: &[Item]) -> Option<Item> {
        let binary = match reduction {
            Reduction::Sum => Binary::Add,
            Reduction::Product => Binary::Multiply,
            Reduction::Max => Binary::Max,
            Reduction::Min => Binary::Min,
            _ => return None,
        };
        let (first, rest) = items.split_first()?;
        let mut all = Item::Value(self.bigint(first)?);
        for item in rest {
            all = self.binary_of_integers(binary, &all, item)?;
        }
        Some(all)
    }
}
