//! Pipeline, ColumnTransformer, FeatureUnion: how steps are put together.

use super::object::Object;
use super::{Head, Loader};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, nearest};
use crate::load::json::build::{Column, Columns};
use crate::load::json::expect;
use crate::load::json::value::{Json, Kind};
use crate::model::{Op, Scaling};
use std::collections::BTreeMap;

/// A Pipeline whose last step predicts, or transforms.
pub(super) fn pipeline(loader: &mut Loader<'_>, object: &Object<'_>, mut columns: Columns) -> Result<Head, Failed> {
    let steps = steps(loader, object)?;
    let Some(((name, last), before)) = steps.split_last() else {
        return Err(loader
            .report
            .fail(Diagnostic::new(&codes::EMPTY_MODEL, "the pipeline has no steps").at(object.json.place())));
    };
    for (at, (name, step)) in before.iter().enumerate() {
        columns = run(loader, name, *step, columns).inspect_err(|_| survey_all(loader, &steps[at + 1..]))?;
    }
    let outer = std::mem::replace(&mut loader.builder.step, name.clone());
    let head = match last {
        Some(step) => {
            let (object, estimator) = loader.open(*step)?;
            loader.outputs(&object, estimator, columns)
        }
        None => {
            let node = loader.vector(&columns, &object.json.place())?;
            let output = crate::model::Output {
                role: crate::model::Role::Value,
                name: "transform".into(),
                node,
                elements: Vec::new(),
            };
            Ok(Head { outputs: vec![output], classes: Vec::new() })
        }
    };
    loader.builder.step = outer;
    head
}

/// A Pipeline of transformers as a step.
pub(super) fn chain(loader: &mut Loader<'_>, object: &Object<'_>, mut columns: Columns) -> Result<Columns, Failed> {
    let steps = steps(loader, object)?;
    for (at, (name, step)) in steps.iter().enumerate() {
        columns = run(loader, name, *step, columns).inspect_err(|_| survey_all(loader, &steps[at + 1..]))?;
    }
    Ok(columns)
}

/// Looks for what is wrong with steps by themselves, after one before them has failed.
fn survey_all(loader: &mut Loader<'_>, steps: &[(String, Option<Json<'_>>)]) {
    for step in steps.iter().filter_map(|(_, step)| *step) {
        survey(loader, step);
    }
}

/// Reports an estimator that is not supported, and numbers that are none. Nesting is bounded by the reader.
fn survey(loader: &mut Loader<'_>, json: Json<'_>) {
    let Ok((object, _)) = loader.open(json) else { return };
    for name in ["coef_", "components_"] {
        if let Some(json) = object.get(name) {
            let _ = expect::matrix(loader.report, json, &format!("`{name}`"));
        }
    }
    for name in ["intercept_", "mean_", "scale_", "min_", "center_", "max_abs_", "lambdas_"] {
        if let Some(json) = object.get(name) {
            let _ = expect::number_or_numbers(loader.report, json, &format!("`{name}`"));
        }
    }
    if object.class == "Pipeline"
        && let Ok(steps) = steps(loader, &object)
    {
        survey_all(loader, &steps);
    }
}

/// Sends columns through a step, under its name. No step: they stay as they are.
fn run(loader: &mut Loader<'_>, name: &str, step: Option<Json<'_>>, columns: Columns) -> Result<Columns, Failed> {
    let Some(step) = step else { return Ok(columns) };
    let outer = std::mem::replace(&mut loader.builder.step, name.to_owned());
    let (object, estimator) = loader.open(step)?;
    let columns = loader.transform(&object, estimator, columns);
    loader.builder.step = outer;
    columns
}

/// The steps of a pipeline by name; `passthrough` and `null` are no step.
fn steps<'a>(loader: &mut Loader<'_>, object: &Object<'a>) -> Result<Vec<(String, Option<Json<'a>>)>, Failed> {
    let json = loader.need(object, "steps")?;
    if json.kind() == Kind::Object {
        let named = |(key, step): (Json<'a>, Json<'a>)| {
            (key.text().unwrap_or_default().into_owned(), Some(step).filter(|step| !is_nothing(*step)))
        };
        return Ok(json.members().map(named).collect());
    }
    expect::list(loader.report, json, "`steps`", |report, step| match step.kind() {
        Kind::Array => {
            let (name, step) = named_pair(report, step, "a step")?;
            Ok((name, Some(step).filter(|step| !is_nothing(*step))))
        }
        Kind::Object => {
            let name = step.get("name").and_then(Json::text).unwrap_or_default().into_owned();
            let inner = ["estimator", "transformer", "object"].iter().find_map(|key| step.get(key));
            Ok((
                name,
                Some(inner.filter(|inner| inner.kind() == Kind::Object && step.get("class").is_none()).unwrap_or(step)),
            ))
        }
        _ => Err(expect::wrong_type(report, step, "a step", "an array of a name and an estimator")),
    })
}

