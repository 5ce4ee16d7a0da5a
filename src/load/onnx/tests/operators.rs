//! What the operators of ai.onnx.ml compute: values worked out from the specification's text, and onnxruntime's where
//! they differ. The operators of the default domain are compared with ONNX's own node tests (`tests/onnx_nodes.rs`).

use super::{Attr, Model, floats, ints};
use crate::model::Value;

const F32: i32 = 1;
const I64: i32 = 7;
const TEXT: i32 = 8;

fn close(got: &[Vec<f64>], want: &[&[f64]]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert_eq!(got.len(), want.len(), "{got:?} {want:?}");
        for (got, want) in got.iter().zip(*want) {
            assert!((got - want).abs() <= 1e-6 * want.abs().max(1.0), "{got:?}, expected {want:?}");
        }
    }
}

fn texts(values: &[&str]) -> Vec<Value> {
    values.iter().map(|&value| Value::Text(value.into())).collect()
}

#[test]
fn scaler_subtracts_then_multiplies() {
    let attributes = vec![("offset", Attr::Floats(&[1.0, 2.0])), ("scale", Attr::Floats(&[0.5, -2.0]))];
    let model = Model::new(13).input("X", F32, 2).node("ml.Scaler", &["X"], &["Y"], attributes).output("Y");
    close(&model.run(&[&[3.0, 5.0], &[1.0, 2.0]]), &[&[1.0, -6.0], &[0.0, 0.0]]);
    let one = vec![("offset", Attr::Floats(&[1.0])), ("scale", Attr::Floats(&[2.0]))];
    let model = Model::new(13).input("X", F32, 2).node("ml.Scaler", &["X"], &["Y"], one).output("Y");
    close(&model.run(&[&[3.0, 5.0]]), &[&[4.0, 8.0]]);
}

#[test]
fn normalizer_divides_by_the_norm_and_leaves_zero_rows() {
    let with = |norm| {
        Model::new(13)
            .input("X", F32, 2)
            .node("ml.Normalizer", &["X"], &["Y"], vec![("norm", Attr::Text(norm))])
            .output("Y")
    };
    close(&with("L1").run(&[&[1.0, -3.0], &[0.0, 0.0]]), &[&[0.25, -0.75], &[0.0, 0.0]]);
    close(&with("L2").run(&[&[3.0, -4.0], &[0.0, 0.0]]), &[&[0.6, -0.8], &[0.0, 0.0]]);
    // onnxruntime: the signed maximum
    close(&with("MAX").run(&[&[-100.0, -50.0], &[1.0, 4.0]]), &[&[2.0, 1.0], &[0.25, 1.0]]);
}

#[test]
fn imputer_replaces_nan_or_a_value() {
    let attributes =
        vec![("imputed_value_floats", Attr::Floats(&[7.0, 8.0])), ("replaced_value_float", Attr::Float(f32::NAN))];
    let model = Model::new(13).input("X", F32, 2).node("ml.Imputer", &["X"], &["Y"], attributes).output("Y");
    close(&model.run(&[&[f64::NAN, 1.0], &[2.0, f64::NAN]]), &[&[7.0, 1.0], &[2.0, 8.0]]);
    assert_eq!(model.run_values(&[vec![Value::Missing, Value::Number(1.0)]])[0][0], Value::Number(7.0));
    let attributes =
        vec![("imputed_value_floats", Attr::Floats(&[0.5])), ("replaced_value_float", Attr::Float(-999.0))];
    let model = Model::new(13).input("X", F32, 2).node("ml.Imputer", &["X"], &["Y"], attributes).output("Y");
    close(&model.run(&[&[-999.0, 1.0]]), &[&[0.5, 1.0]]);
    let attributes = vec![("imputed_value_int64s", Attr::Ints(&[4])), ("replaced_value_int64", Attr::Int(-1))];
    let model = Model::new(13).input("X", I64, 2).node("ml.Imputer", &["X"], &["Y"], attributes).output("Y");
    assert_eq!(
        model.run_values(&[vec![Value::Integer(-1), Value::Integer(3)]])[0],
        [Value::Integer(4), Value::Integer(3)]
    );
}

