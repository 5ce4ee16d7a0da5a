//! Ensembles of trees in JSON: recognized, and refused by name.

use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed};
use crate::load::{Content, Context, Format};

pub(in crate::load) const CATBOOST: Format = Format {
    name: "catboost",
    description: "CatBoost models: recognized, not supported yet",
    sign: "an object with the key `oblivious_trees` or `features_info`",
    sniff: |content| matches!(content, Content::Json(root) if root.get("oblivious_trees").is_some() || root.get("features_info").is_some()),
    load: |content, context| Err(refuse(content, context, "CatBoost")),
};

pub(in crate::load) const LIGHTGBM: Format = Format {
    name: "lightgbm",
    description: "LightGBM models: recognized, not supported yet",
    sign: "an object with the key `tree_info`",
    sniff: |content| matches!(content, Content::Json(root) if root.get("tree_info").is_some()),
    load: |content, context| Err(refuse(content, context, "LightGBM")),
};

/// Says that the model of a library is one of trees.
pub(super) fn refuse(content: &Content<'_>, context: &mut Context<'_>, library: &str) -> Failed {
    let place = match content {
        Content::Json(root) => Some(root.place()),
        Content::Binary(_) => None,
    };
    let message = format!("this is a model of {library}: tree models are not supported yet");
    context.report.fail(Diagnostic::new(&codes::TREES, message).at_maybe(place).help("use a linear model"))
}
