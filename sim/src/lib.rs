//! The deterministic simulation of Dacapo: the whole, unchanged node on a turmoil network and a simulated disk,
//! replayed from one seed.

#![forbid(unsafe_code)]

pub mod disk;
pub mod platform;
pub mod star;
pub mod trace;
pub mod transport;
pub mod twice;
pub mod walkthrough;
pub mod world;
