//! INCRBYFLOAT's arithmetic: the x87's 80-bit long double, in software.
//!
//! Stock reads both texts with `strtold`, adds with a 64-bit mantissa and prints `%.17Lf` without the
//! zeros at its end. Rust has no such type, and a double or a decimal would give other digits,
//! so the three steps are done here on integers, each rounded to nearest, ties to even.
//! Compared with stock 7.0.15 on x86-64 over 40,000 random pairs (decimals of all lengths, exponents
//! over the whole range, hexadecimal, the edges of overflow and underflow): no difference.
//! The exponent's low end is not emulated: a value below 2^-16382 prints as 0 either way.

use super::number::{Hexadecimal, exponent, is_infinity};

/// A text this long is no number (stock's buffer for one holds 5 KiB).
const TEXT_BYTES_MAX: usize = 5 * 1024;

/// Exponents of the top bit: beyond is infinity, below (the last denormal) is zero.
const TOP_MAX: i64 = 16_383;
const TOP_MIN: i64 = -16_445;

/// Why there is no sum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LongDoubleFault {
    /// The first text is not a float.
    FirstNotFloat,
    /// The second text is not a float.
    SecondNotFloat,
    /// The sum is infinite or not a number.
    NotFinite,
}

/// The sum of two texts as INCRBYFLOAT writes it: no exponent, at most 17 decimals.
pub fn add_long_double(first: &[u8], second: &[u8]) -> Result<Vec<u8>, LongDoubleFault> {
    let first = LongDouble::parse(first).ok_or(LongDoubleFault::FirstNotFloat)?;
    let second = LongDouble::parse(second).ok_or(LongDoubleFault::SecondNotFloat)?;
    let sum = first.add(second);
    if sum.is_infinite() {
        return Err(LongDoubleFault::NotFinite);
    }
    let mut out = Vec::new();
    sum.write(&mut out);
    Ok(out)
}

/// (-1)^negative x mantissa x 2^exponent, the mantissa's top bit set; zero has mantissa 0,
/// infinity the exponent `i64::MAX`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct LongDouble {
    negative: bool,
    mantissa: u64,
    exponent: i64,
}

impl LongDouble {
    const ZERO: Self = Self {
        negative: false,
        mantissa: 0,
        exponent: 0,
    };

    const INFINITY: Self = Self {
        negative: false,
        mantissa: 1 << 63,
        exponent: i64::MAX,
    };

    fn is_infinite(self) -> bool {
        self.exponent == i64::MAX
    }

