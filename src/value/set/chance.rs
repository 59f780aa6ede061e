//! Members drawn by chance, each as likely as any other.
//!
//! Of a small set some are chosen in one walk. Of a table they are drawn one by
//! one, unless so many are wanted that drawing the same
//! ones again would cost more than a list of all.

use std::collections::HashSet;

use crate::base::Random;
use crate::memory::{Dict, Field};
use crate::value::choice::Choice;
use crate::value::listpack::{Item, Listpack};

use super::members::{Form, Set};

/// From this part of a table on, drawn ones are chosen from a list of all.
const DRAWN_PART: usize = 3;

impl Set {
    /// One member; none of an empty set.
    pub fn draw(&self, random: &mut Random) -> Option<Item<'_>> {
        if self.is_empty() {
            return None;
        }
        match &self.0 {
            Form::Integers(integers) => {
                let index = random.below(integers.len() as u64) as usize;
                Some(Item::Int(integers.get(index)))
            }
            Form::Packed(pack) => {
                let index = random.below(pack.len() as u64) as i64;
                let position = pack.seek(index).expect("the index is below the length");
                Some(pack.get(position))
            }
            Form::Table(table) => table.draw(random).map(|field| Item::Text(field.key())),
        }
    }

    /// `count` different members, of which there are more than that.
    pub fn draw_distinct<'a>(
        &'a self,
        count: usize,
        random: &mut Random,
        mut drawn: impl FnMut(Item<'a>),
    ) {
        assert!(count < self.len(), "all members need no drawing");
        match &self.0 {
            Form::Integers(_) | Form::Packed(_) => {
                let mut choice = Choice::new(count, self.len());
                self.iter()
                    .filter(|_| choice.takes_next(random))
                    .for_each(drawn);
            }
            Form::Table(table) if count > table.len() / DRAWN_PART => {
                draw_from_list(table, count, random, drawn);
            }
            Form::Table(table) => {
                let mut seen: HashSet<&[u8]> = HashSet::with_capacity(count);
                while seen.len() < count {
                    let field = table.draw(random).expect("a set of some members");
                    if seen.insert(field.key()) {
                        drawn(Item::Text(field.key()));
                    }
                }
            }
        }
    }

    /// Takes out one member and hands it over.
    pub fn take_one(&mut self, random: &mut Random, taken: impl FnOnce(Item<'_>)) {
        match &mut self.0 {
            Form::Table(table) => {
                let Some(field) = table.draw(random) else {
                    return;
                };
                // The name is copied: it lies in the entry that leaves.
                let name = field.key().to_vec();
                table.remove(&name);
                taken(Item::Text(&name));
            }
            Form::Integers(integers) => {
                if integers.is_empty() {
                    return;
                }
                let integer = integers.get(random.below(integers.len() as u64) as usize);
                integers.remove(integer);
                taken(Item::Int(integer));
            }
            Form::Packed(pack) => {
                if pack.is_empty() {
                    return;
                }
                let index = random.below(pack.len() as u64) as i64;
                let position = pack.seek(index).expect("the index is below the length");
                taken(pack.get(position));
                pack.remove(position, 1);
            }
        }
    }

    /// Takes out `count` members, of which there are more than that, and hands
    /// them over.
    pub fn take(&mut self, count: usize, random: &mut Random, mut taken: impl FnMut(Item<'_>)) {
        assert!(count < self.len(), "all members need no drawing");
        let mut choice = Choice::new(count, self.len());
        match &mut self.0 {
            Form::Integers(integers) => integers.retain(|integer| {
                let leaves = choice.takes_next(random);
                if leaves {
                    taken(Item::Int(integer));
                }
                !leaves
            }),
            Form::Packed(pack) => {
                let mut kept = Listpack::new();
                for item in pack.iter() {
                    if choice.takes_next(random) {
                        taken(item);
                    } else {
                        kept.push_back_item(item);
                    }
                }
                *pack = kept;
            }
            Form::Table(_) => {
                for _ in 0..count {
                    self.take_one(random, &mut taken);
                }
            }
        }
    }
}

/// Shuffles a list of all members as far as they are wanted.
fn draw_from_list<'a>(
    table: &'a Dict,
    count: usize,
    random: &mut Random,
    mut drawn: impl FnMut(Item<'a>),
) {
    let mut fields: Vec<&Field> = table.iter().collect();
    for index in 0..count {
        let left = (fields.len() - index) as u64;
        fields.swap(index, index + random.below(left) as usize);
        drawn(Item::Text(fields[index].key()));
    }
}
