//! A streamed answer cut into header, rows and end, as its bytes come in.
//!
//! ksqlDB has three framings: one array of objects (`/query`), one array of arrays, and one JSON value a line
//! (`/query-stream`); old servers leave out the brackets of the first or send blank lines while they wait. All are
//! sequences of bracketed values with blanks and commas between, maybe inside one more bracket: so one scanner finds where
//! a value ends, without looking at more than each byte once, and only complete values are read as JSON. Whatever comes
//! after, or does not come, a row that is complete has been given out. Numbers keep the digits that the server wrote.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::diag::{Report, Sources};
use crate::schema::{Key, Type};
use crate::sql::ast::Statement;
use crate::syntax;

/// The longest value that is waited for.
const MOST: usize = 64 << 20;

/// Cuts bytes into values.
#[derive(Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Where the value begins that is being scanned, and how far it has been.
    start: usize,
    scanned: usize,
    depth: usize,
    string: bool,
    escape: bool,
    framing: Framing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Framing {
    #[default]
    Unknown,
    /// Values within `[` and `]`.
    Array,
    /// Values side by side.
    Sequence,
    /// Behind the `]`.
    Closed,
}

/// Why a text is no answer to a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// A column of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, unless the server names one that is not known here.
    pub ty: Option<Type>,
    /// Whether it is part of the key.
    pub key: bool,
}

/// One value of the stream; a field is set for what it carries.
#[derive(Debug, Default)]
pub struct Element<'a> {
    /// What the rows are.
    pub header: Option<Header>,
    /// A row.
    pub row: Option<Row<'a>>,
    /// The last words of a server that ends the stream as it should: `Limit Reached`.
    pub last: Option<String>,
    /// The last words of one that fails.
    pub error: Option<Trouble>,
}

/// What the rows are.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The server's name for the query, by which it is closed.
    pub query: Option<String>,
    /// In order.
    pub columns: Vec<Column>,
}

/// A row: for each column its value as the server wrote it.
#[derive(Debug, Deserialize)]
pub struct Row<'a> {
    /// JSON texts.
    #[serde(borrow)]
    pub columns: Vec<&'a RawValue>,
    /// The row of a table is no more.
    #[serde(default)]
    pub tombstone: bool,
}

/// An error within the stream.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Trouble {
    /// The server's code.
    #[serde(default, alias = "errorCode")]
    pub error_code: Option<u32>,
    /// Its words.
    #[serde(default)]
    pub message: String,
}

impl Frames {
    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete value.
    pub fn pull(&mut self) -> Result<Option<Element<'_>>, Malformed> {
        match self.scan()? {
            Some(range) => {
                self.start = range.end;
                read(&self.buffer[range]).map(Some)
            }
            None if self.buffer.len() - self.start > MOST => {
                Err(Malformed(format!("a row has more than {} MiB", MOST >> 20)))
            }
            None => Ok(None),
        }
    }

    /// How many bytes there are of a value that is not complete.
    pub fn unfinished(&self) -> usize {
        if self.depth > 0 { self.buffer.len() - self.start } else { 0 }
    }

    /// Whether the stream ended as its framing demands: the array is closed, or there is none.
    pub fn is_closed(&self) -> bool {
        match self.framing {
            Framing::Closed => true,
            Framing::Sequence => self.unfinished() == 0,
            Framing::Unknown | Framing::Array => false,
        }
    }

    /// Whether the array that the stream began with is closed: nothing can be missing.
    pub fn is_sealed(&self) -> bool {
        self.framing == Framing::Closed
    }

    fn scan(&mut self) -> Result<Option<Range<usize>>, Malformed> {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            let at = self.scanned;
            self.scanned += 1;
            if self.depth == 0 {
                self.between(byte, at)?;
            } else if self.string {
                match byte {
                    _ if self.escape => self.escape = false,
                    b'\\' => self.escape = true,
                    b'"' => self.string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.string = true,
                    b'[' | b'{' => self.depth += 1,
                    b']' | b'}' => {
                        self.depth -= 1;
                        if self.depth == 0 {
                            return Ok(Some(self.start..self.scanned));
                        }
                    }
                    _ => {}
                }
            }
        }
        if self.depth == 0 {
            self.start = self.scanned;
        }
        Ok(None)
    }

    /// A byte between values.
    fn between(&mut self, byte: u8, at: usize) -> Result<(), Malformed> {
        match (byte, self.framing) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => {}
            (b'[', Framing::Unknown) => self.framing = Framing::Array,
            (b',', Framing::Array | Framing::Sequence) => {}
            (b']', Framing::Array) => self.framing = Framing::Closed,
            (b'{' | b'[', Framing::Unknown | Framing::Array | Framing::Sequence) => {
                if self.framing == Framing::Unknown {
                    self.framing = Framing::Sequence;
                }
                (self.start, self.depth) = (at, 1);
            }
            _ => {
                let from = at;
                let to = self.buffer.len().min(from + 60);
                let text = String::from_utf8_lossy(&self.buffer[from..to]);
                return Err(Malformed(format!("expected a row, found `{}`", text.trim())));
            }
        }
        Ok(())
    }
}

