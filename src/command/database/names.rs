//! All names that match a pattern: KEYS.

use crate::base::{Case, glob_matches};
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[KEYS];

const KEYS: Command = Command {
    spec: Spec {
        name: "KEYS",
        usage: "pattern:pattern",
        summary: "Returns the names of all keys that match a pattern.",
        since: "1.0.0",
        cost: "O(N) with N the number of keys in the database",
        group: Group::Generic,
        flags: Flags::READONLY,
        categories: Some(Categories::KEYSPACE.and(Categories::DANGEROUS)),
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        ..Spec::PLAIN
    },
    run: Run::Whole(keys),
};

fn keys(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let pattern = args.get(1);
    let takes_all = pattern == b"*";
    let (index, clock) = (turn.database, turn.clock);
    let mark = reply.deferred();
    let mut names = 0;
    for keyspace in turn.keyspaces() {
        keyspace.db(index).scan(0, usize::MAX, &clock, |found| {
            let name = found.key();
            if takes_all || glob_matches(pattern, name, Case::Sensitive) {
                reply.bulk(name);
                names += 1;
            }
        });
    }
    reply.fill_array(mark, names);
    Ok(())
}
