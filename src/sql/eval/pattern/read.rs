//! Reading text by a pattern, as `DateTimeFormatter` and `FastDateFormat` read it.
//!
//! Only numbers and offsets are read; names of months and days, `h` with `a` and two-digit years are refused when the
//! expression is compiled.

use super::super::calendar::{DAY, Date, days_of, days_of_julian, month_length};
use super::{Pattern, Piece};

/// What a text says, field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fields {
    year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    nanos: Option<i64>,
    offset: Option<i64>,
}

/// A date and a time of day that were read, each if the pattern gives all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resolved {
    /// Days since the epoch.
    days: Option<i64>,
    /// Milliseconds of the day.
    of_day: Option<i64>,
}

impl Pattern {
    /// Why text cannot be read by the pattern here, if so.
    pub(in super::super) fn check_reading(&self) -> Result<(), String> {
        let unknown = self.0.iter().find_map(|piece| match piece {
            Piece::Field(letter, count) if !is_read(*letter, *count) => Some(letter.to_string().repeat(*count)),
            _ => None,
        });
        match unknown {
            Some(field) => Err(format!("the evaluator does not read `{field}` of patterns")),
            None => Ok(()),
        }
    }

    /// Milliseconds since the epoch, at an offset of so many if the text has none: PARSE_TIMESTAMP. What the text does
    /// not say is taken from 1970-01-01T00:00.
    pub(in super::super) fn read_timestamp(&self, text: &str, offset: i64) -> Option<i64> {
        let fields = self.read(text)?;
        let resolved = fields.resolve()?;
        let days = resolved.days.or_else(|| {
            // the fields are set one after the other, the day first, and each leaves a day that its month has
            let day = fields.day.unwrap_or(1);
            let month = fields.month.unwrap_or(1);
            let day = day.min(month_length(1970, month));
            let year = fields.year.unwrap_or(1970);
            Some(days_of(Date { year, month, day: day.min(month_length(year, month)) }))
        })?;
        let of_day = resolved.of_day.or_else(|| {
            let time = [fields.hour, fields.minute, fields.second].map(|field| field.unwrap_or(0));
            (time[0] < 24).then(|| of_clock(time) + fields.nanos.unwrap_or(0) / 1_000_000)
        })?;
        days.checked_mul(DAY)?.checked_add(of_day)?.checked_sub(fields.offset.unwrap_or(offset))
    }

    /// Days since the epoch: STRINGTODATE.
    pub(in super::super) fn read_day(&self, text: &str) -> Option<i64> {
        self.read(text)?.resolve()?.days
    }

    /// Milliseconds of the day: PARSE_TIME. A date beside it is an error.
    pub(in super::super) fn read_time(&self, text: &str) -> Option<i64> {
        let fields = self.read(text)?;
        if fields.year.is_some() || fields.month.is_some() || fields.day.is_some() {
            return None;
        }
        fields.resolve()?.of_day.map(|of_day| of_day % DAY)
    }

    /// Reads the whole text.
    fn read(&self, text: &str) -> Option<Fields> {
        let mut fields = Fields::default();
        let mut rest = text;
        for (at, piece) in self.0.iter().enumerate() {
            rest = match piece {
                Piece::Text(wanted) => after(rest, wanted)?,
                Piece::Field('X' | 'x' | 'Z', _) => self.read_offset(at, rest, &mut fields)?,
                Piece::Field(letter, count) => {
                    let (value, length) = number(rest, *letter, *count, self.reserved(at))?;
                    set(&mut fields, *letter, value, length)?;
                    &rest[length..]
                }
            };
        }
        rest.is_empty().then_some(fields)
    }

    /// How many digits belong to the numbers of fixed width directly behind a number; `None` if it has a fixed width
    /// itself, because a number of any width follows or it stands behind one itself.
    fn reserved(&self, at: usize) -> Option<usize> {
        let mut width = 0;
        for piece in &self.0[at + 1..] {
            match piece {
                Piece::Field('X' | 'x' | 'Z', _) | Piece::Text(_) => break,
                Piece::Field(letter, count) if fixed(*letter, *count) => width += count,
                Piece::Field(..) => return None,
            }
        }
        Some(width)
    }

