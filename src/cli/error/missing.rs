//! What a recovery could not bring back.

use std::fmt;

use dacapo::view::show;

/// What is missing after a recovery, as far as that is known.
#[derive(Debug)]
pub(crate) struct Missing {
    /// Files that were learnt of and could not be fetched.
    pub(crate) unfetched: u64,
    /// Versions that peers list and could not give.
    pub(crate) not_given: u64,
    /// Names that were stored, and that no peer lists.
    pub(crate) unlisted: u64,
    /// Peers that could not be asked.
    pub(crate) unasked: String,
    /// Whether nothing more came though peers list more.
    pub(crate) has_stalled: bool,
}

impl Missing {
    pub(crate) fn is_nothing(&self) -> bool {
        self.unfetched + self.not_given + self.unlisted == 0 && self.unasked.is_empty() && !self.has_stalled
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unfetched, not_given, unlisted, unasked, has_stalled } = self;
        let parts = [
            (*unfetched > 0, format!("{} could not be fetched", show::count(*unfetched, "file"))),
            (
                *not_given > 0,
                format!("peers list {} more, and what they have is damaged or gone", show::count(*not_given, "file")),
            ),
            (
                *unlisted > 0,
                format!("{} more had been stored, and no peer that was asked has them", show::count(*unlisted, "file")),
            ),
            (*has_stalled, "nothing more has come for a minute though peers list more".to_owned()),
            (!unasked.is_empty(), format!("{unasked} could not be asked, so there may be more")),
        ];
        let parts: Vec<_> = parts.into_iter().filter_map(|(is_so, part)| is_so.then_some(part)).collect();
        f.write_str(&parts.join("; "))
    }
}
