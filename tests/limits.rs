//! Every emitted statement stays inside of what a cold ksqlDB server can replay, recomputed here from the text by the
//! grammar alone, without the planner's own measures.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod program;

use std::path::Path;

use m2ksql::diag::{Report, Sources};
use m2ksql::sql::ast::{Commented, Expr, Item, Query, Statement};
use m2ksql::syntax;
use program::run_with;

/// What a text nests: operators as an engine does (a chain to the left), calls, CASE; and how many brackets and operators
/// there are, which the server writes out.
#[derive(Clone, Copy, Default)]
struct Nested {
    operators: usize,
    calls: usize,
    cases: usize,
}

fn nested(expr: &Expr) -> Nested {
    let mut children = Vec::new();
    expr.for_each_child(|child| children.push(nested(child)));
    let flat = matches!(expr, Expr::Chain(..) | Expr::And(_) | Expr::Or(_));
    let deepest = |of: fn(&Nested) -> usize| children.iter().map(of).max().unwrap_or(0);
    let operators = if flat {
        // the operand at position i lies under the operators behind it
        let last = children.len() - 1;
        children.iter().enumerate().map(|(at, child)| child.operators + last - at.max(1) + 1).max().unwrap_or(0)
    } else {
        deepest(|child| child.operators) + usize::from(!children.is_empty())
    };
    let call = matches!(expr, Expr::Call(..) | Expr::Cast(..) | Expr::Array(_));
    Nested {
        operators,
        calls: deepest(|child| child.calls) + usize::from(call),
        cases: deepest(|child| child.cases) + usize::from(matches!(expr, Expr::Case(..))),
    }
}

/// The queries of all statements.
fn queries(sql: &str) -> Vec<Query> {
    let mut report = Report::new();
    let source = Sources::new().add("emitted", sql);
    let script = syntax::script(source, sql, &mut report).unwrap_or_else(|_| panic!("{:?}", report.diagnostics()));
    let query = |found: Commented| match found.statement {
        Statement::Select(query) | Statement::CreateAs { query, .. } => query,
        _ => panic!("no query in {sql}"),
    };
    script.statements.into_iter().map(query).collect()
}

/// What is written out, of all items of a query.
fn expressions(query: &Query) -> impl Iterator<Item = &Expr> {
    query.items.iter().filter_map(|item| match item {
        Item::Expr { expr, .. } => Some(expr),
        Item::All(_) => None,
    })
}

/// Checks every statement; gives how many there are.
fn check(name: &str, sql: &str) -> usize {
    let queries = queries(sql);
    assert!(!queries.is_empty(), "{name}");
    for query in &queries {
        let source = query.from_alias.as_ref().unwrap_or(&query.from).as_str().len();
        let mut stored = 0;
        for expr in expressions(query) {
            let nested = nested(expr);
            assert!(nested.operators <= 100, "{name}: {} operators", nested.operators);
            assert!(nested.calls <= 20, "{name}: {} calls", nested.calls);
            assert!(nested.cases <= 40, "{name}: {} CASE", nested.cases);
            for chain in flat_chains(expr) {
                assert!(chain <= 100, "{name}: {chain} operands in one chain");
            }
            stored += bytes(expr, source);
        }
        // a server keeps three copies in a record, beside its properties, and Kafka takes 1 MiB
        assert!(3 * stored <= 1_000_000, "{name}: {stored} bytes stored");
    }
    queries.len()
}

/// About how many bytes a server writes for an expression: columns qualified, every operator between brackets.
fn bytes(expr: &Expr, source: usize) -> usize {
    let (mut own, mut rest) = (0, vec![expr]);
    while let Some(expr) = rest.pop() {
        let mut children = 0;
        expr.for_each_child(|child| {
            children += 1;
            rest.push(child);
        });
        own += match expr {
            Expr::Column(name) => source + 1 + name.as_str().len(),
            Expr::Double(value) => format!("{:E}", value.0).len(),
            Expr::String(text) => text.len() + 2,
            Expr::Call(name, _) => name.as_str().len() + 2 * children,
            // " * " and two brackets
            _ => 5 * children,
        };
    }
    own
}

