//! m2ksql's own format: a linear model written down by hand or by a program that knows what it wants.
//!
//! `docs/formats.md` describes it; `schema` is the same as a JSON Schema. Keys are checked strictly, and every problem
//! of a file is reported in one run.

mod feature;
mod schema;

pub use schema::schema;

use super::build::{Builder, Columns};
use super::expect;
use super::value::{Json, Kind};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Report, nearest};
use crate::load::{Content, Context, Format, Link};
use crate::model::{Binary, Decision, Elem, Graph, Linear, NodeId, Norm, Op, Output, Role, Unary, Value};
use feature::Design;

pub(in crate::load) const FORMAT: Format = Format {
    name: "m2ksql",
    description: "linear, logistic and generalized linear models, described in docs/formats.md",
    sign: "an object with the key `type`",
    sniff,
    load,
};

const TYPES: &[&str] = &["glm", "linear", "logistic"];

fn sniff(content: &Content<'_>) -> bool {
    match content {
        Content::Json(root) => {
            let kind = root.get("type").filter(|kind| kind.kind() == Kind::Text);
            kind.is_some_and(|kind| !super::sklearn::is_estimator(&kind.text().unwrap_or_default()))
                && root.get("class").is_none()
        }
        Content::Binary(_) => false,
    }
}

/// Reads the members of an object by their known keys; unknown keys are reported.
fn fields<'a, const N: usize>(
    report: &mut Report,
    object: Json<'a>,
    what: &str,
    keys: [&str; N],
) -> Result<[Option<Json<'a>>; N], Failed> {
    expect::object(report, object, what)?;
    let mut found = [None; N];
    let since = report.len();
    for (key, value) in object.members() {
        let name = key.text().unwrap_or_default();
        if let Some(at) = keys.iter().position(|known| *known == name) {
            found[at] = Some(value);
            continue;
        }
        let list: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        let mut diagnostic = Diagnostic::new(&codes::UNKNOWN_KEY, format!("{what} has no key `{name}`"))
            .at(key.place())
            .note(format!("known keys: {}", list.join(", ")));
        if let Some(known) = nearest(&name, keys) {
            diagnostic = diagnostic.help(format!("did you mean `{known}`?"));
        }
        report.push(diagnostic);
    }
    report.check(since)?;
    Ok(found)
}

