//! `dacapo get`: takes a file from the node and writes it out. A file on disk appears whole or not at all.

mod sink;

use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;

use dacapo::crypto::Key;
use dacapo::view::show;

use crate::cli::arguments::{GetArguments, Verbosity};
use crate::cli::control::{Answer, Client, ControlError, FoundFile, Frame, Request};
use crate::cli::error::CliError;
use crate::cli::json::FoundJson;
use crate::cli::placed::Placed;
use crate::cli::progress::Meter;
use crate::cli::{folder, logging, output};
use sink::Sink;

pub(crate) async fn run(arguments: &GetArguments, verbosity: Verbosity) -> Result<(), CliError> {
    if let Some(dir) = &arguments.folder {
        return folder::get(arguments, dir, verbosity).await;
    }
    let key = Key::from_bytes(arguments.key.as_bytes())?;
    let mut client = Client::connect(&arguments.data.dir).await?;
    let is_kept = !arguments.no_keep;
    let mut found = ask(&mut client, &key, sink::is_file(&arguments.output), is_kept).await?;
    let place = found.place.as_ref().map(|place| arguments.data.dir.join(place));
    let placed = place.and_then(Placed::open);
    // Nothing is opened or changed before there is something to write.
    let mut sink = Sink::open(&arguments.output)?;
    // A terminal that shows the content has no room for a bar.
    let is_shown = matches!(sink, Sink::Stdout(_)) && io::stdout().is_terminal();
    let verbosity_of_bar = Verbosity { quiet: verbosity.quiet || is_shown };
    let meter = Meter::new(verbosity_of_bar, "receiving", Some(found.size));
    let has_come = match placed {
        // What is passing nobody else wants.
        Some(ref placed) if found.is_passing && sink.take((&placed.path, &placed.file), found.size) => true,
        Some(mut placed) => match sink.file() {
            Some(file) => {
                placed.copy(found.size, file, |bytes| meter.add(bytes)).await
                    && (found.is_passing || placed.is_good(&mut client, &arguments.data.dir, &key, found.version).await)
            }
            None => false,
        },
        None if found.place.is_none() => {
            receive(&mut client, &key, found.size, &mut sink, &meter).await?;
            true
        }
        None => false,
    };
    if !has_come {
        // A newer version has taken the place, or somebody has written to the file: the node looks again.
        sink = Sink::open(&arguments.output)?;
        client = Client::connect(&arguments.data.dir).await?;
        found = ask(&mut client, &key, false, is_kept).await?;
        receive(&mut client, &key, found.size, &mut sink, &meter).await?;
    }
    let is_stdout = matches!(sink, Sink::Stdout(_));
    sink.finish(found.attributes.filter(|attributes| arguments.preserve && !attributes.is_symlink())).await?;
    let done = format!("{key}: the file is in {}", arguments.output.display());
    show_found(arguments, verbosity, &key, &found, is_stdout).map_err(CliError::after(done))
}

async fn ask(client: &mut Client, key: &Key, takes_place: bool, is_kept: bool) -> Result<FoundFile, CliError> {
    client.request(&Request::Get { key: key.clone(), takes_place, is_kept }, None).await?;
    match client.answer().await? {
        Answer::Found(found) => Ok(found),
        answer => Err(CliError::unexpected_about(key.clone(), answer)),
    }
}

async fn receive(client: &mut Client, key: &Key, size: u64, sink: &mut Sink, meter: &Meter) -> Result<(), CliError> {
    let mut found = 0;
    loop {
        let chunk = match client.frame().await? {
            Frame::Chunk(chunk) => chunk,
            Frame::Message(payload) => return Err(CliError::broken_off(key, &payload)),
        };
        if chunk.is_empty() {
            break;
        }
        found += chunk.len() as u64;
        sink.write(&chunk).await?;
        meter.add(chunk.len());
    }
    if found == size { Ok(()) } else { Err(ControlError::Short { expected: size, found }.into()) }
}

fn show_found(
    arguments: &GetArguments,
    verbosity: Verbosity,
    key: &Key,
    found: &FoundFile,
    is_stdout: bool,
) -> Result<(), CliError> {
    if arguments.json {
        let summary = FoundJson::new(key, found);
        if is_stdout {
            logging::note(output::json_text(&summary));
            return Ok(());
        }
        return output::json(&summary);
    }
    if is_stdout || verbosity.quiet {
        return Ok(());
    }
    let FoundFile { version, size, from, .. } = found;
    let from = from.map_or("the local disk".to_owned(), |peer| format!("peer {}", peer.short()));
    output::line(&format!("got {key} {version}, {}, from {from}", show::bytes(*size)))
}
