//! The syntax tree of the SQL subset: what the grammar reads and the printer writes.
//!
//! Semantics first: a tree stands for a text up to layout, redundant parentheses and letter case of keywords and bare
//! names. Names are *stored* names (a bare `orderunits` is `ORDERUNITS`); whether one is quoted is the printer's business.
//! Printing a tree and reading the text gives the same tree.
//!
//! Operators of one level that associate to the left form one flat [`Expr::Chain`] (`a + b - c` is one node with three
//! operands), AND and OR are n-ary, CASE has any number of arms: so the depth of a tree is the number of parentheses and
//! calls, not the length of a sum, and walks may recurse once the reader has bounded the depth of its input.
//!
//! Deliberately absent: joins, windows, grouping, subqueries. Statements that hold them are [`Statement::Other`].

use crate::diag::Place;
use crate::schema::{Column, Kind, Type};

/// A stored name: of a column, field, relation, function or lambda variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub String);

impl Name {
    /// A name as it is stored.
    pub fn new(stored: impl Into<String>) -> Self {
        Name(stored.into())
    }

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A DOUBLE literal. Equality is equality of bits, so that −0.0 and 0.0 differ.
#[derive(Clone, Copy, Debug)]
pub struct Double(pub f64);

impl PartialEq for Double {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Double {}

/// Operators of chains. All operators of a chain have the same [`Level`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `||`
    Concat,
}

impl Operator {
    /// Every operator with its spelling and level: the one table of grammar and printer.
    pub const ALL: &'static [(Operator, &'static str, Level)] = &[
        (Operator::Add, "+", Level::Sum),
        (Operator::Subtract, "-", Level::Sum),
        (Operator::Multiply, "*", Level::Product),
        (Operator::Divide, "/", Level::Product),
        (Operator::Modulo, "%", Level::Product),
        (Operator::Concat, "||", Level::Concat),
    ];

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// How tightly it binds.
    pub fn level(self) -> Level {
        Self::ALL[self as usize].2
    }
}

/// Comparisons of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`, also written `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `IS DISTINCT FROM`
    Distinct,
    /// `IS NOT DISTINCT FROM`
    NotDistinct,
}

impl Comparison {
    /// Every comparison with its spelling.
    pub const ALL: &'static [(Comparison, &'static str)] = &[
        (Comparison::Equal, "="),
        (Comparison::NotEqual, "<>"),
        (Comparison::Less, "<"),
        (Comparison::LessOrEqual, "<="),
        (Comparison::Greater, ">"),
        (Comparison::GreaterOrEqual, ">="),
        (Comparison::Distinct, "IS DISTINCT FROM"),
        (Comparison::NotDistinct, "IS NOT DISTINCT FROM"),
    ];

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// How tightly an expression binds, loosest first. An operand of a lower level than its place needs parentheses.
///
/// ksqlDB: `OR` < `AND` < `NOT` < one comparison, BETWEEN, IN, LIKE or IS (they do not chain) < `||` < `+ -` < `* / %`
/// < unary sign < primaries (`SqlBase.g4`, rules `booleanExpression`, `predicate`, `valueExpression`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `x => …`, only as a trailing argument of a call.
    Lambda,
    /// `OR`
    Or,
    /// `AND`
    And,
    /// `NOT`
    Not,
    /// comparison, BETWEEN, IN, LIKE, IS `[NOT]` NULL
    Predicate,
    /// `||`
    Concat,
    /// `+ -`
    Sum,
    /// `* / %`
    Product,
    /// sign of a non-literal
    Sign,
    /// literals, names, calls, CASE, CAST, `->`, `[]`, parentheses
    Primary,
}

/// Units of time that stand as an argument of a call (`DATEADD(DAYS, 1, D)`). DAY, HOUR and the like are columns there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// `MILLISECOND`
    Millisecond,
    /// `MILLISECONDS`
    Milliseconds,
    /// `SECONDS`
    Seconds,
    /// `MINUTES`
    Minutes,
    /// `HOURS`
    Hours,
    /// `DAYS`
    Days,
}

impl Unit {
    /// Every unit with its spelling.
    pub const ALL: &'static [(Unit, &'static str)] = &[
        (Unit::Millisecond, "MILLISECOND"),
        (Unit::Milliseconds, "MILLISECONDS"),
        (Unit::Seconds, "SECONDS"),
        (Unit::Minutes, "MINUTES"),
        (Unit::Hours, "HOURS"),
        (Unit::Days, "DAYS"),
    ];

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// How long it is.
    pub fn milliseconds(self) -> i64 {
        match self {
            Unit::Millisecond | Unit::Milliseconds => 1,
            Unit::Seconds => 1_000,
            Unit::Minutes => 60_000,
            Unit::Hours => 3_600_000,
            Unit::Days => 86_400_000,
        }
    }
}

