//! Casts between element types, with the runtime's rules: to integers by truncation, to bool by `!= 0`.

use super::node::{Refused, refuse, refuse_with};
use super::tensor::{Array, Data, Floats};
use super::types::Type;
use super::value::{Body, Call, Context, Tensor, elem, precision};
use crate::diag::codes::onnx as codes;
use crate::model::{Elem, NodeId, Op, Precision, Unary, Value};

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// Cast.
pub fn cast<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    call.attributes.ignore("saturate");
    call.attributes.ignore("round_mode");
    let to = if call.version < 6 {
        let name = call.attributes.string("to", "")?.to_ascii_lowercase();
        [Type::F32, Type::F64, Type::I32, Type::I64, Type::Bool, Type::Text].into_iter().find(|ty| ty.name() == name)
    } else {
        i32::try_from(call.attributes.need_int("to")?).ok().and_then(Type::from_number)
    };
    match to {
        Some(to) => Ok(vec![cast_to(context, x, to)?]),
        None => Err(refuse(&codes::ATTRIBUTE, "the attribute `to` names a type that is not supported")),
    }
}

/// A tensor in another element type, with the runtime's rules: to integers by truncation, to bool by `!= 0`.
pub fn cast_to<'a>(context: &mut Context, x: &Tensor<'a>, to: Type) -> Result<Tensor<'a>, Refused> {
    if x.ty == to {
        return Ok(x.clone());
    }
    let node = match &x.body {
        Body::Sizes(_) if to == Type::I64 || to == Type::I32 => return Ok(x.clone()),
        Body::Sizes(_) => return Err(refuse(&codes::ROWS, "the node computes with the number of rows")),
        Body::Constant(array) => {
            context.afford(&x.dims)?;
            let array = Array { ty: to, dims: x.dims.clone(), data: cast_data(array, to)? };
            return Ok(Tensor { batch: x.batch, ..Tensor::constant(array) });
        }
        Body::Row(node) => *node,
    };
    context.computable(x.ty)?;
    context.computable(to)?;
    // a label goes through its classes
    if let Op::Decide { classes, decision } = &context.builder.node(node).op {
        let (classes, decision) = (classes.clone(), decision.clone());
        if let Some(cast) = classes.iter().map(|class| cast_value(class, to)).collect::<Option<Vec<Value>>>() {
            if to == Type::F32
                && cast.iter().zip(&classes).any(|(cast, class)| cast_value(cast, x.ty).as_ref() != Some(class))
            {
                context.warnings.push(crate::diag::Diagnostic::new(
                    &codes::LABELS_ROUNDED,
                    "integer class labels are cast to float32, which changes those above 16777216",
                ));
            }
            let scores = context.builder.node(node).args[0];
            let op = Op::Decide { classes: cast, decision };
            let node = context.builder.raw(op, vec![scores], 1, elem(to), precision(to));
            return Ok(Tensor::row(to, x.dims.clone(), x.batch, node));
        }
    }
    let node = cast_node(context, node, x, to)?;
    Ok(Tensor::row(to, x.dims.clone(), x.batch, node))
}

fn cast_node(context: &mut Context, node: NodeId, x: &Tensor<'_>, to: Type) -> Result<NodeId, Refused> {
    let range = context.builder.range(node);
    let builder = &mut context.builder;
    Ok(match (elem(x.ty), elem(to)) {
        // widening changes nothing
        (Elem::Number, Elem::Number) if to == Type::F64 => node,
        (Elem::Number, Elem::Number) => {
            let width = builder.width(node);
            builder.raw(Op::Unary(Unary::ToNumber), vec![node], width, Elem::Number, Precision::Single)
        }
        (_, Elem::Number) => builder.unary(Unary::ToNumber, node, Elem::Number, precision(to)),
        (from, Elem::Integer) => {
            let (low, high) = to.range().unwrap_or((i64::MIN, i64::MAX));
            let within = range.0 >= low as f64 && range.1 <= high as f64;
            let widens = x.ty.range().is_some_and(|(least, most)| least >= low && most <= high);
            if from == Elem::Text {
                return Err(refuse(&codes::MEANING, "a cast of text to integers is not supported"));
            }
            if !within && !widens && from != Elem::Boolean && to != Type::I64 {
                return Err(refuse_with(
                    &codes::MEANING,
                    format!(
                        "a cast of {} to {} wraps around in the runtime, which is not reproduced",
                        x.ty.name(),
                        to.name()
                    ),
                    "cast to int64 instead",
                ));
            }
            match from {
                Elem::Integer => node,
                _ => builder.unary(Unary::ToInteger, node, Elem::Integer, Precision::Double),
            }
        }
        (Elem::Text, Elem::Boolean) => return Err(refuse(&codes::MEANING, "a cast of text to bool is not supported")),
        (_, Elem::Boolean) => builder.unary(Unary::ToBoolean, node, Elem::Boolean, Precision::Double),
        (Elem::Integer, Elem::Text) => builder.unary(Unary::ToText, node, Elem::Text, Precision::Double),
        (_, Elem::Text) => {
            return Err(refuse_with(
                &codes::MEANING,
                format!("a cast of {} to text is not supported", x.ty.name()),
                "SQL and the runtime write numbers differently: cast to an integer first",
            ));
        }
    })
}

