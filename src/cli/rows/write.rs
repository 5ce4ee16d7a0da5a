//! Rows of results: a table for people, CSV, JSON.

use std::io::{self, BufWriter, Stdout, Write};

use clap::ValueEnum;

use crate::schema::Type;
use crate::sql::eval::Value;

/// How rows of results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Layout {
    /// Aligned columns
    Table,
    /// A header line, commas; NULL is an empty field
    Csv,
    /// A list of objects, one a line
    Json,
    /// Objects, one a line
    Jsonl,
}

/// Writes rows to standard output as they come.
pub(in crate::cli) struct Writer {
    out: BufWriter<Stdout>,
    layout: Layout,
    columns: Vec<(String, Type)>,
    /// Names as JSON writes them.
    keys: Vec<String>,
    /// Rows of a table whose widths are not known yet.
    waiting: Vec<Vec<String>>,
    widths: Vec<usize>,
    rows: u64,
    line: Vec<u8>,
}

/// Rows of a table by which the widths of its columns are chosen.
const MEASURED: usize = 4096;

impl Writer {
    /// Nothing is written before the first row, or [`Writer::finish`].
    pub(in crate::cli) fn new(layout: Layout, columns: Vec<(String, Type)>) -> Self {
        let keys = columns.iter().map(|(name, _)| serde_json::Value::from(name.as_str()).to_string()).collect();
        let widths = columns.iter().map(|(name, _)| name.chars().count()).collect();
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        Writer { out, layout, columns, keys, waiting: Vec::new(), widths, rows: 0, line: Vec::new() }
    }

    /// A row: one value a column.
    pub(in crate::cli) fn row(&mut self, values: impl Iterator<Item = Value>) -> io::Result<()> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        match self.layout {
            Layout::Json | Layout::Jsonl => {
                if self.layout == Layout::Json {
                    line.extend_from_slice(if self.rows == 0 { b"[\n" } else { b",\n" });
                }
                line.push(b'{');
                for (number, value) in values.enumerate() {
                    if number > 0 {
                        line.extend_from_slice(b", ");
                    }
                    line.extend_from_slice(self.keys[number].as_bytes());
                    line.extend_from_slice(b": ");
                    json(&mut line, &value, &self.columns[number].1);
                }
                line.push(b'}');
                if self.layout == Layout::Jsonl {
                    line.push(b'\n');
                }
            }
            Layout::Csv => {
                if self.rows == 0 {
                    self.csv_header(&mut line);
                }
                for (number, value) in values.enumerate() {
                    let text = if value.is_null() { String::new() } else { plain(&value, &self.columns[number].1) };
                    csv_field(&mut line, number, &text, value.is_null());
                }
                line.push(b'\n');
            }
            Layout::Table => {
                let cells = values.zip(&self.columns).map(|(value, (_, ty))| printable(&plain(&value, ty))).collect();
                self.waiting.push(cells);
                if self.waiting.len() >= MEASURED {
                    self.flush_table()?;
                }
            }
        }
        self.rows += 1;
        let written = self.out.write_all(&line);
        self.line = line;
        written
    }

    fn csv_header(&self, line: &mut Vec<u8>) {
        for (number, (name, _)) in self.columns.iter().enumerate() {
            csv_field(line, number, name, false);
        }
        line.push(b'\n');
    }

    /// Writes what waits; the first time the header too.
    fn flush_table(&mut self) -> io::Result<()> {
        let first = self.rows < MEASURED as u64;
        for cells in &self.waiting {
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        let numeric: Vec<bool> = self.columns.iter().map(|(_, ty)| ty.is_numeric()).collect();
        let mut text = String::new();
        let mut put = |cells: &mut dyn Iterator<Item = &str>| {
            let start = text.len();
            for (number, cell) in cells.enumerate() {
                let blanks = " ".repeat(self.widths[number].saturating_sub(cell.chars().count()));
                text.push_str(if number > 0 { "  " } else { "" });
                let (before, after) = if numeric[number] { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
                text.push_str(before);
                text.push_str(cell);
                text.push_str(after);
            }
            text.truncate(start + text[start..].trim_end().len());
            text.push('\n');
        };
        if first {
            put(&mut self.columns.iter().map(|(name, _)| name.as_str()));
        }
        for cells in &self.waiting {
            put(&mut cells.iter().map(String::as_str));
        }
        self.waiting.clear();
        self.out.write_all(text.as_bytes())
    }

    /// Writes the end.
    pub(in crate::cli) fn finish(mut self) -> io::Result<()> {
        match self.layout {
            Layout::Table if !self.waiting.is_empty() || self.rows == 0 => self.flush_table()?,
            Layout::Csv if self.rows == 0 => {
                let mut line = Vec::new();
                self.csv_header(&mut line);
                self.out.write_all(&line)?;
            }
            Layout::Json if self.rows == 0 => self.out.write_all(b"[]\n")?,
            Layout::Json => self.out.write_all(b"\n]\n")?,
            _ => {}
        }
        self.out.flush()
    }
}

pub(super) fn csv_field(line: &mut Vec<u8>, number: usize, text: &str, null: bool) {
    if number > 0 {
        line.push(b',');
    }
    // an empty text is told from NULL by its quotes
    if text.is_empty() && !null || text.contains([',', '"', '\n', '\r']) {
        line.extend_from_slice(format!("\"{}\"", text.replace('"', "\"\"")).as_bytes());
    } else {
        line.extend_from_slice(text.as_bytes());
    }
}

/// A value without quotes; NULL by its name.
fn plain(value: &Value, ty: &Type) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.to_string(),
        Value::Double(value) => double(*value),
        _ => match value_json(value, ty) {
            text if text.starts_with('"') => serde_json::from_str(&text).unwrap_or(text),
            text => text,
        },
    }
}

