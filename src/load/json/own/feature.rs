//! Features of m2ksql's own format: coefficients, preprocessing steps, categories, products.

use super::{fields, word};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Report, nearest};
use crate::load::json::build::{Builder, Column, MAX_COLUMNS};
use crate::load::json::expect;
use crate::load::json::value::{Json, Kind};
use crate::model::{Elem, Encoder, Missing, NodeId, Op, Scaling, Unary, Unknown, Value};
use std::collections::BTreeMap;

/// The columns of the linear predictor with their coefficients.
#[derive(Debug, Default)]
pub(super) struct Design {
    /// With one coefficient per row.
    pub(super) columns: Vec<(Column, Vec<f64>)>,
    /// Columns that are added as they are.
    pub(super) offsets: Vec<Column>,
    /// The number of rows, from the first coefficients read, and what they were.
    pub(super) width: Option<(usize, String)>,
    /// The features that products and the offset can name: after their steps.
    names: BTreeMap<String, Option<Column>>,
    /// Columns of integers and booleans, which have to be converted.
    converted: BTreeMap<usize, Elem>,
}

impl Design {
    /// Whether there are no columns: the model is a constant.
    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Columns as one vector of numbers.
    pub(super) fn vector(&self, builder: &mut Builder, columns: &[Column]) -> NodeId {
        let mut parts: Vec<NodeId> = Vec::new();
        let mut run = Vec::new();
        for &column in columns {
            let elem = match column {
                Column::Feature(index) => self.converted.get(&index).copied(),
                Column::Element(..) => None,
            };
            match elem {
                None => run.push(column),
                Some(elem) => {
                    if !run.is_empty() {
                        parts.push(builder.gather(&std::mem::take(&mut run), Elem::Number));
                    }
                    let vector = builder.gather(&[column], elem);
                    parts.push(builder.push(Op::Unary(Unary::ToNumber), vec![vector], 1));
                }
            }
        }
        if !run.is_empty() {
            parts.push(builder.gather(&run, Elem::Number));
        }
        builder.concat(parts)
    }

    /// The key `features`: a map or a list.
    pub(super) fn read(&mut self, report: &mut Report, builder: &mut Builder, json: Json<'_>) {
        match json.kind() {
            Kind::Object => {
                for (key, value) in json.members() {
                    let name = key.text().unwrap_or_default().into_owned();
                    let _ = self.feature(report, builder, name, key, value);
                }
            }
            Kind::Array => {
                for item in json.items() {
                    let _ = self.named_feature(report, builder, item);
                }
            }
            _ => {
                expect::wrong_type(report, json, "`features`", "an object or an array");
            }
        }
        let nothing = json.items().next().is_none() && json.members().next().is_none();
        if nothing && matches!(json.kind(), Kind::Object | Kind::Array) {
            report.push(Diagnostic::new(&codes::EMPTY_MODEL, "the model has no features").at(json.place()));
        }
    }

    fn named_feature(&mut self, report: &mut Report, builder: &mut Builder, item: Json<'_>) -> Result<(), Failed> {
        expect::object(report, item, "a feature of the list")?;
        let Some(name) = item.get("name") else {
            return Err(expect::missing_key(report, item, "name", "the feature"));
        };
        let text = expect::text(report, name, "the name of a feature")?.into_owned();
        self.feature(report, builder, text, name, item)
    }

