//! Elementwise operators: arithmetic, functions, comparisons, logic, casts, with numpy broadcasting.
//!
//! Constants are folded in the element type's own arithmetic; a row's elements become one vector node.

use super::cast::cast_to;
use super::fold::{fold_binary, integer, join, scalar};
use super::node::{Refused, refuse, refuse_with};
use super::tensor::{Array, Data, Floats};
use super::types::Type;
use super::value::{Body, Call, Context, Tensor, broadcast, elem, precision, spread};
use crate::diag::codes::onnx as codes;
use crate::model::{Binary, Elem, NodeId, Op, Reduction, Unary};

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// The node of an operand spread over a shape; one element stays one element.
pub fn spread_node(context: &mut Context, tensor: &Tensor<'_>, dims: &[usize]) -> Result<NodeId, Refused> {
    if let Body::Constant(array) = &tensor.body
        && let Some(positions) = spread(&tensor.dims, dims)
        && tensor.width() != 1
    {
        let spread = Tensor::constant(array.pick(&positions, dims.to_vec()));
        return context.node(&spread);
    }
    let node = context.node(tensor)?;
    Ok(match spread(&tensor.dims, dims) {
        Some(positions) if tensor.width() != 1 => context.builder.pick(node, &positions),
        _ => node,
    })
}

/// Integers of few bits wrap around in the runtime and do not in SQL.
fn no_wrapping(call: &Call<'_, '_>, ty: Type) -> Result<(), Refused> {
    if matches!(ty, Type::I64 | Type::I32) || !ty.is_integer() {
        return Ok(());
    }
    Err(refuse_with(
        &codes::MEANING,
        format!("{} of {} values wraps around in the runtime, which is not reproduced", call.op, ty.name()),
        "cast to float or int64 before",
    ))
}

/// Two operands of one type: folded, or a node.
pub fn combine<'a>(
    context: &mut Context,
    function: Binary,
    a: &Tensor<'a>,
    b: &Tensor<'a>,
) -> Result<Tensor<'a>, Refused> {
    if a.ty != b.ty {
        return Err(refuse(
            &codes::SHAPE,
            format!("{} and {} are combined: the types differ", a.ty.name(), b.ty.name()),
        ));
    }
    let (dims, batch) = broadcast(&[a, b])?;
    context.afford(&dims)?;
    let result = match function {
        Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual | Binary::Equal => Type::Bool,
        _ => a.ty,
    };
    if let (Body::Constant(x), Body::Constant(y)) = (&a.body, &b.body) {
        return match fold_binary(function, x, y, &dims) {
            Some(array) => Ok(Tensor { batch, ..Tensor::constant(array) }),
            None => Err(refuse(&codes::SHAPE, format!("constants of type {} cannot be combined so", a.ty.name()))),
        };
    }
    if a.width() == 0 || b.width() == 0 {
        return Err(refuse(&codes::SHAPE, "an operand holds no element"));
    }
    context.computable(a.ty)?;
    let (x, y) = (spread_node(context, a, &dims)?, spread_node(context, b, &dims)?);
    if function == Binary::Divide && x == y {
        return Err(refuse_with(
            &codes::MEANING,
            "a value is divided by itself, and 0 / 0 = NaN may be relied on",
            "of a PowerTransformer, a λ of exactly 0 or 2 is exported wrongly: load the estimator's attributes as JSON, \
             `m2ksql exporter sklearn`",
        ));
    }
    if function == Binary::Divide && context.skl2onnx && is_norm_of(context, y, x) {
        context.warnings.push(crate::diag::Diagnostic::new(
            &codes::NORM_DOUBLE,
            "a row of zeros is divided by its norm and gives NaN, where scikit-learn gives zeros",
        ));
    }
    let node = context.builder.binary(function, x, y, elem(result), precision(a.ty));
    Ok(Tensor::row(result, dims, batch, node))
}

/// Whether a node is the Euclidean norm of another, as skl2onnx writes Normalizer for doubles.
fn is_norm_of(context: &Context, norm: NodeId, x: NodeId) -> bool {
    let root = context.builder.node(norm);
    let Op::Unary(Unary::Sqrt) = root.op else { return false };
    let sum = context.builder.node(root.args[0]);
    sum.op == Op::Reduce(Reduction::SumSquare) && sum.args[0] == x
}