/// A scalar expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `NULL`, untyped.
    Null,
    /// `TRUE` or `FALSE`.
    Boolean(bool),
    /// An integer literal with its sign: INTEGER if it fits 32 bits, else BIGINT.
    Integer(i64),
    /// A literal in E-notation with its sign; never NaN or infinite.
    Double(Double),
    /// A literal with a decimal point and no exponent, with its sign, digits as written without superfluous leading
    /// zeros: DECIMAL of that many digits. The text always has a point and a digit before it (`0.5`, `1.`).
    Decimal(String),
    /// `'text'`, unescaped.
    String(String),
    /// A bare column, or a lambda variable in scope.
    Column(Name),
    /// `SOURCE.COLUMN`.
    Qualified(Name, Name),
    /// `base->FIELD`.
    Field(Box<Expr>, Name),
    /// `base[index]`: an array (from 1, negative from the end) or a map.
    Index(Box<Expr>, Box<Expr>),
    /// `NAME(arguments)`; the name in upper case. Lambdas stand last.
    Call(Name, Vec<Expr>),
    /// A unit of time, only as an argument of a call.
    Unit(Unit),
    /// `(A, B) => body`.
    Lambda(Vec<Name>, Box<Expr>),
    /// `ARRAY[…]`.
    Array(Vec<Expr>),
    /// `MAP(key := value, …)`.
    Map(Vec<(Expr, Expr)>),
    /// `STRUCT(NAME := value, …)`.
    Struct(Vec<(Name, Expr)>),
    /// `CASE WHEN condition THEN value … ELSE otherwise END`. The first of a pair is the condition.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// `CAST(value AS type)`.
    Cast(Box<Expr>, Type),
    /// `-value` of something that is not a literal.
    Negate(Box<Expr>),
    /// `+value`.
    Plus(Box<Expr>),
    /// Operators of one level, left to right. Never empty behind the first operand.
    Chain(Box<Expr>, Vec<(Operator, Expr)>),
    /// At least two operands.
    And(Vec<Expr>),
    /// At least two operands.
    Or(Vec<Expr>),
    /// `NOT condition`.
    Not(Box<Expr>),
    /// `left = right` and the like.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `value [NOT] BETWEEN low AND high`.
    Between {
        /// What is tested.
        value: Box<Expr>,
        /// The inclusive lower end.
        low: Box<Expr>,
        /// The inclusive upper end.
        high: Box<Expr>,
        /// `NOT BETWEEN`.
        negated: bool,
    },
    /// `value [NOT] IN (list)`.
    In {
        /// What is looked for.
        value: Box<Expr>,
        /// At least one item.
        list: Vec<Expr>,
        /// `NOT IN`.
        negated: bool,
    },
    /// `value [NOT] LIKE pattern [ESCAPE 'c']`.
    Like {
        /// What is matched.
        value: Box<Expr>,
        /// With `%` and `_`.
        pattern: Box<Expr>,
        /// The escape character.
        escape: Option<char>,
        /// `NOT LIKE`.
        negated: bool,
    },
    /// `value IS [NOT] NULL`.
    IsNull {
        /// What is tested.
        value: Box<Expr>,
        /// `IS NOT NULL`.
        negated: bool,
    },
    /// A literal with its type in front, TIME, DATE or TIMESTAMP: `DATE '2026-11-22'`.
    Typed(Type, String),
    /// An expression with comment lines before it, without the `-- `. Reading a text drops comments inside expressions.
    Commented(Vec<String>, Box<Expr>),
    /// An expression with its place in the text that it was read from. Only [`crate::syntax::located`] makes it, for
    /// findings about types; a printer or evaluator sees through it.
    Located(Place, Box<Expr>),
}