    fn feature(
        &mut self,
        report: &mut Report,
        builder: &mut Builder,
        name: String,
        named: Json<'_>,
        json: Json<'_>,
    ) -> Result<(), Failed> {
        if name.is_empty() {
            let message = "the name of a feature is empty";
            return Err(report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(named.place())));
        }
        if self.names.contains_key(&name) {
            let message = format!("the feature `{name}` stands twice");
            return Err(report.fail(Diagnostic::new(&codes::REPEATED, message).at(named.place())));
        }
        if self.names.len() >= MAX_COLUMNS {
            let message = format!("more than {MAX_COLUMNS} features");
            return Err(report.fail(Diagnostic::new(&codes::TOO_MANY, message).at(named.place())));
        }
        // Entered before it is read, so that a product that names it is not reported too.
        self.names.insert(name.clone(), None);
        let what = format!("the feature `{name}`");
        if json.kind() != Kind::Object {
            let coefficients = self.coefficients(report, json, &format!("the coefficient of `{name}`"));
            let column = builder.feature(&name, Some(Elem::Number), Some(named.place()));
            self.names.insert(name, Some(column));
            self.columns.push((column, coefficients?));
            return Ok(());
        }
        let keys = ["name", "coefficient", "type", "expression", "steps", "categories", "unknown"];
        let [_, coefficient, ty, expression, steps, categories, unknown] =
            fields(report, json, &what, keys).unwrap_or_else(|_| keys.map(|key| json.get(key)));
        let since = report.len();
        let elem = ty.map(|ty| read_type(report, ty)).transpose()?;
        let expression = expression.map(|sql| Ok((expect::text(report, sql, "an expression")?.into_owned(), sql)));
        let expression = expression.transpose()?;
        let categories = categories.map(|json| self.categories(report, json, &what)).transpose();
        let from_categories = match &categories {
            Ok(Some(categories)) => categories.iter().find_map(|(value, _)| value.elem()),
            _ => None,
        };
        let elem = elem.or(from_categories).unwrap_or(Elem::Number);
        let column = builder.feature(&name, Some(elem), Some(named.place()));
        if let Some((sql, at)) = expression {
            builder.define(column, sql, at.place_in_text(0..at.text().map_or(0, |text| text.len())));
        }
        let mut value = Touched { column, elem };
        for step in
            steps.map(|steps| expect::array(report, steps, "`steps`")).transpose()?.into_iter().flat_map(Json::items)
        {
            let _ = value.step(report, builder, step);
        }
        if let (None, Some(unknown)) = (&categories.as_ref().ok().and_then(Option::as_ref), unknown) {
            let message = "`unknown` is about `categories`, and there are none";
            report.push(Diagnostic::new(&codes::UNKNOWN_KEY, message).at(unknown.place()).help("remove it"));
        }
        if let (Some(coefficient), Ok(Some(_))) = (coefficient, &categories) {
            let message = format!("{what} has categories, each with its coefficient, and a coefficient of its own");
            report
                .push(Diagnostic::new(&codes::UNKNOWN_KEY, message).at(coefficient.place()).help("remove one of them"));
        }
        match categories? {
            Some(categories) => {
                let all_zero = unknown.map(|json| word(report, json, "`unknown`", &["missing", "zero"])).transpose()?;
                report.check(since)?;
                self.one_hot(report, builder, json, value, categories, all_zero == Some("zero"))
            }
            None => {
                let coefficients =
                    coefficient.map(|json| self.coefficients(report, json, &format!("the coefficient of `{name}`")));
                if value.elem == Elem::Text {
                    let message = format!("{what} is text and has no `categories`");
                    report.push(
                        Diagnostic::new(&codes::WRONG_USE, message).at(json.place()).help("add `\"categories\"`"),
                    );
                }
                report.check(since)?;
                if let Column::Feature(index) = value.column
                    && value.elem != Elem::Number
                {
                    self.converted.insert(index, value.elem);
                }
                self.names.insert(name, Some(value.column));
                if let Some(coefficients) = coefficients {
                    self.columns.push((value.column, coefficients?));
                }
                Ok(())
            }
        }
    }

    /// One number, or one per row; the first ones read say how many rows there are.
    fn coefficients(&mut self, report: &mut Report, json: Json<'_>, what: &str) -> Result<Vec<f64>, Failed> {
        let numbers = expect::number_or_numbers(report, json, what)?;
        let (width, first) = self.width.get_or_insert_with(|| (numbers.len(), what.to_owned()));
        if numbers.len() != *width || numbers.is_empty() {
            let why = if numbers.is_empty() { "at least one".to_owned() } else { format!("as {first}") };
            let width = (*width).max(1);
            return Err(expect::wrong_length(report, json, what, numbers.len(), width, &why));
        }
        Ok(numbers)
    }

    /// A map from texts to coefficients, or a list of `{"value": …, "coefficient": …}`.
    fn categories(
        &mut self,
        report: &mut Report,
        json: Json<'_>,
        what: &str,
    ) -> Result<Vec<(Value, Vec<f64>)>, Failed> {
        let of = format!("a coefficient of {what}");
        let mut categories = Vec::new();
        match json.kind() {
            Kind::Object => {
                let since = report.len();
                for (key, value) in json.members() {
                    if let Ok(coefficients) = self.coefficients(report, value, &of) {
                        categories.push((Value::Text(key.text().unwrap_or_default().into_owned()), coefficients));
                    }
                }
                report.check(since)?;
            }
            _ => {
                let read = expect::list(report, json, "`categories`", |report, item| {
                    let [value, coefficient] = fields(report, item, "a category", ["value", "coefficient"])?;
                    let (Some(value), Some(coefficient)) = (value, coefficient) else {
                        let key = if value.is_none() { "value" } else { "coefficient" };
                        return Err(expect::missing_key(report, item, key, "the category"));
                    };
                    let category = expect::scalar(report, value, "the value of a category")?;
                    Ok((category, self.coefficients(report, coefficient, &of)?))
                })?;
                categories = unify(report, json, what, read)?;
            }
        }
        if categories.is_empty() {
            let message = format!("{what} has no categories");
            return Err(report.fail(Diagnostic::new(&codes::EMPTY_MODEL, message).at(json.place())));
        }
        Ok(categories)
    }

    fn one_hot(
        &mut self,
        report: &mut Report,
        builder: &mut Builder,
        json: Json<'_>,
        value: Touched,
        categories: Vec<(Value, Vec<f64>)>,
        all_zero: bool,
    ) -> Result<(), Failed> {
        let keys: Vec<Value> = categories.iter().map(|(key, _)| key.clone()).collect();
        if let Some(elem) = keys.iter().find_map(Value::elem)
            && elem != value.elem
        {
            let message = "the categories are of another type than the feature";
            return Err(report.fail(Diagnostic::new(&codes::MIXED_TYPES, message).at(json.place())));
        }
        let mut encoder = Encoder {
            values: (0..keys.len()).map(|at| Value::Integer(at as i64)).collect(),
            keys,
            unknown: Unknown::Missing,
        };
        if all_zero {
            encoder.unknown = Unknown::Value(Value::Integer(-1));
        }
        let width = categories.len();
        let vector = builder.gather(&[value.column], value.elem);
        let node = builder.push(Op::OneHot { encoders: vec![encoder], widths: vec![width] }, vec![vector], width);
        self.columns.extend(builder.columns(node).into_iter().zip(categories.into_iter().map(|(_, numbers)| numbers)));
        Ok(())
    }

    /// The key `terms`: products of features.
    pub(super) fn read_terms(&mut self, report: &mut Report, builder: &mut Builder, json: Json<'_>) {
        let terms = expect::list(report, json, "`terms`", |report, item| {
            let [product, coefficient] = fields(report, item, "a term", ["product", "coefficient"])?;
            let (Some(product), Some(coefficient)) = (product, coefficient) else {
                let key = if product.is_none() { "product" } else { "coefficient" };
                return Err(expect::missing_key(report, item, key, "the term"));
            };
            let factors = expect::list(report, product, "`product`", |report, name| {
                let text = expect::text(report, name, "a factor")?;
                self.named(report, &text, name)
            });
            let coefficients = self.coefficients(report, coefficient, "the coefficient of a term")?;
            let factors: Vec<Column> = factors?.into_iter().flatten().collect();
            if factors.is_empty() {
                let message = "the product has no factors";
                return Err(report.fail(Diagnostic::new(&codes::EMPTY_MODEL, message).at(product.place())));
            }
            Ok((factors, coefficients))
        });
        let Ok(terms) = terms else { return };
        for (factors, coefficients) in terms {
            let mut distinct: Vec<(Column, u32)> = Vec::new();
            for factor in factors {
                match distinct.iter_mut().find(|(column, _)| *column == factor) {
                    Some((_, power)) => *power += 1,
                    None => distinct.push((factor, 1)),
                }
            }
            let columns: Vec<Column> = distinct.iter().map(|(column, _)| *column).collect();
            let vector = self.vector(builder, &columns);
            let term = distinct.iter().enumerate().map(|(at, (_, power))| (at, *power)).collect();
            let node = builder.push(Op::Polynomial(vec![term]), vec![vector], 1);
            self.columns.push((Column::Element(node, 0), coefficients));
        }
    }

    /// The key `offset`: names of features that are added as they are.
    pub(super) fn read_offset(&mut self, report: &mut Report, builder: &mut Builder, json: Json<'_>) {
        let names: Vec<Json<'_>> = match json.kind() {
            Kind::Text => vec![json],
            Kind::Array => json.items().collect(),
            _ => {
                expect::wrong_type(report, json, "`offset`", "the name of a feature, or an array of names");
                return;
            }
        };
        for name in names {
            let Ok(text) = expect::text(report, name, "the offset") else { continue };
            if self.names.contains_key(text.as_ref()) {
                if let Ok(Some(column)) = self.named(report, &text, name) {
                    self.offsets.push(column);
                }
            } else if text.is_empty() {
                let message = "the name of a feature is empty";
                report.push(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(name.place()));
            } else {
                let column = builder.feature(text.clone(), Some(Elem::Number), Some(name.place()));
                self.names.insert(text.into_owned(), Some(column));
                self.offsets.push(column);
            }
        }
    }

    /// `None` for a feature that has no one column: it was wrong itself, or has categories.
    fn named(&self, report: &mut Report, text: &str, name: Json<'_>) -> Result<Option<Column>, Failed> {
        match self.names.get(text) {
            Some(Some(column)) => Ok(Some(*column)),
            Some(None) if report.has_errors() => Ok(None),
            Some(None) => {
                let message = format!("the feature `{text}` has categories and is no number");
                Err(report.fail(Diagnostic::new(&codes::WRONG_USE, message).at(name.place())))
            }
            None => {
                let message = format!("there is no feature `{text}`");
                let diagnostic = Diagnostic::new(&codes::UNKNOWN_WORD, message).at(name.place());
                let near = nearest(text, self.names.keys().map(String::as_str));
                Err(report.fail(match near {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic.help("add it to `features`, with coefficient 0 if it is used in products only"),
                }))
            }
        }
    }
}

