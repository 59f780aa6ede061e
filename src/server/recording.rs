//! A core's side of the journal: what its turns leave becomes slices, and
//! nothing that tells of them leaves the core before they have their place.
//!
//! While a slice is open the postbox keeps the core's letters; `seal` takes the
//! ticket and lets them go. Replies are sent behind a seal, and where every
//! write is to be on disk first, when the file has come that far.

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::sync::Arc;

use crate::command::{After, Entry, Event, Lent, Run, removal, words_of_note};
use crate::journal::{EVERYONE, Effects, Open, Part, Position, Slice, UnitId, put_request};
use crate::resp::{Args, Refusal};
use crate::runtime::core::{Bell, Feed, Kernel, Reached};
use crate::session::{SessionId, Stage};

use super::core::{Core, Work};
use super::intake::token_of;
use super::letter::{Carried, WHOLE};
use super::save::reason;
use super::vault::Waiter;

/// The lane of the append-only file, and its bit.
pub(super) const FILE_LANE: usize = 0;
pub(super) const FILE: u8 = 1 << FILE_LANE;

/// The lane of the replicas.
pub(super) const REPLICAS_LANE: usize = 1;
pub(super) const REPLICAS: u8 = 1 << REPLICAS_LANE;

/// The bit of cuts at which the file goes on in another one.
pub(super) const FILE_CUT: u64 = 1 << 63;

/// Lanes of the journal.
pub(super) const LANES: usize = 2;

/// Bytes that a lane's reader is behind, by lane, above which whoever would write waits:
/// the file's waits for the disk, the replicas' only for a core.
pub(super) const LANE_BYTES_MAX: [u64; LANES] = [64 << 20, 16 << 20];

/// What all cores share of the journal.
#[derive(Clone)]
pub(super) struct Journal {
    pub(super) feed: Arc<Feed<Slice>>,
    /// By lane, to wake its reader.
    pub(super) bells: [Bell; LANES],
    /// The last ticket that is on disk, or more than any if none has to be.
    pub(super) synced: Arc<Reached>,
}

impl Journal {
    /// For so many cores and the control core, the last of those that may wait; the
    /// lanes' readers are woken by these.
    pub(super) fn new(cores: usize, bells: [Bell; LANES]) -> Journal {
        let synced = Reached::new(cores + 1);
        synced.advance(u64::MAX, |_| {});
        Journal {
            feed: Feed::new(cores + 1, LANES),
            bells,
            synced,
        }
    }

    /// Replies wait for the disk from this ticket on, exclusively; for whoever
    /// holds every shard.
    pub(super) fn hold_to(&self, ticket: u64) {
        self.synced.advance(ticket, |_| {});
    }

    /// Whether a lane has more bytes that its reader has not taken care of than it may, or
    /// than one part in so many of that.
    fn has_above(&self, part: u64) -> bool {
        let mut lanes = LANE_BYTES_MAX.iter().enumerate();
        lanes.any(|(lane, most)| self.feed.bytes(lane) > most / part)
    }

    /// Publishes a moment at which every shard is in one hand.
    pub(super) fn publish_cut(&self, me: usize, lanes: u8, number: u64) -> u64 {
        let cut = Slice {
            cut: Some(number),
            ..Slice::default()
        };
        self.publish(me, lanes, |_| cut.clone())
    }

    /// Publishes a slice for each of these lanes as writer `me`, under one ticket.
    fn publish(&self, me: usize, lanes: u8, slice: impl Fn(usize) -> Slice) -> u64 {
        let counted = |lane| {
            let slice = slice(lane);
            let weight = slice.weight();
            (slice, weight)
        };
        self.feed
            .publish(me, lanes, counted, |lane| self.bells[lane].ring())
    }
}

/// See the module.
pub(super) struct Recording {
    journal: Journal,
    me: usize,
    open: Open,
    /// Who records what is open, one bit each.
    lanes: u8,
    /// What a transaction or a script has left so far, while one runs.
    unit: Option<Unit>,
    /// How many of them there are, one within the other.
    depth: u32,
    /// For whom what is run is left, one bit each: everyone, but where a script has
    /// chosen.
    chosen: u8,
    /// While a box with parts runs: the part that follows there.
    next_part: UnitId,
    /// The last ticket of this core.
    last: u64,
    /// Every write is on disk before anybody is told of it.
    pub(super) waits_for_disk: bool,
    /// Replies that wait for that, in the order of their tickets.
    unsent: VecDeque<Unsent>,
    /// Sessions that would write while the file is far behind.
    slowed: Vec<SessionId>,
}

/// What was left of a unit so far, and who records it, one bit each.
#[derive(Default)]
struct Unit {
    effects: Effects,
    lanes: u8,
}

