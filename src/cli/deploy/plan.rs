//! `plan`: from a model file to the statements that a server should run, and what has to be done for it.

use super::super::args::Format;
use super::super::args::compile::TextOptions;
use super::super::args::deploy::{Plan as Args, Target};
use super::super::args::statement::{Form, StatementOptions};
use super::super::manifest::deployments;
use super::super::session::Session;
use super::super::{compile as cli_compile, query, server};
use super::{canary, refuse, show, talk};
use crate::build;
use crate::compile;
use crate::deploy::Client;
use crate::deploy::history::Entry;
use crate::deploy::plan::{self, Plan};
use crate::deploy::talk::quoted;
use crate::diag::Failed;
use crate::schema::Kind;
use crate::sql::ast::{Expr, Item, Name, Statement};
use crate::sql::print::Style;

/// Shows a plan.
pub(in crate::cli) fn run(args: &Args, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let targets = deployments(&args.target, &args.server.manifest.manifest, session)?;
    let plan = joined(&make_all(&targets, false, &client, session)?);
    let text = match args.format {
        Format::Text | Format::Github => show::text(&plan, client.server(), args.sql),
        Format::Json => show::json(&plan, client.server()),
    };
    session.write(None, text.as_bytes())?;
    refuse(&plan, session)
}

/// Plans every model; what is wrong with one does not keep the others from being looked at.
pub(super) fn make_all(
    targets: &[Target],
    shadow: bool,
    client: &Client,
    session: &mut Session,
) -> Result<Vec<(Entry, Plan)>, Failed> {
    let since = session.report.len();
    let made: Vec<_> = targets.iter().flat_map(|target| make(target, shadow, client, session)).collect();
    session.report.check(since)?;
    Ok(made)
}

/// The statements of all models as one plan.
pub(super) fn joined(plans: &[(Entry, Plan)]) -> Plan {
    let version = plans.first().map(|(_, plan)| plan.version.clone()).unwrap_or_default();
    Plan { version, steps: plans.iter().flat_map(|(_, plan)| plan.steps.clone()).collect() }
}

/// Compiles and plans; a shadow writes a stream of its own. The entry is what will be written to the history.
fn make(target: &Target, shadow: bool, client: &Client, session: &mut Session) -> Result<(Entry, Plan), Failed> {
    let (name, bytes) = session.read(&target.model)?;
    let hash = build::sha256(&bytes);
    let graph = session.load(&name, bytes, &target.subject.model)?;
    let relation = query::describe(&target.from, client, session)?;
    let (source, kind) = (relation.name.clone(), relation.kind);
    let into = match shadow {
        true => quoted(&canary::shadow(&super::stored(&target.into, session)?)),
        false => target.into.clone(),
    };
    let statement = StatementOptions {
        from: Some(target.from.clone()),
        into: Some(into),
        form: (kind == Kind::Table).then_some(Form::Table),
        clauses: target.clauses.clone(),
        ..StatementOptions::default()
    };
    let mut bind = target.subject.bind_options(Some(&target.from), session)?;
    bind.relation.get_or_insert(relation);
    let options = cli_compile::options(bind, &target.subject, &statement, &TextOptions::default(), session);
    let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
    let mut statements: Vec<Statement> = compiled.statement.into_iter().map(|found| found.statement).collect();
    let version = target.version.clone().unwrap_or_default();
    if let (Some(last), Some(column)) = (statements.last_mut(), &target.provenance) {
        let column = super::stored(column, session)?;
        stamp(last, column, provenance(&hash, &version));
    }
    let plan = plan::plan(&statements, Style::default(), &mut talk(client, session))?;
    let entry = Entry {
        sink: plan.steps.last().map(|step| step.name.clone()).unwrap_or_default(),
        action: "apply".to_owned(),
        source,
        model: hash,
        file: target.model.display().to_string(),
        version,
        program: concat!("m2ksql ", env!("CARGO_PKG_VERSION")).to_owned(),
        statements: plan.steps.iter().map(|step| step.sql.clone()).collect(),
        ..Entry::default()
    };
    Ok((entry, plan))
}

/// What the column of provenance holds: enough of the hash to find the file by.
pub(super) fn provenance(hash: &str, version: &str) -> String {
    let short = format!("sha256:{}", &hash[..hash.len().min(16)]);
    if version.is_empty() { short } else { format!("{version} {short}") }
}

/// Adds a constant column.
fn stamp(statement: &mut Statement, column: String, value: String) {
    if let Statement::CreateAs { query, .. } = statement {
        let expr = Expr::String(value);
        query.items.push(Item::Expr { comments: Vec::new(), expr, alias: Some(Name::new(column)) });
    }
}
