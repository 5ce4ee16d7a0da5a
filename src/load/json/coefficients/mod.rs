//! Coefficients by the names of their terms, as R (`coef`, `broom::tidy`) and statsmodels (`params.to_json()`) give them.
//!
//! A file is a map of terms to numbers, a list of rows with `term` and `estimate`, the same column by column, or an object
//! that holds one of these under `coefficients` (or `params`) beside `family`, `link`, `factors` and `offset`. The terms
//! are formulas: [`formula`] reads them, [`term`] builds them. Without a link function the linear predictor is compiled,
//! and a warning says so.

mod formula;
mod term;

use super::build::{Builder, Column};
use super::expect;
use super::value::{Json, Kind};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Report};
use crate::load::{Content, Context, Format, Link};
use crate::model::{Binary, Elem, Graph, Linear, Op, Output, Role, Value};
use std::collections::BTreeMap;
use term::Terms;

pub(in crate::load) const FORMAT: Format = Format {
    name: "coefficients",
    description: "coefficients by term, from R (`coef`, `broom::tidy`) or statsmodels (`params`)",
    sign: "a map of terms to numbers, rows with `term` and `estimate`, or an object with `coefficients`",
    sniff,
    load,
};

/// Keys that hold the coefficients beside other members.
const HOLDERS: &[&str] = &["coefficients", "params", "coef"];
/// Keys of a row that name its term.
const TERM: &[&str] = &["term", "name", "variable", "feature"];
/// Keys of a row that hold its coefficient.
const ESTIMATE: &[&str] = &["estimate", "coef", "coefficient", "Estimate", "value"];

fn sniff(content: &Content<'_>) -> bool {
    let Content::Json(root) = content else { return false };
    match root.kind() {
        Kind::Array => {
            root.items().next().is_some_and(|row| first(row, TERM).is_some() && first(row, ESTIMATE).is_some())
        }
        Kind::Object => {
            let named = ["type", "class", "__class__"]
                .iter()
                .any(|key| root.get(key).is_some_and(|value| value.kind() == Kind::Text))
                || root.get("coef_").is_some();
            !named
                && (HOLDERS
                    .iter()
                    .any(|key| root.get(key).is_some_and(|held| matches!(held.kind(), Kind::Object | Kind::Array)))
                    || is_columns(*root)
                    || is_map(*root))
        }
        _ => false,
    }
}

/// A map of terms to numbers. R's jsonlite writes each number as an array of one.
fn is_map(json: Json<'_>) -> bool {
    let mut numbers = 0;
    for (_, value) in json.members() {
        match unboxed(value) {
            value if value.kind() == Kind::Number => numbers += 1,
            value if is_absent(value) => {}
            _ => return false,
        }
    }
    numbers > 0
}

/// Columns `term` and `estimate`.
fn is_columns(json: Json<'_>) -> bool {
    let array = |keys| first(json, keys).is_some_and(|value| value.kind() == Kind::Array);
    json.kind() == Kind::Object && array(TERM) && array(ESTIMATE)
}

fn first<'a>(json: Json<'a>, keys: &[&str]) -> Option<Json<'a>> {
    keys.iter().find_map(|key| json.get(key))
}

