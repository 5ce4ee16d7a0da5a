//! One case of the corpus: a model, rows, and what the training library says of them.

use m2ksql::compile::{self, Options};
use m2ksql::diag::{Report, Sources};
use m2ksql::load;
use m2ksql::lower::{Kind, Nulls, Selection};
use m2ksql::model::{Elem, Graph, Role};
use m2ksql::schema::{Column, Kind as Relationship, Relation, Type};
use m2ksql::sql::ast::{self, Item, Statement};
use m2ksql::sql::eval::{Event, Program, Value};
use m2ksql::syntax;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// What came of a case.
pub enum Outcome {
    /// Every compared value is right.
    Agrees { values: usize },
    /// The first that is not.
    Differs(String),
    /// The first error.
    Refused(String),
}

/// A folder of the corpus.
pub struct Case {
    folder: PathBuf,
    expected: Json,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A column of expected values with the columns of ours that must agree with it.
struct Expected<'a> {
    output: &'a str,
    index: Option<usize>,
    column: &'a Json,
}

impl Case {
    /// Reads the folder.
    pub fn read(folder: &Path) -> Self {
        let expected = serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
        let mut reader = csv::Reader::from_path(folder.join("inputs.csv")).unwrap();
        let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows = reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
        Case { folder: folder.to_owned(), expected, header, rows }
    }

    /// Compiles every output of the model and compares all rows, for columns of DOUBLE and, where the inputs allow it, with
    /// the same numbers in other column types.
    pub fn run(&self) -> Outcome {
        let check = &self.expected["checks"][0];
        let model = check["model"].as_str().unwrap_or("model.json");
        let columns = check["columns"].as_array().cloned().unwrap_or_default();
        let mut sources = Sources::new();
        let mut report = Report::new();
        let path = self.folder.join(model);
        let bytes = std::fs::read(&path).unwrap();
        let needs_link = columns.iter().find_map(|column| column["needs_option"].as_str());
        let mut values = 0;
        for link in [None, needs_link].into_iter().take(1 + usize::from(needs_link.is_some())) {
            let options = load::Options {
                link: link.and_then(|link| load::Link::find(link.trim_start_matches("link="))),
                ..load::Options::default()
            };
            let name = path.to_string_lossy().into_owned();
            let Ok(mut graph) = load::load(&mut sources, &name, bytes.clone(), &options, &mut report) else {
                return Outcome::Refused(first(&report));
            };
            // the rows bring the feature itself, not the columns that it is computed from
            graph
                .features
                .iter_mut()
                .filter(|feature| self.header.contains(&feature.name))
                .for_each(|feature| feature.expression = None);
            let wanted: Vec<Expected<'_>> = columns
                .iter()
                .filter(|column| column["needs_option"].is_null() || link.is_some())
                .map(|column| Expected {
                    output: column["output"].as_str().unwrap_or(""),
                    index: column["index"].as_u64().map(|index| index as usize),
                    column,
                })
                .collect();
            if wanted.is_empty() {
                continue;
            }
            // strict SQL of many classes is megabytes of the same arithmetic
            let small = graph.features.len() * graph.classes.len() <= 100;
            for strict in [false, true].into_iter().take(1 + usize::from(small)) {
                match self.compare(&graph, &wanted, strict, &mut sources, &mut report) {
                    Ok(compared) => values += compared,
                    Err(outcome) => return outcome,
                }
            }
        }
        Outcome::Agrees { values }
    }

