//! A manifest as the command line reads it: its keys are the long options that clap knows, its files are found on the disk.

use std::any::TypeId;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Args, Command, ValueHint};

use super::args::compile::Compile;
#[cfg(feature = "deploy")]
use super::args::deploy::{self, TargetOptions};
#[cfg(feature = "deploy")]
use super::args::server::ServerOptions;
use super::session::Session;
use crate::build::{self, Holds, Key, Keys, Manifest, Target, no_path, whole_path};
use crate::diag::codes::compile::{BAD_MANIFEST, BAD_OPTIONS};
use crate::diag::{Diagnostic, Failed, Place, SourceId, nearest};
use crate::lower::Nulls;

/// Options of `compile` that are no keys: where the product goes is the manifest's business, what is printed instead of the SQL
/// and how diagnostics look is no property of a model.
const NO_KEYS: &[&str] = &["output", "emit", "explain-plan", "format"];

/// Options of a server that are no keys: a manifest is kept with the sources, where no secret belongs.
#[cfg(feature = "deploy")]
const NO_KEYS_OF_SERVERS: &[&str] = &["password", "environment", "manifest"];

/// Options of a model that are the server's business where it is applied.
#[cfg(feature = "deploy")]
const COLUMNS: &[&str] = &["schema", "column"];

/// A manifest, read, with its folder.
pub(super) struct Project {
    folder: PathBuf,
    pub(super) targets: Vec<Target>,
}

/// Reads a manifest without looking for the files that it names.
fn read(path: &Path, session: &mut Session) -> Result<(SourceId, Keys, Manifest), Failed> {
    let source = session.read_text(path)?;
    let text = session.sources.text(source).to_owned();
    let keys = keys();
    let manifest = build::parse(source, &text, &keys, &mut session.report)?;
    Ok((source, keys, manifest))
}

/// The folder that paths of a manifest are relative to.
fn folder(manifest: &Path) -> &Path {
    manifest.parent().unwrap_or(Path::new(""))
}

/// The server of an environment.
#[cfg(feature = "deploy")]
pub(super) fn environment(path: &Path, name: &str, session: &mut Session) -> Result<ServerOptions, Failed> {
    let (source, keys, manifest) = read(path, session)?;
    let Some(settings) = manifest.environments.get(name) else {
        let near = nearest(name, manifest.environments.keys().map(String::as_str));
        let mut diagnostic = Diagnostic::new(&BAD_OPTIONS, format!("the manifest has no environment `{name}`"));
        diagnostic.help = near.map(|near| format!("did you mean `{near}`?"));
        return Err(session.report.fail(diagnostic.at(Place::file(source))));
    };
    let words = build::words(settings, &keys.environment, |relative| folder(path).join(relative).display().to_string());
    parsed(words).map_err(|error| {
        let place = |option: &str| {
            let found = settings.iter().find(|setting| setting.key == option);
            found.map_or(Place::file(source), |found| Place::span(source, found.span.clone()))
        };
        wrong_setting(&error, &format!("environment `{name}`"), place, session)
    })
}

/// The models that are to be applied: the one that the command line gives with its ends, or those of the manifest.
#[cfg(feature = "deploy")]
pub(super) fn deployments(
    options: &TargetOptions,
    manifest: &Path,
    session: &mut Session,
) -> Result<Vec<deploy::Target>, Failed> {
    match options.targets() {
        targets if targets.len() > 1 => {
            let message = "several models cannot write one stream";
            let help = "give one model with `--from` and `--into`, or name models of the manifest";
            return Err(session.report.fail(Diagnostic::new(&BAD_OPTIONS, message).help(help)));
        }
        targets if !targets.is_empty() => return Ok(targets),
        _ => {}
    }
    if let (Some(model), false) = (options.models.first(), manifest.exists()) {
        let message = format!("`{}` is no model of a manifest: there is no {}", model.display(), manifest.display());
        let help = "give a model file with `--from` and `--into`, or a manifest with `--manifest`";
        return Err(session.report.fail(Diagnostic::new(&BAD_OPTIONS, message).help(help)));
    }
    let project = Project::open(manifest, session)?;
    let names: Vec<String> = options.models.iter().map(|name| name.display().to_string()).collect();
    let (since, mut targets) = (session.report.len(), Vec::new());
    for target in project.named(&names, session)? {
        let reason = match (target.text_of("into"), target.text_of("as")) {
            (None, _) => "it has no `into`",
            (_, None | Some("stream" | "table")) => "",
            _ => "its `as` is no stream and no table",
        };
        if reason.is_empty() {
            let found = project.arguments::<TargetOptions>(target, COLUMNS, session).map(|found| found.targets());
            targets.extend(found.into_iter().flatten());
        } else if names.is_empty() {
            session.say(&format!("{} is left out: {reason}", target.name));
        } else {
            let message = format!("`{}` cannot be applied: {reason}", target.name);
            session.report.push(Diagnostic::new(&BAD_OPTIONS, message).at(target.place.clone()));
        }
    }
    session.report.check(since)?;
    if targets.is_empty() {
        let message = "the manifest has no model that writes a stream";
        let help = "give a model an `into`, or a model file with `--from` and `--into`";
        return Err(session.report.fail(Diagnostic::new(&BAD_OPTIONS, message).help(help)));
    }
    for target in &mut targets {
        target.version = options.model_version.clone().or(target.version.take());
    }
    Ok(targets)
}

