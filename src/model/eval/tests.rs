//! Every operator on values whose result is known by hand or from tables, with missing values and NaN.

// Expected values are written with more digits than a double has, as tables give them.
#![allow(clippy::excessive_precision)]

use super::super::graph::{Feature, Graph, Node, NodeId, Output, Role};
use super::super::op::*;
use super::Evaluator;

const NAN: Value = Value::Number(f64::NAN);
const MISSING: Value = Value::Missing;

fn n(number: f64) -> Value {
    Value::Number(number)
}

fn i(integer: i64) -> Value {
    Value::Integer(integer)
}

fn t(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn b(boolean: bool) -> Value {
    Value::Boolean(boolean)
}

fn ns<const N: usize>(numbers: [f64; N]) -> Vec<Value> {
    numbers.map(Value::Number).to_vec()
}

/// A graph that applies one operator to vectors of features of these types and widths.
fn graph(op: Op, operands: &[(Elem, usize)], width: usize, elem: Elem, precision: Precision) -> Graph {
    let mut graph = Graph::default();
    let mut args = Vec::new();
    for &(elem, width) in operands {
        let mut parts = Vec::new();
        for _ in 0..width {
            let index = graph.features.len();
            graph.features.push(Feature {
                name: format!("x{index}"),
                elem,
                precision: Precision::Double,
                alias: String::new(),
                expression: None,
                place: None,
            });
            parts.push(graph.push(node(Op::Input(index), Vec::new(), 1, elem, Precision::Double)));
        }
        args.push(graph.push(node(Op::Concat, parts, width, elem, Precision::Double)));
    }
    let last = graph.push(node(op, args, width, elem, precision));
    graph.outputs.push(Output { role: Role::Value, name: "y".to_owned(), node: last, elements: Vec::new() });
    graph
}

fn node(op: Op, args: Vec<NodeId>, width: usize, elem: Elem, precision: Precision) -> Node {
    Node { op, args, width, elem, precision, name: String::new() }
}

#[track_caller]
fn run(graph: &Graph, row: &[Value]) -> Vec<Value> {
    let evaluator = Evaluator::new(graph).unwrap();
    let [output] = evaluator.row(row).try_into().unwrap();
    output
}

/// Equal in type and bits, all NaN being one.
#[track_caller]
fn same(found: &[Value], expected: &[Value]) {
    let bits = |value: &Value| match value {
        Value::Number(number) if number.is_nan() => "NaN".to_owned(),
        Value::Number(number) => format!("{number:e} {:x}", number.to_bits()),
        other => format!("{other:?}"),
    };
    let found: Vec<String> = found.iter().map(bits).collect();
    let expected: Vec<String> = expected.iter().map(bits).collect();
    assert_eq!(found, expected);
}

/// One operator on one vector.
#[track_caller]
fn one(op: Op, x: (Elem, &[Value]), expected: (Elem, &[Value])) {
    let graph = graph(op, &[(x.0, x.1.len())], expected.1.len(), expected.0, Precision::Double);
    same(&run(&graph, x.1), expected.1);
}

#[track_caller]
fn numbers<const N: usize, const M: usize>(op: Op, x: [f64; N], expected: [f64; M]) {
    one(op, (Elem::Number, &ns(x)), (Elem::Number, &ns(expected)));
}

#[track_caller]
fn unary<const N: usize>(function: Unary, x: [f64; N], expected: [f64; N]) {
    numbers(Op::Unary(function.clone()), x, expected);
    one(Op::Unary(function), (Elem::Number, &[MISSING]), (Elem::Number, &[MISSING]));
}

#[track_caller]
fn binary(function: Binary, a: Value, b: Value, expected: Value) {
    let elem = a.elem().or(b.elem()).unwrap();
    let comparison = matches!(
        function,
        Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual | Binary::Equal
    );
    let result = if comparison { Elem::Boolean } else { elem };
    let graph = graph(Op::Binary(function), &[(elem, 1), (elem, 1)], 1, result, Precision::Double);
    same(&run(&graph, &[a, b]), &[expected]);
}

fn near(found: &[Value], expected: &[f64], relative: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let Value::Number(found) = found else { panic!("{found:?}") };
        assert!((found - expected).abs() <= relative * expected.abs(), "{found:e}, expected {expected:e}");
    }
}

/// A function of one number against a value known to more digits than a double has.
#[track_caller]
fn close(function: Unary, x: f64, expected: f64) {
    let graph = graph(Op::Unary(function), &[(Elem::Number, 1)], 1, Elem::Number, Precision::Double);
    near(&run(&graph, &[n(x)]), &[expected], 4e-16);
}

