//! What equality with a float32 constant becomes for columns of each type: an interval where the column may hold
//! fractions, the constant itself where it holds integers.

#![cfg(all(feature = "cli", feature = "onnx"))]
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

fn sql(model: &str, ty: &str) -> String {
    let model = format!("fixtures/onnx/{model}/model.onnx");
    let result = program::run(&["compile", &model, "--column", &format!("X {ty}"), "--select", "prediction"]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    result.stdout
}

#[test]
fn categories_of_integer_columns_are_compared_with_equals() {
    for ty in ["INT", "BIGINT"] {
        assert_eq!(
            sql("f32_label_encoder", ty),
            "CASE\n  WHEN X IS NULL THEN NULL\n  WHEN X = 3E0 THEN 2E0\n  WHEN X = 0E0 THEN 3E0\n  \
             WHEN X >= 1.6777216E7 AND X <= 1.6777217E7 THEN 4E0\n  ELSE 9E0\nEND AS Y\n"
        );
    }
    assert_eq!(sql("f32_equal", "BIGINT"), "CASE WHEN X IS NULL THEN NULL ELSE 0E0 END AS Y\n");
    assert_eq!(sql("f32_imputed_label_encoder", "INT"), "CASE WHEN X IS NULL OR X = 3E0 THEN 2E0 ELSE 9E0 END AS Y\n");
}

#[test]
fn categories_of_doubles_are_intervals() {
    assert_eq!(
        sql("f32_equal", "DOUBLE"),
        "CASE\n  WHEN X IS NULL THEN NULL\n  \
         WHEN X >= 9.999999776482583E-2 AND X <= 1.000000052154064E-1 THEN 1E0\n  ELSE 0E0\nEND AS Y\n"
    );
    // the last bit of 3 is even: the midpoints round to it
    assert!(sql("f32_label_encoder", "DOUBLE").contains("X > 2.99999988079071E0 AND X < 3.00000011920929E0 THEN 2E0"));
    assert_eq!(2.99999988079071f64.next_up() as f32, 3.0);
    assert_ne!(2.99999988079071f64 as f32, 3.0);
}
