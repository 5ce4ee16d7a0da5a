//! Queries of which each reads what the one before it gives.

use super::{Event, Program, Value};
use crate::diag::{Failed, Report};
use crate::schema::{Column, Relation, Type};
use crate::sql::alias::Generated;
use crate::sql::ast::{Item, Query};

/// Queries, compiled for the relation that the first one reads.
#[derive(Debug)]
pub struct Chain {
    links: Vec<Link>,
}

#[derive(Debug)]
struct Link {
    filter: Option<Program>,
    items: Vec<(String, From)>,
    /// The columns of the items.
    gives: Relation,
}

/// Where a column of a link comes from.
#[derive(Debug)]
enum From {
    Column(usize, Type),
    Program(Box<Program>),
}

impl From {
    fn ty(&self) -> &Type {
        match self {
            From::Column(_, ty) => ty,
            From::Program(program) => program.ty(),
        }
    }
}

impl Chain {
    /// Compiles the queries one after the other; reports what ksqlDB would refuse.
    pub fn compile(queries: &[&Query], relation: &Relation, report: &mut Report) -> Result<Self, Failed> {
        let mut read = relation.clone();
        let mut links = Vec::with_capacity(queries.len());
        for query in queries {
            let filter = match &query.filter {
                Some(filter) => Some(Program::compile_filter(filter, &read, report)?),
                None => None,
            };
            let mut items: Vec<(String, From)> = Vec::new();
            let mut generated = Generated::new(&read.columns);
            for item in &query.items {
                match item {
                    Item::All(_) => items.extend(
                        read.columns
                            .iter()
                            .enumerate()
                            .map(|(number, column)| (column.name.clone(), From::Column(number, column.ty.clone()))),
                    ),
                    Item::Expr { expr, alias, .. } => {
                        let name = alias.clone().unwrap_or_else(|| generated.name(expr));
                        items.push((name.0, From::Program(Box::new(Program::compile(expr, &read, report)?))));
                    }
                }
            }
            let columns =
                items.iter().map(|(name, from)| Column { name: name.clone(), ty: from.ty().clone(), key: None });
            read = Relation { columns: columns.collect(), ..read };
            links.push(Link { filter, items, gives: read.clone() });
        }
        Ok(Chain { links })
    }

    /// What each query gives, in order; also what the next one reads.
    pub fn relations(&self) -> impl ExactSizeIterator<Item = &Relation> {
        self.links.iter().map(|link| &link.gives)
    }

    /// The names and types of what the last query gives.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Type)> {
        let last = self.relations().last();
        last.into_iter().flat_map(|it| it.columns.iter().map(|column| (column.name.as_str(), &column.ty)))
    }

    /// What the last query gives for a row; `None` if a condition leaves it out.
    pub fn eval(&self, row: &[Value], event: &Event) -> Option<Vec<Value>> {
        let mut row = row.to_vec();
        for link in &self.links {
            if link.filter.as_ref().is_some_and(|filter| !filter.keeps(&row, event)) {
                return None;
            }
            let value = |(_, from): &(String, From)| match from {
                From::Column(number, _) => row.get(*number).cloned().unwrap_or(Value::Null),
                From::Program(program) => program.eval(&row, event),
            };
            row = link.items.iter().map(value).collect();
        }
        Some(row)
    }
}
