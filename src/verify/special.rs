//! The values that a column is tried with: what the model compares it with, divides it by or weighs it with, numbers that are
//! special for every model, and plausible ones between.
//!
//! The constants come from the lowered score, so every format has them. The generator is our own, so that a run can be
//! repeated anywhere.

use super::subject::Subject;
use crate::schema::Type;
use crate::score::{Const, Expr, Function, Score};
use crate::sql::ast;
use crate::sql::eval::{Decimal, Value as Sql};

const DAY: i64 = 86_400_000;

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// What is known of the values of one feature.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Numbers that it is compared with, or that make a sum of it zero.
    numbers: Vec<f64>,
    /// Texts and integers that it is compared with.
    categories: Vec<Sql>,
    /// The largest weight it has.
    weight: f64,
    /// By what it is divided.
    scale: f64,
}

/// Numbers that every numeric feature is tried with.
const EXTREMES: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1e-3,
    -40.0,
    750.0,
    -750.0,
    1e6,
    -1e6,
    1e15,
    1e100,
    -1e100,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    9_007_199_254_740_993.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

impl Known {
    /// In order, each once.
    fn sort(&mut self) {
        self.numbers.retain(|value| value.is_finite());
        self.numbers.sort_by(f64::total_cmp);
        self.numbers.dedup_by(|a, b| a.to_bits() == b.to_bits());
        let mut distinct: Vec<Sql> = Vec::new();
        for category in self.categories.drain(..) {
            if !distinct.iter().any(|other| other.java_equals(&category)) {
                distinct.push(category);
            }
        }
        self.categories = distinct;
    }
}

/// The numbers and texts that stand in an expression.
fn literals(expr: &ast::Expr) -> Known {
    let mut known = Known::default();
    let mut rest = vec![expr];
    while let Some(expr) = rest.pop() {
        match expr {
            ast::Expr::Double(value) => known.numbers.push(value.0),
            ast::Expr::Integer(value) => {
                known.numbers.push(*value as f64);
                known.categories.push(Sql::Bigint(*value));
            }
            ast::Expr::Decimal(text) => known.numbers.extend(text.parse::<f64>()),
            ast::Expr::String(text) => known.categories.push(Sql::string(text)),
            _ => expr.for_each_child(|child| rest.push(child)),
        }
    }
    known
}

impl Subject<'_> {
    /// What the score, and the literals of expressions that it does not look into, say of each column.
    pub(super) fn known_of_columns(&self) -> Vec<Known> {
        let mut columns = vec![Known::default(); self.relation().columns.len()];
        for (of, input) in self.columns.iter().zip(self.known()) {
            let Some(known) = of.and_then(|position| columns.get_mut(position)) else { continue };
            known.numbers.extend(input.numbers);
            known.categories.extend(input.categories);
            known.weight = known.weight.max(input.weight);
            known.scale = known.scale.max(input.scale);
        }
        for binding in &self.compiled.bindings.inputs {
            if matches!(binding.expr, ast::Expr::Column(_)) {
                continue;
            }
            let literals = literals(&binding.expr);
            for name in binding.expr.columns() {
                let position = self.relation().columns.iter().position(|column| column.name == name.as_str());
                let Some(known) = position.and_then(|position| columns.get_mut(position)) else { continue };
                known.numbers.extend(&literals.numbers);
                known.categories.extend(literals.categories.iter().cloned());
            }
        }
        columns.iter_mut().for_each(Known::sort);
        columns
    }

    /// What the score says of each input.
    fn known(&self) -> Vec<Known> {
        let score = &self.compiled.score;
        let mut known = vec![Known::default(); score.inputs().len()];
        let uses = score.uses();
        for id in score.ids().filter(|id| uses[id.index()] > 0) {
            match score.expr(id) {
                Expr::Compare(_, a, b) => {
                    for (a, b) in [(a, b), (b, a)] {
                        let Some(constant) = score.constant(*b) else { continue };
                        let Some((number, factor, shift)) = line(score, *a) else { continue };
                        match constant {
                            Const::Double(value) => known[number].numbers.push((value.0 - shift) / factor),
                            Const::Bigint(value) => known[number].categories.push(Sql::Bigint(*value)),
                            Const::Text(value) => known[number].categories.push(Sql::string(value)),
                            _ => {}
                        }
                    }
                }
                Expr::Sum(terms) => {
                    for term in terms {
                        if let Some((number, factor, _)) = term.factor.and_then(|factor| line(score, factor)) {
                            let weight = (term.coefficient * factor).abs();
                            known[number].weight = known[number].weight.max(weight);
                        }
                    }
                    if let Some((number, factor, shift)) = line(score, id)
                        && shift != 0.0
                    {
                        known[number].numbers.push(-shift / factor);
                    }
                }
                Expr::Call(Function::Divide, list) => {
                    if let (Some((number, factor, _)), Some(scale)) =
                        (line(score, list[0]), score.double_value(list[1]))
                    {
                        known[number].scale = known[number].scale.max((scale / factor).abs());
                    }
                }
                Expr::Case(arms, otherwise) => {
                    // an imputer's value
                    if let Some((number, 1.0, 0.0)) = line(score, *otherwise) {
                        known[number].numbers.extend(arms.iter().filter_map(|arm| score.double_value(arm.value)));
                    }
                }
                _ => {}
            }
        }
        known
    }
}

