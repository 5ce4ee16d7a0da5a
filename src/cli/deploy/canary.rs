//! `compare`, `promote` and `abort`: a candidate that runs beside the current model, into a stream of its own.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use serde_json::json;
use serde_json::value::RawValue;

use super::super::args::Format;
use super::super::args::deploy::{Abort, Compare, Promote};
use super::super::server;
use super::super::session::Session;
use super::{carry_out, confirmed, record, refuse, show, status, stored, talk, undo};
use crate::deploy::history::{self, Entry, Role};
use crate::deploy::normal::normal;
use crate::deploy::plan::{plan, read};
use crate::deploy::query::{End, Limits, Query, Sink, run};
use crate::deploy::talk::{Known, quoted};
use crate::deploy::{Client, Endpoint, Fault, Properties, frames};
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::codes::deploy::NOT_DEPLOYED;
use crate::diag::{Diagnostic, Failed};
use crate::sql::ast::{Expr, Name, Statement};
use crate::sql::print::{self, Style};

/// What a candidate's streams are called after.
const SUFFIX: &str = "_SHADOW";

/// The name of the stream that a candidate writes.
pub(super) fn shadow(name: &str) -> String {
    format!("{name}{SUFFIX}")
}

/// Reads the rows of both and reports where they differ.
pub(in crate::cli) fn compare(args: &Compare, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = stored(&args.name, session)?;
    let other = shadow(&name);
    let (current, candidate) = (deployed(&name, &client, session)?, deployed(&other, &client, session)?);
    let (left, right) = (columns(&current, &client, session)?, columns(&candidate, &client, session)?);
    // what both pass through from the source, and when it came, says which rows belong together
    let key: Vec<String> = left.kept.iter().filter(|column| right.kept.contains(column)).cloned().collect();
    let scores: Vec<String> = left.scores.iter().filter(|column| right.scores.contains(column)).cloned().collect();
    if scores.is_empty() {
        let message = format!("`{name}` and `{other}` have no computed column in common");
        return Err(session
            .report
            .fail(Diagnostic::new(&BAD_OPTIONS, message).help("apply both with the same `--select`")));
    }
    let mut difference = Difference { key, scores, ..Difference::default() };
    let limit = args.rows;
    let rows = rows(&name, &left, &difference, limit, &client, session)?;
    let shadows = self::rows(&other, &right, &difference, limit, &client, session)?;
    difference.compare(rows, shadows);
    let text = match args.format {
        Format::Text | Format::Github => difference.text(&name, &other),
        Format::Json => difference.json(),
    };
    session.write(None, text.as_bytes())
}

/// Makes the candidate the current model, in place, and drops its own streams.
pub(in crate::cli) fn promote(args: &Promote, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = stored(&args.name, session)?;
    let other = shadow(&name);
    let entries = history::entries(Some(&other), &mut talk(&client, session))?;
    let candidate = match entries.last() {
        Some(last) if last.action != "drop" => last.clone(),
        _ => return Err(status::unknown(&other, session)),
    };
    let statements: Vec<Statement> = candidate.statements.iter().filter_map(|text| read(text)).collect();
    let statements = renamed(statements, &other, &name);
    let plan = plan(&statements, Style::default(), &mut talk(&client, session))?;
    session.write(None, show::text(&plan, client.server(), false).as_bytes())?;
    refuse(&plan, session)?;
    if args.carry.dry_run || !confirmed(&args.carry, "Make it the current model?", session)? {
        return Ok(());
    }
    carry_out(&plan, &Properties::new(), &args.carry, &client, session)?;
    let entry = Entry {
        sink: name,
        action: "apply".to_owned(),
        restores: None,
        statements: plan.steps.iter().map(|step| step.sql.clone()).collect(),
        ..candidate
    };
    record(entry, &args.carry, &client, session);
    undo::drop_entries(&other, &entries, true, &args.carry, &client, session)
}

/// Drops the candidate's streams and topics.
pub(in crate::cli) fn abort(args: &Abort, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = shadow(&stored(&args.name, session)?);
    let entries = history::entries(Some(&name), &mut talk(&client, session))?;
    if !confirmed(&args.carry, &format!("Drop {name} and its topic?"), session)? {
        return Ok(());
    }
    undo::drop_entries(&name, &entries, true, &args.carry, &client, session)
}

