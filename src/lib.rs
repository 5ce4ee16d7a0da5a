//! m2ksql compiles a trained model into the SQL of a streaming database.
//!
//! The way from file to text is a row of stages, each with its own representation, each simpler than the one before:
//! a model file is *loaded* into a [`model::Graph`] of vectors and machine-learning operators, *bound* to columns and
//! *lowered* to [`score::Score`], an arena of scalar expressions, *optimized*, *legalized* for a dialect, *planned*
//! within its limits, *emitted* as [`sql::ast`] and *printed*. [`compile`] names every stage and reads like this
//! paragraph; `docs/architecture.md` has the table.
//!
//! As a library, without the features `cli` and `deploy`, it takes two calls: load, then compile, which binds the features
//! to columns as its options say. Findings are in the report, with places in the texts of the sources.
//!
//! ```
//! use m2ksql::compile::{Options, compile};
//! use m2ksql::diag::{Failed, Report, Sources};
//! use m2ksql::{bind, load, syntax};
//!
//! # fn main() -> Result<(), Failed> {
//! let (mut sources, mut report) = (Sources::new(), Report::new());
//! let model = br#"{ "type": "logistic", "features": { "log_units": 10.0 }, "intercept": 2.0 }"#;
//! let graph = load::load(&mut sources, "model.json", model.to_vec(), &load::Options::default(), &mut report)?;
//!
//! let mut text = |name: &str, text: &str| bind::Text { source: sources.add(name, text), text: text.to_owned() };
//! let ddl = text("source.sql", "CREATE STREAM ORDERS (UNITS DOUBLE) WITH (KAFKA_TOPIC='o', VALUE_FORMAT='JSON');");
//! let features = text("features.sql", "log_units = LN(units + 1E0);");
//! let from = text("from", "ORDERS");
//! let options = Options {
//!     bind: bind::Options {
//!         definitions: vec![features],
//!         relation: syntax::relations(ddl.source, &ddl.text, &mut report)?.pop(),
//!         ..bind::Options::default()
//!     },
//!     shape: bind::ShapeOptions { from: Some(from), ..bind::ShapeOptions::default() },
//!     ..Options::default()
//! };
//! let compiled = compile(&graph, &options, &mut sources, &mut report)?;
//! assert!(compiled.text.contains("EXP(-1E1 * LN(UNITS + 1E0) - 2E0)"), "{}", compiled.text);
//! # Ok(())
//! # }
//! ```

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
