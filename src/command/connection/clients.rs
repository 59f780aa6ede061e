//! CLIENT subcommands about the clients of every core.

use crate::base::{Taken, parse_i64};
use crate::command::gather::{Gather, Part};
use crate::command::scene::{Pause, Scene, Wish};
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};

use super::describe::describe;
use super::filter::Filter;

const CHECKED: &str = "the arguments were checked before the parts ran";

pub(super) const CLIENT_LIST: Command = Command {
    spec: Spec {
        name: "LIST",
        usage: "[TYPE client-type=(NORMAL | MASTER | REPLICA | PUBSUB){5.0.0}] [ID \
            client-id:integer{6.2.0}...]",
        summary: "Describes connections, one in a line.",
        since: "2.4.0",
        cost: "O(N) with N the number of connections",
        group: Group::Connection,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &["nondeterministic_output"],
        history: &[
            ("2.8.12", "The field id."),
            ("5.0.0", "The filter TYPE."),
            ("6.0.0", "The field user."),
            (
                "6.2.0",
                "The fields argv-mem, tot-mem, laddr and redir, and the filter ID.",
            ),
            ("7.0.0", "The fields resp, multi-mem, rbs and rbp."),
            ("7.0.3", "The field ssub."),
        ],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(LIST),
};

const LIST: Gather = Gather {
    check: |_, args| Filter::of_list(args).map(|_| ()),
    part: list_part,
    merge: list_merge,
};

/// A line per client.
fn list_part(part: &mut Part<'_>, args: Args<'_>, out: &mut Vec<u8>) {
    let filter = Filter::of_list(args).expect(CHECKED);
    for (_, session) in part.local.roster.iter() {
        if filter.fits(session) && !session.is_gone && !session.client.is_double {
            out.extend_from_slice(describe(session, part.clock.now).as_bytes());
            out.push(b'\n');
        }
    }
}

fn list_merge(
    _: &mut Scene<'_>,
    args: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let lines = answers
        .iter()
        .flat_map(|answer| answer.split_inclusive(|&byte| byte == b'\n'));
    let mut lines: Vec<&[u8]> = lines.collect();
    match Filter::of_list(args).expect(CHECKED).ids() {
        // Named clients come in the order they were named in.
        Some(ids) => lines.sort_by_key(|line| ids.iter().position(|id| *id == client_id(line))),
        None => lines.sort_by_key(|line| client_id(line)),
    }
    let text = lines.concat();
    reply.verbatim("txt", &text);
    Ok(())
}

/// The number after `id=`, so that the cores' lines are in one order.
fn client_id(line: &[u8]) -> u64 {
    let digits = line.iter().skip(3).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |id, digit| id * 10 + u64::from(digit - b'0'))
}

pub(super) const CLIENT_KILL: Command = Command {
    spec: Spec {
        name: "KILL",
        usage: "filter=(old-format\"ip:port\"{..2.8.12} | new-format=([ID client-id:integer{2.8.12}] \
            | [TYPE client-type=(NORMAL | MASTER{3.2.0} | SLAVE | REPLICA{5.0.0} | \
            PUBSUB){2.8.12}] | [USER username] | [ADDR addr\"ip:port\"] | [LADDR \
            laddr\"ip:port\"{6.2.0}] | [SKIPME skipme=(YES | NO)])...)",
        summary: "Closes connections.",
        since: "2.4.0",
        cost: "O(N) with N the number of connections",
        group: Group::Connection,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        history: &[
            ("2.8.12", "Filters by name."),
            ("2.8.12", "The filter ID."),
            ("3.2.0", "Type master."),
            ("5.0.0", "Type replica; slave still means the same."),
            ("6.2.0", "The filter LADDR."),
        ],
        arity: Some(-3),
        ..Spec::PLAIN
    },
    run: Run::Everywhere(KILL),
};

const KILL: Gather = Gather {
    check: |_, args| Filter::of_kill(args).map(|_| ()),
    part: kill_part,
    merge: kill_merge,
};

fn kill_part(part: &mut Part<'_>, args: Args<'_>, out: &mut Vec<u8>) {
    let filter = Filter::of_kill(args).expect(CHECKED);
    let (caller, core) = (part.caller, part.local.core);
    let mut killed = 0u64;
    for (id, session) in part.local.roster.iter_mut() {
        let is_caller = caller.core == core && caller.session == id;
        if !filter.fits(session) || session.is_gone || (is_caller && filter.skips_caller) {
            continue;
        }
        killed += u64::from(!session.client.is_double);
        // What came of the primary still runs.
        session.client.close_asap = !session.client.is_obeyed();
        // The caller still reads its reply.
        if !is_caller {
            part.local.wishes.push(Wish::Close(id));
        }
    }
    out.extend_from_slice(&killed.to_le_bytes());
}

