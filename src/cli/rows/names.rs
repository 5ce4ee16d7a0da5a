//! Which column of a file feeds which column of the SQL.
//!
//! Rows come from the stream, then they carry its names, or from training, then they carry the model's. A name is taken
//! as it is first; in another letter case only where that is unambiguous.

use std::collections::HashMap;

use crate::diag::codes::eval as codes;
use crate::diag::{Diagnostic, Place, Report, SourceId, nearest};

/// The names under which a file may have a column.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Input {
    /// The column's stored name.
    pub(in crate::cli) column: String,
    /// Names of features that it feeds.
    pub(in crate::cli) features: Vec<String>,
    /// Their second names.
    pub(in crate::cli) aliases: Vec<String>,
}

/// How well a name fits; the least counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    Column,
    Feature,
    Alias,
    Folded,
}

/// Finds columns by the names of a file.
pub(super) struct Names {
    inputs: Vec<Input>,
    exact: HashMap<String, (usize, Fit)>,
    /// In lower case; `None` where several columns fold together.
    folded: HashMap<String, Option<usize>>,
}

impl Names {
    pub(super) fn new(inputs: Vec<Input>) -> Self {
        let (mut exact, mut folded) = (HashMap::new(), HashMap::new());
        for fit in [Fit::Column, Fit::Feature, Fit::Alias] {
            for (number, input) in inputs.iter().enumerate() {
                let names = match fit {
                    Fit::Column => std::slice::from_ref(&input.column),
                    Fit::Feature => &input.features,
                    _ => &input.aliases,
                };
                for name in names.iter().filter(|name| !name.is_empty()) {
                    exact.entry(name.clone()).or_insert((number, fit));
                    let known = folded.entry(name.to_lowercase()).or_insert(Some(number));
                    *known = known.filter(|known| *known == number);
                }
            }
        }
        Names { inputs, exact, folded }
    }

    /// The column that a name of the file stands for.
    pub(super) fn find(&self, name: &str) -> Option<(usize, Fit)> {
        if let Some(found) = self.exact.get(name) {
            return Some(*found);
        }
        let number = self.folded.get(&name.to_lowercase()).copied().flatten()?;
        Some((number, Fit::Folded))
    }

    /// For each column its place in a header; reports columns that are not there or are there twice.
    pub(super) fn header(&self, header: &[String], source: SourceId, report: &mut Report) -> Vec<usize> {
        let mut found: Vec<Vec<(Fit, usize)>> = vec![Vec::new(); self.inputs.len()];
        for (place, name) in header.iter().enumerate() {
            if let Some((number, fit)) = self.find(name) {
                found[number].push((fit, place));
            }
        }
        let mut places = Vec::new();
        for (input, mut found) in self.inputs.iter().zip(found) {
            found.sort_unstable();
            let at = Place::path(source, "line 1");
            let name = input.features.first().unwrap_or(&input.column);
            match found.as_slice() {
                [(first, place), (second, other), ..] if first == second => report.push(
                    Diagnostic::new(
                        &codes::MISSING_INPUT,
                        format!("the columns `{}` and `{}` could both be `{name}`", header[*place], header[*other]),
                    )
                    .at(at)
                    .help("leave one of them out, or rename it"),
                ),
                [(_, place), ..] => places.push(*place),
                [] => {
                    let near = nearest(name, header.iter().map(String::as_str));
                    let mut diagnostic =
                        Diagnostic::new(&codes::MISSING_INPUT, format!("the rows have no column `{name}`")).at(at);
                    if *name != input.column {
                        diagnostic =
                            diagnostic.note(format!("`{}`, as the SQL calls it, would do as well", input.column));
                    }
                    report.push(match near {
                        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                        None => diagnostic.help("name it in the header line"),
                    });
                }
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let input = |column: &str, feature: &str, alias: &str| Input {
            column: column.to_owned(),
            features: vec![feature.to_owned()],
            aliases: vec![alias.to_owned()],
        };
        // the features `a` and `b` are fed by the columns B and A
        Names::new(vec![input("B", "a", "X_0"), input("A", "b", "X_1"), input("QTY", "Order Units", "")])
    }

    #[test]
    fn names_count_as_they_are_before_other_letter_case() {
        let names = names();
        assert_eq!(names.find("a"), Some((0, Fit::Feature)));
        assert_eq!(names.find("A"), Some((1, Fit::Column)));
        assert_eq!(names.find("x_1"), Some((1, Fit::Folded)));
        assert_eq!(names.find("order units"), Some((2, Fit::Folded)));
        assert_eq!(names.find("order_units"), None);
    }

    #[test]
    fn a_header_must_have_every_column_once() {
        let mut report = Report::new();
        let source = crate::diag::Sources::new().add("rows.csv", "");
        let header = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        assert_eq!(names().header(&header(&["b", "z", "Order Units", "a", "QTY"]), source, &mut report), [3, 0, 4]);
        assert!(report.is_empty());
        names().header(&header(&["a", "b", "order units", "ORDER UNITS"]), source, &mut report);
        names().header(&header(&["a", "b", "Order Unit"]), source, &mut report);
        let found: Vec<&str> = report.diagnostics().iter().map(|found| found.message.as_str()).collect();
        let twice = "the columns `order units` and `ORDER UNITS` could both be `Order Units`";
        assert_eq!(found, [twice, "the rows have no column `Order Units`"]);
        assert_eq!(report.diagnostics()[1].help.as_deref(), Some("did you mean `Order Unit`?"));
    }
}
