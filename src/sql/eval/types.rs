//! ksqlDB's rules of types: arithmetic, comparison, and the common type of a list.

use super::decimal::Decimal;
use super::functions::width_of;
use crate::schema::{Field, Type};
use crate::sql::ast::{Comparison, Operator};

/// A DECIMAL's precision and scale.
pub(super) type Digits = (u32, u32);

/// INTEGER and BIGINT as DECIMAL.
pub(super) fn digits_of(ty: &Type) -> Option<Digits> {
    match ty {
        Type::Integer => Some((10, 0)),
        Type::Bigint => Some((19, 0)),
        Type::Decimal(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}

/// The type of `left operator right`; `None` if there is none. Everything grows, nothing overflows.
pub(super) fn arithmetic(operator: Operator, left: &Type, right: &Type) -> Option<Type> {
    if let (Operator::Add, Type::String, Type::String) = (operator, left, right) {
        return Some(Type::String);
    }
    let (l, r) = (width_of(left)?, width_of(right)?);
    let wider = if l <= r { right } else { left };
    match wider {
        Type::Decimal(..) => decimal_arithmetic(operator, digits_of(left)?, digits_of(right)?),
        other => Some(other.clone()),
    }
}

fn decimal_arithmetic(operator: Operator, (p1, s1): Digits, (p2, s2): Digits) -> Option<Type> {
    let (whole1, whole2) = (p1.checked_sub(s1)?, p2.checked_sub(s2)?);
    let scale = s1.max(s2);
    let (precision, scale) = match operator {
        Operator::Add | Operator::Subtract => (scale.checked_add(whole1.max(whole2))?.checked_add(1)?, scale),
        Operator::Multiply => (p1.checked_add(p2)?.checked_add(1)?, s1.checked_add(s2)?),
        Operator::Divide => {
            let scale = s1.checked_add(p2)?.checked_add(1)?.max(6);
            (whole1.checked_add(s2)?.checked_add(scale)?, scale)
        }
        Operator::Modulo => (whole1.min(whole2).checked_add(scale)?, scale),
        Operator::Concat => return None,
    };
    // DECIMAL(0, 0) does not exist
    (precision > 0).then_some(Type::Decimal(precision, scale))
}

/// A DECIMAL that holds both.
pub(super) fn widen(a: &Type, b: &Type) -> Option<Type> {
    let ((p1, s1), (p2, s2)) = (digits_of(a)?, digits_of(b)?);
    let scale = s1.max(s2);
    Some(Type::Decimal(p1.checked_sub(s1)?.max(p2.checked_sub(s2)?).checked_add(scale)?, scale))
}

/// The type of ROUND(decimal); DECIMAL(p, p) has none.
pub(super) fn with_scale_zero(ty: &Type) -> Option<Type> {
    match ty {
        Type::Decimal(precision, scale) if precision > scale => Some(Type::Decimal(precision - scale, 0)),
        _ => None,
    }
}

/// The type of a DECIMAL literal: its digits, with a zero before the point.
pub(super) fn of_decimal(value: &Decimal) -> Type {
    let scale = value.scale().max(0) as u32;
    let below_one = value.compare(&Decimal::new(1, 0)).is_lt() && value.compare(&Decimal::new(-1, 0)).is_gt();
    if below_one { Type::Decimal(scale + 1, scale) } else { Type::Decimal(value.precision() as u32, scale) }
}

/// Whether values of these types may be compared.
pub(super) fn comparable(comparison: Comparison, left: &Type, right: &Type) -> bool {
    let equality =
        matches!(comparison, Comparison::Equal | Comparison::NotEqual | Comparison::Distinct | Comparison::NotDistinct);
    let is_time = |ty: &Type| matches!(ty, Type::Time | Type::Date | Type::Timestamp);
    match left {
        Type::Integer | Type::Bigint | Type::Double | Type::Decimal(..) => right.is_numeric(),
        Type::String => *right == Type::String || is_time(right),
        Type::Boolean => equality && *right == Type::Boolean,
        Type::Array(_) => equality && matches!(right, Type::Array(_)),
        Type::Map(..) => equality && matches!(right, Type::Map(..)),
        Type::Struct(_) => equality && matches!(right, Type::Struct(_)),
        Type::Time => matches!(right, Type::Time | Type::String),
        Type::Date | Type::Timestamp => matches!(right, Type::Date | Type::Timestamp | Type::String),
        Type::Bytes => *right == Type::Bytes,
    }
}

/// The type that a list takes in which both types occur: `source` into `target`, or the other way round.
/// Literals may also become text.
pub(super) fn common(source: &Type, target: &Type, literal: bool) -> Option<Type> {
    coerced(source, target, literal).or_else(|| coerced(target, source, literal))
}

/// The type that holds a `from` where a `to` is wanted.
fn coerced(from: &Type, to: &Type, lax: bool) -> Option<Type> {
    match (from, to) {
        (Type::Integer | Type::Bigint | Type::Decimal(..), Type::Decimal(..)) => widen(from, to),
        (Type::Array(from), Type::Array(to)) => Some(Type::Array(Box::new(coerced(from, to, lax)?))),
        (Type::Map(k1, v1), Type::Map(k2, v2)) => {
            Some(Type::Map(Box::new(coerced(k1, k2, lax)?), Box::new(coerced(v1, v2, lax)?)))
        }
        (Type::Struct(from), Type::Struct(to)) => {
            let mut fields = Vec::new();
            for field in from {
                let ty = match to.iter().find(|other| other.name == field.name) {
                    Some(other) => coerced(&field.ty, &other.ty, lax)?,
                    None => field.ty.clone(),
                };
                fields.push(Field { name: field.name.clone(), ty });
            }
            fields.extend(to.iter().filter(|field| !from.iter().any(|other| other.name == field.name)).cloned());
            Some(Type::Struct(fields))
        }
        (Type::Bytes, Type::String) | (Type::Array(_) | Type::Map(..) | Type::Struct(_), _) => None,
        (_, Type::String) if lax => Some(Type::String),
        (Type::String, Type::Time | Type::Date | Type::Timestamp | Type::Bytes) => Some(to.clone()),
        (Type::String, Type::Boolean | Type::Integer | Type::Bigint | Type::Double | Type::Decimal(..)) if lax => {
            Some(to.clone())
        }
        _ => {
            let widens = width_of(from).zip(width_of(to)).is_some_and(|(from, to)| from <= to);
            (from == to || widens).then(|| to.clone())
        }
    }
}

/// The number type that a text stands for among numbers: `'7'` is INTEGER, `'1.5'` DECIMAL.
pub(super) fn of_numeric_text(text: &str) -> Option<Type> {
    let value = Decimal::parse(super::number::trim(text))?;
    if !text.contains(['.', 'e', 'E']) {
        // the ends of the ranges do not count as inside: so it is in ksqlDB
        let whole = value.to_plain_string().parse::<i128>().ok();
        match whole {
            Some(whole) if whole > i128::from(i32::MIN) && whole < i128::from(i32::MAX) => return Some(Type::Integer),
            Some(whole) if whole > i128::from(i64::MIN) && whole < i128::from(i64::MAX) => return Some(Type::Bigint),
            _ => {}
        }
    }
    Some(of_decimal(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_grow() {
        let of = |operator, left: Digits, right: Digits| {
            arithmetic(operator, &Type::Decimal(left.0, left.1), &Type::Decimal(right.0, right.1))
        };
        // recorded: D is DECIMAL(10, 4), 2.5 is DECIMAL(2, 1)
        assert_eq!(of(Operator::Add, (10, 4), (2, 1)), Some(Type::Decimal(11, 4)));
        assert_eq!(of(Operator::Multiply, (10, 4), (2, 1)), Some(Type::Decimal(13, 5)));
        assert_eq!(of(Operator::Divide, (10, 4), (2, 1)), Some(Type::Decimal(14, 7)));
        assert_eq!(of(Operator::Modulo, (10, 4), (2, 1)), Some(Type::Decimal(5, 4)));
        assert_eq!(arithmetic(Operator::Divide, &Type::Decimal(10, 4), &Type::Integer), Some(Type::Decimal(21, 15)));
        assert_eq!(arithmetic(Operator::Add, &Type::Decimal(10, 4), &Type::Double), Some(Type::Double));
        assert_eq!(arithmetic(Operator::Add, &Type::Boolean, &Type::Integer), None);
    }

    #[test]
    fn text_among_numbers() {
        assert_eq!(of_numeric_text("7"), Some(Type::Integer));
        assert_eq!(of_numeric_text("2147483648"), Some(Type::Bigint));
        assert_eq!(of_numeric_text("14.1230"), Some(Type::Decimal(6, 4)));
        assert_eq!(of_numeric_text("x"), None);
    }
}
