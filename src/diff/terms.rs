//! What the scores of a model are sums of: coefficients of the features themselves, with all preprocessing folded in.
//!
//! Every element of a vector is an affine sum over *atoms*: a feature, `plan = 'pro'`, `age × income`, `log(income)`. What mixes
//! features in another way (a norm, a hidden layer) has no coefficients.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Binary, Encoder, Graph, Linear, NodeId, Op, Reduction, Role, Scaling, Unary, Unknown, Value};

/// Terms that the elements of one vector may have together: beyond, no person reads them.
const MOST: usize = 4_000_000;

/// Terms that a product may be expanded to.
const EXPANDED: usize = 64;

/// An affine sum: a constant, and atoms with their coefficients, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sum {
    pub(crate) constant: f64,
    terms: Vec<(u32, f64)>,
}

/// A quantity that has a name, and is not taken apart.
struct Atom {
    label: String,
    /// The feature that it is made of, if it is one.
    feature: Option<usize>,
    /// The atoms that it is the product of; itself if it is no product.
    factors: Vec<u32>,
}

/// The atoms of a model, each once.
#[derive(Default)]
pub(crate) struct Atoms {
    atoms: Vec<Atom>,
    by_label: HashMap<String, u32>,
    /// How far an atom spreads, where the model scales it.
    spreads: HashMap<u32, f64>,
}

/// What one of the scores is: which, and its coefficients by the labels of the atoms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weights {
    /// The class or target, as the source names it; empty for the only one.
    pub(crate) of: String,
    pub(crate) constant: f64,
    pub(crate) by_label: BTreeMap<String, f64>,
}

/// A model, taken apart.
pub(crate) struct Parts {
    /// One a score; `None` where it is no sum.
    pub(crate) scores: Vec<Option<Weights>>,
    /// How far each atom spreads, where the model scales it.
    pub(crate) spreads: BTreeMap<String, f64>,
    /// For each node the names of its elements, where they have one.
    pub(crate) labels: Vec<Vec<Option<String>>>,
}

/// The node of the scores: before the link, where there is one.
pub(crate) fn score_node(graph: &Graph) -> Option<(NodeId, &[String])> {
    let by_role = |role| graph.outputs.iter().find(|output| output.role == role);
    let output = by_role(Role::Margin).or(by_role(Role::Prediction)).or(by_role(Role::Value))?;
    Some((output.node, &output.elements))
}

impl Parts {
    /// Takes a model apart.
    pub(crate) fn of(graph: &Graph) -> Parts {
        let mut atoms = Atoms::default();
        let mut nodes: Vec<Vec<Option<Sum>>> = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            let operands: Vec<&[Option<Sum>]> = node.args.iter().map(|id| nodes[id.index()].as_slice()).collect();
            let mut sums = atoms.apply(graph, &node.op, &operands, node.width);
            if sums.iter().flatten().map(|sum| sum.terms.len()).sum::<usize>() > MOST {
                sums = vec![None; node.width];
            }
            nodes.push(sums);
        }
        let scores = match score_node(graph) {
            Some((id, names)) => scores(graph, &nodes[id.index()], names, &atoms),
            None => Vec::new(),
        };
        let label = |sum: &Option<Sum>| sum.as_ref().and_then(|sum| atoms.name(sum));
        let labels = nodes.iter().map(|sums| sums.iter().map(label).collect()).collect();
        let spreads = atoms.atoms.iter().enumerate().filter_map(|(id, atom)| {
            let factors: Option<Vec<f64>> = atom.factors.iter().map(|id| atoms.spreads.get(id).copied()).collect();
            let own = atoms.spreads.get(&(id as u32)).copied();
            Some((atom.label.clone(), own.or(factors.map(|all| all.iter().product()))?))
        });
        Parts { scores, spreads: spreads.collect(), labels }
    }
}

