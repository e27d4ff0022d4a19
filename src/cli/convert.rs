//! `dacapo convert`: brings a data directory into the other layout, while no node runs on it.

use dacapo::crypto::{Keys, Version};
use dacapo::disk::dir::DirDisk;
use dacapo::node::StartError;
use dacapo::platform::Platform;
use dacapo::platform::machine::Machine;
use dacapo::store::{Converted, Identity, convert};

use super::arguments::{ConvertArguments, Verbosity};
use super::error::CliError;
use super::progress::Progress;
use super::{output, show};

pub(crate) fn run(arguments: &ConvertArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let unused = || CliError::Unused { data: arguments.data.dir.clone() };
    if !arguments.data.dir.exists() {
        return Err(unused());
    }
    let disk = DirDisk::open(&arguments.data.dir)?;
    let master = Identity::load(&disk).map_err(StartError::from)?.ok_or_else(unused)?;
    let progress = Progress::new(verbosity, "converting", None);
    let mut before = 0;
    let told = |so_far: Converted| {
        progress.add(usize::try_from(so_far.bytes - before).unwrap_or(usize::MAX));
        before = so_far.bytes;
    };
    let above = Version(Machine::new(disk.clone()).now().0);
    let converted = convert(&disk, &Keys::derive(&master), arguments.layout, above, told).map_err(StartError::from)?;
    drop(progress);
    if verbosity.quiet {
        return Ok(());
    }
    let layout = arguments.layout;
    output::line(&match converted {
        Some(Converted { blobs, bytes }) => {
            format!("converted {}, {}, to {layout}", show::count(blobs, "blob"), show::bytes(bytes))
        }
        None => format!("the layout is {layout} already"),
    })
}
