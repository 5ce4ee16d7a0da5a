//! Facts about numbers: the interval that each lies in, and whether it may be NaN.
//!
//! Bounds hold for the rounded operations themselves: rounding is monotone, so the bounds of a sum are the sums of the
//! bounds in the same order. Of elementary functions only what holds in every implementation is used (a sigmoid is between
//! 0 and 1). NULL is no number, and nothing is said of it.

use super::{Arm, Comparison, Expr, Function, Id, Score};
use crate::schema::Type;
use std::collections::HashMap;

/// `low <= x <= high`, or NaN if that may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Not NaN.
    pub low: f64,
    /// Not NaN.
    pub high: f64,
    /// Whether it may be NaN.
    pub nan: bool,
}

impl Range {
    /// Nothing is known.
    pub const ANY: Range = Range { low: f64::NEG_INFINITY, high: f64::INFINITY, nan: true };

    fn new(low: f64, high: f64, nan: bool) -> Self {
        if low.is_nan() || high.is_nan() { Range::ANY } else { Range { low, high, nan } }
    }

    /// What a comparison of two such numbers gives, if it gives the same for all of them. With NaN it is false.
    pub fn decide(self, comparison: Comparison, other: Range) -> Option<bool> {
        let nan = self.nan || other.nan;
        let (never, always) = match comparison {
            Comparison::Less => (self.low >= other.high, self.high < other.low),
            Comparison::LessOrEqual => (self.low > other.high, self.high <= other.low),
            Comparison::Greater => (self.high <= other.low, self.low > other.high),
            Comparison::GreaterOrEqual => (self.high < other.low, self.low >= other.high),
            Comparison::Equal => (self.low > other.high || self.high < other.low, false),
        };
        match (never, always) {
            (true, _) => Some(false),
            (_, true) if !nan => Some(true),
            _ => None,
        }
    }

    fn union(self, other: Range) -> Range {
        Range { low: self.low.min(other.low), high: self.high.max(other.high), nan: self.nan || other.nan }
    }

    /// What is left where a comparison with such a number holds, or where it does not.
    fn refine(self, comparison: Comparison, other: Range, holds: bool) -> Range {
        let below = Range { high: self.high.min(other.high), ..self };
        let above = Range { low: self.low.max(other.low), ..self };
        match (comparison, holds) {
            (Comparison::Less | Comparison::LessOrEqual, true) => Range { nan: false, ..below },
            (Comparison::Greater | Comparison::GreaterOrEqual, true) => Range { nan: false, ..above },
            (Comparison::Equal, true) => Range { low: above.low, high: below.high, nan: false },
            // NaN holds nowhere; where the other number may be NaN nothing follows
            (_, false) if other.nan => self,
            (Comparison::Less | Comparison::LessOrEqual, false) => above,
            (Comparison::Greater | Comparison::GreaterOrEqual, false) => below,
            (Comparison::Equal, false) => self,
        }
    }
}

/// Ranges of some expressions that are narrower where something is known to hold.
pub type Known = HashMap<Id, Range>;

impl Score {
    /// The range of every expression; of what is no DOUBLE nothing is known.
    pub fn ranges(&self) -> Vec<Range> {
        let mut ranges = Vec::with_capacity(self.len());
        self.extend_ranges(&mut ranges);
        ranges
    }

    /// Adds the ranges of the expressions that were made since.
    pub fn extend_ranges(&self, ranges: &mut Vec<Range>) {
        for id in self.ids().skip(ranges.len()) {
            let range = if self.ty(id) == &Type::Double { self.range(id, ranges) } else { Range::ANY };
            ranges.push(range);
        }
    }

