//! Decimals of any size with Java's `BigDecimal` semantics: a big integer and the number of its digits behind the point.
//!
//! `num-bigint` does the arithmetic. The scale is part of the value (`1.0` is not `equals` to `1.00`), and ksqlDB
//! computes with RoundingMode.UNNECESSARY: what does not fit the result's precision and scale exactly is no number but
//! an exception, here `None`.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::number;

/// No scale beyond this is ever built: a hostile literal such as `1E2000000000` must not fill the memory.
const MAX_SCALE: i64 = 100_000;

/// `unscaled · 10^−scale`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    unscaled: BigInt,
    scale: i64,
}

/// What to do with digits that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    /// Towards zero.
    Down,
    /// Towards −∞.
    Floor,
    /// Towards +∞.
    Ceiling,
    /// To the nearest, ties away from zero.
    HalfUp,
    /// To the nearest, ties towards zero.
    HalfDown,
    /// They must be zeros.
    Unnecessary,
}

impl Decimal {
    /// The number `unscaled · 10^−scale`.
    pub fn new(unscaled: impl Into<BigInt>, scale: i64) -> Self {
        Decimal { unscaled: unscaled.into(), scale }
    }

    /// Reads what `new BigDecimal(String)` reads: digits with a sign, a point and an exponent. `None` for anything else,
    /// and for exponents of six digits and more.
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(text).filter(|value| value.scale.abs() <= MAX_SCALE)
    }

    /// The same with all exponents that Java has, for numbers that are only written again.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                let digits: i64 = number::ascii_digits(unsigned)?.parse().ok()?;
                (mantissa, if exponent.starts_with('-') { -digits } else { digits })
            }
            None => (text, 0),
        };
        let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = number::ascii_digits(&[whole, part].concat()).filter(|digits| !digits.is_empty())?;
        let scale = (part.chars().count() as i64).checked_sub(exponent)?;
        i32::try_from(scale).ok()?;
        let magnitude = BigUint::parse_bytes(digits.as_bytes(), 10)?;
        let sign = if mantissa.starts_with('-') { Sign::Minus } else { Sign::Plus };
        Some(Decimal { unscaled: BigInt::from_biguint(sign, magnitude), scale })
    }

    /// `BigDecimal.valueOf(double)`: the decimal that `Double.toString` writes; `None` for NaN and infinities.
    pub(super) fn value_of(value: f64) -> Option<Self> {
        if value.is_finite() { Self::parse(&number::double_to_string(value)) } else { None }
    }

    /// `new BigDecimal(value, new MathContext(precision))`: the exact binary value, rounded half up to that many digits.
    pub(super) fn from_double(value: f64, precision: u32) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        if value == 0.0 {
            return Some(Decimal::new(0, 0));
        }
        let bits = value.abs().to_bits();
        let exponent = (bits >> 52) as i64;
        let fraction = bits & ((1 << 52) - 1);
        let (mut mantissa, mut power) =
            if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) };
        let zeros = mantissa.trailing_zeros();
        mantissa >>= zeros;
        power += i64::from(zeros);
        let magnitude = BigInt::from(mantissa);
        let exact = if power >= 0 {
            Decimal { unscaled: magnitude << power as u64, scale: 0 }
        } else {
            // m / 2^k = m · 5^k / 10^k
            Decimal { unscaled: magnitude * BigInt::from(5u8).pow(-power as u32), scale: -power }
        };
        let signed = if value < 0.0 { exact.negate() } else { exact };
        signed.round(precision, Rounding::HalfUp)
    }

    /// The digits behind the point; negative for trailing zeros before it.
    pub fn scale(&self) -> i64 {
        self.scale
    }

    /// The number of digits, at least one.
    pub(super) fn precision(&self) -> u64 {
        count_digits(self.unscaled.magnitude())
    }

    /// −1, 0 or 1.
    pub(super) fn signum(&self) -> i32 {
        match self.unscaled.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }
    }

    /// The number with its sign changed.
    pub(super) fn negate(&self) -> Self {
        Decimal { unscaled: -&self.unscaled, scale: self.scale }
    }

    /// The number without its sign.
    pub(super) fn abs(&self) -> Self {
        Decimal { unscaled: self.unscaled.abs(), scale: self.scale }
    }

    /// By value: 1.0 equals 1.00.
    pub fn compare(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.unscaled.cmp(&other.unscaled);
        }
        let (a, b, _) = aligned(self, other);
        a.cmp(&b)
    }

    /// The same value with another scale.
    pub(super) fn set_scale(&self, scale: i64, rounding: Rounding) -> Option<Self> {
        if self.unscaled.is_zero() {
            return Some(Decimal { unscaled: BigInt::zero(), scale });
        }
        if scale.abs() > MAX_SCALE {
            return None;
        }
        if scale >= self.scale {
            let unscaled = &self.unscaled * ten_to(scale - self.scale);
            return Some(Decimal { unscaled, scale });
        }
        let drop = self.scale - scale;
        Some(Decimal { unscaled: divide_rounded(&self.unscaled, &ten_to(drop), rounding)?, scale })
    }

    /// At most `precision` digits; 0 for any number of them.
    pub(super) fn round(&self, precision: u32, rounding: Rounding) -> Option<Self> {
        let digits = self.precision();
        if precision == 0 || digits <= u64::from(precision) {
            return Some(self.clone());
        }
        let scale = self.scale - (digits - u64::from(precision)) as i64;
        let rounded = self.set_scale(scale, rounding)?;
        // 9.99 → 10.0 has one digit more
        if rounded.precision() > u64::from(precision) { rounded.set_scale(scale - 1, rounding) } else { Some(rounded) }
    }

    /// `(a + b)` in DECIMAL(precision, scale).
    pub(super) fn add(&self, other: &Self, precision: u32, scale: u32) -> Option<Self> {
        let (a, b, common) = aligned(self, other);
        fit(Decimal { unscaled: a + b, scale: common }, precision, scale)
    }

    /// `(a * b)` in DECIMAL(precision, scale).
    pub(super) fn multiply(&self, other: &Self, precision: u32, scale: u32) -> Option<Self> {
        let product = Decimal { unscaled: &self.unscaled * &other.unscaled, scale: self.scale + other.scale };
        fit(product, precision, scale)
    }

    /// `(a / b)` in DECIMAL(precision, scale): only an exact quotient is one.
    pub(super) fn divide(&self, other: &Self, precision: u32, scale: u32) -> Option<Self> {
        if other.unscaled.is_zero() {
            return None;
        }
        let shift = i64::from(scale) - self.scale + other.scale;
        let (numerator, denominator) = if shift >= 0 {
            (&self.unscaled * ten_to(shift), other.unscaled.clone())
        } else {
            (self.unscaled.clone(), &other.unscaled * ten_to(-shift))
        };
        let (quotient, rest) = numerator.div_rem(&denominator);
        if !rest.is_zero() {
            return None;
        }
        fit(Decimal { unscaled: quotient, scale: i64::from(scale) }, precision, scale)
    }

    /// `(a % b)` in DECIMAL(precision, scale); impossible when the whole quotient has more digits than `precision`.
    pub(super) fn remainder(&self, other: &Self, precision: u32, scale: u32) -> Option<Self> {
        if other.unscaled.is_zero() {
            return None;
        }
        let (a, b, common) = aligned(self, other);
        let (quotient, rest) = a.div_rem(&b);
        Decimal { unscaled: quotient, scale: 0 }.round(precision, Rounding::Unnecessary)?;
        Decimal { unscaled: rest, scale: common }.set_scale(i64::from(scale), Rounding::Unnecessary)
    }

    /// `BigDecimal.doubleValue`, correctly rounded.
    pub(super) fn to_double(&self) -> f64 {
        // Rust reads decimal text with correct rounding
        format!("{}e{}", self.unscaled, -self.scale).parse().unwrap_or(f64::NAN)
    }

    /// `BigDecimal.longValue`: towards zero, then the low 64 bits.
    pub(super) fn to_long(&self) -> i64 {
        let whole =
            if self.scale > 0 { &self.unscaled / ten_to(self.scale) } else { &self.unscaled * ten_to(-self.scale) };
        let low: BigInt = whole & BigInt::from(u64::MAX);
        low.to_u64().unwrap_or(0) as i64
    }

    /// `toPlainString`: no exponent.
    pub fn to_plain_string(&self) -> String {
        let sign = if self.unscaled.is_negative() { "-" } else { "" };
        let digits = self.unscaled.magnitude().to_string();
        if self.scale <= 0 {
            let zeros = if self.unscaled.is_zero() { 0 } else { -self.scale as usize };
            return format!("{sign}{digits}{}", "0".repeat(zeros));
        }
        let scale = self.scale as usize;
        if digits.len() > scale {
            let (whole, part) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{part}")
        } else {
            format!("{sign}0.{}{digits}", "0".repeat(scale - digits.len()))
        }
    }
}

