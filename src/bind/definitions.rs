//! Features as SQL expressions: over columns, and over what is defined above them.
//!
//! A name in an expression is that of a definition above it, else that of a column; so `amount = LN(amount + 1E0)` is a
//! feature `amount` made of a column of that name. Each expression is typed by itself, where the names it uses are columns
//! of the types that they have, so that findings point into it; then the names are replaced by what they stand for.
//!
//! Renames come first and see columns only, then the files of definitions, then what the model file defines and no option
//! defines anew.

use std::collections::{HashMap, HashSet};

use super::shape::place;
use super::{Options, Text, import, names};
use crate::diag::codes::compile as codes;
use crate::diag::{Diagnostic, Failed, Place, Report, nearest};
use crate::model::Graph;
use crate::schema::{Column, Kind, Relation, Type};
use crate::sql::ast::{Comparison, Expr, Name};
use crate::sql::eval::{self, Program};
use crate::syntax;

/// Definitions must not grow beyond this when names are replaced by what they stand for.
const MOST_NODES: usize = 100_000;

/// A feature's expression over columns alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Defined {
    /// The expression.
    pub expr: Expr,
    /// Its type; `None`: it reads columns of unknown types.
    pub ty: Option<Type>,
    /// Where it stands.
    pub place: Place,
}

/// What is defined, before names are replaced.
struct Definition {
    /// The stored name.
    name: String,
    /// The name as it is written.
    written: String,
    /// The feature that it feeds.
    feature: Option<usize>,
    place: Place,
    expr: Expr,
    /// With places; `None` if the text has none that could be shown.
    located: Option<Expr>,
    from: From,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Rename,
    Model,
    File,
}

/// The expression of each feature that has one, and the features that are not to be bound by their names. All findings are
/// reported; a definition with a finding is left out.
pub(super) fn define(
    graph: &Graph,
    options: &Options,
    renames: Vec<(usize, Text, Expr)>,
    relation: Option<&Relation>,
    report: &mut Report,
) -> (HashMap<usize, Defined>, HashSet<usize>) {
    let complete = options.relation.is_some();
    let since = report.len();
    let list = collect(graph, options, renames, report);
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (number, definition) in list.iter().enumerate() {
        last.insert(&definition.name, number);
    }
    let mut resolver = Resolver {
        columns: relation.map_or_else(unknown, Clone::clone),
        scope: relation.map_or_else(unknown, Clone::clone),
        complete,
        done: HashMap::new(),
        used: vec![false; list.len()],
        warned: Vec::new(),
    };
    let mut found = HashMap::new();
    // a feature whose definition has a finding, or may be among those that could not be read, is not looked for elsewhere
    let mut attempted: HashSet<usize> = list.iter().filter_map(|definition| definition.feature).collect();
    if report.check(since).is_err() {
        attempted.extend(0..graph.features.len());
    }
    for (number, definition) in list.iter().enumerate() {
        let resolved = resolver.resolve(definition, &list, &last, number, report);
        if let (Some((expr, ty)), Some(feature)) = (&resolved, definition.feature) {
            let place = definition.place.clone();
            found.insert(feature, Defined { expr: expr.clone(), ty: ty.clone(), place });
        }
        resolver.enter(definition, number, resolved);
    }
    for (definition, used) in list.iter().zip(&resolver.used) {
        if definition.feature.is_none() && !used {
            let all = graph.features.iter().map(|feature| feature.name.as_str());
            let near = nearest(&definition.name.to_lowercase(), all);
            let message =
                format!("`{}` is no feature of the model, and no definition below uses it", definition.written);
            report.push(Diagnostic::new(&codes::UNUSED_DEFINITION, message).at(definition.place.clone()).help(
                match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "remove it, or see `m2ksql inspect` for the features".to_owned(),
                },
            ));
        }
    }
    (found, attempted)
}

fn unknown() -> Relation {
    Relation { name: String::new(), kind: Kind::Stream, columns: Vec::new() }
}