#[test]
fn a_graph_that_is_not_sound_is_refused() {
    assert!(Evaluator::new(&Graph::default()).is_err());
}

#[test]
fn inputs_take_the_type_and_precision_of_their_feature() {
    let mut graph = graph(Op::Concat, &[(Elem::Number, 2)], 2, Elem::Number, Precision::Double);
    same(&run(&graph, &[i(3), t("3")]), &[n(3.0), MISSING]);
    same(&run(&graph, &[n(0.1)]), &[n(0.1), MISSING]);
    graph.features[0].precision = Precision::Single;
    // the binary32 value next to 0.1 is 13421773 / 2^27
    same(&run(&graph, &[n(0.1), n(0.1)]), &[n(13421773.0 / 134217728.0), n(0.1)]);
}

#[test]
fn a_single_node_rounds_its_result() {
    let third = Op::Scale(Scaling::CenterDivide { center: vec![0.0], scale: vec![3.0] });
    let graph = graph(third, &[(Elem::Number, 1)], 1, Elem::Number, Precision::Single);
    // the binary32 value next to 1/3 is 11184811 / 2^25
    same(&run(&graph, &[n(1.0)]), &[n(11184811.0 / 33554432.0)]);
    same(&run(&graph, &[n(1e300)]), &[n(f64::INFINITY)]);
    same(&run(&graph, &[MISSING]), &[MISSING]);
    // 2^24 + 1 is no binary32 value: lost before the 2^24 is subtracted, kept in double
    let two_steps = |precision| {
        let shift = Op::Scale(Scaling::MultiplyAdd { factor: vec![3.0], shift: vec![-16777216.0] });
        run(&self::graph(shift, &[(Elem::Number, 1)], 1, Elem::Number, precision), &[n(5592405.666666667)])
    };
    same(&two_steps(Precision::Double), &[n(1.0)]);
    same(&two_steps(Precision::Single), &[n(0.0)]);
}

#[test]
fn concat_pick_constant() {
    one(Op::Pick(vec![2, 0, 2]), (Elem::Integer, &[i(1), i(2), i(3)]), (Elem::Integer, &[i(3), i(1), i(3)]));
    one(Op::Pick(vec![1]), (Elem::Text, &[t("a"), MISSING]), (Elem::Text, &[MISSING]));
    let constant = graph(Op::Constant(vec![t("a"), MISSING]), &[], 2, Elem::Text, Precision::Double);
    same(&run(&constant, &[]), &[t("a"), MISSING]);
    let concat = graph(Op::Concat, &[(Elem::Number, 1), (Elem::Number, 2)], 3, Elem::Number, Precision::Double);
    same(&run(&concat, &ns([1.0, 2.0, 3.0])), &ns([1.0, 2.0, 3.0]));
}

#[test]
fn linear_adds_left_to_right_and_the_bias_last() {
    let linear = |weights: &[f64], bias: &[f64]| {
        let inputs = weights.len() / bias.len();
        Op::Linear(Linear { inputs, weights: weights.to_vec(), bias: bias.to_vec() })
    };
    numbers(linear(&[1.0, 2.0, -3.0, 0.5], &[10.0, -1.0]), [2.0, 4.0], [20.0, -5.0]);
    // (1e16 + 1) - 1e16: the 1 is lost when added to 1e16, not when it comes last
    numbers(linear(&[1.0, 1.0, 1.0], &[0.0]), [1e16, 1.0, -1e16], [0.0]);
    numbers(linear(&[1.0, 1.0, 1.0], &[0.0]), [1e16, -1e16, 1.0], [1.0]);
    numbers(linear(&[1.0, 1.0], &[1.0]), [1e16, -1e16], [1.0]);
    // a zero weight keeps out what is missing, NaN or infinite; another one does not
    let weights = [0.0, 2.0, -0.0, 0.0, 1.0, 0.0];
    let (features, results) = ([MISSING, n(3.0), NAN], [n(7.0), n(3.0)]);
    one(linear(&weights, &[1.0, 0.0]), (Elem::Number, &features), (Elem::Number, &results));
    one(linear(&[1.0, 2.0], &[1.0]), (Elem::Number, &[MISSING, n(3.0)]), (Elem::Number, &[MISSING]));
    one(linear(&[1.0, 2.0], &[1.0]), (Elem::Number, &[NAN, n(3.0)]), (Elem::Number, &[NAN]));
    one(linear(&[1.0, 2.0], &[1.0]), (Elem::Number, &[NAN, MISSING]), (Elem::Number, &[MISSING]));
}

