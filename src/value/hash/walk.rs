//! Every field, all at once or in steps.

use crate::value::listpack::Item;

use super::fields::{Form, Hash, is_alive, value};

impl Hash {
    /// Visits every field that is alive at `now`.
    pub fn each<'a>(&'a self, now: u64, mut visit: impl FnMut(Item<'a>, Item<'a>)) {
        self.each_with_deadline(now, |field, value, _| visit(field, value));
    }

    /// As `each`, with the field's deadline.
    pub fn each_with_deadline<'a>(
        &'a self,
        now: u64,
        mut visit: impl FnMut(Item<'a>, Item<'a>, Option<u64>),
    ) {
        match &self.0 {
            Form::Packed(pack) => {
                let mut items = pack.iter();
                while let (Some(field), Some(value)) = (items.next(), items.next()) {
                    visit(field, value, None);
                }
            }
            Form::Table(table) => {
                for entry in table.fields.iter().filter(|entry| is_alive(entry, now)) {
                    visit(Item::Text(entry.key()), value(entry), entry.deadline());
                }
            }
        }
    }

    /// Visits the fields at one position that are alive at `now`; returns the
    /// next position, `None` after the last. Begin with 0; any number is a
    /// position. A packed hash has one position. A field that is there from the
    /// first step to the last is visited at least once.
    pub fn visit<'a>(
        &'a self,
        position: u32,
        now: u64,
        mut visit: impl FnMut(Item<'a>, Item<'a>),
    ) -> Option<u32> {
        match &self.0 {
            Form::Packed(_) => {
                self.each(now, visit);
                None
            }
            Form::Table(table) => table.fields.visit(position, |entry| {
                if is_alive(entry, now) {
                    visit(Item::Text(entry.key()), value(entry));
                }
            }),
        }
    }
}
