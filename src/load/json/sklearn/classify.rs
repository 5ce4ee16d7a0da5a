//! Linear classifiers: margins, the label they give, and probabilities where the estimator has them.

use super::linear::predictor;
use super::object::Object;
use super::{Head, Loader};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed};
use crate::load::json::build::{Builder, Columns};
use crate::load::json::expect;
use crate::load::json::value::Json;
use crate::model::{Binary, Decision, Elem, Linear, NodeId, Norm, Op, Output, Reduction, Role, Scaling, Unary, Value};

/// How an estimator computes probabilities from margins.
#[derive(Clone, Copy, PartialEq)]
enum Probability {
    /// It has none.
    None,
    /// Two classes: sigmoid. More: softmax.
    Softmax,
    /// Two classes: softmax of the margin and its negative.
    SoftmaxOfBoth,
    /// Sigmoids, divided by their sum; uniform if all are 0.
    Sigmoids,
    /// `(clip(x, -1, 1) + 1) / 2`, divided by their sum; uniform if all are 0.
    ModifiedHuber,
}

/// LogisticRegression and LogisticRegressionCV.
///
/// `multi_class` is gone since 1.8. Where a file has it: `ovr` normalizes sigmoids, also what `auto` (and the default
/// before 1.5) means for `liblinear`; `multinomial` with two classes is the softmax of ± the margin.
pub(super) fn logistic(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    let multi = loader.word(object, "multi_class", "auto", &["auto", "deprecated", "multinomial", "ovr", "warn"])?;
    let solver = object.get("solver").and_then(Json::text);
    let ovr = matches!(multi, "ovr" | "warn") || (multi != "multinomial" && solver.as_deref() == Some("liblinear"));
    let probability = match multi {
        _ if ovr => Probability::Sigmoids,
        "multinomial" => Probability::SoftmaxOfBoth,
        _ => Probability::Softmax,
    };
    linear(loader, object, columns, probability)
}

/// Classifiers whose only scores are margins: LinearSVC, Perceptron, RidgeClassifier, …
pub(super) fn margin_only(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    linear(loader, object, columns, Probability::None)
}

/// LinearDiscriminantAnalysis.
pub(super) fn discriminant(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    linear(loader, object, columns, Probability::Softmax)
}

/// SGDClassifier: the loss says whether there are probabilities.
pub(super) fn sgd(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    const LOSSES: &[&str] = &[
        "epsilon_insensitive",
        "hinge",
        "huber",
        "log",
        "log_loss",
        "modified_huber",
        "perceptron",
        "squared_epsilon_insensitive",
        "squared_error",
        "squared_hinge",
        "squared_loss",
    ];
    let probability = match loader.word(object, "loss", "hinge", LOSSES)? {
        "log" | "log_loss" => Probability::Sigmoids,
        "modified_huber" => Probability::ModifiedHuber,
        _ => Probability::None,
    };
    linear(loader, object, columns, probability)
}

/// SVC and NuSVC with a linear kernel and two classes. libsvm gives the second class at a margin of exactly 0.
pub(super) fn svc(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    linear_kernel(loader, object)?;
    let json = loader.need(object, "classes_")?;
    let classes = expect::classes(loader.report, json, "`classes_`")?;
    if classes.len() > 2 {
        let message = format!(
            "`{}` with {} classes decides by votes of pairs, which is not supported",
            object.class,
            classes.len()
        );
        let help = "use `LinearSVC`, or wrap the estimator in `OneVsRestClassifier`";
        return Err(loader
            .report
            .fail(Diagnostic::new(&codes::UNSUPPORTED_SETTING, message).at(json.place()).help(help)));
    }
    let probability = object.get("probability").is_some_and(|json| json.boolean() == Some(true));
    if probability {
        let message =
            format!("the probabilities of `{}` come from a second model inside libsvm and are left out", object.class);
        loader.report.push(
            Diagnostic::new(&codes::NO_PROBABILITY, message)
                .at(object.json.place())
                .help("use `LogisticRegression` for probabilities"),
        );
    }
    let margin = predictor(loader, object, &columns)?;
    let decision = Decision::Threshold { threshold: 0.0, inclusive: true };
    let label = decide(&mut loader.builder, margin, &classes, decision);
    Ok(head(label, None, Some(margin), classes))
}

