//! Target dialects as data: limits, capabilities, and how each function of the IR is spelled.
//!
//! The trait has no default methods: a new function of the IR is a compile error in every dialect, never a silently
//! inherited spelling. A new dialect is one file and one line in [`DIALECTS`].

mod functions;
mod ksqldb;

pub use functions::{Since, since};
pub use ksqldb::KsqlDb;

use ksqldb::{RELEASES, numbers};

use super::ast::Operator;
use crate::schema::Type;
use crate::score::Function;

/// How a function of the IR is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Spelling {
    /// `NAME(arguments)`.
    Call(&'static str),
    /// `NAME(arguments)` that skips NULL arguments, so that they must be excluded before.
    SkipsNull(&'static str),
    /// Between its two arguments.
    Infix(Operator),
    /// `CAST(argument AS type)`.
    Cast(Type),
    /// It does not exist; `legalize` writes it with others.
    Rewrite,
    /// It does not exist, and there is no form exact enough; with the reason.
    Refuse(&'static str),
}

/// What the target takes. Counts are per SELECT item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nested operators and everything else that nests.
    pub depth: u32,
    /// Nested function calls.
    pub calls: u32,
    /// Nested CASE.
    pub cases: u32,
    /// Elements of an array constructor.
    pub elements: usize,
    /// Bytes of what the server keeps of one statement.
    pub record_bytes: usize,
    /// Columns and calls together; `None`: as many as there are.
    pub arguments: Option<u32>,
}

/// How the target behaves where engines differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The function that gives the largest element of an array, if it takes NaN for the largest number.
    pub array_max: Option<&'static str>,
    /// An arithmetic operation with a NULL operand makes the whole SELECT item NULL, wherever it stands in it.
    pub null_arithmetic_voids_item: bool,
    /// A comparison with a NULL operand is false, also under NOT.
    pub comparison_with_null_is_false: bool,
    /// A CAST is NULL where its operand cannot be computed; elsewhere the whole item is.
    pub cast_catches: bool,
}

/// What the target's work costs, for choosing between forms: nanoseconds, measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Reading a column.
    pub column: f64,
    /// An operator.
    pub operation: f64,
    /// A function call.
    pub call: f64,
    /// An arm of a CASE.
    pub arm: f64,
    /// Binding values to a name.
    pub binding: f64,
    /// Each value that is bound.
    pub bound: f64,
    /// Reading a bound value.
    pub reference: f64,
    /// A step of a lambda through an array.
    pub step: f64,
    /// One more stream between source and result: writing a row, and reading it.
    pub stream: f64,
    /// A column that such a stream passes through.
    pub passed: f64,
    /// How often each side of `a < b` is evaluated.
    pub comparison_sides: u32,
    /// How often each side of `a = b` is evaluated.
    pub equal_sides: u32,
    /// The weight of code that one method may hold before the engine stops compiling it, where a term `c * x` weighs 5.
    pub method: u64,
}

/// A target.
pub trait Dialect: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Whether what it writes is for the target of this name, or of this version.
    fn serves(&self, target: &str) -> bool;
    /// What it takes.
    fn limits(&self) -> Limits;
    /// What its work costs.
    fn costs(&self) -> Costs;
    /// How it behaves.
    fn capabilities(&self) -> Capabilities;
    /// How a function is written.
    fn spell(&self, function: Function) -> Spelling;
    /// Since when there is a function of this name, upper case, if the target does not have it yet.
    fn lacks(&self, function: &str) -> Option<&'static Since>;
}

/// Every dialect; of those that serve a target, the first is meant.
pub static DIALECTS: &[&dyn Dialect] = &[&RELEASES[0], &RELEASES[1], &RELEASES[2], &RELEASES[3], &RELEASES[4]];

/// The dialect for a target.
pub fn find(target: &str) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|dialect| dialect.serves(target))
}

/// What the version that a server gives says of the SQL that it takes.
#[derive(Clone, Copy)]
pub enum Server {
    /// This.
    Takes(&'static dyn Dialect),
    /// Less than any dialect is made of.
    TooOld,
    /// Nothing: it is no number of a release.
    Unknown,
}

/// The dialect for a server of this version.
pub fn of_server(version: &str) -> Server {
    match (find(version), numbers(version)) {
        (Some(dialect), _) => Server::Takes(dialect),
        (None, Some(_)) => Server::TooOld,
        (None, None) => Server::Unknown,
    }
}

/// What to say where [`find`] finds nothing.
pub fn no_such_release() -> String {
    let known = DIALECTS.iter().map(|dialect| dialect.name()).collect::<Vec<_>>().join(", ");
    format!("expected a release such as {known} or 7.4")
}

/// The dialect where no target is named.
pub fn default() -> &'static dyn Dialect {
    DIALECTS[0]
}
