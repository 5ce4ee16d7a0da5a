//! The JSON texts that EXTRACTJSONFIELD takes apart, as Jackson reads and writes them.
//!
//! Numbers keep their digits; what follows the first value is not looked at. The nesting is bounded.

use std::fmt;

use super::decimal::Decimal;

/// Deeper texts are treated as broken.
const MAX_DEPTH: usize = 200;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Boolean(bool),
    /// Its text, as Jackson writes it.
    Number(String),
    String(String),
    Array(Vec<Json>),
    /// Of members with one name the last one counts, in the place of the first.
    Object(Vec<(String, Json)>),
}

/// Reads the first value; `Some(None)` if there is none, `None` if it is broken.
pub(super) fn read(text: &str) -> Option<Option<Json>> {
    let mut reader = Reader { rest: text };
    reader.skip_space();
    if reader.rest.is_empty() {
        return Some(None);
    }
    let value = reader.value(0)?;
    // a number or word at the root ends at white space
    let glued = matches!(value, Json::Number(_) | Json::Boolean(_) | Json::Null)
        && reader.rest.starts_with(|c: char| !matches!(c, ' ' | '\t' | '\n' | '\r'));
    if glued { None } else { Some(Some(value)) }
}

/// Whether an item of the array passes the test. What follows that item is not looked at, and only a text that is not
/// broken up to it can hold one.
pub(super) fn any_item(text: &str, mut test: impl FnMut(&Json) -> bool) -> bool {
    let mut reader = Reader { rest: text };
    if !reader.next_is("[") || reader.next_is("]") {
        return false;
    }
    while let Some(item) = reader.value(1) {
        if test(&item) {
            return true;
        }
        if !reader.next_is(",") {
            return false;
        }
    }
    false
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Takes the text if it is next, behind white space.
    fn next_is(&mut self, text: &str) -> bool {
        self.skip_space();
        self.take(text).is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match self.rest.chars().next()? {
            '{' => self.object(depth),
            '[' => self.array(depth),
            '"' => Some(Json::String(self.string()?)),
            't' => self.take("true").map(|()| Json::Boolean(true)),
            'f' => self.take("false").map(|()| Json::Boolean(false)),
            'n' => self.take("null").map(|()| Json::Null),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.take("[")?;
        let mut items = Vec::new();
        if self.next_is("]") {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.next_is("]") {
                return Some(Json::Array(items));
            }
            self.take(",")?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.take("{")?;
        let mut members: Vec<(String, Json)> = Vec::new();
        if self.next_is("}") {
            return Some(Json::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            if !self.next_is(":") {
                return None;
            }
            let value = self.value(depth + 1)?;
            match members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => members.push((name, value)),
            }
            if self.next_is("}") {
                return Some(Json::Object(members));
            }
            self.take(",")?;
        }
    }

    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut units: Vec<u16> = Vec::new();
        let mut buffer = [0; 2];
        let mut chars = self.rest.char_indices();
        loop {
            let (at, c) = chars.next()?;
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(String::from_utf16_lossy(&units));
                }
                '\\' => match chars.next()?.1 {
                    c @ ('"' | '\\' | '/') => units.push(c as u16),
                    'b' => units.push(8),
                    'f' => units.push(12),
                    'n' => units.push(10),
                    'r' => units.push(13),
                    't' => units.push(9),
                    'u' => {
                        let mut unit = 0;
                        for _ in 0..4 {
                            unit = unit * 16 + chars.next()?.1.to_digit(16)?;
                        }
                        units.push(unit as u16);
                    }
                    _ => return None,
                },
                c if c < ' ' => return None,
                c => units.extend_from_slice(c.encode_utf16(&mut buffer)),
            }
        }
    }

    fn number(&mut self) -> Option<Json> {
        let end =
            self.rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let whole = unsigned.find(['.', 'e', 'E']).map_or(unsigned, |at| &unsigned[..at]);
        let part_ok = unsigned.split_once('.').is_none_or(|(_, part)| part.starts_with(|c: char| c.is_ascii_digit()));
        let whole_ok = whole.bytes().all(|b| b.is_ascii_digit()) && (whole == "0" || !whole.starts_with('0'));
        if whole.is_empty() || !whole_ok || !part_ok {
            return None;
        }
        let number = if whole.len() == unsigned.len() {
            if text == "-0" { "0".to_owned() } else { text.to_owned() }
        } else if text.parse().is_ok_and(f64::is_infinite) {
            // beyond a DOUBLE Jackson writes what a DOUBLE is, as it writes infinities
            if text.starts_with('-') { "\"-Infinity\"" } else { "\"Infinity\"" }.to_owned()
        } else {
            Decimal::read(text)?.to_string()
        };
        self.rest = rest;
        Some(Json::Number(number))
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Boolean(value) => write!(f, "{value}"),
            Json::Number(text) => f.write_str(text),
            Json::String(text) => write_string(f, text),
            Json::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Json::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    write_string(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            c if c < ' ' => write!(f, "\\u{:04X}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}
