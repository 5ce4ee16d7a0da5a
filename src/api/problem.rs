//! What is wrong, as plain data.

use std::error::Error;
use std::fmt;

use crate::diag::{Diagnostic, Report, Severity, Sources};

/// One thing that is wrong, or that the reader should know.
///
/// ```
/// use m2ksql::{LoadOptions, Model};
///
/// let file = "{\n  \"type\": \"logistic\",\n  \"features\": { \"x\": \"one\" }\n}";
/// let problems = Model::load("model.json", file, &LoadOptions::default()).unwrap_err();
/// let problem = problems.iter().next().unwrap();
/// assert_eq!((problem.code, problem.is_error), ("E0203", true));
/// assert_eq!((problem.file.as_deref(), problem.line, problem.column), (Some("model.json"), Some(3), Some(22)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Problem {
    /// Its code, such as `E0502`; `m2ksql explain CODE` says more.
    pub code: &'static str,
    /// Whether there is no result for it; else it is a warning.
    pub is_error: bool,
    /// One sentence.
    pub message: String,
    /// The file or option that it is found in.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// The character in the line, from 1.
    pub column: Option<usize>,
    /// The place inside of the file: a JSON pointer, or the node of an ONNX graph.
    pub path: Option<String>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    fn new(found: &Diagnostic, sources: &Sources) -> Self {
        let place = found.place.as_ref();
        let file = place.map(|place| sources.name(place.source).to_owned());
        let span = place.and_then(|place| Some((place.source, place.span.clone()?)));
        let position = span.map(|(source, span)| sources.line_column(source, span.start));
        Problem {
            code: found.code.id,
            is_error: found.severity() == Severity::Error,
            message: found.message.clone(),
            file,
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            path: place.and_then(|place| place.path.clone()).filter(|path| !path.is_empty()),
            notes: found.notes.clone(),
            help: found.help.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_error { "error" } else { "warning" };
        write!(f, "{kind}[{}]: {}", self.code, self.message)?;
        if let Some(file) = &self.file {
            write!(f, "\n --> {file}")?;
            if let (Some(line), Some(column)) = (self.line, self.column) {
                write!(f, ":{line}:{column}")?;
            }
        }
        if let Some(path) = &self.path {
            write!(f, "\n = at: {path}")?;
        }
        for note in &self.notes {
            write!(f, "\n = note: {note}")?;
        }
        self.help.iter().try_for_each(|help| write!(f, "\n = help: {help}"))
    }
}

/// Why there is no result: everything that is wrong, found in one run.
///
/// Displayed (and, so that `fn main() -> Result<…>` of a `build.rs` shows it, also debugged) it is what a person reads.
///
/// ```
/// use m2ksql::{LoadOptions, Model};
///
/// let problems = Model::load("model.json", "{", &LoadOptions::default()).unwrap_err();
/// assert!(problems.to_string().starts_with("error[E0103]: "), "{problems}");
/// ```
#[derive(Clone, PartialEq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn new(report: &Report, sources: &Sources) -> Self {
        Problems(list(report, sources))
    }

    /// Each of them, in the order in which they were found, warnings included.
    ///
    /// ```
    /// use m2ksql::{LoadOptions, Model};
    ///
    /// let problems = Model::load("model.json", "", &LoadOptions::default()).unwrap_err();
    /// assert_eq!(problems.iter().filter(|problem| problem.is_error).count(), 1);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

/// The findings of a report.
pub(super) fn list(report: &Report, sources: &Sources) -> Vec<Problem> {
    report.diagnostics().iter().map(|found| Problem::new(found, sources)).collect()
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("\n\n"))
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Problems {}