#[test]
fn scalings_subtract_first_or_multiply_first() {
    let center = vec![1.0, 2.0];
    let divide = Op::Scale(Scaling::CenterDivide { center: center.clone(), scale: vec![4.0, -2.0] });
    numbers(divide.clone(), [3.0, 8.0], [0.5, -3.0]);
    one(divide, (Elem::Number, &[MISSING, NAN]), (Elem::Number, &[MISSING, NAN]));
    numbers(Op::Scale(Scaling::CenterMultiply { offset: center, factor: vec![4.0, -2.0] }), [3.0, 8.0], [8.0, -12.0]);
    numbers(
        Op::Scale(Scaling::MultiplyAdd { factor: vec![4.0, -2.0], shift: vec![1.0, 2.0] }),
        [3.0, 8.0],
        [13.0, -14.0],
    );
}

#[test]
fn imputers_replace_what_they_are_told() {
    let absent = Op::Impute { missing: Missing::Absent, fill: ns([7.0, 8.0, 9.0]) };
    one(absent, (Elem::Number, &[MISSING, NAN, n(1.0)]), (Elem::Number, &ns([7.0, 8.0, 1.0])));
    let equal = |value| Op::Impute { missing: Missing::Equal(value), fill: ns([7.0, 8.0, 9.0]) };
    one(equal(n(-1.0)), (Elem::Number, &[MISSING, NAN, n(-1.0)]), (Elem::Number, &[MISSING, NAN, n(9.0)]));
    one(equal(n(0.0)), (Elem::Number, &ns([-0.0, 0.0, 1.0])), (Elem::Number, &ns([7.0, 8.0, 1.0])));
    one(equal(NAN), (Elem::Number, &[NAN, n(0.0), MISSING]), (Elem::Number, &[NAN, n(0.0), MISSING]));
    let text = |missing| Op::Impute { missing, fill: vec![t("x"), t("y")] };
    one(text(Missing::Absent), (Elem::Text, &[MISSING, t("")]), (Elem::Text, &[t("x"), t("")]));
    one(text(Missing::Equal(t(""))), (Elem::Text, &[MISSING, t("")]), (Elem::Text, &[MISSING, t("y")]));
}

#[test]
fn one_hot_groups_follow_each_other() {
    let ab = Encoder { keys: vec![t("a"), t("b")], values: vec![i(0), i(1)], unknown: Unknown::Missing };
    let dropped = Encoder {
        keys: vec![t("a"), t("b"), MISSING],
        values: vec![i(-1), i(0), i(1)],
        unknown: Unknown::Value(i(-1)),
    };
    let op = || Op::OneHot { encoders: vec![ab.clone(), dropped.clone()], widths: vec![2, 2] };
    let case = |x: [Value; 2], expected: [Value; 4]| one(op(), (Elem::Text, &x), (Elem::Number, &expected));
    case([t("a"), t("b")], [n(1.0), n(0.0), n(1.0), n(0.0)]);
    case([t("b"), t("a")], [n(0.0), n(1.0), n(0.0), n(0.0)]);
    case([t("?"), t("?")], [MISSING, MISSING, n(0.0), n(0.0)]);
    case([MISSING, MISSING], [MISSING, MISSING, n(0.0), n(1.0)]);
}

#[test]
fn encoders_look_up_by_value() {
    let levels =
        Encoder { keys: vec![n(0.0), n(2.0)], values: vec![t("none"), t("two")], unknown: Unknown::Value(t("other")) };
    one(
        Op::Encode(vec![levels.clone()]),
        (Elem::Number, &[n(-0.0), n(2.0), n(3.0), NAN, MISSING]),
        (Elem::Text, &[t("none"), t("two"), t("other"), t("other"), MISSING]),
    );
    let mut with_missing = levels.clone();
    with_missing.keys.push(MISSING);
    with_missing.values.push(t("gone"));
    with_missing.unknown = Unknown::Missing;
    one(
        Op::Encode(vec![levels, with_missing.clone(), with_missing.clone(), with_missing]),
        (Elem::Number, &[NAN, NAN, MISSING, n(3.0)]),
        (Elem::Text, &[t("other"), t("gone"), t("gone"), MISSING]),
    );
}

