//! What a case gives against what is expected.

use std::path::Path;

use super::super::score::Table;
use super::super::session::Session;
use crate::diag::codes::environment::CANNOT_READ;
use crate::diag::codes::eval::CASE_FAILED;
use crate::diag::{Diagnostic, Failed, Place, SourceId};
use crate::schema::Type;
use crate::sql::eval::Value;

/// Differences of a case that are shown one by one.
const SHOWN: usize = 5;

/// A file of expected values.
pub(super) struct Expected {
    source: SourceId,
    /// The columns that are compared.
    pub(super) header: Vec<String>,
    /// The rows; `None` for one that cannot be read.
    rows: Vec<Option<csv::StringRecord>>,
}

impl Expected {
    /// Reads the file.
    pub(super) fn read(path: &Path, session: &mut Session) -> Result<Self, Failed> {
        let name = path.display().to_string();
        let source = session.sources.add(name.clone(), "");
        let read = || -> Result<(Vec<String>, Vec<Option<csv::StringRecord>>), csv::Error> {
            let mut reader = csv::Reader::from_path(path)?;
            let header = reader.headers()?.iter().map(|name| name.trim().to_owned()).collect();
            Ok((header, reader.records().map(Result::ok).collect()))
        };
        match read() {
            Ok((header, rows)) => Ok(Expected { source, header, rows }),
            Err(error) => Err(session.fail_io(&CANNOT_READ, "read", &name, &std::io::Error::from(error))),
        }
    }

    /// Compares. `whose` says who computed the values, `names` which columns there are.
    pub(super) fn compare(
        &self,
        table: &Table,
        names: &[String],
        whose: &str,
        tolerance: f64,
        session: &mut Session,
    ) -> Result<(), Failed> {
        let since = session.report.len();
        let mut wrong = |path: String, message: String| {
            session.report.push(Diagnostic::new(&CASE_FAILED, message).at(Place::path(self.source, path)));
        };
        let mut columns = Vec::new();
        for name in &self.header {
            let found = table.columns.iter().position(|(column, _)| column.eq_ignore_ascii_case(name));
            if found.is_none() {
                wrong("line 1".to_owned(), format!("the SQL has no column `{name}`, but {}", names.join(", ")));
            }
            columns.push(found);
        }
        let mut differences = 0;
        for (number, record) in self.rows.iter().enumerate() {
            let Some(record) = record else {
                wrong(format!("line {}", number + 2), "the row cannot be read".to_owned());
                continue;
            };
            let Some(row) = table.rows.get(number) else { continue };
            for ((column, field), name) in columns.iter().zip(record).zip(&self.header) {
                let Some(column) = column else { continue };
                let (value, ty) = (&row[*column], &table.columns[*column].1);
                if agrees(value, ty, field.trim(), tolerance) {
                    continue;
                }
                differences += 1;
                if differences <= SHOWN {
                    let found = if value.is_null() { "NULL".to_owned() } else { value.text(ty) };
                    let expected = if field.is_empty() { "NULL" } else { field };
                    let place = format!("line {}, column `{name}`", number + 2);
                    wrong(place, format!("expected `{expected}`, {whose} gives `{found}`"));
                }
            }
        }
        if differences > SHOWN {
            wrong("the rest".to_owned(), format!("{} more values differ", differences - SHOWN));
        }
        if self.rows.len() != table.rows.len() {
            let message = format!("there are {} rows, and {} are expected", table.rows.len(), self.rows.len());
            wrong("the rows".to_owned(), message);
        }
        session.report.check(since)
    }
}

/// Whether a value is what a field says.
fn agrees(value: &Value, ty: &Type, field: &str, tolerance: f64) -> bool {
    match value {
        Value::Null => field.is_empty(),
        Value::Double(value) => field.parse::<f64>().is_ok_and(|expected| {
            *value == expected
                || value.is_nan() && expected.is_nan()
                || expected.is_finite() && (value - expected).abs() <= tolerance * value.abs().max(expected.abs())
        }),
        Value::Boolean(truth) => field.eq_ignore_ascii_case(if *truth { "true" } else { "false" }),
        other => other.text(ty) == field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_within_the_tolerance_and_all_else_exactly() {
        let double = |value: f64, field: &str| agrees(&Value::Double(value), &Type::Double, field, 1e-9);
        assert!(double(1.0, "1.0000000001") && !double(1.0, "1.00000001") && double(f64::NAN, "NaN"));
        assert!(double(f64::INFINITY, "inf") && !double(f64::MAX, "inf") && !double(0.0, "") && !double(0.0, "no"));
        assert!(agrees(&Value::Null, &Type::Double, "", 1.0) && !agrees(&Value::Null, &Type::Double, "0", 1.0));
        assert!(agrees(&Value::Boolean(true), &Type::Boolean, "True", 0.0));
        assert!(
            agrees(&Value::Bigint(7), &Type::Bigint, "7", 0.0) && !agrees(&Value::Bigint(7), &Type::Bigint, "7.0", 1.0)
        );
        assert!(
            agrees(&Value::string("a"), &Type::String, "a", 0.0)
                && !agrees(&Value::string("a"), &Type::String, "A", 0.0)
        );
    }
}
