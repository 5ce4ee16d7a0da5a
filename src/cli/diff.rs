//! `diff`: what changed between two models, with their SQL and their results on rows.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::args::diff::Diff;
use super::args::score::{Names, Score as ScoreArguments};
use super::args::{DiagnosticOptions, Format};
use super::rows::Layout;
use super::score::{self, Table};
use super::session::Session;
use crate::api::selected;
use crate::build;
use crate::compile::{self, Options};
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::{Diagnostic, Failed};
use crate::diff::{difference, significant};
use crate::lower;
use crate::model::{Graph, Role};
use crate::schema::Type;
use crate::sql::eval::Value;

/// One of the two models.
struct Side {
    graph: Graph,
    sql: String,
}

/// Compares two models.
pub(super) fn run(args: &Diff, session: &mut Session) -> Result<(), Failed> {
    let since = session.report.len();
    session.one_stdin("the models", &args.old, Some(&args.new))?;
    let (old, new) = (side(&args.old, args, session), side(&args.new, args, session));
    session.report.check(since)?;
    let (old, new) = (old?, new?);
    let models = difference(&old.graph, &new.graph);
    let (old_name, new_name) = (args.old.display().to_string(), args.new.display().to_string());
    let sql = build::difference((&old_name, &old.sql), (&new_name, &new.sql));
    let rows = match &args.input {
        Some(input) => Some(rows(input, args, [&old.graph, &new.graph], session)?),
        None => None,
    };
    let text = match args.format {
        Format::Json => {
            let all = serde_json::json!({"old": old_name, "new": new_name, "models": models, "sql": sql, "rows": rows});
            format!("{all:#}\n")
        }
        Format::Text | Format::Github => {
            let mut text = models.text(args.most);
            if !sql.is_empty() {
                text += &format!("SQL\n{sql}\n");
            }
            text += &rows.as_ref().map(Moves::text).unwrap_or_default();
            if text.is_empty() { "nothing changed\n".to_owned() } else { text }
        }
    };
    session.write(None, text.as_bytes())
}

fn side(path: &Path, args: &Diff, session: &mut Session) -> Result<Side, Failed> {
    let (name, bytes) = session.read(path)?;
    let graph = session.load(&name, bytes, &args.subject.model)?;
    let bind = args.subject.bind_options(args.source.from.as_deref(), session)?;
    let lower = args.subject.lower_options();
    let options = Options {
        bind,
        lower,
        strict: args.subject.results.strict,
        limits: false,
        verify: false,
        dialect: args.subject.dialect(),
        ..Options::default()
    };
    let sql = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?.text;
    Ok(Side { graph, sql })
}

/// How the results of rows move.
#[derive(Serialize)]
struct Moves {
    rows: usize,
    columns: Vec<Moved>,
    /// Columns that only one of the models has.
    removed: Vec<String>,
    added: Vec<String>,
}

/// How the values of a column move.
#[derive(Serialize)]
struct Moved {
    column: String,
    /// Rows with another value.
    moved: usize,
    /// Of numbers the largest and the mean distance.
    largest: Option<f64>,
    mean: Option<f64>,
    /// Rows where only one of both is NULL.
    nulls: usize,
    /// Of other values: what becomes what, and how often; the most frequent first.
    flips: Vec<(String, String, usize)>,
}

fn rows(input: &Path, args: &Diff, graphs: [&Graph; 2], session: &mut Session) -> Result<Moves, Failed> {
    if input.as_os_str() == "-" {
        let message = "the rows are read for both models, so not from standard input";
        return Err(session.report.fail(Diagnostic::new(&BAD_OPTIONS, message).help("give them as a file")));
    }
    let mut subject = args.subject.clone();
    let both = |role| graphs.iter().all(|graph| graph.output(role).is_some());
    let lower::Options { select, probabilities, contributions, reasons, .. } = args.subject.lower_options();
    let nothing_said = select.is_empty() && (probabilities, contributions, reasons) == (None, None, None);
    // a label may stay where its probability moves: both are wanted
    if nothing_said && both(Role::Label) && both(Role::Probabilities) {
        subject.results.select.extend(selected("label,probability"));
    }
    let one = |model: &Path| ScoreArguments {
        model: model.to_owned(),
        input: input.to_owned(),
        format: Layout::Csv,
        diagnostics: DiagnosticOptions { format: args.format },
        names: Names::Sql,
        subject: subject.clone(),
        source: args.source.clone(),
    };
    let since = session.report.len();
    let (old, new) = (score::table(&one(&args.old), session), score::table(&one(&args.new), session));
    session.report.check(since)?;
    let (old, new) = (old?, new?);
    let only = |here: &Table, there: &Table| -> Vec<String> {
        let names = here.columns.iter().map(|(name, _)| name);
        names.filter(|name| there.columns.iter().all(|(other, _)| other != *name)).cloned().collect()
    };
    let mut columns = Vec::new();
    for (position, (name, ty)) in new.columns.iter().enumerate() {
        let Some(before) = old.columns.iter().position(|(other, _)| other == name) else { continue };
        let pairs = old.rows.iter().zip(&new.rows).map(|(a, b)| (&a[before], &b[position]));
        columns.push(moved(name, ty, pairs));
    }
    Ok(Moves { rows: new.rows.len(), columns, removed: only(&old, &new), added: only(&new, &old) })
}

fn moved<'a>(name: &str, ty: &Type, pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Moved {
    let mut found = Moved { column: name.to_owned(), moved: 0, largest: None, mean: None, nulls: 0, flips: Vec::new() };
    let mut flips: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut sum, mut numbers) = (0.0, 0_usize);
    for (old, new) in pairs {
        let same = old.java_equals(new);
        found.moved += usize::from(!same);
        match (old, new) {
            (Value::Double(old), Value::Double(new)) if (old - new).is_finite() => {
                let distance = (old - new).abs();
                found.largest = Some(found.largest.unwrap_or(0.0).max(distance));
                sum += distance;
                numbers += 1;
            }
            _ if same => {}
            (Value::Null, _) | (_, Value::Null) => found.nulls += 1,
            _ => *flips.entry((old.text(ty), new.text(ty))).or_default() += 1,
        }
    }
    found.mean = found.largest.map(|_| sum / numbers as f64);
    found.flips = flips.into_iter().map(|((old, new), count)| (old, new, count)).collect();
    found.flips.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
    found
}

impl Moves {
    fn text(&self) -> String {
        let mut text = format!("rows\n  {} rows\n", self.rows);
        for it in &self.columns {
            text += &format!("  {}: {} move", it.column, it.moved);
            if let (Some(largest), Some(mean)) = (it.largest, it.mean) {
                text += &format!(", by {} at most, {} on average", significant(largest, 3), significant(mean, 3));
            }
            if it.nulls > 0 {
                text += &format!(", {} of them from or to NULL", it.nulls);
            }
            text.push('\n');
            for (old, new, count) in &it.flips {
                text += &format!("    {old} becomes {new}: {count}\n");
            }
        }
        self.removed.iter().for_each(|name| text += &format!("  {name}: only the old model has it\n"));
        self.added.iter().for_each(|name| text += &format!("  {name}: only the new model has it\n"));
        text
    }
}
