//! The reference interpreter of [`Score`], by the semantics that the module states.
//!
//! Elementary functions are `libm`'s, as everywhere in this crate, so that results are the same on every platform.
//! Every expression is evaluated, also the arms that a CASE does not choose: nothing here has a side effect or fails.

use super::{Comparison, Const, Expr, Function, Score};

/// A value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// DOUBLE.
    Double(f64),
    /// BIGINT.
    Bigint(i64),
    /// STRING.
    Text(String),
    /// BOOLEAN.
    Boolean(bool),
    /// NULL of any type.
    Null,
}

impl From<&Const> for Value {
    fn from(constant: &Const) -> Self {
        match constant {
            Const::Double(value) => Value::Double(value.0),
            Const::Bigint(value) => Value::Bigint(*value),
            Const::Text(value) => Value::Text(value.clone()),
            Const::Boolean(value) => Value::Boolean(*value),
            Const::Null(_) => Value::Null,
        }
    }
}

impl Score {
    /// Evaluates every expression for one row of input values (one per input, of its type or NULL).
    pub fn eval(&self, inputs: &[Value]) -> Vec<Value> {
        let mut values: Vec<Value> = Vec::with_capacity(self.len());
        for id in self.ids() {
            let value = match self.expr(id) {
                Expr::Const(constant) => Value::from(constant),
                Expr::Input(number) => inputs[*number as usize].clone(),
                Expr::Sum(terms) => sum(terms.iter().map(|term| {
                    let coefficient = term.coefficient;
                    match term.factor {
                        None => Some(coefficient),
                        Some(factor) => double(&values[factor.index()]).map(|factor| coefficient * factor),
                    }
                })),
                Expr::Product(factors) => factors
                    .iter()
                    .map(|factor| double(&values[factor.index()]))
                    .try_fold(1.0, |product, factor| factor.map(|factor| product * factor))
                    .map_or(Value::Null, Value::Double),
                Expr::Call(function, list) => {
                    let arguments: Vec<Value> = list.iter().map(|id| values[id.index()].clone()).collect();
                    call(*function, &arguments)
                }
                Expr::Compare(comparison, a, b) => {
                    Value::Boolean(compare(*comparison, &values[a.index()], &values[b.index()]).unwrap_or(false))
                }
                Expr::And(list) => Value::Boolean(list.iter().all(|id| values[id.index()] == Value::Boolean(true))),
                Expr::Or(list) => Value::Boolean(list.iter().any(|id| values[id.index()] == Value::Boolean(true))),
                Expr::Not(a) => Value::Boolean(values[a.index()] != Value::Boolean(true)),
                Expr::IsNull(a) => Value::Boolean(values[a.index()] == Value::Null),
                Expr::Case(arms, otherwise) => {
                    let chosen = arms
                        .iter()
                        .find(|arm| values[arm.condition.index()] == Value::Boolean(true))
                        .map_or(*otherwise, |arm| arm.value);
                    values[chosen.index()].clone()
                }
            };
            values.push(value);
        }
        values
    }
}

fn sum(mut terms: impl Iterator<Item = Option<f64>>) -> Value {
    let Some(Some(mut total)) = terms.next() else { return Value::Null };
    for term in terms {
        match term {
            Some(term) => total += term,
            None => return Value::Null,
        }
    }
    Value::Double(total)
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

/// The comparison of two values of one type; `None` if either is NULL.
pub(super) fn compare(comparison: Comparison, a: &Value, b: &Value) -> Option<bool> {
    let ordering = match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Bigint(a), Value::Bigint(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
        _ => return None,
    };
    Some(ordering.is_some_and(|ordering| match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }))
}

