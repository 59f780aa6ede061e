//! Fields drawn by chance, each as likely as any other.

use std::collections::HashSet;

use crate::base::Random;
use crate::value::choice::Choice;
use crate::value::listpack::Item;

use super::fields::{Form, Hash, is_alive, value};

/// A field and its value.
type Pair<'a> = (Item<'a>, Item<'a>);

/// Draws before the fields that are alive are listed: a table may hold many
/// whose time has come.
const DRAWS_MAX: usize = 64;

/// From this part of a table on, different fields are chosen from a list of
/// all: drawing the same ones again would cost more.
const DRAWN_PART: usize = 3;

impl Hash {
    /// One field that is alive at `now`, if there is one.
    pub fn draw(&self, now: u64, random: &mut Random) -> Option<Pair<'_>> {
        if self.is_empty() {
            return None;
        }
        match &self.0 {
            Form::Packed(pack) => {
                let index = random.below(self.len() as u64) as i64 * 2;
                let mut items = pack.iter_from(pack.seek(index)?);
                Some((items.next()?, items.next()?))
            }
            Form::Table(table) => {
                for _ in 0..DRAWS_MAX {
                    let entry = table.fields.draw(random)?;
                    if is_alive(entry, now) {
                        return Some((Item::Text(entry.key()), value(entry)));
                    }
                }
                let mut alive = self.list(now);
                let index = random.below(alive.len().max(1) as u64) as usize;
                (index < alive.len()).then(|| alive.swap_remove(index))
            }
        }
    }

    /// Up to `count` different fields that are alive at `now`: all of them, if
    /// there are no more.
    pub fn draw_distinct(&self, count: usize, now: u64, random: &mut Random) -> Vec<Pair<'_>> {
        if let Form::Table(table) = &self.0
            && count < table.fields.len() / DRAWN_PART
            && !self.is_due(now)
        {
            let mut names = HashSet::with_capacity(count);
            let mut drawn = Vec::with_capacity(count);
            while drawn.len() < count {
                let entry = table
                    .fields
                    .draw(random)
                    .expect("it holds more than are wanted");
                if names.insert(entry.key()) {
                    drawn.push((Item::Text(entry.key()), value(entry)));
                }
            }
            return drawn;
        }
        let alive = self.list(now);
        let mut choice = Choice::new(count, alive.len());
        let chosen = |_: &Pair<'_>| choice.takes_next(random);
        alive.into_iter().filter(chosen).collect()
    }

    fn list(&self, now: u64) -> Vec<Pair<'_>> {
        let mut alive = Vec::with_capacity(self.len());
        self.each(now, |field, value| alive.push((field, value)));
        alive
    }
}
