//! From vectors to scalars: a model graph over bound columns becomes a [`Score`].
//!
//! Lowering is literal: every operator becomes the arithmetic of its definition, in the order of its definition, so that
//! what `--strict` asks for is what stands here. Folding a scaler into weights and the like is the optimizer's business.
//! Where a definition says "without overflow", the formula is the usual one: by way of the largest element.
//! What is decided here: how missing values travel (`nulls.rs`), which outputs are wanted (`results.rs`), and how a
//! comparison that the source's runtime makes in binary32 is made in binary64 (`single.rs`).
//!
//! | file | operators |
//! |---|---|
//! | `linear.rs` | Linear, Scale, Polynomial |
//! | `encode.rs` | Impute, OneHot, Encode, Bins |
//! | `elementwise.rs` | Unary, Binary, Choose, MissingIf |
//! | `integer.rs` | Unary, Binary, Reduce of integers |
//! | `jumps.rs` | what steps: Sign, casts to boolean, of rounded numbers |
//! | `vector.rs` | Normalize, Softmax, LogSoftmax, Reduce, ArgMax, ArgMin, Decide |

mod elementwise;
mod encode;
mod integer;
mod jumps;
mod linear;
mod nulls;
mod results;
mod single;
mod vector;

pub use nulls::Nulls;
pub use results::{Column, Kind, Results, Selection, Vectors, everything, results};

use crate::bind::{Bindings, Importer, natural_type};
use crate::diag::{Failed, Report};
use crate::model::{self, Elem, Graph, NodeId, Op, Support, Value};
use crate::schema::Type;
use crate::score::{Arm, Comparison, Id, Score};
use std::rc::Rc;

/// What the user asks of the outputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Which outputs; empty for the default of the kind of model.
    pub select: Vec<Selection>,
    /// For two classes: the label is the second class where `probability >= threshold`.
    pub threshold: Option<f64>,
    /// What a missing feature does.
    pub nulls: Nulls,
    /// How `probabilities` are given; columns if not said.
    pub probabilities: Option<Vectors>,
    /// How `contributions` are given; a map if not said.
    pub contributions: Option<Vectors>,
    /// How many `reasons` there are; three if not said.
    pub reasons: Option<usize>,
}

/// The most `reasons` that there can be.
pub const MOST_REASONS: usize = 100;

/// One element of a lowered vector.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    /// A value that is no boolean.
    Value(Id),
    /// A boolean: true where the condition is, missing where one of the sources is NULL. The condition is meant to be
    /// evaluated only where none is.
    Flag { condition: Id, missing: Vec<Id> },
}

struct Lowering<'a> {
    graph: &'a Graph,
    options: &'a Options,
    score: Score,
    /// Per node; empty for nodes that no wanted output needs, and for those that are part of a longer sum.
    values: Vec<Vec<Item>>,
    inputs: Vec<Item>,
    /// Per node, on which features its elements depend.
    support: Vec<Rc<[Support]>>,
    /// Per feature, between which integers its column's values are integers, if they are.
    whole: Vec<Option<(f64, f64)>>,
}

/// Lowers the wanted results of a model.
///
/// Errors: an operator that has no scalar form.
pub fn lower(
    results: &Results<'_>,
    bindings: &Bindings,
    options: &Options,
    report: &mut Report,
) -> Result<Score, Failed> {
    let mut nullable: Vec<bool> = bindings.inputs.iter().map(|binding| binding.nullable).collect();
    let mut score = lower_results(results, bindings, options, &nullable, report)?;
    if options.nulls == Nulls::Skip {
        let required = nulls::void_everything(&score);
        for &input in &required {
            nullable[input as usize] = false;
        }
        score = lower_results(results, bindings, options, &nullable, report)?;
        score.required = required;
    } else if options.nulls == Nulls::Guard {
        nulls::guard(&mut score);
    }
    Ok(score)
}

