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

const OPERATORS: usize = 27;

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
                let parts: Vec<NodeId> = args.iter().map(|&arg| self.of(Number, arg)).collect();
                let total: usize = parts.iter().map(|&part| self.width(part)).sum();
                if total <= 6 {
                    self.push(Op::Concat, parts, total, Number);
                }
            }
            2 => self.push(Op::Pick(vec![choice % width, 0]), vec![x], 2, Number),
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
                let missing = if choice % 3 == 0 { Missing::Equal(Value::Number(numbers[0])) } else { Missing::Absent };
                let fill = some(width).into_iter().map(Value::Number).collect();
                self.push(Op::Impute { missing, fill }, vec![x], width, Number);
            }
            7 => {
                let elem = [Text, Integer, Number][choice % 3];
                let x = self.of(elem, args[0]);
                let width = self.width(x);
                let encoder = Encoder {
                    keys: keys(elem, choice / 3 % 2 == 1),
                    values: vec![
                        Value::Integer(0),
                        Value::Integer(1),
                        Value::Integer(if choice % 5 == 0 { -1 } else { 2 }),
                    ],
                    unknown: if choice % 2 == 0 { Unknown::Missing } else { Unknown::Value(Value::Integer(-1)) },
                };
                let op = Op::OneHot { encoders: vec![encoder; width], widths: vec![3; width] };
                self.push(op, vec![x], 3 * width, Number);
            }
            8 => {
                let elem = [Text, Integer, Number][choice % 3];
                let x = self.of(elem, args[0]);
                let width = self.width(x);
                let (out, values): (Elem, Vec<Value>) = match choice / 3 % 3 {
                    0 => (Number, some(4).into_iter().map(Value::Number).collect()),
                    1 => (Integer, (0..4).map(|at| Value::Integer(at * 3 - 2)).collect()),
                    _ => (Text, ["u", "v", "w", "u"].iter().map(|it| Value::Text((*it).into())).collect()),
                };
                let unknown = if choice % 2 == 0 { Unknown::Missing } else { Unknown::Value(values[3].clone()) };
                let encoder = Encoder { keys: keys(elem, choice / 9 % 2 == 1), values: values[..3].to_vec(), unknown };
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
                let elem = [Integer, Boolean][choice % 2];
                let x = self.of(elem, args[0]);
                let width = self.width(x);
                self.push(Op::Unary(Unary::ToNumber), vec![x], width, Number);
            }
            15 => {
                let elem = [Number, Boolean][choice % 2];
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
                self.push(Op::Unary(all[choice % all.len()].clone()), vec![x], width, Boolean);
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
                let elem = if choice % 4 == 0 { Integer } else { Number };
                let (a, b, width) = self.pair(elem, *args);
                self.push(Op::Binary(all[choice / 4 % all.len()]), vec![a, b], width, Boolean);
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
                self.push(Op::Reduce(all[choice % all.len()]), vec![x], 1, Number);
            }
            25 => {
                let op = match choice % 4 {
                    0 => Op::ArgMax { last: choice % 8 == 0 },
                    1 => Op::ArgMin { last: choice % 8 == 1 },
                    2 => {
                        let decision = Decision::Threshold { threshold: numbers[0], inclusive: choice % 8 == 2 };
                        let classes = vec![Value::Text("no".into()), Value::Text("yes".into())];
                        if width > 1 {
                            return;
                        }
                        Op::Decide { classes, decision }
                    }
                    _ => {
                        let classes = (0..width).map(|at| Value::Text(format!("c{at}"))).collect();
                        Op::Decide { classes, decision: Decision::FirstLargest }
                    }
                };
                let elem = if matches!(op, Op::Decide { .. }) { Text } else { Integer };
                self.push(op, vec![x], 1, elem);
            }
            _ => {
                let elem = [Number, Text][choice % 2];
                let (a, b) = (self.of(elem, args[1]), x);
                let width = self.width(a);
                self.push(Op::MissingIf, vec![a, b], width, elem);
            }
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

/// Three keys of a type; the last may be a missing value.
fn keys(elem: Elem, missing: bool) -> Vec<Value> {
    let mut keys: Vec<Value> = match elem {
        Elem::Text => ["k0", "k1", "u"].iter().map(|it| Value::Text((*it).into())).collect(),
        Elem::Integer => [0, 1, -2].iter().map(|it| Value::Integer(*it)).collect(),
        _ => [0.0, 1.0, 2.5].iter().map(|it| Value::Number(*it)).collect(),
    };
    if missing {
        keys[2] = Value::Missing;
    }
    keys
}

/// Why a graph may be refused.
const REFUSALS: &[&str] =
    &["no exact form", "not finite", "folded constant", "would take", "nests", "cannot be divided", "adds up"];

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