/// All definitions, in the order in which they see each other.
fn collect(
    graph: &Graph,
    options: &Options,
    renames: Vec<(usize, Text, Expr)>,
    report: &mut Report,
) -> Vec<Definition> {
    let mut list: Vec<Definition> = Vec::new();
    for (feature, text, expr) in renames {
        list.push(Definition {
            name: names::stored(&graph.features[feature].name),
            written: graph.features[feature].name.clone(),
            feature: Some(feature),
            place: place(&text),
            expr,
            located: syntax::located(text.source, &text.text, &mut Report::new()).ok(),
            from: From::Rename,
        });
    }
    for text in &options.definitions {
        for definition in syntax::definitions(text.source, &text.text, report).unwrap_or_default() {
            let feature = feature(graph, &definition);
            let name = definition.name.0;
            let same = |other: &&Definition| match (other.feature, feature) {
                (Some(a), Some(b)) => a == b,
                _ => other.name == name,
            };
            if let Some(first) = list.iter().find(same) {
                let renamed = first.from == From::Rename;
                let words = if renamed { "the rename" } else { "the first definition" };
                report.push(
                    Diagnostic::new(&codes::DEFINED_TWICE, format!("`{}` is defined twice", definition.written))
                        .at(definition.place)
                        .related(first.place.clone(), words)
                        .help("keep one of the two"),
                );
                continue;
            }
            list.push(Definition {
                name,
                written: definition.written,
                feature,
                place: definition.place,
                expr: definition.expr,
                located: Some(definition.located),
                from: From::File,
            });
        }
    }
    for (number, feature) in graph.features.iter().enumerate() {
        let again = |other: &Definition| other.feature == Some(number);
        let Some((text, place)) = &feature.expression else { continue };
        if list.iter().any(again) {
            continue;
        }
        let mut inner = Report::new();
        let read = syntax::expression(place.source, text, &mut inner);
        for finding in inner.diagnostics() {
            report.push(Diagnostic { place: Some(place.clone()), related: Vec::new(), ..finding.clone() });
        }
        if let Ok(expr) = read {
            let (name, place) = (names::stored(&feature.name), place.clone());
            let (written, feature) = (feature.name.clone(), Some(number));
            list.push(Definition { name, written, feature, place, expr, located: None, from: From::Model });
        }
    }
    list
}

/// The feature that a definition is about: the one of exactly its name, else the one whose column would have it.
fn feature(graph: &Graph, definition: &syntax::Definition) -> Option<usize> {
    let exact = graph.features.iter().position(|feature| feature.name == definition.written);
    exact.or_else(|| graph.features.iter().position(|feature| names::stored(&feature.name) == definition.name.0))
}

/// An expression over columns, and its type as far as it is known.
type Resolved = (Expr, Option<Type>);

struct Resolver {
    /// The source's columns.
    columns: Relation,
    /// The columns, and the definitions so far as if they were some.
    scope: Relation,
    /// Whether there are no other columns.
    complete: bool,
    /// The definitions so far; `None` for one with a finding.
    done: HashMap<String, (usize, Option<Resolved>)>,
    used: Vec<bool>,
    /// Names whose two meanings have been reported.
    warned: Vec<String>,
}

impl Resolver {
    /// The expression over columns, and its type.
    fn resolve(
        &mut self,
        definition: &Definition,
        list: &[Definition],
        last: &HashMap<&str, usize>,
        number: usize,
        report: &mut Report,
    ) -> Option<Resolved> {
        let since = report.len();
        let sees_columns_only = definition.from == From::Rename;
        let mut typed = true;
        let mut size = definition.expr.size();
        for name in definition.expr.columns() {
            let name = name.as_str();
            let is_column = self.columns.column(name).is_some();
            if let Some((at, earlier)) = self.done.get(name).filter(|_| !sees_columns_only) {
                self.used[*at] = true;
                match earlier {
                    Some((expr, ty)) => {
                        typed &= ty.is_some();
                        size = size.saturating_add(expr.size());
                    }
                    // reported already
                    None => return None,
                }
                if is_column && !self.warned.iter().any(|known| known == name) {
                    self.warned.push(name.to_owned());
                    report.push(shadows(definition, &list[*at], name));
                }
                continue;
            }
            if is_column {
                continue;
            }
            typed &= self.complete || matches!(name, "ROWTIME" | "ROWPARTITION" | "ROWOFFSET");
            if !sees_columns_only
                && let Some(&below) = last.get(name).filter(|below| **below >= number)
                && (below > number || self.complete)
            {
                self.used[below] = true;
                report.push(needs_below(definition, &list[below], &self.columns.name));
            }
        }
        report.check(since).ok()?;
        let mut ty = None;
        if typed {
            let scope = if sees_columns_only { &self.columns } else { &self.scope };
            ty = Some(compile(definition, scope, report).ok()?);
        }
        let mut expr = definition.expr.clone();
        if !sees_columns_only {
            let mut scope = Vec::new();
            let name = &definition.written;
            let message = if size > MOST_NODES {
                Some(format!(
                    "`{name}` would have {size} parts if names were replaced by what they stand for; the limit is {MOST_NODES}"
                ))
            } else if !self.replace(&mut expr, &mut scope, Context::Strict) {
                Some(format!(
                    "in `{name}` a variable of a lambda has the name of a column that a definition above reads"
                ))
            } else if expr.depth() > syntax::MAX_DEPTH {
                let depth = expr.depth();
                Some(format!(
                    "`{name}` would be nested {depth} deep if names were replaced by what they stand for; the limit is {}",
                    syntax::MAX_DEPTH
                ))
            } else {
                None
            };
            if let Some(message) = message {
                let diagnostic = Diagnostic::new(&codes::DEFINITION_TOO_LARGE, message).at(definition.place.clone());
                report.push(diagnostic.help("compute a part of it in an earlier stream, or rename the variable"));
                return None;
            }
        }
        if typed && expr != definition.expr {
            // what was put in the place of names has to be what a server takes there
            let mut inner = Report::new();
            if eval::type_of(&expr, &self.columns, &mut inner).is_err() {
                let findings = inner.diagnostics().iter().cloned();
                findings
                    .for_each(|finding| report.push(Diagnostic { place: Some(definition.place.clone()), ..finding }));
                return None;
            }
        }
        Some((expr, ty))
    }

