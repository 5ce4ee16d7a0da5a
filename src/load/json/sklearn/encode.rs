//! Encoders of categories: OneHotEncoder, OrdinalEncoder, TargetEncoder, KBinsDiscretizer.
//!
//! A category `None` or NaN is a key that matches missing values. Where unknown values are accepted, a missing value that
//! is no category is one of them, as in the library.

use super::Loader;
use super::object::Object;
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed};
use crate::load::json::build::{Column, Columns};
use crate::load::json::expect;
use crate::load::json::value::{Json, Kind};
use crate::model::{Elem, Encoder, NodeId, Op, Unary, Unknown, Value};

/// OneHotEncoder.
pub(super) fn one_hot(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    const KNOWN: &[&str] = &["error", "ignore", "infrequent_if_exist", "warn"];
    let unknown = loader.word(object, "handle_unknown", "error", KNOWN)?;
    let categories = categories(loader, object, columns.len())?;
    let infrequent = infrequent(loader, object, &categories)?;
    let drop = dropped(loader, object, &categories)?;
    let mut encoded = Vec::new();
    let mut run: Vec<(NodeId, Encoder, usize)> = Vec::new();
    for (at, (&column, list)) in columns.iter().zip(categories).enumerate() {
        let groups = Groups::new(list.values.len(), &infrequent[at]);
        let gone = match (drop[at], object.get("drop").and_then(Json::text).as_deref()) {
            (Some(category), _) => Some(groups.of[category]),
            (None, Some("if_binary")) if object.get("drop_idx_").is_none() && groups.count == 2 => Some(0),
            (None, _) => None,
        };
        let position = |group: usize| match gone {
            Some(gone) if group == gone => -1,
            Some(gone) if group > gone => group as i64 - 1,
            _ => group as i64,
        };
        let otherwise = match unknown {
            "error" => None,
            "ignore" => Some(-1),
            _ => Some(groups.infrequent.map_or(-1, position)),
        };
        let width = groups.count - usize::from(gone.is_some());
        let values = groups.of.iter().map(|&group| Value::Integer(position(group))).collect();
        let (mut vector, mut encoder) = list.encoder(loader, column, values, otherwise.map(Value::Integer))?;
        if otherwise.is_some_and(|group| group >= 0) {
            // Unknown values have a column: first to the number of the column, then one-hot.
            vector = loader.builder.push_as(Op::Encode(vec![encoder]), vec![vector], 1, Elem::Integer);
            let positions: Vec<Value> = (0..width as i64).map(Value::Integer).collect();
            let unknown = Unknown::Value(Value::Integer(-1));
            encoder = Encoder { keys: positions.clone(), values: positions, unknown };
        }
        // A group without columns is left out: the library then looks at the values only to refuse unknown ones.
        if width > 0 {
            run.push((vector, encoder, width));
        }
    }
    let mut at = 0;
    while at < run.len() {
        let elem = loader.builder.elem(run[at].0);
        let length = run[at..].iter().take_while(|(vector, ..)| loader.builder.elem(*vector) == elem).count();
        let group = &run[at..at + length];
        let vector = loader.builder.concat(group.iter().map(|(vector, ..)| *vector).collect());
        let widths: Vec<usize> = group.iter().map(|(.., width)| *width).collect();
        let encoders = group.iter().map(|(_, encoder, _)| encoder.clone()).collect();
        let width = widths.iter().sum();
        let node = loader.builder.push(Op::OneHot { encoders, widths }, vec![vector], width);
        encoded.extend(loader.builder.columns(node));
        at += length;
    }
    Ok(encoded)
}

/// OrdinalEncoder: the position among the categories; infrequent ones share the last.
pub(super) fn ordinal(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let use_value =
        loader.word(object, "handle_unknown", "error", &["error", "use_encoded_value"])? == "use_encoded_value";
    let unknown = match object.raw("unknown_value") {
        Some(json) if use_value => Some(number_or_missing(loader, json, "`unknown_value`")?),
        None if use_value => {
            return Err(expect::missing_key(
                loader.report,
                object.json,
                "unknown_value",
                "`OrdinalEncoder` with `use_encoded_value`",
            ));
        }
        _ => None,
    };
    let missing = match object.get("encoded_missing_value") {
        Some(json) => number_or_missing(loader, json, "`encoded_missing_value`")?,
        None => Value::Missing,
    };
    let categories = categories(loader, object, columns.len())?;
    let infrequent = infrequent(loader, object, &categories)?;
    let mut encoders = Vec::new();
    for (at, (&column, list)) in columns.iter().zip(categories).enumerate() {
        // A missing category stands last and is no part of the numbering.
        let known = list.values.iter().filter(|value| **value != Value::Missing).count();
        let groups = Groups::new(known, &infrequent[at]);
        let mut of = groups.of.iter();
        let code = |value: &Value| match value {
            Value::Missing => missing.clone(),
            _ => Value::Number(of.next().map_or(0.0, |&group| group as f64)),
        };
        let values = list.values.iter().map(code).collect();
        encoders.push(list.encoder(loader, column, values, unknown.clone())?);
    }
    Ok(mapped(loader, encoders))
}

