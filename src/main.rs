//! The `dacapo` command. The seeds of its nodes are drawn here and nowhere else, from the entropy of the operating
//! system: everything below gets its chance from the seed that it is handed.

mod cli;

use std::io;
use std::process::ExitCode;

use dacapo::seed::Seed;

fn main() -> ExitCode {
    cli::main(draw_seed)
}

fn draw_seed() -> io::Result<Seed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Seed::from_bytes(bytes))
}
