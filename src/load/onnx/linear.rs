//! Linear operators: matrix products with constants, the linear models and linear support vector machines of ai.onnx.ml.

use super::elementwise::{cast_to, combine};
use super::node::{Refused, refuse, refuse_with};
use super::tensor::{Array, Data, Floats, Type};
use super::value::{Body, Call, Context, Tensor, mixes_rows, precision};
use crate::diag::Diagnostic;
use crate::diag::codes::onnx as codes;
use crate::model::{Binary, Decision, Elem, Linear, NodeId, Norm, Op, Precision, Reduction, Unary, Value};

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

/// The matrix with these rows and columns, row-major, transposed.
fn transposed(values: &Floats<'_>, rows: usize, columns: usize) -> Vec<f64> {
    if rows == 1 || columns == 1 {
        return values.to_vec();
    }
    // in tiles, so that both sides stay in the cache
    const TILE: usize = 32;
    let mut out = vec![0.0; rows * columns];
    for top in (0..rows).step_by(TILE) {
        for left in (0..columns).step_by(TILE) {
            for row in top..rows.min(top + TILE) {
                for column in left..columns.min(left + TILE) {
                    out[column * rows + row] = values.get(row * columns + column);
                }
            }
        }
    }
    out
}

fn finite(values: &[f64], what: &str) -> Result<(), Refused> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(refuse(&codes::MEANING, format!("a {what} is {value}"))),
        None => Ok(()),
    }
}

/// MatMul.
pub fn matmul<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    Ok(vec![product(context, a, b)?])
}

fn product<'a>(context: &mut Context, a: &Tensor<'a>, b: &Tensor<'a>) -> Result<Tensor<'a>, Refused> {
    let misfit = || refuse(&codes::SHAPE, format!("{} and {} cannot be multiplied", a.shape(), b.shape()));
    if !a.ty.is_float() || a.ty != b.ty {
        return Err(refuse(
            &codes::MEANING,
            format!("a matrix product of {} and {} is not supported", a.ty.name(), b.ty.name()),
        ));
    }
    context.computable(a.ty)?;
    match (&a.body, &b.body) {
        (_, Body::Constant(matrix)) => {
            let (Some(&inner), Some(weights)) = (a.dims.last(), matrix.floats()) else { return Err(misfit()) };
            let (rows, columns) = match b.dims[..] {
                [rows] => (rows, None),
                [.., rows, columns] if b.width() == rows * columns => (rows, Some(columns)),
                _ => return Err(misfit()),
            };
            if a.batch == Some(a.rank() - 1) || b.batch.is_some_and(|axis| axis + 1 == b.rank()) {
                return Err(mixes_rows("the matrix product"));
            }
            if rows != inner || rows == 0 || columns == Some(0) || a.width() == 0 || b.rank() > a.rank().max(2) {
                return Err(misfit());
            }
            let weights = transposed(weights, rows, columns.unwrap_or(1));
            let mut dims = a.dims[..a.rank() - 1].to_vec();
            dims.extend(columns);
            let targets = columns.unwrap_or(1);
            let groups = a.width() / inner;
            context.afford(&dims)?;
            let x = context.node(a)?;
            let node = groupwise(context, x, groups, inner, weights, targets, precision(a.ty))?;
            Ok(Tensor::row(a.ty, dims, a.batch, node))
        }
        (Body::Constant(matrix), _) => {
            let Some(weights) = matrix.floats() else { return Err(misfit()) };
            let (&[rows, inner], &[own, columns]) = (&a.dims[..], &b.dims[..]) else { return Err(misfit()) };
            if b.batch == Some(0) || a.batch.is_some() {
                return Err(mixes_rows("the matrix product"));
            }
            if inner != own || rows == 0 || b.width() == 0 {
                return Err(misfit());
            }
            context.afford(&[rows, columns])?;
            let x = context.node(b)?;
            // column by column of the right side, then row-major
            let order: Vec<usize> =
                (0..columns).flat_map(|column| (0..inner).map(move |k| k * columns + column)).collect();
            let x = context.builder.pick(x, &order);
            let node = groupwise(context, x, columns, inner, weights.to_vec(), rows, precision(a.ty))?;
            let order: Vec<usize> =
                (0..rows).flat_map(|row| (0..columns).map(move |column| column * rows + row)).collect();
            let node = context.builder.pick(node, &order);
            Ok(Tensor::row(a.ty, vec![rows, columns], b.batch, node))
        }
        _ => Err(refuse(&codes::MEANING, "a product of two matrices that both depend on the row is not supported")),
    }
}

