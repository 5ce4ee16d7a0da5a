//! The fast path: expressions of numbers and conditions, compiled to a register program over blocks of rows.
//!
//! A register holds, for every row of a block, a double and a state: a value, NULL, or an exception on its way to the
//! next guard. Integers and booleans travel as doubles, which hold them exactly; a BIGINT enters only where Java turns
//! it into a double at once. Every operand is computed for all rows, also where Java would not look at it; the states
//! decide which result counts, so that the values are those of [`run`](super::run), bit for bit: a property test holds
//! the two against each other.
//!
//! `REDUCE(ARRAY[…], start, (s, x) => …)`, which the compiler's own output binds values with, is unrolled. What the
//! register program has no operation for (texts other than in `=` and IN, maps, arrays as results) stays on the general
//! path.

use std::sync::Arc;

use super::Output;
use super::compare::Comparator;
use super::convert::Conversion;
use super::functions::Run;
use super::kernel::{Column, Kernel, Op, Operand, Source, State};
use super::run::{Arithmetic, Call, Node, with_stack};
use super::value::Value;
use crate::schema::{Relation, Type};
use crate::sql::ast::Comparison;

/// Programs that grow beyond this by unrolling stay on the general path.
const MAX_OPS: usize = 200_000;

/// What a register's numbers stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Double,
    Integer,
    /// A BIGINT, already rounded to a double.
    Bigint,
    /// A BIGINT that the double holds exactly.
    Whole,
    Boolean,
    /// The number of a text in the table of literals.
    Text,
    /// NULL without a type.
    Null,
}

/// The register program of an expression.
#[derive(Debug)]
pub(super) struct Fast {
    kernel: Kernel,
    kind: Kind,
    texts: Vec<Arc<str>>,
}

/// What is known of a node's value while the program is built.
#[derive(Clone, Debug)]
enum Symbol {
    Scalar(Operand, Kind),
    /// The items of an array that is nowhere stored.
    Array(Vec<Symbol>),
}

/// The register program of an expression, if it has one.
pub(super) fn build(node: &Node, relation: &Relation) -> Option<Fast> {
    let mut builder = Builder { relation, ops: Vec::new(), variables: Vec::new(), texts: Vec::new() };
    let (result, kind) = builder.scalar(node)?;
    if matches!(kind, Kind::Bigint | Kind::Null) {
        return None;
    }
    Some(Fast { kernel: Kernel::new(builder.ops, result), kind, texts: builder.texts })
}

impl Fast {
    /// The values for a batch of rows.
    pub(super) fn run(&self, columns: &[Column<'_>], rows: usize) -> Output {
        if self.kind == Kind::Double {
            let (mut values, mut nulls) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
            self.kernel.run(columns, rows, |value, state| {
                values.push(value);
                nulls.push(state != State::VALUE);
            });
            return Output::Doubles(values, nulls);
        }
        let mut values = Vec::with_capacity(rows);
        self.kernel.run(columns, rows, |number, state| {
            values.push(if state == State::VALUE { self.value(number) } else { Value::Null });
        });
        Output::Values(values)
    }

    fn value(&self, number: f64) -> Value {
        match self.kind {
            Kind::Double => Value::Double(number),
            Kind::Integer => Value::Integer(number as i32),
            Kind::Bigint | Kind::Whole => Value::Bigint(number as i64),
            Kind::Boolean => Value::Boolean(number != 0.0),
            Kind::Text => self.texts.get(number as usize).cloned().map_or(Value::Null, Value::String),
            Kind::Null => Value::Null,
        }
    }
}

struct Builder<'a> {
    relation: &'a Relation,
    ops: Vec<Op>,
    variables: Vec<Option<Symbol>>,
    texts: Vec<Arc<str>>,
}

