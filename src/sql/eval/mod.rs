//! The evaluator: `sql::ast` with the semantics of ksqlDB 0.29.
//!
//! It has two phases. [`Program::compile`] types an expression against a relation by ksqlDB's rules, chooses overloads,
//! and reports what ksqlDB would refuse; [`Program::eval`] then evaluates rows without looking up names. What the
//! evaluator does not know it refuses when it compiles: it never guesses a value.
//!
//! | file | what it decides |
//! |---|---|
//! | `compile` | types, overloads, lambdas, where guards stand |
//! | `types` | result types of arithmetic, what may be compared, common types of lists |
//! | `run` | evaluation, NULL, exceptions |
//! | `batch`, `kernel` | the fast path over columns of numbers |
//! | `convert`, `compare`, `decimal`, `number`, `calendar`, `pattern`, `json`, `math` | the values |
//! | `functions/` | the table of functions, one theme a file |
//!
//! Deliberately absent: aggregates and table functions, BYTES beyond passing and comparing them, named time zones,
//! whatever shows the order of a hash table.

mod batch;
mod calendar;
mod chain;
mod compare;
mod compile;
mod convert;
mod decimal;
mod functions;
mod json;
mod kernel;
mod lists;
mod math;
mod messages;
mod number;
mod pattern;
mod run;
mod types;
mod value;

pub use chain::Chain;
pub use decimal::Decimal;
pub use kernel::Column;
pub use run::Event;
pub use value::{List, Value};

use crate::diag::{Failed, Report};
use crate::schema::{Relation, Type};
use crate::sql::ast::Expr;
use batch::Fast;
use run::{Frame, Node};

/// An expression, compiled for a relation.
#[derive(Debug)]
pub struct Program {
    node: Node,
    ty: Type,
    /// Whether it sorts arrays in place, so that rows have to be protected.
    sorts: bool,
    reads_event: bool,
    fast: Option<Fast>,
}

/// The values of an expression for a batch of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// DOUBLEs, with a flag for each that is NULL.
    Doubles(Vec<f64>, Vec<bool>),
    /// Values of the program's type.
    Values(Vec<Value>),
}

impl Output {
    /// The value of a row.
    pub fn value(&self, row: usize) -> Value {
        match self {
            Output::Doubles(values, nulls) => Column::Doubles(values, nulls).value(row),
            Output::Values(values) => Column::Values(values).value(row),
        }
    }
}

impl Program {
    /// Types and compiles an expression over the columns of a relation; reports why if ksqlDB would refuse it or the
    /// evaluator does not know it.
    pub fn compile(expr: &Expr, relation: &Relation, report: &mut Report) -> Result<Self, Failed> {
        compile::compile(expr, relation, report)
    }

    /// Compiles the condition of a WHERE clause: it must be BOOLEAN.
    pub fn compile_filter(expr: &Expr, relation: &Relation, report: &mut Report) -> Result<Self, Failed> {
        compile::compile_filter(expr, relation, report)
    }

    /// The type of its values.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// Whether its value depends on the [`Event`], not only on the columns.
    pub fn reads_event(&self) -> bool {
        self.reads_event
    }

    /// Its value for a row: one value for each column of the relation, each NULL or of the column's type.
    /// A failed evaluation is NULL, as in ksqlDB. The row is not changed, not even by ARRAY_SORT.
    pub fn eval(&self, row: &[Value], event: &Event) -> Value {
        let copy: Vec<Value>;
        let columns = if self.sorts {
            copy = row.iter().map(Value::deep_clone).collect();
            &copy
        } else {
            row
        };
        let mut frame = Frame { columns, event, variables: Vec::new() };
        self.node.eval(&mut frame).unwrap_or(Value::Null)
    }

    /// Its values for a batch of rows: the same as [`Program::eval`] gives for each, faster for numbers and conditions.
    /// There is one column for each column of the relation; what a column lacks at its end is NULL.
    pub fn eval_batch(&self, columns: &[Column<'_>], rows: usize, event: &Event) -> Output {
        match &self.fast {
            Some(fast) => fast.run(columns, rows),
            None => {
                let mut row: Vec<Value> = Vec::with_capacity(columns.len());
                let values = (0..rows).map(|index| {
                    row.clear();
                    row.extend(columns.iter().map(|column| column.value(index)));
                    self.eval(&row, event)
                });
                Output::Values(values.collect())
            }
        }
    }

    /// Whether [`Program::eval_batch`] takes the fast path.
    pub fn is_fast(&self) -> bool {
        self.fast.is_some()
    }

    /// Whether a row passes, when the expression is a WHERE clause: NULL and a failed evaluation drop it.
    pub fn keeps(&self, row: &[Value], event: &Event) -> bool {
        matches!(self.eval(row, event), Value::Boolean(true))
    }
}

/// The type that an expression has over the columns of a relation, by ksqlDB's rules.
pub fn type_of(expr: &Expr, relation: &Relation, report: &mut Report) -> Result<Type, Failed> {
    Program::compile(expr, relation, report).map(|program| program.ty)
}

/// Whether the expression may sort an array of its row where it stands: ksqlDB then shows it sorted wherever else the
/// statement reads it, before and after, so that what such an expression means depends on what stands beside it.
pub fn sorts_in_place(expr: &Expr) -> bool {
    compile::sorts_in_place(expr)
}

/// The names of the functions that the evaluator knows, sorted.
pub fn function_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = functions::all().map(|function| function.name).collect();
    names.sort_unstable();
    names
}
