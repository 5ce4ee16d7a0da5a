//! One estimator's object: its class, its parameters and attributes, and which of them were read.

use super::inert;
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Report, nearest};
use crate::load::json::expect;
use crate::load::json::value::{Json, Kind};
use std::borrow::Cow;
use std::cell::Cell;

/// Keys that name the class, best first.
const CLASS_KEYS: &[&str] = &["class", "__class__", "type"];

/// An estimator's members: attributes, and hyperparameters wherever they stand.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) json: Json<'a>,
    /// Without its module.
    pub(super) class: String,
    members: Vec<Member<'a>>,
}

#[derive(Debug)]
struct Member<'a> {
    name: Cow<'a, str>,
    key: Json<'a>,
    value: Json<'a>,
    read: Cell<bool>,
}

impl<'a> Object<'a> {
    pub(super) fn open(report: &mut Report, json: Json<'a>) -> Result<Self, Failed> {
        expect::object(report, json, "an estimator")?;
        let mut members: Vec<Member<'a>> = Vec::new();
        let mut parameters = None;
        for (key, value) in json.members() {
            let name = key.text().unwrap_or_default();
            match name.as_ref() {
                "params" | "hyperparameters" | "init_params" if value.kind() == Kind::Object => {
                    parameters = Some(value)
                }
                _ => members.push(Member { name, key, value, read: Cell::new(false) }),
            }
        }
        for (key, value) in parameters.into_iter().flat_map(Json::members) {
            members.push(Member { name: key.text().unwrap_or_default(), key, value, read: Cell::new(false) });
        }
        let mut object = Object { json, class: String::new(), members };
        object.class = object.find_class(report)?;
        Ok(object)
    }

    fn find_class(&self, report: &mut Report) -> Result<String, Failed> {
        for key in CLASS_KEYS {
            if let Some(class) = self.raw(key) {
                let text = expect::text(report, class, "the class of an estimator")?;
                return Ok(base_name(&text).to_owned());
            }
        }
        if let Some(meta) = self.raw("meta").and_then(Json::text)
            && let Some(class) = sklearn_json_class(&meta)
        {
            return Ok(class.to_owned());
        }
        if self.raw("steps").is_some() {
            return Ok("Pipeline".into());
        }
        if self.raw("coef_").is_some() && self.raw("classes_").is_none() {
            return Ok(super::linear::NAMELESS.into());
        }
        let diagnostic = Diagnostic::new(&codes::MISSING_KEY, "the estimator has no `class`").at(self.json.place());
        Err(report
            .fail(diagnostic.help("add `\"class\"` with the name of the estimator, such as `\"LogisticRegression\"`")))
    }

    /// The value of a member that is not `null`. Attributes stand before parameters of the same name.
    pub(super) fn get(&self, name: &str) -> Option<Json<'a>> {
        self.raw(name).filter(|value| !value.is_null())
    }

    /// The value of a member, `null` too.
    pub(super) fn raw(&self, name: &str) -> Option<Json<'a>> {
        let mut found = None;
        for member in self.members.iter().filter(|member| member.name == name) {
            member.read.set(true);
            found = found.or(Some(member.value));
        }
        found
    }

    /// Reports the members that were not read and are not known to be without effect.
    pub(super) fn finish(&self, report: &mut Report, also: &[&str]) {
        // `null` is Python's None: a parameter that is not set.
        for member in self.members.iter().filter(|member| !member.read.get() && !member.value.is_null()) {
            let name = member.name.as_ref();
            if name.starts_with('_') || name.contains("__") || inert::is_inert(name) || also.contains(&name) {
                continue;
            }
            if name.ends_with('_') {
                let message = format!("`{}` has an attribute `{name}` that is not known", self.class);
                let diagnostic = Diagnostic::new(&codes::UNKNOWN_ATTRIBUTE, message).at(member.key.place());
                report.push(match nearest(name, inert::names()) {
                    Some(known) => diagnostic.help(format!("did you mean `{known}`?")),
                    None => diagnostic.help("remove it if it has no effect on predictions"),
                });
            } else {
                let message = format!("`{name}` of `{}` is not read", self.class);
                report.push(Diagnostic::new(&codes::NOT_READ, message).at(member.key.place()));
            }
        }
    }

    /// The class, and those of the steps of a pipeline.
    pub(super) fn title(&self) -> String {
        let steps = self.members.iter().find(|member| member.name == "steps").map(|member| member.value);
        let Some(steps) = steps else { return self.class.clone() };
        let objects: Vec<Json<'a>> = match steps.kind() {
            Kind::Object => steps.members().map(|(_, value)| value).collect(),
            _ => steps
                .items()
                .filter_map(|step| if step.kind() == Kind::Array { step.items().nth(1) } else { Some(step) })
                .collect(),
        };
        let names: Vec<String> = objects
            .iter()
            .filter_map(|step| CLASS_KEYS.iter().find_map(|key| step.get(key)))
            .filter_map(|class| Some(base_name(&class.text()?).to_owned()))
            .collect();
        format!("{}({})", self.class, names.join(", "))
    }
}

/// A class without its module, and without the decoration of Python's `str(type(x))`.
pub(super) fn base_name(name: &str) -> &str {
    let name = name.strip_prefix("<class '").and_then(|name| name.strip_suffix("'>")).unwrap_or(name);
    name.rsplit('.').next().unwrap_or(name)
}

/// The classes of the package sklearn-json that are linear, by the names in its key `meta`.
pub(super) fn sklearn_json_class(meta: &str) -> Option<&'static str> {
    Some(match meta {
        "lr" => "LogisticRegression",
        "linear-regression" => "LinearRegression",
        "ridge-regression" => "Ridge",
        "lasso-regression" => "Lasso",
        "elasticnet-regression" => "ElasticNet",
        "perceptron" => "Perceptron",
        "lda" => "LinearDiscriminantAnalysis",
        _ => return None,
    })
}
