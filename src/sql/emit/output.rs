//! An output: what reads the bound values, inside of what binds them, and what it makes of several roots.

use super::names::Names;
use super::{Emitter, exact, spell_constant};
use crate::schema::Type;
use crate::score::{Const, Expr, Form, Id, Output};
use crate::sql::ast;

impl Emitter<'_> {
    /// The expression of an output, the outermost binding last. A test for what is missing stands outside of them where
    /// the plan says so.
    pub(super) fn output(&mut self, output: &Output) -> ast::Expr {
        let ty = self.score.output_type(output);
        let item = self.item;
        let levels = &item.lets.levels;
        let values: Vec<Vec<ast::Expr>> =
            levels.iter().map(|level| level.iter().map(|&value| self.below(value)).collect()).collect();
        let (guard, mut expr) = match output.form {
            Form::Scalar => self.scalar(output.roots[0], &ty),
            _ => self.several(output),
        };
        for (level, values) in values.into_iter().enumerate().rev() {
            expr = self.names.bind(level, values, expr, &ty);
        }
        match guard {
            Some(guard) => {
                let null = spell_constant(&Const::Null(ty)).expr;
                ast::Expr::Case(vec![(guard, null)], Some(Box::new(expr)))
            }
            None => expr,
        }
    }

    /// The root, and its first arm apart if that is to stand outside.
    fn scalar(&mut self, root: Id, ty: &Type) -> (Option<ast::Expr>, ast::Expr) {
        let Expr::Case(arms, otherwise) = self.score.expr(root) else { return (None, self.below(root)) };
        if !self.item.guarded {
            return (None, self.below(root));
        }
        let guard = self.below(arms[0].condition);
        let guard = self.grouped(guard);
        let rest: Vec<(Id, Id)> = arms[1..].iter().map(|arm| (arm.condition, arm.value)).collect();
        let parts = rest.iter().flat_map(|&(condition, value)| [condition, value]).chain([*otherwise]);
        self.count_unbound(parts);
        let inner = match rest.is_empty() {
            true => self.take(*otherwise),
            false => self.case(root, &rest, *otherwise),
        };
        (Some(guard), exact(inner, ty))
    }

    /// An array or a map of the roots, or what is made of such an array; the test for what is missing apart if it is to
    /// stand outside.
    fn several(&mut self, output: &Output) -> (Option<ast::Expr>, ast::Expr) {
        self.count_unbound(output.roots.iter().copied());
        let roots: Vec<ast::Expr> = output.roots.iter().map(|&root| self.exact(root)).collect();
        let expr = match &output.form {
            Form::Scalar | Form::Array => ast::Expr::Array(roots),
            Form::Map(keys) => {
                let keys = keys.iter().map(|key| ast::Expr::String(key.clone()));
                ast::Expr::Map(keys.zip(roots).collect())
            }
            Form::Top { names, .. } if names.len() == 1 => ast::Expr::Array(vec![ast::Expr::String(names[0].clone())]),
            Form::Top { names, count } => top(self.names, self.item.lets.levels.len(), roots, names, *count),
        };
        let Some(missing) = output.missing.filter(|&missing| self.score.constant(missing).is_none()) else {
            return (None, expr);
        };
        let condition = self.below(missing);
        if self.item.guarded {
            return (Some(self.grouped(condition)), expr);
        }
        let condition = match self.item.implied.of(missing) {
            Some(tests) => self.remaining(missing, condition, tests),
            None => Some(condition),
        };
        match condition {
            Some(condition) => {
                (None, ast::Expr::Case(vec![(self.grouped(condition), ast::Expr::Null)], Some(Box::new(expr))))
            }
            None => (None, expr),
        }
    }
}

/// The names of the largest of some values. The values are bound to an array; positions are chosen one after the other, each
/// that of the largest value whose position is not chosen yet.
fn top(names: &Names, level: usize, values: Vec<ast::Expr>, texts: &[String], count: usize) -> ast::Expr {
    let call = |name: &str, arguments| ast::Expr::call(name, arguments);
    let integer = |value: usize| ast::Expr::Integer(value as i64);
    let variable = |letter| names.variable(letter, level);
    let read = |letter| ast::Expr::Column(variable(letter));
    let lambda = |letters: &[char], body| {
        ast::Expr::Lambda(letters.iter().map(|&letter| variable(letter)).collect(), Box::new(body))
    };
    let value = |position| ast::Expr::Index(Box::new(read('V')), Box::new(read(position)));
    let compare = |comparison, a, b| ast::Expr::Compare(comparison, Box::new(a), Box::new(b));
    let better = ast::Expr::Case(
        vec![
            (call("ARRAY_CONTAINS", vec![read('P'), read('I')]), read('B')),
            (compare(ast::Comparison::Equal, read('B'), integer(0)), read('I')),
            (compare(ast::Comparison::Greater, value('I'), value('B')), read('I')),
        ],
        Some(Box::new(read('B'))),
    );
    let series = |last| call("GENERATE_SERIES", vec![integer(1), integer(last)]);
    let best = call("REDUCE", vec![series(texts.len()), integer(0), lambda(&['B', 'I'], better)]);
    let more = call("ARRAY_CONCAT", vec![read('P'), ast::Expr::Array(vec![best])]);
    // an array has to have an element: a position that is none, taken away at the end
    let start = ast::Expr::Array(vec![integer(0)]);
    let positions = call("REDUCE", vec![series(count), start, lambda(&['P', 'K'], more)]);
    let positions = call("SLICE", vec![positions, integer(2), integer(count + 1)]);
    let texts = texts.iter().map(|text| ast::Expr::String(text.clone()));
    let name = call("ELT", std::iter::once(read('J')).chain(texts).collect());
    let body = call("TRANSFORM", vec![positions, lambda(&['J'], name)]);
    let ty = Type::Array(Box::new(Type::String));
    names.bind_to('V', level, ast::Expr::Array(values), body, &ty)
}
