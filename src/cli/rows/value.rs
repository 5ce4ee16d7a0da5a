//! A field's text, or a JSON value, as a SQL value of a column's type.
//!
//! Times and DECIMALs are read as ksqlDB's CAST reads texts. What a server drops when it reads a record of JSON is refused here
//! too, and so is what it reads as another number: 2.5 in an INTEGER column, or 3000000000.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::diag::Report;
use crate::schema::{Column, Kind, Relation, Type};
use crate::sql::ast::Expr;
use crate::sql::eval::{Decimal, Event, Program, Value};

/// Milliseconds.
const DAY: i64 = 86_400_000;

/// A DOUBLE: a decimal number, or one of the names that Java has for what is none.
pub(super) fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // `inf`, `nan` and the like are names of other programs
        _ if text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
            text.parse().ok()
        }
        _ => None,
    }
}

/// Converts texts and JSON values; `None` where there is no value of the type.
#[derive(Default)]
pub(in crate::cli) struct Converters {
    casts: Vec<(Type, Option<Program>)>,
    signed_zeros: bool,
}

impl Converters {
    /// For what a server writes: -0.0 is that number. In the records that it reads the number is 0; the text "-0.0" is not.
    #[cfg(feature = "deploy")]
    pub(in crate::cli) fn of_answers() -> Self {
        Converters { signed_zeros: true, ..Converters::default() }
    }

    /// A text of a type that is not STRING.
    pub(super) fn text(&mut self, text: &str, ty: &Type) -> Option<Value> {
        match ty {
            Type::String => Some(Value::string(text)),
            Type::Double => double(text).map(Value::Double),
            Type::Integer => text.parse().ok().map(Value::Integer),
            Type::Bigint => text.parse().ok().map(Value::Bigint),
            Type::Boolean => match text {
                "true" | "True" | "TRUE" | "1" => Some(Value::Boolean(true)),
                "false" | "False" | "FALSE" | "0" => Some(Value::Boolean(false)),
                _ => None,
            },
            Type::Array(_) | Type::Map(..) | Type::Struct(_) => self.json(&serde_json::from_str(text).ok()?, ty),
            // a server does not round what it reads
            Type::Decimal(..) => self.cast(text, ty).filter(|value| {
                let meant = Decimal::parse(text);
                matches!((value, meant), (Value::Decimal(read), Some(meant)) if read.compare(&meant).is_eq())
            }),
            Type::Bytes | Type::Time | Type::Date | Type::Timestamp => self.cast(text, ty),
        }
    }

    /// A JSON value.
    pub(in crate::cli) fn json(&mut self, json: &Json, ty: &Type) -> Option<Value> {
        match (json, ty) {
            (Json::Null, _) => Some(Value::Null),
            (Json::Bool(value), Type::Boolean) => Some(Value::Boolean(*value)),
            (Json::Number(number), Type::Double) => {
                // -0 + 0 is 0
                number.as_f64().map(|value| if self.signed_zeros { value } else { value + 0.0 }).map(Value::Double)
            }
            (Json::Number(number), Type::Integer) => {
                whole(number).and_then(|value| value.try_into().ok()).map(Value::Integer)
            }
            (Json::Number(number), Type::Bigint) => whole(number).map(Value::Bigint),
            (Json::Number(number), Type::Decimal(..)) => self.text(&number.to_string(), ty),
            // its digits; those of a fraction or an exponent are not kept
            (Json::Number(number), Type::String) if !number.is_f64() => Some(Value::string(number.to_string())),
            (Json::Bool(value), Type::String) => Some(Value::string(value.to_string())),
            // milliseconds, as a stream's JSON has them
            (Json::Number(number), Type::Timestamp) => number.as_i64().map(Value::Timestamp),
            (Json::Number(number), Type::Time) => number.as_i64().filter(|it| (0..DAY).contains(it)).map(Value::Time),
            // days
            (Json::Number(number), Type::Date) => number.as_i64()?.checked_mul(DAY).map(Value::Date),
            (Json::String(text), Type::Array(_) | Type::Map(..) | Type::Struct(_) | Type::Boolean) => {
                let _ = text;
                None
            }
            (Json::String(text), _) => self.text(text, ty),
            (Json::Array(items), Type::Array(item)) => {
                items.iter().map(|json| self.json(json, item)).collect::<Option<_>>().map(Value::array)
            }
            (Json::Object(members), Type::Map(key, item)) if **key == Type::String => members
                .iter()
                .map(|(key, json)| Some((Value::string(key), self.json(json, item)?)))
                .collect::<Option<Vec<_>>>()
                .map(Value::map),
            (Json::Object(members), Type::Struct(fields)) => {
                let field = |name: &str| {
                    members.get(name).or_else(|| {
                        members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, json)| json)
                    })
                };
                let values: Option<Vec<Value>> = fields
                    .iter()
                    .map(|it| field(&it.name).map_or(Some(Value::Null), |json| self.json(json, &it.ty)))
                    .collect();
                values.map(|values| Value::Struct(Arc::from(values)))
            }
            _ => None,
        }
    }

    fn cast(&mut self, text: &str, ty: &Type) -> Option<Value> {
        let known = self.casts.iter().position(|(known, _)| known == ty);
        let at = known.unwrap_or_else(|| {
            self.casts.push((ty.clone(), program(ty)));
            self.casts.len() - 1
        });
        let value = self.casts[at].1.as_ref()?.eval(&[Value::string(text)], &Event::default());
        Some(value).filter(|value| !value.is_null())
    }
}

