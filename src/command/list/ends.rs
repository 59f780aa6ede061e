//! List commands at the ends: LPUSH, RPUSH, LPUSHX, RPUSHX, LPOP, RPOP, LMPOP.

use std::iter::Take;

use crate::base::parse_i64;
use crate::command::item::bulk;
use crate::command::multi_pop::MultiPop;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::list::{End, List, Walk};

use super::element;

pub(crate) const COMMANDS: &[Command] = &[LPUSH, LPUSHX, RPUSH, RPUSHX, LPOP, RPOP, LMPOP];

const LPUSH: Command = Command {
    spec: Spec {
        name: "LPUSH",
        usage: "key element...",
        summary: "Adds elements at the head of a list, creating it if needed.",
        since: "1.0.0",
        cost: "O(1) for each element",
        history: &[("2.4.0", "Several elements.")],
        group: Group::List,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::INSERT))],
        ..Spec::PLAIN
    },
    run: Run::Data(lpush),
};

fn lpush(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    push(turn, args, reply, End::Front)
}

const RPUSH: Command = Command {
    spec: Spec {
        name: "RPUSH",
        summary: "Adds elements at the tail of a list, creating it if needed.",
        ..LPUSH.spec
    },
    run: Run::Data(rpush),
};

fn rpush(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    push(turn, args, reply, End::Back)
}

fn push(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>, end: End) -> Outcome {
    let key = turn.key(args, 1);
    let rules = turn.rules();
    let elements = args.iter().skip(2);
    let count = elements.len() as u64;
    let list = turn.edit_or_new::<List>(&key)?;
    list.push(end, elements, &rules);
    reply.int(list.len() as i64);
    turn.changed(count);
    turn.touch(&key, EventClass::List, element::push_event(end));
    Ok(())
}

const LPUSHX: Command = Command {
    spec: Spec {
        name: "LPUSHX",
        summary: "Adds elements at the head of a list, if there is one.",
        since: "2.2.0",
        history: &[("4.0.0", "Several elements.")],
        ..LPUSH.spec
    },
    run: Run::Data(lpushx),
};

fn lpushx(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    push_existing(turn, args, reply, End::Front)
}

const RPUSHX: Command = Command {
    spec: Spec {
        name: "RPUSHX",
        summary: "Adds elements at the tail of a list, if there is one.",
        ..LPUSHX.spec
    },
    run: Run::Data(rpushx),
};

fn rpushx(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    push_existing(turn, args, reply, End::Back)
}

fn push_existing(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>, end: End) -> Outcome {
    let key = turn.key(args, 1);
    let rules = turn.rules();
    let elements = args.iter().skip(2);
    let count = elements.len() as u64;
    let Some(list) = turn.edit_as::<List>(&key)? else {
        reply.int(0);
        return Ok(());
    };
    list.push(end, elements, &rules);
    reply.int(list.len() as i64);
    turn.changed(count);
    turn.touch(&key, EventClass::List, element::push_event(end));
    Ok(())
}

const LPOP: Command = Command {
    spec: Spec {
        name: "LPOP",
        usage: "key [count:integer{6.2.0}]",
        summary: "Takes elements off the head of a list and returns them.",
        since: "1.0.0",
        cost: "O(N) with N the number of elements returned",
        history: &[("6.2.0", "The count.")],
        group: Group::List,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(lpop),
};

fn lpop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop_key(turn, args, reply, End::Front, "lpop")
}

const RPOP: Command = Command {
    spec: Spec {
        name: "RPOP",
        summary: "Takes elements off the tail of a list and returns them.",
        ..LPOP.spec
    },
    run: Run::Data(rpop),
};

fn rpop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop_key(turn, args, reply, End::Back, "rpop")
}

fn pop_key(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    end: End,
    command: &str,
) -> Outcome {
    let key = turn.key(args, 1);
    let count = match args.len() {
        2 => None,
        3 => Some(
            parse_i64(args.get(2))
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(Refusal::NOT_POSITIVE)?,
        ),
        _ => return Err(Refusal::wrong_arity(command)),
    };
    let popped = pop(turn, &key, end, count.unwrap_or(1), |elements, len| {
        if count.is_some() {
            reply.array(len);
        }
        elements.for_each(|item| bulk(reply, item));
    })?;
    match (popped, count) {
        (Some(_), _) => {}
        (None, Some(_)) => reply.null_array(),
        (None, None) => reply.null(),
    }
    Ok(())
}

const LMPOP: Command = Command {
    spec: Spec {
        name: "LMPOP",
        usage: "numkeys:integer key... where=(LEFT | RIGHT) [COUNT count:integer]",
        summary: "Takes elements off the first of several lists that has any.",
        since: "7.0.0",
        cost: "O(N+M) with N the number of keys and M the number of elements returned",
        group: Group::List,
        flags: Flags::WRITE,
        keys: &[Keys::counted(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(lmpop),
};

fn lmpop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = MultiPop::parse(args, 1, element::end)?;
    if !pop_first(turn, args, request, reply)? {
        reply.null_array();
    }
    Ok(())
}

/// Pops off the first list that is there and replies with its key and the
/// elements; `false`, and no reply, if there is none.
pub(in crate::command) fn pop_first(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    request: MultiPop<End>,
    reply: &mut Reply<'_>,
) -> Result<bool, Refusal> {
    for index in request.keys {
        let key = turn.key(args, index);
        if !turn.reaches(&key) {
            continue;
        }
        let popped = pop(turn, &key, request.end, request.count, |elements, len| {
            reply.array(2);
            reply.bulk(key.bytes);
            reply.array(len);
            elements.for_each(|item| bulk(reply, item));
        })?;
        if let Some(count) = popped {
            leave_pop(turn, &key, request.end, Some(count));
            return Ok(true);
        }
    }
    Ok(false)
}

/// Leaves that so many elements, or one, were taken off a list.
pub(super) fn leave_pop(turn: &mut Turn<'_>, key: &Key<'_>, end: End, count: Option<usize>) {
    let name: &[u8] = match end {
        End::Front => b"LPOP",
        End::Back => b"RPOP",
    };
    match count {
        None => turn.leave_instead(&[name, key.bytes]),
        Some(count) => {
            let mut digits = itoa::Buffer::new();
            turn.leave_instead(&[name, key.bytes, digits.format(count).as_bytes()]);
        }
    }
}

/// Takes up to `count_max` elements off a list, after showing them with their
/// number to `show`; returns the number, or `None` if there is no list.
pub(in crate::command) fn pop(
    turn: &mut Turn<'_>,
    key: &Key<'_>,
    end: End,
    count_max: usize,
    show: impl FnOnce(Take<Walk<'_>>, usize),
) -> Result<Option<usize>, Refusal> {
    let rules = turn.rules();
    let Some(list) = turn.edit_as::<List>(key)? else {
        return Ok(None);
    };
    let len = list.len();
    let count = count_max.min(len);
    let (outermost, first) = match end {
        End::Front => (0, 0),
        End::Back => (len - 1, len - count),
    };
    show(list.walk(end, outermost).take(count), count);
    let removed = list.remove(first, count, &rules);
    turn.changed(count as u64);
    if count > 0 {
        turn.touch(key, EventClass::List, element::pop_event(end));
    }
    if count == len {
        turn.prune(key);
    }
    if let Some(removed) = removed {
        turn.bury(key, removed);
    }
    Ok(Some(count))
}