/// A value that is an object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    header: Option<SchemaHeader>,
    #[serde(borrow)]
    row: Option<Row<'a>>,
    final_message: Option<String>,
    error_message: Option<Trouble>,
    query_id: Option<String>,
    column_names: Option<Vec<String>>,
    column_types: Option<Vec<String>>,
    #[serde(rename = "error_code")]
    error_code: Option<u32>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct SchemaHeader {
    #[serde(rename = "queryId")]
    query: Option<String>,
    #[serde(default)]
    schema: String,
}

fn read(bytes: &[u8]) -> Result<Element<'_>, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed("a row is not UTF-8".to_owned()))?;
    let malformed = |error: serde_json::Error| Malformed(format!("a row is not JSON: {error}"));
    if text.starts_with('[') {
        let columns = serde_json::from_str(text).map_err(malformed)?;
        return Ok(Element { row: Some(Row { columns, tombstone: false }), ..Element::default() });
    }
    let found: Envelope<'_> = serde_json::from_str(text).map_err(malformed)?;
    let header = match (found.header, found.column_names) {
        (Some(header), _) => Some(Header { query: header.query, columns: columns(&header.schema) }),
        (None, Some(names)) => {
            let types = found.column_types.unwrap_or_default();
            Some(Header { query: found.query_id, columns: typed(names, &types) })
        }
        (None, None) => None,
    };
    let error = match (found.error_message, found.error_code) {
        (Some(error), _) => Some(error),
        (None, Some(code)) => Some(Trouble { error_code: Some(code), message: found.message.unwrap_or_default() }),
        (None, None) => None,
    };
    Ok(Element { header, row: found.row, last: found.final_message, error })
}

