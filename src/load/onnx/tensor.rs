//! Tensors: element types, views into the file, and the arrays that constants are computed with.
//!
//! Every element type that ONNX files carry is read, from `raw_data` and from the typed fields. Numbers are held as
//! binary64 or as 64-bit integers with the type beside them; [`Type::round`] keeps values inside the type, so that
//! constants fold as the runtime computes them.

use super::types::{Type, half_to_f64};
use super::wire::{Damage, Fields, Wire};
use std::borrow::Cow;

/// Where the elements of a tensor of the file are.
#[derive(Clone, Debug, PartialEq)]
enum Payload<'a> {
    Raw(&'a [u8]),
    /// The typed field of this number, as packed numbers.
    Packed(u32, Cow<'a, [u8]>),
    Texts(Vec<&'a [u8]>),
    /// Key and value pairs that say where in another file.
    External(Vec<(String, String)>),
}

/// A tensor of the file, its elements not read yet.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorView<'a> {
    /// What nodes call it.
    pub name: String,
    /// Its shape, as written.
    pub dims: Vec<i64>,
    /// Its element type, as written.
    pub data_type: i32,
    payload: Option<Payload<'a>>,
}

/// A part of a file beside the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Path relative to the model.
    pub location: String,
    /// First byte.
    pub offset: u64,
    /// Number of bytes; to the end of the file if not given.
    pub length: Option<u64>,
}

impl<'a> TensorView<'a> {
    /// Finds the parts of a `TensorProto`.
    pub fn read(message: &'a [u8]) -> Result<Self, Damage> {
        let mut view = TensorView { name: String::new(), dims: Vec::new(), data_type: 0, payload: None };
        let (mut external, mut outside) = (Vec::new(), false);
        for field in Fields::new(message) {
            let field = field?;
            match (field.number, field.wire) {
                (1, Wire::Varint(value)) => view.dims.push(value as i64),
                (1, Wire::Bytes(packed)) => view.dims.extend(varints(packed)?.map(|value| value as i64)),
                (2, Wire::Varint(value)) => view.data_type = value as i32,
                (6, Wire::Bytes(text)) => match &mut view.payload {
                    Some(Payload::Texts(texts)) => texts.push(text),
                    _ => view.payload = Some(Payload::Texts(vec![text])),
                },
                (8, Wire::Bytes(text)) => view.name = String::from_utf8_lossy(text).into_owned(),
                (9, Wire::Bytes(raw)) => view.payload = Some(Payload::Raw(raw)),
                (4 | 5 | 7 | 10 | 11, Wire::Bytes(packed)) => view.append(field.number, Cow::Borrowed(packed)),
                (4, Wire::Fixed32(bits)) => view.append(4, Cow::Owned(bits.to_le_bytes().to_vec())),
                (10, Wire::Fixed64(bits)) => view.append(10, Cow::Owned(bits.to_le_bytes().to_vec())),
                (5 | 7 | 11, Wire::Varint(value)) => view.append(field.number, Cow::Owned(varint(value))),
                (13, Wire::Bytes(entry)) => external.push(pair(entry)?),
                (14, Wire::Varint(place)) => outside = place == 1,
                (3, _) => return Err(Damage { offset: 0, what: "a tensor in segments is not supported".into() }),
                _ => {}
            }
        }
        if outside {
            view.payload = Some(Payload::External(external));
        }
        Ok(view)
    }

    /// A field may come in several pieces; one piece is borrowed.
    fn append(&mut self, number: u32, bytes: Cow<'a, [u8]>) {
        match &mut self.payload {
            Some(Payload::Packed(known, all)) if *known == number => all.to_mut().extend_from_slice(&bytes),
            _ => self.payload = Some(Payload::Packed(number, bytes)),
        }
    }

    /// Where another file holds the elements; `None` if this file does.
    pub fn external(&self) -> Result<Option<External>, String> {
        let Some(Payload::External(entries)) = &self.payload else { return Ok(None) };
        let find = |key: &str| entries.iter().find(|entry| entry.0 == key).map(|entry| entry.1.as_str());
        let number = |key: &str| match find(key) {
            None => Ok(None),
            Some(text) => {
                text.parse::<u64>().map(Some).map_err(|_| format!("the external `{key}` is `{text}`, not a number"))
            }
        };
        let Some(location) = find("location") else {
            return Err("the tensor is external, but no `location` is given".into());
        };
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        Ok(Some(External { location: location.to_owned(), offset, length }))
    }

    /// Puts the bytes of the other file in place.
    pub fn fill(&mut self, raw: &'a [u8]) {
        self.payload = Some(Payload::Raw(raw));
    }

