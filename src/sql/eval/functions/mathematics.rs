//! Numbers: elementary functions, rounding, the greatest and the least.

use std::cmp::Ordering;

use super::super::decimal::{Decimal, Rounding};
use super::super::math;
use super::super::run::{Evaluated, Thrown};
use super::super::types::{widen, with_scale_zero};
use super::super::value::Value;
use super::{Function, Overload, Parameter as P, Returns, Run, fixed, variadic};
use crate::schema::Type;

macro_rules! of_double {
    ($name:literal, $run:expr) => {
        Function {
            name: $name,
            overloads: &[
                fixed(&[P::Integer], &P::Double, Run::Double($run)),
                fixed(&[P::Bigint], &P::Double, Run::Double($run)),
                fixed(&[P::Double], &P::Double, Run::Double($run)),
            ],
        }
    };
}

macro_rules! of_doubles {
    ($name:literal, $run:expr) => {
        Function {
            name: $name,
            overloads: &[
                fixed(&[P::Integer, P::Integer], &P::Double, Run::Doubles($run)),
                fixed(&[P::Bigint, P::Bigint], &P::Double, Run::Doubles($run)),
                fixed(&[P::Double, P::Double], &P::Double, Run::Doubles($run)),
            ],
        }
    };
}

macro_rules! extreme {
    ($name:literal, $run:expr) => {
        Function {
            name: $name,
            overloads: &[
                variadic(&[P::Integer, P::Integer], &P::Integer, Run::Values($run)),
                variadic(&[P::Bigint, P::Bigint], &P::Bigint, Run::Values($run)),
                variadic(&[P::Double, P::Double], &P::Double, Run::Values($run)),
                variadic(&[P::String, P::String], &P::String, Run::Values($run)),
                variadic(&[P::Bytes, P::Bytes], &P::Bytes, Run::Values($run)),
                variadic(&[P::Date, P::Date], &P::Date, Run::Values($run)),
                variadic(&[P::Time, P::Time], &P::Time, Run::Values($run)),
                variadic(&[P::Timestamp, P::Timestamp], &P::Timestamp, Run::Values($run)),
                Overload {
                    parameters: &[P::Decimal, P::Decimal],
                    variadic: true,
                    returns: Returns::By(widest),
                    run: Run::Values($run),
                },
            ],
        }
    };
}

const fn decimal(parameters: &'static [P], returns: fn(&[Option<Type>]) -> Option<Type>, run: Run) -> Overload {
    Overload { parameters, variadic: false, returns: Returns::By(returns), run }
}

