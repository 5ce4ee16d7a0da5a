//! Every kind of fault is found, and a sound graph has none.

use super::super::graph::{Feature, Graph, Node, NodeId, Output, Role};
use super::super::op::*;
use super::check;

fn feature(name: &str, elem: Elem) -> Feature {
    Feature {
        name: name.to_owned(),
        elem,
        precision: Precision::Double,
        alias: String::new(),
        expression: None,
        place: None,
    }
}

fn node(op: Op, args: &[u32], width: usize, elem: Elem) -> Node {
    let args = args.iter().map(|&id| NodeId(id)).collect();
    Node { op, args, width, elem, precision: Precision::Double, name: String::new() }
}

fn output(role: Role, node: u32) -> Output {
    Output { role, name: "out".to_owned(), node: NodeId(node), elements: Vec::new() }
}

fn linear(inputs: usize, weights: &[f64], bias: &[f64]) -> Op {
    Op::Linear(Linear { inputs, weights: weights.to_vec(), bias: bias.to_vec() })
}

/// Two number features, a text and an integer one, as nodes 0 to 3.
fn start() -> Graph {
    let features = vec![
        feature("a", Elem::Number),
        feature("b", Elem::Number),
        feature("t", Elem::Text),
        feature("i", Elem::Integer),
    ];
    let nodes =
        features.iter().enumerate().map(|(index, feature)| node(Op::Input(index), &[], 1, feature.elem)).collect();
    Graph { features, nodes, outputs: vec![output(Role::Value, 0)], ..Graph::default() }
}

/// `start`, the two numbers as one vector (node 4), and this node (5).
fn with(last: Node) -> Graph {
    let mut graph = start();
    graph.push(node(Op::Concat, &[0, 1], 2, Elem::Number));
    graph.push(last);
    graph
}

#[track_caller]
fn sound(last: Node) {
    assert_eq!(check(&with(last)), Ok(()));
}

#[track_caller]
fn faulty(last: Node, words: &str) {
    let faults = check(&with(last)).unwrap_err();
    assert!(faults.len() == 1 && faults[0].starts_with("node 5") && faults[0].contains(words), "{faults:?}");
}

fn bins(edges: Vec<Vec<f64>>) -> Op {
    Op::Bins { edges, otherwise: None }
}

#[test]
fn names_of_features_are_there_and_unique() {
    let mut graph = start();
    graph.features[1].name = "a".to_owned();
    graph.features[2].name = String::new();
    assert_eq!(check(&graph).unwrap_err(), ["feature 1: the name `a` occurs before", "feature 2 has no name"]);
}

#[test]
fn operands_stand_before_their_users() {
    faulty(node(Op::Softmax, &[5], 2, Elem::Number), "operand 5 does not stand before");
    faulty(node(Op::Softmax, &[u32::MAX], 2, Elem::Number), "does not stand before");
    faulty(node(Op::Softmax, &[4, 4], 2, Elem::Number), "2 operands, expected 1");
    faulty(node(Op::Softmax, &[], 2, Elem::Number), "0 operands, expected 1");
    sound(node(Op::Softmax, &[4], 2, Elem::Number));
}

#[test]
fn width_and_type_of_the_node_are_those_of_the_operator() {
    faulty(node(Op::Softmax, &[4], 3, Elem::Number), "width is 3, expected 2");
    faulty(node(Op::Softmax, &[4], 0, Elem::Number), "width is 0");
    faulty(node(Op::Softmax, &[4], 2, Elem::Integer), "result is Integer, expected Number");
    faulty(node(Op::Softmax, &[3], 1, Elem::Number), "operand is Integer, expected Number");
    faulty(node(Op::Input(4), &[], 1, Elem::Number), "feature 4 does not exist");
    faulty(node(Op::Input(2), &[], 1, Elem::Number), "result is Number, expected Text");
}

