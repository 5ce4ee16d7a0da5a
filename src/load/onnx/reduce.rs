//! Operators along an axis: reductions, softmax, the position of an extreme.
//!
//! An axis inside a row splits its elements into groups; each group becomes a vector node. The axis of the rows is
//! refused.

use super::build::Builder;
use super::node::{Refused, refuse};
use super::tensor::{Array, Data, Floats};
use super::types::Type;
use super::value::{Body, Call, Context, Tensor, axis, elem, mixes_rows, positions, precision, strides};
use crate::diag::codes::onnx as codes;
use crate::model::{Binary, Elem, NodeId, Op, Precision, Reduction, Scaling, Unary, Value};

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// The positions of each group of elements that differ along these axes only; groups in row-major order of the others.
fn groups(dims: &[usize], axes: &[usize]) -> Vec<Vec<usize>> {
    let own = strides(dims);
    let part = |inside: bool| -> (Vec<usize>, Vec<usize>) {
        (0..dims.len()).filter(|at| axes.contains(at) == inside).map(|at| (dims[at], own[at])).unzip()
    };
    let (outer_dims, outer_strides) = part(false);
    let (inner_dims, inner_strides) = part(true);
    let inner = positions(&inner_dims, &inner_strides);
    positions(&outer_dims, &outer_strides)
        .into_iter()
        .map(|start| inner.iter().map(|at| start + at).collect())
        .collect()
}

/// Applies a function to each group and puts the results together: one element a group, or as many as it has.
fn by_group(
    context: &mut Context,
    x: NodeId,
    groups: &[Vec<usize>],
    mut function: impl FnMut(&mut Context, NodeId) -> NodeId,
) -> NodeId {
    let mut parts = Vec::with_capacity(groups.len());
    for group in groups {
        let part = context.builder.pick(x, group);
        parts.push(function(context, part));
    }
    context.builder.concat(parts)
}

/// The shape without these axes, or with 1 in their place.
fn reduced(x: &Tensor<'_>, axes: &[usize], keep: bool) -> (Vec<usize>, Option<usize>) {
    let (mut dims, mut batch) = (Vec::new(), None);
    for at in 0..x.rank() {
        if axes.contains(&at) {
            if keep {
                dims.push(1);
            }
            continue;
        }
        if x.batch == Some(at) {
            batch = Some(dims.len());
        }
        dims.push(x.dims[at]);
    }
    (dims, batch)
}

/// ReduceLogSum.
pub fn log_of_sum<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    reduced_by(context, call, Reduction::Sum, true)
}

/// ReduceSum and its family: axes are an attribute in older versions, then an operand.
pub fn reduce<'a>(context: &mut Context, call: &Call<'_, 'a>, reduction: Reduction) -> Outcome<'a> {
    reduced_by(context, call, reduction, false)
}

