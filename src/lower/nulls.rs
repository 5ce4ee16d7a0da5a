//! What a missing feature does: the `--nulls` policies.
//!
//! What the model itself says about missing values (an imputer, a category of its own) comes first under every policy.

use super::{Item, Lowering};
use crate::schema::Type;
use crate::score::{Arm, Function, Score};
use std::collections::BTreeSet;

/// What a NULL feature does, unless the model has an answer of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Nulls {
    /// Outputs that depend on it are NULL, labels included.
    #[default]
    Propagate,
    /// The same, tested once up front: cheaper in ksqlDB where NULLs are common.
    Guard,
    /// The row gives no result at all.
    Skip,
    /// A numeric feature counts as this value; others propagate.
    Value(f64),
}

/// Under `Nulls::Value`, `COALESCE(x, value)` in place of a nullable number.
pub(super) fn fill_input(lowering: &mut Lowering<'_>, item: Item) -> Item {
    let (Nulls::Value(value), Item::Value(id)) = (&lowering.options.nulls, &item) else { return item };
    let fill = match lowering.score.ty(*id) {
        Type::Double => lowering.score.double(*value),
        // only an integer can stand for one
        Type::Bigint if value.fract() == 0.0 && value.abs() < 9e15 => lowering.score.bigint(*value as i64),
        _ => return item,
    };
    Item::Value(lowering.score.call(Function::Coalesce, vec![*id, fill]))
}

/// The inputs whose NULL makes some output NULL, in order.
pub(super) fn void_everything(score: &Score) -> Vec<u32> {
    let sets = score.voided_by();
    let all: BTreeSet<u32> =
        score.outputs.iter().flat_map(|it| &it.roots).flat_map(|root| sets[root.index()].iter().copied()).collect();
    all.into_iter().collect()
}

/// Puts a test of all inputs that matter in front of every output.
pub(super) fn guard(score: &mut Score) {
    let sets = score.voided_by();
    for index in 0..score.outputs.len() {
        let output = score.outputs[index].clone();
        let numbers: BTreeSet<u32> = output.roots.iter().flat_map(|root| &sets[root.index()]).copied().collect();
        let inputs: Vec<_> = numbers.into_iter().map(|number| score.input(number)).collect();
        let condition = score.any_null(inputs);
        if let Some(missing) = output.missing {
            score.outputs[index].missing = Some(score.or([condition, missing]));
        } else {
            let root = output.roots[0];
            let value = score.null(score.ty(root).clone());
            score.outputs[index].roots = vec![score.case([Arm { condition, value }], root)];
        }
    }
}
