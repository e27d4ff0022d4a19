//! What restarts change of how nodes are started.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::host::Host;
use crate::named::named;

named! {
    /// What a node is told at a restart that it was not told before. The names are words of calls, and most of them
    /// those of options.
    Setting

    /// One peer holds each of its files.
    ReplicasOne "replicas-1",
    /// Two peers do.
    ReplicasTwo "replicas-2",
    /// All peers do.
    ReplicasAll "replicas-all",
    /// Each owner may take up so much and no more.
    Quota "quota",
    /// Each owner may take up what there is.
    NoQuota "no-quota",
    /// Deletions are forgotten soon.
    Forgets "forgets",
    /// Deletions are remembered for long.
    Remembers "remembers",
    /// It listens on another port.
    Moved "moved",
    /// It listens where it did at first.
    MovedBack "moved-back",
}

impl Setting {
    /// Whether the setting says where the node listens.
    pub(super) fn is_place(self) -> bool {
        matches!(self, Self::Moved | Self::MovedBack)
    }

    /// Returns the option that takes the place of all of its kind; `None` if none of its kind is left.
    fn option(self) -> Option<&'static str> {
        match self {
            Self::ReplicasAll | Self::NoQuota | Self::Remembers | Self::MovedBack => None,
            option => Some(option.name()),
        }
    }

    /// Whether an option is of the same kind.
    fn replaces(self, option: &str) -> bool {
        match self {
            Self::ReplicasOne | Self::ReplicasTwo | Self::ReplicasAll => option.starts_with("replicas-"),
            Self::Quota | Self::NoQuota => option == "quota",
            Self::Forgets | Self::Remembers => option == "forgets",
            Self::Moved | Self::MovedBack => option == "moved",
        }
    }
}

/// What restarts have changed, by host, in their order. Clones are the same.
#[derive(Clone, Default)]
pub struct Settings {
    changes: Rc<RefCell<BTreeMap<Host, Vec<Setting>>>>,
}

impl Settings {
    /// Has the next start of a host's node take a setting.
    pub(super) fn order(&self, host: Host, setting: Setting) {
        self.changes.borrow_mut().entry(host).or_default().push(setting);
    }

    /// Returns the options with which the node of a host is started, if the plan gives it these.
    #[must_use]
    pub fn current(&self, host: Host, mut options: Vec<String>) -> Vec<String> {
        for setting in self.changes.borrow().get(&host).into_iter().flatten() {
            options.retain(|option| !setting.replaces(option));
            options.extend(setting.option().map(str::to_owned));
        }
        options
    }

    /// Returns every option that the node of a host has ever had, if the plan gives it these.
    #[must_use]
    pub fn ever(&self, host: Host, mut options: Vec<String>) -> Vec<String> {
        let changes = self.changes.borrow();
        let further = changes.get(&host).into_iter().flatten().filter_map(|setting| setting.option());
        options.extend(further.map(str::to_owned));
        options
    }

    /// Whether a restart has changed what owners may take up on a host.
    #[must_use]
    pub fn has_other_quota(&self, host: Host) -> bool {
        self.changes.borrow().get(&host).into_iter().flatten().any(|setting| setting.replaces("quota"))
    }
}
