//! `m2ksql.toml`: read into settings, each with its place.
//!
//! A key that is not known is an error: a misspelt option that is passed over would change the SQL in silence.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{Holds, Key, Keys, Setting, Value};
use crate::diag::codes::compile::BAD_MANIFEST;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId, nearest};

/// A build: which SQL is made of which models, and where they may be applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Manifest {
    /// Settings of all models that do not have their own.
    pub(crate) defaults: Vec<Setting>,
    /// The models, each with its place.
    pub(crate) models: Vec<(Vec<Setting>, Range<usize>)>,
    /// The options of servers by the names of environments.
    pub(crate) environments: BTreeMap<String, Vec<Setting>>,
}

/// Reads a manifest; what is wrong with it is shown where it stands, all of it.
pub(crate) fn parse(source: SourceId, text: &str, keys: &Keys, report: &mut Report) -> Result<Manifest, Failed> {
    let since = report.len();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let message: String = error.message().lines().collect::<Vec<_>>().join("; ");
        let place = error.span().map_or_else(|| Place::file(source), |span| Place::span(source, span));
        report.push(Diagnostic::new(&BAD_MANIFEST, message).at(place).help(HELP));
    }
    report.check(since)?;
    let mut reader = Reader { source, report };
    let mut manifest = Manifest::default();
    let tables = ["defaults", "model", "environment"];
    for (name, value) in table.get_ref() {
        match (name.get_ref().as_ref(), value.get_ref()) {
            ("defaults", DeValue::Table(table)) => manifest.defaults = reader.settings(table, &keys.model, "a model"),
            ("model", DeValue::Array(list)) => {
                for value in list {
                    match value.get_ref() {
                        DeValue::Table(table) => {
                            manifest.models.push((reader.settings(table, &keys.model, "a model"), value.span()));
                        }
                        _ => reader.wrong("a model is a table".to_owned(), value.span(), "write `[[model]]`"),
                    }
                }
            }
            ("environment", DeValue::Table(table)) if !keys.environment.is_empty() => {
                for (name, value) in table {
                    match value.get_ref() {
                        DeValue::Table(table) => {
                            let settings = reader.settings(table, &keys.environment, "an environment");
                            manifest.environments.insert(name.get_ref().to_string(), settings);
                        }
                        _ => reader.wrong(
                            "an environment is a table".to_owned(),
                            value.span(),
                            "write `[environment.NAME]`",
                        ),
                    }
                }
            }
            (known, found) if tables.contains(&known) => {
                let message = format!("`{known}` is no {}", found.type_str());
                let help = match known {
                    "model" => "write `[[model]]`, once for each",
                    "defaults" => "write `[defaults]`",
                    _ => "write `[environment.NAME]`; it needs a program that was built with the feature `deploy`",
                };
                reader.wrong(message, name.span(), help);
            }
            (unknown, _) => {
                let near = nearest(unknown, tables);
                let help = near.map_or(HELP.to_owned(), |near| format!("did you mean `{near}`?"));
                reader.wrong(format!("`{unknown}` is no table of a manifest"), name.span(), &help);
            }
        }
    }
    report.check(since)?;
    Ok(manifest)
}

const HELP: &str = "`m2ksql build --schema` prints what a manifest may hold";

struct Reader<'a> {
    source: SourceId,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn wrong(&mut self, message: String, span: Range<usize>, help: &str) {
        let place = Place::span(self.source, span);
        self.report.push(Diagnostic::new(&BAD_MANIFEST, message).at(place).help(help));
    }

    fn settings(&mut self, table: &DeTable<'_>, keys: &[Key], of: &str) -> Vec<Setting> {
        let mut settings = Vec::new();
        for (name, value) in table {
            let Some(key) = keys.iter().find(|key| key.name == name.get_ref().as_ref()) else {
                let near = nearest(name.get_ref(), keys.iter().map(|key| key.name.as_str()));
                let help = near.map_or(HELP.to_owned(), |near| format!("did you mean `{near}`?"));
                self.wrong(format!("`{}` is no key of {of}", name.get_ref()), name.span(), &help);
                continue;
            };
            match read(key, value) {
                Some(read) => settings.push(Setting { key: key.name.clone(), value: read, span: value.span() }),
                None => {
                    let found = value.get_ref().type_str();
                    let message = format!("`{}` is {}, not this {found}", key.name, key.expected());
                    self.wrong(message, value.span(), HELP);
                }
            }
        }
        // in the order of the keys, whatever the order in the file
        settings.sort_by_key(|setting| keys.iter().position(|key| key.name == setting.key));
        settings
    }
}

/// What a key holds; `None` if it cannot hold that.
fn read(key: &Key, value: &Spanned<DeValue<'_>>) -> Option<Value> {
    let text = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        _ => None,
    };
    let number = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(|it| it.to_string()),
        DeValue::Float(digits) => digits.as_str().parse::<f64>().ok().map(|it| it.to_string()),
        _ => None,
    };
    let one = |text: String| Value::Texts(vec![text]);
    match (&key.holds, value.get_ref()) {
        (Holds::Flag, DeValue::Boolean(given)) => Some(Value::Flag(*given)),
        (Holds::Flag, _) => None,
        (Holds::Choice(words), _) => text(value).filter(|text| words.contains(text)).map(one),
        (Holds::Text, _) => text(value).map(one),
        (Holds::Number, _) => number(value).map(one),
        (Holds::TextOrNumber, _) => text(value).or_else(|| number(value)).map(one),
        (Holds::List | Holds::Pairs, DeValue::Array(list)) => {
            list.iter().map(text).collect::<Option<_>>().map(Value::Texts)
        }
        (Holds::Pairs, DeValue::Table(table)) => {
            let pair = |(name, value): (&Spanned<_>, &Spanned<_>)| {
                Some(format!("{}={}", name.get_ref(), text(value).or_else(|| number(value))?))
            };
            table.iter().map(pair).collect::<Option<_>>().map(Value::Texts)
        }
        (Holds::List | Holds::Pairs, _) => text(value).map(one),
    }
}
