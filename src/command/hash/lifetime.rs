//! Fields read or set together with their deadlines: HGETEX, HSETEX, HGETDEL.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::hash::Fate;

use super::expire::{Measure, leave_deadline};
use super::field_list;
use super::look::{after_edit, bulk_or_null, edit, edit_or_new, find};

pub(crate) const COMMANDS: &[Command] = &[HGETDEL, HGETEX, HSETEX];

/// Which fields HSETEX asks to be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Condition {
    #[default]
    Always,
    /// `FNX`: none of them.
    IfNone,
    /// `FXX`: all of them.
    IfAll,
}

/// How HGETEX and HSETEX differ in what they take.
struct Grammar {
    command: &'static str,
    /// Words for each field: its name, and a value.
    words: usize,
    /// The word that stands for a fate without a moment.
    fate: (&'static [u8], Fate),
    /// What becomes of deadlines where nothing is said.
    default: Fate,
    takes_condition: bool,
    two_expirations: Refusal,
}

/// What HGETEX or HSETEX asks for.
struct Request<'a> {
    fields: Args<'a>,
    fate: Fate,
    condition: Condition,
}

const HGETEX: Command = Command {
    spec: Spec {
        name: "HGETEX",
        usage: "key [expiration=(EX seconds:integer | PX milliseconds:integer | EXAT \
            unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST)] \
            FIELDS fields=(numfields:integer field...)",
        summary: "Returns fields of a hash and sets or removes their time to live.",
        since: "8.0.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))
                .noting("Changes the time to live, not the values."),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(hgetex),
};

fn hgetex(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let grammar = Grammar {
        command: "hgetex",
        words: 1,
        fate: (b"persist", Fate::Clear),
        default: Fate::Keep,
        takes_condition: false,
        two_expirations: Refusal::HGETEX_EXPIRATIONS,
    };
    let request = grammar.parse(args, turn.now())?;
    let (key, due, rules) = (turn.key(args, 1), turn.due(), turn.rules());
    let is_recorded = turn.is_recorded();
    let hash = edit(turn, &key)?;
    reply.array(request.fields.len());
    let Some(hash) = hash else {
        request.fields.iter().for_each(|_| reply.null());
        return Ok(());
    };
    let mut changes = 0;
    let mut changed: Vec<&[u8]> = Vec::new();
    let event = match request.fate {
        Fate::Until(deadline) if deadline <= due => "hdel",
        Fate::Until(_) => "hexpire",
        Fate::Clear | Fate::Keep => "hpersist",
    };
    for field in request.fields.iter() {
        bulk_or_null(reply, hash.get(field, due));
        let Some(current) = hash.deadline(field, due) else {
            continue;
        };
        let is_changed = match request.fate {
            Fate::Keep => false,
            Fate::Clear => current.is_some() && hash.set_deadline(field, Fate::Clear, due, &rules),
            Fate::Until(deadline) if deadline <= due => hash.remove(field, due),
            Fate::Until(_) => hash.set_deadline(field, request.fate, due, &rules),
        };
        changes += u64::from(is_changed);
        if is_changed && is_recorded {
            changed.push(field);
        }
    }
    if changes > 0 {
        match request.fate {
            Fate::Until(deadline) => leave_deadline(turn, &key, deadline, &changed),
            Fate::Clear | Fate::Keep => leave_persist(turn, &key, &changed),
        }
        turn.touch(&key, EventClass::Hash, event);
        after_edit(turn, &key);
    }
    turn.changed(changes);
    Ok(())
}

const HSETEX: Command = Command {
    spec: Spec {
        name: "HSETEX",
        usage: "key [condition=(FNX | FXX)] [expiration=(EX seconds:integer | PX \
            milliseconds:integer | EXAT unix-time-seconds:unix-time | PXAT \
            unix-time-milliseconds:unix-time | KEEPTTL)] \
            FIELDS fields=(numfields:integer data=(field value)...)",
        summary: "Sets fields of a hash, with their time to live, if they are there or are not.",
        since: "8.0.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(hsetex),
};

fn hsetex(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let grammar = Grammar {
        command: "hsetex",
        words: 2,
        fate: (b"keepttl", Fate::Keep),
        default: Fate::Clear,
        takes_condition: true,
        two_expirations: Refusal::HSETEX_EXPIRATIONS,
    };
    let request = grammar.parse(args, turn.now())?;
    let (key, due, rules) = (turn.key(args, 1), turn.due(), turn.rules());
    let hash = find(turn, &key)?;
    let pairs = || (0..request.fields.len()).step_by(2);
    let mut are_there = pairs().map(|index| {
        hash.and_then(|hash| hash.get(request.fields.get(index), due))
            .is_some()
    });
    let sets = match request.condition {
        Condition::Always => true,
        Condition::IfNone => !are_there.any(|is_there| is_there),
        Condition::IfAll => are_there.all(|is_there| is_there),
    };
    if !sets {
        reply.int(0);
        return Ok(());
    }
    let hash = edit_or_new(turn, &key)?;
    let is_over = matches!(request.fate, Fate::Until(deadline) if deadline <= due);
    for index in pairs() {
        let (field, value) = (request.fields.get(index), request.fields.get(index + 1));
        if is_over {
            hash.remove(field, due);
        } else {
            hash.set(field, value, request.fate, due, &rules);
        }
    }
    if let Fate::Until(deadline) = request.fate
        && turn.is_recorded()
    {
        let fields: Vec<&[u8]> = pairs().map(|index| request.fields.get(index)).collect();
        if !is_over {
            let mut words: Vec<&[u8]> = vec![b"HSET", key.bytes];
            words.extend(request.fields.iter());
            turn.leave_instead(&words);
        }
        leave_deadline(turn, &key, deadline, &fields);
    }
    turn.changed((request.fields.len() / 2) as u64);
    turn.touch(&key, EventClass::Hash, "hset");
    if is_over {
        turn.notify(&key, EventClass::Hash, "hdel");
    } else if matches!(request.fate, Fate::Until(_)) {
        turn.notify(&key, EventClass::Hash, "hexpire");
    }
    after_edit(turn, &key);
    reply.int(1);
    Ok(())
}

/// Leaves that these fields have no deadline any more.
fn leave_persist(turn: &mut Turn<'_>, key: &Key<'_>, fields: &[&[u8]]) {
    let mut count = itoa::Buffer::new();
    let count = count.format(fields.len()).as_bytes();
    let mut words: Vec<&[u8]> = vec![b"HPERSIST", key.bytes, b"FIELDS", count];
    words.extend(fields);
    turn.leave_instead(&words);
}

impl Grammar {
    /// Options and `FIELDS` in any order.
    fn parse<'a>(&self, args: Args<'a>, now_ms: u64) -> Result<Request<'a>, Refusal> {
        let (mut fields, mut fate, mut condition) = (None, None, Condition::Always);
        let mut index = 2;
        while index < args.len() {
            if args.is(index, b"fields") {
                let (listed, next) = self.fields(args, index)?;
                fields = Some(listed);
                index = next;
                continue;
            }
            let named = |names: [&[u8]; 2]| names.iter().any(|name| args.is(index, name));
            let is_time = named([b"ex", b"px"]) || named([b"exat", b"pxat"]);
            if is_time || args.is(index, self.fate.0) {
                if fate.is_some() {
                    return Err(self.two_expirations.clone());
                }
                fate = Some(if is_time {
                    index += 1;
                    self.moment(args, index, now_ms)?
                } else {
                    self.fate.1
                });
            } else if self.takes_condition && named([b"fnx", b"fxx"]) {
                if condition != Condition::Always {
                    return Err(Refusal::FNX_AND_FXX);
                }
                condition = if args.is(index, b"fnx") {
                    Condition::IfNone
                } else {
                    Condition::IfAll
                };
            } else {
                return Err(Refusal::unknown_argument(args.get(index)));
            }
            index += 1;
        }
        Ok(Request {
            fields: fields.ok_or(Refusal::FIELDS_ABSENT)?,
            fate: fate.unwrap_or(self.default),
            condition,
        })
    }

    /// The fields listed at `index`, and where the words go on.
    fn fields<'a>(&self, args: Args<'a>, index: usize) -> Result<(Args<'a>, usize), Refusal> {
        if index + 2 >= args.len() {
            return Err(Refusal::wrong_arity(self.command));
        }
        let count = parse_i64(args.get(index + 1))
            .filter(|count| (1..=i64::from(i32::MAX)).contains(count))
            .ok_or(Refusal::NUMFIELDS_INVALID)?;
        let len = count as usize * self.words;
        let listed = args.tail(index + 2);
        if len > listed.len() {
            return Err(Refusal::NUMFIELDS_ARITY);
        }
        Ok((listed.head(len), index + 2 + len))
    }

    /// The moment whose amount stands at `index`, behind its word.
    fn moment(&self, args: Args<'_>, index: usize, now_ms: u64) -> Result<Fate, Refusal> {
        if index >= args.len() {
            return Err(Refusal::FIELD_EXPIRE_MISSING);
        }
        let is = |word: &[u8]| args.is(index - 1, word);
        let measure = Measure {
            unit_ms: if is(b"ex") || is(b"exat") { 1000 } else { 1 },
            is_relative: is(b"ex") || is(b"px"),
            command: self.command,
        };
        measure.deadline(args.get(index), now_ms).map(Fate::Until)
    }
}

const HGETDEL: Command = Command {
    spec: Spec {
        name: "HGETDEL",
        usage: "key FIELDS fields=(numfields:integer field...)",
        summary: "Returns fields of a hash and removes them, and the key with its last field.",
        since: "8.0.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(hgetdel),
};

fn hgetdel(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let fields = field_list::parse(args, 2, Refusal::NUMFIELDS_NOT_POSITIVE)?;
    let (key, due) = (turn.key(args, 1), turn.due());
    let hash = edit(turn, &key)?;
    reply.array(fields.len());
    let Some(hash) = hash else {
        fields.iter().for_each(|_| reply.null());
        return Ok(());
    };
    let mut removed = 0;
    for field in fields.iter() {
        bulk_or_null(reply, hash.get(field, due));
        removed += u64::from(hash.remove(field, due));
    }
    if removed > 0 {
        turn.touch(&key, EventClass::Hash, "hdel");
        after_edit(turn, &key);
    }
    if removed > 0 {
        let mut words: Vec<&[u8]> = vec![b"HDEL", key.bytes];
        words.extend(fields.iter());
        turn.leave_instead(&words);
    }
    turn.changed(removed);
    Ok(())
}
