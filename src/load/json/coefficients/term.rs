//! Builds terms: which columns they read, of which type, and how they are computed.

use super::formula::{self, Factor, Formula};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Report};
use crate::load::json::build::{Builder, Column};
use crate::load::json::expect;
use crate::load::json::value::Json;
use crate::model::{Binary, Elem, Encoder, NodeId, Op, Scaling, Unary, Unknown, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The terms of a file. All are read before any is built: the levels of a factor are known from all of its terms.
pub(super) struct Terms<'a> {
    factors: &'a BTreeMap<String, Vec<Value>>,
    terms: Vec<(Vec<Factor>, f64, Json<'a>)>,
    offsets: Vec<(Formula, Json<'a>)>,
    built_offsets: Vec<Column>,
}

/// How columns are read while terms are built.
struct Columns<'b> {
    builder: &'b mut Builder,
    known: BTreeMap<String, Column>,
    /// The one-hot vector of a factor, and the position of each level by its text.
    encoded: BTreeMap<String, (NodeId, BTreeMap<String, usize>)>,
}

impl<'a> Terms<'a> {
    pub(super) fn new(factors: &'a BTreeMap<String, Vec<Value>>) -> Self {
        Terms { factors, terms: Vec::new(), offsets: Vec::new(), built_offsets: Vec::new() }
    }

    /// Enters a term, or reports why it is not understood.
    pub(super) fn add(&mut self, report: &mut Report, key: Json<'a>, name: &str, coefficient: f64) {
        // A factor of R: its name and level glued together. Levels may hold any character.
        let read = match self.glued(report, key, name) {
            Some(factor) => Ok(vec![factor]),
            None => formula::term(name),
        };
        match read {
            Ok(factors) => {
                let mut known = Vec::new();
                for factor in factors {
                    known.push(match factor {
                        Factor::Column(name) => self.glued(report, key, &name).unwrap_or(Factor::Column(name)),
                        other => other,
                    });
                }
                for factor in &known {
                    self.suspect(report, key, factor);
                }
                self.terms.push((known, coefficient, key));
            }
            Err((message, range)) => {
                report.push(
                    Diagnostic::new(&codes::BAD_TERM, format!("the term `{name}`: {message}"))
                        .at(key.place_in_text(range))
                        .help("compute the term as a column of its own, and name that"),
                );
            }
        }
    }

    /// Enters an offset: added with coefficient 1.
    pub(super) fn add_offset(&mut self, report: &mut Report, json: Json<'a>, text: &str) {
        match formula::formula(text) {
            Ok(formula) => self.offsets.push((formula, json)),
            Err(message) => {
                report.push(
                    Diagnostic::new(&codes::BAD_TERM, format!("the offset `{text}`: {message}")).at(json.place()),
                );
            }
        }
    }

    /// The offsets, after [`Terms::build`].
    pub(super) fn offsets(&self) -> &[Column] {
        &self.built_offsets
    }

    /// A factor of the map `factors` and one of its levels, glued together.
    fn glued(&self, report: &mut Report, key: Json<'a>, name: &str) -> Option<Factor> {
        let mut found = Vec::new();
        for (factor, levels) in self.factors {
            let Some(rest) = name.strip_prefix(factor.as_str()) else { continue };
            for level in levels {
                if level_text(level) == rest
                    || matches!((level, rest), (Value::Boolean(true), "TRUE") | (Value::Boolean(false), "FALSE"))
                {
                    found.push((factor, level_text(level)));
                }
            }
        }
        if let [(a, x), (b, y), ..] = &found[..] {
            let message = format!("the term `{name}` is `{a}` with level `{x}`, or `{b}` with level `{y}`");
            report.push(Diagnostic::new(&codes::AMBIGUOUS_TERM, message).at(key.place()).help("rename a column"));
        }
        found.into_iter().next().map(|(factor, level)| Factor::Level(factor.clone(), level))
    }

    /// Names that are certainly made by R from a logical column or an ordered factor.
    fn suspect(&self, report: &mut Report, key: Json<'a>, factor: &Factor) {
        let Factor::Column(name) = factor else { return };
        let logical = name
            .strip_suffix("TRUE")
            .filter(|column| column.ends_with(|letter: char| letter.is_lowercase() || letter == '_' || letter == '.'));
        if let Some(column) = logical {
            let message = format!("the term `{name}` looks like the logical column `{column}` of R");
            let help = format!(
                "add `\"factors\": {{ \"{column}\": [false, true] }}` beside `\"coefficients\"`, or rename the term"
            );
            report.push(Diagnostic::new(&codes::AMBIGUOUS_TERM, message).at(key.place()).help(help));
        }
        let power =
            name.rsplit_once('^').filter(|(column, degree)| !column.is_empty() && degree.parse::<u32>().is_ok());
        if let Some((column, _)) = power {
            let message = format!(
                "the term `{name}` is a polynomial contrast of the ordered factor `{column}`, which is not supported"
            );
            report
                .push(Diagnostic::new(&codes::BAD_TERM, message).at(key.place()).help("fit with treatment contrasts"));
        }
    }

    /// Builds all terms. `columns` gets each with its coefficient.
    pub(super) fn build(&mut self, report: &mut Report, builder: &mut Builder, columns: &mut Vec<(Column, f64)>) {
        let mut reader = Columns { builder, known: BTreeMap::new(), encoded: BTreeMap::new() };
        self.declare(report, &mut reader);
        for (factors, coefficient, _) in &self.terms {
            let mut parts: Vec<Column> = Vec::new();
            for factor in factors {
                parts.push(match factor {
                    Factor::Column(name) => reader.column(name),
                    Factor::Level(name, level) => reader.level(name, level),
                    Factor::Formula(formula) => Column::Element(reader.formula(formula), 0),
                });
            }
            let column = match parts[..] {
                [one] => one,
                _ => {
                    let mut distinct: Vec<(Column, u32)> = Vec::new();
                    for part in parts {
                        match distinct.iter_mut().find(|(column, _)| *column == part) {
                            Some((_, power)) => *power += 1,
                            None => distinct.push((part, 1)),
                        }
                    }
                    let vector: Vec<Column> = distinct.iter().map(|(column, _)| *column).collect();
                    let x = reader.builder.gather(&vector, Elem::Number);
                    let term = distinct.iter().enumerate().map(|(at, (_, power))| (at, *power)).collect();
                    Column::Element(reader.builder.push(Op::Polynomial(vec![term]), vec![x], 1), 0)
                }
            };
            columns.push((column, *coefficient));
        }
        for (formula, _) in &self.offsets {
            let node = reader.formula(formula);
            self.built_offsets.push(Column::Element(node, 0));
        }
    }

    /// Declares the columns in the order of their first use, factors with all of their levels.
    fn declare(&self, report: &mut Report, reader: &mut Columns<'_>) {
        let mut levels: BTreeMap<&str, (Vec<&str>, BTreeSet<&str>)> = BTreeMap::new();
        let mut numeric: BTreeMap<&str, Json<'a>> = BTreeMap::new();
        for (factors, _, key) in &self.terms {
            for factor in factors {
                match factor {
                    Factor::Level(name, level) => {
                        let (list, seen) = levels.entry(name).or_default();
                        if seen.insert(level) {
                            list.push(level);
                        }
                    }
                    Factor::Column(name) => {
                        numeric.entry(name).or_insert(*key);
                    }
                    Factor::Formula(formula) => names(formula, &mut |name| {
                        numeric.entry(name).or_insert(*key);
                    }),
                }
            }
        }
        for (name, key) in &numeric {
            if levels.contains_key(name) {
                let message = format!("the column `{name}` is used as a factor and as a number");
                report.push(
                    Diagnostic::new(&codes::WRONG_USE, message).at(key.place()).help("give the factor another name"),
                );
            }
        }
        for (factors, _, key) in &self.terms {
            for factor in factors {
                match factor {
                    Factor::Column(name) => reader.declare(name, *key),
                    Factor::Formula(formula) => names(formula, &mut |name| reader.declare(name, *key)),
                    Factor::Level(name, _) if !reader.encoded.contains_key(name) => {
                        let used = levels.get(name.as_str()).map_or_else(Vec::new, |(list, _)| list.clone());
                        reader.encode(report, name, &used, self.factors.get(name).map(Vec::as_slice), *key);
                    }
                    Factor::Level(..) => {}
                }
            }
        }
        for (formula, json) in &self.offsets {
            names(formula, &mut |name| reader.declare(name, *json));
        }
    }
}

impl Columns<'_> {
    fn declare(&mut self, name: &str, key: Json<'_>) {
        if !self.known.contains_key(name) {
            let column = self.builder.feature(name, Some(Elem::Number), Some(key.place()));
            self.known.insert(name.to_owned(), column);
        }
    }

    /// One-hot for the levels that have coefficients. Other values are the reference level; where the file lists the levels,
    /// a value that is none of them makes the result missing.
    fn encode(&mut self, report: &mut Report, name: &str, used: &[&str], listed: Option<&[Value]>, key: Json<'_>) {
        let mut keys: Vec<Value> = match listed {
            Some(levels) => levels.to_vec(),
            None => typed(used),
        };
        let positions: BTreeMap<String, usize> =
            used.iter().enumerate().map(|(at, level)| ((*level).to_owned(), at)).collect();
        let known: BTreeSet<String> = keys.iter().map(level_text).collect();
        if let Some(missing) = used.iter().find(|text| !known.contains(**text)) {
            let message = format!("`{missing}` is none of the levels of `{name}` in `factors`");
            report.push(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(key.place()));
        }
        let position = |value: &Value| positions.get(&level_text(value)).map_or(-1, |&at| at as i64);
        let values = keys.iter().map(|value| Value::Integer(position(value))).collect();
        let elem = keys.first().and_then(Value::elem).unwrap_or(Elem::Text);
        let unknown = if listed.is_some() { Unknown::Missing } else { Unknown::Value(Value::Integer(-1)) };
        let column = self.builder.feature(name, Some(elem), Some(key.place()));
        let vector = self.builder.gather(&[column], elem);
        let encoder = Encoder { keys: std::mem::take(&mut keys), values, unknown };
        let width = used.len();
        let node = self.builder.push(Op::OneHot { encoders: vec![encoder], widths: vec![width] }, vec![vector], width);
        self.encoded.insert(name.to_owned(), (node, positions));
    }

    fn column(&mut self, name: &str) -> Column {
        // Declared before.
        self.known.get(name).copied().unwrap_or(Column::Feature(0))
    }

    fn level(&mut self, name: &str, level: &str) -> Column {
        let found = self.encoded.get(name).and_then(|(node, positions)| Some((*node, *positions.get(level)?)));
        found.map_or(Column::Feature(0), |(node, at)| Column::Element(node, at))
    }

    /// A formula's depth is bounded by its parser.
    fn formula(&mut self, formula: &Formula) -> NodeId {
        match formula {
            Formula::Number(number) => self.builder.constant(*number),
            Formula::Column(name) => {
                let column = self.column(name);
                self.builder.gather(&[column], Elem::Number)
            }
            Formula::Unary(function, x) => {
                let x = self.formula(x);
                self.builder.unary(function.clone(), x)
            }
            Formula::LogBase(x, base) => {
                let x = self.formula(x);
                let log = self.builder.unary(Unary::Log, x);
                let scaling = Scaling::CenterDivide { center: vec![0.0], scale: vec![*base] };
                self.builder.push(Op::Scale(scaling), vec![log], 1)
            }
            Formula::Binary(Binary::Power, x, exponent) => {
                let base = self.formula(x);
                match **exponent {
                    // A product is exact where a power function may not be.
                    Formula::Number(power) if (1.0..=16.0).contains(&power) && power.fract() == 0.0 => {
                        self.builder.push(Op::Polynomial(vec![vec![(0, power as u32)]]), vec![base], 1)
                    }
                    _ => {
                        let exponent = self.formula(exponent);
                        self.builder.binary(Binary::Power, base, exponent)
                    }
                }
            }
            Formula::Binary(function, a, b) => {
                let (a, b) = (self.formula(a), self.formula(b));
                self.builder.binary(*function, a, b)
            }
        }
    }
}

