//! What changed between two models, on pairs as they occur: trained again, other features, classes, preprocessing; JSON and ONNX.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod program;

use program::{Run, path, run};
use serde_json::{Value, json};
use std::fs;

const MIXED: &str = "fixtures/sklearn/pipe_coltransf_mixed_logreg_iris/model.json";

/// A changed copy of a model.
fn changed(name: &str, model: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut json: Value =
        serde_json::from_str(&fs::read_to_string(path(model)).unwrap().replace("NaN", "\"NaN\"")).unwrap();
    change(&mut json);
    let file = std::env::temp_dir().join(format!("m2ksql-diff-{}-{name}.json", std::process::id()));
    fs::write(&file, json.to_string().replace("\"NaN\"", "NaN")).unwrap();
    file.to_str().unwrap().to_owned()
}

fn diff(old: &str, new: &str, more: &[&str]) -> Run {
    let result = run(&[&["diff", old, new], more].concat());
    assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{old} {new}");
    result
}

/// The lines under a title.
fn part<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    let lines = text.lines().skip_while(|line| !line.starts_with(title)).skip(1);
    lines.take_while(|line| !line.is_empty()).map(str::trim).collect()
}

/// The rows of a table of coefficients, cell by cell: name, old, new, effect.
fn weights(text: &str, title: &str) -> Vec<Vec<String>> {
    let lines = part(text, title);
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["old", "new", "effect"]);
    let cells =
        |line: &&str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
    lines[1..].iter().map(cells).collect()
}

#[test]
fn a_pipeline_that_is_trained_again() {
    let new = changed("trained", MIXED, |model| {
        model["steps"][1][1]["coef_"][0][0] = json!(1.5);
        model["steps"][1][1]["coef_"][0][6] = json!(0.5);
        let numbers = &mut model["steps"][0][1]["transformers_"][0][1]["steps"];
        numbers[0][1]["statistics_"][2] = json!(4.5);
        numbers[1][1]["mean_"][1] = json!(3.0);
        let encoder = &mut model["steps"][0][1]["transformers_"][1][1];
        encoder["categories_"][1][2] = json!("west");
    });
    let text = diff(MIXED, &new, &[]).stdout;
    assert_eq!(
        part(&text, "preprocessing"),
        [
            "petal_length imputed: by 4.3 -> 4.5",
            "garden one-hot: - 'south side', + 'west'",
            "sepal_width scaled: center 3.056 -> 3"
        ]
    );
    let weights = weights(&text, "coefficients of 'wide': 5 of 11 changed");
    let names: Vec<&str> = weights.iter().map(|row| row[0].as_str()).collect();
    // the intercept has the centers in it; a category that is new or gone counts with all its weight
    assert_eq!(names, ["garden = 'south side'", "garden = 'west'", "intercept", "garden = 'north'", "sepal_length"]);
    assert_eq!(
        (&weights[0][1..3], &weights[1][1..3]),
        (&["-0.787069", "none"].map(str::to_owned)[..], &["none", "-0.787069"].map(str::to_owned)[..])
    );
    // 0.8498678759519266 - 0.5
    assert_eq!(weights[3][1..], ["0.849868", "0.5", "0.35"]);
    // (1.5 - 1.4379217736162209) / 0.7980966246152292, times the same scale
    assert_eq!(weights[4][3], "0.0621");
    assert!(text.contains("+++ ") && text.contains("+      WHEN GARDEN = 'west' THEN"), "{text}");
    assert_eq!(diff(MIXED, MIXED, &[]).stdout, "nothing changed\n");
}

