//! A conversation with a server: questions whose faults are reported as they come.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use serde_json::value::RawValue;

use super::api::{Answer, Description};
use super::frames::Column;
use super::query::{End, Limits, Query, Sink, run};
use super::release::Meaning;
use super::{Client, Endpoint, Fault, Properties, Repeat};
use crate::diag::codes::deploy::NO_SOURCE;
use crate::diag::codes::server::CUT;
use crate::diag::{Diagnostic, Failed, Report, SourceId, Sources, nearest};
use crate::schema::Relation;
use crate::sql::ast::{Expr, Name};
use crate::sql::print::{self, Quote};
use crate::syntax;

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
#[derive(Clone, Debug, PartialEq)]
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
        match self.described(name, "")? {
            Err(Fault::Refused(refusal)) if refusal.says(Meaning::NoSource) => Ok(None),
            Err(fault) => Err(self.fail(&fault, Some(&describe(name, "")))),
            Ok(known) => Ok(Some(known)),
        }
    }

    /// The stream or table of this stored name. That there is none is reported, with the name that was probably meant.
    pub fn known(&mut self, name: &str) -> Result<Known, Failed> {
        match self.describe(name)? {
            Some(known) => Ok(known),
            None => Err(self.no_source(name)),
        }
    }

    fn no_source(&mut self, name: &str) -> Failed {
        // the names only help: that they cannot be asked for is not said
        let mut unheard = Report::new();
        let mut quiet = Talk { client: self.client, sources: self.sources, report: &mut unheard };
        let names = quiet.names().unwrap_or_default();
        let message = format!("`{}` has no stream or table `{name}`", self.client.server());
        let mut diagnostic = Diagnostic::new(&NO_SOURCE, message);
        let create = "create it before, or name another with `--from`";
        diagnostic.help = Some(match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => {
                format!("did you mean `{}`? otherwise {create}", print::name(&Name::new(near), Quote::Needed))
            }
            None => create.to_owned(),
        });
        if !names.is_empty() {
            let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
            let some: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
            diagnostic = diagnostic.note(format!("it has {}{more}", some.join(", ")));
        }
        self.report.fail(diagnostic)
    }

    /// The stored names of all streams and tables, sorted.
    pub fn names(&mut self) -> Result<Vec<String>, Failed> {
        let answer = self.ask("SHOW STREAMS; SHOW TABLES;")?;
        let lists = ["streams", "tables"];
        let mut names: Vec<String> = (answer.entities.iter())
            .flat_map(|entity| lists.into_iter().filter_map(|list| entity.get(list)?.as_array()))
            .flatten()
            .filter_map(|source| source.get("name")?.as_str().map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    /// The stream or table of this stored name, with how far its queries have come.
    pub(super) fn extended(&mut self, name: &str) -> Result<Description, Failed> {
        let known = self.described(name, " EXTENDED")?;
        let known = known.map_err(|fault| self.fail(&fault, Some(&describe(name, " EXTENDED"))))?;
        Ok(known.description)
    }

    fn described(&mut self, name: &str, extended: &str) -> Result<Result<Known, Fault>, Failed> {
        let statement = describe(name, extended);
        let answer = match self.try_ask(&statement) {
            Ok(answer) => answer,
            Err(fault) => return Ok(Err(fault)),
        };
        let source = self.enter(statement, answer.text.as_str());
        let relation = answer.relation(source, self.report)?;
        // an answer that has a relation has a description
        Ok(Ok(Known { description: answer.description().unwrap_or_default(), relation }))
    }

    /// The streams and tables that live from this one. A query whose stream is dropped ends a while later: it does not count.
    pub(super) fn readers(&mut self, description: &Description) -> Result<BTreeSet<String>, Failed> {
        let mut readers: BTreeSet<String> = description.dependents.iter().cloned().collect();
        for query in description.readers.iter().filter(|query| query.is_persistent()) {
            for sink in &query.sinks {
                if !readers.contains(sink) && self.describe(sink)?.is_some() {
                    readers.insert(sink.clone());
                }
            }
        }
        Ok(readers)
    }

    /// All rows that a SELECT has now, each as the JSON texts of its values: by a pull query, on servers that answer none
    /// about streams by a push query from the beginning. An answer that is not complete is an error.
    pub fn rows(&mut self, select: &str, most: Option<u64>, row: &mut dyn FnMut(&[&RawValue])) -> Result<(), Failed> {
        let mut query = Query {
            sql: format!("{select};"),
            properties: Properties::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]),
            through: Endpoint::Query,
        };
        let mut limits = Limits { rows: most, total: Some(LONGEST_PULL), ..Limits::default() };
        let mut end = run(self.client, &query, limits, &mut Rows(row)).end;
        let mut complete = matches!(end, End::Complete(_) | End::Enough);
        if matches!(&end, End::NoAnswer(Fault::Refused(refusal)) if refusal.pulls_no_streams()) {
            query.sql = format!("{select} EMIT CHANGES;");
            limits = Limits { rows: most, idle: Some(IDLE), ..Limits::default() };
            end = run(self.client, &query, limits, &mut Rows(row)).end;
            complete = matches!(end, End::Complete(_) | End::Enough | End::Idle(_));
        }
        if complete {
            return Ok(());
        }
        let why = match end {
            End::NoAnswer(fault) => return Err(self.fail(&fault, Some(&query.sql))),
            End::Cut(why, _) | End::Malformed(why) => why,
            End::Failed(trouble) => trouble.message,
            End::Time(time) => format!("they have not ended after {} s", time.as_secs()),
            _ => "they ended too early".to_owned(),
        };
        let message = format!("the rows of `{select}` are not complete: {why}");
        Err(self.report.fail(Diagnostic::new(&CUT, message)))
    }

    /// Enters a text among the sources.
    pub fn enter(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.sources.add(name, text)
    }
}

/// How long a pull query may take.
const LONGEST_PULL: Duration = Duration::from_secs(60);

/// When no row has come for so long, a push query has given all there were.
const IDLE: Duration = Duration::from_secs(10);

/// Hands rows on.
struct Rows<'a>(&'a mut dyn FnMut(&[&RawValue]));

impl Sink for Rows<'_> {
    fn columns(&mut self, _: &[Column]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[&RawValue]) -> io::Result<()> {
        (self.0)(values);
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        false
    }
}

/// How many names are listed where none is close to the one that is wanted.
const SHOWN: usize = 20;

fn describe(name: &str, extended: &str) -> String {
    format!("DESCRIBE {}{extended};", quoted(name))
}

/// The stored name that a name stands for as a person writes it, if it is one.
pub fn stored(name: &str) -> Option<String> {
    let source = Sources::new().add("", name);
    match syntax::expression(source, name, &mut Report::new()) {
        Ok(Expr::Column(name)) => Some(name.0),
        _ => None,
    }
}

/// JSON that holds no `$`, written otherwise: ksqlDB would take `${` for a variable, inside of texts too.
pub fn without_variables(json: &str) -> String {
    json.replace('$', "\\u0024")
}

/// A stored name as it is written in a statement: always in quotes.
pub fn quoted(name: &str) -> String {
    print::name(&Name::new(name), Quote::Always)
}
