//! The intermediate representation: scalar expressions in an arena.
//!
//! A [`Score`] is a list of expressions, operands before their users, each stored once (hash-consed), built only by the
//! smart constructors in `build.rs`. It knows no vectors, no file format and no SQL: its inputs are numbered leaves, its
//! results are [`Output`]s over scalar roots.
//!
//! # Semantics
//!
//! * **Numbers** (`DOUBLE`, `BIGINT`) and texts are NULL-strict: an expression with a NULL operand is NULL, except `CASE`
//!   (only the condition and the chosen value count), `COALESCE` and `IS NULL`. Doubles follow IEEE 754; every operation
//!   rounds once.
//! * **Booleans** are two-valued. A comparison is built only on operands that cannot be NULL where it is evaluated:
//!   either proven so, or behind an explicit `IS NULL` guard in a `CASE` or `OR` ([`verify`](Score::verify) checks it). So no
//!   rewrite depends on how an engine compares NULL. Boolean *inputs* may be NULL; they are compared like any other.
//! * A **sum** is evaluated from left to right, starting with its first term; a term with a factor is `coefficient *
//!   factor`, rounded, one without is the coefficient itself. A **product** is evaluated from left to right.
//! * `CASE` takes the value of the first arm whose condition is true. `AND` and `OR` are evaluated left to right and stop
//!   early; since conditions are pure, that matters only for the NULL rule.
//!
//! Nothing here recurses: every pass is a loop over the arena.

mod build;
mod eval;
mod facts;
mod fmt;
mod index;
mod range;
mod rebuild;
mod verify;

pub use eval::{Value, call as apply};
pub use facts::Facts;
pub use range::{Known, Range, narrowest};
pub use rebuild::Rebuild;

use crate::schema::Type;
use index::Index;
use std::collections::HashMap;
use std::sync::Arc;

/// An expression of the [`Score`] it was made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u32);

impl Id {
    /// Its position in the arena.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A double that compares and hashes by its bits: −0.0 and 0.0 are different constants.
#[derive(Clone, Copy, Debug)]
pub struct Real(pub f64);

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Real {}

impl std::hash::Hash for Real {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Const {
    /// DOUBLE; may be NaN or infinite while rewriting, never in what is emitted.
    Double(Real),
    /// BIGINT.
    Bigint(i64),
    /// STRING.
    Text(String),
    /// BOOLEAN.
    Boolean(bool),
    /// NULL of a type.
    Null(Type),
}

/// One addend: `coefficient * factor`, or the coefficient alone.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// The constant.
    pub coefficient: f64,
    /// What it is multiplied with.
    pub factor: Option<Id>,
    /// The input that it is about, if it is a single one: for comments, not part of its identity.
    pub origin: Option<u32>,
}

impl Term {
    /// `coefficient * factor`.
    pub fn new(coefficient: f64, factor: Id) -> Self {
        Term { coefficient, factor: Some(factor), origin: None }
    }

    /// A constant addend.
    pub fn constant(value: f64) -> Self {
        Term { coefficient: value, factor: None, origin: None }
    }

    /// Says which input it is about.
    pub fn about(self, origin: Option<u32>) -> Self {
        Term { origin, ..self }
    }
}

impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        self.coefficient.to_bits() == other.coefficient.to_bits() && self.factor == other.factor
    }
}

impl Eq for Term {}

impl std::hash::Hash for Term {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.coefficient.to_bits().hash(state);
        self.factor.hash(state);
    }
}

