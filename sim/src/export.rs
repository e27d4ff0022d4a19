//! A run in forms to be looked at: a page of HTML, JSON for scripts, Chrome's trace events for Perfetto, and a sequence
//! diagram of Mermaid for a report.

mod address;
mod html;
mod json;
mod mermaid;
mod overview;
mod page;
mod perfetto;
mod spans;

pub use json::json;
pub use mermaid::mermaid;
pub use overview::overview;
pub use page::page;
pub use perfetto::perfetto;
