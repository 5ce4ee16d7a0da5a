//! Sums of sums, scalers and one-hot groups become one sum; coefficients are folded in extended precision.
//!
//! Every DOUBLE expression is seen as an affine form over atoms, `k + Σ c_i a_i`, with `k` and `c_i` in about 106 bits:
//!
//! * `c (k + Σ c_i a_i) = c k + Σ (c c_i) a_i`, the same for a division by a constant; ulp
//! * forms are added atom by atom; an atom whose coefficient becomes 0 is dropped; finite
//! * `(c a) (d b) = (c d) (a b)` for products of single terms; ulp
//! * a CASE that compares one subject with constants and has constant values is an atom too; several on one subject become
//!   one CASE with the values weighted and added up: a one-hot group becomes one CASE with a constant a category; ulp
//!
//! A form is rounded to doubles once, where it is used by something that is not affine.

use super::extended::Extended;
use crate::schema::Type;
use crate::score::{Arm, Comparison, Const, Expr, Function, Id, Origin, Rebuild, Score, Term};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// `constant + Σ coefficient * atom`, atoms in order of first occurrence.
#[derive(Clone, Debug)]
struct Form {
    constant: Extended,
    /// Whether the constant stands first in the source.
    constant_first: bool,
    terms: Vec<(Id, Extended, Origin)>,
}

/// A CASE over one subject: a table from constants to constants. `None` is NULL.
#[derive(Clone, Debug)]
struct Switch {
    subject: Id,
    /// The condition of the arm for a missing subject, and its value.
    absent: Option<(Id, Option<Extended>)>,
    /// Constant (an arena id of the new arena) and value.
    keys: Vec<(Id, Option<Extended>)>,
    otherwise: Option<Extended>,
}

pub(super) fn run(score: &Score) -> Score {
    // forms of old expressions, over atoms of the new arena
    let mut forms: Vec<Option<Rc<Form>>> = vec![None; score.len()];
    let mut switches: HashMap<Id, Option<Rc<Switch>>> = HashMap::new();
    let tested = tested_for_null(score);
    Rebuild::new(score).run(|pass, id, expr| {
        if score.ty(id) != &Type::Double {
            return None;
        }
        if tested.contains(&id) {
            // a guard names it, so it stays as it is: no switch, and no form of its own
            let same = pass.copy(expr);
            switches.insert(same, None);
            return Some(same);
        }
        let form = form_of(pass, &forms, expr)?;
        let new = materialize(&mut pass.new, &form, &mut switches);
        forms[id.index()] = Some(Rc::new(form));
        Some(new)
    })
}

/// Expressions that some condition tests for NULL, other than inputs.
fn tested_for_null(score: &Score) -> HashSet<Id> {
    let tested = score.ids().filter_map(|id| match score.expr(id) {
        Expr::IsNull(inner) if matches!(score.expr(*inner), Expr::Case(..)) => Some(*inner),
        _ => None,
    });
    tested.collect()
}

/// The form of an affine expression; `None` for an atom.
fn form_of(pass: &mut Rebuild<'_>, forms: &[Option<Rc<Form>>], expr: &Expr) -> Option<Form> {
    match expr {
        Expr::Sum(terms) => {
            let mut form = Form::constant(Extended::ZERO);
            form.constant_first = terms[0].factor.is_none();
            let mut places = HashMap::with_capacity(terms.len());
            for term in terms {
                let coefficient = Extended::new(term.coefficient);
                match term.factor {
                    None => form.constant = form.constant.add(coefficient),
                    Some(factor) => match &forms[factor.index()] {
                        Some(inner) => form.add(inner, coefficient, term.origin, &mut places),
                        None => form.add_atom(pass.get(factor), coefficient, term.origin, &mut places),
                    },
                }
            }
            form.terms.retain(|(_, coefficient, _)| !coefficient.is_zero());
            Some(form)
        }
        Expr::Call(Function::Divide, list) => {
            let divisor = Extended::new(pass.new.double_value(pass.get(list[1]))?);
            if divisor.is_zero() || !divisor.round().is_finite() {
                return None;
            }
            let mut form = of(pass, forms, list[0]);
            form.constant = form.constant.over(divisor);
            for (_, coefficient, _) in &mut form.terms {
                *coefficient = coefficient.over(divisor);
            }
            Some(form)
        }
        Expr::Product(list) => {
            let mut coefficient = Extended::ONE;
            let mut atoms = Vec::with_capacity(list.len());
            for &factor in list {
                let form = of(pass, forms, factor);
                let [(atom, factor, _)] = form.terms.as_slice() else { return None };
                if !form.constant.is_zero() {
                    return None;
                }
                coefficient = coefficient.times(*factor);
                atoms.push(*atom);
            }
            let product = pass.new.product(atoms);
            let mut form = Form::constant(Extended::ZERO);
            form.terms.push((product, coefficient, Origin::None));
            Some(form)
        }
        Expr::Const(Const::Double(value)) if value.0.is_finite() => Some(Form::constant(Extended::new(value.0))),
        _ => None,
    }
}

/// The form of an operand: its own, or the operand as an atom.
fn of(pass: &Rebuild<'_>, forms: &[Option<Rc<Form>>], id: Id) -> Form {
    match &forms[id.index()] {
        Some(form) => form.as_ref().clone(),
        None => {
            let mut form = Form::constant(Extended::ZERO);
            form.terms.push((pass.get(id), Extended::ONE, Origin::None));
            form
        }
    }
}

