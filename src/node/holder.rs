//! What a node does for others: it takes their replicas, gives them back, and checks, deletes and releases them on
//! request. This side answers peers and asks none, so it names neither the owner's side nor the peers.

pub(super) mod check;
pub(super) mod compare;
mod count;
pub(super) mod delete;
pub(super) mod give;
pub(super) mod quota;
pub(super) mod refusals;
pub(super) mod refuse;
pub(super) mod release;
pub(super) mod serve;
pub(super) mod set_aside;
pub(super) mod take;
pub(super) mod verified;
pub(super) mod verify;
mod whole;