/// TargetEncoder: a number for each category, the mean of the target for others.
pub(super) fn target(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    if let Some(json) = object.get("target_type_")
        && json.text().as_deref() == Some("multiclass")
    {
        return Err(loader.unsupported(object, json, "target_type_", "use another encoder"));
    }
    let mean = loader.need(object, "target_mean_")?;
    let mean = expect::number(loader.report, mean, "`target_mean_`")?;
    let encodings = loader.need(object, "encodings_")?;
    let numbers = expect::list(loader.report, encodings, "`encodings_`", |report, item| {
        expect::numbers(report, item, "an item of `encodings_`")
    })?;
    let categories = categories(loader, object, columns.len())?;
    let mut encoders = Vec::new();
    for (at, (&column, list)) in columns.iter().zip(categories).enumerate() {
        let codes = numbers.get(at).filter(|codes| codes.len() == list.values.len());
        let Some(codes) = codes else {
            let found = numbers.get(at).map_or(0, Vec::len);
            let json = encodings.items().nth(at).unwrap_or(encodings);
            return Err(expect::wrong_length(
                loader.report,
                json,
                "an item of `encodings_`",
                found,
                list.values.len(),
                "one per category",
            ));
        };
        let values = codes.iter().map(|&code| Value::Number(code)).collect();
        encoders.push(list.encoder(loader, column, values, Some(Value::Number(mean)))?);
    }
    Ok(mapped(loader, encoders))
}

/// KBinsDiscretizer: the number of inner edges that are `<= x`, as a number or one-hot.
pub(super) fn bins(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let encode = loader.word(object, "encode", "onehot", &["onehot", "onehot-dense", "ordinal"])?;
    let json = loader.need(object, "bin_edges_")?;
    let edges = expect::list(loader.report, json, "`bin_edges_`", |report, item| {
        let edges = expect::list(report, item, "an item of `bin_edges_`", |report, edge| {
            expect::any_number(report, edge, "an edge")
        })?;
        let inner = edges.get(1..edges.len().max(2) - 1).unwrap_or_default();
        if edges.len() < 2 || inner.iter().any(|edge| !edge.is_finite()) || !inner.is_sorted() {
            let message = "the edges of a column must be at least two finite numbers in ascending order";
            return Err(report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(item.place())));
        }
        Ok(inner.to_vec())
    })?;
    if edges.len() != columns.len() {
        return Err(loader.misfit(json, "`bin_edges_`", edges.len(), columns.len()));
    }
    let widths: Vec<usize> = edges.iter().map(|edges| edges.len() + 1).collect();
    let x = loader.numbers(object, &columns)?;
    let mut node = loader.builder.push(Op::Bins { edges, otherwise: None }, vec![x], columns.len());
    if encode != "ordinal" {
        let encoder = |width: &usize| Encoder {
            keys: (0..*width).map(|bin| Value::Number(bin as f64)).collect(),
            values: (0..*width).map(|bin| Value::Integer(bin as i64)).collect(),
            unknown: Unknown::Missing,
        };
        let encoders = widths.iter().map(encoder).collect();
        let width = widths.iter().sum();
        node = loader.builder.push(Op::OneHot { encoders, widths }, vec![node], width);
    }
    Ok(loader.builder.columns(node))
}

/// The categories of one column.
struct Categories<'a> {
    values: Vec<Value>,
    json: Json<'a>,
}

