//! Slices of all cores as one stream: in the order of their tickets, each at
//! its offset.
//!
//! Of a *joint unit* each of several cores has recorded its own part, at a moment of its
//! own. It comes out as a whole when its last part has come, and what stands behind
//! it is held back until then; `docs/design/journal.md` says why that is an order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::effects::{EVERYONE, Effects};
use super::slice::{Open, Slice, Standing, UnitId, select};

/// See the module.
#[derive(Debug)]
pub struct Merge {
    /// The ticket that comes next.
    ticket: u64,
    /// Where its bytes will stand.
    offset: u64,
    /// From `ticket` on; `None` for those that are on their way.
    waiting: VecDeque<Option<Slice>>,
    /// The database that the stream is in; none if it is to be said.
    database: Option<usize>,
    joint: Joint,
}

/// A slice in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Of the slice by which it could come out.
    pub ticket: u64,
    /// Bytes of the stream before it.
    pub offset: u64,
    /// What comes before `bytes`: SELECT, where the database changes.
    pub select: Option<Vec<u8>>,
    pub bytes: Bytes,
    /// See `Slice::weight`: of all that it was made of.
    pub weight: u64,
    /// See `Slice::cut`.
    pub cut: Option<u64>,
}

impl Merged {
    /// How many bytes of the stream it is.
    #[must_use]
    pub fn len(&self) -> u64 {
        let select = self.select.as_ref().map_or(0, Vec::len);
        (select + self.bytes.len()) as u64
    }

    /// Whether it is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Merge {
    /// Begins with a ticket, whose bytes are to stand at an offset.
    #[must_use]
    pub fn new(ticket: u64, offset: u64) -> Merge {
        Merge {
            ticket,
            offset,
            waiting: VecDeque::new(),
            database: None,
            joint: Joint::default(),
        }
    }

    /// The offset behind everything that came out.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The ticket that comes out next: what anybody could know of that has a lower one
    /// has come out.
    #[must_use]
    pub fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Says the database again before the next effect.
    pub fn forget_database(&mut self) {
        self.database = None;
    }

    /// Takes a slice, in any order; one of before the beginning is dropped.
    ///
    /// # Panics
    /// When its ticket came before.
    pub fn put(&mut self, ticket: u64, slice: Slice) {
        let Some(index) = ticket.checked_sub(self.ticket) else {
            return;
        };
        let index = index as usize;
        if self.waiting.len() <= index {
            self.waiting.resize_with(index + 1, || None);
        }
        let place = &mut self.waiting[index];
        assert!(place.is_none(), "ticket {ticket} was given out twice");
        *place = Some(slice);
    }

    /// What has come and not come out, with its tickets: for whoever goes on
    /// where this one ends.
    pub fn into_rest(self) -> impl Iterator<Item = (u64, Slice)> {
        debug_assert!(!self.is_holding(), "it ends at a cut");
        let numbered = (self.ticket..).zip(self.waiting);
        numbered.filter_map(|(ticket, slice)| Some((ticket, slice?)))
    }

    /// Whether something has had its ticket's turn and has not come out: it stands
    /// behind a joint unit of which a part is missing, or is one.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        !self.joint.is_idle() || !self.joint.ready.is_empty()
    }

    fn place(&mut self, slice: Slice) -> Merged {
        let mut said = None;
        if let Some((first, last)) = slice.databases {
            if self.database != Some(first) {
                said = Some(select(first));
            }
            self.database = Some(last);
        }
        let weight = slice.weight();
        let merged = Merged {
            ticket: self.ticket - 1,
            offset: self.offset,
            select: said,
            bytes: slice.bytes,
            weight,
            cut: slice.cut,
        };
        self.offset += merged.len();
        merged
    }
}

impl Iterator for Merge {
    type Item = Merged;

    /// The next slice, if it has come.
    fn next(&mut self) -> Option<Merged> {
        loop {
            if let Some((slice, weight)) = self.joint.ready.pop_front() {
                let merged = self.place(slice);
                return Some(Merged { weight, ..merged });
            }
            let slice = self.waiting.front_mut()?.take()?;
            self.waiting.pop_front();
            self.ticket += 1;
            if slice.cut.is_some() {
                debug_assert!(self.joint.is_idle(), "no joint unit is over a cut");
            }
            match slice.standing {
                Standing::Behind(unit) if !self.joint.holds(unit) => {
                    return Some(self.place(slice));
                }
                Standing::Behind(_) | Standing::Parts(_) => self.joint.take(slice),
            }
        }
    }
}

/// Joint units that have not come out, and what waits for them.
#[derive(Debug, Default)]
struct Joint {
    /// Those of which a part has come.
    units: BTreeMap<UnitId, Unit>,
    /// Those that are whole, by the stamp up to which they depend on others.
    whole: BTreeSet<(u64, UnitId)>,
    /// What stands behind units: by the first that it is not behind, and in the order in
    /// which it came.
    behind: BTreeMap<(UnitId, u64), Slice>,
    /// How much of that has come.
    came: u64,
    /// What may come out, each with the weight of what it was made of.
    ready: VecDeque<(Slice, u64)>,
    /// Where whole units are written.
    open: Open,
}

#[derive(Debug, Default)]
struct Unit {
    /// Parts that have come.
    parts: u8,
    until: u64,
    effects: Effects,
}

impl Joint {
    fn is_idle(&self) -> bool {
        self.units.is_empty() && self.behind.is_empty()
    }

    /// The first that has not come out.
    fn first(&self) -> Option<UnitId> {
        self.units.first_key_value().map(|(unit, _)| *unit)
    }

    /// Whether what stands behind all before this must wait.
    fn holds(&self, behind: UnitId) -> bool {
        self.first().is_some_and(|first| first < behind)
    }

    fn take(&mut self, slice: Slice) {
        let parts = match &slice.standing {
            Standing::Behind(unit) => {
                self.came += 1;
                self.behind.insert((*unit, self.came), slice);
                return;
            }
            Standing::Parts(parts) => parts,
        };
        for (part, effects) in parts.iter() {
            let unit = self.units.entry(part.unit).or_default();
            unit.parts += 1;
            unit.until = unit.until.max(part.until);
            unit.effects.append(effects, EVERYONE);
            if unit.parts == part.parts {
                self.whole.insert((unit.until, part.unit));
            }
        }
        let mut weight = 0;
        while let Some(unit) = self.take_free() {
            weight += unit.effects.bytes() as u64;
            self.open.add_unit(&unit.effects);
            while let Some(slice) = self.take_behind() {
                self.end_units(std::mem::take(&mut weight));
                let weight = slice.weight();
                self.ready.push_back((slice, weight));
            }
        }
        self.end_units(weight);
    }

    /// A whole unit that depends on none that has not come out. Of those before it only
    /// the first one counts: it has the lowest stamp.
    fn take_free(&mut self) -> Option<Unit> {
        let first = self.first()?;
        let until = self.units[&first].until;
        let (until, unit) = match self.whole.first() {
            Some((until, unit)) if *until < first.0 => (*until, *unit),
            _ => (until, first),
        };
        let is_whole = self.whole.remove(&(until, unit));
        is_whole.then(|| self.units.remove(&unit).expect("it has not come out"))
    }

    /// Something that stands behind none any more.
    fn take_behind(&mut self) -> Option<Slice> {
        let (behind, _) = *self.behind.first_key_value()?.0;
        if self.holds(behind) {
            return None;
        }
        self.behind.pop_first().map(|(_, slice)| slice)
    }

    fn end_units(&mut self, weight: u64) {
        if !self.open.is_empty() {
            self.ready.push_back((self.open.seal(), weight));
        }
    }
}
