//! Time from graph to text for a growing number of terms: `cargo bench --bench compile`.
//!
//! The time a term must not grow with the number of terms, so each size is shown with its ratio to 1 000 terms, measured in
//! turns in one run: machines are noisy, ratios less so.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use m2ksql::compile::{Options, compile};
use m2ksql::diag::{Report, Sources};
use m2ksql::model::{Elem, Feature, Graph, Linear, Node, NodeId, Op, Output, Precision, Role, Scaling, Unary, Value};
use std::time::{Duration, Instant};

/// A standard scaler before a logistic regression, as a loader makes it.
fn model(features: usize, classes: usize) -> Graph {
    let mut graph = Graph { format: "m2ksql", title: "logistic".into(), ..Graph::default() };
    for number in 0..features {
        graph.features.push(Feature {
            name: format!("feature_{number}"),
            alias: String::new(),
            elem: Elem::Number,
            precision: Precision::Double,
            expression: None,
            place: None,
        });
    }
    let mut node = |op, args: Vec<NodeId>, width| {
        graph.push(Node { op, args, width, elem: Elem::Number, precision: Precision::Double, name: String::new() })
    };
    let inputs: Vec<NodeId> = (0..features).map(|number| node(Op::Input(number), vec![], 1)).collect();
    let x = node(Op::Concat, inputs, features);
    let constant = |number: usize| 0.1 + (number * 37 % 101) as f64 / 7.0;
    let scaling = Scaling::CenterDivide {
        center: (0..features).map(constant).collect(),
        scale: (0..features).map(|number| constant(number + 5)).collect(),
    };
    let scaled = node(Op::Scale(scaling), vec![x], features);
    let targets = if classes == 2 { 1 } else { classes };
    let linear = Linear {
        inputs: features,
        weights: (0..features * targets).map(|number| constant(number) - 7.0).collect(),
        bias: (0..targets).map(constant).collect(),
    };
    let margin = node(Op::Linear(linear), vec![scaled], targets);
    let probabilities = if classes == 2 {
        let other = node(Op::Unary(Unary::Negate), vec![margin], 1);
        let both = node(Op::Concat, vec![other, margin], 2);
        node(Op::Unary(Unary::Sigmoid), vec![both], 2)
    } else {
        node(Op::Softmax, vec![margin], classes)
    };
    let output = |role, name: &str, node| Output { role, name: name.into(), node, elements: Vec::new() };
    graph.outputs =
        vec![output(Role::Probabilities, "predict_proba", probabilities), output(Role::Margin, "margin", margin)];
    graph.classes = (0..classes as i64).map(Value::Integer).collect();
    graph
}

fn once(graph: &Graph) -> (Duration, usize) {
    let options = Options { limits: false, verify: false, ..Options::default() };
    let start = Instant::now();
    let compiled = compile(graph, &options, &mut Sources::new(), &mut Report::new()).ok().unwrap();
    let time = start.elapsed();
    (time, compiled.text.len())
}

fn main() {
    let sizes = [10, 1_000, 10_000, 100_000];
    let graphs: Vec<Graph> = sizes.iter().map(|&size| model(size, 2)).collect();
    let mut best = [Duration::MAX; 4];
    let mut bytes = [0; 4];
    for round in 0..12 {
        for (index, graph) in graphs.iter().enumerate() {
            // a small model is compiled often enough to be timed
            let repeats = (20_000 / sizes[index]).max(1);
            let start = Instant::now();
            for _ in 0..repeats {
                bytes[index] = once(graph).1;
            }
            if round > 0 {
                best[index] = best[index].min(start.elapsed() / repeats as u32);
            }
        }
    }
    let per_term = |index: usize| best[index].as_secs_f64() * 1e9 / sizes[index] as f64;
    println!("scaler and logistic regression, graph to text, best of 11");
    for (index, size) in sizes.iter().enumerate() {
        println!(
            "{size:>7} terms {:>9.3} ms {:>7.0} ns a term, {:.2} of 1 000 terms, {:>9} bytes",
            best[index].as_secs_f64() * 1e3,
            per_term(index),
            per_term(index) / per_term(1),
            bytes[index]
        );
    }
    let margins = model(10_000, 10);
    let mut options = Options { limits: false, verify: false, ..Options::default() };
    options.lower.select = vec![m2ksql::lower::Selection { kind: m2ksql::lower::Kind::Margin, name: None }];
    let start = Instant::now();
    let compiled = compile(&margins, &options, &mut Sources::new(), &mut Report::new()).ok().unwrap();
    println!(
        "10 000 features x 10 classes, margins: {:.3} s, {} bytes",
        start.elapsed().as_secs_f64(),
        compiled.text.len()
    );
}
