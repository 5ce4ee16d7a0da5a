//! The table of supported operators: which versions, how many operands, and who loads them.
//!
//! It is sorted by domain and name and searched by both. `m2ksql ops` and `docs/operators.md` are printed from it, and
//! so are the nearest alternatives of what is not supported. A new operator is a function, a line and a test. A line says what
//! the operator computes: no loader asks for the name, so that a line cannot load as another one's.

use super::node::Refused;
use super::value::{Call, Context, Tensor};
use super::{cast, constants, elementwise as e, encode, layout, linear, models, prepare, reduce, reshape, svm};
use crate::model::{Binary, Op, Reduction, Unary};
use std::ops::RangeInclusive;

/// The newest version of the default domain whose operators are known.
pub const MAX_OPSET: i64 = 28;
/// The newest version of `ai.onnx.ml` whose operators are known.
pub const MAX_ML: i64 = 5;
/// The newest version of the container.
pub const MAX_IR: i64 = 14;

/// Interprets a node: its results, or why not.
pub type Loader = for<'c, 'a> fn(&mut Context, &Call<'c, 'a>) -> Result<Vec<Tensor<'a>>, Refused>;

/// A supported operator.
#[derive(Debug)]
pub struct Operator {
    /// `""` for the default domain, or `ai.onnx.ml`.
    pub domain: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The versions of the domain in which it is understood.
    pub versions: RangeInclusive<i64>,
    /// The least and the largest number of operands.
    pub inputs: RangeInclusive<usize>,
    /// What is not supported of it, or where the runtime is followed against the specification; empty for nothing.
    pub note: &'static str,
    pub(super) load: Loader,
}

const MANY: usize = usize::MAX;

const fn op(
    domain: &'static str,
    name: &'static str,
    since: i64,
    inputs: RangeInclusive<usize>,
    load: Loader,
    note: &'static str,
) -> Operator {
    let until = if domain.is_empty() { MAX_OPSET } else { MAX_ML };
    Operator { domain, name, versions: since..=until, inputs, note, load }
}

/// The loader of an operator that is this function of one operand.
macro_rules! unary {
    ($function:ident) => {
        |context, call| e::unary(context, call, Unary::$function)
    };
}

/// Of two operands.
macro_rules! binary {
    ($function:ident) => {
        |context, call| e::binary(context, call, Binary::$function)
    };
}

/// Of any number of operands, one after the other.
macro_rules! variadic {
    ($function:ident) => {
        |context, call| e::variadic(context, call, Binary::$function)
    };
}

/// Over some axes of one operand.
macro_rules! reduce {
    ($reduction:ident) => {
        |context, call| reduce::reduce(context, call, Reduction::$reduction)
    };
}

const ML: &str = "ai.onnx.ml";
const ROWS: &str = "not along the rows";

