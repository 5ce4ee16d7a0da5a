//! Models built in memory: what operators compute, what graphs the exporters' tails become, and what is said of files
//! that are refused.

mod messages;
mod operators;
mod shapes;

use super::{Options, load};
use crate::diag::{Report, Sources};
use crate::model::eval::Evaluator;
use crate::model::{Graph, Value};
use onnx_protobuf::{
    AttributeProto, GraphProto, Message, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};

const ML: &str = "ai.onnx.ml";

/// A model in the making.
pub(super) struct Model(ModelProto);

pub(super) enum Attr<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f32),
    Floats(&'a [f32]),
    Text(&'a str),
    Texts(&'a [&'a str]),
}

fn attribute(name: &str, value: Attr<'_>) -> AttributeProto {
    let mut proto = AttributeProto { name: name.into(), ..Default::default() };
    let number = match value {
        Attr::Float(value) => {
            proto.f = value;
            1
        }
        Attr::Int(value) => {
            proto.i = value;
            2
        }
        Attr::Text(text) => {
            proto.s = text.into();
            3
        }
        Attr::Floats(values) => {
            proto.floats = values.to_vec();
            6
        }
        Attr::Ints(values) => {
            proto.ints = values.to_vec();
            7
        }
        Attr::Texts(texts) => {
            proto.strings = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
            8
        }
    };
    proto.type_ = protobuf::EnumOrUnknown::from_i32(number);
    proto
}

fn info(name: &str, ty: i32, dims: &[i64]) -> ValueInfoProto {
    let dimension = |&size: &i64| tensor_shape_proto::Dimension {
        value: (size >= 0).then_some(tensor_shape_proto::dimension::Value::DimValue(size)),
        ..Default::default()
    };
    let shape = TensorShapeProto { dim: dims.iter().map(dimension).collect(), ..Default::default() };
    let tensor = type_proto::Tensor { elem_type: ty, shape: Some(shape).into(), ..Default::default() };
    let value = Some(type_proto::Value::TensorType(tensor));
    let ty = TypeProto { value, ..Default::default() };
    ValueInfoProto { name: name.into(), type_: Some(ty).into(), ..Default::default() }
}

pub(super) fn floats(dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto { dims: dims.to_vec(), data_type: 1, float_data: values.to_vec(), ..Default::default() }
}

fn ints(dims: &[i64], values: &[i64]) -> TensorProto {
    TensorProto { dims: dims.to_vec(), data_type: 7, int64_data: values.to_vec(), ..Default::default() }
}

impl Model {
    pub(super) fn new(opset: i64) -> Self {
        let set = |domain: &str, version| OperatorSetIdProto { domain: domain.into(), version, ..Default::default() };
        let mut model = ModelProto { ir_version: 8, ..Default::default() };
        // exporters list a domain twice
        model.opset_import = vec![set("", opset), set("", opset), set(ML, 3)];
        model.graph = Some(GraphProto::default()).into();
        Model(model)
    }

    fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.as_mut().unwrap()
    }

    /// An input `[N, width]` of this element type.
    pub(super) fn input(mut self, name: &str, ty: i32, width: i64) -> Self {
        self.graph().input.push(info(name, ty, &[-1, width]));
        self
    }

    pub(super) fn initializer(mut self, name: &str, mut tensor: TensorProto) -> Self {
        tensor.name = name.into();
        self.graph().initializer.push(tensor);
        self
    }

    pub(super) fn node(
        mut self,
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: Vec<(&str, Attr<'_>)>,
    ) -> Self {
        let (domain, op_type) = match op.strip_prefix("ml.") {
            Some(op) => (ML, op),
            None => ("", op),
        };
        self.graph().node.push(NodeProto {
            domain: domain.into(),
            op_type: op_type.into(),
            input: inputs.iter().map(|&name| name.into()).collect(),
            output: outputs.iter().map(|&name| name.into()).collect(),
            attribute: attributes.into_iter().map(|(name, value)| attribute(name, value)).collect(),
            ..Default::default()
        });
        self
    }

    pub(super) fn output(mut self, name: &str) -> Self {
        self.graph().output.push(ValueInfoProto { name: name.into(), ..Default::default() });
        self
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.write_to_bytes().unwrap()
    }

    pub(super) fn load_with(&self, options: &Options<'_>) -> (Option<Graph>, Report) {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let source = sources.add("model.onnx", "");
        let graph = load(&self.bytes(), source, options, &mut report).ok();
        (graph, report)
    }

    fn load(&self) -> Graph {
        let (graph, report) = self.load_with(&Options::default());
        graph.unwrap_or_else(|| panic!("{:?}", report.diagnostics()))
    }

    /// The first output for rows of numbers.
    pub(super) fn run(&self, rows: &[&[f64]]) -> Vec<Vec<f64>> {
        let rows: Vec<Vec<Value>> = rows.iter().map(|row| row.iter().map(|&v| Value::Number(v)).collect()).collect();
        self.run_values(&rows).into_iter().map(|row| row.into_iter().map(to_number).collect()).collect()
    }

    fn run_values(&self, rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
        let graph = self.load();
        let evaluator = Evaluator::new(&graph).unwrap();
        rows.iter().map(|row| evaluator.row(row).swap_remove(0)).collect()
    }
}

/// One number a row.
pub(super) fn to_numbers(rows: Vec<Vec<f64>>) -> Vec<f64> {
    rows.into_iter().map(|row| row[0]).collect()
}

fn to_number(value: Value) -> f64 {
    match value {
        Value::Number(number) => number,
        Value::Integer(integer) => integer as f64,
        Value::Boolean(boolean) => f64::from(u8::from(boolean)),
        other => panic!("{other:?} is no number"),
    }
}
