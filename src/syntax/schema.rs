//! Streams and tables with their columns, from DDL or from what ksqlDB answers to DESCRIBE.

use serde_json::Value;

use super::script::script;
use crate::diag::codes::{load, sql as codes};
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId};
use crate::schema::{Column, Field, Key, Kind, Relation, Type};
use crate::sql::ast::{Script, Statement};

/// The relations of a schema file: ksqlDB's answer to DESCRIBE in JSON if it begins with `[` or `{`, else statements.
///
/// Of relations with one name the last counts. A file that declares none is an error.
pub fn relations(source: SourceId, text: &str, report: &mut Report) -> Result<Vec<Relation>, Failed> {
    let mut other = None;
    let relations = if text.trim_start_matches('\u{feff}').trim_start().starts_with(['[', '{']) {
        described(source, text, report)?
    } else {
        let script = script(source, text, report)?;
        let relations = declared(&script, source, report);
        other = script.statements.into_iter().find_map(|found| match found.statement {
            Statement::Other(text) => text.lines().next().map(str::to_owned),
            _ => None,
        });
        relations
    };
    if relations.is_empty() {
        let message = "no stream or table with columns is declared here";
        let help =
            "give a file with a `CREATE STREAM name (columns) …`, or the JSON that ksqlDB answers to `DESCRIBE name;`";
        let mut found = Diagnostic::new(&codes::NO_RELATION, message).at(Place::file(source)).help(help);
        found.notes.extend(other.map(|line| format!("it has a statement that is not read: `{line}`")));
        return Err(report.fail(found));
    }
    Ok(relations)
}

/// The relations that the CREATE statements of a script declare with their columns.
pub fn declared(script: &Script, source: SourceId, report: &mut Report) -> Vec<Relation> {
    let mut relations: Vec<Relation> = Vec::new();
    for commented in &script.statements {
        let Statement::Create { kind, name, columns, if_not_exists, .. } = &commented.statement else { continue };
        let known = relations.iter().position(|relation| relation.name == name.as_str());
        if columns.is_empty() {
            let message =
                format!("`{}` is declared without columns; ksqlDB takes them from the schema registry", name.0);
            let help = format!("give the JSON that ksqlDB answers to `DESCRIBE {};` instead", name.0);
            report.push(Diagnostic::new(&codes::NO_COLUMNS, message).at(Place::file(source)).help(help));
            continue;
        }
        let relation = Relation { name: name.0.clone(), kind: *kind, columns: columns.clone() };
        match known {
            Some(_) if *if_not_exists => {}
            Some(index) => relations[index] = relation,
            None => relations.push(relation),
        }
    }
    relations
}

/// The relations of an answer to DESCRIBE: one description, an array of them, or entities that hold some.
fn described(source: SourceId, text: &str, report: &mut Report) -> Result<Vec<Relation>, Failed> {
    let text = text.trim_start_matches('\u{feff}');
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = (line_start + error.column().saturating_sub(1)).min(text.len());
        let at = (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(words, _)| words).to_owned();
        report.fail(Diagnostic::new(&load::NOT_JSON, message).at(Place::span(source, at..at)))
    })?;
    let mut reader = Described { source, report, relations: Vec::new() };
    reader.entity(&value, "")?;
    Ok(reader.relations)
}

struct Described<'a> {
    source: SourceId,
    report: &'a mut Report,
    relations: Vec<Relation>,
}

