//! A model and its SQL, both ready to be evaluated on rows of columns.

use super::bound::{Analysis, Range, Values};
use super::report::{Mismatch, VerifyReport, ulps};
use super::values::{describe, feature, input, of_model, of_sql, text};
use crate::bind;
use crate::compile::{Compiled, Options};
use crate::diag::{Diagnostic, Failed, Report, Sources, codes};
use crate::lower::{Column, Nulls};
use crate::model::eval::Evaluator;
use crate::model::{Elem, Graph, Op, Precision, Role, Unary, Value};
use crate::schema::{Relation, Type};
use crate::score::{self, Form};
use crate::sql::ast::{Expr, Item, Query};
use crate::sql::eval::{Chain, Event, Program, Value as Sql};
use crate::syntax;
use std::collections::HashMap;

/// One value for each column of the [relation](Subject::relation).
pub type Row = Vec<Sql>;

/// For each node of the graph something for each of its elements.
pub(super) type Nodes<T> = Vec<Vec<T>>;

/// Both paths from a row to the outputs.
pub struct Subject<'a> {
    pub(super) graph: &'a Graph,
    pub(super) compiled: &'a Compiled,
    nulls: &'a Nulls,
    relation: Relation,
    evaluator: Evaluator<'a>,
    pub(super) analysis: Analysis<'a>,
    /// For a model in binary32 the same in binary64, as the SQL computes.
    widened: Option<(Evaluator<'a>, Analysis<'a>)>,
    /// What feeds each feature.
    feeds: Vec<Program>,
    /// For an input that is a column as it is, which.
    pub(super) columns: Vec<Option<usize>>,
    chain: Chain,
    /// The queries of the text, each of which reads what the one before it gives.
    queries: Vec<Query>,
    /// How many columns of what the chain gives pass through, before the results.
    kept: usize,
}

impl<'a> Subject<'a> {
    /// Reads the text back and prepares both sides. `options` are those that the graph was compiled with.
    ///
    /// Errors: a text that does not read back or that the engine would refuse.
    pub fn new(
        graph: &'a Graph,
        compiled: &'a Compiled,
        options: &'a Options,
        sources: &mut Sources,
        report: &mut Report,
    ) -> Result<Self, Failed> {
        let graph = compiled.graph(graph);
        let relation = bind::source(graph, &compiled.bindings);
        let evaluator = Evaluator::new(graph)
            .map_err(|problem| report.fail(internal(format!("the graph does not hold together: {problem:?}"))))?;
        let mut feeds = Vec::with_capacity(compiled.bindings.inputs.len());
        for binding in &compiled.bindings.inputs {
            feeds.push(Program::compile(&binding.expr, &relation, report)?);
        }
        let places: HashMap<&str, usize> =
            relation.columns.iter().enumerate().map(|(place, column)| (column.name.as_str(), place)).collect();
        let columns = compiled.bindings.inputs.iter().map(|binding| match &binding.expr {
            Expr::Column(name) => places.get(name.as_str()).copied(),
            _ => None,
        });
        let columns = columns.collect();
        let (chain, queries) = read_back(compiled, &relation, sources, report)?;
        let (found, meant) = (chain.columns().count(), compiled.columns.len());
        let Some(kept) = found.checked_sub(meant).filter(|_| meant == compiled.score.outputs.len()) else {
            return Err(report.fail(internal(format!("{meant} results are meant, the text has {found}"))));
        };
        let mut rounded: Vec<bool> = graph.features.iter().map(|it| it.precision == Precision::Single).collect();
        let single = rounded.contains(&true) || graph.nodes.iter().any(|node| node.precision == Precision::Single);
        rounded.resize(compiled.bindings.inputs.len(), false);
        let analysis = Analysis::new(&compiled.score, single, rounded);
        let exact = vec![false; graph.features.len()];
        let widened = single.then(|| (evaluator.widened(), Analysis::new(&compiled.score, false, exact)));
        let nulls = &options.lower.nulls;
        Ok(Subject {
            graph,
            compiled,
            nulls,
            relation,
            evaluator,
            analysis,
            widened,
            feeds,
            columns,
            chain,
            queries,
            kept,
        })
    }

    /// Whether the model is computed in binary32.
    pub(super) fn is_single(&self) -> bool {
        self.widened.is_some()
    }

    /// The columns that rows have: what the features read.
    pub fn relation(&self) -> &Relation {
        &self.relation
    }

    /// The queries in order, each with what it reads and what it gives. The last one gives the results.
    pub fn links(&self) -> impl Iterator<Item = (&Query, &Relation, &Relation)> {
        let reads = std::iter::once(&self.relation).chain(self.chain.relations());
        self.queries.iter().zip(reads).zip(self.chain.relations()).map(|((query, reads), gives)| (query, reads, gives))
    }

