//! Functions of single columns: FunctionTransformer, PowerTransformer, and the inverse functions of targets.

use super::Loader;
use super::object::Object;
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed};
use crate::load::json::build::{Builder, Columns};
use crate::load::json::expect;
use crate::load::json::value::{Json, Kind};
use crate::model::{Binary, NodeId, Op, Scaling, Unary};

/// The NumPy functions that are known by name.
const FUNCTIONS: &[&str] = &[
    "abs",
    "absolute",
    "ceil",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "log",
    "log10",
    "log1p",
    "log2",
    "negative",
    "positive",
    "reciprocal",
    "rint",
    "sign",
    "sqrt",
    "square",
    "tanh",
];

/// FunctionTransformer with a NumPy function that is known by name, or with none: the identity.
pub(super) fn function(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let _ = (object.get("inverse_func"), object.get("inv_kw_args"));
    let Some(json) = object.get("func") else { return Ok(columns) };
    if let Some(arguments) = object.get("kw_args")
        && arguments.members().next().is_some()
    {
        return Err(loader.unsupported(object, arguments, "kw_args", "use a function without arguments"));
    }
    let name = function_name(loader, json)?;
    let x = loader.numbers(object, &columns)?;
    let node = apply(&mut loader.builder, &name, x);
    node.map(|node| loader.builder.columns(node)).ok_or_else(|| unknown_function(loader, json))
}

/// The name of a function, as exporters write it: `log1p`, `numpy.log1p`, `<ufunc 'log1p'>`.
pub(super) fn function_name(loader: &mut Loader<'_>, json: Json<'_>) -> Result<String, Failed> {
    let text = match json.kind() {
        Kind::Object => json.get("name").or(json.get("function")).unwrap_or(json),
        _ => json,
    };
    let text = expect::text(loader.report, text, "the name of a function")?;
    let name = text.strip_prefix("<ufunc '").and_then(|name| name.strip_suffix("'>")).unwrap_or(&text);
    Ok(name.strip_prefix("numpy.").or(name.strip_prefix("np.")).unwrap_or(name).to_owned())
}

/// Refuses a function that is not known.
pub(super) fn unknown_function(loader: &mut Loader<'_>, json: Json<'_>) -> Failed {
    expect::unknown_word(loader.report, json, "the function", FUNCTIONS)
}

/// A function of [`FUNCTIONS`], applied to each element.
pub(super) fn apply(builder: &mut Builder, name: &str, x: NodeId) -> Option<NodeId> {
    let width = builder.width(x);
    let function = match name {
        "abs" | "absolute" | "fabs" => Unary::Abs,
        "ceil" => Unary::Ceil,
        "exp" => Unary::Exp,
        "expm1" => Unary::Expm1,
        "floor" => Unary::Floor,
        "log" => Unary::Log,
        "log1p" => Unary::Log1p,
        "negative" => Unary::Negate,
        "reciprocal" => Unary::Reciprocal,
        "rint" => Unary::Round,
        "sign" => Unary::Sign,
        "sqrt" => Unary::Sqrt,
        "tanh" => Unary::Tanh,
        "positive" | "identity" => return Some(x),
        "square" => {
            let terms = (0..width).map(|at| vec![(at, 2)]).collect();
            return Some(builder.push(Op::Polynomial(terms), vec![x], width));
        }
        "exp2" => {
            let two = builder.constant(2.0);
            return Some(builder.binary(Binary::Power, two, x));
        }
        "log2" | "log10" => {
            let base = if name == "log2" { std::f64::consts::LN_2 } else { std::f64::consts::LN_10 };
            let log = builder.unary(Unary::Log, x);
            return Some(divide(builder, log, base));
        }
        _ => return None,
    };
    Some(builder.unary(function, x))
}

/// PowerTransformer.
///
/// Box-Cox: `(x^λ - 1) / λ`, for λ = 0 `ln x`. Yeo-Johnson (Yeo and Johnson, "A new family of power transformations",
/// Biometrika 87, 2000): for x ≥ 0 `((x + 1)^λ - 1) / λ`, for λ = 0 `ln(1 + x)`; for x < 0
/// `-((1 - x)^(2 - λ) - 1) / (2 - λ)`, for λ = 2 `-ln(1 - x)`. Both branches are 0 at 0, so the value is the sum of the one
/// at `max(x, 0)` and the other at `min(x, 0)`. Powers are computed as SciPy does, `e^(λ ln(1 + x)) - 1` with `expm1` and
/// `log1p`.
pub(super) fn power(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let box_cox = loader.word(object, "method", "yeo-johnson", &["box-cox", "yeo-johnson"])? == "box-cox";
    let lambdas = loader.column_numbers(object, "lambdas_", columns.len())?;
    let standardize = loader.flag(object, "standardize", true)?;
    let scaler = object.get("_scaler").or(object.get("scaler_"));
    if standardize && scaler.is_none() {
        let message =
            "`PowerTransformer` with `standardize` has no `_scaler`: its means and scales are not in the file";
        let help = "dump the attribute `_scaler` too, as the script of `m2ksql exporter sklearn` does";
        return Err(loader
            .report
            .fail(Diagnostic::new(&codes::MISSING_KEY, message).at(object.json.place()).help(help)));
    }
    let mut parts = Vec::new();
    for (column, lambda) in columns.iter().zip(lambdas) {
        let x = loader.numbers(object, std::slice::from_ref(column))?;
        let builder = &mut loader.builder;
        if box_cox {
            let log = builder.unary(Unary::Log, x);
            parts.push(scaled_power(builder, log, lambda));
            continue;
        }
        let above = builder.unary(Unary::Clip { low: 0.0, high: f64::INFINITY }, x);
        let above = builder.unary(Unary::Log1p, above);
        let above = scaled_power(builder, above, lambda);
        let below = builder.unary(Unary::Clip { low: f64::NEG_INFINITY, high: 0.0 }, x);
        let below = builder.unary(Unary::Negate, below);
        let below = builder.unary(Unary::Log1p, below);
        let below = scaled_power(builder, below, 2.0 - lambda);
        parts.push(builder.binary(Binary::Subtract, above, below));
    }
    let node = loader.builder.concat(parts);
    let columns = loader.builder.columns(node);
    match scaler.filter(|_| standardize) {
        Some(scaler) => {
            let scaler = Object::open(loader.report, scaler)?;
            let columns = super::scale::standard(loader, &scaler, columns)?;
            scaler.finish(loader.report, &[]);
            Ok(columns)
        }
        None => Ok(columns),
    }
}

/// `(e^(λ x) - 1) / λ`; x for λ = 0.
fn scaled_power(builder: &mut Builder, x: NodeId, lambda: f64) -> NodeId {
    // The bound is SciPy's.
    if lambda.abs() < f64::EPSILON {
        return x;
    }
    let product = builder.push(Op::Scale(Scaling::MultiplyAdd { factor: vec![lambda], shift: vec![0.0] }), vec![x], 1);
    let power = builder.unary(Unary::Expm1, product);
    divide(builder, power, lambda)
}

/// `x / divisor`
fn divide(builder: &mut Builder, x: NodeId, divisor: f64) -> NodeId {
    let width = builder.width(x);
    let scaling = Scaling::CenterDivide { center: vec![0.0; width], scale: vec![divisor; width] };
    builder.push(Op::Scale(scaling), vec![x], width)
}
