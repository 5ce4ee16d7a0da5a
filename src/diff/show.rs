//! A difference as people read it.

use std::fmt::Write;

use super::{Change, Difference, Names, Score, Step};

/// Features of a step that came or went as a whole, and settings of a step, that are named.
const NAMED: usize = 4;

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
    let width = shown.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    for weight in shown {
        let blanks = " ".repeat(width - weight.name.chars().count());
        let value = |value: Option<f64>| value.map_or("none".to_owned(), |value| value.to_string());
        *text += &format!(
            "  {}{blanks}  {} -> {}  (effect {:.3e})\n",
            weight.name,
            value(weight.old),
            value(weight.new),
            weight.effect
        );
    }
    if score.changed.len() > most {
        *text += &format!("  and {} of smaller effect\n", score.changed.len() - most);
    }
    text.push('\n');
}
