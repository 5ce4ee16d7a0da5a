//! The piece of a text that is shown around a place: its line, or a window of it.

use std::ops::Range;

use super::position::{Lines, Position};

/// Characters shown of a line that is longer than that, about as many as fit a terminal.
const WIDTH: usize = 100;
/// Characters shown before the place in such a line.
const BEFORE: usize = 40;

/// One line, or a part of it with `…` for what was cut off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Where the place begins in the whole text.
    pub(super) position: Position,
    /// What is shown.
    pub(super) text: String,
    /// The bytes of `text` that are marked: of a place of several lines the first one, of a place that reaches out of
    /// the window what lies in it.
    pub(super) marked: Range<usize>,
}

impl Excerpt {
    /// The excerpt for these bytes of the text.
    pub(super) fn new(text: &str, lines: &Lines<'_>, span: &Range<usize>) -> Self {
        let start = lines.clamp(span.start);
        let position = lines.position(start);
        let line = lines.line(position.line);
        let start = start.min(line.end);
        let end = lines.clamp(span.end).clamp(start, line.end);

        // one character more than is shown tells whether the line is longer
        let fits = text[line.clone()].chars().take(WIDTH + 1).count() <= WIDTH;
        let window = if fits { line.clone() } else { window(&text[line.clone()], start - line.start, line.start) };
        let cut_before = if window.start > line.start { "…" } else { "" };
        let cut_after = if window.end < line.end { "…" } else { "" };
        let shift = |offset: usize| offset.clamp(window.start, window.end) - window.start + cut_before.len();
        Excerpt {
            position,
            text: format!("{cut_before}{}{cut_after}", &text[window.clone()]),
            marked: shift(start)..shift(end),
        }
    }
}

/// The bytes of a long line that are shown for a place at `at`, counted from `offset` on.
fn window(line: &str, at: usize, offset: usize) -> Range<usize> {
    let after = line[at..].char_indices().nth(WIDTH - BEFORE).map_or(line.len(), |(index, _)| at + index);
    // what the line lacks behind the place is shown before it
    let before = WIDTH - line[at..after].chars().count();
    let start = line[..at].char_indices().rev().take(before).last().map_or(at, |(index, _)| index);
    let after = line[start..].char_indices().nth(WIDTH).map_or(line.len(), |(index, _)| start + index);
    offset + start..offset + after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, span: Range<usize>) -> (String, String) {
        let excerpt = Excerpt::new(text, &Lines::new(text), &span);
        let marked = excerpt.text[excerpt.marked.clone()].to_owned();
        (excerpt.text, marked)
    }

    fn pair(text: &str, marked: &str) -> (String, String) {
        (text.to_owned(), marked.to_owned())
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        assert_eq!(excerpt("ab\ncdef\ngh", 4..6), pair("cdef", "de"));
        assert_eq!(excerpt("ab\ncdef\ngh", 4..9), pair("cdef", "def"));
        assert_eq!(excerpt("ab\ncdef\ngh", 7..8), pair("cdef", ""));
        assert_eq!(excerpt("ab", 90..99), pair("ab", ""));
        assert_eq!(excerpt("", 0..0), pair("", ""));
    }

    #[test]
    fn of_a_long_line_a_window_is_shown() {
        let line = format!("{}X{}", "ä".repeat(1000), "ö".repeat(1000));
        let (text, marked) = excerpt(&line, 2000..2001);
        assert_eq!(marked, "X");
        assert_eq!(text, format!("…{}X{}…", "ä".repeat(40), "ö".repeat(59)));
        let (text, marked) = excerpt(&line, 0..2);
        assert_eq!((text, marked.as_str()), (format!("{}…", "ä".repeat(100)), "ä"));
        let (text, marked) = excerpt(&line, line.len() - 2..line.len());
        assert_eq!((text, marked.as_str()), (format!("…{}", "ö".repeat(100)), "ö"));
        // a place that reaches out of the window is marked as far as it is seen
        let (text, marked) = excerpt(&line, 2000..line.len());
        assert_eq!(marked, format!("X{}", "ö".repeat(59)));
        assert_eq!(text.chars().count(), 102);
    }
}
