//! Unary, Binary, Choose and MissingIf: element by element, broadcasting width 1. What gives integers is in `integer.rs`.

use super::{Column, Item, Lowering, single};
use crate::diag::{Diagnostic, Failed, Report, codes};
use crate::model::{Binary, Elem, Graph, Node, NodeId, Op, Unary};
use crate::schema::Type;
use crate::score::{Arm, Comparison, Expr, Function, Id, Term};

impl Lowering<'_> {
    pub(super) fn unary(
        &mut self,
        unary: &Unary,
        arg: NodeId,
        node: &Node,
        report: &mut Report,
    ) -> Result<Vec<Item>, Failed> {
        let items = self.items(arg).to_vec();
        let mut result = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            let of_integer = if node.elem == Elem::Integer { self.unary_of_integer(unary, item) } else { None };
            let found = of_integer.or_else(|| self.stepped(unary, (arg, position)));
            match found.or_else(|| self.unary_item(unary, item)) {
                Some(item) => result.push(item),
                None => return Err(no_scalar_form(report, unary_name(unary), node)),
            }
        }
        Ok(result)
    }

    fn unary_item(&mut self, unary: &Unary, item: &Item) -> Option<Item> {
        match unary {
            Unary::Not => return self.not(item),
            Unary::IsMissing => {
                let missing = Vec::new();
                let condition = match item {
                    Item::Value(id) => self.absent(*id),
                    Item::Flag { missing, .. } => self.score.any_null(missing.iter().copied()),
                };
                return Some(Item::Flag { condition, missing });
            }
            Unary::ToBoolean => return self.nonzero(item),
            Unary::ToText => {
                return matches!(item, Item::Value(id) if self.score.ty(*id) == &Type::String).then(|| item.clone());
            }
            _ => {}
        }
        let x = self.number(item);
        if self.score.ty(x) != &Type::Double {
            return None;
        }
        let call = match unary {
            Unary::Abs => Some(Function::Abs),
            Unary::Exp => Some(Function::Exp),
            Unary::Expm1 => Some(Function::Expm1),
            Unary::Log => Some(Function::Ln),
            Unary::Log1p => Some(Function::Log1p),
            Unary::Sqrt => Some(Function::Sqrt),
            Unary::Sigmoid => Some(Function::Sigmoid),
            Unary::ProbitInverse => Some(Function::NormalCdf),
            Unary::Tanh => Some(Function::Tanh),
            Unary::Softplus => Some(Function::Softplus),
            Unary::Erf => Some(Function::Erf),
            Unary::Floor => Some(Function::Floor),
            Unary::Ceil => Some(Function::Ceil),
            Unary::Round => Some(Function::RoundEven),
            Unary::Sign => Some(Function::Sign),
            _ => None,
        };
        if let Some(function) = call {
            return Some(Item::Value(self.score.call(function, vec![x])));
        }
        Some(Item::Value(match unary {
            Unary::Negate => self.score.negate(x),
            Unary::Reciprocal => {
                let one = self.score.double(1.0);
                self.score.divide(one, x)
            }
            Unary::CloglogInverse => {
                if let Some(x) = self.score.double_value(x) {
                    return Some(Item::Value(self.score.double(-libm::expm1(-libm::exp(x)))));
                }
                let inner = self.score.call(Function::Exp, vec![x]);
                let negated = self.score.negate(inner);
                // as statsmodels computes it; below x = -37, where the mean is e^x, it gives 0 as this does
                let outer = self.score.call(Function::Exp, vec![negated]);
                self.score.sum([Term::constant(1.0), Term::new(-1.0, outer)])
            }
            Unary::Relu => {
                let zero = self.score.double(0.0);
                self.clipped(x, &[(Comparison::LessOrEqual, 0.0, zero)])
            }
            Unary::LeakyRelu(slope) => {
                let scaled = self.score.scale(*slope, x);
                self.clipped(x, &[(Comparison::Less, 0.0, scaled)])
            }
            Unary::HardSigmoid { alpha, beta } => {
                let line = self.score.sum([Term::new(*alpha, x), Term::constant(*beta)]);
                self.clip(line, 0.0, 1.0)
            }
            Unary::Clip { low, high } => self.clip(x, *low, *high),
            Unary::ToNumber => x,
            Unary::ToInteger => return Some(Item::Value(self.truncated(item, x))),
            Unary::IsNan => {
                let missing = self.score.null_sources(x);
                let condition = self.score.call(Function::IsNan, vec![x]);
                return Some(Item::Flag { condition, missing });
            }
            Unary::IsInfinite { positive, negative } => {
                let missing = self.score.null_sources(x);
                let (high, low) = (self.score.double(f64::MAX), self.score.double(f64::MIN));
                let above = self.score.compare(Comparison::Greater, x, high);
                let below = self.score.compare(Comparison::Less, x, low);
                let chosen =
                    [(positive, above), (negative, below)].into_iter().filter(|(on, _)| **on).map(|(_, id)| id);
                let condition = self.score.or(chosen.collect::<Vec<_>>());
                return Some(Item::Flag { condition, missing });
            }
            Unary::Not | Unary::IsMissing | Unary::ToBoolean | Unary::ToText => return None,
            // calls, above
            Unary::Abs
            | Unary::Exp
            | Unary::Expm1
            | Unary::Log
            | Unary::Log1p
            | Unary::Sqrt
            | Unary::Sigmoid
            | Unary::ProbitInverse
            | Unary::Tanh
            | Unary::Softplus
            | Unary::Erf
            | Unary::Floor
            | Unary::Ceil
            | Unary::Round
            | Unary::Sign => return None,
        }))
    }

    fn not(&mut self, item: &Item) -> Option<Item> {
        match item {
            Item::Flag { condition, missing } => {
                Some(Item::Flag { condition: self.score.not(*condition), missing: missing.clone() })
            }
            Item::Value(_) => None,
        }
    }

    /// Anything but ±0 is true, NaN too.
    fn nonzero(&mut self, item: &Item) -> Option<Item> {
        if matches!(item, Item::Flag { .. }) {
            return Some(item.clone());
        }
        let x = self.number(item);
        if self.score.ty(x) != &Type::Double {
            return None;
        }
        let zero = self.score.double(0.0);
        let is_zero = self.score.compare(Comparison::Equal, x, zero);
        Some(Item::Flag { condition: self.score.not(is_zero), missing: self.score.null_sources(x) })
    }

    /// Truncated; NaN and what does not fit 64 bits is missing.
    fn truncated(&mut self, item: &Item, x: Id) -> Id {
        if let Item::Value(id) = item
            && self.score.ty(*id) == &Type::Bigint
        {
            return *id;
        }
        if matches!(self.score.expr(x), Expr::Case(..))
            && let Some(integer) = self.of_each_constant(x, Function::ToBigint)
        {
            return integer;
        }
        let sources = self.score.null_sources(x);
        let absent = self.score.any_null(sources);
        let (low, high) =
            (self.score.double(-9_223_372_036_854_775_808.0), self.score.double(9_223_372_036_854_775_808.0));
        let at_least = self.score.compare(Comparison::GreaterOrEqual, x, low);
        let below = self.score.compare(Comparison::Less, x, high);
        let fits = self.score.and([at_least, below]);
        let integer = self.score.call(Function::ToBigint, vec![x]);
        let null = self.score.null(Type::Bigint);
        self.score.case([Arm { condition: absent, value: null }, Arm { condition: fits, value: integer }], null)
    }

    /// `CASE WHEN x < bound THEN value … ELSE x END`, NULL for NULL; NaN stays, since it meets no comparison.
    fn clipped(&mut self, x: Id, arms: &[(Comparison, f64, Id)]) -> Id {
        let sources = self.score.null_sources(x);
        let null = self.score.null(Type::Double);
        let mut list = vec![Arm { condition: self.score.any_null(sources), value: null }];
        for &(comparison, bound, value) in arms {
            let bound = self.score.double(bound);
            list.push(Arm { condition: self.score.compare(comparison, x, bound), value });
        }
        self.score.case(list, x)
    }

    fn clip(&mut self, x: Id, low: f64, high: f64) -> Id {
        let mut arms = Vec::new();
        if low > f64::NEG_INFINITY {
            arms.push((Comparison::Less, low, self.score.double(low)));
        }
        if high < f64::INFINITY {
            arms.push((Comparison::Greater, high, self.score.double(high)));
        }
        if arms.is_empty() { x } else { self.clipped(x, &arms) }
    }

    /// `((a + b) - c) + d` of numbers, as one sum: the operands of all the nodes of a chain.
    fn chain(&mut self, node: &Node) -> Option<Vec<Item>> {
        let sign = |binary| match binary {
            Binary::Add => Some(1.0),
            Binary::Subtract => Some(-1.0),
            _ => None,
        };
        let mut operands: Vec<(f64, NodeId)> = Vec::new();
        let mut at = node;
        let first = loop {
            let Op::Binary(binary) = at.op else { return None };
            operands.push((sign(binary)?, at.args[1]));
            let inner = at.args[0];
            // a node that is part of the chain has no value of its own
            if !self.items(inner).is_empty() {
                break inner;
            }
            at = self.graph.node(inner);
        };
        operands.push((1.0, first));
        operands.reverse();
        let mut result = Vec::with_capacity(node.width);
        for position in 0..node.width {
            let mut terms = Vec::with_capacity(operands.len());
            for &(sign, operand) in &operands {
                let item = broadcast(self.items(operand), position).clone();
                let number = self.number(&item);
                if self.score.ty(number) != &Type::Double {
                    return None;
                }
                terms.push(Term::new(sign, number));
            }
            result.push(Item::Value(self.score.sum(terms)));
        }
        Some(result)
    }

    pub(super) fn binary(
        &mut self,
        binary: Binary,
        a: NodeId,
        b: NodeId,
        node: &Node,
        report: &mut Report,
    ) -> Result<Vec<Item>, Failed> {
        if self.items(a).is_empty() {
            return self.chain(node).ok_or_else(|| no_scalar_form(report, "arithmetic on text", node));
        }
        let mut result = Vec::with_capacity(node.width);
        for position in 0..node.width {
            if let Some(comparison) = comparison(binary)
                && let Some(decided) = single::compare(self, comparison, (a, position), (b, position))
            {
                result.push(decided);
                continue;
            }
            let x = broadcast(self.items(a), position).clone();
            let y = broadcast(self.items(b), position).clone();
            let item = match node.elem {
                Elem::Integer => self.binary_of_integers(binary, &x, &y),
                _ => self.binary_item(binary, &x, &y),
            };
            match item {
                Some(item) => result.push(item),
                None => return Err(no_scalar_form(report, &format!("{binary:?} of texts"), node)),
            }
        }
        Ok(result)
    }

    fn binary_item(&mut self, binary: Binary, x: &Item, y: &Item) -> Option<Item> {
        if let Some(comparison) = comparison(binary) {
            return Some(self.compare(comparison, x, y));
        }
        if matches!(binary, Binary::And | Binary::Or) {
            let (Item::Flag { condition: p, missing: m }, Item::Flag { condition: q, missing: n }) = (x, y) else {
                return None;
            };
            let condition = if binary == Binary::And { self.score.and([*p, *q]) } else { self.score.or([*p, *q]) };
            return Some(Item::Flag { condition, missing: union(m, n) });
        }
        let (x, y) = (self.number(x), self.number(y));
        if self.score.ty(x) != &Type::Double || self.score.ty(y) != &Type::Double {
            return None;
        }
        Some(Item::Value(match binary {
            Binary::Add => self.score.add(x, y),
            Binary::Subtract => self.score.subtract(x, y),
            Binary::Multiply => self.score.multiply(x, y),
            Binary::Divide => self.score.divide(x, y),
            Binary::Power => self.power(x, y),
            Binary::Min => self.score.call(Function::Min, vec![x, y]),
            Binary::Max => self.score.call(Function::Max, vec![x, y]),
            _ => return None,
        }))
    }

    /// C's `pow` by Java's: 1 to any power is 1, and so is -1 to an infinite one; Java makes NaN of both where the exponent is
    /// no finite number.
    fn power(&mut self, x: Id, y: Id) -> Id {
        let power = self.score.call(Function::Power, vec![x, y]);
        let finite = self.score.double_value(y).is_some_and(f64::is_finite);
        if finite || self.score.double_value(x).is_some_and(|x| x.abs() != 1.0) {
            return power;
        }
        let (one, minus_one) = (self.score.double(1.0), self.score.double(-1.0));
        let (most, least) = (self.score.double(f64::MAX), self.score.double(f64::MIN));
        let above = self.score.compare(Comparison::Greater, y, most);
        let below = self.score.compare(Comparison::Less, y, least);
        let infinite = self.score.or([above, below]);
        let turned = self.score.compare(Comparison::Equal, x, minus_one);
        let arms = [
            self.score.null_arm(&[x, y], x),
            Arm { condition: self.score.compare(Comparison::Equal, x, one), value: one },
            Arm { condition: self.score.and([turned, infinite]), value: one },
        ];
        self.score.case(arms, power)
    }

    /// A comparison of two elements, in BIGINT or STRING where both are, of flags as 0 and 1, else in DOUBLE.
    pub(super) fn compare(&mut self, comparison: Comparison, x: &Item, y: &Item) -> Item {
        let (mut a, mut b) = match (x, y) {
            (Item::Value(a), Item::Value(b)) => (*a, *b),
            _ => (self.number(x), self.number(y)),
        };
        if self.score.ty(a) != self.score.ty(b) {
            (a, b) = (self.number(&Item::Value(a)), self.number(&Item::Value(b)));
        }
        if self.score.ty(a) != self.score.ty(b) {
            // a text against a number: never equal, in no order
            let missing = union(&self.score.null_sources(a), &self.score.null_sources(b));
            return Item::Flag { condition: self.score.boolean(false), missing };
        }
        let missing = union(&self.score.null_sources(a), &self.score.null_sources(b));
        Item::Flag { condition: self.score.compare(comparison, a, b), missing }
    }

    pub(super) fn choose(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> Vec<Item> {
        let width = [condition, a, b].iter().map(|&node| self.items(node).len()).max().unwrap_or(1);
        let mut result = Vec::with_capacity(width);
        for position in 0..width {
            let flag = broadcast(self.items(condition), position).clone();
            let x = broadcast(self.items(a), position).clone();
            let y = broadcast(self.items(b), position).clone();
            result.push(self.choose_item(&flag, &x, &y));
        }
        result
    }

    fn choose_item(&mut self, flag: &Item, x: &Item, y: &Item) -> Item {
        if let (
            Item::Flag { condition, missing },
            Item::Flag { condition: p, missing: m },
            Item::Flag { condition: q, missing: n },
        ) = (flag, x, y)
            && m.is_empty()
            && n.is_empty()
        {
            let both = self.score.and([*condition, *p]);
            let negated = self.score.not(*condition);
            let other = self.score.and([negated, *q]);
            return Item::Flag { condition: self.score.or([both, other]), missing: missing.clone() };
        }
        let (mut a, mut b) = (self.value(x), self.value(y));
        if self.score.ty(a) != self.score.ty(b) {
            (a, b) = (self.number(x), self.number(y));
        }
        Item::Value(self.flagged(flag, a, b))
    }

    pub(super) fn missing_if(&mut self, a: NodeId, b: NodeId) -> Vec<Item> {
        let mut sources = Vec::new();
        for item in self.items(b).to_vec() {
            let more = match item {
                Item::Value(id) => self.score.null_sources(id),
                Item::Flag { missing, .. } => missing,
            };
            sources = union(&sources, &more);
        }
        let condition = self.score.any_null(sources);
        let items = self.items(a).to_vec();
        let mut result = Vec::with_capacity(items.len());
        for item in &items {
            let value = self.value(item);
            let null = self.score.null(self.score.ty(value).clone());
            result.push(Item::Value(self.score.choose(condition, null, value)));
        }
        result
    }
}

