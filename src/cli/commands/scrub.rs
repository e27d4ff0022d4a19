//! `dacapo scrub`: compares every copy on the node's disk with what was stored.

use dacapo::node::Scrubbed;
use dacapo::view::show;

use crate::cli::arguments::{ScrubArguments, Verbosity};
use crate::cli::control::{Answer, Client, Request};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::progress::Meter;

pub(crate) async fn run(arguments: &ScrubArguments, verbosity: Verbosity) -> Result<(), CliError> {
    let mut client = Client::ask(&arguments.data.dir, &Request::Scrub).await?;
    let meter = Meter::new(verbosity, "scrubbing", None);
    let mut before = 0;
    let scrubbed = loop {
        match client.answer().await? {
            Answer::Scrubbing(so_far) => {
                meter.add(usize::try_from(so_far.bytes.saturating_sub(before)).unwrap_or(usize::MAX));
                before = so_far.bytes;
            }
            Answer::Scrubbed(scrubbed) => break scrubbed,
            answer => return Err(CliError::unexpected(answer)),
        }
    };
    drop(meter);
    let told = match verbosity.quiet {
        _ if arguments.json => output::json(&scrubbed),
        true => Ok(()),
        false => output::line(&in_words(&scrubbed)),
    };
    // What went wrong counts more than whether somebody reads the rest.
    match scrubbed {
        Scrubbed { failed: 1.., .. } => Err(CliError::Unread { failed: scrubbed.failed }),
        Scrubbed { missing: 1.., .. } => Err(CliError::NotRestored { missing: scrubbed.missing }),
        Scrubbed { set_aside, gone, .. } if set_aside + gone > 0 => {
            Err(CliError::NotHeld { replicas: set_aside + gone })
        }
        Scrubbed { .. } => told,
    }
}

fn in_words(scrubbed: &Scrubbed) -> String {
    let Scrubbed { checked, bytes, damaged, restored, missing, failed, absent, set_aside, gone } = *scrubbed;
    let (files, bytes) = (show::count(checked, "file"), show::bytes(bytes));
    let absent = match absent {
        0 => String::new(),
        // Somebody has deleted the copy, or the disk has lost it.
        _ => format!("; no copy here of {}", show::count(absent, "own file")),
    };
    if damaged == 0 {
        let found = if failed == 0 { "nothing is damaged" } else { "nothing that could be read is damaged" };
        return format!("scrubbed {files}, {bytes}: {found}{absent}");
    }
    let deleted = damaged.saturating_sub(restored + missing + set_aside + gone);
    let became = [
        (restored, "fetched again from a peer"),
        (missing, "not given by any peer"),
        (deleted, "deleted meanwhile"),
        (set_aside, "set aside"),
        (gone, "gone from the disk"),
    ];
    let became: Vec<_> =
        became.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("scrubbed {files}, {bytes}: {damaged} damaged or gone: {}{absent}", became.join(", "))
}
