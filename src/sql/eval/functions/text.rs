//! Text. Lengths and positions count UTF-16 units, as Java does.

use super::super::number::trim;
use super::super::run::{Evaluated, Thrown};
use super::super::value::{List, Value};
use super::{Function, Parameter as P, Run, fixed, variadic};

const OF_BYTES: Run = Run::Refused("BYTES are compared and passed on only");

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "LEN",
        overloads: &[fixed(&[P::String], &P::Integer, Run::Values(length)), fixed(&[P::Bytes], &P::Integer, OF_BYTES)],
    },
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
    Function {
        name: "INITCAP",
        overloads: &[fixed(&[P::String], &P::String, Run::Values(|v| map_text(v, capitalized)))],
    },
    Function {
        name: "CHR",
        overloads: &[
            fixed(&[P::Integer], &P::String, Run::Values(character)),
            fixed(&[P::String], &P::String, Run::Refused("it knows characters by their number only")),
        ],
    },
    Function {
        name: "CONCAT",
        overloads: &[
            variadic(&[P::String], &P::String, Run::Values(concat)),
            variadic(&[P::Bytes], &P::Bytes, OF_BYTES),
        ],
    },
    Function {
        name: "CONCAT_WS",
        overloads: &[
            variadic(&[P::String], &P::String, Run::Values(concat_with_separator)),
            variadic(&[P::Bytes], &P::Bytes, OF_BYTES),
        ],
    },
    Function {
        name: "SUBSTRING",
        overloads: &[
            fixed(&[P::String, P::Integer], &P::String, Run::Values(substring)),
            fixed(&[P::String, P::Integer, P::Integer], &P::String, Run::Values(substring)),
            fixed(&[P::Bytes, P::Integer], &P::Bytes, OF_BYTES),
            fixed(&[P::Bytes, P::Integer, P::Integer], &P::Bytes, OF_BYTES),
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
        overloads: &[
            fixed(&[P::String, P::Integer, P::String], &P::String, Run::Values(|v| pad(v, true))),
            fixed(&[P::Bytes, P::Integer, P::Bytes], &P::Bytes, OF_BYTES),
        ],
    },
    Function {
        name: "RPAD",
        overloads: &[
            fixed(&[P::String, P::Integer, P::String], &P::String, Run::Values(|v| pad(v, false))),
            fixed(&[P::Bytes, P::Integer, P::Bytes], &P::Bytes, OF_BYTES),
        ],
    },
    Function {
        name: "SPLIT",
        overloads: &[
            fixed(&[P::String, P::String], &P::Array(&P::String), Run::Values(split)),
            fixed(&[P::Bytes, P::Bytes], &P::Array(&P::Bytes), OF_BYTES),
        ],
    },
    Function {
        name: "SPLIT_TO_MAP",
        overloads: &[fixed(
            &[P::String, P::String, P::String],
            &P::Map(&P::String, &P::String),
            Run::Values(split_to_map),
        )],
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

/// The longest text that is padded, in UTF-16 units. A server of the usual size runs out of memory not far from here.
const MAX_PADDED: usize = 1 << 26;

fn pad(values: &[Value], left: bool) -> Evaluated {
    let [Value::String(text), Value::Integer(target), Value::String(padding)] = values else {
        return Ok(Value::Null);
    };
    let (Ok(target), false) = (usize::try_from(*target), padding.is_empty()) else {
        return Ok(Value::Null);
    };
    let (mut units, padding) = (units(text), units(padding));
    // Java reserves both lengths together, which may be more than an array can have
    if target + padding.len() > MAX_PADDED {
        return Err(Thrown);
    }
    let missing = target.saturating_sub(units.len());
    let filler = padding.iter().copied().cycle().take(missing);
    if left {
        units = filler.chain(units).collect();
    } else {
        units.extend(filler);
    }
    units.truncate(target);
    Ok(from_units(&units))
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

/// Words in small letters with a capital first; blanks before the first word are lost.
fn capitalized(text: &str) -> String {
    const BLANK: [char; 6] = [' ', '\t', '\n', '\u{b}', '\u{c}', '\r'];
    let mut capital = true;
    let mut result = String::new();
    for c in text.to_lowercase().trim_start_matches(BLANK).chars() {
        if capital && c.len_utf16() == 1 {
            result.extend(c.to_uppercase());
        } else {
            result.push(c);
        }
        capital = BLANK.contains(&c);
    }
    result
}

fn character(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Integer(code)] => match u32::try_from(*code) {
            Ok(code @ 0..=0x10_ffff) => {
                Value::string(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).to_string())
            }
            _ => Value::Null,
        },
        _ => Value::Null,
    })
}

/// Entries without the second delimiter are left out, and what follows it a second time is too; the last of equal
/// keys stays.
fn split_to_map(values: &[Value]) -> Evaluated {
    let [Value::String(text), Value::String(between), Value::String(within)] = values else {
        return Ok(Value::Null);
    };
    if between.is_empty() || within.is_empty() || between == within {
        return Ok(Value::Null);
    }
    let entries = text.split(&**between).filter_map(|entry| entry.split_once(&**within));
    Ok(Value::map(entries.map(|(key, rest)| {
        let value = rest.split(&**within).next().unwrap_or_default();
        (Value::string(key), Value::string(value))
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::string(text)
    }

    #[test]
    fn texts_are_padded_to_a_length_that_java_can_reserve() {
        let padded = |target: i32, left| pad(&[text("ab"), Value::Integer(target), text("xyz")], left);
        assert_eq!(padded(7, true).unwrap(), text("xyzxyab"));
        assert_eq!(padded(7, false).unwrap(), text("abxyzxy"));
        assert_eq!((padded(1, true).unwrap(), padded(-1, true).unwrap()), (text("a"), Value::Null));
        // recorded: the item is NULL, since Java has no array of that length
        assert!(padded(i32::MAX, true).is_err() && padded(i32::MAX, false).is_err());
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
}
