//! The entries of one hash slot: a linear-hashing table.
//!
//! With `n` buckets, `2^k < n <= 2^(k+1)`, a hash goes to its low `k + 1`
//! bits if there is such a bucket, else to its low `k` bits. Growing adds
//! bucket `n` and moves to it the half of bucket `n - 2^k` whose bit `k` is
//! set; shrinking takes the last bucket back. Either touches one bucket, so
//! no insert ever waits for the table, whatever its size.
//!
//! A bucket grows when seven lanes would be filled to 0.85 on average and
//! shrinks below 0.3: 64 / (7 × 0.85) = 10.8 bytes per key, and about a
//! quarter of the buckets have one more in the arena.
//!
//! **Walking.** A position is a hash with its bits reversed. A bucket that
//! is addressed by `b` bits holds exactly the positions that begin with these
//! bits, one range of length 2^(32 - b); ranges are walked upwards. Growing
//! halves a range and shrinking joins two, so what lies below a position has
//! been seen, whatever happened in between.

use super::Entry;
use super::arena::Arena;
use super::bucket::{Bucket, LANES};
use super::segments::Segments;
use super::slots::Among;

/// Hundredths of a lane filled on average, when a bucket is added.
const SPLIT_PERCENT: u64 = 85;

/// Below this, one is taken away.
const MERGE_PERCENT: u64 = 30;

/// Buckets between the one that is walked over and the one whose entries are asked for.
const BUCKETS_AHEAD: usize = 2;

/// Computes a key's hash again, when its bucket is split.
pub type Rehash<'h> = &'h dyn Fn(&[u8]) -> u64;

/// The tag is the top byte of the hash; zero marks an empty lane.
#[inline]
pub fn tag_of(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

/// Where an entry is. Holds until the table is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub home: u32,
    /// Number of the arena's bucket, 0 for the home bucket itself.
    pub overflow: u32,
    pub lane: u32,
}

/// 32 bytes.
pub struct Table<C> {
    segments: Segments<C>,
    pub len: u32,
    /// Entries with a deadline.
    pub volatile: u32,
}

const _: () = assert!(size_of::<Table<()>>() == 32);

impl<C> Table<C> {
    pub const EMPTY: Self = Self {
        segments: Segments::EMPTY,
        len: 0,
        volatile: 0,
    };

    /// How many such entries there are.
    #[inline]
    pub fn held(&self, among: Among) -> u32 {
        match among {
            Among::All => self.len,
            Among::Volatile => self.volatile,
        }
    }

    pub fn buckets(&self) -> usize {
        self.segments.len()
    }

    /// The bucket of a hash. There is at least one.
    #[inline]
    pub fn home(&self, hash: u64) -> usize {
        let buckets = self.segments.len() as u32;
        // All ones below the highest bit of the last bucket's number.
        let mask = (1u32 << (32 - (buckets - 1).leading_zeros())).wrapping_sub(1);
        let index = hash as u32 & mask;
        (if index < buckets {
            index
        } else {
            index & mask >> 1
        }) as usize
    }

    #[inline]
    fn bucket<'a>(&'a self, arena: &'a Arena<C>, home: u32, overflow: u32) -> &'a Bucket<C> {
        if overflow == 0 {
            self.segments.get(home as usize)
        } else {
            arena.get(overflow)
        }
    }

