//! Values of an expression, with the equality and the order that Java's objects have.
//!
//! ksqlDB keeps SQL values as Java objects, and collections, IN lists and NULLIF compare them with `equals`: NaN equals
//! NaN there, 0.0 differs from −0.0, and DECIMAL 1.0 from 1.00. Comparisons written in SQL are something else: see
//! [`compare`](super::compare).
//!
//! An array is shared, not copied, because `ARRAY_SORT` sorts in place and the engine shows the sorted array wherever
//! else the expression uses it.

use std::cmp::Ordering;
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};

use super::decimal::Decimal;
use super::{calendar, number};
use crate::schema::Type;

/// A SQL value. Times are milliseconds: of the day, or since the epoch.
#[derive(Clone, Debug)]
pub enum Value {
    /// NULL, also the result of an evaluation that failed.
    Null,
    /// BOOLEAN
    Boolean(bool),
    /// INTEGER
    Integer(i32),
    /// BIGINT
    Bigint(i64),
    /// DOUBLE
    Double(f64),
    /// DECIMAL
    Decimal(Arc<Decimal>),
    /// STRING
    String(Arc<str>),
    /// BYTES
    Bytes(Arc<[u8]>),
    /// TIME, milliseconds of the day
    Time(i64),
    /// DATE, milliseconds since the epoch
    Date(i64),
    /// TIMESTAMP, milliseconds since the epoch
    Timestamp(i64),
    /// ARRAY
    Array(List),
    /// MAP, sorted by key: the engine's own order is that of a hash table
    Map(Arc<[(Value, Value)]>),
    /// STRUCT: the fields' values in the order of the type's fields
    Struct(Arc<[Value]>),
}

impl Value {
    /// A STRING.
    pub fn string(text: impl AsRef<str>) -> Self {
        Value::String(Arc::from(text.as_ref()))
    }

    /// A DECIMAL.
    pub fn decimal(decimal: Decimal) -> Self {
        Value::Decimal(Arc::new(decimal))
    }

    /// An ARRAY.
    pub fn array(items: Vec<Value>) -> Self {
        Value::Array(List::new(items))
    }

    /// A MAP; of entries with equal keys the last one stays.
    pub fn map(entries: impl IntoIterator<Item = (Value, Value)>) -> Self {
        let mut sorted: Vec<(Value, Value)> = entries.into_iter().collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut unique: Vec<(Value, Value)> = Vec::with_capacity(sorted.len());
        for entry in sorted {
            match unique.last_mut() {
                Some(last) if last.0.java_equals(&entry.0) => *last = entry,
                _ => unique.push(entry),
            }
        }
        Value::Map(unique.into())
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// `Objects.equals`: by type and content, with NULL equal to NULL.
    pub fn java_equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Bigint(a), Value::Bigint(b))
            | (Value::Time(a), Value::Time(b))
            | (Value::Date(a), Value::Date(b))
            | (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Double(a), Value::Double(b)) => compare_doubles(*a, *b).is_eq(),
            (Value::Decimal(a), Value::Decimal(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => {
                let (a, b) = (a.items(), b.items());
                a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.java_equals(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|(a, b)| a.0.java_equals(&b.0) && a.1.java_equals(&b.1))
            }
            (Value::Struct(a), Value::Struct(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.java_equals(b))
            }
            _ => false,
        }
    }

