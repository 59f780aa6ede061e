//! An element of a value as a reply, whatever the type of the value.

use crate::resp::Reply;
use crate::value::listpack::Item;

/// An element as a bulk.
#[inline]
pub(super) fn bulk(reply: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Int(number) => reply.bulk_int(number),
        Item::Text(text) => reply.bulk(text),
    }
}