fn scores(graph: &Graph, sums: &[Option<Sum>], names: &[String], atoms: &Atoms) -> Vec<Option<Weights>> {
    let name = |number: usize| match (sums.len(), graph.classes.len()) {
        // of two classes the score is the second one's
        (1, 2) => text(&graph.classes[1]),
        (1, _) => String::new(),
        (width, classes) if width == classes => text(&graph.classes[number]),
        _ => names.get(number).cloned().unwrap_or_else(|| number.to_string()),
    };
    let weights = |(number, sum): (usize, &Option<Sum>)| {
        let sum = sum.as_ref()?;
        let by_label = sum.terms.iter().map(|(id, weight)| (atoms.atoms[*id as usize].label.clone(), *weight));
        Some(Weights { of: name(number), constant: sum.constant, by_label: by_label.collect() })
    };
    sums.iter().enumerate().map(weights).collect()
}

/// A value as SQL writes it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Integer(integer) => integer.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Boolean(truth) => truth.to_string(),
        Value::Missing => "missing".to_owned(),
    }
}

impl Sum {
    fn constant(value: f64) -> Self {
        Sum { constant: value, terms: Vec::new() }
    }

    fn atom(id: u32) -> Self {
        Sum { constant: 0.0, terms: vec![(id, 1.0)] }
    }

    /// `self * factor + shift`.
    fn affine(&self, factor: f64, shift: f64) -> Self {
        let terms = self.terms.iter().map(|(id, weight)| (*id, weight * factor)).collect();
        Sum { constant: self.constant * factor + shift, terms }
    }

    /// `Σ weight * sum + shift`; what is weighed with zero is not in it.
    fn combined<'a>(parts: impl IntoIterator<Item = (f64, &'a Sum)>, shift: f64) -> Self {
        let (mut constant, mut terms) = (shift, BTreeMap::new());
        for (factor, sum) in parts.into_iter().filter(|(factor, _)| *factor != 0.0) {
            constant += factor * sum.constant;
            for (id, weight) in &sum.terms {
                *terms.entry(*id).or_insert(0.0) += factor * weight;
            }
        }
        Sum { constant, terms: terms.into_iter().collect() }
    }

    /// The value, if it depends on nothing.
    fn value(&self) -> Option<f64> {
        self.terms.is_empty().then_some(self.constant)
    }
}

impl Atoms {
    fn intern(&mut self, label: String, feature: Option<usize>, factors: Vec<u32>) -> u32 {
        if let Some(id) = self.by_label.get(&label) {
            return *id;
        }
        let id = self.atoms.len() as u32;
        let factors = if factors.is_empty() { vec![id] } else { factors };
        self.by_label.insert(label.clone(), id);
        self.atoms.push(Atom { label, feature, factors });
        id
    }

    /// The name of a sum: its only atom's, or the only feature's that is in it.
    fn name(&self, sum: &Sum) -> Option<String> {
        match sum.terms.as_slice() {
            [(id, _)] => Some(self.atoms[*id as usize].label.clone()),
            _ => None,
        }
    }

    /// The feature that a sum is made of, if it is one.
    fn feature(&self, sum: &Sum) -> Option<usize> {
        let mut features = sum.terms.iter().map(|(id, _)| self.atoms[*id as usize].feature);
        let first = features.next()??;
        features.all(|feature| feature == Some(first)).then_some(first)
    }

    /// A function of something that is made of one feature.
    fn function(&mut self, graph: &Graph, title: &str, sum: &Sum) -> Option<Sum> {
        let feature = self.feature(sum)?;
        let inner = self.name(sum).unwrap_or_else(|| graph.features[feature].name.clone());
        Some(Sum::atom(self.intern(format!("{}({inner})", title.to_lowercase()), Some(feature), Vec::new())))
    }

    /// `a = value`, for what has a name.
    fn indicator(&mut self, sum: &Sum, value: &Value) -> Option<u32> {
        let (name, feature) = (self.name(sum)?, self.feature(sum));
        let label = match value {
            Value::Missing => format!("{name} missing"),
            value => format!("{name} = {}", text(value)),
        };
        Some(self.intern(label, feature, Vec::new()))
    }