fn reduced_by<'a>(context: &mut Context, call: &Call<'_, 'a>, reduction: Reduction, log: bool) -> Outcome<'a> {
    let x = call.input(0)?;
    let keep = call.attributes.flag("keepdims", true)?;
    let nothing = call.attributes.flag("noop_with_empty_axes", false)?;
    let axes = match call.attributes.ints_maybe("axes")? {
        Some(axes) => Some(axes),
        None => call.ints(1, "axes")?,
    };
    let mut axes: Vec<usize> =
        axes.unwrap_or_default().iter().map(|&at| axis(at, x.rank())).collect::<Result<_, _>>()?;
    if axes.is_empty() {
        if nothing {
            return Ok(vec![x.clone()]);
        }
        axes = (0..x.rank()).collect();
    }
    if x.batch.is_some_and(|batch| axes.contains(&batch)) {
        return Err(mixes_rows(call.op));
    }
    let whole = matches!(reduction, Reduction::Sum | Reduction::Max | Reduction::Min | Reduction::Product) && !log;
    let fits = x.ty.is_float() || (whole && matches!(x.ty, Type::I64 | Type::I32));
    if !fits {
        return Err(refuse(&codes::MEANING, format!("{} of {} is not supported", call.op, x.ty.name())));
    }
    let (dims, batch) = reduced(x, &axes, keep);
    context.afford(&x.dims)?;
    let groups = groups(&x.dims, &axes);
    if let Body::Constant(array) = &x.body
        && let Some(data) = fold(reduction, array, &groups)
    {
        let folded = Tensor { batch, ..Tensor::constant(Array { ty: x.ty, dims, data }) };
        return match log {
            true => Ok(vec![super::elementwise::apply(context, Unary::Log, &folded)?]),
            false => Ok(vec![folded]),
        };
    }
    if x.width() == 0 {
        return Err(refuse(&codes::SHAPE, "there are no elements to reduce"));
    }
    context.computable(x.ty)?;
    let node = context.node(x)?;
    let p = precision(x.ty);
    let node = by_group(context, node, &groups, |context, part| match product_term(context, part, reduction) {
        Some(term) => term,
        None => context.builder.reduce(part, reduction, p),
    });
    let result = Tensor::row(x.ty, dims, batch, node);
    if log { Ok(vec![super::elementwise::apply(context, Unary::Log, &result)?]) } else { Ok(vec![result]) }
}

/// A product of features is a term of a polynomial.
fn product_term(context: &mut Context, part: NodeId, reduction: Reduction) -> Option<NodeId> {
    let node = context.builder.node(part);
    let (Reduction::Product, Op::Pick(positions), Elem::Number) = (reduction, &node.op, node.elem) else { return None };
    let mut term: Vec<(usize, u32)> = Vec::new();
    for &position in positions {
        match term.last_mut() {
            Some((last, power)) if *last == position => *power += 1,
            _ => term.push((position, 1)),
        }
    }
    let (base, p) = (node.args[0], node.precision);
    Some(context.builder.raw(Op::Polynomial(vec![term]), vec![base], 1, Elem::Number, p))
}

