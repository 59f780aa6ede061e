//! What one core tells the others of its subscribers.

use super::name::Name;

/// What is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A channel of PUBLISH.
    Channel,
    /// A glob pattern over such channels.
    Pattern,
    /// A channel of SPUBLISH.
    ShardChannel,
}

/// Every kind, in the order of its number.
pub(super) const KINDS: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::ShardChannel];

/// What a subscriber did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Joined,
    Left,
}

/// One more, or one fewer, listens to a name at the core that tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub kind: Kind,
    pub step: Step,
    pub name: Name,
}