    fn range(&self, id: Id, ranges: &[Range]) -> Range {
        let of = |id: Id| ranges[id.index()];
        match self.expr(id) {
            Expr::Input(number) if !self.inputs()[*number as usize].nan => Range::new(f64::MIN, f64::MAX, false),
            Expr::Const(_) => match self.double_value(id) {
                Some(value) => Range::new(value, value, false),
                None => Range::ANY,
            },
            Expr::Sum(terms) => {
                let (mut low, mut high, mut nan, mut infinite) = (-0.0, -0.0, false, false);
                for term in terms {
                    let c = term.coefficient;
                    let factor = term.factor.map_or(Range::new(1.0, 1.0, false), of);
                    let (a, b) = (c * factor.low, c * factor.high);
                    low += a.min(b);
                    high += a.max(b);
                    nan |= factor.nan || a.is_nan() || b.is_nan();
                    infinite |= low == f64::NEG_INFINITY || high == f64::INFINITY;
                }
                Range::new(low, high, nan || infinite && terms.len() > 1)
            }
            Expr::Call(function, list) => call(*function, list.iter().map(|&argument| of(argument)).collect()),
            Expr::Case(arms, otherwise) => self.case_range(arms, *otherwise, ranges),
            _ => Range::ANY,
        }
    }

    /// The union of what each arm gives where it is chosen: a clipped number is within its bounds.
    fn case_range(&self, arms: &[Arm], otherwise: Id, ranges: &[Range]) -> Range {
        let mut known = Known::new();
        let mut union: Option<Range> = None;
        let mut add = |range: Range| union = Some(union.map_or(range, |union| union.union(range)));
        for arm in arms {
            if !self.is_null_constant(arm.value) {
                let mut inside = Known::new();
                self.assume(arm.condition, true, ranges, &known, &mut inside);
                add(narrowest(arm.value, ranges, &inside, &known));
            }
            let mut after = Known::new();
            self.assume(arm.condition, false, ranges, &known, &mut after);
            known.extend(after);
        }
        if !self.is_null_constant(otherwise) {
            add(narrowest(otherwise, ranges, &known, &known));
        }
        union.unwrap_or(Range::ANY)
    }

    fn is_null_constant(&self, id: Id) -> bool {
        self.constant(id).is_some() && self.double_value(id).is_none()
    }

    /// Adds to `found` what follows for ranges from a condition being true, or false, given `known`.
    pub fn assume(&self, condition: Id, truth: bool, ranges: &[Range], known: &Known, found: &mut Known) {
        let mut stack = vec![(condition, truth)];
        while let Some((id, truth)) = stack.pop() {
            match self.expr(id) {
                Expr::Not(inner) => stack.push((*inner, !truth)),
                Expr::And(list) if truth => stack.extend(list.iter().map(|&item| (item, true))),
                Expr::Or(list) if !truth => stack.extend(list.iter().map(|&item| (item, false))),
                Expr::Compare(comparison, a, b) if self.ty(*a) == &Type::Double => {
                    let (x, y) = (narrowest(*a, ranges, found, known), narrowest(*b, ranges, found, known));
                    found.insert(*a, x.refine(*comparison, y, truth));
                    found.insert(*b, y.refine(comparison.flipped(), x, truth));
                }
                Expr::Call(Function::IsNan, list) if !truth => {
                    let x = narrowest(list[0], ranges, found, known);
                    found.insert(list[0], Range { nan: false, ..x });
                }
                _ => {}
            }
        }
    }
}

/// The range of an expression: the first that is known.
pub fn narrowest(id: Id, ranges: &[Range], inside: &Known, known: &Known) -> Range {
    inside.get(&id).or_else(|| known.get(&id)).copied().unwrap_or(ranges[id.index()])
}

