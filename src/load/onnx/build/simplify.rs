//! Constructors that see what an exporter's nodes mean together: each simplification with its equation.

use super::Builder;
use crate::model::{Binary, Decision, Elem, Linear, NodeId, Norm, Op, Precision, Reduction, Scaling, Unary, Value};

impl Builder {
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
        let score = self.flushed.get(&p).map(|&least| (self.node(p).args[0], least));
        let p = self.with_overflow(p);
        let sum = self.reduce(p, Reduction::Sum, precision);
        let some = match score {
            // all are 0 where even the largest score is below the overflow
            Some((score, least)) => {
                let largest = self.reduce(score, Reduction::Max, precision);
                let least = self.constant(vec![Value::Number(least)], Elem::Number, precision);
                let none = self.raw(Op::Binary(Binary::Less), vec![largest, least], 1, Elem::Boolean, precision);
                self.unary(Unary::Not, none, Elem::Boolean, Precision::Double)
            }
            None => self.unary(Unary::ToBoolean, sum, Elem::Boolean, Precision::Double),
        };
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
}
