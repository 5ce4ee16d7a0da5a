//! m2ksql compiles a trained model into the SQL of a streaming database.
//!
//! The way from file to text is a row of stages, each with its own representation, each simpler than the one before:
//! a model file is *loaded* into a graph of vectors and machine-learning operators, *bound* to columns and *lowered* to an
//! arena of scalar expressions, *optimized*, *legalized* for a dialect, *planned* within its limits, *emitted* as a tree of SQL
//! and *printed*. `docs/architecture.md` has the table.
//!
//! As a library it takes three calls: load, bind, compile. The features `cli` (the program) and `deploy` (servers) are not
//! needed for them, `onnx` only for ONNX files.
//!
//! ```
//! use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model, Problems};
//!
//! # fn main() -> Result<(), Problems> {
//! let file = r#"{ "type": "logistic", "features": { "log_units": 10.0 }, "intercept": 2.0 }"#;
//! let model = Model::load("model.json", file, &LoadOptions::default())?;
//! let bound = model.bind(&BindOptions {
//!     schema: Some("CREATE STREAM ORDERS (UNITS DOUBLE) WITH (KAFKA_TOPIC='o', VALUE_FORMAT='JSON');".into()),
//!     definitions: Some("log_units = LN(units + 1E0);".into()),
//!     ..BindOptions::default()
//! })?;
//! let sql = bound.compile(&CompileOptions { from: Some("ORDERS".into()), ..CompileOptions::default() })?;
//! assert!(sql.text().contains("EXP(-1E1 * LN(UNITS + 1E0) - 2E0)"), "{sql}");
//! # Ok(())
//! # }
//! ```
//!
//! `examples/build-script` in the repository compiles a model in a `build.rs`.

// a reader of the source follows such a link, a reader of the documentation sees its text
#![allow(rustdoc::private_intra_doc_links)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)
)]

pub use api::{
    BindOptions, Bound, CompileOptions, Form, Link, LoadOptions, Model, Nulls, Problem, Problems, Sql, Vectors,
};

mod api;
#[cfg(feature = "cli")]
mod build;
#[cfg(feature = "cli")]
mod diff;

// The stages and the program, for the tests, the benchmarks and `main`: no interface to rely on. `--cfg internals` (in
// RUSTDOCFLAGS) documents them.
#[cfg_attr(not(internals), doc(hidden))]
pub mod bind;
#[cfg(feature = "cli")]
#[cfg_attr(not(internals), doc(hidden))]
pub mod cli;
#[cfg_attr(not(internals), doc(hidden))]
pub mod compile;
#[cfg(feature = "deploy")]
#[cfg_attr(not(internals), doc(hidden))]
pub mod deploy;
#[cfg_attr(not(internals), doc(hidden))]
pub mod diag;
#[cfg_attr(not(internals), doc(hidden))]
pub mod load;
#[cfg_attr(not(internals), doc(hidden))]
pub mod lower;
#[cfg_attr(not(internals), doc(hidden))]
pub mod model;
#[cfg_attr(not(internals), doc(hidden))]
pub mod opt;
#[cfg_attr(not(internals), doc(hidden))]
pub mod schema;
#[cfg_attr(not(internals), doc(hidden))]
pub mod score;
#[cfg_attr(not(internals), doc(hidden))]
pub mod sql;
#[cfg_attr(not(internals), doc(hidden))]
pub mod syntax;
#[cfg_attr(not(internals), doc(hidden))]
pub mod verify;
