//! Regular expressions, as far as those of Java mean the same here.

use regex::{NoExpand, Regex};

use super::super::run::Thrown;
use super::super::value::{List, Value};
use super::{Function, Parameter as P, Prepared, Run, fixed, literal_text};
use crate::sql::ast::Expr;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "REGEXP_EXTRACT",
        overloads: &[
            fixed(&[P::String, P::String], &P::String, Run::Prepare(regexp_extract)),
            fixed(&[P::String, P::String, P::Integer], &P::String, Run::Prepare(regexp_extract)),
        ],
    },
    Function {
        name: "REGEXP_EXTRACT_ALL",
        overloads: &[
            fixed(&[P::String, P::String], &P::Array(&P::String), Run::Prepare(regexp_extract_all)),
            fixed(&[P::String, P::String, P::Integer], &P::Array(&P::String), Run::Prepare(regexp_extract_all)),
        ],
    },
    Function {
        name: "REGEXP_SPLIT_TO_ARRAY",
        overloads: &[fixed(&[P::String, P::String], &P::Array(&P::String), Run::Prepare(regexp_split))],
    },
    Function {
        name: "REGEXP_REPLACE",
        overloads: &[fixed(&[P::String, P::String, P::String], &P::String, Run::Prepare(regexp_replace))],
    },
];

fn regexp_extract_all(arguments: &[Expr]) -> Result<Prepared, String> {
    let regex = regex(arguments.first())?;
    Ok(Box::new(move |values| {
        let group = match values.get(2) {
            None => 0,
            Some(Value::Integer(group)) => *group,
            Some(_) => return Ok(Value::Null),
        };
        let Some(Value::String(text)) = values.get(1) else {
            return Ok(Value::Null);
        };
        if group >= regex.captures_len() as i32 {
            return Ok(Value::Null);
        }
        let mut found = Vec::new();
        for captures in regex.captures_iter(text) {
            let group = usize::try_from(group).map_err(|_| Thrown)?;
            found.push(captures.get(group).map_or(Value::Null, |group| Value::string(group.as_str())));
        }
        Ok(Value::array(found))
    }))
}

/// A pattern that matches the empty text splits by other rules, and is refused.
fn regexp_split(arguments: &[Expr]) -> Result<Prepared, String> {
    let regex = regex(arguments.get(1))?;
    if regex.is_match("") {
        return Err("the evaluator does not split by a pattern that matches the empty text".into());
    }
    Ok(Box::new(move |values| {
        Ok(match values.first() {
            Some(Value::String(text)) => Value::Array(List::frozen(regex.split(text).map(Value::string).collect())),
            _ => Value::Null,
        })
    }))
}

fn regexp_extract(arguments: &[Expr]) -> Result<Prepared, String> {
    let regex = regex(arguments.first())?;
    Ok(Box::new(move |values| {
        let group = match values.get(2) {
            None => 0,
            Some(Value::Integer(group)) => *group,
            Some(_) => return Ok(Value::Null),
        };
        let Some(Value::String(text)) = values.get(1) else {
            return Ok(Value::Null);
        };
        if group >= regex.captures_len() as i32 {
            return Ok(Value::Null);
        }
        let Some(found) = regex.captures(text) else {
            return Ok(Value::Null);
        };
        let group = usize::try_from(group).map_err(|_| Thrown)?;
        Ok(found.get(group).map_or(Value::Null, |found| Value::string(found.as_str())))
    }))
}

fn regexp_replace(arguments: &[Expr]) -> Result<Prepared, String> {
    let regex = regex(arguments.get(1))?;
    let new = literal_text(arguments.get(2)).filter(|text| !text.contains(['$', '\\'])).map(str::to_owned);
    let new = new.ok_or("the replacement has to be a literal without `$` and `\\`")?;
    Ok(Box::new(move |values| {
        Ok(match values.first() {
            Some(Value::String(text)) => Value::string(regex.replace_all(text, NoExpand(&new))),
            _ => Value::Null,
        })
    }))
}

/// Compiles the part of Java's regular expressions that means the same here; anything else is refused.
fn regex(pattern: Option<&Expr>) -> Result<Regex, String> {
    let pattern = literal_text(pattern).ok_or("the pattern has to be a literal")?;
    let translated =
        translate(pattern).ok_or_else(|| format!("the evaluator does not know all of the pattern `{pattern}`"))?;
    Regex::new(&translated).map_err(|_| format!("`{pattern}` is not a pattern that the evaluator can compile"))
}

/// Spells Java's classes out, which are ASCII; `None` for what could differ.
fn translate(pattern: &str) -> Option<String> {
    let mut text = String::new();
    let mut in_class = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let (open, close) = if in_class { ("", "") } else { ("[", "]") };
                match chars.next()? {
                    'd' => text.extend([open, "0-9", close]),
                    'w' => text.extend([open, "A-Za-z0-9_", close]),
                    's' => text.extend([open, " \\t\\n\\x0B\\f\\r", close]),
                    escaped if escaped.is_ascii_punctuation() => text.extend(['\\', escaped]),
                    escaped @ ('t' | 'n' | 'r') => text.extend(['\\', escaped]),
                    _ => return None,
                }
            }
            '.' if !in_class => text.push_str("[^\\n\\r\\x{85}\\x{2028}\\x{2029}]"),
            '[' if in_class => return None,
            '[' => {
                in_class = true;
                text.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    text.push('^');
                }
                if chars.peek() == Some(&']') {
                    return None;
                }
            }
            ']' if in_class => {
                in_class = false;
                text.push(']');
            }
            '&' | '~' if in_class => return None,
            '-' if in_class && chars.peek() == Some(&'-') => return None,
            '(' if !in_class && chars.peek() == Some(&'?') => return None,
            // a `$` of Java also matches before a line end
            '$' if !in_class => return None,
            // possessive
            '*' | '+' | '?' | '}' if !in_class && chars.peek() == Some(&'+') => return None,
            c => text.push(c),
        }
    }
    (!in_class).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_could_differ_are_refused() {
        assert_eq!(translate("[0-9]+").as_deref(), Some("[0-9]+"));
        assert_eq!(translate("\\d{2}[\\w-]").as_deref(), Some("[0-9]{2}[A-Za-z0-9_-]"));
        for pattern in ["(?i)a", "a$", "\\p{L}", "[a&&b]", "a++", "[[a]]", "\\bx", "\\1", "[a"] {
            assert_eq!(translate(pattern), None, "{pattern}");
        }
    }
}