/// SVR and NuSVR with a linear kernel.
pub(super) fn svr(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    linear_kernel(loader, object)?;
    predictor(loader, object, &columns).map(super::linear::prediction)
}

fn linear_kernel(loader: &mut Loader<'_>, object: &Object<'_>) -> Result<(), Failed> {
    match object.get("kernel") {
        Some(json) if json.text().as_deref() != Some("linear") => {
            Err(loader.unsupported(object, json, "kernel", "use the kernel `linear`"))
        }
        // Only a linear kernel has coefficients.
        Some(_) => Ok(()),
        None if object.get("coef_").is_some() => Ok(()),
        None => Err(expect::missing_key(loader.report, object.json, "coef_", &format!("`{}`", object.class))),
    }
}

/// MultinomialNB: the joint log likelihood is linear, and the probabilities are its softmax.
pub(super) fn multinomial_nb(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    let classes = loader.need(object, "classes_")?;
    let classes = expect::classes(loader.report, classes, "`classes_`")?;
    let weights = loader.need(object, "feature_log_prob_")?;
    let matrix = expect::matrix(loader.report, weights, "`feature_log_prob_`")?;
    let prior = loader.need(object, "class_log_prior_")?;
    let bias = expect::numbers(loader.report, prior, "`class_log_prior_`")?;
    if matrix.columns != columns.len() {
        return Err(loader.misfit(weights, "`feature_log_prob_`", matrix.columns, columns.len()));
    }
    for (json, what, length) in
        [(weights, "`feature_log_prob_`", matrix.rows), (prior, "`class_log_prior_`", bias.len())]
    {
        if length != classes.len() {
            return Err(expect::wrong_length(loader.report, json, what, length, classes.len(), "one per class"));
        }
    }
    let x = loader.numbers(object, &columns)?;
    let linear = Linear { inputs: matrix.columns, weights: matrix.data, bias };
    let scores = loader.builder.push(Op::Linear(linear), vec![x], classes.len());
    let probabilities = loader.builder.push(Op::Softmax, vec![scores], classes.len());
    let label = decide(&mut loader.builder, scores, &classes, Decision::FirstLargest);
    Ok(head(label, Some(probabilities), None, classes))
}

/// DummyClassifier-like part of OneVsRestClassifier: a class that all rows, or none, belonged to.
pub(super) fn constant(loader: &mut Loader<'_>, object: &Object<'_>, _: Columns) -> Result<Head, Failed> {
    let json = loader.need(object, "y_")?;
    let value = expect::number_or_numbers(loader.report, json, "`y_`")?;
    let [value] = value[..] else {
        return Err(expect::wrong_length(loader.report, json, "`y_`", value.len(), 1, "one class"));
    };
    let margin = loader.builder.constant(value);
    let both = vec![Value::Number(1.0 - value), Value::Number(value)];
    let probabilities = loader.builder.push(Op::Constant(both), Vec::new(), 2);
    let output = |role, name: &str, node| Output { role, name: name.into(), node, elements: Vec::new() };
    let outputs = vec![
        output(Role::Margin, "decision_function", margin),
        output(Role::Probabilities, "predict_proba", probabilities),
    ];
    Ok(Head { outputs, classes: Vec::new() })
}

