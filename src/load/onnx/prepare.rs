//! Preprocessing operators on numbers: scaling, imputation, thresholds, putting columns together.

use super::cast::cast_to;
use super::layout::concat_along;
use super::node::{Refused, refuse};
use super::types::Type;
use super::value::{Call, Context, Tensor, elem, mixes_rows, precision};
use crate::diag::Diagnostic;
use crate::diag::codes::onnx as codes;
use crate::model::{Binary, Elem, Missing, Norm, Op, Precision, Scaling, Unary, Value};

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// A list of the width of the last axis, or of one element for all, repeated for every element of a row.
fn columns(values: &[f64], x: &Tensor<'_>, what: &str) -> Result<Vec<f64>, Refused> {
    let last = x.dims.last().copied().unwrap_or(1);
    if values.len() != 1 && values.len() != last {
        return Err(refuse(
            &codes::ATTRIBUTE,
            format!("`{what}` has {} elements, expected 1 or {last} for {}", values.len(), x.shape()),
        ));
    }
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(refuse(&codes::MEANING, format!("`{what}` holds {value}"))),
        None => Ok((0..x.width()).map(|at| values[at % values.len()]).collect()),
    }
}

fn is_number(call: &Call<'_, '_>, x: &Tensor<'_>) -> Result<(), Refused> {
    if matches!(elem(x.ty), Elem::Number | Elem::Integer) && x.width() > 0 {
        return Ok(());
    }
    Err(refuse(&codes::SHAPE, format!("{} of {}{} is not defined", call.op, x.ty.name(), x.shape())))
}

/// Scaler: `(x - offset) * scale`, the result in float32.
pub fn scaler<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    is_number(call, x)?;
    let (offset, scale) = (call.attributes.floats("offset")?, call.attributes.floats("scale")?);
    if offset.len() != scale.len() {
        return Err(refuse(
            &codes::ATTRIBUTE,
            format!("`offset` has {} elements and `scale` {}", offset.len(), scale.len()),
        ));
    }
    let (offset, factor) = (columns(&offset, x, "offset")?, columns(&scale, x, "scale")?);
    let scaling = Scaling::CenterMultiply { offset, factor };
    // doubles are computed with as doubles and rounded at the end
    let double = x.ty == Type::F64;
    let x = if double { x.clone() } else { cast_to(context, x, Type::F32)? };
    let node = context.node(&x)?;
    let result = if double {
        let node = context.builder.scale(node, scaling, Precision::Double);
        context.builder.unary(Unary::ToNumber, node, Elem::Number, Precision::Single)
    } else {
        context.builder.scale(node, scaling, Precision::Single)
    };
    Ok(vec![Tensor::row(Type::F32, x.dims.clone(), x.batch, result)])
}

/// Imputer: replaces NaN, or elements equal to a value.
pub fn imputer<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    is_number(call, x)?;
    let floats = call.attributes.floats("imputed_value_floats")?;
    let ints = call.attributes.ints("imputed_value_int64s")?;
    let replaced = call.attributes.float("replaced_value_float", 0.0)?;
    let replaced_int = call.attributes.int("replaced_value_int64", 0)?;
    let last = x.dims.last().copied().unwrap_or(1);
    let fits = |len: usize| {
        if len == 1 || len == last {
            return Ok(());
        }
        Err(refuse(&codes::ATTRIBUTE, format!("there are {len} imputed values for {}", x.shape())))
    };
    let (missing, fill) = if x.ty.is_float() {
        fits(floats.len())?;
        let missing = if replaced.is_nan() {
            Missing::Absent
        } else if replaced.is_finite() {
            Missing::Equal(Value::Number(replaced))
        } else {
            return Err(refuse(&codes::MEANING, format!("an Imputer that replaces {replaced} is not supported")));
        };
        if let Some(value) = floats.iter().find(|value| !value.is_finite()) {
            return Err(refuse(&codes::MEANING, format!("an imputed value is {value}")));
        }
        (missing, (0..x.width()).map(|at| Value::Number(floats[at % floats.len()])).collect())
    } else {
        fits(ints.len())?;
        let fill = (0..x.width()).map(|at| Value::Integer(ints[at % ints.len()])).collect();
        (Missing::Equal(Value::Integer(replaced_int)), fill)
    };
    context.computable(x.ty)?;
    let node = context.node(x)?;
    let width = x.width();
    let node = context.builder.raw(Op::Impute { missing, fill }, vec![node], width, elem(x.ty), precision(x.ty));
    Ok(vec![Tensor::row(x.ty, x.dims.clone(), x.batch, node)])
}

/// Binarizer: 1 where `x > threshold`. The runtime refuses NaN.
pub fn binarizer<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    is_number(call, x)?;
    let threshold = call.attributes.float("threshold", 0.0)?;
    if !x.ty.is_float() || threshold.is_nan() {
        return Err(refuse(&codes::MEANING, format!("Binarizer of {} at {threshold} is not supported", x.ty.name())));
    }
    context.computable(x.ty)?;
    let node = context.node(x)?;
    let p = precision(x.ty);
    let bound = context.builder.constant(vec![Value::Number(threshold)], Elem::Number, p);
    let above = context.builder.binary(Binary::Greater, node, bound, Elem::Boolean, p);
    let mut flags = context.builder.unary(Unary::ToNumber, above, Elem::Number, p);
    if !matches!(context.builder.node(node).op, Op::Impute { missing: Missing::Absent, .. }) {
        let nan = context.builder.unary(Unary::IsNan, node, Elem::Boolean, p);
        // a missing number: a constant has to show its type
        let both = context.builder.constant(vec![Value::Missing, Value::Number(0.0)], Elem::Number, p);
        let missing = context.builder.raw(Op::Pick(vec![0]), vec![both], 1, Elem::Number, p);
        flags = context.builder.choose(nan, missing, flags, p);
    }
    Ok(vec![Tensor::row(x.ty, x.dims.clone(), x.batch, flags)])
}

