//! Integers of any width at any bit of a text: what BITFIELD reads, writes and increments.
//!
//! The highest bit of a number comes first, as in [`bits`](super::bits). Bits beyond the end of
//! the text read as zero.

/// Whether the highest bit of a field counts negatively.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Signed,
    Unsigned,
}

/// What becomes of a number that its field cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Its low bits are kept.
    #[default]
    Wrap,
    /// The nearest number the field holds is taken instead.
    Saturate,
    /// Nothing is written, and the answer is nil.
    Fail,
}

/// A place in a text that holds an integer: 1 to 64 bits if signed, 1 to 63 if not, so that every
/// value is an `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    sign: Sign,
    bits: u8,
    offset: u64,
}

impl Field {
    /// `None` where there are no fields of that many bits, or the last bit has no place in a `u64`.
    pub fn new(sign: Sign, bits: u8, offset: u64) -> Option<Self> {
        let bits_max = match sign {
            Sign::Signed => 64,
            Sign::Unsigned => 63,
        };
        let reaches = offset.checked_add(u64::from(bits)).is_some();
        ((1..=bits_max).contains(&bits) && reaches).then_some(Self { sign, bits, offset })
    }

    pub fn bits(self) -> u8 {
        self.bits
    }

    /// The first bit, counted in bits from the start of the text.
    pub fn offset(self) -> u64 {
        self.offset
    }

    /// Bytes a text needs to hold all of the field. BITFIELD grows the text to the farthest field
    /// it may write before it does anything, even where the write then fails.
    pub fn reach_bytes(self) -> u64 {
        (self.offset + u64::from(self.bits)).div_ceil(8)
    }

    /// The first byte of a text that holds some of the field.
    pub fn first_byte(self) -> u64 {
        self.offset / 8
    }

    /// The number in the field.
    pub fn get(self, bytes: &[u8]) -> i64 {
        // Up to 64 bits from any bit of a byte touch up to 9 bytes: a u128 holds them.
        let first = usize::try_from(self.offset / 8).unwrap_or(usize::MAX);
        let held = bytes.get(first..).unwrap_or(&[]);
        let mut window = [0; 16];
        let len = held.len().min(9);
        window[..len].copy_from_slice(&held[..len]);
        let aligned = u128::from_be_bytes(window) << (self.offset % 8);
        let top = (aligned >> 64) as u64;
        let shift = 64 - u32::from(self.bits);
        match self.sign {
            Sign::Signed => top.cast_signed() >> shift,
            Sign::Unsigned => (top >> shift).cast_signed(),
        }
    }

    /// Puts `value` in the field, growing the text to reach it, and returns what was there;
    /// `None` if it does not fit and `overflow` says to fail, when only the growth happened.
    ///
    /// An unsigned field takes a negative `value` for the `u64` of the same bits, as stock does:
    /// it saturates to the greatest number, not to zero. Nor does a signed one always saturate to
    /// the nearest: stock's check overflows on a `value` so low that `greatest - value` is no
    /// `i64`, and such a value becomes the greatest number too.
    pub fn set(self, bytes: &mut Vec<u8>, value: i64, overflow: Overflow) -> Option<i64> {
        self.reach(bytes);
        let wanted = match self.sign {
            Sign::Signed if self.limits().1.checked_sub(value).is_none() && self.bits < 64 => {
                i128::from(value) + (1 << 64)
            }
            Sign::Signed => i128::from(value),
            Sign::Unsigned => i128::from(value.cast_unsigned()),
        };
        let value = self.fit(wanted, overflow)?;
        let before = self.get(bytes);
        self.put(bytes, value);
        Some(before)
    }

    /// Adds `increment` to the field, growing the text to reach it, and returns the sum; `None` if
    /// it does not fit and `overflow` says to fail, when only the growth happened.
    pub fn increment(self, bytes: &mut Vec<u8>, increment: i64, overflow: Overflow) -> Option<i64> {
        self.reach(bytes);
        let sum = i128::from(self.get(bytes)) + i128::from(increment);
        let value = self.fit(sum, overflow)?;
        self.put(bytes, value);
        Some(value)
    }

    fn reach(self, bytes: &mut Vec<u8>) {
        let reach = usize::try_from(self.reach_bytes());
        let reach = reach.expect("the caller bounds the offset by memory");
        if bytes.len() < reach {
            bytes.resize(reach, 0);
        }
    }

    /// The number to write for `wanted`.
    fn fit(self, wanted: i128, overflow: Overflow) -> Option<i64> {
        let (least, greatest) = self.limits();
        let fits = (i128::from(least)..=i128::from(greatest)).contains(&wanted);
        match overflow {
            _ if fits => Some(wanted as i64),
            Overflow::Wrap => Some(self.wrap(wanted)),
            Overflow::Saturate if wanted < i128::from(least) => Some(least),
            Overflow::Saturate => Some(greatest),
            Overflow::Fail => None,
        }
    }

    fn limits(self) -> (i64, i64) {
        match self.sign {
            Sign::Signed => {
                let shift = 64 - u32::from(self.bits);
                (i64::MIN >> shift, i64::MAX >> shift)
            }
            // At most 63 bits.
            Sign::Unsigned => (0, i64::MAX >> (63 - u32::from(self.bits))),
        }
    }

    fn wrap(self, wanted: i128) -> i64 {
        let shift = 64 - u32::from(self.bits);
        let top = (wanted as u64) << shift;
        match self.sign {
            Sign::Signed => top.cast_signed() >> shift,
            Sign::Unsigned => (top >> shift).cast_signed(),
        }
    }

    /// Writes the low bits of `value`; the text reaches far enough.
    fn put(self, bytes: &mut [u8], value: i64) {
        let first = (self.offset / 8) as usize;
        let last = self.reach_bytes() as usize;
        let touched = &mut bytes[first..last];
        let mut window = [0; 16];
        window[..touched.len()].copy_from_slice(touched);
        let shift = 128 - u32::from(self.bits) - (self.offset % 8) as u32;
        let mask = u128::from(u64::MAX >> (64 - u32::from(self.bits))) << shift;
        let number = u128::from(value.cast_unsigned()) << shift & mask;
        let window = (u128::from_be_bytes(window) & !mask | number).to_be_bytes();
        touched.copy_from_slice(&window[..touched.len()]);
    }
}
