//! A row as a line of JSON, for `--input`: the one that fails.
//!
//! Values are written as a stream's events have them: milliseconds of a TIMESTAMP or TIME, days of a DATE; what JSON has no
//! number for is a text. So is -0: a server reads the number -0.0 as 0.

use std::fmt::Write;

use super::subject::Row;
use crate::schema::{Relation, Type};
use crate::sql::eval::Value as Sql;

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

/// A value of this type as a stream's events have it.
pub fn json(ty: &Type, value: &Sql) -> serde_json::Value {
    match value {
        Sql::Boolean(truth) => (*truth).into(),
        Sql::Integer(x) => (*x).into(),
        Sql::Bigint(x) => (*x).into(),
        Sql::Double(x) if *x == 0.0 && x.is_sign_negative() => "-0.0".into(),
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
        Sql::Bytes(_) => value.text(ty).into(),
        Sql::Null => serde_json::Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, Field, Kind};
    use crate::sql::eval::Decimal;

    #[test]
    fn values_are_written_as_events_have_them() {
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
            Sql::map([(Sql::string("k"), Sql::Double(f64::INFINITY)), (Sql::string("z"), Sql::Double(-0.0))]),
            Sql::Struct(vec![Sql::Bigint(5), Sql::Null].into()),
        ];
        let text = json_line(&relation, &row);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let line = "[0.30000000000000004,\"NaN\",\"-Infinity\",\"it's \\\"so\\\"\\n\",-7,true,\"-12.50\",null,-1,-1,1,[3,null],{\"k\":\"Infinity\",\"z\":\"-0.0\"},{\"A\":5,\"b\":null}]";
        let values: Vec<_> = relation.columns.iter().map(|column| read[&column.name].clone()).collect();
        assert_eq!(serde_json::to_string(&values).unwrap(), line, "{text}");
    }
}