pub(super) static FUNCTIONS: &[Function] = &[
    of_double!("EXP", math::exp),
    of_double!("LN", math::ln),
    of_double!("SQRT", math::sqrt),
    of_double!("CBRT", math::cbrt),
    of_double!("SIN", math::sin),
    of_double!("COS", math::cos),
    of_double!("TAN", math::tan),
    of_double!("COT", |x| 1.0 / math::tan(x)),
    of_double!("ASIN", math::asin),
    of_double!("ACOS", math::acos),
    of_double!("ATAN", math::atan),
    of_double!("SINH", math::sinh),
    of_double!("COSH", math::cosh),
    of_double!("TANH", math::tanh),
    of_double!("DEGREES", math::degrees),
    of_double!("RADIANS", math::radians),
    of_doubles!("POWER", math::power),
    of_doubles!("ATAN2", math::atan2),
    Function {
        name: "LOG",
        overloads: &[
            // documented as the logarithm to base 10, computed as the natural one
            fixed(&[P::Integer], &P::Double, Run::Double(math::ln)),
            fixed(&[P::Bigint], &P::Double, Run::Double(math::ln)),
            fixed(&[P::Double], &P::Double, Run::Double(math::ln)),
            fixed(&[P::Integer, P::Integer], &P::Double, Run::Doubles(log)),
            fixed(&[P::Bigint, P::Bigint], &P::Double, Run::Doubles(log)),
            fixed(&[P::Double, P::Double], &P::Double, Run::Doubles(log)),
        ],
    },
    Function {
        name: "PI",
        overloads: &[fixed(&[], &P::Double, Run::Values(|_| Ok(Value::Double(std::f64::consts::PI))))],
    },
    Function {
        name: "RANDOM",
        overloads: &[fixed(&[], &P::Double, Run::Refused("every call gives another random number"))],
    },
    Function {
        name: "ABS",
        overloads: &[
            fixed(&[P::Integer], &P::Integer, Run::Values(abs)),
            fixed(&[P::Bigint], &P::Bigint, Run::Values(abs)),
            fixed(&[P::Double], &P::Double, Run::Double(f64::abs)),
            decimal(&[P::Decimal], first, Run::Values(abs)),
        ],
    },
    Function {
        name: "SIGN",
        overloads: &[
            fixed(&[P::Integer], &P::Integer, Run::Values(sign)),
            fixed(&[P::Bigint], &P::Integer, Run::Values(sign)),
            fixed(&[P::Double], &P::Integer, Run::Values(sign)),
        ],
    },
    Function {
        name: "FLOOR",
        overloads: &[
            fixed(&[P::Integer], &P::Integer, Run::Values(same)),
            fixed(&[P::Bigint], &P::Bigint, Run::Values(same)),
            fixed(&[P::Double], &P::Double, Run::Double(math::floor)),
            decimal(&[P::Decimal], first, Run::Values(|values| to_whole(values, Rounding::Floor))),
        ],
    },
    Function {
        name: "CEIL",
        overloads: &[
            fixed(&[P::Integer], &P::Integer, Run::Values(same)),
            fixed(&[P::Bigint], &P::Bigint, Run::Values(same)),
            fixed(&[P::Double], &P::Double, Run::Double(math::ceil)),
            decimal(&[P::Decimal], first, Run::Values(|values| to_whole(values, Rounding::Ceiling))),
        ],
    },
    Function {
        name: "ROUND",
        overloads: &[
            fixed(&[P::Integer], &P::Bigint, Run::Values(round_integer)),
            fixed(&[P::Bigint], &P::Bigint, Run::Values(round_integer)),
            fixed(&[P::Double], &P::Bigint, Run::Values(round)),
            fixed(&[P::Double, P::Integer], &P::Double, Run::Values(|values| to_places(values, rounding_of))),
            decimal(&[P::Decimal], without_places, Run::Values(|values| to_integer(values, rounding_of))),
            decimal(&[P::Decimal, P::Integer], first, Run::Values(|values| keeping_scale(values, rounding_of))),
        ],
    },
    Function {
        name: "TRUNC",
        overloads: &[
            fixed(&[P::Integer], &P::Bigint, Run::Values(trunc)),
            fixed(&[P::Bigint], &P::Bigint, Run::Values(trunc)),
            fixed(&[P::Double], &P::Bigint, Run::Values(trunc)),
            fixed(&[P::Double, P::Integer], &P::Double, Run::Values(|values| to_places(values, |_| Rounding::Down))),
            decimal(&[P::Decimal], without_places, Run::Values(|values| to_integer(values, |_| Rounding::Down))),
            decimal(&[P::Decimal, P::Integer], first, Run::Values(|values| keeping_scale(values, |_| Rounding::Down))),
        ],
    },
    extreme!("GREATEST", |values| Ok(extreme(values, Ordering::Greater))),
    extreme!("LEAST", |values| Ok(extreme(values, Ordering::Less))),
    Function {
        name: "GEO_DISTANCE",
        overloads: &[
            fixed(&[P::Double, P::Double, P::Double, P::Double], &P::Double, Run::Values(geo_distance)),
            fixed(&[P::Double, P::Double, P::Double, P::Double, P::String], &P::Double, Run::Values(geo_distance)),
        ],
    },
];

fn first(types: &[Option<Type>]) -> Option<Type> {
    types.first().cloned().flatten()
}

fn without_places(types: &[Option<Type>]) -> Option<Type> {
    with_scale_zero(types.first()?.as_ref()?)
}

fn widest(types: &[Option<Type>]) -> Option<Type> {
    let mut known = types.iter().flatten();
    let first = known.next()?.clone();
    known.try_fold(first, |wide, ty| widen(&wide, ty))
}

fn log(base: f64, value: f64) -> f64 {
    if base <= 0.0 || base == 1.0 { f64::NAN } else { math::ln(value) / math::ln(base) }
}

fn same(values: &[Value]) -> Evaluated {
    Ok(values.first().cloned().unwrap_or(Value::Null))
}

fn abs(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Integer(value)] => Value::Integer(value.wrapping_abs()),
        [Value::Bigint(value)] => Value::Bigint(value.wrapping_abs()),
        [Value::Decimal(value)] => Value::decimal(value.abs()),
        _ => Value::Null,
    })
}

fn sign(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Integer(value)] => Value::Integer(value.signum()),
        [Value::Bigint(value)] => Value::Integer(value.signum() as i32),
        [Value::Double(value)] => Value::Integer(i32::from(*value > 0.0) - i32::from(*value < 0.0)),
        _ => Value::Null,
    })
}

