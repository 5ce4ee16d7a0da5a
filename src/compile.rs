//! From a model to SQL: the one file that names every stage between loading and text.
//!
//! | stage | from → to | decides |
//! |---|---|---|
//! | `load` | bytes → Graph | which format, what the producer meant |
//! | `bind` | Graph + columns → Bindings, Shape | which column feeds each feature; the statement around |
//! | `lower` | Graph + Bindings → Score | scalar arithmetic, missing values, which outputs |
//! | `opt` | Score → Score | rewrites, each of a declared class |
//! | `sql::legalize` | Score → Score | only what the dialect can spell |
//! | `sql::stages` | Score + Shape → several | where a chain of statements is divided (`compile::chain` says when) |
//! | `sql::plan` | Score + Shape → Plan | what is inside the limits |
//! | `sql::emit` | Plan → sql::ast | shapes of expressions and statements |
//! | `sql::accept` | – | whether the target takes every text, name and function |
//! | `sql::print` | sql::ast → text | parentheses and line breaks |

mod chain;

use crate::bind::{self, Bindings};
use crate::diag::{Diagnostic, Failed, Report, Sources, codes};
use crate::lower::{self, Column};
use crate::model::{self, Graph};
use crate::opt;
use crate::score::{Rebuild, Score};
use crate::sql::ast::{Commented, Item, Name, Script, Statement};
use crate::sql::dialect::{self, Dialect};
use crate::sql::plan::{Plan, record};
use crate::sql::print::{self, Style};
use crate::sql::{accept, emit, legalize, plan};
use crate::syntax;
use chain::Chain;
use std::borrow::Cow;

/// What the user asks for, stage by stage.
#[derive(Clone)]
pub struct Options {
    /// Columns and renames.
    pub bind: bind::Options,
    /// The statement.
    pub shape: bind::ShapeOptions,
    /// Outputs, threshold, missing values.
    pub lower: lower::Options,
    /// Only exact rewrites, and the source's order of operations.
    pub strict: bool,
    /// Refuse what is beyond the target's limits.
    pub limits: bool,
    /// Read the text back and compare it with what was meant.
    pub verify: bool,
    /// The target.
    pub dialect: &'static dyn Dialect,
    /// How many statements; `None`: one, or as many as hold the model.
    pub stages: Option<usize>,
    /// The layout.
    pub style: Style,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            bind: bind::Options::default(),
            shape: bind::ShapeOptions::default(),
            lower: lower::Options::default(),
            strict: false,
            limits: true,
            verify: true,
            dialect: dialect::default(),
            stages: None,
            style: Style::default(),
        }
    }
}

/// A compiled model: the text, and every representation on the way to it.
pub struct Compiled {
    /// What feeds the features.
    pub bindings: Bindings,
    /// The results, one a column.
    pub columns: Vec<Column>,
    /// The model with nodes for results that it does not compute by itself, if there are any.
    pub graph: Option<Graph>,
    /// The scalars as lowered.
    pub score: Score,
    /// What the optimizer did.
    pub stats: opt::Stats,
    /// The statements, each reading what the one before it writes; the last one has the results.
    pub stages: Vec<Stage>,
    /// The layout of the text.
    pub style: Style,
    /// The SQL, ending with a line break.
    pub text: String,
}

/// A statement, and what it is made of.
pub struct Stage {
    /// What feeds its inputs.
    pub bindings: Bindings,
    /// Its scalars as they are printed: optimized and legal.
    pub legal: Score,
    /// The plan.
    pub plan: Plan,
    /// The items of its outputs.
    pub items: Vec<Item>,
    /// The statement, unless only the items were asked for.
    pub statement: Option<Commented>,
}

impl Stage {
    /// Gives the sink another name.
    fn rename(&mut self, name: Name) {
        self.plan.shape.into = Some(name.clone());
        if let Some(Statement::CreateAs { name: old, .. }) = self.statement.as_mut().map(|it| &mut it.statement) {
            *old = name;
        }
    }
}

impl Compiled {
    /// The graph whose nodes the results are of: the model itself, or the model with more nodes.
    pub fn graph<'g>(&'g self, model: &'g Graph) -> &'g Graph {
        self.graph.as_ref().unwrap_or(model)
    }

    /// The statements, in the order in which they are to be sent; none if only the items were asked for.
    pub fn statements(&self) -> impl Iterator<Item = &Commented> {
        self.stages.iter().filter_map(|stage| stage.statement.as_ref())
    }

    /// Nanoseconds a row, as the dialect's costs have it.
    pub fn time(&self) -> f64 {
        self.stages.iter().map(|stage| stage.plan.time()).sum()
    }
}

