//! What is done to the features before they are weighed: by what missing values are filled, how values are scaled, which
//! categories are known.

use std::collections::{BTreeMap, BTreeSet};

use super::terms::{Parts, score_node, text};
use crate::model::{Graph, NodeId, Op, Scaling, Unary, Value};

/// The steps of a model by what they do to what: `scale of age` has `center` and `scale`.
pub(crate) type Steps = BTreeMap<(String, String), BTreeMap<String, String>>;

/// The steps before the scores.
pub(crate) fn steps(graph: &Graph, parts: &Parts) -> Steps {
    let mut steps = Steps::new();
    let Some((score, _)) = score_node(graph) else { return steps };
    for id in before(graph, score) {
        let node = graph.node(id);
        // by its name, or by that of the step that it belongs to
        let step = if node.name.is_empty() { node.op.title() } else { node.name.clone() };
        let first = node.args.first().map(|id| parts.labels[id.index()].as_slice()).unwrap_or_default();
        let mut add = |what: &str, element: usize, settings: Vec<(String, String)>| {
            let (of, settings) = match first.get(element).cloned().flatten() {
                Some(label) => (label, settings),
                // of something without a name the step has the settings, by the number of the element
                None => {
                    let numbered = settings.into_iter().map(|(name, value)| (format!("{name} {element}"), value));
                    (step.clone(), numbered.collect())
                }
            };
            steps.entry((what.to_owned(), of)).or_default().extend(settings);
        };
        let one = |name: &str, value: f64| (name.to_owned(), value.to_string());
        match &node.op {
            Op::Impute { fill, .. } => {
                for (element, value) in fill.iter().enumerate() {
                    add("imputed", element, vec![("by".to_owned(), text(value))]);
                }
            }
            Op::Scale(scaling) => {
                for element in 0..node.width {
                    let settings = match scaling {
                        Scaling::CenterDivide { center, scale } => {
                            vec![one("center", center[element]), one("scale", scale[element])]
                        }
                        Scaling::CenterMultiply { offset, factor } => {
                            vec![one("center", offset[element]), one("factor", factor[element])]
                        }
                        Scaling::MultiplyAdd { factor, shift } => {
                            vec![one("factor", factor[element]), one("shift", shift[element])]
                        }
                    };
                    add("scaled", element, settings);
                }
            }
            Op::OneHot { encoders, .. } => {
                for (element, encoder) in encoders.iter().enumerate() {
                    let keys = encoder.keys.iter().filter(|key| **key != Value::Missing);
                    add("one-hot", element, keys.map(|key| (text(key), String::new())).collect());
                }
            }
            Op::Encode(encoders) => {
                for (element, encoder) in encoders.iter().enumerate() {
                    let pairs = encoder.keys.iter().zip(&encoder.values);
                    add("encoded", element, pairs.map(|(key, value)| (text(key), text(value))).collect());
                }
            }
            Op::Bins { edges, .. } => {
                for (element, edges) in edges.iter().enumerate() {
                    let edges = edges.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
                    add("binned", element, vec![("edges".to_owned(), edges)]);
                }
            }
            Op::Polynomial(terms) => {
                let settings = vec![("terms".to_owned(), terms.len().to_string())];
                steps.entry(("products".to_owned(), step)).or_default().extend(settings);
            }
            Op::Linear(linear) if id != score && linear.inputs > 1 => {
                let sizes = format!("{} to {}", linear.inputs, linear.bias.len());
                let settings = BTreeMap::from([("widths".to_owned(), sizes)]);
                steps.entry(("projected".to_owned(), step)).or_insert(settings);
            }
            Op::Normalize(_) => {
                steps.entry((node.op.title().to_lowercase(), step)).or_default();
            }
            Op::Unary(Unary::Negate | Unary::ToNumber | Unary::ToInteger) => {}
            Op::Unary(_) if id != score => {
                for element in 0..node.width {
                    add(&node.op.title().to_lowercase(), element, Vec::new());
                }
            }
            _ => {}
        }
    }
    steps
}

/// The nodes that a node is computed from, itself included, in the order of the graph.
fn before(graph: &Graph, last: NodeId) -> BTreeSet<NodeId> {
    let (mut found, mut rest) = (BTreeSet::new(), vec![last]);
    while let Some(id) = rest.pop() {
        if found.insert(id) {
            rest.extend(&graph.node(id).args);
        }
    }
    found
}
