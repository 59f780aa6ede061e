//! The bytes of a full synchronisation: a header that says how the end is
//! found, then a file.
//!
//! `$<length>\r\n` and so many bytes, or `$EOF:<40 characters>\r\n`, bytes, and
//! these 40 characters again. Before the header newlines may come, which say
//! that the primary is alive. Nothing of the file is kept here but the 40 bytes
//! that may be its end.

use crate::base::parse_i64;

/// Characters of a mark.
const MARK_BYTES: usize = 40;

/// The longest header: `$EOF:`, a mark, `\r\n`; an error's text may be longer.
const HEADER_BYTES_MAX: usize = 1024;

/// How the end of the file is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It has so many bytes.
    Length(u64),
    /// It ends with these.
    Mark([u8; MARK_BYTES]),
}

/// What has come of a transfer.
#[derive(Debug)]
enum Progress {
    /// The header, so far.
    Header(Vec<u8>),
    /// The file: bytes still to come.
    Counted { left: u64 },
    /// The file: bytes that may be its mark.
    Marked {
        mark: [u8; MARK_BYTES],
        tail: Vec<u8>,
    },
}

/// See the module.
#[derive(Debug)]
pub(super) struct Transfer(Progress);

/// What bytes were.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The header, and so many bytes.
    Begins { framing: Framing, used: usize },
    /// A piece of the file.
    Piece(Vec<u8>),
    /// The last piece, and so many of the bytes.
    Ends { piece: Vec<u8>, used: usize },
    /// The primary gives up, for this reason.
    Refused(String),
    /// No header.
    Broken(String),
    /// More is needed.
    Nothing,
}

impl Transfer {
    pub(super) fn new() -> Transfer {
        Transfer(Progress::Header(Vec::new()))
    }

    /// Takes bytes in. After `Begins` the rest of them is offered again.
    pub(super) fn on_bytes(&mut self, bytes: &[u8]) -> Part {
        match &mut self.0 {
            Progress::Header(line) => {
                for (index, &byte) in bytes.iter().enumerate() {
                    if byte != b'\n' {
                        line.push(byte);
                        if line.len() > HEADER_BYTES_MAX {
                            return Part::Broken(quoted(line));
                        }
                        continue;
                    }
                    if line.last() == Some(&b'\r') {
                        line.pop();
                    }
                    if line.is_empty() {
                        continue;
                    }
                    let line = std::mem::take(line);
                    return match (line[0], framing(&line)) {
                        (_, Some(framing)) => {
                            self.begin(framing);
                            let used = index + 1;
                            Part::Begins { framing, used }
                        }
                        (b'-', None) => Part::Refused(quoted(&line[1..])),
                        (_, None) => Part::Broken(quoted(&line)),
                    };
                }
                Part::Nothing
            }
            Progress::Counted { left } => {
                let used = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                let piece = bytes[..used].to_vec();
                *left -= used as u64;
                match *left {
                    0 => Part::Ends { piece, used },
                    _ => Part::Piece(piece),
                }
            }
            Progress::Marked { mark, tail } => {
                let before = tail.len();
                tail.extend_from_slice(bytes);
                if let Some(at) = memchr::memmem::find(tail, mark) {
                    let piece = tail[..at].to_vec();
                    let used = at + MARK_BYTES - before;
                    return Part::Ends { piece, used };
                }
                let keep = tail.len().min(MARK_BYTES - 1);
                let rest = tail.split_off(tail.len() - keep);
                let piece = std::mem::replace(tail, rest);
                if piece.is_empty() {
                    Part::Nothing
                } else {
                    Part::Piece(piece)
                }
            }
        }
    }

    fn begin(&mut self, framing: Framing) {
        self.0 = match framing {
            Framing::Length(left) => Progress::Counted { left },
            Framing::Mark(mark) => Progress::Marked {
                mark,
                tail: Vec::new(),
            },
        };
    }
}

/// What a header says.
fn framing(line: &[u8]) -> Option<Framing> {
    let value = line.strip_prefix(b"$")?;
    if let Some(mark) = value.strip_prefix(b"EOF:") {
        return mark.try_into().ok().map(Framing::Mark);
    }
    let length = u64::try_from(parse_i64(value)?).ok()?;
    // No file is empty.
    (length > 0).then_some(Framing::Length(length))
}

fn quoted(line: &[u8]) -> String {
    line[..line.len().min(HEADER_BYTES_MAX)]
        .escape_ascii()
        .to_string()
}
