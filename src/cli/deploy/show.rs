//! A plan as people and programs read it.

use std::fmt::Write;

use serde_json::json;

use crate::deploy::plan::{Action, Change, Plan, Step};
use crate::sql::ast::Expr;
use crate::sql::print::{self, Style};

/// Lines of a statement that are shown where it is not asked for in full.
const SHOWN: usize = 24;

/// For people.
pub(super) fn text(plan: &Plan, server: &str, full: bool) -> String {
    let mut out = format!("ksqlDB {} at {server}\n", plan.version);
    for step in &plan.steps {
        one(step, full, &mut out);
    }
    let count = |wanted: fn(&Action) -> bool| plan.steps.iter().filter(|step| wanted(&step.action)).count();
    let counts = [
        (count(|action| *action == Action::Create), "to create"),
        (count(|action| *action == Action::Replace), "to replace in place"),
        (count(|action| matches!(action, Action::Switch(_))), "to make anew"),
        (count(|action| matches!(action, Action::Drop { .. })), "to drop"),
        (count(|action| *action == Action::Nothing), "unchanged"),
        (count(|action| matches!(action, Action::Refused(_))), "refused"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
    out.push_str(&format!("\n{}\n", counts.join(", ")));
    out
}

/// One statement. Writing to a String cannot fail.
fn one(step: &Step, full: bool, out: &mut String) {
    let runs = step.query.as_ref().map_or(String::new(), |query| format!(", query {}", query.id));
    let head = match &step.action {
        Action::Create => format!("create     {} from {}", step.name, step.from),
        Action::Replace => format!("replace    {} in place{runs}", step.name),
        Action::Switch(from) => format!("make anew  {} from {} instead of {from}{runs}", step.name, step.from),
        Action::Drop { topic, deleted: true } => format!("drop       {} and its topic {topic}{runs}", step.name),
        Action::Drop { topic, deleted: false } => format!("drop       {} but keep its topic {topic}{runs}", step.name),
        Action::Nothing => format!("unchanged  {}{runs}", step.name),
        Action::Refused(_) => format!("refused    {}{runs}", step.name),
    };
    let _ = writeln!(out, "\n{head}");
    if let Action::Refused(reasons) = &step.action {
        for reason in reasons {
            let _ = writeln!(out, "  {}", reason.what);
        }
    }
    for change in &step.changes {
        match change {
            Change::Column { name, before: None, after } => {
                let _ = writeln!(out, "  {name} is new");
                difference(None, Some(after), out);
            }
            Change::Column { name, before, after } => {
                let _ = writeln!(out, "  {name}");
                difference(before.as_ref(), Some(after), out);
            }
            Change::Filter { before, after } => {
                let _ = writeln!(out, "  WHERE");
                difference(before.as_ref(), after.as_ref(), out);
            }
            Change::Stopped => {
                let _ = writeln!(
                    out,
                    "  no query writes it any more: a new one takes the rows that come from now on; rows that came meanwhile \
                     only `apply --from-beginning` scores, and with them again those that were scored before"
                );
            }
        }
    }
    for note in &step.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    if let Action::Switch(_) = step.action {
        let _ = writeln!(
            out,
            "  its query goes on until it has read what was there when the new source began; then the stream is made anew \
             over its topic, which stays. No row is lost; rows that come meanwhile are scored by both models."
        );
    }
    let shown = match step.action {
        Action::Create => true,
        Action::Replace | Action::Switch(_) => full,
        Action::Nothing | Action::Refused(_) | Action::Drop { .. } => false,
    };
    if shown {
        let lines: Vec<&str> = step.sql.lines().collect();
        let limit = if full { lines.len() } else { SHOWN };
        for line in lines.iter().take(limit) {
            let _ = writeln!(out, "  {line}");
        }
        if lines.len() > limit {
            let _ = writeln!(out, "  … {} more lines; `--sql` shows them", lines.len() - limit);
        }
    }
}

/// Lines that go and lines that come; what is equal at both ends is left out.
fn difference(before: Option<&Expr>, after: Option<&Expr>, out: &mut String) {
    let style = Style { width: 90, ..Style::default() };
    let lines = |expr: Option<&Expr>| -> Vec<String> {
        expr.map(|expr| print::expression(expr, style).lines().map(str::to_owned).collect()).unwrap_or_default()
    };
    let (before, after) = (lines(before), lines(after));
    let same = before.iter().zip(&after).take_while(|(left, right)| left == right).count();
    let (left, right) = (&before[same..], &after[same..]);
    let tail = left.iter().rev().zip(right.iter().rev()).take_while(|(left, right)| left == right).count();
    for (sign, lines) in [("-", &left[..left.len() - tail]), ("+", &right[..right.len() - tail])] {
        for line in lines.iter().take(SHOWN) {
            let _ = writeln!(out, "    {sign} {line}");
        }
        if lines.len() > SHOWN {
            let _ = writeln!(out, "    {sign} … {} more lines", lines.len() - SHOWN);
        }
    }
}

/// For programs.
pub(super) fn json(plan: &Plan, server: &str) -> String {
    let expr = |expr: &Expr| print::expression(expr, Style::default());
    let steps: Vec<serde_json::Value> = (plan.steps.iter())
        .map(|step| {
            let changes: Vec<serde_json::Value> = (step.changes.iter())
                .map(|change| match change {
                    Change::Column { name, before, after } => {
                        json!({"column": name, "before": before.as_ref().map(expr), "after": expr(after)})
                    }
                    Change::Filter { before, after } => {
                        json!({"where": true, "before": before.as_ref().map(expr), "after": after.as_ref().map(expr)})
                    }
                    Change::Stopped => json!({"stopped": true}),
                })
                .collect();
            let (action, reasons) = match &step.action {
                Action::Create => ("create", Vec::new()),
                Action::Replace => ("replace", Vec::new()),
                Action::Switch(_) => ("make anew", Vec::new()),
                Action::Drop { .. } => ("drop", Vec::new()),
                Action::Nothing => ("nothing", Vec::new()),
                Action::Refused(reasons) => {
                    let both = reasons.iter().map(|it| json!({"reason": it.what, "advice": it.advice}));
                    ("refused", both.collect())
                }
            };
            json!({
                "name": step.name, "from": step.from, "action": action, "changes": changes, "reasons": reasons,
                "query": step.query.as_ref().map(|query| query.id.as_str()), "notes": step.notes, "sql": step.sql,
            })
        })
        .collect();
    format!("{:#}\n", json!({"server": server, "version": plan.version, "steps": steps}))
}
