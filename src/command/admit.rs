//! May this request run now? The checks before every command, in stock's order.

use crate::config::Live;
use crate::resp::{Args, Refusal};
use crate::session::Client;
use crate::spec::Flags;

use super::table::{Entry, Run};

/// What the checks found.
pub enum Admission<'t> {
    Run(&'t Entry),
    Refuse(Refusal),
}

/// Checks the row that was found for a request: name, number of words, and
/// whether the client may give commands, and this one.
#[must_use]
pub fn admit<'t>(
    found: Option<&'t Entry>,
    args: Args<'_>,
    client: &Client,
    live: &Live,
) -> Admission<'t> {
    let Some(entry) = found else {
        return Admission::Refuse(Refusal::unknown_command(args.name(), args.tail(1).iter()));
    };
    if let Run::Container(_) | Run::AloneOr(..) = entry.command.run
        && args.len() >= 2
    {
        let container = entry.name.to_ascii_uppercase();
        return Admission::Refuse(Refusal::unknown_subcommand(args.get(1), &container));
    }
    if !entry.takes(args.len()) {
        return Admission::Refuse(Refusal::wrong_arity(entry.name));
    }
    if !client.is_trusted(live) && !entry.flags().has(Flags::NO_AUTH) {
        return Admission::Refuse(Refusal::NO_AUTH);
    }
    if client.is_confined() && !entry.flags().has(Flags::WHILE_SUBSCRIBED) {
        return Admission::Refuse(Refusal::while_subscribed(entry.name));
    }
    // To stock, who monitors is a kind of replica.
    if client.is_monitor && touches_keys(entry) {
        return Admission::Refuse(Refusal::REPLICA_KEYSPACE);
    }
    Admission::Run(entry)
}

fn touches_keys(entry: &Entry) -> bool {
    let reads = entry.flags().has(Flags::READONLY);
    reads || entry.may_write() || matches!(entry.command.run, Run::Script { .. })
}
