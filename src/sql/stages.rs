//! A score divided into a chain of scores, each of which reads what the one before it gives: statements of their own.
//!
//! The arena stands in order, so any position divides it: what is before it and used behind it becomes a column of the
//! stream between (*carried*), and inputs that are still needed pass through. Of all positions the one is chosen where the
//! fewest columns cross, or the last one up to which a statement holds. Long sums have positions inside: their prefixes
//! are values of their own ([`Function::Whole`](crate::score::Function::Whole)), so that the order of summation is kept.
//!
//! A carried value is NULL exactly where one of its sources is; what counts on a guard around it is not carried. So a test of
//! sources behind the division becomes one of the carried value, and they need not pass through for it.
//!
//! | file | what |
//! |---|---|
//! | `pieces` | long sums in pieces, and as one again |
//! | `crossing` | what crosses a position, and the score behind it |

mod crossing;
mod pieces;

use super::ast::{self, Name};
use super::cost::{Size, sizes, stored_bytes};
use super::dialect::Dialect;
use super::legalize;
use super::plan::{layout, record};
use crate::bind::{Binding, Bindings, Form, Shape};
use crate::schema::{Column, Kind, Relation, Type};
use crate::score::{Id, Input, Output, Rebuild, Score};
use crossing::{Crossing, is_computed, rebuilt};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A statement of a chain: what it computes, what feeds it, and its clauses. Names of streams between are not given yet.
#[derive(Clone)]
pub struct Part {
    /// Legal.
    pub score: Score,
    /// What feeds its inputs.
    pub bindings: Bindings,
    /// Its clauses.
    pub shape: Shape,
}

/// How a score is to be divided.
#[derive(Clone, Copy, Debug)]
pub enum Wish {
    /// Where the fewest columns cross for what there is to do on the smaller side.
    Narrow,
    /// So that the first part is as large as a target takes.
    Full {
        /// The share of the limits that is used: what a part takes is estimated.
        share: f64,
        /// Whether sums are added up in order.
        strict: bool,
    },
}

/// Positions that are looked at.
const POSITIONS: usize = 96;

impl Part {
    /// A part that can have others before it; `None` if it does not write, or it is not known which columns it keeps.
    pub fn new(score: Score, bindings: &Bindings, shape: &Shape) -> Option<Part> {
        if !matches!(shape.form, Form::Create(_) | Form::Insert) {
            return None;
        }
        let all = bindings.relation.as_ref().filter(|_| bindings.complete).map(|relation| &relation.columns);
        let mut kept = Vec::with_capacity(shape.kept.len());
        for item in &shape.kept {
            match item {
                ast::Item::All(_) => kept.extend(all?.iter().map(|it| item_of(ast::Expr::column(&it.name), None))),
                other => kept.push(other.clone()),
            }
        }
        Some(Part { score, bindings: bindings.clone(), shape: Shape { kept, ..shape.clone() } })
    }

    /// How much there is to do.
    pub fn work(&self, dialect: &dyn Dialect) -> u64 {
        let reachable = self.score.reachable(&self.score.roots());
        let sizes = sizes(&self.score, dialect, &reachable, |number| self.input_bytes(number));
        self.score.roots().iter().fold(0u64, |sum, root| sum.saturating_add(sizes[root.index()].bytes))
    }

    /// Two parts that compute the same one after the other; `None` if there is no such position. `taken` are names that
    /// columns of the stream between must not have; those that it gets are added.
    pub fn divide(&self, wish: Wish, dialect: &dyn Dialect, taken: &mut HashSet<String>) -> Option<(Part, Part)> {
        let crossing = self.crossing(wish, dialect)?;
        let before = self.before(&crossing, taken);
        let after = self.after(&crossing, &before);
        Some((before.part, after))
    }

    /// How many bytes what feeds an input takes.
    fn input_bytes(&self, number: u32) -> usize {
        stored_bytes(&self.bindings.inputs[number as usize].expr, SOURCE)
    }

