//! Linear maps of the columns (PCA, TruncatedSVD, …) and polynomials of them.

use super::Loader;
use super::object::Object;
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed};
use crate::load::json::build::Columns;
use crate::load::json::expect::{self, Matrix};
use crate::load::json::value::Kind;
use crate::model::{Linear, NodeId, Op, Scaling};

/// The most terms of a polynomial.
const MAX_TERMS: usize = 100_000;

/// The highest degree of a polynomial whose powers are not in the file.
const MAX_DEGREE: usize = 100;

/// PCA and IncrementalPCA: `(x - mean_) components_ᵀ`, divided by the square root of `explained_variance_` to whiten.
pub(super) fn pca(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let whiten = loader.flag(object, "whiten", false)?;
    let mut node = centered(loader, object, &columns, "mean_")?;
    if whiten {
        let width = loader.builder.width(node);
        let variance = loader.column_numbers(object, "explained_variance_", width)?;
        // The library's lower bound, so that nothing is divided by 0.
        let scale = variance.into_iter().map(|variance| variance.max(0.0).sqrt().max(f64::EPSILON)).collect();
        let scaling = Scaling::CenterDivide { center: vec![0.0; width], scale };
        node = loader.builder.push(Op::Scale(scaling), vec![node], width);
    } else {
        let _ = object.get("explained_variance_");
    }
    Ok(loader.builder.columns(node))
}

/// FastICA: `(x - mean_) components_ᵀ`; without whitening no mean is subtracted.
pub(super) fn ica(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let whiten = object.get("whiten").is_none_or(|whiten| whiten.boolean() != Some(false));
    let node = if whiten { centered(loader, object, &columns, "mean_")? } else { mapped(loader, object, &columns)? };
    Ok(loader.builder.columns(node))
}

/// TruncatedSVD and random projections: `x components_ᵀ`.
pub(super) fn components(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let node = mapped(loader, object, &columns)?;
    Ok(loader.builder.columns(node))
}

/// LinearDiscriminantAnalysis as a transformer: `(x - xbar_) scalings_`, the first components.
pub(super) fn discriminant(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let solver = loader.word(object, "solver", "svd", &["eigen", "svd"])?;
    let json = loader.need(object, "scalings_")?;
    let scalings = expect::matrix(loader.report, json, "`scalings_`")?;
    if scalings.rows != columns.len() {
        return Err(loader.misfit(json, "`scalings_`", scalings.rows, columns.len()));
    }
    let classes = loader.need(object, "classes_")?.items().count().max(2);
    let most = match object.get("n_components") {
        Some(json) => expect::index(loader.report, json, "`n_components`")?,
        None => (classes - 1).min(columns.len()),
    };
    let rows = scalings.columns.min(most).max(1);
    let weights = (0..rows)
        .flat_map(|row| (0..scalings.rows).map(move |column| (row, column)))
        .map(|(row, column)| scalings.data[column * scalings.columns + row])
        .collect();
    let _ = (object.get("coef_"), object.get("intercept_"), object.get("xbar_"));
    let mut x = loader.numbers(object, &columns)?;
    if solver == "svd" {
        x = subtract_means(loader, object, x, "xbar_")?;
    }
    let linear = Linear { inputs: columns.len(), weights, bias: vec![0.0; rows] };
    let node = loader.builder.push(Op::Linear(linear), vec![x], rows);
    Ok(loader.builder.columns(node))
}

fn centered(loader: &mut Loader<'_>, object: &Object<'_>, columns: &Columns, means: &str) -> Result<NodeId, Failed> {
    let matrix = components_of(loader, object, columns.len())?;
    let x = loader.numbers(object, columns)?;
    let x = subtract_means(loader, object, x, means)?;
    Ok(apply(loader, matrix, x))
}

fn mapped(loader: &mut Loader<'_>, object: &Object<'_>, columns: &Columns) -> Result<NodeId, Failed> {
    let matrix = components_of(loader, object, columns.len())?;
    let x = loader.numbers(object, columns)?;
    Ok(apply(loader, matrix, x))
}

