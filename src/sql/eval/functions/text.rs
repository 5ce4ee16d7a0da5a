//! Text. Lengths and positions count UTF-16 units, as Java does.

use regex::{NoExpand, Regex};

use super::super::number::trim;
use super::super::run::{Evaluated, Thrown};
use super::super::value::{List, Value};
use super::{Function, Parameter as P, Prepared, Run, fixed, literal_text, variadic};
use crate::sql::ast::Expr;

pub(super) static FUNCTIONS: &[Function] = &[
    Function { name: "LEN", overloads: &[fixed(&[P::String], &P::Integer, Run::Values(length))] },
    Function {
        name: "UCASE",
        overloads: &[fixed(&[P::String], &P::String, Run::Values(|v| map_text(v, str::to_uppercase)))],
    },
    Function {
        name: "LCASE",
        overloads: &[fixed(&[P::String], &P::String, Run::Values(|v| map_text(v, str::to_lowercase)))],
    },
    Function {
        name: "TRIM",
        overloads: &[fixed(&[P::String], &P::String, Run::Values(|v| map_text(v, |s| trim(s).to_owned())))],
    },
    Function { name: "CONCAT", overloads: &[variadic(&[P::String], &P::String, Run::Values(concat))] },
    Function {
        name: "CONCAT_WS",
        overloads: &[variadic(&[P::String], &P::String, Run::Values(concat_with_separator))],
    },
    Function {
        name: "SUBSTRING",
        overloads: &[
            fixed(&[P::String, P::Integer], &P::String, Run::Values(substring)),
            fixed(&[P::String, P::Integer, P::Integer], &P::String, Run::Values(substring)),
        ],
    },
    Function {
        name: "REPLACE",
        overloads: &[fixed(&[P::String, P::String, P::String], &P::String, Run::Values(replace))],
    },
    Function {
        name: "INSTR",
        overloads: &[
            fixed(&[P::String, P::String], &P::Integer, Run::Values(position)),
            fixed(&[P::String, P::String, P::Integer], &P::Integer, Run::Values(position)),
            fixed(&[P::String, P::String, P::Integer, P::Integer], &P::Integer, Run::Values(position)),
        ],
    },
    Function { name: "ELT", overloads: &[variadic(&[P::Integer, P::String], &P::String, Run::Values(elt))] },
    Function { name: "FIELD", overloads: &[variadic(&[P::String, P::String], &P::Integer, Run::Values(field))] },
    Function {
        name: "LPAD",
        overloads: &[fixed(&[P::String, P::Integer, P::String], &P::String, Run::Values(|v| Ok(pad(v, true))))],
    },
    Function {
        name: "RPAD",
        overloads: &[fixed(&[P::String, P::Integer, P::String], &P::String, Run::Values(|v| Ok(pad(v, false))))],
    },
    Function { name: "SPLIT", overloads: &[fixed(&[P::String, P::String], &P::Array(&P::String), Run::Values(split))] },
    Function {
        name: "REGEXP_EXTRACT",
        overloads: &[
            fixed(&[P::String, P::String], &P::String, Run::Prepare(regexp_extract)),
            fixed(&[P::String, P::String, P::Integer], &P::String, Run::Prepare(regexp_extract)),
        ],
    },
    Function {
        name: "REGEXP_REPLACE",
        overloads: &[fixed(&[P::String, P::String, P::String], &P::String, Run::Prepare(regexp_replace))],
    },
    Function {
        name: "UUID",
        overloads: &[fixed(&[], &P::String, Run::Refused("every call gives another identifier"))],
    },
];

/// The UTF-16 units of a text.
fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Text from UTF-16 units; half of a surrogate pair becomes U+FFFD.
fn from_units(units: &[u16]) -> Value {
    Value::string(String::from_utf16_lossy(units))
}

fn map_text(values: &[Value], map: impl Fn(&str) -> String) -> Evaluated {
    Ok(match values {
        [Value::String(text)] => Value::string(map(text)),
        _ => Value::Null,
    })
}

fn length(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::String(text)] => Value::Integer(text.encode_utf16().count() as i32),
        _ => Value::Null,
    })
}

