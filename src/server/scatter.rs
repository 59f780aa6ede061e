//! Commands that split by key, and transactions: a part runs at each owner, all in
//! one place of the order of what concerns several cores.
//!
//! The parts of a turn travel in the boxes of its hops, under one stamp.
//! `docs/design/cross-core.md` tells why nobody sees half of a command.

use std::collections::VecDeque;
use std::ops::Range;

use crate::base::slot_of;
use crate::command::{Entry, Merge, Placement, Route, Run, Split};
use crate::resp::{Args, Refusal, Reply, Version};
use crate::session::{Gap, Regard, SessionId};
use crate::spec::Flags;

use super::core::Work;
use super::letter::Carried;
use super::serve::is_muted;
use super::transaction::Exec;

/// Capacity that a finished scatter keeps for the next.
const KEPT_BYTES: usize = 4 * 1024;

/// Cores of a node: one bit each in a word.
const CORES_MAX: usize = 64;

/// Finished scatters that are kept for the next.
const SPARE_MAX: usize = 1024;

/// A command of which parts are under way.
struct Scatter {
    session: SessionId,
    gap: Gap,
    entry: &'static Entry,
    version: Version,
    is_muted: bool,
    joint: Joint,
    /// The owner of each key, or of each command, in the order of the request.
    owners: Vec<u8>,
    /// Parts without a reply.
    missing: u32,
    /// Replies, and which of these bytes are of which core.
    replies: Vec<u8>,
    parts: Vec<Range<usize>>,
    group: u64,
    took_ns: u64,
    /// The latest stamp that a part depends on.
    until: u64,
    /// Every core has a part.
    is_everywhere: bool,
}

/// How the replies of parts become one.
pub(super) enum Joint {
    /// Of the parts of one command.
    Of(Merge),
    /// Of a transaction: what each core has run of it.
    Transaction(Vec<(usize, Box<Exec>)>),
}

/// The memory of a scatter that has ended.
#[derive(Default)]
struct Emptied {
    owners: Vec<u8>,
    replies: Vec<u8>,
    parts: Vec<Range<usize>>,
}

/// What was begun in one turn and has one stamp.
struct Group {
    stamp: u64,
    /// Commands of which parts are under way.
    unfinished: u32,
}

/// A core's scatters.
#[derive(Default)]
pub(super) struct Scatters {
    open: Vec<Option<Box<Scatter>>>,
    free: Vec<u32>,
    spare: Vec<Emptied>,
    /// Begun in this turn.
    staged: u32,
    groups: VecDeque<Group>,
    /// The number of the first group.
    first_group: u64,
    /// The slots of the keys of the request at hand.
    slots: Vec<u16>,
    /// A reply being made.
    reply: Vec<u8>,
    /// Slots of the keys of a transaction's part, each with whether it is written.
    pub(super) keys: Vec<(u16, bool)>,
    /// A transaction's part runs.
    pub(super) runs_exec: bool,
}

impl Scatters {
    /// Where the keys of a request live; their slots are kept for `begin`.
    pub(super) fn place(&mut self, split: Split, args: Args<'_>, placement: Placement) -> Route {
        self.slots.clear();
        let mut cores = 0_u64;
        for index in (split.first..args.len()).step_by(split.step) {
            let slot = slot_of(args.get(index));
            self.slots.push(slot);
            cores |= 1 << placement.core_of(slot);
        }
        match cores.count_ones() {
            0 => Route::Nowhere,
            1 => Route::One(cores.trailing_zeros() as usize),
            _ => Route::Many(cores),
        }
    }

    /// Whether boxes that are being filled have parts.
    #[inline]
    pub(super) fn has_staged(&self) -> bool {
        self.staged > 0
    }

