//! scikit-learn estimators and pipelines, as JSON dumps of their attributes.
//!
//! An estimator is an object with its `class`, its hyperparameters (under `params`, beside the attributes, or left out)
//! and its fitted attributes, under their Python names. `docs/formats.md` describes the shapes; `m2ksql exporter sklearn`
//! prints a script that writes them.
//!
//! `estimators::ESTIMATORS` is the table of what is supported. A step takes the columns of the step before and gives its own; the
//! last one gives the outputs that its methods have (`predict`, `predict_proba`, `decision_function`, `transform`). An
//! attribute that a loader does not ask for must be among those that are known not to matter for prediction.

mod classify;
mod compose;
mod encode;
mod estimators;
mod impute;
mod inert;
mod inputs;
mod linear;
mod meta;
mod object;
mod power;
mod project;
mod scale;
mod select;

use super::build::{Builder, Columns};
use super::expect;
use super::value::{Json, Kind};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Place, Report};
use crate::load::{Content, Context, Format};
use crate::model::{Elem, Graph, NodeId, Output, Role, Value};
use estimators::Estimator;
use object::Object;

pub use estimators::supported;

pub(in crate::load) const FORMAT: Format = Format {
    name: "scikit-learn",
    description: "fitted scikit-learn estimators and pipelines, as the script of `m2ksql exporter sklearn` writes them",
    sign: "an object with the key `class` (or `type`) that names an estimator, or with `coef_`",
    sniff,
    load,
};

/// A Python script that writes fitted estimators and pipelines as JSON, for `m2ksql exporter sklearn`.
pub const EXPORTER: &str = include_str!("../sklearn_export.py");

/// Whether a `class` or `type` names an estimator of scikit-learn.
pub(super) fn is_estimator(name: &str) -> bool {
    estimators::find(object::base_name(name)).is_some() || estimators::is_known(object::base_name(name))
}

fn sniff(content: &Content<'_>) -> bool {
    let Content::Json(root) = content else { return false };
    let text = |key| root.get(key).filter(|value| value.kind() == Kind::Text);
    text("class").is_some()
        || text("__class__").is_some()
        || text("type").is_some_and(|name| is_estimator(&name.text().unwrap_or_default()))
        || text("meta").is_some_and(|name| object::sklearn_json_class(&name.text().unwrap_or_default()).is_some())
        || (root.get("coef_").is_some() && text("type").is_none())
        || root.get("steps").is_some_and(|steps| matches!(steps.kind(), Kind::Array | Kind::Object))
}

fn load(content: &Content<'_>, context: &mut Context<'_>) -> Result<Graph, Failed> {
    let Content::Json(root) = *content else { return Ok(Graph::default()) };
    let since = context.report.len();
    if context.options.link.is_some() && root.get("class").is_some() {
        let message = "`--link` does not apply: the estimator says itself how its predictor is used";
        context
            .report
            .push(Diagnostic::new(&codes::LINK_CONFLICT, message).at(root.place()).help("leave `--link` out"));
    }
    let mut loader = Loader {
        builder: Builder::default(),
        report: &mut *context.report,
        link: context.options.link,
        features: context.options.features.as_deref(),
    };
    let (object, estimator) = loader.open(root)?;
    let columns = inputs::declare(&mut loader, root)?;
    let title = object.title();
    let head = loader.outputs(&object, estimator, columns)?;
    loader.report.check(since)?;
    let mut graph = loader.builder.finish(head.outputs, head.classes);
    graph.title = title;
    graph.producer = match root.get("sklearn_version").and_then(Json::text) {
        Some(version) => format!("scikit-learn {version}"),
        None => "scikit-learn".into(),
    };
    Ok(graph)
}

/// What a predictor computes.
#[derive(Debug, Default)]
struct Head {
    outputs: Vec<Output>,
    classes: Vec<Value>,
}

impl Head {
    fn output(&self, role: Role) -> Option<&Output> {
        self.outputs.iter().find(|output| output.role == role)
    }
}

/// The state of loading one file.
struct Loader<'c> {
    builder: Builder,
    report: &'c mut Report,
    link: Option<crate::load::Link>,
    /// The names that the user gives to features without names.
    features: Option<&'c [String]>,
}

