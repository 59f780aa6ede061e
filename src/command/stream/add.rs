//! XADD.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::stream::{Id, IdFault, Stream, WantedId};

use super::entry;
use super::trim::{Of, Options, Trim};

pub(crate) const COMMANDS: &[Command] = &[XADD];

/// The most bytes that the fields and values of an entry have together.
const ENTRY_BYTES_MAX: usize = 1 << 30;

const XADD: Command = Command {
    spec: Spec {
        name: "XADD",
        usage: "key [NOMKSTREAM{6.2.0}] [trim=(strategy=(MAXLEN | MINID{6.2.0}) \
            [operator=(equal== | approximately=~)] threshold [LIMIT count:integer{6.2.0}])] \
            id-selector=(auto-id=* | id) data=(field value)...",
        summary: "Adds an entry to a stream, creating it if needed.",
        since: "5.0.0",
        cost: "O(1), and O(N) with N the entries that are trimmed",
        history: &[
            ("6.2.0", "NOMKSTREAM, MINID and LIMIT."),
            ("7.0.0", "Ids with a time and `*` for the number."),
        ],
        group: Group::Stream,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))
            .noting("UPDATE, as the trimming of the same command is.")],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(xadd),
};

fn xadd(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = turn.rules();
    let of = Of::Add { now: turn.now() };
    let options = Options::parse(args, of, rules.stream_node_max_entries)?;
    let texts = args.iter().skip(options.end + 1);
    if texts.len() == 0 || !texts.len().is_multiple_of(2) {
        return Err(Refusal::wrong_arity("xadd"));
    }
    let wanted = options.id.expect("words follow the id, so there is one");
    if wanted == WantedId::Exactly(Id::MIN) {
        return Err(Refusal::XADD_ZERO);
    }
    if texts.clone().map(<[u8]>::len).sum::<usize>() > ENTRY_BYTES_MAX {
        return Err(Refusal::XADD_TOO_LARGE);
    }
    let key = turn.key(args, 1);
    if options.is_only_existing && turn.find_as::<Stream>(&key)?.is_none() {
        reply.null();
        return Ok(());
    }
    // A new stream takes every id but the one refused above, so no refusal
    // leaves an empty one behind.
    let entries = turn.edit_or_new::<Stream>(&key)?.entries_mut();
    let id = entries.choose_id(wanted).map_err(|fault| match fault {
        IdFault::Exhausted => Refusal::XADD_EXHAUSTED,
        IdFault::NotAbove => Refusal::XADD_NOT_ABOVE,
    })?;
    entries.add(id, texts, &rules);
    turn.touch(&key, EventClass::Stream, "xadd");
    if let Some(trim) = options.trim
        && trim.run(turn, &key)? > 0
    {
        turn.notify(&key, EventClass::Stream, "xtrim");
    }
    if turn.is_recorded() {
        let text = id.to_string();
        Trim::leave(
            options.trim,
            turn,
            args,
            Some((options.end, text.as_bytes())),
        )?;
    }
    entry::id(reply, id);
    turn.changed(1);
    Ok(())
}
