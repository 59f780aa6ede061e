//! The elements to be sorted, copied out of their value.

use std::ops::Range;

use crate::keyspace::Found;
use crate::resp::Refusal;
use crate::value::Compound;
use crate::value::list::End;
use crate::value::sorted_set::Towards;

use super::request::Order;

/// How many elements a value has. Types without a place for an order are
/// refused.
pub(super) fn len(found: Option<Found<'_>>) -> Result<usize, Refusal> {
    let Some(found) = found else {
        return Ok(0);
    };
    match found.compound() {
        Some(Compound::List(list)) => Ok(list.len()),
        Some(Compound::Set(set)) => Ok(set.len()),
        Some(Compound::SortedSet(set)) => Ok(set.len()),
        _ => Err(Refusal::WrongType),
    }
}

/// The elements at some places of their own order, which may be turned round; that
/// of a set has no other way.
pub(super) fn collect(
    found: Option<Found<'_>>,
    wanted: Range<usize>,
    order: Order,
) -> Vec<Vec<u8>> {
    let mut elements = Vec::with_capacity(wanted.len());
    match found.and_then(|found| found.compound()) {
        Some(Compound::List(list)) => {
            let walk = match order {
                Order::Ascending => list.walk(End::Front, wanted.start),
                // From the last wanted one backwards; nothing of an empty list.
                Order::Descending => {
                    list.walk(End::Back, (list.len() - wanted.start).wrapping_sub(1))
                }
            };
            elements.extend(walk.take(wanted.len()).map(|item| item.to_vec()));
        }
        Some(Compound::Set(set)) => {
            let members = set.iter().skip(wanted.start).take(wanted.len());
            elements.extend(members.map(|item| item.to_vec()));
        }
        Some(Compound::SortedSet(set)) => {
            let len = set.len();
            let (ranks, towards) = match order {
                Order::Ascending => (wanted, Towards::Highest),
                Order::Descending => (len - wanted.end..len - wanted.start, Towards::Lowest),
            };
            set.visit(ranks, towards, |_, member| elements.push(member.to_vec()));
        }
        _ => {}
    }
    elements
}
