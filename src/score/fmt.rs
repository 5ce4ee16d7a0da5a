//! The text dump of a [`Score`]: one expression a line, for `--emit score` and for tests.

use super::{Const, Expr, Form, Id, Score};
use std::fmt;

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl fmt::Display for Const {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Const::Double(value) => write!(f, "{:?}", value.0),
            Const::Bigint(value) => write!(f, "{value}i"),
            Const::Text(value) => write!(f, "{value:?}"),
            Const::Boolean(value) => write!(f, "{value}"),
            Const::Null(ty) => write!(f, "null {ty}"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, ids: &[Id]) -> fmt::Result {
    ids.iter().try_for_each(|id| write!(f, " {id}"))
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, input) in self.inputs().iter().enumerate() {
            let nullable = if input.nullable { "" } else { " not null" };
            writeln!(f, "input {number} {} {}{nullable}", input.name, input.ty)?;
        }
        let uses = self.uses();
        for id in self.ids().filter(|id| uses[id.index()] > 0) {
            write!(f, "{id} = ")?;
            match self.expr(id) {
                Expr::Const(constant) => write!(f, "{constant}")?,
                Expr::Input(number) => write!(f, "input {number}")?,
                Expr::Sum(terms) => {
                    f.write_str("sum")?;
                    for term in terms {
                        write!(f, " {:?}", term.coefficient)?;
                        if let Some(factor) = term.factor {
                            write!(f, "*{factor}")?;
                        }
                    }
                }
                Expr::Product(factors) => {
                    f.write_str("product")?;
                    list(f, factors)?;
                }
                Expr::Call(function, arguments) => {
                    f.write_str(function.name())?;
                    list(f, arguments)?;
                }
                Expr::Compare(comparison, a, b) => write!(f, "{a} {} {b}", comparison.symbol())?,
                Expr::And(items) => {
                    f.write_str("and")?;
                    list(f, items)?;
                }
                Expr::Or(items) => {
                    f.write_str("or")?;
                    list(f, items)?;
                }
                Expr::Not(a) => write!(f, "not {a}")?,
                Expr::IsNull(a) => write!(f, "is_null {a}")?,
                Expr::Case(arms, otherwise) => {
                    f.write_str("case")?;
                    for arm in arms {
                        write!(f, " {} => {},", arm.condition, arm.value)?;
                    }
                    write!(f, " else {otherwise}")?;
                }
            }
            writeln!(f)?;
        }
        for output in &self.outputs {
            write!(f, "output {} =", output.name)?;
            match &output.form {
                Form::Scalar => {}
                Form::Array => f.write_str(" array")?,
                Form::Map(keys) => write!(f, " map {keys:?} of")?,
                Form::Top { names, count } => write!(f, " top {count} {names:?} by")?,
            }
            list(f, &output.roots)?;
            writeln!(f)?;
        }
        for number in &self.required {
            writeln!(f, "require input {number}")?;
        }
        Ok(())
    }
}
