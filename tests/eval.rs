//! The evaluator's rules where the recordings are silent: derived from ksqlDB 0.29's translation to Java.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use m2ksql::diag::{Report, Sources};
use m2ksql::schema::{Column, Field, Kind, Relation, Type};
use m2ksql::sql::ast::{Comparison, Expr, Name, Operator};
use m2ksql::sql::eval::{self, Column as Data, Event, Program, Value};
use m2ksql::syntax;
use proptest::prelude::*;

mod trees;

fn relation() -> Relation {
    let address = Type::Struct(vec![Field { name: "ZIP".into(), ty: Type::Bigint }]);
    let columns = [
        ("A", Type::Double),
        ("B", Type::Double),
        ("I", Type::Integer),
        ("L", Type::Bigint),
        ("S", Type::String),
        ("T", Type::Boolean),
        ("D", Type::Decimal(10, 4)),
        ("ADDR", address),
        ("ARR", Type::Array(Box::new(Type::Double))),
        ("M", Type::Map(Box::new(Type::String), Box::new(Type::Double))),
        ("lower", Type::Double),
    ];
    let columns = columns.into_iter().map(|(name, ty)| Column { name: name.into(), ty, key: None }).collect();
    Relation { name: "SRC".into(), kind: Kind::Stream, columns }
}

/// A is 2, B is NULL, I is 3, L is 4, S is 'a', T is TRUE, D is 1.5, the rest is NULL or empty.
fn row() -> Vec<Value> {
    vec![
        Value::Double(2.0),
        Value::Null,
        Value::Integer(3),
        Value::Bigint(4),
        Value::string("a"),
        Value::Boolean(true),
        Value::decimal(eval::Decimal::parse("1.5000").unwrap()),
        Value::Null,
        Value::array(vec![Value::Double(3.0), Value::Double(1.0), Value::Null]),
        Value::map([(Value::string("k"), Value::Double(7.0))]),
        Value::Null,
    ]
}

