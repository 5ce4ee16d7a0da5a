//! Reads a JSON text into a flat table of values that keeps the place of each.
//!
//! The table holds eight bytes a value and no text: strings and numbers stay in the source and are decoded when asked
//! for, so memory is proportional to the file and a number is at hand as it was written. Reading is a loop over a stack of
//! open containers and cannot overflow the call stack. Beyond JSON it accepts a byte order mark and the tokens `NaN`,
//! `Infinity` and `-Infinity`, which Python writes; whoever reads a number decides whether they may stand there.
//!
//! No crate was found that gives spans, keeps duplicate keys, does not recurse and is compact (jiter keeps no spans,
//! json-syntax builds a tree of owned values, jsonc-parser recurses).

use std::borrow::Cow;

/// The longest text that is read, in bytes. Offsets are 32 bits wide.
pub const MAX_BYTES: usize = 1 << 30;

/// The deepest nesting that is read. No known producer comes near; loaders may recurse over nested pipelines.
pub const MAX_DEPTH: usize = 256;

/// The most pairs of equal keys that are reported.
const MAX_DUPLICATES: usize = 20;

/// A value: where it begins, and where it ends or, for a container, the index of the value after its contents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) start: u32,
    pub(super) tail: u32,
}

/// The values of a text, a container before its contents; the contents of an object are its keys and values in turn.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) nodes: Vec<Node>,
    /// Offsets of the first and of the repeated key.
    pub(super) duplicates: Vec<(usize, usize)>,
}

/// Why and where reading stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) kind: FaultKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// The text ended inside the string or container that began at this offset, or before any value.
    Ended { opened: Option<usize> },
    /// Something else was expected; the second text says what to do, if that is known.
    Expected(&'static str, Option<&'static str>),
    /// More open containers than [`MAX_DEPTH`].
    TooDeep,
}

#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    ItemOrEnd,
    Key,
    KeyOrEnd,
    After,
}

/// Reads a text of at most [`MAX_BYTES`].
pub(super) fn read(text: &str) -> Result<Table, Fault> {
    let mut reader =
        Reader { bytes: text.as_bytes(), at: 0, nodes: Vec::new(), open: Vec::new(), duplicates: Vec::new() };
    if text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    reader.run()?;
    Ok(Table { nodes: reader.nodes, duplicates: reader.duplicates })
}

