//! Rows made on purpose: where a wrong constant, a wrong comparison or a forgotten NULL shows.
//!
//! One special value at a time is put into rows that are otherwise plain, since a fault that shows only for a combination is
//! what the random rows are for.

use super::special::{Random, of_number, plausible, values};
use super::subject::{Row, Subject};
use crate::model::Value;
use crate::sql::eval::Value as Sql;

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
