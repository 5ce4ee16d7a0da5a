//! Rows of JSON texts, written as they come: no digit is changed.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::value::RawValue;
use unicode_width::UnicodeWidthStr;

use super::Layout;
use super::write::{csv_field, printable};

/// Writes rows of values that a server wrote.
pub(in crate::cli) struct RawWriter {
    out: Box<dyn Write>,
    layout: Layout,
    names: Vec<String>,
    /// Names as JSON writes them, with what stands around.
    keys: Vec<String>,
    /// Columns that stand to the right in a table.
    right: Vec<bool>,
    /// Rows of a table that wait for their widths.
    waiting: Vec<Vec<String>>,
    widths: Vec<usize>,
    begun: bool,
    rows: u64,
    line: Vec<u8>,
}

/// Rows by which the widths of a table are chosen, if so many come without a pause.
const MEASURED: usize = 1000;
/// The widest that a column of a table is made for later rows.
const WIDEST: usize = 60;

impl RawWriter {
    /// Nothing is written before [`RawWriter::columns`].
    pub(in crate::cli) fn new(layout: Layout, out: Box<dyn Write>) -> Self {
        RawWriter {
            out: Box::new(io::BufWriter::with_capacity(1 << 16, out)),
            layout,
            names: Vec::new(),
            keys: Vec::new(),
            right: Vec::new(),
            waiting: Vec::new(),
            widths: Vec::new(),
            begun: false,
            rows: 0,
            line: Vec::new(),
        }
    }

    /// The columns, and for each whether it holds numbers.
    pub(in crate::cli) fn columns(&mut self, columns: impl Iterator<Item = (String, bool)>) -> io::Result<()> {
        (self.names, self.right) = columns.unzip();
        self.widths = self.names.iter().map(|name| printable(name).width()).collect();
        self.keys = (self.names.iter().enumerate())
            .map(|(number, name)| {
                let separator = if number == 0 { "{" } else { ", " };
                format!("{separator}{}: ", serde_json::Value::from(name.as_str()))
            })
            .collect();
        if self.layout == Layout::Csv {
            self.line.clear();
            for (number, name) in self.names.iter().enumerate() {
                csv_field(&mut self.line, number, name, false);
            }
            self.line.push(b'\n');
            self.out.write_all(&self.line)?;
        }
        Ok(())
    }

