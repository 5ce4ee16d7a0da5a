//! Operators on categories: one-hot and label encoders, tables, and ZipMap.

use super::cast::cast_to;
use super::node::{Refused, refuse};
use super::types::Type;
use super::value::{Call, Context, Tensor, elem, precision};
use crate::diag::Diagnostic;
use crate::diag::codes::onnx as codes;
use crate::model::{Elem, Encoder, NodeId, Op, Precision, Unary, Unknown, Value};
use std::rc::Rc;

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// The node of a table's values at an index. The index of the largest score makes it the decision between the values.
pub fn table(context: &mut Context, index: NodeId, values: Vec<Value>, ty: Type) -> Result<NodeId, Refused> {
    let node = context.builder.node(index);
    if let Op::ArgMax { last: false } = node.op
        && context.builder.width(node.args[0]) == values.len()
        && context.builder.node(node.args[0]).elem == Elem::Number
    {
        let scores = node.args[0];
        return Ok(context.builder.decide(scores, values));
    }
    let binned = |node: &crate::model::Node| {
        node.op == Op::Unary(Unary::ToInteger) && matches!(context.builder.node(node.args[0]).op, Op::Bins { .. })
    };
    let nearest = (matches!(node.op, Op::ArgMin { .. }) || binned(node)) && context.skl2onnx;
    if nearest && elem(ty) == Elem::Number {
        context.warnings.push(Diagnostic::new(
            &codes::ISOTONIC,
            "the nearest of the calibrator's knots is looked up, where scikit-learn interpolates",
        ));
    }
    let (index, values) = merged(context, index, values);
    let width = context.builder.width(index);
    let count = values.len() as i64;
    let low = context.builder.range(index).0;
    let keys: Vec<i64> = if low >= 0.0 { (0..count).collect() } else { (-count..count).collect() };
    let encoder = Encoder {
        values: keys.iter().map(|key| values[key.rem_euclid(count) as usize].clone()).collect(),
        keys: keys.into_iter().map(Value::Integer).collect(),
        unknown: Unknown::Missing,
    };
    Ok(context.builder.raw(Op::Encode(vec![encoder]), vec![index], width, elem(ty), precision(ty)))
}

/// Neighbouring bins of one value are one bin.
fn merged(context: &mut Context, index: NodeId, values: Vec<Value>) -> (NodeId, Vec<Value>) {
    let builder = &context.builder;
    let node = builder.node(index);
    let (Op::Unary(Unary::ToInteger), &[bins]) = (&node.op, &node.args[..]) else { return (index, values) };
    let Op::Bins { edges, otherwise: Some(0.0) } = &builder.node(bins).op else { return (index, values) };
    let [edges] = &edges[..] else { return (index, values) };
    // the last edge is infinite: what is below none of them is in the first bin
    let Some((&f64::INFINITY, edges)) = edges.split_last() else { return (index, values) };
    if edges.len() + 1 != values.len() {
        return (index, values);
    }
    let changes: Vec<usize> = (0..edges.len()).filter(|&at| values[at] != values[at + 1]).collect();
    if changes.is_empty() || changes.len() == edges.len() {
        return (index, values);
    }
    let mut kept: Vec<f64> = changes.iter().map(|&at| edges[at]).collect();
    kept.push(f64::INFINITY);
    let mut left = vec![values[0].clone()];
    left.extend(changes.iter().map(|&at| values[at + 1].clone()));
    let (x, precision) = (builder.node(bins).args[0], builder.node(bins).precision);
    let bins =
        context.builder.raw(Op::Bins { edges: vec![kept], otherwise: Some(0.0) }, vec![x], 1, Elem::Number, precision);
    let index = context.builder.unary(Unary::ToInteger, bins, Elem::Integer, Precision::Double);
    (index, left)
}

