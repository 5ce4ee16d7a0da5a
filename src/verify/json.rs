//! Rows as lines of JSON: the one that fails, and the user's own.
//!
//! Values are written as a stream's events have them: milliseconds of a TIMESTAMP or TIME, days of a DATE; what JSON has no
//! number for is a text. What is written reads back to the same row.

use std::fmt::Write;

use super::subject::Row;
use crate::schema::{Relation, Type};
use crate::sql::eval::{Decimal, Value as Sql};

const DAY: i64 = 86_400_000;

/// A row as a JSON object; what JSON has no number for is a text.
pub(super) fn json_line(relation: &Relation, row: &Row) -> String {
    let mut text = String::from("{");
    for (column, value) in relation.columns.iter().zip(row) {
        let comma = if text.len() > 1 { ", " } else { "" };
        // writing to a String cannot fail
        let _ = write!(text, "{comma}{}: {}", serde_json::Value::from(column.name.as_str()), json(&column.ty, value));
    }
    text + "}"
}

fn json(ty: &Type, value: &Sql) -> serde_json::Value {
    match value {
        Sql::Boolean(truth) => (*truth).into(),
        Sql::Integer(x) => (*x).into(),
        Sql::Bigint(x) => (*x).into(),
        Sql::Double(x) if x.is_finite() => (*x).into(),
        Sql::Double(x) if x.is_nan() => "NaN".into(),
        Sql::Double(x) => if *x > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        Sql::Decimal(x) => x.to_plain_string().into(),
        Sql::String(text) => text.as_ref().into(),
        Sql::Time(millis) | Sql::Timestamp(millis) => (*millis).into(),
        Sql::Date(millis) => millis.div_euclid(DAY).into(),
        Sql::Array(list) => match ty {
            Type::Array(item) => list.items().iter().map(|value| json(item, value)).collect(),
            _ => serde_json::Value::Null,
        },
        Sql::Map(entries) => match ty {
            Type::Map(_, item) => {
                let entry = |(key, value): &(Sql, Sql)| match key {
                    Sql::String(key) => Some((key.to_string(), json(item, value))),
                    _ => None,
                };
                serde_json::Value::Object(entries.iter().filter_map(entry).collect())
            }
            _ => serde_json::Value::Null,
        },
        Sql::Struct(values) => match ty {
            Type::Struct(fields) => {
                let field =
                    |(field, value): (&crate::schema::Field, &Sql)| (field.name.clone(), json(&field.ty, value));
                serde_json::Value::Object(fields.iter().zip(values.iter()).map(field).collect())
            }
            _ => serde_json::Value::Null,
        },
        Sql::Null | Sql::Bytes(_) => serde_json::Value::Null,
    }
}

/// A row from a JSON object of columns; a column that is missing is NULL. The error says what is wrong.
pub fn read_row(relation: &Relation, text: &str) -> Result<Row, String> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|error| format!("the line is not a JSON object: {error}"))?;
    for name in object.keys() {
        if relation.column(name).is_none() {
            return Err(format!("no feature reads a column `{name}`"));
        }
    }
    let mut row = Vec::with_capacity(relation.columns.len());
    for column in &relation.columns {
        let value = object.get(&column.name).unwrap_or(&serde_json::Value::Null);
        match from_json(&column.ty, value) {
            Some(value) => row.push(value),
            None => return Err(format!("the column `{}` is {}, found {value}", column.name, column.ty)),
        }
    }
    Ok(row)
}

