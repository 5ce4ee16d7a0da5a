//! Which values of an item are bound to a name, because computing them again costs more.
//!
//! ksqlDB has no common subexpressions: what is written twice runs twice, and a comparison writes its sides twice into the
//! code that it compiles. A value is bound where the time of its further evaluations is more than that of an array element
//! and the reads, and the binding as a whole where that pays for the lambda.
//!
//! A binding is strict where the expression was lazy (an arm of a CASE), which changes nothing: numbers have no errors, and
//! a NULL element is the NULL that the value would be.

use crate::schema::Type;
use crate::score::{Expr, Id, Score};
use crate::sql::cost::{evaluations, measure};
use crate::sql::dialect::Dialect;
use std::collections::BTreeMap;

/// What is bound, by level: values of a level refer to those of the levels before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lets {
    /// Outermost first, none empty.
    pub levels: Vec<Vec<Id>>,
    places: BTreeMap<Id, (usize, usize)>,
}

impl Lets {
    /// The level of a bound value and its position there.
    pub fn place(&self, id: Id) -> Option<(usize, usize)> {
        self.places.get(&id).copied()
    }

    /// Whether the value is bound.
    pub fn binds(&self, id: Id) -> bool {
        !self.places.is_empty() && self.places.contains_key(&id)
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Chooses what to bind below the roots of an item; `reachable` is everything that they need, operands first.
    ///
    /// Everything that would be worth an array element is bound first, users before operands; then levels that do not pay
    /// for their lambda, now that the others are bound, are taken back, least first.
    pub fn choose(score: &Score, dialect: &dyn Dialect, roots: &[Id], reachable: &[Id]) -> Lets {
        let plain = |id: Id| matches!(score.expr(id), Expr::Const(_) | Expr::Input(_));
        let candidate = |id: Id| !plain(id) && score.ty(id) == &Type::Double;
        let mut bound = savings(score, dialect, roots, reachable, |_| false, |id, saved| candidate(id) && saved > 0.0);
        loop {
            let levels = levels(score, reachable, |id| bound.contains_key(&id));
            if levels.is_empty() {
                return Lets::default();
            }
            let binds = |id: Id| bound.contains_key(&id);
            let saved = savings(score, dialect, roots, reachable, binds, |id, _| binds(id));
            let of = |level: &Vec<Id>| -> f64 { level.iter().map(|id| saved[id]).sum() };
            let least = levels.iter().min_by(|a, b| of(a).total_cmp(&of(b)));
            match least.filter(|level| of(level) <= dialect.costs().binding) {
                None => return Lets::new(levels),
                Some(level) => level.iter().for_each(|id| {
                    bound.remove(id);
                }),
            }
        }
    }

    fn new(levels: Vec<Vec<Id>>) -> Lets {
        let places = levels
            .iter()
            .enumerate()
            .flat_map(|(level, values)| values.iter().enumerate().map(move |(position, &id)| (id, (level, position))));
        Lets { places: places.collect(), levels }
    }
}

/// What binding each value that `binds` would save, in nanoseconds, with values that are `bound` measured as names.
fn savings(
    score: &Score,
    dialect: &dyn Dialect,
    roots: &[Id],
    reachable: &[Id],
    bound: impl Fn(Id) -> bool,
    binds: impl Fn(Id, f64) -> bool,
) -> BTreeMap<Id, f64> {
    let costs = dialect.costs();
    let measures = measure(score, dialect, reachable, bound);
    let mut savings = BTreeMap::new();
    // how often each is evaluated
    let mut times = vec![0.0f64; score.len()];
    roots.iter().for_each(|root| times[root.index()] += 1.0);
    for &id in reachable.iter().rev() {
        let here = times[id.index()];
        let saved = (here - 1.0) * measures[id.index()].time - here * costs.reference - costs.bound;
        let binds = binds(id, saved);
        if binds {
            savings.insert(id, saved);
        }
        let each = f64::from(evaluations(score.expr(id), dialect)) * if binds { 1.0 } else { here };
        score.expr(id).operands(|operand| times[operand.index()] += each);
    }
    savings
}

/// Values by how many bindings stand below each.
fn levels(score: &Score, reachable: &[Id], binds: impl Fn(Id) -> bool) -> Vec<Vec<Id>> {
    let mut levels: Vec<Vec<Id>> = Vec::new();
    // the number of levels that an expression needs around it
    let mut needs = vec![0usize; score.len()];
    for &id in reachable {
        let mut need = 0;
        score.expr(id).operands(|operand| need = need.max(needs[operand.index()]));
        if binds(id) {
            if levels.len() == need {
                levels.push(Vec::new());
            }
            levels[need].push(id);
            need += 1;
        }
        needs[id.index()] = need;
    }
    levels
}
