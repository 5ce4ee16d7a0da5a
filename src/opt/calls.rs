//! Calls: powers as products, calls that do nothing, quotients that are a sigmoid.
//!
//! About powers: C's and Java's `pow` return `x`, `x x` and `1 / x` for the exponents 1, 2 and −1 (fdlibm's `e_pow.c` treats
//! them apart, HotSpot's intrinsic too), so these are exact; other products round differently. A product writes its factor
//! several times, so only columns are multiplied out.

use super::{Class, Ledger, Pass, Rule};
use crate::schema::Type;
use crate::score::{Expr, Function, Id, Range, Rebuild, Score, Term};

pub(super) const PASS: Pass = Pass {
    name: "calls",
    rules: &[&NULL, &POWER, &ROOT, &CUBE, &TWICE, &BOUNDED, &QUOTIENT],
    concerns: |score, expr| match expr {
        Expr::Call(Function::Divide, list) => score.double_value(list[0]) == Some(1.0),
        Expr::Call(function, _) => matches!(
            function,
            Function::Power
                | Function::Min
                | Function::Max
                | Function::Abs
                | Function::Sign
                | Function::Floor
                | Function::Ceil
                | Function::RoundEven
        ),
        Expr::Const(constant) => matches!(constant, crate::score::Const::Null(Type::Double | Type::Bigint)),
        _ => false,
    },
    run,
};

const NULL: Rule = Rule {
    name: "null",
    class: Class::Exact,
    equation: "a + NULL = a b NULL = f(NULL) = NULL for everything that is NULL-strict",
};
const POWER: Rule = Rule {
    name: "power",
    class: Class::Exact,
    equation: "x^1 = x; x^2 = x x for a column; x^-1 = 1 / x; x^0 = 1 for an x that is never NULL",
};
const ROOT: Rule =
    Rule {
        name: "root", class: Class::Finite, equation: "x^(1/2) = sqrt x; of −∞ and −0 the power is +∞ and +0"
    };
const CUBE: Rule = Rule { name: "cube", class: Class::Ulp, equation: "x^3 = x x x and x^4 = x x x x for a column" };
const TWICE: Rule = Rule {
    name: "twice",
    class: Class::Exact,
    equation: "||x|| = |-x| = |x|; f(f(x)) = f(x) for floor, ceil, round and sign; max(x, x) = min(x, x) = x",
};
const BOUNDED: Rule = Rule {
    name: "bounded",
    class: Class::Exact,
    equation: "max(x, c) = x where x > c whenever it is a number; |x| = x where x > 0; min(x, c) = x likewise",
};
const QUOTIENT: Rule = Rule { name: "quotient", class: Class::Exact, equation: "1 / (1 + e^w) = sigmoid(-w)" };

fn run(score: &Score, ledger: &mut Ledger) -> Score {
    let ranges = score.ranges();
    Rebuild::new(score).run(|pass, id, expr| {
        if is_null(pass, expr) {
            ledger.count(&NULL, 1);
            let ty = score.ty(id).clone();
            return Some(pass.new.null(ty));
        }
        let Expr::Call(function, list) = expr else { return None };
        let old: Vec<Range> = list.iter().map(|&argument| ranges[argument.index()]).collect();
        let arguments: Vec<Id> = list.iter().map(|&argument| pass.get(argument)).collect();
        let score = &mut pass.new;
        match function {
            Function::Power => power(score, arguments[0], score.double_value(arguments[1])?, ledger),
            Function::Divide => quotient(score, *function, arguments, ledger),
            _ => idle(score, *function, &arguments, &old, ledger),
        }
    })
}

/// Whether an operand of a NULL-strict operation is the constant NULL.
fn is_null(pass: &Rebuild<'_>, expr: &Expr) -> bool {
    let strict = match expr {
        Expr::Sum(_) | Expr::Product(_) => true,
        Expr::Call(function, _) => !matches!(
            function,
            Function::Coalesce | Function::IsNan | Function::ToBigint | Function::ToDouble | Function::OfLargest
        ),
        _ => false,
    };
    let mut found = false;
    if strict {
        expr.operands(|operand| {
            let operand = pass.get(operand);
            found |= pass.new.constant(operand).is_some_and(|it| matches!(it, crate::score::Const::Null(_)));
        });
    }
    found
}