/// Control characters would break the lines of a table.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char }).collect()
}

/// A DOUBLE: the shortest digits that read back.
fn double(value: f64) -> String {
    match serde_json::Number::from_f64(value) {
        Some(number) => number.to_string(),
        None if value.is_nan() => "NaN".to_owned(),
        None if value > 0.0 => "Infinity".to_owned(),
        None => "-Infinity".to_owned(),
    }
}

/// A value as JSON, in the way of ksqlDB's answers.
fn value_json(value: &Value, ty: &Type) -> String {
    let mut text = Vec::new();
    json(&mut text, value, ty);
    String::from_utf8(text).unwrap_or_default()
}

fn json(out: &mut Vec<u8>, value: &Value, ty: &Type) {
    let mut string = |text: &str| out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
    match (value, ty) {
        (Value::Null, _) => out.extend_from_slice(b"null"),
        (Value::Double(value), _) if value.is_finite() => out.extend_from_slice(double(*value).as_bytes()),
        (Value::Double(value), _) => string(&double(*value)),
        (Value::String(text), _) => string(text),
        (Value::Array(list), Type::Array(item)) => {
            out.push(b'[');
            for (number, value) in list.items().iter().enumerate() {
                out.extend_from_slice(if number > 0 { b", " } else { b"" });
                json(out, value, item);
            }
            out.push(b']');
        }
        (Value::Map(entries), Type::Map(key, item)) => {
            out.push(b'{');
            for (number, (name, value)) in entries.iter().enumerate() {
                out.extend_from_slice(if number > 0 { b", " } else { b"" });
                // a server writes a key that is NULL so, too
                let name = if name.is_null() { "null".into() } else { plain(name, key) };
                out.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
                out.extend_from_slice(b": ");
                json(out, value, item);
            }
            out.push(b'}');
        }
        (Value::Struct(values), Type::Struct(fields)) => {
            out.push(b'{');
            for (number, (field, value)) in fields.iter().zip(values.iter()).enumerate() {
                out.extend_from_slice(if number > 0 { b", " } else { b"" });
                out.extend_from_slice(serde_json::Value::from(field.name.as_str()).to_string().as_bytes());
                out.extend_from_slice(b": ");
                json(out, value, &field.ty);
            }
            out.push(b'}');
        }
        (Value::Decimal(_), _) => out.extend_from_slice(value.text(ty).as_bytes()),
        (Value::Boolean(_) | Value::Integer(_) | Value::Bigint(_), _) => {
            out.extend_from_slice(value.text(ty).as_bytes());
        }
        _ => string(&value.text(ty)),
    }
}
