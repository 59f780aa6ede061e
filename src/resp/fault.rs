//! What breaks the protocol: the client is told once, then its connection is closed.
//!
//! Texts recorded from stock 7.0.15 by sending each broken request.

use std::fmt;

/// How a request broke the protocol. `Display` gives the error line without `-` and `\r\n`;
/// after it is sent the connection is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolFault {
    /// `*` is not followed by a number, or by one beyond the limit.
    InvalidMultibulkLength,
    /// `$` is not followed by a number from 0 to `proto-max-bulk-len`.
    InvalidBulkLength,
    /// Something other than `$` begins an argument: its first byte.
    ExpectedDollar(u8),
    /// The line after `*` does not end within 64 KiB.
    TooBigMultibulkCount,
    /// The line after `$` does not end within 64 KiB.
    TooBigBulkCount,
    /// An inline line does not end within 64 KiB.
    TooBigInline,
    /// An inline line opens a quote and does not close it, or closes it within a word.
    UnbalancedQuotes,
    /// More than 10 words before authentication.
    UnauthenticatedMultibulkLength,
    /// A word of more than 16 KiB before authentication.
    UnauthenticatedBulkLength,
    /// The request passes `client-query-buffer-limit`: stock closes without a word.
    QueryTooLong,
}

impl ProtocolFault {
    /// Whether the connection is closed without telling the client.
    pub fn is_silent(self) -> bool {
        self == ProtocolFault::QueryTooLong
    }

    /// Appends the error reply, `-ERR Protocol error: …\r\n`; nothing if the fault is silent.
    pub fn write(self, out: &mut Vec<u8>) {
        if self.is_silent() {
            return;
        }
        out.extend_from_slice(b"-ERR Protocol error: ");
        match self {
            // The byte goes out as it came, except those that would end the line.
            ProtocolFault::ExpectedDollar(byte) => {
                out.extend_from_slice(b"expected '$', got '");
                out.push(if matches!(byte, b'\r' | b'\n') {
                    b' '
                } else {
                    byte
                });
                out.push(b'\'');
            }
            stated => out.extend_from_slice(stated.text().as_bytes()),
        }
        out.extend_from_slice(b"\r\n");
    }

    fn text(self) -> &'static str {
        match self {
            ProtocolFault::InvalidMultibulkLength => "invalid multibulk length",
            ProtocolFault::InvalidBulkLength => "invalid bulk length",
            ProtocolFault::ExpectedDollar(_) => "expected '$'",
            ProtocolFault::TooBigMultibulkCount => "too big mbulk count string",
            ProtocolFault::TooBigBulkCount => "too big bulk count string",
            ProtocolFault::TooBigInline => "too big inline request",
            ProtocolFault::UnbalancedQuotes => "unbalanced quotes in request",
            ProtocolFault::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            ProtocolFault::UnauthenticatedBulkLength => "unauthenticated bulk length",
            ProtocolFault::QueryTooLong => "query buffer limit reached",
        }
    }
}

impl fmt::Display for ProtocolFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ERR Protocol error: ")?;
        match self {
            ProtocolFault::ExpectedDollar(byte) => {
                write!(formatter, "expected '$', got '{}'", char::from(*byte))
            }
            stated => formatter.write_str(stated.text()),
        }
    }
}

impl std::error::Error for ProtocolFault {}
