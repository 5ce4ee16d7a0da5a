//! The options of `build` and `test`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::Format;

/// Which manifest.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct ManifestOptions {
    /// Manifest; paths in it are relative to it
    #[arg(long, value_name = "FILE", default_value = "m2ksql.toml", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) manifest: PathBuf,
}

/// Write all SQL that a manifest names
///
/// A manifest, m2ksql.toml, names models and what is compiled of them; its keys are the long options of `compile`. Only what
/// changed is written; the names of written files go to standard output. What is wrong with one model does not keep the
/// others from being written, and all of it is reported.
///
/// Files are known by their content: .m2ksql-build.json beside the manifest has their hashes and need not be kept.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(in crate::cli) struct Build {
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestOptions,

    /// Write nothing: show what would change, and exit with 1 if anything would
    #[arg(long, conflicts_with = "watch")]
    pub(in crate::cli) check: bool,

    /// Compile also what has not changed
    #[arg(long)]
    pub(in crate::cli) all: bool,

    /// Build again whenever a file changes, until Ctrl-C
    #[arg(long)]
    pub(in crate::cli) watch: bool,

    /// Write rules for make to this file: each output and what it is made of
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) emit_deps: Option<PathBuf>,

    /// Print the JSON Schema of a manifest instead
    #[arg(long)]
    pub(in crate::cli) schema: bool,

    /// How diagnostics are written to standard error
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,
}

const EXAMPLE: &str = "\
Example of a manifest:
  [defaults]
  schema = \"source.sql\"
  from = \"ORDERS\"

  [[model]]
  file = \"models/*.json\"
  output = \"sql/{name}.sql\"
  into = \"SCORED_{name}\"
  keep = [\"ORDERID\"]";

/// Run the cases beside the models of a manifest
///
/// A model's cases are in the folder of its name with the ending .cases: rows.csv (or rows.jsonl) and expected.csv, or folders
/// with these. Each row is scored by the SQL that `compile` prints, and the columns of expected.csv are compared: numbers to a
/// relative difference, all else exactly; an empty field is NULL, and so is everything of a row that WHERE leaves out.
///
/// With --server a server scores the rows too: into a stream that is made for them and dropped again. The SQL is written for the
/// release that the server says it is then, unless the manifest names a target.
#[derive(Args)]
pub(in crate::cli) struct Test {
    /// Names of models, their files' without the ending [default: all of the manifest]
    #[arg(value_name = "NAME")]
    pub(in crate::cli) models: Vec<String>,

    #[cfg(not(feature = "deploy"))]
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestOptions,

    /// Largest relative difference between numbers
    #[arg(long, value_name = "X", default_value_t = 1e-9)]
    pub(in crate::cli) tolerance: f64,

    /// How diagnostics are written to standard error
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,

    #[cfg(feature = "deploy")]
    #[command(flatten)]
    pub(in crate::cli) server: super::server::ServerOptions,
}

impl Test {
    /// The path of the manifest.
    pub(in crate::cli) fn manifest(&self) -> &Path {
        #[cfg(feature = "deploy")]
        return &self.server.manifest.manifest;
        #[cfg(not(feature = "deploy"))]
        &self.manifest.manifest
    }
}
