//! A value as bytes of the snapshot format: DUMP, RESTORE.

use std::borrow::Cow;

use crate::base::parse_i64;
use crate::command::effect::removal;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::{Clock, Found, Lifetime};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::snapshot::{
    Compression, PayloadFault, Restored, Sum, Value, read_payload, write_payload,
};
use crate::spec::{Categories, Flags, Group, KeyFlags, Keys, Spec};

use super::age;

pub(crate) const COMMANDS: &[Command] = &[DUMP, RESTORE, RESTORE_ASKING];

const DUMP: Command = Command {
    spec: Spec {
        name: "DUMP",
        usage: "key",
        summary: "Returns the value of a key in serialized form.",
        since: "2.6.0",
        cost: "O(N*M) with N the number of elements and M their average size",
        group: Group::Generic,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(dump),
};

fn dump(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    match turn.read(&key) {
        Some(found) => {
            let mut bytes = Vec::new();
            with_value(&found, |value| {
                write_payload(&mut bytes, value, Compression::On)
            });
            reply.bulk(&bytes);
        }
        None => reply.null(),
    }
    Ok(())
}

/// Passes a value on as the snapshot format takes it.
pub fn with_value<R>(found: &Found<'_>, pass: impl FnOnce(Value<'_>) -> R) -> R {
    match found.compound() {
        Some(compound) => pass(compound.into()),
        None => {
            let text = found.text().expect("what is no compound is a string");
            text.with_text(|text| pass(Value::Text(text)))
        }
    }
}

const RESTORE: Command = Command {
    spec: Spec {
        name: "RESTORE",
        usage: "key ttl:integer serialized-value [REPLACE{3.0.0}] [ABSTTL{5.0.0}] [IDLETIME \
            seconds:integer{5.0.0}] [FREQ frequency:integer{5.0.0}]",
        summary: "Creates a key from a value in serialized form.",
        since: "2.6.0",
        cost: "O(N*M) with N the number of elements and M their average size, times log(N) for a sorted set",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        categories: Some(Categories::KEYSPACE.and(Categories::DANGEROUS)),
        keys: &[Keys::one(1, KeyFlags::OW.and(KeyFlags::UPDATE))],
        history: &[
            ("3.0.0", "REPLACE."),
            ("5.0.0", "ABSTTL."),
            ("5.0.0", "IDLETIME and FREQ."),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(restore),
};

/// RESTORE's options.
struct Restore {
    replaces: bool,
    /// The time to live is a moment, in Unix milliseconds.
    is_absolute: bool,
    age: Age,
}

/// How long ago the key was used, or how often.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    New,
    IdleSeconds(u64),
    Frequency(u8),
}

fn restore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Restore::parse(args)?;
    let key = turn.key(args, 1);
    let clock = turn.clock;
    if !options.replaces && turn.find(&key).is_some() {
        return Err(Refusal::BUSY_KEY);
    }
    let lifetime = options.lifetime(args.get(2), turn.now())?;
    let sum = match turn.live.skips_checksums {
        true => Sum::Skipped,
        false => Sum::Checked,
    };
    let value = read_payload(args.get(3), sum, &turn.rules()).map_err(refusal)?;
    match lifetime {
        // A moment that has come: what was there goes, and nothing comes.
        Lifetime::Until(deadline) if deadline <= clock.due() => {
            let removed = turn.delete(&key);
            turn.changed(u64::from(removed));
            if removed {
                turn.leave_instead(&[removal(turn.live.lazy.server_del), key.bytes]);
            }
        }
        Lifetime::Until(_) | Lifetime::Forever | Lifetime::Keep => {
            let is_lfu = turn.live.maxmemory_policy.is_lfu();
            let access = options.access(is_lfu, &clock);
            let database = turn.db(&key);
            database.remove(key, &clock);
            match value {
                Restored::Text(Cow::Borrowed(text)) => database.set(key, text, lifetime, &clock),
                Restored::Text(Cow::Owned(text)) => database.set_owned(key, text, lifetime, &clock),
                Restored::Compound(value) => database.set_compound(key, value, lifetime, &clock),
            }
            database.set_access(key, access, &clock);
            if let Lifetime::Until(deadline) = lifetime
                && !options.is_absolute
            {
                leave_moment(turn, args, deadline);
            }
            turn.changed(1);
            turn.touch(&key, EventClass::Generic, "restore");
        }
    }
    reply.ok();
    Ok(())
}