fn named_pair<'a>(report: &mut crate::diag::Report, pair: Json<'a>, what: &str) -> Result<(String, Json<'a>), Failed> {
    let mut items = pair.items();
    match (items.next(), items.next()) {
        (Some(name), Some(object)) => {
            Ok((expect::text(report, name, &format!("the name of {what}"))?.into_owned(), object))
        }
        _ => Err(expect::wrong_type(report, pair, what, "an array of a name and an estimator")),
    }
}

fn is_nothing(json: Json<'_>) -> bool {
    json.is_null() || json.text().is_some_and(|text| text == "passthrough" || text == "None")
}

fn is_drop(json: Json<'_>) -> bool {
    json.text().is_some_and(|text| text == "drop")
}

/// FeatureUnion: the results of all transformers side by side, each times its weight.
pub(super) fn union(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let since = loader.report.len();
    let list = loader.need(object, "transformer_list")?;
    let weights = weights(loader, object)?;
    let entries = expect::list(loader.report, list, "`transformer_list`", |report, entry| {
        named_pair(report, entry, "a transformer")
    })?;
    let mut result = Vec::new();
    for (name, step) in entries {
        if is_drop(step) {
            continue;
        }
        let step = Some(step).filter(|step| !is_nothing(*step));
        if let Ok(part) = run(loader, &name, step, columns.clone()) {
            result.extend(weighted(loader, object, part, weights.get(&name).copied())?);
        }
    }
    loader.report.check(since)?;
    Ok(result)
}

/// ColumnTransformer: each transformer with its columns, the results side by side.
pub(super) fn column_transformer(
    loader: &mut Loader<'_>,
    object: &Object<'_>,
    columns: Columns,
) -> Result<Columns, Failed> {
    let since = loader.report.len();
    let list = loader.need(object, "transformers_")?;
    let _ = (object.get("transformers"), object.get("output_indices_"));
    let weights = weights(loader, object)?;
    let names = names(loader, object, &columns)?;
    let entries = expect::list(loader.report, list, "`transformers_`", |report, entry| {
        let (name, step) = named_pair(report, entry, "a transformer")?;
        match entry.items().nth(2) {
            Some(spec) => Ok((name, step, spec)),
            None => {
                Err(expect::wrong_type(report, entry, "a transformer", "an array of a name, an estimator and columns"))
            }
        }
    })?;
    let mut result = Vec::new();
    let mut used = vec![false; columns.len()];
    let mut has_remainder = false;
    for (name, step, spec) in entries {
        has_remainder |= name == "remainder";
        let Ok(positions) = positions(loader, spec, &names) else { continue };
        for &at in &positions {
            used[at] = true;
        }
        if is_drop(step) || positions.is_empty() {
            continue;
        }
        let chosen: Columns = positions.iter().map(|&at| columns[at]).collect();
        let step = Some(step).filter(|step| !is_nothing(*step));
        // One that fails does not keep the others from being looked at.
        if let Ok(part) = run(loader, &name, step, chosen) {
            result.extend(weighted(loader, object, part, weights.get(&name).copied())?);
        }
    }
    loader.report.check(since)?;
    if let (Some(json), false) = (object.get("remainder"), has_remainder || used.iter().all(|used| *used))
        && !is_drop(json)
    {
        let message = "`transformers_` has no entry `remainder` for the columns that no transformer takes";
        return Err(loader.report.fail(Diagnostic::new(&codes::MISSING_KEY, message).at(list.place())));
    }
    Ok(result)
}

/// Names of the columns, by which a transformer can choose them.
fn names(loader: &mut Loader<'_>, object: &Object<'_>, columns: &Columns) -> Result<Vec<String>, Failed> {
    if let Some(json) = object.get("feature_names_in_") {
        return expect::texts(loader.report, json, "`feature_names_in_`");
    }
    Ok(columns.iter().map(|&column| loader.builder.feature_name(column).unwrap_or_default().to_owned()).collect())
}

