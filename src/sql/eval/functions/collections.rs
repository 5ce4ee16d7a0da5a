//! Arrays and maps.

use super::super::run::{Evaluated, Thrown};
use super::super::value::{List, Value, compare_strings};
use super::{Function, Parameter as P, Prepared, Run, fixed};
use crate::schema::{Field, Type};
use crate::sql::ast::Expr;

const T: P = P::Generic('T');
const ARRAY: P = P::Array(&T);
const MAP: P = P::Map(&P::String, &T);

/// What depends on the order of Java's hash tables.
const HASH_ORDER: Run = Run::Refused("the order of the entries is that of a hash table");

/// The longest array that a call may build.
const MAX_LENGTH: i64 = 1 << 24;

macro_rules! entries {
    ($ty:expr, $value:expr) => {
        super::Overload {
            parameters: &[P::Map(&P::String, &$ty), P::Boolean],
            variadic: false,
            returns: super::Returns::By(|_| Some(entries_type($value))),
            run: Run::Prepare(entries),
        }
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function { name: "ARRAY_LENGTH", overloads: &[fixed(&[ARRAY], &P::Integer, Run::Values(length))] },
    Function { name: "ARRAY_MAX", overloads: &[fixed(&[ARRAY], &T, Run::Values(|v| extreme(v, true)))] },
    Function { name: "ARRAY_MIN", overloads: &[fixed(&[ARRAY], &T, Run::Values(|v| extreme(v, false)))] },
    Function {
        name: "ARRAY_SORT",
        overloads: &[fixed(&[ARRAY], &ARRAY, Run::Values(sort)), fixed(&[ARRAY, P::String], &ARRAY, Run::Values(sort))],
    },
    Function { name: "ARRAY_DISTINCT", overloads: &[fixed(&[ARRAY], &ARRAY, Run::Values(distinct))] },
    Function { name: "ARRAY_EXCEPT", overloads: &[fixed(&[ARRAY, ARRAY], &ARRAY, Run::Values(except))] },
    Function { name: "ARRAY_INTERSECT", overloads: &[fixed(&[ARRAY, ARRAY], &ARRAY, Run::Values(intersect))] },
    Function { name: "ARRAY_UNION", overloads: &[fixed(&[ARRAY, ARRAY], &ARRAY, Run::Values(union))] },
    Function { name: "ARRAY_REMOVE", overloads: &[fixed(&[ARRAY, T], &ARRAY, Run::Values(remove))] },
    Function { name: "ARRAY_CONCAT", overloads: &[fixed(&[ARRAY, ARRAY], &ARRAY, Run::Values(concat))] },
    Function { name: "ARRAY_CONTAINS", overloads: &[fixed(&[ARRAY, T], &P::Boolean, Run::Values(contains))] },
    Function {
        name: "ARRAY_JOIN",
        overloads: &[
            fixed(&[ARRAY], &P::String, Run::Values(join)),
            fixed(&[ARRAY, P::String], &P::String, Run::Values(join)),
        ],
    },
    Function { name: "SLICE", overloads: &[fixed(&[ARRAY, P::Integer, P::Integer], &ARRAY, Run::Values(slice))] },
    Function {
        name: "GENERATE_SERIES",
        overloads: &[
            fixed(&[P::Integer, P::Integer], &P::Array(&P::Integer), Run::Values(series)),
            fixed(&[P::Integer, P::Integer, P::Integer], &P::Array(&P::Integer), Run::Values(series)),
            fixed(&[P::Bigint, P::Bigint], &P::Array(&P::Bigint), Run::Values(series)),
            fixed(&[P::Bigint, P::Bigint, P::Integer], &P::Array(&P::Bigint), Run::Values(series)),
        ],
    },
    Function { name: "AS_MAP", overloads: &[fixed(&[P::Array(&P::String), ARRAY], &MAP, Run::Values(as_map))] },
    Function {
        name: "ENTRIES",
        overloads: &[
            entries!(P::Integer, Type::Integer),
            entries!(P::Bigint, Type::Bigint),
            entries!(P::Double, Type::Double),
            entries!(P::Boolean, Type::Boolean),
            entries!(P::String, Type::String),
        ],
    },
    Function { name: "MAP_UNION", overloads: &[fixed(&[MAP, MAP], &MAP, Run::Values(map_union))] },
    Function { name: "MAP_KEYS", overloads: &[fixed(&[MAP], &P::Array(&P::String), HASH_ORDER)] },
    Function { name: "MAP_VALUES", overloads: &[fixed(&[MAP], &ARRAY, HASH_ORDER)] },
];

fn entries_type(value: Type) -> Type {
    Type::Array(Box::new(Type::Struct(vec![
        Field { name: "K".into(), ty: Type::String },
        Field { name: "V".into(), ty: value },
    ])))
}

fn length(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Array(list)] => Value::Integer(list.with(<[Value]>::len) as i32),
        _ => Value::Null,
    })
}

