//! The packed set of integers: sorted, all of one width.
//!
//! ```text
//! width, 4  count, 4  number, width …              all lowest byte first; width is 2, 4 or 8
//! ```

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::string::{Malformed, take};

/// The members of an intset, judged as they come: after a fault nothing follows.
pub struct Intset<'a> {
    rest: &'a [u8],
    width: Width,
    last: Option<i64>,
}

#[derive(Clone, Copy)]
enum Width {
    Two,
    Four,
    Eight,
}

impl<'a> Intset<'a> {
    /// Looks at the header. An empty set is none.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        let width_bytes = u32::from_le_bytes(take(&mut rest)?);
        let width = match width_bytes {
            2 => Width::Two,
            4 => Width::Four,
            8 => Width::Eight,
            _ => return Err(Malformed),
        };
        let count = u32::from_le_bytes(take(&mut rest)?);
        // Below 2^35.
        let bytes = u64::from(count).saturating_mul(u64::from(width_bytes));
        if count == 0 || u64::try_from(rest.len()) != Ok(bytes) {
            return Err(Malformed);
        }
        Ok(Self {
            rest,
            width,
            last: None,
        })
    }

    fn step(&mut self) -> Result<i64, Malformed> {
        let number = match self.width {
            Width::Two => i64::from(i16::from_le_bytes(take(&mut self.rest)?)),
            Width::Four => i64::from(i32::from_le_bytes(take(&mut self.rest)?)),
            Width::Eight => i64::from_le_bytes(take(&mut self.rest)?),
        };
        if self.last.is_some_and(|last| last >= number) {
            return Err(Malformed);
        }
        self.last = Some(number);
        Ok(number)
    }
}

impl Iterator for Intset<'_> {
    type Item = Result<i64, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.rest = &[];
        }
        Some(step)
    }
}

/// Appends the intset of `numbers`, which ascend.
pub fn write_intset(out: &mut Vec<u8>, numbers: &[i64]) {
    let fits = |low: i64, high: i64| numbers.iter().all(|number| (low..=high).contains(number));
    let width: u32 = if fits(i64::from(i16::MIN), i64::from(i16::MAX)) {
        2
    } else if fits(i64::from(i32::MIN), i64::from(i32::MAX)) {
        4
    } else {
        8
    };
    out.extend_from_slice(&width.to_le_bytes());
    let count = u32::try_from(numbers.len()).expect("the setting of their number has 32 bits");
    out.extend_from_slice(&count.to_le_bytes());
    for number in numbers {
        let bytes = number.to_le_bytes();
        // Two's complement: the low bytes are the narrower number.
        out.extend(bytes.iter().take(width as usize));
    }
}
