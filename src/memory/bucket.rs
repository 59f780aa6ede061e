//! One cache line of the table: seven lanes, a version, a link.
//!
//! ```text
//! 0        8        …        56        60         64
//! | lane 0 | lane 1 | … lane 6 | version | overflow |
//! ```
//!
//! All zero bytes are an empty bucket. `version` is kept for snapshots: a
//! bucket whose version is older than a snapshot's is written out before it
//! changes. `overflow` is the number of a bucket in the arena, 0 for none.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "comparing seven tags at once takes SSE2")
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_packs_epi32, _mm_packus_epi16, _mm_set_epi64x,
    _mm_set1_epi8, _mm_srli_epi64,
};

use super::Entry;

/// Entries in one bucket.
pub const LANES: usize = 7;

/// 64 bytes: one line of the processor's cache.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Bucket<C> {
    pub lanes: [Option<Entry<C>>; LANES],
    pub version: u32,
    pub overflow: u32,
}

const _: () = assert!(size_of::<Bucket<String>>() == 64);

impl<C> Bucket<C> {
    pub const EMPTY: Self = Self {
        lanes: [const { None }; LANES],
        version: 0,
        overflow: 0,
    };

    /// The lanes whose tag is `tag`: bit `2 × lane` of the answer.
    #[inline]
    pub fn matches(&self, tag: u8) -> u32 {
        let words = std::array::from_fn(|lane| self.lanes[lane].as_ref().map_or(0, Entry::word));
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every processor of this architecture has SSE2.
        let matches = unsafe { matches_sse2(words, tag) };
        #[cfg(not(target_arch = "x86_64"))]
        let matches = matches_portable(words, tag);
        debug_assert_eq!(matches, matches_portable(words, tag));
        matches
    }

    /// Puts `entry` into a free lane, or gives it back when there is none.
    #[inline]
    pub fn put(&mut self, entry: Entry<C>) -> Result<(), Entry<C>> {
        match self.lanes.iter_mut().find(|lane| lane.is_none()) {
            Some(lane) => {
                *lane = Some(entry);
                Ok(())
            }
            None => Err(entry),
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(Option::is_none)
    }

    #[inline]
    pub fn entries(&self) -> impl Iterator<Item = &Entry<C>> {
        self.lanes.iter().flatten()
    }
}

/// The slow twin of `matches_sse2`.
#[inline]
fn matches_portable(words: [u64; LANES], tag: u8) -> u32 {
    let lanes = words.into_iter().enumerate();
    lanes.fold(0, |bits, (lane, word)| {
        bits | u32::from((word >> 56) as u8 == tag) << (2 * lane)
    })
}

/// Packs the seven top bytes into one register and compares them at once.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn matches_sse2(words: [u64; LANES], tag: u8) -> u32 {
    let two = |low: u64, high: u64| _mm_srli_epi64::<56>(_mm_set_epi64x(high as i64, low as i64));
    let low = _mm_packs_epi32(two(words[0], words[1]), two(words[2], words[3]));
    let high = _mm_packs_epi32(two(words[4], words[5]), two(words[6], 0));
    // Eight tags of 16 bits. A tag is not zero, so the odd bytes and the
    // eighth tag do not match.
    let tags = _mm_packus_epi16(low, high);
    _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(tag as i8))) as u32
}
