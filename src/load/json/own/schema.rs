//! The JSON Schema of m2ksql's own format, generated from types.
//!
//! The types describe the format and are not what a file is read with: the reader keeps places and reports all problems at
//! once. A test holds the two together.
#![allow(dead_code)] // read by derive macros only

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The JSON Schema of the format.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Model).to_value()
}

/// A model.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "m2ksql model")]
pub(super) struct Model {
    /// What kind of model it is.
    r#type: Type,
    /// A title for people.
    name: Option<String>,
    /// Anything worth knowing. Not used.
    description: Option<String>,
    /// The features with their coefficients: an object by name, or a list.
    features: Features,
    /// Products of features.
    terms: Option<Vec<Term>>,
    /// Added to the linear predictor: one number, or one per row of coefficients. 0 if left out.
    intercept: Option<Numbers>,
    /// `logistic` only. The classes, in the order of the rows of coefficients; of two classes, the coefficients are those of
    /// the second. 0, 1, … if left out.
    classes: Option<Vec<Scalar>>,
    /// `logistic` with a row of coefficients per class only. How probabilities follow from the margins. `softmax` if left out.
    multiclass: Option<Multiclass>,
    /// `linear` and `glm` with several rows of coefficients only. Their names.
    targets: Option<Vec<String>>,
    /// `glm` only.
    link: Option<String>,
    /// `logistic` with two classes only. The label is the second class where its probability is at least this. If left out,
    /// where the linear predictor is greater than 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    threshold: Option<f64>,
    /// Names of features that are added to the linear predictor as they are.
    offset: Option<Names>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Type {
    /// The prediction is the linear predictor.
    Linear,
    /// A classifier: logistic regression.
    Logistic,
    /// The prediction is a function of the linear predictor: the inverse of `link`.
    Glm,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Multiclass {
    /// Probabilities are the softmax of the margins.
    Softmax,
    /// Each class has a logistic function of its own; their values are divided by their sum.
    Ovr,
}

/// A number, or one per row of coefficients.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Numbers {
    One(f64),
    Many(Vec<f64>),
}

/// One name, or several.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

/// A class, a category or a value to impute.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Scalar {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Features {
    /// By name.
    Map(BTreeMap<String, FeatureOrNumbers>),
    /// In order, each with its name.
    List(Vec<NamedFeature>),
}

/// Its coefficients, or a description.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum FeatureOrNumbers {
    Numbers(Numbers),
    Feature(Feature),
}

/// A feature.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Feature {
    /// One number, or one per row. May be left out if the feature is used in products or as an offset only.
    coefficient: Option<Numbers>,
    /// The type of the column. `number` if left out; with `categories`, theirs.
    r#type: Option<FeatureType>,
    /// A SQL expression over columns that computes the feature. If left out, the feature is a column of its name.
    expression: Option<String>,
    /// What is done to the value, in this order, before it is multiplied with its coefficient.
    steps: Option<Vec<Step>>,
    /// One-hot encoding: the categories with their coefficients, instead of `coefficient`.
    categories: Option<Categories>,
    /// What a value that is none of the categories does: the result is missing (if left out), or all categories are 0.
    unknown: Option<Unknown>,
}

/// A feature of the list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NamedFeature {
    /// Its name.
    #[schemars(length(min = 1))]
    name: String,
    /// As in the object form.
    coefficient: Option<Numbers>,
    /// As in the object form.
    r#type: Option<FeatureType>,
    /// As in the object form.
    expression: Option<String>,
    /// As in the object form.
    steps: Option<Vec<Step>>,
    /// As in the object form.
    categories: Option<Categories>,
    /// As in the object form.
    unknown: Option<Unknown>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FeatureType {
    Number,
    Integer,
    String,
    Boolean,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Unknown {
    Missing,
    Zero,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Categories {
    /// Strings with their coefficients.
    Map(BTreeMap<String, Numbers>),
    /// Values of any type with their coefficients.
    List(Vec<Category>),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Category {
    /// The value; `null` is a missing one.
    value: Option<Scalar>,
    /// One number, or one per row.
    coefficient: Numbers,
}

/// A step of preprocessing.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// `|x|`
    Abs,
    /// `e^x`
    Exp,
    /// `e^x - 1`
    Expm1,
    /// Natural logarithm.
    Log,
    /// `ln(1 + x)`
    Log1p,
    /// Square root.
    Sqrt,
    /// `x * x`
    Square,
    /// A missing value becomes this one.
    Impute(Scalar),
    /// Values outside of the bounds become the nearer bound.
    Clip(Bounds),
    /// `(x - center) / scale`
    Scale(Scale),
    /// `(x - min) / (max - min)`
    MinMax(Range),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Bounds {
    /// No lower bound if left out.
    min: Option<f64>,
    /// No upper bound if left out.
    max: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Scale {
    /// Subtracted. 0 if left out.
    center: Option<f64>,
    /// Divided by, not 0. 1 if left out.
    scale: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Range {
    min: f64,
    max: f64,
}

/// A product of features.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Term {
    /// Names of features, after their steps; a name that stands twice is squared.
    #[schemars(length(min = 1))]
    product: Vec<String>,
    /// One number, or one per row.
    coefficient: Numbers,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// What the reader accepts fits the schema's types; a key that the reader does not know, they do not know either.
    #[test]
    fn the_schema_describes_what_is_read() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut read = 0;
        for case in std::fs::read_dir(fixtures.join("own")).unwrap() {
            let text = std::fs::read_to_string(case.unwrap().path().join("model.json")).unwrap();
            serde_json::from_str::<Model>(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            read += 1;
        }
        assert!(read >= 10, "{read}");
        for name in ["e0201-misspelt-keys", "e0203-wrong-types", "e0211-type"] {
            let text = std::fs::read_to_string(fixtures.join("diagnostics").join(name).join("model.json")).unwrap();
            assert!(serde_json::from_str::<Model>(&text).is_err(), "{name}");
        }
        let schema = schema();
        let keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let known = [
            "classes",
            "description",
            "features",
            "intercept",
            "link",
            "multiclass",
            "name",
            "offset",
            "targets",
            "terms",
            "threshold",
            "type",
        ];
        assert!(known.iter().all(|key| keys.contains(key)) && keys.len() == known.len(), "{keys:?}");
        assert_eq!(schema["additionalProperties"], false);
    }
}
