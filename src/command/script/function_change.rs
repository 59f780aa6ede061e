//! What changes the libraries. The first core changes its own first and may refuse; the others
//! follow, all in the same order.

use super::library_host::{FOLLOW_US_MAX, LOAD_US_MAX, LibraryHost};
use crate::command::gather::{Gather, Part};
use crate::command::scene::{Local, Scene};
use crate::command::table::{Command, Entry, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::script::{Existing, Libraries, Policy};
use crate::spec::{Flags, Group, Spec};

/// Makes a change at one core, within so many microseconds.
type Change = fn(&mut Local, Args<'_>, u64) -> Result<(), Refusal>;

/// The part of a core that did not change first: why it refuses, or nothing.
fn follow(part: &mut Part<'_>, args: Args<'_>, out: &mut Vec<u8>, change: Change) {
    if part.caller.core == part.local.core {
        return;
    }
    if let Err(refusal) = change(part.local, args, FOLLOW_US_MAX) {
        out.extend_from_slice(refusal.text().as_bytes());
    }
}

/// The refusal of a core, if any did.
fn refused(answers: &[Vec<u8>]) -> Outcome {
    match answers.iter().find(|answer| !answer.is_empty()) {
        None => Ok(()),
        Some(text) => Err(Refusal::Composed(
            String::from_utf8_lossy(text).into_owned(),
        )),
    }
}

fn ok(_: &mut Scene<'_>, _: Args<'_>, answers: &[Vec<u8>], reply: &mut Reply<'_>) -> Outcome {
    refused(answers)?;
    reply.ok();
    Ok(())
}

const TIPS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

pub(super) const DELETE: Command = Command {
    spec: Spec {
        name: "DELETE",
        usage: "library-name:string",
        summary: "Forgets a library and its functions.",
        since: "7.0.0",
        cost: "O(1)",
        group: Group::Scripting,
        flags: Flags::WRITE.and(Flags::NOSCRIPT),
        tips: TIPS,
        ..Spec::PLAIN
    },
    run: Run::Led(Gather {
        check: |scene, args| {
            if scene.local.functions.delete(args.get(2)) {
                Ok(())
            } else {
                Err(Refusal::LIBRARY_NOT_FOUND)
            }
        },
        part: |part, args, _| {
            // Gone already where it was found missing by another client.
            part.local.functions.delete(args.get(2));
        },
        merge: ok,
    }),
};

pub(super) const FLUSH: Command = Command {
    spec: Spec {
        name: "FLUSH",
        usage: "[async=(ASYNC | SYNC)]",
        summary: "Forgets all libraries.",
        since: "7.0.0",
        cost: "O(N) with N the number of functions",
        group: Group::Scripting,
        arity: Some(-2),
        flags: Flags::WRITE.and(Flags::NOSCRIPT),
        tips: TIPS,
        ..Spec::PLAIN
    },
    run: Run::Led(Gather {
        check: |_, args| match args.len() {
            2 => Ok(()),
            3 if args.is(2, b"SYNC") || args.is(2, b"ASYNC") => Ok(()),
            3 => Err(Refusal::FUNCTION_FLUSH_MODE),
            _ => Err(Refusal::subcommand_syntax(args.get(1), "FUNCTION")),
        },
        part: |part, _, _| part.local.functions.flush(),
        merge: ok,
    }),
};

pub(super) const LOAD: Command = Command {
    spec: Spec {
        name: "LOAD",
        usage: "[REPLACE] function-code:string",
        summary: "Keeps a library and its functions.",
        since: "7.0.0",
        cost: "O(N) with N the length of the library",
        group: Group::Scripting,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::NOSCRIPT),
        tips: TIPS,
        ..Spec::PLAIN
    },
    run: Run::Led(Gather {
        check: |scene, args| load(scene.local, args, LOAD_US_MAX),
        part: |part, args, out| follow(part, args, out, load),
        merge: name_loaded,
    }),
};

fn load(local: &mut Local, args: Args<'_>, us_max: u64) -> Result<(), Refusal> {
    let mut host = LibraryHost::new(local.system, us_max);
    load_into(&mut local.functions, &mut host, args)
}

/// Makes a change that was made before, to libraries that nobody uses yet.
///
/// # Errors
/// What the command would say.
pub fn change_libraries(
    entry: &Entry,
    libraries: &mut Libraries,
    host: &mut LibraryHost,
    args: Args<'_>,
) -> Result<(), Refusal> {
    match entry.name {
        "function|load" => load_into(libraries, host, args)?,
        "function|restore" => restore_into(libraries, host, args)?,
        "function|flush" => libraries.flush(),
        _ => {
            libraries.delete(args.get(2));
        }
    }
    Ok(())
}

fn load_into(
    libraries: &mut Libraries,
    host: &mut LibraryHost,
    args: Args<'_>,
) -> Result<(), Refusal> {
    let code = args.len() - 1;
    let mut existing = Existing::Refused;
    for word in args.head(code).tail(2).iter() {
        if !word.eq_ignore_ascii_case(b"REPLACE") {
            return Err(Refusal::Composed(format!(
                "ERR Unknown option given: {}",
                String::from_utf8_lossy(word)
            )));
        }
        existing = Existing::Replaced;
    }
    libraries.load(args.get(code), existing, host)?;
    Ok(())
}

/// The library's name is in its text, which this core has taken in.
fn name_loaded(
    scene: &mut Scene<'_>,
    args: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    refused(answers)?;
    let code = args.get(args.len() - 1);
    let mut libraries = scene.local.functions.iter();
    match libraries.find(|library| library.code == code) {
        Some(library) => reply.bulk(library.name),
        // Deleted by another client meanwhile.
        None => reply.null(),
    }
    Ok(())
}

pub(super) const RESTORE: Command = Command {
    spec: Spec {
        name: "RESTORE",
        usage: "serialized-value:string [policy=(FLUSH | APPEND | REPLACE)]",
        summary: "Takes the libraries of a dump in.",
        since: "7.0.0",
        cost: "O(N) with N the number of functions in the dump",
        group: Group::Scripting,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::NOSCRIPT),
        tips: TIPS,
        ..Spec::PLAIN
    },
    run: Run::Led(Gather {
        check: |scene, args| restore(scene.local, args, LOAD_US_MAX),
        part: |part, args, out| follow(part, args, out, restore),
        merge: ok,
    }),
};

fn restore(local: &mut Local, args: Args<'_>, us_max: u64) -> Result<(), Refusal> {
    let mut host = LibraryHost::new(local.system, us_max);
    restore_into(&mut local.functions, &mut host, args)
}

fn restore_into(
    libraries: &mut Libraries,
    host: &mut LibraryHost,
    args: Args<'_>,
) -> Result<(), Refusal> {
    let policy = match args.len() {
        3 => Policy::Append,
        4 if args.is(3, b"APPEND") => Policy::Append,
        4 if args.is(3, b"REPLACE") => Policy::Replace,
        4 if args.is(3, b"FLUSH") => Policy::Flush,
        4 => return Err(Refusal::RESTORE_POLICY),
        _ => return Err(Refusal::subcommand_syntax(args.get(1), "FUNCTION")),
    };
    libraries.restore(args.get(2), policy, host)
}
