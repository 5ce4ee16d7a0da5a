//! PowerTransformer as skl2onnx writes it.
//!
//! Some twenty nodes that rely on `x / x` being NaN for 0 and on imputers that take the NaN away again. Node by node
//! they would be a page of SQL; as a whole they are a function of x that can be written down:
//!
//! - Yeo-Johnson: for x ≥ 0 `((x + 1)^λ - 1) / λ`, for x < 0 `(1 - (1 - x)^(2 - λ)) / (2 - λ)`, and 0 where x is NaN or
//!   infinite or the first power overflows in the runtime's precision;
//! - Box-Cox: `(x^λ - 1) / λ` for x > 0, NaN elsewhere.
//!
//! The nodes are recognized before the graph is interpreted, by their operators, wiring and constants, so that nothing
//! else can be taken for them. A λ of exactly 0 (or 2) is not recognized: there the exporter loses the logarithm.

use super::file::File;
use super::node::{Attributes, Refused};
use super::types::Type;
use super::value::{Context, Tensor, precision};
use crate::model::{Binary, Elem, NodeId, Precision, Value};
use onnx_protobuf::NodeProto;
use std::collections::{BTreeMap, BTreeSet};

/// The nodes of one transformation.
#[derive(Debug)]
pub struct Power<'f> {
    /// The tensor that is transformed.
    pub input: &'f str,
    /// The node whose result is the transformed tensor.
    pub last: usize,
    /// All other nodes of it.
    pub inner: BTreeSet<usize>,
    /// One per feature.
    lambdas: Vec<f64>,
    /// One per feature; empty for Box-Cox.
    others: Vec<f64>,
}

/// The transformations of a file. A node of one whose result something else reads makes it none.
pub fn find<'f>(file: &'f File<'_>) -> Vec<Power<'f>> {
    if !file.nodes.iter().any(|node| node.op_type == "Div" && node.input.len() == 2 && node.input[0] == node.input[1]) {
        return Vec::new();
    }
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, node) in file.nodes.iter().enumerate() {
        if let [result] = node.output.as_slice() {
            made.insert(result, at);
        }
    }
    let candidates = (0..file.nodes.len()).filter(|&at| file.nodes[at].op_type == "Add");
    let mut found: Vec<Power<'f>> = Vec::new();
    for last in candidates {
        let mut matcher = Matcher { file, made: &made, nodes: BTreeSet::new() };
        let Some((input, lambdas, others)) = matcher.transformation(&file.nodes[last]) else { continue };
        let inner = matcher.nodes;
        let read_outside = |(at, node): (usize, &NodeProto)| {
            let inside = at == last || inner.contains(&at);
            !inside && node.input.iter().any(|name| made.get(name.as_str()).is_some_and(|from| inner.contains(from)))
        };
        let is_output = file.outputs.iter().any(|it| made.get(it.name.as_str()).is_some_and(|at| inner.contains(at)));
        if !is_output && !file.nodes.iter().enumerate().any(read_outside) {
            found.push(Power { input, last, inner, lambdas, others });
        }
    }
    found
}

struct Matcher<'m, 'f, 'a> {
    file: &'f File<'a>,
    made: &'m BTreeMap<&'f str, usize>,
    nodes: BTreeSet<usize>,
}