/// The columns of a schema as it stands in a header: `` `ID` INTEGER KEY, `X` DOUBLE ``.
fn columns(schema: &str) -> Vec<Column> {
    let text = format!("CREATE STREAM S ({schema});");
    let source = Sources::new().add("", "");
    match syntax::statement(source, &text, &mut Report::new()) {
        Ok(Statement::Create { columns, .. }) => columns
            .into_iter()
            .map(|column| Column {
                key: matches!(column.key, Some(Key::Key | Key::Primary)),
                name: column.name,
                ty: Some(column.ty),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn typed(names: Vec<String>, types: &[String]) -> Vec<Column> {
    let ty = |index: usize| columns(&format!("C {}", types.get(index)?)).pop()?.ty;
    names.into_iter().enumerate().map(|(index, name)| Column { name, ty: ty(index), key: false }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of a body that arrives in these pieces: the header's names, rows, and last words.
    #[derive(Debug, Default, PartialEq)]
    struct Found {
        names: Vec<String>,
        query: Option<String>,
        rows: Vec<String>,
        ends: Vec<String>,
        malformed: Option<String>,
    }

    fn read_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Found, Frames) {
        let (mut frames, mut found) = (Frames::default(), Found::default());
        for piece in pieces {
            frames.push(piece);
            loop {
                match frames.pull() {
                    Ok(Some(element)) => {
                        if let Some(header) = element.header {
                            found.names = header.columns.iter().map(|column| column.name.clone()).collect();
                            found.query = header.query;
                        }
                        if let Some(row) = element.row {
                            found.rows.push(row.columns.iter().map(|value| value.get()).collect::<Vec<_>>().join("|"));
                        }
                        found.ends.extend(element.last);
                        found
                            .ends
                            .extend(element.error.map(|error| format!("{:?} {}", error.error_code, error.message)));
                    }
                    Ok(None) => break,
                    Err(malformed) => {
                        found.malformed = Some(malformed.0);
                        return (found, frames);
                    }
                }
            }
        }
        (found, frames)
    }

    /// Bodies of the same two rows, and the text that each row ends with.
    const BODIES: &[(&str, [&str; 2])] = &[
        (
            "[{\"header\":{\"queryId\":\"transient_1\",\"schema\":\"`ID` INTEGER KEY, `T` STRING\"}},\n\
             {\"row\":{\"columns\":[1,\"Ä\\\"]}\"]}},\n{\"row\":{\"columns\":[2,null]}},\n{\"finalMessage\":\"Limit Reached\"}]",
            ["]}\"]}}", "null]}}"],
        ),
        (
            "{\"queryId\":\"transient_1\",\"columnNames\":[\"ID\",\"T\"],\"columnTypes\":[\"INTEGER\",\"STRING\"]}\n\
             [1,\"Ä\\\"]}\"]\n[2,null]\n",
            ["]}\"]", "null]"],
        ),
        (
            "[{\"queryId\":\"transient_1\",\"columnNames\":[\"ID\",\"T\"],\"columnTypes\":[\"INTEGER\",\"STRING\"]}\n\
             ,[1,\"Ä\\\"]}\"]\n,[2,null]]",
            ["]}\"]", "null]"],
        ),
        // an old server: no header, no brackets, blank lines, every member on every line
        (
            "\n\n{\"row\":{\"columns\":[1,\"Ä\\\"]}\"]},\"errorMessage\":null,\"finalMessage\":null,\"terminal\":false}\n\n\n\
             {\"row\":{\"columns\":[2,null]},\"errorMessage\":null,\"finalMessage\":null}\n\
             {\"row\":null,\"errorMessage\":null,\"finalMessage\":\"Limit Reached\"}\n",
            ["\"terminal\":false}", "null]},\"errorMessage\":null,\"finalMessage\":null}"],
        ),
    ];

    #[test]
    fn every_framing_gives_the_same_rows() {
        for (body, _) in BODIES {
            let (found, frames) = read_pieces([body.as_bytes()]);
            assert_eq!(
                (found.malformed, found.rows),
                (None, vec!["1|\"Ä\\\"]}\"".to_owned(), "2|null".to_owned()]),
                "{body}"
            );
            assert!(frames.is_closed() && frames.unfinished() == 0, "{body}");
            if body.contains("transient_1") {
                assert_eq!((found.names, found.query), (vec!["ID".into(), "T".into()], Some("transient_1".into())));
            }
        }
    }

    #[test]
    fn cut_anywhere_every_complete_row_is_there_and_pieces_do_not_matter() {
        for (body, ends) in BODIES {
            let bytes = body.as_bytes();
            let whole = read_pieces([bytes]).0;
            let ends = ends.map(|end| body.find(end).unwrap() + end.len());
            for cut in 0..=bytes.len() {
                let (part, _) = read_pieces([&bytes[..cut]]);
                assert_eq!(part.malformed, None, "{cut} of {body}");
                let complete = ends.iter().filter(|end| **end <= cut).count();
                assert_eq!(part.rows, whole.rows[..complete], "{cut} of {body}");
                // the rest makes it whole
                assert_eq!(read_pieces([&bytes[..cut], &bytes[cut..]]).0, whole, "{cut} of {body}");
            }
            assert_eq!(read_pieces(bytes.chunks(1)).0, whole);
        }
    }

    #[test]
    fn an_error_within_the_stream_comes_after_the_rows() {
        let body = "[{\"header\":{\"queryId\":\"q\",\"schema\":\"`A` DOUBLE\"}},\n{\"row\":{\"columns\":[1.50]}},\n\
                    {\"errorMessage\":{\"error_code\":50000,\"message\":\"gone\"}}]";
        let (found, _) = read_pieces([body.as_bytes()]);
        assert_eq!((found.rows, found.ends), (vec!["1.50".to_owned()], vec!["Some(50000) gone".to_owned()]));
        let body = "{\"queryId\":\"q\",\"columnNames\":[\"A\"],\"columnTypes\":[\"DOUBLE\"]}\n[1]\n\
                    {\"@type\":\"generic_error\",\"error_code\":50000,\"message\":\"gone\"}\n";
        let (found, _) = read_pieces([body.as_bytes()]);
        assert_eq!((found.rows, found.ends), (vec!["1".to_owned()], vec!["Some(50000) gone".to_owned()]));
    }

    #[test]
    fn what_is_no_answer_is_refused_where_it_begins() {
        for (body, rows) in [
            ("<html>", 0),
            ("[{\"row\":{\"columns\":[1]}} <html>", 1),
            ("[] x", 0),
            ("{\"row\":{\"columns\":[1]}}\n7\n", 1),
            ("[{\"row\":{\"columns\":[1]}},{\"row\":{\"columns\":[1}]}]", 1),
            ("[{\"row\":{\"columns\":5}}]", 0),
        ] {
            let (found, _) = read_pieces([body.as_bytes()]);
            assert!(found.malformed.is_some(), "{body}");
            assert_eq!(found.rows.len(), rows, "{body}");
        }
        let (found, _) = read_pieces([&b"[[1,\"\xc3\"]]"[..]]);
        assert_eq!(found.malformed.as_deref(), Some("a row is not UTF-8"));
    }

    #[test]
    fn a_stream_that_stops_is_not_closed() {
        for body in ["", "[", "[{\"row\":{\"columns\":[1]}},\n", "{\"row\":{\"columns\":[1]}}\n{\"row", "\n\n"] {
            let (found, frames) = read_pieces([body.as_bytes()]);
            assert!(found.malformed.is_none() && !frames.is_closed(), "{body}");
        }
    }

    #[test]
    fn types_of_columns() {
        let found =
            columns("`ID` INTEGER KEY, `lower case` DECIMAL(10, 2), `S` STRUCT<`CITY` STRING, `Z` ARRAY<BIGINT>>");
        assert_eq!(found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["ID", "lower case", "S"]);
        assert!(found[0].key && !found[1].key);
        assert_eq!(found[1].ty, Some(Type::Decimal(10, 2)));
        let found = typed(vec!["A".into(), "B".into()], &["MAP<STRING, DOUBLE>".into(), "GEOMETRY".into()]);
        assert_eq!(found[0].ty, Some(Type::Map(Box::new(Type::String), Box::new(Type::Double))));
        assert_eq!(found[1].ty, None);
    }
}