/// `BigDecimal.toString`: with an exponent when the scale is negative or more than five zeros would follow the point.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.unscaled.magnitude().to_string();
        let exponent = digits.len() as i64 - 1 - self.scale;
        if self.scale >= 0 && exponent >= -6 {
            return f.write_str(&self.to_plain_string());
        }
        let sign = if self.unscaled.is_negative() { "-" } else { "" };
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        write!(f, "{sign}{first}{point}{rest}")?;
        match exponent {
            0 => Ok(()),
            _ => write!(f, "E{exponent:+}"),
        }
    }
}

/// The result of arithmetic: rounded to the precision, then to the scale, and exact both times.
fn fit(value: Decimal, precision: u32, scale: u32) -> Option<Decimal> {
    value.round(precision, Rounding::Unnecessary)?.set_scale(i64::from(scale), Rounding::Unnecessary)
}

fn aligned(a: &Decimal, b: &Decimal) -> (BigInt, BigInt, i64) {
    let scale = a.scale.max(b.scale);
    (&a.unscaled * ten_to(scale - a.scale), &b.unscaled * ten_to(scale - b.scale), scale)
}

fn ten_to(power: i64) -> BigInt {
    match u32::try_from(power) {
        Ok(0) => BigInt::one(),
        Ok(power @ 1..=18) => BigInt::from(10i64.pow(power)),
        Ok(power) => BigInt::from(10u8).pow(power),
        Err(_) => BigInt::one(),
    }
}

