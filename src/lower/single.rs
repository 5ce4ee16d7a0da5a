//! Comparisons that the source's runtime makes in binary32, made exactly in binary64.
//!
//! ksqlDB has no 32-bit float. But where the compared number is a function of one feature, monotone and computed step by
//! step in binary32 (the feature itself rounded, a scaler, a shift, a product with a constant), the truth of the
//! comparison changes at most once along the feature's values. So `f32(…f32(x)…) > t` is `x > m` or `x >= m` for some double
//! m, which is found here by bisection over the doubles in their order: 64 evaluations of the steps. (For the feature
//! itself m is the midpoint of two neighbouring binary32 numbers, the usual correction of tree thresholds.)
//!
//! Sums over several features have no such boundary; their comparisons keep a tolerance.

use super::{Item, Lowering};
use crate::model::{Binary, Elem, Node, NodeId, Op, Precision, Scaling, Unary, Value};
use crate::score::{Comparison, Id};

/// One monotone step, with the rounding of its node.
#[derive(Clone, Copy)]
struct Step {
    kind: Kind,
    precision: Precision,
}

#[derive(Clone, Copy)]
enum Kind {
    Round,
    Add(f64),
    Multiply(f64),
    Divide(f64),
}

/// The comparison `a ⋚ b` of two elements as one on the feature behind them, or `None` if it is not of that form.
pub(super) fn compare(
    lowering: &mut Lowering<'_>,
    comparison: Comparison,
    a: (NodeId, usize),
    b: (NodeId, usize),
) -> Option<Item> {
    let (comparison, (node, position), threshold) = match (constant(lowering, a), constant(lowering, b)) {
        (None, Some(threshold)) => (comparison, a, threshold),
        (Some(threshold), None) => (comparison.flipped(), b, threshold),
        _ => return None,
    };
    with_constant(lowering, comparison, (node, position), threshold)
}

/// The comparison of an element with a constant as one on the feature behind it.
pub(super) fn with_constant(
    lowering: &mut Lowering<'_>,
    comparison: Comparison,
    (node, position): (NodeId, usize),
    threshold: f64,
) -> Option<Item> {
    let (feature, steps) = chain(lowering, node, position)?;
    let Item::Value(x) = lowering.inputs[feature].clone() else { return None };
    if lowering.score.ty(x) != &crate::schema::Type::Double || comparison == Comparison::Equal {
        return None;
    }
    let holds = |x: f64| {
        let value = steps.iter().fold(x, |x, step| step.apply(x));
        match comparison {
            Comparison::Less => value < threshold,
            Comparison::LessOrEqual => value <= threshold,
            Comparison::Greater => value > threshold,
            Comparison::GreaterOrEqual => value >= threshold,
            Comparison::Equal => false,
        }
    };
    let missing = lowering.score.null_sources(x);
    let condition = boundary(lowering, x, holds)?;
    Some(Item::Flag { condition, missing })
}

/// A number that is the same for every row.
fn constant(lowering: &Lowering<'_>, (node, position): (NodeId, usize)) -> Option<f64> {
    match &lowering.graph.node(node).op {
        Op::Constant(values) => match values.get(position).or(values.first()) {
            Some(Value::Number(value)) => Some(*value),
            Some(Value::Integer(value)) => Some(*value as f64),
            _ => None,
        },
        _ => None,
    }
}

