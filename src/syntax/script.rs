//! A file of statements: which are read as trees, which are kept as text, and what their comments belong to.

use std::ops::Range;

use pest::Parser;

use super::grammar::{Grammar, Rule};
use super::reader::Reader;
use super::scan::{self, Comment, Part, Scan, tokens};
use super::statement::Comments;
use super::{check_depth, error, with_stack};
use crate::diag::codes::sql as codes;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId};
use crate::schema::Type;
use crate::sql::ast::{Commented, Expr, Item, Name, Query, Script, Statement};

/// A statement and what its tree lacks.
pub(super) struct Found {
    pub statement: Commented,
    /// Its text without the `;`, comments inside included.
    pub range: Range<usize>,
    /// How many comments inside it the tree does not hold.
    pub lost: usize,
}

/// Reads a file of statements, comments above them included.
///
/// Statements that `sql::ast` has no form for are kept as [`Statement::Other`]. All findings of the file are reported.
/// The last `;` may be missing.
pub fn script(source: SourceId, text: &str, report: &mut Report) -> Result<Script, Failed> {
    let (found, comments) = read(source, text, false, report)?;
    Ok(Script { statements: found.into_iter().map(|found| found.statement).collect(), comments })
}

/// Like [`script`], but a statement inside which comments would be lost, or with types that are not made in the text, is
/// kept as text, with a warning: what a formatter needs.
pub fn faithful_script(source: SourceId, text: &str, report: &mut Report) -> Result<Script, Failed> {
    let (found, comments) = read(source, text, true, report)?;
    let mut statements = Vec::new();
    for Found { mut statement, range, lost } in found {
        if lost > 0 {
            let message = "the statement is left as it is, since a comment inside it has no place in the layout";
            let help = "put comments above the statement or above an item of its SELECT list";
            let place = Place::span(source, range.clone());
            report.push(Diagnostic::new(&codes::LEFT_AS_IT_IS, message).at(place).help(help));
            statement.statement = Statement::Other(text[range].to_owned());
        }
        statements.push(statement);
    }
    Ok(Script { statements, comments })
}

/// Reads exactly one statement.
pub fn statement(source: SourceId, text: &str, report: &mut Report) -> Result<Statement, Failed> {
    let (found, _) = read(source, text, false, report)?;
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only.statement.statement),
        (None, _) => {
            let place = Place::span(source, text.len()..text.len());
            Err(report.fail(Diagnostic::new(&codes::SYNTAX, "expected a statement, found none").at(place)))
        }
        (_, Some(second)) => {
            let place = Place::span(source, second.range);
            let message = "expected one statement, found another after it";
            Err(report.fail(Diagnostic::new(&codes::SYNTAX, message).at(place)))
        }
    }
}

/// The statements, and the comments below the last one. Where types may be made `elsewhere`, a statement with an unknown
/// one is kept as text, with a warning.
pub(super) fn read(
    source: SourceId,
    text: &str,
    elsewhere: bool,
    report: &mut Report,
) -> Result<(Vec<Found>, Vec<String>), Failed> {
    let before = report.len();
    let mut scanned = Report::new();
    let Scan { parts, comments } = scan::scan(source, text, &mut scanned);
    let mut scanned = scanned.diagnostics().iter().peekable();
    let mut types: Vec<(Name, Type)> = Vec::new();
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    for part in &parts {
        let start = comments.partition_point(|comment| comment.range.start < at);
        let first = comments.partition_point(|comment| comment.range.start < part.range.start);
        let last = comments.partition_point(|comment| comment.range.start < part.end);
        let inner = comments.partition_point(|comment| comment.range.start < part.range.end);
        let mut above = above(text, &comments[start..first], at, found.last_mut());
        above.extend(comments[inner..last].iter().flat_map(|comment| comment.lines.iter().cloned()));
        at = (part.end + 1).min(text.len());
        while let Some(earlier) = scanned.next_if(|finding| begins_before(finding, part.end)) {
            report.push(earlier.clone());
        }
        let mut inside = Comments { text, all: &comments[first..inner], placed: 0 };
        let mut own = Report::new();
        let statement = match read_part(source, text, part, &mut inside, &mut types, &mut own) {
            Err(_) if elsewhere && own.diagnostics().iter().all(|finding| finding.code == &codes::UNKNOWN_TYPE) => {
                own.diagnostics().iter().for_each(|finding| report.push(left_as_it_is(finding)));
                Statement::Other(text[part.range.clone()].to_owned())
            }
            result => {
                own.diagnostics().iter().for_each(|finding| report.push(finding.clone()));
                match result {
                    Ok(statement) => statement,
                    Err(_) => continue,
                }
            }
        };
        let lost = match statement {
            Statement::Other(_) => 0,
            _ => inside.all.len() - inside.placed,
        };
        let statement = Commented { comments: above, statement };
        found.push(Found { statement, range: part.range.clone(), lost });
    }
    scanned.for_each(|finding| report.push(finding.clone()));
    report.check(before)?;
    let start = comments.partition_point(|comment| comment.range.start < at);
    let below = above(text, &comments[start..], at, found.last_mut());
    Ok((found, below))
}

