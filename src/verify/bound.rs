//! How far apart two evaluations of one model may lie: a forward error analysis of the lowered [`Score`] for one row.
//!
//! Every expression gets the set of the values that some admissible evaluation of it may have: one in IEEE arithmetic,
//! with constants folded together and rounded once, sums regrouped, and differences compared instead of operands. A number
//! has an interval and the magnitude `Σ |terms|` of what it is a sum of, carried through sums, products and quotients by
//! constants: a sum of n terms, however it is grouped, is off by at most about `n ε Σ |terms|` (Higham, "Accuracy and
//! stability of numerical algorithms", chapter 4; ε is twice the unit roundoff, which leaves room for the second order
//! and for the rounding here). Functions map intervals; a function that is undefined somewhere in its interval gives
//! every number and NaN. A comparison that the intervals do not decide may be true or false, and a CASE that asks it may
//! take either value.
//!
//! Invariant: what is out of the set is wrong. What is in it need not be right, so the intervals must stay narrow: those
//! of inputs, constants and roundings to integers are exact.

use super::interval::{Numbers, Rounding, compare, power, product, quotient, slack, sum};
use crate::score::{self, Comparison, Const, Expr, Function, Id, Score, Value};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

/// The values that an expression may have.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// DOUBLE.
    Numbers(Numbers),
    /// BOOLEAN: whether it may be true, and false.
    Truth {
        /// May be true.
        yes: bool,
        /// May be false.
        no: bool,
    },
    /// One of these BIGINTs or texts.
    Set(Rc<Vec<Value>>),
    /// Too many to list.
    Any,
}

/// What an expression may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// Whether it may be NULL.
    pub null: bool,
    /// What it is where it is not; `None` if it can only be NULL.
    pub values: Option<Values>,
}

/// The analysis of a score, ready for rows.
pub struct Analysis<'a> {
    score: &'a Score,
    needed: Vec<bool>,
    constants: Vec<Option<Range>>,
    /// Sums in which something cancels: what is folded does not see that it is NaN.
    cancelling: HashSet<Id>,
    rounding: Rounding,
    /// Inputs that one side rounds to binary32 and the other does not.
    rounded: Vec<bool>,
}

/// A set that is not listed beyond this size.
const LARGEST_SET: usize = 64;

impl Range {
    const NULL: Range = Range { null: true, values: None };

    fn of(values: Values) -> Self {
        Range { null: false, values: Some(values) }
    }

    /// Whether the value is possible.
    pub fn contains(&self, value: &Value) -> bool {
        match (value, &self.values) {
            (Value::Null, _) => self.null,
            (_, None) => false,
            (Value::Double(value), Some(Values::Numbers(numbers))) => numbers.contains(*value),
            (Value::Boolean(truth), Some(Values::Truth { yes, no })) => {
                if *truth {
                    *yes
                } else {
                    *no
                }
            }
            (value, Some(Values::Set(set))) => set.contains(value),
            (_, Some(Values::Any)) => true,
            _ => false,
        }
    }

    /// How far two numbers are apart, as a part of the width of what is possible; 0 where that has no end.
    pub fn share(&self, a: f64, b: f64) -> f64 {
        match &self.values {
            Some(Values::Numbers(numbers)) if a != b && numbers.high - numbers.low > 0.0 => {
                (a - b).abs() / (numbers.high - numbers.low)
            }
            _ => 0.0,
        }
    }

    fn join(self, other: Range) -> Range {
        let null = self.null || other.null;
        let values = match (self.values, other.values) {
            (None, values) | (values, None) => values,
            (Some(Values::Numbers(a)), Some(Values::Numbers(b))) => Some(Values::Numbers(a.join(b))),
            (Some(Values::Truth { yes, no }), Some(Values::Truth { yes: y, no: n })) => {
                Some(Values::Truth { yes: yes || y, no: no || n })
            }
            (Some(Values::Set(a)), Some(Values::Set(b))) => Some(union(a, &b)),
            _ => Some(Values::Any),
        };
        Range { null, values }
    }

