//! Going back to an earlier version.

use super::change::Change;
use super::deployment::Deployment;
use super::history::{self, APPLY, DROP, Entry, FAILED, ROLLBACK};
use super::plan::read;
use super::talk::Talk;
use crate::diag::codes::deploy::NOT_DEPLOYED;
use crate::diag::{Diagnostic, Failed};
use crate::sql::ast::{Expr, Item, Name, Statement};

/// What has to be done so that a sink is computed as by an earlier entry of its history: the one of this number, or the
/// version before. The entry comes with it.
pub fn rollback(name: &str, to: Option<u64>, talk: &mut Talk<'_>) -> Result<(Entry, Change), Failed> {
    let entries = history::entries(Some(name), talk)?;
    let Some(last) = entries.last() else { return Err(unknown(name, talk)) };
    let target = match to {
        Some(number) => entries.iter().find(|entry| entry.number == number && entry.action != DROP),
        None => before(&entries, last),
    };
    let Some(target) = target else {
        let message = match to {
            Some(number) => format!("`{name}` has no entry {number} to go back to"),
            None => format!("`{name}` has no earlier version to go back to"),
        };
        let help = format!("`m2ksql status {name}` lists the entries");
        return Err(talk.report.fail(Diagnostic::new(&NOT_DEPLOYED, message).help(help)));
    };
    let mut statements = Vec::new();
    for text in &target.statements {
        // they were printed by this program; one of another release may not be read
        let Some(statement) = read(text) else {
            let message = format!("the statements of entry {} cannot be read", target.number);
            return Err(talk.report.fail(Diagnostic::new(&NOT_DEPLOYED, message)));
        };
        statements.push(statement);
    }
    if let Some(last) = statements.last_mut() {
        keep_columns(last, talk)?;
    }
    let entry = Entry { action: ROLLBACK.to_owned(), restores: Some(target.effective()), ..target.clone() };
    let change = Change::after(&entries, &Deployment { statements, entry }, talk)?;
    Ok((target.clone(), change))
}

/// Reports that there is nothing of this name.
pub fn unknown(name: &str, talk: &mut Talk<'_>) -> Failed {
    let message = format!("nothing was applied under the name `{name}`");
    talk.report.fail(Diagnostic::new(&NOT_DEPLOYED, message).help("`m2ksql status` lists what was"))
}

/// The version before the one that runs: after a drop the one that ran, after a failure the one that was to go.
fn before<'a>(entries: &'a [Entry], last: &'a Entry) -> Option<&'a Entry> {
    if [DROP, FAILED].contains(&last.action.as_str()) {
        return entries.iter().rev().find(|entry| ![DROP, FAILED].contains(&entry.action.as_str()));
    }
    let running = last.effective();
    let model = |number: u64| entries.iter().find(|entry| entry.number == number).map(|entry| &entry.statements);
    (entries.iter().rev())
        .filter(|entry| entry.action == APPLY)
        .find(|entry| entry.number < running && Some(&entry.statements) != model(running))
}

/// Columns that are there and that a statement does not compute become NULL: ksqlDB lets no column go.
fn keep_columns(statement: &mut Statement, talk: &mut Talk<'_>) -> Result<(), Failed> {
    let Statement::CreateAs { name, query, .. } = statement else { return Ok(()) };
    let Some(known) = talk.describe(name.as_str())? else { return Ok(()) };
    for column in known.relation.columns.iter().filter(|column| column.key.is_none()) {
        let has =
            |item: &Item| matches!(item, Item::All(_)) || item.name().is_some_and(|name| name.as_str() == column.name);
        if !query.items.iter().any(has) {
            let expr = Expr::Cast(Box::new(Expr::Null), column.ty.clone());
            query.items.push(Item::Expr { comments: Vec::new(), expr, alias: Some(Name::new(column.name.as_str())) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_before_is_found() {
        let entry = |number: u64, action: &str, restores: Option<u64>, statement: &str| Entry {
            number,
            action: action.to_owned(),
            restores,
            statements: vec![statement.to_owned()],
            ..Entry::default()
        };
        let all = [
            entry(1, APPLY, None, "a"),
            entry(2, APPLY, None, "b"),
            entry(3, APPLY, None, "b"),
            entry(4, FAILED, None, "c"),
            entry(5, ROLLBACK, Some(3), "b"),
            entry(6, APPLY, None, "d"),
            entry(7, DROP, None, "d"),
        ];
        let found = |count: usize| before(&all[..count], &all[count - 1]).map(|entry| entry.number);
        assert_eq!([1, 2, 3, 4, 5, 6, 7].map(found), [None, Some(1), Some(1), Some(3), Some(1), Some(3), Some(6)]);
    }
}
