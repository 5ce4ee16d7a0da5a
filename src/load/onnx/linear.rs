//! Linear operators: matrix products with constants, the linear models and linear support vector machines of ai.onnx.ml.

use super::elementwise::combine;
use super::node::{Refused, refuse};
use super::tensor::{Array, Data, Floats};
use super::types::Type;
use super::value::{Body, Call, Context, Tensor, mixes_rows, precision};
use crate::diag::codes::onnx as codes;
use crate::model::{Binary, Linear, NodeId, Precision};

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// The matrix with these rows and columns, row-major, transposed.
fn transposed(values: &Floats<'_>, rows: usize, columns: usize) -> Vec<f64> {
    if rows == 1 || columns == 1 {
        return values.to_vec();
    }
    // in tiles, so that both sides stay in the cache
    const TILE: usize = 32;
    let mut out = vec![0.0; rows * columns];
    for top in (0..rows).step_by(TILE) {
        for left in (0..columns).step_by(TILE) {
            for row in top..rows.min(top + TILE) {
                for column in left..columns.min(left + TILE) {
                    out[column * rows + row] = values.get(row * columns + column);
                }
            }
        }
    }
    out
}

/// Refuses NaN and infinities among constants.
pub fn finite(values: &[f64], what: &str) -> Result<(), Refused> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(refuse(&codes::MEANING, format!("a {what} is {value}"))),
        None => Ok(()),
    }
}

/// MatMul.
pub fn matmul<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    Ok(vec![product(context, a, b)?])
}

fn product<'a>(context: &mut Context, a: &Tensor<'a>, b: &Tensor<'a>) -> Result<Tensor<'a>, Refused> {
    let misfit = || refuse(&codes::SHAPE, format!("{} and {} cannot be multiplied", a.shape(), b.shape()));
    if !a.ty.is_float() || a.ty != b.ty {
        return Err(refuse(
            &codes::MEANING,
            format!("a matrix product of {} and {} is not supported", a.ty.name(), b.ty.name()),
        ));
    }
    context.computable(a.ty)?;
    match (&a.body, &b.body) {
        (_, Body::Constant(matrix)) => {
            let (Some(&inner), Some(weights)) = (a.dims.last(), matrix.floats()) else { return Err(misfit()) };
            let (rows, columns) = match b.dims[..] {
                [rows] => (rows, None),
                [.., rows, columns] if b.width() == rows * columns => (rows, Some(columns)),
                _ => return Err(misfit()),
            };
            if a.batch == Some(a.rank() - 1) || b.batch.is_some_and(|axis| axis + 1 == b.rank()) {
                return Err(mixes_rows("the matrix product"));
            }
            if rows != inner || rows == 0 || columns == Some(0) || a.width() == 0 || b.rank() > a.rank().max(2) {
                return Err(misfit());
            }
            let weights = transposed(weights, rows, columns.unwrap_or(1));
            let mut dims = a.dims[..a.rank() - 1].to_vec();
            dims.extend(columns);
            let targets = columns.unwrap_or(1);
            let groups = a.width() / inner;
            context.afford(&dims)?;
            let x = context.node(a)?;
            let node = groupwise(context, x, groups, inner, weights, targets, precision(a.ty))?;
            Ok(Tensor::row(a.ty, dims, a.batch, node))
        }
        (Body::Constant(matrix), _) => {
            let Some(weights) = matrix.floats() else { return Err(misfit()) };
            let (&[rows, inner], &[own, columns]) = (&a.dims[..], &b.dims[..]) else { return Err(misfit()) };
            if b.batch == Some(0) || a.batch.is_some() {
                return Err(mixes_rows("the matrix product"));
            }
            if inner != own || rows == 0 || b.width() == 0 {
                return Err(misfit());
            }
            context.afford(&[rows, columns])?;
            let x = context.node(b)?;
            // column by column of the right side, then row-major
            let order: Vec<usize> =
                (0..columns).flat_map(|column| (0..inner).map(move |k| k * columns + column)).collect();
            let x = context.builder.pick(x, &order);
            let node = groupwise(context, x, columns, inner, weights.to_vec(), rows, precision(a.ty))?;
            let order: Vec<usize> =
                (0..rows).flat_map(|row| (0..columns).map(move |column| column * rows + row)).collect();
            let node = context.builder.pick(node, &order);
            Ok(Tensor::row(a.ty, vec![rows, columns], b.batch, node))
        }
        _ => Err(refuse(&codes::MEANING, "a product of two matrices that both depend on the row is not supported")),
    }
}

