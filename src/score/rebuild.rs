//! The loop that every pass shares: rebuild the arena in order, giving each expression to a rule.

use super::{Arm, Expr, Id, Score, Term};

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
        Rebuild { old, new: old.like(old.len()), map: vec![None; old.len()], used: old.uses() }
    }

    /// Into an arena over the same inputs that holds something already; its outputs stay first.
    pub fn onto(new: Score, old: &'a Score) -> Self {
        Rebuild { old, new, map: vec![None; old.len()], used: old.uses() }
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
            let output = output.map(|root| self.get(root));
            self.new.outputs.push(output);
        }
        self.new.required = self.old.required.clone();
        self.new
    }

    /// Where an operand went. Operands stand before their users, so it is there.
    pub fn get(&self, old: Id) -> Id {
        self.map[old.index()].unwrap_or(old)
    }

    /// How often an old expression is used.
    pub fn uses(&self, old: Id) -> u32 {
        self.used[old.index()]
    }

    /// The same expression over the new operands.
    pub fn copy(&mut self, expr: &Expr) -> Id {
        let map = &self.map;
        self.new.carry(expr, |old| map[old.index()].unwrap_or(old))
    }
}

impl Score {
    /// The same expression over other operands, which `get` finds by the old ones.
    pub fn carry(&mut self, expr: &Expr, get: impl Fn(Id) -> Id) -> Id {
        match expr {
            Expr::Const(constant) => self.constant_of(constant),
            Expr::Input(number) => self.input(*number),
            Expr::Sum(terms) => self.sum(terms.iter().map(|term| Term { factor: term.factor.map(&get), ..*term })),
            Expr::Product(list) => self.product(list.iter().map(|&id| get(id))),
            Expr::Call(function, list) => self.call(*function, list.iter().map(|&id| get(id)).collect()),
            Expr::Compare(comparison, a, b) => self.compare(*comparison, get(*a), get(*b)),
            Expr::And(list) => self.and(list.iter().map(|&id| get(id))),
            Expr::Or(list) => self.or(list.iter().map(|&id| get(id))),
            Expr::Not(a) => self.not(get(*a)),
            Expr::IsNull(a) => self.is_null(get(*a)),
            Expr::Case(arms, otherwise) => {
                let arms = arms.iter().map(|arm| Arm { condition: get(arm.condition), value: get(arm.value) });
                self.case(arms, get(*otherwise))
            }
        }
    }
}
