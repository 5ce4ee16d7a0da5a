//! Files for `ksql-migrations`: numbered, and inside of what its splitter of statements understands.

use std::path::Path;

use super::session::Session;
use crate::diag::codes::deploy::NOT_DIVIDED;
use crate::diag::codes::environment::CANNOT_READ;
use crate::diag::{Diagnostic, Failed};

/// Refuses what `ksql-migrations` would divide within a statement.
pub(super) fn check(text: &str, session: &mut Session) -> Result<(), Failed> {
    if let Some(name) = quoted_names(text).find(|name| [";", "'", "--", "/*"].iter().any(|mark| name.contains(mark))) {
        let message = format!("the name `{name}` would break the statement in two in ksql-migrations");
        let help = "give it another name: `--rename` for a feature, `--select label=NAME` for a result";
        return Err(session.report.fail(Diagnostic::new(&NOT_DIVIDED, message).help(help)));
    }
    Ok(())
}

/// Writes a migration: to a directory as `V000007__NAME.sql` with the number after the last one there, else as it is told.
pub(super) fn write(text: &str, target: Option<&Path>, session: &mut Session) -> Result<(), Failed> {
    let Some(directory) = target.filter(|path| path.is_dir()) else { return session.write(target, text.as_bytes()) };
    let mut last = 0;
    let entries = std::fs::read_dir(directory);
    let entries =
        entries.map_err(|error| session.fail_io(&CANNOT_READ, "read", &directory.display().to_string(), &error))?;
    for entry in entries.flatten() {
        last = last.max(number(&entry.file_name().to_string_lossy()).unwrap_or(0));
    }
    let file = directory.join(format!("V{:06}__{}.sql", last + 1, sink(text)));
    session.write(Some(&file), text.as_bytes())
}

/// The number of `V000007__NAME.sql`.
fn number(file: &str) -> Option<u32> {
    let digits = file.strip_prefix('V')?.split_once("__")?.0;
    digits.parse().ok().filter(|_| digits.len() == 6)
}

/// The stream that the last statement writes.
fn sink(text: &str) -> String {
    let created = text.rfind("CREATE ").map_or("", |at| &text[at..]);
    let word = created.split_whitespace().skip_while(|word| !matches!(*word, "STREAM" | "TABLE")).nth(1);
    let name: String = word.unwrap_or("model").chars().filter(|char| char.is_alphanumeric() || *char == '_').collect();
    if name.is_empty() { "model".to_owned() } else { name }
}

/// What stands between back-quotes, outside of texts.
fn quoted_names(text: &str) -> impl Iterator<Item = &str> {
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(['`', '\'']) {
        let quote = if rest[at..].starts_with('`') { '`' } else { '\'' };
        let inner = &rest[at + 1..];
        let end = inner.find(quote).unwrap_or(inner.len());
        if quote == '`' {
            names.push(&inner[..end]);
        }
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(number("V000012__add.sql"), Some(12));
        assert!(
            ["V12__a.sql", "U000012__a.sql", "V000012_a.sql", "Vabcdef__a.sql"]
                .into_iter()
                .all(|it| number(it).is_none())
        );
        assert_eq!(sink("-- x\nCREATE STREAM A AS SELECT 1;\nCREATE STREAM `b c` AS SELECT 1;"), "b");
        assert_eq!(sink("CREATE OR REPLACE STREAM T AS SELECT 1;"), "T");
        let names: Vec<&str> = quoted_names("SELECT `a;b`, 'it''s `no`', `c` FROM S").collect();
        assert_eq!(names, ["a;b", "c"]);
    }
}