    /// Whether nothing is under way.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.free.len() == self.open.len()
    }

    /// What was begun since the last stamp has this one.
    pub(super) fn close_group(&mut self, stamp: u64) {
        let unfinished = std::mem::take(&mut self.staged);
        self.groups.push_back(Group { stamp, unfinished });
    }

    fn begin(&mut self, scatter: Scatter) -> u32 {
        self.staged += 1;
        let scatter = Some(Box::new(scatter));
        match self.free.pop() {
            Some(place) => {
                self.open[place as usize] = scatter;
                place
            }
            None => {
                self.open.push(scatter);
                self.open.len() as u32 - 1
            }
        }
    }

    /// A command of a group has ended; whether another stamp is the first
    /// unfinished one by that.
    fn end_one_of(&mut self, group: u64) -> bool {
        let at = (group - self.first_group) as usize;
        self.groups[at].unfinished -= 1;
        let before = self.first_group;
        while self
            .groups
            .front()
            .is_some_and(|first| first.unfinished == 0)
        {
            self.groups.pop_front();
            self.first_group += 1;
        }
        self.first_group > before
    }

    fn unfinished(&self) -> Option<u64> {
        self.groups.front().map(|group| group.stamp)
    }
}

impl Work {
    /// Whether a command over several cores runs in parts now. If not it
    /// borrows: where others must learn of it as of one thing, and where it
    /// will be refused.
    pub(super) fn may_scatter(
        &mut self,
        id: SessionId,
        entry: &Entry,
        split: Split,
        args: Args<'_>,
    ) -> bool {
        (args.len() - split.first).is_multiple_of(split.step)
            && self.may_run_in_parts(id)
            && self.out_of_memory(entry).is_none()
    }

    /// The same for anything that a client asks for.
    pub(super) fn may_run_in_parts(&mut self, id: SessionId) -> bool {
        let session = self.local.roster.find(id);
        // The primary's commands keep their order over all cores.
        session.is_some_and(|session| session.client.regard != Regard::Obeyed)
            && self.local.live.events.is_empty()
            && self.local.monitored == 0
    }

    /// Stages the parts of a command over `cores`.
    pub(super) fn start_scatter(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        (split, cores): (Split, u64),
        args: Args<'_>,
    ) {
        let placement = self.local.placement;
        let slots = std::mem::take(&mut self.scatters.slots);
        let owners = slots.iter().map(|slot| placement.core_of(*slot) as u8);
        let joint = Joint::Of(split.merge);
        if let Some(part) = self.open_scatter(id, entry, joint, owners, cores) {
            for core in (0..placement.cores()).filter(|core| cores >> core & 1 == 1) {
                let batch = self.box_for(core);
                batch.begin(part);
                batch.word(args.get(0));
            }
            self.stage_words(split, &slots, args);
            self.post_full_hops();
        }
        self.scatters.slots = slots;
    }

    fn stage_words(&mut self, split: Split, slots: &[u16], args: Args<'_>) {
        let placement = self.local.placement;
        for (number, slot) in slots.iter().enumerate() {
            let batch = self.box_for(placement.core_of(*slot));
            batch.slots.push(*slot);
            let index = split.first + number * split.step;
            for word in index..index + split.step {
                batch.word(args.get(word));
            }
        }
    }

    /// Begins something of which parts run at `cores`; each part as it is carried.
    pub(super) fn open_scatter(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        joint: Joint,
        whose: impl Iterator<Item = u8>,
        cores: u64,
    ) -> Option<Carried> {
        let placement = self.local.placement;
        let session = self.local.roster.find(id)?;
        session.scattered.go();
        let (database, version) = (session.client.database as u16, session.client.version);
        let regard = session.client.regard;
        let gap = session.outbox.leave_gap();
        let is_muted = is_muted(&mut session.client.reply_mode);
        let spare = self.scatters.spare.pop();
        let Emptied {
            mut owners,
            replies,
            mut parts,
        } = spare.unwrap_or_default();
        owners.extend(whose);
        parts.resize(placement.cores(), 0..0);
        let group = self.scatters.first_group + self.scatters.groups.len() as u64;
        let number = self.scatters.staged;
        let scatter = self.scatters.begin(Scatter {
            session: id,
            gap,
            entry,
            version,
            is_muted,
            joint,
            owners,
            missing: cores.count_ones(),
            replies,
            parts,
            group,
            took_ns: 0,
            until: 0,
            is_everywhere: cores == placement.all(),
        });
        Some(Carried {
            scatter,
            number,
            parts: cores.count_ones() as u8,
            ..Carried::new((id, gap), (entry.index, database), version, regard)
        })
    }

