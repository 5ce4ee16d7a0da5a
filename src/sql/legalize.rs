//! Only what the dialect can spell: functions that it lacks are written with others, in the IR.
//!
//! Every rule is an equation of real functions that keeps range, NaN and precision as stated beside it. Smart
//! constructors are exact, so that nothing here is folded away again.

use super::dialect::{Dialect, Spelling};
use crate::diag::{Diagnostic, Failed, Report, codes};
use crate::schema::Type;
use crate::score::{Arm, Comparison, Const, Expr, Function, Id, Rebuild, Score, Term};
use std::collections::BTreeSet;

/// Rewrites every function that the dialect does not spell.
///
/// Errors: a function that the dialect has no exact form of; each is reported once.
pub fn legalize(score: &Score, dialect: &dyn Dialect, report: &mut Report) -> Result<Score, Failed> {
    let since = report.len();
    let mut refused: Vec<&'static str> = Vec::new();
    let mut refuse = |what: &'static str, reason: &str, report: &mut Report| {
        if !refused.contains(&what) {
            refused.push(what);
            let message = format!("`{what}` has no exact form in {}", dialect.name());
            report.push(Diagnostic::new(&codes::compile::NO_SCALAR_FORM, message).note(reason));
        }
    };
    let catches = dialect.capabilities().cast_catches;
    let legal = Rebuild::new(score).run(|pass, _, expr| match expr {
        Expr::Call(function, list) => {
            let arguments: Vec<Id> = list.iter().map(|&id| pass.get(id)).collect();
            match dialect.spell(*function) {
                Spelling::Rewrite if *function == Function::OfLargest => {
                    let shares = is_own_share(pass.old, list);
                    Some(of_largest(&mut pass.new, &arguments, shares))
                }
                Spelling::Rewrite => {
                    let rewritten = rewrite(&mut pass.new, *function, &arguments);
                    if rewritten.is_none() {
                        refuse(function.name(), "it is not written with other functions", report);
                    }
                    rewritten
                }
                Spelling::SkipsNull(_) if *function != Function::Coalesce => {
                    Some(strict(&mut pass.new, *function, arguments))
                }
                Spelling::Refuse(reason) => {
                    refuse(function.name(), reason, report);
                    None
                }
                Spelling::SkipsNull(_) if !catches => {
                    let first = missing(&mut pass.new, arguments[0]);
                    if first.is_none() {
                        refuse("coalesce", UNCAUGHT, report);
                    }
                    let rest = pass.new.call(Function::Coalesce, arguments[1..].to_vec());
                    Some(pass.new.choose(first?, rest, arguments[0]))
                }
                _ => None,
            }
        }
        Expr::IsNull(inner) if !catches => {
            let inner = pass.get(*inner);
            let condition = missing(&mut pass.new, inner);
            if condition.is_none() {
                refuse("is_null", UNCAUGHT, report);
            }
            condition
        }
        _ => None,
    });
    report.check(since)?;
    debug_assert_eq!(legal.verify(), Ok(()), "after legalizing:\n{legal}");
    Ok(legal)
}

const UNCAUGHT: &str =
    "whether something computed is NULL can only be asked where CAST catches what fails: ksqlDB 0.28";

/// Whether an expression is NULL, asked without evaluating it: whether one of its sources is, as long as those cannot fail.
fn missing(score: &mut Score, id: Id) -> Option<Id> {
    let sources = score.null_sources(id);
    // a CASE or COALESCE is evaluated; arithmetic on NULL inside of it would make the whole item NULL
    let fails = |score: &Score, source: Id| {
        score.reachable(&[source]).iter().any(|&inner| match score.expr(inner) {
            Expr::Sum(_) | Expr::Product(_) => score.nullable(inner),
            Expr::Call(function, _) => function.is_arithmetic() && score.nullable(inner),
            _ => false,
        })
    };
    if sources.iter().any(|&source| fails(score, source)) {
        return None;
    }
    Some(score.any_null(sources))
}

