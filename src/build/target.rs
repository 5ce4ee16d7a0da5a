//! A model of a manifest: the files that its SQL is made of, and its settings as the command line takes them.

use std::ops::Range;

use super::key::{Key, Keys, Setting, Value};
use super::manifest::Manifest;
use crate::diag::codes::compile::BAD_MANIFEST;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId};

/// One text of SQL to be made.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The model file's name without its ending.
    pub(crate) name: String,
    /// The model file, relative to the manifest.
    pub(crate) model: String,
    /// Where the SQL is written, relative to the manifest.
    pub(crate) output: String,
    /// The other files that go into it, relative to the manifest.
    pub(crate) inputs: Vec<String>,
    /// Where its cases are, relative to the manifest.
    pub(crate) cases: String,
    /// Where the model stands in the manifest.
    pub(crate) place: Place,
    /// Its options, in the order of the keys.
    options: Vec<(Key, Setting)>,
}

impl Target {
    /// The model file and those of the options that are wanted; `path` makes a path from one relative to the manifest.
    pub(crate) fn arguments(&self, wanted: impl Fn(&str) -> bool, path: impl Fn(&str) -> String) -> Vec<String> {
        let options = self.options.iter().filter(|(key, _)| wanted(&key.name));
        std::iter::once(path(&self.model))
            .chain(options.flat_map(|(key, found)| option(key, &found.value, &path)))
            .collect()
    }

    /// What an option says, if it has one value.
    #[cfg(feature = "deploy")]
    pub(crate) fn text_of(&self, option: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key.name == option).and_then(|(_, found)| text(found))
    }

    /// The model file and those that options name which are wanted, each with the place in the manifest that names it.
    pub(crate) fn files(&self, wanted: impl Fn(&str) -> bool) -> Vec<(&str, Place)> {
        let named = self.options.iter().filter(|(key, _)| wanted(&key.name)).flat_map(|(key, found)| {
            let texts = match &found.value {
                Value::Texts(texts) => texts.as_slice(),
                Value::Flag(_) => &[],
            };
            let place = Place::span(self.place.source, found.span.clone());
            texts.iter().filter_map(|text| (key.path)(text)).map(move |path| (path, place.clone()))
        });
        std::iter::once((self.model.as_str(), self.place.clone())).chain(named).collect()
    }

    /// Where the value of an option stands, or the model if it has none.
    pub(crate) fn place_of(&self, option: &str) -> Place {
        let found = self.options.iter().find(|(key, _)| key.name == option);
        found.map_or_else(|| self.place.clone(), |(_, found)| Place::span(self.place.source, found.span.clone()))
    }
}

/// An option as the command line takes it: `--option=value`, as a value may begin with a minus.
fn option(key: &Key, value: &Value, path: impl Fn(&str) -> String) -> Vec<String> {
    match value {
        Value::Flag(false) => Vec::new(),
        Value::Flag(true) => vec![format!("--{}", key.name)],
        Value::Texts(texts) => {
            let placed = |text: &String| match (key.path)(text) {
                Some(relative) => format!("{}{}", &text[..text.len() - relative.len()], path(relative)),
                None => text.clone(),
            };
            texts.iter().map(|text| format!("--{}={}", key.name, placed(text))).collect()
        }
    }
}

/// Settings as the command line takes them.
#[cfg(feature = "deploy")]
pub(crate) fn words(settings: &[Setting], keys: &[Key], path: impl Fn(&str) -> String) -> Vec<String> {
    let key = |setting: &Setting| keys.iter().find(|key| key.name == setting.key);
    settings.iter().filter_map(|setting| Some(option(key(setting)?, &setting.value, &path))).flatten().collect()
}

