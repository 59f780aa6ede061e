//! PUBLISH and SPUBLISH.

use crate::command::scene::{Scene, Wish};
use crate::command::table::{Command, Run};
use crate::pubsub::Kind;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

use super::publication::Publication;

pub(crate) const COMMANDS: &[Command] = &[PUBLISH, SPUBLISH];

const PUBLISH: Command = Command {
    spec: Spec {
        name: "PUBLISH",
        usage: "channel message",
        summary: "Sends a message to the subscribers of a channel.",
        since: "2.0.0",
        cost: "O(N+M) with N the subscribers of the channel and M the patterns of the node",
        group: Group::Pubsub,
        flags: FLAGS,
        ..Spec::PLAIN
    },
    run: Run::Here(|scene, args, reply| publish(scene, Kind::Channel, args, reply)),
};

const SPUBLISH: Command = Command {
    spec: Spec {
        name: "SPUBLISH",
        usage: "shardchannel message",
        summary: "Sends a message to the subscribers of a shard channel.",
        since: "7.0.0",
        cost: "O(N) with N the subscribers of the shard channel",
        group: Group::Pubsub,
        flags: FLAGS,
        keys: &[Keys::one(1, KeyFlags::NOT_KEY)],
        ..Spec::PLAIN
    },
    run: Run::Here(|scene, args, reply| publish(scene, Kind::ShardChannel, args, reply)),
};

const FLAGS: Flags = Flags::PUBSUB
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::FAST)
    .and(Flags::MAY_REPLICATE);

/// Counts who receives the message. It goes out after the reply, so that a
/// client that listens to what it publishes reads one after the other.
fn publish(scene: &mut Scene<'_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (channel, message) = (args.get(1), args.get(2));
    let reach = scene.local.directory.reach(kind, channel);
    reply.int(reach.receivers as i64);
    if !scene.local.replicas.is_empty() {
        let words = args.iter().map(<[u8]>::to_vec).collect();
        scene.local.wishes.push(Wish::TellReplicas(words));
    }
    if reach.receivers > 0 {
        let publication = Publication::new(kind, channel, message);
        let cores = reach.cores;
        scene
            .local
            .wishes
            .push(Wish::Publish { publication, cores });
    }
    Ok(())
}
