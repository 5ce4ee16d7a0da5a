//! The loop that every pass shares: rebuild the arena in order, giving each expression to a rule.

use super::{Arm, Const, Expr, Id, Score, Term, Value};
use crate::schema::Type;

/// A pass under way: the old arena, the new one, and where each old expression went.
pub struct Rebuild<'a> {
    /// What is rebuilt.
    pub old: &'a Score,
    /// What it becomes.
    pub new: Score,
    map: Vec<Option<Id>>,
    used: Vec<u32>,
}

impl<'a> Rebuild<'a> {
    /// Over the same inputs, with nothing rebuilt yet.
    pub fn new(old: &'a Score) -> Self {
        Rebuild { old, new: Score::new(old.inputs().to_vec()), map: vec![None; old.len()], used: old.uses() }
    }

    /// Gives every expression that the roots need to `rule`, operands first, then carries over the outputs. Where the rule
    /// has nothing to say the expression is rebuilt as it is.
    pub fn run(mut self, mut rule: impl FnMut(&mut Self, Id, &Expr) -> Option<Id>) -> Score {
        for id in self.old.ids() {
            if self.used[id.index()] == 0 {
                continue;
            }
            let expr = self.old.expr(id);
            let new = match rule(&mut self, id, expr) {
                Some(new) => new,
                None => self.copy(expr),
            };
            self.map[id.index()] = Some(new);
        }
        for output in &self.old.outputs {
            let mut output = output.clone();
            output.root = self.get(output.root);
            self.new.outputs.push(output);
        }
        self.new.required = self.old.required.clone();
        self.new
    }

    /// Where an operand went. Operands stand before their users, so it is there.
    pub fn get(&self, old: Id) -> Id {
        self.map[old.index()].unwrap_or(old)
    }

    /// The same expression over the new operands.
    pub fn copy(&mut self, expr: &Expr) -> Id {
        let get = |list: &[Id]| -> Vec<Id> { list.iter().map(|&id| self.get(id)).collect() };
        match expr {
            Expr::Const(constant) => {
                let value = Value::from(constant);
                let ty = match constant {
                    Const::Null(ty) => ty.clone(),
                    _ => Type::Double,
                };
                self.new.value(&value, &ty)
            }
            Expr::Input(number) => self.new.input(*number),
            Expr::Sum(terms) => {
                let terms: Vec<Term> =
                    terms.iter().map(|term| Term { factor: term.factor.map(|f| self.get(f)), ..*term }).collect();
                self.new.sum(terms)
            }
            Expr::Product(list) => {
                let list = get(list);
                self.new.product(list)
            }
            Expr::Call(function, list) => {
                let list = get(list);
                self.new.call(*function, list)
            }
            Expr::Compare(comparison, a, b) => {
                let (a, b) = (self.get(*a), self.get(*b));
                self.new.compare(*comparison, a, b)
            }
            Expr::And(list) => {
                let list = get(list);
                self.new.and(list)
            }
            Expr::Or(list) => {
                let list = get(list);
                self.new.or(list)
            }
            Expr::Not(a) => {
                let a = self.get(*a);
                self.new.not(a)
            }
            Expr::IsNull(a) => {
                let a = self.get(*a);
                self.new.is_null(a)
            }
            Expr::Case(arms, otherwise) => {
                let arms: Vec<Arm> = arms
                    .iter()
                    .map(|arm| Arm { condition: self.get(arm.condition), value: self.get(arm.value) })
                    .collect();
                let otherwise = self.get(*otherwise);
                self.new.case(arms, otherwise)
            }
        }
    }
}
