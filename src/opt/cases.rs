//! CASE: conditions that are decided by what holds where they are asked, and arms with one value.
//!
//! Going down the arms, each failed condition says something: that a category is not this one, that a number is not below
//! that bound (or is NaN). Inside of an arm its condition holds. A condition that follows, or contradicts, is dropped. So
//! nested CASEs over one column lose what the outer one has decided.

use super::{Class, Ledger, Pass, Rule};
use crate::schema::Type;
use crate::score::{Arm, Comparison, Expr, Id, Known, Range, Rebuild, Score, narrowest};
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) const PASS: Pass =
    Pass { name: "cases", rules: &[&KNOWN, &ALIKE], concerns: |_, expr| matches!(expr, Expr::Case(..)), run };

const KNOWN: Rule = Rule {
    name: "known",
    class: Class::Exact,
    equation: "CASE WHEN x < 1 THEN … WHEN x < 0 THEN … END: x < 0 is FALSE where x < 1 is; likewise inside of an arm, and \
               for categories",
};
const ALIKE: Rule = Rule {
    name: "alike",
    class: Class::Exact,
    equation: "CASE s WHEN k THEN a WHEN l THEN b WHEN m THEN a ELSE e END = CASE s WHEN k OR m THEN a WHEN l THEN b ELSE e \
               END; arms that give e are dropped",
};

/// How far down conditions are looked at from an arm.
const DEEPEST: u32 = 8;

/// What holds somewhere.
#[derive(Clone, Default)]
struct Here {
    ranges: Known,
    /// Categories: the constant that a subject equals.
    equal: HashMap<Id, Id>,
    /// Pairs of a subject and a constant that it does not equal.
    different: HashSet<(Id, Id)>,
}

struct Simplifier<'a> {
    /// Of the new arena.
    ranges: Vec<Range>,
    ledger: &'a mut Ledger,
}

fn run(score: &Score, ledger: &mut Ledger) -> Score {
    // what a guard names stays as it is
    let tested: BTreeSet<Id> = score
        .ids()
        .filter_map(|id| match score.expr(id) {
            Expr::IsNull(inner) => Some(*inner),
            _ => None,
        })
        .collect();
    let mut simplifier = Simplifier { ranges: Vec::new(), ledger };
    Rebuild::new(score).run(|pass, id, expr| {
        let Expr::Case(..) = expr else { return None };
        let same = pass.copy(expr);
        if tested.contains(&id) {
            return Some(same);
        }
        let simpler = simplifier.case(&mut pass.new, same, &Here::default(), 0);
        Some(simplifier.alike(&mut pass.new, simpler))
    })
}

