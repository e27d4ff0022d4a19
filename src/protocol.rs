//! What peers say to each other: messages as values, their encoding, and reading and writing them on any stream.
//!
//! A connection carries one exchange at a time. Each step is a frame: `0x1`, a length, a message; or `0x2`, a length,
//! and that many bytes of a sealed file. `docs/PROTOCOL.md` has every byte. Decoding is total: any bytes give a value
//! or an error, and nothing is allocated before its length is checked.

mod bounded;
mod hello;
mod message;
mod whereabouts;
mod wire;

pub use hello::{BootId, Hello, Purpose, Verdict, Welcome};
pub use message::{DecodeError, Message, Refusal};
pub use whereabouts::Whereabouts;
pub(crate) use wire::read_payload;
pub use wire::{WireError, message_frame, read_message, read_stream_header, stream_header};