impl Categories<'_> {
    /// The column as a vector and its encoder, keys and vector of one type.
    fn encoder(
        self,
        loader: &mut Loader<'_>,
        column: Column,
        mut values: Vec<Value>,
        unknown: Option<Value>,
    ) -> Result<(NodeId, Encoder), Failed> {
        let mut keys = self.values;
        let of_keys = keys.iter().find_map(Value::elem).unwrap_or(Elem::Number);
        let mut elem = loader.builder.elem_of(column, of_keys);
        let mut vector = loader.builder.gather(&[column], elem);
        if elem != of_keys && elem != Elem::Text && of_keys != Elem::Text {
            for key in &mut keys {
                match *key {
                    Value::Integer(integer) => *key = Value::Number(integer as f64),
                    Value::Boolean(flag) => *key = Value::Number(f64::from(u8::from(flag))),
                    _ => {}
                }
            }
            if elem != Elem::Number {
                vector = loader.builder.unary(Unary::ToNumber, vector);
            }
            elem = Elem::Number;
        }
        if keys.iter().filter_map(Value::elem).any(|of_key| of_key != elem) {
            let message = format!("the categories are of another type than {}", loader.builder.column_name(column));
            return Err(loader.report.fail(Diagnostic::new(&codes::MIXED_TYPES, message).at(self.json.place())));
        }
        let mut order: Vec<&Value> = keys.iter().collect();
        order.sort_by(|a, b| expect::order(a, b));
        if let Some(same) = order.windows(2).find(|pair| expect::order(pair[0], pair[1]).is_eq()) {
            let message = match same[0] {
                Value::Missing => "`None` and NaN are two categories here, but one missing value in SQL".to_owned(),
                value => format!("the category `{}` stands twice", expect::name_of(value)),
            };
            return Err(loader.report.fail(Diagnostic::new(&codes::REPEATED, message).at(self.json.place())));
        }
        let unknown = match unknown {
            None => Unknown::Missing,
            Some(Value::Missing) => Unknown::Missing,
            Some(value) => {
                if !keys.contains(&Value::Missing) {
                    keys.push(Value::Missing);
                    values.push(value.clone());
                }
                Unknown::Value(value)
            }
        };
        // A key that stands for a missing value need not be there: missing values stay missing.
        if let Some(at) = keys.iter().position(|key| *key == Value::Missing)
            && values.get(at) == Some(&Value::Missing)
        {
            keys.remove(at);
            values.remove(at);
        }
        Ok((vector, Encoder { keys, values, unknown }))
    }
}

/// Which position each category has when the infrequent ones are put together, as the last.
struct Groups {
    of: Vec<usize>,
    count: usize,
    infrequent: Option<usize>,
}

impl Groups {
    fn new(categories: usize, infrequent: &[usize]) -> Self {
        let mut rare = vec![false; categories];
        for &at in infrequent {
            if let Some(flag) = rare.get_mut(at) {
                *flag = true;
            }
        }
        let frequent = rare.iter().filter(|rare| !**rare).count();
        let mut next = 0;
        let of = rare
            .iter()
            .map(|rare| {
                if *rare {
                    return frequent;
                }
                next += 1;
                next - 1
            })
            .collect();
        let shared = frequent < categories;
        Groups { of, count: frequent + usize::from(shared), infrequent: shared.then_some(frequent) }
    }
}

/// Vectors with their encoders as columns, in order.
fn mapped(loader: &mut Loader<'_>, encoders: Vec<(NodeId, Encoder)>) -> Columns {
    let mut columns = Vec::new();
    let mut at = 0;
    while at < encoders.len() {
        let elem = loader.builder.elem(encoders[at].0);
        let length = encoders[at..].iter().take_while(|(vector, _)| loader.builder.elem(*vector) == elem).count();
        let run = &encoders[at..at + length];
        let vector = loader.builder.concat(run.iter().map(|(vector, _)| *vector).collect());
        let node = loader.builder.push(
            Op::Encode(run.iter().map(|(_, encoder)| encoder.clone()).collect()),
            vec![vector],
            length,
        );
        columns.extend(loader.builder.columns(node));
        at += length;
    }
    columns
}

fn categories<'a>(loader: &mut Loader<'_>, object: &Object<'a>, columns: usize) -> Result<Vec<Categories<'a>>, Failed> {
    let json = loader.need(object, "categories_")?;
    let categories = expect::list(loader.report, json, "`categories_`", |report, item| {
        let values = expect::scalars(report, item, "the categories of a column")?;
        if values.is_empty() {
            return Err(
                report.fail(Diagnostic::new(&codes::EMPTY_MODEL, "the column has no categories").at(item.place()))
            );
        }
        Ok(Categories { values, json: item })
    })?;
    if categories.len() == columns {
        return Ok(categories);
    }
    Err(loader.misfit(json, "`categories_`", categories.len(), columns))
}

