//! A score divided into a chain of scores, each of which reads what the one before it gives: statements of their own.
//!
//! The arena stands in order, so any position divides it: what is before it and used behind it becomes a column of the
//! stream between (*carried*), and inputs that are still needed pass through. Of all positions the one is chosen where the
//! fewest columns cross, or the last one up to which a statement holds. Long sums have positions inside: their prefixes
//! are values of their own ([`Function::Whole`]), so that the order of summation is kept.
//!
//! A carried value is NULL exactly where one of its sources is; what counts on a guard around it is not carried. So a test of
//! sources behind the division becomes one of the carried value, and they need not pass through for it.

use super::ast::{self, Name};
use super::cost::{Size, sizes, stored_bytes};
use super::dialect::Dialect;
use super::legalize;
use super::plan::{layout, record};
use crate::bind::{Binding, Bindings, Form, Shape};
use crate::schema::{Column, Kind, Relation, Type};
use crate::score::{Expr, Function, Id, Input, Output, Rebuild, Score, Term};
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

/// Terms of a piece of a long sum.
const PIECE: usize = 64;
/// Positions that are looked at.
const POSITIONS: usize = 96;

impl Part {
    /// Whether a query like this can have others before it: it is one that writes, and it is known which columns it keeps.
    pub fn can_be_divided(&self) -> bool {
        let writes = matches!(self.shape.form, Form::Create(_) | Form::Insert);
        let star = self.shape.kept.iter().any(|item| matches!(item, ast::Item::All(_)));
        writes && (!star || self.bindings.complete)
    }

    /// Prepares sums for division. Where the order of summation need not be kept and a target takes few columns in an
    /// item, the pieces of a sum are beside each other, else each holds the ones before it.
    pub fn with_pieces(mut self, dialect: &dyn Dialect, strict: bool) -> Self {
        let beside = dialect.limits().arguments.is_some() && !strict;
        self.score = Rebuild::new(&self.score).run(|pass, _, expr| {
            let Expr::Sum(terms) = expr else { return None };
            if terms.len() <= PIECE + PIECE / 2 {
                return None;
            }
            let terms: Vec<Term> =
                terms.iter().map(|term| Term { factor: term.factor.map(|factor| pass.get(factor)), ..*term }).collect();
            let score = &mut pass.new;
            let mut pieces: Vec<Term> = Vec::new();
            for piece in terms.chunks(PIECE) {
                let before = if beside { None } else { pieces.pop() };
                let sum = score.sum(before.into_iter().chain(piece.iter().copied()));
                pieces.push(Term::new(1.0, score.call(Function::Whole, vec![sum])));
            }
            Some(score.sum(pieces))
        });
        // a star is all columns of the source
        if let (true, Some(relation)) = (self.bindings.complete, &self.bindings.relation) {
            let column = |name: &str| ast::Item::Expr {
                comments: Vec::new(),
                expr: ast::Expr::Column(Name::new(name)),
                alias: None,
            };
            let kept = std::mem::take(&mut self.shape.kept).into_iter().flat_map(|item| match item {
                ast::Item::All(_) => relation.columns.iter().map(|it| column(&it.name)).collect(),
                other => vec![other],
            });
            self.shape.kept = kept.collect();
        }
        self
    }