fn load(content: &Content<'_>, context: &mut Context<'_>) -> Result<Graph, Failed> {
    let Content::Json(root) = *content else { return Ok(Graph::default()) };
    let report = &mut *context.report;
    let since = report.len();
    let keys = [
        "type",
        "name",
        "description",
        "features",
        "terms",
        "intercept",
        "classes",
        "multiclass",
        "targets",
        "link",
        "threshold",
        "offset",
    ];
    // An unknown key is reported, and the rest is read all the same.
    let members = fields(report, root, "the model", keys).unwrap_or_else(|_| keys.map(|key| root.get(key)));
    let [kind, name, description, features, terms, intercept, classes, multiclass, targets, link, threshold, offset] =
        members;
    if let Some(description) = description {
        let _ = expect::text(report, description, "`description`");
    }
    let title = name.map(|name| expect::text(report, name, "`name`")).transpose();
    let kind = match kind {
        Some(kind) => word(report, kind, "the type of a model", TYPES),
        None => Err(expect::missing_key(report, root, "type", "the model")),
    };
    let mut builder = Builder::default();
    let mut design = Design::default();
    match features {
        Some(features) => design.read(report, &mut builder, features),
        None => {
            expect::missing_key(report, root, "features", "the model");
        }
    }
    if let Some(terms) = terms {
        design.read_terms(report, &mut builder, terms);
    }
    if let Some(offset) = offset {
        design.read_offset(report, &mut builder, offset);
    }
    let intercept = intercept.map(|json| (json, expect::number_or_numbers(report, json, "the intercept")));
    let classes =
        classes.map(|json| expect::classes(report, json, "`classes`").map(|classes| (json, classes))).transpose();
    let targets =
        targets.map(|json| expect::texts(report, json, "`targets`").map(|targets| (json, targets))).transpose();
    let multiclass = multiclass.map(|json| word(report, json, "`multiclass`", &["ovr", "softmax"])).transpose();
    let link = link.map(|json| read_link(report, json)).transpose();
    let probability = threshold.map(|json| read_threshold(report, json)).transpose();
    if let Ok(kind) = kind {
        refuse_foreign_keys(
            report,
            kind,
            [
                ("classes", root.get("classes")),
                ("multiclass", root.get("multiclass")),
                ("targets", root.get("targets")),
                ("link", root.get("link")),
                ("threshold", threshold),
            ],
        );
        if kind == "glm" && root.get("link").is_none() && context.options.link.is_none() {
            expect::missing_key(report, root, "link", "a generalized linear model");
        }
    }
    if let (Some(_), false) = (context.options.link, kind == Ok("glm") && root.get("link").is_none()) {
        let message = "`--link` does not apply: the model says itself how its predictor is used";
        report.push(Diagnostic::new(&codes::LINK_CONFLICT, message).at(root.place()).help("leave `--link` out"));
    }
    let width = design.width.as_ref().map_or(1, |(width, _)| *width);
    let bias = match intercept {
        None => vec![0.0; width],
        Some((_, Err(_))) => Vec::new(),
        Some((json, Ok(bias))) => {
            let width = if design.is_empty() { bias.len() } else { width };
            if bias.len() != width || bias.is_empty() {
                expect::wrong_length(report, json, "the intercept", bias.len(), width, "one per row of coefficients");
            }
            bias
        }
    };
    let kind = kind?;
    let width = if design.is_empty() { bias.len() } else { width };
    if let (Ok(Some((json, classes))), "logistic") = (&classes, kind) {
        let expected = width.max(2);
        if classes.len() != expected {
            let why = "one row of coefficients for two classes, else one per class";
            expect::wrong_length(report, *json, "`classes`", classes.len(), expected, why);
        }
    }
    if let Ok(Some((json, targets))) = &targets
        && targets.len() != width
    {
        expect::wrong_length(report, *json, "`targets`", targets.len(), width, "one per row of coefficients");
    }
    if let (true, Some(json)) = (width > 1, threshold) {
        let message = "a threshold needs two classes and one row of coefficients";
        report.push(Diagnostic::new(&codes::UNSUPPORTED_SETTING, message).at(json.place()).help("remove it"));
    }
    report.check(since)?;
    let (classes, targets) = (classes?.map(|(_, classes)| classes), targets?.map(|(_, targets)| targets));
    let mut model = Model { builder, design, bias };
    let margin = model.margin();
    let builder = &mut model.builder;
    let (outputs, classes) = match kind {
        "linear" => {
            let elements = targets.unwrap_or_default();
            (vec![Output { role: Role::Prediction, name: "prediction".into(), node: margin, elements }], Vec::new())
        }
        "glm" => {
            let link = link?.or(context.options.link).unwrap_or(Link::Identity);
            let mean = link.inverse().map_or(margin, |inverse| builder.unary(inverse, margin));
            let elements = targets.unwrap_or_default();
            let outputs = vec![
                Output { role: Role::Prediction, name: "prediction".into(), node: mean, elements: elements.clone() },
                Output { role: Role::Margin, name: "margin".into(), node: margin, elements },
            ];
            (outputs, Vec::new())
        }
        _ => {
            let count = width.max(2);
            let classes = classes.unwrap_or_else(|| (0..count).map(|class| Value::Integer(class as i64)).collect());
            (classifier(builder, margin, &classes, multiclass?, probability?), classes)
        }
    };
    let mut graph = model.builder.finish(outputs, classes);
    graph.title = title?.map_or_else(|| kind.to_owned(), |name| name.into_owned());
    Ok(graph)
}

