//! SCRIPT: the scripts EVALSHA knows.

use super::kill::SCRIPT_KILL;
use crate::command::gather::Gather;
use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::script::Sha;
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[SCRIPT];

const SCRIPT: Command = Command {
    spec: Spec {
        name: "SCRIPT",
        summary: "Keeps scripts for EVALSHA.",
        since: "2.6.0",
        cost: "Depends on the subcommand",
        group: Group::Scripting,
        categories: Some(Categories::NONE),
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(SUBCOMMANDS),
};

const SUBCOMMANDS: &[Command] = &[DEBUG, EXISTS, FLUSH, HELP, SCRIPT_KILL, LOAD];

const DEBUG: Command = Command {
    spec: Spec {
        name: "DEBUG",
        usage: "mode=(YES | SYNC | NO)",
        summary: "Says whether scripts run in a debugger, which basalt has not.",
        since: "3.2.0",
        cost: "O(1)",
        group: Group::Scripting,
        flags: Flags::NOSCRIPT,
        ..Spec::PLAIN
    },
    run: Run::Here(debug),
};

fn debug(_: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.is(2, b"NO") {
        reply.ok();
        return Ok(());
    }
    if args.is(2, b"YES") || args.is(2, b"SYNC") {
        return Err(Refusal::NO_SCRIPT_DEBUGGER);
    }
    Err(Refusal::SCRIPT_DEBUG_MODE)
}

const EXISTS: Command = Command {
    spec: Spec {
        name: "EXISTS",
        usage: "sha1:string...",
        summary: "Says which scripts are kept.",
        since: "2.6.0",
        cost: "O(N) with N the number of scripts asked for",
        group: Group::Scripting,
        flags: Flags::NOSCRIPT,
        tips: &[
            "request_policy:all_shards",
            "response_policy:agg_logical_and",
        ],
        ..Spec::PLAIN
    },
    run: Run::Here(exists),
};

fn exists(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let digests = args.tail(2);
    reply.array(digests.len());
    for digest in digests.iter() {
        let sha = Sha::parse(digest);
        let found = sha.and_then(|sha| scene.local.scripts.find(&sha));
        reply.int(i64::from(found.is_some()));
    }
    Ok(())
}

const FLUSH: Command = Command {
    spec: Spec {
        name: "FLUSH",
        usage: "[async=(ASYNC | SYNC){6.2.0}]",
        summary: "Forgets all scripts.",
        since: "2.6.0",
        cost: "O(N) with N the number of scripts",
        group: Group::Scripting,
        arity: Some(-2),
        flags: Flags::NOSCRIPT,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        history: &[("6.2.0", "ASYNC and SYNC.")],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(Gather {
        check: |_, args| {
            let is_mode =
                args.len() == 2 || args.len() == 3 && (args.is(2, b"SYNC") || args.is(2, b"ASYNC"));
            if is_mode {
                Ok(())
            } else {
                Err(Refusal::SCRIPT_FLUSH_MODE)
            }
        },
        part: |part, _, _| part.local.scripts.flush(),
        merge: |_, _, _, reply| {
            reply.ok();
            Ok(())
        },
    }),
};

const LOAD: Command = Command {
    spec: Spec {
        name: "LOAD",
        usage: "script:string",
        summary: "Keeps a script and returns its digest.",
        since: "2.6.0",
        cost: "O(N) with N the length of the script",
        group: Group::Scripting,
        flags: Flags::NOSCRIPT.and(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(Gather {
        check: |scene, args| scene.local.scripts.load(args.get(2)).map(|_| ()),
        part: |part, args, _| {
            part.local
                .scripts
                .load(args.get(2))
                .expect("it compiled where it was checked, and all cores are alike");
        },
        merge: |_, args, _, reply| {
            reply.bulk(Sha::of(args.get(2)).text());
            Ok(())
        },
    }),
};

const HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what SCRIPT can do.",
        since: "5.0.0",
        cost: "O(1)",
        group: Group::Scripting,
        flags: Flags::LOADING.and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(help),
};

fn help(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help::print(
        reply,
        "SCRIPT",
        &[
            "DEBUG (YES|SYNC|NO)",
            "    Only NO: there is no debugger.",
            "EXISTS <sha1> [<sha1> ...]",
            "    For each digest, whether its script is kept.",
            "FLUSH [ASYNC|SYNC]",
            "    Forget all scripts.",
            "KILL",
            "    End the script that runs, if it has written nothing.",
            "LOAD <script>",
            "    Keep a script; its digest is the reply.",
        ],
    )
}
