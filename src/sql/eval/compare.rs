//! Comparisons as SQL writes them: `=`, `<`, IS DISTINCT FROM, IN, LIKE.
//!
//! Both operands are not NULL here; what NULL means is decided in [`run`](super::run). Between DOUBLEs `=` and `<>` are
//! both false for NaN, while IN uses `equals`, for which NaN equals NaN and 0.0 differs from −0.0.

use std::cmp::Ordering;

use super::calendar;
use super::convert::{parse_boolean_exactly, to_bigint, to_decimal, to_double};
use super::decimal::Decimal;
use super::number;
use super::run::Thrown;
use super::value::{Value, compare_strings};
use crate::schema::Type;
use crate::sql::ast::Comparison;

/// How operands of two types are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparator {
    Whole,
    Double,
    Decimal,
    Text,
    Boolean,
    Time,
    Date,
    Timestamp,
    Bytes,
    /// Arrays, maps and structs, by `equals`.
    Content,
}

impl Comparator {
    /// For two types that are [comparable](super::types::comparable).
    pub(super) fn of(left: &Type, right: &Type) -> Self {
        let either = |wanted: fn(&Type) -> bool| wanted(left) || wanted(right);
        if either(|ty| matches!(ty, Type::Decimal(..))) {
            Comparator::Decimal
        } else if either(|ty| *ty == Type::Time) {
            Comparator::Time
        } else if either(|ty| *ty == Type::Timestamp) {
            Comparator::Timestamp
        } else if either(|ty| *ty == Type::Date) {
            Comparator::Date
        } else {
            match left {
                Type::String => Comparator::Text,
                Type::Boolean => Comparator::Boolean,
                Type::Bytes => Comparator::Bytes,
                Type::Array(_) | Type::Map(..) | Type::Struct(_) => Comparator::Content,
                _ if either(|ty| *ty == Type::Double) => Comparator::Double,
                _ => Comparator::Whole,
            }
        }
    }

    /// Compares two values that are not NULL.
    pub(super) fn holds(self, comparison: Comparison, left: &Value, right: &Value) -> Result<bool, Thrown> {
        Ok(match self {
            Comparator::Double => doubles(comparison, to_double(left)?, to_double(right)?),
            Comparator::Whole => by_order(comparison, to_bigint(left)?.cmp(&to_bigint(right)?)),
            Comparator::Decimal => by_order(comparison, exact(left)?.compare(&exact(right)?)),
            Comparator::Text => match (left, right) {
                (Value::String(left), Value::String(right)) => by_order(comparison, compare_strings(left, right)),
                _ => return Err(Thrown),
            },
            Comparator::Boolean | Comparator::Content => {
                let equal = left.java_equals(right);
                if matches!(comparison, Comparison::Equal | Comparison::NotDistinct) { equal } else { !equal }
            }
            Comparator::Bytes => by_order(comparison, left.java_compare(right).ok_or(Thrown)?),
            Comparator::Time => {
                by_order(comparison, millis(left, calendar::parse_time)?.cmp(&millis(right, calendar::parse_time)?))
            }
            Comparator::Date => {
                by_order(comparison, millis(left, calendar::parse_date)?.cmp(&millis(right, calendar::parse_date)?))
            }
            Comparator::Timestamp => by_order(
                comparison,
                millis(left, calendar::parse_timestamp)?.cmp(&millis(right, calendar::parse_timestamp)?),
            ),
        })
    }
}

fn by_order(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal | Comparison::NotDistinct => order.is_eq(),
        Comparison::NotEqual | Comparison::Distinct => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// Equal is ≤ and ≥, different is < or >: both false if one is NaN.
pub(super) fn doubles(comparison: Comparison, a: f64, b: f64) -> bool {
    match comparison {
        Comparison::Equal => a == b,
        Comparison::NotEqual | Comparison::Distinct => a.partial_cmp(&b).is_some_and(Ordering::is_ne),
        Comparison::NotDistinct => a.partial_cmp(&b).is_none_or(Ordering::is_eq),
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
    }
}

/// A number as DECIMAL; a DOUBLE as its text says, NaN and infinities fail.
fn exact(value: &Value) -> Result<Decimal, Thrown> {
    match value {
        Value::Decimal(value) => Ok((**value).clone()),
        Value::Double(value) => Decimal::value_of(*value).ok_or(Thrown),
        other => Ok(Decimal::new(to_bigint(other)?, 0)),
    }
}

fn millis(value: &Value, parse: fn(&str) -> Option<i64>) -> Result<i64, Thrown> {
    match value {
        Value::Time(millis) | Value::Date(millis) | Value::Timestamp(millis) => Ok(*millis),
        Value::String(text) => parse(text).ok_or(Thrown),
        _ => Err(Thrown),
    }
}

/// Whether an item of an IN list matches; NULL never does, except inside structures.
pub(super) fn is_match(value: &Value, item: &Value) -> Result<bool, Thrown> {
    Ok(match (value, item) {
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Array(a), Value::Array(b)) => {
            let (a, b) = (a.items(), b.items());
            a.len() == b.len() && all_match(a.iter().zip(&b))?
        }
        (Value::Map(a), Value::Map(b)) => {
            let others: Vec<Value> = a.iter().map(|(key, _)| item.entry(key)).collect();
            a.len() == b.len() && all_match(a.iter().map(|(_, value)| value).zip(&others))?
        }
        (Value::Struct(a), Value::Struct(b)) => a.len() == b.len() && all_match(a.iter().zip(b.iter()))?,
        _ if value.java_equals(item) => true,
        (Value::String(text), other) | (other, Value::String(text)) => parsed_like(text, other),
        _ => numbers_match(value, item)?,
    })
}

