//! The interpreter of a [`Graph`]: vector by vector, from the definitions in `op` and nothing else.
//!
//! It is what the emitted SQL is compared with, so it shares no code with the compiler and prefers the obvious form of
//! a formula to the fast one. Sums run left to right. Elementary functions come from `libm`, so that a result has the
//! same bits on every platform. A node is computed once, after its operands: nothing recurses.

mod elementwise;
#[cfg(test)]
mod tests;
mod vector;

use std::cmp::Ordering;

use super::check::check;
use super::graph::{Feature, Graph, Node};
use super::op::{Decision, Elem, Encoder, Linear, Missing, Op, Precision, Scaling, Unknown, Value};

/// Computes the outputs of a graph for rows of its features.
#[derive(Clone, Copy, Debug)]
pub struct Evaluator<'a> {
    graph: &'a Graph,
    /// Whether nodes in binary32 are computed in binary64 all the same.
    widened: bool,
}

impl<'a> Evaluator<'a> {
    /// An interpreter of this graph; the error is that of [`check`].
    pub fn new(graph: &'a Graph) -> Result<Self, Vec<String>> {
        check(graph)?;
        Ok(Evaluator { graph, widened: false })
    }

    /// The same graph with everything computed in binary64, whatever precision its nodes have.
    pub fn widened(self) -> Self {
        Evaluator { widened: true, ..self }
    }

    /// The outputs, in the graph's order, for a row with one value a feature, in the graph's order.
    ///
    /// An integer for a feature of numbers is converted. A value of any other wrong type, and one that the row is too
    /// short to have, is missing.
    pub fn row(&self, row: &[Value]) -> Vec<Vec<Value>> {
        let results = self.nodes(row);
        self.graph.outputs.iter().map(|output| results[output.node.index()].clone()).collect()
    }

    /// The results of all nodes for a row.
    pub fn nodes(&self, row: &[Value]) -> Vec<Vec<Value>> {
        let mut results: Vec<Vec<Value>> = Vec::with_capacity(self.graph.nodes.len());
        for node in &self.graph.nodes {
            let mut result = self.node(node, row, &results);
            if self.precision(node.precision) == Precision::Single {
                result.iter_mut().for_each(round_to_single);
            }
            results.push(result);
        }
        results
    }

    fn precision(&self, precision: Precision) -> Precision {
        if self.widened { Precision::Double } else { precision }
    }

    fn node(&self, node: &Node, row: &[Value], results: &[Vec<Value>]) -> Vec<Value> {
        let arg = |index: usize| results[node.args[index].index()].as_slice();
        match &node.op {
            Op::Input(index) => {
                let feature = &self.graph.features[*index];
                vec![input(feature, self.precision(feature.precision), row.get(*index))]
            }
            Op::Constant(values) => values.clone(),
            Op::Concat => (0..node.args.len()).flat_map(|index| arg(index).iter().cloned()).collect(),
            Op::Pick(positions) => positions.iter().map(|&position| arg(0)[position].clone()).collect(),
            Op::Linear(map) => linear(map, arg(0)),
            Op::Scale(scaling) => scale(scaling, self.precision(node.precision), arg(0)),
            Op::Impute { missing, fill } => {
                arg(0).iter().zip(fill).map(|(x, fill)| if is_absent(missing, x) { fill } else { x }.clone()).collect()
            }
            Op::OneHot { encoders, widths } => {
                arg(0).iter().zip(encoders).zip(widths).flat_map(|((x, e), &width)| one_hot(e, width, x)).collect()
            }
            Op::Encode(encoders) => match encoders.as_slice() {
                [one] => arg(0).iter().map(|x| encode(one, x)).collect(),
                each => arg(0).iter().zip(each).map(|(x, encoder)| encode(encoder, x)).collect(),
            },
            Op::Bins { edges, otherwise } => {
                let bin = |edges: &[f64], x| edges.iter().position(|&edge| x < edge).map(|bin| bin as f64);
                let bin = |edges: &[f64], x| bin(edges, x).unwrap_or(otherwise.unwrap_or(edges.len() as f64));
                arg(0).iter().zip(edges).map(|(x, edges)| map_number(x, |x| bin(edges, x))).collect()
            }
            Op::Polynomial(terms) => terms.iter().map(|term| product(term, arg(0))).collect(),
            Op::Unary(function) => arg(0).iter().map(|x| elementwise::unary(function, x)).collect(),
            Op::Binary(function) => (0..node.width)
                .map(|index| elementwise::binary(*function, element(arg(0), index), element(arg(1), index)))
                .collect(),
            Op::Choose => (0..node.width)
                .map(|index| match element(arg(0), index) {
                    Value::Boolean(true) => element(arg(1), index).clone(),
                    Value::Boolean(false) => element(arg(2), index).clone(),
                    _ => Value::Missing,
                })
                .collect(),
            Op::Normalize(norm) => whole(arg(0), |x| vector::normalize(*norm, x)),
            Op::Softmax => whole(arg(0), vector::softmax),
            Op::LogSoftmax => whole(arg(0), vector::log_softmax),
            Op::Reduce(reduction) => vec![vector::reduce(*reduction, arg(0))],
            Op::ArgMax { last } => vec![vector::position_of_best(arg(0), Ordering::Greater, *last)],
            Op::ArgMin { last } => vec![vector::position_of_best(arg(0), Ordering::Less, *last)],
            Op::Decide { classes, decision } => vec![decide(classes, decision, arg(0))],
            Op::OfLargest => match vector::position_of_best(arg(0), Ordering::Greater, false) {
                Value::Integer(at) if !arg(1).contains(&Value::Missing) => vec![arg(1)[at as usize].clone()],
                _ => vec![Value::Missing],
            },
            Op::MissingIf => match arg(1).contains(&Value::Missing) {
                true => vec![Value::Missing; node.width],
                false => arg(0).to_vec(),
            },
        }
    }
}