/// The arguments of a command.
fn parsed<A: Args>(words: Vec<String>) -> Result<A, clap::Error> {
    let command = A::augment_args(Command::new("m2ksql").no_binary_name(true));
    command.try_get_matches_from(words).and_then(|found| A::from_arg_matches(&found))
}

impl Project {
    /// Reads a manifest.
    pub(super) fn open(path: &Path, session: &mut Session) -> Result<Self, Failed> {
        let (source, keys, manifest) = read(path, session)?;
        let folder = folder(path).to_owned();
        let files = |pattern: &str| matching(&folder, pattern);
        let targets = build::targets(&manifest, source, &keys, files, &mut session.report)?;
        Ok(Project { folder, targets })
    }

    /// The models of these names; without names all.
    pub(super) fn named(&self, names: &[String], session: &mut Session) -> Result<Vec<&Target>, Failed> {
        let since = session.report.len();
        for name in names.iter().filter(|name| self.targets.iter().all(|target| target.name != **name)) {
            let near = nearest(name, self.targets.iter().map(|target| target.name.as_str()));
            let mut diagnostic = Diagnostic::new(&BAD_OPTIONS, format!("the manifest has no model `{name}`"));
            let known = self.targets.iter().map(|target| format!("`{}`", target.name)).collect::<Vec<_>>().join(", ");
            diagnostic.help = near.map(|near| format!("did you mean `{near}`?"));
            session.report.push(diagnostic.note(format!("it has {known}")));
        }
        session.report.check(since)?;
        Ok(self.targets.iter().filter(|target| names.is_empty() || names.contains(&target.name)).collect())
    }

    /// A path that is relative to the manifest.
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// The same as text.
    pub(super) fn text(&self, relative: &str) -> String {
        self.path(relative).display().to_string()
    }

    /// The settings of a target as the arguments of a command: those that are options of it, but for some.
    ///
    /// Errors: a file that is not there, a value that the command does not take; each where the manifest has it.
    pub(super) fn arguments<A: Args>(&self, target: &Target, but: &[&str], session: &mut Session) -> Result<A, Failed> {
        let known: Vec<Key> = options::<A>(but);
        let wanted = |option: &str| known.iter().any(|key| key.name == option);
        let since = session.report.len();
        for (file, place) in target.files(wanted).into_iter().filter(|(file, _)| !self.path(file).exists()) {
            let missing = Diagnostic::new(&BAD_MANIFEST, format!("there is no file `{file}`")).at(place);
            session.report.push(missing.help("paths are relative to the manifest"));
        }
        session.report.check(since)?;
        let words = target.arguments(wanted, |relative| self.text(relative));
        let place = |option: &str| target.place_of(option);
        parsed(words).map_err(|error| wrong_setting(&error, &format!("`{}`", target.model), place, session))
    }
}

/// The keys of a manifest.
pub(super) fn keys() -> Keys {
    let mut model = Keys::of_the_manifest();
    model.extend(options::<Compile>(NO_KEYS));
    #[cfg(feature = "deploy")]
    model.extend({
        let known: Vec<String> = model.iter().map(|key| key.name.clone()).collect();
        options::<TargetOptions>(&[]).into_iter().filter(move |key| !known.contains(&key.name)).collect::<Vec<_>>()
    });
    #[cfg(feature = "deploy")]
    let environment = options::<ServerOptions>(NO_KEYS_OF_SERVERS);
    #[cfg(not(feature = "deploy"))]
    let environment = Vec::new();
    Keys { model, environment }
}

/// The arguments of a command as keys.
fn options<A: Args>(but: &[&str]) -> Vec<Key> {
    let command = A::augment_args(Command::new("options"));
    command.get_arguments().filter_map(key).filter(|key| !but.contains(&key.name.as_str())).collect()
}

