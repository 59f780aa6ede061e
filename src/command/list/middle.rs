//! List commands that change by index or text: LSET, LINSERT, LREM, LTRIM.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::list::{End, List};
use crate::value::listpack::Wanted;

use super::element;

pub(crate) const COMMANDS: &[Command] = &[LSET, LINSERT, LREM, LTRIM];

const LSET: Command = Command {
    spec: Spec {
        name: "LSET",
        usage: "key index:integer element",
        summary: "Overwrites the element of a list at an index.",
        since: "1.0.0",
        cost: "O(1) at the ends; elsewhere O(N/K) with N the length and K the elements of a block",
        group: Group::List,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(lset),
};

fn lset(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let rules = turn.rules();
    // Judged only when there is a list, as in stock.
    let index = parse_i64(args.get(2)).ok_or(Refusal::NotInteger);
    let list = turn.edit_as::<List>(&key)?.ok_or(Refusal::NO_SUCH_KEY)?;
    let index = element::index(index?, list.len()).ok_or(Refusal::INDEX_OUT_OF_RANGE)?;
    list.set(index, args.get(3), &rules);
    turn.changed(1);
    turn.touch(&key, EventClass::List, "lset");
    reply.ok();
    Ok(())
}

const LINSERT: Command = Command {
    spec: Spec {
        name: "LINSERT",
        usage: "key where=(BEFORE | AFTER) pivot element",
        summary: "Adds an element to a list before or after another one.",
        since: "2.2.0",
        cost: "O(N) with N the number of elements before the other one",
        group: Group::List,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::INSERT))],
        ..Spec::PLAIN
    },
    run: Run::Data(linsert),
};

fn linsert(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let beyond = if args.is(2, b"after") {
        1
    } else if args.is(2, b"before") {
        0
    } else {
        return Err(Refusal::Syntax);
    };
    let key = turn.key(args, 1);
    let rules = turn.rules();
    let Some(list) = turn.edit_as::<List>(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let pivot = Wanted::new(args.get(3));
    let mut walk = list.walk(End::Front, 0);
    let Some(index) = walk.position(|item| pivot.is(item)) else {
        reply.int(-1);
        return Ok(());
    };
    list.insert(index + beyond, args.get(4), &rules);
    reply.int(list.len() as i64);
    turn.changed(1);
    turn.touch(&key, EventClass::List, "linsert");
    Ok(())
}

const LREM: Command = Command {
    spec: Spec {
        name: "LREM",
        usage: "key count:integer element",
        summary: "Removes elements from a list by their text.",
        since: "1.0.0",
        cost: "O(N) with N the length of the list",
        group: Group::List,
        flags: Flags::WRITE,
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        ..Spec::PLAIN
    },
    run: Run::Data(lrem),
};

fn lrem(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let count = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    let end = if count < 0 { End::Back } else { End::Front };
    let count_max = match count {
        0 => usize::MAX,
        count => count.unsigned_abs() as usize,
    };
    let key = turn.key(args, 1);
    let rules = turn.rules();
    let Some(list) = turn.edit_as::<List>(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let removed = list.remove_equal(args.get(3), end, count_max, &rules);
    turn.changed(removed as u64);
    if removed > 0 {
        turn.touch(&key, EventClass::List, "lrem");
        turn.prune(&key);
    }
    reply.int(removed as i64);
    Ok(())
}

const LTRIM: Command = Command {
    spec: Spec {
        name: "LTRIM",
        usage: "key start:integer stop:integer",
        summary: "Removes the elements of a list that are not between two indexes.",
        since: "1.0.0",
        cost: "O(N) with N the number of elements removed, most of it done afterwards",
        group: Group::List,
        flags: Flags::WRITE,
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        ..Spec::PLAIN
    },
    run: Run::Data(ltrim),
};

fn ltrim(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let start = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    let stop = parse_i64(args.get(3)).ok_or(Refusal::NotInteger)?;
    let key = turn.key(args, 1);
    let rules = turn.rules();
    let Some(list) = turn.edit_as::<List>(&key)? else {
        reply.ok();
        return Ok(());
    };
    let len = list.len();
    let kept = element::range(start, stop, len);
    let tail = list.remove(kept.end, len - kept.end, &rules);
    let head = list.remove(0, kept.start, &rules);
    // Also where nothing is removed, as stock does.
    turn.touch(&key, EventClass::List, "ltrim");
    if kept.is_empty() {
        turn.prune(&key);
    }
    for removed in [tail, head].into_iter().flatten() {
        turn.bury(&key, removed);
    }
    turn.changed((len - kept.len()) as u64);
    reply.ok();
    Ok(())
}
