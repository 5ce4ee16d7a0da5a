//! TRANSFORM, REDUCE and FILTER.
//!
//! An exception in a lambda's body ends the whole call.

use super::super::run::{Closure, Evaluated, Frame, Thrown};
use super::super::value::Value;
use super::{Function, Parameter as P, Run, fixed};

const T: P = P::Generic('T');
const S: P = P::Generic('S');
const R: P = P::Generic('R');
const K: P = P::Generic('K');
const V: P = P::Generic('V');
const MAP: P = P::Map(&K, &V);

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "TRANSFORM",
        overloads: &[
            fixed(&[P::Array(&T), P::Lambda(&[T], &R)], &P::Array(&R), Run::Lambdas(transform)),
            fixed(&[MAP, P::Lambda(&[K, V], &R), P::Lambda(&[K, V], &T)], &P::Map(&R, &T), Run::Lambdas(transform_map)),
        ],
    },
    Function {
        name: "REDUCE",
        overloads: &[
            fixed(&[P::Array(&T), S, P::Lambda(&[S, T], &S)], &S, Run::Lambdas(reduce)),
            fixed(
                &[MAP, S, P::Lambda(&[S, K, V], &S)],
                &S,
                Run::Refused("the entries come in the order of a hash table"),
            ),
        ],
    },
    Function {
        name: "FILTER",
        overloads: &[
            fixed(&[P::Array(&T), P::Lambda(&[T], &P::Boolean)], &P::Array(&T), Run::Lambdas(filter)),
            fixed(&[MAP, P::Lambda(&[K, V], &P::Boolean)], &MAP, Run::Lambdas(filter_map)),
        ],
    },
];

fn transform(frame: &mut Frame<'_>, values: &[Value], closures: &[Closure]) -> Evaluated {
    let ([Value::Array(list)], [body]) = (values, closures) else {
        return Ok(Value::Null);
    };
    let mut items = Vec::new();
    for item in list.items() {
        items.push(body.call(frame, [item])?);
    }
    Ok(Value::array(items))
}

/// Two entries with one new key, or a NULL value, are an exception (`Collectors.toMap`).
fn transform_map(frame: &mut Frame<'_>, values: &[Value], closures: &[Closure]) -> Evaluated {
    let ([Value::Map(map)], [to_key, to_value]) = (values, closures) else {
        return Ok(Value::Null);
    };
    let mut entries: Vec<(Value, Value)> = Vec::new();
    for (key, value) in map.iter() {
        let new_key = to_key.call(frame, [key.clone(), value.clone()])?;
        let new_value = to_value.call(frame, [key.clone(), value.clone()])?;
        if new_value.is_null() || entries.iter().any(|(known, _)| *known == new_key) {
            return Err(Thrown);
        }
        entries.push((new_key, new_value));
    }
    Ok(Value::map(entries))
}

/// A NULL start gives NULL, a NULL array the start.
fn reduce(frame: &mut Frame<'_>, values: &[Value], closures: &[Closure]) -> Evaluated {
    let ([list, start], [body]) = (values, closures) else {
        return Ok(Value::Null);
    };
    let mut state = start.clone();
    if let (Value::Array(list), false) = (list, start.is_null()) {
        for item in list.items() {
            state = body.call(frame, [state, item])?;
        }
    }
    Ok(state)
}

fn filter(frame: &mut Frame<'_>, values: &[Value], closures: &[Closure]) -> Evaluated {
    let ([Value::Array(list)], [body]) = (values, closures) else {
        return Ok(Value::Null);
    };
    let mut items = Vec::new();
    for item in list.items() {
        if body.holds(frame, [item.clone()])? {
            items.push(item);
        }
    }
    Ok(Value::array(items))
}

/// A NULL value that stays is an exception (`Collectors.toMap`).
fn filter_map(frame: &mut Frame<'_>, values: &[Value], closures: &[Closure]) -> Evaluated {
    let ([Value::Map(map)], [body]) = (values, closures) else {
        return Ok(Value::Null);
    };
    let mut entries = Vec::new();
    for (key, value) in map.iter() {
        if body.holds(frame, [key.clone(), value.clone()])? {
            if value.is_null() {
                return Err(Thrown);
            }
            entries.push((key.clone(), value.clone()));
        }
    }
    Ok(Value::map(entries))
}