/// The same linear map for each of `groups` runs of `inner` elements.
fn groupwise(
    context: &mut Context,
    x: NodeId,
    groups: usize,
    inner: usize,
    weights: Vec<f64>,
    targets: usize,
    precision: Precision,
) -> Result<NodeId, Refused> {
    finite(&weights, "weight")?;
    let bias = vec![0.0; targets];
    if groups == 1 {
        return Ok(context.builder.linear(x, Linear { inputs: inner, weights, bias }, precision));
    }
    context.spend(groups.saturating_mul(weights.len()))?;
    let mut parts = Vec::with_capacity(groups);
    for group in 0..groups {
        let run: Vec<usize> = (group * inner..(group + 1) * inner).collect();
        let part = context.builder.pick(x, &run);
        let linear = Linear { inputs: inner, weights: weights.clone(), bias: bias.clone() };
        parts.push(context.builder.linear(part, linear, precision));
    }
    Ok(context.builder.concat(parts))
}

/// Gemm: `alpha A B + beta C`.
pub fn gemm<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let (a, b, c) = (call.input(0)?, call.input(1)?, call.maybe(2));
    let (alpha, beta) = (call.attributes.float("alpha", 1.0)?, call.attributes.float("beta", 1.0)?);
    let (flip_a, flip_b) = (call.attributes.flag("transA", false)?, call.attributes.flag("transB", false)?);
    call.attributes.ignore("broadcast");
    finite(&[alpha, beta], "factor of Gemm")?;
    let misfit = || refuse(&codes::SHAPE, format!("{} and {} cannot be multiplied", a.shape(), b.shape()));
    if a.rank() != 2 || b.rank() != 2 || !a.ty.is_float() || a.ty != b.ty {
        return Err(misfit());
    }
    context.computable(a.ty)?;
    let p = precision(a.ty);
    // the rows of A are the rows of the batch; anything else goes the long way
    let rows_first = if flip_a { a.batch == Some(1) && a.dims[1] == 1 } else { a.dims[0] == 1 && a.batch != Some(1) };
    if let (Body::Row(x), Some(matrix), true) = (&a.body, b.array().and_then(|array| array.floats()), rows_first) {
        let inner = if flip_a { a.dims[0] } else { a.dims[1] };
        let (rows, columns) = if flip_b { (b.dims[1], b.dims[0]) } else { (b.dims[0], b.dims[1]) };
        if rows != inner || columns == 0 || inner == 0 {
            return Err(misfit());
        }
        let mut weights = if flip_b { matrix.to_vec() } else { transposed(matrix, rows, columns) };
        if alpha != 1.0 {
            weights.iter_mut().for_each(|weight| *weight *= alpha);
        }
        finite(&weights, "weight")?;
        let constant = c.and_then(|c| c.array()).and_then(|array| array.floats().map(|values| (array, values)));
        let bias = match (c, constant) {
            (None, _) => Some(vec![0.0; columns]),
            (Some(_), Some((_, values))) if values.len() == 1 => Some(vec![beta * values.get(0); columns]),
            (Some(_), Some((array, values))) if values.len() == columns && array.dims.last() == Some(&columns) => {
                Some((0..columns).map(|at| beta * values.get(at)).collect())
            }
            (Some(_), Some(_)) => return Err(refuse(&codes::SHAPE, "the third operand does not fit the product")),
            (Some(_), None) => None,
        };
        let late = bias.is_none();
        let bias = bias.unwrap_or_else(|| vec![0.0; columns]);
        finite(&bias, "bias")?;
        context.afford(&[columns])?;
        let node = context.builder.linear(*x, Linear { inputs: inner, weights, bias }, p);
        let result = Tensor::row(a.ty, vec![1, columns], a.batch.map(|_| 0), node);
        return match c {
            Some(c) if late => Ok(vec![plus(context, &result, c, beta)?]),
            _ => Ok(vec![result]),
        };
    }
    let turn = |context: &mut Context, tensor: &Tensor<'a>| -> Result<Tensor<'a>, Refused> {
        let (rows, columns) = (tensor.dims[0], tensor.dims[1]);
        let order: Vec<usize> =
            (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column)).collect();
        context.pick(tensor, &order, vec![columns, rows], tensor.batch.map(|axis| 1 - axis))
    };
    let a = if flip_a { turn(context, a)? } else { a.clone() };
    let b = if flip_b { turn(context, b)? } else { b.clone() };
    let mut result = product(context, &a, &b)?;
    if alpha != 1.0 {
        result = combine(context, Binary::Multiply, &result, &scalar(alpha, a.ty))?;
    }
    match c {
        Some(c) => Ok(vec![plus(context, &result, c, beta)?]),
        None => Ok(vec![result]),
    }
}

fn scalar<'a>(value: f64, ty: Type) -> Tensor<'a> {
    Tensor::constant(Array { ty, dims: Vec::new(), data: Data::Float(Floats::Owned(vec![value])) })
}

