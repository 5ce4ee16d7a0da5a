//! Builds the model graph: smart constructors that keep it small and give it the shape a person would have written.
//!
//! Exporters write a logistic regression in a dozen ways: two coefficient rows that are negations of each other, one
//! row and `1 - p`, `1 / (1 + exp(-s))` in four nodes, a normalization of what already sums to one. The constructors
//! here see each of them when its last node is built and give the one form that the other loaders give too. Each
//! simplification states why it is the same function; anything else stays node by node. Nodes that end up without a
//! user are dropped in [`Builder::finish`].

mod simplify;

use super::range;
use crate::model::{Elem, Feature, Graph, Linear, Node, NodeId, Op, Precision, Scaling, Unary, Value};
use std::collections::HashMap;

/// A graph in the making.
#[derive(Debug, Default)]
pub struct Builder {
    graph: Graph,
    /// Where each operand of a wide concatenation starts.
    starts: HashMap<NodeId, Vec<usize>>,
    /// Sigmoids written as `1 / (1 + exp(-s))`: below this score the runtime's exp overflows and the result is 0.
    flushed: HashMap<NodeId, f64>,
    /// One per node: see [`Builder::range`].
    ranges: Vec<(f64, f64)>,
    /// The name that new nodes get.
    pub name: String,
}

impl Builder {
    /// The node of this name.
    pub fn node(&self, id: NodeId) -> &Node {
        self.graph.node(id)
    }

    /// The number of elements of a node.
    pub fn width(&self, id: NodeId) -> usize {
        self.node(id).width
    }

    /// The features so far.
    pub fn features(&self) -> &[Feature] {
        &self.graph.features
    }

    /// Adds a feature and its input node.
    pub fn input(&mut self, feature: Feature) -> NodeId {
        let (elem, precision) = (feature.elem, feature.precision);
        self.graph.features.push(feature);
        let op = Op::Input(self.graph.features.len() - 1);
        self.ranges.push(range::ALL);
        self.graph.push(Node { op, args: Vec::new(), width: 1, elem, precision, name: String::new() })
    }

    /// A node as it is, without any simplification.
    pub fn raw(&mut self, op: Op, args: Vec<NodeId>, width: usize, elem: Elem, precision: Precision) -> NodeId {
        let name = self.name.clone();
        let interval = range::of(&op, &args, self);
        self.ranges.push(interval);
        self.graph.push(Node { op, args, width, elem, precision, name })
    }

    /// The finished graph without unused nodes: features stay, in order.
    pub fn finish(mut self, outputs: &mut [NodeId]) -> Graph {
        let mut used = vec![false; self.graph.nodes.len()];
        for output in outputs.iter() {
            used[output.index()] = true;
        }
        for index in (0..used.len()).rev() {
            if used[index] {
                for arg in &self.graph.nodes[index].args {
                    used[arg.index()] = true;
                }
            }
        }
        let mut place = vec![NodeId(0); used.len()];
        let mut nodes = Vec::new();
        for (index, mut node) in std::mem::take(&mut self.graph.nodes).into_iter().enumerate() {
            if used[index] {
                for arg in &mut node.args {
                    *arg = place[arg.index()];
                }
                place[index] = NodeId(nodes.len() as u32);
                nodes.push(node);
            }
        }
        for output in outputs {
            *output = place[output.index()];
        }
        self.graph.nodes = nodes;
        self.graph
    }

    /// A constant vector.
    pub fn constant(&mut self, values: Vec<Value>, elem: Elem, precision: Precision) -> NodeId {
        let width = values.len();
        self.raw(Op::Constant(values), Vec::new(), width, elem, precision)
    }

    /// The numbers of a constant node.
    pub fn numbers(&self, id: NodeId) -> Option<Vec<f64>> {
        let Op::Constant(values) = &self.node(id).op else { return None };
        values
            .iter()
            .map(|value| match value {
                Value::Number(number) => Some(*number),
                _ => None,
            })
            .collect()
    }

    /// The numbers of a constant, repeated to this width.
    fn spread(&self, id: NodeId, width: usize) -> Option<Vec<f64>> {
        let numbers = self.numbers(id)?;
        match numbers.len() {
            1 => Some(vec![numbers[0]; width]),
            len if len == width => Some(numbers),
            _ => None,
        }
    }