/// A reply that waits for the disk.
struct Unsent {
    ticket: u64,
    session: SessionId,
    descriptor: RawFd,
    bytes: Vec<u8>,
}

impl Recording {
    /// Wakes the control core, for what is in its box already.
    pub(super) fn wake_control(&self) {
        self.journal.bells[REPLICAS_LANE].ring();
    }

    pub(super) fn new(journal: Journal, me: usize) -> Recording {
        Recording {
            journal,
            me,
            open: Open::default(),
            lanes: 0,
            unit: None,
            depth: 0,
            chosen: EVERYONE,
            next_part: (0, 0),
            last: 0,
            waits_for_disk: false,
            unsent: VecDeque::new(),
            slowed: Vec::new(),
        }
    }

    /// Whether the core may sleep for what it waits for.
    pub(super) fn may_sleep(&self) -> bool {
        match self.unsent.front() {
            Some(first) => self.journal.synced.wait(self.me, first.ticket),
            None => true,
        }
    }

    /// Whether sessions look now and then whether there is room.
    pub(super) fn has_slowed(&self) -> bool {
        !self.slowed.is_empty()
    }
}

impl Work {
    /// Takes what a turn left, whose request had these words; whether that was anything.
    /// It stands there, unless it is of a unit that was begun.
    #[inline]
    pub(super) fn record(
        &mut self,
        after: &mut After,
        position: Position,
        database: usize,
        args: Args<'_>,
    ) -> bool {
        after.recorded_by() != 0 && self.record_turn(after, position, database, args)
    }

    #[cold]
    fn record_turn(
        &mut self,
        after: &mut After,
        position: Position,
        database: usize,
        args: Args<'_>,
    ) -> bool {
        let lanes = after.recorded_by();
        if let Some(unit) = &mut self.recording.unit {
            let effects = after.effects(database, args);
            if let Some(effects) = &effects {
                unit.effects.append(effects, self.recording.chosen);
                unit.lanes |= lanes;
            }
            return effects.is_some();
        }
        if let Position::Part(part) = position {
            let effects = after.effects(database, args).unwrap_or_default();
            self.record_part(lanes, part, *effects);
            return true;
        }
        let leaves_words = after.leaves_words();
        let said = after.take_said();
        if said.is_none() && !leaves_words {
            return false;
        }
        self.stand(lanes, position);
        let open = &mut self.recording.open;
        match said {
            None => open.add_request(database, args.iter()),
            Some(mut effects) => {
                if leaves_words {
                    effects.push(database, args.iter());
                }
                if after.is_apart() {
                    effects.each().for_each(|one| open.add_unit(&one));
                } else {
                    open.add_unit(&effects);
                }
            }
        }
        self.post.hold();
        true
    }

    /// Where something stands that depends on everything up to a stamp. Of the box that
    /// runs, that is what has run.
    pub(super) fn behind(&self, until: u64) -> Position {
        let next = self.recording.next_part;
        Position::Behind(match until {
            0 => (0, 0),
            _ if until == next.0 => next,
            _ => (until, u32::MAX),
        })
    }

    /// A request of a box with this stamp is about to run, of which all parts before it
    /// have.
    pub(super) fn note_part(&mut self, stamp: u64, request: &Carried) {
        if request.scatter != WHOLE {
            self.recording.next_part = (stamp, request.number + 1);
        }
    }

    /// The box has run.
    pub(super) fn note_no_part(&mut self) {
        self.recording.next_part = (0, 0);
    }

    /// Where something stands that happens to any key by itself.
    fn behind_all(&mut self) -> Position {
        let until = self.depends_on(None, true);
        self.behind(until)
    }

    /// Where what a request of a box with this stamp leaves stands that depends on
    /// everything up to another: its part of it, if it is a part of something that writes.
    pub(super) fn position_of(
        &self,
        request: &Carried,
        (stamp, until): (u64, u64),
        writes: bool,
    ) -> Position {
        if request.scatter == WHOLE || !writes {
            return self.behind(until);
        }
        Position::Part(Part {
            unit: (stamp, request.number),
            parts: request.parts,
            until,
        })
    }

    /// Has what is added next stand there.
    fn stand(&mut self, lanes: u8, position: Position) {
        if !self.recording.open.takes(position) {
            self.publish_open();
        }
        self.recording.lanes |= lanes;
        if let Position::Behind(unit) = position {
            self.recording.open.stand_behind(unit);
        }
    }

    fn record_part(&mut self, lanes: u8, part: Part, effects: Effects) {
        self.stand(lanes, Position::Part(part));
        self.recording.open.add_part(part, effects);
        self.post.hold();
    }

    /// Takes a change that no turn made, as a unit of its own.
    fn record_alone(&mut self, lanes: u8, position: Position, database: usize, words: &[&[u8]]) {
        self.stand(lanes, position);
        let words = words.iter().copied();
        self.recording.open.add_request(database, words);
        self.post.hold();
    }

