//! Builds a graph column by column, as tables of columns go through the steps of a pipeline.
//!
//! A column is a feature that no step has touched yet, or one element of a node. A feature gets its type from the first
//! operator that reads it; features that no operator reads do not become part of the graph.

use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Place, Report};
use crate::model::{Binary, Elem, Feature, Graph, Node, NodeId, Op, Output, Precision, Unary, Value};
use std::collections::BTreeSet;

/// The most features, columns or terms that are read.
pub const MAX_COLUMNS: usize = 1_000_000;

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// A feature of the model, by its position.
    Feature(usize),
    /// An element of a node.
    Element(NodeId, usize),
}

/// The columns of a table, in order.
pub type Columns = Vec<Column>;

#[derive(Debug)]
struct Input {
    name: String,
    place: Option<Place>,
    expression: Option<(String, Place)>,
    precision: Precision,
    elem: Option<Elem>,
    node: Option<NodeId>,
}

/// A graph under construction.
#[derive(Debug, Default)]
pub struct Builder {
    graph: Graph,
    inputs: Vec<Input>,
    /// The source's name of the step whose nodes are made.
    pub step: String,
}

impl Builder {
    /// Declares a feature, of a known type or of the type of its first use.
    pub fn feature(&mut self, name: impl Into<String>, elem: Option<Elem>, place: Option<Place>) -> Column {
        let precision = Precision::Double;
        self.inputs.push(Input { name: name.into(), place, expression: None, precision, elem, node: None });
        Column::Feature(self.inputs.len() - 1)
    }

    /// Says by which SQL expression a feature is computed.
    pub fn define(&mut self, column: Column, expression: String, place: Place) {
        if let Column::Feature(index) = column {
            self.inputs[index].expression = Some((expression, place));
        }
    }

    /// Appends an operator on numbers and gives its node.
    pub fn push(&mut self, op: Op, args: Vec<NodeId>, width: usize) -> NodeId {
        self.push_as(op, args, width, Elem::Number)
    }

    /// Appends an operator and gives its node.
    pub fn push_as(&mut self, op: Op, args: Vec<NodeId>, width: usize, elem: Elem) -> NodeId {
        let name = self.step.clone();
        self.graph.push(Node { op, args, width, elem, precision: Precision::Double, name })
    }

    /// A constant number for every row.
    pub fn constant(&mut self, number: f64) -> NodeId {
        self.push(Op::Constant(vec![Value::Number(number)]), Vec::new(), 1)
    }

    /// An elementwise function of numbers.
    pub fn unary(&mut self, function: Unary, x: NodeId) -> NodeId {
        let width = self.width(x);
        self.push(Op::Unary(function), vec![x], width)
    }

    /// An elementwise function of two operands with numbers as its result.
    pub fn binary(&mut self, function: Binary, a: NodeId, b: NodeId) -> NodeId {
        let width = self.width(a).max(self.width(b));
        self.push(Op::Binary(function), vec![a, b], width)
    }

    /// An elementwise test of two operands.
    pub fn test(&mut self, function: Binary, a: NodeId, b: NodeId) -> NodeId {
        let width = self.width(a).max(self.width(b));
        self.push_as(Op::Binary(function), vec![a, b], width, Elem::Boolean)
    }

    /// Vectors of one type one after the other.
    pub fn concat(&mut self, parts: Vec<NodeId>) -> NodeId {
        if let [one] = parts[..] {
            return one;
        }
        let width = parts.iter().map(|&part| self.width(part)).sum();
        let elem = parts.first().map_or(Elem::Number, |&part| self.elem(part));
        self.push_as(Op::Concat, parts, width, elem)
    }

    /// The width of a node.
    pub fn width(&self, node: NodeId) -> usize {
        self.graph.node(node).width
    }

    /// The type of a node's elements.
    pub fn elem(&self, node: NodeId) -> Elem {
        self.graph.node(node).elem
    }

    /// The columns of a node.
    pub fn columns(&self, node: NodeId) -> Columns {
        (0..self.width(node)).map(|index| Column::Element(node, index)).collect()
    }

    /// The type of a column; a feature without a type yet gets `otherwise`.
    pub fn elem_of(&mut self, column: Column, otherwise: Elem) -> Elem {
        match column {
            Column::Feature(index) => *self.inputs[index].elem.get_or_insert(otherwise),
            Column::Element(node, _) => self.elem(node),
        }
    }

    /// The name of a feature that no step has touched.
    pub fn feature_name(&self, column: Column) -> Option<&str> {
        match column {
            Column::Feature(index) => Some(&self.inputs[index].name),
            Column::Element(..) => None,
        }
    }

