//! A cut of what the groups of a stream have pending: handed over in the order of the ids, some at
//! a time, first all of a group and then that of each of its consumers.
//!
//! What an id was at the cut stands in `before`, if it has changed since; else it is what it is
//! now. Ids above the last one that was pending at the cut do not count, so new deliveries, which
//! are of newer entries, cost nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use super::consumers::ConsumerSlot;
use super::group::{Group, Pending};
use super::id::Id;
use crate::memory::{Taking, Walked};
use crate::value::cut::{CutElement, KeepElements};

/// Ids looked at in one step.
const STEP: usize = 256;

/// What a group keeps while there is a cut. A copy has none.
#[derive(Debug, Default)]
pub(super) struct Before(Option<Box<Changed>>);

#[derive(Debug, Default)]
struct Changed {
    /// The last id that was pending.
    last: Id,
    was: BTreeMap<Id, Option<Pending>>,
    of: BTreeSet<(ConsumerSlot, Id)>,
}

impl Clone for Before {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl Before {
    #[inline]
    pub(super) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// To be called before something of an id changes, with what it is.
    #[cold]
    #[inline(never)]
    pub(super) fn keep(&mut self, id: Id, is: Option<Pending>) {
        if let Some(changed) = &mut self.0
            && id <= changed.last
            && !changed.was.contains_key(&id)
        {
            changed.was.insert(id, is);
            changed.of.extend(is.map(|is| (is.consumer, id)));
        }
    }
}

/// A group whose turn has not come, and its consumers by name.
struct Due {
    name: Box<[u8]>,
    consumers: VecDeque<ConsumerSlot>,
}

/// See the module.
pub(super) struct GroupsCut {
    due: VecDeque<Due>,
    /// Whose ids are next: the group's, or the first consumer's.
    is_at_consumers: bool,
    /// The last id that was handed over.
    after: Option<Id>,
    /// Groups that were destroyed.
    gone: BTreeMap<Box<[u8]>, Group>,
    /// To be freed.
    spent: Vec<Group>,
    spent_changes: Vec<Changed>,
    /// Not before the entries are kept.
    to: Option<Box<dyn KeepElements>>,
}

type Groups = BTreeMap<Box<[u8]>, Group>;

impl GroupsCut {
    pub(super) fn begin(groups: &mut Groups, before: Option<Box<Self>>) -> Self {
        let due = groups.iter_mut().map(|(name, group)| {
            let last = group.pending.last_key_value().map(|(id, _)| *id);
            group.before = Before(Some(Box::new(Changed {
                last: last.unwrap_or(Id::MIN),
                ..Changed::default()
            })));
            Due {
                name: name.clone(),
                consumers: group.consumers.slots().collect(),
            }
        });
        let due = due.collect();
        let spent = before.map_or_else(Vec::new, |mut before| {
            before.give_up();
            std::mem::take(&mut before.spent)
        });
        Self {
            due,
            is_at_consumers: false,
            after: None,
            gone: BTreeMap::new(),
            spent,
            spent_changes: Vec::new(),
            to: None,
        }
    }

    /// The entries are kept: what the groups have is next.
    pub(super) fn go_on(&mut self, to: Box<dyn KeepElements>) {
        self.to = Some(to);
    }

    /// Whether more is wanted; `None` before the entries are kept.
    pub(super) fn taking(&self) -> Option<Taking> {
        Some(self.to.as_ref()?.taking())
    }

    /// Takes a group that is no more, if it is to be kept.
    pub(super) fn take(&mut self, name: Box<[u8]>, group: Group) -> Option<Group> {
        let is_due = |due: &Due| due.name == name;
        if !group.before.is_kept() || !self.due.iter().any(is_due) {
            return Some(group);
        }
        self.gone.insert(name, group);
        None
    }

    /// Nobody wants any more of it.
    fn give_up(&mut self) {
        self.due.clear();
        let gone = std::mem::take(&mut self.gone);
        self.spent.extend(gone.into_values());
    }

    /// Hands over some of it; over when that was all, and nothing is left to be freed.
    pub(super) fn walk(&mut self, groups: &mut Groups, steps: usize) -> Walked {
        match Walked::by(self.taking()) {
            Walked::GoesOn => {}
            Walked::Waits => return Walked::Waits,
            Walked::Over => self.give_up(),
        }
        for _ in 0..steps.div_ceil(4) {
            if !self.step(groups) {
                self.end(groups);
                return Walked::Over;
            }
        }
        Walked::GoesOn
    }

    /// Hands all of it over.
    pub(super) fn keep_rest(&mut self, groups: &mut Groups) {
        if self.taking().is_none_or(|taking| taking == Taking::NoMore) {
            self.give_up();
        }
        while self.step(groups) {}
        self.end(groups);
    }

    fn end(&mut self, groups: &mut Groups) {
        for group in groups.values_mut() {
            group.before = Before(None);
        }
        if let Some(to) = self.to.take()
            && to.taking() != Taking::NoMore
        {
            to.end();
        }
    }

