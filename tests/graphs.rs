//! Random graphs of every operator: the interpreter of the graph against the printed SQL, on rows made on purpose, under
//! every policy for missing values.

#![allow(clippy::unwrap_used, clippy::panic)]

use m2ksql::bind::Text;
use m2ksql::compile::{self, Options};
use m2ksql::diag::{Report, Severity, Sources};
use m2ksql::lower::Nulls;
use m2ksql::model::{
    Binary, Decision, Elem, Encoder, Feature, Graph, Linear, Missing, Node, NodeId, Norm, Op, Output, Precision,
    Reduction, Role, Scaling, Unary, Unknown, Value,
};
use m2ksql::verify::Subject;
use proptest::prelude::*;

/// One more node: which operator, which operands, and what chooses its constants.
#[derive(Clone, Debug)]
struct Step {
    op: usize,
    args: [usize; 3],
    choice: usize,
    numbers: Vec<f64>,
}

fn step() -> impl Strategy<Value = Step> {
    let number = prop_oneof![
        4 => (-4i32..=4).prop_map(f64::from),
        4 => (-40i32..=40).prop_map(|tenths| f64::from(tenths) / 10.0),
        1 => prop::sample::select(vec![0.37, -1e-3, 12.5, 100.0]),
    ];
    (0usize..OPERATORS, [0usize..12, 0usize..12, 0usize..12], 0usize..64, prop::collection::vec(number, 24))
        .prop_map(|(op, args, choice, numbers)| Step { op, args, choice, numbers })
}

const OPERATORS: usize = 30;

const ELEMS: [Elem; 4] = [Elem::Number, Elem::Integer, Elem::Text, Elem::Boolean];

struct Builder {
    graph: Graph,
}

impl Builder {
    fn new() -> Self {
        let features = [
            ("a", Elem::Number),
            ("b", Elem::Number),
            ("c", Elem::Number),
            ("n", Elem::Integer),
            ("s", Elem::Text),
            ("t", Elem::Boolean),
        ];
        let feature = |(name, elem): (&str, Elem)| Feature {
            name: name.into(),
            alias: String::new(),
            elem,
            precision: Precision::Double,
            place: None,
            expression: None,
        };
        let mut builder = Builder { graph: Graph { format: "m2ksql", title: "random".into(), ..Graph::default() } };
        for (number, feature) in features.into_iter().map(feature).enumerate() {
            let elem = feature.elem;
            builder.graph.features.push(feature);
            builder.push(Op::Input(number), vec![], 1, elem);
        }
        builder
    }

    fn push(&mut self, op: Op, args: Vec<NodeId>, width: usize, elem: Elem) {
        self.graph.push(Node { op, args, width, elem, precision: Precision::Double, name: String::new() });
    }

    /// The latest nodes of the type first.
    fn of(&self, elem: Elem, index: usize) -> NodeId {
        let found: Vec<usize> =
            (0..self.graph.nodes.len()).rev().filter(|&at| self.graph.nodes[at].elem == elem).collect();
        NodeId(found[index % found.len()] as u32)
    }

    fn width(&self, node: NodeId) -> usize {
        self.graph.node(node).width
    }

    /// Two operands of one type that broadcast.
    fn pair(&self, elem: Elem, args: [usize; 3]) -> (NodeId, NodeId, usize) {
        let (a, b) = (self.of(elem, args[0]), self.of(elem, args[1]));
        let (v, w) = (self.width(a), self.width(b));
        if v == w || v == 1 || w == 1 { (a, b, v.max(w)) } else { (a, a, v) }
    }

