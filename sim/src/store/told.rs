//! What a node tells of itself, as lines of the trace.

use dacapo::event::Event;

use crate::trace::{Tracer, Way};

/// Writes an event of a node into the trace.
pub(super) fn tell(tracer: &Tracer<Event>, event: &Event) {
    match event {
        Event::MessageSent { peer, link, message } => tracer.message(Way::Sent, || peer.short(), *link, message),
        Event::MessageReceived { peer, link, message } => {
            tracer.message(Way::Received, || peer.short(), *link, message);
        }
        _ => tracer.event(event),
    }
}
