//! Functions about NULL, and AS_VALUE.

use super::super::run::Evaluated;
use super::super::value::Value;
use super::{Function, Parameter as P, Run, fixed, variadic};

const T: P = P::Generic('T');

pub(super) static FUNCTIONS: &[Function] = &[
    Function { name: "COALESCE", overloads: &[variadic(&[T, T], &T, Run::Values(coalesce))] },
    Function { name: "IFNULL", overloads: &[fixed(&[T, T], &T, Run::Values(coalesce))] },
    Function { name: "NULLIF", overloads: &[fixed(&[T, T], &T, Run::Values(null_if))] },
    Function {
        name: "AS_VALUE",
        overloads: &[fixed(&[T], &T, Run::Values(|values| Ok(values.first().cloned().unwrap_or(Value::Null))))],
    },
];

fn coalesce(values: &[Value]) -> Evaluated {
    Ok(values.iter().find(|value| !value.is_null()).cloned().unwrap_or(Value::Null))
}

/// By `equals`: NULLIF(0E0, -0E0) is 0E0.
fn null_if(values: &[Value]) -> Evaluated {
    Ok(match values {
        [value, other] if !value.java_equals(other) => value.clone(),
        _ => Value::Null,
    })
}
