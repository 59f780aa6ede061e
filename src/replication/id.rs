//! The name of a history.
//!
//! Others take it for 40 hexadecimal digits without a meaning. Those that this node makes
//! have one, so that it can tell at its next start which histories were made of its data
//! behind what its file has:
//!
//! ```text
//! 0              16           28           40
//! │ family       │ moment     │ chance     │
//! ```
//!
//! The *family* stays when a history gets another name, whoever gives it: the promoted
//! replica of a stock primary goes on with the first 16 digits of that one's name. The
//! *moment* is that of the clock, in milliseconds, but in any case later than that of the
//! name before.

use std::fmt;

use crate::base::Random;

/// 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReplicationId([u8; 40]);

/// Digits of the family, and where the moment ends.
const FAMILY: usize = 16;
const MOMENT_END: usize = 28;
/// The latest moment that has room.
const MOMENT_MAX: u64 = (1 << 48) - 1;

impl ReplicationId {
    /// What stands where there is none.
    pub const NONE: ReplicationId = ReplicationId([b'0'; 40]);

    /// A name that nothing else has.
    pub fn random(random: &mut Random) -> ReplicationId {
        let mut digits = [0; 40];
        for digit in &mut digits {
            *digit = b"0123456789abcdef"[random.below(16) as usize];
        }
        ReplicationId(digits)
    }

    /// The first name of a family.
    pub fn founding(unix_ms: u64, random: &mut Random) -> ReplicationId {
        ReplicationId::random(random).at(unix_ms)
    }

    /// A name for what goes on from this history.
    #[must_use]
    pub fn successor(&self, unix_ms: u64, random: &mut Random) -> ReplicationId {
        let mut next = ReplicationId::random(random).at(unix_ms.max(self.moment() + 1));
        next.0[..FAMILY].copy_from_slice(&self.0[..FAMILY]);
        next
    }

    fn at(mut self, moment: u64) -> ReplicationId {
        let digits = format!("{:012x}", moment.min(MOMENT_MAX));
        self.0[FAMILY..MOMENT_END].copy_from_slice(digits.as_bytes());
        self
    }

    /// Whether both are of the same family.
    #[must_use]
    pub fn is_akin(&self, other: &ReplicationId) -> bool {
        self.0[..FAMILY] == other.0[..FAMILY]
    }

    /// When it was made; of a name that others have made it says nothing.
    #[must_use]
    pub fn moment(&self) -> u64 {
        let digits = &self.as_str()[FAMILY..MOMENT_END];
        u64::from_str_radix(digits, 16).expect("hexadecimal digits")
    }

    /// A name as others write it; `None` if it is of another length or has other
    /// characters.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<ReplicationId> {
        let mut digits: [u8; 40] = text.try_into().ok()?;
        digits.make_ascii_lowercase();
        let is_name = digits.iter().all(u8::is_ascii_hexdigit);
        is_name.then_some(ReplicationId(digits))
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

impl fmt::Display for ReplicationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for ReplicationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.as_str();
        write!(out, "{}:{}", &digits[..4], &digits[36..])
    }
}
