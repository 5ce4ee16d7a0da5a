//! `plan`: from a model file to the statements that a server should run, and what has to be done for it.

use std::collections::BTreeMap;

use super::super::args::Format;
use super::super::args::compile::TextOptions;
use super::super::args::deploy::{Plan as Args, Target};
use super::super::args::statement::{Form, StatementOptions};
use super::super::manifest::deployments;
use super::super::session::Session;
use super::super::{compile as cli_compile, query, server};
use super::{refuse, show, talk};
use crate::compile;
use crate::deploy::Client;
use crate::deploy::change::Change;
use crate::deploy::deployment::{Deployment, Model};
use crate::deploy::plan::Plan;
use crate::deploy::shadow::shadow;
use crate::deploy::talk::quoted;
use crate::diag::Failed;
use crate::schema::{Kind, Relation};
use crate::sql::ast::Statement;

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
    candidate: bool,
    client: &Client,
    session: &mut Session,
) -> Result<Vec<Change>, Failed> {
    let since = session.report.len();
    let mut sources = BTreeMap::new();
    let mut made = Vec::new();
    for target in targets {
        // asked for once, and what is missing is said once
        let source = sources.entry(&target.from).or_insert_with(|| query::describe(&target.from, client, session).ok());
        let Some(source) = source else { continue };
        made.extend(make(target, source, candidate, client, session));
    }
    session.report.check(since)?;
    Ok(made)
}

/// The statements of all models as one plan.
pub(super) fn joined(changes: &[Change]) -> Plan {
    let version = changes.first().map(|change| change.plan.version.clone()).unwrap_or_default();
    Plan { version, steps: changes.iter().flat_map(|change| change.plan.steps.clone()).collect() }
}

/// Compiles and plans; a candidate writes a stream of its own.
fn make(
    target: &Target,
    source: &Relation,
    candidate: bool,
    client: &Client,
    session: &mut Session,
) -> Result<Change, Failed> {
    let (name, bytes) = match &target.bytes {
        Some(bytes) => (target.model.display().to_string(), bytes.to_vec()),
        None => session.read(&target.model)?,
    };
    let version = target.version.as_deref().unwrap_or_default();
    let model = Model::new(&bytes, &target.model.display().to_string(), version);
    let graph = session.load(&name, bytes, &target.subject.model)?;
    let into = match candidate {
        true => quoted(&shadow(&super::stored(&target.into, session)?)),
        false => target.into.clone(),
    };
    let statement = StatementOptions {
        from: Some(target.from.clone()),
        into: Some(into),
        form: (source.kind == Kind::Table).then_some(Form::Table),
        clauses: target.clauses.clone(),
        ..StatementOptions::default()
    };
    let mut bind = target.subject.bind_options(Some(&target.from), session)?;
    bind.relation.get_or_insert_with(|| source.clone());
    let mut options = cli_compile::options(bind, &target.subject, &statement, &TextOptions::default(), session);
    options.dialect = server::dialect(&target.subject, client, session)?;
    let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
    let mark = target.provenance.as_ref().map(|column| super::stored(column, session)).transpose()?;
    let results: Vec<&str> = compiled.score.outputs.iter().map(|output| output.name.as_str()).collect();
    let statements: Vec<Statement> = compiled.statements().map(|found| found.statement.clone()).collect();
    let deployment = Deployment::new(statements, &results, source, &model, mark.as_deref());
    Change::new(&deployment, &mut talk(client, session))
}
