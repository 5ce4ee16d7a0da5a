//! One node of the file: its attributes, read by name and type, and the words for what is wrong with it.
//!
//! A loader asks for each attribute that it understands. What it did not ask for is an error afterwards
//! ([`Attributes::unread`]): an attribute that is passed over in silence is a model that is computed wrongly. The
//! protobuf crate's own `as_value` is not used; it panics on malformed attributes.

use super::tensor::{Array, TensorView};
use crate::diag::codes::onnx as codes;
use crate::diag::{Code, Diagnostic};
use onnx_protobuf::{AttributeProto, Message};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// A finding about a node, not placed yet.
pub type Refused = Box<Diagnostic>;

/// A finding with this code.
pub fn refuse(code: &'static Code, message: impl Into<String>) -> Refused {
    Box::new(Diagnostic::new(code, message))
}

/// A finding with this code and what to do.
pub fn refuse_with(code: &'static Code, message: impl Into<String>, help: &str) -> Refused {
    Box::new(Diagnostic::new(code, message).help(help))
}

/// The attributes of a node and which of them were asked for.
#[derive(Debug)]
pub struct Attributes<'n> {
    all: &'n [AttributeProto],
    read: RefCell<BTreeSet<&'n str>>,
}

/// The numbers of `AttributeProto.AttributeType` that occur, with their names.
static TYPES: &[(i32, &str)] =
    &[(1, "FLOAT"), (2, "INT"), (3, "STRING"), (4, "TENSOR"), (6, "FLOATS"), (7, "INTS"), (8, "STRINGS")];

impl<'n> Attributes<'n> {
    /// Of this node.
    pub fn new(all: &'n [AttributeProto]) -> Self {
        Attributes { all, read: RefCell::new(BTreeSet::new()) }
    }

    /// Finds an attribute of this type. Files of the first ONNX versions leave the type out.
    fn find(&self, name: &str, ty: i32) -> Result<Option<&'n AttributeProto>, Refused> {
        let mut found = self.all.iter().filter(|attribute| attribute.name == name);
        let Some(attribute) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(refuse(&codes::ATTRIBUTE, format!("the attribute `{name}` stands twice")));
        }
        self.read.borrow_mut().insert(attribute.name.as_str());
        if !attribute.ref_attr_name.is_empty() {
            return Err(refuse(
                &codes::ATTRIBUTE,
                format!(
                    "the attribute `{name}` refers to an attribute of a function, which only a function's node may"
                ),
            ));
        }
        let declared = attribute.type_.value();
        if declared != ty && declared != 0 {
            let word = |number: i32| {
                TYPES.iter().find(|entry| entry.0 == number).map_or_else(|| number.to_string(), |e| e.1.to_owned())
            };
            return Err(refuse(
                &codes::ATTRIBUTE,
                format!("the attribute `{name}` has type {}, expected {}", word(declared), word(ty)),
            ));
        }
        Ok(Some(attribute))
    }

    /// Whether the node has an attribute of this name, without counting as reading it.
    pub fn has(&self, name: &str) -> bool {
        self.all.iter().any(|attribute| attribute.name == name)
    }

    /// An INT, or `default`.
    pub fn int(&self, name: &str, default: i64) -> Result<i64, Refused> {
        Ok(self.find(name, 2)?.map_or(default, |attribute| attribute.i))
    }

    /// An INT that must be there.
    pub fn need_int(&self, name: &str) -> Result<i64, Refused> {
        self.find(name, 2)?.map(|attribute| attribute.i).ok_or_else(|| missing(name))
    }

    /// An INT that is 0 or 1.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Refused> {
        Ok(self.int(name, i64::from(default))? != 0)
    }

    /// A FLOAT, widened, or `default`.
    pub fn float(&self, name: &str, default: f64) -> Result<f64, Refused> {
        Ok(self.find(name, 1)?.map_or(default, |attribute| f64::from(attribute.f)))
    }

    /// A STRING, or `default`.
    pub fn string(&self, name: &str, default: &str) -> Result<String, Refused> {
        match self.find(name, 3)? {
            None => Ok(default.to_owned()),
            Some(attribute) => text(name, &attribute.s),
        }
    }

    /// INTS, empty if not there.
    pub fn ints(&self, name: &str) -> Result<Vec<i64>, Refused> {
        Ok(self.find(name, 7)?.map_or_else(Vec::new, |attribute| attribute.ints.clone()))
    }

    /// INTS, if there.
    pub fn ints_maybe(&self, name: &str) -> Result<Option<Vec<i64>>, Refused> {
        Ok(self.find(name, 7)?.map(|attribute| attribute.ints.clone()))
    }

    /// FLOATS, widened, empty if not there.
    pub fn floats(&self, name: &str) -> Result<Vec<f64>, Refused> {
        Ok(self
            .find(name, 6)?
            .map_or_else(Vec::new, |attribute| attribute.floats.iter().map(|&value| f64::from(value)).collect()))
    }

    /// STRINGS, empty if not there.
    pub fn strings(&self, name: &str) -> Result<Vec<String>, Refused> {
        match self.find(name, 8)? {
            None => Ok(Vec::new()),
            Some(attribute) => attribute.strings.iter().map(|bytes| text(name, bytes)).collect(),
        }
    }

    /// A TENSOR, if there.
    pub fn tensor(&self, name: &str) -> Result<Option<Array<'static>>, Refused> {
        let Some(attribute) = self.find(name, 4)? else { return Ok(None) };
        let Some(tensor) = attribute.t.0.as_ref() else { return Err(missing(name)) };
        let bad = |what: String| refuse(&codes::TENSOR, format!("the tensor in the attribute `{name}`: {what}"));
        let bytes = tensor.write_to_bytes().map_err(|error| bad(error.to_string()))?;
        let view = TensorView::read(&bytes).map_err(|damage| bad(damage.what))?;
        view.array().map(Array::into_owned).map(Some).map_err(bad)
    }

    /// Marks an attribute as understood though it changes nothing.
    pub fn ignore(&self, name: &str) {
        if let Some(attribute) = self.all.iter().find(|attribute| attribute.name == name) {
            self.read.borrow_mut().insert(attribute.name.as_str());
        }
    }

    /// The attributes that nobody asked for.
    pub fn unread(&self) -> Vec<&'n str> {
        let read = self.read.borrow();
        let mut names: Vec<&str> =
            self.all.iter().map(|a| a.name.as_str()).filter(|name| !read.contains(name)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn missing(name: &str) -> Refused {
    refuse(&codes::ATTRIBUTE, format!("the attribute `{name}` is missing"))
}

fn text(name: &str, bytes: &[u8]) -> Result<String, Refused> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| refuse(&codes::ATTRIBUTE, format!("the attribute `{name}` is not UTF-8 text")))
}
