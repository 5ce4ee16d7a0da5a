//! The statement around the items: its names and clauses, read from the texts of the options.

use super::Bindings;
use super::Text;
use super::{clauses, names};
use crate::diag::{Diagnostic, Failed, Place, Report, codes};
use crate::schema::{Key, Kind};
use crate::sql::{ast, words};
use crate::syntax;

/// What kind of text is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The SELECT items alone.
    #[default]
    Expression,
    /// A push query.
    Select,
    /// `CREATE STREAM … AS SELECT` or `CREATE TABLE … AS SELECT`.
    Create(Kind),
    /// `INSERT INTO … SELECT`.
    Insert,
}

/// The statement around the items, with every name and expression already read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Which statement.
    pub form: Form,
    /// The source.
    pub from: Option<ast::Name>,
    /// A shorter name for the source: a server writes it before every column.
    pub alias: Option<ast::Name>,
    /// The sink.
    pub into: Option<ast::Name>,
    /// `CREATE OR REPLACE`.
    pub or_replace: bool,
    /// The WITH clause.
    pub with: Vec<ast::Property>,
    /// `PARTITION BY`.
    pub partition_by: Vec<ast::Expr>,
    /// Items before the outputs: keys, then kept columns.
    pub kept: Vec<ast::Item>,
    /// The user's condition.
    pub filter: Option<ast::Expr>,
    /// Comment lines above the statement.
    pub comments: Vec<String>,
}

/// The statement as the user asked for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShapeOptions {
    /// Which statement; `None`: a push query if there is a source, a stream if there is a sink too, else the items alone.
    pub form: Option<Form>,
    /// The source's name.
    pub from: Option<Text>,
    /// The sink's name.
    pub into: Option<Text>,
    /// `CREATE OR REPLACE`.
    pub or_replace: bool,
    /// Properties of the WITH clause: `PARTITIONS=4`.
    pub with: Vec<Text>,
    /// Expressions of PARTITION BY.
    pub partition_by: Vec<Text>,
    /// Columns, nested fields and `*` that are passed through.
    pub keep: Vec<Text>,
    /// A condition.
    pub filter: Option<Text>,
    /// Comment lines above the statement.
    pub comments: Vec<String>,
}

/// Reads the texts of the statement's clauses and puts keys first.
///
/// Errors: syntax, an option without the option that it needs, a key column that is not kept.
pub fn shape(options: &ShapeOptions, bindings: &Bindings, report: &mut Report) -> Result<Shape, Failed> {
    let since = report.len();
    let form = options.form.unwrap_or(match (&options.from, &options.into) {
        (Some(_), None) => Form::Select,
        (_, Some(_)) => Form::Create(Kind::Stream),
        (None, None) => Form::Expression,
    });
    check_options(options, form, report);
    let mut shape =
        Shape { form, or_replace: options.or_replace, comments: options.comments.clone(), ..Shape::default() };
    shape.from = options.from.as_ref().and_then(|text| names::relation(text, report));
    shape.into = options.into.as_ref().and_then(|text| names::relation(text, report));
    for text in &options.with {
        shape.with.extend(syntax::properties(text.source, &text.text, report).unwrap_or_default());
    }
    for text in &options.partition_by {
        let keys = syntax::expressions(text.source, &text.text, report).unwrap_or_default();
        keys.iter().for_each(|key| clauses::check(key, text, false, bindings, report));
        shape.partition_by.extend(keys);
    }
    shape.filter = options.filter.as_ref().and_then(|text| {
        let filter = syntax::expression(text.source, &text.text, report).ok()?;
        clauses::check(&filter, text, true, bindings, report);
        Some(filter)
    });
    for text in &options.keep {
        for item in syntax::items(text.source, &text.text, report).unwrap_or_default() {
            if let ast::Item::Expr { expr, .. } = &item {
                clauses::check(expr, text, false, bindings, report);
            }
            shape.kept.push(named(item));
        }
    }
    writes_itself(&shape, options, report);
    keys_first(&mut shape, bindings, report);
    report.check(since)?;
    Ok(shape)
}

/// A stream that is made of itself is no stream yet.
fn writes_itself(shape: &Shape, options: &ShapeOptions, report: &mut Report) {
    if let (Form::Create(_), Some(into), Some(text)) = (shape.form, &shape.into, &options.into)
        && shape.from.as_ref() == Some(into)
    {
        let message = format!("`{}` is both the source and what is made of it", into.as_str());
        let help = "give the sink another name; a stream cannot be changed into another";
        report.push(Diagnostic::new(&codes::compile::BAD_OPTIONS, message).at(place(text)).help(help));
    }
}

