//! A walk over the entries between two ids, in either direction.

use super::id::Id;
use super::node::{Entry, Head, Node};
use super::nodes::{Nodes, Place};
use crate::value::listpack::Position;

/// Which way a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the oldest to the newest.
    Forward,
    Backward,
}

/// See [`Entries::range`](super::Entries::range).
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    nodes: &'a Nodes,
    start: Id,
    end: Id,
    direction: Direction,
    /// The node the walk is in; none at its end.
    page: Option<Page<'a>>,
}

/// A node during a walk.
#[derive(Clone, Debug)]
struct Page<'a> {
    place: Place,
    node: &'a Node,
    head: Head,
    mark: Mark,
}

/// How far a walk has come in its node.
#[derive(Clone, Copy, Debug)]
enum Mark {
    /// The next entry stands here; none at the node's end.
    At(Option<Position>),
    /// The next entry ends before this; none is the node's end.
    Before(Option<Position>),
}

impl<'a> Walk<'a> {
    /// Over the entries from `start` through `end`.
    pub(super) fn new(nodes: &'a Nodes, start: Id, end: Id, direction: Direction) -> Self {
        let mut walk = Self {
            nodes,
            start,
            end,
            direction,
            page: None,
        };
        if start <= end {
            let place = match direction {
                Direction::Forward => nodes.find(start).or_else(|| nodes.first()),
                Direction::Backward => nodes.find(end),
            };
            walk.page = place.map(|place| walk.page(place));
        }
        walk
    }

    fn page(&self, place: Place) -> Page<'a> {
        let node = self.nodes.get(place);
        let head = node.head();
        let mark = match self.direction {
            Direction::Forward => Mark::At(head.entries_at),
            Direction::Backward => Mark::Before(None),
        };
        Page {
            place,
            node,
            head,
            mark,
        }
    }

    /// Goes on to the next node.
    fn turn(&mut self, place: Place) {
        let place = match self.direction {
            Direction::Forward => self.nodes.next(place),
            Direction::Backward => self.nodes.previous(place),
        };
        self.page = place.map(|place| self.page(place));
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let page = self.page.as_mut()?;
            let node = page.node;
            let placed = match page.mark {
                Mark::At(at) => at.map(|at| node.read(&page.head, at)),
                Mark::Before(end) => node.read_before(&page.head, end),
            };
            let Some(placed) = placed else {
                let place = page.place;
                self.turn(place);
                continue;
            };
            page.mark = match page.mark {
                Mark::At(_) => Mark::At(node.after(&placed)),
                Mark::Before(_) => Mark::Before(Some(placed.at)),
            };
            // Its id says nothing of where the walk is.
            if placed.is_deleted {
                continue;
            }
            let id = placed.entry.id;
            let is_over = match self.direction {
                Direction::Forward => id > self.end,
                Direction::Backward => id < self.start,
            };
            if is_over {
                self.page = None;
                return None;
            }
            if (self.start..=self.end).contains(&id) {
                return Some(placed.entry);
            }
        }
    }
}
