//! `dacapo whereis`: shows what each known peer has of a file.

use std::os::unix::ffi::OsStrExt;

use dacapo::crypto::{Key, NodeId};
use dacapo::node::{Holder, Holding, PeerInfo};
use dacapo::time::UnixMillis;

use crate::cli::arguments::WhereisArguments;
use crate::cli::control::{Answer, Client, Request};
use crate::cli::error::CliError;
use crate::cli::json::HolderJson;
use crate::cli::{logging, output, show};

/// What is shown of one peer.
struct Row {
    peer: Option<NodeId>,
    holds: &'static str,
    /// When it last compared its copy with what was stored.
    verified: Option<UnixMillis>,
    /// Whether it did so for this answer.
    fresh: Option<bool>,
    /// What else there is to say; mostly empty.
    note: String,
}

pub(crate) async fn run(arguments: &WhereisArguments) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut client =
        Client::ask(&arguments.data.dir, &Request::Whereis { key: key.clone(), verify: arguments.verify }).await?;
    let (holders, away) = match client.answer().await? {
        Answer::Holders { holders, away } => (holders, away),
        answer => return Err(CliError::unexpected_about(key, answer)),
    };
    let rows: Vec<_> = holders.into_iter().map(Row::from).chain(away.iter().map(Row::away)).collect();
    if arguments.json {
        return rows.iter().try_for_each(|row| output::json(&row.json()));
    }
    if rows.is_empty() {
        logging::note("no peers");
        return Ok(());
    }
    output::line(&format!("{:8}  {:7}  {:20}  NOTE", "PEER", "HOLDS", "VERIFIED"))?;
    for Row { peer, holds, verified, note, .. } in &rows {
        let peer = peer.map_or("unknown".to_owned(), |peer| peer.short());
        let verified = verified.map_or(String::new(), show::time);
        output::line(format!("{peer:8}  {holds:7}  {verified:20}  {note}").trim_end())?;
    }
    Ok(())
}

impl Row {
    /// Describes a peer that was not asked, because it is away.
    fn away(info: &PeerInfo) -> Self {
        let note = info.address.as_ref().map(ToString::to_string).unwrap_or_default();
        Self { peer: info.peer, holds: "away", verified: None, fresh: None, note }
    }

    fn json(&self) -> HolderJson<'_> {
        HolderJson {
            peer: self.peer.map(|peer| peer.to_string()),
            holds: self.holds,
            verified_unix_ms: self.verified.map(|verified| verified.0),
            fresh: self.fresh,
            note: &self.note,
        }
    }
}

impl From<Holder> for Row {
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
