//! The set itself: its three forms, and when one becomes another.

use crate::base::parse_i64;
use crate::memory::{Dict, Field, NewValue, class_bytes};
use crate::value::listpack::{self, Item, Listpack};
use crate::value::rules::Rules;

use super::intset::{INTEGERS_MAX, Intset};

/// See the module.
#[derive(Clone, Debug)]
pub struct Set(pub(super) Form);

#[derive(Clone, Debug)]
pub(super) enum Form {
    Integers(Intset),
    /// In the order they came in.
    Packed(Listpack),
    Table(Box<Dict>),
}

impl Default for Set {
    fn default() -> Self {
        Self(Form::Integers(Intset::default()))
    }
}

impl From<Intset> for Set {
    fn from(integers: Intset) -> Self {
        Self(Form::Integers(integers))
    }
}

impl Set {
    /// An empty set, to which about so many members are added: in the end it has the form they
    /// ask for, and it grows while they come only if there are more.
    pub fn with_room(members: usize, rules: &Rules) -> Self {
        if members > others_max(rules) {
            let table = Dict::with_room(rules.hash_key, members);
            return Self(Form::Table(Box::new(table)));
        }
        Self::default()
    }

    /// A copy, if that is what its members would make that are added to an empty set.
    pub(super) fn copy_as_added(&self, rules: &Rules) -> Option<Self> {
        let is_such = matches!(self.0, Form::Table(_)) && self.len() > others_max(rules);
        is_such.then(|| self.clone())
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Integers(integers) => integers.len(),
            Form::Packed(pack) => pack.len(),
            Form::Table(table) => table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Integers(integers) => integers.is_empty(),
            Form::Packed(pack) => pack.is_empty(),
            Form::Table(table) => table.is_empty(),
        }
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self.0 {
            Form::Integers(_) => "intset",
            Form::Packed(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// The bytes of a set of integers, if it is kept as one.
    pub fn as_intset(&self) -> Option<&Intset> {
        match &self.0 {
            Form::Integers(integers) => Some(integers),
            Form::Packed(_) | Form::Table(_) => None,
        }
    }

    /// The packed members, if they are kept so.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Packed(pack) => Some(pack),
            Form::Integers(_) | Form::Table(_) => None,
        }
    }

    /// The members, if they are not packed.
    pub(in crate::value) fn dict(&self) -> Option<&Dict> {
        match &self.0 {
            Form::Integers(_) | Form::Packed(_) => None,
            Form::Table(table) => Some(table),
        }
    }

    /// As `dict`.
    pub(in crate::value) fn dict_mut(&mut self) -> Option<&mut Dict> {
        match &mut self.0 {
            Form::Integers(_) | Form::Packed(_) => None,
            Form::Table(table) => Some(table),
        }
    }

