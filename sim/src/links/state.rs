//! What the links of a run do at the moment.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use dacapo::seed::{Rng, SeedRng};

use crate::host::Host;

/// How often in a second a link that trickles lets something pass, and the time between.
const TRICKLES_PER_SECOND: u32 = 10;
const TRICKLE_PERIOD: Duration = Duration::from_millis(100);

/// What a link does for as long as a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Dials are refused.
    Refuse,
    /// Dials are never answered.
    Hang,
    /// Nothing moves, and nothing is lost.
    Stall,
    /// A read or write takes at most seven bytes.
    Short,
    /// Each write waits for this duration.
    Slow(Duration),
    /// So many bytes pass in a second.
    Trickle(u32),
}

/// All links of a run. Clones are the same links.
#[derive(Clone)]
pub struct Links {
    pub(super) state: Rc<RefCell<State>>,
}

pub(super) struct State {
    links: BTreeMap<(Host, Host), Link>,
    /// The tasks that wait on a stream, by stream and direction. Any change wakes them.
    pub(super) wakers: BTreeMap<(u64, bool), Waker>,
    pub(super) streams: u64,
    pub(super) open: BTreeMap<Host, usize>,
    rng: SeedRng,
}

#[derive(Default)]
struct Link {
    troubles: Vec<Trouble>,
    /// How many of the next pieces get a wrong bit.
    corrupt: u32,
    /// Streams that were opened before this number are broken.
    broken_before: u64,
}

impl Links {
    /// Makes links without a fault. `rng` chooses how short a short read is.
    #[must_use]
    pub fn new(rng: SeedRng) -> Self {
        let state = State { links: BTreeMap::new(), wakers: BTreeMap::new(), streams: 0, open: BTreeMap::new(), rng };
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// Begins a trouble on the way from one host to another.
    pub fn begin(&self, from: Host, to: Host, trouble: Trouble) {
        self.change(from, to, |link, _| link.troubles.push(trouble));
    }

    /// Ends a trouble that has begun.
    pub fn end(&self, from: Host, to: Host, trouble: Trouble) {
        self.change(from, to, |link, _| {
            if let Some(index) = link.troubles.iter().position(|found| *found == trouble) {
                link.troubles.remove(index);
            }
        });
    }

    /// Ends every trouble.
    pub fn mend_all(&self) {
        let wakers = {
            let mut state = self.state.borrow_mut();
            for link in state.links.values_mut() {
                link.troubles.clear();
                link.corrupt = 0;
            }
            std::mem::take(&mut state.wakers)
        };
        wakers.into_values().for_each(Waker::wake);
    }

    /// Breaks the connections between two hosts, whichever of them dialled.
    pub fn cut_open_connections(&self, from: Host, to: Host) {
        self.change(from, to, |link, streams| link.broken_before = streams);
    }

    /// Flips a bit in the next piece that travels from one host to another.
    pub fn corrupt_next(&self, from: Host, to: Host) {
        self.change(from, to, |link, _| link.corrupt += 1);
    }

    /// Returns how many dialled connections of a host are open.
    #[must_use]
    pub fn open_connections(&self, host: Host) -> usize {
        self.state.borrow().open.get(&host).copied().unwrap_or(0)
    }

    fn change(&self, from: Host, to: Host, change: impl FnOnce(&mut Link, u64)) {
        let wakers = {
            let mut state = self.state.borrow_mut();
            let streams = state.streams;
            change(state.links.entry((from, to)).or_default(), streams);
            std::mem::take(&mut state.wakers)
        };
        // Woken outside of the borrow, in the order of the streams.
        wakers.into_values().for_each(Waker::wake);
    }
}

impl State {
    pub(super) fn has(&self, from: Host, to: Host, trouble: Trouble) -> bool {
        self.links.get(&(from, to)).is_some_and(|link| link.troubles.contains(&trouble))
    }

    /// Returns how long each call waits that moves something.
    pub(super) fn delay(&self, from: Host, to: Host, is_read: bool) -> Option<Duration> {
        let delay = |trouble: &Trouble| match trouble {
            Trouble::Slow(delay) if !is_read => Some(*delay),
            Trouble::Trickle(_) => Some(TRICKLE_PERIOD),
            _ => None,
        };
        self.links.get(&(from, to))?.troubles.iter().filter_map(delay).max()
    }

    pub(super) fn is_broken(&self, id: u64, one: Host, other: Host) -> bool {
        [(one, other), (other, one)].iter().any(|way| self.links.get(way).is_some_and(|link| id < link.broken_before))
    }

    /// Returns how many bytes one call moves at most.
    pub(super) fn bound(&mut self, from: Host, to: Host) -> usize {
        let troubles = self.links.get(&(from, to)).map_or(&[][..], |link| &link.troubles);
        let trickle = |trouble: &Trouble| match trouble {
            Trouble::Trickle(rate) => usize::try_from(rate / TRICKLES_PER_SECOND).ok().map(|bytes| bytes.max(1)),
            _ => None,
        };
        let bound = troubles.iter().filter_map(trickle).min().unwrap_or(usize::MAX);
        if troubles.contains(&Trouble::Short) {
            let few = 1 + usize::try_from(self.rng.next_u32() % 7).expect("a small number");
            return bound.min(few);
        }
        bound
    }

    pub(super) fn take_corrupt(&mut self, from: Host, to: Host) -> bool {
        let Some(link) = self.links.get_mut(&(from, to)).filter(|link| link.corrupt > 0) else { return false };
        link.corrupt -= 1;
        true
    }
}
