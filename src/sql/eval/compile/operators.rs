//! Operators: signs, arithmetic, comparisons, conditions.

use super::super::compare::Comparator;
use super::super::lists::{Shape, unify};
use super::super::messages;
use super::super::run::{Arithmetic, Node};
use super::super::types::{arithmetic, comparable};
use super::{Compiler, Typed, peel};
use crate::diag::Failed;
use crate::diag::codes::eval as codes;
use crate::schema::Type;
use crate::sql::ast::{Comparison, Expr, Operator};

impl Compiler<'_> {
    pub(super) fn sign(&mut self, value: &Expr, sign: char) -> Result<Typed, Failed> {
        let inner = self.expr(value)?;
        let kind = inner.ty.as_ref().filter(|ty| ty.is_numeric()).and_then(arithmetic_of);
        let (Some(kind), Some(ty)) = (kind, inner.ty.clone()) else {
            let message = format!("`{sign}` takes a number, found {}", messages::ty(inner.ty.as_ref()));
            return Err(self.fail(&codes::TYPE_MISMATCH, message, ""));
        };
        if kind_is_java_sign(kind) && sign == '+' && matches!(peel(value), Expr::Plus(_)) {
            let message = "two `+` signs in a row are an increment in Java, which does not compile";
            return Err(self.fail(&codes::DOES_NOT_COMPILE, message, "leave the signs out"));
        }
        if sign == '-' && is_smallest(value) {
            let message = "ksqlDB cannot compile the negation of the smallest integer";
            return Err(self.fail(&codes::DOES_NOT_COMPILE, message, "write it as a DOUBLE or a DECIMAL"));
        }
        let boxed = Box::new(inner.node);
        let node = if sign == '-' { Node::Negate(boxed, kind) } else { Node::Plus(boxed, kind) };
        let primitive = !matches!(ty, Type::Decimal(..));
        Ok(Typed { primitive, ..Typed::new(node, ty) })
    }

    pub(super) fn chain(&mut self, first: &Expr, rest: &[(Operator, Expr)]) -> Result<Typed, Failed> {
        if rest.iter().any(|(operator, _)| *operator == Operator::Concat) {
            return self.concat(first, rest);
        }
        let operands = self.all(std::iter::once(first).chain(rest.iter().map(|(_, operand)| operand)))?;
        let mut operands = operands.into_iter();
        let Some(start) = operands.next() else {
            return self.expr(first);
        };
        let mut known = start.ty;
        let mut steps = Vec::with_capacity(rest.len());
        for ((operator, _), operand) in rest.iter().zip(operands) {
            let (Some(left), Some(right)) = (&known, &operand.ty) else {
                let message = format!("`{}` has a bare `NULL` as operand", operator.symbol());
                return Err(self.fail(&codes::TYPE_MISMATCH, message, "give it a type: `CAST(NULL AS DOUBLE)`"));
            };
            let ty = arithmetic(*operator, left, right);
            let (Some(ty), Some(kind)) = (&ty, ty.as_ref().and_then(arithmetic_of)) else {
                let message = format!("`{}` takes numbers, found `{left}` and `{right}`", operator.symbol());
                let help = messages::for_operands(left, right);
                return Err(self.fail(&codes::TYPE_MISMATCH, message, help));
            };
            steps.push((*operator, kind, operand.node));
            known = Some(ty.clone());
        }
        let primitive = !matches!(known, Some(Type::Decimal(..) | Type::String));
        let node = Node::Chain(Box::new(start.node), steps);
        Ok(Typed { node, ty: known, primitive, shape: Shape::Other })
    }

    /// ksqlDB reads `a || b` as a call of `concat`, and then knows only a function with capital letters.
    fn concat(&mut self, first: &Expr, rest: &[(Operator, Expr)]) -> Result<Typed, Failed> {
        self.all(std::iter::once(first).chain(rest.iter().map(|(_, operand)| operand)))?;
        Err(self.fail(&codes::DOES_NOT_COMPILE, "ksqlDB cannot compile `||`", "write `CONCAT(…, …)`"))
    }

    /// AND, or OR. What stands before a constant that decides is evaluated for its exceptions only: the Java compiler
    /// drops its value, so that a NULL there does no harm.
    pub(super) fn junction(&mut self, operands: &[Expr], is_and: bool) -> Result<Typed, Failed> {
        let place = if is_and { "AND" } else { "OR" };
        let results: Vec<_> = operands.iter().map(|operand| self.condition(operand, place)).collect();
        let of = |nodes| if is_and { Node::And(nodes) } else { Node::Or(nodes) };
        let mut known = None;
        let mut nodes: Vec<Node> = Vec::with_capacity(operands.len());
        for (at, (operand, node)) in
            operands.iter().zip(results.into_iter().collect::<Result<Vec<_>, _>>()?).enumerate()
        {
            let value = constant(operand);
            if at == 0 {
                known = value;
            } else if known.is_none() && value == Some(!is_and) {
                let before = std::mem::take(&mut nodes);
                let before = if at == 1 { before.into_iter().next() } else { Some(of(before)) };
                nodes.extend(before.map(|before| Node::Dropped(Box::new(before), is_and)));
            } else if known == Some(is_and) {
                known = value;
            }
            nodes.push(node);
        }
        Ok(Typed::primitive(of(nodes), Type::Boolean))
    }

    pub(super) fn condition(&mut self, operand: &Expr, place: &str) -> Result<Node, Failed> {
        let typed = self.expr(operand)?;
        if typed.ty == Some(Type::Boolean) {
            return Ok(typed.node);
        }
        let message = format!("{place} takes a `BOOLEAN`, found {}", messages::ty(typed.ty.as_ref()));
        Err(self.fail(&codes::TYPE_MISMATCH, message, "compare it with something"))
    }

    /// LIKE is a text to the translator, which then writes Java that does not compile.
    pub(super) fn is_like(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Like { negated, .. } => !negated,
            Expr::Commented(_, inner) | Expr::Located(_, inner) => self.is_like(inner),
            _ => false,
        }
    }

    pub(super) fn fail_like(&mut self) -> Failed {
        let message = "ksqlDB cannot compile a comparison that begins with LIKE, nor a CAST of it";
        self.fail(&codes::DOES_NOT_COMPILE, message, "`CASE WHEN … LIKE … THEN TRUE ELSE FALSE END`")
    }

    pub(super) fn compare(&mut self, comparison: Comparison, left: &Expr, right: &Expr) -> Result<Typed, Failed> {
        let like = self.is_like(left);
        let (left, right) = (self.expr(left), self.expr(right));
        let (left, right) = (left?, right?);
        if like {
            return Err(self.fail_like());
        }
        let comparator = self.comparator(comparison, left.ty.as_ref(), right.ty.as_ref())?;
        let (left, right) = (Box::new(left.node), Box::new(right.node));
        let node = match comparison {
            Comparison::NotDistinct => {
                Node::Not(Box::new(Node::Compare(Comparison::Distinct, comparator, left, right)))
            }
            _ => Node::Compare(comparison, comparator, left, right),
        };
        Ok(Typed::primitive(node, Type::Boolean))
    }

    pub(super) fn comparator(
        &mut self,
        comparison: Comparison,
        left: Option<&Type>,
        right: Option<&Type>,
    ) -> Result<Comparator, Failed> {
        let (Some(left), Some(right)) = (left, right) else {
            let message = format!("`{}` cannot compare with a bare `NULL`", comparison.symbol());
            return Err(self.fail(&codes::TYPE_MISMATCH, message, "use IS NULL or IS NOT NULL"));
        };
        if comparable(comparison, left, right) {
            return Ok(Comparator::of(left, right));
        }
        let message = format!("`{}` cannot compare `{left}` with `{right}`", comparison.symbol());
        Err(self.fail(&codes::TYPE_MISMATCH, message, messages::for_operands(left, right)))
    }

    pub(super) fn between(&mut self, value: &Expr, low: &Expr, high: &Expr, negated: bool) -> Result<Typed, Failed> {
        let operands = self.all([value, low, high])?;
        if calls(value) {
            let message = "ksqlDB cannot compile BETWEEN with a call of a function as its value";
            return Err(self.fail(&codes::DOES_NOT_COMPILE, message, "write `… >= low AND … <= high`"));
        }
        let Ok([value, low, high]) = <[Typed; 3]>::try_from(operands) else {
            return Err(self.fail(&codes::DOES_NOT_COMPILE, "BETWEEN takes three operands", ""));
        };
        let to_low = self.comparator(Comparison::GreaterOrEqual, value.ty.as_ref(), low.ty.as_ref())?;
        let to_high = self.comparator(Comparison::LessOrEqual, value.ty.as_ref(), high.ty.as_ref())?;
        let node = Node::Between {
            value: Box::new(value.node),
            low: (to_low, Box::new(low.node)),
            high: (to_high, Box::new(high.node)),
        };
        Ok(Typed::primitive(negate_if(negated, node), Type::Boolean))
    }

    pub(super) fn in_list(&mut self, value: &Expr, list: &[Expr], negated: bool) -> Result<Typed, Failed> {
        // a bare NULL in the list can never match and is left out
        let items = list.iter().filter(|item| !matches!(peel(item), Expr::Null));
        let items = self.all(std::iter::once(value).chain(items))?;
        let (_, nodes) = unify(items).map_err(|clash| self.clash("IN", clash))?;
        let mut nodes = nodes.into_iter();
        let Some(value) = nodes.next() else {
            return self.expr(value);
        };
        let node = Node::In(Box::new(value), nodes.collect());
        Ok(Typed::primitive(negate_if(negated, node), Type::Boolean))
    }

    pub(super) fn like(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        escape: Option<char>,
        negated: bool,
    ) -> Result<Typed, Failed> {
        let (value, pattern) = (self.expr(value), self.expr(pattern));
        let (value, pattern) = (value?, pattern?);
        if value.ty != Some(Type::String) || pattern.ty != Some(Type::String) {
            let (value, pattern) = (messages::ty(value.ty.as_ref()), messages::ty(pattern.ty.as_ref()));
            let message = format!("LIKE takes texts, found {value} and {pattern}");
            return Err(self.fail(&codes::TYPE_MISMATCH, message, ""));
        }
        if matches!(escape, Some('\'' | '\\' | '\n' | '\r')) {
            let message = "ksqlDB cannot compile this escape character";
            return Err(self.fail(&codes::DOES_NOT_COMPILE, message, "use another one"));
        }
        let node = Node::Like(Box::new(value.node), Box::new(pattern.node), escape);
        Ok(Typed::primitive(negate_if(negated, node), Type::Boolean))
    }

    pub(super) fn is_null(&mut self, value: &Expr, negated: bool) -> Result<Typed, Failed> {
        let inner = self.expr(value)?;
        if inner.primitive {
            let ty = inner.ty.unwrap_or(Type::Double);
            let message = format!("ksqlDB cannot test this `{ty}` for NULL: in Java it is a primitive value");
            return Err(self.fail(&codes::DOES_NOT_COMPILE, message, &messages::null_test(&ty)));
        }
        Ok(Typed::primitive(negate_if(negated, Node::IsNull(Box::new(inner.node))), Type::Boolean))
    }
}