    /// Puts what names stand for in their place; false if a column would be captured by a lambda.
    fn replace(&self, expr: &mut Expr, variables: &mut Vec<Name>, context: Context) -> bool {
        if let Expr::Column(name) = expr {
            if variables.contains(name) {
                return true;
            }
            let Some((_, Some((meaning, ty)))) = self.done.get(name.as_str()) else { return true };
            let captured = meaning.columns().into_iter().any(|column| variables.contains(column));
            *expr = match ty.clone().or_else(|| self.assumed(meaning)) {
                Some(ty) if !context.takes(meaning) => as_value(meaning.clone(), ty),
                _ => meaning.clone(),
            };
            return !captured;
        }
        let entered = variables.len();
        if let Expr::Lambda(names, _) = expr {
            variables.extend(names.iter().cloned());
        }
        let mut sound = true;
        if let Expr::Case(arms, otherwise) = expr {
            for (condition, value) in arms {
                sound &= self.replace(condition, variables, Context::Value);
                sound &= self.replace(value, variables, context);
            }
            if let Some(value) = otherwise {
                sound &= self.replace(value, variables, context);
            }
        } else {
            let inside = context.inside(expr);
            expr.for_each_child_mut(|child| sound &= self.replace(child, variables, inside));
        }
        variables.truncate(entered);
        join(expr);
        sound
    }

    /// The type of an expression, if columns of which nothing is known are DOUBLE.
    fn assumed(&self, expr: &Expr) -> Option<Type> {
        let mut columns = self.columns.clone();
        for name in expr.columns() {
            if columns.column(name.as_str()).is_none() {
                columns.columns.push(Column { name: name.0.clone(), ty: Type::Double, key: None });
            }
        }
        eval::type_of(expr, &columns, &mut Report::new()).ok()
    }

    /// Makes a definition known to those below it.
    fn enter(&mut self, definition: &Definition, number: usize, resolved: Option<Resolved>) {
        if let Some((_, Some(ty))) = &resolved {
            let column = Column { name: definition.name.clone(), ty: ty.clone(), key: None };
            match self.scope.columns.iter_mut().find(|other| other.name == definition.name) {
                Some(other) => *other = column,
                None => self.scope.columns.push(column),
            }
        }
        self.done.insert(definition.name.clone(), (number, resolved));
    }
}

/// What stands around a name. A name stands for a value: NULL where that cannot be computed, as a column would be. What is
/// put in its place may fail instead, which only makes no difference where NULL would end in NULL too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    /// A failure and NULL give the same.
    Strict,
    /// An argument: a call that fails there is NULL.
    Argument,
    /// Anything else.
    Value,
}

impl Context {
    /// Of the operands of an expression that stands here. Those of CASE differ.
    fn inside(self, expr: &Expr) -> Context {
        match expr {
            Expr::Chain(..) | Expr::Negate(_) | Expr::Plus(_) | Expr::Field(..) | Expr::Index(..) => self.of_operands(),
            Expr::Commented(..) | Expr::Located(..) => self,
            Expr::Call(name, _) if self == Context::Strict && import::is_strict(name) => self,
            Expr::Call(..) => Context::Argument,
            // they catch failures
            Expr::Cast(..) | Expr::Array(_) | Expr::Map(_) | Expr::Struct(_) => Context::Strict,
            _ => Context::Value,
        }
    }

    fn of_operands(self) -> Context {
        if self == Context::Argument { Context::Value } else { self }
    }

    /// Whether the expression can stand here as it is.
    fn takes(self, expr: &Expr) -> bool {
        let literal =
            matches!(expr, Expr::Boolean(_) | Expr::Integer(_) | Expr::Double(_) | Expr::Decimal(_) | Expr::String(_));
        match self {
            Context::Strict => true,
            _ if literal || import::is_column(expr) || matches!(expr, Expr::Cast(..)) => true,
            Context::Argument => matches!(expr, Expr::Call(..)),
            Context::Value => false,
        }
    }
}