fn kill_merge(
    _: &mut Scene<'_>,
    args: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let killed: u64 = answers.iter().map(|answer| number(answer)).sum();
    if !Filter::of_kill(args).expect(CHECKED).is_old_form {
        reply.int(killed as i64);
    } else if killed > 0 {
        reply.ok();
    } else {
        return Err(Refusal::NO_SUCH_CLIENT);
    }
    Ok(())
}

/// A count of eight bytes, little endian.
fn number(answer: &[u8]) -> u64 {
    u64::from_le_bytes(answer.try_into().expect("a part answers with eight bytes"))
}

pub(super) const CLIENT_PAUSE: Command = Command {
    spec: Spec {
        name: "PAUSE",
        usage: "timeout:integer [mode=(WRITE | ALL){6.2.0}]",
        summary: "Makes commands of clients wait for some time.",
        since: "3.0.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        history: &[(
            "6.2.0",
            "Pauses of writes only, and the mode to choose them.",
        )],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(PAUSE),
};

const PAUSE: Gather = Gather {
    check: |_, args| pause(args, 0).map(|_| ()),
    part: pause_part,
    merge: answer_ok,
};

/// A longer pause is not cut short by a shorter one, as in stock.
fn pause_part(part: &mut Part<'_>, args: Args<'_>, _: &mut Vec<u8>) {
    let new = pause(args, part.clock.now).expect(CHECKED);
    let old = part.local.pause.filter(|old| old.until_ms > part.clock.now);
    part.local.pause = Some(match old {
        Some(old) => Pause {
            until_ms: old.until_ms.max(new.until_ms),
            all: old.all || new.all,
        },
        None => new,
    });
}

fn pause(args: Args<'_>, now_ms: u64) -> Result<Pause, Refusal> {
    let all = match args.len() {
        3 => true,
        4 if args.is(3, b"all") => true,
        4 if args.is(3, b"write") => false,
        4 => return Err(Refusal::CLIENT_PAUSE_MODE),
        _ => return Err(Refusal::wrong_arity("client|pause")),
    };
    let timeout = parse_i64(args.get(2)).ok_or(Refusal::TIMEOUT_NOT_INTEGER)?;
    let timeout = u64::try_from(timeout).map_err(|_| Refusal::TIMEOUT_NEGATIVE)?;
    Ok(Pause {
        until_ms: now_ms.saturating_add(timeout),
        all,
    })
}

pub(super) const CLIENT_UNPAUSE: Command = Command {
    spec: Spec {
        name: "UNPAUSE",
        summary: "Ends a pause of clients.",
        since: "6.2.0",
        cost: "O(N) with N the number of paused clients",
        group: Group::Connection,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Everywhere(UNPAUSE),
};

const UNPAUSE: Gather = Gather {
    check: |_, _| Ok(()),
    part: |part, _, _| part.local.wishes.push(Wish::EndPause),
    merge: answer_ok,
};

fn answer_ok(_: &mut Scene<'_>, _: Args<'_>, _: &[Vec<u8>], reply: &mut Reply<'_>) -> Outcome {
    reply.ok();
    Ok(())
}

pub(super) const CLIENT_UNBLOCK: Command = Command {
    spec: Spec {
        name: "UNBLOCK",
        usage: "client-id:integer [unblock-type=(TIMEOUT | ERROR)]",
        summary: "Ends the wait of a client in a blocking command.",
        since: "5.0.0",
        cost: "O(log N) with N the number of connections",
        group: Group::Connection,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Everywhere(UNBLOCK),
};

const UNBLOCK: Gather = Gather {
    check: |_, args| to_unblock(args).map(|_| ()),
    part: unblock_part,
    merge: unblock_merge,
};

/// The client's id, and whether it is told of an error.
fn to_unblock(args: Args<'_>) -> Result<(i64, bool), Refusal> {
    let with_error = match args.len() {
        3 => false,
        4 if args.is(3, b"timeout") => false,
        4 if args.is(3, b"error") => true,
        4 => return Err(Refusal::CLIENT_UNBLOCK_REASON),
        _ => return Err(Refusal::wrong_arity("client|unblock")),
    };
    let id = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    Ok((id, with_error))
}

/// Takes the claim of a client that waits here, so that nobody else answers.
fn unblock_part(part: &mut Part<'_>, args: Args<'_>, out: &mut Vec<u8>) {
    let (client, error) = to_unblock(args).expect(CHECKED);
    let mut sessions = part.local.roster.iter();
    let found = sessions.find(|(_, session)| u64::try_from(client) == Ok(session.client.id));
    let wish = found.and_then(|(session, found)| {
        if found.waits {
            return Some(Wish::EndWait { session, error });
        }
        let is_taken = found.blocked.as_ref()?.wait.claim.take() == Taken::Yes;
        is_taken.then_some(Wish::Unblock { session, error })
    });
    out.push(u8::from(wish.is_some()));
    part.local.wishes.extend(wish);
}

fn unblock_merge(
    _: &mut Scene<'_>,
    _: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let is_done = answers.iter().any(|answer| answer == &[1]);
    reply.int(i64::from(is_done));
    Ok(())
}
