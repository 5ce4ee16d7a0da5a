//! Tables from categories to numbers: a CASE that compares one subject for equality with constants.
//!
//! Several over one subject, each with a weight, are one: a one-hot group becomes one CASE with a constant a category.

use super::extended::Extended;
use crate::schema::Type;
use crate::score::{Arm, Comparison, Const, Expr, Function, Id, Score};
use std::collections::{HashMap, HashSet};

/// A CASE over one subject: a table from constants to constants. `None` is NULL.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    pub(super) subject: Id,
    /// The condition of the arm for a missing subject, and its value.
    pub(super) absent: Option<(Id, Option<Extended>)>,
    /// That the subject is one of the keys that are known, where every other is NULL. The test is part of the condition above
    /// or an arm of its own.
    pub(super) known: Option<Id>,
    /// Constant (an arena id of the new arena) and value.
    keys: Vec<(Id, Option<Extended>)>,
    otherwise: Option<Extended>,
}

impl Switch {
    /// The table that a CASE is, if it is one.
    pub(super) fn read(score: &Score, id: Id) -> Option<Switch> {
        let Expr::Case(arms, otherwise) = score.expr(id) else { return None };
        let value = |id: Id| match score.constant(id)? {
            Const::Double(value) if value.0.is_finite() => Some(Some(Extended::new(value.0))),
            Const::Null(_) => Some(None),
            _ => None,
        };
        let (mut absent, mut known, mut subject) = (None, None, None);
        let mut keys: Vec<(Id, Option<Extended>)> = Vec::new();
        let mut seen = HashSet::new();
        for (index, arm) in arms.iter().enumerate() {
            let result = value(arm.value)?;
            let tests = parts(score, &arm.condition);
            let mut equalities = 0;
            for &test in tests {
                if let Some((a, b)) = equality(score, test) {
                    if *subject.get_or_insert(a) != a {
                        return None;
                    }
                    equalities += 1;
                    // of equal keys the first decides
                    if seen.insert(b) {
                        keys.push((b, result));
                    }
                }
            }
            if equalities == tests.len() {
                continue;
            }
            // tests for absence, and for what is not known: before all others
            if index > 1 || equalities > 0 || !keys.is_empty() {
                return None;
            }
            let mut absence = false;
            for &test in tests {
                let inner = match score.expr(test) {
                    Expr::IsNull(inner) => *inner,
                    Expr::Call(Function::IsNan, list) => list[0],
                    Expr::Not(all) if result.is_none() && known.is_none() => {
                        known = Some(*all);
                        equality(score, parts(score, all)[0])?.0
                    }
                    _ => return None,
                };
                absence |= !matches!(score.expr(test), Expr::Not(_));
                if *subject.get_or_insert(inner) != inner {
                    return None;
                }
            }
            if absence {
                if index > 0 {
                    return None;
                }
                absent = Some((arm.condition, result));
            }
        }
        let subject = subject?;
        if let Some(known) = known
            && !parts(score, &known).iter().all(|&test| equality(score, test).is_some_and(|(a, _)| a == subject))
        {
            return None;
        }
        Some(Switch { subject, absent, known, keys, otherwise: value(*otherwise)? })
    }
}

/// The conditions of a disjunction, or the one condition.
fn parts<'a>(score: &'a Score, condition: &'a Id) -> &'a [Id] {
    match score.expr(*condition) {
        Expr::Or(list) => list,
        _ => std::slice::from_ref(condition),
    }
}

/// The subject and the constant of `x = k`.
fn equality(score: &Score, test: Id) -> Option<(Id, Id)> {
    match score.expr(test) {
        Expr::Compare(Comparison::Equal, a, b) if score.constant(*b).is_some() => Some((*a, *b)),
        _ => None,
    }
}

/// Several tables over one subject, weighted and added up.
///
/// A key's value is `base + delta`: tables that do not list the key give it what holds otherwise, which is in the base. So
/// adding a table takes time proportional to its own keys.
pub(super) struct Switches {
    subject: Id,
    absent: Option<(Id, Option<Extended>)>,
    known: Option<Id>,
    base: Extended,
    /// How many tables give NULL otherwise.
    nulls: u32,
    keys: Vec<Entry>,
    places: HashMap<Id, usize>,
}

struct Entry {
    key: Id,
    delta: Extended,
    /// In how many of the tables that give NULL otherwise it is listed.
    listed: u32,
    null: bool,
}

impl Switches {
    pub(super) fn new(switch: &Switch) -> Self {
        let absent = switch.absent.map(|(condition, value)| (condition, value.map(|_| Extended::ZERO)));
        Switches {
            subject: switch.subject,
            absent,
            known: switch.known,
            base: Extended::ZERO,
            nulls: 0,
            keys: Vec::new(),
            places: HashMap::new(),
        }
    }

    pub(super) fn add(&mut self, switch: &Switch, coefficient: Extended) {
        if let (Some((_, total)), Some((_, value))) = (&mut self.absent, switch.absent) {
            *total = total.zip(value).map(|(total, value)| total.add(value.times(coefficient)));
        }
        match switch.otherwise {
            Some(value) => self.base = self.base.add(value.times(coefficient)),
            None => self.nulls += 1,
        }
        for &(key, value) in &switch.keys {
            let place = *self.places.entry(key).or_insert_with(|| {
                self.keys.push(Entry { key, delta: Extended::ZERO, listed: 0, null: false });
                self.keys.len() - 1
            });
            let entry = &mut self.keys[place];
            match value {
                Some(value) => {
                    let beyond = value.add(switch.otherwise.unwrap_or(Extended::ZERO).negated());
                    entry.delta = entry.delta.add(beyond.times(coefficient));
                }
                None => entry.null = true,
            }
            entry.listed += u32::from(switch.otherwise.is_none());
        }
    }

    pub(super) fn case(self, score: &mut Score) -> Id {
        let constant = |score: &mut Score, value: Option<Extended>| match value {
            Some(value) => score.double(value.round()),
            None => score.null(Type::Double),
        };
        let mut arms = Vec::with_capacity(self.keys.len() + 2);
        // where every known key is listed, what is none of them is what is left
        let listed = |score: &Score, known: &Id| {
            let keys = parts(score, known).iter().filter_map(|&test| equality(score, test));
            keys.into_iter().all(|(_, key)| self.places.contains_key(&key))
        };
        let complete = self.known.is_some_and(|known| listed(score, &known));
        if let Some((condition, value)) = self.absent {
            let tests = parts(score, &condition).to_vec();
            let tests = tests.into_iter().filter(|&test| !(complete && matches!(score.expr(test), Expr::Not(_))));
            let tests: Vec<Id> = tests.collect();
            arms.push(Arm { condition: score.or(tests), value: constant(score, value) });
        }
        if let (Some(known), false) = (self.known, complete) {
            arms.push(Arm { condition: score.not(known), value: constant(score, None) });
        }
        for entry in &self.keys {
            let present = !entry.null && entry.listed == self.nulls;
            let condition = score.compare(Comparison::Equal, self.subject, entry.key);
            let value = constant(score, present.then(|| self.base.add(entry.delta)));
            arms.push(Arm { condition, value });
        }
        let otherwise = constant(score, (self.nulls == 0 && !complete).then_some(self.base));
        score.case(arms, otherwise)
    }
}
