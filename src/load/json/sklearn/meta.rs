//! Estimators around estimators: OneVsRestClassifier, TransformedTargetRegressor, grid searches.

use super::classify::{decide, head};
use super::object::Object;
use super::{Head, Loader, linear, power};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed};
use crate::load::json::build::Columns;
use crate::load::json::expect;
use crate::load::json::value::{Json, Kind};
use crate::model::{Decision, NodeId, Norm, Op, Role, Scaling};

/// OneVsRestClassifier: an estimator for each class, or one for two classes. Its score is the margin, without one the
/// probability, of a regressor the prediction. The first of the largest wins, as in 1.9; before, it was the last of equals.
pub(super) fn one_vs_rest(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    if let Some(json) = object.get("multilabel_")
        && json.boolean() == Some(true)
    {
        return Err(loader.unsupported(object, json, "multilabel_", "fit one classifier a label"));
    }
    let _ = object.get("label_binarizer_");
    let json = loader.need(object, "classes_")?;
    let classes = expect::classes(loader.report, json, "`classes_`")?;
    let estimators = loader.need(object, "estimators_")?;
    let list = expect::list(loader.report, estimators, "`estimators_`", |report, item| {
        expect::object(report, item, "an estimator")
    })?;
    let expected = if classes.len() == 2 { 1 } else { classes.len() };
    if list.len() != expected {
        let why = "one per class, or one for two classes";
        return Err(expect::wrong_length(loader.report, estimators, "`estimators_`", list.len(), expected, why));
    }
    let mut heads = Vec::new();
    for item in list {
        let (inner, estimator) = loader.open(item)?;
        heads.push(loader.outputs(&inner, estimator, columns.clone())?);
    }
    let all = |role: Role| -> Option<Vec<NodeId>> {
        heads.iter().map(|head| head.output(role).map(|output| output.node)).collect()
    };
    let regressors = all(Role::Label).is_none() && all(Role::Prediction).is_some();
    let margins = if regressors { all(Role::Prediction) } else { all(Role::Margin) };
    let builder = &mut loader.builder;
    let probabilities = all(Role::Probabilities);
    let seconds: Option<Vec<NodeId>> = probabilities
        .as_ref()
        .map(|nodes| nodes.iter().map(|&node| builder.push(Op::Pick(vec![1]), vec![node], 1)).collect());
    let (scores, threshold) = match (&margins, &seconds) {
        (Some(margins), _) => (margins.clone(), if regressors { 0.5 } else { 0.0 }),
        (None, Some(seconds)) => (seconds.clone(), 0.5),
        (None, None) => {
            let message = "the estimators have neither margins nor probabilities to compare";
            return Err(loader
                .report
                .fail(Diagnostic::new(&codes::UNSUPPORTED_ESTIMATOR, message).at(estimators.place())));
        }
    };
    if scores.iter().any(|&score| builder.width(score) != 1) {
        let message = "an estimator of `estimators_` has more than one score";
        return Err(loader.report.fail(Diagnostic::new(&codes::WRONG_LENGTH, message).at(estimators.place())));
    }
    let scores = builder.concat(scores);
    let binary = classes.len() == 2;
    let decision = if binary { Decision::Threshold { threshold, inclusive: false } } else { Decision::FirstLargest };
    let label = decide(builder, scores, &classes, decision);
    let probabilities = match (probabilities, seconds) {
        (Some(both), _) if binary => both.first().copied(),
        (_, Some(seconds)) => {
            let each = builder.concat(seconds);
            Some(builder.push(Op::Normalize(Norm::L1), vec![each], classes.len()))
        }
        _ => None,
    };
    Ok(head(label, probabilities, margins.filter(|_| !regressors).map(|_| scores), classes))
}

/// GridSearchCV and its like: the best estimator, refitted.
pub(super) fn search(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    let best = loader.need(object, "best_estimator_")?;
    let (inner, estimator) = loader.open(best)?;
    loader.outputs(&inner, estimator, columns)
}

/// TransformedTargetRegressor: the inverse of a function or scaler, applied to the prediction.
pub(super) fn transformed_target(
    loader: &mut Loader<'_>,
    object: &Object<'_>,
    columns: Columns,
) -> Result<Head, Failed> {
    let _ = object.get("func");
    let regressor = loader.need(object, "regressor_")?;
    let (inner, estimator) = loader.open(regressor)?;
    let head = loader.outputs(&inner, estimator, columns)?;
    let Some(output) = head.output(Role::Prediction) else {
        let message = format!("`{}` inside `{}` has no prediction of a number", inner.class, object.class);
        return Err(loader.report.fail(Diagnostic::new(&codes::UNSUPPORTED_ESTIMATOR, message).at(regressor.place())));
    };
    let y = output.node;
    let transformer = object.get("transformer_");
    let inverse = object
        .get("inverse_func")
        .or_else(|| transformer.and_then(|inner| inner.get("inverse_func")).filter(|json| !json.is_null()));
    if let Some(json) = inverse {
        let name = power::function_name(loader, json)?;
        let node = power::apply(&mut loader.builder, &name, y);
        return node.map(linear::prediction).ok_or_else(|| power::unknown_function(loader, json));
    }
    match transformer {
        Some(json) if json.kind() == Kind::Object => inverse_scaler(loader, json, y).map(linear::prediction),
        _ => Err(expect::missing_key(loader.report, object.json, "transformer_", "`TransformedTargetRegressor`")),
    }
}

/// The inverse of a scaler of the target.
fn inverse_scaler(loader: &mut Loader<'_>, json: Json<'_>, y: NodeId) -> Result<NodeId, Failed> {
    let object = Object::open(loader.report, json)?;
    let width = loader.builder.width(y);
    let (center, scale) = match object.class.as_str() {
        "StandardScaler" => (("mean_", "with_mean"), ("scale_", "with_std")),
        "RobustScaler" => (("center_", "with_centering"), ("scale_", "with_scaling")),
        "MaxAbsScaler" => (("", ""), ("scale_", "")),
        "MinMaxScaler" => {
            let shift = loader.column_numbers(&object, "min_", width)?;
            let factor = loader.column_numbers(&object, "scale_", width)?;
            let scaling = Scaling::CenterDivide { center: shift, scale: factor };
            return Ok(loader.builder.push(Op::Scale(scaling), vec![y], width));
        }
        // The identity: a function transformer without functions.
        "FunctionTransformer" if object.get("func").is_none() => return Ok(y),
        _ => {
            let message = format!("the inverse of `{}` is not supported", object.class);
            let help = "supported: a NumPy function, StandardScaler, RobustScaler, MaxAbsScaler, MinMaxScaler";
            return Err(loader
                .report
                .fail(Diagnostic::new(&codes::UNSUPPORTED_ESTIMATOR, message).at(json.place()).help(help)));
        }
    };
    let mut constants = |(attribute, flag): (&str, &str), neutral: f64| -> Result<Vec<f64>, Failed> {
        let off = attribute.is_empty() || object.raw(attribute).is_some_and(|value| value.is_null());
        if off || !loader.flag(&object, flag, true)? {
            return Ok(vec![neutral; width]);
        }
        loader.column_numbers(&object, attribute, width)
    };
    let (shift, factor) = (constants(center, 0.0)?, constants(scale, 1.0)?);
    Ok(loader.builder.push(Op::Scale(Scaling::MultiplyAdd { factor, shift }), vec![y], width))
}
