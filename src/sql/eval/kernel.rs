//! The register program of the fast path, and its loops over blocks of rows.
//!
//! Operation number i writes register i; the registers are then renamed so that few are in use at a time and a block
//! stays in the cache. The loops are branch-free where the common case needs it, so that the compiler vectorizes them.

use std::sync::Arc;

use super::compare;
use super::run;
use super::value::{Value, compare_doubles};
use crate::sql::ast::{Comparison, Operator};

/// Rows of a block: a dozen registers of it stay in the first-level cache.
pub(super) const BLOCK: usize = 256;

/// What a row's register holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State(u8);

impl State {
    pub const VALUE: State = State(0);
    pub const NULL: State = State(1);
    pub const THROWN: State = State(2);
    /// No arm of a CASE was taken yet.
    const OPEN: State = State(3);

    /// NULL and exceptions are both an exception here.
    fn strict(self) -> State {
        State(u8::from(self.0 != 0) << 1)
    }
}

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operand {
    Register(usize),
    Constant(f64),
    Null,
}

/// A column, or a field inside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    pub column: usize,
    pub path: Vec<usize>,
}

/// An operation; see [`run`](super::run) for what each means for NULL and exceptions.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Load(Source),
    IsNullSource(Source),
    TextIn(Source, Vec<Arc<str>>),
    Guard(Operand),
    Arithmetic(Operator, Operand, Operand),
    Negate(Operand),
    Function(fn(f64) -> f64, Operand),
    Function2(fn(f64, f64) -> f64, Operand, Operand),
    Compare(Comparison, Operand, Operand),
    /// A condition as AND and OR look at it: NULL is an exception.
    Condition(Operand),
    And(Operand, Operand),
    Or(Operand, Operand),
    Not(Operand),
    IsNull(Operand),
    CaseStart,
    CaseArm(Operand, Operand, Operand),
    CaseEnd(Operand, Operand),
    Coalesce(Operand, Operand),
    /// The greatest or least; NULLs are skipped.
    Extreme(bool, Operand, Operand),
    /// The first, or the exception of the second.
    Poison(Operand, Operand),
}

impl Op {
    fn operands_mut(&mut self) -> Vec<&mut Operand> {
        match self {
            Op::Load(_) | Op::IsNullSource(_) | Op::TextIn(..) | Op::CaseStart => Vec::new(),
            Op::Guard(a) | Op::Negate(a) | Op::Function(_, a) | Op::Condition(a) | Op::Not(a) | Op::IsNull(a) => {
                vec![a]
            }
            Op::Arithmetic(_, a, b)
            | Op::Function2(_, a, b)
            | Op::Compare(_, a, b)
            | Op::And(a, b)
            | Op::Or(a, b)
            | Op::CaseEnd(a, b)
            | Op::Coalesce(a, b)
            | Op::Extreme(_, a, b)
            | Op::Poison(a, b) => vec![a, b],
            Op::CaseArm(a, b, c) => vec![a, b, c],
        }
    }
}

/// A column of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// DOUBLEs, with a flag for each that is NULL; no flags if none is.
    Doubles(&'a [f64], &'a [bool]),
    /// Values of any type.
    Values(&'a [Value]),
}

impl Column<'_> {
    /// The value of a row; NULL beyond the end.
    pub(super) fn value(&self, row: usize) -> Value {
        match self {
            Column::Doubles(values, nulls) => match values.get(row) {
                Some(value) if nulls.get(row) != Some(&true) => Value::Double(*value),
                _ => Value::Null,
            },
            Column::Values(values) => values.get(row).cloned().unwrap_or(Value::Null),
        }
    }
}

/// A compiled register program.
#[derive(Debug)]
pub(super) struct Kernel {
    /// Each with the register that it writes.
    ops: Vec<(usize, Op)>,
    registers: usize,
    result: Operand,
}

/// One register for a block of rows.
#[derive(Clone, Debug)]
struct Register {
    values: Vec<f64>,
    states: Vec<State>,
}

impl Register {
    fn new(value: f64, state: State) -> Self {
        Register { values: vec![value; BLOCK], states: vec![state; BLOCK] }
    }
}

