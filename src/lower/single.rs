//! Comparisons that the source's runtime makes in binary32, made exactly in binary64.
//!
//! ksqlDB has no 32-bit float. But where the compared number is a function of one feature, monotone and computed step by
//! step in binary32 (the feature itself rounded, a scaler, a shift, a product with a constant, truncation), the truth of a
//! comparison changes at most once along the feature's values. So `f32(…f32(x)…) > t` is `x > m` or `x >= m` for some double
//! m, which is found by bisection over the doubles in their order: 64 evaluations of the steps. (For the feature
//! itself m is the midpoint of two neighbouring binary32 numbers, the usual correction of tree thresholds.) Equality is
//! the two comparisons at once: `f32(x) = 0.1` holds for an interval of doubles. A column of integers holds few of them:
//! there it is `x = 3` again.
//!
//! An imputer in between is looked through: what is missing compares as the imputer's value.
//!
//! Sums over several features have no such boundary; their comparisons keep a tolerance.

mod boundary;

use super::elementwise::union;
use super::{Item, Lowering, Nulls};
use crate::model::{Binary, Elem, Missing, Node, NodeId, Op, Precision, Scaling, Unary, Value};
use crate::schema::Type;
use crate::score::{Comparison, Function, Id};
use boundary::Split;

/// One monotone step, with the rounding of its node.
#[derive(Clone, Copy)]
struct Step {
    kind: Kind,
    precision: Precision,
}

#[derive(Clone, Copy)]
enum Kind {
    Round,
    Add(f64),
    Multiply(f64),
    Divide(f64),
    Floor,
    Ceil,
    RoundEven,
    Sign,
    Clip(f64, f64),
    /// Toward zero; missing beyond 64 bits.
    Truncate,
}

/// An element as a monotone function of one number.
pub(super) struct Chain {
    /// The number, a DOUBLE: a feature, without an imputer of missing values.
    pub(super) x: Id,
    /// What stands in the place of a missing one.
    pub(super) fill: Option<f64>,
    /// Between which integers the number is one, if it always is.
    whole: Option<(f64, f64)>,
    /// First step first.
    steps: Vec<Step>,
}

/// Doubles to be compared, all of them.
const ALL: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// The integers that a column of this type holds, as numbers of a feature.
pub(super) fn whole(ty: Option<&Type>, nulls: &Nulls) -> Option<(f64, f64)> {
    let (low, high) = match ty? {
        Type::Boolean => (0.0, 1.0),
        Type::Integer => (f64::from(i32::MIN), f64::from(i32::MAX)),
        Type::Bigint => (i64::MIN as f64, i64::MAX as f64),
        _ => return None,
    };
    match nulls {
        Nulls::Value(fill) if fill.fract() != 0.0 => None,
        Nulls::Value(fill) => Some((low.min(*fill), high.max(*fill))),
        _ => Some((low, high)),
    }
}

/// The comparison `a ⋚ b` of two elements as one on the feature behind them, or `None` if it is not of that form.
pub(super) fn compare(
    lowering: &mut Lowering<'_>,
    comparison: Comparison,
    a: (NodeId, usize),
    b: (NodeId, usize),
) -> Option<Item> {
    let (comparison, element, threshold) = match (constant(lowering, a), constant(lowering, b)) {
        (None, Some(threshold)) => (comparison, a, threshold),
        (Some(threshold), None) => (comparison.flipped(), b, threshold),
        _ => return None,
    };
    with_constant(lowering, comparison, element, threshold)
}

/// The comparison of an element with a constant as one on the feature behind it.
pub(super) fn with_constant(
    lowering: &mut Lowering<'_>,
    comparison: Comparison,
    (node, position): (NodeId, usize),
    threshold: f64,
) -> Option<Item> {
    let chain = Chain::of(lowering, node, position)?;
    let condition = chain.compare(lowering, comparison, threshold);
    let Item::Flag { condition, mut missing } = chain.flag(lowering, comparison, threshold, condition) else {
        return None;
    };
    if chain.truncates() {
        let items = lowering.items(node);
        let Some(&Item::Value(element)) = items.get(position).or(items.first()) else { return None };
        missing = union(&missing, &lowering.score.null_sources(element));
    }
    Some(Item::Flag { condition, missing })
}

