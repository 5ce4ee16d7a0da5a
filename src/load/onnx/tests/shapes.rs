//! The graphs that the tails of exporters become, names of features, shapes that move rows.

use super::{Attr, Model, floats, ints};
use crate::load::onnx::Options;
use crate::model::{Decision, Graph, Op, Role, Unary, Value};

const F32: i32 = 1;
const F64: i32 = 11;

fn doubles(dims: &[i64], values: &[f64]) -> onnx_protobuf::TensorProto {
    onnx_protobuf::TensorProto {
        dims: dims.to_vec(),
        data_type: 11,
        double_data: values.to_vec(),
        ..Default::default()
    }
}

fn op(graph: &Graph, role: Role) -> &Op {
    &graph.node(graph.output(role).unwrap().node).op
}

/// A threshold on one linear row, and the sigmoid of it and its negation.
fn is_logistic(graph: &Graph) {
    let Op::Decide { decision, classes } = op(graph, Role::Label) else { panic!("{graph:?}") };
    assert_eq!(*decision, Decision::Threshold { threshold: 0.0, inclusive: false });
    assert_eq!(classes, &[Value::Integer(0), Value::Integer(1)]);
    assert_eq!(*op(graph, Role::Probabilities), Op::Unary(Unary::Sigmoid));
    let Op::Linear(linear) = op(graph, Role::Margin) else { panic!("{graph:?}") };
    assert_eq!(linear.weights, [0.5, -1.5]);
    assert_eq!(linear.bias, [0.25]);
    assert_eq!(graph.nodes.len(), 8);
}

/// `classes[argmax(scores)]`, as skl2onnx writes it.
fn label_tail(model: Model, scores: &str) -> Model {
    let classes =
        onnx_protobuf::TensorProto { dims: vec![2], data_type: 6, int32_data: vec![0, 1], ..Default::default() };
    model
        .initializer("classes", classes)
        .initializer("flat", ints(&[1], &[-1]))
        .node("ArgMax", &[scores], &["at"], vec![("axis", Attr::Int(1))])
        .node("ml.ArrayFeatureExtractor", &["classes", "at"], &["found"], vec![])
        .node("Cast", &["found"], &["cast"], vec![("to", Attr::Int(11))])
        .node("Reshape", &["cast", "flat"], &["reshaped"], vec![])
        .node("Cast", &["reshaped"], &["label"], vec![("to", Attr::Int(7))])
}

#[test]
fn a_logistic_regression_is_one_graph_however_it_was_exported() {
    let float = Model::new(13)
        .input("X", F32, 2)
        .node(
            "ml.LinearClassifier",
            &["X"],
            &["label", "p"],
            vec![
                ("coefficients", Attr::Floats(&[-0.5, 1.5, 0.5, -1.5])),
                ("intercepts", Attr::Floats(&[-0.25, 0.25])),
                ("classlabels_ints", Attr::Ints(&[0, 1])),
                ("post_transform", Attr::Text("LOGISTIC")),
            ],
        )
        .output("label")
        .output("p");
    is_logistic(&float.load());
    let double = Model::new(13)
        .input("X", F64, 2)
        .initializer("w", doubles(&[2, 2], &[-0.5, 0.5, 1.5, -1.5]))
        .initializer("b", doubles(&[1, 2], &[-0.25, 0.25]))
        .initializer("axis", ints(&[1], &[1]))
        .node("MatMul", &["X", "w"], &["xw"], vec![])
        .node("Add", &["xw", "b"], &["raw"], vec![])
        .node("Sigmoid", &["raw"], &["s"], vec![])
        .node("Abs", &["s"], &["abs"], vec![])
        .node("ReduceSum", &["abs", "axis"], &["norm"], vec![("keepdims", Attr::Int(1))])
        .node("Div", &["s", "norm"], &["p"], vec![]);
    is_logistic(&label_tail(double, "raw").output("label").output("p").load());
    let sgd = Model::new(13)
        .input("X", F32, 2)
        .initializer("w", floats(&[2, 1], &[0.5, -1.5]))
        .initializer("b", floats(&[1], &[0.25]))
        .initializer("one", floats(&[1], &[1.0]))
        .node("MatMul", &["X", "w"], &["xw"], vec![])
        .node("Add", &["b", "xw"], &["raw"], vec![])
        .node("Sigmoid", &["raw"], &["s"], vec![])
        .node("Sub", &["one", "s"], &["other"], vec![])
        .node("Concat", &["other", "s"], &["p"], vec![("axis", Attr::Int(1))]);
    is_logistic(&label_tail(sgd, "p").output("label").output("p").load());
}

#[test]
fn a_row_of_zero_probabilities_is_uniform_where_float32_underflows() {
    // 1 / (1 + exp(-s)) per class, normalized with skl2onnx's way out for rows of zeros
    let model = Model::new(13)
        .input("X", F32, 2)
        .initializer("minus", floats(&[], &[-1.0]))
        .initializer("one", floats(&[], &[1.0]))
        .initializer("two", floats(&[], &[2.0]))
        .initializer("axis", ints(&[1], &[1]))
        .node("Mul", &["X", "minus"], &["negated"], vec![])
        .node("Exp", &["negated"], &["exp"], vec![])
        .node("Add", &["exp", "one"], &["plus"], vec![])
        .node("Reciprocal", &["plus"], &["p"], vec![])
        .node("ReduceSum", &["p", "axis"], &["sum"], vec![])
        .node("Cast", &["sum"], &["some"], vec![("to", Attr::Int(9))])
        .node("Not", &["some"], &["none"], vec![])
        .node("Cast", &["none"], &["z"], vec![("to", Attr::Int(1))])
        .node("Add", &["p", "z"], &["shifted"], vec![])
        .node("Mul", &["z", "two"], &["mask"], vec![])
        .node("Add", &["sum", "mask"], &["total"], vec![])
        .node("Div", &["shifted", "total"], &["Y"], vec![])
        .output("Y");
    let mut graph = model.load();
    // the graph says it in double, too: nothing is left to the rounding of single nodes
    for node in &mut graph.nodes {
        node.precision = crate::model::Precision::Double;
    }
    let run = |a: f64, b: f64| {
        let row = [Value::Number(a), Value::Number(b)];
        crate::model::eval::Evaluator::new(&graph).unwrap().row(&row).swap_remove(0)
    };
    assert_eq!(run(-100.0, -200.0), [Value::Number(0.5), Value::Number(0.5)]);
    assert_eq!(run(-80.0, -200.0), [Value::Number(1.0), Value::Number(0.0)]);
    let want = 1.0 / (1.0 + (-1f64).exp());
    let Value::Number(got) = run(1.0, -300.0)[0] else { panic!() };
    assert!((got - 1.0).abs() < 1e-12 && want < 1.0);
}

