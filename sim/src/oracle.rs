//! The oracles of the harness itself: they hold for every subject, whatever it promises besides.

pub mod live;
pub mod replay;