/// Add, Sub, Mul, Div and the comparisons, And, Or.
pub fn binary<'a>(context: &mut Context, call: &Call<'_, 'a>, function: Binary) -> Outcome<'a> {
    legacy_broadcast(call)?;
    let (a, b) = (call.input(0)?, call.input(1)?);
    let logic = matches!(function, Binary::And | Binary::Or);
    let fits = match elem(a.ty) {
        Elem::Boolean => logic || function == Binary::Equal,
        Elem::Text => function == Binary::Equal,
        Elem::Number | Elem::Integer => !logic,
    };
    if !fits {
        return Err(undefined(call, a));
    }
    if matches!(function, Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide)
        && !(a.is_constant() && b.is_constant())
    {
        no_wrapping(call, a.ty)?;
    }
    if let Some(sizes) = on_sizes(function, a, b) {
        return Ok(vec![sizes]);
    }
    Ok(vec![combine(context, function, a, b)?])
}

/// Xor: booleans that are not equal.
pub fn xor<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    legacy_broadcast(call)?;
    let (a, b) = (call.input(0)?, call.input(1)?);
    if elem(a.ty) != Elem::Boolean {
        return Err(undefined(call, a));
    }
    let same = combine(context, Binary::Equal, a, b)?;
    Ok(vec![apply(context, Unary::Not, &same)?])
}

fn undefined(call: &Call<'_, '_>, x: &Tensor<'_>) -> Refused {
    refuse(&codes::SHAPE, format!("{} of {} is not defined", call.op, x.ty.name()))
}

/// Multiplying or adding to sizes, as exporters do for a new shape, keeps what is known.
fn on_sizes<'a>(function: Binary, a: &Tensor<'a>, b: &Tensor<'a>) -> Option<Tensor<'a>> {
    let sizes = |tensor: &Tensor<'a>| match &tensor.body {
        Body::Sizes(sizes) => Some(sizes.clone()),
        Body::Constant(array) => array.ints().map(|values| values.iter().map(|&value| Some(value)).collect()),
        Body::Row(_) => None,
    };
    if !matches!(a.body, Body::Sizes(_)) && !matches!(b.body, Body::Sizes(_)) {
        return None;
    }
    let (x, y) = (sizes(a)?, sizes(b)?);
    let len = x.len().max(y.len());
    if (x.len() != 1 && x.len() != len) || (y.len() != 1 && y.len() != len) || len == 0 {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    for at in 0..len {
        let pair = (x[at % x.len()], y[at % y.len()]);
        out.push(match (function, pair) {
            (_, (Some(x), Some(y))) => Some(integer(function, x, y)?),
            (Binary::Multiply, (None, Some(1)) | (Some(1), None)) | (Binary::Divide, (None, Some(1))) => None,
            (Binary::Add | Binary::Subtract, (None, Some(0))) => None,
            _ => return None,
        });
    }
    let dims = if a.rank() >= b.rank() { a.dims.clone() } else { b.dims.clone() };
    Some(Tensor { ty: Type::I64, dims, batch: None, body: Body::Sizes(out), keys: None })
}

/// Before opset 7 operands were broadcast by the attributes `broadcast` and `axis`.
fn legacy_broadcast(call: &Call<'_, '_>) -> Result<(), Refused> {
    if call.version >= 7 {
        return Ok(());
    }
    call.attributes.ignore("consumed_inputs");
    if call.attributes.flag("broadcast", false)? && call.attributes.has("axis") {
        return Err(refuse_with(
            &codes::MEANING,
            "broadcasting along an axis, as before opset 7, is not supported",
            "convert the model to opset 13: `onnx.version_converter.convert_version`",
        ));
    }
    Ok(())
}

/// Pow. The exponent may have another type than the base; the result has the base's.
pub fn power<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    legacy_broadcast(call)?;
    let (a, b) = (call.input(0)?, call.input(1)?);
    if !matches!(elem(a.ty), Elem::Number | Elem::Integer) {
        return Err(undefined(call, a));
    }
    if a.is_constant() && b.is_constant() && a.ty == b.ty {
        return Ok(vec![combine(context, Binary::Power, a, b)?]);
    }
    if !a.ty.is_float() {
        return Err(refuse(&codes::MEANING, format!("{} of {} is not supported", call.op, a.ty.name())));
    }
    let exponent = cast_to(context, b, a.ty)?;
    Ok(vec![combine(context, Binary::Power, a, &exponent)?])
}

