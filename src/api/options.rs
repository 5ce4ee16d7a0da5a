//! The options of the three calls, and what they are to the stages.

use std::path::PathBuf;

use crate::bind::{self, ShapeOptions, Text};
use crate::compile;
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::{Diagnostic, Failed, Place, Report, Sources};
use crate::load;
use crate::lower;
use crate::schema::Kind;
use crate::sql::dialect;
use crate::sql::print::{Quote, Style};

use super::select::selected;

/// What is known of a model beyond its file.
///
/// ```
/// use m2ksql::{Link, LoadOptions, Model};
///
/// let options = LoadOptions { link: Some(Link::Logit), ..LoadOptions::default() };
/// let model = Model::load("model.json", r#"{ "params": { "Intercept": 1.0, "x": 2.0 } }"#, &options)?;
/// assert_eq!(model.features(), ["x"]);
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadOptions {
    /// The link function of a file of coefficients that does not name one.
    pub link: Option<Link>,
    /// The names of the features in the order of training, for a file that has none (ONNX; scikit-learn fitted on arrays).
    pub features: Option<Vec<String>>,
    /// The folder of the model, for a file whose weights are in another file beside it (ONNX).
    pub folder: Option<PathBuf>,
}

/// How the mean of a generalized linear model follows from its linear predictor: by the inverse of the link.
///
/// ```
/// use m2ksql::{BindOptions, CompileOptions, Link, LoadOptions, Model};
///
/// let options = LoadOptions { link: Some(Link::Log), ..LoadOptions::default() };
/// let model = Model::load("model.json", r#"{ "params": { "Intercept": 1.0, "x": 2.0 } }"#, &options)?;
/// let sql = model.bind(&BindOptions::default())?.compile(&CompileOptions::default())?;
/// assert_eq!(sql.text(), "EXP(2E0 * X + 1E0) AS PREDICTION\n");
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Mean = predictor.
    Identity,
    /// Mean = `e^predictor`.
    Log,
    /// Mean = `1 / (1 + e^-predictor)`.
    Logit,
    /// Mean = `1 - e^(-e^predictor)`.
    Cloglog,
    /// Mean = `1 / predictor`.
    Inverse,
    /// Mean = Φ(predictor), the distribution function of the normal distribution.
    Probit,
}

/// What feeds the features. Without it each is fed by the column of its name.
///
/// ```
/// use m2ksql::{BindOptions, LoadOptions, Model};
///
/// let model = Model::load("m.json", r#"{ "type": "linear", "features": { "x": 1.0 } }"#, &LoadOptions::default())?;
/// let options = BindOptions { column: vec!["Y INT".into()], rename: vec!["x=Y".into()], ..BindOptions::default() };
/// assert_eq!(model.bind(&options)?.inputs()[0].1, "Y");
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BindOptions {
    /// The source's CREATE STREAM or CREATE TABLE, or ksqlDB's answer to DESCRIBE in JSON.
    pub schema: Option<String>,
    /// Which source is meant, if the schema declares several.
    pub source: Option<String>,
    /// Columns of the source: `ORDERID INT KEY`; before those of the schema.
    pub column: Vec<String>,
    /// `FEATURE=COLUMN`: the feature's name, and the column, nested field or expression that feeds it.
    pub rename: Vec<String>,
    /// SQL definitions of features: `log_amount = LN(amount + 1E0);`, each over columns and the definitions above it.
    pub definitions: Option<String>,
}

