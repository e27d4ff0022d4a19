//! A run in the forms of other tools: JSON for scripts, Chrome's trace events for Perfetto, and a sequence diagram of
//! Mermaid for a page or a report.

mod address;
mod json;
mod mermaid;
mod perfetto;

pub use json::json;
pub use mermaid::mermaid;
pub use perfetto::perfetto;
