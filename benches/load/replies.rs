//! Counts replies in a stream cut anywhere: all the generator has to know of the answers.
//!
//! Only what GET, SET and PING answer is understood: simple strings, errors, integers, nulls and bulk strings.
//! An error reply fails the run, because a server that refuses is fast for no good reason.

use std::io;

/// Where a connection's stream of replies stands.
#[derive(Debug, Default)]
pub struct Replies {
    /// Bytes of a bulk string, with its line end, that are still to come.
    skip: usize,
    /// The start of a line whose end has not come yet.
    line: Vec<u8>,
}

impl Replies {
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
                self.skip = body(&bytes[..end])?;
            } else {
                self.line.extend_from_slice(&bytes[..end]);
                self.skip = body(&self.line)?;
                self.line.clear();
            }
            bytes = &bytes[end + 1..];
            count += usize::from(self.skip == 0);
        }
    }
}

/// How many bytes follow the given line (without its `\n`) before the reply ends.
fn body(line: &[u8]) -> io::Result<usize> {
    match line.first() {
        Some(b'$') if line.get(1) == Some(&b'-') => Ok(0),
        Some(b'$') => Ok(2 + line[1..]
            .iter()
            .filter(|byte| byte.is_ascii_digit())
            .fold(0, |size, digit| size * 10 + usize::from(digit - b'0'))),
        Some(b'+' | b':' | b'_') => Ok(0),
        _ => Err(io::Error::other(format!(
            "the server answered: {}",
            String::from_utf8_lossy(line)
        ))),
    }
}
