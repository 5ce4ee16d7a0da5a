//! The content of an ONNX file: small messages parsed by the protobuf crate, tensors as views into the file's bytes.
//!
//! Weights are most of a file. They are not parsed but found: a [`TensorView`] borrows its bytes, so that a model of
//! 100 MB is in memory once until its numbers are widened into the graph.

use super::tensor::TensorView;
use super::wire::{self, Damage, Fields, Wire};
use onnx_protobuf::{Message, NodeProto, OperatorSetIdProto, StringStringEntryProto, ValueInfoProto};
use std::collections::BTreeMap;

/// An ONNX model: what the loader needs of `ModelProto`.
#[derive(Debug, Default)]
pub struct File<'a> {
    /// The version of the container, 0 if the file has none.
    pub ir_version: i64,
    /// The version of each operator domain; the default domain is `""`.
    pub opsets: BTreeMap<String, i64>,
    /// `skl2onnx 1.20.0`.
    pub producer: String,
    /// Free entries of the exporter.
    pub metadata: Vec<(String, String)>,
    /// Operators in topological order.
    pub nodes: Vec<NodeProto>,
    /// What a caller feeds (in old files also what has a default).
    pub inputs: Vec<ValueInfoProto>,
    /// What the graph yields.
    pub outputs: Vec<ValueInfoProto>,
    /// Constants.
    pub initializers: Vec<TensorView<'a>>,
    /// Parts of the file that the loader does not read, in words.
    pub unread: Vec<&'static str>,
}

impl<'a> File<'a> {
    /// Reads a file. [`wire::check`] runs first.
    pub fn read(bytes: &'a [u8]) -> Result<File<'a>, Damage> {
        wire::check(bytes)?;
        let mut file = File::default();
        let mut graphs = 0;
        let mut version = String::new();
        for field in Fields::new(bytes) {
            let field = field?;
            match (field.number, field.wire) {
                (1, Wire::Varint(value)) => file.ir_version = value as i64,
                (2, Wire::Bytes(text)) => file.producer = String::from_utf8_lossy(text).into_owned(),
                (3, Wire::Bytes(text)) => version = String::from_utf8_lossy(text).into_owned(),
                (7, Wire::Bytes(graph)) => {
                    graphs += 1;
                    file.graph(graph)?;
                }
                (8, Wire::Bytes(message)) => {
                    let opset: OperatorSetIdProto = parse(message, "an operator set")?;
                    let domain = if opset.domain == "ai.onnx" { String::new() } else { opset.domain };
                    let entry = file.opsets.entry(domain).or_insert(opset.version);
                    *entry = opset.version.max(*entry);
                }
                (14, Wire::Bytes(message)) => {
                    let entry: StringStringEntryProto = parse(message, "a metadata entry")?;
                    file.metadata.push((entry.key, entry.value));
                }
                (20, _) => file.unread.push("training information"),
                (25, _) => file.unread.push("functions that the model itself defines"),
                _ => {}
            }
        }
        if graphs > 1 {
            file.unread.push("a second graph");
        }
        if !version.is_empty() {
            file.producer = format!("{} {version}", file.producer);
        }
        file.unread.dedup();
        Ok(file)
    }

    fn graph(&mut self, graph: &'a [u8]) -> Result<(), Damage> {
        for field in Fields::new(graph) {
            let field = field?;
            match (field.number, field.wire) {
                (1, Wire::Bytes(message)) => self.nodes.push(parse(message, "a node")?),
                (5, Wire::Bytes(message)) => self.initializers.push(TensorView::read(message)?),
                (11, Wire::Bytes(message)) => self.inputs.push(parse(message, "an input")?),
                (12, Wire::Bytes(message)) => self.outputs.push(parse(message, "an output")?),
                (15, _) => self.unread.push("sparse initializers"),
                _ => {}
            }
        }
        Ok(())
    }
}

fn parse<M: Message>(message: &[u8], what: &str) -> Result<M, Damage> {
    M::parse_from_bytes(message).map_err(|error| Damage { offset: 0, what: format!("{what} cannot be read: {error}") })
}