/// FeatureVectorizer: columns side by side, as float32.
pub fn feature_vectorizer<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let sizes = call.attributes.ints("inputdimensions")?;
    let mut parts = Vec::with_capacity(call.inputs.len());
    for index in 0..call.inputs.len() {
        let x = call.input(index)?;
        is_number(call, x)?;
        if sizes.get(index).is_some_and(|&size| size != x.width() as i64) {
            return Err(refuse(
                &codes::ATTRIBUTE,
                format!("`inputdimensions` says {} columns for {}", sizes[index], x.shape()),
            ));
        }
        let x = cast_to(context, x, Type::F32)?;
        let (dims, batch) = (vec![1, x.width()], x.batch.map(|_| 0));
        parts.push(x.shaped(dims, batch));
    }
    if !sizes.is_empty() && sizes.len() != parts.len() {
        return Err(refuse(&codes::ATTRIBUTE, format!("`inputdimensions` is for {} operands", sizes.len())));
    }
    let parts: Vec<&Tensor<'a>> = parts.iter().collect();
    Ok(vec![concat_along(context, &parts, 1)?])
}

/// BatchNormalization at inference, with the factor and shift that the runtime makes of its constants.
pub fn batch_normalization<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    for name in ["momentum", "spatial", "consumed_inputs"] {
        call.attributes.ignore(name);
    }
    let training = call.attributes.flag("training_mode", false)?;
    let testing = call.attributes.flag("is_test", call.version >= 7)?;
    if training || !testing || call.outputs > 1 {
        return Err(refuse(&codes::MEANING, "BatchNormalization in training mode depends on the other rows"));
    }
    let epsilon = call.attributes.float("epsilon", f64::from(1e-5f32))?;
    if !x.ty.is_float() || x.rank() < 2 || x.batch.is_some_and(|axis| axis != 0) {
        return Err(refuse(
            &codes::SHAPE,
            format!("BatchNormalization of {}{} is not supported", x.ty.name(), x.shape()),
        ));
    }
    context.computable(x.ty)?;
    let channels = x.dims[1];
    let list = |index: usize, what: &str| {
        let array = call.constant(index, what)?;
        match array.floats() {
            Some(values) if values.len() == channels => Ok(values.to_vec()),
            _ => Err(refuse(&codes::SHAPE, format!("the {what} must be {channels} numbers"))),
        }
    };
    let (scale, bias, mean, variance) = (list(1, "scale")?, list(2, "bias")?, list(3, "mean")?, list(4, "variance")?);
    let round = |value: f64| x.ty.round(value);
    let inner: usize = x.dims[2..].iter().product();
    let (mut factor, mut shift) = (Vec::with_capacity(x.width()), Vec::with_capacity(x.width()));
    for at in 0..x.width() {
        let channel = at / inner.max(1) % channels;
        let deviation = round(round(variance[channel] + epsilon).sqrt());
        let by = round(scale[channel] / deviation);
        factor.push(by);
        shift.push(round(bias[channel] - round(mean[channel] * by)));
    }
    if factor.iter().chain(&shift).any(|value| !value.is_finite()) {
        return Err(refuse(&codes::MEANING, "a channel of BatchNormalization has a variance of 0 or less"));
    }
    let node = context.node(x)?;
    let node = context.builder.scale(node, Scaling::MultiplyAdd { factor, shift }, precision(x.ty));
    Ok(vec![Tensor::row(x.ty, x.dims.clone(), x.batch, node)])
}

/// Normalizer of ai.onnx.ml; onnxruntime's MAX is signed.
pub fn normalizer<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let norm = match call.attributes.string("norm", "MAX")?.as_str() {
        "L1" => Norm::L1,
        "L2" => Norm::L2,
        "MAX" => {
            context.warnings.push(Diagnostic::new(
                &codes::NORM_MAX,
                "onnxruntime divides by the largest element, scikit-learn by the largest absolute value",
            ));
            Norm::SignedMax
        }
        other => return Err(refuse(&codes::ATTRIBUTE, format!("`{other}` is no norm"))),
    };
    if x.batch.is_some_and(|axis| axis + 1 == x.rank() && x.rank() > 1) {
        return Err(mixes_rows(call.op));
    }
    let width = x.dims.last().copied().unwrap_or(1);
    if width == 0 || x.width() != width || matches!(x.ty, Type::Text | Type::Bool) {
        return Err(refuse(&codes::SHAPE, format!("Normalizer of {}{} is not supported", x.ty.name(), x.shape())));
    }
    let x = cast_to(context, x, Type::F32)?;
    let node = context.node(&x)?;
    let node = context.builder.normalize(node, norm, Precision::Single);
    Ok(vec![Tensor::row(Type::F32, x.dims.clone(), x.batch, node)])
}
