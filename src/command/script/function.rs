//! FUNCTION: the libraries FCALL knows, and what reads them.

use super::busy::STATS;
use super::function_change::{DELETE, FLUSH, LOAD, RESTORE};
use super::kill::FUNCTION_KILL;
use crate::base::{Case, glob_matches};
use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::script::{Function, Library};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[FUNCTION];

const FUNCTION: Command = Command {
    spec: Spec {
        name: "FUNCTION",
        summary: "Keeps libraries of functions.",
        since: "7.0.0",
        cost: "Depends on the subcommand",
        group: Group::Scripting,
        categories: Some(Categories::NONE),
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(SUBCOMMANDS),
};

const SUBCOMMANDS: &[Command] = &[
    DELETE,
    DUMP,
    FLUSH,
    HELP,
    FUNCTION_KILL,
    LIST,
    LOAD,
    RESTORE,
    STATS,
];

const DUMP: Command = Command {
    spec: Spec {
        name: "DUMP",
        summary: "Returns all libraries, for FUNCTION RESTORE.",
        since: "7.0.0",
        cost: "O(N) with N the number of libraries",
        group: Group::Scripting,
        flags: Flags::NOSCRIPT,
        ..Spec::PLAIN
    },
    run: Run::Here(|scene, _, reply| {
        reply.bulk(&scene.local.functions.dump());
        Ok(())
    }),
};

const LIST: Command = Command {
    spec: Spec {
        name: "LIST",
        usage: "[LIBRARYNAME library-name-pattern:string] [WITHCODE]",
        summary: "Returns the libraries and their functions.",
        since: "7.0.0",
        cost: "O(N) with N the number of functions",
        group: Group::Scripting,
        flags: Flags::NOSCRIPT,
        tips: &["nondeterministic_output_order"],
        ..Spec::PLAIN
    },
    run: Run::Here(list),
};

/// What FUNCTION LIST shows.
#[derive(Default)]
struct Shown<'a> {
    pattern: Option<&'a [u8]>,
    with_code: bool,
}

impl<'a> Shown<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Refusal> {
        let mut shown = Self::default();
        let mut words = args.tail(2).iter();
        while let Some(word) = words.next() {
            if !shown.with_code && word.eq_ignore_ascii_case(b"WITHCODE") {
                shown.with_code = true;
            } else if shown.pattern.is_none() && word.eq_ignore_ascii_case(b"LIBRARYNAME") {
                let pattern = words.next().ok_or(Refusal::LIBRARY_NAME_MISSING)?;
                shown.pattern = Some(pattern);
            } else {
                return Err(Refusal::Composed(format!(
                    "ERR Unknown argument {}",
                    String::from_utf8_lossy(word)
                )));
            }
        }
        Ok(shown)
    }
}

fn list(scene: &mut Scene<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let shown = Shown::parse(args)?;
    let is_shown = |library: &Library<'_>| {
        shown
            .pattern
            .is_none_or(|pattern| glob_matches(pattern, library.name, Case::Insensitive))
    };
    let libraries: Vec<_> = scene.local.functions.iter().filter(is_shown).collect();
    reply.array(libraries.len());
    for library in libraries {
        reply.map(3 + usize::from(shown.with_code));
        reply.text("library_name");
        reply.bulk(library.name);
        reply.text("engine");
        reply.text("LUA");
        reply.text("functions");
        let functions = library.functions();
        reply.array(functions.len());
        for function in functions {
            write_function(function, reply);
        }
        if shown.with_code {
            reply.text("library_code");
            reply.bulk(library.code);
        }
    }
    Ok(())
}

fn write_function(function: Function<'_>, reply: &mut Reply<'_>) {
    reply.map(3);
    reply.text("name");
    reply.bulk(function.name);
    reply.text("description");
    match function.description {
        Some(description) => reply.bulk(description),
        None => reply.null(),
    }
    reply.text("flags");
    reply.set(function.flags.names().count());
    for name in function.flags.names() {
        reply.simple(name);
    }
}

const HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what FUNCTION can do.",
        since: "7.0.0",
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
        "FUNCTION",
        &[
            "DELETE <library>",
            "    Forget a library and its functions.",
            "DUMP",
            "    All libraries as bytes, for RESTORE.",
            "FLUSH [ASYNC|SYNC]",
            "    Forget all libraries.",
            "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
            "    Libraries and their functions, with their texts if asked for.",
            "LOAD [REPLACE] <text>",
            "    Keep a library; its name is the reply.",
            "RESTORE <bytes> [FLUSH|APPEND|REPLACE]",
            "    Take the libraries of a dump in (default: APPEND).",
            "STATS",
            "    Which function runs, and how many libraries and functions there are.",
        ],
    )
}