/// The statements of the candidate as those of the current model: what they create is called after it. What they only read
/// keeps its name, whatever that begins with.
fn renamed(mut statements: Vec<Statement>, from: &str, to: &str) -> Vec<Statement> {
    let created: Vec<Name> = statements.iter().filter_map(created).cloned().collect();
    let rename = |name: &mut Name| {
        if let Some(rest) = name.0.strip_prefix(from).filter(|_| created.contains(name)) {
            *name = Name(format!("{to}{rest}"));
        }
    };
    for statement in &mut statements {
        if let Statement::CreateAs { name, with, query, .. } = statement {
            // the candidate's topic is its own
            with.retain(|(property, _)| property.as_str() != "KAFKA_TOPIC");
            rename(name);
            rename(&mut query.from);
            query.from_alias.as_mut().map(rename);
        }
    }
    statements
}

/// What a statement creates.
fn created(statement: &Statement) -> Option<&Name> {
    match statement {
        Statement::CreateAs { name, .. } => Some(name),
        _ => None,
    }
}

pub(super) fn deployed(name: &str, client: &Client, session: &mut Session) -> Result<Known, Failed> {
    match talk(client, session).describe(name)? {
        Some(known) => Ok(known),
        None => {
            let message = format!("there is no stream `{name}`");
            let help = match name.ends_with(SUFFIX) {
                true => "`m2ksql apply --shadow` runs a candidate beside the current model",
                false => "`m2ksql status` lists what was applied",
            };
            Err(session.report.fail(Diagnostic::new(&NOT_DEPLOYED, message).help(help)))
        }
    }
}

/// The columns of a stream by what they are: passed through, or computed by a model.
#[derive(Default)]
pub(super) struct Computed {
    kept: Vec<String>,
    scores: Vec<String>,
    /// The column that says which model, and what it says now.
    pub(super) model: Option<(String, String)>,
}

/// What the columns of a stream are, by the history.
fn columns(known: &Known, client: &Client, session: &mut Session) -> Result<Computed, Failed> {
    let entries = history::entries(Some(&known.relation.name), &mut talk(client, session))?;
    Ok(computed(known, entries.iter().rfind(|entry| entry.action != "drop")))
}

/// What the columns of a stream are, by the entry of what runs; without one by how they are computed.
pub(super) fn computed(known: &Known, entry: Option<&Entry>) -> Computed {
    let mut found = Computed::default();
    let Some(Statement::CreateAs { query, .. }) = read(&known.description.statement) else { return found };
    let recorded = entry.map(|entry| entry.columns.as_slice()).unwrap_or_default();
    for (name, expr) in normal(&query, None).items {
        let role = match recorded.iter().find(|column| column.name == name.0) {
            Some(column) => column.role,
            // appended to another version of the model
            None if !recorded.is_empty() => Role::Other,
            None => match &expr {
                Expr::Column(_) | Expr::Field(..) => Role::Kept,
                Expr::String(_) => Role::Model,
                _ => Role::Result,
            },
        };
        match (role, expr) {
            (Role::Kept, _) => found.kept.push(name.0),
            (Role::Result, _) => found.scores.push(name.0),
            (Role::Model, Expr::String(text)) => found.model = Some((name.0, text)),
            (Role::Model | Role::Other, _) => {}
        }
    }
    found
}

/// Rows by key: of each the computed columns.
type Rows = BTreeMap<Vec<String>, Vec<String>>;

fn rows(
    name: &str,
    columns: &Computed,
    difference: &Difference,
    limit: u64,
    client: &Client,
    session: &mut Session,
) -> Result<Rows, Failed> {
    let names = difference.key.iter().chain(&difference.scores).map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    // only what the model that runs now has scored
    let filter =
        columns.model.as_ref().map(|(column, text)| format!(" WHERE {} = {}", quoted(column), print::string(text)));
    let filter = filter.unwrap_or_default();
    let sql = format!("SELECT ROWTIME AS ROWTIME_, {names} FROM {}{filter}", quoted(name));
    let properties = Properties::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]);
    let mut found = Found { key: difference.key.len() + 1, rows: Rows::new() };
    let limits = Limits { rows: Some(limit), idle: Some(Duration::from_secs(3)), ..Limits::default() };
    let mut query = Query { sql: format!("{sql};"), properties, through: Endpoint::Query };
    let mut end = run(client, &query, limits, &mut found).end;
    // servers before 7.1 answer this question about tables only
    if matches!(&end, End::NoAnswer(Fault::Refused(refusal)) if refusal.status == 400) {
        query.sql = format!("{sql} EMIT CHANGES;");
        end = run(client, &query, limits, &mut found).end;
    }
    match end {
        End::Complete(_) | End::Enough | End::Idle(_) => Ok(found.rows),
        End::NoAnswer(fault) => Err(talk(client, session).fail(&fault, Some(&query.sql))),
        other => {
            let message = format!("the rows of `{name}` break off: {other:?}");
            Err(session.report.fail(Diagnostic::new(&crate::diag::codes::server::CUT, message)))
        }
    }
}

