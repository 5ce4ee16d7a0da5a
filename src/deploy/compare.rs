//! Two streams of scored rows side by side: a candidate's and those of the current model.

use std::collections::BTreeMap;

use super::history::{self, Entry, Role};
use super::normal::normal;
use super::plan::read;
use super::shadow::{SUFFIX, shadow};
use super::talk::{Known, Talk, quoted};
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::codes::deploy::NOT_DEPLOYED;
use crate::diag::{Diagnostic, Failed};
use crate::sql::ast::{Expr, Statement};
use crate::sql::print;

/// Reads so many rows of a stream and of its candidate at most, and says where they differ. Only rows count that the two
/// models which run now have scored.
pub fn compare(name: &str, most: u64, talk: &mut Talk<'_>) -> Result<Difference, Failed> {
    let other = shadow(name);
    let (current, candidate) = (deployed(name, talk)?, deployed(&other, talk)?);
    let (left, right) = (of_stream(&current, talk)?, of_stream(&candidate, talk)?);
    // what both pass through from the source, and when it came, says which rows belong together
    let key: Vec<String> = left.kept.iter().filter(|column| right.kept.contains(column)).cloned().collect();
    let scores: Vec<String> = left.scores.iter().filter(|column| right.scores.contains(column)).cloned().collect();
    if scores.is_empty() {
        let message = format!("`{name}` and `{other}` have no computed column in common");
        let diagnostic = Diagnostic::new(&BAD_OPTIONS, message).help("apply both with the same `--select`");
        return Err(talk.report.fail(diagnostic));
    }
    let columns = scores.iter().map(|name| Column { name: name.clone(), ..Column::default() }).collect();
    let mut difference = Difference { key, columns, ..Difference::default() };
    let candidate = difference.read(&other, &right, most, None, talk)?;
    // of a current model that has run for long, only the time in which the candidate had rows matters
    let current = difference.read(name, &left, most, span(&candidate), talk)?;
    difference.compare(current, candidate);
    difference.hint = difference.hint(name, &other, most);
    Ok(difference)
}

/// The stream of this name. That there is none is an error.
pub fn deployed(name: &str, talk: &mut Talk<'_>) -> Result<Known, Failed> {
    if let Some(known) = talk.describe(name)? {
        return Ok(known);
    }
    let message = format!("there is no stream `{name}`");
    let help = match name.ends_with(SUFFIX) {
        true => "`m2ksql apply --shadow` runs a candidate beside the current model",
        false => "`m2ksql status` lists what was applied",
    };
    Err(talk.report.fail(Diagnostic::new(&NOT_DEPLOYED, message).help(help)))
}

/// The columns of a stream by what they are: passed through, or computed by a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Passed through.
    pub kept: Vec<String>,
    /// Computed by the model.
    pub scores: Vec<String>,
    /// The column that says which model, and what it says now.
    pub model: Option<(String, String)>,
}

fn of_stream(known: &Known, talk: &mut Talk<'_>) -> Result<Columns, Failed> {
    let entries = history::entries(Some(&known.relation.name), talk)?;
    Ok(columns(known, history::running(&entries)))
}

/// What the columns of a stream are, by the entry of what runs; without one by how they are computed.
pub fn columns(known: &Known, entry: Option<&Entry>) -> Columns {
    let mut found = Columns::default();
    let Some(Statement::CreateAs { query, .. }) = read(&known.description.statement) else { return found };
    let recorded = entry.map(|entry| entry.columns.as_slice()).unwrap_or_default();
    for (name, expr) in normal(&query, None).items {
        let role = match recorded.iter().find(|column| column.name == name.0) {
            Some(column) => column.role,
            // appended by another version of the model
            None if !recorded.is_empty() => Role::Other,
            None => match &expr {
                Expr::Column(_) | Expr::Field(..) => Role::Kept,
                Expr::String(_) => Role::Model,
                _ => Role::Result,
            },
        };
        match (role, expr) {
            (Role::Kept, _) => found.kept.push(name.0),
            (Role::Result, _) => found.scores.push(name.0),
            (Role::Model, Expr::String(text)) => found.model = Some((name.0, text)),
            (Role::Model | Role::Other, _) => {}
        }
    }
    found
}

/// Rows by key and time: of each the computed columns.
type Rows = BTreeMap<Vec<String>, Vec<String>>;

/// The first and the last time of some rows.
fn span(rows: &Rows) -> Option<(i64, i64)> {
    let times = || rows.keys().filter_map(|key| key.first()?.parse::<i64>().ok());
    Some((times().min()?, times().max()?))
}

