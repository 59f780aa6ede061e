//! WAIT.

use crate::base::parse_i64;
use crate::command::errand::Errand;
use crate::command::scene::Node;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[WAIT];

const WAIT: Command = Command {
    spec: Spec {
        name: "WAIT",
        usage: "numreplicas:integer timeout:integer",
        summary: "Waits until so many replicas have what was written on this connection.",
        since: "3.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::NOSCRIPT,
        categories: Some(Categories::CONNECTION),
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        ..Spec::PLAIN
    },
    run: Run::Node(wait),
};

fn wait(node: &mut Node<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    if node.settings.primary().is_some() {
        return Err(Refusal::WAIT_AT_REPLICA);
    }
    let replicas = parse_i64(args.get(1)).ok_or(Refusal::NotInteger)?;
    let timeout_ms = parse_i64(args.get(2)).ok_or(Refusal::TIMEOUT_NOT_INTEGER)?;
    let timeout_ms = u64::try_from(timeout_ms).map_err(|_| Refusal::TIMEOUT_NEGATIVE)?;
    node.errand = Some(Errand::Wait {
        replicas: u64::try_from(replicas).unwrap_or(0),
        timeout_ms,
    });
    Ok(())
}