/// OneHotEncoder: a new last axis with one element for each category.
pub fn one_hot<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let texts = call.attributes.strings("cats_strings")?;
    let ints = call.attributes.ints("cats_int64s")?;
    let zeros = call.attributes.flag("zeros", true)?;
    let (keys, x): (Vec<Value>, Tensor<'a>) = match (texts.is_empty(), ints.is_empty(), x.ty) {
        (false, true, Type::Text) => (texts.into_iter().map(Value::Text).collect(), x.clone()),
        (true, false, ty) if ty != Type::Text => {
            if ty.is_float() && fractional(context, x)? {
                context.warnings.push(Diagnostic::new(
                    &codes::ONEHOT_TRUNCATES,
                    "a fractional value counts as the category of its integer part",
                ));
            }
            (ints.into_iter().map(Value::Integer).collect(), cast_to(context, x, Type::I64)?)
        }
        (true, true, _) | (false, false, _) => {
            return Err(refuse(&codes::ATTRIBUTE, "expected either `cats_int64s` or `cats_strings`"));
        }
        (_, _, ty) => {
            return Err(refuse(&codes::SHAPE, format!("the operand is {}, the categories are not", ty.name())));
        }
    };
    let count = keys.len();
    if x.width() == 0 {
        return Err(refuse(&codes::SHAPE, format!("OneHotEncoder of {} is not defined", x.shape())));
    }
    let mut dims = x.dims.clone();
    dims.push(count);
    context.afford(&dims)?;
    let mut encoder = Encoder {
        values: (0..count as i64).map(Value::Integer).collect(),
        keys,
        unknown: if zeros { Unknown::Value(Value::Integer(-1)) } else { Unknown::Missing },
    };
    last_wins(&mut encoder);
    let node = context.node(&x)?;
    let (encoders, widths) = (vec![encoder; x.width()], vec![count; x.width()]);
    let op = Op::OneHot { encoders, widths };
    let node = context.builder.raw(op, vec![node], x.width() * count, Elem::Number, Precision::Single);
    Ok(vec![Tensor::row(Type::F32, dims, x.batch, node)])
}

/// Whether nothing is known about the numbers: they may have fractions.
fn fractional(context: &mut Context, x: &Tensor<'_>) -> Result<bool, Refused> {
    let node = context.node(x)?;
    Ok(context.builder.range(node) == super::range::ALL)
}

/// A key that stands several times has the value that stands last.
fn last_wins(encoder: &mut Encoder) {
    let mut seen = std::collections::BTreeSet::new();
    let mut keep: Vec<bool> = encoder.keys.iter().rev().map(|key| seen.insert(identity(key))).collect();
    keep.reverse();
    let mut at = keep.iter();
    encoder.values.retain(|_| at.next() == Some(&true));
    let mut at = keep.iter();
    encoder.keys.retain(|_| at.next() == Some(&true));
}

/// What makes two keys the same.
fn identity(key: &Value) -> (u8, u64, &str) {
    match key {
        // + 0.0 makes the two zeros one
        Value::Number(number) => (0, (number + 0.0).to_bits(), ""),
        Value::Integer(integer) => (1, *integer as u64, ""),
        Value::Boolean(boolean) => (2, u64::from(*boolean), ""),
        Value::Text(text) => (3, 0, text),
        Value::Missing => (4, 0, ""),
    }
}

/// A list of one of the attribute families `keys_*` and `values_*`.
fn family(call: &Call<'_, '_>, stem: &str) -> Result<Option<(Vec<Value>, Type)>, Refused> {
    let texts = call.attributes.strings(&format!("{stem}_strings"))?;
    let ints = call.attributes.ints(&format!("{stem}_int64s"))?;
    let floats = call.attributes.floats(&format!("{stem}_floats"))?;
    let tensor = call.attributes.tensor(&format!("{stem}_tensor"))?;
    let mut found = Vec::new();
    if !texts.is_empty() {
        found.push((texts.into_iter().map(Value::Text).collect(), Type::Text));
    }
    if !ints.is_empty() {
        found.push((ints.into_iter().map(Value::Integer).collect(), Type::I64));
    }
    if !floats.is_empty() {
        found.push((floats.into_iter().map(Value::Number).collect(), Type::F32));
    }
    if let Some(tensor) = tensor {
        found.push((tensor.values(), tensor.ty));
    }
    match found.len() {
        0 => Ok(None),
        1 => Ok(found.pop()),
        _ => Err(refuse(&codes::ATTRIBUTE, format!("the `{stem}_…` are given twice"))),
    }
}

/// CategoryMapper.
pub fn category_mapper<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    encoder(context, call, Some(Pairs::Categories))
}

/// LabelEncoder.
pub fn label_encoder<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    encoder(context, call, (call.version < 2).then_some(Pairs::Classes))
}

/// Attributes that hold texts and their integers, for both directions.
#[derive(PartialEq)]
enum Pairs {
    /// `classes_strings`; the integers are the positions.
    Classes,
    /// `cats_strings` and `cats_int64s`.
    Categories,
}

