//! Every emitted statement stays inside of what a cold ksqlDB server can replay, recomputed here from the text by the
//! grammar alone, without the planner's own measures.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod program;

use std::path::Path;

use m2ksql::diag::{Report, Sources};
use m2ksql::sql::ast::{Expr, Item, Statement};
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

/// The expressions of a statement's outputs.
fn expressions(sql: &str) -> Vec<Expr> {
    let mut report = Report::new();
    let source = Sources::new().add("emitted", sql);
    let script = syntax::script(source, sql, &mut report).unwrap_or_else(|_| panic!("{:?}", report.diagnostics()));
    let statement = script.statements.into_iter().next().unwrap().statement;
    let (Statement::Select(query) | Statement::CreateAs { query, .. }) = statement else { panic!("no query in {sql}") };
    let items = query.items.into_iter().filter_map(|item| match item {
        Item::Expr { expr, .. } => Some(expr),
        Item::All(_) => None,
    });
    items.collect()
}

fn check(name: &str, sql: &str) {
    let expressions = expressions(sql);
    assert!(!expressions.is_empty(), "{name}");
    for expr in &expressions {
        let nested = nested(expr);
        assert!(nested.operators <= 100, "{name}: {} operators", nested.operators);
        assert!(nested.calls <= 20, "{name}: {} calls", nested.calls);
        assert!(nested.cases <= 40, "{name}: {} CASE", nested.cases);
        for chain in flat_chains(expr) {
            assert!(chain <= 100, "{name}: {chain} operands in one chain");
        }
    }
    // what a server keeps is three times a text that is longer than ours by the source's name at each column and by two
    // brackets and blanks at each operator, and shorter by our indentation
    assert!(sql.len() <= 400_000, "{name}: {} bytes", sql.len());
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
            let model = linear(kind, terms);
            check(&format!("{kind} {terms}"), &compiled(kind, &model, &[]));
            if (100..=3_000).contains(&terms) {
                check(&format!("{kind} {terms} guard"), &compiled(kind, &model, &["--nulls", "guard"]));
                check(&format!("{kind} {terms} skip"), &compiled(kind, &model, &["--nulls", "skip"]));
                check(&format!("{kind} {terms} strict"), &compiled(kind, &model, &["--strict"]));
            }
            if kind == "logistic" && terms <= 3_000 {
                check(&format!("label {terms}"), &compiled(kind, &model, &["--select", "label"]));
            }
        }
    }
}

#[test]
fn classes_of_all_numbers() {
    for (count, features) in [(3, 4), (3, 100), (10, 10), (10, 64), (20, 20), (100, 30)] {
        let model = classes(count, features);
        for options in [&[][..], &["--strict"], &["--nulls", "guard"], &["--select", "label"]] {
            check(&format!("{count} classes {options:?}"), &compiled("classes", &model, options));
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
