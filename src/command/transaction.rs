//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH. What MULTI puts off is
//! run by the server (`server/transaction.rs`).

use std::mem::take;

use super::scene::{Scene, Wish};
use super::table::{Command, Run};
use super::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::session::Transaction;
use crate::shard::Observer;
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

pub(crate) const COMMANDS: &[Command] = &[MULTI, EXEC, DISCARD, WATCH, UNWATCH];

const MULTI: Command = Command {
    spec: Spec {
        name: "MULTI",
        summary: "Puts the requests that follow off until EXEC runs them at one moment.",
        since: "1.2.0",
        cost: "O(1)",
        group: Group::Transactions,
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::ALLOW_BUSY),
        ..Spec::PLAIN
    },
    run: Run::Here(multi),
};

fn multi(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let transaction = &mut scene.session().transaction;
    if transaction.is_some() {
        return Err(Refusal::NESTED_MULTI);
    }
    *transaction = Some(Box::new(Transaction::default()));
    reply.ok();
    Ok(())
}

const EXEC: Command = Command {
    spec: Spec {
        name: "EXEC",
        summary: "Runs the requests put off since MULTI, unless a watched key has changed.",
        since: "1.2.0",
        cost: "That of the requests together",
        group: Group::Transactions,
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::SKIP_SLOWLOG),
        ..Spec::PLAIN
    },
    run: Run::Exec,
};

const DISCARD: Command = Command {
    spec: Spec {
        name: "DISCARD",
        summary: "Forgets the requests put off since MULTI.",
        since: "2.0.0",
        cost: "O(N) with N the number of requests put off",
        ..MULTI.spec
    },
    run: Run::Here(discard),
};

fn discard(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if take(&mut scene.session().transaction).is_none() {
        return Err(Refusal::DISCARD_WITHOUT_MULTI);
    }
    unwatch_all(scene);
    reply.ok();
    Ok(())
}

const WATCH: Command = Command {
    spec: Spec {
        name: "WATCH",
        usage: "key...",
        summary: "Lets the next EXEC run only if none of the keys has changed by then.",
        since: "2.2.0",
        cost: "O(1) for each key",
        keys: &[Keys::range(1, -1, 1, KeyFlags::RO)],
        ..MULTI.spec
    },
    run: Run::Data(watch),
};

fn watch(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    turn.watch(args.iter().skip(1));
    reply.ok();
    Ok(())
}

const UNWATCH: Command = Command {
    spec: Spec {
        name: "UNWATCH",
        summary: "Watches no key any more.",
        since: "2.2.0",
        cost: "O(N) with N the number of watched keys",
        ..MULTI.spec
    },
    run: Run::Here(unwatch),
};

fn unwatch(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    unwatch_all(scene);
    reply.ok();
    Ok(())
}

/// Ends all watches of the client.
pub(super) fn unwatch_all(scene: &mut Scene<'_>) {
    let watches = scene.session().watches.take();
    let ended = watches.into_iter().map(Observer::Watch).map(Wish::Forget);
    scene.local.wishes.extend(ended);
}