fn to_whole(values: &[Value], rounding: Rounding) -> Evaluated {
    match values {
        [Value::Decimal(value)] => {
            let whole = value.set_scale(0, rounding).and_then(|whole| whole.set_scale(value.scale(), rounding));
            whole.map(Value::decimal).ok_or(Thrown)
        }
        _ => Ok(Value::Null),
    }
}

/// ROUND of integers takes primitive numbers in Java: NULL cannot be passed.
fn round_integer(values: &[Value]) -> Evaluated {
    match values {
        [Value::Integer(value)] => Ok(Value::Bigint(i64::from(*value))),
        [Value::Bigint(value)] => Ok(Value::Bigint(*value)),
        _ => Err(Thrown),
    }
}

/// `Math.round`: to the nearest, ties towards +∞, saturating, NaN to 0.
fn round(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Double(value)] => {
            let floor = value.floor();
            // the difference is exact; `as` saturates and takes NaN to 0
            Value::Bigint(if value - floor >= 0.5 { floor + 1.0 } else { floor } as i64)
        }
        _ => Value::Null,
    })
}

fn trunc(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Integer(value)] => Value::Bigint(i64::from(*value)),
        [Value::Bigint(value)] => Value::Bigint(*value),
        [Value::Double(value)] => Value::Bigint(*value as i64),
        _ => Value::Null,
    })
}

/// ROUND takes ties towards +∞.
fn rounding_of(value: &Decimal) -> Rounding {
    if value.signum() > 0 { Rounding::HalfUp } else { Rounding::HalfDown }
}

fn to_places(values: &[Value], rounding: fn(&Decimal) -> Rounding) -> Evaluated {
    match values {
        [Value::Double(value), Value::Integer(places)] => {
            let value = Decimal::value_of(*value).ok_or(Thrown)?;
            let rounded = value.set_scale(i64::from(*places), rounding(&value)).ok_or(Thrown)?;
            Ok(Value::Double(rounded.to_double()))
        }
        _ => Ok(Value::Null),
    }
}

fn to_integer(values: &[Value], rounding: fn(&Decimal) -> Rounding) -> Evaluated {
    match values {
        [Value::Decimal(value)] => value.set_scale(0, rounding(value)).map(Value::decimal).ok_or(Thrown),
        _ => Ok(Value::Null),
    }
}

fn keeping_scale(values: &[Value], rounding: fn(&Decimal) -> Rounding) -> Evaluated {
    match values {
        [Value::Decimal(value), Value::Integer(places)] => {
            let rounded = value.set_scale(i64::from(*places), rounding(value)).ok_or(Thrown)?;
            rounded.set_scale(value.scale(), Rounding::Unnecessary).map(Value::decimal).ok_or(Thrown)
        }
        _ => Ok(Value::Null),
    }
}

/// Skips NULLs; of equal ones the first stays.
fn extreme(values: &[Value], wanted: Ordering) -> Value {
    let mut best: Option<&Value> = None;
    for value in values.iter().filter(|value| !value.is_null()) {
        match best {
            Some(known) if value.java_compare(known) != Some(wanted) => {}
            _ => best = Some(value),
        }
    }
    best.cloned().unwrap_or(Value::Null)
}

/// The haversine formula, with ksqlDB's radii.
fn geo_distance(values: &[Value]) -> Evaluated {
    let [Value::Double(lat1), Value::Double(lon1), Value::Double(lat2), Value::Double(lon2), units @ ..] = values
    else {
        return Err(Thrown);
    };
    if lat1.abs() > 90.0 || lat2.abs() > 90.0 || lon1.abs() > 180.0 || lon2.abs() > 180.0 {
        return Err(Thrown);
    }
    let radius = match units {
        [Value::String(unit)] => match super::super::number::trim(unit).to_lowercase().as_str() {
            "" | "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => 6371.0,
            "mi" | "mile" | "miles" => 3959.0,
            _ => return Err(Thrown),
        },
        _ => 6371.0,
    };
    let haversine = |x: f64| math::power(math::sin(x / 2.0), 2.0);
    let (delta_lat, delta_lon) = (math::radians(lat2 - lat1), math::radians(lon2 - lon1));
    let (lat1, lat2) = (math::radians(*lat1), math::radians(*lat2));
    let a = haversine(delta_lat) + haversine(delta_lon) * math::cos(lat1) * math::cos(lat2);
    Ok(Value::Double(2.0 * math::asin(math::sqrt(a)) * radius))
}