    fn add(&mut self, step: &Step) {
        use Elem::{Boolean, Integer, Number, Text};
        let Step { op, args, choice, numbers } = step;
        let choice = *choice;
        let some = |count: usize| -> Vec<f64> { (0..count).map(|at| numbers[at % numbers.len()]).collect() };
        let nonzero =
            |count: usize| -> Vec<f64> { some(count).into_iter().map(|x| if x == 0.0 { 1.5 } else { x }).collect() };
        let x = self.of(Number, args[0]);
        let width = self.width(x);
        match op {
            0 | 1 => {
                let elem = ELEMS[if *op == 0 { 0 } else { choice % 4 }];
                let parts: Vec<NodeId> = args.iter().map(|&arg| self.of(elem, arg)).collect();
                let total: usize = parts.iter().map(|&part| self.width(part)).sum();
                if total <= 6 {
                    self.push(Op::Concat, parts, total, elem);
                }
            }
            2 => {
                let elem = ELEMS[choice % 4];
                let x = self.of(elem, args[0]);
                self.push(Op::Pick(vec![choice / 4 % self.width(x), 0]), vec![x], 2, elem);
            }
            3 | 4 => {
                let targets = 1 + choice % 3;
                let linear = Linear { inputs: width, weights: some(width * targets), bias: some(targets) };
                self.push(Op::Linear(linear), vec![x], targets, Number);
            }
            5 => {
                let scaling = match choice % 3 {
                    0 => Scaling::CenterDivide { center: some(width), scale: nonzero(width) },
                    1 => Scaling::CenterMultiply { offset: some(width), factor: nonzero(width) },
                    _ => Scaling::MultiplyAdd { factor: nonzero(width), shift: some(width) },
                };
                self.push(Op::Scale(scaling), vec![x], width, Number);
            }
            6 => {
                let elem = ELEMS[choice % 4];
                let x = self.of(elem, args[0]);
                let width = self.width(x);
                let missing = match choice / 4 % 2 {
                    0 => Missing::Absent,
                    _ => Missing::Equal(value(elem, numbers[0])),
                };
                let mut fill: Vec<Value> = some(width + 1)[1..].iter().map(|&it| value(elem, it)).collect();
                if choice / 8 == 0 {
                    fill[0] = Value::Missing;
                }
                self.push(Op::Impute { missing, fill }, vec![x], width, elem);
            }
            7 => {
                let elem = ELEMS[choice % 4];
                let x = self.of(elem, args[0]);
                let width = self.width(x);
                let keys = keys(elem, choice / 4 % 2 == 1);
                let positions = [0, 1, if choice % 5 == 0 { -1 } else { 2 }];
                let encoder = Encoder {
                    values: positions[..keys.len()].iter().map(|&at| Value::Integer(at)).collect(),
                    keys,
                    unknown: if choice % 2 == 0 { Unknown::Missing } else { Unknown::Value(Value::Integer(-1)) },
                };
                let op = Op::OneHot { encoders: vec![encoder; width], widths: vec![3; width] };
                self.push(op, vec![x], 3 * width, Number);
            }
            8 => {
                let elem = ELEMS[choice % 4];
                let x = self.of(elem, args[0]);
                let width = self.width(x);
                let out = ELEMS[choice / 4 % 4];
                let values: Vec<Value> = some(4).iter().map(|&it| value(out, it)).collect();
                let unknown = if choice % 3 == 0 { Unknown::Missing } else { Unknown::Value(values[3].clone()) };
                let keys = keys(elem, choice / 16 % 2 == 1);
                let encoder = Encoder { values: values[..keys.len()].to_vec(), keys, unknown };
                self.push(Op::Encode(vec![encoder]), vec![x], width, out);
            }
            9 => {
                let mut edges = some(1 + choice % 4);
                edges.sort_by(f64::total_cmp);
                edges.dedup();
                let otherwise = (choice % 3 == 0).then_some(7.0);
                self.push(Op::Bins { edges: vec![edges; width], otherwise }, vec![x], width, Number);
            }
            10 => {
                let terms = vec![vec![(0, 1)], vec![(choice % width, 2)], vec![(0, 1), (width - 1, 1)]];
                self.push(Op::Polynomial(terms), vec![x], 3, Number);
            }
            11..=13 => {
                let all = [
                    Unary::Negate,
                    Unary::Abs,
                    Unary::Exp,
                    Unary::Expm1,
                    Unary::Log,
                    Unary::Log1p,
                    Unary::Sqrt,
                    Unary::Reciprocal,
                    Unary::Sigmoid,
                    Unary::CloglogInverse,
                    Unary::Tanh,
                    Unary::Relu,
                    Unary::LeakyRelu(0.25),
                    Unary::HardSigmoid { alpha: 0.2, beta: 0.5 },
                    Unary::Softplus,
                    Unary::Floor,
                    Unary::Ceil,
                    Unary::Round,
                    Unary::Sign,
                    Unary::Clip { low: -2.0, high: 3.5 },
                ];
                self.push(Op::Unary(all[choice % all.len()].clone()), vec![x], width, Number);
            }
            14 => {
                // texts have no exact form
                let elem = [Integer, Boolean, Integer, Boolean, Number, Text][choice % 6];
                let x = self.of(elem, args[0]);
                let width = self.width(x);
                self.push(Op::Unary(Unary::ToNumber), vec![x], width, Number);
            }
            15 => {
                let elem = [Number, Boolean, Integer][choice % 3];
                let x = self.of(elem, args[0]);
                let width = self.width(x);
                self.push(Op::Unary(Unary::ToInteger), vec![x], width, Integer);
            }
            16 => {
                let all = [
                    Unary::IsNan,
                    Unary::IsInfinite { positive: true, negative: choice % 2 == 0 },
                    Unary::IsMissing,
                    Unary::ToBoolean,
                ];
                let function = all[choice % all.len()].clone();
                let elem = match function {
                    Unary::IsMissing => ELEMS[choice / 4 % 4],
                    Unary::ToBoolean => [Number, Integer, Boolean][choice / 4 % 3],
                    _ => Number,
                };
                let x = self.of(elem, args[0]);
                self.push(Op::Unary(function), vec![x], self.width(x), Boolean);
            }
            17 => {
                let x = self.of(Boolean, args[0]);
                let width = self.width(x);
                self.push(Op::Unary(Unary::Not), vec![x], width, Boolean);
            }
            18 | 19 => {
                let all = [Binary::Add, Binary::Subtract, Binary::Multiply, Binary::Divide, Binary::Min, Binary::Max];
                let elem = if choice % 4 == 0 { Integer } else { Number };
                let (a, b, width) = self.pair(elem, *args);
                self.push(Op::Binary(all[choice / 4 % all.len()]), vec![a, b], width, elem);
            }
            20 => {
                let all = [Binary::Less, Binary::LessOrEqual, Binary::Greater, Binary::GreaterOrEqual, Binary::Equal];
                let function = all[choice / 4 % all.len()];
                let elem = match function {
                    Binary::Equal => ELEMS[choice % 4],
                    _ if choice % 4 == 0 => Integer,
                    _ => Number,
                };
                let (a, b, width) = self.pair(elem, *args);
                self.push(Op::Binary(function), vec![a, b], width, Boolean);
            }
            21 => {
                let (a, b, width) = self.pair(Boolean, *args);
                let op = if choice % 2 == 0 { Binary::And } else { Binary::Or };
                self.push(Op::Binary(op), vec![a, b], width, Boolean);
            }
            22 => {
                let elem = [Number, Number, Integer, Text, Boolean][choice % 5];
                let (a, b, width) = self.pair(elem, [args[1], args[2], 0]);
                let condition = self.of(Boolean, args[0]);
                let wide = self.width(condition);
                if wide == width || wide == 1 || width == 1 {
                    self.push(Op::Choose, vec![condition, a, b], width.max(wide), elem);
                }
            }
            23 => {
                let norm = [Norm::L1, Norm::L2, Norm::Max, Norm::SignedMax][choice % 4];
                let op = [Op::Normalize(norm), Op::Softmax, Op::LogSoftmax][choice / 4 % 3].clone();
                self.push(op, vec![x], width, Number);
            }
            24 => {
                let all = [
                    Reduction::Sum,
                    Reduction::Mean,
                    Reduction::Max,
                    Reduction::Min,
                    Reduction::Product,
                    Reduction::L1,
                    Reduction::L2,
                    Reduction::SumSquare,
                    Reduction::LogSumExp,
                ];
                let reduction = all[choice % all.len()];
                let of_integers =
                    matches!(reduction, Reduction::Sum | Reduction::Max | Reduction::Min | Reduction::Product);
                let elem = if of_integers && choice / 9 % 2 == 0 { Integer } else { Number };
                self.push(Op::Reduce(reduction), vec![self.of(elem, args[0])], 1, elem);
            }
            25 => {
                let last = choice / 2 % 2 == 0;
                let op = if choice % 2 == 0 { Op::ArgMax { last } } else { Op::ArgMin { last } };
                let elem = if choice / 4 % 2 == 0 { Integer } else { Number };
                self.push(op, vec![self.of(elem, args[0])], 1, Integer);
            }
            26 => {
                let elem = ELEMS[choice % 4];
                let class = |at: usize| match elem {
                    Number => Value::Number(at as f64 / 2.0),
                    Integer => Value::Integer(at as i64),
                    Text => Value::Text(format!("c{at}")),
                    Boolean => Value::Boolean((at + choice / 4).is_multiple_of(2)),
                };
                let (count, decision) = match (choice / 8 % 2, width) {
                    (0, 1) => (2, Decision::Threshold { threshold: numbers[0], inclusive: choice / 16 % 2 == 0 }),
                    (0, _) => return,
                    _ => (width, Decision::FirstLargest),
                };
                if elem != Boolean || count <= 2 {
                    self.push(Op::Decide { classes: (0..count).map(class).collect(), decision }, vec![x], 1, elem);
                }
            }
            27 => {
                let elem = ELEMS[choice % 4];
                let values = self.of(elem, args[1]);
                let scores = if self.width(values) == width { x } else { self.of(Number, args[2]) };
                if self.width(values) == self.width(scores) {
                    self.push(Op::OfLargest, vec![scores, values], 1, elem);
                }
            }
            28 => {
                let elem = ELEMS[choice % 4];
                let mut values: Vec<Value> = some(1 + choice / 4 % 2).iter().map(|&it| value(elem, it)).collect();
                if choice % 8 == 0 {
                    values.insert(0, Value::Missing);
                }
                let width = values.len();
                self.push(Op::Constant(values), vec![], width, elem);
            }
            _ if choice % 2 == 0 => {
                let elem = ELEMS[choice / 2 % 4];
                let (a, b) = (self.of(elem, args[1]), self.of(ELEMS[choice / 8 % 4], args[0]));
                let width = self.width(a);
                self.push(Op::MissingIf, vec![a, b], width, elem);
            }
            // what most releases refuse, seldom: the rest of such a graph is not looked at
            _ => match choice / 2 % 8 {
                0 => self.push(Op::Unary(Unary::Erf), vec![x], width, Number),
                1 => self.push(Op::Unary(Unary::ProbitInverse), vec![x], width, Number),
                2 => {
                    let elem = [Integer, Text, Boolean][choice / 16 % 3];
                    let x = self.of(elem, args[0]);
                    self.push(Op::Unary(Unary::ToText), vec![x], self.width(x), Text);
                }
                3 | 4 => {
                    let all = [Unary::Negate, Unary::Abs, Unary::Sign];
                    let x = self.of(Integer, args[0]);
                    self.push(Op::Unary(all[choice / 16 % 3].clone()), vec![x], self.width(x), Integer);
                }
                _ => {
                    let (a, b, width) = self.pair(Number, *args);
                    self.push(Op::Binary(Binary::Power), vec![a, b], width, Number);
                }
            },
        }
    }

