//! Which scalar functions of ksqlDB came after 0.21 and Confluent Platform 7.0, the oldest releases served, and when.
//!
//! Read off the sources of the releases (confluentinc/ksql, tags v0.21.0-ksqldb to v0.29.0 and v7.0.0 to v7.4.0): a function
//! counts from the first tag on whose tree declares it. What is not in the table is in all of them; a test holds the
//! evaluator's functions against both.

/// The first releases that have some functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// Stand-alone: 0.28 is 28.
    pub standalone: u32,
    /// Confluent Platform.
    pub platform: (u32, u32),
    /// Their names.
    functions: &'static [&'static str],
}

/// Oldest first.
pub static LATER: &[Since] = &[
    Since {
        standalone: 24,
        platform: (7, 1),
        functions: &["BIGINT_FROM_BYTES", "DOUBLE_FROM_BYTES", "INT_FROM_BYTES"],
    },
    Since {
        standalone: 24,
        platform: (7, 2),
        functions: &[
            "IS_JSON_STRING",
            "JSON_ARRAY_LENGTH",
            "JSON_CONCAT",
            "JSON_KEYS",
            "JSON_RECORDS",
            "TO_JSON_STRING",
        ],
    },
    Since {
        standalone: 28,
        platform: (7, 3),
        functions: &[
            "ACOS", "ASIN", "ATAN", "ATAN2", "COS", "COSH", "COT", "DEGREES", "PI", "RADIANS", "SIN", "SINH", "TAN",
            "TANH",
        ],
    },
    Since { standalone: 29, platform: (7, 3), functions: &["CBRT", "LOG", "POWER"] },
    Since { standalone: 29, platform: (7, 4), functions: &["JSON_ITEMS", "TRUNC"] },
];

/// Since when there is a function, if that is later than the oldest release.
pub fn since(function: &str) -> Option<&'static Since> {
    LATER.iter().find(|since| since.functions.contains(&function))
}

impl std::fmt::Display for Since {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (major, minor) = self.platform;
        write!(f, "ksqlDB 0.{} and Confluent Platform {major}.{minor}", self.standalone)
    }
}
