//! Numbers as text, the way Java 17 writes and reads them.
//!
//! `Double.toString` of Java 17 is not the shortest text that reads back: it generates digits by Steele and White's
//! method with its own stopping rule and, for large integers, from the exact integer with digits beyond the precision
//! dropped (JDK-4511638; from JDK 19 on the text is the shortest). CAST(x AS STRING) and comparisons of DOUBLE with
//! DECIMAL show these digits, so they are reproduced here; `fixtures/ksqldb/double-to-string.txt` holds what Java 17
//! printed.

use std::cmp::Ordering;

use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::{One, ToPrimitive, Zero};

/// `Double.toString`.
pub(super) fn double_to_string(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}Infinity");
    }
    if value == 0.0 {
        return format!("{sign}0.0");
    }
    let (digits, point) = digits(value.abs());
    format!("{sign}{}", layout(&digits, point))
}

/// Places the decimal point: `point` digits stand before it. Plain between 10⁻³ and 10⁷, else with an exponent.
fn layout(digits: &str, point: i32) -> String {
    if point > 0 && point < 8 {
        let point = point as usize;
        if digits.len() <= point {
            format!("{digits}{}.0", "0".repeat(point - digits.len()))
        } else {
            format!("{}.{}", &digits[..point], &digits[point..])
        }
    } else if point <= 0 && point > -3 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else {
        let (first, rest) = digits.split_at(1);
        format!("{first}.{}E{}", if rest.is_empty() { "0" } else { rest }, point - 1)
    }
}

/// The digits of a positive finite double, and how many of them stand before the point.
fn digits(value: f64) -> (String, i32) {
    let bits = value.to_bits();
    let (mut fraction, mut exponent) = (bits & ((1 << 52) - 1), (bits >> 52) as i32);
    let significant;
    if exponent == 0 {
        let zeros = fraction.leading_zeros() as i32;
        let shift = zeros - 11;
        fraction <<= shift;
        exponent = 1 - shift;
        significant = 64 - zeros;
    } else {
        fraction |= 1 << 52;
        significant = 53;
    }
    exponent -= 1023;
    // value = fraction · 2^(exponent − 52), fraction with its top bit at 2^52
    let tail = fraction.trailing_zeros() as i32;
    let width = 53 - tail;
    let tiny = (width - exponent - 1).max(0);
    if tiny == 0 && exponent <= 62 {
        return integer_digits(fraction, exponent, significant);
    }

    let mut decimal = estimate_exponent(fraction, exponent);
    let b5 = (-decimal).max(0);
    let s5 = decimal.max(0);
    let mut b2 = b5 + tiny + exponent;
    let mut s2 = s5 + tiny;
    let mut m2 = b2 - significant;
    b2 -= width - 1;
    let common = b2.min(s2);
    b2 -= common;
    s2 -= common;
    m2 -= common;
    if width == 1 {
        // below a power of two the next number is half as far away
        m2 -= 1;
    }
    if m2 < 0 {
        b2 -= m2;
        s2 -= m2;
        m2 = 0;
    }
    let b_bits = width + b2 + power_of_five_bits(b5);
    let s_bits = s2 + 1 + power_of_five_bits(s5 + 1);
    let scaled = |five: i32, two: i32| BigUint::from(5u8).pow(five as u32) << (two as u32);
    let divisor = scaled(s5, s2);
    let value = BigUint::from(fraction >> tail) * scaled(b5, b2);
    let margin = scaled(b5, m2);
    let small = |number: &BigUint| number.to_i64().unwrap_or(i64::MAX);
    let mut generator: Box<dyn Generator> = if b_bits < 64 && s_bits < 64 {
        let narrow = b_bits < 32 && s_bits < 32;
        let (divisor, margin) = (small(&divisor), small(&margin));
        Box::new(SmallGenerator { value: small(&value), margin, divisor, ten: divisor.wrapping_mul(10), narrow })
    } else {
        Box::new(BigGenerator { value, margin, ten: &divisor * 10u8, divisor })
    };

    let mut digits: Vec<u8> = Vec::with_capacity(20);
    let (digit, mut low, mut high) = generator.step();
    if digit == 0 && !high {
        decimal -= 1;
    } else {
        digits.push(digit);
    }
    if !(-3..8).contains(&decimal) {
        // the exponent form has at least one digit behind the point
        (low, high) = (false, false);
    }
    while !low && !high {
        let digit;
        (digit, low, high) = generator.step();
        digits.push(digit);
    }
    let mut point = decimal + 1;
    if high {
        let up = match generator.half() {
            _ if !low => true,
            Ordering::Equal => digits.last().is_some_and(|digit| digit % 2 == 1),
            order => order.is_gt(),
        };
        if up && round_up(&mut digits) {
            point += 1;
        }
    }
    (text(&digits), point)
}

