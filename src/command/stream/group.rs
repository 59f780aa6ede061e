//! Groups and their consumers: XGROUP.

use crate::base::parse_i64;
use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Categories, Flags, Group as Family, KeyFlags, Keys, Spec};
use crate::value::stream::{Group, Id, Stream};

use super::id;

pub(crate) const COMMANDS: &[Command] = &[XGROUP];

const XGROUP: Command = Command {
    spec: Spec {
        name: "XGROUP",
        summary: "Makes and removes groups that read a stream together.",
        since: "5.0.0",
        cost: "Depends on the subcommand",
        group: Family::Stream,
        categories: Some(Categories::NONE),
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(&[
        XGROUP_CREATE,
        XGROUP_CREATECONSUMER,
        XGROUP_DELCONSUMER,
        XGROUP_DESTROY,
        XGROUP_HELP,
        XGROUP_SETID,
    ]),
};

const XGROUP_CREATE: Command = Command {
    spec: Spec {
        name: "CREATE",
        usage: "key group id-selector=(id | new-id=$) [MKSTREAM] \
            [ENTRIESREAD entriesread:integer\"entries-read\"]",
        summary: "Makes a group.",
        since: "5.0.0",
        cost: "O(1)",
        history: &[("7.0.0", "ENTRIESREAD.")],
        group: Family::Stream,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(2, KeyFlags::RW.and(KeyFlags::INSERT))],
        ..Spec::PLAIN
    },
    run: Run::Data(create),
};

/// The most words of CREATE: all of its options once.
const CREATE_WORDS_MAX: usize = 8;

fn create(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Options::parse(args, Of::Create)?;
    let key = turn.key(args, 2);
    let stream = turn.find_as::<Stream>(&key)?;
    if stream.is_none() && !options.makes_stream {
        return Err(Refusal::XGROUP_NO_KEY);
    }
    if args.len() > CREATE_WORDS_MAX {
        return Err(wrong_words(args));
    }
    let last_id = match args.get(4) {
        b"$" => stream.map_or(Id::MIN, |stream| stream.entries().history().last_id),
        word => id::exact(word, 0)?,
    };
    let is_there = stream.is_some();
    // No refusal follows where there is no stream yet.
    let stream = turn.edit_or_new::<Stream>(&key)?;
    let group = Group::new(last_id, options.entries_read);
    if !stream.add_group(args.get(3), group) {
        return Err(Refusal::XGROUP_BUSY);
    }
    reply.ok();
    turn.changed(1);
    if is_there {
        turn.notify(&key, EventClass::Stream, "xgroup-create");
    } else {
        turn.touch(&key, EventClass::Stream, "xgroup-create");
    }
    Ok(())
}

const XGROUP_SETID: Command = Command {
    spec: Spec {
        name: "SETID",
        usage: "key group id-selector=(id | new-id=$) \
            [ENTRIESREAD entriesread:integer\"entries-read\"]",
        summary: "Sets how far a group has read.",
        flags: Flags::WRITE,
        keys: &[Keys::one(2, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..XGROUP_CREATE.spec
    },
    run: Run::Data(set_id),
};

/// The most words of SETID.
const SETID_WORDS_MAX: usize = 7;

fn set_id(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Options::parse(args, Of::SetId)?;
    let key = turn.key(args, 2);
    let stream = edit(turn, &key)?;
    let last_id = stream.entries().history().last_id;
    let (_, group) = stream
        .group_mut(args.get(3))
        .ok_or_else(|| Refusal::no_group(args.get(3), key.bytes))?;
    if args.len() > SETID_WORDS_MAX {
        return Err(wrong_words(args));
    }
    group.last_id = match args.get(4) {
        b"$" => last_id,
        word => id::open(word, 0)?,
    };
    group.entries_read = options.entries_read;
    reply.ok();
    turn.changed(1);
    turn.notify(&key, EventClass::Stream, "xgroup-setid");
    Ok(())
}

const XGROUP_DESTROY: Command = Command {
    spec: Spec {
        name: "DESTROY",
        usage: "key group",
        summary: "Removes a group.",
        since: "5.0.0",
        cost: "O(1); what the group holds is freed a little at a time",
        group: Family::Stream,
        flags: Flags::WRITE,
        keys: &[Keys::one(2, KeyFlags::RW.and(KeyFlags::DELETE))],
        ..Spec::PLAIN
    },
    run: Run::Data(destroy),
};

fn destroy(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 2);
    let removed = edit(turn, &key)?.remove_group(args.get(3));
    reply.int(i64::from(removed.is_some()));
    if let Some(removed) = removed {
        turn.bury(&key, removed);
        turn.changed(1);
        turn.notify(&key, EventClass::Stream, "xgroup-destroy");
        // Who waits for the group is told that there is none.
        turn.look_again(&key);
        turn.look_for_ready();
    }
    Ok(())
}

const XGROUP_CREATECONSUMER: Command = Command {
    spec: Spec {
        name: "CREATECONSUMER",
        usage: "key group consumer",
        summary: "Makes a consumer of a group.",
        since: "6.2.0",
        cost: "O(log(N)) with N the consumers of the group",
        group: Family::Stream,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(2, KeyFlags::RW.and(KeyFlags::INSERT))],
        ..Spec::PLAIN
    },
    run: Run::Data(create_consumer),
};

