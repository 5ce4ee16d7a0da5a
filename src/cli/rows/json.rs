//! Rows from lines of JSON, one object a line, as a stream's events are.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::{Map, Value as Json};

use super::names::Names;
use super::{CHUNK, Chunk, Context};
use crate::diag::codes::eval as codes;
use crate::diag::{Diagnostic, Place, Report, SourceId};
use crate::schema::Column;
use crate::sql::eval::Value;

/// A file of lines of JSON.
pub(super) struct Lines {
    file: BufReader<Box<dyn Read>>,
    names: Names,
    buffer: Vec<u8>,
    line: u64,
    /// For each column in how many rows it is missing, and the first of their lines.
    missing: Vec<(u64, u64)>,
}

impl Lines {
    pub(super) fn new(file: BufReader<Box<dyn Read>>, names: Names) -> Self {
        Lines { file, names, buffer: Vec::new(), line: 0, missing: Vec::new() }
    }

    /// Reads rows until the chunk is full or the file ends.
    pub(super) fn fill(&mut self, chunk: &mut Chunk, context: &mut Context<'_>) -> io::Result<()> {
        self.missing.resize(context.columns.len(), (0, 0));
        while chunk.len() < CHUNK {
            self.buffer.clear();
            if self.file.read_until(b'\n', &mut self.buffer)? == 0 {
                break;
            }
            self.line += 1;
            let text = self.buffer.trim_ascii();
            let text = if self.line == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
            if text.is_empty() {
                continue;
            }
            let object: Map<String, Json> = match serde_json::from_slice(text) {
                Ok(object) => object,
                Err(error) => {
                    let words = error.to_string();
                    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
                    context.bad_row(self.line, format!("the line is not a JSON object: {words}"));
                    chunk.push_broken();
                    continue;
                }
            };
            self.row(&object, chunk, context);
        }
        Ok(())
    }

    fn row(&mut self, object: &Map<String, Json>, chunk: &mut Chunk, context: &mut Context<'_>) {
        let mut found = vec![None; context.columns.len()];
        for (key, value) in object {
            let Some((number, fit)) = self.names.find(key) else { continue };
            if found[number].is_none_or(|(known, _)| fit < known) {
                found[number] = Some((fit, value));
            }
        }
        chunk.broken.push(false);
        for (number, found) in found.into_iter().enumerate() {
            let value = match found {
                None => {
                    let (count, first) = &mut self.missing[number];
                    *first = if *count == 0 { self.line } else { *first };
                    *count += 1;
                    Value::Null
                }
                Some((_, json)) => match context.converters.json(json, &context.columns[number].ty) {
                    Some(value) => value,
                    None => {
                        context.bad_value(self.line, number, &json.to_string());
                        Value::Null
                    }
                },
            };
            chunk.columns[number].push(value);
        }
    }

    /// Warns of columns that are missing in rows.
    pub(super) fn report_missing(&self, columns: &[Column], source: SourceId, report: &mut Report) {
        for (column, (count, first)) in columns.iter().zip(&self.missing).filter(|(_, missing)| missing.0 > 0) {
            let rows = if *count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
            let message = format!("`{}` is missing in {rows}, and counts as NULL there", column.name);
            let place = Place::path(source, format!("line {first}"));
            report.push(Diagnostic::new(&codes::MISSING_IN_ROWS, message).at(place));
        }
    }
}
