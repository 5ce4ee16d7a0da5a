//! Reads values of an expected type and reports what is found instead, with its place.
//!
//! Every function reports all that is wrong with the value it is given, up to [`MOST`] findings of a kind, so that one run
//! shows the problems of a whole matrix. `what` names the value in messages: `` `coef_` ``, `the intercept`.

use super::value::{Json, Kind};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Report, nearest};
use crate::model::Value;
use std::borrow::Cow;

/// The most findings of one kind about one value.
const MOST: usize = 10;

/// Numbers in rows of equal length.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// The number of rows.
    pub rows: usize,
    /// The length of each.
    pub columns: usize,
    /// Row by row.
    pub data: Vec<f64>,
}

/// Reports a value of the wrong type.
pub fn wrong_type(report: &mut Report, json: Json<'_>, what: &str, expected: &str) -> Failed {
    let message = format!("{what} must be {expected}, found {}", json.found());
    report.fail(Diagnostic::new(&codes::WRONG_TYPE, message).at(json.place()).label(format!("expected {expected}")))
}

/// Reports a missing key of an object.
pub fn missing_key(report: &mut Report, object: Json<'_>, key: &str, what: &str) -> Failed {
    let message = format!("{what} has no `{key}`");
    report.fail(Diagnostic::new(&codes::MISSING_KEY, message).at(object.place()).help(format!("add `\"{key}\"`")))
}

/// Reports that two things that belong together have different sizes.
pub fn wrong_length(
    report: &mut Report,
    json: Json<'_>,
    what: &str,
    found: usize,
    expected: usize,
    why: &str,
) -> Failed {
    let message = format!("{what} has length {found}, expected {expected}: {why}");
    report.fail(
        Diagnostic::new(&codes::WRONG_LENGTH, message).at(json.place()).label(format!("{found} instead of {expected}")),
    )
}

/// A value as it stands there, without saying what it is.
pub fn short(json: Json<'_>) -> String {
    json.text().filter(|text| text.len() <= 60).map_or_else(|| json.found(), |text| format!("`{text}`"))
}

/// Reports a word that is none of the known ones.
pub fn unknown_word(report: &mut Report, json: Json<'_>, what: &str, known: &[&str]) -> Failed {
    let found = short(json);
    let list: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let mut diagnostic = Diagnostic::new(&codes::UNKNOWN_WORD, format!("{what} cannot be {found}"))
        .at(json.place())
        .note(format!("known: {}", list.join(", ")));
    if let Some(word) = json.text().and_then(|text| nearest(&text, known.iter().copied())) {
        diagnostic = diagnostic.help(format!("did you mean `{word}`?"));
    }
    report.fail(diagnostic)
}

/// A number that is neither NaN nor infinite.
pub fn number(report: &mut Report, json: Json<'_>, what: &str) -> Result<f64, Failed> {
    let number = any_number(report, json, what)?;
    if number.is_finite() {
        return Ok(number);
    }
    let found = json.number_text().unwrap_or("NaN");
    let (message, help) = match found {
        "NaN" | "Infinity" | "-Infinity" => {
            (format!("{what} is `{found}`, not a finite number"), "fit the model again on finite data")
        }
        _ => (format!("{what} is too large for a double"), "the largest is about 1.8e308"),
    };
    Err(report.fail(Diagnostic::new(&codes::NOT_FINITE, message).at(json.place()).help(help)))
}

/// A number, NaN and infinities included.
pub fn any_number(report: &mut Report, json: Json<'_>, what: &str) -> Result<f64, Failed> {
    json.number().ok_or_else(|| wrong_type(report, json, what, "a number"))
}

/// An integer of 64 bits, also when it is written with a zero fraction (`2.0`).
pub fn integer(report: &mut Report, json: Json<'_>, what: &str) -> Result<i64, Failed> {
    let exact = json.number().filter(|number| number.fract() == 0.0 && number.abs() < 9e15).map(|number| number as i64);
    json.integer().or(exact).ok_or_else(|| wrong_type(report, json, what, "an integer"))
}