/// For each column the positions of its infrequent categories.
fn infrequent(
    loader: &mut Loader<'_>,
    object: &Object<'_>,
    categories: &[Categories<'_>],
) -> Result<Vec<Vec<usize>>, Failed> {
    let limit = object.get("max_categories").or(object.get("min_frequency"));
    let _ = (object.get("max_categories"), object.get("min_frequency"));
    let by_position = object.get("_infrequent_indices").or(object.get("infrequent_indices_"));
    let by_value = object.get("infrequent_categories_");
    let (json, values) = match (by_value, by_position, limit) {
        (Some(json), ..) => (json, true),
        (None, Some(json), _) => (json, false),
        (None, None, None) => return Ok(vec![Vec::new(); categories.len()]),
        (None, None, Some(_)) => {
            let what = format!("`{}` with `max_categories` or `min_frequency`", object.class);
            return Err(expect::missing_key(loader.report, object.json, "infrequent_categories_", &what));
        }
    };
    let count = expect::array(loader.report, json, "`infrequent_categories_`")?.items().count();
    if count != categories.len() {
        return Err(loader.misfit(json, "`infrequent_categories_`", count, categories.len()));
    }
    let mut result = Vec::new();
    for (item, known) in json.items().zip(categories) {
        let mut positions = Vec::new();
        for entry in item.items() {
            let position = if values {
                let value = expect::scalar(loader.report, entry, "an infrequent category")?;
                let same = |known: &Value| {
                    *known == value
                        || matches!((known, &value), (Value::Number(a), Value::Integer(b)) if *a == *b as f64)
                };
                known.values.iter().position(same)
            } else {
                Some(expect::index(loader.report, entry, "the position of a category")?)
                    .filter(|at| *at < known.values.len())
            };
            let Some(position) = position else {
                let message = format!("the infrequent category {} is none of `categories_`", entry.found());
                return Err(loader.report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(entry.place())));
            };
            positions.push(position);
        }
        result.push(positions);
    }
    Ok(result)
}

/// For each column the position of the category that has no column of its own.
fn dropped(
    loader: &mut Loader<'_>,
    object: &Object<'_>,
    categories: &[Categories<'_>],
) -> Result<Vec<Option<usize>>, Failed> {
    if let Some(json) = object.get("drop_idx_") {
        let _ = object.get("drop");
        let drop = expect::list(loader.report, json, "`drop_idx_`", |report, item| match item.is_null() {
            true => Ok(None),
            false => Ok(Some(expect::index(report, item, "an item of `drop_idx_`")?)),
        })?;
        if drop.len() != categories.len() {
            return Err(loader.misfit(json, "`drop_idx_`", drop.len(), categories.len()));
        }
        for ((drop, known), item) in drop.iter().zip(categories).zip(json.items()) {
            if let Some(at) = drop.filter(|at| *at >= known.values.len()) {
                let message = format!("there is no category {at}, the column has {}", known.values.len());
                return Err(loader.report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(item.place())));
            }
        }
        return Ok(drop);
    }
    match object.get("drop") {
        None => Ok(vec![None; categories.len()]),
        Some(json) if json.text().as_deref() == Some("first") => Ok(vec![Some(0); categories.len()]),
        // Depends on the number of groups: decided by the caller.
        Some(json) if json.text().as_deref() == Some("if_binary") => Ok(vec![None; categories.len()]),
        Some(json) if json.kind() == Kind::Array => {
            let drop = expect::scalars(loader.report, json, "`drop`")?;
            if drop.len() != categories.len() {
                return Err(loader.misfit(json, "`drop`", drop.len(), categories.len()));
            }
            let position =
                |(drop, known): (&Value, &Categories<'_>)| known.values.iter().position(|value| value == drop);
            let positions: Vec<Option<usize>> = drop.iter().zip(categories).map(position).collect();
            if positions.contains(&None) {
                let message = "an item of `drop` is none of the categories of its column";
                return Err(loader.report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(json.place())));
            }
            Ok(positions)
        }
        Some(json) => Err(loader.unsupported(object, json, "drop", "`first`, `if_binary` or a list of categories")),
    }
}

fn number_or_missing(loader: &mut Loader<'_>, json: Json<'_>, what: &str) -> Result<Value, Failed> {
    if json.is_null() || json.text().is_some_and(|text| text.eq_ignore_ascii_case("nan")) {
        return Ok(Value::Missing);
    }
    let number = expect::any_number(loader.report, json, what)?;
    if number.is_nan() { Ok(Value::Missing) } else { Ok(Value::Number(expect::number(loader.report, json, what)?)) }
}