    /// All of `text` as `strtold` reads it, without leading space; not NaN, not what over- or
    /// underflows.
    fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= TEXT_BYTES_MAX {
            return None;
        }
        let (negative, magnitude) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let value = match magnitude {
            word if is_infinity(word) => Self::INFINITY,
            [b'0', b'x' | b'X', digits @ ..] => Self::hexadecimal(digits)?,
            digits => Self::decimal(digits)?,
        };
        Some(Self { negative, ..value })
    }

    fn hexadecimal(text: &[u8]) -> Option<Self> {
        let Hexadecimal {
            mantissa,
            sticky,
            exponent,
        } = Hexadecimal::parse(text)?;
        // Digits were lost only if 125 bits or more are kept: the lowest is far below the mantissa.
        Self::rounded(mantissa | u128::from(sticky), exponent).in_range()
    }

    fn decimal(text: &[u8]) -> Option<Self> {
        let mut digits = Vec::with_capacity(text.len());
        let mut scale = 0;
        let mut after_point = false;
        let mut any = false;
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            match byte {
                b'.' if !after_point => after_point = true,
                b'0'..=b'9' => {
                    any = true;
                    scale -= i64::from(after_point);
                    if byte != b'0' || !digits.is_empty() {
                        digits.push(byte - b'0');
                    }
                }
                _ => break,
            }
            at += 1;
        }
        if !any {
            return None;
        }
        match &text[at..] {
            [] => {}
            [b'e' | b'E', power @ ..] => scale += exponent(power)?,
            _ => return None,
        }
        while digits.last() == Some(&0) {
            digits.pop();
            scale += 1;
        }
        if digits.is_empty() {
            return Some(Self::ZERO);
        }
        // 10^4933 overflows, and 10^-4952 is below half the least denormal.
        let top = scale + digits.len() as i64 - 1;
        if !(-4_960..4_940).contains(&top) {
            return None;
        }
        Self::from_decimal(&digits, scale).in_range()
    }

    /// `digits` x 10^`scale`, rounded once.
    fn from_decimal(digits: &[u8], scale: i64) -> Self {
        let mut above = Natural::from_digits(digits);
        let mut below = Natural::one();
        // 10^n is 5^n x 2^n, and powers of two go to the exponent.
        let fives = scale.unsigned_abs();
        if scale >= 0 {
            above.multiply_by_power_of_five(fives);
        } else {
            below.multiply_by_power_of_five(fives);
        }
        // Shift so that the quotient has 127 or 128 bits: all of the mantissa and plenty below.
        let shift = 128 + below.bits() as i64 - above.bits() as i64 - 1;
        if shift >= 0 {
            above.shift_left(shift as usize);
        } else {
            below.shift_left(shift.unsigned_abs() as usize);
        }
        let (quotient, exact) = above.divide(below);
        Self::rounded(quotient | u128::from(!exact), scale - shift)
    }

    /// `wide` x 2^`exponent` with 64 bits kept. The lowest bit of `wide` may stand for all below.
    fn rounded(wide: u128, exponent: i64) -> Self {
        if wide == 0 {
            return Self::ZERO;
        }
        let shift = wide.leading_zeros();
        let wide = wide << shift;
        let exponent = exponent.saturating_sub(i64::from(shift)).saturating_add(64);
        let kept = (wide >> 64) as u64;
        let rest = wide as u64;
        let half = 1 << 63;
        let up = rest > half || (rest == half && kept & 1 == 1);
        let (mantissa, carried) = kept.overflowing_add(u64::from(up));
        let (mantissa, exponent) = if carried {
            (half, exponent.saturating_add(1))
        } else {
            (mantissa, exponent)
        };
        if exponent.saturating_add(63) > TOP_MAX {
            return Self::INFINITY;
        }
        Self {
            negative: false,
            mantissa,
            exponent,
        }
    }

    /// The value, unless a finite text overflowed or vanished.
    fn in_range(self) -> Option<Self> {
        if self.mantissa == 0 {
            return Some(self);
        }
        let top = self.exponent.saturating_add(63);
        // More than half the least denormal rounds up to it.
        let rounds_up = top == TOP_MIN - 1 && self.mantissa > 1 << 63;
        (rounds_up || (TOP_MIN..=TOP_MAX).contains(&top)).then_some(self)
    }

    fn add(self, other: Self) -> Self {
        match (self.is_infinite(), other.is_infinite()) {
            (true, _) => return self,
            (_, true) => return other,
            (false, false) => {}
        }
        if self.mantissa == 0 || other.mantissa == 0 {
            return if self.mantissa == 0 { other } else { self };
        }
        let is_larger = (self.exponent, self.mantissa) >= (other.exponent, other.mantissa);
        let (large, small) = if is_larger {
            (self, other)
        } else {
            (other, self)
        };
        // One bit stays free above for the carry; 63 below hold what the small one has there.
        let wide = u128::from(large.mantissa) << 63;
        let distance = (large.exponent - small.exponent) as u64;
        let aligned = u128::from(small.mantissa) << 63;
        let aligned = if distance < 128 {
            let dropped = aligned & ((1 << distance) - 1);
            aligned >> distance | u128::from(dropped != 0)
        } else {
            1
        };
        let sum = if large.negative == small.negative {
            wide + aligned
        } else {
            wide - aligned
        };
        Self {
            negative: large.negative,
            ..Self::rounded(sum, large.exponent - 63)
        }
    }

    /// Appends the value with 17 decimals, without zeros at the end.
    fn write(self, out: &mut Vec<u8>) {
        const DECIMALS: usize = 17;
        const SCALE: u128 = 10_u128.pow(DECIMALS as u32);
        if self.mantissa == 0 {
            out.push(b'0');
            return;
        }
        let start = out.len();
        if self.negative {
            out.push(b'-');
        }
        if self.exponent >= 0 {
            let mut whole = Natural::from_u64(self.mantissa);
            whole.shift_left(self.exponent as usize);
            whole.write(out);
            return;
        }
        // Below 2^64 x 10^17 < 2^121.
        let scaled = u128::from(self.mantissa) * SCALE;
        let shift = self.exponent.unsigned_abs();
        let scaled = if shift >= 128 {
            0
        } else {
            let rest = scaled & ((1 << shift) - 1);
            let half = 1 << (shift - 1);
            let quotient = scaled >> shift;
            quotient + u128::from(rest > half || (rest == half && quotient & 1 == 1))
        };
        if scaled == 0 {
            // Never `-0`.
            out.truncate(start);
            out.push(b'0');
            return;
        }
        out.extend_from_slice(itoa::Buffer::new().format(scaled / SCALE).as_bytes());
        let decimals = scaled % SCALE;
        if decimals > 0 {
            // A leading 1 keeps the zeros after the point.
            let mut buffer = itoa::Buffer::new();
            let digits = buffer.format(SCALE + decimals).as_bytes();
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
    }
}

