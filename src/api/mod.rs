//! The library as its users call it: load, bind, compile, with plain option structs and one type of error.
//!
//! Texts of options are those of the command line's options of the same names. Nothing here names a type of the stages or of
//! another crate: what is inside may change, this does not.

mod options;
mod problem;
mod select;

pub use options::{BindOptions, CompileOptions, Form, Link, LoadOptions, Nulls, Vectors};
pub use problem::{Problem, Problems};
#[cfg(feature = "cli")]
pub(crate) use select::{Selected, selected};

use std::fmt;

use crate::bind::Bindings;
use crate::compile;
use crate::diag::{Report, Sources};
use crate::load;
use crate::model::{Graph, Value};
use crate::sql::ast::Commented;
use crate::sql::print::{self, Style};

/// A trained model, as it was read from a file.
///
/// ```
/// use m2ksql::{LoadOptions, Model};
///
/// let file = r#"{ "type": "logistic", "features": { "units": 10.0 }, "intercept": 2.0 }"#;
/// let model = Model::load("model.json", file, &LoadOptions::default())?;
/// assert_eq!(model.features(), ["units"]);
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    graph: Graph,
    sources: Sources,
    warnings: Vec<Problem>,
}

impl Model {
    /// Reads a model: the content of a file, in any of the formats that `m2ksql formats` lists. `name` is shown in problems.
    ///
    /// ```
    /// use m2ksql::{LoadOptions, Model};
    ///
    /// let wrong = Model::load("model.json", r#"{ "type": "logistik" }"#, &LoadOptions::default()).unwrap_err();
    /// assert!(wrong.to_string().contains("model.json:1:"), "{wrong}");
    /// ```
    ///
    /// # Errors
    ///
    /// Everything in the file that is not understood, each with its place.
    pub fn load(name: &str, bytes: impl Into<Vec<u8>>, options: &LoadOptions) -> Result<Model, Problems> {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        match load::load(&mut sources, name, bytes.into(), &options.internal(), &mut report) {
            Ok(graph) => Ok(Model { graph, warnings: problem::list(&report, &sources), sources }),
            Err(_) => Err(Problems::new(&report, &sources)),
        }
    }

    /// The format of the file, such as `scikit-learn` or `ONNX`.
    ///
    /// ```
    /// # use m2ksql::{LoadOptions, Model};
    /// let file = r#"{ "type": "linear", "features": { "x": 1.0 } }"#;
    /// assert_eq!(Model::load("model.json", file, &LoadOptions::default())?.format(), "m2ksql");
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn format(&self) -> &str {
        self.graph.format
    }

    /// The names of the features, in the order of training.
    ///
    /// ```
    /// # use m2ksql::{LoadOptions, Model};
    /// let file = r#"{ "type": "linear", "features": { "x": 1.0, "y": 2.0 } }"#;
    /// assert_eq!(Model::load("model.json", file, &LoadOptions::default())?.features(), ["x", "y"]);
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn features(&self) -> Vec<&str> {
        self.graph.features.iter().map(|feature| feature.name.as_str()).collect()
    }

    /// The classes as texts, in the order of the scores; empty for a model that is no classifier.
    ///
    /// ```
    /// # use m2ksql::{LoadOptions, Model};
    /// let file = r#"{ "type": "logistic", "features": { "x": 1.0 }, "classes": ["no", "yes"] }"#;
    /// assert_eq!(Model::load("model.json", file, &LoadOptions::default())?.classes(), ["no", "yes"]);
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn classes(&self) -> Vec<String> {
        let text = |class: &Value| match class {
            Value::Text(text) => text.clone(),
            Value::Integer(integer) => integer.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Boolean(truth) => truth.to_string(),
            Value::Missing => String::new(),
        };
        self.graph.classes.iter().map(text).collect()
    }

