//! Which outputs are wanted, under which names, and what each is over scalars.

use super::{Item, Lowering, Options};
use crate::diag::{Diagnostic, Failed, Report, codes};
use crate::model::{Decision, Graph, NodeId, Op, Role, Value};
use crate::score::{Comparison, Id, Output};
use std::collections::BTreeSet;

/// Outputs that can be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The class.
    Label,
    /// Two classes: of the second one; more: of the predicted one.
    Probability,
    /// One column a class.
    Probabilities,
    /// The score before the link: one column, or one a class.
    Margin,
    /// The value of a regression or of a transformer: one column, or one a target.
    Prediction,
}

impl Kind {
    /// Every kind with its name on the command line.
    pub const ALL: &'static [(Kind, &'static str)] = &[
        (Kind::Label, "label"),
        (Kind::Probability, "probability"),
        (Kind::Probabilities, "probabilities"),
        (Kind::Margin, "margin"),
        (Kind::Prediction, "prediction"),
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The kind of this name.
    pub fn find(name: &str) -> Option<Kind> {
        Self::ALL.iter().find(|(_, candidate)| *candidate == name).map(|(kind, _)| *kind)
    }
}

/// A wanted output, with a name of the user's for its column (or the beginning of the names of its columns).
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// What.
    pub kind: Kind,
    /// The stored name.
    pub name: Option<String>,
}

/// A selection resolved against the graph.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    kind: Kind,
    node: NodeId,
    /// A label's threshold compares this probability node instead.
    probabilities: Option<NodeId>,
    /// For `Kind::Probability` of more than two classes: what decides which class is predicted.
    decided_by: Option<NodeId>,
    /// One per column.
    names: Vec<String>,
}

impl Wanted {
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        [Some(self.node), self.probabilities, self.decided_by].into_iter().flatten()
    }
}

/// Resolves the selection, or the default of the kind of model: two classes `probability`, more `label,probability`, a
/// classifier without probabilities `label`, otherwise `prediction`, or `margin` if there is nothing else.
pub(super) fn select(graph: &Graph, options: &Options, report: &mut Report) -> Result<Vec<Wanted>, Failed> {
    let since = report.len();
    let mut wanted = Vec::new();
    let selections = if options.select.is_empty() { default_selection(graph) } else { options.select.clone() };
    if options.threshold.is_some() && !(graph.classes.len() == 2 && graph.output(Role::Probabilities).is_some()) {
        report.push(
            Diagnostic::new(
                &codes::compile::NEEDS_TWO_CLASSES,
                "a threshold needs a model with two classes and probabilities",
            )
            .note(format!("this model ({}) has {}", graph.title, available(graph)))
            .help("leave out `--threshold`"),
        );
    }
    for selection in &selections {
        let before = wanted.len();
        resolve(graph, options, selection, &mut wanted);
        if wanted.len() == before {
            report.push(
                Diagnostic::new(
                    &codes::compile::NO_SUCH_OUTPUT,
                    format!("the model has no `{}` to select", selection.kind.name()),
                )
                .note(format!("this model ({}) has {}", graph.title, available(graph)))
                .help(format!("select one of: {}", available(graph))),
            );
        }
    }
    report.check(since)?;
    Ok(wanted)
}

/// What is selected without a wish: what the kind of model is asked for most.
pub fn default_selection(graph: &Graph) -> Vec<Selection> {
    let has = |role| graph.output(role).is_some();
    let kinds: &[Kind] = if has(Role::Probabilities) {
        if graph.classes.len() == 2 { &[Kind::Probability] } else { &[Kind::Label, Kind::Probability] }
    } else if has(Role::Label) {
        &[Kind::Label]
    } else if has(Role::Prediction) || has(Role::Value) {
        &[Kind::Prediction]
    } else {
        &[Kind::Margin]
    };
    kinds.iter().map(|&kind| Selection { kind, name: None }).collect()
}

/// Every kind that the model has, `Probability` left out: it is one of the probabilities.
pub fn everything(graph: &Graph) -> Vec<Selection> {
    kinds(graph).filter(|kind| *kind != Kind::Probability).map(|kind| Selection { kind, name: None }).collect()
}

/// The kinds that can be selected of a model.
fn kinds(graph: &Graph) -> impl Iterator<Item = Kind> {
    let has = |role| graph.output(role).is_some();
    let kinds = [
        (Kind::Label, has(Role::Label)),
        (Kind::Probability, has(Role::Probabilities)),
        (Kind::Probabilities, has(Role::Probabilities)),
        (Kind::Margin, has(Role::Margin)),
        (Kind::Prediction, has(Role::Prediction) || has(Role::Value)),
    ];
    kinds.into_iter().filter(|(_, has)| *has).map(|(kind, _)| kind)
}

/// What can be selected of a model, as a list of names.
fn available(graph: &Graph) -> String {
    kinds(graph).map(|kind| format!("`{}`", kind.name())).collect::<Vec<_>>().join(", ")
}

