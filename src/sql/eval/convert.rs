//! CAST, and the conversions of arguments and list items that ksqlDB writes as casts.
//!
//! Each conversion is chosen from the two types when an expression is compiled. NULL stays NULL at every level of
//! nesting; what cannot be converted is an exception, which the nearest guard turns into NULL.

use std::sync::Arc;

use super::calendar;
use super::decimal::{Decimal, Rounding};
use super::number::{self, trim};
use super::run::{Evaluated, Thrown};
use super::value::Value;
use crate::schema::Type;

/// How a value of one type becomes a value of another.
#[derive(Clone, Debug)]
pub(super) enum Conversion {
    Same,
    /// Of a bare NULL.
    Null(Type),
    /// `toString`.
    Text(Type),
    PlainDecimal,
    Integer,
    Bigint,
    Double,
    Decimal(u32, u32),
    ParseBoolean,
    ParseInteger,
    ParseBigint,
    ParseDouble,
    ParseTime,
    ParseDate,
    ParseTimestamp,
    FormatTime,
    FormatDate,
    FormatTimestamp,
    TimeOfTimestamp,
    DateOfTimestamp,
    TimestampOfDate,
    Array(Box<Conversion>),
    Map(Box<Conversion>, Box<Conversion>),
    /// For each field of the target: the field of the source and its conversion, or NULL.
    Struct(Vec<Option<(usize, Conversion)>>),
}

/// Why there is no conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoConversion {
    /// ksqlDB refuses the CAST.
    Unsupported,
    /// ksqlDB has it, the evaluator does not; with the reason.
    NotEvaluated(&'static str),
}

impl Conversion {
    /// The conversion between two types.
    pub(super) fn between(from: &Type, to: &Type) -> Result<Self, NoConversion> {
        if from == to {
            return Ok(Conversion::Same);
        }
        Ok(match (from, to) {
            (Type::Decimal(..), Type::String) => Conversion::PlainDecimal,
            (Type::Time, Type::String) => Conversion::FormatTime,
            (Type::Date, Type::String) => Conversion::FormatDate,
            (Type::Timestamp, Type::String) => Conversion::FormatTimestamp,
            (Type::Bytes, Type::String) => return Err(NoConversion::Unsupported),
            (from, Type::String) if holds(from, is_map) => {
                return Err(NoConversion::NotEvaluated("the order of a map's entries is that of a hash table"));
            }
            (from, Type::String) if holds(from, is_time) => {
                return Err(NoConversion::NotEvaluated("the text of times inside depends on the server's time zone"));
            }
            (from, Type::String) => Conversion::Text(from.clone()),
            (Type::String, Type::Boolean) => Conversion::ParseBoolean,
            (Type::String, Type::Integer) => Conversion::ParseInteger,
            (Type::String, Type::Bigint) => Conversion::ParseBigint,
            (Type::String, Type::Double) => Conversion::ParseDouble,
            (Type::String, Type::Time) => Conversion::ParseTime,
            (Type::String, Type::Date) => Conversion::ParseDate,
            (Type::String, Type::Timestamp) => Conversion::ParseTimestamp,
            (Type::String, Type::Bytes) => {
                return Err(NoConversion::NotEvaluated("BYTES are compared and passed on only"));
            }
            (Type::Timestamp, Type::Time) => Conversion::TimeOfTimestamp,
            (Type::Timestamp, Type::Date) => Conversion::DateOfTimestamp,
            (Type::Date, Type::Timestamp) => Conversion::TimestampOfDate,
            (Type::Array(from), Type::Array(to)) => Conversion::Array(Box::new(Self::between(from, to)?)),
            (Type::Map(k1, v1), Type::Map(k2, v2)) => {
                Conversion::Map(Box::new(Self::between(k1, k2)?), Box::new(Self::between(v1, v2)?))
            }
            (Type::Struct(from), Type::Struct(to)) => {
                let mut fields = Vec::new();
                for field in to {
                    let source = from.iter().position(|other| other.name == field.name);
                    fields.push(match source.and_then(|index| Some((index, from.get(index)?))) {
                        Some((index, other)) => Some((index, Self::between(&other.ty, &field.ty)?)),
                        None => None,
                    });
                }
                Conversion::Struct(fields)
            }
            (from, to) if from.is_numeric() => match to {
                Type::Integer => Conversion::Integer,
                Type::Bigint => Conversion::Bigint,
                Type::Double => Conversion::Double,
                Type::Decimal(precision, scale) => Conversion::Decimal(*precision, *scale),
                _ => return Err(NoConversion::Unsupported),
            },
            (Type::String, Type::Decimal(precision, scale)) => Conversion::Decimal(*precision, *scale),
            _ => return Err(NoConversion::Unsupported),
        })
    }

