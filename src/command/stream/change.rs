//! Taking entries out and setting the last id: XDEL, XTRIM, XSETID.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::stream::{Id, Stream};

use super::trim::{Of, Options, Trim};
use super::{entry, id};

pub(crate) const COMMANDS: &[Command] = &[XDEL, XSETID, XTRIM];

const XDEL: Command = Command {
    spec: Spec {
        name: "XDEL",
        usage: "key id...",
        summary: "Deletes entries of a stream by their ids.",
        since: "5.0.0",
        cost: "O(log(N)) for each entry with N the nodes of the stream",
        group: Group::Stream,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        ..Spec::PLAIN
    },
    run: Run::Data(xdel),
};

fn xdel(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let Some(stream) = turn.edit_as::<Stream>(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let ids = exact_ids(args, 2)?;
    let count = stream.entries_mut().delete(ids.into_iter());
    entry::count(reply, count);
    turn.changed(count);
    if count > 0 {
        turn.touch(&key, EventClass::Stream, "xdel");
    }
    Ok(())
}

/// The ids from word `first` on, all of which are judged before any is used.
pub(super) fn exact_ids(args: Args<'_>, first: usize) -> Result<Vec<Id>, Refusal> {
    let words = args.iter().skip(first);
    words.map(|word| id::exact(word, 0)).collect()
}

const XTRIM: Command = Command {
    spec: Spec {
        name: "XTRIM",
        usage: "key trim=(strategy=(MAXLEN | MINID{6.2.0}) \
            [operator=(equal== | approximately=~)] threshold [LIMIT count:integer{6.2.0}])",
        summary: "Takes the oldest entries off a stream.",
        since: "5.0.0",
        cost: "O(N) with N the nodes that are trimmed",
        history: &[("6.2.0", "MINID and LIMIT.")],
        group: Group::Stream,
        flags: Flags::WRITE,
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(xtrim),
};

fn xtrim(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = turn.rules();
    let options = Options::parse(
        args,
        Of::Trim { now: turn.now() },
        rules.stream_node_max_entries,
    )?;
    let trim = options.trim.expect("XTRIM without a trim is refused");
    let key = turn.key(args, 1);
    let count = trim.run(turn, &key)?;
    if turn.is_recorded() && count > 0 {
        Trim::leave(Some(trim), turn, args, None)?;
    }
    entry::count(reply, count);
    turn.changed(count);
    if count > 0 {
        turn.touch(&key, EventClass::Stream, "xtrim");
    }
    Ok(())
}

const XSETID: Command = Command {
    spec: Spec {
        name: "XSETID",
        usage: "key last-id [ENTRIESADDED entries-added:integer{7.0.0}] \
            [MAXDELETEDID max-deleted-id{7.0.0}]",
        summary: "Sets the last id of a stream; meant for replication.",
        since: "5.0.0",
        cost: "O(1)",
        history: &[("7.0.0", "ENTRIESADDED and MAXDELETEDID.")],
        group: Group::Stream,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(xsetid),
};

fn xsetid(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let last_id = id::exact(args.get(2), 0)?;
    let mut added = None;
    let mut max_deleted = None;
    for index in (3..args.len()).step_by(2) {
        let has_value = index + 1 < args.len();
        if has_value && args.is(index, b"entriesadded") {
            let count = parse_i64(args.get(index + 1)).ok_or(Refusal::NotInteger)?;
            added = Some(u64::try_from(count).map_err(|_| Refusal::XSETID_ADDED_NEGATIVE)?);
        } else if has_value && args.is(index, b"maxdeletedid") {
            let id = id::exact(args.get(index + 1), 0)?;
            if last_id < id {
                return Err(Refusal::XSETID_BELOW_GIVEN_DELETED);
            }
            max_deleted = Some(id);
        } else {
            return Err(Refusal::Syntax);
        }
    }
    let key = turn.key(args, 1);
    let stream = turn.edit_as::<Stream>(&key)?;
    let entries = stream.ok_or(Refusal::NO_SUCH_KEY)?.entries_mut();
    if last_id < entries.history().max_deleted_id {
        return Err(Refusal::XSETID_BELOW_DELETED);
    }
    if let Some(newest) = entries.newest() {
        if last_id < newest {
            return Err(Refusal::XSETID_BELOW_NEWEST);
        }
        if added.is_some_and(|added| added < entries.len()) {
            return Err(Refusal::XSETID_ADDED_BELOW_LEN);
        }
    }
    // Zero says that nothing was deleted, and so nothing new.
    entries.set_history(last_id, added, max_deleted.filter(|id| *id != Id::MIN));
    reply.ok();
    turn.changed(1);
    turn.notify(&key, EventClass::Stream, "xsetid");
    Ok(())
}
