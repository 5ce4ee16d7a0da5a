//! What must be true of one node: number and types of its operands, its constants, its width and type.
//!
//! Written from the documentation of `op`; a new operator is a new arm of [`result`].

use super::super::graph::{Graph, Node, NodeId};
use super::super::op::{Binary, Decision, Elem, Encoder, Missing, Op, Reduction, Scaling, Unary, Unknown, Value};
use super::{Fault, distinct, equal, is, values_of_one_type};

/// What a fault calls the node.
pub(super) fn title(node: &Node) -> String {
    let operator = node.op.title();
    if node.name.is_empty() { operator } else { format!("{operator} `{}`", node.name) }
}

/// Whether the node at this index is sound, given that those before it are.
pub(super) fn check(graph: &Graph, index: usize) -> Fault {
    let node = &graph.nodes[index];
    for &NodeId(id) in &node.args {
        if id as usize >= index {
            return Err(format!("operand {id} does not stand before its user"));
        }
    }
    let args: Vec<&Node> = node.args.iter().map(|&id| graph.node(id)).collect();
    if node.width == 0 {
        return Err("the width is 0".to_owned());
    }
    let (width, elem) = result(graph, &node.op, &args)?;
    equal("width", node.width, width)?;
    is(node.elem, elem, "the result")
}