/// The most statements that a model is divided into.
pub const MOST_STAGES: usize = 16;

/// Texts longer than this are not read back: it would take longer than compiling them.
const LONGEST_READ_BACK: usize = 1 << 20;

/// Compiles a graph. Texts of options are entered in `sources`, and so is the SQL when it is read back.
///
/// Errors are in the report: each stage says what it refuses.
pub fn compile(
    graph: &Graph,
    options: &Options,
    sources: &mut Sources,
    report: &mut Report,
) -> Result<Compiled, Failed> {
    let bindings = bind(graph, &options.bind, report)?;
    compile_bound(graph, bindings, options, sources, report)
}

/// Binds the features of a graph, if it is one.
pub fn bind(graph: &Graph, options: &bind::Options, report: &mut Report) -> Result<Bindings, Failed> {
    if let Err(problem) = model::check(graph) {
        let message = format!("the loader of `{}` made a graph that does not hold together: {problem:?}", graph.format);
        return Err(report.fail(Diagnostic::new(&codes::compile::INTERNAL, message)));
    }
    bind::bind(graph, options, report)
}

/// Compiles a graph whose features are bound; the options of binding are not read.
pub fn compile_bound(
    graph: &Graph,
    bindings: Bindings,
    options: &Options,
    sources: &mut Sources,
    report: &mut Report,
) -> Result<Compiled, Failed> {
    let shape = bind::shape(&options.shape, &bindings, report)?;
    let results = lower::results(graph, &options.lower, report)?;
    let score = lower::lower(&results, &bindings, &options.lower, report)?;
    let names: Vec<String> = results.columns.iter().map(|column| column.name.clone()).collect();
    bind::check_columns(&shape, &names, report)?;
    if !score.required.is_empty() && shape.form == bind::Form::Expression {
        return Err(report.fail(
            Diagnostic::new(
                &codes::compile::BAD_OPTIONS,
                "rows are skipped in a WHERE clause, and there is no statement",
            )
            .help("name the source with `--from`, or use `--nulls guard`"),
        ));
    }
    let (stages, stats) = stages(&score, &bindings, &shape, options, report)?;
    for stage in &stages {
        accept::check(stage.statement.as_ref().map(|it| &it.statement), &stage.items, options.dialect, report)?;
    }
    let many = stages.iter().flat_map(|stage| &stage.plan.items).any(|item| item.measure.terms > MANY_TERMS);
    let style = Style { pack: many, ..options.style };
    let text = printed(&stages, style);
    match options.verify {
        true if text.len() <= LONGEST_READ_BACK => read_back(&text, &stages, sources, report)?,
        true => report.push(
            Diagnostic::new(
                &codes::compile::NOT_READ_BACK,
                format!("the SQL is {} bytes long, and was not read back", text.len()),
            )
            .note(format!("texts of up to {LONGEST_READ_BACK} bytes are read back and compared with what was meant")),
        ),
        false => {}
    }
    let lower::Results { graph, columns } = results;
    let graph = match graph {
        Cow::Borrowed(_) => None,
        Cow::Owned(graph) => Some(graph),
    };
    Ok(Compiled { bindings, columns, graph, score, stats, stages, style, text })
}

/// The statements: one, or a chain of as many as the user asks for, or as hold what one cannot.
fn stages(
    score: &Score,
    bindings: &Bindings,
    shape: &bind::Shape,
    options: &Options,
    report: &mut Report,
) -> Result<(Vec<Stage>, opt::Stats), Failed> {
    if let Some(count) = options.stages.filter(|&count| count > 1) {
        let (chain, stats) = Chain::new(score, bindings, shape, options, report)?;
        return Ok((chain.of(count, report)?, stats));
    }
    let mut alone = Report::new();
    let one = cheapest(score, shape, options, &mut alone).and_then(|Planned { legal, stats, plan }| {
        Ok((vec![emitted(legal, plan, bindings.clone(), options, &mut alone)?], stats))
    });
    let too_much = |report: &Report| {
        let codes = [codes::compile::TOO_LARGE.id, codes::compile::TOO_DEEP.id];
        report.diagnostics().iter().any(|found| codes.contains(&found.code.id))
    };
    if one.is_err() && options.stages.is_none() && options.limits && too_much(&alone) {
        let divided = Chain::new(score, bindings, shape, options, &mut Report::new());
        if let Some((stages, stats)) = divided.ok().and_then(|(chain, stats)| Some((chain.that_fits()?, stats))) {
            return Ok((stages, stats));
        }
        if shape.into.is_some() {
            alone.push(
                Diagnostic::new(&codes::compile::TOO_LARGE, "nor can it be divided into statements, each of which fits")
                    .note("a column that a later statement reads passes through those before it, which takes as much as a term")
                    .help("put the features into one ARRAY or MAP column, or use fewer"),
            );
        }
    }
    report.append(alone);
    one
}

