//! Smart constructors: the only way to make an expression.
//!
//! Each states the laws it applies. All of them are exact: the same bits for every input, NaN, ±0, ±∞ and NULL included
//! (folding a constant call gives the evaluator's own bits). Laws that need more stand in `opt`.
//! Operands must be of this arena and of the right type; a debug assertion says so.

use super::index::Key;
use super::{Arm, Comparison, Const, Expr, Function, Id, Input, Real, Score, Signature, Term, Value, eval};
use crate::schema::Type;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A sum, product, junction or CASE inside of one of its kind is made part of it if it is no longer than this: a chain of
/// them, each with one operand more, would be copied as often as it is long.
const MOST_MERGED: usize = 512;

impl Score {
    /// A DOUBLE constant.
    pub fn double(&mut self, value: f64) -> Id {
        self.intern(Expr::Const(Const::Double(Real(value))))
    }

    /// A BIGINT constant.
    pub fn bigint(&mut self, value: i64) -> Id {
        self.intern(Expr::Const(Const::Bigint(value)))
    }

    /// A STRING constant.
    pub fn text(&mut self, value: &str) -> Id {
        self.intern(Expr::Const(Const::Text(value.to_owned())))
    }

    /// TRUE or FALSE.
    pub fn boolean(&mut self, value: bool) -> Id {
        self.intern(Expr::Const(Const::Boolean(value)))
    }

    /// NULL of a type.
    pub fn null(&mut self, ty: Type) -> Id {
        self.intern(Expr::Const(Const::Null(ty)))
    }

    /// The input of this number.
    pub fn input(&mut self, number: u32) -> Id {
        debug_assert!((number as usize) < self.inputs.len());
        self.intern(Expr::Input(number))
    }

    /// One more input.
    pub fn add_input(&mut self, input: Input) -> Id {
        let number = self.inputs.len() as u32;
        std::sync::Arc::make_mut(&mut self.inputs).push(input);
        self.input(number)
    }

    /// A sum, left to right. No terms: 0.
    ///
    /// `c * k = fl(c k)` for a constant k; leading constants are added up; `(a + b) + c = a + b + c` for a sum that
    /// stands first with coefficient 1; `±1 * (c * x) = ±c * x`; a single term with coefficient 1 is its factor.
    pub fn sum(&mut self, terms: impl IntoIterator<Item = Term>) -> Id {
        let terms = terms.into_iter();
        let mut list: Vec<Term> = Vec::with_capacity(terms.size_hint().0);
        for mut term in terms {
            if let Some(factor) = term.factor {
                debug_assert_eq!(self.ty(factor), &Type::Double);
                match self.expr(factor) {
                    Expr::Const(Const::Double(value)) => {
                        term = Term { coefficient: term.coefficient * value.0, factor: None, origin: term.origin };
                    }
                    Expr::Sum(inner) if list.is_empty() && term.coefficient == 1.0 && inner.len() <= MOST_MERGED => {
                        list.extend_from_slice(inner);
                        continue;
                    }
                    Expr::Sum(inner) if inner.len() == 1 && term.coefficient.abs() == 1.0 => {
                        let sign = term.coefficient;
                        term = Term { coefficient: sign * inner[0].coefficient, ..inner[0] };
                    }
                    _ => {}
                }
            }
            match (list.as_mut_slice(), term.factor) {
                ([only], None) if only.factor.is_none() => only.coefficient += term.coefficient,
                _ => list.push(term),
            }
        }
        match list.as_slice() {
            [] => self.double(0.0),
            [Term { coefficient, factor: None, .. }] => self.double(*coefficient),
            [Term { coefficient: 1.0, factor: Some(factor), .. }] => *factor,
            _ => self.intern(Expr::Sum(list)),
        }
    }

    /// `a + b`
    pub fn add(&mut self, a: Id, b: Id) -> Id {
        self.sum([Term::new(1.0, a), Term::new(1.0, b)])
    }

    /// `a - b`
    pub fn subtract(&mut self, a: Id, b: Id) -> Id {
        self.sum([Term::new(1.0, a), Term::new(-1.0, b)])
    }

