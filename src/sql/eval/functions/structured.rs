//! Text with structure: the functions of JSON.

use super::super::decimal::Decimal;
use super::super::json::{self, Json};
use super::super::run::{Evaluated, Thrown};
use super::super::value::{Value, compare_strings};
use super::{Function, Overload, Parameter as P, Returns, Run, fixed, variadic};
use crate::schema::Type;

const TEXTS: P = P::Array(&P::String);

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "EXTRACTJSONFIELD",
        overloads: &[fixed(&[P::String, P::String], &P::String, Run::Values(extract))],
    },
    Function { name: "IS_JSON_STRING", overloads: &[fixed(&[P::String], &P::Boolean, Run::Values(is_json))] },
    Function { name: "JSON_ARRAY_LENGTH", overloads: &[fixed(&[P::String], &P::Integer, Run::Values(length))] },
    Function {
        name: "JSON_ARRAY_CONTAINS",
        overloads: &[fixed(&[P::String, P::Generic('T')], &P::Boolean, Run::Values(contains))],
    },
    Function { name: "JSON_KEYS", overloads: &[fixed(&[P::String], &TEXTS, Run::Values(keys))] },
    Function {
        name: "JSON_RECORDS",
        overloads: &[fixed(&[P::String], &P::Map(&P::String, &P::String), Run::Values(records))],
    },
    Function { name: "JSON_ITEMS", overloads: &[fixed(&[P::String], &TEXTS, Run::Values(items))] },
    Function { name: "JSON_CONCAT", overloads: &[variadic(&[P::String], &P::String, Run::Values(concat))] },
    Function {
        name: "TO_JSON_STRING",
        overloads: &[Overload {
            parameters: &[P::Generic('T')],
            variadic: false,
            returns: Returns::By(|types| types.first()?.as_ref().filter(|ty| is_written(ty)).map(|_| Type::String)),
            run: Run::Typed(to_json),
        }],
    },
];

/// The JSON of the first argument; `None` if that is NULL or empty, broken JSON is an exception.
fn read(values: &[Value]) -> Result<Option<Json>, Thrown> {
    match values.first() {
        Some(Value::String(text)) => json::read(text).ok_or(Thrown),
        _ => Ok(None),
    }
}

fn is_json(values: &[Value]) -> Evaluated {
    Ok(Value::Boolean(matches!(read(values), Ok(Some(_)))))
}

fn length(values: &[Value]) -> Evaluated {
    Ok(match read(values)? {
        Some(Json::Array(items)) => Value::Integer(items.len() as i32),
        _ => Value::Null,
    })
}

/// Whether an item is the value, of its very type. What is broken behind that item does not matter, what is broken
/// before it makes the answer FALSE.
fn contains(values: &[Value]) -> Evaluated {
    let [Value::String(text), wanted] = values else {
        return Err(Thrown);
    };
    let mut overflow = false;
    let found = json::any_item(text, |item| match (item, wanted) {
        (Json::Null, Value::Null) => true,
        (Json::Boolean(item), Value::Boolean(wanted)) => item == wanted,
        (Json::String(item), Value::String(wanted)) => **item == **wanted,
        (Json::Number(item), Value::Integer(_) | Value::Bigint(_)) if is_whole(item) => {
            let item = match wanted {
                Value::Integer(_) => item.parse().map(Value::Integer),
                _ => item.parse().map(Value::Bigint),
            };
            // a number that is too large ends the search
            overflow |= item.is_err();
            item.is_ok_and(|item| item == *wanted)
        }
        (Json::Number(item), Value::Double(_)) if !is_whole(item) => {
            item.trim_matches('"').parse().is_ok_and(|item| Value::Double(item) == *wanted)
        }
        _ => false,
    });
    Ok(Value::Boolean(found && !overflow))
}

fn is_whole(number: &str) -> bool {
    number.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
}

fn keys(values: &[Value]) -> Evaluated {
    Ok(match read(values)? {
        Some(Json::Object(members)) => Value::array(members.into_iter().map(|(name, _)| Value::string(name)).collect()),
        _ => Value::Null,
    })
}