/// Every supported operator, by domain and name.
pub static TABLE: &[Operator] = &[
    op("", "Abs", 1, 1..=1, unary!(Abs), ""),
    op("", "Add", 1, 2..=2, binary!(Add), ""),
    op("", "And", 7, 2..=2, binary!(And), ""),
    op("", "ArgMax", 1, 1..=1, |context, call| reduce::arg_extreme(context, call, true), ROWS),
    op("", "ArgMin", 1, 1..=1, |context, call| reduce::arg_extreme(context, call, false), ROWS),
    op("", "BatchNormalization", 7, 5..=5, prepare::batch_normalization, "inference only; constants as parameters"),
    op(
        "",
        "Cast",
        1,
        1..=1,
        cast::cast,
        "text from integers only; no wrapping of integers of few bits; NaN and what does not fit an integer give NULL",
    ),
    op("", "Ceil", 1, 1..=1, unary!(Ceil), ""),
    op("", "Clip", 1, 1..=3, e::clip, ""),
    op("", "Concat", 1, 1..=MANY, layout::concat, ROWS),
    op("", "Constant", 1, 0..=0, constants::constant, "no sparse values"),
    op("", "ConstantOfShape", 9, 1..=1, constants::constant_of_shape, ""),
    op("", "Div", 1, 2..=2, binary!(Divide), "not a value by itself (PowerTransformer)"),
    op("", "Dropout", 1, 1..=3, layout::dropout, "at inference"),
    op("", "Equal", 7, 2..=2, binary!(Equal), ""),
    op("", "Erf", 9, 1..=1, unary!(Erf), ""),
    op("", "Exp", 1, 1..=1, unary!(Exp), ""),
    op("", "Expand", 8, 2..=2, reshape::expand, "to constant shapes"),
    op("", "Flatten", 1, 1..=1, reshape::flatten, "keeps rows apart"),
    op("", "Floor", 1, 1..=1, unary!(Floor), ""),
    op("", "Gather", 1, 2..=2, layout::gather, "computed indices into constant tables only"),
    op("", "Gemm", 7, 2..=3, linear::gemm, "one factor constant"),
    op("", "Greater", 7, 2..=2, binary!(Greater), ""),
    op("", "GreaterOrEqual", 12, 2..=2, binary!(GreaterOrEqual), ""),
    op("", "HardSigmoid", 1, 1..=1, e::hard_sigmoid, ""),
    op("", "Identity", 1, 1..=1, layout::identity, ""),
    op("", "IsInf", 10, 1..=1, e::is_infinite, ""),
    op("", "IsNaN", 9, 1..=1, unary!(IsNan), ""),
    op("", "LeakyRelu", 1, 1..=1, e::leaky_relu, ""),
    op("", "Less", 7, 2..=2, binary!(Less), ""),
    op("", "LessOrEqual", 12, 2..=2, binary!(LessOrEqual), ""),
    op("", "Log", 1, 1..=1, unary!(Log), ""),
    op("", "LogSoftmax", 1, 1..=1, |context, call| reduce::softmax(context, call, Op::LogSoftmax), ROWS),
    op("", "MatMul", 1, 2..=2, linear::matmul, "one factor constant"),
    op("", "Max", 1, 1..=MANY, variadic!(Max), ""),
    op("", "Mean", 1, 1..=MANY, e::mean, ""),
    op("", "Min", 1, 1..=MANY, variadic!(Min), ""),
    op("", "Mul", 1, 2..=2, binary!(Multiply), ""),
    op("", "Neg", 1, 1..=1, unary!(Negate), ""),
    op("", "Not", 1, 1..=1, unary!(Not), ""),
    op("", "Or", 7, 2..=2, binary!(Or), ""),
    op("", "Pow", 1, 2..=2, e::power, "of floating-point bases"),
    op("", "Range", 11, 3..=3, constants::range, "of constants"),
    op("", "Reciprocal", 1, 1..=1, unary!(Reciprocal), ""),
    op("", "ReduceL1", 1, 1..=2, reduce!(L1), ROWS),
    op("", "ReduceL2", 1, 1..=2, reduce!(L2), ROWS),
    op("", "ReduceLogSum", 1, 1..=2, reduce::log_of_sum, ROWS),
    op("", "ReduceLogSumExp", 1, 1..=2, reduce!(LogSumExp), ROWS),
    op("", "ReduceMax", 1, 1..=2, reduce!(Max), ROWS),
    op("", "ReduceMean", 1, 1..=2, reduce!(Mean), ROWS),
    op("", "ReduceMin", 1, 1..=2, reduce!(Min), ROWS),
    op("", "ReduceProd", 1, 1..=2, reduce!(Product), ROWS),
    op("", "ReduceSum", 1, 1..=2, reduce!(Sum), ROWS),
    op("", "ReduceSumSquare", 1, 1..=2, reduce!(SumSquare), ROWS),
    op("", "Relu", 1, 1..=1, unary!(Relu), ""),
    op("", "Reshape", 1, 1..=2, reshape::reshape, "keeps rows apart"),
    op("", "Round", 11, 1..=1, unary!(Round), ""),
    op("", "Shape", 1, 1..=1, constants::shape, "for shapes only"),
    op("", "Sigmoid", 1, 1..=1, unary!(Sigmoid), ""),
    op("", "Sign", 9, 1..=1, unary!(Sign), ""),
    op("", "Size", 1, 1..=1, constants::size, "for shapes only"),
    op("", "Slice", 1, 1..=5, layout::slice, ROWS),
    op("", "Softmax", 1, 1..=1, |context, call| reduce::softmax(context, call, Op::Softmax), ROWS),
    op("", "Softplus", 1, 1..=1, unary!(Softplus), ""),
    op("", "Split", 2, 1..=2, layout::split, ROWS),
    op("", "Sqrt", 1, 1..=1, unary!(Sqrt), ""),
    op("", "Squeeze", 1, 1..=2, reshape::squeeze, ROWS),
    op("", "Sub", 1, 2..=2, binary!(Subtract), ""),
    op("", "Sum", 1, 1..=MANY, variadic!(Add), ""),
    op("", "Tanh", 1, 1..=1, unary!(Tanh), ""),
    op("", "Transpose", 1, 1..=1, reshape::transpose, ""),
    op("", "Unsqueeze", 1, 1..=2, reshape::unsqueeze, ""),
    op("", "Where", 9, 3..=3, e::choose, ""),
    op("", "Xor", 7, 2..=2, e::xor, ""),
    op(ML, "ArrayFeatureExtractor", 1, 2..=2, layout::extract, "computed indices into constant tables only"),
    op(ML, "Binarizer", 1, 1..=1, prepare::binarizer, "NaN gives NULL, where onnxruntime stops"),
    op(ML, "CategoryMapper", 1, 1..=1, encode::category_mapper, ""),
    op(ML, "FeatureVectorizer", 1, 1..=MANY, prepare::feature_vectorizer, ""),
    op(ML, "Imputer", 1, 1..=1, prepare::imputer, "also of double, which onnxruntime refuses"),
    op(
        ML,
        "LabelEncoder",
        1,
        1..=1,
        encode::label_encoder,
        "before version 4 a NaN key matches nothing, as in onnxruntime",
    ),
    op(
        ML,
        "LinearClassifier",
        1,
        1..=1,
        models::classifier,
        "no PROBIT; one row of coefficients for two classes as in onnxruntime: [1 - s, s], LOGISTIC [1 - p, p]",
    ),
    op(
        ML,
        "LinearRegressor",
        1,
        1..=1,
        models::regressor,
        "no PROBIT; LOGISTIC and SOFTMAX of one target are ignored, as in onnxruntime",
    ),
    op(ML, "Normalizer", 1, 1..=1, prepare::normalizer, "MAX is signed and a zero row stays, as in onnxruntime"),
    op(
        ML,
        "OneHotEncoder",
        1,
        1..=1,
        encode::one_hot,
        "zeros = 0: an unknown category makes the result NULL, where onnxruntime stops; NaN among integers is NULL",
    ),
    op(ML, "SVMClassifier", 1, 1..=1, svm::svm_classifier, "linear kernel, without probabilities"),
    op(ML, "SVMRegressor", 1, 1..=1, svm::svm_regressor, "linear kernel"),
    op(ML, "Scaler", 1, 1..=1, prepare::scaler, ""),
    op(ML, "ZipMap", 1, 1..=1, encode::zip_map, "the keys become names of columns"),
];