fn compile(text: &str) -> Result<Program, String> {
    let mut sources = Sources::new();
    let source = sources.add("<test>", text);
    let mut report = Report::new();
    let program = syntax::expression(source, text, &mut report)
        .and_then(|expr| Program::compile(&expr, &relation(), &mut report));
    program.map_err(|_| {
        let lines = report.diagnostics().iter().map(|diagnostic| {
            let rest = diagnostic.notes.iter().chain(&diagnostic.help).cloned().collect::<Vec<_>>().join("; ");
            format!("{} {}; {rest}", diagnostic.code.id, diagnostic.message)
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}

fn value(text: &str) -> Value {
    compile(text).unwrap_or_else(|message| panic!("{text}\n{message}")).eval(&row(), &Event::default())
}

fn ty(text: &str) -> String {
    compile(text).unwrap_or_else(|message| panic!("{text}\n{message}")).ty().to_string()
}

fn error(text: &str) -> String {
    match compile(text) {
        Ok(program) => panic!("{text} is {}", program.ty()),
        Err(message) => message,
    }
}

fn boolean(text: &str) -> bool {
    match value(text) {
        Value::Boolean(value) => value,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn every_code_is_reported_with_what_was_found() {
    for (text, code, words) in [
        ("NOPE + 1", "E0701", "`SRC` has no column `NOPE`"),
        ("LOWER", "E0701", "write it in backquotes: `lower`"),
        ("OTHER.A", "E0701", "`OTHER` is not the name of the source"),
        ("ADDR->ZIPP", "E0701", "did you mean `ZIP`?"),
        ("T + 1", "E0702", "`+` takes numbers, found `BOOLEAN` and `INTEGER`"),
        ("CASE WHEN T THEN 1E0 ELSE 0 END", "E0702", "`DOUBLE` and `INTEGER`"),
        ("A = NULL", "E0702", "use IS NULL"),
        ("CAST(T AS DOUBLE)", "E0702", "no CAST from `BOOLEAN` to `DOUBLE`"),
        ("S AND T", "E0702", "AND takes a `BOOLEAN`, found `STRING`"),
        ("I IN (1, 'x')", "E0702", "`x`"),
        ("A->X", "E0702", "`->` takes a STRUCT, found `DOUBLE`"),
        ("EXPP(A)", "E0703", "did you mean `EXP`?"),
        ("EXP(S)", "E0704", "EXP(DOUBLE)"),
        ("GREATEST(I, L)", "E0704", "equally well"),
        ("COALESCE(A, 0)", "E0704", "(DOUBLE, INTEGER)"),
        ("EXP(NULL)", "E0704", "equally well"),
        ("S || S", "E0706", "CONCAT"),
        ("ABS(A) BETWEEN 1 AND 2", "E0706", ">="),
        ("(S LIKE 'a') = TRUE", "E0706", "LIKE"),
        ("+(+A)", "E0706", "increment"),
        ("-(-2147483648)", "E0706", "smallest"),
        ("TRANSFORM(ARR, A => A)", "E0705", "name of a column"),
        ("TRANSFORM(ARR, X => ARRAY_LENGTH(TRANSFORM(ARR, X => 1)))", "E0705", "used twice"),
        ("(A + B) IS NULL", "E0706", "CAST"),
        ("1E0 IS NULL", "E0706", "primitive"),
        ("ARR[L]", "E0706", "INTEGER"),
        ("STRUCT(X := 1, X := 2)", "E0706", "twice"),
        ("RANDOM()", "E0707", "random"),
        ("MAP_KEYS(M)", "E0707", "hash table"),
        ("ENTRIES(M, FALSE)", "E0707", "hash table"),
        ("CAST(M AS STRING)", "E0707", "hash table"),
        ("CAST(ARRAY[FROM_UNIXTIME(L)] AS STRING)", "E0707", "time zone"),
        ("CAST(STRUCT(X := FROM_DAYS(I)) AS STRING)", "E0707", "time zone"),
        ("CAST(ARRAY[PARSE_TIME(S, 'HH:mm')] AS ARRAY<ARRAY<STRING>>)", "E0702", "no CAST"),
        ("CONCAT(FROM_UNIXTIME(L))", "E0704", "CONCAT(BYTES...)"),
        ("`abs`(A)", "E0703", "`ABS`"),
        ("FORMAT_TIMESTAMP(FROM_UNIXTIME(L), 'yyyy', 'Europe/Oslo')", "E0707", "Europe/Oslo"),
        ("REGEXP_EXTRACT('(?i)a', S)", "E0707", "pattern"),
        ("ARRAY_SORT(SLICE(ARR, 1, 2))", "E0707", "SLICE"),
        ("ARRAY_CONCAT(SLICE(ARR, 1, 2), ARRAY_SORT(ARR))", "E0707", "SLICE"),
        ("ARRAY_CONCAT(SLICE(ARRAY_SORT(ARR), 1, 2), SLICE(ARRAY_SORT(ARR), 1, 2))", "E0707", "SLICE"),
        ("TRANSFORM(ARR, X => ARRAY_SORT(ARR)[1])", "E0707", "goes through"),
        ("REDUCE(ARR, ARR, (S1, X) => ARRAY_SORT(S1))", "E0707", "goes through"),
        ("NULL", "E0709", "CAST(NULL AS DOUBLE)"),
        ("ARRAY[NULL]", "E0709", "CAST(NULL AS DOUBLE)"),
        ("CASE WHEN T THEN NULL END", "E0709", "CAST(NULL AS DOUBLE)"),
        ("STRUCT(X := NULL)", "E0709", "CAST(NULL AS DOUBLE)"),
    ] {
        let message = error(text);
        assert!(message.starts_with(code) && message.contains(words), "{text}: {message}");
    }
    let mut deep = Expr::column("A");
    for _ in 0..600 {
        deep = Expr::Negate(Box::new(deep));
    }
    let mut report = Report::new();
    assert!(Program::compile(&deep, &relation(), &mut report).is_err());
    assert_eq!(report.diagnostics()[0].code.id, "E0708");
}

#[test]
fn all_errors_of_an_expression_are_reported() {
    assert_eq!(error("NOPE + EXPP(A) + (S * 2)").lines().count(), 3);
}

#[test]
fn a_where_clause_is_boolean() {
    let filter = |expr: Expr| {
        let mut report = Report::new();
        Program::compile_filter(&expr, &relation(), &mut report).map_err(|_| report.diagnostics()[0].code.id)
    };
    assert_eq!(filter(Expr::column("A")).err(), Some("E0709"));
    let keeps = filter(Expr::column("T")).unwrap();
    assert!(keeps.keeps(&row(), &Event::default()));
    let mut row = row();
    row[5] = Value::Null;
    assert!(!keeps.keeps(&row, &Event::default()));
}

#[test]
fn an_exception_stops_at_the_nearest_guard() {
    // arithmetic as an argument is not guarded
    assert_eq!(value("COALESCE(A * B, 9E0)"), Value::Null);
    // calls, ->, CAST are
    assert_eq!(value("COALESCE(ABS(A * B), 9E0)"), Value::Double(9.0));
    assert_eq!(value("COALESCE(CAST(A * B AS DOUBLE), 9E0)"), Value::Double(9.0));
    assert_eq!(value("COALESCE(ADDR->ZIP, L)"), Value::Bigint(4));
    // the conversion of an argument is a CAST as well
    assert_eq!(value("GREATEST(1E0, I / 0)"), Value::Double(1.0));
    assert_eq!(value("GREATEST(1E0, A * B)"), Value::Null);
    // so are items
    assert_eq!(value("ARRAY[A, A * B]"), Value::array(vec![Value::Double(2.0), Value::Null]));
    assert_eq!(value("STRUCT(X := I / 0, Y := I)"), Value::Struct([Value::Null, Value::Integer(3)].into()));
    assert_eq!(value("MAP('x' := I / 0)"), Value::map([(Value::string("x"), Value::Null)]));
    // an exception in a lambda ends the call
    assert_eq!(value("TRANSFORM(ARR, _X => _X + 1E0)"), Value::Null);
    assert_eq!(value("ARRAY_LENGTH(TRANSFORM(ARR, _X => _X + 1E0))"), Value::Null);
}

#[test]
fn comparisons_look_at_null_first() {
    assert!(!boolean("B > A"));
    assert!(!boolean("B <> A"));
    assert!(boolean("NOT (B = A)"));
    assert!(boolean("B IS DISTINCT FROM A"));
    assert!(boolean("B IS NOT DISTINCT FROM B"));
    // the right side is not looked at when the left one is NULL
    assert!(!boolean("B > B * 2E0"));
    assert_eq!(value("B * 2E0 > B"), Value::Null);
    assert!(!boolean("B BETWEEN B * 2E0 AND 1E0"));
    assert!(!boolean("A BETWEEN 3E0 AND B * 1E0"));
    assert_eq!(value("A BETWEEN 1E0 AND B * 1E0"), Value::Null);
    // DOUBLE with DECIMAL is decimal: 0.1E0 is 0.1 there
    assert!(boolean("1E-1 = 0.1"));
    assert_eq!(value("(0E0 / 0E0) = 0.1"), Value::Null);
    assert!(!boolean("(0E0 / 0E0) = (0E0 / 0E0)"));
    assert!(boolean("0E0 / 0E0 IN (0E0 / 0E0)"));
    assert!(boolean("I IN ('3', 2.50)"));
    assert!(!boolean("B IN (NULL, 1E0)"));
}

#[test]
fn conditions_are_lazy_and_null_is_an_exception() {
    assert!(boolean("T OR I / 0 = 1"));
    assert_eq!(value("I / 0 = 1 OR T"), Value::Null);
    assert!(!boolean("NOT T AND I / 0 = 1"));
    assert_eq!(value("CASE WHEN A > 0E0 THEN 1 WHEN I / 0 = 1 THEN 2 END"), Value::Integer(1));
    assert_eq!(value("CASE WHEN CAST(NULL AS BOOLEAN) THEN 1 ELSE 2 END"), Value::Null);
    assert_eq!(value("NOT CAST(NULL AS BOOLEAN)"), Value::Null);
}

#[test]
fn integers_wrap_and_divide_towards_zero() {
    assert_eq!(value("2147483647 + 1"), Value::Integer(i32::MIN));
    assert_eq!(value("-2147483648 / -1"), Value::Integer(i32::MIN));
    assert_eq!(value("9223372036854775807 * 2"), Value::Bigint(-2));
    assert_eq!(value("-7 / 2"), Value::Integer(-3));
    assert_eq!(value("-7 % 3"), Value::Integer(-1));
    assert_eq!(value("I % 0"), Value::Null);
    assert_eq!(value("-7E0 % 3E0"), Value::Double(-1.0));
    assert_eq!(value("ABS(-2147483648)"), Value::Integer(i32::MIN));
}

#[test]
fn types_of_lists_follow_their_first_item() {
    assert_eq!(ty("ARRAY[1, 2.5, A]"), "ARRAY<DOUBLE>");
    assert_eq!(ty("ARRAY[1, '2.55']"), "ARRAY<DECIMAL(12, 2)>");
    assert_eq!(ty("ARRAY[NULL, I, L]"), "ARRAY<BIGINT>");
    assert_eq!(ty("ARRAY[S, 1]"), "ARRAY<STRING>");
    assert!(error("ARRAY[S, I]").starts_with("E0702"));
    assert_eq!(ty("ARRAY[ARRAY[1], ARRAY[A]]"), "ARRAY<ARRAY<DOUBLE>>");
    assert_eq!(ty("ARRAY[STRUCT(X := 1), STRUCT(Y := 2E0)]"), "ARRAY<STRUCT<`Y` DOUBLE, `X` INTEGER>>");
    assert_eq!(ty("MAP('a' := 1, 'b' := A)"), "MAP<STRING, DOUBLE>");
}

#[test]
fn overloads_are_chosen_as_the_server_does() {
    assert_eq!(ty("ABS(L)"), "BIGINT");
    assert_eq!(ty("ROUND(D)"), "DECIMAL(6, 0)");
    assert_eq!(ty("GREATEST(D, 1.55555)"), "DECIMAL(11, 5)");
    assert_eq!(ty("GREATEST(A, I, L)"), "DOUBLE");
    assert_eq!(ty("COALESCE(S, 'x', NULL)"), "STRING");
    assert!(error("COALESCE(S, NULL)").starts_with("E0704"));
    assert_eq!(ty("REDUCE(ARR, '', (_S, _X) => CONCAT(_S, CAST(_X AS STRING)))"), "STRING");
    assert!(error("REDUCE(ARR, 0, (_S, _X) => _S + _X)").starts_with("E0702"));
    assert_eq!(ty("TRANSFORM(M, (_K, _V) => UCASE(_K), (_K, _V) => _V > 1E0)"), "MAP<STRING, BOOLEAN>");
}

#[test]
fn sorting_in_place_shows_within_the_expression_only() {
    let row = row();
    let program = compile("ARRAY[ARRAY_SORT(ARR)[1], ARR[1], ARR[3]]").unwrap();
    let sorted = Value::array(vec![Value::Double(1.0), Value::Double(1.0), Value::Null]);
    assert_eq!(program.eval(&row, &Event::default()), sorted);
    assert_eq!(program.eval(&row, &Event::default()), sorted);
    assert_eq!(row[8], Value::array(vec![Value::Double(3.0), Value::Double(1.0), Value::Null]));
    assert_eq!(value("ARRAY_SORT(SPLIT('b,a', ','))"), Value::Null);
    assert_eq!(value("ARRAY_SORT(SPLIT('ba', ''))[1]"), Value::string("a"));
}

#[test]
fn events_have_columns_of_their_own() {
    let event = Event { rowtime: 7, rowpartition: 1, rowoffset: 9, now: 11 };
    let program = compile("ROWTIME + ROWPARTITION + ROWOFFSET + UNIX_TIMESTAMP()").unwrap();
    assert!(program.reads_event());
    assert_eq!(program.eval(&row(), &event), Value::Bigint(28));
    assert!(!compile("A").unwrap().reads_event());
}

#[test]
fn what_is_accepted_does_not_overflow_a_test_thread() {
    let mut cases = Expr::column("A");
    let mut calls = Expr::column("A");
    let mut binds = Expr::column("_X159");
    for level in (0..160).rev() {
        cases = Expr::Case(vec![(Expr::Boolean(false), Expr::double(0.0))], Some(Box::new(cases)));
        cases = Expr::Cast(Box::new(cases), Type::Double);
        calls = Expr::call("COALESCE", vec![Expr::call("ABS", vec![calls]), Expr::double(0.0)]);
        let lambda =
            Expr::Lambda(vec![Name::new(format!("_S{level}")), Name::new(format!("_X{level}"))], Box::new(binds));
        binds = Expr::call("REDUCE", vec![Expr::Array(vec![Expr::column("A")]), Expr::double(0.0), lambda]);
    }
    for expr in [cases, calls, binds] {
        let program = Program::compile(&expr, &relation(), &mut Report::new()).unwrap();
        assert_eq!(program.eval(&row(), &Event::default()), Value::Double(2.0));
    }
}

#[test]
fn a_sum_may_be_long() {
    let rest = vec![(Operator::Add, Expr::column("A")); 200_000];
    let sum = Expr::Chain(Box::new(Expr::column("A")), rest);
    let program = Program::compile(&sum, &relation(), &mut Report::new()).unwrap();
    assert_eq!(program.eval(&row(), &Event::default()), Value::Double(400_002.0));
}

/// Numbers where something happens.
fn edge() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 1e308, -1e308, 5e-324, 709.0, -745.0]),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        -10.0..10.0f64,
    ]
}

/// A row of the relation with NULLs anywhere.
fn any_row() -> impl Strategy<Value = Vec<Value>> {
    let double = || prop_oneof![1 => Just(Value::Null), 4 => edge().prop_map(Value::Double)];
    let text = prop_oneof![Just(Value::Null), prop::sample::select(vec!["a", "b", ""]).prop_map(Value::string)];
    let integer =
        prop_oneof![Just(Value::Null), (-3..4i32).prop_map(Value::Integer), any::<i32>().prop_map(Value::Integer)];
    let bigint =
        || prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::Bigint), (0..4i64).prop_map(Value::Bigint)];
    let boolean = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::Boolean)];
    let address = prop_oneof![Just(Value::Null), bigint().prop_map(|zip| Value::Struct([zip].into()))];
    (double(), double(), integer, bigint(), text, boolean, address, double()).prop_map(
        |(a, b, i, l, s, t, address, lower)| {
            vec![a, b, i, l, s, t, Value::Null, address, Value::Null, Value::Null, lower]
        },
    )
}

