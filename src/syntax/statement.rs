//! Pairs of statements to `sql::ast`, with the comments of their SELECT items.

use std::ops::Range;

use pest::iterators::Pair;

use super::expr::unquote;
use super::grammar::Rule;
use super::reader::Reader;
use super::scan::Comment;
use crate::diag::codes::sql as codes;
use crate::diag::{Diagnostic, Failed};
use crate::schema::{Column, Key, Kind};
use crate::sql::ast::{Emit, Expr, Item, Level, Name, Property, Query, Statement};

/// Comments of a text and which of them have found a place in the tree.
pub(super) struct Comments<'a> {
    pub text: &'a str,
    /// Those between the first and the last token of the statement.
    pub all: &'a [Comment],
    /// How many of them the tree holds.
    pub placed: usize,
}

impl Comments<'_> {
    fn within(&self, range: Range<usize>) -> &[Comment] {
        let from = self.all.partition_point(|comment| comment.range.start < range.start);
        let to = self.all.partition_point(|comment| comment.range.start < range.end);
        &self.all[from..to.max(from)]
    }

    /// The comments between the last token of `range` and its end.
    fn trailing(&self, range: Range<usize>) -> &[Comment] {
        let inside = self.within(range.clone());
        let mut end = range.end;
        let mut first = inside.len();
        while let Some(comment) = first.checked_sub(1).and_then(|last| inside.get(last)) {
            if !self.text[comment.range.end..end].trim().is_empty() {
                break;
            }
            end = comment.range.start;
            first -= 1;
        }
        &inside[first..]
    }
}

/// An item, and where it begins and ends: behind the comma before it, at the comma or FROM after it.
struct Placed {
    item: Item,
    outer: Range<usize>,
    start: usize,
}