    /// Reads the elements.
    pub fn array(&self) -> Result<Array<'a>, String> {
        let Some(ty) = Type::from_number(self.data_type) else {
            return Err(format!("element type {} is not supported", self.data_type));
        };
        let mut dims = Vec::with_capacity(self.dims.len());
        // the product without zeros too, so that products of parts of the shape cannot overflow
        let mut extent = 1usize;
        for &dim in &self.dims {
            let size = usize::try_from(dim).map_err(|_| format!("{dim} is no size of a dimension"))?;
            extent = extent.checked_mul(size.max(1)).ok_or("the shape is too large")?;
            dims.push(size);
        }
        let count = dims.iter().product();
        let data = self.data(ty, count)?;
        let found = data.len();
        if found != count {
            return Err(format!("the shape {dims:?} needs {count} elements, the tensor holds {found}"));
        }
        Ok(Array { ty, dims, data })
    }

    fn data(&self, ty: Type, count: usize) -> Result<Data<'a>, String> {
        let wrong = |field: &str| Err(format!("`{field}` cannot hold elements of type {}", ty.name()));
        let data = match (&self.payload, ty) {
            (None, Type::Text) => Data::Text(Vec::new()),
            (None, Type::Bool) => Data::Bool(Vec::new()),
            (None, _) if ty.is_integer() => Data::Int(Vec::new()),
            (None, _) => Data::Float(Floats::Owned(Vec::new())),
            (Some(Payload::External(_)), _) => return Err("the elements are in another file".into()),
            (Some(Payload::Texts(texts)), Type::Text) => {
                let mut out = Vec::with_capacity(texts.len());
                for text in texts {
                    out.push(String::from_utf8(text.to_vec()).map_err(|_| "a text is not UTF-8")?);
                }
                Data::Text(out)
            }
            (Some(Payload::Texts(_)), _) => return wrong("string_data"),
            (Some(Payload::Raw(_)), Type::Text) => return wrong("raw_data"),
            (Some(Payload::Raw(raw)), _) => {
                let bytes = count.checked_mul(ty.size()).ok_or("the shape is too large")?;
                if raw.len() != bytes {
                    return Err(format!(
                        "{count} elements of type {} need {bytes} bytes, `raw_data` has {}",
                        ty.name(),
                        raw.len()
                    ));
                }
                from_raw(ty, raw)?
            }
            (Some(Payload::Packed(4, bytes)), Type::F32) => Data::Float(match bytes {
                Cow::Borrowed(bytes) if bytes.len() % 4 == 0 => Floats::F32(bytes),
                bytes => Floats::Owned(chunks(bytes).map(|b| f64::from(f32::from_le_bytes(b))).collect()),
            }),
            (Some(Payload::Packed(10, bytes)), Type::F64) => Data::Float(match bytes {
                Cow::Borrowed(bytes) if bytes.len() % 8 == 0 => Floats::F64(bytes),
                bytes => Floats::Owned(chunks(bytes).map(f64::from_le_bytes).collect()),
            }),
            (Some(Payload::Packed(4, _)), _) => return wrong("float_data"),
            (Some(Payload::Packed(10, _)), _) => return wrong("double_data"),
            (Some(Payload::Packed(number, bytes)), _) => {
                let values = varints(bytes).map_err(|damage| damage.what)?;
                match (number, ty) {
                    (5, Type::Bool) => Data::Bool(values.map(|value| value != 0).collect()),
                    (5, Type::F16) => floats(values.map(|value| half_to_f64(value as u16))),
                    (5, Type::Bf16) => floats(values.map(|value| f64::from(f32::from_bits((value as u32) << 16)))),
                    (5, Type::I8 | Type::I16 | Type::I32 | Type::U8 | Type::U16) | (7, Type::I64) => {
                        integers(values.map(|value| value as i64), ty)?
                    }
                    (11, Type::U32 | Type::U64) => integers(values.map(|value| value as i64), ty)?,
                    (5, _) => return wrong("int32_data"),
                    (7, _) => return wrong("int64_data"),
                    _ => return wrong("uint64_data"),
                }
            }
        };
        Ok(data)
    }
}

fn floats(values: impl Iterator<Item = f64>) -> Data<'static> {
    Data::Float(Floats::Owned(values.collect()))
}

fn integers(values: impl Iterator<Item = i64>, ty: Type) -> Result<Data<'static>, String> {
    let (low, high) = ty.range().unwrap_or((i64::MIN, i64::MAX));
    let values: Vec<i64> = values.collect();
    match values.iter().find(|&&value| value < low || value > high) {
        Some(_) => Err(format!("an element lies outside of what m2ksql holds as {}", ty.name())),
        None => Ok(Data::Int(values)),
    }
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N).map(|chunk| {
        let mut out = [0; N];
        out.copy_from_slice(chunk);
        out
    })
}