/// `factor * input + shift`, if the expression is that: the input's number, factor and shift.
fn line(score: &Score, id: crate::score::Id) -> Option<(usize, f64, f64)> {
    let (mut id, mut factor, mut shift) = (id, 1.0, 0.0);
    // from the outside: value = factor * here + shift
    for _ in 0..16 {
        match score.expr(id) {
            Expr::Input(number) if factor != 0.0 => return Some((*number as usize, factor, shift)),
            Expr::Sum(terms) => {
                let mut inner = None;
                for term in terms {
                    match term.factor {
                        None => shift += factor * term.coefficient,
                        Some(next) if inner.is_none() => inner = Some((next, term.coefficient)),
                        Some(_) => return None,
                    }
                }
                let (next, coefficient) = inner?;
                factor *= coefficient;
                id = next;
            }
            Expr::Call(Function::Divide, list) => {
                factor /= score.double_value(list[1])?;
                id = list[0];
            }
            Expr::Call(Function::ToDouble | Function::Coalesce, list) => id = list[0],
            // an imputer
            Expr::Case(arms, otherwise) if arms.iter().all(|arm| score.constant(arm.value).is_some()) => {
                id = *otherwise
            }
            _ => return None,
        }
    }
    None
}

/// The special values of a column, NULL first.
pub(super) fn values(ty: &Type, known: &Known, random: &mut Random) -> Vec<Sql> {
    let mut list = vec![Sql::Null];
    match ty {
        Type::Boolean => list.extend([Sql::Boolean(true), Sql::Boolean(false)]),
        Type::String => {
            let categories = known.categories.as_slice();
            list.extend(categories.iter().filter(|it| matches!(it, Sql::String(_))).cloned());
            list.extend(["", "unknown category", "NaN", "O'Brien\u{e9}", " "].map(Sql::string));
            // neighbours of a category: case and blanks count
            if let Some(Sql::String(text)) = categories.first() {
                list.extend([Sql::string(text.to_uppercase()), Sql::string(format!("{text} "))]);
            }
        }
        _ if ty.is_numeric() => {
            let mut numbers: Vec<f64> = Vec::new();
            for value in &known.numbers {
                numbers.extend([*value, value.next_up(), value.next_down()]);
                // what is computed in binary32 cannot tell those apart; a bend shows only at some distance
                let single = *value as f32;
                numbers.extend([single, single.next_up(), single.next_down()].map(f64::from));
                numbers.extend([value * (1.0 + 2.5e-7), value * (1.0 - 2.5e-7)]);
            }
            for category in &known.categories {
                if let Sql::Bigint(value) = category {
                    list.push(of_integer(ty, *value));
                    list.push(of_integer(ty, value.saturating_add(1)));
                }
            }
            numbers.extend(EXTREMES);
            list.extend(numbers.iter().map(|&value| of_number(ty, value, &[])));
        }
        // a time of the day, a day, both: from 1950 to 2100
        Type::Time => list.extend([0, 1, 43_200_000, DAY - 1].map(Sql::Time)),
        Type::Date | Type::Timestamp => {
            for days in [0, -1, 11_016, 19_782, 47_481].into_iter().chain((0..28).map(|step| 20_000 + 13 * step)) {
                list.push(match ty {
                    Type::Date => Sql::Date(days * DAY),
                    _ => Sql::Timestamp(days * DAY + random.below(DAY as usize) as i64),
                });
            }
        }
        Type::Array(_) | Type::Map(..) | Type::Struct(_) => {
            list.extend((0..24).map(|_| composed(ty, known, random, 0)))
        }
        _ => {}
    }
    list
}

