//! Intervals of doubles: what a number may be, however its terms are grouped and rounded, and what arithmetic makes of it.

use crate::score::Comparison;

/// The numbers that a DOUBLE may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    /// The smallest; above `high` if only NaN is possible.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// Whether it may be NaN.
    pub nan: bool,
    /// `Σ |terms|`.
    pub(super) magnitude: f64,
    /// How many roundings there are in it; 0 if it is exact.
    pub(super) roundings: f64,
}

/// How the analysed evaluations round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    pub(super) epsilon: f64,
    /// Absolute error of a result that underflows.
    pub(super) tiny: f64,
    /// The largest finite number.
    pub(super) largest: f64,
}

impl Numbers {
    /// Everything.
    pub(super) const TOP: Numbers =
        Numbers { low: f64::NEG_INFINITY, high: f64::INFINITY, nan: true, magnitude: f64::INFINITY, roundings: 1.0 };

    /// This number and no other.
    pub(super) fn point(value: f64) -> Self {
        if value.is_nan() {
            let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
            return Numbers { low, high, nan: true, magnitude: 0.0, roundings: 0.0 };
        }
        Numbers { low: value, high: value, nan: false, magnitude: value.abs(), roundings: 0.0 }
    }

    /// Whether the number is possible.
    pub fn contains(&self, value: f64) -> bool {
        if value.is_nan() { self.nan } else { self.low <= value && value <= self.high }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.low > self.high
    }

    pub(super) fn is_point(&self) -> bool {
        self.low == self.high
    }

    pub(super) fn join(self, other: Numbers) -> Numbers {
        Numbers {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            nan: self.nan || other.nan,
            magnitude: self.magnitude.max(other.magnitude),
            roundings: self.roundings.max(other.roundings),
        }
    }

    /// An interval whose ends are off by this much, at most.
    pub(super) fn widened(
        low: f64,
        high: f64,
        by: f64,
        nan: bool,
        magnitude: f64,
        roundings: f64,
        rounding: Rounding,
    ) -> Self {
        if low.is_nan() || high.is_nan() || by.is_nan() {
            return Numbers::TOP;
        }
        let (mut low, mut high) =
            if by.is_finite() { (low - by, high + by) } else { (f64::NEG_INFINITY, f64::INFINITY) };
        // what is beyond the largest number in one evaluation may be infinite in another
        if high > rounding.largest {
            high = f64::INFINITY;
        }
        if low < -rounding.largest {
            low = f64::NEG_INFINITY;
        }
        Numbers { low, high, nan, magnitude: magnitude.max(low.abs().min(high.abs())), roundings }
    }

    /// A function that never falls, with a relative error of `k` roundings; NaN stays.
    pub(super) fn map(self, k: f64, rounding: Rounding, function: impl Fn(f64) -> f64) -> Self {
        if self.is_empty() {
            return self;
        }
        let (low, high) = (function(self.low), function(self.high));
        if k == 0.0 {
            let magnitude = low.abs().max(high.abs());
            return Numbers { low, high, nan: self.nan, magnitude, roundings: self.roundings };
        }
        let by = |end: f64| if end.is_finite() { k * rounding.epsilon * end.abs() + rounding.tiny } else { 0.0 };
        let (low, high) = (low - by(low), high + by(high));
        let magnitude = low.abs().max(high.abs());
        Numbers::widened(low, high, 0.0, self.nan, magnitude, 1.0, rounding)
    }

    /// This part of it, and NaN if that is not all.
    pub(super) fn within(self, least: f64, most: f64) -> Self {
        let outside = !self.is_empty() && (self.low < least || self.high > most);
        Numbers { low: self.low.max(least), high: self.high.min(most), nan: self.nan || outside, ..self }
    }

    /// An exponential is never negative.
    pub(super) fn within_exp(self) -> Self {
        Numbers { low: self.low.max(0.0), ..self }
    }
}

/// `Σ c x`
pub(super) fn sum(parts: impl Iterator<Item = (f64, Numbers)>, terms: usize, rounding: Rounding) -> Numbers {
    let (mut low, mut high, mut magnitude, mut roundings) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
    let (mut nan, mut empty, mut positive, mut negative) = (false, false, false, false);
    let mut only = None;
    for (c, x) in parts {
        nan |= x.nan;
        if x.is_empty() {
            empty = true;
            continue;
        }
        only = Some((c, x));
        let ends = if c >= 0.0 { (c * x.low, c * x.high) } else { (c * x.high, c * x.low) };
        if ends.0 == f64::INFINITY || ends.1 == f64::NEG_INFINITY {
            // infinite, not only too large: other forms of the expression subtract it from itself
            return Numbers::TOP;
        }
        positive |= ends.1 == f64::INFINITY;
        negative |= ends.0 == f64::NEG_INFINITY;
        low += ends.0;
        high += ends.1;
        magnitude += c.abs() * x.magnitude;
        roundings += x.roundings.max(1.0);
    }
    if empty {
        return Numbers::point(f64::NAN);
    }
    if let (1, Some((c, x))) = (terms, only)
        && c.abs() == 1.0
    {
        return Numbers { low, high, ..x };
    }
    if low.is_nan() || high.is_nan() || positive && negative {
        return Numbers::TOP;
    }
    if positive || negative {
        // infinite terms of one sign: the sum may be infinite, and is at least what its finite part is
        let finite = |end: f64| end.clamp(-rounding.largest, rounding.largest);
        let (low, high) = if positive { (finite(low), f64::INFINITY) } else { (f64::NEG_INFINITY, finite(high)) };
        let (low, high) = if positive && low < 0.0 { (f64::NEG_INFINITY, high) } else { (low, high) };
        let (low, high) = if negative && high > 0.0 { (low, f64::INFINITY) } else { (low, high) };
        let slack = 1.0 - 64.0 * rounding.epsilon;
        return Numbers { low: low * slack, high: high * slack, nan, magnitude: f64::INFINITY, roundings };
    }
    if magnitude > rounding.largest / 4.0 {
        // a partial sum may overflow in one order and not in another
        return Numbers::TOP;
    }
    let by = (roundings + 4.0) * rounding.epsilon * magnitude + rounding.tiny;
    Numbers::widened(low, high, by, nan, magnitude, roundings + 1.0, rounding)
}

