//! A conversation with a server: questions whose faults are reported as they come.

use super::api::{Answer, Description};
use super::{Client, Fault, Properties, Repeat};
use crate::diag::{Failed, Report, SourceId, Sources};
use crate::schema::Relation;
use crate::sql::ast::Name;
use crate::sql::print::{self, Quote};

/// A server, and where what it says is noted.
pub struct Talk<'a> {
    /// The server.
    pub client: &'a Client,
    /// Texts that diagnostics point into.
    pub sources: &'a mut Sources,
    /// What was found.
    pub report: &'a mut Report,
}

/// A stream or table as the server knows it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Queries, topic, statement.
    pub description: Description,
    /// Columns.
    pub relation: Relation,
}

impl Talk<'_> {
    /// Reports a fault; `statement` is what was sent.
    pub fn fail(&mut self, fault: &Fault, statement: Option<&str>) -> Failed {
        let diagnostic = fault.diagnose(self.client.server(), statement, self.sources);
        self.report.fail(diagnostic)
    }

    /// Runs a statement that changes nothing.
    pub fn ask(&mut self, statement: &str) -> Result<Answer, Failed> {
        self.try_ask(statement).map_err(|fault| self.fail(&fault, Some(statement)))
    }

    /// Like [`Talk::ask`], for questions that may be answered by no.
    pub fn try_ask(&self, statement: &str) -> Result<Answer, Fault> {
        self.client.ksql(statement, &Properties::new(), Repeat::Harmless)
    }

    /// The stream or table of this stored name, if there is one.
    pub fn describe(&mut self, name: &str) -> Result<Option<Known>, Failed> {
        let statement = format!("DESCRIBE {};", quoted(name));
        let answer = match self.try_ask(&statement) {
            Ok(answer) => answer,
            Err(Fault::Refused(refusal)) if refusal.message.contains("Could not find") => return Ok(None),
            Err(fault) => return Err(self.fail(&fault, Some(&statement))),
        };
        let source = self.enter(format!("DESCRIBE {name}"), answer.text.as_str());
        let relation = answer.relation(source, self.report)?;
        // an answer that has a relation has a description
        Ok(Some(Known { description: answer.description().unwrap_or_default(), relation }))
    }

    /// Enters a text among the sources.
    pub fn enter(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.sources.add(name, text)
    }
}

/// A stored name as it is written in a statement: always in quotes.
pub fn quoted(name: &str) -> String {
    print::name(&Name::new(name), Quote::Always)
}