    /// Whether a condition may be true, and false. NULL counts as false.
    fn truth(&self) -> (bool, bool) {
        match self.values {
            Some(Values::Truth { yes, no }) => (yes, no || self.null),
            None => (false, true),
            _ => (true, true),
        }
    }

    fn numbers(&self) -> Option<Numbers> {
        match self.values {
            Some(Values::Numbers(numbers)) => Some(numbers),
            None => None,
            Some(_) => Some(Numbers::TOP),
        }
    }
}

fn union(a: Rc<Vec<Value>>, b: &Rc<Vec<Value>>) -> Values {
    let new: Vec<&Value> = b.iter().filter(|value| !a.contains(value)).collect();
    if new.is_empty() {
        return Values::Set(a);
    }
    if a.len() + new.len() > LARGEST_SET {
        return Values::Any;
    }
    Values::Set(Rc::new(a.iter().chain(new).cloned().collect()))
}

#[cfg(test)]
pub(super) fn between(low: f64, high: f64) -> Values {
    Values::Numbers(Numbers { low, high, nan: false, magnitude: high.abs(), roundings: 1.0 })
}

impl<'a> Analysis<'a> {
    /// Analyses a lowered score. `single`: something is computed in binary32 by one side only; `rounded`: the inputs
    /// that it rounds.
    pub fn new(score: &'a Score, single: bool, rounded: Vec<bool>) -> Self {
        let rounding = if single {
            Rounding {
                epsilon: f64::from(f32::EPSILON),
                tiny: f64::from(f32::MIN_POSITIVE),
                largest: f64::from(f32::MAX),
            }
        } else {
            Rounding { epsilon: f64::EPSILON, tiny: f64::MIN_POSITIVE, largest: f64::MAX }
        };
        let constants = score.ids().map(|id| score.constant(id).map(constant)).collect();
        let needed = score.uses().iter().map(|&uses| uses > 0).collect();
        Analysis { score, needed, constants, cancelling: cancelling(score), rounding, rounded }
    }

    /// What each root of each output may be for a row of inputs.
    pub fn row(&self, inputs: &[Value]) -> Vec<Vec<Range>> {
        let mut ranges: Vec<Range> = Vec::with_capacity(self.score.len());
        for id in self.score.ids() {
            let range = match &self.constants[id.index()] {
                _ if !self.needed[id.index()] => Range::NULL,
                Some(constant) => constant.clone(),
                None => self.expr(id, inputs, &ranges),
            };
            ranges.push(range);
        }
        let of = |output: &score::Output| output.roots.iter().map(|root| ranges[root.index()].clone()).collect();
        self.score.outputs.iter().map(of).collect()
    }