/// Where two streams of scored rows differ.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// The columns, besides the time, by which rows belong together.
    pub key: Vec<String>,
    /// Rows in both.
    pub rows: u64,
    /// Rows that only the current model has scored.
    pub only_current: u64,
    /// Rows that only the candidate has scored.
    pub only_shadow: u64,
    /// Rows that share key and time with an earlier one of the same stream, which they replace here.
    pub ambiguous: u64,
    /// Each column that both compute.
    pub columns: Vec<Column>,
    /// The streams of which more rows were there than were read.
    pub cut: Vec<String>,
    /// Why nothing could be compared, and what to do.
    pub hint: Option<String>,
}

/// Where one column differs.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Rows with another value.
    pub differ: u64,
    /// Rows where one of both is NULL.
    pub null: u64,
    /// Of numbers with a fraction: how many rows.
    pub numbers: u64,
    /// The sum of their differences.
    pub sum: f64,
    /// The largest of them.
    pub largest: f64,
    /// How often one value becomes another; of values that are no such numbers.
    pub flips: BTreeMap<(String, String), u64>,
}

impl Difference {
    /// At most so many rows of a stream, of this span of time.
    fn read(
        &mut self,
        name: &str,
        columns: &Columns,
        most: u64,
        span: Option<(i64, i64)>,
        talk: &mut Talk<'_>,
    ) -> Result<Rows, Failed> {
        let names = self.key.iter().chain(self.columns.iter().map(|column| &column.name));
        let names = names.map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let mut conditions = Vec::new();
        if let Some((column, text)) = &columns.model {
            conditions.push(format!("{} = {}", quoted(column), print::string(text)));
        }
        if let Some((first, last)) = span {
            conditions.push(format!("ROWTIME >= {first} AND ROWTIME <= {last}"));
        }
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let select = format!("SELECT ROWTIME AS ROWTIME_, {names} FROM {}{filter}", quoted(name));
        let (mut rows, mut count, width) = (Rows::new(), 0, self.key.len() + 1);
        talk.rows(&select, Some(most), &mut |values| {
            let texts: Vec<String> = values.iter().map(|value| value.get().to_owned()).collect();
            let (key, scores) = texts.split_at(width.min(texts.len()));
            rows.insert(key.to_vec(), scores.to_vec());
            count += 1;
        })?;
        self.ambiguous += count - rows.len() as u64;
        if count == most {
            self.cut.push(name.to_owned());
        }
        Ok(rows)
    }

    /// Why there is nothing to compare.
    fn hint(&self, name: &str, other: &str, most: u64) -> Option<String> {
        let none = |name: &str| format!("`{name}` has no rows that the model which runs now has scored");
        let new = "a query that is new sees rows from some seconds after its start on, with `apply --from-beginning` all: wait \
                   for rows, or look at its state with `m2ksql status`";
        Some(match (self.rows, self.only_current, self.only_shadow) {
            (1.., ..) => return None,
            (_, 0, 0) => format!("{}, nor has `{other}`: {new}", none(name)),
            (_, 0, _) => format!("{} while its candidate was there: {new}", none(name)),
            (_, _, 0) => format!("{}: {new}", none(other)),
            _ if !self.cut.is_empty() => {
                format!("no row of one is among the first {most} of the other: `--rows` reads more")
            }
            _ if self.key.is_empty() => {
                "no row of one has the time of a row of the other: `--keep` in both what tells rows apart".to_owned()
            }
            _ => format!(
                "no row of one has {} and time of a row of the other: both must read the same stream",
                self.key.join(", ")
            ),
        })
    }

    fn compare(&mut self, current: Rows, mut shadow: Rows) {
        for (key, left) in current {
            let Some(right) = shadow.remove(&key) else {
                self.only_current += 1;
                continue;
            };
            self.rows += 1;
            for (column, (left, right)) in self.columns.iter_mut().zip(left.into_iter().zip(right)) {
                column.compare(left, right);
            }
        }
        self.only_shadow = shadow.len() as u64;
    }
}

impl Column {
    /// The mean difference of numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.numbers > 0).then(|| self.sum / self.numbers as f64)
    }

    fn compare(&mut self, left: String, right: String) {
        self.differ += u64::from(left != right);
        self.null += u64::from((left == "null") != (right == "null"));
        match (fraction(&left), fraction(&right)) {
            (Some(left), Some(right)) => {
                self.numbers += 1;
                self.sum += (left - right).abs();
                self.largest = self.largest.max((left - right).abs());
            }
            _ if left != right => *self.flips.entry((left, right)).or_default() += 1,
            _ => {}
        }
    }
}