    /// `-a`; `-(-a) = a`
    pub fn negate(&mut self, a: Id) -> Id {
        self.scale(-1.0, a)
    }

    /// `coefficient * a`
    pub fn scale(&mut self, coefficient: f64, a: Id) -> Id {
        self.sum([Term::new(coefficient, a)])
    }

    /// A product, left to right. No factors: 1.
    ///
    /// Leading constants are multiplied up; `1 * x = x`; a constant times one factor is a term; `(a * b) * c = a * b * c`.
    pub fn product(&mut self, factors: impl IntoIterator<Item = Id>) -> Id {
        let mut leading = 1.0;
        let mut list: Vec<Id> = Vec::new();
        for factor in factors {
            debug_assert_eq!(self.ty(factor), &Type::Double);
            match self.expr(factor) {
                Expr::Const(Const::Double(value)) if list.is_empty() => leading *= value.0,
                Expr::Const(Const::Double(Real(1.0))) => {}
                Expr::Product(inner) if list.is_empty() && leading == 1.0 && inner.len() <= MOST_MERGED => {
                    list.extend_from_slice(inner);
                }
                _ => {
                    if list.is_empty() && leading != 1.0 {
                        let first = self.scale(leading, factor);
                        list.push(first);
                    } else {
                        list.push(factor);
                    }
                }
            }
        }
        match list.as_slice() {
            [] => self.double(leading),
            [only] => *only,
            _ => self.intern(Expr::Product(list)),
        }
    }

    /// `a * b`. Multiplication commutes, so a constant is moved to the front.
    pub fn multiply(&mut self, a: Id, b: Id) -> Id {
        if self.double_value(b).is_some() { self.product([b, a]) } else { self.product([a, b]) }
    }

    /// `a / b`; `x / 1 = x`.
    pub fn divide(&mut self, a: Id, b: Id) -> Id {
        self.call(Function::Divide, vec![a, b])
    }

    /// A call. Constant arguments are folded; `x / 1 = x`; `is_nan` of what never is is FALSE; COALESCE drops arguments behind one that is never
    /// NULL; the value of the largest is that value where all are the same.
    pub fn call(&mut self, function: Function, mut arguments: Vec<Id>) -> Id {
        match function {
            Function::Divide if self.double_value(arguments[1]) == Some(1.0) => return arguments[0],
            Function::Coalesce => {
                let mut seen = Vec::new();
                for &argument in &arguments {
                    if matches!(self.constant(argument), Some(Const::Null(_))) || seen.contains(&argument) {
                        continue;
                    }
                    seen.push(argument);
                    if !self.nullable(argument) {
                        break;
                    }
                }
                match seen.as_slice() {
                    [] => return arguments[0],
                    [only] => return *only,
                    _ => {}
                }
                arguments = seen;
            }
            Function::OfLargest => {
                let values = &arguments[arguments.len() / 2..];
                if values.iter().all(|value| *value == values[0]) && !arguments.iter().any(|it| self.nullable(*it)) {
                    return values[0];
                }
            }
            Function::IsNan if self.never_nan(arguments[0]) => return self.boolean(false),
            Function::ToDouble if self.ty(arguments[0]) == &Type::Double => return arguments[0],
            _ => {}
        }
        let constants: Option<Vec<Value>> =
            arguments.iter().map(|&argument| self.constant(argument).map(Value::from)).collect();
        if let Some(values) = constants {
            let ty = self.result_type(function, &arguments);
            return self.value(&eval::call(function, &values), &ty);
        }
        self.intern(Expr::Call(function, arguments))
    }

    /// A comparison of operands that are not NULL where it is evaluated. Constants are folded.
    pub fn compare(&mut self, comparison: Comparison, a: Id, b: Id) -> Id {
        debug_assert_eq!(self.ty(a), self.ty(b));
        if let (Some(x), Some(y)) = (self.constant(a), self.constant(b))
            && let Some(result) = eval::compare(comparison, &Value::from(x), &Value::from(y))
        {
            return self.boolean(result);
        }
        self.intern(Expr::Compare(comparison, a, b))
    }

