//! A text as a row of bits, the highest bit of the first byte first: SETBIT, GETBIT, BITCOUNT,
//! BITPOS, BITOP.
//!
//! Bits beyond the end of a text read as zero. Offsets are bits in a `u64`; whether a client may
//! grow a text that far is decided before these functions are called.

use std::ops::Range;

use super::text;

/// What the start and end of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Byte,
    Bit,
}

/// How BITOP joins its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    And,
    Or,
    Xor,
    /// Of the first input; there is only one.
    Not,
}

/// Bytes of the result worked on at a time: they stay in the first cache while all the inputs
/// pass over them.
const BLOCK_BYTES: usize = 8 * 1024;

/// Words counted as one: 128 bytes.
const GROUP_WORDS: usize = 16;

/// The bit at `offset`.
#[inline]
pub fn bit(bytes: &[u8], offset: u64) -> bool {
    usize::try_from(offset / 8)
        .ok()
        .and_then(|at| bytes.get(at))
        .is_some_and(|byte| byte & mask_of(offset) != 0)
}

/// Sets the bit at `offset`, grows the text by zero bytes to reach it, and returns what it was.
#[inline]
pub fn set_bit(bytes: &mut Vec<u8>, offset: u64, value: bool) -> bool {
    let at = usize::try_from(offset / 8).expect("the caller bounds the offset by memory");
    if bytes.len() <= at {
        bytes.resize(at + 1, 0);
    }
    let mask = mask_of(offset);
    let before = bytes[at] & mask != 0;
    if value {
        bytes[at] |= mask;
    } else {
        bytes[at] &= !mask;
    }
    before
}

/// Bits that are one.
///
/// Counts 16 words at a time: full adders in carry-save form fold them into ones, twos, fours,
/// eights and sixteens, so that only one word in sixteen is counted bit by bit. This needs no
/// instruction that the oldest x86-64 lacks.
pub fn count_ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let (groups, words) = words.as_chunks::<GROUP_WORDS>();
    let mut sixteens_count = 0;
    let mut carried = Carried::default();
    for group in groups {
        sixteens_count += u64::from(carried.add(group).count_ones());
    }
    let words: u64 = words
        .iter()
        .map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()))
        .sum();
    let rest: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
    16 * sixteens_count + carried.count() + words + rest
}

/// The bits that `BITCOUNT start end unit` counts over, in a text of `len` bytes; `None` if none.
pub fn count_range(len: usize, start: i64, end: i64, unit: Unit) -> Option<Range<u64>> {
    match unit {
        Unit::Byte => text::span(len as u64, start, end).map(bits_of_bytes),
        Unit::Bit => text::span(len as u64 * 8, start, end),
    }
}

/// Bits that are one within `range`, a range of bits inside the text.
pub fn count_ones_in(bytes: &[u8], range: Range<u64>) -> u64 {
    if range.is_empty() {
        return 0;
    }
    let (first, last) = (range.start, range.end - 1);
    let touched = &bytes[(first / 8) as usize..=(last / 8) as usize];
    let before = touched[0] & !from_bit(first);
    let after = touched[touched.len() - 1] & !up_to_bit(last);
    count_ones(touched) - u64::from(before.count_ones()) - u64::from(after.count_ones())
}

/// What `BITPOS value [start [end [unit]]]` answers about a text that exists; `None` is -1.
///
/// Without `end` the text counts as followed by zeros: a zero looked for in a range of ones is
/// found just after the last byte. An empty range holds neither. (Of a missing key the answer is
/// 0 for a zero and -1 for a one, whatever the range.)
pub fn position(
    bytes: &[u8],
    value: bool,
    start: Option<i64>,
    end: Option<i64>,
    unit: Unit,
) -> Option<u64> {
    let len = bytes.len() as u64;
    let (first, last) = (start.unwrap_or(0), end.unwrap_or(-1));
    let range = match unit {
        Unit::Byte => bits_of_bytes(text::span_as_cut(len, first, last)?),
        Unit::Bit => text::span_as_cut(len * 8, first, last)?,
    };
    let beyond = (end.is_none() && !value).then_some(range.end);
    first_in(bytes, value, range).or(beyond)
}

/// The first bit of `value` within `range`, a range of bits inside the text.
pub fn first_in(bytes: &[u8], value: bool, range: Range<u64>) -> Option<u64> {
    if range.is_empty() {
        return None;
    }
    // With the skipped value as zero, the first one is looked for.
    let skipped = if value { 0 } else { 0xff };
    let at = (range.start / 8) as usize;
    let touched = &bytes[at..=((range.end - 1) / 8) as usize];
    let head = (touched[0] ^ skipped) & from_bit(range.start);
    let (index, byte) = if head == 0 {
        let index = 1 + first_other(&touched[1..], skipped)?;
        (index, touched[index] ^ skipped)
    } else {
        (0, head)
    };
    let found = (at + index) as u64 * 8 + u64::from(byte.leading_zeros());
    // The last byte may hold it beyond the range.
    (found < range.end).then_some(found)
}