#[test]
fn bins_count_the_edges_not_above() {
    let edges = Op::Bins { edges: vec![vec![1.0, 2.0, 2.0, 5.0]; 7], otherwise: None };
    numbers(edges.clone(), [0.9, 1.0, 1.5, 2.0, 4.9, 5.0, f64::NAN], [0.0, 1.0, 1.0, 3.0, 3.0, 4.0, 4.0]);
    let one_edge = Op::Bins { edges: vec![vec![1.0]], otherwise: None };
    one(one_edge, (Elem::Number, &[MISSING]), (Elem::Number, &[MISSING]));
    let all_below = Op::Bins { edges: vec![vec![1.0, f64::INFINITY]; 4], otherwise: Some(7.0) };
    numbers(all_below, [0.0, 1.0, f64::INFINITY, f64::NAN], [0.0, 1.0, 7.0, 7.0]);
}

#[test]
fn polynomials_multiply_repeated_factors() {
    let terms = Op::Polynomial(vec![vec![], vec![(1, 1)], vec![(0, 2), (1, 1)], vec![(0, 3)]]);
    numbers(terms.clone(), [3.0, -2.0], [1.0, -2.0, -18.0, 27.0]);
    let x = [MISSING, n(4.0)];
    one(terms, (Elem::Number, &x), (Elem::Number, &[n(1.0), n(4.0), MISSING, MISSING]));
}

#[test]
fn exact_functions_of_a_number() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    unary(Unary::Negate, [1.0, -0.0, nan], [-1.0, 0.0, nan]);
    unary(Unary::Abs, [-1.5, -0.0, nan], [1.5, 0.0, nan]);
    unary(Unary::Sqrt, [9.0, -1.0, nan], [3.0, nan, nan]);
    unary(Unary::Reciprocal, [4.0, -0.0, inf, nan], [0.25, -inf, 0.0, nan]);
    unary(Unary::Relu, [2.0, -2.0, -0.0, nan], [2.0, 0.0, 0.0, nan]);
    unary(Unary::LeakyRelu(0.5), [2.0, -2.0, nan], [2.0, -1.0, nan]);
    unary(Unary::HardSigmoid { alpha: 0.5, beta: 0.25 }, [1.0, 2.0, -1.0, nan], [0.75, 1.0, 0.0, nan]);
    unary(Unary::Floor, [1.5, -1.5, -0.0, nan], [1.0, -2.0, -0.0, nan]);
    unary(Unary::Ceil, [1.5, -1.5, -0.5, nan], [2.0, -1.0, -0.0, nan]);
    unary(Unary::Round, [0.5, 1.5, 2.5, -2.5, 0.49999999999999994, nan], [0.0, 2.0, 2.0, -2.0, 0.0, nan]);
    unary(Unary::Sign, [3.0, -0.5, 0.0, nan], [1.0, -1.0, 0.0, nan]);
    unary(Unary::Clip { low: -1.0, high: inf }, [-3.0, 0.5, inf, nan], [-1.0, 0.5, inf, nan]);
}

#[test]
fn elementary_functions_meet_their_tables() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    close(Unary::Exp, 1.0, std::f64::consts::E);
    unary(Unary::Exp, [0.0, -inf, 710.0, nan], [1.0, 0.0, inf, nan]);
    // e^1e-10 - 1 and ln(1 + 1e-10) by their series: 1e-10 ± 5e-21
    close(Unary::Expm1, 1e-10, 1.000_000_000_05e-10);
    unary(Unary::Expm1, [0.0, -inf, 710.0, nan], [0.0, -1.0, inf, nan]);
    close(Unary::Log1p, 1e-10, 9.999_999_999_5e-11);
    unary(Unary::Log1p, [0.0, -1.0, -2.0, nan], [0.0, -inf, nan, nan]);
    close(Unary::Log, 2.0, std::f64::consts::LN_2);
    unary(Unary::Log, [1.0, 0.0, -0.0, -1.0, nan], [0.0, -inf, -inf, nan, nan]);
    // 1 / (1 + e^-2) and its mirror
    close(Unary::Sigmoid, 2.0, 0.880_797_077_977_882_444_06);
    close(Unary::Sigmoid, -2.0, 0.119_202_922_022_117_555_94);
    unary(Unary::Sigmoid, [0.0, 1e9, -1e9, inf, -inf, nan], [0.5, 1.0, 0.0, 1.0, 0.0, nan]);
    // 1 - e^-1, and for a far negative argument e^x itself (e^-40 = 4.248354255291588995e-18)
    close(Unary::CloglogInverse, 0.0, 0.632_120_558_828_557_678_4);
    close(Unary::CloglogInverse, -40.0, 4.248_354_255_291_588_995e-18);
    unary(Unary::CloglogInverse, [1e9, -1e9, nan], [1.0, 0.0, nan]);
    // Φ(1), Φ(-1) and Φ(-10) (Abramowitz and Stegun 26.1, further digits by mpmath)
    close(Unary::ProbitInverse, 1.0, 0.841_344_746_068_542_948_6);
    close(Unary::ProbitInverse, -1.0, 0.158_655_253_931_457_051_4);
    unary(Unary::ProbitInverse, [0.0, 40.0, -40.0, nan], [0.5, 1.0, 0.0, nan]);
    close(Unary::Erf, 0.5, 0.520_499_877_813_046_537_7);
    unary(Unary::Erf, [0.0, 7.0, -7.0, nan], [0.0, 1.0, -1.0, nan]);
    close(Unary::Tanh, 0.5, 0.462_117_157_260_009_758_5);
    unary(Unary::Tanh, [0.0, 1e9, -1e9, nan], [0.0, 1.0, -1.0, nan]);
    close(Unary::Softplus, 0.0, std::f64::consts::LN_2);
    close(Unary::Softplus, -40.0, 4.248_354_255_291_588_995e-18);
    unary(Unary::Softplus, [1e9, -1e9, inf, -inf, nan], [1e9, 0.0, inf, 0.0, nan]);
}

