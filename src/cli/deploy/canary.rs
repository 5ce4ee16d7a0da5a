//! `compare`, `promote` and `abort`: a candidate that runs beside the current model, into a stream of its own.

use std::fmt::Write;

use serde_json::json;

use super::super::args::Format;
use super::super::args::deploy::{Abort, Compare, Promote};
use super::super::server;
use super::super::session::Session;
use super::{settle, stored, talk, undo};
use crate::deploy::Properties;
use crate::deploy::compare::{Difference, compare as compare_rows};
use crate::deploy::drop::drop as plan_drop;
use crate::deploy::shadow::{promote as plan_promote, shadow};
use crate::diag::Failed;

/// Reads the rows of both and reports where they differ.
pub(in crate::cli) fn compare(args: &Compare, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = stored(&args.name, session)?;
    let difference = compare_rows(&name, args.rows, &mut talk(&client, session))?;
    let text = match args.format {
        Format::Text | Format::Github => text(&difference, &name),
        Format::Json => json(&difference),
    };
    session.write(None, text.as_bytes())
}

/// Makes the candidate the current model, and drops its own streams: one plan, one question.
pub(in crate::cli) fn promote(args: &Promote, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = stored(&args.name, session)?;
    let change = plan_promote(&name, &mut talk(&client, session))?;
    let away = plan_drop(&shadow(&name), true, &mut talk(&client, session))?;
    let question = "Make it the current model, and drop the candidate's streams?";
    settle(&[change, away], question, &Properties::new(), &args.carry, &client, session).map(|_| ())
}

/// Drops the candidate's streams and topics.
pub(in crate::cli) fn abort(args: &Abort, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let name = shadow(&stored(&args.name, session)?);
    undo::drop_all(&name, true, &args.carry, &client, session)
}

/// Flips of one column that are shown, the most frequent first.
const SHOWN: usize = 12;

/// For people. Writing to a String cannot fail.
fn text(difference: &Difference, name: &str) -> String {
    let (other, rows) = (shadow(name), difference.rows);
    let key = if difference.key.is_empty() { "time".to_owned() } else { difference.key.join(", ") + " and time" };
    let mut text = format!("{rows} rows in both, by {key}\n");
    let _ = writeln!(text, "{} only in {name}, {} only in {other}", difference.only_current, difference.only_shadow);
    if difference.ambiguous > 0 {
        let _ = writeln!(
            text,
            "{} left out, since others have the same {key}: `--keep` tells rows apart",
            difference.ambiguous
        );
    }
    if let Some(hint) = &difference.hint {
        let _ = writeln!(text, "\n{hint}");
        return text;
    }
    for cut in &difference.cut {
        let _ = writeln!(text, "{cut} has more rows, which were not read: `--rows` reads more");
    }
    for column in &difference.columns {
        let share = if rows > 0 { 100.0 * column.differ as f64 / rows as f64 } else { 0.0 };
        let _ = writeln!(text, "\n{}: {} differ ({share:.1} %)", column.name, column.differ);
        if column.null > 0 {
            let _ = writeln!(text, "  {} NULL in one of both", column.null);
        }
        if let Some(mean) = column.mean() {
            let _ = writeln!(text, "  difference {mean:.6} on average, {:.6} at most", column.largest);
        }
        let mut flips: Vec<_> = column.flips.iter().collect();
        flips.sort_by(|(left, few), (right, many)| many.cmp(few).then(left.cmp(right)));
        for ((from, to), count) in flips.iter().take(SHOWN) {
            let _ = writeln!(text, "  {from} becomes {to}: {count}");
        }
        if flips.len() > SHOWN {
            let _ = writeln!(text, "  … {} other changes; `--format json` has them all", flips.len() - SHOWN);
        }
    }
    text
}

/// For programs.
fn json(difference: &Difference) -> String {
    let columns: Vec<serde_json::Value> = (difference.columns.iter())
        .map(|column| {
            let flips = column.flips.iter().map(|((from, to), count)| json!({"from": from, "to": to, "rows": count}));
            json!({"column": column.name, "differ": column.differ, "null": column.null, "mean": column.mean(),
                "largest": (column.numbers > 0).then_some(column.largest), "flips": flips.collect::<Vec<_>>()})
        })
        .collect();
    let all = json!({"rows": difference.rows, "only_current": difference.only_current,
        "only_shadow": difference.only_shadow, "ambiguous": difference.ambiguous, "key": difference.key,
        "cut": difference.cut, "hint": difference.hint, "columns": columns});
    format!("{all:#}\n")
}
