//! What a server gives for rows, against what the evaluator gives and what the model does.
//!
//! The evaluator is to give what the server gives bit for bit, its types too. Only below elementary functions, which Java
//! computes in its own way, do numbers differ: there they are held against the bound of the row alone, like every result.

use serde::Serialize;

use super::report::{Mismatch, VerifyReport, ulps};
use super::subject::{Row, Subject, in_words};
use super::values::{of_sql, text};
use crate::schema::{Column, Type};
use crate::sql::ast::{Expr, Item};
use crate::sql::eval::Value;

/// Functions that Java computes within an ulp or so, and not to the same bits everywhere.
const ELEMENTARY: &[&str] = &[
    "EXP",
    "LN",
    "LOG",
    "POWER",
    "SIN",
    "COS",
    "TAN",
    "COT",
    "ASIN",
    "ACOS",
    "ATAN",
    "ATAN2",
    "SINH",
    "COSH",
    "TANH",
    "CBRT",
    "GEO_DISTANCE",
];

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServerReport {
    /// The server's address.
    pub server: String,
    /// Against the evaluator.
    pub evaluator: EvaluatorReport,
    /// Against the model.
    pub model: VerifyReport,
}

/// The server against the evaluator of the same query.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EvaluatorReport {
    /// Rows that the server was asked about; the query may leave some out.
    pub rows: usize,
    /// Results compared.
    pub values: usize,
    /// Results that are the same bit for bit.
    pub identical: usize,
    /// The largest distance of two finite numbers, in units in the last place.
    pub largest_ulps: u64,
    /// Results that differ where no elementary function explains it, and rows that only one of the two leaves out.
    pub different: usize,
    /// Results that have another type, in words.
    pub types: Vec<String>,
    /// The first result that differs; as `model` what the evaluator gives, as `sql` what the server gives.
    pub first: Option<Mismatch>,
}

impl ServerReport {
    /// Whether the server gives what the evaluator gives and what the model does, and gave anything.
    pub fn passes(&self) -> bool {
        self.evaluator.passes() && self.model.is_the_model()
    }
}

impl EvaluatorReport {
    /// Whether nothing differs.
    pub fn passes(&self) -> bool {
        self.different == 0 && self.types.is_empty()
    }
}

impl Subject<'_> {
    /// Compares what a server gives for these rows: for each row all columns of the last query, `None` if a query leaves the row
    /// out, and the types that it says the columns of each query have, `None` for one that is not known here.
    pub fn answered(
        &self,
        server: &str,
        rows: &[Row],
        answers: Vec<Option<Row>>,
        types: &[Vec<Option<Type>>],
    ) -> ServerReport {
        let mut report = ServerReport { server: server.to_owned(), ..ServerReport::default() };
        for ((_, _, gives), types) in self.links().zip(types) {
            for (Column { name, ty: here, .. }, there) in gives.columns.iter().zip(types) {
                if let Some(there) = there.as_ref().filter(|there| *there != here) {
                    report.evaluator.types.push(format!("`{name}` is {here} here, {there} there"));
                }
            }
        }
        let (items, read) = self.items(is_elementary);
        let exact: Vec<bool> = items.iter().map(|item| !read && !is_elementary(item)).collect();
        for (row, theirs) in rows.iter().zip(answers) {
            let theirs = theirs.map(|mut all| self.results(&mut all));
            report.evaluator.rows += 1;
            self.against_evaluator(row, theirs.as_deref(), &exact, &mut report.evaluator);
            self.against_model(row, theirs.as_deref(), &mut report.model);
        }
        report
    }

    fn against_evaluator(&self, row: &Row, theirs: Option<&[Value]>, exact: &[bool], report: &mut EvaluatorReport) {
        let ours = self.sql(row);
        let (ours, theirs) = match (&ours, theirs) {
            (None, None) => return,
            (Some(ours), Some(theirs)) => (ours, theirs),
            (ours, _) => {
                let (a, b) = if ours.is_some() { ("a result", "no result") } else { ("no result", "a result") };
                return self.note(report, row, ["WHERE", a, b].map(str::to_owned));
            }
        };
        for ((((name, _), ours), theirs), exact) in self.outputs().iter().zip(ours).zip(theirs).zip(exact) {
            report.values += 1;
            let distance = distance(ours, theirs);
            match distance {
                Distance::Same => report.identical += 1,
                Distance::Ulps(count) => report.largest_ulps = report.largest_ulps.max(count),
                Distance::Other | Distance::Null => {}
            }
            let explained = distance == Distance::Same || !exact && distance != Distance::Null;
            if !explained {
                self.note(report, row, [name.clone(), words(ours), words(theirs)]);
            }
        }
    }

    /// Counts a difference.
    fn note(&self, report: &mut EvaluatorReport, row: &Row, [output, ours, theirs]: [String; 3]) {
        report.different += 1;
        if report.first.is_none() {
            let row = super::json::json_line(self.relation(), row);
            report.first =
                Some(Mismatch { output, model: ours, sql: theirs, admitted: "nothing else".to_owned(), row });
        }
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Map(_) | Value::Struct(_) => in_words(value),
        _ => text(&of_sql(value)),
    }
}

