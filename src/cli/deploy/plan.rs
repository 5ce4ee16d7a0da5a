//! `plan`: from a model file to the statements that a server should run, and what has to be done for it.

use super::super::args::Format;
use super::super::args::compile::{Form, StatementOptions, TextOptions};
use super::super::args::deploy::{Plan as Args, TargetOptions};
use super::super::session::Session;
use super::super::{compile as cli_compile, query, server};
use super::{refuse, show, talk};
use crate::compile;
use crate::deploy::Client;
use crate::deploy::change::Change;
use crate::deploy::deployment::{Deployment, Model};
use crate::deploy::shadow::shadow;
use crate::deploy::talk::quoted;
use crate::diag::Failed;
use crate::schema::Kind;
use crate::sql::ast::Statement;

/// Shows a plan.
pub(in crate::cli) fn run(args: &Args, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let plan = make(&args.target, false, &client, session)?.plan;
    let text = match args.format {
        Format::Text | Format::Github => show::text(&plan, client.server(), args.sql),
        Format::Json => show::json(&plan, client.server()),
    };
    session.write(None, text.as_bytes())?;
    refuse(&plan, session)
}

/// Compiles and plans; a candidate writes a stream of its own.
pub(super) fn make(
    target: &TargetOptions,
    candidate: bool,
    client: &Client,
    session: &mut Session,
) -> Result<Change, Failed> {
    let (name, bytes) = session.read(&target.model)?;
    let version = target.model_version.as_deref().unwrap_or_default();
    let model = Model::new(&bytes, &target.model.display().to_string(), version);
    let graph = session.load(&name, bytes, &target.model_options)?;
    let source = query::describe(&target.from, client, session)?;
    let into = match candidate {
        true => quoted(&shadow(&super::stored(&target.into, session)?)),
        false => target.into.clone(),
    };
    let statement = StatementOptions {
        from: Some(target.from.clone()),
        into: Some(into),
        form: (source.kind == Kind::Table).then_some(Form::Table),
        with: target.with.clone(),
        partition_by: target.partition_by.clone(),
        keep: target.keep.clone(),
        filter: target.filter.clone(),
        ..StatementOptions::default()
    };
    let text = TextOptions { strict: target.strict, ..TextOptions::default() };
    let mut bind = cli_compile::bind_options(&target.model_options, &target.features, Some(&target.from), session)?;
    bind.relation.get_or_insert_with(|| source.clone());
    let results = (&target.results, &target.features.nulls);
    let options = cli_compile::options(bind, results, &statement, &text, Vec::new(), &mut session.sources);
    let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
    let mark = match target.no_provenance {
        true => None,
        false => Some(super::stored(&target.provenance, session)?),
    };
    let results: Vec<&str> = compiled.score.outputs.iter().map(|output| output.name.as_str()).collect();
    let statements: Vec<Statement> = compiled.statement.into_iter().map(|found| found.statement).collect();
    let deployment = Deployment::new(statements, &results, &source, &model, mark.as_deref());
    Change::new(&deployment, &mut talk(client, session))
}