fn plus<'a>(context: &mut Context, x: &Tensor<'a>, c: &Tensor<'a>, beta: f64) -> Result<Tensor<'a>, Refused> {
    let c = if beta == 1.0 { c.clone() } else { combine(context, Binary::Multiply, c, &scalar(beta, c.ty))? };
    combine(context, Binary::Add, x, &c)
}

/// The operand of an ai.onnx.ml model: `[N, F]`, as float32.
fn features<'a>(context: &mut Context, call: &Call<'_, 'a>, expected: usize) -> Result<(NodeId, Tensor<'a>), Refused> {
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
fn per_row<'a>(x: &Tensor<'a>, width: usize, node: NodeId) -> Tensor<'a> {
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
fn labels(call: &Call<'_, '_>) -> Result<(Vec<Value>, Type), Refused> {
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

/// A linear kernel, or none of the parameters of another.
fn linear_kernel(call: &Call<'_, '_>) -> Result<(), Refused> {
    let kernel = call.attributes.string("kernel_type", "LINEAR")?;
    call.attributes.ignore("kernel_params");
    if kernel == "LINEAR" {
        return Ok(());
    }
    Err(refuse_with(
        &codes::MEANING,
        format!("{} with the kernel {kernel} compares each row with every support vector", call.op),
        "train with a linear kernel (LinearSVC, SVC(kernel='linear')); only that is a linear model",
    ))
}

/// SVMRegressor with a linear kernel: `Σ c_i <s_i, x> + rho` is a linear model with the weights `Σ c_i s_i`.
pub fn svm_regressor<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    linear_kernel(call)?;
    let coefficients = call.attributes.floats("coefficients")?;
    let vectors = call.attributes.floats("support_vectors")?;
    let rho = call.attributes.floats("rho")?;
    let count = usize::try_from(call.attributes.int("n_supports", 0)?).unwrap_or(0);
    let one_class = call.attributes.flag("one_class", false)?;
    let transform = call.attributes.string("post_transform", "NONE")?;
    let weights = if count == 0 {
        coefficients
    } else {
        if coefficients.len() != count || vectors.len() % count != 0 {
            return Err(refuse(
                &codes::ATTRIBUTE,
                format!(
                    "{} coefficients and {} numbers of support vectors do not fit n_supports = {count}",
                    coefficients.len(),
                    vectors.len()
                ),
            ));
        }
        let inputs = vectors.len() / count;
        let mut weights = vec![0.0; inputs];
        for (vector, coefficient) in vectors.chunks_exact(inputs.max(1)).zip(&coefficients) {
            for (weight, element) in weights.iter_mut().zip(vector) {
                *weight += coefficient * element;
            }
        }
        weights
    };
    let &[rho] = &rho[..] else {
        return Err(refuse(&codes::ATTRIBUTE, format!("`rho` has {} elements, expected 1", rho.len())));
    };
    finite(&weights, "coefficient")?;
    finite(&[rho], "`rho`")?;
    let inputs = weights.len();
    let (node, x) = features(context, call, inputs)?;
    let mut result = context.builder.linear(node, Linear { inputs, weights, bias: vec![rho] }, Precision::Single);
    if one_class {
        let builder = &mut context.builder;
        let mut number = |value| builder.constant(vec![Value::Number(value)], Elem::Number, Precision::Single);
        let (zero, inside, outside) = (number(0.0), number(1.0), number(-1.0));
        let positive = builder.binary(Binary::Greater, result, zero, Elem::Boolean, Precision::Single);
        result = builder.choose(positive, inside, outside, Precision::Single);
    }
    if transform != "NONE" {
        return Err(refuse(&codes::MEANING, format!("post_transform {transform} of SVMRegressor is not supported")));
    }
    context.predictions.push(result);
    Ok(vec![per_row(&x, 1, result)])
}

