//! Functions of one and two elements, each the formula that `op` documents.

use super::super::op::{Binary, Unary, Value};

/// `function(x)`.
pub(super) fn unary(function: &Unary, x: &Value) -> Value {
    match (function, x) {
        (Unary::IsMissing, Value::Missing) => Value::Boolean(true),
        (Unary::IsMissing, Value::Number(x)) => Value::Boolean(x.is_nan()),
        (Unary::IsMissing, _) => Value::Boolean(false),
        (_, Value::Missing) => Value::Missing,
        (Unary::ToNumber, x) => to_number(x).map_or(Value::Missing, Value::Number),
        (Unary::ToInteger, x) => to_integer(x).map_or(Value::Missing, Value::Integer),
        (Unary::ToBoolean, Value::Number(x)) => Value::Boolean(*x != 0.0),
        (Unary::ToBoolean, Value::Integer(x)) => Value::Boolean(*x != 0),
        (Unary::ToBoolean, Value::Boolean(x)) => Value::Boolean(*x),
        (Unary::ToText, Value::Text(x)) => Value::Text(x.clone()),
        (Unary::ToText, Value::Integer(x)) => Value::Text(x.to_string()),
        (Unary::ToText, Value::Boolean(x)) => Value::Text(x.to_string()),
        (Unary::Not, Value::Boolean(x)) => Value::Boolean(!x),
        (Unary::IsNan, Value::Number(x)) => Value::Boolean(x.is_nan()),
        (Unary::IsInfinite { positive, negative }, Value::Number(x)) => {
            Value::Boolean(*positive && *x == f64::INFINITY || *negative && *x == f64::NEG_INFINITY)
        }
        (Unary::Negate, Value::Integer(x)) => Value::Integer(x.wrapping_neg()),
        (Unary::Abs, Value::Integer(x)) => Value::Integer(x.wrapping_abs()),
        (Unary::Sign, Value::Integer(x)) => Value::Integer(x.signum()),
        (function, Value::Number(x)) => real(function, *x).map_or(Value::Missing, Value::Number),
        _ => Value::Missing,
    }
}

/// Functions from numbers to numbers; `None` for the others, which [`unary`] has dealt with.
fn real(function: &Unary, x: f64) -> Option<f64> {
    Some(match *function {
        Unary::Negate => -x,
        Unary::Abs => x.abs(),
        Unary::Exp => libm::exp(x),
        Unary::Expm1 => libm::expm1(x),
        Unary::Log1p => libm::log1p(x),
        Unary::Log => libm::log(x),
        Unary::Sqrt => libm::sqrt(x),
        Unary::Reciprocal => 1.0 / x,
        Unary::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
        // 1 - e^-u without cancellation for a small u
        Unary::CloglogInverse => -libm::expm1(-libm::exp(x)),
        // Φ(x) = erfc(-x / √2) / 2
        Unary::ProbitInverse => 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Unary::Tanh => libm::tanh(x),
        Unary::Relu => match x {
            x if x.is_nan() || x > 0.0 => x,
            _ => 0.0,
        },
        Unary::LeakyRelu(slope) => match x {
            x if x < 0.0 => slope * x,
            x => x,
        },
        Unary::HardSigmoid { alpha, beta } => clip(alpha * x + beta, 0.0, 1.0),
        // ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|)
        Unary::Softplus => match x {
            x if x > 0.0 => x + libm::log1p(libm::exp(-x)),
            x => libm::log1p(libm::exp(x)),
        },
        Unary::Erf => libm::erf(x),
        Unary::Floor => libm::floor(x),
        Unary::Ceil => libm::ceil(x),
        Unary::Round => libm::rint(x),
        Unary::Sign => match x {
            x if x > 0.0 => 1.0,
            x if x < 0.0 => -1.0,
            x if x.is_nan() => x,
            _ => 0.0,
        },
        Unary::Clip { low, high } => clip(x, low, high),
        Unary::Not
        | Unary::IsNan
        | Unary::IsInfinite { .. }
        | Unary::IsMissing
        | Unary::ToNumber
        | Unary::ToInteger
        | Unary::ToBoolean
        | Unary::ToText => return None,
    })
}

fn clip(x: f64, low: f64, high: f64) -> f64 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

fn to_number(x: &Value) -> Option<f64> {
    match x {
        Value::Number(x) => Some(*x),
        Value::Integer(x) => Some(*x as f64),
        Value::Boolean(x) => Some(f64::from(*x)),
        // parse() also reads `inf` and `nan`, which are no decimal numbers
        Value::Text(x) if x.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
            x.parse().ok()
        }
        Value::Text(_) | Value::Missing => None,
    }
}

fn to_integer(x: &Value) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    match x {
        Value::Number(x) if *x >= -BEYOND && *x < BEYOND => Some(*x as i64),
        Value::Integer(x) => Some(*x),
        Value::Boolean(x) => Some(i64::from(*x)),
        Value::Number(_) | Value::Text(_) | Value::Missing => None,
    }
}

/// `function(a, b)`.
pub(super) fn binary(function: Binary, a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => of_numbers(function, *a, *b),
        (Value::Integer(a), Value::Integer(b)) => of_integers(function, *a, *b),
        (Value::Boolean(a), Value::Boolean(b)) => match function {
            Binary::And => Value::Boolean(*a && *b),
            Binary::Or => Value::Boolean(*a || *b),
            Binary::Equal => Value::Boolean(a == b),
            _ => Value::Missing,
        },
        (Value::Text(a), Value::Text(b)) if function == Binary::Equal => Value::Boolean(a == b),
        _ => Value::Missing,
    }
}

fn of_numbers(function: Binary, a: f64, b: f64) -> Value {
    match function {
        Binary::Add => Value::Number(a + b),
        Binary::Subtract => Value::Number(a - b),
        Binary::Multiply => Value::Number(a * b),
        Binary::Divide => Value::Number(a / b),
        Binary::Power => Value::Number(libm::pow(a, b)),
        Binary::Min | Binary::Max if a.is_nan() || b.is_nan() => Value::Number(f64::NAN),
        Binary::Min => Value::Number(if b < a { b } else { a }),
        Binary::Max => Value::Number(if b > a { b } else { a }),
        _ => compare(function, &a, &b),
    }
}

fn of_integers(function: Binary, a: i64, b: i64) -> Value {
    match function {
        Binary::Add => Value::Integer(a.wrapping_add(b)),
        Binary::Subtract => Value::Integer(a.wrapping_sub(b)),
        Binary::Multiply => Value::Integer(a.wrapping_mul(b)),
        Binary::Divide if b == 0 => Value::Missing,
        Binary::Divide => Value::Integer(a.wrapping_div(b)),
        Binary::Min => Value::Integer(a.min(b)),
        Binary::Max => Value::Integer(a.max(b)),
        _ => compare(function, &a, &b),
    }
}

fn compare<T: PartialOrd>(function: Binary, a: &T, b: &T) -> Value {
    match function {
        Binary::Less => Value::Boolean(a < b),
        Binary::LessOrEqual => Value::Boolean(a <= b),
        Binary::Greater => Value::Boolean(a > b),
        Binary::GreaterOrEqual => Value::Boolean(a >= b),
        Binary::Equal => Value::Boolean(a == b),
        _ => Value::Missing,
    }
}