/// The value of a condition that the Java compiler takes for a constant.
fn constant(condition: &Expr) -> Option<bool> {
    match peel(condition) {
        Expr::Boolean(value) => Some(*value),
        Expr::Not(inner) => constant(inner).map(|value| !value),
        Expr::And(operands) => constant_junction(operands, true),
        Expr::Or(operands) => constant_junction(operands, false),
        Expr::IsNull { value, negated } if matches!(peel(value), Expr::String(_)) => Some(*negated),
        _ => None,
    }
}

/// From the left: an operand that is no constant ends it, unless the ones before decide.
fn constant_junction(operands: &[Expr], is_and: bool) -> Option<bool> {
    operands.iter().try_fold(is_and, |known, operand| if known == is_and { constant(operand) } else { Some(known) })
}

/// Whether the literal, behind signs, is the smallest INTEGER or BIGINT: Java reads it only directly behind its minus.
fn is_smallest(expr: &Expr) -> bool {
    match peel(expr) {
        Expr::Integer(value) => *value == i64::from(i32::MIN) || *value == i64::MIN,
        Expr::Plus(inner) | Expr::Negate(inner) => is_smallest(inner),
        _ => false,
    }
}

/// Whether a sign before such a number is Java's own; DECIMALs have methods.
fn kind_is_java_sign(kind: Arithmetic) -> bool {
    !matches!(kind, Arithmetic::Decimal(..))
}

/// Whether a function is called anywhere in the expression.
fn calls(expr: &Expr) -> bool {
    let mut found = matches!(expr, Expr::Call(..));
    expr.for_each_child(|child| found = found || calls(child));
    found
}

fn negate_if(negated: bool, node: Node) -> Node {
    if negated { Node::Not(Box::new(node)) } else { node }
}

fn arithmetic_of(ty: &Type) -> Option<Arithmetic> {
    Some(match ty {
        Type::Integer => Arithmetic::Integer,
        Type::Bigint => Arithmetic::Bigint,
        Type::Double => Arithmetic::Double,
        Type::Decimal(precision, scale) => Arithmetic::Decimal(*precision, *scale),
        Type::String => Arithmetic::Text,
        _ => return None,
    })
}
