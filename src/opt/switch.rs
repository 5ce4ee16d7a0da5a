//! Tables from categories to numbers: a CASE that compares one subject for equality with constants.
//!
//! Several over one subject, each with a weight, are one: a one-hot group becomes one CASE with a constant a category.

use super::extended::Extended;
use crate::schema::Type;
use crate::score::{Arm, Comparison, Const, Expr, Function, Id, Score};
use std::collections::HashMap;

/// A CASE over one subject: a table from constants to constants. `None` is NULL.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    pub(super) subject: Id,
    /// The condition of the arm for a missing subject, and its value.
    pub(super) absent: Option<(Id, Option<Extended>)>,
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
        let mut absent = None;
        let mut subject = None;
        let mut keys: Vec<(Id, Option<Extended>)> = Vec::new();
        for (index, arm) in arms.iter().enumerate() {
            let result = value(arm.value)?;
            let tests = match score.expr(arm.condition) {
                Expr::Or(list) => list.as_slice(),
                _ => std::slice::from_ref(&arm.condition),
            };
            let mut equalities = 0;
            for &test in tests {
                if let Expr::Compare(Comparison::Equal, a, b) = score.expr(test) {
                    score.constant(*b)?;
                    if *subject.get_or_insert(*a) != *a {
                        return None;
                    }
                    equalities += 1;
                    // of equal keys the first decides
                    if !keys.iter().any(|(key, _)| key == b) {
                        keys.push((*b, result));
                    }
                }
            }
            if equalities == tests.len() {
                continue;
            }
            // a test for absence: only as the first arm, and of nothing else
            if index > 0 || equalities > 0 {
                return None;
            }
            let tested = tests.iter().map(|&test| match score.expr(test) {
                Expr::IsNull(inner) => Some(*inner),
                Expr::Call(Function::IsNan, list) => Some(list[0]),
                _ => None,
            });
            for inner in tested {
                if *subject.get_or_insert(inner?) != inner? {
                    return None;
                }
            }
            absent = Some((arm.condition, result));
        }
        Some(Switch { subject: subject?, absent, keys, otherwise: value(*otherwise)? })
    }
}

/// Several tables over one subject, weighted and added up.
///
/// A key's value is `base + delta`: tables that do not list the key give it what holds otherwise, which is in the base. So
/// adding a table takes time proportional to its own keys.
pub(super) struct Switches {
    subject: Id,
    absent: Option<(Id, Option<Extended>)>,
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
        let mut arms = Vec::with_capacity(self.keys.len() + 1);
        if let Some((condition, value)) = self.absent {
            arms.push(Arm { condition, value: constant(score, value) });
        }
        for entry in &self.keys {
            let present = !entry.null && entry.listed == self.nulls;
            let condition = score.compare(Comparison::Equal, self.subject, entry.key);
            let value = constant(score, present.then(|| self.base.add(entry.delta)));
            arms.push(Arm { condition, value });
        }
        let otherwise = constant(score, (self.nulls == 0).then_some(self.base));
        score.case(arms, otherwise)
    }
}
