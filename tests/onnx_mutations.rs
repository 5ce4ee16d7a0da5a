//! Damaged ONNX files: whatever the bytes are, loading ends with a graph or with a message, in bounded memory.
//!
//! Small models of the corpus are flipped, cut, spliced and stretched at random; what still loads is computed for one
//! row. `M2KSQL_MUTATIONS` sets the number of files (hundreds of thousands take a minute in a release build); the usual
//! run takes a few thousand. On Linux the peak of memory is asserted.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use m2ksql::diag::{Report, Sources};
use m2ksql::load;
use m2ksql::model::Value;
use m2ksql::model::eval::Evaluator;
use std::path::Path;

/// Marsaglia's xorshift: the same files on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..[1, 1, 1, 2, 4][random.below(5)] {
        let at = random.below(bytes.len());
        match random.below(8) {
            0..=2 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            3 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x0c][random.below(7)],
            4 => bytes.truncate(at),
            5 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let to = (from + random.below(64)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            6 => {
                let end = (at + random.below(16)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let varint = [0xff, 0xff, 0xff, 0xff, 0x07];
                bytes.splice(at..at, varint[..random.below(6)].iter().copied());
            }
        }
    }
    bytes
}

/// The largest resident size of this process so far, in megabytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

fn loads(bytes: &[u8]) -> bool {
    let (mut sources, mut report) = (Sources::new(), Report::new());
    load::load(&mut sources, "model.onnx", bytes.to_vec(), &load::Options::default(), &mut report).is_ok()
}

#[test]
fn damaged_files_are_refused_without_panic() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/models");
    let Ok(folders) = std::fs::read_dir(&corpus) else {
        println!("skipped: no ../shared");
        return;
    };
    let mut paths: Vec<_> = folders.map(|entry| entry.unwrap().path().join("model.onnx")).collect();
    paths.sort();
    let seeds: Vec<Vec<u8>> = paths
        .iter()
        .filter_map(|path| std::fs::read(path).ok())
        .filter(|bytes| bytes.len() < 4000 && loads(bytes))
        .collect();
    assert!(seeds.len() > 50);
    let count: usize = std::env::var("M2KSQL_MUTATIONS").map_or(4_000, |text| text.parse().unwrap());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut loaded, mut refused) = (0, 0);
    for _ in 0..count {
        let bytes = mutate(&mut random, &seeds);
        let (mut sources, mut report) = (Sources::new(), Report::new());
        match load::load(&mut sources, "model.onnx", bytes.clone(), &load::Options::default(), &mut report) {
            Ok(graph) => {
                loaded += 1;
                let row = vec![Value::Number(1.5); graph.features.len()];
                let results = Evaluator::new(&graph).unwrap().row(&row);
                assert_eq!(results.len(), graph.outputs.len());
            }
            Err(_) => {
                refused += 1;
                assert!(report.has_errors());
                for finding in report.diagnostics() {
                    let fine = !finding.message.is_empty() && !finding.message.contains("inconsistent");
                    assert!(fine, "{finding:?}\n{bytes:?}");
                }
            }
        }
    }
    let peak = peak();
    println!("{loaded} damaged files load, {refused} are refused; peak of memory {peak:?} MB");
    assert!(loaded > 0 && refused > 0);
    assert!(peak.is_none_or(|peak| peak < 1500), "{peak:?} MB");
}
