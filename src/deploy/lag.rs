//! How far queries have come: a query that is to end goes on until it has read what its successor does not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::api::{Description, Offsets};
use super::apply::{LONGEST_PAUSE, Patience, Progress, Trouble, interrupted};
use super::plan::{Step, read};
use super::talk::Talk;
use crate::diag::Diagnostic;
use crate::diag::codes::{deploy, server};
use crate::sql::ast::Statement;

/// The longest chain of statements that is followed.
const DEEPEST: usize = 32;

/// Where the topics end that a query reads: by topic and partition.
type Ends = BTreeMap<(String, i64), i64>;

/// The streams from behind `root` to the sink, in the order in which rows pass them.
pub(super) fn chain(sink: &str, root: &str, talk: &mut Talk<'_>) -> Result<Vec<String>, Trouble> {
    let (mut names, mut name) = (Vec::new(), sink.to_owned());
    while name != root && names.len() < DEEPEST {
        let Some(known) = Trouble::of(talk, |talk| talk.describe(&name))? else { break };
        let Some(Statement::CreateAs { query, .. }) = read(&known.description.statement) else { break };
        names.push(name);
        name = query.from.0;
    }
    names.reverse();
    Ok(names)
}

/// Waits until the queries of these steps read every row that comes.
pub(super) fn settle(
    steps: &[Step],
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Trouble> {
    let started = Instant::now();
    let mut pause = patience.pause;
    for step in steps {
        loop {
            let description = look(&step.name, talk)?;
            let state = description.writers.first().map_or("STOPPED", |query| query.state());
            let elapsed = started.elapsed();
            if matches!(state, "RUNNING" | "UNKNOWN") && elapsed >= patience.settle {
                break;
            }
            if (patience.interrupted)() {
                return Err(interrupted("is not sent"));
            }
            if state == "ERROR" || elapsed >= patience.total.max(patience.settle) {
                let message = format!("the new query that writes `{}` does not run: its state is {state}", step.name);
                return Err(Trouble::Told(Box::new(Diagnostic::new(&deploy::FAILED, message))));
            }
            progress(Progress::Working("the new queries begin", elapsed));
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
    Ok(())
}

/// Waits until the queries that write these streams have read all that is there now, one after the other.
pub(super) fn catch_up(
    names: &[String],
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Trouble> {
    for name in names {
        let started = Instant::now();
        let wanted = places(name, patience, talk)?;
        let mut pause = patience.pause;
        loop {
            let behind = behind(&wanted, &look(name, talk)?);
            if behind == 0 {
                break;
            }
            let elapsed = started.elapsed();
            if (patience.interrupted)() {
                return Err(interrupted("is not sent"));
            }
            if elapsed >= patience.total {
                return Err(Trouble::Told(Box::new(late(name, behind, patience.total))));
            }
            progress(Progress::Behind(name, behind, elapsed));
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
    Ok(())
}

fn look(name: &str, talk: &mut Talk<'_>) -> Result<Description, Trouble> {
    Trouble::of(talk, |talk| talk.extended(name))
}

/// Where the topics of a running query end now. One that has never read anything has no such place; but neither has one that
/// has stopped, as in a server that is about to end: what that has not read would be lost.
fn places(name: &str, patience: Patience, talk: &mut Talk<'_>) -> Result<Ends, Trouble> {
    let started = Instant::now();
    loop {
        let description = look(name, talk)?;
        let found = ends(&description);
        // offsets are committed every two seconds
        if !found.is_empty() || started.elapsed() >= patience.settle / 3 {
            let state = description.writers.first().map_or("STOPPED", |query| query.state());
            return match (found.is_empty(), state) {
                (false, _) | (true, "RUNNING" | "UNKNOWN") => Ok(found),
                (true, state) => {
                    let message = format!(
                        "how far `{name}` has come is not known, since its query is {state}; nothing was ended"
                    );
                    Err(Trouble::Told(Box::new(Diagnostic::new(&deploy::FAILED, message))))
                }
            };
        }
        if (patience.interrupted)() {
            return Err(interrupted("is not sent"));
        }
        std::thread::sleep(patience.pause.max(patience.settle / 12));
    }
}

fn late(name: &str, behind: i64, after: Duration) -> Diagnostic {
    let message = format!(
        "the query that writes `{name}` is still {behind} rows behind after {} s; nothing was ended",
        after.as_secs_f64()
    );
    Diagnostic::new(&server::LATE, message).help("wait longer with `--wait SECONDS`")
}

fn ends(description: &Description) -> Ends {
    offsets(description, |it| it.log_end_offset)
}

fn offsets(description: &Description, of: fn(&Offsets) -> i64) -> Ends {
    let topics = description.progress.iter().flat_map(|query| &query.topics);
    let offsets = topics.flat_map(|topic| topic.offsets.iter().map(move |it| (topic, it)));
    offsets.map(|(topic, it)| ((topic.topic.clone(), it.partition), of(it))).collect()
}

/// How many records are left before these ends. A partition that a query has never read is not among them; of one that is
/// not listed any more at least one record counts as left.
fn behind(ends: &Ends, description: &Description) -> i64 {
    let here = offsets(description, |it| it.consumer_offset);
    ends.iter().map(|(place, end)| here.get(place).map_or(1, |at| (end - at).max(0))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_behind_what_was_there() {
        let read = |end: i64, here: i64| -> Description {
            let offsets =
                serde_json::json!([{"partition": 0, "logStartOffset": 0, "logEndOffset": end, "consumerOffset": here}]);
            let topics = serde_json::json!([{"kafkaTopic": "S", "offsets": offsets}]);
            let progress = serde_json::json!([{"groupId": "g", "topicSummaries": topics}]);
            serde_json::from_value(serde_json::json!({"name": "T", "queryOffsetSummaries": progress})).unwrap()
        };
        let wanted = ends(&read(10, 4));
        assert_eq!(behind(&wanted, &read(10, 4)), 6);
        // more has come since: that is for the successor
        assert_eq!(behind(&wanted, &read(50, 12)), 0);
        // a query that has stopped lists nothing: it has not come to the end
        assert_eq!(behind(&wanted, &Description::default()), 1);
    }
}
