//! Which column or expression feeds each feature.

use super::definitions::{Defined, define};
use super::import::{Importer, leaf};
use super::shape::place;
use super::{Binding, Bindings, Options, Text, clauses, names};
use crate::diag::{Diagnostic, Failed, Place, Report, codes, nearest};
use crate::model::{Elem, Feature, Graph, Precision};
use crate::schema::{Column, Kind, Relation, Type};
use crate::score::Score;
use crate::sql::ast;
use crate::sql::eval::{self, Program};
use crate::sql::words;
use crate::syntax;
use std::collections::HashMap;

/// Binds every feature: a rename first, then a definition, then a declared column or the schema's, then the column that its
/// name spells.
///
/// Errors, all of them in one run: a rename of a feature that is not there or is named twice, two features on one column, a
/// name that ksqlDB cannot hold, a column that the schema lacks, an expression that the engine would refuse, a type that
/// cannot feed the feature.
pub fn bind(graph: &Graph, options: &Options, report: &mut Report) -> Result<Bindings, Failed> {
    let since = report.len();
    let relation = relation(options, report);
    let complete = options.relation.is_some();
    let renames = renames(graph, options, report);
    let (mut defined, attempted) = define(graph, options, renames, relation.as_ref(), report);
    let mut bindings =
        Bindings { relation, complete, imported: vec![None; graph.features.len()], ..Bindings::default() };
    for (number, feature) in graph.features.iter().enumerate() {
        let binding = match defined.remove(&number) {
            Some(defined) => by_definition(feature, &defined, report),
            // what defines it has a finding
            None if attempted.contains(&number) || feature.expression.is_some() => {
                Binding { expr: ast::Expr::Null, ty: None, nullable: true }
            }
            None => by_name(feature, bindings.relation.as_ref(), complete, report),
        };
        bindings.types.push(input_type(feature.elem, binding.ty.as_ref()));
        bindings.inputs.push(binding);
    }
    check_distinct(graph, &bindings.inputs, report);
    report.check(since)?;
    import(graph, &mut bindings);
    Ok(bindings)
}

/// The Score type of a feature: a BIGINT or INTEGER column that feeds a number stays what it is in SQL and is a DOUBLE here,
/// since arithmetic with a DOUBLE literal converts it; a category is compared in its own type.
fn input_type(elem: Elem, column: Option<&Type>) -> Type {
    match (elem, column) {
        (_, Some(Type::Boolean)) => Type::Boolean,
        (elem, _) => natural_type(elem),
    }
}

/// The type of a column that feeds such a feature as it is.
pub fn natural_type(elem: Elem) -> Type {
    match elem {
        Elem::Number => Type::Double,
        Elem::Integer => Type::Bigint,
        Elem::Text => Type::String,
        Elem::Boolean => Type::Boolean,
    }
}

/// Finds the features that nodes of a Score can compute, and adds the leaves of those nodes.
fn import(graph: &Graph, bindings: &mut Bindings) {
    if bindings.inputs.iter().all(|binding| matches!(binding.expr, ast::Expr::Column(_))) {
        return;
    }
    let nullable = vec![true; bindings.inputs.len()];
    let mut score = Score::new(bindings.score_inputs(graph, &nullable));
    for (number, feature) in graph.features.iter().enumerate() {
        // what a runtime rounds to binary32 is compared with constants as one value, which a leaf is
        if feature.elem != Elem::Number || feature.precision == Precision::Single {
            continue;
        }
        let expr = match &bindings.inputs[number].expr {
            // cast only to be caught
            ast::Expr::Cast(inner, Type::Double) => (**inner).clone(),
            other => other.clone(),
        };
        if matches!(expr, ast::Expr::Column(_)) {
            continue;
        }
        let (relation, complete) = (bindings.relation.as_ref(), bindings.complete);
        let mut importer = Importer { relation, complete, score: &mut score, bindings: &mut bindings.inputs };
        if importer.double(&expr).is_some() {
            bindings.imported[number] = Some(expr);
        }
    }
    bindings.types.extend(score.inputs()[graph.features.len()..].iter().map(|input| input.ty.clone()));
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
        let Ok(column) = syntax::column(text.source, &text.text, report) else { continue };
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

/// The renames with the number of their feature.
fn renames(graph: &Graph, options: &Options, report: &mut Report) -> Vec<(usize, Text, ast::Expr)> {
    if options.renames.is_empty() {
        return Vec::new();
    }
    let numbers: HashMap<&str, usize> =
        graph.features.iter().enumerate().map(|(number, feature)| (feature.name.as_str(), number)).collect();
    let mut renames: Vec<(usize, Text, ast::Expr)> = Vec::new();
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
        let blank = " ".repeat(text.text.len() - column.len()) + column;
        let Ok(expr) = syntax::expression(text.source, &blank, report) else { continue };
        if renames.iter().any(|(other, ..)| *other == number) {
            report.push(
                Diagnostic::new(&codes::compile::DUPLICATE_RENAME, format!("the feature `{feature}` is renamed twice"))
                    .at(place(text))
                    .help("keep one of the two"),
            );
            continue;
        }
        renames.push((number, Text { source: text.source, text: blank }, expr));
    }
    renames
}