#[test]
fn vectors_are_put_together_by_position() {
    faulty(node(Op::Concat, &[], 1, Elem::Number), "no operand");
    faulty(node(Op::Concat, &[0, 2], 2, Elem::Number), "operand is Text");
    faulty(node(Op::Pick(vec![0, 2]), &[4], 2, Elem::Number), "position 2");
    sound(node(Op::Pick(vec![1, 1, 0]), &[4], 3, Elem::Number));
    faulty(node(Op::Constant(vec![]), &[], 1, Elem::Number), "no element");
    let mixed = vec![Value::Number(1.0), Value::Integer(1)];
    faulty(node(Op::Constant(mixed), &[], 2, Elem::Number), "types Number and Integer");
    sound(node(Op::Constant(vec![Value::Missing, Value::Integer(1)]), &[], 2, Elem::Integer));
}

#[test]
fn constants_of_affine_operators_fit_and_are_finite() {
    sound(node(linear(2, &[1.0, 2.0, 3.0, 4.0], &[0.0, 0.0]), &[4], 2, Elem::Number));
    faulty(node(linear(2, &[1.0, 2.0, 3.0], &[0.0, 0.0]), &[4], 2, Elem::Number), "weights is 3, expected 4");
    faulty(node(linear(1, &[1.0], &[0.0]), &[4], 1, Elem::Number), "inputs is 1, expected 2");
    faulty(node(linear(2, &[1.0, f64::NAN], &[0.0]), &[4], 1, Elem::Number), "weight is NaN");
    faulty(node(linear(2, &[1.0, 1.0], &[f64::INFINITY]), &[4], 1, Elem::Number), "bias is inf");
    let scale = |center: &[f64], scale: &[f64]| {
        Op::Scale(Scaling::CenterDivide { center: center.to_vec(), scale: scale.to_vec() })
    };
    sound(node(scale(&[0.0, 0.0], &[1.0, 2.0]), &[4], 2, Elem::Number));
    faulty(node(scale(&[0.0, 0.0], &[1.0, -0.0]), &[4], 2, Elem::Number), "scale is 0");
    faulty(node(scale(&[0.0], &[1.0, 1.0]), &[4], 2, Elem::Number), "length of center is 1, expected 2");
    faulty(node(scale(&[0.0, f64::NAN], &[1.0, 1.0]), &[4], 2, Elem::Number), "center is NaN");
}

#[test]
fn imputers_and_encoders_keep_to_the_type_of_their_operand() {
    let impute = |missing, fill: Vec<Value>| Op::Impute { missing, fill };
    sound(node(impute(Missing::Absent, vec![Value::Text("x".into())]), &[2], 1, Elem::Text));
    faulty(node(impute(Missing::Absent, vec![]), &[2], 1, Elem::Text), "fill values is 0, expected 1");
    faulty(node(impute(Missing::Absent, vec![Value::Integer(1)]), &[2], 1, Elem::Text), "fill value is Integer");
    let equal = Missing::Equal(Value::Number(1.0));
    faulty(node(impute(equal, vec![Value::Integer(1)]), &[3], 1, Elem::Integer), "to replace is Number");

    let encoder = |keys: Vec<Value>, values: Vec<Value>, unknown| Encoder { keys, values, unknown };
    let text = |text: &str| Value::Text(text.to_owned());
    let keys = || vec![text("a"), text("b"), Value::Missing];
    let one_hot = |encoder: Encoder, width| Op::OneHot { encoders: vec![encoder], widths: vec![width] };
    let positions = |last| vec![Value::Integer(0), Value::Integer(-1), Value::Integer(last)];
    sound(node(one_hot(encoder(keys(), positions(1), Unknown::Missing), 2), &[2], 2, Elem::Number));
    faulty(
        node(one_hot(encoder(keys(), positions(2), Unknown::Missing), 2), &[2], 2, Elem::Number),
        "no position in a group of 2",
    );
    faulty(
        node(one_hot(encoder(keys(), positions(1), Unknown::Value(Value::Number(0.0))), 2), &[2], 2, Elem::Number),
        "neither missing nor -1",
    );
    faulty(
        node(one_hot(encoder(vec![text("a"); 3], positions(1), Unknown::Missing), 2), &[2], 2, Elem::Number),
        "occurs twice",
    );
    faulty(
        node(Op::Encode(vec![encoder(keys(), vec![Value::Integer(1)], Unknown::Missing)]), &[2], 1, Elem::Integer),
        "values of an encoder is 1, expected 3",
    );
    let mapped = |unknown| Op::Encode(vec![encoder(vec![text("a")], vec![Value::Integer(1)], unknown)]);
    sound(node(mapped(Unknown::Value(Value::Integer(-1))), &[2], 1, Elem::Integer));
    faulty(node(mapped(Unknown::Value(Value::Number(-1.0))), &[2], 1, Elem::Integer), "types Integer and Number");
    faulty(node(mapped(Unknown::Missing), &[3], 1, Elem::Integer), "key is Text, expected Integer");
    let zeros = encoder(vec![Value::Number(0.0), Value::Number(-0.0)], vec![Value::Integer(1); 2], Unknown::Missing);
    faulty(node(Op::Encode(vec![zeros]), &[0], 1, Elem::Integer), "occurs twice");
}

