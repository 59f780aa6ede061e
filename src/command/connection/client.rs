//! CLIENT: the container, and the subcommands about this connection.

use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::session::{Client, Regard, ReplyMode};
use crate::spec::{Categories, Flags, Group, Spec};

use super::clients;
use super::describe::describe;

pub(crate) const COMMANDS: &[Command] = &[CLIENT];

const CLIENT: Command = Command {
    spec: Spec {
        name: "CLIENT",
        summary: "Shows and controls the connections of clients.",
        since: "2.4.0",
        cost: "Depends on the subcommand",
        group: Group::Connection,
        categories: Some(Categories::NONE),
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(SUBCOMMANDS),
};

const SUBCOMMANDS: &[Command] = &[
    CLIENT_GETNAME,
    CLIENT_HELP,
    CLIENT_ID,
    CLIENT_INFO,
    clients::CLIENT_KILL,
    clients::CLIENT_LIST,
    CLIENT_NO_EVICT,
    CLIENT_NO_TOUCH,
    clients::CLIENT_PAUSE,
    CLIENT_REPLY,
    CLIENT_SETINFO,
    CLIENT_SETNAME,
    clients::CLIENT_UNBLOCK,
    clients::CLIENT_UNPAUSE,
];

const CLIENT_ID: Command = Command {
    spec: Spec {
        name: "ID",
        summary: "Returns the identifier of the connection.",
        since: "5.0.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(id),
};

fn id(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.int(scene.client().id as i64);
    Ok(())
}

const CLIENT_INFO: Command = Command {
    spec: Spec {
        name: "INFO",
        summary: "Describes the connection.",
        since: "6.2.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE),
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Here(info),
};

fn info(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now_ms = scene.now_ms;
    let mut line = describe(scene.session(), now_ms);
    line.push('\n');
    reply.verbatim("txt", line.as_bytes());
    Ok(())
}

const CLIENT_GETNAME: Command = Command {
    spec: Spec {
        name: "GETNAME",
        summary: "Returns the name of the connection.",
        since: "2.6.9",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(getname),
};

fn getname(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let client = scene.client();
    if client.name.is_empty() {
        reply.null();
    } else {
        reply.bulk(&client.name);
    }
    Ok(())
}

const CLIENT_SETNAME: Command = Command {
    spec: Spec {
        name: "SETNAME",
        usage: "connection-name",
        summary: "Names the connection.",
        since: "2.6.9",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..Spec::PLAIN
    },
    run: Run::Here(setname),
};

fn setname(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let name = args.get(2);
    if !is_plain(name) {
        return Err(Refusal::CLIENT_NAME);
    }
    scene.client().name = name.into();
    reply.ok();
    Ok(())
}

const CLIENT_SETINFO: Command = Command {
    spec: Spec {
        name: "SETINFO",
        usage: "attr=(LIB-NAME libname | LIB-VER libver)",
        summary: "Names the client library of the connection and its version.",
        since: "7.2.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..Spec::PLAIN
    },
    run: Run::Here(setinfo),
};

fn setinfo(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let value = args.get(3);
    let field: fn(&mut Client) -> &mut Box<[u8]>;
    if args.is(2, b"lib-name") {
        if !is_plain(value) {
            return Err(Refusal::CLIENT_INFO_VALUE);
        }
        field = |client| &mut client.library_name;
    } else if args.is(2, b"lib-ver") {
        if !is_plain(value) {
            return Err(Refusal::CLIENT_LIB_VER_VALUE);
        }
        field = |client| &mut client.library_version;
    } else {
        let option = String::from_utf8_lossy(args.get(2));
        return Err(Refusal::Composed(format!(
            "ERR Unrecognized option '{option}'"
        )));
    }
    *field(scene.client()) = value.into();
    reply.ok();
    Ok(())
}

const CLIENT_REPLY: Command = Command {
    spec: Spec {
        name: "REPLY",
        usage: "action=(ON | OFF | SKIP)",
        summary: "Sets whether the connection gets replies.",
        since: "3.2.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(reply_mode),
};

fn reply_mode(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let client = scene.client();
    if args.is(2, b"on") {
        client.reply_mode = ReplyMode::On;
        reply.ok();
    } else if args.is(2, b"off") {
        client.reply_mode = ReplyMode::Off;
    } else if args.is(2, b"skip") {
        if client.reply_mode != ReplyMode::Off {
            client.reply_mode = ReplyMode::SkipNext;
        }
    } else {
        return Err(Refusal::Syntax);
    }
    Ok(())
}

const CLIENT_NO_EVICT: Command = Command {
    spec: Spec {
        name: "NO-EVICT",
        usage: "enabled=(ON | OFF)",
        summary: "Excludes the connection from being closed when clients use too much memory.",
        since: "7.0.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(no_evict),
};

fn no_evict(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    scene.client().no_evict = is_on(args)?;
    reply.ok();
    Ok(())
}

const CLIENT_NO_TOUCH: Command = Command {
    spec: Spec {
        name: "NO-TOUCH",
        usage: "enabled=(ON | OFF)",
        summary: "Sets whether commands of the connection count as accesses to keys.",
        since: "7.2.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(no_touch),
};

fn no_touch(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let regard = if is_on(args)? {
        Regard::NoTouch
    } else {
        Regard::Usual
    };
    scene.client().regard = regard;
    reply.ok();
    Ok(())
}

fn is_on(args: Args<'_>) -> Result<bool, Refusal> {
    if args.is(2, b"on") {
        Ok(true)
    } else if args.is(2, b"off") {
        Ok(false)
    } else {
        Err(Refusal::Syntax)
    }
}

const CLIENT_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what CLIENT can do.",
        since: "5.0.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::LOADING.and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(help),
};

fn help(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help::print(reply, "CLIENT", HELP)
}

const HELP: &[&str] = &[
    "GETNAME",
    "    The name of this connection.",
    "ID",
    "    The id of this connection.",
    "INFO",
    "    What CLIENT LIST says of this connection.",
    "KILL <ip:port>",
    "    End the connection that comes from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    End the connections that fit all of:",
    "    * ADDR (<ip:port>|<unixsocket>:0), LADDR (<ip:port>|<unixsocket>:0)",
    "    * ID <id>, TYPE (NORMAL|MASTER|REPLICA|PUBSUB), USER <username>",
    "    * SKIPME (YES|NO): whether this connection is spared (default: yes).",
    "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <id> [<id> ...]]",
    "    One line for each connection.",
    "NO-EVICT (ON|OFF)",
    "    Spare this connection when clients' memory is short.",
    "NO-TOUCH (ON|OFF)",
    "    Let this connection's commands leave no trace in LRU and LFU.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Hold back writes, or everything, for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Whether this connection is sent replies.",
    "SETINFO (LIB-NAME <name>|LIB-VER <version>)",
    "    Name the client library of this connection.",
    "SETNAME <name>",
    "    Name this connection.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Let a blocked client go on.",
    "UNPAUSE",
    "    End a pause before its time.",
];

/// Names go into lines of text: only visible ASCII, and no spaces.
pub(super) fn is_plain(name: &[u8]) -> bool {
    name.iter().all(|byte| (b'!'..=b'~').contains(byte))
}
