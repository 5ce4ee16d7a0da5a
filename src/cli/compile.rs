//! `compile`: from the command line's options to the compiler's, and its product to where it belongs.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::args::compile::{Compile, Emit, Form, Quote, parts};
use super::render::printable;
use super::session::Session;
use crate::bind::{self, ShapeOptions, Text};
use crate::compile::{self, Compiled, Options};
use crate::diag::{Failed, Sources};
use crate::lower;
use crate::schema::Kind;
use crate::sql::print::{self, Style};

/// Prints what was asked for.
pub(super) fn run(args: &Compile, session: &mut Session) -> Result<(), Failed> {
    let (name, bytes) = session.read(&args.model)?;
    let comments = if args.statement.header { header(&name, &bytes) } else { Vec::new() };
    let graph = session.load(&name, bytes, &args.model_options)?;
    let product = if args.output.emit == Emit::Graph {
        graph.to_string()
    } else {
        let options = options(args, comments, &mut session.sources);
        let compiled = compile::compile(&graph, &options, &mut session.sources, &mut session.report)?;
        match args.output.emit {
            Emit::Score => compiled.legal.to_string(),
            Emit::Plan => plan(&compiled),
            Emit::Graph | Emit::Sql => compiled.text,
        }
    };
    session.write(args.output.file.as_deref(), product.as_bytes())
}

/// Comment lines that say where the SQL comes from.
fn header(name: &str, bytes: &[u8]) -> Vec<String> {
    let digest = Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let program = format!("m2ksql {}", env!("CARGO_PKG_VERSION"));
    vec![program, format!("model {}", printable(name)), format!("sha256 {digest}")]
}

fn options(args: &Compile, comments: Vec<String>, sources: &mut Sources) -> Options {
    let mut text = |option: &str, text: &str| Text { source: sources.add(option, text), text: text.to_owned() };
    let mut list = |option: &str, values: &[String], divide: bool| -> Vec<Text> {
        let one = |value: &String| {
            if divide { parts(value).iter().map(ToString::to_string).collect() } else { vec![value.clone()] }
        };
        values.iter().flat_map(one).map(|part: String| text(option, &part)).collect()
    };
    let statement = &args.statement;
    let single = |value: &Option<String>| value.clone().into_iter().collect::<Vec<String>>();
    let bind = bind::Options {
        renames: list("--rename", &args.features.rename, false),
        columns: list("--column", &args.features.column, false),
        ..bind::Options::default()
    };
    let shape = ShapeOptions {
        form: statement.form.map(|form| match form {
            Form::Expression => bind::Form::Expression,
            Form::Select => bind::Form::Select,
            Form::Stream => bind::Form::Create(Kind::Stream),
            Form::Table => bind::Form::Create(Kind::Table),
            Form::Insert => bind::Form::Insert,
        }),
        from: list("--from", &single(&statement.from), false).pop(),
        into: list("--into", &single(&statement.into), false).pop(),
        or_replace: statement.or_replace,
        with: list("--with", &statement.with, true),
        partition_by: list("--partition-by", &statement.partition_by, true),
        keep: list("--keep", &statement.keep, true),
        filter: list("--where", &single(&statement.filter), false).pop(),
        comments,
    };
    let lower = lower::Options {
        select: args.results.select.iter().flat_map(|selected| selected.0.iter().cloned()).collect(),
        threshold: args.results.threshold,
        nulls: args.features.nulls.clone(),
    };
    let quote = match args.text.quote {
        Quote::Always => print::Quote::Always,
        Quote::Needed => print::Quote::Needed,
    };
    Options {
        bind,
        shape,
        lower,
        strict: args.text.strict,
        // what is only looked at need not fit a server
        limits: !args.text.no_limits && args.output.emit == Emit::Sql,
        verify: !args.text.no_verify,
        style: Style { width: args.text.width, quote, ..Style::default() },
        ..Options::default()
    }
}

/// The plan as text: the statement, and of each item how large and how deep it is.
fn plan(compiled: &Compiled) -> String {
    let shape = &compiled.plan.shape;
    let name = |name: &Option<crate::sql::ast::Name>| name.as_ref().map_or("none", |name| name.as_str()).to_owned();
    let mut text = String::new();
    // writing to a String cannot fail
    let _ = writeln!(text, "form {:?}, from {}, into {}", shape.form, name(&shape.from), name(&shape.into));
    let _ = writeln!(text, "{} kept columns, filter {}", shape.kept.len(), shape.filter.is_some());
    for item in &compiled.plan.items {
        let output = &compiled.legal.outputs[item.output];
        let size = item.measure;
        let _ = writeln!(
            text,
            "item {} {}: {} nodes, {} operations, depth {}, calls {}, cases {}, longest sum {}",
            printable(&output.name),
            compiled.legal.ty(output.root),
            size.nodes,
            size.operations,
            size.depth,
            size.calls,
            size.cases,
            size.terms,
        );
    }
    text
}