fn lower_results(
    results: &Results<'_>,
    bindings: &Bindings,
    options: &Options,
    nullable: &[bool],
    report: &mut Report,
) -> Result<Score, Failed> {
    let (graph, columns) = (results.graph.as_ref(), &results.columns);
    let mut lowering = Lowering {
        graph,
        options,
        score: Score::new(bindings.score_inputs(graph, nullable)),
        values: vec![Vec::new(); graph.nodes.len()],
        inputs: Vec::new(),
        support: model::support(graph),
        whole: bindings.inputs.iter().map(|input| single::whole(input.ty.as_ref(), &options.nulls)).collect(),
    };
    let needed = lowering.needed(columns);
    // an element takes about two expressions where something is computed
    let computed = graph
        .nodes
        .iter()
        .zip(&needed)
        .filter(|(node, needed)| **needed && !matches!(node.op, Op::Input(_) | Op::Concat | Op::Pick(_)));
    let elements = graph.features.len() + 2 * computed.map(|(node, _)| node.width).sum::<usize>();
    lowering.score.reserve(elements.min(1 << 20));
    lowering.inputs.reserve(graph.features.len());
    let mut leaves = if bindings.imported.iter().any(Option::is_some) { bindings.inputs.clone() } else { Vec::new() };
    for number in 0..graph.features.len() {
        let item = match &bindings.imported[number] {
            Some(expr) => {
                let (relation, complete) = (bindings.relation.as_ref(), bindings.complete);
                let mut importer = Importer { relation, complete, score: &mut lowering.score, bindings: &mut leaves };
                importer.double(expr).map(Item::Value)
            }
            None => None,
        };
        let item = match item {
            Some(item) => nulls::fill_input(&mut lowering, item),
            None => lowering.input(number),
        };
        lowering.inputs.push(item);
    }
    // `bind` has found all leaves
    debug_assert!(leaves.is_empty() || leaves.len() == bindings.inputs.len());
    let chained = elementwise::chained(graph, &needed, columns);
    for (index, node) in graph.nodes.iter().enumerate() {
        if needed[index] && !chained[index] {
            let mut items = lowering.node(node, report)?;
            if node.elem == Elem::Boolean {
                items.iter_mut().for_each(|item| *item = lowering.as_flag(item));
            }
            debug_assert_eq!(items.len(), node.width, "{:?}", node.op);
            lowering.values[index] = items;
        }
    }
    results::build(&mut lowering, columns);
    Ok(lowering.score)
}

