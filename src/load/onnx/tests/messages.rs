//! What is said of files that are refused or warned of: every code of the group once.

use super::{Attr, ML, Model, attribute, floats, ints};
use crate::diag::codes::onnx;
use crate::diag::{Code, Report, Sources};
use crate::load::onnx::{Options, load};
use onnx_protobuf::{NodeProto, StringStringEntryProto, TensorProto};

const F32: i32 = 1;

fn scaled(model: Model) -> Model {
    let attributes = vec![("offset", Attr::Floats(&[0.0])), ("scale", Attr::Floats(&[1.0]))];
    model.node("ml.Scaler", &["X"], &["Y"], attributes).output("Y")
}

/// The messages of a model, as `CODE message (help)`.
fn said(model: &Model) -> Vec<String> {
    let (_, report) = model.load_with(&Options::default());
    lines(&report)
}

fn lines(report: &Report) -> Vec<String> {
    let line = |d: &crate::diag::Diagnostic| {
        format!("{} {}{}", d.code.id, d.message, d.help.as_ref().map_or(String::new(), |help| format!(" ({help})")))
    };
    report.diagnostics().iter().map(line).collect()
}

fn starts(lines: &[String], code: &Code, text: &str) {
    assert!(lines.iter().any(|line| line.starts_with(code.id) && line.contains(text)), "{} {text}: {lines:?}", code.id);
}

fn classifier(op: &str, norm: &str) -> Model {
    let coefficients = vec![
        ("coefficients", Attr::Floats(&[-1.0, 1.0])),
        ("intercepts", Attr::Floats(&[0.0, 0.0])),
        ("classlabels_ints", Attr::Ints(&[0, 16_777_217])),
        ("post_transform", Attr::Text(op)),
    ];
    let mut model = Model::new(13)
        .input("X", F32, 1)
        .node("ml.LinearClassifier", &["X"], &["L", "P"], coefficients)
        .node("Cast", &["L"], &["label"], vec![("to", Attr::Int(1))])
        .node("ml.Normalizer", &["P"], &["Y"], vec![("norm", Attr::Text(norm))])
        .output("label")
        .output("Y");
    model.0.producer_name = "skl2onnx".into();
    model
}

#[test]
fn damaged_files() {
    let mut bytes = scaled(Model::new(13).input("X", F32, 1)).bytes();
    bytes.truncate(bytes.len() - 3);
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let source = sources.add("model.onnx", "");
    assert!(load(&bytes, source, &Options::default(), &mut report).is_err());
    starts(&lines(&report), &onnx::DAMAGED, "are left");
}

#[test]
fn versions_and_structure() {
    starts(&said(&scaled(Model::new(99).input("X", F32, 1))), &onnx::VERSION, "ai.onnx has version 99");
    let mut old = scaled(Model::new(13).input("X", F32, 1));
    old.0.ir_version = 0;
    starts(&said(&old), &onnx::VERSION, "ir_version 0");
    let mut training = scaled(Model::new(13).input("X", F32, 1));
    training.0.training_info.push(Default::default());
    starts(&said(&training), &onnx::STRUCTURE, "training information");
    let twice = scaled(scaled(Model::new(13).input("X", F32, 1)));
    starts(&said(&twice), &onnx::STRUCTURE, "`Y` is given to two results");
    let nothing = Model::new(13).input("X", F32, 1).node("Neg", &["nope"], &["Y"], vec![]).output("Y");
    starts(&said(&nothing), &onnx::STRUCTURE, "nothing that stands before computes `nope`");
}

#[test]
fn all_unsupported_operators_at_once() {
    let model = Model::new(13)
        .input("X", F32, 1)
        .node("ml.TreeEnsembleRegressor", &["X"], &["a"], vec![])
        .node("Gelu", &["a"], &["b"], vec![])
        .node("Gelu", &["b"], &["c"], vec![])
        .output("c");
    let lines = said(&model);
    assert_eq!(lines.len(), 2, "{lines:?}");
    starts(&lines, &onnx::OPERATOR, "`Gelu`, which occurs 2 times, is not supported (use Relu");
    starts(&lines, &onnx::OPERATOR, "TreeEnsembleRegressor` is not supported (tree ensembles are not supported yet");
    let old = Model::new(6).input("X", F32, 1).node("Less", &["X", "X"], &["Y"], vec![]).output("Y");
    starts(&said(&old), &onnx::OPERATOR, "is not supported in version 6 of its set");
}

