//! The compiled form of an expression, and its evaluation row by row.
//!
//! ksqlDB evaluates an expression as Java code: NULL in arithmetic, a division by zero, a text that is no number are
//! exceptions, and an exception makes the nearest guard NULL: an argument that is itself a call, `->` or CAST, an item
//! of an array, map or struct, and last the whole SELECT item. [`Thrown`] is that exception, [`Node::Guard`] and
//! [`Node::Cast`] are the guards. The nodes say exactly where Java would look at an operand, so that an operand which
//! is not looked at cannot throw.

use super::compare::{self, Comparator};
use super::convert::{Conversion, to_bigint, to_decimal, to_double, to_integer};
use super::functions::{Prepared, Run};
use super::value::Value;
use crate::schema::Type;
use crate::sql::ast::{Comparison, Operator};

/// A Java exception on its way to the nearest guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thrown;

/// What an evaluation gives.
pub(super) type Evaluated = Result<Value, Thrown>;

/// What an event has besides its columns, all zero by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `ROWTIME`, milliseconds since the epoch.
    pub rowtime: i64,
    /// `ROWPARTITION`.
    pub rowpartition: i32,
    /// `ROWOFFSET`.
    pub rowoffset: i64,
    /// `UNIX_TIMESTAMP()`, milliseconds since the epoch.
    pub now: i64,
}

/// A column that every stream has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pseudo {
    Rowtime,
    Rowpartition,
    Rowoffset,
}

/// The row at hand, and the variables of the lambdas around the current place.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub columns: &'a [Value],
    pub event: &'a Event,
    pub variables: Vec<Value>,
}

/// How two numbers, or texts, are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Integer,
    Bigint,
    Double,
    Decimal(u32, u32),
    /// `+` of texts, for which NULL is the text `null`.
    Text,
}

/// A node of a compiled expression.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Value),
    Column(usize),
    Pseudo(Pseudo),
    Variable(usize),
    /// NULL instead of an exception.
    Guard(Box<Node>),
    Cast(Box<Node>, Conversion),
    Field(Box<Node>, usize),
    /// An item of an array.
    Item(Box<Node>, Box<Node>),
    /// An entry of a map.
    Entry(Box<Node>, Box<Node>),
    Call(Call),
    Array(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Struct(Vec<Node>),
    Case(Vec<(Node, Node)>, Option<Box<Node>>),
    Negate(Box<Node>, Arithmetic),
    Plus(Box<Node>, Arithmetic),
    Chain(Box<Node>, Vec<(Operator, Arithmetic, Node)>),
    /// What Java evaluates twice: the second time sees what the first has sorted.
    Twice(Box<Node>),
    /// A condition whose exceptions count and whose value does not, with the value that stands for it.
    Dropped(Box<Node>, bool),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Compare(Comparison, Comparator, Box<Node>, Box<Node>),
    Between {
        value: Box<Node>,
        low: (Comparator, Box<Node>),
        high: (Comparator, Box<Node>),
    },
    In(Box<Node>, Vec<Node>),
    Like(Box<Node>, Box<Node>, Option<char>),
    IsNull(Box<Node>),
}

/// A call of a function.
pub(super) struct Call {
    pub function: &'static str,
    pub run: Run,
    /// What [`Run::Prepare`] made.
    pub prepared: Option<Prepared>,
    pub arguments: Vec<Node>,
    /// The types of the arguments, for [`Run::Typed`].
    pub types: Vec<Option<Type>>,
    pub closures: Vec<Closure>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("function", &self.function)
            .field("arguments", &self.arguments)
            .field("closures", &self.closures)
            .finish()
    }
}

/// A lambda: its variables stand in the frame from `slot` on.
#[derive(Debug)]
pub(super) struct Closure {
    pub slot: usize,
    pub body: Node,
}

impl Closure {
    /// The body's value for these arguments.
    pub(super) fn call<const N: usize>(&self, frame: &mut Frame<'_>, arguments: [Value; N]) -> Evaluated {
        if frame.variables.len() < self.slot + N {
            frame.variables.resize(self.slot + N, Value::Null);
        }
        for (variable, argument) in frame.variables.iter_mut().skip(self.slot).zip(arguments) {
            *variable = argument;
        }
        self.body.eval(frame)
    }

