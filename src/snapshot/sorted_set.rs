//! Sorted sets in the RDB format.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::base::parse_f64;
use crate::value::Rules;
use crate::value::listpack::Listpack;
use crate::value::sorted_set::{SortedSet, Towards};

use super::element::{Element, Pairs, room};
use super::kind::Kind;
use super::sink::Sink;
use super::string::{
    Compression, Malformed, read_length, read_string, take, take_slice, write_length, write_string,
};
use super::ziplist::Ziplist;

/// In the place of a score's length, where scores are texts.
const NAN: u8 = 253;
const INFINITY: u8 = 254;
const MINUS_INFINITY: u8 = 255;

pub(super) fn kind_of(set: &SortedSet) -> Kind {
    match set.packed() {
        Some(_) => Kind::SortedSetListpack,
        None => Kind::SortedSetDoubles,
    }
}

/// Appends a sorted set as `kind_of` says. Without a listpack the highest comes first, as stock
/// has it: it is read back fastest that way.
pub(super) fn write_sorted_set(out: &mut impl Sink, set: &SortedSet, compression: Compression) {
    if let Some(pack) = set.packed() {
        write_string(out, pack.bytes(), compression);
        return;
    }
    write_length(out, set.len() as u64);
    set.visit(0..set.len(), Towards::Lowest, |score, member| {
        write_member(out, member, score, compression);
    });
}

pub(super) fn write_member(
    out: &mut impl Sink,
    member: &[u8],
    score: f64,
    compression: Compression,
) {
    write_string(out, member, compression);
    out.put(&score.to_le_bytes());
}

/// Reads what `SortedSetTexts` begins with.
pub(super) fn read_texts(bytes: &mut &[u8], rules: &Rules) -> Result<SortedSet, Malformed> {
    read_counted(bytes, read_score_text, rules)
}

/// Reads what `SortedSetDoubles` begins with.
pub(super) fn read_doubles(bytes: &mut &[u8], rules: &Rules) -> Result<SortedSet, Malformed> {
    let score = |bytes: &mut &[u8]| Ok(f64::from_le_bytes(take(bytes)?));
    read_counted(bytes, score, rules)
}

fn read_counted(
    bytes: &mut &[u8],
    read_score: impl Fn(&mut &[u8]) -> Result<f64, Malformed>,
    rules: &Rules,
) -> Result<SortedSet, Malformed> {
    let count = read_length(bytes)?;
    let room = room(count, bytes);
    let members = (0..count).map(|_| {
        let member = read_string(bytes)?;
        let score = read_score(bytes)?;
        // A score is a number.
        (!score.is_nan())
            .then_some((member, score))
            .ok_or(Malformed)
    });
    SortedSet::collect(members, room, rules)?.ok_or(Malformed)
}

fn read_score_text(bytes: &mut &[u8]) -> Result<f64, Malformed> {
    match take(bytes)? {
        [NAN] => Ok(f64::NAN),
        [INFINITY] => Ok(f64::INFINITY),
        [MINUS_INFINITY] => Ok(f64::NEG_INFINITY),
        [len] => parse_f64(take_slice(bytes, u64::from(len))?).ok_or(Malformed),
    }
}

/// Reads what `SortedSetZiplist` begins with.
pub(super) fn read_ziplist(bytes: &mut &[u8], rules: &Rules) -> Result<SortedSet, Malformed> {
    let text = read_string(bytes)?;
    let mut set = SortedSet::default();
    for pair in Pairs(Ziplist::new(&text)?) {
        let (member, score) = pair?;
        let score = match score {
            // As stock: the nearest double.
            Element::Int(number) => number as f64,
            Element::Text(text) => parse_f64(&text).ok_or(Malformed)?,
        };
        member.with_text(|member| insert(&mut set, member, score, rules))?;
    }
    Ok(set)
}

/// Reads what `SortedSetListpack` begins with.
pub(super) fn read_listpack(bytes: &mut &[u8], rules: &Rules) -> Result<SortedSet, Malformed> {
    let pack = Listpack::from_bytes(&read_string(bytes)?).ok_or(Malformed)?;
    SortedSet::from_packed(pack, rules).ok_or(Malformed)
}

/// Adds a member that is not there, with a score that is a number.
fn insert(set: &mut SortedSet, member: &[u8], score: f64, rules: &Rules) -> Result<(), Malformed> {
    if score.is_nan() || set.insert(member, score, rules).is_some() {
        return Err(Malformed);
    }
    Ok(())
}
