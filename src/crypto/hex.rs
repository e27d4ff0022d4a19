//! Byte strings of a fixed length that are shown and parsed as lower-case hex. Each value has exactly one text.

/// Why a text is not the hex form of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexError {
    /// The number of digits is wrong.
    #[error("expected {expected} hex digits, found {found} characters")]
    Length {
        /// The digits that the value has.
        expected: usize,
        /// The length of the text in bytes.
        found: usize,
    },
    /// A character is not a lower-case hex digit.
    #[error("only the digits 0-9 and a-f are allowed")]
    Digit,
}

/// Returns bytes as lower-case hex.
pub(crate) fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// Reads exactly `N` bytes of lower-case hex. Refuses upper case, so that a value has only one text.
pub(crate) fn decode<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    if text.len() != N * 2 {
        return Err(HexError::Length { expected: N * 2, found: text.len() });
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(HexError::Digit),
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

/// Declares a newtype over bytes that is shown in hex: all digits in `Display`, the first eight in `Debug`.
macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $bytes:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Returns the first eight hex digits, for people.
            #[must_use]
            pub fn short(&self) -> String {
                $crate::crypto::hex::encode(&self.0[..4])
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::crypto::hex::encode(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::crypto::HexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::crypto::hex::decode(text).map(Self)
            }
        }
    };
}
pub(crate) use hex_bytes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_is_read() {
        assert_eq!(decode::<2>("00ff"), Ok([0x00, 0xff]));
        assert_eq!(encode(&[0x00, 0xff]), "00ff");
        assert_eq!(decode::<2>("00FF"), Err(HexError::Digit));
        assert_eq!(decode::<2>("0x0f"), Err(HexError::Digit));
        assert_eq!(decode::<2>("../."), Err(HexError::Digit));
        assert_eq!(decode::<2>("00f"), Err(HexError::Length { expected: 4, found: 3 }));
        assert_eq!(decode::<1>("é"), Err(HexError::Digit));
    }
}
