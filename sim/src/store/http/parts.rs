//! The two parts in which a file is asked for over HTTP, and what an answer has to say of one. Pure.

use std::ops::Range;

use dacapo::limits::CHUNK_BYTES;

/// How much of a file is asked for first, in bytes: a few; a byte less than a chunk of the node, and one more. Half of
/// the file is another choice.
const FIRST: [usize; 3] = [40, CHUNK_BYTES - 1, CHUNK_BYTES + 1];

/// Returns how much of a file is asked for first, so that something follows; a few bytes if its length is not known or
/// there is nothing to part.
pub(super) fn first(length: Option<usize>, choice: usize) -> usize {
    let Some(length) = length else { return FIRST[0] };
    let parts: Vec<_> = FIRST.into_iter().chain([length / 2]).filter(|part| (1..length).contains(part)).collect();
    parts.get(choice % parts.len().max(1)).copied().unwrap_or(FIRST[0])
}

/// Returns the range that asks for the rest of a file: from a byte on, as so many last bytes, or with both ends.
pub(super) fn range_of_rest(rest: Range<usize>, choice: usize) -> String {
    match choice % 3 {
        0 => format!("bytes={}-", rest.start),
        1 => format!("bytes=-{}", rest.len()),
        _ => format!("bytes={}-{}", rest.start, rest.end.saturating_sub(1)),
    }
}

/// Returns the length of the file of which an answer says that it has a part; zero if it does not say.
pub(super) fn length_of_whole(said: &str) -> usize {
    said.rsplit('/').next().and_then(|length| length.parse().ok()).unwrap_or_default()
}

/// Judges which part of a file of this length an answer says that it has, and how many bytes it had.
///
/// # Errors
/// If it is another part than was asked for, or has another length.
pub(super) fn judge(said: &str, asked: Range<usize>, length: usize, given: usize) -> Result<(), String> {
    let expected = format!("bytes {}-{}/{length}", asked.start, asked.end.saturating_sub(1));
    match said == expected && given == asked.len() {
        true => Ok(()),
        false => Err(format!("was given {given} bytes as {said:?}, and {expected:?} was to come")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn firsts(length: Option<usize>) -> BTreeSet<usize> {
        (0..8).map(|choice| first(length, choice)).collect()
    }

    #[test]
    fn a_file_is_parted_around_a_chunk_and_in_its_middle_as_far_as_it_goes() {
        let chunks = 3 * CHUNK_BYTES;
        assert_eq!(firsts(Some(chunks)), BTreeSet::from([40, CHUNK_BYTES - 1, CHUNK_BYTES + 1, chunks / 2]));
        assert_eq!(firsts(Some(100)), BTreeSet::from([40, 50]));
        assert_eq!(firsts(Some(2)), BTreeSet::from([1]));
        for alone in [None, Some(0), Some(1)] {
            assert_eq!(firsts(alone), BTreeSet::from([40]));
        }
    }

    #[test]
    fn the_rest_is_asked_for_in_every_way() {
        let ranges = [0, 1, 2, 3].map(|choice| range_of_rest(40..100, choice));
        assert_eq!(ranges, ["bytes=40-", "bytes=-60", "bytes=40-99", "bytes=40-"]);
    }

    #[test]
    fn a_part_that_is_another_one_or_shorter_is_wrong() {
        assert_eq!(
            (length_of_whole("bytes 0-39/100"), length_of_whole("bytes 0-39/*"), length_of_whole("")),
            (100, 0, 0)
        );
        assert_eq!(judge("bytes 40-99/100", 40..100, 100, 60), Ok(()));
        for (said, given) in [("bytes 40-99/100", 59), ("bytes 41-99/100", 60), ("bytes 40-99/101", 60), ("", 60)] {
            judge(said, 40..100, 100, given).expect_err(said);
        }
    }
}
