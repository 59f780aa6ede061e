//! Counts replies in a stream cut anywhere: all the generator has to know of the answers.
//!
//! Only what GET, SET and PING answer is understood: simple strings, errors, integers, nulls and bulk strings.
//! What fails the run, because a server that does less is fast for no good reason: an error reply, a null (every key
//! that is asked for was set before), and a bulk string of another size than the values that were set.

use std::io;

/// Where a connection's stream of replies stands.
#[derive(Debug)]
pub struct Replies {
    /// The size every bulk string must have, in bytes.
    value_size: usize,
    /// Bytes of a bulk string, with its line end, that are still to come.
    skip: usize,
    /// The start of a line whose end has not come yet.
    line: Vec<u8>,
}

impl Replies {
    /// For a server whose values all have this size.
    pub fn new(value_size: usize) -> Self {
        Self {
            value_size,
            skip: 0,
            line: Vec::new(),
        }
    }

    /// How many replies end within `bytes`.
    pub fn count(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let mut count = 0;
        loop {
            if self.skip > 0 {
                let step = self.skip.min(bytes.len());
                self.skip -= step;
                bytes = &bytes[step..];
                if self.skip > 0 {
                    return Ok(count);
                }
                count += 1;
            }
            if bytes.is_empty() {
                return Ok(count);
            }
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                return Ok(count);
            };
            if self.line.is_empty() {
                self.skip = self.body(&bytes[..end])?;
            } else {
                self.line.extend_from_slice(&bytes[..end]);
                self.skip = self.body(&self.line)?;
                self.line.clear();
            }
            bytes = &bytes[end + 1..];
            count += usize::from(self.skip == 0);
        }
    }

    /// How many bytes follow the given line (without its `\n`) before the reply ends.
    fn body(&self, line: &[u8]) -> io::Result<usize> {
        match line.first() {
            Some(b'+' | b':') => Ok(0),
            Some(b'$') if size(&line[1..]) == Some(self.value_size) => Ok(self.value_size + 2),
            _ => {
                let said = String::from_utf8_lossy(line);
                Err(io::Error::other(format!(
                    "not what a value of {} bytes was set for: {said}",
                    self.value_size
                )))
            }
        }
    }
}

/// The number that a header line ends with; none for a null's `-1`.
fn size(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits)
        .ok()?
        .trim_ascii_end()
        .parse()
        .ok()
}