    fn compare(
        &self,
        graph: &Graph,
        wanted: &[Expected<'_>],
        strict: bool,
        sources: &mut Sources,
        report: &mut Report,
    ) -> Result<usize, Outcome> {
        let mut options = Options { limits: false, strict, ..Options::default() };
        options.lower.nulls = Nulls::Propagate;
        let has = |role| graph.output(role).is_some();
        let kinds = [
            (Kind::Label, has(Role::Label)),
            (Kind::Probabilities, has(Role::Probabilities)),
            (Kind::Probability, has(Role::Probabilities)),
            (Kind::Margin, has(Role::Margin)),
            (Kind::Prediction, has(Role::Prediction) || has(Role::Value)),
        ];
        options.lower.select = kinds
            .iter()
            .filter(|(_, has)| *has)
            .map(|(kind, _)| Selection { kind: *kind, name: (*kind == Kind::Probability).then(|| "BEST".into()) })
            .collect();
        let from = sources.add("--from", "S");
        options.shape.from = Some(m2ksql::bind::Text { source: from, text: "S".into() });
        let compiled =
            compile::compile(graph, &options, sources, report).map_err(|_| Outcome::Refused(first(report)))?;
        let (relation, sources_of) = self.relation(graph, &compiled.bindings);
        let programs = programs(&compiled.text, &relation, sources, report)
            .map_err(|()| Outcome::Differs(format!("does not read back or type: {}", first(report))))?;
        let rows: Vec<Vec<Value>> = self
            .rows
            .iter()
            .map(|row| {
                sources_of.iter().zip(&relation.columns).map(|(at, column)| parse(&row[*at], &column.ty)).collect()
            })
            .collect();
        let mut compared = 0;
        for expected in wanted {
            let Some(name) = ours(expected, graph, &programs) else { continue };
            let (_, program) = programs.iter().find(|(column, _)| *column == name).unwrap();
            for (number, row) in rows.iter().enumerate() {
                let got = program.eval(row, &Event::default());
                compared += 1;
                if !right(&got, expected.column, number) {
                    let want = &expected.column["values"][number];
                    let mode = if strict { " (strict)" } else { "" };
                    return Err(Outcome::Differs(format!("`{name}`{mode} in row {number}: {got:?}, expected {want}")));
                }
            }
        }
        if compared == 0 {
            return Err(Outcome::Differs("no expected column has a counterpart".to_owned()));
        }
        Ok(compared)
    }

    /// The relation that the SQL reads, and for each of its columns the column of the rows: columns that feed features, with
    /// the features' types, and the others under their own names, for features that are expressions.
    fn relation(&self, graph: &Graph, bindings: &m2ksql::bind::Bindings) -> (Relation, Vec<usize>) {
        let mut columns: Vec<Column> = Vec::new();
        let mut sources = Vec::new();
        for (feature, binding) in graph.features.iter().zip(&bindings.inputs) {
            let ast::Expr::Column(name) = &binding.expr else { continue };
            let at = self.header.iter().position(|column| *column == feature.name || *column == feature.alias);
            let ty = match feature.elem {
                Elem::Number => Type::Double,
                Elem::Integer => Type::Bigint,
                Elem::Text => Type::String,
                Elem::Boolean => Type::Boolean,
            };
            columns.push(Column { name: name.as_str().to_owned(), ty, key: None });
            sources.push(at.unwrap_or_else(|| panic!("no column for `{}`", feature.name)));
        }
        for (at, header) in self.header.iter().enumerate().filter(|(at, _)| !sources.contains(at)).collect::<Vec<_>>() {
            let name = m2ksql::bind::stored(header);
            let number = self.rows.iter().all(|row| row[at].is_empty() || row[at].parse::<f64>().is_ok());
            if columns.iter().all(|column| column.name != name) {
                columns.push(Column { name, ty: if number { Type::Double } else { Type::String }, key: None });
                sources.push(at);
            }
        }
        (Relation { name: "S".into(), kind: Relationship::Stream, columns }, sources)
    }
}

fn first(report: &Report) -> String {
    let errors = report.diagnostics().iter().filter(|d| d.severity() == m2ksql::diag::Severity::Error);
    errors.map(|d| format!("{} {}", d.code.id, d.message)).next().unwrap_or_else(|| "no message".to_owned())
}

/// The items of the statement in the text, compiled for the relation.
fn programs(
    text: &str,
    relation: &Relation,
    sources: &mut Sources,
    report: &mut Report,
) -> Result<Vec<(String, Program)>, ()> {
    let source = sources.add("sql", text);
    let script = syntax::script(source, text, report).map_err(|_| ())?;
    let Statement::Select(query) = &script.statements[0].statement else { panic!("not a SELECT: {text}") };
    let mut programs = Vec::new();
    for item in &query.items {
        let Item::Expr { expr, alias: Some(alias), .. } = item else { panic!("not an item: {item:?}") };
        let program = Program::compile(expr, relation, report).map_err(|_| ())?;
        programs.push((alias.as_str().to_owned(), program));
    }
    Ok(programs)
}

/// Our column for an expected one.
fn ours(expected: &Expected<'_>, graph: &Graph, programs: &[(String, Program)]) -> Option<String> {
    let at = graph.outputs.iter().position(|output| output.name == expected.output)?;
    let output = &graph.outputs[at];
    let value = |role| matches!(role, Role::Prediction | Role::Value);
    let others = graph.outputs[..at].iter().filter(|other| value(output.role) && value(other.role));
    let before: usize = others.map(|other| graph.node(other.node).width).sum();
    let stem = match output.role {
        Role::Label => return Some("LABEL".to_owned()),
        Role::Probabilities => "PROBABILITY",
        Role::Margin => "MARGIN",
        Role::Prediction | Role::Value => "",
    };
    let all: Vec<&String> = programs
        .iter()
        .map(|(name, _)| name)
        .filter(|name| match stem {
            "" => {
                !["LABEL", "BEST"].contains(&name.as_str())
                    && !name.starts_with("PROBABILITY")
                    && !name.starts_with("MARGIN")
            }
            stem => name.starts_with(stem),
        })
        .collect();
    all.get(before + expected.index.unwrap_or(0)).map(|name| (*name).clone())
}

fn parse(field: &str, ty: &Type) -> Value {
    match ty {
        Type::String if field == "<missing>" => Value::Null,
        Type::String => Value::string(field),
        _ if field.is_empty() => Value::Null,
        Type::Double => Value::Double(field.parse().unwrap()),
        Type::Bigint => Value::Bigint(field.parse().unwrap()),
        Type::Boolean => Value::Boolean(matches!(field, "true" | "True" | "1")),
        other => panic!("no columns of {other}"),
    }
}

fn right(got: &Value, column: &Json, row: usize) -> bool {
    let want = &column["values"][row];
    if want.is_null() {
        return got.is_null();
    }
    if column["kind"] == "label" {
        let same = |want: &Json| match (got, want) {
            (Value::String(got), Json::String(want)) => **got == **want,
            (Value::Bigint(got), Json::Number(want)) => want.as_i64() == Some(*got),
            (Value::Double(got), Json::Number(want)) => want.as_f64() == Some(*got),
            (Value::Boolean(got), Json::Bool(want)) => got == want,
            _ => false,
        };
        let accepted = column["accept"][row.to_string().as_str()].as_array();
        return same(want) || accepted.is_some_and(|list| list.iter().any(same));
    }
    let want = match want {
        Json::String(text) if text == "NaN" => {
            return matches!(got, Value::Null) || matches!(got, Value::Double(x) if x.is_nan());
        }
        Json::String(text) if text == "Infinity" => return matches!(got, Value::Double(x) if *x > 3.4e38),
        Json::String(text) if text == "-Infinity" => return matches!(got, Value::Double(x) if *x < -3.4e38),
        want => want.as_f64().unwrap(),
    };
    let Value::Double(got) = got else { return false };
    let tolerance = |key: &str, default: f64| column[key].as_f64().unwrap_or(default);
    (got - want).abs() <= tolerance("atol", 1e-6) + tolerance("rtol", 1e-5) * want.abs()
}
