//! One run of the program: the texts it read, what it found, and how it ends.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use super::args::Format;
use super::args::subject::ModelOptions;
use super::{output, render};
use crate::bind::Text;
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::codes::environment as codes;
use crate::diag::codes::load::{FILE_TOO_LARGE, NOT_UTF8};
use crate::diag::{Code, Diagnostic, Failed, Group, Place, Report, Severity, SourceId, Sources};
use crate::load;
use crate::model::Graph;

/// The largest file that any format has: ONNX, 2 GiB.
const MOST_BYTES: u64 = 1 << 31;

/// What the commands share.
pub(super) struct Session {
    /// Every text that a diagnostic may point into.
    pub(super) sources: Sources,
    /// What was found.
    pub(super) report: Report,
    format: Format,
    /// The exit code, if it does not follow from the report.
    ended: Option<u8>,
}

impl Session {
    /// A run whose diagnostics are written in this way.
    pub(super) fn new(format: Format) -> Self {
        Session { sources: Sources::new(), report: Report::new(), format, ended: None }
    }

    /// The bytes of a file, `-` being standard input, and the name that diagnostics show for it.
    pub(super) fn read(&mut self, path: &Path) -> Result<(String, Vec<u8>), Failed> {
        let (name, bytes) = if path.as_os_str() == "-" {
            ("<stdin>".to_owned(), read_at_most(std::io::stdin().lock(), 0))
        } else {
            let bytes = File::open(path).and_then(|file| {
                let length = file.metadata()?.len();
                read_at_most(file, length)
            });
            (path.display().to_string(), bytes)
        };
        match bytes {
            Ok(Some(bytes)) => Ok((name, bytes)),
            Ok(None) => {
                let message =
                    format!("the file has more than {} MiB, which is the most that is read", MOST_BYTES >> 20);
                let place = Place::file(self.sources.add(name, ""));
                Err(self.report.fail(Diagnostic::new(&FILE_TOO_LARGE, message).at(place)))
            }
            Err(error) => Err(self.fail_io(&codes::CANNOT_READ, "read", &name, &error)),
        }
    }

