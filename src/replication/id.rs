//! The name of a history.

use std::fmt;

use crate::base::Random;

/// 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReplicationId([u8; 40]);

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
        out.write_str(&self.as_str()[..8])
    }
}
