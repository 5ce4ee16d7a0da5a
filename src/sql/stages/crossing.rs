//! What crosses a position of an arena, and the score behind it.

use crate::schema::Type;
use crate::score::{Arm, Expr, Id, Input, Score, Term};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Whether something is computed that can be a column.
pub(super) fn is_computed(score: &Score, id: Id) -> bool {
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
    /// By expression, see [`unguarded`](crate::sql::legalize::unguarded).
    unguarded: &'a [bool],
}

impl Position<'_> {
    fn can_cross(self, score: &Score, id: Id) -> bool {
        id.index() < self.index && score.ty(id) != &Type::Boolean && !self.unguarded[id.index()]
    }
}

/// What crosses a position of an arena.
pub(super) struct Crossing {
    /// What is before the position and used behind it.
    pub(super) carried: BTreeSet<Id>,
    /// Inputs that are used behind it.
    pub(super) inputs: BTreeSet<u32>,
    /// What is behind it, and what is before it and cannot be a column: conditions, and what counts on a guard.
    behind: BTreeSet<Id>,
    /// What the first arm of a CASE, or the condition that a whole result is missing, asks for NULL instead of before: by
    /// the CASE or the condition.
    tests: HashMap<Id, Vec<Id>>,
    /// Where the condition stays, and these tests stand beside it.
    beside: HashSet<Id>,
}

impl Crossing {
    pub(super) fn at(score: &Score, position: usize, unguarded: &[bool]) -> Crossing {
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

impl Crossing {
    /// What an arm behind the first asks for NULL too: the values that are carried and read from there on, whose sources that
    /// arm and those before it ask for. By the arm.
    fn asked_later(&self, score: &Score, arms: &[Arm], otherwise: Id) -> Vec<Vec<Id>> {
        let mut later: Vec<Vec<Id>> = vec![Vec::new(); arms.len()];
        let mut asked: HashSet<Id> = HashSet::new();
        for (index, arm) in arms.iter().enumerate() {
            let tests: Vec<Id> = score.null_tests(arm.condition).flatten().collect();
            asked.extend(tests.iter().flat_map(|&test| score.null_sources(test)));
            if index == 0 || tests.is_empty() {
                continue;
            }
            let rest = arms[index..].iter().flat_map(|arm| [arm.condition, arm.value]).chain([otherwise]);
            let (carried, _) = self.read(score, &rest.collect::<Vec<_>>());
            let says = |value: &Id| {
                let sources = score.null_sources(*value);
                !sources.is_empty() && sources.iter().all(|source| asked.contains(source))
            };
            later[index] = carried.into_iter().filter(says).collect();
        }
        later
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
pub(super) fn rebuilt(
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
            Expr::Case(arms, otherwise) => {
                let get = |id: Id| map.get(&id).copied().unwrap_or(id);
                let first = test(&mut new, &map, id, arms[0].condition);
                let later = crossing.asked_later(old, arms, *otherwise);
                let mut rest = Vec::with_capacity(arms.len());
                for (index, (arm, asked)) in arms.iter().zip(later).enumerate() {
                    let condition = first.filter(|_| index == 0).unwrap_or_else(|| get(arm.condition));
                    let missing = new.any_null(asked.into_iter().map(get));
                    rest.push(Arm { condition: new.or([missing, condition]), value: get(arm.value) });
                }
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
    // the NULL rule holds as it did before, but what shows it may be another column: a carried value is NULL where a source of it
    // is, and a guard asks either
    debug_assert_eq!(new.well_formed(), Ok(()), "behind a division:\n{new}");
    new
}
