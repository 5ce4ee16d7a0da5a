//! Filetests: `fixtures/opt/*.txt` holds expressions with what they become, in SQL.
//!
//! A block is three lines: the rules that are used, the expression, the result (`same` if nothing changes). Both are
//! evaluated on edge values and compared for the weakest class of the rules. In `classes.txt` the result is the other form
//! that the plan may choose. Functions of Score that ksqlDB lacks are
//! written as calls (`SIGMOID(X)`); in the result they are spelled as ksqlDB can. `X`, `Y`, `Z` are DOUBLE columns, `N` and
//! `M` integer ones without NULL (read as DOUBLE), `S` and `T` texts. A CASE is NULL where a condition compares NULL.

use super::{decided, same, tame};
use crate::bind::{Binding, Bindings, Shape};
use crate::diag::{Report, Sources};
use crate::opt::{CHOICES, Class, FINISH, PASSES, Rule, Stats, alternative, optimize};
use crate::schema::Type;
use crate::score::{Arm, Comparison, Expr, Facts, Function, Id, Input, Output, Score, Term, Value};
use crate::sql::ast::{self, Operator};
use crate::sql::dialect;
use crate::sql::print::{self, Style};
use crate::sql::{emit, legalize, plan};
use crate::syntax;
use std::collections::BTreeSet;

const COLUMNS: &[(&str, Type, bool)] = &[
    ("X", Type::Double, true),
    ("Y", Type::Double, true),
    ("Z", Type::Double, true),
    ("N", Type::Double, false),
    ("M", Type::Double, false),
    ("S", Type::String, true),
    ("T", Type::String, true),
];

const FUNCTIONS: &[(&str, Function)] = &[
    ("ABS", Function::Abs),
    ("CEIL", Function::Ceil),
    ("COALESCE", Function::Coalesce),
    ("EXP", Function::Exp),
    ("EXPM1", Function::Expm1),
    ("FLOOR", Function::Floor),
    ("GREATEST", Function::Max),
    ("IS_NAN", Function::IsNan),
    ("LEAST", Function::Min),
    ("LN", Function::Ln),
    ("LOG1P", Function::Log1p),
    ("OF_LARGEST", Function::OfLargest),
    ("POWER", Function::Power),
    ("ROUND_EVEN", Function::RoundEven),
    ("SIGMOID", Function::Sigmoid),
    ("SIGN", Function::Sign),
    ("SOFTMAX", Function::Softmax),
    ("SOFTPLUS", Function::Softplus),
    ("SQRT", Function::Sqrt),
    ("TANH", Function::Tanh),
];

fn import(text: &str) -> Score {
    let inputs = COLUMNS.iter().map(|(name, ty, nullable)| Input {
        name: (*name).into(),
        ty: ty.clone(),
        nullable: *nullable,
        nan: *nullable,
    });
    let mut report = Report::new();
    let expr = syntax::expression(Sources::new().add("<test>", text), text, &mut report)
        .unwrap_or_else(|_| panic!("{text}: {:?}", report.diagnostics()));
    let mut import = Import { score: Score::new(inputs.collect()) };
    let root = import.expr(&expr);
    import.score.outputs.push(Output::scalar("Y", root, ""));
    assert_eq!(import.score.verify(), Ok(()), "{text}\n{}", import.score);
    import.score
}

struct Import {
    score: Score,
}

impl Import {
    fn expr(&mut self, expr: &ast::Expr) -> Id {
        match expr {
            ast::Expr::Double(value) => self.score.double(value.0),
            ast::Expr::String(text) => self.score.text(text),
            ast::Expr::Boolean(value) => self.score.boolean(*value),
            ast::Expr::Null => self.score.null(Type::Double),
            ast::Expr::Column(name) => {
                let number = COLUMNS.iter().position(|(column, ..)| *column == name.as_str()).unwrap();
                self.score.input(number as u32)
            }
            ast::Expr::Located(_, inner) => self.expr(inner),
            ast::Expr::Negate(inner) => {
                let inner = self.expr(inner);
                self.score.negate(inner)
            }
            ast::Expr::Chain(first, rest) => self.chain(first, rest),
            ast::Expr::Call(name, arguments) => {
                let function = FUNCTIONS.iter().find(|(known, _)| *known == name.as_str()).unwrap().1;
                let arguments = arguments.iter().map(|argument| self.expr(argument)).collect();
                self.score.call(function, arguments)
            }
            ast::Expr::Case(arms, otherwise) => self.case(arms, otherwise.as_deref()),
            ast::Expr::Compare(comparison, a, b) => {
                let (a, b) = (self.expr(a), self.expr(b));
                let comparison = match comparison {
                    ast::Comparison::Equal => Comparison::Equal,
                    ast::Comparison::Less => Comparison::Less,
                    ast::Comparison::LessOrEqual => Comparison::LessOrEqual,
                    ast::Comparison::Greater => Comparison::Greater,
                    ast::Comparison::GreaterOrEqual => Comparison::GreaterOrEqual,
                    other => panic!("{other:?}"),
                };
                self.score.compare(comparison, a, b)
            }
            ast::Expr::In { value, list, negated: false } => {
                let value = self.expr(value);
                let mut tests = Vec::new();
                for item in list {
                    let item = self.expr(item);
                    tests.push(self.score.compare(Comparison::Equal, value, item));
                }
                self.score.or(tests)
            }
            ast::Expr::IsNull { value, negated } => {
                let value = self.expr(value);
                let test = self.score.is_null(value);
                if *negated { self.score.not(test) } else { test }
            }
            ast::Expr::And(list) => {
                let list: Vec<Id> = list.iter().map(|item| self.expr(item)).collect();
                self.score.and(list)
            }
            ast::Expr::Or(list) => {
                let list: Vec<Id> = list.iter().map(|item| self.expr(item)).collect();
                self.score.or(list)
            }
            ast::Expr::Not(inner) => {
                let inner = self.expr(inner);
                self.score.not(inner)
            }
            other => panic!("{other:?}"),
        }
    }