    /// Converts a value of the source type.
    pub(super) fn apply(&self, value: Value) -> Evaluated {
        if value.is_null() {
            return Ok(value);
        }
        Ok(match (self, value) {
            (Conversion::Same, value) => value,
            (Conversion::Text(ty), value) => Value::string(value.java_string(Some(ty))),
            (Conversion::PlainDecimal, Value::Decimal(value)) => Value::string(value.to_plain_string()),
            (Conversion::Integer, value) => Value::Integer(to_integer(&value)?),
            (Conversion::Bigint, value) => Value::Bigint(to_bigint(&value)?),
            (Conversion::Double, value) => Value::Double(to_double(&value)?),
            (Conversion::Decimal(precision, scale), value) => {
                Value::Decimal(to_decimal(&value, *precision, *scale).ok_or(Thrown)?)
            }
            (parse, Value::String(text)) => parse.apply_to_text(&text)?,
            (Conversion::FormatTime, Value::Time(millis)) => {
                Value::string(calendar::format_time(millis).ok_or(Thrown)?)
            }
            (Conversion::FormatDate, Value::Date(millis)) => Value::string(calendar::format_date(millis)),
            (Conversion::FormatTimestamp, Value::Timestamp(millis)) => {
                Value::string(calendar::format_timestamp(millis))
            }
            (Conversion::TimeOfTimestamp, Value::Timestamp(millis)) => Value::Time(calendar::split_timestamp(millis).0),
            (Conversion::DateOfTimestamp, Value::Timestamp(millis)) => Value::Date(calendar::split_timestamp(millis).1),
            (Conversion::TimestampOfDate, Value::Date(millis)) => Value::Timestamp(millis),
            (Conversion::Array(item), Value::Array(list)) => {
                Value::array(list.items().into_iter().map(|value| item.apply(value)).collect::<Result<_, _>>()?)
            }
            (Conversion::Map(key, value), Value::Map(entries)) => {
                let mut converted = Vec::with_capacity(entries.len());
                for (k, v) in entries.iter() {
                    converted.push((key.apply(k.clone())?, value.apply(v.clone())?));
                }
                Value::map(converted)
            }
            (Conversion::Struct(fields), Value::Struct(values)) => {
                let mut converted = Vec::with_capacity(fields.len());
                for field in fields {
                    converted.push(match field {
                        Some((index, conversion)) => {
                            conversion.apply(values.get(*index).cloned().unwrap_or(Value::Null))?
                        }
                        None => Value::Null,
                    });
                }
                Value::Struct(converted.into())
            }
            // a value that is not of the source type
            _ => return Err(Thrown),
        })
    }

    fn apply_to_text(&self, text: &str) -> Evaluated {
        let text = trim(text);
        let value = match self {
            Conversion::ParseBoolean => Some(Value::Boolean(parse_boolean(text))),
            Conversion::ParseInteger => number::parse_int(text).map(Value::Integer),
            Conversion::ParseBigint => number::parse_long(text).map(Value::Bigint),
            Conversion::ParseDouble => number::parse_double(text).filter(|value| value.is_finite()).map(Value::Double),
            Conversion::ParseTime => calendar::parse_time(text).map(Value::Time),
            Conversion::ParseDate => calendar::parse_date(text).map(Value::Date),
            Conversion::ParseTimestamp => calendar::parse_timestamp(text).map(Value::Timestamp),
            _ => None,
        };
        value.ok_or(Thrown)
    }
}

/// Whether the type, or one inside it, is such a one.
fn holds(ty: &Type, such: fn(&Type) -> bool) -> bool {
    such(ty)
        || match ty {
            Type::Array(item) => holds(item, such),
            Type::Map(key, item) => holds(key, such) || holds(item, such),
            Type::Struct(fields) => fields.iter().any(|field| holds(&field.ty, such)),
            _ => false,
        }
}

fn is_map(ty: &Type) -> bool {
    matches!(ty, Type::Map(..))
}

/// Inside a list, ksqlDB writes it as Java does, in the time zone of the server.
fn is_time(ty: &Type) -> bool {
    matches!(ty, Type::Time | Type::Date | Type::Timestamp)
}

/// Whether the text begins `true` or `yes`.
pub(super) fn parse_boolean(text: &str) -> bool {
    begins(text, "true") || begins(text, "yes")
}

/// TRUE, FALSE or neither.
pub(super) fn parse_boolean_exactly(text: &str) -> Option<bool> {
    let text = trim(text);
    if parse_boolean(text) {
        Some(true)
    } else if begins(text, "false") || begins(text, "no") {
        Some(false)
    } else {
        None
    }
}

fn begins(text: &str, word: &str) -> bool {
    !text.is_empty() && word.get(..text.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(text))
}

/// A number as DOUBLE; NULL is the exception of unboxing it.
pub(super) fn to_double(value: &Value) -> Result<f64, Thrown> {
    match value {
        Value::Double(value) => Ok(*value),
        Value::Integer(value) => Ok(f64::from(*value)),
        Value::Bigint(value) => Ok(*value as f64),
        Value::Decimal(value) => Ok(value.to_double()),
        _ => Err(Thrown),
    }
}