fn records(values: &[Value]) -> Evaluated {
    Ok(match read(values)? {
        Some(Json::Object(members)) => {
            Value::map(members.into_iter().map(|(name, value)| (Value::string(name), Value::string(as_text(&value)))))
        }
        _ => Value::Null,
    })
}

fn items(values: &[Value]) -> Evaluated {
    match values.first() {
        Some(Value::String(_)) => match read(values)? {
            Some(Json::Array(items)) => {
                Ok(Value::array(items.iter().map(|item| Value::string(item.to_string())).collect()))
            }
            _ => Err(Thrown),
        },
        _ => Ok(Value::Null),
    }
}

/// Objects become one object, anything else one array.
fn concat(values: &[Value]) -> Evaluated {
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        match read(std::slice::from_ref(value))? {
            Some(json) => all.push(json),
            None => return Ok(Value::Null),
        }
    }
    let objects = all.iter().all(|json| matches!(json, Json::Object(_)));
    let joined = all.into_iter().reduce(|joined, json| match (joined, json) {
        (Json::Object(mut known), Json::Object(members)) if objects => {
            for (name, value) in members {
                match known.iter_mut().find(|(other, _)| *other == name) {
                    Some((_, old)) => *old = value,
                    None => known.push((name, value)),
                }
            }
            Json::Object(known)
        }
        (joined, json) => Json::Array([as_items(joined), as_items(json)].concat()),
    });
    joined.map(|json| Value::string(plain(&json).to_string())).ok_or(Thrown)
}

fn as_items(json: Json) -> Vec<Json> {
    match json {
        Json::Array(items) => items,
        other => vec![other],
    }
}

/// The value with its numbers written without exponents, as Jackson's mapper writes them.
fn plain(json: &Json) -> Json {
    match json {
        Json::Number(text) if !text.starts_with('"') && !is_whole(text) => {
            Json::Number(Decimal::parse(text).map_or_else(|| text.clone(), |number| number.to_plain_string()))
        }
        Json::Array(items) => Json::Array(items.iter().map(plain).collect()),
        Json::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        other => other.clone(),
    }
}

/// Fields and entries in the order of their names.
fn to_json(values: &[Value], types: &[Option<Type>]) -> Evaluated {
    let (Some(value), Some(Some(ty))) = (values.first(), types.first()) else {
        return Err(Thrown);
    };
    json_of(value, ty).map(|json| Value::string(json.to_string())).ok_or(Thrown)
}

/// Whether TO_JSON_STRING is evaluated for the type: not for BYTES, nor for keys that are no texts.
fn is_written(ty: &Type) -> bool {
    match ty {
        Type::Bytes => false,
        Type::Array(item) => is_written(item),
        Type::Map(key, value) => **key == Type::String && is_written(value),
        Type::Struct(fields) => fields.iter().all(|field| is_written(&field.ty)),
        _ => true,
    }
}

fn json_of(value: &Value, ty: &Type) -> Option<Json> {
    let sorted = |mut members: Vec<(String, Json)>| {
        members.sort_by(|a, b| compare_strings(&a.0, &b.0));
        Json::Object(members)
    };
    Some(match (value, ty) {
        (Value::Null, _) => Json::Null,
        (Value::Boolean(value), _) => Json::Boolean(*value),
        (Value::String(text), _) => Json::String(text.to_string()),
        (Value::Double(value), _) if !value.is_finite() => Json::String(super::super::number::double_to_string(*value)),
        (Value::Decimal(value), _) => Json::Number(value.to_plain_string()),
        (Value::Integer(_) | Value::Bigint(_) | Value::Double(_), ty) => Json::Number(value.text(ty)),
        (Value::Time(millis), _) => Json::String(super::super::calendar::format_time(*millis)?),
        (Value::Date(_) | Value::Timestamp(_), ty) => Json::String(value.text(ty)),
        (Value::Array(list), Type::Array(item)) => {
            Json::Array(list.items().iter().map(|value| json_of(value, item)).collect::<Option<_>>()?)
        }
        (Value::Map(entries), Type::Map(_, item)) => {
            let mut members = Vec::with_capacity(entries.len());
            for (key, value) in entries.iter() {
                // a NULL key has no text
                let Value::String(key) = key else { return None };
                members.push((key.to_string(), json_of(value, item)?));
            }
            sorted(members)
        }
        (Value::Struct(values), Type::Struct(fields)) => {
            let members = fields.iter().zip(values.iter());
            sorted(
                members
                    .map(|(field, value)| Some((field.name.clone(), json_of(value, &field.ty)?)))
                    .collect::<Option<_>>()?,
            )
        }
        _ => return None,
    })
}