/// The characters of a string token, quotes included, that was read before.
pub(super) fn unescape(token: &str) -> Cow<'_, str> {
    let raw = token.get(1..token.len().saturating_sub(1)).unwrap_or("");
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (character, used) = escaped(&rest.as_bytes()[at..]).unwrap_or((char::REPLACEMENT_CHARACTER, 2));
        text.push(character);
        rest = rest.get(at + used..).unwrap_or("");
    }
    text.push_str(rest);
    Cow::Owned(text)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// Indices of the open containers.
    open: Vec<u32>,
    duplicates: Vec<(usize, usize)>,
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        let mut expect = Expect::Value;
        loop {
            self.skip_space();
            let Some(&byte) = self.bytes.get(self.at) else {
                if expect == Expect::After && self.open.is_empty() {
                    return Ok(());
                }
                return Err(self.ended());
            };
            expect = match (expect, byte) {
                (Expect::ItemOrEnd, b']') | (Expect::KeyOrEnd, b'}') => self.close(),
                (Expect::Value | Expect::ItemOrEnd, _) => self.value(byte)?,
                (Expect::Key | Expect::KeyOrEnd, b'"') => {
                    self.string()?;
                    self.skip_space();
                    match self.bytes.get(self.at) {
                        Some(b':') => self.at += 1,
                        Some(_) => return Err(self.expected("`:` after the key", None)),
                        None => return Err(self.ended()),
                    }
                    Expect::Value
                }
                (Expect::Key, b'}') => return Err(self.expected("a key in double quotes", Some(TRAILING_COMMA))),
                (Expect::Key | Expect::KeyOrEnd, _) => {
                    return Err(self.expected("a key in double quotes", hint(&self.bytes[self.at..])));
                }
                (Expect::After, _) => self.after(byte)?,
            };
        }
    }

    /// What stands after a value.
    fn after(&mut self, byte: u8) -> Result<Expect, Fault> {
        let Some(&container) = self.open.last() else {
            return Err(self.expected("nothing after the value", Some("remove what follows, or give one model a file")));
        };
        let is_object = self.bytes[self.nodes[container as usize].start as usize] == b'{';
        match byte {
            b',' => {
                self.at += 1;
                Ok(if is_object { Expect::Key } else { Expect::Value })
            }
            b'}' if is_object => Ok(self.close()),
            b']' if !is_object => Ok(self.close()),
            _ if is_object => Err(self.expected("`,` or `}`", hint(&self.bytes[self.at..]))),
            _ => Err(self.expected("`,` or `]`", hint(&self.bytes[self.at..]))),
        }
    }

    fn value(&mut self, byte: u8) -> Result<Expect, Fault> {
        match byte {
            b'{' | b'[' => {
                if self.open.len() >= MAX_DEPTH {
                    return Err(Fault { at: self.at, kind: FaultKind::TooDeep });
                }
                self.open.push(self.nodes.len() as u32);
                self.nodes.push(Node { start: self.at as u32, tail: 0 });
                self.at += 1;
                return Ok(if byte == b'{' { Expect::KeyOrEnd } else { Expect::ItemOrEnd });
            }
            b'"' => self.string()?,
            b'-' if self.bytes[self.at + 1..].first() == Some(&b'I') => self.word("-Infinity")?,
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            b'N' if !self.bytes[self.at..].starts_with(b"None") => self.word("NaN")?,
            b'I' => self.word("Infinity")?,
            b']' | b'}' if self.bytes[..self.at].trim_ascii_end().last() == Some(&b',') => {
                return Err(self.expected("a value", Some(TRAILING_COMMA)));
            }
            _ => return Err(self.expected("a value", hint(&self.bytes[self.at..]))),
        }
        Ok(Expect::After)
    }

    fn word(&mut self, word: &'static str) -> Result<(), Fault> {
        let rest = &self.bytes[self.at..];
        let ends = !rest.get(word.len()).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if rest.starts_with(word.as_bytes()) && ends {
            self.leaf(self.at + word.len());
            return Ok(());
        }
        if word.as_bytes().starts_with(rest) {
            self.at = self.bytes.len();
            return Err(self.ended());
        }
        Err(self.expected("a value", hint(rest)))
    }

    /// `-? (0 | [1-9][0-9]*) (\. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Result<(), Fault> {
        let mut at = self.at;
        if self.bytes[at] == b'-' {
            at += 1;
        }
        let leading_zero = self.bytes.get(at) == Some(&b'0');
        let whole = self.digits(at)?;
        if leading_zero && whole > at + 1 {
            return Err(self.expected("a number without leading zeros", None));
        }
        at = whole;
        if self.bytes.get(at) == Some(&b'.') {
            at = self.digits(at + 1)?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(at) {
            at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(at) {
                at += 1;
            }
            at = self.digits(at)?;
        }
        self.leaf(at);
        Ok(())
    }

    fn digits(&mut self, from: usize) -> Result<usize, Fault> {
        let count = self.bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            self.at = from;
            return Err(if from >= self.bytes.len() { self.ended() } else { self.expected("a digit", None) });
        }
        Ok(from + count)
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        match scan_string(self.bytes, start) {
            Ok(end) => {
                self.leaf(end);
                Ok(())
            }
            Err((at, None)) => Err(Fault { at, kind: FaultKind::Ended { opened: Some(start) } }),
            Err((at, Some(expected))) => Err(Fault { at, kind: FaultKind::Expected(expected, None) }),
        }
    }

    fn leaf(&mut self, end: usize) {
        self.nodes.push(Node { start: self.at as u32, tail: end as u32 });
        self.at = end;
    }

    fn close(&mut self) -> Expect {
        self.at += 1;
        if let Some(container) = self.open.pop() {
            let tail = self.nodes.len() as u32;
            let node = &mut self.nodes[container as usize];
            node.tail = tail;
            if self.bytes[node.start as usize] == b'{' {
                self.find_duplicates(container as usize);
            }
        }
        Expect::After
    }

    fn find_duplicates(&mut self, container: usize) {
        let end = self.nodes[container].tail as usize;
        let mut keys: Vec<u32> = Vec::new();
        let mut at = container + 1;
        while at < end {
            keys.push(at as u32);
            at = self.after_node(at + 1);
        }
        // By text, then by position: of equal keys the earlier stands first.
        keys.sort_by(|&a, &b| self.key(a).cmp(&self.key(b)).then(a.cmp(&b)));
        for pair in keys.windows(2) {
            if self.duplicates.len() < MAX_DUPLICATES && self.key(pair[0]) == self.key(pair[1]) {
                let start = |node: u32| self.nodes[node as usize].start as usize;
                self.duplicates.push((start(pair[0]), start(pair[1])));
            }
        }
    }

    fn key(&self, node: u32) -> Cow<'_, str> {
        let node = self.nodes[node as usize];
        // A key is a whole token of a text that was UTF-8.
        unescape(std::str::from_utf8(&self.bytes[node.start as usize..node.tail as usize]).unwrap_or(""))
    }

    fn after_node(&self, node: usize) -> usize {
        match self.bytes[self.nodes[node].start as usize] {
            b'{' | b'[' => self.nodes[node].tail as usize,
            _ => node + 1,
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn expected(&self, what: &'static str, help: Option<&'static str>) -> Fault {
        Fault { at: self.at, kind: FaultKind::Expected(what, help) }
    }

    fn ended(&self) -> Fault {
        let opened = self.open.last().map(|&node| self.nodes[node as usize].start as usize);
        Fault { at: self.bytes.len(), kind: FaultKind::Ended { opened } }
    }
}

const TRAILING_COMMA: &str = "remove the comma after the last item";

/// What is probably meant by something that is not JSON.
fn hint(rest: &[u8]) -> Option<&'static str> {
    const HINTS: &[(&[u8], &str)] = &[
        (b"'", "put keys and strings in double quotes"),
        (b"//", "remove the comment: JSON has none"),
        (b"/*", "remove the comment: JSON has none"),
        (b"#", "remove the comment: JSON has none"),
        (b"None", "write `null`; Python's `json.dumps` does, `str` does not"),
        (b"True", "write `true`; Python's `json.dumps` does, `str` does not"),
        (b"False", "write `false`; Python's `json.dumps` does, `str` does not"),
        (b"array(", "call `.tolist()` on NumPy arrays before `json.dumps`"),
        (b"nan", "write `null`, or `NaN` as Python's `json.dumps` does"),
        (b".", "write a digit before the point"),
        (b"+", "leave out the plus sign"),
        (b":", "put `,` between items; in an object, a key and a value"),
        (b"\"", "put `,` between items"),
    ];
    HINTS.iter().find(|(text, _)| rest.starts_with(text)).map(|&(_, help)| help)
}

