//! Reads ONNX models.
//!
//! [`wire`] checks the bytes, [`file`] splits them into nodes and tensors, then the graph is interpreted node by node:
//! every tensor is a constant or belongs to a row ([`value`]), every operator of the table ([`ops`]) says what it makes
//! of its operands, and [`build`] keeps the model graph in the shape that the other loaders give. [`output`] says what
//! the results mean. A node that is refused poisons its results, so that one run names all that is wrong with a file;
//! operators that are not supported are listed first, all at once.

mod build;
mod cast;
mod constants;
mod elementwise;
mod encode;
mod external;
mod file;
mod fold;
mod input;
mod layout;
mod linear;
mod models;
mod node;
pub mod ops;
mod output;
mod power;
mod prepare;
mod range;
mod reduce;
mod reshape;
mod svm;
mod tensor;
mod text;
mod types;
mod value;
mod wire;

#[cfg(test)]
mod tests;

pub use external::beside;
pub use wire::sniff;

use crate::diag::codes::onnx as codes;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId};
use crate::load::{Content, Format};
use crate::model::Graph;
use file::File;
use node::{Attributes, Refused};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use value::{Body, Call, Context, Tensor};

/// Reads a file beside the model, by its name.
pub type Reader<'o> = dyn Fn(&str) -> std::io::Result<Vec<u8>> + 'o;

/// What the caller says about a model beyond its bytes.
#[derive(Default)]
pub struct Options<'o> {
    /// One name for each feature, in order.
    pub features: Option<&'o [String]>,
    /// Gives the content of a file in the model's folder, for weights outside of the model; see [`beside`].
    pub reader: Option<&'o Reader<'o>>,
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("features", &self.features).finish_non_exhaustive()
    }
}

/// The entry of the table of formats.
pub(super) const FORMAT: Format = Format {
    name: "onnx",
    description: "ONNX model of skl2onnx, onnxmltools, torch and others",
    sign: "a protobuf message with an ir_version and a graph",
    sniff: |content| matches!(content, Content::Binary(bytes) if sniff(bytes)),
    load: |content, context| {
        let Content::Binary(bytes) = content else { return context.report.check(0).map(|()| Graph::default()) };
        read(bytes, context)
    },
};

/// The same models as JSON.
pub(super) const JSON: Format = Format {
    name: "onnx-json",
    description: "ONNX model written as JSON by `onnx.save(model, path, format=\"json\")`",
    sign: "an object with `graph.node`",
    sniff: text::sniff,
    load: |content, context| {
        let Content::Json(root) = content else { return context.report.check(0).map(|()| Graph::default()) };
        let bytes = text::to_binary(*root, context.report)?;
        read(&bytes, context)
    },
};

