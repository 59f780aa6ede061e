//! AUTH, HELLO, PING and the other commands about this connection.

use crate::base::parse_i64;
use crate::command::REDIS_VERSION;
use crate::command::database::database_index;
use crate::command::scene::{Scene, Wish};
use crate::command::table::{Command, Run};
use crate::command::transaction::unwatch_all;
use crate::resp::{Args, Outcome, Refusal, Reply, Version};
use crate::session::{Regard, ReplyMode, Subscribed};
use crate::spec::{Deprecated, Flags, Group, Spec};

use super::client::is_plain;

pub(crate) const COMMANDS: &[Command] = &[AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT];

const PING: Command = Command {
    spec: Spec {
        name: "PING",
        usage: "[message]",
        summary: "Answers PONG, or what it is given.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::FAST.and(Flags::WHILE_SUBSCRIBED),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Spec::PLAIN
    },
    run: Run::Here(ping),
};

fn ping(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 2 {
        return Err(Refusal::wrong_arity("ping"));
    }
    if scene.client().is_confined() {
        // In the form of a message: its client expects nothing else.
        reply.array(2);
        reply.text("pong");
        reply.bulk(args.iter().nth(1).unwrap_or_default());
        return Ok(());
    }
    match args.len() {
        1 => reply.simple("PONG"),
        _ => reply.bulk(args.get(1)),
    }
    Ok(())
}

const ECHO: Command = Command {
    spec: Spec {
        name: "ECHO",
        usage: "message",
        summary: "Returns what it is given.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
        ..Spec::PLAIN
    },
    run: Run::Here(echo),
};

fn echo(_: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.bulk(args.get(1));
    Ok(())
}

const SELECT: Command = Command {
    spec: Spec {
        name: "SELECT",
        usage: "index:integer",
        summary: "Chooses the database of the connection.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
        ..Spec::PLAIN
    },
    run: Run::Here(select),
};

fn select(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let databases = scene.local.live.databases as usize;
    scene.client().database = database_index(args.get(1), databases)?;
    reply.ok();
    Ok(())
}

const QUIT: Command = Command {
    spec: Spec {
        name: "QUIT",
        summary: "Closes the connection after the reply.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::NO_AUTH)
            .and(Flags::ALLOW_BUSY)
            .and(Flags::WHILE_SUBSCRIBED),
        deprecated: Some(Deprecated {
            since: "7.2.0",
            replaced_by: "closing the connection",
        }),
        arity: Some(-1),
        ..Spec::PLAIN
    },
    run: Run::Here(quit),
};

fn quit(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    scene.client().close_asap = true;
    reply.ok();
    Ok(())
}

const RESET: Command = Command {
    spec: Spec {
        name: "RESET",
        summary: "Puts the connection back into the state of a new one.",
        since: "6.2.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::NO_AUTH)
            .and(Flags::ALLOW_BUSY)
            .and(Flags::WHILE_SUBSCRIBED),
        ..Spec::PLAIN
    },
    run: Run::Here(reset),
};

fn reset(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let needs_password = scene.local.live.requirepass.is_some();
    scene.session().transaction = None;
    unwatch_all(scene);
    let client = scene.client();
    client.database = 0;
    client.version = Version::Two;
    client.name = Box::default();
    client.reply_mode = ReplyMode::On;
    client.no_evict = false;
    client.regard = Regard::Usual;
    client.authenticated = !needs_password;
    client.subscribed = Subscribed::default();
    if std::mem::take(&mut client.is_monitor) {
        scene.local.wishes.push(Wish::MonitorLeft);
    }
    scene.local.directory.leave_all(scene.me);
    reply.set_version(Version::Two);
    reply.simple("RESET");
    Ok(())
}

const AUTH: Command = Command {
    spec: Spec {
        name: "AUTH",
        usage: "[username{6.0.0}] password",
        summary: "Authenticates the connection.",
        since: "1.0.0",
        cost: "O(N) with N the number of passwords of the user",
        group: Group::Connection,
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::NO_AUTH)
            .and(Flags::ALLOW_BUSY),
        history: &[("6.0.0", "User names.")],
        ..Spec::PLAIN
    },
    run: Run::Here(auth),
};