/// Calls a closure with every direct operand, in the order of the text; `iter` or `iter_mut` says how they are lent.
macro_rules! children {
    ($expr:expr, $visit:ident, $iter:ident) => {
        match $expr {
            Expr::Null
            | Expr::Boolean(_)
            | Expr::Integer(_)
            | Expr::Double(_)
            | Expr::Decimal(_)
            | Expr::String(_)
            | Expr::Column(_)
            | Expr::Qualified(..)
            | Expr::Unit(_)
            | Expr::Typed(..) => {}
            Expr::Field(inner, _)
            | Expr::Lambda(_, inner)
            | Expr::Cast(inner, _)
            | Expr::Negate(inner)
            | Expr::Plus(inner)
            | Expr::Not(inner)
            | Expr::Commented(_, inner)
            | Expr::Located(_, inner)
            | Expr::IsNull { value: inner, .. } => $visit(inner),
            Expr::Index(left, right)
            | Expr::Compare(_, left, right)
            | Expr::Like { value: left, pattern: right, .. } => {
                $visit(left);
                $visit(right);
            }
            Expr::Call(_, list) | Expr::Array(list) | Expr::And(list) | Expr::Or(list) => {
                list.$iter().for_each(&mut $visit)
            }
            Expr::Map(entries) => entries.$iter().for_each(|(key, value)| {
                $visit(key);
                $visit(value);
            }),
            Expr::Struct(fields) => fields.$iter().for_each(|(_, value)| $visit(value)),
            Expr::Case(arms, otherwise) => {
                for (condition, value) in arms {
                    $visit(condition);
                    $visit(value);
                }
                if let Some(otherwise) = otherwise {
                    $visit(otherwise);
                }
            }
            Expr::Chain(first, rest) => {
                $visit(first);
                rest.$iter().for_each(|(_, operand)| $visit(operand));
            }
            Expr::Between { value, low, high, .. } => {
                $visit(value);
                $visit(low);
                $visit(high);
            }
            Expr::In { value, list, .. } => {
                $visit(value);
                list.$iter().for_each(&mut $visit);
            }
        }
    };
}

impl Expr {
    /// A bare column.
    pub fn column(stored: impl Into<String>) -> Self {
        Expr::Column(Name::new(stored))
    }

    /// A DOUBLE literal.
    pub fn double(value: f64) -> Self {
        Expr::Double(Double(value))
    }

    /// A call.
    pub fn call(function: &str, arguments: Vec<Expr>) -> Self {
        Expr::Call(Name::new(function), arguments)
    }

    /// Calls `visit` with every direct operand, in the order of the text.
    pub fn for_each_child<'a>(&'a self, mut visit: impl FnMut(&'a Expr)) {
        children!(self, visit, iter)
    }

    /// The same with operands that may be changed.
    pub fn for_each_child_mut<'a>(&'a mut self, mut visit: impl FnMut(&'a mut Expr)) {
        children!(self, visit, iter_mut)
    }

    /// The expression without comments, as it is read back.
    pub fn without_comments(mut self) -> Expr {
        let mut rest = vec![&mut self];
        while let Some(expr) = rest.pop() {
            while let Expr::Commented(_, inner) = expr {
                *expr = std::mem::replace(inner, Expr::Null);
            }
            expr.for_each_child_mut(|child| rest.push(child));
        }
        self
    }

    /// The names of the columns that it reads, in the order of the text, each once. Variables of lambdas are none.
    pub fn columns(&self) -> Vec<&Name> {
        let mut found: Vec<&Name> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.for_each_column(|name| {
            if seen.insert(name) {
                found.push(name);
            }
        });
        found
    }

    /// Visits the columns that it reads, in the order of the text, each as often as it stands there.
    pub fn for_each_column<'a>(&'a self, mut visit: impl FnMut(&'a Name)) {
        let mut rest: Vec<(&Expr, Vec<&Name>)> = vec![(self, Vec::new())];
        while let Some((expr, variables)) = rest.pop() {
            match expr {
                Expr::Column(name) if variables.contains(&name) => {}
                Expr::Column(name) | Expr::Qualified(_, name) => visit(name),
                Expr::Lambda(names, body) => rest.push((body, variables.iter().copied().chain(names).collect())),
                _ => {
                    let start = rest.len();
                    expr.for_each_child(|child| rest.push((child, variables.clone())));
                    rest[start..].reverse();
                }
            }
        }
    }

    /// The number of nodes. Does not recurse.
    pub fn size(&self) -> usize {
        let mut size = 0;
        let mut rest = vec![self];
        while let Some(expr) = rest.pop() {
            size += 1;
            expr.for_each_child(|child| rest.push(child));
        }
        size
    }

    /// The number of nodes on the longest way down; 1 for a literal. Does not recurse.
    pub fn depth(&self) -> usize {
        let mut deepest = 0;
        let mut rest = vec![(self, 1)];
        while let Some((expr, depth)) = rest.pop() {
            deepest = deepest.max(depth);
            expr.for_each_child(|child| rest.push((child, depth + 1)));
        }
        deepest
    }

    /// How tightly it binds.
    pub fn level(&self) -> Level {
        match self {
            Expr::Lambda(..) => Level::Lambda,
            Expr::Or(_) => Level::Or,
            Expr::And(_) => Level::And,
            Expr::Not(_) => Level::Not,
            Expr::Compare(..) | Expr::Between { .. } | Expr::In { .. } | Expr::Like { .. } | Expr::IsNull { .. } => {
                Level::Predicate
            }
            Expr::Chain(_, rest) => rest.first().map_or(Level::Primary, |(operator, _)| operator.level()),
            Expr::Negate(_) | Expr::Plus(_) => Level::Sign,
            Expr::Commented(_, inner) | Expr::Located(_, inner) => inner.level(),
            _ => Level::Primary,
        }
    }
}

