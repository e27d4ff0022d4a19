//! What one peer has of a file, as people and scripts are shown it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::crypto::NodeId;
use crate::node::{Holder, Holding, PeerInfo};
use crate::time::UnixMillis;

/// What is shown of one peer.
#[derive(Clone, Debug)]
pub struct HolderRow {
    /// The peer, if it is known who it is.
    pub peer: Option<NodeId>,
    /// What it has, in a word.
    pub holds: &'static str,
    /// When it last compared its copy with what was stored.
    pub verified: Option<UnixMillis>,
    /// Whether it did so for this answer.
    pub fresh: Option<bool>,
    /// What else there is to say; mostly empty.
    pub note: String,
}

/// What one peer has of a file.
#[derive(Serialize, ToSchema)]
pub struct HolderJson<'a> {
    peer: Option<String>,
    holds: &'static str,
    verified_unix_ms: Option<u64>,
    /// Whether the peer compared its copy for this answer.
    fresh: Option<bool>,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

impl HolderRow {
    /// Describes a peer that was not asked, because it is away.
    #[must_use]
    pub fn away(info: &PeerInfo) -> Self {
        let note = info.address.as_ref().map(ToString::to_string).unwrap_or_default();
        Self { peer: info.peer, holds: "away", verified: None, fresh: None, note }
    }

    /// Makes the form of the row.
    #[must_use]
    pub fn json(&self) -> HolderJson<'_> {
        HolderJson {
            peer: self.peer.map(|peer| peer.to_string()),
            holds: self.holds,
            verified_unix_ms: self.verified.map(|verified| verified.0),
            fresh: self.fresh,
            note: &self.note,
        }
    }
}

impl From<Holder> for HolderRow {
    fn from(holder: Holder) -> Self {
        let (mut verified, mut fresh) = (None, None);
        let (holds, note) = match holder.holding {
            Holding::Current { verified: at, is_fresh } => {
                (verified, fresh) = (Some(at), Some(is_fresh));
                ("current", if is_fresh { "compared now" } else { "when taken or last scrubbed" }.to_owned())
            }
            Holding::Older { version } => ("older", version.to_string()),
            Holding::Other { version } => ("other", version.to_string()),
            Holding::Nothing => ("nothing", String::new()),
            Holding::Damaged => ("damaged", String::new()),
            Holding::Unknown { reason } => ("unknown", reason),
        };
        Self { peer: Some(holder.peer), holds, verified, fresh, note }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_an_object() {
        let peer: NodeId = "1a".repeat(32).parse().expect("an id");
        let json =
            |row: &HolderRow| serde_json::to_string(&row.json()).expect("a form").replace(&peer.to_string(), "ID");
        let holding = Holding::Current { verified: UnixMillis(5), is_fresh: true };
        let current = HolderRow { note: String::new(), ..HolderRow::from(Holder { peer, holding }) };
        assert_eq!(json(&current), r#"{"peer":"ID","holds":"current","verified_unix_ms":5,"fresh":true}"#);
        let note = "127.0.0.1:3000".to_owned();
        let away = HolderRow { peer: None, holds: "away", verified: None, fresh: None, note };
        let expected = r#"{"peer":null,"holds":"away","verified_unix_ms":null,"fresh":null,"note":"127.0.0.1:3000"}"#;
        assert_eq!(json(&away), expected);
    }
}