    fn expr(&self, id: Id, inputs: &[Value], ranges: &[Range]) -> Range {
        let range = |id: &Id| &ranges[id.index()];
        match self.score.expr(id) {
            Expr::Const(value) => constant(value),
            Expr::Input(number) => self.input(*number, inputs),
            Expr::Sum(terms) => strict(terms.iter().filter_map(|term| term.factor).map(|id| range(&id)), || {
                let parts = terms.iter().map(|term| match term.factor {
                    None => (1.0, Numbers::point(term.coefficient)),
                    Some(factor) => (term.coefficient, range(&factor).numbers().unwrap_or(Numbers::TOP)),
                });
                let sum = sum(parts, terms.len(), self.rounding);
                Values::Numbers(if sum.nan && self.cancelling.contains(&id) { Numbers::TOP } else { sum })
            }),
            Expr::Product(list) => strict(list.iter().map(range), || {
                let factors = list.iter().map(|id| range(id).numbers().unwrap_or(Numbers::TOP));
                let product = factors.reduce(|a, b| product(a, b, self.rounding));
                Values::Numbers(product.unwrap_or(Numbers::TOP))
            }),
            Expr::Call(Function::Coalesce, list) => {
                let mut result = Range::NULL;
                for id in list {
                    let null = result.null && range(id).null;
                    result = if result.null { Range { null, ..result.join(range(id).clone()) } } else { result };
                }
                result
            }
            Expr::Call(function, list) => strict(list.iter().map(range), || {
                let arguments: Vec<&Range> = list.iter().map(range).collect();
                self.call(*function, list, &arguments, inputs)
            }),
            Expr::Compare(comparison, a, b) => {
                let (yes, no) = self.compare(*comparison, (*a, range(a)), (*b, range(b)), inputs);
                Range::of(Values::Truth { yes, no })
            }
            Expr::And(list) => {
                let all = list.iter().map(|id| range(id).truth());
                let (yes, no) = all.fold((true, false), |(yes, no), (y, n)| (yes && y, no || n));
                Range::of(Values::Truth { yes, no })
            }
            Expr::Or(list) => {
                let all = list.iter().map(|id| range(id).truth());
                let (yes, no) = all.fold((false, true), |(yes, no), (y, n)| (yes || y, no && n));
                Range::of(Values::Truth { yes, no })
            }
            Expr::Not(a) => {
                let (yes, no) = range(a).truth();
                Range::of(Values::Truth { yes: no, no: yes })
            }
            Expr::IsNull(a) => Range::of(Values::Truth { yes: range(a).null, no: range(a).values.is_some() }),
            Expr::Case(arms, otherwise) => {
                let mut result: Option<Range> = None;
                let mut add = |value: &Range| {
                    let value = value.clone();
                    result = Some(match result.take() {
                        None => value,
                        Some(before) => before.join(value),
                    });
                };
                let mut open = true;
                for arm in arms {
                    let (yes, no) = range(&arm.condition).truth();
                    if yes {
                        add(range(&arm.value));
                    }
                    if !no {
                        open = false;
                        break;
                    }
                }
                if open {
                    add(range(otherwise));
                }
                result.unwrap_or(Range::NULL)
            }
        }
    }

    fn input(&self, number: u32, inputs: &[Value]) -> Range {
        match &inputs[number as usize] {
            Value::Null => Range::NULL,
            Value::Double(x) => {
                let exact = Numbers::point(*x);
                let single = Numbers::point(f64::from(*x as f32));
                if self.rounded[number as usize] && x.is_finite() && single.low.is_infinite() {
                    return Range::of(Values::Numbers(Numbers::TOP));
                }
                let differs = self.rounded[number as usize] && !x.is_nan() && single.low != *x;
                let numbers = if differs { Numbers { roundings: 1.0, ..exact.join(single) } } else { exact };
                Range::of(Values::Numbers(numbers))
            }
            Value::Boolean(truth) => Range::of(Values::Truth { yes: *truth, no: !*truth }),
            value => Range::of(Values::Set(Rc::new(vec![value.clone()]))),
        }
    }

    /// The value of an input or a constant, which both sides know exactly.
    fn exact(&self, id: Id, inputs: &[Value]) -> Option<Value> {
        match self.score.expr(id) {
            Expr::Input(number) => Some(inputs[*number as usize].clone()),
            Expr::Const(value) => Some(Value::from(value)),
            _ => None,
        }
    }

