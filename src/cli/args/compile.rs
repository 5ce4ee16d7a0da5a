//! The options of `compile`, and how their values are read.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::{Format, ModelOptions};
use crate::diag::{Report, Sources};
use crate::lower::{Kind, Nulls, Selection};
use crate::sql::ast::Expr;
use crate::syntax;

/// Print the SQL that computes a model
///
/// Without --from the SQL is a list of SELECT items, with --from a push query, with --into a CREATE STREAM AS SELECT.
///
/// Columns of the result, where --select does not name others: of a regression PREDICTION, of two classes PROBABILITY
/// (of the second class), of more classes LABEL and PROBABILITY (of the label), of classes without probabilities LABEL.
/// They keep their names, types and places when the model is fitted again, as CREATE OR REPLACE demands.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Compile {
    /// Model file; `-` reads standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) model: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) model_options: ModelOptions,

    #[command(flatten)]
    pub(in crate::cli) features: FeatureOptions,

    #[command(flatten)]
    pub(in crate::cli) results: ResultOptions,

    #[command(flatten)]
    pub(in crate::cli) statement: StatementOptions,

    #[command(flatten)]
    pub(in crate::cli) text: TextOptions,

    #[command(flatten)]
    pub(in crate::cli) output: OutputOptions,
}

const EXAMPLES: &str = "\
Examples:
  m2ksql compile model.json
  m2ksql compile model.json --from ORDERS_RAW
  m2ksql compile model.json --from ORDERS_RAW --into ORDERS_SCORED --keep ORDERID,ITEMID
  m2ksql compile model.json --select label=CHURN,probability=CHURN_P --threshold 0.8";

/// What feeds the features.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Features")]
pub(in crate::cli) struct FeatureOptions {
    /// Feed a feature by this column, nested field or expression; repeatable
    ///
    /// Without it a feature is fed by the column of its name: `orderunits` by ORDERUNITS.
    #[arg(long, value_name = "FEATURE=COLUMN")]
    pub(in crate::cli) rename: Vec<String>,

    /// Take the columns of the source from this file: its CREATE STREAM, or ksqlDB's answer to DESCRIBE in JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) schema: Option<PathBuf>,

    /// Declare a column of the source: 'ORDERID INT KEY'; repeatable
    ///
    /// Comes before the schema. Without a schema a column that is not declared has the type that its feature needs; a
    /// number may be of any numeric type, and is cast where that matters.
    #[arg(long, value_name = "NAME TYPE [KEY]")]
    pub(in crate::cli) column: Vec<String>,

    /// What a NULL feature does: propagate, guard, skip, or the number that it counts as
    ///
    /// propagate: results that depend on it are NULL, labels too. guard: the same, tested once up front; cheaper where
    /// NULLs are common. skip: the row is left out by WHERE. What the model itself says about missing values comes first.
    #[arg(long, value_name = "POLICY", default_value = "propagate", value_parser = nulls, allow_hyphen_values = true)]
    pub(in crate::cli) nulls: Nulls,
}

/// The columns that the model computes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Results")]
pub(in crate::cli) struct ResultOptions {
    /// Compute these: label, probability, probabilities, margin, prediction; each renamed by =NAME
    ///
    /// label: the class; without names of classes 0 or 1. probability: of the second of two classes, of more classes that
    /// of the label. probabilities: one column a class. margin: the score before the link. prediction: the value of a
    /// regression, one column a target.
    #[arg(long, value_name = "RESULT[=NAME],…", value_parser = selected)]
    pub(in crate::cli) select: Vec<Selected>,

    /// The label is the second of two classes where its probability is at least T
    ///
    /// Without it the label is the one that the model's library gives, mostly the class with more than one half.
    #[arg(long, value_name = "T", value_parser = threshold)]
    pub(in crate::cli) threshold: Option<f64>,
}

/// How a model is read, what feeds it and what is asked of it, where rows come from a file.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SubjectOptions {
    #[command(flatten)]
    pub(in crate::cli) model_options: ModelOptions,

    #[command(flatten)]
    pub(in crate::cli) features: FeatureOptions,

    /// Stream or table of the schema that has the features as columns
    #[arg(long, value_name = "NAME", requires = "schema", help_heading = "Features")]
    pub(in crate::cli) from: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) results: ResultOptions,
}

/// The statement around the results.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Statement")]
pub(in crate::cli) struct StatementOptions {
    /// Stream or table that has the features as columns
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) from: Option<String>,

    /// Stream or table that receives the results
    #[arg(long, value_name = "NAME", requires = "from")]
    pub(in crate::cli) into: Option<String>,

    /// Form of the SQL [default: stream with --into, select with --from, else expression]
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub(in crate::cli) form: Option<Form>,

    /// CREATE OR REPLACE
    #[arg(long, requires = "into")]
    pub(in crate::cli) or_replace: bool,

    /// Properties of the WITH clause: 'PARTITIONS=4'; repeatable
    #[arg(long, value_name = "NAME=VALUE,…", requires = "into")]
    pub(in crate::cli) with: Vec<String>,

    /// PARTITION BY these expressions
    #[arg(long, value_name = "EXPRESSION,…", requires = "from")]
    pub(in crate::cli) partition_by: Vec<String>,

    /// Columns and nested fields that pass through: 'ORDERID,ADDRESS->CITY', or '*'; repeatable
    #[arg(long, value_name = "COLUMN,…", requires = "from")]
    pub(in crate::cli) keep: Vec<String>,

    /// WHERE this condition holds
    #[arg(long = "where", value_name = "CONDITION", requires = "from")]
    pub(in crate::cli) filter: Option<String>,

    /// Begin with a comment: version, model file, hash
    #[arg(long, requires = "from")]
    pub(in crate::cli) header: bool,
}

