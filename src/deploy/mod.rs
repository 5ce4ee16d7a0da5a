//! A ksqlDB server over its REST API: statements, rows, and what runs there.
//!
//! [`Client`] speaks HTTP/1.1 and turns everything that can go wrong into a [`Fault`], which knows what may be sent again
//! and how it is told to a person. [`frames`] cuts a streamed answer into rows as the bytes come, so that an answer that
//! breaks off keeps every complete row; [`query`] runs a query until one of its limits. Nothing here prints, and secrets
//! have no way into a text: [`Secret`] can be neither formatted nor compared.
//!
//! What runs on a server is a [`deployment::Deployment`]. A [`change::Change`] of it is planned ([`plan`]), to be shown,
//! and then carried out ([`apply`]) and recorded ([`history`]); [`rollback`], [`mod@drop`] and [`shadow`] plan changes too.

pub mod api;
pub mod apply;
pub mod change;
mod client;
pub mod compare;
pub mod deployment;
pub mod drop;
mod fault;
pub mod frames;
pub mod history;
mod lag;
pub mod normal;
mod pipe;
pub mod plan;
pub mod query;
mod release;
pub mod rollback;
mod secret;
pub mod shadow;
pub mod status;
pub mod talk;

pub use client::{Client, Credentials, Endpoint, Properties, Repeat, Settings};
pub use fault::{Fault, Refusal};
pub use secret::Secret;