fn texts(values: &[Value]) -> impl Iterator<Item = &str> {
    values.iter().filter_map(|value| match value {
        Value::String(text) => Some(text.as_ref()),
        _ => None,
    })
}

/// Skips NULLs.
fn concat(values: &[Value]) -> Evaluated {
    Ok(Value::string(texts(values).collect::<String>()))
}

/// A NULL separator gives NULL; other NULLs are skipped.
fn concat_with_separator(values: &[Value]) -> Evaluated {
    match values {
        [] | [_] => Err(Thrown),
        [Value::String(separator), rest @ ..] => Ok(Value::string(texts(rest).collect::<Vec<_>>().join(separator))),
        _ => Ok(Value::Null),
    }
}

fn substring(values: &[Value]) -> Evaluated {
    let (text, position, length) = match values {
        [Value::String(text), Value::Integer(position)] => (text, *position, None),
        [Value::String(text), Value::Integer(position), Value::Integer(length)] => (text, *position, Some(*length)),
        _ => return Ok(Value::Null),
    };
    let units = units(text);
    let count = units.len() as i32;
    let start =
        if position < 0 { count.saturating_add(position).max(0) } else { position.saturating_sub(1).min(count).max(0) };
    let end = match length {
        // Java's sum wraps, and what has wrapped is below the start
        Some(length) => start.wrapping_add(length).min(count).max(start),
        None => count,
    };
    Ok(from_units(units.get(start as usize..end as usize).unwrap_or_default()))
}

fn replace(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::String(text), Value::String(old), Value::String(new)] => Value::string(text.replace(&**old, new)),
        _ => Value::Null,
    })
}

/// The 1-based position of the n-th occurrence, from the end for a negative start; 0 if there is none.
fn position(values: &[Value]) -> Evaluated {
    let (Some(Value::String(text)), Some(Value::String(wanted))) = (values.first(), values.get(1)) else {
        // the numbers are primitive: NULL there fails, NULL text gives 0
        return if values.iter().skip(2).any(Value::is_null) { Err(Thrown) } else { Ok(Value::Integer(0)) };
    };
    let number = |index: usize| match values.get(index) {
        None => Ok(1),
        Some(Value::Integer(value)) => Ok(*value),
        Some(_) => Err(Thrown),
    };
    let (start, occurrence) = (number(2)?, number(3)?);
    let count = text.encode_utf16().count() as i32;
    // the smallest number has no absolute value, and what is computed from it wraps
    if start.wrapping_abs() > count {
        return Ok(Value::Integer(0));
    }
    let backwards = start < 0;
    let (text, wanted) = if backwards { (reversed(text), reversed(wanted)) } else { (units(text), units(wanted)) };
    let from = start.wrapping_abs();
    // a start of 0 looks at the last character only (`substring(text, -1)`)
    let skip = if from == 0 { (count - 1).max(0) } else { from.wrapping_sub(1) };
    let found = ordinal_index(text.get(skip as usize..).unwrap_or_default(), &wanted, occurrence);
    let Some(index) = found else {
        return Ok(Value::Integer(0));
    };
    let (index, length) = (index as i32, wanted.len() as i32);
    Ok(Value::Integer(if backwards {
        count.wrapping_sub(from).wrapping_sub(index).wrapping_sub(length).wrapping_add(2)
    } else {
        index + start
    }))
}

/// The units of the text from its end, pairs of surrogates kept together.
fn reversed(text: &str) -> Vec<u16> {
    units(&text.chars().rev().collect::<String>())
}

/// Where the n-th occurrence begins; occurrences may overlap.
fn ordinal_index(text: &[u16], wanted: &[u16], occurrence: i32) -> Option<usize> {
    if occurrence <= 0 {
        return None;
    }
    if wanted.is_empty() {
        return Some(0);
    }
    let starts = text.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted);
    starts.map(|(index, _)| index).nth(occurrence as usize - 1)
}

