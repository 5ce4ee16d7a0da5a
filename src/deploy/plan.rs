//! What has to be done so that a server runs some statements: nothing, create, replace in place, or why it cannot be.
//!
//! Statements are compared as trees, ours with those that the server keeps. What ksqlDB would refuse is found here, before
//! anything is sent, by the rules that it has for CREATE OR REPLACE ([`replace`]): columns keep their names, types and
//! places, new ones come last; key, partitioning and topic stay. EXPLAIN is the server's own opinion beforehand.
//!
//! A deployment may be a chain: the last statement makes the sink, those before it streams between, each called after its
//! content, so that a stream between is made or dropped but never changed: what was half computed by one model is never
//! finished by another. A sink whose statement reads from another stream between is made anew over its topic
//! ([`Action::Switch`]), and what nothing reads any more is dropped ([`retire`]).

mod planner;
mod replace;
pub(super) mod retire;

pub(super) use planner::steps;

use std::collections::BTreeSet;

use super::api::Running;
use super::talk::Talk;
use crate::diag::{Failed, Report, Sources};
use crate::schema::Kind;
use crate::sql::ast::{Expr, Statement};
use crate::sql::print::Style;
use crate::syntax;

/// What is to be done, in this order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's release.
    pub version: String,
    /// One for each statement, then one for each stream that goes.
    pub steps: Vec<Step>,
}

/// A stream or table and what it needs.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its stored name.
    pub name: String,
    /// Stream or table.
    pub kind: Kind,
    /// What it reads from.
    pub from: String,
    /// What is sent.
    pub sql: String,
    /// What is sent before it.
    pub before: Vec<String>,
    /// A new query begins with the oldest rows: its source holds nothing that is not meant for it.
    pub earliest: bool,
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
    /// It is made anew over its topic, since it reads from another stream than this one so far. The old query goes on
    /// until it has read what was there when the new source began.
    Switch(String),
    /// It runs as it should.
    Nothing,
    /// It cannot be, for these reasons.
    Refused(Vec<Reason>),
    /// It goes.
    Drop {
        /// Its topic.
        topic: String,
        /// Whether that goes too, with all its rows.
        deleted: bool,
    },
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

    /// The statements that will run then, as they are sent.
    pub fn statements(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| !matches!(step.action, Action::Drop { .. }))
    }

    /// The stream or table that receives the results.
    pub fn sink(&self) -> Option<&str> {
        self.statements().last().or_else(|| self.steps.first()).map(|step| step.name.as_str())
    }
}

impl Step {
    fn new(name: &str, kind: Kind, from: &str, action: Action) -> Step {
        Step {
            name: name.to_owned(),
            kind,
            from: from.to_owned(),
            sql: String::new(),
            before: Vec::new(),
            earliest: false,
            action,
            changes: Vec::new(),
            query: None,
            notes: Vec::new(),
        }
    }
}

/// Plans statements: CREATE … AS SELECT, in an order in which each reads only from what is before it or exists. The last
/// one makes the sink. Of `earlier`, the streams that other versions of the deployment have made, those go that nothing
/// reads then.
pub fn plan(
    statements: &[Statement],
    earlier: &BTreeSet<String>,
    style: Style,
    talk: &mut Talk<'_>,
) -> Result<Plan, Failed> {
    let version = version(talk)?;
    let mut steps = steps(statements, style, talk)?;
    let mut gone: BTreeSet<String> = earlier.clone();
    gone.retain(|name| steps.iter().all(|step| step.name != *name));
    let anew = |step: &&Step| matches!(step.action, Action::Switch(_));
    let anew: BTreeSet<String> = steps.iter().filter(anew).map(|step| step.name.clone()).collect();
    let retired = retire::retire(&gone, &anew, talk)?;
    if let Some(last) = steps.last_mut() {
        last.notes.extend(retired.stay);
    }
    steps.extend(retired.steps);
    Ok(Plan { version, steps })
}

/// The server's release.
pub(super) fn version(talk: &mut Talk<'_>) -> Result<String, Failed> {
    Ok(talk.client.info().map_err(|fault| talk.fail(&fault, None))?.version)
}

/// Whether a server runs a statement as it is.
pub(super) fn runs(statement: &Statement, talk: &mut Talk<'_>) -> Result<bool, Failed> {
    Ok(steps(std::slice::from_ref(statement), Style::default(), talk)?
        .iter()
        .all(|step| step.action == Action::Nothing))
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
