//! What has to be done so that a server runs some statements: nothing, create, replace in place, or why it cannot be.
//!
//! Statements are compared as trees, ours with those that the server keeps. What ksqlDB would refuse is found here, before
//! anything is sent, by the rules that it has for CREATE OR REPLACE: columns keep their names, types and places, new ones
//! come last; source, key, partitioning and topic stay. EXPLAIN is the server's own opinion beforehand.

use super::Fault;
use super::api::{Answer, Running};
use super::normal::{Normal, normal};
use super::talk::{Known, Talk, quoted};
use crate::diag::{Failed, Report, Sources};
use crate::schema::{Column, Key, Kind, Relation, Type};
use crate::sql::ast::{Expr, Item, Name, Property, Query, Statement};
use crate::sql::print::{self, Style};
use crate::syntax;

/// Statements and what each needs, in the order in which they are sent.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's release.
    pub version: String,
    /// One a statement.
    pub steps: Vec<Step>,
}

/// A statement and what it needs.
#[derive(Clone, Debug)]
pub struct Step {
    /// The stream or table that is written.
    pub name: String,
    /// Stream or table.
    pub kind: Kind,
    /// What it reads from.
    pub from: String,
    /// The statement as it is sent.
    pub sql: String,
    /// What is to be done.
    pub action: Action,
    /// What differs from what runs now.
    pub changes: Vec<Change>,
    /// The query that writes it now.
    pub query: Option<Running>,
    /// Facts to know before going on.
    pub notes: Vec<String>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// There is nothing of this name.
    Create,
    /// The running query gets other expressions.
    Replace,
    /// It runs as it should.
    Nothing,
    /// It cannot be, for these reasons.
    Refused(Vec<Reason>),
}

/// Why a statement cannot replace another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// In a sentence.
    pub what: String,
    /// What to do instead.
    pub advice: String,
}

/// A difference between what runs and what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A column is computed otherwise, or new.
    Column {
        /// Its name.
        name: String,
        /// `None`: it is new.
        before: Option<Expr>,
        /// How it is computed.
        after: Expr,
    },
    /// Other rows pass.
    Filter {
        /// WHERE so far.
        before: Option<Expr>,
        /// WHERE from now on.
        after: Option<Expr>,
    },
    /// No query writes it any more.
    Stopped,
}

impl Plan {
    /// Whether the server already runs everything.
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Nothing)
    }

    /// Whether a statement is refused.
    pub fn is_refused(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::Refused(_)))
    }
}

/// Properties that a server fills in by itself and that no user of old releases may write.
const FILLED: &[&str] = &["CLEANUP_POLICY", "RETENTION_MS"];

/// Plans statements: CREATE … AS SELECT, in an order in which each reads only from what is before it or exists.
pub fn plan(statements: &[Statement], style: Style, talk: &mut Talk<'_>) -> Result<Plan, Failed> {
    let version = talk.client.info().map_err(|fault| talk.fail(&fault, None))?.version;
    let mut planner = Planner { talk, style, made: Vec::new() };
    let steps = statements.iter().map(|statement| planner.step(statement)).collect::<Result<_, _>>()?;
    Ok(Plan { version, steps })
}

/// What an earlier statement of the plan makes or changes.
struct Made {
    relation: Relation,
    /// The server does not have it like this yet.
    pending: bool,
}

struct Planner<'a, 'b> {
    talk: &'a mut Talk<'b>,
    style: Style,
    made: Vec<Made>,
}

/// What a server says beforehand.
enum Opinion {
    Fine,
    Against(String),
    /// It fails for reasons of its own.
    Unknown(String),
}

/// The parts of CREATE … AS SELECT.
#[derive(Clone)]
struct Wanted {
    kind: Kind,
    name: Name,
    with: Vec<Property>,
    query: Query,
}

impl Wanted {
    fn statement(&self, or_replace: bool) -> Statement {
        Statement::CreateAs {
            or_replace,
            kind: self.kind,
            if_not_exists: false,
            name: self.name.clone(),
            with: self.with.clone(),
            query: self.query.clone(),
        }
    }
}