fn check_options(options: &ShapeOptions, form: Form, report: &mut Report) {
    let mut wrong = |message: &str, help: &str| {
        report.push(Diagnostic::new(&codes::compile::BAD_OPTIONS, message).help(help));
    };
    if form != Form::Expression && options.from.is_none() {
        wrong("a statement needs a source", "name the stream or table with `--from`");
    }
    if matches!(form, Form::Create(_) | Form::Insert) && options.into.is_none() {
        wrong("a statement that writes needs a sink", "name it with `--into`");
    }
    if matches!(form, Form::Select | Form::Expression) && options.into.is_some() {
        wrong("a sink is named, but the statement does not write", "leave out `--into`, or use `--as stream`");
    }
    if options.or_replace && !matches!(form, Form::Create(_)) {
        wrong("only a statement that creates can replace", "leave out `--or-replace`, or name a sink with `--into`");
    }
    if !options.with.is_empty() && !matches!(form, Form::Create(_) | Form::Insert) {
        wrong("only a statement that writes has properties", "leave out `--with`, or name a sink with `--into`");
    }
    if form == Form::Expression {
        let clauses = [
            (!options.keep.is_empty(), "--keep"),
            (options.filter.is_some(), "--where"),
            (!options.partition_by.is_empty(), "--partition-by"),
        ];
        for (_, option) in clauses.iter().filter(|(given, _)| *given) {
            wrong(&format!("`{option}` belongs to a statement, and there is none"), "name the source with `--from`");
        }
    }
}

/// A nested field gets the field's name as the column's name: what a server makes up differs between releases.
fn named(item: ast::Item) -> ast::Item {
    match item {
        ast::Item::Expr { comments, expr: ast::Expr::Field(base, field), alias: None } => {
            ast::Item::Expr { comments, alias: Some(field.clone()), expr: ast::Expr::Field(base, field) }
        }
        other => other,
    }
}

/// The name of the column that an item makes, if the text says.
pub(super) fn column_of(item: &ast::Item) -> Option<&ast::Name> {
    match item {
        ast::Item::Expr { alias: Some(alias), .. } => Some(alias),
        ast::Item::Expr { expr: ast::Expr::Column(name) | ast::Expr::Qualified(_, name), .. } => Some(name),
        _ => None,
    }
}

/// Moves kept key columns to the front; in a statement that creates, all of the source's keys must be kept.
fn keys_first(shape: &mut Shape, bindings: &Bindings, report: &mut Report) {
    let Some(relation) = &bindings.relation else { return };
    let is_key =
        |name: &str| relation.column(name).is_some_and(|column| matches!(column.key, Some(Key::Key | Key::Primary)));
    let passes = |item: &ast::Item, name: &str| match item {
        ast::Item::All(_) => true,
        ast::Item::Expr { expr: ast::Expr::Column(column) | ast::Expr::Qualified(_, column), .. } => {
            column.as_str() == name
        }
        ast::Item::Expr { .. } => false,
    };
    shape.kept.sort_by_key(|item| match item {
        ast::Item::Expr { expr: ast::Expr::Column(column) | ast::Expr::Qualified(_, column), .. } => {
            !is_key(column.as_str())
        }
        _ => true,
    });
    // PARTITION BY replaces the key
    if !matches!(shape.form, Form::Create(_)) || !shape.partition_by.is_empty() {
        return;
    }
    for column in &relation.columns {
        if is_key(&column.name) && !shape.kept.iter().any(|item| passes(item, &column.name)) {
            report.push(
                Diagnostic::new(
                    &codes::compile::KEY_NOT_KEPT,
                    format!("the key column `{}` is not among the kept columns", column.name),
                )
                .note("ksqlDB refuses a CREATE … AS SELECT whose projection lacks a key column of its source")
                .help(if words::is_bare(&column.name) {
                    format!("add `--keep {}`", column.name)
                } else {
                    format!("add it as it is written in SQL: --keep '`{}`'", column.name.replace('`', "``"))
                }),
            );
        }
    }
}

/// Refuses outputs that have one name, among themselves or with a kept column.
pub fn check_columns(shape: &Shape, outputs: &[String], report: &mut Report) -> Result<(), Failed> {
    let since = report.len();
    let mut seen: Vec<&str> = Vec::new();
    let kept: Vec<&str> = shape.kept.iter().filter_map(|item| column_of(item).map(ast::Name::as_str)).collect();
    let all =
        kept.iter().map(|name| (*name, "kept column")).chain(outputs.iter().map(|name| (name.as_str(), "output")));
    for (name, what) in all {
        if seen.contains(&name) {
            report.push(
                Diagnostic::new(
                    &codes::compile::OUTPUT_COLLIDES,
                    format!("the {what} `{name}` has the name of another column"),
                )
                .help("give the output another name: `--select label=NAME`"),
            );
        }
        seen.push(name);
    }
    for name in outputs {
        names::check(name, None, report);
    }
    report.check(since)
}

/// The place of a whole option.
pub(super) fn place(text: &Text) -> Place {
    Place::span(text.source, 0..text.text.len())
}
