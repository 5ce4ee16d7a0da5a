//! The features of a model: who in a tree of estimators knows their names, or at least how many there are.

use super::Loader;
use crate::diag::codes::load as codes;
use crate::diag::codes::onnx::FEATURES;
use crate::diag::{Diagnostic, Failed};
use crate::load::json::build::{Columns, MAX_COLUMNS};
use crate::load::json::expect;
use crate::load::json::value::{Json, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// Attributes whose length, or length of a row, is the number of columns.
const SIZED: &[&str] = &[
    "coef_",
    "mean_",
    "scale_",
    "min_",
    "max_abs_",
    "center_",
    "statistics_",
    "categories_",
    "lambdas_",
    "bin_edges_",
    "components_",
    "feature_log_prob_",
    "variances_",
    "scores_",
    "support_mask_",
    "x_mean_",
    "encodings_",
    "xbar_",
];

/// Declares the features of the estimator: under their names, or as `x0`, `x1`, ….
pub(super) fn declare<'a>(loader: &mut Loader<'_>, root: Json<'a>) -> Result<Columns, Failed> {
    if let Some(names) = search(root, &names_of) {
        return match names {
            Names::Array(json) => declare_named(loader, json),
            Names::Columns(names) => {
                let declared =
                    names.into_iter().map(|(name, json)| loader.builder.feature(name, None, Some(json.place())));
                Ok(declared.collect())
            }
        };
    }
    let Some((json, count)) = search(root, &count_of) else {
        let message = "the number of features is not in the file";
        let help = "add `\"feature_names_in_\"` or `\"n_features_in_\"`";
        return Err(loader.report.fail(Diagnostic::new(&codes::MISSING_KEY, message).at(root.place()).help(help)));
    };
    if count == 0 {
        return Err(loader
            .report
            .fail(Diagnostic::new(&codes::EMPTY_MODEL, "the model has no features").at(json.place())));
    }
    if count > MAX_COLUMNS {
        let message = format!("the model has {count} features, at most {MAX_COLUMNS} are read");
        return Err(loader.report.fail(Diagnostic::new(&codes::TOO_MANY, message).at(json.place())));
    }
    let names = given(loader, json, count)?;
    Ok(names.into_iter().map(|name| loader.builder.feature(name, None, None)).collect())
}

/// The names that the user gives, or `x0`, `x1`, ….
fn given(loader: &mut Loader<'_>, json: Json<'_>, count: usize) -> Result<Vec<String>, Failed> {
    let Some(names) = loader.features else { return Ok((0..count).map(|index| format!("x{index}")).collect()) };
    let distinct: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let message = if names.len() != count {
        format!("`--features` gives {} names, the model has {count} features", names.len())
    } else if distinct.len() < count || distinct.contains("") {
        "a name that `--features` gives is empty or stands twice".to_owned()
    } else {
        return Ok(names.to_vec());
    };
    let help = "give one name for each column, in the order of the training data: `--features a,b,c`";
    Err(loader.report.fail(Diagnostic::new(&FEATURES, message).at(json.place()).help(help)))
}

fn declare_named(loader: &mut Loader<'_>, json: Json<'_>) -> Result<Columns, Failed> {
    let names = expect::texts(loader.report, json, "`feature_names_in_`")?;
    if names.is_empty() {
        return Err(loader
            .report
            .fail(Diagnostic::new(&codes::EMPTY_MODEL, "the model has no features").at(json.place())));
    }
    if names.len() > MAX_COLUMNS {
        let message = format!("the model has {} features, at most {MAX_COLUMNS} are read", names.len());
        return Err(loader.report.fail(Diagnostic::new(&codes::TOO_MANY, message).at(json.place())));
    }
    let since = loader.report.len();
    let mut seen: BTreeMap<&str, Json<'_>> = BTreeMap::new();
    for (name, item) in names.iter().zip(json.items()) {
        if name.is_empty() {
            let message = "the name of a feature is empty";
            loader.report.push(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(item.place()));
        }
        if let Some(first) = seen.insert(name, item) {
            let message = format!("the feature `{name}` stands twice");
            loader
                .report
                .push(Diagnostic::new(&codes::REPEATED, message).at(item.place()).related(first.place(), "first here"));
        }
    }
    loader.report.check(since)?;
    let builder = &mut loader.builder;
    Ok(names
        .into_iter()
        .zip(json.items())
        .map(|(name, item)| builder.feature(name, None, Some(item.place())))
        .collect())
}

enum Names<'a> {
    Array(Json<'a>),
    /// Of a column transformer that has no names of its own.
    Columns(Vec<(String, Json<'a>)>),
}

/// Looks at an estimator and, depth first, at those that get the same columns.
fn search<'a, T>(json: Json<'a>, look: &dyn Fn(Json<'a>) -> Option<T>) -> Option<T> {
    if let Some(found) = look(json) {
        return Some(found);
    }
    for key in ["best_estimator_", "estimator_", "regressor_"] {
        if let Some(found) = json.get(key).and_then(|inner| search(inner, look)) {
            return Some(found);
        }
    }
    if let Some(estimators) = json.get("estimators_") {
        return estimators.items().find_map(|estimator| search(estimator, look));
    }
    if let Some(union) = json.get("transformer_list") {
        return union.items().filter_map(|item| item.items().nth(1)).find_map(|item| search(item, look));
    }
    let steps = json.get("steps")?;
    let objects: Vec<Json<'a>> = match steps.kind() {
        Kind::Object => steps.members().map(|(_, step)| step).collect(),
        _ => steps
            .items()
            .filter_map(|step| if step.kind() == Kind::Array { step.items().nth(1) } else { Some(step) })
            .collect(),
    };
    // Only the first step that does something sees the columns of the model.
    search(objects.into_iter().find(|step| step.kind() == Kind::Object)?, look)
}

fn names_of(json: Json<'_>) -> Option<Names<'_>> {
    for key in ["feature_names_in_", "feature_names"] {
        if let Some(names) = json.get(key).filter(|names| names.kind() == Kind::Array) {
            return Some(Names::Array(names));
        }
    }
    if json.get("n_features_in_").is_some() {
        return None;
    }
    let mut seen = BTreeMap::new();
    let mut names = Vec::new();
    for entry in json.get("transformers_")?.items() {
        let columns = entry.items().nth(2)?;
        let texts: Vec<Json<'_>> = if columns.kind() == Kind::Text { vec![columns] } else { columns.items().collect() };
        for text in texts {
            let name = text.text()?.into_owned();
            if seen.insert(name.clone(), ()).is_none() {
                names.push((name, text));
            }
        }
    }
    Some(Names::Columns(names)).filter(|names| matches!(names, Names::Columns(list) if !list.is_empty()))
}

fn count_of(json: Json<'_>) -> Option<(Json<'_>, usize)> {
    for key in ["n_features_in_", "n_features_"] {
        if let Some(value) = json.get(key)
            && let Some(count) = value.number().filter(|count| *count >= 0.0 && count.fract() == 0.0)
        {
            // Too large a number saturates and is refused as such.
            return Some((value, count as usize));
        }
    }
    SIZED.iter().find_map(|key| {
        let array = json.get(key).filter(|value| value.kind() == Kind::Array)?;
        let first = array.items().next()?;
        // `coef_` and its like hold rows of columns, `categories_` and its like a row per column.
        let by_row = first.kind() == Kind::Array && matches!(*key, "coef_" | "components_" | "feature_log_prob_");
        Some((array, if by_row { first.items().count() } else { array.items().count() }))
    })
}
