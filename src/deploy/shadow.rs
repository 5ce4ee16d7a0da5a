//! A candidate: it runs beside the current model, into streams of its own, until it takes its place or goes.

use super::change::Change;
use super::deployment::Deployment;
use super::history::{self, APPLY, Entry};
use super::plan::read;
use super::rollback::unknown;
use super::talk::Talk;
use crate::diag::Failed;
use crate::sql::ast::{Name, Statement};

/// What a candidate's streams are called after.
pub const SUFFIX: &str = "_SHADOW";

/// The name of the stream that a candidate writes.
pub fn shadow(name: &str) -> String {
    format!("{name}{SUFFIX}")
}

/// What has to be done to make the candidate the current model. Its own streams are another matter: they are
/// [dropped](super::drop::drop) like those of any deployment.
pub fn promote(name: &str, talk: &mut Talk<'_>) -> Result<Change, Failed> {
    let other = shadow(name);
    let entries = history::entries(Some(&other), talk)?;
    let Some(candidate) = history::running(&entries) else { return Err(unknown(&other, talk)) };
    let statements: Vec<Statement> = candidate.statements.iter().filter_map(|text| read(text)).collect();
    let statements = renamed(statements, &other, name);
    let entry = Entry { sink: name.to_owned(), action: APPLY.to_owned(), restores: None, ..candidate.clone() };
    Change::new(&Deployment { statements, entry }, talk)
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
