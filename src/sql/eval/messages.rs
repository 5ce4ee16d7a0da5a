//! Words for diagnostics: types, signatures, and what to do.

use super::functions::{Argument, Overload, Parameter};
use crate::schema::Type;

/// A type in backquotes; a bare NULL has none.
pub(super) fn ty(ty: Option<&Type>) -> String {
    ty.map_or_else(|| "a bare `NULL`".into(), |ty| format!("`{ty}`"))
}

/// An argument's type.
pub(super) fn argument(argument: &Argument) -> String {
    match argument {
        Argument::Value(Some(ty)) => ty.to_string(),
        Argument::Value(None) => "NULL".into(),
        Argument::Unit => "unit of time".into(),
        Argument::Lambda(count, _) => format!("lambda of {count}"),
    }
}

/// `EXP(DOUBLE)`.
pub(super) fn signature(name: &str, overload: &Overload) -> String {
    let mut parameters: Vec<String> = overload.parameters.iter().map(parameter).collect();
    if let (true, Some(last)) = (overload.variadic, parameters.last_mut()) {
        last.push_str("...");
    }
    format!("{name}({})", parameters.join(", "))
}

fn parameter(parameter: &Parameter) -> String {
    match parameter {
        Parameter::Generic(letter) => letter.to_string(),
        Parameter::Array(item) => format!("ARRAY<{}>", self::parameter(item)),
        Parameter::Map(key, value) => format!("MAP<{}, {}>", self::parameter(key), self::parameter(value)),
        Parameter::Lambda(inputs, output) => {
            let inputs: Vec<String> = inputs.iter().map(self::parameter).collect();
            format!("({}) => {}", inputs.join(", "), self::parameter(output))
        }
        Parameter::Unit => "unit of time".into(),
        plain => format!("{plain:?}").to_uppercase(),
    }
}

/// What brings two branches to one type.
pub(super) fn align(known: &Type, other: &Type) -> String {
    match (known, other) {
        (Type::Double, other) | (other, Type::Double) if other.is_numeric() => {
            "write literals with an exponent (`0E0`), or `CAST(… AS DOUBLE)`".into()
        }
        _ => format!("`CAST(… AS {known})`"),
    }
}

/// What makes two operands fit.
pub(super) fn for_operands(left: &Type, right: &Type) -> &'static str {
    let either = |ty: &Type| left == ty || right == ty;
    if either(&Type::Boolean) {
        "a BOOLEAN becomes a number by `CASE WHEN … = TRUE THEN 1E0 ELSE 0E0 END`"
    } else if either(&Type::String) {
        "a text becomes a number by `CAST(… AS DOUBLE)`"
    } else {
        ""
    }
}

/// How to test something that is a primitive in Java for NULL.
pub(super) fn null_test(ty: &Type) -> String {
    match ty {
        Type::Boolean => "test its operands for NULL".into(),
        ty => format!("`CAST(… AS {ty}) IS NULL`, or test its operands"),
    }
}

/// What is wrong with a DECIMAL inside a type.
pub(super) fn invalid_decimal(ty: &Type) -> Option<String> {
    match ty {
        Type::Decimal(precision, scale) if *precision == 0 || scale > precision => {
            Some(format!("`{ty}` is no type: the precision has to be at least 1 and at least the scale"))
        }
        Type::Array(item) => invalid_decimal(item),
        Type::Map(key, value) => invalid_decimal(key).or_else(|| invalid_decimal(value)),
        Type::Struct(fields) => fields.iter().find_map(|field| invalid_decimal(&field.ty)),
        _ => None,
    }
}

/// "did you mean" with the nearest known name, or nothing.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let best = known.map(|other| (distance(&name.to_uppercase(), &other.to_uppercase()), other)).min();
    match best {
        Some((0, other)) => format!("write it in backquotes: `{other}`"),
        Some((distance, other)) if distance <= 1 + name.chars().count() / 4 => format!("did you mean `{other}`?"),
        _ => String::new(),
    }
}

/// The number of single-character edits between two names (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, c) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, d) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(c != *d);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        assert_eq!(nearest("ORDERUNIT", ["ITEMID", "ORDERUNITS"].into_iter()), "did you mean `ORDERUNITS`?");
        assert_eq!(nearest("a", ["a"].into_iter()), "write it in backquotes: `a`");
        assert_eq!(nearest("XYZ", ["ORDERUNITS"].into_iter()), "");
        assert_eq!(distance("KITTEN", "SITTING"), 3);
    }
}
