//! Replies on their way out, in the order of their requests.
//!
//! A request that runs on another core leaves a gap; replies behind it wait in
//! line until it is filled. Without gaps, the usual case, a reply is written
//! straight into the bytes the next send takes.
//! Invariant: `line` is empty or starts with an open gap.

use std::collections::VecDeque;

/// Capacity an idle session may keep; more is given back after a send.
const KEPT_BYTES: usize = 16 * 1024;

/// Ready replies are cut here, between replies: many of them then take the
/// memory they need, and no more by a buffer's doubling.
const CHUNK_BYTES: usize = 256 * 1024;

/// Bytes of replies, unsent and expected, above which a session takes no
/// further requests: a client that does not read costs this much and one
/// reply, whatever it asks for.
const BYTES_MAX: usize = 64 << 20;

/// Replies that may be under way at other cores before their size is known,
/// and however small they are.
const GAPS_FREE: usize = 32;
const GAPS_MAX: usize = 1024;

/// A place in the line that a later reply takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap(u64);

#[derive(Debug)]
enum Piece {
    /// Waits for its reply.
    Open,
    /// A reply that came before an earlier one.
    Filled(Vec<u8>),
    /// This many bytes at the front of `held`.
    Held(usize),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Chunks that are ready, to be sent before `ready`.
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of `chunks`.
    chunked: usize,
    ready: Vec<u8>,
    line: VecDeque<Piece>,
    /// How many pieces left the line so far: the number of its first one.
    left: u64,
    /// Gaps below this number went with `abandon`.
    forgotten: u64,
    held: VecDeque<u8>,
    /// Bytes held by `Filled` pieces.
    filled: usize,
    /// Gaps not filled yet.
    open: usize,
    /// The largest reply other cores made lately, in bytes.
    largest: usize,
    /// Bytes of the send that is under way.
    in_flight: usize,
    spare: Vec<u8>,
}

impl Outbox {
    /// Takes the buffer that the next reply is appended to; `restore` gives it
    /// back. Its length before appending must be handed to `restore`.
    pub fn begin(&mut self) -> Vec<u8> {
        if self.line.is_empty() {
            std::mem::take(&mut self.ready)
        } else {
            std::mem::take(&mut self.spare)
        }
    }

    /// Ends what `begin` began.
    pub fn restore(&mut self, mut written: Vec<u8>) {
        if self.line.is_empty() {
            debug_assert!(self.ready.is_empty());
            self.ready = written;
            self.cut();
            return;
        }
        if !written.is_empty() {
            self.held.extend(&written);
            match self.line.back_mut() {
                Some(Piece::Held(len)) => *len += written.len(),
                Some(Piece::Open | Piece::Filled(_)) | None => {
                    self.line.push_back(Piece::Held(written.len()));
                }
            }
        }
        written.clear();
        if written.capacity() <= KEPT_BYTES {
            self.spare = written;
        }
    }

    /// Leaves a place for a reply that is made elsewhere.
    pub fn leave_gap(&mut self) -> Gap {
        self.line.push_back(Piece::Open);
        self.open += 1;
        Gap(self.left + self.line.len() as u64 - 1)
    }

