//! Changing members: SADD, SREM, SMOVE.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::set::Set;

pub(crate) const COMMANDS: &[Command] = &[SADD, SREM, SMOVE];

const SADD: Command = Command {
    spec: Spec {
        name: "SADD",
        usage: "key member...",
        summary: "Adds members to a set, which is made where there is none.",
        since: "1.0.0",
        cost: "O(N) with N the number of members to add",
        group: Group::Set,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::INSERT))],
        history: &[("2.4.0", "Several members at once.")],
        ..Spec::PLAIN
    },
    run: Run::Data(sadd),
};

fn sadd(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = turn.rules();
    let key = turn.key(args, 1);
    let set = turn.edit_or_new::<Set>(&key)?;
    let added = set.extend(args.tail(2).iter(), &rules);
    turn.changed(added as u64);
    if added > 0 {
        turn.touch(&key, EventClass::Set, "sadd");
    }
    reply.int(added as i64);
    Ok(())
}

const SREM: Command = Command {
    spec: Spec {
        name: "SREM",
        usage: "key member...",
        summary: "Takes members out of a set; the key goes with the last.",
        since: "1.0.0",
        cost: "O(N) with N the number of members to take out",
        group: Group::Set,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        history: &[("2.4.0", "Several members at once.")],
        ..Spec::PLAIN
    },
    run: Run::Data(srem),
};

fn srem(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let mut removed = 0;
    if let Some(set) = turn.edit_as::<Set>(&key)? {
        for member in args.tail(2).iter() {
            removed += u64::from(set.remove(member));
        }
        turn.changed(removed);
        if removed > 0 {
            turn.touch(&key, EventClass::Set, "srem");
            turn.prune(&key);
        }
    }
    reply.int(removed as i64);
    Ok(())
}

const SMOVE: Command = Command {
    spec: Spec {
        name: "SMOVE",
        usage: "source:key destination:key member",
        summary: "Moves a member from one set to another.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Set,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE)),
            Keys::one(2, KeyFlags::RW.and(KeyFlags::INSERT)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(smove),
};

fn smove(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let member = args.get(3);
    let (source, destination) = (turn.key(args, 1), turn.key(args, 2));
    let Some(set) = turn.find_as::<Set>(&source)? else {
        // Where there is nothing to move, the destination may be of any type.
        reply.int(0);
        return Ok(());
    };
    let is_member = set.contains(member);
    turn.find_as::<Set>(&destination)?;
    if is_member && source.bytes != destination.bytes {
        if let Some(set) = turn.edit_as::<Set>(&source)? {
            set.remove(member);
            turn.touch(&source, EventClass::Set, "srem");
            turn.prune(&source);
        }
        let rules = turn.rules();
        let set = turn.edit_or_new::<Set>(&destination)?;
        let added = set.extend([member].into_iter(), &rules);
        turn.changed(1 + added as u64);
        if added > 0 {
            turn.touch(&destination, EventClass::Set, "sadd");
        }
    }
    reply.int(i64::from(is_member));
    Ok(())
}