fn read(bytes: &[u8], context: &mut crate::load::Context<'_>) -> Result<Graph, Failed> {
    let reader = context.options.folder.clone().map(beside);
    let options = Options {
        features: context.options.features.as_deref(),
        reader: reader.as_ref().map(|read| read as &Reader<'_>),
    };
    load(bytes, context.source, &options, context.report)
}

/// Reads a model.
pub fn load(bytes: &[u8], source: SourceId, options: &Options<'_>, report: &mut Report) -> Result<Graph, Failed> {
    let mut file = match File::read(bytes) {
        Ok(file) => file,
        Err(damage) => {
            let message = format!("{} (at byte {} of {})", damage.what, damage.offset, bytes.len());
            return Err(report.fail(Diagnostic::new(&codes::DAMAGED, message).at(Place::file(source))));
        }
    };
    let since = report.len();
    check_versions(&file, source, report);
    check_operators(&file, source, report);
    report.check(since)?;
    let outside = external::read(&file, source, options.reader, report)?;
    external::fill(&mut file, &outside);
    interpret(&file, bytes.len(), source, options, report)
}

fn check_versions(file: &File<'_>, source: SourceId, report: &mut Report) {
    let place = Place::file(source);
    for part in &file.unread {
        let message = format!("the file holds {part}");
        let help = "export the model for inference, without custom functions";
        report.push(Diagnostic::new(&codes::STRUCTURE, message).at(place.clone()).help(help));
    }
    if !(1..=ops::MAX_IR).contains(&file.ir_version) {
        let message = format!("the container has ir_version {}, supported are 1 to {}", file.ir_version, ops::MAX_IR);
        report.push(
            Diagnostic::new(&codes::VERSION, message).at(place.clone()).help("export with an older `target_opset`"),
        );
    }
    for (domain, newest) in [("", ops::MAX_OPSET), ("ai.onnx.ml", ops::MAX_ML)] {
        if let Some(&version) = file.opsets.get(domain)
            && !(1..=newest).contains(&version)
        {
            let title = if domain.is_empty() { "ai.onnx" } else { domain };
            let message = format!("the operator set {title} has version {version}, supported are 1 to {newest}");
            let help = format!("export with `target_opset` {newest} or lower");
            report.push(Diagnostic::new(&codes::VERSION, message).at(place.clone()).help(help));
        }
    }
}

/// The version of a domain; the first of IR versions below 3 is meant where a file imports none.
fn version(file: &File<'_>, domain: &str) -> i64 {
    file.opsets.get(domain).copied().unwrap_or(1)
}

/// `""` and `ai.onnx` are the same domain.
fn domain(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}

/// Names all operators of the file that are not supported, each once.
fn check_operators(file: &File<'_>, source: SourceId, report: &mut Report) {
    let mut unknown: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for (at, node) in file.nodes.iter().enumerate() {
        let domain = domain(&node.domain);
        let known =
            ops::find(domain, &node.op_type).is_some_and(|operator| operator.versions.contains(&version(file, domain)));
        if !known {
            let entry = unknown.entry((domain, &node.op_type)).or_insert((at, 0));
            entry.1 += 1;
        }
    }
    for ((domain, name), (at, count)) in unknown {
        let title = if domain.is_empty() { name.to_owned() } else { format!("{domain} {name}") };
        let times = if count == 1 { String::new() } else { format!(", which occurs {count} times,") };
        let (message, help) = match ops::find(domain, name) {
            Some(operator) => (
                format!(
                    "the operator `{title}`{times} is not supported in version {} of its set",
                    version(file, domain)
                ),
                format!("convert the model to version {} or newer", operator.versions.start()),
            ),
            None => (format!("the operator `{title}`{times} is not supported"), ops::nearest(domain, name)),
        };
        let place = Place::path(source, node_path(file, at));
        report.push(Diagnostic::new(&codes::OPERATOR, message).at(place).help(help));
    }
}

fn node_path(file: &File<'_>, at: usize) -> String {
    let node = &file.nodes[at];
    let name = if node.name.is_empty() { String::new() } else { format!(" `{}`", node.name) };
    format!("node {at} ({}){name}", node.op_type)
}

/// What a name of the graph stands for.
enum Slot<'a> {
    /// An initializer that no node has read yet.
    Initializer(usize),
    Known(Tensor<'a>),
    /// The result of a node that was refused.
    Poisoned,
}

fn interpret<'a>(
    file: &File<'a>,
    size: usize,
    source: SourceId,
    options: &Options<'_>,
    report: &mut Report,
) -> Result<Graph, Failed> {
    let since = report.len();
    let mut context = Context {
        skl2onnx: file.producer.starts_with("skl2onnx"),
        budget: (1 << 20) + size.saturating_mul(4),
        ..Context::default()
    };
    let mut slots: BTreeMap<&str, Slot<'a>> = BTreeMap::new();
    for (at, tensor) in file.initializers.iter().enumerate() {
        if slots.insert(&tensor.name, Slot::Initializer(at)).is_some() {
            let message = format!("the name `{}` stands for two initializers", tensor.name);
            report.push(Diagnostic::new(&codes::STRUCTURE, message).at(Place::file(source)));
        }
    }
    let inputs = match input::read(&mut context, file, options.features, source) {
        Ok(inputs) => inputs,
        Err(findings) => {
            for finding in findings {
                report.push(finding.at(Place::file(source)));
            }
            return report.check(since).map(|()| Graph::default());
        }
    };
    for (name, tensor) in inputs {
        if let Some(info) = file.inputs.iter().find(|info| info.name == name) {
            slots.insert(&info.name, Slot::Known(tensor));
        }
    }
    let powers = power::find(file);
    let inner: BTreeSet<usize> = powers.iter().flat_map(|power| power.inner.iter().copied()).collect();
    for at in (0..file.nodes.len()).filter(|at| !inner.contains(at)) {
        let place = || Place::path(source, node_path(file, at));
        let results = match powers.iter().find(|power| power.last == at) {
            Some(power) => transformed(&mut context, file, power, &mut slots),
            None => run(&mut context, file, at, &mut slots),
        };
        for warning in context.warnings.drain(..) {
            report.push(warning.at(place()));
        }
        let (results, names) = match results {
            Ok(results) => (results, &file.nodes[at].output),
            Err(finding) => {
                if let Some(finding) = finding {
                    report.push(finding.at(place()));
                }
                (Vec::new(), &file.nodes[at].output)
            }
        };
        let mut results = results.into_iter();
        for name in names {
            let slot = results.next().map_or(Slot::Poisoned, Slot::Known);
            if !name.is_empty() && slots.insert(name, slot).is_some() {
                let message = format!("the name `{name}` is given to two results");
                report.push(Diagnostic::new(&codes::STRUCTURE, message).at(place()));
            }
        }
    }
    let found = outputs(file, &slots, source, report);
    report.check(since)?;
    finish(context, file, found)
        .map_err(|what| report.fail(Diagnostic::new(&codes::OUTPUT, what).at(Place::file(source))))
}

