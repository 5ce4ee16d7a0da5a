//! Selection of columns: by a mask in the file, or as the selector computes it from its scores.

use super::Loader;
use super::object::Object;
use crate::diag::Failed;
use crate::load::json::build::Columns;
use crate::load::json::expect;
use crate::load::json::value::Json;

/// Any selector whose mask is in the file: `support_`, the result of `get_support()`.
pub(super) fn by_mask(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    match mask(loader, object, &columns)? {
        Some(mask) => Ok(apply(columns, &mask)),
        None => Err(expect::missing_key(
            loader.report,
            object.json,
            "support_",
            &format!("`{}` (dump `get_support()` under this name)", object.class),
        )),
    }
}

/// VarianceThreshold: columns with `variances_ > threshold`.
pub(super) fn variance(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let mask = mask(loader, object, &columns)?;
    if object.get("variances_").is_none() || mask.is_some() {
        let mask =
            mask.ok_or_else(|| expect::missing_key(loader.report, object.json, "variances_", "`VarianceThreshold`"))?;
        return Ok(apply(columns, &mask));
    }
    let threshold =
        object.get("threshold").map_or(Ok(0.0), |json| expect::number(loader.report, json, "`threshold`"))?;
    let variances = scores(loader, object, "variances_", columns.len())?;
    Ok(apply(columns, &variances.iter().map(|variance| *variance > threshold).collect::<Vec<_>>()))
}

/// SelectKBest: the `k` columns of the highest score, of equals the later.
pub(super) fn k_best(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let given = mask(loader, object, &columns)?;
    if let Some(mask) = given {
        return Ok(apply(columns, &mask));
    }
    let k = match object.get("k") {
        None => 10,
        Some(json) if json.text().as_deref() == Some("all") => columns.len(),
        Some(json) => expect::index(loader.report, json, "`k`")?,
    };
    // NaN is the lowest score.
    let scores = scores(loader, object, "scores_", columns.len())?;
    let clean = |score: f64| if score.is_nan() { f64::MIN } else { score };
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|&a, &b| clean(scores[a]).total_cmp(&clean(scores[b])));
    let mut mask = vec![false; columns.len()];
    for &at in order.iter().rev().take(k) {
        mask[at] = true;
    }
    Ok(apply(columns, &mask))
}

/// SelectFromModel: columns whose importance, the sum of `|coef_|` over the rows, is at least `threshold_`.
pub(super) fn from_model(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let _ = (object.get("threshold"), object.get("norm_order"), object.get("max_features_"));
    if let Some(mask) = mask(loader, object, &columns)? {
        let _ = (object.get("threshold_"), object.get("max_features"), object.get("estimator_"));
        return Ok(apply(columns, &mask));
    }
    let coefficients = object.get("estimator_").and_then(|estimator| estimator.get("coef_"));
    let one = object.get("norm_order").is_none_or(|order| order.number() == Some(1.0));
    let (Some(threshold), Some(json), None, true) =
        (object.get("threshold_"), coefficients, object.get("max_features"), one)
    else {
        return Err(expect::missing_key(
            loader.report,
            object.json,
            "support_",
            "`SelectFromModel` (dump `get_support()` under this name)",
        ));
    };
    let threshold = expect::number(loader.report, threshold, "`threshold_`")?;
    let matrix = expect::matrix(loader.report, json, "`coef_`")?;
    if matrix.columns != columns.len() {
        return Err(loader.misfit(json, "`coef_`", matrix.columns, columns.len()));
    }
    let importance = |at: usize| (0..matrix.rows).map(|row| matrix.data[row * matrix.columns + at].abs()).sum::<f64>();
    let mask: Vec<bool> = (0..columns.len()).map(|at| importance(at) >= threshold).collect();
    Ok(apply(columns, &mask))
}

fn mask(loader: &mut Loader<'_>, object: &Object<'_>, columns: &Columns) -> Result<Option<Vec<bool>>, Failed> {
    let Some(json) = object.get("support_").or(object.get("support_mask_")) else { return Ok(None) };
    let mask = expect::list(loader.report, json, "`support_`", |report, item| {
        expect::boolean(report, item, "an item of `support_`")
    })?;
    if mask.len() != columns.len() {
        return Err(loader.misfit(json, "`support_`", mask.len(), columns.len()));
    }
    Ok(Some(mask))
}

/// Numbers a column, NaN among them.
fn scores(loader: &mut Loader<'_>, object: &Object<'_>, name: &str, columns: usize) -> Result<Vec<f64>, Failed> {
    let json = loader.need(object, name)?;
    let what = format!("`{name}`");
    let read = |report: &mut _, item: Json<'_>| match item.is_null() {
        true => Ok(f64::NAN),
        false => expect::any_number(report, item, &format!("an item of {what}")),
    };
    let scores = expect::list(loader.report, json, &what, read)?;
    if scores.len() == columns { Ok(scores) } else { Err(loader.misfit(json, &what, scores.len(), columns)) }
}

fn apply(columns: Columns, mask: &[bool]) -> Columns {
    columns.into_iter().zip(mask).filter(|(_, keep)| **keep).map(|(column, _)| column).collect()
}
