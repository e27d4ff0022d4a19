//! Brings data directories into the other layout between two starts of their nodes, as `dacapo convert` does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use dacapo::crypto::Keys;
use dacapo::event::EventSink;
use dacapo::platform::Platform;
use dacapo::store::layout::Layout;
use dacapo::store::{ConvertEvent, Converted, Identity, Setup, convert};

use crate::host::Host;

/// How the lines of the trace begin that tell of a conversion.
pub(super) const CONVERTED: &str = "converted";
pub(super) const TAKEN_UP: &str = "went on to convert";
pub(super) const TURNED_BACK: &str = "turned back a conversion of";

/// Which data directories were converted, or will be, and whether that is still to be done. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Conversions {
    is_due: Rc<RefCell<BTreeMap<Host, bool>>>,
}

impl Conversions {
    /// Has the data directory of a host converted before the next start.
    pub(super) fn order(&self, host: Host) {
        self.is_due.borrow_mut().insert(host, true);
    }

    /// Whether the data directory of a host is to be converted now.
    pub(super) fn take(&self, host: Host) -> bool {
        self.is_due.borrow_mut().get_mut(&host).is_some_and(std::mem::take)
    }

    /// Whether the data directory of a host may have another layout than the options of the host say.
    pub(super) fn has(&self, host: Host) -> bool {
        self.is_due.borrow().contains_key(&host)
    }
}

/// Brings a data directory into the other layout, as `dacapo convert` does, if the plan says so, and returns what there
/// is to tell; what the store does besides goes to a sink. A conversion that was interrupted goes on at every second
/// start, and turns back at the others.
pub(super) fn convert_if_told(
    platform: &impl Platform,
    is_told: bool,
    start: u64,
    events: &EventSink,
) -> Result<Option<String>, String> {
    let disk = platform.disk();
    let (to, verb) = match Setup::read(disk).map_err(|error| error.to_string())? {
        Setup::Settled(Layout::Folders) if is_told => (Layout::Packed, CONVERTED),
        Setup::Settled(Layout::Packed) if is_told => (Layout::Folders, CONVERTED),
        Setup::Settled(_) => return Ok(None),
        Setup::Converting { from, .. } if start.is_multiple_of(2) => (from, TURNED_BACK),
        Setup::Converting { to, .. } => (to, TAKEN_UP),
    };
    // A directory without an identity has nothing to convert.
    let Some(master) = Identity::load(disk).map_err(|error| error.to_string())? else { return Ok(None) };
    let told = |step| {
        if let ConvertEvent::Besides(news) = step {
            events(&news.into());
        }
    };
    let converted = convert(disk, &Keys::derive(&master), to, platform.now(), told);
    let converted = converted.map_err(|error| error.to_string())?;
    Ok(converted
        .filter(|converted| converted.blobs > 0)
        .map(|Converted { blobs, .. }| format!("{verb} {blobs} to {to}")))
}