    fn apply(&mut self, graph: &Graph, op: &Op, operands: &[&[Option<Sum>]], width: usize) -> Vec<Option<Sum>> {
        let first = operands.first().copied().unwrap_or_default();
        let at = |operand: usize, element: usize| -> Option<&Sum> {
            let list = operands.get(operand)?;
            list.get(if list.len() == 1 { 0 } else { element })?.as_ref()
        };
        match op {
            Op::Input(number) => {
                let label = graph.features[*number].name.clone();
                vec![Some(Sum::atom(self.intern(label, Some(*number), Vec::new())))]
            }
            Op::Constant(values) => values.iter().map(|value| number(value).map(Sum::constant)).collect(),
            Op::Concat => operands.concat(),
            Op::Pick(positions) => positions.iter().map(|position| first[*position].clone()).collect(),
            Op::Linear(linear) => linear_sums(linear, first),
            Op::Scale(scaling) => self.scaled(scaling, first),
            // a missing value counts as another: what a value counts for stays
            Op::Impute { .. } | Op::MissingIf => first.to_vec(),
            Op::OneHot { encoders, widths } => {
                let groups = encoders.iter().zip(widths).zip(first);
                groups.flat_map(|((encoder, width), sum)| self.one_hot(encoder, *width, sum.as_ref())).collect()
            }
            Op::Encode(encoders) => {
                let one = |element: usize| encoders.get(if encoders.len() == 1 { 0 } else { element });
                (0..width).map(|element| self.encoded(one(element)?, at(0, element)?)).collect()
            }
            Op::Bins { .. } => first.iter().map(|sum| self.function(graph, "bin", sum.as_ref()?)).collect(),
            Op::Polynomial(terms) => terms.iter().map(|powers| self.product(powers, first)).collect(),
            Op::Unary(Unary::Negate) => first.iter().map(|sum| Some(sum.as_ref()?.affine(-1.0, 0.0))).collect(),
            Op::Unary(Unary::ToNumber) => first.to_vec(),
            Op::Unary(Unary::IsMissing) => {
                first.iter().map(|sum| self.indicator(sum.as_ref()?, &Value::Missing).map(Sum::atom)).collect()
            }
            Op::Unary(_) => first.iter().map(|sum| self.function(graph, &op.title(), sum.as_ref()?)).collect(),
            Op::Binary(function) => {
                (0..width).map(|element| self.binary(graph, *function, at(0, element)?, at(1, element)?)).collect()
            }
            Op::Reduce(Reduction::Sum | Reduction::Mean) => {
                let all: Option<Vec<&Sum>> = first.iter().map(Option::as_ref).collect();
                let factor = if *op == Op::Reduce(Reduction::Mean) { 1.0 / first.len() as f64 } else { 1.0 };
                vec![all.map(|all| Sum::combined(all.into_iter().map(|sum| (factor, sum)), 0.0))]
            }
            _ => vec![None; width],
        }
    }

    fn scaled(&mut self, scaling: &Scaling, sums: &[Option<Sum>]) -> Vec<Option<Sum>> {
        let pair = |element: usize| match scaling {
            Scaling::CenterDivide { center, scale } => (1.0 / scale[element], -center[element] / scale[element]),
            Scaling::CenterMultiply { offset, factor } => (factor[element], -offset[element] * factor[element]),
            Scaling::MultiplyAdd { factor, shift } => (factor[element], shift[element]),
        };
        let one = |(element, sum): (usize, &Option<Sum>)| {
            let (factor, shift) = pair(element);
            let sum = sum.as_ref()?;
            if let [(id, weight)] = sum.terms.as_slice() {
                self.spreads.entry(*id).or_insert(1.0 / (factor * weight).abs());
            }
            Some(sum.affine(factor, shift))
        };
        sums.iter().enumerate().map(one).collect()
    }