/// From a plan to its statement.
fn emitted(
    legal: Score,
    mut plan: Plan,
    bindings: Bindings,
    options: &Options,
    report: &mut Report,
) -> Result<Stage, Failed> {
    let items = emit::items(&plan, &legal, &bindings, options.dialect);
    if options.limits {
        plan::check(&items, options.dialect, report)?;
        record::fit(&items, &mut plan.shape, &bindings, options.dialect, report)?;
    }
    let statement = match plan.shape.form {
        bind::Form::Expression => None,
        _ => emit::statement(&plan, items.clone(), &legal, &bindings, options.dialect),
    };
    Ok(Stage { bindings, legal, plan, items, statement })
}

/// The text of all statements, or of the items where there is none.
fn printed(stages: &[Stage], style: Style) -> String {
    let statements: Vec<Commented> = stages.iter().filter_map(|stage| stage.statement.clone()).collect();
    let text = match (statements.as_slice(), stages) {
        ([], [stage, ..]) => print::items(&stage.items, style),
        _ => print::script(&Script { statements, ..Script::default() }, style),
    };
    if text.ends_with('\n') { text } else { text + "\n" }
}

/// Sums of more terms are printed with several terms a line.
const MANY_TERMS: u64 = 1_000;

/// Classes beyond which no plan by differences is tried: they are as many as the pairs.
const MANY_CLASSES: usize = 12;

/// A score on its way to text.
struct Planned {
    legal: Score,
    stats: opt::Stats,
    plan: Plan,
}

/// The legal score and its plan. With more than two classes every output is planned by differences, where rules of that class
/// are allowed, and by scores, and the cheaper item is kept.
fn cheapest(score: &Score, shape: &bind::Shape, options: &Options, report: &mut Report) -> Result<Planned, Failed> {
    let (optimized, mut stats) = opt::optimize(score, options.strict);
    let few = opt::compared(&optimized) <= MANY_CLASSES;
    let Some((differences, more)) = few.then(|| opt::alternative(&optimized, options.strict)).flatten() else {
        return planned(&optimized, stats, shape, options, report);
    };
    stats.runs.extend(more.runs);
    let both = Rebuild::onto(differences, &optimized).run(|_, _, _| None);
    let Planned { mut legal, stats, mut plan } = planned(&both, stats, shape, options, report)?;
    let others = plan.items.split_off(score.outputs.len());
    for (item, other) in plan.items.iter_mut().zip(others) {
        let (here, there) = (item.measure.time, other.measure.time);
        if there < here {
            legal.outputs.swap(item.output, other.output);
            *item = plan::Item { output: item.output, ..other };
        }
        item.alternative = Some(here.max(there));
    }
    legal.outputs.truncate(plan.items.len());
    Ok(Planned { legal, stats, plan })
}

/// From an optimized score to its plan.
fn planned(
    optimized: &Score,
    stats: opt::Stats,
    shape: &bind::Shape,
    options: &Options,
    report: &mut Report,
) -> Result<Planned, Failed> {
    let legal = legalize::legalize(optimized, options.dialect, report)?;
    let plan = plan::plan(&legal, shape.clone(), options.dialect, wishes(options), report)?;
    Ok(Planned { legal, stats, plan })
}

/// What the user wants of a plan.
fn wishes(options: &Options) -> plan::Wishes {
    plan::Wishes { guard: options.lower.nulls == lower::Nulls::Guard, strict: options.strict }
}