#[test]
fn edges_ascend_and_powers_are_positive() {
    faulty(node(bins(vec![vec![2.0, 1.0]]), &[0], 1, Elem::Number), "ascending");
    faulty(node(bins(vec![vec![1.0, f64::NAN]]), &[0], 1, Elem::Number), "ascending");
    faulty(node(bins(vec![vec![1.0]]), &[4], 2, Elem::Number), "lists of edges is 1, expected 2");
    sound(node(bins(vec![vec![], vec![f64::NEG_INFINITY, 1.0, 1.0]]), &[4], 2, Elem::Number));
    faulty(node(Op::Polynomial(vec![vec![(0, 0)]]), &[4], 1, Elem::Number), "power is 0");
    faulty(node(Op::Polynomial(vec![vec![(2, 1)]]), &[4], 1, Elem::Number), "position 2");
    sound(node(Op::Polynomial(vec![vec![], vec![(0, 1), (1, 2)]]), &[4], 2, Elem::Number));
}

#[test]
fn functions_demand_their_types() {
    sound(node(Op::Unary(Unary::Negate), &[3], 1, Elem::Integer));
    faulty(node(Op::Unary(Unary::Negate), &[2], 1, Elem::Text), "Text, expected Number or Integer");
    faulty(node(Op::Unary(Unary::Exp), &[3], 1, Elem::Number), "Integer, expected Number");
    faulty(node(Op::Unary(Unary::Not), &[0], 1, Elem::Boolean), "Number, expected Boolean");
    faulty(node(Op::Unary(Unary::ToText), &[0], 1, Elem::Text), "text of a number");
    faulty(node(Op::Unary(Unary::ToInteger), &[2], 1, Elem::Integer), "operand is Text");
    faulty(node(Op::Unary(Unary::Clip { low: f64::NAN, high: 0.0 }), &[0], 1, Elem::Number), "bound is NaN");
    sound(node(Op::Unary(Unary::Clip { low: f64::NEG_INFINITY, high: 0.0 }), &[0], 1, Elem::Number));
    faulty(node(Op::Unary(Unary::LeakyRelu(f64::INFINITY)), &[0], 1, Elem::Number), "slope is inf");
    sound(node(Op::Unary(Unary::IsMissing), &[2], 1, Elem::Boolean));

    sound(node(Op::Binary(Binary::Add), &[4, 0], 2, Elem::Number));
    sound(node(Op::Binary(Binary::Equal), &[2, 2], 1, Elem::Boolean));
    faulty(node(Op::Binary(Binary::Add), &[0, 3], 1, Elem::Number), "second operand is Integer");
    faulty(node(Op::Binary(Binary::Less), &[2, 2], 1, Elem::Boolean), "Text");
    faulty(node(Op::Binary(Binary::Power), &[3, 3], 1, Elem::Integer), "Integer, expected Number");
    faulty(node(Op::Binary(Binary::And), &[0, 0], 1, Elem::Boolean), "Number, expected Boolean");
    faulty(node(Op::Choose, &[0, 0, 0], 1, Elem::Number), "condition is Number");
    faulty(node(Op::Reduce(Reduction::Mean), &[3], 1, Elem::Integer), "Integer, expected Number");
    sound(node(Op::Reduce(Reduction::Sum), &[3], 1, Elem::Integer));
    faulty(node(Op::ArgMax { last: false }, &[2], 1, Elem::Integer), "Text");
    faulty(node(Op::MissingIf, &[4], 2, Elem::Number), "1 operands, expected 2");
    sound(node(Op::MissingIf, &[4, 2], 2, Elem::Number));
}

