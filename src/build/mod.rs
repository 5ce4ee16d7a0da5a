//! Models as source code: a manifest that says what SQL is made of which model, and what of it is out of date.
//!
//! Here is what a manifest means and how texts differ; files are read and written by the command line.
//!
//! | file | what |
//! |---|---|
//! | `manifest` | `m2ksql.toml` as it is written |
//! | `target` | one model of it: its files, its options as the command line has them |
//! | `changes` | what differs between two texts; fingerprints |

mod changes;
mod manifest;
mod target;

pub use changes::{Fingerprint, difference};
pub use manifest::{Manifest, Nulls, Settings, manifest_schema, parse};
pub use target::{Target, targets};