fn from_raw(ty: Type, raw: &[u8]) -> Result<Data<'_>, String> {
    Ok(match ty {
        Type::F32 => Data::Float(Floats::F32(raw)),
        Type::F64 => Data::Float(Floats::F64(raw)),
        Type::F16 => floats(chunks(raw).map(|b| half_to_f64(u16::from_le_bytes(b)))),
        Type::Bf16 => floats(chunks(raw).map(|b| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)))),
        Type::Bool => Data::Bool(raw.iter().map(|&byte| byte != 0).collect()),
        Type::I8 => integers(raw.iter().map(|&byte| i64::from(byte as i8)), ty)?,
        Type::U8 => integers(raw.iter().map(|&byte| i64::from(byte)), ty)?,
        Type::I16 => integers(chunks(raw).map(|b| i64::from(i16::from_le_bytes(b))), ty)?,
        Type::U16 => integers(chunks(raw).map(|b| i64::from(u16::from_le_bytes(b))), ty)?,
        Type::I32 => integers(chunks(raw).map(|b| i64::from(i32::from_le_bytes(b))), ty)?,
        Type::U32 => integers(chunks(raw).map(|b| i64::from(u32::from_le_bytes(b))), ty)?,
        Type::I64 | Type::U64 => integers(chunks(raw).map(i64::from_le_bytes), ty)?,
        Type::Text => Data::Text(Vec::new()),
    })
}

/// A whole sequence of varints, checked before the first is handed out.
fn varints(bytes: &[u8]) -> Result<impl Iterator<Item = u64>, Damage> {
    let bad = |what: &str| Err(Damage { offset: 0, what: what.into() });
    if bytes.last().is_some_and(|byte| byte & 0x80 != 0) {
        return bad("packed numbers end inside a number");
    }
    let mut run = 0;
    for byte in bytes {
        run = if byte & 0x80 == 0 { 0 } else { run + 1 };
        if run > 9 {
            return bad("a packed number has more than 64 bits");
        }
    }
    let mut rest = bytes.iter();
    Ok(std::iter::from_fn(move || {
        let (mut value, mut shift) = (0u64, 0u32);
        loop {
            let byte = *rest.next()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
    }))
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(10);
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A `StringStringEntryProto`.
fn pair(message: &[u8]) -> Result<(String, String), Damage> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in Fields::new(message) {
        match field? {
            super::wire::Field { number: 1, wire: Wire::Bytes(text) } => {
                key = String::from_utf8_lossy(text).into_owned()
            }
            super::wire::Field { number: 2, wire: Wire::Bytes(text) } => {
                value = String::from_utf8_lossy(text).into_owned();
            }
            _ => {}
        }
    }
    Ok((key, value))
}

/// Floating-point elements: in the file, or computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Floats<'a> {
    /// Binary32, little endian, in the file.
    F32(&'a [u8]),
    /// Binary64, little endian, in the file.
    F64(&'a [u8]),
    /// Computed.
    Owned(Vec<f64>),
}

impl Floats<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Floats::F32(bytes) => bytes.len() / 4,
            Floats::F64(bytes) => bytes.len() / 8,
            Floats::Owned(values) => values.len(),
        }
    }

    /// One element, widened exactly.
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Floats::F32(bytes) => match bytes[index * 4..].first_chunk() {
                Some(&bytes) => f64::from(f32::from_le_bytes(bytes)),
                None => f64::NAN,
            },
            Floats::F64(bytes) => match bytes[index * 8..].first_chunk() {
                Some(&bytes) => f64::from_le_bytes(bytes),
                None => f64::NAN,
            },
            Floats::Owned(values) => values[index],
        }
    }

    /// All elements, widened exactly.
    pub fn to_vec(&self) -> Vec<f64> {
        match self {
            Floats::F32(bytes) => chunks(bytes).map(|b| f64::from(f32::from_le_bytes(b))).collect(),
            Floats::F64(bytes) => chunks(bytes).map(f64::from_le_bytes).collect(),
            Floats::Owned(values) => values.clone(),
        }
    }
}

/// The elements of an array, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Data<'a> {
    /// Of a floating-point type.
    Float(Floats<'a>),
    /// Of an integer type.
    Int(Vec<i64>),
    /// Text.
    Text(Vec<String>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl Data<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::Float(values) => values.len(),
            Data::Int(values) => values.len(),
            Data::Text(values) => values.len(),
            Data::Bool(values) => values.len(),
        }
    }
}

/// A constant: a whole tensor in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Array<'a> {
    /// The type of its elements.
    pub ty: Type,
    /// Its shape.
    pub dims: Vec<usize>,
    /// Its elements.
    pub data: Data<'a>,
}

impl Array<'_> {
    /// The same array, free of the file.
    pub fn into_owned(self) -> Array<'static> {
        let data = match self.data {
            Data::Float(values) => Data::Float(Floats::Owned(values.to_vec())),
            Data::Int(values) => Data::Int(values),
            Data::Text(values) => Data::Text(values),
            Data::Bool(values) => Data::Bool(values),
        };
        Array { ty: self.ty, dims: self.dims, data }
    }
}
