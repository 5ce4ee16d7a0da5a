//! The table behind hash-consing: from an expression's hash to its place in the arena.
//!
//! Open addressing in one vector of words. An entry stands near the place of its expression's last operand, so that an
//! arena that is built in order fills the table in order and stays in the caches; where that neighbourhood is full, it
//! stands where its hash says. The table is only looked up, never iterated.

use super::{Expr, Id};

/// Half of a hash and a place, packed: place + 1 in the low half, 0 where nothing is.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    slots: Vec<u64>,
    used: usize,
}

/// What is looked up.
#[derive(Clone, Copy)]
pub(super) struct Key {
    hash: u64,
    /// In which neighbourhood; a constant has none.
    near: Option<u32>,
}

impl Key {
    pub(super) fn new(hash: u64, expr: &Expr) -> Self {
        Key { hash, near: near(expr) }
    }
}

const SMALLEST: usize = 64;
/// Slots of a neighbourhood that are tried.
const LOCAL: usize = 8;

/// The last operand.
fn near(expr: &Expr) -> Option<u32> {
    let mut last = None;
    match expr {
        Expr::Input(number) => return Some(*number),
        Expr::Const(_) => return None,
        _ => expr.operands(|operand| last = last.max(Some(operand.0))),
    }
    Some(last.unwrap_or(0))
}

impl Index {
    /// Makes room for this many more entries among the expressions so far.
    pub(super) fn reserve(&mut self, more: usize, exprs: &[Expr]) {
        let wanted = (self.used + more).saturating_mul(2).next_power_of_two().max(SMALLEST);
        if wanted > self.slots.len() {
            let old = std::mem::replace(&mut self.slots, vec![0; wanted]);
            for slot in old.into_iter().filter(|slot| *slot != 0) {
                let near = near(&exprs[(slot as u32 - 1) as usize]);
                self.place(Key { hash: slot, near }, slot);
            }
        }
    }

    /// The places where a key may stand, in order.
    fn probes(&self, key: Key) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len().saturating_sub(1);
        let local = key.near.map(|near| 2 * near as usize + (key.hash >> 60) as usize);
        let global = (key.hash >> 32) as usize;
        let around = local.into_iter().flat_map(|start| start..start + LOCAL);
        around.chain(global..).map(move |at| at & mask)
    }

    /// The entry of this key for which `same` holds.
    pub(super) fn find(&self, key: Key, same: impl Fn(Id) -> bool) -> Option<Id> {
        if self.slots.is_empty() {
            return None;
        }
        for at in self.probes(key) {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            let id = Id((slot as u32).wrapping_sub(1));
            if slot >> 32 == key.hash >> 32 && same(id) {
                return Some(id);
            }
        }
        None
    }

    /// Adds an entry that is not there, for an expression behind these.
    pub(super) fn insert(&mut self, key: Key, exprs: &[Expr]) {
        if (self.used + 1) * 2 > self.slots.len() {
            self.reserve(self.used.max(1), exprs);
        }
        self.used += 1;
        self.place(key, key.hash & !0xFFFF_FFFF | (exprs.len() as u64 + 1));
    }

    fn place(&mut self, key: Key, slot: u64) {
        // at least half of the slots are free, and the probes reach all
        if let Some(at) = self.probes(key).find(|&at| self.slots[at] == 0) {
            self.slots[at] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Const;

    #[test]
    fn entries_are_found_after_growing_with_equal_hashes_and_neighbourhoods() {
        let expr = |number: u32| {
            if number.is_multiple_of(3) { Expr::Const(Const::Bigint(0)) } else { Expr::Not(Id(number % 7)) }
        };
        let key = |number: u32| Key::new(u64::from(number % 300) << 33, &expr(number));
        let mut index = Index::default();
        let mut exprs = Vec::new();
        assert_eq!(index.find(key(7), |_| true), None);
        for number in 0..1000 {
            index.insert(key(number), &exprs);
            exprs.push(expr(number));
        }
        for number in 0..1000 {
            assert_eq!(index.find(key(number), |id| id == Id(number)), Some(Id(number)));
        }
        assert_eq!(index.find(key(5), |_| false), None);
        assert_eq!(index.find(Key { hash: 1 << 32, near: None }, |_| true), None);
    }
}