/// A feature on its way through its steps.
struct Touched {
    column: Column,
    elem: Elem,
}

impl Touched {
    fn step(&mut self, report: &mut Report, builder: &mut Builder, step: Json<'_>) -> Result<(), Failed> {
        const PLAIN: &[&str] = &["abs", "exp", "expm1", "log", "log1p", "sqrt", "square"];
        if step.kind() == Kind::Text {
            let name = word(report, step, "a step", PLAIN)?;
            let x = self.number(report, builder, step)?;
            let node = match name {
                "abs" => builder.unary(Unary::Abs, x),
                "exp" => builder.unary(Unary::Exp, x),
                "expm1" => builder.unary(Unary::Expm1, x),
                "log" => builder.unary(Unary::Log, x),
                "log1p" => builder.unary(Unary::Log1p, x),
                "sqrt" => builder.unary(Unary::Sqrt, x),
                _ => builder.push(Op::Polynomial(vec![vec![(0, 2)]]), vec![x], 1),
            };
            self.column = Column::Element(node, 0);
            return Ok(());
        }
        let [impute, clip, scale, min_max] = fields(report, step, "a step", ["impute", "clip", "scale", "min_max"])?;
        if step.members().count() != 1 {
            let message = format!("a step has one key, found {}", step.members().count());
            return Err(report.fail(Diagnostic::new(&codes::WRONG_TYPE, message).at(step.place())));
        }
        let node = if let Some(json) = impute {
            let value = expect::scalar(report, json, "the value to impute")?;
            let value = match (self.elem, value) {
                (Elem::Number, Value::Integer(integer)) => Value::Number(integer as f64),
                (_, value) => value,
            };
            if value.elem() != Some(self.elem) {
                let message = format!("{} does not fit the type of the feature", json.found());
                return Err(report.fail(Diagnostic::new(&codes::MIXED_TYPES, message).at(json.place())));
            }
            let vector = builder.gather(&[self.column], self.elem);
            builder.push_as(Op::Impute { missing: Missing::Absent, fill: vec![value] }, vec![vector], 1, self.elem)
        } else if let Some(json) = clip {
            let [low, high] = fields(report, json, "`clip`", ["min", "max"])?;
            let low = low.map_or(Ok(f64::NEG_INFINITY), |json| expect::number(report, json, "`min`"))?;
            let high = high.map_or(Ok(f64::INFINITY), |json| expect::number(report, json, "`max`"))?;
            if low > high {
                let message = format!("`min` is {low} and `max` is {high}");
                return Err(report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(json.place())));
            }
            let x = self.number(report, builder, step)?;
            builder.unary(Unary::Clip { low, high }, x)
        } else if let Some(json) = scale {
            let [center, scale] = fields(report, json, "`scale`", ["center", "scale"])?;
            let center = center.map_or(Ok(0.0), |json| expect::number(report, json, "`center`"))?;
            let scale = scale.map_or(Ok(1.0), |json| nonzero(report, json, "`scale`"))?;
            let x = self.number(report, builder, step)?;
            let scaling = Scaling::CenterDivide { center: vec![center], scale: vec![scale] };
            builder.push(Op::Scale(scaling), vec![x], 1)
        } else if let Some(json) = min_max {
            let [low, high] = fields(report, json, "`min_max`", ["min", "max"])?;
            let (Some(low), Some(high)) = (low, high) else {
                let key = if low.is_none() { "min" } else { "max" };
                return Err(expect::missing_key(report, json, key, "`min_max`"));
            };
            let (from, to) = (expect::number(report, low, "`min`")?, expect::number(report, high, "`max`")?);
            if from >= to || !(to - from).is_finite() {
                let message = format!("`min` is {from} and `max` is {to}");
                return Err(report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(json.place())));
            }
            let x = self.number(report, builder, step)?;
            let scaling = Scaling::CenterDivide { center: vec![from], scale: vec![to - from] };
            builder.push(Op::Scale(scaling), vec![x], 1)
        } else {
            return Ok(());
        };
        self.column = Column::Element(node, 0);
        Ok(())
    }

    /// The value as a number.
    fn number(&mut self, report: &mut Report, builder: &mut Builder, step: Json<'_>) -> Result<NodeId, Failed> {
        let vector = match self.elem {
            Elem::Text => {
                let message = "the step needs a number, the feature is text";
                return Err(report.fail(Diagnostic::new(&codes::WRONG_USE, message).at(step.place())));
            }
            Elem::Number => builder.gather(&[self.column], Elem::Number),
            other => {
                let vector = builder.gather(&[self.column], other);
                builder.push(Op::Unary(Unary::ToNumber), vec![vector], 1)
            }
        };
        self.elem = Elem::Number;
        Ok(vector)
    }
}