    /// For each result its item, and whether an item of a query before satisfies this.
    pub(super) fn items(&self, holds: impl Fn(&Item) -> bool) -> (&[Item], bool) {
        let Some((last, before)) = self.queries.split_last() else { return (&[], false) };
        let kept = last.items.len().saturating_sub(self.compiled.columns.len());
        (&last.items[kept..], before.iter().flat_map(|query| &query.items).any(holds))
    }

    /// Evaluates rows on both sides and compares.
    pub fn run(&self, rows: &[Row]) -> VerifyReport {
        let mut report = VerifyReport::default();
        for row in rows {
            self.against_model(row, self.sql(row).as_deref(), &mut report);
        }
        report
    }

    /// What the model's own label is for a row; `None` if it has none.
    pub(super) fn class(&self, row: &Row) -> Option<Value> {
        let label = self.graph.output(Role::Label)?.node;
        self.evaluator.nodes(&self.features(row).0).swap_remove(label.index()).pop()
    }

    /// What the SQL gives for a row, one value a result; `None` if it leaves the row out.
    pub(super) fn sql(&self, row: &Row) -> Option<Vec<Sql>> {
        self.chain.eval(row, &Event::default()).map(|mut all| self.results(&mut all))
    }

    /// The results among all columns of the query.
    pub(super) fn results(&self, all: &mut Row) -> Row {
        all.split_off(self.kept.min(all.len()))
    }

    /// The results in order: the names of their columns, and their types.
    pub fn outputs(&self) -> Vec<(String, Type)> {
        self.chain.columns().skip(self.kept).map(|(name, ty)| (name.to_owned(), ty.clone())).collect()
    }

    /// The features of a row, as the model takes them and as the score does.
    pub(super) fn features(&self, row: &Row) -> (Vec<Value>, Vec<score::Value>) {
        let event = Event::default();
        let mut features = Vec::with_capacity(self.feeds.len());
        let mut inputs = Vec::with_capacity(self.feeds.len());
        for (number, feed) in self.feeds.iter().enumerate() {
            let value = feed.eval(row, &event);
            // behind the features are leaves of their expressions
            if let Some(it) = self.graph.features.get(number) {
                features.push(self.filled(it.elem, feature(it.elem, &value)));
            }
            inputs.push(input(&self.compiled.score.inputs()[number].ty, &value));
        }
        (features, inputs)
    }

    /// Under `--nulls VALUE`, a number in the place of a missing one.
    fn filled(&self, elem: Elem, value: Value) -> Value {
        match (self.nulls, elem, value) {
            (Nulls::Value(fill), Elem::Number, Value::Missing) => Value::Number(*fill),
            (Nulls::Value(fill), Elem::Integer, Value::Missing) if fill.fract() == 0.0 && fill.abs() < 9e15 => {
                Value::Integer(*fill as i64)
            }
            (_, _, value) => value,
        }
    }

    /// Compares what SQL gives for a row, `None` if it leaves the row out, with what the model does.
    pub(super) fn against_model(&self, row: &Row, sql: Option<&[Sql]>, report: &mut VerifyReport) {
        let (features, inputs) = self.features(row);
        let dropped = self.drops(&inputs);
        if sql.is_none() != dropped {
            report.nulls += 1;
            let (kept, left_out) = ("a result", "no result");
            let (model, sql) = if dropped { (left_out, kept) } else { (kept, left_out) };
            self.fail(report, row, ["WHERE", model, sql, model].map(str::to_owned));
        }
        let Some(sql) = sql.filter(|_| !dropped) else { return };
        report.rows += 1;
        let nodes = self.evaluator.nodes(&features);
        let ranges = self.analysis.row(&inputs);
        let in_double = self.in_double(&features, &inputs, &nodes);
        for (position, (column, sql)) in self.compiled.columns.iter().zip(sql).enumerate() {
            self.judge(column, row, &expected(column, &nodes), sql, &ranges[position], report);
            if let Some((nodes, ranges)) = &in_double {
                let mut narrow = VerifyReport { first: report.first.take(), ..VerifyReport::default() };
                self.judge(column, row, &expected(column, nodes), sql, &ranges[position], &mut narrow);
                report.numbers += narrow.numbers;
                report.labels += narrow.labels;
                report.nulls += narrow.nulls;
                report.first = narrow.first;
            }
        }
    }

    /// Whether a WHERE clause is to drop the row.
    pub(super) fn drops(&self, inputs: &[score::Value]) -> bool {
        let required = &self.compiled.score.required;
        required.iter().any(|&number| inputs[number as usize] == score::Value::Null)
    }

