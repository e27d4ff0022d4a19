//! Where commands get their seeds from. The source itself is in `main`; a test could hand in a fixed seed.

use std::io;

use dacapo::seed::Seed;

use super::error::CliError;

/// The source of seeds of this process.
#[derive(Clone, Copy)]
pub(crate) struct Chance {
    draw_seed: fn() -> io::Result<Seed>,
}

impl Chance {
    pub(crate) fn new(draw_seed: fn() -> io::Result<Seed>) -> Self {
        Self { draw_seed }
    }

    /// Draws a seed that no other draw gives.
    pub(crate) fn seed(self) -> Result<Seed, CliError> {
        (self.draw_seed)().map_err(CliError::Process)
    }
}
