//! How a long sum is laid out: in groups, so that no engine nests its terms deeper than it can replay, and in methods of
//! their own, so that none is too large for a just-in-time compiler.
//!
//! A flat sum of n terms nests n operators. Groups of at most [`Sizes::leaf`] terms, added up in groups of at most
//! [`Sizes::width`], nest `leaf + width · log n`. Regrouping changes how a sum rounds; where the order must be kept, the
//! terms are the elements of arrays that one accumulator runs through.

use crate::sql::dialect::Limits;
use std::ops::Range;

/// How much stands in one piece, from what a target takes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Sums of up to this many terms stay flat: three quarters of the operators, the rest is for what stands around a sum.
    pub flat: usize,
    /// Terms of a group: half of the operators.
    pub leaf: usize,
    /// Groups of a group: a tenth, since there are few levels of them.
    pub width: usize,
    /// Conditions of a junction in one group.
    pub conditions: usize,
    /// Elements of an accumulator's array.
    elements: usize,
    /// Accumulators in each other: but for five, the calls that an item may nest.
    accumulators: usize,
}

/// Sums of more terms are added up in groups of [`BUSHY`]: ksqlDB looks at everything below an operator again for its type,
/// and for each column through all of the source's, so that creating a statement takes the sum of the depths of its columns
/// times the columns of the source.
const MANY: usize = 1_000;
/// About the size with the least sum of depths that leaves few brackets to read.
const BUSHY: usize = 8;

impl Sizes {
    /// For a target.
    pub fn of(limits: &Limits) -> Self {
        let depth = limits.depth as usize;
        Sizes {
            flat: depth * 3 / 4,
            leaf: depth / 2,
            width: (depth / 10).max(2),
            conditions: depth * 2 / 5,
            elements: limits.elements,
            accumulators: limits.calls.saturating_sub(5) as usize,
        }
    }
}

/// How the terms of a sum are added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One after the other.
    Terms(Range<usize>),
    /// The parts, one after the other, each in parentheses.
    Group(Vec<Layout>),
    /// The part as a method of its own: `CAST(part AS DOUBLE)`.
    Method(Box<Layout>),
    /// The first terms flat, then an accumulator through each of the ranges: `REDUCE(ARRAY[…], start, (_T, _X) => _T + _X)`.
    Accumulate(Range<usize>, Vec<Range<usize>>),
}

impl Layout {
    /// Every term that it holds, in order.
    pub fn range(&self) -> Range<usize> {
        match self {
            Layout::Terms(range) => range.clone(),
            Layout::Group(parts) => {
                let (first, last) = (parts.first().map(Layout::range), parts.last().map(Layout::range));
                first.map_or(0, |range| range.start)..last.map_or(0, |range| range.end)
            }
            Layout::Method(part) => part.range(),
            Layout::Accumulate(first, rest) => first.start..rest.last().map_or(first.end, |range| range.end),
        }
    }

    /// How many methods of their own it has.
    pub fn methods(&self) -> usize {
        match self {
            Layout::Method(_) => 1,
            Layout::Group(parts) => parts.iter().map(Layout::methods).sum(),
            Layout::Terms(_) | Layout::Accumulate(..) => 0,
        }
    }
}

/// The layout of a sum whose terms have these weights, in the unit of `method`: what one method may hold. `None`: flat.
pub fn regrouped(weights: &[u64], method: u64, sizes: Sizes) -> Option<Layout> {
    let total = sum(weights);
    if total == u64::MAX {
        // too large in any layout; the plan says so
        return None;
    }
    if weights.len() < 2 || weights.len() <= sizes.flat && total <= method {
        return None;
    }
    let sizes = match weights.len() > MANY {
        true => Sizes { leaf: BUSHY, width: BUSHY, ..sizes },
        false => sizes,
    };
    // methods of about equal weight
    let share = total / total.div_ceil(method).max(1);
    let mut methods: Vec<Vec<Layout>> = Vec::new();
    let mut filled = 0u64;
    for range in leaves(weights, method, sizes) {
        let weight = sum(&weights[range.clone()]);
        match methods.last_mut() {
            Some(last) if filled + weight / 2 <= share && filled + weight <= method => last.push(Layout::Terms(range)),
            _ => {
                methods.push(vec![Layout::Terms(range)]);
                filled = 0;
            }
        }
        filled += weight;
    }
    if methods.len() == 1 {
        return methods.pop().map(|parts| together(parts, sizes));
    }
    let method = |parts| Layout::Method(Box::new(together(parts, sizes)));
    Some(together(methods.into_iter().map(method).collect(), sizes))
}