    fn read_offset<'t>(&self, at: usize, rest: &'t str, fields: &mut Fields) -> Option<&'t str> {
        let Piece::Field(letter, count) = self.0.get(at)? else { return None };
        if *letter == 'X'
            && let Some(rest) = after(rest, "Z")
        {
            fields.offset = Some(0);
            return Some(rest);
        }
        let sign = match rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        let pair = |from: usize| {
            let digits = rest.get(from..from + 2)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
        };
        let hours = pair(1)?;
        let colon = *letter != 'Z' && *count == 3;
        let minutes_at = if colon { 4 } else { 3 };
        let minutes = if colon && rest.get(3..4) != Some(":") { None } else { pair(minutes_at) };
        let (minutes, end) = match minutes {
            Some(minutes) => (minutes, minutes_at + 2),
            // only `X` and `x` do without minutes
            None if *letter != 'Z' && *count == 1 => (0, 3),
            None => return None,
        };
        if minutes > 59 || hours * 60 + minutes > 18 * 60 {
            return None;
        }
        fields.offset = Some(sign * (hours * 60 + minutes) * 60_000);
        rest.get(end..)
    }

    /// Milliseconds since the epoch as `FastDateFormat` reads them, for PARSE_DATE: numbers may be too large, and what
    /// follows the pattern is not looked at. Days before the Gregorian calendar are those of the Julian one.
    pub(in super::super) fn read_date(&self, text: &str) -> Option<i64> {
        let (mut year, mut month, mut day, mut of_day) = (1970, 1, 1, 0);
        let mut rest = text;
        for (at, piece) in self.0.iter().enumerate() {
            match piece {
                Piece::Text(wanted) => rest = rest.strip_prefix(wanted.as_str())?,
                Piece::Field(letter, count) => {
                    let adjacent = matches!(self.0.get(at + 1), Some(Piece::Field(..)));
                    let start = if adjacent { rest } else { rest.trim_start_matches(char::is_whitespace) };
                    let end = start.find(|c: char| !c.is_ascii_digit()).unwrap_or(start.len());
                    let end = if adjacent { end.min(*count) } else { end };
                    let value = i64::from(start.get(..end)?.parse::<i32>().ok()?);
                    rest = &start[end..];
                    match letter {
                        'y' => year = value,
                        'M' => month = value,
                        'd' => day = value,
                        'H' => of_day += value * 3_600_000,
                        'm' => of_day += value * 60_000,
                        's' => of_day += value * 1_000,
                        _ => of_day += value,
                    }
                }
            }
        }
        let months = year * 12 + month - 1;
        let first = Date { year: months.div_euclid(12), month: months.rem_euclid(12) as u32 + 1, day: 1 };
        let gregorian = days_of(first) + day - 1;
        // 1582-10-15
        let days = if gregorian >= -141_427 { gregorian } else { days_of_julian(first) + day - 1 };
        days.checked_mul(DAY)?.checked_add(of_day)
    }

    /// Why PARSE_DATE cannot read by the pattern here, if so.
    pub(in super::super) fn check_reading_dates(&self) -> Result<(), String> {
        let unknown = self.0.iter().find_map(|piece| match piece {
            Piece::Field('y', count) if *count > 2 => None,
            Piece::Field('M', 1 | 2) | Piece::Field('d' | 'H' | 'm' | 's' | 'S', _) | Piece::Text(_) => None,
            Piece::Field(letter, count) => Some(letter.to_string().repeat(*count)),
        });
        match unknown {
            Some(field) => Err(format!("the evaluator does not read `{field}` of the patterns of PARSE_DATE")),
            None => Ok(()),
        }
    }
}

fn is_read(letter: char, count: usize) -> bool {
    match letter {
        'y' | 'u' => count != 2,
        'M' => count <= 2,
        'd' | 'H' | 'm' | 's' | 'S' => true,
        'X' | 'x' | 'Z' => count <= 3,
        _ => false,
    }
}