impl Planner<'_, '_> {
    fn step(&mut self, statement: &Statement) -> Result<Step, Failed> {
        let Statement::CreateAs { kind, name, with, query, .. } = statement else {
            let message = "only CREATE STREAM AS and CREATE TABLE AS can be deployed";
            let found = crate::diag::Diagnostic::new(&crate::diag::codes::compile::BAD_OPTIONS, message);
            return Err(self.talk.report.fail(found.help("name a source and a sink: `--from`, `--into`")));
        };
        let mut wanted = Wanted { kind: *kind, name: name.clone(), with: with.clone(), query: query.clone() };
        let (source, pending) = self.source(query.from.as_str())?;
        let known = self.talk.describe(name.as_str())?;
        let mut step = Step {
            name: name.0.clone(),
            kind: *kind,
            from: query.from.0.clone(),
            sql: String::new(),
            action: Action::Create,
            changes: Vec::new(),
            query: None,
            notes: Vec::new(),
        };
        let relation = match known {
            None => {
                let sql = print::statement(&wanted.statement(false), self.style);
                let relation = match pending {
                    true => None,
                    false => Some(self.explain(&sql, &wanted)?),
                };
                step.sql = sql;
                relation
            }
            Some(known) => {
                arrange(&mut wanted.query, &known.relation);
                self.compare(&mut wanted, &known, &source, pending, &mut step)?
            }
        };
        if pending && !matches!(step.action, Action::Nothing | Action::Refused(_)) {
            step.notes.push(format!("not tried out on the server, since `{}` is not there yet", step.from));
        }
        let relation = relation.unwrap_or_else(|| untyped(&wanted, &source));
        self.made.push(Made { relation, pending: !matches!(step.action, Action::Nothing) });
        Ok(step)
    }

    /// What a statement reads from, and whether the server does not have it like this yet.
    fn source(&mut self, name: &str) -> Result<(Relation, bool), Failed> {
        if let Some(made) = self.made.iter().find(|made| made.relation.name == name) {
            return Ok((made.relation.clone(), made.pending));
        }
        match self.talk.describe(name)? {
            Some(known) => Ok((known.relation, false)),
            None => {
                // asked again for the server's own words
                let statement = format!("DESCRIBE {};", quoted(name));
                let answer = self.talk.ask(&statement)?;
                let source = self.talk.enter(statement, answer.text.as_str());
                Ok((answer.relation(source, self.talk.report)?, false))
            }
        }
    }

    /// What the server makes of a statement that creates; reports what it does not accept.
    fn explain(&mut self, sql: &str, wanted: &Wanted) -> Result<Relation, Failed> {
        let explain = format!("EXPLAIN {sql}");
        let answer = self.talk.ask(&explain)?;
        self.explained(&answer, wanted)
    }

    fn explained(&mut self, answer: &Answer, wanted: &Wanted) -> Result<Relation, Failed> {
        let fields = answer.entities.iter().find_map(|entity| entity.get("queryDescription")?.get("fields").cloned());
        let kind = if wanted.kind == Kind::Stream { "STREAM" } else { "TABLE" };
        let text = serde_json::json!({ "name": wanted.name.as_str(), "type": kind, "fields": fields }).to_string();
        let source = self.talk.enter("EXPLAIN", text.as_str());
        let relations = syntax::relations(source, &text, self.talk.report)?;
        Ok(relations.into_iter().next().unwrap_or(Relation {
            name: wanted.name.0.clone(),
            kind: wanted.kind,
            columns: Vec::new(),
        }))
    }

