//! The digest that names a script.

use std::fmt;

use sha1::{Digest as _, Sha1};

/// A SHA-1 digest in 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha([u8; Sha::LEN]);

impl Sha {
    /// Digits of a digest.
    pub const LEN: usize = 40;

    /// The digest of `body`.
    pub fn of(body: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; Self::LEN];
        for (byte, pair) in Sha1::digest(body).iter().zip(text.chunks_exact_mut(2)) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(text)
    }

    /// The digest a client wrote, in either case; nothing if it has another length.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut text: [u8; Self::LEN] = text.try_into().ok()?;
        text.make_ascii_lowercase();
        Some(Self(text))
    }

    /// Its digits.
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.0))
    }
}
