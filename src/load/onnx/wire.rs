//! The protobuf wire format, read without recursion: a check of the whole file before any parser sees it, and an
//! iterator over the fields of one message.
//!
//! The protobuf crate that the ONNX messages are tied to follows groups by recursion without a bound
//! (RUSTSEC-2024-0437), so that a file of 400 KB can abort the process. ONNX has no groups: [`check`] refuses them, and
//! also what no writer of ONNX produces: lengths past the end of their message, nesting deeper than [`MAX_DEPTH`], and
//! more messages than a file of that size can sensibly hold (a message of two bytes takes hundreds in memory).
//! A field whose number the schema does not know is skipped as opaque bytes, as the parser will do.

/// How deep messages may be nested. Models without subgraphs need 7.
pub const MAX_DEPTH: usize = 24;

/// Messages that a file of any size may hold; beyond, one for every sixteen bytes.
const FREE_MESSAGES: usize = 20_000;

/// What is wrong with a file, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset from the start of the file.
    pub offset: usize,
    /// A sentence for the reader.
    pub what: String,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1, little endian.
    Fixed64(u64),
    /// Wire type 2: text, bytes, a message or packed numbers.
    Bytes(&'a [u8]),
    /// Wire type 5, little endian.
    Fixed32(u32),
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its number in the schema.
    pub number: u32,
    /// Its value.
    pub wire: Wire<'a>,
}

/// Reads the fields of one message, one after the other. Stops after the first damage.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// The fields of this message.
    pub fn new(message: &'a [u8]) -> Self {
        Fields { bytes: message, at: 0 }
    }

    fn varint(&mut self) -> Result<u64, Damage> {
        let start = self.at;
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(damage(start, "the file ends inside a number"));
            };
            self.at += 1;
            if shift == 63 && byte > 1 {
                return Err(damage(start, "a number has more than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damage(start, "a number has more than 64 bits"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Damage> {
        let start = self.at;
        let left = self.bytes.len() - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                self.at += length;
                Ok(&self.bytes[start..start + length])
            }
            _ => Err(damage(start, format!("a field claims {length} bytes where {left} are left"))),
        }
    }

    fn field(&mut self) -> Result<Field<'a>, Damage> {
        let start = self.at;
        let tag = self.varint()?;
        let number = match u32::try_from(tag >> 3) {
            Ok(number) if (1..1 << 29).contains(&number) => number,
            _ => return Err(damage(start, format!("{} is no field number", tag >> 3))),
        };
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.take(8)?.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))),
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed32(self.take(4)?.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte))),
            3 | 4 => return Err(damage(start, "the file holds a group, which ONNX does not use")),
            other => return Err(damage(start, format!("{other} is no wire type"))),
        };
        Ok(Field { number, wire })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.at = self.bytes.len();
        }
        Some(field)
    }
}

fn damage(offset: usize, what: impl Into<String>) -> Damage {
    Damage { offset, what: what.into() }
}

/// The messages of ONNX that hold messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    ValueInfo,
    Type,
    TypeTensor,
    TypeSequence,
    TypeMap,
    Shape,
    Training,
    Function,
    Annotation,
    /// Holds numbers and texts only.
    Flat,
}

/// The kind of message that this field of a message holds; `None` for numbers, text and unknown fields.
fn child(kind: Kind, field: u32) -> Option<Kind> {
    Some(match (kind, field) {
        (Kind::Model, 7) => Kind::Graph,
        (Kind::Model, 8 | 14) => Kind::Flat,
        (Kind::Model, 20) => Kind::Training,
        (Kind::Model, 25) => Kind::Function,
        (Kind::Graph, 1) => Kind::Node,
        (Kind::Graph, 5) => Kind::Tensor,
        (Kind::Graph, 11..=13) => Kind::ValueInfo,
        (Kind::Graph, 14) => Kind::Annotation,
        (Kind::Graph, 15) => Kind::SparseTensor,
        (Kind::Graph, 16) => Kind::Flat,
        (Kind::Node, 5) => Kind::Attribute,
        (Kind::Node, 9) => Kind::Flat,
        (Kind::Attribute, 5 | 10) => Kind::Tensor,
        (Kind::Attribute, 6 | 11) => Kind::Graph,
        (Kind::Attribute, 14 | 15) => Kind::Type,
        (Kind::Attribute, 22 | 23) => Kind::SparseTensor,
        (Kind::Tensor, 3 | 13 | 16) => Kind::Flat,
        (Kind::SparseTensor, 1 | 2) => Kind::Tensor,
        (Kind::ValueInfo, 2) => Kind::Type,
        (Kind::ValueInfo, 4) => Kind::Flat,
        (Kind::Type, 1 | 8) => Kind::TypeTensor,
        (Kind::Type, 4 | 9) => Kind::TypeSequence,
        (Kind::Type, 5) => Kind::TypeMap,
        (Kind::TypeTensor, 2) => Kind::Shape,
        (Kind::TypeSequence, 1) | (Kind::TypeMap, 2) => Kind::Type,
        (Kind::Shape, 1) => Kind::Flat,
        (Kind::Training, 1 | 2) => Kind::Graph,
        (Kind::Training, 3 | 4) => Kind::Flat,
        (Kind::Function, 7) => Kind::Node,
        (Kind::Function, 9 | 14) => Kind::Flat,
        (Kind::Function, 11) => Kind::Attribute,
        (Kind::Function, 12) => Kind::ValueInfo,
        (Kind::Annotation, 2) => Kind::Flat,
        _ => return None,
    })
}