fn power(score: &mut Score, x: Id, exponent: f64, ledger: &mut Ledger) -> Option<Id> {
    let column = matches!(score.expr(x), Expr::Input(_));
    let (rule, result) = match exponent {
        1.0 => (&POWER, x),
        0.0 if !score.nullable(x) => (&POWER, score.double(1.0)),
        2.0 if column => (&POWER, score.product([x, x])),
        -1.0 => {
            let one = score.double(1.0);
            (&POWER, score.divide(one, x))
        }
        0.5 if ledger.allows(&ROOT) => (&ROOT, score.call(Function::Sqrt, vec![x])),
        3.0 if column && ledger.allows(&CUBE) => (&CUBE, score.product([x, x, x])),
        4.0 if column && ledger.allows(&CUBE) => (&CUBE, score.product([x, x, x, x])),
        _ => return None,
    };
    ledger.count(rule, 1);
    Some(result)
}

fn quotient(score: &mut Score, function: Function, arguments: Vec<Id>, ledger: &mut Ledger) -> Option<Id> {
    let quotient = score.call(function, arguments);
    let Some(exponent) = exponent(score, quotient) else { return Some(quotient) };
    ledger.count(&QUOTIENT, 1);
    let margin = score.negate(exponent);
    Some(score.call(Function::Sigmoid, vec![margin]))
}

/// The exponent of `1 / (1 + e^w)`.
fn exponent(score: &Score, id: Id) -> Option<Id> {
    let Expr::Call(Function::Divide, list) = score.expr(id) else { return None };
    let (Some(1.0), Expr::Sum(terms)) = (score.double_value(list[0]), score.expr(list[1])) else { return None };
    let [Term { coefficient: 1.0, factor: None, .. }, Term { coefficient: 1.0, factor: Some(exp), .. }] =
        terms.as_slice()
    else {
        return None;
    };
    match score.expr(*exp) {
        Expr::Call(Function::Exp, list) => Some(list[0]),
        _ => None,
    }
}

/// A call that gives its argument, or the argument of its argument.
fn idle(score: &mut Score, function: Function, arguments: &[Id], ranges: &[Range], ledger: &mut Ledger) -> Option<Id> {
    let x = arguments[0];
    let result = match (function, score.expr(x)) {
        (Function::Min | Function::Max, _) if x == arguments[1] => (&TWICE, x),
        (Function::Max, _) if ranges[0].low > ranges[1].high && !ranges[1].nan && !score.nullable(arguments[1]) => {
            (&BOUNDED, x)
        }
        (Function::Max, _) if ranges[1].low > ranges[0].high && !ranges[0].nan && !score.nullable(x) => {
            (&BOUNDED, arguments[1])
        }
        (Function::Min, _) if ranges[0].high < ranges[1].low && !ranges[1].nan && !score.nullable(arguments[1]) => {
            (&BOUNDED, x)
        }
        (Function::Min, _) if ranges[1].high < ranges[0].low && !ranges[0].nan && !score.nullable(x) => {
            (&BOUNDED, arguments[1])
        }
        (Function::Abs, _) if ranges[0].low > 0.0 => (&BOUNDED, x),
        (Function::Abs | Function::Sign, Expr::Call(inner, _)) if *inner == function => (&TWICE, x),
        (
            Function::Floor | Function::Ceil | Function::RoundEven,
            Expr::Call(Function::Floor | Function::Ceil | Function::RoundEven, _),
        ) => (&TWICE, x),
        (Function::Abs, Expr::Sum(terms)) => match terms.as_slice() {
            [term] if term.coefficient == -1.0 => (&TWICE, score.call(function, vec![term.factor?])),
            _ => return None,
        },
        _ => return None,
    };
    ledger.count(result.0, 1);
    Some(result.1)
}
