//! Sums of sums, scalers and one-hot groups become one sum; coefficients are folded in extended precision.
//!
//! Every DOUBLE expression is seen as an affine form over atoms, `k + Σ c_i a_i`, with `k` and `c_i` in about 106 bits:
//!
//! * `c (k + Σ c_i a_i) = c k + Σ (c c_i) a_i`, the same for a division by a constant; ulp
//! * forms are added atom by atom; an atom whose coefficient becomes 0 is dropped; finite
//! * `(c a) (d b) = (c d) (a b)` for products of single terms; ulp
//! * a CASE that compares one subject with constants and has constant values is an atom too; several on one subject become
//!   one CASE with the values weighted and added up: a one-hot group becomes one CASE with a constant a category (`switch`),
//!   step functions of one number become one with all their steps (`steps`); ulp
//!
//! A form is rounded to doubles once, where it is used by something that is not affine; what is only a part of other forms
//! is never built. The terms of all forms stand in one vector, so that a form costs no allocation.

use super::extended::Extended;
use super::steps::{Staircase, Steps};
use super::switch::{Switch, Switches};
use super::{Class, Ledger, Pass, Rule};
use crate::schema::Type;
use crate::score::{Arm, Const, Expr, Function, Id, Score, Term};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

pub(super) const PASS: Pass = Pass {
    name: "affine",
    rules: &[&SUMS, &ZERO, &DIVISORS, &PRODUCTS, &CANCEL, &IMPUTERS, &SWITCHES, &STEPS],
    concerns: |_, expr| matches!(expr, Expr::Sum(_) | Expr::Product(_) | Expr::Call(Function::Divide, _)),
    run,
};

const SUMS: Rule = Rule {
    name: "sums",
    class: Class::Ulp,
    equation: "c (k + Σ c_i a_i) + d (l + Σ d_i a_i) = (c k + d l) + Σ (c c_i + d d_i) a_i",
};
const ZERO: Rule = Rule { name: "zero", class: Class::Finite, equation: "x + 0 = x; −0 becomes no 0" };
const DIVISORS: Rule =
    Rule { name: "divisors", class: Class::Ulp, equation: "(k + Σ c_i a_i) / d = k / d + Σ (c_i / d) a_i" };
const PRODUCTS: Rule = Rule {
    name: "products",
    class: Class::Ulp,
    equation: "(c a) (d b) = (c d) (a b) for a c d of moderate size: a b overflows where the product does",
};
const CANCEL: Rule = Rule {
    name: "cancel",
    class: Class::Finite,
    equation: "0 a + b = b where b is NULL whenever a is; a NaN or an infinity of a is lost",
};
const IMPUTERS: Rule = Rule {
    name: "imputers",
    class: Class::Ulp,
    equation: "c CASE WHEN p THEN k ELSE x END = CASE WHEN p THEN c k ELSE c x END",
};
const SWITCHES: Rule = Rule {
    name: "switches",
    class: Class::Ulp,
    equation: "Σ c_i CASE s WHEN k_j THEN v_ij … ELSE e_i END = CASE s WHEN k_j THEN Σ c_i v_ij … ELSE Σ c_i e_i END",
};

const STEPS: Rule = Rule {
    name: "steps",
    class: Class::Ulp,
    equation: "Σ c_i CASE WHEN x < t_ij THEN v_ij … ELSE e_i END = one CASE over all t, with the values added up",
};

/// `constant + Σ coefficient * atom`, atoms in order of first occurrence.
#[derive(Clone, Copy, Debug)]
struct Form {
    constant: Extended,
    /// Whether the constant stands first in the source.
    constant_first: bool,
    /// Where its terms begin and end among all terms.
    start: usize,
    end: usize,
}

/// An atom of the new arena with its coefficient.
#[derive(Clone, Copy, Debug)]
struct Part {
    atom: Id,
    coefficient: Extended,
    origin: Option<u32>,
}

