//! The statement around the items.

use super::condition::group;
use crate::bind::{Bindings, Form};
use crate::score::Score;
use crate::sql::ast;
use crate::sql::dialect::Dialect;
use crate::sql::plan::Plan;
use crate::sql::plan::layout::Sizes;

/// The whole statement, or `None` where only the items are wanted.
pub fn statement(
    plan: &Plan,
    items: Vec<ast::Item>,
    score: &Score,
    bindings: &Bindings,
    dialect: &dyn Dialect,
) -> Option<ast::Commented> {
    let shape = &plan.shape;
    let from = shape.from.clone()?;
    let required = score.required.iter().map(|&input| ast::Expr::IsNull {
        value: Box::new(bindings.inputs[input as usize].expr.clone()),
        negated: true,
    });
    let mut conditions: Vec<ast::Expr> = Vec::new();
    for condition in shape.filter.iter().cloned().chain(required) {
        match condition {
            ast::Expr::And(list) => conditions.extend(list),
            other => conditions.push(other),
        }
    }
    let filter = match conditions.len() {
        0 => None,
        1 => conditions.pop(),
        _ => Some(group(ast::Expr::And(conditions), Sizes::of(&dialect.limits()).conditions)),
    };
    let query = ast::Query {
        items: shape.kept.iter().cloned().chain(items).collect(),
        from,
        from_alias: shape.alias.clone(),
        filter,
        partition_by: shape.partition_by.clone(),
        emit: Some(ast::Emit::Changes),
        limit: None,
    };
    let statement = match shape.form {
        Form::Expression => return None,
        Form::Select => ast::Statement::Select(query),
        Form::Create(kind) => ast::Statement::CreateAs {
            or_replace: shape.or_replace,
            kind,
            if_not_exists: false,
            name: shape.into.clone()?,
            with: shape.with.clone(),
            query,
        },
        Form::Insert => ast::Statement::InsertInto { name: shape.into.clone()?, with: shape.with.clone(), query },
    };
    Some(ast::Commented { comments: shape.comments.clone(), statement })
}
