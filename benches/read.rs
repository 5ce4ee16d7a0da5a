//! Time to read a text of SQL: `cargo bench --bench read`.
//!
//! The text is what `compile` prints for models of growing size; a megabyte has to take less than half a second.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use m2ksql::diag::{Report, Sources};
use m2ksql::syntax;
use std::time::{Duration, Instant};

/// A statement of about this many bytes: sums of terms with constants of 17 digits.
fn statement(bytes: usize) -> String {
    let mut text = String::from("CREATE STREAM SCORED AS SELECT\n  ORDERID");
    let mut number = 0_u32;
    while text.len() < bytes {
        text += ",\n  1E0 / (1E0 + EXP(\n      2.5E0";
        for _ in 0..100 {
            let constant = 0.1 + f64::from(number % 1013) / 7.0;
            text += &format!("\n    - {constant:E} * FEATURE_{}", number % 500);
            number += 1;
        }
        text += &format!(")) AS P_{number}");
    }
    text + "\nFROM SOURCE\nEMIT CHANGES;\n"
}

fn main() {
    println!("{:>10} {:>10} {:>12}", "bytes", "ms", "MB/s");
    for bytes in [1_000, 10_000, 100_000, 1_000_000, 4_000_000] {
        let text = statement(bytes);
        let mut best = Duration::MAX;
        for _ in 0..7 {
            let start = Instant::now();
            let source = Sources::new().add("<bench>", "");
            let script = syntax::script(source, &text, &mut Report::new()).unwrap();
            best = best.min(start.elapsed());
            assert_eq!(script.statements.len(), 1);
        }
        let seconds = best.as_secs_f64();
        println!("{:>10} {:>10.2} {:>12.1}", text.len(), seconds * 1e3, text.len() as f64 / seconds / 1e6);
    }
}
