//! From a plan to the syntax tree: shapes of expressions and statements, and casts where ksqlDB wants equal types.
//!
//! Expressions are emitted in a loop over the arena, operands first. Each emitted operand carries its SQL type as far as it is
//! known, since a column's type may be unknown: a number that stands beside a DOUBLE in arithmetic is converted by the
//! engine; where nothing converts it (CASE, COALESCE, functions that keep their argument's type, a result column,
//! arithmetic among such columns alone) it is cast.

mod names;

use super::ast::{self, Operator};
use super::dialect::{Dialect, Spelling};
use super::plan::guards::Tests;
use super::plan::layout::Layout;
use super::plan::{Item, Plan};
use crate::bind::{Bindings, Form};
use crate::schema::Type;
use crate::score::{Comparison, Const, Expr, Function, Id, Score, Term};
use names::Names;

/// An emitted operand.
#[derive(Clone)]
struct Spelled {
    expr: ast::Expr,
    /// `None`: numeric, unknown.
    ty: Option<Type>,
}

struct Emitter<'a> {
    score: &'a Score,
    bindings: &'a Bindings,
    dialect: &'a dyn Dialect,
    /// The item that is being emitted.
    item: &'a Item,
    names: &'a Names,
    /// Emitted expressions of the current root that are still to be used.
    done: &'a mut [Option<Spelled>],
    /// How often each is still to be used.
    uses: &'a mut [u32],
}

/// The SELECT items of the outputs.
pub fn items(plan: &Plan, score: &Score, bindings: &Bindings, dialect: &dyn Dialect) -> Vec<ast::Item> {
    let names = Names::beside(bindings);
    let mut done = vec![None; score.len()];
    let mut uses = vec![0; score.len()];
    plan.items
        .iter()
        .map(|item| {
            let output = &score.outputs[item.output];
            let mut emitter =
                Emitter { score, bindings, dialect, item, names: &names, done: &mut done, uses: &mut uses };
            ast::Item::Expr {
                comments: Vec::new(),
                expr: emitter.output(output.root),
                alias: Some(ast::Name::new(output.name.clone())),
            }
        })
        .collect()
}