impl<'f> Matcher<'_, 'f, '_> {
    /// The node of this operator that makes a tensor, with its operands.
    fn node<const N: usize>(&mut self, name: &'f str, op: &str) -> Option<(&'f NodeProto, [&'f str; N])> {
        let at = *self.made.get(name)?;
        let node = &self.file.nodes[at];
        self.nodes.insert(at);
        let inputs: Vec<&str> = node.input.iter().map(String::as_str).collect();
        let inputs = <[&str; N]>::try_from(inputs).ok()?;
        (node.op_type == op).then_some((node, inputs))
    }

    fn constant(&self, name: &str) -> Option<Vec<f64>> {
        let tensor = self.file.initializers.iter().find(|it| it.name == name)?;
        let array = tensor.array().ok()?;
        let floats = array.floats()?;
        Some(floats.to_vec())
    }

    /// A constant all of whose elements are this.
    fn all(&self, name: &str, value: f64) -> Option<()> {
        self.constant(name)?.iter().all(|element| *element == value).then_some(())
    }

    /// An Imputer that replaces this by 0: its operand.
    fn imputer(&mut self, name: &'f str, replaced: f64) -> Option<&'f str> {
        let (node, [operand]) = self.node(name, "Imputer")?;
        let attributes = Attributes::new(&node.attribute);
        let found = attributes.float("replaced_value_float", 0.0).ok()?;
        let fills = attributes.floats("imputed_value_floats").ok()?;
        let same = found == replaced || found.is_nan() && replaced.is_nan();
        (same && fills.iter().all(|fill| *fill == 0.0) && !fills.is_empty()).then_some(operand)
    }

    /// `x / x`
    fn ones(&mut self, name: &'f str, x: &str) -> Option<()> {
        let (_, [a, b]) = self.node(name, "Div")?;
        (a == x && b == x).then_some(())
    }

    /// `Mul(Imputer(∞, (power - 1) / λ), 1)`: the difference and λ.
    fn quotient(&mut self, name: &'f str) -> Option<([&'f str; 2], Vec<f64>)> {
        let (_, [imputed, mask]) = self.node(name, "Mul")?;
        self.all(mask, 1.0)?;
        let quotient = self.imputer(imputed, f64::INFINITY)?;
        let (_, [difference, divisor]) = self.node(quotient, "Div")?;
        let (_, terms) = self.node(difference, "Sub")?;
        Some((terms, self.constant(divisor)?))
    }

    /// The tensor that is transformed, and the exponents.
    fn transformation(&mut self, last: &'f NodeProto) -> Option<(&'f str, Vec<f64>, Vec<f64>)> {
        let [above, below] = last.input.as_slice() else { return None };
        let (input, lambdas, others) = self.yeo_johnson(above, below).or_else(|| {
            self.nodes.clear();
            self.box_cox(above, below)
        })?;
        let fine = |list: &[f64]| list.iter().all(|lambda| lambda.is_finite() && *lambda != 0.0);
        (fine(&lambdas) && fine(&others)).then_some((input, lambdas, others))
    }

    fn yeo_johnson(&mut self, above: &'f str, below: &'f str) -> Option<(&'f str, Vec<f64>, Vec<f64>)> {
        let (_, [above, greater]) = self.node(above, "Mul")?;
        let (_, [below, less]) = self.node(below, "Mul")?;
        // the masks
        let (_, [negated]) = self.node(greater, "Cast")?;
        let (_, [condition]) = self.node(negated, "Not")?;
        let (_, [same]) = self.node(less, "Cast")?;
        let (_, [x, zeros]) = self.node(condition, "Less")?;
        let (_, zero) = self.node::<2>(zeros, "Sub")?;
        (same == condition && zero == [x, x]).then_some(())?;
        // ((x + 1)^λ - 1) / λ
        let above = self.imputer(above, f64::NAN)?;
        let (_, [power, logarithm]) = self.node(above, "Add")?;
        let ([power, ones], lambdas) = self.quotient(power)?;
        self.ones(ones, x)?;
        let (_, [base, exponent]) = self.node(power, "Pow")?;
        (self.constant(exponent)? == lambdas).then_some(())?;
        let (_, terms) = self.node::<2>(base, "Add")?;
        (terms == [x, ones]).then_some(())?;
        self.no_logarithm(logarithm, base, false)?;
        // (1 - (1 - x)^(2 - λ)) / (2 - λ)
        let below = self.imputer(below, f64::NAN)?;
        let (_, [power, logarithm]) = self.node(below, "Add")?;
        let ([one, power], others) = self.quotient(power)?;
        (one == ones).then_some(())?;
        let (_, [base, exponent]) = self.node(power, "Pow")?;
        (self.constant(exponent)? == others).then_some(())?;
        let (_, terms) = self.node::<2>(base, "Sub")?;
        (terms == [ones, x] && lambdas.len() == others.len()).then_some(())?;
        self.no_logarithm(logarithm, base, true)?;
        Some((x, lambdas, others))
    }

    /// `Mul([Neg] Log(base), 0)`
    fn no_logarithm(&mut self, name: &'f str, base: &str, negated: bool) -> Option<()> {
        let (_, [mut logarithm, mask]) = self.node(name, "Mul")?;
        self.all(mask, 0.0)?;
        if negated {
            [logarithm] = self.node(logarithm, "Neg")?.1;
        }
        let (_, [operand]) = self.node(logarithm, "Log")?;
        (operand == base).then_some(())
    }

    fn box_cox(&mut self, power: &'f str, logarithm: &'f str) -> Option<(&'f str, Vec<f64>, Vec<f64>)> {
        let ([power, ones], lambdas) = self.quotient(power)?;
        let (_, [x, exponent]) = self.node(power, "Pow")?;
        (self.constant(exponent)? == lambdas).then_some(())?;
        self.ones(ones, x)?;
        let (_, [imputed, mask]) = self.node(logarithm, "Mul")?;
        self.all(mask, 0.0)?;
        let logarithm = self.imputer(imputed, f64::NAN)?;
        let (_, [operand]) = self.node(logarithm, "Log")?;
        (operand == x).then_some((x, lambdas, Vec::new()))
    }
}

impl Power<'_> {
    /// The transformed tensor; `None` if the operand is not one number a feature.
    pub fn build<'a>(&self, context: &mut Context, x: &Tensor<'a>) -> Result<Option<Tensor<'a>>, Refused> {
        if !matches!(x.ty, Type::F32 | Type::F64) || x.is_constant() || x.width() != self.lambdas.len() {
            return Ok(None);
        }
        let p = precision(x.ty);
        let node = context.node(x)?;
        let mut parts = Vec::with_capacity(self.lambdas.len());
        for (at, &lambda) in self.lambdas.iter().enumerate() {
            let column = context.builder.pick(node, &[at]);
            let part = match self.others.get(at) {
                Some(&other) => yeo_johnson(context, column, lambda, other, p),
                None => box_cox(context, column, lambda, p),
            };
            parts.push(part);
        }
        let node = context.builder.concat(parts);
        Ok(Some(Tensor::row(x.ty, x.dims.clone(), x.batch, node)))
    }
}