/// Whether an elementary function is called in it.
fn is_elementary(item: &Item) -> bool {
    let Item::Expr { expr, .. } = item else { return false };
    let mut rest = vec![expr];
    while let Some(expr) = rest.pop() {
        if let Expr::Call(name, _) = expr
            && ELEMENTARY.iter().any(|function| name.as_str().eq_ignore_ascii_case(function))
        {
            return true;
        }
        expr.for_each_child(|child| rest.push(child));
    }
    false
}

/// How two values differ.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Distance {
    Same,
    /// Only in numbers, at most by so many doubles.
    Ulps(u64),
    /// In numbers that are not finite, or in what is no number.
    Other,
    /// One is NULL where the other is not, or their shapes differ.
    Null,
}

impl Distance {
    fn and(self, other: Distance) -> Distance {
        match (self, other) {
            (Distance::Null, _) | (_, Distance::Null) => Distance::Null,
            (Distance::Other, _) | (_, Distance::Other) => Distance::Other,
            (Distance::Ulps(a), Distance::Ulps(b)) => Distance::Ulps(a.max(b)),
            (Distance::Same, other) | (other, Distance::Same) => other,
        }
    }
}

fn distance(a: &Value, b: &Value) -> Distance {
    let all = |a: &[Value], b: &[Value]| match a.len() == b.len() {
        true => a.iter().zip(b).map(|(a, b)| distance(a, b)).fold(Distance::Same, Distance::and),
        false => Distance::Null,
    };
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => all(&a.items(), &b.items()),
        (Value::Struct(a), Value::Struct(b)) => all(a, b),
        (Value::Map(a), Value::Map(b)) => {
            // in any order
            let there = |key: &Value| b.iter().find(|(other, _)| other == key).map(|(_, value)| value);
            let of = |(key, value): &(Value, Value)| there(key).map_or(Distance::Null, |other| distance(value, other));
            if a.len() == b.len() { a.iter().map(of).fold(Distance::Same, Distance::and) } else { Distance::Null }
        }
        (Value::Null, Value::Null) => Distance::Same,
        (Value::Null, _) | (_, Value::Null) => Distance::Null,
        (Value::Double(a), Value::Double(b)) if a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan() => {
            Distance::Same
        }
        (Value::Double(a), Value::Double(b)) if a.is_finite() && b.is_finite() => Distance::Ulps(ulps(*a, *b)),
        (a, b) if a == b => Distance::Same,
        _ => Distance::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_differ_by_ulps_or_altogether() {
        let array = |items: &[Value]| Value::array(items.to_vec());
        let (one, next) = (Value::Double(1.0), Value::Double(1.0 + f64::EPSILON));
        assert_eq!(distance(&one, &next), Distance::Ulps(1));
        assert_eq!(distance(&Value::Double(f64::NAN), &Value::Double(-f64::NAN)), Distance::Same);
        // the signs of zeros are bits too
        assert_eq!(distance(&Value::Double(0.0), &Value::Double(-0.0)), Distance::Ulps(0));
        assert_eq!(distance(&one, &Value::Double(f64::INFINITY)), Distance::Other);
        assert_eq!(distance(&one, &Value::Null), Distance::Null);
        assert_eq!(distance(&Value::string("a"), &Value::string("b")), Distance::Other);
        assert_eq!(
            distance(&array(&[one.clone(), next.clone()]), &array(&[one.clone(), one.clone()])),
            Distance::Ulps(1)
        );
        assert_eq!(distance(&array(&[]), &array(&[one.clone(), one.clone()])), Distance::Null);
        assert_eq!(distance(&array(&[one.clone(), Value::Null]), &array(&[one.clone(), one])), Distance::Null);
    }
}