/// A number that is the same for every row.
fn constant(lowering: &Lowering<'_>, (node, position): (NodeId, usize)) -> Option<f64> {
    match &lowering.graph.node(node).op {
        Op::Constant(values) => match values.get(position).or(values.first()) {
            Some(Value::Number(value)) => Some(*value),
            Some(Value::Integer(value)) => Some(*value as f64),
            _ => None,
        },
        _ => None,
    }
}

impl Chain {
    /// The steps from a feature to an element, if there are only monotone ones and one of them is not arithmetic on
    /// doubles.
    pub(super) fn of(lowering: &mut Lowering<'_>, mut node: NodeId, mut position: usize) -> Option<Chain> {
        let graph = lowering.graph;
        let mut steps: Vec<Step> = Vec::new();
        // what an imputer of missing values makes of them; what an imputer of a value gives; how many steps stand behind
        // the first of them
        let (mut fill, mut replaced, mut behind) = (None, None, None);
        let feature = loop {
            let Node { op, args, precision, width, .. } = graph.node(node);
            if *width == 1 {
                position = 0;
            }
            let mut push = |kind| steps.push(Step { kind, precision: *precision });
            match op {
                Op::Input(feature) => {
                    push(Kind::Round);
                    // what an imputer sees must be the feature itself
                    if steps[behind.unwrap_or(steps.len())..].iter().any(|step| !matches!(step.kind, Kind::Round)) {
                        return None;
                    }
                    break *feature;
                }
                Op::Pick(positions) => position = positions[position],
                Op::Polynomial(terms) => match terms[position].as_slice() {
                    [(only, 1)] => position = *only,
                    _ => return None,
                },
                Op::Concat => {
                    let mut start = 0;
                    let mut found = None;
                    for &arg in args {
                        let width = graph.node(arg).width;
                        if position < start + width {
                            found = Some((arg, position - start));
                            break;
                        }
                        start += width;
                    }
                    (node, position) = found?;
                    continue;
                }
                Op::Impute { missing, fill: values } => {
                    let Value::Number(value) = values[position] else { return None };
                    behind = behind.or(Some(steps.len()));
                    steps.push(Step { kind: Kind::Round, precision: *precision });
                    if replaced.is_none() {
                        match missing {
                            // the innermost fills first
                            Missing::Absent => fill = Some(value),
                            Missing::Equal(_) => replaced = Some((node, position, value)),
                        }
                    }
                }
                // steps are pushed last first
                Op::Scale(Scaling::CenterDivide { center, scale }) => {
                    push(Kind::Divide(scale[position]));
                    push(Kind::Add(-center[position]));
                }
                Op::Scale(Scaling::CenterMultiply { offset, factor }) => {
                    push(Kind::Multiply(factor[position]));
                    push(Kind::Add(-offset[position]));
                }
                Op::Scale(Scaling::MultiplyAdd { factor, shift }) => {
                    push(Kind::Add(shift[position]));
                    push(Kind::Multiply(factor[position]));
                }
                Op::Unary(unary) => push(match unary {
                    Unary::ToNumber => Kind::Round,
                    Unary::Negate => Kind::Multiply(-1.0),
                    Unary::ToInteger if graph.node(args[0]).elem == Elem::Number => Kind::Truncate,
                    Unary::Floor => Kind::Floor,
                    Unary::Ceil => Kind::Ceil,
                    Unary::Round => Kind::RoundEven,
                    Unary::Sign => Kind::Sign,
                    Unary::Relu => Kind::Clip(0.0, f64::INFINITY),
                    Unary::Clip { low, high } => Kind::Clip(*low, *high),
                    _ => return None,
                }),
                Op::Binary(binary) => {
                    let (left, right) = ((args[0], position), (args[1], position));
                    let (next, kind) = match (binary, constant(lowering, left), constant(lowering, right)) {
                        (Binary::Add, Some(shift), None) => (right, Kind::Add(shift)),
                        (Binary::Add, None, Some(shift)) => (left, Kind::Add(shift)),
                        (Binary::Subtract, None, Some(shift)) => (left, Kind::Add(-shift)),
                        (Binary::Multiply, Some(factor), None) => (right, Kind::Multiply(factor)),
                        (Binary::Multiply, None, Some(factor)) => (left, Kind::Multiply(factor)),
                        (Binary::Divide, None, Some(divisor)) => (left, Kind::Divide(divisor)),
                        _ => return None,
                    };
                    if graph.node(node).elem != Elem::Number {
                        return None;
                    }
                    push(kind);
                    (node, position) = next;
                    continue;
                }
                _ => return None,
            }
            node = args[0];
        };
        steps.reverse();
        let inexact = |step: &Step| step.precision == Precision::Single || matches!(step.kind, Kind::Truncate);
        let first = Step { kind: Kind::Round, precision: graph.features[feature].precision };
        steps.insert(0, first);
        if !steps.iter().any(inexact) || !steps.iter().all(|step| step.is_monotone()) {
            return None;
        }
        let truncations = steps.iter().filter(|step| matches!(step.kind, Kind::Truncate)).count();
        let mut whole = lowering.whole[feature];
        let x = match (graph.features[feature].elem, &lowering.inputs[feature]) {
            (Elem::Number, Item::Value(_)) if let Some((node, position, value)) = replaced => {
                whole = whole.filter(|_| value.fract() == 0.0).map(|(low, high)| (low.min(value), high.max(value)));
                let Item::Value(x) = lowering.items(node)[position] else { return None };
                x
            }
            (Elem::Number, Item::Value(x)) => *x,
            (Elem::Integer, Item::Value(_)) if replaced.is_none() => {
                let item = lowering.inputs[feature].clone();
                whole = whole.or(Some((i64::MIN as f64, i64::MAX as f64)));
                lowering.number(&item)
            }
            _ => return None,
        };
        let fits = lowering.score.ty(x) == &Type::Double && truncations <= 1;
        fits.then_some(Chain { x, fill, whole, steps })
    }