    /// What is left until `end_unit` is one unit.
    pub(super) fn begin_unit(&mut self) {
        self.recording.depth += 1;
        self.recording.unit.get_or_insert_default();
    }

    /// The unit that was begun stands there; whether it is one of anything.
    pub(super) fn end_unit(&mut self, position: Position) -> bool {
        let recording = &mut self.recording;
        recording.depth -= 1;
        if recording.depth > 0 {
            return false;
        }
        let Unit { effects, lanes } = recording.unit.take().expect("a unit was begun");
        if let Position::Part(part) = position {
            let lanes = self.vault.at_home().map_or(0, |shard| shard.recorded_by);
            if lanes != 0 {
                self.record_part(lanes, part, effects);
            }
            return true;
        }
        if effects.is_empty() {
            return false;
        }
        self.post.hold();
        if effects.are_for(lanes) {
            self.stand(lanes, position);
            self.recording.open.add_unit(&effects);
        } else {
            self.publish_apart(lanes, &effects);
        }
        true
    }

    /// Has what a script runs from now on left for the file or the replicas, for both
    /// or for none.
    pub(super) fn choose_readers(&mut self, file: bool, replicas: bool) {
        let file = if file { FILE } else { 0 };
        let replicas = if replicas { REPLICAS } else { 0 };
        self.recording.chosen = file | replicas;
    }

    /// What is run is left for everyone again.
    pub(super) fn choose_everyone(&mut self) {
        self.recording.chosen = EVERYONE;
    }

    /// Whether a script has chosen that replicas are told nothing.
    pub(super) fn leaves_replicas_out(&self) -> bool {
        self.recording.chosen & REPLICAS == 0
    }

    /// Gives a unit its place of which not everyone is left everything: each reader
    /// gets its own part, whole, under one ticket.
    #[cold]
    fn publish_apart(&mut self, lanes: u8, unit: &Effects) {
        self.publish_open();
        let part = |lane| {
            let mut open = Open::default();
            open.add_unit(&unit.of(1_u8 << lane));
            open.seal()
        };
        let recording = &mut self.recording;
        recording.last = recording.journal.publish(recording.me, lanes, part);
        recording.lanes = 0;
        self.post.release();
    }

    /// Gives what is open its place among what all cores did, and lets the
    /// letters go that may tell of it.
    #[inline]
    pub(super) fn seal(&mut self) {
        if !self.recording.open.is_empty() {
            self.seal_open();
        }
    }

    #[cold]
    fn seal_open(&mut self) {
        self.publish_open();
        self.recording.lanes = 0;
        self.post.release();
    }

    fn publish_open(&mut self) {
        let recording = &mut self.recording;
        if !recording.open.is_empty() {
            let slice = recording.open.seal();
            let (journal, me) = (&recording.journal, recording.me);
            recording.last = journal.publish(me, recording.lanes, |_| slice.clone());
        }
    }

    /// Gives replicas a request that changes no data, if there are any.
    pub(super) fn tell_replicas(&mut self, words: Vec<Vec<u8>>) {
        let Some(shard) = self.vault.at_home() else {
            return self.vault.wait(Waiter::Announce(words));
        };
        let lanes = shard.recorded_by;
        if lanes & REPLICAS == 0 {
            return;
        }
        self.seal();
        let mut bytes = Vec::new();
        put_request(&mut bytes, words.iter().map(Vec::as_slice));
        let told = Slice {
            bytes: bytes.into(),
            ..Slice::default()
        };
        let recording = &mut self.recording;
        let (journal, me) = (&recording.journal, recording.me);
        recording.last = journal.publish(me, lanes, |lane| match lane {
            REPLICAS_LANE => told.clone(),
            _ => Slice::default(),
        });
    }

    /// Marks the moment at which this core holds every shard; its ticket, or
    /// none if nobody records.
    pub(super) fn mark(&mut self, held: &Lent, number: u64) -> Option<u64> {
        assert!(held.iter().all(Option::is_some), "a cut is of all shards");
        self.seal();
        let lanes = held
            .iter()
            .flatten()
            .next()
            .map_or(0, |shard| shard.recorded_by);
        (lanes != 0).then(|| {
            let recording = &mut self.recording;
            let (journal, me) = (&recording.journal, recording.me);
            recording.last = journal.publish_cut(me, lanes, number);
            recording.last
        })
    }