    /// A conjunction; none: TRUE. TRUE is dropped, FALSE decides, repetitions and nested conjunctions are merged.
    pub fn and(&mut self, conditions: impl IntoIterator<Item = Id>) -> Id {
        self.junction(conditions, true)
    }

    /// A disjunction; none: FALSE. FALSE is dropped, TRUE decides, repetitions and nested disjunctions are merged.
    pub fn or(&mut self, conditions: impl IntoIterator<Item = Id>) -> Id {
        self.junction(conditions, false)
    }

    fn junction(&mut self, conditions: impl IntoIterator<Item = Id>, neutral: bool) -> Id {
        let mut list: Vec<Id> = Vec::new();
        let mut seen = HashSet::new();
        for condition in conditions {
            debug_assert_eq!(self.ty(condition), &Type::Boolean);
            let nested = match self.expr(condition) {
                Expr::Const(Const::Boolean(value)) if *value == neutral => continue,
                Expr::Const(Const::Boolean(_)) => {
                    // what stands before it is pure, so the whole has its value
                    return condition;
                }
                Expr::And(inner) if neutral && inner.len() <= MOST_MERGED => inner.clone(),
                Expr::Or(inner) if !neutral && inner.len() <= MOST_MERGED => inner.clone(),
                _ => vec![condition],
            };
            list.extend(nested.into_iter().filter(|&id| seen.insert(id)));
        }
        match list.as_slice() {
            [] => self.boolean(neutral),
            [only] => *only,
            _ => self.intern(if neutral { Expr::And(list) } else { Expr::Or(list) }),
        }
    }

    /// `NOT a`; `NOT NOT a = a`. A comparison is not turned round: both it and its opposite are false on NaN.
    pub fn not(&mut self, condition: Id) -> Id {
        match self.expr(condition) {
            Expr::Const(Const::Boolean(value)) => {
                let value = !*value;
                self.boolean(value)
            }
            Expr::Not(inner) => *inner,
            _ => self.intern(Expr::Not(condition)),
        }
    }

    /// `a IS NULL`; FALSE if it cannot be, TRUE for NULL.
    pub fn is_null(&mut self, a: Id) -> Id {
        match self.expr(a) {
            Expr::Const(Const::Null(_)) => self.boolean(true),
            _ if !self.nullable(a) => self.boolean(false),
            _ => self.intern(Expr::IsNull(a)),
        }
    }

    /// `CASE`. FALSE arms and arms behind TRUE are dropped, and so are conditions that were tried before, as an arm's own or
    /// as part of a disjunction; neighbouring arms with one value are joined by OR; arms that give what holds otherwise are
    /// dropped from the end; a CASE that holds otherwise is flattened into further arms.
    pub fn case(&mut self, arms: impl IntoIterator<Item = Arm>, otherwise: Id) -> Id {
        let mut list: Vec<Arm> = Vec::new();
        let mut tried = HashSet::new();
        let mut end = otherwise;
        for arm in arms {
            debug_assert_eq!(self.ty(arm.value), self.ty(otherwise));
            if self.push_arm(&mut list, &mut tried, arm) {
                end = arm.value;
                break;
            }
        }
        if let Expr::Case(inner, last) = self.expr(end)
            && inner.len() <= MOST_MERGED
            && !self.tested(&list, end)
        {
            let (inner, last) = (inner.clone(), *last);
            end = last;
            for arm in inner {
                if self.push_arm(&mut list, &mut tried, arm) {
                    end = arm.value;
                    break;
                }
            }
        }
        while list.last().is_some_and(|arm| arm.value == end) {
            list.pop();
        }
        if list.is_empty() { end } else { self.intern(Expr::Case(list, end)) }
    }

    /// Whether one of the arms is about this expression being NULL: taken apart it would lose what that says.
    fn tested(&self, arms: &[Arm], id: Id) -> bool {
        self.nullable(id) && arms.iter().any(|arm| self.null_tests(arm.condition).any(|test| test == Some(id)))
    }