/// Reads the text and compares the trees, statements, clauses and kept columns included: a fault of the printer is an
/// internal error, never a wrong SQL.
fn read_back(text: &str, stages: &[Stage], sources: &mut Sources, report: &mut Report) -> Result<(), Failed> {
    let source = sources.add("<compiled SQL>", text);
    let mut inner = Report::new();
    let meant: Vec<_> = stages.iter().filter_map(|stage| stage.statement.as_ref()).collect();
    let same = match (meant.as_slice(), stages) {
        ([], [stage, ..]) => syntax::items(source, text, &mut inner).is_ok_and(|read| {
            let plain = |item: &Item| item.clone().without_comments();
            read.iter().map(plain).eq(stage.items.iter().map(plain))
        }),
        (meant, _) => syntax::script(source, text, &mut inner).is_ok_and(|read| {
            let read = read.statements.into_iter().map(|found| found.statement.without_comments());
            read.eq(meant.iter().map(|meant| meant.statement.clone().without_comments()))
        }),
    };
    if same {
        return Ok(());
    }
    let message = "internal error: the SQL does not read back to what was meant";
    let mut diagnostic = Diagnostic::new(&codes::compile::INTERNAL, message);
    for finding in inner.diagnostics() {
        diagnostic = diagnostic.note(format!("{}: {}", finding.code.id, finding.message));
    }
    Err(report.fail(diagnostic.help("report it with the model; `--no-verify` prints the text all the same")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Binary, Elem, Feature, Linear, Node, Op, Output, Precision, Role, Unary, Value};

    /// `sigmoid(10 * orderunits + 2)`, the blog post's formula.
    fn orders() -> Graph {
        let mut graph = Graph { format: "m2ksql", title: "logistic".into(), ..Graph::default() };
        graph.features.push(Feature {
            name: "orderunits".into(),
            alias: String::new(),
            elem: Elem::Number,
            precision: Precision::Double,
            place: None,
            expression: None,
        });
        let mut node = |op, args: &[crate::model::NodeId], width| {
            graph.push(Node {
                op,
                args: args.to_vec(),
                width,
                elem: Elem::Number,
                precision: Precision::Double,
                name: String::new(),
            })
        };
        let x = node(Op::Input(0), &[], 1);
        let margin = node(Op::Linear(Linear { inputs: 1, weights: vec![10.0], bias: vec![2.0] }), &[x], 1);
        let other = node(Op::Unary(Unary::Negate), &[margin], 1);
        let both = node(Op::Concat, &[other, margin], 2);
        let p = node(Op::Unary(Unary::Sigmoid), &[both], 2);
        let output = |role, name: &str, node| Output { role, name: name.into(), node, elements: Vec::new() };
        graph.outputs = vec![output(Role::Probabilities, "predict_proba", p), output(Role::Margin, "margin", margin)];
        graph.classes = vec![Value::Integer(0), Value::Integer(1)];
        graph
    }

    fn sql(graph: &Graph, options: &Options) -> String {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        match compile(graph, options, &mut sources, &mut report) {
            Ok(compiled) => compiled.text,
            Err(_) => panic!("{:#?}", report.diagnostics()),
        }
    }

    /// Longer than any stack is deep, and copied nowhere.
    #[test]
    fn a_chain_of_200_000_sums_is_one() {
        let mut graph = orders();
        let (one, x) = (graph.nodes.len() as u32, crate::model::NodeId(0));
        let number = |op, args: Vec<crate::model::NodeId>| Node {
            op,
            args,
            width: 1,
            elem: Elem::Number,
            precision: Precision::Double,
            name: String::new(),
        };
        graph.push(number(Op::Constant(vec![Value::Number(0.5)]), vec![]));
        let mut last = x;
        for step in 0..200_000 {
            let (binary, other) =
                if step % 2 == 0 { (Binary::Add, x) } else { (Binary::Subtract, crate::model::NodeId(one)) };
            last = graph.push(number(Op::Binary(binary), vec![last, other]));
        }
        graph.outputs = vec![Output { role: Role::Value, name: "y".into(), node: last, elements: Vec::new() }];
        graph.classes.clear();
        assert_eq!(sql(&graph, &Options::default()), "1.00001E5 * ORDERUNITS - 5E4 AS Y\n");
    }

    #[test]
    fn the_example_compiles_to_one_line() {
        let graph = orders();
        assert_eq!(sql(&graph, &Options::default()), "1E0 / (1E0 + EXP(-1E1 * ORDERUNITS - 2E0)) AS PROBABILITY\n");
        let mut options = Options::default();
        options.lower.select = vec![
            lower::Selection { kind: lower::Kind::Probabilities, name: None },
            lower::Selection { kind: lower::Kind::Margin, name: None },
        ];
        assert_eq!(
            sql(&graph, &options),
            "1E0 / (1E0 + EXP(1E1 * ORDERUNITS + 2E0)) AS PROBABILITY_0,\n\
             1E0 / (1E0 + EXP(-1E1 * ORDERUNITS - 2E0)) AS PROBABILITY_1,\n\
             1E1 * ORDERUNITS + 2E0 AS MARGIN\n"
        );
        options.strict = true;
        options.lower.select.remove(0);
        assert_eq!(sql(&graph, &options), "1E1 * ORDERUNITS + 2E0 AS MARGIN\n");
    }
}
