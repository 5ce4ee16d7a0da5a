//! The evaluator against what a real ksqlDB 0.29.0 did: types, values and refusals of recorded expressions.
//!
//! Values agree bit for bit, except below elementary functions, where Java allows an ulp a call: see `agrees`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use m2ksql::diag::{Report, Sources};
use m2ksql::schema::{Relation, Type};
use m2ksql::sql::eval::{Column, Event, Program, Value};
use m2ksql::syntax;

mod recording;

use recording::{Json, Recording};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ksqldb");
const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/ksqldb");

/// Functions whose results may differ by an ulp from Java's.
const ELEMENTARY: &[&str] = &[
    "EXP(",
    "LN(",
    "LOG(",
    "POWER(",
    "SIN(",
    "COS(",
    "TAN(",
    "COT(",
    "ASIN(",
    "ACOS(",
    "ATAN(",
    "ATAN2(",
    "SINH(",
    "COSH(",
    "TANH(",
    "CBRT(",
    "GEO_DISTANCE(",
];

fn compile(text: &str, relation: &Relation) -> Result<Program, String> {
    let mut sources = Sources::new();
    let source = sources.add("<recorded>", text);
    let mut report = Report::new();
    let program =
        syntax::expression(source, text, &mut report).and_then(|expr| Program::compile(&expr, relation, &mut report));
    assert_eq!(program.is_err(), report.has_errors(), "{text}");
    program.map_err(|_| {
        report.diagnostics().iter().map(|d| format!("{} {}", d.code.id, d.message)).collect::<Vec<_>>().join("; ")
    })
}

/// Equal, or, below elementary functions, nearly so: half an ulp a call of the functions is Java's own error and half
/// an ulp is ours, and what is computed from them may amplify that, so a relative difference of 2^-52 a call is allowed,
/// with a factor of 8 for the conditions of the sums and exponents around it.
fn agrees(expected: &Value, actual: &Value, calls: usize) -> bool {
    match (expected, actual) {
        (Value::Double(a), Value::Double(b)) if calls > 0 && a.is_finite() && b.is_finite() => {
            let bound = f64::EPSILON * calls as f64 * 8.0;
            a.to_bits() == b.to_bits() || (a - b).abs() <= bound * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            let (a, b) = (a.items(), b.items());
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| agrees(a, b, calls))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.0 == b.0 && agrees(&a.1, &b.1, calls))
        }
        (Value::Struct(a), Value::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| agrees(a, b, calls))
        }
        (a, b) => a == b,
    }
}

#[derive(Default)]
struct Counts {
    expressions: usize,
    values: usize,
    inexact: usize,
    refused: usize,
    fast: usize,
}

fn check(folder: &str, files: &[&str]) -> Counts {
    let rows = Recording::open(folder);
    let mut counts = Counts::default();
    let mut faults = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(format!("{folder}/{file}")).expect("a recording").lines() {
            let record = Json::read(line);
            let text = record.get("expr").text();
            let program = compile(text, &rows.relation);
            match (program, record.find("error")) {
                (Err(_), Some(_)) => counts.refused += 1,
                (Ok(program), Some(error)) => {
                    faults.push(format!("{text}\n  is a {} here, the server said {}", program.ty(), error.text()));
                }
                (Err(message), None) => faults.push(format!("{text}\n  {message}")),
                (Ok(program), None) => {
                    counts.expressions += 1;
                    check_values(text, &program, &record, &rows, &mut counts, &mut faults);
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults[..faults.len().min(40)].join("\n"));
    counts
}

fn check_values(
    text: &str,
    program: &Program,
    record: &Json,
    rows: &Recording,
    counts: &mut Counts,
    faults: &mut Vec<String>,
) {
    let ty = record.get("type").text();
    if program.ty().to_string() != ty {
        faults.push(format!("{text}\n  is a {} here, for the server a {ty}", program.ty()));
        return;
    }
    let calls: usize = ELEMENTARY.iter().map(|name| text.to_uppercase().matches(name).count()).sum();
    let event = Event { rowtime: 1_700_000_000_000, now: 1_700_000_000_001, ..Event::default() };
    let columns: Vec<Vec<Value>> =
        (0..rows.relation.columns.len()).map(|at| rows.rows.iter().map(|row| row[at].clone()).collect()).collect();
    let columns: Vec<Column<'_>> = columns.iter().map(|values| Column::Values(values)).collect();
    let batch = program.eval_batch(&columns, rows.rows.len(), &event);
    counts.fast += usize::from(program.is_fast());
    for (index, (row, expected)) in rows.rows.iter().zip(record.get("values").items()).enumerate() {
        let expected = recording::value(expected, program.ty());
        let actual = program.eval(row, &event);
        counts.values += 1;
        if batch.value(index) != actual {
            faults.push(format!("{text}\n  row {index}: {:?} in a batch, {actual:?} alone", batch.value(index)));
            return;
        }
        counts.inexact += usize::from(expected != actual);
        if !agrees(&expected, &actual, calls) {
            faults.push(format!("{text}\n  row {index}: {actual:?} here, for the server {expected:?}"));
            return;
        }
    }
}

fn report(place: &str, counts: &Counts) {
    println!(
        "{place}: {} expressions with {} values agree ({} within ulps; {} expressions on the fast path), {} refused",
        counts.expressions, counts.values, counts.inexact, counts.fast, counts.refused
    );
}

#[test]
fn the_selection_in_this_repository_agrees() {
    let counts = check(FIXTURES, &["expressions.jsonl"]);
    report("fixtures", &counts);
    assert!(counts.values > 5_000 && counts.refused > 10);
}

#[test]
fn all_recorded_expressions_agree() {
    if !std::path::Path::new(SHARED).exists() {
        return println!("skipped: no ../shared");
    }
    let counts = check(SHARED, &["expressions-hand.jsonl", "expressions-shapes.jsonl", "expressions-random.jsonl"]);
    report("recorded", &counts);
    assert_eq!(counts.expressions + counts.refused, 1822);
    assert_eq!(counts.values, counts.expressions * 64);
}

#[test]
fn types_are_read_back() {
    for text in ["DOUBLE", "DECIMAL(10, 4)", "ARRAY<STRUCT<`K` STRING, `V` MAP<STRING, BIGINT>>>"] {
        assert_eq!(recording::ty(text).to_string(), text);
    }
    assert_eq!(recording::ty("TIMESTAMP"), Type::Timestamp);
}

/// The evaluator's functions are those of 0.29: each is in the oldest release that is served, by its sources, or has a later one.
#[test]
fn every_function_has_a_first_release() {
    let recorded = std::fs::read_to_string(format!("{FIXTURES}/functions-0.21.txt")).unwrap();
    let oldest: Vec<&str> = recorded.lines().filter(|line| !line.starts_with('#')).collect();
    let names = m2ksql::sql::eval::function_names();
    assert!(names.len() > 80 && oldest.len() > 80);
    for name in names {
        let later = m2ksql::sql::dialect::since(name).is_some();
        assert!(later != oldest.contains(&name), "{name}: say in src/sql/dialect/functions.rs since when there is one");
    }
}
