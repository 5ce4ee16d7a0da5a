//! Intervals: between which bounds the elements of a node lie.
//!
//! Enough to see that a value is a probability, that an absolute value is not needed, or that an integer fits a narrower
//! type. Bounds hold up to the rounding of the node's precision; NaN is outside of what they say.

use super::build::Builder;
use crate::model::{Binary, Elem, NodeId, Norm, Op, Reduction, Unary, Unknown, Value};

/// Nothing is known.
pub const ALL: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

fn value(value: &Value) -> (f64, f64) {
    match value {
        Value::Number(number) if !number.is_nan() => (*number, *number),
        Value::Integer(integer) => (*integer as f64, *integer as f64),
        _ => ALL,
    }
}

fn hull(ranges: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    let hull = ranges.fold((f64::INFINITY, f64::NEG_INFINITY), |sum, next| (sum.0.min(next.0), sum.1.max(next.1)));
    if hull.0 > hull.1 { ALL } else { hull }
}

/// All four combinations of the ends.
fn corners(a: (f64, f64), b: (f64, f64), f: fn(f64, f64) -> f64) -> (f64, f64) {
    let ends = [f(a.0, b.0), f(a.0, b.1), f(a.1, b.0), f(a.1, b.1)];
    if ends.iter().any(|end| end.is_nan()) { ALL } else { hull(ends.iter().map(|&end| (end, end))) }
}

/// The interval of a node to be built.
pub fn of(op: &Op, args: &[NodeId], builder: &Builder) -> (f64, f64) {
    let arg = |at: usize| builder.range(args[at]);
    let range = match op {
        Op::Constant(values) => hull(values.iter().map(value)),
        Op::Concat => hull(args.iter().map(|&arg| builder.range(arg))),
        Op::Choose => hull([arg(1), arg(2)].into_iter()),
        Op::Encode(encoders) => hull(encoders.iter().flat_map(|encoder| {
            let unknown = match &encoder.unknown {
                Unknown::Value(value) => Some(value),
                Unknown::Missing => None,
            };
            encoder.values.iter().chain(unknown).map(value)
        })),
        Op::Decide { classes, .. } => hull(classes.iter().map(value)),
        Op::Pick(_) => arg(0),
        Op::ArgMax { .. } | Op::ArgMin { .. } => (0.0, builder.width(args[0]) as f64 - 1.0),
        Op::Bins { edges, .. } => (0.0, edges.iter().map(Vec::len).max().unwrap_or(0) as f64),
        Op::OneHot { .. } | Op::Softmax => (0.0, 1.0),
        Op::Normalize(Norm::L1) if arg(0).0 >= 0.0 => (0.0, 1.0),
        Op::Reduce(Reduction::L1 | Reduction::L2 | Reduction::SumSquare) => (0.0, f64::INFINITY),
        Op::Reduce(Reduction::Mean | Reduction::Max | Reduction::Min) => arg(0),
        Op::Reduce(Reduction::Sum) if arg(0).0 >= 0.0 => (0.0, f64::INFINITY),
        Op::Unary(function) => unary(function, args[0], builder),
        Op::Binary(function) => binary(*function, args, builder),
        _ => ALL,
    };
    if range.0.is_nan() || range.1.is_nan() { ALL } else { range }
}

fn unary(function: &Unary, x: NodeId, builder: &Builder) -> (f64, f64) {
    let (low, high) = builder.range(x);
    match function {
        Unary::Sigmoid | Unary::HardSigmoid { .. } => (0.0, 1.0),
        Unary::Exp | Unary::Abs | Unary::Sqrt | Unary::Softplus => (0.0, f64::INFINITY),
        Unary::Relu => (low.max(0.0), high.max(0.0)),
        Unary::Tanh | Unary::Erf | Unary::Sign => (-1.0, 1.0),
        Unary::Clip { low: least, high: most } => (low.max(*least).min(*most), high.min(*most).max(*least)),
        Unary::Negate => (-high, -low),
        Unary::ToNumber | Unary::ToInteger => match builder.node(x).elem {
            Elem::Boolean => (0.0, 1.0),
            Elem::Text => ALL,
            _ => (low, high),
        },
        _ => ALL,
    }
}

fn binary(function: Binary, args: &[NodeId], builder: &Builder) -> (f64, f64) {
    let (a, b) = (builder.range(args[0]), builder.range(args[1]));
    let divisor = builder.node(args[1]);
    match function {
        Binary::Add => (a.0 + b.0, a.1 + b.1),
        Binary::Subtract => (a.0 - b.1, a.1 - b.0),
        Binary::Multiply => corners(a, b, |x, y| x * y),
        // p / Σp of numbers not below zero
        Binary::Divide
            if matches!(divisor.op, Op::Reduce(Reduction::Sum | Reduction::L1))
                && divisor.args[0] == args[0]
                && a.0 >= 0.0 =>
        {
            (0.0, 1.0)
        }
        Binary::Divide if b.0 > 0.0 => corners(a, b, |x, y| x / y),
        Binary::Min => (a.0.min(b.0), a.1.min(b.1)),
        Binary::Max => (a.0.max(b.0), a.1.max(b.1)),
        _ => ALL,
    }
}
