//! An element of a value as a reply, whatever the type of the value.

use super::turn::Turn;
use super::waiting::Waiting;
use crate::resp::{Reply, Version};
use crate::value::listpack::Item;

impl Turn<'_> {
    /// Bytes of a reply above which no client gets it, but is closed instead:
    /// whoever writes as much as the client asks for may stop there.
    pub(super) fn reply_max(&self, reply: &Reply<'_>) -> usize {
        let [normal, _, pubsub] = self.live.output_limits.map(|limit| limit.hard);
        let hard = match (self.waiting, reply.version()) {
            // A script reads it.
            (Waiting::NeverInScript, _) => 0,
            (_, Version::Two) => normal,
            // It may be a subscriber.
            (_, Version::Three) if pubsub == 0 => 0,
            (_, Version::Three) if normal == 0 => 0,
            (_, Version::Three) => normal.max(pubsub),
        };
        if hard == 0 { usize::MAX } else { hard as usize }
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
