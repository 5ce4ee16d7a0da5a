//! A model of a manifest: the files that its SQL is made of, and the options as the command line has them.

use super::manifest::{Manifest, Nulls, Settings};
use crate::diag::codes::compile::BAD_MANIFEST;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId};

/// One text of SQL to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The model file, relative to the manifest.
    pub model: String,
    /// Where the SQL is written, relative to the manifest.
    pub output: String,
    /// The other files that go into it, relative to the manifest.
    pub inputs: Vec<String>,
    /// Where its cases are, relative to the manifest.
    pub cases: String,
    /// The options of `compile`.
    options: Vec<(&'static str, Value)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// An option without a value.
    Flag,
    /// A value.
    Text(String),
    /// A path relative to the manifest.
    Path(String),
}

/// Options that `score` has too.
const OF_SCORE: &[&str] = &["link", "features", "rename", "schema", "column", "nulls", "select", "threshold", "strict"];

impl Target {
    /// The arguments of `compile`, the model first; `path` makes a path from one relative to the manifest.
    pub fn arguments(&self, path: impl Fn(&str) -> String) -> Vec<String> {
        self.some_arguments(path, |_| true)
    }

    /// The arguments of `score`, but for the rows.
    pub fn score_arguments(&self, path: impl Fn(&str) -> String) -> Vec<String> {
        let has_schema = self.options.iter().any(|(option, _)| *option == "schema");
        self.some_arguments(path, |option| OF_SCORE.contains(&option) || option == "from" && has_schema)
    }

    fn some_arguments(&self, path: impl Fn(&str) -> String, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let options = self.options.iter().filter(|(option, _)| wanted(option));
        // `--option=value`, as a value may begin with a minus
        let options = options.map(|(option, value)| match value {
            Value::Flag => format!("--{option}"),
            Value::Text(text) => format!("--{option}={text}"),
            Value::Path(relative) => format!("--{option}={}", path(relative)),
        });
        std::iter::once(path(&self.model)).chain(options).collect()
    }
}

/// The texts to be made. `files` gives the files that a pattern stands for, sorted.
///
/// Errors: a model without a file, a pattern for nothing, one output for two models.
pub fn targets(
    manifest: &Manifest,
    source: SourceId,
    mut files: impl FnMut(&str) -> Result<Vec<String>, String>,
    report: &mut Report,
) -> Result<Vec<Target>, Failed> {
    let since = report.len();
    let mut targets: Vec<Target> = Vec::new();
    let mut wrong = |message: String, help: &str| {
        report.push(Diagnostic::new(&BAD_MANIFEST, message).at(Place::file(source)).help(help));
    };
    if manifest.defaults.file.is_some() {
        wrong("`defaults` has a `file`".to_owned(), "name the file in a `[[model]]`");
    }
    if manifest.model.is_empty() {
        wrong("there is no model".to_owned(), "add a `[[model]]` with a `file`");
    }
    for (number, settings) in manifest.model.iter().enumerate() {
        let Some(pattern) = &settings.file else {
            wrong(
                format!("model {} has no `file`", number + 1),
                "name a model file, or a pattern such as `models/*.json`",
            );
            continue;
        };
        let found = match files(pattern) {
            Ok(found) if found.is_empty() => {
                wrong(format!("no file is named `{pattern}`"), "mind that paths are relative to the manifest");
                continue;
            }
            Ok(found) => found,
            Err(message) => {
                wrong(format!("`{pattern}` is no pattern of files: {message}"), "write `*` for any part of a name");
                continue;
            }
        };
        for file in found {
            let target = target(&file, settings, &manifest.defaults);
            if let Some(other) = targets.iter().find(|other| other.output == target.output) {
                let message = format!("`{}` and `{}` are both written to `{}`", other.model, file, target.output);
                wrong(message, "give one of them another `output`; `{name}` in it is the name of the model file");
            }
            targets.push(target);
        }
    }
    report.check(since)?;
    Ok(targets)
}

