//! SAVE, BGSAVE, LASTSAVE and BGREWRITEAOF.

use crate::command::errand::{Background, Errand};
use crate::command::scene::{Node, Scene};
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[BGREWRITEAOF, BGSAVE, LASTSAVE, SAVE];

const BGREWRITEAOF: Command = Command {
    spec: Spec {
        name: "BGREWRITEAOF",
        summary: "Writes the append-only file anew, as short as the data is.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::NO_ASYNC_LOADING),
        ..Spec::PLAIN
    },
    run: Run::Node(rewrite),
};

fn rewrite(node: &mut Node<'_>, _: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    node.errand = Some(Errand::Rewrite);
    Ok(())
}

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

const BGSAVE: Command = Command {
    spec: Spec {
        name: "BGSAVE",
        usage: "[SCHEDULE{3.2.2}]",
        summary: "Writes all data, as it is now, to disk while everybody goes on.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::NO_ASYNC_LOADING),
        history: &[("3.2.2", "SCHEDULE.")],
        ..Spec::PLAIN
    },
    run: Run::Node(background_save),
};

fn background_save(node: &mut Node<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let schedules = match args.len() {
        1 => false,
        2 if args.is(1, b"schedule") => true,
        _ => return Err(Refusal::Syntax),
    };
    node.errand = Some(Errand::Background(Background { schedules }));
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
