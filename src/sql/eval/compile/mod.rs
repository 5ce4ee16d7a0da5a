//! The first phase: typing an expression, and turning it into nodes.
//!
//! Beyond SQL's types it tracks whether the Java code of an operand is a primitive, which cannot be NULL: ksqlDB's
//! translation of `(a + b) IS NULL` does not compile for that reason, and such expressions are refused here as well.
//! The walk recurses into operands but not along chains, and stops at [`MAX_DEPTH`].

mod calls;
mod operators;

pub(super) use calls::sorts_in_place;

use super::convert::{Conversion, NoConversion};
use super::decimal::Decimal;
use super::lists::{Clash, Part, Shape, unify};
use super::run::{Node, Pseudo, with_stack};
use super::types::of_decimal;
use super::value::Value;
use super::{Program, batch, messages};
use crate::diag::codes::{Code, eval as codes};
use crate::diag::{Diagnostic, Failed, Place, Report};
use crate::schema::{Field, Relation, Type};
use crate::sql::ast::{Expr, Name};

/// Deeper expressions are refused: far beyond what a server takes, and what the reader gives out at most.
const MAX_DEPTH: usize = 500;

/// A compiled operand.
#[derive(Debug)]
pub(super) struct Typed {
    pub node: Node,
    /// A bare NULL has no type.
    pub ty: Option<Type>,
    /// Whether its Java code is a primitive.
    pub primitive: bool,
    pub shape: Shape,
}

impl Typed {
    fn new(node: Node, ty: Type) -> Self {
        Typed { node, ty: Some(ty), primitive: false, shape: Shape::Other }
    }

    fn primitive(node: Node, ty: Type) -> Self {
        Typed { primitive: true, ..Typed::new(node, ty) }
    }

    fn literal(value: Value, ty: Type, primitive: bool) -> Self {
        Typed { node: Node::Constant(value.clone()), ty: Some(ty), primitive, shape: Shape::Literal(value) }
    }

    fn part(&self) -> Part {
        (self.ty.clone(), self.shape.clone())
    }
}

pub(super) fn compile(expr: &Expr, relation: &Relation, report: &mut Report) -> Result<Program, Failed> {
    let mut compiler = Compiler {
        relation,
        report,
        scope: Vec::new(),
        items: 0,
        depth: 0,
        sorts: false,
        shared_sorts: 0,
        most_sorts: usize::MAX,
        reads_event: false,
        at: None,
    };
    let typed = compiler.expr(expr)?;
    let Some(ty) = typed.ty else {
        if let Expr::Located(place, _) = expr {
            compiler.at = Some(place.clone());
        }
        let help = "give it a type: `CAST(NULL AS DOUBLE)`";
        return Err(compiler.fail(&codes::NO_TYPE, "a bare `NULL` has no type", help));
    };
    let (sorts, reads_event) = (compiler.sorts, compiler.reads_event);
    let fast = batch::build(&typed.node, relation);
    Ok(Program { node: typed.node, ty, sorts, reads_event, fast })
}

pub(super) fn compile_filter(expr: &Expr, relation: &Relation, report: &mut Report) -> Result<Program, Failed> {
    let program = compile(expr, relation, report)?;
    if program.ty == Type::Boolean {
        return Ok(program);
    }
    let message = format!("a WHERE clause has to be `BOOLEAN`, this one is `{}`", program.ty);
    Err(report.fail(Diagnostic::new(&codes::NO_TYPE, message).help("compare it with something")))
}

struct Compiler<'a> {
    relation: &'a Relation,
    report: &'a mut Report,
    /// The variables of the lambdas around the current place; a variable's slot is its index.
    scope: Vec<(Name, Type)>,
    /// From here on the variables of the innermost lambda are items of what it goes through.
    items: usize,
    depth: usize,
    sorts: bool,
    /// How often an array is sorted that others hold too.
    shared_sorts: usize,
    /// How often that may be: less where a part of such an array is taken, which is a view of it.
    most_sorts: usize,
    reads_event: bool,
    /// Where the expression at hand was read, if it says so.
    at: Option<Place>,
}

