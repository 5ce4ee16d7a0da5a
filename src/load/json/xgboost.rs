//! XGBoost models as `save_model("model.json")` writes them. The booster `gblinear` is linear; trees are refused.
//!
//! Numbers are often strings, and always meant as binary32: features, weights and sums are rounded to it. A missing feature
//! contributes 0. `base_score` is stored after the inverse of the link.

use super::build::{Builder, Columns, MAX_COLUMNS};
use super::expect;
use super::value::{Json, Kind};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Report};
use crate::load::{Content, Context, Format};
use crate::model::{Decision, Elem, Graph, Linear, Missing, NodeId, Op, Output, Precision, Role, Unary, Value};

pub(in crate::load) const FORMAT: Format = Format {
    name: "xgboost",
    description: "XGBoost models saved as JSON; the booster `gblinear` only",
    sign: "an object with the key `learner`",
    sniff: |content| matches!(content, Content::Json(root) if root.get("learner").is_some_and(|learner| learner.kind() == Kind::Object)),
    load,
};

fn load(content: &Content<'_>, context: &mut Context<'_>) -> Result<Graph, Failed> {
    let Content::Json(root) = *content else { return Ok(Graph::default()) };
    let learner = member(context.report, root, "learner")?;
    let booster = member(context.report, learner, "gradient_booster")?;
    match booster.get("name").and_then(Json::text).as_deref() {
        Some("gblinear") => {}
        Some("gbtree" | "dart") | None => return Err(super::trees::refuse(content, context, "XGBoost")),
        Some(_) => {
            let name = booster.get("name").unwrap_or(booster);
            return Err(expect::unknown_word(context.report, name, "the booster", &["gblinear"]));
        }
    }
    let report = &mut *context.report;
    let model = member(report, booster, "model")?;
    let weights = member(report, model, "weights")?;
    let parameters = member(report, learner, "learner_model_param")?;
    let features = count(report, parameters, "num_feature")?;
    let groups = count(report, parameters, "num_class")?.max(1);
    let targets = parameters.get("num_target").map_or(Ok(1), |_| count(report, parameters, "num_target"))?;
    if targets > 1 {
        let message = format!("a model of {targets} targets is not supported");
        let place = parameters.get("num_target").unwrap_or(parameters).place();
        return Err(report.fail(Diagnostic::new(&codes::UNSUPPORTED_SETTING, message).at(place)));
    }
    let values = expect::list(report, weights, "`weights`", |report, item| single(report, item, "a weight"))?;
    let expected = features.checked_add(1).and_then(|rows| rows.checked_mul(groups));
    if Some(values.len()) != expected || features == 0 || features > MAX_COLUMNS {
        let why = "`num_feature` plus one, times the number of classes";
        return Err(expect::wrong_length(report, weights, "`weights`", values.len(), expected.unwrap_or(0), why));
    }
    let objective = member(report, learner, "objective")?;
    let objective = member(report, objective, "name")?;
    let Some(task) = objective.text().and_then(|name| task(&name)) else {
        let message = format!("the objective {} is not supported", objective.found());
        return Err(report.fail(Diagnostic::new(&codes::UNSUPPORTED_SETTING, message).at(objective.place())));
    };
    let base_score = member(report, parameters, "base_score")?;
    let base = base_scores(report, base_score, groups)?;
    let bias: Vec<f64> = (0..groups)
        .map(|group| f64::from(values[features * groups + group] as f32 + task.base(base[group] as f32)))
        .collect();
    if let Some(wrong) = bias.iter().find(|bias| !bias.is_finite()) {
        let message = format!("the intercept that follows from `base_score` is {wrong}");
        let place = parameters.get("base_score").unwrap_or(parameters).place();
        return Err(report.fail(Diagnostic::new(&codes::NOT_FINITE, message).at(place)));
    }
    let mut by_class = Vec::with_capacity(features * groups);
    for group in 0..groups {
        by_class.extend((0..features).map(|feature| values[feature * groups + group]));
    }
    let mut builder = Builder::default();
    let columns = declare(report, &mut builder, learner, features)?;
    let raw = builder.gather(&columns, Elem::Number);
    let fill = vec![Value::Number(0.0); features];
    let x = builder.push(Op::Impute { missing: Missing::Absent, fill }, vec![raw], features);
    let linear = Linear { inputs: features, weights: by_class, bias };
    let margin = builder.push(Op::Linear(linear), vec![x], groups);
    let (outputs, classes) = outputs(&mut builder, task, margin, groups);
    let mut graph = builder.finish(outputs, classes);
    for feature in &mut graph.features {
        feature.precision = Precision::Single;
    }
    for node in &mut graph.nodes {
        if node.elem == Elem::Number && !matches!(node.op, Op::Concat | Op::Impute { .. } | Op::Input(_)) {
            node.precision = Precision::Single;
        }
    }
    graph.title = format!("gblinear {}", objective.text().unwrap_or_default());
    let version: Vec<String> = root
        .get("version")
        .into_iter()
        .flat_map(Json::items)
        .filter_map(|part| part.number_text().map(str::to_owned))
        .collect();
    graph.producer = format!("XGBoost {}", version.join("."));
    Ok(graph)
}