fn from_json(ty: &Type, value: &serde_json::Value) -> Option<Sql> {
    use serde_json::Value as Json;
    Some(match (ty, value) {
        (_, Json::Null) => Sql::Null,
        (Type::Boolean, Json::Bool(truth)) => Sql::Boolean(*truth),
        (Type::String, Json::String(text)) => Sql::string(text),
        (Type::Integer, Json::Number(number)) => Sql::Integer(i32::try_from(number.as_i64()?).ok()?),
        (Type::Bigint, Json::Number(number)) => Sql::Bigint(number.as_i64()?),
        (Type::Double, Json::Number(number)) => Sql::Double(number.as_f64()?),
        (Type::Double, Json::String(text)) => Sql::Double(match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => return None,
        }),
        (Type::Decimal(precision, scale), Json::String(_) | Json::Number(_)) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let decimal = Decimal::parse(&text)?;
            let digits = text.chars().filter(char::is_ascii_digit).count();
            let fits = decimal.scale() == i64::from(*scale) && digits <= *precision as usize;
            fits.then(|| Sql::decimal(decimal))?
        }
        (Type::Time, Json::Number(number)) => Sql::Time(number.as_i64().filter(|millis| (0..DAY).contains(millis))?),
        (Type::Timestamp, Json::Number(number)) => Sql::Timestamp(number.as_i64()?),
        (Type::Date, Json::Number(number)) => Sql::Date(number.as_i64()?.checked_mul(DAY)?),
        (Type::Array(item), Json::Array(list)) => {
            Sql::array(list.iter().map(|value| from_json(item, value)).collect::<Option<_>>()?)
        }
        (Type::Map(key, item), Json::Object(entries)) if **key == Type::String => {
            let entries = entries.iter().map(|(key, value)| Some((Sql::string(key), from_json(item, value)?)));
            Sql::map(entries.collect::<Option<Vec<_>>>()?)
        }
        (Type::Struct(fields), Json::Object(object)) => {
            let field = |field: &crate::schema::Field| match object.get(&field.name) {
                Some(value) => from_json(&field.ty, value),
                None => Some(Sql::Null),
            };
            Sql::Struct(fields.iter().map(field).collect::<Option<Vec<_>>>()?.into())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, Field, Kind};

    #[test]
    fn a_row_reads_back_from_its_line() {
        let types = [Type::Double, Type::Double, Type::Double, Type::String, Type::Integer, Type::Boolean];
        let field = |name: &str, ty: Type| Field { name: name.into(), ty };
        let composed = [
            Type::Timestamp,
            Type::Date,
            Type::Time,
            Type::Array(Box::new(Type::Integer)),
            Type::Map(Box::new(Type::String), Box::new(Type::Double)),
            Type::Struct(vec![field("A", Type::Bigint), field("b", Type::String)]),
        ];
        let columns = types.into_iter().chain([Type::Decimal(5, 2), Type::Bigint]).chain(composed).enumerate();
        let columns = columns.map(|(at, ty)| Column { name: format!("C{at} \"x\""), ty, key: None }).collect();
        let relation = Relation { name: "S".into(), kind: Kind::Stream, columns };
        let row = vec![
            Sql::Double(0.1 + 0.2),
            Sql::Double(f64::NAN),
            Sql::Double(f64::NEG_INFINITY),
            Sql::string("it's \"so\"\n"),
            Sql::Integer(-7),
            Sql::Boolean(true),
            Sql::decimal(Decimal::parse("-12.50").unwrap()),
            Sql::Null,
            Sql::Timestamp(-1),
            Sql::Date(-86_400_000),
            Sql::Time(1),
            Sql::array(vec![Sql::Integer(3), Sql::Null]),
            Sql::map([(Sql::string("k"), Sql::Double(f64::INFINITY))]),
            Sql::Struct(vec![Sql::Bigint(5), Sql::Null].into()),
        ];
        let text = json_line(&relation, &row);
        let back = read_row(&relation, &text).unwrap();
        assert!(row.iter().zip(&back).all(|(a, b)| a.java_equals(b)), "{text}: {back:?}");
        assert!(read_row(&relation, "{\"Y\": 1}").unwrap_err().contains("no feature reads"));
        assert!(read_row(&relation, "[1]").is_err() && read_row(&relation, "{\"C4 \\\"x\\\"\": 1.5}").is_err());
    }
}