    /// Adds an arm for what is left of its condition; true if that is TRUE.
    fn push_arm(&mut self, list: &mut Vec<Arm>, tried: &mut HashSet<Id>, arm: Arm) -> bool {
        let parts = match self.expr(arm.condition) {
            Expr::Or(parts) => parts.clone(),
            _ => vec![arm.condition],
        };
        let condition = if parts.iter().any(|part| tried.contains(part)) {
            let rest: Vec<Id> = parts.iter().filter(|part| !tried.contains(part)).copied().collect();
            self.or(rest)
        } else {
            arm.condition
        };
        tried.extend(parts);
        match (self.constant(condition), list.last_mut()) {
            (Some(Const::Boolean(truth)), _) => return *truth,
            (_, Some(last)) if last.value == arm.value => last.condition = self.or([last.condition, condition]),
            _ => list.push(Arm { condition, ..arm }),
        }
        false
    }

    /// `CASE WHEN condition THEN a ELSE b END`
    pub fn choose(&mut self, condition: Id, a: Id, b: Id) -> Id {
        self.case([Arm { condition, value: a }], b)
    }

    /// A constant of a value; `ty` is the type of a NULL.
    pub fn value(&mut self, value: &Value, ty: &Type) -> Id {
        match value {
            Value::Double(value) => self.double(*value),
            Value::Bigint(value) => self.bigint(*value),
            Value::Text(value) => self.text(value),
            Value::Boolean(value) => self.boolean(*value),
            Value::Null => self.null(ty.clone()),
        }
    }

    /// A constant.
    pub fn constant_of(&mut self, constant: &Const) -> Id {
        self.intern(Expr::Const(constant.clone()))
    }

    /// Whether any of these sources (see [`Score::null_sources`]) is NULL.
    pub fn any_null(&mut self, sources: impl IntoIterator<Item = Id>) -> Id {
        let tests: Vec<Id> = sources.into_iter().map(|source| self.is_null(source)).collect();
        self.or(tests)
    }

    /// By comparisons of two: the value of the last score if that compares so with all before it, else of the one before it
    /// likewise, …, else the first. That takes half of the comparisons of all pairs. `absent` says when a score is NULL.
    pub fn of_extreme(&mut self, absent: Arm, scores: &[Id], values: &[Id], comparison: Comparison) -> Id {
        let mut arms = vec![absent];
        for candidate in (1..scores.len()).rev() {
            let beats: Vec<Id> =
                scores[..candidate].iter().map(|&other| self.compare(comparison, scores[candidate], other)).collect();
            arms.push(Arm { condition: self.and(beats), value: values[candidate] });
        }
        self.case(arms, values[0])
    }

    /// `WHEN one of these is NULL THEN NULL`, of the type of `like`.
    pub fn null_arm(&mut self, operands: &[Id], like: Id) -> Arm {
        let mut seen = HashSet::new();
        let mut sources = Vec::new();
        for &operand in operands {
            sources.extend(self.null_sources(operand).into_iter().filter(|&source| seen.insert(source)));
        }
        Arm { condition: self.any_null(sources), value: self.null(self.ty(like).clone()) }
    }

    /// An input that is known not to be NaN, or an integer.
    fn never_nan(&self, id: Id) -> bool {
        match self.expr(id) {
            Expr::Input(number) => !self.inputs[*number as usize].nan,
            Expr::Call(Function::ToDouble, _) => true,
            _ => false,
        }
    }

    fn intern(&mut self, expr: Expr) -> Id {
        let mut hasher = DefaultHasher::new();
        expr.hash(&mut hasher);
        let key = Key::new(hasher.finish(), &expr);
        if let Some(found) = self.index.find(key, |id| self.exprs[id.index()] == expr) {
            return found;
        }
        let ty = self.type_number(&expr);
        let nullable = self.nullable_of(&expr);
        let id = Id(self.exprs.len() as u32);
        if let Some(sources) = self.explanation(&expr) {
            self.explained.insert(id, sources);
        }
        self.index.insert(key, &self.exprs);
        self.exprs.push(expr);
        self.types.push(ty);
        self.nullable.push(nullable);
        id
    }