/// The end of the string at `start`, or where it is wrong and what was expected there (`None`: the text ended).
fn scan_string(bytes: &[u8], start: usize) -> Result<usize, (usize, Option<&'static str>)> {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            None => return Err((bytes.len(), None)),
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match escaped(&bytes[at..]) {
                Ok((_, used)) => at += used,
                Err(None) => return Err((bytes.len(), None)),
                Err(Some(what)) => return Err((at, Some(what))),
            },
            Some(0..=0x1f) => return Err((at, Some("an escape such as `\\n` for a control character"))),
            Some(_) => at += 1,
        }
    }
}

/// The character of the escape that `bytes` begins with and the number of bytes it takes; `Err(None)`: the text ended.
fn escaped(bytes: &[u8]) -> Result<(char, usize), Option<&'static str>> {
    let simple = match bytes.get(1).ok_or(None)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = hex4(&bytes[2..])?;
            if let Some(character) = char::from_u32(first) {
                return Ok((character, 6));
            }
            const LONE: &str = "both halves of a surrogate pair";
            if first >= 0xdc00 {
                return Err(Some(LONE));
            }
            match (bytes.get(6), bytes.get(7)) {
                (Some(b'\\'), Some(b'u')) => {}
                (None, _) | (Some(b'\\'), None) => return Err(None),
                _ => return Err(Some(LONE)),
            }
            let second = hex4(&bytes[8..])?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(Some(LONE));
            }
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return char::from_u32(code).map(|character| (character, 12)).ok_or(Some(LONE));
        }
        _ => return Err(Some("one of the escapes `\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000`")),
    };
    Ok((simple, 2))
}

