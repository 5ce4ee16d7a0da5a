//! Diagnostics: what is wrong, where, what was expected, what to do.
//!
//! Every stage reports into one [`Report`], so that one run shows all problems of a file. A function that cannot go on
//! returns [`Failed`], which only [`Report::fail`] makes: an early return without a message does not compile.
//! Texts follow one style: lower case, no full stop, names in backticks, found and expected stated; help is an action.

pub mod codes;
mod nearest;
mod source;

pub use codes::{Code, Group};
pub use nearest::nearest;
pub use source::{Place, SourceId, Sources};

/// How bad a diagnostic is. An error means that no output is produced; a warning accompanies one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The output is right, but the user should know something about it.
    Warning,
    /// The input cannot be compiled.
    Error,
}

impl Severity {
    /// `error` or `warning`, as it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One finding: a code, a sentence, and, where known, a place, notes and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// The entry of the table of codes; decides the severity.
    pub code: &'static Code,
    /// One sentence: lower case, no full stop, names in backticks.
    pub message: String,
    /// Where it was found.
    pub place: Option<Place>,
    /// What to write under the caret; empty for none.
    pub label: String,
    /// Further places that belong to the finding, each with its own words (`first defined here`).
    pub related: Vec<(Place, String)>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// What to do, as an imperative.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding without a place yet.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            message: message.into(),
            place: None,
            label: String::new(),
            related: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// Says where.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Says where, if it is known.
    pub fn at_maybe(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// The words under the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a second place.
    pub fn related(mut self, place: Place, words: impl Into<String>) -> Self {
        self.related.push((place, words.into()));
        self
    }

    /// Adds a fact.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Error or warning, by the code's first letter.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// Proof that an error was reported. Only [`Report::fail`] and [`Report::check`] make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed(());

/// The findings of a run, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// An empty report.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds everything that another report holds.
    pub fn append(&mut self, other: Report) {
        self.diagnostics.extend(other.diagnostics);
    }

    /// Adds a finding and goes on.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Adds an error and gives the token to return with.
    pub fn fail(&mut self, diagnostic: Diagnostic) -> Failed {
        debug_assert_eq!(diagnostic.severity(), Severity::Error, "a warning cannot fail a stage");
        self.diagnostics.push(diagnostic);
        Failed(())
    }

    /// `Err` if an error was reported since the report had `since` entries (see [`Report::len`]).
    pub fn check(&self, since: usize) -> Result<(), Failed> {
        let failed = self.diagnostics.iter().skip(since).any(|d| d.severity() == Severity::Error);
        if failed { Err(Failed(())) } else { Ok(()) }
    }

    /// Whether an error was reported.
    pub fn has_errors(&self) -> bool {
        self.check(0).is_err()
    }

    /// All findings, in order.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The number of findings.
    pub fn len(&self) -> usize {
        self.diagnostics.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }
}
