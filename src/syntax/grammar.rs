//! The pest parser of `grammar/`; the three files are one grammar.

use pest_derive::Parser;

/// Reads a rule of the grammar.
#[derive(Parser)]
#[grammar = "../grammar/lexical.pest"]
#[grammar = "../grammar/expr.pest"]
#[grammar = "../grammar/ksql.pest"]
pub(super) struct Grammar;