    /// Sums as one again, where they were not divided.
    pub fn without_pieces(mut self) -> Self {
        let old = &self.score;
        let piece = |id: Id| match old.expr(id) {
            Expr::Call(Function::Whole, list) => Some(list[0]),
            _ => None,
        };
        // a sum that is only part of others is not made for itself: it would be copied as often as they have pieces
        let mut inside = vec![false; old.len()];
        let mut alone = vec![false; old.len()];
        let mut value = |id: Id| {
            alone[id.index()] = true;
            piece(id).into_iter().for_each(|sum| alone[sum.index()] = true);
        };
        old.roots().into_iter().for_each(&mut value);
        for id in old.ids() {
            match old.expr(id) {
                Expr::Call(Function::Whole, list) => inside[list[0].index()] = true,
                Expr::Sum(terms) => {
                    let whole =
                        |term: &&Term| term.coefficient == 1.0 && term.factor.is_some_and(|it| piece(it).is_some());
                    terms.iter().filter(|term| !whole(term)).filter_map(|term| term.factor).for_each(&mut value);
                }
                expr => expr.operands(&mut value),
            }
        }
        let inside: Vec<bool> = inside.iter().zip(&alone).map(|(inside, alone)| *inside && !*alone).collect();
        self.score = Rebuild::new(old).run(|pass, id, expr| match expr {
            Expr::Sum(_) if inside[id.index()] => Some(pass.new.double(0.0)),
            Expr::Sum(_) => {
                let mut terms = Vec::new();
                let mut rest = vec![Term::new(1.0, id)];
                while let Some(term) = rest.pop() {
                    let sum = term
                        .factor
                        .filter(|_| term.coefficient == 1.0)
                        .and_then(|factor| if factor == id { Some(id) } else { piece(factor) });
                    match sum.map(|sum| old.expr(sum)) {
                        Some(Expr::Sum(inner)) => rest.extend(inner.iter().rev()),
                        _ => terms.push(Term { factor: term.factor.map(|factor| pass.get(factor)), ..term }),
                    }
                }
                Some(pass.new.sum(terms))
            }
            Expr::Call(Function::Whole, list) => Some(pass.get(list[0])),
            _ => None,
        });
        self
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
        let unguarded = legalize::unguarded(&self.score, dialect);
        let position = self.position(wish, dialect, &unguarded)?;
        let crossing = Crossing::at(&self.score, position, &unguarded);
        let before = self.before(&crossing, taken);
        let after = self.after(&crossing, &before);
        Some((before.part, after))
    }

    /// How many bytes what feeds an input takes.
    fn input_bytes(&self, number: u32) -> usize {
        stored_bytes(&self.bindings.inputs[number as usize].expr, SOURCE)
    }

    fn position(&self, wish: Wish, dialect: &dyn Dialect, unguarded: &[bool]) -> Option<usize> {
        let score = &self.score;
        let uses = score.uses();
        let is_value = |id: &Id| uses[id.index()] > 0 && is_computed(score, *id);
        let values: Vec<Id> = score.ids().filter(is_value).collect();
        let step = values.len().div_ceil(POSITIONS).max(1);
        // behind a value and before the next one
        let positions: Vec<usize> = values.iter().skip(step - 1).step_by(step).map(|id| id.index() + 1).collect();
        let reachable = score.reachable(&score.roots());
        let sizes = sizes(score, dialect, &reachable, |number| self.input_bytes(number));
        let outputs = score.outputs.iter().flat_map(Output::needs).collect::<BTreeSet<_>>();
        let useful = |crossing: &Crossing| {
            // something is computed on both sides
            crossing.carried.iter().any(|&id| is_computed(score, id))
                && outputs.iter().any(|root| !crossing.carried.contains(root))
        };
        let crossings = |positions: Vec<usize>| {
            let each = positions.into_iter().map(|position| (position, Crossing::at(score, position, unguarded)));
            each.filter(|(_, crossing)| useful(crossing))
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
                let ratio = |(position, crossing): &(usize, Crossing)| {
                    let before = work[*position];
                    let width = crossing.carried.len() + self.columns(crossing).len();
                    width as f64 / before.min(all - before).max(1) as f64
                };
                let found = crossings(positions).map(|crossing| (ratio(&crossing), crossing.0));
                found.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, position)| position)
            }
            Wish::Full { share, strict } => {
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
                    let passed = self.columns(crossing).into_iter().map(|name| record::passed(name.len(), SOURCE));
                    let passed = source + passed.sum::<usize>() as u64;
                    let carried = crossing.carried.iter().map(|id| sizes[id.index()]);
                    let add =
                        |sum: u64, size: Size| sum.saturating_add(size.bytes.saturating_mul(3)).saturating_add(40);
                    carried.clone().all(inside) && carried.fold(passed, add) <= most(limits.record_bytes)
                };
                let mut from_behind = crossings(positions.into_iter().rev().collect());
                from_behind.find(|(_, crossing)| fits(crossing)).map(|(position, _)| position)
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
            shape.kept.push(ast::Item::Expr { comments: Vec::new(), expr: expr.clone(), alias });
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
        let kept = self.shape.kept.iter().filter_map(ast::Item::name).map(|name| ast::Item::Expr {
            comments: Vec::new(),
            expr: ast::Expr::Column(name.clone()),
            alias: None,
        });
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

/// A first part, and the names of what crosses.
struct Before {
    part: Part,
    carried: BTreeMap<Id, String>,
    passed: BTreeMap<u32, ast::Expr>,
}

