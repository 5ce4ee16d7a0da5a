//! The operators of a model graph and the values they compute with.
//!
//! Every operator documents its operands, the width of its result, and the formula. `x` is the (first) operand, an index
//! runs over its elements. Elementwise operators of two operands broadcast an operand of width 1.

/// The type of the elements of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Elem {
    /// A real number, IEEE 754 binary64.
    Number,
    /// A 64-bit signed integer.
    Integer,
    /// Text.
    Text,
    /// True or false.
    Boolean,
}

/// One element.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of [`Elem::Number`].
    Number(f64),
    /// Of [`Elem::Integer`].
    Integer(i64),
    /// Of [`Elem::Text`].
    Text(String),
    /// Of [`Elem::Boolean`].
    Boolean(bool),
    /// A missing value of any type: SQL's NULL.
    Missing,
}

impl Value {
    /// The type; `None` for a missing value.
    pub fn elem(&self) -> Option<Elem> {
        match self {
            Value::Number(_) => Some(Elem::Number),
            Value::Integer(_) => Some(Elem::Integer),
            Value::Text(_) => Some(Elem::Text),
            Value::Boolean(_) => Some(Elem::Boolean),
            Value::Missing => None,
        }
    }
}

/// In which precision the source's runtime computes a node.
///
/// A `Single` node's result is rounded to the nearest binary32 value (and held in a binary64). The compiler reproduces
/// that rounding where it decides a comparison, and elsewhere declares it as a tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// IEEE 754 binary64.
    Double,
    /// IEEE 754 binary32.
    Single,
}

/// `y = W x + b`: `bias.len()` targets by `inputs` features.
///
/// A weight that is exactly zero means that the target does not depend on that feature: a missing value, a NaN or an
/// infinity there does not reach it.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// The width of `x`.
    pub inputs: usize,
    /// Target-major: `weights[t * inputs + i]`.
    pub weights: Vec<f64>,
    /// One per target, added last.
    pub bias: Vec<f64>,
}

/// Elementwise affine preprocessing with one constant pair an element. Vectors have the width of `x`. In a
/// [`Precision::Single`] node each of the two steps is rounded.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    /// `(x - center) / scale` (scikit-learn's StandardScaler and RobustScaler).
    CenterDivide {
        /// Subtracted first.
        center: Vec<f64>,
        /// Never zero.
        scale: Vec<f64>,
    },
    /// `(x - offset) * factor` (ONNX Scaler).
    CenterMultiply {
        /// Subtracted first.
        offset: Vec<f64>,
        /// Multiplied with.
        factor: Vec<f64>,
    },
    /// `x * factor + shift` (scikit-learn's MinMaxScaler).
    MultiplyAdd {
        /// Multiplied with first.
        factor: Vec<f64>,
        /// Added.
        shift: Vec<f64>,
    },
}

/// Which elements an imputer replaces.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// A missing value, and NaN where elements are numbers.
    Absent,
    /// Elements equal to this value. A missing value stays missing; NaN equals nothing.
    Equal(Value),
}

/// What an encoder does with a value that it does not know.
#[derive(Clone, Debug, PartialEq)]
pub enum Unknown {
    /// The source refuses such a row: the result is missing.
    Missing,
    /// A one-hot group is all zero; an ordinal or mapped element is this value.
    Value(Value),
}

/// One element's categories and the values they stand for.
///
/// A key equals an element of the same type and value; NaN equals no key. A key [`Value::Missing`] matches a missing
/// value and, where elements are numbers, NaN. Without such a key a missing value stays missing. Keys are distinct.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoder {
    /// The known categories.
    pub keys: Vec<Value>,
    /// One per key, all of one type.
    pub values: Vec<Value>,
    /// For any other value.
    pub unknown: Unknown,
}

