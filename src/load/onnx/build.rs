//! Builds the model graph: smart constructors that keep it small and give it the shape a person would have written.
//!
//! Exporters write a logistic regression in a dozen ways: two coefficient rows that are negations of each other, one
//! row and `1 - p`, `1 / (1 + exp(-s))` in four nodes, a normalization of what already sums to one. The constructors
//! here see each of them when its last node is built and give the one form that the other loaders give too. Each
//! simplification states why it is the same function; anything else stays node by node. Nodes that end up without a
//! user are dropped in [`Builder::finish`].

use super::range;
use crate::model::{
    Binary, Decision, Elem, Feature, Graph, Linear, Node, NodeId, Norm, Op, Precision, Reduction, Scaling, Unary, Value,
};
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

    /// An elementwise function of one operand.
    pub fn unary(&mut self, function: Unary, x: NodeId, elem: Elem, precision: Precision) -> NodeId {
        match function {
            Unary::Negate => return self.negate(x),
            // |x| = x where x >= 0
            Unary::Abs if elem == Elem::Number && self.range(x).0 >= 0.0 => return x,
            // 1 / (1 + e^t) = sigmoid(-t)
            Unary::Reciprocal => {
                if let Some(exponent) = self.one_plus_exp(x) {
                    return self.sigmoid_of_negated(exponent, precision);
                }
            }
            _ => {}
        }
        let width = self.width(x);
        self.raw(Op::Unary(function), vec![x], width, elem, precision)
    }

    /// `t` if the node is `1 + e^t`.
    fn one_plus_exp(&self, x: NodeId) -> Option<NodeId> {
        let node = self.node(x);
        let Op::Binary(Binary::Add) = node.op else { return None };
        let (a, b) = (node.args[0], node.args[1]);
        let exp = if self.is_constant(a, 1.0) {
            b
        } else if self.is_constant(b, 1.0) {
            a
        } else {
            return None;
        };
        match self.node(exp).op {
            Op::Unary(Unary::Exp) => Some(self.node(exp).args[0]),
            _ => None,
        }
    }

    fn sigmoid_of_negated(&mut self, exponent: NodeId, precision: Precision) -> NodeId {
        let score = self.negate(exponent);
        let width = self.width(score);
        let id = self.raw(Op::Unary(Unary::Sigmoid), vec![score], width, Elem::Number, precision);
        let most = if precision == Precision::Single { f64::from(f32::MAX) } else { f64::MAX };
        self.flushed.insert(id, -libm::log(most));
        id
    }

    /// An elementwise function of two operands of the same type, of the same width or one of width 1.
    pub fn binary(&mut self, function: Binary, a: NodeId, b: NodeId, elem: Elem, precision: Precision) -> NodeId {
        if self.node(a).elem == Elem::Number {
            let found = match function {
                Binary::Add => self.add(a, b, precision).or_else(|| self.add(b, a, precision)),
                Binary::Subtract => self.subtract(a, b, precision),
                Binary::Multiply => self.multiply(a, b, precision).or_else(|| self.multiply(b, a, precision)),
                Binary::Divide => self.divide(a, b, precision),
                Binary::Power if self.is_constant(b, 1.0) && self.width(b) <= self.width(a) => Some(a),
                Binary::Power if self.is_constant(b, 2.0) && self.width(b) <= self.width(a) => {
                    return self.binary(Binary::Multiply, a, a, elem, precision);
                }
                _ => None,
            };
            if let Some(found) = found {
                return found;
            }
        }
        let width = self.width(a).max(self.width(b));
        self.raw(Op::Binary(function), vec![a, b], width, elem, precision)
    }

    /// `x + c` for a constant.
    fn add(&mut self, x: NodeId, c: NodeId, precision: Precision) -> Option<NodeId> {
        let width = self.width(x);
        let shift = self.spread(c, width)?;
        if shift.iter().any(|value| !value.is_finite()) {
            return None;
        }
        if self.node(x).precision == precision && shift.iter().all(|&value| value == 0.0) {
            return Some(x);
        }
        let node = self.node(x).clone();
        match node.op {
            // the bias is added last: the sum is the same, rounded once less
            Op::Linear(linear) if linear.bias.iter().all(|&bias| bias == 0.0) && node.precision == precision => {
                Some(self.linear(node.args[0], Linear { bias: shift, ..linear }, precision))
            }
            Op::Concat
                if node.args.len() == 2
                    && node.precision == precision
                    && node.args.iter().all(|&part| matches!(self.node(part).op, Op::Linear(_))) =>
            {
                let mut parts = Vec::new();
                let mut at = 0;
                for part in node.args {
                    let end = at + self.width(part);
                    let bias = shift[at..end].iter().map(|&value| Value::Number(value)).collect();
                    let bias = self.constant(bias, Elem::Number, precision);
                    parts.push(self.binary(Binary::Add, part, bias, Elem::Number, precision));
                    at = end;
                }
                Some(self.concat(parts))
            }
            // (x * f) + s
            Op::Binary(Binary::Multiply) if node.precision == precision => {
                let (x, factor) = self.with_constant(node.args[0], node.args[1])?;
                let factor = self.spread(factor, width).filter(|_| self.width(x) == width)?;
                if factor.iter().any(|value| !value.is_finite()) {
                    return None;
                }
                Some(self.scale(x, Scaling::MultiplyAdd { factor, shift }, precision))
            }
            _ => None,
        }
    }

    fn with_constant(&self, a: NodeId, b: NodeId) -> Option<(NodeId, NodeId)> {
        match (&self.node(a).op, &self.node(b).op) {
            (_, Op::Constant(_)) => Some((a, b)),
            (Op::Constant(_), _) => Some((b, a)),
            _ => None,
        }
    }

    fn subtract(&mut self, a: NodeId, b: NodeId, precision: Precision) -> Option<NodeId> {
        // 1 - sigmoid(s) = sigmoid(-s), without the cancellation
        if self.is_constant(a, 1.0)
            && self.width(a) <= self.width(b)
            && let Op::Unary(Unary::Sigmoid) = self.node(b).op
        {
            let score = self.node(b).args[0];
            let other = self.negate(score);
            let width = self.width(other);
            return Some(self.raw(Op::Unary(Unary::Sigmoid), vec![other], width, Elem::Number, precision));
        }
        if self.node(a).precision == precision && self.is_constant(b, 0.0) && self.width(b) <= self.width(a) {
            return Some(a);
        }
        // (x * f) - s = (x * f) + (-s)
        if let Op::Binary(Binary::Multiply) = self.node(a).op
            && let Some(numbers) = self.numbers(b)
        {
            let values = numbers.iter().map(|&value| Value::Number(-value)).collect();
            let shift = self.constant(values, Elem::Number, precision);
            return self.add(a, shift, precision);
        }
        None
    }

    /// `x * c` for a constant.
    fn multiply(&mut self, x: NodeId, c: NodeId, precision: Precision) -> Option<NodeId> {
        let width = self.width(x);
        let factor = self.spread(c, width)?;
        if self.node(x).precision == precision && factor.iter().all(|&value| value == 1.0) {
            return Some(x);
        }
        if self.node(x).precision == precision && factor.iter().all(|&value| value == -1.0) {
            return Some(self.negate(x));
        }
        // (x - o) * f
        let (x, offset) = self.centered(x, width, precision)?;
        if factor.iter().any(|value| !value.is_finite()) {
            return None;
        }
        Some(self.scale(x, Scaling::CenterMultiply { offset, factor }, precision))
    }

    /// `x` and `c` if the node is `x - c`.
    fn centered(&self, x: NodeId, width: usize, precision: Precision) -> Option<(NodeId, Vec<f64>)> {
        let node = self.node(x);
        match node.op {
            Op::Binary(Binary::Subtract) if node.precision == precision => {
                let center = self.spread(node.args[1], width).filter(|_| self.width(node.args[0]) == width)?;
                center.iter().all(|value| value.is_finite()).then_some((node.args[0], center))
            }
            _ => None,
        }
    }

    fn divide(&mut self, a: NodeId, b: NodeId, precision: Precision) -> Option<NodeId> {
        if self.is_constant(a, 1.0)
            && self.width(a) <= self.width(b)
            && let Some(exponent) = self.one_plus_exp(b)
        {
            return Some(self.sigmoid_of_negated(exponent, precision));
        }
        if let Some(found) = self.masked(a, b, precision) {
            return Some(found);
        }
        // p / Σp = p where Σp = 1
        if let Op::Reduce(Reduction::Sum | Reduction::L1) = self.node(b).op
            && self.node(b).args[0] == a
            && self.sums_to_one(a)
        {
            return Some(a);
        }
        let width = self.width(a);
        let scale = self.spread(b, width)?;
        if self.node(a).precision == precision && scale.iter().all(|&value| value == 1.0) {
            return Some(a);
        }
        // (x - m) / s
        let (x, center) = self.centered(a, width, precision)?;
        if scale.iter().any(|value| !value.is_finite() || *value == 0.0) {
            return None;
        }
        Some(self.scale(x, Scaling::CenterDivide { center, scale }, precision))
    }

    /// Affine preprocessing with constants of the width of `x`.
    pub fn scale(&mut self, x: NodeId, scaling: Scaling, precision: Precision) -> NodeId {
        let width = self.width(x);
        self.raw(Op::Scale(scaling), vec![x], width, Elem::Number, precision)
    }

    /// Whether the elements sum to one by construction, up to rounding.
    fn sums_to_one(&self, x: NodeId) -> bool {
        match self.node(x).op {
            Op::Softmax => true,
            Op::Unary(Unary::Sigmoid) => self.two_opposite(self.node(x).args[0]).is_some(),
            _ => false,
        }
    }

    /// `s` if the node is `[-s, s]`.
    fn two_opposite(&self, x: NodeId) -> Option<NodeId> {
        let node = self.node(x);
        match (&node.op, &node.args[..]) {
            (Op::Concat, &[a, b]) if node.width == 2 && self.opposite(a, b) => Some(b),
            _ => None,
        }
    }

    /// Divides a row by its norm; what sums to one stays.
    pub fn normalize(&mut self, x: NodeId, norm: Norm, precision: Precision) -> NodeId {
        if norm == Norm::L1 && self.sums_to_one(x) {
            return x;
        }
        let width = self.width(x);
        self.raw(Op::Normalize(norm), vec![x], width, Elem::Number, precision)
    }

    /// From a vector to one element.
    pub fn reduce(&mut self, x: NodeId, reduction: Reduction, precision: Precision) -> NodeId {
        let elem = self.node(x).elem;
        match reduction {
            // the sum, product, extreme of one element is the element; its L1 norm its absolute value
            Reduction::Sum | Reduction::Mean | Reduction::Max | Reduction::Min | Reduction::Product
                if self.width(x) == 1 =>
            {
                x
            }
            _ => self.raw(Op::Reduce(reduction), vec![x], 1, elem, precision),
        }
    }

    /// `c ? a : b`.
    pub fn choose(&mut self, c: NodeId, a: NodeId, b: NodeId, precision: Precision) -> NodeId {
        let elem = self.node(a).elem;
        let width = self.width(a).max(self.width(b)).max(self.width(c));
        self.raw(Op::Choose, vec![c, a, b], width, elem, precision)
    }

    /// The class of the largest score, the first of equals. For two scores `[-s, s]` that is the second class where
    /// `s > 0`; for `[sigmoid(-s), sigmoid(s)]` too, since the sigmoid is monotone.
    pub fn decide(&mut self, scores: NodeId, classes: Vec<Value>) -> NodeId {
        let elem = classes.iter().find_map(Value::elem).unwrap_or(Elem::Integer);
        let precision = self.node(scores).precision;
        let (x, decision) = match self.margin(scores) {
            Some(margin) => (margin, Decision::Threshold { threshold: 0.0, inclusive: false }),
            None => (self.unlinked(scores), Decision::FirstLargest),
        };
        self.raw(Op::Decide { classes, decision }, vec![x], 1, elem, precision)
    }

    /// Softmax keeps the order of its operands.
    pub fn unlinked(&self, scores: NodeId) -> NodeId {
        match self.node(scores).op {
            Op::Softmax | Op::LogSoftmax => self.node(scores).args[0],
            _ => scores,
        }
    }

    /// `s` if the two scores are `[-s, s]` or an increasing function of them.
    pub fn margin(&self, scores: NodeId) -> Option<NodeId> {
        let scores = self.unlinked(scores);
        match self.node(scores).op {
            Op::Unary(Unary::Sigmoid) => self.two_opposite(self.node(scores).args[0]),
            _ => self.two_opposite(scores),
        }
    }

    /// scikit-learn's normalization with a way out for a row of zeros, as skl2onnx writes it: with `z = (Σp = 0)` as a
    /// number, `(p + z) / (Σp + z k)` is `p / Σp`, and `1 / k` where all are 0.
    fn masked(&mut self, a: NodeId, b: NodeId, precision: Precision) -> Option<NodeId> {
        let operands = |id: NodeId, function: Binary| {
            let node = self.node(id);
            (node.op == Op::Binary(function)).then(|| [(node.args[0], node.args[1]), (node.args[1], node.args[0])])
        };
        let is_sum =
            |id: NodeId, p: NodeId| self.node(id).op == Op::Reduce(Reduction::Sum) && self.node(id).args[0] == p;
        let inner =
            |id: NodeId, function: Unary| (self.node(id).op == Op::Unary(function)).then(|| self.node(id).args[0]);
        let (p, z) = operands(a, Binary::Add)?.into_iter().find(|&(_, z)| inner(z, Unary::ToNumber).is_some())?;
        let sum = inner(inner(inner(z, Unary::ToNumber)?, Unary::Not)?, Unary::ToBoolean)?;
        let (_, mask) = operands(b, Binary::Add)?.into_iter().find(|&(first, _)| first == sum)?;
        let (_, k) = operands(mask, Binary::Multiply)?.into_iter().find(|&(first, _)| first == z)?;
        let &[k] = &self.numbers(k)?[..] else { return None };
        if !is_sum(sum, p) || self.range(p).0 < 0.0 || k == 0.0 {
            return None;
        }
        let p = self.with_overflow(p);
        let sum = self.reduce(p, Reduction::Sum, precision);
        let some = self.unary(Unary::ToBoolean, sum, Elem::Boolean, Precision::Double);
        let share = self.binary(Binary::Divide, p, sum, Elem::Number, precision);
        let uniform = if precision == Precision::Single { f64::from((1.0 / k) as f32) } else { 1.0 / k };
        let uniform = self.constant(vec![Value::Number(uniform)], Elem::Number, precision);
        Some(self.choose(some, share, uniform, precision))
    }

    /// Sigmoids that were written with an exponential as the runtime computes them: exactly 0 where it overflows. It
    /// matters where the graph asks whether all are 0; elsewhere the difference is below every tolerance.
    fn with_overflow(&mut self, x: NodeId) -> NodeId {
        if let Some(&least) = self.flushed.get(&x) {
            let (precision, width, score) = (self.node(x).precision, self.width(x), self.node(x).args[0]);
            let bound = self.constant(vec![Value::Number(least)], Elem::Number, precision);
            let below = self.raw(Op::Binary(Binary::Less), vec![score, bound], width, Elem::Boolean, precision);
            let zero = self.constant(vec![Value::Number(0.0)], Elem::Number, precision);
            return self.choose(below, zero, x, precision);
        }
        match self.node(x).op {
            Op::Concat if self.node(x).args.iter().any(|part| self.flushed.contains_key(part)) => {
                let parts = self.node(x).args.clone();
                let parts = parts.into_iter().map(|part| self.with_overflow(part)).collect();
                self.concat(parts)
            }
            _ => x,
        }
    }

    /// An interval that holds every element of the node whenever it is not NaN.
    pub fn range(&self, id: NodeId) -> (f64, f64) {
        self.ranges[id.index()]
    }
}
