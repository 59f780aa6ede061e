//! WAIT and WAITAOF.

use crate::base::parse_i64;
use crate::command::errand::{Disk, Errand, Wait};
use crate::command::scene::Node;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[WAIT, WAITAOF];

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
    run: Run::Waits(wait),
};

fn wait(node: &mut Node<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    if node.settings.primary().is_some() {
        return Err(Refusal::WAIT_AT_REPLICA);
    }
    let replicas = parse_i64(args.get(1)).ok_or(Refusal::NotInteger)?;
    node.errand = Some(Errand::Wait(Wait {
        replicas: u64::try_from(replicas).unwrap_or(0),
        timeout_ms: timeout_ms(args.get(2))?,
        disk: None,
    }));
    Ok(())
}

fn timeout_ms(word: &[u8]) -> Result<u64, Refusal> {
    let timeout_ms = parse_i64(word).ok_or(Refusal::TIMEOUT_NOT_INTEGER)?;
    u64::try_from(timeout_ms).map_err(|_| Refusal::TIMEOUT_NEGATIVE)
}

const WAITAOF: Command = Command {
    spec: Spec {
        name: "WAITAOF",
        usage: "numlocal:integer numreplicas:integer timeout:integer",
        summary: "Waits until what was written on this connection is on disk, here and at so many replicas.",
        since: "7.2.0",
        ..WAIT.spec
    },
    run: Run::Waits(wait_for_disks),
};

fn wait_for_disks(node: &mut Node<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let local = parse_i64(args.get(1)).ok_or(Refusal::NotInteger)?;
    let disk = match local {
        0 => Disk::Replicas,
        1 => Disk::OwnToo,
        _ => return Err(Refusal::WAITAOF_LOCAL),
    };
    let replicas = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    let replicas = u64::try_from(replicas).map_err(|_| Refusal::WAITAOF_REPLICAS)?;
    let timeout_ms = timeout_ms(args.get(3))?;
    if node.settings.primary().is_some() {
        return Err(Refusal::WAITAOF_AT_REPLICA);
    }
    node.errand = Some(Errand::Wait(Wait {
        replicas,
        timeout_ms,
        disk: Some(disk),
    }));
    Ok(())
}