/// Skips NULLs; of equal items the first stays. An item without an order is an exception, even a single one.
fn extreme(values: &[Value], greatest: bool) -> Evaluated {
    let [Value::Array(list)] = values else {
        return Ok(Value::Null);
    };
    list.with(|items| {
        let mut best = &Value::Null;
        for item in items.iter().filter(|item| !item.is_null()) {
            let order = item.java_compare(if best.is_null() { item } else { best }).ok_or(Thrown)?;
            if best.is_null() || if greatest { order.is_gt() } else { order.is_lt() } {
                best = item;
            }
        }
        Ok(best.clone())
    })
}

/// Sorts in place, NULLs last in both directions: everyone who holds the array sees it sorted.
fn sort(values: &[Value]) -> Evaluated {
    let (list, direction) = match values {
        [Value::Array(list)] => (list, "ASC".to_owned()),
        [Value::Array(list), Value::String(direction)] => (list, direction.to_uppercase()),
        _ => return Ok(Value::Null),
    };
    let descending = match direction.as_str() {
        "ASC" | "ASCENDING" => false,
        "DESC" | "DESCENDING" => true,
        _ => return Ok(Value::Null),
    };
    if list.is_frozen() {
        return Err(Thrown);
    }
    let mut items = list.items();
    let known: Vec<&Value> = items.iter().filter(|item| !item.is_null()).collect();
    if known.len() > 1 && known.iter().any(|item| item.java_compare(item).is_none()) {
        return Err(Thrown);
    }
    items.sort_by(|a, b| match (a.is_null(), b.is_null()) {
        (false, false) => {
            let order = a.java_compare(b).unwrap_or(std::cmp::Ordering::Equal);
            if descending { order.reverse() } else { order }
        }
        (a, b) => a.cmp(&b),
    });
    list.replace(items);
    Ok(Value::Array(list.clone()))
}

fn distinct(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Array(list)] => Value::array(without_repetition(list.items())),
        _ => Value::Null,
    })
}

/// Every item once, where it stands first.
fn without_repetition(items: Vec<Value>) -> Vec<Value> {
    let mut unique: Vec<Value> = Vec::new();
    for item in items {
        if !unique.contains(&item) {
            unique.push(item);
        }
    }
    unique
}

fn except(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Array(left), Value::Array(right)] => {
            let right = right.items();
            Value::array(without_repetition(left.items()).into_iter().filter(|item| !right.contains(item)).collect())
        }
        _ => Value::Null,
    })
}

fn intersect(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Array(left), Value::Array(right)] => {
            let right = right.items();
            Value::array(without_repetition(left.items()).into_iter().filter(|item| right.contains(item)).collect())
        }
        _ => Value::Null,
    })
}

fn union(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Array(left), Value::Array(right)] => {
            Value::array(without_repetition([left.items(), right.items()].concat()))
        }
        _ => Value::Null,
    })
}

/// The second map's value stands where both have a key; a NULL map is none.
fn map_union(values: &[Value]) -> Evaluated {
    let maps = values.iter().filter_map(|value| match value {
        Value::Map(entries) => Some(entries.iter().cloned()),
        _ => None,
    });
    let entries: Vec<_> = maps.clone().flatten().collect();
    Ok(if maps.count() == 0 { Value::Null } else { Value::map(entries) })
}

fn remove(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Array(list), victim] => Value::array(list.items().into_iter().filter(|item| item != victim).collect()),
        _ => Value::Null,
    })
}

