//! `dacapo whereis`: shows what each known peer has of a file.

use std::os::unix::ffi::OsStrExt;

use dacapo::crypto::Key;
use dacapo::view::{HolderRow, show};

use crate::cli::arguments::WhereisArguments;
use crate::cli::control::{Answer, Client, Request};
use crate::cli::error::CliError;
use crate::cli::{logging, output};

pub(crate) async fn run(arguments: &WhereisArguments) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut client =
        Client::ask(&arguments.data.dir, &Request::Whereis { key: key.clone(), verify: arguments.verify }).await?;
    let (holders, away) = match client.answer().await? {
        Answer::Holders { holders, away } => (holders, away),
        answer => return Err(CliError::unexpected_about(key, answer)),
    };
    let rows: Vec<_> = holders.into_iter().map(HolderRow::from).chain(away.iter().map(HolderRow::away)).collect();
    if arguments.json {
        return rows.iter().try_for_each(|row| output::json(&row.json()));
    }
    if rows.is_empty() {
        logging::note("no peers");
        return Ok(());
    }
    output::line(&format!("{:8}  {:7}  {:20}  NOTE", "PEER", "HOLDS", "VERIFIED"))?;
    for HolderRow { peer, holds, verified, note, .. } in &rows {
        let peer = peer.map_or("unknown".to_owned(), |peer| peer.short());
        let verified = verified.map_or(String::new(), show::time);
        output::line(format!("{peer:8}  {holds:7}  {verified:20}  {note}").trim_end())?;
    }
    Ok(())
}
