//! Columns and types of a streaming database.
//!
//! [`Type`] is the one enumeration of SQL types; `sql::ast` (CAST, column definitions) and `score` (types of expressions)
//! share it, so that a type means the same everywhere.

mod ty;

pub use ty::{Field, Type};

/// Whether, and how, a column is part of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// `KEY` of a stream: may be NULL.
    Key,
    /// `PRIMARY KEY` of a table.
    Primary,
    /// `HEADERS`: read from the record's headers, never part of the value.
    Headers,
    /// `HEADER('k')`: the value of one header.
    Header(String),
}

/// One column, under the name that the database stores: upper case unless it was declared quoted.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The stored name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Set for key and header columns.
    pub key: Option<Key>,
}

/// A stream or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An unbounded sequence of events.
    Stream,
    /// The latest value for every primary key.
    Table,
}

/// A stream or table with its columns in order: what a model is bound to.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// The stored name.
    pub name: String,
    /// Stream or table.
    pub kind: Kind,
    /// In the order of the declaration.
    pub columns: Vec<Column>,
}

impl Relation {
    /// The column of this stored name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