fn cast_value(value: &Value, to: Type) -> Option<Value> {
    let array = match value {
        Value::Integer(value) => Array { ty: Type::I64, dims: vec![1], data: Data::Int(vec![*value]) },
        Value::Number(value) => Array { ty: Type::F64, dims: vec![1], data: Data::Float(Floats::Owned(vec![*value])) },
        Value::Text(value) => Array { ty: Type::Text, dims: vec![1], data: Data::Text(vec![value.clone()]) },
        Value::Boolean(value) => Array { ty: Type::Bool, dims: vec![1], data: Data::Bool(vec![*value]) },
        Value::Missing => return None,
    };
    let data = cast_data(&array, to).ok()?;
    Array { ty: to, dims: vec![1], data }.values().into_iter().next()
}

fn cast_data(array: &Array<'_>, to: Type) -> Result<Data<'static>, Refused> {
    let undefined =
        || refuse(&codes::MEANING, format!("a cast of {} to {} is not supported", array.ty.name(), to.name()));
    let to_int = |value: f64| -> Result<i64, Refused> {
        let truncated = value.trunc();
        let (low, high) = to.range().unwrap_or((i64::MIN, i64::MAX));
        // 2^63 itself does not fit
        if truncated >= low as f64 && (truncated <= high as f64 && truncated < 9.223_372_036_854_776e18) {
            return Ok(truncated as i64);
        }
        Err(refuse(&codes::MEANING, format!("{value} does not fit {}", to.name())))
    };
    Ok(match (&array.data, elem(to)) {
        (Data::Float(values), Elem::Number) => {
            Data::Float(Floats::Owned((0..values.len()).map(|at| to.round(values.get(at))).collect()))
        }
        (Data::Float(values), Elem::Integer) => {
            Data::Int((0..values.len()).map(|at| to_int(values.get(at))).collect::<Result<_, _>>()?)
        }
        (Data::Float(values), Elem::Boolean) => Data::Bool((0..values.len()).map(|at| values.get(at) != 0.0).collect()),
        (Data::Int(values), Elem::Number) if to == Type::F32 => {
            Data::Float(Floats::Owned(values.iter().map(|&value| f64::from(value as f32)).collect()))
        }
        (Data::Int(values), Elem::Number) => {
            Data::Float(Floats::Owned(values.iter().map(|&value| to.round(value as f64)).collect()))
        }
        (Data::Int(values), Elem::Integer) => Data::Int(values.iter().map(|&value| to.wrap(value)).collect()),
        (Data::Int(values), Elem::Boolean) => Data::Bool(values.iter().map(|&value| value != 0).collect()),
        (Data::Int(values), Elem::Text) => Data::Text(values.iter().map(i64::to_string).collect()),
        (Data::Bool(values), Elem::Number) => {
            Data::Float(Floats::Owned(values.iter().map(|&value| f64::from(u8::from(value))).collect()))
        }
        (Data::Bool(values), Elem::Integer) => Data::Int(values.iter().map(|&value| i64::from(value)).collect()),
        (Data::Text(values), Elem::Number) => {
            let parsed: Option<Vec<f64>> = values.iter().map(|text| text.trim().parse().ok()).collect();
            Data::Float(Floats::Owned(parsed.ok_or_else(undefined)?.into_iter().map(|v| to.round(v)).collect()))
        }
        (Data::Text(values), Elem::Integer) => {
            let parsed: Option<Vec<i64>> = values.iter().map(|text| text.trim().parse().ok()).collect();
            Data::Int(parsed.ok_or_else(undefined)?)
        }
        _ => return Err(undefined()),
    })
}
