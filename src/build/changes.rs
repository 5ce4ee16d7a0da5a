//! What differs between two texts, as a person reads it; and whether anything differs.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use similar::TextDiff;

/// The lines that differ, with three lines around them, in the form of `diff -u`, under the names of both; empty for equal
/// texts.
pub(crate) fn difference((old_name, old): (&str, &str), (new_name, new): (&str, &str)) -> String {
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(3).header(old_name, new_name).to_string()
}

/// The SHA-256 of these bytes in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A hash over several parts, each with its name and length, so that no two lists of parts are alike.
#[derive(Clone, Default)]
pub(crate) struct Fingerprint(Sha256);

impl Fingerprint {
    /// Of nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes in one more part.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) {
        for part in [name.as_bytes(), bytes] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// The hash in hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_shown_with_their_neighbours() {
        assert_eq!(difference(("a.sql", "x\n"), ("b.sql", "x\n")), "");
        let text = difference(("a.sql", "1\n2\n3\n4\n5\n6\n"), ("b.sql", "1\n2\n3\n4\n5\nsix\n"));
        assert_eq!(text.lines().skip(3).collect::<Vec<_>>(), [" 3", " 4", " 5", "-6", "+six"]);
    }

    #[test]
    fn fingerprints_know_where_a_part_ends() {
        let of = |parts: &[(&str, &str)]| {
            let mut print = Fingerprint::new();
            parts.iter().for_each(|(name, text)| print.add(name, text.as_bytes()));
            print.finish()
        };
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_ne!(of(&[("a", "b"), ("c", "")]), of(&[("a", "b")]));
        assert_eq!(of(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
