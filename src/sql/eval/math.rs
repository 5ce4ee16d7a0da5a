//! Elementary functions in pure Rust (`libm`), the same bits on every platform and within one ulp of Java's `Math`.
//!
//! Where Java's definition differs from C's at special values, Java's is taken. `sqrt`, `floor` and `ceil` are exact in
//! both.

pub(super) fn exp(x: f64) -> f64 {
    libm::exp(x)
}

pub(super) fn ln(x: f64) -> f64 {
    libm::log(x)
}

pub(super) fn sqrt(x: f64) -> f64 {
    libm::sqrt(x)
}

pub(super) fn cbrt(x: f64) -> f64 {
    libm::cbrt(x)
}

pub(super) fn floor(x: f64) -> f64 {
    libm::floor(x)
}

pub(super) fn ceil(x: f64) -> f64 {
    libm::ceil(x)
}

pub(super) fn sin(x: f64) -> f64 {
    libm::sin(x)
}

pub(super) fn cos(x: f64) -> f64 {
    libm::cos(x)
}

pub(super) fn tan(x: f64) -> f64 {
    libm::tan(x)
}

pub(super) fn asin(x: f64) -> f64 {
    libm::asin(x)
}

pub(super) fn acos(x: f64) -> f64 {
    libm::acos(x)
}

pub(super) fn atan(x: f64) -> f64 {
    libm::atan(x)
}

pub(super) fn atan2(y: f64, x: f64) -> f64 {
    libm::atan2(y, x)
}

pub(super) fn sinh(x: f64) -> f64 {
    libm::sinh(x)
}

pub(super) fn cosh(x: f64) -> f64 {
    libm::cosh(x)
}

pub(super) fn tanh(x: f64) -> f64 {
    libm::tanh(x)
}

/// Java: NaN to any power but zero is NaN, and ±1 to an infinite or NaN power is NaN; C says 1.
pub(super) fn power(base: f64, exponent: f64) -> f64 {
    if exponent != 0.0 && (base.is_nan() || exponent.is_nan()) || base.abs() == 1.0 && exponent.is_infinite() {
        return f64::NAN;
    }
    libm::pow(base, exponent)
}

/// `Math.toDegrees`: one product with the rounded constant.
pub(super) fn degrees(x: f64) -> f64 {
    x * 57.295_779_513_082_32
}

/// `Math.toRadians`: one product with the rounded constant.
pub(super) fn radians(x: f64) -> f64 {
    x * 0.017_453_292_519_943_295
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function by its name in the recording.
    fn call(name: &str, x: f64, y: f64) -> f64 {
        match name {
            "exp" => exp(x),
            "log" => ln(x),
            "cbrt" => cbrt(x),
            "sin" => sin(x),
            "cos" => cos(x),
            "tan" => tan(x),
            "asin" => asin(x),
            "acos" => acos(x),
            "atan" => atan(x),
            "sinh" => sinh(x),
            "cosh" => cosh(x),
            "tanh" => tanh(x),
            "toDegrees" => degrees(x),
            "toRadians" => radians(x),
            "pow" => power(x, y),
            "atan2" => atan2(x, y),
            _ => panic!("{name}"),
        }
    }

    #[test]
    fn results_are_within_one_ulp_of_javas() {
        let recorded = include_str!("../../../fixtures/ksqldb/elementary.txt");
        let mut count = 0;
        for line in recorded.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |word: &str| f64::from_bits(u64::from_str_radix(word, 16).unwrap());
            let (x, y, expected) = (number(words[1]), number(words[2]), number(words[3]));
            let actual = call(words[0], x, y);
            let near = if expected.is_nan() {
                actual.is_nan()
            } else {
                expected.is_sign_negative() == actual.is_sign_negative()
                    && (expected.to_bits() as i64).abs_diff(actual.to_bits() as i64) <= 1
            };
            assert!(near, "{line}: {x:e} {y:e}: Java {expected:e}, here {actual:e}");
            count += 1;
        }
        assert!(count > 1000, "{count}");
    }
}