    /// What has to be done about a stream that is there.
    fn compare(
        &mut self,
        wanted: &mut Wanted,
        known: &Known,
        source: &Relation,
        pending: bool,
        step: &mut Step,
    ) -> Result<Option<Relation>, Failed> {
        let Known { description, relation } = known;
        let name = wanted.name.0.clone();
        let mut reasons = Vec::new();
        let stored = read(&description.statement);
        let (with, running) = match &stored {
            Some(Statement::CreateAs { with, query, .. }) => (with.clone(), Some(normal(query, Some(source)))),
            _ => (Vec::new(), None),
        };
        let ours = reread(&wanted.statement(true), self.style, source);
        if relation.kind != wanted.kind {
            reasons.push(format!("`{name}` is a {}", words(relation.kind)));
        }
        match (&stored, &running) {
            (Some(Statement::Create { .. }), _) => {
                reasons
                    .push(format!("`{name}` is declared over the topic `{}`; no query computes it", description.topic));
            }
            (_, None) => reasons.push(format!("what computes `{name}` is not a statement that can be compared")),
            _ => {}
        }
        if description.writers.len() > 1 {
            let ids: Vec<&str> = description.writers.iter().map(|query| query.id.as_str()).collect();
            reasons.push(format!("several queries write into `{name}`: {}", ids.join(", ")));
        }
        step.query = description.writers.first().cloned();
        for property in take_over(wanted, &with) {
            reasons.push(property);
        }
        if let (Some(running), Some(ours)) = (&running, &ours) {
            reasons.extend(fixed(running, ours));
            step.changes = changes(running, ours);
        }
        if description.writers.is_empty() && running.is_some() {
            step.changes.push(Change::Stopped);
        }
        step.sql = print::statement(&wanted.statement(true), self.style);
        if reasons.is_empty() && step.changes.is_empty() && same_columns(relation, ours.as_ref()) {
            step.action = Action::Nothing;
            step.notes.extend(state_of(step.query.as_ref()));
            return Ok(Some(relation.clone()));
        }
        let mut result = None;
        if reasons.is_empty() && !pending {
            let new = self.types(wanted)?;
            reasons.extend(columns(relation, &new));
            result = Some(new);
        } else if let (Some(ours), Some(_)) = (&ours, &running) {
            let gone = relation.columns.iter().filter(|column| ours.item(&column.name).is_none());
            reasons.extend(gone.map(|column| format!("the column `{}` would be dropped", column.name)));
        }
        if reasons.is_empty() && !pending {
            match self.opinion(&step.sql)? {
                Opinion::Fine => {}
                Opinion::Against(why) => reasons.push(why),
                Opinion::Unknown(why) => step.notes.push(format!("the server cannot explain it beforehand: {why}")),
            }
        }
        if reasons.is_empty() {
            step.action = Action::Replace;
            let readers: Vec<&str> =
                description.readers.iter().flat_map(|query| query.sinks.iter().map(String::as_str)).collect();
            if !readers.is_empty() {
                step.notes.push(format!("read by {}", readers.join(", ")));
            }
        } else {
            let free = self.free_name(&name)?;
            let advice = format!("deploy under a new name: `--into {free}`; what reads `{name}` can move over later");
            let reason = |what| Reason { what, advice: advice.clone() };
            step.action = Action::Refused(reasons.into_iter().map(reason).collect());
        }
        Ok(result)
    }

    /// The columns that a query would have, under a name that is not taken.
    fn types(&mut self, wanted: &Wanted) -> Result<Relation, Failed> {
        let mut trial = wanted.clone();
        trial.name = Name::new(format!("{}_M2KSQL_TRIAL", wanted.name.0));
        trial.with.retain(|(name, _)| name.as_str() != "KAFKA_TOPIC");
        let sql = print::statement(&trial.statement(false), self.style);
        let mut relation = self.explain(&sql, &trial)?;
        relation.name = wanted.name.0.clone();
        Ok(relation)
    }

    /// What the server says about replacing.
    fn opinion(&mut self, sql: &str) -> Result<Opinion, Failed> {
        let explain = format!("EXPLAIN {sql}");
        let refusal = match self.talk.try_ask(&explain) {
            Ok(_) => return Ok(Opinion::Fine),
            Err(Fault::Refused(refusal)) if matches!(refusal.status, 400 | 500) => refusal,
            Err(fault) => return Err(self.talk.fail(&fault, Some(&explain))),
        };
        let message = refusal.message.lines().next().unwrap_or_default();
        let message = message.split_once("due to error: ").map_or(message, |(_, reason)| reason).trim_end_matches('.');
        Ok(if refusal.status == 400 || refusal.message.contains("StackOverflow") {
            Opinion::Against(format!("the server says: {message}"))
        } else if refusal.message.contains("kafkaStreams") {
            // how 0.29 says that it would do it: it looks for the threads of a query that does not run
            Opinion::Fine
        } else {
            Opinion::Unknown(message.to_owned())
        })
    }

    /// `NAME_V2`, or the first such name that is free.
    fn free_name(&mut self, name: &str) -> Result<String, Failed> {
        let answer = self.talk.ask("SHOW STREAMS; SHOW TABLES;")?;
        let taken: Vec<&str> = (answer.entities.iter())
            .flat_map(|entity| ["streams", "tables"].into_iter().filter_map(|list| entity.get(list)?.as_array()))
            .flatten()
            .filter_map(|source| source.get("name")?.as_str())
            .collect();
        Ok(next_version(name, &taken))
    }
}

