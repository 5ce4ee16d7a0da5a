//! The linear models of ai.onnx.ml: LinearRegressor and LinearClassifier.

use super::cast::cast_to;
use super::linear::finite;
use super::node::{Refused, refuse, refuse_with};
use super::types::Type;
use super::value::{Call, Context, Tensor, mixes_rows};
use crate::diag::Diagnostic;
use crate::diag::codes::onnx as codes;
use crate::model::{Binary, Decision, Elem, Linear, NodeId, Op, Precision, Reduction, Unary, Value};

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// The operand of an ai.onnx.ml model: `[N, F]`, as float32.
pub fn features<'a>(
    context: &mut Context,
    call: &Call<'_, 'a>,
    expected: usize,
) -> Result<(NodeId, Tensor<'a>), Refused> {
    let x = call.input(0)?;
    let x = if x.ty == Type::F32 || (x.ty == Type::F64 && call.op == "LinearRegressor") {
        x.clone()
    } else if matches!(x.ty, Type::Text | Type::Bool) {
        return Err(refuse(&codes::SHAPE, format!("{} of {} is not defined", call.op, x.ty.name())));
    } else {
        cast_to(context, x, Type::F32)?
    };
    if x.width() != expected {
        return Err(refuse(
            &codes::SHAPE,
            format!("the coefficients are for {expected} features, the operand {} has {}", x.shape(), x.width()),
        ));
    }
    if x.batch.is_some_and(|axis| axis + 1 == x.rank() && x.rank() > 1) {
        return Err(mixes_rows(call.op));
    }
    Ok((context.node(&x)?, x))
}

/// The shape `[N, K]` of scores, or `[1, K]` where the model has no rows.
pub fn per_row<'a>(x: &Tensor<'a>, width: usize, node: NodeId) -> Tensor<'a> {
    Tensor::row(Type::F32, vec![1, width], x.batch.map(|_| 0), node)
}

/// LinearRegressor. onnxruntime ignores LOGISTIC and SOFTMAX for one target.
pub fn regressor<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let weights = call.attributes.floats("coefficients")?;
    let bias = call.attributes.floats("intercepts")?;
    let targets = usize::try_from(call.attributes.int("targets", 1)?).unwrap_or(0);
    let transform = call.attributes.string("post_transform", "NONE")?;
    if targets == 0 || targets > weights.len() || weights.len() % targets != 0 {
        return Err(refuse(
            &codes::ATTRIBUTE,
            format!("{} coefficients do not divide into {targets} targets", weights.len()),
        ));
    }
    let bias = if bias.is_empty() { vec![0.0; targets] } else { bias };
    if bias.len() != targets {
        return Err(refuse(&codes::ATTRIBUTE, format!("there are {} intercepts for {targets} targets", bias.len())));
    }
    finite(&weights, "coefficient")?;
    finite(&bias, "intercept")?;
    let inputs = weights.len() / targets;
    let (node, x) = features(context, call, inputs)?;
    let mut result = context.builder.linear(node, Linear { inputs, weights, bias }, Precision::Single);
    context.predictions.push(result);
    if targets == 1 && matches!(transform.as_str(), "LOGISTIC" | "SOFTMAX") {
        ignored(context, &transform);
    } else if transform != "NONE" {
        result = transformed(context, result, &transform)?;
        context.predictions.push(result);
    }
    Ok(vec![per_row(&x, targets, result)])
}

fn ignored(context: &mut Context, transform: &str) {
    context.warnings.push(Diagnostic::new(
        &codes::IGNORED_TRANSFORM,
        format!("the post_transform {transform} has no effect in onnxruntime; the values are raw scores"),
    ));
}

/// The functions that ai.onnx.ml applies to raw scores.
fn transformed(context: &mut Context, scores: NodeId, transform: &str) -> Result<NodeId, Refused> {
    let builder = &mut context.builder;
    let width = builder.width(scores);
    let single = Precision::Single;
    Ok(match transform {
        "NONE" => scores,
        "LOGISTIC" => builder.unary(Unary::Sigmoid, scores, Elem::Number, single),
        "SOFTMAX" => builder.raw(Op::Softmax, vec![scores], width, Elem::Number, single),
        "SOFTMAX_ZERO" => {
            // softmax over the scores that are not almost 0; those are multiplied with e^-max and left out of the sum
            let max = builder.reduce(scores, Reduction::Max, single);
            let shifted = builder.binary(Binary::Subtract, scores, max, Elem::Number, single);
            let exp = builder.unary(Unary::Exp, shifted, Elem::Number, single);
            let size = builder.unary(Unary::Abs, scores, Elem::Number, single);
            let tiny = builder.constant(vec![Value::Number(f64::from(0.000_000_1f32))], Elem::Number, single);
            let counts = builder.binary(Binary::Greater, size, tiny, Elem::Boolean, single);
            let zero = builder.constant(vec![Value::Number(0.0)], Elem::Number, single);
            let kept = builder.choose(counts, exp, zero, single);
            let sum = builder.reduce(kept, Reduction::Sum, single);
            let negated = builder.negate(max);
            let factor = builder.unary(Unary::Exp, negated, Elem::Number, single);
            let small = builder.binary(Binary::Multiply, scores, factor, Elem::Number, single);
            let all = builder.choose(counts, exp, small, single);
            builder.binary(Binary::Divide, all, sum, Elem::Number, single)
        }
        "PROBIT" => {
            return Err(refuse_with(
                &codes::MEANING,
                "post_transform PROBIT is a rough approximation in onnxruntime and undefined for two classes",
                "export the raw scores (post_transform NONE)",
            ));
        }
        other => return Err(refuse(&codes::ATTRIBUTE, format!("`{other}` is no post_transform"))),
    })
}

