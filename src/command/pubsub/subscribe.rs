//! SUBSCRIBE, UNSUBSCRIBE and their kin for patterns and shard channels.
//!
//! What they answer are pushes, one for each name. The server gives them when
//! every core knows of the change.

use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::pubsub::Kind;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::session::Subscribed;
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

pub(crate) const COMMANDS: &[Command] = &[
    PSUBSCRIBE,
    PUNSUBSCRIBE,
    SSUBSCRIBE,
    SUBSCRIBE,
    SUNSUBSCRIBE,
    UNSUBSCRIBE,
];

const FLAGS: Flags = Flags::PUBSUB
    .and(Flags::NOSCRIPT)
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::WHILE_SUBSCRIBED);

/// Shard channels are routed like keys.
const SHARD_CHANNELS: &[Keys] = &[Keys::range(1, -1, 1, KeyFlags::NOT_KEY)];

const SUBSCRIBE: Command = Command {
    spec: Spec {
        name: "SUBSCRIBE",
        usage: "channel...",
        summary: "Listens to channels.",
        since: "2.0.0",
        cost: "O(N) with N the number of channels",
        group: Group::Pubsub,
        flags: FLAGS,
        ..Spec::PLAIN
    },
    run: Run::Here(|scene, args, reply| join(scene, Kind::Channel, args, reply)),
};

const PSUBSCRIBE: Command = Command {
    spec: Spec {
        name: "PSUBSCRIBE",
        usage: "pattern=(pattern:pattern)...",
        summary: "Listens to all channels that fit patterns.",
        cost: "O(N) with N the number of patterns",
        ..SUBSCRIBE.spec
    },
    run: Run::Here(|scene, args, reply| join(scene, Kind::Pattern, args, reply)),
};

const SSUBSCRIBE: Command = Command {
    spec: Spec {
        name: "SSUBSCRIBE",
        usage: "shardchannel...",
        summary: "Listens to shard channels.",
        since: "7.0.0",
        cost: "O(N) with N the number of shard channels",
        keys: SHARD_CHANNELS,
        ..SUBSCRIBE.spec
    },
    run: Run::Here(ssubscribe),
};

const UNSUBSCRIBE: Command = Command {
    spec: Spec {
        name: "UNSUBSCRIBE",
        usage: "[channel...]",
        summary: "Stops listening to channels, or to all.",
        ..SUBSCRIBE.spec
    },
    run: Run::Here(|scene, args, reply| leave(scene, Kind::Channel, args, reply)),
};

const PUNSUBSCRIBE: Command = Command {
    spec: Spec {
        name: "PUNSUBSCRIBE",
        usage: "[pattern:pattern...]",
        summary: "Stops listening to patterns, or to all.",
        ..PSUBSCRIBE.spec
    },
    run: Run::Here(|scene, args, reply| leave(scene, Kind::Pattern, args, reply)),
};

const SUNSUBSCRIBE: Command = Command {
    spec: Spec {
        name: "SUNSUBSCRIBE",
        usage: "[shardchannel...]",
        summary: "Stops listening to shard channels, or to all.",
        ..SSUBSCRIBE.spec
    },
    run: Run::Here(|scene, args, reply| leave(scene, Kind::ShardChannel, args, reply)),
};

/// Alone of its kin refused in a transaction, as in stock.
fn ssubscribe(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if scene.session().is_in_exec {
        return Err(Refusal::SSUBSCRIBE_IN_EXEC);
    }
    join(scene, Kind::ShardChannel, args, reply)
}

fn join(scene: &mut Scene<'_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let verb = match kind {
        Kind::Channel => "subscribe",
        Kind::Pattern => "psubscribe",
        Kind::ShardChannel => "ssubscribe",
    };
    for name in args.tail(1).iter() {
        scene.local.directory.join(kind, scene.me, name);
        confirm(scene, kind, verb, Some(name), reply);
    }
    Ok(())
}

fn leave(scene: &mut Scene<'_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let verb = match kind {
        Kind::Channel => "unsubscribe",
        Kind::Pattern => "punsubscribe",
        Kind::ShardChannel => "sunsubscribe",
    };
    for name in args.tail(1).iter() {
        scene.local.directory.leave(kind, scene.me, name);
        confirm(scene, kind, verb, Some(name), reply);
    }
    if args.len() > 1 {
        return Ok(());
    }
    let names = scene.local.directory.names_of(kind, scene.me);
    for name in &names {
        scene.local.directory.leave(kind, scene.me, name);
        confirm(scene, kind, verb, Some(name), reply);
    }
    if names.is_empty() {
        confirm(scene, kind, verb, None, reply);
    }
    Ok(())
}

/// Tells the client of one name, and how many it listens to now: channels and
/// patterns together, shard channels apart.
fn confirm(
    scene: &mut Scene<'_>,
    kind: Kind,
    verb: &str,
    name: Option<&[u8]>,
    reply: &mut Reply<'_>,
) {
    let directory = &scene.local.directory;
    let count = |kind| directory.count(kind, scene.me);
    let subscribed = Subscribed {
        channels: count(Kind::Channel),
        patterns: count(Kind::Pattern),
        shard_channels: count(Kind::ShardChannel),
    };
    scene.client().subscribed = subscribed;
    reply.push(3);
    reply.text(verb);
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.int(match kind {
        Kind::Channel | Kind::Pattern => subscribed.channels + subscribed.patterns,
        Kind::ShardChannel => subscribed.shard_channels,
    } as i64);
}
