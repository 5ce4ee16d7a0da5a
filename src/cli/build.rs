//! `build`: all SQL of a manifest, written, checked against the files, or kept up to date.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Parser;

use super::args::build::Build;
use super::args::compile::Compile;
use super::compile;
use super::output;
use super::session::Session;
use crate::build::{self, Fingerprint, Target};
use crate::diag::codes::compile::{BAD_MANIFEST, OUT_OF_DATE};
use crate::diag::codes::environment::CANNOT_WRITE;
use crate::diag::{Diagnostic, Failed, Place};

/// What was made of what the last time: beside the manifest, and not to be kept with the sources.
const STATE: &str = ".m2ksql-build.json";

/// How often files are looked at for changes.
const PAUSE: Duration = Duration::from_millis(300);

/// `compile`, as the lines of a manifest call it.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Arguments {
    #[command(flatten)]
    compile: Compile,
}

/// Builds, once or for every change.
pub(super) fn run(args: &Build, session: &mut Session) -> Result<(), Failed> {
    if args.schema {
        return session.write(None, build::manifest_schema().as_bytes());
    }
    if !args.watch {
        return once(args, session, &mut Vec::new());
    }
    loop {
        let mut round = Session::with_format(args.format);
        let mut files = vec![args.manifest.clone()];
        let _ = once(args, &mut round, &mut files);
        round.print();
        let before = stamps(&files);
        while stamps(&files) == before {
            std::thread::sleep(PAUSE);
        }
    }
}

/// When each file was changed, and its length.
fn stamps(files: &[PathBuf]) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |path: &PathBuf| fs::metadata(path).ok().and_then(|data| Some((data.modified().ok()?, data.len())));
    files.iter().map(stamp).collect()
}

/// A manifest, read, with its folder.
pub(super) struct Project {
    folder: PathBuf,
    pub(super) targets: Vec<Target>,
}

impl Project {
    /// Reads a manifest.
    pub(super) fn open(path: &Path, session: &mut Session) -> Result<Self, Failed> {
        let source = session.read_text(path)?;
        let text = session.sources.text(source).to_owned();
        let manifest = build::parse(source, &text, &mut session.report)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let files = |pattern: &str| matching(&folder, pattern);
        let targets = build::targets(&manifest, source, files, &mut session.report)?;
        Ok(Project { folder, targets })
    }

