//! Runs a query until it ends or one of its limits is met, row by row.
//!
//! The answer is read on a thread of its own, so that the caller can stop waiting at any moment. Every complete row is
//! given out, whatever follows it; how the query ended is part of the result. What ends on this side is ended on the
//! server too.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use super::client::{self, Endpoint};
use super::fault::Fault;
use super::frames::{Column, Frames, Header, Trouble};
use super::pipe::{Out, Pipe};
use super::{Client, Properties};
use crate::sql::alias::Generated;
use crate::sql::ast::Expr;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// A SELECT, with its `;`.
    pub sql: String,
    /// `auto.offset.reset` and the like.
    pub properties: Properties,
    /// Where it is sent.
    pub through: Endpoint,
}

/// When to stop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// After this many rows.
    pub rows: Option<u64>,
    /// When no row has come for so long.
    pub idle: Option<Duration>,
    /// After this time.
    pub total: Option<Duration>,
}

/// Who gets the rows.
pub trait Sink {
    /// What the rows are; called once, before the first row.
    fn columns(&mut self, columns: &[Column]) -> io::Result<()>;
    /// A row: the JSON text of each value.
    fn row(&mut self, values: &[&RawValue]) -> io::Result<()>;
    /// No more rows have come so far: what is kept back should be shown. Called again and again while none come; an error
    /// says that nobody wants more.
    fn pause(&mut self) -> io::Result<()>;
    /// Whether to stop now.
    fn interrupted(&self) -> bool;
}

/// How a query ended.
#[derive(Debug)]
pub enum End {
    /// The server says that this is all, in these words or none.
    Complete(Option<String>),
    /// As many rows as were wanted.
    Enough,
    /// No row for so long.
    Idle(Duration),
    /// The time is over.
    Time(Duration),
    /// [`Sink::interrupted`].
    Interrupted,
    /// The rows could not be given out.
    Unwanted(io::Error),
    /// There was no answer.
    NoAnswer(Fault),
    /// The answer broke off; so many bytes of a row were left.
    Cut(String, usize),
    /// The server reported an error after the rows.
    Failed(Trouble),
    /// What came is no row.
    Malformed(String),
}

/// What a query came to.
#[derive(Debug)]
pub struct Outcome {
    /// How many rows were given out.
    pub rows: u64,
    /// How many rows of a table were deleted meanwhile; they are not given out.
    pub deletions: u64,
    /// How it ended.
    pub end: End,
    /// Why it could not be ended on the server, if so.
    pub unclosed: Option<Fault>,
}

/// How often it is looked whether to stop.
const STEP: Duration = Duration::from_millis(50);

/// How long a server may take to end a query.
const PARTING: Duration = Duration::from_secs(2);

/// Runs a query. Returns when it has ended, on the server too.
pub fn run(client: &Client, query: &Query, limits: Limits, sink: &mut dyn Sink) -> Outcome {
    // what nobody asked for could not be ended on the server before it says what it is called
    if limits.rows == Some(0) {
        return Outcome { rows: 0, deletions: 0, end: End::Enough, unclosed: None };
    }
    let pipe = Arc::new(Pipe::default());
    let source = {
        let (client, query, pipe) = (client.clone(), query.clone(), Arc::clone(&pipe));
        move || match client.query(&query.sql, &query.properties, query.through) {
            Ok(body) => pump(body, &pipe),
            Err(fault) => pipe.end(&[], Err(fault)),
        }
    };
    // the thread may be in the middle of a read that never returns: it is left behind
    let spawned = std::thread::Builder::new().name("rows".to_owned()).spawn(source);
    let mut reading = Reading { frames: Frames::default(), query: None, named: false, rows: 0, deletions: 0, limits };
    let end = match spawned {
        Ok(_) => reading.until_end(&pipe, sink),
        Err(error) => End::NoAnswer(Fault::Broken(error.to_string())),
    };
    let ended_here = matches!(
        end,
        End::Enough | End::Idle(_) | End::Time(_) | End::Interrupted | End::Unwanted(_) | End::Malformed(_)
    );
    let unclosed = match &reading.query {
        Some(query) if ended_here => client.close_query(query).err().or_else(|| {
            drain(&pipe);
            None
        }),
        _ => None,
    };
    pipe.close();
    Outcome { rows: reading.rows, deletions: reading.deletions, end, unclosed }
}

/// Takes what still comes, for a moment: a server whose connection closes first goes on with the query for a while.
fn drain(pipe: &Pipe) {
    let (started, mut bytes) = (Instant::now(), Vec::new());
    while started.elapsed() < PARTING {
        if let Out::End(_) = pipe.take(&mut bytes, STEP) {
            return;
        }
    }
}

