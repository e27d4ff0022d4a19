//! The deterministic simulation of Dacapo: the whole, unchanged node on a turmoil network and a simulated disk,
//! replayed from one seed.

pub mod disk;