#[test]
fn features_are_named_by_option_metadata_or_number() {
    let scaler = || vec![("offset", Attr::Floats(&[0.0])), ("scale", Attr::Floats(&[1.0]))];
    let wide = || Model::new(13).input("X", F32, 2).node("ml.Scaler", &["X"], &["Y"], scaler()).output("Y");
    let names = |graph: &Graph| graph.features.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
    let graph = wide().load();
    assert_eq!(names(&graph), ["x0", "x1"]);
    assert_eq!(graph.features[1].alias, "X_1");
    let given = ["a".to_owned(), "b".to_owned()];
    let options = Options { features: Some(&given), ..Default::default() };
    assert_eq!(names(&wide().load_with(&options).0.unwrap()), ["a", "b"]);
    let mut with_metadata = wide();
    with_metadata.0.metadata_props.push(onnx_protobuf::StringStringEntryProto {
        key: "feature_names".into(),
        value: "[\"age\", \"income\"]".into(),
        ..Default::default()
    });
    assert_eq!(names(&with_metadata.load()), ["age", "income"]);
    let columns = Model::new(13)
        .input("age", F32, 1)
        .input("income", F32, 1)
        .node("Add", &["age", "income"], &["Y"], vec![])
        .output("Y");
    assert_eq!(names(&columns.load()), ["age", "income"]);
    // the width may come from the number of names, or from who reads the input
    let open = Model::new(13).input("X", F32, -1).node("ml.Scaler", &["X"], &["Y"], scaler()).output("Y");
    assert!(open.load_with(&Options::default()).0.is_none());
    assert_eq!(names(&open.load_with(&options).0.unwrap()), ["a", "b"]);
    let read = Model::new(13)
        .input("X", F32, -1)
        .initializer("w", floats(&[3, 1], &[1.0, 2.0, 3.0]))
        .node("MatMul", &["X", "w"], &["Y"], vec![])
        .output("Y");
    assert_eq!(names(&read.load()), ["x0", "x1", "x2"]);
}

#[test]
fn reshapes_keep_rows_apart() {
    let reshape = |shape: &[i64]| {
        Model::new(13)
            .input("X", F32, 4)
            .initializer("shape", ints(&[shape.len() as i64], shape))
            .node("Reshape", &["X", "shape"], &["R"], vec![])
            .initializer("axes", ints(&[1], &[-1]))
            .node("ReduceSum", &["R", "axes"], &["Y"], vec![("keepdims", Attr::Int(0))])
            .output("Y")
    };
    assert_eq!(reshape(&[-1, 2, 2]).run(&[&[1.0, 2.0, 3.0, 4.0]]), [[3.0, 7.0]]);
    assert_eq!(reshape(&[0, 4]).run(&[&[1.0, 2.0, 3.0, 4.0]]), [[10.0]]);
    assert_eq!(reshape(&[0, -1]).run(&[&[1.0, 2.0, 3.0, 4.0]]), [[10.0]]);
    for shape in [&[-1, 2][..], &[2, -1], &[-1]] {
        let (graph, report) = reshape(shape).load_with(&Options::default());
        assert!(graph.is_none(), "{shape:?}");
        assert_eq!(report.diagnostics()[0].code.id, "E0307");
    }
}

#[test]
fn shapes_may_be_computed_from_the_number_of_rows() {
    // torch's x.view(x.size(0), -1)
    let model = Model::new(13)
        .input("X", F32, 4)
        .initializer("zero", ints(&[], &[0]))
        .initializer("first", ints(&[1], &[0]))
        .initializer("rest", ints(&[1], &[-1]))
        .node("Shape", &["X"], &["shape"], vec![])
        .node("Gather", &["shape", "zero"], &["rows"], vec![("axis", Attr::Int(0))])
        .node("Unsqueeze", &["rows", "first"], &["list"], vec![])
        .node("Concat", &["list", "rest"], &["target"], vec![("axis", Attr::Int(0))])
        .node("Reshape", &["X", "target"], &["Y"], vec![])
        .output("Y");
    assert_eq!(model.run(&[&[1.0, 2.0, 3.0, 4.0]]), [[1.0, 2.0, 3.0, 4.0]]);
}

#[test]
fn initializers_of_old_files_are_no_inputs() {
    let mut model = Model::new(9)
        .input("X", F32, 1)
        .input("c", F32, 1)
        .initializer("c", floats(&[1, 1], &[2.0]))
        .node("Mul", &["X", "c"], &["Y"], vec![])
        .output("Y");
    model.0.ir_version = 3;
    assert_eq!(model.load().features.len(), 1);
    assert_eq!(model.run(&[&[3.0]]), [[6.0]]);
}
