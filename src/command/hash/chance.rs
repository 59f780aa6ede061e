//! Fields drawn by chance: HRANDFIELD.

use crate::base::parse_i64;
use crate::command::item::bulk;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply, Version};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::listpack::Item;

use super::look::read_with_random;

pub(crate) const COMMANDS: &[Command] = &[HRANDFIELD];

/// Fields of a reply; twice as many fit a length where values come along.
const COUNT_MAX: i64 = i64::MAX / 2;

/// What is asked for.
struct Draw {
    /// How many different ones; below zero, how many of which some may be the same.
    count: i64,
    with_values: bool,
}

const HRANDFIELD: Command = Command {
    spec: Spec {
        name: "HRANDFIELD",
        usage: "key [options=(count:integer [withvalues=WITHVALUES])]",
        summary: "Returns fields of a hash drawn by chance.",
        since: "6.2.0",
        cost: "O(N) with N the number of fields returned",
        group: Group::Hash,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(hrandfield),
};

fn hrandfield(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let draw = Draw::parse(args)?;
    let (key, due) = (turn.key(args, 1), turn.due());
    let reply_max = turn.reply_max(reply);
    let found = read_with_random(turn, &key)?;
    let Some(draw) = draw else {
        match found.and_then(|(hash, random)| hash.draw(due, random)) {
            Some((field, _)) => bulk(reply, field),
            None => reply.null(),
        }
        return Ok(());
    };
    let Some((hash, random)) = found else {
        reply.array(0);
        return Ok(());
    };
    if let Ok(count) = usize::try_from(draw.count) {
        let drawn = hash.draw_distinct(count, due, random);
        draw.begin(reply, drawn.len());
        for pair in drawn {
            draw.write(reply, pair);
        }
        return Ok(());
    }
    let count = draw.count.unsigned_abs() as usize;
    if hash.draw(due, random).is_none() {
        reply.array(0);
        return Ok(());
    }
    draw.begin(reply, count);
    for _ in 0..count {
        if reply.len_so_far() > reply_max {
            break;
        }
        let pair = hash.draw(due, random);
        draw.write(reply, pair.expect("a field is alive in all of the turn"));
    }
    Ok(())
}

impl Draw {
    fn parse(args: Args<'_>) -> Result<Option<Draw>, Refusal> {
        if args.len() == 2 {
            return Ok(None);
        }
        let count = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
        if count == i64::MIN {
            return Err(Refusal::COUNT_OUT_OF_RANGE);
        }
        let with_values = args.is(3, b"withvalues");
        if args.len() > 4 || args.len() == 4 && !with_values {
            return Err(Refusal::Syntax);
        }
        if with_values && !(-COUNT_MAX..=COUNT_MAX).contains(&count) {
            return Err(Refusal::OUT_OF_RANGE);
        }
        Ok(Some(Draw { count, with_values }))
    }

    /// RESP3 has an array for each pair.
    fn begin(&self, reply: &mut Reply<'_>, len: usize) {
        let is_flat = self.with_values && reply.version() == Version::Two;
        reply.array(if is_flat { len * 2 } else { len });
    }

    fn write(&self, reply: &mut Reply<'_>, (field, value): (Item<'_>, Item<'_>)) {
        if self.with_values && reply.version() == Version::Three {
            reply.array(2);
        }
        bulk(reply, field);
        if self.with_values {
            bulk(reply, value);
        }
    }
}
