//! Operators that look at a whole row: normalization, softmax, reductions, argmax and the decision for a label.

use super::{Item, Lowering, single};
use crate::model::{Decision, Elem, NodeId, Norm, Reduction, Value};
use crate::schema::Type;
use crate::score::{Arm, Comparison, Function, Id, Term};

impl Lowering<'_> {
    pub(super) fn normalize(&mut self, norm: Norm, arg: NodeId) -> Vec<Item> {
        let x = self.numbers(arg);
        let divisor = match norm {
            Norm::L1 => self.reduced(Reduction::L1, &x),
            Norm::L2 => self.reduced(Reduction::L2, &x),
            Norm::Max => {
                let absolute: Vec<Id> = x.iter().map(|&x| self.score.call(Function::Abs, vec![x])).collect();
                self.reduced(Reduction::Max, &absolute)
            }
            Norm::SignedMax => self.reduced(Reduction::Max, &x),
        };
        let sources = self.score.null_sources(divisor);
        let absent = self.score.any_null(sources);
        let (zero, null) = (self.score.double(0.0), self.score.null(Type::Double));
        let is_zero = self.score.compare(Comparison::Equal, divisor, zero);
        let mut result = Vec::with_capacity(x.len());
        for x in x {
            let quotient = self.score.divide(x, divisor);
            let arms = [Arm { condition: absent, value: null }, Arm { condition: is_zero, value: x }];
            result.push(Item::Value(self.score.case(arms, quotient)));
        }
        result
    }

    /// One function, which optimizer and plan know how to write.
    pub(super) fn softmax(&mut self, arg: NodeId) -> Vec<Item> {
        let x = self.numbers(arg);
        if let [only] = x.as_slice() {
            let one = self.score.double(1.0);
            let absent = self.score.null_arm(&[*only], one);
            return vec![Item::Value(self.score.case([absent], one))];
        }
        let share = |own: &Id| Item::Value(self.score.call(Function::Softmax, [&[*own], x.as_slice()].concat()));
        x.iter().map(share).collect()
    }

    /// `(x_i - m) - ln Σ e^(x_j - m)`, m the largest element.
    pub(super) fn log_softmax(&mut self, arg: NodeId) -> Vec<Item> {
        let x = self.numbers(arg);
        if let [only] = x.as_slice() {
            let (absent, zero) = (self.score.null_arm(&[*only], *only), self.score.double(0.0));
            return vec![Item::Value(self.score.case([absent], zero))];
        }
        let (largest, logarithm) = self.over_largest(&x);
        let terms = |x: Id| [Term::new(1.0, x), Term::new(-1.0, largest), Term::new(-1.0, logarithm)];
        x.iter().map(|&x| Item::Value(self.score.sum(terms(x)))).collect()
    }

    /// The largest element m, and `ln Σ e^(x_j - m)`.
    fn over_largest(&mut self, x: &[Id]) -> (Id, Id) {
        let largest = self.reduced(Reduction::Max, x);
        let mut terms = Vec::with_capacity(x.len());
        for &x in x {
            let difference = self.score.subtract(x, largest);
            terms.push(Term::new(1.0, self.score.call(Function::Exp, vec![difference])));
        }
        let total = self.score.sum(terms);
        (largest, self.score.call(Function::Ln, vec![total]))
    }

    pub(super) fn reduce(&mut self, reduction: Reduction, arg: NodeId, elem: Elem) -> Item {
        let items = self.items(arg).to_vec();
        if elem == Elem::Integer
            && let Some(integer) = self.reduced_integers(reduction, &items)
        {
            return integer;
        }
        let x = self.numbers(arg);
        Item::Value(self.reduced(reduction, &x))
    }

    fn reduced(&mut self, reduction: Reduction, x: &[Id]) -> Id {
        match reduction {
            Reduction::Sum => self.score.sum(x.iter().map(|&x| Term::new(1.0, x))),
            Reduction::Mean => {
                let total = self.reduced(Reduction::Sum, x);
                let count = self.score.double(x.len() as f64);
                self.score.divide(total, count)
            }
            Reduction::Max | Reduction::Min => {
                let function = if reduction == Reduction::Max { Function::Max } else { Function::Min };
                x[1..].iter().fold(x[0], |best, &x| self.score.call(function, vec![best, x]))
            }
            Reduction::Product => self.score.product(x.iter().copied()),
            Reduction::L1 => {
                let terms: Vec<Term> =
                    x.iter().map(|&x| Term::new(1.0, self.score.call(Function::Abs, vec![x]))).collect();
                self.score.sum(terms)
            }
            Reduction::L2 => {
                let total = self.reduced(Reduction::SumSquare, x);
                self.score.call(Function::Sqrt, vec![total])
            }
            Reduction::SumSquare => {
                let terms: Vec<Term> = x.iter().map(|&x| Term::new(1.0, self.score.multiply(x, x))).collect();
                self.score.sum(terms)
            }
            Reduction::LogSumExp => {
                let (largest, logarithm) = self.over_largest(x);
                self.score.add(largest, logarithm)
            }
        }
    }

    pub(super) fn arg_extreme(&mut self, arg: NodeId, largest: bool, last: bool) -> Item {
        let items = self.items(arg).to_vec();
        let integers: Option<Vec<Id>> = items.iter().map(|item| self.bigint(item)).collect();
        let x = integers.unwrap_or_else(|| self.numbers(arg));
        let positions: Vec<Id> = (0..x.len()).map(|position| self.score.bigint(position as i64)).collect();
        Item::Value(self.extreme(&x, &positions, largest, last))
    }

    pub(super) fn of_largest(&mut self, scores: NodeId, values: NodeId) -> Item {
        let scores = self.numbers(scores);
        let items = self.items(values).to_vec();
        let values: Vec<Id> = items.iter().map(|item| self.value(item)).collect();
        let absent = self.score.null_arm(&values, values[0]);
        let best = self.extreme(&scores, &values, true, false);
        // of more than two it is NULL where a value is
        Item::Value(if scores.len() > 2 { best } else { self.score.case([absent], best) })
    }

    /// The value that belongs to the largest (or smallest) score, of equals the first (or last); NULL if a score is. A NaN is
    /// larger than nothing that stands before it, so a row of NaN has the first value.
    pub(super) fn extreme(&mut self, scores: &[Id], values: &[Id], largest: bool, last: bool) -> Id {
        let comparison = match (largest, last) {
            (true, false) => Comparison::Greater,
            (true, true) => Comparison::GreaterOrEqual,
            (false, false) => Comparison::Less,
            (false, true) => Comparison::LessOrEqual,
        };
        let absent = self.score.null_arm(scores, values[0]);
        // integers are not compared as doubles, of which two may be equal where they are not
        if scores.len() < 3 || self.score.ty(scores[0]) == &Type::Bigint {
            return self.score.of_extreme(absent, scores, values, comparison);
        }
        if last {
            return self.last_extreme(absent, scores, values, comparison);
        }
        let sign = if largest { 1.0 } else { -1.0 };
        let mut all: Vec<Id> = scores.iter().map(|&score| self.score.scale(sign, score)).collect();
        all.extend(values);
        self.score.call(Function::OfLargest, all)
    }

    /// By comparisons of two that step over a NaN: the value of the last score that compares so with the first, and with
    /// which no other before it compares better.
    fn last_extreme(&mut self, absent: Arm, scores: &[Id], values: &[Id], comparison: Comparison) -> Id {
        let better = if comparison == Comparison::GreaterOrEqual { Comparison::Greater } else { Comparison::Less };
        let mut arms = vec![absent];
        for candidate in (1..scores.len()).rev() {
            let mut conditions = vec![self.score.compare(comparison, scores[candidate], scores[0])];
            for &other in &scores[1..candidate] {
                let beaten = self.score.compare(better, other, scores[candidate]);
                conditions.push(self.score.not(beaten));
            }
            arms.push(Arm { condition: self.score.and(conditions), value: values[candidate] });
        }
        self.score.case(arms, values[0])
    }

    pub(super) fn decide(&mut self, classes: &[Value], decision: &Decision, arg: NodeId) -> Item {
        let scores = self.numbers(arg);
        if let [Value::Boolean(first), ..] = classes {
            return self.decide_boolean(*first, classes, decision, arg, &scores);
        }
        let labels: Vec<Id> = classes
            .iter()
            .map(|class| match class {
                Value::Text(text) => self.score.text(text),
                Value::Integer(value) => self.score.bigint(*value),
                Value::Number(value) => self.score.double(*value),
                Value::Boolean(_) | Value::Missing => self.score.null(Type::String),
            })
            .collect();
        Item::Value(match decision {
            Decision::Threshold { threshold, inclusive } => {
                let flag = self.above(arg, scores[0], *threshold, *inclusive);
                self.flagged(&flag, labels[1], labels[0])
            }
            Decision::FirstLargest => self.extreme(&scores, &labels, true, false),
        })
    }

    fn decide_boolean(
        &mut self,
        first: bool,
        classes: &[Value],
        decision: &Decision,
        arg: NodeId,
        scores: &[Id],
    ) -> Item {
        let flag = match decision {
            Decision::Threshold { threshold, inclusive } => self.above(arg, scores[0], *threshold, *inclusive),
            Decision::FirstLargest if classes.len() == 2 => {
                self.compare(Comparison::Greater, &Item::Value(scores[1]), &Item::Value(scores[0]))
            }
            // of one class alone; there are no more than two booleans
            Decision::FirstLargest => {
                let sources = scores.iter().flat_map(|&score| self.score.null_sources(score)).collect();
                Item::Flag { condition: self.score.boolean(false), missing: sources }
            }
        };
        let Item::Flag { condition, missing } = flag else { return flag };
        // the second class is chosen where the condition holds; it is TRUE if the first is FALSE
        let condition = if first { self.score.not(condition) } else { condition };
        Item::Flag { condition, missing }
    }

    fn above(&mut self, arg: NodeId, score: Id, threshold: f64, inclusive: bool) -> Item {
        let comparison = if inclusive { Comparison::GreaterOrEqual } else { Comparison::Greater };
        if let Some(decided) = single::with_constant(self, comparison, (arg, 0), threshold) {
            return decided;
        }
        let threshold = self.score.double(threshold);
        self.compare(comparison, &Item::Value(score), &Item::Value(threshold))
    }
}
