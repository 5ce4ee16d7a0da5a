//! A model and its SQL, both ready to be evaluated on rows of columns.

use super::bound::{Analysis, Range, Values};
use super::report::{Mismatch, VerifyReport, ulps};
use crate::compile::{Compiled, Options};
use crate::diag::{Diagnostic, Failed, Report, Sources, codes};
use crate::lower::{Kind, Nulls, Selection};
use crate::model::eval::Evaluator;
use crate::model::{Decision, Elem, Graph, Op, Precision, Role, Unary, Value};
use crate::schema::{Column, Kind as RelationKind, Relation, Type};
use crate::score;
use crate::sql::ast::{Expr, Item, Statement};
use crate::sql::eval::{Event, Program, Value as Sql};
use crate::syntax;

/// One value for each column of the [relation](Subject::relation).
pub type Row = Vec<Sql>;

/// A column of the result, by what of the model it is.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// An element of an output of the graph.
    Element { output: usize, element: usize },
    /// The label where a threshold decides.
    Threshold { probabilities: usize, threshold: f64 },
    /// The probability of the predicted class.
    Best { probabilities: usize, label: Option<usize> },
}

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
    wanted: Vec<Wanted>,
    pub(super) items: Vec<Program>,
    filter: Option<Program>,
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
        let relation = relation(graph, compiled);
        let evaluator = Evaluator::new(graph)
            .map_err(|problem| report.fail(internal(format!("the graph does not hold together: {problem:?}"))))?;
        let mut feeds = Vec::with_capacity(compiled.bindings.inputs.len());
        for binding in &compiled.bindings.inputs {
            feeds.push(Program::compile(&binding.expr, &relation, report)?);
        }
        let columns = compiled.bindings.inputs.iter().map(|binding| match &binding.expr {
            Expr::Column(name) => relation.columns.iter().position(|column| column.name == name.as_str()),
            _ => None,
        });
        let columns = columns.collect();
        let (items, filter) = read_back(compiled, &relation, sources, report)?;
        let wanted = wanted(graph, options);
        if wanted.len() != items.len() || items.len() != compiled.score.outputs.len() {
            let message = format!("{} results are meant, the text has {}", wanted.len(), items.len());
            return Err(report.fail(internal(message)));
        }
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
            wanted,
            items,
            filter,
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

    /// Evaluates rows on both sides and compares.
    pub fn run(&self, rows: &[Row]) -> VerifyReport {
        let mut report = VerifyReport::default();
        for row in rows {
            self.compare(row, &mut report);
        }
        report
    }

    /// What the model's own label is for a row, or its first output if it has none that decides.
    pub(super) fn class(&self, row: &Row) -> Option<Value> {
        let label = self.graph.outputs.iter().position(|output| output.role == Role::Label)?;
        self.evaluator.row(&self.features(row).0).swap_remove(label).pop()
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

    fn compare(&self, row: &Row, report: &mut VerifyReport) {
        let event = Event::default();
        let (features, inputs) = self.features(row);
        let dropped = self.drops(&inputs);
        if let Some(filter) = &self.filter
            && filter.keeps(row, &event) == dropped
        {
            report.nulls += 1;
            let (kept, left_out) = ("a result", "no result");
            let (model, sql) = if dropped { (left_out, kept) } else { (kept, left_out) };
            self.fail(report, row, ["WHERE", model, sql, model].map(str::to_owned));
        }
        if dropped {
            return;
        }
        report.rows += 1;
        let nodes = self.evaluator.nodes(&features);
        let outputs = self.model_outputs(&nodes);
        let ranges = self.analysis.row(&inputs);
        let in_double = self.in_double(&features, &inputs, &nodes);
        for (position, (wanted, program)) in self.wanted.iter().zip(&self.items).enumerate() {
            let model = expected(*wanted, self.graph, &outputs);
            let sql = program.eval(row, &event);
            self.judge(position, row, &model, &sql, &ranges[position], report);
            if let Some((outputs, ranges)) = &in_double {
                let mut narrow = VerifyReport { first: report.first.take(), ..VerifyReport::default() };
                let model = expected(*wanted, self.graph, outputs);
                self.judge(position, row, &model, &sql, &ranges[position], &mut narrow);
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

    fn model_outputs(&self, nodes: &[Vec<Value>]) -> Vec<Vec<Value>> {
        self.graph.outputs.iter().map(|output| nodes[output.node.index()].clone()).collect()
    }

    /// What the model gives if it is computed in binary64, and what rounding admits then: much less than in binary32.
    /// `None` where the two precisions need not decide alike: where a feature is no binary32 number, or where a node that
    /// decides gives different results.
    fn in_double(
        &self,
        features: &[Value],
        inputs: &[score::Value],
        nodes: &[Vec<Value>],
    ) -> Option<(Vec<Vec<Value>>, Vec<Range>)> {
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
                Op::Decide { .. } => return true,
                _ => node.elem != Elem::Number,
            };
            !decides || single.iter().zip(double).all(|(a, b)| same_single(a, b))
        };
        if !nodes.iter().zip(&wide).enumerate().all(alike) {
            return None;
        }
        Some((self.model_outputs(&wide), analysis.row(inputs)))
    }

    fn judge(&self, position: usize, row: &Row, model: &Value, sql: &Sql, range: &Range, report: &mut VerifyReport) {
        report.values += 1;
        let (theirs, ours) = (of_model(model), of_sql(sql));
        let admitted = range.contains(&theirs) && range.contains(&ours);
        let fine = match (&theirs, &ours) {
            (score::Value::Null, score::Value::Null) => true,
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
                }
                report.numbers += usize::from(!same && !admitted);
                same || admitted
            }
            (a, b) => {
                report.undecided += usize::from(a != b && admitted);
                report.labels += usize::from(a != b && !admitted);
                a == b || admitted
            }
        };
        if !fine {
            report.first = report.first.take().or_else(|| Some(self.mismatch(position, row, &theirs, &ours, range)));
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
            output: self.compiled.score.outputs[position].name.clone(),
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

/// The value as messages have it.
fn text(value: &score::Value) -> String {
    match value {
        score::Value::Null => "NULL".to_owned(),
        score::Value::Double(x) => format!("{x:?}"),
        score::Value::Bigint(x) => x.to_string(),
        score::Value::Text(text) => format!("'{text}'"),
        score::Value::Boolean(truth) => truth.to_string(),
    }
}

fn describe(range: &Range) -> String {
    let null = if range.null { " or NULL" } else { "" };
    match &range.values {
        None => "NULL".to_owned(),
        Some(Values::Numbers(x)) => {
            let nan = if x.nan { " or NaN" } else { "" };
            format!("{:?} to {:?}{nan}{null}", x.low, x.high)
        }
        Some(Values::Truth { yes: true, no: true }) => format!("true or false{null}"),
        Some(Values::Truth { yes, .. }) => format!("{yes}{null}"),
        Some(Values::Set(set)) => format!("{}{null}", set.iter().map(text).collect::<Vec<_>>().join(" or ")),
        Some(Values::Any) => format!("anything{null}"),
    }
}

/// The columns that the features read, with the types that are known or that the features need.
fn relation(graph: &Graph, compiled: &Compiled) -> Relation {
    let bindings = &compiled.bindings;
    let declared = |name: &str| bindings.relation.as_ref().and_then(|relation| relation.column(name)).cloned();
    let mut columns: Vec<Column> = Vec::new();
    let mut add = |name: &str, ty: Type| {
        if !columns.iter().any(|column| column.name == name) {
            columns.push(declared(name).unwrap_or(Column { name: name.to_owned(), ty, key: None }));
        }
    };
    for (feature, binding) in graph.features.iter().zip(&bindings.inputs) {
        let ty = match feature.elem {
            Elem::Number => Type::Double,
            Elem::Integer => Type::Bigint,
            Elem::Text => Type::String,
            Elem::Boolean => Type::Boolean,
        };
        match &binding.expr {
            Expr::Column(name) => add(name.as_str(), binding.ty.clone().unwrap_or(ty)),
            expr => {
                let mut stack = vec![expr];
                while let Some(expr) = stack.pop() {
                    if let Expr::Column(name) = expr {
                        add(name.as_str(), Type::Double);
                    }
                    expr.for_each_child(|child| stack.push(child));
                }
            }
        }
    }
    Relation { name: "S".to_owned(), kind: RelationKind::Stream, columns }
}

/// The items and the WHERE clause of the text.
fn read_back(
    compiled: &Compiled,
    relation: &Relation,
    sources: &mut Sources,
    report: &mut Report,
) -> Result<(Vec<Program>, Option<Program>), Failed> {
    let text = match &compiled.statement {
        Some(_) => compiled.text.clone(),
        None => format!("SELECT {} FROM S EMIT CHANGES;", compiled.text),
    };
    let source = sources.add("<compiled SQL>", text.as_str());
    let script = syntax::script(source, &text, report)?;
    let query = match script.statements.first().map(|commented| &commented.statement) {
        Some(Statement::Select(query) | Statement::CreateAs { query, .. } | Statement::InsertInto { query, .. }) => {
            query
        }
        _ => return Err(report.fail(internal("the text holds no query".to_owned()))),
    };
    let kept = query.items.len().saturating_sub(compiled.items.len());
    let mut programs = Vec::with_capacity(compiled.items.len());
    for item in &query.items[kept..] {
        match item {
            Item::Expr { expr, .. } => programs.push(Program::compile(expr, relation, report)?),
            Item::All(_) => return Err(report.fail(internal("the text has a star among the results".to_owned()))),
        }
    }
    let filter = match &query.filter {
        Some(filter) if !compiled.score.required.is_empty() => Some(Program::compile_filter(filter, relation, report)?),
        _ => None,
    };
    Ok((programs, filter))
}

/// What each column of the result is of the model, in the order of `lower`.
fn wanted(graph: &Graph, options: &Options) -> Vec<Wanted> {
    let position = |role: Role| graph.outputs.iter().position(|output| output.role == role);
    let elements = |output: usize| {
        (0..graph.node(graph.outputs[output].node).width).map(move |element| Wanted::Element { output, element })
    };
    let selections: Vec<Selection> = match options.lower.select.as_slice() {
        [] => crate::lower::default_selection(graph),
        list => list.to_vec(),
    };
    let mut wanted = Vec::new();
    for selection in selections {
        match selection.kind {
            Kind::Label => match (options.lower.threshold, position(Role::Probabilities)) {
                (Some(threshold), Some(probabilities)) => wanted.push(Wanted::Threshold { probabilities, threshold }),
                _ => wanted.extend(position(Role::Label).into_iter().flat_map(elements)),
            },
            Kind::Probability => wanted.extend(position(Role::Probabilities).map(|probabilities| {
                if graph.classes.len() > 2 {
                    let decides = |output: &usize| {
                        let op = &graph.node(graph.outputs[*output].node).op;
                        matches!(op, Op::Decide { decision: Decision::FirstLargest, .. })
                    };
                    Wanted::Best { probabilities, label: position(Role::Label).filter(decides) }
                } else {
                    let element = graph.node(graph.outputs[probabilities].node).width - 1;
                    Wanted::Element { output: probabilities, element }
                }
            })),
            Kind::Probabilities => wanted.extend(position(Role::Probabilities).into_iter().flat_map(elements)),
            Kind::Margin => wanted.extend(position(Role::Margin).into_iter().flat_map(elements)),
            Kind::Prediction => {
                let values = graph.outputs.iter().enumerate();
                let values = values.filter(|(_, it)| matches!(it.role, Role::Prediction | Role::Value));
                wanted.extend(values.flat_map(|(output, _)| elements(output)));
            }
        }
    }
    wanted
}

fn expected(wanted: Wanted, graph: &Graph, outputs: &[Vec<Value>]) -> Value {
    match wanted {
        Wanted::Element { output, element } => outputs[output][element].clone(),
        Wanted::Threshold { probabilities, threshold } => match outputs[probabilities].get(1) {
            Some(Value::Number(p)) => graph.classes[usize::from(*p >= threshold)].clone(),
            _ => Value::Missing,
        },
        Wanted::Best { probabilities, label } => {
            let p = &outputs[probabilities];
            let best = match label {
                Some(label) => graph.classes.iter().position(|class| Some(class) == outputs[label].first()),
                None => {
                    let numbers: Option<Vec<f64>> =
                        p.iter().map(|p| if let Value::Number(p) = p { Some(*p) } else { None }).collect();
                    numbers.map(|p| (1..p.len()).fold(0, |best, index| if p[index] > p[best] { index } else { best }))
                }
            };
            best.map_or(Value::Missing, |best| p[best].clone())
        }
    }
}

fn number(value: &Sql) -> Option<f64> {
    Some(match value {
        Sql::Double(x) => *x,
        Sql::Integer(x) => f64::from(*x),
        Sql::Bigint(x) => *x as f64,
        // the decimal's text is its value, read with correct rounding
        Sql::Decimal(x) => x.to_plain_string().parse().ok()?,
        _ => return None,
    })
}

fn integer(value: &Sql) -> Option<i64> {
    match value {
        Sql::Integer(x) => Some(i64::from(*x)),
        Sql::Bigint(x) => Some(*x),
        _ => None,
    }
}

/// A column's value as the model takes it.
fn feature(elem: Elem, value: &Sql) -> Value {
    match (elem, value) {
        (Elem::Number, Sql::Boolean(truth)) => Value::Number(f64::from(u8::from(*truth))),
        (Elem::Integer, Sql::Boolean(truth)) => Value::Integer(i64::from(*truth)),
        (Elem::Number, value) => number(value).map_or(Value::Missing, Value::Number),
        (Elem::Integer, value) => integer(value).map_or(Value::Missing, Value::Integer),
        (Elem::Text, Sql::String(text)) => Value::Text(text.to_string()),
        (Elem::Boolean, Sql::Boolean(truth)) => Value::Boolean(*truth),
        _ => Value::Missing,
    }
}

/// A column's value as the score takes it.
fn input(ty: &Type, value: &Sql) -> score::Value {
    match (ty, value) {
        (Type::Double, value) => number(value).map_or(score::Value::Null, score::Value::Double),
        (Type::Bigint, value) => integer(value).map_or(score::Value::Null, score::Value::Bigint),
        (Type::String, Sql::String(text)) => score::Value::Text(text.to_string()),
        (Type::Boolean, Sql::Boolean(truth)) => score::Value::Boolean(*truth),
        _ => score::Value::Null,
    }
}

fn of_model(value: &Value) -> score::Value {
    match value {
        Value::Number(x) => score::Value::Double(*x),
        Value::Integer(x) => score::Value::Bigint(*x),
        Value::Text(text) => score::Value::Text(text.clone()),
        Value::Boolean(truth) => score::Value::Boolean(*truth),
        Value::Missing => score::Value::Null,
    }
}

pub(super) fn of_sql(value: &Sql) -> score::Value {
    match value {
        Sql::Double(x) => score::Value::Double(*x),
        Sql::Integer(x) => score::Value::Bigint(i64::from(*x)),
        Sql::Bigint(x) => score::Value::Bigint(*x),
        Sql::String(text) => score::Value::Text(text.to_string()),
        Sql::Boolean(truth) => score::Value::Boolean(*truth),
        _ => score::Value::Null,
    }
}