/// A natural number of any size, least significant 32 bits first, without zeros at the top.
struct Natural(Vec<u32>);

impl Natural {
    fn one() -> Self {
        Self(vec![1])
    }

    fn from_u64(value: u64) -> Self {
        let mut natural = Self(vec![value as u32, (value >> 32) as u32]);
        natural.trim();
        natural
    }

    fn from_digits(digits: &[u8]) -> Self {
        let mut natural = Self(Vec::new());
        for chunk in digits.chunks(9) {
            let value = chunk
                .iter()
                .fold(0, |sum, &digit| sum * 10 + u32::from(digit));
            natural.multiply_add(10_u32.pow(chunk.len() as u32), value);
        }
        natural
    }

    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for limb in &mut self.0 {
            let product = u64::from(*limb) * u64::from(factor) + carry;
            *limb = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn multiply_by_power_of_five(&mut self, power: u64) {
        // 5^13 is the largest below 2^32.
        for _ in 0..power / 13 {
            self.multiply_add(5_u32.pow(13), 0);
        }
        self.multiply_add(5_u32.pow((power % 13) as u32), 0);
    }

    fn bits(&self) -> usize {
        self.0
            .last()
            .map_or(0, |top| self.0.len() * 32 - top.leading_zeros() as usize)
    }

    fn shift_left(&mut self, bits: usize) {
        let (limbs, bits) = (bits / 32, bits % 32);
        self.multiply_add(1 << bits, 0);
        if !self.0.is_empty() {
            self.0.splice(0..0, std::iter::repeat_n(0, limbs));
        }
    }

    /// The quotient by `below` and whether nothing remains. The quotient must fit: asserted.
    /// Bit by bit: at most 128 comparisons and subtractions of a few words.
    fn divide(mut self, mut below: Self) -> (u128, bool) {
        let steps = (self.bits() + 1).saturating_sub(below.bits());
        assert!(steps <= 128 + 1, "the quotient has at most 128 bits");
        below.shift_left(steps);
        let mut quotient = 0_u128;
        for _ in 0..=steps {
            quotient <<= 1;
            if self.is_at_least(&below) {
                self.subtract(&below);
                quotient |= 1;
            }
            below.halve();
        }
        (quotient, self.0.is_empty())
    }

    fn is_at_least(&self, other: &Self) -> bool {
        let length = self.0.len().cmp(&other.0.len());
        length
            .then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
            .is_ge()
    }

    /// `other` is not larger.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = 0_i64;
        for (at, limb) in self.0.iter_mut().enumerate() {
            let taken = other.0.get(at).map_or(0, |&limb| i64::from(limb));
            let difference = i64::from(*limb) - taken + borrow;
            *limb = difference as u32;
            borrow = difference >> 32;
        }
        debug_assert_eq!(borrow, 0, "the subtrahend is not larger");
        self.trim();
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for limb in self.0.iter_mut().rev() {
            let low = *limb << 31;
            *limb = *limb >> 1 | carry;
            carry = low;
        }
        self.trim();
    }

    fn divide_small(&mut self, divisor: u32) -> u32 {
        let mut rest = 0_u64;
        for limb in self.0.iter_mut().rev() {
            let part = rest << 32 | u64::from(*limb);
            *limb = (part / u64::from(divisor)) as u32;
            rest = part % u64::from(divisor);
        }
        self.trim();
        rest as u32
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    /// Appends the number in decimal.
    fn write(mut self, out: &mut Vec<u8>) {
        let start = out.len();
        while !self.0.is_empty() {
            let mut part = self.divide_small(1_000_000_000);
            for _ in 0..9 {
                out.push(b'0' + (part % 10) as u8);
                part /= 10;
            }
        }
        while out.len() > start + 1 && out.last() == Some(&b'0') {
            out.pop();
        }
        if out.len() == start {
            out.push(b'0');
        }
        out[start..].reverse();
    }
}