/// The outputs of a logistic model.
fn classifier(
    builder: &mut Builder,
    margin: NodeId,
    classes: &[Value],
    multiclass: Option<&str>,
    probability: Option<f64>,
) -> Vec<Output> {
    let binary = builder.width(margin) == 1;
    let probabilities = if binary {
        let other = builder.unary(Unary::Negate, margin);
        let both = builder.concat(vec![other, margin]);
        builder.unary(Unary::Sigmoid, both)
    } else if multiclass == Some("ovr") {
        let each = builder.unary(Unary::Sigmoid, margin);
        builder.push(Op::Normalize(Norm::L1), vec![each], classes.len())
    } else {
        builder.push(Op::Softmax, vec![margin], classes.len())
    };
    let (score, decision) = match probability {
        Some(threshold) => {
            let second = builder.unary(Unary::Sigmoid, margin);
            (second, Decision::Threshold { threshold, inclusive: true })
        }
        None if binary => (margin, Decision::Threshold { threshold: 0.0, inclusive: false }),
        None => (margin, Decision::FirstLargest),
    };
    let elem = classes.first().and_then(Value::elem).unwrap_or(Elem::Integer);
    let label = builder.push_as(Op::Decide { classes: classes.to_vec(), decision }, vec![score], 1, elem);
    let names: Vec<String> = classes.iter().map(expect::name_of).collect();
    vec![
        Output { role: Role::Label, name: "label".into(), node: label, elements: Vec::new() },
        Output { role: Role::Probabilities, name: "probability".into(), node: probabilities, elements: names.clone() },
        Output {
            role: Role::Margin,
            name: "margin".into(),
            node: margin,
            elements: if binary { Vec::new() } else { names },
        },
    ]
}

struct Model {
    builder: Builder,
    design: Design,
    bias: Vec<f64>,
}

impl Model {
    /// The linear predictor: one element per row of coefficients, plus the offsets.
    fn margin(&mut self) -> NodeId {
        let (width, builder) = (self.bias.len(), &mut self.builder);
        let columns: Columns = self.design.columns.iter().map(|(column, _)| *column).collect();
        let inputs = columns.len();
        let mut weights = Vec::with_capacity(width * inputs);
        for target in 0..width {
            weights.extend(self.design.columns.iter().map(|(_, coefficients)| coefficients[target]));
        }
        let bias = self.bias.clone();
        if inputs == 0 {
            return builder.push(Op::Constant(bias.into_iter().map(Value::Number).collect()), Vec::new(), width);
        }
        let x = self.design.vector(builder, &columns);
        let mut margin = builder.push(Op::Linear(Linear { inputs, weights, bias }), vec![x], width);
        for &column in &self.design.offsets {
            let offset = self.design.vector(builder, &[column]);
            margin = builder.binary(Binary::Add, margin, offset);
        }
        margin
    }
}

/// A word of a list, as it stands there.
fn word(report: &mut Report, json: Json<'_>, what: &str, known: &[&'static str]) -> Result<&'static str, Failed> {
    let found = expect::text(report, json, what)?;
    match known.iter().find(|word| **word == found) {
        Some(word) => Ok(word),
        None => Err(expect::unknown_word(report, json, what, known)),
    }
}

fn read_link(report: &mut Report, json: Json<'_>) -> Result<Link, Failed> {
    let found = expect::text(report, json, "the link function")?;
    let names = Link::ALL.map(Link::name);
    Link::find(&found).ok_or_else(|| expect::unknown_word(report, json, "the link function", &names))
}

fn read_threshold(report: &mut Report, json: Json<'_>) -> Result<f64, Failed> {
    let threshold = expect::number(report, json, "the threshold")?;
    if threshold > 0.0 && threshold < 1.0 {
        return Ok(threshold);
    }
    let message = format!("the threshold is {threshold}, a probability between 0 and 1 is expected");
    Err(report.fail(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(json.place())))
}

/// Keys that belong to another type of model.
fn refuse_foreign_keys(report: &mut Report, kind: &str, keys: [(&str, Option<Json<'_>>); 5]) {
    for (key, json) in keys {
        let belongs = match key {
            "targets" => kind != "logistic",
            "link" => kind == "glm",
            _ => kind == "logistic",
        };
        if let (false, Some(json)) = (belongs, json) {
            let message = format!("`{key}` does not belong to a model of type `{kind}`");
            report.push(Diagnostic::new(&codes::UNKNOWN_KEY, message).at(json.place()).help("remove it"));
        }
    }
}