/// Whether something is computed that can be a column.
fn is_computed(score: &Score, id: Id) -> bool {
    !matches!(score.expr(id), Expr::Const(_) | Expr::Input(_)) && score.ty(id) != &Type::Boolean
}

/// A test for missing values before something is evaluated.
struct Guard {
    /// The CASE whose first arm it is, or the condition itself.
    at: Id,
    condition: Id,
    rest: Vec<Id>,
}

/// A position of an arena.
#[derive(Clone, Copy)]
struct Position<'a> {
    index: usize,
    /// By expression, see [`legalize::unguarded`].
    unguarded: &'a [bool],
}

impl Position<'_> {
    fn can_cross(self, score: &Score, id: Id) -> bool {
        id.index() < self.index && score.ty(id) != &Type::Boolean && !self.unguarded[id.index()]
    }
}

/// What crosses a position of an arena.
struct Crossing {
    /// What is before the position and used behind it.
    carried: BTreeSet<Id>,
    /// Inputs that are used behind it.
    inputs: BTreeSet<u32>,
    /// What is behind it, and what is before it and cannot be a column: conditions, and what counts on a guard.
    behind: BTreeSet<Id>,
    /// What the first arm of a CASE, or the condition that a whole result is missing, asks for NULL instead of before: by
    /// the CASE or the condition.
    tests: HashMap<Id, Vec<Id>>,
    /// Where the condition stays, and these tests stand beside it.
    beside: HashSet<Id>,
}

impl Crossing {
    fn at(score: &Score, position: usize, unguarded: &[bool]) -> Crossing {
        let position = Position { index: position, unguarded };
        let mut crossing = Crossing {
            carried: BTreeSet::new(),
            inputs: BTreeSet::new(),
            behind: BTreeSet::new(),
            tests: HashMap::new(),
            beside: HashSet::new(),
        };
        let mut guards: Vec<Guard> = Vec::new();
        for output in &score.outputs {
            output.roots.iter().for_each(|&root| crossing.need(score, position, root, &mut guards));
            if let Some(missing) = output.missing {
                guards.push(Guard { at: missing, condition: missing, rest: output.roots.clone() });
            }
        }
        // more may be needed for a test that what is carried does not answer
        while let Some(Guard { at, condition, rest }) = guards.pop() {
            let tested: Vec<Id> = score.null_tests(condition).flatten().collect();
            let simple = score.null_tests(condition).all(|test| test.is_some());
            if !simple {
                // it asks for more than NULL: what is carried is tested beside it
                crossing.need(score, position, condition, &mut guards);
                let below: Vec<Id> = rest.iter().copied().chain([condition]).collect();
                let (carried, others) = crossing.read(score, &below);
                let mut sources: Vec<Id> = tested.iter().flat_map(|&value| score.null_sources(value)).collect();
                sources.extend(&tested);
                let says = |value: &Id| {
                    let own = score.null_sources(*value);
                    !own.is_empty() && own.iter().all(|source| sources.contains(source))
                };
                let beside = sources.iter().copied().filter(|source| others.contains(source));
                let tests: BTreeSet<Id> = carried.into_iter().filter(says).chain(beside).collect();
                for &test in &tests {
                    crossing.need(score, position, test, &mut guards);
                }
                crossing.tests.insert(at, tests.into_iter().collect());
                crossing.beside.insert(at);
                continue;
            }
            let mut left: Vec<Id> = tested.clone();
            let mut instead = Vec::new();
            let (carried, others) = crossing.read(score, &rest);
            // what a carried value no longer says of its sources
            for source in tested.iter().flat_map(|&value| score.null_sources(value)) {
                if others.contains(&source) && !left.contains(&source) {
                    left.push(source);
                }
            }
            for value in carried {
                let sources = score.null_sources(value);
                if !sources.is_empty() && sources.iter().all(|source| tested.contains(source)) {
                    // what is read beside it is tested by itself
                    left.retain(|source| !sources.contains(source) || others.contains(source));
                    instead.push(value);
                }
            }
            for &source in &left {
                crossing.need(score, position, source, &mut guards);
            }
            instead.extend(left);
            crossing.tests.insert(at, instead);
        }
        crossing
    }