    /// What a column is called in messages.
    pub fn column_name(&self, column: Column) -> String {
        match column {
            Column::Feature(index) => format!("the feature `{}`", self.inputs[index].name),
            Column::Element(node, index) => {
                let step = &self.graph.node(node).name;
                if step.is_empty() { format!("column {index}") } else { format!("column {index} of step `{step}`") }
            }
        }
    }

    /// The columns as one vector of numbers. Integers and booleans are converted; text is refused.
    pub fn numbers(&mut self, columns: &[Column], place: &Place, report: &mut Report) -> Result<NodeId, Failed> {
        let since = report.len();
        let mut parts = Vec::new();
        let mut at = 0;
        while at < columns.len() {
            let elem = self.elem_of(columns[at], Elem::Number);
            let same = |builder: &mut Self, column: &Column| builder.elem_of(*column, Elem::Number) == elem;
            let length = columns[at..].iter().take_while(|column| same(self, column)).count();
            let run = &columns[at..at + length];
            at += length;
            if elem == Elem::Text {
                let message = format!("{} is text, a number is needed", self.column_name(run[0]));
                report.push(
                    Diagnostic::new(&codes::WRONG_USE, message).at(place.clone()).help("encode it before this step"),
                );
                continue;
            }
            let vector = self.gather(run, elem);
            parts.push(match elem {
                Elem::Number => vector,
                _ => self.push(Op::Unary(Unary::ToNumber), vec![vector], length),
            });
        }
        report.check(since)?;
        Ok(self.concat(parts))
    }

    /// The columns, which are all of this type, as one vector.
    pub fn gather(&mut self, columns: &[Column], elem: Elem) -> NodeId {
        let mut parts = Vec::new();
        let mut at = 0;
        while at < columns.len() {
            match columns[at] {
                Column::Feature(index) => {
                    parts.push(self.input(index, elem));
                    at += 1;
                }
                Column::Element(node, _) => {
                    let mut picked = Vec::new();
                    while let Some(Column::Element(next, index)) = columns.get(at)
                        && *next == node
                    {
                        picked.push(*index);
                        at += 1;
                    }
                    let whole =
                        picked.len() == self.width(node) && picked.iter().enumerate().all(|(at, &index)| at == index);
                    let width = picked.len();
                    parts.push(if whole { node } else { self.push_as(Op::Pick(picked), vec![node], width, elem) });
                }
            }
        }
        self.concat(parts)
    }

    fn input(&mut self, index: usize, elem: Elem) -> NodeId {
        if let Some(node) = self.inputs[index].node {
            return node;
        }
        let step = std::mem::take(&mut self.step);
        let elem = *self.inputs[index].elem.get_or_insert(elem);
        let node = self.push_as(Op::Input(index), Vec::new(), 1, elem);
        self.step = step;
        self.inputs[index].node = Some(node);
        node
    }

    /// The finished graph: the nodes that the outputs need, and the features that these read.
    pub fn finish(mut self, mut outputs: Vec<Output>, classes: Vec<Value>) -> Graph {
        self.prune(&mut outputs);
        let input = |node: &Node| if let Op::Input(index) = node.op { Some(index) } else { None };
        let read: BTreeSet<usize> = self.graph.nodes.iter().filter_map(input).collect();
        let mut positions = vec![0; self.inputs.len()];
        for (index, input) in self.inputs.into_iter().enumerate() {
            if !read.contains(&index) {
                continue;
            }
            positions[index] = self.graph.features.len();
            self.graph.features.push(Feature {
                name: input.name,
                elem: input.elem.unwrap_or(Elem::Number),
                precision: input.precision,
                alias: String::new(),
                expression: input.expression,
                place: input.place,
            });
        }
        for node in &mut self.graph.nodes {
            if let Op::Input(index) = &mut node.op {
                *index = positions[*index];
            }
        }
        self.graph.outputs = outputs;
        self.graph.classes = classes;
        self.graph
    }

    /// Leaves out nodes that no output needs.
    fn prune(&mut self, outputs: &mut [Output]) {
        let mut needed = vec![false; self.graph.nodes.len()];
        for output in outputs.iter() {
            needed[output.node.index()] = true;
        }
        for at in (0..needed.len()).rev() {
            if needed[at] {
                for arg in &self.graph.nodes[at].args {
                    needed[arg.index()] = true;
                }
            }
        }
        let mut names = Vec::with_capacity(needed.len());
        let mut kept = Vec::new();
        for (mut node, needed) in std::mem::take(&mut self.graph.nodes).into_iter().zip(needed) {
            names.push(NodeId(kept.len() as u32));
            if needed {
                for arg in &mut node.args {
                    *arg = names[arg.index()];
                }
                kept.push(node);
            }
        }
        self.graph.nodes = kept;
        for output in outputs {
            output.node = names[output.node.index()];
        }
    }
}