/// The sums and differences of numbers that only the next one uses, as its first operand and of its width: they are lowered
/// with it, so that a chain of them is not copied as often as it is long.
pub(super) fn chained(graph: &Graph, needed: &[bool], columns: &[Column]) -> Vec<bool> {
    let sums = |node: &Node| node.elem == Elem::Number && matches!(node.op, Op::Binary(Binary::Add | Binary::Subtract));
    let mut uses = vec![0_u32; graph.nodes.len()];
    let mut next: Vec<Option<usize>> = vec![None; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
        for (place, arg) in node.args.iter().enumerate() {
            uses[arg.index()] = uses[arg.index()].saturating_add(1);
            next[arg.index()] = (place == 0).then_some(index);
        }
    }
    columns.iter().for_each(|column| uses[column.node.index()] = u32::MAX);
    let is_chained = |(index, node): (usize, &Node)| {
        let user = next[index].filter(|_| uses[index] == 1 && sums(node)).map(|user| &graph.nodes[user]);
        user.is_some_and(|user| sums(user) && user.width == node.width && graph.node(user.args[0]).elem == Elem::Number)
    };
    graph.nodes.iter().enumerate().map(is_chained).collect()
}

pub(super) fn broadcast(items: &[Item], position: usize) -> &Item {
    if items.len() == 1 { &items[0] } else { &items[position] }
}