/// The positions of the columns that a transformer takes: a name or position, a list of them, a mask, or a slice.
fn positions(loader: &mut Loader<'_>, spec: Json<'_>, names: &[String]) -> Result<Vec<usize>, Failed> {
    let by_name: BTreeMap<&str, usize> = names.iter().enumerate().rev().map(|(at, name)| (name.as_str(), at)).collect();
    let one = |report: &mut crate::diag::Report, json: Json<'_>| -> Result<usize, Failed> {
        if let Some(name) = json.text() {
            if let Some(&at) = by_name.get(name.as_ref()) {
                return Ok(at);
            }
            let diagnostic =
                Diagnostic::new(&codes::OUT_OF_RANGE, format!("there is no column `{name}`")).at(json.place());
            return Err(report.fail(match nearest(&name, names.iter().map(String::as_str)) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help("the columns of this step are those of `feature_names_in_`"),
            }));
        }
        let position = expect::integer(report, json, "a column")?;
        let from_end = if position < 0 { position + names.len() as i64 } else { position };
        match usize::try_from(from_end) {
            Ok(at) if at < names.len() => Ok(at),
            _ => {
                let message = format!("there is no column {position}, the step has {}", names.len());
                Err(report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(json.place())))
            }
        }
    };
    match spec.kind() {
        Kind::Text
            if spec.text().is_some_and(|text| text.starts_with("slice(") && !by_name.contains_key(text.as_ref())) =>
        {
            let text = spec.text().unwrap_or_default();
            let parts: Vec<&str> =
                text.trim_start_matches("slice(").trim_end_matches(')').split(',').map(str::trim).collect();
            let bound = |at: usize| match parts.get(at) {
                None | Some(&"None") => Some(None),
                Some(text) => text.parse::<i64>().ok().map(Some),
            };
            match (bound(0), bound(1), bound(2)) {
                (Some(start), Some(stop), Some(None | Some(1))) if parts.len() <= 3 => {
                    Ok(range(start, stop, names.len()))
                }
                _ => Err(expect::wrong_type(
                    loader.report,
                    spec,
                    "columns",
                    "names, positions, a mask or a slice with step 1",
                )),
            }
        }
        Kind::Text | Kind::Number => Ok(vec![one(loader.report, spec)?]),
        Kind::Array if spec.items().next().is_some_and(|item| item.kind() == Kind::Boolean) => {
            let mask = expect::list(loader.report, spec, "the mask of columns", |report, item| {
                expect::boolean(report, item, "an item of the mask")
            })?;
            if mask.len() != names.len() {
                return Err(loader.misfit(spec, "the mask of columns", mask.len(), names.len()));
            }
            Ok(mask.iter().enumerate().filter(|(_, chosen)| **chosen).map(|(at, _)| at).collect())
        }
        Kind::Array => expect::list(loader.report, spec, "columns", one),
        Kind::Object => {
            let spec = spec.get("slice").filter(|inner| inner.kind() == Kind::Object).unwrap_or(spec);
            let bound = |key: &str| spec.get(key).filter(|bound| !bound.is_null());
            if let Some(step) = bound("step").filter(|step| step.integer() != Some(1)) {
                return Err(expect::wrong_type(loader.report, step, "the step of a slice", "1"));
            }
            let by_label =
                [bound("start"), bound("stop")].into_iter().flatten().any(|bound| bound.kind() == Kind::Text);
            if by_label {
                // A slice of names includes its end.
                let start = bound("start").map_or(Ok(0), |bound| one(loader.report, bound))?;
                let stop = bound("stop").map_or(Ok(names.len()), |bound| Ok(one(loader.report, bound)? + 1))?;
                return Ok((start..stop).collect());
            }
            let mut integer =
                |key| bound(key).map(|bound| expect::integer(loader.report, bound, "the bound of a slice")).transpose();
            Ok(range(integer("start")?, integer("stop")?, names.len()))
        }
        _ => Err(expect::wrong_type(loader.report, spec, "columns", "names, positions, a mask or a slice")),
    }
}

/// Python's `range(*slice(start, stop).indices(length))`.
fn range(start: Option<i64>, stop: Option<i64>, length: usize) -> Vec<usize> {
    let length = length as i64;
    let bound = |bound: i64| (if bound < 0 { bound.saturating_add(length) } else { bound }).clamp(0, length);
    (start.map_or(0, bound)..stop.map_or(length, bound)).map(|at| at as usize).collect()
}

fn weights(loader: &mut Loader<'_>, object: &Object<'_>) -> Result<BTreeMap<String, f64>, Failed> {
    let Some(json) = object.get("transformer_weights") else { return Ok(BTreeMap::new()) };
    let mut weights = BTreeMap::new();
    for (key, value) in expect::object(loader.report, json, "`transformer_weights`")?.members() {
        if !value.is_null() {
            let weight = expect::number(loader.report, value, "the weight of a transformer")?;
            weights.insert(key.text().unwrap_or_default().into_owned(), weight);
        }
    }
    Ok(weights)
}

fn weighted(
    loader: &mut Loader<'_>,
    object: &Object<'_>,
    columns: Columns,
    weight: Option<f64>,
) -> Result<Columns, Failed> {
    let Some(weight) = weight else { return Ok(columns) };
    let width = columns.len();
    let x = loader.numbers(object, &columns)?;
    let scaling = Scaling::MultiplyAdd { factor: vec![weight; width], shift: vec![0.0; width] };
    let node = loader.builder.push(Op::Scale(scaling), vec![x], width);
    Ok((0..width).map(|at| Column::Element(node, at)).collect())
}
