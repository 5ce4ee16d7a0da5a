//! Rows for the evaluator: read from CSV or lines of JSON in chunks, and written again.
//!
//! A file may have any number of rows: only a chunk of them is held. What is wrong in a row is reported with its line and
//! does not end the run: a value that cannot be read is NULL, a row that cannot be read has no results. Only the first
//! findings are kept; the rest are counted.

mod csv;
mod json;
mod names;
#[cfg(feature = "deploy")]
mod raw;
mod value;
mod write;

pub(super) use names::Input;
#[cfg(feature = "deploy")]
pub(super) use raw::RawWriter;
pub(super) use value::Converters;
pub(super) use write::{Layout, Writer};

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::session::Session;
use crate::diag::codes::{environment, eval as codes};
use crate::diag::{Code, Diagnostic, Failed, Place, Report, SourceId};
use crate::schema::{Column, Type};
use crate::sql::eval::{self, Value};
use names::Names;

/// Rows that are evaluated at once.
const CHUNK: usize = 4096;

/// Findings about rows that are shown one by one.
const SHOWN: usize = 20;

/// The values of a column.
enum Cells {
    Doubles(Vec<f64>, Vec<bool>),
    Values(Vec<Value>),
}

impl Cells {
    fn push(&mut self, value: Value) {
        match (self, value) {
            (Cells::Doubles(values, nulls), Value::Double(value)) => {
                values.push(value);
                nulls.push(false);
            }
            (Cells::Doubles(values, nulls), _) => {
                values.push(0.0);
                nulls.push(true);
            }
            (Cells::Values(values), value) => values.push(value),
        }
    }
}

/// Some rows, column by column.
pub(super) struct Chunk {
    columns: Vec<Cells>,
    /// For each row whether it could not be read.
    broken: Vec<bool>,
}

impl Chunk {
    fn new(columns: &[Column]) -> Self {
        let cells = |column: &Column| match column.ty {
            Type::Double => Cells::Doubles(Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK)),
            _ => Cells::Values(Vec::with_capacity(CHUNK)),
        };
        Chunk { columns: columns.iter().map(cells).collect(), broken: Vec::with_capacity(CHUNK) }
    }

    fn clear(&mut self) {
        self.broken.clear();
        for cells in &mut self.columns {
            match cells {
                Cells::Doubles(values, nulls) => {
                    values.clear();
                    nulls.clear();
                }
                Cells::Values(values) => values.clear(),
            }
        }
    }

    /// The values of a row.
    pub(super) fn row(&self, row: usize) -> Vec<Value> {
        let value = |cells: &Cells| match cells {
            Cells::Doubles(_, nulls) if nulls[row] => Value::Null,
            Cells::Doubles(values, _) => Value::Double(values[row]),
            Cells::Values(values) => values[row].clone(),
        };
        self.columns.iter().map(value).collect()
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.broken.len()
    }

    /// Whether the row could not be read.
    pub(super) fn is_broken(&self, row: usize) -> bool {
        self.broken.get(row) == Some(&true)
    }

    /// The columns as the evaluator takes them.
    pub(super) fn columns<'a>(&'a self) -> Vec<eval::Column<'a>> {
        let column = |cells: &'a Cells| match cells {
            Cells::Doubles(values, nulls) => eval::Column::Doubles(values, nulls),
            Cells::Values(values) => eval::Column::Values(values),
        };
        self.columns.iter().map(column).collect()
    }

    /// A row that could not be read.
    fn push_broken(&mut self) {
        self.broken.push(true);
        for cells in &mut self.columns {
            cells.push(Value::Null);
        }
    }
}

/// What was found in the rows.
struct Findings {
    source: SourceId,
    shown: usize,
    hidden: u64,
}

impl Findings {
    fn add(&mut self, report: &mut Report, code: &'static Code, line: u64, column: Option<&str>, message: String) {
        if self.shown >= SHOWN {
            self.hidden += 1;
            return;
        }
        self.shown += 1;
        let path = match column {
            Some(column) => format!("line {line}, column `{column}`"),
            None => format!("line {line}"),
        };
        report.push(Diagnostic::new(code, message).at(Place::path(self.source, path)));
    }
}

enum Format {
    Csv(csv::Csv),
    Json(json::Lines),
}

/// A file of rows.
pub(super) struct Rows {
    name: String,
    format: Format,
    columns: Vec<Column>,
    converters: Converters,
    findings: Findings,
    chunk: Chunk,
}