fn fold(reduction: Reduction, array: &Array<'_>, groups: &[Vec<usize>]) -> Option<Data<'static>> {
    match &array.data {
        Data::Int(values) => {
            let folded: Option<Vec<i64>> = groups
                .iter()
                .map(|group| {
                    let mut elements = group.iter().map(|&at| values[at]);
                    match reduction {
                        Reduction::Sum => Some(elements.fold(0i64, i64::wrapping_add)),
                        Reduction::Product => Some(elements.fold(1i64, i64::wrapping_mul)),
                        Reduction::Max => elements.max(),
                        Reduction::Min => elements.min(),
                        _ => {
                            elements.next();
                            None
                        }
                    }
                })
                .collect();
            folded.map(Data::Int)
        }
        Data::Float(values) => {
            let ty = array.ty;
            let folded: Option<Vec<f64>> = groups
                .iter()
                .map(|group| {
                    let elements = group.iter().map(|&at| values.get(at));
                    let value = match reduction {
                        Reduction::Sum => elements.sum(),
                        Reduction::Mean => elements.sum::<f64>() / group.len() as f64,
                        Reduction::Product => elements.product(),
                        Reduction::L1 => elements.map(f64::abs).sum(),
                        Reduction::SumSquare => elements.map(|v| v * v).sum(),
                        Reduction::L2 => elements.map(|v| v * v).sum::<f64>().sqrt(),
                        _ => return None,
                    };
                    Some(ty.round(value))
                })
                .collect();
            folded.map(|values| Data::Float(Floats::Owned(values)))
        }
        _ => None,
    }
}

/// Softmax and LogSoftmax: over one axis from opset 13, before over all dimensions from the axis on.
pub fn softmax<'a>(context: &mut Context, call: &Call<'_, 'a>, op: Op) -> Outcome<'a> {
    let x = call.input(0)?;
    let flat = call.version < 13;
    let along = axis(call.attributes.int("axis", if flat { 1 } else { -1 })?, x.rank())?;
    let axes: Vec<usize> = if flat { (along..x.rank()).collect() } else { vec![along] };
    if x.batch.is_some_and(|batch| axes.contains(&batch)) {
        return Err(mixes_rows(call.op));
    }
    if !x.ty.is_float() || x.width() == 0 {
        return Err(refuse(&codes::SHAPE, format!("{} of {}{} is not defined", call.op, x.ty.name(), x.shape())));
    }
    context.computable(x.ty)?;
    context.afford(&x.dims)?;
    let p = precision(x.ty);
    let groups = groups(&x.dims, &axes);
    let node = context.node(x)?;
    let node = by_group(context, node, &groups, |context, part| {
        let width = context.builder.width(part);
        context.builder.raw(op.clone(), vec![part], width, Elem::Number, p)
    });
    // groups come one after the other: back to row-major order
    let mut order = vec![0; x.width()];
    for (to, from) in groups.iter().flatten().enumerate() {
        order[*from] = to;
    }
    let node = context.builder.pick(node, &order);
    Ok(vec![Tensor::row(x.ty, x.dims.clone(), x.batch, node)])
}

/// ArgMax and ArgMin. In older versions the first axis is the default.
pub fn arg_extreme<'a>(context: &mut Context, call: &Call<'_, 'a>, max: bool) -> Outcome<'a> {
    let x = call.input(0)?;
    let along = axis(call.attributes.int("axis", 0)?, x.rank())?;
    let keep = call.attributes.flag("keepdims", true)?;
    let last = call.attributes.flag("select_last_index", false)?;
    if x.batch == Some(along) {
        return Err(mixes_rows(call.op));
    }
    if !matches!(elem(x.ty), Elem::Number | Elem::Integer) || x.width() == 0 {
        return Err(refuse(&codes::SHAPE, format!("{} of {}{} is not defined", call.op, x.ty.name(), x.shape())));
    }
    context.computable(x.ty)?;
    context.afford(&x.dims)?;
    let (dims, batch) = reduced(x, &[along], keep);
    let groups = groups(&x.dims, &[along]);
    let node = context.node(x)?;
    let node = by_group(context, node, &groups, |context, part| {
        if max && !last {
            if let Some(bins) = bins(context, part) {
                return bins;
            }
            let part = context.builder.unlinked(part);
            return context.builder.raw(Op::ArgMax { last }, vec![part], 1, Elem::Integer, Precision::Double);
        }
        if !max
            && !last
            && let Some(knot) = nearest(context, part)
        {
            return knot;
        }
        let op = if max { Op::ArgMax { last } } else { Op::ArgMin { last } };
        context.builder.raw(op, vec![part], 1, Elem::Integer, Precision::Double)
    });
    Ok(vec![Tensor::row(Type::I64, dims, batch, node)])
}

/// KBinsDiscretizer: the first of `x < edge` in ascending edges, followed by a column that is 1, is the bin of `x`.
/// That column is `0 * c + 1` of some column c, for every x the same: NaN where c is no finite number, and then an x
/// below no edge is in bin 0, the first of all zeros.
fn bins(context: &mut Context, scores: NodeId) -> Option<NodeId> {
    let builder = &context.builder;
    let node = builder.node(scores);
    let (Op::Concat, &[flags, one]) = (&node.op, &node.args[..]) else { return None };
    // x * 0 + 1 of any column
    let (is_one, of) = match &builder.node(one).op {
        Op::Scale(Scaling::MultiplyAdd { factor, shift }) => {
            (factor == &[0.0] && shift == &[1.0], Some(builder.node(one).args[0]))
        }
        Op::Constant(_) => (builder.numbers(one).is_some_and(|values| values == [1.0]), None),
        _ => return None,
    };
    let Op::Unary(Unary::ToNumber) = builder.node(flags).op else { return None };
    let less = builder.node(builder.node(flags).args[0]);
    let Op::Binary(Binary::Less) = less.op else { return None };
    let (x, mut edges) = (less.args[0], builder.numbers(less.args[1])?);
    let ascending = edges.is_sorted() && edges.iter().all(|edge| edge.is_finite());
    if !is_one || !ascending || builder.width(x) != 1 || edges.len() + 1 != node.width {
        return None;
    }
    let (own, last) = (of.is_some_and(|of| same(builder, of, x)), edges.last().copied());
    if own {
        edges.push(f64::INFINITY);
    }
    let p = builder.node(x).precision;
    let op = Op::Bins { edges: vec![edges], otherwise: own.then_some(0.0) };
    let builder = &mut context.builder;
    let mut bin = builder.raw(op, vec![x], 1, Elem::Number, p);
    if let Some(of) = of.filter(|_| !own) {
        let of = if builder.width(of) == 1 { of } else { return None };
        let mut compared = |x, function, bound| {
            let bound = builder.constant(vec![Value::Number(bound)], Elem::Number, p);
            builder.binary(function, x, bound, Elem::Boolean, p)
        };
        let below = compared(x, Binary::Less, last?);
        let (more, less) =
            (compared(of, Binary::Greater, f64::NEG_INFINITY), compared(of, Binary::Less, f64::INFINITY));
        let finite = builder.binary(Binary::And, more, less, Elem::Boolean, p);
        let counts = builder.binary(Binary::Or, below, finite, Elem::Boolean, p);
        let zero = builder.constant(vec![Value::Number(0.0)], Elem::Number, p);
        bin = builder.choose(counts, bin, zero, p);
    }
    Some(context.builder.raw(Op::Unary(Unary::ToInteger), vec![bin], 1, Elem::Integer, Precision::Double))
}

/// Whether two nodes are the same element of a row, up to casts.
fn same(builder: &Builder, a: NodeId, b: NodeId) -> bool {
    let origin = |mut id: NodeId| {
        while let Op::Unary(Unary::ToNumber) = builder.node(id).op {
            id = builder.node(id).args[0];
        }
        id
    };
    let (a, b) = (origin(a), origin(b));
    let (x, y) = (builder.node(a), builder.node(b));
    a == b || matches!(x.op, Op::Pick(_)) && x.op == y.op && x.args == y.args
}

/// The nearest of ascending knots, the lower one of two equally near: the number of midpoints below `x`. All distances of
/// a NaN or an infinity are alike, and the first wins. The runtime compares distances rounded to float32, so that next to a midpoint it may see them equal.
fn nearest(context: &mut Context, distances: NodeId) -> Option<NodeId> {
    let builder = &context.builder;
    let Op::Unary(Unary::Abs) = builder.node(distances).op else { return None };
    let difference = builder.node(builder.node(distances).args[0]);
    let Op::Binary(Binary::Subtract) = difference.op else { return None };
    let (x, knots) = (difference.args[0], builder.numbers(difference.args[1])?);
    let ascending = knots.windows(2).all(|pair| pair[0] < pair[1]) && knots.iter().all(|knot| knot.is_finite());
    if !ascending || builder.width(x) != 1 || knots.len() < 2 {
        return None;
    }
    // `edge <= x` where `midpoint < x`
    let mut edges: Vec<f64> = knots.windows(2).map(|pair| (pair[0] + (pair[1] - pair[0]) / 2.0).next_up()).collect();
    edges.push(f64::INFINITY);
    let op = Op::Bins { edges: vec![edges], otherwise: Some(0.0) };
    let bin = context.builder.raw(op, vec![x], 1, Elem::Number, Precision::Double);
    Some(context.builder.raw(Op::Unary(Unary::ToInteger), vec![bin], 1, Elem::Integer, Precision::Double))
}
