//! Rounding to the types of few bits.

use super::*;

#[test]
fn half_precision_is_read_and_rounded_exactly() {
    for bits in 0..=u16::MAX {
        let value = half_to_f64(bits);
        if !value.is_nan() {
            assert_eq!(f64_to_half(value), bits, "{value}");
        }
    }
    assert_eq!(f64_to_half(65520.0), 0x7c00);
    assert_eq!(f64_to_half(65519.99), 0x7bff);
    assert_eq!(f64_to_half(2f64.powi(-25)), 0);
    assert_eq!(f64_to_half(2f64.powi(-25) * 1.0001), 1);
    assert_eq!(f64_to_half(1.0 + 2f64.powi(-11)), 0x3c00);
    assert_eq!(f64_to_half(1.0 + 3.0 * 2f64.powi(-11)), 0x3c02);
}

#[test]
fn bfloat_rounds_halves_to_even() {
    assert_eq!(bfloat(1.0), 1.0);
    assert_eq!(bfloat(1.0 + 2f64.powi(-8)), 1.0);
    assert_eq!(bfloat(1.0 + 3.0 * 2f64.powi(-8)), 1.015625);
    assert!(bfloat(f64::NAN).is_nan());
    assert_eq!(bfloat(f64::INFINITY), f64::INFINITY);
}
