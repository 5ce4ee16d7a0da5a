//! Which results are wanted, under which names, and which elements of which nodes they are.
//!
//! What a model does not compute by itself (a label by another threshold, the probability of the predicted class, what each
//! feature adds) is added to its graph as nodes. So there is one definition of every result: the compiler lowers it, and
//! `model::eval` computes it for `verify`.

use super::{Lowering, Options};
use crate::diag::{Diagnostic, Failed, Report, codes};
use crate::model::{Contributions, Decision, Graph, Node, NodeId, Obstacle, Op, Role, Value, contributions, decider};
use crate::score::{Form, Id, Output};
use std::borrow::Cow;
use std::collections::HashSet;

/// Results that can be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The class.
    Label,
    /// Two classes: of the second one; more: of the predicted one.
    Probability,
    /// One a class.
    Probabilities,
    /// The score before the link: one column, or one a class.
    Margin,
    /// The value of a regression or of a transformer: one column, or one a target.
    Prediction,
    /// What each feature adds to the margin.
    Contributions,
    /// The features that add most.
    Reasons,
}

impl Kind {
    /// Every kind with its name on the command line.
    pub const ALL: &'static [(Kind, &'static str)] = &[
        (Kind::Label, "label"),
        (Kind::Probability, "probability"),
        (Kind::Probabilities, "probabilities"),
        (Kind::Margin, "margin"),
        (Kind::Prediction, "prediction"),
        (Kind::Contributions, "contributions"),
        (Kind::Reasons, "reasons"),
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The kind of this name.
    pub fn find(name: &str) -> Option<Kind> {
        Self::ALL.iter().find(|(_, candidate)| *candidate == name).map(|(kind, _)| *kind)
    }

    /// In a comment.
    fn about(self) -> &'static str {
        match self {
            Kind::Probabilities => "probability",
            other => other.name(),
        }
    }
}

/// A wanted result, with a name of the user's for its column (or the beginning of the names of its columns).
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// What.
    pub kind: Kind,
    /// The stored name.
    pub name: Option<String>,
}

/// How several numbers of one kind are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// One column each.
    Columns,
    /// One column, an array in the order of the model.
    Array,
    /// One column, a map by the name of the class or feature.
    Map,
}

/// A column of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its stored name.
    pub name: String,
    /// Its name in the model's library; `None` where the user gave one or there is none.
    pub source: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// The node that computes it.
    pub node: NodeId,
    /// The elements of the node that it is made of.
    pub elements: Vec<usize>,
    /// What it makes of them.
    pub form: Form,
}

/// The wanted results of a model.
pub struct Results<'g> {
    /// The model, with what results need added to it: the nodes of the model come first.
    pub graph: Cow<'g, Graph>,
    /// In order.
    pub columns: Vec<Column>,
}