    /// Goes down from an expression to what crosses.
    fn need(&mut self, score: &Score, position: Position<'_>, id: Id, guards: &mut Vec<Guard>) {
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            match score.expr(id) {
                Expr::Const(_) => continue,
                Expr::Input(number) => {
                    self.inputs.insert(*number);
                    continue;
                }
                _ if position.can_cross(score, id) => {
                    self.carried.insert(id);
                    continue;
                }
                _ if !self.behind.insert(id) => continue,
                expr => match guarded(score, expr) {
                    Some((condition, rest)) => {
                        stack.extend(rest.iter().copied());
                        guards.push(Guard { at: id, condition, rest });
                    }
                    None => expr.operands(|operand| stack.push(operand)),
                },
            }
        }
    }

    /// What is carried and read below these expressions, and everything else that is; tests for missing values aside, for
    /// which there may be others.
    fn read(&self, score: &Score, below: &[Id]) -> (BTreeSet<Id>, HashSet<Id>) {
        let (mut carried, mut others) = (BTreeSet::new(), HashSet::new());
        let mut stack = below.to_vec();
        while let Some(id) = stack.pop() {
            if self.carried.contains(&id) {
                carried.insert(id);
            } else if others.insert(id) {
                match guarded(score, score.expr(id)) {
                    Some((_, rest)) => stack.extend(rest),
                    None => score.expr(id).operands(|operand| stack.push(operand)),
                }
            }
        }
        (carried, others)
    }
}

/// The first condition of a CASE, if it asks for NULL, and whatever else the CASE reads.
fn guarded(score: &Score, expr: &Expr) -> Option<(Id, Vec<Id>)> {
    let Expr::Case(arms, otherwise) = expr else { return None };
    score.null_tests(arms[0].condition).flatten().next()?;
    let rest = arms.iter().flat_map(|arm| [arm.condition, arm.value]).skip(1).chain([*otherwise]);
    Some((arms[0].condition, rest.collect()))
}

/// What is behind a position, over what crosses it.
fn rebuilt(
    old: &Score,
    crossing: &Crossing,
    inputs: Vec<Input>,
    places: &HashMap<Id, u32>,
    numbers: &HashMap<u32, u32>,
) -> Score {
    let mut new = Score::new(inputs);
    let mut map: HashMap<Id, Id> = HashMap::new();
    for (&id, &place) in places {
        let input = new.input(place);
        map.insert(id, input);
    }
    let test = |new: &mut Score, map: &HashMap<Id, Id>, at: Id, condition: Id| {
        let sources = crossing.tests.get(&at)?;
        let sources: Vec<Id> = sources.iter().filter_map(|source| map.get(source).copied()).collect();
        let missing = new.any_null(sources);
        match map.get(&condition) {
            Some(&condition) if crossing.beside.contains(&at) => Some(new.or([missing, condition])),
            _ => Some(missing),
        }
    };
    for id in old.ids() {
        if map.contains_key(&id) {
            continue;
        }
        let expr = old.expr(id);
        let made = match expr {
            Expr::Const(constant) => new.constant_of(constant),
            Expr::Input(number) => match numbers.get(number) {
                Some(&number) => new.input(number),
                None => continue,
            },
            _ if !crossing.behind.contains(&id) => continue,
            Expr::Sum(terms) => {
                let term = |term: &Term| Term {
                    factor: term.factor.map(|factor| map.get(&factor).copied().unwrap_or(factor)),
                    origin: term.origin.and_then(|origin| numbers.get(&origin).copied()),
                    ..*term
                };
                new.sum(terms.iter().map(term))
            }
            Expr::Case(arms, otherwise) if crossing.tests.contains_key(&id) => {
                let get = |id: Id| map.get(&id).copied().unwrap_or(id);
                let condition = test(&mut new, &map, id, arms[0].condition);
                let rest = arms.iter().enumerate().map(|(index, arm)| crate::score::Arm {
                    condition: condition.filter(|_| index == 0).unwrap_or_else(|| get(arm.condition)),
                    value: get(arm.value),
                });
                let rest: Vec<_> = rest.collect();
                new.case(rest, get(*otherwise))
            }
            expr => new.carry(expr, |operand| map.get(&operand).copied().unwrap_or(operand)),
        };
        map.insert(id, made);
    }
    for output in &old.outputs {
        let mut made = output.map(|root| map.get(&root).copied().unwrap_or(root));
        if let Some(condition) = output.missing.and_then(|missing| test(&mut new, &map, missing, missing)) {
            made.missing = Some(condition);
        }
        new.outputs.push(made);
    }
    debug_assert_eq!(new.verify(), Ok(()), "behind a division:\n{new}");
    new
}