impl Kernel {
    /// Renames the registers of a program in which operation i writes register i.
    pub(super) fn new(mut ops: Vec<Op>, mut result: Operand) -> Self {
        let mut last_use: Vec<usize> = (0..ops.len()).collect();
        for (at, op) in ops.iter_mut().enumerate() {
            for operand in op.operands_mut() {
                if let Operand::Register(register) = operand {
                    last_use[*register] = at;
                }
            }
        }
        if let Operand::Register(register) = result {
            last_use[register] = usize::MAX;
        }
        let mut names: Vec<usize> = Vec::with_capacity(ops.len());
        let mut free: Vec<usize> = Vec::new();
        let mut registers = 0;
        let mut named = Vec::with_capacity(ops.len());
        for (at, mut op) in ops.into_iter().enumerate() {
            // the target is taken before operands are given back: it is never one of them
            let target = free.pop().unwrap_or_else(|| {
                registers += 1;
                registers - 1
            });
            let mut ended: Vec<usize> = Vec::new();
            for operand in op.operands_mut() {
                if let Operand::Register(register) = operand {
                    if last_use[*register] == at && !ended.contains(&names[*register]) {
                        ended.push(names[*register]);
                    }
                    *operand = Operand::Register(names[*register]);
                }
            }
            free.extend(ended);
            names.push(target);
            if last_use[at] == at {
                free.push(target);
            }
            named.push((target, op));
        }
        if let Operand::Register(register) = &mut result {
            *register = names[*register];
        }
        Kernel { ops: named, registers, result }
    }

