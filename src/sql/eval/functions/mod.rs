//! The table of scalar functions: names, signatures, types and implementations, one theme a file.
//!
//! A function is one entry. Its overloads are chosen as ksqlDB's `UdfIndex` does: first without conversions, then with
//! the widening of numbers, and two equally good ones are an error. That an overload is missing here makes a call
//! refused, not wrong.

mod collections;
mod lambdas;
mod mathematics;
mod nulls;
mod regular;
mod resolve;
mod structured;
mod text;
mod time;

use super::run::{Closure, Evaluated, Event, Frame};
use super::value::Value;
use crate::schema::Type;
use crate::sql::ast::Expr;

pub(super) use resolve::{
    Argument, Letters, Refusal, accepts_type, has_letters, instantiate, parameter, resolve, result, width_of,
};

/// A function under its name in upper case.
#[derive(Debug)]
pub(super) struct Function {
    pub name: &'static str,
    pub overloads: &'static [Overload],
}

/// One signature of a function.
#[derive(Debug)]
pub(super) struct Overload {
    pub parameters: &'static [Parameter],
    /// Whether the last parameter may stand any number of times, also never.
    pub variadic: bool,
    pub returns: Returns,
    pub run: Run,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    Boolean,
    Integer,
    Bigint,
    Double,
    /// Of any precision and scale.
    Decimal,
    String,
    Bytes,
    Time,
    Date,
    Timestamp,
    /// A unit of time, as its milliseconds.
    Unit,
    /// The same type wherever the letter stands.
    Generic(char),
    Array(&'static Parameter),
    Map(&'static Parameter, &'static Parameter),
    /// A lambda with its parameters and its result.
    Lambda(&'static [Parameter], &'static Parameter),
}

/// How the type of the result is found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Returns {
    /// This type, with its letters replaced by what the arguments gave them.
    Is(&'static Parameter),
    /// Computed from the types of the arguments; NULL has none. `None` refuses the call.
    By(fn(&[Option<Type>]) -> Option<Type>),
}

/// What is prepared once from the literals among the arguments.
pub(super) type Prepared = Box<dyn Fn(&[Value]) -> Evaluated + Send + Sync>;

/// The implementation. Arguments are already converted to the parameters' types; NULLs are passed on.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Of one DOUBLE; NULL gives NULL.
    Double(fn(f64) -> f64),
    /// Of two DOUBLEs; NULL gives NULL.
    Doubles(fn(f64, f64) -> f64),
    /// Of any values.
    Values(fn(&[Value]) -> Evaluated),
    /// Of any values and their types.
    Typed(fn(&[Value], &[Option<Type>]) -> Evaluated),
    /// Of the event that is being processed.
    Event(fn(&Event) -> Value),
    /// Of values, with lambdas behind them.
    Lambdas(fn(&mut Frame<'_>, &[Value], &[Closure]) -> Evaluated),
    /// Made from the call's arguments as they are written; the error says what is missing.
    Prepare(fn(&[Expr]) -> Result<Prepared, String>),
    /// Known, but not computed, and why.
    Refused(&'static str),
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Run")
    }
}

/// The themes.
static THEMES: &[&[Function]] = &[
    mathematics::FUNCTIONS,
    nulls::FUNCTIONS,
    text::FUNCTIONS,
    regular::FUNCTIONS,
    collections::FUNCTIONS,
    lambdas::FUNCTIONS,
    structured::FUNCTIONS,
    time::FUNCTIONS,
];

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// Every function.
pub(super) fn all() -> impl Iterator<Item = &'static Function> {
    THEMES.iter().flat_map(|theme| theme.iter())
}

/// An overload with a fixed number of parameters.
const fn fixed(parameters: &'static [Parameter], returns: &'static Parameter, run: Run) -> Overload {
    Overload { parameters, variadic: false, returns: Returns::Is(returns), run }
}

/// An overload whose last parameter repeats.
const fn variadic(parameters: &'static [Parameter], returns: &'static Parameter, run: Run) -> Overload {
    Overload { parameters, variadic: true, returns: Returns::Is(returns), run }
}

/// The text of a literal argument.
fn literal_text(argument: Option<&Expr>) -> Option<&str> {
    match argument {
        Some(Expr::String(text)) => Some(text),
        Some(Expr::Commented(_, inner) | Expr::Located(_, inner)) => literal_text(Some(inner)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_upper_case() {
        let mut seen = std::collections::BTreeSet::new();
        for function in all() {
            assert!(seen.insert(function.name), "{} stands twice", function.name);
            assert_eq!(function.name, function.name.to_uppercase());
            assert!(!function.overloads.is_empty(), "{}", function.name);
        }
        assert!(seen.len() > 50);
    }
}