#[test]
fn tests_of_an_element() {
    let numbers = || vec![n(1.0), NAN, n(f64::INFINITY), n(f64::NEG_INFINITY), MISSING];
    let case = |function, expected: [Value; 5]| {
        one(Op::Unary(function), (Elem::Number, &numbers()), (Elem::Boolean, &expected));
    };
    case(Unary::IsNan, [b(false), b(true), b(false), b(false), MISSING]);
    case(Unary::IsMissing, [b(false), b(true), b(false), b(false), b(true)]);
    let infinite = |positive, negative| Unary::IsInfinite { positive, negative };
    case(infinite(true, true), [b(false), b(false), b(true), b(true), MISSING]);
    case(infinite(false, true), [b(false), b(false), b(false), b(true), MISSING]);
    case(infinite(true, false), [b(false), b(false), b(true), b(false), MISSING]);
    one(Op::Unary(Unary::IsMissing), (Elem::Text, &[t(""), MISSING]), (Elem::Boolean, &[b(false), b(true)]));
    one(
        Op::Unary(Unary::Not),
        (Elem::Boolean, &[b(true), b(false), MISSING]),
        (Elem::Boolean, &[b(false), b(true), MISSING]),
    );
}

#[test]
fn conversions() {
    let case = |function, x: (Elem, &[Value]), to, expected: &[Value]| one(Op::Unary(function), x, (to, expected));
    // 2^53 + 1 lies between two doubles and rounds to the even one
    let integers = (Elem::Integer, &[i(9007199254740993), i(-2), MISSING][..]);
    case(Unary::ToNumber, integers, Elem::Number, &[n(9007199254740992.0), n(-2.0), MISSING]);
    case(Unary::ToText, integers, Elem::Text, &[t("9007199254740993"), t("-2"), MISSING]);
    case(Unary::ToBoolean, integers, Elem::Boolean, &[b(true), b(true), MISSING]);
    let booleans = (Elem::Boolean, &[b(true), b(false), MISSING][..]);
    case(Unary::ToNumber, booleans, Elem::Number, &[n(1.0), n(0.0), MISSING]);
    case(Unary::ToInteger, booleans, Elem::Integer, &[i(1), i(0), MISSING]);
    case(Unary::ToText, booleans, Elem::Text, &[t("true"), t("false"), MISSING]);
    let texts = (Elem::Text, &[t("-1.5e2"), t("x"), t("inf"), t("NaN"), t(""), t(" 1"), MISSING][..]);
    case(Unary::ToNumber, texts, Elem::Number, &[n(-150.0), MISSING, MISSING, MISSING, MISSING, MISSING, MISSING]);
    let numbers = (Elem::Number, &[n(-1.9), n(-0.0), n(9.3e18), n(-9223372036854775808.0), NAN, MISSING][..]);
    case(Unary::ToInteger, numbers, Elem::Integer, &[i(-1), i(0), MISSING, i(i64::MIN), MISSING, MISSING]);
    case(Unary::ToBoolean, numbers, Elem::Boolean, &[b(true), b(false), b(true), b(true), b(true), MISSING]);
    case(Unary::Abs, (Elem::Integer, &[i(-3), i(i64::MIN)]), Elem::Integer, &[i(3), i(i64::MIN)]);
    case(Unary::Negate, (Elem::Integer, &[i(-3), MISSING]), Elem::Integer, &[i(3), MISSING]);
    case(Unary::Sign, (Elem::Integer, &[i(-3), i(0)]), Elem::Integer, &[i(-1), i(0)]);
}