struct Found {
    key: usize,
    rows: Rows,
}

impl Sink for Found {
    fn columns(&mut self, _: &[frames::Column]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[&RawValue]) -> io::Result<()> {
        let texts: Vec<String> = values.iter().map(|value| value.get().to_owned()).collect();
        let (key, scores) = texts.split_at(self.key.min(texts.len()));
        self.rows.insert(key.to_vec(), scores.to_vec());
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        false
    }
}

/// Where two streams of scored rows differ.
#[derive(Default)]
struct Difference {
    key: Vec<String>,
    scores: Vec<String>,
    rows: u64,
    only_current: u64,
    only_shadow: u64,
    columns: Vec<Column>,
}

/// Where one column differs.
#[derive(Clone, Default)]
struct Column {
    /// Rows with another value.
    differ: u64,
    /// Rows where one of both is NULL.
    null: u64,
    /// Of numbers with a fraction: how many, the sum and the largest of the differences.
    numbers: u64,
    sum: f64,
    largest: f64,
    /// How often one value becomes another; of values that are no such numbers.
    flips: BTreeMap<(String, String), u64>,
}

impl Difference {
    fn compare(&mut self, current: Rows, mut shadow: Rows) {
        self.columns = vec![Column::default(); self.scores.len()];
        for (key, left) in current {
            let Some(right) = shadow.remove(&key) else {
                self.only_current += 1;
                continue;
            };
            self.rows += 1;
            for (column, (left, right)) in self.columns.iter_mut().zip(left.into_iter().zip(right)) {
                column.differ += u64::from(left != right);
                column.null += u64::from((left == "null") != (right == "null"));
                match (fraction(&left), fraction(&right)) {
                    (Some(left), Some(right)) => {
                        column.numbers += 1;
                        column.sum += (left - right).abs();
                        column.largest = column.largest.max((left - right).abs());
                    }
                    _ if left != right => *column.flips.entry((left, right)).or_default() += 1,
                    _ => {}
                }
            }
        }
        self.only_shadow = shadow.len() as u64;
    }

    fn text(&self, name: &str, other: &str) -> String {
        // writing to a String cannot fail
        let mut text = format!("{} rows in both, by {} and time\n", self.rows, list(&self.key));
        let _ = writeln!(text, "{} only in {name}, {} only in {other}", self.only_current, self.only_shadow);
        for (name, column) in self.scores.iter().zip(&self.columns) {
            let share = if self.rows > 0 { 100.0 * column.differ as f64 / self.rows as f64 } else { 0.0 };
            let _ = writeln!(text, "\n{name}: {} differ ({share:.1} %)", column.differ);
            if column.null > 0 {
                let _ = writeln!(text, "  {} NULL in one of both", column.null);
            }
            if column.numbers > 0 {
                let mean = column.sum / column.numbers as f64;
                let _ = writeln!(text, "  difference {mean:.6} on average, {:.6} at most", column.largest);
            }
            for ((from, to), count) in &column.flips {
                let _ = writeln!(text, "  {from} becomes {to}: {count}");
            }
        }
        text
    }

    fn json(&self) -> String {
        let columns: Vec<serde_json::Value> = (self.scores.iter().zip(&self.columns))
            .map(|(name, column)| {
                let flips: Vec<_> = column
                    .flips
                    .iter()
                    .map(|((from, to), count)| json!({"from": from, "to": to, "rows": count}))
                    .collect();
                let mean = if column.numbers > 0 { Some(column.sum / column.numbers as f64) } else { None };
                json!({"column": name, "differ": column.differ, "null": column.null, "mean": mean,
                    "largest": (column.numbers > 0).then_some(column.largest), "flips": flips})
            })
            .collect();
        let all = json!({"rows": self.rows, "only_current": self.only_current, "only_shadow": self.only_shadow,
            "key": self.key, "columns": columns});
        format!("{all:#}\n")
    }
}

