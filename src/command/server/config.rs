//! CONFIG: settings are read at any core, and changed at the control core.

use crate::base::{Case, glob_matches};
use crate::command::gather::{Gather, Part};
use crate::command::help;
use crate::command::scene::{Node, Scene};
use crate::command::table::{Command, Run};
use crate::config::{Added, SetFault};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[CONFIG];

const CONFIG: Command = Command {
    spec: Spec {
        name: "CONFIG",
        summary: "Reads and changes settings.",
        since: "2.0.0",
        cost: "Depends on the subcommand",
        group: Group::Server,
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(SUBCOMMANDS),
};

const SUBCOMMANDS: &[Command] = &[
    CONFIG_GET,
    CONFIG_HELP,
    CONFIG_RESETSTAT,
    CONFIG_REWRITE,
    CONFIG_SET,
];

const CONFIG_GET: Command = Command {
    spec: Spec {
        name: "GET",
        usage: "parameter...",
        summary: "Returns the settings that match patterns.",
        since: "2.0.0",
        cost: "O(N) with N the number of patterns",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        history: &[("7.0.0", "Several patterns in one call.")],
        ..Spec::PLAIN
    },
    run: Run::Here(get),
};

fn get(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let patterns: Vec<&[u8]> = args.tail(2).iter().collect();
    let matches = |pattern: &[u8], name: &[u8]| glob_matches(pattern, name, Case::Insensitive);
    let found = scene.local.settings.matching(&patterns, &matches);
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(&name);
        reply.bulk(value);
    }
    Ok(())
}

const CONFIG_SET: Command = Command {
    spec: Spec {
        name: "SET",
        usage: "data=(parameter value)...",
        summary: "Changes settings while the server runs.",
        since: "2.0.0",
        cost: "O(N) with N the number of settings",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        history: &[("7.0.0", "Several settings in one call.")],
        ..Spec::PLAIN
    },
    run: Run::Node(set),
};

fn set(node: &mut Node<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let words: Vec<&[u8]> = args.tail(2).iter().collect();
    let (pairs, rest) = words.as_chunks();
    if !rest.is_empty() {
        return Err(Refusal::Syntax);
    }
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|&[name, value]| (name, value)).collect();
    if node.is_loading && pairs.iter().any(|(name, _)| is_fixed_while_loading(name)) {
        return Err(Refusal::LOADING);
    }
    let composed = |fault: SetFault| Refusal::Composed(fault.to_string());
    let before = node.settings.clone();
    node.settings.set(node.author, &pairs).map_err(composed)?;
    let directory = pairs
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(b"dir"));
    if let Some((name, directory)) = directory {
        let entered =
            (node.enter)(directory).and_then(|here| node.settings.set_from_file(b"dir", &[here]));
        if let Err(why) = entered {
            *node.settings = before;
            return Err(composed(SetFault::about(name, &why)));
        }
    }
    let clients: u64 = node.settings.number("maxclients");
    let possible = (node.possible_clients)(clients);
    if clients > before.number("maxclients") && possible < clients {
        *node.settings = before;
        let why = format!(
            "The operating system is not able to handle the specified number of clients, try with {possible}"
        );
        return Err(composed(SetFault::about(b"maxclients", &why)));
    }
    let mut listened = LISTENED_AT.iter().copied();
    let moved = listened.find(|(name, _)| before.bytes(name) != node.settings.bytes(name));
    if let Some((name, why)) = moved
        && !(node.listen)(node.settings)
    {
        *node.settings = before;
        return Err(composed(SetFault::about(name.as_bytes(), why)));
    }
    let begins_file = !before.is_on("appendonly") && node.settings.is_on("appendonly");
    if begins_file && !(node.can_begin_file)(node.settings) {
        *node.settings = before;
        let why = "Unable to turn on AOF. Check server logs.";
        return Err(composed(SetFault::about(b"appendonly", why)));
    }
    node.has_changed = true;
    reply.ok();
    Ok(())
}

/// Whether a setting may not change while data is loaded: it says where that comes
/// from, or what becomes of it.
fn is_fixed_while_loading(name: &[u8]) -> bool {
    let fixed: [&[u8]; 3] = [b"appendonly", b"dir", b"repl-diskless-load"];
    fixed.iter().any(|fixed| fixed.eq_ignore_ascii_case(name))
}

/// What says where to listen, and what is told when that cannot be had.
const LISTENED_AT: &[(&str, &str)] = &[
    ("bind", "Failed to bind to specified addresses."),
    ("port", "Unable to listen on this port. Check server logs."),
];

const CONFIG_REWRITE: Command = Command {
    spec: Spec {
        name: "REWRITE",
        summary: "Writes the settings in force to the configuration file.",
        since: "2.8.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..Spec::PLAIN
    },
    run: Run::Node(rewrite),
};

fn rewrite(node: &mut Node<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    rewrite_with(node, Added::Changed, reply)
}

/// Rewrites the file, with these settings added to those it says.
pub(super) fn rewrite_with(node: &mut Node<'_>, added: Added, reply: &mut Reply<'_>) -> Outcome {
    let written = (node.rewrite)(node.settings, added);
    written.map_err(|why| Refusal::Composed(format!("ERR {why}")))?;
    reply.ok();
    Ok(())
}

const CONFIG_RESETSTAT: Command = Command {
    spec: Spec {
        name: "RESETSTAT",
        summary: "Sets the counters that INFO shows back to zero.",
        since: "2.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(RESETSTAT),
};

const RESETSTAT: Gather = Gather {
    check: |_, _| Ok(()),
    part: reset_part,
    merge: |_, _, _, reply| {
        reply.ok();
        Ok(())
    },
};

fn reset_part(part: &mut Part<'_>, _: Args<'_>, _: &mut Vec<u8>) {
    let local = &mut *part.local;
    local.count_expired(part.keyspace);
    local.count().reset();
    if local.core == 0 {
        local.replication.reset_syncs();
    }
    local.rates = crate::command::scene::Rates::default();
    local.telemetry.commands.reset();
    local.telemetry.errors.reset();
}

const CONFIG_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what CONFIG can do.",
        since: "5.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(help),
};

fn help(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help::print(
        reply,
        "CONFIG",
        &[
            "GET <pattern> [<pattern> ...]",
            "    The settings whose names match, with their values.",
            "RESETSTAT",
            "    Set the counters of INFO back to zero.",
            "REWRITE",
            "    Write the settings in force to the configuration file.",
            "SET <name> <value> [<name> <value> ...]",
            "    Change settings: all of them, or none.",
        ],
    )
}