impl Simplifier<'_> {
    /// A CASE without the conditions that are decided; anything else as it is.
    fn case(&mut self, score: &mut Score, id: Id, here: &Here, depth: u32) -> Id {
        let Expr::Case(arms, otherwise) = score.expr(id) else { return id };
        let (arms, otherwise) = (arms.clone(), *otherwise);
        let mut here = here.clone();
        let mut list = Vec::with_capacity(arms.len());
        let mut changed = 0;
        for arm in arms {
            score.extend_ranges(&mut self.ranges);
            let condition = self.decided(score, &here, arm.condition);
            changed += usize::from(condition != arm.condition);
            let value = self.below(score, arm.value, condition, &here, depth);
            list.push(Arm { condition, value });
            score.extend_ranges(&mut self.ranges);
            self.assume(score, &mut here, condition, false);
        }
        let end = match score.expr(otherwise) {
            Expr::Case(..) if depth < DEEPEST => self.case(score, otherwise, &here, depth + 1),
            _ => otherwise,
        };
        let simpler = score.case(list, end);
        if score.nullable(simpler) && !score.nullable(id) {
            return id;
        }
        self.ledger.count(&KNOWN, changed);
        simpler
    }

    /// The value of an arm, if it is a CASE, by what holds in the arm.
    fn below(&mut self, score: &mut Score, value: Id, condition: Id, here: &Here, depth: u32) -> Id {
        // many arms that each hold a CASE would copy what holds many times
        let much = here.ranges.len() + here.different.len() > 256;
        if depth >= DEEPEST || much || !matches!(score.expr(value), Expr::Case(..)) {
            return value;
        }
        let mut inside = here.clone();
        self.assume(score, &mut inside, condition, true);
        self.case(score, value, &inside, depth + 1)
    }

    fn assume(&self, score: &Score, here: &mut Here, condition: Id, truth: bool) {
        let mut found = Known::new();
        score.assume(condition, truth, &self.ranges, &here.ranges, &mut found);
        here.ranges.extend(found);
        let mut stack = vec![(condition, truth)];
        while let Some((id, truth)) = stack.pop() {
            match score.expr(id) {
                Expr::Not(inner) => stack.push((*inner, !truth)),
                Expr::And(list) if truth => stack.extend(list.iter().map(|&item| (item, true))),
                Expr::Or(list) if !truth => stack.extend(list.iter().map(|&item| (item, false))),
                Expr::Compare(Comparison::Equal, subject, constant) if is_category(score, *subject, *constant) => {
                    if truth {
                        here.equal.insert(*subject, *constant);
                    } else {
                        here.different.insert((*subject, *constant));
                    }
                }
                _ => {}
            }
        }
    }

    /// The condition, or what is left of it.
    fn decided(&self, score: &mut Score, here: &Here, condition: Id) -> Id {
        match score.expr(condition) {
            Expr::Compare(comparison, a, b) => {
                let truth = if is_category(score, *a, *b) {
                    match here.equal.get(a) {
                        Some(constant) => Some(constant == b),
                        None => here.different.contains(&(*a, *b)).then_some(false),
                    }
                } else if score.ty(*a) == &Type::Double {
                    let none = Known::new();
                    let range = |id: Id| narrowest(id, &self.ranges, &none, &here.ranges);
                    range(*a).decide(*comparison, range(*b))
                } else {
                    None
                };
                truth.map_or(condition, |truth| score.boolean(truth))
            }
            Expr::And(list) | Expr::Or(list) => {
                let all = matches!(score.expr(condition), Expr::And(_));
                let list = list.clone();
                let plain = |score: &Score, id: Id| matches!(score.expr(id), Expr::Compare(..));
                let parts: Vec<Id> = list
                    .iter()
                    .map(|&part| if plain(score, part) { self.decided(score, here, part) } else { part })
                    .collect();
                if parts == list {
                    condition
                } else if all {
                    score.and(parts)
                } else {
                    score.or(parts)
                }
            }
            _ => condition,
        }
    }

    /// Joins arms of one value in a CASE over the categories of one subject.
    fn alike(&mut self, score: &mut Score, id: Id) -> Id {
        let Expr::Case(arms, otherwise) = score.expr(id) else { return id };
        let (arms, otherwise) = (arms.clone(), *otherwise);
        // a test for absence stays where it is
        let first = usize::from(score.null_tests(arms[0].condition).any(|test| test.is_some()));
        let mut subject = None;
        let mut keys = HashSet::new();
        for arm in &arms[first..] {
            let tests = match score.expr(arm.condition) {
                Expr::Or(list) => list.as_slice(),
                _ => std::slice::from_ref(&arm.condition),
            };
            for test in tests {
                match score.expr(*test) {
                    Expr::Compare(Comparison::Equal, a, b)
                        if score.constant(*b).is_some() && subject.is_none_or(|subject| subject == *a) =>
                    {
                        subject = Some(*a);
                        // 0 and −0 are two constants and one number
                        let zero = score.double_value(*b) == Some(0.0);
                        if !keys.insert(if zero { None } else { Some(*b) }) {
                            return id;
                        }
                    }
                    _ => return id,
                }
            }
        }
        let mut joined: Vec<(Id, Vec<Id>)> = Vec::new();
        let mut places: HashMap<Id, usize> = HashMap::new();
        for arm in &arms[first..] {
            if arm.value == otherwise {
                continue;
            }
            let place = *places.entry(arm.value).or_insert(joined.len());
            match joined.get_mut(place) {
                Some((_, conditions)) => conditions.push(arm.condition),
                None => joined.push((arm.value, vec![arm.condition])),
            }
        }
        if joined.len() == arms.len() - first {
            return id;
        }
        let fewer = arms.len() - first - joined.len();
        let mut list: Vec<Arm> = arms[..first].to_vec();
        for (value, conditions) in joined {
            list.push(Arm { condition: score.or(conditions), value });
        }
        let simpler = score.case(list, otherwise);
        if score.nullable(simpler) && !score.nullable(id) {
            return id;
        }
        self.ledger.count(&ALIKE, fewer);
        simpler
    }
}

/// Whether a comparison is one of a category with a constant.
fn is_category(score: &Score, subject: Id, constant: Id) -> bool {
    score.ty(subject) != &Type::Double && score.constant(constant).is_some()
}