/// The operator of this name in this domain.
pub fn find(domain: &str, name: &str) -> Option<&'static Operator> {
    TABLE.binary_search_by(|operator| (operator.domain, operator.name).cmp(&(domain, name))).ok().map(|at| &TABLE[at])
}

/// What to use instead of operators that have no translation.
static INSTEAD: &[(&[&str], &str)] = &[
    (
        &["TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble"],
        "tree ensembles are not supported yet; train a linear model",
    ),
    (&["Elu", "Selu", "Celu", "PRelu", "ThresholdedRelu", "Shrink"], "use Relu or LeakyRelu"),
    (&["Gelu", "Mish", "Swish", "HardSwish", "Softsign"], "use Relu, Tanh or Sigmoid"),
    (
        &[
            "LayerNormalization",
            "InstanceNormalization",
            "GroupNormalization",
            "RMSNormalization",
            "MeanVarianceNormalization",
        ],
        "use BatchNormalization",
    ),
    (&["LpNormalization"], "use ai.onnx.ml Normalizer"),
    (&["Einsum", "Conv", "ConvTranspose", "MatMulInteger", "FusedMatMul", "QLinearMatMul"], "use MatMul or Gemm"),
    (&["LSTM", "GRU", "RNN", "Attention", "Scan", "Loop", "If"], "only models of one row without state are supported"),
    (&["TopK", "Hardmax"], "use ArgMax"),
    (&["CumSum"], "use ReduceSum"),
    (
        &["TfIdfVectorizer", "Tokenizer", "StringNormalizer", "StringSplit", "RegexFullMatch"],
        "text has to be encoded before the model",
    ),
    (&["DictVectorizer", "CastMap"], "use one input for each column (FeatureVectorizer)"),
    (&["OneHot"], "use ai.onnx.ml OneHotEncoder"),
    (
        &["GatherElements", "GatherND", "ScatterElements", "ScatterND", "NonZero", "Compress", "Unique"],
        "use Gather with constant indices",
    ),
    (&["Tile", "Pad"], "use Expand or Concat"),
    (&["DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLinear"], "export the model in float32"),
    (
        &["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"],
        "export the model for inference",
    ),
];

