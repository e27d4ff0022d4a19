//! What one look found, and what to do about it.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dacapo::platform::machine::time_of_day;
use dacapo::view::show;
use serde::Serialize;

/// What one look found, and what to do about it.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) verdict: Verdict,
    pub(super) found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    /// It works, and somebody may want to know.
    Warn,
    /// Files are not as safe as they are meant to be.
    Fail,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Returns the option by which a command finds a data directory, as it can be typed.
pub(super) fn option(data: &Path) -> String {
    format!("--data {}", quoted(data))
}

/// Returns a path as it can be typed.
pub(super) fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    if path.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter)) {
        return path;
    }
    format!("'{}'", path.replace('\'', "'\\''"))
}

/// Returns the time of day.
pub(super) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(time_of_day().0)
}

/// Returns how many whole days ago something was; 0 if it is in the future.
pub(super) fn days_since(then: SystemTime) -> u64 {
    now().duration_since(then).unwrap_or_default().as_secs() / (24 * 3600)
}

/// Says how long ago something was.
pub(super) fn ago(days: u64) -> String {
    if days == 0 { "today".to_owned() } else { format!("{} ago", show::count(days, "day")) }
}

impl Finding {
    pub(super) fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    pub(super) fn warn(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Warn, found: found.into(), advice: Some(advice.into()) }
    }

    pub(super) fn fail(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Fail, found: found.into(), advice: Some(advice.into()) }
    }
}