/// The width and type that the operator gives for these operands.
fn result(graph: &Graph, op: &Op, args: &[&Node]) -> Result<(usize, Elem), String> {
    match op {
        Op::Input(feature) => {
            operands::<0>(args)?;
            let feature = graph.features.get(*feature).ok_or_else(|| format!("feature {feature} does not exist"))?;
            Ok((1, feature.elem))
        }
        Op::Constant(values) => {
            operands::<0>(args)?;
            let elem = values_of_one_type(values)?;
            Ok((values.len(), elem.ok_or("the constant has no element with a type")?))
        }
        Op::Concat => {
            let first = args.first().ok_or("no operand")?;
            for arg in args {
                is(arg.elem, first.elem, "an operand")?;
            }
            Ok((sum(args.iter().map(|arg| arg.width))?, first.elem))
        }
        Op::Pick(positions) => {
            let [x] = operands(args)?;
            for &position in positions {
                below("position", position, x.width)?;
            }
            Ok((positions.len(), x.elem))
        }
        Op::Linear(linear) => {
            let [x] = numbers(args)?;
            equal("number of inputs", linear.inputs, x.width)?;
            let weights = linear.inputs.checked_mul(linear.bias.len()).ok_or("too many weights")?;
            equal("number of weights", linear.weights.len(), weights)?;
            finite("weight", &linear.weights)?;
            finite("bias", &linear.bias)?;
            Ok((linear.bias.len(), Elem::Number))
        }
        Op::Scale(scaling) => {
            let [x] = numbers(args)?;
            check_scaling(scaling, x.width)?;
            Ok((x.width, Elem::Number))
        }
        Op::Impute { missing, fill } => {
            let [x] = operands(args)?;
            equal("number of fill values", fill.len(), x.width)?;
            values_of("a fill value", fill, x.elem)?;
            if let Missing::Equal(value) = missing {
                is(value.elem().ok_or("the value to replace has no type")?, x.elem, "the value to replace")?;
            }
            Ok((x.width, x.elem))
        }
        Op::OneHot { encoders, widths } => {
            let [x] = operands(args)?;
            equal("number of encoders", encoders.len(), x.width)?;
            equal("number of groups", widths.len(), x.width)?;
            for (encoder, &width) in encoders.iter().zip(widths) {
                check_keys(encoder, x.elem)?;
                for position in &encoder.values {
                    match position {
                        Value::Integer(-1) => {}
                        Value::Integer(at) if usize::try_from(*at).is_ok_and(|at| at < width) => {}
                        other => return Err(format!("{other:?} is no position in a group of {width}")),
                    }
                }
                if !matches!(encoder.unknown, Unknown::Missing | Unknown::Value(Value::Integer(-1))) {
                    return Err("an unknown category is neither missing nor -1".to_owned());
                }
            }
            Ok((sum(widths.iter().copied())?, Elem::Number))
        }
        Op::Encode(encoders) => {
            let [x] = operands(args)?;
            if encoders.len() != 1 {
                equal("number of encoders", encoders.len(), x.width)?;
            }
            let mut values = Vec::new();
            for encoder in encoders {
                check_keys(encoder, x.elem)?;
                values.extend(encoder.values.iter());
                if let Unknown::Value(value) = &encoder.unknown {
                    values.push(value);
                }
            }
            let elem = values_of_one_type(values)?;
            Ok((x.width, elem.ok_or("no encoder has a value with a type")?))
        }
        Op::Bins { edges, otherwise } => {
            let [x] = numbers(args)?;
            if otherwise.is_some_and(f64::is_nan) {
                return Err("the bin of what is below no edge is NaN".to_owned());
            }
            equal("number of lists of edges", edges.len(), x.width)?;
            for edges in edges {
                if edges.iter().any(|edge| edge.is_nan()) || !edges.is_sorted() {
                    return Err("edges are not in ascending order".to_owned());
                }
            }
            Ok((x.width, Elem::Number))
        }
        Op::Polynomial(terms) => {
            let [x] = numbers(args)?;
            for &(position, power) in terms.iter().flatten() {
                below("position", position, x.width)?;
                if power == 0 {
                    return Err("a power is 0".to_owned());
                }
            }
            Ok((terms.len(), Elem::Number))
        }
        Op::Unary(function) => {
            let [x] = operands(args)?;
            Ok((x.width, unary(function, x.elem)?))
        }
        Op::Binary(function) => {
            let [a, b] = operands(args)?;
            is(b.elem, a.elem, "the second operand")?;
            Ok((broadcast(&[a.width, b.width])?, binary(*function, a.elem)?))
        }
        Op::Choose => {
            let [c, a, b] = operands(args)?;
            is(c.elem, Elem::Boolean, "the condition")?;
            is(b.elem, a.elem, "the third operand")?;
            Ok((broadcast(&[c.width, a.width, b.width])?, a.elem))
        }
        Op::Normalize(_) | Op::Softmax | Op::LogSoftmax => {
            let [x] = numbers(args)?;
            Ok((x.width, Elem::Number))
        }
        Op::Reduce(reduction) => {
            let [x] = operands(args)?;
            match reduction {
                Reduction::Sum | Reduction::Max | Reduction::Min | Reduction::Product => numeric(x.elem)?,
                _ => is(x.elem, Elem::Number, "the operand")?,
            }
            Ok((1, x.elem))
        }
        Op::ArgMax { .. } | Op::ArgMin { .. } => {
            let [x] = operands(args)?;
            numeric(x.elem)?;
            Ok((1, Elem::Integer))
        }
        Op::Decide { classes, decision } => {
            let [x] = numbers(args)?;
            let elem = values_of_one_type(classes)?.ok_or("no class has a type")?;
            if classes.contains(&Value::Missing) {
                return Err("a class is missing".to_owned());
            }
            match decision {
                Decision::Threshold { threshold, .. } => {
                    equal("width of the score", x.width, 1)?;
                    equal("number of classes", classes.len(), 2)?;
                    not_nan("the threshold", *threshold)?;
                }
                Decision::FirstLargest => equal("number of classes", classes.len(), x.width)?,
            }
            Ok((1, elem))
        }
        Op::OfLargest => {
            let [scores, values] = operands(args)?;
            is(scores.elem, Elem::Number, "a score")?;
            equal("number of values", values.width, scores.width)?;
            Ok((1, values.elem))
        }
        Op::MissingIf => {
            let [x, _] = operands(args)?;
            Ok((x.width, x.elem))
        }
    }
}

fn check_scaling(scaling: &Scaling, width: usize) -> Fault {
    let (names, first, second) = match scaling {
        Scaling::CenterDivide { center, scale } => (["center", "scale"], center, scale),
        Scaling::CenterMultiply { offset, factor } => (["offset", "factor"], offset, factor),
        Scaling::MultiplyAdd { factor, shift } => (["factor", "shift"], factor, shift),
    };
    for (name, constants) in names.into_iter().zip([first, second]) {
        equal(&format!("length of {name}"), constants.len(), width)?;
        finite(name, constants)?;
    }
    match scaling {
        Scaling::CenterDivide { scale, .. } if scale.contains(&0.0) => Err("a scale is 0".to_owned()),
        _ => Ok(()),
    }
}

/// One value a key; keys distinct and of the operand's type.
fn check_keys(encoder: &Encoder, elem: Elem) -> Fault {
    equal("number of values of an encoder", encoder.values.len(), encoder.keys.len())?;
    values_of("a key", &encoder.keys, elem)?;
    distinct(&encoder.keys)
}

