//! Arithmetic of constants, element by element, in the element type's own precision.

use super::node::{Refused, refuse};
use super::tensor::{Array, Data, Floats};
use super::types::Type;
use super::value::{elem, spread};
use crate::diag::codes::onnx as codes;
use crate::model::{Binary, Elem, Unary};
use std::rc::Rc;

/// Both constants: computed here, element by element.
pub fn fold_binary(function: Binary, a: &Array<'_>, b: &Array<'_>, dims: &[usize]) -> Option<Array<'static>> {
    let width: usize = dims.iter().product();
    let (left, right) = (spread(&a.dims, dims), spread(&b.dims, dims));
    let pairs = (0..width).map(|at| {
        (left.as_ref().map_or(at, |positions| positions[at]), right.as_ref().map_or(at, |positions| positions[at]))
    });
    let ty = a.ty;
    let data = match (&a.data, &b.data) {
        (Data::Float(x), Data::Float(y)) => {
            let pairs = pairs.map(|(i, j)| (x.get(i), y.get(j)));
            match compare(function) {
                Some(holds) => Data::Bool(pairs.map(|(x, y)| x.partial_cmp(&y).is_some_and(holds)).collect()),
                None => {
                    let values = pairs.map(|(x, y)| Some(ty.round(number(function, x, y)?)));
                    Data::Float(Floats::Owned(values.collect::<Option<_>>()?))
                }
            }
        }
        (Data::Int(x), Data::Int(y)) => {
            let pairs = pairs.map(|(i, j)| (x[i], y[j]));
            match compare(function) {
                Some(holds) => Data::Bool(pairs.map(|(x, y)| holds(x.cmp(&y))).collect()),
                None => {
                    Data::Int(pairs.map(|(x, y)| integer(function, x, y).map(|v| ty.wrap(v))).collect::<Option<_>>()?)
                }
            }
        }
        (Data::Text(x), Data::Text(y)) if function == Binary::Equal => {
            Data::Bool(pairs.map(|(i, j)| x[i] == y[j]).collect())
        }
        (Data::Bool(x), Data::Bool(y)) => Data::Bool(
            pairs
                .map(|(i, j)| match function {
                    Binary::And => Some(x[i] && y[j]),
                    Binary::Or => Some(x[i] || y[j]),
                    Binary::Equal => Some(x[i] == y[j]),
                    _ => None,
                })
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    };
    let ty = if matches!(data, Data::Bool(_)) { Type::Bool } else { ty };
    Some(Array { ty, dims: dims.to_vec(), data })
}

fn compare(function: Binary) -> Option<fn(std::cmp::Ordering) -> bool> {
    Some(match function {
        Binary::Less => |order| order.is_lt(),
        Binary::LessOrEqual => |order| order.is_le(),
        Binary::Greater => |order| order.is_gt(),
        Binary::GreaterOrEqual => |order| order.is_ge(),
        Binary::Equal => |order| order.is_eq(),
        _ => return None,
    })
}

fn number(function: Binary, x: f64, y: f64) -> Option<f64> {
    Some(match function {
        Binary::Add => x + y,
        Binary::Subtract => x - y,
        Binary::Multiply => x * y,
        Binary::Divide => x / y,
        Binary::Power => libm::pow(x, y),
        Binary::Min if x.is_nan() || y.is_nan() => f64::NAN,
        Binary::Max if x.is_nan() || y.is_nan() => f64::NAN,
        Binary::Min => x.min(y),
        Binary::Max => x.max(y),
        _ => return None,
    })
}

pub fn integer(function: Binary, x: i64, y: i64) -> Option<i64> {
    Some(match function {
        Binary::Add => x.wrapping_add(y),
        Binary::Subtract => x.wrapping_sub(y),
        Binary::Multiply => x.wrapping_mul(y),
        Binary::Divide => x.checked_div(y)?,
        Binary::Min => x.min(y),
        Binary::Max => x.max(y),
        Binary::Power => x.checked_pow(u32::try_from(y).ok()?)?,
        _ => return None,
    })
}

pub fn scalar(function: &Unary, x: f64) -> Option<f64> {
    Some(match function {
        Unary::Negate => -x,
        Unary::Abs => x.abs(),
        Unary::Exp => libm::exp(x),
        Unary::Log => libm::log(x),
        Unary::Sqrt => x.sqrt(),
        Unary::Reciprocal => 1.0 / x,
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => x.round_ties_even(),
        Unary::Tanh => libm::tanh(x),
        Unary::Erf => libm::erf(x),
        Unary::Relu if x.is_nan() => x,
        Unary::Relu => x.max(0.0),
        Unary::Sigmoid if x >= 0.0 => 1.0 / (1.0 + libm::exp(-x)),
        Unary::Sigmoid => libm::exp(x) / (1.0 + libm::exp(x)),
        Unary::Sign if x == 0.0 || x.is_nan() => x,
        Unary::Sign => x.signum(),
        _ => return None,
    })
}

/// The elements of arrays of one type, one after the other, as a list.
pub fn join(arrays: &[&Rc<Array<'_>>]) -> Result<Array<'static>, Refused> {
    let mut all = Vec::new();
    let (mut ints, mut texts, mut bools) = (Vec::new(), Vec::new(), Vec::new());
    let ty = arrays.first().map_or(Type::F32, |array| array.ty);
    for array in arrays {
        if array.ty != ty {
            return Err(refuse(&codes::SHAPE, format!("{} and {} cannot be put together", ty.name(), array.ty.name())));
        }
        match &array.data {
            Data::Float(values) => all.extend(values.to_vec()),
            Data::Int(values) => ints.extend_from_slice(values),
            Data::Text(values) => texts.extend(values.iter().cloned()),
            Data::Bool(values) => bools.extend_from_slice(values),
        }
    }
    let data = match elem(ty) {
        Elem::Number => Data::Float(Floats::Owned(all)),
        Elem::Integer => Data::Int(ints),
        Elem::Text => Data::Text(texts),
        Elem::Boolean => Data::Bool(bools),
    };
    Ok(Array { ty, dims: vec![data.len()], data })
}
