//! Timestamps. The server's time zone is taken to be UTC, as in its images.

use super::super::calendar::{Pattern, zone_offset};
use super::super::run::{Evaluated, Event, Thrown};
use super::super::value::Value;
use super::{Function, Parameter as P, Prepared, Run, fixed, literal_text};
use crate::sql::ast::Expr;

pub(super) static FUNCTIONS: &[Function] = &[
    Function { name: "FROM_UNIXTIME", overloads: &[fixed(&[P::Bigint], &P::Timestamp, Run::Values(from_unixtime))] },
    Function {
        name: "UNIX_TIMESTAMP",
        overloads: &[
            fixed(&[], &P::Bigint, Run::Event(|event: &Event| Value::Bigint(event.now))),
            fixed(&[P::Timestamp], &P::Bigint, Run::Values(unix_timestamp)),
        ],
    },
    Function {
        name: "FORMAT_TIMESTAMP",
        overloads: &[
            fixed(&[P::Timestamp, P::String], &P::String, Run::Prepare(format)),
            fixed(&[P::Timestamp, P::String, P::String], &P::String, Run::Prepare(format)),
        ],
    },
    Function {
        name: "TIMESTAMPTOSTRING",
        overloads: &[
            fixed(&[P::Bigint, P::String], &P::String, Run::Prepare(format_millis)),
            fixed(&[P::Bigint, P::String, P::String], &P::String, Run::Prepare(format_millis)),
        ],
    },
];

fn from_unixtime(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Bigint(millis)] => Value::Timestamp(*millis),
        _ => Value::Null,
    })
}

fn unix_timestamp(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Timestamp(millis)] => Value::Bigint(*millis),
        _ => Value::Null,
    })
}

fn format(arguments: &[Expr]) -> Result<Prepared, String> {
    let (pattern, offset) = pattern_and_offset(arguments)?;
    Ok(Box::new(move |values| {
        Ok(match values.first() {
            Some(Value::Timestamp(millis)) => Value::string(pattern.format(*millis, offset)),
            _ => Value::Null,
        })
    }))
}

/// The number is primitive in Java: NULL cannot be passed.
fn format_millis(arguments: &[Expr]) -> Result<Prepared, String> {
    let (pattern, offset) = pattern_and_offset(arguments)?;
    Ok(Box::new(move |values| match values.first() {
        Some(Value::Bigint(millis)) => Ok(Value::string(pattern.format(*millis, offset))),
        _ => Err(Thrown),
    }))
}

fn pattern_and_offset(arguments: &[Expr]) -> Result<(Pattern, i64), String> {
    let pattern = literal_text(arguments.get(1)).ok_or("the pattern has to be a literal")?;
    let pattern = Pattern::parse(pattern)?;
    if arguments.len() < 3 {
        return Ok((pattern, 0));
    }
    let zone = literal_text(arguments.get(2)).ok_or("the time zone has to be a literal")?;
    match zone_offset(zone) {
        Some(offset) => Ok((pattern, offset)),
        None => Err(format!("the evaluator knows `UTC` and fixed offsets, not the time zone `{zone}`")),
    }
}
