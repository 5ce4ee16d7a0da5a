//! The model as its library means it: row vectors and machine-learning operators, free of any file format and of SQL.
//!
//! A [`Graph`] computes, for one row of [`Feature`]s, its [`Output`]s. Every node yields a vector of a fixed width whose
//! elements have one [`Elem`] type; operands stand before their users, so a pass is a loop. `check` holds what must be
//! true of a graph; [`eval`] computes it from the definitions below and is written independently of the compiler: it is
//! what the emitted SQL is compared with.
//!
//! Missing values ([`Value::Missing`], SQL's NULL) propagate through every operator except where its documentation says
//! otherwise: an operator with a missing operand element yields Missing in the elements that depend on it. NaN is a
//! number like any other and follows IEEE 754.

mod check;
mod contributions;
pub mod eval;
mod fmt;
mod graph;
mod op;
mod support;

pub use check::check;
pub use contributions::{Contributions, Obstacle, contributions, decider};
pub use graph::{Feature, Graph, Node, NodeId, Output, Role};
pub use op::{
    Binary, Decision, Elem, Encoder, Linear, Missing, Norm, Op, Precision, Reduction, Scaling, Unary, Unknown, Value,
};
pub use support::{Support, support};
