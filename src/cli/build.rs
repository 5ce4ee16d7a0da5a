//! `build`: all SQL of a manifest, written, checked against the files, or kept up to date.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::args::Format;
use super::args::build::Build;
use super::args::compile::Compile;
use super::compile;
use super::manifest::Project;
use super::output;
use super::session::Session;
use crate::build::{self, Fingerprint, Target};
use crate::diag::codes::compile::OUT_OF_DATE;
use crate::diag::codes::environment::CANNOT_WRITE;
use crate::diag::{Diagnostic, Failed, Place};

/// What was made of what the last time: beside the manifest, and not to be kept with the sources.
const STATE: &str = ".m2ksql-build.json";

/// How often files are looked at for changes.
const PAUSE: Duration = Duration::from_millis(300);

/// Builds, once or for every change.
pub(super) fn run(args: &Build, session: &mut Session) -> Result<(), Failed> {
    if args.schema {
        return session.write(None, super::manifest::keys().schema().as_bytes());
    }
    if !args.watch {
        return once(args, session);
    }
    loop {
        let before = watched(&args.manifest.manifest);
        let mut round = Session::new(args.format);
        // what is wrong is said, and waited for
        let _ = once(args, &mut round);
        round.print();
        while watched(&args.manifest.manifest) == before {
            std::thread::sleep(PAUSE);
        }
    }
}

/// The files that a build reads, each with the time of its change and its length: also of those that a pattern finds now.
fn watched(manifest: &Path) -> Vec<(PathBuf, Option<(SystemTime, u64)>)> {
    let mut files = vec![manifest.to_owned()];
    if let Ok(project) = Project::open(manifest, &mut Session::new(Format::Text)) {
        for target in &project.targets {
            files.push(project.path(&target.model));
            files.extend(target.inputs.iter().map(|input| project.path(input)));
        }
    }
    files.into_iter().map(|file| (file.clone(), stamp(&file))).collect()
}

/// When a file was changed, and its length.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    fs::metadata(path).ok().and_then(|data| Some((data.modified().ok()?, data.len())))
}

fn once(args: &Build, session: &mut Session) -> Result<(), Failed> {
    let since = session.report.len();
    let project = Project::open(&args.manifest.manifest, session)?;
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
        session.write(Some(path), dependencies(&project, &args.manifest.manifest).as_bytes())?;
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
    let text =
        project.arguments::<Compile>(target, &[], session).and_then(|compile| compile::product(&compile, session));
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
        let (is, should) = (format!("{} (as it is)", target.output), format!("{} (as it should be)", target.output));
        let shown = build::difference((&is, &found.unwrap_or_default()), (&should, &text));
        return Ok(Made { shown, prints: None });
    }
    let written =
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| output::replace(&path, text.as_bytes()));
    written.map_err(|error| session.fail_io(&CANNOT_WRITE, "written", &project.text(&target.output), &error))?;
    Ok(Made { shown: format!("{}\n", project.text(&target.output)), prints })
}

/// Of everything that goes into a target; `None` if a file cannot be read, or may have parts elsewhere.
fn fingerprint(target: &Target, project: &Project) -> Option<String> {
    // an ONNX file may keep its weights in other files
    if target.model.ends_with(".onnx") {
        return None;
    }
    let mut print = Fingerprint::new();
    // another program may write other SQL
    let program = std::env::current_exe().ok().and_then(|program| stamp(&program));
    print.add("program", format!("{} {program:?}", env!("CARGO_PKG_VERSION")).as_bytes());
    for argument in target.arguments(|_| true, str::to_owned) {
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
