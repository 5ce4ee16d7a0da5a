//! Rows with what the model gives for them, for tests that a person or another program runs.
//!
//! The values are those of the graph's own interpreter, in binary64 as the SQL computes; the SQL has no part in them. Only
//! rows are taken whose results do not hang on rounding: a label whose margin is as small as its rounding error, or a
//! number so large that its last digits count, would make a test fail that nothing is wrong with.

use std::collections::BTreeMap;

use super::bound::{Range, Values};
use super::subject::{Row, Subject};
use super::values::of_model;
use crate::lower::Column;
use crate::model::Value;
use crate::score::{self, Form};
use crate::sql::eval::Value as Sql;

/// A row and its results.
#[derive(Clone, Debug)]
pub struct Example {
    /// A value for each column of [`Subject::relation`].
    pub row: Row,
    /// A value for each result; `None` if a missing feature leaves the row out.
    pub results: Option<Vec<Sql>>,
}

/// How far apart two admissible values of a result may be: half of what `ksql-test-runner` lets pass.
const WIDEST: f64 = 5e-7;

/// Rows that are tried for each one that is wanted.
const TRIED: usize = 40;

impl Subject<'_> {
    /// At most so many rows, the same for every call: of every kind of result some, NULL and each label among them.
    pub fn examples(&self, most: usize) -> Vec<Example> {
        let mut kinds: Vec<Vec<Example>> = Vec::new();
        let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for row in self.rows(most.saturating_mul(TRIED)).rows {
            let Some(results) = row.iter().all(is_plain).then(|| self.certain(&row)).flatten() else { continue };
            let kind = match &results {
                None => vec!["left out".to_owned()],
                Some(results) => results.iter().map(kind).collect(),
            };
            let place = *known.entry(kind).or_insert_with(|| {
                kinds.push(Vec::new());
                kinds.len() - 1
            });
            if let Some(some) = kinds.get_mut(place).filter(|some| some.len() < most) {
                some.push(Example { row, results });
            }
        }
        let mut examples = Vec::new();
        for round in 0..most {
            examples.extend(kinds.iter().filter_map(|kind| kind.get(round).cloned()));
        }
        examples.truncate(most);
        examples
    }

    /// What the model gives for a row, if that is certain to the digits that count; within, `None` for a row that is left
    /// out.
    fn certain(&self, row: &Row) -> Option<Option<Vec<Sql>>> {
        let (features, inputs) = self.features(row);
        if self.drops(&inputs) {
            return Some(None);
        }
        let (nodes, ranges) = self.in_binary64(&features, &inputs)?;
        let results = self.compiled.columns.iter().zip(&ranges);
        results
            .map(|(column, ranges)| result(column, &super::subject::expected(column, &nodes), ranges))
            .collect::<Option<_>>()
            .map(Some)
    }
}

/// A result as a value of its column; `None` if it is not certain.
fn result(column: &Column, model: &[Value], ranges: &[Range]) -> Option<Sql> {
    if let Form::Top { names, count } = &column.form {
        return largest(model, ranges, names, *count);
    }
    let elements: Option<Vec<Sql>> = model.iter().zip(ranges).map(|(value, range)| element(value, range)).collect();
    let mut elements = elements?;
    match &column.form {
        Form::Scalar => elements.pop(),
        // one that is NULL makes all of it NULL, or not: that is the statement's business
        _ if elements.contains(&Sql::Null) => None,
        Form::Map(keys) => Some(Sql::map(keys.iter().map(Sql::string).zip(elements))),
        Form::Array | Form::Top { .. } => Some(Sql::array(elements)),
    }
}

