//! Impute, OneHot, Encode and Bins: what becomes CASE over a column.

use super::single::{self, Chain};
use super::{Item, Lowering};
use crate::bind::natural_type;
use crate::model::{Encoder, Missing, NodeId, Unknown, Value};
use crate::schema::Type;
use crate::score::{Arm, Comparison, Const, Expr, Function, Id};

/// What is compared with an encoder's keys.
struct Subject {
    x: Id,
    /// Behind an imputer or a cast, or as the runtime rounds it.
    chain: Option<Chain>,
    /// What comes before the keys: what is missing, and what it stands for.
    absent: Vec<(Id, Value)>,
}

impl Lowering<'_> {
    pub(super) fn impute(&mut self, missing: &Missing, fill: &[Value], arg: NodeId) -> Vec<Item> {
        let items = self.items(arg).to_vec();
        let mut result = Vec::with_capacity(items.len());
        for (position, (item, fill)) in items.iter().zip(fill).enumerate() {
            result.push(match (missing, item, fill) {
                (Missing::Absent, Item::Flag { .. }, Value::Boolean(truth)) => self.impute_flag(item, *truth),
                // of two values one is left
                (Missing::Equal(Value::Boolean(replaced)), Item::Flag { missing, .. }, Value::Boolean(truth)) => {
                    match replaced == truth {
                        true => item.clone(),
                        false => Item::Flag { condition: self.score.boolean(*truth), missing: missing.clone() },
                    }
                }
                _ => self.impute_value(missing, item, fill, (arg, position)),
            });
        }
        result
    }

    fn impute_value(&mut self, missing: &Missing, item: &Item, fill: &Value, (arg, position): (NodeId, usize)) -> Item {
        let x = self.value(item);
        let ty = self.score.ty(x).clone();
        let value = self.typed(fill, &ty);
        let arms = match missing {
            Missing::Absent => vec![Arm { condition: self.absent(x), value }],
            Missing::Equal(replaced) => {
                let (condition, mut sources) = self.same(x, (arg, position), replaced);
                sources.push(x);
                let absent = Arm { condition: self.score.any_null(sources), value: self.score.null(ty) };
                vec![absent, Arm { condition, value }]
            }
        };
        Item::Value(self.score.case(arms, x))
    }

    /// Whether an element equals a value, and what makes that missing: as the runtime rounds it, where it is a monotone function
    /// of one feature.
    fn same(&mut self, x: Id, element: (NodeId, usize), value: &Value) -> (Id, Vec<Id>) {
        let number = match value {
            Value::Number(value) => Some(*value),
            Value::Integer(value) if *value as f64 as i128 == i128::from(*value) => Some(*value as f64),
            _ => None,
        };
        let decided = number.and_then(|number| single::with_constant(self, Comparison::Equal, element, number));
        if let Some(Item::Flag { condition, missing }) = decided {
            return (condition, missing);
        }
        let chain = Chain::of(self, element.0, element.1);
        (self.equals(x, chain.as_ref(), value), Vec::new())
    }

    fn impute_flag(&mut self, item: &Item, fill: bool) -> Item {
        let Item::Flag { condition, missing } = item else { return item.clone() };
        let absent = self.score.any_null(missing.iter().copied());
        let condition = if fill {
            self.score.or([absent, *condition])
        } else {
            let present = self.score.not(absent);
            self.score.and([present, *condition])
        };
        Item::Flag { condition, missing: Vec::new() }
    }

    /// NULL, or NaN where that is possible.
    pub(super) fn absent(&mut self, x: Id) -> Id {
        let null = self.score.is_null(x);
        if self.score.ty(x) != &Type::Double {
            return null;
        }
        let nan = self.score.call(Function::IsNan, vec![x]);
        self.score.or([null, nan])
    }

    /// `x = value`, in the type of `x`; FALSE if no value of that type equals it.
    fn equals(&mut self, x: Id, chain: Option<&Chain>, value: &Value) -> Id {
        let number = match value {
            Value::Number(value) => Some(*value),
            Value::Integer(value) if *value as f64 as i128 == i128::from(*value) => Some(*value as f64),
            Value::Integer(_) if chain.is_some() => return self.score.boolean(false),
            _ => None,
        };
        if let (Some(chain), Some(number)) = (chain, number) {
            return chain.compare(self, Comparison::Equal, number);
        }
        let constant = match (self.score.ty(x), value) {
            (Type::Double, Value::Number(value)) => self.score.double(*value),
            (Type::Double, Value::Integer(value)) => self.score.double(*value as f64),
            (Type::Bigint, Value::Integer(value)) => self.score.bigint(*value),
            (Type::Bigint, Value::Number(value)) if value.fract() == 0.0 && value.abs() < 9e15 => {
                self.score.bigint(*value as i64)
            }
            (Type::String, Value::Text(value)) => self.score.text(value),
            (Type::Boolean, Value::Boolean(value)) => self.score.boolean(*value),
            _ => return self.score.boolean(false),
        };
        self.score.compare(Comparison::Equal, x, constant)
    }

    /// For each column of a group `CASE WHEN x = its key THEN 1 … ELSE 0 END`; with keys that the encoder does not know
    /// refused, `CASE WHEN NOT (x is a known key) THEN NULL …`, one condition for the whole group.
    pub(super) fn one_hot(&mut self, encoders: &[Encoder], widths: &[usize], arg: NodeId) -> Vec<Item> {
        let items = self.items(arg).to_vec();
        let mut result = Vec::with_capacity(widths.iter().sum());
        for (position, ((item, encoder), &width)) in items.iter().zip(encoders).zip(widths).enumerate() {
            let Subject { x, chain, absent } = self.subject(item, encoder, (arg, position));
            let mut known = Vec::with_capacity(encoder.keys.len());
            let mut columns: Vec<Vec<Id>> = vec![Vec::new(); width];
            for (key, value) in encoder.keys.iter().zip(&encoder.values) {
                if *key == Value::Missing {
                    continue;
                }
                let condition = self.equals(x, chain.as_ref(), key);
                known.push(condition);
                if let Value::Integer(column) = value
                    && let Some(column) = columns.get_mut(*column as usize)
                {
                    column.push(condition);
                }
            }
            let known = self.score.or(known);
            let unknown = (encoder.unknown == Unknown::Missing).then(|| self.score.not(known));
            let (one, zero, null) = (self.score.double(1.0), self.score.double(0.0), self.score.null(Type::Double));
            for (column, conditions) in columns.into_iter().enumerate() {
                let here = self.score.or(conditions);
                let mut arms: Vec<Arm> = Vec::with_capacity(absent.len() + 2);
                arms.extend(absent.iter().map(|(condition, value)| {
                    let value = match value {
                        Value::Missing => null,
                        value if *value == Value::Integer(column as i64) => one,
                        _ => zero,
                    };
                    Arm { condition: *condition, value }
                }));
                arms.extend(unknown.map(|condition| Arm { condition, value: null }));
                arms.push(Arm { condition: here, value: one });
                result.push(Item::Value(self.score.case(arms, zero)));
            }
        }
        result
    }

    pub(super) fn encode(&mut self, encoders: &[Encoder], arg: NodeId) -> Vec<Item> {
        let items = self.items(arg).to_vec();
        let mut result = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            let encoder = encoders.get(position).unwrap_or(&encoders[0]);
            let elem = encoder.values.iter().find_map(Value::elem);
            let ty = elem.map_or(Type::Double, natural_type);
            let id = self.switch(item, encoder, (arg, position), &ty);
            result.push(if ty == Type::Boolean { self.flag_of(id) } else { Item::Value(id) });
        }
        result
    }

    /// A BOOLEAN value as a flag.
    fn flag_of(&mut self, id: Id) -> Item {
        let yes = self.score.boolean(true);
        Item::Flag { condition: self.score.compare(Comparison::Equal, id, yes), missing: self.score.null_sources(id) }
    }

    /// `CASE` over the value of an item: the encoder's table.
    fn switch(&mut self, item: &Item, encoder: &Encoder, element: (NodeId, usize), ty: &Type) -> Id {
        let Subject { x, chain, absent } = self.subject(item, encoder, element);
        let mut arms = Vec::with_capacity(encoder.keys.len() + 1);
        for (condition, value) in &absent {
            let value = self.typed(value, ty);
            arms.push(Arm { condition: *condition, value });
        }
        for (key, value) in encoder.keys.iter().zip(&encoder.values) {
            if *key == Value::Missing {
                continue;
            }
            let condition = self.equals(x, chain.as_ref(), key);
            let value = self.typed(value, ty);
            arms.push(Arm { condition, value });
        }
        let otherwise = self.typed(unknown_value(encoder), ty);
        self.score.case(arms, otherwise)
    }

    /// What is compared with an encoder's keys, when it counts as missing, and what the encoder gives then.
    ///
    /// An imputer right before the encoder is looked through: what is missing has the fill's value.
    fn subject(&mut self, item: &Item, encoder: &Encoder, (node, position): (NodeId, usize)) -> Subject {
        let lookup = |key: &Value| {
            let position = encoder.keys.iter().position(|candidate| candidate == key);
            position.map(|position| encoder.values[position].clone())
        };
        let missing = lookup(&Value::Missing).unwrap_or(Value::Missing);
        if let Some(chain) = Chain::of(self, node, position) {
            let x = chain.x;
            let fill = chain.fill.map(|fill| chain.value(fill));
            let fill =
                fill.map(|fill| if chain.truncates() { Value::Integer(fill as i64) } else { Value::Number(fill) });
            return self.absent_first(x, fill, missing, encoder, Some(chain));
        }
        let whole = self.value(item);
        let (x, fill) = self.imputed(whole);
        self.absent_first(x, fill, missing, encoder, None)
    }

    fn absent_first(
        &mut self,
        x: Id,
        fill: Option<Value>,
        missing: Value,
        encoder: &Encoder,
        chain: Option<Chain>,
    ) -> Subject {
        let value = match &fill {
            Some(fill) => {
                let position = encoder.keys.iter().position(|candidate| candidate == fill);
                position.map_or(unknown_value(encoder), |position| &encoder.values[position]).clone()
            }
            None => missing.clone(),
        };
        let nan_is_missing = fill.is_some() || encoder.keys.contains(&Value::Missing);
        let condition = if nan_is_missing { self.absent(x) } else { self.score.is_null(x) };
        let mut absent = vec![(condition, value)];
        // an integer that a number is truncated to is missing where it does not fit
        if let Some(fits) = chain.as_ref().and_then(|chain| chain.fits(self)) {
            absent.push((self.score.not(fits), missing));
        }
        Subject { x, chain, absent }
    }

    /// The column behind `CASE WHEN x IS NULL [OR x is NaN] THEN fill ELSE x END`, and the fill.
    fn imputed(&self, id: Id) -> (Id, Option<Value>) {
        let Expr::Case(arms, x) = self.score.expr(id) else { return (id, None) };
        let [Arm { condition, value }] = arms.as_slice() else { return (id, None) };
        let tests_null = |id: Id| matches!(self.score.expr(id), Expr::IsNull(inner) if inner == x);
        let tests_absence = match self.score.expr(*condition) {
            Expr::IsNull(inner) => inner == x && self.score.ty(*x) != &Type::Double,
            Expr::Or(list) => match list.as_slice() {
                [null, nan] => {
                    let tests_nan = |call: &Expr| matches!(call, Expr::Call(Function::IsNan, of) if of[0] == *x);
                    tests_null(*null) && tests_nan(self.score.expr(*nan))
                }
                _ => false,
            },
            _ => false,
        };
        let fill = match self.score.constant(*value) {
            Some(Const::Double(value)) => Value::Number(value.0),
            Some(Const::Bigint(value)) => Value::Integer(*value),
            Some(Const::Text(value)) => Value::Text(value.clone()),
            _ => return (id, None),
        };
        if tests_absence { (*x, Some(fill)) } else { (id, None) }
    }

    /// A constant of the wanted type; an integer may stand for a number.
    fn typed(&mut self, value: &Value, ty: &Type) -> Id {
        match (value, ty) {
            (Value::Missing, _) => self.score.null(ty.clone()),
            (Value::Number(value), _) => self.score.double(*value),
            (Value::Integer(value), Type::Double) => self.score.double(*value as f64),
            (Value::Integer(value), _) => self.score.bigint(*value),
            (Value::Text(value), _) => self.score.text(value),
            (Value::Boolean(value), _) => self.score.boolean(*value),
        }
    }

    /// `CASE WHEN x < edge THEN 0 WHEN x < next edge THEN 1 …`
    pub(super) fn bins(&mut self, edges: &[Vec<f64>], otherwise: Option<f64>, arg: NodeId) -> Vec<Item> {
        let numbers = self.numbers(arg);
        let mut result = Vec::with_capacity(numbers.len());
        for (position, (&number, edges)) in numbers.iter().zip(edges).enumerate() {
            let chain = Chain::of(self, arg, position).filter(|chain| !chain.truncates());
            let mut arms = Vec::with_capacity(edges.len() + 1);
            let (x, fill) = match &chain {
                Some(chain) => (chain.x, chain.fill.map(|fill| chain.value(fill))),
                None => match self.imputed(number) {
                    (x, Some(Value::Number(fill))) => (x, Some(fill)),
                    _ => (number, None),
                },
            };
            match fill {
                Some(fill) => {
                    let condition = self.absent(x);
                    let bin = edges.iter().position(|edge| fill < *edge).map(|bin| bin as f64);
                    let bin = bin.unwrap_or(otherwise.unwrap_or(edges.len() as f64));
                    arms.push(Arm { condition, value: self.score.double(bin) });
                }
                None => {
                    let null = self.score.null(Type::Double);
                    let sources = self.score.null_sources(x);
                    arms.push(Arm { condition: self.score.any_null(sources), value: null });
                }
            }
            for (bin, &edge) in edges.iter().enumerate() {
                let condition = match &chain {
                    Some(chain) => chain.compare(self, Comparison::Less, edge),
                    None if edge == f64::INFINITY => {
                        let most = self.score.double(f64::MAX);
                        self.score.compare(Comparison::LessOrEqual, x, most)
                    }
                    None if edge == f64::NEG_INFINITY => continue,
                    None => {
                        let edge = self.score.double(edge);
                        self.score.compare(Comparison::Less, x, edge)
                    }
                };
                let value = self.score.double(bin as f64);
                arms.push(Arm { condition, value });
            }
            let last = self.score.double(otherwise.unwrap_or(edges.len() as f64));
            result.push(Item::Value(self.score.case(arms, last)));
        }
        result
    }
}

fn unknown_value(encoder: &Encoder) -> &Value {
    match &encoder.unknown {
        Unknown::Missing => &Value::Missing,
        Unknown::Value(value) => value,
    }
}