pub(super) fn union(a: &[Id], b: &[Id]) -> Vec<Id> {
    let mut all = a.to_vec();
    all.extend(b.iter().filter(|id| !a.contains(id)));
    all
}

fn comparison(binary: Binary) -> Option<Comparison> {
    Some(match binary {
        Binary::Less => Comparison::Less,
        Binary::LessOrEqual => Comparison::LessOrEqual,
        Binary::Greater => Comparison::Greater,
        Binary::GreaterOrEqual => Comparison::GreaterOrEqual,
        Binary::Equal => Comparison::Equal,
        _ => return None,
    })
}

fn unary_name(unary: &Unary) -> &'static str {
    match unary {
        Unary::ToNumber => "conversion of text to numbers",
        Unary::ToText => "conversion of numbers to text",
        Unary::Not => "negation of something that is not a boolean",
        _ => "arithmetic on text",
    }
}

fn no_scalar_form(report: &mut Report, what: &str, node: &Node) -> Failed {
    let of = if node.name.is_empty() { String::new() } else { format!(" (in `{}`)", node.name) };
    report.fail(
        Diagnostic::new(&codes::compile::NO_SCALAR_FORM, format!("{what}{of} has no exact form in ksqlDB's SQL"))
            .help("do this step before the model, in a stream of its own, and retrain on its result"),
    )
}