/// The texts to be made. `files` gives the files that a pattern stands for, sorted.
///
/// Errors: a model without a file, a pattern for nothing, one output for two models.
pub(crate) fn targets(
    manifest: &Manifest,
    source: SourceId,
    keys: &Keys,
    mut files: impl FnMut(&str) -> Result<Vec<String>, String>,
    report: &mut Report,
) -> Result<Vec<Target>, Failed> {
    let since = report.len();
    let mut targets: Vec<Target> = Vec::new();
    let mut wrong = |place: Place, message: String, help: &str| {
        report.push(Diagnostic::new(&BAD_MANIFEST, message).at(place).help(help));
    };
    let at = |span: &Range<usize>| Place::span(source, span.clone());
    if let Some(file) = setting(&manifest.defaults, "file") {
        wrong(at(&file.span), "`defaults` has a `file`".to_owned(), "name the file in a `[[model]]`");
    }
    if manifest.models.is_empty() {
        wrong(Place::file(source), "there is no model".to_owned(), "add a `[[model]]` with a `file`");
    }
    for (number, (settings, span)) in manifest.models.iter().enumerate() {
        let Some((pattern, place)) = setting(settings, "file").and_then(|it| Some((text(it)?, at(&it.span)))) else {
            let help = "name a model file, or a pattern such as `models/*.json`";
            wrong(at(span), format!("model {} has no `file`", number + 1), help);
            continue;
        };
        let found = match files(pattern) {
            Ok(found) if found.is_empty() => {
                wrong(place, format!("no file is named `{pattern}`"), "mind that paths are relative to the manifest");
                continue;
            }
            Ok(found) => found,
            Err(message) => {
                let message = format!("`{pattern}` is no pattern of files: {message}");
                wrong(place, message, "write `*` for any part of a name");
                continue;
            }
        };
        for file in found {
            let target = target(&file, settings, &manifest.defaults, &keys.model, place.clone());
            if let Some(other) = targets.iter().find(|other| other.output == target.output) {
                let message = format!("`{}` and `{}` are both written to `{}`", other.model, file, target.output);
                let help = "give one of them another `output`; `{name}` in it is the name of the model file";
                wrong(place.clone(), message, help);
            }
            targets.push(target);
        }
    }
    report.check(since)?;
    Ok(targets)
}

fn setting<'a>(settings: &'a [Setting], key: &str) -> Option<&'a Setting> {
    settings.iter().find(|setting| setting.key == key)
}

fn text(setting: &Setting) -> Option<&str> {
    match &setting.value {
        Value::Texts(texts) => texts.first().map(String::as_str),
        Value::Flag(_) => None,
    }
}

