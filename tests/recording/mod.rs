//! Reads recordings: JSON whose numbers keep their digits, types as the server writes them, values of a type.

#![allow(dead_code)]

use m2ksql::schema::{Column, Field, Kind, Relation, Type};
use m2ksql::sql::eval::{Decimal, Value};

/// A JSON value; numbers are text.
#[derive(Debug, Clone)]
pub enum Json {
    Null,
    Boolean(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub fn read(text: &str) -> Json {
        let (value, rest) = read(text.trim_start());
        assert!(rest.trim().is_empty(), "{rest}");
        value
    }

    pub fn find(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn get(&self, name: &str) -> &Json {
        self.find(name).unwrap_or_else(|| panic!("no {name}"))
    }

    pub fn text(&self) -> &str {
        match self {
            Json::String(text) | Json::Number(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    pub fn items(&self) -> &[Json] {
        match self {
            Json::Array(items) => items,
            other => panic!("{other:?} is no array"),
        }
    }
}

fn read(text: &str) -> (Json, &str) {
    let list = |text: &str| text.trim_start().to_owned();
    let _ = list;
    match text.as_bytes()[0] {
        b'{' => {
            let mut members = Vec::new();
            let mut rest = text[1..].trim_start();
            while !rest.starts_with('}') {
                let (name, after) = read(rest);
                let (value, after) = read(after.trim_start().strip_prefix(':').unwrap().trim_start());
                members.push((name.text().to_owned(), value));
                rest = after.trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            (Json::Object(members), &rest[1..])
        }
        b'[' => {
            let mut items = Vec::new();
            let mut rest = text[1..].trim_start();
            while !rest.starts_with(']') {
                let (value, after) = read(rest);
                items.push(value);
                rest = after.trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            (Json::Array(items), &rest[1..])
        }
        b'"' => {
            let mut escaped = false;
            let end = text[1..].find(|c: char| {
                let end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                end
            });
            let end = end.unwrap() + 2;
            (Json::String(serde_json::from_str(&text[..end]).unwrap()), &text[end..])
        }
        b't' => (Json::Boolean(true), &text[4..]),
        b'f' => (Json::Boolean(false), &text[5..]),
        b'n' => (Json::Null, &text[4..]),
        _ => {
            let end = text.find([',', ']', '}', ' ']).unwrap_or(text.len());
            (Json::Number(text[..end].to_owned()), &text[end..])
        }
    }
}

/// A type as the server writes it.
pub fn ty(text: &str) -> Type {
    let inside = |open: &str| text.strip_prefix(open).and_then(|rest| rest.strip_suffix('>'));
    if let Some(item) = inside("ARRAY<") {
        return Type::Array(Box::new(ty(item)));
    }
    if let Some(entry) = inside("MAP<") {
        let parts = split(entry);
        return Type::Map(Box::new(ty(parts[0])), Box::new(ty(parts[1])));
    }
    if let Some(fields) = inside("STRUCT<") {
        let fields = split(fields).into_iter().map(|field| {
            let (name, field_type) = field.strip_prefix('`').unwrap().split_once("` ").unwrap();
            Field { name: name.to_owned(), ty: ty(field_type) }
        });
        return Type::Struct(fields.collect());
    }
    if let Some(digits) = text.strip_prefix("DECIMAL(").and_then(|rest| rest.strip_suffix(')')) {
        let (precision, scale) = digits.split_once(", ").unwrap();
        return Type::Decimal(precision.parse().unwrap(), scale.parse().unwrap());
    }
    match text {
        "BOOLEAN" => Type::Boolean,
        "INTEGER" => Type::Integer,
        "BIGINT" => Type::Bigint,
        "DOUBLE" => Type::Double,
        "STRING" => Type::String,
        "TIMESTAMP" => Type::Timestamp,
        "DATE" => Type::Date,
        "TIME" => Type::Time,
        other => panic!("{other}"),
    }
}

/// The parts between the commas at the top level.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// A value of a type, as the server's JSON writes it.
pub fn value(json: &Json, ty: &Type) -> Value {
    match (json, ty) {
        (Json::Null, _) => Value::Null,
        (Json::Boolean(value), Type::Boolean) => Value::Boolean(*value),
        (json, Type::Integer) => Value::Integer(json.text().parse().unwrap()),
        (json, Type::Bigint) => Value::Bigint(json.text().parse().unwrap()),
        (json, Type::Double) => Value::Double(match json.text() {
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            "NaN" => f64::NAN,
            digits => digits.parse().unwrap(),
        }),
        (json, Type::Decimal(..)) => Value::decimal(Decimal::parse(json.text()).unwrap()),
        (json, Type::String) => Value::string(json.text()),
        (json, Type::Timestamp) => {
            // the recordings hold one constant only
            assert_eq!(json.text(), "2026-11-22T00:00:00.000");
            Value::Timestamp(1_795_305_600_000)
        }
        (Json::Array(items), Type::Array(item)) => Value::array(items.iter().map(|json| value(json, item)).collect()),
        (Json::Object(members), Type::Map(_, item)) => {
            Value::map(members.iter().map(|(key, json)| (Value::string(key), value(json, item))))
        }
        (json, Type::Struct(fields)) => {
            Value::Struct(fields.iter().map(|field| value(json.get(&field.name), &field.ty)).collect())
        }
        (json, ty) => panic!("{json:?} is no {ty}"),
    }
}

/// The rows that the expressions were evaluated for.
pub struct Recording {
    pub relation: Relation,
    pub rows: Vec<Vec<Value>>,
}

impl Recording {
    pub fn open(folder: &str) -> Self {
        let json = Json::read(&std::fs::read_to_string(format!("{folder}/rows.json")).expect("rows"));
        let columns: Vec<Column> = json
            .get("columns")
            .items()
            .iter()
            .map(|column| Column {
                name: column.get("name").text().to_owned(),
                ty: ty(column.get("type").text()),
                key: None,
            })
            .collect();
        let rows = json
            .get("rows")
            .items()
            .iter()
            .map(|row| row.items().iter().zip(&columns).map(|(json, column)| value(json, &column.ty)).collect())
            .collect();
        Recording { relation: Relation { name: "SRC".into(), kind: Kind::Stream, columns }, rows }
    }
}
