//! Rows a second of the program `score`, from CSV and lines of JSON, and the memory it takes: `cargo bench --bench score`.
//!
//! A 10-feature logistic model; rows come through a pipe, results go to /dev/null. The rows are made once and written
//! again and again, so that the pipe is never what is waited for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

const FEATURES: usize = 10;
const ROWS: usize = 50_000;

fn main() {
    let model = std::env::temp_dir().join(format!("m2ksql-bench-{}.json", std::process::id()));
    let features: Vec<String> = (0..FEATURES).map(|at| format!("\"f{at}\": {}.{at}5", at % 3)).collect();
    let text =
        format!("{{ \"type\": \"logistic\", \"features\": {{ {} }}, \"intercept\": -1.5 }}", features.join(", "));
    std::fs::write(&model, text).unwrap();
    let number = |row: usize, at: usize| ((row * 31 + at * 17) % 9973) as f64 / 5000.0 - 1.0;
    let header: Vec<String> = (0..FEATURES).map(|at| format!("f{at}")).collect();
    let (mut csv, mut json) = (String::new(), String::new());
    for row in 0..ROWS {
        let fields: Vec<String> = (0..FEATURES).map(|at| number(row, at).to_string()).collect();
        writeln!(csv, "{}", fields.join(",")).unwrap();
        let members: Vec<String> = (0..FEATURES).map(|at| format!("\"F{at}\": {}", number(row, at))).collect();
        writeln!(json, "{{{}}}", members.join(", ")).unwrap();
    }
    println!("input  output  selected              rows   million rows/s   peak memory MB");
    let header = header.join(",") + "\n";
    for (input, head, body) in [("csv", header.as_str(), &csv), ("jsonl", "", &json)] {
        for (format, select) in [("csv", "probability"), ("csv", "label,probability"), ("json", "probability")] {
            for times in [4, 80] {
                let (rate, peak) = run(&model, head, body, times, format, select);
                println!("{input:6} {format:7} {select:20} {:9} {rate:12.2} {peak:16.1}", times * ROWS);
            }
        }
    }
    std::fs::remove_file(&model).unwrap();
}

/// Million rows a second, and the most memory in MB.
fn run(model: &std::path::Path, head: &str, body: &str, times: usize, format: &str, select: &str) -> (f64, f64) {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_m2ksql"))
        .args(["score", &model.to_string_lossy(), "--input", "-", "--format", format, "--select", select])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(head.as_bytes()).unwrap();
    let mut peak: f64 = 0.0;
    for _ in 0..times {
        input.write_all(body.as_bytes()).unwrap();
        peak = peak.max(memory(child.id()));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    ((times * ROWS) as f64 / start.elapsed().as_secs_f64() / 1e6, peak)
}

/// The largest resident size so far, where the system says it.
fn memory(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes / 1024.0)
}