/// For every expression whether it counts on a guard around it: where something is NULL it has a value all the same, since a
/// function skips NULL, or a condition compares with it; or it divides integers by what the guard says is not 0.
pub fn unguarded(score: &Score, dialect: &dyn Dialect) -> Vec<bool> {
    let skips = |function| match dialect.spell(function) {
        Spelling::SkipsNull(_) => function != Function::Coalesce,
        _ => false,
    };
    let needs = score.needs(skips);
    needs.iter().zip(divisors(score)).map(|(needed, divisors)| !needed.is_empty() || !divisors.is_empty()).collect()
}

/// For every expression the integers that must not be 0 where it is evaluated: what divides by 0 fails. A CASE that asks for
/// one has a value whatever it is.
fn divisors(score: &Score) -> Vec<BTreeSet<Id>> {
    let zero = |id: Id| matches!(score.constant(id), Some(Const::Bigint(0)));
    let mut all: Vec<BTreeSet<Id>> = Vec::with_capacity(score.len());
    for id in score.ids() {
        let mut divisors = BTreeSet::new();
        score.expr(id).operands(|operand| divisors.extend(&all[operand.index()]));
        match score.expr(id) {
            Expr::Call(Function::DivideBigint, list) if score.constant(list[1]).is_none() || zero(list[1]) => {
                divisors.insert(list[1]);
            }
            Expr::Case(arms, _) if !divisors.is_empty() => {
                for arm in arms {
                    let parts = match score.expr(arm.condition) {
                        Expr::Or(parts) => parts.as_slice(),
                        _ => &[arm.condition],
                    };
                    for part in parts {
                        match score.expr(*part) {
                            Expr::Compare(Comparison::Equal, a, b) if zero(*b) => divisors.remove(a),
                            Expr::Compare(Comparison::Equal, a, b) if zero(*a) => divisors.remove(b),
                            _ => false,
                        };
                    }
                }
            }
            _ => {}
        }
        all.push(divisors);
    }
    all
}

/// A function that skips NULL arguments, made NULL-strict: `CASE WHEN an argument IS NULL THEN NULL ELSE f(…) END`.
/// Nested calls of the same function become one with all arguments.
fn strict(score: &mut Score, function: Function, arguments: Vec<Id>) -> Id {
    let mut flat = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let inner = match score.expr(argument) {
            // the guarded form of an inner call
            Expr::Case(arms, otherwise)
                if arms.len() == 1
                    && matches!(score.constant(arms[0].value), Some(Const::Null(_)))
                    && score.null_tests(arms[0].condition).all(|test| test.is_some()) =>
            {
                *otherwise
            }
            _ => argument,
        };
        match score.expr(inner) {
            Expr::Call(same, list) if *same == function => flat.extend_from_slice(list),
            _ => flat.push(argument),
        }
    }
    let mut sources = Vec::new();
    for &argument in &flat {
        for source in score.null_sources(argument) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    let condition = score.any_null(sources);
    let null = score.null(Type::Double);
    let call = score.call(function, flat);
    score.choose(condition, null, call)
}

