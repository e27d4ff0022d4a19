//! How sizes, times and counts are written for people. Pure: no input or output.

use std::borrow::Cow;
use std::fmt::Write;

use crate::time::UnixMillis;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Writes a size for a column, rounded down: `22 B`, `20.0 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut divisor: u128 = 1024;
    while u128::from(bytes) >= divisor * 1024 {
        divisor *= 1024;
        unit += 1;
    }
    let tenths = u128::from(bytes) * 10 / divisor;
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Writes a size for a sentence, exactly: `22 bytes`, `20.0 MiB (20,971,520 bytes)`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let exact = count(bytes, "byte");
    if bytes < 1024 { exact } else { format!("{} ({exact})", size(bytes)) }
}

/// Writes a line for a terminal: characters that turn the direction of the text, that show nothing, or that steer the
/// terminal are written as `\\u202e`. A name may have such characters to look like another one.
#[must_use]
pub fn visible(line: &str) -> Cow<'_, str> {
    if !line.chars().any(is_hidden) {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len() + 16);
    for character in line.chars() {
        if is_hidden(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                write!(text, "\\u{unit:04x}").expect("a String takes all");
            }
        } else {
            text.push(character);
        }
    }
    Cow::Owned(text)
}

/// The marks and controls of bidirectional text (Unicode Standard Annex 9), what has no width (the property
/// Default_Ignorable_Code_Point, without the variation selectors, by which emoji are chosen), and control characters.
fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
        || (character.is_control() && character != '\n')
}

/// Writes a count with its noun: `1 peer`, `2 peers`, `1,024 bytes`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Writes a number with a comma before each three digits.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes whether something is so, for a column.
#[must_use]
pub fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// Writes a time in UTC, to the second: `2026-11-22T18:20:11Z` (RFC 3339).
#[must_use]
pub fn time(time: UnixMillis) -> String {
    let seconds = time.0 / 1000;
    let (year, month, day) = civil(seconds / 86_400);
    let second = seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Writes a time in UTC, to the millisecond: `2026-11-22T18:20:11.042Z` (RFC 3339).
#[must_use]
pub fn moment(time: UnixMillis) -> String {
    let seconds = self::time(time);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), time.0 % 1000)
}

/// Returns the date of a day counted from 1970-01-01. It counts in years that begin on 1 March, so that leap days come
/// last. Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_if_they_are_short() {
        assert_eq!([size(0), size(1023), size(1024), size(20 << 20)], ["0 B", "1023 B", "1.0 KiB", "20.0 MiB"]);
        assert_eq!([size((1 << 20) - 1), size(u64::MAX)], ["1023.9 KiB", "15.9 EiB"]);
        assert_eq!([bytes(1), bytes(22), bytes(20 << 20)], ["1 byte", "22 bytes", "20.0 MiB (20,971,520 bytes)"]);
    }

    #[test]
    fn a_name_hides_nothing_on_a_terminal() {
        for plain in ["holiday.png", "écran/写真.png", "שלום", "two\nlines"] {
            assert!(matches!(visible(plain), Cow::Borrowed(_)), "{plain}");
        }
        for (name, shown) in [
            ("gpj.\u{202e}exe", "gpj.\\u202eexe"),
            ("a\u{200b}b", "a\\u200bb"),
            ("a\u{e0001}", "a\\udb40\\udc01"),
            ("\u{1b}[2J", "\\u001b[2J"),
        ] {
            assert_eq!(visible(name), shown);
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(time(UnixMillis(seconds * 1000)), shown);
        }
        assert_eq!(moment(UnixMillis(951_782_399_042)), "2000-02-28T23:59:59.042Z");
        // The nonsense of a damaged record must still be shown.
        assert!(time(UnixMillis(u64::MAX)).ends_with('Z'));
    }
}