#[test]
fn binarizer_is_strict() {
    let node = vec![("threshold", Attr::Float(1.0))];
    let model = Model::new(13).input("X", F32, 3).node("ml.Binarizer", &["X"], &["Y"], node).output("Y");
    // 1 + 1e-9 is 1 in float32
    close(&model.run(&[&[1.0, 1.5, 1.0 + 1e-9]]), &[&[0.0, 1.0, 0.0]]);
}

#[test]
fn one_hot_adds_an_axis_and_knows_unknown_values() {
    let cats = vec![("cats_strings", Attr::Texts(&["a", "b"])), ("zeros", Attr::Int(1))];
    let model = Model::new(13).input("X", TEXT, 2).node("ml.OneHotEncoder", &["X"], &["Y"], cats).output("Y");
    let numbers = |values: &[f64]| values.iter().map(|&v| Value::Number(v)).collect::<Vec<_>>();
    assert_eq!(model.run_values(&[texts(&["b", "z"])])[0], numbers(&[0.0, 1.0, 0.0, 0.0]));
    let cats = vec![("cats_strings", Attr::Texts(&["a", "b"])), ("zeros", Attr::Int(0))];
    let model = Model::new(13).input("X", TEXT, 1).node("ml.OneHotEncoder", &["X"], &["Y"], cats).output("Y");
    assert_eq!(model.run_values(&[texts(&["z"])])[0], [Value::Missing, Value::Missing]);
    // onnxruntime truncates numbers
    let cats = vec![("cats_int64s", Attr::Ints(&[0, 1]))];
    let model = Model::new(13).input("X", F32, 1).node("ml.OneHotEncoder", &["X"], &["Y"], cats).output("Y");
    close(&model.run(&[&[1.75], &[-0.5], &[2.0]]), &[&[0.0, 1.0], &[1.0, 0.0], &[0.0, 0.0]]);
}

#[test]
fn label_encoder_maps_and_defaults() {
    let attributes = vec![
        ("keys_strings", Attr::Texts(&["a", "b", "a"])),
        ("values_floats", Attr::Floats(&[1.5, 2.5, 3.5])),
        ("default_float", Attr::Float(-9.0)),
    ];
    let model = Model::new(13).input("X", TEXT, 3).node("ml.LabelEncoder", &["X"], &["Y"], attributes).output("Y");
    // of equal keys the last counts
    let want: Vec<Value> = [3.5, 2.5, -9.0].map(Value::Number).to_vec();
    assert_eq!(model.run_values(&[texts(&["a", "b", "c"])])[0], want);
    let attributes = vec![("keys_int64s", Attr::Ints(&[1, 2])), ("values_strings", Attr::Texts(&["x", "y"]))];
    let model = Model::new(13).input("X", I64, 2).node("ml.LabelEncoder", &["X"], &["Y"], attributes).output("Y");
    assert_eq!(model.run_values(&[vec![Value::Integer(2), Value::Integer(3)]])[0], texts(&["y", "_Unused"]));
}

#[test]
fn label_encoder_of_other_versions() {
    let mut model = Model::new(13)
        .input("X", TEXT, 2)
        .node("ml.LabelEncoder", &["X"], &["Y"], vec![("classes_strings", Attr::Texts(&["a", "b"]))])
        .output("Y");
    model.0.opset_import[2].version = 1;
    assert_eq!(model.run_values(&[texts(&["b", "c"])])[0], [Value::Integer(1), Value::Integer(-1)]);
    let nan = |version| {
        let attributes =
            vec![("keys_floats", Attr::Floats(&[1.0, f32::NAN])), ("values_int64s", Attr::Ints(&[10, 20]))];
        let mut model =
            Model::new(13).input("X", F32, 2).node("ml.LabelEncoder", &["X"], &["Y"], attributes).output("Y");
        model.0.opset_import[2].version = version;
        model.run(&[&[f64::NAN, 1.0]])
    };
    assert_eq!(nan(2), [[-1.0, 10.0]]);
    assert_eq!(nan(4), [[20.0, 10.0]]);
    let mapper = vec![("cats_strings", Attr::Texts(&["a", "b"])), ("cats_int64s", Attr::Ints(&[5, 6]))];
    let model = Model::new(13).input("X", TEXT, 2).node("ml.CategoryMapper", &["X"], &["Y"], mapper).output("Y");
    assert_eq!(model.run_values(&[texts(&["b", "?"])])[0], [Value::Integer(6), Value::Integer(-1)]);
}

