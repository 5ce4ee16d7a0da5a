//! `query`: rows from a server to a file or a terminal, as they come.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde_json::value::RawValue;

use super::args::compile::TextOptions;
use super::args::query::{Endpoint as Through, Query};
use super::args::statement::{Clauses, StatementOptions};
use super::output::Watched;
use super::rows::{Layout, RawWriter};
use super::session::Session;
use super::{compile as cli_compile, interrupt, server};
use crate::compile;
use crate::deploy::query::{self, End, Limits, Outcome, Sink};
use crate::deploy::talk::{self, Talk};
use crate::deploy::{Client, Endpoint, Properties, frames};
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::codes::environment::{CANNOT_READ, CANNOT_WRITE};
use crate::diag::codes::{deploy, server as codes};
use crate::diag::{Diagnostic, Failed};
use crate::schema::{Relation, Type};

/// Runs a query.
pub(super) fn run(args: &Query, session: &mut Session) -> Result<(), Failed> {
    let client = server::client(&args.server, session)?;
    let sql = match (&args.sql, &args.model) {
        (_, Some(model)) => scoring(args, model, &client, session)?,
        (Some(sql), None) if sql == "-" => from_stdin(session)?,
        (Some(sql), None) => sql.clone(),
        // clap asks for one of them
        (None, None) => String::new(),
    };
    let sql = terminated(&sql);
    if args.show {
        return session.write(args.output.as_deref(), (sql + "\n").as_bytes());
    }
    let mut properties: Properties = args.property.iter().cloned().collect();
    if args.from_beginning {
        properties.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    }
    let through = match args.endpoint {
        Through::Query => Endpoint::Query,
        Through::QueryStream => Endpoint::QueryStream,
    };
    let limits = Limits { rows: args.limit, idle: args.idle_timeout, total: args.duration };
    interrupt::watch();
    let mut writer = Rows(RawWriter::new(layout(args), output(args, session)?));
    let outcome = query::run(&client, &query::Query { sql: sql.clone(), properties, through }, limits, &mut writer);
    let finished = writer.0.finish();
    let closed = matches!(&outcome.end, End::Unwanted(error) if error.kind() == ErrorKind::BrokenPipe);
    let name = args.output.as_ref().map_or("<stdout>".to_owned(), |path| path.display().to_string());
    match finished {
        Err(error) if !closed && error.kind() != ErrorKind::BrokenPipe => {
            return Err(session.fail_io(&CANNOT_WRITE, "written", &name, &error));
        }
        _ => {}
    }
    end(outcome, &sql, &name, args.quiet, &client, session)
}

/// The push query that scores the rows of a stream, bound to the columns that the server knows.
fn scoring(args: &Query, model: &Path, client: &Client, session: &mut Session) -> Result<String, Failed> {
    let (name, bytes) = session.read(model)?;
    let graph = session.load(&name, bytes, &args.subject.model)?;
    let mut through = args.through.clone();
    if through.keep.is_empty() {
        through.keep.push("*".to_owned());
    }
    let clauses = Clauses { through, ..Clauses::default() };
    let statement = StatementOptions { from: args.from.clone(), clauses, ..StatementOptions::default() };
    let from = args.from.as_deref().unwrap_or_default();
    let mut bind = args.subject.bind_options(Some(from), session)?;
    if bind.relation.is_none() {
        bind.relation = Some(describe(from, client, session)?);
    }
    let mut options = cli_compile::options(bind, &args.subject, &statement, &TextOptions::default(), session);
    options.dialect = server::dialect(&args.subject, client, session)?;
    Ok(compile::compile(&graph, &options, &mut session.sources, &mut session.report)?.text)
}

/// A stream or table as the server knows it.
pub(super) fn describe(name: &str, client: &Client, session: &mut Session) -> Result<Relation, Failed> {
    let Some(stored) = talk::stored(name) else {
        let diagnostic = Diagnostic::new(&BAD_OPTIONS, format!("`{name}` is no name of a stream or table"));
        return Err(session.report.fail(diagnostic));
    };
    let mut talk = Talk { client, sources: &mut session.sources, report: &mut session.report };
    Ok(talk.known(&stored)?.relation)
}

fn from_stdin(session: &mut Session) -> Result<String, Failed> {
    io::read_to_string(io::stdin().lock()).map_err(|error| session.fail_io(&CANNOT_READ, "read", "<stdin>", &error))
}

