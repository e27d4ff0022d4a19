//! Small text files of the data directory: read whole within a bound, and replaced durably or not at all. What a text
//! means is left to the caller.

use std::io;

use zeroize::Zeroizing;

use super::{Disk, DiskFile, DiskPath, read_full};

/// The bound for a file of a few lines. Chosen: a little longer than any of them, so that an overlong file is noticed.
pub const FILE_BYTES_MAX: usize = 256;

/// Reads the first bytes of a file, up to a bound; `None` if there is no file.
pub fn read(disk: &impl Disk, path: &DiskPath, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = vec![0; bytes_max];
    let count = read_full(&file, 0, &mut text)?;
    text.truncate(count);
    Ok(Some(text))
}

/// Gives a file this text. Durable on return; a crash leaves the old file or the new one.
pub fn replace(disk: &impl Disk, temporary: &DiskPath, path: &DiskPath, text: &str) -> io::Result<()> {
    match disk.remove(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(temporary)?;
    file.write_at(0, text.as_bytes())?;
    file.sync()?;
    disk.rename(temporary, path)?;
    disk.sync_dir(&DiskPath::root())
}

/// Returns a text of three lines: a header, a line, and a check as in [`with_check_line`].
pub fn with_check(header: &str, line: &str) -> String {
    with_check_line(&Zeroizing::new(format!("{header}{line}\n")))
}

/// Returns the second line of a text made by [`with_check`].
///
/// # Errors
/// Says what is wrong with the text.
pub fn checked<'a>(bytes: &'a [u8], header: &str) -> Result<&'a str, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    if !text.starts_with(header) {
        return Err("its first line is wrong");
    }
    let line = without_check_line(text)?.strip_prefix(header).and_then(|line| line.strip_suffix('\n'));
    line.filter(|line| !line.contains('\n')).ok_or("it ends early")
}

/// Returns lines with one more behind them, a check that shows damage: the first 8 bytes of their BLAKE3.
pub fn with_check_line(lines: &str) -> String {
    format!("{lines}{}\n", check(lines))
}

/// Returns the lines of a text made by [`with_check_line`].
///
/// # Errors
/// Says what is wrong with the text.
pub fn without_check_line(text: &str) -> Result<&str, &'static str> {
    let (lines, check_line) = text.strip_suffix('\n').and_then(|text| text.rsplit_once('\n')).ok_or("it ends early")?;
    let lines = &text[..=lines.len()];
    if check_line == check(lines) { Ok(lines) } else { Err("its check line does not match") }
}

/// Returns the first 8 bytes of the BLAKE3 of a text, in hex.
pub fn check(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checked_line_reads_back_and_any_change_is_noticed() {
        let text = with_check("dacapo test 1\n", "5a5a");
        assert_eq!(checked(text.as_bytes(), "dacapo test 1\n"), Ok("5a5a"));
        for position in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[position] ^= 1;
            assert!(checked(&damaged, "dacapo test 1\n").is_err(), "byte {position}");
            assert!(checked(&text.as_bytes()[..position], "dacapo test 1\n").is_err(), "cut at {position}");
        }
        assert!(checked(format!("{text}x").as_bytes(), "dacapo test 1\n").is_err());
    }
}
