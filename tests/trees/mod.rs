//! Random trees in the form in which the reader gives them.

#![allow(dead_code, reason = "not every test uses every kind of tree")]

use m2ksql::schema::{Column, Field, Key, Kind, Type};
use m2ksql::sql::ast::{
    Commented, Comparison, Emit, Expr, Item, Level, Name, Operator, Property, Query, Script, Statement, Unit,
};
use proptest::prelude::*;

pub fn name() -> impl Strategy<Value = Name> {
    let nasty = prop::sample::select(vec![
        "A",
        "_X",
        "SIZE",
        "size",
        "a b",
        "ARRAY",
        "MAP",
        "STRUCT",
        "1D",
        "1E5",
        "É",
        "A@B",
        "x`y",
        "--",
        "/*",
        "'",
        "\"",
        "ESCAPE",
        "EMIT",
        "PARTITION",
        "DAY",
        "DAYS",
        "DATE",
        "TIMESTAMP",
        "NULL",
        "TRUE",
        "CASE",
        "a;b",
        "${x}",
        "E0",
        "日本",
    ]);
    prop_oneof![nasty.prop_map(Name::new), "[A-Z_][A-Z0-9_]{0,8}".prop_map(Name::new)]
}

/// Any finite number: all magnitudes alike, and the special ones often.
pub fn double() -> impl Strategy<Value = f64> {
    let special = prop::sample::select(vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        5e-324,
        -5e-324,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        0.1,
        1e22,
        1e23,
    ]);
    prop_oneof![special, any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |value| value.is_finite())]
}

pub fn ty() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            Type::Boolean,
            Type::Integer,
            Type::Bigint,
            Type::Double,
            Type::String,
            Type::Bytes,
            Type::Time,
            Type::Date,
            Type::Timestamp
        ]),
        (1u32..40, 0u32..40).prop_map(|(precision, scale)| Type::Decimal(precision, scale.min(precision))),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| Type::Array(Box::new(item))),
            (inner.clone(), inner.clone()).prop_map(|(key, value)| Type::Map(Box::new(key), Box::new(value))),
            prop::collection::vec((name(), inner), 0..3).prop_map(|fields| Type::Struct(
                fields.into_iter().map(|(Name(name), ty)| Field { name, ty }).collect()
            )),
        ]
    })
}

fn leaf() -> impl Strategy<Value = Expr> {
    let decimal = ("(0|[1-9][0-9]{0,25})", "[0-9]{0,25}", any::<bool>()).prop_map(|(whole, fraction, minus)| {
        let zero = format!("{whole}{fraction}").bytes().all(|byte| byte == b'0');
        Expr::Decimal(format!("{}{whole}.{fraction}", if minus && !zero { "-" } else { "" }))
    });
    prop_oneof![
        1 => Just(Expr::Null),
        1 => any::<bool>().prop_map(Expr::Boolean),
        3 => prop_oneof![any::<i64>(), -3..3i64, Just(i64::MIN), Just(i64::MAX)].prop_map(Expr::Integer),
        6 => double().prop_map(Expr::double),
        2 => decimal,
        2 => prop_oneof!["\\PC{0,6}", Just("it''s -- /* ;\n\r\t`\"".to_owned())].prop_map(Expr::String),
        6 => name().prop_map(Expr::Column),
        1 => (name(), name()).prop_map(|(source, column)| Expr::Qualified(source, column)),
        1 => (prop::sample::select(vec![Type::Time, Type::Date, Type::Timestamp]), "[0-9:-]{0,9}")
            .prop_map(|(ty, text)| Expr::Typed(ty, text)),
    ]
}

fn chain(first: Expr, level: Level, rest: Vec<(usize, Expr)>) -> Expr {
    let operators: Vec<Operator> =
        Operator::ALL.iter().filter(|(_, _, own)| *own == level).map(|&(operator, ..)| operator).collect();
    let rest = rest.into_iter().map(|(index, operand)| (operators[index % operators.len()], operand));
    match first {
        Expr::Chain(head, mut earlier) if earlier[0].0.level() == level => {
            earlier.extend(rest);
            Expr::Chain(head, earlier)
        }
        first => Expr::Chain(Box::new(first), rest.collect()),
    }
}

