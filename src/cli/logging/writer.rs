//! Writes the log to where it goes, for ever. A line that cannot be written is counted, and the count is told with the
//! next line that can: a reader that is gone or a disk that is full does no harm to the node.

use std::io::{self, Write};

use dacapo::view::show;

use super::queue::{Entry, Queue};

/// Writes lines of the queue as they come.
pub(super) fn run(queue: &Queue, out: impl Write) -> ! {
    let mut log = Log { out, lost: 0, is_mid_line: false };
    loop {
        log.write(&queue.next());
    }
}

/// Where the lines go.
struct Log<W> {
    out: W,
    /// Lines that were dropped or could not be written, and have not been told of.
    lost: u64,
    /// Whether the last write broke off inside a line.
    is_mid_line: bool,
}

impl<W: Write> Log<W> {
    fn write(&mut self, entry: &Entry) {
        self.lost += entry.dropped;
        if self.lost > 0 {
            let lost = show::count(self.lost, "line");
            if self.line(format!("warning: the log lost {lost} here that could not be written\n").as_bytes()).is_err() {
                self.lost += u64::from(!entry.line.is_empty());
                return;
            }
            self.lost = 0;
        }
        if self.line(&entry.line).is_err() {
            self.lost += 1;
        }
    }

    /// Writes a whole line. One that broke off is ended first.
    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_mid_line {
            self.out.write_all(b"\n")?;
            self.is_mid_line = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.out.write(rest) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    rest = &rest[count..];
                    self.is_mid_line = !rest.is_empty();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    struct Disk {
        written: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.written.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_loses_lines_and_the_log_says_how_many() {
        let mut log = Log { out: Disk { written: Vec::new(), room: 10 }, lost: 0, is_mid_line: false };
        let line = |line: &str| Entry { dropped: 0, line: line.as_bytes().to_vec() };
        for text in ["first\n", "second\n", "third\n"] {
            log.write(&line(text));
        }
        log.out.room = 1000;
        log.write(&Entry { dropped: 2, line: b"fourth\n".to_vec() });
        log.write(&line("fifth\n"));
        let expected = "first\nseco\n\
                        warning: the log lost 4 lines here that could not be written\nfourth\nfifth\n";
        assert_eq!(String::from_utf8_lossy(&log.out.written), expected);
    }
}