/// The steps from a feature to an element, first step first, if there are only monotone ones and one is in binary32.
fn chain(lowering: &Lowering<'_>, mut node: NodeId, mut position: usize) -> Option<(usize, Vec<Step>)> {
    let graph = lowering.graph;
    let mut steps = Vec::new();
    loop {
        let Node { op, args, precision, .. } = graph.node(node);
        let mut push = |kind| steps.push(Step { kind, precision: *precision });
        match op {
            Op::Input(feature) => {
                if graph.features[*feature].elem != Elem::Number {
                    return None;
                }
                steps.push(Step { kind: Kind::Round, precision: graph.features[*feature].precision });
                steps.reverse();
                let single = steps.iter().any(|step| step.precision == Precision::Single);
                return single.then_some((*feature, steps));
            }
            Op::Pick(positions) => position = positions[position],
            Op::Concat => {
                let mut start = 0;
                let mut found = None;
                for &arg in args {
                    let width = graph.node(arg).width;
                    if position < start + width {
                        found = Some((arg, position - start));
                        break;
                    }
                    start += width;
                }
                (node, position) = found?;
                continue;
            }
            // steps are pushed last first
            Op::Scale(Scaling::CenterDivide { center, scale }) => {
                push(Kind::Divide(scale[position]));
                push(Kind::Add(-center[position]));
            }
            Op::Scale(Scaling::CenterMultiply { offset, factor }) => {
                push(Kind::Multiply(factor[position]));
                push(Kind::Add(-offset[position]));
            }
            Op::Scale(Scaling::MultiplyAdd { factor, shift }) => {
                push(Kind::Add(shift[position]));
                push(Kind::Multiply(factor[position]));
            }
            Op::Unary(Unary::ToNumber) => push(Kind::Round),
            Op::Unary(Unary::Negate) => push(Kind::Multiply(-1.0)),
            Op::Binary(binary) => {
                let width = |arg: NodeId| if graph.node(arg).width == 1 { 0 } else { position };
                let (left, right) = ((args[0], width(args[0])), (args[1], width(args[1])));
                let (next, kind) = match (binary, constant(lowering, left), constant(lowering, right)) {
                    (Binary::Add, Some(shift), None) => (right, Kind::Add(shift)),
                    (Binary::Add, None, Some(shift)) => (left, Kind::Add(shift)),
                    (Binary::Subtract, None, Some(shift)) => (left, Kind::Add(-shift)),
                    (Binary::Multiply, Some(factor), None) => (right, Kind::Multiply(factor)),
                    (Binary::Multiply, None, Some(factor)) => (left, Kind::Multiply(factor)),
                    (Binary::Divide, None, Some(divisor)) => (left, Kind::Divide(divisor)),
                    _ => return None,
                };
                push(kind);
                (node, position) = next;
                continue;
            }
            _ => return None,
        }
        node = args[0];
    }
}

impl Step {
    fn apply(self, x: f64) -> f64 {
        let value = match self.kind {
            Kind::Round => x,
            Kind::Add(shift) => x + shift,
            Kind::Multiply(factor) => x * factor,
            Kind::Divide(divisor) => x / divisor,
        };
        match self.precision {
            Precision::Single => f64::from(value as f32),
            Precision::Double => value,
        }
    }
}

/// The condition on `x` that holds exactly where the monotone predicate does. Infinities count like other numbers; NaN
/// meets neither the predicate nor the condition.
fn boundary(lowering: &mut Lowering<'_>, x: Id, holds: impl Fn(f64) -> bool) -> Option<Id> {
    let (low, high) = (order(f64::NEG_INFINITY), order(f64::INFINITY));
    let (at_low, at_high) = (holds(from_order(low)), holds(from_order(high)));
    if at_low == at_high {
        // a step that yields NaN at infinity, or a constant predicate: leave it to the plain comparison
        return None;
    }
    let (mut below, mut above) = (low, high);
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if holds(from_order(middle)) == at_low { below = middle } else { above = middle }
    }
    let (below, above) = (from_order(below), from_order(above));
    // the predicate holds up to `below`, or from `above` on; the rounder of the two neighbours makes the nicer text
    let (first, second) = if at_low {
        ((Comparison::LessOrEqual, below), (Comparison::Less, above))
    } else {
        ((Comparison::GreaterOrEqual, above), (Comparison::Greater, below))
    };
    let digits = |value: f64| if value.is_finite() { format!("{value:e}").len() } else { usize::MAX };
    let (comparison, bound) = if digits(first.1) <= digits(second.1) { first } else { second };
    let bound = lowering.score.double(bound);
    Some(lowering.score.compare(comparison, x, bound))
}

/// The position of a double among all doubles; −0 stands before 0.
fn order(value: f64) -> i128 {
    let bits = value.to_bits();
    i128::from(if bits >> 63 == 1 { !bits } else { bits | 1 << 63 })
}

fn from_order(position: i128) -> f64 {
    let bits = position as u64;
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_doubles_is_their_order() {
        for pair in [f64::NEG_INFINITY, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY].windows(2) {
            assert!(order(pair[0]) < order(pair[1]), "{pair:?}");
            assert_eq!(from_order(order(pair[0])).to_bits(), pair[0].to_bits());
        }
        assert_eq!(order(0.0) - order(-0.0), 1);
    }
}