fn number(context: &mut Context, value: f64, p: Precision) -> NodeId {
    context.builder.constant(vec![Value::Number(value)], Elem::Number, p)
}

/// `a` is compared with a constant.
fn compared(context: &mut Context, a: NodeId, function: Binary, bound: f64, p: Precision) -> NodeId {
    let bound = number(context, bound, p);
    context.builder.binary(function, a, bound, Elem::Boolean, p)
}

fn arithmetic(context: &mut Context, function: Binary, a: NodeId, b: NodeId, p: Precision) -> NodeId {
    context.builder.binary(function, a, b, Elem::Number, p)
}

fn yeo_johnson(context: &mut Context, x: NodeId, lambda: f64, other: f64, p: Precision) -> NodeId {
    let one = number(context, 1.0, p);
    let (exponent, divisor) = (number(context, lambda, p), number(context, lambda, p));
    let base = arithmetic(context, Binary::Add, x, one, p);
    let power = arithmetic(context, Binary::Power, base, exponent, p);
    let above = arithmetic(context, Binary::Subtract, power, one, p);
    let above = arithmetic(context, Binary::Divide, above, divisor, p);
    let (exponent, divisor) = (number(context, other, p), number(context, other, p));
    let base = arithmetic(context, Binary::Subtract, one, x, p);
    let power = arithmetic(context, Binary::Power, base, exponent, p);
    let below = arithmetic(context, Binary::Subtract, one, power, p);
    let below = arithmetic(context, Binary::Divide, below, divisor, p);
    // what is NaN, or +∞, is 0
    let zero = number(context, 0.0, p);
    let not_negative = compared(context, x, Binary::GreaterOrEqual, 0.0, p);
    let small = compared(context, x, Binary::LessOrEqual, largest(lambda, p), p);
    let is_above = context.builder.binary(Binary::And, not_negative, small, Elem::Boolean, p);
    let negative = compared(context, x, Binary::Less, 0.0, p);
    // an overflow to -∞ stays, and is a large number in binary64
    let small = compared(context, x, Binary::GreaterOrEqual, -largest(1.0, p), p);
    let is_below = context.builder.binary(Binary::And, negative, small, Elem::Boolean, p);
    let below = context.builder.choose(is_below, below, zero, p);
    context.builder.choose(is_above, above, below, p)
}

fn box_cox(context: &mut Context, x: NodeId, lambda: f64, p: Precision) -> NodeId {
    let one = number(context, 1.0, p);
    let (exponent, divisor) = (number(context, lambda, p), number(context, lambda, p));
    let power = arithmetic(context, Binary::Power, x, exponent, p);
    let above = arithmetic(context, Binary::Subtract, power, one, p);
    let above = arithmetic(context, Binary::Divide, above, divisor, p);
    let both = context.builder.constant(vec![Value::Missing, Value::Number(0.0)], Elem::Number, p);
    let missing = context.builder.raw(crate::model::Op::Pick(vec![0]), vec![both], 1, Elem::Number, p);
    let positive = compared(context, x, Binary::Greater, 0.0, p);
    let small = compared(context, x, Binary::LessOrEqual, largest(lambda, p), p);
    let defined = context.builder.binary(Binary::And, positive, small, Elem::Boolean, p);
    context.builder.choose(defined, above, missing, p)
}