/// Elementwise functions of one operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Unary {
    /// `-x`
    Negate,
    /// `|x|`
    Abs,
    /// `e^x`
    Exp,
    /// `e^x - 1`, accurate near 0.
    Expm1,
    /// Natural logarithm; `ln 0 = -inf`, NaN below 0.
    Log,
    /// `ln(1 + x)`, accurate near 0; NaN below -1.
    Log1p,
    /// Square root; NaN below 0.
    Sqrt,
    /// `1 / x`
    Reciprocal,
    /// The logistic function `1 / (1 + e^-x)`: the inverse of the logit link.
    Sigmoid,
    /// `1 - e^(-e^x)`: the inverse of the complementary log-log link.
    CloglogInverse,
    /// The standard normal distribution function Φ(x): the inverse of the probit link.
    ProbitInverse,
    /// Hyperbolic tangent.
    Tanh,
    /// `x > 0 ? x : 0`; NaN stays.
    Relu,
    /// `x < 0 ? slope * x : x`
    LeakyRelu(f64),
    /// `max(0, min(1, alpha * x + beta))`
    HardSigmoid {
        /// Factor.
        alpha: f64,
        /// Shift.
        beta: f64,
    },
    /// `ln(1 + e^x)`, computed without overflow.
    Softplus,
    /// The error function.
    Erf,
    /// Largest integer not above.
    Floor,
    /// Smallest integer not below.
    Ceil,
    /// Nearest integer, halves to even.
    Round,
    /// −1, 0 or 1; NaN stays.
    Sign,
    /// `x < low ? low : x > high ? high : x`; NaN stays. A bound may be infinite.
    Clip {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// Boolean negation.
    Not,
    /// Whether a number is NaN.
    IsNan,
    /// Whether a number is infinite, of the chosen signs.
    IsInfinite {
        /// Counts +∞.
        positive: bool,
        /// Counts −∞.
        negative: bool,
    },
    /// Whether the element is missing or NaN: never missing itself.
    IsMissing,
    /// To a number: integers exactly rounded, booleans 0 and 1; text as a decimal number, missing if it is none.
    ToNumber,
    /// To an integer: numbers truncated toward zero, booleans 0 and 1. NaN and numbers beyond 64 bits are missing.
    ToInteger,
    /// To a boolean: anything but ±0 is true, NaN too.
    ToBoolean,
    /// To text: integers in decimal, booleans `true` and `false`. Not of numbers, whose text every runtime writes
    /// differently.
    ToText,
}

/// Elementwise functions of two operands of the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `a + b`; integers wrap, as in the next two
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
    /// `a / b`; of integers toward zero, missing for a zero divisor
    Divide,
    /// `a ^ b` as C's `pow`
    Power,
    /// Smaller, the first of equals; NaN if either is NaN.
    Min,
    /// Larger, the first of equals; NaN if either is NaN.
    Max,
    /// `a < b` → Boolean; false with NaN, as the next three.
    Less,
    /// `a <= b`
    LessOrEqual,
    /// `a > b`
    Greater,
    /// `a >= b`
    GreaterOrEqual,
    /// `a = b`, of any type; false with NaN
    Equal,
    /// Boolean conjunction.
    And,
    /// Boolean disjunction.
    Or,
}

/// By what a row is divided. A row whose divisor is 0 stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// `Σ |x|`
    L1,
    /// `sqrt(Σ x²)`
    L2,
    /// `max |x|` (scikit-learn)
    Max,
    /// `max x`, signed (onnxruntime)
    SignedMax,
}

/// From a vector to one element, left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// `Σ x`
    Sum,
    /// `Σ x / width`
    Mean,
    /// Largest; NaN if any is.
    Max,
    /// Smallest; NaN if any is.
    Min,
    /// `Π x`
    Product,
    /// `Σ |x|`
    L1,
    /// `sqrt(Σ x²)`
    L2,
    /// `Σ x²`
    SumSquare,
    /// `ln Σ e^x`, computed without overflow.
    LogSumExp,
}

/// How a label follows from scores.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// `x > threshold` (or `>=`) gives the second of two classes, else the first; `x` has width 1. NaN gives the first.
    Threshold {
        /// Compared with.
        threshold: f64,
        /// `>=` instead of `>`.
        inclusive: bool,
    },
    /// The class of the largest element, the first of equals; NaN is never larger than what was found before it.
    FirstLargest,
}

