//! TIME.

use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[TIME];

const TIME: Command = Command {
    spec: Spec {
        name: "TIME",
        summary: "Returns the server's clock.",
        since: "2.6.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Here(time),
};

/// Seconds and microseconds since 1970, as texts.
fn time(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now_us = (scene.local.system.unix_us)() as i64;
    reply.array(2);
    reply.bulk_int(now_us / 1_000_000);
    reply.bulk_int(now_us % 1_000_000);
    Ok(())
}
