//! Sizes as people type them: `1000`, `64KiB`, `10GiB`.

use std::str::FromStr;

const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteCount(pub(crate) u64);

/// Why a text is not a size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a size is a number of bytes, or of KiB, MiB, GiB or TiB, such as 10GiB")]
pub(crate) struct SizeError;

impl FromStr for ByteCount {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let found = UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
        let (digits, shift) = found.unwrap_or((text, 0));
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = is_number.then_some(digits).and_then(|digits| digits.parse().ok()).ok_or(SizeError)?;
        number.checked_mul(1 << shift).map(Self).ok_or(SizeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_or_refused() {
        for (text, bytes) in [("0", 0), ("1000", 1000), ("64KiB", 65_536), ("10GiB", 10 << 30), ("3TiB", 3 << 40)] {
            assert_eq!(text.parse(), Ok(ByteCount(bytes)));
        }
        for text in ["", "GiB", "1.5GiB", "10GB", "+1", "-1", " 1", "99999999TiB", "18446744073709551616"] {
            assert_eq!(text.parse::<ByteCount>(), Err(SizeError), "{text:?}");
        }
    }
}
