//! Keyspace events: what a turn tells those who listen.

use crate::config::{EventClass, Events};
use crate::keyspace::{Happening, Note, Noted};

/// One event, published after the command that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub database: usize,
    pub class: EventClass,
    pub name: &'static str,
    pub key: Box<[u8]>,
}

impl Event {
    /// The event of something that happened beneath the commands.
    #[must_use]
    pub fn of_note(database: usize, note: Note) -> Event {
        let (class, name) = match note.happening {
            Happening::New => (EventClass::New, "new"),
            Happening::Expired => (EventClass::Expired, "expired"),
            Happening::FieldsExpired => (EventClass::Hash, "hexpired"),
            Happening::Gone => (EventClass::Generic, "del"),
        };
        Event {
            database,
            class,
            name,
            key: note.key,
        }
    }
}

/// What a keyspace is to write down where these events are published, and what
/// happens by itself is recorded or not.
#[must_use]
pub fn noted(events: Events, is_recorded: bool) -> Noted {
    let hash = events.has(EventClass::Hash) || events.has(EventClass::Generic);
    Noted {
        new: events.has(EventClass::New),
        expired: is_recorded || events.has(EventClass::Expired),
        fields: is_recorded || hash,
        field_names: is_recorded,
    }
}
