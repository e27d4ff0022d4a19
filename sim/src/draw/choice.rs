//! Numbers that are drawn for plans.

use dacapo::seed::{Rng, SeedRng};

/// The longest single fault, in milliseconds.
pub(crate) const FAULT_MS_MAX: u32 = 4_000;

pub(crate) fn below(rng: &mut SeedRng, bound: u32) -> u32 {
    rng.next_u32() % bound
}

pub(crate) fn index_below(rng: &mut SeedRng, bound: usize) -> usize {
    usize::try_from(below(rng, u32::try_from(bound).expect("small"))).expect("small")
}

/// Draws a number below a power of two that is drawn first: small and large ones equally often.
pub(crate) fn of_any_size(rng: &mut SeedRng, powers: u32) -> u32 {
    let power = below(rng, powers + 1);
    below(rng, 1 << power)
}
