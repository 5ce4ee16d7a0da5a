//! Pairs of types and names to what they mean.

use pest::iterators::Pair;

use super::error::shown;
use super::grammar::Rule;
use super::reader::Reader;
use crate::diag::codes::sql as codes;
use crate::diag::{Diagnostic, Failed, nearest};
use crate::schema::{Field, Type};
use crate::sql::ast::Name;

/// Names of types that other databases have and ksqlDB lacks, with the nearest that it has.
static FOREIGN: &[(&str, &str)] = &[
    ("BOOL", "BOOLEAN"),
    ("CHAR", "STRING"),
    ("DATETIME", "TIMESTAMP"),
    ("FLOAT", "DOUBLE"),
    ("FLOAT64", "DOUBLE"),
    ("INT64", "BIGINT"),
    ("LONG", "BIGINT"),
    ("NUMERIC", "DECIMAL(p, s)"),
    ("REAL", "DOUBLE"),
    ("SMALLINT", "INTEGER"),
    ("TEXT", "STRING"),
    ("TINYINT", "INTEGER"),
];

impl Reader<'_> {
    /// A name as it is stored: bare ones in upper case, quoted ones as they stand.
    pub(super) fn name(&mut self, pair: &Pair<'_, Rule>) -> Result<Name, Failed> {
        let text = pair.as_str();
        let stored = match pair.as_rule() {
            Rule::back_quoted => text[1..text.len() - 1].replace("``", "`"),
            Rule::double_quoted => text[1..text.len() - 1].replace("\"\"", "\""),
            _ => return Ok(Name(text.to_ascii_uppercase())),
        };
        if stored.is_empty() || stored.trim() != stored {
            let message = "a name must not be empty or begin or end with a blank";
            return Err(self.fail(pair, &codes::BAD_NAME, message, None));
        }
        Ok(Name(stored))
    }

    /// A type. The scan has bounded the depth of `<`.
    pub(super) fn type_(&mut self, pair: Pair<'_, Rule>) -> Result<Type, Failed> {
        let place = self.place(&pair);
        let mut inner = pair.into_inner();
        let Some(first) = inner.next() else { return Err(self.incomplete()) };
        let mut ty = match first.as_rule() {
            Rule::array_type => {
                let mut items = first.into_inner().filter(|pair| pair.as_rule() == Rule::type_);
                let Some(item) = items.next() else { return Err(self.incomplete()) };
                Type::Array(Box::new(self.type_(item)?))
            }
            Rule::map_type => {
                let mut items = first.into_inner().filter(|pair| pair.as_rule() == Rule::type_);
                let (Some(key), Some(value)) = (items.next(), items.next()) else { return Err(self.incomplete()) };
                Type::Map(Box::new(self.type_(key)?), Box::new(self.type_(value)?))
            }
            Rule::struct_type => self.struct_type(first)?,
            Rule::decimal_type => self.decimal_type(first)?,
            _ => self.named_type(first)?,
        };
        for (index, _) in inner.enumerate() {
            // `DOUBLE ARRAY` is another spelling of `ARRAY<DOUBLE>`.
            if index == 16 {
                let diagnostic = Diagnostic::new(&codes::TOO_DEEP, "more than 16 ARRAYs behind a type").at(place);
                return Err(self.report.fail(diagnostic));
            }
            ty = Type::Array(Box::new(ty));
        }
        Ok(ty)
    }

    fn struct_type(&mut self, pair: Pair<'_, Rule>) -> Result<Type, Failed> {
        let mut fields = Vec::new();
        let mut name = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::type_ => {
                    let Some(Name(name)) = name.take() else { return Err(self.incomplete()) };
                    fields.push(Field { name, ty: self.type_(part)? });
                }
                Rule::k_struct | Rule::comma | Rule::close_angle => {}
                _ => name = Some(self.name(&part)?),
            }
        }
        Ok(Type::Struct(fields))
    }

    fn decimal_type(&mut self, pair: Pair<'_, Rule>) -> Result<Type, Failed> {
        let mut numbers = pair.clone().into_inner().filter(|part| part.as_rule() == Rule::integer);
        let mut number = || numbers.next().and_then(|part| part.as_str().parse::<u32>().ok());
        match (number(), number()) {
            (Some(precision), Some(scale)) if precision >= 1 && scale <= precision => {
                Ok(Type::Decimal(precision, scale))
            }
            _ => {
                let message = format!("{} is no type", shown(pair.as_str()));
                let help =
                    "a DECIMAL has at least one digit, and not more behind the point than in all: DECIMAL(10, 2)";
                Err(self.fail(&pair, &codes::UNKNOWN_TYPE, message, Some(help.into())))
            }
        }
    }

    fn named_type(&mut self, pair: Pair<'_, Rule>) -> Result<Type, Failed> {
        let Some(word) = pair.clone().into_inner().next() else { return Err(self.incomplete()) };
        let name = self.name(&word)?;
        if let Some(ty) = primitive(&name.0.to_ascii_uppercase()) {
            return Ok(ty);
        }
        if let Some((_, ty)) = self.types.iter().rev().find(|(known, _)| *known == name) {
            return Ok(ty.clone());
        }
        let upper = name.0.to_ascii_uppercase();
        let help = match FOREIGN.binary_search_by_key(&upper.as_str(), |(foreign, _)| foreign) {
            Ok(index) => format!("write {}", FOREIGN[index].1),
            Err(_) if upper == "DECIMAL" => {
                "say how many digits, in all and behind the point: DECIMAL(10, 2)".to_owned()
            }
            Err(_) => match nearest(&upper, PRIMITIVES.iter().map(|(name, _)| *name)) {
                Some(near) => format!("did you mean {near}?"),
                None => "write one of ksqlDB's types; one made by CREATE TYPE must be made before, in the same file"
                    .to_owned(),
            },
        };
        Err(self.fail(&word, &codes::UNKNOWN_TYPE, format!("there is no type {}", shown(word.as_str())), Some(help)))
    }
}

/// The types that are one word.
static PRIMITIVES: &[(&str, Type)] = &[
    ("BOOLEAN", Type::Boolean),
    ("INT", Type::Integer),
    ("INTEGER", Type::Integer),
    ("BIGINT", Type::Bigint),
    ("DOUBLE", Type::Double),
    ("STRING", Type::String),
    ("VARCHAR", Type::String),
    ("BYTES", Type::Bytes),
    ("TIME", Type::Time),
    ("DATE", Type::Date),
    ("TIMESTAMP", Type::Timestamp),
];

fn primitive(upper: &str) -> Option<Type> {
    PRIMITIVES.iter().find(|(name, _)| *name == upper).map(|(_, ty)| ty.clone())
}