    #[inline]
    fn bucket_mut<'a>(
        &'a mut self,
        arena: &'a mut Arena<C>,
        home: u32,
        overflow: u32,
    ) -> &'a mut Bucket<C> {
        if overflow == 0 {
            self.segments.get_mut(home as usize)
        } else {
            arena.get_mut(overflow)
        }
    }

    #[inline]
    pub fn find(&self, arena: &Arena<C>, hash: u64, key: &[u8]) -> Option<Place> {
        if self.len == 0 {
            return None;
        }
        let home = self.home(hash);
        let tag = tag_of(hash);
        let mut bucket = self.segments.get(home);
        let mut overflow = 0;
        loop {
            let mut matches = bucket.matches(tag);
            while matches != 0 {
                let lane = matches.trailing_zeros() / 2;
                if let Some(Some(entry)) = bucket.lanes.get(lane as usize)
                    && entry.key() == key
                {
                    return Some(Place {
                        home: home as u32,
                        overflow,
                        lane,
                    });
                }
                matches &= matches - 1;
            }
            overflow = bucket.overflow;
            if overflow == 0 {
                return None;
            }
            bucket = arena.get(overflow);
        }
    }

    #[inline]
    pub fn entry<'a>(&'a self, arena: &'a Arena<C>, place: Place) -> &'a Entry<C> {
        self.bucket(arena, place.home, place.overflow).lanes[place.lane as usize]
            .as_ref()
            .expect("a place is used before the table changes")
    }

    #[inline]
    pub fn entry_mut<'a>(&'a mut self, arena: &'a mut Arena<C>, place: Place) -> &'a mut Entry<C> {
        self.bucket_mut(arena, place.home, place.overflow).lanes[place.lane as usize]
            .as_mut()
            .expect("a place is used before the table changes")
    }

    /// The bucket that one more entry splits.
    #[inline]
    fn to_be_split(&self) -> Option<usize> {
        let keys = u64::from(self.len) + 1;
        let buckets = self.segments.len();
        let is_full = keys * 100 > (buckets * LANES) as u64 * SPLIT_PERCENT;
        (buckets > 0 && is_full).then(|| buckets - (1 << buckets.ilog2()))
    }

    /// Whether so many entries need a bucket less than there are.
    #[inline]
    fn is_roomy(&self, entries: u32) -> bool {
        let lanes = (self.segments.len() * LANES) as u64;
        self.segments.len() > 1 && u64::from(entries) * 100 < lanes * MERGE_PERCENT
    }

    /// The last bucket and the one it is merged into, if that happens with one
    /// entry less.
    pub fn to_be_merged(&self) -> Option<[usize; 2]> {
        let left = self.len - 1;
        (left > 0 && self.is_roomy(left)).then(|| self.last_two())
    }

    /// The last bucket and the one it was split from.
    fn last_two(&self) -> [usize; 2] {
        let last = self.segments.len() - 1;
        [last, last - (1 << last.ilog2())]
    }

    /// Adds the first bucket, written as of this version.
    pub fn begin(&mut self, version: u32) {
        self.segments.push();
        self.segments.get_mut(0).version = version;
    }

    /// See `Bucket`.
    pub fn version(&self, home: usize) -> u32 {
        self.segments.get(home).version
    }

    pub fn set_version(&mut self, home: usize, version: u32) {
        self.segments.get_mut(home).version = version;
    }

    /// Gives a table that has no entries the buckets of one to which so many were added, one by
    /// one. Those it is given then split nothing.
    pub fn make_room(&mut self, entries: usize) {
        assert!(self.len == 0, "nothing is moved to another bucket");
        let lanes_percent = LANES as u64 * SPLIT_PERCENT;
        let buckets = (entries as u64 * 100).div_ceil(lanes_percent);
        while (self.segments.len() as u64) < buckets {
            self.segments.push();
        }
    }

    /// Copies every entry into a table that was given room and no entries.
    pub fn copy_into(&self, arena: &Arena<C>, copy: &mut Self, copy_arena: &mut Arena<C>)
    where
        Entry<C>: Clone,
    {
        // All hashes in a bucket end in its number: they go to one bucket of a table that has no
        // more of them.
        assert!(copy.buckets() <= self.buckets(), "none is split");
        for home in (0..self.segments.len()).filter(|_| self.len > 0) {
            self.prefetch_entries(arena, home + BUCKETS_AHEAD);
            let into = copy.home(home as u64);
            for entry in self.chain(arena, home) {
                copy.len += 1;
                copy.volatile += u32::from(entry.has_deadline());
                copy.push(copy_arena, into, entry.clone());
            }
        }
    }

    /// Fetches the entries of a bucket, if there is one of this number.
    #[inline]
    fn prefetch_entries(&self, arena: &Arena<C>, home: usize) {
        if home < self.segments.len() {
            self.chain(arena, home).for_each(Entry::prefetch);
        }
    }

    /// Adds an entry whose key is not there.
    pub fn insert(&mut self, arena: &mut Arena<C>, hash: u64, entry: Entry<C>, rehash: Rehash<'_>) {
        if self.segments.len() == 0 {
            self.segments.push();
        } else if let Some(source) = self.to_be_split() {
            self.split(arena, source, rehash);
        }
        self.len += 1;
        self.volatile += u32::from(entry.has_deadline());
        self.push(arena, self.home(hash), entry);
    }

    /// Puts an entry into the first free lane of a chain.
    fn push(&mut self, arena: &mut Arena<C>, home: usize, entry: Entry<C>) {
        let bucket = self.segments.get_mut(home);
        let Err(mut entry) = bucket.put(entry) else {
            return;
        };
        let first = bucket.overflow;
        let mut next = first;
        while next != 0 {
            let bucket = arena.get_mut(next);
            match bucket.put(entry) {
                Ok(()) => return,
                Err(back) => entry = back,
            }
            next = bucket.overflow;
        }
        let fresh = arena.take(first);
        self.segments.get_mut(home).overflow = fresh;
        if arena.get_mut(fresh).put(entry).is_err() {
            unreachable!("a fresh bucket has free lanes");
        }
    }

    /// Adds one bucket and moves to it what belongs there.
    fn split(&mut self, arena: &mut Arena<C>, source: usize, rehash: Rehash<'_>) {
        let fresh = self.segments.len();
        let bit = fresh - source;
        self.segments.push();
        let bucket = self.segments.get_mut(source);
        let version = bucket.version;
        bucket.entries().for_each(Entry::prefetch);
        let held = std::mem::replace(
            bucket,
            Bucket {
                version,
                ..Bucket::EMPTY
            },
        );
        self.segments.get_mut(fresh).version = version;
        self.spread(arena, held, |entry| {
            if rehash(entry.key()) as usize & bit == 0 {
                source
            } else {
                fresh
            }
        });
    }

    /// Puts the entries of a detached chain where `home` says.
    fn spread(
        &mut self,
        arena: &mut Arena<C>,
        mut held: Bucket<C>,
        home: impl Fn(&Entry<C>) -> usize,
    ) {
        loop {
            for entry in held.lanes.into_iter().flatten() {
                let home = home(&entry);
                self.push(arena, home, entry);
            }
            if held.overflow == 0 {
                return;
            }
            held = arena.free(held.overflow);
        }
    }

    /// Takes the last bucket back into the one it was split from.
    fn merge(&mut self, arena: &mut Arena<C>) {
        let [_, into] = self.last_two();
        let held = self.segments.pop();
        let bucket = self.segments.get_mut(into);
        bucket.version = bucket.version.max(held.version);
        self.spread(arena, held, |_| into);
    }

    /// Takes an entry out; the chain stays without holes in its overflow.
    pub fn remove(&mut self, arena: &mut Arena<C>, place: Place) -> Entry<C> {
        let bucket = self.bucket_mut(arena, place.home, place.overflow);
        let entry = bucket.lanes[place.lane as usize]
            .take()
            .expect("a place is used before the table changes");
        self.len -= 1;
        self.volatile -= u32::from(entry.has_deadline());
        let first = self.segments.get(place.home as usize).overflow;
        if first != 0 {
            self.refill(arena, place, first);
        }
        if self.len == 0 {
            self.segments = Segments::EMPTY;
        } else if self.is_roomy(self.len) {
            self.merge(arena);
        }
        entry
    }

    /// Fills a hole from the first overflow bucket, and frees that when empty.
    fn refill(&mut self, arena: &mut Arena<C>, hole: Place, first: u32) {
        if hole.overflow != first {
            let lanes = &mut arena.get_mut(first).lanes;
            let moved = lanes.iter_mut().rev().find_map(Option::take);
            let bucket = self.bucket_mut(arena, hole.home, hole.overflow);
            bucket.lanes[hole.lane as usize] = moved;
        }
        let bucket = arena.get_mut(first);
        if bucket.is_empty() {
            self.segments.get_mut(hole.home as usize).overflow = bucket.overflow;
            arena.free(first);
        }
    }

    /// Takes the last bucket away and hands out its entries; `false` when none
    /// is left.
    pub fn drop_bucket(&mut self, arena: &mut Arena<C>, mut dropped: impl FnMut(Entry<C>)) -> bool {
        if self.segments.len() == 0 {
            return false;
        }
        let mut held = self.segments.pop();
        loop {
            for entry in held.lanes.into_iter().flatten() {
                self.len -= 1;
                self.volatile -= u32::from(entry.has_deadline());
                dropped(entry);
            }
            if held.overflow == 0 {
                return true;
            }
            held = arena.free(held.overflow);
        }
    }

    /// The entries of one bucket and its overflow.
    pub fn chain<'a>(
        &'a self,
        arena: &'a Arena<C>,
        home: usize,
    ) -> impl Iterator<Item = &'a Entry<C>> {
        std::iter::successors(Some(self.segments.get(home)), |bucket| {
            (bucket.overflow != 0).then(|| arena.get(bucket.overflow))
        })
        .flat_map(Bucket::entries)
    }

    /// Visits the entries of one bucket and its overflow.
    pub fn each_mut(
        &mut self,
        arena: &mut Arena<C>,
        home: usize,
        mut visit: impl FnMut(&mut Entry<C>),
    ) {
        let mut overflow = 0;
        loop {
            let bucket = self.bucket_mut(arena, home as u32, overflow);
            bucket.lanes.iter_mut().flatten().for_each(&mut visit);
            overflow = bucket.overflow;
            if overflow == 0 {
                return;
            }
        }
    }

    /// Every entry, bucket by bucket.
    pub fn iter<'a>(&'a self, arena: &'a Arena<C>) -> impl Iterator<Item = &'a Entry<C>> {
        (0..self.segments.len()).flat_map(|home| {
            self.prefetch_entries(arena, home + BUCKETS_AHEAD);
            self.chain(arena, home)
        })
    }

    /// Bytes of the buckets, without those in the arena.
    pub fn allocated_bytes(&self) -> usize {
        self.segments.allocated_bytes()
    }

    /// Visits the bucket at `position` and returns the next position, or
    /// `None` after the last bucket.
    pub fn visit<'a>(
        &'a self,
        arena: &'a Arena<C>,
        position: u32,
        mut visit: impl FnMut(Place, &'a Entry<C>),
    ) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let home = self.home(u64::from(position.reverse_bits())) as u32;
        let mut overflow = 0;
        loop {
            let bucket = self.bucket(arena, home, overflow);
            for (lane, entry) in bucket.lanes.iter().enumerate() {
                if let Some(entry) = entry {
                    let lane = lane as u32;
                    visit(
                        Place {
                            home,
                            overflow,
                            lane,
                        },
                        entry,
                    );
                }
            }
            overflow = bucket.overflow;
            if overflow == 0 {
                break;
            }
        }
        self.position_after(home, position)
    }

    /// The end of the range of positions bucket `home` holds.
    pub fn position_after(&self, home: u32, position: u32) -> Option<u32> {
        let buckets = self.segments.len() as u32;
        let mask = (1u32 << (32 - (buckets - 1).leading_zeros())).wrapping_sub(1);
        let full = mask.count_ones();
        // A bucket is addressed by one bit less when its other half is not
        // there yet.
        let other_half = home | (mask & !(mask >> 1));
        let bits = if other_half < buckets { full } else { full - 1 };
        // Without bits there is one bucket, which is the whole range.
        let range = 1u32.checked_shl(32 - bits).unwrap_or(0);
        if range == 0 {
            return None;
        }
        (position & !(range - 1)).checked_add(range)
    }

    /// Fetches what a walk by positions comes to next: the entries of the bucket at this
    /// one, and the bucket behind it.
    #[inline]
    pub fn prefetch_walk(&self, arena: &Arena<C>, position: u32) {
        let next = self.home(u64::from(position.reverse_bits()));
        self.prefetch_entries(arena, next);
        if let Some(behind) = self.position_after(next as u32, position) {
            self.prefetch_bucket(u64::from(behind.reverse_bits()));
        }
    }

    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if self.len != 0 {
            self.segments.prefetch(self.home(hash));
        }
    }

    /// Fetches the entries in the home bucket that may be the key's.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        if self.len == 0 {
            return;
        }
        let bucket = self.segments.get(self.home(hash));
        let matches = bucket.matches(tag_of(hash));
        if let Some(Some(entry)) = bucket.lanes.get(matches.trailing_zeros() as usize / 2) {
            entry.prefetch();
        }
    }
}