fn rewrite(score: &mut Score, function: Function, arguments: &[Id]) -> Option<Id> {
    let x = arguments[0];
    Some(match function {
        // 1 / (1 + e^-x); an overflowing exponential gives 0
        Function::Sigmoid => {
            let negated = negated_for_exp(score, x);
            let exponential = score.call(Function::Exp, vec![negated]);
            let total = score.sum([Term::constant(1.0), Term::new(1.0, exponential)]);
            let one = score.double(1.0);
            score.divide(one, total)
        }
        // e^(x - m) / Σ e^(y - m), m the largest: nothing overflows
        Function::Softmax => {
            let (shares, total) = shares(score, &arguments[1..]);
            let own = arguments[1..].iter().position(|&y| y == x).unwrap_or(0);
            score.divide(shares[own], total)
        }
        // -max(-a, -b)
        Function::Min => {
            let (a, b) = (score.negate(x), score.negate(arguments[1]));
            let largest = strict(score, Function::Max, vec![a, b]);
            score.negate(largest)
        }
        Function::Sign => {
            let arms = [(Comparison::Greater, 1.0), (Comparison::Less, -1.0), (Comparison::Equal, 0.0)];
            let zero = score.double(0.0);
            let arms: Vec<Arm> = arms
                .into_iter()
                .map(|(comparison, value)| Arm {
                    condition: score.compare(comparison, x, zero),
                    value: score.double(value),
                })
                .collect();
            guarded(score, x, arms, x)
        }
        // x = x only for numbers
        Function::IsNan => {
            let same = score.compare(Comparison::Equal, x, x);
            score.not(same)
        }
        // with f = floor x and d = x - f in [0, 1): f or f + 1, on a half the even one; exact but for the sign of a zero
        Function::RoundEven => {
            let floor = score.call(Function::Floor, vec![x]);
            let fraction = score.subtract(x, floor);
            let above = score.sum([Term::new(1.0, floor), Term::constant(1.0)]);
            let half = score.double(0.5);
            let halved = score.scale(0.5, floor);
            let halved = score.call(Function::Floor, vec![halved]);
            let doubled = score.scale(2.0, halved);
            let arms = vec![
                Arm { condition: score.compare(Comparison::Less, fraction, half), value: floor },
                Arm { condition: score.compare(Comparison::Greater, fraction, half), value: above },
                Arm { condition: score.compare(Comparison::Equal, doubled, floor), value: floor },
            ];
            guarded(score, x, arms, above)
        }
        // max(x, 0) + ln(1 + e^-|x|)
        Function::Softplus => {
            let absolute = score.call(Function::Abs, vec![x]);
            let negated = score.negate(absolute);
            let e = score.call(Function::Exp, vec![negated]);
            let logarithm = log1p(score, e);
            let zero = score.double(0.0);
            let positive = Arm { condition: score.compare(Comparison::Greater, x, zero), value: x };
            let relu = guarded(score, x, vec![positive], zero);
            score.add(relu, logarithm)
        }
        Function::Whole => x,
        Function::Log1p => log1p(score, x),
        Function::Expm1 => expm1(score, x),
        // with e = e^(-2 |x|) - 1 it is -e / (e + 2), with the sign of x; a zero loses its sign
        Function::Tanh => {
            let absolute = score.call(Function::Abs, vec![x]);
            let doubled = score.scale(-2.0, absolute);
            let e = expm1(score, doubled);
            let denominator = score.sum([Term::new(1.0, e), Term::constant(2.0)]);
            let magnitude = score.divide(e, denominator);
            let zero = score.double(0.0);
            let negative = Arm { condition: score.compare(Comparison::Less, x, zero), value: magnitude };
            let positive = score.negate(magnitude);
            guarded(score, x, vec![negative], positive)
        }
        // of_largest is written above; the others every dialect so far has, or refuses
        Function::OfLargest
        | Function::Divide
        | Function::Power
        | Function::Max
        | Function::Exp
        | Function::Ln
        | Function::Sqrt
        | Function::Abs
        | Function::Floor
        | Function::Ceil
        | Function::NormalCdf
        | Function::Erf
        | Function::AddBigint
        | Function::SubtractBigint
        | Function::MultiplyBigint
        | Function::DivideBigint
        | Function::ToDouble
        | Function::ToBigint
        | Function::Coalesce => return None,
    })
}

/// `e^(y - m)` of each, m the largest, and their sum.
fn shares(score: &mut Score, scores: &[Id]) -> (Vec<Id>, Id) {
    let most = strict(score, Function::Max, scores.to_vec());
    let share = |&y: &Id| {
        // the subtrahend first: a sum that begins with a sum would become one with it, and its value not be shared
        let difference = score.sum([Term::new(-1.0, most), Term::new(1.0, y)]);
        score.call(Function::Exp, vec![difference])
    };
    let shares: Vec<Id> = scores.iter().map(share).collect();
    let total = score.sum(shares.iter().map(|&share| Term::new(1.0, share)));
    (shares, total)
}

/// Whether the values of `of_largest` are the shares that its scores have in their softmax.
fn is_own_share(score: &Score, list: &[Id]) -> bool {
    let (scores, values) = list.split_at(list.len() / 2);
    scores.iter().zip(values).all(|(own, value)| match score.expr(*value) {
        Expr::Call(Function::Softmax, of) => of[0] == *own && &of[1..] == scores,
        _ => false,
    })
}