/// The same linear map for each of `groups` runs of `inner` elements.
fn groupwise(
    context: &mut Context,
    x: NodeId,
    groups: usize,
    inner: usize,
    weights: Vec<f64>,
    targets: usize,
    precision: Precision,
) -> Result<NodeId, Refused> {
    finite(&weights, "weight")?;
    let bias = vec![0.0; targets];
    if groups == 1 {
        return Ok(context.builder.linear(x, Linear { inputs: inner, weights, bias }, precision));
    }
    context.spend(groups.saturating_mul(weights.len()))?;
    let mut parts = Vec::with_capacity(groups);
    for group in 0..groups {
        let run: Vec<usize> = (group * inner..(group + 1) * inner).collect();
        let part = context.builder.pick(x, &run);
        let linear = Linear { inputs: inner, weights: weights.clone(), bias: bias.clone() };
        parts.push(context.builder.linear(part, linear, precision));
    }
    Ok(context.builder.concat(parts))
}

/// Gemm: `alpha A B + beta C`.
pub fn gemm<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let (a, b, c) = (call.input(0)?, call.input(1)?, call.maybe(2));
    let (alpha, beta) = (call.attributes.float("alpha", 1.0)?, call.attributes.float("beta", 1.0)?);
    let (flip_a, flip_b) = (call.attributes.flag("transA", false)?, call.attributes.flag("transB", false)?);
    call.attributes.ignore("broadcast");
    finite(&[alpha, beta], "factor of Gemm")?;
    let misfit = || refuse(&codes::SHAPE, format!("{} and {} cannot be multiplied", a.shape(), b.shape()));
    if a.rank() != 2 || b.rank() != 2 || !a.ty.is_float() || a.ty != b.ty {
        return Err(misfit());
    }
    context.computable(a.ty)?;
    let p = precision(a.ty);
    // the rows of A are the rows of the batch; anything else goes the long way
    let rows_first = if flip_a { a.batch == Some(1) && a.dims[1] == 1 } else { a.dims[0] == 1 && a.batch != Some(1) };
    if let (Body::Row(x), Some(matrix), true) = (&a.body, b.array().and_then(|array| array.floats()), rows_first) {
        let inner = if flip_a { a.dims[0] } else { a.dims[1] };
        let (rows, columns) = if flip_b { (b.dims[1], b.dims[0]) } else { (b.dims[0], b.dims[1]) };
        if rows != inner || columns == 0 || inner == 0 {
            return Err(misfit());
        }
        let mut weights = if flip_b { matrix.to_vec() } else { transposed(matrix, rows, columns) };
        if alpha != 1.0 {
            weights.iter_mut().for_each(|weight| *weight *= alpha);
        }
        finite(&weights, "weight")?;
        let constant = c.and_then(|c| c.array()).and_then(|array| array.floats().map(|values| (array, values)));
        let bias = match (c, constant) {
            (None, _) => Some(vec![0.0; columns]),
            (Some(_), Some((_, values))) if values.len() == 1 => Some(vec![beta * values.get(0); columns]),
            (Some(_), Some((array, values))) if values.len() == columns && array.dims.last() == Some(&columns) => {
                Some((0..columns).map(|at| beta * values.get(at)).collect())
            }
            (Some(_), Some(_)) => return Err(refuse(&codes::SHAPE, "the third operand does not fit the product")),
            (Some(_), None) => None,
        };
        let late = bias.is_none();
        let bias = bias.unwrap_or_else(|| vec![0.0; columns]);
        finite(&bias, "bias")?;
        context.afford(&[columns])?;
        let node = context.builder.linear(*x, Linear { inputs: inner, weights, bias }, p);
        let result = Tensor::row(a.ty, vec![1, columns], a.batch.map(|_| 0), node);
        return match c {
            Some(c) if late => Ok(vec![plus(context, &result, c, beta)?]),
            _ => Ok(vec![result]),
        };
    }
    let turn = |context: &mut Context, tensor: &Tensor<'a>| -> Result<Tensor<'a>, Refused> {
        let (rows, columns) = (tensor.dims[0], tensor.dims[1]);
        let order: Vec<usize> =
            (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column)).collect();
        context.pick(tensor, &order, vec![columns, rows], tensor.batch.map(|axis| 1 - axis))
    };
    let a = if flip_a { turn(context, a)? } else { a.clone() };
    let b = if flip_b { turn(context, b)? } else { b.clone() };
    let mut result = product(context, &a, &b)?;
    if alpha != 1.0 {
        result = combine(context, Binary::Multiply, &result, &scalar(alpha, a.ty))?;
    }
    match c {
        Some(c) => Ok(vec![plus(context, &result, c, beta)?]),
        None => Ok(vec![result]),
    }
}

fn scalar<'a>(value: f64, ty: Type) -> Tensor<'a> {
    Tensor::constant(Array { ty, dims: Vec::new(), data: Data::Float(Floats::Owned(vec![value])) })
}

fn plus<'a>(context: &mut Context, x: &Tensor<'a>, c: &Tensor<'a>, beta: f64) -> Result<Tensor<'a>, Refused> {
    let c = if beta == 1.0 { c.clone() } else { combine(context, Binary::Multiply, c, &scalar(beta, c.ty))? };
    combine(context, Binary::Add, x, &c)
}
