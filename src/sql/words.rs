//! Names of ksqlDB as text: which can stand bare, which need quotes.
//!
//! A bare name is stored in upper case, so only names that are upper case already can be written bare. The reserved words
//! are the keywords of `SqlBase.g4` that its rule `nonReserved` does not list.

/// The words that cannot be a name unless quoted, in alphabetical order.
pub const RESERVED: &[&str] = &[
    "ADVANCE",
    "ALL",
    "AND",
    "AS",
    "AT",
    "BEGINNING",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CATALOG",
    "CONNECTOR",
    "CONNECTORS",
    "CREATE",
    "DAYS",
    "DECIMAL",
    "DELETE",
    "DESCRIBE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXISTS",
    "EXPORT",
    "EXTENDED",
    "FALSE",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "HOPPING",
    "HOURS",
    "IN",
    "INNER",
    "INSERT",
    "INTO",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LIST",
    "LOAD",
    "MATERIALIZED",
    "MILLISECOND",
    "MILLISECONDS",
    "MINUTES",
    "MONTHS",
    "NAMESPACE",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "OUTER",
    "PAUSE",
    "PRINT",
    "PROPERTIES",
    "QUERIES",
    "QUERY",
    "RENAME",
    "RESUME",
    "RETENTION",
    "RIGHT",
    "RUN",
    "SAMPLE",
    "SCRIPT",
    "SECONDS",
    "SELECT",
    "SIZE",
    "STREAM",
    "STREAMS",
    "TABLE",
    "TERMINATE",
    "THEN",
    "TO",
    "TOPIC",
    "TOPICS",
    "TRUE",
    "TUMBLING",
    "UNSET",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
    "YEARS",
];

/// Words that may be a bare name, but mean something else before a bracket (`ARRAY[1]`); the printer quotes them.
const CONSTRUCTORS: &[&str] = &["ARRAY", "MAP", "STRUCT"];

/// Whether the word, in any letter case, must be quoted to be a name.
pub fn is_reserved(word: &str) -> bool {
    word.len() <= 12 && RESERVED.binary_search(&word.to_ascii_uppercase().as_str()).is_ok()
}

/// Whether a stored name can be written without quotes and is read back as itself.
pub fn is_bare(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_uppercase() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !is_reserved(name)
        && !CONSTRUCTORS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_complete() {
        assert!(RESERVED.is_sorted());
        assert_eq!(RESERVED.len(), 88);
        assert!(RESERVED.iter().all(|word| word.len() <= 12));
    }

    #[test]
    fn bare_names() {
        for name in ["A", "_X", "F1", "KEY", "TIMESTAMP", "A_1"] {
            assert!(is_bare(name), "{name}");
        }
        for name in ["", "a", "1A", "A B", "A@B", "SIZE", "ARRAY", "É", "A.B", "A-B"] {
            assert!(!is_bare(name), "{name}");
        }
    }
}
