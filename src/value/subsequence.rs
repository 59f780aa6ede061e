//! The longest common subsequence of two texts, and which one of the many: LCS.
//!
//! Stock fills a table of lengths, one for each pair of prefixes, and walks back through it from
//! the ends: equal bytes are taken; else it drops a byte of the first text where that loses
//! nothing and dropping one of the second would, and one of the second in every other case.
//!
//! Here a row of the table is one bit per byte of the second text: whether the length grows there
//! (Crochemore et al., "A fast and practical bit-vector algorithm for the longest common
//! subsequence problem", 2001). Additions of whole words make a row from the one before. Where two
//! bytes differ, the length grows in a row exactly when dropping the byte of the second text would
//! lose one, so the bits are all that the walk asks. This takes 1/32 of stock's memory and about
//! 1/64 of its steps.

use std::ops::Range;

/// Why two texts are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LcsFault {
    /// `ERR String too long for LCS`
    TooLong,
    /// `ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len`
    TooMuchMemory,
}

/// Bytes that follow each other in both texts and belong to the subsequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    first_start: usize,
    second_start: usize,
    len: usize,
}

impl Match {
    /// Where it stands in the first text.
    pub fn in_first(&self) -> Range<usize> {
        self.first_start..self.first_start + self.len
    }

    /// Where it stands in the second text.
    pub fn in_second(&self) -> Range<usize> {
        self.second_start..self.second_start + self.len
    }

    /// At least 1.
    #[expect(clippy::len_without_is_empty, reason = "a match is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }
}

/// Whether stock would compare texts of these lengths, with `bytes_max` its setting
/// proto-max-bulk-len: its table has 4 bytes for each pair of prefixes. It bounds our time and
/// memory as well, so every caller asks.
pub fn admit(first_len: usize, second_len: usize, bytes_max: u64) -> Result<(), LcsFault> {
    let len_max = u32::MAX as usize - 1;
    if first_len >= len_max || second_len >= len_max {
        return Err(LcsFault::TooLong);
    }
    let bytes = (first_len as u128 + 1) * (second_len as u128 + 1) * 4;
    if bytes > u128::from(bytes_max) {
        return Err(LcsFault::TooMuchMemory);
    }
    Ok(())
}

/// Bytes of the longest common subsequence.
pub fn common_len(first: &[u8], second: &[u8]) -> usize {
    let places = Places::of(first, second);
    let mut row = Row::start(second.len());
    first
        .iter()
        .for_each(|&byte| row.advance(places.of_byte(byte)));
    row.grows
        .iter()
        .map(|word| word.count_ones() as usize)
        .sum()
}

/// The subsequence that stock answers with.
pub fn common_text(first: &[u8], second: &[u8]) -> Vec<u8> {
    let found = matches(first, second);
    let len = found.iter().map(Match::len).sum();
    let mut text = Vec::with_capacity(len);
    for found in found.iter().rev() {
        text.extend_from_slice(&first[found.in_first()]);
    }
    text
}

/// The same subsequence as pieces that stand in both texts, the last one first, as
/// `LCS ... IDX` lists them.
pub fn matches(first: &[u8], second: &[u8]) -> Vec<Match> {
    let table = Table::fill(first, second);
    let mut found: Vec<Match> = Vec::new();
    let (mut first_left, mut second_left) = (first.len(), second.len());
    let mut goes_on = false;
    while first_left > 0 && second_left > 0 {
        if first[first_left - 1] == second[second_left - 1] {
            first_left -= 1;
            second_left -= 1;
            match found.last_mut() {
                Some(last) if goes_on => {
                    last.first_start = first_left;
                    last.second_start = second_left;
                    last.len += 1;
                }
                _ => found.push(Match {
                    first_start: first_left,
                    second_start: second_left,
                    len: 1,
                }),
            }
            goes_on = true;
        } else {
            if table.grows(first_left - 1, second_left - 1) {
                first_left -= 1;
            } else {
                second_left -= 1;
            }
            goes_on = false;
        }
    }
    found
}

/// Where each byte that the first text has stands in the second: a bit per place.
struct Places {
    /// Which row of `bits` is a byte's.
    rows: [usize; 256],
    bits: Vec<u64>,
    words: usize,
}

impl Places {
    fn of(first: &[u8], second: &[u8]) -> Self {
        let words = second.len().div_ceil(64);
        // Row 0 is never read: bytes that the first text lacks share it.
        let mut rows = [0; 256];
        let mut count = 1;
        for &byte in first {
            let row = &mut rows[usize::from(byte)];
            if *row == 0 {
                *row = count;
                count += 1;
            }
        }
        let mut bits = vec![0; count * words];
        for (at, &byte) in second.iter().enumerate() {
            bits[rows[usize::from(byte)] * words + at / 64] |= 1 << (at % 64);
        }
        Self { rows, bits, words }
    }

    fn of_byte(&self, byte: u8) -> &[u64] {
        let start = self.rows[usize::from(byte)] * self.words;
        &self.bits[start..start + self.words]
    }
}

/// Where in the second text the length grows, for one prefix of the first.
struct Row {
    grows: Vec<u64>,
}

impl Row {
    /// Of the empty prefix: nowhere.
    fn start(len: usize) -> Self {
        Self {
            grows: vec![0; len.div_ceil(64)],
        }
    }

    /// Takes one more byte of the first text, which the second has at `places`.
    ///
    /// Between one place of growth and the next, the first of `places` becomes one, in exchange
    /// for the place that ended the stretch. With growth as zeros, adding the places that do not
    /// grow to the row carries each of them up to that end.
    fn advance(&mut self, places: &[u64]) {
        let mut carry = false;
        for (grows, places) in self.grows.iter_mut().zip(places) {
            let flat = !*grows;
            let taken = flat & places;
            let (sum, carried) = flat.carrying_add(taken, carry);
            carry = carried;
            *grows = !(sum | (flat & !places));
        }
    }
}

/// The rows of every prefix of the first text, a bit per byte of the second.
struct Table {
    bits: Vec<u8>,
    /// A row is cut to whole bytes: a second text of a few bytes wastes no word for each of many
    /// rows.
    row_bytes: usize,
}

impl Table {
    fn fill(first: &[u8], second: &[u8]) -> Self {
        let places = Places::of(first, second);
        let mut row = Row::start(second.len());
        let row_bytes = second.len().div_ceil(8);
        // The last row is cut after it is written whole.
        let mut bits = Vec::with_capacity(first.len() * row_bytes + 8);
        for &byte in first {
            row.advance(places.of_byte(byte));
            let start = bits.len();
            for word in &row.grows {
                bits.extend_from_slice(&word.to_le_bytes());
            }
            bits.truncate(start + row_bytes);
        }
        Self { bits, row_bytes }
    }

    /// Whether the length grows at a place of the second text, for the prefix of the first that
    /// ends with `first_at`.
    fn grows(&self, first_at: usize, second_at: usize) -> bool {
        let byte = self.bits[first_at * self.row_bytes + second_at / 8];
        byte >> (second_at % 8) & 1 == 1
    }
}
