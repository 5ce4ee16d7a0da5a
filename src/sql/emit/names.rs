//! Names for bound values, and the lambdas that bind them.
//!
//! ksqlDB has no LET: `REDUCE(ARRAY[value], start, (_S, _Z) => body)` runs the body once, with the value as `_Z`; several
//! values are one array, `_Z[1]`, `_Z[2]` … The start only gives the type; it must not be NULL, or the result is. Inner
//! lambdas see the variables of outer ones and the columns, so that no name may be a column's.

use crate::bind::Bindings;
use crate::schema::Type;
use crate::sql::ast::{Expr, Name, Operator};
use std::collections::BTreeSet;

/// The names of lambda variables in a statement.
pub(super) struct Names {
    /// Names that columns have.
    taken: BTreeSet<String>,
}

impl Names {
    /// Names that no column of the source has, as far as it is known: ksqlDB refuses a lambda's variable of such a name.
    pub(super) fn beside(bindings: &Bindings) -> Self {
        let declared = bindings.relation.iter().flat_map(|relation| &relation.columns);
        let mut taken: BTreeSet<String> = declared.map(|column| column.name.clone()).collect();
        let mut stack: Vec<&Expr> = bindings.inputs.iter().map(|binding| &binding.expr).collect();
        while let Some(expr) = stack.pop() {
            if let Expr::Column(name) = expr {
                taken.insert(name.as_str().to_owned());
            }
            expr.for_each_child(|child| stack.push(child));
        }
        Names { taken }
    }

    fn free(&self, wanted: &str) -> Name {
        let mut name = wanted.to_owned();
        while self.taken.contains(&name) {
            name.push('_');
        }
        Name::new(name)
    }

    /// The variable of a level: `_Z`, then `_Z2`, `_Z3` …
    pub(super) fn variable(&self, letter: char, level: usize) -> Name {
        match level {
            0 => self.free(&format!("_{letter}")),
            _ => self.free(&format!("_{letter}{}", level + 1)),
        }
    }

    /// How a bound value is read.
    pub(super) fn value(&self, level: usize, position: usize, alone: bool) -> Expr {
        let variable = Expr::Column(self.variable('Z', level));
        match alone {
            true => variable,
            false => Expr::Index(Box::new(variable), Box::new(Expr::Integer(position as i64 + 1))),
        }
    }

    /// The array of the values of a level, if there are several.
    pub(super) fn array(&self, level: usize) -> Expr {
        Expr::Column(self.variable('Z', level))
    }

    /// `body`, of this type, where the values of a level have names.
    pub(super) fn bind(&self, level: usize, mut values: Vec<Expr>, body: Expr, ty: &Type) -> Expr {
        let value = match values.len() {
            1 => values.remove(0),
            _ => Expr::Array(values),
        };
        self.bind_to('Z', level, value, body, ty)
    }

    /// `body`, of this type, where a value has this name.
    pub(super) fn bind_to(&self, letter: char, level: usize, value: Expr, body: Expr, ty: &Type) -> Expr {
        let lambda = Expr::Lambda(vec![self.variable('S', level), self.variable(letter, level)], Box::new(body));
        Expr::call("REDUCE", vec![Expr::Array(vec![value]), start(ty), lambda])
    }

    /// The elements added to the total one after the other.
    pub(super) fn accumulate(&self, elements: Vec<Expr>, total: Expr) -> Expr {
        let (sum, next) = (self.free("_T"), self.free("_X"));
        let both = Expr::Chain(Box::new(Expr::Column(sum.clone())), vec![(Operator::Add, Expr::Column(next.clone()))]);
        Expr::call("REDUCE", vec![Expr::Array(elements), total, Expr::Lambda(vec![sum, next], Box::new(both))])
    }
}

/// Some value of the type.
fn start(ty: &Type) -> Expr {
    match ty {
        Type::String => Expr::String(String::new()),
        Type::Boolean => Expr::Boolean(false),
        Type::Double => Expr::double(0.0),
        Type::Array(element) => Expr::Array(vec![start(element)]),
        Type::Map(key, value) => Expr::Map(vec![(start(key), start(value))]),
        other => Expr::Cast(Box::new(Expr::Integer(0)), other.clone()),
    }
}
