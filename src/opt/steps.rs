//! Step functions: a CASE that compares one number with constants and has constant values.
//!
//! The line of doubles is cut at *bounds*, each just below or just above a constant; between two bounds the value is one
//! constant. So a sum of step functions over one number is a step function: 50 CASEs become one with at most 50 arms
//! more, of which one is taken (measured on ksqlDB: 25 µs a row against 3.4).

use super::extended::Extended;
use crate::schema::Type;
use crate::score::{Arm, Comparison, Const, Expr, Function, Id, Score};

/// Just below a constant, or just above it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound {
    at: f64,
    above: bool,
}

impl Bound {
    fn new(at: f64, above: bool) -> Self {
        // −0 is no other number
        Bound { at: at + 0.0, above }
    }

    fn order(&self, other: &Bound) -> std::cmp::Ordering {
        self.at.total_cmp(&other.at).then(self.above.cmp(&other.above))
    }
}

/// A step function. `None` is NULL.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    pub(super) subject: Id,
    /// The condition of the arm for a missing subject, and its value.
    pub(super) absent: Option<(Id, Option<Extended>)>,
    /// Ascending.
    bounds: Vec<Bound>,
    /// One more than bounds.
    values: Vec<Extended>,
    /// Of NaN, unless that counts as missing.
    nan: Extended,
}

/// CASEs with more arms are left alone.
const MOST_ARMS: usize = 1 << 10;

impl Steps {
    /// The step function that a CASE is, if it is one.
    pub(super) fn read(score: &Score, id: Id) -> Option<Steps> {
        let Expr::Case(arms, otherwise) = score.expr(id) else { return None };
        if arms.len() > MOST_ARMS {
            return None;
        }
        let value = |id: Id| match score.constant(id)? {
            Const::Double(value) if value.0.is_finite() => Some(Extended::new(value.0)),
            _ => None,
        };
        let mut subject = None;
        let mut absent = None;
        let mut pieces: Vec<(Vec<(Bound, bool)>, Extended)> = Vec::with_capacity(arms.len());
        for (index, arm) in arms.iter().enumerate() {
            if index == 0 && score.null_tests(arm.condition).any(|test| test.is_some()) {
                subject = Some(missing_subject(score, arm.condition)?);
                let value = match score.constant(arm.value)? {
                    Const::Null(_) => None,
                    _ => Some(value(arm.value)?),
                };
                absent = Some((arm.condition, value));
                continue;
            }
            let tests = match score.expr(arm.condition) {
                Expr::And(list) => list.as_slice(),
                _ => std::slice::from_ref(&arm.condition),
            };
            let mut sides = Vec::with_capacity(2 * tests.len());
            for &test in tests {
                let Expr::Compare(comparison, a, b) = score.expr(test) else { return None };
                let at = score.double_value(*b).filter(|at| at.is_finite())?;
                if *subject.get_or_insert(*a) != *a {
                    return None;
                }
                match comparison {
                    Comparison::Less => sides.push((Bound::new(at, false), false)),
                    Comparison::LessOrEqual => sides.push((Bound::new(at, true), false)),
                    Comparison::Greater => sides.push((Bound::new(at, true), true)),
                    Comparison::GreaterOrEqual => sides.push((Bound::new(at, false), true)),
                    Comparison::Equal => sides.extend([(Bound::new(at, false), true), (Bound::new(at, true), false)]),
                }
            }
            pieces.push((sides, value(arm.value)?));
        }
        let subject = subject.filter(|&subject| score.ty(subject) == &Type::Double && !pieces.is_empty())?;
        let nan = value(*otherwise)?;
        let mut bounds: Vec<Bound> =
            pieces.iter().flat_map(|(sides, _)| sides.iter().map(|(bound, _)| *bound)).collect();
        bounds.sort_by(Bound::order);
        bounds.dedup();
        let place = |bound: &Bound| bounds.partition_point(|other| other.order(bound).is_lt());
        let mut values: Vec<Option<Extended>> = vec![None; bounds.len() + 1];
        for (sides, value) in &pieces {
            // the pieces of the line right of every lower bound and left of every upper one
            let (mut from, mut to) = (0, bounds.len());
            for (bound, right) in sides {
                let at = place(bound);
                if *right {
                    from = from.max(at + 1);
                } else {
                    to = to.min(at);
                }
            }
            // the first arm that holds decides
            for slot in values.iter_mut().take(to + 1).skip(from) {
                slot.get_or_insert(*value);
            }
        }
        let values = values.into_iter().map(|value| value.unwrap_or(nan)).collect();
        Some(Steps { subject, absent, bounds, values, nan })
    }
}

