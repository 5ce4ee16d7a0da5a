//! Values of the model, of the score and of SQL, as one of the other two, and in words.

use super::bound::{Range, Values};
use crate::model::{Elem, Value};
use crate::schema::Type;
use crate::score;
use crate::sql::eval::Value as Sql;

/// The value as messages have it.
pub(super) fn text(value: &score::Value) -> String {
    match value {
        score::Value::Null => "NULL".to_owned(),
        score::Value::Double(x) => format!("{x:?}"),
        score::Value::Bigint(x) => x.to_string(),
        score::Value::Text(text) => format!("'{text}'"),
        score::Value::Boolean(truth) => truth.to_string(),
    }
}

pub(super) fn describe(range: &Range) -> String {
    let null = if range.null { " or NULL" } else { "" };
    match &range.values {
        None => "NULL".to_owned(),
        Some(Values::Numbers(x)) => {
            let nan = if x.nan { " or NaN" } else { "" };
            format!("{:?} to {:?}{nan}{null}", x.low, x.high)
        }
        Some(Values::Truth { yes: true, no: true }) => format!("true or false{null}"),
        Some(Values::Truth { yes, .. }) => format!("{yes}{null}"),
        Some(Values::Set(set)) => format!("{}{null}", set.iter().map(text).collect::<Vec<_>>().join(" or ")),
        Some(Values::Any) => format!("anything{null}"),
    }
}

fn number(value: &Sql) -> Option<f64> {
    Some(match value {
        Sql::Double(x) => *x,
        Sql::Integer(x) => f64::from(*x),
        Sql::Bigint(x) => *x as f64,
        // the decimal's text is its value, read with correct rounding
        Sql::Decimal(x) => x.to_plain_string().parse().ok()?,
        _ => return None,
    })
}

fn integer(value: &Sql) -> Option<i64> {
    match value {
        Sql::Integer(x) => Some(i64::from(*x)),
        Sql::Bigint(x) => Some(*x),
        _ => None,
    }
}

/// A column's value as the model takes it.
pub(super) fn feature(elem: Elem, value: &Sql) -> Value {
    match (elem, value) {
        (Elem::Number, Sql::Boolean(truth)) => Value::Number(f64::from(u8::from(*truth))),
        (Elem::Integer, Sql::Boolean(truth)) => Value::Integer(i64::from(*truth)),
        (Elem::Number, value) => number(value).map_or(Value::Missing, Value::Number),
        (Elem::Integer, value) => integer(value).map_or(Value::Missing, Value::Integer),
        (Elem::Text, Sql::String(text)) => Value::Text(text.to_string()),
        (Elem::Boolean, Sql::Boolean(truth)) => Value::Boolean(*truth),
        _ => Value::Missing,
    }
}

/// A column's value as the score takes it.
pub(super) fn input(ty: &Type, value: &Sql) -> score::Value {
    match (ty, value) {
        (Type::Double, value) => number(value).map_or(score::Value::Null, score::Value::Double),
        (Type::Bigint, value) => integer(value).map_or(score::Value::Null, score::Value::Bigint),
        (Type::String, Sql::String(text)) => score::Value::Text(text.to_string()),
        (Type::Boolean, Sql::Boolean(truth)) => score::Value::Boolean(*truth),
        _ => score::Value::Null,
    }
}

pub(super) fn of_model(value: &Value) -> score::Value {
    match value {
        Value::Number(x) => score::Value::Double(*x),
        Value::Integer(x) => score::Value::Bigint(*x),
        Value::Text(text) => score::Value::Text(text.clone()),
        Value::Boolean(truth) => score::Value::Boolean(*truth),
        Value::Missing => score::Value::Null,
    }
}

pub(super) fn of_sql(value: &Sql) -> score::Value {
    match value {
        Sql::Double(x) => score::Value::Double(*x),
        Sql::Integer(x) => score::Value::Bigint(i64::from(*x)),
        Sql::Bigint(x) => score::Value::Bigint(*x),
        Sql::String(text) => score::Value::Text(text.to_string()),
        Sql::Boolean(truth) => score::Value::Boolean(*truth),
        _ => score::Value::Null,
    }
}
