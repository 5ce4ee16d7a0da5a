//! From features to columns: which column or SQL expression feeds each feature of a model.
//!
//! Without a schema a feature is fed by the column that its name spells: `orderunits` by `ORDERUNITS`, as ksqlDB stores a
//! bare name, a name that cannot stand bare by itself in quotes. Declared columns and renames come first.

mod clauses;
mod declared;
mod definitions;
mod import;
mod names;
mod resolve;
mod shape;
mod source;

pub use declared::declared;
pub use import::Importer;
pub use names::stored;
pub use resolve::{bind, natural_type, program, relation};
pub use shape::{Form, Shape, ShapeOptions, check_columns, shape};
pub use source::source;

use crate::diag::{SourceId, Sources};
use crate::model::Graph;
use crate::schema::{Relation, Type};
use crate::score;
use crate::sql::ast;

/// What feeds a feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// A column, a nested field, or an expression over columns.
    pub expr: ast::Expr,
    /// Its SQL type; `None`: no schema was given, the column has the type that the feature needs (for a number, any
    /// numeric type).
    pub ty: Option<Type>,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// What feeds each feature, in the order of the features, and what is known about where the columns come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bindings {
    /// One per feature, and behind them the leaves of the expressions that are computed by nodes of a Score.
    pub inputs: Vec<Binding>,
    /// The type that each input has in a Score.
    pub types: Vec<Type>,
    /// For each feature its expression, if that is computed by nodes of a Score; its own input is not read then.
    pub imported: Vec<Option<ast::Expr>>,
    /// The relation, as far as it is known: declared columns, or a schema.
    pub relation: Option<Relation>,
    /// Whether it has no other columns: there was a schema.
    pub complete: bool,
}

impl Bindings {
    /// The inputs of a Score over these bindings. `nullable` says which may be NULL.
    pub fn score_inputs(&self, graph: &Graph, nullable: &[bool]) -> Vec<score::Input> {
        let inputs = self.inputs.iter().zip(&self.types).zip(nullable).enumerate();
        inputs
            .map(|(number, ((binding, ty), &nullable))| score::Input {
                name: match (graph.features.get(number), &binding.expr) {
                    (Some(feature), _) => feature.name.clone(),
                    (None, ast::Expr::Column(name)) => name.0.clone(),
                    (None, _) => format!("leaf {number}"),
                },
                ty: ty.clone(),
                nullable,
                nan: matches!(binding.ty, None | Some(Type::Double)),
            })
            .collect()
    }
}

/// A text from the command line, entered among the sources so that findings can point into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Where it was entered.
    pub source: SourceId,
    /// The text itself.
    pub text: String,
}

impl Text {
    /// Enters a text under the name that findings in it show.
    pub fn new(sources: &mut Sources, name: &str, text: &str) -> Self {
        Text { source: sources.add(name, text), text: text.to_owned() }
    }
}

/// What the user says about columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// `feature=COLUMN`: the feature's name, and a column, nested field or expression.
    pub renames: Vec<Text>,
    /// Files of definitions: `log_amount = LN(amount + 1E0);`.
    pub definitions: Vec<Text>,
    /// `NAME TYPE [KEY]`: columns that the source has.
    pub columns: Vec<Text>,
    /// The source as its DDL or the server describes it.
    pub relation: Option<Relation>,
}