    fn step(&mut self, groups: &mut Groups) -> bool {
        let Some(due) = self.due.front_mut() else {
            return self.free();
        };
        let gone = self.gone.get(&due.name);
        let group = gone.or_else(|| groups.get(&due.name));
        let group = group.expect("a group is there, or has gone");
        let to = self.to.as_mut().expect("it goes on");
        if self.after.is_none() {
            to.keep(CutElement::Mark);
        }
        let consumer = self.is_at_consumers.then(|| due.consumers[0]);
        let mut left = STEP;
        let mut last = None;
        group.each_at_cut(consumer, self.after, |id, pending| {
            last = Some(id);
            if let Some(pending) = pending {
                to.keep(match consumer {
                    None => CutElement::Pending(id, pending.delivered_at, pending.deliveries),
                    Some(_) => CutElement::PendingOf(id),
                });
            }
            left -= 1;
            left > 0
        });
        if left == 0 {
            self.after = last;
            return true;
        }
        // That was all of this list.
        self.after = None;
        if self.is_at_consumers {
            due.consumers.pop_front();
        }
        self.is_at_consumers = !due.consumers.is_empty();
        if !self.is_at_consumers {
            self.end_group(groups);
        }
        true
    }

    /// All of the first group that is due is handed over.
    fn end_group(&mut self, groups: &mut Groups) {
        let Some(due) = self.due.pop_front() else {
            return;
        };
        if let Some(gone) = self.gone.remove(&due.name) {
            self.spent.push(gone);
        } else if let Some(group) = groups.get_mut(&due.name) {
            let changes = group.before.0.take();
            self.spent_changes.extend(changes.map(|changes| *changes));
        }
    }

    /// Frees some of what is to be freed; `false` when nothing is left.
    fn free(&mut self) -> bool {
        if let Some(changes) = self.spent_changes.last_mut() {
            for _ in 0..STEP {
                changes.of.pop_last();
                if changes.was.pop_last().is_none() {
                    self.spent_changes.pop();
                    break;
                }
            }
            return true;
        }
        let Some(spent) = self.spent.last_mut() else {
            return false;
        };
        if spent.free_step(STEP) == 0 {
            self.spent.pop();
        }
        true
    }
}

impl Group {
    /// Passes on what was pending at the cut, in the group or at a consumer, behind an id, until
    /// it is told to stop: also ids that were not, as none.
    fn each_at_cut(
        &self,
        consumer: Option<ConsumerSlot>,
        after: Option<Id>,
        mut pass: impl FnMut(Id, Option<Pending>) -> bool,
    ) {
        let Some(changed) = &self.before.0 else {
            return;
        };
        let from = after.map_or(Bound::Included(Id::MIN), Bound::Excluded);
        let range = (from, Bound::Included(changed.last));
        if after.is_some_and(|after| after >= changed.last) {
            return;
        }
        match consumer {
            None => {
                let mut now = self.pending.range(range).peekable();
                let mut was = changed.was.range(range).peekable();
                loop {
                    let (id, pending) = match (now.peek(), was.peek()) {
                        (Some((now_id, _)), Some((was_id, _))) if now_id >= was_id => {
                            if now_id == was_id {
                                now.next();
                            }
                            let (id, pending) = was.next().expect("it was looked at");
                            (*id, *pending)
                        }
                        (Some(_), _) => {
                            let (id, pending) = now.next().expect("it was looked at");
                            (*id, Some(*pending))
                        }
                        (None, Some(_)) => {
                            let (id, pending) = was.next().expect("it was looked at");
                            (*id, *pending)
                        }
                        (None, None) => return,
                    };
                    if !pass(id, pending) {
                        return;
                    }
                }
            }
            Some(slot) => {
                let here = self.consumers.find_slot(slot);
                let here = here.into_iter().flat_map(|own| own.pending.range(range));
                let here = here.map(|id| (*id, changed.was.contains_key(id)));
                let mut here = here.peekable();
                let gone_from = match from {
                    Bound::Excluded(after) => Bound::Excluded((slot, after)),
                    _ => Bound::Included((slot, Id::MIN)),
                };
                let gone_range = (gone_from, Bound::Included((slot, changed.last)));
                let mut gone = changed.of.range(gone_range).peekable();
                let none = Pending {
                    consumer: slot,
                    delivered_at: 0,
                    deliveries: 0,
                };
                loop {
                    let (id, pending) = match (here.peek(), gone.peek()) {
                        (Some((here_id, _)), Some((_, gone_id))) if here_id >= gone_id => {
                            if here_id == gone_id {
                                here.next();
                            }
                            (gone.next().expect("it was looked at").1, Some(none))
                        }
                        (Some(_), _) => {
                            // One that has changed is told of where it was.
                            let (id, has_changed) = here.next().expect("it was looked at");
                            (id, (!has_changed).then_some(none))
                        }
                        (None, Some(_)) => (gone.next().expect("it was looked at").1, Some(none)),
                        (None, None) => return,
                    };
                    if !pass(id, pending) {
                        return;
                    }
                }
            }
        }
    }
}