/// The warning about an unknown type in a statement that stays as it is.
fn left_as_it_is(unknown: &Diagnostic) -> Diagnostic {
    let message = format!("the statement is left as it is, since {} in this file", unknown.message);
    Diagnostic::new(&codes::LEFT_AS_IT_IS, message).at_maybe(unknown.place.clone())
}

fn begins_before(finding: &Diagnostic, end: usize) -> bool {
    finding.place.as_ref().and_then(|place| place.span.as_ref()).is_none_or(|span| span.start < end)
}

/// The lines of the comments above a statement. One on the line of the `;` at `from - 1` belongs to the statement before.
fn above(text: &str, comments: &[Comment], from: usize, mut before: Option<&mut Found>) -> Vec<String> {
    let mut lines = Vec::new();
    for comment in comments {
        let same_line = !text[from..comment.range.start].contains('\n');
        match &mut before {
            Some(before) if same_line => before.statement.comments.extend(comment.lines.iter().cloned()),
            _ => lines.extend(comment.lines.iter().cloned()),
        }
    }
    lines
}

fn read_part(
    source: SourceId,
    text: &str,
    part: &Part,
    comments: &mut Comments<'_>,
    types: &mut Vec<(Name, Type)>,
    report: &mut Report,
) -> Result<Statement, Failed> {
    let own = &text[part.range.clone()];
    if !part.sound {
        // The scan has reported why, which fails the whole text.
        return Ok(Statement::Other(own.to_owned()));
    }
    match sort(text, part) {
        Sort::Other => return Ok(Statement::Other(own.to_owned())),
        Sort::Type => {
            types.extend(created_type(source, text, part, types));
            return Ok(Statement::Other(own.to_owned()));
        }
        Sort::Known => {}
    }
    with_stack(part.nesting, source, report, |report| {
        let base = part.range.start;
        let mut pairs = Grammar::parse(Rule::statement_text, own)
            .map_err(|error| report.fail(error::diagnose(source, text, base, part.range.end, &error)))?;
        let mut reader = Reader { source, base, report, types, located: false, end: 0 };
        let statement = match pairs.next() {
            Some(pair) => reader.statement(pair, comments)?,
            None => return Err(reader.incomplete()),
        };
        for expr in expressions(&statement) {
            check_depth(source, part.range.clone(), expr, report)?;
        }
        Ok(statement)
    })
}

enum Sort {
    /// The grammar has it.
    Known,
    /// CREATE TYPE.
    Type,
    /// Kept as text.
    Other,
}

/// What a statement is, by its first words.
fn sort(text: &str, part: &Part) -> Sort {
    let mut words = tokens(text, part.range.clone()).map(|token| text[token].to_ascii_uppercase());
    let mut next = || words.next().unwrap_or_default();
    let known = match next().as_str() {
        "SELECT" => true,
        "CREATE" => match next().as_str() {
            "TYPE" => return Sort::Type,
            "STREAM" | "TABLE" | "OR" => true,
            "SOURCE" => next() != "CONNECTOR",
            _ => false,
        },
        "INSERT" => {
            let (_into, _name) = (next(), next());
            !matches!(next().as_str(), "(" | "VALUES")
        }
        _ => false,
    };
    if known && !part.foreign { Sort::Known } else { Sort::Other }
}

/// The name and type of a CREATE TYPE. If it cannot be read, its type is unknown, and its use is reported.
fn created_type(source: SourceId, text: &str, part: &Part, types: &[(Name, Type)]) -> Option<(Name, Type)> {
    let mut unread = Report::new();
    with_stack(part.nesting, source, &mut unread, |report| {
        let mut reader = Reader { source, base: part.range.start, report, types, located: false, end: 0 };
        let Ok(pairs) = Grammar::parse(Rule::create_type_text, &text[part.range.clone()]) else {
            return Err(reader.incomplete());
        };
        let mut name = None;
        for pair in pairs {
            match pair.as_rule() {
                Rule::bare | Rule::back_quoted | Rule::double_quoted | Rule::digit_word => {
                    name = Some(reader.name(&pair)?)
                }
                Rule::type_ => {
                    let Some(name) = name else { break };
                    return Ok((name, reader.type_(pair)?));
                }
                _ => {}
            }
        }
        Err(reader.incomplete())
    })
    .ok()
}

/// All expressions of a statement.
fn expressions(statement: &Statement) -> Vec<&Expr> {
    let query: &Query = match statement {
        Statement::CreateAs { query, .. } | Statement::InsertInto { query, .. } | Statement::Select(query) => query,
        Statement::Create { .. } | Statement::Other(_) => return Vec::new(),
    };
    let items = query.items.iter().filter_map(|item| match item {
        Item::Expr { expr, .. } => Some(expr),
        Item::All(_) => None,
    });
    items.chain(&query.filter).chain(&query.partition_by).collect()
}
