//! `m2ksql.toml`: the types that it is read into, and their JSON Schema for editors.
//!
//! Keys are the long options of `compile`, so that what holds for the one holds for the other. A key that is not known is an
//! error: a misspelt option that is passed over would change the SQL in silence.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diag::codes::compile::BAD_MANIFEST;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId};

/// A build: which SQL is made of which models.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "m2ksql.toml")]
pub struct Manifest {
    /// Settings of all models that do not have their own.
    #[serde(default)]
    pub defaults: Settings,
    /// The models.
    #[serde(default)]
    pub model: Vec<Settings>,
}

/// What a model is compiled to. Paths are relative to the manifest.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// The model file, or a pattern for several: `models/*.json`. Only of a model, not of the defaults.
    pub file: Option<String>,
    /// Where the SQL is written; `{name}` is the file's name without its ending. Default: `sql/{name}.sql`.
    pub output: Option<String>,
    /// The folder of cases for `m2ksql test`; `{name}` as in `output`. Default: the model file with the ending `.cases`.
    pub cases: Option<String>,
    /// Files of feature definitions.
    pub features: Option<Vec<String>>,
    /// Names of the columns of an ONNX file, in the order of training.
    pub feature_names: Option<Vec<String>>,
    /// Link function of a file of coefficients that does not name one.
    pub link: Option<String>,
    /// By which column, nested field or expression a feature is fed.
    pub rename: Option<BTreeMap<String, String>>,
    /// The source's CREATE STREAM, or ksqlDB's answer to DESCRIBE in JSON.
    pub schema: Option<String>,
    /// Columns of the source: `ORDERID INT KEY`.
    pub column: Option<Vec<String>>,
    /// What a NULL feature does: propagate, guard, skip, or the number that it counts as.
    pub nulls: Option<Nulls>,
    /// What is computed: label, probability, probabilities, margin, prediction; each renamed by `=NAME`.
    pub select: Option<Vec<String>>,
    /// The label is the second of two classes where its probability is at least this.
    pub threshold: Option<f64>,
    /// Stream or table that has the features as columns.
    pub from: Option<String>,
    /// Stream or table that receives the results; `{name}` as in `output`.
    pub into: Option<String>,
    /// Form of the SQL: expression, select, stream, table, insert.
    #[serde(rename = "as")]
    pub form: Option<String>,
    /// CREATE OR REPLACE.
    pub or_replace: Option<bool>,
    /// Properties of the WITH clause: `PARTITIONS=4`.
    pub with: Option<Vec<String>>,
    /// PARTITION BY these expressions.
    pub partition_by: Option<Vec<String>>,
    /// Columns and nested fields that pass through.
    pub keep: Option<Vec<String>>,
    /// WHERE this condition holds.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// Begin with a comment: version, model file, hash.
    pub header: Option<bool>,
    /// Which names are put in back-quotes: always, needed.
    pub quote: Option<String>,
    /// Columns of text after which lines are broken.
    pub width: Option<u64>,
    /// Keep the operations of the source and their order.
    pub strict: Option<bool>,
    /// Write also what a server that has just started could not take.
    pub no_limits: Option<bool>,
}

/// What a NULL feature does.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Nulls {
    /// The number that it counts as.
    Value(f64),
    /// propagate, guard or skip.
    Policy(String),
}

/// Reads a manifest; what is wrong with it is shown where it stands.
pub fn parse(source: SourceId, text: &str, report: &mut Report) -> Result<Manifest, Failed> {
    toml::from_str(text).map_err(|error| {
        let message: String = error.message().lines().collect::<Vec<_>>().join("; ");
        let place = error.span().map_or_else(|| Place::file(source), |span| Place::span(source, span));
        report.fail(
            Diagnostic::new(&BAD_MANIFEST, message).at(place).help("`m2ksql build --schema` prints what it may hold"),
        )
    })
}

/// The JSON Schema of a manifest, by which editors complete and check it.
pub fn manifest_schema() -> String {
    let schema = schemars::schema_for!(Manifest);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
