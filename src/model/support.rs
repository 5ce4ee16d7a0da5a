//! Which features each element of a graph depends on: what explanations and comments name.

use super::graph::{Graph, Node};
use super::op::{Binary, Op};
use std::rc::Rc;

/// The features that an element depends on, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    /// None: it is the same for every row.
    Nothing,
    /// One.
    Feature(usize),
    /// It is a product of functions of each of these, ascending, two or more.
    Product(Rc<[usize]>),
    /// Several, in another way.
    Mixed,
}

/// A product of more features is a mixture like any other.
const MOST_FACTORS: usize = 8;

impl Support {
    /// The feature, if it is one.
    pub fn feature(&self) -> Option<usize> {
        match self {
            Support::Feature(number) => Some(*number),
            _ => None,
        }
    }

    /// The one feature or those of a product; `None` for a mixture.
    pub fn features(&self) -> Option<&[usize]> {
        match self {
            Support::Nothing => Some(&[]),
            Support::Feature(number) => Some(std::slice::from_ref(number)),
            Support::Product(list) => Some(list),
            Support::Mixed => None,
        }
    }

    fn mixed(&self, other: &Support) -> Support {
        match (self, other) {
            (Support::Nothing, it) | (it, Support::Nothing) => it.clone(),
            (a, b) if a == b => a.clone(),
            _ => Support::Mixed,
        }
    }

    fn times(&self, other: &Support) -> Support {
        let (Some(a), Some(b)) = (self.features(), other.features()) else { return Support::Mixed };
        let mut all = [a, b].concat();
        all.sort_unstable();
        all.dedup();
        match all.as_slice() {
            [] => Support::Nothing,
            [only] => Support::Feature(*only),
            _ if all.len() > MOST_FACTORS => Support::Mixed,
            _ => Support::Product(all.into()),
        }
    }

    fn all<'a>(list: impl IntoIterator<Item = &'a Support>) -> Support {
        let mut all = Support::Nothing;
        for support in list {
            if all == Support::Mixed {
                break;
            }
            all = all.mixed(support);
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
    match &node.op {
        Op::Input(number) => vec![Support::Feature(*number)].into(),
        Op::Constant(values) => vec![Support::Nothing; values.len()].into(),
        Op::Concat => args.iter().flat_map(|arg| arg.iter().cloned()).collect(),
        Op::Pick(positions) => positions.iter().map(|&position| args[0][position].clone()).collect(),
        // one operand, element by element
        Op::Scale(_) | Op::Impute { .. } | Op::Encode(_) | Op::Bins { .. } | Op::Unary(_) => Rc::clone(&args[0]),
        Op::Binary(Binary::Multiply) => {
            (0..node.width).map(|position| at(&args[0], position).times(&at(&args[1], position))).collect()
        }
        Op::Binary(_) | Op::Choose => {
            let mixed = |position| args.iter().fold(Support::Nothing, |all, arg| all.mixed(&at(arg, position)));
            (0..node.width).map(mixed).collect()
        }
        Op::Linear(linear) => {
            let row = |target: usize| &linear.weights[target * linear.inputs..(target + 1) * linear.inputs];
            let used = |target| row(target).iter().zip(args[0].iter()).filter(|(weight, _)| **weight != 0.0);
            (0..linear.bias.len()).map(|target| Support::all(used(target).map(|(_, support)| support))).collect()
        }
        Op::OneHot { widths, .. } => {
            let groups = args[0].iter().zip(widths);
            groups.flat_map(|(support, &width)| std::iter::repeat_n(support.clone(), width)).collect()
        }
        Op::Polynomial(terms) => {
            let product = |term: &Vec<(usize, u32)>| {
                term.iter().fold(Support::Nothing, |all, &(position, _)| all.times(&args[0][position]))
            };
            terms.iter().map(product).collect()
        }
        // every element depends on the whole row
        Op::Normalize(_) | Op::Softmax | Op::LogSoftmax => vec![whole(&args[0]); node.width].into(),
        Op::Reduce(_) | Op::ArgMax { .. } | Op::ArgMin { .. } | Op::Decide { .. } => vec![whole(&args[0])].into(),
        Op::OfLargest => vec![whole(&args[0]).mixed(&whole(&args[1]))].into(),
        Op::MissingIf => {
            let more = whole(&args[1]);
            args[0].iter().map(|support| support.mixed(&more)).collect()
        }
    }
}
