//! Element types of tensors, and what their precision makes of a number.

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// `float`
    F32,
    /// `double`
    F64,
    /// `float16`
    F16,
    /// `bfloat16`
    Bf16,
    /// `int8`
    I8,
    /// `int16`
    I16,
    /// `int32`
    I32,
    /// `int64`
    I64,
    /// `uint8`
    U8,
    /// `uint16`
    U16,
    /// `uint32`
    U32,
    /// `uint64`
    U64,
    /// `string`
    Text,
    /// `bool`
    Bool,
}

/// The numbers, names and sizes of the types, as `TensorProto.DataType` has them.
static TYPES: &[(i32, &str, Type, usize)] = &[
    (1, "float", Type::F32, 4),
    (2, "uint8", Type::U8, 1),
    (3, "int8", Type::I8, 1),
    (4, "uint16", Type::U16, 2),
    (5, "int16", Type::I16, 2),
    (6, "int32", Type::I32, 4),
    (7, "int64", Type::I64, 8),
    (8, "string", Type::Text, 0),
    (9, "bool", Type::Bool, 1),
    (10, "float16", Type::F16, 2),
    (11, "double", Type::F64, 8),
    (12, "uint32", Type::U32, 4),
    (13, "uint64", Type::U64, 8),
    (16, "bfloat16", Type::Bf16, 2),
];

impl Type {
    /// The type of this number in `TensorProto.DataType`.
    pub fn from_number(number: i32) -> Option<Type> {
        TYPES.iter().find(|entry| entry.0 == number).map(|entry| entry.2)
    }

    /// Its name in the ONNX specification.
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|entry| entry.2 == self).map_or("?", |entry| entry.1)
    }

    /// Bytes of one element in `raw_data`; 0 for text.
    pub fn size(self) -> usize {
        TYPES.iter().find(|entry| entry.2 == self).map_or(0, |entry| entry.3)
    }

    /// Whether it is a floating-point type.
    pub fn is_float(self) -> bool {
        matches!(self, Type::F32 | Type::F64 | Type::F16 | Type::Bf16)
    }

    /// Whether it is an integer type.
    pub fn is_integer(self) -> bool {
        self.range().is_some()
    }

    /// The smallest and largest value of an integer type (`uint64` is held up to `i64::MAX` only).
    pub fn range(self) -> Option<(i64, i64)> {
        Some(match self {
            Type::I8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
            Type::I16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Type::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Type::I64 => (i64::MIN, i64::MAX),
            Type::U8 => (0, i64::from(u8::MAX)),
            Type::U16 => (0, i64::from(u16::MAX)),
            Type::U32 => (0, i64::from(u32::MAX)),
            Type::U64 => (0, i64::MAX),
            _ => return None,
        })
    }

    /// The nearest value of a floating-point type. Correct for one operation on values of the type, too: binary64 is
    /// wide enough that rounding twice gives the same as rounding once (Figueroa, 1995).
    pub fn round(self, value: f64) -> f64 {
        match self {
            Type::F32 => f64::from(value as f32),
            Type::F16 => half_to_f64(f64_to_half(value)),
            Type::Bf16 => bfloat(value),
            _ => value,
        }
    }

    /// The integer as the type holds it: wrapped around.
    pub fn wrap(self, value: i64) -> i64 {
        match self {
            Type::I8 => i64::from(value as i8),
            Type::I16 => i64::from(value as i16),
            Type::I32 => i64::from(value as i32),
            Type::U8 => i64::from(value as u8),
            Type::U16 => i64::from(value as u16),
            Type::U32 => i64::from(value as u32),
            _ => value,
        }
    }
}

/// Binary16 to binary64, exactly.
pub fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

/// Binary64 to the nearest binary16, halves to even.
fn f64_to_half(value: f64) -> u16 {
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    let size = value.abs();
    if size.is_nan() {
        return sign | 0x7e00;
    }
    // the spacing of binary16 at this magnitude; below 2^-14 that of the subnormals
    let exponent = if size < 2f64.powi(-14) { -14 } else { ((size.to_bits() >> 52) as i32 - 1023).min(16) };
    let steps = (size / 2f64.powi(exponent - 10)).round_ties_even();
    if exponent > 15 || (exponent == 15 && steps >= 2048.0) {
        return sign | 0x7c00;
    }
    // a carry out of the fraction runs into the exponent, which is what rounding up wants
    let base = ((exponent + 14) as u16) << 10;
    sign | (base + steps as u16)
}

/// The nearest bfloat16, halves to even, as the runtime rounds binary32.
fn bfloat(value: f64) -> f64 {
    let single = value as f32;
    if single.is_nan() {
        return f64::NAN;
    }
    let bits = single.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
    f64::from(f32::from_bits(rounded))
}

#[cfg(test)]
#[path = "types_tests.rs"]
mod tests;