/// What a double and a condition of the fast path can be, with variables of lambdas as deep as `scope`.
fn double(depth: u32, scope: usize) -> BoxedStrategy<Expr> {
    let mut leaves = vec![
        Just(Expr::column("A")).boxed(),
        Just(Expr::column("B")).boxed(),
        prop::sample::select(vec![0.0, 1.0, -2.5, 1e308]).prop_map(Expr::double).boxed(),
    ];
    if scope > 0 {
        leaves.extend((0..scope).map(|at| Just(Expr::column(format!("_V{at}"))).boxed()));
    }
    let leaf = prop::strategy::Union::new(leaves).boxed();
    if depth == 0 {
        return leaf;
    }
    let inner = || double(depth - 1, scope);
    let condition = || condition(depth - 1, scope);
    let operator = prop::sample::select(vec![
        Operator::Add,
        Operator::Subtract,
        Operator::Multiply,
        Operator::Divide,
        Operator::Modulo,
    ]);
    let number = prop_oneof![
        inner(),
        Just(Expr::column("I")),
        Just(Expr::column("L")),
        Just(Expr::Field(Box::new(Expr::column("ADDR")), Name::new("ZIP"))),
    ];
    let null = || Expr::Cast(Box::new(Expr::Null), Type::Double);
    let (first, second) = (format!("_V{scope}"), format!("_V{}", scope + 1));
    let lambda = vec![Name::new(&first), Name::new(&second)];
    prop_oneof![
        2 => leaf,
        4 => (inner(), prop::collection::vec((operator, number), 1..4))
            .prop_map(|(first, rest)| chain(first, rest)),
        2 => inner().prop_map(negate),
        2 => (prop::sample::select(vec!["EXP", "LN", "ABS", "FLOOR", "SQRT"]), inner()).prop_map(|(f, x)| Expr::call(f, vec![x])),
        1 => (inner(), inner()).prop_map(|(a, b)| Expr::call("POWER", vec![a, b])),
        2 => (prop::sample::select(vec!["COALESCE", "GREATEST", "LEAST"]), prop::collection::vec(inner(), 2..4))
            .prop_map(|(f, list)| Expr::call(f, list)),
        2 => inner().prop_map(|value| Expr::Cast(Box::new(value), Type::Double)),
        1 => Just(null()),
        3 => (prop::collection::vec((condition(), inner()), 1..3), prop::option::of(inner()))
            .prop_map(|(arms, otherwise)| Expr::Case(arms, otherwise.map(Box::new))),
        3 => (prop::collection::vec(inner(), 1..4), double(depth - 1, scope + 2)).prop_map(move |(items, body)| {
            let lambda = Expr::Lambda(lambda.clone(), Box::new(body));
            Expr::call("REDUCE", vec![Expr::Array(items), Expr::double(1.0), lambda])
        }),
    ]
    .boxed()
}

