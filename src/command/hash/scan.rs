//! A walk over the fields of a hash in small steps: HSCAN.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::command::walk::{self, Among, Walk, parse_cursor};
use crate::resp::{Args, Outcome, OwnedArgs, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

use super::look::read;

pub(crate) const COMMANDS: &[Command] = &[HSCAN];

/// The first word after the cursor.
const OPTIONS: usize = 3;

const HSCAN: Command = Command {
    spec: Spec {
        name: "HSCAN",
        usage: "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] \
            [NOVALUES{7.4.0}]",
        summary: "Walks over the fields of a hash in small steps.",
        since: "2.8.0",
        cost: "O(1) for a step, O(N) for the whole walk with N the number of fields",
        group: Group::Hash,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(hscan),
};

fn hscan(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(args.get(2)).ok_or(Refusal::INVALID_CURSOR)?;
    let without = without_novalues(args);
    let words = without.as_ref().map_or(args, OwnedArgs::args);
    let options = Walk::parse(words, OPTIONS, Among::Elements);
    let with_values = without.is_none();
    let (key, due) = (turn.key(args, 1), turn.due());

    let Some(hash) = read(turn, &key)? else {
        // Stock looks at no option where there is nothing to walk over.
        walk::answer_nothing(reply);
        return Ok(());
    };
    let options = options?;
    options.answer(cursor, reply, |position, taken| {
        hash.visit(position, due, |field, value| {
            taken.visit();
            if field.with_text(|name| options.takes(name)) {
                taken.tell(field);
                if with_values {
                    taken.tell(value);
                }
            }
        })
    });
    Ok(())
}

/// The words without NOVALUES, if it stands where an option may.
fn without_novalues(args: Args<'_>) -> Option<OwnedArgs> {
    let mut index = OPTIONS;
    while index < args.len() {
        if args.is(index, b"novalues") {
            let before = args.head(index).iter();
            return Some(OwnedArgs::new(before.chain(args.tail(index + 1).iter())));
        }
        index += 2;
    }
    None
}