/// The result of the nodes of a PowerTransformer.
fn transformed<'a>(
    context: &mut Context,
    file: &File<'a>,
    power: &power::Power<'_>,
    slots: &mut BTreeMap<&str, Slot<'a>>,
) -> Result<Vec<Tensor<'a>>, Option<Refused>> {
    let x = operand(file, power.input, slots)?;
    context.builder.name = file.nodes[power.last].name.clone();
    match power.build(context, &x).map_err(Some)? {
        Some(result) => Ok(vec![result]),
        None => Err(Some(node::refuse(
            &codes::MEANING,
            format!("a PowerTransformer of {}{} is not supported", x.ty.name(), x.shape()),
        ))),
    }
}

/// Interprets one node. `Err(None)`: an operand was refused before.
fn run<'a>(
    context: &mut Context,
    file: &File<'a>,
    at: usize,
    slots: &mut BTreeMap<&str, Slot<'a>>,
) -> Result<Vec<Tensor<'a>>, Option<Refused>> {
    let node = &file.nodes[at];
    let domain = domain(&node.domain);
    let Some(operator) = ops::find(domain, &node.op_type) else { return Err(None) };
    let mut operands = Vec::with_capacity(node.input.len());
    for name in &node.input {
        operands.push(if name.is_empty() { None } else { Some(operand(file, name, slots)?) });
    }
    while operands.last().is_some_and(Option::is_none) {
        operands.pop();
    }
    if !operator.inputs.contains(&operands.len()) {
        let message = format!("{} has {} operands", node.op_type, operands.len());
        return Err(Some(node::refuse(&codes::SHAPE, message)));
    }
    let attributes = Attributes::new(&node.attribute);
    let outputs = node.output.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    let call = Call {
        op: operator.name,
        version: version(file, domain),
        attributes: &attributes,
        inputs: operands.iter().map(Option::as_ref).collect(),
        outputs,
    };
    context.builder.name = node.name.clone();
    let results = (operator.load)(context, &call).map_err(Some)?;
    if let [first, ..] = attributes.unread()[..] {
        let message = format!("the attribute `{first}` of {} is not known", node.op_type);
        return Err(Some(node::refuse(&codes::ATTRIBUTE, message)));
    }
    if outputs > results.len() {
        let message = format!("{} has {outputs} results, {} are supported", node.op_type, results.len());
        return Err(Some(node::refuse(&codes::MEANING, message)));
    }
    Ok(results.into_iter().map(constants::settled).collect())
}