fn flat_chains(expr: &Expr) -> Vec<usize> {
    let mut found = Vec::new();
    let mut rest = vec![expr];
    while let Some(expr) = rest.pop() {
        let mut operands = 0;
        expr.for_each_child(|child| {
            operands += 1;
            rest.push(child);
        });
        if matches!(expr, Expr::Chain(..) | Expr::And(_) | Expr::Or(_)) {
            found.push(operands);
        }
    }
    found
}

/// Weights with as many digits as trained ones have, from a congruential sequence.
fn weights(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 / (1_u64 << 53) as f64 * 4.0 - 2.0) * 1e4
    };
    std::iter::repeat_with(next).map(|x| x.round() / 1e4).take(count).collect()
}

fn linear(kind: &str, terms: usize) -> String {
    let features: Vec<String> =
        weights(terms, 7).iter().enumerate().map(|(index, weight)| format!("\"f{index}\": {weight:?}")).collect();
    format!("{{ \"type\": \"{kind}\", \"features\": {{ {} }}, \"intercept\": 0.5 }}", features.join(", "))
}

fn classes(count: usize, features: usize) -> String {
    let names: Vec<String> = (0..features).map(|index| format!("\"x{index}\"")).collect();
    let rows: Vec<String> = (0..count).map(|class| format!("{:?}", weights(features, class as u64))).collect();
    let labels: Vec<String> = (0..count).map(|class| format!("\"c{class}\"")).collect();
    format!(
        "{{ \"class\": \"LogisticRegression\", \"coef_\": [{}], \"intercept_\": {:?}, \"classes_\": [{}], \
         \"feature_names_in_\": [{}] }}",
        rows.join(", "),
        weights(count, 99),
        labels.join(", "),
        names.join(", ")
    )
}

/// Checks the statement that this compiles to, which is one.
fn check_one(name: &str, model: &str, options: &[&str]) {
    let name = format!("{name} {options:?}");
    assert_eq!(check(&name, &compiled(&name, model, options)), 1, "{name}");
}

fn compiled(name: &str, model: &str, options: &[&str]) -> String {
    let mut arguments = vec!["compile", "-", "--from", "S", "--into", "T"];
    arguments.extend_from_slice(options);
    let result = run_with(&arguments, model);
    assert_eq!(result.code, 0, "{name} {options:?}: {}", result.stderr.chars().take(500).collect::<String>());
    result.stdout
}

#[test]
fn sums_of_all_lengths() {
    for terms in [1, 10, 75, 76, 100, 200, 350, 1_000, 3_000, 10_000] {
        for kind in ["linear", "logistic"] {
            let (model, name) = (linear(kind, terms), format!("{kind} {terms}"));
            check_one(&name, &model, &[]);
            if (100..=3_000).contains(&terms) {
                for options in [&["--nulls", "guard"][..], &["--nulls", "skip"], &["--strict"]] {
                    check_one(&name, &model, options);
                }
            }
            if kind == "logistic" && terms <= 3_000 {
                check_one(&name, &model, &["--select", "label"]);
            }
        }
    }
}

#[test]
fn classes_of_all_numbers() {
    for (count, features) in [(3, 4), (3, 100), (10, 10), (10, 64), (20, 20), (100, 30)] {
        let model = classes(count, features);
        for options in [&[][..], &["--strict"], &["--nulls", "guard"], &["--select", "label"]] {
            check_one(&format!("{count} classes"), &model, options);
        }
    }
}

/// What does not fit into one statement is divided, and each of them is inside of the limits.
#[test]
fn chains_of_statements() {
    let chained = |name: &str, model: &str, options: &[&str]| {
        let name = format!("{name} {options:?}");
        check(&name, &compiled(&name, model, options))
    };
    // the entries of a map, under long keys
    let key = |index: usize| format!("{:k<250}", format!("k{index}_"));
    let (schema, features) = (temporary("limits_schema.sql"), temporary("limits_features.sql"));
    std::fs::write(&schema, "CREATE STREAM S (X MAP<STRING, DOUBLE>) WITH (KAFKA_TOPIC='S', VALUE_FORMAT='JSON');")
        .unwrap();
    let definitions: String = (0..1_200).map(|index| format!("f{index} = X['{}'];\n", key(index))).collect();
    std::fs::write(&features, definitions).unwrap();
    let long = linear("logistic", 1_200);
    for options in [&[][..], &["--strict"]] {
        let files = ["--schema", schema.as_str(), "--features", features.as_str()];
        assert!(chained("1 200 long terms", &long, &[&files, options].concat()) > 1);
    }
    assert!(chained("40 classes", &classes(40, 120), &["--select", "label,probabilities"]) > 1);
    // as many as are asked for, where one would do
    for count in ["2", "5"] {
        let (sum, few) = (linear("logistic", 350), classes(5, 20));
        let expected: usize = count.parse().unwrap();
        for more in [&[][..], &["--strict"], &["--nulls", "guard"]] {
            let options = [&["--stages", count], more].concat();
            assert_eq!(chained("350 terms", &sum, &options), expected);
            assert_eq!(chained("5 classes", &few, &options), expected);
        }
    }
}

