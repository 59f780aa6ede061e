//! List commands that move an element from one list to another: LMOVE,
//! RPOPLPUSH.

use std::iter::once;

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Deprecated, Flags, Group, KeyFlags, Keys, Spec};
use crate::value::list::{End, List};

use super::element::{self, end};
use super::ends::pop;

pub(crate) const COMMANDS: &[Command] = &[LMOVE, RPOPLPUSH];

const LMOVE: Command = Command {
    spec: Spec {
        name: "LMOVE",
        usage: "source:key destination:key wherefrom=(LEFT | RIGHT) whereto=(LEFT | RIGHT)",
        summary: "Moves an element from an end of a list to an end of another, and returns it.",
        since: "6.2.0",
        cost: "O(1)",
        group: Group::List,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE)),
            Keys::one(2, KeyFlags::RW.and(KeyFlags::INSERT)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(lmove),
};

fn lmove(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (end(args, 3)?, end(args, 4)?);
    let (source, destination) = (turn.key(args, 1), turn.key(args, 2));
    if !move_element(turn, (&source, from), (&destination, to), reply)? {
        reply.null();
    }
    Ok(())
}

const RPOPLPUSH: Command = Command {
    spec: Spec {
        name: "RPOPLPUSH",
        usage: "source:key destination:key",
        summary: "Moves the last element of a list to the head of another, and returns it.",
        since: "1.2.0",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
        }),
        ..LMOVE.spec
    },
    run: Run::Data(rpoplpush),
};

fn rpoplpush(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (source, destination) = (turn.key(args, 1), turn.key(args, 2));
    if !move_element(
        turn,
        (&source, End::Back),
        (&destination, End::Front),
        reply,
    )? {
        reply.null();
    }
    Ok(())
}

/// Moves an element from an end of one list to an end of another, which may be
/// the same, and replies with it; `false`, and no reply, if there is none.
pub(in crate::command) fn move_element(
    turn: &mut Turn<'_>,
    (source, from): (&Key<'_>, End),
    (destination, to): (&Key<'_>, End),
    reply: &mut Reply<'_>,
) -> Result<bool, Refusal> {
    let rules = turn.rules();
    if turn.find_as::<List>(source)?.is_none() {
        return Ok(false);
    }
    turn.find_as::<List>(destination)?;
    // Copied, because the two lists may live on different cores.
    let mut text = Vec::new();
    if source.bytes == destination.bytes {
        let list = turn
            .edit_as::<List>(source)?
            .expect("it has just been found");
        if let Some(item) = list.outermost(from) {
            item.write_into(&mut text);
        }
        let index = match from {
            End::Front => 0,
            End::Back => list.len() - 1,
        };
        drop(list.remove(index, 1, &rules));
        list.push(to, once(text.as_slice()), &rules);
        turn.changed(1);
        turn.touch(source, EventClass::List, element::push_event(to));
        turn.notify(source, EventClass::List, element::pop_event(from));
    } else {
        if let Some(item) = turn
            .find_as::<List>(source)?
            .and_then(|list| list.outermost(from))
        {
            item.write_into(&mut text);
        }
        turn.edit_or_new::<List>(destination)?
            .push(to, once(text.as_slice()), &rules);
        turn.touch(destination, EventClass::List, element::push_event(to));
        pop(turn, source, from, 1, |_, _| {})?;
    }
    reply.bulk(&text);
    Ok(true)
}