/// What `x IS NULL`, or `x IS NULL OR x is NaN`, is about.
fn missing_subject(score: &Score, condition: Id) -> Option<Id> {
    let tests = match score.expr(condition) {
        Expr::Or(list) => list.as_slice(),
        _ => std::slice::from_ref(&condition),
    };
    let about = |test: &Id| match score.expr(*test) {
        Expr::IsNull(inner) => Some(*inner),
        Expr::Call(Function::IsNan, list) => Some(list[0]),
        _ => None,
    };
    let first = about(tests.first()?)?;
    tests.iter().all(|test| about(test) == Some(first)).then_some(first)
}

/// Several step functions of one number, weighted and added up.
pub(super) struct Staircase {
    subject: Id,
    absent: Option<(Id, Option<Extended>)>,
    /// How many were added.
    pub(super) tables: u32,
    /// Left of every bound.
    base: Extended,
    jumps: Vec<(Bound, Extended)>,
    nan: Extended,
}

impl Staircase {
    pub(super) fn new(steps: &Steps) -> Self {
        Staircase {
            subject: steps.subject,
            absent: steps.absent.map(|(condition, value)| (condition, value.map(|_| Extended::ZERO))),
            tables: 0,
            base: Extended::ZERO,
            jumps: Vec::new(),
            nan: Extended::ZERO,
        }
    }

    pub(super) fn add(&mut self, steps: &Steps, coefficient: Extended) {
        self.tables += 1;
        if let (Some((_, total)), Some((_, value))) = (&mut self.absent, steps.absent) {
            *total = total.zip(value).map(|(total, value)| total.add(value.times(coefficient)));
        }
        self.base = self.base.add(steps.values[0].times(coefficient));
        self.nan = self.nan.add(steps.nan.times(coefficient));
        for (bound, pair) in steps.bounds.iter().zip(steps.values.windows(2)) {
            self.jumps.push((*bound, pair[1].add(pair[0].negated()).times(coefficient)));
        }
    }

    /// One CASE: ascending `<` where NaN has the last value, descending `>` where it has the first, else with an arm for NaN.
    pub(super) fn case(mut self, score: &mut Score) -> Id {
        self.jumps.sort_by(|(a, _), (b, _)| a.order(b));
        let mut total = self.base;
        let mut pieces = vec![total.round()];
        let mut bounds: Vec<Bound> = Vec::new();
        for (bound, jump) in self.jumps {
            total = total.add(jump);
            if bounds.last() == Some(&bound) {
                *pieces.last_mut().unwrap_or(&mut 0.0) = total.round();
            } else {
                bounds.push(bound);
                pieces.push(total.round());
            }
            // a bound between equal values is none
            if let [.., left, right] = pieces.as_slice()
                && left == right
            {
                bounds.pop();
                pieces.pop();
            }
        }
        let (first, last) = (pieces[0], pieces[pieces.len() - 1]);
        let mut arms = Vec::with_capacity(pieces.len() + 1);
        let mut counts_as_missing = false;
        if let Some((condition, value)) = self.absent {
            let value = match value {
                Some(value) => score.double(value.round()),
                None => score.null(Type::Double),
            };
            counts_as_missing = score.null_tests(condition).any(|test| test.is_none());
            arms.push(Arm { condition, value });
        }
        let nan = self.nan.round();
        if !counts_as_missing && nan != last && nan != first {
            let condition = score.call(Function::IsNan, vec![self.subject]);
            let value = score.double(nan);
            arms.push(Arm { condition, value });
        }
        let descending = !counts_as_missing && nan == first && nan != last;
        for index in 0..bounds.len() {
            let (bound, piece, comparison) = if descending {
                let index = bounds.len() - 1 - index;
                let comparison = if bounds[index].above { Comparison::Greater } else { Comparison::GreaterOrEqual };
                (bounds[index], pieces[index + 1], comparison)
            } else {
                let comparison = if bounds[index].above { Comparison::LessOrEqual } else { Comparison::Less };
                (bounds[index], pieces[index], comparison)
            };
            let at = score.double(bound.at);
            let condition = score.compare(comparison, self.subject, at);
            let value = score.double(piece);
            arms.push(Arm { condition, value });
        }
        let otherwise = score.double(if descending { first } else { last });
        score.case(arms, otherwise)
    }
}
