//! SQL expressions as Score: what is pure DOUBLE arithmetic becomes nodes, so that it is optimized with the model.
//!
//! Exactly ksqlDB's function, or not at all: where types, NULL or rounding would differ, the expression stays one leaf
//! that the engine computes as it is written. In particular
//!
//! * only operations whose result is DOUBLE are imported: `A / 2` of integers truncates, so it is a leaf, which enters
//!   converted; a chain is a leaf up to where a DOUBLE stands;
//! * a comparison with NULL is false, so a comparison is imported with a guard, and only of operands that are columns or
//!   literals: NULL in arithmetic makes the whole expression NULL instead;
//! * DECIMAL compares in decimal arithmetic, texts by Java's order, `%`, ROUND, GREATEST and the like have rules of their
//!   own: leaves.
//!
//! A leaf that is no column may fail to be computed where it has a NULL operand. Its binding is cast to its own type, which
//! in ksqlDB catches that: so a leaf is NULL then, as a column is, and can be tested.

use super::Binding;
use crate::diag::Report;
use crate::schema::{self, Relation, Type};
use crate::score::{Arm, Comparison, Function, Id, Input, Score, Term};
use crate::sql::ast::{self, Expr, Level, Name, Operator};
use crate::sql::eval;

/// Functions of DOUBLEs that Score has too: with their result DOUBLE whatever number they are given?
const FUNCTIONS: &[(&str, Function, bool)] = &[
    ("ABS", Function::Abs, false),
    ("CEIL", Function::Ceil, false),
    ("EXP", Function::Exp, true),
    ("FLOOR", Function::Floor, false),
    ("LN", Function::Ln, true),
    ("SQRT", Function::Sqrt, true),
    ("TANH", Function::Tanh, true),
];

/// What is known of an expression's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Double,
    Integer,
    Bigint,
    Decimal,
    Text,
    Boolean,
    /// A bare NULL.
    Null,
    /// A column of which nothing is known but that it feeds a number.
    Unknown,
    /// Anything else.
    Other,
}

impl Kind {
    fn of(ty: &Type) -> Self {
        match ty {
            Type::Double => Kind::Double,
            Type::Integer => Kind::Integer,
            Type::Bigint => Kind::Bigint,
            Type::Decimal(..) => Kind::Decimal,
            Type::String => Kind::Text,
            Type::Boolean => Kind::Boolean,
            _ => Kind::Other,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Kind::Double | Kind::Integer | Kind::Bigint | Kind::Decimal | Kind::Unknown)
    }

    /// Of arithmetic; DOUBLE takes every number to DOUBLE.
    fn with(self, other: Kind) -> Kind {
        let either = |kind| self == kind || other == kind;
        match () {
            () if !self.is_number() || !other.is_number() => Kind::Other,
            () if either(Kind::Double) => Kind::Double,
            () if either(Kind::Unknown) => Kind::Unknown,
            () if either(Kind::Decimal) => Kind::Decimal,
            () if either(Kind::Bigint) => Kind::Bigint,
            () => Kind::Integer,
        }
    }
}

/// Brings expressions into a Score. Its inputs and the bindings are side by side; leaves that are not among them are added
/// to both.
pub struct Importer<'a> {
    /// The columns that are known.
    pub relation: Option<&'a Relation>,
    /// Whether there are no others; if there are, they feed numbers of unknown types.
    pub complete: bool,
    /// Where the nodes are made.
    pub score: &'a mut Score,
    /// What feeds each input of the score.
    pub bindings: &'a mut Vec<Binding>,
}