    /// What the reader should know about the file although it was read.
    ///
    /// ```
    /// # use m2ksql::{LoadOptions, Model};
    /// // coefficients that name no link function are read as the linear predictor
    /// let model = Model::load("model.json", r#"{ "params": { "Intercept": 1.0, "x": 2.0 } }"#, &LoadOptions::default())?;
    /// assert!(model.warnings().iter().all(|warning| !warning.is_error));
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Binds the features to columns or to SQL expressions over columns.
    ///
    /// ```
    /// use m2ksql::{BindOptions, LoadOptions, Model};
    ///
    /// let file = r#"{ "type": "linear", "features": { "log_units": 1.5 } }"#;
    /// let model = Model::load("model.json", file, &LoadOptions::default())?;
    /// let options = BindOptions {
    ///     schema: Some("CREATE STREAM ORDERS (UNITS INT) WITH (KAFKA_TOPIC='o', VALUE_FORMAT='JSON');".into()),
    ///     definitions: Some("log_units = LN(units + 1E0);".into()),
    ///     ..BindOptions::default()
    /// };
    /// let bound = model.bind(&options)?;
    /// assert_eq!(bound.inputs(), [("log_units".to_owned(), "LN(UNITS + 1E0)".to_owned())]);
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A feature without a column, a column that two names fit, a type that does not fit, SQL that cannot be read.
    pub fn bind(&self, options: &BindOptions) -> Result<Bound, Problems> {
        let (mut sources, mut report) = (self.sources.clone(), Report::new());
        let bindings = options.internal(&mut sources, &mut report);
        match bindings.and_then(|options| compile::bind(&self.graph, &options, &mut report)) {
            Ok(bindings) => {
                let warnings = problem::list(&report, &sources);
                Ok(Bound { graph: self.graph.clone(), bindings, sources, warnings })
            }
            Err(_) => Err(Problems::new(&report, &sources)),
        }
    }
}

/// A model whose features are bound to columns; it can be compiled in several ways.
///
/// ```
/// use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model};
///
/// let file = r#"{ "type": "logistic", "features": { "units": 10.0 }, "intercept": 2.0 }"#;
/// let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
/// let label = CompileOptions { select: vec!["label".into()], ..CompileOptions::default() };
/// let margin = CompileOptions { select: vec!["margin".into()], ..CompileOptions::default() };
/// assert_eq!(bound.compile(&margin)?.text(), "1E1 * UNITS + 2E0 AS MARGIN\n");
/// assert!(bound.compile(&label)?.text().ends_with(" AS LABEL\n"));
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bound {
    graph: Graph,
    bindings: Bindings,
    sources: Sources,
    warnings: Vec<Problem>,
}

impl Bound {
    /// Each feature and the SQL that feeds it.
    ///
    /// ```
    /// # use m2ksql::{BindOptions, LoadOptions, Model};
    /// let file = r#"{ "type": "linear", "features": { "sepal length": 1.5 } }"#;
    /// let model = Model::load("model.json", file, &LoadOptions::default())?;
    /// let options = BindOptions { rename: vec!["sepal length=FLOWER->LENGTH".into()], ..BindOptions::default() };
    /// assert_eq!(model.bind(&options)?.inputs(), [("sepal length".to_owned(), "FLOWER->LENGTH".to_owned())]);
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn inputs(&self) -> Vec<(String, String)> {
        let features = self.graph.features.iter().enumerate();
        features
            .map(|(number, feature)| {
                let imported = self.bindings.imported.get(number).and_then(Option::as_ref);
                let expr = imported.unwrap_or(&self.bindings.inputs[number].expr);
                (feature.name.clone(), print::expression(expr, Style::default()))
            })
            .collect()
    }

