//! From a statement and what the server has of it to what is to be done.

use super::{Action, Change, Reason, Step, next_version, read, replace, retire};
use crate::deploy::Fault;
use crate::deploy::api::{Answer, Description, Running};
use crate::deploy::normal::{Normal, normal};
use crate::deploy::release::Meaning;
use crate::deploy::talk::{Known, Talk};
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::{Diagnostic, Failed, Report};
use crate::schema::{Column, Key, Kind, Relation, Type};
use crate::sql::ast::{Expr, Name, Property, Query, Statement};
use crate::sql::eval;
use crate::sql::print::{self, Style};
use crate::syntax;

/// What each statement needs.
pub(in crate::deploy) fn steps(
    statements: &[Statement],
    style: Style,
    talk: &mut Talk<'_>,
) -> Result<Vec<Step>, Failed> {
    let mut planner = Planner { talk, style, made: Vec::new() };
    let last = statements.len().saturating_sub(1);
    statements.iter().enumerate().map(|(number, statement)| planner.step(statement, number == last)).collect()
}

/// What an earlier statement of the plan makes.
struct Made {
    relation: Relation,
    /// Its types are known.
    typed: bool,
    /// The server does not have it like this yet.
    pending: bool,
}

/// What a statement reads from.
struct Source {
    relation: Relation,
    typed: bool,
    pending: bool,
    /// Made by a statement of the same plan: nothing else is in it.
    own: bool,
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
pub(super) struct Wanted {
    kind: Kind,
    name: Name,
    pub(super) with: Vec<Property>,
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
    fn step(&mut self, statement: &Statement, last: bool) -> Result<Step, Failed> {
        let Statement::CreateAs { kind, name, with, query, .. } = statement else {
            let message = "only CREATE STREAM AS and CREATE TABLE AS can be deployed";
            let found = Diagnostic::new(&BAD_OPTIONS, message).help("name a source and a sink: `--from`, `--into`");
            return Err(self.talk.report.fail(found));
        };
        let mut wanted = Wanted { kind: *kind, name: name.clone(), with: with.clone(), query: query.clone() };
        let source = self.source(query.from.as_str())?;
        let known = self.talk.describe(name.as_str())?;
        let mut step = Step::new(name.as_str(), *kind, query.from.as_str(), Action::Create);
        step.earliest = source.own;
        let relation = match known {
            None => {
                step.sql = print::statement(&wanted.statement(false), self.style);
                match source.pending {
                    true => typed(&wanted, &source),
                    false => Some(self.explain(&step.sql, &wanted)?),
                }
            }
            Some(known) => {
                replace::arrange(&mut wanted.query, &known.relation);
                self.compare(&mut wanted, &known, &source, last, &mut step)?
            }
        };
        if source.pending && !matches!(step.action, Action::Nothing | Action::Refused(_)) {
            step.notes.push(format!("not tried out on the server, since `{}` is not there yet", step.from));
        }
        let pending = !matches!(step.action, Action::Nothing);
        self.made.push(match relation {
            Some(relation) => Made { relation, typed: true, pending },
            None => Made { relation: untyped(&wanted, &source.relation), typed: false, pending },
        });
        Ok(step)
    }

