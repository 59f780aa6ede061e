//! REPLICAOF, and its name of before: SLAVEOF.

use crate::base::parse_i64;
use crate::command::errand::Errand;
use crate::command::scene::Node;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Deprecated, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[REPLICAOF, SLAVEOF];

const REPLICAOF: Command = Command {
    spec: Spec {
        name: "REPLICAOF",
        usage: "args=(host-port=(host port:integer) | no-one=(NO ONE))",
        summary: "Follows a primary from now on, or none.",
        since: "5.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::STALE)
            .and(Flags::NO_ASYNC_LOADING),
        ..Spec::PLAIN
    },
    run: Run::Node(replicaof),
};

const SLAVEOF: Command = Command {
    spec: Spec {
        name: "SLAVEOF",
        since: "1.0.0",
        deprecated: Some(Deprecated {
            since: "5.0.0",
            replaced_by: "`REPLICAOF`",
        }),
        ..REPLICAOF.spec
    },
    run: Run::Node(replicaof),
};

fn replicaof(node: &mut Node<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.is(1, b"no") && args.is(2, b"one") {
        node.errand = Some(Errand::Unfollow);
        return Ok(());
    }
    let port = parse_i64(args.get(2)).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(Refusal::INVALID_PRIMARY_PORT)?;
    let host = String::from_utf8_lossy(args.get(1)).into_owned();
    let is_same = |(now, at): (Box<str>, u16)| now.eq_ignore_ascii_case(&host) && at == port;
    if node.settings.primary().is_some_and(is_same) {
        reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    node.errand = Some(Errand::Follow { host, port });
    Ok(())
}
