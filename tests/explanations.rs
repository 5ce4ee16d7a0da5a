//! Contributions and reasons against values that were computed by hand.

#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use program::run_with;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A model of every kind of column that a feature can make; 0.5 is the intercept.
const MODEL: &str = r#"{
  "type": "logistic", "classes": ["stays", "leaves"], "intercept": 0.5,
  "features": {
    "age": { "coefficient": 2.0, "steps": [ { "impute": 40 }, { "scale": { "center": 50, "scale": 10 } } ] },
    "income": { "coefficient": -0.25 },
    "plan": { "categories": { "basic": 0.75, "plus": -1.5 }, "unknown": "zero" }
  },
  "terms": [ { "product": ["age", "income"], "coefficient": 0.5 }, { "product": ["income", "income"], "coefficient": 1.0 } ]
}"#;

/// The model's file, written once: tests run side by side.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("explanations.json");
    std::fs::write(&file, MODEL).unwrap();
    file
});

fn scored(options: &[&str], rows: &str) -> Vec<Value> {
    let arguments = [&["score", FILE.to_str().unwrap(), "--input", "-", "--format", "json"], options].concat();
    let result = run_with(&arguments, rows);
    assert_eq!(result.code, 0, "{}", result.stderr);
    serde_json::from_str(&result.stdout).unwrap()
}

/// age 60: (60 - 50) / 10 = 1, so 2; income 2: -0.5, and 4 of its square; plan basic: 0.75; age and income: 0.5 * 1 * 2 = 1.
/// The margin is 2 - 0.5 + 4 + 0.75 + 1 + 0.5 = 7.75.
#[test]
fn contributions_are_the_terms_of_the_margin() {
    let rows = "age,income,plan\n60,2,basic\n,4,gold\n,,plus\n";
    let found = scored(&["--select", "contributions,margin"], rows);
    let expected = json!({
        "CONTRIBUTIONS": { "age": 2.0, "income": 3.5, "plan": 0.75, "age * income": 1.0 }, "MARGIN": 7.75
    });
    assert_eq!(found[0], expected);
    // an imputed age of 40 is -1: -2 for age, -0.5 * 4 for the product; an unknown plan is nothing
    let expected = json!({
        "CONTRIBUTIONS": { "age": -2.0, "income": 15.0, "plan": 0.0, "age * income": -2.0 }, "MARGIN": 11.5
    });
    assert_eq!(found[1], expected);
    assert_eq!(found[2], json!({ "CONTRIBUTIONS": null, "MARGIN": null }));
}

#[test]
fn each_can_have_a_column() {
    let found =
        scored(&["--contributions", "columns", "--select", "contributions"], "age,income,plan\n60,2,basic\n,,plus\n");
    let expected = json!({
        "CONTRIBUTION_AGE": 2.0, "CONTRIBUTION_INCOME": 3.5, "CONTRIBUTION_PLAN": 0.75, "CONTRIBUTION_AGE___INCOME": 1.0
    });
    assert_eq!(found[0], expected);
    // what does not depend on income is there
    let expected = json!({
        "CONTRIBUTION_AGE": -2.0, "CONTRIBUTION_INCOME": null, "CONTRIBUTION_PLAN": -1.5, "CONTRIBUTION_AGE___INCOME": null
    });
    assert_eq!(found[1], expected);
}

#[test]
fn reasons_are_the_largest_contributions_and_the_first_of_equals() {
    let rows = "age,income,plan\n60,2,basic\n50,0,gold\n";
    let found = scored(&["--select", "reasons"], rows);
    assert_eq!(found[0], json!({"REASONS":["income","age","age * income"]}));
    // all are 0
    assert_eq!(found[1], json!({"REASONS":["age","income","plan"]}));
    let found = scored(&["--select", "reasons", "--reasons", "9"], rows);
    assert_eq!(found[0], json!({"REASONS":["income","age","age * income","plan"]}));
}

#[test]
fn a_projection_has_no_contributions() {
    let model = r#"{ "class": "Pipeline", "steps": [
        ["reduce", { "class": "PCA", "components_": [[0.6, 0.8]], "mean_": [0.0, 0.0], "explained_variance_": [1.0] }],
        ["fit", { "class": "Ridge", "coef_": [2.0], "intercept_": 1.0 }]
      ] }"#;
    let result = run_with(&["compile", "-", "--select", "reasons"], model);
    assert_eq!(result.code, 1);
    assert!(result.stderr.contains("the model has no `reasons`"), "{}", result.stderr);
    assert!(result.stderr.contains("`reduce` mixes features"), "{}", result.stderr);
}

/// A line 2 x + 3 y + 1 behind `scale`, an affine inverse of what its target was transformed by: contributions are terms of
/// the prediction, so that they add up to it; behind another function there are none.
#[test]
fn a_transformed_target_scales_its_contributions() {
    let model = |with: &str| {
        format!(
            r#"{{"class": "TransformedTargetRegressor", {with}, "feature_names_in_": ["x", "y"],
            "regressor_": {{"class": "LinearRegression", "coef_": [2.0, 3.0], "intercept_": 1.0}}}}"#
        )
    };
    let scaled = r#""transformer_": {"class": "StandardScaler", "mean_": [100.0], "scale_": [10.0]}"#;
    // x = 1, y = -2: 10 (2 - 6 + 1) + 100 = 70, of which 20 and -60; negated 3, of which -2 and 6
    let cases = [
        (scaled, json!([70.0, {"x": 20.0, "y": -60.0}, ["x", "y"]])),
        (r#""inverse_func": "negative""#, json!([3.0, {"x": -2.0, "y": 6.0}, ["y", "x"]])),
    ];
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("transformed.json");
    let options =
        ["--input", "-", "--format", "json", "--select", "prediction,contributions,reasons", "--reasons", "2"];
    for (with, expected) in cases {
        std::fs::write(&file, model(with)).unwrap();
        let result = run_with(&[&["score", file.to_str().unwrap()], &options[..]].concat(), "x,y\n1,-2\n");
        assert_eq!(result.code, 0, "{}", result.stderr);
        let rows: Value = serde_json::from_str(&result.stdout).unwrap();
        let row = &rows[0];
        assert_eq!(json!([row["PREDICTION"], row["CONTRIBUTIONS"], row["REASONS"]]), expected, "{with}");
    }
    let result = run_with(&["compile", "-", "--select", "contributions"], &model(r#""inverse_func": "expm1""#));
    assert!(result.code == 1 && result.stderr.contains("`Expm1` stands between"), "{}", result.stderr);
}

/// An offset is added like a term of weight 1: 0.5 · 2 + exposure.
#[test]
fn an_offset_is_a_contribution() {
    let model = r#"{ "type": "glm", "link": "log", "features": { "x": 0.5 }, "offset": "e", "intercept": 1.0 }"#;
    let options = ["compile", "-", "--select", "contributions", "--contributions", "columns"];
    let result = run_with(&options, model);
    let sql = result.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(sql.contains("5E-1 * X AS CONTRIBUTION_X, CAST(E AS DOUBLE) AS CONTRIBUTION_E"), "{sql} {}", result.stderr);
}
