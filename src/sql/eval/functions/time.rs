//! Timestamps, dates and times of day. The server's time zone is taken to be UTC, as in its images.

use super::super::calendar::{DAY, zone_offset};
use super::super::pattern::Pattern;
use super::super::run::{Evaluated, Event, Thrown};
use super::super::value::Value;
use super::{Function, Overload, Parameter as P, Prepared, Run, fixed, literal_text};
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
    Function { name: "FROM_DAYS", overloads: &[fixed(&[P::Integer], &P::Date, Run::Values(from_days))] },
    Function {
        name: "UNIX_DATE",
        overloads: &[
            fixed(&[], &P::Integer, Run::Event(|event: &Event| Value::Integer((event.now / DAY) as i32))),
            fixed(&[P::Date], &P::Integer, Run::Values(unix_date)),
        ],
    },
    Function { name: "DATEADD", overloads: &[moved(&[P::Unit, P::Integer, P::Date], &P::Date, |v| date_plus(v, 1))] },
    Function { name: "DATESUB", overloads: &[moved(&[P::Unit, P::Integer, P::Date], &P::Date, |v| date_plus(v, -1))] },
    Function { name: "TIMEADD", overloads: &[moved(&[P::Unit, P::Integer, P::Time], &P::Time, |v| time_plus(v, 1))] },
    Function { name: "TIMESUB", overloads: &[moved(&[P::Unit, P::Integer, P::Time], &P::Time, |v| time_plus(v, -1))] },
    Function {
        name: "TIMESTAMPADD",
        overloads: &[moved(&[P::Unit, P::Integer, P::Timestamp], &P::Timestamp, |v| timestamp_plus(v, 1))],
    },
    Function {
        name: "TIMESTAMPSUB",
        overloads: &[moved(&[P::Unit, P::Integer, P::Timestamp], &P::Timestamp, |v| timestamp_plus(v, -1))],
    },
    Function {
        name: "CONVERT_TZ",
        overloads: &[fixed(&[P::Timestamp, P::String, P::String], &P::Timestamp, Run::Prepare(convert_tz))],
    },
    Function {
        name: "FORMAT_TIMESTAMP",
        overloads: &[
            fixed(&[P::Timestamp, P::String], &P::String, Run::Prepare(format_timestamp)),
            fixed(&[P::Timestamp, P::String, P::String], &P::String, Run::Prepare(format_timestamp)),
        ],
    },
    Function {
        name: "TIMESTAMPTOSTRING",
        overloads: &[
            fixed(&[P::Bigint, P::String], &P::String, Run::Prepare(format_millis)),
            fixed(&[P::Bigint, P::String, P::String], &P::String, Run::Prepare(format_millis)),
        ],
    },
    Function { name: "FORMAT_DATE", overloads: &[fixed(&[P::Date, P::String], &P::String, Run::Prepare(format_date))] },
    Function {
        name: "DATETOSTRING",
        overloads: &[fixed(&[P::Integer, P::String], &P::String, Run::Prepare(format_days))],
    },
    Function { name: "FORMAT_TIME", overloads: &[fixed(&[P::Time, P::String], &P::String, Run::Prepare(format_time))] },
    Function {
        name: "PARSE_TIMESTAMP",
        overloads: &[
            fixed(&[P::String, P::String], &P::Timestamp, Run::Prepare(parse_timestamp)),
            fixed(&[P::String, P::String, P::String], &P::Timestamp, Run::Prepare(parse_timestamp)),
        ],
    },
    Function {
        name: "STRINGTOTIMESTAMP",
        overloads: &[
            fixed(&[P::String, P::String], &P::Bigint, Run::Prepare(string_to_timestamp)),
            fixed(&[P::String, P::String, P::String], &P::Bigint, Run::Prepare(string_to_timestamp)),
        ],
    },
    Function { name: "PARSE_DATE", overloads: &[fixed(&[P::String, P::String], &P::Date, Run::Prepare(parse_date))] },
    Function {
        name: "STRINGTODATE",
        overloads: &[fixed(&[P::String, P::String], &P::Integer, Run::Prepare(string_to_date))],
    },
    Function { name: "PARSE_TIME", overloads: &[fixed(&[P::String, P::String], &P::Time, Run::Prepare(parse_time))] },
];

