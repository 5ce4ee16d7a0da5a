//! m2ksql compiles a trained model into the SQL of a streaming database.
//!
//! The way from file to text is a row of stages, each with its own representation, each simpler than the one before:
//! a model file is *loaded* into a [`model::Graph`] of vectors and machine-learning operators, *bound* to columns and
//! *lowered* to [`score::Score`], an arena of scalar expressions, *optimized*, *legalized* for a dialect, *planned*
//! within its limits, *emitted* as [`sql::ast`] and *printed*. [`compile`] names every stage and reads like this
//! paragraph; `docs/architecture.md` has the table.

// a reader of the source follows such a link, a reader of the documentation sees its text
#![allow(rustdoc::private_intra_doc_links)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)
)]

pub mod bind;
#[cfg(feature = "cli")]
pub mod build;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compile;
#[cfg(feature = "deploy")]
pub mod deploy;
pub mod diag;
pub mod load;
pub mod lower;
pub mod model;
pub mod opt;
pub mod schema;
pub mod score;
pub mod sql;
pub mod syntax;
pub mod verify;
