//! What happens to keys beneath the commands: they appear, their time comes,
//! or that of fields of their hash. It is written down for those who listen to
//! it, and for nobody else.

use std::mem;

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It was not there before.
    New,
    /// Its time had come.
    Expired,
    /// Fields of its hash went because their time had come.
    FieldsExpired,
    /// It went with the last of these fields.
    Gone,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub happening: Happening,
    pub key: Box<[u8]>,
    /// The fields that went, where their names are noted.
    pub fields: Vec<Box<[u8]>>,
}

/// What is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    pub new: bool,
    pub expired: bool,
    /// Of fields, and of the keys that go with them.
    pub fields: bool,
    /// With their names.
    pub field_names: bool,
}

/// What happened in one database since somebody asked.
#[derive(Debug, Default)]
pub(super) struct Notes {
    noted: Noted,
    list: Vec<Note>,
}

impl Notes {
    /// Writes down other things from now on.
    pub(super) fn choose(&mut self, noted: Noted) {
        self.noted = noted;
        self.list.clear();
    }

    #[inline]
    pub(super) fn new_key(&mut self, key: &[u8]) {
        if self.noted.new {
            self.add(Happening::New, key);
        }
    }

    #[inline]
    pub(super) fn expired(&mut self, key: &[u8]) {
        if self.noted.expired {
            self.add(Happening::Expired, key);
        }
    }

    /// Whether the names of fields are written down.
    pub(super) fn names_fields(&self) -> bool {
        self.noted.field_names
    }

    pub(super) fn fields_expired(&mut self, key: &[u8], fields: Vec<Box<[u8]>>, is_gone: bool) {
        if self.noted.fields {
            self.list.push(Note {
                happening: Happening::FieldsExpired,
                key: key.into(),
                fields,
            });
            if is_gone {
                self.add(Happening::Gone, key);
            }
        }
    }

    #[cold]
    fn add(&mut self, happening: Happening, key: &[u8]) {
        self.list.push(Note {
            happening,
            key: key.into(),
            fields: Vec::new(),
        });
    }

    /// Whether anything was written down.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What was written down, in the order in which it happened.
    pub(super) fn take(&mut self) -> Vec<Note> {
        mem::take(&mut self.list)
    }
}
