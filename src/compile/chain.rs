//! Several statements for one model: where one cannot hold it, or the user asks for them.
//!
//! Streams between are named after the sink, their place, and a hash of what computes them: `SCORED_S1_9F86D081`. Two
//! statements cannot be replaced together, so another content has another name, and the same content the same.

use super::{MOST_STAGES, Options, Stage, emitted, wishes};
use crate::bind::{Bindings, Shape};
use crate::diag::{Diagnostic, Failed, Report, codes};
use crate::opt;
use crate::score::Score;
use crate::sql::ast::{Name, Script};
use crate::sql::legalize;
use crate::sql::plan;
use crate::sql::print::{self, Style};
use crate::sql::stages::{Part, Wish};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// The shares of the limits that are tried.
const SHARES: &[f64] = &[0.9, 0.7, 0.5, 0.3];

/// A model to be divided.
pub(super) struct Chain<'a> {
    options: &'a Options,
    whole: Part,
    taken: HashSet<String>,
}

impl<'a> Chain<'a> {
    /// Of classes, scores are carried from one statement to the next, not differences.
    pub(super) fn new(
        score: &Score,
        bindings: &Bindings,
        shape: &Shape,
        options: &'a Options,
        report: &mut Report,
    ) -> Result<(Self, opt::Stats), Failed> {
        let (optimized, stats) = opt::optimize(score, options.strict);
        let score = legalize::legalize(&optimized, options.dialect, report)?;
        let kept = shape.kept.iter().filter_map(|item| item.name()).map(|name| name.0.clone());
        let results = score.outputs.iter().map(|output| output.name.clone());
        let source = bindings.relation.iter().flat_map(|relation| &relation.columns).map(|column| column.name.clone());
        let read = bindings.inputs.iter().flat_map(|input| input.expr.columns()).map(|name| name.0.clone());
        let taken = kept.chain(results).chain(source).chain(read).collect();
        let Some(part) = Part::new(score, bindings, shape) else {
            let message = "several statements need a sink, and kept columns that are known";
            let help = "name the sink with `--into`; with `--keep '*'`, give the source's columns with `--schema`";
            return Err(report.fail(Diagnostic::new(&codes::compile::BAD_OPTIONS, message).help(help)));
        };
        let whole = part.with_pieces(options.dialect, options.strict);
        Ok((Chain { options, whole, taken }, stats))
    }

    /// So many statements, divided where the fewest columns cross.
    pub(super) fn of(mut self, count: usize, report: &mut Report) -> Result<Vec<Stage>, Failed> {
        let dialect = self.options.dialect;
        let mut parts = vec![self.whole.clone()];
        while parts.len() < count {
            let mut order: Vec<usize> = (0..parts.len()).collect();
            order.sort_by_key(|&index| std::cmp::Reverse(parts[index].work(dialect)));
            let divided = order
                .iter()
                .find_map(|&index| Some((index, parts[index].divide(Wish::Narrow, dialect, &mut self.taken)?)));
            let Some((index, (before, after))) = divided else {
                let message =
                    format!("the model cannot be divided into {count} statements; {} is the most", parts.len());
                return Err(report.fail(
                    Diagnostic::new(&codes::compile::BAD_OPTIONS, message).help("ask for fewer with `--stages`"),
                ));
            };
            parts.splice(index..=index, [before, after]);
        }
        let mut stages: Vec<Stage> = Vec::new();
        for part in parts {
            let last = stages.len() + 1 == count;
            let since = report.len();
            let made = self.stage(part, stages.last(), stages.len(), last, report);
            if made.is_err() && report.len() > since {
                let message = format!("the model was divided into {count} statements where the fewest columns cross");
                let help = "without `--stages` it is divided so that each statement is within the limits";
                report.push(Diagnostic::new(&codes::compile::BAD_OPTIONS, message).help(help));
            }
            stages.push(made?);
        }
        Ok(stages)
    }

    /// As few statements as hold the model; `None` if there are none.
    pub(super) fn that_fits(self) -> Option<Vec<Stage>> {
        match self.last(&self.whole, &[]) {
            Some(stage) => Some(vec![stage]),
            None => SHARES.iter().find_map(|&share| self.within(share)),
        }
    }

    fn within(&self, share: f64) -> Option<Vec<Stage>> {
        let (mut taken, strict) = (self.taken.clone(), self.options.strict);
        let mut stages: Vec<Stage> = Vec::new();
        let mut rest = self.whole.clone();
        while stages.len() + 1 < MOST_STAGES {
            let previous = stages.last();
            rest.shape.from = previous.and_then(|stage| stage.plan.shape.into.clone()).or(rest.shape.from);
            let (before, after) = rest.divide(Wish::Full { share, strict }, self.options.dialect, &mut taken)?;
            stages.push(self.stage(before, previous, stages.len(), false, &mut Report::new()).ok()?);
            if let Some(stage) = self.last(&after, &stages) {
                stages.push(stage);
                return Some(stages);
            }
            rest = after;
        }
        None
    }

    /// All that is left as one statement behind these, if one holds it.
    fn last(&self, rest: &Part, before: &[Stage]) -> Option<Stage> {
        self.stage(rest.clone(), before.last(), before.len(), true, &mut Report::new()).ok()
    }

    /// A statement that reads what the one before it writes.
    fn stage(
        &self,
        mut part: Part,
        previous: Option<&Stage>,
        number: usize,
        last: bool,
        report: &mut Report,
    ) -> Result<Stage, Failed> {
        part = part.without_pieces();
        let sink = self.whole.shape.into.clone();
        if let Some(previous) = previous {
            part.shape.from.clone_from(&previous.plan.shape.into);
        }
        part.shape.into.clone_from(&sink);
        let plan = plan::plan(&part.score, part.shape, self.options.dialect, wishes(self.options), report)?;
        let mut stage = emitted(part.score, plan, part.bindings, self.options, report)?;
        if !last && let Some(sink) = sink {
            let name = Name::new(format!("{}_S{}_{}", sink.as_str(), number + 1, hash(&stage)));
            stage.rename(name);
        }
        Ok(stage)
    }
}

/// Eight digits of what a statement computes.
fn hash(stage: &Stage) -> String {
    let statements = stage.statement.iter().map(|it| crate::sql::ast::Commented { comments: Vec::new(), ..it.clone() });
    let text = print::script(&Script { statements: statements.collect(), ..Script::default() }, Style::default());
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02X}")).collect()
}
