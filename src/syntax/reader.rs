//! What all readers of pairs share: places, and the ways to fail.

use pest::Span;
use pest::iterators::Pair;

use super::grammar::Rule;
use crate::diag::codes::sql as codes;
use crate::diag::{Code, Diagnostic, Failed, Place, Report, SourceId};
use crate::schema::Type;
use crate::sql::ast::Name;

/// Reads the pairs of one statement or expression, a piece of a text that begins at byte `base`.
pub(super) struct Reader<'a> {
    pub source: SourceId,
    pub base: usize,
    pub report: &'a mut Report,
    /// Types made by CREATE TYPE so far.
    pub types: &'a [(Name, Type)],
    /// Whether expressions are given out with their places.
    pub located: bool,
    /// Where what was read last ends.
    pub end: usize,
}

impl Reader<'_> {
    pub(super) fn place(&self, pair: &Pair<'_, Rule>) -> Place {
        self.place_of(pair.as_span())
    }

    pub(super) fn place_of(&self, span: Span<'_>) -> Place {
        Place::span(self.source, self.base + span.start()..self.base + span.end())
    }

    pub(super) fn fail(
        &mut self,
        pair: &Pair<'_, Rule>,
        code: &'static Code,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Failed {
        let mut diagnostic = Diagnostic::new(code, message).at(self.place(pair));
        diagnostic.help = help;
        self.report.fail(diagnostic)
    }

    /// A pair lacks a part that the grammar promises: grammar and reader disagree.
    pub(super) fn incomplete(&mut self) -> Failed {
        let message = "internal error: the reader does not know what the grammar read";
        let place = Place::span(self.source, self.base..self.base);
        self.report.fail(Diagnostic::new(&codes::SYNTAX, message).at(place).help("report this text as a bug of m2ksql"))
    }
}