    /// Runs the program and hands on the results, row by row.
    pub(super) fn run(&self, columns: &[Column<'_>], rows: usize, mut give: impl FnMut(f64, State)) {
        let mut registers = vec![Register::new(0.0, State::NULL); self.registers];
        let mut start = 0;
        while start < rows {
            for (target, op) in &self.ops {
                let mut out =
                    std::mem::replace(&mut registers[*target], Register { values: Vec::new(), states: Vec::new() });
                step(op, &registers, &mut out, columns, start);
                registers[*target] = out;
            }
            let count = BLOCK.min(rows - start);
            match self.result {
                Operand::Register(register) => {
                    let register = &registers[register];
                    for (value, state) in register.values.iter().zip(&register.states).take(count) {
                        give(*value, *state);
                    }
                }
                Operand::Constant(value) => (0..count).for_each(|_| give(value, State::VALUE)),
                Operand::Null => (0..count).for_each(|_| give(0.0, State::NULL)),
            }
            start += count;
        }
    }
}

/// Calls `body` with the values and states of an operand for each row of the block.
macro_rules! with {
    ($registers:expr, $operand:expr, |$values:ident, $states:ident| $body:expr) => {{
        let constant;
        let ($values, $states): (&[f64], &[State]) = match $operand {
            Operand::Register(register) => {
                let register: &Register = &$registers[*register];
                (&register.values, &register.states)
            }
            Operand::Constant(value) => {
                constant = [*value; BLOCK];
                (&constant, &[State::VALUE; BLOCK])
            }
            Operand::Null => (&[0.0; BLOCK], &[State::NULL; BLOCK]),
        };
        $body
    }};
}

fn step(op: &Op, registers: &[Register], out: &mut Register, columns: &[Column<'_>], start: usize) {
    let (to, marks) = (out.values.as_mut_slice(), out.states.as_mut_slice());
    match op {
        Op::Load(source) => load(source, columns, start, to, marks),
        Op::IsNullSource(source) => {
            each(source, columns, start, to, marks, |value| (f64::from(u8::from(value.is_null())), State::VALUE))
        }
        Op::TextIn(source, texts) => each(source, columns, start, to, marks, |value| {
            let found = matches!(value, Value::String(text) if texts.contains(text));
            (f64::from(u8::from(found)), State::VALUE)
        }),
        Op::Guard(a) => unary(registers, a, to, marks, |a, s| (a, if s == State::THROWN { State::NULL } else { s })),
        Op::Arithmetic(operator, a, b) => match operator {
            Operator::Add => arithmetic(registers, a, b, to, marks, |a, b| a + b),
            Operator::Subtract => arithmetic(registers, a, b, to, marks, |a, b| a - b),
            Operator::Multiply => arithmetic(registers, a, b, to, marks, |a, b| a * b),
            Operator::Divide => arithmetic(registers, a, b, to, marks, |a, b| a / b),
            other => arithmetic(registers, a, b, to, marks, |a, b| run::doubles(*other, a, b)),
        },
        Op::Negate(a) => unary(registers, a, to, marks, |a, s| (-a, s.strict())),
        Op::Function(function, a) => unary(registers, a, to, marks, |a, s| (function(a), s)),
        Op::Function2(function, a, b) => {
            binary(registers, a, b, to, marks, |a, s, b, t| (function(a, b), State(s.0.max(t.0))));
        }
        Op::Compare(comparison, a, b) => match comparison {
            Comparison::Less => order(registers, a, b, to, marks, |a, b| a < b),
            Comparison::LessOrEqual => order(registers, a, b, to, marks, |a, b| a <= b),
            Comparison::Greater => order(registers, a, b, to, marks, |a, b| a > b),
            Comparison::GreaterOrEqual => order(registers, a, b, to, marks, |a, b| a >= b),
            Comparison::Equal => order(registers, a, b, to, marks, |a, b| a == b),
            Comparison::Distinct => binary(registers, a, b, to, marks, |a, s, b, t| {
                let different = if s == State::VALUE && t == State::VALUE {
                    compare::doubles(Comparison::Distinct, a, b)
                } else {
                    s != t
                };
                let thrown = s == State::THROWN || t == State::THROWN;
                (f64::from(u8::from(different)), if thrown { State::THROWN } else { State::VALUE })
            }),
            other => order(registers, a, b, to, marks, |a, b| compare::doubles(*other, a, b)),
        },
        Op::Condition(a) => unary(registers, a, to, marks, |a, s| (a, s.strict())),
        Op::And(a, b) => {
            binary(
                registers,
                a,
                b,
                to,
                marks,
                |a, s, b, t| {
                    if s != State::VALUE || a == 0.0 { (a, s) } else { (b, t.strict()) }
                },
            )
        }
        Op::Or(a, b) => {
            binary(
                registers,
                a,
                b,
                to,
                marks,
                |a, s, b, t| {
                    if s != State::VALUE || a != 0.0 { (a, s) } else { (b, t.strict()) }
                },
            )
        }
        Op::Not(a) => unary(registers, a, to, marks, |a, s| (1.0 - a, s.strict())),
        Op::IsNull(a) => unary(registers, a, to, marks, |_, s| {
            let state = if s == State::THROWN { s } else { State::VALUE };
            (f64::from(u8::from(s == State::NULL)), state)
        }),
        Op::CaseStart => marks.fill(State::OPEN),
        Op::CaseArm(known, condition, value) => with!(registers, value, |v, u| {
            with!(registers, condition, |c, t| {
                with!(registers, known, |a, s| {
                    for i in 0..BLOCK {
                        let open = s[i] == State::OPEN;
                        let taken = t[i] == State::VALUE && c[i] != 0.0;
                        let (arm, mark) = if taken { (v[i], u[i]) } else { (0.0, State::OPEN) };
                        let mark = if t[i] == State::VALUE { mark } else { State::THROWN };
                        (to[i], marks[i]) = if open { (arm, mark) } else { (a[i], s[i]) };
                    }
                })
            })
        }),
        Op::CaseEnd(a, b) => {
            binary(registers, a, b, to, marks, |a, s, b, t| if s == State::OPEN { (b, t) } else { (a, s) });
        }
        Op::Coalesce(a, b) => binary(registers, a, b, to, marks, |a, s, b, t| {
            if s == State::THROWN || t == State::THROWN {
                (0.0, State::THROWN)
            } else if s == State::NULL {
                (b, t)
            } else {
                (a, s)
            }
        }),
        Op::Extreme(greatest, a, b) => binary(registers, a, b, to, marks, |a, s, b, t| match (s, t) {
            (State::THROWN, _) | (_, State::THROWN) => (0.0, State::THROWN),
            (State::NULL, _) => (b, t),
            (_, State::NULL) => (a, s),
            _ => {
                let order = compare_doubles(b, a);
                (if if *greatest { order.is_gt() } else { order.is_lt() } { b } else { a }, State::VALUE)
            }
        }),
        Op::Poison(a, b) => {
            binary(registers, a, b, to, marks, |a, s, _, t| (a, if t == State::THROWN { State::THROWN } else { s }))
        }
    }
}

fn unary(
    registers: &[Register],
    a: &Operand,
    to: &mut [f64],
    marks: &mut [State],
    run: impl Fn(f64, State) -> (f64, State),
) {
    with!(registers, a, |values, states| {
        for (((to, mark), value), state) in to.iter_mut().zip(marks).zip(values).zip(states) {
            (*to, *mark) = run(*value, *state);
        }
    });
}

fn binary(
    registers: &[Register],
    a: &Operand,
    b: &Operand,
    to: &mut [f64],
    marks: &mut [State],
    run: impl Fn(f64, State, f64, State) -> (f64, State),
) {
    with!(registers, a, |a, s| {
        with!(registers, b, |b, t| {
            let left = a.iter().zip(s);
            let right = b.iter().zip(t);
            for (((to, mark), (a, s)), (b, t)) in to.iter_mut().zip(marks).zip(left).zip(right) {
                (*to, *mark) = run(*a, *s, *b, *t);
            }
        });
    });
}

/// Values and states apart, so that both loops vectorize.
fn arithmetic(
    registers: &[Register],
    a: &Operand,
    b: &Operand,
    to: &mut [f64],
    marks: &mut [State],
    run: impl Fn(f64, f64) -> f64,
) {
    with!(registers, a, |a, s| {
        with!(registers, b, |b, t| {
            for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
                *to = run(*a, *b);
            }
            for ((mark, s), t) in marks.iter_mut().zip(s).zip(t) {
                *mark = State(s.0 | t.0).strict();
            }
        });
    });
}

/// A comparison: false with NULL, and the right side is not looked at when the left one is NULL.
fn order(
    registers: &[Register],
    a: &Operand,
    b: &Operand,
    to: &mut [f64],
    marks: &mut [State],
    run: impl Fn(f64, f64) -> bool,
) {
    binary(registers, a, b, to, marks, |a, s, b, t| {
        let known = s.0 | t.0 == 0;
        let thrown = s == State::THROWN || (s == State::VALUE && t == State::THROWN);
        let holds = f64::from(u8::from(run(a, b) && known));
        (holds, if thrown { State::THROWN } else { State::VALUE })
    });
}

fn load(source: &Source, columns: &[Column<'_>], start: usize, to: &mut [f64], marks: &mut [State]) {
    if let (Some(Column::Doubles(values, nulls)), true) = (columns.get(source.column), source.path.is_empty()) {
        let values = values.get(start..).unwrap_or_default();
        let count = values.len().min(BLOCK);
        to[..count].copy_from_slice(&values[..count]);
        to[count..].fill(0.0);
        marks[..count].fill(State::VALUE);
        marks[count..].fill(State::NULL);
        for (mark, null) in marks.iter_mut().zip(nulls.get(start..).unwrap_or_default()) {
            if *null {
                *mark = State::NULL;
            }
        }
        return;
    }
    each(source, columns, start, to, marks, |value| match value {
        Value::Double(value) => (*value, State::VALUE),
        Value::Integer(value) => (f64::from(*value), State::VALUE),
        Value::Bigint(value) => (*value as f64, State::VALUE),
        Value::Boolean(value) => (f64::from(u8::from(*value)), State::VALUE),
        _ => (0.0, State::NULL),
    });
}

/// Looks at the source's value of each row.
fn each(
    source: &Source,
    columns: &[Column<'_>],
    start: usize,
    to: &mut [f64],
    marks: &mut [State],
    run: impl Fn(&Value) -> (f64, State),
) {
    for (row, (to, mark)) in to.iter_mut().zip(marks).enumerate() {
        (*to, *mark) = match columns.get(source.column) {
            Some(Column::Values(values)) => run(within(values.get(start + row), &source.path)),
            Some(Column::Doubles(values, nulls)) => match values.get(start + row) {
                Some(value) if source.path.is_empty() && nulls.get(start + row) != Some(&true) => {
                    run(&Value::Double(*value))
                }
                _ => run(&Value::Null),
            },
            None => run(&Value::Null),
        };
    }
}

/// Follows a path of fields; NULL where it ends early.
fn within<'v>(value: Option<&'v Value>, path: &[usize]) -> &'v Value {
    static NULL: Value = Value::Null;
    let mut current = value.unwrap_or(&NULL);
    for index in path {
        current = match current {
            Value::Struct(fields) => fields.get(*index).unwrap_or(&NULL),
            _ => &NULL,
        };
    }
    current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_used_again() {
        let load = |column| Op::Load(Source { column, path: Vec::new() });
        // a long sum needs the sum, the next column and the next sum
        let mut ops = vec![load(0)];
        for column in 1..100 {
            let sum = ops.len() - 1;
            ops.push(load(column));
            ops.push(Op::Arithmetic(Operator::Add, Operand::Register(sum), Operand::Register(sum + 1)));
        }
        let result = Operand::Register(ops.len() - 1);
        let kernel = Kernel::new(ops, result);
        assert!(kernel.registers <= 3, "{}", kernel.registers);
        let data: Vec<Vec<f64>> = (0..100).map(|c| (0..1000).map(|r| f64::from(c * r)).collect()).collect();
        let columns: Vec<Column<'_>> = data.iter().map(|values| Column::Doubles(values, &[])).collect();
        let mut sums = Vec::new();
        kernel.run(&columns, 1000, |value, state| {
            assert_eq!(state, State::VALUE);
            sums.push(value);
        });
        assert_eq!(sums, (0..1000).map(|r| 4950.0 * f64::from(r)).collect::<Vec<f64>>());
    }
}
