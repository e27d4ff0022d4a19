//! `dacapo convert`: brings a data directory into another layout, while no node runs on it.

use dacapo::crypto::Keys;
use dacapo::disk::dir::DirDisk;
use dacapo::event::Event;
use dacapo::node::StartError;
use dacapo::platform::Platform;
use dacapo::platform::machine::Machine;
use dacapo::store::{ConvertEvent, Converted, Identity, convert};
use dacapo::view::show;

use crate::cli::arguments::{ConvertArguments, Verbosity};
use crate::cli::error::CliError;
use crate::cli::progress::Meter;
use crate::cli::{logging, output};

pub(crate) fn run(arguments: &ConvertArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let foreign = || CliError::NotADataDirectory { data: arguments.data.dir.clone() };
    if !arguments.data.dir.exists() {
        return Err(foreign());
    }
    let disk = DirDisk::open(&arguments.data.dir)?;
    let master = Identity::load(&disk).map_err(StartError::from)?.ok_or_else(foreign)?;
    let meter = Meter::new(verbosity, "converting", None);
    let mut before = 0;
    let told = |step| match step {
        ConvertEvent::Moved(so_far) => {
            meter.add(usize::try_from(so_far.bytes - before).unwrap_or(usize::MAX));
            before = so_far.bytes;
        }
        ConvertEvent::Besides(news) => logging::warn("", Event::from(news)),
    };
    let now = Machine::new(disk.clone()).now();
    let converted = convert(&disk, &Keys::derive(&master), arguments.layout, now, told).map_err(StartError::from)?;
    drop(meter);
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