/// A function of a unit of time, how many of them, and what they are added to.
const fn moved(parameters: &'static [P], returns: &'static P, run: fn(&[Value]) -> Evaluated) -> Overload {
    fixed(parameters, returns, Run::Values(run))
}

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

/// The number is primitive in Java: NULL cannot be passed.
fn from_days(values: &[Value]) -> Evaluated {
    match values {
        [Value::Integer(days)] => Ok(Value::Date(i64::from(*days) * DAY)),
        _ => Err(Thrown),
    }
}

fn unix_date(values: &[Value]) -> Evaluated {
    Ok(match values {
        [Value::Date(millis)] => Value::Integer((millis / DAY) as i32),
        _ => Value::Null,
    })
}

/// Whole days, towards the epoch.
fn date_plus(values: &[Value], sign: i64) -> Evaluated {
    Ok(match values {
        [Value::Bigint(unit), Value::Integer(count), Value::Date(date)] => {
            Value::Date(date.wrapping_add(sign * unit * i64::from(*count)) / DAY * DAY)
        }
        _ => Value::Null,
    })
}

/// Round the clock. Java counts in nanoseconds, which saturate beyond 106 752 days.
fn time_plus(values: &[Value], sign: i64) -> Evaluated {
    match values {
        [Value::Bigint(unit), Value::Integer(count), Value::Time(time)] => {
            if !(0..DAY).contains(time) {
                return Err(Thrown);
            }
            let nanos = (unit * 1_000_000).saturating_mul(i64::from(*count));
            let sum = i128::from(*time) * 1_000_000 + i128::from(sign) * i128::from(nanos);
            Ok(Value::Time((sum.rem_euclid(i128::from(DAY) * 1_000_000) / 1_000_000) as i64))
        }
        _ => Ok(Value::Null),
    }
}

fn timestamp_plus(values: &[Value], sign: i64) -> Evaluated {
    Ok(match values {
        [Value::Bigint(unit), Value::Integer(count), Value::Timestamp(millis)] => {
            Value::Timestamp(millis.wrapping_add(sign * unit * i64::from(*count)))
        }
        _ => Value::Null,
    })
}

fn convert_tz(arguments: &[Expr]) -> Result<Prepared, String> {
    let difference = zone(arguments.get(2))?.calendar_offset() - zone(arguments.get(1))?.calendar_offset();
    Ok(Box::new(move |values| {
        Ok(match values {
            [Value::Timestamp(millis), Value::String(_), Value::String(_)] => {
                Value::Timestamp(millis.wrapping_add(difference))
            }
            _ => Value::Null,
        })
    }))
}

fn format_timestamp(arguments: &[Expr]) -> Result<Prepared, String> {
    let (pattern, offset) = (pattern(arguments)?, offset(arguments)?);
    Ok(Box::new(move |values| {
        Ok(match values.first() {
            Some(Value::Timestamp(millis)) => Value::string(pattern.format(*millis, offset)),
            _ => Value::Null,
        })
    }))
}

/// The number is primitive in Java: NULL cannot be passed.
fn format_millis(arguments: &[Expr]) -> Result<Prepared, String> {
    let (pattern, offset) = (pattern(arguments)?, offset(arguments)?);
    Ok(Box::new(move |values| match values.first() {
        Some(Value::Bigint(millis)) => Ok(Value::string(pattern.format(*millis, offset))),
        _ => Err(Thrown),
    }))
}

fn format_date(arguments: &[Expr]) -> Result<Prepared, String> {
    let pattern = pattern(arguments)?;
    Ok(Box::new(move |values| match values.first() {
        // towards zero, as TimeUnit converts
        Some(Value::Date(millis)) if pattern.is_of_dates() => Ok(Value::string(pattern.format(millis / DAY * DAY, 0))),
        Some(Value::Date(_)) => Err(Thrown),
        _ => Ok(Value::Null),
    }))
}