fn subtract_means(loader: &mut Loader<'_>, object: &Object<'_>, x: NodeId, means: &str) -> Result<NodeId, Failed> {
    let width = loader.builder.width(x);
    let center = loader.column_numbers(object, means, width)?;
    let scaling = Scaling::CenterDivide { center, scale: vec![1.0; width] };
    Ok(loader.builder.push(Op::Scale(scaling), vec![x], width))
}

fn components_of(loader: &mut Loader<'_>, object: &Object<'_>, columns: usize) -> Result<Matrix, Failed> {
    let json = loader.need(object, "components_")?;
    if json.items().any(|row| row.kind() != Kind::Array) {
        return Err(expect::wrong_type(loader.report, json, "`components_`", "an array of arrays"));
    }
    let matrix = expect::matrix(loader.report, json, "`components_`")?;
    if matrix.columns == columns {
        Ok(matrix)
    } else {
        Err(loader.misfit(json, "`components_`", matrix.columns, columns))
    }
}

fn apply(loader: &mut Loader<'_>, matrix: Matrix, x: NodeId) -> NodeId {
    let linear = Linear { inputs: matrix.columns, weights: matrix.data, bias: vec![0.0; matrix.rows] };
    loader.builder.push(Op::Linear(linear), vec![x], matrix.rows)
}

/// PolynomialFeatures: `powers_` if it was dumped, else the library's order of terms: by degree, then by the positions of
/// the factors, as `itertools.combinations_with_replacement` (or `combinations`, for interactions only) gives them.
pub(super) fn polynomial(loader: &mut Loader<'_>, object: &Object<'_>, columns: Columns) -> Result<Columns, Failed> {
    let interactions = loader.flag(object, "interaction_only", false)?;
    let bias = loader.flag(object, "include_bias", true)?;
    let (least, most) = match object.get("degree") {
        None => (0, 2),
        Some(json) if json.kind() == Kind::Array => {
            let degrees =
                expect::list(loader.report, json, "`degree`", |report, item| expect::index(report, item, "a degree"))?;
            match degrees[..] {
                [least, most] if least <= most => (least, most),
                _ => return Err(expect::wrong_type(loader.report, json, "`degree`", "two integers in order")),
            }
        }
        Some(json) => (0, expect::index(loader.report, json, "`degree`")?),
    };
    let terms = match object.get("powers_") {
        Some(json) => {
            let powers = expect::matrix(loader.report, json, "`powers_`")?;
            if powers.columns != columns.len() {
                return Err(loader.misfit(json, "`powers_`", powers.columns, columns.len()));
            }
            let wrong = powers.data.iter().any(|power| !(0.0..=1000.0).contains(power) || power.fract() != 0.0);
            if wrong {
                let message = "a power must be an integer between 0 and 1000";
                return Err(loader.report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(json.place())));
            }
            let row = |row: &[f64]| {
                row.iter()
                    .enumerate()
                    .filter(|(_, power)| **power > 0.0)
                    .map(|(at, power)| (at, *power as u32))
                    .collect()
            };
            powers.data.chunks(powers.columns).map(row).collect()
        }
        None if most > MAX_DEGREE => {
            let place = object.get("degree").unwrap_or(object.json).place();
            let message = format!("the degree of the polynomial is {most}, at most {MAX_DEGREE} is supported");
            return Err(loader.report.fail(Diagnostic::new(&codes::TOO_MANY, message).at(place)));
        }
        None => {
            let count = count_terms(columns.len(), least, most, interactions, bias);
            if count.is_none_or(|count| count > MAX_TERMS) {
                let place = object.get("degree").unwrap_or(object.json).place();
                let message = match count {
                    Some(count) => format!("the polynomial has {count} terms, at most {MAX_TERMS} are supported"),
                    None => {
                        format!("the polynomial has more terms than can be counted, at most {MAX_TERMS} are supported")
                    }
                };
                return Err(loader.report.fail(Diagnostic::new(&codes::TOO_MANY, message).at(place)));
            }
            terms(columns.len(), least, most, interactions, bias)
        }
    };
    if let Some(json) = object.get("n_output_features_") {
        let count = expect::index(loader.report, json, "`n_output_features_`")?;
        if count != terms.len() {
            let why = "the number of terms of this degree";
            return Err(expect::wrong_length(loader.report, json, "`n_output_features_`", count, terms.len(), why));
        }
    }
    let x = loader.numbers(object, &columns)?;
    let width = terms.len();
    let node = loader.builder.push(Op::Polynomial(terms), vec![x], width);
    Ok(loader.builder.columns(node))
}

