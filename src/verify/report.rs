//! What a verification counts, and the first row that fails.

use serde::Serialize;

/// A result that is out of its bound.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mismatch {
    /// The output column.
    pub output: String,
    /// What the model gives, or the training library.
    pub model: String,
    /// What the SQL gives.
    pub sql: String,
    /// What rounding admits.
    pub admitted: String,
    /// The row as a JSON object of columns, to be given with `--input`.
    pub row: String,
}

/// The outcome of a verification.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VerifyReport {
    /// Rows evaluated on both sides.
    pub rows: usize,
    /// Special values of columns that were to be tried.
    pub special: usize,
    /// How many of them no row holds alone, with plain values of the other columns: there are more than rows.
    pub not_alone: usize,
    /// Results compared.
    pub values: usize,
    /// Results that are the same on both sides, numbers but for the sign of a zero bit for bit.
    pub identical: usize,
    /// The largest distance of two finite numbers that should agree, in units in the last place.
    pub largest_ulps: u64,
    /// The largest absolute difference of two finite numbers that should agree.
    pub largest_difference: f64,
    /// The largest difference as a part of the width of what rounding admits: above 1 it is beyond it.
    pub largest_share: f64,
    /// Numbers beyond their bound.
    pub numbers: usize,
    /// Labels that differ where no rounding explains it.
    pub labels: usize,
    /// Results that are NULL on one side only.
    pub nulls: usize,
    /// Labels that differ inside the bound: the margin is as small as its rounding error.
    pub undecided: usize,
    /// The first result beyond its bound.
    pub first: Option<Mismatch>,
    /// The comparison with the training library's predictions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<super::ExpectedReport>,
    /// The comparison with what a server gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Box<super::ServerReport>>,
}

impl VerifyReport {
    /// Whether the SQL is the model: everything that was compared agrees, and something was.
    pub fn is_the_model(&self) -> bool {
        self.values > 0 && self.numbers + self.labels + self.nulls == 0
    }

    /// Whether it is, and gives what the training library gives, and a server what it gives.
    pub fn passes(&self) -> bool {
        self.is_the_model()
            && self.expected.as_ref().is_none_or(super::ExpectedReport::passes)
            && self.server.as_ref().is_none_or(|server| server.passes())
    }
}

/// How many doubles lie between two finite numbers.
pub(super) fn ulps(a: f64, b: f64) -> u64 {
    let place = |x: f64| {
        let bits = (x.to_bits() & !(1 << 63)) as i64;
        i128::from(if x.is_sign_negative() { -bits } else { bits })
    };
    place(a).abs_diff(place(b)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_in_doubles() {
        assert_eq!(ulps(1.0, 1.0), 0);
        assert_eq!(ulps(1.0, 1.0 + f64::EPSILON), 1);
        assert_eq!(ulps(-0.0, 0.0), 0);
        assert_eq!(ulps(-5e-324, 5e-324), 2);
    }

    #[test]
    fn nothing_compared_is_no_pass() {
        assert!(!VerifyReport::default().passes());
    }
}
