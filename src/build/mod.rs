//! Models as source code: a manifest that says what SQL is made of which model, and what of it is out of date.
//!
//! Here is what a manifest means and how texts differ; files are read and written by the command line.
//!
//! | file | what |
//! |---|---|
//! | `key` | the keys of a manifest, and their JSON Schema |
//! | `manifest` | `m2ksql.toml` as it is written |
//! | `target` | one model of it: its files, its options as the command line has them |
//! | `changes` | what differs between two texts; fingerprints |

mod changes;
mod key;
mod manifest;
mod target;

pub(crate) use changes::{Fingerprint, difference, sha256};
pub(crate) use key::{Holds, Key, Keys, no_path, whole_path};
pub(crate) use manifest::{Manifest, parse};
#[cfg(feature = "deploy")]
pub(crate) use target::words;
pub(crate) use target::{Target, targets};