/// SVMClassifier with a linear kernel: one linear score for each pair of classes, the label by votes.
pub fn svm_classifier<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    linear_kernel(call)?;
    let coefficients = call.attributes.floats("coefficients")?;
    let vectors = call.attributes.floats("support_vectors")?;
    let rho = call.attributes.floats("rho")?;
    let per_class = call.attributes.ints("vectors_per_class")?;
    let transform = call.attributes.string("post_transform", "NONE")?;
    let (classes, ty) = labels(call)?;
    if !call.attributes.floats("prob_a")?.is_empty() || !call.attributes.floats("prob_b")?.is_empty() {
        return Err(refuse_with(
            &codes::MEANING,
            "probabilities of SVMClassifier come from an iteration (LibSVM's pairwise coupling)",
            "train with probability=False, or calibrate with CalibratedClassifierCV",
        ));
    }
    if transform != "NONE" {
        return Err(refuse(&codes::MEANING, format!("post_transform {transform} of SVMClassifier is not supported")));
    }
    let sizes: Vec<usize> = per_class.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
    let count = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size)).unwrap_or(0);
    let k = classes.len();
    let pairs = k * k.saturating_sub(1) / 2;
    let fits = (2..=1000).contains(&k)
        && sizes.len() == k
        && count > 0
        && vectors.len() % count == 0
        && coefficients.len() == count.saturating_mul(k - 1)
        && rho.len() == pairs;
    if !fits {
        return Err(refuse(
            &codes::ATTRIBUTE,
            format!(
                "{count} support vectors of {k} classes do not fit {} coefficients and {} rho",
                coefficients.len(),
                rho.len()
            ),
        ));
    }
    let inputs = vectors.len() / count;
    context.spend(pairs.saturating_mul(inputs))?;
    let starts: Vec<usize> = sizes.iter().scan(0, |sum, &size| Some(std::mem::replace(sum, *sum + size))).collect();
    let mut weights = Vec::with_capacity(pairs * inputs);
    for i in 0..k {
        for j in i + 1..k {
            let mut row = vec![0.0; inputs];
            // vectors of class i against j, and of class j against i
            for (class, other) in [(i, j - 1), (j, i)] {
                for at in starts[class]..starts[class] + sizes[class] {
                    let coefficient = coefficients[other * count + at];
                    for (weight, element) in row.iter_mut().zip(&vectors[at * inputs..(at + 1) * inputs]) {
                        *weight += coefficient * element;
                    }
                }
            }
            weights.extend(row);
        }
    }
    finite(&weights, "coefficient")?;
    finite(&rho, "`rho`")?;
    let (node, x) = features(context, call, inputs)?;
    let single = Precision::Single;
    let linear = Linear { inputs, weights, bias: rho };
    let batch = x.batch.map(|_| 0);
    if k == 2 {
        // a positive sum votes for the first class
        let sum = context.builder.linear(node, linear, single);
        let margin = context.builder.negate(sum);
        let scores = context.builder.concat(vec![margin, sum]);
        let decision = Decision::Threshold { threshold: 0.0, inclusive: true };
        let op = Op::Decide { classes: classes.clone(), decision };
        let label = context.builder.raw(op, vec![margin], 1, super::value::elem(ty), single);
        context.scores.push((scores, classes));
        return Ok(vec![Tensor::row(ty, vec![1], batch, label), per_row(&x, 2, scores)]);
    }
    let sums = context.builder.linear(node, linear, single);
    let zero = context.builder.constant(vec![Value::Number(0.0)], Elem::Number, single);
    let wins = context.builder.binary(Binary::Greater, sums, zero, Elem::Boolean, single);
    let wins = context.builder.unary(Unary::ToNumber, wins, Elem::Number, single);
    let (mut weights, mut bias) = (vec![0.0; k * pairs], vec![0.0; k]);
    let mut pair = 0;
    for i in 0..k {
        for j in i + 1..k {
            weights[i * pairs + pair] = 1.0;
            weights[j * pairs + pair] = -1.0;
            bias[j] += 1.0;
            pair += 1;
        }
    }
    let votes = context.builder.linear(wins, Linear { inputs: pairs, weights, bias }, single);
    let label = context.builder.decide(votes, classes);
    Ok(vec![Tensor::row(ty, vec![1], batch, label), per_row(&x, pairs, sums)])
}

/// Normalizer of ai.onnx.ml; onnxruntime's MAX is signed.
pub fn normalizer<'a>(context: &mut Context, call: &Call<'_, 'a>) -> Outcome<'a> {
    let x = call.input(0)?;
    let norm = match call.attributes.string("norm", "MAX")?.as_str() {
        "L1" => Norm::L1,
        "L2" => Norm::L2,
        "MAX" => {
            context.warnings.push(Diagnostic::new(
                &codes::NORM_MAX,
                "onnxruntime divides by the largest element, scikit-learn by the largest absolute value",
            ));
            Norm::SignedMax
        }
        other => return Err(refuse(&codes::ATTRIBUTE, format!("`{other}` is no norm"))),
    };
    if x.batch.is_some_and(|axis| axis + 1 == x.rank() && x.rank() > 1) {
        return Err(mixes_rows(call.op));
    }
    let width = x.dims.last().copied().unwrap_or(1);
    if width == 0 || x.width() != width || matches!(x.ty, Type::Text | Type::Bool) {
        return Err(refuse(&codes::SHAPE, format!("Normalizer of {}{} is not supported", x.ty.name(), x.shape())));
    }
    let x = cast_to(context, x, Type::F32)?;
    let node = context.node(&x)?;
    let node = context.builder.normalize(node, norm, Precision::Single);
    Ok(vec![Tensor::row(Type::F32, x.dims.clone(), x.batch, node)])
}