impl Form {
    fn constant(constant: Extended) -> Self {
        Form { constant, constant_first: false, terms: Vec::new() }
    }

    fn add(&mut self, other: &Form, coefficient: Extended, origin: Origin, places: &mut HashMap<Id, usize>) {
        self.constant = self.constant.add(other.constant.times(coefficient));
        for &(atom, inner, inner_origin) in &other.terms {
            let origin = if inner_origin == Origin::None { origin } else { inner_origin };
            self.add_atom(atom, inner.times(coefficient), origin, places);
        }
    }

    fn add_atom(&mut self, atom: Id, coefficient: Extended, origin: Origin, places: &mut HashMap<Id, usize>) {
        match places.get(&atom) {
            Some(&place) => self.terms[place].1 = self.terms[place].1.add(coefficient),
            None => {
                places.insert(atom, self.terms.len());
                self.terms.push((atom, coefficient, origin));
            }
        }
    }
}

/// Rounds a form and makes a sum of it.
fn materialize(score: &mut Score, form: &Form, switches: &mut HashMap<Id, Option<Rc<Switch>>>) -> Id {
    let mut terms: Vec<Term> = Vec::with_capacity(form.terms.len() + 1);
    // one switch a subject, where its first atom stands; `places` is only looked up
    let mut merged: Vec<(usize, Merged)> = Vec::new();
    let mut places: HashMap<(Id, Option<Id>), usize> = HashMap::new();
    for &(atom, coefficient, origin) in &form.terms {
        let switch = switches.entry(atom).or_insert_with(|| switch_of(score, atom).map(Rc::new)).clone();
        let Some(switch) = switch else {
            let coefficient = coefficient.round();
            // an imputer that may be NULL is left alone: a guard may name it
            let imputer = if score.nullable(atom) { None } else { weighted_imputer(score, atom, coefficient) };
            let term = match imputer {
                Some(imputer) => Term::new(1.0, imputer),
                None => Term::new(coefficient, atom),
            };
            terms.push(term.from(origin));
            continue;
        };
        let key = (switch.subject, switch.absent.as_ref().map(|(condition, _)| *condition));
        let place = *places.entry(key).or_insert_with(|| {
            merged.push((terms.len(), Merged::new(&switch)));
            terms.push(Term::constant(0.0).from(origin));
            merged.len() - 1
        });
        merged[place].1.add(&switch, coefficient);
    }
    for (place, switch) in &merged {
        let case = switch.case(score);
        terms[*place] = Term { factor: Some(case), coefficient: 1.0, ..terms[*place] };
    }
    let constant = form.constant.round();
    if constant != 0.0 || terms.is_empty() {
        let place = if form.constant_first { 0 } else { terms.len() };
        terms.insert(place, Term::constant(constant));
    }
    score.sum(terms)
}

/// `CASE WHEN … THEN c k ELSE c x END` for an imputer `CASE WHEN … THEN k ELSE x END` of an input x.
fn weighted_imputer(score: &mut Score, atom: Id, coefficient: f64) -> Option<Id> {
    let Expr::Case(arms, x) = score.expr(atom) else { return None };
    let (arms, x) = (arms.clone(), *x);
    if coefficient == 1.0 || !matches!(score.expr(x), Expr::Input(_)) {
        return None;
    }
    let mut weighted = Vec::with_capacity(arms.len());
    for arm in arms {
        let value = match score.constant(arm.value)? {
            Const::Double(value) => value.0 * coefficient,
            Const::Null(_) => {
                weighted.push(arm);
                continue;
            }
            _ => return None,
        };
        weighted.push(Arm { value: score.double(value), ..arm });
    }
    let otherwise = score.scale(coefficient, x);
    Some(score.case(weighted, otherwise))
}

/// The table that a CASE is, if it is one.
fn switch_of(score: &Score, id: Id) -> Option<Switch> {
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

/// Several tables over one subject, weighted and added up.
///
/// A key's value is `base + delta`: tables that do not list the key give it what holds otherwise, which is in the base. So
/// adding a table takes time proportional to its own keys.
struct Merged {
    subject: Id,
    absent: Option<(Id, Option<Extended>)>,
    base: Extended,
    /// How many tables give NULL otherwise.
    nulls: u32,
    keys: Vec<MergedKey>,
    places: HashMap<Id, usize>,
}

struct MergedKey {
    key: Id,
    delta: Extended,
    /// In how many of the tables that give NULL otherwise it is listed.
    listed: u32,
    null: bool,
}

impl Merged {
    fn new(switch: &Switch) -> Self {
        let absent = switch.absent.map(|(condition, value)| (condition, value.map(|_| Extended::ZERO)));
        Merged {
            subject: switch.subject,
            absent,
            base: Extended::ZERO,
            nulls: 0,
            keys: Vec::new(),
            places: HashMap::new(),
        }
    }

    fn add(&mut self, switch: &Switch, coefficient: Extended) {
        if let (Some((_, total)), Some((_, value))) = (&mut self.absent, switch.absent) {
            *total = total.zip(value).map(|(total, value)| total.add(value.times(coefficient)));
        }
        match switch.otherwise {
            Some(value) => self.base = self.base.add(value.times(coefficient)),
            None => self.nulls += 1,
        }
        for &(key, value) in &switch.keys {
            let place = *self.places.entry(key).or_insert_with(|| {
                self.keys.push(MergedKey { key, delta: Extended::ZERO, listed: 0, null: false });
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

    fn case(&self, score: &mut Score) -> Id {
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
