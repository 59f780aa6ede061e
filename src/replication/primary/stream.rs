//! The bytes of a history that are still here: the backlog, and beyond it what
//! a link has not been sent yet.
//!
//! The newest bytes are in memory. What must be kept beyond a bound of memory
//! goes to an `Overflow`, a file, oldest first; so the bytes that are here are
//! always one range without holes: on disk, then in memory.

use std::collections::VecDeque;

use bytes::Bytes;

/// Where bytes go for which there is no room in memory.
pub trait Overflow {
    /// Appends bytes.
    ///
    /// # Errors
    /// In words for the log; nothing was appended.
    fn append(&mut self, bytes: &[u8]) -> Result<(), String>;

    /// So many bytes from this place on, of those that were appended.
    ///
    /// # Errors
    /// In words for the log.
    fn read(&mut self, at: u64, len: usize) -> Result<Vec<u8>, String>;

    /// Forgets everything.
    fn clear(&mut self);
}

/// Bytes of a read from the overflow.
const READ_BYTES: u64 = 256 << 10;

/// Bytes that are put into the overflow at once.
const SPILL_BYTES: u64 = 256 << 10;

/// Longer pieces are cut down when most of one is not needed.
const LARGE_BYTES: usize = 256 << 10;

/// See the module. The bytes of a history are numbered from 1, as PSYNC does.
#[derive(Debug)]
pub struct Stream<O> {
    /// With the number of each first byte.
    chunks: VecDeque<(u64, Bytes)>,
    /// Bytes in `chunks`.
    in_memory: u64,
    /// The number of the last byte there ever was.
    end: u64,
    overflow: O,
    spilled: Option<Spilled>,
}

/// Numbers of the bytes in the overflow.
#[derive(Clone, Copy, Debug)]
struct Spilled {
    /// The first that was appended.
    origin: u64,
    /// The first that is still needed.
    first: u64,
    /// One behind the last.
    behind: u64,
}

impl<O: Overflow> Stream<O> {
    /// One without bytes, of a history that has come to this offset.
    pub fn new(end: u64, overflow: O) -> Stream<O> {
        Stream {
            chunks: VecDeque::new(),
            in_memory: 0,
            end,
            overflow,
            spilled: None,
        }
    }

    /// The number of the first byte that is here, or of the next to come.
    pub fn first(&self) -> u64 {
        match (&self.spilled, self.chunks.front()) {
            (Some(spilled), _) => spilled.first,
            (None, Some((first, _))) => *first,
            (None, None) => self.end + 1,
        }
    }

    /// The number of the last byte: the history's offset.
    pub fn end(&self) -> u64 {
        self.end
    }

    #[cfg(test)]
    pub(crate) fn overflow(&mut self) -> &mut O {
        &mut self.overflow
    }

    /// Bytes in memory.
    pub fn in_memory(&self) -> u64 {
        self.in_memory
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let len = bytes.len() as u64;
        self.chunks.push_back((self.end + 1, bytes));
        self.in_memory += len;
        self.end += len;
    }

    /// Some of the bytes from this number on; none behind the last.
    ///
    /// # Errors
    /// When the overflow cannot be read.
    ///
    /// # Panics
    /// When the byte is not here any more.
    pub fn read(&mut self, from: u64) -> Result<Bytes, String> {
        assert!(from >= self.first(), "byte {from} is gone");
        if from > self.end {
            return Ok(Bytes::new());
        }
        if let Some(spilled) = &self.spilled
            && from < spilled.behind
        {
            let len = READ_BYTES.min(spilled.behind - from) as usize;
            return Ok(self.overflow.read(from - spilled.origin, len)?.into());
        }
        let (first, bytes) = &self.chunks[self.chunk_of(from)];
        Ok(bytes.slice((from - first) as usize..))
    }

