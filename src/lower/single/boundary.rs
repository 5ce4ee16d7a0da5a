//! Where along the doubles a monotone predicate changes, and the conditions that say so.
//!
//! Infinities count like other numbers; NaN meets neither a predicate nor a condition.

use crate::score::{Comparison, Id, Score};

/// Where a monotone predicate holds, among the doubles of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Split {
    Always,
    Never,
    /// Up to the first of two neighbours.
    UpTo(f64, f64),
    /// From the second of two neighbours on.
    From(f64, f64),
}

impl Split {
    /// Finds the change by bisection over the doubles in their order.
    pub(super) fn find((low, high): (f64, f64), holds: impl Fn(f64) -> bool) -> Split {
        let at_low = holds(low);
        match (at_low, holds(high)) {
            (true, true) => return Split::Always,
            (false, false) => return Split::Never,
            _ => {}
        }
        let (mut below, mut above) = (order(low), order(high));
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if holds(from_order(middle)) == at_low { below = middle } else { above = middle }
        }
        let (below, above) = (from_order(below), from_order(above));
        if at_low { Split::UpTo(below, above) } else { Split::From(below, above) }
    }

    /// The part of the range where it holds, as its ends.
    pub(super) fn within(self, (low, high): (f64, f64)) -> Option<(f64, f64)> {
        match self {
            Split::Always => Some((low, high)),
            Split::Never => None,
            Split::UpTo(last, _) => Some((low, high.min(last))),
            Split::From(_, first) => Some((low.max(first), high)),
        }
    }

    /// The condition on `x`; `None` where nothing is to be compared. Of the two neighbours the rounder one makes the
    /// nicer text.
    pub(super) fn condition(self, score: &mut Score, x: Id) -> Option<Id> {
        let (first, second) = match self {
            Split::Always | Split::Never => return None,
            Split::UpTo(below, above) => ((Comparison::LessOrEqual, below), (Comparison::Less, above)),
            Split::From(below, above) => ((Comparison::GreaterOrEqual, above), (Comparison::Greater, below)),
        };
        let digits = |value: f64| if value.is_finite() { format!("{value:e}").len() } else { usize::MAX };
        let (comparison, bound) = if digits(first.1) <= digits(second.1) { first } else { second };
        let bound = score.double(bound);
        Some(score.compare(comparison, x, bound))
    }
}

/// The position of a double among all doubles; −0 stands before 0.
fn order(value: f64) -> i128 {
    let bits = value.to_bits();
    i128::from(if bits >> 63 == 1 { !bits } else { bits | 1 << 63 })
}

fn from_order(position: i128) -> f64 {
    let bits = position as u64;
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_doubles_is_their_order() {
        for pair in [f64::NEG_INFINITY, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY].windows(2) {
            assert!(order(pair[0]) < order(pair[1]), "{pair:?}");
            assert_eq!(from_order(order(pair[0])).to_bits(), pair[0].to_bits());
        }
        assert_eq!(order(0.0) - order(-0.0), 1);
    }

    #[test]
    fn a_change_is_found_to_the_last_bit() {
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(Split::find(all, |x| x > 0.1), Split::From(0.1, 0.1f64.next_up()));
        assert_eq!(Split::find(all, |x| x <= 0.1), Split::UpTo(0.1, 0.1f64.next_up()));
        assert_eq!(Split::find(all, |_| true), Split::Always);
        assert_eq!(Split::find((1.0, 2.0), |x| x > 2.0), Split::Never);
        // 3 has an even last bit as a binary32: the midpoints belong to it
        let least = Split::find(all, |x| x as f32 >= 3.0);
        assert_eq!(least.within(all).unwrap().0, (3.0 + f64::from(3f32.next_down())) / 2.0);
    }
}
