//! MONITOR: every command of every core, as it runs.

use crate::command::gather::{Gather, Part};
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[MONITOR];

const MONITOR: Command = Command {
    spec: Spec {
        name: "MONITOR",
        summary: "Streams every command the server runs.",
        since: "1.0.0",
        cost: "",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Everywhere(WATCH),
};

const WATCH: Gather = Gather {
    check: |scene, _| match scene.session().is_in_exec {
        true => Err(Refusal::MONITOR_IN_MULTI),
        false => Ok(()),
    },
    part: watch_part,
    merge: watch_merge,
};

/// From now on this core feeds the caller's.
fn watch_part(part: &mut Part<'_>, _: Args<'_>, _: &mut Vec<u8>) {
    part.local.monitored |= 1 << part.caller.core;
}

/// A client that monitors already gets no further reply, as in stock.
fn watch_merge(
    scene: &mut Scene<'_>,
    _: Args<'_>,
    _: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let client = scene.client();
    if !client.is_monitor {
        client.is_monitor = true;
        reply.ok();
    }
    Ok(())
}