/// Walks all messages of an ONNX model. `Ok` means that parsing it terminates without deep recursion and in memory
/// proportional to its size.
pub fn check(model: &[u8]) -> Result<(), Damage> {
    let allowed = FREE_MESSAGES + model.len() / 16;
    let mut messages = 0usize;
    // offset of the message in the file, its kind, the rest of its fields
    let mut stack = vec![(0usize, Kind::Model, Fields::new(model))];
    while let Some((base, kind, fields)) = stack.last_mut() {
        let (base, kind) = (*base, *kind);
        let Some(field) = fields.next() else {
            stack.pop();
            continue;
        };
        let field = field.map_err(|found| Damage { offset: base + found.offset, ..found })?;
        let end = base + fields.at;
        let Some(inner) = child(kind, field.number) else { continue };
        let Wire::Bytes(message) = field.wire else {
            return Err(damage(end, format!("field {} holds a number where a message is expected", field.number)));
        };
        messages += 1;
        if messages > allowed {
            return Err(damage(end, format!("the file holds more than {allowed} messages, too many for its size")));
        }
        if stack.len() >= MAX_DEPTH {
            return Err(damage(end, format!("messages are nested deeper than {MAX_DEPTH}")));
        }
        stack.push((end - message.len(), inner, Fields::new(message)));
    }
    Ok(())
}

/// Whether the bytes look like an ONNX model: they start as a protobuf message whose first fields are a model's, and a
/// graph follows.
pub fn sniff(bytes: &[u8]) -> bool {
    let mut graph = false;
    let mut version = false;
    for field in Fields::new(bytes) {
        let Ok(field) = field else { return graph && version };
        match (field.number, field.wire) {
            (1, Wire::Varint(1..=255)) => version = true,
            (7, Wire::Bytes(_)) => graph = true,
            (2 | 3 | 4 | 6 | 8 | 14 | 20 | 25 | 26, Wire::Bytes(_)) | (5, Wire::Varint(_)) => {}
            _ => return false,
        }
        if graph && version {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A message with one field of this number around `inner`.
    fn wrap(number: u8, inner: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut length = inner.len();
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(inner);
        out
    }

    #[test]
    fn groups_are_refused_wherever_they_are_read() {
        assert!(check(&[0x0b, 0x0c]).unwrap_err().what.contains("group"));
        let nested = vec![0x0b; 400_000];
        assert!(check(&nested).unwrap_err().what.contains("group"));
        assert!(check(&wrap(7, &nested)).unwrap_err().what.contains("group"));
        assert_eq!(check(&wrap(7, &wrap(1, &[0x0b, 0x0c]))).unwrap_err().offset, 4);
    }

    #[test]
    fn nesting_is_bounded() {
        // graph → node → attribute → graph …
        let mut message = Vec::new();
        for _ in 0..200 {
            message = wrap(1, &wrap(5, &wrap(6, &message)));
        }
        assert!(check(&wrap(7, &message)).unwrap_err().what.contains("nested deeper"));
        let shallow = wrap(7, &wrap(1, &wrap(5, &wrap(6, &wrap(1, &[])))));
        assert_eq!(check(&shallow), Ok(()));
    }

    #[test]
    fn lengths_must_fit() {
        assert!(check(&[0x3a, 0x05, 0x00]).unwrap_err().what.contains("5 bytes where 1 are left"));
        assert!(check(&[0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).is_err());
        assert!(check(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).is_err());
        assert!(check(&[0x08, 0x80]).unwrap_err().what.contains("ends inside"));
        assert!(check(&[0x38, 0x01]).unwrap_err().what.contains("a number where a message"));
    }

    #[test]
    fn a_crowd_of_empty_messages_is_refused() {
        let crowd: Vec<u8> = [0x0a, 0x00].repeat(30_000);
        assert!(check(&wrap(7, &crowd)).unwrap_err().what.contains("too many"));
    }

    #[test]
    fn sniffing_wants_a_version_and_a_graph() {
        assert!(sniff(&[0x08, 0x08, 0x3a, 0x00]));
        assert!(!sniff(&[0x08, 0x08]));
        assert!(!sniff(b"{\"coef_\": [1]}"));
        assert!(!sniff(b""));
        assert!(!sniff(b"\x80\x04\x95pickle"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_checked_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = check(&bytes);
            let _ = sniff(&bytes);
        }

        #[test]
        fn what_passes_is_parsed_by_the_library_or_refused_by_it(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            use onnx_protobuf::Message;
            if check(&bytes).is_ok() {
                let _ = onnx_protobuf::ModelProto::parse_from_bytes(&bytes);
            }
        }
    }
}
