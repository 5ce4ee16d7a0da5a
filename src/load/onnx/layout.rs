//! Operators that only move elements: shapes, slices, concatenations.
//!
//! None of them computes. A new shape must keep the elements of a row together: the dimension of the rows stands, in the
//! new shape as in the old, with the same number of a row's elements before and after it.

use super::fold::join;
use super::node::{Refused, refuse};
use super::tensor::{Array, Data};
use super::value::{Body, Call, Context, Tensor, axis, mixes_rows};
use crate::diag::codes::onnx as codes;
use crate::model::NodeId;
use std::rc::Rc;

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// Identity.
pub fn identity<'a>(_: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    Ok(vec![call.input(0)?.clone()])
}

/// Dropout at inference.
pub fn dropout<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    for name in ["ratio", "seed", "is_test", "consumed_inputs"] {
        call.attributes.ignore(name);
    }
    if let Some(training) = call.maybe(2)
        && training.array().is_none_or(|array| !matches!(array.data, Data::Bool(ref on) if on == &[false]))
    {
        return Err(refuse(&codes::MEANING, "Dropout in training mode is random"));
    }
    if call.outputs > 1 {
        return Err(refuse(&codes::MEANING, "the mask of Dropout is not supported"));
    }
    identity(context, call)
}

/// Concat.
pub fn concat<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let along = if call.version < 4 { call.attributes.int("axis", 1)? } else { call.attributes.need_int("axis")? };
    let parts: Vec<&Tensor<'a>> = (0..call.inputs.len()).map(|at| call.input(at)).collect::<Result<_, _>>()?;
    let first = call.input(0)?;
    let along = axis(along, first.rank())?;
    let result = concat_along(context, &parts, along)?;
    Ok(vec![result])
}

/// Tensors put together along an axis.
pub fn concat_along<'a>(context: &mut Context, parts: &[&Tensor<'a>], along: usize) -> Result<Tensor<'a>, Refused> {
    let Some(&first) = parts.first() else { return Err(refuse(&codes::SHAPE, "there is nothing to concatenate")) };
    let mut dims = first.dims.clone();
    let mut batch = None;
    dims[along] = 0;
    for part in parts {
        let fits = part.rank() == first.rank()
            && part.dims.iter().zip(&first.dims).enumerate().all(|(at, (a, b))| at == along || a == b);
        if !fits || part.ty != first.ty {
            return Err(refuse(
                &codes::SHAPE,
                format!(
                    "{}{} and {}{} do not fit together",
                    first.ty.name(),
                    first.shape(),
                    part.ty.name(),
                    part.shape()
                ),
            ));
        }
        dims[along] += part.dims[along];
        match (batch, part.batch) {
            (Some(a), Some(b)) if a != b => return Err(mixes_rows("the concatenation")),
            (_, Some(at)) => batch = Some(at),
            _ => {}
        }
    }
    if batch == Some(along) && parts.len() > 1 {
        return Err(mixes_rows("the concatenation"));
    }
    if parts.iter().any(|part| matches!(part.body, Body::Sizes(_))) {
        let mut sizes = Vec::new();
        for part in parts {
            match &part.body {
                Body::Sizes(known) => sizes.extend_from_slice(known),
                Body::Constant(array) => sizes.extend(array.ints().unwrap_or(&[]).iter().map(|&size| Some(size))),
                Body::Row(_) => return Err(refuse(&codes::ROWS, "the node computes with the number of rows")),
            }
        }
        return Ok(Tensor { ty: first.ty, dims: vec![sizes.len()], batch: None, body: Body::Sizes(sizes), keys: None });
    }
    // elements come part by part; `order` puts them row-major
    let outer: usize = dims[..along].iter().product();
    let order = (outer > 1).then(|| {
        let mut order = Vec::new();
        for row in 0..outer {
            let mut start = 0;
            for part in parts {
                let inner: usize = part.dims[along..].iter().product();
                order.extend(start + row * inner..start + (row + 1) * inner);
                start += part.width();
            }
        }
        order
    });
    if parts.iter().all(|part| part.is_constant()) {
        let arrays: Vec<&Rc<Array<'a>>> = parts
            .iter()
            .filter_map(|part| match &part.body {
                Body::Constant(array) => Some(array),
                _ => None,
            })
            .collect();
        context.afford(&dims)?;
        let joined = join(&arrays)?;
        let order = order.unwrap_or_else(|| (0..joined.data.len()).collect());
        return Ok(Tensor { batch, ..Tensor::constant(joined.pick(&order, dims)) });
    }
    let mut nodes = Vec::with_capacity(parts.len());
    for part in parts {
        if part.width() > 0 {
            nodes.push(context.node(part)?);
        }
    }
    let node = context.builder.concat(nodes);
    let node = match order {
        Some(order) => context.builder.pick(node, &order),
        None => node,
    };
    Ok(Tensor::row(first.ty, dims, batch, node))
}