/// Min, Max and Sum of any number of operands.
pub fn variadic<'a>(context: &mut Context, call: &Call<'_, 'a>, function: Binary) -> Outcome<'a> {
    let mut result = call.input(0)?.clone();
    for index in 1..call.inputs.len() {
        let next = call.input(index)?;
        if function == Binary::Add {
            no_wrapping(call, next.ty)?;
        }
        result = combine(context, function, &result, next)?;
    }
    Ok(vec![result])
}

/// Mean of any number of operands.
pub fn mean<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let mut results = variadic(context, call, Binary::Add)?;
    if call.inputs.len() > 1
        && let Some(total) = results.pop()
    {
        if !total.ty.is_float() {
            return Err(undefined(call, &total));
        }
        let data = Data::Float(Floats::Owned(vec![call.inputs.len() as f64]));
        let count = Tensor::constant(Array { ty: total.ty, dims: Vec::new(), data });
        results.push(combine(context, Binary::Divide, &total, &count)?);
    }
    Ok(results)
}

/// One function of one operand: folded, or a node.
pub fn apply<'a>(context: &mut Context, function: Unary, x: &Tensor<'a>) -> Result<Tensor<'a>, Refused> {
    let result = match function {
        Unary::Not | Unary::IsNan | Unary::IsInfinite { .. } => Type::Bool,
        _ => x.ty,
    };
    let ty = x.ty;
    if let Body::Constant(array) = &x.body {
        context.afford(&x.dims)?;
        let data = match (&array.data, &function) {
            (Data::Bool(values), Unary::Not) => Some(Data::Bool(values.iter().map(|value| !value).collect())),
            (Data::Int(values), Unary::Negate) => {
                Some(Data::Int(values.iter().map(|v| ty.wrap(v.wrapping_neg())).collect()))
            }
            (Data::Int(values), Unary::Abs) => {
                Some(Data::Int(values.iter().map(|v| ty.wrap(v.wrapping_abs())).collect()))
            }
            (Data::Int(values), Unary::Sign) => Some(Data::Int(values.iter().map(|v| v.signum()).collect())),
            (Data::Float(values), Unary::IsNan) => {
                Some(Data::Bool((0..values.len()).map(|at| values.get(at).is_nan()).collect()))
            }
            (Data::Float(values), Unary::IsInfinite { positive, negative }) => Some(Data::Bool(
                (0..values.len())
                    .map(|at| values.get(at))
                    .map(|v| (*positive && v == f64::INFINITY) || (*negative && v == f64::NEG_INFINITY))
                    .collect(),
            )),
            (Data::Float(values), _) => {
                let folded: Option<Vec<f64>> = (0..values.len())
                    .map(|at| scalar(&function, values.get(at)).map(|value| ty.round(value)))
                    .collect();
                folded.map(|values| Data::Float(Floats::Owned(values)))
            }
            _ => None,
        };
        if let Some(data) = data {
            let array = Array { ty: result, dims: x.dims.clone(), data };
            return Ok(Tensor { batch: x.batch, ..Tensor::constant(array) });
        }
    }
    context.computable(ty)?;
    let node = context.node(x)?;
    let node = context.builder.unary(function, node, elem(result), precision(ty));
    Ok(Tensor::row(result, x.dims.clone(), x.batch, node))
}

/// A function of one operand.
pub fn unary<'a>(context: &mut Context, call: &Call<'_, 'a>, function: Unary) -> Outcome<'a> {
    let x = call.input(0)?;
    call.attributes.ignore("consumed_inputs");
    let fits = match elem(x.ty) {
        Elem::Boolean => function == Unary::Not,
        Elem::Text => false,
        Elem::Number => function != Unary::Not,
        Elem::Integer => matches!(function, Unary::Negate | Unary::Abs | Unary::Sign),
    };
    if !fits {
        return Err(undefined(call, x));
    }
    Ok(vec![apply(context, function, x)?])
}

/// LeakyRelu.
pub fn leaky_relu<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let slope = slope(call, 0.01)?;
    unary(context, call, Unary::LeakyRelu(slope))
}

/// HardSigmoid.
pub fn hard_sigmoid<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let (alpha, beta) = (slope(call, 0.2)?, call.attributes.float("beta", 0.5)?);
    unary(context, call, Unary::HardSigmoid { alpha, beta })
}

