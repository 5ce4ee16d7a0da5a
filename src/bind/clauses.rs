//! Clauses of options that are less than a statement: lists of items, properties, a column's declaration.

use super::Text;
use super::shape::place;
use crate::diag::{Diagnostic, Failed, Report, codes};
use crate::schema::{Column, Key};
use crate::sql::ast;
use crate::syntax;

/// `*`, or an expression with or without `AS name`.
pub(super) fn items(text: &Text, report: &mut Report) -> Result<Vec<ast::Item>, Failed> {
    if text.text.trim() == "*" {
        return Ok(vec![ast::Item::All(None)]);
    }
    let upper = text.text.to_ascii_uppercase();
    let (expr, alias) = match upper.rfind(" AS ") {
        Some(at) if !text.text.ends_with(')') => (&text.text[..at], Some(&text.text[at + 4..])),
        _ => (text.text.as_str(), None),
    };
    let expr = syntax::expression(text.source, expr, report)?;
    let alias = match alias.map(|alias| syntax::expression(text.source, alias, report)).transpose()? {
        None => None,
        Some(ast::Expr::Column(name)) => Some(name),
        Some(_) => return Err(not_a_column(text, report)),
    };
    Ok(vec![ast::Item::Expr { comments: Vec::new(), expr, alias }])
}

/// `NAME = literal`.
pub(super) fn property(text: &Text, report: &mut Report) -> Result<ast::Property, Failed> {
    let Some((name, _)) = text.text.split_once('=') else {
        return Err(report.fail(
            Diagnostic::new(&codes::compile::BAD_OPTIONS, format!("`{}` is not a property", text.text))
                .at(place(text))
                .help("write it as in a WITH clause: `PARTITIONS=4`"),
        ));
    };
    let value = syntax::expression(text.source, &behind(text, name.len() + 1), report)?;
    Ok((ast::Name::new(name.trim().to_ascii_uppercase()), value))
}

/// `NAME TYPE [KEY | PRIMARY KEY]`.
pub(super) fn column(text: &Text, report: &mut Report) -> Result<Column, Failed> {
    let words = text.text.trim();
    let upper = words.to_ascii_uppercase();
    let (rest, key) = if let Some(rest) = upper.strip_suffix(" PRIMARY KEY") {
        (rest.len(), Some(Key::Primary))
    } else if let Some(rest) = upper.strip_suffix(" KEY") {
        (rest.len(), Some(Key::Key))
    } else {
        (words.len(), None)
    };
    let words = &words[..rest];
    let split = if let Some(quoted) = words.strip_prefix('`') {
        quoted.find('`').map(|at| at + 2)
    } else {
        words.find(char::is_whitespace)
    };
    let Some(split) = split else { return Err(not_a_column(text, report)) };
    let name = syntax::expression(text.source, &words[..split], report)?;
    let cast = format!("CAST(NULL AS {})", words[split..].trim());
    match (name, syntax::expression(text.source, &cast, report)?) {
        (ast::Expr::Column(name), ast::Expr::Cast(_, ty)) => Ok(Column { name: name.0, ty, key }),
        _ => Err(not_a_column(text, report)),
    }
}

/// The text from a byte on, with blanks before it, so that places stay right.
pub(super) fn behind(text: &Text, from: usize) -> String {
    " ".repeat(from) + &text.text[from..]
}

fn not_a_column(text: &Text, report: &mut Report) -> Failed {
    report.fail(
        Diagnostic::new(&codes::compile::BAD_COLUMN, format!("`{}` is not a column", text.text))
            .at(place(text))
            .help("write a name and a type: `'ORDERID INT KEY'`"),
    )
}
