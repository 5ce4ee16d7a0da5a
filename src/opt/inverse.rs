//! Inverses of increasing functions at a constant: where a comparison of `f(z)` with it becomes one of `z`.

use super::extended::Extended;
use crate::score::{Comparison, Function};

/// Whether there is an inverse here at all.
pub(super) fn is_increasing(function: Function) -> bool {
    matches!(
        function,
        Function::Sigmoid
            | Function::Exp
            | Function::Expm1
            | Function::Ln
            | Function::Log1p
            | Function::Sqrt
            | Function::Tanh
            | Function::NormalCdf
            | Function::Erf
    )
}

/// Whether it is increasing for every number, so that it orders numbers as they are.
pub(super) fn is_increasing_everywhere(function: Function) -> bool {
    is_increasing(function) && !matches!(function, Function::Ln | Function::Log1p | Function::Sqrt)
}

/// `m` such that `f(z) ⋚ bound` is `z ⋚ m` for every double z but for those next to the boundary; `None` where that does
/// not hold, or where `m` is no normal number (or 0).
///
/// The comparisons that are false for NaN stay false: a `z` outside of the domain of `f` meets no `z > m`. For a function
/// that is defined above a bound only, `f(z) < t` is not `z < m`, so only the other direction is solved.
pub(super) fn inverse(function: Function, comparison: Comparison, bound: f64) -> Option<f64> {
    let upward = matches!(comparison, Comparison::Greater | Comparison::GreaterOrEqual);
    if comparison == Comparison::Equal || !bound.is_finite() {
        return None;
    }
    let t = Extended::new(bound);
    let one = Extended::ONE;
    let found = match function {
        Function::Sigmoid if 0.0 < bound && bound < 1.0 => Extended::logit(bound).round(),
        Function::Exp if bound > 0.0 => t.ln().round(),
        // below, an inverse in two steps would lose digits
        Function::Expm1 if bound.abs() > 1e-8 && bound > -1.0 => t.add(one).ln().round(),
        Function::Ln if upward && bound.abs() < 700.0 => t.exp().round(),
        Function::Log1p if upward && (1e-8..700.0).contains(&bound.abs()) => t.exp().add(one.negated()).round(),
        Function::Sqrt if upward && bound > 1e-100 && bound < 1e100 => t.times(t).round(),
        // 1/2 ln((1 + t) / (1 - t))
        Function::Tanh if bound.abs() < 1.0 && bound.abs() > 1e-8 => {
            let ratio = one.add(t).over(one.add(t.negated()));
            0.5 * ratio.ln().round()
        }
        Function::Tanh | Function::Erf | Function::Expm1 if bound == 0.0 => return Some(0.0),
        Function::NormalCdf if 0.0 < bound && bound < 1.0 => boundary(|z| 0.5 * libm::erfc(-z * HALF_ROOT), bound)?,
        Function::Erf if bound.abs() < 1.0 && bound.abs() > 1e-8 => boundary(libm::erf, bound)?,
        _ => return None,
    };
    (found.is_normal() || found == 0.0).then_some(found)
}

const HALF_ROOT: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// The smallest number in [-40, 40] where an increasing function is at least `bound`, by bisection.
fn boundary(f: impl Fn(f64) -> f64, bound: f64) -> Option<f64> {
    let (mut low, mut high) = (-40.0, 40.0);
    if f(low) >= bound || f(high) < bound {
        return None;
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return Some(high);
        }
        if f(middle) >= bound { high = middle } else { low = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Type;
    use crate::score::{Input, Score, Value};

    /// The reference interpreter's value of `f(z)`.
    fn at(function: Function, z: f64) -> f64 {
        let mut s = Score::new(vec![Input { name: "z".into(), ty: Type::Double, nullable: false, nan: true }]);
        let z_id = s.input(0);
        let root = s.call(function, vec![z_id]);
        match s.eval(&[Value::Double(z)])[root.index()] {
            Value::Double(value) => value,
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn inverses_are_where_the_function_crosses() {
        let functions = [
            (Function::Sigmoid, &[0.01, 0.3, 0.5, 0.9, 0.999][..]),
            (Function::Exp, &[1e-300, 1e-3, 1.0, 7.5, 1e300]),
            (Function::Expm1, &[-0.9, -1e-3, 1e-3, 12.0]),
            (Function::Ln, &[-300.0, -1.0, 0.0, 0.5, 300.0]),
            (Function::Log1p, &[-3.0, 0.25, 30.0]),
            (Function::Sqrt, &[0.1, 2.0, 1e50]),
            (Function::Tanh, &[-0.99, -0.1, 0.3, 0.999]),
            (Function::NormalCdf, &[1e-10, 0.05, 0.5, 0.975]),
            (Function::Erf, &[-0.5, 0.1, 0.99]),
        ];
        for (function, bounds) in functions {
            assert!(is_increasing(function));
            for &bound in bounds {
                let m = inverse(function, Comparison::GreaterOrEqual, bound).unwrap();
                let step = 1e-12 * (1.0 + m.abs()) * if bound > 0.98 { 100.0 } else { 1.0 };
                let scale = if function == Function::Ln { m * 1e-9 } else { step };
                assert!(at(function, m - scale) < bound, "{function:?} {bound}: {m}");
                assert!(at(function, m + scale) > bound, "{function:?} {bound}: {m}");
            }
        }
    }

    #[test]
    fn what_has_no_inverse_is_left() {
        for (function, comparison, bound) in [
            (Function::Sigmoid, Comparison::Greater, 0.0),
            (Function::Sigmoid, Comparison::Greater, 1.0),
            (Function::Exp, Comparison::Greater, 0.0),
            (Function::Exp, Comparison::Greater, -1.0),
            (Function::Ln, Comparison::Less, 1.0),
            (Function::Ln, Comparison::Greater, 800.0),
            (Function::Sqrt, Comparison::LessOrEqual, 2.0),
            (Function::Sqrt, Comparison::GreaterOrEqual, -1.0),
            (Function::Tanh, Comparison::Greater, 1.0),
            (Function::Abs, Comparison::Greater, 1.0),
            (Function::Sigmoid, Comparison::Equal, 0.5),
            (Function::Exp, Comparison::Greater, f64::INFINITY),
        ] {
            assert_eq!(inverse(function, comparison, bound), None, "{function:?} {comparison:?} {bound}");
        }
    }
}
