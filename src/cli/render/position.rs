//! Lines and columns of many places in one text.
//!
//! A model file may be one line of 200 MB with a thousand findings in it, so a text is walked once; afterwards a
//! position costs at most one block.

use std::ops::Range;

/// A place as people count: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The number of the line.
    pub(super) line: usize,
    /// The number of the character in it.
    pub(super) column: usize,
}

/// A text with the offsets of its lines and the number of characters before each block.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    chars: Vec<usize>,
}

const BLOCK: usize = 4096;

impl<'a> Lines<'a> {
    /// Walks the text.
    pub(super) fn new(text: &'a str) -> Self {
        let newlines = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(newlines).collect();
        let mut chars = vec![0];
        let mut total = 0;
        for block in text.as_bytes().chunks(BLOCK) {
            total += count(block);
            chars.push(total);
        }
        Lines { text, starts, chars }
    }

    /// The offset itself, moved into the text and to the start of its character.
    pub(super) fn clamp(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    /// Line and column of a byte offset.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = self.clamp(offset);
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts[line - 1];
        Position { line, column: self.chars_before(offset) - self.chars_before(start) + 1 }
    }

    /// The bytes of a line, without its end.
    pub(super) fn line(&self, line: usize) -> Range<usize> {
        let start = self.starts[line - 1];
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let end = if self.text[start..end].ends_with('\r') { end - 1 } else { end };
        start..end
    }

    fn chars_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        self.chars[block] + count(&self.text.as_bytes()[block * BLOCK..offset])
    }
}

/// The number of characters that begin here: all bytes but the continuing ones.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_agree_with_counting_from_the_start() {
        let text = "a\u{e4}\r\n\n\u{1f980}xyz\n".repeat(900);
        let lines = Lines::new(&text);
        for offset in (0..text.len() + 3).step_by(7).chain(text.len() - 5..text.len() + 3) {
            let mut end = offset.min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            let before = &text[..end];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            assert_eq!(lines.position(offset), Position { line, column }, "offset {offset}");
        }
    }

    #[test]
    fn a_line_ends_before_its_end_mark() {
        let text = "ab\r\n\nc";
        let lines = Lines::new(text);
        assert_eq!([1, 2, 3].map(|line| &text[lines.line(line)]), ["ab", "", "c"]);
        assert_eq!(Lines::new("").line(1), 0..0);
    }
}
