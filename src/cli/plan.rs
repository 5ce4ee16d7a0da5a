//! The plan of a compiled model for people: what each item costs, how near it is to the limits, and why it looks as it does.

use std::fmt::Write;

use super::render::printable;
use crate::compile::{Compiled, Stage};
use crate::opt::{CHOICES, Class, FINISH, PASSES};
use crate::sql::ast::{Item, Name};
use crate::sql::cost::Depth;
use crate::sql::dialect::Dialect;
use crate::sql::plan::layout::Layout;
use crate::sql::plan::{self, record};

/// The plan as text.
pub(super) fn explain(compiled: &Compiled, dialect: &dyn Dialect) -> String {
    let mut text = String::new();
    // writing to a String cannot fail
    for stage in &compiled.stages {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = statement(&mut text, stage, dialect);
        for (item, emitted) in stage.plan.items.iter().zip(&stage.items) {
            let _ = explain_item(&mut text, stage, dialect, item, emitted);
        }
    }
    let _ = writeln!(text, "\nrewrites   {}", rewrites(compiled));
    text
}

fn statement(text: &mut String, stage: &Stage, dialect: &dyn Dialect) -> std::fmt::Result {
    let shape = &stage.plan.shape;
    let name =
        |name: &Option<Name>| name.as_ref().map_or("none".to_owned(), |name| printable(name.as_str()).to_string());
    writeln!(text, "target     {}", dialect.name())?;
    writeln!(text, "form       {:?}, from {}, into {}", shape.form, name(&shape.from), name(&shape.into))?;
    writeln!(text, "columns    {} kept, {} computed", shape.kept.len(), stage.items.len())?;
    if shape.from.is_some() {
        let record = record::bytes(&stage.items, shape, &stage.bindings);
        writeln!(text, "record     about {record} of {} bytes on the server", dialect.limits().record_bytes)?;
    }
    writeln!(text, "time       about {} a row, beside reading it", microseconds(stage.plan.time()))
}

/// How many rewrites of each class were made.
fn rewrites(compiled: &Compiled) -> String {
    let classes = [Class::Exact, Class::Finite, Class::Ulp].map(|class| {
        let rules =
            PASSES.iter().chain(FINISH).chain(CHOICES).flat_map(|pass| pass.rules).filter(|rule| rule.class == class);
        let count: u64 = rules.map(|rule| compiled.stats.uses(rule.name)).sum();
        format!("{count} {}", class.name())
    });
    classes.join(", ")
}

fn explain_item(
    text: &mut String,
    stage: &Stage,
    dialect: &dyn Dialect,
    item: &plan::Item,
    emitted: &Item,
) -> std::fmt::Result {
    let output = &stage.legal.outputs[item.output];
    let size = item.measure;
    writeln!(text, "\nitem {} {}", printable(&output.name), stage.legal.output_type(output))?;
    writeln!(text, "  size     {} nodes, {} operations, longest sum {}", size.nodes, size.operations, size.terms)?;
    if let Item::Expr { expr, .. } = emitted {
        let (depth, most) = (Depth::of(expr), dialect.limits());
        writeln!(
            text,
            "  depth    {} of {} operators, {} of {} calls, {} of {} CASE",
            depth.operators, most.depth, depth.calls, most.calls, depth.cases, most.cases
        )?;
    }
    write!(text, "  time     about {}", microseconds(size.time))?;
    match item.alternative {
        Some(other) => writeln!(text, "; with classes compared in the other way {}", microseconds(other))?,
        None => writeln!(text)?,
    }
    let levels: Vec<String> = item.lets.levels.iter().map(|level| level.len().to_string()).collect();
    if !levels.is_empty() {
        let values = levels.join(", then ");
        writeln!(text, "  bound    {values}: computing them at every use would take longer than a lambda")?;
    }
    for layout in item.layouts.values() {
        writeln!(text, "  sum      {}", describe(layout))?;
    }
    Ok(())
}

fn describe(layout: &Layout) -> String {
    let terms = layout.range().len();
    match layout {
        Layout::Accumulate(_, rest) => format!("{terms} terms in order, by {} accumulators", rest.len()),
        _ => match layout.methods() {
            0 => format!("{terms} terms in groups, which nest less than one chain"),
            methods => format!("{terms} terms in {methods} methods, small enough for the JIT compiler"),
        },
    }
}

fn microseconds(nanoseconds: f64) -> String {
    format!("{:.1} us", nanoseconds / 1e3)
}
