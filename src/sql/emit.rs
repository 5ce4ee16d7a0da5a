//! From a plan to the syntax tree: shapes of expressions and statements, and casts where ksqlDB wants equal types.
//!
//! Expressions are emitted in a loop over the arena, operands first. Each emitted operand carries its SQL type as far as it is
//! known, since a column's type may be unknown: a number that stands beside a DOUBLE in arithmetic is converted by the
//! engine; where nothing converts it (CASE, COALESCE, functions that keep their argument's type, a result column,
//! arithmetic among such columns alone) it is cast.
//!
//! | file | what |
//! |---|---|
//! | `output` | an item: what is bound, what reads it, arrays and maps of several roots |
//! | `sum` | sums as the plan lays them out, arithmetic |
//! | `condition` | CASE, junctions |
//! | `names` | lambdas that bind values |
//! | `statement` | the clauses around the items |

mod condition;
mod names;
mod output;
mod statement;
mod sum;

pub use statement::statement;

use super::ast::{self, Operator};
use super::dialect::{Dialect, Spelling};
use super::plan::{Item, Plan};
use crate::bind::Bindings;
use crate::schema::Type;
use crate::score::{Comparison, Const, Expr, Function, Id, Score};
use names::Names;
use sum::{arithmetic, of_bigints};

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
                expr: emitter.output(output),
                alias: Some(ast::Name::new(output.name.clone())),
            }
        })
        .collect()
}

impl Emitter<'_> {
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

    /// The same for parts of a whole, of which some may be bound.
    fn count_unbound(&mut self, parts: impl Iterator<Item = Id>) {
        let parts: Vec<Id> = parts.filter(|&part| !self.item.lets.binds(part)).collect();
        self.count(&parts);
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
