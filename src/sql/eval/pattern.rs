//! Patterns of dates and times: what FORMAT_TIMESTAMP and its like write, and what PARSE_TIMESTAMP and its like read.
//!
//! The letters are those of `DateTimeFormatter`; only PARSE_DATE reads by another class, `FastDateFormat`, which takes
//! numbers of any length and any size. A letter that is not known here is refused when the expression is compiled.

mod read;

use super::calendar::{DAY, Date, date_of, days_of, instant};

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
                other => match pieces.last_mut() {
                    Some(Piece::Text(text)) => text.push(other),
                    _ => pieces.push(Piece::Text(other.to_string())),
                },
            }
        }
        Ok(Pattern(pieces))
    }

    /// The pattern of what CAST of a TIMESTAMP to STRING gives: `yyyy-MM-dd'T'HH:mm:ss.SSS`.
    pub(super) fn of_timestamps() -> Self {
        const FIELDS: [(char, usize, &str); 7] =
            [('y', 4, "-"), ('M', 2, "-"), ('d', 2, "T"), ('H', 2, ":"), ('m', 2, ":"), ('s', 2, "."), ('S', 3, "")];
        let pieces = FIELDS
            .iter()
            .flat_map(|(letter, count, text)| [Piece::Field(*letter, *count), Piece::Text((*text).to_owned())]);
        Pattern(pieces.collect())
    }

    /// Whether it only asks for what a date has.
    pub(super) fn is_of_dates(&self) -> bool {
        !self.0.iter().any(|piece| matches!(piece, Piece::Field(letter, _) if "HkKhmsSaXxZ".contains(*letter)))
    }

    /// Whether it only asks for what a time of day has.
    pub(super) fn is_of_times(&self) -> bool {
        !self.0.iter().any(|piece| matches!(piece, Piece::Field(letter, _) if !"HkKhmsSa".contains(*letter)))
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

#[cfg(test)]
mod tests {
    use super::super::calendar::zone_offset;
    use super::*;

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
}