/// An array, map or struct of plausible values; the keys of a map are texts that stand in expressions over it.
fn composed(ty: &Type, known: &Known, random: &mut Random, depth: usize) -> Sql {
    if depth > 4 || random.below(12) == 0 && depth > 0 {
        return Sql::Null;
    }
    match ty {
        Type::Array(item) => {
            let length = random.below(5);
            Sql::array((0..length).map(|_| composed(item, known, random, depth + 1)).collect())
        }
        Type::Map(_, item) => {
            let keys: Vec<Sql> = known.categories.iter().filter(|it| matches!(it, Sql::String(_))).cloned().collect();
            Sql::map(keys.into_iter().map(|key| (key, composed(item, known, random, depth + 1))))
        }
        Type::Struct(fields) => {
            let values: Vec<Sql> = fields.iter().map(|field| composed(&field.ty, known, random, depth + 1)).collect();
            Sql::Struct(values.into())
        }
        _ => {
            let all = values(ty, known, random);
            plausible(ty, known, &all, random)
        }
    }
}

fn of_integer(ty: &Type, value: i64) -> Sql {
    match ty {
        Type::Integer => i32::try_from(value).map_or(Sql::Integer(i32::MAX), Sql::Integer),
        Type::Bigint => Sql::Bigint(value),
        _ => of_number(ty, value as f64, &[]),
    }
}

/// The number in a column of this type, or the nearest to it; for other types one of their values.
pub(super) fn of_number(ty: &Type, value: f64, all: &[Sql]) -> Sql {
    match ty {
        Type::Double => Sql::Double(value),
        Type::Integer => Sql::Integer(value as i32),
        Type::Bigint => Sql::Bigint(value as i64),
        Type::Decimal(precision, scale) => {
            let text = format!("{value:.*}", *scale as usize);
            let digits = text.chars().filter(char::is_ascii_digit).count();
            match Decimal::parse(&text) {
                Some(decimal) if value.is_finite() && digits <= *precision as usize => Sql::decimal(decimal),
                _ => Sql::Null,
            }
        }
        _ => all.get(1).cloned().unwrap_or(Sql::Null),
    }
}

/// A value such as the model may have been trained on.
pub(super) fn plausible(ty: &Type, known: &Known, all: &[Sql], random: &mut Random) -> Sql {
    if !ty.is_numeric() {
        // mostly a known category, never NULL
        let known: Vec<&Sql> = known.categories.iter().filter(|value| matches!(value, Sql::String(_))).collect();
        if *ty == Type::String && !known.is_empty() && random.below(16) > 0 {
            return known[random.below(known.len())].clone();
        }
        return match all.len() {
            0 | 1 => Sql::Null,
            length => all[1 + random.below(length - 1)].clone(),
        };
    }
    if !known.categories.is_empty() && random.below(8) > 0 {
        let category = &known.categories[random.below(known.categories.len())];
        if let Sql::Bigint(value) = category {
            return of_integer(ty, *value);
        }
    }
    // about normal
    let normal = (0..6).map(|_| random.unit()).sum::<f64>() - 3.0;
    let centre = match known.numbers.len() {
        0 => 0.0,
        length => known.numbers[random.below(length)],
    };
    let spread = match (known.numbers.first(), known.numbers.last()) {
        (Some(first), Some(last)) if last > first => (last - first).min(1e9),
        _ if known.scale > 0.0 && known.scale.is_finite() => known.scale,
        _ if known.weight > 0.0 => (1.0 / known.weight).clamp(1e-6, 1e6),
        _ => 1.0,
    };
    let value = match random.below(4) {
        0 => normal,
        1 => libm::rint(10.0 * random.unit()),
        _ => centre + 1.5 * spread * normal,
    };
    of_number(ty, value, all)
}