    /// The last nodes are what is computed.
    fn finish(mut self) -> Graph {
        let count = self.graph.nodes.len();
        for (index, at) in (count - 2..count).enumerate() {
            let (name, node) = (format!("y{index}"), NodeId(at as u32));
            self.graph.outputs.push(Output { role: Role::Value, name, node, elements: Vec::new() });
        }
        self.graph
    }
}

/// A value of a type that a number stands for.
fn value(elem: Elem, number: f64) -> Value {
    match elem {
        Elem::Number => Value::Number(number),
        Elem::Integer => Value::Integer(number as i64),
        Elem::Text => Value::Text(["k0", "k1", "u", ""][number.abs() as usize % 4].into()),
        Elem::Boolean => Value::Boolean(number > 0.0),
    }
}

/// Three keys of a type, of booleans two; the last may be a missing value.
fn keys(elem: Elem, missing: bool) -> Vec<Value> {
    let mut keys: Vec<Value> = match elem {
        Elem::Text => ["k0", "k1", "u"].iter().map(|it| Value::Text((*it).into())).collect(),
        Elem::Integer => [0, 1, -2].iter().map(|it| Value::Integer(*it)).collect(),
        Elem::Number => [0.0, 1.0, 2.5].iter().map(|it| Value::Number(*it)).collect(),
        Elem::Boolean => vec![Value::Boolean(false), Value::Boolean(true)],
    };
    if let (true, Some(last)) = (missing, keys.last_mut()) {
        *last = Value::Missing;
    }
    keys
}