    fn call(&self, function: Function, list: &[Id], arguments: &[&Range], inputs: &[Value]) -> Values {
        let r = self.rounding;
        match function {
            Function::ToDouble => return to_double(arguments[0], r),
            Function::ToBigint => return to_bigint(arguments[0].numbers().unwrap_or(Numbers::TOP)),
            Function::OfLargest => return of_largest(arguments, r),
            function if function.is_of_bigints() => return of_bigints(function, arguments),
            _ => {}
        }
        let x = arguments[0].numbers().unwrap_or(Numbers::TOP);
        let y = arguments.get(1).and_then(|y| y.numbers()).unwrap_or(Numbers::TOP);
        if function == Function::IsNan {
            let (yes, no) = match self.exact(list[0], inputs) {
                Some(Value::Double(x)) => (x.is_nan(), !x.is_nan()),
                _ => (x.nan, !x.is_empty() || x.nan),
            };
            return Values::Truth { yes, no };
        }
        let largest = |x: f64| if x == f64::INFINITY { r.largest } else { x };
        Values::Numbers(match function {
            Function::Whole => x,
            Function::Divide => quotient(x, y, r),
            Function::Power => power(x, y, r),
            Function::Min | Function::Max => {
                let pick = if function == Function::Min { f64::min } else { f64::max };
                Numbers {
                    low: if x.is_empty() || y.is_empty() { f64::INFINITY } else { pick(x.low, y.low) },
                    high: if x.is_empty() || y.is_empty() { f64::NEG_INFINITY } else { pick(x.high, y.high) },
                    nan: x.nan || y.nan,
                    magnitude: x.magnitude.max(y.magnitude),
                    roundings: x.roundings.max(y.roundings),
                }
            }
            Function::Exp => {
                let grown = x.map(4.0, r, libm::exp);
                // an overflow is infinite in one evaluation only
                Numbers { low: if x.low.is_finite() { largest(grown.low) } else { grown.low }, ..grown }.within_exp()
            }
            Function::Ln => x.within(0.0, f64::INFINITY).map(4.0, r, libm::log),
            Function::Log1p => x.within(-1.0, f64::INFINITY).map(32.0, r, libm::log1p),
            Function::Expm1 => x.map(32.0, r, libm::expm1),
            Function::Sqrt => x.within(0.0, f64::INFINITY).map(2.0, r, libm::sqrt),
            Function::Abs => {
                let high = x.low.abs().max(x.high.abs());
                let low = if x.low <= 0.0 && x.high >= 0.0 { 0.0 } else { x.low.abs().min(x.high.abs()) };
                if x.is_empty() { x } else { Numbers { low, high, ..x } }
            }
            Function::Floor => x.map(0.0, r, libm::floor),
            Function::Ceil => x.map(0.0, r, libm::ceil),
            Function::RoundEven => x.map(0.0, r, libm::rint),
            Function::Sign => x.map(0.0, r, |x| f64::from(i8::from(x > 0.0) - i8::from(x < 0.0))),
            Function::Tanh => x.map(8.0, r, libm::tanh),
            Function::Sigmoid => {
                let p = x.map(8.0, r, |x| 1.0 / (1.0 + libm::exp(-x)));
                // `sigmoid(z) >= p` is asked as `z >= logit p`, which is rounded
                let slope = (p.high * (1.0 - p.low)).clamp(0.0, 0.25);
                let by = 4.0 * r.epsilon * slope * x.low.abs().max(x.high.abs()).min(1e3);
                if p.is_empty() { p } else { Numbers { low: p.low - by, high: p.high + by, ..p } }
            }
            Function::Softplus => x.map(32.0, r, |x| x.max(0.0) + libm::log1p(libm::exp(-x.abs()))),
            Function::Softmax => softmax(x, &arguments[1..], r),
            Function::NormalCdf => x.map(64.0, r, |x| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)),
            Function::Erf => x.map(32.0, r, libm::erf),
            Function::IsNan
            | Function::ToDouble
            | Function::ToBigint
            | Function::Coalesce
            | Function::OfLargest
            | Function::AddBigint
            | Function::SubtractBigint
            | Function::MultiplyBigint
            | Function::DivideBigint => Numbers::TOP,
        })
    }

    /// Whether a comparison may be true, and false.
    fn compare(
        &self,
        comparison: Comparison,
        (a, left): (Id, &Range),
        (b, right): (Id, &Range),
        inputs: &[Value],
    ) -> (bool, bool) {
        if let (Some(a), Some(b)) = (self.exact(a, inputs), self.exact(b, inputs)) {
            let holds = holds(comparison, &a, &b);
            return (holds, !holds);
        }
        let null = left.null || right.null;
        let (Some(x), Some(y)) = (&left.values, &right.values) else { return (false, true) };
        let (yes, no) = match (x, y) {
            (Values::Numbers(x), Values::Numbers(y)) => compare(comparison, *x, *y, self.rounding),
            (Values::Truth { .. }, Values::Truth { .. }) => {
                let truths = |range: &Range| {
                    let (yes, no) = range.truth();
                    let pairs = [(true, yes), (false, no)];
                    pairs.into_iter().filter(|(_, may)| *may).map(|(truth, _)| Value::Boolean(truth)).collect()
                };
                let (x, y): (Vec<Value>, Vec<Value>) = (truths(left), truths(right));
                over_pairs(comparison, &x, &y)
            }
            (Values::Set(x), Values::Set(y)) => over_pairs(comparison, x, y),
            _ => (true, true),
        };
        (yes, no || null)
    }
}