fn operand<'a>(
    file: &File<'a>,
    name: &str,
    slots: &mut BTreeMap<&str, Slot<'a>>,
) -> Result<Tensor<'a>, Option<Refused>> {
    let Some(slot) = slots.get_mut(name) else {
        let message = format!("nothing that stands before computes `{name}`");
        return Err(Some(node::refuse(&codes::STRUCTURE, message)));
    };
    match slot {
        Slot::Known(tensor) => Ok(tensor.clone()),
        Slot::Poisoned => Err(None),
        Slot::Initializer(index) => match file.initializers[*index].array() {
            Ok(array) => {
                let tensor = Tensor::constant(array);
                *slot = Slot::Known(tensor.clone());
                Ok(tensor)
            }
            Err(what) => {
                *slot = Slot::Poisoned;
                Err(Some(node::refuse(&codes::TENSOR, format!("the initializer `{name}`: {what}"))))
            }
        },
    }
}

fn outputs(
    file: &File<'_>,
    slots: &BTreeMap<&str, Slot<'_>>,
    source: SourceId,
    report: &mut Report,
) -> Vec<output::Found> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for info in &file.outputs {
        let place = Place::path(source, format!("output {}", info.name));
        let mut fail = |what: &str| {
            let message = format!("the output `{}` {what}", info.name);
            report.push(Diagnostic::new(&codes::OUTPUT, message).at(place.clone()));
        };
        if !seen.insert(&info.name) {
            fail("stands twice");
            continue;
        }
        match slots.get(info.name.as_str()) {
            Some(Slot::Known(tensor)) => match (output::node_of(tensor), &tensor.body) {
                (Some(node), _) => {
                    let keys = tensor.keys.as_deref().cloned().unwrap_or_default();
                    found.push(output::Found { name: info.name.clone(), node, keys });
                }
                (None, Body::Sizes(_)) => fail("is the number of rows"),
                (None, _) => report.push(
                    Diagnostic::new(&codes::CONSTANT_OUTPUT, format!("the output `{}` is a constant", info.name))
                        .at(place),
                ),
            },
            Some(Slot::Poisoned) => {}
            Some(Slot::Initializer(_)) => report.push(
                Diagnostic::new(&codes::CONSTANT_OUTPUT, format!("the output `{}` is a constant", info.name)).at(place),
            ),
            None => fail("is not computed by any node"),
        }
    }
    found
}

fn finish(mut context: Context, file: &File<'_>, found: Vec<output::Found>) -> Result<Graph, String> {
    if found.is_empty() {
        return Err("the graph has no output that depends on the row".into());
    }
    let (mut outputs, classes) = output::roles(&mut context, found);
    let mut nodes: Vec<_> = outputs.iter().map(|output| output.node).collect();
    let mut graph = context.builder.finish(&mut nodes);
    for (output, node) in outputs.iter_mut().zip(nodes) {
        output.node = node;
    }
    graph.format = "onnx";
    graph.producer = file.producer.trim().to_owned();
    graph.title = title(file);
    graph.outputs = outputs;
    graph.classes = classes;
    Ok(graph)
}

/// The operators in order, each once.
fn title(file: &File<'_>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for node in &file.nodes {
        if !names.contains(&node.op_type.as_str()) {
            names.push(&node.op_type);
        }
    }
    let more = if names.len() > 8 { ", …" } else { "" };
    names.truncate(8);
    format!("{}{more}", names.join(", "))
}