/// The type of the result.
fn unary(function: &Unary, x: Elem) -> Result<Elem, String> {
    match function {
        Unary::Negate | Unary::Abs | Unary::Sign => {
            numeric(x)?;
            Ok(x)
        }
        Unary::Not => is(x, Elem::Boolean, "the operand").map(|()| Elem::Boolean),
        Unary::IsNan | Unary::IsInfinite { .. } => is(x, Elem::Number, "the operand").map(|()| Elem::Boolean),
        Unary::IsMissing => Ok(Elem::Boolean),
        Unary::ToNumber => Ok(Elem::Number),
        Unary::ToInteger => not_text(x).map(|()| Elem::Integer),
        Unary::ToBoolean => not_text(x).map(|()| Elem::Boolean),
        Unary::ToText => match x {
            Elem::Number => Err("the text of a number is not defined".to_owned()),
            _ => Ok(Elem::Text),
        },
        Unary::LeakyRelu(slope) => number_with("the slope", &[*slope], x),
        Unary::HardSigmoid { alpha, beta } => number_with("a coefficient", &[*alpha, *beta], x),
        Unary::Clip { low, high } => {
            not_nan("a bound", *low)?;
            not_nan("a bound", *high)?;
            number_with("", &[], x)
        }
        Unary::Exp
        | Unary::Expm1
        | Unary::Log1p
        | Unary::Log
        | Unary::Sqrt
        | Unary::Reciprocal
        | Unary::Sigmoid
        | Unary::CloglogInverse
        | Unary::ProbitInverse
        | Unary::Tanh
        | Unary::Relu
        | Unary::Softplus
        | Unary::Erf
        | Unary::Floor
        | Unary::Ceil
        | Unary::Round => number_with("", &[], x),
    }
}

/// The type of the result, for two operands of type `x`.
fn binary(function: Binary, x: Elem) -> Result<Elem, String> {
    match function {
        Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Min | Binary::Max => {
            numeric(x)?;
            Ok(x)
        }
        Binary::Power => is(x, Elem::Number, "an operand").map(|()| Elem::Number),
        Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual => {
            numeric(x).map(|()| Elem::Boolean)
        }
        Binary::Equal => Ok(Elem::Boolean),
        Binary::And | Binary::Or => is(x, Elem::Boolean, "an operand").map(|()| Elem::Boolean),
    }
}

fn operands<'a, const N: usize>(args: &[&'a Node]) -> Result<[&'a Node; N], String> {
    args.try_into().map_err(|_| format!("{} operands, expected {N}", args.len()))
}

fn numbers<'a, const N: usize>(args: &[&'a Node]) -> Result<[&'a Node; N], String> {
    let nodes = operands(args)?;
    for node in nodes {
        is(node.elem, Elem::Number, "an operand")?;
    }
    Ok(nodes)
}

fn broadcast(widths: &[usize]) -> Result<usize, String> {
    let width = widths.iter().copied().max().unwrap_or(1);
    match widths.iter().find(|&&other| other != 1 && other != width) {
        Some(other) => Err(format!("operands of widths {other} and {width}")),
        None => Ok(width),
    }
}

fn sum(widths: impl IntoIterator<Item = usize>) -> Result<usize, String> {
    widths.into_iter().try_fold(0, usize::checked_add).ok_or_else(|| "the width is beyond all bounds".to_owned())
}

fn below(what: &str, found: usize, limit: usize) -> Fault {
    if found < limit { Ok(()) } else { Err(format!("{what} {found} in an operand of width {limit}")) }
}

fn numeric(elem: Elem) -> Fault {
    if matches!(elem, Elem::Number | Elem::Integer) {
        Ok(())
    } else {
        Err(format!("an operand is {elem:?}, expected Number or Integer"))
    }
}

fn not_text(elem: Elem) -> Fault {
    if elem == Elem::Text { Err("the operand is Text".to_owned()) } else { Ok(()) }
}

fn number_with(what: &str, constants: &[f64], x: Elem) -> Result<Elem, String> {
    finite(what, constants)?;
    is(x, Elem::Number, "the operand").map(|()| Elem::Number)
}

fn finite(what: &str, constants: &[f64]) -> Fault {
    match constants.iter().find(|constant| !constant.is_finite()) {
        Some(constant) => Err(format!("{what} is {constant}")),
        None => Ok(()),
    }
}

fn not_nan(what: &str, constant: f64) -> Fault {
    if constant.is_nan() { Err(format!("{what} is NaN")) } else { Ok(()) }
}

fn values_of(what: &str, values: &[Value], elem: Elem) -> Fault {
    match values.iter().filter_map(Value::elem).find(|&found| found != elem) {
        Some(found) => is(found, elem, what),
        None => Ok(()),
    }
}