fn resolve(graph: &Graph, options: &Options, selection: &Selection, wanted: &mut Vec<Wanted>) {
    let stem = |default: &str| selection.name.clone().unwrap_or_else(|| default.to_owned());
    let simple = |kind, node, names| Wanted { kind, node, probabilities: None, decided_by: None, names };
    let kind = selection.kind;
    match kind {
        Kind::Label => wanted.extend(graph.output(Role::Label).map(|output| Wanted {
            probabilities: label_threshold(graph, options),
            ..simple(kind, output.node, vec![stem("LABEL")])
        })),
        Kind::Probability => wanted.extend(graph.output(Role::Probabilities).map(|output| Wanted {
            decided_by: (graph.classes.len() > 2).then(|| decider(graph).unwrap_or(output.node)),
            ..simple(kind, output.node, vec![stem("PROBABILITY")])
        })),
        Kind::Probabilities => wanted.extend(graph.output(Role::Probabilities).map(|output| {
            let labels: Vec<String> = graph.classes.iter().map(class_text).collect();
            simple(kind, output.node, element_names(&stem("PROBABILITY"), &labels, graph.node(output.node).width))
        })),
        Kind::Margin => wanted.extend(graph.output(Role::Margin).map(|output| {
            let labels: Vec<String> = graph.classes.iter().map(class_text).collect();
            let width = graph.node(output.node).width;
            let names = if width == 1 { vec![stem("MARGIN")] } else { element_names(&stem("MARGIN"), &labels, width) };
            simple(kind, output.node, names)
        })),
        Kind::Prediction => {
            let outputs: Vec<_> =
                graph.outputs.iter().filter(|output| matches!(output.role, Role::Prediction | Role::Value)).collect();
            for output in &outputs {
                let default =
                    if output.role == Role::Prediction { "PREDICTION".to_owned() } else { column(&output.name) };
                let default = if outputs.len() == 1 { stem(&default) } else { default };
                let width = graph.node(output.node).width;
                let names = if width == 1 { vec![default] } else { element_names(&default, &output.elements, width) };
                wanted.push(simple(kind, output.node, names));
            }
        }
    }
}

/// A threshold of the user's moves the label to the probabilities.
fn label_threshold(graph: &Graph, options: &Options) -> Option<NodeId> {
    options.threshold?;
    graph.output(Role::Probabilities).map(|output| output.node)
}

/// The scores that decide the label, if the first of the largest does.
fn decider(graph: &Graph) -> Option<NodeId> {
    let label = graph.node(graph.output(Role::Label)?.node);
    match &label.op {
        Op::Decide { decision: Decision::FirstLargest, .. } => Some(label.args[0]),
        _ => None,
    }
}

/// The text of a class, as it stands in names.
pub fn class_text(class: &Value) -> String {
    match class {
        Value::Text(text) => text.clone(),
        Value::Integer(value) => value.to_string(),
        Value::Boolean(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Missing => "null".to_owned(),
    }
}

/// `STEM_ELEMENT` for each element, in upper case and with `_` for what cannot stand bare; numbered where names are missing
/// or fold together.
fn element_names(stem: &str, elements: &[String], width: usize) -> Vec<String> {
    let named: Vec<String> = elements.iter().map(|element| format!("{stem}_{}", column(element))).collect();
    let distinct: BTreeSet<&String> = named.iter().collect();
    if named.len() == width && distinct.len() == width {
        return named;
    }
    (0..width).map(|index| format!("{stem}_{index}")).collect()
}

fn column(text: &str) -> String {
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

/// Builds the scalar roots.
pub(super) fn build(lowering: &mut Lowering<'_>, wanted: &[Wanted]) {
    for wanted in wanted {
        let roots = roots(lowering, wanted);
        for (root, name) in roots.into_iter().zip(&wanted.names) {
            let about = match wanted.kind {
                Kind::Label => "label",
                Kind::Probability | Kind::Probabilities => "probability",
                Kind::Margin => "margin",
                Kind::Prediction => "prediction",
            };
            lowering.score.outputs.push(Output { name: name.clone(), root, about: about.to_owned() });
        }
    }
}

fn roots(lowering: &mut Lowering<'_>, wanted: &Wanted) -> Vec<Id> {
    let items = lowering.items(wanted.node).to_vec();
    match (wanted.kind, wanted.probabilities, wanted.decided_by) {
        (Kind::Label, Some(probabilities), _) => {
            let p = lowering.numbers(probabilities)[1];
            let threshold = lowering.score.double(lowering.options.threshold.unwrap_or(0.5));
            let flag = lowering.compare(Comparison::GreaterOrEqual, &Item::Value(p), &Item::Value(threshold));
            let classes = lowering.graph.classes.clone();
            let (first, second) = (lowering.constant(&classes[0]), lowering.constant(&classes[1]));
            let (a, b) = (lowering.value(&second), lowering.value(&first));
            vec![lowering.flagged(&flag, a, b)]
        }
        (Kind::Probability, _, Some(scores)) => {
            let scores = lowering.numbers(scores);
            let values: Vec<Id> = items.iter().map(|item| lowering.number(item)).collect();
            vec![lowering.extreme(&scores, &values, true, false)]
        }
        (Kind::Probability, _, None) => {
            let last = items.last().cloned();
            last.iter().map(|item| lowering.number(item)).collect()
        }
        _ => items.iter().map(|item| lowering.value(item)).collect(),
    }
}
