//! The buckets that take what does not fit into a bucket of the table: one
//! list per database or dictionary, cut into chunks. A full chunk never moves.
//!
//! Numbers begin at 1, so that 0 in a bucket's link means none. Freed buckets
//! are chained through the same link. When none is in use any more, counting
//! begins again and the chunks go, one at each later call: freeing all of
//! them at once would be a pause.

use super::bucket::Bucket;

/// Buckets in one chunk: 64 KiB.
const CHUNK: usize = 1024;

pub struct Arena<C> {
    chunks: Vec<Vec<Bucket<C>>>,
    /// The first free bucket, 0 for none.
    free: u32,
    /// Numbers handed out since counting began, freed ones included.
    numbered: usize,
    used: usize,
}

impl<C> Default for Arena<C> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            free: 0,
            numbered: 0,
            used: 0,
        }
    }
}

impl<C> Arena<C> {
    #[inline]
    pub fn get(&self, number: u32) -> &Bucket<C> {
        let index = number as usize - 1;
        &self.chunks[index / CHUNK][index % CHUNK]
    }

    #[inline]
    pub fn get_mut(&mut self, number: u32) -> &mut Bucket<C> {
        let index = number as usize - 1;
        &mut self.chunks[index / CHUNK][index % CHUNK]
    }

    /// An empty bucket whose link is `next`.
    pub fn take(&mut self, next: u32) -> u32 {
        self.used += 1;
        let number = if self.free != 0 {
            let number = self.free;
            self.free = self.get(number).overflow;
            number
        } else {
            self.number_one_more()
        };
        let bucket = self.get_mut(number);
        debug_assert!(bucket.is_empty(), "a free bucket holds nothing");
        bucket.overflow = next;
        number
    }

    fn number_one_more(&mut self) -> u32 {
        let (chunk, within) = (self.numbered / CHUNK, self.numbered % CHUNK);
        if chunk == self.chunks.len() {
            self.chunks.push(Vec::new());
        }
        let chunk = &mut self.chunks[chunk];
        if within == chunk.len() {
            if within == chunk.capacity() {
                // A quarter more at a time: a small table's arena is small.
                chunk.reserve_exact((within / 4).clamp(1, CHUNK - within));
            }
            chunk.push(Bucket::EMPTY);
        }
        self.numbered += 1;
        u32::try_from(self.numbered).expect("fewer than 2^32 buckets overflow")
    }

    /// Gives a bucket back and returns what it held.
    pub fn free(&mut self, number: u32) -> Bucket<C> {
        let freed = Bucket {
            overflow: self.free,
            ..Bucket::EMPTY
        };
        let held = std::mem::replace(self.get_mut(number), freed);
        self.free = number;
        self.used -= 1;
        if self.used == 0 {
            self.free = 0;
            self.numbered = 0;
        }
        self.drop_chunk();
        held
    }

    /// How many chunks there are.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Bytes of all chunks.
    pub fn allocated_bytes(&self) -> usize {
        let buckets: usize = self.chunks.iter().map(Vec::capacity).sum();
        buckets * size_of::<Bucket<C>>()
    }

    /// Frees a chunk beyond the numbered ones; `false` when there is none.
    pub fn drop_chunk(&mut self) -> bool {
        self.chunks.len() > self.numbered.div_ceil(CHUNK).max(1) && self.chunks.pop().is_some()
    }
}