/// A number as BIGINT: towards zero; DOUBLE saturates, DECIMAL wraps.
pub(super) fn to_bigint(value: &Value) -> Result<i64, Thrown> {
    match value {
        Value::Integer(value) => Ok(i64::from(*value)),
        Value::Bigint(value) => Ok(*value),
        Value::Double(value) => Ok(*value as i64),
        Value::Decimal(value) => Ok(value.to_long()),
        _ => Err(Thrown),
    }
}

/// A number as INTEGER: towards zero; DOUBLE saturates, BIGINT and DECIMAL wrap.
pub(super) fn to_integer(value: &Value) -> Result<i32, Thrown> {
    match value {
        Value::Double(value) => Ok(*value as i32),
        other => Ok(to_bigint(other)? as i32),
    }
}

/// A number or text as DECIMAL(precision, scale); `None` if it has more digits before the point.
pub(super) fn to_decimal(value: &Value, precision: u32, scale: u32) -> Option<Arc<Decimal>> {
    if precision == 0 || scale > precision {
        return None;
    }
    let (decimal, rounding) = match value {
        Value::Decimal(value) => {
            if value.precision() == u64::from(precision) && value.scale() == i64::from(scale) {
                return Some(value.clone());
            }
            ((**value).clone(), Rounding::HalfUp)
        }
        Value::Integer(value) => (Decimal::new(*value, 0).round(precision, Rounding::HalfUp)?, Rounding::Unnecessary),
        Value::Bigint(value) => (Decimal::new(*value, 0).round(precision, Rounding::HalfUp)?, Rounding::Unnecessary),
        Value::Double(value) => (Decimal::from_double(*value, precision)?, Rounding::HalfUp),
        Value::String(text) => (Decimal::parse(trim(text))?, Rounding::HalfUp),
        _ => return None,
    };
    // ksqlDB's limit passes through a double: there is none beyond 10^308
    let limit = format!("1e{}", precision - scale).parse().ok().and_then(Decimal::value_of)?;
    if decimal.abs().compare(&limit).is_ge() {
        return None;
    }
    decimal.set_scale(i64::from(scale), rounding).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(value: Value, from: &Type, to: &Type) -> Evaluated {
        Conversion::between(from, to).unwrap().apply(value)
    }

    #[test]
    fn numbers_are_truncated_saturated_or_wrapped() {
        let double = |x| cast(Value::Double(x), &Type::Double, &Type::Integer).unwrap();
        assert_eq!(double(-1.9), Value::Integer(-1));
        assert_eq!(double(1e20), Value::Integer(i32::MAX));
        assert_eq!(double(f64::NAN), Value::Integer(0));
        assert_eq!(cast(Value::Bigint(1 << 32), &Type::Bigint, &Type::Integer), Ok(Value::Integer(0)));
        let decimal = Type::Decimal(4, 2);
        let to_decimal = |value, from: &Type| cast(value, from, &decimal).map(|value| value.java_string(None));
        assert_eq!(to_decimal(Value::Double(1.005), &Type::Double).as_deref(), Ok("1.01"), "rounded twice");
        assert_eq!(to_decimal(Value::string(" -1.5E0 "), &Type::String).as_deref(), Ok("-1.50"));
        assert_eq!(to_decimal(Value::Integer(100), &Type::Integer), Err(Thrown));
        assert_eq!(to_decimal(Value::Double(f64::NAN), &Type::Double), Err(Thrown));
    }

    #[test]
    fn texts_are_read_or_fail() {
        assert_eq!(cast(Value::string(" Yes "), &Type::String, &Type::Boolean), Ok(Value::Boolean(true)));
        assert_eq!(cast(Value::string("yess"), &Type::String, &Type::Boolean), Ok(Value::Boolean(false)));
        assert_eq!(cast(Value::string("7.5"), &Type::String, &Type::Integer), Err(Thrown));
        assert_eq!(cast(Value::string("NaN"), &Type::String, &Type::Double), Err(Thrown));
        assert_eq!(cast(Value::Null, &Type::String, &Type::Double), Ok(Value::Null));
        assert!(Conversion::between(&Type::Boolean, &Type::Integer).is_err());
        assert!(Conversion::between(&Type::Integer, &Type::Array(Box::new(Type::Integer))).is_err());
    }

    #[test]
    fn structures_are_converted_item_by_item() {
        let from = Type::Array(Box::new(Type::Double));
        let to = Type::Array(Box::new(Type::String));
        let array = Value::array(vec![Value::Null, Value::Double(2.0)]);
        assert_eq!(cast(array.clone(), &from, &to), Ok(Value::array(vec![Value::Null, Value::string("2.0")])));
        assert_eq!(cast(array, &from, &Type::String), Ok(Value::string("[null, 2.0]")));
    }
}