fn auth(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (user, password) = match args.len() {
        2 => (&b"default"[..], args.get(1)),
        3 => (args.get(1), args.get(2)),
        _ => return Err(Refusal::Syntax),
    };
    if args.len() == 2 && scene.local.live.requirepass.is_none() {
        return Err(Refusal::NO_PASSWORD_SET);
    }
    authenticate(scene, user, password)?;
    reply.ok();
    Ok(())
}

/// Checks the default user's password in a time that does not tell how much of
/// it was right.
fn authenticate(scene: &mut Scene<'_>, user: &[u8], password: &[u8]) -> Outcome {
    let wanted = scene.local.live.requirepass.clone();
    let is_right = match &wanted {
        None => true,
        Some(wanted) => is_same(wanted, password),
    };
    if user != b"default" || !is_right {
        return Err(Refusal::WRONG_PASSWORD);
    }
    scene.client().authenticated = true;
    Ok(())
}

fn is_same(wanted: &[u8], given: &[u8]) -> bool {
    let mut difference = wanted.len() ^ given.len();
    for (index, byte) in given.iter().enumerate() {
        difference |= usize::from(byte ^ wanted[index % wanted.len()]);
    }
    difference == 0
}

const HELLO: Command = Command {
    spec: Spec {
        name: "HELLO",
        usage: "[arguments=(protover:integer [AUTH auth=(username password)] [SETNAME clientname])]",
        summary: "Chooses the protocol version, and describes the server.",
        since: "6.0.0",
        cost: "O(1)",
        group: Group::Connection,
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::NO_AUTH)
            .and(Flags::ALLOW_BUSY),
        history: &[("6.2.0", "The protocol version may be left out.")],
        ..Spec::PLAIN
    },
    run: Run::Here(hello),
};

/// HELLO's arguments.
#[derive(Default)]
struct Hello<'a> {
    version: Option<Version>,
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn hello(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let hello = parse_hello(args)?;
    if let Some((user, password)) = hello.credentials {
        authenticate(scene, user, password)?;
    }
    if !scene.client().authenticated {
        return Err(Refusal::NO_AUTH_HELLO);
    }
    if let Some(name) = hello.name {
        scene.client().name = name.into();
    }
    if let Some(version) = hello.version {
        scene.client().version = version;
        reply.set_version(version);
    }
    let role = if scene.local.live.is_replica() {
        "replica"
    } else {
        "master"
    };
    let client = scene.client();
    reply.map(7);
    reply.text("server");
    reply.text("redis");
    reply.text("version");
    reply.text(REDIS_VERSION);
    reply.text("proto");
    reply.int(match client.version {
        Version::Two => 2,
        Version::Three => 3,
    });
    reply.text("id");
    reply.int(client.id as i64);
    reply.text("mode");
    reply.text("standalone");
    reply.text("role");
    reply.text(role);
    reply.text("modules");
    reply.array(0);
    Ok(())
}

fn parse_hello(args: Args<'_>) -> Result<Hello<'_>, Refusal> {
    let mut hello = Hello::default();
    if args.len() > 1 {
        let version = parse_i64(args.get(1)).ok_or(Refusal::PROTOCOL_NOT_INTEGER)?;
        hello.version = Some(match version {
            2 => Version::Two,
            3 => Version::Three,
            _ => return Err(Refusal::NO_PROTOCOL),
        });
    }
    let mut index = 2;
    while index < args.len() {
        let more = args.len() - 1 - index;
        if args.is(index, b"auth") && more >= 2 {
            hello.credentials = Some((args.get(index + 1), args.get(index + 2)));
            index += 3;
        } else if args.is(index, b"setname") && more >= 1 {
            let name = args.get(index + 1);
            if !is_plain(name) {
                return Err(Refusal::CLIENT_NAME);
            }
            hello.name = Some(name);
            index += 2;
        } else {
            return Err(Refusal::hello_option(args.get(index)));
        }
    }
    Ok(hello)
}