#[test]
fn vectorizer_extractor_and_tables() {
    let sizes = vec![("inputdimensions", Attr::Ints(&[1, 2]))];
    let model = Model::new(13)
        .input("a", F32, 1)
        .input("b", F32, 2)
        .node("ml.FeatureVectorizer", &["a", "b"], &["Y"], sizes)
        .output("Y");
    close(&model.run(&[&[1.0, 2.0, 3.0]]), &[&[1.0, 2.0, 3.0]]);
    let model = Model::new(13)
        .input("X", F32, 3)
        .initializer("at", ints(&[2], &[2, 0]))
        .node("ml.ArrayFeatureExtractor", &["X", "at"], &["Y"], vec![])
        .output("Y");
    close(&model.run(&[&[1.0, 2.0, 3.0]]), &[&[3.0, 1.0]]);
    // a constant table at a computed index, also from its end
    let model = Model::new(13)
        .input("X", I64, 1)
        .initializer("table", floats(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
        .node("Gather", &["table", "X"], &["Y"], vec![("axis", Attr::Int(0))])
        .output("Y");
    let rows = [vec![Value::Integer(1)], vec![Value::Integer(-1)], vec![Value::Integer(7)]];
    let got = model.run_values(&rows);
    assert_eq!(got[0], [Value::Number(3.0), Value::Number(4.0)]);
    assert_eq!(got[1], [Value::Number(5.0), Value::Number(6.0)]);
    assert_eq!(got[2], [Value::Missing, Value::Missing]);
}

#[test]
fn linear_regressor_has_target_major_coefficients() {
    let attributes = vec![
        ("coefficients", Attr::Floats(&[1.0, 2.0, 3.0, 4.0])),
        ("intercepts", Attr::Floats(&[0.5, -0.5])),
        ("targets", Attr::Int(2)),
    ];
    let model = Model::new(13).input("X", F32, 2).node("ml.LinearRegressor", &["X"], &["Y"], attributes).output("Y");
    close(&model.run(&[&[1.0, 10.0]]), &[&[21.5, 42.5]]);
}

#[test]
fn linear_classifier_decides_on_raw_scores() {
    let with = |coefficients: &[f32], intercepts: &[f32], labels: &[i64], transform: &str, output: &str| {
        let attributes = vec![
            ("coefficients", Attr::Floats(coefficients)),
            ("intercepts", Attr::Floats(intercepts)),
            ("classlabels_ints", Attr::Ints(labels)),
            ("post_transform", Attr::Text(transform)),
        ];
        Model::new(13).input("X", F32, 1).node("ml.LinearClassifier", &["X"], &["L", "P"], attributes).output(output)
    };
    // ties go to the first class, NaN too
    let label = with(&[-1.0, 1.0], &[0.0, 0.0], &[7, 8], "LOGISTIC", "L");
    assert_eq!(label.run(&[&[1.0], &[0.0], &[-1.0], &[f64::NAN]]), [[8.0], [7.0], [7.0], [7.0]]);
    let s = |x: f64| 1.0 / (1.0 + (-x).exp());
    let scores = with(&[-1.0, 1.0], &[0.0, 0.0], &[7, 8], "LOGISTIC", "P");
    close(&scores.run(&[&[2.0]]), &[&[s(-2.0), s(2.0)]]);
    // one row: [1 - s, s] without a transform, [1 - p, p] with LOGISTIC
    close(&with(&[2.0], &[1.0], &[7, 8], "NONE", "P").run(&[&[3.0]]), &[&[-6.0, 7.0]]);
    close(&with(&[2.0], &[1.0], &[7, 8], "SOFTMAX", "P").run(&[&[3.0]]), &[&[-6.0, 7.0]]);
    close(&with(&[2.0], &[1.0], &[7, 8], "LOGISTIC", "P").run(&[&[0.5]]), &[&[s(-2.0), s(2.0)]]);
    assert_eq!(with(&[2.0], &[1.0], &[7, 8], "NONE", "L").run(&[&[-0.5], &[0.0]]), [[7.0], [8.0]]);
    // SOFTMAX_ZERO leaves scores of 0 out
    let zero = with(&[0.0, 1.0, 2.0], &[0.0, 0.0, 0.0], &[1, 2, 3], "SOFTMAX_ZERO", "P");
    let (a, b) = (1f64.exp(), 2f64.exp());
    close(&zero.run(&[&[1.0]]), &[&[0.0, a / (a + b), b / (a + b)]]);
}

#[test]
fn linear_support_vectors_collapse() {
    let attributes = vec![
        ("coefficients", Attr::Floats(&[2.0, -1.0])),
        ("support_vectors", Attr::Floats(&[1.0, 0.0, 0.0, 3.0])),
        ("rho", Attr::Floats(&[0.25])),
        ("n_supports", Attr::Int(2)),
        ("kernel_type", Attr::Text("LINEAR")),
        ("kernel_params", Attr::Floats(&[0.1, 0.0, 3.0])),
    ];
    let model = Model::new(13).input("X", F32, 2).node("ml.SVMRegressor", &["X"], &["Y"], attributes).output("Y");
    close(&model.run(&[&[5.0, 2.0]]), &[&[10.0 - 6.0 + 0.25]]);
    // three classes vote in pairs: one vector each
    let attributes = |output: &str| {
        Model::new(13)
            .input("X", F32, 1)
            .node(
                "ml.SVMClassifier",
                &["X"],
                &["L", "S"],
                vec![
                    ("coefficients", Attr::Floats(&[1.0, -1.0, -1.0, 1.0, 1.0, -1.0])),
                    ("support_vectors", Attr::Floats(&[0.0, 1.0, 2.0])),
                    ("rho", Attr::Floats(&[0.5, 1.0, 1.5])),
                    ("vectors_per_class", Attr::Ints(&[1, 1, 1])),
                    ("classlabels_strings", Attr::Texts(&["a", "b", "c"])),
                ],
            )
            .output(output)
    };
    // a against b: 0.5 - x; a against c: 1 - 2x; b against c: 1.5 - x
    close(&attributes("S").run(&[&[1.0]]), &[&[-0.5, -1.0, 0.5]]);
    let labels = attributes("L").run_values(&[vec![Value::Number(0.0)], vec![Value::Number(9.0)]]);
    assert_eq!(labels[0], texts(&["a"]));
    assert_eq!(labels[1], texts(&["c"]));
}

#[test]
fn batch_normalization_is_affine() {
    let model = Model::new(15)
        .input("X", F32, 2)
        .initializer("s", floats(&[2], &[1.0, 2.0]))
        .initializer("b", floats(&[2], &[0.0, 1.0]))
        .initializer("m", floats(&[2], &[1.0, 0.0]))
        .initializer("v", floats(&[2], &[4.0, 1.0]))
        .node("BatchNormalization", &["X", "s", "b", "m", "v"], &["Y"], vec![("epsilon", Attr::Float(0.0))])
        .output("Y");
    close(&model.run(&[&[5.0, 3.0]]), &[&[2.0, 7.0]]);
}

#[test]
fn casts_are_the_runtimes() {
    let cast = |from, to: i64| {
        Model::new(13).input("X", from, 1).node("Cast", &["X"], &["Y"], vec![("to", Attr::Int(to))]).output("Y")
    };
    assert_eq!(cast(F32, 7).run(&[&[1.9], &[-1.9]]), [[1.0], [-1.0]]);
    assert_eq!(cast(F32, 9).run(&[&[1e-40], &[-0.0], &[f64::NAN]]), [[1.0], [0.0], [1.0]]);
    assert_eq!(cast(11, 1).run(&[&[0.1]]), [[f64::from(0.1f32)]]);
    let big = Value::Integer(16_777_217);
    assert_eq!(cast(I64, 1).run_values(&[vec![big]])[0], [Value::Number(16_777_216.0)]);
    assert_eq!(cast(I64, 8).run_values(&[vec![Value::Integer(-3)]])[0], texts(&["-3"]));
}