/// The smallest and the largest of what the ends give.
fn corners(ends: [f64; 4]) -> Option<(f64, f64)> {
    let finite = ends.iter().all(|end| !end.is_nan());
    finite.then(|| ends.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x))))
}

pub(super) fn product(x: Numbers, y: Numbers, rounding: Rounding) -> Numbers {
    if x.is_empty() || y.is_empty() {
        return Numbers::point(f64::NAN);
    }
    let ends = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high];
    let Some((low, high)) = corners(ends) else { return Numbers::TOP };
    let magnitude = x.magnitude * y.magnitude;
    if magnitude > rounding.largest || magnitude.is_nan() {
        return Numbers::TOP;
    }
    let roundings = x.roundings + y.roundings + 1.0;
    let by = (roundings + 4.0) * rounding.epsilon * magnitude + rounding.tiny;
    Numbers::widened(low, high, by, x.nan || y.nan, magnitude, roundings, rounding)
}

pub(super) fn quotient(x: Numbers, y: Numbers, rounding: Rounding) -> Numbers {
    if x.is_empty() || y.is_empty() {
        return Numbers::point(f64::NAN);
    }
    if y.low <= 0.0 && y.high >= 0.0 {
        return Numbers::TOP;
    }
    let ends = [x.low / y.low, x.low / y.high, x.high / y.low, x.high / y.high];
    let Some((low, high)) = corners(ends) else { return Numbers::TOP };
    let magnitude = x.magnitude / y.low.abs().min(y.high.abs());
    let roundings = x.roundings + y.roundings + 1.0;
    // a divisor that is infinite in one evaluation is huge in another, and its own width is in its interval
    let by = (roundings + 4.0) * rounding.epsilon * magnitude + rounding.tiny;
    Numbers::widened(low, high, by, x.nan || y.nan, magnitude, roundings, rounding)
}

pub(super) fn power(x: Numbers, y: Numbers, rounding: Rounding) -> Numbers {
    let whole = y.is_point() && libm::rint(y.low) == y.low && y.low.abs() < 1e9;
    if y.is_point() && y.low == 0.0 {
        return Numbers::point(1.0);
    }
    // Java's: a NaN exponent, and ±1 to an infinite one, give NaN
    let one = x.is_point() && x.low.abs() == 1.0;
    let nan = y.is_empty() || x.is_empty() && (y.low > 0.0 || y.high < 0.0);
    if nan || one && y.is_point() && y.low.is_infinite() {
        return Numbers::point(f64::NAN);
    }
    let safe = x.low > 0.0 || whole && y.low > 0.0 || whole && x.high < 0.0;
    if x.is_empty() || !safe || !y.low.is_finite() || !y.high.is_finite() {
        return Numbers::TOP;
    }
    let ends = [(x.low, y.low), (x.low, y.high), (x.high, y.low), (x.high, y.high)].map(|(x, y)| libm::pow(x, y));
    let Some((low, high)) = corners(ends) else { return Numbers::TOP };
    let low = if x.low < 0.0 && x.high > 0.0 { low.min(0.0) } else { low };
    let magnitude = low.abs().max(high.abs());
    // `x * x * x` has the error of its factors, and of y roundings
    let error = (8.0 + y.low.abs().max(y.high.abs())) * rounding.epsilon;
    let by = error * magnitude + rounding.tiny;
    Numbers::widened(low, high, by, x.nan || y.nan, magnitude, 1.0, rounding)
}

/// By how much the difference of two numbers may be off, beyond what their intervals say: their terms may be folded.
pub(super) fn slack(x: Numbers, y: Numbers, rounding: Rounding) -> f64 {
    let roundings = x.roundings + y.roundings;
    let slack = if roundings > 0.0 { (roundings + 4.0) * rounding.epsilon * (x.magnitude + y.magnitude) } else { 0.0 };
    if slack.is_nan() { f64::INFINITY } else { slack }
}

pub(super) fn compare(comparison: Comparison, x: Numbers, y: Numbers, rounding: Rounding) -> (bool, bool) {
    // a NaN among the operands may be cancelled by what is folded
    if x.nan || y.nan {
        return (true, true);
    }
    // operands are compared by their difference, whose terms are folded
    let slack = slack(x, y, rounding);
    // the range of x - y is [x.low - y.high - slack, x.high - y.low + slack]
    let may_be_less = x.low < y.high + slack;
    let may_be_greater = x.high + slack > y.low;
    let may_be_equal = x.low <= y.high + slack && x.high + slack >= y.low;
    let only_equal = x.is_point() && y.is_point() && x.low == y.low && slack == 0.0;
    let (less, greater) = (may_be_less && !only_equal, may_be_greater && !only_equal);
    match comparison {
        Comparison::Equal => (may_be_equal, !only_equal),
        Comparison::Less => (less, may_be_equal || greater),
        Comparison::LessOrEqual => (less || may_be_equal, greater),
        Comparison::Greater => (greater, may_be_equal || less),
        Comparison::GreaterOrEqual => (greater || may_be_equal, less),
    }
}