/// Why a graph may be refused.
const REFUSALS: &[&str] = &[
    "no exact form",
    "not finite",
    "folded constant",
    "would take",
    "nests",
    "cannot be divided",
    "fewest columns cross",
    "adds up",
];

/// How the SQL is made.
#[derive(Clone, Debug)]
struct Way {
    nulls: Nulls,
    strict: bool,
    stages: Option<usize>,
    release: &'static str,
}

fn verify(graph: &Graph, way: &Way) -> Result<usize, TestCaseError> {
    let Way { nulls, strict, stages, release } = way;
    let dialect = m2ksql::sql::dialect::find(release).unwrap();
    let mut options = Options { limits: false, strict: *strict, stages: *stages, dialect, ..Options::default() };
    options.lower.nulls = nulls.clone();
    let (mut sources, mut report) = (Sources::new(), Report::new());
    if *nulls == Nulls::Skip || stages.is_some() {
        options.shape.from = Some(Text::new(&mut sources, "--from", "S"));
    }
    if stages.is_some() {
        options.shape.into = Some(Text::new(&mut sources, "--into", "T"));
    }
    let Ok(compiled) = compile::compile(graph, &options, &mut sources, &mut report) else {
        for found in report.diagnostics().iter().filter(|found| found.severity() == Severity::Error) {
            let expected = REFUSALS.iter().any(|words| found.message.contains(words));
            prop_assert!(expected, "{:?}: {:?}\n{}", way, found, graph);
        }
        return Ok(0);
    };
    let Ok(subject) = Subject::new(graph, &compiled, &options, &mut sources, &mut report) else {
        return Err(TestCaseError::fail(format!("{:?}\n{graph}\n{}", report.diagnostics(), compiled.text)));
    };
    let outcome = subject.run(&subject.rows(150).rows);
    prop_assert!(
        outcome.passes(),
        "{:?}: {:#?}
{}
{}",
        way,
        outcome.first,
        graph,
        compiled.text
    );
    Ok(outcome.rows)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|it| it.parse().ok()).unwrap_or(48), ..ProptestConfig::default() })]

    #[test]
    fn random_graphs_are_what_their_sql_is(steps in prop::collection::vec(step(), 2..9)) {
        let mut builder = Builder::new();
        steps.iter().for_each(|step| builder.add(step));
        let graph = builder.finish();
        prop_assert_eq!(m2ksql::model::check(&graph), Ok(()));
        for nulls in [Nulls::Propagate, Nulls::Guard, Nulls::Skip, Nulls::Value(0.5)] {
            let way = Way { nulls, strict: false, stages: None, release: "ksqldb-0.29" };
            verify(&graph, &way)?;
            verify(&graph, &Way { strict: true, ..way.clone() })?;
            verify(&graph, &Way { stages: Some(2), ..way.clone() })?;
            verify(&graph, &Way { release: "ksqldb-0.23", ..way })?;
        }
    }
}

