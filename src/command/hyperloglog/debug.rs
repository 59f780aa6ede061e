//! The inside of a HyperLogLog: PFDEBUG and PFSELFTEST.

use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::loglog::{self, Encoding};

use super::valid::{broken, make_raw, text};

pub(crate) const COMMANDS: &[Command] = &[PFDEBUG, PFSELFTEST];

const PFDEBUG: Command = Command {
    spec: Spec {
        name: "PFDEBUG",
        usage: "subcommand key",
        summary: "Shows or changes the inside of a HyperLogLog, for tests.",
        since: "2.8.9",
        cost: "O(N) with N the number of registers",
        group: Group::Hyperloglog,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::ADMIN),
        keys: &[Keys::one(2, KeyFlags::RW.and(KeyFlags::ACCESS))],
        system: true,
        ..Spec::PLAIN
    },
    run: Run::Data(pfdebug),
};

fn pfdebug(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 2);
    let Some(found) = turn.find(&key) else {
        return Err("ERR The specified key does not exist".into());
    };
    text(found)?;
    make_raw(turn, &key);
    let text = text(turn.find(&key).expect("it was found before"))?;
    if args.is(1, b"GETREG") {
        let registers = loglog::registers(text).map_err(broken)?;
        make_dense(turn, &key)?;
        reply.array(registers.len());
        for register in registers {
            reply.int(i64::from(register));
        }
    } else if args.is(1, b"DECODE") {
        let runs = loglog::describe(text);
        reply.text(&runs.ok_or("ERR HLL encoding is not sparse")?);
    } else if args.is(1, b"ENCODING") {
        reply.simple(match loglog::encoding(text) {
            Some(Encoding::Sparse) => "sparse",
            Some(Encoding::Dense) | None => "dense",
        });
    } else if args.is(1, b"TODENSE") {
        let was_sparse = make_dense(turn, &key)?;
        reply.int(i64::from(was_sparse));
    } else {
        return Err(unknown(args.get(1)));
    }
    Ok(())
}

/// Writes the registers densely; whether they were sparse.
fn make_dense(turn: &mut Turn<'_>, key: &Key<'_>) -> Result<bool, Refusal> {
    let clock = turn.clock;
    let mut outcome = Ok(false);
    turn.db(key).edit(*key, &clock, 0, 0..usize::MAX, |text| {
        outcome = loglog::make_dense(text)
    });
    let was_sparse = outcome.map_err(broken)?;
    turn.changed(u64::from(was_sparse));
    Ok(was_sparse)
}

fn unknown(subcommand: &[u8]) -> Refusal {
    Refusal::Composed(format!(
        "ERR Unknown PFDEBUG subcommand '{}'",
        String::from_utf8_lossy(subcommand)
    ))
}

const PFSELFTEST: Command = Command {
    spec: Spec {
        name: "PFSELFTEST",
        summary: "Tests the HyperLogLog implementation on itself.",
        since: "2.8.9",
        cost: "O(N) with N the number of elements it adds",
        group: Group::Hyperloglog,
        flags: Flags::ADMIN,
        system: true,
        ..Spec::PLAIN
    },
    run: Run::Here(pfselftest),
};

fn pfselftest(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if !loglog::holds() {
        return Err("ERR TESTFAILED Registers or estimates are not as they should be".into());
    }
    reply.ok();
    Ok(())
}