/// The first of `NAME_V2`, `NAME_V3` … that is not taken and later than the name's own version.
pub fn next_version(name: &str, taken: &[&str]) -> String {
    let (base, version) = match name.rsplit_once("_V") {
        Some((base, number)) => match number.parse::<u32>() {
            Ok(version) if !base.is_empty() => (base, version),
            _ => (name, 1),
        },
        None => (name, 1),
    };
    let mut version = version.saturating_add(1);
    while taken.contains(&format!("{base}_V{version}").as_str()) {
        version = version.saturating_add(1);
    }
    format!("{base}_V{version}")
}

/// The tree of a statement in a server's words.
pub fn read(text: &str) -> Option<Statement> {
    let (mut sources, mut report) = (Sources::new(), Report::new());
    syntax::statement(sources.add("<server>", text), text, &mut report).ok()
}

/// Ours as the server's reader would see it: the text, read.
fn reread(statement: &Statement, style: Style, source: &Relation) -> Option<Normal> {
    match read(&print::statement(statement, style)) {
        Some(Statement::CreateAs { query, .. }) => Some(normal(&query, Some(source))),
        _ => None,
    }
}

/// Puts the items of a query into the order of the columns that are there; new ones come last.
fn arrange(query: &mut Query, relation: &Relation) {
    if query.items.iter().any(|item| matches!(item, Item::All(_))) {
        return;
    }
    let place = |item: &Item| {
        let name = match item {
            Item::Expr { alias: Some(alias), .. } => Some(alias),
            Item::Expr { expr: Expr::Column(name) | Expr::Qualified(_, name) | Expr::Field(_, name), .. } => Some(name),
            _ => None,
        };
        let column = name.and_then(|name| relation.columns.iter().position(|column| column.name == name.0));
        column.unwrap_or(usize::MAX)
    };
    query.items.sort_by_key(place);
}

/// Takes over the properties that are in force and that the new statement does not name; says which cannot change.
fn take_over(wanted: &mut Wanted, stored: &[Property]) -> Vec<String> {
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

/// What must stay as it is and does not.
fn fixed(running: &Normal, ours: &Normal) -> Vec<String> {
    let mut reasons = Vec::new();
    if running.from != ours.from {
        reasons.push(format!("it reads from `{}` and cannot change to `{}`", running.from.0, ours.from.0));
    }
    if running.partition_by != ours.partition_by {
        reasons.push("PARTITION BY cannot change".to_owned());
    }
    reasons
}

fn changes(running: &Normal, ours: &Normal) -> Vec<Change> {
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
fn same_columns(relation: &Relation, ours: Option<&Normal>) -> bool {
    ours.is_some_and(|ours| relation.columns.iter().all(|column| ours.item(&column.name).is_some()))
}

/// What ksqlDB has against these new columns in the place of the old ones.
fn columns(old: &Relation, new: &Relation) -> Vec<String> {
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

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Stream => "stream",
        Kind::Table => "table",
    }
}

/// What there is to say about a query that should run.
fn state_of(query: Option<&Running>) -> Option<String> {
    let query = query?;
    if query.counts.get("PAUSED").is_some_and(|count| *count > 0) {
        return Some(format!("the query {} is paused: `RESUME {};` lets it go on", query.id, query.id));
    }
    match query.state.as_deref() {
        Some("RUNNING") | None => None,
        Some(state) => Some(format!("the query {} is in the state {state}", query.id)),
    }
}

/// The columns of a statement that the server has not seen, without their types.
fn untyped(wanted: &Wanted, source: &Relation) -> Relation {
    let items = normal(&wanted.query, Some(source)).items;
    let column = |(name, expr): (Name, Expr)| {
        let same = matches!(&expr, Expr::Column(column) if *column == name);
        let found = source.column(name.as_str()).filter(|_| same);
        found.cloned().unwrap_or(Column { name: name.0, ty: Type::Double, key: None })
    };
    Relation { name: wanted.name.0.clone(), kind: wanted.kind, columns: items.into_iter().map(column).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_names() {
        assert_eq!(next_version("SCORED", &[]), "SCORED_V2");
        assert_eq!(next_version("SCORED", &["SCORED_V2", "SCORED_V3"]), "SCORED_V4");
        assert_eq!(next_version("SCORED_V2", &["SCORED_V2"]), "SCORED_V3");
        assert_eq!(next_version("A_VALUE", &[]), "A_VALUE_V2");
        assert_eq!(next_version("_V7", &[]), "_V7_V2");
    }
}