/// Whether the number has exactly as many digits as the letter stands there.
fn fixed(letter: char, count: usize) -> bool {
    match letter {
        'S' => true,
        'M' | 'd' | 'H' | 'm' | 's' => count == 2,
        _ => false,
    }
}

/// The rest behind a text, whose letter case does not matter.
fn after<'t>(rest: &'t str, wanted: &str) -> Option<&'t str> {
    let mut chars = rest.chars();
    for wanted in wanted.chars() {
        let found = chars.next()?;
        let same = found == wanted || found.to_lowercase().eq(wanted.to_lowercase());
        if !same {
            return None;
        }
    }
    Some(chars.as_str())
}

/// A number at the start of the text, and its length with the sign.
fn number(rest: &str, letter: char, count: usize, reserved: Option<usize>) -> Option<(i64, usize)> {
    let is_year = matches!(letter, 'y' | 'u');
    let exact = fixed(letter, count);
    let sign = rest.chars().next().filter(|c| matches!(c, '+' | '-'));
    let signed = match sign {
        None => 0,
        Some('-') if !exact => 1,
        Some('+') if is_year && count >= 4 => 1,
        Some(_) => return None,
    };
    let digits = rest[signed..].bytes().take_while(u8::is_ascii_digit).count();
    let most = match reserved {
        _ if exact => count,
        None => count,
        Some(reserved) => digits.min(19 + reserved).saturating_sub(reserved).max(count),
    };
    let length = digits.min(most).min(19);
    if length < if exact || is_year { count } else { 1 } {
        return None;
    }
    let value: i64 = rest[signed..signed + length].parse().ok()?;
    if is_year && count >= 4 {
        // a plus stands where there are more digits than letters, and only there
        let longer = length > count;
        if sign == Some('+') && !longer || sign.is_none() && longer {
            return None;
        }
    }
    if sign == Some('-') && value == 0 {
        return None;
    }
    Some((if sign == Some('-') { -value } else { value }, signed + length))
}

/// Sets a field, if the value is in its range.
fn set(fields: &mut Fields, letter: char, value: i64, length: usize) -> Option<()> {
    let within = |most: i64| (0..=most).contains(&value).then_some(value);
    match letter {
        'y' => fields.year = Some(value).filter(|year| (1..=999_999_999).contains(year)).map(Some)?,
        'u' => fields.year = Some(value).filter(|year| year.abs() <= 999_999_999).map(Some)?,
        'M' => fields.month = Some(within(12).filter(|month| *month > 0)? as u32),
        'd' => fields.day = Some(within(31).filter(|day| *day > 0)? as u32),
        'H' => fields.hour = Some(within(24)?),
        'm' => fields.minute = Some(within(59)?),
        's' => fields.second = Some(within(59)?),
        _ => fields.nanos = Some(value * 10_i64.pow(9_u32.saturating_sub(length as u32))),
    }
    Some(())
}

fn of_clock([hour, minute, second]: [i64; 3]) -> i64 {
    ((hour * 60 + minute) * 60 + second) * 1000
}

impl Fields {
    /// The date, with the last day of a month for the days that it does not have, and the time of day: it needs an
    /// hour, and no gap in its fields. 24:00 is the next day.
    fn resolve(&self) -> Option<Resolved> {
        let mut days = match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => {
                Some(days_of(Date { year, month, day: day.min(month_length(year, month)) }))
            }
            _ => None,
        };
        let gap = self.minute.is_none() && (self.second.is_some() || self.nanos.is_some())
            || self.second.is_none() && self.nanos.is_some();
        let mut of_day = match self.hour {
            Some(hour) if !gap => {
                let clock = of_clock([hour, self.minute.unwrap_or(0), self.second.unwrap_or(0)]);
                Some(clock + self.nanos.unwrap_or(0) / 1_000_000)
            }
            _ => None,
        };
        if of_day.is_some_and(|of_day| of_day >= DAY) {
            if of_day != Some(DAY) || self.nanos.unwrap_or(0) > 0 {
                return None;
            }
            of_day = Some(0);
            days = days.map(|days| days + 1);
        }
        Some(Resolved { days, of_day })
    }
}
