//! A plain client of the tests: sends requests or raw bytes, reads one reply
//! at a time in RESP2 or RESP3, and shows it the way redis-cli does.
//!
//! It shares no code with the node, so that an error in the node's codec
//! cannot hide itself. It keeps the exact bytes of the last reply.

use std::fmt::{self, Write as _};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long a reply may take before a test gives up.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, PartialEq)]
pub enum Reply {
    Status(Vec<u8>),
    Error(Vec<u8>),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Double(String),
    Boolean(bool),
    BigNumber(String),
    Array(Vec<Self>),
    Set(Vec<Self>),
    Push(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

/// As redis-cli shows it, in one line.
impl fmt::Debug for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.lines().join(" | "))
    }
}

pub struct Connection {
    stream: BufReader<TcpStream>,
    bytes: Vec<u8>,
}

impl Connection {
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        Ok(Self {
            stream: BufReader::new(stream),
            bytes: Vec::new(),
        })
    }

    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub fn send<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> io::Result<()> {
        self.send_bytes(&request(arguments))
    }

    /// One request, one reply.
    pub fn ask<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> io::Result<Reply> {
        self.send(arguments)?;
        self.read()
    }

    /// The next reply. `UnexpectedEof` when the peer has closed.
    pub fn read(&mut self) -> io::Result<Reply> {
        self.bytes.clear();
        self.read_nested()
    }

    /// The bytes of the reply last read.
    pub fn last_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let start = self.bytes.len();
        self.stream.read_until(b'\n', &mut self.bytes)?;
        let line = &self.bytes[start..];
        let line = line.strip_suffix(b"\r\n").ok_or_else(closed)?;
        Ok(line.to_vec())
    }

    fn read_nested(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_first().ok_or_else(|| broken("an empty line"))?;
        let text = || String::from_utf8_lossy(rest).into_owned();
        Ok(match kind {
            b'+' => Reply::Status(rest.to_vec()),
            b'-' => Reply::Error(rest.to_vec()),
            b':' => Reply::Integer(number(rest)?),
            b',' => Reply::Double(text()),
            b'(' => Reply::BigNumber(text()),
            b'#' => Reply::Boolean(rest == b"t"),
            b'_' => Reply::Null,
            b'$' => self.bulk(number(rest)?)?.map_or(Reply::Null, Reply::Bulk),
            // A verbatim text starts with its three-letter format and a colon.
            b'=' => {
                let text = self.bulk(number(rest)?)?;
                let text = text.ok_or_else(|| broken("a null verbatim text"))?;
                let body = text
                    .get(4..)
                    .ok_or_else(|| broken("a short verbatim text"))?;
                Reply::Bulk(body.to_vec())
            }
            b'*' if rest == b"-1" => Reply::Null,
            b'*' => Reply::Array(self.several(number(rest)?)?),
            b'~' => Reply::Set(self.several(number(rest)?)?),
            b'>' => Reply::Push(self.several(number(rest)?)?),
            b'%' => {
                let count = number(rest)?;
                let pair = |_| Ok((self.read_nested()?, self.read_nested()?));
                Reply::Map((0..count).map(pair).collect::<io::Result<_>>()?)
            }
            _ => return Err(broken(&format!("the type byte {}", quote(&[*kind])))),
        })
    }

    fn several(&mut self, count: i64) -> io::Result<Vec<Reply>> {
        (0..count).map(|_| self.read_nested()).collect()
    }

    fn bulk(&mut self, length: i64) -> io::Result<Option<Vec<u8>>> {
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| broken("a negative length"))?;
        let start = self.bytes.len();
        self.bytes.resize(start + length + 2, 0);
        self.stream.read_exact(&mut self.bytes[start..])?;
        Ok(Some(self.bytes[start..start + length].to_vec()))
    }
}

/// A request as an array of bulk strings.
pub fn request<A: AsRef<[u8]>>(arguments: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn closed() -> io::Error {
    io::Error::from(io::ErrorKind::UnexpectedEof)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the reply holds {what}"),
    )
}

fn number(text: &[u8]) -> io::Result<i64> {
    let parsed = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
    parsed.ok_or_else(|| broken(&format!("{} as a number", quote(text))))
}

/// A text in redis-cli's double quotes.
pub fn quote(text: &[u8]) -> String {
    let mut quoted = String::from('"');
    for byte in text {
        match byte {
            b'\\' | b'"' => quoted.extend(['\\', char::from(*byte)]),
            b'\n' => quoted.push_str("\\n"),
            b'\r' => quoted.push_str("\\r"),
            b'\t' => quoted.push_str("\\t"),
            7 => quoted.push_str("\\a"),
            8 => quoted.push_str("\\b"),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            _ => write!(quoted, "\\x{byte:02x}").expect("a String takes all"),
        }
    }
    quoted.push('"');
    quoted
}

impl Reply {
    /// The lines redis-cli prints for it on a terminal.
    pub fn lines(&self) -> Vec<String> {
        let plain = |text: &[u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(text);
            text.split('\n').map(str::to_owned).collect()
        };
        match self {
            Self::Status(text) => plain(text),
            Self::Error(text) => {
                let mut lines = plain(text);
                lines[0].insert_str(0, "(error) ");
                lines
            }
            Self::Integer(number) => vec![format!("(integer) {number}")],
            Self::Bulk(text) => vec![quote(text)],
            Self::Null => vec!["(nil)".to_owned()],
            Self::Double(text) => vec![format!("(double) {text}")],
            Self::BigNumber(text) => vec![format!("(number) {text}")],
            Self::Boolean(value) => vec![format!("({value})")],
            Self::Array(items) => numbered(items, ')', "(empty array)"),
            Self::Push(items) => numbered(items, ')', "(empty push)"),
            Self::Set(items) => numbered(items, '~', "(empty set)"),
            Self::Map(pairs) => Self::map_lines(pairs),
        }
    }

    fn map_lines(pairs: &[(Self, Self)]) -> Vec<String> {
        if pairs.is_empty() {
            return vec!["(empty hash)".to_owned()];
        }
        let blocks = pairs.iter().map(|(key, value)| {
            let mut lines = key.lines();
            let mut value_lines = value.lines().into_iter();
            let first = value_lines.next().expect("a reply has a line");
            let last = lines.last_mut().expect("a reply has a line");
            last.push_str(" => ");
            last.push_str(&first);
            lines.extend(value_lines);
            lines
        });
        number_blocks(blocks.collect(), '#')
    }
}

fn numbered(items: &[Reply], mark: char, empty: &str) -> Vec<String> {
    if items.is_empty() {
        return vec![empty.to_owned()];
    }
    number_blocks(items.iter().map(Reply::lines).collect(), mark)
}

/// Puts `1) ` before the first line of each block and as many blanks before
/// the others.
fn number_blocks(blocks: Vec<Vec<String>>, mark: char) -> Vec<String> {
    let width = blocks.len().to_string().len();
    let mut lines = Vec::new();
    for (index, block) in (1..).zip(blocks) {
        for (at, line) in block.into_iter().enumerate() {
            lines.push(if at == 0 {
                format!("{index:>width$}{mark} {line}")
            } else {
                format!("{:indent$}{line}", "", indent = width + 2)
            });
        }
    }
    lines
}