    /// Whether the element is an integer, missing where the number does not fit one.
    pub(super) fn truncates(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.kind, Kind::Truncate))
    }

    /// The element for a number; NaN where it is missing.
    pub(super) fn value(&self, x: f64) -> f64 {
        self.steps.iter().fold(x, |x, step| step.apply(x))
    }

    /// The numbers that fit an integer where they are truncated.
    fn domain(&self) -> (f64, f64) {
        let Some(at) = self.steps.iter().position(|step| matches!(step.kind, Kind::Truncate)) else { return ALL };
        let before = |x: f64| self.steps[..at].iter().fold(x, |x, step| step.apply(x));
        let least = Split::find(ALL, |x| before(x) >= -TWO_63).within(ALL);
        let most = Split::find(ALL, |x| before(x) < TWO_63).within(ALL);
        match (least, most) {
            (Some((a, b)), Some((c, d))) => (a.max(c), b.min(d)),
            _ => ALL,
        }
    }

    /// The condition that the number fits where it is truncated; `None` if every number does. False for NaN.
    pub(super) fn fits(&self, lowering: &mut Lowering<'_>) -> Option<Id> {
        if !self.truncates() {
            return None;
        }
        let (low, high) = self.domain();
        let (least, most) = self.whole.unwrap_or(ALL);
        let mut conditions = Vec::new();
        if least < low {
            conditions.extend(Split::From(low.next_down(), low).condition(&mut lowering.score, self.x));
        }
        if most > high {
            conditions.extend(Split::UpTo(high, high.next_up()).condition(&mut lowering.score, self.x));
        }
        (!conditions.is_empty()).then(|| lowering.score.and(conditions))
    }

    /// The condition on the number, where it is there and fits, that the element compares so with a constant.
    pub(super) fn compare(&self, lowering: &mut Lowering<'_>, comparison: Comparison, c: f64) -> Id {
        let domain = self.domain();
        let split = |comparison| Split::find(domain, |x| meets(comparison, self.value(x), c));
        let sides = match comparison {
            Comparison::Equal => vec![split(Comparison::GreaterOrEqual), split(Comparison::LessOrEqual)],
            _ => vec![split(comparison)],
        };
        let score = &mut lowering.score;
        let interval = sides.iter().try_fold(domain, |interval, side| side.within(interval));
        let Some((mut low, mut high)) = interval else { return score.boolean(false) };
        if let Some((least, most)) = self.whole {
            if low <= least && high >= most {
                return score.boolean(true);
            }
            if comparison == Comparison::Equal {
                // + 0.0: no negative zero
                (low, high) = (low.max(least).ceil() + 0.0, high.min(most).floor());
            }
        }
        if low > high {
            return score.boolean(false);
        }
        if low == high && low.is_finite() {
            let only = score.double(low);
            return score.compare(Comparison::Equal, self.x, only);
        }
        let conditions: Vec<Id> = if comparison == Comparison::Equal && self.whole.is_some() {
            let (least, most) = (score.double(low), score.double(high));
            vec![
                score.compare(Comparison::GreaterOrEqual, self.x, least),
                score.compare(Comparison::LessOrEqual, self.x, most),
            ]
        } else {
            sides.iter().filter_map(|side| side.condition(score, self.x)).collect()
        };
        if conditions.is_empty() {
            // any number at all
            let nan = score.call(Function::IsNan, vec![self.x]);
            return score.not(nan);
        }
        score.and(conditions)
    }

    /// A condition on the number as one on the element: what is missing compares as the imputer's value.
    fn flag(&self, lowering: &mut Lowering<'_>, comparison: Comparison, c: f64, condition: Id) -> Item {
        let Some(fill) = self.fill else {
            return Item::Flag { condition, missing: lowering.score.null_sources(self.x) };
        };
        let condition = if meets(comparison, self.value(fill), c) {
            let absent = lowering.absent(self.x);
            lowering.score.or([absent, condition])
        } else {
            // NaN meets no condition
            let null = lowering.score.is_null(self.x);
            let present = lowering.score.not(null);
            lowering.score.and([present, condition])
        };
        Item::Flag { condition, missing: Vec::new() }
    }
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

