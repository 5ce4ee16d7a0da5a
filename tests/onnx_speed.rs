//! How long ONNX models take to load: `cargo test --release --test onnx_speed -- --ignored --nocapture` prints and asserts
//! the targets; they are for a release build and left out of the usual run.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use m2ksql::diag::{Report, Sources};
use m2ksql::load;
use onnx_protobuf::{
    AttributeProto, GraphProto, Message, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};
use std::time::{Duration, Instant};

fn model(width: i64, node: NodeProto, initializer: Option<TensorProto>) -> Vec<u8> {
    let size = |value| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(value)),
        ..Default::default()
    };
    let shape = TensorShapeProto { dim: vec![Default::default(), size(width)], ..Default::default() };
    let tensor = type_proto::Tensor { elem_type: 1, shape: Some(shape).into(), ..Default::default() };
    let ty = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    let graph = GraphProto {
        input: vec![ValueInfoProto { name: "X".into(), type_: Some(ty).into(), ..Default::default() }],
        output: node.output.iter().map(|name| ValueInfoProto { name: name.clone(), ..Default::default() }).collect(),
        node: vec![node],
        initializer: initializer.into_iter().collect(),
        ..Default::default()
    };
    let set = |domain: &str, version| OperatorSetIdProto { domain: domain.into(), version, ..Default::default() };
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![set("", 13), set("ai.onnx.ml", 1)],
        graph: Some(graph).into(),
        ..Default::default()
    };
    model.write_to_bytes().unwrap()
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|at| ((at * 7919) % 1000) as f32 / 1000.0 - 0.5).collect()
}

/// The best of several runs: other work on the machine only adds to it.
fn best(bytes: &[u8]) -> Duration {
    (0..5).map(|_| time(bytes.to_vec())).min().unwrap()
}

fn time(bytes: Vec<u8>) -> Duration {
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let start = Instant::now();
    let graph = load::load(&mut sources, "model.onnx", bytes, &load::Options::default(), &mut report);
    let elapsed = start.elapsed();
    assert!(graph.is_ok(), "{:?}", report.diagnostics());
    elapsed
}

#[test]
#[ignore = "targets of a release build"]
fn wide_classifier_and_large_initializers() {
    let attribute = |name: &str, number: i32| AttributeProto {
        name: name.into(),
        type_: protobuf::EnumOrUnknown::from_i32(number),
        ..Default::default()
    };
    let node = NodeProto {
        domain: "ai.onnx.ml".into(),
        op_type: "LinearClassifier".into(),
        input: vec!["X".into()],
        output: vec!["L".into(), "P".into()],
        attribute: vec![
            AttributeProto { floats: numbers(30_000), ..attribute("coefficients", 6) },
            AttributeProto { floats: numbers(3), ..attribute("intercepts", 6) },
            AttributeProto { ints: vec![0, 1, 2], ..attribute("classlabels_ints", 7) },
        ],
        ..Default::default()
    };
    let wide = best(&model(10_000, node, None));
    println!("10 000 features, 3 classes: {wide:?}");
    let (rows, columns) = (10_000, 2_500);
    let raw = numbers(rows * columns).into_iter().flat_map(f32::to_le_bytes).collect();
    let weights = TensorProto {
        name: "w".into(),
        dims: vec![rows as i64, columns as i64],
        data_type: 1,
        raw_data: raw,
        ..Default::default()
    };
    let node = NodeProto {
        op_type: "MatMul".into(),
        input: vec!["X".into(), "w".into()],
        output: vec!["Y".into()],
        ..Default::default()
    };
    let large = best(&model(rows as i64, node, Some(weights)));
    println!("100 MB of initializers: {large:?}");
    assert!(wide < Duration::from_millis(20) && large < Duration::from_secs(1));
}