/// The columns of a formula, in order.
fn names<'f>(formula: &'f Formula, found: &mut dyn FnMut(&'f str)) {
    match formula {
        Formula::Number(_) => {}
        Formula::Column(name) => found(name),
        Formula::Unary(_, x) | Formula::LogBase(x, _) => names(x, found),
        Formula::Binary(_, a, b) => {
            names(a, found);
            names(b, found);
        }
    }
}

/// Levels as values: integers if all are written as such, `True` and `False` as booleans, else text.
fn typed(levels: &[&str]) -> Vec<Value> {
    let integer = |level: &&str| level.parse::<i64>().ok().filter(|integer| integer.to_string() == **level);
    if let Some(integers) = levels.iter().map(integer).collect::<Option<Vec<i64>>>() {
        return integers.into_iter().map(Value::Integer).collect();
    }
    let boolean = |level: &&str| match *level {
        "True" | "TRUE" => Some(Value::Boolean(true)),
        "False" | "FALSE" => Some(Value::Boolean(false)),
        _ => None,
    };
    if let Some(booleans) = levels.iter().map(boolean).collect::<Option<Vec<Value>>>() {
        return booleans;
    }
    levels.iter().map(|level| Value::Text((*level).to_owned())).collect()
}

/// How a level is written in a term.
fn level_text(level: &Value) -> String {
    match level {
        Value::Boolean(true) => "True".into(),
        Value::Boolean(false) => "False".into(),
        Value::Number(number) if number.fract() == 0.0 => format!("{number:.0}"),
        value => expect::name_of(value),
    }
}
