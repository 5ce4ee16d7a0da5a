//! Rows a second of the evaluator, from memory, one core: `cargo bench --bench eval`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use m2ksql::diag::{Report, Sources};
use m2ksql::schema::{Column, Kind, Relation, Type};
use m2ksql::sql::eval::{self, Event, Program, Value};
use m2ksql::syntax;

const FEATURES: usize = 10;
const ROWS: usize = 8192;

fn main() {
    let columns = (0..FEATURES).map(|at| Column { name: format!("F{at}"), ty: Type::Double, key: None }).collect();
    let relation = Relation { name: "SRC".into(), kind: Kind::Stream, columns };
    let data: Vec<Vec<f64>> = (0..FEATURES)
        .map(|at| (0..ROWS).map(|row| ((row * 31 + at * 17) % 997) as f64 / 500.0 - 1.0).collect())
        .collect();
    let batch: Vec<eval::Column<'_>> = data.iter().map(|values| eval::Column::Doubles(values, &[])).collect();
    let rows: Vec<Vec<Value>> =
        (0..ROWS).map(|row| data.iter().map(|values| Value::Double(values[row])).collect()).collect();

    let terms: Vec<String> = (0..FEATURES).map(|at| format!("{}E-1 * F{at}", at + 1)).collect();
    let margin = terms.join(" + ");
    let guard: Vec<String> = (0..FEATURES).map(|at| format!("F{at} IS NULL")).collect();
    let cases = [
        ("logistic", format!("1E0 / (1E0 + EXP(-({margin} - 5E-1)))")),
        (
            "logistic, guarded",
            format!(
                "CASE WHEN {} THEN CAST(NULL AS DOUBLE) ELSE 1E0 / (1E0 + EXP(-({margin} - 5E-1))) END",
                guard.join(" OR ")
            ),
        ),
        ("bound", format!("REDUCE(ARRAY[{margin}], 0E0, (_S, _Z) => CASE WHEN _Z > 0E0 THEN _Z ELSE 0E0 END)")),
        ("label", format!("CASE WHEN {margin} > 0E0 THEN 'yes' ELSE 'no' END")),
    ];
    for (name, text) in cases {
        let mut sources = Sources::new();
        let mut report = Report::new();
        let source = sources.add("<bench>", &text);
        let expr = syntax::expression(source, &text, &mut report).expect("an expression");
        let program = Program::compile(&expr, &relation, &mut report).expect("a program");
        let event = Event::default();
        let fast = measure(|| {
            black_box(program.eval_batch(&batch, ROWS, &event));
        });
        let general = measure(|| {
            for row in &rows {
                black_box(program.eval(row, &event));
            }
        });
        let path = if program.is_fast() { "fast path" } else { "general path" };
        println!("{name:18} {fast:9.2} million rows/s in batches ({path}), {general:7.2} row by row");
    }
}

/// Million rows a second, over about a second.
fn measure(mut run: impl FnMut()) -> f64 {
    run();
    let (start, mut rounds) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_millis(700) {
        run();
        rounds += 1;
    }
    (rounds * ROWS) as f64 / start.elapsed().as_secs_f64() / 1e6
}