/// What to do about an operator that is not in the table.
pub fn nearest(domain: &str, name: &str) -> String {
    if let Some((_, advice)) = INSTEAD.iter().find(|(names, _)| names.contains(&name)) {
        return (*advice).to_owned();
    }
    if !matches!(domain, "" | ML) {
        return format!("`{domain}` is not a domain of the ONNX standard; export without custom operators");
    }
    let close = TABLE.iter().map(|operator| (distance(operator.name, name), operator)).min_by_key(|found| found.0);
    match close {
        Some((distance, operator)) if distance * 3 <= name.len() => {
            format!("the nearest supported is {}", operator.name)
        }
        _ => "there is no similar operator".to_owned(),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

/// The page `docs/operators.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# ONNX operators\n\n\
         Printed from the table in `src/load/onnx/ops.rs` (`m2ksql ops` prints the same); a test keeps the two equal.\n\n\
         Tensors are tables of rows, `[N, F]` or `[N, 1, C]`; every operator is computed row by row, with numpy's \
         broadcasting. Constants are folded. What exporters write with many nodes (the tails of classifiers, \
         KBinsDiscretizer, PowerTransformer) is recognized as a whole. \"Not along the rows\" means that an axis must not be the one that counts \
         rows. Where onnxruntime, the reference implementation and the text of the specification disagree, m2ksql \
         follows onnxruntime; the notes say where.\n\n\
         Element types: float, double, int8 to int64, uint8 to uint64, bool and string for rows; float16 and bfloat16 \
         for constants. Arithmetic on integers of 8 and 16 bits or without sign, which wraps around, is refused.\n\n\
         ## float32\n\n\
         The runtime computes a float graph in float32, ksqlDB in double; weights are widened exactly. What that changes:\n\n\
         - A comparison of one input with a constant (thresholds, bins, categories, values that count as missing; also \
         behind an imputer, a scaler, a shift or a cast) is made where float32 makes it: `X = 0.1` is an interval of \
         doubles, `X >= 9.999999776482583E-2 AND X <= 1.000000052154064E-1`. A column of integers keeps `X = 3E0`.\n\
         - Sums differ by rounding, by at most about n·6e-8·Σ|terms| for n terms. Over the corpus of tests the numbers \
         agree to 1e-6, relative to max(1, |value|), with four exceptions, where the terms are large and cancel. \
         `svr_linear` is off by 8e-6: its 25 support vectors make terms of 21 000 for values of 51, and summing them in \
         float32, in the runtime's order, gives the runtime's numbers to the last bit. Three multinomial regressions on \
         unscaled features (`logreg_multi`, `_str`, `_biglabels`) are off by 1.1e-6 in a probability: margins whose terms \
         add up to 586 are off by 1e-5.\n\
         - Floor, Ceil, Round and a cast to integers, where their number is used and not compared, step where the \
         double does; comparisons of two inputs, or of sums, are made in double.\n",
    );
    for (domain, title) in [("", "ai.onnx"), (ML, "ai.onnx.ml")] {
        page.push_str(&format!("\n## {title}\n\n| operator | versions | note |\n|---|---|---|\n"));
        for operator in TABLE.iter().filter(|operator| operator.domain == domain) {
            let (since, until) = (operator.versions.start(), operator.versions.end());
            page.push_str(&format!("| {} | {since}–{until} | {} |\n", operator.name, operator.note));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_by_domain_and_name() {
        let names: Vec<(&str, &str)> = TABLE.iter().map(|operator| (operator.domain, operator.name)).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        assert!(find("", "Gemm").is_some() && find(ML, "Scaler").is_some() && find("", "Scaler").is_none());
    }

    #[test]
    fn the_page_of_operators_is_what_the_table_prints() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operators.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == page(), "docs/operators.md is out of date: run the tests with UPDATE_DOCS=1");
    }

    #[test]
    fn alternatives_are_near() {
        assert!(nearest("", "Gelu").contains("Relu"));
        assert!(nearest(ML, "TreeEnsembleRegressor").contains("not supported yet"));
        assert_eq!(nearest("", "ReduceSums"), "the nearest supported is ReduceSum");
        assert!(nearest("com.microsoft", "Whatever").contains("com.microsoft"));
        assert_eq!(nearest("", "Qqqqqqqq"), "there is no similar operator");
    }
}
