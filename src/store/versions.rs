//! The numbers of stores and deletions: handed out one by one from ranges that were reserved durably, each once, not
//! even twice after a crash.
//!
//! A range begins above every number of this catalog and above the time of day in milliseconds. So a data directory
//! that was put back from an older copy does not hand out the numbers again that it gave away after the copy was made,
//! unless its clock is behind; and the ranges tell which numbers this directory can have handed out. An authentic seal
//! with another number comes from a life that this directory knows nothing of. While the clock is behind, two lives may
//! have had the same range, so it is noted what each number was for.

use std::collections::BTreeMap;

use super::lock::lock;
use super::{Change, StorageError, Store};
use crate::crypto::{ReplicaName, Version};
use crate::disk::Disk;
use crate::limits::{VERSION_RANGES_MAX, VERSIONS_AHEAD_MAX, VERSIONS_NOTED_MAX, VERSIONS_RESERVED};
use crate::time::UnixMillis;

/// Numbers that were reserved, both ends included.
pub(super) type Range = (u64, u64);

/// The next number to hand out, and the numbers that were reserved durably.
pub(super) struct Versions {
    /// The number that was handed out last, or that every later one is to be above.
    last: u64,
    /// The number up to which numbers may be handed out.
    ceiling: u64,
    /// What `last` was when the directory was opened.
    opened_at: u64,
    /// The reserved ranges, in their order.
    reserved: Vec<Range>,
    /// What numbers were for, from a number on, if their range did not begin at the time of day.
    issued: Option<Issued>,
}

/// What the numbers from `from` on were handed out for.
#[derive(Default)]
struct Issued {
    from: u64,
    names: BTreeMap<u64, ReplicaName>,
}

impl Versions {
    /// Goes on above `ceiling`. A catalog from before ranges were noted has none: all up to its ceiling count as
    /// reserved.
    pub(super) fn new(ceiling: u64, mut reserved: Vec<Range>) -> Self {
        if reserved.is_empty() {
            reserved.push((0, ceiling));
        }
        Self { last: ceiling, ceiling, opened_at: ceiling, reserved, issued: None }
    }

    /// Hands out the next number, which has to be reserved.
    fn next(&mut self, name: ReplicaName) -> Version {
        self.last += 1;
        let version = self.last;
        if let Some(issued) = &mut self.issued {
            issued.names.insert(version, name);
            if issued.names.len() > VERSIONS_NOTED_MAX {
                issued.names.pop_first();
                issued.from = issued.names.first_key_value().map_or(version, |(first, _)| *first);
            }
        }
        Version(version)
    }

    fn has_issued(&self, version: u64, name: ReplicaName) -> bool {
        let is_reserved = self.reserved.iter().any(|(first, last)| (*first..=*last).contains(&version));
        let is_for_name = |issued: &Issued| version < issued.from || issued.names.get(&version) == Some(&name);
        is_reserved && version <= self.last && self.issued.as_ref().is_none_or(is_for_name)
    }

    /// Returns the ranges after one more was reserved. Ranges without a gap between them become one; so do the two
    /// oldest if there are too many, and then the gap between them counts as reserved.
    fn and(&self, (first, last): Range) -> Vec<Range> {
        let mut reserved = self.reserved.clone();
        match reserved.last_mut() {
            Some(newest) if newest.1 + 1 >= first => newest.1 = last,
            _ => reserved.push((first, last)),
        }
        if reserved.len() > VERSION_RANGES_MAX {
            let oldest = reserved.remove(0);
            reserved[0].0 = oldest.0;
        }
        reserved
    }
}

/// Returns a number above all that a node has handed out whose catalog is lost, unless its clock is behind now. `now`
/// is the time of day.
pub(crate) fn above_all_before(now: UnixMillis) -> Version {
    Version(Version::at(now).0 + VERSIONS_AHEAD_MAX)
}

impl<D: Disk> Store<D> {
    /// Returns a version for a name, which no store of this node has had or will have, even after a crash. `now` is the
    /// time of day.
    ///
    /// # Errors
    /// Fails if a new range of versions could not be reserved durably.
    pub fn next_version(&self, now: UnixMillis, name: ReplicaName) -> Result<Version, StorageError> {
        let mut versions = lock(&self.versions);
        if versions.last == versions.ceiling {
            let clock = Version::at(now).0;
            let below = versions.ceiling.max(clock);
            let ceiling = below + VERSIONS_RESERVED;
            let reserved = versions.and((below + 1, ceiling));
            self.catalog.commit(&[&[Change::VersionsReserved(reserved.clone())]])?;
            let issued = match versions.issued.take() {
                _ if below == clock => None,
                None => Some(Issued { from: below + 1, ..Issued::default() }),
                issued => issued,
            };
            *versions = Versions { last: below, ceiling, opened_at: versions.opened_at, reserved, issued };
        }
        Ok(versions.next(name))
    }

