//! DEBUG's subcommands about the data itself: digests, and what is inside a
//! value. Each core does what
//! concerns its own keys.

use crate::command::gather::Part;
use crate::command::key::with_value;
use crate::keyspace::Found;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::snapshot::{Compression, Digest, digest_of, write_value};

/// Keys visited between two looks at where the walk is.
const KEYS_PER_STEP: usize = 1024;

/// A part of DIGEST: for each database whether this core has a key in it, and
/// the joined digests of its keys.
pub(super) fn digest_part(part: &Part<'_>, out: &mut Vec<u8>) {
    for index in 0..part.keyspace.databases() {
        let mut has_keys = false;
        let mut joined = Digest::default();
        each_key(part, index, |found| {
            has_keys = true;
            let mut named = Digest::default();
            named.mix(found.key());
            joined.xor(&digest_from(named, found).to_bytes());
        });
        out.push(u8::from(has_keys));
        out.extend_from_slice(&joined.to_bytes());
    }
}

/// The digest of everything: the databases in their order.
pub(super) fn digest_merge(answers: &[Vec<u8>], reply: &mut Reply<'_>) {
    let mut all = Digest::default();
    let databases = answers.first().map_or(0, |answer| parts(answer).len());
    for index in 0..databases {
        let shares = || {
            answers
                .iter()
                .filter_map(move |answer| parts(answer)[index])
        };
        if shares().next().is_some() {
            let number = u32::try_from(index).expect("databases are an int in the settings");
            all.mix(&number.to_be_bytes());
            shares().for_each(|share| all.join(share));
        }
    }
    reply.simple(&all.to_string());
}

/// A part of DIGEST-VALUE: for each key whether it is here, and its digest.
pub(super) fn digest_value_part(part: &Part<'_>, args: Args<'_>, out: &mut Vec<u8>) {
    for index in 2..args.len() {
        let key = part.keyspace.key(args.get(index));
        let database = part.keyspace.db(part.caller.database);
        let found = database.peek(key, part.clock.now);
        out.push(u8::from(found.is_some()));
        let digest = found.map_or(Digest::default(), |found| {
            digest_from(Digest::default(), &found)
        });
        out.extend_from_slice(&digest.to_bytes());
    }
}

/// One digest for each key; zeros where there is none.
pub(super) fn digest_value_merge(answers: &[Vec<u8>], keys: usize, reply: &mut Reply<'_>) {
    reply.array(keys);
    for index in 0..keys {
        let digest = answers.iter().find_map(|answer| parts(answer)[index]);
        reply.simple(&digest.unwrap_or_default().to_string());
    }
}

/// The digests that a part wrote; `None` where it has nothing.
fn parts(answer: &[u8]) -> Vec<Option<Digest>> {
    let (parts, _) = answer.as_chunks::<{ 1 + Digest::BYTES }>();
    parts
        .iter()
        .map(|[is_there, digest @ ..]| (*is_there != 0).then(|| Digest::from_bytes(*digest)))
        .collect()
}

fn digest_from(start: Digest, found: &Found<'_>) -> Digest {
    let has_deadline = found.deadline().is_some();
    with_value(found, |value| digest_of(start, value, has_deadline))
}

/// Visits every live key of one of this core's databases.
fn each_key(part: &Part<'_>, database: usize, mut visit: impl FnMut(&Found<'_>)) {
    let database = part.keyspace.db(database);
    let mut cursor = 0;
    loop {
        cursor = database.scan(cursor, KEYS_PER_STEP, &part.clock, &mut visit);
        if cursor == 0 {
            return;
        }
    }
}

/// OBJECT: the owner of the key tells of its entry.
pub(super) fn object(part: &Part<'_>, key: &[u8], out: &mut Vec<u8>) {
    let now = part.clock.now;
    // One whose time has come is looked at, too, while it is still there.
    let Some(found) = peek(part, key, 0) else {
        return;
    };
    let mut bytes = Vec::new();
    with_value(&found, |value| {
        write_value(&mut bytes, value, Compression::On)
    });
    let line = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        found.key().as_ptr(),
        found.encoding(),
        bytes.len(),
        found.access(),
        found.idle_ms(now) / 1000,
    );
    out.extend_from_slice(line.as_bytes());
}

/// LISTPACK: the owner of the key tells its encoding.
pub(super) fn encoding(part: &Part<'_>, key: &[u8], out: &mut Vec<u8>) {
    if let Some(found) = peek(part, key, part.clock.now) {
        out.extend_from_slice(found.encoding().as_bytes());
    }
}

/// What LISTPACK answers to an encoding. Stock prints on its terminal; a node
/// has none, so it prints nothing, and answers the same.
pub(super) fn listpack_merge(encoding: &[u8], reply: &mut Reply<'_>) -> Outcome {
    if encoding != b"listpack" {
        return Err(Refusal::Stated("ERR Not a listpack encoded object."));
    }
    reply.simple("Listpack structure printed on stdout");
    Ok(())
}

fn peek<'a>(part: &'a Part<'_>, key: &[u8], now_ms: u64) -> Option<Found<'a>> {
    let key = part.keyspace.key(key);
    part.keyspace.db(part.caller.database).peek(key, now_ms)
}