fn call(function: Function, arguments: Vec<Range>) -> Range {
    let nan = arguments.iter().any(|argument| argument.nan);
    let x = arguments[0];
    match function {
        Function::Sigmoid | Function::NormalCdf | Function::Softmax => Range::new(0.0, 1.0, nan),
        Function::Tanh | Function::Erf | Function::Sign => Range::new(-1.0, 1.0, nan),
        Function::Exp | Function::Softplus => Range::new(0.0, f64::INFINITY, nan),
        Function::Expm1 => Range::new(-1.0, f64::INFINITY, nan),
        Function::Abs if x.low >= 0.0 => x,
        Function::Abs if x.high <= 0.0 => Range::new(-x.high, -x.low, nan),
        Function::Abs => Range::new(0.0, x.high.max(-x.low), nan),
        Function::Floor | Function::Ceil | Function::RoundEven => {
            let round = match function {
                Function::Floor => libm::floor,
                Function::Ceil => libm::ceil,
                _ => libm::rint,
            };
            Range::new(round(x.low), round(x.high), nan)
        }
        Function::Sqrt => Range::new(0.0, f64::INFINITY, nan || x.low < 0.0),
        Function::Min | Function::Max => {
            let pick = if function == Function::Min { f64::min } else { f64::max };
            let both = |a: Range, b: &Range| Range::new(pick(a.low, b.low), pick(a.high, b.high), nan);
            arguments.iter().fold(x, both)
        }
        Function::OfLargest => {
            let values = &arguments[arguments.len() / 2..];
            values.iter().fold(values[0], |all, &value| all.union(value))
        }
        Function::Whole => x,
        Function::ToDouble => Range::new(i64::MIN as f64, i64::MAX as f64, false),
        Function::Coalesce => arguments[1..].iter().fold(x, |all, &argument| all.union(argument)),
        // unbounded, or no DOUBLE
        Function::Divide
        | Function::Power
        | Function::Ln
        | Function::Log1p
        | Function::IsNan
        | Function::ToBigint
        | Function::AddBigint
        | Function::SubtractBigint
        | Function::MultiplyBigint
        | Function::DivideBigint => Range::ANY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Input, Term};

    fn score(nan: bool) -> (Score, Id) {
        let mut s = Score::new(vec![Input { name: "x".into(), ty: Type::Double, nullable: false, nan }]);
        let x = s.input(0);
        (s, x)
    }

    #[test]
    fn a_clipped_number_is_within_its_bounds_and_nan_passes() {
        for nan in [false, true] {
            let (mut s, x) = score(nan);
            let (low, high) = (s.double(-2.0), s.double(3.0));
            let below = s.compare(Comparison::Less, x, low);
            let above = s.compare(Comparison::Greater, x, high);
            let clipped = s.case([Arm { condition: below, value: low }, Arm { condition: above, value: high }], x);
            assert_eq!(s.ranges()[clipped.index()], Range { low: -2.0, high: 3.0, nan });
            let shifted = s.sum([Term::new(-2.0, clipped), Term::constant(1.0)]);
            assert_eq!(s.ranges()[shifted.index()], Range { low: -5.0, high: 5.0, nan });
        }
    }

    #[test]
    fn a_sum_that_may_overflow_may_be_nan() {
        let (mut s, x) = score(false);
        let sum = s.sum([Term::new(2.0, x), Term::new(-2.0, x)]);
        assert_eq!(s.ranges()[sum.index()], Range::ANY);
        let single = s.scale(2.0, x);
        assert!(!s.ranges()[single.index()].nan);
    }

    #[test]
    fn comparisons_are_decided_only_for_certain() {
        let unit = Range { low: 0.0, high: 1.0, nan: true };
        let at = |value| Range { low: value, high: value, nan: false };
        assert_eq!(unit.decide(Comparison::Greater, at(1.0)), Some(false));
        assert_eq!(unit.decide(Comparison::GreaterOrEqual, at(1.0)), None);
        assert_eq!(unit.decide(Comparison::GreaterOrEqual, at(0.0)), None);
        assert_eq!(Range { nan: false, ..unit }.decide(Comparison::GreaterOrEqual, at(0.0)), Some(true));
        assert_eq!(unit.decide(Comparison::Equal, at(2.0)), Some(false));
    }
}
