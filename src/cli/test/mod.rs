//! `test`: the cases beside the models of a manifest, by the SQL that is printed, here and on a server.

mod compare;

use std::fs;
use std::path::{Path, PathBuf};

use super::args::build::Test;
use super::args::compile::{Compile, TextOptions};
use super::args::statement::{Clauses, Form, StatementOptions};
use super::compile as cli_compile;
use super::manifest::Project;
use super::score::Scoring;
use super::session::Session;
use crate::build::Target;
use crate::compile;
use crate::diag::codes::eval::{CASE_FAILED, NO_CASES};
use crate::diag::{Diagnostic, Failed, Place};
use crate::sql::dialect::{self, Dialect};
use compare::Expected;

/// What became of all cases so far.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    lines: String,
}

impl Tally {
    /// Counts a case, which has reported what is wrong with it.
    fn count(&mut self, fine: bool, case: &Path, whose: &str) {
        self.passed += usize::from(fine);
        self.failed += usize::from(!fine);
        self.lines += &format!("{} {}{whose}\n", if fine { "ok    " } else { "FAILED" }, case.display());
    }
}

/// Runs every case of every model.
pub(super) fn run(args: &Test, session: &mut Session) -> Result<(), Failed> {
    let since = session.report.len();
    let project = Project::open(args.manifest(), session)?;
    #[cfg(feature = "deploy")]
    let client = match args.server.is_given() {
        true => Some(super::server::statement_client(&args.server, session)?),
        false => None,
    };
    #[cfg(feature = "deploy")]
    let release = match &client {
        Some(client) => super::server::release(client, session)?,
        None => dialect::default(),
    };
    #[cfg(not(feature = "deploy"))]
    let release = dialect::default();
    let mut tally = Tally::default();
    for target in project.named(&args.models, session)? {
        for case in cases(&project.path(&target.cases)) {
            let Ok(checked) = Case::read(target, &project, &case, release, session) else {
                tally.count(false, &case, "");
                continue;
            };
            let fine = checked.check(args.tolerance, session).is_ok();
            tally.count(fine, &case, "");
            #[cfg(feature = "deploy")]
            if let Some(client) = &client {
                let number = tally.passed + tally.failed;
                let fine = checked.check_on(client, number, args.tolerance, session).is_ok();
                tally.count(fine, &case, &format!(" on {}", client.server()));
            }
        }
    }
    let Tally { passed, failed, lines } = tally;
    session.write(None, format!("{lines}{passed} passed, {failed} failed\n").as_bytes())?;
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

/// A case, with the query that it is about.
struct Case {
    rows: PathBuf,
    expected: Expected,
    scoring: Scoring,
}

impl Case {
    /// `release` is what the SQL is written for unless the manifest says otherwise.
    fn read(
        target: &Target,
        project: &Project,
        case: &Path,
        release: &'static dyn Dialect,
        session: &mut Session,
    ) -> Result<Self, Failed> {
        let rows = ["rows.csv", "rows.jsonl"].map(|name| case.join(name)).into_iter().find(|path| path.is_file());
        let Some(rows) = rows else {
            let place = Place::file(session.sources.add(case.display().to_string(), ""));
            let message = "the case has no rows.csv or rows.jsonl beside its expected.csv";
            return Err(session.report.fail(Diagnostic::new(&CASE_FAILED, message).at(place).help("add the rows")));
        };
        let expected = Expected::read(&case.join("expected.csv"), session)?;
        let args = project.arguments::<Compile>(target, &[], session)?;
        let (name, bytes) = session.read(&args.model)?;
        let graph = session.load(&name, bytes, &args.subject.model)?;
        // the query of the statement, whatever creates it: what passes through and which rows are left out is tested too
        let statement = StatementOptions {
            from: args.statement.from.clone().or_else(|| Some("M2KSQL_ROWS".to_owned())),
            form: Some(Form::Select),
            clauses: Clauses { through: args.statement.clauses.through.clone(), ..Clauses::default() },
            ..StatementOptions::default()
        };
        let bind = args.subject.bind_options(args.statement.from.as_deref(), session)?;
        let text = TextOptions { no_limits: args.text.no_limits, ..TextOptions::default() };
        let mut options = cli_compile::options(bind, &args.subject, &statement, &text, session);
        if args.subject.results.target.is_none() {
            options.dialect = release;
        }
        let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
        let wanted = |column: &str| expected.header.iter().any(|name| name.eq_ignore_ascii_case(column));
        let scoring = Scoring::new(&graph, &compiled, wanted, session)?;
        Ok(Case { rows, expected, scoring })
    }

    /// By the built-in evaluator.
    fn check(&self, tolerance: f64, session: &mut Session) -> Result<(), Failed> {
        let since = session.report.len();
        let table = self.scoring.table(&self.rows, session)?;
        let same = self.expected.compare(&table, &self.scoring.names, "the SQL", tolerance, session);
        // a row that cannot be read fails its case
        session.report.check(since).and(same)
    }

    /// By a server.
    #[cfg(feature = "deploy")]
    fn check_on(
        &self,
        client: &crate::deploy::Client,
        number: usize,
        tolerance: f64,
        session: &mut Session,
    ) -> Result<(), Failed> {
        let table = self.scoring.table_on(&self.rows, client, number, session)?;
        self.expected.compare(&table, &self.scoring.names, "the server", tolerance, session)
    }
}