    /// Where the type of an expression stands in the table of types.
    fn type_number(&mut self, expr: &Expr) -> u32 {
        if let Expr::Case(_, otherwise) = expr {
            return self.types[otherwise.index()];
        }
        let ty = self.type_of(expr);
        let known = self.table.iter().position(|known| *known == ty);
        known.unwrap_or_else(|| {
            self.table.push(ty);
            self.table.len() - 1
        }) as u32
    }

    fn type_of(&self, expr: &Expr) -> Type {
        match expr {
            Expr::Const(Const::Double(_)) | Expr::Sum(_) | Expr::Product(_) => Type::Double,
            Expr::Const(Const::Bigint(_)) => Type::Bigint,
            Expr::Const(Const::Text(_)) => Type::String,
            Expr::Const(Const::Null(ty)) => ty.clone(),
            Expr::Input(number) => self.inputs[*number as usize].ty.clone(),
            Expr::Call(function, arguments) => self.result_type(*function, arguments),
            Expr::Case(_, otherwise) => self.ty(*otherwise).clone(),
            Expr::Const(Const::Boolean(_))
            | Expr::Compare(..)
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_)
            | Expr::IsNull(_) => Type::Boolean,
        }
    }

    fn result_type(&self, function: Function, arguments: &[Id]) -> Type {
        match function.signature() {
            Signature::Number | Signature::Two | Signature::Many | Signature::ToDouble => Type::Double,
            Signature::Bigints | Signature::ToBigint => Type::Bigint,
            Signature::Test => Type::Boolean,
            Signature::First => self.ty(arguments[0]).clone(),
            Signature::Choice => self.ty(arguments[arguments.len() / 2]).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score() -> Score {
        let input = |name: &str| Input { name: name.into(), ty: Type::Double, nullable: true, nan: true };
        Score::new(vec![input("a"), input("b")])
    }

    #[test]
    fn coalesce_of_nothing_but_null_is_null() {
        let mut s = score();
        let null = s.null(Type::Bigint);
        assert_eq!(s.call(Function::Coalesce, vec![null, null]), null);
        let a = s.input(0);
        let null = s.null(Type::Double);
        assert_eq!(s.call(Function::Coalesce, vec![null, a, null]), a);
    }

    #[test]
    fn equal_expressions_are_stored_once() {
        let mut s = score();
        let a = s.input(0);
        let x = s.scale(2.0, a);
        let y = s.scale(2.0, a);
        assert_eq!(x, y);
        let zero = s.double(0.0);
        let minus_zero = s.double(-0.0);
        assert_ne!(zero, minus_zero);
    }

    #[test]
    fn sums_fold_constants_in_their_order_only() {
        let mut s = score();
        let a = s.input(0);
        // 1e16 + 1 - 1e16 is 0 from left to right; a constant behind `a` must stay behind it
        let head = s.sum([Term::constant(1e16), Term::constant(1.0), Term::constant(-1e16), Term::new(1.0, a)]);
        assert_eq!(s.expr(head), &Expr::Sum(vec![Term::constant(0.0), Term::new(1.0, a)]));
        let tail = s.sum([Term::new(1.0, a), Term::constant(1.0), Term::constant(2.0)]);
        assert_eq!(s.expr(tail), &Expr::Sum(vec![Term::new(1.0, a), Term::constant(1.0), Term::constant(2.0)]));
        let negated = s.negate(a);
        assert_eq!(s.negate(negated), a);
    }

    #[test]
    fn case_flattens_and_drops_dead_arms() {
        let mut s = score();
        let a = s.input(0);
        let null = s.is_null(a);
        let (x, y) = (s.double(1.0), s.double(2.0));
        let same = s.choose(null, x, x);
        assert_eq!(same, x);
        let inner = s.choose(null, y, x);
        let yes = s.boolean(true);
        assert_eq!(s.choose(yes, inner, y), inner);
    }

    #[test]
    fn coalesce_of_something_never_null_is_that() {
        let mut s = score();
        let one = s.double(1.0);
        let a = s.input(0);
        assert_eq!(s.call(Function::Coalesce, vec![one, a]), one);
        let filled = s.call(Function::Coalesce, vec![a, one]);
        assert!(!s.nullable(filled));
        assert!(s.nullable(a));
    }
}