    /// Whether the body is true; NULL is an exception.
    pub(super) fn holds<const N: usize>(&self, frame: &mut Frame<'_>, arguments: [Value; N]) -> Result<bool, Thrown> {
        as_bool(&self.call(frame, arguments)?)
    }
}

fn as_bool(value: &Value) -> Result<bool, Thrown> {
    match value {
        Value::Boolean(value) => Ok(*value),
        _ => Err(Thrown),
    }
}

/// Runs `work`, on a new piece of stack if the current one nears its end: expressions may be deep and threads small.
pub(super) fn with_stack<R>(work: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(128 << 10, 2 << 20, work)
}

impl Node {
    /// Evaluates the node for the frame's row.
    pub(super) fn eval(&self, frame: &mut Frame<'_>) -> Evaluated {
        match self {
            Node::Constant(value) => Ok(value.clone()),
            Node::Column(index) => Ok(frame.columns.get(*index).cloned().unwrap_or(Value::Null)),
            inner => with_stack(|| inner.eval_inside(frame)),
        }
    }

    fn eval_inside(&self, frame: &mut Frame<'_>) -> Evaluated {
        Ok(match self {
            Node::Constant(value) => value.clone(),
            Node::Column(index) => frame.columns.get(*index).cloned().unwrap_or(Value::Null),
            Node::Pseudo(column) => match column {
                Pseudo::Rowtime => Value::Bigint(frame.event.rowtime),
                Pseudo::Rowpartition => Value::Integer(frame.event.rowpartition),
                Pseudo::Rowoffset => Value::Bigint(frame.event.rowoffset),
            },
            Node::Variable(slot) => frame.variables.get(*slot).cloned().unwrap_or(Value::Null),
            Node::Guard(inner) => inner.eval(frame).unwrap_or(Value::Null),
            Node::Cast(inner, conversion) => {
                inner.eval(frame).and_then(|value| conversion.apply(value)).unwrap_or(Value::Null)
            }
            Node::Field(base, index) => match base.eval(frame)? {
                Value::Struct(values) => values.get(*index).cloned().unwrap_or(Value::Null),
                _ => Value::Null,
            },
            Node::Item(base, index) => match base.eval(frame)? {
                Value::Array(list) => {
                    let index = known(&index.eval(frame)?).and_then(to_integer)?;
                    list.with(|items| item(items, index))
                }
                _ => Value::Null,
            },
            Node::Entry(base, key) => match base.eval(frame)? {
                map @ Value::Map(_) => map.entry(&key.eval(frame)?),
                _ => Value::Null,
            },
            Node::Call(call) => return call.eval(frame),
            Node::Array(items) => Value::array(eval_all(items, frame)?),
            Node::Map(entries) => {
                let mut values = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    values.push((key.eval(frame)?, value.eval(frame)?));
                }
                Value::map(values)
            }
            Node::Struct(fields) => Value::Struct(eval_all(fields, frame)?.into()),
            Node::Case(arms, otherwise) => {
                for (condition, value) in arms {
                    if as_bool(&condition.eval(frame)?)? {
                        return value.eval(frame);
                    }
                }
                match otherwise {
                    Some(value) => return value.eval(frame),
                    None => Value::Null,
                }
            }
            Node::Negate(inner, arithmetic) => negate(&inner.eval(frame)?, *arithmetic)?,
            Node::Plus(inner, arithmetic) => {
                let value = inner.eval(frame)?;
                negate(&value, *arithmetic).map(|_| value)?
            }
            Node::Chain(first, rest) => {
                let mut value = first.eval(frame)?;
                for (operator, arithmetic, operand) in rest {
                    let operand = operand.eval(frame)?;
                    value = arithmetic.apply(*operator, &value, &operand)?;
                }
                value
            }
            Node::Twice(inner) => {
                inner.eval(frame)?;
                return inner.eval(frame);
            }
            Node::Dropped(inner, value) => {
                inner.eval(frame)?;
                Value::Boolean(*value)
            }
            Node::And(operands) => {
                for operand in operands {
                    if !as_bool(&operand.eval(frame)?)? {
                        return Ok(Value::Boolean(false));
                    }
                }
                Value::Boolean(true)
            }
            Node::Or(operands) => {
                for operand in operands {
                    if as_bool(&operand.eval(frame)?)? {
                        return Ok(Value::Boolean(true));
                    }
                }
                Value::Boolean(false)
            }
            Node::Not(inner) => Value::Boolean(!as_bool(&inner.eval(frame)?)?),
            Node::Compare(comparison, comparator, left, right) => {
                let left = left.eval(frame)?;
                if left.is_null() && *comparison != Comparison::Distinct {
                    return Ok(Value::Boolean(false));
                }
                let right = right.eval(frame)?;
                Value::Boolean(match (left.is_null(), right.is_null()) {
                    (false, false) => comparator.holds(*comparison, &left, &right)?,
                    (left, right) => *comparison == Comparison::Distinct && left != right,
                })
            }
            Node::Between { value, low, high } => {
                let value = value.eval(frame)?;
                let ends = [(Comparison::GreaterOrEqual, low), (Comparison::LessOrEqual, high)];
                for (comparison, (comparator, end)) in ends {
                    if value.is_null() {
                        return Ok(Value::Boolean(false));
                    }
                    let end = end.eval(frame)?;
                    if end.is_null() || !comparator.holds(comparison, &value, &end)? {
                        return Ok(Value::Boolean(false));
                    }
                }
                Value::Boolean(true)
            }
            Node::In(value, items) => {
                let value = value.eval(frame)?;
                for item in eval_all(items, frame)? {
                    if compare::is_match(&value, &item)? {
                        return Ok(Value::Boolean(true));
                    }
                }
                Value::Boolean(false)
            }
            Node::Like(value, pattern, escape) => match (value.eval(frame)?, pattern.eval(frame)?) {
                (Value::String(value), Value::String(pattern)) => {
                    Value::Boolean(compare::like(&value, &pattern, *escape).ok_or(Thrown)?)
                }
                _ => return Err(Thrown),
            },
            Node::IsNull(inner) => Value::Boolean(inner.eval(frame)?.is_null()),
        })
    }
}