/// A number that a server writes as a DOUBLE: with a point or an exponent.
fn fraction(text: &str) -> Option<f64> {
    text.contains(['.', 'E', 'e']).then(|| text.parse().ok()).flatten()
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_by_column() {
        let rows = |list: &[(&str, &str, &str)]| -> Rows {
            let row =
                |(key, p, label): &(&str, &str, &str)| (vec![key.to_string()], vec![p.to_string(), label.to_string()]);
            list.iter().map(row).collect()
        };
        let mut found = Difference { scores: vec!["P".into(), "LABEL".into()], ..Difference::default() };
        found.compare(
            rows(&[("1", "0.5", "1"), ("2", "1.0E-5", "0"), ("3", "0.25", "0"), ("4", "0.5", "null")]),
            rows(&[("1", "0.25", "0"), ("2", "1.0E-5", "0"), ("4", "0.5", "1"), ("5", "0.5", "1")]),
        );
        assert_eq!((found.rows, found.only_current, found.only_shadow), (3, 1, 1));
        let p = &found.columns[0];
        assert_eq!((p.differ, p.numbers, p.sum, p.largest, p.flips.len()), (1, 3, 0.25, 0.25, 0));
        let label = &found.columns[1];
        assert_eq!((label.differ, label.null, label.numbers), (2, 1, 0));
        assert_eq!(label.flips[&("1".to_owned(), "0".to_owned())], 1);
        assert!(found.text("A", "A_SHADOW").contains("  1 becomes 0: 1\n"));
    }

    #[test]
    fn a_candidate_becomes_the_current_model() {
        let read = |text: &str| -> Vec<Statement> {
            text.split_inclusive(';').map(|text| super::read(text.trim()).unwrap()).collect()
        };
        let candidate = read(
            "CREATE STREAM T_SHADOW_S1_A AS SELECT X AS Z FROM T_SHADOW_RAW; CREATE OR REPLACE STREAM T_SHADOW WITH \
             (KAFKA_TOPIC = 'T_SHADOW', PARTITIONS = 1) AS SELECT Z FROM T_SHADOW_S1_A;",
        );
        let current = read(
            "CREATE STREAM T_S1_A AS SELECT X AS Z FROM T_SHADOW_RAW; CREATE OR REPLACE STREAM T WITH (PARTITIONS = 1) AS \
             SELECT Z FROM T_S1_A;",
        );
        assert_eq!(renamed(candidate, "T_SHADOW", "T"), current);
    }

    #[test]
    fn columns_are_what_the_history_says_they_are() {
        use crate::deploy::history::Column;
        let statement = "CREATE STREAM T AS SELECT ID, X PREDICTION, 'yes' LABEL, 'sha256:00' MODEL, CAST(NULL AS DOUBLE) \
                         GONE FROM S;";
        let description = crate::deploy::api::Description { statement: statement.into(), ..Default::default() };
        let relation =
            crate::schema::Relation { name: "T".into(), kind: crate::schema::Kind::Stream, columns: Vec::new() };
        let known = Known { description, relation };
        let entry = Entry {
            columns: [
                ("ID", Role::Kept),
                ("PREDICTION", Role::Result),
                ("LABEL", Role::Result),
                ("MODEL", Role::Model),
            ]
            .map(|(name, role)| Column { name: name.into(), role })
            .into(),
            ..Entry::default()
        };
        let found = computed(&known, Some(&entry));
        assert_eq!(
            (found.kept, found.scores),
            (vec!["ID".to_owned()], vec!["PREDICTION".to_owned(), "LABEL".to_owned()])
        );
        assert_eq!(found.model, Some(("MODEL".to_owned(), "sha256:00".to_owned())));
        // an entry of an earlier version: by how the columns are computed
        let found = computed(&known, Some(&Entry::default()));
        assert_eq!(
            (found.kept, found.scores),
            (vec!["ID".to_owned(), "PREDICTION".to_owned()], vec!["GONE".to_owned()])
        );
    }
}
