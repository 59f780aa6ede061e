//! Bytes to requests, one at a time, without copying.
//!
//! A request that is whole is read in one pass over its headers: digits are parsed where they
//! lie, and a bulk's content is never looked at. For one that is not, the decoder
//! keeps how far it came and the words it has, so a client that sends a million words in pieces costs
//! as much as one that sends them at once.
//!
//! Stock's habits, recorded from 7.0.15 and kept: a request that begins with `*` is multibulk,
//! anything else is a line; only `\r` ends a header (the byte after it is taken unseen, so are
//! the two after a bulk); `*0`, `*-1` and blank lines are skipped without a reply.

use super::args::Span;
use super::fault::ProtocolFault;
use super::inline::split_words;
use crate::base::parse_i64;

/// A header or an inline line that has not ended after so many bytes is a fault.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Words a client may send in one request before it is authenticated.
const UNAUTHENTICATED_WORDS_MAX: i64 = 10;

/// Bytes of one word before the client is authenticated.
const UNAUTHENTICATED_BULK_BYTES_MAX: i64 = 16 * 1024;

/// Spans to reserve at once on the word of a header: the rest as it proves true.
const RESERVED_WORDS_MAX: i64 = 1024;

/// What a client may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`: bytes of one word.
    pub bulk_bytes_max: u64,
    /// `client-query-buffer-limit`: bytes of one request; at most 4 GiB are ever taken.
    pub query_bytes_max: u64,
    /// Words of one request. Stock 7.0 takes up to 2,147,483,647 (older ones 1,048,576).
    pub multibulk_max: i64,
    /// Whether the client may run commands; before, a request is 10 words of 16 KiB.
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bulk_bytes_max: 512 * 1024 * 1024,
            query_bytes_max: 1024 * 1024 * 1024,
            multibulk_max: i64::from(i32::MAX),
            authenticated: true,
        }
    }
}

/// What the offered bytes begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// A request of `consumed` bytes; its words are the spans.
    Request { consumed: usize },
    /// A typed line of `consumed` bytes, with at least one word, unquoted.
    Inline { consumed: usize, args: Vec<Vec<u8>> },
    /// `consumed` bytes that ask nothing and get no reply.
    Empty { consumed: usize },
    /// The request goes on. It is known to need `wanted_total` bytes from its start; always
    /// more than were offered.
    Incomplete { wanted_total: usize },
}

/// Reads one request at a time, and remembers its place in one that is not whole.
#[derive(Default, Debug)]
pub struct Decoder {
    progress: Progress,
    /// Words of the unfinished request, kept here while the caller's buffer serves others.
    words: Vec<Span>,
}

/// Where in a request the next byte to read is.
#[derive(Clone, Copy, Default, Debug)]
struct Progress {
    /// Bytes read, from the request's start; 0 if the first header has not been read.
    position: usize,
    /// Words still to come.
    words_left: i64,
    /// The length of the word at `position`, once its header has been read.
    bulk_bytes: Option<u32>,
}

/// Why a pass over the bytes ended before the request did.
enum Stop {
    /// More bytes are needed: so many from the request's start.
    Wanted(usize),
    Fault(ProtocolFault),
}

impl From<ProtocolFault> for Stop {
    fn from(fault: ProtocolFault) -> Self {
        Stop::Fault(fault)
    }
}

impl Decoder {
    /// A decoder at the start of a request. Allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets an unfinished request.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether a request was offered in part.
    pub fn is_mid_request(&self) -> bool {
        self.progress.position > 0
    }

    /// Of the request offered in part, the bytes that were read: up to where its
    /// unfinished word or header begins.
    pub fn bytes_read(&self) -> usize {
        self.progress.position
    }

    /// Bytes of its whole words.
    pub fn words_bytes(&self) -> usize {
        self.words.iter().map(|word| word.len as usize).sum()
    }