/// The number is primitive in Java: NULL cannot be passed.
fn format_days(arguments: &[Expr]) -> Result<Prepared, String> {
    let pattern = pattern(arguments)?;
    Ok(Box::new(move |values| match values.first() {
        Some(Value::Integer(days)) if pattern.is_of_dates() => {
            Ok(Value::string(pattern.format(i64::from(*days) * DAY, 0)))
        }
        _ => Err(Thrown),
    }))
}

fn format_time(arguments: &[Expr]) -> Result<Prepared, String> {
    let pattern = pattern(arguments)?;
    Ok(Box::new(move |values| match values.first() {
        Some(Value::Time(millis)) if pattern.is_of_times() && (0..DAY).contains(millis) => {
            Ok(Value::string(pattern.format(*millis, 0)))
        }
        Some(Value::Time(_)) => Err(Thrown),
        _ => Ok(Value::Null),
    }))
}

fn parse_timestamp(arguments: &[Expr]) -> Result<Prepared, String> {
    let (pattern, offset) = (pattern(arguments)?, offset(arguments)?);
    pattern.check_reading()?;
    Ok(Box::new(move |values| match values.first() {
        Some(Value::String(text)) => pattern.read_timestamp(text, offset).map(Value::Timestamp).ok_or(Thrown),
        _ => Ok(Value::Null),
    }))
}

fn string_to_timestamp(arguments: &[Expr]) -> Result<Prepared, String> {
    let (pattern, offset) = (pattern(arguments)?, offset(arguments)?);
    pattern.check_reading()?;
    Ok(Box::new(move |values| match values.first() {
        Some(Value::String(text)) => pattern.read_timestamp(text, offset).map(Value::Bigint).ok_or(Thrown),
        _ => Err(Thrown),
    }))
}

fn parse_date(arguments: &[Expr]) -> Result<Prepared, String> {
    let pattern = pattern(arguments)?;
    pattern.check_reading_dates()?;
    Ok(Box::new(move |values| match values.first() {
        Some(Value::String(text)) => {
            let millis = pattern.read_date(text).filter(|millis| millis % DAY == 0);
            millis.map(Value::Date).ok_or(Thrown)
        }
        _ => Ok(Value::Null),
    }))
}

fn string_to_date(arguments: &[Expr]) -> Result<Prepared, String> {
    let pattern = pattern(arguments)?;
    pattern.check_reading()?;
    Ok(Box::new(move |values| match values.first() {
        Some(Value::String(text)) => pattern.read_day(text).map(|days| Value::Integer(days as i32)).ok_or(Thrown),
        _ => Err(Thrown),
    }))
}

fn parse_time(arguments: &[Expr]) -> Result<Prepared, String> {
    let pattern = pattern(arguments)?;
    pattern.check_reading()?;
    Ok(Box::new(move |values| match values.first() {
        Some(Value::String(text)) => pattern.read_time(text).map(Value::Time).ok_or(Thrown),
        _ => Ok(Value::Null),
    }))
}

/// The pattern, which stands second.
fn pattern(arguments: &[Expr]) -> Result<Pattern, String> {
    Pattern::parse(literal_text(arguments.get(1)).ok_or("the pattern has to be a literal")?)
}

/// The offset of the time zone, which may stand third.
fn offset(arguments: &[Expr]) -> Result<i64, String> {
    arguments.get(2).map_or(Ok(0), |argument| zone(Some(argument)).map(|zone| zone.offset))
}

/// A time zone with a fixed offset.
struct Zone<'a> {
    name: &'a str,
    offset: i64,
}

impl Zone<'_> {
    /// The offset in `java.util.TimeZone`, which reads `UTC+2` as UTC and knows no seconds.
    fn calendar_offset(&self) -> i64 {
        let known = self.name.starts_with(['+', '-']) || self.name.starts_with("GMT");
        if known && self.offset % 60_000 == 0 { self.offset } else { 0 }
    }
}

fn zone(argument: Option<&Expr>) -> Result<Zone<'_>, String> {
    let name = literal_text(argument).ok_or("the time zone has to be a literal")?;
    match zone_offset(name) {
        Some(offset) => Ok(Zone { name, offset }),
        None => Err(format!("the evaluator knows `UTC` and fixed offsets, not the time zone `{name}`")),
    }
}
