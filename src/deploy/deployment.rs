//! What is deployed: the statements of a model, marked with which model it is, and what each column of the sink is.

use sha2::{Digest, Sha256};

use super::history::{APPLY, Column, Entry, Role};
use super::normal::normal;
use crate::schema::Relation;
use crate::sql::ast::{Expr, Item, Name, Statement};

/// A model file, as the history names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// The SHA-256 of the file, in hexadecimal digits.
    pub hash: String,
    /// Its name.
    pub file: String,
    /// What the user calls this version; may be empty.
    pub version: String,
}

impl Model {
    /// The model in these bytes.
    pub fn new(bytes: &[u8], file: &str, version: &str) -> Model {
        let hash = Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        Model { hash, file: file.to_owned(), version: version.to_owned() }
    }

    /// What marks its rows.
    pub fn mark(&self) -> String {
        let short = short(&self.hash);
        if self.version.is_empty() { short } else { format!("{} {short}", self.version) }
    }
}

/// Enough of a hash to find the file by.
fn short(hash: &str) -> String {
    format!("sha256:{}", &hash[..hash.len().min(16)])
}

/// Whether a mark in a row is that of a model file of this hash.
pub fn is_mark_of(mark: &str, hash: &str) -> bool {
    !hash.is_empty() && mark.ends_with(&short(hash))
}

/// Statements that a server is to run, and what the history will say of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deployment {
    /// CREATE … AS SELECT, each reading from what is before it or exists; the last one makes the sink.
    pub statements: Vec<Statement>,
    /// All but the statements as they are sent.
    pub entry: Entry,
}

impl Deployment {
    /// The statements of a model whose last one computes these columns, with a constant column of this name that says
    /// which model scored a row. `source` is what the first statement reads from.
    pub fn new(
        mut statements: Vec<Statement>,
        results: &[&str],
        source: &Relation,
        model: &Model,
        mark: Option<&str>,
    ) -> Deployment {
        let mut entry = Entry {
            action: APPLY.to_owned(),
            source: source.name.clone(),
            model: model.hash.clone(),
            file: model.file.clone(),
            version: model.version.clone(),
            program: concat!("m2ksql ", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Entry::default()
        };
        if let Some(Statement::CreateAs { name, query, .. }) = statements.last_mut() {
            if let Some(column) = mark {
                let (expr, alias) = (Expr::String(model.mark()), Some(Name::new(column)));
                query.items.push(Item::Expr { comments: Vec::new(), expr, alias });
            }
            entry.sink = name.0.clone();
            let role = |name: &str| match name {
                _ if mark == Some(name) => Role::Model,
                _ if results.contains(&name) => Role::Result,
                _ => Role::Kept,
            };
            let names = normal(query, Some(source)).items.into_iter().map(|(name, _)| name.0);
            entry.columns = names.map(|name| Column { role: role(&name), name }).collect();
        }
        Deployment { statements, entry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::plan::read;
    use crate::schema::{self, Kind, Type};

    #[test]
    fn rows_are_marked_and_columns_have_roles() {
        let model = Model::new(b"{}", "m.json", "two");
        assert_eq!(model.mark(), "two sha256:44136fa355b3678a");
        assert!(is_mark_of("two sha256:44136fa355b3678a", &model.hash));
        assert!(!is_mark_of("two sha256:44136fa355b3678a", "") && !is_mark_of("two", &model.hash));
        let column = |name: &str| schema::Column { name: name.to_owned(), ty: Type::Double, key: None };
        let source = Relation { name: "S".into(), kind: Kind::Stream, columns: vec![column("A"), column("B")] };
        let statement = read("CREATE STREAM T AS SELECT *, A + B AS P FROM S;").unwrap();
        let found = Deployment::new(vec![statement], &["P"], &source, &model, Some("MODEL"));
        let columns: Vec<(&str, Role)> = found.entry.columns.iter().map(|it| (it.name.as_str(), it.role)).collect();
        assert_eq!(columns, [("A", Role::Kept), ("B", Role::Kept), ("P", Role::Result), ("MODEL", Role::Model)]);
        let marked = read("CREATE STREAM T AS SELECT *, A + B AS P, 'two sha256:44136fa355b3678a' AS MODEL FROM S;");
        assert_eq!((found.statements, found.entry.sink.as_str()), (vec![marked.unwrap()], "T"));
    }
}