/// What becomes of the margin.
#[derive(Clone, Copy, PartialEq)]
enum Task {
    Identity,
    Exp,
    Sigmoid,
    Binary,
    Multiclass,
}

fn task(objective: &str) -> Option<Task> {
    Some(match objective {
        "reg:squarederror" | "reg:linear" | "reg:absoluteerror" | "reg:pseudohubererror" | "reg:squaredlogerror" => {
            Task::Identity
        }
        "reg:logistic" => Task::Sigmoid,
        "binary:logistic" => Task::Binary,
        "count:poisson" | "reg:gamma" | "reg:tweedie" => Task::Exp,
        "multi:softmax" | "multi:softprob" => Task::Multiclass,
        _ => return None,
    })
}

impl Task {
    /// The base score as a margin, in binary32 as the library computes it.
    fn base(self, score: f32) -> f32 {
        match self {
            Task::Identity | Task::Multiclass => score,
            Task::Exp => libm::logf(score),
            Task::Sigmoid | Task::Binary => -libm::logf(1.0 / score - 1.0),
        }
    }
}

fn outputs(builder: &mut Builder, task: Task, margin: NodeId, groups: usize) -> (Vec<Output>, Vec<Value>) {
    let output = |role, name: &str, node, elements| Output { role, name: name.into(), node, elements };
    let mut outputs = Vec::new();
    let mut classes = Vec::new();
    let names = |count: usize| (0..count).map(|class| class.to_string()).collect::<Vec<_>>();
    match task {
        Task::Identity => outputs.push(output(Role::Prediction, "predict", margin, Vec::new())),
        Task::Exp | Task::Sigmoid => {
            let function = if task == Task::Exp { Unary::Exp } else { Unary::Sigmoid };
            let mean = builder.unary(function, margin);
            outputs.push(output(Role::Prediction, "predict", mean, Vec::new()));
        }
        Task::Binary => {
            classes = vec![Value::Integer(0), Value::Integer(1)];
            let other = builder.unary(Unary::Negate, margin);
            let both = builder.concat(vec![other, margin]);
            let probabilities = builder.unary(Unary::Sigmoid, both);
            let second = builder.push(Op::Pick(vec![1]), vec![probabilities], 1);
            let decision = Decision::Threshold { threshold: 0.5, inclusive: false };
            let label =
                builder.push_as(Op::Decide { classes: classes.clone(), decision }, vec![second], 1, Elem::Integer);
            outputs.push(output(Role::Label, "predict", label, Vec::new()));
            outputs.push(output(Role::Probabilities, "predict_proba", probabilities, names(2)));
        }
        Task::Multiclass => {
            classes = (0..groups as i64).map(Value::Integer).collect();
            let probabilities = builder.push(Op::Softmax, vec![margin], groups);
            let decide = Op::Decide { classes: classes.clone(), decision: Decision::FirstLargest };
            let label = builder.push_as(decide, vec![probabilities], 1, Elem::Integer);
            outputs.push(output(Role::Label, "predict", label, Vec::new()));
            outputs.push(output(Role::Probabilities, "predict_proba", probabilities, names(groups)));
        }
    }
    outputs.push(output(Role::Margin, "margin", margin, Vec::new()));
    (outputs, classes)
}

