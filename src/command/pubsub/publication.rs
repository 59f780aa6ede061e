//! A message on its way to subscribers, in the form they read.
//!
//! What all of them read, `channel` and `message`, is composed once for the
//! node. What stands before it differs by name and protocol, and is short.

use bytes::Bytes;

use crate::pubsub::Kind;
use crate::resp::{Reply, Version};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    kind: Kind,
    /// Channel and message, each as a bulk string.
    body: Bytes,
    /// Where the channel's name stands in it.
    channel: (usize, usize),
}

impl Publication {
    /// A message on a channel of PUBLISH or SPUBLISH.
    #[must_use]
    pub fn new(kind: Kind, channel: &[u8], message: &[u8]) -> Publication {
        let mut body = Vec::with_capacity(channel.len() + message.len() + 50);
        // Bulk strings are the same in both protocols.
        let mut reply = Reply::new(&mut body, Version::Two);
        reply.bulk(channel);
        let end = reply.len_so_far() - b"\r\n".len();
        reply.bulk(message);
        Publication {
            kind,
            body: Bytes::from(body),
            channel: (end - channel.len(), end),
        }
    }

    /// What kind of channel it is on.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The channel's name.
    #[must_use]
    pub fn channel(&self) -> &[u8] {
        &self.body[self.channel.0..self.channel.1]
    }

    /// What every receiver reads last.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// What a receiver reads before it: who subscribes to a pattern is told
    /// which.
    #[must_use]
    pub fn head(&self, pattern: Option<&[u8]>, version: Version) -> Vec<u8> {
        let mut head = Vec::new();
        let mut reply = Reply::new(&mut head, version);
        match pattern {
            Some(pattern) => {
                reply.push(4);
                reply.text("pmessage");
                reply.bulk(pattern);
            }
            None => {
                reply.push(3);
                reply.text(match self.kind {
                    Kind::Channel | Kind::Pattern => "message",
                    Kind::ShardChannel => "smessage",
                });
            }
        }
        head
    }
}