/// Gives one digit after the other: the value divided by the divisor, until the rest is within the margin.
trait Generator {
    /// A digit; whether the digits so far are within the margin below the value; whether one more is within it above.
    fn step(&mut self) -> (u8, bool, bool);
    /// The rest against a half.
    fn half(&self) -> Ordering;
}

/// With big integers.
struct BigGenerator {
    value: BigUint,
    margin: BigUint,
    divisor: BigUint,
    ten: BigUint,
}

impl Generator for BigGenerator {
    fn step(&mut self) -> (u8, bool, bool) {
        let (digit, rest) = self.value.div_rem(&self.divisor);
        self.value = rest * 10u8;
        self.margin *= 10u8;
        (digit.to_u8().unwrap_or(9), self.value < self.margin, &self.value + &self.margin >= self.ten)
    }

    fn half(&self) -> Ordering {
        (&self.value * 2u8).cmp(&self.ten)
    }
}

/// With values that are estimated to fit 64 or 32 bits. Java's sums wrap there, which sometimes leaves a last digit
/// without its rounding, and the test above the value is exclusive.
struct SmallGenerator {
    value: i64,
    margin: i64,
    divisor: i64,
    ten: i64,
    narrow: bool,
}

impl SmallGenerator {
    fn wrap(&self, value: i64) -> i64 {
        if self.narrow { i64::from(value as i32) } else { value }
    }
}

impl Generator for SmallGenerator {
    fn step(&mut self) -> (u8, bool, bool) {
        let digit = self.value.checked_div(self.divisor).unwrap_or(0);
        self.value = self.wrap(self.value.checked_rem(self.divisor).unwrap_or(0).wrapping_mul(10));
        self.margin = self.wrap(self.margin.wrapping_mul(10));
        let reach = self.wrap(self.value.wrapping_add(self.margin));
        let (low, high) = if self.margin > 0 { (self.value < self.margin, reach > self.ten) } else { (true, true) };
        (digit as u8, low, high)
    }

    fn half(&self) -> Ordering {
        self.wrap(self.value.wrapping_mul(2).wrapping_sub(self.ten)).cmp(&0)
    }
}

/// Integers below 2⁶³ are printed from their exact value, less the digits that a double cannot hold.
fn integer_digits(fraction: u64, exponent: i32, significant: i32) -> (String, i32) {
    let mut value = if exponent >= 52 { fraction << (exponent - 52) } else { fraction >> (52 - exponent) };
    let mut point = 0;
    let beyond = exponent - significant - 1;
    if beyond > 1 {
        let drop = (f64::from(beyond) * std::f64::consts::LOG10_2).floor() as u32;
        let power = 10u64.pow(drop);
        let residue = value % power;
        value /= power;
        point += drop as i32;
        if drop > 0 && residue >= power / 2 {
            value += 1;
        }
    }
    let all = value.to_string();
    point += all.len() as i32;
    (all.trim_end_matches('0').to_owned(), point)
}

/// A guess of the decimal exponent from the first bits, at most one too high (Steele and White, with David Gay's line).
#[allow(clippy::approx_constant, reason = "Java has this many digits")]
fn estimate_exponent(fraction: u64, exponent: i32) -> i32 {
    let mantissa = f64::from_bits((1023 << 52) | (fraction & ((1 << 52) - 1)));
    ((mantissa - 1.5) * 0.289529654 + 0.176091259 + f64::from(exponent) * 0.301029995663981).floor() as i32
}

/// The bits of 5ⁿ as Java estimates them.
fn power_of_five_bits(n: i32) -> i32 {
    match n {
        0 => 0,
        1..27 => (BigUint::from(5u8).pow(n as u32)).bits() as i32,
        _ => 3 * n,
    }
}

/// Adds one to the last digit; true if the carry ran out at the front, which leaves a one and zeros.
fn round_up(digits: &mut [u8]) -> bool {
    for digit in digits.iter_mut().rev() {
        if *digit < 9 {
            *digit += 1;
            return false;
        }
        *digit = 0;
    }
    if let Some(first) = digits.first_mut() {
        *first = 1;
    }
    true
}

fn text(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

/// `String.trim`: without characters up to the space at both ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// `Integer.parseInt` and `Long.parseLong` before the test of the range: digits with at most one sign.
fn parse_integer(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() {
        return None;
    }
    let mut value: i128 = 0;
    for c in digits.chars() {
        value = value.checked_mul(10)?.checked_add(i128::from(digit_value(c)?))?;
    }
    Some(if text.starts_with('-') { -value } else { value })
}

/// `Character.digit`: the decimal digits of every script that one UTF-16 unit can hold, as Java 17 knows them.
fn digit_value(c: char) -> Option<u8> {
    const ZEROS: [u32; 36] = [
        0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
        0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
        0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    ];
    if let Some(digit) = c.to_digit(10) {
        return Some(digit as u8);
    }
    let code = u32::from(c);
    ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).map(|zero| (code - zero) as u8)
}

/// The text in ASCII digits; `None` if anything else stands in it.
pub(super) fn ascii_digits(text: &str) -> Option<String> {
    text.chars().map(|c| digit_value(c).map(|digit| char::from(b'0' + digit))).collect()
}

