//! From scalar roots to a plan: which statement, which items in which order, inside which limits.

use super::cost::{Measure, measure};
use super::dialect::Dialect;
use super::guards::Implied;
use crate::bind::Shape;
use crate::diag::{Diagnostic, Failed, Report, codes};
use crate::score::{Const, Expr, Score};

/// An output with its size.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The position of the output.
    pub output: usize,
    /// Its size as text.
    pub measure: Measure,
}

/// A plan: what will be emitted.
pub struct Plan {
    /// The statement.
    pub shape: Shape,
    /// One per output of the score, in order.
    pub items: Vec<Item>,
    /// Tests for NULL that the engine makes unnecessary.
    pub implied: Implied,
}

/// A text deeper than this is refused even with limits lifted: no SQL parser takes it, ours neither.
const DEEPEST_NESTING: u32 = 400;
/// A text with more operators, literals and columns than this is refused even with limits lifted.
const MOST_NODES: u64 = 20_000_000;

/// Plans the outputs of a legal score.
///
/// Errors: beyond a limit of the dialect, with the number (unless `limits` is false); a constant that is not finite.
pub fn plan(
    score: &Score,
    shape: Shape,
    dialect: &dyn Dialect,
    limits: bool,
    guard: bool,
    report: &mut Report,
) -> Result<Plan, Failed> {
    let since = report.len();
    let measures = measure(score, dialect);
    let mut items = Vec::with_capacity(score.outputs.len());
    for (index, output) in score.outputs.iter().enumerate() {
        let measure = measures[output.root.index()];
        check(&output.name, measure, dialect, limits, report);
        items.push(Item { output: index, measure });
    }
    check_constants(score, report);
    check_texts(score, report);
    report.check(since)?;
    let implied = if guard { Implied::none(score) } else { Implied::find(score, dialect) };
    Ok(Plan { shape, items, implied })
}

fn check(name: &str, measure: Measure, dialect: &dyn Dialect, limits: bool, report: &mut Report) {
    let most = dialect.limits();
    let bounds = [
        (measure.depth, most.depth, "operators"),
        (measure.calls, most.calls, "function calls"),
        (measure.cases, most.cases, "CASE"),
    ];
    for (found, allowed, what) in bounds {
        if limits && found > allowed {
            let mut diagnostic = Diagnostic::new(
                &codes::compile::TOO_DEEP,
                format!("`{name}` nests {found} {what}; {} restarts safely with at most {allowed}", dialect.name()),
            );
            if measure.terms > 1 {
                diagnostic = diagnostic.note(format!("its longest sum has {} terms", measure.terms));
            }
            report.push(diagnostic.help("use fewer features, or lift the bound with `--no-limits`"));
        }
    }
    // a chain of operators nests in an engine, but not in the text
    let nesting = measure
        .calls
        .max(measure.cases)
        .max(measure.depth.saturating_sub(measure.terms.min(u64::from(u32::MAX)) as u32));
    if measure.nodes > MOST_NODES || nesting > DEEPEST_NESTING && measure.calls.max(measure.cases) > DEEPEST_NESTING {
        report.push(
            Diagnostic::new(
                &codes::compile::TOO_LARGE,
                format!(
                    "`{name}` would take {} operators, constants and columns, nested {nesting} deep",
                    measure.nodes
                ),
            )
            .note("every use of a shared value is written out")
            .help("select fewer outputs, or use a smaller model"),
        );
    }
}

fn check_constants(score: &Score, report: &mut Report) {
    let uses = score.uses();
    let mut found = 0usize;
    let mut first = None;
    for id in score.ids().filter(|id| uses[id.index()] > 0) {
        let values: Vec<f64> = match score.expr(id) {
            Expr::Const(Const::Double(value)) => vec![value.0],
            Expr::Sum(terms) => terms.iter().map(|term| term.coefficient).collect(),
            _ => continue,
        };
        for value in values.into_iter().filter(|value| !value.is_finite()) {
            found += 1;
            first.get_or_insert(value);
        }
    }
    if let Some(value) = first {
        report.push(
            Diagnostic::new(
                &codes::compile::NOT_FINITE,
                format!("a folded constant is {value}, which SQL cannot write"),
            )
            .note(format!("{found} constants of the expression are not finite"))
            .help("look for weights or scales of extreme size in the model"),
        );
    }
}

/// ksqlDB replaces `${name}` inside of string literals before it reads them.
fn check_texts(score: &Score, report: &mut Report) {
    let uses = score.uses();
    for id in score.ids().filter(|id| uses[id.index()] > 0) {
        if let Expr::Const(Const::Text(text)) = score.expr(id)
            && text.contains("${")
        {
            report.push(
                Diagnostic::new(
                    &codes::compile::VARIABLE_IN_TEXT,
                    format!("the text `{}` holds `${{`, which ksqlDB takes for a variable", text.escape_debug()),
                )
                .help("rename the class or category, and train the model on the new name"),
            );
        }
    }
}

/// Checks the printed statement against the dialect's limit of bytes.
pub fn check_text(text: &str, dialect: &dyn Dialect, report: &mut Report) -> Result<(), Failed> {
    let most = dialect.limits().statement_bytes;
    if text.len() <= most {
        return Ok(());
    }
    Err(report.fail(
        Diagnostic::new(
            &codes::compile::TOO_LARGE,
            format!("the statement has {} bytes; {} takes at most {most}", text.len(), dialect.name()),
        )
        .note("the server's command record holds about three times the statement and must stay below 1 MiB")
        .help("select fewer outputs, or lift the bound with `--no-limits`"),
    ))
}
