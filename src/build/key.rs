//! The keys of a manifest. They are the long options of the command line, which says what each takes; a few more are the
//! manifest's own.

use std::ops::Range;

use serde_json::{Map, Value as Json, json};

/// A key, and what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// The long option of this name.
    pub(crate) name: String,
    /// One sentence.
    pub(crate) help: String,
    /// What it holds.
    pub(crate) holds: Holds,
    /// The path in a value, if it has one; it is relative to the manifest.
    pub(crate) path: fn(&str) -> Option<&str>,
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Holds {
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(Vec<String>),
    /// A text.
    Text,
    /// A number.
    Number,
    /// Either of both.
    TextOrNumber,
    /// Texts.
    List,
    /// Texts of the form `name=value`, or a table for them.
    Pairs,
}

/// The keys of each kind of table, in the order of the options.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    /// Of `[[model]]`, and but for `file` of `[defaults]`.
    pub(crate) model: Vec<Key>,
    /// Of `[environment.NAME]`; empty where no server is talked to.
    pub(crate) environment: Vec<Key>,
}

/// What a manifest says under a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    /// The name of the key.
    pub(crate) key: String,
    /// What it holds.
    pub(crate) value: Value,
    /// Where it stands.
    pub(crate) span: Range<usize>,
}

/// What a key holds, as the command line takes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// An option without a value, if it is given.
    Flag(bool),
    /// An option for each.
    Texts(Vec<String>),
}

/// No part of a value is a path.
pub(crate) fn no_path(_: &str) -> Option<&str> {
    None
}

/// A value is a path as a whole.
pub(crate) fn whole_path(value: &str) -> Option<&str> {
    Some(value)
}

impl Key {
    /// A key of the manifest's own.
    fn own(name: &str, help: &str) -> Self {
        Key { name: name.to_owned(), help: help.to_owned(), holds: Holds::Text, path: no_path }
    }

    /// What it holds in words.
    pub(super) fn expected(&self) -> String {
        match &self.holds {
            Holds::Flag => "true or false".to_owned(),
            Holds::Choice(words) => format!("one of {}", words.join(", ")),
            Holds::Text => "a text".to_owned(),
            Holds::Number => "a number".to_owned(),
            Holds::TextOrNumber => "a text or a number".to_owned(),
            Holds::List => "a text or a list of texts".to_owned(),
            Holds::Pairs => "a text, a list of texts, or a table of texts".to_owned(),
        }
    }

    fn schema(&self) -> Json {
        let mut schema = match &self.holds {
            Holds::Flag => json!({"type": "boolean"}),
            Holds::Choice(words) => json!({"enum": words}),
            Holds::Text => json!({"type": "string"}),
            Holds::Number => json!({"type": "number"}),
            Holds::TextOrNumber => json!({"type": ["string", "number"]}),
            Holds::List => json!({"type": ["string", "array"], "items": {"type": "string"}}),
            Holds::Pairs => json!({
                "type": ["string", "array", "object"],
                "items": {"type": "string"},
                "additionalProperties": {"type": ["string", "number"]},
            }),
        };
        if let Json::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), Json::from(self.help.as_str()));
        }
        schema
    }
}

impl Keys {
    /// The keys that a model has besides the options.
    pub(crate) fn of_the_manifest() -> Vec<Key> {
        vec![
            Key::own("file", "The model file, or a pattern for several: `models/*.json`; relative to the manifest"),
            Key::own(
                "output",
                "Where the SQL is written [default: `sql/{name}.sql`]; `{name}` is the file's name without its ending",
            ),
            Key::own(
                "cases",
                "The folder of the cases for `m2ksql test` [default: the model file with the ending `.cases`]",
            ),
        ]
    }

    /// The JSON Schema of a manifest, by which editors complete and check it.
    pub(crate) fn schema(&self) -> String {
        let table = |keys: &[Key], required: &[&str]| {
            let properties: Map<String, Json> = keys.iter().map(|key| (key.name.clone(), key.schema())).collect();
            json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
        };
        let model = table(&self.model, &["file"]);
        let defaults: Vec<Key> = self.model.iter().filter(|key| key.name != "file").cloned().collect();
        let mut defaults = table(&defaults, &[]);
        defaults["description"] = Json::from("Settings of all models that do not have their own");
        let mut properties = json!({
            "defaults": defaults,
            "model": {"description": "The models", "type": "array", "items": model},
        });
        if !self.environment.is_empty() {
            properties["environment"] = json!({
                "description": "Servers by name, without secrets",
                "type": "object",
                "additionalProperties": table(&self.environment, &[]),
            });
        }
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "m2ksql.toml",
            "type": "object",
            "properties": properties,
            "required": ["model"],
            "additionalProperties": false,
        });
        format!("{schema:#}\n")
    }
}