fn create_consumer(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, now) = (turn.key(args, 2), turn.now());
    let group = edit_group(turn, &key, args.get(3))?;
    let is_new = group.find_consumer(args.get(4)).is_none();
    if is_new {
        group.add_consumer(args.get(4), now);
    }
    reply.int(i64::from(is_new));
    turn.changed(u64::from(is_new));
    if is_new {
        turn.notify(&key, EventClass::Stream, "xgroup-createconsumer");
    }
    Ok(())
}

const XGROUP_DELCONSUMER: Command = Command {
    spec: Spec {
        name: "DELCONSUMER",
        summary: "Removes a consumer of a group, and what is pending at it.",
        since: "5.0.0",
        cost: "O(N*log(M)) with N what is pending at the consumer and M at the group",
        flags: Flags::WRITE,
        keys: &[Keys::one(2, KeyFlags::RW.and(KeyFlags::DELETE))],
        ..XGROUP_CREATECONSUMER.spec
    },
    run: Run::Data(delete_consumer),
};

fn delete_consumer(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 2);
    let pending = edit_group(turn, &key, args.get(3))?.remove_consumer(args.get(4));
    reply.int(pending.unwrap_or(0) as i64);
    turn.changed(u64::from(pending.is_some()));
    if pending.is_some() {
        turn.notify(&key, EventClass::Stream, "xgroup-delconsumer");
    }
    Ok(())
}

const XGROUP_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what XGROUP can do.",
        since: "5.0.0",
        cost: "O(1)",
        group: Family::Stream,
        flags: Flags::LOADING.and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(help),
};

fn help(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help::print(reply, "XGROUP", HELP)
}

const HELP: &[&str] = &[
    "CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <count>]",
    "    A group that reads what comes after <id>, or after the last entry.",
    "    MKSTREAM makes an empty stream where there is none. ENTRIESREAD says",
    "    how many entries were added up to <id>, for the group's lag.",
    "CREATECONSUMER <key> <group> <consumer>",
    "    A consumer. Reading as one makes it too.",
    "DELCONSUMER <key> <group> <consumer>",
    "    Without the consumer; replies how many entries were pending at it.",
    "DESTROY <key> <group>",
    "    Without the group.",
    "SETID <key> <group> <id|$> [ENTRIESREAD <count>]",
    "    The group reads on behind <id>, or behind the last entry.",
];

/// Whose options are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Create,
    SetId,
}

#[derive(Clone, Copy, Debug, Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(args: Args<'_>, of: Of) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut index = 5;
        while index < args.len() {
            if of == Of::Create && args.is(index, b"mkstream") {
                options.makes_stream = true;
            } else if args.is(index, b"entriesread") && index + 1 < args.len() {
                index += 1;
                let count = parse_i64(args.get(index)).ok_or(Refusal::NotInteger)?;
                options.entries_read = match count {
                    -1 => None,
                    count => Some(u64::try_from(count).map_err(|_| Refusal::ENTRIESREAD)?),
                };
            } else {
                return Err(wrong_words(args));
            }
            index += 1;
        }
        Ok(options)
    }
}

fn wrong_words(args: Args<'_>) -> Refusal {
    Refusal::subcommand_syntax(args.get(1), "XGROUP")
}

/// The stream of a key, which must be there.
fn edit<'t>(turn: &'t mut Turn<'_>, key: &Key<'_>) -> Result<&'t mut Stream, Refusal> {
    turn.edit_as::<Stream>(key)?.ok_or(Refusal::XGROUP_NO_KEY)
}

/// A group of a key, both of which must be there.
fn edit_group<'t>(
    turn: &'t mut Turn<'_>,
    key: &Key<'_>,
    name: &[u8],
) -> Result<&'t mut Group, Refusal> {
    let (_, group) = edit(turn, key)?
        .group_mut(name)
        .ok_or_else(|| Refusal::no_group(name, key.bytes))?;
    Ok(group)
}