fn meets(comparison: Comparison, a: f64, b: f64) -> bool {
    match comparison {
        Comparison::Equal => a == b,
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
    }
}

impl Step {
    fn apply(self, x: f64) -> f64 {
        let value = match self.kind {
            Kind::Round => x,
            Kind::Add(shift) => x + shift,
            Kind::Multiply(factor) => x * factor,
            Kind::Divide(divisor) => x / divisor,
            Kind::Floor => x.floor(),
            Kind::Ceil => x.ceil(),
            Kind::RoundEven => x.round_ties_even(),
            Kind::Sign if x == 0.0 || x.is_nan() => x,
            Kind::Sign => x.signum(),
            Kind::Clip(low, _) if x < low => low,
            Kind::Clip(_, high) if x > high => high,
            Kind::Clip(..) => x,
            Kind::Truncate if (-TWO_63..TWO_63).contains(&x) => return x.trunc(),
            Kind::Truncate => return f64::NAN,
        };
        match self.precision {
            Precision::Single => f64::from(value as f32),
            Precision::Double => value,
        }
    }

    /// A zero factor makes NaN of infinities, a zero divisor jumps at zero.
    fn is_monotone(self) -> bool {
        match self.kind {
            Kind::Multiply(by) | Kind::Divide(by) => by != 0.0 && by.is_finite(),
            Kind::Add(shift) => shift.is_finite(),
            Kind::Clip(low, high) => low <= high,
            _ => true,
        }
    }
}