fn round_to_single(value: &mut Value) {
    if let Value::Number(number) = value {
        *number = f64::from(*number as f32);
    }
}

fn input(feature: &Feature, precision: Precision, value: Option<&Value>) -> Value {
    let mut value = match (feature.elem, value) {
        (Elem::Number, Some(Value::Integer(integer))) => Value::Number(*integer as f64),
        (elem, Some(value)) if value.elem() == Some(elem) => value.clone(),
        _ => Value::Missing,
    };
    if precision == Precision::Single {
        round_to_single(&mut value);
    }
    value
}

/// The element for this position of the result, where a vector of width 1 stands for any width.
fn element(vector: &[Value], index: usize) -> &Value {
    if vector.len() == 1 { &vector[0] } else { &vector[index] }
}

/// The number; `None` if it is missing. [`check`] has seen to it that it is no other type.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

fn numbers(vector: &[Value]) -> Option<Vec<f64>> {
    vector.iter().map(number).collect()
}

fn map_number(x: &Value, function: impl FnOnce(f64) -> f64) -> Value {
    number(x).map_or(Value::Missing, |x| Value::Number(function(x)))
}

/// A function each of whose results depends on every element.
fn whole(vector: &[Value], function: impl FnOnce(&[f64]) -> Vec<f64>) -> Vec<Value> {
    match numbers(vector) {
        Some(x) => function(&x).into_iter().map(Value::Number).collect(),
        None => vec![Value::Missing; vector.len()],
    }
}

fn linear(map: &Linear, x: &[Value]) -> Vec<Value> {
    let target = |(target, bias): (usize, &f64)| {
        let weights = &map.weights[target * map.inputs..(target + 1) * map.inputs];
        let mut sum = 0.0;
        for (weight, x) in weights.iter().zip(x) {
            if *weight != 0.0 {
                match number(x) {
                    Some(x) => sum += weight * x,
                    None => return Value::Missing,
                }
            }
        }
        Value::Number(sum + bias)
    };
    map.bias.iter().enumerate().map(target).collect()
}

fn scale(scaling: &Scaling, precision: Precision, x: &[Value]) -> Vec<Value> {
    // the first of the two steps; the second is rounded as the result of the node
    let step = |x: f64| if precision == Precision::Single { f64::from(x as f32) } else { x };
    let one = |(index, x): (usize, &Value)| {
        map_number(x, |x| match scaling {
            Scaling::CenterDivide { center, scale } => step(x - center[index]) / scale[index],
            Scaling::CenterMultiply { offset, factor } => step(x - offset[index]) * factor[index],
            Scaling::MultiplyAdd { factor, shift } => step(x * factor[index]) + shift[index],
        })
    };
    x.iter().enumerate().map(one).collect()
}

fn is_absent(missing: &Missing, x: &Value) -> bool {
    match (missing, x) {
        (Missing::Absent, Value::Missing) => true,
        (Missing::Absent, Value::Number(x)) => x.is_nan(),
        (Missing::Absent, _) | (Missing::Equal(_), Value::Missing) => false,
        (Missing::Equal(value), x) => value == x,
    }
}

/// The value of the key that equals `x`; `None` for an unknown category. `x` missing without such a key is missing.
fn look_up<'e>(encoder: &'e Encoder, x: &Value) -> Option<&'e Value> {
    let value_of = |key: &Value| encoder.keys.iter().position(|k| k == key).map(|at| &encoder.values[at]);
    match x {
        Value::Missing => Some(value_of(x).unwrap_or(&Value::Missing)),
        Value::Number(number) if number.is_nan() => value_of(&Value::Missing),
        _ => value_of(x),
    }
}

fn encode(encoder: &Encoder, x: &Value) -> Value {
    match (look_up(encoder, x), &encoder.unknown) {
        (Some(value), _) => value.clone(),
        (None, Unknown::Value(value)) => value.clone(),
        (None, Unknown::Missing) => Value::Missing,
    }
}

fn one_hot(encoder: &Encoder, width: usize, x: &Value) -> Vec<Value> {
    match encode(encoder, x) {
        Value::Integer(position) => {
            (0..width).map(|index| Value::Number(if index as i64 == position { 1.0 } else { 0.0 })).collect()
        }
        _ => vec![Value::Missing; width],
    }
}

fn product(term: &[(usize, u32)], x: &[Value]) -> Value {
    let mut factors = term.iter().flat_map(|&(position, power)| (0..power).map(move |_| number(&x[position])));
    let first = factors.next().unwrap_or(Some(1.0));
    factors.fold(first, |product, factor| Some(product? * factor?)).map_or(Value::Missing, Value::Number)
}

fn decide(classes: &[Value], decision: &Decision, scores: &[Value]) -> Value {
    let Some(scores) = numbers(scores) else { return Value::Missing };
    let class = match *decision {
        Decision::Threshold { threshold, inclusive } => {
            usize::from(scores[0] > threshold || inclusive && scores[0] == threshold)
        }
        Decision::FirstLargest => {
            let mut best = 0;
            for (index, score) in scores.iter().enumerate() {
                if *score > scores[best] {
                    best = index;
                }
            }
            best
        }
    };
    classes[class].clone()
}
