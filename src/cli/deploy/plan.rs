//! `plan`: from a model file to the statements that a server should run, and what has to be done for it.

use sha2::{Digest, Sha256};

use super::super::args::Format;
use super::super::args::compile::{Form, StatementOptions, TextOptions};
use super::super::args::deploy::{Plan as Args, TargetOptions};
use super::super::session::Session;
use super::super::{compile as cli_compile, query, server};
use super::{canary, refuse, show, talk};
use crate::compile;
use crate::deploy::Client;
use crate::deploy::history::{Column, Entry};
use crate::deploy::plan::{self, Plan};
use crate::deploy::talk::quoted;
use crate::diag::Failed;
use crate::schema::Kind;
use crate::sql::ast::{Expr, Item, Name, Statement};
use crate::sql::print::Style;

/// Shows a plan.
pub(in crate::cli) fn run(args: &Args, session: &mut Session) -> Result<(), Failed> {
    let client = server::statement_client(&args.server, session)?;
    let (_, plan) = make(&args.target, false, &client, session)?;
    let text = match args.format {
        Format::Text | Format::Github => show::text(&plan, client.server(), args.sql),
        Format::Json => show::json(&plan, client.server()),
    };
    session.write(None, text.as_bytes())?;
    refuse(&plan, session)
}

/// Compiles and plans; a shadow writes a stream of its own. The entry is what will be written to the history.
pub(super) fn make(
    target: &TargetOptions,
    shadow: bool,
    client: &Client,
    session: &mut Session,
) -> Result<(Entry, Plan), Failed> {
    let (name, bytes) = session.read(&target.model)?;
    let hash = Sha256::digest(&bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let graph = session.load(&name, bytes, &target.model_options)?;
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
        with: target.with.clone(),
        partition_by: target.partition_by.clone(),
        keep: target.keep.clone(),
        filter: target.filter.clone(),
        ..StatementOptions::default()
    };
    let text = TextOptions { strict: target.strict, ..TextOptions::default() };
    let mut bind = cli_compile::bind_options(&target.model_options, &target.features, Some(&target.from), session)?;
    bind.relation.get_or_insert_with(|| relation.clone());
    let results = (&target.results, &target.features.nulls);
    let options = cli_compile::options(bind, results, &statement, &text, Vec::new(), &mut session.sources);
    let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
    let mut statements: Vec<Statement> = compiled.statement.into_iter().map(|found| found.statement).collect();
    let version = target.model_version.clone().unwrap_or_default();
    let model = match target.no_provenance {
        true => None,
        false => Some(super::stored(&target.provenance, session)?),
    };
    let mut columns = Vec::new();
    if let Some(last) = statements.last_mut() {
        if let Some(column) = &model {
            stamp(last, column, provenance(&hash, &version));
        }
        let results: Vec<&str> = compiled.score.outputs.iter().map(|output| output.name.as_str()).collect();
        columns = Column::of(last, &relation, &results, model.as_deref());
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
        columns,
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
fn stamp(statement: &mut Statement, column: &str, value: String) {
    if let Statement::CreateAs { query, .. } = statement {
        let expr = Expr::String(value);
        query.items.push(Item::Expr { comments: Vec::new(), expr, alias: Some(Name::new(column)) });
    }
}
