//! Why a config file is not used.

use std::io;
use std::path::PathBuf;

use crate::cli::limits::CONFIG_FILE_BYTES_MAX;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the config file {}: {source}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("the config file {} has more than {CONFIG_FILE_BYTES_MAX} bytes", file.display())]
    TooLong { file: PathBuf },
    /// The reason shows the line.
    #[error("{} is not TOML: {reason}", file.display())]
    NotToml { file: PathBuf, reason: String },
    #[error("{}: unknown key {key:?}{}", file.display(), meant(suggestion.as_deref()))]
    Unknown { file: PathBuf, key: String, suggestion: Option<String> },
    #[error("{}: {key}: {reason}", file.display())]
    Value { file: PathBuf, key: String, reason: String },
}

fn meant(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |key| format!("; {key:?} is known"))
}
