//! Operators that only move elements: shapes, slices, concatenations.
//!
//! None of them computes. A new shape must keep the elements of a row together: the dimension of the rows stands, in the
//! new shape as in the old, with the same number of a row's elements before and after it.

use super::elementwise::{join, spread_node};
use super::node::{Refused, refuse, refuse_with};
use super::tensor::{Array, Data, Type};
use super::value::{Body, Call, Context, Tensor, axis, mixes_rows, positions, spread, strides};
use crate::diag::codes::onnx as codes;
use crate::model::NodeId;
use std::rc::Rc;

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// Identity, and Dropout at inference.
pub fn identity<'a>(_: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let mut results = vec![x.clone()];
    if call.op == "Dropout" {
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
    }
    results.truncate(call.outputs.max(1));
    Ok(results)
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

/// Squeeze and Unsqueeze: axes are an attribute before opset 13, then an operand.
pub fn squeeze<'a>(_: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let axes = match call.attributes.ints_maybe("axes")? {
        Some(axes) => Some(axes),
        None => call.ints(1, "axes")?,
    };
    if call.op == "Unsqueeze" {
        let Some(axes) = axes else { return Err(refuse(&codes::SHAPE, "the axes of Unsqueeze are missing")) };
        let rank = x.rank() + axes.len();
        if rank > MAX_RANK {
            return Err(refuse(&codes::SIZE, format!("{rank} dimensions are more than m2ksql handles")));
        }
        let mut new = vec![false; rank];
        for &at in &axes {
            new[axis(at, rank)?] = true;
        }
        let mut old = 0..x.rank();
        let (mut dims, mut batch) = (Vec::new(), None);
        for added in new {
            match if added { None } else { old.next() } {
                None => dims.push(1),
                Some(at) => {
                    if x.batch == Some(at) {
                        batch = Some(dims.len());
                    }
                    dims.push(x.dims[at]);
                }
            }
        }
        return Ok(vec![x.shaped(dims, batch)]);
    }
    let gone: Vec<usize> = match axes {
        Some(axes) => axes.iter().map(|&at| axis(at, x.rank())).collect::<Result<_, _>>()?,
        None => (0..x.rank()).filter(|&at| x.dims[at] == 1 && x.batch != Some(at)).collect(),
    };
    let (mut dims, mut batch) = (Vec::new(), None);
    for at in 0..x.rank() {
        if gone.contains(&at) {
            if x.batch == Some(at) {
                return Err(mixes_rows("Squeeze"));
            }
            if x.dims[at] != 1 {
                return Err(refuse(&codes::SHAPE, format!("axis {at} of {} has more than one element", x.shape())));
            }
            continue;
        }
        if x.batch == Some(at) {
            batch = Some(dims.len());
        }
        dims.push(x.dims[at]);
    }
    Ok(vec![x.shaped(dims, batch)])
}

const MAX_RANK: usize = 16;

/// Reshape: the shape is an attribute before opset 5, then an operand.
pub fn reshape<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    call.attributes.ignore("consumed_inputs");
    let zero_is_zero = call.attributes.flag("allowzero", false)?;
    let shape: Vec<Option<i64>> = match call.attributes.ints_maybe("shape")? {
        Some(shape) => shape.into_iter().map(Some).collect(),
        None => match &call.input(1)?.body {
            Body::Sizes(sizes) => sizes.clone(),
            _ => call.ints(1, "new shape")?.unwrap_or_default().into_iter().map(Some).collect(),
        },
    };
    let (dims, batch) = new_shape(context, x, &shape, zero_is_zero)?;
    Ok(vec![x.shaped(dims, batch)])
}

/// The dimensions that a requested shape means for one row; `None` in it is the number of rows.
fn new_shape(
    context: &Context,
    x: &Tensor<'_>,
    shape: &[Option<i64>],
    zero_is_zero: bool,
) -> Result<(Vec<usize>, Option<usize>), Refused> {
    let words = || {
        let words: Vec<String> = shape.iter().map(|size| size.map_or("N".into(), |size| size.to_string())).collect();
        format!("[{}]", words.join(", "))
    };
    let misfit = || refuse(&codes::SHAPE, format!("{} cannot be reshaped to {}", x.shape(), words()));
    let rows = || {
        refuse_with(
            &codes::ROWS,
            format!("reshaping {} to {} moves elements from one row to another", x.shape(), words()),
            "export the model with a dynamic batch dimension and keep it first",
        )
    };
    if shape.len() > MAX_RANK {
        return Err(misfit());
    }
    // per dimension: its size, or open; whether it may be the rows
    let mut open = None;
    let (mut dims, mut may) = (Vec::new(), Vec::new());
    for (at, size) in shape.iter().enumerate() {
        match *size {
            None => {
                dims.push(1);
                may.push(3);
            }
            Some(-1) => {
                if open.replace(at).is_some() {
                    return Err(misfit());
                }
                dims.push(1);
                may.push(2);
            }
            Some(0) if !zero_is_zero => {
                dims.push(*x.dims.get(at).ok_or_else(misfit)?);
                may.push(if x.batch == Some(at) { 3 } else { 0 });
            }
            Some(size) => {
                dims.push(usize::try_from(size).map_err(|_| misfit())?);
                let fixed = context.rows.is_some_and(|rows| rows as i64 == size);
                may.push(if fixed || size == 1 { 1 } else { 0 });
            }
        }
    }
    let width = x.width();
    let product = |dims: &[usize]| dims.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    let Some(home) = x.batch else {
        if may.contains(&3) {
            return Err(rows());
        }
        if let Some(at) = open {
            let rest = product(&dims).filter(|&rest| rest > 0 && width.is_multiple_of(rest)).ok_or_else(misfit)?;
            dims[at] = width / rest;
        }
        return if product(&dims) == Some(width) { Ok((dims, None)) } else { Err(misfit()) };
    };
    let before: usize = x.dims[..home].iter().product();
    // where the rows can stand: surely, as the open dimension, or as a size that the exporter fixed
    for wanted in [3, 2, 1] {
        for at in (0..dims.len()).filter(|&at| may[at] == wanted) {
            let mut sizes = dims.clone();
            sizes[at] = 1;
            if let Some(other) = open.filter(|&other| other != at) {
                let Some(rest) = product(&sizes).filter(|&rest| rest > 0 && width.is_multiple_of(rest)) else {
                    continue;
                };
                sizes[other] = width / rest;
            }
            if product(&sizes) == Some(width) && product(&sizes[..at]) == Some(before) {
                return Ok((sizes, Some(at)));
            }
        }
    }
    Err(rows())
}

