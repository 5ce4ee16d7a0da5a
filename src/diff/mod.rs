//! What differs between two models, for a person who has to decide whether the new one goes out.
//!
//! | file | what |
//! |---|---|
//! | `terms` | the scores as sums over features, with all preprocessing folded in |
//! | `steps` | what is done to the features before |
//! | `show` | the difference as people read it |

mod show;
mod steps;
mod terms;

pub(crate) use show::significant;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::Graph;
use steps::steps;
use terms::{Parts, Weights, text};

/// What differs. Lists are empty where nothing does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Difference {
    pub(crate) features: Names,
    pub(crate) classes: Names,
    pub(crate) preprocessing: Vec<Step>,
    pub(crate) coefficients: Vec<Score>,
    /// What cannot be compared.
    pub(crate) notes: Vec<String>,
}

/// Names that came and went.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Names {
    pub(crate) removed: Vec<String>,
    pub(crate) added: Vec<String>,
    /// What has another name and is the same in all else: old and new name.
    pub(crate) renamed: Vec<(String, String)>,
    /// The same names in another order: the new one.
    pub(crate) reordered: Vec<String>,
}

/// A step of preprocessing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Step {
    /// `scaled`, `imputed`, `one-hot` and the like.
    pub(crate) what: String,
    /// The feature, or the step itself.
    pub(crate) of: String,
    pub(crate) change: Change,
    /// Its settings that differ: the name, what it was and what it is.
    pub(crate) settings: Vec<(String, Option<String>, Option<String>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    Removed,
    Added,
    Changed,
}

/// The coefficients of a score that differ, the largest effect first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Score {
    /// The class or target; empty for the only one.
    pub(crate) of: String,
    /// How many coefficients there are.
    pub(crate) total: usize,
    pub(crate) changed: Vec<Weight>,
}

/// A coefficient that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Weight {
    pub(crate) name: String,
    pub(crate) old: Option<f64>,
    pub(crate) new: Option<f64>,
    /// How far the score moves with it: by the change of the coefficient, times the spread of what it belongs to, where the
    /// models say that by scaling it.
    pub(crate) effect: f64,
}

/// What differs between two models.
pub(crate) fn difference(old: &Graph, new: &Graph) -> Difference {
    let mut features = names(&feature_names(old), &feature_names(new));
    let renamed = renamed(old, new, &features);
    let mut old = old.clone();
    for (from, to) in &renamed {
        old.features.iter_mut().filter(|feature| feature.name == *from).for_each(|feature| feature.name.clone_from(to));
    }
    features.removed.retain(|name| renamed.iter().all(|(from, _)| from != name));
    features.added.retain(|name| renamed.iter().all(|(_, to)| to != name));
    features.renamed = renamed;
    let (old_parts, new_parts) = (Parts::of(&old), Parts::of(new));
    let mut found = Difference {
        features,
        classes: names(&class_names(&old), &class_names(new)),
        preprocessing: preprocessing(&old, &old_parts, new, &new_parts),
        ..Difference::default()
    };
    found.weigh(&old_parts, &new_parts, &class_names(&old), &class_names(new));
    found
}

impl Difference {
    /// Compares the scores of the same classes or targets.
    fn weigh(&mut self, old: &Parts, new: &Parts, old_classes: &[String], new_classes: &[String]) {
        for (which, parts) in [("old", old), ("new", new)] {
            if parts.scores.iter().any(Option::is_none) {
                self.notes.push(format!("the scores of the {which} model are no sums over its features"));
            }
        }
        if old.scores.len() != new.scores.len() {
            let (old, new) = (old.scores.len(), new.scores.len());
            let scores = if old == 1 { "score" } else { "scores" };
            self.notes.push(format!(
                "the old model has {old} {scores}, the new one {new}: their coefficients are not compared"
            ));
            return;
        }
        let common = old_classes.iter().any(|class| new_classes.contains(class));
        if !common && !old_classes.is_empty() {
            self.notes.push("the classes have other names: the scores are compared by their places".to_owned());
        }
        // two classes in the other order: the score is the other class's, with the other sign
        let turned = old_classes.len() == 2
            && new_classes.len() == 2
            && old_classes[0] == new_classes[1]
            && old_classes[1] == new_classes[0];
        let spread = |name: &String| new.spreads.get(name).or_else(|| old.spreads.get(name)).copied().unwrap_or(1.0);
        for (place, weights) in new.scores.iter().enumerate() {
            let Some(weights) = weights else { continue };
            let by_place = turned || !common;
            let before = match by_place {
                true => old.scores[place].as_ref(),
                false => old.scores.iter().flatten().find(|it| it.of == weights.of),
            };
            if let Some(before) = before {
                let before = if turned { negated(before) } else { before.clone() };
                self.coefficients.extend(compared(&before, weights, spread));
            }
        }
    }
}

