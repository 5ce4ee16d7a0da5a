//! An entry as texts that each fit into one message of the topic, and back.
//!
//! A message holds a mebibyte, and what stands in an entry is escaped three times on its way there. A long entry is
//! therefore written in parts, which are put together again when the last one is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::deploy::talk::without_variables;

/// Bytes of a text. If each of them is a quotation mark, seven times as many come to the broker.
const MOST: usize = 128 << 10;

/// A piece of an entry.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    sink: String,
    number: u64,
    /// Counted from 1.
    part: usize,
    parts: usize,
    text: String,
}

/// The texts of an entry, in order.
pub(super) fn write(entry: &Entry) -> Vec<String> {
    pieces(entry, MOST)
}

fn pieces(entry: &Entry, most: usize) -> Vec<String> {
    let whole = serde_json::to_string(entry).unwrap_or_default();
    if whole.len() <= most {
        return vec![without_variables(&whole)];
    }
    let (mut texts, mut rest) = (Vec::new(), whole.as_str());
    while !rest.is_empty() {
        // a character has four bytes at most
        let end = (0..=most.min(rest.len())).rev().find(|end| rest.is_char_boundary(*end)).filter(|end| *end > 0);
        let (text, others) = rest.split_at(end.unwrap_or(rest.len()));
        texts.push(text);
        rest = others;
    }
    let part = |(at, text): (usize, &&str)| Part {
        sink: entry.sink.clone(),
        number: entry.number,
        part: at + 1,
        parts: texts.len(),
        text: (*text).to_owned(),
    };
    texts
        .iter()
        .enumerate()
        .map(|it| without_variables(&serde_json::to_string(&part(it)).unwrap_or_default()))
        .collect()
}

/// Puts texts together.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// What is complete, in the order in which it became so.
    pub(super) entries: Vec<Entry>,
    /// Texts that are nothing of the kind.
    pub(super) strange: usize,
    open: BTreeMap<(String, u64), Vec<Option<String>>>,
}

impl Texts {
    /// Takes the next text.
    pub(super) fn push(&mut self, text: &str) {
        let Ok(Part { sink, number, part, parts, text }) = serde_json::from_str(text) else { return self.whole(text) };
        let key = (sink, number);
        let open = self.open.entry(key.clone()).or_default();
        // parts of an attempt that broke off are those of the next
        open.resize(parts.min(1 << 16), None);
        if let Some(place) = part.checked_sub(1).and_then(|at| open.get_mut(at)) {
            *place = Some(text);
        }
        if open.iter().all(Option::is_some) {
            let whole: String = self.open.remove(&key).unwrap_or_default().into_iter().flatten().collect();
            self.whole(&whole);
        }
    }

    fn whole(&mut self, text: &str) {
        match serde_json::from_str::<Entry>(text) {
            Ok(entry) if !entry.sink.is_empty() => self.entries.push(entry),
            _ => self.strange += 1,
        }
    }

    /// Sinks and numbers of entries of which a part is missing.
    pub(super) fn incomplete(&self) -> impl Iterator<Item = (&str, u64)> {
        self.open.keys().map(|(sink, number)| (sink.as_str(), *number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            sink: "S".into(),
            number: 3,
            statements: vec!["SELECT '${x}', 'Größe \"1\"'".into()],
            ..Entry::default()
        }
    }

    #[test]
    fn an_entry_is_put_together_from_texts_of_any_length() {
        for most in [1, 2, 3, 7, 100, 1_000_000] {
            let texts = pieces(&entry(), most);
            assert_eq!(texts.len() == 1, most == 1_000_000);
            let mut found = Texts::default();
            for text in &texts {
                assert!(!text.contains('$') && found.entries.is_empty());
                found.push(text);
            }
            assert_eq!((found.entries, found.strange, found.open.len()), (vec![entry()], 0, 0), "{most}");
        }
        // each text fits into a message even if all of it has to be escaped
        let long = Entry { file: "\"".repeat(3 << 20), ..entry() };
        for text in write(&long) {
            let message = serde_json::to_string(&text).unwrap();
            assert!(message.len() < 1_000_000, "{}", message.len());
        }
    }

    #[test]
    fn what_is_not_complete_is_known() {
        let texts = pieces(&entry(), 60);
        let mut found = Texts::default();
        for text in &texts[..texts.len() - 1] {
            found.push(text);
        }
        found.push("{\"later\": 1}");
        found.push("no JSON");
        assert_eq!((found.entries.len(), found.strange), (0, 2));
        assert_eq!(found.incomplete().collect::<Vec<_>>(), [("S", 3)]);
        // the next attempt under the same number completes it
        for text in &texts {
            found.push(text);
        }
        assert_eq!((found.entries[0].number, found.entries.len()), (3, 1));
    }
}