fn concat(values: &[Value]) -> Evaluated {
    let items = |value: &Value| match value {
        Value::Array(list) => list.items(),
        _ => Vec::new(),
    };
    Ok(match values {
        [Value::Null, Value::Null] => Value::Null,
        [left, right] => Value::array([items(left), items(right)].concat()),
        _ => Value::Null,
    })
}

fn contains(values: &[Value]) -> Evaluated {
    Ok(Value::Boolean(match values {
        [Value::Array(list), wanted] => list.items().contains(wanted),
        _ => false,
    }))
}

fn join(values: &[Value]) -> Evaluated {
    let Some(Value::Array(list)) = values.first() else {
        return Ok(Value::Null);
    };
    let delimiter = match values.get(1) {
        None => ",",
        Some(Value::String(delimiter)) => delimiter,
        Some(_) => "",
    };
    let mut texts = Vec::new();
    for item in list.items() {
        match item {
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Bigint(_)
            | Value::Double(_)
            | Value::Decimal(_)
            | Value::String(_) => texts.push(item.java_string(None)),
            _ => return Err(Thrown),
        }
    }
    Ok(Value::string(texts.join(delimiter)))
}

/// From one to inclusive; out of range is NULL, from after to an exception.
fn slice(values: &[Value]) -> Evaluated {
    let [Value::Array(list), from, to] = values else {
        return Ok(Value::Null);
    };
    let items = list.items();
    let start = match from {
        Value::Integer(from) => i64::from(from.wrapping_sub(1)),
        _ => 0,
    };
    let end = match to {
        Value::Integer(to) => i64::from(*to),
        _ => items.len() as i64,
    };
    if start < 0 || end > items.len() as i64 {
        return Ok(Value::Null);
    }
    if start > end {
        return Err(Thrown);
    }
    let items = items.get(start as usize..end as usize).unwrap_or_default().to_vec();
    Ok(Value::Array(if list.is_frozen() { List::frozen(items) } else { List::new(items) }))
}

fn series(values: &[Value]) -> Evaluated {
    let (start, end, wide) = match values {
        [Value::Integer(start), Value::Integer(end), ..] => (i64::from(*start), i64::from(*end), false),
        [Value::Bigint(start), Value::Bigint(end), ..] => (*start, *end, true),
        _ => return Err(Thrown),
    };
    let difference = if wide { end.wrapping_sub(start) } else { i64::from((end as i32).wrapping_sub(start as i32)) };
    let step = match values.get(2) {
        None => {
            if difference > 0 {
                1
            } else {
                -1
            }
        }
        Some(Value::Integer(step)) if *step != 0 => i64::from(*step),
        Some(_) => return Err(Thrown),
    };
    if difference > 0 && step < 0 || difference < 0 && step > 0 {
        return Err(Thrown);
    }
    let count = 1 + difference / step;
    if count > MAX_LENGTH {
        return Err(Thrown);
    }
    let items = (0..count).map(|index| start.wrapping_add(index.wrapping_mul(step)));
    Ok(Value::array(if wide {
        items.map(Value::Bigint).collect()
    } else {
        items.map(|item| Value::Integer(item as i32)).collect()
    }))
}

fn as_map(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Array(keys), Value::Array(items)] => {
            let items = items.items();
            let keys = keys.items().into_iter().enumerate();
            Value::map(keys.map(|(index, key)| (key, items.get(index).cloned().unwrap_or(Value::Null))))
        }
        _ => Value::Null,
    })
}

fn entries(arguments: &[Expr]) -> Result<Prepared, String> {
    if arguments.get(1) != Some(&Expr::Boolean(true)) {
        return Err("without TRUE as second argument the order of the entries is that of a hash table".into());
    }
    Ok(Box::new(|values| {
        let Some(Value::Map(map)) = values.first() else {
            return Ok(Value::Null);
        };
        let mut entries = map.to_vec();
        if entries.len() > 1 && entries.iter().any(|(key, _)| key.is_null()) {
            return Err(Thrown);
        }
        entries.sort_by(|a, b| match (&a.0, &b.0) {
            (Value::String(a), Value::String(b)) => compare_strings(a, b),
            _ => std::cmp::Ordering::Equal,
        });
        Ok(Value::array(entries.into_iter().map(|(key, value)| Value::Struct([key, value].into())).collect()))
    }))
}