fn run(score: &Score, ledger: &mut Ledger) -> Score {
    let used = score.uses();
    let tested = tested_for_null(score);
    let mut pass = Affine {
        old: score,
        new: score.like(score.len() / 2),
        map: vec![None; score.len()],
        forms: vec![None; score.len()],
        parts: Vec::with_capacity(score.len()),
        places: Vec::new(),
        round: 0,
        tables: HashMap::new(),
        ledger,
    };
    for id in score.ids().filter(|id| used[id.index()] > 0) {
        let expr = score.expr(id);
        if score.ty(id) == &Type::Double {
            if tested.contains(&id) {
                // a guard names it, so it stays as it is: no switch, and no form of its own
                let same = pass.copy(expr);
                pass.tables.insert(same, None);
                pass.map[id.index()] = Some(same);
                continue;
            }
            pass.forms[id.index()] = pass.form(expr);
            if pass.forms[id.index()].is_some() {
                continue;
            }
        }
        // constants are carried over where they are used
        if !matches!(expr, Expr::Const(_)) {
            pass.map[id.index()] = Some(pass.copy(expr));
        }
    }
    for output in &score.outputs {
        let output = output.map(|root| pass.get(root));
        pass.new.outputs.push(output);
    }
    pass.new.required = score.required.clone();
    pass.new
}

/// The pass under way.
struct Affine<'a> {
    old: &'a Score,
    new: Score,
    /// Where old expressions went, as far as they are built.
    map: Vec<Option<Id>>,
    /// Forms of old expressions, over atoms of the new arena.
    forms: Vec<Option<Form>>,
    /// The terms of all forms.
    parts: Vec<Part>,
    /// For an atom: the round in which it was last met, and its part then.
    places: Vec<(u32, usize)>,
    /// The number of the sum whose form is made.
    round: u32,
    tables: HashMap<Id, Option<Rc<Reading>>>,
    ledger: &'a mut Ledger,
}

/// Expressions that some condition tests for NULL, other than inputs.
fn tested_for_null(score: &Score) -> HashSet<Id> {
    let tested = score.ids().filter_map(|id| match score.expr(id) {
        Expr::IsNull(inner) if matches!(score.expr(*inner), Expr::Case(..)) => Some(*inner),
        _ => None,
    });
    tested.collect()
}

