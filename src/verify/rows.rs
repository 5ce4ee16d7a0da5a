//! Rows made on purpose: where a wrong constant, a wrong comparison or a forgotten NULL shows.
//!
//! The constants come from the lowered score, so every format has them: what an input is compared with, divided by, or
//! weighted with. One value at a time is put into rows that are otherwise plain, since a fault that shows only for a
//! combination is what the random rows are for. The generator is our own, so that a run can be repeated anywhere.

use super::subject::{Row, Subject};
use crate::model::Value;
use crate::schema::Type;
use crate::score::{Const, Expr, Function, Score};
use crate::sql::ast;
use crate::sql::eval::{Decimal, Value as Sql};

const DAY: i64 = 86_400_000;

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

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

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// What is known of the values of one feature.
#[derive(Clone, Debug, Default)]
struct Known {
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

/// Rows that were made.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    /// The rows.
    pub rows: Vec<Row>,
    /// How many special values all columns have together.
    pub special: usize,
    /// How many of them stand in no row where the rest is plain, since there are more than rows.
    pub not_alone: usize,
}

impl Subject<'_> {
    /// At most this many rows, the same for every call. Where the columns have more special values than there is room for,
    /// they are taken evenly, and most of the others meet in rows that hold one of every column.
    pub fn rows(&self, most: usize) -> Probes {
        if most == 0 {
            return Probes::default();
        }
        let mut random = Random(20_150_401);
        let known = self.known_of_columns();
        let columns = &self.relation().columns;
        let mut candidates: Vec<Vec<Sql>> = Vec::with_capacity(columns.len());
        for (column, known) in columns.iter().zip(&known) {
            candidates.push(values(&column.ty, known, &mut random));
        }
        let plain = |random: &mut Random| -> Row {
            let one = |(position, values): (usize, &Vec<Sql>)| {
                plausible(&columns[position].ty, &known[position], values, random)
            };
            let row = candidates.iter().enumerate().map(one).collect();
            if random.below(8) > 0 { self.in_single(row) } else { row }
        };
        let mut rows: Vec<Row> = Vec::with_capacity(most);
        // all equal, for ties; all NULL
        for value in [0.0, 1.0, -1.0] {
            rows.push(columns.iter().zip(&candidates).map(|(column, all)| of_number(&column.ty, value, all)).collect());
        }
        rows.push(vec![Sql::Null; columns.len()]);
        let special = candidates.iter().map(Vec::len).sum();
        let alone = alone(&candidates, most);
        for (position, value, times) in &alone {
            for _ in 0..*times {
                let mut row = plain(&mut random);
                row[*position] = (*value).clone();
                rows.push(row);
            }
        }
        let not_alone = special - alone.len();
        if not_alone > 0 {
            rows.extend(together(&candidates, most / 10));
        }
        // where the label is undecided no probability is 0 or 1, and every term shows: first for what is missing
        let (missing, others): (Vec<_>, Vec<_>) = candidates
            .iter()
            .enumerate()
            .flat_map(|(position, all)| all.iter().enumerate().map(move |(index, value)| (index, position, value)))
            .partition(|(index, ..)| *index == 0);
        let share = if special <= 4 * most { most / 5 } else { most / 8 };
        for special in [missing, others] {
            let end = rows.len() + share;
            // a row or two for each pair of labels
            let step = (special.len() * 4).div_ceil(share.max(1)).max(1);
            for (_, position, value) in special.into_iter().step_by(step) {
                if rows.len() >= end {
                    break;
                }
                rows.extend(self.undecided(position, value, || plain(&mut random)));
            }
        }
        self.between(&mut rows, most, || plain(&mut random));
        rows.truncate(most.max(4));
        Probes { rows, special, not_alone }
    }

    /// Random rows up to so many, and what lies between two of different labels: every pair of labels in turn.
    fn between(&self, rows: &mut Vec<Row>, most: usize, mut plain: impl FnMut() -> Row) {
        let mut latest: Vec<(Value, Row)> = Vec::new();
        let mut pairs: Vec<(Value, Value, usize)> = Vec::new();
        let mut bisections = most / 20;
        while rows.len() < most {
            let row = plain();
            if let Some(class) = self.class(&row).filter(|_| bisections > 0) {
                let count = |other: &Value| {
                    let pair = pairs.iter().find(|(a, b, _)| (a, b) == (other, &class) || (b, a) == (other, &class));
                    pair.map_or(0, |(_, _, count)| *count)
                };
                let others = latest.iter().filter(|(other, _)| *other != class);
                if let Some((_, other)) = others.min_by_key(|(other, _)| count(other)) {
                    bisections -= 1;
                    let (found, between) = self.boundary(other.clone(), row.clone());
                    rows.extend(found);
                    if let Some((a, b)) = between {
                        match pairs.iter_mut().find(|(x, y, _)| (x, y) == (&a, &b) || (x, y) == (&b, &a)) {
                            Some((_, _, count)) => *count += 1,
                            None => pairs.push((a, b, 1)),
                        }
                    }
                }
                latest.retain(|(other, _)| *other != class);
                latest.push((class, row.clone()));
            }
            rows.push(row);
        }
    }

    /// Rows with this value in this column that lie between two labels, for some pairs of labels.
    fn undecided(&self, position: usize, value: &Sql, mut plain: impl FnMut() -> Row) -> Vec<Row> {
        for _ in 0..4 {
            let mut base = plain();
            base[position] = value.clone();
            let mut seen: Vec<(Value, Row)> = Vec::new();
            for _ in 0..10 {
                // what has no middle stays as it is
                let mut row = plain();
                row.iter_mut()
                    .zip(&base)
                    .filter(|(x, _)| !matches!(x, Sql::Double(_)))
                    .for_each(|(x, y)| *x = y.clone());
                row[position] = value.clone();
                match self.class(&row) {
                    None | Some(Value::Missing) => return Vec::new(),
                    Some(class) if seen.iter().all(|(other, _)| *other != class) => seen.push((class, row)),
                    Some(_) => {}
                }
            }
            let mut rows = Vec::new();
            for (index, (_, a)) in seen.iter().enumerate().take(3) {
                for (_, b) in seen[..index].iter().take(2) {
                    // not the last: there rounding admits both labels
                    let (found, _) = self.boundary(a.clone(), b.clone());
                    rows.extend(found.into_iter().take(if seen.len() == 2 { 4 } else { 2 }));
                }
            }
            if !rows.is_empty() {
                return rows;
            }
        }
        Vec::new()
    }

    /// Rows on both sides of the place between two rows where the label changes, and a little further apart; and the
    /// two labels that meet there.
    fn boundary(&self, mut a: Row, mut b: Row) -> (Vec<Row>, Option<(Value, Value)>) {
        // what has no middle is the same in both, if the labels still differ
        let mut other = b.clone();
        other.iter_mut().zip(&a).filter(|(x, _)| !matches!(x, Sql::Double(_))).for_each(|(x, y)| *x = y.clone());
        if self.class(&other) != self.class(&a) {
            b = other;
        } else {
            a.iter_mut().zip(&b).filter(|(x, _)| !matches!(x, Sql::Double(_))).for_each(|(x, y)| *x = y.clone());
        }
        let class = self.class(&a);
        let mut found = Vec::new();
        for step in 0..70 {
            let mut middle = a.clone();
            for (value, (x, y)) in middle.iter_mut().zip(a.iter().zip(&b)) {
                if let (Sql::Double(x), Sql::Double(y)) = (x, y) {
                    *value = Sql::Double(x + (y - x) / 2.0);
                }
            }
            let same = middle.iter().zip(&a).all(|(x, y)| x.java_equals(y))
                || middle.iter().zip(&b).all(|(x, y)| x.java_equals(y));
            if same {
                break;
            }
            if self.class(&middle) == class {
                a = middle
            } else {
                b = middle
            }
            // binary32 has no numbers nearer
            let single = self.is_single() && (20..30).contains(&step) && step % 3 == 0;
            if single || !self.is_single() && step >= 30 && step % 10 == 0 {
                found.extend([&a, &b].map(|row| self.in_single(row.clone())));
            }
        }
        let between = class.zip(self.class(&b));
        found.extend([a, b].map(|row| self.in_single(row)));
        (found, between)
    }

    /// The row with numbers that the model's binary32 holds: there its precision matters least, see `in_double`.
    fn in_single(&self, mut row: Row) -> Row {
        if self.is_single() {
            for value in &mut row {
                if let Sql::Double(x) = value
                    && (*x as f32).is_finite()
                {
                    *x = f64::from(*x as f32);
                }
            }
        }
        row
    }

    /// What the score, and the literals of expressions that it does not look into, say of each column.
    fn known_of_columns(&self) -> Vec<Known> {
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

/// Special values to be put into plain rows: the column, the value, and into how many rows. NULL stands first among the values
/// of a column, and goes into three if there is room. Of very many values fewer are chosen, so that other kinds of rows have
/// room too.
fn alone(candidates: &[Vec<Sql>], rows: usize) -> Vec<(usize, &Sql, usize)> {
    let total: usize = candidates.iter().map(|all| all.len() - 1).sum();
    let times = (rows / 4 / candidates.len().max(1)).clamp(1, 3);
    let nulls = evenly(candidates.len(), (rows / 5).max(1));
    let others = evenly(total, if total <= 4 * rows { rows / 2 } else { rows / 3 });
    let (mut nulls, mut others) = (nulls.into_iter().peekable(), others.into_iter().peekable());
    let mut chosen = Vec::new();
    let mut number = 0;
    for (position, all) in candidates.iter().enumerate() {
        if nulls.next_if_eq(&position).is_some() {
            chosen.push((position, &all[0], times));
        }
        for value in &all[1..] {
            if others.next_if_eq(&number).is_some() {
                chosen.push((position, value, 1));
            }
            number += 1;
        }
    }
    chosen
}

/// At most so many of the first numbers, at even distances.
fn evenly(count: usize, most: usize) -> Vec<usize> {
    let most = most.min(count);
    (0..most).map(|place| place * count / most).collect()
}

/// Rows that hold a special value of every column. Only moderate ones: a huge one would hide the others.
fn together(candidates: &[Vec<Sql>], most: usize) -> Vec<Row> {
    let moderate = |value: &&Sql| match value {
        Sql::Null => false,
        Sql::Double(x) => x.abs() <= 1e6,
        _ => true,
    };
    let moderate: Vec<Vec<&Sql>> = candidates.iter().map(|all| all.iter().filter(moderate).collect()).collect();
    let count = moderate.iter().map(Vec::len).max().unwrap_or(0).min(most);
    // in each row another one of each column, and not the same of all columns
    let value = |(position, all): (usize, &Vec<&Sql>), row: usize| match all.len() {
        0 => Sql::Null,
        length => all[(row + position) % length].clone(),
    };
    (0..count).map(|row| moderate.iter().enumerate().map(|of| value(of, row)).collect()).collect()
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
fn values(ty: &Type, known: &Known, random: &mut Random) -> Vec<Sql> {
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
fn of_number(ty: &Type, value: f64, all: &[Sql]) -> Sql {
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
fn plausible(ty: &Type, known: &Known, all: &[Sql], random: &mut Random) -> Sql {
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
