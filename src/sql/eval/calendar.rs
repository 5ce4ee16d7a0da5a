//! Days, times and time zones as `java.time` reads and writes them, in UTC and at fixed offsets.
//!
//! Named zones need a database of their history and are refused, not guessed.

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

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

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: u32) -> u32 {
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

/// A piece of a pattern of `DateTimeFormatter`.
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Field(char, usize),
}

/// A pattern that timestamps are written by.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<Piece>);

impl Pattern {
    /// Reads a pattern; the error names what the evaluator does not know.
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\'' => pieces.push(Piece::Text(quoted(&mut chars).ok_or("the pattern has an unclosed quote")?)),
                'a'..='z' | 'A'..='Z' => {
                    let mut count = 1;
                    while chars.next_if_eq(&c).is_some() {
                        count += 1;
                    }
                    if !known(c, count) {
                        return Err(format!(
                            "the evaluator does not know `{}` in patterns",
                            c.to_string().repeat(count)
                        ));
                    }
                    pieces.push(Piece::Field(c, count));
                }
                '[' | ']' | '{' | '}' | '#' => return Err(format!("the evaluator does not know `{c}` in patterns")),
                other => pieces.push(Piece::Text(other.to_string())),
            }
        }
        Ok(Pattern(pieces))
    }

    /// Writes the time so many milliseconds after the epoch, at an offset of so many.
    pub(super) fn format(&self, millis: i64, offset: i64) -> String {
        // in 128 bits, because BIGINT reaches beyond what an offset leaves room for
        let local = i128::from(instant(millis)) + i128::from(offset);
        let days = local.div_euclid(i128::from(DAY)) as i64;
        let of_day = local.rem_euclid(i128::from(DAY)) as i64;
        let date = date_of(days);
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Field(letter, count) => field(*letter, *count, date, days, of_day, offset),
            })
            .collect()
    }
}

/// The text up to the closing quote; two quotes are one, an empty quotation is a quote.
fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '\'' if chars.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => break,
            c => text.push(c),
        }
    }
    Some(if text.is_empty() { "'".into() } else { text })
}

fn known(letter: char, count: usize) -> bool {
    match letter {
        'y' | 'u' => count <= 9,
        'M' | 'L' => count <= 4,
        'd' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' => count <= 2,
        'D' => count <= 3,
        'E' => count <= 4,
        'e' | 'c' => count == 1 || (letter == 'e' && count <= 4),
        'S' => count <= 9,
        'a' => count == 1,
        'X' | 'x' | 'Z' => count <= 3,
        _ => false,
    }
}

fn field(letter: char, count: usize, date: Date, days: i64, of_day: i64, offset: i64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let number = |value: i64| format!("{value:0count$}");
    let name = |name: &str, short: bool| if short { name[..3].to_owned() } else { name.to_owned() };
    let hour = of_day / 3_600_000;
    // 1970-01-01 was a Thursday
    let weekday = (days + 4).rem_euclid(7) as usize;
    match letter {
        'y' => year(if date.year > 0 { date.year } else { 1 - date.year }, count),
        'u' => year(date.year, count),
        'M' | 'L' if count >= 3 => name(MONTHS[date.month as usize - 1], count == 3),
        'M' | 'L' => number(i64::from(date.month)),
        'd' => number(i64::from(date.day)),
        'D' => number(days - days_of(Date { month: 1, day: 1, ..date }) + 1),
        'H' => number(hour),
        'k' => number(if hour == 0 { 24 } else { hour }),
        'K' => number(hour % 12),
        'h' => number(if hour % 12 == 0 { 12 } else { hour % 12 }),
        'm' => number(of_day / 60_000 % 60),
        's' => number(of_day / 1_000 % 60),
        'S' => format!("{:03}000000", of_day % 1_000)[..count].to_owned(),
        'a' => if hour < 12 { "AM" } else { "PM" }.into(),
        'E' => name(DAYS[weekday], count <= 3),
        'e' if count >= 3 => name(DAYS[weekday], count == 3),
        // weeks begin on Sunday in the locale of the server's images
        'e' | 'c' => number(weekday as i64 + 1),
        _ => zone(letter, count, offset),
    }
}

fn year(value: i64, count: usize) -> String {
    match count {
        2 => format!("{:02}", value.rem_euclid(100)),
        _ => {
            let digits = format!("{:0count$}", value.unsigned_abs());
            let sign = match (value < 0, count >= 4 && digits.len() > count) {
                (true, _) => "-",
                (false, true) => "+",
                (false, false) => "",
            };
            format!("{sign}{digits}")
        }
    }
}

fn zone(letter: char, count: usize, offset: i64) -> String {
    if letter == 'X' && offset == 0 {
        return "Z".into();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60_000;
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match (letter, count) {
        ('X' | 'x', 1) if minutes == 0 => format!("{sign}{hours:02}"),
        ('X' | 'x', 3) => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}"),
    }
}

/// `yyyy-MM-dd'T'HH:mm:ss.SSS` in UTC: what CAST of a TIMESTAMP to STRING gives.
pub(super) fn format_timestamp(millis: i64) -> String {
    const FIELDS: [(char, usize, &str); 7] =
        [('y', 4, "-"), ('M', 2, "-"), ('d', 2, "T"), ('H', 2, ":"), ('m', 2, ":"), ('s', 2, "."), ('S', 3, "")];
    let pieces = FIELDS
        .iter()
        .flat_map(|(letter, count, text)| [Piece::Field(*letter, *count), Piece::Text((*text).to_owned())]);
    Pattern(pieces.collect()).format(millis, 0)
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
fn instant(millis: i64) -> i64 {
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

    /// Expected texts printed by OpenJDK 17, locale en_US.
    #[test]
    fn patterns_are_those_of_java() {
        let write = |pattern: &str, millis: i64, zone: &str| {
            Pattern::parse(pattern).unwrap().format(millis, zone_offset(zone).unwrap())
        };
        let t = 1_595_000_000_123; // 2020-07-17T15:33:20.123Z, a Friday
        assert_eq!(write("yyyy-MM-dd'T'HH:mm:ss.SSSX", t, "UTC"), "2020-07-17T15:33:20.123Z");
        assert_eq!(write("EEE, d MMM yy h:m a xxx", t, "+05:30"), "Fri, 17 Jul 20 9:3 PM +05:30");
        assert_eq!(write("e D ''uuuuu'' EEEE MMMM", t, "GMT"), "6 199 '02020' Friday July");
        assert_eq!(write("yyyy", i64::MAX, "Z"), "+292278994");
        assert_eq!(write("kk KK S", 0, "Z"), "24 00 0");
        for pattern in ["VV", "w", "G", "[yyyy]", "'open"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
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