#[test]
fn features_that_are_renamed_and_features_that_are_new() {
    let renamed = std::env::temp_dir().join(format!("m2ksql-diff-{}-renamed.json", std::process::id()));
    let text = fs::read_to_string(path(MIXED)).unwrap();
    fs::write(&renamed, text.replace("petal_length", "petal_len")).unwrap();
    let text = diff(MIXED, renamed.to_str().unwrap(), &[]).stdout;
    assert_eq!(part(&text, "features"), ["petal_length is called petal_len, and is the same in all else"]);
    assert!(!text.contains("coefficients") && !text.contains("preprocessing"), "{text}");
    // with another coefficient it is another feature
    let own = |name: &str, features: Value| {
        let file = std::env::temp_dir().join(format!("m2ksql-diff-{}-{name}.json", std::process::id()));
        fs::write(&file, json!({"type": "linear", "features": features, "intercept": 1}).to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (old, new) = (own("a", json!({"x": 1.5, "y": 2.0})), own("b", json!({"x": 1.5, "z": 2.5, "w": 1e-3})));
    let text = diff(&old, &new, &[]).stdout;
    assert_eq!(part(&text, "features"), ["- y", "+ w", "+ z"]);
    assert_eq!(
        weights(&text, "coefficients: 3 of 5 changed"),
        [["z", "none", "2.5", "2.5"], ["y", "2", "none", "2"], ["w", "none", "0.001", "0.001"]]
    );
}

#[test]
fn classes_that_are_new_and_classes_in_the_other_order() {
    let multi = |name: &str, classes: Value, weights: Value| {
        let file = std::env::temp_dir().join(format!("m2ksql-diff-{}-{name}.json", std::process::id()));
        let intercept: Vec<f64> = classes.as_array().unwrap().iter().map(|_| 0.0).collect();
        let intercept = if intercept.len() == 2 { json!(0) } else { json!(intercept) };
        let model = json!({"type": "logistic", "features": {"x": weights}, "classes": classes, "intercept": intercept});
        fs::write(&file, model.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let three = multi("three", json!(["a", "b", "c"]), json!([1, 2, 3]));
    let four = multi("four", json!(["a", "b", "d", "c"]), json!([1, 2.5, 9, 3]));
    let text = diff(&three, &four, &[]).stdout;
    assert_eq!(part(&text, "classes"), ["+ 'd'"]);
    assert!(text.contains("note: the old model has 3 scores, the new one 4"), "{text}");
    let other = multi("other", json!(["c", "b", "a"]), json!([3, 2.5, 1]));
    let text = diff(&three, &other, &[]).stdout;
    assert_eq!(part(&text, "classes"), ["in another order: 'c', 'b', 'a'"]);
    // by the classes' names, not by their places
    assert_eq!(weights(&text, "coefficients of 'b': 1 of 2 changed"), [["x", "2", "2.5", "0.5"]]);
    assert_eq!(text.matches("coefficients of").count(), 1);
    let (old, new) = (multi("ab", json!(["a", "b"]), json!(2)), multi("ba", json!(["b", "a"]), json!(-2.5)));
    let text = diff(&old, &new, &[]).stdout;
    assert_eq!(weights(&text, "coefficients of 'a': 1 of 2 changed"), [["x", "-2", "-2.5", "0.5"]]);
    let two = "fixtures/onnx/logreg_bin/model.onnx";
    let text = diff(two, "fixtures/onnx/logreg_multi/model.onnx", &[]).stdout;
    assert_eq!(part(&text, "classes"), ["+ 2"]);
    assert!(text.contains("note: the old model has 1 score, the new one 3"), "{text}");
}

#[test]
fn pairs_of_onnx_files() {
    let (scaled, imputed) = ("fixtures/onnx/pipe_ss_logreg/model.onnx", "fixtures/onnx/pipe_imp_ss_logreg/model.onnx");
    let text = diff(scaled, imputed, &["--most", "2"]).stdout;
    let steps = part(&text, "preprocessing");
    assert_eq!((steps.len(), steps[0]), (3, "+ imputed: x0, x1, x2, x3"));
    let weights = weights(&text, "coefficients of 1: 5 of 5 changed");
    assert_eq!((weights.len(), weights[2].join(" ")), (3, "and 3 of smaller effect".to_owned()));
    // weight of the file times factor of the file, for x1 of the new one: -3.2152981758117676 * 0.5108342170715332
    assert_eq!((weights[1][0].as_str(), weights[1][2].as_str()), ("x1", "-1.64248"));
    // the same function in other arithmetic
    let text =
        diff("fixtures/onnx/logreg_multi/model.onnx", "fixtures/onnx/logreg_multi_double/model.onnx", &[]).stdout;
    assert_eq!(text.matches("coefficients of").count(), 3);
    let first = &crate::weights(&text, "coefficients of 0")[0];
    assert_eq!(first[3], "3.62e-8", "{text}");
    assert!(first[1] != first[2] && first[1].len() > 9, "what is equal in six digits is shown in full: {text}");
    let text = diff("fixtures/onnx/pca2/model.onnx", "fixtures/onnx/pca2/model.onnx", &[]).stdout;
    assert_eq!(text, "nothing changed\n");
    let text = diff("fixtures/onnx/mlp_clf/model.onnx", "fixtures/onnx/logreg_bin/model.onnx", &[]).stdout;
    assert!(text.contains("note: the scores of the old model are no sums over its features"), "{text}");
}

#[test]
fn rows_show_how_scores_and_labels_move() {
    // by hand: a weight of 0.01 more moves the price of a customer of 40 by 0.4 and that of one of 20 by 0.2
    let project = "examples/project/models";
    let price = changed("price", &format!("{project}/price.json"), |model| model["features"]["age"] = json!(0.76));
    let rows = format!("{project}/price.cases/rows.csv");
    let old = format!("{project}/price.json");
    let moved = diff(&old, &price, &["--input", &rows, "--nulls", "0"]).stdout;
    assert!(moved.contains("  PREDICTION: 2 move, by 0.4 at most, 0.3 on average\n"), "{moved}");
    let one = |name: &str, threshold: f64| {
        let file = std::env::temp_dir().join(format!("m2ksql-diff-{}-{name}.json", std::process::id()));
        let model = json!({"type": "logistic", "features": {"x": 1}, "classes": ["no", "yes"], "intercept": threshold});
        fs::write(&file, model.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let rows = std::env::temp_dir().join(format!("m2ksql-diff-{}-rows.csv", std::process::id()));
    fs::write(&rows, "x\n-3\n-1\n1\n\"\"\n3\n").unwrap();
    let arguments = ["--input", rows.to_str().unwrap(), "--select", "label,margin"];
    let moved = diff(&one("up", 0.0), &one("down", -2.0), &arguments).stdout;
    assert_eq!(
        part(&moved, "rows"),
        ["5 rows", "LABEL: 1 move", "yes becomes no: 1", "MARGIN: 4 move, by 2 at most, 2 on average"]
    );
    // of two classes the labels are counted too, if nothing is said
    let moved = diff(&one("up", 0.0), &one("down", -2.0), &arguments[..2]).stdout;
    assert_eq!(part(&moved, "rows")[1..3], ["LABEL: 1 move", "yes becomes no: 1"]);
    let all: Value = serde_json::from_str(
        &diff(&one("up", 0.0), &one("down", -2.0), &[&arguments[..], &["--format", "json"]].concat()).stdout,
    )
    .unwrap();
    assert_eq!(all["models"]["coefficients"][0]["changed"][0]["name"], "intercept");
    assert_eq!(all["rows"]["columns"][0]["flips"], json!([["yes", "no", 1]]));
    assert!(all["sql"].as_str().unwrap().starts_with("--- "));
}
