//! SAVE and LASTSAVE.

use crate::command::errand::Errand;
use crate::command::scene::{Node, Scene};
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[LASTSAVE, SAVE];

const SAVE: Command = Command {
    spec: Spec {
        name: "SAVE",
        summary: "Writes all data to disk; nobody reads or writes meanwhile.",
        since: "1.0.0",
        cost: "O(N) with N the number of keys in all databases",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::NO_ASYNC_LOADING)
            .and(Flags::NO_MULTI),
        ..Spec::PLAIN
    },
    run: Run::Node(save),
};

fn save(node: &mut Node<'_>, _: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    node.errand = Some(Errand::Save);
    Ok(())
}

const LASTSAVE: Command = Command {
    spec: Spec {
        name: "LASTSAVE",
        summary: "Returns when the data was last written to disk.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
        categories: Some(Categories::ADMIN.and(Categories::DANGEROUS)),
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Here(last_save),
};

/// Unix seconds.
fn last_save(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.int(scene.local.persistence.saved_at_s.read() as i64);
    Ok(())
}
