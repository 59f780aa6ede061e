//! An element of a value as a reply, whatever the type of the value.

use super::turn::Turn;
use super::waiting::Waiting;
use crate::resp::Reply;
use crate::value::listpack::Item;

impl Turn<'_> {
    /// Bytes of a reply above which no client gets it, but is closed instead:
    /// whoever writes as much as the client asks for may stop there.
    pub(super) fn reply_max(&self) -> usize {
        match self.waiting {
            // A script reads it.
            Waiting::NeverInScript => usize::MAX,
            Waiting::Never | Waiting::May(_) | Waiting::Again => self.live.reply_max(),
        }
    }
}

/// An element as a bulk.
#[inline]
pub(super) fn bulk(reply: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Int(number) => reply.bulk_int(number),
        Item::Text(text) => reply.bulk(text),
    }
}