/// Resolves the selection, or the default of the kind of model: two classes `probability`, more `label,probability`, a
/// classifier without probabilities `label`, otherwise `prediction`, or `margin` if there is nothing else.
///
/// Errors: a result that the model does not have, an option about results that are not wanted.
pub fn results<'g>(graph: &'g Graph, options: &Options, report: &mut Report) -> Result<Results<'g>, Failed> {
    let since = report.len();
    let selections = if options.select.is_empty() { default_selection(graph, options) } else { options.select.clone() };
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
    let wanted = |kind| selections.iter().any(|selection| selection.kind == kind);
    let about = [
        (options.probabilities.is_some(), Kind::Probabilities, "--probabilities"),
        (options.contributions.is_some(), Kind::Contributions, "--contributions"),
        (options.reasons.is_some(), Kind::Reasons, "--reasons"),
    ];
    for (_, kind, option) in about.into_iter().filter(|(given, kind, _)| *given && !wanted(*kind)) {
        report.push(
            Diagnostic::new(
                &codes::compile::BAD_OPTIONS,
                format!("`{option}` is about `{}`, which is not selected", kind.name()),
            )
            .help(format!("add `--select {}`", kind.name())),
        );
    }
    let mut resolver = Resolver { graph: Cow::Borrowed(graph), options, contributions: None, columns: Vec::new() };
    for selection in &selections {
        let before = resolver.columns.len();
        if let Err(obstacle) = resolver.resolve(selection) {
            report.push(no_contributions(graph, selection.kind, &obstacle));
        } else if resolver.columns.len() == before {
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
    Ok(Results { graph: resolver.graph, columns: resolver.columns })
}

/// What is selected without a wish: what the kind of model is asked for most, and what options are about.
fn default_selection(graph: &Graph, options: &Options) -> Vec<Selection> {
    let has = |role| graph.output(role).is_some();
    let probabilities = options.probabilities.is_some();
    let mut kinds = if has(Role::Probabilities) && probabilities {
        vec![Kind::Label, Kind::Probabilities]
    } else if has(Role::Probabilities) && graph.classes.len() == 2 {
        vec![Kind::Probability]
    } else if has(Role::Probabilities) {
        vec![Kind::Label, Kind::Probability]
    } else if has(Role::Label) {
        vec![Kind::Label]
    } else if has(Role::Prediction) || has(Role::Value) {
        vec![Kind::Prediction]
    } else {
        vec![Kind::Margin]
    };
    kinds.extend(options.contributions.map(|_| Kind::Contributions));
    kinds.extend(options.reasons.map(|_| Kind::Reasons));
    kinds.into_iter().map(|kind| Selection { kind, name: None }).collect()
}

/// Every kind that the model's library gives, `Probability` left out: it is one of the probabilities.
pub fn everything(graph: &Graph) -> Vec<Selection> {
    kinds(graph).filter(|kind| *kind != Kind::Probability).map(|kind| Selection { kind, name: None }).collect()
}

/// The kinds that can be selected of a model, contributions and reasons left out.
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

fn no_contributions(graph: &Graph, kind: Kind, obstacle: &Obstacle) -> Diagnostic {
    let message = format!("the model has no `{}`", kind.name());
    let (note, help) = match obstacle {
        Obstacle::NotLinear => (
            format!("its result ({}) does not come from one linear step over its features", graph.title),
            "select something else".to_owned(),
        ),
        Obstacle::Targets => (
            "it has several targets, each with contributions of its own".to_owned(),
            "use a model with one target".to_owned(),
        ),
        Obstacle::Transformed(step) => (
            format!("`{step}` stands between the linear step and the result, which is then no sum of contributions"),
            "select something else, or use the model without that transformation of its result".to_owned(),
        ),
        Obstacle::Mixed(step) => (
            format!("`{step}` mixes features, so that a column of the linear step belongs to none of them"),
            "use a model without that step, or do it before, in a stream of its own".to_owned(),
        ),
    };
    Diagnostic::new(&codes::compile::NO_SUCH_OUTPUT, message).note(note).help(help)
}

struct Resolver<'a, 'g> {
    graph: Cow<'g, Graph>,
    options: &'a Options,
    contributions: Option<Contributions>,
    columns: Vec<Column>,
}

impl Resolver<'_, '_> {
    /// Adds the columns of a selection; none if the model does not have it.
    fn resolve(&mut self, selection: &Selection) -> Result<(), Obstacle> {
        let before = self.columns.len();
        let stem = |default: &str| selection.name.clone().unwrap_or_else(|| default.to_owned());
        let output = |role| self.graph.output(role).cloned();
        let kind = selection.kind;
        match kind {
            Kind::Label => {
                if let Some(label) = output(Role::Label) {
                    let node = self.label().unwrap_or(label.node);
                    self.scalar(kind, stem("LABEL"), node, 0, Some(label.name));
                }
            }
            Kind::Probability => {
                if let Some(probabilities) = output(Role::Probabilities) {
                    let (name, width) = (stem("PROBABILITY"), self.graph.node(probabilities.node).width);
                    if self.graph.classes.len() > 2 {
                        let node = self.best(probabilities.node);
                        self.scalar(kind, name, node, 0, None);
                    } else {
                        let source = source_names(&probabilities, width, true).pop();
                        self.scalar(kind, name, probabilities.node, width - 1, source);
                    }
                }
            }
            Kind::Probabilities => {
                if let Some(probabilities) = output(Role::Probabilities) {
                    let labels: Vec<String> = self.graph.classes.iter().map(class_text).collect();
                    let vectors = self.options.probabilities.unwrap_or(Vectors::Columns);
                    let stem = stem(if vectors == Vectors::Columns { "PROBABILITY" } else { "PROBABILITIES" });
                    self.vector(kind, &stem, &labels, vectors, &probabilities);
                }
            }
            Kind::Margin => {
                if let Some(margin) = output(Role::Margin) {
                    let labels: Vec<String> = self.graph.classes.iter().map(class_text).collect();
                    self.vector(kind, &stem("MARGIN"), &labels, Vectors::Columns, &margin);
                }
            }
            Kind::Prediction => {
                let is_value = |role| matches!(role, Role::Prediction | Role::Value);
                let outputs: Vec<_> = self.graph.outputs.iter().filter(|it| is_value(it.role)).cloned().collect();
                for output in &outputs {
                    let default = match output.role {
                        Role::Prediction => "PREDICTION".to_owned(),
                        _ => column(&output.name),
                    };
                    let name = if outputs.len() == 1 { stem(&default) } else { default };
                    self.vector(kind, &name, &output.elements.clone(), Vectors::Columns, output);
                }
            }
            Kind::Contributions => {
                let Contributions { node, names } = self.contributions()?;
                let vectors = self.options.contributions.unwrap_or(Vectors::Map);
                let stem = stem(if vectors == Vectors::Columns { "CONTRIBUTION" } else { "CONTRIBUTIONS" });
                let output = crate::model::Output { role: Role::Value, name: stem.clone(), node, elements: Vec::new() };
                self.vector(kind, &stem, &names, vectors, &output);
                self.columns[before..].iter_mut().for_each(|column| column.source = None);
            }
            Kind::Reasons => {
                let Contributions { node, names } = self.contributions()?;
                let count = self.options.reasons.unwrap_or(REASONS).min(names.len());
                self.columns.push(Column {
                    name: stem("REASONS"),
                    source: None,
                    kind,
                    node,
                    elements: (0..names.len()).collect(),
                    form: Form::Top { names, count },
                });
            }
        }
        if selection.name.is_some() {
            self.columns[before..].iter_mut().for_each(|column| column.source = None);
        }
        Ok(())
    }

    fn scalar(&mut self, kind: Kind, name: String, node: NodeId, element: usize, source: Option<String>) {
        self.columns.push(Column { name, source, kind, node, elements: vec![element], form: Form::Scalar });
    }

    /// A column for each element of a node, or one for all of them.
    fn vector(&mut self, kind: Kind, stem: &str, labels: &[String], vectors: Vectors, output: &crate::model::Output) {
        let (node, width) = (output.node, self.graph.node(output.node).width);
        let by_class = kind != Kind::Prediction;
        let form = match vectors {
            Vectors::Columns => {
                let names = if width == 1 { vec![stem.to_owned()] } else { element_names(stem, labels, width) };
                let sources = source_names(output, width, by_class);
                for (element, (name, source)) in names.into_iter().zip(sources).enumerate() {
                    self.scalar(kind, name, node, element, Some(source));
                }
                return;
            }
            Vectors::Array => Form::Array,
            Vectors::Map => Form::Map(keys(labels, width)),
        };
        let (name, source) = (stem.to_owned(), Some(output.name.clone()));
        self.columns.push(Column { name, source, kind, node, elements: (0..width).collect(), form });
    }

    /// A threshold of the user's moves the label to the probabilities: the second class where its probability is at least
    /// that.
    fn label(&mut self) -> Option<NodeId> {
        let threshold = self.options.threshold?;
        let probabilities = self.graph.output(Role::Probabilities)?.node;
        let graph = self.graph.to_mut();
        let second = like(graph, probabilities, Op::Pick(vec![1]), vec![probabilities]);
        let classes = graph.classes.clone();
        let elem = classes.first()?.elem()?;
        let decide = Op::Decide { classes, decision: Decision::Threshold { threshold, inclusive: true } };
        let label = like(graph, probabilities, decide, vec![second]);
        graph.nodes[label.index()].elem = elem;
        Some(label)
    }

    /// The probability of the class that is predicted.
    fn best(&mut self, probabilities: NodeId) -> NodeId {
        let scores = decider(&self.graph).unwrap_or(probabilities);
        like(self.graph.to_mut(), probabilities, Op::OfLargest, vec![scores, probabilities])
    }

    fn contributions(&mut self) -> Result<Contributions, Obstacle> {
        if let Some(found) = &self.contributions {
            return Ok(found.clone());
        }
        let found = contributions(self.graph.to_mut())?;
        self.contributions = Some(found.clone());
        Ok(found)
    }
}

/// How many reasons are given.
const REASONS: usize = 3;

/// A node of width 1, otherwise like another.
fn like(graph: &mut Graph, other: NodeId, op: Op, args: Vec<NodeId>) -> NodeId {
    let other = graph.node(other);
    let node = Node { op, args, width: 1, elem: other.elem, precision: other.precision, name: String::new() };
    graph.push(node)
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
    if named.len() == width && named.iter().collect::<HashSet<_>>().len() == width {
        return named;
    }
    (0..width).map(|index| format!("{stem}_{index}")).collect()
}

/// The names of elements as they are; numbered where they are missing or occur twice.
fn keys(elements: &[String], width: usize) -> Vec<String> {
    if elements.len() == width && elements.iter().collect::<HashSet<_>>().len() == width {
        return elements.to_vec();
    }
    (0..width).map(|index| index.to_string()).collect()
}

/// `predict_proba_<class>` where the library knows columns by class, else numbered; the name itself for one column.
fn source_names(output: &crate::model::Output, width: usize, by_class: bool) -> Vec<String> {
    if width == 1 {
        return vec![output.name.clone()];
    }
    let distinct = output.elements.iter().collect::<HashSet<_>>().len() == width;
    if by_class && distinct && output.elements.len() == width {
        return output.elements.iter().map(|element| format!("{}_{element}", output.name)).collect();
    }
    (0..width).map(|index| format!("{}_{index}", output.name)).collect()
}

fn column(text: &str) -> String {
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

/// Builds the roots of the columns.
pub(super) fn build(lowering: &mut Lowering<'_>, columns: &[Column]) {
    for column in columns {
        let items = lowering.items(column.node).to_vec();
        let roots: Vec<Id> = column.elements.iter().map(|&element| lowering.value(&items[element])).collect();
        let missing = match column.form {
            Form::Scalar => None,
            _ => Some(lowering.score.null_arm(&roots, roots[0]).condition),
        };
        lowering.score.outputs.push(Output {
            name: column.name.clone(),
            form: column.form.clone(),
            roots,
            missing,
            about: column.kind.about().to_owned(),
        });
    }
}
