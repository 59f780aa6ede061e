//! What one core's telemetry looks like on its way to another core.
//!
//! Both ends are the same program, so there is no version and no checking: a
//! parcel that ends early is our bug, and panics. Numbers are 8 bytes, texts
//! are their length and their bytes.

/// Reads what `pack_number` and `pack_text` wrote, in the same order.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    bytes: &'a [u8],
}

/// Writes a number.
pub fn pack_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Writes any bytes.
pub fn pack_text(out: &mut Vec<u8>, text: &[u8]) {
    pack_number(out, text.len() as u64);
    out.extend_from_slice(text);
}

impl<'a> Parcel<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether all of it is read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next number.
    ///
    /// # Panics
    /// When there is none: both ends of a parcel are ours.
    pub fn number(&mut self) -> u64 {
        let (number, rest) = self
            .bytes
            .split_first_chunk()
            .expect("the other core wrote a number here");
        self.bytes = rest;
        u64::from_le_bytes(*number)
    }

    /// The next text.
    ///
    /// # Panics
    /// As `number`.
    pub fn text(&mut self) -> &'a [u8] {
        let length = self.number() as usize;
        let (text, rest) = self
            .bytes
            .split_at_checked(length)
            .expect("the other core wrote a text here");
        self.bytes = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Parcel, pack_number, pack_text};

    #[test]
    fn what_is_packed_comes_out_in_order() {
        let mut out = Vec::new();
        pack_number(&mut out, 7);
        pack_text(&mut out, b"a\r\nb");
        pack_text(&mut out, b"");
        pack_number(&mut out, u64::MAX);
        let mut parcel = Parcel::new(&out);
        assert_eq!(parcel.number(), 7);
        assert_eq!(parcel.text(), b"a\r\nb");
        assert_eq!(parcel.text(), b"");
        assert!(!parcel.is_empty());
        assert_eq!(parcel.number(), u64::MAX);
        assert!(parcel.is_empty());
    }
}
