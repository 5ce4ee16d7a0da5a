//! Which features each element of a graph depends on: what explanations and comments name.

use super::graph::{Graph, Node};
use super::op::Op;
use std::rc::Rc;

/// The features that an element depends on, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    /// None: it is the same for every row.
    Nothing,
    /// One.
    Feature(usize),
    /// Two to [`FEW`], ascending.
    Features(Rc<[usize]>),
    /// More.
    Many,
}

/// More features than this are not told apart.
pub const FEW: usize = 8;

impl Support {
    /// The feature, if it is one.
    pub fn feature(&self) -> Option<usize> {
        match self {
            Support::Feature(number) => Some(*number),
            _ => None,
        }
    }

    /// The features, ascending; `None` if they are many.
    pub fn features(&self) -> Option<&[usize]> {
        match self {
            Support::Nothing => Some(&[]),
            Support::Feature(number) => Some(std::slice::from_ref(number)),
            Support::Features(list) => Some(list),
            Support::Many => None,
        }
    }

    fn union(&self, other: &Support) -> Support {
        match (self, other) {
            (Support::Nothing, it) | (it, Support::Nothing) => it.clone(),
            (a, b) if a == b => a.clone(),
            (a, b) => match (a.features(), b.features()) {
                (Some(a), Some(b)) => {
                    let mut all = [a, b].concat();
                    all.sort_unstable();
                    all.dedup();
                    if all.len() > FEW { Support::Many } else { Support::Features(all.into()) }
                }
                _ => Support::Many,
            },
        }
    }

    fn all<'a>(list: impl IntoIterator<Item = &'a Support>) -> Support {
        let mut all = Support::Nothing;
        for support in list {
            if all == Support::Many {
                break;
            }
            all = all.union(support);
        }
        all
    }
}

/// For each node the support of each of its elements. The graph must hold together ([`super::check`]).
pub fn support(graph: &Graph) -> Vec<Rc<[Support]>> {
    let mut found: Vec<Rc<[Support]>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let args: Vec<Rc<[Support]>> = node.args.iter().map(|arg| Rc::clone(&found[arg.index()])).collect();
        found.push(of(node, &args));
    }
    found
}

fn of(node: &Node, args: &[Rc<[Support]>]) -> Rc<[Support]> {
    let whole = |arg: &Rc<[Support]>| Support::all(arg.iter());
    let at = |arg: &Rc<[Support]>, position: usize| arg[if arg.len() == 1 { 0 } else { position }].clone();
    let broadcast = |position| args.iter().fold(Support::Nothing, |all, arg| all.union(&at(arg, position)));
    match &node.op {
        Op::Input(number) => vec![Support::Feature(*number)].into(),
        Op::Constant(values) => vec![Support::Nothing; values.len()].into(),
        Op::Concat => args.iter().flat_map(|arg| arg.iter().cloned()).collect(),
        Op::Pick(positions) => positions.iter().map(|&position| args[0][position].clone()).collect(),
        // one operand, element by element
        Op::Scale(_) | Op::Impute { .. } | Op::Encode(_) | Op::Bins { .. } | Op::Unary(_) => Rc::clone(&args[0]),
        Op::Binary(_) | Op::Choose => (0..node.width).map(broadcast).collect(),
        Op::Linear(linear) => {
            let row = |target: usize| &linear.weights[target * linear.inputs..(target + 1) * linear.inputs];
            let used = |target| row(target).iter().zip(args[0].iter()).filter(|(weight, _)| **weight != 0.0);
            (0..linear.bias.len()).map(|target| Support::all(used(target).map(|(_, support)| support))).collect()
        }
        Op::OneHot { widths, .. } => args[0]
            .iter()
            .zip(widths)
            .flat_map(|(support, &width)| std::iter::repeat_n(support.clone(), width))
            .collect(),
        Op::Polynomial(terms) => {
            terms.iter().map(|term| Support::all(term.iter().map(|&(position, _)| &args[0][position]))).collect()
        }
        // every element depends on the whole row
        Op::Normalize(_) | Op::Softmax | Op::LogSoftmax => vec![whole(&args[0]); node.width].into(),
        Op::Reduce(_) | Op::ArgMax { .. } | Op::ArgMin { .. } | Op::Decide { .. } => vec![whole(&args[0])].into(),
        Op::MissingIf => {
            let more = whole(&args[1]);
            args[0].iter().map(|support| support.union(&more)).collect()
        }
    }
}
