//! The source among those that a schema declares.

use super::Text;
use crate::diag::codes::compile::UNKNOWN_RELATION;
use crate::diag::{Diagnostic, Failed, Place, Report, nearest};
use crate::schema::Relation;
use crate::sql::ast::Expr;
use crate::sql::words;
use crate::syntax;

/// The source that is named, or the only one. `None`: the name is none, which is refused where the statement is read.
///
/// Errors: the schema cannot be read, does not declare the source, or declares several where none is named.
pub fn declared(schema: &Text, named: Option<&str>, report: &mut Report) -> Result<Option<Relation>, Failed> {
    let source = schema.source;
    let mut relations = syntax::relations(source, &schema.text, report)?;
    let wanted = named.and_then(|name| match syntax::expression(source, name, &mut Report::new()) {
        Ok(Expr::Column(name)) => Some(name.0),
        _ => None,
    });
    let found = match &wanted {
        Some(wanted) => relations.iter().position(|relation| relation.name == *wanted),
        None if named.is_some() => return Ok(None),
        None => Some(0).filter(|_| relations.len() == 1),
    };
    if let Some(found) = found {
        return Ok(Some(relations.swap_remove(found)));
    }
    let names: Vec<&str> = relations.iter().map(|relation| relation.name.as_str()).collect();
    let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let (message, help) = match &wanted {
        Some(wanted) => {
            let help = nearest(wanted, names.iter().copied()).map(|near| match words::is_bare(near) {
                true => format!("did you mean `{near}`?"),
                false => format!("write it in backquotes: `{near}`"),
            });
            (format!("the schema does not declare `{wanted}`"), help)
        }
        None => (format!("the schema declares {} sources", names.len()), Some("name one with `--from`".to_owned())),
    };
    let mut diagnostic = Diagnostic::new(&UNKNOWN_RELATION, message).at(Place::file(source));
    diagnostic.notes.push(format!("it declares {list}"));
    diagnostic.help = help;
    Err(report.fail(diagnostic))
}