/// The class labels of a classifier.
pub fn labels(call: &Call<'_, '_>) -> Result<(Vec<Value>, Type), Refused> {
    let texts = call.attributes.strings("classlabels_strings")?;
    let ints = call.attributes.ints("classlabels_ints")?;
    match (texts.is_empty(), ints.is_empty()) {
        (false, true) => Ok((texts.into_iter().map(Value::Text).collect(), Type::Text)),
        (true, false) => Ok((ints.into_iter().map(Value::Integer).collect(), Type::I64)),
        _ => Err(refuse(&codes::ATTRIBUTE, "expected either `classlabels_ints` or `classlabels_strings`")),
    }
}

/// LinearClassifier: the label is decided on the raw scores, then they are transformed.
pub fn classifier<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let weights = call.attributes.floats("coefficients")?;
    let bias = call.attributes.floats("intercepts")?;
    let transform = call.attributes.string("post_transform", "NONE")?;
    // has no effect, neither in onnxruntime nor in the reference
    call.attributes.ignore("multi_class");
    let (classes, ty) = labels(call)?;
    let rows = bias.len();
    if rows == 0 || weights.is_empty() || weights.len() % rows != 0 {
        return Err(refuse(
            &codes::ATTRIBUTE,
            format!("{} coefficients do not divide into {rows} rows (one for each intercept)", weights.len()),
        ));
    }
    if classes.len() < 2 || (rows != classes.len() && !(rows == 1 && classes.len() == 2)) {
        return Err(refuse(&codes::ATTRIBUTE, format!("{rows} rows of coefficients for {} classes", classes.len())));
    }
    finite(&weights, "coefficient")?;
    finite(&bias, "intercept")?;
    let inputs = weights.len() / rows;
    let (node, x) = features(context, call, inputs)?;
    let raw = context.builder.linear(node, Linear { inputs, weights, bias }, Precision::Single);
    if rows == 1 {
        return one_row(context, &x, raw, classes, ty, &transform);
    }
    let scores = transformed(context, raw, &transform)?;
    if transform == "SOFTMAX" && rows == 2 && context.skl2onnx && context.builder.margin(raw).is_some() {
        context.warnings.push(
            Diagnostic::new(
                &codes::LDA_BINARY,
                "the probabilities are softmax([-z, z]) = sigmoid(2z), where scikit-learn's LinearDiscriminantAnalysis \
                 computes sigmoid(z)",
            )
            .help("load the estimator's attributes as JSON: `m2ksql exporter sklearn`"),
        );
    }
    let label = context.builder.decide(raw, classes.clone());
    context.scores.push((scores, classes));
    let label = Tensor::row(ty, vec![1], x.batch.map(|_| 0), label);
    Ok(vec![label, per_row(&x, rows, scores)])
}

/// Two classes with one row of coefficients: the second class where the raw score is positive.
fn one_row<'a>(
    context: &mut Context,
    x: &Tensor<'a>,
    raw: NodeId,
    classes: Vec<Value>,
    ty: Type,
    transform: &str,
) -> Outcome<'a> {
    let builder = &mut context.builder;
    let scores = match transform {
        "LOGISTIC" => {
            let other = builder.negate(raw);
            let both = builder.concat(vec![other, raw]);
            builder.unary(Unary::Sigmoid, both, Elem::Number, Precision::Single)
        }
        "NONE" | "SOFTMAX" | "SOFTMAX_ZERO" => {
            let one = builder.constant(vec![Value::Number(1.0)], Elem::Number, Precision::Single);
            let other = builder.binary(Binary::Subtract, one, raw, Elem::Number, Precision::Single);
            builder.concat(vec![other, raw])
        }
        _ => transformed(context, raw, transform)?,
    };
    if transform.starts_with("SOFTMAX") {
        ignored(context, transform);
    }
    let decision = Decision::Threshold { threshold: 0.0, inclusive: false };
    let elem = super::value::elem(ty);
    let op = Op::Decide { classes: classes.clone(), decision };
    let label = context.builder.raw(op, vec![raw], 1, elem, Precision::Single);
    context.scores.push((scores, classes));
    Ok(vec![Tensor::row(ty, vec![1], x.batch.map(|_| 0), label), per_row(x, 2, scores)])
}