impl Loader<'_> {
    /// The attributes of an estimator and its entry of the table; one that is not supported is refused.
    fn open<'a>(&mut self, json: Json<'a>) -> Result<(Object<'a>, &'static Estimator), Failed> {
        let object = Object::open(self.report, json)?;
        match estimators::find(&object.class) {
            Some(estimator) => Ok((object, estimator)),
            None => Err(self.report.fail(estimators::unsupported(&object))),
        }
    }

    /// The outputs of a model: of a predictor, or `transform`.
    fn outputs(&mut self, object: &Object<'_>, estimator: &Estimator, columns: Columns) -> Result<Head, Failed> {
        if let Some(predict) = estimator.predict {
            self.check_width(object, &columns)?;
            let head = predict(self, object, columns)?;
            object.finish(self.report, estimator.inert);
            return Ok(head);
        }
        let place = object.json.place();
        let columns = self.transform(object, estimator, columns)?;
        let node = self.vector(&columns, &place)?;
        let output = Output { role: Role::Value, name: "transform".into(), node, elements: Vec::new() };
        Ok(Head { outputs: vec![output], classes: Vec::new() })
    }

    /// The columns after a step.
    fn transform(&mut self, object: &Object<'_>, estimator: &Estimator, columns: Columns) -> Result<Columns, Failed> {
        let Some(transform) = estimator.transform else {
            let message = format!("`{}` predicts and cannot be a step before the last", object.class);
            let diagnostic = Diagnostic::new(&codes::UNSUPPORTED_ESTIMATOR, message).at(object.json.place());
            return Err(self.report.fail(diagnostic.help("put it last, or remove the steps behind it")));
        };
        self.check_width(object, &columns)?;
        let columns = transform(self, object, columns)?;
        object.finish(self.report, estimator.inert);
        if columns.is_empty() {
            let message = format!("`{}` leaves no columns", object.class);
            return Err(self.report.fail(Diagnostic::new(&codes::EMPTY_MODEL, message).at(object.json.place())));
        }
        Ok(columns)
    }

    /// Columns as one vector: of their type if it is one, else of numbers.
    fn vector(&mut self, columns: &[super::build::Column], place: &Place) -> Result<NodeId, Failed> {
        let text = columns.iter().all(|&column| self.builder.elem_of(column, Elem::Number) == Elem::Text);
        if text {
            Ok(self.builder.gather(columns, Elem::Text))
        } else {
            self.builder.numbers(columns, place, self.report)
        }
    }

    /// The columns as one vector of numbers, for this step.
    fn numbers(&mut self, object: &Object<'_>, columns: &[super::build::Column]) -> Result<NodeId, Failed> {
        self.builder.numbers(columns, &object.json.place(), self.report)
    }

    /// What the estimator says about the number of its columns must be true.
    fn check_width(&mut self, object: &Object<'_>, columns: &Columns) -> Result<(), Failed> {
        let since = self.report.len();
        if let Some(json) = object.get("n_features_in_") {
            let count = expect::index(self.report, json, "`n_features_in_`")?;
            if count != columns.len() {
                self.misfit(json, "`n_features_in_`", count, columns.len());
            }
        }
        if let Some(json) = object.get("feature_names_in_") {
            let count = expect::array(self.report, json, "`feature_names_in_`")?.items().count();
            if count != columns.len() {
                self.misfit(json, "`feature_names_in_`", count, columns.len());
            }
        }
        self.report.check(since)
    }

    /// Reports that an attribute does not fit the number of columns of the step before.
    fn misfit(&mut self, json: Json<'_>, what: &str, found: usize, columns: usize) -> Failed {
        expect::wrong_length(self.report, json, what, found, columns, "the number of columns that reach this step")
    }

    /// Refuses a value of a parameter.
    fn unsupported(&mut self, object: &Object<'_>, json: Json<'_>, parameter: &str, help: &str) -> Failed {
        let message = format!("`{}` with `{parameter}` = {} is not supported", object.class, expect::short(json));
        self.report.fail(Diagnostic::new(&codes::UNSUPPORTED_SETTING, message).at(json.place()).help(help))
    }

    /// An attribute that must be there.
    fn need<'a>(&mut self, object: &Object<'a>, name: &str) -> Result<Json<'a>, Failed> {
        match object.get(name) {
            Some(json) => Ok(json),
            None => Err(expect::missing_key(self.report, object.json, name, &format!("`{}`", object.class))),
        }
    }

    /// An attribute that holds one number a column.
    fn column_numbers(&mut self, object: &Object<'_>, name: &str, columns: usize) -> Result<Vec<f64>, Failed> {
        let json = self.need(object, name)?;
        let what = format!("`{name}`");
        let numbers = expect::numbers(self.report, json, &what)?;
        if numbers.len() == columns { Ok(numbers) } else { Err(self.misfit(json, &what, numbers.len(), columns)) }
    }

    /// A parameter that is `true` or `false`, with scikit-learn's default if it was not dumped.
    fn flag(&mut self, object: &Object<'_>, name: &str, default: bool) -> Result<bool, Failed> {
        object.get(name).map_or(Ok(default), |json| expect::boolean(self.report, json, &format!("`{name}`")))
    }

    /// A parameter that is one of a few words, with scikit-learn's default if it was not dumped.
    fn word(
        &mut self,
        object: &Object<'_>,
        name: &str,
        default: &'static str,
        known: &[&'static str],
    ) -> Result<&'static str, Failed> {
        let Some(json) = object.get(name) else { return Ok(default) };
        let text = expect::text(self.report, json, &format!("`{name}`"))?;
        match known.iter().find(|word| **word == text) {
            Some(word) => Ok(word),
            None => Err(expect::unknown_word(self.report, json, &format!("`{name}` of `{}`", object.class), known)),
        }
    }
}
