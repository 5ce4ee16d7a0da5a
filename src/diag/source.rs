//! Texts that diagnostics point into, and places in them.

use std::ops::Range;

/// A text of a [`Sources`] table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

/// Where a finding was made: a file, and in it a range of bytes, or a path such as a JSON pointer or an ONNX node, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file or command-line argument.
    pub source: SourceId,
    /// A range of bytes of its text. `None` for binary files and for findings about a file as a whole.
    pub span: Option<Range<usize>>,
    /// A path inside the file that a person can follow: `/steps/1/1/coef_` (JSON pointer), `node 3 (Gemm)`.
    pub path: Option<String>,
}

impl Place {
    /// A file as a whole.
    pub fn file(source: SourceId) -> Self {
        Place { source, span: None, path: None }
    }

    /// A range of bytes.
    pub fn span(source: SourceId, span: Range<usize>) -> Self {
        Place { source, span: Some(span), path: None }
    }

    /// A path inside a binary file.
    pub fn path(source: SourceId, path: impl Into<String>) -> Self {
        Place { source, span: None, path: Some(path.into()) }
    }

    /// Adds the path to a range of bytes.
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
}

/// The texts of a run. Binary files are entered with an empty text, so that they have a name.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
}

impl Sources {
    /// No texts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a text under the name that diagnostics show (`model.json`, `<stdin>`, `--where`).
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let id = SourceId(self.sources.len() as u32);
        self.sources.push(Source { name: name.into(), text: text.into() });
        id
    }

    /// The name given on entry.
    pub fn name(&self, id: SourceId) -> &str {
        &self.sources[id.0 as usize].name
    }

    /// The text; empty for a binary file.
    pub fn text(&self, id: SourceId) -> &str {
        &self.sources[id.0 as usize].text
    }

    /// Line and column (both from 1, the column in characters) of a byte offset; offsets past the end give the end.
    pub fn line_column(&self, id: SourceId, offset: usize) -> (usize, usize) {
        let text = self.text(id);
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.bytes().filter(|&byte| byte == b'\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}