/// Splits at the first `=` whose left side is a feature, else at the first: a feature's name may hold one.
fn split<'a>(text: &'a Text, features: &HashMap<&str, usize>) -> Option<(&'a str, &'a str)> {
    let mut splits = text.text.match_indices('=').map(|(at, _)| (&text.text[..at], &text.text[at + 1..]));
    let first = splits.clone().next()?;
    Some(splits.find(|(feature, _)| features.contains_key(feature)).unwrap_or(first))
}

/// A feature that an expression feeds, unless its type cannot.
fn by_definition(feature: &Feature, defined: &Defined, report: &mut Report) -> Binding {
    let wanted = natural_type(feature.elem);
    if eval::sorts_in_place(&defined.expr) {
        let finding = clauses::sorting(&format!("the expression of the feature `{}`", feature.name));
        report.push(finding.at(defined.place.clone()));
    }
    if let Some(ty) = &defined.ty {
        let is_column = matches!(defined.expr, ast::Expr::Column(_) | ast::Expr::Field(..));
        if *ty == Type::Boolean && feature.elem == Elem::Number && !is_column {
            let message = format!("the feature `{}` is numeric, but its expression is BOOLEAN", feature.name);
            report.push(
                Diagnostic::new(&codes::compile::WRONG_TYPE, message)
                    .at(defined.place.clone())
                    .help("make it a number: `CASE WHEN … THEN 1E0 ELSE 0E0 END`"),
            );
        } else {
            check_type(feature, &defined.expr, Some(defined.place.clone()), ty, report);
        }
    }
    leaf(&defined.expr, defined.ty.clone(), &wanted)
}

fn by_name(feature: &Feature, relation: Option<&Relation>, complete: bool, report: &mut Report) -> Binding {
    let stored = names::stored(&feature.name);
    names::check(&stored, feature.place.as_ref(), report);
    let found = relation.and_then(|relation| find(&feature.name, &stored, relation));
    let name = found.map_or(stored, |column| column.name.clone());
    let expr = ast::Expr::column(name.clone());
    match (found, relation) {
        (Some(column), _) => {
            check_type(feature, &expr, feature.place.clone(), &column.ty, report);
        }
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
                    Some(near) => {
                        let written = if words::is_bare(near) { near.to_owned() } else { format!("`{near}`") };
                        format!("did you mean `{near}`? Then add `--rename '{}={written}'`", feature.name)
                    }
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

fn check_type(feature: &Feature, expr: &ast::Expr, at: Option<Place>, ty: &Type, report: &mut Report) {
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
        ast::Expr::Column(name) => format!("`{}`", name.as_str()),
        ast::Expr::Field(_, name) => format!("the field `{}`", name.as_str()),
        _ => "its expression".to_owned(),
    };
    let mut diagnostic = Diagnostic::new(
        &codes::compile::WRONG_TYPE,
        format!("the feature `{}` is {needs}, but {column} is {ty}", feature.name),
    )
    .at_maybe(at)
    .help(format!("convert it: `--rename '{}={convert}'`", feature.name));
    if let Some((reason, help)) = no_number(ty).filter(|_| feature.elem == Elem::Number) {
        let column = match expr {
            ast::Expr::Column(name) => name.as_str(),
            _ => "…",
        };
        diagnostic = diagnostic.note(reason).help(help.replace("COLUMN", column));
    }
    report.push(diagnostic);
}

/// Why a type is no number, and what to take instead.
fn no_number(ty: &Type) -> Option<(&'static str, &'static str)> {
    Some(match ty {
        Type::Timestamp => (
            "ksqlDB has no conversion from TIMESTAMP to a number",
            "take its milliseconds: `UNIX_TIMESTAMP(COLUMN)`, or a part of it: \
             `CAST(FORMAT_TIMESTAMP(COLUMN, 'HH') AS DOUBLE)`",
        ),
        Type::Date => (
            "ksqlDB has no conversion from DATE to a number",
            "take its days: `UNIX_DATE(COLUMN)`, or a part of it: `CAST(FORMAT_DATE(COLUMN, 'MM') AS DOUBLE)`",
        ),
        Type::Time => (
            "ksqlDB has no conversion from TIME to a number",
            "take a part of it: `CAST(FORMAT_TIME(COLUMN, 'HH') AS DOUBLE)`",
        ),
        Type::Struct(_) => ("a STRUCT is no number, but its fields may be", "name a field: `COLUMN->FIELD`"),
        Type::Array(_) => ("an ARRAY is no number, but its items may be", "name an item, the first being `COLUMN[1]`"),
        Type::Map(..) => ("a MAP is no number, but its entries may be", "name an entry: `COLUMN['key']`"),
        Type::Bytes => ("BYTES are no number", "convert them in an earlier stream"),
        _ => return None,
    })
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