    /// What the model gives in binary64 for a row, and what rounding admits. `None` where binary32 may decide otherwise.
    pub(super) fn in_binary64(
        &self,
        features: &[Value],
        inputs: &[score::Value],
    ) -> Option<(Nodes<Value>, Nodes<Range>)> {
        let nodes = self.evaluator.nodes(features);
        match self.is_single() {
            true => self.in_double(features, inputs, &nodes),
            false => Some((nodes, self.analysis.row(inputs))),
        }
    }

    /// What the model gives if it is computed in binary64, and what rounding admits then: much less than in binary32.
    /// `None` where the two precisions need not decide alike: where a feature is no binary32 number, or where a node that
    /// decides gives different results.
    fn in_double(
        &self,
        features: &[Value],
        inputs: &[score::Value],
        nodes: &[Vec<Value>],
    ) -> Option<(Nodes<Value>, Nodes<Range>)> {
        let (evaluator, analysis) = self.widened.as_ref()?;
        let exact = |value: &Value| match value {
            Value::Number(x) => x.is_nan() || f64::from(*x as f32) == *x,
            Value::Integer(x) => *x as f32 as i128 == i128::from(*x),
            _ => true,
        };
        if !features.iter().all(exact) {
            return None;
        }
        let wide = evaluator.nodes(features);
        let alike = |(at, (single, double)): (usize, (&Vec<Value>, &Vec<Value>))| {
            let node = &self.graph.nodes[at];
            let decides = match &node.op {
                Op::OneHot { .. } | Op::Encode(_) | Op::Bins { .. } | Op::Impute { .. } => true,
                Op::Unary(unary) => matches!(unary, Unary::Floor | Unary::Ceil | Unary::Round | Unary::Sign),
                // a label is undecided where the scores are as near as rounding
                Op::Decide { .. } | Op::OfLargest => return true,
                _ => node.elem != Elem::Number,
            };
            !decides || single.iter().zip(double).all(|(a, b)| same_single(a, b))
        };
        if !nodes.iter().zip(&wide).enumerate().all(alike) {
            return None;
        }
        let ranges = analysis.row(inputs);
        Some((wide, ranges))
    }

    /// Compares a column, element by element.
    fn judge(
        &self,
        column: &Column,
        row: &Row,
        model: &[Value],
        sql: &Sql,
        ranges: &[Range],
        report: &mut VerifyReport,
    ) {
        let missing = model.contains(&Value::Missing);
        let elements: Option<Vec<Sql>> = match (&column.form, sql) {
            (Form::Scalar, sql) => Some(vec![sql.clone()]),
            (_, Sql::Null) => None,
            (Form::Array, Sql::Array(list)) => Some(list.items().to_vec()),
            (Form::Map(keys), sql) => Some(keys.iter().map(|key| entry(sql, key)).collect()),
            (Form::Top { names, count }, sql) => {
                report.values += 1;
                let fine = !missing && ranked(sql, names, *count, ranges);
                report.labels += usize::from(!fine);
                report.identical += usize::from(fine);
                if !fine {
                    let largest =
                        model.iter().zip(names).map(|(value, name)| format!("{name} {}", text(&of_model(value))));
                    let model = largest.collect::<Vec<_>>().join(", ");
                    self.fail(report, row, [column.name.clone(), model, in_words(sql), "the largest".to_owned()]);
                }
                return;
            }
            _ => Some(Vec::new()),
        };
        let Some(elements) = elements else {
            // NULL as a whole, where an element is
            report.values += 1;
            if !missing && !ranges.iter().any(|range| range.null) {
                report.nulls += 1;
                let model = model.iter().map(|value| text(&of_model(value))).collect::<Vec<_>>().join(", ");
                self.fail(report, row, [column.name.clone(), model.clone(), "NULL".to_owned(), model]);
            }
            return;
        };
        if missing && column.form != Form::Scalar && !ranges.iter().any(|range| range.values.is_some() && range.null) {
            report.values += 1;
            report.nulls += 1;
            self.fail(report, row, [column.name.clone(), "NULL".to_owned(), in_words(sql), "NULL".to_owned()]);
            return;
        }
        if elements.len() != model.len() {
            report.values += 1;
            report.numbers += 1;
            let wanted = format!("{} elements", model.len());
            self.fail(report, row, [column.name.clone(), wanted.clone(), in_words(sql), wanted]);
            return;
        }
        for (position, ((model, sql), range)) in model.iter().zip(&elements).zip(ranges).enumerate() {
            let name = || {
                if model_is_whole(column) { column.name.clone() } else { format!("{}[{}]", column.name, position + 1) }
            };
            self.element(&name, row, &of_model(model), &of_sql(sql), range, report);
        }
    }