/// What a node computes. `x` is the first operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// No operand. The feature of this index; width 1, the feature's type.
    Input(usize),
    /// No operand. The same vector for every row; not empty, elements of one type.
    Constant(Vec<Value>),
    /// Any number of operands of one type, one after the other.
    Concat,
    /// The elements of `x` at these positions; repetitions allowed.
    Pick(Vec<usize>),
    /// See [`Linear`]. Numbers; the width is the number of targets.
    Linear(Linear),
    /// See [`Scaling`]. Numbers.
    Scale(Scaling),
    /// Replaces missing elements; `fill` has the width of `x`. The only operator besides `Encode` with a key Missing,
    /// `IsMissing` and `Choose` that makes something of a missing value.
    Impute {
        /// Which elements.
        missing: Missing,
        /// By what.
        fill: Vec<Value>,
    },
    /// One-hot encoding: for each element of `x` a group of 0/1 numbers, one per key of its encoder; groups follow each
    /// other. An encoder's `values` are the positions inside its group as integers, −1 for a category that was dropped
    /// (all zero); `unknown` is Missing (the group is missing) or −1 (all zero). The width is the sum of `widths`.
    OneHot {
        /// One per element of `x`.
        encoders: Vec<Encoder>,
        /// The size of each group.
        widths: Vec<usize>,
    },
    /// Maps each element through its own encoder (one encoder serves all elements if only one is given).
    Encode(Vec<Encoder>),
    /// For each element its bin, a number: the position of the first of its ascending edges with `x < edge`.
    Bins {
        /// For each element.
        edges: Vec<Vec<f64>>,
        /// For an element that is below no edge, as NaN is; without it the number of edges.
        otherwise: Option<f64>,
    },
    /// Products of powers: element `t` is `Π x[i]^p` over the pairs of `terms[t]`; an empty product is 1. Powers are at
    /// least 1; a product is evaluated left to right with each factor repeated.
    Polynomial(Vec<Vec<(usize, u32)>>),
    /// Elementwise function of one operand.
    Unary(Unary),
    /// Elementwise function of two operands, broadcasting width 1.
    Binary(Binary),
    /// `c ? a : b` elementwise, operands c (Boolean), a, b, broadcasting width 1. Missing where `c` is missing; else the
    /// chosen operand's element, missing or not.
    Choose,
    /// Divides the row by its norm. Numbers.
    Normalize(Norm),
    /// `e^x_i / Σ e^x_j`, computed without overflow; of width 1 it is 1. Numbers.
    Softmax,
    /// Logarithm of softmax, computed without overflow; of width 1 it is 0. Numbers.
    LogSoftmax,
    /// To width 1. Numbers (and integers for Sum, Max, Min, Product).
    Reduce(Reduction),
    /// Position of the largest element as an integer; of equals the first, or the last. NaN never beats what was found
    /// before it.
    ArgMax {
        /// The last of equals.
        last: bool,
    },
    /// Position of the smallest element, likewise.
    ArgMin {
        /// The last of equals.
        last: bool,
    },
    /// The label: one of `classes`, all of one type. Missing if any score is missing. Width 1.
    Decide {
        /// In the order of the scores.
        classes: Vec<Value>,
        /// By which rule.
        decision: Decision,
    },
    /// The element of the second operand that belongs to the largest of the first, numbers of the same width; the first of
    /// equals, and NaN never beats what was found before it. Missing if any element of either is. Width 1.
    OfLargest,
    /// Missing if any element of the second operand is missing, else the first operand: a row that the model refuses.
    MissingIf,
}

impl Op {
    /// What it is called in messages and descriptions: `Linear`, `Exp`, `Reduce Sum`.
    pub fn title(&self) -> String {
        let name = match self {
            Op::Input(_) => "Input",
            Op::Constant(_) => "Constant",
            Op::Concat => "Concat",
            Op::Pick(_) => "Pick",
            Op::Linear(_) => "Linear",
            Op::Scale(_) => "Scale",
            Op::Impute { .. } => "Impute",
            Op::OneHot { .. } => "OneHot",
            Op::Encode(_) => "Encode",
            Op::Bins { .. } => "Bins",
            Op::Polynomial(_) => "Polynomial",
            Op::Unary(function) => return format!("{function:?}"),
            Op::Binary(function) => return format!("{function:?}"),
            Op::Choose => "Choose",
            Op::Normalize(norm) => return format!("Normalize {norm:?}"),
            Op::Softmax => "Softmax",
            Op::LogSoftmax => "LogSoftmax",
            Op::Reduce(reduction) => return format!("Reduce {reduction:?}"),
            Op::ArgMax { .. } => "ArgMax",
            Op::ArgMin { .. } => "ArgMin",
            Op::Decide { .. } => "Decide",
            Op::OfLargest => "OfLargest",
            Op::MissingIf => "MissingIf",
        };
        name.to_owned()
    }
}