impl Described<'_> {
    fn entity(&mut self, value: &Value, path: &str) -> Result<(), Failed> {
        if let Some(items) = value.as_array() {
            return items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.entity(item, &format!("{path}/{index}")));
        }
        if let Some(description) = value.get("sourceDescription") {
            return self.relation(description, &format!("{path}/sourceDescription"));
        }
        if let Some(descriptions) = value.get("sourceDescriptions").and_then(Value::as_array) {
            let mut numbered = descriptions.iter().enumerate();
            return numbered
                .try_for_each(|(index, item)| self.relation(item, &format!("{path}/sourceDescriptions/{index}")));
        }
        if value.get("fields").is_some() && value.get("name").is_some() {
            return self.relation(value, path);
        }
        if let Some(message) = value.get("message").and_then(Value::as_str) {
            return Err(self.fail(path, format!("ksqlDB answered with an error: {message}")));
        }
        let kind = value.get("@type").and_then(Value::as_str);
        let found = kind.map_or_else(|| "none".to_owned(), |kind| format!("an answer of the type `{kind}`"));
        Err(self.fail(path, format!("expected a `sourceDescription`, found {found}")))
    }

    fn relation(&mut self, value: &Value, path: &str) -> Result<(), Failed> {
        let name = self.text(value, "name", path)?;
        let kind = match self.text(value, "type", path)?.to_ascii_uppercase().as_str() {
            "STREAM" => Kind::Stream,
            "TABLE" => Kind::Table,
            other => {
                return Err(self.fail(&format!("{path}/type"), format!("expected STREAM or TABLE, found `{other}`")));
            }
        };
        let Some(fields) = value.get("fields").and_then(Value::as_array) else {
            return Err(self.fail(path, "expected an array `fields`".to_owned()));
        };
        let mut columns = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let path = format!("{path}/fields/{index}");
            let key = match field.get("type").and_then(Value::as_str) {
                None => None,
                Some("SYSTEM") => continue,
                Some("KEY") if kind == Kind::Table => Some(Key::Primary),
                Some("KEY") => Some(Key::Key),
                Some("HEADER") => Some(match field.get("headerKey").and_then(Value::as_str) {
                    Some(key) => Key::Header(key.to_owned()),
                    None => Key::Headers,
                }),
                Some(other) => {
                    return Err(self.fail(&format!("{path}/type"), format!("expected KEY or HEADER, found `{other}`")));
                }
            };
            let name = self.text(field, "name", &path)?;
            let ty = self.schema(field, &path)?;
            columns.push(Column { name, ty, key });
        }
        self.relations.retain(|known| known.name != name);
        self.relations.push(Relation { name, kind, columns });
        Ok(())
    }

    /// The type under `schema` of a field. The depth is that of the JSON, which its reader bounds.
    fn schema(&mut self, field: &Value, path: &str) -> Result<Type, Failed> {
        match field.get("schema") {
            Some(schema) => self.ty(schema, &format!("{path}/schema")),
            None => Err(self.fail(path, "expected a `schema`".to_owned())),
        }
    }

    fn ty(&mut self, schema: &Value, path: &str) -> Result<Type, Failed> {
        let name = self.text(schema, "type", path)?;
        Ok(match name.to_ascii_uppercase().as_str() {
            "BOOLEAN" => Type::Boolean,
            "INTEGER" => Type::Integer,
            "BIGINT" => Type::Bigint,
            "DOUBLE" => Type::Double,
            "STRING" => Type::String,
            "BYTES" => Type::Bytes,
            "TIME" => Type::Time,
            "DATE" => Type::Date,
            "TIMESTAMP" => Type::Timestamp,
            "DECIMAL" => {
                let number = |key: &str| {
                    let number = schema.get("parameters").and_then(|parameters| parameters.get(key));
                    number.and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
                };
                let (Some(precision), Some(scale)) = (number("precision"), number("scale")) else {
                    return Err(self.fail(path, "expected `parameters` with `precision` and `scale`".to_owned()));
                };
                Type::Decimal(precision, scale)
            }
            "ARRAY" => Type::Array(Box::new(self.member(schema, path)?)),
            // The answer leaves the type of the keys out: ksqlDB's maps have strings.
            "MAP" => Type::Map(Box::new(Type::String), Box::new(self.member(schema, path)?)),
            "STRUCT" => {
                let Some(fields) = schema.get("fields").and_then(Value::as_array) else {
                    return Err(self.fail(path, "expected an array `fields`".to_owned()));
                };
                let mut members = Vec::new();
                for (index, field) in fields.iter().enumerate() {
                    let path = format!("{path}/fields/{index}");
                    members.push(Field { name: self.text(field, "name", &path)?, ty: self.schema(field, &path)? });
                }
                Type::Struct(members)
            }
            _ => return Err(self.fail(&format!("{path}/type"), format!("there is no type `{name}`"))),
        })
    }

    fn member(&mut self, schema: &Value, path: &str) -> Result<Type, Failed> {
        match schema.get("memberSchema") {
            Some(member) => self.ty(member, &format!("{path}/memberSchema")),
            None => Err(self.fail(path, "expected a `memberSchema`".to_owned())),
        }
    }

    fn text(&mut self, value: &Value, key: &str, path: &str) -> Result<String, Failed> {
        match value.get(key).and_then(Value::as_str) {
            Some(text) => Ok(text.to_owned()),
            None => Err(self.fail(path, format!("expected a string `{key}`"))),
        }
    }

    fn fail(&mut self, path: &str, message: String) -> Failed {
        let place = Place { source: self.source, span: None, path: Some(path.to_owned()) };
        self.report.fail(Diagnostic::new(&codes::NOT_A_DESCRIPTION, message).at(place))
    }
}