fn unboxed(json: Json<'_>) -> Json<'_> {
    let mut items = json.items();
    match (items.next(), items.next()) {
        (Some(one), None) => one,
        _ => json,
    }
}

/// NA: R leaves out what is a linear combination of other terms.
fn is_absent(json: Json<'_>) -> bool {
    json.is_null() || json.text().is_some_and(|text| text == "NA")
}

fn load(content: &Content<'_>, context: &mut Context<'_>) -> Result<Graph, Failed> {
    let Content::Json(root) = *content else { return Ok(Graph::default()) };
    let report = &mut *context.report;
    let since = report.len();
    let held =
        if root.kind() == Kind::Object && !is_map(root) && !is_columns(root) { first(root, HOLDERS) } else { None };
    let pairs = pairs(report, held.unwrap_or(root));
    let link = match held {
        Some(_) => settings(report, root),
        None => Ok(None),
    };
    let link = resolve_link(report, root, link, context.options.link);
    let factors = match (held, root.get("factors")) {
        (Some(_), Some(json)) => factors(report, json),
        _ => Ok(BTreeMap::new()),
    };
    let (pairs, link, factors) = (pairs?, link?, factors?);
    let mut builder = Builder::default();
    let mut terms = Terms::new(&factors);
    let (mut intercept, mut columns) = (0.0, Vec::new());
    let mut seen: BTreeMap<String, Json<'_>> = BTreeMap::new();
    for (name, key, value) in pairs {
        if let Some(before) = seen.insert(name.clone(), key) {
            let message = format!("the term `{name}` stands twice");
            report
                .push(Diagnostic::new(&codes::REPEATED, message).at(key.place()).related(before.place(), "first here"));
            continue;
        }
        if is_absent(value) {
            let message = format!("the term `{name}` has no estimate and is left out");
            report.push(Diagnostic::new(&codes::DROPPED_TERM, message).at(value.place()));
            continue;
        }
        let Ok(coefficient) = expect::number(report, value, &format!("the coefficient of `{name}`")) else { continue };
        if matches!(name.as_str(), "(Intercept)" | "Intercept" | "intercept" | "const" | "_cons") {
            if intercept != 0.0 {
                let message = format!("the term `{name}` is a second intercept");
                report.push(Diagnostic::new(&codes::REPEATED, message).at(key.place()));
            }
            intercept = coefficient;
        } else {
            terms.add(report, key, &name, coefficient);
        }
    }
    if let (Some(_), Some(json)) = (held, root.get("offset")) {
        for offset in if json.kind() == Kind::Array { json.items().collect() } else { vec![json] } {
            if let Ok(name) = expect::text(report, offset, "the offset") {
                terms.add_offset(report, offset, &name);
            }
        }
    }
    terms.build(report, &mut builder, &mut columns);
    report.check(since)?;
    let margin = predictor(&mut builder, &columns, intercept, terms.offsets());
    let margin_output = Output { role: Role::Margin, name: "link".into(), node: margin, elements: Vec::new() };
    let outputs = match link {
        None => vec![margin_output],
        Some(link) => {
            let mean = link.inverse().map_or(margin, |inverse| builder.unary(inverse, margin));
            vec![
                Output { role: Role::Prediction, name: "response".into(), node: mean, elements: Vec::new() },
                margin_output,
            ]
        }
    };
    let mut graph = builder.finish(outputs, Vec::new());
    graph.title = match link {
        Some(link) => format!("linear predictor, {} link", link.name()),
        None => "linear predictor".into(),
    };
    Ok(graph)
}

fn predictor(
    builder: &mut Builder,
    columns: &[(Column, f64)],
    intercept: f64,
    offsets: &[Column],
) -> crate::model::NodeId {
    let (places, weights): (Vec<Column>, Vec<f64>) = columns.iter().copied().unzip();
    let mut margin = match places.len() {
        0 => builder.constant(intercept),
        inputs => {
            let x = builder.gather(&places, Elem::Number);
            builder.push(Op::Linear(Linear { inputs, weights, bias: vec![intercept] }), vec![x], 1)
        }
    };
    for &offset in offsets {
        let offset = builder.gather(&[offset], Elem::Number);
        margin = builder.binary(Binary::Add, margin, offset);
    }
    margin
}

type Pair<'a> = (String, Json<'a>, Json<'a>);

/// Names and values of the coefficients, in the order of the file.
fn pairs<'a>(report: &mut Report, json: Json<'a>) -> Result<Vec<Pair<'a>>, Failed> {
    let pairs = if is_columns(json) {
        let (terms, estimates) = (first(json, TERM), first(json, ESTIMATE));
        let (Some(terms), Some(estimates)) = (terms, estimates) else { return Ok(Vec::new()) };
        let names = expect::texts(report, terms, "`term`")?;
        let count = estimates.items().count();
        if count != names.len() {
            return Err(expect::wrong_length(report, estimates, "`estimate`", count, names.len(), "one per term"));
        }
        names
            .into_iter()
            .zip(terms.items())
            .zip(estimates.items())
            .map(|((name, key), value)| (name, key, value))
            .collect()
    } else if json.kind() == Kind::Object {
        json.members().map(|(key, value)| (key.text().unwrap_or_default().into_owned(), key, unboxed(value))).collect()
    } else {
        expect::list(report, json, "the coefficients", |report, row| {
            expect::object(report, row, "a row of coefficients")?;
            if let Some(level) = row.get("y.level").or(row.get("response")) {
                let message = "coefficients of several classes or responses are not supported in this form";
                let help = "use m2ksql's own format with one row of coefficients per class";
                return Err(
                    report.fail(Diagnostic::new(&codes::UNSUPPORTED_SETTING, message).at(level.place()).help(help))
                );
            }
            let Some(name) = first(row, TERM) else { return Err(expect::missing_key(report, row, "term", "the row")) };
            let Some(value) = first(row, ESTIMATE) else {
                return Err(expect::missing_key(report, row, "estimate", "the row"));
            };
            Ok((expect::text(report, name, "a term")?.into_owned(), name, value))
        })?
    };
    if pairs.is_empty() {
        return Err(report.fail(Diagnostic::new(&codes::EMPTY_MODEL, "there are no coefficients").at(json.place())));
    }
    Ok(pairs)
}

