//! Scalers: constants for each column.

use super::Loader;
use super::object::Object;
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed};
use crate::load::json::build::Columns;
use crate::load::json::expect;
use crate::model::{Binary, Elem, Norm, Op, Scaling, Unary};

/// StandardScaler: `(x - mean_) / scale_`.
pub(super) fn standard(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    center_divide(loader, object, columns, ("mean_", "with_mean"), ("scale_", "with_std"))
}

/// RobustScaler: `(x - center_) / scale_`.
pub(super) fn robust(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    center_divide(loader, object, columns, ("center_", "with_centering"), ("scale_", "with_scaling"))
}

/// MaxAbsScaler: `x / scale_`, clipped to ±1 where `clip` is set.
pub(super) fn max_abs(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    // The library divides by `scale_`, which is `max_abs_` with zeros replaced by 1.
    let scale = scale(loader, object, "scale_", columns.len())?;
    let x = loader.numbers(object, &columns)?;
    let center = vec![0.0; columns.len()];
    let mut node = loader.builder.push(Op::Scale(Scaling::CenterDivide { center, scale }), vec![x], columns.len());
    if loader.flag(object, "clip", false)? {
        node = loader.builder.unary(Unary::Clip { low: -1.0, high: 1.0 }, node);
    }
    Ok(loader.builder.columns(node))
}

/// MinMaxScaler: `x * scale_ + min_`, clipped to `feature_range` where `clip` is set.
pub(super) fn min_max(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let factor = loader.column_numbers(object, "scale_", columns.len());
    let shift = loader.column_numbers(object, "min_", columns.len());
    let clip = loader.flag(object, "clip", false)?;
    let range = match object.get("feature_range") {
        Some(json) => match expect::numbers(loader.report, json, "`feature_range`")?[..] {
            [low, high] if low <= high => (low, high),
            _ => return Err(expect::wrong_type(loader.report, json, "`feature_range`", "two numbers in order")),
        },
        None => (0.0, 1.0),
    };
    let (factor, shift) = (factor?, shift?);
    let x = loader.numbers(object, &columns)?;
    let mut node = loader.builder.push(Op::Scale(Scaling::MultiplyAdd { factor, shift }), vec![x], columns.len());
    if clip {
        node = loader.builder.unary(Unary::Clip { low: range.0, high: range.1 }, node);
    }
    Ok(loader.builder.columns(node))
}

/// Normalizer: the row divided by its norm.
pub(super) fn normalizer(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let norm = match loader.word(object, "norm", "l2", &["l1", "l2", "max"])? {
        "l1" => Norm::L1,
        "max" => Norm::Max,
        _ => Norm::L2,
    };
    let x = loader.numbers(object, &columns)?;
    let node = loader.builder.push(Op::Normalize(norm), vec![x], columns.len());
    Ok(loader.builder.columns(node))
}

/// Binarizer: 1 where `x > threshold`, else 0.
pub(super) fn binarizer(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let threshold =
        object.get("threshold").map_or(Ok(0.0), |json| expect::number(loader.report, json, "`threshold`"))?;
    let x = loader.numbers(object, &columns)?;
    let builder = &mut loader.builder;
    let limit = builder.constant(threshold);
    let above = builder.push_as(Op::Binary(Binary::Greater), vec![x, limit], columns.len(), Elem::Boolean);
    let node = builder.unary(Unary::ToNumber, above);
    Ok(builder.columns(node))
}

fn center_divide(
    loader: &mut Loader<'_>,
    object: &Object<'_>,
    columns: Columns,
    (center, centers): (&str, &str),
    (divisor, divides): (&str, &str),
) -> Result<Columns, Failed> {
    let width = columns.len();
    let (centers, divides) = (flag_of(loader, object, centers, center)?, flag_of(loader, object, divides, divisor)?);
    let center = if centers { loader.column_numbers(object, center, width) } else { Ok(vec![0.0; width]) };
    let scale = if divides { scale(loader, object, divisor, width) } else { Ok(vec![1.0; width]) };
    // Both stand in a dump also where only one of them is used.
    let _ = (object.raw("mean_"), object.raw("scale_"));
    let (center, scale) = (center?, scale?);
    let x = loader.numbers(object, &columns)?;
    let node = loader.builder.push(Op::Scale(Scaling::CenterDivide { center, scale }), vec![x], width);
    Ok(loader.builder.columns(node))
}

/// Whether a parameter is on. Where it was not dumped, an attribute that is there as `null` says that it is off.
fn flag_of(loader: &mut Loader<'_>, object: &Object<'_>, flag: &str, attribute: &str) -> Result<bool, Failed> {
    let off = object.raw(attribute).is_some_and(|value| value.is_null());
    loader.flag(object, flag, !off)
}

/// Divisors, none of which is 0.
fn scale(loader: &mut Loader<'_>, object: &Object<'_>, name: &str, width: usize) -> Result<Vec<f64>, Failed> {
    let scale = loader.column_numbers(object, name, width)?;
    if let Some(at) = scale.iter().position(|&scale| scale == 0.0) {
        let place = object.get(name).and_then(|json| json.items().nth(at)).unwrap_or(object.json);
        let message = format!("item {at} of `{name}` is 0, and is divided by");
        let help = "scikit-learn writes 1 for a constant column";
        return Err(loader.report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(place.place()).help(help)));
    }
    Ok(scale)
}