/// Split.
pub fn split<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let along = axis(call.attributes.int("axis", 0)?, x.rank())?;
    let count = call.attributes.int("num_outputs", call.outputs as i64)?;
    let sizes = match call.attributes.ints_maybe("split")? {
        Some(sizes) => Some(sizes),
        None => call.ints(1, "sizes of Split")?,
    };
    if x.batch == Some(along) {
        return Err(mixes_rows("Split"));
    }
    let total = x.dims[along];
    let sizes: Vec<usize> = match sizes {
        Some(sizes) => sizes.into_iter().map(|size| usize::try_from(size).unwrap_or(usize::MAX)).collect(),
        None => {
            let count = usize::try_from(count).unwrap_or(0).clamp(1, MAX_OUTPUTS);
            let chunk = total.div_ceil(count).max(1);
            (0..count).map(|at| chunk.min(total.saturating_sub(at * chunk))).collect()
        }
    };
    if sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size)) != Some(total) || sizes.len() != call.outputs {
        return Err(refuse(&codes::SHAPE, format!("{} cannot be split into {sizes:?}", x.shape())));
    }
    let mut start = 0;
    let mut results = Vec::new();
    for size in sizes {
        let chosen: Vec<usize> = (start..start + size).collect();
        results.push(take(context, x, along, &chosen, None)?);
        start += size;
    }
    Ok(results)
}

const MAX_OUTPUTS: usize = 1 << 16;

/// The slices of a tensor at these positions of an axis; `shape` replaces that axis, else it is as long as the list.
fn take<'a>(
    context: &mut Context,
    x: &Tensor<'a>,
    along: usize,
    chosen: &[usize],
    shape: Option<&[usize]>,
) -> Result<Tensor<'a>, Refused> {
    let own = [chosen.len()];
    let shape = shape.unwrap_or(&own);
    let mut dims = x.dims[..along].to_vec();
    dims.extend_from_slice(shape);
    dims.extend_from_slice(&x.dims[along + 1..]);
    let batch = x.batch.map(|at| if at < along { at } else { at + shape.len() - 1 });
    context.afford(&dims)?;
    let inner: usize = x.dims[along + 1..].iter().product();
    let outer: usize = x.dims[..along].iter().product();
    let mut list = Vec::with_capacity(outer * chosen.len() * inner);
    for row in 0..outer {
        for &at in chosen {
            let start = (row * x.dims[along] + at) * inner;
            list.extend(start..start + inner);
        }
    }
    context.pick(x, &list, dims, batch)
}

/// Gather and ArrayFeatureExtractor.
pub fn gather<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let (x, indices) = (call.input(0)?, call.input(1)?);
    let along = axis(call.attributes.int("axis", 0)?, x.rank())?;
    if let Body::Row(node) = indices.body {
        return Ok(vec![look_up(context, x, along, node, indices, &indices.dims, indices.batch)?]);
    }
    let chosen = chosen(indices, x, along)?;
    Ok(vec![take(context, x, along, &chosen, Some(&indices.dims))?])
}

/// Constant indices of an axis, negative ones from its end.
fn chosen(indices: &Tensor<'_>, x: &Tensor<'_>, along: usize) -> Result<Vec<usize>, Refused> {
    let Some(values) = indices.array().and_then(|array| array.ints().map(<[i64]>::to_vec)) else {
        return Err(refuse(&codes::SHAPE, "the indices must be integers that do not depend on the number of rows"));
    };
    if x.batch == Some(along) {
        return Err(mixes_rows("the choice of elements"));
    }
    values
        .into_iter()
        .map(|value| {
            let at = if value < 0 { value + x.dims[along] as i64 } else { value };
            usize::try_from(at).ok().filter(|&at| at < x.dims[along]).ok_or_else(|| {
                refuse(
                    &codes::SHAPE,
                    format!("the index {value} is outside of the {} elements of {}", x.dims[along], x.shape()),
                )
            })
        })
        .collect()
}