fn all_match<'a>(mut pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Result<bool, Thrown> {
    pairs.try_fold(true, |all, (a, b)| Ok(all && (a.is_null() && b.is_null() || is_match(a, b)?)))
}

/// Whether the text, read as the other value's type, equals it.
fn parsed_like(text: &str, other: &Value) -> bool {
    let parsed = match other {
        Value::Boolean(_) => parse_boolean_exactly(text).map(Value::Boolean),
        Value::Integer(_) => number::parse_int(text).map(Value::Integer),
        Value::Bigint(_) => number::parse_long(text).map(Value::Bigint),
        Value::Double(_) => number::parse_double(text).map(Value::Double),
        Value::Decimal(_) => Decimal::parse(text).map(Value::decimal),
        _ => None,
    };
    parsed.is_some_and(|parsed| parsed.java_equals(other))
}

/// The item is taken to the value's type first.
fn numbers_match(value: &Value, item: &Value) -> Result<bool, Thrown> {
    let Ok(as_double) = to_double(item) else {
        return Ok(false);
    };
    let converted = match value {
        Value::Integer(_) => Value::Integer(super::convert::to_integer(item)?),
        Value::Bigint(_) => Value::Bigint(to_bigint(item)?),
        Value::Double(_) => Value::Double(as_double),
        Value::Decimal(value) => {
            let item = exact(item)?;
            let scaled = item.set_scale(value.scale(), super::decimal::Rounding::Unnecessary).ok_or(Thrown)?;
            Value::decimal(scaled)
        }
        _ => return Ok(false),
    };
    Ok(value.java_equals(&converted))
}

/// A DECIMAL literal in the digits of a type, exactly; for lists.
pub(super) fn fitted(value: &Value, precision: u32, scale: u32) -> Option<Value> {
    let exact = match value {
        Value::String(text) => Decimal::parse(number::trim(text))?,
        other => exact(other).ok()?,
    };
    exact.set_scale(i64::from(scale), super::decimal::Rounding::Unnecessary)?;
    to_decimal(&Value::decimal(exact), precision, scale).map(Value::Decimal)
}

/// A pattern of LIKE: text between `%` and `_`, neither of which matches the end of a line.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    One(char),
    AnyOne,
    AnyMany,
}

/// `value LIKE pattern`; `None` if the pattern ends in its escape character.
pub(super) fn like(value: &str, pattern: &str, escape: Option<char>) -> Option<bool> {
    let mut pieces = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            c if Some(c) == escape => Piece::One(chars.next()?),
            '%' => Piece::AnyMany,
            '_' => Piece::AnyOne,
            c => Piece::One(c),
        });
    }
    Some(matches(&value.chars().collect::<Vec<_>>(), &pieces))
}

/// Greedy with one point of return, which suffices because the last `%` may take over from the ones before.
fn matches(text: &[char], pattern: &[Piece]) -> bool {
    let within_line = |c: char| !matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let (mut at, mut piece) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < text.len() {
        let fits = match pattern.get(piece) {
            Some(Piece::AnyMany) => {
                back = Some((piece, at));
                piece += 1;
                continue;
            }
            Some(Piece::AnyOne) => within_line(text[at]),
            Some(Piece::One(c)) => text[at] == *c,
            None => false,
        };
        if fits {
            (at, piece) = (at + 1, piece + 1);
            continue;
        }
        match back {
            Some((many, start)) if within_line(text[start]) => {
                back = Some((many, start + 1));
                (at, piece) = (start + 1, many + 1);
            }
            _ => return false,
        }
    }
    pattern.get(piece..).unwrap_or_default().iter().all(|piece| *piece == Piece::AnyMany)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_neither_equal_nor_different() {
        assert!(!doubles(Comparison::Equal, f64::NAN, f64::NAN));
        assert!(!doubles(Comparison::NotEqual, f64::NAN, 1.0));
        assert!(doubles(Comparison::Equal, 0.0, -0.0));
        assert_eq!(is_match(&Value::Double(f64::NAN), &Value::Double(f64::NAN)), Ok(true));
        assert_eq!(is_match(&Value::Double(0.0), &Value::Double(-0.0)), Ok(false));
    }

    #[test]
    fn like_matches_whole_lines() {
        for (value, pattern, expected) in [
            ("abc", "a%", true),
            ("abc", "_b_", true),
            ("abc", "b", false),
            ("", "%", true),
            ("a.c", "a.c", true),
            ("abc", "a.c", false),
            ("xaxbxc", "%a%b%c", true),
            ("aab", "%ab", true),
            ("a\nb", "a%b", false),
            ("a\nb", "a_b", false),
            ("😀", "_", true),
            ("\n%", "%%", false),
        ] {
            assert_eq!(like(value, pattern, None), Some(expected), "{value:?} LIKE {pattern:?}");
        }
        assert_eq!(like("50%", "50!%", Some('!')), Some(true));
        assert_eq!(like("50x", "50!%", Some('!')), Some(false));
        assert_eq!(like("50", "50!", Some('!')), None);
    }
}