    /// Where in `chunks` a byte is that is there. Most links are near the end, and a
    /// backlog may have a million chunks, each a line of memory elsewhere: so the end is
    /// looked at first, then twice as far back, and so on.
    fn chunk_of(&self, byte: u64) -> usize {
        let is_behind = |at: usize| self.chunks[at].0 > byte;
        let (mut behind, mut step) = (self.chunks.len(), 1);
        let mut at = behind.saturating_sub(step);
        while at > 0 && is_behind(at) {
            behind = at;
            step *= 2;
            at = at.saturating_sub(step);
        }
        let (mut from, mut up_to) = (at, behind);
        while up_to - from > 1 {
            let middle = from.midpoint(up_to);
            if is_behind(middle) {
                up_to = middle;
            } else {
                from = middle;
            }
        }
        from
    }

    /// Lets go of what is neither among the last `backlog` bytes nor needed, from
    /// this number on; of the rest, what does not fit into this much memory goes
    /// to the overflow.
    ///
    /// # Errors
    /// When the overflow cannot be written; what is needed is in memory then.
    pub fn trim(&mut self, backlog: u64, needed: Option<u64>, memory: u64) -> Result<(), String> {
        let kept = (self.end + 1).saturating_sub(backlog);
        let from = needed.map_or(kept, |needed| needed.min(kept));
        if let Some(spilled) = &mut self.spilled {
            spilled.first = spilled.first.max(from);
            if spilled.first >= spilled.behind {
                self.spilled = None;
                self.overflow.clear();
            }
        }
        while self.spilled.is_none()
            && let Some((first, bytes)) = self.chunks.front()
            && first + bytes.len() as u64 <= from
        {
            self.in_memory -= bytes.len() as u64;
            self.chunks.pop_front();
        }
        if self.spilled.is_none() {
            self.cut_down_first(from);
        }
        if self.in_memory <= memory.max(backlog) {
            return Ok(());
        }
        // Some of it at once, so that the file is not written for every slice.
        let least = memory - SPILL_BYTES.min(memory / 2);
        while self.in_memory > least.max(backlog) {
            self.spill(self.in_memory - least.max(backlog))?;
        }
        Ok(())
    }

    /// Appends the oldest pieces in memory to the overflow, until it is so many bytes or
    /// what is written at once.
    fn spill(&mut self, wanted: u64) -> Result<(), String> {
        let wanted = wanted.min(SPILL_BYTES) as usize;
        let Some((origin, front)) = self.chunks.front() else {
            return Ok(());
        };
        let origin = *origin;
        // Slices of single requests are some tens of bytes, and a write costs as much as
        // copying thousands.
        let (mut together, mut count) = (Vec::new(), 1);
        if front.len() < wanted {
            together.reserve(SPILL_BYTES as usize);
            let lengths = self.chunks.iter().scan(0, |sum, (_, bytes)| {
                let before = *sum;
                *sum += bytes.len();
                Some(before)
            });
            count = lengths.take_while(|before| *before < wanted).count();
            let taken = self.chunks.iter().take(count);
            taken.for_each(|(_, bytes)| together.extend_from_slice(bytes));
        }
        let bytes: &[u8] = if count == 1 { front } else { &together };
        self.overflow.append(bytes)?;
        let len = bytes.len() as u64;
        let spilled = self.spilled.get_or_insert(Spilled {
            origin,
            first: origin,
            behind: origin,
        });
        spilled.behind = origin + len;
        self.in_memory -= len;
        drop(self.chunks.drain(..count));
        Ok(())
    }

    /// Of a large first piece the part from this number on is copied, once it is the
    /// smaller one, so that what one request of many megabytes took is given back.
    /// What is copied is less than what goes, so a byte is copied twice at most, on
    /// average.
    fn cut_down_first(&mut self, from: u64) {
        let Some((first, bytes)) = self.chunks.front_mut() else {
            return;
        };
        let gone = from.saturating_sub(*first) as usize;
        if bytes.len() > LARGE_BYTES && gone > bytes.len() / 2 {
            *bytes = Bytes::copy_from_slice(&bytes[gone..]);
            *first = from;
            self.in_memory -= gone as u64;
        }
    }

    /// Forgets every byte, and goes on behind this offset.
    pub fn restart(&mut self, end: u64) {
        self.chunks.clear();
        self.in_memory = 0;
        self.end = end;
        if self.spilled.take().is_some() {
            self.overflow.clear();
        }
    }
}
