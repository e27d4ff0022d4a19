//! What a liar says of where others are.

use dacapo::crypto::NodeId;
use dacapo::protocol::Whereabouts;

use super::lie::Lie;
use super::state::Liar;

impl Liar {
    /// Says where those are for whom the other side looks: in turn, where each of the hosts was at first.
    pub(super) fn mislead(&self, sought: &[NodeId]) -> Whereabouts {
        if self.lie != Lie::FalseAddresses || self.hosts.is_empty() {
            return Whereabouts::default();
        }
        let turn = self.misled.replace(self.misled.get() + 1);
        let wrong = |(index, id): (usize, &NodeId)| (*id, self.hosts[(turn + index) % self.hosts.len()].clone());
        Whereabouts { sought: Vec::new(), found: sought.iter().enumerate().map(wrong).collect() }
    }
}
