//! The hash itself: its two forms, and fields by name.

use crate::memory::{Content, Dict, Field, NewValue, class_bytes};
use crate::value::listpack::{Item, Listpack, Position};
use crate::value::rules::Rules;

use super::deadline::Sweep;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Hash(pub(super) Form);

#[derive(Clone, Debug)]
pub(super) enum Form {
    /// Field and value by turns, in the order they came in.
    Packed(Listpack),
    Table(Box<Table>),
}

/// Fields by name, and the moments of their deadlines.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) fields: Dict,
    pub(super) sweep: Sweep,
}

impl Default for Form {
    fn default() -> Self {
        Self::Packed(Listpack::new())
    }
}

/// What becomes of a field's deadline when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Clear,
    Keep,
    /// Unix milliseconds.
    Until(u64),
}

impl From<Listpack> for Hash {
    /// Of fields and values by turns, each field once.
    fn from(pack: Listpack) -> Self {
        Self(Form::Packed(pack))
    }
}

impl Hash {
    /// An empty hash, in which about so many fields are set: in the end it has the form they ask
    /// for, and it grows while they come only if there are more.
    pub fn with_room(fields: usize, rules: &Rules) -> Self {
        if fields <= rules.hash_max_listpack_entries {
            return Self::default();
        }
        Self(Form::Table(Box::new(Table {
            fields: Dict::with_room(rules.hash_key, fields),
            sweep: Sweep::default(),
        })))
    }

    /// The fields, those included whose time has come but that are still here.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.len() / 2,
            Form::Table(table) => table.fields.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Packed(pack) => pack.is_empty(),
            Form::Table(table) => table.fields.is_empty(),
        }
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self.0 {
            Form::Packed(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// The packed fields and values, if they are kept so.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Packed(pack) => Some(pack),
            Form::Table(_) => None,
        }
    }

    /// The fields, if they are not packed.
    pub(in crate::value) fn dict(&self) -> Option<&Dict> {
        match &self.0 {
            Form::Packed(_) => None,
            Form::Table(table) => Some(&table.fields),
        }
    }

    /// As `dict`.
    pub(in crate::value) fn dict_mut(&mut self) -> Option<&mut Dict> {
        match &mut self.0 {
            Form::Packed(_) => None,
            Form::Table(table) => Some(&mut table.fields),
        }
    }

    /// Whether a field has a deadline, which may have passed.
    pub fn has_deadlines(&self) -> bool {
        self.dict().is_some_and(|fields| fields.volatile_len() > 0)
    }

    /// Bytes the allocator sets aside for the fields.
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Table(table) => class_bytes(size_of::<Table>()) + table.fields.allocated_bytes(),
        }
    }

    /// About how many allocations there are to free.
    pub fn weight(&self) -> usize {
        match &self.0 {
            Form::Packed(_) => 1,
            Form::Table(table) => table.fields.weight(),
        }
    }

    /// Frees about `budget` fields; `false` when nothing is left.
    pub fn free_step(&mut self, budget: usize) -> bool {
        match &mut self.0 {
            Form::Packed(_) => {
                *self = Self::default();
                false
            }
            Form::Table(table) => table.fields.free_step(budget),
        }
    }

    /// The value of a field that is alive at `now`.
    #[inline]
    pub fn get(&self, field: &[u8], now: u64) -> Option<Item<'_>> {
        match &self.0 {
            Form::Packed(pack) => Some(pack.get(value_of(pack, pack.find(field, 1)?))),
            Form::Table(table) => {
                let entry = table.fields.find(field)?;
                is_alive(entry, now).then(|| value(entry))
            }
        }
    }

    /// The deadline of a field that is alive at `now`; `None` without such a
    /// field.
    pub fn deadline(&self, field: &[u8], now: u64) -> Option<Option<u64>> {
        match &self.0 {
            Form::Packed(pack) => pack.find(field, 1).map(|_| None),
            Form::Table(table) => {
                let entry = table.fields.find(field)?;
                is_alive(entry, now).then(|| entry.deadline())
            }
        }
    }

    /// Sets a field; `true` when it was not there at `now`.
    pub fn set(&mut self, field: &[u8], value: &[u8], fate: Fate, now: u64, rules: &Rules) -> bool {
        let longest = field.len().max(value.len());
        let holds_no_more = longest > rules.hash_max_listpack_value
            || self.as_listpack().is_some_and(|pack| {
                pack.byte_len() + field.len() + value.len() > Listpack::BYTES_MAX
            });
        if holds_no_more || matches!(fate, Fate::Until(_)) {
            self.become_table(rules);
        }
        match &mut self.0 {
            Form::Packed(pack) => {
                if let Some(position) = pack.find(field, 1) {
                    pack.replace(value_of(pack, position), value);
                    return false;
                }
                pack.push_back(field);
                pack.push_back(value);
                if pack.len() / 2 > rules.hash_max_listpack_entries {
                    self.become_table(rules);
                }
                true
            }
            Form::Table(table) => {
                let before = table.fields.find(field);
                let was_alive = before.is_some_and(|entry| is_alive(entry, now));
                let deadline = match fate {
                    Fate::Clear => None,
                    Fate::Keep if was_alive => before.and_then(Field::deadline),
                    Fate::Keep => None,
                    Fate::Until(deadline) => Some(deadline),
                };
                table.fields.insert(field, NewValue::Text(value), deadline);
                if let Some(deadline) = deadline {
                    table.sweep.note(deadline);
                }
                !was_alive
            }
        }
    }

    /// Takes a field out; `true` when it was there at `now`.
    pub fn remove(&mut self, field: &[u8], now: u64) -> bool {
        match &mut self.0 {
            Form::Packed(pack) => match pack.find(field, 1) {
                Some(position) => {
                    pack.remove(position, 2);
                    true
                }
                None => false,
            },
            Form::Table(table) => table
                .fields
                .remove(field)
                .is_some_and(|entry| is_alive(&entry, now)),
        }
    }

    /// From the packed form to the other.
    pub(super) fn become_table(&mut self, rules: &Rules) {
        let Form::Packed(pack) = &self.0 else {
            return;
        };
        let mut fields = Dict::new(rules.hash_key);
        let mut items = pack.iter();
        while let (Some(field), Some(value)) = (items.next(), items.next()) {
            fields.insert(&field.to_vec(), NewValue::Text(&value.to_vec()), None);
        }
        self.0 = Form::Table(Box::new(Table {
            fields,
            sweep: Sweep::default(),
        }));
    }
}

/// Stock Redis keeps a field during its last millisecond.
#[inline]
pub(super) fn is_alive(entry: &Field, now: u64) -> bool {
    entry.deadline().is_none_or(|deadline| deadline >= now)
}

/// The value of a table's entry.
#[inline]
pub(in crate::value) fn value(entry: &Field) -> Item<'_> {
    match entry.content() {
        Content::Text(text) => Item::Text(text),
        Content::Int(number) => Item::Int(number),
        Content::Compound(never) => match *never {},
    }
}

/// Where the value of the packed field at `position` stands.
#[inline]
fn value_of(pack: &Listpack, position: Position) -> Position {
    pack.next(position)
        .expect("a field is followed by its value")
}
