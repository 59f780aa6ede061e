//! What consumers have not acknowledged: XACK, XPENDING.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group as Family, KeyFlags, Keys, Spec};
use crate::value::stream::{Group, Id, Pending, Stream};

use super::change::exact_ids;
use super::{entry, id};

pub(crate) const COMMANDS: &[Command] = &[XACK, XPENDING];

const XACK: Command = Command {
    spec: Spec {
        name: "XACK",
        usage: "key group id...",
        summary: "Says that a group is done with entries.",
        since: "5.0.0",
        cost: "O(log(N)) for each entry with N what is pending at the group",
        group: Family::Stream,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(xack),
};

fn xack(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    // Counted as read, and then changed.
    turn.read_as::<Stream>(&key)?;
    let stream = turn.edit_as::<Stream>(&key)?;
    let Some((_, group)) = stream.and_then(|stream| stream.group_mut(args.get(2))) else {
        reply.int(0);
        return Ok(());
    };
    let ids = exact_ids(args, 3)?;
    let done = ids.into_iter().filter(|id| group.acknowledge(*id)).count();
    reply.int(done as i64);
    turn.changed(done as u64);
    Ok(())
}

const XPENDING: Command = Command {
    spec: Spec {
        name: "XPENDING",
        usage: "key group [filters=([IDLE min-idle-time:integer{6.2.0}] start end count:integer \
            [consumer])]",
        summary: "Tells what consumers have not acknowledged.",
        since: "5.0.0",
        cost: "O(log(N)+M) with N what is pending and M the entries looked at",
        history: &[("6.2.0", "IDLE, and ids that are left out of the range.")],
        group: Family::Stream,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(xpending),
};

fn xpending(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let filter = match args.len() {
        3 => None,
        6..=9 => Some(Filter::parse(args)?),
        _ => return Err(Refusal::Syntax),
    };
    let (key, now) = (turn.key(args, 1), turn.now());
    let stream = turn.read_as::<Stream>(&key)?;
    let group = stream
        .and_then(|stream| stream.group(args.get(2)))
        .ok_or_else(|| Refusal::no_key_or_group(key.bytes, args.get(2)))?;
    match filter {
        None => summary(group, reply),
        Some(filter) => list(group, &filter, now, reply),
    }
    Ok(())
}

/// Which pending entries are asked for.
#[derive(Clone, Copy, Debug)]
struct Filter<'a> {
    idle_min_ms: u64,
    start: Id,
    end: Id,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Refusal> {
        let mut first = 3;
        let mut idle_min_ms = 0;
        if args.is(3, b"idle") {
            let idle = parse_i64(args.get(4)).ok_or(Refusal::NotInteger)?;
            idle_min_ms = u64::try_from(idle).unwrap_or(0);
            if args.len() < 8 {
                return Err(Refusal::Syntax);
            }
            first = 5;
        }
        let count = parse_i64(args.get(first + 2)).ok_or(Refusal::NotInteger)?;
        let (start, end) = (id::start(args.get(first))?, id::end(args.get(first + 1))?);
        let consumer = first + 3;
        Ok(Self {
            idle_min_ms,
            start,
            end,
            count: usize::try_from(count).unwrap_or(0),
            consumer: (consumer < args.len()).then(|| args.get(consumer)),
        })
    }
}

/// How much is pending, from where to where, and at whom.
fn summary(group: &Group, reply: &mut Reply<'_>) {
    let mut pending = group.pending(Id::MIN, Id::MAX);
    let first = pending.next().map(|(id, _)| id);
    let last = pending.next_back().map(|(id, _)| id).or(first);
    reply.array(4);
    reply.int(group.pending_len() as i64);
    let (Some(first), Some(last)) = (first, last) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    entry::id(reply, first);
    entry::id(reply, last);
    let mark = reply.deferred();
    let mut len = 0;
    for consumer in group.consumers().filter(|one| one.pending_len() > 0) {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_int(consumer.pending_len() as i64);
        len += 1;
    }
    reply.fill_array(mark, len);
}

/// The pending entries one by one.
fn list(group: &Group, filter: &Filter<'_>, now: u64, reply: &mut Reply<'_>) {
    let Filter { start, end, .. } = *filter;
    let mark = reply.deferred();
    let mut len = 0;
    let idle_ms = |pending: &Pending| now.saturating_sub(pending.delivered_at);
    let mut show = |(id, pending): (Id, Pending)| {
        reply.array(4);
        entry::id(reply, id);
        reply.bulk(group.consumer(pending.consumer).name());
        entry::count(reply, idle_ms(&pending));
        entry::count(reply, pending.deliveries);
        len += 1;
    };
    let count = filter.count;
    let is_idle = |(_, pending): &(Id, Pending)| idle_ms(pending) >= filter.idle_min_ms;
    match filter.consumer {
        None => {
            let all = group.pending(start, end).filter(is_idle);
            all.take(count).for_each(&mut show);
        }
        Some(name) => {
            if let Some(slot) = group.find_consumer(name) {
                let own = group.pending_of(group.consumer(slot), start, end);
                let own = own.filter(is_idle);
                own.take(count).for_each(&mut show);
            }
        }
    }
    reply.fill_array(mark, len);
}
