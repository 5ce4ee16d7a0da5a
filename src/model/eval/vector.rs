//! Functions of a whole vector: norms, softmax, reductions, positions.

use std::cmp::Ordering;

use super::super::op::{Norm, Reduction, Value};
use super::numbers;

/// `x / norm(x)`, or `x` where the norm is 0.
pub(super) fn normalize(norm: Norm, x: &[f64]) -> Vec<f64> {
    let divisor = match norm {
        Norm::L1 => sum(x.iter().map(|x| x.abs())),
        Norm::L2 => libm::sqrt(sum(x.iter().map(|x| x * x))),
        Norm::Max => largest(x.iter().map(|x| x.abs())),
        Norm::SignedMax => largest(x.iter().copied()),
    };
    x.iter().map(|x| if divisor == 0.0 { *x } else { x / divisor }).collect()
}

/// `e^(x_i - m) / Σ e^(x_j - m)` with m the largest; alone, an element has all of it.
pub(super) fn softmax(x: &[f64]) -> Vec<f64> {
    if x.len() == 1 {
        return vec![1.0];
    }
    let largest = largest(x.iter().copied());
    let powers: Vec<f64> = x.iter().map(|x| libm::exp(x - largest)).collect();
    let total = sum(powers.iter().copied());
    powers.into_iter().map(|power| power / total).collect()
}

/// `(x_i - m) - ln Σ e^(x_j - m)` with m the largest.
pub(super) fn log_softmax(x: &[f64]) -> Vec<f64> {
    if x.len() == 1 {
        return vec![0.0];
    }
    let largest = largest(x.iter().copied());
    let total = libm::log(sum(x.iter().map(|x| libm::exp(x - largest))));
    x.iter().map(|x| (x - largest) - total).collect()
}

/// The reduction of the vector; missing if an element is.
pub(super) fn reduce(reduction: Reduction, x: &[Value]) -> Value {
    if let Some(x) = integers(x) {
        return reduce_integers(reduction, &x);
    }
    let Some(x) = numbers(x) else { return Value::Missing };
    Value::Number(match reduction {
        Reduction::Sum => sum(x),
        Reduction::Mean => sum(x.iter().copied()) / x.len() as f64,
        Reduction::Max => largest(x),
        Reduction::Min => -largest(x.into_iter().map(|x| -x)),
        Reduction::Product => x.into_iter().fold(1.0, |product, x| product * x),
        Reduction::L1 => sum(x.into_iter().map(f64::abs)),
        Reduction::L2 => libm::sqrt(sum(x.into_iter().map(|x| x * x))),
        Reduction::SumSquare => sum(x.into_iter().map(|x| x * x)),
        Reduction::LogSumExp => {
            let largest = largest(x.iter().copied());
            match largest.is_infinite() {
                true => largest,
                false => largest + libm::log(sum(x.iter().map(|x| libm::exp(x - largest)))),
            }
        }
    })
}

fn integers(x: &[Value]) -> Option<Vec<i64>> {
    let integer = |value: &Value| match value {
        Value::Integer(integer) => Some(*integer),
        _ => None,
    };
    x.iter().map(integer).collect()
}

fn reduce_integers(reduction: Reduction, x: &[i64]) -> Value {
    let result = match reduction {
        Reduction::Sum => Some(x.iter().fold(0, |sum: i64, x| sum.wrapping_add(*x))),
        Reduction::Product => Some(x.iter().fold(1, |product: i64, x| product.wrapping_mul(*x))),
        Reduction::Max => x.iter().copied().max(),
        Reduction::Min => x.iter().copied().min(),
        _ => None,
    };
    result.map_or(Value::Missing, Value::Integer)
}

/// The position of an element to which no other compares as `wanted`: the first such, or the last. What does not
/// compare at all, NaN, replaces nothing.
pub(super) fn position_of_best(x: &[Value], wanted: Ordering, last: bool) -> Value {
    // i64 and f64 each in their own type: 2^53 and 2^53 + 1 are different integers
    let position = match integers(x) {
        Some(x) => best(&x, wanted, last),
        None => match numbers(x) {
            Some(x) => best(&x, wanted, last),
            None => return Value::Missing,
        },
    };
    Value::Integer(position as i64)
}

fn best<T: PartialOrd>(x: &[T], wanted: Ordering, last: bool) -> usize {
    let mut best = 0;
    for (index, value) in x.iter().enumerate() {
        let order = value.partial_cmp(&x[best]);
        if order == Some(wanted) || last && order == Some(Ordering::Equal) {
            best = index;
        }
    }
    best
}

fn sum(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().fold(0.0, |sum, x| sum + x)
}

/// The largest, NaN if any is NaN.
fn largest(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().fold(f64::NEG_INFINITY, |largest, x| if x > largest || x.is_nan() { x } else { largest })
}