    /// Bytes the allocator sets aside for the members.
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Integers(integers) => integers.allocated_bytes(),
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Table(table) => class_bytes(size_of::<Dict>()) + table.allocated_bytes(),
        }
    }

    /// About how many allocations there are to free.
    pub fn weight(&self) -> usize {
        match &self.0 {
            Form::Integers(_) | Form::Packed(_) => 1,
            Form::Table(table) => table.weight(),
        }
    }

    /// Frees about `budget` members; `false` when nothing is left.
    pub fn free_step(&mut self, budget: usize) -> bool {
        match &mut self.0 {
            Form::Integers(_) | Form::Packed(_) => {
                *self = Self::default();
                false
            }
            Form::Table(table) => table.free_step(budget),
        }
    }

    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Form::Integers(integers) => {
                parse_i64(member).is_some_and(|integer| integers.contains(integer))
            }
            Form::Packed(pack) => pack.find(member, 0).is_some(),
            Form::Table(table) => table.find(member).is_some(),
        }
    }

    /// `contains` of a member of another set.
    #[inline]
    pub fn contains_item(&self, item: Item<'_>) -> bool {
        match (&self.0, item) {
            (Form::Integers(integers), Item::Int(integer)) => integers.contains(integer),
            (_, item) => item.with_text(|member| self.contains(member)),
        }
    }

    /// Adds all of `members`, whose number decides the first form. Returns how
    /// many are new.
    pub fn extend<'m>(
        &mut self,
        members: impl ExactSizeIterator<Item = &'m [u8]> + Clone,
        rules: &Rules,
    ) -> usize {
        self.prepare(members.clone().next(), members.len(), rules);
        let mut added = 0;
        members.for_each(|member| added += usize::from(self.insert(member, rules)));
        added
    }

    /// Takes the form that so many more members ask for.
    fn prepare(&mut self, first: Option<&[u8]>, more: usize, rules: &Rules) {
        let integers_fit = more <= rules.set_max_intset_entries;
        let packed_fits = more <= rules.set_max_listpack_entries;
        match self.0 {
            Form::Integers(ref integers) if integers.is_empty() => {
                let is_integer = first.is_some_and(|first| parse_i64(first).is_some());
                if is_integer && integers_fit {
                    return;
                }
                self.0 = if packed_fits {
                    Form::Packed(Listpack::new())
                } else {
                    Form::Table(Box::new(Dict::new(rules.hash_key)))
                };
            }
            Form::Integers(_) if !integers_fit => self.spread(rules),
            Form::Packed(_) if !packed_fits => self.spread(rules),
            Form::Integers(_) | Form::Packed(_) | Form::Table(_) => {}
        }
    }

    /// Adds a member; `true` when it is new.
    pub fn insert(&mut self, member: &[u8], rules: &Rules) -> bool {
        match &mut self.0 {
            Form::Integers(integers) => match parse_i64(member) {
                Some(integer) => self.insert_integer(integer, rules),
                None => {
                    if packs(integers, member, rules) {
                        self.pack();
                    } else {
                        self.spread(rules);
                    }
                    self.insert(member, rules)
                }
            },
            Form::Packed(pack) => {
                if pack.find(member, 0).is_some() {
                    return false;
                }
                if pack.len() < rules.set_max_listpack_entries
                    && member.len() <= rules.set_max_listpack_value
                    && pack.byte_len() + member.len() < Listpack::BYTES_MAX
                {
                    pack.push_back(member);
                    return true;
                }
                self.spread(rules);
                self.insert(member, rules)
            }
            Form::Table(table) => {
                // A member that is there keeps its entry.
                table.insert_new(member, NewValue::Text(b""))
            }
        }
    }

    /// `insert` of a member of another set.
    pub fn insert_item(&mut self, item: Item<'_>, rules: &Rules) -> bool {
        match (&self.0, item) {
            (Form::Integers(_), Item::Int(integer)) => self.insert_integer(integer, rules),
            (_, item) => item.with_text(|member| self.insert(member, rules)),
        }
    }

    /// Adds to a set of integers.
    fn insert_integer(&mut self, integer: i64, rules: &Rules) -> bool {
        let Form::Integers(integers) = &mut self.0 else {
            unreachable!("the caller saw that it is a set of integers");
        };
        let is_new = integers.insert(integer);
        if is_new && integers.len() > integers_max(rules) {
            self.spread(rules);
        }
        is_new
    }

    /// Takes a member out; `true` when it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Integers(integers) => {
                parse_i64(member).is_some_and(|integer| integers.remove(integer))
            }
            Form::Packed(pack) => match pack.find(member, 0) {
                Some(position) => {
                    pack.remove(position, 1);
                    true
                }
                None => false,
            },
            Form::Table(table) => table.remove(member).is_some(),
        }
    }

    /// The members: integers in ascending order, packed ones as they came, those
    /// of a table in no order.
    pub fn iter(&self) -> Members<'_> {
        match &self.0 {
            Form::Integers(integers) => Members::Integers(integers, 0),
            Form::Packed(pack) => Members::Packed(pack.iter()),
            Form::Table(table) => Members::Table(Box::new(table.iter())),
        }
    }

    /// Visits some members and returns the next position, or `None` after the
    /// last. Begin with 0; any number is a position. A member that is there from
    /// the first step to the last is visited at least once, whatever happens to
    /// the set meanwhile.
    pub fn scan<'a>(&'a self, position: u32, mut visit: impl FnMut(Item<'a>)) -> Option<u32> {
        match &self.0 {
            Form::Table(table) => table.visit(position, |field| visit(Item::Text(field.key()))),
            Form::Integers(_) | Form::Packed(_) => {
                self.iter().for_each(visit);
                None
            }
        }
    }

    /// Packs a set of integers.
    fn pack(&mut self) {
        let mut pack = Listpack::new();
        self.iter().for_each(|item| pack.push_back_item(item));
        self.0 = Form::Packed(pack);
    }

    /// Makes a table of a small set: small by the rules that kept it small, so
    /// that this takes no longer than users allowed.
    fn spread(&mut self, rules: &Rules) {
        let mut table = Dict::new(rules.hash_key);
        for item in self.iter() {
            item.with_text(|member| table.insert(member, NewValue::Text(b""), None));
        }
        self.0 = Form::Table(Box::new(table));
    }
}

/// Whether integers and a text that joins them are to be packed.
fn packs(integers: &Intset, member: &[u8], rules: &Rules) -> bool {
    let len = integers.len();
    let longest = if len == 0 {
        0
    } else {
        // The longest text belongs to one of the ends.
        let [least, greatest] = [0, len - 1].map(|index| Item::Int(integers.get(index)).len());
        least.max(greatest)
    };
    let bytes = len.saturating_mul(longest + Listpack::ENTRY_OVERHEAD_MAX) + member.len();
    len < rules.set_max_listpack_entries
        && member.len() <= rules.set_max_listpack_value
        && longest <= rules.set_max_listpack_value
        && bytes < Listpack::BYTES_MAX
}

/// The most members that one of the other forms takes, to which any number may be added before.
fn others_max(rules: &Rules) -> usize {
    let packed_max = rules.set_max_listpack_entries;
    rules.set_max_intset_entries.max(packed_max)
}

/// The most members of a set of integers.
pub(super) fn integers_max(rules: &Rules) -> usize {
    rules.set_max_intset_entries.min(INTEGERS_MAX)
}

/// See [`Set::iter`].
pub enum Members<'a> {
    /// The integers, and the index of the next.
    Integers(&'a Intset, usize),
    Packed(listpack::Iter<'a>),
    Table(Box<dyn Iterator<Item = &'a Field> + 'a>),
}

impl<'a> Iterator for Members<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Self::Integers(integers, index) => {
                let integer = (*index < integers.len()).then(|| integers.get(*index))?;
                *index += 1;
                Some(Item::Int(integer))
            }
            Self::Packed(items) => items.next(),
            Self::Table(fields) => fields.next().map(|field| Item::Text(field.key())),
        }
    }
}
