//! `compile`: from the command line's options to the compiler's, and its product to where it belongs.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::args::ModelOptions;
use super::args::compile::{
    Compile, Emit, FeatureOptions, Form, Quote, ResultOptions, StatementOptions, SubjectOptions, TextOptions,
};
use super::migration;
use super::render::printable;
use super::session::Session;
use crate::bind::{self, ShapeOptions, Text};
use crate::compile::{self, Options};
use crate::diag::codes::compile::UNKNOWN_RELATION;
use crate::diag::{Diagnostic, Failed, Place, Report, Sources, nearest};
use crate::lower::{self, Nulls};
use crate::schema::{Kind, Relation};
use crate::sql::ast::Expr;
use crate::sql::print::{self, Style};
use crate::syntax;

/// Prints what was asked for.
pub(super) fn run(args: &Compile, session: &mut Session) -> Result<(), Failed> {
    let product = product(args, session)?;
    if args.statement.form == Some(Form::Migration) && args.output.emit == Emit::Sql {
        return migration::write(&product, args.output.file.as_deref(), session);
    }
    session.write(args.output.file.as_deref(), product.as_bytes())
}

/// What was asked for, as text.
pub(super) fn product(args: &Compile, session: &mut Session) -> Result<String, Failed> {
    let (name, bytes) = session.read(&args.model)?;
    let comments = if args.statement.header { header(&name, &bytes) } else { Vec::new() };
    let graph = session.load(&name, bytes, &args.model_options)?;
    Ok(if args.output.emit() == Emit::Graph {
        graph.to_string()
    } else {
        let bind = bind_options(&args.model_options, &args.features, args.statement.from.as_deref(), session)?;
        let results = (&args.results, &args.features.nulls);
        let mut options = options(bind, results, &args.statement, &args.text, comments, &mut session.sources);
        // what is only looked at need not fit a server
        options.limits &= args.output.emit() == Emit::Sql;
        let dialect = options.dialect;
        let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
        match args.output.emit() {
            Emit::Score => compiled.legal.to_string(),
            Emit::Plan => super::plan::explain(&compiled, dialect),
            Emit::Stats => compiled.stats.to_string(),
            Emit::Graph | Emit::Sql => compiled.text,
        }
    })
}

/// Comment lines that say where the SQL comes from.
fn header(name: &str, bytes: &[u8]) -> Vec<String> {
    let digest = Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let program = format!("m2ksql {}", env!("CARGO_PKG_VERSION"));
    vec![program, format!("model {}", printable(name)), format!("sha256 {digest}")]
}

/// What the options say about columns and features.
pub(super) fn bind_options(
    model: &ModelOptions,
    features: &FeatureOptions,
    from: Option<&str>,
    session: &mut Session,
) -> Result<bind::Options, Failed> {
    let mut texts = |option: &str, values: &[String]| -> Vec<Text> {
        values.iter().map(|text| Text { source: session.sources.add(option, text), text: text.clone() }).collect()
    };
    let (renames, columns) = (texts("--rename", &features.rename), texts("--column", &features.column));
    let definitions = session.definitions(model)?;
    let relation = relation(features.schema.as_deref(), from, session)?;
    Ok(bind::Options { renames, definitions, columns, relation })
}

/// What the compiler is asked for.
pub(super) fn options(
    bind: bind::Options,
    (results, nulls): (&ResultOptions, &Nulls),
    statement: &StatementOptions,
    text_options: &TextOptions,
    comments: Vec<String>,
    sources: &mut Sources,
) -> Options {
    let mut list = |option: &str, values: &[String]| -> Vec<Text> {
        values.iter().map(|text| Text { source: sources.add(option, text), text: text.clone() }).collect()
    };
    let single = |value: &Option<String>| value.clone().into_iter().collect::<Vec<String>>();
    let shape = ShapeOptions {
        form: statement.form.map(|form| match form {
            Form::Expression => bind::Form::Expression,
            Form::Select => bind::Form::Select,
            Form::Stream | Form::Migration => bind::Form::Create(Kind::Stream),
            Form::Table => bind::Form::Create(Kind::Table),
            Form::Insert => bind::Form::Insert,
        }),
        from: list("--from", &single(&statement.from)).pop(),
        into: list("--into", &single(&statement.into)).pop(),
        or_replace: statement.or_replace,
        with: list("--with", &statement.with),
        partition_by: list("--partition-by", &statement.partition_by),
        keep: list("--keep", &statement.keep),
        filter: list("--where", &single(&statement.filter)).pop(),
        comments,
    };
    let lower = lower_options(results, nulls);
    let quote = match text_options.quote {
        Quote::Always => print::Quote::Always,
        Quote::Needed => print::Quote::Needed,
    };
    Options {
        bind,
        shape,
        lower,
        strict: text_options.strict,
        limits: !text_options.no_limits,
        verify: !text_options.no_verify,
        style: Style { width: text_options.width, quote, compact: text_options.compact, ..Style::default() },
        ..Options::default()
    }
}

impl SubjectOptions {
    /// What feeds the features.
    pub(super) fn bind_options(&self, session: &mut Session) -> Result<bind::Options, Failed> {
        bind_options(&self.model_options, &self.features, self.from.as_deref(), session)
    }

    /// What is asked of the outputs.
    pub(super) fn lower_options(&self) -> lower::Options {
        lower_options(&self.results, &self.features.nulls)
    }
}

/// What is asked of the outputs.
pub(super) fn lower_options(results: &ResultOptions, nulls: &Nulls) -> lower::Options {
    lower::Options {
        select: results.select.iter().flat_map(|selected| selected.0.iter().cloned()).collect(),
        threshold: results.threshold,
        nulls: nulls.clone(),
        ..lower::Options::default()
    }
}

/// The source as the schema file declares it: the one that `--from` names, or the only one.
pub(super) fn relation(
    schema: Option<&Path>,
    from: Option<&str>,
    session: &mut Session,
) -> Result<Option<Relation>, Failed> {
    let Some(path) = schema else { return Ok(None) };
    let source = session.read_text(path)?;
    let text = session.sources.text(source);
    let mut relations = syntax::relations(source, text, &mut session.report)?;
    // what is no name is refused where the statement is read
    let wanted = from.and_then(|from| match syntax::expression(source, from, &mut Report::new()) {
        Ok(Expr::Column(name)) => Some(name.0),
        _ => None,
    });
    let found = match &wanted {
        Some(wanted) => relations.iter().position(|relation| relation.name == *wanted),
        None if from.is_some() => return Ok(None),
        None => Some(0).filter(|_| relations.len() == 1),
    };
    if let Some(found) = found {
        return Ok(Some(relations.swap_remove(found)));
    }
    let names: Vec<&str> = relations.iter().map(|relation| relation.name.as_str()).collect();
    let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let (message, help) = match &wanted {
        Some(wanted) => {
            let near = nearest(wanted, names.iter().copied());
            (format!("the schema does not declare `{wanted}`"), near.map(|near| format!("did you mean `{near}`?")))
        }
        None => (format!("the schema declares {} sources", names.len()), Some("name one with `--from`".to_owned())),
    };
    let mut diagnostic = Diagnostic::new(&UNKNOWN_RELATION, message).at(Place::file(source));
    diagnostic.notes.push(format!("it declares {list}"));
    diagnostic.help = help;
    Err(session.report.fail(diagnostic))
}