fn encoder<'a>(context: &mut Context, call: &Call<'_, 'a>, pairs: Option<Pairs>) -> Outcome<'a> {
    let x = call.input(0)?;
    let default_text = call.attributes.string("default_string", "_Unused")?;
    let default_int = call.attributes.int("default_int64", -1)?;
    let (keys, key_type, values, ty) = if let Some(pairs) = &pairs {
        let (names, codes_of) = if *pairs == Pairs::Classes {
            let names = call.attributes.strings("classes_strings")?;
            let codes_of = (0..names.len() as i64).collect();
            (names, codes_of)
        } else {
            (call.attributes.strings("cats_strings")?, call.attributes.ints("cats_int64s")?)
        };
        let texts: Vec<Value> = names.into_iter().map(Value::Text).collect();
        let ints: Vec<Value> = codes_of.into_iter().map(Value::Integer).collect();
        if x.ty == Type::Text { (texts, Type::Text, ints, Type::I64) } else { (ints, Type::I64, texts, Type::Text) }
    } else {
        let (Some((keys, key_type)), Some((values, ty))) = (family(call, "keys")?, family(call, "values")?) else {
            return Err(refuse(&codes::ATTRIBUTE, "the keys or the values are missing"));
        };
        (keys, key_type, values, ty)
    };
    let default_float = call.attributes.float("default_float", -0.0)?;
    let unknown = match call.attributes.tensor("default_tensor")? {
        Some(tensor) if tensor.ty == ty && tensor.data.len() == 1 => tensor.values().remove(0),
        Some(_) => {
            return Err(refuse(&codes::ATTRIBUTE, "`default_tensor` is not one element of the type of the values"));
        }
        None => match elem(ty) {
            Elem::Text => Value::Text(default_text),
            Elem::Integer => Value::Integer(default_int),
            Elem::Number => Value::Number(default_float),
            Elem::Boolean => return Err(refuse(&codes::ATTRIBUTE, "values of type bool are not supported")),
        },
    };
    if key_type != x.ty {
        return Err(refuse(&codes::SHAPE, format!("the operand is {}, the keys are {}", x.ty.name(), key_type.name())));
    }
    if keys.len() != values.len() || keys.is_empty() {
        return Err(refuse(&codes::ATTRIBUTE, format!("there are {} keys and {} values", keys.len(), values.len())));
    }
    if x.width() == 0 {
        return Err(refuse(&codes::SHAPE, format!("{} of {} is not defined", call.op, x.shape())));
    }
    context.computable(ty)?;
    let mut encoder = Encoder { keys, values, unknown: Unknown::Value(unknown) };
    // from version 4 on a NaN key matches NaN; in onnxruntime's older kernels it matches nothing
    let nan = |key: &Value| matches!(key, Value::Number(number) if number.is_nan());
    if call.version >= 4 {
        for key in encoder.keys.iter_mut().filter(|key| nan(key)) {
            *key = Value::Missing;
        }
    } else {
        let keep: Vec<bool> = encoder.keys.iter().map(|key| !nan(key)).collect();
        let mut at = keep.iter();
        encoder.values.retain(|_| at.next() == Some(&true));
        encoder.keys.retain(|key| !nan(key));
    }
    last_wins(&mut encoder);
    let node = context.node(x)?;
    // a label goes through its classes
    if let Op::Decide { classes, decision } = &context.builder.node(node).op {
        let mapped: Vec<Value> = classes.iter().map(|class| look_up(&encoder, class)).collect();
        let (op, scores) =
            (Op::Decide { classes: mapped, decision: decision.clone() }, context.builder.node(node).args[0]);
        let node = context.builder.raw(op, vec![scores], 1, elem(ty), precision(ty));
        return Ok(vec![Tensor::row(ty, x.dims.clone(), x.batch, node)]);
    }
    let node = context.builder.raw(Op::Encode(vec![encoder]), vec![node], x.width(), elem(ty), precision(ty));
    Ok(vec![Tensor::row(ty, x.dims.clone(), x.batch, node)])
}

fn look_up(encoder: &Encoder, class: &Value) -> Value {
    match encoder.keys.iter().position(|key| key == class) {
        Some(at) => encoder.values[at].clone(),
        None => match &encoder.unknown {
            Unknown::Value(value) => value.clone(),
            Unknown::Missing => Value::Missing,
        },
    }
}

/// ZipMap: the same scores, each under its class.
pub fn zip_map<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let texts = call.attributes.strings("classlabels_strings")?;
    let ints = call.attributes.ints("classlabels_int64s")?;
    let keys: Vec<String> = if texts.is_empty() { ints.iter().map(i64::to_string).collect() } else { texts };
    if keys.len() != x.width() {
        return Err(refuse(&codes::SHAPE, format!("there are {} class labels for {}", keys.len(), x.shape())));
    }
    let node = context.node(x)?;
    let mut result = Tensor::row(x.ty, x.dims.clone(), x.batch, node);
    result.keys = Some(Rc::new(keys));
    Ok(vec![result])
}
