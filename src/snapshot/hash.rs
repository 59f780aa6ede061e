//! Hashes in the RDB format. A hash with deadlines is written as Redis 7.4 does, which older
//! servers refuse: they could only keep the fields and lose when these end.
//!
//! ```text
//! earliest deadline, 8 bytes  count  (after field value) …    HashDeadlines
//! earliest deadline, 8 bytes  listpack of field, value, deadline    HashListpackDeadlines
//! ```
//!
//! `after` is a length: the deadline less the earliest, plus 1; 0 without one. Deadlines are in
//! Unix milliseconds.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::value::Rules;
use crate::value::hash::{Fate, Hash};
use crate::value::listpack::{Item, Listpack};

use super::element::{Element, Pairs, Strings, room};
use super::kind::Kind;
use super::sink::Sink;
use super::string::{
    Compression, Malformed, read_length, read_string, take, write_length, write_string,
};
use super::ziplist::Ziplist;
use super::zipmap::Zipmap;

/// The moment at which every field is still there: what is over is dropped by who uses the hash.
pub(super) const BEFORE_ALL: u64 = 0;

/// The latest moment Redis takes as a field's deadline.
const DEADLINE_MAX: u64 = (1 << 48) - 2;

pub(super) fn kind_of(hash: &Hash) -> Kind {
    match (hash.as_listpack(), hash.has_deadlines()) {
        (Some(_), _) => Kind::HashListpack,
        (None, true) => Kind::HashDeadlines,
        (None, false) => Kind::HashTexts,
    }
}

fn earliest(hash: &Hash) -> Option<u64> {
    if !hash.has_deadlines() {
        return None;
    }
    let mut earliest: Option<u64> = None;
    hash.each_with_deadline(BEFORE_ALL, |_, _, deadline| {
        earliest = earliest.into_iter().chain(deadline).min();
    });
    earliest
}

/// Appends a hash as `kind_of` says.
pub(super) fn write_hash(out: &mut impl Sink, hash: &Hash, compression: Compression) {
    if let Some(pack) = hash.as_listpack() {
        write_string(out, pack.bytes(), compression);
        return;
    }
    let earliest = earliest(hash);
    write_count(out, hash, earliest);
    hash.each_with_deadline(BEFORE_ALL, |field, value, deadline| {
        write_field(out, field, value, (deadline, earliest), compression);
    });
}

/// Appends what stands before the fields; no deadline is before `earliest`, which is none if there
/// are none.
pub(super) fn write_count(out: &mut impl Sink, hash: &Hash, earliest: Option<u64>) {
    if let Some(earliest) = earliest {
        out.put(&earliest.to_le_bytes());
    }
    write_length(out, hash.len() as u64);
}

/// Appends a field with its deadline, of which it is told with what `write_count` was.
pub(super) fn write_field(
    out: &mut impl Sink,
    field: Item<'_>,
    value: Item<'_>,
    (deadline, earliest): (Option<u64>, Option<u64>),
    compression: Compression,
) {
    if let Some(earliest) = earliest {
        let after = deadline.map_or(0, |deadline| {
            deadline.saturating_sub(earliest).saturating_add(1)
        });
        write_length(out, after);
    }
    for text in [field, value] {
        Element::from(text).with_text(|text| write_string(out, text, compression));
    }
}

/// Reads what `HashTexts` begins with.
pub(super) fn read_texts(bytes: &mut &[u8], rules: &Rules) -> Result<Hash, Malformed> {
    let texts = Strings::counted(bytes, 2)?;
    let room = texts.room() / 2;
    collect(Pairs(texts), room, rules)
}

/// Reads what `HashZipmap` begins with.
pub(super) fn read_zipmap(bytes: &mut &[u8], rules: &Rules) -> Result<Hash, Malformed> {
    let text = read_string(bytes)?;
    let pairs = Zipmap::new(&text)?.map(|pair| {
        let (field, value) = pair?;
        Ok((Item::Text(field).into(), Item::Text(value).into()))
    });
    collect(pairs, 0, rules)
}

/// Reads what `HashZiplist` begins with.
pub(super) fn read_ziplist(bytes: &mut &[u8], rules: &Rules) -> Result<Hash, Malformed> {
    let text = read_string(bytes)?;
    collect(Pairs(Ziplist::new(&text)?), 0, rules)
}

/// Reads what `HashListpack` begins with.
pub(super) fn read_listpack(bytes: &mut &[u8], rules: &Rules) -> Result<Hash, Malformed> {
    let pack = Listpack::from_bytes(&read_string(bytes)?).ok_or(Malformed)?;
    collect(Pairs(pack.iter().map(Element::from).map(Ok)), 0, rules)
}

/// Reads what `HashDeadlines` begins with.
pub(super) fn read_deadlines(bytes: &mut &[u8], rules: &Rules) -> Result<Hash, Malformed> {
    let earliest = u64::from_le_bytes(take(bytes)?);
    let count = read_length(bytes)?;
    let mut hash = Hash::with_room(room(count, bytes), rules);
    for _ in 0..count {
        let fate = match read_length(bytes)?.checked_sub(1) {
            None => Fate::Clear,
            Some(after) => until(earliest.checked_add(after).ok_or(Malformed)?)?,
        };
        let field = Element::Text(read_string(bytes)?);
        let value = Element::Text(read_string(bytes)?);
        add(&mut hash, &field, &value, fate, rules)?;
    }
    Ok(hash)
}

/// Reads what `HashListpackDeadlines` begins with.
pub(super) fn read_listpack_deadlines(bytes: &mut &[u8], rules: &Rules) -> Result<Hash, Malformed> {
    // The earliest deadline is of use to who has not read the listpack yet.
    let _: [u8; 8] = take(bytes)?;
    let pack = Listpack::from_bytes(&read_string(bytes)?).ok_or(Malformed)?;
    let mut items = pack.iter().map(Element::from);
    let mut hash = Hash::default();
    while let Some(field) = items.next() {
        let value = items.next().ok_or(Malformed)?;
        let fate = match items.next() {
            Some(Element::Int(0)) => Fate::Clear,
            Some(Element::Int(deadline)) => until(u64::try_from(deadline).or(Err(Malformed))?)?,
            Some(Element::Text(_)) | None => return Err(Malformed),
        };
        add(&mut hash, &field, &value, fate, rules)?;
    }
    Ok(hash)
}

fn until(deadline: u64) -> Result<Fate, Malformed> {
    (deadline <= DEADLINE_MAX)
        .then_some(Fate::Until(deadline))
        .ok_or(Malformed)
}

/// A hash of fields with values, about so many, no field twice.
fn collect<'a>(
    pairs: impl Iterator<Item = Result<(Element<'a>, Element<'a>), Malformed>>,
    room: usize,
    rules: &Rules,
) -> Result<Hash, Malformed> {
    let mut hash = Hash::with_room(room, rules);
    for pair in pairs {
        let (field, value) = pair?;
        add(&mut hash, &field, &value, Fate::Clear, rules)?;
    }
    Ok(hash)
}

fn add(
    hash: &mut Hash,
    field: &Element<'_>,
    value: &Element<'_>,
    fate: Fate,
    rules: &Rules,
) -> Result<(), Malformed> {
    let is_new = field.with_text(|field| {
        value.with_text(|value| hash.set(field, value, fate, BEFORE_ALL, rules))
    });
    is_new.then_some(()).ok_or(Malformed)
}