fn sum(weights: &[u64]) -> u64 {
    weights.iter().fold(0, |sum, weight| sum.saturating_add(*weight))
}

/// Consecutive terms, at most a leaf of them and no heavier than a method may be, of about equal number.
fn leaves(weights: &[u64], method: u64, sizes: Sizes) -> Vec<Range<usize>> {
    let most = weights.len().div_ceil(weights.len().div_ceil(sizes.leaf));
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut filled = 0u64;
    for (index, weight) in weights.iter().enumerate() {
        if index > start && (index - start == most || filled.saturating_add(*weight) > method) {
            ranges.push(start..index);
            start = index;
            filled = 0;
        }
        filled = filled.saturating_add(*weight);
    }
    ranges.push(start..weights.len());
    ranges
}

/// The parts as groups of groups.
fn together(mut parts: Vec<Layout>, sizes: Sizes) -> Layout {
    while parts.len() > sizes.width {
        let size = parts.len().div_ceil(parts.len().div_ceil(sizes.width));
        let mut groups = Vec::with_capacity(parts.len() / size + 1);
        let mut rest = parts.into_iter().peekable();
        while rest.peek().is_some() {
            groups.push(alone_or_group(rest.by_ref().take(size).collect()));
        }
        parts = groups;
    }
    alone_or_group(parts)
}

fn alone_or_group(mut parts: Vec<Layout>) -> Layout {
    match parts.len() {
        1 => parts.remove(0),
        _ => Layout::Group(parts),
    }
}

/// The layout of a sum of n terms that keeps their order. `None`: flat. `Err`: the most terms for which there is one.
pub fn in_order(terms: usize, sizes: Sizes) -> Result<Option<Layout>, usize> {
    if terms <= sizes.flat {
        return Ok(None);
    }
    let (first, rest) = (sizes.leaf, terms - sizes.leaf);
    let accumulators = rest.div_ceil(sizes.elements);
    if accumulators > sizes.accumulators {
        return Err(first + sizes.elements * sizes.accumulators);
    }
    let size = rest.div_ceil(accumulators);
    let starts = (0..accumulators).map(|index| first + index * size);
    Ok(Some(Layout::Accumulate(0..first, starts.map(|start| start..(start + size).min(terms)).collect())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::dialect;

    fn sizes() -> Sizes {
        Sizes::of(&dialect::default().limits())
    }

    /// Operators that the layout nests, if every term nests one.
    fn depth(layout: &Layout) -> usize {
        match layout {
            Layout::Terms(range) => range.len(),
            Layout::Group(parts) => parts.len() - 1 + parts.iter().map(depth).max().unwrap_or(0),
            Layout::Method(part) => 1 + depth(part),
            Layout::Accumulate(first, _) => first.len(),
        }
    }

    fn terms(layout: &Layout, found: &mut Vec<usize>) {
        match layout {
            Layout::Terms(range) => found.extend(range.clone()),
            Layout::Group(parts) => parts.iter().for_each(|part| terms(part, found)),
            Layout::Method(part) => terms(part, found),
            Layout::Accumulate(first, rest) => {
                found.extend(first.clone());
                rest.iter().for_each(|range| found.extend(range.clone()));
            }
        }
    }

    #[test]
    fn every_term_stands_once_in_order_and_not_deep() {
        for count in [2, 75, 76, 99, 100, 101, 151, 250, 1_000, 3_333, 10_000, 100_000] {
            for weight in [1, 4, 40, 2_000] {
                let Some(layout) = regrouped(&vec![weight; count], 1_000, sizes()) else {
                    assert!(count <= sizes().flat && weight * count as u64 <= 1_000);
                    continue;
                };
                let mut found = Vec::new();
                terms(&layout, &mut found);
                assert!(found.iter().copied().eq(0..count), "{count}");
                assert_eq!(layout.range(), 0..count);
                assert!(depth(&layout) <= 95, "{count} terms nest {}", depth(&layout));
            }
        }
        assert_eq!(in_order(sizes().flat, sizes()), Ok(None));
        for count in [sizes().flat + 1, 449, 450, 451, 1_000, 6_050] {
            let layout = in_order(count, sizes()).unwrap().unwrap();
            let mut found = Vec::new();
            terms(&layout, &mut found);
            assert!(found.iter().copied().eq(0..count), "{count}");
        }
        assert_eq!(in_order(6_051, sizes()), Err(6_050));
    }
}