/// What SQL is wanted. The texts are those of the options of `m2ksql compile`.
///
/// ```
/// use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model};
///
/// let file = r#"{ "type": "logistic", "features": { "units": 10.0 }, "intercept": 2.0 }"#;
/// let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
/// let options = CompileOptions {
///     from: Some("ORDERS".into()),
///     into: Some("SCORED".into()),
///     select: vec!["label=CHURN".into(), "probability=P".into()],
///     threshold: Some(0.8),
///     ..CompileOptions::default()
/// };
/// let sql = bound.compile(&options)?;
/// assert!(sql.text().starts_with("CREATE STREAM SCORED AS\nSELECT"), "{sql}");
/// assert_eq!(sql.columns()[1], ("P".to_owned(), "DOUBLE".to_owned()));
///
/// // why: the two features that add most, for a server of 7.3
/// let why = CompileOptions {
///     select: vec!["reasons".into()],
///     reasons: Some(2),
///     target: Some("7.3".into()),
///     ..CompileOptions::default()
/// };
/// assert_eq!(bound.compile(&why)?.columns(), [("REASONS".to_owned(), "ARRAY<STRING>".to_owned())]);
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CompileOptions {
    /// What is computed: `label`, `probability`, `probabilities`, `margin`, `prediction`, `contributions`, `reasons`, each
    /// renamed by `=NAME`. Empty: what the kind of model suggests.
    pub select: Vec<String>,
    /// The label is the second of two classes where its probability is at least this.
    pub threshold: Option<f64>,
    /// How `probabilities` are given; columns if not said.
    pub probabilities: Option<Vectors>,
    /// How `contributions` are given; a map if not said.
    pub contributions: Option<Vectors>,
    /// How many `reasons` there are; three if not said.
    pub reasons: Option<usize>,
    /// What a NULL feature does.
    pub nulls: Nulls,
    /// Keep the operations of the source and their order.
    pub strict: bool,
    /// The release that the SQL is for: `ksqldb-0.29`, or `7.4` of Confluent Platform; `None`: the newest.
    pub target: Option<String>,
    /// The stream or table that has the columns; `None`: items of a SELECT alone.
    pub from: Option<String>,
    /// The stream or table that receives the results; `None`: a query.
    pub into: Option<String>,
    /// The form of the SQL; `None`: what `from` and `into` say.
    pub form: Option<Form>,
    /// CREATE OR REPLACE.
    pub or_replace: bool,
    /// Properties of the WITH clause: `PARTITIONS=4`.
    pub with: Vec<String>,
    /// Expressions of PARTITION BY.
    pub partition_by: Vec<String>,
    /// Columns and nested fields that pass through: `ORDERID`, `ADDRESS->CITY`, or `*`.
    pub keep: Vec<String>,
    /// The condition of WHERE.
    pub filter: Option<String>,
    /// How many statements there are, each reading what the one before it writes; `None`: one, and more only where one cannot
    /// hold the model.
    pub stages: Option<usize>,
    /// Lines of a comment above the statement.
    pub comments: Vec<String>,
    /// Put all names in back-quotes instead of those that need it.
    pub quote: bool,
    /// Columns of text after which lines are broken.
    pub width: usize,
    /// Leave out line breaks and blanks that only people need.
    pub compact: bool,
    /// Refuse what a server that has just started could not take.
    pub limits: bool,
    /// Read the SQL back and compare it with what was meant.
    pub verify: bool,
}

/// The form of the SQL.
///
/// ```
/// use m2ksql::{BindOptions, CompileOptions, Form, LoadOptions, Model};
///
/// let file = r#"{ "type": "linear", "features": { "units": 10.0 } }"#;
/// let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
/// let (from, into) = (Some("ORDERS".into()), Some("SCORED".into()));
/// let options = CompileOptions { from, into, form: Some(Form::Insert), ..CompileOptions::default() };
/// assert!(bound.compile(&options)?.text().starts_with("INSERT INTO SCORED\nSELECT"));
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Items of a SELECT alone.
    Expression,
    /// A push query.
    Select,
    /// CREATE STREAM AS SELECT.
    Stream,
    /// CREATE TABLE AS SELECT.
    Table,
    /// INSERT INTO an existing stream.
    Insert,
}

/// What a NULL feature does, where the model itself says nothing about missing values.
///
/// ```
/// use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model, Nulls};
///
/// let file = r#"{ "type": "linear", "features": { "units": 10.0 } }"#;
/// let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
/// let options = CompileOptions { nulls: Nulls::Value(0.5), ..CompileOptions::default() };
/// assert_eq!(bound.compile(&options)?.text(), "1E1 * COALESCE(CAST(UNITS AS DOUBLE), 5E-1) AS PREDICTION\n");
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Nulls {
    /// Results that depend on it are NULL, labels included.
    #[default]
    Propagate,
    /// The same, tested once up front: cheaper in ksqlDB where NULLs are common.
    Guard,
    /// The row is left out.
    Skip,
    /// A numeric feature counts as this number; others propagate.
    Value(f64),
}

/// How several numbers of one kind are given: the probabilities of classes, the contributions of features.
///
/// ```
/// use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model, Vectors};
///
/// let file = r#"{ "type": "logistic", "features": { "units": 10.0 }, "intercept": 2.0, "classes": ["no", "yes"] }"#;
/// let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
/// let options = CompileOptions { probabilities: Some(Vectors::Map), ..CompileOptions::default() };
/// assert_eq!(bound.compile(&options)?.columns()[1], ("PROBABILITIES".to_owned(), "MAP<STRING, DOUBLE>".to_owned()));
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// One column each.
    Columns,
    /// An array in the order of the model.
    Array,
    /// A map by the name of the class or feature.
    Map,
}

impl Vectors {
    fn internal(self) -> lower::Vectors {
        match self {
            Vectors::Columns => lower::Vectors::Columns,
            Vectors::Array => lower::Vectors::Array,
            Vectors::Map => lower::Vectors::Map,
        }
    }
}

impl Default for CompileOptions {
    fn default() -> Self {
        let compile::Options { limits, verify, strict, style, .. } = compile::Options::default();
        CompileOptions {
            select: Vec::new(),
            threshold: None,
            probabilities: None,
            contributions: None,
            reasons: None,
            nulls: Nulls::default(),
            strict,
            target: None,
            from: None,
            into: None,
            form: None,
            or_replace: false,
            with: Vec::new(),
            partition_by: Vec::new(),
            keep: Vec::new(),
            filter: None,
            stages: None,
            comments: Vec::new(),
            quote: style.quote == Quote::Always,
            width: style.width,
            compact: style.compact,
            limits,
            verify,
        }
    }
}

