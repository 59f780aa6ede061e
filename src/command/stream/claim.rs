//! Taking over what others have not acknowledged: XCLAIM, XAUTOCLAIM.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group as Family, KeyFlags, Keys, Spec};
use crate::value::stream::{Claim, Claimed, Deliveries, Entries, Entry, Group, Id, Stream};

use super::leave::Given;
use super::{entry, id};

pub(crate) const COMMANDS: &[Command] = &[XAUTOCLAIM, XCLAIM];

const XCLAIM: Command = Command {
    spec: Spec {
        name: "XCLAIM",
        usage: "key group consumer min-idle-time id... [IDLE ms:integer] \
            [TIME unix-time-milliseconds:unix-time] [RETRYCOUNT count:integer] [FORCE] [JUSTID] \
            [LASTID lastid]",
        summary: "Takes pending entries over for a consumer.",
        since: "5.0.0",
        cost: "O(log(N)) for each entry with N what is pending at the group",
        group: Family::Stream,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(xclaim),
};

fn xclaim(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, now) = (turn.key(args, 1), turn.now());
    // The group is asked for before the rest of the words, as with stock.
    edit(turn, &key, args.get(2))?;
    let idle_min_ms = idle_min_ms(args, Refusal::XCLAIM_IDLE_MIN)?;
    let options = Options::parse(args, now)?;
    let is_recorded = turn.is_recorded();
    let mut given = Vec::new();
    let (entries, group) = edit(turn, &key, args.get(2))?;
    let mut changes = 0;
    let is_ahead = options.last_id > group.last_id;
    if is_ahead {
        group.last_id = options.last_id;
        changes += 1;
    }
    let (consumer, is_new) = group.see_consumer(args.get(3), now);
    changes += u64::from(is_new);
    let claim = Claim {
        consumer,
        idle_min_ms,
        delivered_at: options.delivered_at,
        deliveries: options.deliveries,
        force: options.force,
    };
    let mark = reply.deferred();
    let mut len = 0;
    for id in options.ids {
        let pending = match group.claim(entries, id, &claim, now) {
            Claimed::Taken(taken) => {
                show(reply, taken, options.shown);
                len += 1;
                group.find_pending(id)
            }
            Claimed::Deleted(pending) => Some(pending),
            Claimed::Left => None,
        };
        if let Some(pending) = pending {
            changes += 1;
            if is_recorded {
                given.push(Given::new(group, id, pending, group.last_id));
            }
        }
    }
    reply.fill_array(mark, len);
    let (last_id, entries_read) = (group.last_id, group.entries_read);
    if is_recorded {
        if given.is_empty() && is_new {
            turn.leave_consumer(&key, args.get(2), args.get(3));
        }
        turn.leave_given(&key, args.get(2), &given);
        if given.is_empty() && is_ahead {
            turn.leave_position(&key, args.get(2), last_id, entries_read);
        }
    }
    turn.changed(changes);
    if is_new {
        turn.notify(&key, EventClass::Stream, "xgroup-createconsumer");
    }
    Ok(())
}

const XAUTOCLAIM: Command = Command {
    spec: Spec {
        name: "XAUTOCLAIM",
        usage: "key group consumer min-idle-time start [COUNT count:integer] [JUSTID]",
        summary: "Takes over for a consumer what has been pending for long.",
        since: "6.2.0",
        cost: "O(1) with a small COUNT",
        history: &[(
            "7.0.0",
            "The ids of deleted entries, which are not pending any more.",
        )],
        group: Family::Stream,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(xautoclaim),
};

/// Entries taken over without COUNT.
const COUNT_DEFAULT: u64 = 100;
/// The largest COUNT: what is looked at, and the bytes of the ids, stay numbers
/// of 63 bits.
const COUNT_MAX: u64 = i64::MAX as u64 / 16;

fn xautoclaim(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let idle_min_ms = idle_min_ms(args, Refusal::XAUTOCLAIM_IDLE_MIN)?;
    let start = id::start(args.get(5))?;
    let (count, shown) = auto_options(args)?;
    let (key, now) = (turn.key(args, 1), turn.now());
    let is_recorded = turn.is_recorded();
    let (entries, group) = edit(turn, &key, args.get(2))?;
    let (consumer, is_new) = group.see_consumer(args.get(3), now);
    let mut claimed_ids = Vec::new();
    let claim = Claim {
        consumer,
        idle_min_ms,
        delivered_at: now,
        deliveries: match shown {
            Shown::Entries => Deliveries::OneMore,
            Shown::Ids => Deliveries::AsBefore,
        },
        force: false,
    };
    // Where to go on comes first in the reply and is known last.
    let mut taken = Vec::new();
    let mut members = Reply::new(&mut taken, reply.version());
    let mut len = 0;
    let mut deleted = Vec::new();
    let stale = group.claim_stale(
        entries,
        start,
        count,
        &claim,
        now,
        |id, claimed| match claimed {
            Claimed::Taken(taken) => {
                show(&mut members, taken, shown);
                len += 1;
                if is_recorded {
                    claimed_ids.push((id, None));
                }
            }
            Claimed::Deleted(pending) => {
                deleted.push(id);
                if is_recorded {
                    claimed_ids.push((id, Some(pending)));
                }
            }
            Claimed::Left => {}
        },
    );
    if is_recorded {
        let given = claimed_ids.into_iter().filter_map(|(id, pending)| {
            let pending = pending.or_else(|| group.find_pending(id))?;
            Some(Given::new(group, id, pending, group.last_id))
        });
        let given: Vec<Given> = given.collect();
        if given.is_empty() && is_new {
            turn.leave_consumer(&key, args.get(2), args.get(3));
        }
        turn.leave_given(&key, args.get(2), &given);
    }
    reply.array(3);
    entry::id(reply, stale.next);
    reply.array(len);
    reply.raw(&taken);
    reply.array(deleted.len());
    deleted.into_iter().for_each(|id| entry::id(reply, id));
    turn.changed(stale.changed + u64::from(is_new));
    if is_new {
        turn.notify(&key, EventClass::Stream, "xgroup-createconsumer");
    }
    Ok(())
}

/// What is told of a claimed entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Entries,
    Ids,
}