    /// The place that the next reply takes.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.left + self.line.len() as u64
    }

    /// Whether every reply before this place has been made.
    #[must_use]
    pub fn is_past(&self, place: u64) -> bool {
        self.left >= place
    }

    /// Puts the reply into its place; drops it when `abandon` took the place.
    ///
    /// # Panics
    /// When the gap was filled before: our bug.
    pub fn fill(&mut self, gap: Gap, reply: &[u8]) {
        if gap.0 < self.forgotten {
            return;
        }
        self.open -= 1;
        self.largest = reply.len().max(self.largest - self.largest / 16).max(1);
        let index = (gap.0 - self.left) as usize;
        if index > 0 {
            let piece = &mut self.line[index];
            assert!(matches!(piece, Piece::Open), "a gap is filled once");
            *piece = Piece::Filled(reply.to_vec());
            self.filled += reply.len();
            return;
        }
        assert!(matches!(self.line.pop_front(), Some(Piece::Open)));
        self.left += 1;
        self.ready.extend_from_slice(reply);
        self.cut();
        self.advance();
    }

    /// Begins a new chunk if this one is large enough.
    fn cut(&mut self) {
        if self.ready.len() >= CHUNK_BYTES {
            let chunk = std::mem::take(&mut self.ready);
            self.chunked += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    fn advance(&mut self) {
        while let Some(piece) = self.line.front() {
            match piece {
                Piece::Open => return,
                Piece::Filled(reply) => {
                    self.ready.extend_from_slice(reply);
                    self.filled -= reply.len();
                }
                Piece::Held(len) => {
                    let len = *len;
                    let (front, back) = self.held.as_slices();
                    let first = len.min(front.len());
                    self.ready.extend_from_slice(&front[..first]);
                    self.ready.extend_from_slice(&back[..len - first]);
                    self.held.drain(..len);
                }
            }
            self.line.pop_front();
            self.left += 1;
            self.cut();
        }
    }

    /// Whether a send would find something.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.chunks.is_empty()
    }

    /// Bytes a send would find.
    #[must_use]
    pub fn ready_len(&self) -> usize {
        self.chunked + self.ready.len()
    }

    /// Whether replies are still being made elsewhere.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        !self.line.is_empty()
    }

    /// Takes what can be sent; `recycle` says that it went out.
    pub fn take_ready(&mut self) -> Vec<u8> {
        let taken = match self.chunks.pop_front() {
            Some(chunk) => {
                self.chunked -= chunk.len();
                chunk
            }
            None => std::mem::take(&mut self.ready),
        };
        self.in_flight = taken.len();
        taken
    }

    /// Gives a sent buffer back, to be written again.
    pub fn recycle(&mut self, mut sent: Vec<u8>) {
        self.in_flight = 0;
        if self.ready.capacity() == 0 && sent.capacity() <= KEPT_BYTES {
            sent.clear();
            self.ready = sent;
        }
    }

    /// Gives memory back that an idle session does not need.
    pub fn shrink(&mut self) {
        if self.ready.is_empty() {
            self.ready = Vec::new();
        }
        if self.line.is_empty() {
            self.held = VecDeque::new();
            self.spare = Vec::new();
            self.line = VecDeque::new();
        }
    }

    /// Bytes of replies that the kernel has not taken yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.chunked + self.ready.len() + self.held.len() + self.filled + self.in_flight
    }

    /// Whether no further request should be taken now: too much waits, or may
    /// come. Ends when `is_clearing` says so, or with a send.
    #[must_use]
    pub fn is_full(&self) -> bool {
        if self.pending() >= BYTES_MAX {
            return true;
        }
        let known = if self.largest == 0 {
            BYTES_MAX
        } else {
            self.largest
        };
        self.open >= GAPS_FREE && (self.open >= GAPS_MAX || self.open * known >= BYTES_MAX)
    }

    /// Whether the gap filled last left few enough for further requests. As
    /// gaps are filled one by one, none that were many are filled without it.
    #[must_use]
    pub fn is_clearing(&self) -> bool {
        self.open == GAPS_FREE / 2
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.chunked
            + self.ready.capacity()
            + self.held.capacity()
            + self.spare.capacity()
            + self.filled
            + self.in_flight
    }

    /// The part of it that holds no reply and is kept for the next.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        let idle = if self.ready.is_empty() {
            self.ready.capacity()
        } else {
            0
        };
        idle + self.spare.capacity()
    }

    /// Pieces that unsent replies are in, besides the one that is written to:
    /// `oll` of CLIENT LIST.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.chunks.len() + self.line.len() - self.open
    }

    /// Forgets everything: the connection is gone. Replies that other cores
    /// still make for it find no place.
    pub fn abandon(&mut self) {
        let left = self.left + self.line.len() as u64;
        *self = Outbox {
            left,
            forgotten: left,
            ..Outbox::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn write(outbox: &mut Outbox, text: &str) {
        let mut out = outbox.begin();
        out.extend_from_slice(text.as_bytes());
        outbox.restore(out);
    }

    #[test]
    fn replies_behind_a_gap_wait_for_it() {
        let mut outbox = Outbox::default();
        write(&mut outbox, "a");
        let first = outbox.leave_gap();
        write(&mut outbox, "c");
        write(&mut outbox, "d");
        let second = outbox.leave_gap();
        write(&mut outbox, "f");
        assert_eq!(outbox.ready, b"a");
        outbox.fill(second, b"e");
        assert_eq!(outbox.ready, b"a");
        outbox.fill(first, b"b");
        assert_eq!(outbox.take_ready(), b"abcdef");
        assert!(!outbox.has_gaps());
        write(&mut outbox, "g");
        assert_eq!(outbox.take_ready(), b"g");
    }

    #[test]
    fn a_reply_for_an_abandoned_outbox_is_dropped() {
        let mut outbox = Outbox::default();
        let first = outbox.leave_gap();
        let second = outbox.leave_gap();
        outbox.abandon();
        outbox.fill(second, b"b");
        outbox.fill(first, b"a");
        assert!(!outbox.has_ready() && !outbox.has_gaps());
        let third = outbox.leave_gap();
        outbox.fill(third, b"c");
        assert_eq!(outbox.take_ready(), b"c");
    }

    #[test]
    fn pending_counts_what_waits() {
        let mut outbox = Outbox::default();
        let first = outbox.leave_gap();
        let second = outbox.leave_gap();
        write(&mut outbox, "xyz");
        outbox.fill(second, b"12");
        assert_eq!(outbox.pending(), 5);
        outbox.fill(first, b"");
        assert_eq!(outbox.pending(), 5);
        let sent = outbox.take_ready();
        assert_eq!(sent, b"12xyz");
        assert_eq!(outbox.pending(), 5);
        outbox.recycle(sent);
        assert_eq!(outbox.pending(), 0);
    }

    /// What may happen to an outbox.
    #[derive(Clone, Debug)]
    enum Step {
        Write(usize),
        Leave,
        /// Fills one of the open gaps.
        Fill(usize, usize),
        /// Sends what is ready; the kernel takes it at once or at the next.
        Send,
    }

    fn step() -> impl Strategy<Value = Step> {
        let len = || prop_oneof![20 => 0..20usize, 1 => Just(CHUNK_BYTES), 1 => Just(KEPT_BYTES)];
        prop_oneof![
            3 => len().prop_map(Step::Write),
            2 => Just(Step::Leave),
            3 => (0..64usize, len()).prop_map(|(gap, len)| Step::Fill(gap, len)),
            1 => Just(Step::Send),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// The naive model: every reply in its place, sent up to the first
        /// that is missing.
        #[test]
        fn any_order_of_gaps_sends_replies_in_the_order_of_requests(
            steps in prop::collection::vec(step(), 1..80)
        ) {
            let mut outbox = Outbox::default();
            let mut model: Vec<Option<Vec<u8>>> = Vec::new();
            let mut gaps: Vec<(usize, Gap)> = Vec::new();
            let (mut sent, mut in_flight) = (Vec::new(), None);
            let end = [Step::Send, Step::Send];
            let rounds = steps.len();
            let fills = (0..rounds).map(|_| Step::Fill(0, 3));
            let sends = (0..rounds).flat_map(|_| end.clone());
            for (number, step) in steps.into_iter().chain(fills).chain(sends).enumerate() {
                let reply = |len| vec![number as u8; len];
                match step {
                    Step::Write(len) => {
                        let mut out = outbox.begin();
                        out.extend_from_slice(&reply(len));
                        outbox.restore(out);
                        model.push(Some(reply(len)));
                    }
                    Step::Leave => {
                        gaps.push((model.len(), outbox.leave_gap()));
                        model.push(None);
                    }
                    Step::Fill(which, len) if !gaps.is_empty() => {
                        let (place, gap) = gaps.swap_remove(which % gaps.len());
                        outbox.fill(gap, &reply(len));
                        model[place] = Some(reply(len));
                    }
                    Step::Send => {
                        if let Some(bytes) = in_flight.take() {
                            outbox.recycle(bytes);
                        } else if outbox.has_ready() {
                            let ready = outbox.take_ready();
                            sent.extend_from_slice(&ready);
                            in_flight = Some(ready);
                        }
                    }
                    Step::Fill(..) => {}
                }
                let all: usize = model.iter().flatten().map(Vec::len).sum();
                let under_way = in_flight.as_ref().map_or(0, Vec::len);
                prop_assert_eq!(outbox.pending(), all - sent.len() + under_way);
                prop_assert_eq!(outbox.open, gaps.len());
            }
            let whole: Vec<Vec<u8>> = model.into_iter().flatten().collect();
            prop_assert!(whole.concat() == sent, "all is sent in the end");
            prop_assert!(!outbox.has_gaps() && !outbox.has_ready());
        }
    }
}