fn hex4(bytes: &[u8]) -> Result<u32, Option<&'static str>> {
    let mut code = 0;
    for index in 0..4 {
        let digit = char::from(*bytes.get(index).ok_or(None)?).to_digit(16).ok_or(Some("four hexadecimal digits"))?;
        code = code * 16 + digit;
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Report, Sources};
    use crate::load::json::{Json, Kind, parse};
    use proptest::prelude::*;

    /// The same value as serde_json reads it.
    fn agrees(json: Json<'_>, value: &serde_json::Value) -> bool {
        match (json.kind(), value) {
            (Kind::Null, serde_json::Value::Null) => true,
            (Kind::Boolean, serde_json::Value::Bool(flag)) => json.boolean() == Some(*flag),
            (Kind::Number, serde_json::Value::Number(number)) => {
                json.number().map(f64::to_bits) == number.as_f64().map(f64::to_bits)
                    && json.integer() == number.as_i64()
                    || number.as_f64() == Some(0.0)
            }
            (Kind::Text, serde_json::Value::String(text)) => json.text().as_deref() == Some(text),
            (Kind::Array, serde_json::Value::Array(items)) => {
                json.items().count() == items.len() && json.items().zip(items).all(|(a, b)| agrees(a, b))
            }
            (Kind::Object, serde_json::Value::Object(members)) => {
                json.members().count() == members.len()
                    && json.members().all(|(key, value)| {
                        let key = key.text().unwrap();
                        agrees(value, &members[key.as_ref()]) && json.get(&key).is_some()
                    })
            }
            _ => false,
        }
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(".{0,4}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn with<T>(text: &str, check: impl FnOnce(Json<'_>) -> T) -> T {
        let mut sources = Sources::new();
        let source = sources.add("x", text);
        let mut report = Report::new();
        let document = parse(&sources, source, &mut report).unwrap_or_else(|_| panic!("{text}: {report:?}"));
        check(document.root())
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_reads(value in value(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert!(with(&text, |root| agrees(root, &value)), "{}", text);
        }

        /// Texts of JSON's own characters are accepted by both or by neither, the tokens beyond JSON aside.
        #[test]
        fn accepts_what_serde_json_accepts(text in r#"[\[\]{},: "\\0-9eE+.truefalsn-]{0,12}"#) {
            let ours = read(&text).map(|table| table.duplicates.is_empty());
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            let too_large = theirs.as_ref().err().is_some_and(|error| error.to_string().contains("out of range"));
            prop_assume!(!too_large && ours != Ok(false));
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{} {:?}", text, theirs);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}", cut in 0usize..60) {
            let _ = read(&text);
            let json = r#"{"a": [1.5e3, "é\u00e9", {"b": null}], "c": true}"#;
            let cut = (0..=cut.min(json.len())).rev().find(|at| json.is_char_boundary(*at)).unwrap_or(0);
            let _ = read(&json[..cut]);
        }
    }

    #[test]
    fn pointers_lead_to_the_value() {
        with(r#"{"a/b": [1, {"c~": [true, "x"]}], "d": null}"#, |root| {
            let inner = root.get("a/b").unwrap().items().nth(1).unwrap().get("c~").unwrap();
            assert_eq!(inner.items().nth(1).unwrap().pointer(), "/a~1b/1/c~0/1");
            assert_eq!(root.members().nth(1).unwrap().0.pointer(), "/d");
            assert_eq!(root.pointer(), "");
        });
    }

    #[test]
    fn python_s_tokens_are_numbers() {
        with("\u{feff}[NaN, Infinity, -Infinity, -1]", |root| {
            let numbers: Vec<f64> = root.items().filter_map(Json::number).collect();
            assert!(numbers[0].is_nan() && numbers[1..] == [f64::INFINITY, f64::NEG_INFINITY, -1.0]);
        });
        assert!(read("[NaNa]").is_err() && read("[None]").is_err() && read("nul").is_err());
    }

    #[test]
    fn deep_nesting_is_refused_without_recursion() {
        for text in
            ["[".repeat(100_000), format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "{\"a\":".repeat(100_000)]
        {
            assert_eq!(read(&text).unwrap_err().kind, FaultKind::TooDeep);
        }
        assert!(read(&format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH))).is_ok());
    }

    /// Eight bytes a value and nothing else.
    #[test]
    fn the_table_is_compact() {
        let text = format!("[{}0]", "0,".repeat(100_000));
        let table = read(&text).unwrap();
        assert_eq!((table.nodes.len(), size_of::<Node>()), (100_002, 8));
    }
}