/// The value of the first score that is no smaller than the largest of all. That is NaN if one of them is, so that a row of
/// NaN has the first value. The largest share in a softmax is `1 / Σ e^(y - m)`, whichever score it belongs to.
fn of_largest(score: &mut Score, arguments: &[Id], shares_wanted: bool) -> Id {
    let (scores, values) = arguments.split_at(arguments.len() / 2);
    if shares_wanted {
        let (_, total) = shares(score, scores);
        let one = score.double(1.0);
        return score.divide(one, total);
    }
    let most = strict(score, Function::Max, scores.to_vec());
    let mut arms = vec![score.null_arm(arguments, values[0])];
    for (&x, &value) in scores.iter().zip(values) {
        arms.push(Arm { condition: score.compare(Comparison::GreaterOrEqual, x, most), value });
    }
    score.case(arms, values[0])
}

/// `ln(1 + x)`: with u = 1 + x it is `ln u / (u - 1) · x` to full precision, and x itself where u = 1 (Kahan; Goldberg, "What
/// every computer scientist should know about floating-point arithmetic", theorem 4). An infinite x is itself.
fn log1p(score: &mut Score, x: Id) -> Id {
    let u = score.sum([Term::constant(1.0), Term::new(1.0, x)]);
    let (one, most) = (score.double(1.0), score.double(f64::MAX));
    let logarithm = score.call(Function::Ln, vec![u]);
    let denominator = score.sum([Term::new(1.0, u), Term::constant(-1.0)]);
    // divided before it is multiplied: `ln u · x` overflows for a large x
    let quotient = score.divide(logarithm, denominator);
    let product = score.product([quotient, x]);
    let arms = vec![
        Arm { condition: score.compare(Comparison::Equal, u, one), value: x },
        Arm { condition: score.compare(Comparison::Greater, u, most), value: x },
    ];
    guarded(score, x, arms, product)
}

/// `e^x - 1`: with u = e^x it is `(u - 1) / ln u · x` to full precision, x itself where u = 1, and u - 1 where that is -1 or
/// infinite (Kahan; Higham, "Accuracy and stability of numerical algorithms", section 1.14.1).
fn expm1(score: &mut Score, x: Id) -> Id {
    let u = score.call(Function::Exp, vec![x]);
    let less_one = score.sum([Term::new(1.0, u), Term::constant(-1.0)]);
    let logarithm = score.call(Function::Ln, vec![u]);
    // divided before it is multiplied: `(u - 1) · x` overflows from x = 703 on, `e^x` only from 709 on
    let quotient = score.divide(less_one, logarithm);
    let product = score.product([quotient, x]);
    let (one, minus_one, most) = (score.double(1.0), score.double(-1.0), score.double(f64::MAX));
    let arms = vec![
        Arm { condition: score.compare(Comparison::Equal, u, one), value: x },
        Arm { condition: score.compare(Comparison::LessOrEqual, less_one, minus_one), value: minus_one },
        Arm { condition: score.compare(Comparison::Greater, u, most), value: u },
    ];
    guarded(score, x, arms, product)
}

/// `-x` as the argument of an exponential: the signs of a sum are turned round, term by term, and inside a CASE of
/// constants and weighted inputs. That changes at most the sign of a zero, which e^x does not see; exact.
fn negated_for_exp(score: &mut Score, x: Id) -> Id {
    let Expr::Sum(terms) = score.expr(x) else { return score.negate(x) };
    let terms = terms.clone();
    let mut negated = Vec::with_capacity(terms.len());
    for term in terms {
        let inside = term.factor.filter(|_| term.coefficient.abs() == 1.0).and_then(|case| negated_case(score, case));
        negated.push(match inside {
            Some(case) => Term { factor: Some(case), ..term },
            None => Term { coefficient: -term.coefficient, ..term },
        });
    }
    score.sum(negated)
}

