//! What each feature adds to the margin: the terms of the last linear step, gathered by the feature that they are about.
//!
//! The margin is `Σ w x + b` over the columns that preprocessing makes of the features. The contribution of a feature is the
//! part of that sum whose columns depend on it alone: all categories of a one-hot group, all powers of a number, a scaled
//! number with its share of the centre. Columns that are products of several features are a contribution of their own.
//! Contributions and intercept add up to the margin, or to the prediction of a model without one: what is behind the linear
//! step is folded into them if it is affine, and an offset is a contribution of its own. A column that mixes features in another way (a projection, a row that
//! is normalized) belongs to none, so that there are no contributions then.
//!
//! Of two classes they speak for the second, of more for the one that is predicted.

use super::graph::{Graph, Node, NodeId, Role};
use super::op::{Binary, Decision, Elem, Linear, Op, Scaling, Unary, Value};
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
    /// The result is no affine function of the linear step's sum; which step is not.
    Transformed(String),
}

/// Adds nodes that compute the contributions.
pub fn contributions(graph: &mut Graph) -> Result<Contributions, Obstacle> {
    let (role, root) = root(graph).ok_or(Obstacle::NotLinear)?;
    let at = last_linear(graph, root).ok_or(Obstacle::NotLinear)?;
    let node = graph.node(at).clone();
    let Op::Linear(linear) = &node.op else { return Err(Obstacle::NotLinear) };
    let tail = Tail::of(graph, at, root);
    if tail.end != root && !matches!(role, Role::Probabilities | Role::Label) {
        return Err(Obstacle::Transformed(tail.next(graph, root)));
    }
    let mut groups = groups(graph, node.args[0], linear)?;
    let classes = graph.classes.len();
    let targets = match (linear.bias.len(), classes) {
        (1, 0 | 2) => Targets::Only,
        (2, 2) if is_softmax(graph, tail.end) && tail.is_uniform() => Targets::Difference,
        (2, 2) if is_softmax(graph, tail.end) => return Err(Obstacle::NotLinear),
        (2, 2) => Targets::Second,
        (width, classes) if width == classes => Targets::Predicted(decider(graph).unwrap_or(at)),
        (_, 0) => return Err(Obstacle::Targets),
        _ => return Err(Obstacle::NotLinear),
    };
    let offsets = tail.offsets.iter().map(|offset| Ok((about(graph, offset.node)?, offset)));
    let offsets: Vec<(Vec<usize>, &Offset)> = offsets.collect::<Result<_, Obstacle>>()?;
    for (features, _) in &offsets {
        if !features.is_empty() && !groups.iter().any(|(other, _)| other == features) {
            groups.push((features.clone(), Vec::new()));
        }
    }
    let mut parts = Vec::with_capacity(groups.len());
    let mut names = Vec::with_capacity(groups.len());
    for (features, columns) in groups {
        let named: Vec<&str> = features.iter().map(|&feature| graph.features[feature].name.as_str()).collect();
        names.push(named.join(" * "));
        let mut all = Vec::new();
        if !columns.is_empty() {
            all.push(part(graph, &node, linear, &tail, &targets, columns));
        }
        for (_, offset) in offsets.iter().filter(|(of, _)| *of == features) {
            all.push(tail.scaled(graph, &node, offset.node, offset.behind, &[0]));
        }
        let add = |graph: &mut Graph, a: NodeId, b: NodeId| {
            let op = Op::Binary(Binary::Add);
            graph.push(Node { op, args: vec![a, b], width: 1, name: String::new(), ..node.clone() })
        };
        let sum = all.into_iter().reduce(|a, b| add(graph, a, b));
        parts.extend(sum);
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
fn part(
    graph: &mut Graph,
    node: &Node,
    linear: &Linear,
    tail: &Tail,
    targets: &Targets,
    columns: Vec<usize>,
) -> NodeId {
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
    let rows: Vec<usize> = match targets {
        Targets::Second => vec![1],
        _ => (0..width).collect(),
    };
    let part = tail.scaled(graph, node, part, 0, &rows);
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

/// What the contributions are of: the margin, or what there is instead.
fn root(graph: &Graph) -> Option<(Role, NodeId)> {
    let roles = [Role::Margin, Role::Probabilities, Role::Label, Role::Prediction, Role::Value];
    roles.into_iter().find_map(|role| Some((role, graph.output(role)?.node)))
}

/// The nodes that a node needs, itself among them, if another one were not there.
fn needed(graph: &Graph, root: NodeId, without: Option<usize>) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    needed[root.index()] = true;
    for index in (0..graph.nodes.len()).rev().filter(|&index| Some(index) != without) {
        if needed[index] {
            graph.nodes[index].args.iter().for_each(|arg| needed[arg.index()] = true);
        }
    }
    needed
}

/// The linear step that everything goes through from the features to the margin, or to what is computed from it.
fn last_linear(graph: &Graph, root: NodeId) -> Option<NodeId> {
    let all = needed(graph, root, None);
    let is_linear = |&index: &usize| all[index] && matches!(graph.nodes[index].op, Op::Linear(_));
    let last = (0..graph.nodes.len()).rev().find(is_linear)?;
    let around = needed(graph, root, Some(last));
    let bypassed = (0..last).any(|index| around[index] && matches!(graph.nodes[index].op, Op::Input(_)));
    (!bypassed).then_some(NodeId(last as u32))
}

/// The affine steps behind the linear one, up to what its terms add up to.
struct Tail {
    /// Of every target, what its terms are multiplied with, or divided by.
    steps: Vec<Step>,
    offsets: Vec<Offset>,
    /// The last of them.
    end: NodeId,
}

enum Step {
    Multiply(Vec<f64>),
    Divide(Vec<f64>),
}

/// Something else that is added.
struct Offset {
    node: NodeId,
    /// How many steps stand before it: those do not concern it.
    behind: usize,
}

impl Tail {
    fn of(graph: &Graph, at: NodeId, root: NodeId) -> Tail {
        let all = needed(graph, root, None);
        let mut tail = Tail { steps: Vec::new(), offsets: Vec::new(), end: at };
        while tail.end != root {
            let users: Vec<usize> = (0..graph.nodes.len())
                .filter(|&index| all[index] && graph.nodes[index].args.contains(&tail.end))
                .collect();
            let [user] = users.as_slice() else { break };
            if tail.add(graph, &graph.nodes[*user]).is_none() {
                break;
            }
            tail.end = NodeId(*user as u32);
        }
        tail
    }

    /// One more node, if it is affine in the end.
    fn add(&mut self, graph: &Graph, node: &Node) -> Option<()> {
        let width = graph.node(self.end).width;
        let constant = |id: NodeId| match &graph.node(id).op {
            Op::Constant(values) if values.len() == 1 || values.len() == width => {
                let number = |at: usize| match values.get(at).or(values.first()) {
                    Some(Value::Number(number)) => Some(*number),
                    _ => None,
                };
                (0..width).map(number).collect::<Option<Vec<f64>>>()
            }
            _ => None,
        };
        let minus = || Step::Multiply(vec![-1.0; width]);
        if node.width != width || node.elem != Elem::Number {
            return None;
        }
        match &node.op {
            Op::Scale(Scaling::CenterDivide { scale, .. }) => self.steps.push(Step::Divide(scale.clone())),
            Op::Scale(Scaling::CenterMultiply { factor, .. } | Scaling::MultiplyAdd { factor, .. }) => {
                self.steps.push(Step::Multiply(factor.clone()));
            }
            Op::Unary(Unary::Negate) => self.steps.push(minus()),
            Op::Unary(Unary::ToNumber) => {}
            Op::Pick(positions) if positions.iter().copied().eq(0..width) => {}
            Op::Concat if node.args.len() == 1 => {}
            Op::MissingIf if node.args[0] == self.end && node.args[1] != self.end => {}
            Op::Binary(binary) if node.args[0] != node.args[1] => {
                let first = node.args[0] == self.end;
                let other = node.args[usize::from(first)];
                match (binary, constant(other)) {
                    (Binary::Add, Some(_)) => {}
                    (Binary::Subtract, Some(_)) if first => {}
                    (Binary::Subtract, Some(_)) => self.steps.push(minus()),
                    (Binary::Multiply, Some(factor)) => self.steps.push(Step::Multiply(factor)),
                    (Binary::Divide, Some(divisor)) if first => self.steps.push(Step::Divide(divisor)),
                    (Binary::Add, None) if width == 1 => {
                        self.offsets.push(Offset { node: other, behind: self.steps.len() });
                    }
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Whether all targets are scaled alike.
    fn is_uniform(&self) -> bool {
        self.steps.iter().all(|step| {
            let (Step::Multiply(list) | Step::Divide(list)) = step;
            list.iter().all(|it| *it == list[0])
        })
    }

    /// These rows of the targets behind the steps from a number of them on.
    fn scaled(&self, graph: &mut Graph, like: &Node, mut part: NodeId, from: usize, rows: &[usize]) -> NodeId {
        for step in &self.steps[from..] {
            let of = |list: &[f64]| rows.iter().map(|&row| list[row]).collect::<Vec<f64>>();
            let zeros = vec![0.0; rows.len()];
            let scaling = match step {
                Step::Multiply(factor) => Scaling::CenterMultiply { offset: zeros, factor: of(factor) },
                Step::Divide(scale) => Scaling::CenterDivide { center: zeros, scale: of(scale) },
            };
            let op = Op::Scale(scaling);
            part = graph.push(Node { op, args: vec![part], width: rows.len(), name: String::new(), ..like.clone() });
        }
        part
    }

    /// What the step is called that is not affine.
    fn next(&self, graph: &Graph, root: NodeId) -> String {
        let all = needed(graph, root, None);
        let user = graph.nodes.iter().enumerate().find(|(index, node)| all[*index] && node.args.contains(&self.end));
        user.map(|(_, node)| if node.name.is_empty() { node.op.title() } else { node.name.clone() }).unwrap_or_default()
    }
}

/// The features that an offset is about; none if it is a constant.
fn about(graph: &Graph, node: NodeId) -> Result<Vec<usize>, Obstacle> {
    match &support(graph)[node.index()][0] {
        Support::Mixed => Err(Obstacle::Mixed(mixer(graph, node, 0))),
        other => Ok(other.features().unwrap_or_default().to_vec()),
    }
}

fn is_softmax(graph: &Graph, scores: NodeId) -> bool {
    graph.nodes.iter().any(|node| matches!(node.op, Op::Softmax | Op::LogSoftmax) && node.args == [scores])
}

/// The scores whose largest decides the label.
pub fn decider(graph: &Graph) -> Option<NodeId> {
    let label = graph.node(graph.output(Role::Label)?.node);
    match &label.op {
        Op::Decide { decision: Decision::FirstLargest, .. } => Some(label.args[0]),
        _ => None,
    }
}
