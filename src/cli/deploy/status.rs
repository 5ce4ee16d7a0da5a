//! `status`: what runs, by the history of deployments and the server's own lists.

use std::fmt::Write;

use serde_json::json;

use super::super::args::Format;
use super::super::args::deploy::Status;
use super::super::args::server::ServerOptions;
use super::super::server;
use super::super::session::Session;
use super::{canary, plan, stored, talk};
use crate::deploy::history::{self, Entry};
use crate::deploy::talk::Known;
use crate::diag::codes::deploy::NOT_DEPLOYED;
use crate::diag::{Diagnostic, Failed};
use crate::sql::print;

/// Shows one deployment or all.
pub(in crate::cli) fn run(args: &Status, session: &mut Session) -> Result<(), Failed> {
    let client = server::client(&args.server, session)?;
    let name = args.name.as_deref().map(|name| stored(name, session)).transpose()?;
    let entries = history::entries(name.as_deref(), &mut talk(&client, session))?;
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.sink.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if let (Some(name), true) = (&name, names.is_empty()) {
        return Err(unknown(name, session));
    }
    let mut lines = Vec::new();
    for sink in names {
        let own: Vec<&Entry> = entries.iter().filter(|entry| entry.sink == sink).collect();
        let Some(last) = own.last() else { continue };
        let known = talk(&client, session).describe(sink)?;
        lines.push(Line { last, known, own: if name.is_some() { own.clone() } else { Vec::new() } });
    }
    let text = match args.format {
        Format::Text | Format::Github => text(&lines),
        Format::Json => json(&lines),
    };
    session.write(None, text.as_bytes())
}

/// Leads from a running query to the file of its model.
pub(in crate::cli) fn trace(
    name: &str,
    format: Format,
    options: &ServerOptions,
    session: &mut Session,
) -> Result<(), Failed> {
    let client = server::client(options, session)?;
    let name = stored(name, session)?;
    let known = canary::deployed(&name, &client, session)?;
    let entries = history::entries(Some(&name), &mut talk(&client, session))?;
    let column = canary::computed(&known, entries.iter().rfind(|entry| entry.action != "drop")).model;
    // the last entry whose model the stream itself names
    let named = |entry: &&Entry| match &column {
        Some((_, text)) => !entry.model.is_empty() && text.ends_with(&plan::provenance(&entry.model, "")),
        None => true,
    };
    let entry = entries.iter().rev().find(named);
    let line = Line { last: entry.unwrap_or(&Entry::default()), known: Some(known), own: Vec::new() }.summary();
    let (model, agrees) = match entry {
        Some(entry) => (entry.model.clone(), column.is_some()),
        None => (String::new(), false),
    };
    let text = match format {
        Format::Json => {
            let column = column.as_ref().map(|(name, text)| json!({"name": name, "value": text}));
            let all = json!({"name": name, "query": line.0, "state": line.1, "sha256": model, "entry": entry,
                "column": column, "agrees": agrees});
            format!("{all:#}\n")
        }
        Format::Text | Format::Github => {
            let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
            let mut text = format!("stream   {name}\nquery    {}, {}\n", or(&line.0, "none"), line.1);
            text += &format!("sha256   {}\n", or(&model, "not in the history of deployments"));
            if let Some(entry) = entry {
                text += &format!("file     {}\nversion  {}\n", entry.file, or(&entry.version, "-"));
                text += &format!("applied  {} UTC by {}\n", time(entry.applied), entry.program);
            }
            text += &match &column {
                Some((name, value)) => format!("column   {name} = {}\n", print::string(value)),
                None => "column   none says which model it is\n".to_owned(),
            };
            text
        }
    };
    session.write(None, text.as_bytes())
}

/// Reports that there is nothing of this name.
pub(super) fn unknown(name: &str, session: &mut Session) -> Failed {
    let message = format!("nothing was applied under the name `{name}`");
    session.report.fail(Diagnostic::new(&NOT_DEPLOYED, message).help("`m2ksql status` lists what was"))
}

struct Line<'a> {
    last: &'a Entry,
    known: Option<Known>,
    /// All entries, if they are asked for.
    own: Vec<&'a Entry>,
}

impl Line<'_> {
    /// The query that writes the sink.
    fn query(&self) -> Option<&str> {
        self.known.as_ref()?.description.writers.first().map(|query| query.id.as_str())
    }

    /// Query and state.
    fn summary(&self) -> (String, String) {
        (self.query().unwrap_or_default().to_owned(), self.state())
    }

    fn state(&self) -> String {
        let Some(known) = &self.known else { return "DROPPED".to_owned() };
        let Some(query) = known.description.writers.first() else { return "STOPPED".to_owned() };
        if query.counts.get("PAUSED").is_some_and(|count| *count > 0) {
            return "PAUSED".to_owned();
        }
        query.state.clone().or_else(|| query.counts.keys().next().cloned()).unwrap_or_else(|| "UNKNOWN".to_owned())
    }
}

fn text(lines: &[Line<'_>]) -> String {
    let mut rows = vec![["NAME", "STATE", "QUERY", "ENTRY", "MODEL", "VERSION", "FROM", "SINCE"].map(str::to_owned)];
    for line in lines {
        let entry = line.last;
        rows.push([
            entry.sink.clone(),
            line.state(),
            line.query().unwrap_or("-").to_owned(),
            entry.number.to_string(),
            short(&entry.model),
            if entry.version.is_empty() { "-".to_owned() } else { entry.version.clone() },
            entry.source.clone(),
            time(entry.applied),
        ]);
    }
    let mut text = String::new();
    if lines.is_empty() {
        text.push_str("nothing was applied to this server\n");
        return text;
    }
    table(&rows, &mut text);
    for line in lines.iter().filter(|line| !line.own.is_empty()) {
        let mut rows = vec![["ENTRY", "ACTION", "MODEL", "VERSION", "FILE", "SINCE"].map(str::to_owned)];
        for entry in &line.own {
            let action = match entry.restores {
                Some(number) => format!("{} to {number}", entry.action),
                None => entry.action.clone(),
            };
            let version = if entry.version.is_empty() { "-".to_owned() } else { entry.version.clone() };
            let number = entry.number.to_string();
            rows.push([number, action, entry.model.clone(), version, entry.file.clone(), time(entry.applied)]);
        }
        text.push('\n');
        table(&rows, &mut text);
    }
    text
}

fn table<const N: usize>(rows: &[[String; N]], text: &mut String) {
    let widths: Vec<usize> =
        (0..N).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        // writing to a String cannot fail
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
}

fn json(lines: &[Line<'_>]) -> String {
    let lines: Vec<serde_json::Value> = (lines.iter())
        .map(|line| {
            let own = (!line.own.is_empty()).then_some(&line.own);
            json!({"name": line.last.sink, "state": line.state(), "query": line.query(), "entry": line.last, "history": own})
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(lines))
}

fn short(hash: &str) -> String {
    hash.chars().take(16).collect()
}

/// Milliseconds since 1970 as a date and time of day, UTC.
fn time(millis: u64) -> String {
    let (days, seconds) = (millis / 86_400_000, millis / 1000 % 86_400);
    // days since 0000-03-01 to a date: Howard Hinnant, "chrono-compatible low-level date algorithms"
    let z = days + 719_468;
    let (era, day) = (z / 146_097, z % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times() {
        assert_eq!(time(0), "1970-01-01 00:00:00");
        assert_eq!(time(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(time(1_795_348_436_533), "2026-11-22 11:53:56");
    }
}
