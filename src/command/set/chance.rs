//! Members by chance: SPOP, SRANDMEMBER.

use crate::base::parse_i64;
use crate::command::effect::removal;
use crate::command::item::bulk;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::set::Set;

use super::read::all;

/// Members in one request of those that say what went.
const MEMBERS_PER_REQUEST: usize = 1024;

pub(crate) const COMMANDS: &[Command] = &[SPOP, SRANDMEMBER];

const SPOP: Command = Command {
    spec: Spec {
        name: "SPOP",
        usage: "key [count:integer{3.2.0}]",
        summary: "Takes members chosen by chance out of a set and returns them.",
        since: "1.0.0",
        cost: "O(1), with a count O(N) with N that count",
        group: Group::Set,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        tips: &["nondeterministic_output"],
        history: &[("3.2.0", "A count.")],
        ..Spec::PLAIN
    },
    run: Run::Data(spop),
};

fn spop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let count = match args.len() {
        2 => None,
        3 => {
            let count = parse_i64(args.get(2)).and_then(|count| usize::try_from(count).ok());
            Some(count.ok_or(Refusal::NOT_POSITIVE)?)
        }
        _ => return Err(Refusal::Syntax),
    };
    match count {
        None => pop_one(turn, args, reply),
        Some(count) => pop_several(turn, args, count, reply),
    }
}

fn pop_one(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let is_recorded = turn.is_recorded();
    let Some((set, random)) = turn.edit_with_random::<Set>(&key)? else {
        reply.null();
        return Ok(());
    };
    let mut member = Vec::new();
    set.take_one(random, |item| {
        if is_recorded {
            item.write_into(&mut member);
        }
        bulk(reply, item);
    });
    turn.leave_instead(&[b"SREM", key.bytes, &member]);
    turn.changed(1);
    turn.touch(&key, EventClass::Set, "spop");
    turn.prune(&key);
    Ok(())
}

fn pop_several(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    count: usize,
    reply: &mut Reply<'_>,
) -> Outcome {
    let key = turn.key(args, 1);
    let is_recorded = turn.is_recorded();
    let Some((set, random)) = turn.edit_with_random::<Set>(&key)? else {
        reply.set(0);
        return Ok(());
    };
    let taken = count.min(set.len());
    let is_all = taken == set.len();
    if is_all {
        all(reply, set);
    } else {
        reply.set(taken);
        let mut members: Vec<Vec<u8>> = Vec::new();
        set.take(taken, random, |item| {
            if is_recorded {
                let mut member = Vec::new();
                item.write_into(&mut member);
                members.push(member);
            }
            bulk(reply, item);
        });
        for members in members.chunks(MEMBERS_PER_REQUEST) {
            let members = members.iter().map(Vec::as_slice);
            let words: Vec<&[u8]> = [&b"SREM"[..], key.bytes]
                .into_iter()
                .chain(members)
                .collect();
            turn.leave_instead(&words);
        }
    }
    turn.changed(taken as u64);
    if taken > 0 {
        turn.touch(&key, EventClass::Set, "spop");
    }
    if is_all {
        turn.delete(&key);
        turn.leave_instead(&[removal(turn.live.lazy.server_del), key.bytes]);
    }
    Ok(())
}

const SRANDMEMBER: Command = Command {
    spec: Spec {
        name: "SRANDMEMBER",
        usage: "key [count:integer{2.6.0}]",
        summary: "Returns members of a set chosen by chance.",
        since: "1.0.0",
        cost: "O(1), with a count O(N) with N that count",
        group: Group::Set,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        history: &[("2.6.0", "A count.")],
        ..Spec::PLAIN
    },
    run: Run::Data(srandmember),
};

/// What a count asks for.
enum Wanted {
    One,
    /// So many, each chosen among all.
    Any(u64),
    /// So many different ones.
    Distinct(u64),
}

fn srandmember(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let wanted = match args.len() {
        2 => Wanted::One,
        3 => match parse_i64(args.get(2)).ok_or(Refusal::NotInteger)? {
            i64::MIN => return Err(Refusal::COUNT_OUT_OF_RANGE),
            count @ ..0 => Wanted::Any(count.unsigned_abs()),
            count => Wanted::Distinct(count.unsigned_abs()),
        },
        _ => return Err(Refusal::Syntax),
    };
    let key = turn.key(args, 1);
    let reply_max = turn.reply_max(reply);
    match (wanted, turn.read_with_random::<Set>(&key)?) {
        (Wanted::One, None) => reply.null(),
        (Wanted::Any(_) | Wanted::Distinct(_), None) => reply.array(0),
        (Wanted::One, Some((set, random))) => {
            if let Some(item) = set.draw(random) {
                bulk(reply, item);
            }
        }
        (Wanted::Any(count), Some((set, random))) => {
            reply.array(count as usize);
            for item in (0..count).filter_map(|_| set.draw(random)) {
                bulk(reply, item);
                if reply.len_so_far() > reply_max {
                    break;
                }
            }
        }
        (Wanted::Distinct(count), Some((set, random))) => {
            let count = usize::try_from(count).map_or(set.len(), |count| count.min(set.len()));
            reply.array(count);
            if count == set.len() {
                set.iter().for_each(|item| bulk(reply, item));
            } else {
                set.draw_distinct(count, random, |item| bulk(reply, item));
            }
        }
    }
    Ok(())
}
