//! `inspect`: what was understood of a model, for people and for programs.

use std::fmt::Write;

use super::args::{Format, Inspect};
use super::render::printable;
use super::session::Session;
use crate::build;
use crate::diag::Failed;
use crate::model::{self, Elem, Graph, Op, Output, Precision, Role, Value};
use serde::Serialize;

/// Lists longer than this are cut in the text; JSON has them whole.
const SHOWN: usize = 20;

/// Prints the description of a model.
pub(super) fn run(args: &Inspect, session: &mut Session) -> Result<(), Failed> {
    #[cfg(feature = "deploy")]
    if args.server.is_given() {
        return super::deploy::trace(&args.model.to_string_lossy(), args.format, &args.server, session);
    }
    let (name, bytes) = session.read(&args.model)?;
    let (length, sha256) = (bytes.len(), build::sha256(&bytes));
    let graph = session.load(&name, bytes, &args.model_options)?;
    let description = Description {
        file: &name,
        bytes: length,
        sha256,
        format: graph.format,
        producer: &graph.producer,
        model: &graph.title,
        task: task(&graph),
        classes: graph.classes.iter().map(json).collect(),
        features: features(&graph),
        steps: steps(&graph),
        outputs: graph.outputs.iter().map(|output| result(&graph, output)).collect(),
        terms: terms(&graph),
        nodes: graph.nodes.len(),
    };
    let text = match args.format {
        // only a map with keys that are no strings can fail
        Format::Json => serde_json::to_string_pretty(&description).unwrap_or_default() + "\n",
        Format::Text | Format::Github => {
            let mut text = String::new();
            // writing to a String cannot fail
            let _ = describe(&description, &mut text);
            text
        }
    };
    session.write(None, text.as_bytes())
}

#[derive(Serialize)]
struct Description<'a> {
    file: &'a str,
    bytes: usize,
    sha256: String,
    format: &'static str,
    producer: &'a str,
    model: &'a str,
    /// `regression`, `binary classification`, `multiclass classification`, `transformation`.
    task: &'static str,
    /// In the order of the scores; empty for other tasks.
    classes: Vec<serde_json::Value>,
    features: Vec<Feature<'a>>,
    steps: Vec<Step<'a>>,
    outputs: Vec<Computed<'a>>,
    /// Products of a weight and a value.
    terms: usize,
    /// Operators of the graph.
    nodes: usize,
}

#[derive(Serialize)]
struct Feature<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    elem: &'static str,
    /// Whether it is rounded to binary32 before anything else.
    float32: bool,
}

/// Operators that the source gives one name.
#[derive(Serialize)]
struct Step<'a> {
    name: &'a str,
    operators: Vec<String>,
}

#[derive(Serialize)]
struct Computed<'a> {
    role: &'static str,
    name: &'a str,
    #[serde(rename = "type")]
    elem: &'static str,
    width: usize,
    elements: &'a [String],
}

fn task(graph: &Graph) -> &'static str {
    match graph.classes.len() {
        0 if graph.output(Role::Prediction).is_some() || graph.output(Role::Margin).is_some() => "regression",
        0 => "transformation",
        1 | 2 => "binary classification",
        _ => "multiclass classification",
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Number(number) => serde_json::Value::from(*number),
        Value::Integer(integer) => serde_json::Value::from(*integer),
        Value::Text(text) => serde_json::Value::from(text.as_str()),
        Value::Boolean(boolean) => serde_json::Value::from(*boolean),
        Value::Missing => serde_json::Value::Null,
    }
}

fn elem_name(elem: Elem) -> &'static str {
    match elem {
        Elem::Number => "number",
        Elem::Integer => "integer",
        Elem::Text => "text",
        Elem::Boolean => "boolean",
    }
}

fn features(graph: &Graph) -> Vec<Feature<'_>> {
    fn describe(feature: &model::Feature) -> Feature<'_> {
        Feature { name: &feature.name, elem: elem_name(feature.elem), float32: feature.precision == Precision::Single }
    }
    graph.features.iter().map(describe).collect()
}

/// Nodes in order, neighbours of one name together; what only moves values about is left out.
fn steps(graph: &Graph) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for node in &graph.nodes {
        if matches!(node.op, Op::Input(_) | Op::Constant(_) | Op::Concat | Op::Pick(_)) {
            continue;
        }
        let operator = node.op.title();
        match steps.last_mut() {
            Some(step) if step.name == node.name => {
                if step.operators.last() != Some(&operator) {
                    step.operators.push(operator);
                }
            }
            _ => steps.push(Step { name: &node.name, operators: vec![operator] }),
        }
    }
    steps
}

fn result<'a>(graph: &'a Graph, output: &'a Output) -> Computed<'a> {
    let node = graph.node(output.node);
    Computed {
        role: role_name(output.role),
        name: &output.name,
        elem: elem_name(node.elem),
        width: node.width,
        elements: &output.elements,
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Label => "label",
        Role::Margin => "margin",
        Role::Probabilities => "probabilities",
        Role::Prediction => "prediction",
        Role::Value => "value",
    }
}

fn terms(graph: &Graph) -> usize {
    let weights = |op: &Op| match op {
        Op::Linear(linear) => linear.weights.iter().filter(|&&weight| weight != 0.0).count(),
        _ => 0,
    };
    graph.nodes.iter().map(|node| weights(&node.op)).sum()
}

fn describe(it: &Description<'_>, out: &mut String) -> std::fmt::Result {
    let mut line = |name: &str, text: &str| writeln!(out, "{name:<9} {}", printable(text).trim_end());
    line("model", it.model)?;
    line("task", it.task)?;
    if !it.classes.is_empty() {
        line("classes", &list(it.classes.iter().map(ToString::to_string)))?;
    }
    let producer = if it.producer.is_empty() { String::new() } else { format!(", made by {}", it.producer) };
    line("format", &format!("{}{producer}", it.format))?;
    line("file", &format!("{}, {} bytes", it.file, it.bytes))?;
    line("sha256", &it.sha256)?;
    line("size", &format!("{} features, {} terms, {} operators", it.features.len(), it.terms, it.nodes))?;

    let features = it.features.iter().map(|feature| {
        let float32 = if feature.float32 { ", rounded to float32" } else { "" };
        (feature.name, format!("{}{float32}", feature.elem))
    });
    table("features", features.collect(), out)?;
    let steps = it.steps.iter().map(|step| (step.name, step.operators.join(", ")));
    table("steps", steps.collect(), out)?;
    let outputs = it.outputs.iter().map(|output| {
        let elements = match output.elements {
            [] if output.width == 1 => String::new(),
            [] => format!(", {} columns", output.width),
            elements => format!(": {}", list(elements.iter().cloned())),
        };
        (output.role, format!("{}{elements}", output.name))
    });
    table("outputs", outputs.collect(), out)
}

fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(SHOWN);
    let shown = items.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown}, … {more} more") } else { shown }
}

fn table(title: &str, rows: Vec<(&str, String)>, out: &mut String) -> std::fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    let width = rows.iter().take(SHOWN).map(|(name, _)| printable(name).chars().count()).max().unwrap_or(0).min(40);
    for (name, text) in rows.iter().take(SHOWN) {
        let gap = if width == 0 { "" } else { "  " };
        writeln!(out, "  {}", format!("{:<width$}{gap}{}", printable(name), printable(text)).trim_end())?;
    }
    match rows.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  … {more} more (`--format json` has all)"),
    }
}