/// 1 to any power is 1, and so is -1 to an infinite one; of an engine in Java they are NaN.
#[test]
fn powers_of_one_are_c_s() {
    let mut builder = Builder::new();
    builder.push(Op::Unary(Unary::Sign), vec![NodeId(0)], 1, Elem::Number);
    builder.push(Op::Binary(Binary::Power), vec![NodeId(6), NodeId(1)], 1, Elem::Number);
    let graph = builder.finish();
    for nulls in [Nulls::Propagate, Nulls::Guard] {
        let way = Way { nulls, strict: false, stages: None, release: "ksqldb-0.29" };
        assert!(verify(&graph, &way).unwrap() > 0);
    }
}

/// What `Builder::add` is to draw. A new operator does not compile here: draw it, and write its title below.
fn is_drawn(op: &Op) -> bool {
    match op {
        Op::Input(_) | Op::Constant(_) | Op::Concat | Op::Pick(_) | Op::Linear(_) | Op::Scale(_) => true,
        Op::Impute { .. } | Op::OneHot { .. } | Op::Encode(_) | Op::Bins { .. } | Op::Polynomial(_) => true,
        Op::Choose | Op::Softmax | Op::LogSoftmax | Op::ArgMax { .. } | Op::ArgMin { .. } | Op::Decide { .. } => true,
        Op::OfLargest | Op::MissingIf => true,
        Op::Unary(function) => match function {
            Unary::Negate | Unary::Abs | Unary::Exp | Unary::Expm1 | Unary::Log | Unary::Log1p | Unary::Sqrt => true,
            Unary::Reciprocal | Unary::Sigmoid | Unary::CloglogInverse | Unary::ProbitInverse | Unary::Tanh => true,
            Unary::Relu | Unary::LeakyRelu(_) | Unary::HardSigmoid { .. } | Unary::Softplus | Unary::Erf => true,
            Unary::Floor | Unary::Ceil | Unary::Round | Unary::Sign | Unary::Clip { .. } | Unary::Not => true,
            Unary::IsNan | Unary::IsInfinite { .. } | Unary::IsMissing | Unary::ToNumber | Unary::ToInteger => true,
            Unary::ToBoolean | Unary::ToText => true,
        },
        Op::Binary(function) => match function {
            Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Power => true,
            Binary::Min | Binary::Max | Binary::Less | Binary::LessOrEqual | Binary::Greater => true,
            Binary::GreaterOrEqual | Binary::Equal | Binary::And | Binary::Or => true,
        },
        Op::Normalize(Norm::L1 | Norm::L2 | Norm::Max | Norm::SignedMax) => true,
        Op::Reduce(reduction) => match reduction {
            Reduction::Sum | Reduction::Mean | Reduction::Max | Reduction::Min | Reduction::Product => true,
            Reduction::L1 | Reduction::L2 | Reduction::SumSquare | Reduction::LogSumExp => true,
        },
    }
}

