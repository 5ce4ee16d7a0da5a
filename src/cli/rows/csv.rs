//! Rows from CSV: a header line, commas, double quotes.
//!
//! An empty field is NULL for every type but STRING: CSV cannot tell an empty text from none, and a text column of a
//! training set has the empty text.

use std::io::{self, BufReader, Read};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::names::Names;
use super::{CHUNK, Cells, Chunk, Context};
use crate::diag::{Failed, Report, SourceId};
use crate::schema::Type;
use crate::sql::eval::Value;

/// The names in the header line of a text.
pub(super) fn header(text: &str) -> Vec<String> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map(|header| header.iter().map(|name| name.trim().to_owned()).collect());
    header.unwrap_or_default()
}

/// A file of CSV.
pub(super) struct Csv {
    reader: Reader<BufReader<Box<dyn Read>>>,
    record: ByteRecord,
    /// For each wanted column its place in a record.
    places: Vec<usize>,
    fields: usize,
}

impl Csv {
    /// Reads the header line.
    pub(super) fn new(
        file: BufReader<Box<dyn Read>>,
        names: &Names,
        source: SourceId,
        report: &mut Report,
    ) -> Result<io::Result<Self>, Failed> {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(file);
        let header: Vec<String> = match reader.byte_headers() {
            Ok(header) => header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect(),
            Err(error) => return Ok(Err(io::Error::from(error))),
        };
        let since = report.len();
        let places = names.header(&header, source, report);
        report.check(since)?;
        Ok(Ok(Csv { reader, record: ByteRecord::new(), places, fields: header.len() }))
    }

    /// Reads rows until the chunk is full or the file ends.
    pub(super) fn fill(&mut self, chunk: &mut Chunk, context: &mut Context<'_>) -> io::Result<()> {
        while chunk.len() < CHUNK {
            if !self.reader.read_byte_record(&mut self.record)? {
                break;
            }
            let line = self.record.position().map_or(0, csv::Position::line);
            if self.record.len() != self.fields {
                let found = self.record.len();
                context.bad_row(line, format!("the row has {found} fields, the header has {}", self.fields));
                chunk.push_broken();
                continue;
            }
            chunk.broken.push(false);
            for (number, &place) in self.places.iter().enumerate() {
                let field = self.record.get(place).unwrap_or_default();
                let cells = &mut chunk.columns[number];
                if let Cells::Doubles(values, nulls) = cells {
                    let value = std::str::from_utf8(field).ok().map(str::trim);
                    let read = value.filter(|text| !text.is_empty()).map(super::value::double);
                    if let Some(None) = read {
                        context.bad_value(line, number, value.unwrap_or_default());
                    } else if value.is_none() {
                        context.bad_value(line, number, &String::from_utf8_lossy(field));
                    }
                    let read = read.flatten();
                    values.push(read.unwrap_or(0.0));
                    nulls.push(read.is_none());
                    continue;
                }
                let ty = &context.columns[number].ty;
                let value = match std::str::from_utf8(field) {
                    Ok(text) if *ty == Type::String => Some(Value::string(text)),
                    Ok(text) if text.trim().is_empty() => Some(Value::Null),
                    Ok(text) => context.converters.text(text.trim(), ty),
                    Err(_) => None,
                };
                if value.is_none() {
                    context.bad_value(line, number, &String::from_utf8_lossy(field));
                }
                cells.push(value.unwrap_or(Value::Null));
            }
        }
        Ok(())
    }
}