fn constant(constant: &Const) -> Range {
    match constant {
        Const::Null(_) => Range::NULL,
        Const::Double(value) => Range::of(Values::Numbers(Numbers::point(value.0))),
        Const::Boolean(truth) => Range::of(Values::Truth { yes: *truth, no: !*truth }),
        Const::Bigint(_) | Const::Text(_) => Range::of(Values::Set(Rc::new(vec![Value::from(constant)]))),
    }
}

/// The sums of which a term may vanish when they are folded: its coefficients add up to 0, or nearly. Sums of many terms are
/// not looked into.
fn cancelling(score: &Score) -> HashSet<Id> {
    const MOST: usize = 64;
    // for each sum its atoms with their coefficients and how large those are together
    let mut forms: Vec<Option<BTreeMap<Id, (f64, f64)>>> = Vec::with_capacity(score.len());
    let mut found = HashSet::new();
    for id in score.ids() {
        let mut form = None;
        if let Expr::Sum(terms) = score.expr(id)
            && terms.len() <= MOST
        {
            let mut atoms: BTreeMap<Id, (f64, f64)> = BTreeMap::new();
            let mut add = |atom: Id, c: f64, magnitude: f64| {
                let all = atoms.entry(atom).or_default();
                (all.0, all.1) = (all.0 + c, all.1 + magnitude);
            };
            for term in terms {
                let (Some(mut factor), c) = (term.factor, term.coefficient) else { continue };
                while let Expr::Call(Function::Min | Function::Max, list) = score.expr(factor)
                    && list[0] == list[1]
                {
                    factor = list[0];
                }
                match &forms[factor.index()] {
                    Some(inner) => inner.iter().for_each(|(&atom, (d, size))| add(atom, c * d, c.abs() * size)),
                    None => add(factor, c, c.abs()),
                }
            }
            if atoms.values().any(|(c, magnitude)| c.abs() <= 1e-9 * magnitude) {
                found.insert(id);
            }
            form = Some(atoms).filter(|atoms| atoms.len() <= MOST);
        }
        // divided by a constant, as a scaler does
        if let Expr::Call(Function::Divide, list) = score.expr(id)
            && let Some(divisor) = score.double_value(list[1])
        {
            let atoms = forms[list[0].index()].clone().unwrap_or_else(|| BTreeMap::from([(list[0], (1.0, 1.0))]));
            form = Some(atoms.into_iter().map(|(id, (c, size))| (id, (c / divisor, size / divisor.abs()))).collect());
        }
        forms.push(form);
    }
    found
}

/// NULL where an operand is.
fn strict<'r>(operands: impl Iterator<Item = &'r Range>, values: impl FnOnce() -> Values) -> Range {
    let mut null = false;
    for operand in operands {
        null |= operand.null;
        if operand.values.is_none() {
            return Range::NULL;
        }
    }
    Range { null, values: Some(values()) }
}

/// `1 / (1 + Σ e^(y - x))`, whose differences may be made of folded weights.
fn softmax(x: Numbers, all: &[&Range], rounding: Rounding) -> Numbers {
    let scores: Vec<Numbers> = all.iter().map(|range| range.numbers().unwrap_or(Numbers::TOP)).collect();
    let nan = scores.iter().any(|y| y.nan || y.is_empty() || !y.low.is_finite() || !y.high.is_finite());
    if nan {
        return Numbers { low: 0.0, high: 1.0, nan: true, magnitude: 1.0, roundings: 1.0 };
    }
    let own = scores.iter().position(|y| *y == x);
    let (mut least, mut most) = (1.0, 1.0);
    for (_, y) in scores.iter().enumerate().filter(|(at, _)| Some(*at) != own) {
        let slack = slack(x, *y, rounding);
        least += libm::exp(y.low - x.high - slack);
        most += libm::exp(y.high - x.low + slack);
    }
    let by = (scores.len() as f64 + 8.0) * rounding.epsilon;
    let (low, high) = ((1.0 / most) * (1.0 - by) - rounding.tiny, (1.0 / least) * (1.0 + by) + rounding.tiny);
    Numbers { low: low.max(0.0), high: high.min(1.0), nan: false, magnitude: 1.0, roundings: 1.0 }
}

