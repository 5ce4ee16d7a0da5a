//! SQL types, as ksqlDB names them.

use std::fmt;

/// A field of a STRUCT, under its stored name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The stored name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A SQL type. `Display` writes it as ksqlDB's DESCRIBE and REST API do: ``STRUCT<`CITY` STRING>``, `DECIMAL(10, 4)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `true` or `false`.
    Boolean,
    /// 32-bit signed, wraps.
    Integer,
    /// 64-bit signed, wraps.
    Bigint,
    /// IEEE 754 binary64.
    Double,
    /// `DECIMAL(precision, scale)`; ksqlDB sets no upper limit to the precision.
    Decimal(u32, u32),
    /// `STRING`, also written `VARCHAR`.
    String,
    /// Raw bytes.
    Bytes,
    /// Time of day.
    Time,
    /// Calendar day.
    Date,
    /// Milliseconds since the epoch.
    Timestamp,
    /// `ARRAY<T>`; indices start at 1.
    Array(Box<Type>),
    /// `MAP<K, V>`.
    Map(Box<Type>, Box<Type>),
    /// `STRUCT<name T, …>`.
    Struct(Vec<Field>),
}

impl Type {
    /// INTEGER, BIGINT, DECIMAL or DOUBLE.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Type::Integer | Type::Bigint | Type::Double | Type::Decimal(..))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Boolean => f.write_str("BOOLEAN"),
            Type::Integer => f.write_str("INTEGER"),
            Type::Bigint => f.write_str("BIGINT"),
            Type::Double => f.write_str("DOUBLE"),
            Type::Decimal(precision, scale) => write!(f, "DECIMAL({precision}, {scale})"),
            Type::String => f.write_str("STRING"),
            Type::Bytes => f.write_str("BYTES"),
            Type::Time => f.write_str("TIME"),
            Type::Date => f.write_str("DATE"),
            Type::Timestamp => f.write_str("TIMESTAMP"),
            Type::Array(item) => write!(f, "ARRAY<{item}>"),
            Type::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
            Type::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (index, field) in fields.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "`{}` {}", field.name, field.ty)?;
                }
                f.write_str(">")
            }
        }
    }
}
