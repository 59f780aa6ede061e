//! Sorted-set commands that wait for a member: BZPOPMIN, BZPOPMAX, BZMPOP.

use crate::command::list::KEYS_BEFORE_TIMEOUT;
use crate::command::multi_pop::MultiPop;
use crate::command::table::{Command, Run};
use crate::command::timeout;
use crate::command::turn::Turn;
use crate::command::waiting::Awaits;
use crate::resp::{Args, Outcome, Reply};
use crate::shard::Awaited;
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::sorted_set::{SortedSet, Towards};

use super::members::{Listed, Members};
use super::remove::{leave_pop, pop_first, take, towards};

pub(crate) const COMMANDS: &[Command] = &[BZPOPMIN, BZPOPMAX, BZMPOP];

const BZPOPMIN: Command = Command {
    spec: Spec {
        name: "BZPOPMIN",
        usage: "key... timeout:double",
        summary: "Takes the member of lowest score of the first sorted set that has one, and waits for one if none has.",
        since: "5.0.0",
        cost: "O(log(N)) with N the number of members",
        history: &[("6.0.0", "Fractions of seconds.")],
        group: Group::SortedSet,
        flags: Flags::WRITE
            .and(Flags::NOSCRIPT)
            .and(Flags::FAST)
            .and(Flags::BLOCKING),
        keys: &[KEYS_BEFORE_TIMEOUT],
        ..Spec::PLAIN
    },
    run: Run::Data(bzpopmin),
};

fn bzpopmin(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop_or_wait(turn, args, Towards::Highest, reply)
}

const BZPOPMAX: Command = Command {
    spec: Spec {
        name: "BZPOPMAX",
        summary: "Takes the member of highest score of the first sorted set that has one, and waits for one if none has.",
        ..BZPOPMIN.spec
    },
    run: Run::Data(bzpopmax),
};

fn bzpopmax(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop_or_wait(turn, args, Towards::Lowest, reply)
}

fn pop_or_wait(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    end: Towards,
    reply: &mut Reply<'_>,
) -> Outcome {
    let last = args.len() - 1;
    let until_ms = timeout::seconds(args, last, turn.now())?;
    for index in 1..last {
        let key = turn.key(args, index);
        if turn.reaches(&key) && turn.find_as::<SortedSet>(&key)?.is_some() {
            reply.array(3);
            reply.bulk(key.bytes);
            let mut members = Members::begin(reply, 1, Listed::Bare);
            take(turn, &key, 1, end, &mut members)?;
            leave_pop(turn, &key, end, None);
            return Ok(());
        }
    }
    let awaits = Awaits {
        keys: 1..last,
        what: Awaited::SortedSet,
        until_ms,
    };
    turn.wait_or_null_array(args, awaits, reply);
    Ok(())
}

const BZMPOP: Command = Command {
    spec: Spec {
        name: "BZMPOP",
        usage: "timeout:double numkeys:integer key... where=(MIN | MAX) [COUNT count:integer]",
        summary: "Takes members of lowest or highest score of the first sorted set that has some, and waits if none has.",
        since: "7.0.0",
        cost: "O(K)+O(M*log(N)) with K the number of keys, N of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::BLOCKING),
        keys: &[Keys::counted(
            2,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(bzmpop),
};

fn bzmpop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = MultiPop::parse(args, 2, towards)?;
    let until_ms = timeout::seconds(args, 1, turn.now())?;
    let keys = request.keys.clone();
    if pop_first(turn, args, request, reply)? {
        return Ok(());
    }
    let awaits = Awaits {
        keys,
        what: Awaited::SortedSet,
        until_ms,
    };
    turn.wait_or_null_array(args, awaits, reply);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::check::check;

    #[test]
    fn what_is_there_is_taken_at_once() {
        check(
            "ZADD z 1 a 2 b 3 c; BZPOPMIN none z 0; BZPOPMAX z 0; BZMPOP 0 2 none z MIN COUNT 5; EXISTS z",
            "3; [z a 1]; [z c 3]; [z [[b 2]]]; 0",
        );
        check("BZPOPMIN a 0; BZMPOP 0 1 a MAX", "nil; nil");
    }
}