/// The largest x with a finite `x^exponent` in the runtime's precision.
fn largest(exponent: f64, p: Precision) -> f64 {
    let root = |most: f64| if exponent <= 1.0 { most } else { libm::pow(most, 1.0 / exponent) };
    match p {
        // a number of the runtime's precision, as every constant of the graph
        Precision::Single if exponent <= 1.0 => f64::from(f32::MAX),
        Precision::Single => f64::from((root(f64::from(f32::MAX)) as f32).next_down()),
        Precision::Double => root(f64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Attr, Model, floats, to_numbers};
    use crate::diag::codes::onnx as codes;

    /// What skl2onnx writes for one feature, with the last operand of a node replaced.
    fn model(lambda: f32, replaced: Option<(&str, &str)>) -> Model {
        let one = |value: f32| floats(&[1], &[value]);
        let mut model = Model::new(18).input("X", 1, 1);
        for (name, value) in [("l", lambda), ("k", 2.0 - lambda), ("one", 1.0), ("zero", 0.0)] {
            model = model.initializer(name, one(value));
        }
        let nodes: &[(&str, &[&str], &str)] = &[
            ("Div", &["X", "X"], "ones"),
            ("Sub", &["X", "X"], "zeros"),
            ("Add", &["X", "ones"], "up"),
            ("Sub", &["ones", "X"], "down"),
            ("Less", &["X", "zeros"], "less"),
            ("Cast", &["less"], "negative"),
            ("Not", &["less"], "not"),
            ("Cast", &["not"], "positive"),
            ("Pow", &["up", "l"], "p"),
            ("Sub", &["p", "ones"], "p1"),
            ("Div", &["p1", "l"], "p2"),
            ("inf", &["p2"], "p3"),
            ("Mul", &["p3", "one"], "p4"),
            ("Log", &["up"], "log"),
            ("Mul", &["log", "zero"], "log1"),
            ("Add", &["p4", "log1"], "a"),
            ("nan", &["a"], "a1"),
            ("Mul", &["a1", "positive"], "a2"),
            ("Pow", &["down", "k"], "q"),
            ("Sub", &["ones", "q"], "q1"),
            ("Div", &["q1", "k"], "q2"),
            ("inf", &["q2"], "q3"),
            ("Mul", &["q3", "one"], "q4"),
            ("Log", &["down"], "nol"),
            ("Neg", &["nol"], "nol1"),
            ("Mul", &["nol1", "zero"], "nol2"),
            ("Add", &["q4", "nol2"], "b"),
            ("nan", &["b"], "b1"),
            ("Mul", &["b1", "negative"], "b2"),
            ("Add", &["a2", "b2"], "Y"),
        ];
        for (op, inputs, output) in nodes {
            let mut inputs = inputs.to_vec();
            if let Some((_, operand)) = replaced.filter(|(node, _)| node == output) {
                *inputs.last_mut().unwrap() = operand;
            }
            let imputer = |value| {
                vec![("imputed_value_floats", Attr::Floats(&[0.0])), ("replaced_value_float", Attr::Float(value))]
            };
            model = match *op {
                "inf" => model.node("ml.Imputer", &inputs, &[output], imputer(f32::INFINITY)),
                "nan" => model.node("ml.Imputer", &inputs, &[output], imputer(f32::NAN)),
                "Cast" => model.node(op, &inputs, &[output], vec![("to", Attr::Int(1))]),
                _ => model.node(op, &inputs, &[output], vec![]),
            };
        }
        model.output("Y")
    }

    #[test]
    fn the_exporters_nodes_are_one_function() {
        // ((x + 1)^½ - 1) · 2 and (1 - (1 - x)^1.5) / 1.5
        let inputs = [3.0, 0.0, -3.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let rows: Vec<&[f64]> = inputs.iter().map(std::slice::from_ref).collect();
        let results = to_numbers(model(0.5, None).run(&rows));
        let wanted = [2.0, 0.0, (1.0 - 8.0) / 1.5, 0.0, 0.0, 0.0];
        assert!(results.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{results:?}");
    }

    #[test]
    fn anything_else_is_refused() {
        let refused = |model: Model| {
            let (graph, report) = model.load_with(&super::super::Options::default());
            assert!(graph.is_none());
            assert!(report.diagnostics().iter().any(|found| found.code.id == codes::MEANING.id));
        };
        // another constant, another operand, another order
        for change in [
            ("p2", "k"),
            ("q", "l"),
            ("log1", "one"),
            ("p4", "zero"),
            ("up", "zero"),
            ("p1", "one"),
            ("b2", "positive"),
        ] {
            refused(model(0.5, Some(change)));
        }
        refused(model(0.0, None));
        refused(model(2.0, None));
        refused(model(0.5, None).output("p3"));
    }
}
