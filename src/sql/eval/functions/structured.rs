//! Text with structure: EXTRACTJSONFIELD.

use super::super::json::{self, Json};
use super::super::run::{Evaluated, Thrown};
use super::super::value::Value;
use super::{Function, Parameter as P, Run, fixed};

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "EXTRACTJSONFIELD",
    overloads: &[fixed(&[P::String, P::String], &P::String, Run::Values(extract))],
}];

/// Text as it is, everything else as JSON; what does not exist is NULL, what is not JSON an exception.
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
    Ok(Value::string(match current {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }))
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