impl LoadOptions {
    /// As the loader takes them.
    pub(super) fn internal(&self) -> load::Options {
        let link = self.link.map(|link| match link {
            Link::Identity => load::Link::Identity,
            Link::Log => load::Link::Log,
            Link::Logit => load::Link::Logit,
            Link::Cloglog => load::Link::Cloglog,
            Link::Inverse => load::Link::Inverse,
            Link::Probit => load::Link::Probit,
        });
        load::Options { link, features: self.features.clone(), folder: self.folder.clone() }
    }
}

/// Texts of an option, entered among the sources under its name.
fn texts<'t>(sources: &mut Sources, name: &str, values: impl IntoIterator<Item = &'t String>) -> Vec<Text> {
    values.into_iter().map(|text| Text::new(sources, name, text)).collect()
}

impl BindOptions {
    /// As the stage takes them.
    pub(super) fn internal(&self, sources: &mut Sources, report: &mut Report) -> Result<bind::Options, Failed> {
        let relation = match &self.schema {
            Some(schema) => bind::declared(&Text::new(sources, "schema", schema), self.source.as_deref(), report)?,
            None => None,
        };
        Ok(bind::Options {
            renames: texts(sources, "rename", &self.rename),
            definitions: texts(sources, "definitions", &self.definitions),
            columns: texts(sources, "column", &self.column),
            relation,
        })
    }
}

impl CompileOptions {
    /// As the compiler takes them.
    pub(super) fn internal(&self, sources: &mut Sources, report: &mut Report) -> Result<compile::Options, Failed> {
        let since = report.len();
        let mut select = Vec::new();
        let mut wrong = |message: String, text: Option<Text>| {
            let place = text.map(|text| Place::span(text.source, 0..text.text.len()));
            report.push(Diagnostic::new(&BAD_OPTIONS, message).at_maybe(place));
        };
        for text in texts(sources, "select", &self.select) {
            match selected(&text.text) {
                Ok(selected) => select.extend(selected.0),
                Err(message) => wrong(message, Some(text)),
            }
        }
        let target = self.target.as_deref().map_or(Some(dialect::default()), dialect::find);
        if target.is_none() {
            let message = format!("no release is known by this name: {}", dialect::no_such_release());
            wrong(message, texts(sources, "target", &self.target).pop());
        }
        if self.threshold.is_some_and(|threshold| !(threshold > 0.0 && threshold < 1.0)) {
            wrong("the threshold is no probability between 0 and 1, both excluded".to_owned(), None);
        }
        let counts = [("reasons", self.reasons, lower::MOST_REASONS), ("stages", self.stages, compile::MOST_STAGES)];
        for (name, count, most) in counts {
            if count.is_some_and(|count| !(1..=most).contains(&count)) {
                wrong(format!("`{name}` is no number from 1 to {most}"), None);
            }
        }
        if matches!(self.nulls, Nulls::Value(value) if !value.is_finite()) {
            wrong("a NULL counts as a number that is not finite".to_owned(), None);
        }
        report.check(since)?;
        let shape = ShapeOptions {
            form: self.form.map(|form| match form {
                Form::Expression => bind::Form::Expression,
                Form::Select => bind::Form::Select,
                Form::Stream => bind::Form::Create(Kind::Stream),
                Form::Table => bind::Form::Create(Kind::Table),
                Form::Insert => bind::Form::Insert,
            }),
            from: texts(sources, "from", &self.from).pop(),
            into: texts(sources, "into", &self.into).pop(),
            or_replace: self.or_replace,
            with: texts(sources, "with", &self.with),
            partition_by: texts(sources, "partition_by", &self.partition_by),
            keep: texts(sources, "keep", &self.keep),
            filter: texts(sources, "filter", &self.filter).pop(),
            comments: self.comments.clone(),
        };
        let nulls = match self.nulls {
            Nulls::Propagate => lower::Nulls::Propagate,
            Nulls::Guard => lower::Nulls::Guard,
            Nulls::Skip => lower::Nulls::Skip,
            Nulls::Value(value) => lower::Nulls::Value(value),
        };
        let quote = if self.quote { Quote::Always } else { Quote::Needed };
        Ok(compile::Options {
            shape,
            lower: lower::Options {
                select,
                threshold: self.threshold,
                nulls,
                probabilities: self.probabilities.map(Vectors::internal),
                contributions: self.contributions.map(Vectors::internal),
                reasons: self.reasons,
            },
            strict: self.strict,
            limits: self.limits,
            verify: self.verify,
            dialect: target.unwrap_or_else(dialect::default),
            stages: self.stages,
            style: Style { width: self.width, quote, compact: self.compact, ..Style::default() },
            bind: bind::Options::default(),
        })
    }
}