impl Importer<'_> {
    /// An expression of type DOUBLE; `None` if it is of another type or would be nothing but a leaf.
    pub fn double(&mut self, expr: &Expr) -> Option<Id> {
        if self.kind(expr) == Kind::Double { self.nodes(expr) } else { None }
    }

    /// The type of an expression, if it can be told.
    pub fn type_of(&self, expr: &Expr) -> Option<Type> {
        match self.kind(expr) {
            Kind::Double => Some(Type::Double),
            Kind::Integer => Some(Type::Integer),
            Kind::Bigint => Some(Type::Bigint),
            Kind::Text => Some(Type::String),
            Kind::Boolean => Some(Type::Boolean),
            Kind::Null | Kind::Unknown => None,
            Kind::Decimal | Kind::Other => eval::type_of(expr, self.relation?, &mut Report::new()).ok(),
        }
    }

    fn kind(&self, expr: &Expr) -> Kind {
        match expr {
            Expr::Null => Kind::Null,
            Expr::Boolean(_) => Kind::Boolean,
            Expr::Integer(value) if i32::try_from(*value).is_ok() => Kind::Integer,
            Expr::Integer(_) => Kind::Bigint,
            Expr::Double(_) => Kind::Double,
            Expr::Decimal(_) => Kind::Decimal,
            Expr::String(_) => Kind::Text,
            Expr::Column(name) => match self.relation {
                Some(relation) => match relation.column(name.as_str()) {
                    Some(column) => Kind::of(&column.ty),
                    None => self.asked(expr),
                },
                None => Kind::Unknown,
            },
            Expr::Cast(_, ty) => Kind::of(ty),
            Expr::Negate(inner) | Expr::Plus(inner) | Expr::Commented(_, inner) | Expr::Located(_, inner) => {
                self.kind(inner)
            }
            Expr::Chain(first, rest) if rest.iter().all(|(operator, _)| *operator != Operator::Concat) => {
                rest.iter().fold(self.kind(first), |kind, (_, operand)| kind.with(self.kind(operand)))
            }
            Expr::Call(name, arguments) if always_double(name, arguments.len()) => {
                if arguments.iter().all(|argument| self.kind(argument).is_number()) {
                    Kind::Double
                } else {
                    self.asked(expr)
                }
            }
            Expr::Case(arms, otherwise) => {
                let values = arms.iter().map(|(_, value)| value).chain(otherwise.as_deref());
                values.map(|value| self.kind(value)).find(|kind| *kind != Kind::Null).unwrap_or(Kind::Other)
            }
            Expr::And(_) | Expr::Or(_) | Expr::Not(_) | Expr::Compare(..) | Expr::Between { .. } | Expr::In { .. } => {
                Kind::Boolean
            }
            Expr::Like { .. } | Expr::IsNull { .. } => Kind::Boolean,
            other => self.asked(other),
        }
    }

    /// What the engine's rules say.
    fn asked(&self, expr: &Expr) -> Kind {
        let unknown = if self.complete { Kind::Other } else { Kind::Unknown };
        match self.relation {
            Some(relation) => eval::type_of(expr, relation, &mut Report::new()).map_or(unknown, |ty| Kind::of(&ty)),
            None => unknown,
        }
    }

    /// A number as a DOUBLE, as the engine converts it where the other operand is one.
    fn number(&mut self, expr: &Expr) -> Id {
        match expr {
            Expr::Integer(value) => self.score.double(*value as f64),
            Expr::Decimal(text) => match text.parse() {
                Ok(value) if f64::is_finite(value) => self.score.double(value),
                _ => self.leaf(expr, Type::Double),
            },
            _ if self.kind(expr) == Kind::Double => match self.nodes(expr) {
                Some(id) => id,
                None => self.leaf(expr, Type::Double),
            },
            _ => self.leaf(expr, Type::Double),
        }
    }

    /// The nodes of a DOUBLE expression; `None` if it would be one leaf.
    fn nodes(&mut self, expr: &Expr) -> Option<Id> {
        match expr {
            Expr::Double(value) => Some(self.score.double(value.0)),
            Expr::Commented(_, inner) | Expr::Plus(inner) | Expr::Located(_, inner) => Some(self.number(inner)),
            Expr::Negate(inner) => {
                let inner = self.number(inner);
                Some(self.score.negate(inner))
            }
            // what CAST catches is NULL either way
            Expr::Cast(inner, Type::Double) => match self.kind(inner) {
                Kind::Double | Kind::Integer | Kind::Bigint | Kind::Decimal => Some(self.number(inner)),
                _ => None,
            },
            Expr::Chain(first, rest) => self.chain(first, rest),
            Expr::Call(name, arguments) => self.call(name, arguments),
            Expr::Case(arms, otherwise) => self.case(arms, otherwise.as_deref()),
            _ => None,
        }
    }

    /// From where a DOUBLE stands on, and behind the last `%`.
    fn chain(&mut self, first: &Expr, rest: &[(Operator, Expr)]) -> Option<Id> {
        let mut kind = self.kind(first);
        let mut from = None;
        for (index, (operator, operand)) in rest.iter().enumerate() {
            let right = self.kind(operand);
            kind = kind.with(right);
            if kind != Kind::Double || matches!(operator, Operator::Modulo | Operator::Concat) {
                from = None;
            } else if from.is_none() {
                from = Some(index);
            }
        }
        let from = from?;
        let head = match rest.get(..from) {
            Some(head) if from > 0 => &Expr::Chain(Box::new(first.clone()), head.to_vec()),
            _ => first,
        };
        let mut value = self.number(head);
        if rest.first().is_some_and(|(operator, _)| operator.level() == Level::Sum) {
            let mut terms = vec![Term::new(1.0, value)];
            for (operator, operand) in &rest[from..] {
                let sign = if *operator == Operator::Subtract { -1.0 } else { 1.0 };
                terms.push(Term::new(sign, self.number(operand)));
            }
            return Some(self.score.sum(terms));
        }
        for (operator, operand) in &rest[from..] {
            let operand = self.number(operand);
            value = match operator {
                Operator::Divide => self.score.divide(value, operand),
                _ => self.score.product([value, operand]),
            };
        }
        Some(value)
    }

    fn call(&mut self, name: &Name, arguments: &[Expr]) -> Option<Id> {
        // a DECIMAL is converted by rules of its own
        let fits = |kind: Kind| kind.is_number() && kind != Kind::Decimal;
        match (name.as_str(), arguments) {
            ("COALESCE" | "IFNULL", list) => {
                let plain = |expr: &Expr| matches!(expr, Expr::Double(_)) || is_column(expr);
                if !list.iter().all(|argument| plain(argument) && self.kind(argument) == Kind::Double) {
                    return None;
                }
                let list = list.iter().map(|argument| self.number(argument)).collect();
                Some(self.score.call(Function::Coalesce, list))
            }
            ("POWER", [base, exponent]) if fits(self.kind(base)) && fits(self.kind(exponent)) => {
                let list = vec![self.number(base), self.number(exponent)];
                Some(self.score.call(Function::Power, list))
            }
            (name, [argument]) => {
                let (_, function, any) = FUNCTIONS.iter().find(|(known, ..)| *known == name)?;
                let kind = self.kind(argument);
                if kind != Kind::Double && !(*any && fits(kind)) {
                    return None;
                }
                let argument = self.number(argument);
                Some(self.score.call(*function, vec![argument]))
            }
            _ => None,
        }
    }

    fn case(&mut self, arms: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Option<Id> {
        let mut list = Vec::with_capacity(arms.len());
        for (condition, value) in arms {
            let condition = self.condition(condition)?;
            list.push(Arm { condition, value: self.branch(value)? });
        }
        let end = self.branch(otherwise.unwrap_or(&Expr::Null))?;
        Some(self.score.case(list, end))
    }

    fn branch(&mut self, value: &Expr) -> Option<Id> {
        match self.kind(value) {
            Kind::Null => Some(self.score.null(Type::Double)),
            Kind::Double => Some(self.number(value)),
            _ => None,
        }
    }

    /// A condition that can be computed whatever is NULL.
    fn condition(&mut self, expr: &Expr) -> Option<Id> {
        let negated = |importer: &mut Self, condition: Id, negated: bool| {
            if negated { importer.score.not(condition) } else { condition }
        };
        match expr {
            Expr::Boolean(value) => Some(self.score.boolean(*value)),
            Expr::Commented(_, inner) | Expr::Located(_, inner) => self.condition(inner),
            Expr::Not(inner) => {
                let inner = self.condition(inner)?;
                Some(self.score.not(inner))
            }
            Expr::And(list) => {
                let list: Option<Vec<Id>> = list.iter().map(|item| self.condition(item)).collect();
                Some(self.score.and(list?))
            }
            Expr::Or(list) => {
                let list: Option<Vec<Id>> = list.iter().map(|item| self.condition(item)).collect();
                Some(self.score.or(list?))
            }
            Expr::Compare(comparison, left, right) => self.compare(*comparison, left, right),
            Expr::Between { value, low, high, negated: turned } => {
                let above = self.compare(ast::Comparison::GreaterOrEqual, value, low)?;
                let below = self.compare(ast::Comparison::LessOrEqual, value, high)?;
                let both = self.score.and([above, below]);
                Some(negated(self, both, *turned))
            }
            Expr::In { value, list, negated: turned } => {
                let ty = match self.kind(value) {
                    Kind::Text => Type::String,
                    Kind::Integer | Kind::Bigint => Type::Bigint,
                    // numbers that are none, and signs of zeros, count otherwise than in a comparison
                    _ => return None,
                };
                let value = self.operand(value, &ty)?;
                let mut tests = Vec::with_capacity(list.len());
                for item in list {
                    let item = match (item, &ty) {
                        (Expr::String(text), Type::String) => self.score.text(text),
                        (Expr::Integer(number), Type::Bigint) => self.score.bigint(*number),
                        _ => return None,
                    };
                    tests.push(self.score.compare(Comparison::Equal, value, item));
                }
                let null = self.score.is_null(value);
                let present = self.score.not(null);
                let any = self.score.or(tests);
                let test = self.score.and([present, any]);
                Some(negated(self, test, *turned))
            }
            Expr::IsNull { value, negated: turned } if is_column(value) => {
                let ty = match self.kind(value) {
                    Kind::Double => Type::Double,
                    Kind::Integer | Kind::Bigint => Type::Bigint,
                    Kind::Text => Type::String,
                    Kind::Boolean => Type::Boolean,
                    _ => return None,
                };
                let value = self.leaf(value, ty);
                let null = self.score.is_null(value);
                Some(negated(self, null, *turned))
            }
            _ => None,
        }
    }

    /// Columns and literals; false where one is NULL.
    fn compare(&mut self, comparison: ast::Comparison, left: &Expr, right: &Expr) -> Option<Id> {
        let (left_kind, right_kind) = (self.kind(left), self.kind(right));
        let whole = |kind| matches!(kind, Kind::Integer | Kind::Bigint);
        let ty = match (left_kind, right_kind) {
            (Kind::Double, other) | (other, Kind::Double) if other == Kind::Double || whole(other) => Type::Double,
            (a, b) if whole(a) && whole(b) => Type::Bigint,
            (Kind::Text, Kind::Text) => Type::String,
            (Kind::Boolean, Kind::Boolean) => Type::Boolean,
            _ => return None,
        };
        let (same, turned) = match comparison {
            ast::Comparison::Equal => (Comparison::Equal, false),
            ast::Comparison::NotEqual => (Comparison::Equal, true),
            // the order of texts is Java's; of truth values there is none
            _ if matches!(ty, Type::String | Type::Boolean) => return None,
            ast::Comparison::Less => (Comparison::Less, false),
            ast::Comparison::LessOrEqual => (Comparison::LessOrEqual, false),
            ast::Comparison::Greater => (Comparison::Greater, false),
            ast::Comparison::GreaterOrEqual => (Comparison::GreaterOrEqual, false),
            ast::Comparison::Distinct | ast::Comparison::NotDistinct => return None,
        };
        let (a, b) = (self.operand(left, &ty)?, self.operand(right, &ty)?);
        let test = if turned && ty == Type::Double {
            // NaN is neither equal nor different
            let less = self.score.compare(Comparison::Less, a, b);
            let greater = self.score.compare(Comparison::Greater, a, b);
            self.score.or([less, greater])
        } else {
            let test = self.score.compare(same, a, b);
            if turned { self.score.not(test) } else { test }
        };
        let mut conditions = Vec::new();
        for operand in [a, b] {
            let null = self.score.is_null(operand);
            conditions.push(self.score.not(null));
        }
        conditions.push(test);
        Some(self.score.and(conditions))
    }

    fn operand(&mut self, expr: &Expr, ty: &Type) -> Option<Id> {
        match (expr, ty) {
            (Expr::Double(value), Type::Double) => Some(self.score.double(value.0)),
            (Expr::Integer(value), Type::Double) => Some(self.score.double(*value as f64)),
            (Expr::Integer(value), Type::Bigint) => Some(self.score.bigint(*value)),
            (Expr::String(text), Type::String) => Some(self.score.text(text)),
            (Expr::Boolean(value), Type::Boolean) => Some(self.score.boolean(*value)),
            _ if is_column(expr) => Some(self.leaf(expr, ty.clone())),
            _ => None,
        }
    }

    /// The input that is fed by this expression, as a Score type.
    fn leaf(&mut self, expr: &Expr, ty: Type) -> Id {
        let binding = leaf(expr, self.type_of(expr), &ty);
        let inputs = self.score.inputs();
        let known = (0..inputs.len().min(self.bindings.len())).find(|&number| {
            let other = &self.bindings[number];
            inputs[number].ty == ty && other.expr == binding.expr && other.ty == binding.ty
        });
        if let Some(number) = known {
            return self.score.input(number as u32);
        }
        let name = match &binding.expr {
            Expr::Column(name) => name.0.clone(),
            _ => format!("leaf {}", inputs.len()),
        };
        let nan = matches!(binding.ty, None | Some(Type::Double));
        self.bindings.push(binding);
        self.score.add_input(Input { name, ty, nullable: true, nan })
    }
}