    fn chain(&mut self, first: &ast::Expr, rest: &[(Operator, ast::Expr)]) -> Id {
        let mut value = self.expr(first);
        if matches!(rest[0].0, Operator::Add | Operator::Subtract) {
            let mut terms = vec![Term::new(1.0, value)];
            for (operator, operand) in rest {
                let sign = if *operator == Operator::Subtract { -1.0 } else { 1.0 };
                terms.push(Term::new(sign, self.expr(operand)));
            }
            return self.score.sum(terms);
        }
        for (operator, operand) in rest {
            let operand = self.expr(operand);
            value = match operator {
                Operator::Divide => self.score.divide(value, operand),
                _ => self.score.multiply(value, operand),
            };
        }
        value
    }

    /// As lowering makes it: in front of a condition stands a test of what it compares.
    fn case(&mut self, arms: &[(ast::Expr, ast::Expr)], otherwise: Option<&ast::Expr>) -> Id {
        let values: Vec<Id> = arms.iter().map(|(_, value)| self.expr(value)).collect();
        let end = otherwise.map(|value| self.expr(value));
        let ty = values
            .iter()
            .chain(&end)
            .find(|value| !matches!(self.score.expr(**value), Expr::Const(crate::score::Const::Null(_))))
            .map_or(Type::Double, |value| self.score.ty(*value).clone());
        let null = self.score.null(ty);
        let typed = |score: &Score, id: Id| if score.ty(id) == score.ty(null) { id } else { null };
        let mut list = Vec::new();
        let mut facts = Facts::default();
        for ((condition, _), value) in arms.iter().zip(values) {
            let condition = self.expr(condition);
            let absent: Vec<Id> = self.compared(condition, &facts).into_iter().collect();
            let absent = self.score.any_null(absent);
            facts.assume(&self.score, absent, false);
            list.push(Arm { condition: absent, value: null });
            list.push(Arm { condition, value: typed(&self.score, value) });
            facts.assume(&self.score, condition, false);
        }
        let end = end.map_or(null, |end| typed(&self.score, end));
        self.score.case(list, end)
    }

    /// The sources that are compared somewhere in a condition and may be NULL.
    fn compared(&self, condition: Id, facts: &Facts) -> BTreeSet<Id> {
        let mut found = BTreeSet::new();
        let mut stack = vec![(condition, facts.clone())];
        while let Some((id, mut facts)) = stack.pop() {
            match self.score.expr(id) {
                Expr::Compare(_, a, b) => {
                    let sources = [a, b].into_iter().flat_map(|operand| self.score.null_sources(*operand));
                    found.extend(sources.filter(|source| !facts.present.contains(source)));
                }
                Expr::Call(Function::IsNan, list) => found.extend(
                    self.score.null_sources(list[0]).into_iter().filter(|source| !facts.present.contains(source)),
                ),
                Expr::And(list) | Expr::Or(list) => {
                    let truth = matches!(self.score.expr(id), Expr::And(_));
                    for &item in list {
                        stack.push((item, facts.clone()));
                        facts.assume(&self.score, item, truth);
                    }
                }
                Expr::Not(inner) => stack.push((*inner, facts)),
                _ => {}
            }
        }
        found
    }
}

fn printed(score: &Score) -> String {
    let legal = legalize::legalize(score, dialect::default(), &mut Report::new()).unwrap();
    let inputs = COLUMNS.iter().map(|(name, ty, nullable)| Binding {
        expr: ast::Expr::Column(ast::Name::new(*name)),
        ty: Some(ty.clone()),
        nullable: *nullable,
    });
    let bindings = Bindings { inputs: inputs.collect(), ..Bindings::default() };
    let wishes = plan::Wishes { guard: false, strict: false };
    let plan = plan::plan(&legal, Shape::default(), dialect::default(), wishes, &mut Report::new()).ok().unwrap();
    match emit::items(&plan, &legal, &bindings, dialect::default()).swap_remove(0) {
        ast::Item::Expr { expr, .. } => print::expression(&expr, Style { width: usize::MAX, ..Style::default() })
            .lines()
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" "),
        other => panic!("{other:?}"),
    }
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    PASSES.iter().chain(FINISH).chain(CHOICES).flat_map(|pass| pass.rules.iter().copied())
}

