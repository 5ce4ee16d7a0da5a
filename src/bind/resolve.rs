//! Which column or expression feeds each feature.

use super::shape::place;
use super::{Binding, Bindings, Options, Text, clauses, names};
use crate::diag::{Diagnostic, Failed, Report, codes, nearest};
use crate::model::{Elem, Feature, Graph};
use crate::schema::{Column, Kind, Relation, Type};
use crate::sql::ast;
use crate::sql::eval::Program;
use crate::syntax;
use std::collections::{BTreeMap, HashMap};

/// Binds every feature: a rename first, then a declared column or the schema's, then the column that its name spells.
///
/// Errors, all of them in one run: a rename of a feature that is not there or is named twice, two features on one column, a
/// name that ksqlDB cannot hold, a column that the schema lacks, a type that cannot feed the feature.
pub fn bind(graph: &Graph, options: &Options, report: &mut Report) -> Result<Bindings, Failed> {
    let since = report.len();
    let relation = relation(options, report);
    let renames = renames(graph, options, report);
    let mut inputs = Vec::with_capacity(graph.features.len());
    for (number, feature) in graph.features.iter().enumerate() {
        let binding = match renames.get(&number) {
            Some(expr) => renamed(feature, expr.clone(), relation.as_ref(), report),
            None if feature.expression.is_some() => defined(feature, report),
            None => by_name(feature, relation.as_ref(), options.relation.is_some(), report),
        };
        inputs.push(binding);
    }
    check_distinct(graph, &inputs, report);
    report.check(since)?;
    Ok(Bindings { inputs, relation })
}

/// An expression of a text, compiled for a relation; findings about types point into the text.
pub fn program(text: &Text, expr: &ast::Expr, relation: &Relation, report: &mut Report) -> Result<Program, Failed> {
    let mut unplaced = Report::new();
    if let Ok(program) = Program::compile(expr, relation, &mut unplaced) {
        return Ok(program);
    }
    let since = report.len();
    if let Ok(located) = syntax::located(text.source, &text.text, &mut Report::new()) {
        // it fails again, and says where
        let _ = Program::compile(&located, relation, report);
    }
    if report.len() == since {
        unplaced.diagnostics().iter().for_each(|finding| report.push(finding.clone().at(place(text))));
    }
    report.check(since)?;
    Err(report
        .fail(Diagnostic::new(&codes::compile::INTERNAL, "internal error: an expression fails without a finding")))
}

/// The source's columns: those declared by hand, then the schema's; `None` if there is neither.
pub fn relation(options: &Options, report: &mut Report) -> Option<Relation> {
    let mut declared: Vec<Column> = Vec::new();
    for text in &options.columns {
        let Ok(column) = clauses::column(text, report) else { continue };
        if declared.iter().any(|other| other.name == column.name) {
            report.push(
                Diagnostic::new(&codes::compile::BAD_COLUMN, format!("the column `{}` is declared twice", column.name))
                    .at(place(text))
                    .help("keep one of the two"),
            );
        }
        declared.push(column);
    }
    match &options.relation {
        Some(relation) => {
            let mut relation = relation.clone();
            relation.columns.retain(|column| !declared.iter().any(|other| other.name == column.name));
            relation.columns.extend(declared);
            Some(relation)
        }
        None if declared.is_empty() => None,
        None => Some(Relation { name: String::new(), kind: Kind::Stream, columns: declared }),
    }
}

/// The renames by the number of their feature.
fn renames(graph: &Graph, options: &Options, report: &mut Report) -> BTreeMap<usize, ast::Expr> {
    if options.renames.is_empty() {
        return BTreeMap::new();
    }
    let numbers: HashMap<&str, usize> =
        graph.features.iter().enumerate().map(|(number, feature)| (feature.name.as_str(), number)).collect();
    let mut renames = BTreeMap::new();
    for text in &options.renames {
        let Some((feature, column)) = split(text, &numbers) else {
            report.push(
                Diagnostic::new(
                    &codes::compile::BAD_COLUMN,
                    format!("`{}` is not of the form `feature=COLUMN`", text.text),
                )
                .at(place(text))
                .help("write the feature's name, `=`, and a column, nested field or expression"),
            );
            continue;
        };
        let Some(&number) = numbers.get(feature) else {
            let all = graph.features.iter().map(|feature| feature.name.as_str());
            let mut diagnostic =
                Diagnostic::new(&codes::compile::UNKNOWN_FEATURE, format!("the model has no feature `{feature}`"))
                    .at(place(text));
            diagnostic.help = Some(match nearest(feature, all) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "see `m2ksql inspect` for the features".to_owned(),
            });
            report.push(diagnostic);
            continue;
        };
        // the expression stands behind the `=` of the same text
        let blank = clauses::behind(text, text.text.len() - column.len());
        let Ok(expr) = syntax::expression(text.source, &blank, report) else { continue };
        if renames.insert(number, expr).is_some() {
            report.push(
                Diagnostic::new(&codes::compile::DUPLICATE_RENAME, format!("the feature `{feature}` is renamed twice"))
                    .at(place(text))
                    .help("keep one of the two"),
            );
        }
    }
    renames
}

/// Splits at the first `=` whose left side is a feature, else at the first: a feature's name may hold one.
fn split<'a>(text: &'a Text, features: &HashMap<&str, usize>) -> Option<(&'a str, &'a str)> {
    let mut splits = text.text.match_indices('=').map(|(at, _)| (&text.text[..at], &text.text[at + 1..]));
    let first = splits.clone().next()?;
    Some(splits.find(|(feature, _)| features.contains_key(feature)).unwrap_or(first))
}

