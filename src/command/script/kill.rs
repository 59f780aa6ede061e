//! SCRIPT KILL and FUNCTION KILL; the core where the script runs decides.

use crate::command::table::{Command, Run};
use crate::spec::{Flags, Group, Spec};

pub(super) const SCRIPT_KILL: Command = Command {
    spec: Spec {
        name: "KILL",
        summary: "Ends the script that runs, if it has written nothing.",
        since: "2.6.0",
        cost: "O(1)",
        group: Group::Scripting,
        flags: Flags::NOSCRIPT.and(Flags::ALLOW_BUSY),
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        ..Spec::PLAIN
    },
    run: Run::KillScript { is_function: false },
};

pub(super) const FUNCTION_KILL: Command = Command {
    spec: Spec {
        summary: "Ends the function that runs, if it has written nothing.",
        since: "7.0.0",
        ..SCRIPT_KILL.spec
    },
    run: Run::KillScript { is_function: true },
};
