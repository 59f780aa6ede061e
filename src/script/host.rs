//! What a script asks of the world outside.

use crate::resp::{Args, Version};

/// Answers a running script. Borrowed for one run.
pub trait Host {
    /// Runs a command and appends its reply, in `version`. A refusal is an error reply like any
    /// other; whether a script may call the command at all is for the host to say.
    fn call(&mut self, words: Args<'_>, version: Version, reply: &mut Vec<u8>);

    /// `redis.acl_check_cmd`: whether the user may run this command.
    fn permission(&mut self, words: Args<'_>) -> Permission;

    /// `redis.log`.
    fn log(&mut self, level: LogLevel, message: &[u8]);

    /// `redis.set_repl`: where the effects of what the script calls from now on go.
    fn set_effects(&mut self, effects: Effects);

    /// Asked every hundred thousand instructions: whether the script may go on. A host may serve
    /// others meanwhile, so that one of them can end the script.
    fn pace(&mut self) -> Pace;
}

/// The answer of `redis.acl_check_cmd`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permission {
    Granted,
    Denied,
    /// There is no such command.
    Unknown,
}

/// How loud a message of `redis.log` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogLevel {
    Debug,
    Verbose,
    Notice,
    Warning,
}

/// Where effects go, as `redis.set_repl` chooses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effects {
    /// To the append-only file.
    pub file: bool,
    /// To replicas.
    pub replicas: bool,
}

impl Effects {
    /// Everywhere: what a script begins with.
    pub const ALL: Effects = Effects {
        file: true,
        replicas: true,
    };
}

/// Whether a script goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    GoOn,
    /// It ends with an error that says a user killed it.
    Kill,
}