/// With the `;` that ksqlDB wants, not inside a comment.
fn terminated(sql: &str) -> String {
    let sql = sql.trim();
    let last = sql.lines().next_back().unwrap_or_default();
    // `--` inside of quotes begins no comment
    let comment = last.match_indices("--").find(|(at, _)| last[..*at].matches('\'').count().is_multiple_of(2));
    match comment {
        None if sql.ends_with(';') => sql.to_owned(),
        None => format!("{sql};"),
        Some((at, _)) if last[..at].trim_end().ends_with(';') => format!("{sql}\n"),
        Some(_) => format!("{sql}\n;"),
    }
}

fn layout(args: &Query) -> Layout {
    let ending = args.output.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    args.format.unwrap_or(match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => Layout::Csv,
        Some("json") => Layout::Json,
        Some("jsonl" | "ndjson") => Layout::Jsonl,
        _ => Layout::Table,
    })
}

/// Rows are written where they belong at once: what has come stays when the query breaks off.
fn output(args: &Query, session: &mut Session) -> Result<Box<dyn Write>, Failed> {
    match args.output.as_deref().filter(|path| path.as_os_str() != "-") {
        None => Ok(Box::new(Watched(io::stdout()))),
        Some(path) => match File::create(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(session.fail_io(&CANNOT_WRITE, "written", &path.display().to_string(), &error)),
        },
    }
}

struct Rows(RawWriter);

impl Sink for Rows {
    fn columns(&mut self, columns: &[frames::Column]) -> io::Result<()> {
        let numeric = |column: &frames::Column| column.ty.as_ref().is_some_and(Type::is_numeric);
        self.0.columns(columns.iter().map(|column| (column.name.clone(), numeric(column))))
    }

    fn row(&mut self, values: &[&RawValue]) -> io::Result<()> {
        self.0.row(values)
    }

    fn pause(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    fn interrupted(&self) -> bool {
        interrupt::asked()
    }
}

/// Says how it ended.
fn end(
    outcome: Outcome,
    sql: &str,
    name: &str,
    quiet: bool,
    client: &Client,
    session: &mut Session,
) -> Result<(), Failed> {
    let rows = match outcome.rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    let kept = format!("{rows} came before, complete, and are written");
    let say = |words: &str| {
        if !quiet {
            session.say(&format!("{rows}: {words}"));
        }
    };
    match &outcome.end {
        End::Complete(Some(words)) => say(&words.to_lowercase()),
        End::Complete(None) => say("the query is complete"),
        End::Enough => say("the limit is reached"),
        End::Idle(time) => say(&format!("no row for {} s", time.as_secs_f64())),
        End::Time(time) => say(&format!("ended after {} s", time.as_secs_f64())),
        End::Interrupted => {
            say("interrupted");
            session.end_with(interrupt::EXIT_CODE);
        }
        End::Unwanted(error) if error.kind() == ErrorKind::BrokenPipe => {}
        End::Unwanted(error) => return Err(session.fail_io(&CANNOT_WRITE, "written", name, error)),
        End::NoAnswer(fault) => return Err(server::fail(client, fault, Some(sql), session)),
        End::Cut(why, left) => {
            let mut diagnostic = Diagnostic::new(&codes::CUT, format!("the rows break off: {why}")).note(kept);
            if *left > 0 {
                diagnostic = diagnostic.note(format!("{left} bytes of another row are left out"));
            }
            return Err(session.report.fail(diagnostic));
        }
        End::Failed(trouble) => {
            let message = format!("the query failed: {}", trouble.message.trim());
            let code = if trouble.error_code.unwrap_or(0) / 100 == 400 { &deploy::REFUSED } else { &codes::CUT };
            return Err(session.report.fail(Diagnostic::new(code, message).note(kept)));
        }
        End::Malformed(why) => {
            return Err(session.report.fail(Diagnostic::new(&codes::CUT, why.as_str()).note(kept)));
        }
    }
    if outcome.deletions > 0 && !quiet {
        session.say(&format!("{} deletions of rows of the table are left out", outcome.deletions));
    }
    if let Some(fault) = &outcome.unclosed {
        let found = fault.diagnose(client.server(), None, &mut session.sources);
        session.say(&format!("the query may go on for a while on the server: {}", found.message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_with_a_semicolon_that_is_read() {
        assert_eq!(terminated(" SELECT 1 FROM S "), "SELECT 1 FROM S;");
        assert_eq!(terminated("SELECT 1 FROM S;\n"), "SELECT 1 FROM S;");
        assert_eq!(terminated("SELECT 1 FROM S -- all;"), "SELECT 1 FROM S -- all;\n;");
        assert_eq!(terminated("SELECT 1 FROM S; -- all"), "SELECT 1 FROM S; -- all\n");
        assert_eq!(terminated("SELECT '--;' FROM S;"), "SELECT '--;' FROM S;");
    }
}