    /// `compareTo`, as sorting, GREATEST and ARRAY_MAX use it: NaN is greatest and −0.0 is below 0.0.
    /// `None` for types without an order.
    pub fn java_compare(&self, other: &Value) -> Option<Ordering> {
        Some(match (self, other) {
            (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
            (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
            (Value::Bigint(a), Value::Bigint(b))
            | (Value::Time(a), Value::Time(b))
            | (Value::Date(a), Value::Date(b))
            | (Value::Timestamp(a), Value::Timestamp(b))
            | (Value::Date(a), Value::Timestamp(b))
            | (Value::Timestamp(a), Value::Date(b)) => a.cmp(b),
            (Value::Double(a), Value::Double(b)) => compare_doubles(*a, *b),
            (Value::Decimal(a), Value::Decimal(b)) => a.compare(b),
            (Value::String(a), Value::String(b)) => compare_strings(a, b),
            (Value::Bytes(a), Value::Bytes(b)) => a.iter().map(|&b| b as i8).cmp(b.iter().map(|&b| b as i8)),
            _ => return None,
        })
    }

    /// Any total order in which equal values are adjacent; only for laying out maps.
    fn total_cmp(&self, other: &Value) -> Ordering {
        match self.java_compare(other) {
            Some(Ordering::Equal) if !self.java_equals(other) => self.java_string(None).cmp(&other.java_string(None)),
            Some(order) => order,
            None => self.java_string(None).cmp(&other.java_string(None)),
        }
    }

    /// The entry of a map under a key equal to `key`.
    pub(super) fn entry(&self, key: &Value) -> Value {
        match self {
            Value::Map(entries) => {
                entries.iter().find(|(k, _)| k.java_equals(key)).map_or(Value::Null, |(_, value)| value.clone())
            }
            _ => Value::Null,
        }
    }

    /// `toString`, which CAST to STRING uses: `[1.0, null]`, `{a=1.0}`, `Struct{CITY=Oslo}`. Names of fields come from
    /// the type.
    pub(super) fn java_string(&self, ty: Option<&Type>) -> String {
        match self {
            Value::Null => "null".into(),
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Bigint(value) | Value::Time(value) | Value::Date(value) | Value::Timestamp(value) => {
                value.to_string()
            }
            Value::Double(value) => number::double_to_string(*value),
            Value::Decimal(value) => value.to_string(),
            Value::String(value) => value.to_string(),
            Value::Bytes(value) => format!("{value:?}"),
            Value::Array(list) => {
                let inner = match ty {
                    Some(Type::Array(inner)) => Some(inner.as_ref()),
                    _ => None,
                };
                let items: Vec<String> = list.items().iter().map(|item| item.java_string(inner)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Map(entries) => {
                let (key, value) = match ty {
                    Some(Type::Map(key, value)) => (Some(key.as_ref()), Some(value.as_ref())),
                    _ => (None, None),
                };
                let items: Vec<String> =
                    entries.iter().map(|(k, v)| format!("{}={}", k.java_string(key), v.java_string(value))).collect();
                format!("{{{}}}", items.join(", "))
            }
            Value::Struct(values) => {
                let fields = match ty {
                    Some(Type::Struct(fields)) => fields.as_slice(),
                    _ => &[],
                };
                let mut text = String::from("Struct{");
                let mut first = true;
                for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_null()) {
                    let field = fields.get(index);
                    if !first {
                        text.push(',');
                    }
                    first = false;
                    let name = field.map_or("", |field| field.name.as_str());
                    // writing to a String cannot fail
                    let _ = write!(text, "{name}={}", value.java_string(field.map(|field| &field.ty)));
                }
                text.push('}');
                text
            }
        }
    }

    /// The value as people read it: numbers with the digits of their type, times and dates as CAST to STRING writes them.
    pub fn text(&self, ty: &Type) -> String {
        match self {
            Value::Timestamp(millis) => calendar::format_timestamp(*millis),
            Value::Date(millis) => calendar::format_date(*millis),
            Value::Time(millis) => calendar::format_time(*millis).unwrap_or_else(|| millis.to_string()),
            other => other.java_string(Some(ty)),
        }
    }

    /// A copy that shares no array with `self`.
    pub(super) fn deep_clone(&self) -> Value {
        match self {
            Value::Array(list) => {
                let items = list.items().iter().map(Value::deep_clone).collect();
                Value::Array(if list.is_frozen() { List::frozen(items) } else { List::new(items) })
            }
            Value::Map(entries) => Value::Map(entries.iter().map(|(k, v)| (k.deep_clone(), v.deep_clone())).collect()),
            Value::Struct(values) => Value::Struct(values.iter().map(Value::deep_clone).collect()),
            other => other.clone(),
        }
    }
}

/// Equality is `equals` of Java with NULL equal to NULL.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.java_equals(other)
    }
}

/// The items of an ARRAY, shared by everything that refers to it.
#[derive(Clone, Debug)]
pub struct List {
    items: Arc<RwLock<Vec<Value>>>,
    frozen: bool,
}

impl List {
    /// A list that may be sorted in place.
    pub fn new(items: Vec<Value>) -> Self {
        List { items: Arc::new(RwLock::new(items)), frozen: false }
    }

    /// A list that refuses to be sorted, as SPLIT's result does.
    pub(super) fn frozen(items: Vec<Value>) -> Self {
        List { items: Arc::new(RwLock::new(items)), frozen: true }
    }

    /// The items as they are now.
    pub fn items(&self) -> Vec<Value> {
        self.with(<[Value]>::to_vec)
    }

    /// Looks at the items without copying them. `look` must not look at this list again.
    pub(super) fn with<R>(&self, look: impl FnOnce(&[Value]) -> R) -> R {
        look(&self.items.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the items for everyone who holds the list.
    pub(super) fn replace(&self, items: Vec<Value>) {
        *self.items.write().unwrap_or_else(PoisonError::into_inner) = items;
    }

    /// Whether sorting it in place fails.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen
    }
}

/// `Double.compareTo`: a total order with −0.0 < 0.0 and NaN above everything.
pub(super) fn compare_doubles(a: f64, b: f64) -> Ordering {
    match a.partial_cmp(&b) {
        Some(Ordering::Equal) if a == 0.0 => b.is_sign_negative().cmp(&a.is_sign_negative()),
        Some(order) => order,
        None => a.is_nan().cmp(&b.is_nan()),
    }
}

/// `String.compareTo`: by UTF-16 units.
pub(super) fn compare_strings(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_ordered_as_java_orders_them() {
        let sorted = [f64::NEG_INFINITY, -1.0, -0.0, 0.0, 4.9e-324, 1.0, f64::INFINITY, f64::NAN];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare_doubles(*a, *b), i.cmp(&j), "{a} {b}");
            }
        }
    }

    #[test]
    fn equality_is_by_content_and_type() {
        assert_eq!(Value::Double(f64::NAN), Value::Double(f64::NAN));
        assert_ne!(Value::Double(0.0), Value::Double(-0.0));
        assert_ne!(Value::Integer(1), Value::Bigint(1));
        assert_eq!(Value::array(vec![Value::Null]), Value::array(vec![Value::Null]));
        let twice = Value::array(vec![Value::Integer(1)]);
        assert_eq!(twice, twice.clone());
    }

    #[test]
    fn the_last_of_equal_keys_stays() {
        let key = |text| Value::string(text);
        let map =
            Value::map([(key("b"), Value::Integer(1)), (key("a"), Value::Integer(2)), (key("b"), Value::Integer(3))]);
        assert_eq!(map.entry(&key("b")), Value::Integer(3));
        assert_eq!(map.java_string(None), "{a=2, b=3}");
    }
}
