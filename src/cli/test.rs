//! `test`: the cases beside the models of a manifest, by the SQL that is printed.

use std::fs;
use std::path::{Path, PathBuf};

use super::args::build::Test;
use super::args::compile::Compile;
use super::args::score::{Names, Score};
use super::args::subject::FromOptions;
use super::manifest::Project;
use super::rows::Layout;
use super::score::{self, Table};
use super::session::Session;
use crate::build::Target;
use crate::diag::codes::environment::CANNOT_READ;
use crate::diag::codes::eval::{CASE_FAILED, NO_CASES};
use crate::diag::{Diagnostic, Failed, Place};
use crate::sql::eval::Value;

/// Differences of a case that are shown one by one.
const SHOWN: usize = 5;

/// Runs every case of every model.
pub(super) fn run(args: &Test, session: &mut Session) -> Result<(), Failed> {
    let since = session.report.len();
    let project = Project::open(&args.manifest, session)?;
    let (mut passed, mut failed) = (0, 0);
    let mut product = String::new();
    for target in &project.targets {
        for case in cases(&project.path(&target.cases)) {
            let before = session.report.len();
            // a case that cannot be run has reported why
            let _ = check(target, &project, &case, args, session);
            let fine = session.report.check(before).is_ok();
            passed += usize::from(fine);
            failed += usize::from(!fine);
            product += &format!("{} {}\n", if fine { "ok    " } else { "FAILED" }, case.display());
        }
    }
    product += &format!("{passed} passed, {failed} failed\n");
    session.write(None, product.as_bytes())?;
    if passed + failed == 0 {
        let message = "no model of the manifest has cases";
        let help = "put rows.csv and expected.csv in a folder with the model's name and the ending .cases";
        return Err(session.report.fail(Diagnostic::new(&NO_CASES, message).help(help)));
    }
    session.report.check(since)
}

/// The folders that hold an expected.csv, sorted.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    cases.retain(|path| path.join("expected.csv").is_file());
    cases.sort();
    if folder.join("expected.csv").is_file() {
        cases.insert(0, folder.to_owned());
    }
    cases
}

fn check(target: &Target, project: &Project, case: &Path, args: &Test, session: &mut Session) -> Result<(), Failed> {
    let rows = ["rows.csv", "rows.jsonl"].map(|name| case.join(name)).into_iter().find(|path| path.is_file());
    let Some(rows) = rows else {
        let place = Place::file(session.sources.add(case.display().to_string(), ""));
        let message = "the case has no rows.csv or rows.jsonl beside its expected.csv";
        return Err(session.report.fail(Diagnostic::new(&CASE_FAILED, message).at(place).help("add the rows")));
    };
    let compile = project.arguments::<Compile>(target, session)?;
    let arguments = Score {
        model: compile.model,
        input: rows,
        format: Layout::Csv,
        names: Names::Sql,
        subject: compile.subject,
        source: FromOptions { from: compile.statement.from },
    };
    let table = score::table(&arguments, session)?;
    compare(&table, &case.join("expected.csv"), args.tolerance, session)
}

fn compare(table: &Table, path: &Path, tolerance: f64, session: &mut Session) -> Result<(), Failed> {
    let name = path.display().to_string();
    let source = session.sources.add(name.clone(), "");
    let fail_read = |session: &mut Session, error: csv::Error| {
        session.fail_io(&CANNOT_READ, "read", &name, &std::io::Error::from(error))
    };
    let mut reader = match csv::Reader::from_path(path) {
        Ok(reader) => reader,
        Err(error) => return Err(fail_read(session, error)),
    };
    let since = session.report.len();
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect(),
        Err(error) => return Err(fail_read(session, error)),
    };
    let mut wrong = |path: String, message: String| {
        session.report.push(Diagnostic::new(&CASE_FAILED, message).at(Place::path(source, path)));
    };
    let mut columns = Vec::new();
    for name in &header {
        let found = table.columns.iter().position(|(column, _)| column.eq_ignore_ascii_case(name));
        if found.is_none() {
            let all: Vec<String> = table.columns.iter().map(|(column, _)| format!("`{column}`")).collect();
            wrong("line 1".to_owned(), format!("the SQL has no column `{name}`, but {}", all.join(", ")));
        }
        columns.push(found);
    }
    let (mut lines, mut differences) = (0, 0);
    for (number, record) in reader.records().enumerate() {
        let Ok(record) = record else {
            wrong(format!("line {}", number + 2), "the row cannot be read".to_owned());
            break;
        };
        lines += 1;
        let Some(row) = table.rows.get(number) else { continue };
        for ((column, field), name) in columns.iter().zip(&record).zip(&header) {
            let Some(column) = column else { continue };
            let (value, ty) = (&row[*column], &table.columns[*column].1);
            if agrees(value, ty, field.trim(), tolerance) {
                continue;
            }
            differences += 1;
            if differences <= SHOWN {
                let found = if value.is_null() { "NULL".to_owned() } else { value.text(ty) };
                let expected = if field.is_empty() { "NULL" } else { field };
                let place = format!("line {}, column `{name}`", number + 2);
                wrong(place, format!("expected `{expected}`, the SQL gives `{found}`"));
            }
        }
    }
    if differences > SHOWN {
        wrong("the rest".to_owned(), format!("{} more values differ", differences - SHOWN));
    }
    if lines != table.rows.len() {
        wrong("the rows".to_owned(), format!("there are {} rows, and {lines} are expected", table.rows.len()));
    }
    session.report.check(since)
}

/// Whether a value is what a field says.
fn agrees(value: &Value, ty: &crate::schema::Type, field: &str, tolerance: f64) -> bool {
    match value {
        Value::Null => field.is_empty(),
        Value::Double(value) => field.parse::<f64>().is_ok_and(|expected| {
            *value == expected
                || value.is_nan() && expected.is_nan()
                || (value - expected).abs() <= tolerance * value.abs().max(expected.abs())
        }),
        Value::Boolean(truth) => field.eq_ignore_ascii_case(if *truth { "true" } else { "false" }),
        other => other.text(ty) == field,
    }
}