/// Leaves the request with the moment at which the key ends.
fn leave_moment(turn: &mut Turn<'_>, args: Args<'_>, deadline: u64) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(deadline).as_bytes();
    let mut words: Vec<&[u8]> = args.iter().collect();
    words[2] = digits;
    words.push(b"ABSTTL");
    turn.leave_instead(&words);
}

/// Why a payload is refused.
fn refusal(fault: PayloadFault) -> Refusal {
    match fault {
        PayloadFault::BadVersionOrChecksum => Refusal::BAD_PAYLOAD,
        PayloadFault::BadData(check) => Refusal::Damaged(check),
        PayloadFault::ForeignType(_) => {
            Refusal::Damaged("its integrity check failed: its type is foreign")
        }
    }
}

impl Restore {
    fn parse(args: Args<'_>) -> Result<Restore, Refusal> {
        let mut options = Restore {
            replaces: false,
            is_absolute: false,
            age: Age::New,
        };
        let mut index = 4;
        while index < args.len() {
            let has_next = index + 1 < args.len();
            let tells_frequency = matches!(options.age, Age::Frequency(_));
            let tells_idleness = matches!(options.age, Age::IdleSeconds(_));
            if args.is(index, b"replace") {
                options.replaces = true;
            } else if args.is(index, b"absttl") {
                options.is_absolute = true;
            } else if args.is(index, b"idletime") && has_next && !tells_frequency {
                index += 1;
                let seconds = parse_i64(args.get(index)).ok_or(Refusal::NotInteger)?;
                let seconds = u64::try_from(seconds).map_err(|_| Refusal::INVALID_IDLETIME)?;
                options.age = Age::IdleSeconds(seconds);
            } else if args.is(index, b"freq") && has_next && !tells_idleness {
                index += 1;
                let counter = parse_i64(args.get(index)).ok_or(Refusal::NotInteger)?;
                let counter = u8::try_from(counter).map_err(|_| Refusal::INVALID_FREQ)?;
                options.age = Age::Frequency(counter);
            } else {
                return Err(Refusal::Syntax);
            }
            index += 1;
        }
        Ok(options)
    }

    /// What word 2 says; 0 is for ever.
    fn lifetime(&self, word: &[u8], now_ms: u64) -> Result<Lifetime, Refusal> {
        let ttl_ms = parse_i64(word).ok_or(Refusal::NotInteger)?;
        let ttl_ms = u64::try_from(ttl_ms).map_err(|_| Refusal::INVALID_TTL)?;
        if ttl_ms == 0 {
            return Ok(Lifetime::Forever);
        }
        if self.is_absolute {
            return Ok(Lifetime::Until(ttl_ms));
        }
        // Stock's sum wraps: a time too far away has been long ago.
        let deadline = ttl_ms + now_ms;
        Ok(Lifetime::Until(if i64::try_from(deadline).is_ok() {
            deadline
        } else {
            0
        }))
    }

    /// The access mark; an age that the policy does not track is dropped.
    fn access(&self, is_lfu: bool, clock: &Clock) -> u32 {
        let now = age::moment(clock, is_lfu);
        match self.age {
            Age::IdleSeconds(seconds) if !is_lfu => age::idle_for(seconds, now),
            Age::Frequency(counter) if is_lfu => age::used_often(counter, now),
            Age::New | Age::IdleSeconds(_) | Age::Frequency(_) => age::new(clock),
        }
    }
}

const RESTORE_ASKING: Command = Command {
    spec: Spec {
        name: "RESTORE-ASKING",
        usage: "key ttl:integer serialized-value [REPLACE{3.0.0}] [ABSTTL{5.0.0}] [IDLETIME \
            seconds:integer{5.0.0}] [FREQ frequency:integer{5.0.0}]",
        summary: "Creates a key while its slot is being moved to this node.",
        since: "3.0.0",
        cost: "O(N*M) with N the number of elements and M their average size, times log(N) for a sorted set",
        group: Group::Server,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::ASKING),
        categories: Some(Categories::KEYSPACE.and(Categories::DANGEROUS)),
        keys: &[Keys::one(1, KeyFlags::OW.and(KeyFlags::UPDATE))],
        history: &[
            ("3.0.0", "REPLACE."),
            ("5.0.0", "ABSTTL."),
            ("5.0.0", "IDLETIME and FREQ."),
        ],
        system: true,
        ..Spec::PLAIN
    },
    run: Run::Data(restore),
};
