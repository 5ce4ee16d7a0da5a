//! Diagnostics as people and programs read them.
//!
//! [`text`] shows the line with carets below it, as compilers do; of a line too long for that a window around the
//! place. [`json`] writes one object a line. Both decide nothing.

mod excerpt;
mod github;
mod json;
mod position;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::diag::{Place, SourceId, Sources};
use excerpt::Excerpt;
use position::{Lines, Position};

pub(super) use github::github;
pub(super) use json::json;
pub(super) use text::{printable, text};

/// The texts that diagnostics point into, each walked once.
struct Texts<'a> {
    sources: &'a Sources,
    lines: BTreeMap<SourceId, Lines<'a>>,
}

impl<'a> Texts<'a> {
    fn new(sources: &'a Sources) -> Self {
        Texts { sources, lines: BTreeMap::new() }
    }

    /// The lines of the text that the place is in; `None` if it is in no text: in a binary file, or a file as a whole.
    fn lines(&mut self, place: &Place) -> Option<(&Lines<'a>, std::ops::Range<usize>)> {
        let text = self.sources.text(place.source);
        let span = place.span.clone().filter(|_| !text.is_empty())?;
        Some((self.lines.entry(place.source).or_insert_with(|| Lines::new(text)), span))
    }

    fn position(&mut self, place: &Place) -> Option<Position> {
        self.lines(place).map(|(lines, span)| lines.position(span.start))
    }

    fn excerpt(&mut self, place: &Place) -> Option<Excerpt> {
        let text = self.sources.text(place.source);
        self.lines(place).map(|(lines, span)| Excerpt::new(text, lines, &span))
    }
}