impl Rows {
    /// Opens a file, `-` being standard input. CSV or lines of JSON, by the name or, failing that, the first letter.
    ///
    /// `columns` are the columns that are needed, `inputs` by which names each is found.
    pub(super) fn open(
        path: &Path,
        columns: Vec<Column>,
        inputs: Vec<Input>,
        session: &mut Session,
    ) -> Result<Self, Failed> {
        let (name, file): (String, Box<dyn Read>) = if path.as_os_str() == "-" {
            ("<stdin>".to_owned(), Box::new(std::io::stdin()))
        } else {
            let name = path.display().to_string();
            match File::open(path) {
                Ok(file) => (name, Box::new(file)),
                Err(error) => return Err(session.fail_io(&environment::CANNOT_READ, "read", &name, &error)),
            }
        };
        let mut file = BufReader::with_capacity(1 << 16, file);
        let first = match file.fill_buf() {
            Ok(start) => start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start().first().copied(),
            Err(error) => return Err(session.fail_io(&environment::CANNOT_READ, "read", &name, &error)),
        };
        let source = session.sources.add(name.clone(), "");
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        let is_json = match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("csv") => false,
            Some("jsonl" | "ndjson" | "json") => true,
            _ => first == Some(b'{'),
        };
        let names = Names::new(inputs);
        let format = if is_json {
            Format::Json(json::Lines::new(file, names))
        } else {
            match csv::Csv::new(file, &names, source, &mut session.report)? {
                Ok(csv) => Format::Csv(csv),
                Err(error) => return Err(session.fail_io(&environment::CANNOT_READ, "read", &name, &error)),
            }
        };
        let chunk = Chunk::new(&columns);
        let findings = Findings { source, shown: 0, hidden: 0 };
        Ok(Rows { name, format, columns, converters: Converters::default(), findings, chunk })
    }

    /// The next rows; `None` behind the last.
    pub(super) fn next(&mut self, session: &mut Session) -> Result<Option<&Chunk>, Failed> {
        self.chunk.clear();
        let mut context = Context {
            columns: &self.columns,
            converters: &mut self.converters,
            findings: &mut self.findings,
            report: &mut session.report,
        };
        let read = match &mut self.format {
            Format::Csv(csv) => csv.fill(&mut self.chunk, &mut context),
            Format::Json(lines) => lines.fill(&mut self.chunk, &mut context),
        };
        match read {
            Err(error) => Err(session.fail_io(&environment::CANNOT_READ, "read", &self.name, &error)),
            Ok(()) if self.chunk.len() == 0 => {
                self.finish(&mut session.report);
                Ok(None)
            }
            Ok(()) => Ok(Some(&self.chunk)),
        }
    }

    fn finish(&mut self, report: &mut Report) {
        if let Format::Json(lines) = &self.format {
            lines.report_missing(&self.columns, self.findings.source, report);
        }
        if self.findings.hidden > 0 {
            let message = format!("{} more values or rows could not be read", self.findings.hidden);
            report.push(Diagnostic::new(&codes::BAD_VALUE, message).at(Place::file(self.findings.source)));
        }
    }
}

/// Which of the columns a file has: by its header line, or by its first object.
pub(super) fn present(path: &Path, inputs: &[Input], session: &mut Session) -> Result<Vec<bool>, Failed> {
    let text = session.read_text(path)?;
    let text = session.sources.text(text);
    let first = text.trim_start_matches('\u{feff}').lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let found: Vec<String> = match serde_json::from_str::<serde_json::Map<_, _>>(first) {
        Ok(object) => object.keys().cloned().collect(),
        Err(_) => csv::header(text),
    };
    let names = Names::new(inputs.to_vec());
    let mut present = vec![false; inputs.len()];
    for (number, _) in found.iter().filter_map(|name| names.find(name)) {
        present[number] = true;
    }
    Ok(present)
}

/// What reading a row needs.
struct Context<'a> {
    columns: &'a [Column],
    converters: &'a mut Converters,
    findings: &'a mut Findings,
    report: &'a mut Report,
}

impl Context<'_> {
    /// Reports a value that cannot be read.
    fn bad_value(&mut self, line: u64, column: usize, found: &str) {
        let column = &self.columns[column];
        let shown: String = found.chars().take(60).collect();
        let dots = if shown.len() < found.len() { "…" } else { "" };
        let message =
            format!("expected {}, found `{}{dots}`; the value counts as NULL", column.ty, shown.escape_debug());
        self.findings.add(self.report, &codes::BAD_VALUE, line, Some(&column.name), message);
    }

    /// Reports a row that cannot be read.
    fn bad_row(&mut self, line: u64, message: String) {
        self.findings.add(self.report, &codes::BAD_ROW, line, None, message);
    }
}
