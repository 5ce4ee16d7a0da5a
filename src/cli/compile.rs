//! `compile`: from the command line's options to the compiler's, and its product to where it belongs.

use std::path::Path;

use super::args::compile::{Compile, Emit, Quote, TextOptions};
use super::args::statement::{Clauses, Form, StatementOptions};
use super::args::subject::{SubjectOptions, Vectors};
use super::migration;
use super::render::printable;
use super::runner;
use super::session::Session;
use crate::bind::{self, ShapeOptions, Text};
use crate::build;
use crate::compile::{self, Options};
use crate::diag::Failed;
use crate::lower;
use crate::schema::{Kind, Relation};
use crate::sql::dialect::{self, Dialect};
use crate::sql::print::{self, Style};

/// Prints what was asked for.
pub(super) fn run(args: &Compile, session: &mut Session) -> Result<(), Failed> {
    if args.statement.form == Some(Form::Test) && args.output.emit() == Emit::Sql {
        return runner::write(args, session);
    }
    let product = product(args, session)?;
    if args.statement.form == Some(Form::Migration) && args.output.emit == Emit::Sql {
        return migration::write(&product, args.output.file.as_deref(), session);
    }
    session.write(args.output.file.as_deref(), product.as_bytes())
}

/// What was asked for, as text.
pub(super) fn product(args: &Compile, session: &mut Session) -> Result<String, Failed> {
    if args.statement.form == Some(Form::Test) && args.output.emit() == Emit::Sql {
        return Err(runner::no_text(session));
    }
    let (name, bytes) = session.read(&args.model)?;
    let comments = if args.statement.header { header(&name, &bytes) } else { Vec::new() };
    let graph = session.load(&name, bytes, &args.subject.model)?;
    Ok(if args.output.emit() == Emit::Graph {
        graph.to_string()
    } else {
        let bind = args.subject.bind_options(args.statement.from.as_deref(), session)?;
        let mut options = options(bind, &args.subject, &args.statement, &args.text, session);
        options.shape.comments = comments;
        // what is only looked at need not fit a server
        options.limits &= args.output.emit() == Emit::Sql;
        let dialect = options.dialect;
        let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
        if args.statement.form == Some(Form::Migration) {
            migration::check(&compiled.text, session)?;
        }
        match args.output.emit() {
            Emit::Score => compiled.stages.iter().map(|stage| stage.legal.to_string()).collect(),
            Emit::Plan => super::plan::explain(&compiled, dialect),
            Emit::Stats => compiled.stats.to_string(),
            Emit::Graph | Emit::Sql => compiled.text,
        }
    })
}

/// Comment lines that say where the SQL comes from.
fn header(name: &str, bytes: &[u8]) -> Vec<String> {
    let program = format!("m2ksql {}", env!("CARGO_PKG_VERSION"));
    vec![program, format!("model {}", printable(name)), format!("sha256 {}", build::sha256(bytes))]
}

impl SubjectOptions {
    /// What feeds the features; `from` is the source's name where something names it.
    pub(super) fn bind_options(&self, from: Option<&str>, session: &mut Session) -> Result<bind::Options, Failed> {
        let renames = session.texts("--rename", &self.features.rename);
        let columns = session.texts("--column", &self.columns.column);
        let definitions = session.definitions(&self.model)?;
        let relation = relation(self.columns.schema.as_deref(), from, session)?;
        Ok(bind::Options { renames, definitions, columns, relation })
    }

    /// What the SQL is written for.
    pub(super) fn dialect(&self) -> &'static dyn Dialect {
        self.results.target.map_or_else(dialect::default, |target| target.0)
    }

    /// What is asked of the outputs.
    pub(super) fn lower_options(&self) -> lower::Options {
        lower::Options {
            select: self.results.select.iter().flat_map(|selected| selected.0.iter().cloned()).collect(),
            threshold: self.results.threshold,
            nulls: self.features.nulls.clone(),
            probabilities: self.results.probabilities.map(vectors),
            contributions: self.results.contributions.map(vectors),
            reasons: self.results.reasons,
        }
    }
}

fn vectors(vectors: Vectors) -> lower::Vectors {
    match vectors {
        Vectors::Columns => lower::Vectors::Columns,
        Vectors::Array => lower::Vectors::Array,
        Vectors::Map => lower::Vectors::Map,
    }
}

/// What the compiler is asked for.
pub(super) fn options(
    bind: bind::Options,
    subject: &SubjectOptions,
    statement: &StatementOptions,
    text: &TextOptions,
    session: &mut Session,
) -> Options {
    let Clauses { with, partition_by, stages, through } = &statement.clauses;
    let shape = ShapeOptions {
        form: statement.form.map(|form| match form {
            Form::Expression => bind::Form::Expression,
            Form::Select => bind::Form::Select,
            Form::Stream | Form::Migration | Form::Test => bind::Form::Create(Kind::Stream),
            Form::Table => bind::Form::Create(Kind::Table),
            Form::Insert => bind::Form::Insert,
        }),
        from: session.texts("--from", &statement.from).pop(),
        into: session.texts("--into", &statement.into).pop(),
        or_replace: statement.or_replace,
        with: session.texts("--with", with),
        partition_by: session.texts("--partition-by", partition_by),
        keep: session.texts("--keep", &through.keep),
        filter: session.texts("--where", &through.filter).pop(),
        comments: Vec::new(),
    };
    let quote = match text.quote {
        Quote::Always => print::Quote::Always,
        Quote::Needed => print::Quote::Needed,
    };
    Options {
        bind,
        shape,
        lower: subject.lower_options(),
        strict: subject.results.strict,
        limits: !text.no_limits,
        verify: !text.no_verify,
        stages: *stages,
        dialect: subject.dialect(),
        style: Style { width: text.width, quote, compact: text.compact, ..Style::default() },
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
    let schema = Text { source, text: session.sources.text(source).to_owned() };
    bind::declared(&schema, from, &mut session.report)
}