#[test]
fn attributes_shapes_and_tensors() {
    let unknown =
        Model::new(13).input("X", F32, 1).node("Neg", &["X"], &["Y"], vec![("beta", Attr::Int(1))]).output("Y");
    starts(&said(&unknown), &onnx::ATTRIBUTE, "`beta` of Neg is not known");
    let wrong =
        Model::new(13).input("X", F32, 1).node("Cast", &["X"], &["Y"], vec![("to", Attr::Float(1.0))]).output("Y");
    starts(&said(&wrong), &onnx::ATTRIBUTE, "has type FLOAT, expected INT");
    let misfit = Model::new(13)
        .input("X", F32, 2)
        .initializer("w", floats(&[3, 1], &[1.0, 2.0, 3.0]))
        .node("MatMul", &["X", "w"], &["Y"], vec![])
        .output("Y");
    starts(&said(&misfit), &onnx::SHAPE, "[N, 2] and [3, 1] cannot be multiplied");
    let short = Model::new(13)
        .input("X", F32, 2)
        .initializer("w", floats(&[2, 1], &[1.0]))
        .node("MatMul", &["X", "w"], &["Y"], vec![])
        .output("Y");
    starts(&said(&short), &onnx::TENSOR, "`w`: the shape [2, 1] needs 2 elements, the tensor holds 1");
}

#[test]
fn rows_meaning_and_size() {
    let rows = Model::new(11).input("X", F32, 2).node("ReduceSum", &["X"], &["Y"], vec![]).output("Y");
    starts(&said(&rows), &onnx::ROWS, "ReduceSum goes along the rows");
    let itself = Model::new(13).input("X", F32, 2).node("Div", &["X", "X"], &["Y"], vec![]).output("Y");
    starts(&said(&itself), &onnx::MEANING, "divided by itself");
    let huge = Model::new(13)
        .input("X", F32, 1)
        .initializer("shape", ints(&[2], &[1, 1 << 40]))
        .node("Expand", &["X", "shape"], &["Y"], vec![])
        .output("Y");
    starts(&said(&huge), &onnx::SIZE, "more than m2ksql unrolls");
    let many = scaled(Model::new(13).input("X", F32, 1 << 30));
    starts(&said(&many), &onnx::SIZE, "features");
}

#[test]
fn inputs_names_and_outputs() {
    starts(&said(&scaled(Model::new(13).input("X", 10, 1))), &onnx::INPUT, "whose rounding of rows is not reproduced");
    starts(&said(&scaled(Model::new(13).input("X", F32, -1))), &onnx::INPUT, "how many columns");
    let names = ["a".to_owned()];
    let (_, report) =
        scaled(Model::new(13).input("X", F32, 2)).load_with(&Options { features: Some(&names), ..Default::default() });
    starts(&lines(&report), &onnx::FEATURES, "1 feature names, the model takes 2");
    let names = ["a".to_owned(), "a".to_owned()];
    let (_, report) =
        scaled(Model::new(13).input("X", F32, 2)).load_with(&Options { features: Some(&names), ..Default::default() });
    starts(&lines(&report), &onnx::FEATURES, "`a` is empty or stands twice");
    starts(&said(&scaled(Model::new(13).input("X", F32, 1)).output("Z")), &onnx::OUTPUT, "`Z` is not computed");
    let constant = scaled(Model::new(13).input("X", F32, 1)).initializer("c", floats(&[1], &[1.0])).output("c");
    starts(&said(&constant), &onnx::CONSTANT_OUTPUT, "`c` is a constant");
}