fn logical(operands: Vec<Expr>, and: bool) -> Expr {
    let mut operands = operands.into_iter();
    let mut all = match (operands.next(), and) {
        (Some(Expr::And(first)), true) | (Some(Expr::Or(first)), false) => first,
        (first, _) => first.into_iter().collect(),
    };
    all.extend(operands);
    if and { Expr::And(all) } else { Expr::Or(all) }
}

/// Any expression of a few dozen nodes.
pub fn expr() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(5, 40, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let some = |at_least: usize| prop::collection::vec(inner.clone(), at_least..4);
        let level = prop::sample::select(vec![Level::Sum, Level::Product, Level::Concat]);
        let comparison = prop::sample::select(Comparison::ALL.iter().map(|&(comparison, _)| comparison).collect::<Vec<_>>());
        let lambda = (prop::collection::vec(name(), 1..4), boxed.clone()).prop_map(|(names, body)| Expr::Lambda(names, body));
        let unit = prop::sample::select(Unit::ALL.iter().map(|&(unit, _)| Expr::Unit(unit)).collect::<Vec<_>>());
        prop_oneof![
            6 => (inner.clone(), level, prop::collection::vec((0usize..9, inner.clone()), 1..4))
                .prop_map(|(first, level, rest)| chain(first, level, rest)),
            2 => (some(2), any::<bool>()).prop_map(|(operands, and)| logical(operands, and)),
            1 => boxed.clone().prop_map(Expr::Not),
            2 => boxed.clone().prop_map(Expr::Negate),
            1 => boxed.clone().prop_map(Expr::Plus),
            2 => (comparison, boxed.clone(), boxed.clone()).prop_map(|(c, left, right)| Expr::Compare(c, left, right)),
            1 => (boxed.clone(), boxed.clone(), boxed.clone(), any::<bool>())
                .prop_map(|(value, low, high, negated)| Expr::Between { value, low, high, negated }),
            1 => (boxed.clone(), some(1), any::<bool>()).prop_map(|(value, list, negated)| Expr::In { value, list, negated }),
            1 => (boxed.clone(), boxed.clone(), prop::option::of(any::<char>()), any::<bool>())
                .prop_map(|(value, pattern, escape, negated)| Expr::Like { value, pattern, escape, negated }),
            1 => (boxed.clone(), any::<bool>()).prop_map(|(value, negated)| Expr::IsNull { value, negated }),
            2 => (prop::collection::vec((inner.clone(), inner.clone()), 1..4), prop::option::of(boxed.clone()))
                .prop_map(|(arms, otherwise)| Expr::Case(arms, otherwise)),
            1 => (boxed.clone(), ty()).prop_map(|(value, ty)| Expr::Cast(value, ty)),
            1 => (boxed.clone(), name()).prop_map(|(base, field)| Expr::Field(base, field)),
            1 => (boxed.clone(), boxed.clone()).prop_map(|(base, index)| Expr::Index(base, index)),
            1 => some(0).prop_map(Expr::Array),
            1 => prop::collection::vec((inner.clone(), inner.clone()), 0..3).prop_map(Expr::Map),
            1 => prop::collection::vec((name(), inner.clone()), 0..3).prop_map(Expr::Struct),
            3 => (name(), some(0)).prop_map(|(Name(function), arguments)| call(&function, arguments)),
            2 => (name(), prop_oneof![4 => inner.clone(), 1 => unit], prop::collection::vec(lambda, 1..3)).prop_map(
                |(Name(function), first, lambdas)| call(&function, std::iter::once(first).chain(lambdas).collect())
            ),
        ]
    })
}

