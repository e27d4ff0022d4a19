//! Calls as seeds draw them. Each seed has some kinds of calls and sizes and not others (swarm testing: Groce et al.,
//! ISSTA 2012), so that rare kinds are not lost among the usual ones.

use dacapo::limits::{CHECK_BYTES_MAX, EAGER_BYTES_MAX, LIST_PAGE_MAX};
use dacapo::seed::{Rng, SeedRng};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};

use super::{Call, Reading, Source};
use crate::draw::choice::below;
use crate::host::Host;
use crate::store::settings::Setting;

/// How many keys the calls of a seed have at most. Few: what happens to one file is what matters.
const KEYS: u8 = 3;

/// The keys of a burst. No other call has them.
const BURST_KEYS: std::ops::Range<u8> = 10..50;

/// The share of seeds that have each kind of calls, and each range of sizes, in percent.
const SHARE: u32 = 50;

/// Returns the calls of a seed. Every seed stores and gets.
pub fn strategy(swarm: &mut SeedRng, nodes: usize) -> BoxedStrategy<Call> {
    let keys = 1 + u8::try_from(below(swarm, u32::from(KEYS))).expect("few");
    let mut has = || swarm.next_u32() % 100 < SHARE;
    let sizes = sizes(&mut has);
    let store = |source| {
        let call = move |(key, size): (u8, u32)| Call::Store {
            key,
            size: size.max(u32::from(Source::is_unlike_told(source))),
            source,
        };
        (0..keys, sizes.clone()).prop_map(call).boxed()
    };
    let of_key = |call: fn(u8) -> Call| (0..keys).prop_map(call).boxed();
    let of_host = |call: fn(Host) -> Call| (0..nodes).prop_map(call).boxed();
    let peers = u8::try_from(nodes - 1).expect("few").max(1);
    let options: Vec<_> = Setting::ALL.iter().copied().filter(|setting| !setting.is_place()).collect();
    // Most stay where they have moved to.
    let moves = prop_oneof![2 => Just(Setting::Moved), 1 => Just(Setting::MovedBack)];
    let always = [(7, store(Source::Memory)), (6, of_key(|key| Call::Get { key, reading: Reading::Whole }))];
    let sometimes = [
        (2, store(Source::Stream)),
        (1, store(Source::Short)),
        (1, store(Source::Long)),
        (1, store(Source::Failing)),
        (1, store(Source::Stalled)),
        (1, store(Source::Left)),
        (1, of_key(|key| Call::Get { key, reading: Reading::Slow })),
        (1, of_key(|key| Call::Get { key, reading: Reading::Left })),
        (2, of_key(|key| Call::Get { key, reading: Reading::Unkept })),
        (2, of_key(|key| Call::Delete { key, held_by: 0 })),
        (2, (0..keys, 1..=peers).prop_map(|(key, held_by)| Call::Delete { key, held_by }).boxed()),
        (1, of_key(|key| Call::Erase { key, is_known: false })),
        (1, of_key(|key| Call::Erase { key, is_known: true })),
        (3, of_key(|key| Call::Stat { key })),
        (2, of_key(|key| Call::Holders { key, is_whole: false })),
        (1, of_key(|key| Call::Holders { key, is_whole: true })),
        (2, Just(Call::List).boxed()),
        (1, Just(Call::Scrub).boxed()),
        (2, of_host(Call::Forget)),
        (2, of_host(Call::Allow)),
        (2, Just(Call::Restart).boxed()),
        (2, store(Source::Slow)),
        (1, store(Source::Held)),
        (2, Just(Call::Status).boxed()),
        (1, many().prop_map(Call::StoreMany).boxed()),
        (1, Just(Call::EraseMany).boxed()),
        (2, Just(Call::Convert).boxed()),
        (1, Just(Call::Recover).boxed()),
        (2, select(options).prop_map(Call::RestartAs).boxed()),
        (2, many().prop_map(Call::PutFolder).boxed()),
        (1, Just(Call::GetFolder).boxed()),
        (2, moves.prop_map(Call::RestartAs).boxed()),
    ];
    Union::new_weighted(always.into_iter().chain(sometimes.into_iter().filter(|_| has())).collect()).boxed()
}

/// Returns sizes around every bound; small ones always, larger ones if the seed has them.
fn sizes(has: &mut impl FnMut() -> bool) -> BoxedStrategy<u32> {
    let eager = u32::try_from(EAGER_BYTES_MAX).expect("a small number");
    // Larger than what a peer compares of a replica unless it is told to compare all.
    let huge = u32::try_from(CHECK_BYTES_MAX).expect("a small number");
    let huge = huge + 1..huge + 8_000_000;
    let sometimes = [
        (2, Just(0_u32).boxed()),
        (2, (1..20_u32).boxed()),
        (2, (eager - 1..=eager + 1).boxed()),
        (2, (60_000..300_000_u32).boxed()),
        (1, prop_oneof![900 => 300_000..1_500_000_u32, 100 => 1_500_000..4_000_000_u32, 1 => huge].boxed()),
    ];
    let small = (10, (20..200_u32).boxed());
    Union::new_weighted([small].into_iter().chain(sometimes.into_iter().filter(|_| has())).collect()).boxed()
}

/// Returns how many small files are stored at a time: rarely more than a page of a list has.
fn many() -> BoxedStrategy<u16> {
    let page = u16::try_from(LIST_PAGE_MAX).expect("a small number");
    prop_oneof![40 => 1..30_u16, 1 => page - 1..2 * page].boxed()
}

/// Returns calls that need a good copy of each file, ask whether there is one, or are to leave none; or a scrub, which
/// looks by itself.
pub fn looks() -> BoxedStrategy<Vec<Call>> {
    let look = |kind, key| match kind {
        0..3 => Call::Holders { key, is_whole: false },
        3..5 => Call::Holders { key, is_whole: true },
        5..8 => Call::Delete { key, held_by: 1 },
        8 => Call::Erase { key, is_known: false },
        _ => Call::Get { key, reading: Reading::Whole },
    };
    let each = (0..11_u8).prop_map(move |kind| (0..KEYS).map(|key| look(kind, key)).collect());
    prop_oneof![9 => each, 1 => Just(vec![Call::Scrub])].boxed()
}

/// Returns the calls that come at one moment: stores of small files, each of a key of its own, and gets and deletions
/// among them.
pub fn burst() -> BoxedStrategy<Vec<Call>> {
    let kind = prop_oneof![6 => Just(0_u8), 1 => Just(1), 1 => Just(2)];
    let call = (kind, BURST_KEYS, 20..5_000_u32).prop_map(|(kind, key, size)| match kind {
        0 => Call::Store { key, size, source: Source::Memory },
        1 => Call::Get { key, reading: Reading::Whole },
        _ => Call::Erase { key, is_known: false },
    });
    vec(call, 20..=40).boxed()
}
