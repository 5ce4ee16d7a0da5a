//! Double-double arithmetic: about 106 bits, for constants that are folded and then rounded once.
//!
//! The error-free transformations are Knuth's two-sum and the fused product; sums and products follow Dekker, "A
//! floating-point technique for extending the available precision" (1971), the accurate sum Li et al., "Design,
//! implementation and testing of extended and mixed precision BLAS" (2002). A result that overflows or is NaN is carried
//! as it is in the high part.

/// An unevaluated sum of two doubles, `|low| <= ulp(high) / 2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extended {
    high: f64,
    low: f64,
}

fn two_sum(a: f64, b: f64) -> Extended {
    let sum = a + b;
    let shadow = sum - a;
    let low = (a - (sum - shadow)) + (b - shadow);
    if sum.is_finite() { Extended { high: sum, low } } else { Extended { high: sum, low: 0.0 } }
}

fn two_product(a: f64, b: f64) -> Extended {
    let product = a * b;
    if product.is_finite() {
        Extended { high: product, low: libm::fma(a, b, -product) }
    } else {
        Extended { high: product, low: 0.0 }
    }
}

impl Extended {
    /// 0
    pub const ZERO: Extended = Extended { high: 0.0, low: 0.0 };
    /// 1
    pub const ONE: Extended = Extended { high: 1.0, low: 0.0 };

    /// A double, exactly.
    pub fn new(value: f64) -> Self {
        Extended { high: value, low: 0.0 }
    }

    /// The nearest double.
    pub fn round(self) -> f64 {
        self.high + self.low
    }

    /// Whether it is 0.
    pub fn is_zero(self) -> bool {
        self.high == 0.0 && self.low == 0.0
    }

    /// `self + other`
    #[allow(clippy::should_implement_trait)]
    pub fn add(self, other: Extended) -> Self {
        let high = two_sum(self.high, other.high);
        let low = two_sum(self.low, other.low);
        let first = two_sum(high.high, high.low + low.high);
        two_sum(first.high, first.low + low.low)
    }

    /// `-self`
    pub fn negated(self) -> Self {
        Extended { high: -self.high, low: -self.low }
    }

    /// `self * other`
    pub fn times(self, other: Extended) -> Self {
        let product = two_product(self.high, other.high);
        two_sum(product.high, product.low + (self.high * other.low + self.low * other.high))
    }

    /// `self / other`
    pub fn over(self, other: Extended) -> Self {
        let first = self.high / other.high;
        if !first.is_finite() {
            return Extended::new(first);
        }
        let rest = self.add(other.times(Extended::new(first)).negated());
        let second = rest.high / other.high;
        let rest = rest.add(other.times(Extended::new(second)).negated());
        let third = rest.high / other.high;
        two_sum(first, second).add(Extended::new(third))
    }

    /// `e^self`, for moderate arguments: `2^k (e^(r / 512))^512` with the Taylor series of the small argument.
    pub(super) fn exp(self) -> Self {
        const LN2: Extended = Extended { high: std::f64::consts::LN_2, low: 2.319_046_813_846_299_6e-17 };
        let k = libm::rint(self.high / LN2.high);
        let rest = self.add(LN2.times(Extended::new(k)).negated());
        let small = Extended { high: rest.high / 512.0, low: rest.low / 512.0 };
        let (mut term, mut total) = (Extended::ONE, Extended::ONE);
        for n in 1..=9 {
            term = term.times(small).over(Extended::new(f64::from(n)));
            total = total.add(term);
        }
        for _ in 0..9 {
            total = total.times(total);
        }
        let scale = libm::ldexp(1.0, k as i32);
        Extended { high: total.high * scale, low: total.low * scale }
    }

    /// `ln(self)` for a positive number: Newton's method on `exp` from the double's logarithm.
    pub fn ln(self) -> Self {
        let mut y = Extended::new(libm::log(self.high));
        for _ in 0..2 {
            // y + x e^-y - 1
            let correction = self.times(y.negated().exp()).add(Extended::new(-1.0));
            y = y.add(correction);
        }
        y
    }

    /// The margin whose logistic function is `probability`, for 0 < probability < 1: `ln p - ln(1 - p)`.
    pub fn logit(probability: f64) -> Self {
        let p = Extended::new(probability);
        let q = Extended::ONE.add(p.negated());
        p.ln().add(q.ln().negated())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_what_doubles_lose() {
        let sum = Extended::new(1e16).add(Extended::new(1.0)).add(Extended::new(-1e16));
        assert_eq!(sum.round(), 1.0);
        let third = Extended::ONE.over(Extended::new(3.0));
        let back = third.times(Extended::new(3.0)).add(Extended::new(-1.0));
        assert!(back.round().abs() < 1e-31);
    }

    #[test]
    fn logarithms_have_the_published_digits() {
        // ln 2 and ln 10 to 32 digits, from tables
        let ln2 = Extended::new(2.0).ln();
        assert_eq!(ln2.high, std::f64::consts::LN_2);
        assert!((ln2.low - 2.319_046_813_846_3e-17).abs() < 1e-30, "{ln2:?}");
        let ln10 = Extended::new(10.0).ln();
        assert_eq!(ln10.high, std::f64::consts::LN_10);
        assert!((ln10.low - -2.170_756_223_382_249e-16).abs() < 1e-29, "{ln10:?}");
        assert!((Extended::new(1e-300).ln().round() - -690.775_527_898_213_7).abs() < 2e-13);
    }

    #[test]
    fn logit_is_odd_about_one_half() {
        assert_eq!(Extended::logit(0.5).round(), 0.0);
        assert_eq!(Extended::logit(0.25).round(), -Extended::logit(0.75).round());
        // ln 9
        assert!((Extended::logit(0.9).round() - 2.197_224_577_336_219_4).abs() < 1e-15);
    }
}