impl Compiler<'_> {
    fn fail(&mut self, code: &'static Code, message: impl Into<String>, help: &str) -> Failed {
        let diagnostic = Diagnostic::new(code, message).at_maybe(self.at.clone());
        self.report.fail(if help.is_empty() { diagnostic } else { diagnostic.help(help) })
    }

    fn expr(&mut self, expr: &Expr) -> Result<Typed, Failed> {
        if self.depth >= MAX_DEPTH {
            let message = format!("the expression is nested more than {MAX_DEPTH} levels deep");
            return Err(self.fail(&codes::TOO_DEEP, message, "bind inner parts in an earlier stream"));
        }
        self.depth += 1;
        let result = with_stack(|| self.expr_inside(expr));
        self.depth -= 1;
        result
    }

    /// In Java comparisons, `[]` and `->` repeat the code of their operands, which shows where an array is sorted in
    /// place.
    fn expr_inside(&mut self, expr: &Expr) -> Result<Typed, Failed> {
        let sorts = self.shared_sorts;
        let mut typed = self.expr_once(expr)?;
        if self.shared_sorts > sorts
            && let Expr::Compare(..) | Expr::Between { .. } | Expr::Index(..) | Expr::Field(..) = expr
        {
            typed.node = Node::Twice(Box::new(typed.node));
        }
        Ok(typed)
    }

    fn expr_once(&mut self, expr: &Expr) -> Result<Typed, Failed> {
        match expr {
            Expr::Null => {
                Ok(Typed { node: Node::Constant(Value::Null), ty: None, primitive: false, shape: Shape::Other })
            }
            Expr::Boolean(value) => Ok(Typed::literal(Value::Boolean(*value), Type::Boolean, true)),
            Expr::Integer(value) => Ok(match i32::try_from(*value) {
                Ok(value) => Typed::literal(Value::Integer(value), Type::Integer, true),
                Err(_) => Typed::literal(Value::Bigint(*value), Type::Bigint, true),
            }),
            Expr::Double(value) => Ok(Typed::literal(Value::Double(value.0), Type::Double, true)),
            Expr::Decimal(text) => match Decimal::parse(text) {
                Some(value) => {
                    let ty = of_decimal(&value);
                    Ok(Typed::literal(Value::decimal(value), ty, false))
                }
                None => Err(self.fail(&codes::DOES_NOT_COMPILE, format!("`{text}` is no DECIMAL"), "")),
            },
            Expr::String(text) => Ok(Typed::literal(Value::string(text), Type::String, false)),
            Expr::Column(name) => self.column(name),
            Expr::Qualified(source, name) => {
                if source.as_str() == self.relation.name {
                    self.source_column(name)
                } else {
                    let message = format!(
                        "`{}` is not the name of the source, which is `{}`",
                        source.as_str(),
                        self.relation.name
                    );
                    Err(self.fail(&codes::UNKNOWN_COLUMN, message, "for a field of a STRUCT write `->`"))
                }
            }
            Expr::Field(base, name) => self.field(base, name),
            Expr::Index(base, index) => self.index(base, index),
            Expr::Call(name, arguments) => self.call(name, arguments),
            Expr::Lambda(..) => {
                Err(self.fail(&codes::LAMBDA, "a lambda stands only as an argument of TRANSFORM, REDUCE or FILTER", ""))
            }
            Expr::Array(items) => self.array(items),
            Expr::Map(entries) => self.map(entries),
            Expr::Struct(fields) => self.structure(fields),
            Expr::Case(arms, otherwise) => self.case(arms, otherwise.as_deref()),
            Expr::Cast(value, ty) => self.cast(value, ty),
            Expr::Negate(value) => self.sign(value, '-'),
            Expr::Plus(value) => self.sign(value, '+'),
            Expr::Chain(first, rest) => self.chain(first, rest),
            Expr::And(operands) => self.junction(operands, true),
            Expr::Or(operands) => self.junction(operands, false),
            Expr::Not(operand) => {
                let inner = self.condition(operand, "NOT")?;
                Ok(Typed::primitive(Node::Not(Box::new(inner)), Type::Boolean))
            }
            Expr::Compare(comparison, left, right) => self.compare(*comparison, left, right),
            Expr::Between { value, low, high, negated } => self.between(value, low, high, *negated),
            Expr::In { value, list, negated } => self.in_list(value, list, *negated),
            Expr::Like { value, pattern, escape, negated } => self.like(value, pattern, *escape, *negated),
            Expr::IsNull { value, negated } => self.is_null(value, *negated),
            Expr::Typed(ty, _) => {
                let message = format!("ksqlDB does not read a literal with the type `{ty}` before it");
                Err(self.fail(&codes::DOES_NOT_COMPILE, message, "use CAST"))
            }
            Expr::Unit(_) => {
                Err(self.fail(&codes::WRONG_ARGUMENTS, "a unit of time stands only where a function takes one", ""))
            }
            Expr::Commented(_, inner) => self.expr(inner),
            Expr::Located(place, inner) => {
                let outer = self.at.replace(place.clone());
                let result = self.expr_inside(inner);
                self.at = outer;
                result
            }
        }
    }

    /// Compiles every one of several operands, so that the errors of all are reported.
    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<Vec<Typed>, Failed> {
        let results: Vec<Result<Typed, Failed>> = exprs.into_iter().map(|expr| self.expr(expr)).collect();
        results.into_iter().collect()
    }

    fn column(&mut self, name: &Name) -> Result<Typed, Failed> {
        match self.scope.iter().position(|(known, _)| known == name) {
            Some(slot) => Ok(Typed::new(Node::Variable(slot), self.scope[slot].1.clone())),
            None => self.source_column(name),
        }
    }

    fn source_column(&mut self, name: &Name) -> Result<Typed, Failed> {
        let columns = &self.relation.columns;
        if let Some(index) = columns.iter().position(|column| column.name == name.as_str()) {
            return Ok(Typed::new(Node::Column(index), columns[index].ty.clone()));
        }
        let (pseudo, ty) = match name.as_str() {
            "ROWTIME" => (Pseudo::Rowtime, Type::Bigint),
            "ROWPARTITION" => (Pseudo::Rowpartition, Type::Integer),
            "ROWOFFSET" => (Pseudo::Rowoffset, Type::Bigint),
            other => {
                let message = format!("`{}` has no column `{other}`", self.relation.name);
                let help = messages::nearest(other, columns.iter().map(|column| column.name.as_str()));
                return Err(self.fail(&codes::UNKNOWN_COLUMN, message, &help));
            }
        };
        self.reads_event = true;
        Ok(Typed::new(Node::Pseudo(pseudo), ty))
    }

    fn field(&mut self, base: &Expr, name: &Name) -> Result<Typed, Failed> {
        let base = self.expr(base)?;
        let Some(Type::Struct(fields)) = &base.ty else {
            let message = format!("`->` takes a STRUCT, found {}", messages::ty(base.ty.as_ref()));
            return Err(self.fail(&codes::TYPE_MISMATCH, message, ""));
        };
        match fields.iter().position(|field| field.name == name.as_str()) {
            Some(index) => Ok(Typed::new(Node::Field(Box::new(base.node), index), fields[index].ty.clone())),
            None => {
                let message = format!("the STRUCT has no field `{}`", name.as_str());
                let help = messages::nearest(name.as_str(), fields.iter().map(|field| field.name.as_str()));
                Err(self.fail(&codes::UNKNOWN_COLUMN, message, &help))
            }
        }
    }

    fn index(&mut self, base: &Expr, index: &Expr) -> Result<Typed, Failed> {
        let (base, index) = (self.expr(base), self.expr(index));
        let (base, index) = (base?, index?);
        match base.ty {
            Some(Type::Array(item)) => {
                let castable = match &index.ty {
                    Some(Type::Integer) => true,
                    Some(Type::Bigint | Type::Double) => index.primitive,
                    _ => false,
                };
                if !castable {
                    let message = format!("an index has to be INTEGER, found {}", messages::ty(index.ty.as_ref()));
                    return Err(self.fail(&codes::DOES_NOT_COMPILE, message, "`CAST(… AS INTEGER)`"));
                }
                Ok(Typed::new(Node::Item(Box::new(base.node), Box::new(index.node)), *item))
            }
            Some(Type::Map(_, value)) => Ok(Typed::new(Node::Entry(Box::new(base.node), Box::new(index.node)), *value)),
            other => {
                let message = format!("`[]` takes an ARRAY or a MAP, found {}", messages::ty(other.as_ref()));
                let help = if matches!(other, Some(Type::Struct(_))) { "use `->` for fields" } else { "" };
                Err(self.fail(&codes::TYPE_MISMATCH, message, help))
            }
        }
    }

    fn clash(&mut self, place: &str, clash: Clash) -> Failed {
        match clash {
            Clash::Types(known, other) => {
                let message = format!("the items of {place} have no common type: `{known}` and `{other}`");
                self.fail(&codes::TYPE_MISMATCH, message, "convert one with CAST")
            }
            Clash::Literal(text, ty) => {
                self.fail(&codes::TYPE_MISMATCH, format!("in {place} `{text}` would have to be `{ty}`"), "")
            }
            Clash::TimeLiteral(ty) => {
                let message = format!("ksqlDB cannot compile a text as `{ty}` in {place}");
                self.fail(&codes::DOES_NOT_COMPILE, message, &format!("`CAST('…' AS {ty})`"))
            }
            Clash::NotEvaluated(reason) => self.fail(&codes::NOT_EVALUATED, reason, ""),
        }
    }

    fn array(&mut self, items: &[Expr]) -> Result<Typed, Failed> {
        let items = self.all(items)?;
        let shape = Shape::Array(items.iter().map(Typed::part).collect());
        let (ty, nodes) = unify(items).map_err(|clash| self.clash("an array", clash))?;
        let Some(ty) = ty else {
            let message = "an array needs an item that is not a bare `NULL`";
            return Err(self.fail(&codes::NO_TYPE, message, "give one a type: `CAST(NULL AS DOUBLE)`"));
        };
        let node = Node::Array(nodes.into_iter().map(guarded).collect());
        Ok(Typed { node, ty: Some(Type::Array(Box::new(ty))), primitive: false, shape })
    }

    fn map(&mut self, entries: &[(Expr, Expr)]) -> Result<Typed, Failed> {
        let keys = self.all(entries.iter().map(|(key, _)| key));
        let values = self.all(entries.iter().map(|(_, value)| value));
        let (keys, values) = (keys?, values?);
        let twice = entries.iter().enumerate().find(|(at, (key, _))| entries[..*at].iter().any(|(k, _)| k == key));
        if twice.is_some() {
            return Err(self.fail(&codes::DOES_NOT_COMPILE, "a key of a map is written twice", "remove one entry"));
        }
        let shape = Shape::Map(keys.iter().map(Typed::part).zip(values.iter().map(Typed::part)).collect());
        let (key, keys) = unify(keys).map_err(|clash| self.clash("the keys of a map", clash))?;
        let (value, values) = unify(values).map_err(|clash| self.clash("the values of a map", clash))?;
        let (Some(key), Some(value)) = (key, value) else {
            let message = "a map needs a key and a value that are not bare `NULL`s";
            return Err(self.fail(&codes::NO_TYPE, message, "give one a type: `CAST(NULL AS DOUBLE)`"));
        };
        let pairs = keys.into_iter().map(guarded).zip(values.into_iter().map(guarded));
        let ty = Some(Type::Map(Box::new(key), Box::new(value)));
        Ok(Typed { node: Node::Map(pairs.collect()), ty, primitive: false, shape })
    }

    fn structure(&mut self, fields: &[(Name, Expr)]) -> Result<Typed, Failed> {
        let values = self.all(fields.iter().map(|(_, value)| value))?;
        let (mut types, mut nodes, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for ((name, _), value) in fields.iter().zip(values) {
            let name = name.as_str();
            let Some(ty) = value.ty.clone() else {
                let message = format!("the field `{name}` is a bare `NULL`, which has no type");
                return Err(self.fail(&codes::NO_TYPE, message, "give it a type: `CAST(NULL AS DOUBLE)`"));
            };
            if types.iter().any(|field: &Field| field.name == name) {
                return Err(self.fail(&codes::DOES_NOT_COMPILE, format!("the field `{name}` stands twice"), ""));
            }
            types.push(Field { name: name.to_owned(), ty });
            parts.push((name.to_owned(), value.part()));
            nodes.push(guarded(value.node));
        }
        let ty = Some(Type::Struct(types));
        Ok(Typed { node: Node::Struct(nodes), ty, primitive: false, shape: Shape::Struct(parts) })
    }

    fn case(&mut self, arms: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Result<Typed, Failed> {
        if arms.is_empty() {
            return Err(self.fail(&codes::DOES_NOT_COMPILE, "CASE needs a WHEN", ""));
        }
        let conditions: Vec<_> = arms.iter().map(|(condition, _)| self.condition(condition, "WHEN")).collect();
        let values: Vec<_> = arms.iter().map(|(_, value)| self.expr(value)).collect();
        let otherwise = otherwise.map(|value| self.expr(value)).transpose();
        let conditions = conditions.into_iter().collect::<Result<Vec<_>, _>>()?;
        let values = values.into_iter().collect::<Result<Vec<_>, _>>()?;
        let otherwise = otherwise?;

        let mut known: Option<Type> = None;
        for ty in values.iter().chain(&otherwise).filter_map(|value| value.ty.as_ref()) {
            match &known {
                None => known = Some(ty.clone()),
                Some(known) if known == ty => {}
                Some(known) => {
                    let message = format!("the branches of CASE have different types: `{known}` and `{ty}`");
                    let help = messages::align(known, ty);
                    return Err(self.fail(&codes::TYPE_MISMATCH, message, &help));
                }
            }
        }
        let Some(ty) = known else {
            let message = "all branches of CASE are `NULL`, so that it has no type";
            return Err(self.fail(&codes::NO_TYPE, message, "give one a type: `CAST(NULL AS DOUBLE)`"));
        };
        let arms = conditions.into_iter().zip(values.into_iter().map(|value| value.node)).collect();
        Ok(Typed::new(Node::Case(arms, otherwise.map(|value| Box::new(value.node))), ty))
    }

    fn cast(&mut self, value: &Expr, to: &Type) -> Result<Typed, Failed> {
        let is_like = self.is_like(value);
        let inner = self.expr(value)?;
        let valid = messages::invalid_decimal(to);
        if let Some(message) = valid {
            return Err(self.fail(&codes::TYPE_MISMATCH, message, ""));
        }
        if is_like {
            return Err(self.fail_like());
        }
        let conversion = match &inner.ty {
            None => Conversion::Null(to.clone()),
            Some(from) => match Conversion::between(from, to) {
                Ok(conversion) => conversion,
                Err(NoConversion::NotEvaluated(reason)) => {
                    return Err(self.fail(
                        &codes::NOT_EVALUATED,
                        format!("cannot CAST `{from}` to `{to}`: {reason}"),
                        "",
                    ));
                }
                Err(NoConversion::Unsupported) => {
                    let message = format!("ksqlDB has no CAST from `{from}` to `{to}`");
                    let help = match from {
                        Type::Boolean => "`CASE WHEN … = TRUE THEN 1E0 ELSE 0E0 END`",
                        _ if *to == Type::Boolean => "compare it with something",
                        _ => "",
                    };
                    return Err(self.fail(&codes::TYPE_MISMATCH, message, help));
                }
            },
        };
        Ok(Typed::new(Node::Cast(Box::new(inner.node), conversion), to.clone()))
    }
}

/// The expression without its comments.
fn peel(expr: &Expr) -> &Expr {
    match expr {
        Expr::Commented(_, inner) | Expr::Located(_, inner) => peel(inner),
        other => other,
    }
}

/// ksqlDB guards an argument that is a call or `->`.
fn argument_node(node: Node, expr: &Expr) -> Node {
    if matches!(peel(expr), Expr::Call(..) | Expr::Field(..)) { guarded(node) } else { node }
}

/// NULL instead of an exception, where one is possible.
fn guarded(node: Node) -> Node {
    match node {
        Node::Constant(_) | Node::Column(_) | Node::Pseudo(_) | Node::Variable(_) => node,
        Node::Guard(_) | Node::Cast(..) => node,
        other => Node::Guard(Box::new(other)),
    }
}