/// The attribute `alpha`.
fn slope(call: &Call<'_, '_>, default: f32) -> Result<f64, Refused> {
    let slope = call.attributes.float("alpha", f64::from(default))?;
    if slope.is_finite() {
        return Ok(slope);
    }
    Err(refuse(&codes::ATTRIBUTE, format!("the attribute `alpha` is {slope}")))
}

/// IsInf.
pub fn is_infinite<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let positive = call.attributes.flag("detect_positive", true)?;
    let negative = call.attributes.flag("detect_negative", true)?;
    unary(context, call, Unary::IsInfinite { positive, negative })
}

/// Clip: bounds are attributes before opset 11, then operands, which may be left out.
pub fn clip<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    if call.version < 11 {
        call.attributes.ignore("consumed_inputs");
        let (low, high) =
            (call.attributes.float("min", f64::NEG_INFINITY)?, call.attributes.float("max", f64::INFINITY)?);
        return Ok(vec![clip_between(context, x, low, high)?]);
    }
    let bound = |index: usize, other: f64| match call.maybe(index) {
        None => Ok(Some(other)),
        Some(tensor) if tensor.width() != 1 => Err(refuse(&codes::SHAPE, "a bound of Clip must be one number")),
        Some(tensor) => Ok(tensor.array().and_then(|array| array.floats().map(|values| values.get(0)))),
    };
    if x.ty.is_float()
        && let (Some(low), Some(high)) = (bound(1, f64::NEG_INFINITY)?, bound(2, f64::INFINITY)?)
    {
        return Ok(vec![clip_between(context, x, low, high)?]);
    }
    let mut result = x.clone();
    for (index, function) in [(1, Binary::Max), (2, Binary::Min)] {
        if let Some(limit) = call.maybe(index) {
            result = combine(context, function, &result, limit)?;
        }
    }
    Ok(vec![result])
}

fn clip_between<'a>(context: &mut Context, x: &Tensor<'a>, low: f64, high: f64) -> Result<Tensor<'a>, Refused> {
    if low.is_nan() || high.is_nan() || low > high || !x.ty.is_float() {
        return Err(refuse(
            &codes::MEANING,
            format!("Clip of {} between {low} and {high} is not defined", x.ty.name()),
        ));
    }
    if let Some(array) = x.array()
        && let Some(values) = array.floats()
    {
        let clipped = (0..values.len()).map(|at| values.get(at)).map(|v| {
            if v < low {
                low
            } else if v > high {
                high
            } else {
                v
            }
        });
        let data = Data::Float(Floats::Owned(clipped.collect()));
        let clipped = Tensor::constant(Array { ty: x.ty, dims: x.dims.clone(), data });
        return Ok(Tensor { batch: x.batch, ..clipped });
    }
    apply(context, Unary::Clip { low, high }, x)
}

/// Where: the condition chooses between two operands.
pub fn choose<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let (c, a, b) = (call.input(0)?, call.input(1)?, call.input(2)?);
    if a.ty != b.ty {
        return Err(refuse(
            &codes::SHAPE,
            format!("{} and {} are the choices: the types differ", a.ty.name(), b.ty.name()),
        ));
    }
    if c.ty != Type::Bool {
        return Err(refuse(&codes::SHAPE, format!("the condition is {}, expected bool", c.ty.name())));
    }
    let (dims, batch) = broadcast(&[c, a, b])?;
    context.afford(&dims)?;
    if let (Body::Constant(condition), Body::Constant(x), Body::Constant(y)) = (&c.body, &a.body, &b.body)
        && let Data::Bool(condition) = &condition.data
    {
        let width = dims.iter().product();
        let index = |tensor: &Tensor<'_>| spread(&tensor.dims, &dims).unwrap_or_else(|| (0..width).collect());
        let (at_c, at_a, at_b) = (index(c), index(a), index(b));
        // both arrays one after the other, then the chosen element of each pair
        let joined = join(&[x, y])?;
        let chosen: Vec<usize> =
            (0..width).map(|at| if condition[at_c[at]] { at_a[at] } else { a.width() + at_b[at] }).collect();
        return Ok(vec![Tensor { batch, ..Tensor::constant(joined.pick(&chosen, dims)) }]);
    }
    context.computable(a.ty)?;
    let nodes = [spread_node(context, c, &dims)?, spread_node(context, a, &dims)?, spread_node(context, b, &dims)?];
    let node = context.builder.choose(nodes[0], nodes[1], nodes[2], precision(a.ty));
    Ok(vec![Tensor::row(a.ty, dims, batch, node)])
}
