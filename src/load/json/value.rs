//! Values of a JSON text, with their places: a handle of two words into the table of [`super::read`].

use super::read::{self, Table};
use crate::diag::{Place, SourceId};
use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

/// A JSON text that was read.
#[derive(Debug)]
pub struct Document<'a> {
    text: &'a str,
    source: SourceId,
    table: Table,
    /// The way to the value whose pointer was asked for last.
    trail: RefCell<Vec<Step>>,
}

/// A child of a container: its first node, and how many stand before it.
#[derive(Clone, Copy, Debug)]
struct Step {
    container: u32,
    child: u32,
    index: usize,
}

impl<'a> Document<'a> {
    pub(super) fn new(text: &'a str, source: SourceId, table: Table) -> Self {
        Document { text, source, table, trail: RefCell::default() }
    }

    /// The outermost value.
    pub fn root(&self) -> Json<'_> {
        Json { document: self, node: 0 }
    }

    pub(super) fn duplicates(&self) -> &[(usize, usize)] {
        &self.table.duplicates
    }

    /// The place of the key that begins here.
    pub(super) fn key_place(&self, start: usize) -> (Place, Cow<'_, str>) {
        let node = self.table.nodes.partition_point(|node| (node.start as usize) < start);
        let key = Json { document: self, node: node as u32 };
        (key.place(), key.text().unwrap_or(Cow::Borrowed("")))
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{}`
    Object,
    /// `[]`
    Array,
    /// `""`
    Text,
    /// A number token, or `NaN`, `Infinity`, `-Infinity`.
    Number,
    /// `true` or `false`
    Boolean,
    /// `null`
    Null,
}

/// A value, or a key, of a [`Document`].
#[derive(Clone, Copy, Debug)]
pub struct Json<'a> {
    document: &'a Document<'a>,
    node: u32,
}

impl<'a> Json<'a> {
    /// What it is.
    pub fn kind(self) -> Kind {
        match self.document.text.as_bytes()[self.start()] {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::Text,
            b't' | b'f' => Kind::Boolean,
            b'n' => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The number as it is written.
    pub fn number_text(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then(|| &self.document.text[self.span()])
    }

    /// The number, correctly rounded; one too large for a double is infinite.
    pub fn number(self) -> Option<f64> {
        match self.number_text()? {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        }
    }

    /// The number, if it is written as an integer of 64 bits.
    pub fn integer(self) -> Option<i64> {
        self.number_text()?.parse().ok()
    }

    /// The characters of a string.
    pub fn text(self) -> Option<Cow<'a, str>> {
        (self.kind() == Kind::Text).then(|| read::unescape(&self.document.text[self.span()]))
    }

    /// `true` or `false`.
    pub fn boolean(self) -> Option<bool> {
        (self.kind() == Kind::Boolean).then(|| self.document.text.as_bytes()[self.start()] == b't')
    }

    /// The items of an array; none of anything else.
    pub fn items(self) -> Items<'a> {
        let contents = if self.kind() == Kind::Array { self.contents() } else { 0..0 };
        Items { document: self.document, contents }
    }

    /// The members of an object, key and value; none of anything else.
    pub fn members(self) -> Members<'a> {
        let contents = if self.kind() == Kind::Object { self.contents() } else { 0..0 };
        Members(Items { document: self.document, contents })
    }

    /// The value of this key of an object.
    pub fn get(self, key: &str) -> Option<Json<'a>> {
        self.members().find(|(name, _)| name.text().as_deref() == Some(key)).map(|(_, value)| value)
    }

    /// Where it stands: span and JSON pointer. The span of a container is its opening bracket.
    pub fn place(self) -> Place {
        let span = match self.kind() {
            Kind::Object | Kind::Array => self.start()..self.start() + 1,
            _ => self.span(),
        };
        Place::span(self.document.source, span).with_path(self.pointer())
    }

    /// A place inside a string, as a range of its characters' bytes. Escapes make it the whole string.
    pub fn place_in_text(self, range: Range<usize>) -> Place {
        let token = self.span();
        let inside = token.start + 1 + range.start..token.start + 1 + range.end;
        if self.document.text[token].contains('\\') || inside.end >= self.span().end {
            return self.place();
        }
        Place::span(self.document.source, inside).with_path(self.pointer())
    }

    /// The path from the outermost value (RFC 6901); of a key, the path of its value.
    ///
    /// Asked for values in their order, it costs no more than their depth: in each container on the way, the search goes on
    /// where the last one ended.
    pub fn pointer(self) -> String {
        let mut path = String::new();
        let mut trail = self.document.trail.borrow_mut();
        let mut at = self.document.root();
        let mut depth = 0;
        while at.node != self.node {
            let contents = at.contents();
            let is_object = at.kind() == Kind::Object;
            let known = trail.get(depth).copied().filter(|step| step.container == at.node && step.child <= self.node);
            let mut step = known.unwrap_or(Step { container: at.node, child: contents.start, index: 0 });
            let child = loop {
                if step.child >= contents.end {
                    return path;
                }
                let value = Json { document: self.document, node: step.child + u32::from(is_object) };
                if self.node < value.next() {
                    break value;
                }
                (step.child, step.index) = (value.next(), step.index + 1);
            };
            // Deeper steps stay: each says of which container it is.
            match trail.get_mut(depth) {
                Some(known) => *known = step,
                None => trail.push(step),
            }
            depth += 1;
            path.push('/');
            if !is_object {
                path.push_str(&step.index.to_string());
                at = child;
                continue;
            }
            let key = Json { document: self.document, node: step.child };
            path.push_str(&key.text().unwrap_or_default().replace('~', "~0").replace('/', "~1"));
            if self.node == key.node {
                return path;
            }
            at = child;
        }
        path
    }

    /// What was found, for a message: `` `12.5` ``, `a string`, `an array of 3`.
    pub fn found(self) -> String {
        match self.kind() {
            Kind::Object => match self.members().count() {
                0 => "an empty object".into(),
                _ => "an object".into(),
            },
            Kind::Array => match self.items().count() {
                0 => "an empty array".into(),
                1 => "an array of 1 item".into(),
                count => format!("an array of {count} items"),
            },
            Kind::Text => {
                let text = self.text().unwrap_or_default();
                match text.chars().count() {
                    0..=40 => format!("the string `{text}`"),
                    _ => format!("the string `{}…`", text.chars().take(40).collect::<String>()),
                }
            }
            Kind::Number if self.span().len() > 40 => "a number".into(),
            _ => format!("`{}`", &self.document.text[self.span()]),
        }
    }

    fn start(self) -> usize {
        self.document.table.nodes[self.node as usize].start as usize
    }

    /// Of a scalar.
    fn span(self) -> Range<usize> {
        let node = self.document.table.nodes[self.node as usize];
        node.start as usize..node.tail as usize
    }

    /// Of a container.
    fn contents(self) -> Range<u32> {
        self.node + 1..self.document.table.nodes[self.node as usize].tail
    }

    /// The node after this value.
    fn next(self) -> u32 {
        match self.kind() {
            Kind::Object | Kind::Array => self.document.table.nodes[self.node as usize].tail,
            _ => self.node + 1,
        }
    }
}

/// See [`Json::items`].
#[derive(Clone, Debug)]
pub struct Items<'a> {
    document: &'a Document<'a>,
    contents: Range<u32>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        if self.contents.is_empty() {
            return None;
        }
        let item = Json { document: self.document, node: self.contents.start };
        self.contents.start = item.next();
        Some(item)
    }
}

/// See [`Json::members`].
#[derive(Clone, Debug)]
pub struct Members<'a>(Items<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Json<'a>, Json<'a>);

    fn next(&mut self) -> Option<(Json<'a>, Json<'a>)> {
        Some((self.0.next()?, self.0.next()?))
    }
}
