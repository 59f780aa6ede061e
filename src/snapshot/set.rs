//! Sets in the RDB format.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::value::Rules;
use crate::value::listpack::Listpack;
use crate::value::set::{Intset, Set};

use super::element::{Element, Strings};
use super::kind::Kind;
use super::sink::Sink;
use super::string::{Compression, Malformed, read_string, write_length, write_string};

/// A packed set is written as texts, because Redis 7.0 reads none.
pub(super) fn kind_of(set: &Set) -> Kind {
    match set.as_intset() {
        Some(_) => Kind::SetIntset,
        None => Kind::SetTexts,
    }
}

/// Appends a set as `kind_of` says.
pub(super) fn write_set(out: &mut impl Sink, set: &Set, compression: Compression) {
    if let Some(integers) = set.as_intset() {
        write_string(out, integers.bytes(), compression);
        return;
    }
    write_length(out, set.len() as u64);
    for member in set.iter() {
        Element::from(member).with_text(|text| write_string(out, text, compression));
    }
}

/// Reads what `SetTexts` begins with.
pub(super) fn read_texts(bytes: &mut &[u8], rules: &Rules) -> Result<Set, Malformed> {
    let members = Strings::counted(bytes, 1)?;
    let room = members.room();
    collect(members, room, rules)
}

/// Reads what `SetListpack` begins with.
pub(super) fn read_listpack(bytes: &mut &[u8], rules: &Rules) -> Result<Set, Malformed> {
    let pack = Listpack::from_bytes(&read_string(bytes)?).ok_or(Malformed)?;
    collect(pack.iter().map(Element::from).map(Ok), pack.len(), rules)
}

/// Reads what `SetIntset` begins with.
pub(super) fn read_intset(bytes: &mut &[u8], rules: &Rules) -> Result<Set, Malformed> {
    let integers = Intset::from_bytes(&read_string(bytes)?).ok_or(Malformed)?;
    if integers.len() <= rules.set_max_intset_entries {
        return Ok(integers.into());
    }
    let members = integers.iter().map(Element::Int).map(Ok);
    collect(members, integers.len(), rules)
}

/// A set of members, about so many, none of which may come twice.
fn collect<'a>(
    mut members: impl Iterator<Item = Result<Element<'a>, Malformed>>,
    room: usize,
    rules: &Rules,
) -> Result<Set, Malformed> {
    members.try_fold(Set::with_room(room, rules), |mut set, member| {
        let is_new = member?.with_text(|text| set.insert(text, rules));
        is_new.then_some(set).ok_or(Malformed)
    })
}
