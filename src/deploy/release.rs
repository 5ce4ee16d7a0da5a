//! What differs between releases of ksqlDB, and the words by which a server tells what matters here.
//!
//! Numbers of releases say little where builds differ, so most is told by the words of a refusal. Each has its entry in
//! [`WORDS`], and nothing else in this module's neighbours looks into a message.

use super::fault::Refusal;

/// What a server may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is no such stream or table.
    NoSource,
    /// It still carries out an earlier statement and has not written this one.
    Busy,
    /// It would replace the running query.
    WouldReplace,
    /// The query is ended, although the answer is an error.
    QueryEnded,
    /// The property RETENTION_MS is not known.
    NoRetention,
    /// The topic is there and keeps its rows for another time.
    OtherRetention,
    /// The statement is too deep for it.
    TooDeep,
    /// It answers no pull query about a stream.
    PullsNoStreams,
}

/// What it means, the words in a message, and the releases that were seen to say so.
const WORDS: &[(Meaning, &str, &str)] = &[
    (Meaning::NoSource, "Could not find", "all"),
    (Meaning::Busy, "Timeout while waiting for command topic consumer", "all"),
    // its transaction is given up when another client's statement begins one
    (Meaning::Busy, "has been fenced by another producer", "0.29, where two clients send statements at once"),
    // it looks for the threads of a query that does not run
    (Meaning::WouldReplace, "kafkaStreams", "0.29, in answer to EXPLAIN CREATE OR REPLACE"),
    // another of its threads has the connection of the query
    (Meaning::QueryEnded, "On wrong context or worker", "0.29, in answer to /close-query"),
    (Meaning::NoRetention, "RETENTION_MS", "before 7.4 and 0.29, in answer to CREATE STREAM"),
    (Meaning::OtherRetention, "different partition/replica/retention configuration", "from 7.4 and 0.29 on"),
    (Meaning::TooDeep, "StackOverflow", "all"),
    (Meaning::PullsNoStreams, "Pull queries are not supported on streams", "0.21 and 7.0, by their sources"),
    (Meaning::PullsNoStreams, "Pull queries on streams are disabled", "from 0.22 and 7.1 on, by their sources"),
];

/// Properties that newer servers fill in by themselves and that users of old ones may not write.
pub(super) const FILLED: &[&str] = &["CLEANUP_POLICY", "RETENTION_MS"];

/// Whether a message means this.
pub(super) fn says(message: &str, meaning: Meaning) -> bool {
    WORDS.iter().any(|(found, words, _)| *found == meaning && message.contains(words))
}

impl Refusal {
    /// Whether the server means this.
    pub(super) fn says(&self, meaning: Meaning) -> bool {
        says(&self.message, meaning)
    }

    /// How long the topic keeps its rows, in milliseconds, where the server wants another time.
    pub(super) fn retention(&self) -> Option<i64> {
        if !self.says(Meaning::OtherRetention) {
            return None;
        }
        let (_, found) = self.message.rsplit_once("retention (topic has ")?;
        found.split_once(')')?.0.parse().ok()
    }

    /// Whether the server answers no pull queries about streams.
    pub fn pulls_no_streams(&self) -> bool {
        self.says(Meaning::PullsNoStreams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_keeps_its_own_time() {
        let words = "A Kafka topic with the name 'T' already exists, with different partition/replica/retention configuration \
                     than required. KSQL expects 1 partitions (topic has 1), 1 replication factor (topic has 1), and \
                     604800000 retention (topic has 1000000).";
        let refusal = |message: &str| Refusal { message: message.to_owned(), ..Refusal::default() };
        assert_eq!(refusal(words).retention(), Some(1_000_000));
        assert_eq!(refusal("retention (topic has 5)").retention(), None);
    }

    #[test]
    fn not_every_refusal_is_about_pull_queries() {
        let refusal = |message: &str| Refusal { status: 400, message: message.to_owned(), ..Refusal::default() };
        assert!(refusal("Pull queries are not supported on streams. Append EMIT CHANGES").pulls_no_streams());
        assert!(!refusal("line 1:8: Column 'X' cannot be resolved").pulls_no_streams());
    }

    #[test]
    fn every_meaning_has_words() {
        use Meaning::*;
        for meaning in [NoSource, Busy, WouldReplace, QueryEnded, NoRetention, OtherRetention, TooDeep, PullsNoStreams]
        {
            assert!(
                WORDS
                    .iter()
                    .any(|(found, words, releases)| *found == meaning && !words.is_empty() && !releases.is_empty())
            );
        }
    }
}
