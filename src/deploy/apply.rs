//! Carries out a plan: sends its statements one after the other and waits until the server has done each.
//!
//! A 200 is no success: the server says under `/status` how far a command has come. While it carries out one, it refuses
//! others without writing them, so that waiting and sending again is right. When it cannot be known whether a statement
//! arrived, the server is asked what runs, instead of sending it twice.
//!
//! A sink that comes to read from another stream ([`Action::Switch`]) loses no row: its new source runs first; the old
//! query goes on until it has read what was there then; only then it ends, and the new one reads its source from the
//! beginning. Rows that come meanwhile are scored by both models.

use std::time::{Duration, Instant};

use super::api::CommandStatus;
use super::plan::{self, Action, Plan, Step};
use super::talk::Talk;
use super::{Fault, Properties, Repeat, lag};
use crate::diag::codes::{deploy as codes, server};
use crate::diag::{Diagnostic, Failed, Report};
use crate::sql::ast::{Expr, Name, Statement};
use crate::sql::print::{self, Style};

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a statement to be carried out.
    pub total: Duration,
    /// Between two looks at first; later longer.
    pub pause: Duration,
    /// Until a new query misses no row. Kafka Streams hands the partitions of a new query around 3 and 6 seconds after its
    /// start, and whoever gets one of which no row was read yet begins at its end.
    pub settle: Duration,
    /// Whether to stop waiting.
    pub interrupted: fn() -> bool,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            total: Duration::from_secs(180),
            pause: Duration::from_millis(100),
            settle: Duration::from_secs(12),
            interrupted: || false,
        }
    }
}

