//! `plan`, `apply`, `status`, `rollback`, `drop`, `compare`, `promote` and `abort`: models on a server.

mod apply;
mod canary;
mod plan;
mod show;
mod status;
mod undo;
mod watch;

pub(super) use apply::run as apply;
pub(super) use canary::{abort, compare, promote};
pub(super) use plan::run as plan;
pub(super) use status::{run as status, trace};
pub(super) use undo::{drop, rollback};

use std::io::{BufRead, IsTerminal, Write};

use super::args::Format;
use super::args::deploy::CarryOptions;
use super::interrupt;
use super::session::{Session, say};
use crate::deploy::apply::{Patience, Progress};
use crate::deploy::change::Change;
use crate::deploy::plan::{Action, Plan};
use crate::deploy::talk::Talk;
use crate::deploy::{Client, Properties};
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::codes::deploy::NOT_IN_PLACE;
use crate::diag::{Diagnostic, Failed};

/// A conversation whose findings are the session's.
fn talk<'a>(client: &'a Client, session: &'a mut Session) -> Talk<'a> {
    Talk { client, sources: &mut session.sources, report: &mut session.report }
}

/// The stored name that a name on the command line stands for.
fn stored(name: &str, session: &mut Session) -> Result<String, Failed> {
    match crate::deploy::talk::stored(name) {
        Some(name) => Ok(name),
        None => {
            let message = format!("`{name}` is no name of a stream or table");
            Err(session.report.fail(Diagnostic::new(&BAD_OPTIONS, message)))
        }
    }
}

/// Reports what cannot be replaced.
fn refuse(plan: &Plan, session: &mut Session) -> Result<(), Failed> {
    let since = session.report.len();
    for step in &plan.steps {
        let Action::Refused(reasons) = &step.action else { continue };
        let mut diagnostic =
            Diagnostic::new(&NOT_IN_PLACE, format!("`{}` cannot be replaced in place: nothing was sent", step.name));
        for reason in reasons {
            diagnostic = diagnostic.note(reason.what.as_str());
        }
        diagnostic.help = reasons.first().map(|reason| reason.advice.clone());
        session.report.push(diagnostic);
    }
    session.report.check(since)
}

/// Asks whether to go on. Without a terminal only `--yes` says so.
fn confirmed(carry: &CarryOptions, question: &str, session: &mut Session) -> Result<bool, Failed> {
    if carry.yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        let message = "nobody is there to be asked whether to go on";
        return Err(session.report.fail(Diagnostic::new(&BAD_OPTIONS, message).help("give `--yes`, or `--dry-run`")));
    }
    // an answer that cannot be read is no yes
    let _ = write!(anstream::stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn patience(carry: &CarryOptions) -> Patience {
    // asked for when the plan is carried out: from here on Ctrl-C ends in good order
    interrupt::watch();
    Patience { total: carry.wait, interrupted: interrupt::asked, ..Patience::default() }
}

/// Shows changes, asks, carries them out one after the other and records each. False if none was carried out: there is
/// nothing to do, or nobody wants it. After Ctrl-C the exit code says so.
fn settle(
    changes: &[Change],
    question: &str,
    properties: &Properties,
    carry: &CarryOptions,
    client: &Client,
    session: &mut Session,
) -> Result<bool, Failed> {
    let all = plan::joined(changes);
    session.write(None, show::text(&all, client.server(), false).as_bytes())?;
    refuse(&all, session)?;
    if all.is_done() || carry.dry_run || !confirmed(carry, question, session)? {
        return Ok(false);
    }
    for change in changes.iter().filter(|change| !change.plan.is_done()) {
        let mut progress = progress(session.format());
        let done = change.carry_out(properties, patience(carry), &mut talk(client, session), &mut progress);
        if done.is_err() && interrupt::asked() {
            session.end_with(interrupt::EXIT_CODE);
        }
        done?;
    }
    Ok(true)
}

/// Says what is done, and shows on a terminal what the server does meanwhile.
fn progress(format: Format) -> impl FnMut(Progress<'_>) {
    let terminal = std::io::stderr().is_terminal() && format == Format::Text;
    let clear = if terminal { "\r\x1b[K" } else { "" };
    move |progress| {
        let words = match progress {
            Progress::Done(step) => {
                let done = match step.action {
                    Action::Create => "created",
                    Action::Switch(_) => "made anew",
                    Action::Drop { .. } => "dropped",
                    _ => "replaced",
                };
                return say(format, &format!("{clear}{}: {done}", step.name));
            }
            Progress::Sent(step) => format!("{}: sent", step.name),
            Progress::Busy(time) => format!("the server is busy with something else, {} s", time.as_secs()),
            Progress::Working(word, time) => format!("{}, {} s", word.to_lowercase(), time.as_secs()),
            Progress::Behind(name, rows, time) => {
                format!("{name}: {rows} rows to read before its query can end, {} s", time.as_secs())
            }
        };
        if terminal {
            let mut stderr = anstream::stderr().lock();
            // progress that cannot be shown is no reason to stop
            let _ = write!(stderr, "{clear}{words}").and_then(|()| stderr.flush());
        }
    }
}