/// ArrayFeatureExtractor: the last axis, at a flat list of indices.
pub fn extract<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let (x, indices) = (call.input(0)?, call.input(1)?);
    if x.rank() == 0 {
        return Err(refuse(&codes::SHAPE, "the data of ArrayFeatureExtractor is one number, expected at least a list"));
    }
    // a list counts as one row
    let x = if x.rank() == 1 {
        let dims = vec![1, x.dims[0]];
        if x.batch.is_some() {
            return Err(mixes_rows("ArrayFeatureExtractor"));
        }
        &x.shaped(dims, None)
    } else {
        x
    };
    let along = x.rank() - 1;
    if let Body::Row(node) = indices.body {
        if indices.width() != 1 && indices.batch.is_some() {
            return Err(refuse(
                &codes::MEANING,
                "ArrayFeatureExtractor by several indices of each row is not supported",
            ));
        }
        return Ok(vec![look_up(context, x, along, node, indices, &[indices.width()], indices.batch.map(|_| 0))?]);
    }
    let chosen = chosen(indices, x, along)?;
    Ok(vec![take(context, x, along, &chosen, None)?])
}

/// Elements of a constant table at an index that the row computes: for the index of the largest score, a decision.
fn look_up<'a>(
    context: &mut Context,
    x: &Tensor<'a>,
    along: usize,
    node: NodeId,
    indices: &Tensor<'a>,
    shape: &[usize],
    batch: Option<usize>,
) -> Result<Tensor<'a>, Refused> {
    let Some(array) = x.array() else {
        return Err(refuse(&codes::MEANING, "elements of a row at a position that the row computes are not supported"));
    };
    let outer: usize = x.dims[..along].iter().product();
    let inner: usize = x.dims[along + 1..].iter().product();
    if outer != 1 || inner == 0 || x.dims[along] == 0 {
        return Err(refuse(&codes::MEANING, format!("a look-up in a table of shape {} is not supported", x.shape())));
    }
    let mut dims = x.dims[..along].to_vec();
    dims.extend_from_slice(shape);
    dims.extend_from_slice(&x.dims[along + 1..]);
    let batch = batch.map(|at| at + along);
    context.afford(&dims)?;
    context.computable(x.ty)?;
    let values = array.values();
    let count = x.dims[along];
    let mut columns = Vec::with_capacity(inner);
    for column in 0..inner {
        let table: Vec<crate::model::Value> = (0..count).map(|at| values[at * inner + column].clone()).collect();
        columns.push(super::encode::table(context, node, table, x.ty)?);
    }
    let width = indices.width();
    let all = context.builder.concat(columns);
    // columns of the table come one after the other; the result has them inside each index
    let order: Vec<usize> = (0..width).flat_map(|at| (0..inner).map(move |column| column * width + at)).collect();
    let all = if inner > 1 { context.builder.pick(all, &order) } else { all };
    Ok(Tensor::row(x.ty, dims, batch, all))
}

/// Slice: bounds are attributes before opset 10, then operands.
pub fn slice<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let (starts, ends, axes, steps) = if call.version < 10 {
        (call.attributes.ints("starts")?, call.attributes.ints("ends")?, call.attributes.ints_maybe("axes")?, None)
    } else {
        let need = |index, what: &str| {
            call.ints(index, what)?.ok_or_else(|| refuse(&codes::SHAPE, format!("the {what} are missing")))
        };
        (need(1, "starts")?, need(2, "ends")?, call.ints(3, "axes")?, call.ints(4, "steps")?)
    };
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(refuse(&codes::SHAPE, "starts, ends, axes and steps have different lengths"));
    }
    let mut result = x.clone();
    for (at, &along) in axes.iter().enumerate() {
        let along = axis(along, x.rank())?;
        let (start, end, step) = (starts[at], ends[at], steps[at]);
        if step == 0 {
            return Err(refuse(&codes::SHAPE, "a step of Slice is 0"));
        }
        if x.batch == Some(along) {
            // all rows, however many
            if start == 0 && end >= i64::from(i32::MAX) && step == 1 {
                continue;
            }
            return Err(mixes_rows("Slice"));
        }
        let size = result.dims[along] as i64;
        let clamp = |value: i64, low: i64, high: i64| {
            let value = if value < 0 { value.saturating_add(size) } else { value };
            value.clamp(low, high)
        };
        let (start, end) = if step > 0 {
            (clamp(start, 0, size), clamp(end, 0, size))
        } else {
            (clamp(start, 0, (size - 1).max(0)), clamp(end, -1, (size - 1).max(0)))
        };
        let mut chosen = Vec::new();
        let mut position = if size == 0 { end } else { start };
        while (step > 0 && position < end) || (step < 0 && position > end) {
            chosen.push(position as usize);
            position = position.saturating_add(step);
        }
        result = take(context, &result, along, &chosen, None)?;
    }
    Ok(vec![result])
}