/// A long option as a key.
fn key(argument: &Arg) -> Option<Key> {
    let ty = argument.get_value_parser().type_id();
    let is = |wanted: TypeId| ty == wanted;
    let choices = argument.get_possible_values();
    let pairs = argument.get_value_names().is_some_and(|names| names.iter().any(|name| name.contains('=')));
    let holds = match argument.get_action() {
        ArgAction::SetTrue => Holds::Flag,
        ArgAction::Append if pairs => Holds::Pairs,
        ArgAction::Append => Holds::List,
        _ if !choices.is_empty() => Holds::Choice(choices.iter().map(|it| it.get_name().to_owned()).collect()),
        _ if is(TypeId::of::<Nulls>()) => Holds::TextOrNumber,
        _ if [TypeId::of::<f64>(), TypeId::of::<usize>(), TypeId::of::<Duration>()].into_iter().any(is) => {
            Holds::Number
        }
        _ => Holds::Text,
    };
    let name = argument.get_long()?.to_owned();
    let path: fn(&str) -> Option<&str> = match argument.get_value_hint() {
        ValueHint::FilePath => whole_path,
        _ if name == "features" => super::session::file_of_features,
        _ => no_path,
    };
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    Some(Key { name, help, holds, path })
}

/// What clap says of a setting, in the words of the manifest.
fn wrong_setting(error: &clap::Error, of: &str, place: impl Fn(&str) -> Place, session: &mut Session) -> Failed {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.as_str()],
        Some(ContextValue::Strings(texts)) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    // `--from <NAME>`
    let key = |option: &str| option.trim_start_matches('-').split([' ', '=']).next().unwrap_or_default().to_owned();
    let keys: Vec<String> = named(ContextKind::InvalidArg).into_iter().map(key).collect();
    let first = keys.first().map_or("", String::as_str);
    let reason = std::error::Error::source(error).map(ToString::to_string);
    let message = match (error.kind(), named(ContextKind::InvalidValue).first(), reason) {
        (ErrorKind::ValueValidation, Some(value), Some(reason)) => format!("`{first}` cannot be `{value}`: {reason}"),
        (ErrorKind::MissingRequiredArgument, ..) => {
            let list = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ");
            format!("the settings of {of} need {list}")
        }
        _ => {
            let text = error.to_string();
            let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
            let words = lines.join(" ");
            let words = words.strip_prefix("error: ").unwrap_or(&words).trim_end_matches('.').to_owned();
            format!("settings of {of}: {words}")
        }
    };
    let help = "keys are the long options of the command line";
    session.report.fail(Diagnostic::new(&BAD_MANIFEST, message).at(place(first)).help(help))
}

/// The files that a pattern stands for, sorted, with `/` on every platform.
fn matching(folder: &Path, pattern: &str) -> Result<Vec<String>, String> {
    if !pattern.contains(['*', '?', '[']) {
        return Ok(vec![pattern.to_owned()]);
    }
    let whole = format!("{}/{pattern}", glob::Pattern::escape(&folder.display().to_string()));
    let whole = if folder.as_os_str().is_empty() { pattern.to_owned() } else { whole };
    let paths = glob::glob(&whole).map_err(|error| error.msg.to_owned())?;
    let relative = |path: PathBuf| {
        let path = path.strip_prefix(folder).unwrap_or(&path);
        path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    let mut files: Vec<String> = paths.flatten().filter(|path| path.is_file()).map(relative).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_compile_is_a_key_or_known_not_to_be() {
        let keys = keys().model;
        let command = Compile::augment_args(Command::new("compile"));
        let mut options = 0;
        for argument in command.get_arguments().filter(|it| !it.is_positional()) {
            let long = argument.get_long().unwrap();
            let key = keys.iter().find(|key| key.name == long && !key.help.starts_with("Where the SQL is written"));
            assert_eq!(key.is_some(), !NO_KEYS.contains(&long), "--{long}");
            options += 1;
        }
        assert!(options > 20, "{options} options");
        let holds = |name: &str| keys.iter().find(|key| key.name == name).unwrap().holds.clone();
        assert_eq!((holds("strict"), holds("keep"), holds("from")), (Holds::Flag, Holds::List, Holds::Text));
        assert_eq!((holds("rename"), holds("select"), holds("column")), (Holds::Pairs, Holds::Pairs, Holds::List));
        assert_eq!(
            (holds("nulls"), holds("threshold"), holds("width")),
            (Holds::TextOrNumber, Holds::Number, Holds::Number)
        );
        assert!(matches!(holds("as"), Holds::Choice(words) if words.contains(&"table".to_owned())));
        let path = |name: &str, value: &str| (keys.iter().find(|key| key.name == name).unwrap().path)(value).is_some();
        assert!(path("schema", "s.sql") && path("features", "f.sql") && path("features", "@names"));
        assert!(!path("features", "a,b") && !path("from", "s.sql"));
    }
}
