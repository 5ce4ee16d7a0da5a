//! What a rewrite is called, what it may change, and how often it was used.

use std::collections::BTreeMap;
use std::fmt;

/// What a rewrite may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing: the same bits for every input.
    Exact,
    /// The same bits unless NaN, an infinity or −0.0 occurs.
    Finite,
    /// The result may round differently, within the bound of promise 2.
    Ulp,
}

impl Class {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Class::Exact => "exact",
            Class::Finite => "finite",
            Class::Ulp => "ulp",
        }
    }
}

/// A rewrite rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// One word for statistics and tests.
    pub name: &'static str,
    /// What it may change.
    pub class: Class,
    /// The equation, with its conditions.
    pub equation: &'static str,
}

/// Which rules may be used, and how often each was.
#[derive(Clone, Debug)]
pub struct Ledger {
    weakest: Class,
    counts: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// Nothing used yet; rules of this class and stronger ones are allowed.
    pub fn new(weakest: Class) -> Self {
        Ledger { weakest, counts: BTreeMap::new() }
    }

    /// Whether a rule may be used.
    pub fn allows(&self, rule: &Rule) -> bool {
        rule.class <= self.weakest
    }

    /// Notes that a rule was used.
    pub fn count(&mut self, rule: &'static Rule, times: usize) {
        if times > 0 {
            *self.counts.entry(rule.name).or_default() += times as u64;
        }
    }

    /// How often each rule was used, by name.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

/// One run of a pass.
#[derive(Clone, Debug)]
pub struct Run {
    /// The pass.
    pub pass: &'static str,
    /// Expressions that the outputs need, before and after.
    pub before: usize,
    /// See `before`.
    pub after: usize,
    /// How often each rule was used, by name.
    pub rewrites: BTreeMap<&'static str, u64>,
}

/// What the optimizer did, pass by pass.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// In the order in which they ran.
    pub runs: Vec<Run>,
}

impl Stats {
    /// How often a rule was used.
    pub fn uses(&self, rule: &str) -> u64 {
        self.runs.iter().filter_map(|run| run.rewrites.get(rule)).sum()
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            writeln!(f, "no rule had anything to rewrite")?;
        }
        for Run { pass, before, after, rewrites } in &self.runs {
            write!(f, "{pass}: {before} expressions, {after} afterwards")?;
            for (rule, times) in rewrites {
                write!(f, "; {rule} {times}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
