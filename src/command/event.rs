//! Keyspace events: what a turn tells those who listen.

use crate::config::EventClass;

/// One event, published after the command that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub database: usize,
    pub class: EventClass,
    pub name: &'static str,
    pub key: Box<[u8]>,
}