    fn is_constant(&self, id: NodeId, value: f64) -> bool {
        match &self.node(id).op {
            Op::Constant(values) => values.iter().all(|element| *element == Value::Number(value)),
            _ => false,
        }
    }

    /// Operands one after the other.
    pub fn concat(&mut self, parts: Vec<NodeId>) -> NodeId {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match &self.node(part).op {
                Op::Concat => flat.extend(self.node(part).args.iter().copied()),
                _ => flat.push(part),
            }
        }
        if let [one] = flat[..] {
            return one;
        }
        // [sigmoid(-s), sigmoid(s)] = sigmoid([-s, s])
        if let [a, b] = flat[..]
            && let (Op::Unary(Unary::Sigmoid), Op::Unary(Unary::Sigmoid)) = (&self.node(a).op, &self.node(b).op)
            && self.opposite(self.node(a).args[0], self.node(b).args[0])
        {
            let (precision, scores) = (self.node(b).precision, vec![self.node(a).args[0], self.node(b).args[0]]);
            let both = self.concat(scores);
            return self.unary(Unary::Sigmoid, both, Elem::Number, precision);
        }
        let Some(&first) = flat.first() else { return NodeId(0) };
        let elem = self.node(first).elem;
        let single = flat.iter().all(|&part| self.node(part).precision == Precision::Single);
        let mut starts = Vec::with_capacity(flat.len());
        let mut width = 0;
        for &part in &flat {
            starts.push(width);
            width += self.width(part);
        }
        let precision = if single { Precision::Single } else { Precision::Double };
        let id = self.raw(Op::Concat, flat, width, elem, precision);
        self.starts.insert(id, starts);
        id
    }

    /// The elements at these positions.
    pub fn pick(&mut self, x: NodeId, positions: &[usize]) -> NodeId {
        let node = self.node(x);
        if positions.len() == node.width && positions.iter().enumerate().all(|(at, &position)| at == position) {
            return x;
        }
        match &node.op {
            Op::Pick(inner) => {
                let (base, inner) = (node.args[0], positions.iter().map(|&at| inner[at]).collect::<Vec<_>>());
                return self.pick(base, &inner);
            }
            Op::Constant(values) => {
                let values = positions.iter().map(|&at| values[at].clone()).collect();
                let (elem, precision) = (node.elem, node.precision);
                return self.constant(values, elem, precision);
            }
            Op::Linear(linear) => {
                let inputs = linear.inputs;
                let mut rows = Linear { inputs, weights: Vec::new(), bias: Vec::new() };
                for &at in positions {
                    rows.weights.extend_from_slice(&linear.weights[at * inputs..(at + 1) * inputs]);
                    rows.bias.push(linear.bias[at]);
                }
                let (arg, precision) = (node.args[0], node.precision);
                return self.raw_linear(arg, rows, precision);
            }
            Op::Unary(Unary::Sigmoid) => {
                let (arg, precision) = (node.args[0], node.precision);
                let arg = self.pick(arg, positions);
                let id = self.unary(Unary::Sigmoid, arg, Elem::Number, precision);
                if let Some(&least) = self.flushed.get(&x) {
                    self.flushed.insert(id, least);
                }
                return id;
            }
            Op::Concat => {
                if let Some((part, inner)) = self.inside(x, positions) {
                    return self.pick(part, &inner);
                }
                if positions.len() > 1 && self.in_runs(x, positions) {
                    let parts: Vec<NodeId> = self.runs(x, positions);
                    return self.concat(parts);
                }
            }
            _ => {}
        }
        let (elem, precision) = (self.node(x).elem, self.node(x).precision);
        self.raw(Op::Pick(positions.to_vec()), vec![x], positions.len(), elem, precision)
    }

    /// The operand of a concatenation that holds this position, and the position inside it.
    fn locate(&self, x: NodeId, position: usize) -> (usize, usize) {
        let empty = Vec::new();
        let starts = self.starts.get(&x).unwrap_or(&empty);
        let part = starts.partition_point(|&start| start <= position).saturating_sub(1);
        (part, position - starts.get(part).copied().unwrap_or(0))
    }

    /// The one operand of a concatenation that holds all positions.
    fn inside(&self, x: NodeId, positions: &[usize]) -> Option<(NodeId, Vec<usize>)> {
        let (part, _) = self.locate(x, *positions.first()?);
        let mut inner = Vec::with_capacity(positions.len());
        for &position in positions {
            let (found, at) = self.locate(x, position);
            if found != part {
                return None;
            }
            inner.push(at);
        }
        Some((self.node(x).args[part], inner))
    }

    /// Whether the positions take whole operands of a concatenation, in any order.
    fn in_runs(&self, x: NodeId, positions: &[usize]) -> bool {
        let mut at = 0;
        while at < positions.len() {
            let (part, inner) = self.locate(x, positions[at]);
            let width = self.width(self.node(x).args[part]);
            let run = positions.get(at..at + width);
            if inner != 0 || run.is_none_or(|run| run.windows(2).any(|pair| pair[1] != pair[0] + 1)) {
                return false;
            }
            at += width;
        }
        // single features picked out of a row stay a pick of the row
        self.node(x).args.iter().any(|&part| !matches!(self.node(part).op, Op::Input(_)))
    }

    fn runs(&self, x: NodeId, positions: &[usize]) -> Vec<NodeId> {
        let mut parts = Vec::new();
        let mut at = 0;
        while at < positions.len() {
            let (part, _) = self.locate(x, positions[at]);
            let part = self.node(x).args[part];
            at += self.width(part).max(1);
            parts.push(part);
        }
        parts
    }

    fn raw_linear(&mut self, x: NodeId, linear: Linear, precision: Precision) -> NodeId {
        let width = linear.bias.len();
        self.raw(Op::Linear(linear), vec![x], width, Elem::Number, precision)
    }

    /// `W x + b`. Two rows that are negations of each other become one margin and its negation: `-(w x + b)` is the
    /// other row bit for bit, since rounding is symmetric.
    pub fn linear(&mut self, x: NodeId, linear: Linear, precision: Precision) -> NodeId {
        let inputs = linear.inputs;
        if linear.bias.len() == 2 {
            let (first, second) = linear.weights.split_at(inputs);
            let opposite = linear.bias[0] == -linear.bias[1] && first.iter().zip(second).all(|(a, b)| *a == -*b);
            if opposite && second.iter().any(|&weight| weight != 0.0) {
                let second = Linear { inputs, weights: second.to_vec(), bias: vec![linear.bias[1]] };
                let margin = self.raw_linear(x, second, precision);
                let other = self.negate(margin);
                return self.concat(vec![other, margin]);
            }
        }
        self.raw_linear(x, linear, precision)
    }

    /// Whether `a = -b` for every row, exactly.
    fn opposite(&self, a: NodeId, b: NodeId) -> bool {
        let (x, y) = (self.node(a), self.node(b));
        match (&x.op, &y.op) {
            (Op::Unary(Unary::Negate), _) if x.args[0] == b => true,
            (_, Op::Unary(Unary::Negate)) if y.args[0] == a => true,
            (Op::Linear(p), Op::Linear(q)) => {
                x.args == y.args
                    && p.bias.len() == q.bias.len()
                    && p.bias.iter().zip(&q.bias).all(|(a, b)| *a == -*b)
                    && p.weights.iter().zip(&q.weights).all(|(a, b)| *a == -*b)
            }
            _ => false,
        }
    }

    /// `-x`; linear operators and affine ones take the sign into their constants, exactly.
    pub fn negate(&mut self, x: NodeId) -> NodeId {
        let node = self.node(x);
        let (elem, precision, width) = (node.elem, node.precision, node.width);
        // 0 - c instead of -c: no negative zeros
        let negated = |values: &[f64]| values.iter().map(|&value| 0.0 - value).collect::<Vec<f64>>();
        match &node.op {
            Op::Unary(Unary::Negate) => node.args[0],
            Op::Linear(linear) => {
                let (weights, bias) = (negated(&linear.weights), negated(&linear.bias));
                let (x, linear) = (node.args[0], Linear { inputs: linear.inputs, weights, bias });
                self.raw_linear(x, linear, precision)
            }
            Op::Scale(Scaling::MultiplyAdd { factor, shift }) => {
                let scaling = Scaling::MultiplyAdd { factor: negated(factor), shift: negated(shift) };
                let args = node.args.clone();
                self.raw(Op::Scale(scaling), args, width, elem, precision)
            }
            _ => self.raw(Op::Unary(Unary::Negate), vec![x], width, elem, precision),
        }
    }

    /// An interval that holds every element of the node whenever it is not NaN.
    pub fn range(&self, id: NodeId) -> (f64, f64) {
        self.ranges[id.index()]
    }
}
