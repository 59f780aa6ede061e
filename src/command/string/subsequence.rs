//! LCS: what two strings have in common, in order.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::subsequence::{self, LcsFault, Match};

pub(crate) const COMMANDS: &[Command] = &[LCS];

const LCS: Command = Command {
    spec: Spec {
        name: "LCS",
        usage: "key1:key@0 key2:key@0 [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]",
        summary: "Finds the longest common subsequence of two strings.",
        since: "7.0.0",
        cost: "O(N*M) with N and M the lengths of the strings",
        group: Group::String,
        flags: Flags::READONLY,
        keys: &[Keys::range(1, 2, 1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(lcs),
};

/// What of the subsequence is asked for.
#[derive(Default)]
struct Options {
    len: bool,
    indexes: bool,
    with_len: bool,
    len_min: i64,
}

fn lcs(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    // The keys are looked at before the options, as with stock.
    let (first, second) = (text(turn, args, 1)?, text(turn, args, 2)?);
    let options = parse(args)?;
    if options.len && options.indexes {
        return Err(Refusal::LCS_LEN_AND_IDX);
    }
    let bytes_max = turn.live.proto_max_bulk_len;
    subsequence::admit(first.len(), second.len(), bytes_max).map_err(refusal)?;
    if options.indexes {
        let matches = subsequence::matches(&first, &second);
        write_matches(reply, &matches, &options);
    } else if options.len {
        reply.int(subsequence::common_len(&first, &second) as i64);
    } else {
        reply.bulk(&subsequence::common_text(&first, &second));
    }
    Ok(())
}

fn text(turn: &mut Turn<'_>, args: Args<'_>, index: usize) -> Result<Vec<u8>, Refusal> {
    let key = turn.key(args, index);
    match turn.read_text(&key) {
        Ok(text) => Ok(text.map_or_else(Vec::new, |text| text.to_vec())),
        Err(_) => Err(Refusal::LCS_NOT_STRINGS),
    }
}

fn parse(args: Args<'_>) -> Result<Options, Refusal> {
    let mut options = Options::default();
    let mut index = 3;
    while index < args.len() {
        if args.is(index, b"len") {
            options.len = true;
        } else if args.is(index, b"idx") {
            options.indexes = true;
        } else if args.is(index, b"withmatchlen") {
            options.with_len = true;
        } else if args.is(index, b"minmatchlen") && index + 1 < args.len() {
            index += 1;
            options.len_min = parse_i64(args.get(index)).ok_or(Refusal::NotInteger)?;
        } else {
            return Err(Refusal::Syntax);
        }
        index += 1;
    }
    Ok(options)
}

/// The pieces long enough, and the length of all of them.
fn write_matches(reply: &mut Reply<'_>, matches: &[Match], options: &Options) {
    reply.map(2);
    reply.text("matches");
    let mark = reply.deferred();
    let mut written = 0;
    for piece in matches {
        if (piece.len() as i64) < options.len_min {
            continue;
        }
        written += 1;
        reply.array(if options.with_len { 3 } else { 2 });
        for range in [piece.in_first(), piece.in_second()] {
            reply.array(2);
            reply.int(range.start as i64);
            reply.int(range.end as i64 - 1);
        }
        if options.with_len {
            reply.int(piece.len() as i64);
        }
    }
    reply.fill_array(mark, written);
    reply.text("len");
    let len: usize = matches.iter().map(Match::len).sum();
    reply.int(len as i64);
}

fn refusal(fault: LcsFault) -> Refusal {
    match fault {
        LcsFault::TooLong => Refusal::LCS_TOO_LONG,
        LcsFault::TooMuchMemory => Refusal::LCS_NO_MEMORY,
    }
}
