//! LPOS: where in a list a text is.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::list::{End, List};
use crate::value::listpack::Wanted;

pub(crate) const COMMANDS: &[Command] = &[LPOS];

const LPOS: Command = Command {
    spec: Spec {
        name: "LPOS",
        usage: "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
        summary: "Returns the indexes at which a list has an element.",
        since: "6.0.6",
        cost: "O(N) with N the number of elements compared",
        group: Group::List,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(lpos),
};

/// What LPOS looks for.
#[derive(Clone, Copy, Debug)]
struct Request {
    /// Where it begins to look.
    from: End,
    /// Matches that are passed over.
    passed_over: usize,
    /// How many are returned as an array; one as itself without.
    count: Option<usize>,
    /// How many elements are compared.
    compared_max: usize,
}

impl Request {
    fn parse(args: Args<'_>) -> Result<Self, Refusal> {
        let mut request = Self {
            from: End::Front,
            passed_over: 0,
            count: None,
            compared_max: usize::MAX,
        };
        let unlimited = |number: usize| if number == 0 { usize::MAX } else { number };
        let mut index = 3;
        while index < args.len() {
            let Some(value) = (index + 1 < args.len()).then(|| args.get(index + 1)) else {
                return Err(Refusal::Syntax);
            };
            let number = parse_i64(value);
            let length = number.and_then(|number| usize::try_from(number).ok());
            if args.is(index, b"rank") {
                let rank = match number.ok_or(Refusal::NotInteger)? {
                    0 => return Err(Refusal::LPOS_RANK),
                    i64::MIN => return Err(Refusal::NOT_NEGATABLE),
                    rank => rank,
                };
                request.from = if rank < 0 { End::Back } else { End::Front };
                request.passed_over = rank.unsigned_abs() as usize - 1;
            } else if args.is(index, b"count") {
                request.count = Some(unlimited(length.ok_or(Refusal::LPOS_COUNT)?));
            } else if args.is(index, b"maxlen") {
                request.compared_max = unlimited(length.ok_or(Refusal::LPOS_MAXLEN)?);
            } else {
                return Err(Refusal::Syntax);
            }
            index += 2;
        }
        Ok(request)
    }

    /// The indexes it finds.
    fn matches<'l>(self, list: &'l List, text: &'l [u8]) -> impl Iterator<Item = usize> + 'l {
        let wanted = Wanted::new(text);
        let last = list.len().saturating_sub(1);
        let outermost = match self.from {
            End::Front => 0,
            End::Back => last,
        };
        list.walk(self.from, outermost)
            .take(self.compared_max)
            .enumerate()
            .filter(move |(_, item)| wanted.is(*item))
            .map(move |(distance, _)| match self.from {
                End::Front => distance,
                End::Back => last - distance,
            })
            .skip(self.passed_over)
    }
}

fn lpos(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = Request::parse(args)?;
    let key = turn.key(args, 1);
    let Some(list) = turn.read_as::<List>(&key)? else {
        match request.count {
            Some(_) => reply.array(0),
            None => reply.null(),
        }
        return Ok(());
    };
    let mut matches = request.matches(list, args.get(2));
    match request.count {
        Some(count) => {
            let mark = reply.deferred();
            let mut found = 0;
            for index in matches.take(count) {
                reply.int(index as i64);
                found += 1;
            }
            reply.fill_array(mark, found);
        }
        None => match matches.next() {
            Some(index) => reply.int(index as i64),
            None => reply.null(),
        },
    }
    Ok(())
}