/// The titles of the operators: 19 by themselves, of one operand, of two, norms, reductions.
const EVERY: usize = 19 + 30 + 14 + 4 + 9;

#[test]
fn every_operator_is_drawn_and_every_type_imputed() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut titles, mut imputed) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for _ in 0..4_000 {
        let mut builder = Builder::new();
        for _ in 0..8 {
            builder.add(&step().new_tree(&mut runner).unwrap().current());
        }
        for node in builder.graph.nodes.iter().filter(|node| is_drawn(&node.op)) {
            let title = match &node.op {
                // these carry numbers
                Op::Unary(Unary::LeakyRelu(_)) => "LeakyRelu".to_owned(),
                Op::Unary(Unary::HardSigmoid { .. }) => "HardSigmoid".to_owned(),
                Op::Unary(Unary::Clip { .. }) => "Clip".to_owned(),
                Op::Unary(Unary::IsInfinite { .. }) => "IsInfinite".to_owned(),
                op => op.title(),
            };
            titles.insert(title);
            if let Op::Impute { missing, .. } = &node.op {
                imputed.insert((format!("{:?}", node.elem), *missing == Missing::Absent));
            }
        }
    }
    assert_eq!(titles.len(), EVERY, "{titles:?}");
    assert_eq!(imputed.len(), 8, "{imputed:?}");
}
