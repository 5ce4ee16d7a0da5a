//! Whether the target takes what is emitted as it is meant: no text or name in which it would replace something, no function
//! that came later.
//!
//! It looks at the whole statement, whoever wrote its parts: the model, definitions of features, clauses and properties.

use super::ast::{Expr, Item, Statement};
use super::dialect::Dialect;
use crate::diag::{Diagnostic, Failed, Report, codes};
use std::collections::BTreeSet;

/// Refuses each text, name and function once; `items` where there is no statement.
pub fn check(
    statement: Option<&Statement>,
    items: &[Item],
    dialect: &dyn Dialect,
    report: &mut Report,
) -> Result<(), Failed> {
    let since = report.len();
    let mut found = Found::default();
    match statement {
        Some(statement) => found.statement(statement),
        None => found.items(items),
    }
    for text in found.texts.into_iter().filter(|text| text.contains(VARIABLE)) {
        report.push(
            Diagnostic::new(
                &codes::compile::VARIABLE_IN_TEXT,
                format!("the text `{}` holds `${{`, which ksqlDB takes for a variable", text.escape_debug()),
            )
            .help("rename the class, feature or category, and train the model on the new name; in an expression, CONCAT('$', '{…')"),
        );
    }
    for name in found.names.into_iter().filter(|name| name.contains(VARIABLE)) {
        report.push(
            Diagnostic::new(
                &codes::compile::VARIABLE_IN_TEXT,
                format!("the name `{}` holds `${{`, which ksqlDB takes for a variable", name.escape_debug()),
            )
            .help("give it another name"),
        );
    }
    for function in found.functions {
        if let Some(since) = dialect.lacks(function) {
            report.push(
                Diagnostic::new(&codes::compile::LATER_FUNCTION, format!("{} has no {function}", dialect.name()))
                    .note(format!("{function} came with {since}"))
                    .help("write the expression without it, or name the release that is to run it with `--target`"),
            );
        }
    }
    report.check(since)
}

/// What ksqlDB replaces before it reads a statement, inside of texts and names too.
const VARIABLE: &str = "${";

/// The words of a statement, each once.
#[derive(Default)]
struct Found<'a> {
    texts: BTreeSet<&'a str>,
    names: BTreeSet<&'a str>,
    functions: BTreeSet<&'a str>,
}

impl<'a> Found<'a> {
    fn statement(&mut self, statement: &'a Statement) {
        match statement {
            Statement::CreateAs { name, with, .. } | Statement::InsertInto { name, with, .. } => {
                self.names.insert(name.as_str());
                with.iter().for_each(|(_, value)| self.expr(value));
            }
            Statement::Create { .. } | Statement::Select(_) | Statement::Other(_) => {}
        }
        let Some(query) = statement.query() else { return };
        self.names.insert(query.from.as_str());
        self.items(&query.items);
        query.filter.iter().chain(&query.partition_by).for_each(|expr| self.expr(expr));
    }

    fn items(&mut self, items: &'a [Item]) {
        for item in items {
            if let Item::Expr { expr, alias, .. } = item {
                self.names.extend(alias.iter().map(|alias| alias.as_str()));
                self.expr(expr);
            }
        }
    }

    fn expr(&mut self, expr: &'a Expr) {
        let mut rest = vec![expr];
        while let Some(expr) = rest.pop() {
            match expr {
                Expr::String(text) => _ = self.texts.insert(text),
                Expr::Column(name) | Expr::Field(_, name) => _ = self.names.insert(name.as_str()),
                Expr::Qualified(source, name) => self.names.extend([source.as_str(), name.as_str()]),
                Expr::Struct(fields) => self.names.extend(fields.iter().map(|(name, _)| name.as_str())),
                Expr::Call(name, _) => _ = self.functions.insert(name.as_str()),
                _ => {}
            }
            expr.for_each_child(|child| rest.push(child));
        }
    }
}