/// Appends to `out` what `operation` makes of `inputs`: as long as the longest of them, the
/// shorter ones followed by zeros. [`Operation::Not`] takes one input.
pub fn combine(operation: Operation, inputs: &[&[u8]], out: &mut Vec<u8>) {
    let Some((first, others)) = inputs.split_first() else {
        return;
    };
    if operation == Operation::Not {
        debug_assert!(others.is_empty());
        out.extend(first.iter().map(|byte| !byte));
        return;
    }
    let len = inputs.iter().map(|input| input.len()).max().unwrap_or(0);
    out.reserve_exact(len);
    for from in (0..len).step_by(BLOCK_BYTES) {
        let until = len.min(from + BLOCK_BYTES);
        let at = out.len();
        out.extend_from_slice(cut(first, from, until));
        out.resize(at + until - from, 0);
        let block = &mut out[at..];
        for input in others {
            fold(operation, block, cut(input, from, until));
        }
    }
}

/// Joins `input`, followed by zeros, into `block`.
fn fold(operation: Operation, block: &mut [u8], input: &[u8]) {
    let (both, beyond) = block.split_at_mut(input.len());
    let pairs = both.iter_mut().zip(input);
    // Loops this plain are compiled to whole vectors.
    match operation {
        Operation::And => {
            pairs.for_each(|(byte, other)| *byte &= other);
            beyond.fill(0);
        }
        Operation::Or => pairs.for_each(|(byte, other)| *byte |= other),
        Operation::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
        Operation::Not => unreachable!("a Not has no second input"),
    }
}

/// The part of `input` between two places, either of which may lie beyond its end.
fn cut(input: &[u8], from: usize, until: usize) -> &[u8] {
    &input[from.min(input.len())..until.min(input.len())]
}

/// The first byte that is not `skipped`.
fn first_other(bytes: &[u8], skipped: u8) -> Option<usize> {
    const WORDS: usize = 8;
    let (blocks, _) = bytes.as_chunks::<{ 8 * WORDS }>();
    let same = blocks
        .iter()
        .take_while(|block| block.iter().fold(0, |others, byte| others | byte ^ skipped) == 0)
        .count();
    let from = same * 8 * WORDS;
    let index = bytes[from..].iter().position(|&byte| byte != skipped)?;
    Some(from + index)
}

fn bits_of_bytes(bytes: Range<u64>) -> Range<u64> {
    bytes.start * 8..bytes.end * 8
}

fn mask_of(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

/// Of the byte that holds it, the bit at `offset` and those after it.
fn from_bit(offset: u64) -> u8 {
    0xff >> (offset % 8)
}

/// Of the byte that holds it, the bit at `offset` and those before it.
fn up_to_bit(offset: u64) -> u8 {
    !(0x7f >> (offset % 8))
}

/// Sums of the words added so far, per place of the word: ones, twos, fours, eights.
#[derive(Default)]
struct Carried {
    ones: u64,
    twos: u64,
    fours: u64,
    eights: u64,
}

impl Carried {
    /// Adds 16 words, and returns the sixteens that are full.
    fn add(&mut self, group: &[[u8; 8]; GROUP_WORDS]) -> u64 {
        let word = |index: usize| u64::from_ne_bytes(group[index]);
        let mut eights = [0; 2];
        for (half, eight) in eights.iter_mut().enumerate() {
            let mut fours = [0; 2];
            for (quarter, four) in fours.iter_mut().enumerate() {
                let at = 8 * half + 4 * quarter;
                let left = full_add(&mut self.ones, word(at), word(at + 1));
                let right = full_add(&mut self.ones, word(at + 2), word(at + 3));
                *four = full_add(&mut self.twos, left, right);
            }
            *eight = full_add(&mut self.fours, fours[0], fours[1]);
        }
        full_add(&mut self.eights, eights[0], eights[1])
    }

    fn count(&self) -> u64 {
        [
            (self.ones, 1),
            (self.twos, 2),
            (self.fours, 4),
            (self.eights, 8),
        ]
        .iter()
        .map(|(word, worth)| u64::from(word.count_ones()) * worth)
        .sum()
    }
}

/// Adds `left` and `right` to `sum` in each place, and returns the carries.
#[inline]
fn full_add(sum: &mut u64, left: u64, right: u64) -> u64 {
    let differ = *sum ^ left;
    let carry = (*sum & left) | (differ & right);
    *sum = differ ^ right;
    carry
}
