//! Operators that give a row's elements another shape.
//!
//! A new shape must keep the elements of a row together: the dimension of the rows stands, in the new shape as in the
//! old, with the same number of a row's elements before and after it.

use super::elementwise::spread_node;
use super::node::{Refused, refuse, refuse_with};
use super::value::{Body, Call, Context, Tensor, axis, mixes_rows, positions, spread, strides};
use crate::diag::codes::onnx as codes;

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// The axes: an attribute in older versions, then an operand.
fn axes(call: &Call<'_, '_>) -> Result<Option<Vec<i64>>, Refused> {
    match call.attributes.ints_maybe("axes")? {
        Some(axes) => Ok(Some(axes)),
        None => call.ints(1, "axes"),
    }
}

/// Unsqueeze: adds axes of one element.
pub fn unsqueeze<'a>(_: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let Some(axes) = axes(call)? else { return Err(refuse(&codes::SHAPE, "the axes of Unsqueeze are missing")) };
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
    Ok(vec![x.shaped(dims, batch)])
}

/// Squeeze: takes axes of one element away.
pub fn squeeze<'a>(_: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let axes = axes(call)?;
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