#[test]
fn arithmetic_of_two() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    binary(Binary::Add, n(1.5), n(2.0), n(3.5));
    binary(Binary::Subtract, n(1.5), n(2.0), n(-0.5));
    binary(Binary::Multiply, n(1.5), n(2.0), n(3.0));
    binary(Binary::Divide, n(1.0), n(-0.0), n(-inf));
    binary(Binary::Divide, n(0.0), n(0.0), n(nan));
    binary(Binary::Power, n(2.0), n(-2.0), n(0.25));
    binary(Binary::Power, n(nan), n(0.0), n(1.0));
    binary(Binary::Power, n(-8.0), n(0.5), n(nan));
    binary(Binary::Min, n(1.0), n(2.0), n(1.0));
    binary(Binary::Max, n(1.0), n(2.0), n(2.0));
    binary(Binary::Min, n(1.0), n(nan), n(nan));
    binary(Binary::Max, n(nan), n(2.0), n(nan));
    binary(Binary::Max, n(-0.0), n(0.0), n(-0.0));
    binary(Binary::Add, n(1.0), MISSING, MISSING);
    binary(Binary::Add, MISSING, n(nan), MISSING);
    binary(Binary::Add, i(i64::MAX), i(1), i(i64::MIN));
    binary(Binary::Divide, i(-7), i(2), i(-3));
    binary(Binary::Divide, i(-7), i(0), MISSING);
    binary(Binary::Max, i(-7), i(2), i(2));
}

#[test]
fn comparisons_are_false_with_nan_and_missing_with_missing() {
    use Binary::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    for (function, less, equal, greater) in [
        (Less, true, false, false),
        (LessOrEqual, true, true, false),
        (Greater, false, false, true),
        (GreaterOrEqual, false, true, true),
        (Equal, false, true, false),
    ] {
        for (left, right, expected) in [(1.0, 2.0, less), (-0.0, 0.0, equal), (2.0, 1.0, greater)] {
            binary(function, n(left), n(right), b(expected));
            binary(function, i(left as i64), i(right as i64), b(expected));
        }
        binary(function, NAN, n(1.0), b(false));
        binary(function, NAN, NAN, b(false));
        binary(function, n(1.0), MISSING, MISSING);
    }
    binary(Equal, t("a"), t("a"), b(true));
    binary(Equal, t("a"), t("A"), b(false));
    binary(Equal, b(false), b(false), b(true));
    // different integers that are the same double
    binary(Equal, i(9007199254740993), i(9007199254740992), b(false));
    let both = |function, left, right, expected| binary(function, left, right, expected);
    both(Binary::And, b(true), b(false), b(false));
    both(Binary::And, b(true), b(true), b(true));
    both(Binary::Or, b(true), b(false), b(true));
    both(Binary::Or, b(false), b(false), b(false));
    both(Binary::And, b(false), MISSING, MISSING);
    both(Binary::Or, b(true), MISSING, MISSING);
}

#[test]
fn an_operand_of_width_1_stands_for_any_width() {
    let op = Op::Binary(Binary::Subtract);
    let graph = graph(op, &[(Elem::Number, 1), (Elem::Number, 3)], 3, Elem::Number, Precision::Double);
    same(&run(&graph, &ns([10.0, 1.0, 2.0, 3.0])), &ns([9.0, 8.0, 7.0]));
}

#[test]
fn choose_is_missing_only_with_its_condition_or_choice() {
    let operands = [(Elem::Boolean, 1), (Elem::Text, 2), (Elem::Text, 1)];
    let graph = graph(Op::Choose, &operands, 2, Elem::Text, Precision::Double);
    same(&run(&graph, &[b(true), t("a"), MISSING, t("c")]), &[t("a"), MISSING]);
    same(&run(&graph, &[b(false), t("a"), MISSING, t("c")]), &[t("c"), t("c")]);
    same(&run(&graph, &[MISSING, t("a"), t("b"), t("c")]), &[MISSING, MISSING]);
}