#[test]
fn widths_broadcast_only_from_one() {
    let mut graph = with(node(Op::Concat, &[4, 0], 3, Elem::Number));
    graph.push(node(Op::Binary(Binary::Add), &[4, 5], 3, Elem::Number));
    assert_eq!(check(&graph).unwrap_err(), ["node 6 (Add): operands of widths 2 and 3"]);
}

#[test]
fn decisions_have_their_classes() {
    let decide = |classes: Vec<Value>, decision| Op::Decide { classes, decision };
    let two = || vec![Value::Integer(0), Value::Integer(1)];
    let half = |threshold| Decision::Threshold { threshold, inclusive: false };
    sound(node(decide(two(), half(0.5)), &[0], 1, Elem::Integer));
    sound(node(decide(two(), Decision::FirstLargest), &[4], 1, Elem::Integer));
    faulty(node(decide(two(), half(f64::NAN)), &[0], 1, Elem::Integer), "threshold is NaN");
    faulty(node(decide(two(), half(0.5)), &[4], 1, Elem::Integer), "width of the score is 2");
    faulty(node(decide(two(), Decision::FirstLargest), &[0], 1, Elem::Integer), "classes is 2, expected 1");
    faulty(
        node(decide(vec![Value::Integer(0), Value::Missing], Decision::FirstLargest), &[4], 1, Elem::Integer),
        "class is missing",
    );
}

#[test]
fn outputs_agree_with_their_roles_and_the_classes() {
    let mut graph = with(node(Op::Softmax, &[4], 2, Elem::Number));
    graph.classes = vec![Value::Text("x".into()), Value::Text("y".into())];
    graph.outputs = vec![output(Role::Probabilities, 5), output(Role::Label, 2), output(Role::Margin, 0)];
    assert_eq!(check(&graph), Ok(()));

    graph.outputs[0].elements = vec!["x".into()];
    graph.outputs.push(output(Role::Value, 9));
    graph.outputs.push(output(Role::Label, 0));
    assert_eq!(
        check(&graph).unwrap_err(),
        [
            "output 0 (`out`): number of element names is 1, expected 2",
            "output 3 (`out`): node 9 does not exist",
            "output 4 (`out`): a second output of role Label",
            "output 4 (`out`): a label is Number, expected Text",
        ]
    );

    graph.outputs = vec![output(Role::Probabilities, 0), output(Role::Margin, 3), output(Role::Prediction, 2)];
    assert_eq!(
        check(&graph).unwrap_err(),
        [
            "output 0 (`out`): number of probabilities is 1, expected 2",
            "output 1 (`out`): a margin is Integer, expected Number",
            "output 2 (`out`): a prediction is Text, expected Number",
        ]
    );

    graph.classes = vec![Value::Integer(1), Value::Integer(1), Value::Missing];
    graph.outputs = Vec::new();
    assert_eq!(
        check(&graph).unwrap_err(),
        ["classes: the value Integer(1) occurs twice", "classes: a class is missing", "the graph has no output"]
    );

    graph.classes.clear();
    graph.outputs = vec![output(Role::Label, 2), output(Role::Probabilities, 5)];
    assert_eq!(check(&graph).unwrap_err().len(), 2);
}

#[test]
fn a_chain_200_000_deep_is_a_loop() {
    let mut graph = start();
    for id in 3..200_000 {
        let arg = if id == 3 { 0 } else { id };
        graph.push(node(Op::Unary(Unary::Abs), &[arg], 1, Elem::Number));
    }
    assert_eq!(check(&graph), Ok(()));
}
