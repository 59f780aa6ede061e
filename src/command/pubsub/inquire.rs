//! PUBSUB: what is listened to, on the whole node.

use crate::base::{Case, glob_matches};
use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::pubsub::{Kind, Name};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[PUBSUB];

const PUBSUB: Command = Command {
    spec: Spec {
        name: "PUBSUB",
        summary: "Tells what is listened to.",
        since: "2.8.0",
        cost: "Depends on the subcommand",
        group: Group::Pubsub,
        categories: Some(Categories::NONE),
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(SUBCOMMANDS),
};

const SUBCOMMANDS: &[Command] = &[
    PUBSUB_CHANNELS,
    PUBSUB_HELP,
    PUBSUB_NUMPAT,
    PUBSUB_NUMSUB,
    PUBSUB_SHARDCHANNELS,
    PUBSUB_SHARDNUMSUB,
];

const FLAGS: Flags = Flags::PUBSUB.and(Flags::LOADING).and(Flags::STALE);

const PUBSUB_CHANNELS: Command = Command {
    spec: Spec {
        name: "CHANNELS",
        usage: "[pattern:pattern]",
        summary: "Lists the channels that have subscribers.",
        since: "2.8.0",
        cost: "O(N) with N the channels that have subscribers",
        group: Group::Pubsub,
        flags: FLAGS,
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Here(|scene, args, reply| channels(scene, Kind::Channel, args, reply)),
};

const PUBSUB_SHARDCHANNELS: Command = Command {
    spec: Spec {
        name: "SHARDCHANNELS",
        usage: "[pattern:pattern]",
        summary: "Lists the shard channels that have subscribers.",
        since: "7.0.0",
        cost: "O(N) with N the shard channels that have subscribers",
        group: Group::Pubsub,
        flags: FLAGS,
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Here(|scene, args, reply| channels(scene, Kind::ShardChannel, args, reply)),
};

fn channels(scene: &mut Scene<'_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let pattern = match args.len() {
        2 => None,
        3 => Some(args.get(2)),
        _ => return Err(Refusal::subcommand_syntax(args.get(1), "PUBSUB")),
    };
    let fits =
        |name: &&Name| pattern.is_none_or(|pattern| glob_matches(pattern, name, Case::Sensitive));
    let mark = reply.deferred();
    let mut len = 0;
    for name in scene.local.directory.names(kind).filter(fits) {
        reply.bulk(name);
        len += 1;
    }
    reply.fill_array(mark, len);
    Ok(())
}

const PUBSUB_NUMSUB: Command = Command {
    spec: Spec {
        name: "NUMSUB",
        usage: "[channel...]",
        summary: "Counts the subscribers of channels, without those of patterns.",
        since: "2.8.0",
        cost: "O(N) with N the number of channels asked for",
        group: Group::Pubsub,
        flags: FLAGS,
        ..Spec::PLAIN
    },
    run: Run::Here(|scene, args, reply| subscribers(scene, Kind::Channel, args, reply)),
};

const PUBSUB_SHARDNUMSUB: Command = Command {
    spec: Spec {
        name: "SHARDNUMSUB",
        usage: "[shardchannel...]",
        summary: "Counts the subscribers of shard channels.",
        since: "7.0.0",
        cost: "O(N) with N the number of shard channels asked for",
        group: Group::Pubsub,
        flags: FLAGS,
        ..Spec::PLAIN
    },
    run: Run::Here(|scene, args, reply| subscribers(scene, Kind::ShardChannel, args, reply)),
};

fn subscribers(
    scene: &mut Scene<'_>,
    kind: Kind,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let asked = args.tail(2);
    // An array also in RESP3, as in stock.
    reply.array(asked.len() * 2);
    for name in asked.iter() {
        reply.bulk(name);
        reply.int(scene.local.directory.listeners(kind, name) as i64);
    }
    Ok(())
}

const PUBSUB_NUMPAT: Command = Command {
    spec: Spec {
        name: "NUMPAT",
        summary: "Counts the patterns that have subscribers.",
        since: "2.8.0",
        cost: "O(1)",
        group: Group::Pubsub,
        flags: FLAGS,
        ..Spec::PLAIN
    },
    run: Run::Here(numpat),
};

fn numpat(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.int(scene.local.directory.names(Kind::Pattern).len() as i64);
    Ok(())
}

const PUBSUB_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what PUBSUB can do.",
        since: "6.2.0",
        cost: "O(1)",
        group: Group::Pubsub,
        flags: Flags::LOADING.and(Flags::STALE),
        categories: Some(Categories::NONE),
        ..Spec::PLAIN
    },
    run: Run::Here(help),
};

fn help(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help::print(reply, "PUBSUB", HELP)
}

const HELP: &[&str] = &[
    "CHANNELS [<pattern>]",
    "    The channels that somebody listens to, or those that fit <pattern>.",
    "NUMPAT",
    "    How many patterns somebody listens to.",
    "NUMSUB [<channel> ...]",
    "    How many listen to each <channel>, patterns left out.",
    "SHARDCHANNELS [<pattern>]",
    "    The shard channels that somebody listens to, or those that fit <pattern>.",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    How many listen to each <shardchannel>.",
];