/// The number of terms; `None` beyond the range of integers.
fn count_terms(columns: usize, least: usize, most: usize, interactions: bool, bias: bool) -> Option<usize> {
    let mut total = usize::from(bias);
    for degree in least.max(1)..=most {
        if total > MAX_TERMS {
            return None;
        }
        // Combinations of `degree` out of n, or with replacement out of n + degree - 1.
        let n = if interactions { columns } else { columns.checked_add(degree)?.checked_sub(1)? };
        if interactions && degree > n {
            break;
        }
        let mut count: u128 = 1;
        for at in 0..degree.min(n - degree) {
            count = count.checked_mul((n - at) as u128)? / (at as u128 + 1);
            if count > u128::from(u32::MAX) * 64 {
                return None;
            }
        }
        total = total.checked_add(usize::try_from(count).ok()?)?;
    }
    Some(total)
}

fn terms(columns: usize, least: usize, most: usize, interactions: bool, bias: bool) -> Vec<Vec<(usize, u32)>> {
    let mut terms = Vec::new();
    if bias {
        terms.push(Vec::new());
    }
    for degree in least.max(1)..=most {
        if interactions && degree > columns {
            break;
        }
        let step = usize::from(interactions);
        let mut factors: Vec<usize> = (0..degree).map(|at| at * step).collect();
        loop {
            let mut term: Vec<(usize, u32)> = Vec::new();
            for &factor in &factors {
                match term.last_mut() {
                    Some((last, power)) if *last == factor => *power += 1,
                    _ => term.push((factor, 1)),
                }
            }
            terms.push(term);
            // The next combination: raise the last factor that can be raised, and let the later ones follow it.
            let most_at = |at: usize| columns - 1 - (degree - 1 - at) * step;
            let Some(at) = (0..degree).rev().find(|&at| factors[at] < most_at(at)) else { break };
            factors[at] += 1;
            for later in at + 1..degree {
                factors[later] = factors[later - 1] + step;
            }
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against `PolynomialFeatures.powers_` of scikit-learn 1.9.1 for three columns.
    #[test]
    fn terms_stand_in_the_order_of_the_library() {
        let short = |terms: Vec<Vec<(usize, u32)>>| -> Vec<String> {
            let one = |term: Vec<(usize, u32)>| {
                term.into_iter().map(|(at, power)| "abc"[at..=at].repeat(power as usize)).collect()
            };
            terms.into_iter().map(one).collect()
        };
        let all = "|a|b|c|aa|ab|ac|bb|bc|cc|aaa|aab|aac|abb|abc|acc|bbb|bbc|bcc|ccc";
        assert_eq!(short(terms(3, 0, 3, false, true)).join("|"), all);
        assert_eq!(short(terms(3, 0, 4, true, true)).join("|"), "|a|b|c|ab|ac|bc|abc");
        assert_eq!(short(terms(3, 2, 2, false, false)).join("|"), "aa|ab|ac|bb|bc|cc");
    }

    #[test]
    fn terms_are_counted_before_they_are_made() {
        for (columns, least, most) in [(3, 0, 3), (1, 0, 5), (5, 2, 4), (7, 1, 1)] {
            for interactions in [false, true] {
                let made = terms(columns, least, most, interactions, true).len();
                assert_eq!(
                    count_terms(columns, least, most, interactions, true),
                    Some(made),
                    "{columns} {least} {most}"
                );
            }
        }
        assert_eq!(count_terms(1_000_000, 0, 50, false, true), None);
        assert!(count_terms(1000, 0, 2, false, true) > Some(MAX_TERMS));
    }
}
