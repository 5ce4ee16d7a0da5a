//! The SQL side: the syntax tree, and the way from scalar expressions to text in a dialect.

pub mod ast;
pub mod doc;
pub mod print;
pub mod words;