/// Families of generalized linear models with the link that R and statsmodels take if none is given.
const FAMILIES: &[(&str, Option<Link>)] = &[
    ("binomial", Some(Link::Logit)),
    ("gamma", Some(Link::Inverse)),
    ("gaussian", Some(Link::Identity)),
    ("inversegaussian", None),
    ("logit", Some(Link::Logit)),
    ("negativebinomial", Some(Link::Log)),
    ("ols", Some(Link::Identity)),
    ("poisson", Some(Link::Log)),
    ("probit", Some(Link::Probit)),
    ("quasi", Some(Link::Identity)),
    ("quasibinomial", Some(Link::Logit)),
    ("quasipoisson", Some(Link::Log)),
    ("tweedie", Some(Link::Log)),
    ("wls", Some(Link::Identity)),
];

/// The link that the file says: `link`, or that of its `family` or `model`.
fn settings(report: &mut Report, root: Json<'_>) -> Result<Option<Link>, Failed> {
    const KNOWN: &[&str] = &["link", "family", "model", "factors", "offset", "coefficients", "params", "coef"];
    for (key, _) in root.members() {
        let name = key.text().unwrap_or_default();
        if !KNOWN.contains(&name.as_ref()) {
            report.push(Diagnostic::new(&codes::NOT_READ, format!("`{name}` is not read")).at(key.place()));
        }
    }
    if let Some(json) = root.get("link").filter(|json| !json.is_null()) {
        let json = unboxed(json);
        let name = expect::text(report, json, "the link function")?;
        let found = Link::find(&name);
        let _ = (root.get("family"), root.get("model"));
        return match found {
            Some(link) => Ok(Some(link)),
            None => Err(expect::unknown_word(report, json, "the link function", &Link::ALL.map(Link::name))),
        };
    }
    for key in ["family", "model"] {
        let Some(json) = root.get(key).map(unboxed).filter(|json| !json.is_null()) else { continue };
        let text = expect::text(report, json, &format!("`{key}`"))?;
        // `Negative Binomial(1.2)`, `inverse.gaussian`, `InverseGaussian`.
        let name: String =
            text.split('(').next().unwrap_or("").chars().filter(|letter| letter.is_alphanumeric()).collect();
        let name = name.to_lowercase();
        return match FAMILIES.iter().find(|(family, _)| *family == name) {
            Some((_, Some(link))) => Ok(Some(*link)),
            Some((_, None)) => {
                let message = format!("the family `{text}` needs a `link`: its default, 1/mu^2, is not supported");
                Err(report.fail(Diagnostic::new(&codes::UNSUPPORTED_SETTING, message).at(json.place())))
            }
            None => Err(expect::unknown_word(
                report,
                json,
                &format!("`{key}`"),
                &FAMILIES.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            )),
        };
    }
    Ok(None)
}

/// What the file and the option `--link` say together.
fn resolve_link(
    report: &mut Report,
    root: Json<'_>,
    from_file: Result<Option<Link>, Failed>,
    option: Option<Link>,
) -> Result<Option<Link>, Failed> {
    match (from_file?, option) {
        (Some(file), Some(option)) if file != option => {
            let message =
                format!("the file says the link is `{}`, the option `--link` says `{}`", file.name(), option.name());
            Err(report
                .fail(Diagnostic::new(&codes::LINK_CONFLICT, message).at(root.place()).help("leave `--link` out")))
        }
        (None, None) => {
            let message = "the file does not say which link function belongs to the coefficients: compiled as the linear predictor";
            report.push(
                Diagnostic::new(&codes::LINK_UNKNOWN, message)
                    .at(root.place())
                    .help("say `--link logit`, `--link log`, …, or `--link identity` for a linear model"),
            );
            Ok(None)
        }
        (file, option) => Ok(file.or(option)),
    }
}

/// The levels of factors, by the name of the column.
fn factors(report: &mut Report, json: Json<'_>) -> Result<BTreeMap<String, Vec<Value>>, Failed> {
    let mut factors = BTreeMap::new();
    for (key, levels) in expect::object(report, json, "`factors`")?.members() {
        let name = key.text().unwrap_or_default().into_owned();
        let values = expect::scalars(report, levels, &format!("the levels of `{name}`"))?;
        let mut sorted: Vec<&Value> = values.iter().collect();
        sorted.sort_by(|a, b| expect::order(a, b));
        if values.is_empty()
            || sorted.windows(2).any(|pair| expect::order(pair[0], pair[1]).is_eq())
            || values.contains(&Value::Missing)
        {
            let message = format!("the levels of `{name}` must be different values, at least one");
            return Err(report.fail(Diagnostic::new(&codes::REPEATED, message).at(levels.place())));
        }
        factors.insert(name, values);
    }
    Ok(factors)
}
