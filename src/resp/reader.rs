//! Replies read back into a tree: for tests, benches and tools, not for the data path.

/// One reply of either protocol.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Simple(String),
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`.
    Null,
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    /// Pairs about the reply that follows, and that reply.
    Attribute(Vec<(Value, Value)>, Box<Value>),
    Bool(bool),
    Double(f64),
    BigNumber(String),
    /// The format's three letters, and the text.
    Verbatim(String, Vec<u8>),
}

/// Collections within collections; more is not a reply of ours.
const DEPTH_MAX: usize = 32;

/// The reply `bytes` begin with and its length; `None` while it is not whole, or if it is no reply.
pub fn parse_reply(bytes: &[u8]) -> Option<(Value, usize)> {
    let mut cursor = Cursor { bytes, at: 0 };
    let value = cursor.value(DEPTH_MAX)?;
    Some((value, cursor.at))
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let (kind, text) = self.line()?.split_first()?;
        let text = std::str::from_utf8(text).ok();
        let count = || text?.parse::<usize>().ok();
        Some(match kind {
            b'+' => Value::Simple(text?.to_owned()),
            b'-' => Value::Error(self.lossy_line_before()),
            b':' => Value::Int(text?.parse().ok()?),
            b'$' | b'*' if text == Some("-1") => Value::Null,
            b'_' if text == Some("") => Value::Null,
            b'$' => Value::Bulk(self.take(count()?)?.to_vec()),
            b'=' => {
                let (format, content) = self.take(count()?)?.split_at_checked(4)?;
                let format = String::from_utf8(format.strip_suffix(b":")?.to_vec()).ok()?;
                Value::Verbatim(format, content.to_vec())
            }
            b'*' => Value::Array(self.values(count()?, depth)?),
            b'~' => Value::Set(self.values(count()?, depth)?),
            b'>' => Value::Push(self.values(count()?, depth)?),
            b'%' => Value::Map(self.pairs(count()?, depth)?),
            b'|' => {
                let pairs = self.pairs(count()?, depth)?;
                Value::Attribute(pairs, Box::new(self.value(depth)?))
            }
            b'#' => Value::Bool(match text? {
                "t" => true,
                "f" => false,
                _ => return None,
            }),
            b',' => Value::Double(text?.parse().ok()?),
            b'(' => Value::BigNumber(text?.to_owned()),
            _ => return None,
        })
    }

    fn values(&mut self, count: usize, depth: usize) -> Option<Vec<Value>> {
        (0..count).map(|_| self.value(depth)).collect()
    }

    fn pairs(&mut self, count: usize, depth: usize) -> Option<Vec<(Value, Value)>> {
        (0..count)
            .map(|_| Some((self.value(depth)?, self.value(depth)?)))
            .collect()
    }

    /// The line at the cursor, without its end; the cursor is then after it.
    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let len = rest.windows(2).position(|pair| pair == b"\r\n")?;
        self.at += len + 2;
        rest.get(..len)
    }

    /// The line just read, as text; errors may quote bytes that are none.
    fn lossy_line_before(&self) -> String {
        let line = &self.bytes[..self.at - 2];
        let start = memchr::memrchr(b'\n', line).map_or(0, |at| at + 1);
        String::from_utf8_lossy(&line[start + 1..]).into_owned()
    }

    /// `len` bytes and the line end after them.
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let taken = self.bytes.get(self.at..end)?;
        if self.bytes.get(end..end.checked_add(2)?)? != b"\r\n" {
            return None;
        }
        self.at = end + 2;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Value) {
        for cut in 0..bytes.len() {
            assert_eq!(parse_reply(&bytes[..cut]), None, "cut at {cut}");
        }
        let mut longer = bytes.to_vec();
        longer.extend_from_slice(b"+rest");
        assert_eq!(parse_reply(&longer), Some((expected, bytes.len())));
    }

    #[test]
    fn replies_of_both_protocols_are_read() {
        check(b"+OK\r\n", Value::Simple("OK".into()));
        check(b"-ERR no\r\n", Value::Error("ERR no".into()));
        check(b":-12\r\n", Value::Int(-12));
        check(b"$3\r\na\r\n\r\n", Value::Bulk(b"a\r\n".to_vec()));
        check(b"$-1\r\n", Value::Null);
        check(b"_\r\n", Value::Null);
        check(b"#t\r\n", Value::Bool(true));
        check(b",1.5\r\n", Value::Double(1.5));
        check(b",inf\r\n", Value::Double(f64::INFINITY));
        check(b"(123\r\n", Value::BigNumber("123".into()));
        check(
            b"=7\r\ntxt:abc\r\n",
            Value::Verbatim("txt".into(), b"abc".to_vec()),
        );
        check(
            b"*2\r\n:1\r\n~1\r\n:2\r\n",
            Value::Array(vec![Value::Int(1), Value::Set(vec![Value::Int(2)])]),
        );
        check(
            b"%1\r\n+a\r\n:1\r\n",
            Value::Map(vec![(Value::Simple("a".into()), Value::Int(1))]),
        );
        check(
            b"|1\r\n+a\r\n:1\r\n:9\r\n",
            Value::Attribute(
                vec![(Value::Simple("a".into()), Value::Int(1))],
                Box::new(Value::Int(9)),
            ),
        );
    }

    #[test]
    fn endless_nesting_is_no_reply() {
        assert_eq!(parse_reply(&b"*1\r\n".repeat(100_000)), None);
    }
}