#[test]
fn a_row_is_divided_by_its_norm() {
    let normalize = |norm, x: [f64; 3], expected: [f64; 3]| {
        numbers(Op::Normalize(norm), x, expected);
        let x = [MISSING, n(1.0)];
        one(Op::Normalize(norm), (Elem::Number, &x), (Elem::Number, &[MISSING, MISSING]));
    };
    normalize(Norm::L1, [1.0, -2.0, 5.0], [0.125, -0.25, 0.625]);
    normalize(Norm::L2, [0.0, -3.0, 4.0], [0.0, -0.6, 0.8]);
    normalize(Norm::Max, [1.0, -4.0, 2.0], [0.25, -1.0, 0.5]);
    normalize(Norm::SignedMax, [1.0, -4.0, 2.0], [0.5, -2.0, 1.0]);
    normalize(Norm::L1, [0.0, -0.0, 0.0], [0.0, -0.0, 0.0]);
    normalize(Norm::SignedMax, [-1.0, 0.0, -2.0], [-1.0, 0.0, -2.0]);
    normalize(Norm::Max, [1.0, f64::NAN, 2.0], [f64::NAN; 3]);
}

#[test]
fn softmax_does_not_overflow() {
    numbers(Op::Softmax, [5.0, 5.0, 5.0, 5.0], [0.25; 4]);
    numbers(Op::Softmax, [1e9, 0.0, -1e9], [1.0, 0.0, 0.0]);
    numbers(Op::Softmax, [f64::NAN, 0.0], [f64::NAN; 2]);
    one(Op::Softmax, (Elem::Number, &[MISSING, n(0.0)]), (Elem::Number, &[MISSING, MISSING]));
    let softmax = graph(Op::Softmax, &[(Elem::Number, 3)], 3, Elem::Number, Precision::Double);
    // weights 1 : 2 : 5
    near(&run(&softmax, &ns([0.0, 2f64.ln(), 5f64.ln()])), &[0.125, 0.25, 0.625], 1e-15);
    let log_softmax = graph(Op::LogSoftmax, &[(Elem::Number, 2)], 2, Elem::Number, Precision::Double);
    // -ln(1 + e^-4), and 4 less
    let expected = [-0.018_149_927_917_809_74, -4.018_149_927_917_81];
    near(&run(&log_softmax, &ns([1e9, 1e9 - 4.0])), &expected, 1e-14);
    numbers(Op::LogSoftmax, [0.0, -1e9], [0.0, -1e9]);
    one(Op::LogSoftmax, (Elem::Number, &[MISSING, n(0.0)]), (Elem::Number, &[MISSING, MISSING]));
}

#[test]
fn reductions() {
    let reduce = |reduction, x: [f64; 3], expected: f64| {
        numbers(Op::Reduce(reduction), x, [expected]);
        one(Op::Reduce(reduction), (Elem::Number, &[n(1.0), MISSING]), (Elem::Number, &[MISSING]));
        numbers(Op::Reduce(reduction), [1.0, f64::NAN, 2.0], [f64::NAN]);
    };
    let x = [3.0, -4.0, 0.5];
    reduce(Reduction::Sum, x, -0.5);
    reduce(Reduction::Sum, [1e16, 1.0, -1e16], 0.0);
    reduce(Reduction::Mean, [3.0, -4.0, 2.5], 0.5);
    reduce(Reduction::Max, x, 3.0);
    reduce(Reduction::Min, x, -4.0);
    reduce(Reduction::Product, x, -6.0);
    reduce(Reduction::L1, x, 7.5);
    reduce(Reduction::L2, [3.0, -4.0, 0.0], 5.0);
    reduce(Reduction::SumSquare, x, 25.25);
    // ln(2 e^1000) = 1000 + ln 2
    reduce(Reduction::LogSumExp, [1000.0, 1000.0, -1e9], 1000.0 + std::f64::consts::LN_2);
    reduce(Reduction::LogSumExp, [f64::NEG_INFINITY; 3], f64::NEG_INFINITY);
    reduce(Reduction::LogSumExp, [f64::INFINITY, f64::INFINITY, 0.0], f64::INFINITY);
    let integers = [i(4), i(-3), i(i64::MAX)];
    let integer = |reduction, expected| {
        one(Op::Reduce(reduction), (Elem::Integer, &integers), (Elem::Integer, &[expected]));
        one(Op::Reduce(reduction), (Elem::Integer, &[MISSING, i(1)]), (Elem::Integer, &[MISSING]));
    };
    integer(Reduction::Sum, i(i64::MIN));
    integer(Reduction::Max, i(i64::MAX));
    integer(Reduction::Min, i(-3));
    // -12 * (2^63 - 1) = -12 * 2^63 + 12, and 2^64 divides the first
    integer(Reduction::Product, i(12));
}

