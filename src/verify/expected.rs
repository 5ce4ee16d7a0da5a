//! What the training library predicts, against what the SQL gives.
//!
//! A library rounds in its own way, and a prediction that went through a file may have lost digits. So a number is right
//! if it is in the bound of the row or within a tolerance of `max(1, |expected|)`; a label is right if rounding may decide
//! so; NULL and NaN are the same, since a library has only the one.

use super::report::Mismatch;
use super::subject::{Row, Subject};
use super::values::of_sql;
use crate::score::Value;
use serde::Serialize;

/// Predictions, one row for each row of the input.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Which of [`Subject::outputs`] each column is.
    pub outputs: Vec<usize>,
    /// One value for each of `outputs`.
    pub rows: Vec<Row>,
    /// How far off a number may be, relative to `max(1, |expected|)`.
    pub tolerance: f64,
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ExpectedReport {
    /// Rows compared; rows that a WHERE clause drops are not.
    pub rows: usize,
    /// Values compared.
    pub values: usize,
    /// The largest absolute difference of two finite numbers.
    pub largest_difference: f64,
    /// Numbers that are too far off, or NULL on one side only.
    pub numbers: usize,
    /// Labels that differ where no rounding explains it.
    pub labels: usize,
    /// The first value that is wrong.
    pub first: Option<Mismatch>,
}

impl ExpectedReport {
    /// Whether everything that was compared agrees, and something was.
    pub fn passes(&self) -> bool {
        self.values > 0 && self.numbers + self.labels == 0
    }
}

impl Subject<'_> {
    /// Compares the SQL with the predictions for the same rows.
    pub fn expect(&self, rows: &[Row], expected: &Expected) -> ExpectedReport {
        let mut report = ExpectedReport::default();
        for (row, wanted) in rows.iter().zip(&expected.rows) {
            let (_, inputs) = self.features(row);
            if self.drops(&inputs) {
                continue;
            }
            report.rows += 1;
            let ranges = self.analysis.row(&inputs);
            let Some(results) = self.sql(row) else { continue };
            for (&output, wanted) in expected.outputs.iter().zip(wanted) {
                report.values += 1;
                let (sql, wanted) = (of_sql(&results[output]), of_sql(wanted));
                // only scalars have predictions
                let range = &ranges[output][0];
                let admitted = range.contains(&sql) && range.contains(&wanted);
                let wrong = match (&sql, &wanted) {
                    (Value::Double(a), Value::Double(b)) => {
                        let difference = (a - b).abs();
                        if difference.is_finite() {
                            report.largest_difference = report.largest_difference.max(difference);
                        }
                        let near = difference <= expected.tolerance * b.abs().max(1.0);
                        let wrong = !(near || admitted || a == b || a.is_nan() && b.is_nan());
                        report.numbers += usize::from(wrong);
                        wrong
                    }
                    (Value::Null, Value::Null) => false,
                    (Value::Null, Value::Double(x)) | (Value::Double(x), Value::Null) if x.is_nan() => false,
                    (a, b) => {
                        let wrong = a != b && !admitted;
                        let number = matches!((a, b), (Value::Double(_), _) | (_, Value::Double(_)));
                        *(if number { &mut report.numbers } else { &mut report.labels }) += usize::from(wrong);
                        wrong
                    }
                };
                if wrong && report.first.is_none() {
                    report.first = Some(self.mismatch(output, row, &wanted, &sql, range));
                }
            }
        }
        report
    }
}