    fn one_hot(&mut self, encoder: &Encoder, width: usize, sum: Option<&Sum>) -> Vec<Option<Sum>> {
        let mut group = vec![sum.map(|_| Sum::default()); width];
        for (key, value) in encoder.keys.iter().zip(&encoder.values) {
            let Value::Integer(position) = value else { continue };
            let place = usize::try_from(*position).ok().and_then(|position| group.get_mut(position));
            if let Some(place) = place {
                let id = sum.and_then(|sum| self.indicator(sum, key));
                *place = id.zip(place.take()).map(|(id, mut found)| {
                    found.terms.push((id, 1.0));
                    found
                });
            }
        }
        group
    }

    fn encoded(&mut self, encoder: &Encoder, sum: &Sum) -> Option<Sum> {
        let mut terms = BTreeMap::new();
        for (key, value) in encoder.keys.iter().zip(&encoder.values) {
            *terms.entry(self.indicator(sum, key)?).or_insert(0.0) += number(value)?;
        }
        if let Unknown::Value(value) = &encoder.unknown {
            let (name, feature) = (self.name(sum)?, self.feature(sum));
            let id = self.intern(format!("{name} is another"), feature, Vec::new());
            *terms.entry(id).or_insert(0.0) += number(value)?;
        }
        Some(Sum { constant: 0.0, terms: terms.into_iter().filter(|(_, weight)| *weight != 0.0).collect() })
    }

    fn product(&mut self, powers: &[(usize, u32)], sums: &[Option<Sum>]) -> Option<Sum> {
        let mut product = Sum::constant(1.0);
        for (element, power) in powers {
            let sum = sums.get(*element)?.as_ref()?;
            for _ in 0..*power {
                product = self.multiplied(&product, sum)?;
            }
        }
        Some(product)
    }

    /// The product of two sums, expanded.
    fn multiplied(&mut self, left: &Sum, right: &Sum) -> Option<Sum> {
        if (left.terms.len() + 1) * (right.terms.len() + 1) > EXPANDED {
            return None;
        }
        let mut terms: BTreeMap<u32, f64> = BTreeMap::new();
        let mut add = |id: u32, weight: f64| *terms.entry(id).or_insert(0.0) += weight;
        left.terms.iter().for_each(|(id, weight)| add(*id, weight * right.constant));
        right.terms.iter().for_each(|(id, weight)| add(*id, weight * left.constant));
        for (a, x) in &left.terms {
            for (b, y) in &right.terms {
                add(self.joined(*a, *b), x * y);
            }
        }
        let terms = terms.into_iter().filter(|(_, weight)| *weight != 0.0).collect();
        Some(Sum { constant: left.constant * right.constant, terms })
    }

    /// `a × b`, with powers of equal factors.
    fn joined(&mut self, a: u32, b: u32) -> u32 {
        let mut factors = [self.atoms[a as usize].factors.clone(), self.atoms[b as usize].factors.clone()].concat();
        factors.sort_unstable();
        let powers = factors.chunk_by(|left, right| left == right).map(|equal| {
            let label = &self.atoms[equal[0] as usize].label;
            if equal.len() == 1 { label.clone() } else { format!("{label}^{}", equal.len()) }
        });
        let label = powers.collect::<Vec<_>>().join(" × ");
        let feature = |id: u32| self.atoms[id as usize].feature;
        let feature = feature(a).filter(|feature_a| feature(b) == Some(*feature_a));
        self.intern(label, feature, factors)
    }

    fn binary(&mut self, graph: &Graph, function: Binary, left: &Sum, right: &Sum) -> Option<Sum> {
        match (function, left.value(), right.value()) {
            (Binary::Add, ..) => Some(Sum::combined([(1.0, left), (1.0, right)], 0.0)),
            (Binary::Subtract, ..) => Some(Sum::combined([(1.0, left), (-1.0, right)], 0.0)),
            (Binary::Multiply, ..) => self.multiplied(left, right),
            (Binary::Divide, _, Some(divisor)) => Some(left.affine(1.0 / divisor, 0.0)),
            (_, None, Some(constant)) => self.function(graph, &format!("{function:?} {constant} "), left),
            (_, Some(constant), None) => self.function(graph, &format!("{constant} {function:?} "), right),
            _ => None,
        }
    }
}