/// What the SQL may be and how it is laid out.
#[derive(Debug, Args)]
#[command(next_help_heading = "SQL")]
pub(in crate::cli) struct TextOptions {
    /// Put names in back-quotes
    #[arg(long, value_enum, default_value_t = Quote::Needed)]
    pub(in crate::cli) quote: Quote,

    /// Columns of text after which lines are broken
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(in crate::cli) width: usize,

    /// Keep the operations of the source and their order
    ///
    /// Without it constants are folded together (a scaler into the weights) and signs moved, which may round differently.
    #[arg(long)]
    pub(in crate::cli) strict: bool,

    /// Write also what a server that has just started could not take
    ///
    /// Without it an expression of more than 100 nested operators is refused: a ksqlDB server that took it while it was
    /// warm would not start again.
    #[arg(long)]
    pub(in crate::cli) no_limits: bool,

    /// Leave out line breaks and blanks that only people need
    #[arg(long)]
    pub(in crate::cli) compact: bool,

    /// Do not read the SQL back to compare it with what was meant
    #[arg(long)]
    pub(in crate::cli) no_verify: bool,
}

/// Where the product goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct OutputOptions {
    /// Write to this file instead of standard output, at once or not at all
    #[arg(short = 'o', long = "output", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: Option<PathBuf>,

    /// Print this representation of the model
    #[arg(long, value_enum, default_value_t = Emit::Sql)]
    pub(in crate::cli) emit: Emit,

    /// Print what the plan costs, how near it is to the limits, and why: the same as --emit plan
    #[arg(long, conflicts_with = "emit")]
    pub(in crate::cli) explain_plan: bool,

    /// How diagnostics are written to standard error
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,
}

impl OutputOptions {
    /// What to print.
    pub(in crate::cli) fn emit(&self) -> Emit {
        if self.explain_plan { Emit::Plan } else { self.emit }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Form {
    /// SELECT items alone
    Expression,
    /// A push query
    Select,
    /// CREATE STREAM AS SELECT
    Stream,
    /// CREATE TABLE AS SELECT
    Table,
    /// INSERT INTO an existing stream
    Insert,
    /// A file for ksql-migrations; with --output DIRECTORY under the next free number
    Migration,
}

impl Default for TextOptions {
    fn default() -> Self {
        TextOptions {
            quote: Quote::Needed,
            width: 100,
            strict: false,
            no_limits: false,
            compact: false,
            no_verify: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Quote {
    /// All
    Always,
    /// Where they would be read as something else
    Needed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Emit {
    /// The model as it was read
    Graph,
    /// Scalar expressions, as they are printed
    Score,
    /// What the optimizer did, pass by pass
    Stats,
    /// The statement's items and their sizes
    Plan,
    /// The text
    Sql,
}

/// The results of one `--select`.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Selected(pub(in crate::cli) Vec<Selection>);

/// The parts of a list, divided at commas outside of quotes and brackets.
pub(in crate::cli) fn parts(list: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_usize, None);
    for (at, char) in list.char_indices() {
        match (quote, char) {
            (Some(open), _) if open == char => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '`' | '"') => quote = Some(char),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts.into_iter().map(str::trim).collect()
}

fn selected(list: &str) -> Result<Selected, String> {
    let one = |part: &str| {
        let (kind, name) = match part.split_once('=') {
            Some((kind, name)) => (kind.trim(), Some(column_name(name.trim())?)),
            None => (part, None),
        };
        let Some(kind) = Kind::find(kind) else {
            let known: Vec<&str> = Kind::ALL.iter().map(|(_, name)| *name).collect();
            return Err(format!("`{kind}` is no result; one of {}", known.join(", ")));
        };
        Ok(Selection { kind, name })
    };
    parts(list).into_iter().map(one).collect::<Result<_, _>>().map(Selected)
}

/// The stored name that a name on the command line stands for: in upper case, unless it is in back-quotes.
fn column_name(text: &str) -> Result<String, String> {
    let mut report = Report::new();
    let source = Sources::new().add("--select", text);
    match syntax::expression(source, text, &mut report) {
        Ok(Expr::Column(name)) => Ok(name.0),
        _ => Err(format!("`{text}` is no name of a column; put it in back-quotes")),
    }
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
    fn lists_are_divided_outside_of_quotes_and_brackets() {
        assert_eq!(parts("A, B->C"), ["A", "B->C"]);
        assert_eq!(parts("`a,b`,SUBSTRING(S, 1, 2) AS X,M['k,']"), ["`a,b`", "SUBSTRING(S, 1, 2) AS X", "M['k,']"]);
        assert_eq!(parts("'it''s,',B"), ["'it''s,'", "B"]);
        assert_eq!(parts("*"), ["*"]);
    }

    #[test]
    fn results_are_named_as_columns_are() {
        let Selected(list) = selected("label=churn,probability=`p, q`,margin").unwrap();
        let names: Vec<(Kind, Option<&str>)> = list.iter().map(|it| (it.kind, it.name.as_deref())).collect();
        assert_eq!(names, [(Kind::Label, Some("CHURN")), (Kind::Probability, Some("p, q")), (Kind::Margin, None)]);
        for wrong in ["", "labels", "label=a+b", "label=", "label,,margin"] {
            assert!(selected(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn policies_and_thresholds() {
        assert_eq!(nulls("-1.5e0"), Ok(Nulls::Value(-1.5)));
        assert_eq!(nulls("skip"), Ok(Nulls::Skip));
        assert!(nulls("NaN").is_err() && nulls("drop").is_err() && nulls("inf").is_err());
        assert_eq!(threshold("0.8"), Ok(0.8));
        assert!(["0", "1", "NaN", "x", "-1", "80%"].into_iter().all(|text| threshold(text).is_err()));
    }
}