/// A feature that the model file defines by a SQL expression. Findings are shown where the file has it.
fn defined(feature: &Feature, report: &mut Report) -> Binding {
    let unknown = Binding { expr: ast::Expr::Null, ty: None, nullable: true };
    let Some((text, place)) = &feature.expression else { return unknown };
    let mut inner = Report::new();
    let read = syntax::expression(place.source, text, &mut inner);
    for finding in inner.diagnostics() {
        report.push(Diagnostic { place: Some(place.clone()), related: Vec::new(), ..finding.clone() });
    }
    match read {
        Ok(expr) => Binding { expr, ..unknown },
        Err(_) => unknown,
    }
}

fn renamed(feature: &Feature, expr: ast::Expr, relation: Option<&Relation>, report: &mut Report) -> Binding {
    let ty = relation.and_then(|relation| column_type(&expr, relation));
    if let Some(ty) = &ty {
        check_type(feature, &expr, ty, report);
    }
    Binding { expr, ty, nullable: true }
}

/// The type of a column or nested field; `None` for anything else.
fn column_type(expr: &ast::Expr, relation: &Relation) -> Option<Type> {
    match expr {
        ast::Expr::Column(name) => relation.column(name.as_str()).map(|column| column.ty.clone()),
        ast::Expr::Field(base, field) => match column_type(base, relation)? {
            Type::Struct(fields) => {
                fields.into_iter().find(|candidate| candidate.name == field.as_str()).map(|field| field.ty)
            }
            _ => None,
        },
        ast::Expr::Cast(_, ty) => Some(ty.clone()),
        _ => None,
    }
}

fn by_name(feature: &Feature, relation: Option<&Relation>, complete: bool, report: &mut Report) -> Binding {
    let stored = names::stored(&feature.name);
    names::check(&stored, feature.place.as_ref(), report);
    let found = relation.and_then(|relation| find(&feature.name, &stored, relation));
    let name = found.map_or(stored, |column| column.name.clone());
    let expr = ast::Expr::column(name.clone());
    match (found, relation) {
        (Some(column), _) => check_type(feature, &expr, &column.ty, report),
        (None, Some(relation)) if complete => {
            let all = relation.columns.iter().map(|column| column.name.as_str());
            let near = nearest(&name, all);
            report.push(
                Diagnostic::new(
                    &codes::compile::UNKNOWN_COLUMN,
                    format!("`{}` has no column `{name}` for the feature `{}`", relation.name, feature.name),
                )
                .at_maybe(feature.place.clone())
                .help(match near {
                    Some(near) => format!("did you mean `{near}`? Then add `--rename '{}={near}'`", feature.name),
                    None => format!("map it to a column with `--rename '{}=COLUMN'`", feature.name),
                }),
            );
        }
        _ => {}
    }
    Binding { expr, ty: found.map(|column| column.ty.clone()), nullable: true }
}

/// The column of this name: as it is, as it is stored, or the only one that differs in letter case alone.
fn find<'a>(name: &str, stored: &str, relation: &'a Relation) -> Option<&'a Column> {
    relation.column(stored).or_else(|| relation.column(name)).or_else(|| {
        let mut same = relation.columns.iter().filter(|column| column.name.eq_ignore_ascii_case(name));
        same.next().filter(|_| same.next().is_none())
    })
}

fn check_type(feature: &Feature, expr: &ast::Expr, ty: &Type, report: &mut Report) {
    let fits = match feature.elem {
        Elem::Number => ty.is_numeric() || *ty == Type::Boolean,
        Elem::Integer => matches!(ty, Type::Integer | Type::Bigint | Type::Boolean),
        Elem::Text => *ty == Type::String,
        Elem::Boolean => *ty == Type::Boolean,
    };
    if fits {
        return;
    }
    let (needs, convert) = match feature.elem {
        Elem::Number => ("numeric", "CAST(… AS DOUBLE)"),
        Elem::Integer => ("an integer category", "CAST(… AS BIGINT)"),
        Elem::Text => ("text", "CAST(… AS STRING)"),
        Elem::Boolean => ("boolean", "… = TRUE"),
    };
    let column = match expr {
        ast::Expr::Column(name) => name.as_str().to_owned(),
        _ => "its column".to_owned(),
    };
    report.push(
        Diagnostic::new(
            &codes::compile::WRONG_TYPE,
            format!("the feature `{}` is {needs}, but `{column}` is {ty}", feature.name),
        )
        .at_maybe(feature.place.clone())
        .help(format!("convert it: `--rename '{}={convert}'`", feature.name)),
    );
}

/// Two features on one column are a mistake of names, unless the user said so.
fn check_distinct(graph: &Graph, inputs: &[Binding], report: &mut Report) {
    let mut seen: HashMap<&str, &Feature> = HashMap::with_capacity(inputs.len());
    for (feature, binding) in graph.features.iter().zip(inputs) {
        let ast::Expr::Column(name) = &binding.expr else { continue };
        match seen.get(name.as_str()) {
            Some(first) => {
                let mut diagnostic = Diagnostic::new(
                    &codes::compile::SAME_COLUMN,
                    format!(
                        "the features `{}` and `{}` both fold to the column `{}`",
                        first.name,
                        feature.name,
                        name.as_str()
                    ),
                )
                .at_maybe(feature.place.clone())
                .help(format!("map one of them to another column: `--rename '{}=COLUMN'`", feature.name));
                if let Some(place) = first.place.clone() {
                    diagnostic = diagnostic.related(place, "the first feature");
                }
                report.push(diagnostic);
            }
            None => {
                seen.insert(name.as_str(), feature);
            }
        }
    }
}