#[test]
fn positions_of_the_largest_and_smallest() {
    let at = |op, x: &[f64], expected| {
        let x: Vec<Value> = x.iter().map(|&x| n(x)).collect();
        one(op, (Elem::Number, &x), (Elem::Integer, &[i(expected)]));
    };
    at(Op::ArgMax { last: false }, &[1.0, 3.0, 3.0, 2.0], 1);
    at(Op::ArgMax { last: true }, &[1.0, 3.0, 3.0, 2.0], 2);
    at(Op::ArgMin { last: false }, &[1.0, 0.0, -0.0, 2.0], 1);
    at(Op::ArgMin { last: true }, &[1.0, 0.0, -0.0, 2.0], 2);
    at(Op::ArgMax { last: false }, &[1.0, f64::NAN, 0.5], 0);
    at(Op::ArgMax { last: true }, &[f64::NAN, f64::NAN, 0.5], 0);
    one(Op::ArgMax { last: true }, (Elem::Number, &[n(1.0), MISSING]), (Elem::Integer, &[MISSING]));
    let integers = [i(9007199254740992), i(9007199254740993), i(9007199254740993)];
    one(Op::ArgMax { last: false }, (Elem::Integer, &integers), (Elem::Integer, &[i(1)]));
    one(Op::ArgMax { last: true }, (Elem::Integer, &integers), (Elem::Integer, &[i(2)]));
    one(Op::ArgMin { last: true }, (Elem::Integer, &integers), (Elem::Integer, &[i(0)]));
}

#[test]
fn decisions_break_ties_as_the_source_does() {
    let classes = vec![t("no"), t("yes")];
    let threshold = |inclusive, score, expected: &str| {
        let decision = Decision::Threshold { threshold: 0.5, inclusive };
        let op = Op::Decide { classes: classes.clone(), decision };
        one(op, (Elem::Number, &[score]), (Elem::Text, &[t(expected)]));
    };
    threshold(false, n(0.5), "no");
    threshold(true, n(0.5), "yes");
    threshold(false, n(0.5000000000000001), "yes");
    threshold(true, n(0.49999999999999994), "no");
    threshold(true, NAN, "no");
    let largest = |x: &[Value], expected| {
        let op = Op::Decide { classes: vec![i(10), i(20), i(30)], decision: Decision::FirstLargest };
        one(op, (Elem::Number, x), (Elem::Integer, &[expected]));
    };
    largest(&ns([1.0, 2.0, 3.0]), i(30));
    largest(&ns([2.0, 2.0, 1.0]), i(10));
    largest(&ns([1.0, f64::NAN, 2.0]), i(30));
    largest(&ns([f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NAN]), i(10));
    largest(&[n(1.0), MISSING, n(2.0)], MISSING);
    let op = Op::Decide { classes, decision: Decision::Threshold { threshold: 0.5, inclusive: true } };
    one(op, (Elem::Number, &[MISSING]), (Elem::Text, &[MISSING]));
}

#[test]
fn a_refused_row_is_missing() {
    let operands = [(Elem::Number, 2), (Elem::Text, 2)];
    let graph = graph(Op::MissingIf, &operands, 2, Elem::Number, Precision::Double);
    same(&run(&graph, &[n(1.0), MISSING, t("a"), t("b")]), &[n(1.0), MISSING]);
    same(&run(&graph, &[n(1.0), n(2.0), MISSING, t("b")]), &[MISSING, MISSING]);
}

#[test]
fn outputs_come_in_the_order_of_the_graph() {
    let mut graph = graph(Op::Softmax, &[(Elem::Number, 1)], 1, Elem::Number, Precision::Double);
    graph.outputs.push(Output { role: Role::Value, name: "x".to_owned(), node: NodeId(0), elements: Vec::new() });
    let rows = Evaluator::new(&graph).unwrap().row(&[n(3.0)]);
    assert_eq!(rows, [[n(1.0)], [n(3.0)]]);
}

#[test]
fn a_chain_200_000_deep_is_a_loop() {
    let mut graph = graph(Op::Concat, &[(Elem::Number, 1)], 1, Elem::Number, Precision::Double);
    let half = Op::Scale(Scaling::MultiplyAdd { factor: vec![0.5], shift: vec![1.0] });
    for _ in 0..200_000 {
        let last = NodeId(graph.nodes.len() as u32 - 1);
        graph.outputs[0].node = graph.push(node(half.clone(), vec![last], 1, Elem::Number, Precision::Double));
    }
    same(&run(&graph, &[n(100.0)]), &[n(2.0)]);
}
