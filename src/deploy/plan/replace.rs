//! The rules that ksqlDB has for CREATE OR REPLACE … AS: what stays, what may change, what comes last.

use super::Change;
use super::planner::Wanted;
use crate::deploy::normal::Normal;
use crate::deploy::release::FILLED;
use crate::schema::{Column, Key, Relation, Type};
use crate::sql::ast::{Expr, Item, Property, Query};
use crate::sql::print::{self, Style};

/// Puts the items of a query into the order of the columns that are there; new ones come last.
pub(super) fn arrange(query: &mut Query, relation: &Relation) {
    if query.items.iter().any(|item| matches!(item, Item::All(_))) {
        return;
    }
    let place = |item: &Item| {
        let column = item.name().and_then(|name| relation.columns.iter().position(|column| column.name == name.0));
        column.unwrap_or(usize::MAX)
    };
    query.items.sort_by_key(place);
}

/// Takes over the properties that are in force and that the new statement does not name; says which cannot change.
pub(super) fn take_over(wanted: &mut Wanted, stored: &[Property]) -> Vec<String> {
    let mut reasons = Vec::new();
    let text = |value: &Expr| match value {
        Expr::String(text) => text.to_ascii_uppercase(),
        Expr::Integer(number) => number.to_string(),
        Expr::Boolean(value) => value.to_string(),
        other => print::expression(other, Style::default()),
    };
    for (name, value) in stored {
        match wanted.with.iter().find(|(given, _)| given == name) {
            Some((_, given)) if text(given) != text(value) => {
                reasons.push(format!("the property {} is {} and cannot become {}", name.0, text(value), text(given)));
            }
            Some(_) => {}
            None if FILLED.contains(&name.as_str()) => {}
            None => wanted.with.push((name.clone(), value.clone())),
        }
    }
    reasons
}

pub(super) fn changes(running: &Normal, ours: &Normal) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, after) in &ours.items {
        let before = running.item(name.as_str());
        if before != Some(after) {
            changes.push(Change::Column { name: name.0.clone(), before: before.cloned(), after: after.clone() });
        }
    }
    if running.filter != ours.filter {
        changes.push(Change::Filter { before: running.filter.clone(), after: ours.filter.clone() });
    }
    changes
}

/// Whether a query has these columns and no others.
pub(super) fn same_columns(relation: &Relation, ours: Option<&Normal>) -> bool {
    ours.is_some_and(|ours| relation.columns.iter().all(|column| ours.item(&column.name).is_some()))
}

/// What ksqlDB has against these new columns in the place of the old ones.
pub(super) fn columns(old: &Relation, new: &Relation) -> Vec<String> {
    let key = |column: &Column| matches!(column.key, Some(Key::Key | Key::Primary));
    let mut reasons = Vec::new();
    let keys = |relation: &Relation| -> Vec<(String, Type)> {
        let keys = relation.columns.iter().filter(|column| key(column));
        keys.map(|column| (column.name.clone(), column.ty.clone())).collect()
    };
    if keys(old) != keys(new) {
        reasons.push(format!("the key would change from {} to {}", listed(&keys(old)), listed(&keys(new))));
    }
    let new_values: Vec<&Column> = new.columns.iter().filter(|column| !key(column)).collect();
    let mut moved = Vec::new();
    for (at, column) in old.columns.iter().filter(|column| !key(column)).enumerate() {
        let found = new_values.iter().position(|other| other.name == column.name);
        match found {
            Some(place) if new_values[place].ty != column.ty => {
                let (from, to) = (&column.ty, &new_values[place].ty);
                reasons.push(format!("the column `{}` would change its type from {from} to {to}", column.name));
            }
            Some(place) if place != at => moved.push(format!("the column `{}` would change its place", column.name)),
            Some(_) => {}
            None => {
                let known = |name: &str| old.column(name).is_some();
                let renamed = new_values.iter().find(|other| other.ty == column.ty && !known(&other.name));
                reasons.push(match renamed {
                    Some(other) => format!("the column `{}` would be missing (`{}` is new)", column.name, other.name),
                    None => format!("the column `{}` would be dropped", column.name),
                });
            }
        }
    }
    // behind a column that is missing all others change their places
    if reasons.is_empty() {
        reasons = moved;
    }
    reasons
}

fn listed(keys: &[(String, Type)]) -> String {
    match keys {
        [] => "none".to_owned(),
        keys => keys.iter().map(|(name, ty)| format!("`{name}` {ty}")).collect::<Vec<_>>().join(", "),
    }
}