/// A file of statements that have a form, with comments.
pub fn script() -> impl Strategy<Value = Script> {
    prop::collection::vec((comments(), statement()), 0..4).prop_flat_map(|statements| {
        let statements: Vec<Commented> =
            statements.into_iter().map(|(comments, statement)| Commented { comments, statement }).collect();
        comments().prop_map(move |comments| Script { statements: statements.clone(), comments })
    })
}

fn comments() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(vec!["a", "it's; `x", "--@ b", "/* c", "@test", " @ d", "é"]), 0..3)
        .prop_map(|lines| lines.into_iter().map(str::to_owned).collect())
}

fn statement() -> impl Strategy<Value = Statement> {
    let kind = any::<bool>().prop_map(|table| if table { Kind::Table } else { Kind::Stream });
    let key =
        prop::option::of(prop::sample::select(vec![Key::Key, Key::Primary, Key::Headers, Key::Header("it's".into())]));
    let column = (name(), ty(), key).prop_map(|(Name(name), ty, key)| Column { name, ty, key });
    let columns = prop::collection::vec(column, 0..4).prop_map(|mut columns| {
        let mut seen = std::collections::BTreeSet::new();
        columns.retain(|column| seen.insert(column.name.clone()));
        columns
    });
    let value = prop_oneof![
        any::<i64>().prop_map(Expr::Integer),
        double().prop_map(Expr::double),
        any::<bool>().prop_map(Expr::Boolean),
        "\\PC{0,6}".prop_map(Expr::String),
        Just(Expr::Null),
    ];
    let with =
        prop::collection::vec(("[A-Z_]{1,9}".prop_map(Name::new), value), 0..3).prop_map(|mut with: Vec<Property>| {
            with.iter_mut().for_each(|(Name(name), _)| name.push('_'));
            with
        });
    let flags = any::<(bool, bool, bool)>();
    let other = prop::sample::select(vec![
        "DROP STREAM S",
        "SELECT A FROM S -- c\nGROUP BY A",
        "SET 'a' = ';'",
        "x \"y;\" /* ; */ z",
    ]);
    prop_oneof![
        (flags, kind.clone(), name(), columns, with.clone()).prop_map(
            |((or_replace, source, if_not_exists), kind, name, mut columns, with)| {
                for key in columns.iter_mut().filter_map(|column| column.key.as_mut()) {
                    if matches!(key, Key::Key | Key::Primary) {
                        *key = if kind == Kind::Table { Key::Primary } else { Key::Key };
                    }
                }
                Statement::Create { or_replace, source, kind, if_not_exists, name, columns, with }
            }
        ),
        (flags, kind, name(), with.clone(), query()).prop_map(
            |((or_replace, if_not_exists, _), kind, name, with, query)| {
                Statement::CreateAs { or_replace, kind, if_not_exists, name, with, query }
            }
        ),
        (name(), with, query()).prop_map(|(name, with, query)| Statement::InsertInto { name, with, query }),
        query().prop_map(Statement::Select),
        other.prop_map(|text| Statement::Other(text.to_owned())),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let item = prop_oneof![
        1 => prop::option::of(name()).prop_map(Item::All),
        4 => (comments(), expr(), prop::option::of(name())).prop_map(|(comments, expr, alias)| Item::Expr { comments, expr, alias }),
    ];
    let emit = prop::option::of(prop::sample::select(vec![Emit::Changes, Emit::Final]));
    (
        prop::collection::vec(item, 1..4),
        name(),
        prop::option::of(name()),
        prop::option::of(expr()),
        prop::collection::vec(expr(), 0..3),
        emit,
        prop::option::of(any::<u64>()),
    )
        .prop_map(|(items, from, from_alias, filter, partition_by, emit, limit)| Query {
            items,
            from,
            from_alias,
            filter,
            partition_by,
            emit,
            limit,
        })
}

/// The reader gives names of functions in upper case.
fn call(function: &str, arguments: Vec<Expr>) -> Expr {
    Expr::call(&function.to_ascii_uppercase(), arguments)
}