    /// A row; an error of the kind `InvalidData` if it has another number of values than there are columns.
    pub(in crate::cli) fn row(&mut self, values: &[&RawValue]) -> io::Result<()> {
        if values.len() != self.names.len() {
            let message = format!("a row has {} values, the header {} columns", values.len(), self.names.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.line.clear();
        match self.layout {
            Layout::Json | Layout::Jsonl => {
                if self.layout == Layout::Json {
                    self.line.extend_from_slice(if self.rows == 0 { b"[\n" } else { b",\n" });
                }
                for (key, value) in self.keys.iter().zip(values) {
                    self.line.extend_from_slice(key.as_bytes());
                    // a value of several lines would be several lines
                    self.line.extend(value.get().bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
                }
                self.line.push(b'}');
                if self.layout == Layout::Jsonl {
                    self.line.push(b'\n');
                }
            }
            Layout::Csv => {
                for (number, value) in values.iter().enumerate() {
                    csv_field(&mut self.line, number, &plain(value, ""), value.get() == "null");
                }
                self.line.push(b'\n');
            }
            Layout::Table => {
                self.waiting.push(values.iter().map(|value| printable(&plain(value, "NULL"))).collect());
                if self.waiting.len() >= MEASURED {
                    self.write_table()?;
                }
            }
        }
        self.rows += 1;
        self.out.write_all(&self.line)
    }

    /// Shows what was kept back.
    pub(in crate::cli) fn flush(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.write_table()?;
        }
        self.out.flush()
    }

    /// Writes the end.
    pub(in crate::cli) fn finish(&mut self) -> io::Result<()> {
        match self.layout {
            Layout::Table if !self.waiting.is_empty() || !self.begun => self.write_table()?,
            Layout::Json if self.rows == 0 => self.out.write_all(b"[]\n")?,
            Layout::Json => self.out.write_all(b"\n]\n")?,
            _ => {}
        }
        self.out.flush()
    }

    fn write_table(&mut self) -> io::Result<()> {
        for cells in &self.waiting {
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *width = cell.width().min(WIDEST).max(*width);
            }
        }
        let mut text = String::new();
        if !self.begun && !self.names.is_empty() {
            let names: Vec<String> = self.names.iter().map(|name| printable(name)).collect();
            line(&mut text, &names, &self.widths, &self.right);
        }
        self.begun = true;
        for cells in &self.waiting {
            line(&mut text, cells, &self.widths, &self.right);
        }
        self.waiting.clear();
        self.out.write_all(text.as_bytes())
    }
}

fn line(text: &mut String, cells: &[String], widths: &[usize], right: &[bool]) {
    let start = text.len();
    for (number, cell) in cells.iter().enumerate() {
        let blanks = widths[number].saturating_sub(cell.width());
        text.push_str(if number > 0 { "  " } else { "" });
        let (before, after) = if right[number] { (blanks, 0) } else { (0, blanks) };
        text.extend(std::iter::repeat_n(' ', before));
        text.push_str(cell);
        text.extend(std::iter::repeat_n(' ', after));
    }
    text.truncate(start + text[start..].trim_end().len());
    text.push('\n');
}

/// A value without quotes.
fn plain<'a>(value: &'a RawValue, null: &'a str) -> Cow<'a, str> {
    let text = value.get();
    match text.as_bytes() {
        b"null" => Cow::Borrowed(null),
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => Cow::Borrowed(&text[1..text.len() - 1]),
        // what was read as JSON is JSON; a lone half of a pair of surrogates is none
        [b'"', ..] => Cow::Owned(serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(layout: Layout, rows: &[&str]) -> String {
        let out = Shared::default();
        let mut writer = RawWriter::new(layout, Box::new(out.clone()));
        writer.columns([("ID".to_owned(), true), ("a \"b\"".to_owned(), false)].into_iter()).unwrap();
        for row in rows {
            writer.row(&serde_json::from_str::<Vec<&RawValue>>(row).unwrap()).unwrap();
        }
        writer.finish().unwrap();
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn rows_keep_their_digits_in_every_layout() {
        let rows = ["[1.50, \"x, \\\"y\\\"\"]", "[9007199254740993, null]", "[1.0E-5, \"\"]", "[\"NaN\", {\"A\": 1}]"];
        assert_eq!(
            written(Layout::Csv, &rows),
            "ID,\"a \"\"b\"\"\"\n1.50,\"x, \"\"y\"\"\"\n9007199254740993,\n1.0E-5,\"\"\nNaN,\"{\"\"A\"\": 1}\"\n"
        );
        assert_eq!(
            written(Layout::Jsonl, &rows[..2]),
            "{\"ID\": 1.50, \"a \\\"b\\\"\": \"x, \\\"y\\\"\"}\n{\"ID\": 9007199254740993, \"a \\\"b\\\"\": null}\n"
        );
        let json: serde_json::Value = serde_json::from_str(&written(Layout::Json, &rows)).unwrap();
        assert_eq!(json.as_array().unwrap().len(), 4);
        assert_eq!(written(Layout::Json, &[]), "[]\n");
        assert_eq!(
            written(Layout::Table, &rows[..2]),
            "              ID  a \"b\"\n            1.50  x, \"y\"\n9007199254740993  NULL\n"
        );
        assert_eq!(written(Layout::Table, &[]), "ID  a \"b\"\n");
    }

    #[test]
    fn a_row_of_another_length_is_refused() {
        let mut writer = RawWriter::new(Layout::Csv, Box::new(Vec::new()));
        writer.columns([("ID".to_owned(), true)].into_iter()).unwrap();
        let row: Vec<&RawValue> = serde_json::from_str("[1, 2]").unwrap();
        assert_eq!(writer.row(&row).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert!(!written(Layout::Table, &["[1, \"\\u001b[31m\"]"]).contains('\u{1b}'));
    }
}