/// The whole statement, or `None` where only the items are wanted.
pub fn statement(plan: &Plan, items: Vec<ast::Item>, score: &Score, bindings: &Bindings) -> Option<ast::Commented> {
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
        _ => Some(group(ast::Expr::And(conditions))),
    };
    let query = ast::Query {
        items: shape.kept.iter().cloned().chain(items).collect(),
        from,
        from_alias: None,
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

impl Emitter<'_> {
    /// The expression of an output: what reads the bound values, inside of what binds them, outermost last.
    fn output(&mut self, root: Id) -> ast::Expr {
        let ty = self.score.ty(root).clone();
        let levels = &self.item.lets.levels;
        let values: Vec<Vec<ast::Expr>> =
            levels.iter().map(|level| level.iter().map(|&value| self.below(value)).collect()).collect();
        let (guard, mut expr) = match self.score.expr(root) {
            Expr::Case(arms, otherwise) if self.item.guarded => {
                let guard = group(self.below(arms[0].condition));
                let rest: Vec<(Id, Id)> = arms[1..].iter().map(|arm| (arm.condition, arm.value)).collect();
                let parts = rest.iter().flat_map(|&(condition, value)| [condition, value]).chain([*otherwise]);
                let parts: Vec<Id> = parts.filter(|&part| !self.item.lets.binds(part)).collect();
                self.count(&parts);
                let inner = match rest.is_empty() {
                    true => self.take(*otherwise),
                    false => self.case(root, &rest, *otherwise),
                };
                (Some(guard), exact(inner, &ty))
            }
            _ => (None, self.below(root)),
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

    /// Emits everything below an expression, operands first, and casts the result to its type.
    fn below(&mut self, root: Id) -> ast::Expr {
        self.count(&[root]);
        let ty = self.score.ty(root).clone();
        let slot = self.done[root.index()].take();
        self.uses[root.index()] = 0;
        exact(slot.unwrap_or(Spelled { expr: ast::Expr::Null, ty: None }), &ty)
    }

    /// Emits everything below these expressions, for one use of each; bound values are names below them.
    fn count(&mut self, roots: &[Id]) {
        let mut reachable = Vec::new();
        for &root in roots {
            if self.uses[root.index()] == 0 {
                reachable.push(root);
            }
            self.uses[root.index()] += 1;
        }
        let mut next = 0;
        while next < reachable.len() {
            let id = reachable[next];
            next += 1;
            self.score.expr(id).operands(|operand| {
                if self.item.lets.binds(operand) {
                    return;
                }
                if self.uses[operand.index()] == 0 {
                    reachable.push(operand);
                }
                self.uses[operand.index()] += 1;
            });
        }
        reachable.sort_unstable();
        for id in reachable {
            let spelled = self.spell(id);
            self.done[id.index()] = Some(spelled);
        }
    }

    /// An emitted operand; the last use moves it. A bound value is its name.
    fn take(&mut self, id: Id) -> Spelled {
        if let Some((level, position)) = self.item.lets.place(id) {
            let alone = self.item.lets.levels[level].len() == 1;
            return Spelled { expr: self.names.value(level, position, alone), ty: Some(Type::Double) };
        }
        let uses = &mut self.uses[id.index()];
        *uses = uses.saturating_sub(1);
        let slot = &mut self.done[id.index()];
        let taken = if *uses == 0 { slot.take() } else { slot.clone() };
        // operands stand before their users, so it is there
        taken.unwrap_or(Spelled { expr: ast::Expr::Null, ty: None })
    }

    fn exact(&mut self, id: Id) -> ast::Expr {
        let ty = self.score.ty(id).clone();
        exact(self.take(id), &ty)
    }

    fn spell(&mut self, id: Id) -> Spelled {
        let ty = self.score.ty(id).clone();
        let boolean = |expr| Spelled { expr, ty: Some(Type::Boolean) };
        match self.score.expr(id) {
            Expr::Const(constant) => spell_constant(constant),
            Expr::Input(number) => {
                let binding = &self.bindings.inputs[*number as usize];
                let known = match ty {
                    Type::String | Type::Boolean => Some(ty),
                    _ => None,
                };
                Spelled { expr: binding.expr.clone(), ty: binding.ty.clone().or(known) }
            }
            Expr::Sum(terms) => self.sum(id, terms),
            Expr::Product(factors) => {
                let mut chain: Option<Spelled> = None;
                for &factor in factors {
                    let factor = self.take(factor);
                    chain = Some(arithmetic(chain, Operator::Multiply, factor));
                }
                chain.unwrap_or(Spelled { expr: ast::Expr::double(1.0), ty: Some(Type::Double) })
            }
            Expr::Call(function, arguments) => self.call(*function, arguments, ty),
            // the test for NaN: nothing is computed, so the type does not matter
            Expr::Compare(comparison, a, b) if a == b => {
                let (a, b) = (self.take(*a).expr, self.take(*b).expr);
                boolean(ast::Expr::Compare(spell_comparison(*comparison), Box::new(a), Box::new(b)))
            }
            Expr::Compare(comparison, a, b) => {
                let (a, b) = (self.compared(*a), self.compared(*b));
                boolean(ast::Expr::Compare(spell_comparison(*comparison), Box::new(a), Box::new(b)))
            }
            Expr::And(list) => {
                let mut kept: Vec<ast::Expr> = Vec::with_capacity(list.len());
                for &item in list {
                    let condition = self.take(item).expr;
                    if !self.is_implied(item, list) {
                        kept.push(condition);
                    }
                }
                if kept.len() == 1 { boolean(kept.remove(0)) } else { boolean(ast::Expr::And(kept)) }
            }
            Expr::Or(list) => self.or(list),
            Expr::Not(a) => match self.take(*a).expr {
                ast::Expr::IsNull { value, negated } => boolean(ast::Expr::IsNull { value, negated: !negated }),
                ast::Expr::In { value, list, negated } => boolean(ast::Expr::In { value, list, negated: !negated }),
                other => boolean(ast::Expr::Not(Box::new(other))),
            },
            Expr::IsNull(a) => {
                let value = self.caught(*a);
                boolean(ast::Expr::IsNull { value: Box::new(value), negated: false })
            }
            Expr::Case(arms, otherwise) => {
                let arms: Vec<(Id, Id)> = arms.iter().map(|arm| (arm.condition, arm.value)).collect();
                self.case(id, &arms, *otherwise)
            }
        }
    }

    /// An operand whose being NULL is looked at. What is computed may fail on NULL instead of being NULL, and arithmetic
    /// cannot be tested at all, as the engine computes it unboxed: CAST catches the one and boxes the other.
    fn caught(&mut self, id: Id) -> ast::Expr {
        let operand = self.take(id);
        match self.score.expr(id) {
            Expr::Input(_) | Expr::Const(_) => operand.expr,
            // a bound value is caught already
            _ if self.item.lets.binds(id) => operand.expr,
            _ => match operand.expr {
                cast @ ast::Expr::Cast(..) => cast,
                other => ast::Expr::Cast(Box::new(other), self.score.ty(id).clone()),
            },
        }
    }

    /// Whether a condition of a conjunction says that an input is not NULL, and another one compares that input itself:
    /// where a comparison with NULL is false it says the same.
    fn is_implied(&self, condition: Id, conjunction: &[Id]) -> bool {
        let Expr::Not(test) = self.score.expr(condition) else { return false };
        let Expr::IsNull(input) = self.score.expr(*test) else { return false };
        let compares = |id: &Id| matches!(self.score.expr(*id), Expr::Compare(_, a, b) if a == input || b == input);
        self.dialect.capabilities().comparison_with_null_is_false
            && matches!(self.score.expr(*input), Expr::Input(_))
            && conjunction.iter().any(|id| match self.score.expr(*id) {
                Expr::Or(list) => list.iter().all(compares),
                _ => compares(id),
            })
    }

    fn sum(&mut self, id: Id, terms: &[Term]) -> Spelled {
        let item = self.item;
        let operands: Vec<(f64, Option<Spelled>)> =
            terms.iter().map(|term| (term.coefficient, term.factor.map(|factor| self.take(factor)))).collect();
        match item.layouts.get(&id) {
            None => flat(operands),
            Some(layout) => self.laid_out(layout, terms, &mut operands.into_iter()),
        }
    }

    /// A sum in groups; the operands are taken in order.
    fn laid_out(
        &self,
        layout: &Layout,
        terms: &[Term],
        operands: &mut impl Iterator<Item = (f64, Option<Spelled>)>,
    ) -> Spelled {
        match layout {
            Layout::Terms(range) => flat(operands.take(range.len()).collect()),
            Layout::Group(parts) => {
                let mut chain = None;
                for part in parts {
                    let part = self.laid_out(part, terms, operands);
                    chain = Some(arithmetic(chain, Operator::Add, part));
                }
                chain.unwrap_or(spell_double(0.0))
            }
            Layout::Method(part) => {
                let inner = self.laid_out(part, terms, operands);
                let method = cast(inner, &Type::Double);
                let comment = self.about(&terms[layout.range()]);
                let expr = if comment.is_empty() { method } else { ast::Expr::Commented(comment, Box::new(method)) };
                Spelled { expr, ty: Some(Type::Double) }
            }
            Layout::Accumulate(first, rest) => {
                let mut total = exact(flat(operands.take(first.len()).collect()), &Type::Double);
                for range in rest {
                    let each = operands.take(range.len());
                    let elements = each.map(|operand| exact(flat(vec![operand]), &Type::Double)).collect();
                    total = self.names.accumulate(elements, total);
                }
                Spelled { expr: total, ty: Some(Type::Double) }
            }
        }
    }

    /// Which features some terms are of, as a comment.
    fn about(&self, terms: &[Term]) -> Vec<String> {
        let features = terms.iter().filter_map(|term| {
            term.origin.or_else(|| match self.score.expr(term.factor?) {
                Expr::Input(number) => Some(*number),
                _ => None,
            })
        });
        let name = |number: u32| -> String {
            let name = &self.score.inputs()[number as usize].name;
            name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        let features: Vec<u32> = features.collect();
        match (features.first(), features.last()) {
            (Some(first), Some(last)) if first != last => vec![format!("{} to {}", name(*first), name(*last))],
            (Some(only), _) => vec![name(*only)],
            _ => Vec::new(),
        }
    }

    fn call(&mut self, function: Function, arguments: &[Id], ty: Type) -> Spelled {
        match self.dialect.spell(function) {
            Spelling::Infix(operator) => {
                let (a, b) = (self.take(arguments[0]), self.take(arguments[1]));
                if function.is_of_bigints() { of_bigints(a, operator, b) } else { arithmetic(Some(a), operator, b) }
            }
            Spelling::Cast(to) => {
                let operand = self.take(arguments[0]);
                Spelled { expr: cast(operand, &to), ty: Some(to) }
            }
            Spelling::SkipsNull(name) if function == Function::Coalesce => {
                let arguments = arguments.iter().map(|&argument| match self.score.expr(argument) {
                    Expr::Input(_) | Expr::Const(_) => self.exact(argument),
                    // an argument that is a call is caught by the engine
                    Expr::Call(inner, _) if matches!(self.dialect.spell(*inner), Spelling::Call(_)) => {
                        self.exact(argument)
                    }
                    _ => self.caught(argument),
                });
                Spelled { expr: ast::Expr::call(name, arguments.collect()), ty: Some(ty) }
            }
            Spelling::Call(name) | Spelling::SkipsNull(name) => {
                if let Some(expr) = self.largest(arguments).filter(|_| function == Function::Max) {
                    return Spelled { expr, ty: Some(ty) };
                }
                let arguments = arguments.iter().map(|&argument| self.exact(argument)).collect();
                Spelled { expr: ast::Expr::call(name, arguments), ty: Some(ty) }
            }
            // `legalize` has left none of these
            Spelling::Rewrite | Spelling::Refuse(_) => Spelled { expr: ast::Expr::Null, ty: Some(ty) },
        }
    }

    /// The largest of the bound values of a level, if these are all of them, as a function of their array.
    fn largest(&self, values: &[Id]) -> Option<ast::Expr> {
        let function = self.dialect.capabilities().array_max?;
        let (level, _) = self.item.lets.place(*values.first()?)?;
        let all = self.item.lets.levels[level] == values;
        all.then(|| ast::Expr::call(function, vec![self.names.array(level)]))
    }

    /// An operand of a comparison: ksqlDB compares DECIMAL in decimal arithmetic, so such a column, and one of unknown
    /// type, is cast; integers compare exactly as they are.
    fn compared(&mut self, id: Id) -> ast::Expr {
        let ty = self.score.ty(id).clone();
        let operand = self.take(id);
        match (&ty, &operand.ty) {
            (Type::Double, None | Some(Type::Decimal(..))) => cast(operand, &ty),
            _ => operand.expr,
        }
    }

    /// A disjunction; equalities of one text with constants become IN.
    fn or(&mut self, list: &[Id]) -> Spelled {
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

    fn case(&mut self, id: Id, arms: &[(Id, Id)], otherwise: Id) -> Spelled {
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
                list.push((group(condition), result));
            }
        }
        let end = value(self, otherwise);
        if list.is_empty() {
            return Spelled { expr: end, ty: Some(ty) };
        }
        let end = if is_null(self.score, otherwise) { None } else { Some(Box::new(end)) };
        Spelled { expr: ast::Expr::Case(list, end), ty: Some(ty) }
    }

    /// The condition with only the tests that are needed; `None` if nothing is left of it.
    fn remaining(&mut self, condition: Id, spelled: ast::Expr, tests: &Tests) -> Option<ast::Expr> {
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

/// `c * x + d * y - e`: a term with a negative coefficient is subtracted, but for the first.
fn flat(mut terms: Vec<(f64, Option<Spelled>)>) -> Spelled {
    // -a + b = b - a
    if let [(-1.0, Some(_)), (1.0, Some(_))] = terms.as_slice() {
        terms.swap(0, 1);
    }
    let mut chain: Option<Spelled> = None;
    for (coefficient, factor) in terms {
        let first = chain.is_none();
        let negative = coefficient.is_sign_negative();
        let magnitude = if first { coefficient } else { coefficient.abs() };
        let operand = match factor {
            None => spell_double(magnitude),
            Some(factor) => match magnitude {
                1.0 => factor,
                // an integer or a DECIMAL is negated as a DOUBLE: the least integer has no opposite
                -1.0 if factor.ty == Some(Type::Double) => {
                    Spelled { expr: ast::Expr::Negate(Box::new(factor.expr)), ty: factor.ty }
                }
                _ => arithmetic(Some(spell_double(magnitude)), Operator::Multiply, factor),
            },
        };
        let operator = if negative { Operator::Subtract } else { Operator::Add };
        chain = Some(arithmetic(chain, operator, operand));
    }
    chain.unwrap_or(spell_double(0.0))
}

/// Conditions of a junction in one group.
const CONDITIONS: usize = 40;

/// A condition of a CASE or of WHERE: if it is a junction of many, in groups of groups, so that an engine does not nest
/// them deep.
fn group(condition: ast::Expr) -> ast::Expr {
    let (all, mut list) = match condition {
        ast::Expr::And(list) => (true, list),
        ast::Expr::Or(list) => (false, list),
        other => return other,
    };
    while list.len() > CONDITIONS {
        let mut rest = list.into_iter();
        let mut grouped: Vec<ast::Expr> = rest.by_ref().take(CONDITIONS / 2).collect();
        let mut rest = rest.peekable();
        while rest.peek().is_some() {
            grouped.push(join(all, rest.by_ref().take(CONDITIONS).collect()));
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

fn spell_double(value: f64) -> Spelled {
    Spelled { expr: ast::Expr::double(value), ty: Some(Type::Double) }
}

fn spell_constant(constant: &Const) -> Spelled {
    match constant {
        Const::Double(value) => spell_double(value.0),
        Const::Bigint(value) => Spelled {
            expr: ast::Expr::Integer(*value),
            ty: Some(if i32::try_from(*value).is_ok() { Type::Integer } else { Type::Bigint }),
        },
        Const::Text(value) => Spelled { expr: ast::Expr::String(value.clone()), ty: Some(Type::String) },
        Const::Boolean(value) => Spelled { expr: ast::Expr::Boolean(*value), ty: Some(Type::Boolean) },
        Const::Null(ty) => {
            Spelled { expr: ast::Expr::Cast(Box::new(ast::Expr::Null), ty.clone()), ty: Some(ty.clone()) }
        }
    }
}

fn spell_comparison(comparison: Comparison) -> ast::Comparison {
    match comparison {
        Comparison::Equal => ast::Comparison::Equal,
        Comparison::Less => ast::Comparison::Less,
        Comparison::LessOrEqual => ast::Comparison::LessOrEqual,
        Comparison::Greater => ast::Comparison::Greater,
        Comparison::GreaterOrEqual => ast::Comparison::GreaterOrEqual,
    }
}

fn cast(operand: Spelled, ty: &Type) -> ast::Expr {
    ast::Expr::Cast(Box::new(operand.expr), ty.clone())
}

/// The operand as exactly this type.
fn exact(operand: Spelled, ty: &Type) -> ast::Expr {
    if operand.ty.as_ref() == Some(ty) { operand.expr } else { cast(operand, ty) }
}

/// `a operator b` in BIGINT: one of the two is one, and neither is anything but an integer. INTEGER would wrap at 32 bits.
fn of_bigints(a: Spelled, operator: Operator, b: Spelled) -> Spelled {
    let integer = |spelled: &Spelled| matches!(spelled.ty, Some(Type::Integer | Type::Bigint));
    let big = |spelled: &Spelled| spelled.ty == Some(Type::Bigint);
    let literal = |spelled: &Spelled| matches!(spelled.expr, ast::Expr::Integer(_));
    let (mut cast_a, mut cast_b) = (!integer(&a), !integer(&b));
    if !(cast_a || cast_b || big(&a) || big(&b)) {
        (cast_a, cast_b) = (!literal(&a), literal(&a));
    }
    let a = if cast_a { cast(a, &Type::Bigint) } else { a.expr };
    let b = if cast_b { cast(b, &Type::Bigint) } else { b.expr };
    let expr = match a {
        ast::Expr::Chain(first, mut rest) if rest.first().is_some_and(|(same, _)| same.level() == operator.level()) => {
            rest.push((operator, b));
            ast::Expr::Chain(first, rest)
        }
        a => ast::Expr::Chain(Box::new(a), vec![(operator, b)]),
    };
    Spelled { expr, ty: Some(Type::Bigint) }
}

/// `chain operator operand` in DOUBLE, as one flat chain where the level is the same. If neither side is a DOUBLE the left
/// one is cast, so that nothing is computed in integers or decimals.
fn arithmetic(chain: Option<Spelled>, operator: Operator, operand: Spelled) -> Spelled {
    let Some(left) = chain else { return operand };
    let is_double = |spelled: &Spelled| spelled.ty == Some(Type::Double);
    let left = if is_double(&left) || is_double(&operand) { left.expr } else { cast(left, &Type::Double) };
    let expr = match left {
        ast::Expr::Chain(first, mut rest) if rest.first().is_some_and(|(same, _)| same.level() == operator.level()) => {
            rest.push((operator, operand.expr));
            ast::Expr::Chain(first, rest)
        }
        left => ast::Expr::Chain(Box::new(left), vec![(operator, operand.expr)]),
    };
    Spelled { expr, ty: Some(Type::Double) }
}
