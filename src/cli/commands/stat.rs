//! `dacapo stat`: shows what the node knows of one file.

use std::os::unix::ffi::OsStrExt;

use dacapo::crypto::Key;
use dacapo::node::FileInfo;

use crate::cli::arguments::StatArguments;
use crate::cli::control::{Answer, Client, Request};
use crate::cli::error::CliError;
use crate::cli::output;
use dacapo::view::json::FileJson;
use dacapo::view::show;

pub(crate) async fn run(arguments: &StatArguments) -> Result<(), CliError> {
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut client = Client::ask(&arguments.data.dir, &Request::Stat { key: key.clone() }).await?;
    let info = match client.answer().await? {
        Answer::File(info) => info,
        answer => return Err(CliError::unexpected_about(key, answer)),
    };
    if arguments.json {
        return output::json(&FileJson::from(&info));
    }
    let FileInfo { key, size, version, modified, digest, is_local, .. } = info;
    output::line(&format!("key      {key}"))?;
    output::line(&format!("size     {}", show::bytes(size)))?;
    output::line(&format!("version  {version}"))?;
    output::line(&format!("stored   {}", show::time(modified)))?;
    output::line(&format!("digest   {digest}"))?;
    output::line(&format!("local    {}", show::yes(is_local)))
}