impl Lowering<'_> {
    fn input(&mut self, number: usize) -> Item {
        let id = self.score.input(number as u32);
        let elem = self.graph.features[number].elem;
        let item = if self.score.ty(id) == &Type::Boolean {
            let flag = self.as_flag(&Item::Value(id));
            match elem {
                Elem::Number => Item::Value(self.number(&flag)),
                Elem::Integer => Item::Value(self.integer(&flag)),
                _ => flag,
            }
        } else {
            Item::Value(id)
        };
        nulls::fill_input(self, item)
    }

    /// A boolean that may be NULL as a condition and what makes it missing.
    fn as_flag(&mut self, item: &Item) -> Item {
        match item {
            Item::Value(id) if self.score.ty(*id) == &Type::Boolean => {
                let yes = self.score.boolean(true);
                let condition = self.score.compare(Comparison::Equal, *id, yes);
                Item::Flag { condition, missing: self.score.null_sources(*id) }
            }
            other => other.clone(),
        }
    }

    fn needed(&self, columns: &[Column]) -> Vec<bool> {
        let mut needed = vec![false; self.graph.nodes.len()];
        columns.iter().for_each(|column| needed[column.node.index()] = true);
        for (index, node) in self.graph.nodes.iter().enumerate().rev() {
            if needed[index] {
                node.args.iter().for_each(|arg| needed[arg.index()] = true);
            }
        }
        needed
    }

    fn node(&mut self, node: &crate::model::Node, report: &mut Report) -> Result<Vec<Item>, Failed> {
        let args = node.args.as_slice();
        Ok(match &node.op {
            Op::Input(number) => vec![self.inputs[*number].clone()],
            Op::Constant(values) => values.iter().map(|value| self.constant(value, node.elem)).collect(),
            Op::Concat => {
                let mut items = Vec::with_capacity(node.width);
                args.iter().for_each(|&arg| items.extend_from_slice(self.items(arg)));
                items
            }
            Op::Pick(positions) => positions.iter().map(|&position| self.items(args[0])[position].clone()).collect(),
            Op::Linear(linear) => self.linear(linear, args[0]),
            Op::Scale(scaling) => self.scaling(scaling, args[0]),
            Op::Polynomial(terms) => self.polynomial(terms, args[0]),
            Op::Impute { missing, fill } => self.impute(missing, fill, args[0]),
            Op::OneHot { encoders, widths } => self.one_hot(encoders, widths, args[0]),
            Op::Encode(encoders) => self.encode(encoders, args[0]),
            Op::Bins { edges, otherwise } => self.bins(edges, *otherwise, args[0]),
            Op::Unary(function) => self.unary(function, args[0], node, report)?,
            Op::Binary(function) => self.binary(*function, args[0], args[1], node, report)?,
            Op::Choose => self.choose(args[0], args[1], args[2]),
            Op::MissingIf => self.missing_if(args[0], args[1]),
            Op::Normalize(norm) => self.normalize(*norm, args[0]),
            Op::Softmax => self.softmax(args[0]),
            Op::LogSoftmax => self.log_softmax(args[0]),
            Op::Reduce(reduction) => vec![self.reduce(*reduction, args[0], node.elem)],
            Op::ArgMax { last } => vec![self.arg_extreme(args[0], true, *last)],
            Op::ArgMin { last } => vec![self.arg_extreme(args[0], false, *last)],
            Op::OfLargest => vec![self.of_largest(args[0], args[1])],
            Op::Decide { classes, decision } => vec![self.decide(classes, decision, args[0])],
        })
    }

    fn items(&self, node: NodeId) -> &[Item] {
        &self.values[node.index()]
    }

    /// The input of the one feature that an element depends on.
    fn feature(&self, node: NodeId, position: usize) -> Option<u32> {
        self.support[node.index()].get(position)?.feature().map(|feature| feature as u32)
    }

    /// The numbers of a node; booleans become 0 and 1, integers are converted.
    fn numbers(&mut self, node: NodeId) -> Vec<Id> {
        let mut numbers = Vec::with_capacity(self.items(node).len());
        for position in 0..self.items(node).len() {
            let item = self.items(node)[position].clone();
            numbers.push(self.number(&item));
        }
        numbers
    }

    /// A number: booleans become 0 and 1, integers are converted; texts stay.
    fn number(&mut self, item: &Item) -> Id {
        match item {
            Item::Value(id) if self.score.ty(*id) == &Type::Bigint => {
                let function = crate::score::Function::ToDouble;
                match self.of_each_constant(*id, function) {
                    Some(number) => number,
                    None => self.score.call(function, vec![*id]),
                }
            }
            Item::Value(id) => *id,
            Item::Flag { .. } => {
                let (one, zero) = (self.score.double(1.0), self.score.double(0.0));
                self.flagged(item, one, zero)
            }
        }
    }

    /// An integer: booleans become 0 and 1.
    fn integer(&mut self, item: &Item) -> Id {
        match item {
            Item::Value(id) => *id,
            Item::Flag { .. } => {
                let (one, zero) = (self.score.bigint(1), self.score.bigint(0));
                self.flagged(item, one, zero)
            }
        }
    }

    /// The value of an element: a flag as a BOOLEAN value that may be NULL.
    fn value(&mut self, item: &Item) -> Id {
        match item {
            Item::Value(id) => *id,
            Item::Flag { .. } => {
                let (yes, no) = (self.score.boolean(true), self.score.boolean(false));
                self.flagged(item, yes, no)
            }
        }
    }

    /// `a` where the flag is true, `b` where it is false, NULL where it is missing.
    fn flagged(&mut self, item: &Item, a: Id, b: Id) -> Id {
        match item {
            Item::Value(id) => *id,
            Item::Flag { condition, missing } => {
                let absent = self.score.any_null(missing.iter().copied());
                let null = self.score.null(self.score.ty(a).clone());
                self.score.case([Arm { condition: absent, value: null }, Arm { condition: *condition, value: a }], b)
            }
        }
    }

    fn constant(&mut self, value: &Value, elem: Elem) -> Item {
        match value {
            Value::Boolean(truth) => Item::Flag { condition: self.score.boolean(*truth), missing: Vec::new() },
            Value::Number(value) => Item::Value(self.score.double(*value)),
            Value::Integer(value) => Item::Value(self.score.bigint(*value)),
            Value::Text(value) => Item::Value(self.score.text(value)),
            Value::Missing => Item::Value(self.score.null(natural_type(elem))),
        }
    }
}