    /// A path that is relative to the manifest.
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// The same as text.
    pub(super) fn text(&self, relative: &str) -> String {
        self.path(relative).display().to_string()
    }
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

fn once(args: &Build, session: &mut Session, watched: &mut Vec<PathBuf>) -> Result<(), Failed> {
    let since = session.report.len();
    let project = Project::open(&args.manifest, session)?;
    for target in &project.targets {
        watched.push(project.path(&target.model));
        watched.extend(target.inputs.iter().map(|input| project.path(input)));
    }
    let state_file = project.path(STATE);
    let mut state = read_state(&state_file);
    let mut product = String::new();
    for target in &project.targets {
        // what is wrong with one model is reported, and the others are built
        let Ok(made) = make(target, &project, &state, args, session) else { continue };
        product.push_str(&made.shown);
        if let Some(prints) = made.prints {
            state.insert(target.output.clone(), prints);
        }
    }
    if let Some(path) = &args.emit_deps {
        session.write(Some(path), dependencies(&project, &args.manifest).as_bytes())?;
    }
    if !args.check {
        state.retain(|output, _| project.targets.iter().any(|target| target.output == *output));
        // without it the next build does everything again
        let _ = fs::write(state_file, serde_json::to_string_pretty(&state).unwrap_or_default() + "\n");
    }
    session.write(None, product.as_bytes())?;
    session.report.check(since)
}

/// What became of a target.
struct Made {
    /// What standard output says of it.
    shown: String,
    /// The fingerprints of its inputs and of its text.
    prints: Option<(String, String)>,
}

fn make(
    target: &Target,
    project: &Project,
    state: &BTreeMap<String, (String, String)>,
    args: &Build,
    session: &mut Session,
) -> Result<Made, Failed> {
    let path = project.path(&target.output);
    let found = fs::read_to_string(&path).ok();
    let inputs = fingerprint(target, project);
    let same = |prints: &(String, String)| {
        inputs.as_ref() == Some(&prints.0) && found.as_ref().is_some_and(|text| of_text(text) == prints.1)
    };
    if !args.check && !args.all && state.get(&target.output).is_some_and(same) {
        return Ok(Made { shown: String::new(), prints: None });
    }
    let since = session.report.len();
    let text = compiled(target, project, session);
    if text.is_err() {
        session.report.check(since)?;
    }
    let text = text?;
    let prints = inputs.map(|inputs| (inputs, of_text(&text)));
    if found.as_deref() == Some(text.as_str()) {
        return Ok(Made { shown: String::new(), prints });
    }
    if args.check {
        let place = Place::file(session.sources.add(project.text(&target.output), ""));
        let message = match &found {
            Some(_) => format!("the SQL is not what `{}` compiles to", target.model),
            None => format!("the SQL of `{}` is missing", target.model),
        };
        session
            .report
            .push(Diagnostic::new(&OUT_OF_DATE, message).at(place).help("run `m2ksql build` and commit the result"));
        let shown = build::difference(&target.output, &found.unwrap_or_default(), &text);
        return Ok(Made { shown, prints: None });
    }
    let written =
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| output::replace(&path, text.as_bytes()));
    written.map_err(|error| session.fail_io(&CANNOT_WRITE, "written", &project.text(&target.output), &error))?;
    Ok(Made { shown: format!("{}\n", project.text(&target.output)), prints })
}

/// The SQL of a target.
fn compiled(target: &Target, project: &Project, session: &mut Session) -> Result<String, Failed> {
    match Arguments::try_parse_from(target.arguments(|relative| project.text(relative))) {
        Ok(arguments) => compile::product(&arguments.compile, session),
        Err(error) => Err(wrong_setting(&error, target, session)),
    }
}

/// What clap says of a setting.
pub(super) fn wrong_setting(error: &clap::Error, target: &Target, session: &mut Session) -> Failed {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let words = lines.join(" ");
    let words = words.strip_prefix("error: ").unwrap_or(&words).trim_end_matches('.').to_owned();
    let message = format!("settings of `{}`: {words}", target.model);
    session
        .report
        .fail(Diagnostic::new(&BAD_MANIFEST, message).help("keys are the long options of `m2ksql compile --help`"))
}

/// Of everything that goes into a target; `None` if a file cannot be read, or may have parts elsewhere.
fn fingerprint(target: &Target, project: &Project) -> Option<String> {
    // an ONNX file may keep its weights in other files
    if target.model.ends_with(".onnx") {
        return None;
    }
    let mut print = Fingerprint::new();
    print.add("version", env!("CARGO_PKG_VERSION").as_bytes());
    for argument in target.arguments(str::to_owned) {
        print.add("argument", argument.as_bytes());
    }
    for file in std::iter::once(&target.model).chain(&target.inputs) {
        print.add(file, &fs::read(project.path(file)).ok()?);
    }
    Some(print.finish())
}

fn of_text(text: &str) -> String {
    let mut print = Fingerprint::new();
    print.add("text", text.as_bytes());
    print.finish()
}

fn read_state(path: &Path) -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Rules for make: each output, and what it is made of.
fn dependencies(project: &Project, manifest: &Path) -> String {
    let word = |text: String| text.replace('$', "$$").replace(' ', "\\ ").replace('#', "\\#");
    let mut rules = String::new();
    for target in &project.targets {
        let mut inputs = vec![word(project.text(&target.model))];
        inputs.extend(target.inputs.iter().map(|input| word(project.text(input))));
        inputs.push(word(manifest.display().to_string()));
        rules += &format!("{}: {}\n", word(project.text(&target.output)), inputs.join(" "));
    }
    rules
}