fn show(reply: &mut Reply<'_>, taken: Entry<'_>, shown: Shown) {
    match shown {
        Shown::Entries => entry::entry(reply, taken),
        Shown::Ids => entry::id(reply, taken.id),
    }
}

/// XCLAIM's words behind the idle time.
#[derive(Debug)]
struct Options {
    ids: Vec<Id>,
    delivered_at: u64,
    deliveries: Deliveries,
    force: bool,
    shown: Shown,
    last_id: Id,
}

impl Options {
    /// Ids come first; the first word that is none is an option.
    fn parse(args: Args<'_>, now: u64) -> Result<Self, Refusal> {
        let words = args.iter().skip(5);
        let ids: Vec<Id> = words.map_while(|word| id::exact(word, 0).ok()).collect();
        let mut index = 5 + ids.len();
        let (mut delivered_at, mut retries) = (None, None);
        let (mut force, mut shown, mut last_id) = (false, Shown::Entries, Id::MIN);
        while index < args.len() {
            let has_more = index + 1 < args.len();
            let number = |refusal| parse_i64(args.get(index + 1)).ok_or(refusal);
            if args.is(index, b"force") {
                force = true;
            } else if args.is(index, b"justid") {
                shown = Shown::Ids;
            } else if has_more && args.is(index, b"idle") {
                let idle_ms = number(Refusal::XCLAIM_IDLE)?;
                delivered_at = Some((now as i64).wrapping_sub(idle_ms));
                index += 1;
            } else if has_more && args.is(index, b"time") {
                delivered_at = Some(number(Refusal::XCLAIM_TIME)?);
                index += 1;
            } else if has_more && args.is(index, b"retrycount") {
                retries = Some(number(Refusal::XCLAIM_RETRYCOUNT)?);
                index += 1;
            } else if has_more && args.is(index, b"lastid") {
                last_id = id::exact(args.get(index + 1), 0)?;
                index += 1;
            } else {
                return Err(Refusal::xclaim_option(args.get(index)));
            }
            index += 1;
        }
        // A time before all time or in the future is a clock that is wrong.
        let delivered_at = delivered_at.and_then(|at| u64::try_from(at).ok());
        let retries = retries.and_then(|retries| u64::try_from(retries).ok());
        Ok(Self {
            ids,
            // While a file is replayed no time has passed, and all of it is the
            // past.
            delivered_at: delivered_at.map_or(now, |at| if now == 0 { at } else { at.min(now) }),
            deliveries: match (retries, shown) {
                (Some(retries), _) => Deliveries::Set(retries),
                (None, Shown::Entries) => Deliveries::OneMore,
                (None, Shown::Ids) => Deliveries::AsBefore,
            },
            force,
            shown,
            last_id,
        })
    }
}

/// XAUTOCLAIM's options: how many, and what is told of them.
fn auto_options(args: Args<'_>) -> Result<(u64, Shown), Refusal> {
    let (mut count, mut shown) = (COUNT_DEFAULT, Shown::Entries);
    let mut index = 6;
    while index < args.len() {
        if args.is(index, b"count") && index + 1 < args.len() {
            index += 1;
            count = parse_i64(args.get(index))
                .and_then(|count| u64::try_from(count).ok())
                .filter(|count| (1..=COUNT_MAX).contains(count))
                .ok_or(Refusal::XAUTOCLAIM_COUNT)?;
        } else if args.is(index, b"justid") {
            shown = Shown::Ids;
        } else {
            return Err(Refusal::Syntax);
        }
        index += 1;
    }
    Ok((count, shown))
}

fn idle_min_ms(args: Args<'_>, refusal: Refusal) -> Result<u64, Refusal> {
    let idle_ms = parse_i64(args.get(4)).ok_or(refusal)?;
    Ok(u64::try_from(idle_ms).unwrap_or(0))
}

/// A group to be changed, with the entries it reads.
fn edit<'t>(
    turn: &'t mut Turn<'_>,
    key: &Key<'_>,
    group: &[u8],
) -> Result<(&'t Entries, &'t mut Group), Refusal> {
    let stream = turn.edit_as::<Stream>(key)?;
    stream
        .and_then(|stream| stream.group_mut(group))
        .ok_or_else(|| Refusal::no_key_or_group(key.bytes, group))
}