fn target(file: &str, own: &Settings, defaults: &Settings) -> Target {
    let name = file.rsplit('/').next().unwrap_or(file);
    let name = name.rsplit_once('.').map_or(name, |(name, _)| name);
    let named = |text: &str| text.replace("{name}", name);
    let (mut options, mut inputs) = (Vec::new(), Vec::new());
    let mut text = |option: &'static str, value: String| options.push((option, Value::Text(value)));
    macro_rules! either {
        ($key:ident) => {
            own.$key.as_ref().or(defaults.$key.as_ref())
        };
    }
    for (option, value) in [
        ("link", either!(link)),
        ("from", either!(from)),
        ("into", either!(into)),
        ("as", either!(form)),
        ("where", either!(filter)),
        ("quote", either!(quote)),
    ] {
        if let Some(value) = value {
            text(option, if option == "into" { named(value) } else { value.clone() });
        }
    }
    for (option, values) in [
        ("column", either!(column)),
        ("select", either!(select)),
        ("with", either!(with)),
        ("partition-by", either!(partition_by)),
        ("keep", either!(keep)),
    ] {
        values.into_iter().flatten().for_each(|value| text(option, value.clone()));
    }
    if let Some(names) = either!(feature_names) {
        text("features", names.join(","));
    }
    for (feature, column) in either!(rename).into_iter().flatten() {
        text("rename", format!("{feature}={column}"));
    }
    match either!(nulls) {
        Some(Nulls::Value(value)) => text("nulls", value.to_string()),
        Some(Nulls::Policy(policy)) => text("nulls", policy.clone()),
        None => {}
    }
    if let Some(threshold) = either!(threshold) {
        text("threshold", threshold.to_string());
    }
    if let Some(width) = either!(width) {
        text("width", width.to_string());
    }
    for (option, flag) in [
        ("or-replace", either!(or_replace)),
        ("header", either!(header)),
        ("strict", either!(strict)),
        ("no-limits", either!(no_limits)),
    ] {
        if flag == Some(&true) {
            options.push((option, Value::Flag));
        }
    }
    let mut path = |option: &'static str, value: &String| {
        inputs.push(value.clone());
        options.push((option, Value::Path(value.clone())));
    };
    if let Some(schema) = either!(schema) {
        path("schema", schema);
    }
    either!(features).into_iter().flatten().for_each(|file| path("features", file));
    let output = either!(output).map_or_else(|| format!("sql/{name}.sql"), |output| named(output));
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let cases = either!(cases).map_or_else(|| format!("{stem}.cases"), |cases| named(cases));
    Target { model: file.to_owned(), output, inputs, cases, options }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::parse;
    use crate::diag::Sources;

    fn read(text: &str) -> Result<Vec<Target>, Vec<String>> {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let source = sources.add("m2ksql.toml", text);
        let files = |pattern: &str| match pattern {
            "models/*.json" => Ok(vec!["models/a.json".to_owned(), "models/b.c.json".to_owned()]),
            "none/*" => Ok(Vec::new()),
            "[" => Err("no end".to_owned()),
            name => Ok(vec![name.to_owned()]),
        };
        let result = parse(source, text, &mut report).and_then(|it| targets(&it, source, files, &mut report));
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
            features = ['f.sql']
            [[model]]
            file = 'other.onnx'
            output = 'o.sql'
            strict = false
            keep = []
            nulls = 'guard'";
        let found = read(text).unwrap();
        let names: Vec<(&str, &str)> = found.iter().map(|it| (it.model.as_str(), it.output.as_str())).collect();
        let expected = [("models/a.json", "sql/a.sql"), ("models/b.c.json", "sql/b.c.sql"), ("other.onnx", "o.sql")];
        assert_eq!(names, expected);
        let path = |relative: &str| format!("/p/{relative}");
        assert_eq!(
            found[0].arguments(path),
            [
                "/p/models/a.json",
                "--from=S",
                "--into=SCORED_a",
                "--keep=ID",
                "--rename=a b=A_B",
                "--nulls=-1",
                "--strict",
                "--schema=/p/s.sql",
                "--features=/p/f.sql"
            ]
        );
        assert_eq!(found[2].arguments(path), ["/p/other.onnx", "--from=S", "--nulls=guard", "--schema=/p/s.sql"]);
        assert_eq!(found[2].score_arguments(path), found[2].arguments(path));
        assert!(!found[0].score_arguments(path).iter().any(|it| it.starts_with("--into")));
        assert_eq!((found[0].cases.as_str(), found[2].cases.as_str()), ("models/a.cases", "other.cases"));
        assert_eq!(found[0].inputs, ["s.sql", "f.sql"]);
    }

    #[test]
    fn what_is_wrong_with_a_manifest_is_said() {
        let error = |text: &str| read(text).unwrap_err().join("\n");
        assert!(error("[[model]]\nfile = 'a'\nform = 'stream'").contains("unknown field `form`"));
        assert!(error("[[model]]\nfile = 1").contains("string"));
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
