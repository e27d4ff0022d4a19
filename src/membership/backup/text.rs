//! The text of a backup: five numbered lines of 20 bytes each, which can be typed again from paper.
//!
//! ```text
//! dacapo identity backup 1
//! node <64 hex digits>
//! # remarks
//! 01 XXXX XXXX XXXX XXXX XXXX XXXX XXXX XXXX XXXX XXXX
//! … five such lines
//! ```
//!
//! Digits are those of Crockford's base32: case does not count, `O` is 0, `I` and `L` are 1. The last eight digits of a
//! line are the first 5 bytes of the BLAKE3 of its number and its bytes, so an error names the line that was mistyped.

use std::fmt;
use std::str::FromStr;

use data_encoding::{Encoding, Specification};

use super::{BYTES, Backup};
use crate::crypto::hex::HexError;

const HEADER: &str = "dacapo identity backup 1";
const LINE_BYTES: usize = 20;
/// The check of a line: the first bytes of a hash.
const CHECK_BYTES: usize = 5;
/// The digits of a line, of five bits each.
const LINE_DIGITS: usize = (LINE_BYTES + CHECK_BYTES) * 8 / 5;
const GROUP_DIGITS: usize = 4;
/// The longest text that is read. A backup has half a kilobyte; people may add remarks.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// Why a text is not a backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupTextError {
    /// The text does not begin with the header.
    #[error("it does not begin with {HEADER:?}")]
    Foreign,
    /// The text is longer than any backup with remarks.
    #[error("it is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// The node line is missing, or holds no node id.
    #[error("its node line holds no node id: {0}")]
    Node(HexError),
    /// A line is missing, is there twice, or is not in its place.
    #[error("line {number:02} of its five lines is missing")]
    Missing {
        /// The number of the line, from 1.
        number: usize,
    },
    /// A line has too many or too few digits, or a character that is no digit.
    #[error("line {number:02} has to be {LINE_DIGITS} digits, in any grouping")]
    Length {
        /// The number of the line, from 1.
        number: usize,
    },
    /// A line does not match its check.
    #[error("line {number:02} is mistyped")]
    Mistyped {
        /// The number of the line, from 1.
        number: usize,
    },
    /// Something follows the last line.
    #[error("there is a line too many: {text:?}")]
    Trailing {
        /// The first 20 characters of it.
        text: String,
    },
}

impl fmt::Display for Backup {
    /// Writes the text of the backup, to keep in a file or on paper.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        writeln!(f, "node {}", self.node)?;
        writeln!(f, "# With its passphrase this brings back every file that a peer of the node holds:")?;
        writeln!(f, "# dacapo recover --data NEW_DIR --identity THIS_FILE --peer HOST:PORT")?;
        writeln!(f, "# It may be printed, and typed again from paper.")?;
        for (bytes, number) in self.bytes.chunks(LINE_BYTES).zip(1_u8..) {
            let digits = base32().encode(&[bytes, &check(number, bytes)].concat());
            write!(f, "{number:02}")?;
            for start in (0..LINE_DIGITS).step_by(GROUP_DIGITS) {
                write!(f, " {}", &digits[start..start + GROUP_DIGITS])?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl FromStr for Backup {
    type Err = BackupTextError;

    fn from_str(text: &str) -> Result<Self, BackupTextError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(BackupTextError::TooLong);
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        if lines.next() != Some(HEADER) {
            return Err(BackupTextError::Foreign);
        }
        let node = lines.next().and_then(|line| line.strip_prefix("node ")).unwrap_or_default().trim();
        let node = node.parse().map_err(BackupTextError::Node)?;
        let mut bytes = [0; BYTES];
        for (chunk, number) in bytes.chunks_mut(LINE_BYTES).zip(1_u8..) {
            let line = lines.next().and_then(|line| line.strip_prefix(&format!("{number:02}")));
            let line = line.ok_or(BackupTextError::Missing { number: number.into() })?;
            chunk.copy_from_slice(&read_line(line, number)?);
        }
        match lines.next() {
            Some(line) => Err(BackupTextError::Trailing { text: line.chars().take(20).collect() }),
            None => Ok(Self { node, bytes }),
        }
    }
}

fn read_line(line: &str, number: u8) -> Result<[u8; LINE_BYTES], BackupTextError> {
    let decoded = base32().decode(line.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let decoded: [u8; LINE_BYTES + CHECK_BYTES] = decoded.ok_or(BackupTextError::Length { number: number.into() })?;
    let (bytes, found) = decoded.split_first_chunk().expect("a line is longer than its check");
    if found == check(number, bytes) { Ok(*bytes) } else { Err(BackupTextError::Mistyped { number: number.into() }) }
}

fn check(number: u8, bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[number]);
    hasher.update(bytes);
    *hasher.finalize().as_bytes().first_chunk().expect("a hash is longer than the check")
}

/// Returns Crockford's base32: no letter looks like another or like a digit, and case and grouping do not count.
fn base32() -> Encoding {
    let mut form = Specification::new();
    form.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    form.translate.from.push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    form.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    form.ignore.push_str(" \t-");
    form.encoding().expect("32 different symbols")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::NodeId;

    fn backup() -> Backup {
        let mut bytes = [0; BYTES];
        bytes.iter_mut().zip(0_u8..).for_each(|(byte, index)| *byte = index.wrapping_mul(73));
        Backup { node: NodeId([0x1a; 32]), bytes }
    }

    #[test]
    fn a_backup_reads_back_however_it_is_typed() {
        let text = backup().to_string();
        assert_eq!(text.parse(), Ok(backup()));
        let retype = |line: &str| match line.split_once(' ') {
            Some((number, digits)) if number.len() == 2 => {
                format!(
                    "{number} - {}\r\n\r\n",
                    digits.to_lowercase().replace('0', "o").replace('1', "l").replace(' ', "-")
                )
            }
            _ => format!("{line}\n"),
        };
        assert_eq!(text.lines().map(retype).collect::<String>().parse(), Ok(backup()));
    }

    #[test]
    fn a_mistyped_line_is_named() {
        let text = backup().to_string();
        let line = text.lines().nth(7).expect("a line");
        let last = line.chars().last().expect("a digit");
        let other = if last == 'Z' { 'Y' } else { 'Z' };
        let damaged = text.replace(line, &format!("{}{other}", &line[..line.len() - 1]));
        assert_eq!(damaged.parse::<Backup>(), Err(BackupTextError::Mistyped { number: 3 }));
        let cut = text.replace(line, &line[..line.len() - 2]);
        assert_eq!(cut.parse::<Backup>(), Err(BackupTextError::Length { number: 3 }));
        let missing = text.replace(line, "");
        assert_eq!(missing.parse::<Backup>(), Err(BackupTextError::Missing { number: 3 }));
        assert!(matches!(format!("{text}06 ABCD").parse::<Backup>(), Err(BackupTextError::Trailing { .. })));
    }
}