impl Affine<'_> {
    /// Where an operand went; it is built now if it is not yet.
    fn get(&mut self, old: Id) -> Id {
        if let Some(new) = self.map[old.index()] {
            return new;
        }
        let new = match self.forms[old.index()] {
            Some(form) => self.materialize(form),
            None => self.copy(self.old.expr(old)),
        };
        self.map[old.index()] = Some(new);
        new
    }

    /// The same expression over the new operands.
    fn copy(&mut self, expr: &Expr) -> Id {
        expr.operands(|operand| {
            self.get(operand);
        });
        let map = &self.map;
        self.new.carry(expr, |old| map[old.index()].unwrap_or(old))
    }

    /// The form of an affine expression; `None` for an atom.
    fn form(&mut self, expr: &Expr) -> Option<Form> {
        let start = self.parts.len();
        let mut form = Form { constant: Extended::ZERO, constant_first: false, start, end: start };
        match expr {
            Expr::Sum(terms) => {
                form.constant_first = terms[0].factor.is_none();
                self.round += 1;
                let mut nested = false;
                let mut repeated = false;
                for term in terms {
                    let coefficient = Extended::new(term.coefficient);
                    let Some(factor) = term.factor else {
                        form.constant = form.constant.add(coefficient);
                        continue;
                    };
                    match self.forms[factor.index()] {
                        Some(inner) => {
                            nested = true;
                            form.constant = form.constant.add(inner.constant.times(coefficient));
                            for at in inner.start..inner.end {
                                let part = self.parts[at];
                                let origin = part.origin.or(term.origin);
                                repeated |= self.add(start, part.atom, part.coefficient.times(coefficient), origin);
                            }
                        }
                        None => {
                            let atom = self.get(factor);
                            repeated |= self.add(start, atom, coefficient, term.origin);
                        }
                    }
                }
                self.ledger.count(&SUMS, usize::from(nested || repeated));
                let zero = form.constant.is_zero() && terms.len() > 1 && terms.iter().any(|term| term.factor.is_none());
                self.ledger.count(&ZERO, usize::from(zero));
                let cancelled = self.cancel(start);
                self.ledger.count(&CANCEL, cancelled);
            }
            Expr::Call(Function::Divide, list) => {
                let divisor = self.constant(list[1])?;
                if divisor.is_zero() || !divisor.round().is_finite() {
                    return None;
                }
                let inner = self.of(list[0]);
                // an atom's own part may stand before
                form.start = self.parts.len();
                form.constant = inner.constant.over(divisor);
                form.constant_first = inner.constant_first;
                for at in inner.start..inner.end {
                    let part = self.parts[at];
                    self.parts.push(Part { coefficient: part.coefficient.over(divisor), ..part });
                }
                self.ledger.count(&DIVISORS, 1);
            }
            Expr::Product(list) => {
                let mut coefficient = Extended::ONE;
                let mut atoms = Vec::with_capacity(list.len());
                for &factor in list {
                    let form = self.of(factor);
                    if form.end - form.start != 1 || !form.constant.is_zero() {
                        return None;
                    }
                    let part = self.parts[form.start];
                    coefficient = coefficient.times(part.coefficient);
                    atoms.push(part.atom);
                }
                if !(1e-9..=1e9).contains(&coefficient.round().abs()) {
                    return None;
                }
                self.ledger.count(&PRODUCTS, usize::from(coefficient != Extended::ONE));
                let atom = self.new.product(atoms);
                self.parts.push(Part { atom, coefficient, origin: None });
                // the factors' own parts may stand in between
                form.start = self.parts.len() - 1;
            }
            Expr::Const(Const::Double(value)) if value.0.is_finite() => form.constant = Extended::new(value.0),
            _ => return None,
        }
        form.end = self.parts.len();
        Some(form)
    }

    /// Leaves out the terms of a form whose coefficient is 0, if the others are NULL wherever they are.
    fn cancel(&mut self, start: usize) -> usize {
        let parts = &self.parts[start..];
        if !parts.iter().any(|part| part.coefficient.is_zero()) {
            return 0;
        }
        let mut sources = HashSet::new();
        let live = parts.iter().filter(|part| !part.coefficient.is_zero());
        sources.extend(live.flat_map(|part| self.new.null_sources(part.atom)));
        let mut kept = start;
        for at in start..self.parts.len() {
            let part = self.parts[at];
            let own = if part.coefficient.is_zero() { self.new.null_sources(part.atom) } else { Vec::new() };
            if !part.coefficient.is_zero() || own.iter().any(|source| !sources.contains(source)) {
                sources.extend(own);
                self.parts[kept] = part;
                kept += 1;
            }
        }
        let cancelled = self.parts.len() - kept;
        self.parts.truncate(kept);
        cancelled
    }

    /// The value of an operand that is a constant by now.
    fn constant(&self, id: Id) -> Option<Extended> {
        match (&self.forms[id.index()], self.map[id.index()]) {
            (Some(form), _) if form.start == form.end => Some(Extended::new(form.constant.round())),
            (None, Some(new)) => self.new.double_value(new).map(Extended::new),
            _ => None,
        }
    }

    /// The form of an operand: its own, or the operand as an atom.
    fn of(&mut self, id: Id) -> Form {
        if let Some(form) = self.forms[id.index()] {
            return form;
        }
        let atom = self.get(id);
        let start = self.parts.len();
        self.parts.push(Part { atom, coefficient: Extended::ONE, origin: None });
        Form { constant: Extended::ZERO, constant_first: false, start, end: start + 1 }
    }

    /// Adds to the coefficient of an atom, in the form that begins at `start`; whether the atom was there.
    fn add(&mut self, start: usize, atom: Id, coefficient: Extended, origin: Option<u32>) -> bool {
        if self.places.len() <= atom.index() {
            self.places.resize(self.new.len(), (0, 0));
        }
        let (round, place) = &mut self.places[atom.index()];
        if *round == self.round {
            debug_assert!(*place >= start);
            let part = &mut self.parts[*place];
            part.coefficient = part.coefficient.add(coefficient);
            return true;
        }
        (*round, *place) = (self.round, self.parts.len());
        self.parts.push(Part { atom, coefficient, origin });
        false
    }

    /// Rounds a form and makes a sum of it.
    fn materialize(&mut self, form: Form) -> Id {
        let mut terms: Vec<Term> = Vec::with_capacity(form.end - form.start + 1);
        // one table a subject, where its first atom stands; `places` is only looked up
        let mut merged: Vec<(usize, Table)> = Vec::new();
        let mut places: HashMap<Key, usize> = HashMap::new();
        for at in form.start..form.end {
            let Part { atom, coefficient, origin } = self.parts[at];
            let Some(reading) = self.table(atom) else {
                let coefficient = coefficient.round();
                // an imputer that may be NULL is left alone: a guard may name it
                let imputer =
                    if self.new.nullable(atom) { None } else { weighted_imputer(&mut self.new, atom, coefficient) };
                let term = match imputer {
                    Some(imputer) => {
                        self.ledger.count(&IMPUTERS, 1);
                        Term::new(1.0, imputer)
                    }
                    None => Term::new(coefficient, atom),
                };
                terms.push(term.about(origin));
                continue;
            };
            let place = *places.entry(reading.key()).or_insert_with(|| {
                merged.push((terms.len(), Table::new(atom, &reading)));
                terms.push(Term::constant(0.0).about(origin));
                merged.len() - 1
            });
            merged[place].1.add(&reading, coefficient);
        }
        for (place, table) in merged {
            let case = match table {
                // a table that stays as it is
                Table { first, tables: 1, weighted: false, .. } => first,
                Table { sum, .. } => {
                    let rule = if matches!(sum, Merged::Switch(_)) { &SWITCHES } else { &STEPS };
                    self.ledger.count(rule, 1);
                    sum.case(&mut self.new)
                }
            };
            terms[place] = Term { factor: Some(case), coefficient: 1.0, ..terms[place] };
        }
        let constant = form.constant.round();
        if constant != 0.0 || terms.is_empty() {
            let place = if form.constant_first { 0 } else { terms.len() };
            terms.insert(place, Term::constant(constant));
        }
        self.new.sum(terms)
    }

    /// The table that an atom is, if it is one.
    fn table(&mut self, atom: Id) -> Option<Rc<Reading>> {
        if !matches!(self.new.expr(atom), Expr::Case(..)) {
            return None;
        }
        let new = &self.new;
        self.tables.entry(atom).or_insert_with(|| Reading::of(new, atom).map(Rc::new)).clone()
    }
}