/// The binding of an expression that Score does not look into; `wanted` is the type that it is read as.
pub(super) fn leaf(expr: &Expr, ty: Option<Type>, wanted: &Type) -> Binding {
    let expr = durable(expr.clone());
    if is_column(&expr) || matches!(expr, Expr::Cast(..)) {
        return Binding { expr, ty, nullable: true };
    }
    let ty = ty.unwrap_or_else(|| wanted.clone());
    Binding { expr: Expr::Cast(Box::new(expr), ty.clone()), ty: Some(ty), nullable: true }
}

/// The expression with DECIMAL literals that a persistent query keeps. A server stores its queries as text in which `100.`
/// is the INTEGER 100 and `0.0000001` the DOUBLE 1E-7, and computes with these.
fn durable(mut expr: Expr) -> Expr {
    if let Expr::Decimal(text) = &expr {
        let kept = eval::Decimal::parse(text).map(|value| value.to_string());
        if kept.is_some_and(|kept| kept.contains('E') || !kept.contains('.')) {
            let none = Relation { name: String::new(), kind: schema::Kind::Stream, columns: Vec::new() };
            if let Ok(ty) = eval::type_of(&expr, &none, &mut Report::new()) {
                return Expr::Cast(Box::new(Expr::String(text.trim_end_matches('.').to_owned())), ty);
            }
        }
        return expr;
    }
    expr.for_each_child_mut(|child| *child = durable(std::mem::replace(child, Expr::Null)));
    expr
}

/// Whether a function gives NULL for NULL, and nothing else of it shows.
pub(super) fn is_strict(name: &Name) -> bool {
    name.as_str() == "POWER" || FUNCTIONS.iter().any(|(known, ..)| *known == name.as_str())
}

/// A column, or a part of one that is reached by names and literals: NULL where it is not there, and never a failure.
pub(super) fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Qualified(..) => true,
        Expr::Field(base, _) => is_column(base),
        Expr::Index(base, index) => is_column(base) && matches!(**index, Expr::Integer(_) | Expr::String(_)),
        _ => false,
    }
}

/// Whether a function gives DOUBLE for any number.
fn always_double(name: &Name, arguments: usize) -> bool {
    match (name.as_str(), arguments) {
        ("POWER", 2) => true,
        (name, 1) => FUNCTIONS.iter().any(|(known, _, any)| *any && *known == name),
        _ => false,
    }
}