fn nonzero(report: &mut Report, json: Json<'_>, what: &str) -> Result<f64, Failed> {
    let number = expect::number(report, json, what)?;
    if number != 0.0 {
        return Ok(number);
    }
    Err(report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, format!("{what} is 0, and is divided by")).at(json.place())))
}

fn read_type(report: &mut Report, json: Json<'_>) -> Result<Elem, Failed> {
    Ok(match word(report, json, "the type of a feature", &["boolean", "integer", "number", "string"])? {
        "boolean" => Elem::Boolean,
        "integer" => Elem::Integer,
        "string" => Elem::Text,
        _ => Elem::Number,
    })
}

/// Categories of one type, all different.
fn unify(
    report: &mut Report,
    json: Json<'_>,
    what: &str,
    mut categories: Vec<(Value, Vec<f64>)>,
) -> Result<Vec<(Value, Vec<f64>)>, Failed> {
    if categories.iter().any(|(value, _)| value.elem() == Some(Elem::Number)) {
        for (value, _) in &mut categories {
            if let Value::Integer(integer) = value {
                *value = Value::Number(*integer as f64);
            }
        }
    }
    let mut elems: Vec<Elem> = categories.iter().filter_map(|(value, _)| value.elem()).collect();
    elems.dedup();
    if elems.len() > 1 {
        let message = format!("the categories of {what} are of different types");
        return Err(report.fail(Diagnostic::new(&codes::MIXED_TYPES, message).at(json.place())));
    }
    let mut sorted: Vec<&Value> = categories.iter().map(|(value, _)| value).collect();
    sorted.sort_by(|a, b| expect::order(a, b));
    if let Some(same) = sorted.windows(2).find(|pair| expect::order(pair[0], pair[1]).is_eq()) {
        let message = format!("{what} has the category `{}` twice", expect::name_of(same[0]));
        return Err(report.fail(Diagnostic::new(&codes::REPEATED, message).at(json.place())));
    }
    Ok(categories)
}
