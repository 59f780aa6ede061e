//! What reading for a group leaves in the journal: each entry that was given,
//! with whom, when and how often, for nobody else can find that out again.

use crate::command::turn::Turn;
use crate::keyspace::Key;
use crate::value::stream::{Group, Id, Pending};

/// An entry as it is pending now.
pub(super) struct Given {
    consumer: Box<[u8]>,
    id: Id,
    delivered_at: u64,
    deliveries: u64,
    /// How far the group has read by then.
    last_id: Id,
}

impl Given {
    /// An entry of a group that has read so far.
    pub(super) fn new(group: &Group, id: Id, pending: Pending, last_id: Id) -> Given {
        Given {
            consumer: group.consumer(pending.consumer).name().into(),
            id,
            delivered_at: pending.delivered_at,
            deliveries: pending.deliveries,
            last_id,
        }
    }
}

impl Turn<'_> {
    /// Says that entries of a group were given.
    pub(super) fn leave_given(&mut self, key: &Key<'_>, group: &[u8], given: &[Given]) {
        for one in given {
            let (id, last_id) = (one.id.to_string(), one.last_id.to_string());
            let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
            self.leave_instead(&[
                b"XCLAIM",
                key.bytes,
                group,
                &one.consumer,
                b"0",
                id.as_bytes(),
                b"TIME",
                time.format(one.delivered_at).as_bytes(),
                b"RETRYCOUNT",
                count.format(one.deliveries).as_bytes(),
                b"FORCE",
                b"JUSTID",
                b"LASTID",
                last_id.as_bytes(),
            ]);
        }
    }

    /// Says that a group has a new consumer.
    pub(super) fn leave_consumer(&mut self, key: &Key<'_>, group: &[u8], consumer: &[u8]) {
        self.leave_instead(&[b"XGROUP", b"CREATECONSUMER", key.bytes, group, consumer]);
    }

    /// Says how far a group has read.
    pub(super) fn leave_position(
        &mut self,
        key: &Key<'_>,
        group: &[u8],
        last_id: Id,
        entries_read: Option<u64>,
    ) {
        let read = entries_read.map_or(-1, |read| read as i64);
        let (last_id, mut digits) = (last_id.to_string(), itoa::Buffer::new());
        self.leave_instead(&[
            b"XGROUP",
            b"SETID",
            key.bytes,
            group,
            last_id.as_bytes(),
            b"ENTRIESREAD",
            digits.format(read).as_bytes(),
        ]);
    }
}
