//! The values of arguments: ranges of seeds, shards, times and moments. An error says what was expected.

use std::ops::Range;
use std::time::Duration;

/// Parses a range of seeds that is not empty.
pub(super) fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("a range of seeds is A..B, such as 0..100")?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text:?} is not a seed, a number from 0 on"));
    let range = number(from)?..number(to)?;
    if range.is_empty() { Err(format!("there is no seed in {text}: A has to be less than B")) } else { Ok(range) }
}

/// Parses a part of the seeds: which part, counted from 0, of how many.
pub(super) fn parse_shard(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str| text.parse::<u64>().ok();
    let shard = text.split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
    let shard = shard.filter(|(index, count)| index < count);
    shard.ok_or_else(|| "a shard is I/N, such as 0/4, with I below N".to_owned())
}

/// Parses a time of the real world.
pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    let (number, seconds) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let number: u32 = number.parse().map_err(|_| "a time is seconds or minutes, such as 60s or 10m".to_owned())?;
    match Duration::from_secs(u64::from(number) * seconds) {
        Duration::ZERO => Err("in no time nothing is run".to_owned()),
        time => Ok(time),
    }
}

/// Parses a moment of virtual time, in seconds.
pub(super) fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..1e6).contains(seconds));
    seconds.ok_or_else(|| "a moment is seconds of virtual time, such as 3.5".to_owned())
}