fn negated(weights: &Weights) -> Weights {
    let by_label = weights.by_label.iter().map(|(name, weight)| (name.clone(), -weight)).collect();
    Weights { of: weights.of.clone(), constant: -weights.constant, by_label }
}

fn compared(old: &Weights, new: &Weights, spread: impl Fn(&String) -> f64) -> Option<Score> {
    let names: BTreeSet<&String> = old.by_label.keys().chain(new.by_label.keys()).collect();
    let total = names.len() + 1;
    let change = |old: Option<f64>, new: Option<f64>| (new.unwrap_or(0.0) - old.unwrap_or(0.0)).abs();
    let mut changed: Vec<Weight> = Vec::new();
    for name in names {
        let (old, new) = (old.by_label.get(name).copied(), new.by_label.get(name).copied());
        if old != new {
            changed.push(Weight { name: name.clone(), old, new, effect: change(old, new) * spread(name) });
        }
    }
    if old.constant != new.constant {
        let (old, new) = (Some(old.constant), Some(new.constant));
        changed.push(Weight { name: "intercept".to_owned(), old, new, effect: change(old, new) });
    }
    changed.sort_by(|left, right| right.effect.total_cmp(&left.effect));
    (!changed.is_empty()).then(|| Score { of: new.of.clone(), total, changed })
}

fn feature_names(graph: &Graph) -> Vec<String> {
    graph.features.iter().map(|feature| feature.name.clone()).collect()
}

fn class_names(graph: &Graph) -> Vec<String> {
    graph.classes.iter().map(text).collect()
}

fn names(old: &[String], new: &[String]) -> Names {
    let missing = |from: &[String], here: &[String]| -> Vec<String> {
        let here: BTreeSet<&String> = here.iter().collect();
        from.iter().filter(|name| !here.contains(name)).cloned().collect()
    };
    let (removed, added) = (missing(old, new), missing(new, old));
    let reordered = removed.is_empty() && added.is_empty() && old != new;
    Names { removed, added, renamed: Vec::new(), reordered: if reordered { new.to_vec() } else { Vec::new() } }
}

/// Features that have another name, and the same place, steps and coefficients.
fn renamed(old: &Graph, new: &Graph, names: &Names) -> Vec<(String, String)> {
    if names.removed.is_empty() || names.removed.len() != names.added.len() || old.features.len() != new.features.len()
    {
        return Vec::new();
    }
    let mut pairs = Vec::new();
    let mut candidate = old.clone();
    for (before, after) in candidate.features.iter_mut().zip(&new.features) {
        if names.removed.contains(&before.name) && names.added.contains(&after.name) {
            pairs.push((before.name.clone(), after.name.clone()));
            before.name.clone_from(&after.name);
        }
    }
    // all at once: a person who renames features does not train the model between
    let (before, after) = (Parts::of(&candidate), Parts::of(new));
    let same = before.scores == after.scores && steps(&candidate, &before) == steps(new, &after);
    if same && pairs.len() == names.removed.len() { pairs } else { Vec::new() }
}

fn preprocessing(old: &Graph, old_parts: &Parts, new: &Graph, new_parts: &Parts) -> Vec<Step> {
    let (old, new) = (steps(old, old_parts), steps(new, new_parts));
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let mut found = Vec::new();
    for key in keys {
        let (what, of) = key.clone();
        let (change, settings) = match (old.get(key), new.get(key)) {
            (Some(_), None) => (Change::Removed, Vec::new()),
            (None, Some(_)) => (Change::Added, Vec::new()),
            (Some(old), Some(new)) if old != new => {
                let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                let both = names.into_iter().map(|name| (name.clone(), old.get(name).cloned(), new.get(name).cloned()));
                (Change::Changed, both.filter(|(_, old, new)| old != new).collect())
            }
            _ => continue,
        };
        found.push(Step { what, of, change, settings });
    }
    found
}