    /// A core has run its part of a transaction.
    pub(super) fn on_exec_part(
        &mut self,
        core: usize,
        part: &Carried,
        exec: Box<Exec>,
        reply: &[u8],
    ) {
        let scatter = self.scatters.open[part.scatter as usize].as_mut();
        let scatter = scatter.expect("a scatter is open until its last part");
        if let Joint::Transaction(run) = &mut scatter.joint {
            run.push((core, exec));
        }
        self.on_part(core, part, reply);
    }

    /// The reply of a part has come from its core; the last one ends the
    /// command.
    pub(super) fn on_part(&mut self, core: usize, part: &Carried, reply: &[u8]) {
        let place = part.scatter as usize;
        let scatter = self.scatters.open[place].as_mut();
        let scatter = scatter.expect("a scatter is open until its last part");
        let start = scatter.replies.len();
        scatter.replies.extend_from_slice(reply);
        scatter.parts[core] = start..scatter.replies.len();
        scatter.took_ns += part.took_ns;
        scatter.until = scatter.until.max(part.until);
        scatter.missing -= 1;
        if scatter.missing == 0 {
            let scatter = self.scatters.open[place].take();
            self.scatters.free.push(part.scatter);
            self.end_scatter(*scatter.expect("looked at above"));
        }
    }

    fn end_scatter(&mut self, mut scatter: Scatter) {
        let mut reply = std::mem::take(&mut self.scatters.reply);
        reply.clear();
        let refusal = match std::mem::replace(&mut scatter.joint, Joint::Of(Merge::Same)) {
            Joint::Of(how) => merge(how, &mut scatter, &mut reply),
            Joint::Transaction(run) => {
                merge_commands(&run, &mut scatter, &mut reply);
                self.log_slow_parts(scatter.session, &scatter.owners, &run);
                None
            }
        };
        self.count_call(scatter.entry, scatter.took_ns, refusal.as_ref());
        if self.scatters.end_one_of(scatter.group) {
            // A part that ran here has its ticket before others hear that all is over.
            self.seal();
            let unfinished = self.scatters.unfinished();
            self.post.say_finished(unfinished);
            self.tell_watchers();
        }
        // Each core runs its parts in the order of stamps: if all have, then
        // everything before has run everywhere.
        let until = if scatter.is_everywhere {
            0
        } else {
            scatter.until
        };
        let shown: &[u8] = if scatter.is_muted { &[] } else { &reply };
        self.fill_settled(until, scatter.session, scatter.gap, shown);
        self.one_back(scatter.session, |session| &mut session.scattered);
        if reply.capacity() <= KEPT_BYTES {
            self.scatters.reply = reply;
        }
        let Scatter {
            mut owners,
            mut replies,
            mut parts,
            ..
        } = scatter;
        let is_small = owners.capacity().max(replies.capacity()) <= KEPT_BYTES;
        if is_small && self.scatters.spare.len() < SPARE_MAX {
            owners.clear();
            replies.clear();
            parts.clear();
            let emptied = Emptied {
                owners,
                replies,
                parts,
            };
            self.scatters.spare.push(emptied);
        }
    }

    /// A request of one of this core's sessions goes where its parts are: into
    /// the box that waits for its place at this core.
    pub(super) fn stay_behind(&mut self, id: SessionId) {
        if let Some(session) = self.local.roster.find(id) {
            session.scattered.go();
        }
    }
}

/// Whether a request may be begun while parts of earlier ones of its session
/// are under way: it needs no data and nobody but its client hears of it, or it stands
/// behind them at every core.
pub(super) fn goes_behind_parts(entry: &Entry) -> bool {
    match entry.command.run {
        Run::Here(_) | Run::AloneOr(..) => !entry.flags().has(Flags::PUBSUB),
        // It has a look itself at what it can do then.
        Run::Exec => true,
        Run::Data(_) | Run::DataOrWhole(..) => !entry.leaves_aside,
        _ => false,
    }
}