impl Builder<'_> {
    /// Adds an operation; its result is the register of the same number.
    fn push(&mut self, op: Op) -> Option<Operand> {
        self.ops.push(op);
        (self.ops.len() <= MAX_OPS).then(|| Operand::Register(self.ops.len() - 1))
    }

    fn scalar(&mut self, node: &Node) -> Option<(Operand, Kind)> {
        match self.symbol(node)? {
            Symbol::Scalar(operand, kind) => Some((operand, kind)),
            Symbol::Array(_) => None,
        }
    }

    /// A number that Java would turn into a double here.
    fn double(&mut self, node: &Node) -> Option<Operand> {
        let (operand, kind) = self.scalar(node)?;
        kind.is_number().then_some(operand)
    }

    fn condition(&mut self, node: &Node) -> Option<Operand> {
        let (operand, kind) = self.scalar(node)?;
        (kind == Kind::Boolean).then_some(operand)
    }

    fn symbol(&mut self, node: &Node) -> Option<Symbol> {
        with_stack(|| self.symbol_inside(node))
    }

    fn symbol_inside(&mut self, node: &Node) -> Option<Symbol> {
        let scalar = |operand: Option<Operand>, kind: Kind| Some(Symbol::Scalar(operand?, kind));
        match node {
            Node::Constant(value) => {
                let (number, kind) = match value {
                    Value::Null => return Some(Symbol::Scalar(Operand::Null, Kind::Null)),
                    Value::Double(value) => (*value, Kind::Double),
                    Value::Integer(value) => (f64::from(*value), Kind::Integer),
                    Value::Bigint(value) if value.unsigned_abs() <= 1 << 53 => (*value as f64, Kind::Whole),
                    Value::Bigint(value) => (*value as f64, Kind::Bigint),
                    Value::String(text) => {
                        self.texts.push(text.clone());
                        ((self.texts.len() - 1) as f64, Kind::Text)
                    }
                    Value::Boolean(value) => (f64::from(u8::from(*value)), Kind::Boolean),
                    _ => return None,
                };
                Some(Symbol::Scalar(Operand::Constant(number), kind))
            }
            Node::Column(_) | Node::Field(..) => {
                let (source, ty) = self.source(node)?;
                let kind = Kind::of(&ty).filter(|kind| *kind != Kind::Text)?;
                scalar(self.push(Op::Load(source)), kind)
            }
            Node::Variable(slot) => self.variables.get(*slot).cloned().flatten(),
            Node::Guard(inner) => match self.symbol(inner)? {
                Symbol::Scalar(operand, kind) => scalar(self.push(Op::Guard(operand)), kind),
                array => Some(array),
            },
            Node::Cast(inner, conversion) => self.cast(inner, conversion),
            Node::Item(base, index) => match (self.symbol(base)?, index.as_ref()) {
                (Symbol::Array(items), Node::Constant(Value::Integer(index))) => {
                    let index = i64::from(*index);
                    let index = if index >= 0 { index - 1 } else { items.len() as i64 + index };
                    let item = usize::try_from(index).ok().and_then(|index| items.get(index)).cloned();
                    Some(item.unwrap_or(Symbol::Scalar(Operand::Null, Kind::Null)))
                }
                _ => None,
            },
            Node::Array(items) => {
                let items: Option<Vec<Symbol>> = items.iter().map(|item| self.symbol(item)).collect();
                items.map(Symbol::Array)
            }
            Node::Call(call) => self.call(call),
            Node::Case(arms, otherwise) => self.case(arms, otherwise.as_deref()),
            Node::Negate(inner, Arithmetic::Double) => {
                let operand = self.double(inner)?;
                scalar(self.push(Op::Negate(operand)), Kind::Double)
            }
            Node::Chain(first, rest) => {
                let (mut known, mut kind) = self.scalar(first)?;
                for (operator, arithmetic, operand) in rest {
                    let operand = self.double(operand)?;
                    if *arithmetic != Arithmetic::Double || !kind.is_number() {
                        return None;
                    }
                    known = self.push(Op::Arithmetic(*operator, known, operand))?;
                    kind = Kind::Double;
                }
                Some(Symbol::Scalar(known, kind))
            }
            Node::And(operands) => self.logic(operands, true),
            Node::Or(operands) => self.logic(operands, false),
            Node::Dropped(inner, value) => {
                let (inner, _) = self.scalar(inner)?;
                let value = Operand::Constant(f64::from(u8::from(*value)));
                scalar(self.push(Op::Poison(value, inner)), Kind::Boolean)
            }
            Node::Not(inner) => {
                let operand = self.condition(inner)?;
                scalar(self.push(Op::Not(operand)), Kind::Boolean)
            }
            Node::Compare(comparison, comparator, left, right) => {
                if *comparator == Comparator::Text {
                    return self.text(*comparison, left, right);
                }
                let left = self.scalar(left)?;
                let right = self.scalar(right)?;
                scalar(self.compare(*comparison, *comparator, left, right), Kind::Boolean)
            }
            Node::Between { value, low, high } => {
                let value = self.scalar(value)?;
                let low = (low.0, self.scalar(&low.1)?);
                let high = (high.0, self.scalar(&high.1)?);
                let above = self.compare(Comparison::GreaterOrEqual, low.0, value, low.1)?;
                let below = self.compare(Comparison::LessOrEqual, high.0, value, high.1)?;
                let start = self.push(Op::Condition(above))?;
                scalar(self.push(Op::And(start, below)), Kind::Boolean)
            }
            Node::In(value, items) => self.text_list(value, items),
            Node::IsNull(inner) => {
                if let Some((source, _)) = self.source(inner) {
                    return scalar(self.push(Op::IsNullSource(source)), Kind::Boolean);
                }
                let (operand, _) = self.scalar(inner)?;
                scalar(self.push(Op::IsNull(operand)), Kind::Boolean)
            }
            _ => None,
        }
    }

    /// A column or a field of one, with its type.
    fn source(&self, node: &Node) -> Option<(Source, Type)> {
        match node {
            Node::Column(column) => {
                let ty = self.relation.columns.get(*column)?.ty.clone();
                Some((Source { column: *column, path: Vec::new() }, ty))
            }
            Node::Field(base, index) => match self.source(base)? {
                (mut source, Type::Struct(fields)) => {
                    source.path.push(*index);
                    Some((source, fields.get(*index)?.ty.clone()))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn cast(&mut self, inner: &Node, conversion: &Conversion) -> Option<Symbol> {
        if let Conversion::Null(ty) = conversion {
            return Some(Symbol::Scalar(Operand::Null, Kind::of(ty)?));
        }
        let symbol = self.symbol(inner)?;
        let (operand, kind) = match (symbol, conversion) {
            (array @ Symbol::Array(_), Conversion::Same) => return Some(array),
            (Symbol::Array(_), _) => return None,
            (Symbol::Scalar(operand, kind), _) => (operand, kind),
        };
        let kind = match (conversion, kind) {
            (Conversion::Same, kind) => kind,
            (Conversion::Double, kind) if kind.is_number() => Kind::Double,
            (Conversion::Bigint, Kind::Integer) => Kind::Whole,
            _ => return None,
        };
        let operand = match operand {
            Operand::Register(_) => self.push(Op::Guard(operand))?,
            constant => constant,
        };
        Some(Symbol::Scalar(operand, kind))
    }

    fn logic(&mut self, operands: &[Node], and: bool) -> Option<Symbol> {
        let mut operands = operands.iter();
        let first = self.condition(operands.next()?)?;
        let mut known = self.push(Op::Condition(first))?;
        for operand in operands {
            let operand = self.condition(operand)?;
            known = self.push(if and { Op::And(known, operand) } else { Op::Or(known, operand) })?;
        }
        Some(Symbol::Scalar(known, Kind::Boolean))
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        comparator: Comparator,
        (left, left_kind): (Operand, Kind),
        (right, right_kind): (Operand, Kind),
    ) -> Option<Operand> {
        let both = |allowed: &[Kind]| allowed.contains(&left_kind) && allowed.contains(&right_kind);
        let exact = match comparator {
            Comparator::Double => left_kind.is_number() && right_kind.is_number(),
            Comparator::Whole => both(&[Kind::Integer, Kind::Whole]),
            Comparator::Boolean => both(&[Kind::Boolean]),
            _ => false,
        };
        if exact { self.push(Op::Compare(comparison, left, right)) } else { None }
    }

    /// A text column against a literal, for equality.
    fn text(&mut self, comparison: Comparison, left: &Node, right: &Node) -> Option<Symbol> {
        let ((source, Type::String), Node::Constant(Value::String(text))) = (self.source(left)?, right) else {
            return None;
        };
        let equal = self.push(Op::TextIn(source, vec![text.clone()]))?;
        match comparison {
            Comparison::Equal => Some(Symbol::Scalar(equal, Kind::Boolean)),
            _ => None,
        }
    }

    fn text_list(&mut self, value: &Node, items: &[Node]) -> Option<Symbol> {
        let (source, Type::String) = self.source(value)? else {
            return None;
        };
        let texts: Option<Vec<_>> = items
            .iter()
            .map(|item| match item {
                Node::Constant(Value::String(text)) => Some(text.clone()),
                _ => None,
            })
            .collect();
        Some(Symbol::Scalar(self.push(Op::TextIn(source, texts?))?, Kind::Boolean))
    }

    fn case(&mut self, arms: &[(Node, Node)], otherwise: Option<&Node>) -> Option<Symbol> {
        let mut known = self.push(Op::CaseStart)?;
        let mut kind = Kind::Null;
        for (condition, value) in arms {
            let condition = self.condition(condition)?;
            let (value, value_kind) = self.scalar(value)?;
            kind = same_kind(kind, value_kind)?;
            known = self.push(Op::CaseArm(known, condition, value))?;
        }
        let (value, value_kind) = match otherwise {
            Some(value) => self.scalar(value)?,
            None => (Operand::Null, Kind::Null),
        };
        kind = same_kind(kind, value_kind)?;
        Some(Symbol::Scalar(self.push(Op::CaseEnd(known, value))?, kind))
    }

    fn call(&mut self, call: &Call) -> Option<Symbol> {
        match (call.run, call.arguments.as_slice()) {
            (Run::Double(run), [argument]) => {
                let operand = self.double(argument)?;
                Some(Symbol::Scalar(self.push(Op::Function(run, operand))?, Kind::Double))
            }
            (Run::Doubles(run), [a, b]) => {
                let (a, b) = (self.double(a)?, self.double(b)?);
                Some(Symbol::Scalar(self.push(Op::Function2(run, a, b))?, Kind::Double))
            }
            (Run::Lambdas(_), [list, start]) if call.function == "REDUCE" => self.reduce(call, list, start),
            (Run::Values(_), [list]) if matches!(call.function, "ARRAY_MAX" | "ARRAY_MIN") => {
                let Symbol::Array(items) = self.symbol(list)? else {
                    return None;
                };
                self.fold(items.into_iter().map(Some), call.function == "ARRAY_MAX")
            }
            (Run::Values(_), arguments) if matches!(call.function, "GREATEST" | "LEAST") => {
                let symbols: Vec<_> = arguments.iter().map(|argument| self.symbol(argument)).collect();
                self.fold(symbols.into_iter(), call.function == "GREATEST")
            }
            (Run::Values(_), [first, rest @ ..]) if matches!(call.function, "COALESCE" | "IFNULL") => {
                let (mut known, mut kind) = self.scalar(first)?;
                for argument in rest {
                    let (operand, other) = self.scalar(argument)?;
                    kind = same_kind(kind, other)?;
                    known = self.push(Op::Coalesce(known, operand))?;
                }
                Some(Symbol::Scalar(known, kind))
            }
            _ => None,
        }
    }

    /// The greatest or least of several numbers of one kind.
    fn fold(&mut self, symbols: impl Iterator<Item = Option<Symbol>>, greatest: bool) -> Option<Symbol> {
        let mut known: Option<(Operand, Kind)> = None;
        for symbol in symbols {
            let Symbol::Scalar(operand, kind) = symbol? else {
                return None;
            };
            known = Some(match known {
                None => (operand, kind),
                Some((best, best_kind)) => {
                    (self.push(Op::Extreme(greatest, best, operand))?, same_kind(best_kind, kind)?)
                }
            });
        }
        let (operand, kind) = known?;
        matches!(kind, Kind::Double | Kind::Integer).then_some(Symbol::Scalar(operand, kind))
    }

    /// Unrolls the loop. An exception in any round is one of the call, so each round hands its own on.
    fn reduce(&mut self, call: &Call, list: &Node, start: &Node) -> Option<Symbol> {
        let Symbol::Array(items) = self.symbol(list)? else {
            return None;
        };
        let [closure] = call.closures.as_slice() else {
            return None;
        };
        let mut state = self.symbol(start)?;
        if !never_null(&state) {
            return None;
        }
        let mut rounds: Vec<Operand> = Vec::new();
        for item in items {
            if self.variables.len() < closure.slot + 2 {
                self.variables.resize(closure.slot + 2, None);
            }
            self.variables[closure.slot] = Some(state);
            self.variables[closure.slot + 1] = Some(item);
            let (operand, kind) = self.scalar(&closure.body)?;
            state = Symbol::Scalar(operand, kind);
            rounds.push(operand);
        }
        let Symbol::Scalar(mut last, kind) = state else {
            return Some(state);
        };
        rounds.pop();
        for round in rounds {
            last = self.push(Op::Poison(last, round))?;
        }
        Some(Symbol::Scalar(last, kind))
    }
}

/// Whether the start of a REDUCE is a constant.
fn never_null(symbol: &Symbol) -> bool {
    matches!(symbol, Symbol::Scalar(Operand::Constant(_), _))
}

/// The kind of two branches; NULL goes with everything.
fn same_kind(a: Kind, b: Kind) -> Option<Kind> {
    match (a, b) {
        (Kind::Null, other) | (other, Kind::Null) => Some(other),
        (Kind::Bigint | Kind::Whole, Kind::Bigint | Kind::Whole) if a != b => Some(Kind::Bigint),
        (a, b) => (a == b).then_some(a),
    }
}

impl Kind {
    /// For columns and NULLs of this type, if registers hold them.
    fn of(ty: &Type) -> Option<Self> {
        Some(match ty {
            Type::Double => Kind::Double,
            Type::Integer => Kind::Integer,
            Type::Bigint => Kind::Bigint,
            Type::Boolean => Kind::Boolean,
            Type::String => Kind::Text,
            _ => return None,
        })
    }

    fn is_number(self) -> bool {
        matches!(self, Kind::Double | Kind::Integer | Kind::Bigint | Kind::Whole)
    }
}
