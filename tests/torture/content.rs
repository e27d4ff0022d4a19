//! Content that says what it is: its first line has its key, its number and its length, and the bytes after that follow
//! from these and the seed. So every byte that a get gives can be checked without a record of what was stored.

use dacapo::node::Lane;
use dacapo::seed::{Rng, Seed};

/// The first words of every content.
const LEAD: &str = "dacapo torture";

/// No first line is longer.
const LINE_BYTES_MAX: usize = 128;

/// Returns the content with this number, which has `body_bytes` after its first line.
pub(crate) fn content(seed: &Seed, key: &str, number: u64, body_bytes: usize) -> Vec<u8> {
    let mut content = format!("{LEAD} {number} {body_bytes} {key}\n").into_bytes();
    let body = content.len();
    content.resize(body + body_bytes, 0);
    seed.derive(key, number).rng(Lane::Iv).fill_bytes(&mut content[body..]);
    content
}

/// Returns the number of a content that was stored under this key, if it is whole and unchanged.
pub(crate) fn number(seed: &Seed, key: &str, found: &[u8]) -> Result<u64, String> {
    let line = found.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n').map(|end| &found[..end]);
    let line = line.and_then(|line| std::str::from_utf8(line).ok()).and_then(|line| line.strip_prefix(LEAD));
    let mut words = line.ok_or_else(|| format!("{} bytes that were never stored", found.len()))?.split_whitespace();
    let mut word = || words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let (number, body_bytes) = (word(), word());
    let body_bytes = usize::try_from(body_bytes).unwrap_or_default();
    if body_bytes > found.len() {
        return Err(format!("content {number} cut short: {} bytes of more than {body_bytes}", found.len()));
    }
    let expected = content(seed, key, number, body_bytes);
    let differs = expected.iter().zip(found).position(|(expected, found)| expected != found);
    match differs {
        Some(at) => Err(format!("content {number} with another byte at {at} of {}", found.len())),
        None if expected.len() != found.len() => {
            Err(format!("content {number} with {} bytes instead of {}", found.len(), expected.len()))
        }
        None => Ok(number),
    }
}

#[test]
fn content_is_known_again_and_nothing_else_is() {
    let seed = Seed::from_u64(7);
    let stored = content(&seed, "k", 3, 5000);
    assert_eq!(number(&seed, "k", &stored), Ok(3));
    assert_eq!(number(&seed, "k", &content(&seed, "k", 4, 0)), Ok(4));
    let mut flipped = stored.clone();
    flipped[4000] ^= 1;
    let longer = [&stored[..], b"x"].concat();
    for wrong in [b"", &stored[..4999], &stored[..20], &flipped, &longer, &content(&seed, "other", 3, 5000)] {
        number(&seed, "k", wrong).expect_err("not what was stored");
    }
}
