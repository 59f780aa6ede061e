//! List commands that wait for an element: BLPOP, BRPOP, BLMPOP, BLMOVE,
//! BRPOPLPUSH.

use crate::command::item::bulk;
use crate::command::multi_pop::MultiPop;
use crate::command::table::{Command, Run};
use crate::command::timeout;
use crate::command::turn::Turn;
use crate::command::waiting::Awaits;
use crate::resp::{Args, Outcome, Reply};
use crate::shard::Awaited;
use crate::spec::{Deprecated, Flags, Group, KeyFlags, Keys, Spec};
use crate::value::list::{End, List};

use super::element::end;
use super::ends::{leave_pop, pop, pop_first};
use super::relocate::move_element;

pub(crate) const COMMANDS: &[Command] = &[BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH];

/// Every word but the last.
pub(in crate::command) const KEYS_BEFORE_TIMEOUT: Keys = Keys::range(
    1,
    -2,
    1,
    KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
);

const BLPOP: Command = Command {
    spec: Spec {
        name: "BLPOP",
        usage: "key... timeout:double",
        summary: "Takes the first element of the first list that has one, and waits for one if none has.",
        since: "2.0.0",
        cost: "O(N) with N the number of keys",
        history: &[("6.0.0", "Fractions of seconds.")],
        group: Group::List,
        flags: Flags::WRITE.and(Flags::NOSCRIPT).and(Flags::BLOCKING),
        keys: &[KEYS_BEFORE_TIMEOUT],
        ..Spec::PLAIN
    },
    run: Run::Data(blpop),
};

fn blpop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop_or_wait(turn, args, End::Front, reply)
}

const BRPOP: Command = Command {
    spec: Spec {
        name: "BRPOP",
        summary: "Takes the last element of the first list that has one, and waits for one if none has.",
        ..BLPOP.spec
    },
    run: Run::Data(brpop),
};

fn brpop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop_or_wait(turn, args, End::Back, reply)
}

fn pop_or_wait(turn: &mut Turn<'_>, args: Args<'_>, end: End, reply: &mut Reply<'_>) -> Outcome {
    let last = args.len() - 1;
    let until_ms = timeout::seconds(args, last, turn.now())?;
    for index in 1..last {
        let key = turn.key(args, index);
        if !turn.reaches(&key) {
            continue;
        }
        let popped = pop(turn, &key, end, 1, |elements, _| {
            reply.array(2);
            reply.bulk(key.bytes);
            elements.for_each(|item| bulk(reply, item));
        })?;
        if popped.is_some() {
            leave_pop(turn, &key, end, None);
            return Ok(());
        }
    }
    let awaits = Awaits {
        keys: 1..last,
        what: Awaited::List,
        until_ms,
    };
    turn.wait_or_null_array(args, awaits, reply);
    Ok(())
}

const BLMPOP: Command = Command {
    spec: Spec {
        name: "BLMPOP",
        usage: "timeout:double numkeys:integer key... where=(LEFT | RIGHT) [COUNT count:integer]",
        summary: "Takes elements off the first of several lists that has any, and waits if none has.",
        since: "7.0.0",
        cost: "O(N+M) with N the number of keys and M the number of elements returned",
        group: Group::List,
        flags: Flags::WRITE.and(Flags::BLOCKING),
        keys: &[Keys::counted(
            2,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(blmpop),
};

fn blmpop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = MultiPop::parse(args, 2, end)?;
    let until_ms = timeout::seconds(args, 1, turn.now())?;
    let keys = request.keys.clone();
    if pop_first(turn, args, request, reply)? {
        return Ok(());
    }
    let awaits = Awaits {
        keys,
        what: Awaited::List,
        until_ms,
    };
    turn.wait_or_null_array(args, awaits, reply);
    Ok(())
}

const BLMOVE: Command = Command {
    spec: Spec {
        name: "BLMOVE",
        usage: "source:key destination:key wherefrom=(LEFT | RIGHT) whereto=(LEFT | RIGHT) \
            timeout:double",
        summary: "Moves an element from a list to another and returns it, and waits for one if there is none.",
        since: "6.2.0",
        cost: "O(1)",
        group: Group::List,
        flags: Flags::WRITE
            .and(Flags::DENYOOM)
            .and(Flags::NOSCRIPT)
            .and(Flags::BLOCKING),
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE)),
            Keys::one(2, KeyFlags::RW.and(KeyFlags::INSERT)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(blmove),
};

fn blmove(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (end(args, 3)?, end(args, 4)?);
    move_or_wait(turn, args, (from, to), 5, reply)
}

const BRPOPLPUSH: Command = Command {
    spec: Spec {
        name: "BRPOPLPUSH",
        usage: "source:key destination:key timeout:double",
        summary: "Moves the last element of a list to the head of another and returns it, and waits for one if there is none.",
        since: "2.2.0",
        history: &[("6.0.0", "Fractions of seconds.")],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
        }),
        ..BLMOVE.spec
    },
    run: Run::Data(brpoplpush),
};

fn brpoplpush(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    move_or_wait(turn, args, (End::Back, End::Front), 3, reply)
}

/// Moves from the list at word 1 to the list at word 2, or waits until the
/// time at word `timeout`.
fn move_or_wait(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    (from, to): (End, End),
    timeout: usize,
    reply: &mut Reply<'_>,
) -> Outcome {
    let until_ms = timeout::seconds(args, timeout, turn.now())?;
    let (source, destination) = (turn.key(args, 1), turn.key(args, 2));
    if !turn.reaches(&destination) {
        // Looked at again where the source lives, and there is something.
        let source = turn.find_as::<List>(&source)?;
        if source.is_some() {
            turn.is_far();
            return Ok(());
        }
    } else if move_element(turn, (&source, from), (&destination, to), reply)? {
        let (source, destination) = (source.bytes, destination.bytes);
        if timeout == 3 {
            turn.leave_instead(&[b"RPOPLPUSH", source, destination]);
        } else {
            turn.leave_instead(&[b"LMOVE", source, destination, args.get(3), args.get(4)]);
        }
        return Ok(());
    }
    let awaits = Awaits {
        keys: 1..2,
        what: Awaited::List,
        until_ms,
    };
    if !turn.wait(args, awaits) {
        reply.null();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::check::check;

    #[test]
    fn what_is_there_is_taken_at_once() {
        check(
            "RPUSH l a b c; BLPOP none l 0; BRPOP l 1; BLMOVE l m LEFT RIGHT 0; LRANGE m 0 -1",
            "3; [l a]; [l c]; b; [b]",
        );
        check(
            "RPUSH l a b c; BLMPOP 0 2 none l RIGHT COUNT 2; BRPOPLPUSH l l 0; EXISTS l",
            "3; [l [c b]]; a; 1",
        );
    }

    #[test]
    fn who_may_not_wait_is_answered_as_if_time_had_run_out() {
        check(
            "BLPOP a b 0; BLMPOP 0 1 a LEFT; BLMOVE a b LEFT LEFT 0; BRPOPLPUSH a b 0",
            "nil; nil; nil; nil",
        );
    }

    #[test]
    fn a_wrong_request_is_refused_before_it_waits() {
        check("BLPOP a -1", "ERR timeout is negative");
        check("BLMPOP -1 1 a LEFT", "ERR timeout is negative");
        check("BLMPOP -1 0 a LEFT", "ERR numkeys should be greater than 0");
        check("BLMOVE a b LEFT UP -1", "ERR syntax error");
        check(
            "SET s x; BLPOP none s 0",
            "OK; WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }
}
