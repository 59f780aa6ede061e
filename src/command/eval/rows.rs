//! EVAL, EVALSHA, FCALL and their read-only forms; SCRIPT KILL's row stands
//! with SCRIPT.

use crate::command::table::{Command, Run, Subject};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

pub(crate) const COMMANDS: &[Command] = &[EVAL, EVAL_RO, EVALSHA, EVALSHA_RO, FCALL, FCALL_RO];

/// The keys a script declares.
const fn keys(flags: KeyFlags, notes: Option<&'static str>) -> Keys {
    Keys {
        notes,
        ..Keys::counted(2, flags)
    }
}

/// What a script does to its keys is its own affair.
const DECLARED_RW: Option<&str> =
    Some("A script may read, write, or leave alone what it declares.");
const DECLARED_RO: Option<&str> = Some("A script may read or leave alone what it declares.");

const EVAL: Command = Command {
    spec: Spec {
        name: "EVAL",
        usage: "script:string numkeys:integer [key...] [arg:string...]",
        summary: "Runs a Lua script.",
        since: "2.6.0",
        cost: "That of the script",
        group: Group::Scripting,
        flags: Flags::NOSCRIPT
            .and(Flags::STALE)
            .and(Flags::SKIP_MONITOR)
            .and(Flags::NO_MANDATORY_KEYS)
            .and(Flags::MOVABLEKEYS),
        keys: &[keys(
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
            DECLARED_RW,
        )],
        ..Spec::PLAIN
    },
    run: Run::Script {
        subject: Subject::Body,
        reads_only: false,
    },
};

const EVAL_RO: Command = Command {
    spec: Spec {
        name: "EVAL_RO",
        summary: "Runs a Lua script that only reads.",
        since: "7.0.0",
        flags: EVAL.spec.flags.and(Flags::READONLY),
        keys: &[keys(KeyFlags::RO.and(KeyFlags::ACCESS), DECLARED_RO)],
        ..EVAL.spec
    },
    run: Run::Script {
        subject: Subject::Body,
        reads_only: true,
    },
};

const EVALSHA: Command = Command {
    spec: Spec {
        name: "EVALSHA",
        usage: "sha1:string numkeys:integer [key...] [arg:string...]",
        summary: "Runs a Lua script by its SHA1 digest.",
        keys: &[keys(
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
            None,
        )],
        ..EVAL.spec
    },
    run: Run::Script {
        subject: Subject::Digest,
        reads_only: false,
    },
};

const EVALSHA_RO: Command = Command {
    spec: Spec {
        name: "EVALSHA_RO",
        usage: EVALSHA.spec.usage,
        summary: "Runs a Lua script that only reads by its SHA1 digest.",
        keys: &[keys(KeyFlags::RO.and(KeyFlags::ACCESS), None)],
        ..EVAL_RO.spec
    },
    run: Run::Script {
        subject: Subject::Digest,
        reads_only: true,
    },
};

const FCALL: Command = Command {
    spec: Spec {
        name: "FCALL",
        usage: "function:string numkeys:integer [key...] [arg:string...]",
        summary: "Calls a function.",
        since: "7.0.0",
        cost: "That of the function",
        ..EVAL.spec
    },
    run: Run::Script {
        subject: Subject::Function,
        reads_only: false,
    },
};

const FCALL_RO: Command = Command {
    spec: Spec {
        name: "FCALL_RO",
        usage: FCALL.spec.usage,
        summary: "Calls a function that only reads.",
        cost: FCALL.spec.cost,
        ..EVAL_RO.spec
    },
    run: Run::Script {
        subject: Subject::Function,
        reads_only: true,
    },
};
