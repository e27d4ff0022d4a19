//! Choices of what a power loss or a failed sync leaves.

use dacapo::seed::Rng;

/// Chooses one of `0..bound`. If there is no choice, it draws nothing.
pub(super) fn below(rng: &mut impl Rng, bound: usize) -> usize {
    if bound < 2 {
        return 0;
    }
    let choice = rng.next_u64() % bound as u64;
    usize::try_from(choice).expect("a choice is below its bound")
}