    fn source(&mut self, name: &str) -> Result<Source, Failed> {
        if let Some(made) = self.made.iter().find(|made| made.relation.name == name) {
            let (relation, typed, pending) = (made.relation.clone(), made.typed, made.pending);
            return Ok(Source { relation, typed, pending, own: true });
        }
        Ok(Source { relation: self.talk.known(name)?.relation, typed: true, pending: false, own: false })
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

    /// What has to be done about a stream that is there. Its columns then, if they are known.
    fn compare(
        &mut self,
        wanted: &mut Wanted,
        known: &Known,
        source: &Source,
        last: bool,
        step: &mut Step,
    ) -> Result<Option<Relation>, Failed> {
        let Known { description, relation } = known;
        let name = wanted.name.0.clone();
        let readers = self.talk.readers(description)?.into_iter().collect::<Vec<_>>().join(", ");
        let mut reasons = Vec::new();
        let stored = read(&description.statement);
        let (with, running) = match &stored {
            Some(Statement::CreateAs { with, query, .. }) => {
                (with.clone(), Some(normal(query, Some(&source.relation))))
            }
            _ => (Vec::new(), None),
        };
        let ours = reread(&wanted.statement(true), self.style, &source.relation);
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
        reasons.extend(replace::take_over(wanted, &with));
        let mut switch = None;
        if let (Some(running), Some(ours)) = (&running, &ours) {
            if running.partition_by != ours.partition_by {
                reasons.push("PARTITION BY cannot change".to_owned());
            }
            if running.from != ours.from {
                match other_source(running, ours, description, &readers, source) {
                    Ok(anew) => switch = anew.then(|| running.from.0.clone()),
                    Err(reason) => reasons.push(reason),
                }
            }
            step.changes = replace::changes(running, ours);
        }
        if description.writers.is_empty() && running.is_some() {
            step.changes.push(Change::Stopped);
        }
        step.sql = print::statement(&wanted.statement(true), self.style);
        if reasons.is_empty()
            && switch.is_none()
            && step.changes.is_empty()
            && replace::same_columns(relation, ours.as_ref())
        {
            step.action = Action::Nothing;
            step.notes.extend(state_of(step.query.as_ref()));
            return Ok(Some(relation.clone()));
        }
        if !last && step.changes.iter().any(|change| *change != Change::Stopped) {
            reasons.push(format!("`{name}` is called after its content and has another"));
        }
        let mut result = None;
        if reasons.is_empty() {
            result = match source.pending {
                true => typed(wanted, source),
                false => Some(self.types(wanted)?),
            };
        }
        match (&result, &ours) {
            (Some(new), _) => reasons.extend(replace::columns(relation, new)),
            (None, Some(ours)) if running.is_some() => {
                let gone = relation.columns.iter().filter(|column| ours.item(&column.name).is_none());
                reasons.extend(gone.map(|column| format!("the column `{}` would be dropped", column.name)));
            }
            _ => {}
        }
        if reasons.is_empty() && !source.pending && switch.is_none() {
            match self.opinion(&step.sql)? {
                Opinion::Fine => {}
                Opinion::Against(why) => reasons.push(why),
                Opinion::Unknown(why) => step.notes.push(format!("the server cannot explain it beforehand: {why}")),
            }
        }
        if !reasons.is_empty() {
            let free = self.free_name(&name)?;
            let advice = format!("deploy under a new name: `--into {free}`; what reads `{name}` can move over later");
            let reason = |what| Reason { what, advice: advice.clone() };
            step.action = Action::Refused(reasons.into_iter().map(reason).collect());
            return Ok(result);
        }
        step.action = match switch {
            Some(from) => {
                step.before.push(retire::drop(&name, wanted.kind, false));
                Action::Switch(from)
            }
            None => Action::Replace,
        };
        if !readers.is_empty() {
            step.notes.push(format!("read by {readers}"));
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
        Ok(if refusal.status == 400 || refusal.says(Meaning::TooDeep) {
            Opinion::Against(format!("the server says: {message}"))
        } else if refusal.says(Meaning::WouldReplace) {
            Opinion::Fine
        } else {
            Opinion::Unknown(message.to_owned())
        })
    }

    /// `NAME_V2`, or the first such name that is free.
    fn free_name(&mut self, name: &str) -> Result<String, Failed> {
        let names = self.talk.names()?;
        let taken: Vec<&str> = names.iter().map(String::as_str).collect();
        Ok(next_version(name, &taken))
    }
}

/// How a sink comes to read from another stream: made anew, or in place, or why not. While a query writes it, ksqlDB lets
/// it not change its source.
fn other_source(
    running: &Normal,
    ours: &Normal,
    description: &Description,
    readers: &str,
    source: &Source,
) -> Result<bool, String> {
    let (from, to) = (&running.from.0, &ours.from.0);
    match (description.writers.is_empty(), readers.is_empty()) {
        // a stream that was there before would be read from its beginning, or rows be lost between
        (false, _) if !source.own => Err(format!("it reads from `{from}` and cannot change to `{to}`")),
        (_, true) => Ok(true),
        (true, false) => Ok(false),
        (false, false) => Err(format!(
            "it would be made anew, since it reads from `{from}` and is to read from `{to}`, but is read by {readers}"
        )),
    }
}

/// Ours as the server's reader would see it: the text, read.
fn reread(statement: &Statement, style: Style, source: &Relation) -> Option<Normal> {
    match read(&print::statement(statement, style)) {
        Some(Statement::CreateAs { query, .. }) => Some(normal(&query, Some(source))),
        _ => None,
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
    match query.state() {
        "RUNNING" | "UNKNOWN" => None,
        "PAUSED" => Some(format!("the query {} is paused: `RESUME {};` lets it go on", query.id, query.id)),
        state => Some(format!("the query {} is in the state {state}", query.id)),
    }
}

/// The columns of a statement whose source the server does not have yet, by ksqlDB's rules for types.
fn typed(wanted: &Wanted, source: &Source) -> Option<Relation> {
    if !source.typed {
        return None;
    }
    let query = normal(&wanted.query, Some(&source.relation));
    let mut unheard = Report::new();
    let mut columns = Vec::new();
    for (name, expr) in query.items {
        let kept = match &expr {
            Expr::Column(name) => source.relation.column(name.as_str()),
            _ => None,
        };
        let ty = match kept {
            Some(column) => column.ty.clone(),
            None => eval::type_of(&expr, &source.relation, &mut unheard).ok()?,
        };
        let key = match query.partition_by.is_empty() {
            true => kept.and_then(|column| column.key.clone()),
            false => query.partition_by.contains(&expr).then_some(Key::Key),
        };
        columns.push(Column { name: name.0, ty, key });
    }
    Some(Relation { name: wanted.name.0.clone(), kind: wanted.kind, columns })
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