    /// What crosses the position that is to be divided at.
    fn crossing(&self, wish: Wish, dialect: &dyn Dialect) -> Option<Crossing> {
        let score = &self.score;
        let unguarded = legalize::unguarded(score, dialect);
        let uses = score.uses();
        let is_value = |id: &Id| uses[id.index()] > 0 && is_computed(score, *id);
        let values: Vec<Id> = score.ids().filter(is_value).collect();
        let step = values.len().div_ceil(POSITIONS).max(1);
        // behind a value and before the next one
        let positions: Vec<usize> = values.iter().skip(step - 1).step_by(step).map(|id| id.index() + 1).collect();
        let reachable = score.reachable(&score.roots());
        let outputs = score.outputs.iter().flat_map(Output::needs).collect::<BTreeSet<_>>();
        let useful = |crossing: &Crossing| {
            // something is computed on both sides
            crossing.carried.iter().any(|&id| is_computed(score, id))
                && outputs.iter().any(|root| !crossing.carried.contains(root))
        };
        let crossing = |position: usize| {
            let crossing = Crossing::at(score, position, &unguarded);
            useful(&crossing).then_some(crossing)
        };
        match wish {
            Wish::Narrow => {
                // operands are what there is to do
                let mut work = vec![0usize; score.len() + 1];
                for id in &reachable {
                    score.expr(*id).operands(|_| work[id.index() + 1] += 1);
                }
                for index in 1..work.len() {
                    work[index] += work[index - 1];
                }
                let all = work[score.len()];
                let rated = positions.into_iter().filter_map(|position| {
                    let crossing = crossing(position)?;
                    let before = work[position];
                    let width = crossing.carried.len() + self.columns(&crossing).len();
                    Some((width as f64 / before.min(all - before).max(1) as f64, crossing))
                });
                rated.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, crossing)| crossing)
            }
            Wish::Full { share, strict } => {
                let sizes = sizes(score, dialect, &reachable, |number| self.input_bytes(number));
                let limits = dialect.limits();
                let most = |limit: usize| (limit as f64 * share) as u64;
                let layouts = layout::Sizes::of(&limits);
                let source =
                    record::bytes(&[], &Shape { kept: Vec::new(), ..self.shape.clone() }, &self.bindings) as u64;
                let inside = |size: Size| {
                    size.nesting <= u64::from(limits.depth)
                        && limits.arguments.is_none_or(|allowed| size.arguments <= most(allowed as usize))
                        && (!strict || layout::in_order(size.terms as usize, layouts).is_ok())
                };
                let fits = |crossing: &Crossing| {
                    let column = |name: &str| record::column(SOURCE + 1 + name.len(), name.len(), name.len()) as u64;
                    let passed: u64 = self.columns(crossing).into_iter().map(column).sum();
                    let carried = || crossing.carried.iter().map(|id| sizes[id.index()]);
                    let add = |sum: u64, size: Size| {
                        let bytes = size.bytes.min(1 << 40) as usize;
                        sum.saturating_add(record::column(bytes, bytes, CARRIED) as u64)
                    };
                    carried().all(inside) && carried().fold(source + passed, add) <= most(limits.record_bytes)
                };
                positions.into_iter().rev().filter_map(crossing).find(fits)
            }
        }
    }

    /// The inputs that pass through, each with the column of which it is an element or a field, where several are of it:
    /// that passes as a whole.
    fn passing<'a>(&'a self, crossing: &Crossing) -> Vec<(u32, Option<&'a Name>)> {
        let column = |number: &u32| container(&self.bindings.inputs[*number as usize].expr);
        let mut counts: HashMap<&Name, usize> = HashMap::new();
        crossing.inputs.iter().filter_map(column).for_each(|name| *counts.entry(name).or_default() += 1);
        let shared = |number: &u32| (*number, column(number).filter(|name| counts[name] > 1));
        crossing.inputs.iter().map(shared).collect()
    }

    /// The names of what passes through, about as they will be.
    fn columns<'a>(&'a self, crossing: &Crossing) -> BTreeSet<&'a str> {
        let name = |(number, column): (u32, Option<&'a Name>)| match column {
            Some(column) => column.as_str(),
            None => self.score.inputs()[number as usize].name.as_str(),
        };
        self.passing(crossing).into_iter().map(name).collect()
    }

    /// The part that computes what is carried.
    fn before(&self, crossing: &Crossing, taken: &mut HashSet<String>) -> Before {
        let old = &self.score;
        let mut score = old.clone();
        let mut free = |stem: &str| {
            let mut number = 1;
            while !taken.insert(format!("{stem}{number}")) {
                number += 1;
            }
            format!("{stem}{number}")
        };
        let carried: BTreeMap<Id, String> = crossing.carried.iter().map(|&id| (id, free("_V"))).collect();
        score.outputs = carried.iter().map(|(&id, name)| Output::scalar(name.clone(), id, "carried")).collect();
        score = Rebuild::new(&score).run(|_, _, _| None);
        let mut shape = Shape {
            form: Form::Create(match self.shape.form {
                Form::Create(kind) => kind,
                _ => Kind::Stream,
            }),
            into: None,
            with: Vec::new(),
            ..self.shape.clone()
        };
        let mut pass = |expr: &ast::Expr| {
            let same = |item: &&ast::Item| matches!(item, ast::Item::Expr { expr: kept, .. } if kept == expr);
            if let Some(name) = shape.kept.iter().find(same).and_then(ast::Item::name) {
                return name.clone();
            }
            let kept = |name: &Name| shape.kept.iter().any(|item| item.name() == Some(name));
            let (name, alias) = match expr {
                ast::Expr::Column(name) if !kept(name) => (name.clone(), None),
                _ => {
                    let name = Name::new(free("_F"));
                    (name.clone(), Some(name))
                }
            };
            shape.kept.push(item_of(expr.clone(), alias));
            name
        };
        let passed = self.passing(crossing).into_iter().map(|(number, column)| {
            let expr = &self.bindings.inputs[number as usize].expr;
            let passed = match column {
                Some(column) => within(expr, &pass(&ast::Expr::Column(column.clone()))),
                None => ast::Expr::Column(pass(expr)),
            };
            (number, passed)
        });
        let passed = passed.collect();
        Before { part: Part { score, bindings: self.bindings.clone(), shape }, carried, passed }
    }

    /// The part that goes on with what is carried and passed.
    fn after(&self, crossing: &Crossing, before: &Before) -> Part {
        let old = &self.score;
        let mut inputs: Vec<Input> = Vec::new();
        let mut bindings = Bindings { complete: true, ..Bindings::default() };
        let mut columns: Vec<Column> = Vec::new();
        let source = |name: &str| {
            let found = self.bindings.relation.iter().flat_map(|relation| &relation.columns).find(|it| it.name == name);
            found.map_or(Type::String, |column| column.ty.clone())
        };
        let mut add = |input: Input, expr: ast::Expr, ty: Option<Type>| {
            let (name, known) = match (&expr, container(&expr)) {
                (ast::Expr::Column(name), _) => (name, ty.clone().unwrap_or_else(|| input.ty.clone())),
                (_, Some(name)) => (name, source(name.as_str())),
                _ => return inputs.len() as u32,
            };
            if !columns.iter().any(|column| column.name == name.as_str()) {
                columns.push(Column { name: name.0.clone(), ty: known, key: None });
            }
            let nullable = input.nullable;
            bindings.inputs.push(Binding { expr, ty, nullable });
            bindings.types.push(input.ty.clone());
            bindings.imported.push(None);
            inputs.push(input);
            inputs.len() as u32 - 1
        };
        let mut places: HashMap<Id, u32> = HashMap::new();
        for (&id, name) in &before.carried {
            let ty = old.ty(id).clone();
            let nan = ty == Type::Double;
            let input = Input { name: name.clone(), ty: ty.clone(), nullable: old.nullable(id), nan };
            places.insert(id, add(input, ast::Expr::column(name.clone()), Some(ty)));
        }
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        for (&number, expr) in &before.passed {
            let ty = self.bindings.inputs[number as usize].ty.clone();
            numbers.insert(number, add(old.inputs()[number as usize].clone(), expr.clone(), ty));
        }
        for item in &self.shape.kept {
            if let Some(name) = item.name().filter(|name| !columns.iter().any(|it| it.name == name.as_str())) {
                columns.push(Column { name: name.0.clone(), ty: Type::String, key: None });
            }
        }
        bindings.relation = Some(Relation { name: "BETWEEN".to_owned(), kind: Kind::Stream, columns });
        let names = self.shape.kept.iter().filter_map(ast::Item::name);
        let kept = names.map(|name| item_of(ast::Expr::Column(name.clone()), None));
        let shape = Shape {
            from: None,
            kept: kept.collect(),
            filter: None,
            partition_by: Vec::new(),
            comments: Vec::new(),
            ..self.shape.clone()
        };
        Part { score: rebuilt(old, crossing, inputs, &places, &numbers), bindings, shape }
    }
}