fn eval_all(nodes: &[Node], frame: &mut Frame<'_>) -> Result<Vec<Value>, Thrown> {
    let mut values = Vec::with_capacity(nodes.len());
    for node in nodes {
        values.push(node.eval(frame)?);
    }
    Ok(values)
}

/// From 1, or from the end for negative numbers; NULL outside.
fn item(items: &[Value], index: i32) -> Value {
    let index = i64::from(index);
    let index = if index >= 0 { index - 1 } else { items.len() as i64 + index };
    usize::try_from(index).ok().and_then(|index| items.get(index)).cloned().unwrap_or(Value::Null)
}

impl Call {
    fn eval(&self, frame: &mut Frame<'_>) -> Evaluated {
        match (self.run, self.arguments.as_slice()) {
            (Run::Double(run), [argument]) => Ok(match argument.eval(frame)? {
                Value::Null => Value::Null,
                value => Value::Double(run(to_double(&value)?)),
            }),
            (Run::Doubles(run), [a, b]) => Ok(match (a.eval(frame)?, b.eval(frame)?) {
                (Value::Null, _) | (_, Value::Null) => Value::Null,
                (a, b) => Value::Double(run(to_double(&a)?, to_double(&b)?)),
            }),
            (Run::Values(run), arguments) => run(&eval_all(arguments, frame)?),
            (Run::Typed(run), arguments) => run(&eval_all(arguments, frame)?, &self.types),
            (Run::Event(run), _) => Ok(run(frame.event)),
            (Run::Lambdas(run), arguments) => {
                let values = eval_all(arguments, frame)?;
                run(frame, &values, &self.closures)
            }
            (Run::Prepare(_), arguments) => {
                let values = eval_all(arguments, frame)?;
                self.prepared.as_ref().map_or(Err(Thrown), |run| run(&values))
            }
            (Run::Double(_) | Run::Doubles(_) | Run::Refused(_), _) => Err(Thrown),
        }
    }
}

