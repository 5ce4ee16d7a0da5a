//! Is this SQL really the model? Two independent paths from the model to values, compared on rows made on purpose.
//!
//! One path is [`model::eval`](crate::model::eval), which interprets the graph vector by vector; the other is the printed
//! text, read back and evaluated with the engine's semantics by [`sql::eval`](crate::sql::eval). They round differently,
//! so each result is held against the set of values that rounding admits for that row ([`bound`]): what differs has to
//! be in it on both sides. Nothing else is tolerated, NULLs and labels included.
//!
//! | file | what |
//! |---|---|
//! | `bound` | which values an admissible evaluation may give |
//! | `interval` | what numbers may be, and the arithmetic of that |
//! | `subject` | both paths, ready for rows of columns |
//! | `rows` | rows: thresholds and their neighbours, extremes, NULLs, categories, the decision boundary, random ones |
//! | `special` | the values that each column is tried with |
//! | `json` | rows as lines of JSON |
//! | `examples` | rows with what the model gives for them, for tests of others |
//! | `expected` | predictions of the training library |
//! | `server` | what a server gives |
//! | `report` | what is counted |
//! | `values` | from one representation of a value to another |

pub mod bound;
mod examples;
mod expected;
mod interval;
mod json;
mod report;
mod rows;
mod server;
mod special;
mod subject;
mod values;

pub use examples::Example;
pub use expected::{Expected, ExpectedReport};
pub use json::json;
pub use report::{Mismatch, VerifyReport};
pub use rows::Probes;
pub use server::{EvaluatorReport, ServerReport};
pub use subject::{Row, Subject};
