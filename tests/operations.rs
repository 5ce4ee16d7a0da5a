//! How many operations the emitted SQL takes, counted in the text read back.

#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use m2ksql::diag::{Report, Sources};
use m2ksql::sql::ast::{Expr, Item, Operator, Statement};
use m2ksql::syntax;
use program::run_with;
use std::fmt::Write;

/// What is evaluated at most: every arm of a CASE counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    multiplications: usize,
    additions: usize,
    divisions: usize,
    comparisons: usize,
    exponentials: usize,
    other_calls: usize,
}

impl Count {
    /// Everything but exponentials.
    fn operations(&self) -> usize {
        self.multiplications + self.additions + self.divisions + self.comparisons + self.other_calls
    }
}

fn count(expr: &Expr, into: &mut Count) {
    match expr {
        Expr::Chain(first, rest) => {
            count(first, into);
            for (operator, operand) in rest {
                match operator {
                    Operator::Multiply => into.multiplications += 1,
                    Operator::Divide => into.divisions += 1,
                    _ => into.additions += 1,
                }
                count(operand, into);
            }
        }
        Expr::Call(name, arguments) => {
            match name.as_str() {
                "EXP" => into.exponentials += 1,
                _ => into.other_calls += 1,
            }
            arguments.iter().for_each(|argument| count(argument, into));
        }
        Expr::Compare(_, a, b) => {
            into.comparisons += 1;
            count(a, into);
            count(b, into);
        }
        Expr::Case(arms, otherwise) => {
            for (condition, value) in arms {
                count(condition, into);
                count(value, into);
            }
            otherwise.iter().for_each(|value| count(value, into));
        }
        Expr::And(list) | Expr::Or(list) | Expr::Array(list) => list.iter().for_each(|item| count(item, into)),
        // a sign of a literal or of an operand is no operation of its own
        Expr::Negate(inner) | Expr::Not(inner) | Expr::Cast(inner, _) | Expr::Lambda(_, inner) => count(inner, into),
        Expr::Commented(_, inner) | Expr::Located(_, inner) | Expr::IsNull { value: inner, .. } => count(inner, into),
        Expr::Index(base, index) => {
            count(base, into);
            count(index, into);
        }
        Expr::Null | Expr::Boolean(_) | Expr::Integer(_) | Expr::Double(_) | Expr::Decimal(_) | Expr::String(_) => {}
        Expr::Column(_) => {}
        other => panic!("{other:?}"),
    }
}

/// Compiles a model and counts what its items take, all together.
fn compiled(model: &str, options: &[&str]) -> Count {
    let arguments: Vec<&str> = ["compile", "-", "--from", "S"].iter().chain(options).copied().collect();
    let result = run_with(&arguments, model);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let source = Sources::new().add("<test>", result.stdout.as_str());
    let mut script = syntax::script(source, &result.stdout, &mut Report::new()).ok().unwrap();
    let Statement::Select(query) = script.statements.remove(0).statement else { panic!("{}", result.stdout) };
    let mut total = Count::default();
    for item in &query.items {
        let Item::Expr { expr, .. } = item else { continue };
        count(expr, &mut total);
    }
    assert!(total.operations() > 0, "{}", result.stdout);
    total
}

/// A model of scaled features, with one coefficient or one per class.
fn model(kind: &str, features: usize, classes: usize) -> String {
    let number = |seed: usize| 0.1 + (seed * 37 % 101) as f64 / 7.0;
    let mut text = format!("{{ \"type\": \"{kind}\", \"features\": {{");
    for feature in 0..features {
        let row: Vec<String> =
            (0..classes).map(|class| format!("{:?}", number(feature * 13 + class * 5 + 3) - 7.3)).collect();
        let coefficient = if classes == 1 { row[0].clone() } else { format!("[{}]", row.join(", ")) };
        let (center, scale) = (number(feature), number(feature + 50));
        let comma = if feature == 0 { "" } else { "," };
        write!(
            text,
            "{comma} \"f{feature}\": {{ \"coefficient\": {coefficient}, \"steps\": [ {{ \"scale\": {{ \"center\": {center:?}, \
             \"scale\": {scale:?} }} }} ] }}"
        )
        .unwrap();
    }
    let intercepts: Vec<String> = (0..classes).map(|class| format!("{:?}", number(class + 70))).collect();
    let intercept = if classes == 1 { intercepts[0].clone() } else { format!("[{}]", intercepts.join(", ")) };
    let names: Vec<String> = (0..classes.max(2)).map(|class| format!("\"c{class}\"")).collect();
    let classes = if kind == "logistic" { format!(", \"classes\": [{}]", names.join(", ")) } else { String::new() };
    text + &format!(" }}, \"intercept\": {intercept}{classes} }}")
}

#[test]
fn a_scaled_linear_model_takes_one_multiplication_a_feature() {
    let count = compiled(&model("linear", 20, 1), &[]);
    assert_eq!(count, Count { multiplications: 20, additions: 20, ..Count::default() });
}

#[test]
fn a_scaled_logistic_model_takes_one_exponential() {
    let count = compiled(&model("logistic", 30, 1), &[]);
    assert!(count.exponentials == 1 && count.operations() <= 66, "{count:?}");
}

#[test]
fn three_classes_take_six_exponentials() {
    let count = compiled(&model("logistic", 4, 3), &["--select", "probabilities"]);
    assert!(count.exponentials <= 6 && count.operations() <= 60, "{count:?}");
}

#[test]
fn a_label_takes_no_exponential() {
    for (features, classes, most) in [(30, 1, 61), (4, 3, 30), (30, 10, 1_000)] {
        let count = compiled(&model("logistic", features, classes), &["--select", "label"]);
        assert!(count.exponentials == 0 && count.operations() <= most, "{classes} classes: {count:?}");
    }
    let count = compiled(&model("logistic", 10, 1), &["--select", "label", "--threshold", "0.8"]);
    assert!(count.exponentials == 0 && count.operations() <= 21, "{count:?}");
}

/// With the number of classes the operations grow at most with its square: a sum of all features for each pair of classes.
#[test]
fn operations_grow_with_the_square_of_the_classes() {
    let features = 8;
    for select in ["label", "probabilities"] {
        for classes in [3, 4, 6, 10, 20] {
            let found = compiled(&model("logistic", features, classes), &["--select", select]).operations();
            let most = classes * classes * (2 * features + 4);
            assert!(found <= most, "{select}, {classes} classes: {found} operations, more than {most}");
        }
    }
}

/// A difference of two sums rounds otherwise than they do.
#[test]
fn strict_compares_classes_by_their_scores_and_stats_count_what_else_does() {
    for classes in [2, 3] {
        let model = model("logistic", 2, classes);
        let run = |options: &[&str]| {
            let result = run_with(&[&["compile", "-", "--select", "probabilities"], options].concat(), &model);
            assert_eq!(result.code, 0, "{}", result.stderr);
            result.stdout
        };
        let (strict, loose) = (run(&["--strict"]), run(&[]));
        assert!(strict.contains("GREATEST") && !loose.contains("GREATEST"), "{strict}\n{loose}");
        let stats = run(&["--emit", "stats"]);
        assert!(stats.contains(if classes == 2 { "pair 2" } else { "differences 3" }), "{stats}");
        let stats = run(&["--emit", "stats", "--strict"]);
        assert!(!stats.contains("pair") && !stats.contains("differences"), "{stats}");
    }
}