#[test]
fn weights_in_other_files() {
    let model = |location: &str| {
        let entry = |key: &str, value: &str| StringStringEntryProto {
            key: key.into(),
            value: value.into(),
            ..Default::default()
        };
        let tensor = TensorProto {
            dims: vec![2, 1],
            data_type: 1,
            data_location: protobuf::EnumOrUnknown::from_i32(1),
            external_data: vec![entry("location", location), entry("offset", "4"), entry("length", "8")],
            ..Default::default()
        };
        Model::new(13)
            .input("X", F32, 2)
            .initializer("w", tensor)
            .node("MatMul", &["X", "w"], &["Y"], vec![])
            .output("Y")
    };
    starts(&said(&model("../w.data")), &onnx::EXTERNAL, "outside of the model's folder");
    starts(&said(&model("w.data")), &onnx::EXTERNAL, "not read from a folder");
    let read = |name: &str| {
        assert_eq!(name, "w.data");
        let values = [9.0f32, 2.0, 3.0];
        Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
    };
    let (graph, report) = model("w.data").load_with(&Options { reader: Some(&read), ..Default::default() });
    let graph = graph.unwrap_or_else(|| panic!("{report:?}"));
    let row = [crate::model::Value::Number(1.0), crate::model::Value::Number(10.0)];
    let got = crate::model::eval::Evaluator::new(&graph).unwrap().row(&row);
    assert_eq!(got[0], [crate::model::Value::Number(32.0)]);
    let short = |_: &str| Ok(vec![0; 8]);
    let (_, report) = model("w.data").load_with(&Options { reader: Some(&short), ..Default::default() });
    starts(&lines(&report), &onnx::EXTERNAL, "at byte 4 of `w.data`, which has 8");
}

#[test]
fn known_changes_by_converters_are_warned_of() {
    let lines = said(&classifier("SOFTMAX", "MAX"));
    starts(&lines, &onnx::LDA_BINARY, "sigmoid(2z)");
    starts(&lines, &onnx::LABELS_ROUNDED, "float32");
    starts(&lines, &onnx::NORM_MAX, "largest absolute");
    let ignored = vec![("coefficients", Attr::Floats(&[1.0])), ("post_transform", Attr::Text("LOGISTIC"))];
    let model = Model::new(13).input("X", F32, 1).node("ml.LinearRegressor", &["X"], &["Y"], ignored).output("Y");
    starts(&said(&model), &onnx::IGNORED_TRANSFORM, "LOGISTIC has no effect");
    let cats = vec![("cats_int64s", Attr::Ints(&[0, 1]))];
    let model = Model::new(13).input("X", F32, 1).node("ml.OneHotEncoder", &["X"], &["Y"], cats).output("Y");
    starts(&said(&model), &onnx::ONEHOT_TRUNCATES, "integer part");
    let mut nearest = Model::new(13)
        .input("X", F32, 2)
        .initializer("knots", floats(&[2], &[0.25, 0.75]))
        .node("ArgMin", &["X"], &["at"], vec![("axis", Attr::Int(1))])
        .node("ml.ArrayFeatureExtractor", &["knots", "at"], &["Y"], vec![])
        .output("Y");
    nearest.0.producer_name = "skl2onnx".into();
    starts(&said(&nearest), &onnx::ISOTONIC, "interpolates");
    let mut norm = Model::new(13)
        .input("X", 11, 2)
        .initializer("axes", ints(&[1], &[1]))
        .node("ReduceSumSquare", &["X"], &["s"], vec![("axes", Attr::Ints(&[1]))])
        .node("Sqrt", &["s"], &["n"], vec![])
        .node("Div", &["X", "n"], &["Y"], vec![])
        .output("Y");
    norm.0.producer_name = "skl2onnx".into();
    starts(&said(&norm), &onnx::NORM_DOUBLE, "zeros");
}

#[test]
fn attributes_of_functions_and_double_ones_are_refused() {
    let mut model = scaled(Model::new(13).input("X", F32, 1));
    let node: &mut NodeProto = &mut model.graph().node[0];
    assert_eq!(node.domain, ML);
    node.attribute.push(attribute("scale", Attr::Floats(&[2.0])));
    starts(&said(&model), &onnx::ATTRIBUTE, "`scale` stands twice");
}

#[test]
fn every_code_has_a_test() {
    let text = include_str!("messages.rs");
    let source = include_str!("../../../diag/codes/onnx.rs");
    for line in source.lines().filter(|line| line.contains(" = \"E03") || line.contains(" = \"W03")) {
        let name = line.trim().split(' ').next().unwrap();
        assert!(text.contains(&format!("onnx::{name}")), "{name}");
    }
}