/// Functions of DOUBLE arguments unless said otherwise. All are NULL-strict except `Coalesce`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// `a / b`
    Divide,
    /// `a + b` of BIGINTs; wraps, as the next three
    AddBigint,
    /// `a - b` of BIGINTs
    SubtractBigint,
    /// `a * b` of BIGINTs
    MultiplyBigint,
    /// `a / b` of BIGINTs, toward zero; a zero divisor must be excluded before
    DivideBigint,
    /// `a ^ b` as Java's `Math.pow` has it: NaN to any power but ±0 is NaN, and so is ±1 to an infinite power and anything to
    /// a NaN power; where C's `pow` is 1 instead, lowering says so
    Power,
    /// Smaller; NaN if either is NaN
    Min,
    /// Larger; NaN if either is NaN
    Max,
    /// `e^x`
    Exp,
    /// Natural logarithm
    Ln,
    /// Square root
    Sqrt,
    /// `|x|`
    Abs,
    /// Largest integer not above
    Floor,
    /// Smallest integer not below
    Ceil,
    /// Nearest integer, halves to even
    RoundEven,
    /// −1, 0 or 1; NaN stays
    Sign,
    /// Hyperbolic tangent
    Tanh,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `ln(1 + e^x)` without overflow
    Softplus,
    /// `ln(1 + x)`, to full precision near 0
    Log1p,
    /// `e^x - 1`, to full precision near 0
    Expm1,
    /// Of its first argument among the others, which it is one of: `e^x / Σ e^y`, without overflow
    Softmax,
    /// Of n scores and n values of one type: the value that belongs to the largest score, the first of equals; a NaN is
    /// larger than nothing that stands before it
    OfLargest,
    /// The standard normal distribution function
    NormalCdf,
    /// The error function
    Erf,
    /// Whether a DOUBLE is NaN → BOOLEAN
    IsNan,
    /// BIGINT → DOUBLE
    ToDouble,
    /// DOUBLE → BIGINT, toward zero, saturating, NaN → 0
    ToBigint,
    /// First argument that is not NULL; arguments of one type
    Coalesce,
    /// Its argument, as a value that nothing is made one with: where a sum may be divided
    Whole,
}

/// Comparisons of two operands of one type → BOOLEAN. False if either is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// `WHEN condition THEN value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arm {
    /// BOOLEAN.
    pub condition: Id,
    /// Of the type of the whole CASE.
    pub value: Id,
}

/// An expression. See the [module](self) for what each computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    /// A constant.
    Const(Const),
    /// The input of this number.
    Input(u32),
    /// At least one term.
    Sum(Vec<Term>),
    /// At least two factors.
    Product(Vec<Id>),
    /// As many arguments as the function takes.
    Call(Function, Vec<Id>),
    /// Never on NULL.
    Compare(Comparison, Id, Id),
    /// At least two conditions.
    And(Vec<Id>),
    /// At least two conditions.
    Or(Vec<Id>),
    /// `NOT`.
    Not(Id),
    /// `IS NULL`, of any type.
    IsNull(Id),
    /// At least one arm, and what holds otherwise.
    Case(Vec<Arm>, Id),
}

/// A leaf: a column, or an expression over columns that Score does not look into.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// For dumps.
    pub name: String,
    /// DOUBLE, BIGINT, STRING or BOOLEAN.
    pub ty: Type,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether it may be NaN: a DOUBLE column, or one of unknown type.
    pub nan: bool,
}

/// What a result makes of its roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// One root, as it is.
    Scalar,
    /// An array of DOUBLEs.
    Array,
    /// A map from these texts, one a root, to DOUBLEs.
    Map(Vec<String>),
    /// Of these names, one a root, those of the largest roots: an array of texts, the largest first, the first of equals
    /// first. A NaN is larger than nothing that stands before it.
    Top {
        /// One a root.
        names: Vec<String>,
        /// How many.
        count: usize,
    },
}

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The name of the output column.
    pub name: String,
    /// What it makes of its roots.
    pub form: Form,
    /// What is computed; not empty.
    pub roots: Vec<Id>,
    /// Of a form other than scalar: the condition that the whole result is NULL, since a root is.
    pub missing: Option<Id>,
    /// What it is, in a few words, for comments (`probability of 'setosa'`).
    pub about: String,
}

impl Output {
    /// A scalar.
    pub fn scalar(name: impl Into<String>, root: Id, about: impl Into<String>) -> Self {
        Output { name: name.into(), form: Form::Scalar, roots: vec![root], missing: None, about: about.into() }
    }