/// The values of all scores that may be the largest.
fn of_largest(arguments: &[&Range], rounding: Rounding) -> Values {
    let (scores, values) = arguments.split_at(arguments.len() / 2);
    let scores: Vec<Numbers> = scores.iter().map(|range| range.numbers().unwrap_or(Numbers::TOP)).collect();
    let nan = scores.iter().any(|x| x.nan);
    let beaten = |at: usize| {
        // surely smaller than a score before it or behind it, or not larger than one before it that is the same
        scores.iter().enumerate().any(|(other, y)| {
            let slack = slack(scores[at], *y, rounding);
            let exact = slack == 0.0 && scores[at].is_point() && y.is_point();
            other != at && (y.low > scores[at].high + slack || exact && other < at && y.low >= scores[at].high)
        })
    };
    let may_be = |at: &usize| nan || !beaten(*at);
    let found = (0..scores.len()).filter(may_be).map(|at| values[at].clone()).reduce(Range::join);
    found.and_then(|range| range.values).unwrap_or(Values::Any)
}

fn to_double(range: &Range, rounding: Rounding) -> Values {
    let Some(Values::Set(set)) = &range.values else { return Values::Numbers(Numbers::TOP) };
    let single = rounding.epsilon > f64::EPSILON;
    let numbers = set.iter().map(|value| match value {
        Value::Bigint(value) if single && *value as f32 as i128 != i128::from(*value) => {
            let both = Numbers::point(*value as f64).join(Numbers::point(f64::from(*value as f32)));
            Numbers { roundings: 1.0, ..both }
        }
        Value::Bigint(value) => Numbers::point(*value as f64),
        _ => Numbers::TOP,
    });
    Values::Numbers(numbers.reduce(Numbers::join).unwrap_or(Numbers::TOP))
}

fn to_bigint(x: Numbers) -> Values {
    let (low, high) = (x.low as i64, x.high as i64);
    if x.is_empty() {
        return Values::Set(Rc::new(vec![Value::Bigint(0)]));
    }
    if x.nan || high.saturating_sub(low) >= LARGEST_SET as i64 {
        return Values::Any;
    }
    Values::Set(Rc::new((low..=high).map(Value::Bigint).collect()))
}

/// Of every pair of integers.
fn of_bigints(function: Function, arguments: &[&Range]) -> Values {
    let [Some(Values::Set(a)), Some(Values::Set(b))] = [&arguments[0].values, &arguments[1].values] else {
        return Values::Any;
    };
    if a.len() * b.len() > LARGEST_SET {
        return Values::Any;
    }
    let of = |x: &Value, y: &Value| score::apply(function, &[x.clone(), y.clone()]);
    Values::Set(Rc::new(a.iter().flat_map(|x| b.iter().map(move |y| of(x, y))).collect()))
}

fn over_pairs(comparison: Comparison, x: &[Value], y: &[Value]) -> (bool, bool) {
    let mut truth = (false, false);
    for a in x {
        for b in y {
            let holds = holds(comparison, a, b);
            truth = (truth.0 || holds, truth.1 || !holds);
        }
    }
    truth
}

/// The comparison of two values of one type; false with NULL and NaN.
fn holds(comparison: Comparison, a: &Value, b: &Value) -> bool {
    let ordering = match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Bigint(a), Value::Bigint(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
        _ => None,
    };
    ordering.is_some_and(|ordering| match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    })
}