/// The expression, caught where it fails: a CAST to its own type.
fn as_value(expr: Expr, ty: Type) -> Expr {
    let expr = match expr {
        // ksqlDB has no CAST of LIKE
        Expr::Like { value, pattern, escape, negated: false } => {
            Expr::Not(Box::new(Expr::Like { value, pattern, escape, negated: true }))
        }
        other => other,
    };
    Expr::Cast(Box::new(expr), ty)
}

/// Whether a function is called anywhere in the expression.
fn calls(expr: &Expr) -> bool {
    let mut found = matches!(expr, Expr::Call(..));
    expr.for_each_child(|child| found = found || calls(child));
    found
}

/// A chain, conjunction or disjunction that begins with one of its own kind is one, as it is where it is read. BETWEEN with
/// a call as its value, which ksqlDB cannot compile, is written as two comparisons.
fn join(expr: &mut Expr) {
    match expr {
        Expr::Between { value, low, high, negated } if calls(value) => {
            let compare =
                |comparison: Comparison, end: &Expr| Expr::Compare(comparison, value.clone(), Box::new(end.clone()));
            let both =
                Expr::And(vec![compare(Comparison::GreaterOrEqual, low), compare(Comparison::LessOrEqual, high)]);
            *expr = if *negated { Expr::Not(Box::new(both)) } else { both };
        }
        Expr::Chain(first, rest) => {
            if let Expr::Chain(head, earlier) = &mut **first
                && earlier.first().map(|(operator, _)| operator.level())
                    == rest.first().map(|(operator, _)| operator.level())
            {
                earlier.append(rest);
                let (head, earlier) = (std::mem::replace(head, Box::new(Expr::Null)), std::mem::take(earlier));
                *expr = Expr::Chain(head, earlier);
            }
        }
        Expr::And(list) => {
            if let Some(Expr::And(earlier)) = list.first_mut() {
                let mut joined = std::mem::take(earlier);
                joined.extend(list.drain(1..));
                *list = joined;
            }
        }
        Expr::Or(list) => {
            if let Some(Expr::Or(earlier)) = list.first_mut() {
                let mut joined = std::mem::take(earlier);
                joined.extend(list.drain(1..));
                *list = joined;
            }
        }
        _ => {}
    }
}

/// The type of a definition; findings point into its text, or to the place where a model file has it.
fn compile(definition: &Definition, scope: &Relation, report: &mut Report) -> Result<Type, Failed> {
    let mut inner = Report::new();
    if let Ok(program) = Program::compile(&definition.expr, scope, &mut inner) {
        return Ok(program.ty().clone());
    }
    if let Some(located) = &definition.located {
        let mut placed = Report::new();
        let _ = Program::compile(located, scope, &mut placed);
        if placed.has_errors() {
            inner = placed;
        }
    }
    let since = report.len();
    for finding in inner.diagnostics() {
        let mut finding = finding.clone();
        finding.place = finding.place.or_else(|| Some(definition.place.clone()));
        report.push(finding);
    }
    report.check(since)?;
    Err(report.fail(Diagnostic::new(&codes::INTERNAL, "internal error: an expression fails without a finding")))
}

fn shadows(definition: &Definition, earlier: &Definition, name: &str) -> Diagnostic {
    let message =
        format!("`{name}` in the definition of `{}` is the definition above, not the column", definition.written);
    Diagnostic::new(&codes::SHADOWS_COLUMN, message)
        .at(definition.place.clone())
        .related(earlier.place.clone(), "the definition above")
        .help("if the column is meant, move this definition above the other one")
}

fn needs_below(definition: &Definition, other: &Definition, source: &str) -> Diagnostic {
    if definition.place == other.place {
        let message = format!("`{}` is defined by itself, and `{source}` has no such column", definition.written);
        return Diagnostic::new(&codes::DEFINED_BY_ITSELF, message)
            .at(definition.place.clone())
            .help("define it by columns, and by definitions above it");
    }
    let circular = other.expr.columns().iter().any(|name| name.as_str() == definition.name);
    let message = if circular {
        format!("`{}` and `{}` are defined by each other", definition.written, other.written)
    } else {
        format!("`{}` is defined by `{}`, which is defined below it", definition.written, other.written)
    };
    Diagnostic::new(&codes::DEFINED_BY_ITSELF, message)
        .at(definition.place.clone())
        .related(other.place.clone(), "the definition below")
        .help(if circular { "define one of them without the other" } else { "move the definition that is used up" })
}