/// Reads the body of the answer into the pipe.
fn pump(mut body: impl Read, pipe: &Pipe) {
    // The decoder of chunks goes on to the next chunk while there is room, and when that one is malformed, it fails without
    // saying how much it has decoded before. That stands in the buffer, up to the first byte that no text has.
    let mut buffer = vec![NO_TEXT; 1 << 16];
    loop {
        match body.read(&mut buffer) {
            Ok(0) => return pipe.end(&[], Ok(())),
            Ok(read) => {
                if !pipe.put(&buffer[..read]) {
                    return;
                }
                buffer[..read].fill(NO_TEXT);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let decoded = buffer.iter().position(|byte| *byte == NO_TEXT).unwrap_or(buffer.len());
                return pipe.end(&buffer[..decoded], Err(client::broken(&error)));
            }
        }
    }
}

/// A byte that is in no UTF-8 text.
const NO_TEXT: u8 = 0xFF;

struct Reading {
    frames: Frames,
    query: Option<String>,
    /// The sink knows the columns.
    named: bool,
    rows: u64,
    deletions: u64,
    limits: Limits,
}

impl Reading {
    fn until_end(&mut self, pipe: &Pipe, sink: &mut dyn Sink) -> End {
        let started = Instant::now();
        let mut last_row = started;
        let mut bytes = Vec::new();
        let mut paused = true;
        loop {
            let step = if paused { STEP } else { Duration::ZERO };
            match pipe.take(&mut bytes, step) {
                Out::Bytes => {
                    let before = self.rows;
                    self.frames.push(&bytes);
                    if let Some(end) = self.drain(sink) {
                        return end;
                    }
                    if self.rows > before {
                        last_row = Instant::now();
                    }
                    paused = false;
                }
                Out::Nothing => {
                    if let Err(error) = sink.pause() {
                        return End::Unwanted(error);
                    }
                    paused = true;
                }
                Out::End(how) => return self.at_end(how),
            }
            if sink.interrupted() {
                return End::Interrupted;
            }
            if let Some(idle) = self.limits.idle.filter(|idle| last_row.elapsed() >= *idle) {
                return End::Idle(idle);
            }
            if let Some(total) = self.limits.total.filter(|total| started.elapsed() >= *total) {
                return End::Time(total);
            }
        }
    }

    /// Gives out what is complete.
    fn drain(&mut self, sink: &mut dyn Sink) -> Option<End> {
        loop {
            let element = match self.frames.pull() {
                Ok(Some(element)) => element,
                Ok(None) => return None,
                Err(malformed) => return Some(End::Malformed(malformed.0)),
            };
            if let Some(Header { query, columns }) = element.header {
                self.query = query.or(self.query.take());
                if !self.named && !columns.is_empty() {
                    self.named = true;
                    if let Err(error) = sink.columns(&columns) {
                        return Some(End::Unwanted(error));
                    }
                }
            }
            if let Some(row) = element.row {
                if row.tombstone {
                    self.deletions += 1;
                    continue;
                }
                let result = if self.named { Ok(()) } else { sink.columns(&numbered(row.columns.len())) };
                self.named = true;
                if let Err(error) = result.and_then(|()| sink.row(&row.columns)) {
                    return Some(match error.kind() {
                        io::ErrorKind::InvalidData => End::Malformed(error.to_string()),
                        _ => End::Unwanted(error),
                    });
                }
                self.rows += 1;
                if self.limits.rows == Some(self.rows) {
                    return Some(End::Enough);
                }
            }
            if let Some(trouble) = element.error {
                return Some(End::Failed(trouble));
            }
            if let Some(words) = element.last {
                return Some(End::Complete(Some(words)));
            }
        }
    }

    /// The answer is at its end.
    fn at_end(&self, how: Result<(), Fault>) -> End {
        match how {
            Ok(()) if self.frames.is_closed() => End::Complete(None),
            Ok(()) => End::Cut("it is not complete".to_owned(), self.frames.unfinished()),
            // a server that stops may close the connection right behind the last byte
            Err(Fault::Broken(_)) if self.frames.is_sealed() => End::Complete(None),
            Err(Fault::Broken(why)) if self.named || self.query.is_some() => End::Cut(why, self.frames.unfinished()),
            Err(fault) => End::NoAnswer(fault),
        }
    }
}

/// The columns of servers that do not name them.
fn numbered(count: usize) -> Vec<Column> {
    let mut names = Generated::new(&[]);
    (0..count).map(|_| Column { name: names.name(&Expr::Null).0, ty: None, key: false }).collect()
}

#[cfg(test)]
mod tests;