/// An item of a SELECT list.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `*` or `SOURCE.*`.
    All(Option<Name>),
    /// `expression [AS alias]`.
    Expr {
        /// Comment lines above it, without the `-- `.
        comments: Vec<String>,
        /// What is computed.
        expr: Expr,
        /// The output column's stored name.
        alias: Option<Name>,
    },
}

impl Item {
    /// The name of the column that it makes, if the text says: the alias, or the name of the column or field itself.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Item::Expr { alias: Some(alias), .. } => Some(alias),
            Item::Expr { expr: Expr::Column(name) | Expr::Qualified(_, name) | Expr::Field(_, name), .. } => Some(name),
            Item::All(_) | Item::Expr { .. } => None,
        }
    }

    /// The item without comments, as it is compared with what is read back.
    pub fn without_comments(self) -> Item {
        match self {
            Item::Expr { expr, alias, .. } => Item::Expr { comments: Vec::new(), expr: expr.without_comments(), alias },
            all => all,
        }
    }
}

/// `EMIT CHANGES` or `EMIT FINAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// Every change: a push query.
    Changes,
    /// Only final results.
    Final,
}

/// `SELECT … FROM …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// At least one.
    pub items: Vec<Item>,
    /// The stream or table.
    pub from: Name,
    /// Its alias.
    pub from_alias: Option<Name>,
    /// `WHERE`.
    pub filter: Option<Expr>,
    /// `PARTITION BY`; empty for none.
    pub partition_by: Vec<Expr>,
    /// `EMIT`.
    pub emit: Option<Emit>,
    /// `LIMIT`.
    pub limit: Option<u64>,
}

/// A property of a WITH clause: `PARTITIONS = 4`. Names are stored in upper case.
pub type Property = (Name, Expr);

/// A statement; the final `;` belongs to its text.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `CREATE [OR REPLACE] [SOURCE] STREAM|TABLE [IF NOT EXISTS] name (columns) WITH (…)`.
    Create {
        /// `OR REPLACE`.
        or_replace: bool,
        /// `SOURCE`: read-only.
        source: bool,
        /// Stream or table.
        kind: Kind,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// Its name.
        name: Name,
        /// In order.
        columns: Vec<Column>,
        /// The WITH clause, in order.
        with: Vec<Property>,
    },
    /// `CREATE [OR REPLACE] STREAM|TABLE [IF NOT EXISTS] name [WITH (…)] AS query`.
    CreateAs {
        /// `OR REPLACE`.
        or_replace: bool,
        /// Stream or table.
        kind: Kind,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// Its name.
        name: Name,
        /// The WITH clause, in order.
        with: Vec<Property>,
        /// What it is computed from.
        query: Query,
    },
    /// `INSERT INTO name [WITH (…)] query`.
    InsertInto {
        /// The existing stream.
        name: Name,
        /// The WITH clause (`QUERY_ID`).
        with: Vec<Property>,
        /// What it is computed from.
        query: Query,
    },
    /// A push or pull query.
    Select(Query),
    /// Any other statement, as its text without the final `;`.
    Other(String),
}

impl Statement {
    /// Its query, if it has one.
    pub fn query(&self) -> Option<&Query> {
        match self {
            Statement::CreateAs { query, .. } | Statement::InsertInto { query, .. } | Statement::Select(query) => {
                Some(query)
            }
            Statement::Create { .. } | Statement::Other(_) => None,
        }
    }

    /// The statement without comments inside, as it is compared with what is read back.
    pub fn without_comments(mut self) -> Statement {
        let query = match &mut self {
            Statement::CreateAs { query, .. } | Statement::InsertInto { query, .. } | Statement::Select(query) => query,
            Statement::Create { .. } | Statement::Other(_) => return self,
        };
        let items = std::mem::take(&mut query.items);
        query.items = items.into_iter().map(Item::without_comments).collect();
        query.filter = query.filter.take().map(Expr::without_comments);
        let keys = std::mem::take(&mut query.partition_by);
        query.partition_by = keys.into_iter().map(Expr::without_comments).collect();
        self
    }
}

/// A statement with the comment lines above it, without the `-- `.
#[derive(Clone, Debug, PartialEq)]
pub struct Commented {
    /// May be empty.
    pub comments: Vec<String>,
    /// What they are about.
    pub statement: Statement,
}

/// A file of statements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// In order.
    pub statements: Vec<Commented>,
    /// Comment lines below the last statement.
    pub comments: Vec<String>,
}
