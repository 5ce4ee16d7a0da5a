//! `status`: what runs, by the history of deployments and the server's own lists; `inspect --server`: which model it is.

use std::fmt::Write;

use serde_json::json;

use super::super::args::Format;
use super::super::args::deploy::Status;
use super::super::args::server::ServerOptions;
use super::super::server;
use super::super::session::Session;
use super::{stored, talk};
use crate::deploy::api::{Health, Info};
use crate::deploy::history::Entry;
use crate::deploy::status::{Deployed, state, status, trace as find_model};
use crate::deploy::{Client, Fault};
use crate::diag::Failed;
use crate::sql::print;

/// Shows one deployment or all.
pub(in crate::cli) fn run(args: &Status, session: &mut Session) -> Result<(), Failed> {
    let client = server::client(&args.server, session)?;
    let name = args.name.as_deref().map(|name| stored(name, session)).transpose()?;
    let (info, health) = well(&client, session)?;
    let found = status(name.as_deref(), &mut talk(&client, session))?;
    let text = match args.format {
        Format::Text | Format::Github => {
            let trouble = match &health {
                Some(health) => health.trouble().unwrap_or_else(|| "healthy".to_owned()),
                None => "health unknown".to_owned(),
            };
            format!("ksqlDB {} at {}, {trouble}\n\n", info.version, client.server()) + &text(&found, name.is_some())
        }
        Format::Json => json(&found, name.is_some(), &client, &info, health.as_ref()),
    };
    session.write(None, text.as_bytes())
}

/// The server's release and how it is; old servers and proxies do not say the latter.
fn well(client: &Client, session: &mut Session) -> Result<(Info, Option<Health>), Failed> {
    let info = client.info().map_err(|fault| server::fail(client, &fault, None, session))?;
    let health = match client.health() {
        Ok(health) => Some(health),
        Err(Fault::Refused(_) | Fault::Foreign { .. }) => None,
        Err(fault) => return Err(server::fail(client, &fault, None, session)),
    };
    Ok((info, health))
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
    let found = find_model(&name, &mut talk(&client, session))?;
    let (query, state) = (found.query().unwrap_or_default(), state(Some(&found.known)));
    let model = found.entry.as_ref().map(|entry| entry.model.as_str()).unwrap_or_default();
    let text = match format {
        Format::Json => {
            let column = found.mark.as_ref().map(|(name, text)| json!({"name": name, "value": text}));
            let all = json!({"name": name, "query": query, "state": state, "sha256": model, "entry": found.entry,
                "column": column, "agrees": found.agrees()});
            format!("{all:#}\n")
        }
        Format::Text | Format::Github => {
            let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
            let mut text = format!("stream   {name}\nquery    {}, {state}\n", or(query, "none"));
            text += &format!("sha256   {}\n", or(model, "not in the history of deployments"));
            if let Some(entry) = &found.entry {
                text += &format!("file     {}\nversion  {}\n", entry.file, or(&entry.version, "-"));
                text += &format!("applied  {} UTC by {}\n", time(entry.applied), entry.program);
            }
            text += &match &found.mark {
                Some((name, value)) => format!("column   {name} = {}\n", print::string(value)),
                None => "column   none says which model it is\n".to_owned(),
            };
            text
        }
    };
    session.write(None, text.as_bytes())
}

/// For people: the deployments, of a single one its streams and its history too.
fn text(found: &[Deployed], single: bool) -> String {
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let mut rows = vec![["NAME", "STATE", "QUERY", "ENTRY", "MODEL", "VERSION", "FROM", "SINCE"].map(str::to_owned)];
    for deployed in found {
        let Some(entry) = deployed.current() else { continue };
        rows.push([
            entry.sink.clone(),
            deployed.state(),
            deployed.query().unwrap_or("-").to_owned(),
            entry.number.to_string(),
            short(&entry.model),
            or_none(&entry.version),
            entry.source.clone(),
            time(entry.applied),
        ]);
    }
    let mut text = String::new();
    if found.is_empty() {
        text.push_str("nothing was applied to this server\n");
        return text;
    }
    table(&rows, &mut text);
    for deployed in found.iter().filter(|_| single) {
        if deployed.stages.len() > 1 {
            let mut rows = vec![["STREAM", "STATE", "QUERY"].map(str::to_owned)];
            for (name, known) in &deployed.stages {
                let query = known.as_ref().and_then(|known| known.description.writers.first());
                let query = query.map_or("-", |query| &query.id);
                rows.push([name.clone(), state(known.as_ref()).to_owned(), query.to_owned()]);
            }
            text.push('\n');
            table(&rows, &mut text);
        }
        let mut rows = vec![["ENTRY", "ACTION", "MODEL", "VERSION", "FILE", "SINCE"].map(str::to_owned)];
        for entry in &deployed.entries {
            let (number, version) = (entry.number.to_string(), or_none(&entry.version));
            rows.push([number, action(entry), entry.model.clone(), version, entry.file.clone(), time(entry.applied)]);
        }
        text.push('\n');
        table(&rows, &mut text);
    }
    text
}

fn action(entry: &Entry) -> String {
    match entry.restores {
        Some(number) => format!("{} to {number}", entry.action),
        None => entry.action.clone(),
    }
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

/// For programs.
fn json(found: &[Deployed], single: bool, client: &Client, info: &Info, health: Option<&Health>) -> String {
    let deployments: Vec<serde_json::Value> = (found.iter())
        .map(|deployed| {
            let entry = deployed.current();
            let stages: Vec<_> = (deployed.stages.iter())
                .map(|(name, known)| json!({"name": name, "state": state(known.as_ref())}))
                .collect();
            json!({"name": entry.map(|entry| &entry.sink), "state": deployed.state(), "query": deployed.query(),
                "entry": entry, "streams": stages, "history": single.then_some(&deployed.entries)})
        })
        .collect();
    let healthy = health.map(|health| health.is_healthy);
    let all = json!({"server": client.server(), "version": info.version, "healthy": healthy,
        "trouble": health.and_then(Health::trouble), "deployments": deployments});
    format!("{all:#}\n")
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
