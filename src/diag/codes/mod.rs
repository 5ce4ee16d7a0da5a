//! The table of diagnostic codes: one entry a code, grouped by the stage that reports it.
//!
//! `m2ksql explain CODE` and `docs/errors.md` are made from this table. A code never changes its meaning; a new finding
//! takes the next free number of its group. `E` is an error, `W` a warning.
//!
//! The first two digits are the [`Group`].

use super::Severity;

pub mod compile;
pub mod deploy;
pub mod environment;
pub mod eval;
pub mod load;
pub mod onnx;
pub mod server;
pub mod sql;

/// An entry of the table of codes.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `E` or `W` and four digits.
    pub id: &'static str,
    /// A few words: the heading of the entry in the docs.
    pub title: &'static str,
    /// What it means, why it is refused, and what to do: one or more paragraphs, with an example where it helps.
    pub explanation: &'static str,
}

impl Code {
    /// Error or warning, by the first letter.
    pub fn severity(&self) -> Severity {
        if self.id.starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    /// What it is about, by the first two digits.
    pub fn group(&self) -> Group {
        let (_, rest) = self.id.split_at(1);
        let found = Group::ALL.iter().find(|(digits, ..)| rest.starts_with(digits));
        found.map_or(Group::Environment, |(_, group, _)| *group)
    }
}

/// What codes are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Reading a file.
    File,
    /// What a model says.
    Model,
    /// ONNX.
    Onnx,
    /// Texts of SQL.
    Sql,
    /// Columns, names, options.
    Compile,
    /// Plans and limits.
    Plan,
    /// Values.
    Value,
    /// What is no fault of the input.
    Environment,
    /// Servers and what runs there.
    Deployment,
}

impl Group {
    /// The first two digits, the group, and its heading in the docs.
    pub const ALL: &[(&str, Group, &str)] = &[
        ("01", Group::File, "reading a file, JSON"),
        ("02", Group::Model, "the content of a model"),
        ("03", Group::Onnx, "ONNX"),
        ("04", Group::Sql, "SQL text"),
        ("05", Group::Compile, "columns, names, options of the compiler"),
        ("06", Group::Plan, "planning and limits"),
        ("07", Group::Value, "evaluation and verification"),
        ("08", Group::Environment, "environment: files, servers"),
        ("09", Group::Deployment, "deployment: what a server or the plan for it does not allow"),
    ];
}

/// The groups, in the order of the docs.
static GROUPS: &[&[&Code]] = &[
    load::CODES,
    onnx::CODES,
    sql::CODES,
    compile::CODES,
    eval::CODES,
    environment::CODES,
    server::CODES,
    deploy::CODES,
];

/// Every code, group by group.
pub fn all() -> impl Iterator<Item = &'static Code> {
    GROUPS.iter().flat_map(|group| group.iter().copied())
}

/// The code with this name, in any letter case.
pub fn find(id: &str) -> Option<&'static Code> {
    all().find(|code| code.id.eq_ignore_ascii_case(id))
}

/// Declares codes and their table: `codes! { NAME = "E0101", "title", "explanation"; … }`.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $title:literal, $explanation:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: crate::diag::Code = crate::diag::Code { id: $id, title: $title, explanation: $explanation };
        )*
        /// The codes of this group, in order.
        pub static CODES: &[&crate::diag::Code] = &[$(&$name),*];
    };
}
pub(crate) use codes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_sorted_within_their_group_and_explained() {
        let mut seen = std::collections::BTreeSet::new();
        for group in GROUPS {
            let digits: Vec<&str> = group.iter().map(|code| &code.id[1..]).collect();
            assert!(digits.is_sorted(), "codes are not in order: {digits:?}");
        }
        for code in all() {
            assert!(seen.insert(code.id), "{} stands twice", code.id);
            assert!(code.id.len() == 5 && matches!(code.id.as_bytes()[0], b'E' | b'W'), "{}", code.id);
            assert!(Group::ALL.iter().any(|(digits, ..)| code.id[1..].starts_with(digits)), "{} has no group", code.id);
            assert!(!code.title.is_empty() && !code.title.ends_with('.'), "{}", code.id);
            assert!(code.explanation.len() > 60, "{} is not explained", code.id);
        }
        assert!(seen.len() > 1);
    }
}
