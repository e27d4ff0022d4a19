//! How much of this disk each owner may take up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Inner;
use crate::crypto::{HashedKey, NodeId};
use crate::limits::TOMBSTONES_PER_OWNER_MAX;
use crate::platform::Platform;
use crate::protocol::Refusal;
use crate::store::Usage;

/// What each owner may take up here; by default as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Sealed bytes.
    pub bytes_max: Option<u64>,
    /// Replicas.
    pub files_max: Option<u64>,
}

/// What is being stored for each owner and is not in the catalog yet.
#[derive(Clone, Default)]
pub(super) struct Reserved {
    of: Rc<RefCell<BTreeMap<NodeId, Usage>>>,
}

/// Room for one replica, for as long as it lives.
pub(super) struct Room {
    owner: NodeId,
    usage: Usage,
    reserved: Reserved,
}

impl Reserved {
    fn add(&self, owner: NodeId, usage: Usage) -> Room {
        let mut of = self.of.borrow_mut();
        let sum = of.entry(owner).or_default();
        *sum = *sum + usage;
        Room { owner, usage, reserved: self.clone() }
    }

    fn sum(&self, owner: NodeId) -> Usage {
        self.of.borrow().get(&owner).copied().unwrap_or_default()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut of = self.reserved.of.borrow_mut();
        let sum = of.get_mut(&self.owner).expect("it was added");
        *sum = *sum - self.usage;
        if *sum == Usage::default() {
            of.remove(&self.owner);
        }
    }
}

/// Room for a replica of so many bytes, where the quota of its owner leaves any; none is needed without a quota. Of an
/// older version that it replaces the bytes count no more, and what is no larger than that is always taken.
pub(super) async fn reserve<P: Platform>(
    inner: &Inner<P>,
    owner: NodeId,
    hashed: HashedKey,
    bytes: u64,
) -> Result<Option<Room>, Refusal> {
    let Quota { bytes_max, files_max } = inner.quota;
    if bytes_max.is_none() && files_max.is_none() {
        return Ok(None);
    }
    let room = inner.reserved.add(owner, Usage { files: 1, bytes, graves: 0 });
    let used = inner.blocking(move |store| {
        let replaced = Usage::of(store.held(owner, hashed)?.as_ref());
        Ok((store.usage(owner)? - replaced, replaced))
    });
    let (used, replaced) = used.await.map_err(|error| super::serve::refusal_for(&error))?;
    let used = used + inner.reserved.sum(owner);
    match (bytes_max, files_max) {
        _ if replaced.files == 1 && bytes <= replaced.bytes => Ok(Some(room)),
        (Some(max), _) if used.bytes > max => Err(Refusal::QuotaBytes { max }),
        (_, Some(max)) if used.files > max => Err(Refusal::QuotaFiles { max }),
        _ => Ok(Some(room)),
    }
}

/// Whether one more deletion is remembered of a file that is not held.
pub(super) fn has_room_for_grave(used: Usage) -> bool {
    used.graves < TOMBSTONES_PER_OWNER_MAX
}
