//! Counts replies in a stream cut anywhere: all the generator has to know of the answers.
//!
//! Simple strings, errors, integers, nulls, bulk strings and arrays of these are understood: RESP2.
//! What fails the run, because a server that does less is fast for no good reason: an error reply and, where the size
//! of the values is known, a null, an array, and a bulk string of another size than the values that were set.

use std::io::{self, Read};

/// Where a connection's stream of replies stands.
#[derive(Debug)]
pub struct Replies {
    /// The size every bulk string must have, in bytes, if that is known.
    value_size: Option<usize>,
    /// Bytes of a bulk string, with its line end, that are still to come.
    skip: usize,
    /// Members of the reply's arrays that are still to come, the reply itself included; 0 between replies.
    members: usize,
    /// The start of a line whose end has not come yet.
    line: Vec<u8>,
}

impl Replies {
    /// For a server whose values all have this size; none if any reply but an error is right.
    pub fn new(value_size: Option<usize>) -> Self {
        Self {
            value_size,
            skip: 0,
            members: 0,
            line: Vec::new(),
        }
    }

    /// Reads until `count` more replies have ended; the last piece stays at the start of `input`.
    pub fn read(
        &mut self,
        stream: &mut impl Read,
        input: &mut [u8],
        count: usize,
    ) -> io::Result<()> {
        let mut left = count;
        while left > 0 {
            let size = stream.read(input)?;
            if size == 0 {
                return Err(io::Error::other("the server closed a connection"));
            }
            let ended = self.count(&input[..size])?;
            left = left
                .checked_sub(ended)
                .ok_or_else(|| io::Error::other("more replies than requests"))?;
        }
        Ok(())
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
                count += self.member_ended();
            }
            if bytes.is_empty() {
                return Ok(count);
            }
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                return Ok(count);
            };
            self.members = self.members.max(1);
            let body = if self.line.is_empty() {
                self.body(&bytes[..end])?
            } else {
                self.line.extend_from_slice(&bytes[..end]);
                let body = self.body(&self.line)?;
                self.line.clear();
                body
            };
            bytes = &bytes[end + 1..];
            match body {
                Body::None => count += self.member_ended(),
                Body::Bytes(size) => self.skip = size,
                Body::Members(more) => {
                    self.members += more;
                    count += self.member_ended();
                }
            }
        }
    }

    /// Counts one member down; 1 when the reply ends with it.
    fn member_ended(&mut self) -> usize {
        self.members -= 1;
        usize::from(self.members == 0)
    }

    /// What follows the given line (without its `\n`) before its member ends.
    fn body(&self, line: &[u8]) -> io::Result<Body> {
        let any = self.value_size.is_none();
        match (line.first(), size(line.get(1..).unwrap_or_default())) {
            (Some(b'+' | b':'), _) => Ok(Body::None),
            (Some(b'$'), Some(size)) if any || Some(size) == self.value_size => {
                Ok(Body::Bytes(size + 2))
            }
            (Some(b'*'), Some(size)) if any => Ok(Body::Members(size)),
            (Some(b'$' | b'*'), None) if any => Ok(Body::None),
            _ => {
                let said = String::from_utf8_lossy(line);
                Err(io::Error::other(format!(
                    "not what was asked for (a value's size is {:?}): {said}",
                    self.value_size
                )))
            }
        }
    }
}

/// What follows a header line.
enum Body {
    None,
    /// So many bytes, a line end included.
    Bytes(usize),
    /// The members of an array.
    Members(usize),
}

/// The number that a header line ends with; none for a null's `-1`.
fn size(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits)
        .ok()?
        .trim_ascii_end()
        .parse()
        .ok()
}
