//! SimpleImputer and MissingIndicator.

use super::Loader;
use super::object::Object;
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed};
use crate::load::json::build::{Column, Columns};
use crate::load::json::expect;
use crate::load::json::value::{Json, Kind};
use crate::model::{Binary, Elem, Missing, Op, Unary, Value};

/// SimpleImputer: `statistics_` for what is missing. A column without statistic was empty when the imputer was fitted and is
/// left out unless `keep_empty_features` is set; columns that say what was missing follow if `add_indicator` is set.
pub(super) fn simple(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let statistics = loader.need(object, "statistics_")?;
    let _ = object.get("fill_value");
    let values = expect::list(loader.report, statistics, "`statistics_`", |report, item| {
        expect::scalar(report, item, "an item of `statistics_`")
    })?;
    if values.len() != columns.len() {
        return Err(loader.misfit(statistics, "`statistics_`", values.len(), columns.len()));
    }
    let keep_empty = loader.flag(object, "keep_empty_features", false)?;
    let mut imputed = Vec::new();
    let mut run: Run = Run::default();
    for (index, (&column, value)) in columns.iter().zip(&values).enumerate() {
        if *value == Value::Missing {
            if keep_empty {
                let message = "a column without statistic cannot be kept: the value to fill in is not in the file";
                let place = statistics.items().nth(index).unwrap_or(statistics).place();
                return Err(loader.report.fail(Diagnostic::new(&codes::NOT_FINITE, message).at(place)));
            }
            continue;
        }
        let value = match value {
            // Statistics of columns of objects are written as integers where they are whole.
            Value::Integer(integer) => Value::Number(*integer as f64),
            other => other.clone(),
        };
        let elem = loader.builder.elem_of(column, value.elem().unwrap_or(Elem::Number));
        let value = match (elem, value) {
            (Elem::Integer, Value::Number(number)) if number.fract() == 0.0 => Value::Integer(number as i64),
            (Elem::Number, Value::Boolean(flag)) => Value::Number(f64::from(u8::from(flag))),
            (_, value) => value,
        };
        if value.elem() != Some(elem) {
            let message =
                format!("the statistic of {} is of another type than its values", loader.builder.column_name(column));
            let place = statistics.items().nth(index).unwrap_or(statistics).place();
            return Err(loader.report.fail(Diagnostic::new(&codes::WRONG_USE, message).at(place)));
        }
        let missing = missing(loader, object, elem)?;
        if (elem, Some(&missing)) != (run.elem, run.missing.as_ref()) {
            run.flush(loader, &mut imputed);
        }
        (run.elem, run.missing) = (elem, Some(missing));
        run.columns.push(column);
        run.fill.push(value);
    }
    run.flush(loader, &mut imputed);
    if loader.flag(object, "add_indicator", false)? {
        let Some(indicator) = object.get("indicator_").filter(|indicator| indicator.kind() == Kind::Object) else {
            return Err(expect::missing_key(
                loader.report,
                object.json,
                "indicator_",
                "`SimpleImputer` with `add_indicator`",
            ));
        };
        let features = match indicator.get("features_") {
            Some(features) => features,
            None => return Err(expect::missing_key(loader.report, indicator, "features_", "`MissingIndicator`")),
        };
        imputed.extend(indicators(loader, object, &columns, features)?);
    } else {
        let _ = object.raw("indicator_");
    }
    Ok(imputed)
}

/// MissingIndicator: 1 where a value is missing, else 0, for the columns `features_`.
pub(super) fn indicator(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let _ = object.get("features");
    let features = loader.need(object, "features_")?;
    indicators(loader, object, &columns, features)
}

/// Columns of one type and one kind of missing value.
struct Run {
    elem: Elem,
    missing: Option<Missing>,
    columns: Columns,
    fill: Vec<Value>,
}

impl Default for Run {
    fn default() -> Self {
        Run { elem: Elem::Number, missing: None, columns: Vec::new(), fill: Vec::new() }
    }
}

impl Run {
    fn flush(&mut self, loader: &mut Loader<'_>, imputed: &mut Columns) {
        let columns = std::mem::take(&mut self.columns);
        if let (Some(missing), false) = (self.missing.take(), columns.is_empty()) {
            let vector = loader.builder.gather(&columns, self.elem);
            let fill = std::mem::take(&mut self.fill);
            let node = loader.builder.push_as(Op::Impute { missing, fill }, vec![vector], columns.len(), self.elem);
            imputed.extend(loader.builder.columns(node));
        }
    }
}

/// What counts as missing in a column of this type.
fn missing(loader: &mut Loader<'_>, object: &Object<'_>, elem: Elem) -> Result<Missing, Failed> {
    let Some(json) = object.get("missing_values") else { return Ok(Missing::Absent) };
    let value = expect::scalar(loader.report, json, "`missing_values`")?;
    Ok(match (elem, value) {
        (_, Value::Missing) => Missing::Absent,
        (Elem::Text, Value::Text(text)) if text != "<NA>" => Missing::Equal(Value::Text(text)),
        // How exporters write NaN and pandas' NA in strict JSON.
        (_, Value::Text(text)) if matches!(text.as_str(), "NaN" | "nan" | "<NA>" | "None") => Missing::Absent,
        (Elem::Number, Value::Integer(integer)) => Missing::Equal(Value::Number(integer as f64)),
        (_, value) if value.elem() == Some(elem) => Missing::Equal(value),
        _ => {
            let help = "the columns of this step are of another type";
            return Err(loader.unsupported(object, json, "missing_values", help));
        }
    })
}

fn indicators(
    loader: &mut Loader<'_>,
    object: &Object<'_>,
    columns: &[Column],
    features: Json<'_>,
) -> Result<Columns, Failed> {
    let positions = expect::list(loader.report, features, "`features_`", |report, item| {
        let position = expect::index(report, item, "an item of `features_`")?;
        if position < columns.len() {
            return Ok(position);
        }
        let message = format!("there is no column {position}, the step has {}", columns.len());
        Err(report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(item.place())))
    })?;
    let mut result = Vec::new();
    for position in positions {
        let elem = loader.builder.elem_of(columns[position], Elem::Number);
        let x = loader.builder.gather(&[columns[position]], elem);
        let test = match missing(loader, object, elem)? {
            Missing::Absent => loader.builder.push_as(Op::Unary(Unary::IsMissing), vec![x], 1, Elem::Boolean),
            Missing::Equal(value) => {
                let constant = loader.builder.push_as(Op::Constant(vec![value]), Vec::new(), 1, elem);
                loader.builder.test(Binary::Equal, x, constant)
            }
        };
        let node = loader.builder.unary(Unary::ToNumber, test);
        result.push(Column::Element(node, 0));
    }
    Ok(result)
}