/// A number that a server writes as a DOUBLE: with a point or an exponent.
fn fraction(text: &str) -> Option<f64> {
    text.contains(['.', 'E', 'e']).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_by_column() {
        let rows = |list: &[(&str, &str, &str)]| -> Rows {
            let row =
                |(key, p, label): &(&str, &str, &str)| (vec![key.to_string()], vec![p.to_string(), label.to_string()]);
            list.iter().map(row).collect()
        };
        let mut found = Difference { columns: vec![Column::default(); 2], ..Difference::default() };
        found.compare(
            rows(&[("1", "0.5", "1"), ("2", "1.0E-5", "0"), ("3", "0.25", "0"), ("4", "0.5", "null")]),
            rows(&[("1", "0.25", "0"), ("2", "1.0E-5", "0"), ("4", "0.5", "1"), ("5", "0.5", "1")]),
        );
        assert_eq!((found.rows, found.only_current, found.only_shadow), (3, 1, 1));
        let p = &found.columns[0];
        assert_eq!((p.differ, p.numbers, p.sum, p.largest, p.flips.len()), (1, 3, 0.25, 0.25, 0));
        let label = &found.columns[1];
        assert_eq!((label.differ, label.null, label.numbers), (2, 1, 0));
        assert_eq!(label.flips[&("1".to_owned(), "0".to_owned())], 1);
    }

    #[test]
    fn nothing_to_compare_has_a_reason() {
        let with = |rows: u64, only_current: u64, only_shadow: u64, key: &[&str], cut: &[&str]| {
            let texts = |list: &[&str]| list.iter().map(|text| text.to_string()).collect();
            let difference = Difference {
                rows,
                only_current,
                only_shadow,
                key: texts(key),
                cut: texts(cut),
                ..Difference::default()
            };
            difference.hint("T", "T_SHADOW", 5)
        };
        assert_eq!(with(1, 0, 0, &[], &[]), None);
        for (hint, words) in [
            (with(0, 0, 0, &[], &[]), "`T` has no rows that the model which runs now has scored, nor has `T_SHADOW`: "),
            (with(0, 3, 0, &[], &[]), "`T_SHADOW` has no rows that the model which runs now has scored: "),
            (with(0, 0, 3, &[], &[]), "while its candidate was there: "),
            (with(0, 3, 3, &[], &[]), "`--keep` in both what tells rows apart"),
            (with(0, 3, 3, &["ID"], &[]), "no row of one has ID and time of a row of the other"),
            (with(0, 5, 3, &["ID"], &["T"]), "no row of one is among the first 5 of the other: `--rows` reads more"),
        ] {
            assert!(hint.as_ref().unwrap().contains(words), "{hint:?}: {words}");
        }
        let rows: Rows = [["7"], ["-3"], ["x"]].map(|key| (key.map(str::to_owned).to_vec(), Vec::new())).into();
        assert_eq!((span(&rows), span(&Rows::new())), (Some((-3, 7)), None));
    }

    #[test]
    fn columns_are_what_the_history_says_they_are() {
        use crate::deploy::history;
        let statement = "CREATE STREAM T AS SELECT ID, X PREDICTION, 'yes' LABEL, 'sha256:00' MODEL, CAST(NULL AS DOUBLE) \
                         GONE FROM S;";
        let description = crate::deploy::api::Description { statement: statement.into(), ..Default::default() };
        let relation =
            crate::schema::Relation { name: "T".into(), kind: crate::schema::Kind::Stream, columns: Vec::new() };
        let known = Known { description, relation };
        let entry = Entry {
            columns: [
                ("ID", Role::Kept),
                ("PREDICTION", Role::Result),
                ("LABEL", Role::Result),
                ("MODEL", Role::Model),
            ]
            .map(|(name, role)| history::Column { name: name.into(), role })
            .into(),
            ..Entry::default()
        };
        let found = columns(&known, Some(&entry));
        assert_eq!(
            (found.kept, found.scores),
            (vec!["ID".to_owned()], vec!["PREDICTION".to_owned(), "LABEL".to_owned()])
        );
        assert_eq!(found.model, Some(("MODEL".to_owned(), "sha256:00".to_owned())));
        // an entry of an earlier version: by how the columns are computed
        let found = columns(&known, Some(&Entry::default()));
        assert_eq!(
            (found.kept, found.scores),
            (vec!["ID".to_owned(), "PREDICTION".to_owned()], vec!["GONE".to_owned()])
        );
    }
}