/// Flatten to two dimensions.
pub fn flatten<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let at = call.attributes.int("axis", 1)?;
    let at = if at < 0 { at + x.rank() as i64 } else { at };
    let Some(at) = usize::try_from(at).ok().filter(|&at| at <= x.rank()) else {
        return Err(refuse(&codes::SHAPE, format!("there is no axis {at} in {}", x.shape())));
    };
    let side = |dims: &[usize], rows: bool| if rows { None } else { Some(dims.iter().product::<usize>() as i64) };
    let left = x.batch.is_some_and(|batch| batch < at);
    let right = x.batch.is_some_and(|batch| batch >= at);
    let shape = [side(&x.dims[..at], left), side(&x.dims[at..], right)];
    let (dims, batch) = new_shape(context, x, &shape, true)?;
    Ok(vec![x.shaped(dims, batch)])
}

/// Transpose.
pub fn transpose<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let order = match call.attributes.ints_maybe("perm")? {
        Some(order) => order.iter().map(|&at| axis(at, x.rank())).collect::<Result<Vec<_>, _>>()?,
        None => (0..x.rank()).rev().collect(),
    };
    let mut seen = order.clone();
    seen.sort_unstable();
    if !seen.into_iter().eq(0..x.rank()) {
        return Err(refuse(&codes::ATTRIBUTE, format!("`perm` is {order:?}, no order of {} dimensions", x.rank())));
    }
    let own = strides(&x.dims);
    let dims: Vec<usize> = order.iter().map(|&at| x.dims[at]).collect();
    let moved: Vec<usize> = order.iter().map(|&at| own[at]).collect();
    let batch = x.batch.and_then(|batch| order.iter().position(|&at| at == batch));
    let list = positions(&dims, &moved);
    if matches!(x.body, Body::Row(_)) && list.iter().enumerate().all(|(at, &position)| at == position) {
        return Ok(vec![x.shaped(dims, batch)]);
    }
    Ok(vec![context.pick(x, &list, dims, batch)?])
}

/// Expand: broadcast to a shape.
pub fn expand<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let shape: Vec<Option<i64>> = match &call.input(1)?.body {
        Body::Sizes(sizes) => sizes.clone(),
        _ => call.ints(1, "shape of Expand")?.unwrap_or_default().into_iter().map(Some).collect(),
    };
    let rank = x.rank().max(shape.len());
    let mut dims = vec![1; rank - x.rank()];
    dims.extend_from_slice(&x.dims);
    let mut batch = x.batch.map(|at| at + rank - x.rank());
    for (at, size) in shape.iter().enumerate() {
        let at = at + rank - shape.len();
        match size {
            None if batch.is_none_or(|known| known == at) && dims[at] == 1 => batch = Some(at),
            None => return Err(mixes_rows("Expand")),
            Some(1) => {}
            Some(_) if batch == Some(at) && context.rows.map(|rows| rows as i64) == *size => {}
            Some(_) if batch == Some(at) => return Err(mixes_rows("Expand")),
            Some(size) => match usize::try_from(*size) {
                Ok(size) if dims[at] == 1 || dims[at] == size => dims[at] = size,
                _ => return Err(refuse(&codes::SHAPE, format!("{} cannot be expanded to {size}", x.shape()))),
            },
        }
    }
    let width = context.afford(&dims)?;
    if width == x.width() {
        return Ok(vec![x.shaped(dims, batch)]);
    }
    if let Body::Constant(array) = &x.body {
        let list = spread(&x.dims, &dims).unwrap_or_else(|| (0..width).collect());
        return Ok(vec![Tensor { batch, ..Tensor::constant(array.pick(&list, dims)) }]);
    }
    let mut node = spread_node(context, x, &dims)?;
    if context.builder.width(node) != width {
        node = context.builder.pick(node, &vec![0; width]);
    }
    Ok(vec![Tensor::row(x.ty, dims, batch, node)])
}

/// Shape and Size: what is known but for the number of rows.
pub fn shape<'a>(_: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let sizes: Vec<Option<i64>> =
        (0..x.rank()).map(|at| if x.batch == Some(at) { None } else { Some(x.dims[at] as i64) }).collect();
    if call.op == "Size" {
        let all = sizes.iter().copied().try_fold(1i64, |product, size| Some(product * size?));
        let body = Body::Sizes(vec![match all {
            None if x.width() != 1 => return Err(refuse(&codes::ROWS, "the size depends on the number of rows")),
            all => all,
        }]);
        return Ok(vec![settled(Tensor { ty: Type::I64, dims: Vec::new(), batch: None, body, keys: None })]);
    }
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