fn item_of(expr: ast::Expr, alias: Option<Name>) -> ast::Item {
    ast::Item::Expr { comments: Vec::new(), expr, alias }
}

/// The column that holds an element or a field.
fn container(expr: &ast::Expr) -> Option<&Name> {
    let mut at = match expr {
        ast::Expr::Field(inner, _) | ast::Expr::Index(inner, _) => inner,
        _ => return None,
    };
    loop {
        at = match &**at {
            ast::Expr::Field(inner, _) => inner,
            ast::Expr::Index(inner, index) if index.columns().is_empty() => inner,
            ast::Expr::Column(name) => return Some(name),
            _ => return None,
        };
    }
}

/// The element or field of another column.
fn within(expr: &ast::Expr, column: &Name) -> ast::Expr {
    match expr {
        ast::Expr::Field(inner, field) => ast::Expr::Field(Box::new(within(inner, column)), field.clone()),
        ast::Expr::Index(inner, index) => ast::Expr::Index(Box::new(within(inner, column)), index.clone()),
        _ => ast::Expr::Column(column.clone()),
    }
}

/// Bytes of a source's name, where its length matters.
const SOURCE: usize = 1;
/// Bytes of the name of what is carried.
const CARRIED: usize = 3;

/// A first part, and the names of what crosses.
struct Before {
    part: Part,
    carried: BTreeMap<Id, String>,
    passed: BTreeMap<u32, ast::Expr>,
}
