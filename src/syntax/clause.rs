//! Texts that are less than a statement: definitions of features, and clauses as options give them.

use std::ops::Range;

use pest::Parser;
use pest::iterators::Pair;

use super::grammar::{Grammar, Rule};
use super::reader::Reader;
use super::scan::{self, Part};
use super::{check_depth, error, with_stack};
use crate::diag::{Failed, Place, Report, SourceId};
use crate::schema::Column;
use crate::sql::ast::{Expr, Item, Level, Name, Property};

/// `name = expression`.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The stored name.
    pub name: Name,
    /// The name as it is written, without quotes.
    pub written: String,
    /// Where the name stands.
    pub place: Place,
    /// What it stands for.
    pub expr: Expr,
    /// The same with the place of every part, for findings about types.
    pub located: Expr,
}

/// Reads a file of definitions: `log_amount = LN(amount + 1E0); is_large = …;`. All findings of the file are reported.
///
/// The last `;` may be missing. Comments are dropped.
pub fn definitions(source: SourceId, text: &str, report: &mut Report) -> Result<Vec<Definition>, Failed> {
    let since = report.len();
    let scan = scan::scan(source, text, report);
    let mut definitions = Vec::new();
    for part in scan.parts.iter().filter(|part| part.sound) {
        definitions.extend(definition(source, text, part, report));
    }
    report.check(since)?;
    Ok(definitions)
}

fn definition(source: SourceId, text: &str, part: &Part, report: &mut Report) -> Result<Definition, Failed> {
    parse(Rule::definition_text, source, text, part, report, |reader, pairs| {
        let (mut name, mut written, mut exprs) = (None, String::new(), Vec::new());
        for pair in pairs {
            match pair.as_rule() {
                Rule::equals | Rule::EOI => {}
                Rule::expression => {
                    for located in [false, true] {
                        reader.located = located;
                        exprs.push(reader.expression(pair.clone(), Level::Or)?);
                    }
                }
                _ => {
                    let stored = reader.name(&pair)?;
                    // quotes keep the letters, so that a quoted name is stored as it is written
                    let quoted = pair.as_str().starts_with(['`', '"']);
                    if quoted { stored.as_str() } else { pair.as_str() }.clone_into(&mut written);
                    name = Some((stored, reader.place(&pair)));
                }
            }
        }
        match (name, exprs.pop(), exprs.pop()) {
            (Some((name, place)), Some(located), Some(expr)) => {
                check_depth(source, part.range.clone(), &expr, reader.report)?;
                Ok(Definition { name, written, place, expr, located })
            }
            _ => Err(reader.incomplete()),
        }
    })
}

/// Reads `*`, columns and expressions with or without a name, with commas between them.
pub fn items(source: SourceId, text: &str, report: &mut Report) -> Result<Vec<Item>, Failed> {
    let items = list(Rule::items_text, source, text, report, |reader, pair| reader.item(pair))?;
    for item in &items {
        if let Item::Expr { expr, .. } = item {
            check_depth(source, 0..text.len(), expr, report)?;
        }
    }
    Ok(items)
}

/// Reads properties of a WITH clause: `PARTITIONS = 4, REPLICAS = 1`.
pub fn properties(source: SourceId, text: &str, report: &mut Report) -> Result<Vec<Property>, Failed> {
    list(Rule::properties_text, source, text, report, |reader, pair| reader.property(pair))
}

/// Reads expressions with commas between them.
pub fn expressions(source: SourceId, text: &str, report: &mut Report) -> Result<Vec<Expr>, Failed> {
    let list = list(Rule::expressions_text, source, text, report, |reader, pair| reader.expression(pair, Level::Or))?;
    list.iter().try_for_each(|expr| check_depth(source, 0..text.len(), expr, report))?;
    Ok(list)
}

/// Reads a column's declaration: `ORDERID INT KEY`.
pub fn column(source: SourceId, text: &str, report: &mut Report) -> Result<Column, Failed> {
    let mut columns = list(Rule::column_text, source, text, report, |reader, pair| reader.column(pair))?;
    match columns.pop() {
        Some(column) => Ok(column),
        None => Err(Reader { source, base: 0, report, types: &[], located: false, end: 0 }.incomplete()),
    }
}

/// The parts of a list that is the whole text.
fn list<T: Send>(
    rule: Rule,
    source: SourceId,
    text: &str,
    report: &mut Report,
    read: impl Fn(&mut Reader<'_>, Pair<'_, Rule>) -> Result<T, Failed> + Send,
) -> Result<Vec<T>, Failed> {
    let since = report.len();
    let scan = scan::scan(source, text, report);
    report.check(since)?;
    let nesting = scan.parts.iter().map(|part| part.nesting).max().unwrap_or(0);
    let range: Range<usize> = 0..text.len();
    let part = Part { range, end: text.len(), nesting, sound: true, foreign: false };
    parse(rule, source, text, &part, report, move |reader, pairs| {
        let parts = pairs.filter(|pair| !matches!(pair.as_rule(), Rule::comma | Rule::EOI));
        parts.map(|pair| read(reader, pair)).collect()
    })
}

fn parse<T: Send>(
    rule: Rule,
    source: SourceId,
    text: &str,
    part: &Part,
    report: &mut Report,
    read: impl FnOnce(&mut Reader<'_>, pest::iterators::Pairs<'_, Rule>) -> Result<T, Failed> + Send,
) -> Result<T, Failed> {
    with_stack(part.nesting, source, report, |report| {
        let base = part.range.start;
        let pairs = Grammar::parse(rule, &text[part.range.clone()])
            .map_err(|error| report.fail(error::diagnose(source, text, base, part.range.end, &error)))?;
        read(&mut Reader { source, base, report, types: &[], located: false, end: 0 }, pairs)
    })
}
