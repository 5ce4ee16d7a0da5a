//! Linear regressors: `coef_`, `intercept_`, and the link of generalized linear models.

use super::object::Object;
use super::{Head, Loader};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed};
use crate::load::Link;
use crate::load::json::build::Columns;
use crate::load::json::expect;
use crate::load::json::value::Kind;
use crate::model::{Linear, NodeId, Op, Output, Role};

/// Stands for the class of a dump that has `coef_`, but does not name its class.
pub(super) const NAMELESS: &str = "a linear model without `class`";

/// The linear predictor `X coef_ᵀ + intercept_`.
pub(super) fn predictor(loader: &mut Loader<'_>, object: &Object<'_>, columns: &Columns) -> Result<NodeId, Failed> {
    let coefficients =
        loader.need(object, "coef_").and_then(|json| Ok((json, expect::matrix(loader.report, json, "`coef_`")?)));
    let intercept = match object.get("intercept_") {
        Some(json) => {
            // An array of one row, as older versions have it for several targets.
            let inner = match json.items().next() {
                Some(first) if first.kind() == Kind::Array && json.items().count() == 1 => first,
                _ => json,
            };
            expect::number_or_numbers(loader.report, inner, "`intercept_`").map(|bias| Some((inner, bias)))
        }
        None if loader.flag(object, "fit_intercept", true)? => {
            Err(expect::missing_key(loader.report, object.json, "intercept_", &format!("`{}`", object.class)))
        }
        None => Ok(None),
    };
    let ((json, matrix), intercept) = (coefficients?, intercept?);
    if matrix.columns != columns.len() {
        return Err(loader.misfit(json, "`coef_`", matrix.columns, columns.len()));
    }
    let bias = match intercept {
        None => vec![0.0; matrix.rows],
        Some((_, bias)) if bias.len() == matrix.rows => bias,
        // One number for all rows: 0 where no intercept was fitted.
        Some((json, bias)) if bias.len() == 1 && json.kind() == Kind::Number => vec![bias[0]; matrix.rows],
        Some((json, bias)) => {
            let why = "one per row of `coef_`";
            return Err(expect::wrong_length(loader.report, json, "`intercept_`", bias.len(), matrix.rows, why));
        }
    };
    let x = loader.numbers(object, columns)?;
    let linear = Linear { inputs: matrix.columns, weights: matrix.data, bias };
    Ok(loader.builder.push(Op::Linear(linear), vec![x], matrix.rows))
}

/// The output of a regressor.
pub(super) fn prediction(node: NodeId) -> Head {
    let output = Output { role: Role::Prediction, name: "predict".into(), node, elements: Vec::new() };
    Head { outputs: vec![output], classes: Vec::new() }
}

/// `predict` is the linear predictor.
pub(super) fn regressor(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    predictor(loader, object, &columns).map(prediction)
}

/// PoissonRegressor, GammaRegressor: `predict` is `e^` of the linear predictor.
pub(super) fn log_link(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    let node = predictor(loader, object, &columns)?;
    Ok(with_link(loader, node, Link::Log))
}

/// TweedieRegressor: the link `auto` is the identity for a power of at most 0, else the logarithm.
pub(super) fn tweedie(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    let link = loader.word(object, "link", "auto", &["auto", "identity", "log"]);
    let power = object.get("power").map_or(Ok(0.0), |json| expect::number(loader.report, json, "`power`"));
    let node = predictor(loader, object, &columns)?;
    let unknown = object.get("power").is_none() && object.get("link").is_none();
    if unknown {
        let message =
            "`TweedieRegressor` needs its `power` and `link`: they say whether the prediction is `e^` of the predictor";
        return Err(loader.report.fail(
            Diagnostic::new(&codes::MISSING_KEY, message).at(object.json.place()).help("dump the parameters too"),
        ));
    }
    let log = match link? {
        "log" => true,
        "identity" => false,
        _ => power? > 0.0,
    };
    Ok(with_link(loader, node, if log { Link::Log } else { Link::Identity }))
}

/// A dump that does not say what it is: the linear predictor, or what `--link` makes of it.
pub(super) fn nameless(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Head, Failed> {
    let node = predictor(loader, object, &columns)?;
    let link = loader.link.unwrap_or_else(|| {
        let message = "the file does not say which estimator it holds: compiled as the linear predictor";
        let diagnostic = Diagnostic::new(&codes::LINK_UNKNOWN, message).at(object.json.place());
        loader.report.push(diagnostic.help("add `\"class\"`, or say `--link identity` for a linear regression"));
        Link::Identity
    });
    Ok(with_link(loader, node, link))
}

fn with_link(loader: &mut Loader<'_>, margin: NodeId, link: Link) -> Head {
    let Some(inverse) = link.inverse() else { return prediction(margin) };
    let mean = loader.builder.unary(inverse, margin);
    let mut head = prediction(mean);
    // Not a method of the library; here for `--select margin`.
    head.outputs.push(Output { role: Role::Margin, name: "link".into(), node: margin, elements: Vec::new() });
    head
}