/// A CASE with every value negated, if they are all constants or single terms.
fn negated_case(score: &mut Score, case: Id) -> Option<Id> {
    let Expr::Case(arms, otherwise) = score.expr(case) else { return None };
    let (arms, otherwise) = (arms.clone(), *otherwise);
    let mut negated = Vec::with_capacity(arms.len());
    for arm in arms {
        negated.push(Arm { value: negated_value(score, arm.value)?, ..arm });
    }
    let otherwise = negated_value(score, otherwise)?;
    Some(score.case(negated, otherwise))
}

fn negated_value(score: &mut Score, value: Id) -> Option<Id> {
    match score.expr(value) {
        Expr::Const(Const::Null(_)) => Some(value),
        Expr::Const(Const::Double(_)) => Some(score.negate(value)),
        Expr::Sum(terms) if terms.len() == 1 => Some(score.negate(value)),
        _ => None,
    }
}

/// `CASE WHEN x IS NULL THEN NULL <arms> ELSE otherwise END`
fn guarded(score: &mut Score, x: Id, arms: Vec<Arm>, otherwise: Id) -> Id {
    let sources = score.null_sources(x);
    let condition = score.any_null(sources);
    let value = score.null(Type::Double);
    let mut list = vec![Arm { condition, value }];
    list.extend(arms);
    score.case(list, otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Input, Output, Value};
    use crate::sql::dialect;

    fn legal(function: Function) -> Score {
        let mut s = Score::new(vec![Input { name: "x".into(), ty: Type::Double, nullable: true, nan: true }]);
        let x = s.input(0);
        let root = s.call(function, vec![x]);
        s.outputs.push(Output::scalar("Y", root, ""));
        legalize(&s, dialect::default(), &mut Report::new()).unwrap()
    }

    fn at(score: &Score, x: f64) -> f64 {
        match score.eval(&[Value::Double(x)])[score.outputs[0].roots[0].index()] {
            Value::Double(value) => value,
            ref other => panic!("{other:?}"),
        }
    }

    /// Each rewritten function against the library's own, over all magnitudes, to a few units in the last place.
    #[test]
    fn rewritten_functions_keep_their_precision() {
        type Exact = fn(f64) -> f64;
        let cases: &[(Function, Exact)] = &[
            (Function::Log1p, libm::log1p),
            (Function::Expm1, libm::expm1),
            (Function::Softplus, |x| if x > 0.0 { x + libm::log1p(libm::exp(-x)) } else { libm::log1p(libm::exp(x)) }),
            (Function::Sigmoid, |x| {
                if x > 0.0 { 1.0 / (1.0 + libm::exp(-x)) } else { libm::exp(x) / (1.0 + libm::exp(x)) }
            }),
            (Function::RoundEven, libm::rint),
            (Function::Sign, |x| if x == 0.0 { 0.0 } else { x.signum() }),
        ];
        for (function, exact) in cases {
            let score = legal(*function);
            for exponent in -40..=9 {
                for mantissa in [1.0, 1.1, 1.5, 1.9] {
                    for sign in [1.0, -1.0] {
                        let x = sign * mantissa * libm::exp2(f64::from(exponent));
                        let (got, want) = (at(&score, x), exact(x));
                        let close = got == want
                            || (got - want).abs() <= 8.0 * f64::EPSILON * want.abs()
                            || got.is_nan() && want.is_nan();
                        // e^x under 1e-308 is subnormal, with fewer digits
                        assert!(close || want.abs() < 1e-300, "{function:?} of {x}: {got}, not {want}");
                    }
                }
            }
            for x in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0] {
                let (got, want) = (at(&score, x), exact(x));
                assert!(got == want || got.is_nan() && want.is_nan(), "{function:?} of {x}: {got}, not {want}");
            }
            // nothing in between overflows before the result does
            for x in [700.0, 703.5, 705.0, 708.0, 709.7, 1e300, 1e306, 1e308, f64::MAX] {
                let (got, want) = (at(&score, x), exact(x));
                let close = got == want || (got - want).abs() <= 8.0 * f64::EPSILON * want.abs();
                assert!(close, "{function:?} of {x}: {got}, not {want}");
            }
        }
    }
}