fn linear(
    loader: &mut Loader<'_>,
    object: &Object<'_>,
    columns: Columns,
    probability: Probability,
) -> Result<Head, Failed> {
    let classes = loader
        .need(object, "classes_")
        .and_then(|json| Ok((json, expect::classes(loader.report, json, "`classes_`")?)));
    let margin = predictor(loader, object, &columns);
    let ((json, classes), margin) = (classes?, margin?);
    let builder = &mut loader.builder;
    let rows = builder.width(margin);
    let fits = if classes.len() == 2 {
        rows == 1 || (rows == 2 && probability != Probability::SoftmaxOfBoth)
    } else {
        rows == classes.len()
    };
    if !fits {
        let expected = if rows == 1 { 2 } else { rows };
        let why = "one row of `coef_` for two classes, else one per class";
        return Err(expect::wrong_length(loader.report, json, "`classes_`", classes.len(), expected, why));
    }
    let binary = rows == 1;
    let probabilities = match probability {
        Probability::None => None,
        Probability::Softmax | Probability::SoftmaxOfBoth if !binary => {
            Some(builder.push(Op::Softmax, vec![margin], rows))
        }
        Probability::SoftmaxOfBoth => {
            let both = both(builder, margin);
            Some(builder.push(Op::Softmax, vec![both], 2))
        }
        Probability::Softmax | Probability::Sigmoids if binary => {
            let both = both(builder, margin);
            Some(builder.unary(Unary::Sigmoid, both))
        }
        Probability::Softmax | Probability::Sigmoids => {
            let each = builder.unary(Unary::Sigmoid, margin);
            Some(share(builder, each))
        }
        Probability::ModifiedHuber => {
            let scores = if binary { both(builder, margin) } else { margin };
            let clipped = builder.unary(Unary::Clip { low: -1.0, high: 1.0 }, scores);
            let width = builder.width(clipped);
            let scaling = Scaling::CenterDivide { center: vec![-1.0; width], scale: vec![2.0; width] };
            let each = builder.push(Op::Scale(scaling), vec![clipped], width);
            Some(if binary { each } else { share(builder, each) })
        }
    };
    let decision = match binary {
        true => Decision::Threshold { threshold: 0.0, inclusive: false },
        false => Decision::FirstLargest,
    };
    let label = decide(builder, margin, &classes, decision);
    Ok(head(label, probabilities, Some(margin), classes))
}

/// The margins of both of two classes.
fn both(builder: &mut Builder, margin: NodeId) -> NodeId {
    let other = builder.unary(Unary::Negate, margin);
    builder.concat(vec![other, margin])
}

/// Non-negative scores divided by their sum; all the same if the sum is 0.
fn share(builder: &mut Builder, scores: NodeId) -> NodeId {
    let width = builder.width(scores);
    let normalized = builder.push(Op::Normalize(Norm::L1), vec![scores], width);
    let sum = builder.push(Op::Reduce(Reduction::Sum), vec![scores], 1);
    let zero = builder.constant(0.0);
    let none = builder.test(Binary::Equal, sum, zero);
    let uniform = builder.constant(1.0 / width as f64);
    builder.push(Op::Choose, vec![none, uniform, normalized], width)
}

/// The label of scores.
pub(super) fn decide(builder: &mut Builder, scores: NodeId, classes: &[Value], decision: Decision) -> NodeId {
    let elem = classes.first().and_then(Value::elem).unwrap_or(Elem::Integer);
    builder.push_as(Op::Decide { classes: classes.to_vec(), decision }, vec![scores], 1, elem)
}

/// The outputs of a classifier.
pub(super) fn head(label: NodeId, probabilities: Option<NodeId>, margin: Option<NodeId>, classes: Vec<Value>) -> Head {
    let names: Vec<String> = classes.iter().map(expect::name_of).collect();
    let mut outputs = vec![Output { role: Role::Label, name: "predict".into(), node: label, elements: Vec::new() }];
    if let Some(node) = probabilities {
        outputs.push(Output { role: Role::Probabilities, name: "predict_proba".into(), node, elements: names });
    }
    if let Some(node) = margin {
        outputs.push(Output { role: Role::Margin, name: "decision_function".into(), node, elements: Vec::new() });
    }
    Head { outputs, classes }
}
