//! What every command has that reads a model and computes with it: the options of the model, of what feeds it, of its results.
//!
//! A command flattens [`SubjectOptions`]; an option that is added here is an option of all of them and a key of the manifest.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};

use crate::api::{Selected, selected};
use crate::load::Link;
use crate::lower::{MOST_REASONS, Nulls};
use crate::sql::dialect::{self, Dialect};

/// How a model is read, what feeds it, what is asked of it, and how it is computed.
///
/// Groups within groups are none to clap: here are flattened groups only, and no group of these has another.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SubjectOptions {
    #[command(flatten)]
    pub(in crate::cli) model: ModelOptions,

    #[command(flatten)]
    pub(in crate::cli) columns: ColumnOptions,

    #[command(flatten)]
    pub(in crate::cli) features: FeatureOptions,

    #[command(flatten)]
    pub(in crate::cli) results: ResultOptions,
}

/// What a user adds to the model file.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Model")]
pub(in crate::cli) struct ModelOptions {
    /// Link function of a file of coefficients that does not name one
    ///
    /// Without it such a file is read as the linear predictor, with a warning.
    #[arg(long, value_parser = link_parser())]
    pub(in crate::cli) link: Option<Link>,

    /// SQL definitions of features (`FILE.sql`), or the names of a file that has none (`a,b,c`); repeatable
    ///
    /// A file of definitions, its name ending in .sql: `log_amount = LN(amount + 1E0);`, each over columns and the definitions
    /// above it. Else the names of the features in the order of training, for a file without them (ONNX; scikit-learn fitted
    /// on arrays): a list, or `@FILE` with one name a line.
    #[arg(long, value_name = "FILE.sql|NAMES")]
    pub(in crate::cli) features: Vec<String>,
}

fn link_parser() -> impl TypedValueParser<Value = Link> {
    // every name that clap lets through is found
    PossibleValuesParser::new(Link::ALL.map(Link::name)).try_map(|name| Link::find(&name).ok_or("no such link"))
}

/// What feeds the features.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Features")]
pub(in crate::cli) struct FeatureOptions {
    /// Feed a feature by this column, nested field or expression; repeatable
    ///
    /// Without it a feature is fed by the column of its name: `orderunits` by ORDERUNITS.
    #[arg(long, value_name = "FEATURE=COLUMN")]
    pub(in crate::cli) rename: Vec<String>,

    /// What a NULL feature does: propagate, guard, skip, or the number that it counts as
    ///
    /// propagate: results that depend on it are NULL, labels too. guard: the same, tested once up front; cheaper where
    /// NULLs are common. skip: the row is left out by WHERE. What the model itself says about missing values comes first.
    #[arg(long, value_name = "POLICY", default_value = "propagate", value_parser = nulls, allow_hyphen_values = true)]
    pub(in crate::cli) nulls: Nulls,
}

/// The columns of the source.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Source")]
pub(in crate::cli) struct ColumnOptions {
    /// Take the columns of the source from this file: its CREATE STREAM, or ksqlDB's answer to DESCRIBE in JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) schema: Option<PathBuf>,

    /// Declare a column of the source: 'ORDERID INT KEY'; repeatable
    ///
    /// Comes before the schema. Without a schema a column that is not declared has the type that its feature needs; a
    /// number may be of any numeric type, and is cast where that matters.
    #[arg(long, value_name = "NAME TYPE [KEY]")]
    pub(in crate::cli) column: Vec<String>,
}

/// Which source of a schema is meant, where no statement names it.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct FromOptions {
    /// Stream or table of the schema that has the columns, if it declares several
    #[arg(long, value_name = "NAME", requires = "schema", help_heading = "Source")]
    pub(in crate::cli) from: Option<String>,
}

/// The columns that the model computes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Results")]
pub(in crate::cli) struct ResultOptions {
    /// Compute these: label, probability, probabilities, margin, prediction, contributions, reasons; each renamed by =NAME
    ///
    /// label: the class; without names of classes 0 or 1. probability: of the second of two classes, of more classes that
    /// of the label. probabilities: of every class. margin: the score before the link. prediction: the value of a
    /// regression, one column a target. contributions: what each feature adds to the margin (of the second of two classes,
    /// of more to that of the label); with the intercept they add up to it. reasons: the names of the features that add
    /// most, the largest first.
    #[arg(long, value_name = "RESULT[=NAME],…", value_parser = selected)]
    pub(in crate::cli) select: Vec<Selected>,

    /// The label is the second of two classes where its probability is at least T
    ///
    /// Without it the label is the one that the model's library gives, mostly the class with more than one half.
    #[arg(long, value_name = "T", value_parser = threshold)]
    pub(in crate::cli) threshold: Option<f64>,

    /// How probabilities are given: a column a class, or all in one column [default: columns]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(in crate::cli) probabilities: Option<Vectors>,

    /// How contributions are given: all in one column, or a column a feature [default: map]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(in crate::cli) contributions: Option<Vectors>,

    /// How many reasons are given [default: 3]
    #[arg(long, value_name = "N", value_parser = reasons)]
    pub(in crate::cli) reasons: Option<usize>,

    /// Keep the operations of the source and their order
    ///
    /// Without it constants are folded together (a scaler into the weights) and signs moved, which may round differently.
    #[arg(long)]
    pub(in crate::cli) strict: bool,

    /// Write SQL for this release: ksqldb-0.29, 7.4+, or an older one from ksqldb-0.21 (7.0) on [default: the
    /// server's, else ksqldb-0.29]
    ///
    /// Releases of ksqlDB (0.29) and of Confluent Platform (7.4) are known. Before 7.4 an item holds 250 columns and calls,
    /// before 7.3 there are no hyperbolic functions, and what is computed cannot be tested for NULL.
    #[arg(long, value_name = "RELEASE", value_parser = target)]
    pub(in crate::cli) target: Option<Target>,
}

/// A release, by its name or number.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Target(pub(in crate::cli) &'static dyn Dialect);

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

fn target(text: &str) -> Result<Target, String> {
    dialect::find(text).map(Target).ok_or_else(dialect::no_such_release)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Vectors {
    /// One column each
    Columns,
    /// An ARRAY in the order of the model
    Array,
    /// A MAP by the name of the class or feature
    Map,
}

fn nulls(policy: &str) -> Result<Nulls, String> {
    match policy {
        "propagate" => Ok(Nulls::Propagate),
        "guard" => Ok(Nulls::Guard),
        "skip" => Ok(Nulls::Skip),
        _ => match policy.parse() {
            Ok(value) if f64::is_finite(value) => Ok(Nulls::Value(value)),
            _ => Err("expected propagate, guard, skip or a number".to_owned()),
        },
    }
}

fn reasons(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST_REASONS).contains(&count) => Ok(count),
        _ => Err(format!("expected a number from 1 to {MOST_REASONS}")),
    }
}

fn threshold(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(threshold) if threshold > 0.0 && threshold < 1.0 => Ok(threshold),
        _ => Err("expected a probability between 0 and 1, both excluded".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_and_thresholds() {
        assert_eq!(nulls("-1.5e0"), Ok(Nulls::Value(-1.5)));
        assert_eq!(nulls("skip"), Ok(Nulls::Skip));
        assert!(nulls("NaN").is_err() && nulls("drop").is_err() && nulls("inf").is_err());
        assert_eq!(threshold("0.8"), Ok(0.8));
        assert!(["0", "1", "NaN", "x", "-1", "80%"].into_iter().all(|text| threshold(text).is_err()));
    }
}