/// Makes one reply of those of a transaction's commands.
fn merge_commands(run: &[(usize, Box<Exec>)], scatter: &mut Scatter, out: &mut Vec<u8>) {
    Reply::new(out, scatter.version).array(scatter.owners.len());
    for (owner, (exec, index)) in in_order(&scatter.owners, run) {
        let part = &mut scatter.parts[owner];
        let end = part.start + exec.reply_bytes[index];
        out.extend_from_slice(&scatter.replies[part.start..end]);
        part.start = end;
    }
}

/// What the cores have run of a transaction, command after command: the core, and the
/// command's place in its part.
pub(super) fn in_order<'r>(
    owners: &[u8],
    run: &'r [(usize, Box<Exec>)],
) -> impl Iterator<Item = (usize, (&'r Exec, usize))> {
    let mut next = [0; CORES_MAX];
    owners.iter().filter_map(move |owner| {
        let owner = usize::from(*owner);
        let (_, exec) = run.iter().find(|(core, _)| *core == owner)?;
        let index = next[owner];
        next[owner] += 1;
        Some((owner, (&**exec, index)))
    })
}

/// Makes one reply of those of all parts of a command.
fn merge(how: Merge, scatter: &mut Scatter, out: &mut Vec<u8>) -> Option<Refusal> {
    let Scatter { replies, parts, .. } = scatter;
    let failed = parts
        .iter()
        .map(|part| &replies[part.clone()])
        .find(|reply| reply.first() == Some(&b'-'));
    if let Some(failed) = failed {
        out.extend_from_slice(failed);
        let line = String::from_utf8_lossy(&failed[1..]);
        return Some(Refusal::Composed(line.trim_end().to_owned()));
    }
    match how {
        Merge::Same => {
            let first = parts.iter().find(|part| part.start < part.end);
            out.extend_from_slice(first.map_or(&[], |part| &replies[part.clone()]));
        }
        Merge::Sum => {
            let parts = parts.iter().filter(|part| part.start < part.end);
            let sum = parts.map(|part| number(&replies[part.start + 1..])).sum();
            Reply::new(out, scatter.version).int(sum);
        }
        Merge::ByKey => {
            Reply::new(out, scatter.version).array(scatter.owners.len());
            // The head of each part's own array comes first.
            for part in parts.iter_mut().filter(|part| part.start < part.end) {
                part.start += line(&replies[part.clone()]);
            }
            for owner in &scatter.owners {
                let part = &mut parts[usize::from(*owner)];
                let len = element(&replies[part.clone()]);
                out.extend_from_slice(&replies[part.start..part.start + len]);
                part.start += len;
            }
        }
    }
    None
}

/// How long the line at the front is, with its end.
fn line(reply: &[u8]) -> usize {
    let end = reply.iter().position(|byte| *byte == b'\n');
    end.map_or(reply.len(), |end| end + 1)
}

/// How long the string or null at the front is.
fn element(reply: &[u8]) -> usize {
    let head = line(reply);
    match number(&reply[1..]) {
        len @ 0.. if reply[0] == b'$' => head + len as usize + 2,
        _ => head,
    }
}

/// The number at the front of a line.
fn number(line: &[u8]) -> i64 {
    let (is_negative, digits) = match line.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, line),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    if is_negative { -number } else { number }
}

#[cfg(test)]
mod tests {
    use super::{element, line, number};

    #[test]
    fn elements_are_told_apart_by_their_heads() {
        for (reply, len) in [
            ("$3\r\nabc\r\n$1\r\nx\r\n", 9),
            ("$0\r\n\r\n_\r\n", 6),
            ("$-1\r\n$1\r\nx\r\n", 5),
            ("_\r\n$1\r\nx\r\n", 3),
            ("$12\r\n$3\r\n\r\n\r\nabc\r\n", 19),
        ] {
            assert_eq!(element(reply.as_bytes()), len, "{reply:?}");
        }
        assert_eq!(line(b"*10\r\n$-1\r\n"), 5);
        assert_eq!((number(b"-1\r\n"), number(b"120\r\n")), (-1, 120));
    }
}