/// Every combination of edge values for the columns that occur, thinned where there are many.
fn rows(score: &Score) -> Vec<Vec<Value>> {
    let doubles = [
        f64::NAN,
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        2.0,
        -2.5,
        3.0,
        0.1,
        5e-324,
        -1e-310,
        1e-200,
        1e150,
        -1e200,
        1e300,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        20.0,
        -30.0,
        700.0,
    ];
    let mut nullable: Vec<Value> = doubles.iter().map(|&value| Value::Double(value)).collect();
    nullable.push(Value::Null);
    let integers: Vec<Value> = [0.0, 1.0, -1.0, 2.0, 3.0, -7.0, 9e15].map(Value::Double).to_vec();
    let texts =
        ["a", "b", "c", "z", ""].map(|text| if text.is_empty() { Value::Null } else { Value::Text(text.into()) });
    let uses = score.uses();
    let used = |number: usize| {
        score.ids().any(|id| uses[id.index()] > 0 && matches!(score.expr(id), Expr::Input(n) if *n as usize == number))
    };
    let choices: Vec<&[Value]> = COLUMNS
        .iter()
        .enumerate()
        .map(|(number, (_, ty, null))| match (used(number), ty, null) {
            (false, ..) => &texts[..1],
            (_, Type::String, _) => &texts[..],
            (_, _, false) => &integers[..],
            _ => &nullable[..],
        })
        .collect();
    let total: usize = choices.iter().map(|choice| choice.len()).product();
    let step = (total / 3_000).max(1);
    // a step that shares no factor with the sizes meets all values
    let step =
        if step == 1 { 1 } else { (step..).find(|step| step % 2 * (step % 5) * (step % 7) * (step % 23) > 0).unwrap() };
    (0..total)
        .step_by(step)
        .map(|mut at| {
            choices
                .iter()
                .map(|choice| {
                    let value = choice[at % choice.len()].clone();
                    at /= choice.len();
                    value
                })
                .collect()
        })
        .collect()
}

fn root(score: &Score, values: &[Value]) -> Value {
    values[score.outputs[0].roots[0].index()].clone()
}

/// Compares the value before and after on edge values, for the class of what was done.
fn check(text: &str, before: &Score, after: &Score, stats: &Stats) {
    let class = rules().filter(|rule| stats.uses(rule.name) > 0).map(|rule| rule.class).max().unwrap_or(Class::Exact);
    let mut compared = 0;
    for row in rows(before) {
        let (old, new) = (before.eval(&row), after.eval(&row));
        let (x, y) = (root(before, &old), root(after, &new));
        if class == Class::Ulp && !decided(before, &old) {
            continue;
        }
        compared += 1;
        let odd = |value: &Value| matches!(value, Value::Double(x) if x.is_nan() || x.is_infinite() || x.to_bits() == (-0.0_f64).to_bits());
        let finite = !old.iter().any(odd);
        let wild = match class {
            Class::Exact => false,
            Class::Finite => !finite,
            Class::Ulp => !tame(&old),
        };
        let class = if class == Class::Finite { Class::Exact } else { class };
        let null = matches!(x, Value::Null) == matches!(y, Value::Null);
        assert!(null, "{text}: {x:?} became {y:?} for {row:?}\n{before}\n{after}");
        assert!(wild || same(class, &x, &y, true), "{text}: {x:?} became {y:?} for {row:?}\n{before}\n{after}");
    }
    assert!(compared > 0, "{text}: no row was compared");
}

#[test]
fn expressions_become_what_the_files_say() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/opt");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut used = BTreeSet::new();
    let mut failures = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert_eq!(lines.len() % 3, 0, "{file:?}");
        for block in lines.chunks(3) {
            let [wanted, before, after] = block else { unreachable!() };
            let score = import(before);
            let (mut optimized, mut stats) = optimize(&score, false);
            if file.ends_with("classes.txt")
                && let Some((other, more)) = alternative(&optimized, false)
            {
                optimized = std::borrow::Cow::Owned(other);
                stats.runs.extend(more.runs);
            }
            check(before, &score, &optimized, &stats);
            let (strict, strict_stats) = optimize(&score, true);
            check(before, &score, &strict, &strict_stats);
            let found: Vec<&str> = rules().filter(|rule| stats.uses(rule.name) > 0).map(|rule| rule.name).collect();
            used.extend(found.iter().copied());
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            let result = printed(&optimized);
            let same = if result == printed(&score) { "same".to_owned() } else { result.clone() };
            if found != *wanted || (same != *after && result != *after) {
                failures.push(format!("{found}\n  {before}\n  {same}\n"));
            }
        }
    }
    assert!(failures.is_empty(), "these became:\n{}", failures.join("\n"));
    let unused: Vec<&str> = rules().map(|rule| rule.name).filter(|name| !used.contains(name)).collect();
    assert!(unused.is_empty(), "no file uses {unused:?}");
}
