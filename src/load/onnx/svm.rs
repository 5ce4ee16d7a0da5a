//! Support vector machines of ai.onnx.ml with a linear kernel, which are linear models.

use super::linear::finite;
use super::models::{features, labels, per_row};
use super::node::{Refused, refuse, refuse_with};
use super::value::{Call, Context, Tensor};
use crate::diag::codes::onnx as codes;
use crate::model::{Binary, Decision, Elem, Linear, Op, Precision, Unary, Value};

type Outcome<'a> = Result<Vec<Tensor<'a>>, Refused>;

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
