//! FAILOVER.

use crate::base::parse_i64;
use crate::command::errand::{Errand, Failover};
use crate::command::scene::Node;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[FAILOVER];

const FAILOVER: Command = Command {
    spec: Spec {
        name: "FAILOVER",
        usage: "[TO target=(host port:integer [FORCE])] [ABORT] [TIMEOUT milliseconds:integer]",
        summary: "Makes a replica the primary when it has everything, and this node its replica.",
        since: "6.2.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Node(failover),
};

fn failover(node: &mut Node<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    node.errand = Some(match args.len() == 2 && args.is(1, b"abort") {
        true => Errand::AbortFailover,
        false => Errand::FailOver(parse(args)?),
    });
    Ok(())
}

fn parse(args: Args<'_>) -> Result<Failover, Refusal> {
    let mut failover = Failover {
        target: None,
        timeout_ms: None,
        forces: false,
    };
    let mut index = 1;
    while index < args.len() {
        let more = args.len() - index - 1;
        if args.is(index, b"timeout") && more >= 1 && failover.timeout_ms.is_none() {
            let timeout_ms = parse_i64(args.get(index + 1)).ok_or(Refusal::NotInteger)?;
            let timeout_ms = u64::try_from(timeout_ms).ok().filter(|ms| *ms > 0);
            let timeout_ms = timeout_ms.ok_or(Refusal::FAILOVER_TIMEOUT)?;
            failover.timeout_ms = Some(timeout_ms);
            index += 1;
        } else if args.is(index, b"to") && more >= 2 && failover.target.is_none() {
            let host = String::from_utf8_lossy(args.get(index + 1)).into_owned();
            let port = parse_i64(args.get(index + 2)).ok_or(Refusal::NotInteger)?;
            // No replica has a port of another size.
            failover.target = Some((host, u16::try_from(port).unwrap_or(0)));
            index += 2;
        } else if args.is(index, b"force") && !failover.forces {
            failover.forces = true;
        } else {
            return Err(Refusal::Syntax);
        }
        index += 1;
    }
    Ok(failover)
}