/// A count or a position.
pub fn index(report: &mut Report, json: Json<'_>, what: &str) -> Result<usize, Failed> {
    let number = integer(report, json, what)?;
    usize::try_from(number).map_err(|_| wrong_type(report, json, what, "a non-negative integer"))
}

/// `true` or `false`; the numbers 0 and 1 too, which some exporters write.
pub fn boolean(report: &mut Report, json: Json<'_>, what: &str) -> Result<bool, Failed> {
    match (json.boolean(), json.integer()) {
        (Some(value), _) => Ok(value),
        (None, Some(0)) => Ok(false),
        (None, Some(1)) => Ok(true),
        _ => Err(wrong_type(report, json, what, "`true` or `false`")),
    }
}

/// A string.
pub fn text<'a>(report: &mut Report, json: Json<'a>, what: &str) -> Result<Cow<'a, str>, Failed> {
    json.text().ok_or_else(|| wrong_type(report, json, what, "a string"))
}

/// An array.
pub fn array<'a>(report: &mut Report, json: Json<'a>, what: &str) -> Result<Json<'a>, Failed> {
    if json.kind() == Kind::Array { Ok(json) } else { Err(wrong_type(report, json, what, "an array")) }
}

/// An object.
pub fn object<'a>(report: &mut Report, json: Json<'a>, what: &str) -> Result<Json<'a>, Failed> {
    if json.kind() == Kind::Object { Ok(json) } else { Err(wrong_type(report, json, what, "an object")) }
}

/// The items of an array, each read by `read`. All are read, so that all problems are reported, up to a limit.
pub fn list<'a, T>(
    report: &mut Report,
    json: Json<'a>,
    what: &str,
    mut read: impl FnMut(&mut Report, Json<'a>) -> Result<T, Failed>,
) -> Result<Vec<T>, Failed> {
    let mut values = Vec::new();
    let mut failed: Option<Failed> = None;
    let mut count = 0;
    for item in array(report, json, what)?.items() {
        match read(report, item) {
            Ok(value) if failed.is_none() => values.push(value),
            Ok(_) => {}
            Err(error) => {
                failed = Some(error);
                count += 1;
                if count >= MOST {
                    break;
                }
            }
        }
    }
    failed.map_or(Ok(values), Err)
}

/// An array of finite numbers.
pub fn numbers(report: &mut Report, json: Json<'_>, what: &str) -> Result<Vec<f64>, Failed> {
    list(report, json, what, |report, item| number(report, item, &format!("an item of {what}")))
}

/// One finite number, or an array of them.
pub fn number_or_numbers(report: &mut Report, json: Json<'_>, what: &str) -> Result<Vec<f64>, Failed> {
    match json.kind() {
        Kind::Number => Ok(vec![number(report, json, what)?]),
        Kind::Array => numbers(report, json, what),
        _ => Err(wrong_type(report, json, what, "a number or an array of numbers")),
    }
}

/// An array of strings.
pub fn texts(report: &mut Report, json: Json<'_>, what: &str) -> Result<Vec<String>, Failed> {
    list(report, json, what, |report, item| Ok(text(report, item, &format!("an item of {what}"))?.into_owned()))
}

/// An array of arrays of equal length, or one array of numbers as a single row. Not empty.
pub fn matrix(report: &mut Report, json: Json<'_>, what: &str) -> Result<Matrix, Failed> {
    let first = array(report, json, what)?.items().next();
    let Some(first) = first else {
        return Err(report.fail(Diagnostic::new(&codes::EMPTY_MODEL, format!("{what} is empty")).at(json.place())));
    };
    if first.kind() != Kind::Array {
        let data = numbers(report, json, what)?;
        return Ok(Matrix { rows: 1, columns: data.len(), data });
    }
    let columns = first.items().count();
    let mut data = Vec::new();
    let mut rows = 0;
    list(report, json, what, |report, row| {
        let row_of = format!("a row of {what}");
        let numbers = numbers(report, row, &row_of)?;
        rows += 1;
        if numbers.len() != columns {
            return Err(wrong_length(report, row, &row_of, numbers.len(), columns, "the length of the first row"));
        }
        data.extend(numbers);
        Ok(())
    })?;
    if columns == 0 {
        return Err(report.fail(Diagnostic::new(&codes::EMPTY_MODEL, format!("{what} is empty")).at(json.place())));
    }
    Ok(Matrix { rows, columns, data })
}