fn count_digits(magnitude: &BigUint) -> u64 {
    match magnitude.to_u64() {
        Some(small) => u64::from(small.checked_ilog10().unwrap_or(0)) + 1,
        None => magnitude.to_string().len() as u64,
    }
}

fn divide_rounded(value: &BigInt, divisor: &BigInt, rounding: Rounding) -> Option<BigInt> {
    let (quotient, rest) = value.div_rem(divisor);
    if rest.is_zero() {
        return Some(quotient);
    }
    let away = match rounding {
        Rounding::Unnecessary => return None,
        Rounding::Down => false,
        Rounding::Floor => value.is_negative(),
        Rounding::Ceiling => value.is_positive(),
        Rounding::HalfUp => (rest.abs() * 2u8) >= divisor.abs(),
        Rounding::HalfDown => (rest.abs() * 2u8) > divisor.abs(),
    };
    Some(if away { quotient + value.signum() } else { quotient })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn texts_are_javas() {
        for (text, plain, java) in [
            ("1.50", "1.50", "1.50"),
            ("-.5", "-0.5", "-0.5"),
            ("1.", "1", "1"),
            ("0.0000001", "0.0000001", "1E-7"),
            ("0.000001", "0.000001", "0.000001"),
            ("1.5E3", "1500", "1.5E+3"),
            ("0.00", "0.00", "0.00"),
            ("0E5", "0", "0E+5"),
            ("-123E-10", "-0.0000000123", "-1.23E-8"),
        ] {
            assert_eq!(decimal(text).to_plain_string(), plain, "{text}");
            assert_eq!(decimal(text).to_string(), java, "{text}");
        }
        for text in ["", ".", "1e", "e1", "0x1", "1.2.3", "--1", "1 ", "NaN", "1E999999999999", "1E-2000000000"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn arithmetic_is_exact_or_nothing() {
        let (a, b) = (decimal("10.1"), decimal("3.0"));
        assert_eq!(a.add(&b, 4, 1), Some(decimal("13.1")));
        assert_eq!(a.add(&b, 2, 1), None, "three digits do not fit two");
        assert_eq!(a.divide(&b, 10, 6), None, "rounding necessary");
        assert_eq!(decimal("9.0").divide(&b, 10, 6), Some(decimal("3.000000")));
        assert_eq!(a.divide(&decimal("0.00"), 10, 6), None);
        assert_eq!(a.remainder(&b, 3, 1), Some(decimal("1.1")));
        assert_eq!(decimal("-10.1").remainder(&b, 3, 1), Some(decimal("-1.1")));
        assert_eq!(decimal("1234").remainder(&decimal("7"), 1, 0), None, "the quotient has three digits");
        assert_eq!(decimal("-2.5").set_scale(0, Rounding::HalfUp), Some(decimal("-3")));
        assert_eq!(decimal("-2.5").set_scale(0, Rounding::HalfDown), Some(decimal("-2")));
        assert_eq!(decimal("-2.5").set_scale(0, Rounding::Floor), Some(decimal("-3")));
        assert_eq!(decimal("2.1").set_scale(0, Rounding::Ceiling), Some(decimal("3")));
        assert_eq!(decimal("-2.9").set_scale(0, Rounding::Down), Some(decimal("-2")));
    }

    #[test]
    fn doubles_become_decimals() {
        assert_eq!(Decimal::from_double(0.1, 12), Some(decimal("0.100000000000")));
        assert_eq!(Decimal::from_double(99.5, 2), Some(decimal("1.0E+2")));
        assert_eq!(Decimal::value_of(2e-3), Some(decimal("0.002")));
        assert_eq!(Decimal::from_double(f64::NAN, 3), None);
        assert_eq!(decimal("1E-400").to_double(), 0.0);
        assert_eq!(decimal("-123.456").to_double(), -123.456);
        assert_eq!(decimal("18446744073709551617.9").to_long(), 1);
        assert_eq!(decimal("-1.9").to_long(), -1);
    }
}