/// `Integer.parseInt`.
pub(super) fn parse_int(text: &str) -> Option<i32> {
    i32::try_from(parse_integer(text)?).ok()
}

/// `Long.parseLong`.
pub(super) fn parse_long(text: &str) -> Option<i64> {
    i64::try_from(parse_integer(text)?).ok()
}

/// `Double.parseDouble`, which also reads hexadecimal floats and a trailing `d` or `f`, `NaN` and `Infinity`.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let text = trim(text);
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match body {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ => {
            let digits = body.strip_suffix(['d', 'D', 'f', 'F']);
            match body.get(..2) {
                Some("0x" | "0X") => parse_hexadecimal(digits_of_hexadecimal(body))?,
                _ => parse_decimal_text(digits.unwrap_or(body))?,
            }
        }
    };
    Some(if negative { -value } else { value })
}

/// A hexadecimal float's text without prefix and without the type suffix that may follow its exponent.
fn digits_of_hexadecimal(body: &str) -> &str {
    let body = &body[2..];
    if body.contains(['p', 'P']) { body.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(body) } else { body }
}

fn parse_decimal_text(body: &str) -> Option<f64> {
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|text| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && plain(digits)
    });
    if !plain(whole) || !plain(part) || (whole.is_empty() && part.is_empty()) || !exponent_ok {
        return None;
    }
    // Rust reads with correct rounding, and any number of digits
    body.parse().ok()
}

/// `0x1.8p3`: the binary exponent is required. Rounded to nearest, ties to even.
fn parse_hexadecimal(body: &str) -> Option<f64> {
    let (mantissa, exponent) = body.split_once(['p', 'P'])?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') { -1 << 40 } else { 1 << 40 });
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut value = BigUint::zero();
    for c in whole.chars().chain(part.chars()) {
        value = value * 16u8 + c.to_digit(16)?;
    }
    let exponent = exponent.saturating_sub(4 * part.len() as i64);
    Some(scale_by_power_of_two(&value, exponent))
}

/// `value · 2^exponent`, rounded once.
fn scale_by_power_of_two(value: &BigUint, exponent: i64) -> f64 {
    if value.is_zero() {
        return 0.0;
    }
    let top = value.bits() as i64 + exponent; // the value is in [2^(top−1), 2^top)
    if top > 1024 {
        return f64::INFINITY;
    }
    if top < -1080 {
        return 0.0;
    }
    // keep 53 bits, fewer for subnormal numbers
    let keep = 53.min(top + 1074).max(0);
    let drop = value.bits() as i64 - keep;
    let kept = if drop <= 0 {
        value << (-drop) as u64
    } else {
        let drop = drop as u64;
        let (mut kept, rest) = (value >> drop, value % (BigUint::one() << drop));
        let half = BigUint::one() << (drop - 1);
        if rest > half || (rest == half && kept.is_odd()) {
            kept += 1u8;
        }
        kept
    };
    let mantissa = kept.to_f64().unwrap_or(f64::INFINITY);
    libm::scalbn(mantissa, (top - keep) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_java_17_wrote_them() {
        let recorded = include_str!("../../../fixtures/ksqldb/double-to-string.txt");
        let mut count = 0;
        for line in recorded.lines().filter(|line| !line.starts_with('#')) {
            let (bits, expected) = line.split_once(' ').unwrap();
            let value = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
            assert_eq!(double_to_string(value), expected, "{bits}");
            count += 1;
        }
        assert!(count > 1000, "{count}");
    }

    #[test]
    fn integers_are_read_with_a_sign_and_within_their_range() {
        assert_eq!(parse_int("+7"), Some(7));
        assert_eq!(parse_int("-2147483648"), Some(i32::MIN));
        assert_eq!(parse_int("2147483648"), None);
        assert_eq!(parse_long("000000000000000000000000000000000000000000000000000000000000000000009"), Some(9));
        for text in ["", "-", "7.5", "1e3", " 7", "+-7", "99999999999999999999999999999999999999999"] {
            assert_eq!(parse_long(text), None, "{text}");
        }
    }

    #[test]
    fn doubles_are_read_as_java_reads_them() {
        for (text, value) in [
            ("1e3", 1000.0),
            (" .5d ", 0.5),
            ("5.", 5.0),
            ("-0x1.8p1", -3.0),
            ("0x10p0f", 16.0),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x0.8p-1074", 0.0),
            ("0x1.8p-1074", 1e-323),
            ("0x1p-1074", 5e-324),
            ("1e400", f64::INFINITY),
        ] {
            assert_eq!(parse_double(text).map(f64::to_bits), Some(value.to_bits()), "{text}");
        }
        for text in ["", ".", "e5", "1e", "inf", "nan", "infinity", "0x10", "1_0", "1 0", "--1", "NaNd"] {
            assert_eq!(parse_double(text), None, "{text}");
        }
    }
}