/// The value of a call.
pub fn call(function: Function, arguments: &[Value]) -> Value {
    if function == Function::Coalesce {
        return arguments.iter().find(|value| **value != Value::Null).cloned().unwrap_or(Value::Null);
    }
    match (function, arguments) {
        (Function::Whole, [value]) => value.clone(),
        (Function::ToDouble, [Value::Bigint(value)]) => Value::Double(*value as f64),
        (Function::ToBigint, [Value::Double(value)]) => Value::Bigint(*value as i64),
        (function, [Value::Bigint(a), Value::Bigint(b)]) if function.is_of_bigints() => of_bigints(function, *a, *b),
        (Function::IsNan, [Value::Double(value)]) => Value::Boolean(value.is_nan()),
        (Function::Softmax, [Value::Double(x), scores @ ..]) => {
            let most = scores.iter().try_fold(*x, |most, y| binary(Function::Max, most, double(y)?));
            let Some(most) = most else { return Value::Null };
            let share = |y: f64| libm::exp(y - most);
            let total: f64 = scores.iter().filter_map(double).map(share).sum();
            Value::Double(share(*x) / total)
        }
        (Function::OfLargest, list) => {
            let (scores, values) = list.split_at(list.len() / 2);
            let scores: Option<Vec<f64>> = scores.iter().map(double).collect();
            let missing = values.contains(&Value::Null);
            scores.filter(|_| !missing).map_or(Value::Null, |scores| {
                values[(1..scores.len()).fold(0, |best, at| if scores[at] > scores[best] { at } else { best })].clone()
            })
        }
        (_, [Value::Double(x)]) => unary(function, *x).map_or(Value::Null, Value::Double),
        // of any number of arguments, as a dialect may have it
        (Function::Min | Function::Max, [Value::Double(first), rest @ ..]) => rest
            .iter()
            .try_fold(*first, |best, value| binary(function, best, double(value)?))
            .map_or(Value::Null, Value::Double),
        (_, [Value::Double(a), Value::Double(b)]) => binary(function, *a, *b).map_or(Value::Null, Value::Double),
        _ => Value::Null,
    }
}

fn unary(function: Function, x: f64) -> Option<f64> {
    Some(match function {
        Function::Exp => libm::exp(x),
        Function::Ln => libm::log(x),
        Function::Sqrt => libm::sqrt(x),
        Function::Abs => x.abs(),
        Function::Floor => libm::floor(x),
        Function::Ceil => libm::ceil(x),
        Function::RoundEven => libm::rint(x),
        Function::Sign if x.is_nan() => x,
        Function::Sign => f64::from(i8::from(x > 0.0) - i8::from(x < 0.0)),
        Function::Tanh => libm::tanh(x),
        Function::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
        Function::Softplus => x.max(0.0) + libm::log1p(libm::exp(-x.abs())),
        Function::Log1p => libm::log1p(x),
        Function::Expm1 => libm::expm1(x),
        Function::NormalCdf => 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Function::Erf => libm::erf(x),
        // of other arguments
        Function::Divide
        | Function::Power
        | Function::Min
        | Function::Max
        | Function::Softmax
        | Function::AddBigint
        | Function::SubtractBigint
        | Function::MultiplyBigint
        | Function::DivideBigint
        | Function::IsNan
        | Function::ToDouble
        | Function::ToBigint
        | Function::Coalesce
        | Function::OfLargest
        | Function::Whole => return None,
    })
}

fn of_bigints(function: Function, a: i64, b: i64) -> Value {
    match function {
        Function::AddBigint => Value::Bigint(a.wrapping_add(b)),
        Function::SubtractBigint => Value::Bigint(a.wrapping_sub(b)),
        Function::MultiplyBigint => Value::Bigint(a.wrapping_mul(b)),
        Function::DivideBigint if b != 0 => Value::Bigint(a.wrapping_div(b)),
        _ => Value::Null,
    }
}

fn binary(function: Function, a: f64, b: f64) -> Option<f64> {
    let nan = a.is_nan() || b.is_nan();
    Some(match function {
        Function::Divide => a / b,
        Function::Power if b == 0.0 => 1.0,
        Function::Power if nan || a.abs() == 1.0 && b.is_infinite() => f64::NAN,
        Function::Power => libm::pow(a, b),
        Function::Min | Function::Max if nan => f64::NAN,
        Function::Min => a.min(b),
        Function::Max => a.max(b),
        // of other arguments
        Function::Exp
        | Function::Ln
        | Function::Sqrt
        | Function::Abs
        | Function::Floor
        | Function::Ceil
        | Function::RoundEven
        | Function::Sign
        | Function::Tanh
        | Function::Sigmoid
        | Function::Softplus
        | Function::Log1p
        | Function::Expm1
        | Function::Softmax
        | Function::NormalCdf
        | Function::Erf
        | Function::AddBigint
        | Function::SubtractBigint
        | Function::MultiplyBigint
        | Function::DivideBigint
        | Function::IsNan
        | Function::ToDouble
        | Function::ToBigint
        | Function::Coalesce
        | Function::OfLargest
        | Function::Whole => return None,
    })
}
