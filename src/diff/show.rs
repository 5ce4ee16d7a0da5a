//! A difference as people read it.

use std::fmt::Write;

use super::{Change, Difference, Names, Score, Step, Weight};

/// Features of a step that came or went as a whole, and settings of a step, that are named.
const NAMED: usize = 4;

/// Significant digits of coefficients that are shown.
const DIGITS: usize = 6;

impl Difference {
    /// Sections with a title each; empty where nothing differs. Of each score the `most` coefficients of the largest effect.
    pub(crate) fn text(&self, most: usize) -> String {
        let mut text = String::new();
        names("features", &self.features, &mut text);
        names("classes", &self.classes, &mut text);
        steps(&self.preprocessing, &mut text);
        for score in &self.coefficients {
            weights(score, most, &mut text);
        }
        for note in &self.notes {
            // writing to a String cannot fail
            let _ = write!(text, "note: {note}\n\n");
        }
        text
    }
}

fn names(title: &str, names: &Names, text: &mut String) {
    let mut lines = String::new();
    names.removed.iter().for_each(|name| lines += &format!("  - {name}\n"));
    names.added.iter().for_each(|name| lines += &format!("  + {name}\n"));
    names
        .renamed
        .iter()
        .for_each(|(old, new)| lines += &format!("  {old} is called {new}, and is the same in all else\n"));
    if !names.reordered.is_empty() {
        lines += &format!("  in another order: {}\n", names.reordered.join(", "));
    }
    if !lines.is_empty() {
        *text += &format!("{title}\n{lines}\n");
    }
}

fn steps(steps: &[Step], text: &mut String) {
    if steps.is_empty() {
        return;
    }
    text.push_str("preprocessing\n");
    for (change, sign) in [(Change::Removed, '-'), (Change::Added, '+')] {
        let some: Vec<&Step> = steps.iter().filter(|step| step.change == change).collect();
        for group in some.chunk_by(|left, right| left.what == right.what) {
            let names: Vec<&str> = group.iter().map(|step| step.of.as_str()).collect();
            *text += &format!("  {sign} {}: {}\n", group[0].what, listed(&names));
        }
    }
    for step in steps.iter().filter(|step| step.change == Change::Changed) {
        let settings = step.settings.iter().map(|(name, old, new)| match (old, new) {
            (None, Some(new)) if new.is_empty() => format!("+ {name}"),
            (Some(old), None) if old.is_empty() => format!("- {name}"),
            (None, Some(new)) => format!("+ {name} {new}"),
            (Some(old), None) => format!("- {name} {old}"),
            (Some(old), Some(new)) => format!("{name} {old} -> {new}"),
            (None, None) => name.clone(),
        });
        let settings: Vec<String> = settings.collect();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        *text += &format!("  {} {}: {}\n", step.of, step.what, listed(&settings));
    }
    text.push('\n');
}

fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}

fn weights(score: &Score, most: usize, text: &mut String) {
    let of = if score.of.is_empty() { String::new() } else { format!(" of {}", score.of) };
    *text += &format!("coefficients{of}: {} of {} changed\n", score.changed.len(), score.total);
    let shown = &score.changed[..most.min(score.changed.len())];
    let row = |weight: &Weight| {
        let both = |shown: fn(f64) -> String| {
            let one = |value: Option<f64>| value.map_or("none".to_owned(), shown);
            (one(weight.old), one(weight.new))
        };
        // what is equal in the digits that are shown has to be shown in full
        let short = Some(both(|value| significant(value, DIGITS))).filter(|(old, new)| old != new);
        let (old, new) = short.unwrap_or_else(|| both(|value| value.to_string()));
        [weight.name.clone(), old, new, significant(weight.effect, 3)]
    };
    let titles = ["", "old", "new", "effect"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(titles).chain(shown.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    for [name, old, new, effect] in rows.iter().take(if shown.is_empty() { 0 } else { rows.len() }) {
        let [first, second, third, fourth] = widths;
        *text += &format!("  {name:first$}  {old:>second$}  {new:>third$}  {effect:>fourth$}\n");
    }
    if score.changed.len() > most {
        *text += &format!("  and {} of smaller effect\n", score.changed.len() - most);
    }
    text.push('\n');
}

/// A number with so many significant digits at most, without zeros at its end; in E-notation where it is very large or small.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    let digits = digits.max(1);
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let scientific = format!("{value:.*e}", digits - 1);
    let exponent: i32 = scientific.split('e').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-5..7).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        return trimmed(&format!("{value:.decimals$}"));
    }
    let mantissa = scientific.split('e').next().unwrap_or_default();
    format!("{}e{exponent}", trimmed(mantissa))
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn numbers_are_shown_by_their_significant_digits() {
        let shown = |value, digits| significant(value, digits);
        assert_eq!(shown(-13.023456260031445, 6), "-13.0235");
        assert_eq!(shown(0.1 + 0.2, 6), "0.3");
        assert_eq!(shown(0.000_012_345_67, 3), "0.0000123");
        assert_eq!(shown(0.000_001_5, 6), "1.5e-6");
        assert_eq!(shown(12_345_678.9, 4), "1.235e7");
        assert_eq!(shown(123_456.7, 3), "123457");
        assert_eq!(shown(999_999.96, 6), "1000000");
        assert_eq!(shown(0.0, 3), "0");
        assert_eq!(shown(100.0, 3), "100");
    }
}