    /// Returns a version as [`next_version`](Self::next_version) does, if that takes no disk call and no wait.
    #[must_use]
    pub fn reserved_version(&self, name: ReplicaName) -> Option<Version> {
        let mut versions = self.versions.try_lock().ok()?;
        (versions.last < versions.ceiling).then(|| versions.next(name))
    }

    /// Ensures that every later version is greater than `up_to`.
    ///
    /// # Errors
    /// Fails if that could not be made durable.
    pub fn skip_versions(&self, up_to: Version) -> Result<(), StorageError> {
        let mut versions = lock(&self.versions);
        if versions.ceiling < up_to.0 {
            self.catalog.commit(&[&[Change::VersionCeiling(up_to.0)]])?;
            versions.ceiling = up_to.0;
        }
        versions.last = versions.last.max(up_to.0);
        Ok(())
    }

    /// Returns the version that was handed out last, or that every later one is to be above.
    #[must_use]
    pub fn last_version(&self) -> Version {
        Version(lock(&self.versions).last)
    }

    /// Whether this directory can have handed a version out for a name, now or before an earlier start.
    #[must_use]
    pub fn has_issued(&self, version: Version, name: ReplicaName) -> bool {
        lock(&self.versions).has_issued(version.0, name)
    }

    /// Whether a version was handed out for a name since the directory was opened.
    #[must_use]
    pub fn is_of_this_start(&self, version: Version, name: ReplicaName) -> bool {
        let versions = lock(&self.versions);
        version.0 > versions.opened_at && versions.has_issued(version.0, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::layout::Layout;
    use crate::store::tests::Place;

    #[test]
    fn ranges_join_and_the_oldest_give_up_their_gap() {
        let mut versions = Versions::new(5, Vec::new());
        assert_eq!(versions.and((6, 9)), [(0, 9)], "no gap");
        versions.reserved = versions.and((8, 9));
        assert_eq!(versions.reserved, [(0, 5), (8, 9)]);
        for number in 1..VERSION_RANGES_MAX as u64 {
            versions.reserved = versions.and((100 * number, 100 * number + 1));
        }
        assert_eq!(versions.reserved.len(), VERSION_RANGES_MAX);
        assert_eq!(versions.reserved[..2], [(0, 9), (100, 101)]);
    }

    #[test]
    fn a_version_that_needs_no_commit_is_the_next_one_of_its_range() {
        let (store, _) = Place::new().open(Layout::Packed);
        let name = ReplicaName([1; 16]);
        assert_eq!(store.reserved_version(name), None, "nothing is reserved yet");
        let first = store.next_version(UnixMillis(0), name).expect("a good disk");
        let rest: Vec<_> = std::iter::from_fn(|| store.reserved_version(name)).collect();
        assert_eq!(rest, (1..VERSIONS_RESERVED).map(|next| Version(first.0 + next)).collect::<Vec<_>>());
        assert_eq!(store.next_version(UnixMillis(0), name).ok(), Some(Version(first.0 + VERSIONS_RESERVED)));
    }

    #[test]
    fn what_was_issued_is_what_was_reserved_and_handed_out_for_that_name() {
        let name = |number| ReplicaName([number; 16]);
        let mut versions = Versions::new(5, vec![(2, 5), (8, 10)]);
        versions.last = 9;
        let issued = |versions: &Versions, number| versions.has_issued(number, name(1));
        let all: Vec<_> = (0..12).filter(|number| issued(&versions, *number)).collect();
        assert_eq!(all, [2, 3, 4, 5, 8, 9], "10 is reserved, and not handed out yet");
        // With a clock that was behind, it is known from 4 on for which name each was.
        let names = BTreeMap::from([(4, name(1)), (5, name(2)), (8, name(1)), (10, name(1))]);
        versions.issued = Some(Issued { from: 4, names });
        let all: Vec<_> = (0..12).filter(|number| issued(&versions, *number)).collect();
        assert_eq!(all, [2, 3, 4, 8]);
    }
}
