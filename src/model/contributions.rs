//! What each feature adds to the margin: the terms of the last linear step, gathered by the feature that they are about.
//!
//! The margin is `Σ w x + b` over the columns that preprocessing makes of the features. The contribution of a feature is the
//! part of that sum whose columns depend on it alone: all categories of a one-hot group, all powers of a number, a scaled
//! number with its share of the centre. Columns that are products of several features are a contribution of their own.
//! Contributions and intercept add up to the margin. A column that mixes features in another way (a projection, a row that
//! is normalized) belongs to none, so that there are no contributions then.
//!
//! Of two classes they speak for the second, of more for the one that is predicted.

use super::graph::{Graph, Node, NodeId, Role};
use super::op::{Decision, Elem, Linear, Op};
use super::support::{Support, support};

/// The nodes that were added, and what their elements are about.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// Its elements are the contributions.
    pub node: NodeId,
    /// For each the feature's name, or `a * b` for a product.
    pub names: Vec<String>,
}

/// Why a model has no contributions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The margin is not one linear step over what is made of the features.
    NotLinear,
    /// There are several targets, each with contributions of its own.
    Targets,
    /// A column of the linear step mixes features; which step made it.
    Mixed(String),
}

/// Adds nodes that compute the contributions.
pub fn contributions(graph: &mut Graph) -> Result<Contributions, Obstacle> {
    let at = last_linear(graph).ok_or(Obstacle::NotLinear)?;
    let node = graph.node(at).clone();
    let Op::Linear(linear) = &node.op else { return Err(Obstacle::NotLinear) };
    let groups = groups(graph, node.args[0], linear)?;
    let classes = graph.classes.len();
    let targets = match (linear.bias.len(), classes) {
        (1, 0 | 2) => Targets::Only,
        (2, 2) if is_softmax(graph, at) => Targets::Difference,
        (2, 2) => Targets::Second,
        (width, classes) if width == classes => Targets::Predicted(decider(graph).unwrap_or(at)),
        (_, 0) => return Err(Obstacle::Targets),
        _ => return Err(Obstacle::NotLinear),
    };
    let mut parts = Vec::with_capacity(groups.len());
    let mut names = Vec::with_capacity(groups.len());
    for (features, columns) in groups {
        let named: Vec<&str> = features.iter().map(|&feature| graph.features[feature].name.as_str()).collect();
        names.push(named.join(" * "));
        parts.push(part(graph, &node, linear, &targets, columns));
    }
    let width = parts.len();
    let node = match parts.as_slice() {
        [] => return Err(Obstacle::NotLinear),
        [only] => *only,
        _ => graph.push(Node { op: Op::Concat, args: parts, width, name: String::new(), ..node }),
    };
    Ok(Contributions { node, names })
}

/// Whose margin it is.
enum Targets {
    /// There is one.
    Only,
    /// The second of two.
    Second,
    /// The second less the first.
    Difference,
    /// That of the class with the largest of these scores.
    Predicted(NodeId),
}

/// The part of the margin that some columns make.
fn part(graph: &mut Graph, node: &Node, linear: &Linear, targets: &Targets, columns: Vec<usize>) -> NodeId {
    let row = |target: usize| -> Vec<f64> {
        columns.iter().map(|&column| linear.weights[target * linear.inputs + column]).collect()
    };
    let rows: Vec<Vec<f64>> = match targets {
        Targets::Only => vec![row(0)],
        Targets::Second => vec![row(1)],
        Targets::Difference => vec![row(1).iter().zip(row(0)).map(|(b, a)| b - a).collect()],
        Targets::Predicted(_) => (0..linear.bias.len()).map(row).collect(),
    };
    let (inputs, width) = (columns.len(), rows.len());
    let like = |op, args, width| Node { op, args, width, elem: Elem::Number, name: String::new(), ..node.clone() };
    let picked = graph.push(like(Op::Pick(columns), vec![node.args[0]], inputs));
    let linear = Linear { inputs, weights: rows.concat(), bias: vec![0.0; width] };
    let part = graph.push(like(Op::Linear(linear), vec![picked], width));
    match targets {
        Targets::Predicted(scores) => graph.push(like(Op::OfLargest, vec![*scores, part], 1)),
        _ => part,
    }
}

/// The features that some columns are about, and these columns.
type Group = (Vec<usize>, Vec<usize>);

/// The columns of a linear step by the features that they are about, in order of first occurrence.
fn groups(graph: &Graph, x: NodeId, linear: &Linear) -> Result<Vec<Group>, Obstacle> {
    let support = support(graph);
    let mut groups: Vec<Group> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (column, support) in support[x.index()].iter().enumerate() {
        let weights = (0..linear.bias.len()).map(|target| linear.weights[target * linear.inputs + column]);
        let features = match support {
            Support::Nothing => continue,
            Support::Mixed if weights.into_iter().all(|weight| weight == 0.0) => continue,
            Support::Mixed => return Err(Obstacle::Mixed(mixer(graph, x, column))),
            other => other.features().unwrap_or_default().to_vec(),
        };
        let place = *places.entry(features.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, columns)) => columns.push(column),
            None => groups.push((features, vec![column])),
        }
    }
    Ok(groups)
}

/// What the step is called that mixes features into this column.
fn mixer(graph: &Graph, mut node: NodeId, mut column: usize) -> String {
    loop {
        let at = graph.node(node);
        match &at.op {
            Op::Pick(positions) => column = positions[column],
            Op::Scale(_) | Op::Impute { .. } | Op::Encode(_) | Op::Bins { .. } | Op::Unary(_) => {}
            Op::Concat => {
                let mut start = 0;
                let part = at.args.iter().find(|arg| {
                    let width = graph.node(**arg).width;
                    start += width;
                    column < start
                });
                let Some(&part) = part else { return at.op.title() };
                column -= start - graph.node(part).width;
                node = part;
                continue;
            }
            op => return if at.name.is_empty() { op.title() } else { at.name.clone() },
        }
        node = at.args[0];
    }
}

/// The linear step that everything goes through from the features to the margin, or to what is computed from it.
fn last_linear(graph: &Graph) -> Option<NodeId> {
    let of = |role| graph.output(role).map(|output| output.node);
    let roles = [Role::Margin, Role::Probabilities, Role::Label, Role::Prediction, Role::Value];
    let root = roles.into_iter().find_map(of)?;
    let reach = |without: Option<usize>| {
        let mut needed = vec![false; graph.nodes.len()];
        needed[root.index()] = true;
        for index in (0..graph.nodes.len()).rev().filter(|&index| Some(index) != without) {
            if needed[index] {
                graph.nodes[index].args.iter().for_each(|arg| needed[arg.index()] = true);
            }
        }
        needed
    };
    let needed = reach(None);
    let is_linear = |&index: &usize| needed[index] && matches!(graph.nodes[index].op, Op::Linear(_));
    let last = (0..graph.nodes.len()).rev().find(is_linear)?;
    let around = reach(Some(last));
    let bypassed = (0..last).any(|index| around[index] && matches!(graph.nodes[index].op, Op::Input(_)));
    (!bypassed).then_some(NodeId(last as u32))
}

fn is_softmax(graph: &Graph, linear: NodeId) -> bool {
    graph.nodes.iter().any(|node| node.op == Op::Softmax && node.args == [linear])
}

/// The scores whose largest decides the label.
pub fn decider(graph: &Graph) -> Option<NodeId> {
    let label = graph.node(graph.output(Role::Label)?.node);
    match &label.op {
        Op::Decide { decision: Decision::FirstLargest, .. } => Some(label.args[0]),
        _ => None,
    }
}
