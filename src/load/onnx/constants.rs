//! Operators that make constants, and the shapes that exporters compute with.
//!
//! A size is known or it is the number of rows; what depends on the latter in any other way than as a dimension is
//! refused.

use super::node::{Refused, refuse};
use super::tensor::{Array, Data};
use super::types::Type;
use super::value::{Body, Call, Context, Tensor, mixes_rows};
use crate::diag::codes::onnx as codes;

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// The sizes of an operand; `None` is the number of rows.
fn sizes(x: &Tensor<'_>) -> Vec<Option<i64>> {
    (0..x.rank()).map(|at| if x.batch == Some(at) { None } else { Some(x.dims[at] as i64) }).collect()
}

/// Size: the number of elements.
pub fn size<'a>(_: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let all = sizes(x).into_iter().try_fold(1i64, |product, size| Some(product * size?));
    let body = Body::Sizes(vec![match all {
        None if x.width() != 1 => return Err(refuse(&codes::ROWS, "the size depends on the number of rows")),
        all => all,
    }]);
    Ok(vec![settled(Tensor { ty: Type::I64, dims: Vec::new(), batch: None, body, keys: None })])
}

/// Shape: what is known but for the number of rows.
pub fn shape<'a>(_: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let sizes = sizes(x);
    let bound =
        |value: i64| (if value < 0 { value + x.rank() as i64 } else { value }).clamp(0, x.rank() as i64) as usize;
    let (start, end) = (bound(call.attributes.int("start", 0)?), bound(call.attributes.int("end", i64::MAX)?));
    let sizes = sizes.get(start..end.max(start)).unwrap_or(&[]).to_vec();
    let dims = vec![sizes.len()];
    Ok(vec![settled(Tensor { ty: Type::I64, dims, batch: None, body: Body::Sizes(sizes), keys: None })])
}

/// Sizes that are all known are a constant.
pub fn settled<'a>(tensor: Tensor<'a>) -> Tensor<'a> {
    let Body::Sizes(sizes) = &tensor.body else { return tensor };
    match sizes.iter().copied().collect::<Option<Vec<i64>>>() {
        Some(sizes) => Tensor::constant(Array { ty: Type::I64, dims: tensor.dims, data: Data::Int(sizes) }),
        None => tensor,
    }
}

/// ConstantOfShape.
pub fn constant_of_shape<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let value = call.attributes.tensor("value")?.unwrap_or(Array {
        ty: Type::F32,
        dims: vec![1],
        data: Data::Float(super::tensor::Floats::Owned(vec![0.0])),
    });
    if value.data.len() != 1 {
        return Err(refuse(&codes::ATTRIBUTE, "the attribute `value` must have one element"));
    }
    let sizes: Vec<Option<i64>> = match &call.input(0)?.body {
        Body::Sizes(sizes) => sizes.clone(),
        _ => call.ints(0, "shape")?.unwrap_or_default().into_iter().map(Some).collect(),
    };
    let (mut dims, mut batch) = (Vec::new(), None);
    for (at, size) in sizes.iter().enumerate() {
        match size {
            None if batch.is_some() => return Err(mixes_rows("the shape")),
            None => {
                batch = Some(at);
                dims.push(1);
            }
            Some(size) => dims.push(
                usize::try_from(*size)
                    .map_err(|_| refuse(&codes::SHAPE, format!("{size} is no size of a dimension")))?,
            ),
        }
    }
    let width = context.afford(&dims)?;
    Ok(vec![Tensor { batch, ..Tensor::constant(value.pick(&vec![0; width], dims)) }])
}

/// Range over constants.
pub fn range<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let (start, limit, delta) = (call.constant(0, "start")?, call.constant(1, "limit")?, call.constant(2, "delta")?);
    let bad = || refuse(&codes::SHAPE, "Range needs three numbers of one type and a step other than 0");
    let data = match (&start.data, &limit.data, &delta.data) {
        (Data::Int(a), Data::Int(b), Data::Int(d)) if a.len() == 1 && b.len() == 1 && d.len() == 1 && d[0] != 0 => {
            let span = i128::from(b[0]) - i128::from(a[0]);
            let count = (span + i128::from(d[0]) - i128::from(d[0].signum())) / i128::from(d[0]);
            let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
            context.afford(&[count])?;
            Data::Int((0..count as i64).map(|at| a[0].wrapping_add(at.wrapping_mul(d[0]))).collect())
        }
        (Data::Float(a), Data::Float(b), Data::Float(d)) if a.len() == 1 && b.len() == 1 && d.len() == 1 => {
            let (a, b, d) = (a.get(0), b.get(0), d.get(0));
            let count = ((b - a) / d).ceil().max(0.0);
            if !count.is_finite() {
                return Err(bad());
            }
            let count = count as usize;
            context.afford(&[count])?;
            let values = (0..count).map(|at| start.ty.round(a + start.ty.round(at as f64 * d))).collect();
            Data::Float(super::tensor::Floats::Owned(values))
        }
        _ => return Err(bad()),
    };
    Ok(vec![Tensor::constant(Array { ty: start.ty, dims: vec![data.len()], data })])
}

/// Constant.
pub fn constant<'a>(_: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    use super::tensor::Floats;
    let attributes = call.attributes;
    let list = |data: Data<'static>, ty, scalar: bool| {
        let dims = if scalar { Vec::new() } else { vec![data.len()] };
        Ok(vec![Tensor::constant(Array { ty, dims, data })])
    };
    if let Some(array) = attributes.tensor("value")? {
        return Ok(vec![Tensor::constant(array)]);
    }
    if attributes.has("value_float") {
        return list(Data::Float(Floats::Owned(vec![attributes.float("value_float", 0.0)?])), Type::F32, true);
    }
    if attributes.has("value_floats") {
        return list(Data::Float(Floats::Owned(attributes.floats("value_floats")?)), Type::F32, false);
    }
    if attributes.has("value_int") {
        return list(Data::Int(vec![attributes.int("value_int", 0)?]), Type::I64, true);
    }
    if attributes.has("value_ints") {
        return list(Data::Int(attributes.ints("value_ints")?), Type::I64, false);
    }
    if attributes.has("value_string") {
        return list(Data::Text(vec![attributes.string("value_string", "")?]), Type::Text, true);
    }
    if attributes.has("value_strings") {
        return list(Data::Text(attributes.strings("value_strings")?), Type::Text, false);
    }
    Err(refuse(&codes::ATTRIBUTE, "a Constant without a dense value is not supported"))
}
