//! The command line of Dacapo.

fn main() {}
