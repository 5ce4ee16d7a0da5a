//! The outputs of the graph and what they mean: label, probabilities, margin, prediction.
//!
//! ONNX does not say it. A label is what is decided between classes; probabilities are as many numbers within [0, 1] as
//! there are classes; a margin is what the label is decided on; a prediction is the value of a linear model.

use super::build::Builder;
use super::value::{Body, Context, Tensor};
use crate::model::{Binary, Elem, NodeId, Op, Output, Role, Unary, Value};

/// An output of the file.
#[derive(Debug)]
pub struct Found {
    /// Its name in the file.
    pub name: String,
    /// The node that computes it.
    pub node: NodeId,
    /// Of a ZipMap: one key for each element.
    pub keys: Vec<String>,
}

/// The node of an output tensor; none for what is the same for every row.
pub fn node_of(tensor: &Tensor<'_>) -> Option<NodeId> {
    match tensor.body {
        Body::Row(node) => Some(node),
        _ => None,
    }
}

/// Gives the outputs their roles; the second result is the list of classes.
pub fn roles(context: &mut Context, found: Vec<Found>) -> (Vec<Output>, Vec<Value>) {
    let mut outputs: Vec<Output> = found
        .into_iter()
        .map(|output| Output { role: Role::Value, name: output.name, node: output.node, elements: output.keys })
        .collect();
    for output in &mut outputs {
        output.node = as_decision(&mut context.builder, output.node);
    }
    let label = outputs.iter().position(|output| classes_of(&context.builder, output.node).is_some());
    let Some(label) = label else {
        let prediction = outputs.iter().position(|output| is_prediction(context, output.node));
        if let Some(output) = prediction.and_then(|at| outputs.get_mut(at)) {
            output.role = Role::Prediction;
        }
        return (outputs, Vec::new());
    };
    outputs[label].role = Role::Label;
    let classes = classes_of(&context.builder, outputs[label].node).unwrap_or_default();
    let decided = context.builder.node(outputs[label].node).args[0];
    let builder = &context.builder;
    if let Some(output) = outputs.iter_mut().find(|output| {
        output.role == Role::Value
            && builder.width(output.node) == classes.len()
            && is_probability(builder, output.node)
    }) {
        output.role = Role::Probabilities;
    }
    // what the label is decided on is the margin, alone or with its negation
    let taken = outputs.iter().any(|output| output.name == "margin");
    let margin = outputs.iter_mut().find(|output| {
        let same = output.node == decided || builder.margin(output.node) == Some(decided);
        let raw = builder.node(output.node).elem == Elem::Number && !is_probability(builder, output.node);
        output.role == Role::Value && same && raw
    });
    match margin {
        Some(output) => output.role = Role::Margin,
        None if !is_probability(builder, decided) && !taken => {
            outputs.push(Output { role: Role::Margin, name: "margin".into(), node: decided, elements: Vec::new() });
        }
        None => {}
    }
    (outputs, classes)
}

/// The index of the largest of several scores is a label, with the classes 0, 1, …
fn as_decision(builder: &mut Builder, node: NodeId) -> NodeId {
    let found = builder.node(node);
    match found.op {
        Op::ArgMax { last: false } => {
            let scores = found.args[0];
            let width = builder.width(scores);
            if width < 2 || builder.node(scores).elem != Elem::Number {
                return node;
            }
            builder.decide(scores, (0..width as i64).map(Value::Integer).collect())
        }
        _ => node,
    }
}

/// The classes of a label: distinct, none missing.
fn classes_of(builder: &Builder, node: NodeId) -> Option<Vec<Value>> {
    let Op::Decide { classes, .. } = &builder.node(node).op else { return None };
    let distinct = classes.iter().enumerate().all(|(at, class)| !classes[..at].contains(class));
    let present = classes.iter().all(|class| *class != Value::Missing);
    (distinct && present).then(|| classes.clone())
}

/// Within [0, 1], up to the rounding of float32.
fn is_probability(builder: &Builder, node: NodeId) -> bool {
    let (low, high) = builder.range(node);
    builder.node(node).elem == Elem::Number && low >= -1e-6 && high <= 1.0 + 1e-6
}

/// The value of a linear model of ai.onnx.ml, or of one linear row, possibly behind the exponential of a log link.
fn is_prediction(context: &Context, node: NodeId) -> bool {
    if context.predictions.contains(&node) {
        return true;
    }
    let builder = &context.builder;
    let mut at = node;
    // a chain as long as the link functions and rescalings that exporters write
    for _ in 0..8 {
        let found = builder.node(at);
        at = match &found.op {
            Op::Linear(linear) => return linear.bias.len() == 1,
            Op::Unary(Unary::Exp | Unary::ToNumber) | Op::Scale(_) => found.args[0],
            Op::Binary(Binary::Multiply | Binary::Add) if found.width == 1 => {
                match (&builder.node(found.args[0]).op, &builder.node(found.args[1]).op) {
                    (_, Op::Constant(_)) => found.args[0],
                    (Op::Constant(_), _) => found.args[1],
                    _ => return false,
                }
            }
            _ => return context.predictions.contains(&at),
        };
        if context.predictions.contains(&at) {
            return true;
        }
    }
    false
}
