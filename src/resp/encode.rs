//! Replies to bytes, straight into the outgoing buffer.
//!
//! Every method appends; nothing is built aside and nothing allocates but the buffer's own growth.
//! Where RESP3 has a type of its own and RESP2 has not, the form for RESP2 is
//! stock's. A map or a set whose size is known only after its members is begun
//! with [`Reply::deferred`]: filling it in moves what was written since by the
//! header's few bytes, so that the bytes are the same as if it had been known.

use super::Refusal;
use crate::base::{write_f64, write_i64};

/// The protocol a client chose with HELLO.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Version {
    #[default]
    Two,
    Three,
}

/// Where a collection's header is to stand. Marks are filled innermost first.
#[derive(Debug)]
#[must_use = "a mark that is never filled leaves the reply without its header"]
pub struct Mark(usize);

/// Writes replies for one client at the end of its outgoing bytes.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    version: Version,
    start: usize,
    has_pushed: bool,
}

impl<'a> Reply<'a> {
    /// Appends to `out`, whatever it holds.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, version: Version) -> Self {
        let start = out.len();
        Self {
            out,
            version,
            start,
            has_pushed: false,
        }
    }

    /// The protocol this reply speaks.
    #[inline]
    pub fn version(&self) -> Version {
        self.version
    }

    /// From here on the reply speaks `version`: HELLO answers in the one it sets.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Whether `push` began what is written, or some of it.
    #[inline]
    pub fn has_pushed(&self) -> bool {
        self.has_pushed
    }

    /// Bytes written through this reply.
    #[inline]
    pub fn len_so_far(&self) -> usize {
        self.out.len() - self.start
    }

    /// Takes back everything written beyond `len_so_far`.
    pub fn truncate(&mut self, len_so_far: usize) {
        self.out.truncate(self.start + len_so_far);
    }

    /// The bytes written through this reply.
    pub fn written(&self) -> &[u8] {
        &self.out[self.start..]
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string. CR and LF, which would end it, become spaces.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// As [`Reply::simple`], for texts that a client sent.
    pub fn simple_bytes(&mut self, text: &[u8]) {
        self.line(b'+', text);
    }

    /// An error line with its code, `ERR …`. CR and LF become spaces.
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// As [`Reply::error`], for texts that quote what a client sent.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.line(b'-', text);
    }

    /// The error line of `refusal`.
    #[cold]
    pub fn refuse(&mut self, refusal: &Refusal) {
        self.line(b'-', refusal.text().as_bytes());
    }

    /// `:value`.
    #[inline]
    pub fn int(&mut self, value: i64) {
        if (0..SMALL.len() as i64).contains(&value) {
            self.out.extend_from_slice(SMALL[value as usize]);
        } else {
            self.header_i64(b':', value);
        }
    }

    /// A binary-safe string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        // One check of the capacity for header and content: 1 + 20 + 2 + length + 2 bytes.
        self.out.reserve(bytes.len() + 25);
        self.header(b'$', bytes.len());
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A number as a binary-safe string.
    #[inline]
    pub fn bulk_int(&mut self, value: i64) {
        let mut digits = itoa::Buffer::new();
        self.bulk(digits.format(value).as_bytes());
    }

    /// A text as a binary-safe string.
    #[inline]
    pub fn text(&mut self, text: &str) {
        self.bulk(text.as_bytes());
    }

    /// Nothing where a value was asked for: `$-1`, in RESP3 `_`.
    #[inline]
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.version {
            Version::Two => b"$-1\r\n".as_slice(),
            Version::Three => b"_\r\n",
        });
    }

    /// Nothing where an array was asked for: `*-1`, in RESP3 `_`.
    #[inline]
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.version {
            Version::Two => b"*-1\r\n".as_slice(),
            Version::Three => b"_\r\n",
        });
    }

    /// Begins an array; its `len` members follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// Begins a map of `len` pairs; keys and values follow by turns. In RESP2 an array of both.
    pub fn map(&mut self, len: usize) {
        self.collection(Collection::Map, len);
    }

    /// Begins a set; its `len` members follow. In RESP2 an array.
    pub fn set(&mut self, len: usize) {
        self.collection(Collection::Set, len);
    }

    /// Begins a message the client did not ask for, of `len` parts. In RESP2 an array.
    pub fn push(&mut self, len: usize) {
        self.has_pushed = true;
        self.header(
            match self.version {
                Version::Two => b'*',
                Version::Three => b'>',
            },
            len,
        );
    }

    /// Begins `len` pairs that describe the reply after them. RESP3 only: asserted.
    pub fn attribute(&mut self, len: usize) {
        assert_eq!(self.version, Version::Three, "RESP2 has no attributes");
        self.header(b'|', len);
    }

    /// `#t` or `#f`; in RESP2 `:1` or `:0`.
    pub fn bool(&mut self, value: bool) {
        self.out.extend_from_slice(match (self.version, value) {
            (Version::Two, true) => b":1\r\n".as_slice(),
            (Version::Two, false) => b":0\r\n",
            (Version::Three, true) => b"#t\r\n",
            (Version::Three, false) => b"#f\r\n",
        });
    }

    /// A double, shortest text that reads back the same; in RESP2 as a string.
    pub fn double(&mut self, value: f64) {
        match self.version {
            Version::Two => {
                let mark = self.deferred();
                write_f64(self.out, value);
                let len = self.out.len() - mark.0;
                self.insert_header(mark, b'$', len);
            }
            Version::Three => {
                self.out.push(b',');
                write_f64(self.out, value);
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// A decimal number of any size; in RESP2 as a string.
    pub fn big_number(&mut self, digits: &str) {
        match self.version {
            Version::Two => self.bulk(digits.as_bytes()),
            Version::Three => self.line(b'(', digits.as_bytes()),
        }
    }

    /// A text with a format of three letters, as `txt` or `mkd`; in RESP2 a plain string.
    pub fn verbatim(&mut self, format: &str, bytes: &[u8]) {
        assert_eq!(format.len(), 3, "a verbatim format is three bytes");
        match self.version {
            Version::Two => self.bulk(bytes),
            Version::Three => {
                self.header(b'=', bytes.len() + 4);
                self.out.extend_from_slice(format.as_bytes());
                self.out.push(b':');
                self.out.extend_from_slice(bytes);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Bytes that are a reply already.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A collection begins here, whose size is not known yet.
    pub fn deferred(&mut self) -> Mark {
        Mark(self.out.len())
    }

    /// What was written since `mark` is an array of `len` members.
    pub fn fill_array(&mut self, mark: Mark, len: usize) {
        self.insert_header(mark, b'*', len);
    }

    /// What was written since `mark` is a map of `len` pairs.
    pub fn fill_map(&mut self, mark: Mark, len: usize) {
        let (kind, len) = Collection::Map.header(self.version, len);
        self.insert_header(mark, kind, len);
    }

    /// What was written since `mark` is a set of `len` members.
    pub fn fill_set(&mut self, mark: Mark, len: usize) {
        let (kind, len) = Collection::Set.header(self.version, len);
        self.insert_header(mark, kind, len);
    }

    fn collection(&mut self, collection: Collection, len: usize) {
        let (kind, len) = collection.header(self.version, len);
        self.header(kind, len);
    }

    fn insert_header(&mut self, mark: Mark, kind: u8, len: usize) {
        let Mark(at) = mark;
        let end = self.out.len();
        self.header(kind, len);
        let header_bytes = self.out.len() - end;
        // A header is at most 1 + 20 + 2 bytes.
        let mut header = [0_u8; 23];
        header[..header_bytes].copy_from_slice(&self.out[end..]);
        self.out.copy_within(at..end, at + header_bytes);
        self.out[at..at + header_bytes].copy_from_slice(&header[..header_bytes]);
    }

    #[inline]
    fn header(&mut self, kind: u8, len: usize) {
        if let Ok(digit) = u8::try_from(len)
            && digit < 10
        {
            self.out
                .extend_from_slice(&[kind, b'0' + digit, b'\r', b'\n']);
        } else if len < 100 {
            // Both digits are below 10.
            let (tens, ones) = ((len / 10) as u8, (len % 10) as u8);
            self.out
                .extend_from_slice(&[kind, b'0' + tens, b'0' + ones, b'\r', b'\n']);
        } else {
            // A length is an address range's, so it fits.
            self.header_i64(kind, len as i64);
        }
    }

    fn header_i64(&mut self, kind: u8, value: i64) {
        self.out.push(kind);
        write_i64(self.out, value);
        self.out.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.push(kind);
        let start = self.out.len();
        self.out.extend_from_slice(text);
        for byte in &mut self.out[start..] {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }
}

#[derive(Clone, Copy)]
enum Collection {
    Map,
    Set,
}

impl Collection {
    /// The type byte and the count that stand for `len` pairs or members.
    fn header(self, version: Version, len: usize) -> (u8, usize) {
        match (self, version) {
            (Collection::Map, Version::Two) => (b'*', len * 2),
            (Collection::Map, Version::Three) => (b'%', len),
            (Collection::Set, Version::Two) => (b'*', len),
            (Collection::Set, Version::Three) => (b'~', len),
        }
    }
}

/// The integers most commands answer with.
const SMALL: [&[u8]; 10] = [
    b":0\r\n", b":1\r\n", b":2\r\n", b":3\r\n", b":4\r\n", b":5\r\n", b":6\r\n", b":7\r\n",
    b":8\r\n", b":9\r\n",
];