fn elt(values: &[Value]) -> Evaluated {
    match values {
        [Value::Integer(n), rest @ ..] => {
            let index = usize::try_from(*n).ok().and_then(|n| n.checked_sub(1));
            Ok(index.and_then(|index| rest.get(index)).cloned().unwrap_or(Value::Null))
        }
        // the number is primitive in Java
        _ => Err(Thrown),
    }
}

fn field(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::String(text), rest @ ..] => {
            let found = rest.iter().position(|value| matches!(value, Value::String(other) if other == text));
            Value::Integer(found.map_or(0, |index| index as i32 + 1))
        }
        _ => Value::Integer(0),
    })
}

fn pad(values: &[Value], left: bool) -> Value {
    let [Value::String(text), Value::Integer(target), Value::String(padding)] = values else {
        return Value::Null;
    };
    let (Ok(target), false) = (usize::try_from(*target), padding.is_empty()) else {
        return Value::Null;
    };
    let (mut units, padding) = (units(text), units(padding));
    let missing = target.saturating_sub(units.len());
    let filler = padding.iter().copied().cycle().take(missing);
    if left {
        units = filler.chain(units).collect();
    } else {
        units.extend(filler);
    }
    units.truncate(target);
    from_units(&units)
}

/// An empty delimiter splits into UTF-16 units; any other gives a list that cannot be sorted in place.
fn split(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::String(text), Value::String(delimiter)] if delimiter.is_empty() => {
            if text.is_empty() {
                return Ok(Value::array(vec![Value::string("")]));
            }
            Value::array(units(text).iter().map(|unit| from_units(&[*unit])).collect())
        }
        [Value::String(text), Value::String(delimiter)] => {
            Value::Array(List::frozen(text.split(&**delimiter).map(Value::string).collect()))
        }
        _ => Value::Null,
    })
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

    fn text(text: &str) -> Value {
        Value::string(text)
    }

    #[test]
    fn positions_count_from_one_and_from_the_end() {
        let at = |s: &str, t: &str, rest: &[i32]| {
            let mut values = vec![text(s), text(t)];
            values.extend(rest.iter().map(|n| Value::Integer(*n)));
            position(&values).unwrap()
        };
        // examples of ksqlDB's documentation
        assert_eq!(at("CORPORATE FLOOR", "OR", &[]), Value::Integer(2));
        assert_eq!(at("CORPORATE FLOOR", "OR", &[3]), Value::Integer(5));
        assert_eq!(at("CORPORATE FLOOR", "OR", &[3, 2]), Value::Integer(14));
        assert_eq!(at("CORPORATE FLOOR", "OR", &[-3]), Value::Integer(5));
        assert_eq!(at("CORPORATE FLOOR", "OR", &[-3, 2]), Value::Integer(2));
        assert_eq!(at("CORPORATE FLOOR", "OR", &[99]), Value::Integer(0));
        assert_eq!(at("abc", "x", &[]), Value::Integer(0));
    }

    #[test]
    fn substrings_are_clipped() {
        let of = |s: &str, rest: &[i32]| {
            let mut values = vec![text(s)];
            values.extend(rest.iter().map(|n| Value::Integer(*n)));
            substring(&values).unwrap()
        };
        assert_eq!(of("stream", &[1, 4]), text("stre"));
        assert_eq!(of("stream", &[-2]), text("am"));
        assert_eq!(of("stream", &[0, 2]), text("st"));
        assert_eq!(of("stream", &[9, 2]), text(""));
        assert_eq!(of("stream", &[3, -1]), text(""));
        assert_eq!(of("stream", &[3, i32::MAX]), text(""));
    }

    #[test]
    fn patterns_that_could_differ_are_refused() {
        assert_eq!(translate("[0-9]+").as_deref(), Some("[0-9]+"));
        assert_eq!(translate("\\d{2}[\\w-]").as_deref(), Some("[0-9]{2}[A-Za-z0-9_-]"));
        for pattern in ["(?i)a", "a$", "\\p{L}", "[a&&b]", "a++", "[[a]]", "\\bx", "\\1", "[a"] {
            assert_eq!(translate(pattern), None, "{pattern}");
        }
    }
}
