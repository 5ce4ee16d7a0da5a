//! The SQL side: the syntax tree, and the way from scalar expressions to text in a dialect.

pub mod accept;
pub mod alias;
pub mod ast;
pub mod cost;
pub mod dialect;
pub mod doc;
pub mod emit;
pub mod eval;
pub mod legalize;
pub mod plan;
pub mod print;
pub mod stages;
pub mod words;