/// A scalar: number, integer, text, boolean; `null` and NaN are a missing value.
pub fn scalar(report: &mut Report, json: Json<'_>, what: &str) -> Result<Value, Failed> {
    let value = match json.kind() {
        Kind::Null => Value::Missing,
        Kind::Text => Value::Text(json.text().unwrap_or_default().into_owned()),
        Kind::Boolean => Value::Boolean(json.boolean().unwrap_or_default()),
        Kind::Number => match (json.integer(), json.number()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(number)) if number.is_nan() => Value::Missing,
            _ => Value::Number(number(report, json, what)?),
        },
        Kind::Object | Kind::Array => {
            return Err(wrong_type(report, json, what, "a number, a string, `true` or `false`"));
        }
    };
    Ok(value)
}

/// Scalars of one type; integers among numbers become numbers. Missing values are of every type.
pub fn scalars(report: &mut Report, json: Json<'_>, what: &str) -> Result<Vec<Value>, Failed> {
    let values = list(report, json, what, |report, item| scalar(report, item, &format!("an item of {what}")))?;
    let elem = |value: &Value| value.elem();
    let mut elems: Vec<_> = values.iter().filter_map(elem).collect();
    elems.dedup();
    use crate::model::Elem::{Integer, Number};
    if elems.iter().all(|elem| matches!(elem, Integer | Number)) {
        if !elems.contains(&Number) {
            return Ok(values);
        }
        let number = |value| match value {
            Value::Integer(integer) => Value::Number(integer as f64),
            other => other,
        };
        return Ok(values.into_iter().map(number).collect());
    }
    if elems.len() > 1 {
        let message = format!("{what} mixes values of different types");
        return Err(report.fail(
            Diagnostic::new(&codes::MIXED_TYPES, message).at(json.place()).help("write all of them in one type"),
        ));
    }
    Ok(values)
}

/// The classes of a classifier: at least two, of one type, different.
pub fn classes(report: &mut Report, json: Json<'_>, what: &str) -> Result<Vec<Value>, Failed> {
    let classes = scalars(report, json, what)?;
    if classes.len() < 2 {
        let message = format!("{what} has {} class, a classifier has at least two", classes.len());
        return Err(report.fail(Diagnostic::new(&codes::EMPTY_MODEL, message).at(json.place())));
    }
    let mut seen: Vec<(&Value, Json<'_>)> = classes.iter().zip(json.items()).collect();
    seen.sort_by(|a, b| order(a.0, b.0));
    let same = seen.windows(2).find(|pair| order(pair[0].0, pair[1].0).is_eq());
    if let Some([first, second]) = same {
        let message = format!("{what} holds the class {} twice", short(second.1));
        return Err(report.fail(
            Diagnostic::new(&codes::REPEATED, message).at(second.1.place()).related(first.1.place(), "first here"),
        ));
    }
    if let Some((_, place)) = seen.iter().find(|(value, _)| **value == Value::Missing) {
        return Err(wrong_type(report, *place, "a class", "a number, a string, `true` or `false`"));
    }
    Ok(classes)
}

/// A total order of values of one type.
pub fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::Integer(_) => 1,
        Value::Text(_) => 2,
        Value::Boolean(_) => 3,
        Value::Missing => 4,
    }
}

/// A value as the source's library names it: `setosa`, `2`, `True`.
pub fn name_of(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{number:?}"),
        Value::Integer(integer) => integer.to_string(),
        Value::Text(text) => text.clone(),
        Value::Boolean(true) => "True".into(),
        Value::Boolean(false) => "False".into(),
        Value::Missing => "None".into(),
    }
}