fn condition(depth: u32, scope: usize) -> BoxedStrategy<Expr> {
    let text = || Just(Expr::column("S"));
    let leaf = prop_oneof![
        Just(Expr::column("T")),
        any::<bool>().prop_map(Expr::Boolean),
        text().prop_map(|s| Expr::Compare(Comparison::Equal, Box::new(s), Box::new(Expr::String("a".into())))),
        text().prop_map(|s| Expr::IsNull { value: Box::new(s), negated: false }),
        text().prop_map(|s| Expr::In {
            value: Box::new(s),
            list: vec![Expr::String("a".into()), Expr::String(String::new())],
            negated: true
        }),
        (-1..2i64).prop_map(|n| Expr::Compare(
            Comparison::Less,
            Box::new(Expr::column("I")),
            Box::new(Expr::Integer(n))
        )),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let comparison =
        prop::sample::select(Comparison::ALL.iter().map(|(comparison, _)| *comparison).collect::<Vec<_>>());
    let inner = || condition(depth - 1, scope);
    prop_oneof![
        1 => leaf,
        4 => (comparison, double(depth - 1, scope), double(depth - 1, scope))
            .prop_map(|(comparison, a, b)| Expr::Compare(comparison, Box::new(a), Box::new(b))),
        1 => prop::collection::vec(inner(), 2..4).prop_map(Expr::And),
        1 => prop::collection::vec(inner(), 2..4).prop_map(Expr::Or),
        1 => inner().prop_map(|value| Expr::Not(Box::new(value))),
        // no call may stand in the value
        1 => (double(0, scope), double(depth - 1, scope), double(depth - 1, scope), any::<bool>()).prop_map(
            |(value, low, high, negated)| Expr::Between {
                value: Box::new(value),
                low: Box::new(low),
                high: Box::new(high),
                negated
            }
        ),
        1 => (double(depth - 1, scope), any::<bool>()).prop_map(|(value, negated)| Expr::IsNull {
            value: Box::new(Expr::Cast(Box::new(value), Type::Double)),
            negated
        }),
    ]
    .boxed()
}

/// Labels: texts and BIGINTs chosen by conditions, also through a bound value.
fn label() -> BoxedStrategy<Expr> {
    let class = |number: i64, text: bool| {
        if text { Expr::String(number.to_string()) } else { Expr::Cast(Box::new(Expr::Integer(number)), Type::Bigint) }
    };
    (condition(2, 0), condition(2, 0), double(2, 0), any::<bool>())
        .prop_map(move |(first, second, margin, text)| {
            let positive =
                Expr::Compare(Comparison::Greater, Box::new(Expr::column("_Z")), Box::new(Expr::double(0.0)));
            let case = Expr::Case(vec![(Expr::And(vec![positive, second]), class(1, text))], None);
            let lambda = Expr::Lambda(vec![Name::new("_S"), Name::new("_Z")], Box::new(case));
            let start = class(0, text);
            let bound = Expr::call("REDUCE", vec![Expr::Array(vec![margin]), start, lambda]);
            Expr::Case(vec![(first, class(2, text))], Some(Box::new(bound)))
        })
        .boxed()
}

/// A chain of one level: products in their own parentheses.
fn chain(first: Expr, rest: Vec<(Operator, Expr)>) -> Expr {
    rest.into_iter().fold(first, |left, (operator, right)| match left {
        Expr::Chain(first, mut rest) if rest[0].0.level() == operator.level() => {
            rest.push((operator, right));
            Expr::Chain(first, rest)
        }
        left => Expr::Chain(Box::new(left), vec![(operator, right)]),
    })
}

fn negate(value: Expr) -> Expr {
    match value {
        Expr::Double(value) => Expr::double(-value.0),
        other => Expr::Negate(Box::new(other)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Row by row and in batches, the same bits.
    #[test]
    fn the_fast_path_gives_what_the_general_path_gives(
        expr in prop_oneof![2 => double(3, 0), 2 => condition(3, 0), 1 => label()],
        rows in prop::collection::vec(any_row(), 1..20),
    ) {
        let mut report = Report::new();
        let program = Program::compile(&expr, &relation(), &mut report);
        prop_assert!(program.is_ok(), "{:?}\n{:?}", expr, report);
        let program = program.unwrap();
        prop_assert!(program.is_fast(), "{:?}", expr);
        // more rows than a block
        let rows: Vec<Vec<Value>> = rows.iter().cycle().take(300).cloned().collect();
        let columns: Vec<Vec<Value>> = (0..11).map(|at| rows.iter().map(|row| row[at].clone()).collect()).collect();
        let columns: Vec<Data<'_>> = columns.iter().map(|values| Data::Values(values)).collect();
        let event = Event::default();
        let batch = program.eval_batch(&columns, rows.len(), &event);
        for (index, row) in rows.iter().enumerate() {
            prop_assert_eq!(batch.value(index), program.eval(row, &event), "{:?}\n{:?}", expr, row);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the reader can give, and values that are not of their column's type.
    #[test]
    fn any_tree_is_refused_or_evaluated(expr in trees::expr(), rotate in 0usize..11) {
        let mut report = Report::new();
        let program = Program::compile(&expr, &relation(), &mut report);
        prop_assert_eq!(program.is_err(), report.has_errors());
        if let Ok(program) = program {
            let mut row = row();
            program.eval(&row, &Event::default());
            row.rotate_left(rotate);
            program.eval(&row, &Event::default());
            program.eval(&[], &Event::default());
        }
    }
}
