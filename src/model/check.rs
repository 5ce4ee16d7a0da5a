//! What must be true of a [`Graph`]: checked once behind every loader, relied on by every reader.
//!
//! The check knows each operator's operands, width and types as `op` documents them, and nothing of how operators are
//! computed. It reports every fault it finds, not only the first. A fault is a mistake of the loader that made the
//! graph, not of the user: loaders refuse what is wrong with a file before, with its place.

mod operators;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::graph::{Graph, Output, Role};
use super::op::{Elem, Value};

/// Whether the graph is sound: names of features not empty and unique, every operand before its user, widths and types
/// as the operators demand, constants of the right number and finite where they must be, outputs consistent with the
/// classes. The error has one sentence a fault, in the order of the graph.
pub fn check(graph: &Graph) -> Result<(), Vec<String>> {
    let mut faults = Vec::new();
    features(graph, &mut faults);
    for (index, node) in graph.nodes.iter().enumerate() {
        if let Err(fault) = operators::check(graph, index) {
            faults.push(format!("node {index} ({}): {fault}", operators::title(node)));
        }
    }
    classes(&graph.classes, &mut faults);
    outputs(graph, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Why a node is wrong; a node is left at its first fault, since the others would follow from it.
type Fault = Result<(), String>;

fn features(graph: &Graph, faults: &mut Vec<String>) {
    let mut names = HashSet::new();
    for (index, feature) in graph.features.iter().enumerate() {
        if feature.name.is_empty() {
            faults.push(format!("feature {index} has no name"));
        } else if !names.insert(feature.name.as_str()) {
            faults.push(format!("feature {index}: the name `{}` occurs before", feature.name));
        }
    }
}

fn classes(classes: &[Value], faults: &mut Vec<String>) {
    if let Err(fault) = values_of_one_type(classes) {
        faults.push(format!("classes: {fault}"));
    }
    if let Err(fault) = distinct(classes) {
        faults.push(format!("classes: {fault}"));
    }
    if classes.iter().any(|class| matches!(class, Value::Missing)) {
        faults.push("classes: a class is missing".to_owned());
    }
}

fn outputs(graph: &Graph, faults: &mut Vec<String>) {
    if graph.outputs.is_empty() {
        faults.push("the graph has no output".to_owned());
    }
    let mut roles = Vec::new();
    for (index, output) in graph.outputs.iter().enumerate() {
        if output.role != Role::Value && roles.contains(&output.role) {
            faults.push(format!("output {index} (`{}`): a second output of role {:?}", output.name, output.role));
        }
        roles.push(output.role);
        if let Err(fault) = check_output(graph, output) {
            faults.push(format!("output {index} (`{}`): {fault}", output.name));
        }
    }
}

fn check_output(graph: &Graph, output: &Output) -> Fault {
    let Some(node) = graph.nodes.get(output.node.index()) else {
        return Err(format!("node {} does not exist", output.node.0));
    };
    if !output.elements.is_empty() {
        equal("number of element names", output.elements.len(), node.width)?;
    }
    let classes = graph.classes.len();
    match output.role {
        Role::Label => {
            equal("width of a label", node.width, 1)?;
            match graph.classes.iter().find_map(Value::elem) {
                Some(elem) => is(node.elem, elem, "a label"),
                None => Err("a label, but the graph has no classes".to_owned()),
            }
        }
        Role::Margin => {
            is(node.elem, Elem::Number, "a margin")?;
            match (classes, node.width) {
                (0, _) | (2, 1) => Ok(()),
                (classes, width) => equal("number of margins", width, classes),
            }
        }
        Role::Probabilities => {
            is(node.elem, Elem::Number, "a probability")?;
            if classes == 0 {
                return Err("probabilities, but the graph has no classes".to_owned());
            }
            equal("number of probabilities", node.width, classes)
        }
        Role::Prediction => is(node.elem, Elem::Number, "a prediction"),
        Role::Value => Ok(()),
    }
}

fn equal(what: &str, found: usize, expected: usize) -> Fault {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found}, expected {expected}")) }
}

fn is(found: Elem, expected: Elem, what: &str) -> Fault {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, expected {expected:?}")) }
}

/// The common type; `None` if no value has one.
fn values_of_one_type<'a>(values: impl IntoIterator<Item = &'a Value>) -> Result<Option<Elem>, String> {
    let mut common = None;
    for elem in values.into_iter().filter_map(Value::elem) {
        let common = *common.get_or_insert(elem);
        if common != elem {
            return Err(format!("values of types {common:?} and {elem:?}"));
        }
    }
    Ok(common)
}

/// No value twice, numbers by value, and no NaN.
fn distinct(values: &[Value]) -> Fault {
    #[derive(PartialEq, Eq, Hash)]
    enum Key<'a> {
        Number(u64),
        Integer(i64),
        Text(&'a str),
        Boolean(bool),
        Missing,
    }
    let mut seen = HashSet::new();
    for value in values {
        let key = match value {
            Value::Number(number) if number.is_nan() => return Err("a value is NaN".to_owned()),
            // + 0.0 makes the two zeros one
            Value::Number(number) => Key::Number((number + 0.0).to_bits()),
            Value::Integer(integer) => Key::Integer(*integer),
            Value::Text(text) => Key::Text(text),
            Value::Boolean(boolean) => Key::Boolean(*boolean),
            Value::Missing => Key::Missing,
        };
        if !seen.insert(key) {
            return Err(format!("the value {value:?} occurs twice"));
        }
    }
    Ok(())
}