    /// Reads the request `bytes` begins with. After `Incomplete` the next call offers the same
    /// bytes and more. The words are appended to `spans`, on `Request` only.
    /// After a fault the connection is to be closed.
    #[inline]
    pub fn decode(
        &mut self,
        bytes: &[u8],
        spans: &mut Vec<Span>,
        limits: &Limits,
    ) -> Result<Decoded, ProtocolFault> {
        let before = spans.len();
        let mut progress = Progress::default();
        if self.progress.position > 0 {
            progress = std::mem::take(&mut self.progress);
            // Its memory goes with it.
            spans.append(&mut std::mem::take(&mut self.words));
        } else {
            match bytes.first() {
                Some(b'*') => {}
                Some(_) => return decode_line(bytes, limits),
                None => return Ok(Decoded::Incomplete { wanted_total: 1 }),
            }
        }
        match progress.read(bytes, spans, limits) {
            Ok(()) if spans.len() == before => Ok(Decoded::Empty {
                consumed: progress.position,
            }),
            Ok(()) => Ok(Decoded::Request {
                consumed: progress.position,
            }),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Wanted(wanted_total)) => {
                let wanted_total = wanted_total + progress.worth_waiting_for(bytes.len());
                self.keep(progress, spans, before);
                still_wanted(bytes, wanted_total, limits)
            }
        }
    }

    /// Puts the unfinished request aside.
    #[cold]
    fn keep(&mut self, progress: Progress, spans: &mut Vec<Span>, before: usize) {
        self.progress = progress;
        if spans.len() > before {
            self.words = spans.split_off(before);
        }
    }
}

/// A request with more words to come than this is waited for in larger steps;
/// faults in a smaller one are told as soon as they arrive.
const MANY_WORDS: i64 = 1024;

/// `$0\r\n\r\n`.
const WORD_BYTES_MIN: usize = 6;

impl Progress {
    /// Reads on to the request's end, or as far as the bytes go.
    #[inline]
    fn read(&mut self, bytes: &[u8], spans: &mut Vec<Span>, limits: &Limits) -> Result<(), Stop> {
        if self.position == 0 {
            let (count, next) = header(bytes, 1, Header::Multibulk)?;
            if count > limits.multibulk_max {
                return Err(ProtocolFault::InvalidMultibulkLength.into());
            }
            if count > UNAUTHENTICATED_WORDS_MAX && !limits.authenticated {
                return Err(ProtocolFault::UnauthenticatedMultibulkLength.into());
            }
            self.position = next;
            self.words_left = count;
            if count > 0 {
                // The minimum and the constant are positive and small.
                spans.reserve(count.min(RESERVED_WORDS_MAX) as usize);
            }
        }
        while self.words_left > 0 {
            let len = match self.bulk_bytes {
                Some(len) => len,
                None => self.bulk_header(bytes, limits)?,
            };
            let end = self.position + len as usize + 2;
            if end > bytes.len() {
                self.bulk_bytes = Some(len);
                return Err(Stop::Wanted(end));
            }
            if end > u32::MAX as usize {
                return Err(ProtocolFault::QueryTooLong.into());
            }
            spans.push(Span {
                start: self.position as u32,
                len,
            });
            self.position = end;
            self.bulk_bytes = None;
            self.words_left -= 1;
        }
        Ok(())
    }

    /// Bytes beyond the next word that are worth waiting for: of a request of
    /// very many words a quarter of what is there, as far as its words need it
    /// at least. Attempts then grow by a factor, and a million words that come
    /// in pieces are not moved once per piece.
    fn worth_waiting_for(&self, offered: usize) -> usize {
        if self.words_left <= MANY_WORDS {
            return 0;
        }
        let least = (self.words_left - 1) as usize * WORD_BYTES_MIN;
        least.min(offered / 4)
    }

