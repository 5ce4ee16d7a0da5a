//! The common type of a list: IN, ARRAY[…] and MAP(…) bring their items to one type.
//!
//! The first item that is not NULL leads: numbers widen, literals may also be converted from and to text, constructors
//! are resolved item by item, anything else that differs is wrapped in a CAST.

use super::compare::fitted;
use super::compile::Typed;
use super::convert::{Conversion, NoConversion, parse_boolean_exactly, to_double};
use super::number::{self, trim};
use super::run::Node;
use super::types::{common, of_numeric_text, widen};
use super::value::Value;
use crate::schema::{Field, Type};

/// What an expression looks like to the rules of lists.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Other,
    Literal(Value),
    Array(Vec<Part>),
    Map(Vec<(Part, Part)>),
    Struct(Vec<(String, Part)>),
}

/// An item of a constructor: its type (NULL has none) and its shape.
pub(super) type Part = (Option<Type>, Shape);

/// Why a list has no common type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Clash {
    /// Two types do not go together.
    Types(Type, Type),
    /// A literal is not of the type.
    Literal(String, Type),
    /// ksqlDB writes Java for it that does not compile.
    TimeLiteral(Type),
    /// The evaluator does not know the conversion.
    NotEvaluated(&'static str),
}

/// Brings the items to their common type; `None` if all are NULL.
pub(super) fn unify(items: Vec<Typed>) -> Result<(Option<Type>, Vec<Node>), Clash> {
    let mut target: Option<Type> = None;
    for item in &items {
        target = resolve(item.ty.as_ref(), &item.shape, target)?;
    }
    let Some(target) = target else {
        return Ok((None, items.into_iter().map(|item| item.node).collect()));
    };
    let nodes = items.into_iter().map(|item| convert(item, &target)).collect::<Result<_, _>>()?;
    Ok((Some(target), nodes))
}

fn convert(item: Typed, target: &Type) -> Result<Node, Clash> {
    let Some(ty) = item.ty.filter(|ty| ty != target) else {
        return Ok(item.node);
    };
    if let Shape::Literal(value) = &item.shape {
        if matches!(target, Type::Time | Type::Date | Type::Timestamp) {
            return Err(Clash::TimeLiteral(target.clone()));
        }
        let converted = convert_literal(value, target);
        return converted.map(Node::Constant).ok_or_else(|| Clash::Literal(value.java_string(None), target.clone()));
    }
    match Conversion::between(&ty, target) {
        Ok(conversion) => Ok(Node::Cast(Box::new(item.node), conversion)),
        Err(NoConversion::Unsupported) => Err(Clash::Types(ty, target.clone())),
        Err(NoConversion::NotEvaluated(reason)) => Err(Clash::NotEvaluated(reason)),
    }
}

/// A literal as a literal of another type, without loss.
fn convert_literal(value: &Value, target: &Type) -> Option<Value> {
    match (value, target) {
        (Value::Decimal(value), Type::String) => Some(Value::string(value.to_plain_string())),
        (value, Type::String) => Some(Value::string(value.java_string(None))),
        (value, Type::Decimal(precision, scale)) => fitted(value, *precision, *scale),
        (Value::Integer(value), Type::Bigint) => Some(Value::Bigint(i64::from(*value))),
        (Value::String(text), _) => {
            let text = trim(text);
            match target {
                Type::Boolean => parse_boolean_exactly(text).map(Value::Boolean),
                Type::Integer => number::parse_int(text).map(Value::Integer),
                Type::Bigint => number::parse_long(text).map(Value::Bigint),
                Type::Double => number::parse_double(text).filter(|value| value.is_finite()).map(Value::Double),
                _ => None,
            }
        }
        (value, Type::Double) => to_double(value).ok().map(Value::Double),
        _ => None,
    }
}

/// The common type after one more item.
fn resolve(ty: Option<&Type>, shape: &Shape, target: Option<Type>) -> Result<Option<Type>, Clash> {
    let (Some(ty), Some(known)) = (ty, &target) else {
        return Ok(target.or_else(|| ty.cloned()));
    };
    let clash = || Clash::Types(known.clone(), ty.clone());
    match (shape, known) {
        (Shape::Array(items), Type::Array(item)) => {
            let item = resolve_all(item, items.iter())?;
            Ok(Some(Type::Array(Box::new(item))))
        }
        (Shape::Map(entries), Type::Map(key, value)) => {
            let key = resolve_all(key, entries.iter().map(|(key, _)| key))?;
            let value = resolve_all(value, entries.iter().map(|(_, value)| value))?;
            Ok(Some(Type::Map(Box::new(key), Box::new(value))))
        }
        (Shape::Struct(members), Type::Struct(fields)) => {
            let mut all = Vec::new();
            for (name, (ty, shape)) in members {
                let known = fields.iter().find(|field| field.name == *name).map(|field| field.ty.clone());
                let ty = resolve(ty.as_ref(), shape, known)?.ok_or_else(clash)?;
                all.push(Field { name: name.clone(), ty });
            }
            let rest = fields.iter().filter(|field| !members.iter().any(|(name, _)| *name == field.name));
            all.extend(rest.cloned());
            Ok(Some(Type::Struct(all)))
        }
        (Shape::Array(_) | Shape::Map(_) | Shape::Struct(_), _) => Err(clash()),
        (Shape::Literal(Value::String(text)), known) if known.is_numeric() => {
            let source = of_numeric_text(text).ok_or_else(|| Clash::Literal(text.to_string(), known.clone()))?;
            let wider = match (&source, known) {
                (_, Type::Double) => Some(Type::Double),
                (Type::Decimal(..), _) | (_, Type::Decimal(..)) => widen(&source, known),
                (Type::Integer, _) => Some(known.clone()),
                _ => Some(source.clone()),
            };
            wider.map(Some).ok_or_else(clash)
        }
        (Shape::Literal(Value::String(text)), Type::Boolean) => match parse_boolean_exactly(text) {
            Some(_) => Ok(target),
            None => Err(Clash::Literal(text.to_string(), Type::Boolean)),
        },
        (shape, known) => common(ty, known, matches!(shape, Shape::Literal(_))).map(Some).ok_or_else(clash),
    }
}

fn resolve_all<'a>(target: &Type, items: impl Iterator<Item = &'a Part>) -> Result<Type, Clash> {
    let mut known = target.clone();
    for (ty, shape) in items {
        known = resolve(ty.as_ref(), shape, Some(known.clone()))?.unwrap_or(known);
    }
    Ok(known)
}
