//! What a replica says to its primary: REPLCONF, then PSYNC, or SYNC.

use crate::base::parse_i64;
use crate::command::scene::{Scene, Wish};
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};
use crate::telemetry::{Handover, Link};

pub(crate) const COMMANDS: &[Command] = &[PSYNC, REPLCONF, SYNC];

const PSYNC: Command = Command {
    spec: Spec {
        name: "PSYNC",
        usage: "replicationid offset:integer",
        summary: "Asks for what was written from there on, or for everything.",
        since: "2.8.0",
        cost: "",
        group: Group::Server,
        arity: Some(-3),
        flags: SYNC_FLAGS,
        ..Spec::PLAIN
    },
    run: Run::Here(psync),
};

const SYNC: Command = Command {
    spec: Spec {
        name: "SYNC",
        summary: "Asks for everything, and what is written from then on.",
        since: "1.0.0",
        cost: "",
        group: Group::Server,
        flags: SYNC_FLAGS,
        ..Spec::PLAIN
    },
    run: Run::Here(|scene, _, _| begin(scene, None, false)),
};

const SYNC_FLAGS: Flags = Flags::ADMIN
    .and(Flags::NOSCRIPT)
    .and(Flags::NO_ASYNC_LOADING)
    .and(Flags::NO_MULTI);

const REPLCONF: Command = Command {
    spec: Spec {
        name: "REPLCONF",
        summary: "Says what a replica to be is like.",
        since: "3.0.0",
        cost: "O(1)",
        group: Group::Server,
        arity: Some(-1),
        system: true,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::ALLOW_BUSY),
        ..Spec::PLAIN
    },
    run: Run::Here(replconf),
};

fn psync(scene: &mut Scene<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let Some(offset) = parse_i64(args.get(2)) else {
        let who = &scene.client().origin.address;
        let line = format!("Replica {who} asks for synchronization but with a wrong offset");
        scene.local.wishes.push(Wish::Log(line));
        return Err(Refusal::NotInteger);
    };
    let resume = (args.get(1).into(), offset);
    let fails_over = args.len() > 3 && args.is(3, b"failover");
    if fails_over {
        let local = &scene.local;
        if !local.live.is_replica() {
            return Err(Refusal::FAILOVER_TO_PRIMARY);
        }
        if !args.is(1, local.lineage.id.as_bytes()) {
            return Err(Refusal::FAILOVER_OF_ANOTHER);
        }
    }
    begin(scene, Some(resume), fails_over)
}

/// The client is a replica from now on, if it may be.
fn begin(scene: &mut Scene<'_>, resume: Option<(Box<[u8]>, i64)>, fails_over: bool) -> Outcome {
    let local = &scene.local;
    if local.replication.handover() != Handover::None {
        return Err(Refusal::SYNC_IN_FAILOVER);
    }
    let is_cut = local.live.is_replica() && local.replication.link() != Link::Connected;
    if is_cut && !fails_over {
        return Err(Refusal::NO_PRIMARY_LINK);
    }
    let outbox = &scene.session().outbox;
    if outbox.has_ready() || outbox.has_gaps() {
        return Err(Refusal::SYNC_BEHIND_REPLIES);
    }
    let session = scene.me;
    let wish = Wish::Replicate {
        session,
        resume,
        fails_over,
    };
    scene.local.wishes.push(wish);
    Ok(())
}

fn replconf(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(Refusal::Syntax);
    }
    let said = &mut scene.client().replica;
    for index in (1..args.len()).step_by(2) {
        let value = args.get(index + 1);
        let is_on = || parse_i64(value).map(|number| number != 0);
        if args.is(index, b"listening-port") {
            let port = parse_i64(value).ok_or(Refusal::NotInteger)?;
            said.port = port as u16;
        } else if args.is(index, b"ip-address") {
            let text = String::from_utf8_lossy(value);
            if text.len() >= ADDRESS_BYTES_MAX {
                return Err(Refusal::Composed(format!(
                    "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    text.len()
                )));
            }
            said.ip = text.into();
        } else if args.is(index, b"capa") {
            // Others are for what a newer server could do.
            said.eof |= args.is(index + 1, b"eof");
            said.psync2 |= args.is(index + 1, b"psync2");
        } else if args.is(index, b"rdb-only") {
            let is_on = is_on().ok_or(Refusal::NotInteger)?;
            said.rdb_only = is_on;
        } else if args.is(index, b"ack") || args.is(index, b"getack") {
            // A client that is no replica acknowledges nothing, and hears nothing.
            return Ok(());
        } else {
            return Err(Refusal::Composed(format!(
                "ERR Unrecognized REPLCONF option: {}",
                String::from_utf8_lossy(args.get(index))
            )));
        }
    }
    reply.ok();
    Ok(())
}

/// A longer name is no host's.
const ADDRESS_BYTES_MAX: usize = 256;