fn negate(value: &Value, arithmetic: Arithmetic) -> Evaluated {
    Ok(match arithmetic {
        Arithmetic::Integer => match value {
            Value::Integer(value) => Value::Integer(value.wrapping_neg()),
            _ => return Err(Thrown),
        },
        Arithmetic::Bigint => match value {
            Value::Bigint(value) => Value::Bigint(value.wrapping_neg()),
            _ => return Err(Thrown),
        },
        Arithmetic::Double => Value::Double(-to_double(value)?),
        Arithmetic::Decimal(precision, _) => match value {
            Value::Decimal(value) => {
                let negated = value.negate().round(precision, super::decimal::Rounding::Unnecessary);
                Value::decimal(negated.ok_or(Thrown)?)
            }
            _ => return Err(Thrown),
        },
        Arithmetic::Text => return Err(Thrown),
    })
}

impl Arithmetic {
    /// Combines two operands of the kind, or of a narrower one.
    pub(super) fn apply(self, operator: Operator, left: &Value, right: &Value) -> Evaluated {
        Ok(match self {
            Arithmetic::Double => Value::Double(doubles(operator, to_double(left)?, to_double(right)?)),
            Arithmetic::Integer => {
                let (a, b) = (known(left).and_then(to_integer)?, known(right).and_then(to_integer)?);
                Value::Integer(match operator {
                    Operator::Add => a.wrapping_add(b),
                    Operator::Subtract => a.wrapping_sub(b),
                    Operator::Multiply => a.wrapping_mul(b),
                    _ if b == 0 => return Err(Thrown),
                    Operator::Divide => a.wrapping_div(b),
                    Operator::Modulo => a.wrapping_rem(b),
                    Operator::Concat => return Err(Thrown),
                })
            }
            Arithmetic::Bigint => {
                let (a, b) = (to_bigint(left)?, to_bigint(right)?);
                Value::Bigint(match operator {
                    Operator::Add => a.wrapping_add(b),
                    Operator::Subtract => a.wrapping_sub(b),
                    Operator::Multiply => a.wrapping_mul(b),
                    _ if b == 0 => return Err(Thrown),
                    Operator::Divide => a.wrapping_div(b),
                    Operator::Modulo => a.wrapping_rem(b),
                    Operator::Concat => return Err(Thrown),
                })
            }
            Arithmetic::Decimal(precision, scale) => {
                let (a, b) = (as_decimal(left)?, as_decimal(right)?);
                let result = match operator {
                    Operator::Add => a.add(&b, precision, scale),
                    Operator::Subtract => a.add(&b.negate(), precision, scale),
                    Operator::Multiply => a.multiply(&b, precision, scale),
                    Operator::Divide => a.divide(&b, precision, scale),
                    Operator::Modulo => a.remainder(&b, precision, scale),
                    Operator::Concat => None,
                };
                Value::decimal(result.ok_or(Thrown)?)
            }
            Arithmetic::Text => Value::string(left.java_string(None) + &right.java_string(None)),
        })
    }
}

fn known(value: &Value) -> Result<&Value, Thrown> {
    if value.is_null() { Err(Thrown) } else { Ok(value) }
}

/// An operand of decimal arithmetic: INTEGER and BIGINT as DECIMAL(10, 0) and DECIMAL(19, 0).
fn as_decimal(value: &Value) -> Result<std::sync::Arc<super::decimal::Decimal>, Thrown> {
    match value {
        Value::Decimal(value) => Ok(value.clone()),
        Value::Integer(_) => to_decimal(value, 10, 0).ok_or(Thrown),
        Value::Bigint(_) => to_decimal(value, 19, 0).ok_or(Thrown),
        _ => Err(Thrown),
    }
}

/// IEEE arithmetic; `%` is exact and takes the dividend's sign, as in Java.
pub(super) fn doubles(operator: Operator, a: f64, b: f64) -> f64 {
    match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Modulo => a % b,
        Operator::Concat => f64::NAN,
    }
}