type Key = (bool, Id, Option<Id>, Option<Id>);

/// A CASE that is a table.
enum Reading {
    Switch(Switch),
    Steps(Steps),
}

impl Reading {
    fn of(score: &Score, id: Id) -> Option<Reading> {
        let switch = Switch::read(score, id).map(Reading::Switch);
        switch.or_else(|| Steps::read(score, id).map(Reading::Steps))
    }

    /// Tables of one key can be added: of one kind, over one subject, with the same tests for what is absent and unknown.
    fn key(&self) -> Key {
        let condition = |absent: &Option<(Id, Option<Extended>)>| absent.map(|(condition, _)| condition);
        match self {
            Reading::Switch(switch) => (false, switch.subject, condition(&switch.absent), switch.known),
            Reading::Steps(steps) => (true, steps.subject, condition(&steps.absent), None),
        }
    }
}

/// Tables of one key, added up.
struct Table {
    /// The first of them.
    first: Id,
    tables: u32,
    /// Whether one had a coefficient other than 1.
    weighted: bool,
    sum: Merged,
}

enum Merged {
    Switch(Switches),
    Steps(Staircase),
}

impl Table {
    fn new(first: Id, reading: &Reading) -> Self {
        let sum = match reading {
            Reading::Switch(switch) => Merged::Switch(Switches::new(switch)),
            Reading::Steps(steps) => Merged::Steps(Staircase::new(steps)),
        };
        Table { first, tables: 0, weighted: false, sum }
    }

    fn add(&mut self, reading: &Reading, coefficient: Extended) {
        self.tables += 1;
        self.weighted |= coefficient != Extended::ONE;
        match (&mut self.sum, reading) {
            (Merged::Switch(sum), Reading::Switch(switch)) => sum.add(switch, coefficient),
            (Merged::Steps(sum), Reading::Steps(steps)) => sum.add(steps, coefficient),
            // of one key, so of one kind
            _ => debug_assert!(false, "tables of two kinds"),
        }
    }
}

impl Merged {
    fn case(self, score: &mut Score) -> Id {
        match self {
            Merged::Switch(sum) => sum.case(score),
            Merged::Steps(sum) => sum.case(score),
        }
    }
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