/// The longest pause between two looks.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What happens meanwhile.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A statement is sent.
    Sent(&'a Step),
    /// The server is still busy with something else, for so long.
    Busy(Duration),
    /// The server works on it, for so long; its word for how far it is.
    Working(&'a str, Duration),
    /// The query that writes this has so many rows to read before it can end; for so long.
    Behind(&'a str, i64, Duration),
    /// A statement is carried out.
    Done(&'a Step),
}

/// Why a plan was not carried out, and how much of it was.
#[derive(Debug)]
pub struct Stopped {
    /// So many of the steps that were to do.
    pub done: usize,
    /// What stopped it is reported.
    pub failed: Failed,
}

/// Carries out what a plan asks for. Refused steps must have been dealt with before.
pub fn apply(
    plan: &Plan,
    properties: &Properties,
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Stopped> {
    let to_do = |step: &&Step| !matches!(step.action, Action::Nothing | Action::Refused(_));
    let steps: Vec<&Step> = plan.steps.iter().filter(to_do).collect();
    for (number, step) in steps.iter().enumerate() {
        progress(Progress::Sent(step));
        if let Err(trouble) = one(step, plan, properties, patience, talk, progress) {
            let mut diagnostic = trouble.diagnose(talk);
            let names =
                |steps: &[&Step]| steps.iter().map(|step| format!("`{}`", step.name)).collect::<Vec<_>>().join(", ");
            if number > 0 {
                diagnostic = diagnostic.note(format!("applied before it: {}", names(&steps[..number])));
            }
            if number + 1 < steps.len() {
                diagnostic = diagnostic.note(format!("not applied: {}", names(&steps[number + 1..])));
            }
            let undo = match plan.sink() {
                Some(sink) if number > 0 => format!("; `m2ksql rollback {sink}` or `m2ksql drop {sink}` undoes it"),
                _ => String::new(),
            };
            let finish = format!("run the same command again to finish: what is done is not done twice{undo}");
            diagnostic.help = Some(match diagnostic.help {
                Some(help) => format!("{help}; then {finish}"),
                None => finish,
            });
            return Err(Stopped { done: number, failed: talk.report.fail(diagnostic) });
        }
        progress(Progress::Done(step));
    }
    Ok(())
}

/// Runs a statement that is not part of a plan, such as the one that makes the history, and waits for it; also while the server
/// carries out others.
pub fn execute(sql: &str, patience: Patience, talk: &mut Talk<'_>) -> Result<(), Failed> {
    command(sql, &Properties::new(), patience, talk, &mut |_| {}).map_err(|trouble| {
        let diagnostic = trouble.diagnose(talk);
        talk.report.fail(diagnostic)
    })
}

/// What stops a step.
pub(super) enum Trouble {
    /// What was sent has no answer that helps.
    Fault(Fault, String),
    /// In words.
    Told(Box<Diagnostic>),
}

impl Trouble {
    fn diagnose(self, talk: &mut Talk<'_>) -> Diagnostic {
        // a server that is busy for long may not be well
        let ask = match &self {
            Trouble::Fault(Fault::Refused(refusal), _) => refusal.status >= 500,
            Trouble::Fault(fault, _) => matches!(fault, Fault::Late(_)),
            Trouble::Told(diagnostic) => {
                diagnostic.code.id == server::LATE.id || diagnostic.code.id == codes::FAILED.id
            }
        };
        let mut diagnostic = match self {
            Trouble::Fault(fault, sql) => fault.diagnose(talk.client.server(), Some(&sql), talk.sources),
            Trouble::Told(diagnostic) => *diagnostic,
        };
        if let Some(Ok(health)) = ask.then(|| talk.client.health()) {
            diagnostic.notes.extend(health.trouble().map(|words| format!("the server says of itself: {words}")));
        }
        diagnostic
    }

    /// What a question found, as what stops a step.
    pub(super) fn of<T>(
        talk: &mut Talk<'_>,
        ask: impl FnOnce(&mut Talk<'_>) -> Result<T, Failed>,
    ) -> Result<T, Trouble> {
        let mut report = Report::new();
        ask(&mut Talk { client: talk.client, sources: talk.sources, report: &mut report }).map_err(|_| {
            let last = report.diagnostics().last().cloned();
            Trouble::Told(Box::new(
                last.unwrap_or_else(|| Diagnostic::new(&codes::FAILED, "the server cannot be asked")),
            ))
        })
    }
}

/// Carries out a step.
fn one(
    step: &Step,
    plan: &Plan,
    properties: &Properties,
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Trouble> {
    let mut properties = properties.clone();
    if step.earliest {
        properties.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    }
    if let Action::Switch(_) = step.action {
        let statements: Vec<Statement> = plan.statements().filter_map(|step| plan::read(&step.sql)).collect();
        make_ready(step, &statements, patience, talk, progress)?;
    }
    for sql in &step.before {
        // dropping what is not there any more does no harm, nor does ending what has ended
        sure(sql, &Properties::new(), patience, talk, progress, &mut |talk| {
            matches!(talk.describe(&step.name), Ok(None))
        })?;
    }
    let sql = match sure(&step.sql, &properties, patience, talk, progress, &mut |talk| is_done(step, talk)) {
        // the topic keeps its rows for another time than the server would say: it keeps its own
        Err(Trouble::Fault(Fault::Refused(refusal), sql)) => match refusal.retention() {
            Some(retention) => with_retention(&sql, retention),
            None => return Err(Trouble::Fault(Fault::Refused(refusal), sql)),
        },
        result => result.map(|()| None)?,
    };
    if let Some(sql) = sql {
        sure(&sql, &properties, patience, talk, progress, &mut |talk| is_done(step, talk))?;
    }
    // another server of the cluster may answer with the outcome of an earlier command of the same name
    let started = Instant::now();
    while !is_done(step, talk) && started.elapsed() < patience.total.min(Duration::from_secs(5)) {
        std::thread::sleep(patience.pause);
    }
    Ok(())
}

/// Before a sink is dropped: what it will be made of is there and does what is wanted, and the old query is at the end.
fn make_ready(
    step: &Step,
    statements: &[Statement],
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Trouble> {
    // now that the sources are there, the server itself can say what it makes of the statement
    let steps = Trouble::of(talk, |talk| plan::steps(statements, Style::default(), talk))?;
    let last = steps.last().map(|step| &step.action);
    if let Some(Action::Refused(reasons)) = last {
        let words = reasons.iter().map(|reason| reason.what.as_str()).collect::<Vec<_>>().join("; ");
        let message = format!("`{}` cannot be made anew: {words}", step.name);
        return Err(Trouble::Told(Box::new(Diagnostic::new(&codes::NOT_IN_PLACE, message))));
    }
    if !matches!(last, Some(Action::Switch(_))) {
        return Ok(());
    }
    let between = &steps[..steps.len() - 1];
    lag::settle(between, patience, talk, progress)?;
    let root = steps.first().map(|step| step.from.as_str()).unwrap_or_default();
    let chain = lag::chain(&step.name, root, talk)?;
    lag::catch_up(&chain, patience, talk, progress)
}

/// Sends a statement once and makes sure of it: when its answer is lost, `done` looks whether it arrived.
fn sure(
    sql: &str,
    properties: &Properties,
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
    done: &mut dyn FnMut(&mut Talk<'_>) -> bool,
) -> Result<(), Trouble> {
    match command(sql, properties, patience, talk, progress) {
        // it may have arrived or not
        Err(Trouble::Fault(fault, sql)) if fault.is_open() => {
            std::thread::sleep(patience.pause);
            if quietly(talk, done) { Ok(()) } else { Err(Trouble::Fault(fault, sql)) }
        }
        result => result,
    }
}

/// The statement with the property that keeps the topic as it is.
fn with_retention(sql: &str, retention: i64) -> Option<String> {
    let mut statement = plan::read(sql)?;
    if let Statement::CreateAs { with, .. } = &mut statement {
        with.retain(|(name, _)| name.as_str() != "RETENTION_MS");
        with.push((Name::new("RETENTION_MS"), Expr::Integer(retention)));
    }
    Some(print::statement(&statement, Style::default()))
}

/// Whether the server is as a step wants it.
fn is_done(step: &Step, talk: &mut Talk<'_>) -> bool {
    quietly(talk, &mut |talk| match step.action {
        Action::Drop { .. } => matches!(talk.describe(&step.name), Ok(None)),
        _ => plan::read(&step.sql).is_some_and(|statement| plan::runs(&statement, talk).unwrap_or(false)),
    })
}

/// Looks at the server without reporting what goes wrong with that.
fn quietly(talk: &mut Talk<'_>, look: &mut dyn FnMut(&mut Talk<'_>) -> bool) -> bool {
    let mut unheard = Report::new();
    look(&mut Talk { client: talk.client, sources: talk.sources, report: &mut unheard })
}

/// Sends a statement and waits until the server has carried it out.
fn command(
    sql: &str,
    properties: &Properties,
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Trouble> {
    let started = Instant::now();
    let mut pause = patience.pause;
    let mut wait = || {
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
        started.elapsed()
    };
    let answer = loop {
        match talk.client.ksql(sql, properties, Repeat::OnlyUnsent) {
            Ok(answer) => break answer,
            Err(fault) if fault.is_busy() && (patience.interrupted)() => return Err(interrupted("is not sent")),
            Err(fault) if fault.is_busy() && started.elapsed() < patience.total => progress(Progress::Busy(wait())),
            Err(fault) => return Err(Trouble::Fault(fault, sql.to_owned())),
        }
    };
    // what needs no command is done: a warning that there is nothing to do
    let Some(command) = answer.command() else { return Ok(()) };
    let mut status = command.status;
    loop {
        match status.status.as_str() {
            "SUCCESS" | "TERMINATED" => return Ok(()),
            "ERROR" => return Err(Trouble::Told(Box::new(failed(&status)))),
            _ => {}
        }
        let elapsed = wait();
        if (patience.interrupted)() {
            return Err(interrupted("goes on"));
        }
        if elapsed >= patience.total {
            let seconds = patience.total.as_secs_f64();
            let message = format!("the server has not carried out the statement within {seconds} s: {}", status.status);
            let help = "wait longer with `--wait SECONDS`, or look later with `m2ksql status`";
            return Err(Trouble::Told(Box::new(Diagnostic::new(&server::LATE, message).help(help))));
        }
        progress(Progress::Working(&status.status, elapsed));
        match talk.client.status(&command.id) {
            Ok(Some(found)) => status = found,
            // it will be known, or the server will be there again
            Ok(None) => {}
            Err(fault) if fault.is_passing() || matches!(fault, Fault::Late(_)) => {}
            Err(fault) => return Err(Trouble::Fault(fault, sql.to_owned())),
        }
    }
}

/// Nobody waits any more; what becomes of the statement.
pub(super) fn interrupted(statement: &str) -> Trouble {
    let message = format!("interrupted while the server was busy: the statement {statement}");
    Trouble::Told(Box::new(Diagnostic::new(&codes::INTERRUPTED, message)))
}

fn failed(status: &CommandStatus) -> Diagnostic {
    let mut lines = status.message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("it does not say why");
    let mut diagnostic =
        Diagnostic::new(&codes::FAILED, format!("the server could not carry out the statement: {first}"));
    diagnostic.notes.extend(lines.map(str::to_owned));
    diagnostic
}