    /// Reads `$len\r\n` and returns the length; the position is then at the content.
    #[inline]
    fn bulk_header(&mut self, bytes: &[u8], limits: &Limits) -> Result<u32, Stop> {
        let (len, next) = match bytes.get(self.position) {
            Some(b'$') => header(bytes, self.position + 1, Header::Bulk)?,
            _ => return Err(no_bulk_header(bytes, self.position)),
        };
        if len < 0 || len as u64 > limits.bulk_bytes_max {
            return Err(ProtocolFault::InvalidBulkLength.into());
        }
        if len > UNAUTHENTICATED_BULK_BYTES_MAX && !limits.authenticated {
            return Err(ProtocolFault::UnauthenticatedBulkLength.into());
        }
        let len = u32::try_from(len).map_err(|_| Stop::Fault(ProtocolFault::InvalidBulkLength))?;
        self.position = next;
        Ok(len)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    Multibulk,
    Bulk,
}

/// The number at `at` and where the line after it starts.
///
/// The loop takes what clients send: up to 18 digits without a leading zero. Signs, faults and
/// lines not yet whole take the slow path.
#[inline]
fn header(bytes: &[u8], at: usize, kind: Header) -> Result<(i64, usize), Stop> {
    let rest = bytes.get(at..).unwrap_or_default();
    let mut number: i64 = 0;
    for (digits, &byte) in rest.iter().enumerate().take(19) {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            // At most 19 rounds; the 19th digit is refused below before it can matter.
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
            continue;
        }
        let leading_zero = digits > 1 && rest.first() == Some(&b'0');
        if byte == b'\r' && digits > 0 && digits <= 18 && !leading_zero && digits + 1 < rest.len() {
            return Ok((number, at + digits + 2));
        }
        break;
    }
    header_slowly(bytes, at, kind)
}

/// As [`header`], for every case.
#[cold]
fn header_slowly(bytes: &[u8], at: usize, kind: Header) -> Result<(i64, usize), Stop> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\r', rest) else {
        // The mark before the number counts too.
        return Err(if rest.len() + 1 > INLINE_BYTES_MAX {
            Stop::Fault(match kind {
                Header::Multibulk => ProtocolFault::TooBigMultibulkCount,
                Header::Bulk => ProtocolFault::TooBigBulkCount,
            })
        } else {
            Stop::Wanted(bytes.len() + 1)
        });
    };
    if end + 1 >= rest.len() {
        return Err(Stop::Wanted(at + end + 2));
    }
    match rest.get(..end).and_then(parse_i64) {
        Some(number) => Ok((number, at + end + 2)),
        None => Err(Stop::Fault(match kind {
            Header::Multibulk => ProtocolFault::InvalidMultibulkLength,
            Header::Bulk => ProtocolFault::InvalidBulkLength,
        })),
    }
}

/// Why there is no `$` at `at`: nothing came yet, or something else, which is a fault once
/// its line is whole.
#[cold]
fn no_bulk_header(bytes: &[u8], at: usize) -> Stop {
    let Some(&byte) = bytes.get(at) else {
        return Stop::Wanted(at + 1);
    };
    // Stock looks for the line's end from the mark itself, which may be `\r`.
    match header_slowly(bytes, at, Header::Bulk) {
        Err(Stop::Wanted(total)) => Stop::Wanted(total),
        Err(Stop::Fault(ProtocolFault::TooBigBulkCount)) => {
            Stop::Fault(ProtocolFault::TooBigBulkCount)
        }
        Ok(_) | Err(Stop::Fault(_)) => Stop::Fault(ProtocolFault::ExpectedDollar(byte)),
    }
}

/// Reads a typed line.
#[cold]
fn decode_line(bytes: &[u8], limits: &Limits) -> Result<Decoded, ProtocolFault> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return if bytes.len() > INLINE_BYTES_MAX {
            Err(ProtocolFault::TooBigInline)
        } else {
            still_wanted(bytes, bytes.len() + 1, limits)
        };
    };
    let consumed = end + 1;
    let args = bytes
        .get(..end)
        .and_then(split_words)
        .ok_or(ProtocolFault::UnbalancedQuotes)?;
    Ok(if args.is_empty() {
        Decoded::Empty { consumed }
    } else {
        Decoded::Inline { consumed, args }
    })
}

#[cold]
fn still_wanted(
    bytes: &[u8],
    wanted_total: usize,
    limits: &Limits,
) -> Result<Decoded, ProtocolFault> {
    debug_assert!(wanted_total > bytes.len(), "progress asks for more bytes");
    let limit = limits.query_bytes_max.min(u64::from(u32::MAX));
    if wanted_total as u64 > limit {
        return Err(ProtocolFault::QueryTooLong);
    }
    Ok(Decoded::Incomplete { wanted_total })
}