    fn element(
        &self,
        name: &dyn Fn() -> String,
        row: &Row,
        theirs: &score::Value,
        ours: &score::Value,
        range: &Range,
        report: &mut VerifyReport,
    ) {
        report.values += 1;
        let admitted = range.contains(theirs) && range.contains(ours);
        let fine = match (theirs, ours) {
            (score::Value::Null, score::Value::Null) => {
                report.identical += 1;
                true
            }
            (score::Value::Null, _) | (_, score::Value::Null) => {
                report.nulls += usize::from(!admitted);
                admitted
            }
            (score::Value::Double(a), score::Value::Double(b)) => {
                let same = a == b || a.is_nan() && b.is_nan();
                report.identical += usize::from(same);
                if a.is_finite() && b.is_finite() {
                    report.largest_ulps = report.largest_ulps.max(ulps(*a, *b));
                    report.largest_difference = report.largest_difference.max((a - b).abs());
                    report.largest_share = report.largest_share.max(range.share(*a, *b));
                }
                report.numbers += usize::from(!same && !admitted);
                same || admitted
            }
            (a, b) => {
                report.identical += usize::from(a == b);
                report.undecided += usize::from(a != b && admitted);
                report.labels += usize::from(a != b && !admitted);
                a == b || admitted
            }
        };
        if !fine {
            self.fail(report, row, [name(), text(theirs), text(ours), describe(range)]);
        }
    }

    /// What is said of a result that is wrong.
    pub(super) fn mismatch(
        &self,
        position: usize,
        row: &Row,
        model: &score::Value,
        sql: &score::Value,
        range: &Range,
    ) -> Mismatch {
        Mismatch {
            output: self.compiled.columns[position].name.clone(),
            model: text(model),
            sql: text(sql),
            admitted: describe(range),
            row: super::json::json_line(&self.relation, row),
        }
    }

    fn fail(&self, report: &mut VerifyReport, row: &Row, [output, model, sql, admitted]: [String; 4]) {
        if report.first.is_none() {
            let row = super::json::json_line(&self.relation, row);
            report.first = Some(Mismatch { output, model, sql, admitted, row });
        }
    }
}

fn model_is_whole(column: &Column) -> bool {
    column.form == Form::Scalar
}

/// The value of a map at a key; NULL if it has none.
fn entry(map: &Sql, key: &str) -> Sql {
    match map {
        Sql::Map(entries) => {
            let found = entries.iter().find(|(name, _)| matches!(name, Sql::String(text) if **text == *key));
            found.map_or(Sql::Null, |(_, value)| value.clone())
        }
        _ => Sql::Null,
    }
}

/// Whether these may be the names of the largest values, in order: none is surely smaller than one that is behind it or not
/// among them.
fn ranked(sql: &Sql, names: &[String], count: usize, ranges: &[Range]) -> bool {
    let Sql::Array(list) = sql else { return false };
    let place = |value: &Sql| match value {
        Sql::String(text) => names.iter().position(|name| **name == **text),
        _ => None,
    };
    let Some(places) = list.items().iter().map(place).collect::<Option<Vec<usize>>>() else { return false };
    let mut left: Vec<usize> = (0..names.len()).collect();
    let ends = |place: usize| match ranges[place].values {
        Some(Values::Numbers(numbers)) if !numbers.nan => (numbers.low, numbers.high),
        // nothing is known of the order of a NaN
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    };
    places.len() == count
        && places.iter().all(|place| {
            let known = left.contains(place);
            left.retain(|other| other != place);
            known && left.iter().all(|&other| ends(*place).1 >= ends(other).0)
        })
}

pub(super) fn in_words(sql: &Sql) -> String {
    format!("{sql:?}")
}

/// Equal once both are rounded to binary32.
fn same_single(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.is_nan() && b.is_nan() || *a as f32 == *b as f32,
        (a, b) => a == b,
    }
}

fn internal(message: String) -> Diagnostic {
    Diagnostic::new(&codes::compile::INTERNAL, format!("internal error: {message}"))
}

/// The queries of the text, ready to be evaluated, and as they stand there.
fn read_back(
    compiled: &Compiled,
    relation: &Relation,
    sources: &mut Sources,
    report: &mut Report,
) -> Result<(Chain, Vec<Query>), Failed> {
    let text = match compiled.statements().next() {
        Some(_) => compiled.text.clone(),
        None => format!("SELECT {} FROM S EMIT CHANGES;", compiled.text),
    };
    let source = sources.add("<compiled SQL>", text.as_str());
    let script = syntax::script(source, &text, report)?;
    let queries: Vec<&Query> = script.statements.iter().filter_map(|found| found.statement.query()).collect();
    if queries.is_empty() {
        return Err(report.fail(internal("the text holds no query".to_owned())));
    }
    Ok((Chain::compile(&queries, relation, report)?, queries.into_iter().cloned().collect()))
}

/// What the model gives for a column: a value for each of its elements.
pub(super) fn expected(column: &Column, nodes: &[Vec<Value>]) -> Vec<Value> {
    column.elements.iter().map(|&element| nodes[column.node.index()][element].clone()).collect()
}
