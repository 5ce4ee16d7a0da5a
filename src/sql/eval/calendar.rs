//! Days, times and time zones as `java.time` reads and writes them, in UTC and at fixed offsets.
//!
//! Named zones need a database of their history and are refused, not guessed.

use super::pattern::Pattern;

/// Milliseconds of a day.
pub(super) const DAY: i64 = 86_400_000;

/// A date of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub year: i64,
    pub month: u32,
    pub day: u32,
}

/// Days since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(super) fn days_of(date: Date) -> i64 {
    let year = if date.month <= 2 { date.year - 1 } else { date.year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year =
        (153 * (i64::from(date.month) + if date.month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(date.day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_of`].
pub(super) fn date_of(days: i64) -> Date {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = (if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 }) as u32;
    Date { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
}

/// The same for a date of the Julian calendar.
pub(super) fn days_of_julian(date: Date) -> i64 {
    let before_march = i64::from(date.month <= 2);
    let (year, month) = (date.year - before_march, i64::from(date.month) + 12 * before_march - 3);
    year * 365 + year.div_euclid(4) + (153 * month + 2) / 5 + i64::from(date.day) - 719_471
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The days of a month.
pub(super) fn month_length(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The offset of a zone in milliseconds, for `UTC`, `GMT`, `Z` and fixed offsets.
pub(super) fn zone_offset(zone: &str) -> Option<i64> {
    let offset = ["UTC", "GMT", "UT"].iter().find_map(|prefix| zone.strip_prefix(prefix)).unwrap_or(zone);
    if offset.is_empty() && !zone.is_empty() || zone == "Z" {
        return Some(0);
    }
    let (sign, digits) = match offset.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let parts: Vec<&str> = match (digits.contains(':'), digits.len()) {
        (true, _) => digits.split(':').collect(),
        (false, 1 | 2) => vec![digits],
        (false, 4) => vec![&digits[..2], &digits[2..]],
        (false, 6) => vec![&digits[..2], &digits[2..4], &digits[4..]],
        _ => return None,
    };
    let two =
        |text: &str| (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i64>().ok());
    let hours = match parts.first()? {
        hour if hour.len() == 1 && parts.len() == 1 => hour.parse::<i64>().ok()?,
        hour => two(hour)??,
    };
    let minutes = parts.get(1).map_or(Some(Some(0)), |text| two(text))??;
    let seconds = parts.get(2).map_or(Some(Some(0)), |text| two(text))??;
    let total = (hours * 60 + minutes) * 60 + seconds;
    (parts.len() <= 3 && minutes < 60 && seconds < 60 && total <= 18 * 3600).then_some(sign * total * 1000)
}

/// `yyyy-MM-dd'T'HH:mm:ss.SSS` in UTC: what CAST of a TIMESTAMP to STRING gives.
pub(super) fn format_timestamp(millis: i64) -> String {
    Pattern::of_timestamps().format(millis, 0)
}

/// What CAST of a STRING to TIMESTAMP reads: a date or a beginning of one, with `T` also a time or a beginning of one,
/// an offset or `Z`.
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    const REST: &str = "00:00:00.000";
    let (date, time, zone) = match text.split_once('T') {
        None => (complete_date(text), String::new(), ""),
        Some((date, with_zone)) => {
            let zone = with_zone.find('+').or_else(|| with_zone.find('-')).map_or("", |at| &with_zone[at..]);
            let time = &with_zone[..with_zone.len() - zone.len()];
            (date.to_owned(), time.strip_suffix('Z').unwrap_or(time).to_owned(), zone)
        }
    };
    let offset = if zone.trim().is_empty() { 0 } else { zone_offset(zone)? };
    let time = if time.len() >= REST.len() { time } else { format!("{time}{}", REST.get(time.len()..)?) };
    let (date, next_day) = (parse_date_fields(&date, true)?, time == "24:00:00.000");
    let of_day = if next_day { DAY } else { parse_time_fields(&time)? };
    days_of(date).checked_mul(DAY)?.checked_add(of_day)?.checked_sub(offset)
}

/// Appends the month and day that are missing.
fn complete_date(text: &str) -> String {
    match text.trim_end_matches('-').split('-').count() {
        1 => format!("{text}-01-01"),
        2 => format!("{text}-01"),
        _ => text.to_owned(),
    }
}

/// `year-MM-dd`; when lenient, the last day of a month stands for the days that it does not have.
fn parse_date_fields(text: &str, lenient: bool) -> Option<Date> {
    let (year, rest) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (month, day) = rest.strip_prefix('-')?.split_once('-')?;
    let digits = year.strip_prefix(['+', '-']).unwrap_or(year);
    let long = digits.len() > 4;
    if digits.len() < 4 || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if year.starts_with('+') != long && !year.starts_with('-') {
        return None;
    }
    let year: i64 = year.parse().ok()?;
    let (month, day) = (two_digits(month)?, two_digits(day)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || (lenient && year < 1) {
        return None;
    }
    let last = month_length(year, month);
    if day > last && !lenient {
        return None;
    }
    Some(Date { year, month, day: day.min(last) })
}

/// `HH:mm:ss.SSS`, in milliseconds.
fn parse_time_fields(text: &str) -> Option<i64> {
    let (clock, millis) = text.split_once('.')?;
    let mut parts = clock.split(':');
    let (hour, minute, second) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    let plain = millis.len() == 3 && millis.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !plain || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((i64::from(hour * 60 + minute) * 60 + i64::from(second)) * 1000 + millis.parse::<i64>().ok()?)
}

fn two_digits(text: &str) -> Option<u32> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// What CAST of a STRING to DATE reads: an ISO date or a beginning of one.
pub(super) fn parse_date(text: &str) -> Option<i64> {
    parse_date_fields(&complete_date(text), false).map(|date| days_of(date) * DAY)
}

/// What CAST of a DATE to STRING gives.
pub(super) fn format_date(millis: i64) -> String {
    // towards zero, as TimeUnit converts
    let date = date_of(millis / DAY);
    let sign = match date.year {
        ..0 => "-",
        10_000.. => "+",
        _ => "",
    };
    format!("{sign}{:04}-{:02}-{:02}", date.year.unsigned_abs(), date.month, date.day)
}

/// What CAST of a STRING to TIME reads: `HH:mm`, `HH:mm:ss` or with up to nine digits of a fraction.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts: Vec<u32> = clock.split(':').map(two_digits).collect::<Option<_>>()?;
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] if !text.contains('.') => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some((i64::from(hour * 60 + minute) * 60 + i64::from(second)) * 1000 + millis)
}

/// What CAST of a TIME to STRING gives: whole seconds, and none if they are zero. `None` outside a day.
pub(super) fn format_time(millis: i64) -> Option<String> {
    let seconds = millis / 1000;
    if !(0..86_400).contains(&seconds) {
        return None;
    }
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(if second == 0 { format!("{hour:02}:{minute:02}") } else { format!("{hour:02}:{minute:02}:{second:02}") })
}

/// The time of day and the start of the day of a timestamp.
pub(super) fn split_timestamp(millis: i64) -> (i64, i64) {
    let millis = instant(millis);
    let of_day = millis.rem_euclid(DAY);
    (of_day, millis.saturating_sub(of_day))
}

/// The moment that `java.sql.Timestamp` takes the milliseconds for. It keeps whole seconds before the moment and the
/// rest apart, and the seconds wrap for the smallest numbers.
pub(super) fn instant(millis: i64) -> i64 {
    millis.div_euclid(1000).wrapping_mul(1000).wrapping_div(1000) * 1000 + millis.rem_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in (-800_000..800_000).step_by(373) {
            assert_eq!(days_of(date_of(days)), days);
        }
        assert_eq!(date_of(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(date_of(11_016), Date { year: 2000, month: 2, day: 29 });
    }

    #[test]
    fn partial_timestamps_are_completed() {
        assert_eq!(parse_timestamp("1970"), Some(0));
        assert_eq!(parse_timestamp("1970-01-02"), Some(DAY));
        assert_eq!(parse_timestamp("1970-01-01T01:02"), Some(3_720_000));
        assert_eq!(parse_timestamp("1970-01-01T01:02:03.004+0100"), Some(123_004));
        assert_eq!(parse_timestamp("2020-02-31T00:00:00Z"), parse_timestamp("2020-02-29"));
        assert_eq!(parse_timestamp("1970-01-01T24:00:00.000"), Some(DAY));
        for text in ["", "x", "1970-13-01", "1970-1-1", "1970-01-01T25:00", "1970-01-01T00:00:00.0001", "T", "é"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        assert_eq!(format_timestamp(123_004), "1970-01-01T00:02:03.004");
    }

    #[test]
    fn dates_and_times_of_day() {
        assert_eq!(parse_date("2020-05").map(format_date).as_deref(), Some("2020-05-01"));
        assert_eq!(parse_date("2020-02-30"), None);
        assert_eq!(parse_time("01:34:20.12"), Some(5_660_120));
        assert_eq!(format_time(5_660_120).as_deref(), Some("01:34:20"));
        assert_eq!(format_time(5_640_000).as_deref(), Some("01:34"));
        assert_eq!(parse_time("1:34"), None);
    }
}
