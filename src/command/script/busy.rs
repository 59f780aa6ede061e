//! The script that takes long, as every core knows of it, and FUNCTION STATS.

use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, OwnedArgs, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};

/// A script, or a function, that has run longer than `busy-reply-threshold`.
#[derive(Debug)]
pub struct BusyScript {
    /// Where it runs.
    pub core: usize,
    /// The name it was registered by if it is a function, and so ends by
    /// FUNCTION KILL.
    pub function: Option<Box<[u8]>>,
    /// The request that runs it.
    pub words: OwnedArgs,
    /// Unix microseconds.
    pub began_us: u64,
}

impl BusyScript {
    /// What a request hears that may not run now.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self.function {
            Some(_) => Refusal::BUSY_FUNCTION,
            None => Refusal::BUSY_SCRIPT,
        }
    }
}

pub(super) const STATS: Command = Command {
    spec: Spec {
        name: "STATS",
        summary: "Tells which function runs, and how many there are.",
        since: "7.0.0",
        cost: "O(1)",
        group: Group::Scripting,
        flags: Flags::NOSCRIPT.and(Flags::ALLOW_BUSY),
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..Spec::PLAIN
    },
    run: Run::Here(stats),
};

fn stats(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let local = &scene.local;
    reply.map(2);
    reply.text("running_script");
    match local.busy.as_deref() {
        None => reply.null(),
        Some(busy) => {
            let name = busy.function.as_deref().ok_or_else(|| busy.refusal())?;
            let ran_us = (local.system.unix_us)().saturating_sub(busy.began_us);
            write_running(busy, name, ran_us / 1000, reply);
        }
    }
    let sizes = local.script_sizes();
    reply.text("engines");
    reply.map(1);
    reply.text("LUA");
    reply.map(2);
    reply.text("libraries_count");
    reply.int(sizes.libraries as i64);
    reply.text("functions_count");
    reply.int(sizes.functions as i64);
    Ok(())
}

fn write_running(busy: &BusyScript, name: &[u8], ran_ms: u64, reply: &mut Reply<'_>) {
    reply.map(3);
    reply.text("name");
    reply.bulk(name);
    reply.text("command");
    let words = busy.words.args();
    reply.array(words.len());
    words.iter().for_each(|word| reply.bulk(word));
    reply.text("duration_ms");
    reply.int(ran_ms as i64);
}
