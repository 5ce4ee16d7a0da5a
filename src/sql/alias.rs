//! The names that a server gives columns without an alias.
//!
//! The rule is the recorded one of ksqlDB 0.29: a column keeps its name, a field has its own, anything else is `KSQL_COL`;
//! what has no name of its own is numbered, over the numbers that columns of the source have taken.

use super::ast::{Expr, Name};
use crate::schema::Column;
use std::collections::BTreeMap;

/// Names for the items of one query, in their order.
pub struct Generated<'a> {
    columns: &'a [Column],
    /// The next number of every name that was given.
    next: BTreeMap<String, u64>,
}

impl<'a> Generated<'a> {
    /// For a query that reads these columns.
    pub fn new(columns: &'a [Column]) -> Self {
        Generated { columns, next: BTreeMap::new() }
    }

    /// The name of the next item that has no alias.
    pub fn name(&mut self, expr: &Expr) -> Name {
        match expr {
            Expr::Column(name) | Expr::Qualified(_, name) => name.clone(),
            Expr::Field(_, field) => self.numbered(split_number(field.as_str()).0, false),
            Expr::Commented(_, inner) | Expr::Located(_, inner) => self.name(inner),
            _ => self.numbered("KSQL_COL", true),
        }
    }

    /// The first number from zero on that no column of the source has; zero is left out of fields' names.
    fn numbered(&mut self, name: &str, with_zero: bool) -> Name {
        let next = self.next.entry(name.to_owned()).or_default();
        while self.columns.iter().any(|column| split_number(&column.name) == (name, *next)) {
            *next += 1;
        }
        let number = *next;
        *next += 1;
        Name::new(if number == 0 && !with_zero { name.to_owned() } else { format!("{name}_{number}") })
    }
}

/// `ZIP_2` as `ZIP` and 2; a name without a number has zero.
fn split_number(name: &str) -> (&str, u64) {
    let digits = name.rsplit_once('_').filter(|(_, digits)| digits.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|(name, digits)| Some((name, digits.parse().ok()?))).unwrap_or((name, 0))
}