    /// What the reader should know about the columns.
    ///
    /// ```
    /// # use m2ksql::{BindOptions, LoadOptions, Model};
    /// let file = r#"{ "type": "linear", "features": { "x": 1.5 } }"#;
    /// let model = Model::load("model.json", file, &LoadOptions::default())?;
    /// assert!(model.bind(&BindOptions::default())?.warnings().is_empty());
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Compiles to SQL: items for a SELECT, a query, or a statement that creates a stream, as the options say.
    ///
    /// ```
    /// use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model};
    ///
    /// let file = r#"{ "type": "linear", "features": { "units": 10.0 }, "intercept": 2.0 }"#;
    /// let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
    /// let options = CompileOptions { from: Some("ORDERS".into()), keep: vec!["ID".into()], ..CompileOptions::default() };
    /// let sql = "SELECT\n  ID,\n  1E1 * UNITS + 2E0 AS PREDICTION\nFROM ORDERS\nEMIT CHANGES;\n";
    /// assert_eq!(bound.compile(&options)?.text(), sql);
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A result that the model does not have, a clause that cannot be read, an expression that no server would take.
    pub fn compile(&self, options: &CompileOptions) -> Result<Sql, Problems> {
        let (mut sources, mut report) = (self.sources.clone(), Report::new());
        let internal = options.internal(&mut sources, &mut report);
        let compiled = internal.and_then(|options| {
            compile::compile_bound(&self.graph, self.bindings.clone(), &options, &mut sources, &mut report)
        });
        match compiled {
            Ok(compiled) => {
                let outputs = compiled.score.outputs.iter();
                let statement = |one: &Commented| print::statement(&one.statement, compiled.style);
                let column = |output: &crate::score::Output| {
                    (output.name.clone(), compiled.score.output_type(output).to_string())
                };
                Ok(Sql {
                    columns: outputs.map(column).collect(),
                    statements: compiled.statements().map(statement).collect(),
                    text: compiled.text,
                    warnings: problem::list(&report, &sources),
                })
            }
            Err(_) => Err(Problems::new(&report, &sources)),
        }
    }
}

/// The SQL of a model.
///
/// ```
/// use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model};
///
/// let file = r#"{ "type": "linear", "features": { "units": 10.0 } }"#;
/// let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
/// let sql = bound.compile(&CompileOptions::default())?;
/// assert_eq!(sql.to_string(), "1E1 * UNITS AS PREDICTION\n");
/// # Ok::<(), m2ksql::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sql {
    text: String,
    statements: Vec<String>,
    columns: Vec<(String, String)>,
    warnings: Vec<Problem>,
}

impl Sql {
    /// The text, ending with a line break.
    ///
    /// ```
    /// # use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model};
    /// # let file = r#"{ "type": "linear", "features": { "units": 10.0 } }"#;
    /// # let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
    /// let sql = bound.compile(&CompileOptions::default())?;
    /// assert_eq!(sql.text(), "1E1 * UNITS AS PREDICTION\n");
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The statements in the order in which they are to be sent, each ending with its semicolon; none if there are only items.
    ///
    /// Each reads what the one before it writes; the last has the columns of the results.
    ///
    /// ```
    /// # use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model};
    /// # let file = r#"{ "type": "logistic", "features": { "units": 10.0 }, "classes": ["no", "yes"] }"#;
    /// # let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
    /// let (from, into) = (Some("ORDERS".into()), Some("SCORED".into()));
    /// let sql = bound.compile(&CompileOptions { from, into, stages: Some(2), ..CompileOptions::default() })?;
    /// let [first, second] = sql.statements() else { panic!("{sql}") };
    /// assert!(first.starts_with("CREATE STREAM SCORED_S1_") && first.ends_with("EMIT CHANGES;"), "{first}");
    /// assert!(second.contains("CREATE STREAM SCORED AS"), "{second}");
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn statements(&self) -> &[String] {
        &self.statements
    }

    /// The columns that the model computes, in order, each with its SQL type.
    ///
    /// ```
    /// # use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model};
    /// # let file = r#"{ "type": "linear", "features": { "units": 10.0 } }"#;
    /// # let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
    /// let sql = bound.compile(&CompileOptions::default())?;
    /// assert_eq!(sql.columns(), [("PREDICTION".to_owned(), "DOUBLE".to_owned())]);
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn columns(&self) -> &[(String, String)] {
        &self.columns
    }

    /// What the reader should know although the SQL is right.
    ///
    /// ```
    /// # use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model};
    /// # let file = r#"{ "type": "linear", "features": { "units": 10.0 } }"#;
    /// # let bound = Model::load("model.json", file, &LoadOptions::default())?.bind(&BindOptions::default())?;
    /// assert!(bound.compile(&CompileOptions::default())?.warnings().is_empty());
    /// # Ok::<(), m2ksql::Problems>(())
    /// ```
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}

impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