/// Columns that a later statement reads pass through the first, which takes as much as adding them up.
#[test]
fn more_columns_than_a_record_holds_are_refused() {
    let result = run_with(&["compile", "-", "--from", "S", "--into", "T"], &linear("linear", 14_000));
    assert_eq!((result.code, result.stdout.as_str()), (1, ""));
    assert!(result.stderr.contains("bytes; ksqldb-0.29 takes 1000000"), "{}", result.stderr);
    assert!(result.stderr.contains("ARRAY"), "{}", result.stderr);
}

fn temporary(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"))
}

/// Before 0.29 an item holds at most 250 columns and calls: 255 parameters of a method, `this` and the others among them.
#[test]
fn older_releases_take_few_columns_in_an_item() {
    let target = ["--target", "ksqldb-0.26"];
    let arguments = |expr: &Expr| {
        let (mut count, mut rest) = (0, vec![expr]);
        while let Some(expr) = rest.pop() {
            count += usize::from(matches!(expr, Expr::Column(_) | Expr::Call(..)));
            expr.for_each_child(|child| rest.push(child));
        }
        count
    };
    for (name, model, statements) in [
        ("120 terms", linear("logistic", 120), 1..=1),
        ("1000 terms", linear("linear", 1_000), 2..=6),
        ("10 classes", classes(10, 60), 2..=9),
    ] {
        for options in [&[][..], &["--nulls", "guard"], &["--strict"]] {
            let sql = compiled(name, &model, &[&target, options].concat());
            assert!(statements.contains(&check(name, &sql)), "{name} {options:?}: {} statements", check(name, &sql));
            for query in queries(&sql) {
                for expr in expressions(&query) {
                    assert!(arguments(expr) <= 250, "{name} {options:?}: {} arguments", arguments(expr));
                }
            }
        }
    }
}

#[test]
fn an_order_that_cannot_be_kept_is_refused() {
    let result = run_with(&["compile", "-", "--from", "S", "--strict"], &linear("linear", 10_000));
    assert_eq!((result.code, result.stdout.as_str()), (1, ""));
    assert!(result.stderr.contains("adds up 10001 terms in order; at most 6050 fit"), "{}", result.stderr);
}

#[test]
fn what_is_not_read_back_is_said() {
    let result = run_with(&["compile", "-", "--from", "S", "--no-limits"], &linear("linear", 50_000));
    assert!(result.code == 0 && result.stdout.len() > 1 << 20, "{} bytes", result.stdout.len());
    assert!(result.stderr.contains("warning[W0607]"), "{}", result.stderr);
    let result = run_with(&["compile", "-", "--from", "S"], &linear("linear", 1_000));
    assert_eq!((result.code, result.stderr.as_str()), (0, ""));
}

#[test]
fn every_model_of_the_corpora() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
    if !Path::new(shared).exists() {
        println!("skipped: no ../shared");
        return;
    }
    let mut checked = 0;
    for (corpus, file) in [("json", "model.json"), ("models", "model.onnx")] {
        let mut folders: Vec<_> = std::fs::read_dir(format!("{shared}/{corpus}")).unwrap().flatten().collect();
        folders.sort_by_key(|folder| folder.path());
        for folder in folders {
            let model = folder.path().join(file);
            let Some(path) = model.to_str().filter(|_| model.exists()) else { continue };
            let result = program::run(&["compile", path, "--from", "S"]);
            if result.code == 0 {
                check(path, &result.stdout);
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "only {checked} models compiled");
}
