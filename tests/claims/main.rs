//! What Dacapo promises, claim by claim, in one process: nodes in a simulation, on a network in memory, or on real TCP.
//! No test here starts a process, and none measures the process as a whole: the others run beside it.
//! `tests/README.md` says which test bed serves what, and how to add a claim.

#[path = "../support/for_claims.rs"]
mod support;

// The workflows: store, delete and get, from end to end.
mod any_file;
mod both_networks;
mod workflows;

// Faithful and atomic: what a call answers, and which bytes it gives.
mod answers;
mod disk_errors;
mod one_key;
mod right_bytes;
mod rollbacks;
mod rotten_records;

// Durable: what was acknowledged is there after a kill, a power loss, a failed call or a lost catalog.
mod catalog;
mod crashes;
mod layouts;
mod leftovers;
mod obstacles;
mod power_losses;
mod racing_removals;
mod rotten_catalogs;
mod scrubs;
mod unclear_changes;

// Available and convergent: what peers hold, where, and how a node learns of it.
mod forgetting;
mod holders;
mod learning;
mod lost_catalogs;
mod lost_copies;
mod lost_disks;
mod placement;
mod summaries;
mod verification;

// Secret and closed: who gets in, and what nobody can read or forge.
mod fresh_ivs;
mod hostile_wire;
mod liars;
mod members;
mod moves;

// Bounded and live: what a peer can take up, and what goes on while something hangs.
mod crawls;
mod evictions;
mod failing_disks;
mod failing_peers;
mod floods;
mod hostile_peers;
mod left_calls;
mod offers;
mod quotas;
mod restarts;
mod stalls;
mod stopping;
mod unkept;

// All promises at once: plans of whole clusters under faults.
mod chaos;
mod connections;
mod plans;
mod relays;
mod replication;

// The harness: the same seed gives the same run, for any subject, and what breaks shrinks.
mod causes;
mod determinism;
mod oracles;
mod searches;
mod second_subject;
mod shrinking;
mod triggers;

// The seams: the node finds the same disk and the same transport in a simulation and on a machine.
mod disk_contract;
mod link_faults;
mod transport_contract;

// Texts and numbers: messages on the wire, the documents, and the source itself.
mod docs;
mod protocol;
mod tidy;