    /// Tells of keys and fields that went by themselves in housekeeping, and
    /// records that each went.
    pub(super) fn tell_notes(&mut self) {
        let Some(shard) = self.vault.at_home() else {
            return;
        };
        let lanes = shard.recorded_by;
        let notes: Vec<_> = shard.keyspace.take_notes().collect();
        let removal = removal(self.local.live.lazy.expire);
        let mut events = Vec::with_capacity(notes.len());
        for (database, note) in notes {
            if lanes != 0
                && let Some(words) = words_of_note(&note, removal)
            {
                let position = self.behind_all();
                self.record_alone(lanes, position, database, &words);
            }
            events.push(Event::of_note(database, note));
        }
        self.publish_events(&events);
    }

    /// Records that a key was evicted.
    pub(super) fn record_eviction(&mut self, lanes: u8, database: usize, key: &[u8]) {
        if lanes != 0 {
            let name = removal(self.local.live.lazy.eviction);
            let position = self.behind_all();
            self.record_alone(lanes, position, database, &[name, key]);
        }
    }

    /// Records a change of what every core keeps a copy of.
    pub(super) fn record_led(&mut self, args: Args<'_>) {
        let lanes = self.vault.at_home().map_or(0, |shard| shard.recorded_by);
        if lanes != 0 {
            let words: Vec<&[u8]> = args.iter().collect();
            // It concerns no key.
            self.record_alone(lanes, Position::FREE, 0, &words);
        }
    }

    /// What a request hears that would write while a disk fails.
    pub(super) fn disk_refusal(
        &mut self,
        id: SessionId,
        entry: &Entry,
        args: Args<'_>,
    ) -> Option<Refusal> {
        if self.local.save_failed
            && let Some(refusal) = self.unsaved_refusal(id, entry)
        {
            return Some(refusal);
        }
        self.file_refusal(id, entry, args)
    }

    /// The same for the append-only file.
    fn file_refusal(&mut self, id: SessionId, entry: &Entry, args: Args<'_>) -> Option<Refusal> {
        let number = self.local.persistence.aof_broken.read();
        if number == 0 {
            return None;
        }
        let session = self.local.roster.find(id);
        let queued = session.and_then(|session| session.transaction.as_deref());
        let is_exec = matches!(entry.command.run, Run::Exec);
        let writes = is_exec && queued.is_some_and(|transaction| transaction.writes);
        (writes || self.may_write(entry, args)).then(|| {
            let error = std::io::Error::from_raw_os_error(number as i32);
            let reason = reason(&error);
            Refusal::Composed(format!("MISCONF Errors writing to the AOF file: {reason}"))
        })
    }

    /// Whether a request that may write must wait: who writes files is far
    /// behind.
    pub(super) fn must_wait_for_disk(
        &mut self,
        id: SessionId,
        entry: &Entry,
        args: Args<'_>,
    ) -> bool {
        let for_file = self.is_journal_far_behind();
        if !for_file && !self.is_snapshot_far_behind() {
            return false;
        }
        let is_exec = matches!(entry.command.run, Run::Exec);
        if !is_exec && !self.may_write(entry, args) {
            return false;
        }
        if for_file {
            self.local.count().journal_slowed.add(1);
            self.recording.slowed.push(id);
        } else {
            self.pace.slowed.push(id);
        }
        self.set_stage(id, Stage::Waiting);
        true
    }

    fn is_journal_far_behind(&self) -> bool {
        let recording = &self.recording;
        recording.last > 0 && recording.journal.has_above(1)
    }

    /// Lets those go on that waited for the file or the replicas.
    pub(super) fn resume_recorded(&mut self) {
        if !self.recording.slowed.is_empty() && !self.recording.journal.has_above(2) {
            for id in std::mem::take(&mut self.recording.slowed) {
                self.resume(id);
            }
        }
    }
}

impl<K: Kernel> Core<K> {
    /// Sends a reply, now or when everything it may tell of is on disk: what
    /// any core has written until now.
    pub(super) fn send_or_hold(&mut self, id: SessionId, descriptor: RawFd, bytes: Vec<u8>) {
        let recording = &mut self.work.recording;
        if recording.waits_for_disk {
            let ticket = recording.journal.feed.last();
            if recording.journal.synced.number() < ticket {
                recording.unsent.push_back(Unsent {
                    ticket,
                    session: id,
                    descriptor,
                    bytes,
                });
                return;
            }
        }
        self.ring.send(descriptor, token_of(id), bytes);
    }

    /// Sends the replies whose writes are on disk by now.
    pub(super) fn send_synced(&mut self) {
        let recording = &mut self.work.recording;
        if recording.unsent.is_empty() {
            return;
        }
        let synced = recording.journal.synced.number();
        while let Some(first) = recording.unsent.front()
            && first.ticket <= synced
        {
            let Unsent {
                session,
                descriptor,
                bytes,
                ..
            } = recording.unsent.pop_front().expect("it is there");
            self.ring.send(descriptor, token_of(session), bytes);
        }
    }
}
