//! How commands talk to a running node: requests one after another on a connection, over a Unix socket in its data
//! directory. A command about many files opens several connections. Content that ends without its empty chunk is not
//! content: a store is rejected if its client goes away.
//!
//! ```text
//! client: version byte, then again and again: request message [, content chunks, empty chunk]
//! node:   version byte, then for each: answer messages [, content chunks, empty chunk]
//! message: 0x1, length as u32 little-endian, postcard      chunk: 0x2, length as u32 little-endian, bytes
//! ```

mod calls;
mod client;
mod content;
mod failure;
mod message;
mod server;
mod session;
mod socket;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use client::{Client, ConnectError};
pub(crate) use failure::{Failure, FailureKind};
pub(crate) use message::{Answer, FoundFile, Request};
pub(crate) use server::{Server, SocketError};
pub(crate) use wire::{ControlError, Frame};