    /// The same result of other expressions.
    pub fn map(&self, mut get: impl FnMut(Id) -> Id) -> Self {
        Output {
            roots: self.roots.iter().map(|&root| get(root)).collect(),
            missing: self.missing.map(&mut get),
            ..self.clone()
        }
    }

    /// Everything that it needs to be computed.
    pub fn needs(&self) -> impl Iterator<Item = Id> {
        self.missing.into_iter().chain(self.roots.iter().copied())
    }
}

/// The arena.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Shared between an arena and what passes make of it.
    inputs: Arc<Vec<Input>>,
    exprs: Vec<Expr>,
    /// Positions in `table`.
    types: Vec<u32>,
    /// The few types that occur.
    table: Vec<Type>,
    nullable: Vec<bool>,
    /// For a CASE that is NULL exactly where its first arm says so: what that arm tests.
    explained: HashMap<Id, Vec<Id>>,
    index: Index,
    /// The results, in order.
    pub outputs: Vec<Output>,
    /// Inputs that must not be NULL for a row to be scored at all: other rows give no result.
    pub required: Vec<u32>,
}

impl Score {
    /// An empty arena over these inputs.
    pub fn new(inputs: Vec<Input>) -> Self {
        Score { inputs: Arc::new(inputs), ..Self::default() }
    }

    /// An empty arena over the same inputs, with room for this many expressions.
    pub fn like(&self, expressions: usize) -> Self {
        let mut score = Score { inputs: Arc::clone(&self.inputs), ..Self::default() };
        score.reserve(expressions);
        score
    }

    /// Makes room for this many more expressions.
    pub fn reserve(&mut self, more: usize) {
        self.exprs.reserve(more);
        self.types.reserve(more);
        self.nullable.reserve(more);
        self.index.reserve(more, &self.exprs);
    }

    /// The inputs, by number.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The expression.
    pub fn expr(&self, id: Id) -> &Expr {
        &self.exprs[id.index()]
    }

    /// Its type: DOUBLE, BIGINT, STRING or BOOLEAN.
    pub fn ty(&self, id: Id) -> &Type {
        &self.table[self.types[id.index()] as usize]
    }

    /// Whether it may be NULL.
    pub fn nullable(&self, id: Id) -> bool {
        self.nullable[id.index()]
    }

    /// The number of expressions in the arena.
    pub fn len(&self) -> usize {
        self.exprs.len()
    }

    /// Whether there is no expression.
    pub fn is_empty(&self) -> bool {
        self.exprs.is_empty()
    }

    /// All expressions, operands before users.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = Id> + use<> {
        (0..self.exprs.len() as u32).map(Id)
    }

    /// The constant, if it is one.
    pub fn constant(&self, id: Id) -> Option<&Const> {
        match self.expr(id) {
            Expr::Const(constant) => Some(constant),
            _ => None,
        }
    }

    /// The value of a DOUBLE constant.
    pub fn double_value(&self, id: Id) -> Option<f64> {
        match self.expr(id) {
            Expr::Const(Const::Double(value)) => Some(value.0),
            _ => None,
        }
    }

    /// The type of a result.
    pub fn output_type(&self, output: &Output) -> Type {
        match &output.form {
            Form::Scalar => self.ty(output.roots[0]).clone(),
            Form::Array => Type::Array(Box::new(Type::Double)),
            Form::Map(_) => Type::Map(Box::new(Type::String), Box::new(Type::Double)),
            Form::Top { .. } => Type::Array(Box::new(Type::String)),
        }
    }

    /// What the outputs need, in order.
    pub fn roots(&self) -> Vec<Id> {
        self.outputs.iter().flat_map(Output::needs).collect()
    }
}

