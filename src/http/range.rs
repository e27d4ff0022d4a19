//! Which part of a content is asked for: one range of bytes (RFC 9110, section 14). Pure.

use std::ops::Range;

/// What a header `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it. A header that asks for several ranges, or in another unit, may be passed over.
    Whole,
    /// These bytes; at least one.
    Some(Range<u64>),
    /// None that there are.
    Outside,
}

/// Reads the value of `Range` for a content of this size.
pub(super) fn part(value: &str, size: u64) -> Part {
    let Some(range) = value.trim().strip_prefix("bytes=").filter(|ranges| !ranges.contains(',')) else {
        return Part::Whole;
    };
    let Some((first, last)) = range.split_once('-') else { return Part::Whole };
    let (first, last) = (first.trim(), last.trim());
    let Some((first, end)) = bounds(first, last, size) else { return Part::Whole };
    if first < end.min(size) { Part::Some(first..end.min(size)) } else { Part::Outside }
}

/// Returns the first byte and the one after the last; nothing if this is no range.
fn bounds(first: &str, last: &str, size: u64) -> Option<(u64, u64)> {
    if first.is_empty() {
        let length = number(last)?;
        return Some((size.saturating_sub(length), if length == 0 { 0 } else { size }));
    }
    let first = number(first)?;
    let end = if last.is_empty() { u64::MAX } else { number(last)?.saturating_add(1) };
    (first < end).then_some((first, end))
}

/// Reads digits. A number that is too long is larger than any content.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX).min(u64::MAX - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_as_the_standard_says() {
        for (value, expected) in [
            ("bytes=0-0", Part::Some(0..1)),
            ("bytes=2-4", Part::Some(2..5)),
            ("bytes=7-", Part::Some(7..10)),
            ("bytes=7-99", Part::Some(7..10)),
            ("bytes=-3", Part::Some(7..10)),
            ("bytes=-99", Part::Some(0..10)),
            ("bytes=0-18446744073709551615", Part::Some(0..10)),
            ("bytes=0-99999999999999999999999", Part::Some(0..10)),
            ("bytes=18446744073709551615-", Part::Outside),
            ("bytes=10-", Part::Outside),
            ("bytes=99999999999999999999999-", Part::Outside),
            ("bytes=-0", Part::Outside),
        ] {
            assert_eq!(part(value, 10), expected, "{value}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Outside);
        assert_eq!(part("bytes=-5", 0), Part::Outside);
    }

    #[test]
    fn what_is_no_single_range_asks_for_the_whole() {
        for value in
            ["bytes=0-1,3-4", "items=0-1", "bytes=4-2", "bytes=", "bytes=-", "bytes=a-b", "bytes=+1-2", "0-1", ""]
        {
            assert_eq!(part(value, 10), Part::Whole, "{value}");
        }
    }
}