/// `CAST(T AS ty)`, if there is such a cast.
fn program(ty: &Type) -> Option<Program> {
    let column = Column { name: "T".to_owned(), ty: Type::String, key: None };
    let relation = Relation { name: "TEXTS".to_owned(), kind: Kind::Stream, columns: vec![column] };
    let cast = Expr::Cast(Box::new(Expr::column("T")), ty.clone());
    Program::compile(&cast, &relation, &mut Report::new()).ok()
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    let exact = |value: f64| (value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64);
    number.as_i64().or_else(|| number.as_f64().filter(|_| !number.is_u64()).and_then(exact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_decimal_or_what_java_names() {
        assert_eq!(double("-0.0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(
            (double("1e-05"), double("+7."), double("-Infinity")),
            (Some(1e-5), Some(7.0), Some(f64::NEG_INFINITY))
        );
        for wrong in ["nan", "inf", "-inf", "0x10", "1,5", "", "1 2", "e5", "."] {
            assert_eq!(double(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_have_the_type_of_the_column_or_are_refused() {
        let mut converters = Converters::default();
        let mut json = |json: Json, ty: Type| converters.json(&json, &ty);
        assert_eq!(json(json!(2.0), Type::Bigint), Some(Value::Bigint(2)));
        assert_eq!(json(json!(2.5), Type::Bigint), None);
        assert_eq!(json(json!(3_000_000_000_i64), Type::Integer), None);
        assert_eq!(json(json!(u64::MAX), Type::Bigint), None);
        assert_eq!(json(json!("NaN"), Type::Double), Some(Value::Double(f64::NAN)));
        assert_eq!(json(json!("true"), Type::Boolean), None);
        // as ksqlDB 0.29 reads records of JSON
        assert_eq!(json(json!(7), Type::String), Some(Value::string("7")));
        assert_eq!(json(json!(true), Type::String), Some(Value::string("true")));
        assert_eq!(json(json!(2.5), Type::String), None);
        assert_eq!(json(json!(-0.0), Type::Double).map(|it| format!("{it:?}")), Some("Double(0.0)".to_owned()));
        assert_eq!(json(json!("-0.0"), Type::Double).map(|it| format!("{it:?}")), Some("Double(-0.0)".to_owned()));
        assert_eq!((json(json!(1.505), Type::Decimal(4, 2)), json(json!(" 7 "), Type::Decimal(4, 2))), (None, None));
        let decimal = Decimal::parse("1.50").map(Value::decimal);
        assert_eq!(json(json!("1.5"), Type::Decimal(4, 2)), decimal);
        assert_eq!(json(json!(1.5), Type::Decimal(4, 2)), decimal);
        assert_eq!(json(json!("1.500"), Type::Decimal(4, 2)), decimal);
        assert_eq!(json(json!("x"), Type::Decimal(4, 2)), None);
        assert_eq!(json(json!(-1), Type::Date), Some(Value::Date(-DAY)));
        assert_eq!((json(json!(1), Type::Time), json(json!(DAY), Type::Time)), (Some(Value::Time(1)), None));
        let numbers = Type::Array(Box::new(Type::Double));
        assert_eq!(json(json!([1, null]), numbers.clone()), Some(Value::array(vec![Value::Double(1.0), Value::Null])));
        assert_eq!(json(json!([1, "x"]), numbers), None);
    }
}