impl Expr {
    /// Calls `visit` with every operand, in order.
    pub fn operands(&self, mut visit: impl FnMut(Id)) {
        match self {
            Expr::Const(_) | Expr::Input(_) => {}
            Expr::Sum(terms) => terms.iter().filter_map(|term| term.factor).for_each(visit),
            Expr::Product(list) | Expr::Call(_, list) | Expr::And(list) | Expr::Or(list) => {
                list.iter().copied().for_each(visit);
            }
            Expr::Compare(_, a, b) => {
                visit(*a);
                visit(*b);
            }
            Expr::Not(a) | Expr::IsNull(a) => visit(*a),
            Expr::Case(arms, otherwise) => {
                for arm in arms {
                    visit(arm.condition);
                    visit(arm.value);
                }
                visit(*otherwise);
            }
        }
    }
}

/// What a function takes and gives: everything about a function that is not its value follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// DOUBLE → DOUBLE
    Number,
    /// Two DOUBLEs → DOUBLE
    Two,
    /// Two DOUBLEs or more → DOUBLE
    Many,
    /// Two BIGINTs → BIGINT
    Bigints,
    /// DOUBLE → BOOLEAN
    Test,
    /// BIGINT → DOUBLE
    ToDouble,
    /// DOUBLE → BIGINT
    ToBigint,
    /// One or more of one type → that type
    First,
    /// As many DOUBLEs as values of one type → that type
    Choice,
}

impl Function {
    /// What it takes and gives.
    pub fn signature(self) -> Signature {
        match self {
            Function::Exp
            | Function::Ln
            | Function::Sqrt
            | Function::Abs
            | Function::Floor
            | Function::Ceil
            | Function::RoundEven
            | Function::Sign
            | Function::Tanh
            | Function::Sigmoid
            | Function::Softplus
            | Function::Log1p
            | Function::Expm1
            | Function::NormalCdf
            | Function::Erf
            | Function::Whole => Signature::Number,
            Function::Divide | Function::Power => Signature::Two,
            Function::Min | Function::Max | Function::Softmax => Signature::Many,
            Function::AddBigint | Function::SubtractBigint | Function::MultiplyBigint | Function::DivideBigint => {
                Signature::Bigints
            }
            Function::IsNan => Signature::Test,
            Function::ToDouble => Signature::ToDouble,
            Function::ToBigint => Signature::ToBigint,
            Function::Coalesce => Signature::First,
            Function::OfLargest => Signature::Choice,
        }
    }

    /// Whether it is one of the four operations, of numbers or of integers.
    pub fn is_arithmetic(self) -> bool {
        self == Function::Divide || self.is_of_bigints()
    }

    /// Whether it takes BIGINTs and gives one.
    pub fn is_of_bigints(self) -> bool {
        self.signature() == Signature::Bigints
    }

    /// The name in dumps.
    pub fn name(self) -> &'static str {
        match self {
            Function::Divide => "divide",
            Function::AddBigint => "add_bigint",
            Function::SubtractBigint => "subtract_bigint",
            Function::MultiplyBigint => "multiply_bigint",
            Function::DivideBigint => "divide_bigint",
            Function::Power => "power",
            Function::Min => "min",
            Function::Max => "max",
            Function::Exp => "exp",
            Function::Ln => "ln",
            Function::Sqrt => "sqrt",
            Function::Abs => "abs",
            Function::Floor => "floor",
            Function::Ceil => "ceil",
            Function::RoundEven => "round_even",
            Function::Sign => "sign",
            Function::Tanh => "tanh",
            Function::Sigmoid => "sigmoid",
            Function::Softplus => "softplus",
            Function::Log1p => "log1p",
            Function::Expm1 => "expm1",
            Function::Softmax => "softmax",
            Function::OfLargest => "of_largest",
            Function::NormalCdf => "normal_cdf",
            Function::Erf => "erf",
            Function::IsNan => "is_nan",
            Function::ToDouble => "to_double",
            Function::ToBigint => "to_bigint",
            Function::Coalesce => "coalesce",
            Function::Whole => "whole",
        }
    }
}

impl Comparison {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    /// The comparison with its operands exchanged.
    pub fn flipped(self) -> Self {
        match self {
            Comparison::Equal => Comparison::Equal,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        }
    }
}
