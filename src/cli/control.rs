//! How commands talk to a running node: one request per connection, over a Unix socket in its data directory.
//!
//! ```text
//! client: version byte, request message [, content chunks, empty chunk]
//! node:   version byte, answer messages [, content chunks, empty chunk]
//! message: 0x1, length as u32 little-endian, postcard      chunk: 0x2, length as u32 little-endian, bytes
//! ```
//!
//! Content that ends without its empty chunk is not content: a store from a client that goes away is rejected.

mod client;
mod content;
mod copies;
mod message;
mod server;
mod session;
mod socket;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use client::Client;
pub(crate) use message::{
    Answer, Failure, FailureKind, FileRow, HolderRow, HolderState, Outcome, PeerRow, ReceiptRow, Request, ScrubRow,
};
pub(crate) use server::Server;
pub(crate) use wire::{ControlError, Frame};
