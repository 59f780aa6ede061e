//! A node of either kind.

use super::around::Around;
use super::basalt::{Basalt, Disk};
use super::book::Point;
use super::stock::Stock;
use super::world::Unit;
use crate::replication::tests::story::Applied;
use crate::replication::{Resume, Succession};

pub(super) enum Node {
    Basalt(Box<Basalt>),
    Stock(Box<Stock>),
}

/// The same of either.
macro_rules! both {
    ($node:expr, $it:ident => $done:expr) => {
        match $node {
            Node::Basalt($it) => $done,
            Node::Stock($it) => $done,
        }
    };
}

impl Node {
    pub(super) fn start(place: usize, disk: Disk, around: &mut Around) -> Node {
        match disk.is_stock {
            true => Node::Stock(Box::new(Stock::start(place, disk, around))),
            false => Node::Basalt(Box::new(Basalt::start(place, disk, around))),
        }
    }

    pub(super) fn me(&self) -> usize {
        both!(self, node => node.me)
    }

    pub(super) fn disk(&self) -> &Disk {
        both!(self, node => &node.disk)
    }

    pub(super) fn into_disk(self) -> Disk {
        both!(self, node => node.disk)
    }

    pub(super) fn data(&self) -> &Applied {
        both!(self, node => &node.data)
    }

    pub(super) fn step(&mut self, around: &mut Around) {
        both!(self, node => node.step(around));
    }

    pub(super) fn sight(&self) -> Option<(Point, u64)> {
        both!(self, node => node.sight())
    }

    pub(super) fn is_settled(&self) -> bool {
        both!(self, node => node.is_settled())
    }

    pub(super) fn state(&self) -> String {
        both!(self, node => node.state())
    }

    pub(super) fn write(&mut self, around: &mut Around, unit: &Unit) -> bool {
        both!(self, node => node.write(around, unit))
    }

    pub(super) fn wait(&mut self, around: &mut Around, replicas: usize) {
        both!(self, node => node.wait(around, replicas));
    }

    pub(super) fn follow(&mut self, around: &mut Around, place: usize) {
        both!(self, node => node.follow(around, place));
    }

    pub(super) fn unfollow(&mut self, around: &mut Around) {
        both!(self, node => node.unfollow(around));
    }

    /// FAILOVER, of nodes that do that here; whether it begins.
    pub(super) fn hand_over(&mut self, around: &mut Around, succession: Succession) -> bool {
        match self {
            Node::Basalt(node) => node.fail_over(around, succession),
            Node::Stock(_) => false,
        }
    }

    /// FAILOVER ABORT; whether there is something to abort.
    pub(super) fn abort(&mut self, around: &mut Around) -> bool {
        match self {
            Node::Basalt(node) => node.abort_failover(around),
            Node::Stock(_) => false,
        }
    }

    /// Whether who is there may go on with the node's stream.
    pub(super) fn continues(&self, at: Point) -> bool {
        let from = at.offset + 1;
        match self {
            Node::Basalt(node) => {
                let resume = Resume { id: at.id, from };
                let backlog = node.primary.backlog();
                node.primary.history().continues(&resume, backlog)
            }
            Node::Stock(node) => node.continues(at.id, from),
        }
    }

    pub(super) fn save(&mut self, around: &mut Around) {
        match self {
            Node::Basalt(node) => node.save(around),
            Node::Stock(node) => node.save(),
        }
    }

    pub(super) fn leads(&self) -> bool {
        match self {
            Node::Basalt(node) => node.leads(),
            Node::Stock(node) => node.follows_nobody(),
        }
    }

    /// Whether it refuses what operators say.
    pub(super) fn is_deaf(&self) -> bool {
        match self {
            Node::Basalt(node) => node.is_failing_over(),
            Node::Stock(node) => node.is_loading(),
        }
    }

    /// Whether it has let go of every primary.
    pub(super) fn follows_nobody(&self) -> bool {
        match self {
            Node::Basalt(node) => node.follower.primary().is_none(),
            Node::Stock(node) => node.follows_nobody(),
        }
    }

    /// Of how much of a history it is.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Node::Basalt(node) => node.primary.history().offset,
            Node::Stock(node) => node.sight().map_or(0, |(at, _)| at.offset),
        }
    }

    pub(super) fn protect(&mut self, around: &Around, protects: bool) {
        if let Node::Basalt(node) = self {
            node.protect(around, protects);
        }
    }

    /// Where it began with its file, if it keeps replicas from before that from losing what
    /// they have.
    pub(super) fn guards(&self) -> Option<Option<Point>> {
        match self {
            Node::Basalt(node) if !node.was_linked && node.disk.protects => Some(node.began_at),
            Node::Basalt(_) | Node::Stock(_) => None,
        }
    }
}