/// What does not exist is NULL, what is not JSON an exception.
fn extract(values: &[Value]) -> Evaluated {
    let [Value::String(text), Value::String(path)] = values else {
        return Ok(Value::Null);
    };
    let steps = steps(path).ok_or(Thrown)?;
    let Some(root) = json::read(text).ok_or(Thrown)? else {
        // without any value the root itself is the empty text
        return Ok(if steps.is_empty() { Value::string("") } else { Value::Null });
    };
    let mut current = &root;
    for step in &steps {
        let next = match current {
            Json::Array(items) => {
                let index = super::super::number::parse_int(step).and_then(|index| usize::try_from(index).ok());
                index.and_then(|index| items.get(index))
            }
            Json::Object(members) => members.iter().find(|(name, _)| name == step).map(|(_, value)| value),
            _ => None,
        };
        match next {
            Some(next) => current = next,
            None => return Ok(Value::Null),
        }
    }
    Ok(Value::string(as_text(current)))
}

/// Text as it is, everything else as JSON.
fn as_text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `$.name[0]["quoted"]`.
fn steps(path: &str) -> Option<Vec<String>> {
    let mut chars = path.strip_prefix('$')?.chars().peekable();
    let mut steps = Vec::new();
    while let Some(c) = chars.next() {
        let mut step = String::new();
        match c {
            '.' => {
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '@')) {
                    step.push(c);
                }
            }
            '[' if chars.next_if_eq(&'"').is_some() => {
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => step.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
                        c => step.push(c),
                    }
                }
                chars.next_if_eq(&']')?;
                steps.push(step);
                continue;
            }
            '[' => {
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    step.push(c);
                }
                chars.next_if_eq(&']')?;
            }
            _ => return None,
        }
        if step.is_empty() {
            return None;
        }
        steps.push(step);
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str, path: &str) -> Evaluated {
        extract(&[Value::string(text), Value::string(path)])
    }

    #[test]
    fn fields_are_found_and_written_back() {
        let text =
            r#" {"a": [1, 2.50, {"b": "x\u00e9"}], "n": null, "e": 1E2, "a b": true, "d": {"k": "q\"", "z": -0}} tail"#;
        let value = |path: &str| get(text, path).unwrap();
        assert_eq!(value("$.a[1]"), Value::string("2.50"));
        assert_eq!(value("$.a[2].b"), Value::string("xé"));
        assert_eq!(value("$.n"), Value::string("null"));
        assert_eq!(value("$.e"), Value::string("1E+2"));
        assert_eq!(value("$[\"a b\"]"), Value::string("true"));
        assert_eq!(value("$.d"), Value::string(r#"{"k":"q\"","z":0}"#));
        assert_eq!(value("$.a[9]"), Value::Null);
        assert_eq!(value("$.a.x"), Value::Null);
        assert_eq!(value("$.e.x"), Value::Null);
        for (text, path) in [("{", "$.a"), ("{}", "a"), ("{}", "$..a"), ("[01]", "$[0]"), ("{\"a\":}", "$.a")] {
            assert_eq!(get(text, path), Err(Thrown), "{text} {path}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(get(&deep, "$[0]"), Err(Thrown));
    }
}
