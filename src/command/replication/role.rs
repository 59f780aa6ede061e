//! ROLE.

use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Categories, Flags, Group, Spec};
use crate::telemetry::Link;

pub(crate) const COMMANDS: &[Command] = &[ROLE];

const ROLE: Command = Command {
    spec: Spec {
        name: "ROLE",
        summary: "Returns whether the node is a primary or a replica, and how its links are.",
        since: "2.8.12",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST),
        categories: Some(Categories::ADMIN.and(Categories::DANGEROUS)),
        ..Spec::PLAIN
    },
    run: Run::Here(role),
};

fn role(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let replication = &scene.local.replication;
    let Some((host, port)) = &scene.local.live.primary else {
        reply.array(3);
        reply.text("master");
        reply.int(replication.applied.read() as i64);
        let online = scene.local.replicas.iter().filter(|one| one.is_online());
        let online: Vec<_> = online.collect();
        reply.array(online.len());
        for replica in online {
            reply.array(3);
            reply.text(&replica.ip);
            reply.text(&replica.port.to_string());
            reply.text(&replica.offset.to_string());
        }
        return Ok(());
    };
    let (state, is_connected) = match replication.link() {
        Link::None | Link::Down => ("connect", false),
        Link::Connecting => ("connecting", false),
        Link::Handshake => ("handshake", false),
        Link::Sync => ("sync", false),
        Link::Connected => ("connected", true),
    };
    reply.array(5);
    reply.text("slave");
    reply.text(host);
    reply.int(i64::from(*port));
    reply.text(state);
    reply.int(if is_connected {
        replication.applied.read() as i64
    } else {
        -1
    });
    Ok(())
}