    /// The text of a file, entered among the sources.
    pub(super) fn read_text(&mut self, path: &Path) -> Result<SourceId, Failed> {
        let (name, bytes) = self.read(path)?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(self.sources.add(name, text)),
            Err(error) => {
                let place = Place::file(self.sources.add(name, ""));
                let at = error.utf8_error().valid_up_to();
                let message = format!("the text is not UTF-8 from byte {at} on");
                Err(self.report.fail(Diagnostic::new(&NOT_UTF8, message).at(place).help("save the file as UTF-8")))
            }
        }
    }

    /// Values of an option, entered among the sources.
    pub(super) fn texts<'t>(&mut self, option: &str, values: impl IntoIterator<Item = &'t String>) -> Vec<Text> {
        values.into_iter().map(|text| Text::new(&mut self.sources, option, text)).collect()
    }

    /// Refuses two files that are both standard input.
    pub(super) fn one_stdin(&mut self, what: &str, first: &Path, second: Option<&Path>) -> Result<(), Failed> {
        if first.as_os_str() != "-" || second.is_none_or(|second| second.as_os_str() != "-") {
            return Ok(());
        }
        let message = format!("{what} cannot both be read from standard input");
        Err(self.report.fail(Diagnostic::new(&BAD_OPTIONS, message).help("give one of them as a file")))
    }

    /// The model in these bytes.
    pub(super) fn load(&mut self, name: &str, bytes: Vec<u8>, options: &ModelOptions) -> Result<Graph, Failed> {
        let mut features: Option<Vec<String>> = None;
        for names in options.features.iter().filter(|value| !is_definitions(value)) {
            let names = self.names(names)?;
            features.get_or_insert_default().extend(names);
        }
        // `model.onnx` lies in the folder `.`
        let folder = Path::new(name).parent().map(|folder| Path::new(".").join(folder));
        let options = load::Options { link: options.link, features, folder };
        load::load(&mut self.sources, name, bytes, &options, &mut self.report)
    }

    /// The files of definitions among the values of `--features`.
    pub(super) fn definitions(&mut self, options: &ModelOptions) -> Result<Vec<Text>, Failed> {
        let files = options.features.iter().filter(|value| is_definitions(value));
        files
            .map(|path| {
                let source = self.read_text(Path::new(path))?;
                Ok(Text { source, text: self.sources.text(source).to_owned() })
            })
            .collect()
    }

    /// A list of names, or the lines of a file after `@`.
    fn names(&mut self, names: &str) -> Result<Vec<String>, Failed> {
        let Some(path) = names.strip_prefix('@') else {
            return Ok(names.split(',').map(|name| name.trim().to_owned()).collect());
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()),
            Err(error) => Err(self.fail_io(&codes::CANNOT_READ, "read", path, &error)),
        }
    }

    /// Writes the product to a file, or to standard output if there is none.
    pub(super) fn write(&mut self, path: Option<&Path>, product: &[u8]) -> Result<(), Failed> {
        let (name, result) = match path {
            Some(path) if path.as_os_str() != "-" => (path.display().to_string(), output::replace(path, product)),
            _ => ("<stdout>".to_owned(), output::print(product)),
        };
        result.map_err(|error| self.fail_io(&codes::CANNOT_WRITE, "written", &name, &error))
    }

    /// Reports a fault of a file.
    pub(super) fn fail_io(&mut self, code: &'static Code, verb: &str, name: &str, error: &std::io::Error) -> Failed {
        let place = Place::file(self.sources.add(name, ""));
        // `No such file or directory (os error 2)`: the reason in our style, without the number
        let reason = error.to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        let message = format!("the file cannot be {verb}: {}", lower_first(reason));
        self.report.fail(Diagnostic::new(code, message).at(place))
    }

    /// Prints the diagnostics and gives the exit code.
    pub(super) fn finish(self) -> ExitCode {
        self.print();
        ExitCode::from(self.exit_code())
    }

    /// Prints the diagnostics.
    pub(super) fn print(&self) {
        let text = match self.format {
            Format::Json => render::json(&self.report, &self.sources),
            Format::Github => render::github(&self.report, &self.sources),
            Format::Text => render::text(&self.report, &self.sources) + &self.summary(),
        };
        // nobody is left to be told that standard error is closed
        let _ = anstream::stderr().lock().write_all(text.as_bytes());
    }

    /// A line that is no diagnostic, at once.
    #[cfg(feature = "deploy")]
    pub(super) fn say(&self, line: &str) {
        say(self.format, line);
    }

    /// How diagnostics are written.
    #[cfg(feature = "deploy")]
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Prints what was found so far, and forgets it.
    #[cfg(feature = "deploy")]
    pub(super) fn tell(&mut self) {
        self.print();
        (self.sources, self.report) = (Sources::new(), Report::new());
    }

    /// Ends with this exit code.
    #[cfg(feature = "deploy")]
    pub(super) fn end_with(&mut self, code: u8) {
        self.ended = Some(code);
    }

    fn summary(&self) -> String {
        let count = |severity| self.report.diagnostics().iter().filter(|found| found.severity() == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let plural = |number: usize, noun| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        match (errors, warnings) {
            (0, 0) | (1, 0) | (0, 1) => String::new(),
            (errors, 0) => format!("{}\n", plural(errors, "error")),
            (0, warnings) => format!("{}\n", plural(warnings, "warning")),
            (errors, warnings) => format!("{}, {}\n", plural(errors, "error"), plural(warnings, "warning")),
        }
    }

    /// 3 if a file or server is at fault, 2 if only the options are, 1 for any other error.
    fn exit_code(&self) -> u8 {
        let errors = || self.report.diagnostics().iter().filter(|found| found.severity() == Severity::Error);
        if let Some(code) = self.ended {
            code
        } else if errors().next().is_none() {
            0
        } else if errors().any(|error| error.code.group() == Group::Environment) {
            3
        } else if errors().all(|error| error.code.id == BAD_OPTIONS.id) {
            2
        } else {
            1
        }
    }
}

/// A line on standard error; for programs an object of the severity `note`.
#[cfg(feature = "deploy")]
pub(super) fn say(format: Format, line: &str) {
    let line = match format {
        Format::Json => serde_json::json!({ "severity": "note", "message": line }).to_string(),
        Format::Text | Format::Github => line.to_owned(),
    };
    // nobody is left to be told that standard error is closed
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// The path in a value of `--features`: of definitions, or after `@` of names.
pub(super) fn file_of_features(value: &str) -> Option<&str> {
    if is_definitions(value) { Some(value) } else { value.strip_prefix('@') }
}

/// Whether a value of `--features` names a file of SQL definitions.
fn is_definitions(value: &str) -> bool {
    !value.starts_with('@')
        && Path::new(value).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// All bytes of a file of about this length; `None`, with next to nothing read, if it is too long for any format.
fn read_at_most(file: impl Read, length: u64) -> std::io::Result<Option<Vec<u8>>> {
    if length > MOST_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= MOST_BYTES))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
