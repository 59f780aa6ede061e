//! A value under another name or in another database: COPY, MOVE, RENAME,
//! RENAMENX. The two places may be on two cores.

use crate::command::database::database_index;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

use super::age;

pub(crate) const COMMANDS: &[Command] = &[COPY, MOVE, RENAME, RENAMENX];

const RENAME: Command = Command {
    spec: Spec {
        name: "RENAME",
        usage: "key newkey:key",
        summary: "Gives a key a new name, replacing a key that has it.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::WRITE,
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE)),
            Keys::one(2, KeyFlags::OW.and(KeyFlags::UPDATE)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(rename),
};

fn rename(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (turn.key(args, 1), turn.key(args, 2));
    if turn.find(&from).is_none() {
        return Err(Refusal::NO_SUCH_KEY);
    }
    if from.bytes != to.bytes {
        relocate(turn, from, to);
    }
    reply.ok();
    Ok(())
}

/// Gives a value its new name; a key that has it goes.
fn relocate(turn: &mut Turn<'_>, from: Key<'_>, to: Key<'_>) {
    let clock = turn.clock;
    let value = turn.db(&from).take(from, &clock).expect("it was found");
    let database = turn.db(&to);
    database.remove(to, &clock);
    database.put(to, value, &clock);
    turn.changed(1);
    turn.touch(&from, EventClass::Generic, "rename_from");
    turn.touch(&to, EventClass::Generic, "rename_to");
}

const RENAMENX: Command = Command {
    spec: Spec {
        name: "RENAMENX",
        usage: "key newkey:key",
        summary: "Gives a key a new name that no key has.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE)),
            Keys::one(2, KeyFlags::OW.and(KeyFlags::INSERT)),
        ],
        history: &[("3.2.0", "The same name twice is no error.")],
        ..Spec::PLAIN
    },
    run: Run::Data(renamenx),
};

fn renamenx(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (turn.key(args, 1), turn.key(args, 2));
    if turn.find(&from).is_none() {
        return Err(Refusal::NO_SUCH_KEY);
    }
    // A key's own name is taken, too.
    let is_free = turn.find(&to).is_none();
    if is_free {
        relocate(turn, from, to);
    }
    reply.int(i64::from(is_free));
    Ok(())
}

const COPY: Command = Command {
    spec: Spec {
        name: "COPY",
        usage: "source:key destination:key [DB destination-db:integer] [REPLACE]",
        summary: "Copies the value of a key, with its time to live, to another key.",
        since: "6.2.0",
        cost: "O(N) with N the number of elements, O(1) for a string",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS)),
            Keys::one(2, KeyFlags::OW.and(KeyFlags::UPDATE)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(copy),
};

/// COPY's options.
struct Copy {
    database: usize,
    replaces: bool,
}

fn copy(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = copy_options(args, turn)?;
    let (from, to) = (turn.key(args, 1), turn.key(args, 2));
    if options.database == turn.database && from.bytes == to.bytes {
        return Err(Refusal::SAME_OBJECT);
    }
    let clock = turn.clock;
    let is_there = turn.read(&from).is_some();
    let copies = is_there
        && (options.replaces || turn.db_at(options.database, &to).find(to, &clock).is_none());
    if copies {
        let mut value = turn.db(&from).copy_of(from, &clock).expect("it was found");
        value.access = age::new(&clock);
        let database = turn.db_at(options.database, &to);
        database.remove(to, &clock);
        database.put(to, value, &clock);
        turn.changed(1);
        turn.touch_at(options.database, &to, EventClass::Generic, "copy_to");
    }
    reply.int(i64::from(copies));
    Ok(())
}

fn copy_options(args: Args<'_>, turn: &mut Turn<'_>) -> Result<Copy, Refusal> {
    let mut options = Copy {
        database: turn.database,
        replaces: false,
    };
    let mut index = 3;
    while index < args.len() {
        if args.is(index, b"replace") {
            options.replaces = true;
        } else if args.is(index, b"db") && index + 1 < args.len() {
            index += 1;
            options.database = database_index(args.get(index), turn.databases())?;
        } else {
            return Err(Refusal::Syntax);
        }
        index += 1;
    }
    Ok(options)
}

const MOVE: Command = Command {
    spec: Spec {
        name: "MOVE",
        usage: "key db:integer",
        summary: "Moves a key to another database.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(move_key),
};

fn move_key(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let database = database_index(args.get(2), turn.databases())?;
    if database == turn.database {
        return Err(Refusal::SAME_OBJECT);
    }
    let key = turn.key(args, 1);
    let clock = turn.clock;
    let moves = turn.find(&key).is_some() && turn.db_at(database, &key).find(key, &clock).is_none();
    if moves {
        let value = turn.db(&key).take(key, &clock).expect("it was found");
        turn.db_at(database, &key).put(key, value, &clock);
        turn.changed(1);
        turn.touch(&key, EventClass::Generic, "move_from");
        turn.touch_at(database, &key, EventClass::Generic, "move_to");
    }
    reply.int(i64::from(moves));
    Ok(())
}
