//! `diff`: what changed between two models, for a person who has to decide whether the new one goes out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::args::diff::Diff;
use super::args::score::{Names, Score as ScoreArguments};
use super::rows::Layout;
use super::score as cli_score;
use super::session::Session;
use crate::bind;
use crate::build;
use crate::compile::{self, Options};
use crate::diag::{Failed, Report, Sources};
use crate::lower::{Kind, Nulls, Selection};
use crate::model::{Graph, Role};
use crate::score::{Const, Expr, Id, Score};
use crate::sql::eval::Value;

/// One of the two models.
struct Side {
    graph: Graph,
    sql: String,
    /// For each linear output its coefficients by what they belong to.
    coefficients: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Compares two models.
pub(super) fn run(args: &Diff, session: &mut Session) -> Result<(), Failed> {
    let since = session.report.len();
    let (old, new) = (side(&args.old, args, session), side(&args.new, args, session));
    session.report.check(since)?;
    let (old, new) = (old?, new?);
    let mut text = String::new();
    let names = |side: &Side| side.graph.features.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    changes("features", &names(&old), &names(&new), &mut text);
    let classes = |side: &Side| side.graph.classes.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>();
    changes("classes", &classes(&old), &classes(&new), &mut text);
    changes("steps", &steps(&old.graph), &steps(&new.graph), &mut text);
    for (output, coefficients) in &new.coefficients {
        if let Some(before) = old.coefficients.get(output) {
            weights(output, before, coefficients, args.most, &mut text);
        }
    }
    let sql = build::difference("SQL", &old.sql, &new.sql);
    if !sql.is_empty() {
        // writing to a String cannot fail
        let _ = write!(text, "SQL\n{sql}\n");
    }
    if let Some(input) = &args.input {
        rows(input, args, session, &mut text)?;
    }
    if text.is_empty() {
        text.push_str("nothing changed\n");
    }
    session.write(None, text.as_bytes())
}

fn side(path: &Path, args: &Diff, session: &mut Session) -> Result<Side, Failed> {
    let (name, bytes) = session.read(path)?;
    let graph = session.load(&name, bytes, &args.subject.model)?;
    let bind = args.subject.bind_options(args.source.from.as_deref(), session)?;
    let lower = args.subject.lower_options();
    let options = Options {
        bind,
        lower,
        strict: args.subject.results.strict,
        limits: false,
        verify: false,
        ..Options::default()
    };
    let sql = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?.text;
    let coefficients = coefficients(&graph, &options);
    Ok(Side { graph, sql, coefficients })
}

/// The coefficients of each linear output: of the features themselves, whatever feeds them.
fn coefficients(graph: &Graph, options: &Options) -> BTreeMap<String, BTreeMap<String, f64>> {
    // the margin is what is linear, where there is one
    let has = |role| graph.outputs.iter().any(|output| output.role == role);
    let kind = if has(Role::Margin) { Kind::Margin } else { Kind::Prediction };
    let mut graph = graph.clone();
    graph.features.iter_mut().for_each(|feature| feature.expression = None);
    let mut linear = Options { bind: bind::Options::default(), ..options.clone() };
    linear.lower.select = vec![Selection { kind, name: None }];
    linear.lower.threshold = None;
    linear.lower.nulls = Nulls::Propagate;
    let mut coefficients = BTreeMap::new();
    // a model without such an output has no coefficients to show
    if let Ok(compiled) = compile::compile(&graph, &linear, &mut Sources::new(), &mut Report::new()) {
        for output in &compiled.legal.outputs {
            let mut found = BTreeMap::new();
            if collect(&compiled.legal, output.root, 1.0, &mut found) {
                coefficients.insert(output.name.clone(), found);
            }
        }
    }
    coefficients
}

/// The coefficients of a sum by what they belong to; false if something in it is not linear.
fn collect(score: &Score, root: Id, factor: f64, found: &mut BTreeMap<String, f64>) -> bool {
    let mut add = |name: String, value: f64| *found.entry(name).or_insert(0.0) += value;
    let mut stack = vec![(root, factor)];
    while let Some((id, factor)) = stack.pop() {
        match score.expr(id) {
            Expr::Sum(terms) => {
                for term in terms {
                    match term.factor {
                        Some(inner) => stack.push((inner, factor * term.coefficient)),
                        None => add("intercept".to_owned(), factor * term.coefficient),
                    }
                }
            }
            Expr::Const(Const::Double(value)) => add("intercept".to_owned(), factor * value.0),
            Expr::Input(number) => add(score.inputs()[*number as usize].name.clone(), factor),
            Expr::Product(list) => match named(score, list) {
                Some(name) => add(name, factor),
                None => return false,
            },
            Expr::Case(arms, otherwise) => {
                for arm in arms {
                    let names = categories(score, arm.condition);
                    match (names, score.double_value(arm.value)) {
                        (Some(names), Some(value)) => names.into_iter().for_each(|name| add(name, factor * value)),
                        // what is said of NULL is no coefficient
                        (_, None) if matches!(score.constant(arm.value), Some(Const::Null(_))) => {}
                        _ => return false,
                    }
                }
                match score.constant(*otherwise) {
                    Some(Const::Null(_)) => {}
                    Some(Const::Double(value)) if value.0 == 0.0 => {}
                    Some(Const::Double(value)) => add("other categories".to_owned(), factor * value.0),
                    // an imputer: the input itself, where it is there
                    _ => stack.push((*otherwise, factor)),
                }
            }
            _ => return false,
        }
    }
    true
}

/// `a × b`, if all factors are inputs.
fn named(score: &Score, list: &[Id]) -> Option<String> {
    let names: Option<Vec<&str>> = list
        .iter()
        .map(|id| match score.expr(*id) {
            Expr::Input(number) => Some(score.inputs()[*number as usize].name.as_str()),
            _ => None,
        })
        .collect();
    names.map(|names| names.join(" × "))
}

/// The categories that a condition holds for: `plan = 'basic'`.
fn categories(score: &Score, condition: Id) -> Option<Vec<String>> {
    match score.expr(condition) {
        Expr::Or(list) => {
            let all: Option<Vec<Vec<String>>> = list.iter().map(|id| categories(score, *id)).collect();
            all.map(|all| all.into_iter().flatten().collect())
        }
        Expr::Compare(crate::score::Comparison::Equal, a, b) => {
            let Expr::Input(number) = score.expr(*a) else { return None };
            let value = match score.constant(*b)? {
                Const::Text(text) => format!("'{text}'"),
                Const::Bigint(value) => value.to_string(),
                Const::Boolean(value) => value.to_string(),
                _ => return None,
            };
            Some(vec![format!("{} = {value}", score.inputs()[*number as usize].name)])
        }
        Expr::IsNull(id) => match score.expr(*id) {
            Expr::Input(number) => Some(vec![format!("{} missing", score.inputs()[*number as usize].name)]),
            _ => None,
        },
        _ => None,
    }
}

/// The kinds of the operators in order, with the names that the source gives them.
fn steps(graph: &Graph) -> Vec<String> {
    let nodes = graph.nodes.iter().map(|node| {
        let op = format!("{:?}", node.op);
        let op = op.split(|char: char| !char.is_alphanumeric()).next().unwrap_or_default().to_owned();
        if node.name.is_empty() { op } else { format!("{op} ({})", node.name) }
    });
    nodes.filter(|name| !["Input", "Concat", "Pick"].contains(&name.as_str())).collect()
}

/// What came and what went.
fn changes(title: &str, old: &[String], new: &[String], text: &mut String) {
    let (before, after): (BTreeSet<&String>, BTreeSet<&String>) = (old.iter().collect(), new.iter().collect());
    let gone = old.iter().filter(|name| !after.contains(name)).map(|name| format!("  - {name}\n"));
    let come = new.iter().filter(|name| !before.contains(name)).map(|name| format!("  + {name}\n"));
    let lines: String = gone.chain(come).collect();
    if !lines.is_empty() {
        *text += &format!("{title}\n{lines}\n");
    } else if old != new {
        *text += &format!("{title}\n  in another order, or not as often: {}\n\n", new.join(", "));
    }
}

/// The coefficients that changed, the largest change first.
fn weights(output: &str, old: &BTreeMap<String, f64>, new: &BTreeMap<String, f64>, most: usize, text: &mut String) {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut changed: Vec<(&String, Option<f64>, Option<f64>)> = names
        .into_iter()
        .map(|name| (name, old.get(name).copied(), new.get(name).copied()))
        .filter(|(_, a, b)| a.map(f64::to_bits) != b.map(f64::to_bits))
        .collect();
    let change = |a: Option<f64>, b: Option<f64>| b.unwrap_or(0.0) - a.unwrap_or(0.0);
    changed.sort_by(|(_, a, b), (_, c, d)| change(*c, *d).abs().total_cmp(&change(*a, *b).abs()));
    if changed.is_empty() {
        return;
    }
    *text += &format!("coefficients of {output}: {} of {} changed\n", changed.len(), new.len());
    let width = changed.iter().take(most).map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    for (name, a, b) in changed.iter().take(most) {
        let blanks = " ".repeat(width - name.chars().count());
        let shown = |value: &Option<f64>| value.map_or("none".to_owned(), |value| format!("{value}"));
        *text += &format!("  {name}{blanks}  {} -> {}  ({:+.3e})\n", shown(a), shown(b), change(*a, *b));
    }
    if changed.len() > most {
        *text += &format!("  and {} smaller changes\n", changed.len() - most);
    }
    text.push('\n');
}

/// How results move on rows.
fn rows(input: &Path, args: &Diff, session: &mut Session, text: &mut String) -> Result<(), Failed> {
    let one = |model: &Path| ScoreArguments {
        model: model.to_owned(),
        input: input.to_owned(),
        format: Layout::Csv,
        names: Names::Sql,
        subject: args.subject.clone(),
        source: args.source.clone(),
    };
    let since = session.report.len();
    let (old, new) = (cli_score::table(&one(&args.old), session), cli_score::table(&one(&args.new), session));
    session.report.check(since)?;
    let (old, new) = (old?, new?);
    *text += &format!("rows\n  {} rows\n", new.rows.len());
    for (position, (name, ty)) in new.columns.iter().enumerate() {
        let Some(before) = old.columns.iter().position(|(other, _)| other == name) else {
            *text += &format!("  {name}: only the new model has it\n");
            continue;
        };
        let pairs = || old.rows.iter().zip(&new.rows).map(|(a, b)| (&a[before], &b[position]));
        let moved = pairs().filter(|(a, b)| !a.java_equals(b)).count();
        let distances: Vec<f64> = pairs()
            .filter_map(|pair| match pair {
                (Value::Double(a), Value::Double(b)) => Some((a - b).abs()),
                _ => None,
            })
            .filter(|distance| distance.is_finite())
            .collect();
        *text += &format!("  {name}: {moved} move");
        if *ty == crate::schema::Type::Double && !distances.is_empty() {
            let largest = distances.iter().copied().fold(0.0, f64::max);
            let mean = distances.iter().sum::<f64>() / distances.len() as f64;
            *text += &format!(", by {largest:.3e} at most, {mean:.3e} on average");
        }
        text.push('\n');
    }
    for (name, _) in old.columns.iter().filter(|(name, _)| !new.columns.iter().any(|(other, _)| other == name)) {
        *text += &format!("  {name}: only the old model has it\n");
    }
    Ok(())
}
