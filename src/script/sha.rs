//! The digest that names a script.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use sha1::{Digest as _, Sha1};

/// A SHA-1 digest in 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// What is kept by digest.
pub type BySha<T> = HashMap<Sha, T, BuildHasherDefault<Digits>>;

/// The first digits: a digest is as good as its own hash.
impl Hash for Sha {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (digits, _) = self.0.split_first_chunk().expect("it has 40 digits");
        state.write_u64(u64::from_be_bytes(*digits));
    }
}

/// A hash of eight digits. Who looks for digests that meet here may load scripts, which
/// could keep a core busy without.
#[derive(Default)]
pub struct Digits(u64);

impl Hasher for Digits {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a digest is hashed as a number");
    }

    fn write_u64(&mut self, digits: u64) {
        // Tables look at the lowest bits and the highest.
        self.0 = digits.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.0))
    }
}