fn target(file: &str, own: &[Setting], defaults: &[Setting], keys: &[Key], place: Place) -> Target {
    let name = file.rsplit('/').next().unwrap_or(file);
    let name = name.rsplit_once('.').map_or(name, |(name, _)| name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let mut target = Target {
        name: name.to_owned(),
        model: file.to_owned(),
        output: format!("sql/{name}.sql"),
        inputs: Vec::new(),
        cases: format!("{stem}.cases"),
        place,
        options: Vec::new(),
    };
    for key in keys {
        let Some(found) = setting(own, &key.name).or_else(|| setting(defaults, &key.name)) else { continue };
        let mut found = found.clone();
        if let Value::Texts(texts) = &mut found.value {
            texts.iter_mut().for_each(|text| *text = text.replace("{name}", name));
            target.inputs.extend(texts.iter().filter_map(|text| (key.path)(text)).map(str::to_owned));
        }
        match key.name.as_str() {
            "file" => {}
            "output" => target.output = text(&found).unwrap_or_default().to_owned(),
            "cases" => target.cases = text(&found).unwrap_or_default().to_owned(),
            _ => target.options.push((key.clone(), found)),
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::key::{Holds, no_path, whole_path};
    use crate::build::parse;
    use crate::diag::Sources;

    fn keys() -> Keys {
        let key = |name: &str, holds: Holds, path| Key { name: name.to_owned(), help: String::new(), holds, path };
        let mut model = Keys::of_the_manifest();
        model.extend([
            key("features", Holds::List, |text| text.ends_with(".sql").then_some(text).or(text.strip_prefix('@'))),
            key("rename", Holds::Pairs, no_path),
            key("schema", Holds::Text, whole_path),
            key("nulls", Holds::TextOrNumber, no_path),
            key("strict", Holds::Flag, no_path),
            key("from", Holds::Text, no_path),
            key("into", Holds::Text, no_path),
            key("as", Holds::Choice(vec!["select".to_owned(), "stream".to_owned()]), no_path),
            key("keep", Holds::List, no_path),
        ]);
        Keys { model, environment: Vec::new() }
    }

    fn read(text: &str) -> Result<Vec<Target>, Vec<String>> {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let source = sources.add("m2ksql.toml", text);
        let files = |pattern: &str| match pattern {
            "models/*.json" => Ok(vec!["models/a.json".to_owned(), "models/b.c.json".to_owned()]),
            "none/*" => Ok(Vec::new()),
            "[" => Err("no end".to_owned()),
            name => Ok(vec![name.to_owned()]),
        };
        let result =
            parse(source, text, &keys(), &mut report).and_then(|it| targets(&it, source, &keys(), files, &mut report));
        result.map_err(|_| report.diagnostics().iter().map(|found| found.message.clone()).collect())
    }

    #[test]
    fn settings_become_arguments_and_a_model_has_precedence() {
        let text = "
            [defaults]
            schema = 's.sql'
            from = 'S'
            keep = ['ID']
            strict = true
            [[model]]
            file = 'models/*.json'
            into = 'SCORED_{name}'
            nulls = -1
            rename = { 'a b' = 'A_B' }
            features = ['f.sql', '@names.txt', 'x,y']
            [[model]]
            file = 'other.onnx'
            output = 'o.sql'
            strict = false
            keep = []
            nulls = 'guard'
            cases = '{name}/cases'";
        let found = read(text).unwrap();
        let names: Vec<(&str, &str)> = found.iter().map(|it| (it.model.as_str(), it.output.as_str())).collect();
        let expected = [("models/a.json", "sql/a.sql"), ("models/b.c.json", "sql/b.c.sql"), ("other.onnx", "o.sql")];
        assert_eq!(names, expected);
        let path = |relative: &str| format!("/p/{relative}");
        assert_eq!(
            found[0].arguments(|_| true, path),
            [
                "/p/models/a.json",
                "--features=/p/f.sql",
                "--features=@/p/names.txt",
                "--features=x,y",
                "--rename=a b=A_B",
                "--schema=/p/s.sql",
                "--nulls=-1",
                "--strict",
                "--from=S",
                "--into=SCORED_a",
                "--keep=ID",
            ]
        );
        assert_eq!(
            found[2].arguments(|_| true, path),
            ["/p/other.onnx", "--schema=/p/s.sql", "--nulls=guard", "--from=S"]
        );
        assert_eq!(found[2].arguments(|option| option == "nulls", path), ["/p/other.onnx", "--nulls=guard"]);
        assert_eq!((found[0].cases.as_str(), found[2].cases.as_str()), ("models/a.cases", "other/cases"));
        assert_eq!(found[0].inputs, ["f.sql", "names.txt", "s.sql"]);
        let place = found[0].place_of("nulls").span.unwrap();
        assert_eq!(&text[place], "-1");
    }

    #[test]
    fn what_is_wrong_with_a_manifest_is_said() {
        let error = |text: &str| read(text).unwrap_err().join("\n");
        assert_eq!(error("[[model]]\nfile = 'a'\nform = 'stream'"), "`form` is no key of a model");
        assert_eq!(error("[[model]]\nfile = 1"), "`file` is a text, not this integer");
        assert_eq!(error("[[model]]\nfile = 'a'\nas = 'x'"), "`as` is one of select, stream, not this string");
        assert_eq!(error("[[model]]\nfile = 'a'\nstrict = 1\nkeep = [1]").lines().count(), 2);
        assert_eq!(error("[model]\nfile = 'a'"), "`model` is no table");
        assert_eq!(error("[modle]"), "`modle` is no table of a manifest");
        assert_eq!(error("[[model"), "unclosed array table, expected `]]`");
        assert_eq!(error(""), "there is no model");
        assert_eq!(
            error("[defaults]\nfile = 'x'\n[[model]]\nfrom = 'S'"),
            "`defaults` has a `file`\nmodel 1 has no `file`"
        );
        assert!(error("[[model]]\nfile = 'none/*'\n[[model]]\nfile = '['").contains("no file is named"));
        let twice = "[[model]]\nfile = 'a.json'\n[[model]]\nfile = 'b/a.json'";
        assert_eq!(error(twice), "`a.json` and `b/a.json` are both written to `sql/a.sql`");
    }
}
