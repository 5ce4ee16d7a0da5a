//! Carries out a plan: sends its statements one after the other and waits until the server has done each.
//!
//! A 200 is no success: the server says under `/status` how far a command has come. While it carries out one, it refuses
//! others without writing them, so that waiting and sending again is right. When it cannot be known whether a statement
//! arrived, the server is asked what runs, instead of sending it twice.

use std::time::{Duration, Instant};

use super::api::CommandStatus;
use super::plan::{self, Action, Plan, Step};
use super::talk::Talk;
use super::{Fault, Properties, Repeat};
use crate::diag::codes::{deploy as codes, server};
use crate::diag::{Diagnostic, Failed};
use crate::sql::print::Style;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a statement to be carried out.
    pub total: Duration,
    /// Between two looks at first; later longer.
    pub pause: Duration,
    /// Whether to stop waiting.
    pub interrupted: fn() -> bool,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { total: Duration::from_secs(180), pause: Duration::from_millis(100), interrupted: || false }
    }
}

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What happens meanwhile.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A statement is sent.
    Sent(&'a Step),
    /// The server is still busy with something else, for so long.
    Busy(Duration),
    /// The server works on it, for so long; its word for how far it is.
    Working(&'a str, Duration),
    /// A statement is carried out.
    Done(&'a Step),
}

/// Carries out what a plan asks for. Refused steps must have been dealt with before.
pub fn apply(
    plan: &Plan,
    properties: &Properties,
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Failed> {
    let steps: Vec<&Step> =
        plan.steps.iter().filter(|step| matches!(step.action, Action::Create | Action::Replace)).collect();
    for (number, step) in steps.iter().enumerate() {
        progress(Progress::Sent(step));
        if let Err(trouble) = one(step, properties, patience, talk, progress) {
            let mut diagnostic = match trouble {
                Trouble::Fault(fault) => fault.diagnose(talk.client.server(), Some(&step.sql), talk.sources),
                Trouble::Told(diagnostic) => *diagnostic,
            };
            let names =
                |steps: &[&Step]| steps.iter().map(|step| format!("`{}`", step.name)).collect::<Vec<_>>().join(", ");
            if number > 0 {
                diagnostic = diagnostic.note(format!("applied before it: {}", names(&steps[..number])));
            }
            if number + 1 < steps.len() {
                diagnostic = diagnostic.note(format!("not applied: {}", names(&steps[number + 1..])));
            }
            let undo = match number {
                0 => String::new(),
                _ => format!("; `m2ksql rollback {}` or `m2ksql drop` undoes it", steps[number - 1].name),
            };
            let finish = format!("run the same command again to finish: what is done is not done twice{undo}");
            diagnostic.help = Some(match diagnostic.help {
                Some(help) => format!("{help}; then {finish}"),
                None => finish,
            });
            return Err(talk.report.fail(diagnostic));
        }
        progress(Progress::Done(step));
    }
    Ok(())
}

/// Runs a statement that is not part of a plan, such as DROP, and waits for it.
pub fn execute(
    sql: &str,
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Failed> {
    match command(sql, &Properties::new(), patience, talk, progress) {
        Ok(_) => Ok(()),
        Err(Trouble::Fault(fault)) => Err(talk.fail(&fault, Some(sql))),
        Err(Trouble::Told(diagnostic)) => Err(talk.report.fail(*diagnostic)),
    }
}

enum Trouble {
    Fault(Fault),
    Told(Box<Diagnostic>),
}

fn one(
    step: &Step,
    properties: &Properties,
    patience: Patience,
    talk: &mut Talk<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Trouble> {
    match command(&step.sql, properties, patience, talk, progress) {
        Ok(()) => {}
        // it may have arrived or not
        Err(Trouble::Fault(fault @ (Fault::Late(_) | Fault::Broken(_)))) => {
            std::thread::sleep(patience.pause);
            return if runs(step, talk) { Ok(()) } else { Err(Trouble::Fault(fault)) };
        }
        Err(trouble) => return Err(trouble),
    }
    // another server of the cluster may answer with the outcome of an earlier command of the same name
    let started = Instant::now();
    while !runs(step, talk) && started.elapsed() < patience.total.min(Duration::from_secs(5)) {
        std::thread::sleep(patience.pause);
    }
    Ok(())
}

/// Whether the server runs this statement now.
fn runs(step: &Step, talk: &mut Talk<'_>) -> bool {
    let Some(statement) = plan::read(&step.sql) else { return false };
    let mut unheard = crate::diag::Report::new();
    let mut quiet = Talk { client: talk.client, sources: talk.sources, report: &mut unheard };
    plan::plan(&[statement], Style::default(), &mut quiet).is_ok_and(|plan| plan.is_done())
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
            Err(fault) => return Err(Trouble::Fault(fault)),
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
            Err(fault) => return Err(Trouble::Fault(fault)),
        }
    }
}

/// Nobody waits any more; what becomes of the statement.
fn interrupted(statement: &str) -> Trouble {
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
