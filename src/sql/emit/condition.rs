//! CASE, and the junctions that it asks.

use super::{Emitter, Spelled, exact};
use crate::schema::Type;
use crate::score::{Comparison, Const, Expr, Id, Score};
use crate::sql::ast;
use crate::sql::plan::guards::Tests;
use crate::sql::plan::layout::Sizes;

impl Emitter<'_> {
    /// A disjunction; equalities of one text with constants become IN.
    pub(super) fn or(&mut self, list: &[Id]) -> Spelled {
        let mut conditions: Vec<ast::Expr> = Vec::with_capacity(list.len());
        let mut group: Option<(Id, Vec<ast::Expr>)> = None;
        for &item in list {
            match self.score.expr(item) {
                Expr::Compare(Comparison::Equal, a, b)
                    if self.score.ty(*a) == &Type::String && self.score.constant(*b).is_some() =>
                {
                    let ast::Expr::Compare(_, subject, constant) = self.take(item).expr else { continue };
                    match &mut group {
                        Some((of, constants)) if of == a => constants.push(*constant),
                        _ => {
                            flush(&mut group, &mut conditions);
                            group = Some((*a, vec![*subject, *constant]));
                        }
                    }
                }
                _ => {
                    flush(&mut group, &mut conditions);
                    conditions.push(self.take(item).expr);
                }
            }
        }
        flush(&mut group, &mut conditions);
        let expr = match conditions.len() {
            1 => conditions.remove(0),
            _ => ast::Expr::Or(conditions),
        };
        Spelled { expr, ty: Some(Type::Boolean) }
    }

    pub(super) fn case(&mut self, id: Id, arms: &[(Id, Id)], otherwise: Id) -> Spelled {
        let ty = self.score.ty(id).clone();
        let is_null = |score: &Score, id: Id| matches!(score.constant(id), Some(Const::Null(_)));
        // BIGINT constants are INTEGER literals if they are small: then the CASE is INTEGER, and cast as a whole by its user
        let values: Vec<Id> = arms.iter().map(|&(_, value)| value).chain([otherwise]).collect();
        let small = ty == Type::Bigint
            && values.iter().all(|&value| match self.score.constant(value) {
                Some(Const::Bigint(value)) => i32::try_from(*value).is_ok(),
                Some(Const::Null(_)) => true,
                _ => false,
            });
        let ty = if small { Type::Integer } else { ty };
        let value = |emitter: &mut Self, id: Id| {
            let spelled = emitter.take(id);
            if is_null(emitter.score, id) { ast::Expr::Null } else { exact(spelled, &ty) }
        };
        let mut list = Vec::with_capacity(arms.len());
        for (index, &(condition, result)) in arms.iter().enumerate() {
            let spelled = self.take(condition).expr;
            let result = value(self, result);
            let condition = match self.item.implied.of(id).filter(|_| index == 0) {
                Some(tests) => self.remaining(condition, spelled, tests),
                None => Some(spelled),
            };
            if let Some(condition) = condition {
                list.push((self.grouped(condition), result));
            }
        }
        let end = value(self, otherwise);
        if list.is_empty() {
            return Spelled { expr: end, ty: Some(ty) };
        }
        let end = if is_null(self.score, otherwise) { None } else { Some(Box::new(end)) };
        Spelled { expr: ast::Expr::Case(list, end), ty: Some(ty) }
    }

    /// A condition, in groups if it is a junction of many.
    pub(super) fn grouped(&self, condition: ast::Expr) -> ast::Expr {
        group(condition, Sizes::of(&self.dialect.limits()).conditions)
    }

    /// The condition with only the tests that are needed; `None` if nothing is left of it.
    pub(super) fn remaining(&mut self, condition: Id, spelled: ast::Expr, tests: &Tests) -> Option<ast::Expr> {
        let kept = |id: &Id| !matches!(self.score.expr(*id), Expr::IsNull(inner) if tests.dropped.contains(inner));
        let mut rest: Vec<ast::Expr> = match (self.score.expr(condition), spelled) {
            (Expr::Or(list), ast::Expr::Or(conditions)) if list.len() == conditions.len() => {
                list.iter().zip(conditions).filter(|(id, _)| kept(id)).map(|(_, condition)| condition).collect()
            }
            (_, spelled) if kept(&condition) => vec![spelled],
            _ => Vec::new(),
        };
        for &value in &tests.added {
            rest.push(ast::Expr::IsNull { value: Box::new(self.take(value).expr), negated: false });
        }
        match rest.len() {
            0 | 1 => rest.pop(),
            _ => Some(ast::Expr::Or(rest)),
        }
    }
}

/// A condition of a CASE or of WHERE: if it is a junction of many, in groups of groups, so that an engine does not nest
/// them deep.
pub(super) fn group(condition: ast::Expr, most: usize) -> ast::Expr {
    let (all, mut list) = match condition {
        ast::Expr::And(list) => (true, list),
        ast::Expr::Or(list) => (false, list),
        other => return other,
    };
    while list.len() > most {
        let mut rest = list.into_iter();
        let mut grouped: Vec<ast::Expr> = rest.by_ref().take(most / 2).collect();
        let mut rest = rest.peekable();
        while rest.peek().is_some() {
            grouped.push(join(all, rest.by_ref().take(most).collect()));
        }
        list = grouped;
    }
    join(all, list)
}

/// The conditions as one; a first one that is such a junction itself needs no parentheses, so it is continued.
fn join(all: bool, mut list: Vec<ast::Expr>) -> ast::Expr {
    if list.len() == 1 {
        return list.remove(0);
    }
    let mut joined = Vec::with_capacity(list.len());
    for (index, condition) in list.into_iter().enumerate() {
        match condition {
            ast::Expr::And(inner) if all && index == 0 => joined.extend(inner),
            ast::Expr::Or(inner) if !all && index == 0 => joined.extend(inner),
            other => joined.push(other),
        }
    }
    if all { ast::Expr::And(joined) } else { ast::Expr::Or(joined) }
}

/// Ends a run of equalities: `subject = a`, or `subject IN (a, b)`.
fn flush(group: &mut Option<(Id, Vec<ast::Expr>)>, conditions: &mut Vec<ast::Expr>) {
    let Some((_, mut list)) = group.take() else { return };
    let subject = Box::new(list.remove(0));
    conditions.push(match list.len() {
        1 => ast::Expr::Compare(ast::Comparison::Equal, subject, Box::new(list.remove(0))),
        _ => ast::Expr::In { value: subject, list, negated: false },
    });
}