impl Reader<'_> {
    /// A `create`, `insert` or `query` pair.
    pub(super) fn statement(&mut self, pair: Pair<'_, Rule>, comments: &mut Comments<'_>) -> Result<Statement, Failed> {
        match pair.as_rule() {
            Rule::create => self.create(pair, comments),
            Rule::insert => {
                let (mut name, mut with, mut query) = (None, Vec::new(), None);
                for part in pair.into_inner() {
                    match part.as_rule() {
                        Rule::k_insert | Rule::k_into => {}
                        Rule::with => with = self.with(part)?,
                        Rule::query => query = Some(self.query(part, comments)?),
                        _ => name = Some(self.name(&part)?),
                    }
                }
                let (Some(name), Some(query)) = (name, query) else { return Err(self.incomplete()) };
                Ok(Statement::InsertInto { name, with, query })
            }
            _ => Ok(Statement::Select(self.query(pair, comments)?)),
        }
    }

    fn create(&mut self, pair: Pair<'_, Rule>, comments: &mut Comments<'_>) -> Result<Statement, Failed> {
        let place = self.place(&pair);
        let (mut or_replace, mut source, mut if_not_exists) = (false, false, false);
        let (mut kind, mut name, mut columns, mut with, mut query) = (Kind::Stream, None, None, Vec::new(), None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::k_create | Rule::k_stream | Rule::k_as => {}
                Rule::or_replace => or_replace = true,
                Rule::k_source => source = true,
                Rule::k_table => kind = Kind::Table,
                Rule::if_not_exists => if_not_exists = true,
                Rule::columns => columns = Some(self.columns(part, kind)?),
                Rule::with => with = self.with(part)?,
                Rule::query => query = Some(self.query(part, comments)?),
                _ => name = Some(self.name(&part)?),
            }
        }
        let Some(name) = name else { return Err(self.incomplete()) };
        let Some(query) = query else {
            let columns = columns.unwrap_or_default();
            return Ok(Statement::Create { or_replace, source, kind, if_not_exists, name, columns, with });
        };
        if source || columns.is_some() {
            let what = if source { "`SOURCE`" } else { "a list of columns" };
            let message = format!("{what} cannot stand in a `CREATE … AS SELECT`");
            return Err(self.report.fail(Diagnostic::new(&codes::SYNTAX, message).at(place)));
        }
        Ok(Statement::CreateAs { or_replace, kind, if_not_exists, name, with, query })
    }

    fn columns(&mut self, pair: Pair<'_, Rule>, kind: Kind) -> Result<Vec<Column>, Failed> {
        let mut columns: Vec<Column> = Vec::new();
        for part in pair.into_inner().filter(|part| part.as_rule() == Rule::column) {
            let place = self.place(&part);
            let column = self.column(part)?;
            if columns.iter().any(|other| other.name == column.name) {
                let message = format!("the column `{}` stands twice in the list", column.name);
                return Err(self.report.fail(Diagnostic::new(&codes::DUPLICATE_COLUMN, message).at(place)));
            }
            let (what, wrong, right) = match kind {
                Kind::Table => ("table", Key::Key, "PRIMARY KEY"),
                Kind::Stream => ("stream", Key::Primary, "KEY"),
            };
            if column.key == Some(wrong) {
                let message = format!("a column of the key of a {what} is declared `{right}`");
                let diagnostic = Diagnostic::new(&codes::SYNTAX, message).at(place);
                return Err(self.report.fail(diagnostic.help(format!("write `{} … {right}`", column.name))));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    /// A `column` pair.
    pub(super) fn column(&mut self, pair: Pair<'_, Rule>) -> Result<Column, Failed> {
        let (mut name, mut ty, mut key) = (None, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::type_ => ty = Some(self.type_(part)?),
                Rule::primary_key => key = Some(Key::Primary),
                Rule::key => key = Some(Key::Key),
                Rule::headers => key = Some(Key::Headers),
                Rule::header => {
                    let string = part.into_inner().find(|part| part.as_rule() == Rule::string);
                    key = Some(Key::Header(string.map(|string| unquote(string.as_str())).unwrap_or_default()));
                }
                _ => name = Some(self.name(&part)?.0),
            }
        }
        let (Some(name), Some(ty)) = (name, ty) else { return Err(self.incomplete()) };
        Ok(Column { name, ty, key })
    }

    fn with(&mut self, pair: Pair<'_, Rule>) -> Result<Vec<Property>, Failed> {
        let mut with = Vec::new();
        for property in pair.into_inner().filter(|part| part.as_rule() == Rule::property) {
            with.push(self.property(property)?);
        }
        Ok(with)
    }

    /// A `property` pair.
    pub(super) fn property(&mut self, pair: Pair<'_, Rule>) -> Result<Property, Failed> {
        let mut parts = pair.into_inner().filter(|part| part.as_rule() != Rule::equals);
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return Err(self.incomplete()) };
        let name = match name.as_rule() {
            Rule::string => Name(unquote(name.as_str())),
            _ => self.name(&name)?,
        };
        let value = self.primary(value)?;
        Ok((Name(name.0.to_ascii_uppercase()), value))
    }

    fn query(&mut self, pair: Pair<'_, Rule>, comments: &mut Comments<'_>) -> Result<Query, Failed> {
        let mut items: Vec<Placed> = Vec::new();
        let mut begin = 0;
        let mut query = Query {
            items: Vec::new(),
            from: Name::new(""),
            from_alias: None,
            filter: None,
            partition_by: Vec::new(),
            emit: None,
            limit: None,
        };
        for part in pair.into_inner() {
            let (start, end) = (self.base + part.as_span().start(), self.base + part.as_span().end());
            match part.as_rule() {
                Rule::k_select => begin = end,
                Rule::item => items.push(Placed { item: self.item(part)?, outer: begin..end, start }),
                Rule::comma | Rule::k_from => {
                    if let Some(last) = items.last_mut() {
                        last.outer.end = start;
                    }
                    begin = end;
                }
                Rule::source => {
                    let mut names = part.into_inner().filter(|part| part.as_rule() != Rule::k_as);
                    let Some(from) = names.next() else { return Err(self.incomplete()) };
                    query.from = self.name(&from)?;
                    query.from_alias = names.next().map(|alias| self.name(&alias)).transpose()?;
                }
                Rule::where_ => query.filter = self.clause(part, Level::Or)?.pop(),
                Rule::partition_by => query.partition_by = self.clause(part, Level::Concat)?,
                Rule::emit => {
                    let is_final = part.into_inner().any(|part| part.as_rule() == Rule::k_final);
                    query.emit = Some(if is_final { Emit::Final } else { Emit::Changes });
                }
                Rule::limit => query.limit = Some(self.limit(part)?),
                _ => return Err(self.incomplete()),
            }
        }
        place_comments(&mut items, comments);
        query.items = items.into_iter().map(|placed| placed.item).collect();
        Ok(query)
    }

    /// The expressions of a clause.
    fn clause(&mut self, pair: Pair<'_, Rule>, lowest: Level) -> Result<Vec<Expr>, Failed> {
        let parts = pair.into_inner().filter(|part| part.as_rule() == Rule::expression);
        parts.map(|part| self.expression(part, lowest)).collect()
    }

    /// An `item` pair.
    pub(super) fn item(&mut self, pair: Pair<'_, Rule>) -> Result<Item, Failed> {
        let mut parts = pair.into_inner().filter(|part| part.as_rule() != Rule::k_as);
        let Some(first) = parts.next() else { return Err(self.incomplete()) };
        match first.as_rule() {
            Rule::star => Ok(Item::All(None)),
            Rule::source_star => {
                let Some(source) = first.into_inner().next() else { return Err(self.incomplete()) };
                Ok(Item::All(Some(self.name(&source)?)))
            }
            _ => {
                let expr = self.expression(first, Level::Or)?;
                let alias = parts.next().map(|alias| self.name(&alias)).transpose()?;
                Ok(Item::Expr { comments: Vec::new(), expr, alias })
            }
        }
    }

    fn limit(&mut self, pair: Pair<'_, Rule>) -> Result<u64, Failed> {
        let number = pair.clone().into_inner().find(|part| part.as_rule() == Rule::number);
        match number.and_then(|number| number.as_str().parse().ok()) {
            Some(limit) => Ok(limit),
            None => Err(self.fail(&pair, &codes::SYNTAX, "expected a whole number after `LIMIT`", None)),
        }
    }
}

/// Gives comments to items: those before an item, unless they stand on the line of the comma before it (then they
/// belong to the item before), and those behind its last token.
fn place_comments(items: &mut [Placed], comments: &mut Comments<'_>) {
    if comments.all.is_empty() {
        return;
    }
    let mut found: Vec<Vec<String>> = vec![Vec::new(); items.len()];
    let mut placed = 0;
    for (index, item) in items.iter().enumerate() {
        for comment in comments.within(item.outer.start..item.start) {
            let same_line = !comments.text[item.outer.start..comment.range.start].contains('\n');
            let owner = if same_line && index > 0 { index - 1 } else { index };
            if matches!(items[owner].item, Item::Expr { .. }) {
                found[owner].extend(comment.lines.iter().cloned());
                placed += 1;
            }
        }
        for comment in comments.trailing(item.start..item.outer.end) {
            if matches!(item.item, Item::Expr { .. }) {
                found[index].extend(comment.lines.iter().cloned());
                placed += 1;
            }
        }
    }
    comments.placed += placed;
    for (item, lines) in items.iter_mut().zip(found) {
        if let Item::Expr { comments, .. } = &mut item.item {
            *comments = lines;
        }
    }
}