fn linear_sums(linear: &Linear, sums: &[Option<Sum>]) -> Vec<Option<Sum>> {
    let rows = linear.weights.chunks(linear.inputs.max(1)).zip(&linear.bias);
    rows.map(|(weights, bias)| {
        let mut parts = Vec::with_capacity(weights.len());
        for (weight, sum) in weights.iter().zip(sums).filter(|(weight, _)| **weight != 0.0) {
            parts.push((*weight, sum.as_ref()?));
        }
        Some(Sum::combined(parts, *bias))
    })
    .collect()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Integer(integer) => Some(*integer as f64),
        Value::Boolean(truth) => Some(f64::from(u8::from(*truth))),
        Value::Text(_) | Value::Missing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Report, Sources};
    use crate::load;
    use crate::model::eval::Evaluator;

    fn loaded(path: &str) -> Graph {
        let file = format!("{}/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
        let options = load::Options::default();
        load::load(&mut Sources::new(), path, std::fs::read(file).unwrap(), &options, &mut Report::new()).unwrap()
    }

    /// The sums are the scores: with products of scaled features, several classes, and constants folded through a projection.
    #[test]
    fn the_sums_are_the_scores() {
        let mut compared = 0;
        for path in [
            "sklearn/pipe_poly2_std_logreg_iris/model.json",
            "sklearn/logreg_ovr_wine/model.json",
            "sklearn/ridge_multi_linnerud/model.json",
        ] {
            let graph = loaded(path);
            let parts = Parts::of(&graph);
            let (node, _) = score_node(&graph).unwrap();
            for seed in 0..5_u32 {
                let row: Vec<f64> =
                    (0..graph.features.len() as u32).map(|at| f64::from((seed * 31 + at * 17) % 23) / 4.0).collect();
                let values: Vec<Value> = row.iter().map(|value| Value::Number(*value)).collect();
                let expected = Evaluator::new(&graph).unwrap().nodes(&values)[node.index()].clone();
                for (weights, expected) in parts.scores.iter().zip(expected) {
                    let weights = weights.as_ref().unwrap();
                    let value = |label: &str| -> f64 {
                        let factor = |part: &str| {
                            let (name, power) = part.split_once('^').unwrap_or((part, "1"));
                            let at = graph.features.iter().position(|feature| feature.name == name).unwrap();
                            row[at].powi(power.parse().unwrap())
                        };
                        label.split(" × ").map(factor).product()
                    };
                    let sum: f64 = weights.by_label.iter().map(|(label, weight)| weight * value(label)).sum();
                    let (found, Value::Number(expected)) = (sum + weights.constant, expected) else { panic!() };
                    assert!((found - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{path}: {found} {expected}");
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, 5 * (3 + 3 + 3));
    }

    #[test]
    fn what_mixes_features_is_no_sum() {
        let parts = Parts::of(&loaded("onnx/mlp_clf/model.onnx"));
        assert!(!parts.scores.is_empty() && parts.scores.iter().all(Option::is_none));
    }

    #[test]
    fn categories_and_imputed_values_have_coefficients() {
        let parts = Parts::of(&loaded("sklearn/pipe_coltransf_mixed_logreg_iris/model.json"));
        let weights = parts.scores[0].as_ref().unwrap();
        assert_eq!(weights.of, "'wide'");
        // by the file: the second class's coefficient over the scale
        assert_eq!(weights.by_label["sepal_length"], 1.4379217736162209 * (1.0 / 0.7980966246152292));
        assert_eq!(weights.by_label["garden = 'o''hare'"], -0.0548359903793723);
        assert!((parts.spreads["petal_length"] - 1.7290363404702247).abs() < 1e-12);
    }
}
