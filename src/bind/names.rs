//! Names: how a feature's name becomes a column's, and what ksqlDB cannot hold.

use super::Text;
use super::shape::place;
use crate::diag::{Diagnostic, Place, Report, codes};
use crate::sql::ast;
use crate::sql::words;
use crate::syntax;

/// The stored name of the column that a feature's name spells: a name that can stand bare is stored in upper case, any
/// other is stored as it is, and written in quotes.
pub fn stored(feature: &str) -> String {
    let upper = feature.to_ascii_uppercase();
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let bare = upper.chars().all(letters) && upper.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if bare || words::is_bare(&upper) { upper } else { feature.to_owned() }
}

/// Refuses a name that ksqlDB would store but not read back.
pub(super) fn check(name: &str, at: Option<&Place>, report: &mut Report) {
    let what = if name.is_empty() {
        "is empty"
    } else if name.contains('`') {
        "has a backtick"
    } else if name.contains(['\n', '\r']) {
        "has a line break"
    } else if name.trim() != name {
        "begins or ends with a blank"
    } else if name.contains("${") {
        "has `${`, which ksqlDB takes for a variable"
    } else {
        return;
    };
    report.push(
        Diagnostic::new(&codes::compile::BAD_NAME, format!("the name `{}` {what}", name.escape_debug()))
            .at_maybe(at.cloned())
            .help("map the feature to a column with `--rename feature=COLUMN`"),
    );
}

/// The name of a stream or table, as an option gives it.
pub(super) fn relation(text: &Text, report: &mut Report) -> Option<ast::Name> {
    let name = match syntax::expression(text.source, &text.text, &mut Report::new()) {
        Ok(ast::Expr::Column(name)) => name,
        _ => {
            report.push(
                Diagnostic::new(
                    &codes::compile::BAD_COLUMN,
                    format!("`{}` is not the name of a stream or table", text.text),
                )
                .at(place(text))
                .help("give one name, such as `ORDERS_RAW`"),
            );
            return None;
        }
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.as_str().chars().all(allowed) {
        report.push(
            Diagnostic::new(&codes::compile::BAD_NAME, format!("`{}` cannot name a stream or table", name.as_str()))
                .at(place(text))
                .note("ksqlDB allows only letters, digits, `_` and `-` in these names, even in quotes")
                .help("choose another name"),
        );
        return None;
    }
    Some(name)
}
