//! `dacapo ls`: lists the files of the node, whether their local copies are there or not.

use dacapo::node::FileInfo;

use crate::cli::arguments::{LsArguments, Verbosity};
use crate::cli::error::CliError;
use crate::cli::{folder, logging, output};
use dacapo::view::json::FileJson;
use dacapo::view::show;

/// Lists page by page, so that a list of any length takes the memory of one page.
pub(crate) async fn run(arguments: &LsArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let mut is_first = true;
    folder::each_page(&arguments.data.dir, folder::prefix(&arguments.prefix)?.as_str(), |page| {
        if is_first && !arguments.json {
            output::line(&format!("{:>10}  {:>14}  {:20}  {:5}  KEY", "SIZE", "VERSION", "STORED", "LOCAL"))?;
        }
        is_first = false;
        page.iter().try_for_each(|info| show_file(info, arguments.json))
    })
    .await?;
    if is_first && !arguments.json && !verbosity.quiet {
        logging::note("no files");
    }
    Ok(())
}

fn show_file(info: &FileInfo, is_json: bool) -> Result<(), CliError> {
    if is_json {
        return output::json(&FileJson::from(info));
    }
    let FileInfo { key, size, version, modified, is_local, .. } = info;
    let (size, version, stored) = (show::size(*size), version.to_string(), show::time(*modified));
    output::line(&format!("{size:>10}  {version:>14}  {stored:20}  {:5}  {key}", show::yes(*is_local)))
}