fn element(model: &Value, range: &Range) -> Option<Sql> {
    let value = of_model(model);
    let certain = range.contains(&value)
        && match &range.values {
            None => range.null,
            Some(_) if range.null => false,
            Some(Values::Numbers(numbers)) => !numbers.nan && numbers.high - numbers.low <= WIDEST,
            Some(Values::Truth { yes, no }) => yes != no,
            Some(Values::Set(set)) => set.len() == 1,
            Some(Values::Any) => false,
        };
    certain.then(|| match value {
        score::Value::Null => Sql::Null,
        score::Value::Double(x) => Sql::Double(x),
        score::Value::Bigint(x) => Sql::Bigint(x),
        score::Value::Text(text) => Sql::string(&text),
        score::Value::Boolean(truth) => Sql::Boolean(truth),
    })
}

/// The names of the largest values, if their order is certain.
fn largest(model: &[Value], ranges: &[Range], names: &[String], count: usize) -> Option<Sql> {
    let ends = |range: &Range| match range {
        Range { null: false, values: Some(Values::Numbers(it)) } if !it.nan => Some((it.low, it.high)),
        _ => None,
    };
    let ends: Vec<(f64, f64)> = ranges.iter().map(ends).collect::<Option<_>>()?;
    if model.contains(&Value::Missing) || ends.len() != names.len() {
        return None;
    }
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|a, b| ends[*b].0.total_cmp(&ends[*a].0));
    let apart = order.windows(2).take(count).all(|pair| ends[pair[0]].0 > ends[pair[1]].1);
    apart.then(|| Sql::array(order.iter().take(count).map(|at| Sql::string(&names[*at])).collect()))
}

/// Whether JSON has numbers for it.
fn is_plain(value: &Sql) -> bool {
    match value {
        Sql::Double(x) => x.is_finite(),
        Sql::Array(list) => list.items().iter().all(is_plain),
        Sql::Map(entries) => entries.iter().all(|(_, value)| is_plain(value)),
        Sql::Struct(values) => values.iter().all(is_plain),
        _ => true,
    }
}

/// Results of one kind test the same: a number counts by its quarter, beyond 2 by its sign.
fn kind(result: &Sql) -> String {
    match result {
        Sql::Double(x) => format!("{}", (x * 4.0).clamp(-8.0, 8.0).floor()),
        Sql::Array(list) => list.items().first().map(kind).unwrap_or_default(),
        Sql::Map(entries) => entries.first().map(|(_, value)| kind(value)).unwrap_or_default(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(low: f64, high: f64) -> Range {
        let values = super::super::bound::between(low, high);
        Range { null: false, values: Some(values) }
    }

    #[test]
    fn only_what_is_certain_is_an_example() {
        let null = Range { null: true, values: None };
        assert_eq!(element(&Value::Missing, &null), Some(Sql::Null));
        assert_eq!(element(&Value::Number(0.5), &numbers(0.4999999, 0.5000001)), Some(Sql::Double(0.5)));
        assert_eq!(element(&Value::Number(0.5), &numbers(0.4, 0.6)), None);
        assert_eq!(element(&Value::Number(0.7), &numbers(0.5, 0.5)), None);
        let truth = |yes, no| Range { null: false, values: Some(Values::Truth { yes, no }) };
        assert_eq!(element(&Value::Boolean(true), &truth(true, false)), Some(Sql::Boolean(true)));
        assert_eq!(element(&Value::Boolean(true), &truth(true, true)), None);
        let names = ["a", "b", "c"].map(str::to_owned);
        let model = [1.0, 3.0, 2.0].map(Value::Number);
        let top = |ranges: [Range; 3], count| largest(&model, &ranges, &names, count);
        let exact = [numbers(1.0, 1.0), numbers(3.0, 3.0), numbers(2.0, 2.0)];
        assert_eq!(top(exact.clone(), 2), Some(Sql::array(vec![Sql::string("b"), Sql::string("c")])));
        assert_eq!(top([numbers(1.0, 2.5), exact[1].clone(), numbers(2.0, 2.0)], 2), None);
        assert!(top([numbers(1.0, 2.5), exact[1].clone(), numbers(2.0, 2.0)], 1).is_some());
    }
}
