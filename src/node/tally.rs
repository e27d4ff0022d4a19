//! Sums by key of what is under way, such as connections by peer or bytes by owner.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Add, Sub};
use std::rc::Rc;

/// Sums by key. A key with a sum of zero takes up no memory. Clones are the same tally.
pub(super) struct Tally<K, V> {
    sums: Rc<RefCell<BTreeMap<K, V>>>,
}

/// Keeps an amount in a tally for as long as this guard lives.
pub(super) struct Tallied<K: Ord, V: Amount> {
    key: K,
    amount: V,
    tally: Tally<K, V>,
}

/// What can be added up and taken off again.
pub(super) trait Amount: Copy + Default + PartialEq + Add<Output = Self> + Sub<Output = Self> {}

impl<V: Copy + Default + PartialEq + Add<Output = V> + Sub<Output = V>> Amount for V {}

impl<K, V> Clone for Tally<K, V> {
    fn clone(&self) -> Self {
        Self { sums: self.sums.clone() }
    }
}

impl<K, V> Default for Tally<K, V> {
    fn default() -> Self {
        Self { sums: Rc::default() }
    }
}

impl<K: Ord + Copy, V: Amount> Tally<K, V> {
    /// Adds an amount until the returned guard is dropped.
    pub(super) fn add(&self, key: K, amount: V) -> Tallied<K, V> {
        let mut sums = self.sums.borrow_mut();
        let sum = sums.entry(key).or_default();
        *sum = *sum + amount;
        Tallied { key, amount, tally: self.clone() }
    }

    /// Returns the sum over all keys.
    pub(super) fn total(&self) -> V {
        self.sums.borrow().values().fold(V::default(), |total, sum| total + *sum)
    }

    /// Returns the sum of a key, which is zero if nothing was added.
    pub(super) fn sum(&self, key: K) -> V {
        self.sums.borrow().get(&key).copied().unwrap_or_default()
    }
}

impl<K: Ord, V: Amount> Drop for Tallied<K, V> {
    fn drop(&mut self) {
        let mut sums = self.tally.sums.borrow_mut();
        let sum = sums.get_mut(&self.key).expect("a tally keeps each sum until its last guard is dropped");
        *sum = *sum - self.amount;
        if *sum == V::default() {
            sums.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_lasts_as_long_as_its_guards_and_then_takes_no_memory() {
        let tally = Tally::<u8, usize>::default();
        let (two, three) = (tally.add(7, 2), tally.add(7, 3));
        assert_eq!((tally.sum(7), tally.sum(8)), (5, 0));
        drop(two);
        assert_eq!(tally.sum(7), 3);
        drop(three);
        assert!(tally.sums.borrow().is_empty());
    }
}