fn declare(report: &mut Report, builder: &mut Builder, learner: Json<'_>, features: usize) -> Result<Columns, Failed> {
    if let Some(types) = learner.get("feature_types")
        && let Some(category) = types.items().find(|ty| ty.text().is_some_and(|ty| ty == "c"))
    {
        let message = "features of categories are not supported";
        return Err(report.fail(Diagnostic::new(&codes::UNSUPPORTED_SETTING, message).at(category.place())));
    }
    let json = match learner.get("feature_names").filter(|names| names.items().next().is_some()) {
        Some(json) => json,
        None => {
            return Ok((0..features).map(|at| builder.feature(format!("f{at}"), Some(Elem::Number), None)).collect());
        }
    };
    let names = expect::texts(report, json, "`feature_names`")?;
    if names.len() != features {
        return Err(expect::wrong_length(report, json, "`feature_names`", names.len(), features, "`num_feature`"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (name, item) in names.iter().zip(json.items()) {
        if name.is_empty() || !seen.insert(name) {
            let message = format!("the feature `{name}` is empty or stands twice");
            return Err(report.fail(Diagnostic::new(&codes::REPEATED, message).at(item.place())));
        }
    }
    Ok(names
        .into_iter()
        .zip(json.items())
        .map(|(name, item)| builder.feature(name, Some(Elem::Number), Some(item.place())))
        .collect())
}

fn member<'a>(report: &mut Report, json: Json<'a>, key: &str) -> Result<Json<'a>, Failed> {
    json.get(key).ok_or_else(|| expect::missing_key(report, json, key, "the model"))
}

/// A count, as a number or a string.
fn count(report: &mut Report, json: Json<'_>, key: &str) -> Result<usize, Failed> {
    let value = member(report, json, key)?;
    match value.text() {
        Some(text) => text.parse().map_err(|_| expect::wrong_type(report, value, &format!("`{key}`"), "a count")),
        None => expect::index(report, value, &format!("`{key}`")),
    }
}

/// A number that is meant as binary32: read as such and widened.
fn single(report: &mut Report, json: Json<'_>, what: &str) -> Result<f64, Failed> {
    expect::number(report, json, what)?;
    let value: f32 = json.number_text().and_then(|text| text.parse().ok()).unwrap_or(f32::NAN);
    if value.is_finite() {
        return Ok(f64::from(value));
    }
    let message = format!("{what} is beyond the range of binary32");
    Err(report.fail(Diagnostic::new(&codes::NOT_FINITE, message).at(json.place())))
}

/// `"5E-1"`, or since 3.1 `"[5E-1]"` with one number, or one per class.
fn base_scores(report: &mut Report, json: Json<'_>, groups: usize) -> Result<Vec<f64>, Failed> {
    let text = match json.text() {
        Some(text) => text.into_owned(),
        None => json.number_text().unwrap_or_default().to_owned(),
    };
    let inside = text.trim().trim_start_matches(['[', '(']).trim_end_matches([']', ')']);
    let scores: Option<Vec<f32>> = inside.split(',').map(|score| score.trim().parse().ok()).collect();
    match scores {
        Some(scores) if scores.len() == 1 => Ok(vec![f64::from(scores[0]); groups]),
        Some(scores) if scores.len() == groups => Ok(scores.into_iter().map(f64::from).collect()),
        _ => Err(expect::wrong_type(report, json, "`base_score`", "one number, or one per class")),
    }
}
