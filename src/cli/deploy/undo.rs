//! `rollback` and `drop`.

use super::super::args::deploy::{CarryOptions, Drop, Rollback};
use super::super::server;
use super::super::session::Session;
use super::{carry_out, confirmed, patience, progress, record, refuse, show, status, stored, talk};
use crate::deploy::apply::execute;
use crate::deploy::history::{self, Entry};
use crate::deploy::plan::{plan, read};
use crate::deploy::talk::quoted;
use crate::deploy::{Client, Properties};
use crate::diag::codes::deploy::{IN_USE, NOT_DEPLOYED};
use crate::diag::{Diagnostic, Failed};
use crate::schema::Kind;
use crate::sql::ast::{Expr, Item, Name, Statement};
use crate::sql::print::Style;

/// Goes back to an earlier version.
pub(in crate::cli) fn rollback(args: &Rollback, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = stored(&args.name, session)?;
    let entries = history::entries(Some(&name), &mut talk(&client, session))?;
    let Some(last) = entries.last() else { return Err(status::unknown(&name, session)) };
    let target = match args.to {
        Some(number) => entries.iter().find(|entry| entry.number == number && entry.action != "drop"),
        None => before(&entries, last),
    };
    let Some(target) = target else {
        let message = match args.to {
            Some(number) => format!("`{name}` has no entry {number} to go back to"),
            None => format!("`{name}` has no earlier version to go back to"),
        };
        let help = format!("`m2ksql status {name}` lists the entries");
        return Err(session.report.fail(Diagnostic::new(&NOT_DEPLOYED, message).help(help)));
    };
    let mut statements = Vec::new();
    for text in &target.statements {
        // they were printed by this program; one of another release may not be read
        let Some(mut statement) = read(text) else {
            let message = format!("the statements of entry {} cannot be read", target.number);
            return Err(session.report.fail(Diagnostic::new(&NOT_DEPLOYED, message)));
        };
        keep_columns(&mut statement, &client, session)?;
        statements.push(statement);
    }
    let plan = plan(&statements, Style::default(), &mut talk(&client, session))?;
    let text = format!("back to entry {}, model {}\n", target.number, target.model);
    session.write(None, (text + &show::text(&plan, client.server(), false)).as_bytes())?;
    refuse(&plan, session)?;
    if plan.is_done() || args.carry.dry_run || !confirmed(&args.carry, "Go back?", session)? {
        return Ok(());
    }
    carry_out(&plan, &Properties::new(), &args.carry, &client, session)?;
    let entry = Entry {
        action: "rollback".to_owned(),
        restores: Some(target.effective()),
        statements: plan.steps.iter().map(|step| step.sql.clone()).collect(),
        ..target.clone()
    };
    record(entry, &args.carry, &client, session);
    Ok(())
}

/// The version before the one that runs: after a drop the one that ran.
fn before<'a>(entries: &'a [Entry], last: &'a Entry) -> Option<&'a Entry> {
    let applied = |entry: &&Entry| entry.action == "apply";
    if last.action == "drop" {
        return entries.iter().rev().find(|entry| entry.action != "drop");
    }
    let running = last.effective();
    let model = |number: u64| entries.iter().find(|entry| entry.number == number).map(|entry| &entry.statements);
    entries
        .iter()
        .rev()
        .filter(applied)
        .find(|entry| entry.number < running && Some(&entry.statements) != model(running))
}

/// Columns that are there and that a statement does not compute become NULL: ksqlDB lets no column go.
fn keep_columns(statement: &mut Statement, client: &Client, session: &mut Session) -> Result<(), Failed> {
    let Statement::CreateAs { name, query, .. } = statement else { return Ok(()) };
    let Some(known) = talk(client, session).describe(name.as_str())? else { return Ok(()) };
    for column in &known.relation.columns {
        let has = query.items.iter().any(|item| match item {
            Item::All(_) => true,
            Item::Expr { alias: Some(alias), .. } => alias.0 == column.name,
            Item::Expr { expr: Expr::Column(name) | Expr::Qualified(_, name) | Expr::Field(_, name), .. } => {
                name.0 == column.name
            }
            Item::Expr { .. } => false,
        });
        if !has && column.key.is_none() {
            let expr = Expr::Cast(Box::new(Expr::Null), column.ty.clone());
            query.items.push(Item::Expr { comments: Vec::new(), expr, alias: Some(Name::new(column.name.as_str())) });
        }
    }
    Ok(())
}

/// Drops what was applied, readers before what they read.
pub(in crate::cli) fn drop(args: &Drop, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = stored(&args.name, session)?;
    let entries = history::entries(Some(&name), &mut talk(&client, session))?;
    drop_entries(&name, &entries, args.delete_topic, &args.carry, &client, session)
}

/// Drops what the last entry made, after asking.
pub(super) fn drop_entries(
    name: &str,
    entries: &[Entry],
    delete_topic: bool,
    carry: &CarryOptions,
    client: &Client,
    session: &mut Session,
) -> Result<(), Failed> {
    let Some(last) = entries.last() else { return Err(status::unknown(name, session)) };
    let mut names: Vec<(String, Kind)> = Vec::new();
    for text in last.statements.iter().rev() {
        if let Some(Statement::CreateAs { name, kind, .. }) = read(text) {
            names.push((name.0, kind));
        }
    }
    let mut found = Vec::new();
    for (name, kind) in &names {
        let Some(known) = talk(client, session).describe(name)? else { continue };
        let own = |sink: &String| names.iter().any(|(name, _)| name == sink);
        let readers: Vec<&str> = (known.description.readers.iter())
            .filter(|query| !query.sinks.iter().any(own))
            .filter(|query| query.kind != "PUSH")
            .map(|query| query.id.as_str())
            .collect();
        if !readers.is_empty() {
            let message = format!("`{name}` is read by {}", readers.join(", "));
            let help = format!("drop what they write before, or `TERMINATE {};`", readers[0]);
            return Err(session.report.fail(Diagnostic::new(&IN_USE, message).help(help)));
        }
        found.push((name.clone(), *kind, known));
    }
    if found.is_empty() {
        return session.write(None, format!("`{name}` is not there any more\n").as_bytes());
    }
    let mut text = String::new();
    for (name, _, known) in &found {
        let topic = &known.description.topic;
        let and = if delete_topic { "and its topic" } else { "but keep its topic" };
        text += &format!("drop {name} {and} {topic}\n");
    }
    session.write(None, text.as_bytes())?;
    if carry.dry_run || !confirmed(carry, "Drop it?", session)? {
        return Ok(());
    }
    let patience = patience(carry);
    for (name, kind, known) in &found {
        // dropping a stream ends the query that made it, but no other
        let made = known.description.writers.len().min(1);
        for query in &known.description.writers[made..] {
            let statement = format!("TERMINATE {};", query.id);
            execute(&statement, patience, &mut talk(client, session), &mut progress())?;
        }
        let kind = if *kind == Kind::Stream { "STREAM" } else { "TABLE" };
        let topic = if delete_topic { " DELETE TOPIC" } else { "" };
        let statement = format!("DROP {kind} IF EXISTS {}{topic};", quoted(name));
        execute(&statement, patience, &mut talk(client, session), &mut progress())?;
        session.say(&format!("{name}: dropped"));
    }
    let entry = Entry { action: "drop".to_owned(), restores: None, ..last.clone() };
    record(entry, carry, client, session);
    Ok(())
}
