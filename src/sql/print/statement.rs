//! Statements as documents.

use super::{Printer, ty};
use crate::schema::{Column, Key, Kind};
use crate::sql::ast::{Emit, Item, Name, Property, Query, Statement};

/// Columns of one indentation.
const STEP: usize = 2;

impl<'a> Printer<'a> {
    /// A statement with its `;`.
    pub(super) fn statement(&mut self, statement: &'a Statement) {
        self.broken();
        match statement {
            Statement::Create { or_replace, source, kind, if_not_exists, name, columns, with } => {
                self.create(*or_replace, *source, *kind, *if_not_exists, name);
                self.columns(columns);
                self.with(with);
            }
            Statement::CreateAs { or_replace, kind, if_not_exists, name, with, query } => {
                self.create(*or_replace, false, *kind, *if_not_exists, name);
                self.with(with);
                self.text(" AS");
                self.doc.line();
                self.query(query);
            }
            Statement::InsertInto { name, with, query } => {
                self.text("INSERT INTO ");
                self.name(name);
                self.with(with);
                self.doc.line();
                self.query(query);
            }
            Statement::Select(query) => self.query(query),
            Statement::Other(text) => self.text(text),
        }
        self.doc.close();
        self.text(";");
    }

    fn create(&mut self, or_replace: bool, source: bool, kind: Kind, if_not_exists: bool, name: &Name) {
        self.text("CREATE ");
        if or_replace {
            self.text("OR REPLACE ");
        }
        if source {
            self.text("SOURCE ");
        }
        self.text(if kind == Kind::Stream { "STREAM " } else { "TABLE " });
        if if_not_exists {
            self.text("IF NOT EXISTS ");
        }
        self.name(name);
    }

    fn columns(&mut self, columns: &[Column]) {
        if columns.is_empty() {
            return;
        }
        self.text(" ");
        self.broken();
        self.text("(");
        self.doc.indent(STEP);
        for (index, column) in columns.iter().enumerate() {
            self.item_break(index);
            self.name(&Name::new(column.name.as_str()));
            let words = match &column.key {
                None => String::new(),
                Some(Key::Key) => " KEY".to_owned(),
                Some(Key::Primary) => " PRIMARY KEY".to_owned(),
                Some(Key::Headers) => " HEADERS".to_owned(),
                Some(Key::Header(key)) => format!(" HEADER({})", super::string(key)),
            };
            self.text(&format!(" {}{words}", ty(&column.ty, self.style.quote)));
        }
        self.doc.dedent();
        self.doc.soft_line();
        self.text(")");
        self.doc.close();
    }

    fn with(&mut self, with: &'a [Property]) {
        if with.is_empty() {
            return;
        }
        self.doc.open();
        self.text(" WITH (");
        self.doc.indent(STEP);
        for (index, (name, value)) in with.iter().enumerate() {
            self.item_break(index);
            self.text(&super::name(name, super::Quote::Needed));
            self.blank();
            self.text("=");
            self.blank();
            self.hanging(value);
        }
        self.doc.dedent();
        self.doc.soft_line();
        self.text(")");
        self.doc.close();
    }

    fn item_break(&mut self, index: usize) {
        if index > 0 {
            self.text(",");
            self.line();
        } else {
            self.doc.soft_line();
        }
    }

    fn query(&mut self, query: &'a Query) {
        if let [Item::All(source)] = query.items.as_slice() {
            self.text("SELECT ");
            self.all(source.as_ref());
        } else {
            self.text("SELECT");
            self.doc.indent(STEP);
            self.doc.line();
            self.items(&query.items);
            self.doc.dedent();
        }
        self.doc.line();
        self.text("FROM ");
        self.name(&query.from);
        if let Some(alias) = &query.from_alias {
            self.text(" AS ");
            self.name(alias);
        }
        if let Some(filter) = &query.filter {
            self.doc.line();
            self.text("WHERE ");
            self.hanging(filter);
        }
        for (index, expr) in query.partition_by.iter().enumerate() {
            if index == 0 {
                self.doc.line();
                self.text("PARTITION BY ");
            } else {
                self.text(",");
                self.blank();
            }
            self.value(expr);
        }
        match query.emit {
            None => {}
            Some(emit) => {
                self.doc.line();
                self.text(if emit == Emit::Changes { "EMIT CHANGES" } else { "EMIT FINAL" });
            }
        }
        if let Some(limit) = query.limit {
            self.doc.line();
            self.text(&format!("LIMIT {limit}"));
        }
    }

    /// Items, one a line, inside a group that is open.
    pub(super) fn items(&mut self, items: &'a [Item]) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text(",");
                self.line();
            }
            match item {
                Item::All(source) => self.all(source.as_ref()),
                Item::Expr { comments, expr, alias } => {
                    self.comments(comments);
                    match alias {
                        Some(alias) => self.aliased(expr, alias),
                        None => self.hanging(expr),
                    }
                }
            }
        }
    }

    fn all(&mut self, source: Option<&Name>) {
        if let Some(source) = source {
            self.name(source);
            self.text(".");
        }
        self.text("*");
    }
}
